#include "commands.hpp"

#define FMT_HEADER_ONLY
#include <fmt/format.h>

#include <cmath>
#include <cstdlib>

#include "../bootstrap/reeve.hpp"
#include "../object/call.hpp"
#include "../vocab/text.hpp"
#include "json.hpp"

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
std::string json_of(const contract::Listing& listing) {
  Array jobs;
  for (const contract::JobStatus& job : listing.jobs) {
    Object object = object::to_object(job);
    Dictionary& status = *object.get<Dictionary>();
    for (const char* key : {"pid", "uptime_s", "last_exit"}) {
      if (status.find(key) == nullptr) status.set(key, Object());
    }
    if (job.uptime_s) status.set("uptime_s", Object(static_cast<std::int64_t>(*job.uptime_s)));
    jobs.push_back(std::move(object));
  }
  return to_json(
      Object(Dictionary{{"jobs", Object(std::move(jobs))}, {"problems", object::to_object(listing.problems)}}));
}

}  // namespace

Result<std::string> call(const CallCommand& command) {
  const Dictionary message = REEVE_TRY(command.method ? typed_message(command) : untyped_message(command));
  Connection connection = open_connection(command.name);
  const Dictionary reply = REEVE_TRY(connection.call(message, {.timeout = command.timeout}));
  return to_json(Object(reply));
}

Result<std::string> list(Form form) {
  bootstrap::Broker broker;
  const contract::Listing listing = REEVE_TRY(broker.list());
  return form == Form::json ? json_of(listing) : text_of(listing);
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
