#include "crowd.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <random>

#include "../../src/bootstrap/broker.hpp"
#include "../../src/contract/broker.hpp"
#include "../../src/object/call.hpp"
#include "stranger.hpp"

namespace reeve::test {
namespace {

using channel::Header;
using channel::PacketKind;

std::mt19937& random() {
  static std::mt19937 source(static_cast<unsigned>(::getpid()));
  return source;
}

// Without a broker, or without a place at it, there is nobody to be hostile to just now.
Stranger at_broker() {
  auto socket = bootstrap::connect_to_broker(bootstrap::WhenAbsent::fail, os::now() + 1s);
  return {socket ? std::move(*socket) : os::Fd()};
}
Stranger at_service(const std::string& service) {
  auto found = bootstrap::Broker(bootstrap::WhenAbsent::fail).look_up({service}, os::now() + 1s);
  auto end = found ? found->end.shared()->duplicate() : Result<os::Fd>(os::Fd());
  return {end ? std::move(*end) : os::Fd()};
}
Stranger greeted(Stranger stranger) {
  stranger.greet();
  return stranger;
}

std::vector<std::byte> bytes_of(const Dictionary& message) { return wire::encode(message)->body.bytes; }
std::vector<std::byte> bytes_of(const contract::Request& request) { return bytes_of(contract::encode(request)); }

// What was answered is read and forgotten, for at most a moment: until the other side hangs up, or has nothing to say.
void read_away(const Stranger& stranger) {
  std::vector<std::byte> room(channel::kPacketBytesMax);
  for (int i = 0; i < 200; ++i) {
    if (!os::wait_for(stranger.socket, os::Readiness::readable, os::now() + 2ms).value_or(false)) return;
    const auto received = os::receive_packet(stranger.socket, room, os::Rights::accept);
    if (!received || std::holds_alternative<os::EndOfChannel>(*received)) return;
  }
}

// A hundred requests at once, and their answers.
void flood(const std::function<contract::Request(int)>& request) {
  const Stranger stranger = greeted(at_broker());
  for (int i = 0; i < 100; ++i) stranger.request(static_cast<std::uint64_t>(i) + 1, bytes_of(request(i)));
  read_away(stranger);
}

void say(const Stranger& stranger, PacketKind kind, const contract::Request& what) {
  const auto body = bytes_of(what);
  Header header;
  header.kind = kind;
  header.sequence = 1;
  header.id = kind == PacketKind::request ? 1 : 0;
  header.body_size = header.message_size = body.size();
  stranger.send(header, body);
  read_away(stranger);
}

void say_nothing(const std::string&) {
  std::vector<Stranger> silent;
  for (int i = 0; i < 20; ++i) silent.push_back(at_broker());
  os::wait_until(os::now() + 50ms);
}
void send_garbage(const std::string& service) {
  const Stranger stranger = random()() % 2 == 0 ? at_broker() : at_service(service);
  std::vector<std::uint32_t> noise(1 + random()() % 1000);
  for (std::uint32_t& word : noise) word = static_cast<std::uint32_t>(random()());
  stranger.send(noise.data(), noise.size() * sizeof(std::uint32_t));
  read_away(stranger);
}
void say_wrong_magic(const std::string& service) {
  for (const Stranger& stranger : {at_broker(), at_service(service)}) {
    Header header;
    header.magic = {'V', 'E', 'E', 'R'};
    stranger.send(header, {});
    read_away(stranger);
  }
}
void lie_about_sequence(const std::string& service) {
  for (const Stranger& stranger : {greeted(at_broker()), greeted(at_service(service))}) {
    stranger.request(random()(), bytes_of(contract::List{}));
    read_away(stranger);
  }
}
void greet_twice(const std::string& service) {
  for (const Stranger& stranger : {greeted(at_broker()), greeted(at_service(service))}) {
    stranger.greet();
    read_away(stranger);
  }
}
void begin_long_messages(const std::string& service) {
  const Stranger stranger = greeted(at_service(service));
  const std::vector<std::byte> fragment(vocab::kFragmentBytes);
  for (std::uint64_t i = 1; i <= vocab::kPartialCountMax; ++i) {
    Header header;
    header.kind = PacketKind::request;
    header.id = header.sequence = i;
    header.body_size = fragment.size();
    header.message_size = vocab::kMessageBytesMax;
    stranger.send(header, fragment);
  }
  os::wait_until(os::now() + 20ms);
}
void begin_long_messages_at_broker(const std::string&) {
  const Stranger stranger = greeted(at_broker());
  const std::vector<std::byte> fragment(vocab::kFragmentBytes);
  Header header;
  header.kind = PacketKind::request;
  header.id = header.sequence = 1;
  header.body_size = fragment.size();
  header.message_size = vocab::kMessageBytesMax;
  stranger.send(header, fragment);
  read_away(stranger);
}
void look_up_unknown_names(const std::string&) {
  flood([](int) { return contract::LookUp{"org.nowhere.n" + std::to_string(random()()), 0}; });
}
void look_up_and_never_use(const std::string& service) {
  flood([&](int) { return contract::LookUp{service, 0}; });
}
void hoard_ends(const std::string& service) {
  std::vector<Stranger> hoard;
  for (int i = 0; i < 50; ++i) hoard.push_back(at_service(service));
  os::wait_until(os::now() + 20ms);
}
void register_names(const std::string&) {
  flood([](int i) {
    const auto scope = i % 2 == 0 ? contract::Scope::process : contract::Scope::everybody;
    return contract::Register{"org.hostile.n" + std::to_string(random()()), scope};
  });
}
void check_in_as_a_service(const std::string&) { say(greeted(at_broker()), PacketKind::request, contract::CheckIn{}); }
void take_and_retire(const std::string&) {
  say(greeted(at_broker()), PacketKind::message, contract::Taken{~0ULL});
  say(greeted(at_broker()), PacketKind::request, contract::Retire{~0ULL});
}
void guess_endpoints(const std::string&) {
  flood([](int) {
    Endpoint endpoint;
    for (auto& byte : endpoint.token) byte = static_cast<std::byte>(random()());
    return contract::Redeem{endpoint};
  });
}
void send_descriptors(const std::string&) {
  const Stranger stranger = greeted(at_broker());
  const std::vector<int> raw(16, stranger.socket.raw());
  stranger.request_with(1, raw, {static_cast<std::uint8_t>(os::DescriptorKind::channel), 3, 0});
  read_away(stranger);
}
void send_empty_packets(const std::string& service) {
  for (const Stranger& stranger : {at_broker(), greeted(at_service(service))}) {
    for (int i = 0; i < 10; ++i) stranger.send("", 0);
    read_away(stranger);
  }
}
void send_largest_packets(const std::string& service) {
  static const std::vector<std::byte> body(200'000 - sizeof(Header));
  for (const Stranger& stranger : {greeted(at_broker()), greeted(at_service(service))}) {
    stranger.request(1, std::span(body).first(vocab::kFragmentBytes));
    stranger.request(2, body);
    read_away(stranger);
  }
}
void come_and_go(const std::string&) {
  for (int i = 0; i < 50; ++i) (void)at_broker();
}
void say_one_byte(const std::string& service) {
  const Stranger one = at_broker();
  const Stranger other = at_service(service);
  one.send("R", 1);
  other.send("R", 1);
  read_away(one);
  read_away(other);
}
void manage_rubbish(const std::string&) {
  flood([](int i) -> contract::Request {
    const std::string rubbish(random()() % 300, static_cast<char>('!' + random()() % 90));
    switch (i % 6) {
      case 0:
        return contract::Load{"/" + rubbish, rubbish};
      case 1:
        return contract::Unload{rubbish};
      case 2:
        return contract::Start{rubbish};
      case 3:
        return contract::Stop{rubbish};
      case 4:
        return contract::KillJob{rubbish, static_cast<std::int32_t>(random()())};
      default:
        return contract::Print{rubbish};
    }
  });
}
void look_up_long_names(const std::string&) {
  flood([](int i) {
    constexpr std::size_t kSizes[] = {vocab::kNameBytesMax, vocab::kNameBytesMax + 1, 10'000, 100'000};
    return contract::LookUp{std::string(kSizes[static_cast<std::size_t>(i) % std::size(kSizes)], 'n'), i};
  });
}
void ask_and_leave(const std::string&) {
  const Stranger stranger = greeted(at_broker());
  for (std::uint64_t i = 1; i <= 100; ++i) stranger.request(i, bytes_of(contract::List{}));
}
void hang_up_in_one_direction(const std::string& service) {
  for (const int how : {SHUT_RD, SHUT_WR}) {
    const Stranger stranger = greeted(random()() % 2 == 0 ? at_broker() : at_service(service));
    stranger.request(1, bytes_of(contract::List{}));
    ::shutdown(stranger.socket.raw(), how);
    os::wait_until(os::now() + 5ms);
  }
}

}  // namespace

const std::vector<Hostility>& hostilities() {
  static const std::vector<Hostility> all{{"say nothing", say_nothing},
                                          {"send garbage", send_garbage},
                                          {"say a wrong magic", say_wrong_magic},
                                          {"lie about the sequence", lie_about_sequence},
                                          {"greet twice", greet_twice},
                                          {"begin long messages", begin_long_messages},
                                          {"begin long messages at the broker", begin_long_messages_at_broker},
                                          {"look up unknown names", look_up_unknown_names},
                                          {"look up and never use", look_up_and_never_use},
                                          {"hoard ends", hoard_ends},
                                          {"register names", register_names},
                                          {"check in as a service", check_in_as_a_service},
                                          {"take and retire", take_and_retire},
                                          {"guess endpoints", guess_endpoints},
                                          {"send descriptors", send_descriptors},
                                          {"send empty packets", send_empty_packets},
                                          {"send the largest packets", send_largest_packets},
                                          {"come and go", come_and_go},
                                          {"say one byte", say_one_byte},
                                          {"manage rubbish", manage_rubbish},
                                          {"look up long names", look_up_long_names},
                                          {"ask and leave", ask_and_leave},
                                          {"hang up in one direction", hang_up_in_one_direction}};
  return all;
}

std::size_t raise_descriptor_limit() {
  rlimit limit{};
  ::getrlimit(RLIMIT_NOFILE, &limit);
  limit.rlim_cur = limit.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &limit);
  return limit.rlim_cur;
}

Neighbour::Neighbour(const std::function<void(const Ready& ready)>& work) {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) return;
  reader_ = os::Fd(ends[0]);
  const os::Fd writer(ends[1]);
  pid_ = ::fork();
  if (pid_ != 0) return;
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  reader_.close();
  work([&](int number) { (void)!::write(writer.raw(), &number, sizeof number); });
  ::_exit(0);
}

Neighbour::Neighbour(Neighbour&& other) noexcept
    : pid_(std::exchange(other.pid_, -1)), reader_(std::move(other.reader_)) {}

Neighbour::~Neighbour() {
  if (pid_ <= 0) return;
  ::kill(pid_, SIGKILL);
  ::waitpid(pid_, nullptr, 0);
}

int Neighbour::ready() const {
  int number = -1;
  pollfd wait{reader_.raw(), POLLIN, 0};
  if (::poll(&wait, 1, 120'000) != 1 || ::read(reader_.raw(), &number, sizeof number) != sizeof number) return -1;
  return number;
}

std::vector<os::Fd> stalled_readers(const std::string& service, int count) {
  const auto list = bytes_of(contract::List{});
  const auto long_answer =
      bytes_of(Dictionary{{"method", Object("answer_of")}, {"arguments", Object(Array{Object(60'000)})}});
  std::vector<os::Fd> readers;
  for (int i = 0; i < count; ++i) {
    const bool is_at_broker = i % 2 == 0;
    Stranger stranger = is_at_broker ? at_broker() : at_service(service);
    // A waiting room that is full just now has room a moment later.
    for (int attempt = 0; !stranger.socket && attempt < 2000; ++attempt) {
      os::wait_until(os::now() + 5ms);
      stranger = is_at_broker ? at_broker() : at_service(service);
    }
    if (!stranger.socket) break;
    stranger.greet();
    // Until nothing more is taken from it.
    for (std::uint64_t sequence = 1; sequence <= 40; ++sequence) {
      if (!stranger.request(sequence, is_at_broker ? list : long_answer)) break;
    }
    readers.push_back(std::move(stranger.socket));
  }
  return readers;
}

std::vector<os::Fd> ask_over_fresh_channels(const std::string& service, int count) {
  const auto request = bytes_of(Dictionary{{"method", Object("sleep")}, {"arguments", Object(Array{Object(0)})}});
  std::vector<os::Fd> channels;
  for (int i = 0; i < count; ++i) {
    Stranger stranger = greeted(at_service(service));
    if (stranger.socket && stranger.request(1, request)) channels.push_back(std::move(stranger.socket));
  }
  return channels;
}

int count_answers(const std::vector<os::Fd>& channels) {
  const os::Deadline give_up = os::now() + 60s;
  std::vector<std::byte> room(channel::kPacketBytesMax);
  int answers = 0;
  for (const os::Fd& socket : channels) {
    while (os::wait_for(socket, os::Readiness::readable, give_up).value_or(false)) {
      const auto received = os::receive_packet(socket, room, os::Rights::accept);
      const auto* arrival = received ? std::get_if<os::Arrival>(&*received) : nullptr;
      if (arrival == nullptr) break;
      const auto header = channel::decode_header(std::span<const std::byte>(room).first(sizeof(Header)));
      if (!header || header->kind == PacketKind::end) break;
      if (header->kind != PacketKind::reply) continue;
      ++answers;
      break;
    }
  }
  return answers;
}

}  // namespace reeve::test
