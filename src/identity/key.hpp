// A team's key: who signs, and how the team is called.
//
// Owns:    a secret, in memory that is wiped. What a key file's bytes pass through on their way is not: have no core
// dumps. Threads: any; each key has one owner. Errors:  bad-key.
#pragma once

#include <array>
#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "../vocab/result.hpp"

namespace reeve::identity {

/// Whether libsodium is ready, which whatever uses it asks first.
bool is_ready();

using PublicKey = std::array<std::byte, 32>;
using Ed25519Signature = std::array<std::byte, 64>;

/// 26 characters of A-Z and 2-7: 128 bits of the key's BLAKE2b. Ten characters, as Apple has them, are 50 bits, for
/// which a second key can be found.
std::string team_id_of(const PublicKey& key);
inline constexpr std::size_t kTeamIdBytes = 26;

class SecretKey {
 public:
  static Result<SecretKey> generate();

  PublicKey public_key() const;
  Ed25519Signature sign(std::span<const std::byte> message) const;

  /// The bytes of a key file; with a passphrase they are of no use without it (Argon2id, XSalsa20-Poly1305).
  Result<std::vector<std::byte>> seal(std::string_view passphrase) const;
  /// Errors: bad-key where they are none, or the passphrase is another.
  static Result<SecretKey> open(std::span<const std::byte> file, std::string_view passphrase);

 private:
  struct Wipe {
    void operator()(std::byte* bytes) const;
  };
  using Secret = std::unique_ptr<std::byte, Wipe>;
  static Result<Secret> secret_memory(std::size_t bytes);
  static Result<SecretKey> from_seed(const std::byte* seed);

  explicit SecretKey(Secret secret) : secret_(std::move(secret)) {}
  Secret secret_;  // the seed, and behind it the public key
};

/// Whether that key made this signature of this message.
bool is_signed_by(const PublicKey& key, std::span<const std::byte> message, const Ed25519Signature& signature);

}  // namespace reeve::identity
