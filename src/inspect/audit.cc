#include "audit.hpp"

#define FMT_HEADER_ONLY
#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <sstream>

#include "../archive/allowed.hpp"
#include "../os/files.hpp"
#include "../os/listening.hpp"
#include "../os/open_descriptors.hpp"
#include "../vocab/text.hpp"
#include "json.hpp"

namespace reeve::inspect {
namespace {

constexpr std::size_t kGroupsMax = 1024;          // Folders that are looked into.
constexpr std::size_t kSocketsPerGroupMax = 512;  // A number is a byte, and has a lock beside it.

// One way to be talked to.
struct Way {
  std::string name;
  std::string kind;      // name, socket
  std::string senders;   // who can send
  std::string receiver;  // who can receive
  std::string lives;     // how long what was sent does
  std::string limit;     // by what it is limited: an entitlement, a group, …
  std::vector<std::string> warnings;
};

// Facts of a requirement that only some meet, of which one is enough to say by what it is limited.
std::string limit_of(const std::string& callers) {
  if (callers.empty()) return "nothing";
  for (const char* fact : {"group", "team", "entitlement", "identifier", "job"}) {
    if (callers.find(std::string(fact) + ":") != std::string::npos) return fact;
  }
  return "callers";
}

std::string senders_of(const std::string& callers) { return callers.empty() ? "whoever reaches the broker" : callers; }

void warn_of_callers(Way& way, const std::string& callers, const char* where) {
  if (callers.empty()) way.warnings.push_back(std::string("anybody may call it: say who may, ") + where);
}

// Of a job that has gone since it was listed there are none.
Result<void> add_names(const contract::JobStatus& job, bootstrap::Domain domain, std::vector<Way>& all) {
  if (job.names.empty()) return {};
  bootstrap::Broker broker(bootstrap::WhenAbsent::start, domain);
  const auto found = broker.print(job.label);
  if (!found && found.error().code == code::kUnknownJob) return {};
  const contract::JobDetails details = REEVE_TRY(found);
  const auto setting = details.settings.find("Reeve.AllowedCallers");
  const std::string callers = setting == details.settings.end() ? std::string() : setting->second;
  for (const std::string& name : details.names) {
    Way way{name,
            "name",
            senders_of(callers),
            fmt::format("job {} ({})", job.label, details.preset),
            "until it is taken up; while its job does not run, until that does",
            limit_of(callers),
            {}};
    warn_of_callers(way, callers, "as AllowedCallers of the job");
    if (details.preset == "none") way.warnings.emplace_back("its job has no sandbox: give it a preset");
    for (const std::string& layer : details.lacking) way.warnings.push_back("its sandbox lacks " + layer);
    all.push_back(std::move(way));
  }
  return {};
}

Way way_of(const contract::RegisteredName& name) {
  Way way{name.name, "name", senders_of(name.callers), name.owner, "until it is taken up", limit_of(name.callers), {}};
  warn_of_callers(way, name.callers, "where the name is offered");
  return way;
}

// What its server wrote beside it: its pid, and the classes that it takes.
std::vector<std::string> classes_of(const os::NamedSocket& socket) {
  std::vector<std::string> classes;
  std::istringstream lines(socket.beside);
  std::string line;
  for (std::getline(lines, line); std::getline(lines, line);) classes.push_back(line);
  return classes;
}

// A list that has containers of objects, and every class that could be in one.
bool holds_anything(const std::vector<std::string>& classes) {
  const std::set<std::string> all(classes.begin(), classes.end());
  const auto is_allowed = [&](const std::string& name) { return all.contains(name); };
  return !classes.empty() && std::ranges::all_of(archive::known_classes(), is_allowed);
}

// Who listens: a job, where it is one's.
std::string listener_at(const os::NamedSocket& socket, const std::vector<contract::JobStatus>& jobs) {
  if (!socket.is_live) return "nobody";
  if (socket.pid == 0) return "somebody";
  const auto job = std::ranges::find(jobs, std::optional(socket.pid), &contract::JobStatus::pid);
  if (job != jobs.end()) return "job " + job->label;
  return fmt::format("process {} ({})", socket.pid, os::name_of_process(socket.pid));
}

Way way_of(const std::string& group, const os::NamedSocket& socket, const std::vector<contract::JobStatus>& jobs) {
  Way way{socket.path, "socket", {}, {}, "until it is read", "group", {}};
  way.senders = fmt::format("processes of user {} that reach the folder of {}", socket.owner, group);
  way.receiver = listener_at(socket, jobs);
  if (!socket.is_live) way.warnings.emplace_back("nobody listens: its server has died, and a new one may take it");
  if ((socket.folder_mode & 022) != 0)
    way.warnings.emplace_back("others can write to its folder, and put another socket there");
  if ((socket.folder_mode & 077) != 0 && (socket.mode & 022) != 0)
    way.warnings.emplace_back("others can connect to it");
  if (holds_anything(classes_of(socket))) {
    way.warnings.emplace_back("it takes containers of anything: name the classes that its messages are made of");
  }
  return way;
}

void add_sockets(const contract::Listing& listing, std::vector<Way>& all) {
  const std::string& folder = listing.groups_folder;
  const auto groups = os::open_folder(folder);
  if (!groups) return;  // No group has anything yet.
  for (const std::string& group : os::names_in(*groups, "", kGroupsMax).value_or(std::vector<std::string>())) {
    if (group == "." || group == "..") continue;
    const auto sockets = os::sockets_in(folder + "/" + group, kSocketsPerGroupMax);
    if (!sockets) continue;
    for (const os::NamedSocket& socket : *sockets) all.push_back(way_of(group, socket, listing.jobs));
  }
}

std::string text_of(const std::vector<Way>& ways) {
  std::string out;
  for (const Way& way : ways) {
    out += fmt::format(
        "{} ({})\n  sends:    {}\n  receives: {}\n  the user takes no part; data lives {}\n  limited by: {}\n",
        printable(way.name), way.kind, printable(way.senders), printable(way.receiver), way.lives, way.limit);
    for (const std::string& warning : way.warnings) out += fmt::format("  warning: {}\n", warning);
  }
  const auto warnings = [](const Way& way) { return !way.warnings.empty(); };
  return out + fmt::format("{} ways, {} with warnings", ways.size(), std::ranges::count_if(ways, warnings));
}

std::string json_of(const std::vector<Way>& ways) {
  Array all;
  for (const Way& way : ways) {
    Array warnings;
    for (const std::string& warning : way.warnings) warnings.emplace_back(warning);
    all.emplace_back(Dictionary{{"data_lives", Object(way.lives)},
                                {"kind", Object(way.kind)},
                                {"limited_by", Object(way.limit)},
                                {"name", Object(way.name)},
                                {"receiver", Object(way.receiver)},
                                {"senders", Object(way.senders)},
                                {"user_takes_part", Object(false)},
                                {"warnings", Object(std::move(warnings))}});
  }
  return to_json(Object(Dictionary{{"ways", Object(std::move(all))}}));
}

}  // namespace

Result<std::string> audit(Form form, bootstrap::Domain domain) {
  const auto listing = REEVE_TRY(bootstrap::Broker(bootstrap::WhenAbsent::start, domain).list());
  std::vector<Way> all;
  for (const contract::JobStatus& job : listing.jobs) REEVE_TRY(add_names(job, domain, all));
  for (const contract::RegisteredName& name : listing.registered) all.push_back(way_of(name));
  add_sockets(listing, all);
  return form == Form::json ? json_of(all) : text_of(all);
}

}  // namespace reeve::inspect
