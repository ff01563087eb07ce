#include "json.hpp"

#include <charconv>
#include <cmath>
#include <nlohmann/json.hpp>
#include <optional>

#include "../object/file.hpp"
#include "../object/text.hpp"
#include "../object/typed.hpp"
#include "../vocab/bounds.hpp"

namespace reeve::inspect {
namespace {

std::unexpected<Error> bad(const std::string& what) { return fail(Kind::invalid, code::kBadBody, "JSON: " + what); }

// A dictionary of one key that begins with $ stands for what JSON has no form for.
Result<Object> untag(const std::string& tag, const std::string& text) {
  if (tag == "$uint64") {
    std::uint64_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc() || end != text.data() + text.size()) return bad("$uint64: \"" + text + "\" is none");
    return Object(value);
  }
  if (tag == "$data") {
    if (auto data = object::data_from_base64(text)) return Object(std::move(*data));
    return bad("$data: not base64");
  }
  if (tag == "$date") {
    if (const auto date = object::date_from_rfc3339(text)) return Object(*date);
    return bad("$date: expected the form 2026-01-31T12:00:00Z");
  }
  if (tag == "$uuid") {
    if (const auto uuid = object::uuid_from_text(text)) return Object(*uuid);
    return bad("$uuid: expected the form 01234567-89ab-cdef-0123-456789abcdef");
  }
  if (tag == "$fd") {
    const File file = REEVE_TRY(File::open(text));
    return object::to_object(file);
  }
  return bad("unknown tag " + tag);
}

// Builds objects as nlohmann's parser meets them; unlike its own values, they notice a key that stands twice.
class Builder : public nlohmann::json_sax<nlohmann::json> {
 public:
  Builder(Tags tags, std::size_t depth_max) : tags_(tags), depth_max_(depth_max) {}

  bool null() override { return place(Object()); }
  bool boolean(bool value) override { return place(Object(value)); }
  bool number_integer(number_integer_t value) override { return place(Object(static_cast<std::int64_t>(value))); }
  bool number_unsigned(number_unsigned_t value) override {
    if (std::in_range<std::int64_t>(value)) return place(Object(static_cast<std::int64_t>(value)));
    return refuse("the number " + std::to_string(value) + " fits no int64; write {\"$uint64\": \"" +
                  std::to_string(value) + "\"}");
  }
  bool number_float(number_float_t value, const string_t& text) override {
    if (text.find_first_of(".eE") == string_t::npos) return refuse("the integer " + text + " has more than 64 bits");
    if (!std::isfinite(value)) return refuse("the number " + text + " is out of range");
    return place(Object(value));
  }
  bool string(string_t& value) override { return place(Object(std::move(value))); }
  bool binary(binary_t&) override { return refuse("binary"); }

  bool start_object(std::size_t) override { return open(Object(Dictionary())); }
  bool key(string_t& value) override {
    if (frames_.back().object.get<Dictionary>()->find(value) != nullptr)
      return refuse("the key \"" + value + "\" stands twice");
    frames_.back().key = std::move(value);
    return true;
  }
  bool end_object() override {
    Object closed = pop();
    const Dictionary& dictionary = *closed.get<Dictionary>();
    const bool is_tag = dictionary.count() == 1 && dictionary.begin()->first.starts_with('$');
    if (!is_tag || tags_ == Tags::are_themselves) return place(std::move(closed));
    const std::string* text = dictionary.begin()->second.get<std::string>();
    if (text == nullptr) return refuse(dictionary.begin()->first + ": expected a string");
    auto plain = untag(dictionary.begin()->first, *text);
    if (!plain) {
      error_ = std::move(plain).error();
      return false;
    }
    return place(std::move(*plain));
  }
  bool start_array(std::size_t) override { return open(Object(Array())); }
  bool end_array() override { return place(pop()); }

  bool parse_error(std::size_t position, const std::string&, const nlohmann::json::exception& e) override {
    const std::string_view text = e.what();
    const std::size_t cut = text.find("syntax error");
    return refuse("byte " + std::to_string(position) + ": " +
                  std::string(cut == std::string_view::npos ? text : text.substr(cut)));
  }

  Result<Object> finish() {
    if (error_) return std::unexpected(std::move(*error_));
    if (!root_) return bad("nothing there");
    return std::move(*root_);
  }

 private:
  struct Frame {
    Object object;
    std::string key;
  };

  bool refuse(const std::string& what) {
    if (!error_) error_ = bad(what).error();
    return false;
  }
  bool open(Object container) {
    if (frames_.size() >= depth_max_)
      return refuse("containers nest deeper than " + std::to_string(depth_max_) + " levels");
    frames_.push_back({std::move(container), {}});
    return true;
  }
  Object pop() {
    Object closed = std::move(frames_.back().object);
    frames_.pop_back();
    return closed;
  }
  bool place(Object value) {
    if (frames_.empty()) {
      root_ = std::move(value);
    } else if (Array* array = frames_.back().object.get<Array>()) {
      array->push_back(std::move(value));
    } else {
      frames_.back().object.get<Dictionary>()->set(std::move(frames_.back().key), std::move(value));
    }
    return true;
  }

  Tags tags_;
  std::size_t depth_max_;
  std::vector<Frame> frames_;
  std::optional<Object> root_;
  std::optional<Error> error_;
};

using Ordered = nlohmann::ordered_json;

Ordered json_of(const Object& object);

struct ToJson {
  Ordered operator()(std::monostate) const { return nullptr; }
  Ordered operator()(bool value) const { return value; }
  Ordered operator()(std::int64_t value) const { return value; }
  Ordered operator()(std::uint64_t value) const { return {{"$uint64", std::to_string(value)}}; }
  Ordered operator()(double value) const { return value; }
  Ordered operator()(const Date& value) const { return {{"$date", object::rfc3339_of(value)}}; }
  Ordered operator()(const Data& value) const { return {{"$data", object::base64_of(value)}}; }
  Ordered operator()(const std::string& value) const { return value; }
  Ordered operator()(const Uuid& value) const { return {{"$uuid", object::text_of(value)}}; }
  Ordered operator()(const object::Descriptor& value) const { return {{"$fd", std::string(os::name_of(value.kind))}}; }
  Ordered operator()(const Memory& value) const { return {{"$memory", value.size()}}; }
  Ordered operator()(const Endpoint&) const { return {{"$endpoint", nullptr}}; }  // The token is a secret.
  Ordered operator()(const object::Right& value) const {
    return {{"$right", value.kind == object::RightKind::send ? "send" : "receive"}};
  }
  Ordered operator()(const Array& array) const {
    Ordered out = Ordered::array();
    for (const Object& value : array) out.push_back(json_of(value));
    return out;
  }
  Ordered operator()(const Dictionary& dictionary) const {
    Ordered out = Ordered::object();
    for (const auto& [key, value] : dictionary) out[key] = json_of(value);
    return out;
  }
};

Ordered json_of(const Object& object) { return std::visit(ToJson(), object.value()); }

}  // namespace

Result<Object> parse_json(std::string_view text, Tags tags, std::size_t depth_max) {
  Builder builder(tags, depth_max);
  nlohmann::json::sax_parse(text, &builder);
  return builder.finish();
}

std::string to_json(const Object& object) {
  return json_of(object).dump(-1, ' ', false, Ordered::error_handler_t::replace);
}

std::string to_json(const Error& error) {
  const Ordered out{{"error",
                     {{"kind", std::string(vocab::name_of(error.kind))},
                      {"code", error.code},
                      {"message", error.message},
                      {"advice", error.advice}}}};
  return out.dump(-1, ' ', false, Ordered::error_handler_t::replace);
}

}  // namespace reeve::inspect
