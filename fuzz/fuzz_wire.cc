// What is accepted must read, view by view, as the value it makes, and encode again to what decodes to the same;
// nothing else may happen.
#include <algorithm>
#include <cstdint>

#include "../src/os/files.hpp"
#include "../src/wire/wire.hpp"

namespace {

using namespace reeve;

// Attachments of every sort, as a channel would have checked them.
std::vector<object::Attachment> attachments_of(unsigned selector) {
  static const auto fd = std::make_shared<const os::Fd>(*os::open_device_null());
  std::vector<object::Attachment> all;
  for (unsigned i = 0; i < selector % 5; ++i) {
    switch (selector / 5 % 4) {
      case 0:
        all.emplace_back(object::Descriptor{fd, os::DescriptorKind::file, os::Access::read, 0});
        break;
      case 1:
        all.emplace_back(object::Descriptor{fd, os::DescriptorKind::memory, os::Access::read, 4096});
        break;
      case 2:
        all.emplace_back(object::Descriptor{fd, os::DescriptorKind::channel, os::Access::read_write, 0});
        break;
      default:
        all.emplace_back(Endpoint{});
    }
  }
  return all;
}

// Every accessor on every view: only the one of its type may answer.
void look_at(const wire::View& view) {
  const int answers =
      view.get<bool>().has_value() + view.get<std::int64_t>().has_value() + view.get<std::uint64_t>().has_value() +
      view.get<double>().has_value() + view.get<Date>().has_value() + view.get<Uuid>().has_value() +
      view.get<std::string_view>().has_value() + view.get<Data>().has_value() + view.get<Array>().has_value() +
      view.get<Dictionary>().has_value() + view.get<object::Descriptor>().has_value() + view.get<Memory>().has_value() +
      view.get<Endpoint>().has_value() + view.get<object::Right>().has_value();
  REEVE_INVARIANT(answers == (view.type() == object::Type::null ? 0 : 1));
  if (const auto array = view.get<Array>()) {
    for (const wire::View element : *array) look_at(element);
  }
  if (const auto dictionary = view.get<Dictionary>()) {
    for (const auto& [key, value] : *dictionary) {
      // Each find walks the keys: a few are enough.
      if (dictionary->count() < 64) REEVE_INVARIANT(dictionary->find(key).has_value());
      look_at(value);
    }
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const auto envelope = (data[0] & 0x80U) != 0 ? wire::Envelope::mach_body : wire::Envelope::standalone;
  const auto bytes = std::as_bytes(std::span(data, size)).subspan(1);
  const auto body = wire::Body::check(Data(bytes, nullptr, 0), attachments_of(data[0] & 0x7fU), envelope);
  if (!body) return 0;
  for (const auto& [key, value] : body->root()) look_at(value);
  const Dictionary owned = body->root().object();
  const auto encoded = wire::encode(owned, envelope);
  REEVE_INVARIANT(encoded.has_value() && encoded->body.size() == bytes.size());
  const auto whole = encoded->body.whole();
  const auto again = wire::encode(*wire::decode(whole, encoded->attachments, envelope), envelope);
  // Compared as bytes: a value that holds a NaN does not equal itself.
  REEVE_INVARIANT(again->body.whole() == whole);
  return 0;
}
