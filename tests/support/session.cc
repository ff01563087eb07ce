#include "session.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <thread>

#include "../../src/bootstrap/broker.hpp"
#include "../../src/bootstrap/runtime_folder.hpp"
#include "../../src/inspect/json.hpp"
#include "../../src/os/files.hpp"

namespace reeve::test {
namespace {

namespace fs = std::filesystem;
using Clock = std::chrono::steady_clock;

std::string variable(const char* name, const char* otherwise) {
  const char* value = std::getenv(name);
  return value != nullptr ? value : otherwise;
}

pid_t start(const std::vector<std::string>& command, const std::string& out, const std::string& err) {
  const pid_t pid = ::fork();
  if (pid != 0) return pid;
  std::vector<char*> arguments;
  for (const std::string& word : command) arguments.push_back(const_cast<char*>(word.c_str()));
  arguments.push_back(nullptr);
  const int null = ::open("/dev/null", O_RDONLY);
  const int out_fd = ::open(out.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600);
  const int err_fd = ::open(err.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600);
  ::dup2(null, 0);
  ::dup2(out_fd, 1);
  ::dup2(err_fd, 2);
  ::closefrom(3);
  ::execv(arguments[0], arguments.data());
  ::_exit(127);
}

std::optional<int> wait_for(pid_t pid, std::chrono::seconds most) {
  const auto give_up = Clock::now() + most;
  while (Clock::now() < give_up) {
    int status = 0;
    if (::waitpid(pid, &status, WNOHANG) == pid)
      return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    std::this_thread::sleep_for(2ms);
  }
  ::kill(pid, SIGKILL);
  ::waitpid(pid, nullptr, 0);
  return std::nullopt;
}

std::string contents(const std::string& path) {
  std::ifstream file(path);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

std::string escaped(const std::string& text) {
  std::string out;
  for (const char c : text) out += c == '&' ? "&amp;" : c == '<' ? "&lt;" : std::string(1, c);
  return out;
}

// Children of a process by their names, with their states.
struct Process {
  int pid;
  std::string name;
  char state;
};
std::vector<Process> children_of(int parent) {
  std::vector<Process> found;
  for (const auto& entry : fs::directory_iterator("/proc")) {
    const std::string text = contents(entry.path().string() + "/stat");
    const std::size_t open = text.find('(');
    const std::size_t close = text.rfind(')');
    if (close == std::string::npos) continue;
    char state = 0;
    int ppid = 0;
    std::istringstream(text.substr(close + 1)) >> state >> ppid;
    if (ppid == parent) found.push_back({std::atoi(text.c_str()), text.substr(open + 1, close - open - 1), state});
  }
  return found;
}

std::size_t descriptor_count(int pid) {
  std::error_code error;
  std::size_t count = 0;
  for (auto i = fs::directory_iterator("/proc/" + std::to_string(pid) + "/fd", error);
       !error && i != fs::directory_iterator(); i.increment(error)) {
    ++count;
  }
  return count;
}

}  // namespace

std::string stage() { return variable("REEVE_STAGE", REEVE_DEFAULT_STAGE); }
std::string build_folder() { return variable("REEVE_BUILD", REEVE_DEFAULT_BUILD); }
std::string service_preset() { return REEVE_TEST_PRESET; }
bool is_sanitised() { return service_preset() == "none"; }

Output run(const std::vector<std::string>& command) {
  const Folder folder;
  const std::string out = folder.path() + "/out";
  const std::string err = folder.path() + "/err";
  const auto code = wait_for(start(command, out, err), 60s);
  EXPECT_TRUE(code) << command[0] << " hangs";
  return {code.value_or(-1), contents(out), contents(err)};
}

Output reeve_tool(std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), stage() + "/bin/reeve");
  return run(arguments);
}

Folder::Folder() {
  std::string pattern = fs::temp_directory_path().string() + "/reeve-test-XXXXXX";
  if (::mkdtemp(pattern.data()) == nullptr) std::abort();
  path_ = pattern;
}

Folder::~Folder() {
  std::error_code error;
  fs::remove_all(path_, error);
}

void write_job(const std::string& folder, const JobFile& job) {
  std::ofstream file(folder + "/" + job.label + ".plist");
  file << "<plist version=\"1.0\"><dict>\n<key>Label</key><string>" << job.label
       << "</string>\n<key>Program</key><string>" << job.program << "</string>\n<key>MachServices</key>";
  file << (job.names.empty() ? "<dict><key>" + job.label + "</key><true/></dict>" : job.names);
  file << "\n<key>ProgramArguments</key><array><string>program</string>";
  for (const std::string& argument : job.arguments) file << "<string>" << escaped(argument) << "</string>";
  file << "</array>\n<key>Reeve</key><dict><key>Preset</key><string>" << job.preset
       << "</string><key>IdleTimeOut</key><integer>" << job.idle_seconds << "</integer>" << job.reeve << "</dict>\n"
       << job.extra << "</dict></plist>\n";
}

JobFile actor_job(const std::string& name, std::vector<std::string> more_arguments) {
  JobFile job;
  job.label = name;
  job.program = build_folder() + "/tests/actor";
  job.arguments = std::move(more_arguments);
  job.arguments.insert(job.arguments.begin(), name);
  job.extra = "<key>ThrottleInterval</key><integer>0</integer>";
  return job;
}

JobFile host_job(const std::string& name) {
  JobFile job;
  job.label = name;
  job.program = build_folder() + "/tests/host";
  job.arguments = {name};
  job.names = "<dict>";
  for (const char* part : {"", ".closed", ".desk"}) job.names += "<key>" + name + part + "</key><true/>";
  job.names += "</dict>";
  job.extra = "<key>ThrottleInterval</key><integer>0</integer>";
  return job;
}

JobFile script_job(const std::string& name, const std::string& script, const std::string& output) {
  JobFile job;
  job.label = name;
  job.program = "/bin/sh";
  job.preset = "none";
  job.arguments = {"-c", script};
  job.names = "<dict/>";
  job.extra =
      "<key>ThrottleInterval</key><integer>0</integer><key>StandardOutPath</key><string>" + output + "</string>";
  return job;
}

std::string contents_of(const std::string& path) { return contents(path); }

bool comes_true(const std::function<bool()>& condition) {
  const auto give_up = Clock::now() + 60s;
  while (!condition()) {
    if (Clock::now() > give_up) return false;
    std::this_thread::sleep_for(10ms);
  }
  return true;
}

Result<Dictionary> ask_broker(const contract::Request& request) {
  return bootstrap::Broker(bootstrap::WhenAbsent::fail).ask_for_reply(request, os::now() + 60s);
}

contract::JobDetails details_of(const std::string& label) {
  const auto answer = ask_broker(contract::Print{label});
  auto details = answer ? contract::decode_reply<contract::JobDetails>(*answer) : std::unexpected(answer.error());
  return details ? std::move(*details) : contract::JobDetails();
}

std::ostream& operator<<(std::ostream& out, const Census& census) {
  for (const auto& [name, count] : census.descriptors) out << name << " holds " << count << " descriptors, ";
  return out << census.children << " children, " << census.zombies << " zombies, " << census.mounts << " mounts";
}

Session::Session(const std::vector<std::string>& before)
    : runtime_path_(folder_.path() + "/run"), jobs_path_(folder_.path() + "/jobs") {
  ::umask(022);  // Whatever the caller's: what others can write to is refused.
  fs::create_directory(jobs_path_);
  ::setenv("REEVE_RUNTIME_DIR", runtime_path_.c_str(), 1);
  ::setenv("REEVE_JOBS_DIR", jobs_path_.c_str(), 1);
  std::vector<std::string> command = before;
  command.insert(command.end(), {stage() + "/bin/reeve", "broker"});
  pid_ = start(command, folder_.path() + "/broker.out", folder_.path() + "/broker.err");
  const auto give_up = Clock::now() + 30s;
  while (!fs::exists(runtime_path_ + "/broker.socket") && Clock::now() < give_up && is_alive()) {
    std::this_thread::sleep_for(2ms);
  }
}

Session::~Session() {
  ::kill(pid_, SIGTERM);
  const auto code = wait_for(pid_, 30s);
  EXPECT_EQ(code.value_or(-1), 0) << printed();
  for (const auto& entry : fs::directory_iterator("/proc")) {
    EXPECT_EQ(contents(entry.path().string() + "/cmdline").find(runtime_path_), std::string::npos)
        << entry.path() << " was left behind";
  }
}

std::string Session::printed() const { return contents(folder_.path() + "/broker.err"); }

bool Session::prints(const std::string& text) const {
  const auto give_up = Clock::now() + 10s;
  while (printed().find(text) == std::string::npos) {
    if (Clock::now() > give_up) return false;
    std::this_thread::sleep_for(5ms);
  }
  return true;
}

bool wait_for_no_broker(const std::string& runtime) {
  const auto folder = os::open_folder(runtime);
  const auto give_up = Clock::now() + 30s;
  while (folder && Clock::now() < give_up) {
    const auto lock = os::take_lock(*folder, bootstrap::kLockName);
    if (lock && *lock) return true;
    std::this_thread::sleep_for(5ms);
  }
  return !folder;
}

bool Session::is_alive() const {
  siginfo_t info{};
  return ::waitid(P_PID, static_cast<id_t>(pid_), &info, WEXITED | WNOHANG | WNOWAIT) == 0 && info.si_pid == 0;
}

int Session::part(const std::string& name) const {
  for (const Process& child : children_of(pid_)) {
    if (child.name == name && child.state != 'Z') return child.pid;
  }
  return 0;
}

Census Session::census() const {
  leave_broker();
  Census census;
  census.descriptors["supervisor"] = descriptor_count(pid_);
  for (const Process& child : children_of(pid_)) {
    census.zombies += child.state == 'Z' ? 1U : 0U;
    if (child.name == "broker" || child.name == "spawner") {
      census.descriptors[child.name] = descriptor_count(child.pid);
    } else {
      ++census.children;
    }
  }
  const std::string mounts = contents("/proc/" + std::to_string(pid_) + "/mountinfo");
  census.mounts = static_cast<std::size_t>(std::count(mounts.begin(), mounts.end(), '\n'));
  return census;
}

Census Session::settled_census() const {
  const auto give_up = Clock::now() + 10s;
  Census last = census();
  while (Clock::now() < give_up) {
    std::this_thread::sleep_for(100ms);
    const Census next = census();
    if (next == last) return next;
    last = next;
  }
  return last;
}

std::map<std::string, std::string> facts_of(int pid) {
  std::map<std::string, std::string> facts;
  std::ifstream status("/proc/" + std::to_string(pid) + "/status");
  for (std::string line; std::getline(status, line);) {
    const std::size_t colon = std::min(line.find(':'), line.size());
    const std::size_t value = std::min(line.find_first_not_of(" \t", colon + 1), line.size());
    facts[line.substr(0, colon)] = line.substr(value);
  }
  return facts;
}

Dictionary status_of(const std::string& label) {
  const Output listed = reeve_tool({"list", "--json"});
  const auto parsed = inspect::parse_json(listed.out);
  if (!parsed) return {};
  for (const Object& job : *parsed->get<Dictionary>()->find("jobs")->get<Array>()) {
    if (*job.get<Dictionary>()->find("label") == Object(label)) return *job.get<Dictionary>();
  }
  return {};
}

std::string last_exit_of(const std::string& label) {
  const Dictionary status = status_of(label);
  const Object* how = status.find("last_exit");
  const std::string* text = how != nullptr ? how->get<std::string>() : nullptr;
  return text != nullptr ? *text : "";
}

bool wait_for_state(const std::string& label, const std::string& state) {
  const auto give_up = Clock::now() + 60s;
  while (Clock::now() < give_up) {
    const Dictionary status = status_of(label);
    const Object* now = status.find("state");
    if (now != nullptr && *now == Object(state)) return true;
    std::this_thread::sleep_for(20ms);
  }
  return false;
}

}  // namespace reeve::test
