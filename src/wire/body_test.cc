// Views of a checked body: carriers, envelopes, budgets, and what shares what.
#include "body.hpp"

#include <gtest/gtest.h>

#include <cstdlib>

#include "../os/pipe.hpp"
#include "../vocab/bounds.hpp"
#include "hex.hpp"
#include "wire.hpp"

#ifndef REEVE_SANITIZED
namespace {
std::size_t g_allocations = 0;
}
void* operator new(std::size_t size) {
  ++g_allocations;
  return std::malloc(size);
}
void operator delete(void* place) noexcept { std::free(place); }
void operator delete(void* place, std::size_t) noexcept { std::free(place); }
#endif

namespace reeve::wire {
namespace {

using object::Attachment;
using object::Descriptor;
using object::Right;
using object::RightKind;

std::shared_ptr<const os::Fd> some_fd() { return std::make_shared<const os::Fd>(); }

// A dictionary of one key around each of these objects.
std::vector<std::byte> around(const std::vector<std::string>& objects) {
  std::string entries;
  char key = 'a';
  for (const std::string& object : objects) {
    char hex[16];
    std::snprintf(hex, sizeof hex, "%02x000000 ", key++);
    entries += hex + object;
  }
  const std::size_t size = bytes_of_hex(entries).size() + 4;
  char head[64];
  std::snprintf(head, sizeof head, "42371342 05000000 00f00000 %02zx000000 %02zx000000 ", size, objects.size());
  return bytes_of_hex(head + entries);
}

std::string fault_of(const std::vector<std::byte>& bytes, std::vector<Attachment> attachments = {},
                     Envelope envelope = Envelope::standalone) {
  const auto body = Body::check(Data(bytes, nullptr, 0), std::move(attachments), envelope);
  return body ? "a body" : body.error().message;
}

TEST(Body, RefusesACarrierThatIsNotWhatCameAlong) {
  const auto fd = some_fd();
  const Attachment file = Descriptor{fd, os::DescriptorKind::file, os::Access::read};
  const Attachment memory = Descriptor{fd, os::DescriptorKind::memory, os::Access::read, 4096};
  const Attachment shared = Descriptor{fd, os::DescriptorKind::shared, os::Access::read, 4096};
  const Attachment end = Descriptor{fd, os::DescriptorKind::channel, os::Access::read_write};
  const Attachment endpoint = Endpoint{};
  const auto descriptor_object = around({"00b00000"});
  const auto memory_object = around({"00c00000 00100000 00000000"});
  const auto send_right = around({"00d00000"});
  const auto receive_right = around({"00500100"});
  const auto endpoint_object = around({"00200100"});
  const char* kWrong = "byte 24: what came along is not what its carrier says";
  EXPECT_EQ(fault_of(descriptor_object, {file}), "a body");
  EXPECT_EQ(fault_of(descriptor_object, {endpoint}), kWrong);
  EXPECT_EQ(fault_of(descriptor_object, {}), "byte 28: the body uses more descriptors than came");
  EXPECT_EQ(fault_of(descriptor_object, {file, file}), "byte 28: more descriptors came than the body uses");
  EXPECT_EQ(fault_of(memory_object, {memory}), "a body");
  EXPECT_EQ(fault_of(memory_object, {shared}), "a body");
  EXPECT_EQ(fault_of(memory_object, {file}), kWrong);
  EXPECT_EQ(fault_of(memory_object, {endpoint}), kWrong);
  EXPECT_EQ(fault_of(around({"00c00000 01100000 00000000"}), {memory}),
            "byte 28: shared memory is smaller than its carrier says");
  EXPECT_EQ(fault_of(around({"00c00000 00000000 00000000"}), {memory}),
            "byte 28: shared memory is smaller than its carrier says");
  EXPECT_EQ(fault_of(around({"00c00000 00100000 01000000"}), {memory}),
            "byte 32: shared memory's second word is not zero");
  EXPECT_EQ(fault_of(send_right, {end}), "a body");
  EXPECT_EQ(fault_of(send_right, {file}), kWrong);
  EXPECT_EQ(fault_of(receive_right, {end}), "a body");
  EXPECT_EQ(fault_of(receive_right, {endpoint}), kWrong);
  EXPECT_EQ(fault_of(endpoint_object, {endpoint}), "a body");
  EXPECT_EQ(fault_of(endpoint_object, {end}), kWrong);
}

TEST(Body, RefusesTagsWithoutADocumentedBody) {
  // Pointer, error, connection, serializer, pipe, bundle, service, service instance, activity, file transfer.
  for (const char* tag : {"00600000", "00000100", "00100100", "00300100", "00400100", "00600100", "00700100",
                          "00800100", "00900100", "00a00100"}) {
    EXPECT_EQ(fault_of(around({std::string(tag) + "00000000 00000000"})), "byte 24: an unknown tag") << tag;
  }
}

TEST(Body, EveryCarrierComesBackInTheOrderInWhichItStood) {
  auto [reader, writer] = *os::make_pipe();
  const auto pipe = std::make_shared<const os::Fd>(std::move(reader));
  const auto end = some_fd();
  const auto fd = std::make_shared<const os::Fd>(std::move(writer));
  Endpoint endpoint;
  endpoint.token[3] = std::byte{9};
  const Dictionary root{{"a", Object(Descriptor{pipe, os::DescriptorKind::pipe, os::Access::read})},
                        {"b", Object(endpoint)},
                        {"c", Object(Array{Object(Right{fd, RightKind::send}), Object(Right{fd, RightKind::receive})})},
                        {"d", Object(Memory(fd, os::DescriptorKind::memory, 77))}};
  for (const Envelope envelope : {Envelope::standalone, Envelope::mach_body}) {
    const auto encoded = encode(root, envelope);
    ASSERT_TRUE(encoded) << encoded.error().message;
    ASSERT_EQ(encoded->attachments.size(), 5U);
    const auto decoded = decode(encoded->body.whole(), encoded->attachments, envelope);
    ASSERT_TRUE(decoded) << decoded.error().message;
    EXPECT_EQ(*decoded, root);
  }
}

TEST(Body, OfAMachMessageDiffersInItsMagicAlone) {
  const Dictionary root{{"v", Object(42)}};
  auto mach = encode(root, Envelope::mach_body)->body.bytes;
  EXPECT_EQ(mach, bytes_of_hex("43505840 05000000 00f00000 14000000 01000000 76000000 00300000 2a000000 00000000"));
  EXPECT_EQ(fault_of(mach), "byte 0: not the magic 42 37 13 42");
  EXPECT_EQ(fault_of(mach, {}, Envelope::mach_body), "a body");
  EXPECT_EQ(fault_of(encode(root)->body.bytes, {}, Envelope::mach_body), "byte 0: not the magic CPX@");
  mach[4] = std::byte{4};
  EXPECT_EQ(fault_of(mach, {}, Envelope::mach_body), "byte 4: not version 5");
}

Dictionary many_nulls(std::size_t count) { return {{"v", Object(Array(count))}}; }

TEST(Body, HoldsNoMoreObjectsThanAReaderCanAfford) {
  EXPECT_TRUE(encode(many_nulls(kObjectCountMax - 1)));
  const auto too_many = encode(many_nulls(kObjectCountMax));
  ASSERT_FALSE(too_many);
  EXPECT_EQ(too_many.error().code, code::kTooLarge);
  // The same from somebody with another encoder: an array in a dictionary, each with its head of twelve bytes.
  const std::uint32_t count = kObjectCountMax;
  auto bytes = bytes_of_hex("42371342 05000000 00f00000 00000000 01000000 76000000 00e00000 00000000 00000000");
  for (std::uint32_t i = 0; i < count; ++i) bytes.insert(bytes.end(), {std::byte{0}, std::byte{0x10}, {}, {}});
  const std::uint32_t inner = 4 + 4 * count;
  const std::uint32_t outer = 16 + inner;
  std::memcpy(&bytes[12], &outer, 4);
  std::memcpy(&bytes[28], &inner, 4);
  std::memcpy(&bytes[32], &count, 4);
  EXPECT_NE(fault_of(bytes).find("more than 262144 objects"), std::string::npos);
}

// Keys in descending order, which our encoder never writes; the last may be one that was there before.
std::vector<std::byte> backwards(std::uint32_t count, std::uint32_t last = 1) {
  std::vector<std::byte> entries;
  for (std::uint32_t i = count; i > 0; --i) {
    char key[16]{};
    std::snprintf(key, sizeof key, "%07u", i == 1 ? last : i);
    const auto raw = std::as_bytes(std::span(key)).first(8);
    entries.insert(entries.end(), raw.begin(), raw.end());
    entries.insert(entries.end(), {std::byte{0}, std::byte{0x10}, {}, {}});
  }
  auto bytes = bytes_of_hex("42371342 05000000 00f00000 00000000 00000000");
  const auto size = static_cast<std::uint32_t>(entries.size() + 4);
  std::memcpy(&bytes[12], &size, 4);
  std::memcpy(&bytes[16], &count, 4);
  bytes.insert(bytes.end(), entries.begin(), entries.end());
  return bytes;
}

TEST(Body, FindsAKeyThatStandsTwiceInWhateverOrder) {
  EXPECT_EQ(fault_of(backwards(4096)), "a body");
  EXPECT_NE(fault_of(backwards(4096, 2)).find("a dictionary holds a key twice"), std::string::npos);
  EXPECT_NE(fault_of(backwards(4097)).find("more than 4096 keys out of order"), std::string::npos);
}

TEST(Body, LargeDataSharesTheMessageAndSmallDataDoesNot) {
  const Dictionary root{{"large", Object(Data(std::vector<std::byte>(kSharedDataBytesMin, std::byte{7})))},
                        {"small", Object(Data(std::vector<std::byte>(64, std::byte{8})))}};
  auto buffer = std::make_shared<const std::vector<std::byte>>(encode(root)->body.whole());
  std::optional<Dictionary> decoded;
  {
    const auto body = Body::check(Data(*buffer, buffer, buffer->size()), {});
    ASSERT_TRUE(body);
    decoded = body->root().object();
  }
  EXPECT_EQ(*decoded, root);
  EXPECT_EQ(buffer.use_count(), 2) << "the large one keeps it";
  decoded->set("large", Object());
  EXPECT_EQ(buffer.use_count(), 1);
  // One in a message of a hundred times its size would keep all of that.
  Dictionary pinned = root;
  pinned.set("other", Object(Data(std::vector<std::byte>(kSharedDataBytesMin * 100))));
  buffer = std::make_shared<const std::vector<std::byte>>(encode(pinned)->body.whole());
  const auto body = Body::check(Data(*buffer, buffer, buffer->size()), {});
  const auto held = body->root().find("large")->get<Data>();
  EXPECT_EQ(held->keeper() == buffer, false);
}

TEST(Body, OfScalarsAndStringsIsReadWithoutTakingMemory) {
#ifdef REEVE_SANITIZED
  GTEST_SKIP() << "the sanitisers count for themselves";
#else
  const auto bytes = encode({{"a", Object(true)},
                             {"b", Object(-1)},
                             {"c", Object(2.5)},
                             {"d", Object("a longer string")},
                             {"e", Object(Array{Object("x"), Object(Date{})})},
                             {"f", Object(Dictionary{})}})
                         ->body.bytes;
  std::size_t seen = 0;
  const std::size_t before = g_allocations;
  {
    const auto body = Body::check(Data(bytes, nullptr, 0), {});
    ASSERT_TRUE(body);
    for (const auto& [key, value] : body->root()) seen += key.size() + (value.get<std::string_view>() ? 1U : 0U);
    seen += body->root().find("e")->get<Array>()->size();
  }
  EXPECT_EQ(g_allocations, before);
  EXPECT_EQ(seen, 9U);
#endif
}

TEST(Body, LargeDataIsSentFromWhereItLies) {
  const Data data(std::vector<std::byte>(100'000, std::byte{3}));
  const auto encoded = encode({{"a", Object(data)}, {"b", Object(1)}});
  ASSERT_EQ(encoded->body.splices.size(), 1U);
  EXPECT_EQ(encoded->body.splices[0].data.bytes().data(), data.bytes().data());
  EXPECT_LT(encoded->body.bytes.size(), 100U);
  EXPECT_EQ(encoded->body.size(), encoded->body.whole().size());
  EXPECT_EQ(*decode(encoded->body.whole(), {})->find("a")->get<Data>(), data);
}

}  // namespace
}  // namespace reeve::wire
