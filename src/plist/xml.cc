#include "xml.hpp"

#include <expat.h>

#include <memory>
#include <optional>

#include "../vocab/bounds.hpp"
#include "scalars.hpp"

namespace reeve::plist {
namespace {

enum class Element { plist, dict, array, key, string, integer, real, yes, no, date, data };

std::optional<Element> element_named(std::string_view name) {
  struct Row {
    std::string_view name;
    Element element;
  };
  static constexpr Row kRows[] = {
      {"plist", Element::plist},   {"dict", Element::dict},       {"array", Element::array}, {"key", Element::key},
      {"string", Element::string}, {"integer", Element::integer}, {"real", Element::real},   {"true", Element::yes},
      {"false", Element::no},      {"date", Element::date},       {"data", Element::data},
  };
  for (const Row& row : kRows) {
    if (row.name == name) return row.element;
  }
  return std::nullopt;
}

bool is_container(Element element) { return element == Element::dict || element == Element::array; }

// One open element and what it has collected.
struct Frame {
  Element element;
  std::string path;
  std::string text;
  std::optional<std::string> key;
  Array array;
  Dictionary dictionary;
};

class Builder {
 public:
  explicit Builder(XML_Parser parser) : parser_(parser) {}

  void open(std::string_view name) {
    if (error_) return;
    const auto element = element_named(name);
    if (!element) return refuse("unknown element <" + std::string(name) + ">");
    if (*element == Element::plist) {
      if (!frames_.empty()) refuse("<plist> within <plist>");
    } else if (frames_.empty()) {
      refuse("<" + std::string(name) + "> outside of <plist>");
    } else if (*element == Element::key) {
      check_key_place();
    } else {
      check_value_place();
    }
    if (frames_.size() > kDepthMax) refuse("elements nest deeper than 32 levels");
    if (error_) return;
    std::string path = path_here();
    if (*element != Element::plist && *element != Element::key) document_.lines.emplace(path, line());
    frames_.push_back({*element, std::move(path), {}, {}, {}, {}});
  }

  void text(std::string_view text) {
    if (error_) return;
    if (!frames_.empty() && frames_.back().element != Element::plist && !is_container(frames_.back().element)) {
      frames_.back().text += text;
    } else if (text.find_first_not_of(" \t\r\n") != std::string_view::npos) {
      refuse("text outside of a value");
    }
  }

  void close() {
    if (error_ || frames_.empty()) return;
    Frame frame = std::move(frames_.back());
    frames_.pop_back();
    if (frame.element == Element::plist) return;
    if (frame.element == Element::key) {
      Frame& dictionary = frames_.back();
      if (dictionary.dictionary.find(frame.text) != nullptr) return refuse("the key " + frame.text + " stands twice");
      dictionary.key = std::move(frame.text);
      return;
    }
    if (frame.key) return refuse("the key " + *frame.key + " has no value");
    auto value = value_of(frame);
    if (!value) return refuse(value.error().message);
    place(std::move(*value));
  }

  void refuse(std::string why) {
    if (!error_) error_ = "line " + std::to_string(line()) + ": " + std::move(why);
    XML_StopParser(parser_, XML_FALSE);
  }

  Result<Document> finish() {
    if (error_) return fail(Kind::invalid, code::kBadPropertyList, *error_);
    if (!root_ || root_->get<Dictionary>() == nullptr) {
      return fail(Kind::invalid, code::kBadPropertyList, "line 1: the property list holds no dictionary");
    }
    document_.root = std::move(*root_->get<Dictionary>());
    return std::move(document_);
  }

 private:
  int line() const { return static_cast<int>(XML_GetCurrentLineNumber(parser_)); }

  void check_key_place() {
    const Frame& above = frames_.back();
    if (above.element != Element::dict) return refuse("<key> outside of <dict>");
    if (above.key) refuse("the key " + *above.key + " has no value");
  }

  void check_value_place() {
    const Frame& above = frames_.back();
    if (above.element == Element::plist) {
      if (root_) refuse("a second value in <plist>");
    } else if (above.element == Element::dict) {
      if (!above.key) refuse("a value without a key");
    } else if (above.element != Element::array) {
      refuse("an element within a plain value");
    }
    if (++values_ > kPlistValueCountMax) refuse("more than 8192 values");
  }

  std::string path_here() const {
    if (frames_.empty()) return {};
    const Frame& above = frames_.back();
    if (above.element == Element::array) return above.path + "[" + std::to_string(above.array.size()) + "]";
    if (above.element != Element::dict || !above.key) return above.path;
    return above.path.empty() ? *above.key : above.path + "." + *above.key;
  }

  static Result<Object> value_of(Frame& frame) {
    switch (frame.element) {
      case Element::dict:
        return Object(std::move(frame.dictionary));
      case Element::array:
        return Object(std::move(frame.array));
      case Element::string:
        return Object(std::move(frame.text));
      case Element::integer:
        return parse_integer(frame.text);
      case Element::real:
        return parse_real(frame.text);
      case Element::yes:
        return Object(true);
      case Element::no:
        return Object(false);
      case Element::date:
        return parse_date(frame.text);
      case Element::data:
        return parse_data(frame.text);
      case Element::plist:
      case Element::key:
        break;
    }
    return fail(Kind::invalid, code::kBadPropertyList, "an element that is no value");
  }

  void place(Object value) {
    Frame& above = frames_.back();
    if (above.element == Element::plist) {
      root_ = std::move(value);
    } else if (above.element == Element::array) {
      above.array.push_back(std::move(value));
    } else {
      above.dictionary.set(std::move(*above.key), std::move(value));
      above.key.reset();
    }
  }

  XML_Parser parser_;
  std::vector<Frame> frames_;
  std::optional<Object> root_;
  std::optional<std::string> error_;
  Document document_;
  std::size_t values_ = 0;
};

Builder& builder(void* user) { return *static_cast<Builder*>(user); }

void on_open(void* user, const XML_Char* name, const XML_Char**) { builder(user).open(name); }
void on_close(void* user, const XML_Char*) { builder(user).close(); }
void on_text(void* user, const XML_Char* text, int size) {
  builder(user).text(std::string_view(text, static_cast<std::size_t>(size)));
}
// The public DOCTYPE of property lists is let pass; a DOCTYPE that declares anything is not.
void on_doctype(void* user, const XML_Char*, const XML_Char*, const XML_Char*, int has_internal_subset) {
  if (has_internal_subset != 0) builder(user).refuse("a DOCTYPE with declarations of its own");
}

}  // namespace

int Document::line_of(std::string_view path) const {
  while (true) {
    if (const auto found = lines.find(path); found != lines.end()) return found->second;
    const std::size_t cut = path.find_last_of(".[");
    if (path.empty()) return 1;
    path = cut == std::string_view::npos ? std::string_view() : path.substr(0, cut);
  }
}

Result<Document> parse_xml(std::string_view text) {
  if (text.size() > kJobFileBytesMax) {
    return fail(Kind::invalid, code::kTooLarge, "a property list is larger than 64 KiB");
  }
  const std::unique_ptr<XML_ParserStruct, void (*)(XML_Parser)> parser(XML_ParserCreate("UTF-8"), XML_ParserFree);
  if (!parser) return fail(Kind::busy, code::kSystem, "out of memory");
  Builder state(parser.get());
  XML_SetUserData(parser.get(), &state);
  XML_SetElementHandler(parser.get(), on_open, on_close);
  XML_SetCharacterDataHandler(parser.get(), on_text);
  XML_SetStartDoctypeDeclHandler(parser.get(), on_doctype);
  if (XML_Parse(parser.get(), text.data(), static_cast<int>(text.size()), XML_TRUE) != XML_STATUS_OK) {
    state.refuse(XML_ErrorString(XML_GetErrorCode(parser.get())));
  }
  return state.finish();
}

}  // namespace reeve::plist
