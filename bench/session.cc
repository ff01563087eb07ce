#include "session.hpp"

#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <thread>

namespace bench {
namespace {

namespace fs = std::filesystem;

std::string first_line(const fs::path& path) {
  std::ifstream file(path);
  std::string line;
  std::getline(file, line);
  return line;
}

}  // namespace

std::string name_of(Waits waits, const std::string& part) {
  return std::string("org.bench.") + text_of(waits) + "." + part;
}

void stand_on(int core) {
  cpu_set_t cores;
  CPU_ZERO(&cores);
  for (int i = 0; i < static_cast<int>(std::thread::hardware_concurrency()); ++i) {
    if (core < 0 || i == core) CPU_SET(i, &cores);
  }
  ::sched_setaffinity(0, sizeof cores, &cores);
}

Broker::Broker() {
  std::string pattern = fs::temp_directory_path().string() + "/reeve-bench-XXXXXX";
  if (::mkdtemp(pattern.data()) == nullptr) die("no temporary folder");
  folder_ = pattern;
  fs::create_directory(folder_ + "/jobs");
  write_job(kEcho, REEVE_STAGE "/libexec/reeve/echo");
  write_job(kStaticEcho, REEVE_STATIC_ECHO);
  for (const Waits waits : {Waits::asleep, Waits::awake}) write_measured_job(waits);
  ::setenv("REEVE_RUNTIME_DIR", (folder_ + "/run").c_str(), 1);
  ::setenv("REEVE_JOBS_DIR", (folder_ + "/jobs").c_str(), 1);
  child_ = ::fork();
  if (child_ == 0) {
    ::prctl(PR_SET_PDEATHSIG, SIGTERM);  // A measurement that fails leaves none behind.
    ::execl(REEVE_STAGE "/bin/reeve", "reeve", "broker", nullptr);
    ::_exit(127);
  }
  for (int i = 0; i < 5000 && !fs::exists(folder_ + "/run/broker.socket"); ++i) ::usleep(1000);
}

Broker::~Broker() {
  ::kill(child_, SIGTERM);
  ::waitpid(child_, nullptr, 0);
  fs::remove_all(folder_);
}

void Broker::write_job(const std::string& label, const std::string& program) const {
  write_plist(label, program, "<string>echo</string><string>" + label + "</string>", {label});
}

void Broker::write_measured_job(Waits waits) const {
  const std::string label = std::string("org.bench.") + text_of(waits);
  const std::string how = waits == Waits::asleep ? "<string>asleep</string>" : "";
  write_plist(label, REEVE_MEASURED, "<string>service</string><string>" + label + "</string>" + how,
              {name_of(waits, "echo"), name_of(waits, "port"), name_of(waits, "typed")});
}

void Broker::write_plist(const std::string& label, const std::string& program, const std::string& arguments,
                         const std::vector<std::string>& names) const {
  std::ofstream out(folder_ + "/jobs/" + label + ".plist");
  out << "<plist><dict><key>Label</key><string>" << label << "</string><key>Program</key><string>" << program
      << "</string><key>ProgramArguments</key><array>" << arguments << "</array><key>MachServices</key><dict>";
  for (const std::string& name : names) out << "<key>" << name << "</key><true/>";
  out << "</dict><key>ThrottleInterval</key><integer>0</integer><key>Reeve</key><dict><key>Preset</key>"
         "<string>parser</string><key>IdleTimeOut</key><integer>0</integer></dict></dict></plist>";
}

int Broker::pid_of(const std::string& name) const {
  if (name == "supervisor") return child_;
  const std::string task = std::to_string(child_);
  std::ifstream children("/proc/" + task + "/task/" + task + "/children");
  for (int pid = 0; children >> pid;) {
    if (first_line("/proc/" + std::to_string(pid) + "/comm") == name) return pid;
  }
  die("there is no " + name);
}

Echo::Echo(const std::string& name) : connection_(reeve::open_connection(name)) {
  const auto peer = connection_.peer();
  if (!peer || !peer->pid) die("no echo service");
  pid_ = *peer->pid;
}

void Echo::call(const reeve::Dictionary& message) {
  const auto reply = connection_.call(message);
  if (!reply) die(reply.error().message);
  if (*reply != message) die("the echo is not what was sent");
}

void Echo::tell(const reeve::Dictionary& message) {
  const auto sent = connection_.post(message);
  if (!sent) die(sent.error().message);
}

double cpu_with(int server) { return cpu_of(::getpid()) + cpu_of(server); }

reeve::Dictionary message_of(std::size_t bytes) {
  return {{"data", reeve::Object(reeve::Data(std::vector<std::byte>(bytes, std::byte{'x'})))}};
}

double resident_kib(int pid) {
  std::ifstream status("/proc/" + std::to_string(pid) + "/status");
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with("VmRSS:")) return std::stod(line.substr(6));
  }
  die("process " + std::to_string(pid) + " has no memory");
}

}  // namespace bench
