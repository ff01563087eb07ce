// Keyed archives: those that others recorded, and those that an attacker would write.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <set>

#include "../src/archive/archive.hpp"
#include "../src/inspect/archive_text.hpp"
#include "../src/inspect/plist_json.hpp"
#include "../src/plist/writer.hpp"
#include "../src/xml/list.hpp"

namespace reeve::archive {
namespace {

namespace fs = std::filesystem;

std::string read_whole(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

Result<plist::PropertyList> list_in(const fs::path& path) {
  const std::string text = read_whole(path);
  if (text.starts_with("bplist")) return plist::PropertyList::check(Data::copy_of(std::as_bytes(std::span(text))));
  return xml::parse_list(text);
}

// A recorded archive: its classes, and what it holds, as plistlib shows it.
struct Recorded {
  const char* file;
  std::vector<std::string> classes;
  const char* tree;
};

const std::vector<Recorded>& recorded() {
  static const std::vector<Recorded> all{
      {"NSAttributedString.archive",
       {"NSAttributedString", "NSMutableArray", "NSMutableData", "NSDictionary", "NSString", "NSNumber"},
       "NSAttributedString \"0123456789\"\n"
       "  1 of it: NSDictionary #1 0\n"
       "  1 of it: NSDictionary #2 2\n"
       "    \"Font\": NSString \"Helvetica\"\n"
       "    \"Size\": NSNumber 123\n"
       "  4 of it: NSDictionary 2\n"
       "    \"Size\": NSNumber #3 456\n"
       "    \"Font\": NSString #4 \"Times\"\n"
       "  2 of it: #2\n"
       "  1 of it: NSDictionary 2\n"
       "    \"Size\": #3\n"
       "    \"Font\": #4\n"
       "  1 of it: #1"},
      {"NSCountedSet-Empty.archive", {"NSCountedSet"}, "NSCountedSet 0"},
      {"NSCountedSet-NumbersAppearingOnce.archive",
       {"NSCountedSet", "NSNumber"},
       "NSCountedSet 5\n"
       "  1 times: NSNumber 3\n"
       "  1 times: NSNumber 2\n"
       "  1 times: NSNumber 5\n"
       "  1 times: NSNumber 1\n"
       "  1 times: NSNumber 4"},
      {"NSCountedSet-NumbersAppearingSeveralTimes.archive",
       {"NSCountedSet", "NSNumber"},
       "NSCountedSet 5\n"
       "  5 times: NSNumber 3\n"
       "  5 times: NSNumber 2\n"
       "  5 times: NSNumber 5\n"
       "  5 times: NSNumber 1\n"
       "  5 times: NSNumber 4"},
      {"NSIndexPath-Empty.archive", {"NSIndexPath"}, "NSIndexPath []"},
      {"NSIndexPath-ManyIndices.archive", {"NSIndexPath", "NSMutableData"}, "NSIndexPath [4, 8, 15, 16, 23, 42]"},
      {"NSIndexPath-OneIndex.archive", {"NSIndexPath"}, "NSIndexPath [52]"},
      {"NSIndexSet-Empty.archive", {"NSIndexSet"}, "NSIndexSet []"},
      {"NSIndexSet-ManyRanges.archive",
       {"NSIndexSet", "NSMutableData"},
       "NSIndexSet [0+50, 100+50, 1000+50, 9223372036854775757+50]"},
      {"NSIndexSet-OneRange.archive", {"NSIndexSet"}, "NSIndexSet [0+50]"},
      {"NSKeyedUnarchiver-ArrayTest.plist",
       {"NSArray", "NSString"},
       "NSArray 4\n"
       "  -: NSString #1 \"baa\"\n"
       "  -: #1\n"
       "  -: NSString \"black\"\n"
       "  -: NSString \"sheep\""},
      {"NSKeyedUnarchiver-ComplexTest.plist",
       {"NSDictionary", "NSArray", "NSNull", "NSURL", "NSUUID", "NSString", "NSNumber"},
       "NSDictionary 4\n"
       "  \"array\": NSArray 4\n"
       "    -: NSNull\n"
       "    -: NSString #1 \"hello\"\n"
       "    -: NSNumber 34545\n"
       "    -: NSDictionary 1\n"
       "      \"key\": NSString \"val\"\n"
       "  \"string\": #1\n"
       "  \"url\": NSURL \"index.xml\"\n"
       "    base: NSURL \"https://www.swift.org\"\n"
       "  \"uuid\": NSUUID 71dc068e-3420-45ff-919e-3a267d55ec22"},
      {"NSKeyedUnarchiver-ConcreteValueTest.plist", {"NSValue", "_NSKeyedCoderOldStyleArray"}, "NSValue [3i] 1, 2, 3"},
      {"NSKeyedUnarchiver-EdgeInsetsTest.plist", {"NSValue"}, "NSValue edges top 1 left 2 bottom 3 right 4"},
      {"NSKeyedUnarchiver-NotificationTest.plist",
       {"NSNotification", "NSDictionary", "NSString"},
       "NSNotification \"notification-name\"\n"
       "  object: NSString \"notification-object\"\n"
       "  details: NSDictionary 1\n"
       "    \"notification-key\": NSString \"notification-val\""},
      {"NSKeyedUnarchiver-OrderedSetTest.plist",
       {"NSOrderedSet", "NSString"},
       "NSOrderedSet 3\n"
       "  -: NSString \"valgeir\"\n"
       "  -: NSString \"nico\"\n"
       "  -: NSString \"puzzle\""},
      {"NSKeyedUnarchiver-RangeTest.plist", {"NSValue"}, "NSValue 97345+98345"},
      {"NSKeyedUnarchiver-RectTest.plist", {"NSValue"}, "NSValue rect {{400, 300}, {200, 300}}"},
      {"NSKeyedUnarchiver-URLTest.plist",
       {"NSURL"},
       "NSURL \"foo.xml\"\n"
       "  base: NSURL \"https://www.example.com\""},
      {"NSKeyedUnarchiver-UUIDTest.plist", {"NSUUID"}, "NSUUID 0ad863ba-7584-40cf-8896-bd87b3280c34"},
      {"NSMutableIndexSet-Empty.archive", {"NSMutableIndexSet"}, "NSMutableIndexSet []"},
      {"NSMutableIndexSet-ManyRanges.archive",
       {"NSMutableIndexSet", "NSMutableData"},
       "NSMutableIndexSet [0+50, 100+50, 1000+50, 9223372036854775757+50]"},
      {"NSMutableIndexSet-OneRange.archive", {"NSMutableIndexSet"}, "NSMutableIndexSet [0+50]"},
      {"NSMutableOrderedSet-Empty.archive", {"NSMutableOrderedSet"}, "NSMutableOrderedSet 0"},
      {"NSMutableOrderedSet-Numbers.archive",
       {"NSMutableOrderedSet", "NSNumber"},
       "NSMutableOrderedSet 5\n  -: NSNumber 1\n  -: NSNumber 2\n  -: NSNumber 3\n  -: NSNumber 4\n  -: NSNumber 5"},
      {"NSMutableSet-Empty.archive", {"NSMutableSet"}, "NSMutableSet 0"},
      {"NSMutableSet-Numbers.archive",
       {"NSMutableSet", "NSNumber"},
       "NSMutableSet 5\n  -: NSNumber 3\n  -: NSNumber 2\n  -: NSNumber 5\n  -: NSNumber 1\n  -: NSNumber 4"},
      {"NSOrderedSet-Empty.archive", {"NSOrderedSet"}, "NSOrderedSet 0"},
      {"NSOrderedSet-Numbers.archive",
       {"NSOrderedSet", "NSNumber"},
       "NSOrderedSet 5\n  -: NSNumber 1\n  -: NSNumber 2\n  -: NSNumber 3\n  -: NSNumber 4\n  -: NSNumber 5"},
      {"NSSet-Empty.archive", {"NSSet"}, "NSSet 0"},
      {"NSSet-Numbers.archive",
       {"NSSet", "NSNumber"},
       "NSSet 5\n  -: NSNumber 3\n  -: NSNumber 2\n  -: NSNumber 5\n  -: NSNumber 1\n  -: NSNumber 4"},
  };
  return all;
}

Allowed allowed_of(const std::vector<std::string>& classes, const std::string& but = "") {
  Allowed allowed;
  for (const std::string& name : classes) {
    if (name != but) allowed.add(name);
  }
  return allowed;
}

class RecordedArchives : public testing::Test {
 protected:
  void SetUp() override {
    if (!fs::exists(folder)) GTEST_SKIP() << "no recorded archives are here";
  }
  const fs::path folder = fs::path(REEVE_VECTORS) / "keyed-archive";
};

TEST_F(RecordedArchives, AreAllInTheTable) {
  std::set<std::string> files;
  for (const auto& entry : fs::directory_iterator(folder)) files.insert(entry.path().filename());
  std::set<std::string> rows;
  for (const Recorded& each : recorded()) rows.insert(each.file);
  EXPECT_EQ(files, rows);
}

TEST_F(RecordedArchives, HoldWhatTheyHold) {
  for (const Recorded& each : recorded()) {
    const auto list = list_in(folder / each.file);
    ASSERT_TRUE(list) << each.file << ": " << list.error().message;
    const auto graph = read(*list, allowed_of(each.classes));
    ASSERT_TRUE(graph) << each.file << ": " << graph.error().message;
    EXPECT_EQ(inspect::text_of(*graph), each.tree) << each.file;
  }
}

TEST_F(RecordedArchives, AreRefusedWithoutAnyOneOfTheirClasses) {
  for (const Recorded& each : recorded()) {
    const auto list = list_in(folder / each.file);
    ASSERT_TRUE(list) << each.file;
    for (const std::string& missing : each.classes) {
      const auto graph = read(*list, allowed_of(each.classes, missing));
      ASSERT_FALSE(graph) << each.file << " without " << missing;
      EXPECT_EQ(graph.error().code, code::kClassNotAllowed) << graph.error().message;
      EXPECT_TRUE(graph.error().message.ends_with(": class " + missing + " not allowed here"))
          << each.file << ": " << graph.error().message;
    }
  }
}

TEST_F(RecordedArchives, AreTheSameWhenTheyWereWrittenAgain) {
  for (const Recorded& each : recorded()) {
    const auto graph = read(*list_in(folder / each.file), allowed_of(each.classes));
    ASSERT_TRUE(graph) << each.file;
    const auto bytes = write(*graph);
    ASSERT_TRUE(bytes) << each.file << ": " << bytes.error().message;
    const auto again = read(Data(*bytes), allowed_of(each.classes));
    ASSERT_TRUE(again) << each.file << ": " << again.error().message;
    EXPECT_EQ(inspect::text_of(*again), each.tree) << each.file;
  }
}

// An archive of such objects, in JSON, of which the first is $null and the second the root.
std::string json_of(const std::string& objects, const std::string& top = R"({"root":{"$uid":1}})") {
  return R"({"$version":100000,"$archiver":"NSKeyedArchiver","$top":)" + top + R"(,"$objects":["$null",)" + objects +
         "]}";
}

const Allowed kAll = [] {
  Allowed all;
  for (const std::string& name : known_classes()) all.add(name);
  return all;
}();

std::string outcome(const std::string& json, const Allowed& allowed = kAll) {
  const auto list = inspect::plist_from_json(json);
  if (!list) return "no list: " + list.error().message;
  const auto graph = read(*list, allowed);
  return graph ? inspect::text_of(*graph) : graph.error().message;
}

// The record of a class.
std::string of_class(const std::string& name, const std::string& kin = "") {
  return R"({"$classname":")" + name + R"(","$classes":[")" + (kin.empty() ? name : kin) + R"(","NSObject"]})";
}

TEST(AKeyedArchive, IsRefusedForItsFrame) {
  EXPECT_EQ(outcome("[]"), "$top: no keyed archive is anything but a dictionary");
  EXPECT_EQ(outcome("{}"), "$archiver: not NSKeyedArchiver");
  EXPECT_EQ(outcome(R"({"$archiver":"NSArchiver","x":1})"), "$archiver: not NSKeyedArchiver");
  EXPECT_EQ(outcome(R"({"$archiver":"NSKeyedArchiver","$version":1})"), "$version: not 100000");
  const std::string front = R"({"$archiver":"NSKeyedArchiver","$version":100000,)";
  EXPECT_EQ(outcome(front + R"("x":1})"), "$objects: none");
  EXPECT_EQ(outcome(front + R"("$objects":[]})"), "$objects: none");
  EXPECT_EQ(outcome(front + R"("$objects":["x"]})"), "$objects[0]: not $null");
  EXPECT_EQ(outcome(front + R"("$objects":["$null"]})"), "$top: none");
  EXPECT_EQ(outcome(json_of("1", "{}")), "$top.root: none");
  EXPECT_EQ(outcome(json_of("1", R"({"root":1})")), "$top.root: none");
  EXPECT_EQ(outcome(json_of("1", R"({"root":{"$uid":2}})")), "$top.root: object 2 is not there");
  EXPECT_EQ(outcome(json_of("1", R"({"root":{"$uid":4294967295}})")), "$top.root: object 4294967295 is not there");
  EXPECT_EQ(outcome(json_of("1", R"({"root":{"$uid":0}})")), "nil");
}

TEST(AKeyedArchive, IsRefusedForClassesThatAreNone) {
  EXPECT_EQ(outcome(json_of("[]")), "$top.root: no object");
  EXPECT_EQ(outcome(json_of("{}")), "$top.root: no object");
  EXPECT_EQ(outcome(json_of(R"({"$dictionary":{"$class":1}})")), "$top.root: no object");
  EXPECT_EQ(outcome(json_of(R"({"$dictionary":{"$class":{"$uid":9}}})")), "$top.root: object 9 is not there");
  EXPECT_EQ(outcome(json_of(R"({"$dictionary":{"$class":{"$uid":0}}})")), "$top.root: its class is none") << "$null";
  EXPECT_EQ(outcome(json_of(R"({"$dictionary":{"$class":{"$uid":1}}})")), "$top.root: its class is none") << "itself";
  const std::string of_two = R"({"$dictionary":{"$class":{"$uid":2}}},)";
  EXPECT_EQ(outcome(json_of(of_two + R"({"$classname":"NSNull","$classes":[]})")), "$top.root: its class is none");
  EXPECT_EQ(outcome(json_of(of_two + R"({"$classname":"NSNull","$classes":["NSSet"]})")),
            "$top.root: its class is none");
  EXPECT_EQ(outcome(json_of(of_two + R"({"$classname":1,"$classes":["NSNull"]})")), "$top.root: its class is none");
  EXPECT_EQ(outcome(json_of(of_two + of_class(std::string(257, 'x')))), "$top.root: its class is none");
  EXPECT_EQ(outcome(json_of(of_two + of_class("NSNull"))), "NSNull");
  EXPECT_EQ(outcome(json_of(R"({"$class":{"$uid":2},"NS.objects":[{"$uid":2}]},)" + of_class("NSArray"))),
            "$objects[1].NS.objects[0]: no object")
      << "a class is no object";
}

// A subclass of what is allowed, a hint, and a class that says it is kin.
TEST(AKeyedArchive, HasExactClassesAlone) {
  const std::string smuggled = json_of(
      R"({"$class":{"$uid":2},"NS.objects":[]},{"$classname":"_PFArray","$classes":["_PFArray","NSArray","NSObject"],)"
      R"("$classhints":["NSArray"]})");
  EXPECT_EQ(outcome(smuggled, {"NSArray"}), "$top.root: class _PFArray not allowed here");
  EXPECT_EQ(outcome(smuggled, {"NSArray", "_PFArray"}), "$top.root: class _PFArray not allowed here")
      << "a name that the library does not know allows nothing";
  EXPECT_EQ(outcome(json_of(R"({"$class":{"$uid":2},"NS.objects":[]},)" + of_class("NSMutableArray")), {"NSArray"}),
            "$top.root: class NSMutableArray not allowed here");
  EXPECT_EQ(outcome(json_of(R"({"$class":{"$uid":2},"NS.objects":[]},)" + of_class("NSObject")), {"NSObject"}),
            "$top.root: class NSObject not allowed here");
}

TEST(AKeyedArchive, AsksForPlainValuesToo) {
  EXPECT_EQ(outcome(json_of("1"), {"NSString"}), "$top.root: class NSNumber not allowed here");
  EXPECT_EQ(outcome(json_of("true"), {"NSString"}), "$top.root: class NSNumber not allowed here");
  EXPECT_EQ(outcome(json_of("\"x\""), {"NSNumber"}), "$top.root: class NSString not allowed here");
  EXPECT_EQ(outcome(json_of(R"({"$data":"AA=="})"), {"NSNumber"}), "$top.root: class NSData not allowed here");
  EXPECT_EQ(outcome(json_of(R"({"$seconds":0.0})"), {"NSNumber"}), "$top.root: class NSDate not allowed here");
}

// The same object is looked at once; what is allowed is asked of each, and nothing of one reading is known in another.
TEST(AKeyedArchive, ForgetsWhatWasAllowedBefore) {
  const auto list = inspect::plist_from_json(
      json_of(R"({"$class":{"$uid":2},"NS.objects":[{"$uid":3}]},)" + of_class("NSArray") +
              R"(,{"$class":{"$uid":4},"NS.base":{"$uid":0},"NS.relative":"x"},)" + of_class("NSURL")));
  ASSERT_TRUE(list);
  EXPECT_TRUE(read(*list, {"NSArray", "NSURL"}));
  const auto narrower = read(*list, {"NSArray"});
  ASSERT_FALSE(narrower);
  EXPECT_EQ(narrower.error().message, "$objects[1].NS.objects[0]: class NSURL not allowed here");
  EXPECT_EQ(narrower.error().kind, Kind::denied);
}

TEST(AKeyedArchive, MayGoRoundInCircles) {
  EXPECT_EQ(outcome(json_of(R"({"$class":{"$uid":2},"NS.objects":[{"$uid":1},{"$uid":3}]},)" + of_class("NSArray") +
                            R"(,{"$class":{"$uid":2},"NS.objects":[{"$uid":1},{"$uid":3}]})")),
            "NSArray #1 2\n  -: #1\n  -: NSArray #2 2\n    -: #1\n    -: #2");
  EXPECT_EQ(outcome(json_of(R"({"$class":{"$uid":2},"NS.base":{"$uid":1},"NS.relative":"x"},)" + of_class("NSURL"))),
            "a URL whose base has a base, and so on");
}

TEST(AKeyedArchive, IsRefusedForFieldsOfOtherTypes) {
  const auto refused = [](const std::string& name, const std::string& fields) {
    return outcome(
        json_of(R"({"$class":{"$uid":2},"x":0)" + fields + "}," + of_class(name) + R"(,"text",7,{"$data":"AAE="})"));
  };
  EXPECT_EQ(refused("NSArray", ""), "$objects[1].NS.objects: no array");
  EXPECT_EQ(refused("NSArray", R"(,"NS.objects":5)"), "$objects[1].NS.objects: no array");
  EXPECT_EQ(refused("NSArray", R"(,"NS.objects":["x"])"), "$objects[1].NS.objects[0]: no reference");
  EXPECT_EQ(refused("NSArray", R"(,"NS.objects":[{"$uid":0}])"), "$objects[1].NS.objects[0]: nil among objects");
  EXPECT_EQ(refused("NSArray", R"(,"NS.objects":[{"$uid":99}])"), "$objects[1].NS.objects[0]: object 99 is not there");
  EXPECT_EQ(refused("NSDictionary", R"(,"NS.keys":[{"$uid":3}],"NS.objects":[])"),
            "$objects[1].NS.objects: not as many as keys");
  EXPECT_EQ(refused("NSDictionary", R"(,"NS.keys":[{"$uid":3},{"$uid":3}],"NS.objects":[{"$uid":4},{"$uid":4}])"),
            "a dictionary with a key twice");
  EXPECT_EQ(refused("NSUUID", R"(,"NS.uuidbytes":"x")"), "$objects[1].NS.uuidbytes: expected data, got string");
  EXPECT_EQ(refused("NSUUID", R"(,"NS.uuidbytes":{"$uid":5})"), "$objects[1].NS.uuidbytes: not 16 bytes");
  EXPECT_EQ(refused("NSDate", ""), "$objects[1].NS.time: missing");
  EXPECT_EQ(refused("NSDate", R"(,"NS.time":"now")"), "$objects[1].NS.time: expected real, got string");
  EXPECT_EQ(refused("NSURL", R"(,"NS.base":{"$uid":3},"NS.relative":"x")"), "$objects[1].NS.base: not a URL");
  EXPECT_EQ(refused("NSURL", R"(,"NS.base":5,"NS.relative":"x")"), "$objects[1].NS.base: no reference");
  EXPECT_EQ(refused("NSURL", R"(,"NS.relative":{"$uid":2})"), "$objects[1].NS.relative: no object");
  EXPECT_EQ(refused("NSError", R"(,"NSDomain":"d","NSCode":{"$uint64":"18446744073709551615"})"),
            "$objects[1].NSCode: more than 63 bits");
  EXPECT_EQ(refused("NSError", R"(,"NSDomain":"d","NSCode":1,"NSUserInfo":{"$uid":3})"),
            "$objects[1].NSUserInfo: not a dictionary");
  EXPECT_EQ(refused("NSCountedSet", R"(,"NS.count":-1)"), "$objects[1].NS.count: negative");
  EXPECT_EQ(refused("NSCountedSet", R"(,"NS.count":9223372036854775807)"), "$objects[1].NS.count: more than there are");
  EXPECT_EQ(refused("NSCountedSet", R"(,"NS.count":1,"NS.object0":{"$uid":3})"),
            "$objects[1]: an object without its count");
  EXPECT_EQ(refused("NSCountedSet", R"(,"NS.count":1,"NS.object0":{"$uid":3},"NS.count0":0)"),
            "$objects[1].NS.count[0]: not once or more");
  EXPECT_EQ(refused("NSOrderedSet", R"(,"NS.object.1":{"$uid":3})"), "$objects[1]: a place is empty");
  EXPECT_EQ(refused("NSOrderedSet", R"(,"NS.object.x":{"$uid":3})"), "$objects[1]: a place that is none");
  EXPECT_EQ(refused("NSOrderedSet", R"(,"NS.object.00":{"$uid":3},"NS.object.0":{"$uid":3})"),
            "$objects[1]: a place that is none");
  EXPECT_EQ(refused("NSIndexSet", R"(,"NSRangeCount":1,"NSLocation":0,"NSLength":0)"),
            "$objects[1]: ranges that are no set");
  EXPECT_EQ(refused("NSIndexSet", R"(,"NSRangeCount":1,"NSLocation":9223372036854775807,"NSLength":1)"),
            "$objects[1]: ranges that are no set");
  EXPECT_EQ(refused("NSIndexSet", R"(,"NSRangeCount":2,"NSRangeData":{"$uid":5})"),
            "$objects[1].NSRangeData: not as many ranges as there are to be");
  EXPECT_EQ(refused("NSIndexPath", R"(,"NSIndexPathLength":3,"NSIndexPathData":{"$uid":5})"),
            "$objects[1].NSIndexPathData: not as many as there are to be");
  EXPECT_EQ(refused("NSIndexPath", R"(,"NSIndexPathLength":2,"NSIndexPathData":{"$uid":3})"),
            "$objects[1].NSIndexPathData: no data");
  EXPECT_EQ(refused("NSValue", R"(,"NS.special":99)"), "$objects[1].NS.special: a value of no known kind");
  EXPECT_EQ(refused("NSValue", R"(,"NS.special":3,"NS.rectval":"{1, 2}")"),
            "$objects[1].NS.rectval: not so many numbers");
  EXPECT_EQ(refused("NSValue", R"(,"NS.special":1,"NS.pointval":"{a, b}")"),
            "$objects[1].NS.pointval: not so many numbers");
  EXPECT_EQ(refused("NSValue", R"(,"$0":"[1i]","$1":{"$uid":3})"), "$objects[1].$1: no object");
  EXPECT_EQ(refused("NSNumber", ""), "$objects[1]: a class that has no objects of its own");
  EXPECT_EQ(
      refused("NSAttributedString", R"(,"NSString":"abc","NSAttributeInfo":{"$uid":5},"NSAttributes":{"$uid":3})"),
      "$objects[1].NSAttributes: no array");
}

// Numbers of a type, and a count that would overflow.
TEST(AKeyedArchive, IsRefusedForArraysOfNumbersThatAreNone) {
  const auto refused = [](const std::string& type, const std::string& fields) {
    return outcome(json_of(R"({"$class":{"$uid":2},"$0":")" + type + R"(","$1":{"$uid":3}},)" + of_class("NSValue") +
                           R"(,{"$class":{"$uid":4},"x":0)" + fields + "}," + of_class("_NSKeyedCoderOldStyleArray")));
  };
  EXPECT_EQ(refused("[1i]", R"(,"NS.type":105,"NS.count":1,"NS.size":4,"$0":7)"), "NSValue [1i] 7");
  EXPECT_EQ(refused("[1i]", R"(,"NS.type":105,"NS.count":9223372036854775807)"),
            "$objects[3].NS.count: more than there are");
  EXPECT_EQ(refused("[1i]", R"(,"NS.type":64,"NS.count":1)"), "$objects[3].NS.type: no type of numbers");
  EXPECT_EQ(refused("[1i]", R"(,"NS.type":100,"NS.count":1,"$0":1.5)"),
            "$objects[3].NS.type: not the type that it is said to be");
  EXPECT_EQ(refused("[1d]", R"(,"NS.type":100,"NS.count":1,"$0":1)"), "$objects[3]: a number of another type");
  EXPECT_EQ(refused("[2i]", R"(,"NS.type":105,"NS.count":2,"$0":1)"), "$objects[3]: a number is missing");
}

TEST(AKeyedArchive, HoldsRecordsOfTheFieldsThatAreAllowed) {
  Allowed allowed{"NSString", "NSNumber"};
  allowed.add_record("LLBSDProcessInfo", {"processName", "processIdentifier", "$odd"});
  const std::string info = R"(,)" + of_class("LLBSDProcessInfo");
  EXPECT_EQ(
      outcome(
          json_of(R"({"$class":{"$uid":3},"processName":{"$uid":2},"processIdentifier":17,"$$odd":true},"me")" + info),
          allowed),
      "LLBSDProcessInfo\n  $odd: true\n  processIdentifier: 17\n  processName: NSString \"me\"");
  EXPECT_EQ(outcome(json_of(R"({"$class":{"$uid":3},"processName":{"$uid":0}},"me")" + info), allowed),
            "LLBSDProcessInfo\n  processName: nil");
  EXPECT_EQ(outcome(json_of(R"({"$class":{"$uid":3},"other":1},"me")" + info), allowed),
            "$objects[1].other: a field that is none");
  EXPECT_EQ(outcome(json_of(R"({"$class":{"$uid":3},"processName":[]},"me")" + info), allowed),
            "$objects[1].processName: no value of a field");
  EXPECT_EQ(outcome(json_of(R"({"$class":{"$uid":3},"processName":{"$uid":1}},"me")" + info), Allowed()),
            "$top.root: class LLBSDProcessInfo not allowed here");
}

// Many objects that share one large part do not take as much memory as if each had it.
TEST(AKeyedArchive, DoesNotMultiplyWhatIsShared) {
  std::string objects = R"({"$class":{"$uid":2},"NS.objects":[)";
  constexpr int kUrls = 200;
  for (int i = 0; i < kUrls; ++i) objects += (i > 0 ? "," : "") + (R"({"$uid":)" + std::to_string(5 + i) + "}");
  objects += "]}," + of_class("NSArray") + "," + of_class("NSURL") + ",\"" + std::string(1 << 20, 'x') + "\"";
  for (int i = 0; i < kUrls; ++i) objects += R"(,{"$class":{"$uid":3},"NS.relative":{"$uid":4}})";
  EXPECT_EQ(outcome(json_of(objects)), "parts that objects share take more than 64 MiB for all");
}

// A part that many objects share is looked at by each, and paid for: here a dictionary with many fields.
TEST(AKeyedArchive, DoesNotLookAtWhatIsSharedForEver) {
  constexpr int kTexts = 3000;
  constexpr int kFields = 30'000;
  std::string objects = R"({"$class":{"$uid":2},"NS.objects":[)";
  for (int i = 0; i < kTexts; ++i) objects += (i > 0 ? "," : "") + (R"({"$uid":)" + std::to_string(7 + i) + "}");
  objects += "]}," + of_class("NSArray") + "," + of_class("NSAttributedString") + R"(,{"a":0)";
  for (int i = 0; i < kFields; ++i) objects += ",\"f" + std::to_string(i) + "\":0";
  objects += R"(,"$class":{"$uid":5},"NS.objects":[]},)" + of_class("NSMutableArray") + R"(,{"$data":""})";
  for (int i = 0; i < kTexts; ++i) {
    objects += R"(,{"$class":{"$uid":3},"NSString":"","NSAttributeInfo":{"$uid":6},"NSAttributes":{"$uid":4}})";
  }
  EXPECT_EQ(outcome(json_of(objects)), "parts that objects share take more than 64 MiB for all");
}

// However often the list of objects names one, it is one.
TEST(AKeyedArchive, HasNoTwoObjectsThatAreOne) {
  plist::Writer writer;
  const auto key = [&](const char* name) { return writer.string(name); };
  const std::array record{plist::Writer::Entry{key("$classname"), key("NSNull")},
                          plist::Writer::Entry{key("$classes"), writer.array(std::array{key("NSNull")})}};
  const plist::Ref text = writer.string("one text");
  const plist::Ref object = writer.dictionary(std::array{plist::Writer::Entry{key("$class"), writer.uid(2)}});
  const auto archive = [&](plist::Ref twice) {
    plist::Writer copy = writer;
    const auto entry = [&](const char* name, plist::Ref value) {
      return plist::Writer::Entry{copy.string(name), value};
    };
    const plist::Ref of_class = copy.dictionary(record);
    const std::array kin{entry("$classname", copy.string("NSArray")),
                         entry("$classes", copy.array(std::array{copy.string("NSArray")}))};
    const std::array list{entry("$class", copy.uid(3)),
                          entry("NS.objects", copy.array(std::array{copy.uid(4), copy.uid(5)}))};
    const std::array objects{copy.string("$null"), copy.dictionary(list), of_class, copy.dictionary(kin), twice, twice};
    const std::array whole{
        entry("$version", copy.integer(std::int64_t{100'000})), entry("$archiver", copy.string("NSKeyedArchiver")),
        entry("$top", copy.dictionary(std::array{entry("root", copy.uid(1))})), entry("$objects", copy.array(objects))};
    const auto graph = read(Data(copy.finish(copy.dictionary(whole)).value()), kAll);
    return graph ? inspect::text_of(*graph) : graph.error().message;
  };
  EXPECT_EQ(archive(text), "NSArray 2\n  -: NSString \"one text\"\n  -: NSString \"one text\"")
      << "equal text is one value";
  EXPECT_EQ(archive(object), "$objects[1].NS.objects[0]: an object that is another, too");
}

// What a stranger calls things is shown as far as it is short and harmless.
TEST(AKeyedArchive, SaysLittleOfAStrangersNames) {
  const std::string said =
      outcome(json_of(R"({"$dictionary":{"$class":{"$uid":2}}},)" + of_class("\\u001b[2J" + std::string(200, 'x'))));
  EXPECT_EQ(said.find('\x1b'), std::string::npos);
  EXPECT_LT(said.size(), 120U);
}

// A mutable text is an object of its own, wherever a text stands.
TEST(AKeyedArchive, HasMutableTextsWhereTextsAre) {
  EXPECT_EQ(outcome(json_of(R"({"$class":{"$uid":2},"NSString":{"$uid":3}},)" + of_class("NSAttributedString") +
                            R"(,{"$class":{"$uid":4},"NS.string":"abc"},)" + of_class("NSMutableString"))),
            "NSAttributedString \"abc\"");
}

TEST(AGraph, IsWrittenAndReadAgain) {
  Graph graph;
  const Ref text = graph.add(std::string("ä"));
  const Ref map = graph.add(Map{{{text, text}}});
  const Ref list = graph.add("NSMutableArray", List());
  graph.at(list).value = List{{
      graph.add(Null()),
      graph.add(true),
      graph.add(plist::Integer{7}),
      graph.add(plist::Integer{UINT64_MAX, true}),
      graph.add(1.5),
      graph.add("NSMutableString", std::string("m")),
      graph.add(Data(std::vector<std::byte>(3))),
      graph.add("NSMutableData", Data(std::vector<std::byte>(2))),
      graph.add(Date{-0.5}),
      graph.add(Uuid()),
      graph.add(Url{"x", graph.add(Url{"y", {}})}),
      graph.add("NSSet", List{{text}}),
      graph.add(CountedSet{{{text, 3}}}),
      map,
      graph.add(IndexSet{{{0, 1}, {5, 2}}}),
      graph.add(IndexPath{{1, 2, 300}}),
      graph.add(AttributedText{"aä€", {{1, map}, {2, map}}}),
      graph.add(Range{1, 2}),
      graph.add(Point{1, -2.5}),
      graph.add(Size{3, 4}),
      graph.add(Rect{{1, 2}, {3, 4}}),
      graph.add(EdgeInsets{1, 2, 3, 4}),
      graph.add(Numbers{'d', {1.5, 2.5}}),
      graph.add(Failure{"domain", -3, map}),
      graph.add(Notification{"n", list, {}}),
      graph.add("Own", Record{{{"a", true},
                               {"b", plist::Integer{1}},
                               {"c", 0.5},
                               {"d", std::string("s")},
                               {"e", Data(std::vector<std::byte>(1))},
                               {"f", text},
                               {"g", {}},
                               {"$h", true}}}),
      list,
  }};
  graph.root = list;
  const auto bytes = write(graph);
  ASSERT_TRUE(bytes) << bytes.error().message;
  Allowed allowed = kAll;
  allowed.add_record("Own", {"a", "b", "c", "d", "e", "f", "g", "$h"});
  const auto again = read(Data(*bytes), allowed);
  ASSERT_TRUE(again) << again.error().message;
  EXPECT_EQ(inspect::text_of(*again), inspect::text_of(graph));
  EXPECT_EQ(again->count(), graph.count());
}

TEST(AGraph, IsShownAsFarAsItsRootLeads) {
  Graph graph;
  const Ref once = graph.add(std::string("once"));
  const Ref twice = graph.add(std::string("twice"));
  graph.root = graph.add(List{{once, twice, twice}});
  const std::string text = inspect::text_of(graph);
  graph.add(List{{once, once}});
  EXPECT_EQ(inspect::text_of(graph), text) << "nobody sees what nobody refers to";
  EXPECT_NE(text.find("NSString \"once\""), std::string::npos) << text;
  EXPECT_NE(text.find("NSString #1 \"twice\""), std::string::npos) << text;
}

TEST(AGraph, IsWrittenAsFarAsItsRootLeads) {
  Graph graph;
  const Ref secret = graph.add(std::string("nobody refers to this"));
  graph.add(List{{secret}});
  const Ref shared = graph.add(std::string("shared"));
  graph.root = graph.add(List{{shared, shared}});
  const auto bytes = write(graph);
  ASSERT_TRUE(bytes) << bytes.error().message;
  const std::string_view text(reinterpret_cast<const char*>(bytes->data()), bytes->size());
  EXPECT_EQ(text.find("nobody"), std::string_view::npos);
  const auto again = read(Data(*bytes), {"NSArray", "NSString"});
  ASSERT_TRUE(again) << again.error().message;
  EXPECT_EQ(again->count(), 2U);
  const auto* list = again->get<List>(*again->root);
  EXPECT_EQ(list->items.at(0), list->items.at(1));
}

TEST(AGraph, IsNotWrittenWhereItCouldNotBeReadAgain) {
  const auto refusal = [](const std::function<Ref(Graph&)>& make) {
    Graph graph;
    graph.root = make(graph);
    const auto bytes = write(graph);
    return bytes ? "written" : bytes.error().message;
  };
  EXPECT_EQ(refusal([](Graph& g) { return g.add(List{{Ref{9}}}); }), "$objects[1]: a reference to what is not there");
  EXPECT_EQ(refusal([](Graph&) { return Ref{3}; }), "$objects[0]: a reference to what is not there");
  EXPECT_EQ(refusal([](Graph& g) { return g.add(Url{"x", g.add(Null())}); }),
            "$objects[1]: refers to what is not a URL");
  EXPECT_EQ(refusal([](Graph& g) { return g.add("NSArray", Null()); }),
            "$objects[1]: class NSArray does not hold that");
  EXPECT_EQ(refusal([](Graph& g) { return g.add("Other", Null()); }), "$objects[1]: class Other does not hold that");
  EXPECT_EQ(refusal([](Graph& g) { return g.add("NSArray", Record()); }),
            "$objects[1]: class NSArray is none of a user's");
  EXPECT_EQ(refusal([](Graph& g) { return g.add(IndexSet{{{5, 1}, {6, 1}}}); }), "$objects[1]: ranges that are no set");
  EXPECT_EQ(refusal([](Graph& g) { return g.add(CountedSet{{{g.add(Null()), 0}}}); }),
            "$objects[1]: an object that is there no times");
  EXPECT_EQ(refusal([](Graph& g) {
              const Ref key = g.add(std::string("k"));
              return g.add(Map{{{key, key}, {g.add(std::string("k")), key}}});
            }),
            "$objects[1]: a key twice");
  EXPECT_EQ(refusal([](Graph& g) { return g.add(AttributedText{"abc", {{2, g.add(Map())}}}); }),
            "$objects[1]: runs that do not fit the text");
  EXPECT_EQ(refusal([](Graph& g) { return g.add(Numbers{'x', {}}); }), "$objects[1]: a number of another type");
  EXPECT_EQ(refusal([](Graph& g) { return g.add(Numbers{'i', {1.5}}); }), "$objects[1]: a number of another type");
  EXPECT_EQ(refusal([](Graph& g) { return g.add(Numbers{'c', {std::int64_t{300}}}); }),
            "$objects[1]: a number of another type");
  EXPECT_EQ(refusal([](Graph& g) { return g.add(IndexPath{{UINT64_MAX}}); }),
            "$objects[1]: an index of more than 63 bits");
  EXPECT_EQ(refusal([](Graph& g) { return g.add(Range{0, UINT64_MAX}); }),
            "$objects[1]: an index of more than 63 bits");
  EXPECT_EQ(refusal([](Graph& g) {
              const Ref url = g.add(Url{"x", {}});
              std::get<Url>(g.at(url).value).base = url;
              return url;
            }),
            "$objects[1]: a URL whose base has a base, and so on");
  EXPECT_EQ(refusal([](Graph& g) { return g.add(Url{"x", g.add(Url{"y", Ref{100'000'000}})}); }),
            "$objects[2]: a reference to what is not there");
  EXPECT_EQ(refusal([](Graph& g) { return g.add(std::string(300, 'x'), Record()); }).substr(0, 18),
            "$objects[1]: class");
  EXPECT_EQ(refusal([](Graph& g) { return g.add(Date{std::nan("")}); }), "$objects[1]: a date that is no number");
  EXPECT_EQ(refusal([](Graph& g) { return g.add(std::string("\xff")); }), "text is not UTF-8");
}

}  // namespace
}  // namespace reeve::archive
