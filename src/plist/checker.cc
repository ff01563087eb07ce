// Checking a property list: the one pass over a stranger's bytes.
#include <algorithm>
#include <bit>
#include <cmath>
#include <forward_list>
#include <functional>
#include <map>

#include "../vocab/bounds.hpp"
#include "markers.hpp"
#include "property_list.hpp"
#include "unicode.hpp"

namespace reeve::plist {
namespace {

// Where an object's content lies, and how much there is: bytes, units of two bytes, or other objects.
struct Head {
  std::uint8_t kind = 0;  // the marker, without its count
  std::size_t at = 0;
  std::size_t count = 0;
};

bool is_container(std::uint8_t kind) { return kind >= kArray && kind <= kDictionary; }

}  // namespace

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
      const std::uint64_t number = big_endian(open.next, list_.number_size_);
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

  std::uint64_t big_endian(std::size_t at, std::size_t size) const { return read_big_endian(bytes_.data() + at, size); }

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
    const std::uint64_t count = big_endian(trailer + 8, 8);
    const std::uint64_t top = big_endian(trailer + 16, 8);
    const std::uint64_t table = big_endian(trailer + 24, 8);
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
    head.count = big_endian(head.at + 1, size);
    head.at += 1 + size;
    return true;
  }

  bool check_content(std::uint8_t marker, const Head& head) {
    if (head.kind == kAscii) {
      return is_ascii(text_in(bytes_.subspan(head.at, head.count))) || bad("is ASCII text with other bytes");
    }
    if (marker == (kInteger | 4)) {
      const std::uint64_t high = big_endian(head.at, 8);
      const bool is_negative = big_endian(head.at + 8, 8) >> 63 != 0;
      return high == 0 || (high == UINT64_MAX && is_negative) || bad("is an integer of more than 64 bits");
    }
    if (marker == kDate) {
      return std::isfinite(std::bit_cast<double>(big_endian(head.at, 8))) || bad("is a date that is no number");
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
      numbers_.push_back(static_cast<std::uint32_t>(big_endian(place, list_.number_size_)));
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

}  // namespace reeve::plist
