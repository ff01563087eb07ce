#include "commands.hpp"

#define FMT_HEADER_ONLY
#include <fmt/format.h>

#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <filesystem>

#include "../bootstrap/reeve.hpp"
#include "../object/call.hpp"
#include "../os/process.hpp"
#include "../vocab/text.hpp"
#include "interface.hpp"
#include "json.hpp"
#include "text_file.hpp"

namespace reeve::inspect {
namespace {

std::unexpected<Error> bad_argument(const std::string& what, const char* advice) {
  return fail(Kind::invalid, code::kBadBody, what, advice);
}

Result<void> add_files(Dictionary& message, const std::vector<std::string>& files) {
  for (const std::string& file : files) {
    const std::size_t equals = file.find('=');
    if (equals == std::string::npos || equals == 0) return bad_argument("--file " + file, "write --file KEY=PATH");
    message.set(file.substr(0, equals), object::to_object(REEVE_TRY(File::open(file.substr(equals + 1)))));
  }
  return {};
}

Result<Dictionary> untyped_message(const CallCommand& command) {
  Object parsed = REEVE_TRY(parse_json(command.json));
  Dictionary* message = parsed.get<Dictionary>();
  if (message == nullptr) return bad_argument("JSON: a message is an object", "write '{\"key\": …}'");
  REEVE_TRY(add_files(*message, command.files));
  return std::move(*message);
}

// For a typed call the JSON is the array of its arguments; a file stands among them as {"$fd": PATH}.
Result<Dictionary> typed_message(const CallCommand& command) {
  Object parsed = REEVE_TRY(parse_json(command.json));
  Array* arguments = parsed.get<Array>();
  if (arguments == nullptr) return bad_argument("JSON: a method's arguments are an array", "write '[…]'");
  if (!command.files.empty())
    return bad_argument("--file goes with a message", "write {\"$fd\": PATH} among the arguments");
  return object::call_message({*command.method, std::move(*arguments)});
}

std::string text_of(const contract::Listing& listing) {
  std::string out = fmt::format("{:<32} {:<9} {:>7} {:>8}  {}\n", "LABEL", "STATE", "PID", "UPTIME", "LAST EXIT");
  for (const contract::JobStatus& job : listing.jobs) {
    out += fmt::format("{:<32} {:<9} {:>7} {:>8}  {}\n", job.label, job.state, job.pid ? std::to_string(*job.pid) : "-",
                       job.uptime_s ? std::to_string(*job.uptime_s) + " s" : "-", job.last_exit.value_or("-"));
  }
  for (const std::string& problem : listing.problems) out += "problem: " + printable(problem) + "\n";
  out.pop_back();
  return out;
}

// The keys that are not there in a status are null in JSON: a script finds each in its place.
template <class JobFacts>
Object whole_object(const JobFacts& job) {
  Object object = object::to_object(job);
  Dictionary& facts = *object.get<Dictionary>();
  for (const char* key : {"pid", "uptime_s", "last_exit"}) {
    if (facts.find(key) == nullptr) facts.set(key, Object());
  }
  if (job.uptime_s) facts.set("uptime_s", Object(static_cast<std::int64_t>(*job.uptime_s)));
  return object;
}

std::string json_of(const contract::Listing& listing) {
  Array jobs;
  for (const contract::JobStatus& job : listing.jobs) jobs.push_back(whole_object(job));
  return to_json(
      Object(Dictionary{{"jobs", Object(std::move(jobs))}, {"problems", object::to_object(listing.problems)}}));
}

std::string joined(const std::vector<std::string>& words) {
  return words.empty() ? "-" : fmt::format("{}", fmt::join(words, " "));
}

std::string text_of(const contract::JobDetails& job) {
  std::string out;
  const auto line = [&](const char* key, const std::string& value) {
    out += fmt::format("{:<14} {}\n", key, printable(value));
  };
  line("label", job.label);
  line("state", job.state);
  if (job.pid) line("pid", std::to_string(*job.pid));
  if (job.uptime_s) line("uptime", std::to_string(*job.uptime_s) + " s");
  line("last exit", job.last_exit.value_or("-"));
  for (const std::string& denial : job.denials) line("denied", denial);
  line("file", job.file);
  line("program", job.program);
  line("arguments", joined(job.arguments));
  line("preset", job.preset);
  if (!job.lacking.empty()) line("lacking", joined(job.lacking));
  line("names", joined(job.names));
  line("registered", joined(job.registered));
  line("groups", joined(job.groups));
  line("identifier", job.identifier.empty() ? "-" : job.identifier);
  line("starts", std::to_string(job.starts));
  line("waiting", std::to_string(job.waiting));
  line("kept alive by", job.kept_alive_by.empty() ? "-" : fmt::format("{}", fmt::join(job.kept_alive_by, ", ")));
  for (const auto& [key, value] : job.settings) line(printable(key).c_str(), value);
  out.pop_back();
  return out;
}

std::string json_of(const contract::JobDetails& job) {
  Object object = whole_object(job);
  Dictionary& details = *object.get<Dictionary>();
  details.set("starts", Object(static_cast<std::int64_t>(job.starts)));
  details.set("waiting", Object(static_cast<std::int64_t>(job.waiting)));
  return to_json(object);
}

// What a method is, where its service says so; whatever else is wrong, the call itself will tell.
std::optional<object::MethodFacts> method_of(Connection& connection, const CallCommand& command) {
  auto facts = interface_of(connection, command.name, command.timeout);
  if (!facts) return std::nullopt;
  const auto is_it = [&](const object::MethodFacts& method) { return method.name == *command.method; };
  const auto found = std::find_if(facts->methods.begin(), facts->methods.end(), is_it);
  return found == facts->methods.end() ? std::nullopt : std::optional(std::move(*found));
}

}  // namespace

Result<std::string> call(const CallCommand& command, const std::function<void(const std::string&)>& show) {
  const Dictionary message = REEVE_TRY(command.method ? typed_message(command) : untyped_message(command));
  Connection connection = open_connection(command.name);
  const CallOptions options{.until = os::now() + command.timeout};
  const auto facts = command.method ? method_of(connection, command) : std::nullopt;
  if (facts && facts->is_one_way) {
    REEVE_TRY(connection.post(message, options));
    return std::string();
  }
  if (!facts || !facts->is_stream) {
    const Dictionary reply = REEVE_TRY(connection.call(message, options));
    return to_json(Object(reply));
  }
  const auto items = connection.stream(message, options);
  while (auto item = REEVE_TRY(items->next())) show(to_json(Object(item->root().object())));
  return std::string();
}

Result<std::string> list(Form form, bootstrap::Domain domain) {
  bootstrap::Broker broker(bootstrap::WhenAbsent::start, domain);
  const contract::Listing listing = REEVE_TRY(broker.list());
  return form == Form::json ? json_of(listing) : text_of(listing);
}

Result<std::string> print(const std::string& what, Form form, bootstrap::Domain domain) {
  bootstrap::Broker broker(bootstrap::WhenAbsent::start, domain);
  const contract::JobDetails job = REEVE_TRY(broker.print(what));
  return form == Form::json ? json_of(job) : text_of(job);
}

Result<std::string> load(const std::vector<std::string>& paths, Form form, bootstrap::Domain domain) {
  bootstrap::Broker broker(bootstrap::WhenAbsent::start, domain);
  Array labels;
  std::string lines;
  for (const std::string& path : paths) {
    // Wherever a person has it: who loads it vouches for it.
    const std::string text = REEVE_TRY(read_text(path, kJobFileBytesMax, "give the path of a property list"));
    const std::string label = REEVE_TRY(broker.load(std::filesystem::absolute(path).string(), text));
    labels.push_back(Object(label));
    lines += (lines.empty() ? "" : "\n") + label;
  }
  return form == Form::json ? to_json(Object(Dictionary{{"labels", Object(std::move(labels))}})) : lines;
}

Result<std::string> manage(const contract::Request& request, bootstrap::Domain domain) {
  bootstrap::Broker broker(bootstrap::WhenAbsent::start, domain);
  REEVE_TRY(broker.manage(request));
  return std::string();
}

Result<std::int32_t> parse_signal(const std::string& text) {
  if (const auto number = os::signal_named(text)) return *number;
  return bad_argument("no signal is called \"" + text + "\"", "write TERM, SIGTERM or 15");
}

Result<std::chrono::nanoseconds> parse_duration(const std::string& text) {
  char* end = nullptr;
  const double value = std::strtod(text.c_str(), &end);
  const std::string unit = end;
  const double seconds = unit == "ms" ? value / 1000 : unit == "m" ? value * 60 : value;
  const bool is_known = unit.empty() || unit == "s" || unit == "ms" || unit == "m";
  constexpr double kYear = 366.0 * 24 * 3600;
  if (end == text.c_str() || !is_known || !std::isfinite(seconds) || seconds < 0 || seconds > kYear) {
    return bad_argument("\"" + text + "\" is no time", "write 250ms, 2s or 3m");
  }
  return std::chrono::nanoseconds(static_cast<std::int64_t>(seconds * 1e9));
}

}  // namespace reeve::inspect
