#include "text.hpp"

#include <algorithm>
#include <charconv>
#include <cstdio>

namespace reeve::object {
namespace {

constexpr std::string_view kAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
constexpr std::string_view kDigits = "0123456789";
constexpr std::string_view kHexDigits = "0123456789abcdef";

// A run of exactly `width` decimal digits, taken off the front.
std::optional<int> take_digits(std::string_view& text, std::size_t width) {
  const std::string_view run = text.substr(0, width);
  if (run.size() < width || run.find_first_not_of(kDigits) != std::string_view::npos) return std::nullopt;
  int value = 0;
  std::from_chars(run.data(), run.data() + run.size(), value);
  text.remove_prefix(width);
  return value;
}

bool take(std::string_view& text, char c) {
  if (!text.starts_with(c)) return false;
  text.remove_prefix(1);
  return true;
}

// Zero to nine digits behind a point, as nanoseconds.
std::optional<std::chrono::nanoseconds> take_fraction(std::string_view& text) {
  if (!take(text, '.')) return std::chrono::nanoseconds(0);
  const std::size_t width = std::min(text.find_first_not_of(kDigits), text.size());
  if (width == 0 || width > 9) return std::nullopt;
  std::int64_t value = *take_digits(text, width);
  for (std::size_t i = width; i < 9; ++i) value *= 10;
  return std::chrono::nanoseconds(value);
}

}  // namespace

std::string base64_of(const Data& data) {
  std::string out;
  for (std::size_t i = 0; i < data.size(); i += 3) {
    const std::size_t count = std::min<std::size_t>(3, data.size() - i);
    unsigned group = 0;
    for (std::size_t j = 0; j < 3; ++j)
      group = group << 8U | (j < count ? std::to_integer<unsigned>(data.bytes()[i + j]) : 0U);
    for (std::size_t j = 0; j < 4; ++j) out += j <= count ? kAlphabet[group >> (18 - 6 * j) & 63U] : '=';
  }
  return out;
}

std::optional<Data> data_from_base64(std::string_view text) {
  std::vector<std::byte> bytes;
  unsigned bits = 0;
  unsigned bit_count = 0;
  std::size_t symbols = 0;
  std::size_t padding = 0;
  for (const char c : text) {
    if (std::string_view(" \t\r\n").find(c) != std::string_view::npos) continue;
    ++symbols;
    if (c == '=') {
      ++padding;
      continue;
    }
    const std::size_t value = kAlphabet.find(c);
    if (value == std::string_view::npos || padding > 0) return std::nullopt;
    bits = bits << 6U | static_cast<unsigned>(value);
    bit_count += 6;
    if (bit_count >= 8) {
      bit_count -= 8;
      bytes.push_back(static_cast<std::byte>(bits >> bit_count & 0xffU));
    }
  }
  if (symbols % 4 != 0 || padding > 2) return std::nullopt;
  return Data(std::move(bytes));
}

std::string rfc3339_of(const Date& date) {
  const auto seconds = std::chrono::floor<std::chrono::seconds>(date.since_epoch);
  return rfc3339_of(Moment{seconds.count(), static_cast<std::int32_t>((date.since_epoch - seconds).count())});
}

std::string rfc3339_of(const Moment& moment) {
  const std::chrono::seconds seconds(moment.seconds);
  const auto day = std::chrono::floor<std::chrono::days>(seconds);
  const std::chrono::year_month_day ymd{std::chrono::sys_days(day)};
  const std::chrono::hh_mm_ss time(seconds - day);
  std::array<char, 48> text{};
  std::snprintf(text.data(), text.size(), "%04d-%02u-%02uT%02d:%02d:%02d", static_cast<int>(ymd.year()),
                static_cast<unsigned>(ymd.month()), static_cast<unsigned>(ymd.day()),
                static_cast<int>(time.hours().count()), static_cast<int>(time.minutes().count()),
                static_cast<int>(time.seconds().count()));
  std::string out = text.data();
  if (moment.nanoseconds != 0) {
    std::snprintf(text.data(), text.size(), ".%09d", static_cast<int>(moment.nanoseconds));
    std::string digits = text.data();
    digits.erase(digits.find_last_not_of('0') + 1);
    out += digits;
  }
  return out + "Z";
}

std::optional<Moment> moment_from_rfc3339(std::string_view text) {
  const auto year = take_digits(text, 4);
  const auto month = year && take(text, '-') ? take_digits(text, 2) : std::nullopt;
  const auto day = month && take(text, '-') ? take_digits(text, 2) : std::nullopt;
  const auto hour = day && take(text, 'T') ? take_digits(text, 2) : std::nullopt;
  const auto minute = hour && take(text, ':') ? take_digits(text, 2) : std::nullopt;
  const auto second = minute && take(text, ':') ? take_digits(text, 2) : std::nullopt;
  const auto fraction = second ? take_fraction(text) : std::nullopt;
  if (!fraction || text != "Z") return std::nullopt;
  const std::chrono::year_month_day date{std::chrono::year(*year), std::chrono::month(static_cast<unsigned>(*month)),
                                         std::chrono::day(static_cast<unsigned>(*day))};
  if (!date.ok() || *hour > 23 || *minute > 59 || *second > 59) return std::nullopt;
  const auto seconds = std::chrono::sys_seconds(std::chrono::sys_days(date)).time_since_epoch() +
                       std::chrono::hours(*hour) + std::chrono::minutes(*minute) + std::chrono::seconds(*second);
  return Moment{seconds.count(), static_cast<std::int32_t>(fraction->count())};
}

std::optional<Date> date_from_rfc3339(std::string_view text) {
  const auto moment = moment_from_rfc3339(text);
  return moment ? date_of(*moment) : std::nullopt;
}

std::optional<Date> date_of(const Moment& moment) {
  const std::chrono::seconds seconds(moment.seconds);
  const std::chrono::year_month_day date{std::chrono::sys_days(std::chrono::floor<std::chrono::days>(seconds))};
  if (date.year() < std::chrono::year(1678) || date.year() > std::chrono::year(2261)) return std::nullopt;
  return Date{seconds + std::chrono::nanoseconds(moment.nanoseconds)};
}

std::string text_of(const Uuid& uuid) {
  std::string out;
  for (std::size_t i = 0; i < uuid.bytes.size(); ++i) {
    if (i == 4 || i == 6 || i == 8 || i == 10) out += '-';
    const auto value = std::to_integer<unsigned>(uuid.bytes[i]);
    out += kHexDigits[value >> 4U];
    out += kHexDigits[value & 15U];
  }
  return out;
}

std::optional<Uuid> uuid_from_text(std::string_view text) {
  constexpr std::size_t kTextSize = 36;
  if (text.size() != kTextSize) return std::nullopt;
  Uuid uuid;
  std::size_t nibble = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (i == 8 || i == 13 || i == 18 || i == 23) {
      if (text[i] != '-') return std::nullopt;
      continue;
    }
    const char lower = text[i] >= 'A' && text[i] <= 'F' ? static_cast<char>(text[i] - 'A' + 'a') : text[i];
    const std::size_t value = kHexDigits.find(lower);
    if (value == std::string_view::npos) return std::nullopt;
    std::byte& byte = uuid.bytes[nibble++ / 2];
    byte = byte << 4U | static_cast<std::byte>(value);
  }
  return uuid;
}

}  // namespace reeve::object
