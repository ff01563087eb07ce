#include "text_file.hpp"

#include <array>
#include <fstream>

namespace reeve::inspect {

Result<std::string> read_text(const std::string& path, std::size_t most, const char* advice) {
  std::ifstream file(path, std::ios::binary);
  if (!file) return fail(Kind::invalid, code::kBadBody, path + ": cannot be opened", advice);
  std::string text;
  std::array<char, 64 * 1024> room;
  while (file && text.size() <= most) {
    file.read(room.data(), room.size());
    text.append(room.data(), static_cast<std::size_t>(file.gcount()));
  }
  if (text.size() <= most) return text;
  return fail(Kind::invalid, code::kTooLarge, path + ": is larger than " + std::to_string(most / 1024) + " KiB",
              advice);
}

}  // namespace reeve::inspect
