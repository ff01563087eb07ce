#include "memory.hpp"

#include <fcntl.h>
#include <linux/magic.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <unistd.h>

#include <cerrno>
#include <optional>

#include "../vocab/bounds.hpp"
#include "pipe.hpp"
#include "uapi.hpp"

namespace reeve::os {
namespace {

constexpr int kNoResize = F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW;
constexpr int kNoChange = kNoResize | F_SEAL_WRITE;
constexpr std::size_t kBlockBytes = 512;  // What statx counts in.
constexpr std::size_t kPageBytes = 4096;  // The smallest page of any machine we run on.

// What the kernel knows already, for whatever it may be.
std::optional<struct statx> facts_of(const Fd& file) {
  struct statx facts{};
  const int asked = AT_EMPTY_PATH | AT_STATX_DONT_SYNC;
  if (::statx(file.raw(), "", asked, STATX_SIZE | STATX_BLOCKS, &facts) != 0) return std::nullopt;
  return facts;
}

// Kernels before 6.3 know neither flag, and make memory that may be executed.
Result<Fd> make_memory(const char* name, unsigned flag) {
  Fd memory(::memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING | flag));
  if (!memory && errno == EINVAL) memory = Fd(::memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING));
  if (!memory) return system_failure("memfd_create");
  return memory;
}

// The kernel waits some 150 ms for whoever holds a page, then gives up. Where memory is reclaimed meanwhile, that is
// the kernel itself, and it lets go.
Result<void> seal(const Fd& memory, int seals) {
  for (int tries = 1; ::fcntl(memory.raw(), F_ADD_SEALS, seals) != 0; ++tries) {
    if (errno != EBUSY || tries == kSealTriesMax) return system_failure("fcntl(F_ADD_SEALS)");
  }
  return {};
}

Result<std::size_t> size_of(const Fd& file) {
  struct statx facts{};
  if (::statx(file.raw(), "", AT_EMPTY_PATH, STATX_TYPE | STATX_SIZE, &facts) != 0) return system_failure("statx");
  if (!S_ISREG(facts.stx_mode)) return fail(Kind::invalid, code::kLaunchFailed, "not a regular file");
  return static_cast<std::size_t>(facts.stx_size);
}

}  // namespace

Result<Fd> sealed_memory(const char* name, std::span<const std::byte> bytes) {
  Fd memory = REEVE_TRY(make_memory(name, uapi::kMemfdNoExecSeal));
  REEVE_TRY(write_all(memory, std::span(reinterpret_cast<const char*>(bytes.data()), bytes.size())));
  REEVE_TRY(seal(memory, kNoChange));
  return memory;
}

// A file that is to be larger than the process may write is a signal, which ends it.
Result<Fd> open_memory(const char* name, std::size_t size) {
  rlimit limit{};
  if (::getrlimit(RLIMIT_FSIZE, &limit) == 0 && size > limit.rlim_cur) {
    return fail(Kind::busy, code::kSystem, "the process may write no file of that size (RLIMIT_FSIZE)");
  }
  Fd memory = REEVE_TRY(make_memory(name, uapi::kMemfdNoExecSeal));
  if (::ftruncate(memory.raw(), static_cast<off_t>(size)) != 0) return system_failure("ftruncate");
  return memory;
}

Result<void> seal_memory(const Fd& memory, Sealing sealing) {
  if (sealing == Sealing::size) return seal(memory, kNoResize);
  const auto facts = facts_of(memory);
  if (facts && facts->stx_blocks * kBlockBytes < facts->stx_size) {
    const Mapping mapping = REEVE_TRY(Mapping::of(memory, facts->stx_size, Access::read_write));
    // Writing a byte to a page makes it one; the byte is the one that was there.
    for (std::size_t at = 0; at < mapping.bytes().size(); at += kPageBytes) {
      volatile std::byte& byte = mapping.bytes()[at];
      byte = std::byte{byte};
    }
  }
  return seal(memory, kNoChange);
}

bool is_memory(const Fd& memory, Sealing sealing) {
  // A plain file of tmpfs answers F_GET_SEALS too: only the exact seals count.
  const int wanted = sealing == Sealing::whole ? kNoChange : kNoResize;
  const int seals = ::fcntl(memory.raw(), F_GET_SEALS);
  if (seals < 0 || (seals & wanted) != wanted) return false;
  struct statfs system{};
  if (::fstatfs(memory.raw(), &system) != 0 || system.f_type != TMPFS_MAGIC) return false;
  if (sealing == Sealing::size) return true;
  const auto facts = facts_of(memory);
  return facts && facts->stx_blocks * kBlockBytes >= facts->stx_size;
}

Result<std::size_t> memory_size(const Fd& memory) {
  const auto facts = facts_of(memory);
  if (!facts) return system_failure("statx");
  return static_cast<std::size_t>(facts->stx_size);
}

Mapping::~Mapping() {
  if (!bytes_.empty()) ::munmap(bytes_.data(), bytes_.size());
}

Result<Mapping> Mapping::of(const Fd& memory, std::size_t size, Access access) {
  if (size == 0) return Mapping();
  const int protection = access == Access::read ? PROT_READ : PROT_READ | PROT_WRITE;
  void* place = ::mmap(nullptr, size, protection, MAP_SHARED, memory.raw(), 0);
  if (place == MAP_FAILED) return system_failure("mmap");
  return Mapping(std::span(static_cast<std::byte*>(place), size));
}

bool has_holes(const Fd& memory, std::size_t size) {
  const off_t hole = ::lseek(memory.raw(), 0, SEEK_HOLE);
  return hole < 0 || static_cast<std::size_t>(hole) < size;
}

Result<std::vector<std::byte>> read_memory(const Fd& memory, std::size_t size) {
  if (size > REEVE_TRY(memory_size(memory))) {
    return fail(Kind::invalid, code::kTooLarge, "the memory is smaller than agreed");
  }
  std::vector<std::byte> bytes(size);
  REEVE_TRY(read_memory_into(memory, bytes));
  return bytes;
}

Result<void> read_memory_into(const Fd& memory, std::span<std::byte> room) {
  std::size_t done = 0;
  while (done < room.size()) {
    const ssize_t got = ::pread(memory.raw(), room.data() + done, room.size() - done, static_cast<off_t>(done));
    if (got < 0 && errno != EINTR) return system_failure("pread");
    if (got == 0) return fail(Kind::invalid, code::kBadAttachment, "the memory is shorter than it was");
    if (got > 0) done += static_cast<std::size_t>(got);
  }
  return {};
}

Result<Fd> sealed_image(const Fd& program, ImageMode mode) {
  const std::size_t size = REEVE_TRY(size_of(program));
  if (size > kImageBytesMax) return fail(Kind::invalid, code::kTooLarge, "the program's file is larger than 512 MiB");
  Fd image = REEVE_TRY(make_memory("reeve-image", uapi::kMemfdExec));
  off_t offset = 0;
  while (static_cast<std::size_t>(offset) < size) {
    const ssize_t copied = ::sendfile(image.raw(), program.raw(), &offset, size - static_cast<std::size_t>(offset));
    if (copied < 0) return system_failure("sendfile");
    if (copied == 0) return fail(Kind::invalid, code::kLaunchFailed, "the program's file shrank while it was copied");
  }
  if (::fchmod(image.raw(), mode.permissions) != 0) return system_failure("fchmod");
  REEVE_TRY(seal(image, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE));
  // F_SEAL_EXEC freezes the executable bits; kernels before 6.3 refuse it.
  (void)::fcntl(image.raw(), F_ADD_SEALS, uapi::kSealExec);
  REEVE_TRY(seal(image, F_SEAL_SEAL));
  return image;
}

}  // namespace reeve::os
