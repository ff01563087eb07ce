#include "json.hpp"

#include <gtest/gtest.h>

#include "commands.hpp"

namespace reeve::inspect {
namespace {

std::string fault_of(const std::string& text) {
  const auto parsed = parse_json(text);
  return parsed ? "parsed" : parsed.error().message;
}

TEST(Json, RefusesWhatHasNoMeaning) {
  EXPECT_EQ(fault_of(R"({"a":1,"a":2})"), "JSON: the key \"a\" stands twice");
  EXPECT_EQ(fault_of("9223372036854775808"),
            "JSON: the number 9223372036854775808 fits no int64; write {\"$uint64\": \"9223372036854775808\"}");
  EXPECT_EQ(fault_of("18446744073709551616"), "JSON: the integer 18446744073709551616 has more than 64 bits");
  EXPECT_EQ(fault_of("-9223372036854775809"), "JSON: the integer -9223372036854775809 has more than 64 bits");
  EXPECT_NE(fault_of("1e999"), "parsed");
  EXPECT_EQ(fault_of(R"({"$uint64":"-1"})"), "JSON: $uint64: \"-1\" is none");
  EXPECT_EQ(fault_of(R"({"$uint64":5})"), "JSON: $uint64: expected a string");
  EXPECT_EQ(fault_of(R"({"$data":"*"})"), "JSON: $data: not base64");
  EXPECT_EQ(fault_of(R"({"$date":"x"})"), "JSON: $date: expected the form 2026-01-31T12:00:00Z");
  EXPECT_EQ(fault_of(R"({"$uuid":"x"})"), "JSON: $uuid: expected the form 01234567-89ab-cdef-0123-456789abcdef");
  EXPECT_EQ(fault_of(R"({"$fd":"/nowhere"})"), "/nowhere: open: No such file or directory");
  EXPECT_EQ(fault_of(R"({"$what":"x"})"), "JSON: unknown tag $what");
  EXPECT_EQ(fault_of(std::string(40, '[')), "JSON: containers nest deeper than 32 levels");
  EXPECT_NE(fault_of("{\"a\":}").find("JSON: byte 6: syntax error"), std::string::npos);
  EXPECT_NE(fault_of(""), "parsed");
}

TEST(Json, ComesBackAsItWas) {
  const std::string text =
      R"({"a":[1,-2.5,true,null,"x"],"d":{"$data":"3q2+70I="},"t":{"$date":"2026-01-31T12:00:00Z"},)"
      R"("u":{"$uint64":"18446744073709551615"},"v":{"$uuid":"01234567-89ab-cdef-fedc-ba9876543210"}})";
  const auto parsed = parse_json(text);
  ASSERT_TRUE(parsed) << parsed.error().message;
  EXPECT_EQ(to_json(*parsed), text);
  EXPECT_EQ(parsed->get<Dictionary>()->find("a")->get<Array>()->at(0).type(), object::Type::int64);
  EXPECT_EQ(parsed->get<Dictionary>()->find("a")->get<Array>()->at(1).type(), object::Type::real);
}

TEST(Json, ErrorsHaveTheirDocumentedShape) {
  EXPECT_EQ(to_json(Error{Kind::denied, 1102, "no", "ask"}),
            R"({"error":{"kind":"denied","code":1102,"message":"no","advice":"ask"}})");
}

TEST(Duration, IsANumberWithItsUnit) {
  using namespace std::chrono_literals;
  EXPECT_EQ(*parse_duration("250ms"), 250ms);
  EXPECT_EQ(*parse_duration("2s"), 2s);
  EXPECT_EQ(*parse_duration("1.5"), 1500ms);
  EXPECT_EQ(*parse_duration("3m"), 180s);
  for (const char* text : {"", "s", "-1", "1h", "nan", "1e99"}) EXPECT_FALSE(parse_duration(text)) << text;
}

}  // namespace
}  // namespace reeve::inspect
