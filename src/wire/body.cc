#include "body.hpp"

#include <algorithm>

#include "../vocab/text.hpp"
#include "wire.hpp"

namespace reeve::wire {

// The one pass over a stranger's bytes. Its members return false at the first fault, which `fault()` then tells; no
// Error is made before there is one.
class Checker {
 public:
  Checker(Body& body, Envelope envelope) : body_(body), envelope_(envelope), bytes_(body.bytes_.bytes()) {}

  bool run() {
    std::uint32_t magic = 0;
    std::uint32_t version = 0;
    Tag tag{};
    if (bytes_.size() > UINT32_MAX) return too_large("a body of 4 GiB or more");
    if (!read(magic)) return false;
    if (envelope_ == Envelope::standalone && magic != kMagic) return bad("not the magic 42 37 13 42", 4);
    if (envelope_ == Envelope::mach_body && magic != kMachMagic) return bad("not the magic CPX@", 4);
    if (!read(version)) return false;
    if (version != kVersion) return bad("not version 5", 4);
    if (!read(tag)) return false;
    if (tag != Tag::dictionary) return bad("the root is not a dictionary", 4);
    if (!dictionary(1)) return false;
    if (remaining() != 0) return bad("bytes follow the root");
    if (used_ != body_.attachments_.size()) return bad("more descriptors came than the body uses");
    return true;
  }

  std::unexpected<Error> fault() const {
    return fail(Kind::invalid, code_, "byte " + std::to_string(fault_at_) + ": " + what_);
  }

 private:
  // The fewest bytes that one element can take: a tag; in a dictionary also a key of four.
  static constexpr std::size_t kElementBytesMin = 4;
  static constexpr std::size_t kEntryBytesMin = 8;
  // Our encoder writes keys in order. Of others, who do not, this many are sorted on the stack to find one twice.
  static constexpr std::size_t kUnorderedKeysMax = 4096;

  bool bad(const char* what, std::size_t back = 0) {
    what_ = what;
    fault_at_ = at_ - back;
    return false;
  }
  bool too_large(const char* what) {
    code_ = code::kTooLarge;
    return bad(what);
  }

  std::size_t remaining() const { return bytes_.size() - at_; }

  template <class T>
  bool read(T& value) {
    if (remaining() < sizeof value) return bad("the body ends in the middle of a value");
    std::memcpy(&value, bytes_.data() + at_, sizeof value);
    at_ += sizeof value;
    return true;
  }

  bool skip(std::size_t size) {
    if (remaining() < size) return bad("the body ends in the middle of a value");
    at_ += size;
    return true;
  }

  // Bytes whose size went before them, and the zeros that fill the last word.
  bool padded_bytes(std::size_t size, const char*& begin) {
    if (remaining() < size || remaining() - size < padding_after(size)) return bad("a length exceeds the body");
    begin = reinterpret_cast<const char*>(bytes_.data() + at_);
    at_ += size;
    for (std::size_t i = padding_after(size); i > 0; --i) {
      if (bytes_[at_++] != std::byte{0}) return bad("padding is not zero", 1);
    }
    return true;
  }

  bool data() {
    std::uint32_t size = 0;
    const char* begin = nullptr;
    return read(size) && padded_bytes(size, begin);
  }

  bool string() {
    std::uint32_t size = 0;
    const char* begin = nullptr;
    if (!read(size)) return false;
    if (size == 0) return bad("a string has no room for its NUL", 4);
    if (!padded_bytes(size, begin)) return false;
    if (begin[size - 1] != 0) return bad("a string does not end in NUL");
    if (!is_text({begin, size - 1})) return bad("a string is not UTF-8 or holds a NUL");
    return true;
  }

  // A key has no size: it ends in the first word that holds a zero byte.
  bool key(std::string_view& key) {
    const auto* begin = reinterpret_cast<const char*>(bytes_.data() + at_);
    const std::size_t words = remaining() / 4;
    std::uint32_t seen = 0;
    for (std::size_t i = 0; i < words; ++i) {
      std::uint32_t word = 0;
      std::memcpy(&word, begin + i * 4, 4);
      seen |= word;
      const std::uint32_t zeros = (word - 0x01010101U) & ~word & 0x80808080U;  // the lowest bit set marks the first
      if (zeros == 0) continue;
      const auto within = static_cast<unsigned>(std::countr_zero(zeros)) / 8;
      at_ += (i + 1) * 4;
      if ((word >> (within * 8)) != 0) return bad("padding is not zero", 1);
      key = {begin, i * 4 + within};
      if ((seen & 0x80808080U) != 0 && !is_text(key)) return bad("a key is not UTF-8");
      return true;
    }
    return bad("a key does not end in NUL");
  }

  bool boolean() {
    std::uint32_t value = 0;
    if (!read(value)) return false;
    return value <= 1 || bad("a bool is neither 0 nor 1", 4);
  }

  // Carriers consume what came along in the order in which they stand.
  template <class Fits>
  bool carrier(Fits fits) {
    if (used_ == body_.attachments_.size()) return bad("the body uses more descriptors than came");
    body_.carriers_[used_] = static_cast<std::uint32_t>(at_ - 4);
    return fits(body_.attachments_[used_++]) || bad("what came along is not what its carrier says", 4);
  }
  static bool is_descriptor(const object::Attachment& a) { return std::holds_alternative<object::Descriptor>(a); }
  static bool is_endpoint(const object::Attachment& a) { return std::holds_alternative<Endpoint>(a); }
  static bool is_end(const object::Attachment& a) {
    const auto* descriptor = std::get_if<object::Descriptor>(&a);
    return descriptor != nullptr && descriptor->kind == os::DescriptorKind::channel;
  }

  bool memory() {
    std::uint32_t size = 0;
    std::uint32_t zero = 0;
    const object::Descriptor* memory = nullptr;
    if (!carrier([&](const object::Attachment& a) {
          memory = std::get_if<object::Descriptor>(&a);
          return memory != nullptr &&
                 (memory->kind == os::DescriptorKind::memory || memory->kind == os::DescriptorKind::shared);
        })) {
      return false;
    }
    if (!read(size)) return false;
    if (size == 0 || size > memory->size) return bad("shared memory is smaller than its carrier says", 4);
    if (!read(zero)) return false;
    return zero == 0 || bad("shared memory's second word is not zero", 4);
  }

  // After its tag: size and count, so that `count` elements of at least so many bytes fit.
  bool container(std::size_t depth, std::size_t element_bytes_min, std::size_t& end, std::uint32_t& count) {
    if (depth > kDepthMax) return too_large("containers nest deeper than 32 levels");
    std::uint32_t size = 0;
    if (!read(size)) return false;
    if (size > remaining()) return bad("a container's length exceeds the body", 4);
    end = at_ + size;
    if (size < sizeof count) return bad("a container has no room for its count", 4);
    if (!read(count)) return false;
    if (count > (end - at_) / element_bytes_min) return bad("a container's count exceeds its length", 4);
    if (count > kObjectCountMax - objects_) return too_large("a message holds more than 262144 objects");
    objects_ += count;
    return true;
  }
  bool ends_at(std::size_t end) { return at_ == end || bad("a container's length is not that of its elements"); }

  bool array(std::size_t depth) {
    std::size_t end = 0;
    std::uint32_t count = 0;
    if (!container(depth, kElementBytesMin, end, count)) return false;
    for (std::uint32_t i = 0; i < count; ++i) {
      if (!object(depth + 1)) return false;
    }
    return ends_at(end);
  }

  bool dictionary(std::size_t depth) {
    std::size_t end = 0;
    std::uint32_t count = 0;
    if (!container(depth, kEntryBytesMin, end, count)) return false;
    const std::size_t first = at_;
    std::string_view last;
    bool ordered = true;
    for (std::uint32_t i = 0; i < count; ++i) {
      std::string_view key_here;
      if (!key(key_here)) return false;
      ordered = ordered && (i == 0 || last < key_here);
      last = key_here;
      if (!object(depth + 1)) return false;
    }
    return ends_at(end) && (ordered || unique(first, count));
  }

  [[gnu::noinline]] bool unique(std::size_t first, std::uint32_t count) {
    if (count > kUnorderedKeysMax) return too_large("more than 4096 keys out of order");
    std::array<const char*, kUnorderedKeysMax> keys;
    const DictionaryView entries = body_.view(first, count);
    std::size_t known = 0;
    for (const auto& [key_here, ignored] : entries) keys[known++] = key_here.data();
    const auto end = keys.begin() + count;
    std::sort(keys.begin(), end, [](const char* a, const char* b) { return std::strcmp(a, b) < 0; });
    const auto twice =
        std::adjacent_find(keys.begin(), end, [](const char* a, const char* b) { return std::strcmp(a, b) == 0; });
    return twice == end || bad("a dictionary holds a key twice");
  }

  bool object(std::size_t depth) {
    Tag tag{};
    if (!read(tag)) return false;
    switch (tag) {
      case Tag::null:
        return true;
      case Tag::boolean:
        return boolean();
      case Tag::int64:
      case Tag::uint64:
      case Tag::real:
      case Tag::date:
        return skip(8);
      case Tag::uuid:
        return skip(16);
      case Tag::data:
        return data();
      case Tag::string:
        return string();
      case Tag::descriptor:
        return carrier(is_descriptor);
      case Tag::endpoint:
        return carrier(is_endpoint);
      case Tag::send_right:
      case Tag::receive_right:
        return carrier(is_end);
      case Tag::memory:
        return memory();
      case Tag::array:
        return array(depth);
      case Tag::dictionary:
        return dictionary(depth);
    }
    return bad("an unknown tag", 4);
  }

  Body& body_;
  Envelope envelope_;
  std::span<const std::byte> bytes_;
  std::size_t at_ = 0;
  std::size_t used_ = 0;
  std::size_t objects_ = 0;
  const char* what_ = "";
  std::size_t fault_at_ = 0;
  std::int32_t code_ = code::kBadBody;
};

Result<Body> Body::check(Data&& bytes, std::vector<object::Attachment>&& attachments, Envelope envelope) {
  if (attachments.size() > kAttachmentCountMax) {
    return fail(Kind::invalid, code::kTooLarge, "a message carries at most 16 descriptors");
  }
  Result<Body> body = Body(std::move(bytes), std::move(attachments));
  Checker checker(*body, envelope);
  if (!checker.run()) return checker.fault();
  return body;
}

DictionaryView Body::view(std::size_t first, std::size_t count) const {
  return {bytes_.bytes().data() + first, count, *this};
}

DictionaryView Body::root() const {
  std::uint32_t count = 0;
  std::memcpy(&count, bytes_.bytes().data() + kEnvelopeBytes + 8, sizeof count);
  return view(kEnvelopeBytes + 12, count);
}

object::Type View::type() const {
  using object::Type;
  switch (tag()) {
    case Tag::null:
      return Type::null;
    case Tag::boolean:
      return Type::boolean;
    case Tag::int64:
      return Type::int64;
    case Tag::uint64:
      return Type::uint64;
    case Tag::real:
      return Type::real;
    case Tag::date:
      return Type::date;
    case Tag::data:
      return Type::data;
    case Tag::string:
      return Type::string;
    case Tag::uuid:
      return Type::uuid;
    case Tag::array:
      return Type::array;
    case Tag::dictionary:
      return Type::dictionary;
    case Tag::descriptor:
      return Type::descriptor;
    case Tag::memory:
      return Type::memory;
    case Tag::endpoint:
      return Type::endpoint;
    case Tag::send_right:
    case Tag::receive_right:
      return Type::right;
  }
  return Type::null;
}

Data View::data() const {
  const auto bytes = data_bytes();
  const Data& whole = body_->bytes_;
  const bool shares = bytes.size() >= kSharedDataBytesMin && whole.keeper() != nullptr &&
                      bytes.size() * kSharedDataPartMax >= whole.kept();
  return shares ? Data(bytes, whole.keeper(), whole.kept()) : Data::copy_of(bytes);
}

const object::Attachment& View::attachment() const {
  const auto position = static_cast<std::uint32_t>(at_ - body_->bytes_.bytes().data());
  const auto known = std::span(body_->carriers_).first(body_->attachments_.size());
  const auto found = std::lower_bound(known.begin(), known.end(), position);
  REEVE_INVARIANT(found != known.end() && *found == position);
  return body_->attachments_[static_cast<std::size_t>(found - known.begin())];
}

Object View::object() const {
  switch (type()) {
    case object::Type::null:
      return {};
    case object::Type::boolean:
      return *get<bool>();
    case object::Type::int64:
      return *get<std::int64_t>();
    case object::Type::uint64:
      return *get<std::uint64_t>();
    case object::Type::real:
      return *get<double>();
    case object::Type::date:
      return *get<Date>();
    case object::Type::data:
      return data();
    case object::Type::string:
      return std::string(text());
    case object::Type::uuid:
      return *get<Uuid>();
    case object::Type::array:
      return get<Array>()->object();
    case object::Type::dictionary:
      return get<Dictionary>()->object();
    case object::Type::descriptor:
      return *get<object::Descriptor>();
    case object::Type::memory:
      return *get<Memory>();
    case object::Type::endpoint:
      return *get<Endpoint>();
    case object::Type::right:
      return *get<object::Right>();
  }
  return {};
}

Array ArrayView::object() const {
  Array array;
  array.reserve(count_);
  for (const View element : *this) array.push_back(element.object());
  return array;
}

std::optional<View> DictionaryView::find(std::string_view key) const {
  const std::byte* at = first_;
  for (std::size_t left = count_; left > 0; --left) {
    const std::string_view here(reinterpret_cast<const char*>(at));
    const View value(at + padded(here.size() + 1), *body_);
    if (here == key) return value;
    at = value.at_ + value.size();
  }
  return std::nullopt;
}

Dictionary DictionaryView::object() const {
  std::vector<Dictionary::Entry> entries;
  entries.reserve(count_);
  for (const auto& [key, value] : *this) entries.emplace_back(key, value.object());
  auto dictionary = Dictionary::from(std::move(entries));
  REEVE_INVARIANT(dictionary.has_value());
  return std::move(*dictionary);
}

Result<Dictionary> decode(std::span<const std::byte> bytes, std::vector<object::Attachment> attachments,
                          Envelope envelope) {
  const Body body = REEVE_TRY(Body::check(Data(bytes, nullptr, 0), std::move(attachments), envelope));
  return body.root().object();
}

}  // namespace reeve::wire
