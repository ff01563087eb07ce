#include "typed.hpp"

namespace reeve::archive {
namespace {

constexpr std::size_t kLevelsMax = 64;
constexpr std::size_t kTextBytesMax = 2 * kPlistBytesMax;

std::unexpected<Error> too_much() {
  return fail(Kind::invalid, code::kTooLarge, "an archive of more than 262144 values, 64 levels or 128 MiB of text",
              "what is shared counts as often as it is met; read it as a graph");
}

std::string name_of(const object::Path& path) {
  const std::string text = path.text();
  return "root" + (text.empty() || text.starts_with('[') ? text : "." + text);
}

std::string what_it_is(const Field& field) {
  constexpr const char* kNames[] = {"nil", "a bool", "an integer", "a real", "text", "data", "an object"};
  return kNames[field.index()];
}

}  // namespace

std::unexpected<Error> Decoding::mismatch(const object::Path& path, std::string_view expected, const Field& got) const {
  const Node* const object = node(got);
  const auto* integer = plain<plist::Integer>(got);
  std::string what = object != nullptr ? object->class_name : what_it_is(got);
  if (integer != nullptr) what = integer->is_large ? std::to_string(integer->bits) : std::to_string(integer->value());
  return fail(Kind::invalid, code::kBadArchive,
              name_of(path) + ": expected " + std::string(expected) + ", got " + std::move(what));
}

std::unexpected<Error> Decoding::missing(const object::Path& path, std::string_view field) {
  return fail(Kind::invalid, code::kBadArchive, name_of({&path, field}) + ": missing");
}

Result<void> Decoding::spend(std::size_t bytes) {
  text_bytes_ += bytes;
  return text_bytes_ <= kTextBytesMax ? Result<void>() : too_much();
}

Result<void> Decoding::Level::check() {
  const bool fits = ++decoding_.values_ <= kObjectCountMax && decoding_.depth_ <= kLevelsMax;
  return fits ? Result<void>() : too_much();
}

}  // namespace reeve::archive
