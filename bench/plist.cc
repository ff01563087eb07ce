// Binary property lists and keyed archives, beside libplist on the same bytes. `memory`: what the result holds on the
// heap, in times of the input.
#include <benchmark/benchmark.h>
#include <malloc.h>
#include <plist/plist.h>

#include <string>

#include "../src/archive/archive.hpp"
#include "../src/plist/property_list.hpp"
#include "../src/plist/writer.hpp"

namespace {

using reeve::Array;
using reeve::Data;
using reeve::Dictionary;
using reeve::Object;
using reeve::plist::PropertyList;
using reeve::plist::Value;
using reeve::plist::ValueType;

Object person(int i) {
  const std::string number = std::to_string(i);
  return Object(Dictionary{{"active", Object(i % 2 == 0)},
                           {"balance", Object(i * 7919)},
                           {"city", Object("Kyoto " + std::to_string(i % 50))},
                           {"created", Object(reeve::Date{std::chrono::seconds(1'759'752'000 + i)})},
                           {"email", Object("someone." + number + "@example.org")},
                           {"height", Object(1.5 + i % 100 / 100.0)},
                           {"name", Object("Some One the " + number)},
                           {"picture", Object(Data(std::vector<std::byte>(24, static_cast<std::byte>(i))))},
                           {"tags", Object(Array{Object("red"), Object("green"), Object("blue")})},
                           {"verified", Object(false)}});
}

// One dictionary of ten keys; a thousand of them; and five thousand keys, each with its text.
const std::vector<Object>& samples() {
  static const std::vector<Object> all = [] {
    Array people;
    for (int i = 0; i < 1000; ++i) people.push_back(person(i));
    Dictionary strings;
    for (int i = 0; i < 5000; ++i) {
      strings.set("Message number " + std::to_string(i), Object("What it says in some language, " + std::to_string(i)));
    }
    return std::vector<Object>{person(0), Object(std::move(people)), Object(std::move(strings))};
  }();
  return all;
}
constexpr const char* kNames[] = {"10 keys", "1,000 of them", "5,000 texts"};

const std::vector<std::byte>& bytes_of(std::int64_t sample) {
  static const std::vector<std::vector<std::byte>> all = [] {
    std::vector<std::vector<std::byte>> bytes;
    for (const Object& each : samples()) bytes.push_back(reeve::plist::encode(each).value());
    return bytes;
  }();
  return all[static_cast<std::size_t>(sample)];
}

std::size_t allocated() { return mallinfo2().uordblks + mallinfo2().hblkhd; }

template <class Make>
void measure(benchmark::State& state, std::size_t input, Make make) {
  const std::size_t before = allocated();
  {
    const auto held = make();
    state.counters["memory"] = static_cast<double>(allocated() - before) / static_cast<double>(input);
  }
  for (auto _ : state) {
    auto made = make();
    benchmark::DoNotOptimize(made);
  }
  state.SetBytesProcessed(static_cast<std::int64_t>(state.iterations()) * static_cast<std::int64_t>(input));
  state.SetLabel(kNames[state.range(0)]);
}

// Every value of it is looked at.
std::size_t walk(const Value& value) {
  const bool is_dictionary = value.type() == ValueType::dictionary;
  if (!is_dictionary && value.type() != ValueType::array) {
    if (value.type() == ValueType::string) return value.plain_text() ? value.plain_text()->size() : value.count();
    return value.type() == ValueType::integer ? value.integer().bits & 1U : 1U;
  }
  std::size_t sum = 0;
  const std::size_t count = value.count();
  for (std::size_t i = 0; i < count; ++i) {
    if (is_dictionary) sum += value.key(i).plain_text()->size();
    sum += walk(value.value(i));
  }
  return sum;
}

// From here on it can be read, as libplist's tree can.
void reeve_check(benchmark::State& state) {
  const auto& bytes = bytes_of(state.range(0));
  measure(state, bytes.size(), [&] { return PropertyList::check(Data(bytes, nullptr, 0)); });
}
BENCHMARK(reeve_check)->DenseRange(0, 2);

void reeve_check_and_walk(benchmark::State& state) {
  const auto& bytes = bytes_of(state.range(0));
  measure(state, bytes.size(), [&] {
    auto list = PropertyList::check(Data(bytes, nullptr, 0));
    benchmark::DoNotOptimize(walk(list->root()));
    return list;
  });
}
BENCHMARK(reeve_check_and_walk)->DenseRange(0, 2);

void reeve_object(benchmark::State& state) {
  const auto& bytes = bytes_of(state.range(0));
  measure(state, bytes.size(), [&] { return reeve::plist::decode(Data(bytes, nullptr, 0)); });
}
BENCHMARK(reeve_object)->DenseRange(0, 2);

struct Libplist {
  plist_t list = nullptr;
  Libplist() = default;
  Libplist(const Libplist&) = delete;
  Libplist& operator=(const Libplist&) = delete;
  Libplist(Libplist&& other) noexcept : list(std::exchange(other.list, nullptr)) {}
  Libplist& operator=(Libplist&&) = delete;
  ~Libplist() { plist_free(list); }
};

Libplist parsed_by_libplist(const std::vector<std::byte>& bytes) {
  Libplist parsed;
  plist_from_bin(reinterpret_cast<const char*>(bytes.data()), static_cast<std::uint32_t>(bytes.size()), &parsed.list);
  return parsed;
}

void libplist_tree(benchmark::State& state) {
  const auto& bytes = bytes_of(state.range(0));
  measure(state, bytes.size(), [&] { return parsed_by_libplist(bytes); });
}
BENCHMARK(libplist_tree)->DenseRange(0, 2);

void reeve_encode(benchmark::State& state) {
  const Object& object = samples()[static_cast<std::size_t>(state.range(0))];
  measure(state, bytes_of(state.range(0)).size(), [&] { return reeve::plist::encode(object); });
}
BENCHMARK(reeve_encode)->DenseRange(0, 2);

void libplist_encode(benchmark::State& state) {
  const auto& bytes = bytes_of(state.range(0));
  const Libplist parsed = parsed_by_libplist(bytes);
  measure(state, bytes.size(), [&] {
    char* out = nullptr;
    std::uint32_t size = 0;
    plist_to_bin(parsed.list, &out, &size);
    return std::unique_ptr<char, void (*)(char*)>(out, plist_to_bin_free);
  });
}
BENCHMARK(libplist_encode)->DenseRange(0, 2);

// The same people as an archive: a message with a name and a dictionary of ten keys, and a thousand dictionaries.
reeve::archive::Ref put(reeve::archive::Graph& graph, const Object& object) {
  if (const auto* dictionary = object.get<Dictionary>()) {
    reeve::archive::Map map;
    for (const auto& [key, value] : *dictionary) map.entries.emplace_back(graph.add(key), put(graph, value));
    return graph.add(std::move(map));
  }
  if (const auto* array = object.get<Array>()) {
    reeve::archive::List list;
    for (const Object& each : *array) list.items.push_back(put(graph, each));
    return graph.add(std::move(list));
  }
  if (const auto* text = object.get<std::string>()) return graph.add(*text);
  if (const auto* value = object.get<bool>()) return graph.add(*value);
  if (const auto* value = object.get<std::int64_t>())
    return graph.add(reeve::plist::Integer{static_cast<std::uint64_t>(*value)});
  if (const auto* value = object.get<double>()) return graph.add(*value);
  if (const auto* value = object.get<Data>()) return graph.add(*value);
  return graph.add(reeve::archive::Date{0.5});
}

reeve::archive::Graph graph_of(std::int64_t sample) {
  reeve::archive::Graph graph;
  graph.root = put(graph, samples()[static_cast<std::size_t>(sample)]);
  return graph;
}
const reeve::archive::Allowed kAllowed{"NSDictionary", "NSArray", "NSString", "NSNumber", "NSData", "NSDate"};

void reeve_archive_read(benchmark::State& state) {
  const auto bytes = reeve::archive::write(graph_of(state.range(0))).value();
  measure(state, bytes.size(), [&] { return reeve::archive::read(Data(bytes, nullptr, 0), kAllowed); });
}
BENCHMARK(reeve_archive_read)->DenseRange(0, 1);

void reeve_archive_write(benchmark::State& state) {
  const auto graph = graph_of(state.range(0));
  const std::size_t size = reeve::archive::write(graph)->size();
  measure(state, size, [&] { return reeve::archive::write(graph); });
}
BENCHMARK(reeve_archive_write)->DenseRange(0, 1);

}  // namespace

BENCHMARK_MAIN();
