#include "file.hpp"

#include "../os/files.hpp"

namespace reeve::object {

Result<File> File::open(const std::string& path) {
  auto fd = os::open_regular(path);
  if (!fd) {
    Error error = std::move(fd).error();
    // Whoever named it named nothing: connecting again would not help.
    if (error.kind == Kind::gone) error.kind = Kind::invalid;
    error.message = path + ": " + error.message;
    return std::unexpected(std::move(error));
  }
  if (os::is_served_by_a_process(*fd)) {
    return fail(Kind::invalid, code::kBadAttachment,
                path + ": a process serves it (FUSE), and no service would take it", "hand over a copy");
  }
  return File(std::make_shared<const os::Fd>(std::move(*fd)));
}

Result<std::size_t> File::size() const {
  if (!fd_) return fail(Kind::invalid, code::kBadAttachment, "an empty File has no size", "open one first");
  return os::file_size(*fd_);
}

Result<Pipe> Pipe::make() {
  auto [reader, writer] = REEVE_TRY(os::pipe_pair());
  return Pipe{PipeReader(std::make_shared<const os::Fd>(std::move(reader))),
              PipeWriter(std::make_shared<const os::Fd>(std::move(writer)))};
}

}  // namespace reeve::object
