// A signature: a trailer behind the bytes that it signs, of whatever kind these are.
//
//   payload, N bytes | manifest, M bytes | Ed25519, 64 bytes | footer, 64 bytes
//
// Loaders of programs pass over what stands behind; the same trailer in a file of its own signs what must not change.
// The footer, little endian: "REEVESIG", u16 version 1, u16 hash 1 (BLAKE2b-256), u32 flags 0, u64 N, u32 M, zeros.
// Signed are "reeve-codesign-v1", a NUL, the footer and the manifest, which holds the payload's digest.
//
// Trust:   every byte comes from a stranger's file.
// Threads: pure.
// Errors:  unsigned where there is no signature; bad-signature.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "../vocab/bounds.hpp"
#include "manifest.hpp"

namespace reeve::identity {

using contract::kFooterBytes;
/// What of a file's end is enough to hold its trailer.
inline constexpr std::size_t kTrailerBytesMax = kManifestBytesMax + 2 * kFooterBytes;

/// BLAKE2b-256 of what is added, piece by piece.
class Hasher {
 public:
  Hasher();
  void add(std::span<const std::byte> bytes);
  Digest finish();

 private:
  alignas(64) std::array<std::byte, 384> state_;
};
Digest digest_of(std::span<const std::byte> bytes);
/// As people write it, in lower case.
std::string hexadecimal(std::span<const std::byte> bytes);

/// How a file is divided.
struct Layout {
  std::uint64_t payload = 0;   ///< N
  std::uint32_t manifest = 0;  ///< M
  std::size_t trailer() const { return manifest + 2 * kFooterBytes; }
};
/// From the last bytes of a file of that size. Errors: unsigned; bad-signature where the sizes do not add up.
Result<Layout> layout_of(std::span<const std::byte> end, std::uint64_t file_size);

/// The trailer for a payload of that size, whose digest the manifest tells. Errors: bad-signature where the key is not
/// the manifest's, or the manifest is none.
Result<std::vector<std::byte>> make_trailer(std::uint64_t payload_size, const Manifest& manifest, const SecretKey& key);

/// The manifest in the last bytes of a file of that size, once its signature was found good. The payload's digest is
/// left to be compared: check_payload().
Result<Manifest> check_trailer(std::span<const std::byte> end, std::uint64_t file_size);
Result<void> check_payload(const Manifest& manifest, const Digest& digest);

/// Both, of a whole file; or of a payload and the trailer that stands in a file of its own.
Result<Manifest> verify(std::span<const std::byte> file);
Result<Manifest> verify_detached(std::span<const std::byte> payload, std::span<const std::byte> trailer);

}  // namespace reeve::identity
