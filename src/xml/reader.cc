#include "reader.hpp"

#include <expat.h>

#include <memory>
#include <optional>

#include "../vocab/text.hpp"
#include "scalars.hpp"

namespace reeve::xml {
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

// A stranger's name, in a message.
std::string shown(std::string_view name) {
  constexpr std::size_t kShownBytes = 64;
  return printable(name.substr(0, kShownBytes));
}

// One open element and what it has collected.
struct Frame {
  Element element;
  int line;
  std::string text;
  std::optional<std::string> key;
};

class Elements {
 public:
  Elements(XML_Parser parser, const Bounds& bounds, Sink& sink) : parser_(parser), bounds_(bounds), sink_(sink) {}

  void open(std::string_view name) {
    if (error_) return;
    const auto element = element_named(name);
    if (!element) return refuse("unknown element <" + shown(name) + ">");
    if (*element == Element::plist) {
      if (!frames_.empty()) refuse("<plist> within <plist>");
    } else if (frames_.empty()) {
      refuse("<" + shown(name) + "> outside of <plist>");
    } else if (*element == Element::key) {
      check_key_place();
    } else {
      check_value_place();
    }
    if (is_container(*element) && depth_ == bounds_.depth) {
      refuse("elements nest deeper than " + std::to_string(bounds_.depth) + " levels");
    }
    if (error_) return;
    depth_ += is_container(*element) ? 1 : 0;
    if (is_container(*element)) sink_.begin(*element == Element::dict, line());
    frames_.push_back({*element, line(), {}, {}});
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
    const Frame frame = std::move(frames_.back());
    frames_.pop_back();
    if (frame.element == Element::plist) return;
    if (frame.element == Element::key) {
      if (const auto taken = sink_.key(frame.text); !taken) return refuse(taken.error().message);
      frames_.back().key = frame.text;
      return;
    }
    if (frame.key) return refuse("the key " + shown(*frame.key) + " has no value");
    if (const auto taken = take(frame); !taken) return refuse(taken.error().message);
    frames_.back().key.reset();
  }

  void refuse(std::string why) {
    if (!error_) error_ = "line " + std::to_string(line()) + ": " + std::move(why);
    XML_StopParser(parser_, XML_FALSE);
  }

  Result<void> finish() const {
    if (error_) return fail(Kind::invalid, code::kBadPropertyList, *error_);
    if (values_ == 0) return fail(Kind::invalid, code::kBadPropertyList, "line 1: the property list holds no value");
    return {};
  }

 private:
  int line() const { return static_cast<int>(XML_GetCurrentLineNumber(parser_)); }

  void check_key_place() {
    const Frame& above = frames_.back();
    if (above.element != Element::dict) return refuse("<key> outside of <dict>");
    if (above.key) refuse("the key " + shown(*above.key) + " has no value");
  }

  void check_value_place() {
    const Frame& above = frames_.back();
    if (above.element == Element::plist) {
      if (values_ > 0) refuse("a second value in <plist>");
    } else if (above.element == Element::dict) {
      if (!above.key) refuse("a value without a key");
    } else if (above.element != Element::array) {
      refuse("an element within a plain value");
    }
    if (++values_ > bounds_.values) refuse("more than " + std::to_string(bounds_.values) + " values");
  }

  Result<void> take(const Frame& frame) {
    if (is_container(frame.element)) {
      --depth_;
      return sink_.end(), Result<void>();
    }
    if (frame.element == Element::date) return sink_.date(REEVE_TRY(parse_date(frame.text)), frame.line);
    sink_.value(REEVE_TRY(value_of(frame)), frame.line);
    return {};
  }

  static Result<Object> value_of(const Frame& frame) {
    switch (frame.element) {
      case Element::string:
        return Object(frame.text);
      case Element::integer:
        return parse_integer(frame.text);
      case Element::real:
        return parse_real(frame.text);
      case Element::yes:
        return Object(true);
      case Element::no:
        return Object(false);
      case Element::data:
        return parse_data(frame.text);
      case Element::date:
      case Element::dict:
      case Element::array:
      case Element::plist:
      case Element::key:
        break;
    }
    return fail(Kind::invalid, code::kBadPropertyList, "an element that is no value");
  }

  XML_Parser parser_;
  const Bounds& bounds_;
  Sink& sink_;
  std::vector<Frame> frames_;
  std::optional<std::string> error_;
  std::size_t values_ = 0;
  std::size_t depth_ = 0;  // of containers
};

Elements& elements(void* user) { return *static_cast<Elements*>(user); }

void on_open(void* user, const XML_Char* name, const XML_Char**) { elements(user).open(name); }
void on_close(void* user, const XML_Char*) { elements(user).close(); }
void on_text(void* user, const XML_Char* text, int size) {
  elements(user).text(std::string_view(text, static_cast<std::size_t>(size)));
}
// The public DOCTYPE of property lists is let pass; a DOCTYPE that declares anything is not.
void on_doctype(void* user, const XML_Char*, const XML_Char*, const XML_Char*, int has_internal_subset) {
  if (has_internal_subset != 0) elements(user).refuse("a DOCTYPE with declarations of its own");
}

}  // namespace

Result<void> read(std::string_view text, const Bounds& bounds, Sink& sink) {
  const std::unique_ptr<XML_ParserStruct, void (*)(XML_Parser)> parser(XML_ParserCreate(nullptr), XML_ParserFree);
  if (!parser) return fail(Kind::busy, code::kSystem, "out of memory");
  Elements state(parser.get(), bounds, sink);
  XML_SetUserData(parser.get(), &state);
  XML_SetElementHandler(parser.get(), on_open, on_close);
  XML_SetCharacterDataHandler(parser.get(), on_text);
  XML_SetStartDoctypeDeclHandler(parser.get(), on_doctype);
  if (XML_Parse(parser.get(), text.data(), static_cast<int>(text.size()), XML_TRUE) != XML_STATUS_OK) {
    state.refuse(XML_ErrorString(XML_GetErrorCode(parser.get())));
  }
  return state.finish();
}

}  // namespace reeve::xml
