#include "writer.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>

#include "../vocab/bounds.hpp"
#include "unicode.hpp"

namespace reeve::plist {
namespace {

constexpr std::string_view kMagic = "bplist00";
constexpr std::size_t kTrailerBytes = 32;
constexpr std::int64_t kEpoch = 978'307'200;  // 2001-01-01T00:00:00Z, in seconds since 1970.

void put(std::vector<std::byte>& out, std::uint64_t value, std::size_t size) {
  for (std::size_t i = size; i-- > 0;) out.push_back(static_cast<std::byte>(value >> (8 * i)));
}

// In 1, 2, 4 or 8 bytes.
std::size_t power_of(std::uint64_t value) {
  return value <= 0xff ? 0 : value <= 0xffff ? 1 : value <= 0xffffffff ? 2 : 3;
}

void put_integer(std::vector<std::byte>& out, std::uint64_t value) {
  const std::size_t power = power_of(value);
  put(out, 0x10 | power, 1);
  put(out, value, std::size_t{1} << power);
}

void put_marker(std::vector<std::byte>& out, std::uint8_t marker, std::size_t count) {
  put(out, marker | std::min<std::size_t>(count, 0x0f), 1);
  if (count >= 0x0f) put_integer(out, count);
}

// In as few bytes as it fits.
std::size_t bytes_of(std::uint64_t value) {
  std::size_t size = 1;
  while (size < 8 && value >> (8 * size) != 0) ++size;
  return size;
}

}  // namespace

// The first one counts.
void Writer::refuse(std::int32_t code, const char* what) {
  if (!error_) error_ = Error{Kind::invalid, code, what, ""};
}

Ref Writer::keep(const Written& written) {
  if (bytes_.size() + members_.size() > kPlistBytesMax) {
    refuse(code::kTooLarge, "the property list is larger than 64 MiB");
    bytes_.clear();
    members_.clear();
    known_.clear();
  }
  all_.push_back(error_ ? Written{} : written);
  return static_cast<Ref>(all_.size() - 1);
}

Ref Writer::unique(std::span<const std::byte> bytes) {
  const std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  const std::size_t hash = std::hash<std::string_view>()(text);
  const auto [begin, end] = known_.equal_range(hash);
  for (auto known = begin; known != end; ++known) {
    const Written& written = all_[static_cast<std::size_t>(known->second)];
    const auto there = std::span(bytes_).subspan(written.begin, written.count);
    if (std::ranges::equal(there, bytes)) return known->second;
  }
  const Written written{bytes_.size(), static_cast<std::uint32_t>(bytes.size()), 0};
  bytes_.insert(bytes_.end(), bytes.begin(), bytes.end());
  const Ref ref = keep(written);
  if (!error_) known_.emplace(hash, ref);
  return ref;
}

Ref Writer::integer(std::int64_t value) {
  room_.clear();
  if (value >= 0) {
    put_integer(room_, static_cast<std::uint64_t>(value));
  } else {
    put(room_, 0x13, 1);
    put(room_, static_cast<std::uint64_t>(value), 8);
  }
  return unique(room_);
}

// Eight bytes have a sign.
Ref Writer::integer(std::uint64_t value) {
  if (std::in_range<std::int64_t>(value)) return integer(static_cast<std::int64_t>(value));
  room_.clear();
  put(room_, 0x14, 1);
  put(room_, 0, 8);
  put(room_, value, 8);
  return unique(room_);
}

Ref Writer::real(double value) {
  room_.clear();
  put(room_, 0x23, 1);
  put(room_, std::bit_cast<std::uint64_t>(value), 8);
  return unique(room_);
}

Ref Writer::date(double seconds) {
  if (!std::isfinite(seconds)) refuse(code::kBadPropertyList, "a date is no number");
  room_.clear();
  put(room_, 0x33, 1);
  put(room_, std::bit_cast<std::uint64_t>(seconds), 8);
  return unique(room_);
}

Ref Writer::uid(std::uint32_t number) {
  const std::size_t size = bytes_of(number);
  room_.clear();
  put(room_, 0x80 | (size - 1), 1);
  put(room_, number, size);
  return unique(room_);
}

// What will never fit is not copied first.
Ref Writer::sized(std::uint8_t marker, std::size_t count, std::span<const std::byte> content) {
  if (content.size() > kPlistBytesMax) {
    refuse(code::kTooLarge, "the property list is larger than 64 MiB");
    return keep({});
  }
  room_.clear();
  put_marker(room_, marker, count);
  room_.insert(room_.end(), content.begin(), content.end());
  return unique(room_);
}

Ref Writer::data(std::span<const std::byte> bytes) { return sized(0x40, bytes.size(), bytes); }

Ref Writer::string(std::string_view utf8) {
  if (!is_utf8(utf8)) {
    refuse(code::kBadPropertyList, "text is not UTF-8");
    return keep({});
  }
  std::vector<std::byte> units;
  if (!is_ascii(utf8)) units = utf16_of(utf8);
  const Ref ref =
      units.empty() ? sized(0x50, utf8.size(), std::as_bytes(std::span(utf8))) : sized(0x60, units.size() / 2, units);
  all_[static_cast<std::size_t>(ref)].may_be_key = utf8.find('\0') == std::string_view::npos;
  return ref;
}

Ref Writer::container(std::uint8_t marker, std::span<const Ref> members) {
  for (const Ref member : members) REEVE_INVARIANT(static_cast<std::size_t>(member) < all_.size());
  const Written written{members_.size(), static_cast<std::uint32_t>(members.size()), marker};
  members_.insert(members_.end(), members.begin(), members.end());
  return keep(written);
}

// Equal keys are one object.
Ref Writer::dictionary(std::span<const Entry> entries) {
  if (error_) return keep({});
  keys_.clear();
  for (const Entry& entry : entries) keys_.push_back(entry.key);
  const auto may_be_key = [this](Ref key) { return all_[static_cast<std::size_t>(key)].may_be_key; };
  if (!std::ranges::all_of(keys_, may_be_key)) {
    refuse(code::kBadPropertyList, "a key is no string, or holds a NUL");
  }
  std::vector<Ref> sorted = keys_;
  std::ranges::sort(sorted);
  if (std::ranges::adjacent_find(sorted) != sorted.end()) refuse(code::kBadPropertyList, "a key stands twice");
  for (const Entry& entry : entries) keys_.push_back(entry.value);
  return container(0xd0, keys_);
}

Result<std::vector<std::byte>> Writer::finish(Ref root) {
  if (error_) return std::unexpected(*error_);
  const std::size_t number_size = bytes_of(all_.size() - 1);
  std::vector<std::byte> out;
  out.reserve(bytes_.size() + members_.size() * number_size + all_.size() * 12);
  for (const char c : kMagic) out.push_back(static_cast<std::byte>(c));
  std::vector<std::size_t> offsets;
  offsets.reserve(all_.size());
  for (const Written& written : all_) {
    offsets.push_back(out.size());
    if (written.marker == 0) {
      const auto content = std::span(bytes_).subspan(written.begin, written.count);
      out.insert(out.end(), content.begin(), content.end());
      continue;
    }
    put_marker(out, written.marker, written.marker == 0xd0 ? written.count / 2 : written.count);
    for (const Ref member : std::span(members_).subspan(written.begin, written.count)) {
      put(out, static_cast<std::uint64_t>(member), number_size);
    }
  }
  const std::size_t table = out.size();
  const std::size_t offset_size = bytes_of(table);
  for (const std::size_t offset : offsets) put(out, offset, offset_size);
  put(out, 0, 6);
  put(out, offset_size, 1);
  put(out, number_size, 1);
  put(out, all_.size(), 8);
  put(out, static_cast<std::uint64_t>(root), 8);
  put(out, table, 8);
  if (out.size() <= kPlistBytesMax) return out;
  return fail(Kind::invalid, code::kTooLarge, "the property list is larger than 64 MiB");
}

namespace {

class Encoding {
 public:
  Result<std::vector<std::byte>> whole(const Object& object) { return writer_.finish(REEVE_TRY(ref(object, 1))); }

 private:
  Result<Ref> ref(const Object& object, std::size_t depth) {
    switch (object.type()) {
      case object::Type::null:
        return writer_.null();
      case object::Type::boolean:
        return writer_.boolean(*object.get<bool>());
      case object::Type::int64:
        return writer_.integer(*object.get<std::int64_t>());
      case object::Type::uint64:
        return writer_.integer(*object.get<std::uint64_t>());
      case object::Type::real:
        return writer_.real(*object.get<double>());
      case object::Type::date: {
        const std::int64_t since = object.get<Date>()->since_epoch.count();
        return writer_.date(static_cast<double>(since / 1'000'000'000 - kEpoch) +
                            static_cast<double>(since % 1'000'000'000) / 1e9);
      }
      case object::Type::data:
        return writer_.data(object.get<Data>()->bytes());
      case object::Type::string:
        return writer_.string(*object.get<std::string>());
      case object::Type::array:
        return array(*object.get<Array>(), depth);
      case object::Type::dictionary:
        return dictionary(*object.get<Dictionary>(), depth);
      default:
        return fail(Kind::unsupported, code::kBadPropertyList,
                    "no property list holds a " + std::string(object::name_of(object.type())));
    }
  }

  static Result<void> check(std::size_t depth) {
    if (depth <= kPlistDepthMax) return {};
    return fail(Kind::invalid, code::kTooLarge, "containers nest deeper than 512 levels");
  }

  Result<Ref> array(const Array& array, std::size_t depth) {
    REEVE_TRY(check(depth));
    std::vector<Ref> refs;
    refs.reserve(array.size());
    for (const Object& each : array) refs.push_back(REEVE_TRY(ref(each, depth + 1)));
    return writer_.array(refs);
  }

  Result<Ref> dictionary(const Dictionary& dictionary, std::size_t depth) {
    REEVE_TRY(check(depth));
    std::vector<Writer::Entry> entries;
    entries.reserve(dictionary.count());
    for (const auto& [key, value] : dictionary) {
      const Ref name = writer_.string(key);
      entries.push_back({name, REEVE_TRY(ref(value, depth + 1))});
    }
    return writer_.dictionary(entries);
  }

  Writer writer_;
};

}  // namespace

Result<std::vector<std::byte>> encode(const Object& object) { return Encoding().whole(object); }

}  // namespace reeve::plist
