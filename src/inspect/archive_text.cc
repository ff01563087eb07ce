#include "archive_text.hpp"

#define FMT_HEADER_ONLY
#include <fmt/format.h>

#include <fmt/ranges.h>

#include <algorithm>

#include "../object/text.hpp"
#include "../plist/moments.hpp"
#include "../vocab/text.hpp"

namespace reeve::inspect {
namespace {

using namespace archive;

constexpr std::size_t kShownBytes = 64;  // of text or data, in its line
constexpr std::size_t kShownDepth = 40;  // Lines beyond are not indented further.

// All references of a value, each once for each time that it stands there.
template <class Call>
struct References {
  Call call;
  template <class T>
  void operator()(const T&) const {}
  void operator()(const Url& value) const { optional(value.base); }
  void operator()(const List& value) const { std::ranges::for_each(value.items, call); }
  void operator()(const CountedSet& value) const {
    for (const auto& [ref, count] : value.items) call(ref);
  }
  void operator()(const Map& value) const {
    for (const auto& [key, each] : value.entries) call(key), call(each);
  }
  void operator()(const AttributedText& value) const {
    for (const AttributedText::Run& run : value.runs) call(run.attributes);
  }
  void operator()(const Failure& value) const { optional(value.details); }
  void operator()(const Notification& value) const { optional(value.object), optional(value.details); }
  void operator()(const Record& value) const {
    for (const auto& [name, field] : value.fields) {
      if (const auto* ref = std::get_if<Ref>(&field)) call(*ref);
    }
  }
  void optional(const std::optional<Ref>& ref) const {
    if (ref) call(*ref);
  }
};

std::string number(double value) {
  const std::string text = fmt::format("{}", value);
  return text.find_first_of(".en") == std::string::npos ? text + ".0" : text;
}
std::string number(const plist::Integer& value) {
  return value.is_large ? std::to_string(value.bits) : std::to_string(value.value());
}
std::string quoted(const std::string& text) {
  const std::string shown = printable(text.substr(0, kShownBytes));
  return "\"" + shown + (text.size() > kShownBytes ? "\"… of " + std::to_string(text.size()) + " bytes" : "\"");
}
std::string hex(const Data& data) {
  std::string out = std::to_string(data.size()) + " bytes";
  const auto front = data.bytes().first(std::min(data.size(), kShownBytes / 2));
  if (!front.empty()) out += " ";
  for (const std::byte byte : front) out += fmt::format("{:02x}", std::to_integer<unsigned>(byte));
  return out + (data.size() > front.size() ? "…" : "");
}
std::string date(double seconds) {
  const auto moment = plist::moment_of(seconds);
  return moment ? object::rfc3339_of(*moment) : number(seconds) + " s since 2001";
}

class Tree {
 public:
  explicit Tree(const Graph& graph) : graph_(graph), met_(graph.count(), 0), numbers_(graph.count(), 0) {}

  std::string whole() {
    if (!graph_.root) return "nil";
    // Of what the root leads to: nobody sees who else may refer to it.
    std::vector<Ref> found;
    const auto meet = [&](Ref ref) {
      if (++met_[static_cast<std::size_t>(ref)] == 1) found.push_back(ref);
    };
    meet(*graph_.root);
    for (std::size_t i = 0; i < found.size(); ++i) std::visit(References{meet}, graph_.at(found[i]).value);
    put(0, "", *graph_.root);
    while (!waiting_.empty()) {
      const Waiting next = std::move(waiting_.back());
      waiting_.pop_back();
      put(next.depth, next.label, next.ref);
    }
    out_.pop_back();
    return std::move(out_);
  }

 private:
  struct Waiting {
    std::size_t depth;
    std::string label;
    Ref ref;
  };

  void line(std::size_t depth, const std::string& text) {
    out_.append(2 * std::min(depth, kShownDepth), ' ');
    out_ += text + '\n';
  }

  // What is below it waits, so that however deep it goes this does not.
  void put(std::size_t depth, const std::string& label, Ref ref) {
    std::size_t& shown = numbers_[static_cast<std::size_t>(ref)];
    const std::string front = label.empty() ? "" : label + ": ";
    if (shown != 0) return line(depth, front + "#" + std::to_string(shown));
    const Node& node = graph_.at(ref);
    std::string mark;
    if (met_[static_cast<std::size_t>(ref)] > 1) {
      shown = ++last_;
      mark = " #" + std::to_string(shown);
    }
    depth_ = depth + 1;
    below_.clear();
    const std::size_t before = out_.size();
    const std::string what = std::visit([this](const auto& value) { return this->text(value); }, node.value);
    const std::string own = front + printable(node.class_name) + mark + (what.empty() ? "" : " " + what) + "\n";
    out_.insert(before, std::string(2 * std::min(depth, kShownDepth), ' ') + own);
    for (auto each = below_.rbegin(); each != below_.rend(); ++each) waiting_.push_back(std::move(*each));
  }

  void below(std::string label, Ref ref) { below_.push_back({depth_, std::move(label), ref}); }
  void below_if(const char* label, const std::optional<Ref>& ref) {
    if (ref) below(label, *ref);
  }

  static std::string text(const Null&) { return ""; }
  static std::string text(bool value) { return value ? "true" : "false"; }
  static std::string text(const plist::Integer& value) { return number(value); }
  static std::string text(double value) { return number(value); }
  static std::string text(const std::string& value) { return quoted(value); }
  static std::string text(const Data& value) { return hex(value); }
  static std::string text(const archive::Date& value) { return date(value.seconds); }
  static std::string text(const Uuid& value) { return object::text_of(value); }
  std::string text(const Url& value) {
    below_if("base", value.base);
    return quoted(value.relative);
  }
  std::string text(const List& value) {
    for (const Ref ref : value.items) below("-", ref);
    return std::to_string(value.items.size());
  }
  std::string text(const CountedSet& value) {
    for (const auto& [ref, times] : value.items) below(std::to_string(times) + " times", ref);
    return std::to_string(value.items.size());
  }
  std::string text(const Map& value) {
    for (const auto& [key, each] : value.entries) {
      const auto* name = graph_.get<std::string>(key);
      if (name == nullptr) below("key", key);
      below(name != nullptr ? quoted(*name) : "value", each);
    }
    return std::to_string(value.entries.size());
  }
  static std::string text(const IndexSet& value) {
    std::vector<std::string> all;
    for (const Range& range : value.ranges) all.push_back(text(range));
    return fmt::format("[{}]", fmt::join(all, ", "));
  }
  static std::string text(const IndexPath& value) { return fmt::format("[{}]", fmt::join(value.indices, ", ")); }
  std::string text(const AttributedText& value) {
    for (const AttributedText::Run& run : value.runs) below(std::to_string(run.length) + " of it", run.attributes);
    return quoted(value.text);
  }
  static std::string text(const Range& value) { return fmt::format("{}+{}", value.location, value.length); }
  static std::string text(const Point& value) { return fmt::format("point {{{}, {}}}", value.x, value.y); }
  static std::string text(const Size& value) { return fmt::format("size {{{}, {}}}", value.width, value.height); }
  static std::string text(const Rect& value) {
    return fmt::format("rect {{{{{}, {}}}, {{{}, {}}}}}", value.origin.x, value.origin.y, value.size.width,
                       value.size.height);
  }
  static std::string text(const EdgeInsets& value) {
    return fmt::format("edges top {} left {} bottom {} right {}", value.top, value.left, value.bottom, value.right);
  }
  static std::string text(const Numbers& value) {
    std::vector<std::string> all;
    for (const auto& each : value.numbers) {
      all.push_back(std::visit([](auto n) { return fmt::format("{}", n); }, each));
    }
    return fmt::format("[{}{}] {}", value.numbers.size(), value.type, fmt::join(all, ", "));
  }
  std::string text(const Failure& value) {
    below_if("details", value.details);
    return fmt::format("{} {}", quoted(value.domain), value.code);
  }
  std::string text(const Notification& value) {
    below_if("object", value.object);
    below_if("details", value.details);
    return quoted(value.name);
  }
  // What is no object stands first, in lines of its own.
  std::string text(const Record& value) {
    for (const auto& [name, field] : value.fields) {
      if (const auto* ref = std::get_if<Ref>(&field)) {
        below(printable(name), *ref);
      } else {
        line(depth_, printable(name) + ": " + plain(field));
      }
    }
    return "";
  }
  static std::string plain(const Field& field) {
    if (const auto* value = std::get_if<bool>(&field)) return text(*value);
    if (const auto* value = std::get_if<plist::Integer>(&field)) return number(*value);
    if (const auto* value = std::get_if<double>(&field)) return number(*value);
    if (const auto* value = std::get_if<std::string>(&field)) return quoted(*value);
    if (const auto* value = std::get_if<Data>(&field)) return hex(*value);
    return "nil";
  }

  const Graph& graph_;
  std::vector<std::size_t> met_;      // how many refer to each node
  std::vector<std::size_t> numbers_;  // of those that were shown, where several do
  std::size_t last_ = 0;
  std::vector<Waiting> waiting_;
  std::vector<Waiting> below_;  // the node that is being shown
  std::size_t depth_ = 0;
  std::string out_;
};

}  // namespace

std::string text_of(const Graph& graph) { return Tree(graph).whole(); }

}  // namespace reeve::inspect
