// One query as a matcher of lines that gives up in time.
#pragma once

#include <chrono>
#include <iterator>
#include <regex>
#include <string_view>

#include "seek.hpp"

/// How long a line may take: until somebody's deadline, and no more than so many steps.
class Patience {
 public:
  struct RanOut {};  // thrown

  Patience(std::optional<std::chrono::nanoseconds> deadline, std::uint64_t steps)
      : deadline_(deadline), steps_(steps) {}

  void begin_line() { left_ = steps_; }
  void spend_one() {
    if (left_ == 0 || (left_ % 4096 == 0 && is_late())) throw RanOut();
    --left_;
  }
  bool is_late() const { return deadline_ && std::chrono::steady_clock::now().time_since_epoch() >= *deadline_; }

 private:
  std::optional<std::chrono::nanoseconds> deadline_;
  std::uint64_t steps_;
  std::uint64_t left_ = 0;
};

/// A place in a line. std::regex asks nobody whether to go on, but it has to step, or to see whether it has: repeating
/// what fits nothing, it does that alone.
class Cursor {
 public:
  using iterator_category = std::bidirectional_iterator_tag;
  using value_type = char;
  using difference_type = std::ptrdiff_t;
  using pointer = const char*;
  using reference = const char&;

  Cursor() = default;
  Cursor(const char* at, Patience& patience) : at_(at), patience_(&patience) {}

  reference operator*() const { return *at_; }
  Cursor& operator++() {
    patience_->spend_one();
    ++at_;
    return *this;
  }
  Cursor operator++(int) {
    const Cursor before = *this;
    ++*this;
    return before;
  }
  Cursor& operator--() {
    --at_;
    return *this;
  }
  Cursor operator--(int) {
    const Cursor before = *this;
    --*this;
    return before;
  }
  friend bool operator==(const Cursor& a, const Cursor& b) {
    if (a.patience_ != nullptr) a.patience_->spend_one();
    return a.at_ == b.at_;
  }

 private:
  const char* at_ = nullptr;
  Patience* patience_ = nullptr;
};

/// Whether a pattern refers to a group, or repeats, by a number beyond an int: std::regex would take it as it comes.
inline bool counts_too_far(std::string_view pattern) {
  int digits = 0;
  bool is_count = false;
  for (const char c : pattern) {
    if (c < '0' || c > '9') {
      is_count = c == '\\' || c == '{' || c == ',';
      digits = 0;
    } else if (is_count && ++digits > 9) {
      return true;
    }
  }
  return false;
}

class Matcher {
 public:
  /// Errors: kBadPattern.
  static reeve::Result<Matcher> make(const Query& query, Patience patience) {
    auto flags = query.grammar == Grammar::extended ? std::regex::extended : std::regex::ECMAScript;
    if (query.ignores_case.value_or(false)) flags |= std::regex::icase;
    if (counts_too_far(query.pattern)) {
      return reeve::fail(reeve::Kind::invalid, kBadPattern, "query.pattern: a number of more than nine digits");
    }
    try {
      return Matcher(std::regex(query.pattern, flags), patience);
    } catch (const std::regex_error& error) {
      return reeve::fail(reeve::Kind::invalid, kBadPattern, std::string("query.pattern: ") + error.what());
    }
  }

  /// Where in the line the query fits, from 1 on; 0 where it does not. Errors: kTooHard.
  reeve::Result<std::uint32_t> column_in(std::string_view line) {
    const char* const end = line.data() + line.size();
    std::match_results<Cursor> found;
    patience_.begin_line();
    try {
      const bool fits = std::regex_search({line.data(), patience_}, Cursor(end, patience_), found, pattern_);
      return fits ? static_cast<std::uint32_t>(&*found[0].first - line.data()) + 1 : 0;
    } catch (const Patience::RanOut&) {
      if (patience_.is_late()) return reeve::fail(reeve::Kind::timeout, kTooHard, "the deadline came first");
      return reeve::fail(reeve::Kind::invalid, kTooHard, "query.pattern: takes too long on a line");
    }
  }

 private:
  Matcher(std::regex pattern, Patience patience) : pattern_(std::move(pattern)), patience_(patience) {}

  std::regex pattern_;
  Patience patience_;
};
