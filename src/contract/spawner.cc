#include "spawner.hpp"

#include "../vocab/name.hpp"

namespace reeve::contract {
namespace {

std::unexpected<Error> bad(const char* what) { return fail(Kind::invalid, code::kBadPacket, what); }

// The next NUL-terminated string off the front of `text`.
Result<std::string> next_string(std::string_view& text) {
  const std::size_t nul = text.find('\0');
  if (nul == std::string_view::npos) return bad("spawner: fewer strings than declared");
  std::string out(text.substr(0, nul));
  text.remove_prefix(nul + 1);
  return out;
}

constexpr std::string LaunchTexts::* kSingleTexts[] = {&LaunchTexts::label, &LaunchTexts::program, &LaunchTexts::folder,
                                                       &LaunchTexts::input, &LaunchTexts::output,  &LaunchTexts::error};

}  // namespace

Result<WithText<SpawnerRequest>> encode_launch(std::uint64_t instance, std::uint32_t preset, const Setup& setup,
                                               const LaunchTexts& texts) {
  WithText<SpawnerRequest> request;
  const auto append = [&](const std::string& s) { request.text.append(s.c_str(), s.size() + 1); };
  for (const std::string LaunchTexts::* member : kSingleTexts) append(texts.*member);
  for (const std::string& s : texts.arguments) append(s);
  for (const std::string& s : texts.environment) append(s);
  for (const std::string& s : texts.groups) append(s);
  if (request.text.size() > vocab::kJobStringsBytesMax) {
    return fail(Kind::invalid, code::kTooLarge, "program, arguments and environment of a job exceed 32 KiB");
  }
  request.head.op = SpawnerOp::launch;
  request.head.preset = preset;
  request.head.setup = setup;
  request.head.instance = instance;
  request.head.argument_count = static_cast<std::uint32_t>(texts.arguments.size());
  request.head.environment_count = static_cast<std::uint32_t>(texts.environment.size());
  request.head.group_count = static_cast<std::uint32_t>(texts.groups.size());
  request.head.text_size = static_cast<std::uint32_t>(request.text.size());
  return request;
}

Result<LaunchTexts> decode_launch(const WithText<SpawnerRequest>& request) {
  std::string_view text = request.text;
  LaunchTexts texts;
  for (std::string LaunchTexts::* member : kSingleTexts) texts.*member = REEVE_TRY(next_string(text));
  for (std::uint32_t i = 0; i < request.head.argument_count; ++i) {
    texts.arguments.push_back(REEVE_TRY(next_string(text)));
  }
  for (std::uint32_t i = 0; i < request.head.environment_count; ++i) {
    texts.environment.push_back(REEVE_TRY(next_string(text)));
  }
  for (std::uint32_t i = 0; i < request.head.group_count; ++i) {
    texts.groups.push_back(REEVE_TRY(next_string(text)));
    REEVE_TRY(vocab::check_name(texts.groups.back()));
  }
  if (!text.empty()) return bad("spawner: more strings than declared");
  return texts;
}

Result<WithText<SpawnerRequest>> encode_watch(std::uint32_t number, const std::vector<std::string>& paths) {
  WithText<SpawnerRequest> request;
  for (const std::string& path : paths) request.text.append(path.c_str(), path.size() + 1);
  if (paths.size() > vocab::kWatchedPathsMax || request.text.size() > vocab::kJobFileBytesMax) {
    return fail(Kind::invalid, code::kTooLarge, "the paths that jobs watch exceed 64 KiB");
  }
  request.head.op = SpawnerOp::watch;
  request.head.number = number;
  request.head.text_size = static_cast<std::uint32_t>(request.text.size());
  return request;
}

Result<std::vector<std::string>> decode_watch(const WithText<SpawnerRequest>& request) {
  std::string_view text = request.text;
  std::vector<std::string> paths;
  while (!text.empty()) paths.push_back(REEVE_TRY(next_string(text)));
  if (paths.size() > vocab::kWatchedPathsMax) return bad("spawner: more paths than anybody may watch");
  return paths;
}

}  // namespace reeve::contract
