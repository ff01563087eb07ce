// Structs as keyed archives.
#include <gtest/gtest.h>

#include <limits>
#include <reeve/archive.hpp>

#include "../src/inspect/archive_text.hpp"
#include "../src/inspect/plist_json.hpp"

namespace reeve::archive {
namespace {

struct ProcessInfo {
  static constexpr const char* kArchiveClass = "LLBSDProcessInfo";
  std::string processName;
  std::int32_t processIdentifier = 0;
  friend bool operator==(const ProcessInfo&, const ProcessInfo&) = default;
};
BOOST_DESCRIBE_STRUCT(ProcessInfo, (), (processName, processIdentifier))

struct Item {
  static constexpr const char* kArchiveClass = "Item";
  std::string title;
  bool is_done = false;
  double weight = 0;
  std::optional<Date> due;
  Uuid id{};
  Data picture;
  std::uint64_t size = 0;
  std::vector<Item> parts;
  std::map<std::string, ProcessInfo> people;
  friend bool operator==(const Item&, const Item&) = default;
};
BOOST_DESCRIBE_STRUCT(Item, (), (title, is_done, weight, due, id, picture, size, parts, people))

Item sample() {
  Item part;
  part.title = "ä";
  part.due = Date{12.5};
  Item item;
  item.title = "whole";
  item.is_done = true;
  item.weight = -0.5;
  item.id.bytes[3] = std::byte{7};
  item.picture = Data(std::vector<std::byte>(5, std::byte{1}));
  item.size = std::numeric_limits<std::uint64_t>::max();
  item.parts = {part, part};
  item.people = {{"one", {"me", 17}}, {"other", {"you", -1}}};
  return item;
}

// Such objects; the second is the root.
Data archive_of(const std::string& objects) {
  const auto list = inspect::plist_from_json(
      R"({"$version":100000,"$archiver":"NSKeyedArchiver","$top":{"root":{"$uid":1}},"$objects":["$null",)" + objects +
      R"(,{"$classname":"LLBSDProcessInfo","$classes":["LLBSDProcessInfo","NSObject"]}]})");
  EXPECT_TRUE(list) << list.error().message;
  return list ? list->bytes() : Data();
}
std::string refusal(const std::string& objects) {
  const auto info = decode<ProcessInfo>(archive_of(objects));
  return info ? "taken" : info.error().message;
}

TEST(AnArchiveOfAStruct, ComesBackAsItWas) {
  const Item item = sample();
  const auto bytes = encode(item);
  ASSERT_TRUE(bytes) << bytes.error().message;
  const auto again = decode<Item>(Data(*bytes));
  ASSERT_TRUE(again) << again.error().message;
  EXPECT_EQ(*again, item);
}

TEST(AnArchiveOfAStruct, IsWhatTheOriginalsProgramsRead) {
  const auto graph = read(Data(*encode(ProcessInfo{"me", 17})), allowed_for<ProcessInfo>());
  ASSERT_TRUE(graph) << graph.error().message;
  EXPECT_EQ(inspect::text_of(*graph),
            "LLBSDProcessInfo\n  processName: NSString \"me\"\n  processIdentifier: NSNumber 17");
}

TEST(AnArchiveOfAStruct, IsRefusedForItsFields) {
  EXPECT_EQ(refusal(R"({"$class":{"$uid":3},"processName":{"$uid":2},"processIdentifier":17},"me")"), "taken");
  EXPECT_EQ(refusal(R"({"$class":{"$uid":3},"processName":"me","processIdentifier":{"$uid":2}},17)"), "taken");
  EXPECT_EQ(refusal(R"({"$class":{"$uid":3},"processName":{"$uid":2}},"me")"), "root.processIdentifier: missing");
  EXPECT_EQ(refusal(R"({"$class":{"$uid":3},"processName":{"$uid":0},"processIdentifier":1},"me")"),
            "root.processName: missing");
  EXPECT_EQ(refusal(R"({"$class":{"$uid":3},"processName":{"$uid":2},"processIdentifier":1},17)"),
            "root.processName: expected NSString, got 17");
  EXPECT_EQ(refusal(R"({"$class":{"$uid":3},"processName":{"$uid":2},"processIdentifier":2147483648},"me")"),
            "root.processIdentifier: expected int32, got 2147483648");
  EXPECT_EQ(refusal(R"({"$class":{"$uid":3},"processName":{"$uid":2},"processIdentifier":{"$uid":2}},"me")"),
            "root.processIdentifier: expected int32, got NSString");
  EXPECT_EQ(refusal(R"({"$class":{"$uid":3},"processName":{"$uid":2},"processIdentifier":1,"more":1},"me")"),
            "$objects[1].more: a field that is none");
  EXPECT_EQ(refusal(R"("me",2)"), "root: expected LLBSDProcessInfo, got NSString");
}

// What one field may hold another may not, however it is allowed in the archive.
TEST(AnArchiveOfAStruct, HasExactClassesFieldByField) {
  const auto item = decode<Item>(Data(*encode(std::vector<ProcessInfo>{{"me", 1}})));
  ASSERT_FALSE(item);
  EXPECT_EQ(item.error().message, "root: expected Item, got NSArray");
  const auto set = decode<std::vector<std::string>>(archive_of(
      R"({"$class":{"$uid":2},"NS.objects":[]},{"$classname":"NSSet","$classes":["NSSet","NSArray","NSObject"]})"));
  ASSERT_FALSE(set);
  EXPECT_EQ(set.error().message, "$top.root: class NSSet not allowed here");
  const auto deep = decode<std::map<std::string, std::vector<bool>>>(
      Data(*encode(std::map<std::string, std::vector<std::int8_t>>{{"a", {1, 2}}})));
  ASSERT_FALSE(deep);
  EXPECT_EQ(deep.error().message, "root.a[0]: expected bool, got 1");
}

// A graph may go round in circles and share without end; a struct does neither.
TEST(AnArchiveOfAStruct, EndsWhereItsGraphDoesNot) {
  Graph graph;
  const Ref item = Form<Item>::put(graph, Item());
  for (auto& [name, field] : std::get<Record>(graph.at(item).value).fields) {
    if (name == "parts") std::get<List>(graph.at(std::get<Ref>(field)).value).items = {item};
  }
  graph.root = item;
  const auto circle = decode<Item>(Data(*write(graph)));
  ASSERT_FALSE(circle);
  EXPECT_EQ(circle.error().code, code::kTooLarge);

  Graph texts;
  texts.root = texts.add(List{std::vector<Ref>(1000, texts.add(std::string(1 << 20, 'x')))});
  const auto copied = decode<std::vector<std::string>>(Data(*write(texts)));
  ASSERT_FALSE(copied);
  EXPECT_EQ(copied.error().code, code::kTooLarge);

  using Four = std::vector<std::vector<std::vector<std::vector<std::string>>>>;
  Graph shared;
  Ref last = shared.add(std::string("x"));
  for (int i = 0; i < 4; ++i) last = shared.add(List{std::vector<Ref>(200, last)});
  shared.root = last;
  const auto many = decode<Four>(Data(*write(shared)));
  ASSERT_FALSE(many);
  EXPECT_EQ(many.error().code, code::kTooLarge);
}

TEST(AnArchiveOfAStruct, OfAGraphThatLeadsNowhereIsRefused) {
  archive::Graph graph;
  EXPECT_FALSE(archive::value_of<std::string>(graph));
  graph.root = archive::Ref{7};
  EXPECT_EQ(archive::value_of<std::string>(graph).error().code, code::kBadArchive);
  archive::Graph list;
  list.root = list.add(archive::List{{archive::Ref{9}}});
  EXPECT_EQ(archive::value_of<std::vector<std::string>>(list).error().code, code::kBadArchive);
}

}  // namespace
}  // namespace reeve::archive
