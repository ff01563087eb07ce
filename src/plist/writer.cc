#include "writer.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <functional>

#include "../vocab/bounds.hpp"
#include "markers.hpp"
#include "moments.hpp"
#include "unicode.hpp"

namespace reeve::plist {
namespace {

constexpr std::string_view kHeader = "bplist00";
constexpr int kLooksMax = 1000;  // For a value that was put before. Chance alone takes a few dozen.

// So many bytes of a number, the highest first.
std::byte* put(std::byte* to, std::uint64_t value, std::size_t size) {
  const std::uint64_t swapped = std::byteswap(value << (64 - 8 * size));
  std::memcpy(to, &swapped, size);
  return to + size;
}

// In 1, 2, 4 or 8 bytes.
std::size_t power_of(std::uint64_t value) {
  return value <= 0xff ? 0 : value <= 0xffff ? 1 : value <= 0xffffffff ? 2 : 3;
}

// A marker with its count; at most ten bytes.
std::byte* put_marker(std::byte* to, std::uint8_t marker, std::size_t count) {
  to = put(to, marker | std::min<std::size_t>(count, kCountFollows), 1);
  if (count < kCountFollows) return to;
  const std::size_t power = power_of(count);
  to = put(to, kInteger | power, 1);
  return put(to, count, std::size_t{1} << power);
}

// In as few bytes as it fits.
std::size_t bytes_of(std::uint64_t value) {
  std::size_t size = 1;
  while (size < 8 && value >> (8 * size) != 0) ++size;
  return size;
}

std::uint32_t hash_of(std::span<const std::byte> bytes, std::size_t seed) {
  const std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  const std::size_t hash = std::hash<std::string_view>()(text) + seed * 0x9e3779b97f4a7c15U;
  return static_cast<std::uint32_t>(hash ^ hash >> 32U);
}

}  // namespace

// Room for what most messages are.
Writer::Writer() {
  bytes_.reserve(512);
  members_.reserve(64);
  all_.reserve(64);
  keys_.reserve(32);
}

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

// Twice as many places as there are plain values, at least; a power of two.
void Writer::grow_known() {
  const std::size_t size = std::bit_ceil(std::max<std::size_t>(64, 4 * known_count_));
  known_.assign(size, 0);
  for (std::uint32_t i = 0; i < all_.size(); ++i) {
    if (all_[i].marker != 0 || all_[i].count == 0) continue;
    std::size_t place = all_[i].hash & (size - 1);
    while (known_[place] != 0) place = (place + 1) & (size - 1);
    known_[place] = i + 1;
  }
}

// One that was put before, or a new one.
Ref Writer::unique(std::span<const std::byte> front, std::span<const std::byte> content) {
  const auto place = find(front, content);
  return place.known ? *place.known : add(front, content, place);
}

// Where it is, or would be.
Writer::Place Writer::find(std::span<const std::byte> front, std::span<const std::byte> content) {
  if (error_) return {};
  if (2 * (known_count_ + 1) > known_.size()) grow_known();
  const auto first = std::to_integer<std::size_t>(front[0]);
  const std::uint32_t hash = content.empty() ? hash_of(front, 0) : hash_of(content, front.size() + first);
  const std::size_t size = front.size() + content.size();
  const std::size_t mask = known_.size() - 1;
  std::size_t place = hash & mask;
  for (int looks = 0; known_[place] != 0; place = (place + 1) & mask) {
    if (++looks > kLooksMax) {
      refuse(code::kTooLarge, "values that somebody has chosen to take long to tell apart");
      return {};
    }
    const Written& written = all_[known_[place] - 1];
    if (written.hash != hash || written.count != size) continue;
    const std::byte* const there = &bytes_[written.begin];
    const bool is_it = std::memcmp(there, front.data(), front.size()) == 0 &&
                       (content.empty() || std::memcmp(there + front.size(), content.data(), content.size()) == 0);
    if (is_it) return {hash, place, static_cast<Ref>(known_[place] - 1)};
  }
  return {hash, place, {}};
}

Ref Writer::add(std::span<const std::byte> front, std::span<const std::byte> content, const Place& place) {
  if (error_) return keep({});
  const std::size_t begin = bytes_.size();
  const std::size_t size = front.size() + content.size();
  bytes_.resize(begin + size);
  std::memcpy(&bytes_[begin], front.data(), front.size());
  if (!content.empty()) std::memcpy(&bytes_[begin + front.size()], content.data(), content.size());
  const Ref ref = keep({begin, static_cast<std::uint32_t>(size), place.hash, 0, false, 0});
  if (error_) return ref;
  known_[place.slot] = static_cast<std::uint32_t>(ref) + 1;
  ++known_count_;
  return ref;
}

Ref Writer::number(std::uint8_t marker, std::uint64_t value, std::size_t size) {
  Front front;
  const std::byte* const end = put(put(front.data(), marker, 1), value, size);
  return unique(std::span(front.data(), end), {});
}

Ref Writer::scalar(std::uint8_t marker) {
  const auto byte = static_cast<std::byte>(marker);
  return unique(std::span(&byte, 1), {});
}

Ref Writer::null() { return scalar(kNull); }
Ref Writer::boolean(bool value) { return scalar(value ? kTrue : kFalse); }

Ref Writer::integer(std::int64_t value) {
  const auto bits = static_cast<std::uint64_t>(value);
  if (value < 0) return number(kInteger | 3, bits, 8);
  const std::size_t power = power_of(bits);
  return number(static_cast<std::uint8_t>(kInteger | power), bits, std::size_t{1} << power);
}

// Eight bytes have a sign.
Ref Writer::integer(std::uint64_t value) {
  if (std::in_range<std::int64_t>(value)) return integer(static_cast<std::int64_t>(value));
  Front front;
  const std::byte* const end = put(put(put(front.data(), kInteger | 4, 1), 0, 8), value, 8);
  return unique(std::span(front.data(), end), {});
}

Ref Writer::real(double value) { return number(kReal | 3, std::bit_cast<std::uint64_t>(value), 8); }

Ref Writer::date(double seconds) {
  if (!std::isfinite(seconds)) refuse(code::kBadPropertyList, "a date is no number");
  return number(kDate, std::bit_cast<std::uint64_t>(seconds), 8);
}

Ref Writer::uid(std::uint32_t value) {
  const std::size_t size = bytes_of(value);
  return number(static_cast<std::uint8_t>(kUid | (size - 1)), value, size);
}

// What will never fit is not copied first.
Ref Writer::sized(std::uint8_t marker, std::size_t count, std::span<const std::byte> content) {
  if (content.size() > kPlistBytesMax) {
    refuse(code::kTooLarge, "the property list is larger than 64 MiB");
    return keep({});
  }
  Front front;
  const std::byte* const end = put_marker(front.data(), marker, count);
  return unique(std::span(front.data(), end), content);
}

Ref Writer::data(std::span<const std::byte> bytes) { return sized(kData, bytes.size(), bytes); }

// One that was put before was looked at then.
Ref Writer::string(std::string_view utf8) {
  if (utf8.size() > kPlistBytesMax) return sized(kAscii, utf8.size(), std::as_bytes(std::span(utf8)));
  Front room;
  const std::span<const std::byte> front(room.data(), put_marker(room.data(), kAscii, utf8.size()));
  const auto content = std::as_bytes(std::span(utf8));
  const Place place = find(front, content);
  if (place.known) return *place.known;
  const bool is_plain = is_ascii(utf8);
  if (!is_plain && !is_utf8(utf8)) {
    refuse(code::kBadPropertyList, "text is not UTF-8");
    return keep({});
  }
  std::vector<std::byte> units;
  if (!is_plain) units = utf16_of(utf8);
  const Ref ref = is_plain ? add(front, content, place) : sized(kUtf16, units.size() / 2, units);
  all_[static_cast<std::size_t>(ref)].may_be_key = utf8.find('\0') == std::string_view::npos;
  return ref;
}

Ref Writer::container(std::uint8_t marker, std::span<const Ref> members) {
  std::uint16_t height = 0;
  for (const Ref member : members) {
    REEVE_INVARIANT(static_cast<std::size_t>(member) < all_.size());
    height = std::max(height, all_[static_cast<std::size_t>(member)].height);
  }
  if (height == kPlistDepthMax) refuse(code::kTooLarge, "containers nest deeper than 512 levels");
  const std::size_t begin = members_.size();
  members_.insert(members_.end(), members.begin(), members.end());
  return keep(
      {begin, static_cast<std::uint32_t>(members.size()), 0, marker, false, static_cast<std::uint16_t>(height + 1)});
}

Ref Writer::array(std::span<const Ref> values) { return container(kArray, values); }
Ref Writer::ordered_set(std::span<const Ref> values) { return container(kOrderedSet, values); }
Ref Writer::set(std::span<const Ref> values) { return container(kSet, values); }

// Equal keys are one object.
bool Writer::has_key_twice() {
  constexpr std::size_t kFew = 16;
  if (keys_.size() > kFew) {
    sorted_ = keys_;
    std::ranges::sort(sorted_);
    return std::ranges::adjacent_find(sorted_) != sorted_.end();
  }
  for (std::size_t i = 1; i < keys_.size(); ++i) {
    if (std::find(keys_.begin(), keys_.begin() + static_cast<std::ptrdiff_t>(i), keys_[i]) !=
        keys_.begin() + static_cast<std::ptrdiff_t>(i)) {
      return true;
    }
  }
  return false;
}

Ref Writer::dictionary(std::span<const Entry> entries) {
  if (error_) return keep({});
  keys_.clear();
  for (const Entry& entry : entries) {
    if (!all_[static_cast<std::size_t>(entry.key)].may_be_key) {
      refuse(code::kBadPropertyList, "a key is no string, or holds a NUL");
    }
    keys_.push_back(entry.key);
  }
  if (has_key_twice()) refuse(code::kBadPropertyList, "a key stands twice");
  for (const Entry& entry : entries) keys_.push_back(entry.value);
  return container(kDictionary, keys_);
}

Result<std::vector<std::byte>> Writer::finish(Ref root) {
  if (error_) return std::unexpected(*error_);
  REEVE_INVARIANT(static_cast<std::size_t>(root) < all_.size());
  constexpr std::size_t kMarkerBytesMax = 10;
  const std::size_t number_size = bytes_of(all_.size() - 1);
  std::size_t most = kHeader.size() + bytes_.size() + members_.size() * number_size;
  for (const Written& written : all_) most += written.marker != 0 ? kMarkerBytesMax : 0;
  const std::size_t offset_size = bytes_of(most);
  std::vector<std::byte> out(most + all_.size() * offset_size + kTrailerBytes);
  std::vector<std::size_t> offsets(all_.size());
  std::memcpy(out.data(), kHeader.data(), kHeader.size());
  std::byte* to = out.data() + kHeader.size();
  for (std::size_t i = 0; i < all_.size(); ++i) {
    const Written& written = all_[i];
    offsets[i] = static_cast<std::size_t>(to - out.data());
    if (written.marker == 0) {
      std::memcpy(to, &bytes_[written.begin], written.count);
      to += written.count;
      continue;
    }
    to = put_marker(to, written.marker, written.marker == kDictionary ? written.count / 2 : written.count);
    for (const Ref member : std::span(members_).subspan(written.begin, written.count)) {
      to = put(to, static_cast<std::uint64_t>(member), number_size);
    }
  }
  const auto table = static_cast<std::size_t>(to - out.data());
  for (const std::size_t offset : offsets) to = put(to, offset, offset_size);
  to += 6;  // zeros
  to = put(to, offset_size, 1);
  to = put(to, number_size, 1);
  to = put(to, all_.size(), 8);
  to = put(to, static_cast<std::uint64_t>(root), 8);
  to = put(to, table, 8);
  out.resize(static_cast<std::size_t>(to - out.data()));
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
        const auto seconds = std::chrono::floor<std::chrono::seconds>(object.get<Date>()->since_epoch);
        const auto rest = object.get<Date>()->since_epoch - seconds;
        return writer_.date(seconds_of({seconds.count(), static_cast<std::int32_t>(rest.count())}));
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
