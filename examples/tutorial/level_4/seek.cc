// Levels 2 to 4: described records, a file that is handed over, and a service that crashes.   seek_4 PATTERN FILE...
#include <cstdio>
#include <reeve/reeve.hpp>
#include <regex>

#include "../lines.hpp"

enum class Grammar { ecmascript, extended };
BOOST_DESCRIBE_ENUM(Grammar, ecmascript, extended)

struct Query {
  std::string pattern;
  Grammar grammar = Grammar::ecmascript;
};
BOOST_DESCRIBE_STRUCT(Query, (), (pattern, grammar))

struct Seeker {
  /// How many lines of the file the query fits. Errors: kBadPattern.
  virtual reeve::Result<std::uint32_t> count(Query query, reeve::File file) = 0;
};
BOOST_DESCRIBE_STRUCT(Seeker, (), (count))

inline constexpr std::int32_t kBadPattern = 1;
inline constexpr const char* kName = "org.example.seek_4";

reeve::Result<std::regex> compiled(const Query& query) {
  const bool is_extended = query.grammar == Grammar::extended;
  try {
    return std::regex(query.pattern, is_extended ? std::regex::extended : std::regex::ECMAScript);
  } catch (const std::regex_error& error) {
    return reeve::fail(reeve::Kind::invalid, kBadPattern, std::string("query.pattern: ") + error.what());
  }
}

struct RegexSeeker : Seeker {
  reeve::Result<std::uint32_t> count(Query query, reeve::File file) override {
    const std::regex pattern = REEVE_TRY(compiled(query));
    std::uint32_t count = 0;
    Lines lines(std::move(file));
    while (const auto line = lines.next()) count += std::regex_search(line->begin(), line->end(), pattern) ? 1 : 0;
    return count;
  }
};

// Whose move it is, what happened, and what to do.
std::string told(const reeve::Error& error) {
  return std::string(reeve::name_of(error.kind)) + ": " + reeve::text_of(error);
}

reeve::Result<std::uint32_t> count(reeve::Proxy<Seeker>& seeker, const Query& query, const char* path) {
  const reeve::File file = REEVE_TRY(reeve::File::open(path));
  auto count = seeker.call<&Seeker::count>(query, file);
  const bool is_innocent = !count && count.error().code == reeve::code::kNotTakenUp;
  if (is_innocent) count = seeker.call<&Seeker::count>(query, file);
  return count;
}

int main(int argc, char** argv) {
  if (argc == 1) return reeve::serve<Seeker>(kName, RegexSeeker{});

  auto seeker = reeve::connect<Seeker>(kName);
  int status = 0;
  for (int i = 2; i < argc; ++i) {
    const auto found = count(seeker, {.pattern = argv[1]}, argv[i]);
    const std::string outcome = found ? std::to_string(*found) : told(found.error());
    std::printf("%s: %s\n", argv[i], reeve::printable(outcome).c_str());
    if (!found) status = 1;
  }
  return status;
}
