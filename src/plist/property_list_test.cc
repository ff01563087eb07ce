#include "property_list.hpp"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <limits>

#include "../vocab/bounds.hpp"
#include "writer.hpp"

namespace reeve::plist {
namespace {

using Bytes = std::vector<std::byte>;

Bytes bytes_of(std::initializer_list<int> values) {
  Bytes bytes;
  for (const int value : values) bytes.push_back(static_cast<std::byte>(value));
  return bytes;
}

void put(Bytes& out, std::uint64_t value, std::size_t size) {
  for (std::size_t i = size; i-- > 0;) out.push_back(static_cast<std::byte>(value >> (8 * i)));
}

// A property list of such objects, and what its trailer says where that is not what is so.
struct Made {
  std::vector<Bytes> objects;
  std::size_t number_size = 1;
  std::size_t offset_size = 2;
  std::optional<std::uint64_t> count = {};
  std::uint64_t top = 0;
  std::optional<std::uint64_t> table = {};
  std::vector<std::uint64_t> offsets = {};  // others than theirs
  std::string magic = "bplist00";
  Bytes gap = {};  // before the table
  Bytes behind = {};

  Bytes bytes() const {
    Bytes out;
    for (const char c : magic) out.push_back(static_cast<std::byte>(c));
    std::vector<std::uint64_t> places;
    for (const Bytes& object : objects) {
      places.push_back(out.size());
      out.insert(out.end(), object.begin(), object.end());
    }
    if (!offsets.empty()) places = offsets;
    out.insert(out.end(), gap.begin(), gap.end());
    const std::size_t at = out.size();
    for (const std::uint64_t place : places) put(out, place, offset_size);
    put(out, 0, 6);
    put(out, offset_size, 1);
    put(out, number_size, 1);
    put(out, count.value_or(places.size()), 8);
    put(out, top, 8);
    put(out, table.value_or(at), 8);
    out.insert(out.end(), behind.begin(), behind.end());
    return out;
  }
};

std::string refusal(const Bytes& bytes) {
  const auto list = PropertyList::check(Data(bytes));
  return list ? "taken" : list.error().message;
}
std::string refusal(const Made& made) { return refusal(made.bytes()); }

PropertyList taken(const Bytes& bytes) {
  auto list = PropertyList::check(Data(bytes));
  EXPECT_TRUE(list) << list.error().message;
  return list ? std::move(*list) : PropertyList();
}

const Bytes kOne = bytes_of({0x10, 1});
const Bytes kA = bytes_of({0x51, 'a'});

TEST(ABinaryPropertyList, IsRefusedForItsTrailer) {
  EXPECT_EQ(refusal(Bytes()), "binary property list: shorter than the shortest");
  EXPECT_EQ(refusal(Made{{kOne}, 1, 1, {}, 0, {}, {}, "bplist1x"}), "binary property list: not the magic bplist0");
  EXPECT_EQ(refusal(Made{{kOne}, 0}), "binary property list: numbers not of 1 to 8 bytes");
  EXPECT_EQ(refusal(Made{{kOne}, 9}), "binary property list: numbers not of 1 to 8 bytes");
  EXPECT_EQ(refusal(Made{.objects = {kOne}, .count = 0}),
            "binary property list: its table is not as long as it has objects");
  EXPECT_EQ(refusal(Made{.objects = {kOne}, .count = std::uint64_t{1} << 63}),
            "binary property list: its table is not as long as it has objects");
  EXPECT_EQ(refusal(Made{.objects = {kOne}, .count = 2}),
            "binary property list: its table is not as long as it has objects");
  EXPECT_EQ(refusal(Made{.objects = {kOne}, .top = 1}), "binary property list: its topmost object is not there");
  EXPECT_EQ(refusal(Made{.objects = {kOne}, .table = 8}), "binary property list: its table lies elsewhere");
  EXPECT_EQ(refusal(Made{.objects = {kOne}, .table = UINT64_MAX}), "binary property list: its table lies elsewhere");
  EXPECT_EQ(refusal(Made{.objects = {kOne}, .table = 9}),
            "binary property list: its table is not as long as it has objects");
  EXPECT_EQ(refusal(Made{.objects = {kOne}, .behind = bytes_of({0})}),
            "binary property list: numbers not of 1 to 8 bytes");
  std::vector<Bytes> many(300, kOne);
  EXPECT_EQ(refusal(Made{.objects = many}), "binary property list: numbers too short for its objects");
  EXPECT_EQ(refusal(Made{.objects = many, .number_size = 2, .offset_size = 1}),
            "binary property list: offsets too short for its objects");
}

TEST(ABinaryPropertyList, MayHaveNumbersOfAnySize) {
  for (std::size_t size = 1; size <= 8; ++size) {
    Bytes array = bytes_of({0xa1});
    put(array, 1, size);
    const auto list = taken(Made{.objects = {array, kOne}, .number_size = size, .offset_size = size}.bytes());
    EXPECT_EQ(list.root().value(0).integer().value(), 1) << size;
  }
  EXPECT_EQ(refusal(Made{.objects = {kOne}, .magic = "bplist01"}), "taken");
  EXPECT_EQ(refusal(Made{.objects = {kOne}, .gap = bytes_of({0x0f, 0x0f})}), "taken") << "bytes of no object";
}

TEST(ABinaryPropertyList, IsRefusedForAnObjectThatIsElsewhere) {
  for (const std::uint64_t offset :
       {std::uint64_t{0}, std::uint64_t{7}, std::uint64_t{10}, std::uint64_t{12}, std::uint64_t{0xffff}}) {
    EXPECT_EQ(refusal(Made{.objects = {kOne}, .offsets = {offset}}), "object 0 lies outside") << offset;
  }
  EXPECT_EQ(refusal(Made{.objects = {bytes_of({0xa1, 1})}}), "object 0 holds an object that is not there");
  EXPECT_EQ(refusal(Made{.objects = {bytes_of({0xa1, 1}), kOne}, .offsets = {8, 0}}), "object 1 lies outside");
}

// 40 bytes that say they are a gigabyte.
TEST(ABinaryPropertyList, IsRefusedForAnObjectThatIsLongerThanWhatIsThere) {
  const std::string longer = "object 0 is longer than what is there";
  for (const int kind : {0x40, 0x50, 0x60, 0x70, 0xa0, 0xb0, 0xc0, 0xd0}) {
    EXPECT_EQ(refusal(Made{{bytes_of({kind | 0x0f, 0x12, 0x40, 0, 0, 0})}}), longer);
    EXPECT_EQ(refusal(Made{{bytes_of({kind | 0x0f, 0x13, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff})}}), longer);
    EXPECT_EQ(refusal(Made{{bytes_of({kind | 0x0f, 0x13, 0x80, 0, 0, 0, 0, 0, 0, 1})}}), longer) << "it wraps";
    EXPECT_EQ(refusal(Made{{bytes_of({kind | 1})}}), longer);
    EXPECT_EQ(refusal(Made{{bytes_of({kind | 0x0f})}}), "object 0 has no count");
    EXPECT_EQ(refusal(Made{{bytes_of({kind | 0x0f, 0x14})}}), "object 0 has no count");
    EXPECT_EQ(refusal(Made{{bytes_of({kind | 0x0f, 0x51, 'a'})}}), "object 0 has no count");
    EXPECT_EQ(refusal(Made{{bytes_of({kind | 0x0f, 0x12, 0})}}), "object 0 has no count");
  }
  for (const int marker : {0x10, 0x13, 0x22, 0x23, 0x33, 0x80, 0x83})
    EXPECT_EQ(refusal(Made{{bytes_of({marker})}}), longer);
}

TEST(ABinaryPropertyList, IsRefusedForAnObjectOfNoKind) {
  for (const int marker : {0x01, 0x07, 0x0a, 0x0c, 0x0d, 0x0e, 0x0f, 0x30, 0x32, 0x34, 0x90, 0xe0, 0xf0}) {
    EXPECT_EQ(refusal(Made{{bytes_of({marker, 0, 0, 0, 0, 0, 0, 0, 0})}}), "object 0 is of no known kind") << marker;
  }
  EXPECT_EQ(refusal(Made{{bytes_of({0x15, 0, 0, 0, 0})}}), "object 0 is an integer of a size that none has");
  EXPECT_EQ(refusal(Made{{bytes_of({0x21, 0, 0, 0, 0})}}), "object 0 is a real of a size that none has");
  EXPECT_EQ(refusal(Made{{bytes_of({0x84, 0, 0, 0, 0, 0})}}), "object 0 is a UID of more than 32 bits");
}

TEST(ABinaryPropertyList, IsRefusedForWhatHoldsItself) {
  EXPECT_EQ(refusal(Made{{bytes_of({0xa1, 0})}}), "object 0 holds itself");
  EXPECT_EQ(refusal(Made{{bytes_of({0xc1, 0})}}), "object 0 holds itself");
  EXPECT_EQ(refusal(Made{{bytes_of({0xd1, 1, 0}), kA}}), "object 0 holds itself") << "as a value";
  EXPECT_EQ(refusal(Made{{bytes_of({0xd1, 0, 1}), kA}}), "object 0 holds itself") << "as a key";
  EXPECT_EQ(refusal(Made{{bytes_of({0xa1, 1}), bytes_of({0xa1, 2}), bytes_of({0xa1, 1})}}), "object 1 holds itself");
}

// Arrays one within the other, `levels` of them, the innermost empty.
Made nested(std::size_t levels) {
  Made made{.objects = {}, .number_size = 2, .offset_size = 3};
  for (std::size_t i = 0; i + 1 < levels; ++i) {
    Bytes array = bytes_of({0xa1});
    put(array, i + 1, 2);
    made.objects.push_back(array);
  }
  made.objects.push_back(bytes_of({0xa0}));
  return made;
}

TEST(ABinaryPropertyList, NestsAsDeepAsItMay) {
  EXPECT_EQ(refusal(nested(kPlistDepthMax)), "taken");
  EXPECT_EQ(refusal(nested(kPlistDepthMax + 1)), "containers nest deeper than 512 levels");
  EXPECT_EQ(refusal(nested(30'000)), "containers nest deeper than 512 levels");
  // What was met before near the top is as deep where it is met again.
  Made made = nested(400);
  Bytes top = bytes_of({0xa2, 0, 0});
  put(top, 401, 2);
  made.objects.push_back(top);
  for (std::size_t i = 401; i < 601; ++i) {
    Bytes array = bytes_of({0xa1});
    put(array, i < 600 ? i + 1 : 0, 2);
    made.objects.push_back(array);
  }
  made.top = 400;
  EXPECT_EQ(refusal(made), "containers nest deeper than 512 levels");
}

// An empty container is as deep as any other, wherever it was met first.
TEST(ABinaryPropertyList, NestsNoDeeperByWhatIsShared) {
  Made made = nested(kPlistDepthMax);
  const std::size_t last = made.objects.size() - 1;
  made.objects.push_back(bytes_of({0xa2}));
  put(made.objects.back(), last, 2);
  put(made.objects.back(), 1, 2);
  made.top = last + 1;
  EXPECT_EQ(refusal(made), "taken");
  made.objects.back() = bytes_of({0xa2});
  put(made.objects.back(), last, 2);
  put(made.objects.back(), 0, 2);
  EXPECT_EQ(refusal(made), "containers nest deeper than 512 levels");
}

// What many share is not multiplied: text, and keys.
TEST(ABinaryPropertyList, IsCopiedWithinBounds) {
  Writer writer;
  const std::vector<Ref> many(1000, writer.string(std::string(1 << 20, 'x')));
  const auto texts = decode(Data(writer.finish(writer.array(many)).value()));
  ASSERT_FALSE(texts);
  EXPECT_EQ(texts.error().code, code::kTooLarge);
  Writer keys;
  const Writer::Entry entry{keys.string(std::string(1 << 20, 'k')), keys.null()};
  const std::vector<Ref> dictionaries(1000, keys.dictionary(std::span(&entry, 1)));
  const auto copied = decode(Data(keys.finish(keys.array(dictionaries)).value()));
  ASSERT_FALSE(copied);
  EXPECT_EQ(copied.error().code, code::kTooLarge);
}

// Thousands of dictionaries of two long keys that differ in the end.
TEST(ABinaryPropertyList, MayShareLongKeys) {
  Writer writer;
  std::vector<Ref> all;
  for (int i = 0; i < 2000; ++i) {
    const std::array entries{
        Writer::Entry{writer.string(std::string(2000, 'k') + "b"), writer.integer(std::int64_t{i})},
        Writer::Entry{writer.string(std::string(2000, 'k') + "a"), writer.null()},
        Writer::Entry{writer.string(std::string(1000, 'k') + "ä"), writer.null()}};
    all.push_back(writer.dictionary(entries));
  }
  EXPECT_EQ(taken(writer.finish(writer.array(all)).value()).root().count(), 2000U);
  EXPECT_EQ(refusal(Made{{bytes_of({0xd3, 1, 1, 1, 1, 1, 1}), kA}}), "object 0 has a key twice");
}

// A graph of 18 levels, each of which holds the one below four times, is as large as its 19 objects.
TEST(ABinaryPropertyList, HoldsWhatIsSharedOnce) {
  Made made;
  for (int i = 0; i < 18; ++i) made.objects.push_back(bytes_of({0xa4, i + 1, i + 1, i + 1, i + 1}));
  made.objects.push_back(kOne);
  const auto list = taken(made.bytes());
  const Value root = list.root();
  EXPECT_EQ(root.value(0).number(), root.value(3).number());
  const auto expanded = root.object();
  ASSERT_FALSE(expanded);
  EXPECT_EQ(expanded.error().code, code::kTooLarge);
  EXPECT_EQ(expanded.error().message, "a property list holds more than 262144 values, or 128 MiB of text");
}

TEST(ABinaryPropertyList, IsRefusedForObjectsThatLieOverEachOther) {
  // All of them are one long row of bytes, but for the array that holds them.
  Made made{.objects = {}, .number_size = 2};
  Bytes first = bytes_of({0xaf, 0x11, 0x01, 0});
  for (std::uint64_t i = 0; i < 256; ++i) put(first, 1 + i, 2);
  made.objects.push_back(first);
  Bytes long_one = bytes_of({0x4f, 0x11, 0x08, 0});
  long_one.resize(4 + 0x800);
  made.objects.push_back(long_one);
  made.offsets = {8};
  for (std::uint64_t i = 0; i < 256; ++i) made.offsets.push_back(8 + first.size());
  EXPECT_EQ(refusal(made), "object 2 lies where another does");
}

TEST(ABinaryPropertyList, IsRefusedForItsKeys) {
  EXPECT_EQ(refusal(Made{{bytes_of({0xd1, 1, 1}), kOne}}), "object 0 has a key that is no string");
  EXPECT_EQ(refusal(Made{{bytes_of({0xd2, 1, 1, 1, 1}), kA}}), "object 0 has a key twice");
  EXPECT_EQ(refusal(Made{{bytes_of({0xd2, 1, 2, 1, 1}), kA, kA}}), "object 0 has a key twice");
  EXPECT_EQ(refusal(Made{{bytes_of({0xd2, 1, 2, 1, 1}), kA, bytes_of({0x61, 0, 'a'})}}), "object 0 has a key twice")
      << "in another form";
  EXPECT_EQ(refusal(Made{{bytes_of({0xd2, 1, 2, 1, 1}), kA, bytes_of({0x71, 'a'})}}), "object 0 has a key twice");
  EXPECT_EQ(refusal(Made{{bytes_of({0xd1, 1, 1}), bytes_of({0x53, 'k', 0, 'x'})}}),
            "object 0 has a key that holds a NUL");
  EXPECT_EQ(refusal(Made{{bytes_of({0xd1, 1, 1}), bytes_of({0x62, 0, 'k', 0, 0})}}),
            "object 0 has a key that holds a NUL");
  // Many keys are sorted, and the last is the first.
  Made many{.objects = {{}}, .number_size = 2};
  Bytes dictionary = bytes_of({0xdf, 0x11, 0x01, 0});
  for (std::uint64_t i = 0; i < 255; ++i) put(dictionary, 1 + i, 2);
  put(dictionary, 1, 2);
  for (std::uint64_t i = 0; i < 256; ++i) put(dictionary, 1, 2);
  for (int i = 0; i < 255; ++i) many.objects.push_back(bytes_of({0x52, 'a' + i / 16, 'a' + i % 16}));
  many.objects[0] = dictionary;
  EXPECT_EQ(refusal(many), "object 0 has a key twice");
}

TEST(ABinaryPropertyList, IsRefusedForTextAndDatesThatAreNone) {
  EXPECT_EQ(refusal(Made{{bytes_of({0x51, 0x80})}}), "object 0 is ASCII text with other bytes");
  EXPECT_EQ(refusal(Made{{bytes_of({0x71, 0x80})}}), "object 0 is text that is not UTF-8");
  const std::string half = "object 0 is text with half a character";
  EXPECT_EQ(refusal(Made{{bytes_of({0x61, 0xd8, 0})}}), half);
  EXPECT_EQ(refusal(Made{{bytes_of({0x61, 0xdc, 0})}}), half);
  EXPECT_EQ(refusal(Made{{bytes_of({0x62, 0xd8, 0, 0, 'a'})}}), half);
  EXPECT_EQ(refusal(Made{{bytes_of({0x62, 0xdc, 0, 0xd8, 0})}}), half);
  for (const double none : {std::numeric_limits<double>::quiet_NaN(), std::numeric_limits<double>::infinity()}) {
    Bytes date = bytes_of({0x33});
    put(date, std::bit_cast<std::uint64_t>(none), 8);
    EXPECT_EQ(refusal(Made{{date}}), "object 0 is a date that is no number");
  }
}

TEST(ABinaryPropertyList, IsRefusedForAnIntegerOfMoreThan64Bits) {
  Bytes large = bytes_of({0x14});
  put(large, 1, 8);
  put(large, 0, 8);
  EXPECT_EQ(refusal(Made{{large}}), "object 0 is an integer of more than 64 bits");
  Bytes negative = bytes_of({0x14});
  put(negative, UINT64_MAX, 8);
  put(negative, 1, 8);
  EXPECT_EQ(refusal(Made{{negative}}), "object 0 is an integer of more than 64 bits");
}

Object decoded(const Bytes& object) {
  const auto value = decode(Data(Made{{object}}.bytes()));
  EXPECT_TRUE(value) << value.error().message;
  return value ? *value : Object();
}

TEST(ABinaryPropertyList, HasTheValuesOfItsObjects) {
  EXPECT_EQ(decoded(bytes_of({0x00})), Object());
  EXPECT_EQ(decoded(bytes_of({0x08})), Object(false));
  EXPECT_EQ(decoded(bytes_of({0x09})), Object(true));
  EXPECT_EQ(decoded(bytes_of({0x10, 0xff})), Object(255)) << "one byte has no sign";
  EXPECT_EQ(decoded(bytes_of({0x11, 0xff, 0xff})), Object(65535));
  EXPECT_EQ(decoded(bytes_of({0x12, 0xff, 0xff, 0xff, 0xff})), Object(std::int64_t{4294967295}));
  EXPECT_EQ(decoded(bytes_of({0x13, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff})), Object(-1));
  Bytes large = bytes_of({0x14});
  put(large, 0, 8);
  put(large, UINT64_MAX, 8);
  EXPECT_EQ(decoded(large), Object(UINT64_MAX));
  Bytes negative = bytes_of({0x14});
  put(negative, UINT64_MAX, 8);
  put(negative, UINT64_MAX - 1, 8);
  EXPECT_EQ(decoded(negative), Object(-2));
  EXPECT_EQ(decoded(bytes_of({0x22, 0x3f, 0xc0, 0, 0})), Object(1.5));
  EXPECT_EQ(decoded(bytes_of({0x23, 0x3f, 0xf8, 0, 0, 0, 0, 0, 0})), Object(1.5));
  EXPECT_EQ(decoded(bytes_of({0x33, 0, 0, 0, 0, 0, 0, 0, 0})), Object(Date{std::chrono::seconds(978'307'200)}));
  EXPECT_EQ(decoded(bytes_of({0x33, 0xbf, 0xe0, 0, 0, 0, 0, 0, 0})),
            Object(Date{std::chrono::milliseconds(978'307'199'500)}));
  EXPECT_EQ(decoded(bytes_of({0x42, 1, 2})), Object(Data(bytes_of({1, 2}))));
  EXPECT_EQ(decoded(bytes_of({0x50})), Object(""));
  EXPECT_EQ(decoded(bytes_of({0x60})), Object("")) << "of two bytes each, none";
  EXPECT_EQ(decoded(bytes_of({0x52, 'h', 'i'})), Object("hi"));
  EXPECT_EQ(decoded(bytes_of({0x64, 0, 0xe4, 0x20, 0xac, 0xd8, 0x3d, 0xde, 0x00})), Object("ä€\xf0\x9f\x98\x80"));
  EXPECT_EQ(decoded(bytes_of({0x72, 0xc3, 0xa4})), Object("ä"));
  EXPECT_EQ(decoded(bytes_of({0x53, 'a', 0, 'b'})), Object(std::string("a\0b", 3)));
  EXPECT_EQ(decoded(bytes_of({0xa0})), Object(Array()));
  EXPECT_EQ(decoded(bytes_of({0xd0})), Object(Dictionary()));
}

TEST(ABinaryPropertyList, HasSetsAndUidsThatNoMessageHas) {
  EXPECT_EQ(decode(Data(Made{{bytes_of({0xc0})}}.bytes())).error().message, "a set is no value of a message");
  EXPECT_EQ(decode(Data(Made{{bytes_of({0xb0})}}.bytes())).error().message, "a ordered set is no value of a message");
  EXPECT_EQ(decode(Data(Made{{bytes_of({0x80, 1})}}.bytes())).error().message, "a uid is no value of a message");
  const auto list = taken(Made{{bytes_of({0x83, 0xff, 0xff, 0xff, 0xfe})}}.bytes());
  EXPECT_EQ(list.root().type(), ValueType::uid);
  EXPECT_EQ(list.root().uid(), 0xfffffffe);
}

// Whatever one byte of it is changed to, it is taken or refused, and what is taken can be read.
TEST(ABinaryPropertyList, StandsAnyChange) {
  const Bytes whole =
      encode(Object(Dictionary{{"a", Object(Array{Object(1), Object("ä"), Object(Data(bytes_of({1, 2})))})},
                               {"b", Object(1.5)},
                               {"c", Object(Date{})}}))
          .value();
  std::size_t taken = 0;
  for (std::size_t at = 0; at < whole.size(); ++at) {
    for (int value = 0; value < 256; ++value) {
      Bytes changed = whole;
      changed[at] = static_cast<std::byte>(value);
      if (decode(Data(changed))) ++taken;
    }
  }
  EXPECT_GT(taken, whole.size()) << "most bytes are as good as others";
  for (std::size_t size = 0; size < whole.size(); ++size) {
    EXPECT_FALSE(decode(Data(Bytes(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size))))) << size;
  }
}

TEST(ABinaryPropertyList, ThatIsWrittenIsReadAgain) {
  const Object whole(Dictionary{
      {"array", Object(Array(300, Object("same")))},
      {"bool", Object(true)},
      {"date", Object(Date{std::chrono::milliseconds(1'500)})},
      {"data", Object(Data(Bytes(70'000, std::byte{7})))},
      {"int", Object(std::numeric_limits<std::int64_t>::min())},
      {"large", Object(UINT64_MAX)},
      {"none", Object()},
      {"real", Object(-0.1)},
      {"text", Object("a€" + std::string(20, 'x') + std::string("\0y", 2))},
      {"ä", Object(Dictionary{{"", Object(0)}})},
  });
  const auto bytes = encode(whole);
  ASSERT_TRUE(bytes) << bytes.error().message;
  const auto again = decode(Data(*bytes));
  ASSERT_TRUE(again) << again.error().message;
  EXPECT_EQ(*again, whole);
  EXPECT_EQ(taken(*bytes).count(), 24U) << "the 300 are one";
}

TEST(ABinaryPropertyList, IsNotWrittenOfWhatNoneHolds) {
  EXPECT_EQ(encode(Object(Uuid())).error().message, "no property list holds a uuid");
  EXPECT_EQ(encode(Object("\xff")).error().message, "text is not UTF-8");
  EXPECT_EQ(encode(Object(Dictionary{{std::string("k\0", 2), Object(1)}})).error().message,
            "a key is no string, or holds a NUL");
  Object deep;
  for (std::size_t i = 0; i < kPlistDepthMax + 1; ++i) deep = Object(Array{std::move(deep)});
  EXPECT_EQ(encode(deep).error().code, code::kTooLarge);
  Writer deepest;
  Ref inner = deepest.array({});
  for (std::size_t i = 1; i < kPlistDepthMax; ++i) inner = deepest.array(std::span(&inner, 1));
  EXPECT_TRUE(deepest.finish(inner));
  EXPECT_EQ(deepest.finish(deepest.array(std::span(&inner, 1))).error().code, code::kTooLarge);
  Writer writer;
  (void)writer.date(std::nan(""));
  EXPECT_EQ(writer.finish(writer.null()).error().message, "a date is no number");
  Writer twice;
  const Ref key = twice.string("k");
  const Writer::Entry entry{key, key};
  const std::array entries{entry, entry};
  EXPECT_EQ(twice.finish(twice.dictionary(entries)).error().message, "a key stands twice");
  Writer number;
  const Writer::Entry by_number{number.integer(std::int64_t{1}), number.null()};
  EXPECT_EQ(number.finish(number.dictionary(std::span(&by_number, 1))).error().message,
            "a key is no string, or holds a NUL");
}

}  // namespace
}  // namespace reeve::plist
