// The one file that speaks to Beast, which throws.
#include "head.hpp"

#include <boost/beast/http/buffer_body.hpp>
#include <boost/beast/http/parser.hpp>
#include <charconv>

#include "../vocab/bounds.hpp"
#include "../vocab/text.hpp"

namespace reeve::http {
namespace {

namespace beast = boost::beast::http;

std::unexpected<Error> refused(const std::string& why) {
  return fail(Kind::invalid, code::kBadFrame, "what came is no frame of a message: " + why,
              "send `HTTP/1.1 200 OK`, one Content-Length, an empty line, and so many bytes");
}

// Exactly the digits of a number: no sign, no list, no blank beside the one behind the colon, no zero in front.
Result<std::size_t> length_in(std::string_view head, std::string_view value) {
  const std::size_t at = static_cast<std::size_t>(value.data() - head.data());
  const std::string_view around = head.substr(at - 2, value.size() + 4);
  const bool stands_alone = (around[1] == ':' || around.starts_with(": ")) && around.ends_with("\r\n");
  std::size_t length = 0;
  const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), length);
  const bool is_number = error == std::errc() && end == value.data() + value.size();
  const bool has_zeros = value.size() > 1 && value.starts_with('0');
  if (!stands_alone || !is_number || has_zeros) {
    return refused("its Content-Length is \"" + printable(std::string(value.substr(0, 20))) + "\"");
  }
  return length;
}

}  // namespace

// What Beast lets through: it takes a line feed of its own for an end, and joins lines that are folded.
Result<void> check_lines(std::string_view head, std::size_t from) {
  constexpr std::string_view kStart = "HTTP/1.1 200";
  if (head.substr(0, kStart.size()) != kStart.substr(0, head.size())) return refused("it is no `HTTP/1.1 200`");
  for (std::size_t i = from; i < head.size(); ++i) {
    const char byte = head[i];
    const char before = i > 0 ? head[i - 1] : ' ';
    const bool is_in_place = (byte == '\n') == (before == '\r');
    const bool is_folded = before == '\n' && (byte == ' ' || byte == '\t');
    if (is_folded) return refused("a line of its head is folded");
    const bool is_text = byte >= ' ' && byte <= '~';
    if (!is_in_place || (!is_text && byte != '\r' && byte != '\n')) {
      return refused("there is a byte in its head that is no text");
    }
  }
  return {};
}

Result<std::size_t> body_size(std::string_view head) {
  REEVE_TRY(check_lines(head, 0));
  beast::response_parser<beast::buffer_body> parser;
  parser.header_limit(kFrameHeadBytesMax);
  parser.body_limit(boost::none);
  boost::system::error_code error;
  parser.put(boost::asio::buffer(head), error);
  if (error && error != beast::error::need_buffer) return refused(error.message());
  if (!parser.is_header_done()) return refused("its head has no end");
  const auto& message = parser.get();
  if (message.version() != 11 || message.result_int() != 200) return refused("it is no `HTTP/1.1 200`");
  if (message.count(beast::field::transfer_encoding) != 0) return refused("it has a Transfer-Encoding");
  if (message.count(beast::field::content_length) != 1) return refused("it has not one Content-Length");
  // The parser has the head in a copy of its own: the same digits are looked up where they came.
  constexpr std::string_view kName = "\r\ncontent-length:";
  const auto lower = [](char byte) { return byte >= 'A' && byte <= 'Z' ? static_cast<char>(byte | 0x20) : byte; };
  const auto same = [&](char here, char wanted) { return lower(here) == wanted; };
  const auto line = std::search(head.begin(), head.end(), kName.begin(), kName.end(), same);
  if (line == head.end()) return refused("its Content-Length is written otherwise");
  const std::size_t begin = static_cast<std::size_t>(line - head.begin()) + kName.size();
  std::string_view value = head.substr(begin, head.find('\r', begin) - begin);
  if (value.starts_with(' ')) value.remove_prefix(1);
  return length_in(head, value);
}

std::string head_of(std::size_t body_size) {
  return "HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(body_size) + std::string(kEndOfHead);
}

}  // namespace reeve::http
