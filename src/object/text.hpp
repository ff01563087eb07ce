// Data, dates and UUIDs as text.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "object.hpp"

namespace reeve::object {

std::string base64_of(const Data& data);
/// RFC 4648 with its padding; white space may stand anywhere.
std::optional<Data> data_from_base64(std::string_view text);

/// A moment of any of the years 0 to 9999: seconds since 1970, and how far into the next.
struct Moment {
  std::int64_t seconds = 0;
  std::int32_t nanoseconds = 0;  ///< 0 to 999,999,999
};

/// "2026-01-31T12:00:00Z", with as many digits of a second as it takes.
/// @{
std::string rfc3339_of(const Date& date);
std::string rfc3339_of(const Moment& moment);
/// @}
/// The same form, at UTC.
std::optional<Moment> moment_from_rfc3339(std::string_view text);
/// The same form, at UTC, for the years 1678 to 2261: what 64 bits of nanoseconds can hold.
std::optional<Date> date_from_rfc3339(std::string_view text);
std::optional<Date> date_of(const Moment& moment);

/// "01234567-89ab-cdef-0123-456789abcdef".
std::string text_of(const Uuid& uuid);
std::optional<Uuid> uuid_from_text(std::string_view text);

}  // namespace reeve::object
