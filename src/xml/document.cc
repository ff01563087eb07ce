#include "document.hpp"

#include <optional>

#include "../vocab/bounds.hpp"
#include "reader.hpp"

namespace reeve::xml {
namespace {

// One open container, and where it stands.
struct Frame {
  std::string path;
  std::optional<std::string> key;
  std::variant<Array, Dictionary> container;
};

class Builder final : public Sink {
 public:
  void begin(bool is_dictionary, int line) override {
    std::string path = path_here();
    document_.lines.emplace(path, line);
    Frame frame{std::move(path), {}, {}};
    if (is_dictionary) frame.container = Dictionary();
    frames_.push_back(std::move(frame));
  }

  // Each value's path is remembered, and has all of them.
  Result<void> key(std::string name) override {
    constexpr std::size_t kKeyBytesMax = 1024;
    if (name.size() > kKeyBytesMax) return fail(Kind::invalid, code::kBadPropertyList, "a key of more than 1024 bytes");
    Frame& above = frames_.back();
    if (std::get<Dictionary>(above.container).find(name) != nullptr) {
      return fail(Kind::invalid, code::kBadPropertyList, "the key " + name + " stands twice");
    }
    above.key = std::move(name);
    return {};
  }

  void value(Object plain, int line) override {
    document_.lines.emplace(path_here(), line);
    place(std::move(plain));
  }

  Result<void> date(const object::Moment& moment, int line) override {
    const auto date = object::date_of(moment);
    if (!date) return fail(Kind::invalid, code::kBadPropertyList, "a date before 1678 or after 2261");
    return value(Object(*date), line), Result<void>();
  }

  void end() override {
    Frame frame = std::move(frames_.back());
    frames_.pop_back();
    std::visit([this](auto& container) { place(Object(std::move(container))); }, frame.container);
  }

  Result<Document> finish() {
    Dictionary* const root = root_.get<Dictionary>();
    if (root == nullptr) {
      return fail(Kind::invalid, code::kBadPropertyList, "line 1: the property list holds no dictionary");
    }
    document_.root = std::move(*root);
    return std::move(document_);
  }

 private:
  std::string path_here() const {
    if (frames_.empty()) return {};
    const Frame& above = frames_.back();
    if (const auto* array = std::get_if<Array>(&above.container)) {
      return above.path + "[" + std::to_string(array->size()) + "]";
    }
    return above.path.empty() ? *above.key : above.path + "." + *above.key;
  }

  void place(Object value) {
    if (frames_.empty()) {
      root_ = std::move(value);
      return;
    }
    Frame& above = frames_.back();
    if (auto* array = std::get_if<Array>(&above.container)) {
      array->push_back(std::move(value));
    } else {
      std::get<Dictionary>(above.container).set(std::move(*above.key), std::move(value));
      above.key.reset();
    }
  }

  std::vector<Frame> frames_;
  Object root_;
  Document document_;
};

}  // namespace

int Document::line_of(std::string_view path) const {
  while (true) {
    if (const auto found = lines.find(path); found != lines.end()) return found->second;
    const std::size_t cut = path.find_last_of(".[");
    if (path.empty()) return 1;
    path = cut == std::string_view::npos ? std::string_view() : path.substr(0, cut);
  }
}

Result<Document> parse_document(std::string_view text) {
  if (text.size() > kJobFileBytesMax) {
    return fail(Kind::invalid, code::kTooLarge, "a property list is larger than 64 KiB");
  }
  Builder builder;
  REEVE_TRY(read(text, {kDepthMax, kPlistValueCountMax}, builder));
  return builder.finish();
}

}  // namespace reeve::xml
