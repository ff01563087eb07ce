// What org.example.seek does.
#pragma once

#include <utility>

#include "lines.hpp"
#include "matcher.hpp"
#include "patterns.hpp"

class RegexSeeker : public Seeker {
 public:
  struct Settings {
    std::string book{};                       // the service that knows patterns by name; none where this is empty
    std::uint64_t steps_a_line = 10'000'000;  // some seconds
  };
  explicit RegexSeeker(Settings settings) : settings_(std::move(settings)) {}

  reeve::Task<std::uint32_t> count(const reeve::Caller& caller, Query query, reeve::File file) override {
    std::uint32_t count = 0;
    reeve::Stream<Match> matches = search(caller, std::move(query), std::move(file));
    while (const auto match = co_await matches.next()) {
      if (!*match) co_return std::unexpected(match->error());
      ++count;
    }
    co_return count;
  }

  reeve::Stream<Match> search(const reeve::Caller& caller, Query query, reeve::File file) override {
    auto matcher = co_await matcher_for(caller, std::move(query));
    if (!matcher) co_yield std::unexpected(matcher.error());  // An error is the end.
    Lines lines(std::move(file));
    for (std::uint32_t number = 1; const auto line = lines.next(); ++number) {
      ++lines_read_;
      Match match{number, 0, reeve::printable(line->substr(0, kTextMax))};
      const auto column = matcher->column_in(*line);
      if (!column) co_yield std::unexpected(column.error());
      match.column = *column;
      if (match.column != 0) co_yield std::move(match);
      if (number % kLinesATurn == 0) co_await caller.turn_of_others();
      if (caller.stop_token().stop_requested()) co_yield nobody_waits();
    }
  }

  reeve::Result<std::uint64_t> lines_read() override { return lines_read_; }

 private:
  static constexpr std::uint32_t kLinesATurn = 64;
  static constexpr std::size_t kTextMax = 200;

  reeve::Task<Matcher> matcher_for(const reeve::Caller& caller, Query query) {
    if (query.pattern.starts_with('@') && !settings_.book.empty()) {
      auto book = reeve::connect<Patterns>(settings_.book, {.loop = caller.loop()});
      auto pattern = co_await book.async<&Patterns::pattern>(query.pattern.substr(1));
      if (!pattern) co_return std::unexpected(pattern.error());
      query.pattern = std::move(*pattern);
    }
    co_return Matcher::make(query, Patience(caller.deadline(), settings_.steps_a_line));
  }

  // Not the end of the file: a count must not pass for that of the whole.
  static std::unexpected<reeve::Error> nobody_waits() {
    return reeve::fail(reeve::Kind::gone, kGivenUp, "nobody waits for the matches any more");
  }

  Settings settings_;
  std::uint64_t lines_read_ = 0;
};
