#include "name.hpp"

#include <algorithm>

#include "bounds.hpp"

namespace reeve::vocab {
namespace {

bool allowed(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '_' || c == '-';
}

std::unexpected<Error> refuse(const char* why) {
  return fail(Kind::invalid, code::kBadJob, why,
              "use 1 to 127 of the characters A-Z a-z 0-9 . _ -, as in org.example.name");
}

}  // namespace

Result<void> check_name(std::string_view name) {
  if (name.empty()) return refuse("a name is empty");
  if (name.size() > kNameBytesMax) return refuse("a name is longer than 127 bytes");
  if (!std::all_of(name.begin(), name.end(), allowed))
    return refuse("a name holds a character that names may not hold");
  const bool empty_component = name.front() == '.' || name.back() == '.' || name.find("..") != std::string_view::npos;
  if (empty_component) return refuse("a name has an empty component");
  return {};
}

}  // namespace reeve::vocab
