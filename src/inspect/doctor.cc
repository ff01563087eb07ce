#include "doctor.hpp"

#define FMT_HEADER_ONLY
#include <fmt/format.h>

#include <vector>

#include "../bootstrap/runtime_folder.hpp"
#include "../os/features.hpp"
#include "../os/socket.hpp"
#include "json.hpp"

namespace reeve::inspect {
namespace {

// How much of a feature there is, and what that means.
struct Finding {
  std::string name;
  std::string state;  // ok, degraded, missing
  std::string effect;
};

Finding found(const char* name, bool is_there, const char* without, const char* effect) {
  return {name, is_there ? "ok" : without, is_there ? "" : effect};
}

std::vector<Finding> findings(const os::Features& has) {
  std::vector<Finding> all;
  all.push_back(found("user namespaces", has.user_namespaces, "missing",
                      "no sandbox, and so no broker: allow them (user.max_user_namespaces, "
                      "kernel.apparmor_restrict_unprivileged_userns=0, or leave the sandbox around this shell)"));
  all.push_back(found("seccomp filters", has.seccomp_filters, "missing",
                      "no sandbox, and so no broker: use a kernel with CONFIG_SECCOMP_FILTER"));
  all.push_back(
      found("Landlock files", has.landlock >= 1, "missing",
            "no sandbox, and so no broker: boot with landlock in lsm= (Linux 5.13), or have root allow to do without "
            "(the line landlock in /etc/reeve/may-lack)"));
  all.push_back(found("Landlock ports", has.landlock >= 4, "degraded",
                      "the empty network namespace alone keeps services off the network (Linux 6.7)"));
  all.push_back(found("Landlock scopes", has.landlock >= 6, "degraded",
                      "namespaces alone keep services from signals and abstract sockets (Linux 6.12)"));
  all.push_back(found("no new code", has.refuses_new_code, "degraded",
                      "the running filter alone forbids new executable memory (Linux 6.3)"));
  all.push_back(found("numbered processes", has.numbers_processes, "degraded",
                      "a confined service cannot tell whether its client handed the channel on (Linux 6.9)"));
  all.push_back(found("pidfds with packets", has.passes_processes, "degraded",
                      "a confined service takes a client for whoever holds the end (Linux 6.5)"));
  all.push_back(found("sockets without descriptors", has.refuses_descriptors, "degraded",
                      "strangers' descriptors are dropped by a full control buffer, not by the socket (Linux 6.16)"));
  all.push_back(
      found("/proc tells children", has.tells_children, "degraded",
            "what services leave behind is not ended: use a kernel with CONFIG_PROC_CHILDREN, and mount /proc"));
  all.push_back(found("notices of files", has.notices, "degraded",
                      "job folders and WatchPaths are looked at every 3 s: raise fs.inotify.max_user_instances"));
  constexpr std::size_t kEnough = 4096;
  all.push_back(found("descriptors", has.descriptors >= kEnough, "degraded",
                      "few clients fit at once: raise the hard limit of open files (ulimit -Hn, LimitNOFILE=)"));
  return all;
}

struct BrokerFacts {
  bool runs = false;
  std::int32_t pid = 0;
  std::string folder;
  std::size_t jobs = 0;
};

BrokerFacts look_at_broker(bootstrap::Domain domain) {
  BrokerFacts facts;
  const auto folder =
      domain == bootstrap::Domain::system ? bootstrap::open_system_folder() : bootstrap::open_runtime_folder();
  facts.folder = folder ? folder->path : text_of(folder.error());
  const auto socket = bootstrap::connect_to_broker(bootstrap::WhenAbsent::fail, {}, domain);
  if (!socket) return facts;
  if (const auto who = os::connected_by(*socket)) facts.pid = who->pid;
  bootstrap::Broker broker(bootstrap::WhenAbsent::fail, domain);
  const auto listing = broker.list();
  facts.runs = listing.has_value();
  if (listing) facts.jobs = listing->jobs.size();
  return facts;
}

std::string json_of(const BrokerFacts& broker, const os::Features& has, const std::vector<Finding>& all) {
  Dictionary about{{"runtime_folder", Object(broker.folder)}};
  about.set("pid", broker.runs ? Object(static_cast<std::int64_t>(broker.pid)) : Object());
  about.set("jobs", broker.runs ? Object(static_cast<std::int64_t>(broker.jobs)) : Object());
  Array features;
  for (const Finding& finding : all) {
    features.push_back(Object(Dictionary{
        {"name", Object(finding.name)}, {"state", Object(finding.state)}, {"effect", Object(finding.effect)}}));
  }
  return to_json(Object(Dictionary{
      {"broker", Object(about)}, {"features", Object(std::move(features))}, {"kernel", Object(has.kernel)}}));
}

std::string text_of(const BrokerFacts& broker, const os::Features& has, const std::vector<Finding>& all) {
  std::string out = broker.runs
                        ? fmt::format("broker: process {}, {} jobs, in {}\n", broker.pid, broker.jobs, broker.folder)
                        : fmt::format("broker: none runs in {}; the first call starts one\n", broker.folder);
  out += fmt::format("kernel: {}\n", has.kernel);
  for (const Finding& finding : all) {
    out += fmt::format("{:<28} {}\n", finding.name, finding.state);
    if (!finding.effect.empty()) out += fmt::format("  {}\n", finding.effect);
  }
  out.pop_back();
  return out;
}

}  // namespace

std::string doctor(Form form, bootstrap::Domain domain) {
  const os::Features has = os::look_for_features();
  const BrokerFacts broker = look_at_broker(domain);
  const std::vector<Finding> all = findings(has);
  return form == Form::json ? json_of(broker, has, all) : text_of(broker, has, all);
}

}  // namespace reeve::inspect
