#include <algorithm>

#include "../vocab/bounds.hpp"
#include "../vocab/reader.hpp"
#include "../vocab/text.hpp"
#include "tags.hpp"
#include "wire.hpp"

namespace reeve::wire {
namespace {

// The fewest bytes that one element can take: a tag; in a dictionary also a key of four.
constexpr std::size_t kElementBytesMin = sizeof(std::uint32_t);
constexpr std::size_t kEntryBytesMin = 2 * sizeof(std::uint32_t);

class Decoder {
 public:
  Decoder(std::span<const std::byte> bytes, std::span<const object::Descriptor> descriptors)
      : in_(bytes), descriptors_(descriptors) {}

  Result<Dictionary> run() {
    if (REEVE_TRY(read<std::uint32_t>()) != kMagic) return bad("not the magic 42 37 13 42", 4);
    if (REEVE_TRY(read<std::uint32_t>()) != kVersion) return bad("not version 5", 4);
    if (REEVE_TRY(read<Tag>()) != Tag::dictionary) return bad("the root is not a dictionary", 4);
    Dictionary root = REEVE_TRY(read_dictionary(1));
    if (in_.remaining() != 0) return bad("bytes follow the root");
    if (used_ != descriptors_.size()) return bad("more descriptors came than the body uses");
    return root;
  }

 private:
  std::unexpected<Error> bad(const char* what, std::size_t back = 0) const {
    return fail(Kind::invalid, code::kBadBody, "byte " + std::to_string(in_.position() - back) + ": " + what);
  }

  template <class T>
  Result<T> read() {
    if (const auto value = in_.read<T>()) return *value;
    return bad("the body ends in the middle of a value");
  }

  Result<std::span<const std::byte>> read_padded(std::size_t size) {
    // Compared by subtraction: size + padding could wrap.
    if (in_.remaining() < size || in_.remaining() - size < padding_after(size)) {
      return bad("a length exceeds the body");
    }
    const auto bytes = *in_.bytes(size);
    const auto pad = *in_.bytes(padding_after(size));
    if (std::any_of(pad.begin(), pad.end(), [](std::byte b) { return b != std::byte{0}; })) {
      return bad("padding is not zero", 1);
    }
    return bytes;
  }

  Result<std::string> read_string() {
    const auto size = REEVE_TRY(read<std::uint32_t>());
    if (size == 0) return bad("a string has no room for its NUL", 4);
    const auto bytes = REEVE_TRY(read_padded(size));
    if (bytes.back() != std::byte{0}) return bad("a string does not end in NUL");
    std::string text(reinterpret_cast<const char*>(bytes.data()), size - 1);
    if (!is_text(text)) return bad("a string is not UTF-8 or holds a NUL");
    return text;
  }

  Result<std::string> read_key() {
    const auto rest = in_.rest();
    const auto nul = std::find(rest.begin(), rest.end(), std::byte{0});
    if (nul == rest.end()) return bad("a key does not end in NUL");
    const auto size = static_cast<std::size_t>(nul - rest.begin());
    const auto bytes = REEVE_TRY(read_padded(size + 1));
    std::string key(reinterpret_cast<const char*>(bytes.data()), size);
    if (!is_text(key)) return bad("a key is not UTF-8");
    return key;
  }

  struct Container {
    std::size_t end;
    std::uint32_t count;
  };
  Result<Container> read_container(std::size_t depth, std::size_t element_bytes_min) {
    if (depth > kDepthMax) {
      return fail(Kind::invalid, code::kTooLarge,
                  "byte " + std::to_string(in_.position()) + ": containers nest deeper than 32 levels");
    }
    const auto size = REEVE_TRY(read<std::uint32_t>());
    if (size > in_.remaining()) return bad("a container's length exceeds the body", 4);
    const std::size_t end = in_.position() + size;
    if (size < sizeof(std::uint32_t)) return bad("a container has no room for its count", 4);
    const auto count = REEVE_TRY(read<std::uint32_t>());
    if (count > (end - in_.position()) / element_bytes_min) return bad("a container's count exceeds its length", 4);
    return Container{end, count};
  }
  Result<void> check_end(const Container& container) const {
    if (in_.position() != container.end) return bad("a container's length is not that of its elements");
    return {};
  }

  Result<Array> read_array(std::size_t depth) {
    const Container container = REEVE_TRY(read_container(depth, kElementBytesMin));
    Array array;
    // Grown element by element: a count is a stranger's word, and an Object is larger than the four bytes it may cost.
    for (std::uint32_t i = 0; i < container.count; ++i) array.push_back(REEVE_TRY(read_object(depth + 1)));
    REEVE_TRY(check_end(container));
    return array;
  }

  Result<Dictionary> read_dictionary(std::size_t depth) {
    const Container container = REEVE_TRY(read_container(depth, kEntryBytesMin));
    std::vector<Dictionary::Entry> entries;
    for (std::uint32_t i = 0; i < container.count; ++i) {
      std::string key = REEVE_TRY(read_key());
      entries.emplace_back(std::move(key), REEVE_TRY(read_object(depth + 1)));
    }
    REEVE_TRY(check_end(container));
    auto dictionary = Dictionary::from(std::move(entries));
    if (!dictionary) return bad("a dictionary holds a key twice");
    return std::move(*dictionary);
  }

  Result<Object> read_data() {
    const auto size = REEVE_TRY(read<std::uint32_t>());
    const auto bytes = REEVE_TRY(read_padded(size));
    return Object(Data{{bytes.begin(), bytes.end()}});
  }

  Result<Object> read_boolean() {
    const auto value = REEVE_TRY(read<std::uint32_t>());
    if (value > 1) return bad("a bool is neither 0 nor 1", 4);
    return Object(value == 1);
  }

  // Carriers consume the descriptors in the order in which they stand.
  Result<Object> read_descriptor() {
    if (used_ == descriptors_.size()) return bad("the body uses more descriptors than came");
    return Object(descriptors_[used_++]);
  }

  Result<Object> read_object(std::size_t depth) {
    switch (REEVE_TRY(read<Tag>())) {
      case Tag::null:
        return Object();
      case Tag::boolean:
        return read_boolean();
      case Tag::int64:
        return Object(REEVE_TRY(read<std::int64_t>()));
      case Tag::uint64:
        return Object(REEVE_TRY(read<std::uint64_t>()));
      case Tag::real:
        return Object(REEVE_TRY(read<double>()));
      case Tag::date:
        return Object(Date{std::chrono::nanoseconds(REEVE_TRY(read<std::int64_t>()))});
      case Tag::data:
        return read_data();
      case Tag::string:
        return Object(REEVE_TRY(read_string()));
      case Tag::uuid:
        return Object(Uuid{REEVE_TRY((read<std::array<std::byte, 16>>()))});
      case Tag::descriptor:
        return read_descriptor();
      case Tag::array:
        return Object(REEVE_TRY(read_array(depth)));
      case Tag::dictionary:
        return Object(REEVE_TRY(read_dictionary(depth)));
    }
    return bad("an unknown tag", 4);
  }

  Reader in_;
  std::span<const object::Descriptor> descriptors_;
  std::size_t used_ = 0;
};

}  // namespace

Result<Dictionary> decode(std::span<const std::byte> bytes, std::span<const object::Descriptor> descriptors) {
  return Decoder(bytes, descriptors).run();
}

}  // namespace reeve::wire
