// The second service: a book of patterns. Whoever may call it is what its job file says.
#include "patterns.hpp"

#include <map>

namespace {

struct Book : Patterns {
  const std::map<std::string, std::string> patterns{{"date", R"(\d{4}-\d{2}-\d{2})"}, {"time", R"(\d{2}:\d{2})"}};

  reeve::Result<std::string> pattern(const reeve::Caller& caller, std::string name) override {
    const auto found = patterns.find(name);
    if (found != patterns.end()) return found->second;
    return reeve::fail(reeve::Kind::invalid, kUnknownPattern,
                       "no pattern is called @" + name + ", says the book to " + caller.peer().label);
  }
};

}  // namespace

int main() { return reeve::serve<Patterns>(kPatternsName, Book{}); }
