#include "property_list.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <forward_list>
#include <functional>
#include <map>

#include "../vocab/bounds.hpp"
#include "moments.hpp"
#include "unicode.hpp"

namespace reeve::plist {
namespace {

constexpr std::string_view kMagic = "bplist0";
constexpr std::size_t kHeaderBytes = 8;
constexpr std::size_t kTrailerBytes = 32;

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

template <class T>
T load_big_endian(const std::byte* from) {
  T value;
  std::memcpy(&value, from, sizeof value);
  return std::byteswap(value);
}

[[gnu::noinline]] std::uint64_t read_odd_big_endian(const std::byte* from, std::size_t size) {
  std::uint64_t value = 0;
  for (std::size_t i = 0; i < size; ++i) value = value << 8 | std::to_integer<std::uint64_t>(from[i]);
  return value;
}

// Once or twice for each object: what most lists have is told apart in place.
[[gnu::always_inline]] inline std::uint64_t read_big_endian(const std::byte* from, std::size_t size) {
  if (size == 2) return load_big_endian<std::uint16_t>(from);
  if (size == 1) return std::to_integer<std::uint64_t>(*from);
  if (size == 4) return load_big_endian<std::uint32_t>(from);
  if (size == 8) return load_big_endian<std::uint64_t>(from);
  return read_odd_big_endian(from, size);
}

// Where an object's content lies, and how much there is: bytes, units of two bytes, or other objects.
struct Head {
  std::uint8_t kind = 0;  // the marker, without its count
  std::size_t at = 0;
  std::size_t count = 0;
};

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

// Walks from the top to all that it leads to, each object once, and remembers how deep each goes. Its members return
// false at the first fault, which `fault()` then tells; no Error is made before there is one.
class Checker {
 public:
  explicit Checker(PropertyList& list) : list_(list), bytes_(list.bytes_.bytes()) {}

  bool run() {
    if (!read_trailer()) return false;
    heights_.assign(list_.count_, kUnseen);
    path_.reserve(8);
    numbers_.reserve(16);
    unused_ = list_.table_ - kHeaderBytes;
    key_bytes_ = kKeyBytesForEach * bytes_.size();
    if (!enter(list_.top_)) return false;
    while (!path_.empty()) {
      Open& open = path_.back();
      if (open.next == open.end) {
        if (!leave()) return false;
        continue;
      }
      const std::uint64_t number = list_.big_endian(open.next, list_.number_size_);
      open.next += list_.number_size_;
      if (number >= list_.count_) return bad("holds an object that is not there");
      if (!enter(static_cast<std::uint32_t>(number))) return false;
    }
    return true;
  }

  std::unexpected<Error> fault() const {
    const std::string where = is_of_object_ ? "object " + std::to_string(number_) + " " : "";
    return fail(Kind::invalid, code_, where + what_);
  }

 private:
  static constexpr std::size_t kKeyBytesForEach = 64;  // A reference of a byte or two stands for a key.
  static constexpr std::uint16_t kUnseen = 0;
  static constexpr std::uint16_t kOnPath = UINT16_MAX;
  static constexpr std::uint16_t kKey = UINT16_MAX - 1;  // a plain value, that was looked at as a key

  // A container that is being walked.
  struct Open {
    std::uint32_t number;
    std::uint16_t height;  // of what was left so far: 1 is a plain value
    Head head;
    std::size_t next;
    std::size_t end;
  };
  // Of many keys, in order of what tells most of them apart.
  struct Key {
    std::size_t hash;
    std::string_view text;
    friend auto operator<=>(const Key&, const Key&) = default;
  };

  bool bad(const char* what) {
    what_ = what;
    return false;
  }
  bool bad_whole(const char* what) {
    is_of_object_ = false;
    return bad(what);
  }
  bool too_large(const char* what) {
    code_ = code::kTooLarge;
    return bad_whole(what);
  }
  bool too_deep() { return too_large("containers nest deeper than 512 levels"); }

  bool read_trailer() {
    const std::size_t size = bytes_.size();
    if (size < kHeaderBytes + 1 + kTrailerBytes) return bad_whole("binary property list: shorter than the shortest");
    if (text_in(bytes_.first(kMagic.size())) != kMagic) return bad_whole("binary property list: not the magic bplist0");
    const std::size_t trailer = size - kTrailerBytes;
    list_.offset_size_ = byte_at(bytes_, trailer + 6);
    list_.number_size_ = byte_at(bytes_, trailer + 7);
    const std::uint64_t count = list_.big_endian(trailer + 8, 8);
    const std::uint64_t top = list_.big_endian(trailer + 16, 8);
    const std::uint64_t table = list_.big_endian(trailer + 24, 8);
    if (list_.offset_size_ - 1 > 7 || list_.number_size_ - 1 > 7) {
      return bad_whole("binary property list: numbers not of 1 to 8 bytes");
    }
    if (table <= kHeaderBytes || table >= trailer) return bad_whole("binary property list: its table lies elsewhere");
    if (count == 0 || count != (trailer - table) / list_.offset_size_ || (trailer - table) % list_.offset_size_ != 0) {
      return bad_whole("binary property list: its table is not as long as it has objects");
    }
    if (top >= count) return bad_whole("binary property list: its topmost object is not there");
    if (!fits(count - 1, list_.number_size_)) {
      return bad_whole("binary property list: numbers too short for its objects");
    }
    if (!fits(table, list_.offset_size_)) {
      return bad_whole("binary property list: offsets too short for its objects");
    }
    list_.table_ = table;
    list_.count_ = static_cast<std::uint32_t>(count);
    list_.top_ = static_cast<std::uint32_t>(top);
    return true;
  }
  static bool fits(std::uint64_t value, std::size_t size) { return size == 8 || value >> (8 * size) == 0; }

  // How many objects deep it may go is known when all within it was left.
  bool enter(std::uint32_t number) {
    number_ = number;
    std::uint16_t& height = heights_[number];
    if (height == kOnPath) return bad("holds itself");
    if (height == kKey) return note_height(1);
    if (height != kUnseen) return note_height(height);
    Head head;
    if (!take_head(list_.offset_of(number), head)) return false;
    if (!is_container(head.kind)) {
      height = 1;
      return note_height(height);
    }
    if (path_.size() == kPlistDepthMax) return too_deep();
    height = kOnPath;
    const std::size_t members = head.kind == kDictionary ? 2 * head.count : head.count;
    path_.push_back({number, 1, head, head.at, head.at + members * list_.number_size_});
    return true;
  }

  bool note_height(std::uint16_t height) {
    if (path_.empty()) return true;
    path_.back().height = std::max(path_.back().height, height);
    return path_.size() + height <= kPlistDepthMax + 1 || too_deep();  // of which a plain value is one
  }

  bool leave() {
    const Open open = path_.back();
    number_ = open.number;
    if (open.head.kind == kDictionary && !check_keys(open.head)) return false;
    path_.pop_back();
    const auto height = static_cast<std::uint16_t>(open.height + 1);
    heights_[open.number] = height;
    return note_height(height);
  }

  bool take_head(std::size_t at, Head& head) {
    if (at < kHeaderBytes || at >= list_.table_) return bad("lies outside");
    const std::size_t most = list_.table_ - at;
    const std::uint8_t marker = byte_at(bytes_, at);
    head = {static_cast<std::uint8_t>(marker & kKind), at + 1, static_cast<std::size_t>(marker & ~kKind)};
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
        if (head.count == kCountFollows && !take_count(head, most)) return false;
        const std::size_t each = head.kind == kUtf16        ? 2
                                 : head.kind == kDictionary ? 2 * list_.number_size_
                                 : head.kind >= kArray      ? list_.number_size_
                                                            : 1;
        const std::size_t front = head.at - at;
        if (head.count > (most - front) / each) return bad("is longer than what is there");
        if (head.kind == kDictionary && head.count > list_.count_) return bad("has a key twice");
        size = front + head.count * each;
        break;
      }
      default:
        return bad("is of no known kind");
    }
    if (size > most) return bad("is longer than what is there");
    // All of them are no longer than what is there, so that to check them takes no longer than to read that.
    if (size > unused_) return bad("lies where another does");
    unused_ -= size;
    return check_content(marker, head);
  }

  bool take_count(Head& head, std::size_t most) {
    if (most < 2 || (byte_at(bytes_, head.at) & kKind) != kInteger) return bad("has no count");
    const unsigned power = byte_at(bytes_, head.at) & 0x0fU;
    const std::size_t size = std::size_t{1} << power;
    if (power > 3 || most < 2 + size) return bad("has no count");
    head.count = list_.big_endian(head.at + 1, size);
    head.at += 1 + size;
    return true;
  }

  bool check_content(std::uint8_t marker, const Head& head) {
    if (head.kind == kAscii) {
      return is_ascii(text_in(bytes_.subspan(head.at, head.count))) || bad("is ASCII text with other bytes");
    }
    if (marker == (kInteger | 4)) {
      const std::uint64_t high = list_.big_endian(head.at, 8);
      const bool is_negative = list_.big_endian(head.at + 8, 8) >> 63 != 0;
      return high == 0 || (high == UINT64_MAX && is_negative) || bad("is an integer of more than 64 bits");
    }
    if (marker == kDate) {
      return std::isfinite(std::bit_cast<double>(list_.big_endian(head.at, 8))) || bad("is a date that is no number");
    }
    if (head.kind == kUtf8) {
      return is_utf8(text_in(bytes_.subspan(head.at, head.count))) || bad("is text that is not UTF-8");
    }
    if (head.kind == kUtf16) {
      return is_utf16(bytes_.subspan(head.at, 2 * head.count)) || bad("is text with half a character");
    }
    return true;
  }

  // Each of them was checked by now. In ascending order they differ; else a few are compared with each other, and more
  // are sorted. Where many dictionaries share long keys that would take longer than to read the file many times: then
  // each key is looked at once, and known by a number from there on.
  bool check_keys(const Head& head) {
    numbers_.clear();
    std::size_t bytes = 0;
    bool is_ascending = true;
    std::optional<std::string_view> before;
    for (std::size_t i = 0; i < head.count; ++i) {
      const std::size_t place = head.at + i * list_.number_size_;
      numbers_.push_back(static_cast<std::uint32_t>(list_.big_endian(place, list_.number_size_)));
      const Value key(list_, numbers_.back());
      if (key.type() != ValueType::string) return bad("has a key that is no string");
      if (!check_key(key)) return bad("has a key that holds a NUL");
      const auto text = key.plain_text();
      bytes += text ? text->size() : 3 * key.count();
      is_ascending = is_ascending && text && bytes <= key_bytes_ && (i == 0 || *before < *text);
      before = text;
    }
    if (head.count < 2) return true;
    const bool is_short = bytes <= key_bytes_;
    key_bytes_ -= is_short ? bytes : 0;
    return is_ascending || (is_short ? are_different() : are_different_by_id()) || bad("has a key twice");
  }

  // Once for each.
  bool check_key(const Value& key) {
    std::uint16_t& height = heights_[key.number()];
    if (height == kKey) return true;
    const auto plain = key.plain_text();
    const bool has_nul =
        plain ? plain->find('\0') != std::string_view::npos : key.text().find('\0') != std::string::npos;
    if (!has_nul) height = kKey;
    return !has_nul;
  }

  bool are_different() {
    constexpr std::size_t kFew = 12;
    keys_.clear();
    for (const std::uint32_t number : numbers_) {
      const Value key(list_, number);
      const auto plain = key.plain_text();
      if (!plain) converted_.push_front(key.text());
      keys_.push_back({0, plain ? *plain : std::string_view(converted_.front())});
    }
    const bool are = keys_.size() <= kFew ? are_few_different() : are_many_different();
    converted_.clear();
    return are;
  }
  bool are_few_different() const {
    for (std::size_t i = 1; i < keys_.size(); ++i) {
      for (std::size_t j = 0; j < i; ++j) {
        if (keys_[i].text == keys_[j].text) return false;
      }
    }
    return true;
  }
  bool are_many_different() {
    for (Key& key : keys_) key.hash = std::hash<std::string_view>()(key.text);
    std::ranges::sort(keys_);
    return std::ranges::adjacent_find(keys_) == keys_.end();
  }

  bool are_different_by_id() {
    ids_.resize(list_.count_, UINT32_MAX);
    for (std::uint32_t& number : numbers_) {
      std::uint32_t& id = ids_[number];
      if (id == UINT32_MAX) id = known_.emplace(Value(list_, number).text(), number).first->second;
      number = id;
    }
    std::ranges::sort(numbers_);
    return std::ranges::adjacent_find(numbers_) == numbers_.end();
  }

  PropertyList& list_;
  std::span<const std::byte> bytes_;
  std::vector<std::uint16_t> heights_;  // of each object, once it was left
  std::vector<Open> path_;
  std::vector<Key> keys_;
  std::forward_list<std::string> converted_;  // keys that do not lie there as UTF-8
  std::size_t unused_ = 0;                    // bytes that no object was found in
  std::size_t key_bytes_ = 0;                 // that may yet be compared
  std::vector<std::uint32_t> numbers_;        // of a dictionary's keys
  std::vector<std::uint32_t> ids_;            // by the numbers of keys: the first of the same text
  std::map<std::string, std::uint32_t> known_;
  std::uint32_t number_ = 0;  // of the object that is looked at
  const char* what_ = "";
  bool is_of_object_ = true;
  std::int32_t code_ = code::kBadPropertyList;
};

Result<PropertyList> PropertyList::check(Data bytes) {
  if (bytes.size() > kPlistBytesMax) {
    return fail(Kind::invalid, code::kTooLarge, "the property list is larger than 64 MiB");
  }
  PropertyList list;
  list.bytes_ = std::move(bytes);
  Checker checker(list);
  if (!checker.run()) return checker.fault();
  return list;
}

// Of an object that was checked.
Value::Value(const PropertyList& list, std::uint32_t number) : list_(&list), number_(number) {
  const std::byte* const object = list.bytes_.bytes().data() + list.offset_of(number);
  marker_ = std::to_integer<std::uint8_t>(*object);
  at_ = static_cast<std::size_t>(object - list.bytes_.bytes().data()) + 1;
  count_ = static_cast<std::size_t>(marker_ & ~kKind);
  if (kind() < kData || kind() == kUid || count_ != kCountFollows) return;
  const std::size_t size = std::size_t{1} << (std::to_integer<unsigned>(object[1]) & 3U);
  count_ = read_big_endian(object + 2, size);
  at_ += 1 + size;
}

ValueType Value::type() const {
  switch (kind()) {
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
      return marker_ == kNull ? ValueType::null : ValueType::boolean;
  }
}

bool Value::boolean() const { return marker_ == kTrue; }

// Eight bytes have a sign, fewer have none, and of sixteen the lower half is all there is.
Integer Value::integer() const {
  if (count_ < 4) return {list_->big_endian(at_, std::size_t{1} << count_), false};
  const std::uint64_t bits = list_->big_endian(at_ + 8, 8);
  return {bits, list_->big_endian(at_, 8) == 0 && bits >> 63 != 0};
}

double Value::real() const {
  if (count_ == 2) return std::bit_cast<float>(static_cast<std::uint32_t>(list_->big_endian(at_, 4)));
  return std::bit_cast<double>(list_->big_endian(at_, 8));
}

double Value::date() const { return std::bit_cast<double>(list_->big_endian(at_, 8)); }

std::span<const std::byte> Value::data() const { return list_->bytes_.bytes().subspan(at_, count_); }

std::uint32_t Value::uid() const { return static_cast<std::uint32_t>(list_->big_endian(at_, count_ + 1)); }

std::optional<std::string_view> Value::plain_text() const {
  if (kind() == kUtf16) return std::nullopt;
  return text_in(list_->bytes_.bytes().subspan(at_, count_));
}

std::string Value::text() const {
  if (kind() == kUtf16) return utf8_of(list_->bytes_.bytes().subspan(at_, 2 * count_));
  return std::string(*plain_text());
}

bool Value::is_text(std::string_view utf8) const {
  const auto plain = plain_text();
  if (plain) return *plain == utf8;
  return count_ <= utf8.size() && text() == utf8;
}

Value Value::member(std::size_t i) const {
  const std::size_t size = list_->number_size_;
  return {*list_, static_cast<std::uint32_t>(list_->big_endian(at_ + i * size, size))};
}

Value Value::key(std::size_t i) const { return member(i); }
Value Value::value(std::size_t i) const { return member(kind() == kDictionary ? count_ + i : i); }

std::optional<Value> Value::find(std::string_view wanted) const {
  for (std::size_t i = 0; i < count_; ++i) {
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
    if (++count_ > kObjectCountMax) return too_many();
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
        return Object(REEVE_TRY(text(value)));
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
  static constexpr std::size_t kTextBytesMax = 2 * kPlistBytesMax;  // What is shared counts as often as it is met.

  static std::unexpected<Error> too_many() {
    return fail(Kind::invalid, code::kTooLarge, "a property list holds more than 262144 values, or 128 MiB of text",
                "what is shared counts as often as it is met; read it in place");
  }

  Result<std::string> text(const Value& value) {
    const std::size_t bytes = value.plain_text() ? value.count() : 3 * value.count();
    if (bytes > kTextBytesMax - text_bytes_) return too_many();
    text_bytes_ += bytes;
    return value.text();
  }

  static Result<Object> date(double seconds) {
    const auto moment = moment_of(seconds);
    const auto date = moment ? object::date_of(*moment) : std::nullopt;
    if (!date) return no_object("a date before 1678 or after 2261");
    return Object(*date);
  }

  Result<Object> array(const Value& value) {
    const std::size_t count = value.count();
    if (count > kObjectCountMax - count_) return too_many();
    Array all;
    all.reserve(count);
    for (std::size_t i = 0; i < count; ++i) all.push_back(REEVE_TRY(object(value.value(i))));
    return Object(std::move(all));
  }

  Result<Object> dictionary(const Value& value) {
    const std::size_t count = value.count();
    if (count > kObjectCountMax - count_) return too_many();
    std::vector<Dictionary::Entry> entries;
    entries.reserve(count);
    for (std::size_t i = 0; i < count; ++i) {
      std::string key = REEVE_TRY(text(value.key(i)));
      entries.emplace_back(std::move(key), REEVE_TRY(object(value.value(i))));
    }
    auto whole = Dictionary::from(std::move(entries));
    REEVE_INVARIANT(whole.has_value());
    return Object(std::move(*whole));
  }

  const Data& whole_;
  std::size_t count_ = 0;
  std::size_t text_bytes_ = 0;
};

}  // namespace

Result<Object> Value::object() const { return Conversion(list_->bytes_).object(*this); }

Result<Object> decode(Data bytes) { return REEVE_TRY(PropertyList::check(std::move(bytes))).root().object(); }

}  // namespace reeve::plist
