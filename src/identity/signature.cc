#include "signature.hpp"

#include <sodium.h>

#include <algorithm>
#include <cstring>

namespace reeve::identity {
namespace {

static_assert(sizeof(crypto_generichash_state) == 384 && alignof(crypto_generichash_state) == 64);

constexpr auto kMagic = [] {
  std::array<char, contract::kSignatureMagic.size()> magic{};
  std::ranges::copy(contract::kSignatureMagic, magic.begin());
  return magic;
}();

struct Footer {
  std::array<char, 8> magic = kMagic;
  std::uint16_t version = 1;
  std::uint16_t hash = 1;
  std::uint32_t flags = 0;
  std::uint64_t payload = 0;
  std::uint32_t manifest = 0;
  std::array<std::uint8_t, 36> zeros{};
};
static_assert(sizeof(Footer) == kFooterBytes && std::has_unique_object_representations_v<Footer>);

std::unexpected<Error> bad(const char* what) {
  return fail(Kind::invalid, code::kBadSignature, std::string("signature: ") + what,
              "get the file anew, or have its team sign it");
}

Footer footer_in(std::span<const std::byte> end) {
  Footer footer;
  std::memcpy(&footer, end.data() + end.size() - kFooterBytes, kFooterBytes);
  return footer;
}

// All that a signature is of.
std::vector<std::byte> signed_bytes(const Footer& footer, std::span<const std::byte> manifest) {
  constexpr std::string_view kDomain("reeve-codesign-v1\0", 18);
  std::vector<std::byte> bytes;
  const auto add = [&](std::span<const std::byte> part) { bytes.insert(bytes.end(), part.begin(), part.end()); };
  add(std::as_bytes(std::span(kDomain)));
  add(std::as_bytes(std::span(&footer, 1)));
  add(manifest);
  return bytes;
}

crypto_generichash_state* state_in(std::array<std::byte, 384>& bytes) {
  return reinterpret_cast<crypto_generichash_state*>(bytes.data());
}

}  // namespace

Hasher::Hasher() {
  (void)is_ready();
  ::crypto_generichash_init(state_in(state_), nullptr, 0, sizeof(Digest));
}

void Hasher::add(std::span<const std::byte> bytes) {
  ::crypto_generichash_update(state_in(state_), reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size());
}

Digest Hasher::finish() {
  Digest digest;
  ::crypto_generichash_final(state_in(state_), reinterpret_cast<unsigned char*>(digest.data()), digest.size());
  return digest;
}

Digest digest_of(std::span<const std::byte> bytes) {
  Hasher hasher;
  hasher.add(bytes);
  return hasher.finish();
}

std::string hexadecimal(std::span<const std::byte> bytes) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string text;
  for (const std::byte byte : bytes) {
    text += kDigits[std::to_integer<std::size_t>(byte) >> 4];
    text += kDigits[std::to_integer<std::size_t>(byte) & 15U];
  }
  return text;
}

Result<Layout> layout_of(std::span<const std::byte> end, std::uint64_t file_size) {
  if (end.size() < kFooterBytes || footer_in(end).magic != kMagic) {
    return fail(Kind::invalid, code::kUnsigned, "there is no signature", "sign it: reeve sign");
  }
  const Footer footer = footer_in(end);
  if (footer.version != 1 || footer.hash != 1 || footer.flags != 0) return bad("of a kind that is not known here");
  if (footer.zeros != Footer().zeros) return bad("its reserved bytes are not zero");
  if (footer.manifest > kManifestBytesMax) return bad("its manifest is too long");
  const Layout layout{footer.payload, footer.manifest};
  if (layout.trailer() > file_size || layout.payload != file_size - layout.trailer()) {
    return bad("it is of a file of another size");
  }
  return layout;
}

Result<std::vector<std::byte>> make_trailer(std::uint64_t payload_size, const Manifest& manifest,
                                            const SecretKey& key) {
  if (team_key_of(manifest) != key.public_key()) return bad("the manifest names another team's key");
  std::vector<std::byte> trailer = REEVE_TRY(encode(manifest));
  Footer footer;
  footer.payload = payload_size;
  footer.manifest = static_cast<std::uint32_t>(trailer.size());
  const Ed25519Signature signature = key.sign(signed_bytes(footer, trailer));
  const auto last = std::as_bytes(std::span(&footer, 1));
  trailer.insert(trailer.end(), signature.begin(), signature.end());
  trailer.insert(trailer.end(), last.begin(), last.end());
  return trailer;
}

// The key is the manifest's own: it is read, unchecked, to be checked by it. Whose team that is, is for policy to
// judge.
Result<Manifest> check_trailer(std::span<const std::byte> end, std::uint64_t file_size) {
  const Layout layout = REEVE_TRY(layout_of(end, file_size));
  if (layout.trailer() > end.size()) return bad("its beginning is missing");
  const auto trailer = end.last(layout.trailer());
  const auto bytes = trailer.first(layout.manifest);
  Manifest manifest = REEVE_TRY(decode_manifest(bytes));
  Ed25519Signature signature;
  std::memcpy(signature.data(), trailer.data() + layout.manifest, signature.size());
  if (!is_signed_by(team_key_of(manifest), signed_bytes(footer_in(end), bytes), signature)) {
    return bad("it was made by another key, or for another file");
  }
  return manifest;
}

Result<void> check_payload(const Manifest& manifest, const Digest& digest) {
  if (std::ranges::equal(manifest.digest.bytes(), digest)) return {};
  return bad("the file was changed after it was signed");
}

Result<Manifest> verify(std::span<const std::byte> file) {
  const Layout layout = REEVE_TRY(layout_of(file, file.size()));
  return verify_detached(file.first(layout.payload), file.subspan(layout.payload));
}

Result<Manifest> verify_detached(std::span<const std::byte> payload, std::span<const std::byte> trailer) {
  const Layout layout = REEVE_TRY(layout_of(trailer, payload.size() + trailer.size()));
  if (layout.payload != payload.size()) return bad("it is of a file of another size");
  Manifest manifest = REEVE_TRY(check_trailer(trailer, payload.size() + trailer.size()));
  REEVE_TRY(check_payload(manifest, digest_of(payload)));
  return manifest;
}

}  // namespace reeve::identity
