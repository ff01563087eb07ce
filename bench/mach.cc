#include "mach.hpp"

#include <mach/mach.h>
#include <servers/bootstrap.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bare.hpp"

namespace bench {
namespace {

constexpr mach_msg_id_t kHello = 1;
constexpr mach_msg_id_t kCall = 2;
constexpr mach_msg_id_t kTell = 3;

struct Letter {
  mach_msg_header_t header;
  mach_msg_trailer_t trailer;
};

void need_success(kern_return_t status, const char* what) {
  if (status != KERN_SUCCESS) die(std::string(what) + ": " + mach_error_string(status));
}

mach_port_t new_port() {
  mach_port_options_t options{};
  options.flags = MPO_QLIMIT | MPO_INSERT_SEND_RIGHT;
  options.mpl.mpl_qlimit = MACH_PORT_QLIMIT_LARGE;
  mach_port_t port = MACH_PORT_NULL;
  need_success(mach_port_construct(mach_task_self(), &options, 0, &port), "mach_port_construct");
  return port;
}

mach_msg_header_t header(mach_port_t to, mach_msg_id_t id, mach_port_t reply = MACH_PORT_NULL) {
  const mach_msg_type_name_t how = reply != MACH_PORT_NULL ? MACH_MSG_TYPE_MAKE_SEND : 0;
  return {MACH_MSGH_BITS(MACH_MSG_TYPE_COPY_SEND, how), sizeof(mach_msg_header_t), to, reply, MACH_PORT_NULL, id};
}

// Answers each call by the right that its client brought first.
[[noreturn]] void serve() {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  const mach_port_t port = new_port();
  Letter letter{header(bootstrap_port, kHello, port), {}};
  mach_port_t client = MACH_PORT_NULL;
  mach_msg_option_t option = MACH_SEND_MSG | MACH_RCV_MSG;
  while (true) {
    need_success(mach_msg(&letter.header, option, sizeof letter.header, sizeof letter, port, 0, MACH_PORT_NULL),
                 "serve");
    if (letter.header.msgh_id == kHello) client = letter.header.msgh_remote_port;
    option = letter.header.msgh_id == kTell ? MACH_RCV_MSG : MACH_SEND_MSG | MACH_RCV_MSG;
    letter.header = header(client, letter.header.msgh_id);
  }
}

// The server, and its client in this process.
class Mach {
 public:
  Mach() {
    need_success(task_set_bootstrap_port(mach_task_self(), port_), "task_set_bootstrap_port");
    pid_ = ::fork();
    if (pid_ == 0) serve();
    need_success(task_set_bootstrap_port(mach_task_self(), bootstrap_port), "task_set_bootstrap_port");
    Letter letter{};
    need_success(mach_msg(&letter.header, MACH_RCV_MSG, 0, sizeof letter, port_, 0, MACH_PORT_NULL), "hello");
    server_ = letter.header.msgh_remote_port;
    exchange(header(server_, kHello, port_));
  }
  Mach(const Mach&) = delete;
  Mach& operator=(const Mach&) = delete;
  ~Mach() {
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
    (void)mach_port_destroy(mach_task_self(), server_);
    (void)mach_port_destroy(mach_task_self(), port_);
  }
  void call() { exchange(header(server_, kCall)); }
  void tell() {
    mach_msg_header_t message = header(server_, kTell);
    need_success(mach_msg(&message, MACH_SEND_MSG, sizeof message, 0, MACH_PORT_NULL, 0, MACH_PORT_NULL), "tell");
  }
  int pid() const { return pid_; }

 private:
  void exchange(const mach_msg_header_t& request) {
    Letter letter{request, {}};
    need_success(
        mach_msg(&letter.header, MACH_SEND_MSG | MACH_RCV_MSG, sizeof request, sizeof letter, port_, 0, MACH_PORT_NULL),
        "exchange");
    if (letter.header.msgh_id != request.msgh_id) die("another answer");
  }
  mach_port_t port_ = new_port();
  mach_port_t server_ = MACH_PORT_NULL;
  int pid_ = -1;
};

}  // namespace

std::vector<Row> mach_messages(const Placement& where, const Broker& broker) {
  constexpr int kBatch = 2000;
  constexpr std::size_t kBytes = sizeof(mach_msg_header_t);
  stand_on(where.theirs);
  const BareServer server(broker.bare(kBytes), kBytes, Waits::asleep);
  Mach mach;
  stand_on(where.ours);
  const Waiting waiting{Waits::asleep};
  BareClient bare(broker.bare(kBytes), kBytes);
  const auto batch = [](auto& side) {
    return [&side] {
      for (int i = 1; i < kBatch; ++i) side.tell();
      side.call();
    };
  };
  const Side ours{[&] { mach.call(); }, [&] { return cpu_with(mach.pid()); }};
  const Side theirs{[&] { bare.call(); }, [&] { return cpu_with(server.pid()); }};
  return {compare(std::string("mach_msg, round trip, ") + where.name, kBytes, 20'000, ours, theirs),
          as_rate(compare(std::string("mach_msg, one way, ") + where.name, kBytes, 50, {batch(mach), {}},
                          {batch(bare), {}}),
                  kBatch)};
}

}  // namespace bench
