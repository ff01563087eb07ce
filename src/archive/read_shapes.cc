// Reading a keyed archive: what each class's objects hold.
#include <algorithm>
#include <charconv>

#include "../plist/unicode.hpp"
#include "reader.hpp"

namespace reeve::archive {
namespace {

// "{1, 2}" or "{{1, 2}, {3, 4}}": so many numbers, wherever the braces stand.
std::optional<std::vector<double>> numbers_in(const std::string& text, std::size_t count) {
  std::vector<double> numbers;
  const char* at = text.data();
  const char* const end = at + text.size();
  while (at != end) {
    if (std::string_view("{}, ").find(*at) != std::string_view::npos) {
      ++at;
      continue;
    }
    double number = 0;
    const auto [next, error] = std::from_chars(at, end, number);
    if (error != std::errc()) return std::nullopt;
    numbers.push_back(number);
    at = next;
  }
  return numbers.size() == count ? std::optional(std::move(numbers)) : std::nullopt;
}

}  // namespace

Result<Value> Reader::known_value(std::uint32_t number, const PlistValue& object, Shape shape) {
  number_ = number;
  object_ = object;
  switch (shape) {
    case Shape::null:
      return Null();
    case Shape::number:
    case Shape::numbers:
      return bad(here() + ": a class that has no objects of its own");
    case Shape::text:
      return REEVE_TRY(text("NS.string"));
    case Shape::data:
      return data_of(REEVE_TRY(plain_field("NS.data", ValueType::data)));
    case Shape::date:
      return Date{REEVE_TRY(real("NS.time"))};
    case Shape::uuid:
      return REEVE_TRY(uuid());
    case Shape::url:
      return REEVE_TRY(url());
    case Shape::array:
      return REEVE_TRY(list());
    case Shape::ordered_set:
      return REEVE_TRY(object_.find("NS.objects") ? list() : ordered_set());
    case Shape::counted_set:
      return REEVE_TRY(counted_set());
    case Shape::map:
      return REEVE_TRY(map());
    case Shape::index_set:
      return REEVE_TRY(index_set());
    case Shape::index_path:
      return REEVE_TRY(index_path());
    case Shape::attributed_text:
      return REEVE_TRY(attributed_text());
    case Shape::value:
      return REEVE_TRY(boxed());
    case Shape::failure:
      return REEVE_TRY(failure());
    case Shape::notification:
      return REEVE_TRY(notification());
  }
  return bad(here() + ": no object");
}

Result<Value> Reader::uuid() const {
  const auto bytes = REEVE_TRY(plain_field("NS.uuidbytes", ValueType::data)).data();
  Uuid uuid;
  if (bytes.size() != uuid.bytes.size()) return bad_field("NS.uuidbytes", "not 16 bytes");
  std::ranges::copy(bytes, uuid.bytes.begin());
  return uuid;
}

Result<Value> Reader::url() {
  const auto base = REEVE_TRY(may_ref("NS.base"));
  Url url{REEVE_TRY(text("NS.relative")), base};
  if (url.base) promise<Url>(*url.base, from("NS.base"), "a URL");
  return url;
}

// A key for each, whatever order they stand in.
Result<Value> Reader::ordered_set() {
  constexpr std::string_view kPrefix = "NS.object.";
  std::vector<std::optional<Ref>> found(object_.count());
  std::size_t size = 0;
  for (std::size_t i = 0; i < object_.count(); ++i) {
    const std::string key = object_.key(i).text();
    if (!key.starts_with(kPrefix)) continue;
    std::size_t place = 0;
    const auto [end, error] = std::from_chars(&key[kPrefix.size()], key.data() + key.size(), place);
    if (error != std::errc() || end != key.data() + key.size() || place >= found.size() || found[place]) {
      return bad(here() + ": a place that is none");
    }
    found[place] = REEVE_TRY(ref_at(object_.value(i), from(kPrefix.substr(0, kPrefix.size() - 1), place)));
    ++size;
  }
  List list;
  for (std::size_t i = 0; i < size; ++i) {
    if (!found[i]) return bad(here() + ": a place is empty");
    list.items.push_back(*found[i]);
  }
  return list;
}

Result<Value> Reader::counted_set() {
  const std::uint64_t size = REEVE_TRY(count("NS.count"));
  if (size > object_.count() / 2) return bad_field("NS.count", "more than there are");
  // Which of them is which is looked up once, and not by a walk for each.
  std::map<std::string, std::size_t> places;
  for (std::size_t i = 0; i < object_.count(); ++i) places.emplace(object_.key(i).text(), i);
  CountedSet set;
  for (std::uint64_t i = 0; i < size; ++i) {
    const auto object = places.find("NS.object" + std::to_string(i));
    const auto times = places.find("NS.count" + std::to_string(i));
    if (object == places.end() || times == places.end()) return bad(here() + ": an object without its count");
    const PlistValue number = object_.value(times->second);
    if (number.type() != ValueType::integer || number.integer().is_large || number.integer().value() < 1) {
      return bad(from("NS.count", i).path() + ": not once or more");
    }
    set.items.emplace_back(REEVE_TRY(ref_at(object_.value(object->second), from("NS.object", i))),
                           number.integer().bits);
  }
  return set;
}

Result<Value> Reader::map() {
  const std::vector<Ref> keys = REEVE_TRY(refs("NS.keys"));
  const std::vector<Ref> values = REEVE_TRY(refs("NS.objects"));
  if (keys.size() != values.size()) return bad_field("NS.objects", "not as many as keys");
  Map map;
  map.entries.reserve(keys.size());
  for (std::size_t i = 0; i < keys.size(); ++i) map.entries.emplace_back(keys[i], values[i]);
  return map;
}

Result<Value> Reader::index_set() {
  const std::uint64_t size = REEVE_TRY(count("NSRangeCount"));
  IndexSet set;
  if (size == 1) {
    set.ranges.push_back({REEVE_TRY(count("NSLocation")), REEVE_TRY(count("NSLength"))});
  } else if (size > 1) {
    const auto numbers = REEVE_TRY(varints("NSRangeData"));
    if (!numbers || numbers->size() % 2 != 0 || numbers->size() / 2 != size) {
      return bad_field("NSRangeData", "not as many ranges as there are to be");
    }
    for (std::size_t i = 0; i < numbers->size(); i += 2) set.ranges.push_back({(*numbers)[i], (*numbers)[i + 1]});
  }
  if (!is_index_set(set)) return bad(here() + ": ranges that are no set");
  return set;
}

Result<Value> Reader::index_path() {
  const std::uint64_t size = REEVE_TRY(count("NSIndexPathLength"));
  IndexPath path;
  if (size == 1) {
    path.indices.push_back(REEVE_TRY(count("NSIndexPathValue")));
  } else if (size > 1) {
    auto numbers = REEVE_TRY(varints("NSIndexPathData"));
    if (!numbers || numbers->size() != size) return bad_field("NSIndexPathData", "not as many as there are to be");
    path.indices = std::move(*numbers);
    if (std::ranges::any_of(path.indices, [](std::uint64_t index) { return index > INT64_MAX; })) {
      return bad_field("NSIndexPathData", "more than 63 bits");
    }
  }
  return path;
}

// One dictionary for all of it; or an array of them, and in data which is whose.
Result<Value> Reader::attributed_text() {
  AttributedText attributed{REEVE_TRY(text("NSString")), {}};
  const std::uint64_t length = plist::utf16_length(attributed.text);
  const auto info = REEVE_TRY(varints("NSAttributeInfo"));
  if (!info) {
    const auto whole = REEVE_TRY(may_ref("NSAttributes"));
    if (!whole) return attributed;
    promise<Map>(*whole, from("NSAttributes"), "a dictionary");
    if (length > 0) attributed.runs.push_back({length, *whole});
    return attributed;
  }
  const std::vector<Ref> all = REEVE_TRY(attributes());
  if (info->size() % 2 != 0) return bad_field("NSAttributeInfo", "a run without attributes");
  for (std::size_t i = 0; i < info->size(); i += 2) {
    if ((*info)[i + 1] >= all.size()) return bad_field("NSAttributeInfo", "attributes that are not there");
    attributed.runs.push_back({(*info)[i], all[(*info)[i + 1]]});
  }
  if (!fits_its_runs(attributed)) return bad_field("NSAttributeInfo", "runs that do not fit the text");
  return attributed;
}

Result<std::vector<Ref>> Reader::attributes() {
  const Part array = REEVE_TRY(part("NSAttributes", "no array"));
  const auto items = array.object.find("NS.objects");
  const bool is_array = array.kind->name == "NSArray" || array.kind->name == "NSMutableArray";
  if (!is_array || !items || items->type() != ValueType::array) return bad_field("NSAttributes", "no array");
  REEVE_TRY(spend(items->count() * sizeof(Promise)));
  std::vector<Ref> all;
  for (std::size_t i = 0; i < items->count(); ++i) {
    const From item{array.number, "NS.objects", i};
    all.push_back(REEVE_TRY(ref_at(items->value(i), item)));
    promise<Map>(all.back(), item, "a dictionary");
  }
  return all;
}

Result<Value> Reader::boxed() {
  enum Special : std::int64_t { kPoint = 1, kSize = 2, kRect = 3, kRange = 4, kEdgeInsets = 12 };
  if (!object_.find("NS.special")) return numbers();
  switch (REEVE_TRY(integer("NS.special"))) {
    case kPoint: {
      const auto all = REEVE_TRY(geometry("NS.pointval", 2));
      return Point{all[0], all[1]};
    }
    case kSize: {
      const auto all = REEVE_TRY(geometry("NS.sizeval", 2));
      return Size{all[0], all[1]};
    }
    case kRect: {
      const auto all = REEVE_TRY(geometry("NS.rectval", 4));
      return Rect{{all[0], all[1]}, {all[2], all[3]}};
    }
    case kRange:
      return Range{REEVE_TRY(count("NS.rangeval.location")), REEVE_TRY(count("NS.rangeval.length"))};
    case kEdgeInsets:
      return EdgeInsets{REEVE_TRY(real("NS.edgeval.top")), REEVE_TRY(real("NS.edgeval.left")),
                        REEVE_TRY(real("NS.edgeval.bottom")), REEVE_TRY(real("NS.edgeval.right"))};
    default:
      return bad_field("NS.special", "a value of no known kind");
  }
}

Result<std::vector<double>> Reader::geometry(std::string_view field, std::size_t size) {
  auto all = numbers_in(REEVE_TRY(text(field)), size);
  if (!all) return bad_field(field, "not so many numbers");
  return std::move(*all);
}

// An array of C's, in an object of its own that is part of this one.
Result<Value> Reader::numbers() {
  const Part array = REEVE_TRY(part("$1", "no object"));
  if (array.kind->name != kNumbersClass) return bad_field("$1", "no array of numbers");
  REEVE_TRY(spend(array.object.count() * sizeof(Numbers)));
  Reader inner(*this, array.number, array.object);
  return inner.old_style_array(REEVE_TRY(text("$0")));
}

Result<Value> Reader::old_style_array(const std::string& type) const {
  const std::int64_t letter = REEVE_TRY(integer("NS.type"));
  const std::uint64_t size = REEVE_TRY(count("NS.count"));
  if (letter <= 0 || letter > 127 || !is_number_type(static_cast<char>(letter))) {
    return bad_field("NS.type", "no type of numbers");
  }
  if (size > object_.count()) return bad_field("NS.count", "more than there are");
  Numbers numbers{static_cast<char>(letter), {}};
  if (type != "[" + std::to_string(size) + numbers.type + "]")
    return bad_field("NS.type", "not the type that it is said to be");
  std::map<std::string, std::size_t> places;
  for (std::size_t i = 0; i < object_.count(); ++i) places.emplace(object_.key(i).text(), i);
  for (std::uint64_t i = 0; i < size; ++i) {
    const auto place = places.find("$" + std::to_string(i));
    if (place == places.end()) return bad(here() + ": a number is missing");
    const PlistValue value = object_.value(place->second);
    if (value.type() == ValueType::real) {
      numbers.numbers.emplace_back(value.real());
    } else if (value.type() == ValueType::integer && value.integer().is_large) {
      numbers.numbers.emplace_back(value.integer().bits);
    } else if (value.type() == ValueType::integer) {
      numbers.numbers.emplace_back(value.integer().value());
    } else {
      return bad(here() + ": a number of another type");
    }
  }
  if (!are_of_their_type(numbers)) return bad(here() + ": a number of another type");
  return numbers;
}

Result<Value> Reader::failure() {
  // First what needs no room: g++ 12 forgets what was made of an object when the rest of it fails.
  const std::int64_t code = REEVE_TRY(integer("NSCode"));
  const auto details = REEVE_TRY(may_ref("NSUserInfo"));
  Failure failure{REEVE_TRY(text("NSDomain")), code, details};
  if (failure.details) promise<Map>(*failure.details, from("NSUserInfo"), "a dictionary");
  return failure;
}

Result<Value> Reader::notification() {
  const auto object = REEVE_TRY(may_ref("NS.object"));
  const auto details = REEVE_TRY(may_ref("NS.userinfo"));
  Notification notification{REEVE_TRY(text("NS.name")), object, details};
  if (notification.details) promise<Map>(*notification.details, from("NS.userinfo"), "a dictionary");
  return notification;
}

Result<Record> Reader::record(std::uint32_t number, const PlistValue& object, const Allowed::Fields& fields) {
  number_ = number;
  object_ = object;
  Record record;
  for (std::size_t i = 0; i < object.count(); ++i) {
    std::string name = object.key(i).text();
    if (name == "$class") continue;
    // What begins with one of them is the archiver's own.
    if (name.starts_with('$') && !name.starts_with("$$")) return bad(from(name).path() + ": a field that is none");
    if (name.starts_with('$')) name.erase(0, 1);
    const auto known = fields.find(name);
    if (known == fields.end()) return bad(from(name).path() + ": a field that is none");
    REEVE_TRY(spend(sizeof record.fields[0] + name.size()));
    record.fields.emplace_back(name, REEVE_TRY(field(object.value(i), from(*known))));
  }
  return record;
}

Result<Field> Reader::field(const PlistValue& value, const From& from) {
  switch (value.type()) {
    case ValueType::uid:
      if (value.uid() == 0) return Field();
      return Field(REEVE_TRY(ref_to(value.uid(), from)));
    case ValueType::boolean:
      return Field(value.boolean());
    case ValueType::integer:
      return Field(value.integer());
    case ValueType::real:
      return Field(value.real());
    case ValueType::string:
      REEVE_TRY(spend(3 * value.count()));
      return Field(value.text());
    case ValueType::data:
      return Field(data_of(value));
    default:
      return bad(from.path() + ": no value of a field");
  }
}

}  // namespace reeve::archive
