// Frames around messages, and what is none.
#include "frame.hpp"

#include <gtest/gtest.h>

#include <random>

#include "../vocab/bounds.hpp"
#include "head.hpp"

namespace reeve::http {
namespace {

std::span<const std::byte> bytes_of(std::string_view text) { return std::as_bytes(std::span(text)); }
std::string text_of(const Data& data) { return {reinterpret_cast<const char*>(data.bytes().data()), data.size()}; }

// What comes of a stream that ends, in pieces of that size: bodies, and an error after them.
struct Outcome {
  std::vector<std::string> bodies;
  std::optional<Error> error;
  bool is_within = false;
};
Outcome read(std::string_view stream, std::size_t piece = SIZE_MAX, std::size_t most = 1000) {
  Outcome outcome;
  FrameReader reader(most);
  for (std::size_t at = 0; at < stream.size(); at += std::min(piece, stream.size() - at)) {
    auto bytes = bytes_of(stream.substr(at, piece));
    while (!bytes.empty()) {
      auto body = reader.take(bytes);
      if (!body) {
        outcome.error = body.error();
        return outcome;
      }
      if (*body) outcome.bodies.push_back(text_of(**body));
    }
  }
  outcome.is_within = reader.is_within();
  return outcome;
}
// What is the matter with a head whose body would be "hello".
Error error_of(const std::string& head) {
  const Outcome outcome = read(head + "hello");
  EXPECT_TRUE(outcome.bodies.empty()) << head;
  return outcome.error.value_or(Error());
}
const std::string kGood = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n";
std::string with_line(const std::string& line) { return "HTTP/1.1 200 OK\r\n" + line + "\r\n\r\n"; }

TEST(Frames, AreAHeadAndSoManyBytes) {
  EXPECT_EQ(head_of(495), "HTTP/1.1 200 OK\r\nContent-Length: 495\r\n\r\n");
  EXPECT_EQ(body_size(head_of(495)), 495U);
  EXPECT_EQ(body_size(head_of(0)), 0U);
  EXPECT_EQ(read(kGood + "hello").bodies, std::vector<std::string>{"hello"});
  EXPECT_FALSE(read(kGood + "hello").is_within);
}

TEST(Frames, SeveralInOneReadingAreSeveral) {
  const std::string three = kGood + "hello" + head_of(0) + kGood + "world";
  EXPECT_EQ(read(three).bodies, (std::vector<std::string>{"hello", "", "world"}));
}

TEST(Frames, InPiecesOfAnySizeAreTheSame) {
  const std::string stream = kGood + "hello" + head_of(2) + "\r\n" + head_of(0) + kGood + "world";
  for (std::size_t piece = 1; piece <= stream.size(); ++piece) {
    const Outcome outcome = read(stream, piece);
    EXPECT_EQ(outcome.bodies, (std::vector<std::string>{"hello", "\r\n", "", "world"})) << piece;
    EXPECT_FALSE(outcome.error || outcome.is_within) << piece;
  }
}

TEST(Frames, ThatAreCutAreNotWhole) {
  const std::string whole = kGood + "hello";
  for (std::size_t size = 1; size < whole.size(); ++size) {
    const Outcome outcome = read(std::string_view(whole).substr(0, size));
    EXPECT_TRUE(outcome.is_within && outcome.bodies.empty() && !outcome.error) << size;
  }
}

TEST(Frames, MayHaveFurtherLinesInAnyOrder) {
  EXPECT_EQ(read(with_line("Server: other\r\ncontent-length:5\r\nX-A: b, c") + "hello").bodies.size(), 1U);
}

TEST(Frames, HaveOneLengthOfNothingButDigits) {
  for (const char* length : {"+5", "-1", "-5", "0x5", "5,5", "5, 5", "5;5", "05", "5.0", "5e0", "", " ", "five",
                             "18446744073709551616", "99999999999999999999999", "5 5", "\"5\""}) {
    const Error error = error_of(with_line(std::string("Content-Length: ") + length));
    EXPECT_EQ(error.code, code::kBadFrame) << length << ": " << error.message;
  }
  for (const char* line : {"Content-Length:  5", "Content-Length: 5 ", "Content-Length:\t5", "Content-Length : 5",
                           "Content-Length 5", " Content-Length: 5"}) {
    EXPECT_EQ(error_of(with_line(line)).code, code::kBadFrame) << line;
  }
  EXPECT_EQ(error_of(with_line("Content-Length: 5\r\nContent-Length: 5")).code, code::kBadFrame);
  EXPECT_EQ(error_of(with_line("Content-Length: 5\r\ncontent-length: 6")).code, code::kBadFrame);
  EXPECT_EQ(error_of(with_line("X: 5")).code, code::kBadFrame);
  EXPECT_EQ(error_of(with_line("X-Content-Length: 5")).code, code::kBadFrame);
  EXPECT_EQ(error_of("HTTP/1.1 200 OK\r\n\r\n").code, code::kBadFrame);
}

TEST(Frames, HaveNoCodingOfTransfer) {
  for (const char* coding : {"chunked", "identity", "gzip, chunked", "Chunked"}) {
    const std::string line = std::string("Transfer-Encoding: ") + coding;
    EXPECT_EQ(error_of(with_line(line)).code, code::kBadFrame) << coding;
    EXPECT_EQ(error_of(with_line("Content-Length: 5\r\n" + line)).code, code::kBadFrame) << coding;
    EXPECT_EQ(error_of(with_line(line + "\r\nContent-Length: 5")).code, code::kBadFrame) << coding;
  }
}

TEST(Frames, HaveHeadsOfWholeLinesOfText) {
  for (const std::string& head : {
           std::string("HTTP/1.1 200 OK\nContent-Length: 5\n\n"),
           std::string("HTTP/1.1 200 OK\r\nContent-Length: 5\n\r\n\r\n"),
           std::string("HTTP/1.1 200 OK\r\nX: a\r\n b\r\nContent-Length: 5\r\n\r\n"),
           std::string("HTTP/1.1 200 OK\r\nContent-Length:\r\n 5\r\n\r\n"),
           std::string("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\t\r\n\r\n"),
           std::string("HTTP/1.1 200 OK\r\nX: a\0b\r\nContent-Length: 5\r\n\r\n", 46),
           std::string("HTTP/1.1 200 OK\r\nX: a\rb\r\nContent-Length: 5\r\n\r\n"),
           std::string("HTTP/1.1 200 OK\r\nX: \x80\r\nContent-Length: 5\r\n\r\n"),
           std::string("HTTP/1.1 200 OK\r\nX: \x7f\r\nContent-Length: 5\r\n\r\n"),
       }) {
    const Outcome outcome = read(head + "hello\r\n\r\n");
    ASSERT_TRUE(outcome.error) << head;
    EXPECT_EQ(outcome.error->code, code::kBadFrame) << head;
  }
}

TEST(Frames, AreRefusedAsSoonAsTheyCanBeNone) {
  for (const std::string& begun :
       {std::string("G"), std::string("HTTP/1.0"), std::string("HTTP/1.1 3"), std::string("bplist00"),
        std::string("HTTP/1.1 200 OK\n"), std::string("HTTP/1.1 200 OK\rX"), std::string("HTTP/1.1 200 OK\r\n X"),
        std::string("HTTP/1.1 200 OK\r\nX: \0", 21)}) {
    for (const std::size_t piece : {std::size_t{1}, begun.size()}) {
      const Outcome outcome = read(begun, piece);
      ASSERT_TRUE(outcome.error) << begun;
      EXPECT_EQ(outcome.error->code, code::kBadFrame) << begun;
    }
  }
}

// Bytes that differ from those of an end of line by the bit that letters of two cases differ by.
TEST(Frames, ALengthWithinAnotherLineIsNone) {
  for (const char* decoy : {"X-Odd: -*Content-Length: 2\r\n", "X: Content-Length: 2\r\n", "XContent-Length: 2\r\n",
                            "-*Content-Length: 2\r\n"}) {
    const Outcome before = read(with_line(std::string(decoy) + "Content-Length: 5") + "hello");
    EXPECT_TRUE(before.error || before.bodies == std::vector<std::string>{"hello"}) << decoy;
    const Outcome behind = read(with_line("Content-Length: 5\r\n" + std::string(decoy) + "Y: z") + "hello");
    EXPECT_TRUE(behind.error || behind.bodies == std::vector<std::string>{"hello"}) << decoy;
  }
}

TEST(Frames, AreAnswersOfHttp11ThatAreGood) {
  for (const char* line : {"HTTP/1.0 200 OK", "HTTP/2 200 OK", "HTTP/1.1 204 No Content", "HTTP/1.1 100 Continue",
                           "HTTP/1.1 404 Not Found", "HTTP/1.1 2000 OK", "HTTP/1.1 OK", "HTTP/1.1", "POST / HTTP/1.1",
                           "http/1.1 200 OK", " HTTP/1.1 200 OK", "HTTP/1.1  200 OK", "", "bplist00"}) {
    const Error error = error_of(std::string(line) + "\r\nContent-Length: 5\r\n\r\n");
    EXPECT_EQ(error.code, code::kBadFrame) << line;
  }
}

TEST(Frames, HaveHeadsOfSoManyBytesAtMost) {
  const std::string begun = "HTTP/1.1 200 OK\r\nX: ";
  EXPECT_EQ(read(begun + std::string(kFrameHeadBytesMax - begun.size() - 1, 'x'), 1).error, std::nullopt);
  EXPECT_EQ(error_of(begun + std::string(kFrameHeadBytesMax - begun.size(), 'x')).code, code::kTooLarge);
  EXPECT_EQ(error_of(begun + std::string(1 << 20, 'x') + "\r\nContent-Length: 5\r\n\r\n").code, code::kTooLarge);
  std::string many = "HTTP/1.1 200 OK\r\n";
  for (int i = 0; i < 100'000; ++i) many += "A: b\r\n";
  EXPECT_EQ(error_of(many + "Content-Length: 5\r\n\r\n").code, code::kTooLarge);
}

TEST(Frames, HaveBodiesOfSoManyBytesAtMost) {
  EXPECT_EQ(read(head_of(1000) + std::string(1000, 'x')).bodies.size(), 1U);
  const Outcome outcome = read(head_of(1001));
  ASSERT_TRUE(outcome.error) << "before any of it has come";
  EXPECT_EQ(outcome.error->code, code::kTooLarge);
  EXPECT_NE(outcome.error->message.find("1001"), std::string::npos);
}

TEST(Frames, ThatAreAnnouncedCostNoMemoryBeforeTheyCome) {
  FrameReader reader(SIZE_MAX / 2);
  const std::string head = head_of(std::size_t{1} << 40);
  auto bytes = bytes_of(head);
  ASSERT_TRUE(reader.take(bytes));
  EXPECT_TRUE(reader.is_within());
  EXPECT_LE(reader.held(), kFrameReserveBytes + kFrameHeadBytesMax);
}

TEST(Frames, OfChanceAreReadTheSameInAnyPieces) {
  std::mt19937_64 random(7);
  const std::string parts[] = {
      "HTTP/1.1 200 OK\r\n",  "Content-Length: 3\r\n", "\r\n", "abc", "X: y\r\n", "\n", " ", "0",
      "Content-Length: 0\r\n"};
  for (int i = 0; i < 20'000; ++i) {
    std::string stream;
    for (std::uint64_t n = random() % 12; n > 0; --n) stream += parts[random() % std::size(parts)];
    const Outcome whole = read(stream);
    const Outcome bytewise = read(stream, 1);
    ASSERT_EQ(whole.bodies, bytewise.bodies) << stream;
    ASSERT_EQ(whole.error.has_value(), bytewise.error.has_value()) << stream;
    ASSERT_EQ(whole.is_within, bytewise.is_within) << stream;
  }
}

}  // namespace
}  // namespace reeve::http
