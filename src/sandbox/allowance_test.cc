// What an administrator's file allows.
#include "allowance.hpp"

#include <gtest/gtest.h>

namespace reeve::sandbox {
namespace {

TEST(MayLack, IsALayerToALineAndCommentsAreNone) {
  EXPECT_EQ(*parse_allowance(""), 0U);
  EXPECT_EQ(*parse_allowance("\n# nothing\n   \n"), 0U);
  EXPECT_EQ(*parse_allowance("landlock"), 1U);
  const auto both = *parse_allowance("  landlock\t# an old kernel\r\nno-new-code\n");
  EXPECT_TRUE(has(both, Layer::landlock));
  EXPECT_TRUE(has(both, Layer::no_new_code));
  EXPECT_FALSE(has(both, Layer::landlock_ports));
}

TEST(MayLack, IsNothingAtAllWhereALineIsNotUnderstood) {
  const auto fault = [](const char* text) { return parse_allowance(text).error().message; };
  EXPECT_EQ(fault("landlock\nseccomp\n"), "line 2: no layer is called \"seccomp\"");
  EXPECT_EQ(fault("landlock landlock"), "line 1: no layer is called \"landlock landlock\"");
  EXPECT_EQ(fault("\x1b[2J"), "line 1: no layer is called \"?[2J\"");
}

}  // namespace
}  // namespace reeve::sandbox
