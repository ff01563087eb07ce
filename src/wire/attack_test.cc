// Attacks on the codec, by the rows of docs/attacks.md.
#include <gtest/gtest.h>

#include "../os/files.hpp"
#include "wire.hpp"

namespace reeve::wire {
namespace {

const auto kFd = std::make_shared<const os::Fd>(*os::open_device_null());

Array one_of_each_type() {
  return {Object(),
          Object(true),
          Object(std::int64_t{1}),
          Object(std::uint64_t{1}),
          Object(1.0),
          Object(Date{}),
          Object(Data(std::vector<std::byte>(4))),
          Object("text"),
          Object(Uuid{}),
          Object(Array{Object(1)}),
          Object(Dictionary{{"k", Object(1)}}),
          Object(object::Descriptor{kFd, os::DescriptorKind::pipe, os::Access::read}),
          Object(Memory(kFd, os::DescriptorKind::memory, 4)),
          Object(Endpoint{}),
          Object(object::Right{kFd, object::RightKind::send})};
}

template <class T>
void expect_alone(const ArrayView& all, object::Type type) {
  for (const View view : all) {
    EXPECT_EQ(view.get<T>().has_value(), view.type() == type)
        << object::name_of(view.type()) << " as " << object::name_of(type);
  }
}

TEST(Attack, X4OfAllAccessorsOfAReceivedValueExactlyTheRightOneAnswers) {
  using object::Type;
  auto encoded = *encode(Dictionary{{"all", Object(one_of_each_type())}});
  const auto body = *Body::check(Data(encoded.body.bytes), std::move(encoded.attachments));
  const auto all = *body.root().find("all")->get<Array>();
  ASSERT_EQ(all.size(), std::variant_size_v<Object::Value>);
  expect_alone<bool>(all, Type::boolean);
  expect_alone<std::int64_t>(all, Type::int64);
  expect_alone<std::uint64_t>(all, Type::uint64);
  expect_alone<double>(all, Type::real);
  expect_alone<Date>(all, Type::date);
  expect_alone<Data>(all, Type::data);
  expect_alone<std::span<const std::byte>>(all, Type::data);
  expect_alone<std::string>(all, Type::string);
  expect_alone<std::string_view>(all, Type::string);
  expect_alone<Uuid>(all, Type::uuid);
  expect_alone<Array>(all, Type::array);
  expect_alone<Dictionary>(all, Type::dictionary);
  expect_alone<object::Descriptor>(all, Type::descriptor);
  expect_alone<Memory>(all, Type::memory);
  expect_alone<Endpoint>(all, Type::endpoint);
  expect_alone<object::Right>(all, Type::right);
}

// Bytes of every remainder by four, so that each kind of padding is written.
Dictionary padded_values() {
  Array values;
  for (std::size_t size = 0; size < 9; ++size) {
    values.emplace_back(std::string(size, 'x'));
    values.emplace_back(Data(std::vector<std::byte>(size, std::byte{1})));
  }
  return Dictionary{
      {"a", Object(values)}, {"ab", Object(true)}, {"abc", Object(Memory(kFd, os::DescriptorKind::memory, 4))}};
}

TEST(Attack, X16PaddingIsZeroWhateverTheRoomHeldBefore) {
  const auto clean = *encode(padded_values());
  object::Pieces body;
  std::vector<object::Attachment> attachments;
  body.bytes.assign(64 * 1024, std::byte{0xa5});
  ASSERT_TRUE(encode(padded_values(), body, attachments));
  EXPECT_EQ(body.bytes, clean.body.bytes);
  // A decoder takes no padding but zero, and bool no word but 0 and 1: what else lay there would be refused.
  EXPECT_TRUE(decode(body.bytes, attachments));
  ASSERT_TRUE(encode(Dictionary{{"long", Object(std::string(32 * 1024, '\x7f'))}}, body, attachments));
  ASSERT_TRUE(encode(padded_values(), body, attachments));
  EXPECT_EQ(body.bytes, clean.body.bytes);
}

TEST(Attack, X16ValuesOfDifferentAddressesAreTheSameBytes) {
  const auto one = *encode(padded_values());
  const auto other = *encode(padded_values());
  EXPECT_EQ(one.body.bytes, other.body.bytes) << "nothing stands there that depends on where a value lay";
}

}  // namespace
}  // namespace reeve::wire
