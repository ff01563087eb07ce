#include <gtest/gtest.h>

#include "broker.hpp"
#include "spawner.hpp"

namespace reeve::contract {
namespace {

std::string fault_of(const Dictionary& message) {
  const auto request = decode_request(message);
  return request ? "a request" : request.error().message;
}

Dictionary call(const char* method, Array arguments) { return object::call_message({method, std::move(arguments)}); }

TEST(BrokerContract, RefusesWhatIsNoRequest) {
  EXPECT_EQ(fault_of({}), "method: missing");
  EXPECT_EQ(fault_of(call("shut_down", {})), "the broker has no method \"shut_down\"");
  EXPECT_EQ(fault_of(call("look_up", {})), "look_up: expected 4 arguments, got 0");
  const auto look_up = [](Object name) {
    return fault_of(call("look_up", {std::move(name), Object(0), Object(""), Object(std::uint64_t{0})}));
  };
  EXPECT_EQ(look_up(Object(1)), "look_up[0]: expected string, got int64");
  EXPECT_EQ(look_up(Object("a..b")), "a name has an empty component");
  EXPECT_EQ(fault_of(call("list", {Object(1)})), "list: expected 0 arguments, got 1");
  EXPECT_EQ(fault_of(call("retire", {Object(-1)})), "retire[0]: expected uint64, got -1");
  EXPECT_EQ(fault_of(call("redeem", {Object("token"), Object("")})), "redeem[0]: expected endpoint, got string");
}

TEST(BrokerContract, DecodesWhatItEncodes) {
  EXPECT_EQ(std::get<LookUp>(*decode_request(encode(LookUp{"a.b"}))).name, "a.b");
  EXPECT_EQ(std::get<Retire>(*decode_request(encode(Retire{7}))).last, 7U);
  EXPECT_TRUE(std::holds_alternative<List>(*decode_request(encode(List{}))));
  EXPECT_TRUE(std::holds_alternative<CheckIn>(*decode_request(encode(CheckIn{}))));
  EXPECT_EQ(std::get<CheckIn>(*decode_request(encode(CheckIn{{{"a", "user"}}}))).callers.at("a"), "user");
  EXPECT_EQ(std::get<Join>(*decode_request(encode(Join{"a.b"}))).group, "a.b");
  EXPECT_FALSE(decode_request(encode(Join{"../b"})));
}

std::vector<std::byte> bytes_of(const WithText<SpawnerRequest>& request) {
  const auto head = std::as_bytes(std::span(&request.head, 1));
  const auto text = std::as_bytes(std::span(request.text));
  std::vector<std::byte> out(head.begin(), head.end());
  out.insert(out.end(), text.begin(), text.end());
  return out;
}

TEST(SpawnerContract, RefusesSizesAndCountsThatDoNotFit) {
  const auto request = *encode_launch(3, 2, {}, {"label", "/bin/a", "", "", "", "", {"x"}, {"A=B"}});
  auto bytes = bytes_of(request);
  EXPECT_FALSE(decode_line<SpawnerRequest>(std::span(bytes).first(8)));
  EXPECT_FALSE(decode_line<SpawnerRequest>(std::span(bytes).first(bytes.size() - 1)));
  bytes.push_back(std::byte{0});
  EXPECT_FALSE(decode_line<SpawnerRequest>(bytes));
  auto fewer = request;
  fewer.head.argument_count = 0;
  EXPECT_FALSE(decode_launch(fewer));
  auto more = request;
  more.head.environment_count = 0xffffffff;
  EXPECT_FALSE(decode_launch(more));
  auto outside = *encode_launch(3, 2, {}, {"label", "/bin/a", "", "", "", "", {}, {}, {"../a"}});
  EXPECT_FALSE(decode_launch(outside)) << "a group is a name, and no path";
  EXPECT_FALSE(encode_launch(1, 2, {}, {"label", std::string(64 * 1024, 'a'), "", "", "", "", {}, {}}));
}

TEST(SpawnerContract, DecodesWhatItEncodes) {
  const LaunchTexts texts{"label", "/bin/a", "/", "", "/tmp/o", "", {"x", ""}, {"A=B"}, {"g.one"}};
  const auto decoded = decode_launch(*decode_line<SpawnerRequest>(bytes_of(*encode_launch(3, 2, {}, texts))));
  ASSERT_TRUE(decoded);
  EXPECT_EQ(decoded->program, texts.program);
  EXPECT_EQ(decoded->arguments, texts.arguments);
  EXPECT_EQ(decoded->environment, texts.environment);
  EXPECT_EQ(decoded->groups, texts.groups);
}

}  // namespace
}  // namespace reeve::contract
