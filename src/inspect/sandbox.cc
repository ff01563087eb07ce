#include "sandbox.hpp"

#define FMT_HEADER_ONLY
#include <fmt/format.h>

#include <array>
#include <cstdlib>
#include <cstring>
#include <span>

#include "../bootstrap/runtime_folder.hpp"
#include "../os/socket.hpp"
#include "../sandbox/allowance.hpp"
#include "../sandbox/judge.hpp"
#include "../sandbox/preset.hpp"
#include "../spawn/images.hpp"
#include "../spawn/launch.hpp"
#include "../vocab/text.hpp"
#include "json.hpp"

namespace reeve::inspect {
namespace {

using sandbox::Preset;

// Names of calls, by what becomes of them once the service runs.
struct Calls {
  Array allowed;
  Array by_arguments;
  Array refused;
};

Calls calls_of(const Preset& preset) {
  Calls calls;
  for (std::int32_t number = 0; number < sandbox::kCallNumberEnd; ++number) {
    const sandbox::Judgement judgement = sandbox::judge(preset.running, number);
    const os::Verdict verdict = judgement.with_zeros.verdict;
    if (!judgement.depends && verdict == os::Verdict::killed) continue;
    Array& list = judgement.depends                 ? calls.by_arguments
                  : verdict == os::Verdict::allowed ? calls.allowed
                                                    : calls.refused;
    list.push_back(Object(sandbox::name_of_call(number)));
  }
  return calls;
}

std::string words_of(const Array& names) {
  constexpr std::size_t kWidth = 100;
  std::string text;
  std::string line = " ";
  for (const Object& name : names) {
    const std::string& word = *name.get<std::string>();
    if (line.size() + word.size() > kWidth) text += line + "\n", line = " ";
    line += " " + word;
  }
  return text + line + "\n";
}

std::string amount(std::uint64_t bytes) {
  constexpr std::uint64_t kMiB = 1024 * 1024;
  return bytes % (1024 * kMiB) == 0 ? fmt::format("{} GiB", bytes / (1024 * kMiB))
                                    : fmt::format("{} MiB", bytes / kMiB);
}

std::string text_of(const Preset& preset) {
  std::string out = fmt::format("{}: {}\n", preset.name, preset.purpose);
  if (!preset.confined) return out.substr(0, out.size() - 1);
  const auto line = [&](const char* what, const std::string& how) { out += fmt::format("{:<16} {}\n", what, how); };
  line("processes", "its own alone, in a namespace of its own");
  line("threads", std::to_string(preset.limits.processes));
  line("address space", amount(preset.limits.address_space));
  line("a file", amount(preset.limits.file_size));
  line("descriptors", std::to_string(preset.limits.descriptors));
  line("network", preset.internet ? "the machine's, to connect by TCP and UDP" : "none");
  line("files",
       preset.reads.empty() ? "the system's libraries, until it serves" : "to read: the system's libraries, and");
  for (const char* path : preset.reads) line("", path);
  const Calls calls = calls_of(preset);
  out += "\nonce it serves, system calls that are allowed:\n" + words_of(calls.allowed);
  out += "allowed by their arguments (docs/filters.md):\n" + words_of(calls.by_arguments);
  out += "refused:\n" + words_of(calls.refused);
  return out + "all others end the process with SIGSYS";
}

Object object_of(const Preset& preset) {
  Dictionary facts{{"name", Object(std::string(preset.name))},
                   {"purpose", Object(std::string(preset.purpose))},
                   {"confined", Object(preset.confined)}};
  if (!preset.confined) return Object(std::move(facts));
  Array reads;
  for (const char* path : preset.reads) reads.push_back(Object(std::string(path)));
  Calls calls = calls_of(preset);
  const auto number = [](std::uint64_t value) { return Object(static_cast<std::int64_t>(value)); };
  facts.set("limits", Object(Dictionary{{"threads", number(preset.limits.processes)},
                                        {"address_space", number(preset.limits.address_space)},
                                        {"file_size", number(preset.limits.file_size)},
                                        {"descriptors", number(preset.limits.descriptors)}}));
  facts.set("internet", Object(preset.internet));
  facts.set("reads", Object(std::move(reads)));
  facts.set("calls", Object(Dictionary{{"allowed", Object(std::move(calls.allowed))},
                                       {"by_arguments", Object(std::move(calls.by_arguments))},
                                       {"refused", Object(std::move(calls.refused))}}));
  return Object(std::move(facts));
}

std::vector<std::string> plain_environment() {
  std::vector<std::string> environment{"PATH=/usr/bin:/bin"};
  for (const char* name : {"LANG", "TERM", "HOME", "USER"}) {
    if (const char* value = std::getenv(name)) environment.push_back(std::string(name) + "=" + value);
  }
  return environment;
}

// One of this process's own; nothing to read and nowhere to write where it has none.
Result<os::Fd> standard_file(int number) {
  if (auto own = os::inherited(number)) return std::move(*own);
  return os::open_device_null();
}

Result<std::int32_t> launch(const Preset& preset, const std::vector<std::string>& words,
                            const std::string& runtime_folder) {
  const sandbox::Layers may_lack = REEVE_TRY(sandbox::read_allowance());
  const spawn::Nursery nursery = REEVE_TRY(spawn::make_nursery(preset, runtime_folder, {}, may_lack));
  spawn::Images images(spawn::image_mode());
  spawn::LaunchPlan plan;
  plan.image = &REEVE_TRY(images.image_of(words.front()))->copy;
  const os::Fd input = REEVE_TRY(standard_file(0));
  const os::Fd output = REEVE_TRY(standard_file(1));
  const os::Fd error = REEVE_TRY(standard_file(2));
  plan.input = &input;
  plan.output = &output;
  plan.error = &error;
  if (os::is_root() && preset.confined) plan.user = spawn::kServiceUsers.first + spawn::kServiceUsers.count - 1;
  plan.texts.program = words.front();
  plan.texts.arguments.assign(words.begin() + 1, words.end());
  plan.texts.environment = plain_environment();
  return REEVE_TRY(spawn::launch(nursery, plan)).pid;
}

// What the launcher tells, before the message and the advice of an error: 0 where there is one.
struct Launched {
  std::int32_t pid = 0;
  Kind kind = Kind::gone;
  std::int32_t code = code::kLaunchFailed;
};
constexpr std::size_t kToldBytesMax = 8192;

void tell(const os::Fd& line, const Result<std::int32_t>& outcome) {
  Launched launched;
  std::string words;
  if (outcome) {
    launched.pid = *outcome;
  } else {
    launched.kind = outcome.error().kind, launched.code = outcome.error().code;
    words = (outcome.error().message + '\0' + outcome.error().advice).substr(0, kToldBytesMax - sizeof launched);
  }
  const std::array parts{std::as_bytes(std::span(&launched, 1)), std::as_bytes(std::span(words))};
  (void)os::send_packet(line, parts, {});
}

Result<std::int32_t> told(const os::Fd& line, const std::string& program) {
  std::array<std::byte, kToldBytesMax> room;
  const auto said = REEVE_TRY(os::receive_packet(line, room, os::Rights::refuse));
  const auto* arrival = std::get_if<os::Arrival>(&said);
  Launched launched;
  if (arrival == nullptr || arrival->size < sizeof launched) {
    return fail(Kind::gone, code::kLaunchFailed, "the launcher ended before it could launch");
  }
  std::memcpy(&launched, room.data(), sizeof launched);
  if (launched.pid != 0) return launched.pid;
  const std::string words(reinterpret_cast<const char*>(room.data()) + sizeof launched,
                          arrival->size - sizeof launched);
  const std::size_t end = std::min(words.find('\0'), words.size());
  return fail(launched.kind, launched.code, program + ": " + words.substr(0, end),
              words.substr(std::min(end + 1, words.size())));
}

}  // namespace

Result<std::string> show_presets(Form form) {
  if (form == Form::json) {
    Array all;
    for (const Preset& preset : sandbox::all_presets()) all.push_back(object_of(preset));
    return to_json(Object(std::move(all)));
  }
  std::string out;
  for (const Preset& preset : sandbox::all_presets()) out += fmt::format("{:<16} {}\n", preset.name, preset.purpose);
  out.pop_back();
  return out;
}

Result<std::string> show_preset(const std::string& name, Form form) {
  const Preset* preset = REEVE_TRY(sandbox::preset_named(name));
  return form == Form::json ? to_json(object_of(*preset)) : text_of(*preset);
}

// What is launched is a child of its launcher's parent: of this process.
Result<os::ExitStatus> run_in_preset(const std::string& name, const std::vector<std::string>& words) {
  const Preset* preset = REEVE_TRY(sandbox::preset_named(name));
  const auto runtime = REEVE_TRY(bootstrap::open_runtime_folder());
  auto [ours, theirs] = REEVE_TRY(os::channel_pair());
  const os::Child launcher = REEVE_TRY(os::run_in_copy([&] {
    os::default_signals();  // Whatever a shell has this process ignore.
    tell(theirs, launch(*preset, words, runtime.path));
    return 0;
  }));
  theirs.close();
  REEVE_TRY(os::wait_for_exit(launcher, os::Deadline()));
  const os::Child program = REEVE_TRY(os::child_of(REEVE_TRY(told(ours, words.front()))));
  return *REEVE_TRY(os::wait_for_exit(program, os::Deadline()));
}

}  // namespace reeve::inspect
