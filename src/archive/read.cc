#include "reader.hpp"

#include <cmath>

#include "../vocab/text.hpp"
#include "varint.hpp"

namespace reeve::archive {
namespace {

constexpr std::size_t kUsual = 64;       // Objects of a message; of more, room is made as they come.
constexpr std::size_t kShownBytes = 64;  // Of a stranger's name, in a message.

bool is_plain(const PlistValue& value) {
  return value.type() >= ValueType::boolean && value.type() <= ValueType::string;
}

}  // namespace

std::string From::path() const {
  std::string out = holder == 0 ? std::string("$top") : "$objects[" + std::to_string(holder) + "]";
  out += "." + printable(field.substr(0, kShownBytes));
  if (index != SIZE_MAX) out += "[" + std::to_string(index) + "]";
  return out;
}

std::unexpected<Error> not_allowed(const From& from, std::string_view name) {
  return fail(Kind::denied, code::kClassNotAllowed,
              from.path() + ": class " + printable(name.substr(0, kShownBytes)) + " not allowed here",
              "allow it where it belongs there; else do not read this archive");
}

Result<Graph> Reader::run() {
  const PlistValue top = REEVE_TRY(check_frame());
  if (top.uid() != 0) graph_.root = REEVE_TRY(ref_to(top.uid(), {0, "root"}));
  while (!waiting_.empty()) {
    const Waiting next = waiting_.back();
    waiting_.pop_back();
    REEVE_TRY(read_object(next));
  }
  for (const Promise& promise : promises_) {
    if (!promise.is_kept(graph_.at(promise.ref).value)) return bad(promise.from.path() + ": not " + promise.what);
  }
  REEVE_TRY(check_whole());
  return std::move(graph_);
}

// The root's reference. What else stands at the top is nobody's.
Result<PlistValue> Reader::check_frame() {
  const PlistValue root = list_.root();
  if (root.type() != ValueType::dictionary) return bad("$top: no keyed archive is anything but a dictionary");
  const auto archiver = root.find("$archiver");
  if (!archiver || archiver->type() != ValueType::string || !archiver->is_text("NSKeyedArchiver")) {
    return bad("$archiver: not NSKeyedArchiver");
  }
  const auto version = root.find("$version");
  if (!version || version->type() != ValueType::integer || version->integer() != plist::Integer{100'000}) {
    return bad("$version: not 100000");
  }
  objects_ = root.find("$objects");
  if (!objects_ || objects_->type() != ValueType::array || objects_->count() == 0) return bad("$objects: none");
  if (objects_->count() > kObjectCountMax) return bad("$objects: more than 262144");
  const PlistValue nil = objects_->value(0);
  if (nil.type() != ValueType::string || !nil.is_text("$null")) return bad("$objects[0]: not $null");
  refs_.assign(objects_->count(), std::nullopt);
  is_met_.assign(list_.count(), false);
  waiting_.reserve(std::min<std::size_t>(objects_->count(), kUsual));
  graph_.reserve(std::min<std::size_t>(objects_->count(), kUsual));
  const auto top = root.find("$top");
  if (!top || top->type() != ValueType::dictionary) return bad("$top: none");
  const auto wanted = top->find("root");
  if (!wanted || wanted->type() != ValueType::uid) return bad("$top.root: none");
  return *wanted;
}

Result<void> Reader::check_number(std::uint32_t number, const From& from) const {
  if (number < objects_->count()) return {};
  return bad(from.path() + ": object " + std::to_string(number) + " is not there");
}

Result<Ref> Reader::ref_to(std::uint32_t number, const From& from) {
  REEVE_TRY(check_number(number, from));
  std::optional<Ref>& known = refs_[number];
  if (!known) {
    known = graph_.add("", Null());
    waiting_.push_back({number, *known, from});
  }
  return *known;
}

const ClassHere& Reader::remember(std::string name) {
  ClassHere kind{std::move(name), nullptr, nullptr, false};
  kind.known = class_named(kind.name);
  if (kind.known == nullptr) kind.fields = allowed_.fields_of(kind.name);
  kind.is_allowed = kind.fields != nullptr || (kind.known != nullptr && allowed_.has(kind.name));
  return kinds_.emplace_back(std::move(kind));
}

Result<const ClassHere*> Reader::class_of(const PlistValue& object, const From& from) {
  const auto number = object.find("$class");
  if (!number || number->type() != ValueType::uid) return bad(from.path() + ": no object");
  REEVE_TRY(check_number(number->uid(), from));
  const PlistValue record = objects_->value(number->uid());
  if (kind_of_record_.empty()) kind_of_record_.resize(list_.count());
  const ClassHere*& known = kind_of_record_[record.number()];
  if (known == nullptr) known = &remember(REEVE_TRY(class_in(record, from)));
  return known;
}

Result<std::string> Reader::class_in(const PlistValue& record, const From& from) {
  const auto bad_record = [&] { return bad(from.path() + ": its class is none"); };
  if (record.type() != ValueType::dictionary || record.find("$class")) return bad_record();
  const auto name = record.find("$classname");
  const auto kin = record.find("$classes");
  if (!name || name->type() != ValueType::string || !kin || kin->type() != ValueType::array) return bad_record();
  if (name->count() > kClassNameMax) return bad_record();
  if (kin->count() == 0 || kin->value(0).type() != ValueType::string) return bad_record();
  if (!kin->value(0).is_text(name->text())) return bad_record();
  return name->text();
}

Result<void> Reader::read_object(const Waiting& next) {
  const PlistValue object = objects_->value(next.number);
  const From& from = next.from;
  const bool is_plain_one = is_plain(object);
  if (!is_plain_one && object.type() != ValueType::dictionary) return bad(from.path() + ": no object");
  const ClassHere& kind = is_plain_one ? plain_class(object) : *REEVE_TRY(class_of(object, from));
  if (!kind.is_allowed) return not_allowed(from, kind.name);
  // Equal plain values may be one in a property list; two objects are never one dictionary.
  const bool is_listed_before = is_met_[object.number()];
  is_met_[object.number()] = true;
  if (is_listed_before && !is_plain_one) return bad(from.path() + ": an object that is another, too");
  if (is_listed_before) REEVE_TRY(spend(3 * object.count()));
  Value value;
  if (is_plain_one) {
    value = plain(object);
  } else if (kind.fields != nullptr) {
    value = REEVE_TRY(record(next.number, object, *kind.fields));
  } else {
    value = REEVE_TRY(known_value(next.number, object, kind.known->shape));
  }
  graph_.at(next.ref) = {kind.name, std::move(value)};
  return {};
}

const ClassHere& Reader::plain_class(const PlistValue& value) {
  const ClassHere*& known = plain_kinds_[static_cast<std::size_t>(value.type())];
  if (known != nullptr) return *known;
  switch (value.type()) {
    case ValueType::string:
      return *(known = &remember("NSString"));
    case ValueType::data:
      return *(known = &remember("NSData"));
    case ValueType::date:
      return *(known = &remember("NSDate"));
    default:
      return *(known = &remember("NSNumber"));
  }
}

Value Reader::plain(const PlistValue& value) const {
  switch (value.type()) {
    case ValueType::boolean:
      return value.boolean();
    case ValueType::integer:
      return value.integer();
    case ValueType::real:
      return value.real();
    case ValueType::date:
      return Date{value.date()};
    case ValueType::data:
      return data_of(value);
    default:
      return value.text();
  }
}

std::unexpected<Error> Reader::bad_field(std::string_view field, const char* what) const {
  return bad(from(field).path() + ": " + what);
}

// What stands there, or what its reference leads to: a plain value. Nothing where it is nil, or not there.
Result<std::optional<PlistValue>> Reader::may_plain_field(std::string_view field) const {
  const auto found = object_.find(field);
  if (!found) return std::nullopt;
  PlistValue value = *found;
  if (value.type() == ValueType::uid) {
    if (value.uid() == 0) return std::nullopt;
    REEVE_TRY(check_number(value.uid(), from(field)));
    value = objects_->value(value.uid());
  }
  if (!is_plain(value)) return bad_field(field, "no plain value");
  return value;
}

Result<PlistValue> Reader::plain_field(std::string_view field, ValueType type) const {
  const auto value = REEVE_TRY(may_plain_field(field));
  if (!value) return bad_field(field, "missing");
  if (value->type() != type) return wrong_type(field, type, value->type());
  return *value;
}

std::unexpected<Error> Reader::wrong_type(std::string_view field, ValueType expected, ValueType found) const {
  return bad(from(field).path() + ": expected " + std::string(name_of(expected)) + ", got " +
             std::string(name_of(found)));
}

// Many objects may share a part that is copied for each.
Result<void> Reader::spend(std::size_t bytes) {
  if (bytes > left_)
    return fail(Kind::invalid, code::kTooLarge, "parts that objects share take more than 64 MiB for all");
  left_ -= bytes;
  return {};
}

// A plain one, or an object of its own, which a mutable string is.
Result<std::string> Reader::text(std::string_view field) {
  const auto found = object_.find(field);
  const bool is_part = found && found->type() == ValueType::uid && found->uid() < objects_->count() &&
                       objects_->value(found->uid()).type() == ValueType::dictionary;
  std::optional<PlistValue> text;
  if (is_part) {
    const Part object = REEVE_TRY(part(field, "no text"));
    text = object.object.find("NS.string");
    const bool is_text = object.kind->known->shape == Shape::text;
    if (!is_text || !text || text->type() != ValueType::string) return bad_field(field, "no text");
  } else {
    text = REEVE_TRY(plain_field(field, ValueType::string));
  }
  REEVE_TRY(spend(3 * text->count()));
  return text->text();
}

Result<double> Reader::real(std::string_view field) const {
  const auto value = REEVE_TRY(may_plain_field(field));
  if (!value) return bad_field(field, "missing");
  if (value->type() == ValueType::real) {
    return std::isfinite(value->real()) ? Result<double>(value->real()) : bad_field(field, "no number");
  }
  if (value->type() != ValueType::integer) return wrong_type(field, ValueType::real, value->type());
  const plist::Integer integer = value->integer();
  return integer.is_large ? static_cast<double>(integer.bits) : static_cast<double>(integer.value());
}

Result<std::int64_t> Reader::integer(std::string_view field) const {
  const plist::Integer integer = REEVE_TRY(plain_field(field, ValueType::integer)).integer();
  if (integer.is_large) return bad_field(field, "more than 63 bits");
  return integer.value();
}

// Of Foundation's NSUInteger, in which the largest int64 is the largest index.
Result<std::uint64_t> Reader::count(std::string_view field) const {
  const std::int64_t value = REEVE_TRY(integer(field));
  if (value < 0) return bad_field(field, "negative");
  return static_cast<std::uint64_t>(value);
}

Result<std::optional<Ref>> Reader::may_ref(std::string_view field) {
  const auto found = object_.find(field);
  if (!found) return std::nullopt;
  if (found->type() != ValueType::uid) return bad_field(field, "no reference");
  if (found->uid() == 0) return std::nullopt;
  return REEVE_TRY(ref_to(found->uid(), from(field)));
}

Result<Ref> Reader::ref_at(const PlistValue& value, const From& from) {
  if (value.type() != ValueType::uid) return bad(from.path() + ": no reference");
  if (value.uid() == 0) return bad(from.path() + ": nil among objects");
  return ref_to(value.uid(), from);
}

Result<std::vector<Ref>> Reader::refs(std::string_view field) {
  const auto found = object_.find(field);
  if (!found || found->type() != ValueType::array) return bad_field(field, "no array");
  const std::size_t size = found->count();
  REEVE_TRY(spend(size * sizeof(Ref)));
  std::vector<Ref> all;
  all.reserve(size);
  for (std::size_t i = 0; i < size; ++i) all.push_back(REEVE_TRY(ref_at(found->value(i), from(field, i))));
  return all;
}

// An object that is part of the one at hand, and of no use beside it. Many may share it, and each looks at all of it.
Result<Reader::Part> Reader::part(std::string_view field, const char* what_is_missing) {
  const auto found = object_.find(field);
  if (!found || found->type() != ValueType::uid) return bad_field(field, "no reference");
  const From source = from(field);
  REEVE_TRY(check_number(found->uid(), source));
  const PlistValue object = objects_->value(found->uid());
  if (object.type() != ValueType::dictionary) return bad_field(field, what_is_missing);
  REEVE_TRY(spend(object.count()));
  const ClassHere* const kind = REEVE_TRY(class_of(object, source));
  if (kind->known == nullptr || !kind->is_allowed) return not_allowed(source, kind->name);
  return Part{found->uid(), object, kind};
}

// Of an object of data, or plain data.
Result<std::optional<std::vector<std::uint64_t>>> Reader::varints(std::string_view field) {
  const auto found = object_.find(field);
  if (!found) return std::nullopt;
  if (found->type() != ValueType::uid) return bad_field(field, "no reference");
  if (found->uid() == 0) return std::nullopt;
  REEVE_TRY(check_number(found->uid(), from(field)));
  std::optional<PlistValue> bytes = objects_->value(found->uid());
  if (bytes->type() == ValueType::data) {
    if (!allowed_.has("NSData")) return not_allowed(from(field), "NSData");
  } else {
    const Part object = REEVE_TRY(part(field, "no data"));
    bytes = object.object.find("NS.data");
    const bool is_data = object.kind->known->shape == Shape::data;
    if (!is_data || !bytes || bytes->type() != ValueType::data) return bad_field(field, "no data");
  }
  REEVE_TRY(spend(bytes->count() * sizeof(std::uint64_t)));
  auto numbers = varints_in(bytes->data());
  if (!numbers) return bad_field(field, "numbers that do not end");
  return numbers;
}

// What only the whole tells. A URL that is relative to itself is relative to nothing.
Result<void> Reader::check_whole() const {
  KeyCheck keys(graph_);
  for (std::size_t i = 0; i < graph_.count(); ++i) {
    if (!ends_its_bases(graph_, static_cast<Ref>(i))) return bad("a URL whose base has a base, and so on");
    const auto* map = graph_.get<Map>(static_cast<Ref>(i));
    if (map != nullptr && keys.has_twice(*map)) return bad("a dictionary with a key twice");
  }
  return {};
}

Result<Graph> read(const plist::PropertyList& list, const Allowed& allowed) { return Reader(list, allowed).run(); }

Result<Graph> read(Data bytes, const Allowed& allowed) {
  return read(REEVE_TRY(plist::PropertyList::check(std::move(bytes))), allowed);
}

}  // namespace reeve::archive
