#include "error.hpp"

#include <gtest/gtest.h>

namespace reeve::vocab {
namespace {

TEST(Retry, FollowsFromWhatHappened) {
  const auto after = [](Kind kind, std::int32_t code = 0) { return retry_of(Error{kind, code, "", ""}); };
  EXPECT_EQ(after(Kind::invalid), Retry::never);
  EXPECT_EQ(after(Kind::denied), Retry::never);
  EXPECT_EQ(after(Kind::gone), Retry::never);
  EXPECT_EQ(after(Kind::unsupported), Retry::never);
  EXPECT_EQ(after(Kind::busy), Retry::later);
  EXPECT_EQ(after(Kind::timeout), Retry::now_if_harmless);
  EXPECT_EQ(after(Kind::interrupted, code::kInterrupted), Retry::now_if_harmless);
  EXPECT_EQ(after(Kind::interrupted, code::kNotTakenUp), Retry::now);
  EXPECT_EQ(after(Kind::invalid, code::kNotTakenUp), Retry::never) << "a service's own word";
}

}  // namespace
}  // namespace reeve::vocab
