#include "error.hpp"

#include <array>

namespace reeve::vocab {
namespace {

struct Row {
  Kind kind;
  std::string_view name;
};

constexpr std::array kRows{
    Row{Kind::invalid, "invalid"},
    Row{Kind::denied, "denied"},
    Row{Kind::gone, "gone"},
    Row{Kind::busy, "busy"},
    Row{Kind::unsupported, "unsupported"},
    Row{Kind::timeout, "timeout"},
    Row{Kind::interrupted, "interrupted"},
};

}  // namespace

std::string_view name_of(Kind kind) {
  for (const Row& row : kRows) {
    if (row.kind == kind) return row.name;
  }
  return "invalid";
}

Kind kind_named(std::string_view name) {
  for (const Row& row : kRows) {
    if (row.name == name) return row.kind;
  }
  return Kind::invalid;
}

std::string text_of(const Error& error) {
  return error.advice.empty() ? error.message : error.message + "; " + error.advice;
}

bool operator==(const Error& a, const Error& b) {
  return a.kind == b.kind && a.code == b.code && a.message == b.message && a.advice == b.advice;
}

Retry retry_of(const Error& error) {
  switch (error.kind) {
    case Kind::busy:
      return Retry::later;
    case Kind::timeout:
      return Retry::now_if_harmless;
    case Kind::interrupted:
      return error.code == code::kNotTakenUp ? Retry::now : Retry::now_if_harmless;
    default:
      return Retry::never;
  }
}

}  // namespace reeve::vocab
