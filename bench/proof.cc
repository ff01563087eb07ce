#include "proof.hpp"

#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>

#include "../src/bootstrap/broker.hpp"
#include "../src/identity/signature.hpp"
#include "../src/os/whole_file.hpp"

namespace bench {
namespace {

namespace identity = reeve::identity;
namespace bootstrap = reeve::bootstrap;
using reeve::Data;

constexpr int kTimes = 2000;

std::vector<std::byte> signed_copy(std::vector<std::byte> file) {
  const auto key = need(identity::SecretKey::generate());
  const auto public_key = key.public_key();
  const auto digest = identity::digest_of(file);
  identity::Manifest manifest;
  manifest.identifier = "org.example.bench";
  manifest.team_key = Data(std::vector<std::byte>(public_key.begin(), public_key.end()));
  manifest.digest = Data(std::vector<std::byte>(digest.begin(), digest.end()));
  manifest.groups = {identity::team_id_of(public_key) + ".shared"};
  const auto trailer = need(identity::make_trailer(file.size(), manifest, key));
  file.insert(file.end(), trailer.begin(), trailer.end());
  return file;
}

// Where nobody but root can write, from / on.
class GuardedCopy {
 public:
  GuardedCopy() {
    if (::mkdtemp(folder_) == nullptr) die("no folder");
    ::chmod(folder_, 0755);
    const auto self = need(reeve::os::read_whole("/proc/self/exe", reeve::kImageBytesMax));
    const auto whole = signed_copy(self.bytes);
    const std::array<std::span<const std::byte>, 1> parts{whole};
    need(reeve::os::replace_whole(path(), parts, self));
  }
  ~GuardedCopy() { std::filesystem::remove_all(folder_); }
  std::string path() const { return std::string(folder_) + "/bench"; }

 private:
  char folder_[32] = "/run/reeve-bench-XXXXXX";
};

}  // namespace

Row signature_check() {
  const auto file = signed_copy(std::vector<std::byte>(64));
  std::vector<double> took;
  for (int i = 0; i < kTimes; ++i) {
    const double start = now_us();
    need(identity::check_trailer(file, file.size()));
    took.push_back(now_us() - start);
  }
  return {"a signature", file.size(), "us", figures_of(std::move(took)), {}, 0, 0};
}

bool can_prove() { return ::geteuid() == 0; }

int prove_for(int times) {
  reeve::Result<reeve::Dictionary> last = reeve::Dictionary{};
  bootstrap::Broker broker;
  const auto ask = [&](const reeve::contract::Request& what) { return last = broker.ask_for_reply(what); };
  std::vector<double> samples;
  for (int i = 0; i < times; ++i) {
    const double start = now_us();
    if (!bootstrap::prove(ask)) return 1;
    samples.push_back(now_us() - start);
    const auto proof = reeve::contract::decode_reply<reeve::contract::Proof>(*last);
    if (!proof || proof->who.trust != reeve::PeerClass::verified) return 2;
  }
  return ::write(1, samples.data(), samples.size() * sizeof(double)) > 0 ? 0 : 3;
}

Row proof(const Placement& where) {
  const GuardedCopy copy;
  stand_on(where.ours);
  int line[2];
  if (::pipe(line) != 0) die("no pipe");
  const pid_t child = ::fork();
  if (child == 0) {
    ::dup2(line[1], 1);
    ::execl(copy.path().c_str(), "bench", "--prove", std::to_string(kTimes).c_str(), nullptr);
    ::_exit(1);
  }
  ::close(line[1]);
  std::vector<double> took;
  for (double one = 0; ::read(line[0], &one, sizeof one) == sizeof one;) took.push_back(one);
  ::close(line[0]);
  int status = 0;
  if (::waitpid(child, &status, 0) != child || status != 0) die("nothing was proven");
  std::vector<double> base;
  bootstrap::Broker broker;
  for (int i = 0; i < kTimes; ++i) {
    const double start = now_us();
    (void)broker.status(kEcho);
    base.push_back(now_us() - start);
  }
  return {std::string("a proof, ") + where.name, 0, "us", figures_of(std::move(took)),
          figures_of(std::move(base)),           0, 0};
}

}  // namespace bench
