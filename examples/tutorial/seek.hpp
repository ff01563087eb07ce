// What org.example.seek offers; both sides include it.
#pragma once

#include <cstdint>
#include <optional>
#include <reeve/reeve.hpp>
#include <string>

enum class Grammar { ecmascript, extended };
BOOST_DESCRIBE_ENUM(Grammar, ecmascript, extended)

struct Query {
  std::string pattern;  ///< or @NAME, one of those that org.example.patterns knows
  Grammar grammar = Grammar::ecmascript;
  std::optional<bool> ignores_case{};
};
BOOST_DESCRIBE_STRUCT(Query, (), (pattern, grammar, ignores_case))

struct Match {
  std::uint32_t line = 0;    ///< from 1 on
  std::uint32_t column = 0;  ///< in bytes, from 1 on
  std::string text;          ///< the line's beginning, as it may be shown
};
BOOST_DESCRIBE_STRUCT(Match, (), (line, column, text))

struct Seeker {
  /// How many lines of the file the query fits. Errors: those of search.
  virtual reeve::Task<std::uint32_t> count(const reeve::Caller& caller, Query query, reeve::File file) = 0;
  /// Which those are. Errors: kBadPattern, kTooHard.
  virtual reeve::Stream<Match> search(const reeve::Caller& caller, Query query, reeve::File file) = 0;
  /// How many lines this process has read, for all its callers.
  virtual reeve::Result<std::uint64_t> lines_read() = 0;

 protected:
  ~Seeker() = default;
};
BOOST_DESCRIBE_STRUCT(Seeker, (), (count, search, lines_read))

inline constexpr std::int32_t kBadPattern = 1;
inline constexpr std::int32_t kTooHard = 2;
inline constexpr std::int32_t kGivenUp = 3;
inline constexpr const char* kSeekName = "org.example.seek";
