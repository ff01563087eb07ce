#include "wire.hpp"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "../vocab/bounds.hpp"
#include "hex.hpp"

namespace reeve::wire {
namespace {

const std::string kEnvelope = "42371342 05000000 ";

std::string fault_of(const std::string& hex, std::size_t descriptor_count = 0) {
  const std::vector<object::Attachment> descriptors(descriptor_count,
                                                    object::Descriptor{std::make_shared<const os::Fd>()});
  const auto decoded = decode(bytes_of_hex(hex), descriptors);
  return decoded ? "decoded" : decoded.error().message;
}

// A dictionary with the one key "v" around a value.
std::string with_value(const std::string& hex) {
  const std::size_t size = bytes_of_hex(hex).size() + 8;
  char head[64];
  std::snprintf(head, sizeof head, "00f00000 %02zx%02zx0000 01000000 76000000 ", size & 0xffU, size >> 8U);
  return kEnvelope + head + hex;
}

TEST(Decode, RefusesEveryMalformedBodyWithItsPosition) {
  struct Case {
    std::string hex;
    const char* fault;
  };
  const Case cases[] = {
      {"", "byte 0: the body ends in the middle of a value"},
      {"42371343 05000000", "byte 0: not the magic 42 37 13 42"},
      {"42371342 06000000", "byte 4: not version 5"},
      {kEnvelope + "00e00000 04000000 00000000", "byte 8: the root is not a dictionary"},
      {kEnvelope + "00f00000 04000000 00000000 00", "byte 20: bytes follow the root"},
      {kEnvelope + "00f00000 05000000 00000000", "byte 12: a container's length exceeds the body"},
      {kEnvelope + "00f00000 03000000 00000000", "byte 12: a container has no room for its count"},
      {kEnvelope + "00f00000 04000000 01000000", "byte 16: a container's count exceeds its length"},
      {kEnvelope + "00f00000 04000000 ffffffff", "byte 16: a container's count exceeds its length"},
      {with_value("00200000 02000000"), "byte 28: a bool is neither 0 nor 1"},
      {with_value("00600000 00000000"), "byte 24: an unknown tag"},
      {with_value("00900000 00000000"), "byte 28: a string has no room for its NUL"},
      {with_value("00900000 04000000 61626364"), "byte 36: a string does not end in NUL"},
      {with_value("00900000 04000000 61006200"), "byte 36: a string is not UTF-8 or holds a NUL"},
      {with_value("00900000 03000000 c0800000"), "byte 36: a string is not UTF-8 or holds a NUL"},
      {with_value("00900000 02000000 61000001"), "byte 35: padding is not zero"},
      {with_value("00800000 ffffffff"), "byte 32: a length exceeds the body"},
      {with_value("00800000 02000000 0102"), "byte 32: a length exceeds the body"},
      {with_value("00b00000"), "byte 28: the body uses more descriptors than came"},
      {kEnvelope + "00f00000 14000000 02000000 76000000 00100000 76000000 00100000",
       "byte 36: a dictionary holds a key twice"},
      {kEnvelope + "00f00000 0c000000 01000000 76767676 76767676", "byte 20: a key does not end in NUL"},
      {kEnvelope + "00f00000 10000000 01000000 76000000 00100000 00000000",
       "byte 28: a container's length is not that of its elements"},
  };
  for (const Case& c : cases) EXPECT_EQ(fault_of(c.hex), c.fault) << c.hex;
  EXPECT_EQ(fault_of(with_value("00b00000"), 2), "byte 28: more descriptors came than the body uses");
  EXPECT_EQ(fault_of(kEnvelope + "00f00000 04000000 00000000", 1), "byte 20: more descriptors came than the body uses");
}

Dictionary nested(std::size_t depth) {
  Object value(1);
  for (std::size_t i = 1; i < depth; ++i) value = Object(Array{value});
  return Dictionary{{"v", value}};
}

TEST(Decode, NestsUpTo32LevelsAndNoFurther) {
  const auto deepest = encode(nested(kDepthMax));
  ASSERT_TRUE(deepest);
  EXPECT_TRUE(decode(deepest->body.bytes, {}));
  const auto too_deep = encode(nested(kDepthMax + 1));
  ASSERT_FALSE(too_deep);
  EXPECT_EQ(too_deep.error().code, code::kTooLarge);
  // One more array than the encoder would write, around the deepest it does.
  std::string hex = "00100000";
  for (std::size_t i = 0; i < kDepthMax; ++i) {
    char head[64];
    std::snprintf(head, sizeof head, "00e00000 %02zx%02zx0000 01000000 ", (bytes_of_hex(hex).size() + 4) & 0xffU,
                  (bytes_of_hex(hex).size() + 4) >> 8U);
    hex = head + hex;
  }
  EXPECT_NE(fault_of(with_value(hex)).find("nest deeper than 32"), std::string::npos);
}

TEST(Encode, RefusesTextThatIsNone) {
  EXPECT_FALSE(encode(Dictionary{{"v", Object(std::string("a\0b", 3))}}));
  EXPECT_FALSE(encode(Dictionary{{"v", Object("\xff")}}));
  EXPECT_FALSE(encode(Dictionary{{"\xff", Object(1)}}));
  EXPECT_FALSE(encode(Dictionary{{"v", Object(object::Descriptor{})}}));
}

TEST(Encode, WritesKeysInAscendingOrderWhateverTheOrderTheyCameIn) {
  const Dictionary one{{"b", Object(1)}, {"a", Object(2)}};
  const Dictionary other{{"a", Object(2)}, {"b", Object(1)}};
  EXPECT_EQ(encode(one)->body.bytes, encode(other)->body.bytes);
}

TEST(Encode, WritesTheWorkedExampleOfTheDocument) {
  const auto encoded = encode(Dictionary{{"v", Object(42)}});
  ASSERT_TRUE(encoded);
  EXPECT_EQ(encoded->body.bytes,
            bytes_of_hex("42371342 05000000 00f00000 14000000 01000000 76000000 00300000 2a000000 00000000"));
}

TEST(Decode, EveryPrefixAndEveryFlippedBitIsAnErrorOrAWholeValue) {
  const Dictionary sample{{"n", Object(-7)}, {"s", Object("text")}, {"l", Object(Array{Object(true), Object(2.5)})}};
  const auto bytes = encode(sample)->body.bytes;
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    EXPECT_FALSE(decode(std::span(bytes).first(size), {})) << size;
  }
  for (std::size_t bit = 0; bit < bytes.size() * 8; ++bit) {
    auto flipped = bytes;
    flipped[bit / 8] ^= static_cast<std::byte>(1U << bit % 8);
    const auto decoded = decode(flipped, {});
    if (decoded) {
      EXPECT_EQ(decode(encode(*decoded)->body.bytes, {}), *decoded) << bit;
    }
  }
}

rc::Gen<std::string> text() { return rc::gen::container<std::string>(rc::gen::inRange<char>(1, 127)); }

rc::Gen<Object> value(int depth) {
  auto scalar = rc::gen::oneOf(
      rc::gen::just(Object()), rc::gen::map(rc::gen::arbitrary<bool>(), [](bool v) { return Object(v); }),
      rc::gen::map(rc::gen::arbitrary<std::int64_t>(), [](std::int64_t v) { return Object(v); }),
      rc::gen::map(rc::gen::arbitrary<std::uint64_t>(), [](std::uint64_t v) { return Object(v); }),
      rc::gen::map(rc::gen::arbitrary<double>(), [](double v) { return Object(v); }),
      rc::gen::map(text(), [](std::string v) { return Object(std::move(v)); }),
      rc::gen::map(text(), [](const std::string& v) {
        const auto raw = std::as_bytes(std::span(v));
        return Object(Data{{raw.begin(), raw.end()}});
      }));
  if (depth == 0) return scalar;
  return rc::gen::oneOf(scalar,
                        rc::gen::map(rc::gen::container<std::vector<Object>>(value(depth - 1)),
                                     [](Array a) { return Object(std::move(a)); }),
                        rc::gen::map(rc::gen::container<std::map<std::string, Object>>(text(), value(depth - 1)),
                                     [](const auto& entries) {
                                       Dictionary d;
                                       for (const auto& [k, v] : entries) d.set(k, v);
                                       return Object(std::move(d));
                                     }));
}

RC_GTEST_PROP(Property, WhatIsEncodedComesBackAsItWas, ()) {
  const Dictionary root{{"v", *value(3)}};
  const auto encoded = encode(root);
  RC_ASSERT(encoded.has_value());
  RC_ASSERT(encoded->body.bytes.size() % 4 == 0U);
  const auto decoded = decode(encoded->body.bytes, {});
  RC_ASSERT(decoded.has_value());
  RC_ASSERT(*decoded == root);
}

}  // namespace
}  // namespace reeve::wire
