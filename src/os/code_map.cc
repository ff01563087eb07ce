#include "code_map.hpp"

#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/sysmacros.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <climits>
#include <cstdio>
#include <optional>

#include "fd.hpp"
#include "proc.hpp"
#include "uapi.hpp"

namespace reeve::os {
namespace {

// More pieces of code than any program has.
constexpr std::size_t kMost = 16 * 1024;

std::unexpected<Error> too_many() {
  return fail(Kind::denied, code::kTooLarge, "it has mapped more code than anybody");
}

// The same file is mapped in a row, in pieces.
void add(std::vector<MappedCode>& code, MappedCode mapped) {
  if (code.empty() || code.back() != mapped) code.push_back(std::move(mapped));
}

// Nothing where the kernel cannot be asked so.
Result<std::optional<std::vector<MappedCode>>> asked_one_by_one(const Fd& maps) {
  std::vector<MappedCode> code;
  std::array<char, PATH_MAX> name;
  uapi::MapQuery query;
  for (std::size_t i = 0; i < kMost; ++i) {
    const std::uint64_t from = query.end;
    query = {};
    query.flags = uapi::kQueryExecutable | uapi::kQueryThisOrNext;
    query.address = from;
    query.name_address = reinterpret_cast<std::uint64_t>(name.data());
    query.name_size = name.size();
    if (::ioctl(maps.raw(), uapi::kMapQuery, &query) != 0) {
      if (errno == ENOENT) return code;  // There is no next one.
      if (errno == ENOTTY) return std::nullopt;
      return system_failure("ioctl(PROCMAP_QUERY)");
    }
    const std::size_t length = query.name_size == 0 ? 0 : query.name_size - 1;  // with its NUL
    add(code, {std::string(name.data(), std::min(length, name.size())), query.inode,
               ::makedev(query.device_major, query.device_minor)});
  }
  return too_many();
}

}  // namespace

Result<std::vector<MappedCode>> mapped_code(std::int32_t pid) {
  const std::string path = proc_path(pid, "maps");
  const Fd maps(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!maps) return system_failure("open /proc/PID/maps");
  if (auto code = REEVE_TRY(asked_one_by_one(maps))) return std::move(*code);
  return code_in_maps(REEVE_TRY(read_text(path)));
}

// "7f12a000-7f12b000 r-xp 00001000 fe:01 4711   /usr/lib/libc.so.6"
Result<std::vector<MappedCode>> code_in_maps(std::string_view maps) {
  std::vector<MappedCode> code;
  for (std::size_t begin = 0; begin < maps.size();) {
    const std::size_t end = std::min(maps.find('\n', begin), maps.size());
    const std::string line(maps.substr(begin, end - begin));
    begin = end + 1;
    char permissions[5] = "";
    unsigned device_major = 0;
    unsigned device_minor = 0;
    unsigned long long inode = 0;
    int path_at = 0;
    if (std::sscanf(line.c_str(), "%*x-%*x %4s %*x %x:%x %llu %n", permissions, &device_major, &device_minor, &inode,
                    &path_at) < 4 ||
        path_at == 0) {
      return fail(Kind::denied, code::kSystem, "its map of memory is not understood");
    }
    if (permissions[2] != 'x') continue;
    add(code, {line.substr(static_cast<std::size_t>(path_at)), inode, ::makedev(device_major, device_minor)});
    if (code.size() > kMost) return too_many();
  }
  return code;
}

}  // namespace reeve::os
