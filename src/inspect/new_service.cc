#include "new_service.hpp"

#include <algorithm>
#include <cctype>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <utility>
#include <vector>

#include "../bootstrap/broker.hpp"
#include "../vocab/name.hpp"

namespace reeve::inspect {
namespace {

namespace fs = std::filesystem;

// What a project's own words are put in the place of: those of the templates, which are a project themselves.
using Words = std::vector<std::pair<std::string, std::string>>;

constexpr std::size_t kNameMax = 32;

// It becomes part of file names, targets and, with capitals, of a class.
Result<void> check(const std::string& name) {
  const bool is_good =
      !name.empty() && name.size() <= kNameMax && std::islower(static_cast<unsigned char>(name.front())) != 0 &&
      std::all_of(name.begin(), name.end(),
                  [](unsigned char c) { return std::islower(c) != 0 || std::isdigit(c) != 0 || c == '_'; });
  if (is_good) return {};
  return fail(Kind::invalid, code::kBadBody, "\"" + name + "\" is no name for a service's programs",
              "at most 32 small letters, digits and _, a letter first: reeve new service hello");
}

// my_service as MyService.
std::string class_name(const std::string& name) {
  std::string out;
  bool begins = true;
  for (const char c : name) {
    if (c != '_') out += begins ? static_cast<char>(std::toupper(static_cast<unsigned char>(c))) : c;
    begins = c == '_';
  }
  return out;
}

// In one pass: what was put in is not looked at again. Of words that begin alike the longer stands first.
std::string filled(std::string_view text, const Words& words) {
  std::string out;
  while (!text.empty()) {
    const auto begins = [&](const auto& word) { return text.starts_with(word.first); };
    const auto found = std::find_if(words.begin(), words.end(), begins);
    out += found == words.end() ? text.substr(0, 1) : found->second;
    text.remove_prefix(found == words.end() ? 1 : found->first.size());
  }
  return out;
}

Result<void> cannot(const std::string& what, const fs::path& path) {
  return fail(Kind::invalid, code::kSystem, path.string() + ": cannot be " + what, "look at the folder's rights");
}

Result<void> fill_file(const fs::path& from, const fs::path& to, const Words& words) {
  std::ifstream in(from, std::ios::binary);
  std::stringstream text;
  text << in.rdbuf();
  if (!in) return cannot("read", from);
  std::ofstream out(to, std::ios::binary);
  out << filled(text.str(), words);
  out.close();
  if (!out) return cannot("written", to);
  std::error_code error;
  fs::permissions(to, fs::status(from, error).permissions(), error);
  return error ? cannot("written", to) : Result<void>();
}

Result<void> fill_folder(const fs::path& from, const fs::path& to, const Words& words) {
  std::error_code error;
  for (const fs::directory_entry& file : fs::directory_iterator(from, error)) {
    REEVE_TRY(fill_file(file.path(), to / filled(file.path().filename().string(), words), words));
  }
  return error ? cannot("read", from) : Result<void>();
}

// PREFIX, of PREFIX/libexec/reeve/supervisor.
Result<fs::path> prefix() {
  if (const auto program = bootstrap::installed_program("supervisor")) {
    const fs::path found = fs::path(*program).parent_path().parent_path().parent_path().lexically_normal();
    if (fs::is_directory(found / "share/reeve/templates/service")) return found;
  }
  return fail(Kind::gone, code::kNoBroker, "the templates of new services are not installed beside this program",
              "install Reeve whole: ./dev install PREFIX");
}

}  // namespace

Result<std::string> new_service(const NewServiceCommand& command) {
  REEVE_TRY(check(command.name));
  const std::string label = command.label.empty() ? "org.example." + command.name : command.label;
  REEVE_TRY(vocab::check_name(label));
  const fs::path installed = REEVE_TRY(prefix());
  const Words words{{"org.example.the_service", label},
                    {"the_service", command.name},
                    {"TheService", class_name(command.name)},
                    {"/the/prefix", installed.string()}};
  std::error_code error;
  if (!fs::create_directory(command.name, error)) {
    return fail(Kind::invalid, code::kSystem, command.name + ": " + (error ? "cannot be made" : "is there already"),
                "choose another name, or another folder to be in");
  }
  if (auto made = fill_folder(installed / "share/reeve/templates/service", command.name, words); !made) {
    fs::remove_all(command.name, error);
    return std::unexpected(made.error());
  }
  return command.name + "/README.md says how to build, test and run it";
}

}  // namespace reeve::inspect
