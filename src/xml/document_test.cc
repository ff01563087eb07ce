#include "document.hpp"

#include <gtest/gtest.h>

#include "../vocab/bounds.hpp"

namespace reeve::xml {
namespace {

std::string list(const std::string& body) {
  return "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<plist version=\"1.0\">\n" + body + "\n</plist>\n";
}

std::string fault_of(const std::string& text) {
  const auto parsed = parse_document(text);
  return parsed ? "parsed" : parsed.error().message;
}

std::string fault_in(const std::string& body) { return fault_of(list("<dict>" + body + "</dict>")); }

TEST(Xml, RefusesWhatIsNoPropertyListWithItsLine) {
  EXPECT_EQ(fault_of(""), "line 1: no element found");
  EXPECT_EQ(fault_of("not xml"), "line 1: syntax error");
  EXPECT_EQ(fault_of(list("<dict>")), "line 4: mismatched tag");
  EXPECT_EQ(fault_of("<dict></dict>"), "line 1: <dict> outside of <plist>");
  EXPECT_EQ(fault_of(list("<array/>")), "line 1: the property list holds no dictionary");
  EXPECT_EQ(fault_of(list("<dict/><dict/>")), "line 3: a second value in <plist>");
  EXPECT_EQ(fault_of(list("")), "line 1: the property list holds no value");
  EXPECT_EQ(fault_in("<key>a</key>"), "line 3: the key a has no value");
  EXPECT_EQ(fault_in("<string>a</string>"), "line 3: a value without a key");
  EXPECT_EQ(fault_in("<key>a</key><key>b</key>"), "line 3: the key a has no value");
  EXPECT_EQ(fault_in("<key>a</key><true/><key>a</key><true/>"), "line 3: the key a stands twice");
  EXPECT_EQ(fault_in("<key>a</key><set/>"), "line 3: unknown element <set>");
  EXPECT_EQ(fault_in("<key>a</key><string><true/></string>"), "line 3: an element within a plain value");
  EXPECT_EQ(fault_in("text"), "line 3: text outside of a value");
  EXPECT_EQ(fault_in("<key>a</key><integer>x</integer>"), "line 3: \"x\" is no integer of 64 bits");
  EXPECT_EQ(fault_in("<key>a</key><integer>99999999999999999999</integer>"),
            "line 3: \"99999999999999999999\" is no integer of 64 bits");
  EXPECT_EQ(fault_in("<key>a</key><real>1.5x</real>"), "line 3: \"1.5x\" is no number");
  EXPECT_EQ(fault_in("<key>a</key><data>*</data>"), "line 3: \"*\" is no base64");
  EXPECT_EQ(fault_in("<key>a</key><date>today</date>"),
            "line 3: \"today\" is no date of the form 2026-01-31T12:00:00Z");
}

TEST(Xml, ExpandsNoEntity) {
  const std::string bomb =
      "<!DOCTYPE plist [<!ENTITY a \"aaaa\"><!ENTITY b \"&a;&a;&a;\">]>\n<plist><dict><key>k</key>"
      "<string>&b;</string></dict></plist>";
  EXPECT_EQ(fault_of(bomb), "line 1: a DOCTYPE with declarations of its own");
  const std::string outside =
      "<!DOCTYPE plist [<!ENTITY x SYSTEM "
      "\"file:///etc/passwd\">]><plist><dict><key>k</key><string>&x;</string></dict></plist>";
  EXPECT_EQ(fault_of(outside), "line 1: a DOCTYPE with declarations of its own");
  EXPECT_NE(fault_in("<key>a</key><string>&undefined;</string>"), "parsed");
}

TEST(Xml, BoundsDepthCountAndSize) {
  std::string deep;
  for (int i = 0; i < 40; ++i) deep += "<array>";
  EXPECT_EQ(fault_in("<key>a</key>" + deep), "line 3: elements nest deeper than 32 levels");
  std::string many = "<key>a</key><array>";
  for (int i = 0; i < 9000; ++i) many += "<true/>";
  EXPECT_EQ(fault_in(many + "</array>"), "line 3: more than 8192 values");
  EXPECT_EQ(fault_in(std::string(kJobFileBytesMax, ' ')), "a property list is larger than 64 KiB");
}

TEST(Xml, ReadsEveryTypeAndKnowsItsLine) {
  const auto parsed = parse_document(list(R"(<dict>
  <key>s</key><string>a &amp; b</string>
  <key>i</key><integer>-5</integer>
  <key>h</key><integer>0xff</integer>
  <key>u</key><integer>18446744073709551615</integer>
  <key>r</key><real>2.5</real>
  <key>d</key><data>3q2+
    70I=</data>
  <key>t</key><date>2026-01-31T12:00:00Z</date>
  <key>l</key><array><true/><false/></array>
</dict>)"));
  ASSERT_TRUE(parsed) << parsed.error().message;
  EXPECT_EQ(*parsed->root.find("s"), Object("a & b"));
  EXPECT_EQ(*parsed->root.find("i"), Object(-5));
  EXPECT_EQ(*parsed->root.find("h"), Object(255));
  EXPECT_EQ(*parsed->root.find("u"), Object(std::uint64_t{18446744073709551615U}));
  EXPECT_EQ(*parsed->root.find("r"), Object(2.5));
  EXPECT_EQ(parsed->root.find("d")->get<Data>()->size(), 5U);
  EXPECT_EQ(*parsed->root.find("l"), Object(Array{Object(true), Object(false)}));
  EXPECT_EQ(parsed->line_of("s"), 4);
  EXPECT_EQ(parsed->line_of("l[1]"), 12);
  EXPECT_EQ(parsed->line_of("l[7]"), 12);
  EXPECT_EQ(parsed->line_of("nowhere"), 3);
}

}  // namespace
}  // namespace reeve::xml
