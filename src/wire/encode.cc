#include <cstring>

#include "../vocab/bounds.hpp"
#include "../vocab/text.hpp"
#include "tags.hpp"
#include "wire.hpp"

namespace reeve::wire {
namespace {

class Encoder {
 public:
  Result<Encoded> run(const Dictionary& root) {
    put(kMagic);
    put(kVersion);
    REEVE_TRY(write(root, 1));
    return std::move(out_);
  }

 private:
  template <class T>
  void put(T value) {
    const auto* raw = reinterpret_cast<const std::byte*>(&value);
    out_.bytes.insert(out_.bytes.end(), raw, raw + sizeof value);
  }
  void put_padded(const void* data, std::size_t size) {
    const auto* raw = static_cast<const std::byte*>(data);
    out_.bytes.insert(out_.bytes.end(), raw, raw + size);
    out_.bytes.resize(out_.bytes.size() + padding_after(size));
  }

  Result<void> put_text(const std::string& text) {
    if (!is_text(text))
      return fail(Kind::invalid, code::kBadBody, "text is not UTF-8 or holds a NUL", "send it as data");
    put_padded(text.c_str(), text.size() + 1);
    return {};
  }

  // A container's size counts all that follows it; it is filled in when that is known.
  std::size_t begin_container(Tag tag, std::size_t count) {
    put(tag);
    const std::size_t place = out_.bytes.size();
    put(std::uint32_t{0});
    put(static_cast<std::uint32_t>(count));
    return place;
  }
  Result<void> end_container(std::size_t place) {
    const std::size_t size = out_.bytes.size() - place - sizeof(std::uint32_t);
    if (size > UINT32_MAX) return fail(Kind::invalid, code::kTooLarge, "a container exceeds 4 GiB");
    const auto narrow = static_cast<std::uint32_t>(size);
    std::memcpy(out_.bytes.data() + place, &narrow, sizeof narrow);
    return {};
  }

  Result<void> write(const Object& object, std::size_t depth) {
    return std::visit([&](const auto& value) { return write(value, depth); }, object.value());
  }
  Result<void> write(const Dictionary& dictionary, std::size_t depth) {
    REEVE_TRY(check_depth(depth));
    const std::size_t place = begin_container(Tag::dictionary, dictionary.count());
    for (const auto& [key, value] : dictionary) {
      REEVE_TRY(put_text(key));
      REEVE_TRY(write(value, depth + 1));
    }
    return end_container(place);
  }
  Result<void> write(const Array& array, std::size_t depth) {
    REEVE_TRY(check_depth(depth));
    const std::size_t place = begin_container(Tag::array, array.size());
    for (const Object& value : array) REEVE_TRY(write(value, depth + 1));
    return end_container(place);
  }
  Result<void> write(std::monostate, std::size_t) { return put(Tag::null), Result<void>(); }
  Result<void> write(bool value, std::size_t) { return scalar(Tag::boolean, std::uint32_t{value}); }
  Result<void> write(std::int64_t value, std::size_t) { return scalar(Tag::int64, value); }
  Result<void> write(std::uint64_t value, std::size_t) { return scalar(Tag::uint64, value); }
  Result<void> write(double value, std::size_t) { return scalar(Tag::real, value); }
  Result<void> write(const Date& value, std::size_t) {
    return scalar(Tag::date, static_cast<std::int64_t>(value.since_epoch.count()));
  }
  Result<void> write(const Uuid& value, std::size_t) { return scalar(Tag::uuid, value.bytes); }
  Result<void> write(const Data& value, std::size_t) {
    if (value.bytes.size() > UINT32_MAX) return fail(Kind::invalid, code::kTooLarge, "data exceeds 4 GiB");
    put(Tag::data);
    put(static_cast<std::uint32_t>(value.bytes.size()));
    put_padded(value.bytes.data(), value.bytes.size());
    return {};
  }
  Result<void> write(const std::string& value, std::size_t) {
    if (value.size() >= UINT32_MAX) return fail(Kind::invalid, code::kTooLarge, "a string exceeds 4 GiB");
    put(Tag::string);
    put(static_cast<std::uint32_t>(value.size() + 1));
    return put_text(value);
  }
  Result<void> write(const object::Descriptor& value, std::size_t) {
    if (value.fd == nullptr) return fail(Kind::invalid, code::kBadAttachment, "a descriptor is empty", "open it first");
    put(Tag::descriptor);
    out_.descriptors.push_back(value);
    return {};
  }

  template <class T>
  Result<void> scalar(Tag tag, T value) {
    put(tag);
    put(value);
    return {};
  }
  static Result<void> check_depth(std::size_t depth) {
    if (depth <= kDepthMax) return {};
    return fail(Kind::invalid, code::kTooLarge, "containers nest deeper than 32 levels", "flatten the value");
  }

  Encoded out_;
};

}  // namespace

Result<Encoded> encode(const Dictionary& root) { return Encoder().run(root); }

}  // namespace reeve::wire
