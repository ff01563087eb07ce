#include "signing.hpp"

#define FMT_HEADER_ONLY
#include <fmt/format.h>

#include <fmt/ranges.h>

#include <array>
#include <charconv>
#include <cstring>
#include <filesystem>

#include "../identity/signature.hpp"
#include "../os/confine.hpp"
#include "../os/files.hpp"
#include "../os/whole_file.hpp"
#include "../policy/requirement.hpp"
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
    auto value = equals == std::string::npos ? Result<Object>(Object(true)) : parse_json(word.substr(equals + 1));
    if (!value) {
      return fail(Kind::invalid, code::kBadSignature, "--entitlement " + word + ": " + value.error().message,
                  "write NAME, NAME=true, NAME=2, NAME='\"text\"' or NAME='[\"text\"]'");
    }
    entitlements.set(name, std::move(*value));
  }
  return entitlements;
}

std::unexpected<Error> not_signed(const std::string& path, const char* why, const char* advice) {
  return fail(Kind::invalid, code::kBadSignature, path + ": " + why, advice);
}

// The bytes that are signed: without a signature that stands behind them.
Result<std::span<const std::byte>> payload_of(const std::string& path, std::span<const std::byte> file) {
  const auto layout = identity::layout_of(file, file.size());
  if (layout && identity::check_trailer(file, file.size())) return file.first(layout->payload);
  if (layout || layout.error().code != code::kUnsigned) {
    return not_signed(path, "ends in a signature that is not good", "take the file as it was before it was signed");
  }
  constexpr std::string_view kScript = "#!";
  if (file.size() >= kScript.size() && std::memcmp(file.data(), kScript.data(), kScript.size()) == 0) {
    return not_signed(path, "its interpreter would read the signature as a part of it", "sign it with --detached");
  }
  return file;
}

Result<std::uint64_t> version_of(const std::string& text) {
  std::int64_t version = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), version);
  if (error != std::errc() || end != text.data() + text.size() || version < 0) {
    return fail(Kind::invalid, code::kBadSignature, "--version " + text + ": no number", "write digits alone");
  }
  return static_cast<std::uint64_t>(version);
}

Result<identity::Manifest> manifest_of(const SignCommand& command, const identity::SecretKey& key,
                                       std::span<const std::byte> payload) {
  identity::Manifest manifest;
  manifest.identifier = command.identifier;
  manifest.version = REEVE_TRY(version_of(command.version));
  const auto team_key = key.public_key();
  const auto digest = identity::digest_of(payload);
  manifest.team_key = Data(std::vector<std::byte>(team_key.begin(), team_key.end()));
  manifest.digest = Data(std::vector<std::byte>(digest.begin(), digest.end()));
  manifest.entitlements = REEVE_TRY(entitlements_of(command.entitlements));
  manifest.groups = command.groups;
  manifest.allowed_callers = command.allowed_callers;
  for (const std::string& callers : command.allowed_callers) {
    if (const auto good = policy::Requirement::parse(callers); !good) {
      return fail(Kind::invalid, code::kBadSignature, "--allow " + callers + ": " + good.error().message,
                  good.error().advice);
    }
  }
  if (command.preset.empty()) return manifest;
  const auto preset = sandbox::preset_named(command.preset);
  if (!preset) return fail(Kind::invalid, code::kBadSignature, preset.error().message, preset.error().advice);
  manifest.preset = command.preset;
  return manifest;
}

std::string shown(const identity::Manifest& manifest, const char* where, Form form) {
  const std::string team = identity::team_id_of(identity::team_key_of(manifest));
  if (form == Form::json) {
    Object object = object::to_object(manifest);
    object.get<Dictionary>()->set("team", Object(team));
    object.get<Dictionary>()->set("signature", Object(where));
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
  line("signature", where);
  out.pop_back();
  return out;
}

}  // namespace

Result<std::string> make_team(const std::string& key_file, const PassphraseFile& passphrase, Form form) {
  (void)os::set_limit(os::Limit::core, 0);
  const auto key = REEVE_TRY(identity::SecretKey::generate());
  const auto sealed = REEVE_TRY(key.seal(REEVE_TRY(passphrase_in(passphrase))));
  REEVE_TRY(os::make_secret(key_file, sealed));
  const std::string team = identity::team_id_of(key.public_key());
  return form == Form::json ? to_json(Object(Dictionary{{"team", Object(team)}})) : team;
}

// Of a link what it leads to is signed.
Result<std::string> sign(const SignCommand& command, Form form) {
  (void)os::set_limit(os::Limit::core, 0);
  std::error_code missing;
  const std::string path = std::filesystem::canonical(command.program, missing);
  if (missing) return not_signed(command.program, missing.message().c_str(), "name a file that is there");
  const auto key_file = REEVE_TRY(os::read_secret(command.key_file, kKeyFileBytesMax));
  const auto key = REEVE_TRY(identity::SecretKey::open(key_file.bytes, REEVE_TRY(passphrase_in(command.passphrase))));
  auto file = REEVE_TRY(os::read_whole(path, kImageBytesMax));
  if (file.bytes == key_file.bytes) return not_signed(path, "is the key itself", "name what is to be signed");
  const auto payload =
      command.detached ? std::span<const std::byte>(file.bytes) : REEVE_TRY(payload_of(path, file.bytes));
  const auto manifest = REEVE_TRY(manifest_of(command, key, payload));
  const auto trailer = REEVE_TRY(identity::make_trailer(payload.size(), manifest, key));
  if (command.detached) {
    const std::array<std::span<const std::byte>, 1> alone{trailer};
    file.mode &= 0666;
    REEVE_TRY(os::replace_whole(path + kBeside, alone, file));
    return shown(manifest, "beside the file", form);
  }
  if (file.has_privileges) {
    return not_signed(path, "has rights of its own (set-id, or capabilities), which do not follow",
                      "take them from it");
  }
  if (os::what_is_at(path + kBeside) != os::AtPath::nothing) {
    return not_signed(path, "has a signature beside it", "remove that, or sign it with --detached");
  }
  const std::array<std::span<const std::byte>, 2> both{payload, trailer};
  REEVE_TRY(os::replace_whole(path, both, file));
  return shown(manifest, "in the file", form);
}

Result<std::string> verify(const std::string& program, Form form) {
  const auto file = REEVE_TRY(os::read_whole(program, kImageBytesMax + identity::kTrailerBytesMax));
  const std::string beside = program + kBeside;
  if (os::what_is_at(beside) == os::AtPath::nothing) {
    return shown(REEVE_TRY(identity::verify(file.bytes)), "in the file", form);
  }
  // Which of two would count is nothing to be guessed.
  const bool has_one = identity::layout_of(file.bytes, file.bytes.size()).has_value();
  if (has_one) return not_signed(program, "has a signature in it, and one beside it", "remove one");
  const auto trailer = REEVE_TRY(os::read_whole(beside, identity::kTrailerBytesMax));
  const auto manifest = identity::verify_detached(file.bytes, trailer.bytes);
  if (!manifest && manifest.error().code == code::kUnsigned) {
    return not_signed(beside, "is no signature", "remove it, or have the file's team sign it");
  }
  return shown(REEVE_TRY(manifest), "beside the file", form);
}

}  // namespace reeve::inspect
