#include "spawner.hpp"

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

}  // namespace

Result<WithText<SpawnerRequest>> encode_launch(std::uint64_t instance, std::uint32_t preset, const LaunchTexts& texts) {
  WithText<SpawnerRequest> request;
  const auto append = [&](const std::string& s) { request.text.append(s.c_str(), s.size() + 1); };
  append(texts.label);
  append(texts.program);
  for (const std::string& s : texts.arguments) append(s);
  for (const std::string& s : texts.environment) append(s);
  if (request.text.size() > vocab::kJobStringsBytesMax) {
    return fail(Kind::invalid, code::kTooLarge, "program, arguments and environment of a job exceed 32 KiB");
  }
  request.head.op = SpawnerOp::launch;
  request.head.preset = preset;
  request.head.instance = instance;
  request.head.argument_count = static_cast<std::uint32_t>(texts.arguments.size());
  request.head.environment_count = static_cast<std::uint32_t>(texts.environment.size());
  request.head.text_size = static_cast<std::uint32_t>(request.text.size());
  return request;
}

Result<LaunchTexts> decode_launch(const WithText<SpawnerRequest>& request) {
  std::string_view text = request.text;
  LaunchTexts texts;
  texts.label = REEVE_TRY(next_string(text));
  texts.program = REEVE_TRY(next_string(text));
  for (std::uint32_t i = 0; i < request.head.argument_count; ++i) {
    texts.arguments.push_back(REEVE_TRY(next_string(text)));
  }
  for (std::uint32_t i = 0; i < request.head.environment_count; ++i) {
    texts.environment.push_back(REEVE_TRY(next_string(text)));
  }
  if (!text.empty()) return bad("spawner: more strings than declared");
  return texts;
}

}  // namespace reeve::contract
