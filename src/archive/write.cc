#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <map>
#include <string_view>
#include <utility>

#include "../plist/writer.hpp"
#include "../vocab/bounds.hpp"
#include "archive.hpp"
#include "checks.hpp"
#include "classes.hpp"
#include "varint.hpp"

namespace reeve::archive {
namespace {

// What shape a value is written in.
constexpr Shape kShapes[] = {
    Shape::null,        Shape::number,  Shape::number,      Shape::number,     Shape::text,
    Shape::data,        Shape::date,    Shape::uuid,        Shape::url,        Shape::array,
    Shape::counted_set, Shape::map,     Shape::index_set,   Shape::index_path, Shape::attributed_text,
    Shape::value,       Shape::value,   Shape::value,       Shape::value,      Shape::value,
    Shape::value,       Shape::failure, Shape::notification};

std::string number_text(double value) {
  std::array<char, 32> room;
  const auto written = std::to_chars(room.data(), room.data() + room.size(), value);
  return {room.data(), written.ptr};
}
std::string pair_text(double one, double other) { return "{" + number_text(one) + ", " + number_text(other) + "}"; }

}  // namespace

// What the root leads to, each object once, in the order in which it is first referred to; and between them their
// classes, and what is part of them and stands for itself.
class Archiver {
 public:
  explicit Archiver(const Graph& graph) : graph_(graph), numbers_(graph.count()), keys_(graph) {}

  Result<std::vector<std::byte>> run() {
    objects_.push_back(out_.string("$null"));
    const plist::Ref root = REEVE_TRY(reference(graph_.root));
    for (std::size_t next = 0; next < found_.size(); ++next) {
      const Ref ref = found_[next];
      number_ = numbers_[static_cast<std::size_t>(ref)];
      objects_[number_] = REEVE_TRY(written(graph_.at(ref)));
      if (objects_.size() > kObjectCountMax) return too_many();
    }
    for (const Ref ref : found_) {
      number_ = numbers_[static_cast<std::size_t>(ref)];
      if (!ends_its_bases(graph_, ref)) return bad_here("a URL whose base has a base, and so on");
    }
    const std::array top{entry("root", root)};
    const std::array whole{entry("$version", out_.integer(std::int64_t{100'000})),
                           entry("$archiver", out_.string("NSKeyedArchiver")), entry("$top", out_.dictionary(top)),
                           entry("$objects", out_.array(objects_))};
    return out_.finish(out_.dictionary(whole));
  }

 private:
  static std::unexpected<Error> too_many() {
    return fail(Kind::invalid, code::kTooLarge,
                "an archive of more than 262144 objects, their parts and classes among them");
  }
  using Entries = std::vector<plist::Writer::Entry>;

  plist::Writer::Entry entry(std::string_view key, plist::Ref value) { return {out_.string(key), value}; }

  std::unexpected<Error> bad_here(const std::string& what) const {
    return bad("$objects[" + std::to_string(number_) + "]: " + what);
  }

  Result<plist::Ref> reference(Ref ref) {
    if (static_cast<std::size_t>(ref) >= graph_.count()) return bad_here("a reference to what is not there");
    std::uint32_t& number = numbers_[static_cast<std::size_t>(ref)];
    if (number == 0) {
      number = static_cast<std::uint32_t>(objects_.size());
      objects_.emplace_back();  // once it is written
      found_.push_back(ref);
    }
    return out_.uid(number);
  }
  Result<plist::Ref> reference(const std::optional<Ref>& ref) { return ref ? reference(*ref) : out_.uid(0); }
  Result<plist::Ref> references(const std::vector<Ref>& refs) {
    std::vector<plist::Ref> all;
    all.reserve(refs.size());
    for (const Ref ref : refs) all.push_back(REEVE_TRY(reference(ref)));
    return out_.array(all);
  }
  template <class T>
  Result<plist::Ref> reference_to(const std::optional<Ref>& ref, const char* what) {
    const plist::Ref written = REEVE_TRY(reference(ref));
    if (ref && graph_.get<T>(*ref) == nullptr) return bad_here(std::string("refers to what is not ") + what);
    return written;
  }

  plist::Ref further_object(plist::Ref object) {
    objects_.push_back(object);
    return out_.uid(static_cast<std::uint32_t>(objects_.size() - 1));
  }
  plist::Ref further_text(std::string_view text) { return further_object(out_.string(text)); }

  plist::Ref class_ref(std::string_view name) {
    const auto found = classes_.find(name);
    if (found != classes_.end()) return found->second;
    std::vector<plist::Ref> kin;
    if (const Class* const known = class_named(name)) {
      for (const std::string_view each : known->kin) kin.push_back(out_.string(each));
    } else {
      kin = {out_.string(name), out_.string("NSObject")};
    }
    const std::array record{entry("$classname", out_.string(name)), entry("$classes", out_.array(kin))};
    const plist::Ref ref = further_object(out_.dictionary(record));
    classes_.emplace(name, ref);
    return ref;
  }

  plist::Ref finished(Entries entries, std::string_view class_name) {
    entries.push_back(entry("$class", class_ref(class_name)));
    return out_.dictionary(entries);
  }

  Result<plist::Ref> written(const Node& node) {
    node_ = &node;
    if (const auto* record = std::get_if<Record>(&node.value)) return write_record(*record);
    const Class* const known = class_named(node.class_name);
    const Shape shape = kShapes[node.value.index()];
    const bool is_ordered = known != nullptr && known->shape == Shape::ordered_set && shape == Shape::array;
    if (known == nullptr || (known->shape != shape && !is_ordered)) {
      return bad_here("class " + node.class_name + " does not hold that");
    }
    return std::visit([this](const auto& value) { return write(value); }, node.value);
  }

  Result<plist::Ref> write(const Null&) { return finished({}, node_->class_name); }
  Result<plist::Ref> write(bool value) { return out_.boolean(value); }
  Result<plist::Ref> write(const plist::Integer& value) { return out_.integer(value); }
  Result<plist::Ref> write(double value) { return out_.real(value); }
  Result<plist::Ref> write(const std::string& value) {
    if (node_->class_name == "NSString") return out_.string(value);
    return finished({entry("NS.string", out_.string(value))}, node_->class_name);
  }
  Result<plist::Ref> write(const Data& value) {
    if (node_->class_name == "NSData") return out_.data(value.bytes());
    return finished({entry("NS.data", out_.data(value.bytes()))}, node_->class_name);
  }
  Result<plist::Ref> write(const Date& value) {
    if (!std::isfinite(value.seconds)) return bad_here("a date that is no number");
    return finished({entry("NS.time", out_.real(value.seconds))}, node_->class_name);
  }
  Result<plist::Ref> write(const Uuid& value) {
    return finished({entry("NS.uuidbytes", out_.data(value.bytes))}, node_->class_name);
  }
  Result<plist::Ref> write(const Url& value) {
    const plist::Ref base = REEVE_TRY(reference_to<Url>(value.base, "a URL"));
    return finished({entry("NS.base", base), entry("NS.relative", further_text(value.relative))}, node_->class_name);
  }
  Result<plist::Ref> write(const List& value) {
    if (class_named(node_->class_name)->shape == Shape::array) {
      return finished({entry("NS.objects", REEVE_TRY(references(value.items)))}, node_->class_name);
    }
    Entries entries;
    for (std::size_t i = 0; i < value.items.size(); ++i) {
      entries.push_back(entry("NS.object." + std::to_string(i), REEVE_TRY(reference(value.items[i]))));
    }
    return finished(std::move(entries), node_->class_name);
  }
  Result<plist::Ref> write(const CountedSet& value) {
    Entries entries{entry("NS.count", out_.integer(std::uint64_t{value.items.size()}))};
    for (std::size_t i = 0; i < value.items.size(); ++i) {
      const auto& [ref, count] = value.items[i];
      if (count == 0 || count > INT64_MAX) return bad_here("an object that is there no times");
      entries.push_back(entry("NS.object" + std::to_string(i), REEVE_TRY(reference(ref))));
      entries.push_back(entry("NS.count" + std::to_string(i), out_.integer(count)));
    }
    return finished(std::move(entries), node_->class_name);
  }
  Result<plist::Ref> write(const Map& value) {
    std::vector<Ref> keys;
    std::vector<Ref> values;
    for (const auto& [key, each] : value.entries) {
      keys.push_back(key);
      values.push_back(each);
    }
    const plist::Ref written_keys = REEVE_TRY(references(keys));
    if (keys_.has_twice(value)) return bad_here("a key twice");
    return finished({entry("NS.keys", written_keys), entry("NS.objects", REEVE_TRY(references(values)))},
                    node_->class_name);
  }
  Result<plist::Ref> write(const IndexSet& value) {
    if (!is_index_set(value)) return bad_here("ranges that are no set");
    Entries entries{entry("NSRangeCount", out_.integer(std::uint64_t{value.ranges.size()}))};
    if (value.ranges.size() == 1) {
      entries.push_back(entry("NSLocation", out_.integer(value.ranges[0].location)));
      entries.push_back(entry("NSLength", out_.integer(value.ranges[0].length)));
    } else if (value.ranges.size() > 1) {
      std::vector<std::uint64_t> numbers;
      for (const Range& range : value.ranges) numbers.insert(numbers.end(), {range.location, range.length});
      entries.push_back(entry("NSRangeData", varints(numbers)));
    }
    return finished(std::move(entries), node_->class_name);
  }
  Result<plist::Ref> write(const IndexPath& value) {
    if (!std::ranges::all_of(value.indices, is_index)) return bad_here("an index of more than 63 bits");
    Entries entries{entry("NSIndexPathLength", out_.integer(std::uint64_t{value.indices.size()}))};
    if (value.indices.size() == 1) entries.push_back(entry("NSIndexPathValue", out_.integer(value.indices[0])));
    if (value.indices.size() > 1) entries.push_back(entry("NSIndexPathData", varints(value.indices)));
    return finished(std::move(entries), node_->class_name);
  }
  plist::Ref varints(const std::vector<std::uint64_t>& numbers) {
    std::vector<std::byte> bytes;
    for (const std::uint64_t number : numbers) put_varint(bytes, number);
    return further_object(finished({entry("NS.data", out_.data(bytes))}, "NSMutableData"));
  }

  Result<plist::Ref> write(const AttributedText& value) {
    if (!fits_its_runs(value)) return bad_here("runs that do not fit the text");
    Entries entries{entry("NSString", further_text(value.text))};
    std::vector<plist::Ref> attributes;
    std::map<Ref, std::uint64_t> places;
    std::vector<std::uint64_t> info;
    for (const AttributedText::Run& run : value.runs) {
      const auto [place, is_new] = places.emplace(run.attributes, attributes.size());
      if (is_new) attributes.push_back(REEVE_TRY(reference_to<Map>(run.attributes, "a dictionary")));
      info.insert(info.end(), {run.length, place->second});
    }
    if (value.runs.size() == 1) {
      entries.push_back(entry("NSAttributes", attributes[0]));
    } else if (value.runs.size() > 1) {
      entries.push_back(entry("NSAttributeInfo", varints(info)));
      entries.push_back(entry(
          "NSAttributes", further_object(finished({entry("NS.objects", out_.array(attributes))}, "NSMutableArray"))));
    }
    return finished(std::move(entries), node_->class_name);
  }

  Result<plist::Ref> special(std::int64_t kind, Entries entries) {
    entries.push_back(entry("NS.special", out_.integer(kind)));
    return finished(std::move(entries), node_->class_name);
  }
  Result<plist::Ref> write(const Point& value) {
    return special(1, {entry("NS.pointval", further_text(pair_text(value.x, value.y)))});
  }
  Result<plist::Ref> write(const Size& value) {
    return special(2, {entry("NS.sizeval", further_text(pair_text(value.width, value.height)))});
  }
  Result<plist::Ref> write(const Rect& value) {
    const std::string text =
        "{" + pair_text(value.origin.x, value.origin.y) + ", " + pair_text(value.size.width, value.size.height) + "}";
    return special(3, {entry("NS.rectval", further_text(text))});
  }
  static bool is_index(std::uint64_t number) { return std::in_range<std::int64_t>(number); }
  Result<plist::Ref> write(const Range& value) {
    if (!is_index(value.location) || !is_index(value.length)) return bad_here("an index of more than 63 bits");
    return special(4, {entry("NS.rangeval.location", further_object(out_.integer(value.location))),
                       entry("NS.rangeval.length", further_object(out_.integer(value.length)))});
  }
  Result<plist::Ref> write(const EdgeInsets& value) {
    return special(
        12, {entry("NS.edgeval.top", out_.real(value.top)), entry("NS.edgeval.left", out_.real(value.left)),
             entry("NS.edgeval.bottom", out_.real(value.bottom)), entry("NS.edgeval.right", out_.real(value.right))});
  }
  Result<plist::Ref> write(const Numbers& value) {
    if (!is_number_type(value.type) || !are_of_their_type(value)) return bad_here("a number of another type");
    Entries entries{entry("NS.count", out_.integer(std::uint64_t{value.numbers.size()})),
                    entry("NS.size", out_.integer(size_of(value.type))),
                    entry("NS.type", out_.integer(std::int64_t{value.type}))};
    for (std::size_t i = 0; i < value.numbers.size(); ++i) {
      entries.push_back(
          entry("$" + std::to_string(i), std::visit([this](auto number) { return plain(number); }, value.numbers[i])));
    }
    const plist::Ref array = further_object(finished(std::move(entries), "_NSKeyedCoderOldStyleArray"));
    const std::string type = "[" + std::to_string(value.numbers.size()) + value.type + "]";
    return finished({entry("$0", further_text(type)), entry("$1", array)}, node_->class_name);
  }
  plist::Ref plain(std::int64_t value) { return out_.integer(value); }
  plist::Ref plain(std::uint64_t value) { return out_.integer(value); }
  plist::Ref plain(double value) { return out_.real(value); }
  // As C has them on the machines that write archives.
  static std::int64_t size_of(char type) {
    switch (type) {
      case 'c':
      case 'C':
        return 1;
      case 's':
      case 'S':
        return 2;
      case 'i':
      case 'I':
      case 'f':
        return 4;
      default:
        return 8;
    }
  }

  Result<plist::Ref> write(const Failure& value) {
    const plist::Ref details = REEVE_TRY(reference_to<Map>(value.details, "a dictionary"));
    return finished({entry("NSCode", out_.integer(value.code)), entry("NSDomain", further_text(value.domain)),
                     entry("NSUserInfo", details)},
                    node_->class_name);
  }
  Result<plist::Ref> write(const Notification& value) {
    const plist::Ref object = REEVE_TRY(reference(value.object));
    const plist::Ref details = REEVE_TRY(reference_to<Map>(value.details, "a dictionary"));
    return finished(
        {entry("NS.name", further_text(value.name)), entry("NS.object", object), entry("NS.userinfo", details)},
        node_->class_name);
  }
  Result<plist::Ref> write(const Record&) { return bad_here("a record within itself"); }

  Result<plist::Ref> write_record(const Record& record) {
    const std::size_t size = node_->class_name.size();
    if (class_named(node_->class_name) != nullptr || size == 0 || size > kClassNameMax) {
      return bad_here("class " + node_->class_name + " is none of a user's");
    }
    Entries entries;
    for (const auto& [name, field] : record.fields) {
      entries.push_back(entry(name.starts_with('$') ? "$" + name : name, REEVE_TRY(written(field))));
    }
    return finished(std::move(entries), node_->class_name);
  }
  Result<plist::Ref> written(const Field& field) {
    if (const auto* value = std::get_if<bool>(&field)) return out_.boolean(*value);
    if (const auto* value = std::get_if<plist::Integer>(&field)) return out_.integer(*value);
    if (const auto* value = std::get_if<double>(&field)) return out_.real(*value);
    if (const auto* value = std::get_if<std::string>(&field)) return out_.string(*value);
    if (const auto* value = std::get_if<Data>(&field)) return out_.data(value->bytes());
    if (const auto* value = std::get_if<Ref>(&field)) return reference(*value);
    return out_.uid(0);
  }

  const Graph& graph_;
  std::vector<std::uint32_t> numbers_;  // of each node's object; 0 of those that nothing has led to yet
  std::vector<Ref> found_;              // ... the others, in the order in which they were
  KeyCheck keys_;
  plist::Writer out_;
  std::vector<plist::Ref> objects_;
  std::map<std::string, plist::Ref, std::less<>> classes_;
  const Node* node_ = nullptr;  // that is being written
  std::size_t number_ = 0;      // ... and its place among the objects
};

Result<std::vector<std::byte>> write(const Graph& graph) { return Archiver(graph).run(); }

}  // namespace reeve::archive
