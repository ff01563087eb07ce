// Interfaces as they are seen from outside, and what becomes of them from one version to the next.
#include "../object/interface.hpp"

#include <gtest/gtest.h>

#include "typed.hpp"

namespace reeve::connection {
namespace {

using object::Change;
using object::InterfaceFacts;

enum class Colour { red, green };
BOOST_DESCRIBE_ENUM(Colour, red, green)

struct Dot {
  std::int32_t x = 0;
  std::optional<Colour> colour;
};
BOOST_DESCRIBE_STRUCT(Dot, (), (x, colour))

struct Tree {
  std::string name;
  std::vector<Tree> children;
};
BOOST_DESCRIBE_STRUCT(Tree, (), (name, children))

namespace other {
struct Dot {
  bool is_there = false;
};
BOOST_DESCRIBE_STRUCT(Dot, (), (is_there))
}  // namespace other

struct Drawing {
  virtual Result<void> draw(std::vector<Dot> dots, other::Dot last) = 0;
  virtual Task<Tree> tree(const Caller& caller, std::map<std::string, double> sizes) = 0;
  virtual Stream<Object> everything(File file, Memory memory, Data data, bool all) = 0;

 protected:
  ~Drawing() = default;
};
BOOST_DESCRIBE_STRUCT(Drawing, (), (draw, tree, everything))

TEST(Interface, IsDescribedWithAllItsTypes) {
  EXPECT_EQ(text_of(describe<Drawing>()),
            "interface Drawing\n"
            "  draw(list<Dot>, reeve::connection::{anonymous}::other::Dot)\n"
            "  tree(map<double>) -> Tree\n"
            "  everything(file, memory, data, bool) -> stream of any\n"
            "record Dot\n"
            "  x: int32\n"
            "  colour: optional<Colour>\n"
            "record reeve::connection::{anonymous}::other::Dot\n"
            "  is_there: bool\n"
            "record Tree\n"
            "  name: string\n"
            "  children: list<Tree>\n"
            "enum Colour\n"
            "  red\n"
            "  green");
}

TEST(Interface, TravelsAsAValue) {
  const InterfaceFacts facts = describe<Drawing>();
  const auto back = object::from_object<InterfaceFacts>(object::to_object(facts));
  ASSERT_TRUE(back);
  EXPECT_EQ(text_of(*back), text_of(facts));
}

// An interface of one method, m.
InterfaceFacts one(std::vector<std::string> arguments, std::string result, bool is_stream = false) {
  return {"I", {{"m", std::move(arguments), std::move(result), is_stream}}, {}, {}};
}
InterfaceFacts with(InterfaceFacts facts, object::RecordFacts record) {
  facts.records.push_back(std::move(record));
  return facts;
}
InterfaceFacts with(InterfaceFacts facts, object::EnumFacts each) {
  facts.enums.push_back(std::move(each));
  return facts;
}

// Whom the step breaks: "old" callers, "new" ones, both, or nobody.
std::string breaks(const InterfaceFacts& before, const InterfaceFacts& after) {
  const auto changes = compare(before, after);
  if (!changes) return changes.error().message;
  std::string whom;
  for (const Change& change : *changes) {
    whom += change.breaks == Change::Breaks::old_callers ? "old " : "new ";
  }
  return whom;
}

TEST(Interface, WidensAndNarrowsItsNumbers) {
  EXPECT_EQ(breaks(one({"uint16"}, "nothing"), one({"uint32"}, "nothing")), "new ");
  EXPECT_EQ(breaks(one({"uint32"}, "nothing"), one({"uint16"}, "nothing")), "old ");
  EXPECT_EQ(breaks(one({"uint32"}, "nothing"), one({"int64"}, "nothing")), "new ");
  EXPECT_EQ(breaks(one({"uint32"}, "nothing"), one({"int32"}, "nothing")), "old new ");
  EXPECT_EQ(breaks(one({}, "uint16"), one({}, "uint32")), "old ");
  EXPECT_EQ(breaks(one({}, "uint32"), one({}, "uint16")), "new ");
  EXPECT_EQ(breaks(one({"float"}, "double"), one({"double"}, "float")), "");
}

TEST(Interface, GainsAndLosesMethodsAndArguments) {
  EXPECT_EQ(breaks(one({}, "nothing"), {"I", {}, {}, {}}), "old ");
  EXPECT_EQ(breaks({"I", {}, {}, {}}, one({}, "nothing")), "new ");
  EXPECT_EQ(breaks(one({"bool"}, "nothing"), one({"bool", "bool"}, "nothing")), "old ");
  EXPECT_EQ(breaks(one({}, "bool"), one({}, "bool", true)), "old ");
}

TEST(Interface, ComparesRecordsByWhatTheyHold) {
  const auto takes = [](object::RecordFacts record) { return with(one({record.name}, "nothing"), record); };
  const auto gives = [](object::RecordFacts record) { return with(one({}, record.name), record); };
  const object::RecordFacts plain{"R", {{"a", "bool"}}};
  const object::RecordFacts renamed{"S", {{"a", "bool"}}};
  const object::RecordFacts more{"R", {{"a", "bool"}, {"b", "string"}}};
  const object::RecordFacts maybe{"R", {{"a", "bool"}, {"b", "optional<string>"}}};
  EXPECT_EQ(breaks(takes(plain), takes(renamed)), "");
  EXPECT_EQ(breaks(takes(plain), takes(more)), "old new ");
  EXPECT_EQ(breaks(takes(plain), takes(maybe)), "new ") << "old callers leave it out";
  EXPECT_EQ(breaks(gives(plain), gives(maybe)), "old ") << "old callers know no such field";
  EXPECT_EQ(breaks(takes(maybe), takes(more)), "old ");
  EXPECT_EQ(breaks(takes(plain), takes({"R", {{"a", "optional<bool>"}}})), "new ");
  EXPECT_EQ(breaks(takes(plain), with(one({"dictionary"}, "nothing"), plain)), "new ");
  EXPECT_EQ(breaks(one({"list<bool>"}, "nothing"), one({"array"}, "nothing")), "new ");
  EXPECT_EQ(breaks(one({"list<bool>"}, "nothing"), one({"any"}, "nothing")), "new ");
  const object::RecordFacts tree{"T", {{"children", "list<T>"}}};
  EXPECT_EQ(breaks(takes(tree), takes({"U", {{"children", "list<U>"}}})), "") << "it holds others like it";
  EXPECT_EQ(breaks(takes(tree), takes({"T", {{"children", "list<T>"}, {"name", "string"}}})), "old new ");
}

TEST(Interface, ComparesEnumsByTheirValues) {
  const auto takes = [](std::vector<std::string> values) { return with(one({"E"}, "nothing"), {"E", values}); };
  const auto gives = [](std::vector<std::string> values) { return with(one({}, "E"), {"E", values}); };
  EXPECT_EQ(breaks(takes({"a"}), takes({"a", "b"})), "new ");
  EXPECT_EQ(breaks(gives({"a"}), gives({"a", "b"})), "old ");
  EXPECT_EQ(breaks(takes({"a", "b"}), takes({"b", "a"})), "");
}

TEST(Interface, EvolvesByDefaultsAndTolerance) {
  const auto takes = [](object::RecordFacts record) { return with(one({record.name}, "nothing"), record); };
  const auto gives = [](object::RecordFacts record) { return with(one({}, record.name), record); };
  const object::RecordFacts plain{"R", {{"a", "bool"}}};
  const object::RecordFacts usual{"R", {{"a", "bool", true}}};
  const object::RecordFacts more{"R", {{"a", "bool", true}, {"b", "string", true}}};
  const object::RecordFacts open{"R", {{"a", "bool"}}, true};
  EXPECT_EQ(breaks(takes(plain), takes(usual)), "new ") << "what is as by default is left out";
  EXPECT_EQ(breaks(takes(usual), takes(more)), "new ") << "old callers leave it out";
  EXPECT_EQ(breaks(takes(usual), takes(plain)), "old ");
  EXPECT_EQ(breaks(takes(plain), takes(open)), "");
  EXPECT_EQ(breaks(takes(open), takes({"R", {{"a", "bool"}, {"b", "optional<string>"}}, true})), "");
  EXPECT_EQ(breaks(gives(open), gives({"R", {{"a", "bool"}, {"b", "string"}}, true})), "new ");
  const auto enumerated = [](std::vector<std::string> values) { return with(one({}, "E"), {"E", values}); };
  EXPECT_EQ(breaks(enumerated({"a", "unknown"}), enumerated({"a", "b", "unknown"})), "") << "it is open";
}

TEST(Interface, TellsWhatIsCalledTheSameAndIsNot) {
  const auto as_enum = with(one({"Size"}, "nothing"), object::EnumFacts{"Size", {"small"}});
  const auto as_record = with(one({"Size"}, "nothing"), object::RecordFacts{"Size", {{"width", "bool"}}});
  EXPECT_EQ(breaks(as_enum, as_record), "old new ");
  EXPECT_EQ(breaks(with(one({"string"}, "nothing"), object::EnumFacts{"E", {}}), as_enum), "old ");
  EXPECT_EQ(breaks(as_enum, one({"string"}, "nothing")), "new ") << "an enumerator travels as its name";
  EXPECT_EQ(breaks(one({}, "nothing"), one({}, "bool")), "new ") << "who wants nothing looks at nothing";
  EXPECT_EQ(breaks(one({"dictionary"}, "nothing"), one({"map<any>"}, "nothing")), "");
  const auto date = with(one({"date"}, "nothing"), object::RecordFacts{"date", {}});
  EXPECT_EQ(breaks(date, date), "interface I: a record or enum is called date");
}

struct date {  // NOLINT: as a user may call it
  bool is_there = false;
};
BOOST_DESCRIBE_STRUCT(date, (), (is_there))
template <class T>
struct Pair {
  T first{};
};
BOOST_DESCRIBE_STRUCT(Pair<int>, (), (first))
struct Odd {
  virtual Result<Date> odd(date when, std::vector<Pair<int>> pairs) = 0;

 protected:
  ~Odd() = default;
};
BOOST_DESCRIBE_STRUCT(Odd, (), (odd))

TEST(Interface, KeepsItsOwnNamesApartFromThoseOfOthers) {
  const InterfaceFacts facts = describe<Odd>();
  EXPECT_TRUE(compare(facts, facts)) << compare(facts, facts).error().message;
  EXPECT_EQ(facts.methods.front().result, "date");
  EXPECT_EQ(facts.methods.front().arguments.front(), "::reeve::connection::{anonymous}::date");
}

TEST(Interface, ThatNamesWhatItDoesNotDescribeIsRefused) {
  EXPECT_EQ(breaks(one({"Nobody"}, "nothing"), one({}, "nothing")), "interface I: nothing is called Nobody");
  EXPECT_EQ(breaks(one({}, "nothing"), one({}, "list<optional<int12>>")), "interface I: nothing is called int12");
  std::string deep;
  for (int i = 0; i < 100'000; ++i) deep += "list<";
  deep += "bool" + std::string(100'000, '>');
  EXPECT_FALSE(compare(one({deep}, "nothing"), one({}, "nothing")));
}

// Long chains of records, each of which holds the next, in all ways.
TEST(Interface, ThatIsMadeToTakeForEverIsNotComparedToItsEnd) {
  InterfaceFacts before = one({"R0"}, "nothing");
  InterfaceFacts after = before;
  for (int i = 0; i < 3'000; ++i) {
    object::RecordFacts record{"R" + std::to_string(i), {}};
    for (int step = 1; step < 5; ++step) {
      record.fields.push_back({std::to_string(step), "R" + std::to_string((i + step) % 3'000)});
    }
    before.records.push_back(record);
    std::swap(record.fields.front().type, record.fields.back().type);
    after.records.push_back(std::move(record));
  }
  const auto changes = compare(before, after);
  ASSERT_TRUE(changes);
  ASSERT_FALSE(changes->empty());
  EXPECT_TRUE(changes->front().text.ends_with("too much to compare"));
}

}  // namespace
}  // namespace reeve::connection
