#include "property_list.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>

#include "../vocab/bounds.hpp"
#include "unicode.hpp"

namespace reeve::plist {
namespace {

constexpr std::string_view kMagic = "bplist0";
constexpr std::size_t kHeaderBytes = 8;
constexpr std::size_t kTrailerBytes = 32;
constexpr std::int64_t kEpoch = 978'307'200;  // 2001-01-01T00:00:00Z, in seconds since 1970.

enum Marker : std::uint8_t {
  kNull = 0x00,
  kFalse = 0x08,
  kTrue = 0x09,
  kInteger = 0x10,
  kReal = 0x20,
  kDate = 0x33,
  kData = 0x40,
  kAscii = 0x50,
  kUtf16 = 0x60,
  kUtf8 = 0x70,
  kUid = 0x80,
  kArray = 0xa0,
  kOrderedSet = 0xb0,
  kSet = 0xc0,
  kDictionary = 0xd0,
};
constexpr std::uint8_t kKind = 0xf0;
constexpr std::uint8_t kCountFollows = 0x0f;

std::uint8_t byte_at(std::span<const std::byte> bytes, std::size_t at) {
  return std::to_integer<std::uint8_t>(bytes[at]);
}

std::uint64_t read_big_endian(const std::byte* from, std::size_t size) {
  std::uint64_t value = 0;
  for (std::size_t i = 0; i < size; ++i) value = value << 8 | std::to_integer<std::uint64_t>(from[i]);
  return value;
}

// Where an object's content lies, and how much there is: bytes, units of two bytes, or other objects.
struct Head {
  std::uint8_t kind = 0;  // the marker, without its count
  std::size_t at = 0;
  std::size_t count = 0;
};

// Of an object that was checked.
Head head_at(std::span<const std::byte> bytes, std::size_t at) {
  const std::uint8_t marker = byte_at(bytes, at);
  Head head{static_cast<std::uint8_t>(marker & kKind), at + 1, static_cast<std::size_t>(marker & ~kKind)};
  if (head.kind < kData || head.kind == kUid || head.count != kCountFollows) return head;
  const std::size_t size = std::size_t{1} << (byte_at(bytes, at + 1) & 3);
  head.count = read_big_endian(bytes.data() + at + 2, size);
  head.at = at + 2 + size;
  return head;
}

std::string_view text_in(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

bool is_container(std::uint8_t kind) { return kind >= kArray && kind <= kDictionary; }

}  // namespace

std::string_view name_of(ValueType type) {
  constexpr std::string_view kNames[] = {"null",   "bool", "integer", "real", "date",        "data",
                                         "string", "uid",  "array",   "set",  "ordered set", "dictionary"};
  return kNames[static_cast<std::size_t>(type)];
}

std::uint64_t PropertyList::big_endian(std::size_t at, std::size_t size) const {
  return read_big_endian(bytes_.bytes().data() + at, size);
}

// Walks from the top to all that it leads to, each object once, and remembers how deep each goes.
class Checker {
 public:
  explicit Checker(PropertyList& list) : list_(list), bytes_(list.bytes_.bytes()) {}

  Result<void> run() {
    REEVE_TRY(read_trailer());
    heights_.assign(list_.count_, kUnseen);
    list_.is_reached_.assign(list_.count_, false);
    unused_ = list_.table_ - kHeaderBytes;
    key_bytes_ = kKeyBytesForEach * bytes_.size();
    REEVE_TRY(enter(list_.top_));
    while (!path_.empty()) {
      Open& open = path_.back();
      if (open.next == open.end) {
        REEVE_TRY(leave());
        continue;
      }
      const std::uint64_t number = list_.big_endian(open.next, list_.number_size_);
      open.next += list_.number_size_;
      if (number >= list_.count_) return bad("holds an object that is not there");
      REEVE_TRY(enter(static_cast<std::uint32_t>(number)));
    }
    return {};
  }

 private:
  static constexpr std::size_t kKeyBytesForEach = 64;  // A reference of a byte or two stands for a key.
  static constexpr std::uint16_t kUnseen = 0;
  static constexpr std::uint16_t kOnPath = UINT16_MAX;

  // A container that is being walked.
  struct Open {
    std::uint32_t number;
    std::uint16_t height;  // of what was left so far
    Head head;
    std::size_t next;
    std::size_t end;
  };

  std::unexpected<Error> bad(const char* what) const {
    return fail(Kind::invalid, code::kBadPropertyList, "object " + std::to_string(number_) + " " + what);
  }
  static std::unexpected<Error> bad_whole(const char* what) {
    return fail(Kind::invalid, code::kBadPropertyList, std::string("binary property list: ") + what);
  }

  Result<void> read_trailer() {
    const std::size_t size = bytes_.size();
    if (size < kHeaderBytes + 1 + kTrailerBytes) return bad_whole("shorter than the shortest");
    if (text_in(bytes_.first(kMagic.size())) != kMagic) return bad_whole("not the magic bplist0");
    const std::size_t trailer = size - kTrailerBytes;
    list_.offset_size_ = byte_at(bytes_, trailer + 6);
    list_.number_size_ = byte_at(bytes_, trailer + 7);
    const std::uint64_t count = list_.big_endian(trailer + 8, 8);
    const std::uint64_t top = list_.big_endian(trailer + 16, 8);
    const std::uint64_t table = list_.big_endian(trailer + 24, 8);
    if (list_.offset_size_ - 1 > 7 || list_.number_size_ - 1 > 7) return bad_whole("numbers not of 1 to 8 bytes");
    if (table <= kHeaderBytes || table >= trailer) return bad_whole("its table lies elsewhere");
    if (count == 0 || count != (trailer - table) / list_.offset_size_ || (trailer - table) % list_.offset_size_ != 0) {
      return bad_whole("its table is not as long as it has objects");
    }
    if (top >= count) return bad_whole("its topmost object is not there");
    if (!fits(count - 1, list_.number_size_)) return bad_whole("numbers too short for its objects");
    if (!fits(table, list_.offset_size_)) return bad_whole("offsets too short for its objects");
    list_.table_ = table;
    list_.count_ = static_cast<std::uint32_t>(count);
    list_.top_ = static_cast<std::uint32_t>(top);
    return {};
  }
  static bool fits(std::uint64_t value, std::size_t size) { return size == 8 || value >> (8 * size) == 0; }

  // How many objects deep it may go is known when all within it was left.
  Result<void> enter(std::uint32_t number) {
    number_ = number;
    std::uint16_t& height = heights_[number];
    if (height == kOnPath) return bad("holds itself");
    if (height != kUnseen) return note_height(height);
    list_.is_reached_[number] = true;
    const Head head = REEVE_TRY(take_head(list_.offset_of(number)));
    if (!is_container(head.kind)) {
      height = 1;
      return note_height(height);
    }
    if (path_.size() == kPlistDepthMax) return too_deep();
    height = kOnPath;
    const std::size_t members = head.kind == kDictionary ? 2 * head.count : head.count;
    path_.push_back({number, 0, head, head.at, head.at + members * list_.number_size_});
    return {};
  }

  Result<void> note_height(std::uint16_t height) {
    if (path_.empty()) return {};
    path_.back().height = std::max(path_.back().height, height);
    return path_.size() + height > kPlistDepthMax + 1 ? too_deep() : Result<void>();
  }
  static std::unexpected<Error> too_deep() {
    return fail(Kind::invalid, code::kTooLarge, "containers nest deeper than 512 levels");
  }

  Result<void> leave() {
    const Open open = path_.back();
    number_ = open.number;
    if (open.head.kind == kDictionary) REEVE_TRY(check_keys(open.head));
    path_.pop_back();
    const auto height = static_cast<std::uint16_t>(open.height + 1);
    heights_[open.number] = height;
    return note_height(height);
  }

  Result<Head> take_head(std::size_t at) {
    if (at < kHeaderBytes || at >= list_.table_) return bad("lies outside");
    const std::size_t most = list_.table_ - at;
    const std::uint8_t marker = byte_at(bytes_, at);
    Head head{static_cast<std::uint8_t>(marker & kKind), at + 1, static_cast<std::size_t>(marker & ~kKind)};
    std::size_t size = 1;  // of all of it
    switch (head.kind) {
      case kNull:
        if (marker != kNull && marker != kFalse && marker != kTrue) return bad("is of no known kind");
        break;
      case kInteger:
        if (head.count > 4) return bad("is an integer of a size that none has");
        size += std::size_t{1} << head.count;
        break;
      case kReal:
        if (head.count != 2 && head.count != 3) return bad("is a real of a size that none has");
        size += std::size_t{1} << head.count;
        break;
      case kDate& kKind:
        if (marker != kDate) return bad("is of no known kind");
        size += 8;
        break;
      case kUid:
        if (head.count > 3) return bad("is a UID of more than 32 bits");
        size += head.count + 1;
        break;
      case kData:
      case kAscii:
      case kUtf16:
      case kUtf8:
      case kArray:
      case kSet:
      case kOrderedSet:
      case kDictionary: {
        if (head.count == kCountFollows) REEVE_TRY(take_count(head, most));
        const std::size_t each = head.kind == kUtf16        ? 2
                                 : head.kind == kDictionary ? 2 * list_.number_size_
                                 : head.kind >= kArray      ? list_.number_size_
                                                            : 1;
        const std::size_t front = head.at - at;
        if (head.count > (most - front) / each) return bad("is longer than what is there");
        size = front + head.count * each;
        break;
      }
      default:
        return bad("is of no known kind");
    }
    if (size > most) return bad("is longer than what is there");
    // Each lies somewhere for itself, so that to check all takes no longer than to read them.
    if (size > unused_) return bad("lies where another does");
    unused_ -= size;
    REEVE_TRY(check_content(marker, head));
    return head;
  }

  Result<void> take_count(Head& head, std::size_t most) const {
    if (most < 2 || (byte_at(bytes_, head.at) & kKind) != kInteger) return bad("has no count");
    const unsigned power = byte_at(bytes_, head.at) & 0x0fU;
    const std::size_t size = std::size_t{1} << power;
    if (power > 3 || most < 2 + size) return bad("has no count");
    head.count = list_.big_endian(head.at + 1, size);
    head.at += 1 + size;
    return {};
  }

  Result<void> check_content(std::uint8_t marker, const Head& head) const {
    const auto content = [&] { return text_in(bytes_.subspan(head.at, head.count)); };
    if (marker == (kInteger | 4)) {
      const std::uint64_t high = list_.big_endian(head.at, 8);
      const bool is_negative = list_.big_endian(head.at + 8, 8) >> 63 != 0;
      if (high != 0 && !(high == UINT64_MAX && is_negative)) return bad("is an integer of more than 64 bits");
    }
    if (marker == kDate && !std::isfinite(std::bit_cast<double>(list_.big_endian(head.at, 8)))) {
      return bad("is a date that is no number");
    }
    if (head.kind == kAscii && !is_ascii(content())) return bad("is ASCII text with other bytes");
    if (head.kind == kUtf8 && !is_utf8(content())) return bad("is text that is not UTF-8");
    if (head.kind == kUtf16 && !is_utf16(bytes_.subspan(head.at, 2 * head.count))) {
      return bad("is text with half a character");
    }
    return {};
  }

  // Each of them was checked by now. A few are compared with each other; more are sorted. Many dictionaries may share
  // long keys, but not so that to compare them takes longer than to read a file some times as long.
  Result<void> check_keys(const Head& head) {
    constexpr std::size_t kFew = 12;
    keys_.clear();
    converted_.clear();
    converted_.reserve(head.count);  // What is added stays where it is.
    for (std::size_t i = 0; i < head.count; ++i) {
      const auto number =
          static_cast<std::uint32_t>(list_.big_endian(head.at + i * list_.number_size_, list_.number_size_));
      const Value key(list_, number);
      if (key.type() != ValueType::string) return bad("has a key that is no string");
      const auto plain = key.plain_text();
      const std::size_t size = plain ? plain->size() : 3 * key.count();
      if (size > key_bytes_) return fail(Kind::invalid, code::kTooLarge, "keys that are too long for their count");
      key_bytes_ -= size;
      const std::string_view text = plain ? *plain : std::string_view(converted_.emplace_back(key.text()));
      if (text.find('\0') != std::string_view::npos) return bad("has a key that holds a NUL");
      if (head.count <= kFew && std::ranges::find(keys_, text) != keys_.end()) return bad("has a key twice");
      keys_.push_back(text);
    }
    if (head.count <= kFew) return {};
    std::ranges::sort(keys_);
    return std::ranges::adjacent_find(keys_) == keys_.end() ? Result<void>() : bad("has a key twice");
  }

  PropertyList& list_;
  std::span<const std::byte> bytes_;
  std::vector<std::uint16_t> heights_;  // of each object, once it was left
  std::vector<Open> path_;
  std::vector<std::string_view> keys_;
  std::vector<std::string> converted_;
  std::size_t unused_ = 0;     // bytes that no object was found in
  std::size_t key_bytes_ = 0;  // that may yet be compared
  std::uint32_t number_ = 0;   // of the object that is looked at
};

Result<PropertyList> PropertyList::check(Data bytes) {
  if (bytes.size() > kPlistBytesMax) {
    return fail(Kind::invalid, code::kTooLarge, "the property list is larger than 64 MiB");
  }
  PropertyList list;
  list.bytes_ = std::move(bytes);
  REEVE_TRY(Checker(list).run());
  return list;
}

std::optional<Value> PropertyList::at(std::uint32_t number) const {
  if (number >= count_ || !is_reached_[number]) return std::nullopt;
  return Value(*this, number);
}

Value::Value(const PropertyList& list, std::uint32_t number)
    : list_(&list), number_(number), at_(list.offset_of(number)) {}

ValueType Value::type() const {
  const std::uint8_t marker = byte_at(list_->bytes_.bytes(), at_);
  switch (marker & kKind) {
    case kInteger:
      return ValueType::integer;
    case kReal:
      return ValueType::real;
    case kDate& kKind:
      return ValueType::date;
    case kData:
      return ValueType::data;
    case kAscii:
    case kUtf16:
    case kUtf8:
      return ValueType::string;
    case kUid:
      return ValueType::uid;
    case kArray:
      return ValueType::array;
    case kSet:
      return ValueType::set;
    case kOrderedSet:
      return ValueType::ordered_set;
    case kDictionary:
      return ValueType::dictionary;
    default:
      return marker == kNull ? ValueType::null : ValueType::boolean;
  }
}

bool Value::boolean() const { return byte_at(list_->bytes_.bytes(), at_) == kTrue; }

// Eight bytes have a sign, fewer have none, and of sixteen the lower half is all there is.
Integer Value::integer() const {
  const std::size_t power = byte_at(list_->bytes_.bytes(), at_) & 0x0fU;
  if (power < 4) return {list_->big_endian(at_ + 1, std::size_t{1} << power), false};
  const std::uint64_t bits = list_->big_endian(at_ + 9, 8);
  return {bits, list_->big_endian(at_ + 1, 8) == 0 && bits >> 63 != 0};
}

double Value::real() const {
  const bool is_short = (byte_at(list_->bytes_.bytes(), at_) & 0x0fU) == 2;
  if (is_short) return std::bit_cast<float>(static_cast<std::uint32_t>(list_->big_endian(at_ + 1, 4)));
  return std::bit_cast<double>(list_->big_endian(at_ + 1, 8));
}

double Value::date() const { return std::bit_cast<double>(list_->big_endian(at_ + 1, 8)); }

std::span<const std::byte> Value::data() const {
  const Head head = head_at(list_->bytes_.bytes(), at_);
  return list_->bytes_.bytes().subspan(head.at, head.count);
}

std::uint32_t Value::uid() const {
  const std::size_t size = (byte_at(list_->bytes_.bytes(), at_) & 0x0fU) + 1;
  return static_cast<std::uint32_t>(list_->big_endian(at_ + 1, size));
}

std::optional<std::string_view> Value::plain_text() const {
  const Head head = head_at(list_->bytes_.bytes(), at_);
  if (head.kind == kUtf16) return std::nullopt;
  return text_in(list_->bytes_.bytes().subspan(head.at, head.count));
}

std::string Value::text() const {
  const Head head = head_at(list_->bytes_.bytes(), at_);
  if (head.kind == kUtf16) return utf8_of(list_->bytes_.bytes().subspan(head.at, 2 * head.count));
  return std::string(text_in(list_->bytes_.bytes().subspan(head.at, head.count)));
}

bool Value::is_text(std::string_view utf8) const {
  const auto plain = plain_text();
  if (plain) return *plain == utf8;
  return count() <= utf8.size() && text() == utf8;
}

std::size_t Value::count() const { return head_at(list_->bytes_.bytes(), at_).count; }

Value Value::key(std::size_t i) const {
  const Head head = head_at(list_->bytes_.bytes(), at_);
  const std::size_t size = list_->number_size_;
  return {*list_, static_cast<std::uint32_t>(list_->big_endian(head.at + i * size, size))};
}

Value Value::value(std::size_t i) const {
  const Head head = head_at(list_->bytes_.bytes(), at_);
  const std::size_t size = list_->number_size_;
  const std::size_t place = head.kind == kDictionary ? head.count + i : i;
  return {*list_, static_cast<std::uint32_t>(list_->big_endian(head.at + place * size, size))};
}

std::optional<Value> Value::find(std::string_view wanted) const {
  const std::size_t all = count();
  for (std::size_t i = 0; i < all; ++i) {
    if (key(i).is_text(wanted)) return value(i);
  }
  return std::nullopt;
}

namespace {

std::unexpected<Error> no_object(const std::string& what) {
  return fail(Kind::unsupported, code::kBadPropertyList, what + " is no value of a message");
}

// How deep it goes was checked, and is little.
class Conversion {
 public:
  explicit Conversion(const Data& whole) : whole_(whole) {}

  Result<Object> object(const Value& value) {
    if (++count_ > kObjectCountMax) {
      return fail(Kind::invalid, code::kTooLarge, "a property list holds more than 262144 values",
                  "what is shared counts as often as it is met; read it in place");
    }
    switch (value.type()) {
      case ValueType::null:
        return Object();
      case ValueType::boolean:
        return Object(value.boolean());
      case ValueType::integer: {
        const Integer integer = value.integer();
        return integer.is_large ? Object(integer.bits) : Object(integer.value());
      }
      case ValueType::real:
        return Object(value.real());
      case ValueType::date:
        return date(value.date());
      case ValueType::data:
        return Object(Data(value.data(), whole_.keeper(), whole_.kept()));
      case ValueType::string:
        return Object(value.text());
      case ValueType::array:
        return array(value);
      case ValueType::dictionary:
        return dictionary(value);
      case ValueType::uid:
      case ValueType::set:
      case ValueType::ordered_set:
        break;
    }
    return no_object("a " + std::string(name_of(value.type())));
  }

 private:
  static Result<Object> date(double seconds) {
    constexpr double kMost = 9.2e9;  // 64 bits of nanoseconds are 292 years.
    const double since = std::floor(seconds);
    if (std::abs(since + static_cast<double>(kEpoch)) > kMost) return no_object("a date before 1678 or after 2261");
    const auto part = static_cast<std::int64_t>((seconds - since) * 1e9);
    return Object(Date{std::chrono::nanoseconds((static_cast<std::int64_t>(since) + kEpoch) * 1'000'000'000 + part)});
  }

  Result<Object> array(const Value& value) {
    Array all;
    const std::size_t count = value.count();
    all.reserve(count);
    for (std::size_t i = 0; i < count; ++i) all.push_back(REEVE_TRY(object(value.value(i))));
    return Object(std::move(all));
  }

  Result<Object> dictionary(const Value& value) {
    std::vector<Dictionary::Entry> entries;
    const std::size_t count = value.count();
    entries.reserve(count);
    for (std::size_t i = 0; i < count; ++i) {
      entries.emplace_back(value.key(i).text(), REEVE_TRY(object(value.value(i))));
    }
    auto whole = Dictionary::from(std::move(entries));
    REEVE_INVARIANT(whole.has_value());
    return Object(std::move(*whole));
  }

  const Data& whole_;
  std::size_t count_ = 0;
};

}  // namespace

Result<Object> Value::object() const { return Conversion(list_->bytes_).object(*this); }

Result<Object> decode(Data bytes) { return REEVE_TRY(PropertyList::check(std::move(bytes))).root().object(); }

}  // namespace reeve::plist
