// Kernel constants that the system's headers may be too old to have. Only os includes this.
// Values are the kernel's ABI; the release that brought each stands beside it.
#pragma once

#include <cstdint>

namespace reeve::os::uapi {

inline constexpr int kSoPassPidfd = 76;                // 6.5
inline constexpr int kSoPeerPidfd = 77;                // 6.5
inline constexpr int kScmPidfd = 4;                    // 6.5
inline constexpr long kPidfsMagic = 0x50494446;        // 6.9
inline constexpr int kSoPassRights = 83;               // 6.16
inline constexpr int kSealExec = 0x0020;               // 6.3
inline constexpr unsigned kMemfdExec = 0x0010U;        // 6.3
inline constexpr unsigned kMemfdNoExecSeal = 0x0008U;  // 6.3
inline constexpr int kPrSetMdwe = 65;                  // 6.3
inline constexpr int kPrGetMdwe = 66;
inline constexpr unsigned long kMdweRefuseExecGain = 1;

// Landlock: the rights of ABI 1 to 5 for files, of ABI 4 for ports, of ABI 6 for scopes.
inline constexpr std::uint64_t kFsExecute = 1U << 0;
inline constexpr std::uint64_t kFsReadFile = 1U << 2;
inline constexpr std::uint64_t kFsReadDir = 1U << 3;
inline constexpr std::uint64_t kFsWriteFile = 1U << 1;
inline constexpr std::uint64_t kFsRemoveDir = 1U << 4;
inline constexpr std::uint64_t kFsRemoveFile = 1U << 5;
inline constexpr std::uint64_t kFsMakeDir = 1U << 7;
inline constexpr std::uint64_t kFsMakeReg = 1U << 8;
inline constexpr std::uint64_t kFsAbi1 = (1U << 13) - 1;
inline constexpr std::uint64_t kFsRefer = 1U << 13;     // ABI 2
inline constexpr std::uint64_t kFsTruncate = 1U << 14;  // ABI 3
inline constexpr std::uint64_t kFsIoctlDev = 1U << 15;  // ABI 5
inline constexpr std::uint64_t kNetBindTcp = 1U << 0;
inline constexpr std::uint64_t kNetConnectTcp = 1U << 1;
inline constexpr std::uint64_t kScopeAbstractSocket = 1U << 0;
inline constexpr std::uint64_t kScopeSignal = 1U << 1;

// PROCMAP_QUERY, of /proc/PID/maps (6.11).
struct MapQuery {
  std::uint64_t size = 104;  // of this
  std::uint64_t flags = 0;
  std::uint64_t address = 0;
  std::uint64_t begin = 0;
  std::uint64_t end = 0;
  std::uint64_t permissions = 0;
  std::uint64_t page_size = 0;
  std::uint64_t offset = 0;
  std::uint64_t inode = 0;
  std::uint32_t device_major = 0;
  std::uint32_t device_minor = 0;
  std::uint32_t name_size = 0;  // in: of the room; out: of the name, with its NUL
  std::uint32_t build_id_size = 0;
  std::uint64_t name_address = 0;
  std::uint64_t build_id_address = 0;
};
static_assert(sizeof(MapQuery) == 104);
inline constexpr unsigned long kMapQuery = 0xc0686611;  // _IOWR('f', 17, that)
inline constexpr std::uint64_t kQueryExecutable = 0x04;
inline constexpr std::uint64_t kQueryThisOrNext = 0x10;

// PIDFD_GET_INFO (6.13).
inline constexpr std::uint64_t kInfoPid = 0x1;
struct PidfdInfo {
  std::uint64_t mask = kInfoPid;  // in: what is asked for; out: what was told
  std::uint64_t cgroup = 0;
  std::uint32_t pid = 0;
  std::uint32_t others[11] = {};  // thread group, parent, users and groups, exit code
};
static_assert(sizeof(PidfdInfo) == 64);
inline constexpr unsigned long kPidfdGetInfo = 0xc040ff0b;  // _IOWR(0xff, 11, that)

struct LandlockRulesetAttr {  // ABI 6; older kernels accept the prefix they know when the rest is zero
  std::uint64_t handled_access_fs;
  std::uint64_t handled_access_net;
  std::uint64_t scoped;
};

}  // namespace reeve::os::uapi
