#include "signing.hpp"

#define FMT_HEADER_ONLY
#include <fmt/format.h>

#include <fmt/ranges.h>

#include <array>

#include "../identity/signature.hpp"
#include "../os/files.hpp"
#include "../os/whole_file.hpp"
#include "../sandbox/preset.hpp"
#include "../vocab/text.hpp"
#include "json.hpp"

namespace reeve::inspect {
namespace {

constexpr std::size_t kKeyFileBytesMax = 4096;
constexpr const char* kBeside = ".reevesig";

Result<std::string> passphrase_in(const PassphraseFile& path) {
  if (path.empty()) return std::string();
  const auto file = REEVE_TRY(os::read_secret(path, kKeyFileBytesMax));
  std::string text(reinterpret_cast<const char*>(file.bytes.data()), file.bytes.size());
  text.resize(std::min(text.find('\n'), text.size()));
  if (text.empty()) return fail(Kind::invalid, code::kBadKey, path + ": there is no passphrase in its first line");
  return text;
}

Result<Dictionary> entitlements_of(const std::vector<std::string>& words) {
  Dictionary entitlements;
  for (const std::string& word : words) {
    const std::size_t equals = word.find('=');
    const std::string name = word.substr(0, equals);
    if (entitlements.find(name) != nullptr) {
      return fail(Kind::invalid, code::kBadSignature, "--entitlement " + name + ": stands there twice");
    }
    entitlements.set(name, equals == std::string::npos ? Object(true) : REEVE_TRY(parse_json(word.substr(equals + 1))));
  }
  return entitlements;
}

// The bytes that are signed: without a signature that stands behind them.
std::span<const std::byte> payload_of(std::span<const std::byte> file) {
  const auto layout = identity::layout_of(file, file.size());
  return layout ? file.first(layout->payload) : file;
}

Result<identity::Manifest> manifest_of(const SignCommand& command, const identity::SecretKey& key,
                                       std::span<const std::byte> payload) {
  identity::Manifest manifest;
  manifest.identifier = command.identifier;
  manifest.version = command.version;
  const auto team_key = key.public_key();
  const auto digest = identity::digest_of(payload);
  manifest.team_key = Data(std::vector<std::byte>(team_key.begin(), team_key.end()));
  manifest.digest = Data(std::vector<std::byte>(digest.begin(), digest.end()));
  manifest.entitlements = REEVE_TRY(entitlements_of(command.entitlements));
  manifest.groups = command.groups;
  manifest.allowed_callers = command.allowed_callers;
  if (command.preset.empty()) return manifest;
  if (sandbox::find_preset(command.preset) == nullptr) {
    return fail(Kind::invalid, code::kBadSignature, "no preset is called \"" + command.preset + "\"",
                "see which there are: reeve sandbox show");
  }
  manifest.preset = command.preset;
  return manifest;
}

std::string shown(const identity::Manifest& manifest, Form form) {
  const std::string team = identity::team_id_of(identity::team_key_of(manifest));
  if (form == Form::json) {
    Object object = object::to_object(manifest);
    object.get<Dictionary>()->set("team", Object(team));
    return to_json(object);
  }
  std::string out = fmt::format("{:<14} {}\n{:<14} {}\n{:<14} {}\n", "identifier", manifest.identifier, "version",
                                manifest.version, "team", team);
  const auto line = [&](const char* what, const std::string& how) {
    if (!how.empty()) out += fmt::format("{:<14} {}\n", what, printable(how));
  };
  for (const auto& [name, value] : manifest.entitlements) line("entitlement", name + " = " + to_json(value));
  line("groups", fmt::format("{}", fmt::join(manifest.groups, " ")));
  line("preset", manifest.preset.value_or(""));
  line("callers", fmt::format("{}", fmt::join(manifest.allowed_callers, " ")));
  out.pop_back();
  return out;
}

}  // namespace

Result<std::string> make_team(const std::string& key_file, const PassphraseFile& passphrase, Form form) {
  const auto key = REEVE_TRY(identity::SecretKey::generate());
  const auto sealed = REEVE_TRY(key.seal(REEVE_TRY(passphrase_in(passphrase))));
  REEVE_TRY(os::make_secret(key_file, sealed));
  const std::string team = identity::team_id_of(key.public_key());
  return form == Form::json ? to_json(Object(Dictionary{{"team", Object(team)}})) : team;
}

Result<std::string> sign(const SignCommand& command, Form form) {
  const auto key_file = REEVE_TRY(os::read_secret(command.key_file, kKeyFileBytesMax));
  const auto key = REEVE_TRY(identity::SecretKey::open(key_file.bytes, REEVE_TRY(passphrase_in(command.passphrase))));
  const auto file = REEVE_TRY(os::read_whole(command.program, kImageBytesMax));
  const auto payload = command.detached ? std::span(file.bytes) : payload_of(file.bytes);
  const auto manifest = REEVE_TRY(manifest_of(command, key, payload));
  const auto trailer = REEVE_TRY(identity::make_trailer(payload.size(), manifest, key));
  if (command.detached) {
    const std::array<std::span<const std::byte>, 1> alone{trailer};
    REEVE_TRY(os::replace_whole(command.program + kBeside, alone, 0644));
  } else {
    const std::array<std::span<const std::byte>, 2> both{payload, trailer};
    REEVE_TRY(os::replace_whole(command.program, both, file.mode));
  }
  return shown(manifest, form);
}

Result<std::string> verify(const std::string& program, Form form) {
  const auto file = REEVE_TRY(os::read_whole(program, kImageBytesMax));
  const std::string beside = program + kBeside;
  if (os::what_is_at(beside) == os::AtPath::nothing) return shown(REEVE_TRY(identity::verify(file.bytes)), form);
  const auto trailer = REEVE_TRY(os::read_whole(beside, identity::kTrailerBytesMax));
  return shown(REEVE_TRY(identity::verify_detached(file.bytes, trailer.bytes)), form);
}

}  // namespace reeve::inspect
