// What it costs to turn a dictionary of twelve keys into bytes and back, beside nlohmann's two binary forms of the same
// values.
#include <benchmark/benchmark.h>

#include <nlohmann/json.hpp>

#include "../src/vocab/result.hpp"
#include "../src/wire/wire.hpp"

namespace {

using reeve::Dictionary;
using reeve::Object;

Dictionary sample() {
  return {{"active", Object(true)},     {"balance", Object(-1234567)},    {"city", Object("Kyoto")},
          {"country", Object("Japan")}, {"created", Object(1759752000)},  {"email", Object("someone@example.org")},
          {"height", Object(1.75)},     {"id", Object(9007199254740993)}, {"level", Object(42)},
          {"name", Object("Some One")}, {"score", Object(99.5)},          {"verified", Object(false)}};
}

nlohmann::json sample_json() {
  return {{"active", true},     {"balance", -1234567},    {"city", "Kyoto"},
          {"country", "Japan"}, {"created", 1759752000},  {"email", "someone@example.org"},
          {"height", 1.75},     {"id", 9007199254740993}, {"level", 42},
          {"name", "Some One"}, {"score", 99.5},          {"verified", false}};
}

void reeve_encode(benchmark::State& state) {
  const Dictionary value = sample();
  reeve::object::Pieces body;
  std::vector<reeve::object::Attachment> attachments;
  for (auto _ : state) {
    REEVE_INVARIANT(reeve::wire::encode(value, body, attachments));
    benchmark::DoNotOptimize(body.bytes.data());
  }
}
BENCHMARK(reeve_encode);

// Every byte checked, and every key and value looked at.
void reeve_decode(benchmark::State& state) {
  const auto encoded = *reeve::wire::encode(sample());
  for (auto _ : state) {
    const auto body = reeve::wire::Body::check(reeve::Data(encoded.body.bytes, nullptr, 0), {});
    REEVE_INVARIANT(body);
    for (const auto& [key, value] : body->root()) {
      benchmark::DoNotOptimize(key.size());
      if (const auto text = value.get<std::string_view>()) {
        benchmark::DoNotOptimize(text->size());
      } else if (const auto number = value.get<std::int64_t>()) {
        benchmark::DoNotOptimize(*number);
      } else if (const auto real = value.get<double>()) {
        benchmark::DoNotOptimize(*real);
      } else {
        benchmark::DoNotOptimize(value.get<bool>());
      }
    }
  }
}
BENCHMARK(reeve_decode);

// The same into a Dictionary that owns what it holds, as the others make one.
void reeve_decode_owned(benchmark::State& state) {
  const auto encoded = *reeve::wire::encode(sample());
  for (auto _ : state) {
    auto value = reeve::wire::decode(encoded.body.bytes, {});
    REEVE_INVARIANT(value);
    benchmark::DoNotOptimize(value->count());
  }
}
BENCHMARK(reeve_decode_owned);

template <auto kEncode>
void nlohmann_encode(benchmark::State& state) {
  const nlohmann::json value = sample_json();
  std::vector<std::uint8_t> bytes;
  for (auto _ : state) {
    bytes.clear();
    kEncode(value, bytes);
    benchmark::DoNotOptimize(bytes.data());
  }
}
template <auto kEncode, auto kDecode>
void nlohmann_decode(benchmark::State& state) {
  std::vector<std::uint8_t> bytes;
  kEncode(sample_json(), bytes);
  for (auto _ : state) {
    auto value = kDecode(bytes);
    benchmark::DoNotOptimize(value.size());
  }
}

using Bytes = std::vector<std::uint8_t>;
void to_cbor(const nlohmann::json& value, Bytes& bytes) { nlohmann::json::to_cbor(value, bytes); }
void to_msgpack(const nlohmann::json& value, Bytes& bytes) { nlohmann::json::to_msgpack(value, bytes); }
nlohmann::json from_cbor(const Bytes& bytes) { return nlohmann::json::from_cbor(bytes); }
nlohmann::json from_msgpack(const Bytes& bytes) { return nlohmann::json::from_msgpack(bytes); }

BENCHMARK(nlohmann_encode<to_cbor>)->Name("nlohmann_cbor_encode");
BENCHMARK(nlohmann_decode<to_cbor, from_cbor>)->Name("nlohmann_cbor_decode");
BENCHMARK(nlohmann_encode<to_msgpack>)->Name("nlohmann_messagepack_encode");
BENCHMARK(nlohmann_decode<to_msgpack, from_msgpack>)->Name("nlohmann_messagepack_decode");

}  // namespace

BENCHMARK_MAIN();
