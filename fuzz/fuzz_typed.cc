// Bytes as a plain struct of every sort of field. What decodes encodes to what decodes to the same; what does not has a
// reason that names a place.
#include <cstdint>

#include "../src/object/typed.hpp"
#include "../src/wire/wire.hpp"

namespace reeve {

enum class Colour { red, green };
BOOST_DESCRIBE_ENUM(Colour, red, green)

struct Inner {
  std::uint8_t small = 0;
  std::int64_t wide = 0;
  Colour colour = Colour::red;
};
BOOST_DESCRIBE_STRUCT(Inner, (), (small, wide, colour))

struct Outer {
  bool flag = false;
  std::uint16_t number = 0;
  double real = 0;
  std::string text;
  Data data;
  Date date;
  Uuid uuid;
  std::optional<Inner> maybe;
  std::vector<Inner> list;
  std::map<std::string, std::uint64_t> table;
  std::optional<Object> anything;
};
BOOST_DESCRIBE_STRUCT(Outer, (), (flag, number, real, text, data, date, uuid, maybe, list, table, anything))

}  // namespace reeve

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace reeve;
  const auto body = wire::Body::check(Data(std::as_bytes(std::span(data, size)), nullptr, 0), {});
  if (!body) return 0;
  const auto root = body->root().find("v");
  if (!root) return 0;
  auto from_view = object::from_object<Outer>(*root);
  const auto from_owned = object::from_object<Outer>(root->object());
  // A view and the value it is a view of are the same to the decoder.
  REEVE_INVARIANT(from_view.has_value() == from_owned.has_value());
  if (!from_view) {
    // Of several faults the one told first may be another: a view keeps the order in which keys were sent.
    REEVE_INVARIANT(!from_view.error().message.empty() && !from_owned.error().message.empty());
    return 0;
  }
  const auto encoded = wire::encode({{"v", object::to_object(std::move(*from_view))}});
  REEVE_INVARIANT(encoded.has_value());
  const auto whole = encoded->body.whole();
  const auto again = wire::decode(whole, {});
  REEVE_INVARIANT(again.has_value());
  auto decoded = object::from_object<Outer>(*again->find("v"));
  REEVE_INVARIANT(decoded.has_value());
  REEVE_INVARIANT(wire::encode({{"v", object::to_object(std::move(*decoded))}})->body.whole() == whole);
  return 0;
}
