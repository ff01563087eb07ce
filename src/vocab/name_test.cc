#include "name.hpp"

#include <gtest/gtest.h>

#include "text.hpp"

namespace reeve::vocab {
namespace {

TEST(Name, RefusesWhatIsNoName) {
  const std::string too_long(128, 'a');
  for (const char* name : {"", ".", "a..b", ".a", "a.", "a b", "a/b", "a\n", "\xc3\xa4", too_long.c_str()}) {
    const auto checked = check_name(name);
    ASSERT_FALSE(checked) << name;
    EXPECT_EQ(checked.error().kind, Kind::invalid);
    EXPECT_FALSE(checked.error().advice.empty());
  }
}

TEST(Name, AcceptsComponentsUpTo127Bytes) {
  EXPECT_TRUE(check_name("org.example.thumb-nailer_2"));
  EXPECT_TRUE(check_name("A"));
  EXPECT_TRUE(check_name(std::string(127, 'a')));
}

TEST(Text, ShowsNothingThatATerminalCouldTakeForACommand) {
  EXPECT_EQ(printable("plain, \xc3\xa4\xe2\x82\xac"), "plain, \xc3\xa4\xe2\x82\xac");
  EXPECT_EQ(printable("\x1b[31m\n\t\x7f"), "?[31m???");
  EXPECT_EQ(printable("\xc2\x9b"
                      "31m \x9b"
                      "31m \xff"),
            "?31m ?31m ?");
  EXPECT_EQ(printable(std::string_view("a\0b", 3)), "a?b");
  EXPECT_TRUE(is_text(printable("\xf0\x9f\x98")));
}

TEST(Kind, IsFoundAgainByItsName) {
  for (const Kind kind :
       {Kind::invalid, Kind::denied, Kind::gone, Kind::busy, Kind::unsupported, Kind::timeout, Kind::interrupted}) {
    EXPECT_EQ(kind_named(name_of(kind)), kind);
  }
  EXPECT_EQ(kind_named("from the future"), Kind::invalid);
}

}  // namespace
}  // namespace reeve::vocab
