#include "typed.hpp"

#include <gtest/gtest.h>

#include "call.hpp"
#include "text.hpp"

namespace reeve::object {
namespace {

enum class Colour { red, green };
BOOST_DESCRIBE_ENUM(Colour, red, green)

struct Inner {
  std::uint8_t small = 0;
  Colour colour = Colour::red;
  bool operator==(const Inner&) const = default;
};
BOOST_DESCRIBE_STRUCT(Inner, (), (small, colour))

struct Outer {
  bool flag = false;
  std::int32_t number = 0;
  double real = 0;
  std::string text;
  Data data;
  std::optional<std::string> maybe;
  std::vector<Inner> list;
  std::map<std::string, std::int64_t> table;
  bool operator==(const Outer&) const = default;
};
BOOST_DESCRIBE_STRUCT(Outer, (), (flag, number, real, text, data, maybe, list, table))

// Told of rarely.
struct Settings {
  std::int32_t volume = 5;
  std::string name;
  std::vector<std::string> list;
  bool operator==(const Settings&) const = default;
};
BOOST_DESCRIBE_STRUCT(Settings, (), (volume, name, list))

// Known in part.
struct Letter {
  std::string text;
};
BOOST_DESCRIBE_STRUCT(Letter, (), (text))

enum class Weather { sun, rain, unknown };
BOOST_DESCRIBE_ENUM(Weather, sun, rain, unknown)

}  // namespace
template <>
inline constexpr bool kOmitsDefaults<Settings> = true;
template <>
inline constexpr bool kToleratesUnknown<Letter> = true;
namespace {

struct Page {
  File file;
};
BOOST_DESCRIBE_STRUCT(Page, (), (file))

Outer sample() {
  return {true,      -5, 2.5, "text", Data{{std::byte{1}}}, std::nullopt, {{7, Colour::green}, {8, Colour::red}},
          {{"a", 1}}};
}

// The message of the error that a change to the sample leads to.
template <class Change>
std::string fault_after(Change change) {
  Object object = to_object(sample());
  change(*object.get<Dictionary>());
  const auto decoded = from_object<Outer>(object);
  return decoded ? "decoded" : decoded.error().message;
}

Dictionary& first_of_list(Dictionary& outer) { return *outer.find("list")->get<Array>()->front().get<Dictionary>(); }

TEST(Typed, FaultsNameTheirPath) {
  EXPECT_EQ(fault_after([](Dictionary& d) { d.set("number", Object("six")); }), "number: expected int32, got string");
  EXPECT_EQ(fault_after([](Dictionary& d) { d.set("number", Object(std::int64_t{1} << 40)); }),
            "number: expected int32, got 1099511627776");
  EXPECT_EQ(fault_after([](Dictionary& d) { first_of_list(d).set("small", Object(256)); }),
            "list[0].small: expected uint8, got 256");
  EXPECT_EQ(fault_after([](Dictionary& d) { first_of_list(d).set("small", Object(-1)); }),
            "list[0].small: expected uint8, got -1");
  EXPECT_EQ(fault_after([](Dictionary& d) { first_of_list(d).set("colour", Object("blue")); }),
            "list[0].colour: no enumerator is called \"blue\"");
  EXPECT_EQ(fault_after([](Dictionary& d) { d.set("table", Object(Dictionary{{"a", Object(true)}})); }),
            "table.a: expected int64, got bool");
  EXPECT_EQ(fault_after([](Dictionary& d) { d.set("real", Object(1)); }), "real: expected double, got int64");
  EXPECT_EQ(fault_after([](Dictionary& d) { d.set("extra", Object(1)); }), "extra: unknown field");
  EXPECT_EQ(fault_after([](Dictionary& d) { first_of_list(d).set("x", Object()); }), "list[0].x: unknown field");
  EXPECT_EQ(fault_after([](Dictionary& d) { d.set("maybe", Object(1)); }), "maybe: expected string, got int64");
}

TEST(Typed, AMissingFieldIsAFaultUnlessItIsOptional) {
  Object object = to_object(sample());
  Dictionary smaller;
  for (const auto& [key, value] : *object.get<Dictionary>()) {
    if (key != "text") smaller.set(key, value);
  }
  const auto decoded = from_object<Outer>(Object(smaller));
  ASSERT_FALSE(decoded);
  EXPECT_EQ(decoded.error().message, "text: missing");
  EXPECT_EQ(decoded.error().kind, Kind::invalid);
}

TEST(Typed, ComesBackAsItWas) {
  EXPECT_EQ(*from_object<Outer>(to_object(sample())), sample());
  EXPECT_EQ(to_object(sample()).get<Dictionary>()->find("maybe"), nullptr);
}

TEST(Typed, WhatIsAsItIsByDefaultNeedNotBeThere) {
  const Settings usual;
  EXPECT_EQ(to_object(usual).get<Dictionary>()->count(), 0U);
  EXPECT_EQ(*from_object<Settings>(Object(Dictionary{})), usual);
  const Settings loud{0, "", {"a"}};
  const Object object = to_object(loud);
  EXPECT_EQ(object.get<Dictionary>()->count(), 2U);
  EXPECT_EQ(*from_object<Settings>(object), loud);
  EXPECT_EQ(from_object<Settings>(Object(Dictionary{{"volum", Object(1)}})).error().message, "volum: unknown field");
  EXPECT_EQ(from_object<Settings>(Object(Dictionary{{"name", Object(1)}})).error().message,
            "name: expected string, got int64");
}

TEST(Typed, WhatToleratesUnknownFieldsIsReadAllTheSame) {
  const Dictionary more{{"text", Object("dear")}, {"stamp", Object(5)}};
  EXPECT_EQ(from_object<Letter>(Object(more))->text, "dear");
  EXPECT_FALSE(from_object<Letter>(Object(Dictionary{{"stamp", Object(5)}}))) << "what it knows must be there";
}

TEST(Typed, AnOpenEnumIsReadAsUnknown) {
  EXPECT_EQ(from_object<Weather>(Object("rain")), Weather::rain);
  EXPECT_EQ(from_object<Weather>(Object("hail")), Weather::unknown);
  EXPECT_FALSE(from_object<Weather>(Object(5)));
}

TEST(Typed, AnIntegerMayCarryEitherTag) {
  EXPECT_EQ(*from_object<std::uint32_t>(Object(std::int64_t{5})), 5U);
  EXPECT_EQ(*from_object<std::int32_t>(Object(std::uint64_t{5})), 5);
  EXPECT_FALSE(from_object<std::int64_t>(Object(std::uint64_t{1} << 63U)));
}

TEST(Typed, ADescriptorMustBeOfItsDeclaredKindAndOpenForIt) {
  const auto fd = std::make_shared<const os::Fd>();
  const auto fault = [&](os::DescriptorKind kind, os::Access access) {
    const auto page = from_object<Page>(Object(Dictionary{{"file", Object(Descriptor{fd, kind, access})}}));
    return page ? "decoded" : page.error().message;
  };
  EXPECT_EQ(fault(os::DescriptorKind::pipe, os::Access::read), "file: expected a descriptor of kind file, got pipe");
  EXPECT_EQ(fault(os::DescriptorKind::file, os::Access::write),
            "file: the descriptor is not open for what its field needs");
  EXPECT_EQ(fault(os::DescriptorKind::file, os::Access::read_write), "decoded");
}

TEST(Call, RefusesWhatIsNone) {
  EXPECT_FALSE(parse_call(Dictionary{}));
  EXPECT_FALSE(parse_call(Dictionary{{"method", Object("m")}}));
  EXPECT_FALSE(parse_call(Dictionary{{"method", Object(1)}, {"arguments", Object(Array{})}}));
  EXPECT_FALSE(parse_call(Dictionary{{"method", Object("m")}, {"arguments", Object(Array{})}, {"more", Object(1)}}));
  EXPECT_FALSE(parse_value(Dictionary{{"value", Object(1)}, {"more", Object(1)}}));
}

TEST(Call, CarriesErrorsWhole) {
  const Error error{Kind::busy, 17, "too much", "wait"};
  EXPECT_EQ(parse_error(error_message(error)), error);
  EXPECT_EQ(parse_error(Dictionary{{"error", Object("no")}}).code, code::kBadBody);
}

TEST(Text, RefusesWhatIsNone) {
  for (const char* text : {"=", "AAA", "A===", "AA=A", "A*AA"}) EXPECT_FALSE(data_from_base64(text)) << text;
  for (const char* text : {"2026-02-30T00:00:00Z", "2026-01-01T24:00:00Z", "2026-01-01", "2026-01-01T00:00:00", "x",
                           "2026-01-01T00:00:00.Z", "9999-01-01T00:00:00Z"}) {
    EXPECT_FALSE(date_from_rfc3339(text)) << text;
  }
  for (const char* text : {"", "01234567-89ab-cdef-fedc-ba987654321", "01234567x89ab-cdef-fedc-ba9876543210"}) {
    EXPECT_FALSE(uuid_from_text(text)) << text;
  }
}

TEST(Text, ComesBackAsItWas) {
  EXPECT_EQ(base64_of(*data_from_base64("3q2+70I=")), "3q2+70I=");
  EXPECT_EQ(rfc3339_of(*date_from_rfc3339("1969-12-31T23:59:59.5Z")), "1969-12-31T23:59:59.5Z");
  EXPECT_EQ(text_of(*uuid_from_text("01234567-89AB-cdef-fedc-ba9876543210")), "01234567-89ab-cdef-fedc-ba9876543210");
}

}  // namespace
}  // namespace reeve::object
