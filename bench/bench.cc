// What a call costs beside what the kernel's own sockets cost, in one run:   bench [--only TEXT] [--json FILE]
//
// Everything of Reeve's is on: the broker introduces, the service runs in the parser preset, packets, senders and
// bodies are checked, replies are compared.
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstring>

#include "../src/os/process.hpp"
#include "bare.hpp"
#include "introducer.hpp"
#include "mach.hpp"
#include "messages.hpp"
#include "names.hpp"
#include "ports.hpp"
#include "proof.hpp"
#include "sandboxed.hpp"
#include "session.hpp"
#include "waiting.hpp"

namespace bench {
namespace {

constexpr Placement kPlacements[] = {{"one core", 0, 0}, {"two cores", 0, 1}, {"free", -1, -1}};

bool is_one_core(const Placement& where) { return where.ours >= 0 && where.ours == where.theirs; }

Row round_trip(const Placement& where, const Broker& broker, std::size_t bytes, int count) {
  stand_on(where.theirs);
  const BareServer server(broker.bare(bytes), bytes);
  stand_on(where.ours);
  BareClient bare(broker.bare(bytes), bytes);
  Echo echo;
  const reeve::Dictionary message = message_of(bytes);
  return compare(std::string("round trip, ") + where.name, bytes, count,
                 {[&] { echo.call(message); }, [&] { return cpu_with(echo.pid()); }},
                 {[&] { bare.call(); }, [&] { return cpu_with(server.pid()); }});
}

enum class Looks { not_at_all, at_every_page };

// Memory built before, handed over, and handed back.
Row handed_over(const Placement& where, const Broker& broker, std::size_t bytes, int count, Looks looks) {
  stand_on(where.theirs);
  const BareServer server(broker.bare(bytes), bytes);
  stand_on(where.ours);
  BareClient bare(broker.bare(bytes), bytes);
  Echo echo;
  auto connection = reeve::open_connection(kEcho);
  auto builder = reeve::MemoryBuilder::make(bytes);
  if (!builder) die(builder.error().message);
  std::memset(builder->bytes().data(), 'x', bytes);
  const auto memory = builder->seal();
  if (!memory) die(memory.error().message);
  const reeve::Dictionary message{{"data", reeve::Object(*memory)}};
  const auto call = [&] {
    const auto reply = connection.call(message);
    if (!reply) die(reply.error().message);
    const auto* back = reply->find("data")->get<reeve::Memory>();
    const auto data = back->data();
    if (!data || data->size() != bytes) die("the memory is not what was sent");
    if (looks == Looks::not_at_all) return;
    unsigned sum = 0;
    for (std::size_t at = 0; at < bytes; at += 4096) sum += std::to_integer<unsigned>(data->bytes()[at]);
    if (sum != bytes / 4096 * 'x') die("the memory is not what was sent");
  };
  const std::string name = looks == Looks::at_every_page ? "handed over and read, " : "handed over, ";
  return compare(name + where.name, bytes, count, {call, [&] { return cpu_with(echo.pid()); }},
                 {[&] { bare.call(); }, [&] { return cpu_with(server.pid()); }});
}

// Batches of messages that want no answer, the last followed by one that does. In messages a second.
Row one_way(const Placement& where, const Broker& broker) {
  constexpr int kBatch = 2000;
  static constexpr std::size_t kBytes = 64;
  stand_on(where.theirs);
  const BareServer server(broker.bare(kBytes), kBytes);
  stand_on(where.ours);
  BareClient bare(broker.bare(kBytes), kBytes);
  Echo echo;
  const reeve::Dictionary message = message_of(kBytes);
  Row row = compare(std::string("one way, ") + where.name, kBytes, 50,
                    {[&] {
                       for (int i = 1; i < kBatch; ++i) echo.tell(message);
                       echo.call(message);
                     },
                     {}},
                    {[&] {
                       for (int i = 1; i < kBatch; ++i) bare.tell();
                       bare.call();
                     },
                     {}});
  for (Figures* figures : {&row.reeve, &row.base}) {
    *figures = {kBatch * 1e6 / figures->p50, kBatch * 1e6 / figures->p99};
  }
  row.unit = "/s";
  return row;
}

enum class Base { direct, introduced };

// A new connection each time. Reeve asks the broker, over the connection that is kept to it; the bare one connects to
// its server, or has another process introduce it.
Row connect_and_call(const Placement& where, const Broker& broker, Base base) {
  static constexpr std::size_t kBytes = 64;
  stand_on(where.theirs);
  const BareServer server(broker.bare(kBytes), kBytes);
  const BareIntroducer introducer;
  stand_on(where.ours);
  const Echo warm;
  const reeve::Dictionary message = message_of(kBytes);
  const Side ours{[&] {
                    auto connection = reeve::open_connection(kEcho);
                    if (!connection.call(message)) die("no echo");
                  },
                  [&] { return cpu_with(warm.pid()) + cpu_of(broker.pid_of("broker")); }};
  const Side direct{[&] { BareClient(broker.bare(kBytes), kBytes).call(); }, [&] { return cpu_with(server.pid()); }};
  const Side introduced{[&] { introducer.connect_and_call(); }, [&] { return cpu_of(::getpid()) + introducer.cpu(); }};
  const bool is_direct = base == Base::direct;
  return compare(std::string("connect + first call, ") + (is_direct ? "" : "both introduced, ") + where.name, kBytes,
                 1000, ours, is_direct ? direct : introduced);
}

// The program, until it has ended: at once, since nobody gave it a broker.
double bare_start(const std::string& program) {
  const double start = now_us();
  const pid_t child = ::vfork();
  if (child == 0) {
    ::close(2);
    ::execl(program.c_str(), program.c_str(), nullptr);
    ::_exit(1);
  }
  ::waitpid(child, nullptr, 0);
  return now_us() - start;
}

struct Program {
  std::string path;
  const char* linked;
};
const Program kStatic{REEVE_STATIC_ECHO, "static"};
const Program kDynamic{REEVE_STAGE "/libexec/reeve/echo", "dynamic"};

// The part of a cold start that is the kernel's: namespaces, filters and the program, and nobody who is told.
Row sandboxed_start(const Placement& where, const reeve::sandbox::Preset& preset, const Program& program,
                    LayerTable& layers) {
  stand_on(where.ours);
  constexpr int kTimes = 200;
  std::vector<double> bare;
  for (int i = 0; i < kTimes; ++i) bare.push_back(bare_start(program.path));
  reeve::os::give_memory_back();  // A start copies the map of this process's memory, which is to be like the spawner's.
  const auto ours = sandboxed_starts(program.path, preset, kTimes);
  const std::string column = std::string(preset.name) + ", " + program.linked;
  if (is_one_core(where)) layers.add(column, ours, bare);
  const std::string name = "the sandbox alone, " + column + ", " + where.name;
  return {name, 0, "us", figures_of(ours.whole), figures_of(bare), 0, 0};
}

// The service is killed, and the next call starts it in its full sandbox. The base is a bare start of the same program.
Row cold_start(const Placement& where, const char* name, const std::string& program, const char* what) {
  stand_on(where.ours);
  const reeve::Dictionary message = message_of(64);
  std::vector<double> ours;
  std::vector<double> theirs;
  for (int i = 0; i < 60; ++i) {
    const int pid = *reeve::open_connection(name).peer()->pid;
    ::kill(pid, SIGKILL);
    while (::kill(pid, 0) == 0) ::sched_yield();
    auto fresh = reeve::open_connection(name);
    const double start = now_us();
    if (!fresh.call(message)) die("no echo");
    ours.push_back(now_us() - start);
    theirs.push_back(bare_start(program));
  }
  return {std::string(what) + where.name, 64, "us", figures_of(ours), figures_of(theirs), 0, 0};
}

// What a thousand connections that have made one call, and then say nothing, keep resident in the server's processes,
// in KiB. One process may have about a hundred to a service in the parser preset, so that it is ten times what a
// hundred keep.
Row idle_memory(const Broker& broker) {
  constexpr int kConnections = 100;
  constexpr int kTimes = 10;
  static constexpr std::size_t kBytes = 64;
  const BareServer server(broker.bare(kBytes), kBytes);
  const reeve::Dictionary message = message_of(kBytes);
  Echo warm;
  for (int i = 0; i < 1000; ++i) warm.call(message);
  BareClient warm_bare(broker.bare(kBytes), kBytes);
  for (int i = 0; i < 1000; ++i) warm_bare.call();
  const auto ours = [&] { return resident_kib(warm.pid()) + resident_kib(broker.pid_of("broker")); };
  Row row{"server memory per 1,000 idle connections", kBytes, "KiB", {}, {}, 0, 0};
  const double before = ours();
  const double bare_before = resident_kib(server.pid());
  std::vector<reeve::Connection> idle;
  std::vector<BareClient> bare;
  for (int i = 0; i < kConnections; ++i) {
    idle.push_back(reeve::open_connection(kEcho));
    if (!idle.back().call(message)) die("no echo");
    bare.emplace_back(broker.bare(kBytes), kBytes).call();
  }
  row.reeve.p50 = row.reeve.p99 = (ours() - before) * kTimes;
  row.base.p50 = row.base.p99 = (resident_kib(server.pid()) - bare_before) * kTimes;
  return row;
}

struct Options {
  std::string only;  // rows whose name holds this
  std::string json;
};

void measure(const Placement& where, const Options& options, std::vector<Row>& rows, LayerTable& layers) {
  constexpr std::size_t kMiB = 1024 * 1024;
  const auto is_wanted = [&](const std::string& name) {
    return (name + ", " + where.name).find(options.only) != std::string::npos;
  };
  stand_on(where.theirs);
  const Broker broker;
  stand_on(where.ours);
  const auto add_all = [&](const std::string& name, auto run) {
    if (!is_wanted(name) || (name == "a proof" && !can_prove())) return;
    for (Row& row : run()) rows.push_back(std::move(row));
    std::fprintf(stderr, ".");
  };
  const auto add = [&](const std::string& name, auto run) { add_all(name, [&] { return std::vector<Row>{run()}; }); };
  for (const reeve::sandbox::Preset& preset : reeve::sandbox::all_presets()) {
    if (!preset.confined || (!is_one_core(where) && preset.name != "parser")) continue;
    for (const Program& program : {kStatic, kDynamic}) {
      add("the sandbox alone", [&] { return sandboxed_start(where, preset, program, layers); });
    }
  }
  for (const Waits waits : {Waits::asleep, Waits::awake}) {
    const std::string how = text_of(waits);
    add_all("small call, " + how, [&] { return small_calls(where, broker, waits); });
    add("small call, " + how, [&] { return bare_behind_filters(where, broker, waits); });
    add("coroutine, " + how, [&] { return coroutine_call(where, waits); });
    for (const Waits bare : {Waits::asleep, Waits::awake}) {
      add("8 clients, " + how, [&] { return eight_clients(where, broker, waits, bare); });
    }
  }
  add("contended", [&] { return contended(where); });
  for (const std::size_t size : {64 * 1024UL, kMiB, 16 * kMiB}) {
    add("built and sent", [&] { return built_and_sent(where, size, size < 2 * kMiB ? 500 : 50); });
  }
  if (is_one_core(where)) add("allocations", [&] { return allocations_per_call(where); });
  add("round trip 1 KiB", [&] { return round_trip(where, broker, 1024, 20'000); });
  add("round trip 64 KiB", [&] { return round_trip(where, broker, 64 * 1024, 5000); });
  add("round trip 1 MiB", [&] { return round_trip(where, broker, kMiB, 1000); });
  add("round trip 16 MiB", [&] { return round_trip(where, broker, 16 * kMiB, 50); });
  add("handed over 16 MiB", [&] { return handed_over(where, broker, 16 * kMiB, 50, Looks::not_at_all); });
  add("handed over and read 16 MiB", [&] { return handed_over(where, broker, 16 * kMiB, 50, Looks::at_every_page); });
  add("one way", [&] { return one_way(where, broker); });
  add_all("port", [&] { return port_round_trips(where, broker); });
  add_all("mach_msg", [&] { return mach_messages(where, broker); });
  add_all("message port", [&] { return message_port_calls(where, broker); });
  for (const Form form : {Form::bytes, Form::property_list}) {
    add("socket", [&] { return socket_messages(where, form); });
  }
  add("port, one way", [&] { return port_one_way(where, broker); });
  add("port, 8 senders", [&] { return port_fan_in(where, broker); });
  if (is_one_core(where)) add_all("port, rights", [&] { return port_rights(where); });
  for (const Base base : {Base::direct, Base::introduced}) {
    add("connect + first call", [&] { return connect_and_call(where, broker, base); });
  }
  add("cold start", [&] { return cold_start(where, kEcho, kDynamic.path, "cold start to first reply, "); });
  add("cold start, static",
      [&] { return cold_start(where, kStaticEcho, kStatic.path, "cold start to first reply, static, "); });
  add("a proof", [&] { return proof(where); });
  if (where.ours >= 0) return;
  add("a signature", [&] { return signature_check(); });
  add("memory", [&] { return idle_memory(broker); });
  add("look-ups of 8 clients", [&] { return look_up_storm(broker); });
  add("10,000 connections", [&] { return broker_memory(broker); });
  add("after the broker's death", [&] { return after_a_death(broker); });
}

Options options_of(int argc, char** argv) {
  Options options;
  for (int i = 1; i < argc; i += 2) {
    const std::string name = argv[i];
    const bool is_whole = (name == "--only" || name == "--json") && i + 1 < argc;
    if (!is_whole) die("usage: bench [--only TEXT] [--json FILE]");
    (name == "--only" ? options.only : options.json) = argv[i + 1];
  }
  return options;
}

}  // namespace
}  // namespace bench

int main(int argc, char** argv) {
  if (argc == 3 && std::string_view(argv[1]) == "--prove") return bench::prove_for(std::atoi(argv[2]));
  const bench::Options options = bench::options_of(argc, argv);
  std::vector<bench::Row> rows;
  bench::LayerTable layers;
  for (const auto& placement : bench::kPlacements) bench::measure(placement, options, rows, layers);
  std::fprintf(stderr, "\n");
  bench::print(rows);
  layers.print();
  if (!options.json.empty()) bench::write_json(options.json, rows);
  return 0;
}
