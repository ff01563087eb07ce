#include "evidence.hpp"

#include <vector>

#include "../identity/signature.hpp"

namespace reeve::spawn {
namespace {

constexpr std::size_t kPieceBytes = 256 * 1024;

std::unexpected<Error> no_proof(const char* why, const char* advice) {
  return fail(Kind::denied, code::kNotTrusted, why, advice);
}

Result<identity::Digest> digest_of_payload(const os::Fd& file, std::uint64_t size) {
  identity::Hasher hasher;
  std::vector<std::byte> room(kPieceBytes);
  for (std::uint64_t at = 0; at < size;) {
    const auto piece = std::span(room).first(std::min<std::uint64_t>(room.size(), size - at));
    REEVE_TRY(os::read_at(file, at, piece));
    hasher.add(piece);
    at += piece.size();
  }
  return hasher.finish();
}

}  // namespace

Result<Evidence::Found> Evidence::of(const os::Fd& process) {
  const os::ProcessFacts facts = REEVE_TRY(os::facts_of(process));
  // Whoever makes a pid namespace may give any process in it another's name.
  if (!facts.is_of_own_namespace) {
    return no_proof("it runs in a pid namespace of its own", "run it outside of that, or have the broker start it");
  }
  if (facts.is_traced) return no_proof("a debugger holds it", "let it run by itself");
  const os::RunningProgram program = REEVE_TRY(os::program_of(facts.pid, guarded_));
  Found found;
  found.version = {program.version.device, program.version.inode, program.version.size, program.version.changed_ns};
  found.manifest = REEVE_TRY(manifest_of(program));
  REEVE_TRY(os::check_code_of(facts.pid, guarded_));
  // All of that was told of a pid: it was this process's for as long as that lives.
  if (!os::is_alive(process)) return fail(Kind::gone, code::kClosed, "the process has ended");
  return found;
}

Result<std::string> Evidence::manifest_of(const os::RunningProgram& program) {
  const os::FileVersion& version = program.version;
  if (const auto known = known_.find(version); known != known_.end()) return known->second;
  const os::Fd file = REEVE_TRY(os::open_program(program));
  const std::size_t size = std::min<std::uint64_t>(version.size, identity::kTrailerBytesMax);
  std::vector<std::byte> end(size);
  REEVE_TRY(os::read_at(file, version.size - size, end));
  const auto layout = REEVE_TRY(identity::layout_of(end, version.size));
  if (layout.manifest > kKeptManifestBytesMax) {
    return fail(Kind::invalid, code::kTooLarge, "its signature says more than can be kept of a running program",
                "sign it with fewer entitlements and groups");
  }
  const auto manifest = REEVE_TRY(identity::check_trailer(end, version.size));
  REEVE_TRY(identity::check_payload(manifest, REEVE_TRY(digest_of_payload(file, layout.payload))));
  const auto bytes = std::span(end).last(layout.trailer()).first(layout.manifest);
  std::string text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  if (known_.size() >= kKnownProgramsMax) known_.clear();
  known_.emplace(version, text);
  return text;
}

}  // namespace reeve::spawn
