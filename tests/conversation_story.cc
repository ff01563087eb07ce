// What conversation_unit tells in memory, across processes.
#include <gtest/gtest.h>

#include "support/conversations.hpp"

namespace reeve::test {
namespace {

struct Conversation : testing::TestWithParam<TitledStory> {};

TEST_P(Conversation, AcrossProcesses) {
  AcrossProcesses stage;
  tell(stage, GetParam().story);
}

INSTANTIATE_TEST_SUITE_P(Story, Conversation, testing::ValuesIn(conversations().begin(), conversations().end()),
                         [](const auto& info) { return std::string(info.param.title); });

}  // namespace
}  // namespace reeve::test
