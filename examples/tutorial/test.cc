// What a matcher of lines does, without a service.
#include <cstdio>

#include "matcher.hpp"

namespace {

int failures = 0;

void check(bool is_so, const char* what) {
  if (is_so) return;
  std::printf("not so: %s\n", what);
  ++failures;
}

reeve::Result<std::uint32_t> column(const Query& query, std::string_view line) {
  auto matcher = REEVE_TRY(Matcher::make(query, Patience(std::nullopt, 10'000)));
  return matcher.column_in(line);
}

bool is(const reeve::Result<std::uint32_t>& outcome, std::int32_t code) {
  return !outcome && outcome.error().code == code;
}

}  // namespace

int main() {
  check(column({.pattern = "snow"}, "rain and snow") == 10, "tells where a line fits");
  check(column({.pattern = "hail"}, "rain and snow") == 0, "tells that a line does not fit");
  check(column({.pattern = "SNOW", .ignores_case = true}, "snow") == 1, "ignores case");
  check(is(column({.pattern = "("}, "snow"), kBadPattern), "refuses a pattern that is none");
  check(is(column({.pattern = "(a){1,9999999999}"}, "a"), kBadPattern), "refuses to count beyond an int");
  check(is(column({.pattern = "(a+)+$"}, "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaab"), kTooHard), "gives up in time");
  return failures == 0 ? 0 : 1;
}
