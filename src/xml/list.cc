#include "list.hpp"

#include <array>
#include <charconv>
#include <cmath>
#include <optional>
#include <set>
#include <utility>

#include "../object/text.hpp"
#include "../plist/moments.hpp"
#include "../plist/writer.hpp"
#include "../vocab/bounds.hpp"
#include "reader.hpp"

namespace reeve::xml {
namespace {

using plist::Ref;
using plist::Value;
using plist::ValueType;

constexpr std::string_view kUid = "CF$UID";

// What is open, and what it has collected.
struct Frame {
  bool is_dictionary;
  std::vector<Ref> values;
  std::vector<plist::Writer::Entry> entries;
  std::set<std::string> names;
  std::optional<std::string> key;
  std::optional<std::int64_t> last;  // value, where it is an integer
};

class Lister final : public Sink {
 public:
  void begin(bool is_dictionary, int) override { frames_.push_back({is_dictionary, {}, {}, {}, {}, {}}); }

  Result<void> key(std::string name) override {
    if (!frames_.back().names.insert(name).second) {
      return fail(Kind::invalid, code::kBadPropertyList, "the key " + name + " stands twice");
    }
    frames_.back().key = std::move(name);
    return {};
  }

  void value(Object plain, int) override {
    const auto* integer = plain.get<std::int64_t>();
    place(ref_of(plain), integer != nullptr ? std::optional(*integer) : std::nullopt);
  }

  Result<void> date(const object::Moment& moment, int) override {
    place(writer_.date(plist::seconds_of(moment)), {});
    return {};
  }

  void end() override {
    const Frame frame = std::move(frames_.back());
    frames_.pop_back();
    if (!frame.is_dictionary) return place(writer_.array(frame.values), {});
    const bool is_uid = frame.names.size() == 1 && frame.names.contains(std::string(kUid)) && frame.last &&
                        std::in_range<std::uint32_t>(*frame.last);
    place(is_uid ? writer_.uid(static_cast<std::uint32_t>(*frame.last)) : writer_.dictionary(frame.entries), {});
  }

  Result<plist::PropertyList> finish() { return plist::PropertyList::check(Data(REEVE_TRY(writer_.finish(root_)))); }

 private:
  Ref ref_of(const Object& plain) {
    if (const auto* value = plain.get<bool>()) return writer_.boolean(*value);
    if (const auto* value = plain.get<std::int64_t>()) return writer_.integer(*value);
    if (const auto* value = plain.get<std::uint64_t>()) return writer_.integer(*value);
    if (const auto* value = plain.get<double>()) return writer_.real(*value);
    if (const auto* value = plain.get<Data>()) return writer_.data(value->bytes());
    return writer_.string(*plain.get<std::string>());
  }

  void place(Ref value, std::optional<std::int64_t> integer) {
    if (frames_.empty()) {
      root_ = value;
      return;
    }
    Frame& above = frames_.back();
    above.last = integer;
    if (!above.is_dictionary) return above.values.push_back(value);
    above.entries.push_back({writer_.string(*std::exchange(above.key, std::nullopt)), value});
  }

  plist::Writer writer_;
  std::vector<Frame> frames_;
  Ref root_{};
};

std::unexpected<Error> no_form(const std::string& what) {
  return fail(Kind::unsupported, code::kBadPropertyList, what + " has no form in XML", "keep it binary, or use JSON");
}

// How deep it goes was checked, and is little.
class ListWriter {
 public:
  Result<std::string> whole(const Value& root) {
    text_ =
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
        "<!DOCTYPE plist PUBLIC \"-//Apple//DTD PLIST 1.0//EN\" \"http://www.apple.com/DTDs/PropertyList-1.0.dtd\">\n"
        "<plist version=\"1.0\">\n";
    REEVE_TRY(write(root, 0));
    text_ += "</plist>\n";
    return std::move(text_);
  }

 private:
  Result<void> write(const Value& value, std::size_t depth) {
    if (text_.size() > kPlistBytesMax) {
      return fail(Kind::invalid, code::kTooLarge, "the property list is larger than 64 MiB as XML");
    }
    switch (value.type()) {
      case ValueType::boolean:
        return line(depth, value.boolean() ? "<true/>" : "<false/>");
      case ValueType::integer: {
        const plist::Integer integer = value.integer();
        return element(depth, "integer",
                       integer.is_large ? std::to_string(integer.bits) : std::to_string(integer.value()));
      }
      case ValueType::real:
        return element(depth, "real", real(value.real()));
      case ValueType::date:
        return element(depth, "date", REEVE_TRY(date(value.date())));
      case ValueType::data:
        return element(depth, "data", object::base64_of(Data(value.data(), nullptr, 0)));
      case ValueType::string:
        return element(depth, "string", REEVE_TRY(escaped(value.text())));
      case ValueType::uid:
        line(depth, "<dict>");
        element(depth + 1, "key", std::string(kUid));
        element(depth + 1, "integer", std::to_string(value.uid()));
        return line(depth, "</dict>");
      case ValueType::array:
      case ValueType::dictionary:
        if (looks_like_uid(value)) return no_form("a dictionary with the one key CF$UID");
        return container(value, depth);
      case ValueType::null:
      case ValueType::set:
      case ValueType::ordered_set:
        break;
    }
    return no_form("a value of type " + std::string(name_of(value.type())));
  }

  static bool looks_like_uid(const Value& value) {
    if (value.type() != ValueType::dictionary || value.count() != 1 || !value.key(0).is_text(kUid)) return false;
    return value.value(0).type() == ValueType::integer && !value.value(0).integer().is_large &&
           std::in_range<std::uint32_t>(value.value(0).integer().value());
  }

  Result<void> container(const Value& value, std::size_t depth) {
    const bool is_dictionary = value.type() == ValueType::dictionary;
    const std::string name = is_dictionary ? "dict" : "array";
    const std::size_t count = value.count();
    if (count == 0) return line(depth, "<" + name + "/>");
    line(depth, "<" + name + ">");
    for (std::size_t i = 0; i < count; ++i) {
      if (is_dictionary) element(depth + 1, "key", REEVE_TRY(escaped(value.key(i).text())));
      REEVE_TRY(write(value.value(i), depth + 1));
    }
    return line(depth, "</" + name + ">");
  }

  Result<void> line(std::size_t depth, const std::string& text) {
    text_.append(depth, '\t');
    text_ += text + '\n';
    return {};
  }
  Result<void> element(std::size_t depth, const std::string& name, const std::string& content) {
    return line(depth, "<" + name + ">" + content + "</" + name + ">");
  }

  static std::string real(double value) {
    if (std::isnan(value)) return "nan";
    if (std::isinf(value)) return value > 0 ? "+infinity" : "-infinity";
    std::array<char, 32> room;
    const auto written = std::to_chars(room.data(), room.data() + room.size(), value);
    return {room.data(), written.ptr};
  }

  static Result<std::string> date(double seconds) {
    if (seconds != std::floor(seconds)) return no_form("a date with a part of a second");
    const auto moment = plist::moment_of(seconds);
    if (!moment) return no_form("a date that is not of the years 1 to 9999");
    return object::rfc3339_of(*moment);
  }

  // A carriage return that is not escaped would come back as a line feed.
  static Result<std::string> escaped(const std::string& text) {
    std::string out;
    for (const char c : text) {
      const auto code = static_cast<unsigned char>(c);
      if (code < 0x20 && c != '\n' && c != '\t' && c != '\r') return no_form("text with a control character");
      out += c == '<' ? "&lt;" : c == '>' ? "&gt;" : c == '&' ? "&amp;" : c == '\r' ? "&#13;" : std::string(1, c);
    }
    if (text.find("\xef\xbf\xbe") != std::string::npos || text.find("\xef\xbf\xbf") != std::string::npos) {
      return no_form("text with U+FFFE or U+FFFF");
    }
    return out;
  }

  std::string text_;
};

}  // namespace

Result<plist::PropertyList> parse_list(std::string_view text) {
  if (text.size() > kPlistBytesMax) {
    return fail(Kind::invalid, code::kTooLarge, "the property list is larger than 64 MiB");
  }
  Lister lister;
  REEVE_TRY(read(text, {kPlistDepthMax + 1, kPlistBytesMax}, lister));  // A UID looks like a container.
  return lister.finish();
}

Result<std::string> write_list(const Value& value) { return ListWriter().whole(value); }

}  // namespace reeve::xml
