// Attacks on values that were received, by the rows of docs/attacks.md.
#include <gtest/gtest.h>

#include <algorithm>

#include "memory.hpp"
#include "typed.hpp"

namespace reeve::object {
namespace {

std::vector<Object> one_of_each_type() {
  const auto fd = std::make_shared<const os::Fd>();
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
          Object(Descriptor{fd, os::DescriptorKind::pipe, os::Access::read}),
          Object(Memory(fd, os::DescriptorKind::memory, 4)),
          Object(Endpoint{}),
          Object(Right{fd, RightKind::send})};
}

template <class T>
void expect_alone(Type type) {
  for (const Object& object : one_of_each_type()) {
    EXPECT_EQ(object.get<T>() != nullptr, object.type() == type) << name_of(object.type()) << " as " << name_of(type);
  }
}

TEST(Attack, X4OfAllAccessorsExactlyTheRightOneAnswers) {
  ASSERT_EQ(one_of_each_type().size(), std::variant_size_v<Object::Value>);
  expect_alone<bool>(Type::boolean);
  expect_alone<std::int64_t>(Type::int64);
  expect_alone<std::uint64_t>(Type::uint64);
  expect_alone<double>(Type::real);
  expect_alone<Date>(Type::date);
  expect_alone<Data>(Type::data);
  expect_alone<std::string>(Type::string);
  expect_alone<Uuid>(Type::uuid);
  expect_alone<Array>(Type::array);
  expect_alone<Dictionary>(Type::dictionary);
  expect_alone<Descriptor>(Type::descriptor);
  expect_alone<Memory>(Type::memory);
  expect_alone<Endpoint>(Type::endpoint);
  expect_alone<Right>(Type::right);
}

template <class T>
void expect_typed(std::initializer_list<Type> types) {
  const Path outer{&kRoot, "outer"};
  const Path path{&outer, {}, 3};
  for (const Object& object : one_of_each_type()) {
    const bool fits = std::find(types.begin(), types.end(), object.type()) != types.end();
    const auto decoded = from_object<T>(object, path);
    EXPECT_EQ(decoded.has_value(), fits) << name_of(object.type());
    if (decoded) continue;
    EXPECT_EQ(decoded.error().code, code::kWrongType);
    EXPECT_EQ(decoded.error().message.rfind("outer[3]: ", 0), 0U) << decoded.error().message;
    EXPECT_NE(decoded.error().message.find(name_of(object.type())), std::string::npos) << decoded.error().message;
  }
}

TEST(Attack, X4ATypedFieldTakesItsOwnTypeAloneAndNamesThePathOfAnother) {
  expect_typed<bool>({Type::boolean});
  expect_typed<std::int8_t>({Type::int64, Type::uint64});
  expect_typed<std::uint64_t>({Type::int64, Type::uint64});
  expect_typed<double>({Type::real});
  expect_typed<float>({Type::real});
  expect_typed<Date>({Type::date});
  expect_typed<Data>({Type::data});
  expect_typed<std::string>({Type::string});
  expect_typed<Uuid>({Type::uuid});
  expect_typed<std::vector<std::int64_t>>({Type::array});
  expect_typed<std::map<std::string, std::int64_t>>({Type::dictionary});
  expect_typed<std::optional<bool>>({Type::null, Type::boolean});
  expect_typed<Array>({Type::array});
  expect_typed<Dictionary>({Type::dictionary});
  expect_typed<Memory>({Type::memory});
  expect_typed<Endpoint>({Type::endpoint});
  expect_typed<Right>({Type::right});
}

}  // namespace
}  // namespace reeve::object
