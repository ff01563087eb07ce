// What the broker makes of a client's packet, body to request; and what the others make of the broker's.
#include <cstdint>

#include "../src/broker/kept.hpp"
#include "../src/contract/broker.hpp"
#include "../src/contract/spawner.hpp"
#include "../src/contract/supervisor.hpp"
#include "../src/wire/wire.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace reeve;
  const auto bytes = std::as_bytes(std::span(data, size));
  if (const auto message = wire::decode(bytes, {})) {
    (void)contract::decode_request(*message);
    (void)contract::decode_taken(*message);
    (void)object::parse_error(*message);
  }
  if (const auto request = contract::decode_line<contract::SpawnerRequest>(bytes)) {
    (void)contract::decode_launch(*request);
    (void)contract::decode_watch(*request);
  }
  (void)contract::decode_line<contract::SpawnerEvent>(bytes);
  (void)contract::decode_line<contract::SupervisorRequest>(bytes);
  (void)broker::decode_kept(std::string_view(reinterpret_cast<const char*>(data), size));
  return 0;
}
