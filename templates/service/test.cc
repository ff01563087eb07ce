// What the service does, without a broker.
#include <cstdio>

#include "the_service_service.hpp"

namespace {

int failures = 0;

void check(bool is_so, const char* what) {
  if (is_so) return;
  std::printf("not so: %s\n", what);
  ++failures;
}

}  // namespace

int main() {
  TheServiceService service;
  check(service.greet("World") == "Hello, World!", "greets");
  const auto nobody = service.greet("");
  check(!nobody && nobody.error().kind == reeve::Kind::invalid, "refuses to greet nobody");
  return failures == 0 ? 0 : 1;
}
