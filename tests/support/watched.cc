#include <linux/seccomp.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <array>
#include <atomic>
#include <cstring>
#include <future>
#include <thread>

#include "../../src/os/socket.hpp"
#include "filter.hpp"
#include "watcher.hpp"

namespace reeve::test {
namespace {

sockaddr_un address_of(const char* path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::strncpy(address.sun_path, path, sizeof address.sun_path - 1);
  return address;
}

bool send_filter(const os::Fd& filter, const char* path) {
  const os::Fd socket(::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0));
  const sockaddr_un address = address_of(path);
  if (::connect(socket.raw(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) return false;
  const std::byte word{1};
  const std::array parts{std::span(&word, 1)};
  const int raw = filter.raw();
  const auto sent = os::send_packet(socket, parts, std::span(&raw, 1));
  if (!sent || *sent != os::Sent::whole) return false;
  // The watcher hangs up once it watches: no call is made before.
  return os::wait_for(socket, os::Readiness::readable, os::now() + 30s).value_or(false);
}

}  // namespace

os::Fd watch_own_calls() {
  std::vector<FilterRule> rules;
  for (const FailingCall& call : failing_calls()) {
    rules.push_back({call.number, call.argument, call.value, SECCOMP_RET_USER_NOTIF});
  }
  return os::Fd(load_rules(rules, SECCOMP_FILTER_FLAG_NEW_LISTENER));
}

bool let_watch(const char* path) {
  // A filter holds for its own thread and for what that starts: another one, from before, is free to make the calls
  // that hand it over.
  std::promise<os::Fd*> loaded;
  std::atomic<bool> is_sent = false;
  std::thread messenger([&, filter = loaded.get_future()]() mutable {
    const os::Fd* const what = filter.get();
    is_sent = *what && send_filter(*what, path);
  });
  os::Fd filter = watch_own_calls();
  loaded.set_value(&filter);
  messenger.join();
  return is_sent;
}

}  // namespace reeve::test
