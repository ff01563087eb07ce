// The codec held against bytes that others recorded, and against every small change of them.
#include <gtest/gtest.h>

#include <cstdio>
#include <cstring>
#include <fstream>
#include <nlohmann/json.hpp>

#include "../object/text.hpp"
#include "hex.hpp"
#include "wire.hpp"

namespace reeve::wire {
namespace {

// Values as JSON writes them in the vectors: numbers are int64 or double, the rest is tagged.
Object object_of(const nlohmann::json& json) {
  if (json.is_null()) return {};
  if (json.is_boolean()) return Object(json.get<bool>());
  if (json.is_number_integer()) return Object(json.get<std::int64_t>());
  if (json.is_number_float()) return Object(json.get<double>());
  if (json.is_string()) return Object(json.get<std::string>());
  if (json.is_array()) {
    Array array;
    for (const auto& value : json) array.push_back(object_of(value));
    return Object(array);
  }
  if (json.contains("$uint64"))
    return Object(static_cast<std::uint64_t>(std::stoull(json["$uint64"].get<std::string>())));
  if (json.contains("$date_ns")) return Object(Date{std::chrono::nanoseconds(json["$date_ns"].get<std::int64_t>())});
  if (json.contains("$data")) return Object(*object::data_from_base64(json["$data"].get<std::string>()));
  if (json.contains("$uuid")) return Object(*object::uuid_from_text(json["$uuid"].get<std::string>()));
  Dictionary dictionary;
  for (const auto& [key, value] : json.items()) dictionary.set(key, object_of(value));
  return Object(dictionary);
}

struct Recording {
  std::string name;
  std::vector<std::byte> bytes;
  Dictionary value;
};

std::vector<Recording> recordings() {
  const std::string path = std::string(REEVE_VECTORS) + "/xpc/standalone-25E253";
  std::ifstream lines(path + ".txt");
  std::vector<Recording> all;
  if (!lines) return all;
  nlohmann::json values;
  std::ifstream(path + ".values.json") >> values;
  for (std::string line; std::getline(lines, line);) {
    if (line.empty() || line.front() == '#') continue;
    const std::string name = line.substr(0, line.find(' '));
    const Object value = object_of(values.at(name));
    all.push_back({name, bytes_of_hex(line.substr(line.find(' '))), *value.get<Dictionary>()});
  }
  EXPECT_EQ(all.size(), values.size());
  return all;
}

#define OR_SKIP(all) \
  if ((all).empty()) GTEST_SKIP() << "the recordings of others are not here"

TEST(Vectors, DecodeToTheValuesBesideThemAndEncodeBackToTheSameBytes) {
  const auto all = recordings();
  OR_SKIP(all);
  std::size_t same = 0;
  std::size_t equal = 0;
  for (const Recording& r : all) {
    const auto decoded = decode(r.bytes, {});
    ASSERT_TRUE(decoded) << r.name << ": " << decoded.error().message;
    EXPECT_EQ(*decoded, r.value) << r.name;
    const auto encoded = encode(*decoded)->body.bytes;
    // Whoever recorded them writes the keys of a dictionary in the order of a hash: one has two keys.
    const bool is_same = encoded == r.bytes;
    EXPECT_TRUE(is_same || r.name == "nested") << r.name;
    EXPECT_EQ(*decode(encoded, {}), r.value) << r.name;
    (is_same ? same : equal) += 1;
  }
  std::printf("%zu recordings: %zu encode to the same bytes, %zu to an equal value\n", all.size(), same, equal);
}

// What happens to changed bytes: refused, or a value that encodes to those very bytes (or, where the keys stand out of
// order, to an equal value).
struct Tally {
  std::size_t refused = 0;
  std::size_t same = 0;
  std::size_t reordered = 0;

  void take(std::span<const std::byte> bytes, const std::string& what) {
    // From a place of exactly that size, so that the sanitisers see a step beyond it.
    const std::vector<std::byte> exact(bytes.begin(), bytes.end());
    const auto decoded = decode(exact, {});
    if (!decoded) {
      ++refused;
      EXPECT_FALSE(decoded.error().message.empty()) << what;
      return;
    }
    const auto encoded = encode(*decoded);
    ASSERT_TRUE(encoded) << what;
    if (encoded->body.bytes == exact) {
      ++same;
      return;
    }
    ++reordered;
    EXPECT_EQ(encoded->body.bytes.size(), exact.size()) << what;
    EXPECT_EQ(encode(*decode(encoded->body.bytes, {}))->body.bytes, encoded->body.bytes) << what;
    EXPECT_GT(decoded->count(), 1U) << what << ": only keys may stand elsewhere";
  }
};

TEST(Vectors, EveryPrefixFlippedBitAndEditedLengthIsRefusedOrMeansItself) {
  const auto all = recordings();
  OR_SKIP(all);
  Tally prefixes;
  Tally flips;
  Tally lengths;
  for (const Recording& r : all) {
    for (std::size_t size = 0; size < r.bytes.size(); ++size) {
      prefixes.take(std::span(r.bytes).first(size), r.name + ", prefix of " + std::to_string(size));
    }
    for (std::size_t bit = 0; bit < r.bytes.size() * 8; ++bit) {
      auto changed = r.bytes;
      changed[bit / 8] ^= static_cast<std::byte>(1U << bit % 8);
      flips.take(changed, r.name + ", bit " + std::to_string(bit));
    }
    // Every word, as if it were a length or a count, becomes every length near it and the most dreaded ones.
    for (std::size_t at = 8; at + 4 <= r.bytes.size(); at += 4) {
      std::uint32_t was = 0;
      std::memcpy(&was, &r.bytes[at], sizeof was);
      std::vector<std::uint32_t> edits{0, 0x7fffffff, 0x80000000, 0xfffffffc, 0xffffffff};
      for (std::uint32_t by = 1; by <= 64; ++by) edits.insert(edits.end(), {was + by, was - by});
      for (const std::uint32_t edit : edits) {
        if (edit == was) continue;
        auto changed = r.bytes;
        std::memcpy(&changed[at], &edit, sizeof edit);
        lengths.take(changed, r.name + ", word at " + std::to_string(at) + " as " + std::to_string(edit));
      }
    }
  }
  EXPECT_EQ(prefixes.same + prefixes.reordered, 0U);
  for (const auto& [name, tally] :
       {std::pair{"prefixes", &prefixes}, {"flipped bits", &flips}, {"lengths", &lengths}}) {
    std::printf("%s: %zu refused, %zu decode and encode to the same bytes, %zu to an equal value\n", name,
                tally->refused, tally->same, tally->reordered);
  }
}

}  // namespace
}  // namespace reeve::wire
