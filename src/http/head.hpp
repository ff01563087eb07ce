// The head of an HTTP/1.1 message that frames a body: one Content-Length, and nothing that could make it mean more.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "../vocab/result.hpp"

namespace reeve::http {

/// What a head ends with: an empty line.
inline constexpr std::string_view kEndOfHead = "\r\n\r\n";

/// How long the body is that follows a head, which is all up to that line and with it.
/// Refused are, beside what is no HTTP: any answer but `HTTP/1.1 200`; a length that is not there, or there twice, or
/// anything but digits; codings of transfer; lines that are folded, or end in less than CR LF; bytes that are no text.
/// Errors: bad-frame.
Result<std::size_t> body_size(std::string_view head);

/// Whether a head that has come so far can still be one; its bytes before `from` were looked at before. Errors:
/// bad-frame.
Result<void> check_lines(std::string_view head, std::size_t from);

/// The head of a body of that size.
std::string head_of(std::size_t body_size);

}  // namespace reeve::http
