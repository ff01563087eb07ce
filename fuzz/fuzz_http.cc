// Frames around messages: the first byte says in pieces of which size the rest comes. Whole or in pieces, the bodies
// are the same; and each frame is one that is read again to the same.
#include <algorithm>
#include <cstdint>
#include <string>
#include <vector>

#include "../src/http/frame.hpp"
#include "../src/http/head.hpp"
#include "../src/os/process.hpp"

namespace {

using namespace reeve;

struct Outcome {
  std::vector<std::string> bodies;
  bool is_refused = false;
  friend bool operator==(const Outcome&, const Outcome&) = default;
};

Outcome read(std::span<const std::byte> stream, std::size_t piece) {
  constexpr std::size_t kBodyMax = 1024 * 1024;
  Outcome outcome;
  http::FrameReader reader(kBodyMax);
  while (!stream.empty()) {
    auto bytes = stream.first(std::min(piece, stream.size()));
    stream = stream.subspan(bytes.size());
    while (!bytes.empty()) {
      const auto body = reader.take(bytes);
      if (!body) {
        outcome.is_refused = true;
        return outcome;
      }
      REEVE_INVARIANT(reader.held() <= 2 * kBodyMax);
      if (*body) {
        outcome.bodies.emplace_back(reinterpret_cast<const char*>((*body)->bytes().data()), (*body)->size());
      }
    }
  }
  return outcome;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const auto stream = std::as_bytes(std::span(data, size)).subspan(1);
  const Outcome whole = read(stream, SIZE_MAX);
  const Outcome pieces = read(stream, 1 + data[0]);
  REEVE_INVARIANT(whole == pieces);
  std::string again;
  for (const std::string& body : whole.bodies) again += http::head_of(body.size()) + body;
  REEVE_INVARIANT(read(std::as_bytes(std::span(again)), 7).bodies == whole.bodies);
  return 0;
}
