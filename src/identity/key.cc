#include "key.hpp"

#include <sodium.h>

#include <algorithm>
#include <cstring>

#include "../object/typed.hpp"
#include "../wire/wire.hpp"

namespace reeve::identity {
namespace {

static_assert(std::tuple_size_v<PublicKey> == crypto_sign_PUBLICKEYBYTES);
static_assert(std::tuple_size_v<Ed25519Signature> == crypto_sign_BYTES);

// What a key file holds: the seed, or with a passphrase what it takes to get it.
struct KeyFile {
  std::uint32_t format = 1;
  std::optional<Data> seed;
  std::optional<Data> salt;
  std::optional<Data> nonce;
  std::optional<Data> sealed;
};
BOOST_DESCRIBE_STRUCT(KeyFile, (), (format, seed, salt, nonce, sealed))

const unsigned char* raw(const std::byte* bytes) { return reinterpret_cast<const unsigned char*>(bytes); }
unsigned char* raw(std::byte* bytes) { return reinterpret_cast<unsigned char*>(bytes); }

std::unexpected<Error> bad_key(const char* what, const char* advice = "make one: reeve team new") {
  return fail(Kind::invalid, code::kBadKey, what, advice);
}

bool has_size(const std::optional<Data>& data, std::size_t bytes) { return data && data->bytes().size() == bytes; }

std::vector<std::byte> random_bytes(std::size_t count) {
  std::vector<std::byte> bytes(count);
  ::randombytes_buf(bytes.data(), bytes.size());
  return bytes;
}

// Some tenths of a second and 256 MiB for each guess.
bool key_of_passphrase(std::byte* key, std::string_view passphrase, std::span<const std::byte> salt) {
  return ::crypto_pwhash(raw(key), crypto_secretbox_KEYBYTES, passphrase.data(), passphrase.size(), raw(salt.data()),
                         crypto_pwhash_OPSLIMIT_MODERATE, crypto_pwhash_MEMLIMIT_MODERATE,
                         crypto_pwhash_ALG_ARGON2ID13) == 0;
}

}  // namespace

bool is_ready() {
  static const bool ready = ::sodium_init() >= 0;
  return ready;
}

std::string team_id_of(const PublicKey& key) {
  constexpr std::string_view kContext = "reeve-team-v1";
  constexpr std::string_view kLetters = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
  (void)is_ready();
  std::array<unsigned char, 16> hash{};
  ::crypto_generichash(hash.data(), hash.size(), raw(key.data()), key.size(),
                       reinterpret_cast<const unsigned char*>(kContext.data()), kContext.size());
  std::string id;
  for (unsigned bit = 0; bit < hash.size() * 8; bit += 5) {
    const unsigned byte = bit / 8;
    const unsigned next = byte + 1 < hash.size() ? hash[byte + 1] : 0U;
    const unsigned two = hash[byte] * 256U + next;
    id += kLetters[(two >> (11 - bit % 8)) & 31U];
  }
  return id;
}

void SecretKey::Wipe::operator()(std::byte* bytes) const { ::sodium_free(bytes); }

Result<SecretKey::Secret> SecretKey::secret_memory(std::size_t bytes) {
  if (!is_ready()) return fail(Kind::unsupported, code::kBadKey, "there is no randomness to be had");
  Secret memory(static_cast<std::byte*>(::sodium_malloc(bytes)));
  if (!memory) return fail(Kind::busy, code::kBadKey, "no memory for a secret");
  return memory;
}

Result<SecretKey> SecretKey::from_seed(const std::byte* seed) {
  Secret secret = REEVE_TRY(secret_memory(crypto_sign_SECRETKEYBYTES));
  PublicKey public_key;
  ::crypto_sign_seed_keypair(raw(public_key.data()), raw(secret.get()), raw(seed));
  return SecretKey(std::move(secret));
}

Result<SecretKey> SecretKey::generate() {
  const Secret seed = REEVE_TRY(secret_memory(crypto_sign_SEEDBYTES));
  ::randombytes_buf(seed.get(), crypto_sign_SEEDBYTES);
  return from_seed(seed.get());
}

PublicKey SecretKey::public_key() const {
  PublicKey key;
  std::memcpy(key.data(), secret_.get() + crypto_sign_SEEDBYTES, key.size());
  return key;
}

Ed25519Signature SecretKey::sign(std::span<const std::byte> message) const {
  Ed25519Signature signature;
  ::crypto_sign_detached(raw(signature.data()), nullptr, raw(message.data()), message.size(), raw(secret_.get()));
  return signature;
}

Result<std::vector<std::byte>> SecretKey::seal(std::string_view passphrase) const {
  KeyFile file;
  std::vector<std::byte> seed(secret_.get(), secret_.get() + crypto_sign_SEEDBYTES);
  if (passphrase.empty()) {
    file.seed = Data(seed);
  } else {
    const Secret key = REEVE_TRY(secret_memory(crypto_secretbox_KEYBYTES));
    const auto salt = random_bytes(crypto_pwhash_SALTBYTES);
    const auto nonce = random_bytes(crypto_secretbox_NONCEBYTES);
    std::vector<std::byte> sealed(seed.size() + crypto_secretbox_MACBYTES);
    if (!key_of_passphrase(key.get(), passphrase, salt)) {
      return fail(Kind::busy, code::kBadKey, "no memory to make a key of a passphrase");
    }
    ::crypto_secretbox_easy(raw(sealed.data()), raw(seed.data()), seed.size(), raw(nonce.data()), raw(key.get()));
    file.salt = Data(salt), file.nonce = Data(nonce), file.sealed = Data(std::move(sealed));
  }
  ::sodium_memzero(seed.data(), seed.size());
  const Object object = object::to_object(std::move(file));
  return REEVE_TRY(wire::encode(*object.get<Dictionary>())).body.whole();
}

Result<SecretKey> SecretKey::open(std::span<const std::byte> bytes, std::string_view passphrase) {
  const auto decoded = wire::decode(bytes, {});
  if (!decoded) return bad_key("no key file");
  const auto file = object::from_object<KeyFile>(Object(*decoded));
  if (!file || file->format != 1) return bad_key("no key file");
  if (has_size(file->seed, crypto_sign_SEEDBYTES)) {
    if (!passphrase.empty()) return bad_key("the key has no passphrase", "leave --passphrase-file out");
    return from_seed(file->seed->bytes().data());
  }
  const bool is_sealed = has_size(file->salt, crypto_pwhash_SALTBYTES) &&
                         has_size(file->nonce, crypto_secretbox_NONCEBYTES) &&
                         has_size(file->sealed, crypto_sign_SEEDBYTES + crypto_secretbox_MACBYTES);
  if (!is_sealed) return bad_key("no key file");
  if (passphrase.empty()) return bad_key("the key has a passphrase", "give it: --passphrase-file FILE");
  const Secret key = REEVE_TRY(secret_memory(crypto_secretbox_KEYBYTES));
  const Secret seed = REEVE_TRY(secret_memory(crypto_sign_SEEDBYTES));
  if (!key_of_passphrase(key.get(), passphrase, file->salt->bytes())) {
    return fail(Kind::busy, code::kBadKey, "no memory to make a key of a passphrase");
  }
  const auto sealed = file->sealed->bytes();
  if (::crypto_secretbox_open_easy(raw(seed.get()), raw(sealed.data()), sealed.size(), raw(file->nonce->bytes().data()),
                                   raw(key.get())) != 0) {
    return bad_key("the passphrase is another", "try again");
  }
  return from_seed(seed.get());
}

bool is_signed_by(const PublicKey& key, std::span<const std::byte> message, const Ed25519Signature& signature) {
  if (!is_ready()) return false;
  return ::crypto_sign_verify_detached(raw(signature.data()), raw(message.data()), message.size(), raw(key.data())) ==
         0;
}

}  // namespace reeve::identity
