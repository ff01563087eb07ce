// Folders and files that belong to us, found out before they are trusted.
//
// Errors: runtime-folder and system errors; each says which rule the path breaks.
#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "fd.hpp"

namespace reeve::os {

/// Opens a folder that nobody else can enter: a real folder (no symbolic link), owned by the caller, mode 0700.
/// Where it does not exist it is made; its parent must exist.
Result<Fd> private_folder(const std::string& path);

/// The same of a folder that is another user's, to whom root gives it where root made it.
Result<Fd> private_folder_of(const std::string& path, std::uint32_t owner);

/// Opens a folder that everybody can enter and nobody else can write to: a real folder, owned by the caller or by root.
Result<Fd> shared_folder(const std::string& path);
/// Makes one of the caller's own, unless it is there.
Result<void> make_shared_folder(const std::string& path);

/// Takes the lock of that name for as long as the descriptor lives, or nothing where another process holds it.
/// No child inherits it. The file tells the holder's pid, for people.
Result<std::optional<Fd>> take_lock(const Fd& folder, const char* name);

/// Gives a lock up that was taken so, whoever has copies of its descriptor.
void release_lock(const Fd& lock);

/// Opens a folder to read it.
Result<Fd> open_folder(const std::string& path);

/// The names in a folder that end in `suffix`, sorted; at most `most` of them.
Result<std::vector<std::string>> names_in(const Fd& folder, std::string_view suffix, std::size_t most);

/// A file, or a folder, that belongs to us or to root and that nobody else can write to. In a folder the sticky bit is
/// no help: it lets others add files. Errors: denied.
Result<void> check_trusted(const Fd& file);

/// ... that belongs to root, whoever we are. Errors: denied.
Result<void> check_of_root(const Fd& file);

/// The bytes of a regular file of at most `most` bytes that passes the check.
Result<std::string> read_trusted_file(const Fd& folder, const std::string& name, std::size_t most,
                                      Result<void> (*check)(const Fd&) = check_trusted);

/// Opens a regular file for reading, without waiting for whatever else may stand at that path.
Result<Fd> open_regular(const std::string& path);

Result<Fd> open_device_null();

/// The same for a program that is to be run. Root's spawner, which runs those of all, opens none that a process serves.
Result<Fd> open_program(const std::string& path);

/// Opens what a program is to read, or to write at the end of, for it: a regular file, which is made where there is
/// none, or a device. Whatever could keep its opener waiting is refused.
Result<Fd> open_input(const std::string& path);
Result<Fd> open_output(const std::string& path);

/// The size of an open regular file, in bytes.
Result<std::size_t> file_size(const Fd& file);

/// The path of the running program, or nothing where /proc is not there.
std::optional<std::string> own_program();

/// The last bytes of the running program's file, `count` of them; fewer, or none, where it has not so many or cannot be
/// read.
std::string end_of_own_program(std::size_t count);

bool can_run(const std::string& path);

/// Makes a folder of mode 0755, and those above it, unless they are there already.
Result<void> make_folders(const std::string& path);

/// Makes a folder of mode 0700, and those above it, unless they are there already; one that is must be the caller's
/// own, and entered by nobody else. Errors: runtime-folder.
Result<void> make_private_folders(const std::string& path);

/// Makes an empty file of mode 0644, and the folders above it, unless it is there already.
Result<void> make_empty_file(const std::string& path);

enum class AtPath { nothing, file, folder, link, other };
AtPath what_is_at(const std::string& path);
/// Of a link what it leads to.
AtPath what_is_at_end_of(const std::string& path);

/// Makes `copy` a symbolic link to wherever the link `original` points, unless it is there already.
Result<void> copy_link(const std::string& original, const std::string& copy);

/// What changes when a file is replaced or written to.
struct FileVersion {
  std::uint64_t device = 0;
  std::uint64_t inode = 0;
  std::uint64_t size = 0;
  std::int64_t changed_ns = 0;
  friend auto operator<=>(const FileVersion&, const FileVersion&) = default;
};
Result<FileVersion> version_of(const Fd& file);

/// What was opened under a number, to see whether that is so still.
class OpenFile {
 public:
  explicit OpenFile(const Fd& file);
  bool is_still_open() const;

 private:
  int number_ = -1;
  std::uint64_t device_ = 0;
  std::uint64_t inode_ = 0;
};

}  // namespace reeve::os
