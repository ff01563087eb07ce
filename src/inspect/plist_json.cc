#include "plist_json.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <nlohmann/json.hpp>
#include <optional>

#include "../object/text.hpp"
#include "../plist/moments.hpp"
#include "../plist/writer.hpp"
#include "../vocab/bounds.hpp"
#include "json.hpp"

namespace reeve::inspect {
namespace {

// A tag is a level of its own, twice within each other at most.
constexpr std::size_t kJsonDepthMax = 3 * kPlistDepthMax;

using plist::Ref;
using plist::Value;
using plist::ValueType;

std::string quoted(const std::string& text) {
  return nlohmann::json(text).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

std::string number_text(double value) {
  std::array<char, 32> room;
  const auto written = std::to_chars(room.data(), room.data() + room.size(), value);
  std::string text(room.data(), written.ptr);
  if (text.find_first_of(".e") == std::string::npos) text += ".0";
  return text;
}

// How deep it goes was checked, and is little.
class JsonWriter {
 public:
  Result<std::string> whole(const Value& root) {
    REEVE_TRY(write(root));
    return std::move(text_);
  }

 private:
  void tagged(const char* tag, const std::string& json) { text_ += "{\"" + std::string(tag) + "\":" + json + "}"; }

  Result<void> write(const Value& value) {
    if (text_.size() > kPlistBytesMax) {
      return fail(Kind::invalid, code::kTooLarge, "the property list is larger than 64 MiB as JSON");
    }
    switch (value.type()) {
      case ValueType::null:
        text_ += "null";
        break;
      case ValueType::boolean:
        text_ += value.boolean() ? "true" : "false";
        break;
      case ValueType::integer:
        write_integer(value.integer());
        break;
      case ValueType::real:
        write_real(value.real());
        break;
      case ValueType::date:
        write_date(value.date());
        break;
      case ValueType::data:
        tagged("$data", quoted(object::base64_of(Data(value.data(), nullptr, 0))));
        break;
      case ValueType::string:
        text_ += quoted(value.text());
        break;
      case ValueType::uid:
        tagged("$uid", std::to_string(value.uid()));
        break;
      case ValueType::array:
        return write_items(value);
      case ValueType::set:
        return write_tagged_items("$set", value);
      case ValueType::ordered_set:
        return write_tagged_items("$ordered_set", value);
      case ValueType::dictionary:
        return write_dictionary(value);
    }
    return {};
  }

  void write_integer(const plist::Integer& integer) {
    if (!integer.is_large) {
      text_ += std::to_string(integer.value());
    } else {
      tagged("$uint64", quoted(std::to_string(integer.bits)));
    }
  }

  // Of what is no number nothing is kept but that.
  void write_real(double value) {
    if (std::isfinite(value)) {
      text_ += number_text(value);
    } else {
      tagged("$real", std::isnan(value) ? "\"nan\"" : value > 0 ? "\"infinity\"" : "\"-infinity\"");
    }
  }

  void write_date(double seconds) {
    const auto moment = plist::moment_of(seconds);
    if (moment && plist::seconds_of(*moment) == seconds) {
      tagged("$date", quoted(object::rfc3339_of(*moment)));
    } else {
      tagged("$seconds", number_text(seconds));
    }
  }

  Result<void> write_items(const Value& value) {
    text_ += '[';
    const std::size_t count = value.count();
    for (std::size_t i = 0; i < count; ++i) {
      if (i > 0) text_ += ',';
      REEVE_TRY(write(value.value(i)));
    }
    text_ += ']';
    return {};
  }
  Result<void> write_tagged_items(const char* tag, const Value& value) {
    text_ += "{\"" + std::string(tag) + "\":";
    REEVE_TRY(write_items(value));
    text_ += '}';
    return {};
  }

  Result<void> write_dictionary(const Value& value) {
    const std::size_t count = value.count();
    const bool looks_like_tag = count == 1 && value.key(0).text().starts_with('$');
    text_ += looks_like_tag ? "{\"$dictionary\":{" : "{";
    for (std::size_t i = 0; i < count; ++i) {
      text_ += (i > 0 ? "," : "") + quoted(value.key(i).text()) + ":";
      REEVE_TRY(write(value.value(i)));
    }
    text_ += looks_like_tag ? "}}" : "}";
    return {};
  }

  std::string text_;
};

std::unexpected<Error> bad(const std::string& what) {
  return fail(Kind::invalid, code::kBadPropertyList, "JSON: " + what);
}

// Objects that were parsed from JSON, tags and all.
class FromJson {
 public:
  Result<plist::PropertyList> whole(const Object& root) {
    const Ref ref = REEVE_TRY(put(root));
    return plist::PropertyList::check(Data(REEVE_TRY(writer_.finish(ref))));
  }

 private:
  Result<Ref> put(const Object& object) {
    if (const auto* value = object.get<bool>()) return writer_.boolean(*value);
    if (const auto* value = object.get<std::int64_t>()) return writer_.integer(*value);
    if (const auto* value = object.get<double>()) return writer_.real(*value);
    if (const auto* value = object.get<std::string>()) return writer_.string(*value);
    if (const auto* value = object.get<Array>()) return writer_.array(REEVE_TRY(items(*value)));
    const auto* dictionary = object.get<Dictionary>();
    if (dictionary == nullptr) return writer_.null();
    const bool is_tag = dictionary->count() == 1 && dictionary->begin()->first.starts_with('$');
    return is_tag ? untagged(dictionary->begin()->first, dictionary->begin()->second) : put_dictionary(*dictionary);
  }

  Result<std::vector<Ref>> items(const Array& array) {
    std::vector<Ref> refs;
    refs.reserve(array.size());
    for (const Object& each : array) refs.push_back(REEVE_TRY(put(each)));
    return refs;
  }

  Result<Ref> put_dictionary(const Dictionary& dictionary) {
    std::vector<plist::Writer::Entry> entries;
    entries.reserve(dictionary.count());
    for (const auto& [key, value] : dictionary) {
      const Ref name = writer_.string(key);
      entries.push_back({name, REEVE_TRY(put(value))});
    }
    return writer_.dictionary(entries);
  }

  Result<Ref> untagged(const std::string& tag, const Object& value) {
    const auto* text = value.get<std::string>();
    const auto* integer = value.get<std::int64_t>();
    const auto* array = value.get<Array>();
    if (tag == "$data" && text != nullptr) {
      if (const auto data = object::data_from_base64(*text)) return writer_.data(data->bytes());
    } else if (tag == "$date" && text != nullptr) {
      if (const auto moment = object::moment_from_rfc3339(*text)) return writer_.date(plist::seconds_of(*moment));
    } else if (tag == "$seconds" && value.get<double>() != nullptr) {
      return writer_.date(*value.get<double>());
    } else if (tag == "$uint64" && text != nullptr) {
      std::uint64_t number = 0;
      const auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), number);
      if (error == std::errc() && end == text->data() + text->size()) return writer_.integer(number);
    } else if (tag == "$real" && text != nullptr) {
      if (*text == "nan") return writer_.real(std::nan(""));
      if (*text == "infinity") return writer_.real(HUGE_VAL);
      if (*text == "-infinity") return writer_.real(-HUGE_VAL);
    } else if (tag == "$uid" && integer != nullptr) {
      if (std::in_range<std::uint32_t>(*integer)) return writer_.uid(static_cast<std::uint32_t>(*integer));
    } else if (tag == "$set" && array != nullptr) {
      return writer_.set(REEVE_TRY(items(*array)));
    } else if (tag == "$ordered_set" && array != nullptr) {
      return writer_.ordered_set(REEVE_TRY(items(*array)));
    } else if (tag == "$dictionary" && value.get<Dictionary>() != nullptr) {
      return put_dictionary(*value.get<Dictionary>());
    }
    return bad(tag + ": a tag that is none, or not of such a value");
  }

  plist::Writer writer_;
};

}  // namespace

Result<std::string> plist_to_json(const Value& value) { return JsonWriter().whole(value); }

// What nests deep would be indentation for the most part.
std::string indented(const std::string& json) {
  constexpr std::size_t kDepthMax = 40;
  std::size_t depth = 0;
  std::size_t deepest = 0;
  bool is_text = false;
  for (std::size_t i = 0; i < json.size(); ++i) {
    if (is_text && json[i] == '\\')
      ++i;
    else if (json[i] == '"')
      is_text = !is_text;
    else if (!is_text && (json[i] == '{' || json[i] == '['))
      deepest = std::max(deepest, ++depth);
    else if (!is_text && (json[i] == '}' || json[i] == ']'))
      --depth;
  }
  if (deepest > kDepthMax) return json;
  return nlohmann::ordered_json::parse(json).dump(2, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
}

Result<plist::PropertyList> plist_from_json(std::string_view text) {
  return FromJson().whole(REEVE_TRY(parse_json(text, Tags::are_themselves, kJsonDepthMax)));
}

}  // namespace reeve::inspect
