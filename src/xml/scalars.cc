#include "scalars.hpp"

#include <charconv>
#include <optional>

namespace reeve::xml {
namespace {

std::unexpected<Error> bad(const char* what, std::string_view text) {
  return fail(Kind::invalid, code::kBadPropertyList, "\"" + std::string(text.substr(0, 40)) + "\" is no " + what);
}

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view kBlank = " \t\r\n";
  const std::size_t first = text.find_first_not_of(kBlank);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kBlank) - first + 1);
}

template <class T>
std::optional<T> number(std::string_view text, int base = 10) {
  T value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, base);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

}  // namespace

Result<Object> parse_integer(std::string_view text) {
  std::string_view body = trimmed(text);
  if (body.size() > 1 && body[0] == '+' && body[1] != '-') body.remove_prefix(1);
  if (body.starts_with("0x") || body.starts_with("0X")) {
    const auto value = number<std::uint64_t>(body.substr(2), 16);
    if (!value) return bad("integer", text);
    if (std::in_range<std::int64_t>(*value)) return Object(static_cast<std::int64_t>(*value));
    return Object(*value);
  }
  if (const auto value = number<std::int64_t>(body)) return Object(*value);
  if (const auto value = number<std::uint64_t>(body)) return Object(*value);
  return bad("integer of 64 bits", text);
}

Result<Object> parse_real(std::string_view text) {
  std::string_view body = trimmed(text);
  if (body.size() > 1 && body[0] == '+' && body[1] != '-') body.remove_prefix(1);
  double value = 0;
  const auto [end, error] = std::from_chars(body.data(), body.data() + body.size(), value);
  if (error == std::errc() && end == body.data() + body.size()) return Object(value);
  return bad("number", text);
}

Result<object::Moment> parse_date(std::string_view text) {
  if (const auto moment = object::moment_from_rfc3339(trimmed(text))) return *moment;
  return bad("date of the form 2026-01-31T12:00:00Z", text);
}

Result<Object> parse_data(std::string_view text) {
  if (auto data = object::data_from_base64(text)) return Object(std::move(*data));
  return bad("base64", text);
}

}  // namespace reeve::xml
