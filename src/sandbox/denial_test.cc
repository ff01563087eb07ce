// What is said of a denied call.
#include "denial.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "judge.hpp"

namespace reeve::sandbox {
namespace {

// Flags of openat, and what a socket is made of.
constexpr std::uint64_t kReading = 0;
constexpr std::uint64_t kWriting = 01;
constexpr std::uint64_t kMaking = 0100;
constexpr std::uint64_t kInternet = 2;
constexpr std::uint64_t kNetlink = 16;
constexpr std::uint64_t kStream = 1;
constexpr std::uint64_t kRaw = 3;

constexpr const char* kGroups = "/home/me/.local/share/reeve/groups";

os::DeniedCall call_of(const std::string& name, std::array<std::uint64_t, 6> arguments, const char* path = "") {
  os::DeniedCall call;
  while (name_of_call(call.number) != name && call.number < kCallNumberEnd) ++call.number;
  call.error = EPERM;
  call.arguments = arguments;
  std::memcpy(call.path.data(), path, std::min(std::strlen(path), call.path.size()));
  return call;
}
os::DeniedCall open_of(const char* path, std::uint64_t flags) { return call_of("openat", {0, 1, flags}, path); }

std::string said(const char* preset, const os::DeniedCall& call) {
  const auto denial = explain(*find_preset(preset), call, kGroups);
  return denial ? denial->text : "nothing";
}

TEST(Denial, NamesTheFirstPresetWhoseFilterAllowsTheCallAsItWasMade) {
  EXPECT_EQ(said("parser", call_of("timerfd_create", {})),
            "timerfd_create(0, 0, 0) is refused: <key>Preset</key><string>compute</string> would allow it");
  EXPECT_EQ(said("compute", call_of("socket", {kInternet, kStream, 0})),
            "socket(2, 1, 0) is refused: <key>Preset</key><string>network-client</string> would allow it");
  EXPECT_EQ(said("compute", call_of("socket", {kNetlink, kRaw, 0})),
            "socket(16, 3, 0) is refused: no preset allows it but none, which is no sandbox");
}

// By the filter's word, and not by that of whoever tells of it.
TEST(Denial, SaysWhetherTheCallEndsTheProcess) {
  for (const std::int32_t error : {0, EPERM}) {
    os::DeniedCall call = call_of("keyctl", {});
    call.error = error;
    EXPECT_EQ(said("parser", call), "keyctl(0, 0, 0) ends it: no preset allows it but none, which is no sandbox");
    EXPECT_TRUE(explain(*find_preset("parser"), call, kGroups)->is_end);
    call = call_of("ptrace", {});
    call.error = error;
    EXPECT_FALSE(explain(*find_preset("parser"), call, kGroups)->is_end);
  }
}

TEST(Denial, NamesAPresetForAPathOnlyWhereItShowsThat) {
  EXPECT_NE(said("parser", open_of("/etc/hosts", kReading)).find("network-client"), std::string::npos);
  EXPECT_NE(said("parser", open_of("/etc/ssl/certs/x.pem", kReading)).find("network-client"), std::string::npos);
  EXPECT_NE(said("parser", open_of("/usr/lib/x.so", kReading)).find("network-client"), std::string::npos);
  for (const char* elsewhere :
       {"/etc/passwd", "/etc/hosts.allow", "/etc/ssl/certs/../private/key", "secret", "/home/me/x"}) {
    EXPECT_NE(said("parser", open_of(elsewhere, kReading)).find("no preset allows it"), std::string::npos) << elsewhere;
  }
  EXPECT_NE(said("parser", open_of("/etc/hosts", kWriting)).find("no preset allows it"), std::string::npos);
}

TEST(Denial, NamesTheGroupTooForAFileInItsFolder) {
  const std::string path = std::string(kGroups) + "/org.example.shared/x";
  EXPECT_EQ(said("network-client", open_of(path.c_str(), kWriting | kMaking)),
            "openat(\"" + path +
                "\") is refused: <key>Preset</key><string>group-files</string> would allow it, with its group under "
                "<key>Groups</key>");
}

TEST(Denial, IsNoneWhereThePresetDeniesNoSuchCall) {
  EXPECT_EQ(said("parser", call_of("read", {})), "nothing");
  EXPECT_EQ(said("network-client", open_of("/etc/hosts", kReading)), "nothing");
  EXPECT_EQ(said("none", call_of("keyctl", {})), "nothing");
}

TEST(Denial, ShowsNoAddressesAndNothingThatCommandsATerminal) {
  EXPECT_TRUE(said("parser", call_of("keyctl", {1U << 20, ~0ULL, 7})).starts_with("keyctl(0x100000, ..., 7) "));
  EXPECT_EQ(said("parser", open_of("/\x1b]0;x\x07", kReading)).find('\x1b'), std::string::npos);
  os::DeniedCall nameless;
  nameless.number = -1;
  EXPECT_TRUE(said("parser", nameless).starts_with("call -1("));
}

TEST(Denial, ReadsAPathThatFillsItsRoom) {
  const std::string path(500, 'x');
  EXPECT_NE(said("parser", open_of(path.c_str(), kReading)).find(std::string(200, 'x') + "\")"), std::string::npos);
}

}  // namespace
}  // namespace reeve::sandbox
