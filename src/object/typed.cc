#include "typed.hpp"

namespace reeve::object {

std::string Path::text() const {
  if (above == nullptr) return {};
  std::string out = above->text();
  if (key.empty()) return out + "[" + std::to_string(index) + "]";
  if (!out.empty()) out += '.';
  return out + std::string(key);
}

std::unexpected<Error> fault(const Path& path, std::string_view text) {
  std::string where = path.text();
  if (where.empty()) where = "message";
  return fail(Kind::invalid, code::kWrongType, where + ": " + std::string(text));
}

std::unexpected<Error> mismatch(const Path& path, std::string_view expected, Type got) {
  return fault(path, "expected " + std::string(expected) + ", got " + std::string(name_of(got)));
}

}  // namespace reeve::object
