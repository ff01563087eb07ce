#include "list.hpp"

#include <gtest/gtest.h>

#include <cmath>

#include "../plist/writer.hpp"
#include "../vocab/bounds.hpp"

namespace reeve::xml {
namespace {

using plist::Ref;
using plist::ValueType;

std::string list_of(const std::string& body) { return "<plist version=\"1.0\">" + body + "</plist>"; }

std::string fault_of(const std::string& text) {
  const auto list = parse_list(text);
  return list ? "parsed" : list.error().message;
}

// What writing what a writer was told comes to.
std::string outcome(Ref (*tell)(plist::Writer& writer)) {
  plist::Writer writer;
  const Ref root = tell(writer);
  const auto list = plist::PropertyList::check(Data(writer.finish(root).value()));
  const auto text = write_list(list->root());
  if (!text) return text.error().message;
  // Without what stands around each.
  const std::size_t begin = text->find("<plist version=\"1.0\">\n") + 22;
  return text->substr(begin, text->rfind("\n</plist>") - begin);
}

TEST(AnXmlList, IsRefusedWithItsLine) {
  EXPECT_EQ(fault_of(""), "line 1: no element found");
  EXPECT_EQ(fault_of(list_of("")), "line 1: the property list holds no value");
  EXPECT_EQ(fault_of(list_of("<dict><key>a</key><true/><key>a</key><true/></dict>")), "line 1: the key a stands twice");
  EXPECT_EQ(fault_of(list_of("<date>2026-13-01T00:00:00Z</date>")),
            "line 1: \"2026-13-01T00:00:00Z\" is no date of the form 2026-01-31T12:00:00Z");
  EXPECT_EQ(fault_of("<!DOCTYPE plist [<!ENTITY a \"b\">]>" + list_of("<string>&a;</string>")),
            "line 1: a DOCTYPE with declarations of its own");
  std::string deep;
  for (std::size_t i = 0; i < kPlistDepthMax + 1; ++i) deep += "<array>";
  EXPECT_EQ(fault_of(list_of(deep + "<array>")), "line 1: elements nest deeper than 513 levels");
}

TEST(AnXmlList, MayHoldWhateverIsAtItsTop) {
  EXPECT_EQ(parse_list(list_of("<string>x</string>"))->root().text(), "x");
  EXPECT_EQ(parse_list(list_of("<array/>"))->root().count(), 0U);
  EXPECT_EQ(parse_list(list_of("<real>+infinity</real>"))->root().real(), HUGE_VAL);
  EXPECT_EQ(parse_list(list_of("<date>0001-01-01T00:00:00Z</date>"))->root().date(), -63'113'904'000);
  std::string deep;
  for (std::size_t i = 0; i + 1 < kPlistDepthMax; ++i) deep += "<array>";
  deep += "<array/>";
  for (std::size_t i = 0; i + 1 < kPlistDepthMax; ++i) deep += "</array>";
  EXPECT_EQ(fault_of(list_of(deep)), "parsed");
}

TEST(AnXmlList, HasUids) {
  const auto uid = [](const char* number) {
    return parse_list(list_of("<dict><key>CF$UID</key><integer>" + std::string(number) + "</integer></dict>"))
        ->root()
        .type();
  };
  EXPECT_EQ(uid("4294967295"), ValueType::uid);
  EXPECT_EQ(uid("4294967296"), ValueType::dictionary);
  EXPECT_EQ(uid("-1"), ValueType::dictionary);
  const auto more =
      parse_list(list_of("<dict><key>CF$UID</key><integer>1</integer><key>a</key><integer>1</integer></dict>"));
  EXPECT_EQ(more->root().type(), ValueType::dictionary);
  EXPECT_EQ(outcome([](plist::Writer& w) { return w.uid(7); }),
            "<dict>\n\t<key>CF$UID</key>\n\t<integer>7</integer>\n</dict>");
}

TEST(AnXmlList, HasNoFormForSomeValues) {
  EXPECT_EQ(outcome([](plist::Writer& w) { return w.null(); }), "a value of type null has no form in XML");
  EXPECT_EQ(outcome([](plist::Writer& w) { return w.set({}); }), "a value of type set has no form in XML");
  EXPECT_EQ(outcome([](plist::Writer& w) { return w.ordered_set({}); }),
            "a value of type ordered set has no form in XML");
  EXPECT_EQ(outcome([](plist::Writer& w) { return w.string("a\x01"); }),
            "text with a control character has no form in XML");
  EXPECT_EQ(outcome([](plist::Writer& w) { return w.string(std::string_view("a\0b", 3)); }),
            "text with a control character has no form in XML");
  EXPECT_EQ(outcome([](plist::Writer& w) { return w.string("\xef\xbf\xbf"); }),
            "text with U+FFFE or U+FFFF has no form in XML");
  EXPECT_EQ(outcome([](plist::Writer& w) { return w.date(0.5); }), "a date with a part of a second has no form in XML");
  EXPECT_EQ(outcome([](plist::Writer& w) { return w.date(1e12); }),
            "a date that is not of the years 1 to 9999 has no form in XML");
  EXPECT_EQ(outcome([](plist::Writer& w) { return w.date(-63'113'904'001); }),
            "a date that is not of the years 1 to 9999 has no form in XML");
}

TEST(AnXmlList, MakesNoUidsOfDictionaries) {
  EXPECT_EQ(outcome([](plist::Writer& w) {
              const plist::Writer::Entry entry{w.string("CF$UID"), w.integer(std::int64_t{5})};
              return w.dictionary(std::span(&entry, 1));
            }),
            "a dictionary with the one key CF$UID has no form in XML");
}

TEST(AnXmlList, IsOfTheEncodingThatItSays) {
  EXPECT_EQ(
      parse_list("<?xml version=\"1.0\" encoding=\"ISO-8859-1\"?><plist><string>\xe9</string></plist>")->root().text(),
      "é");
  EXPECT_EQ(fault_of(list_of("<string>\xe9</string>")), "line 1: not well-formed (invalid token)");
  EXPECT_EQ(parse_list(list_of("<integer>+5</integer>"))->root().integer().value(), 5);
  EXPECT_EQ(fault_of(list_of("<integer>+-5</integer>")), "line 1: \"+-5\" is no integer of 64 bits");
}

TEST(AnXmlList, EscapesText) {
  EXPECT_EQ(outcome([](plist::Writer& w) { return w.string("<a> & \"b\"\r\n"); }),
            "<string>&lt;a&gt; &amp; \"b\"&#13;\n</string>");
  EXPECT_EQ(outcome([](plist::Writer& w) {
              const plist::Writer::Entry entry{w.string("<k>"), w.real(-0.1)};
              return w.dictionary(std::span(&entry, 1));
            }),
            "<dict>\n\t<key>&lt;k&gt;</key>\n\t<real>-0.1</real>\n</dict>");
}

}  // namespace
}  // namespace reeve::xml
