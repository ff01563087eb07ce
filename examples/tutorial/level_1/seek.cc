// Level 1: an interface, a service of it, and a client, in one program.   seek_1 PATTERN FILE
#include <cstdio>
#include <fstream>
#include <reeve/reeve.hpp>
#include <regex>

struct Matcher {
  virtual reeve::Result<bool> matches(std::string pattern, std::string line) = 0;
};
BOOST_DESCRIBE_STRUCT(Matcher, (), (matches))

struct RegexMatcher : Matcher {
  reeve::Result<bool> matches(std::string pattern, std::string line) override {
    return std::regex_search(line, std::regex(pattern));
  }
};

int main(int argc, char** argv) {
  if (argc == 1) return reeve::serve<Matcher>("org.example.seek_1", RegexMatcher{});

  auto matcher = reeve::connect<Matcher>("org.example.seek_1");
  std::ifstream file(argc == 3 ? argv[2] : "");
  for (std::string line; std::getline(file, line);) {
    const auto found = matcher.call<&Matcher::matches>(argv[1], line);
    if (!found) {
      std::printf("%s\n", reeve::printable(reeve::text_of(found.error())).c_str());
      return 1;
    }
    if (*found) std::puts(reeve::printable(line).c_str());
  }
}
