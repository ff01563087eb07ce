#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <algorithm>
#include <cstring>

#include "../vocab/bounds.hpp"
#include "../wire/wire.hpp"
#include "signature.hpp"

namespace reeve::identity {
namespace {

using Bytes = std::vector<std::byte>;

Bytes bytes_of(std::string_view text) {
  const auto bytes = std::as_bytes(std::span(text));
  return {bytes.begin(), bytes.end()};
}

Data data_of(std::span<const std::byte> bytes) { return Data(Bytes(bytes.begin(), bytes.end())); }

const SecretKey& team() {
  static const SecretKey key = std::move(*SecretKey::generate());
  return key;
}

const Bytes kPayload = bytes_of("#!/bin/sh\nexit 0\n");

Manifest manifest_for(std::span<const std::byte> payload, const SecretKey& key = team()) {
  const std::string id = team_id_of(key.public_key());
  Manifest manifest;
  manifest.identifier = "org.example.app";
  manifest.version = 7;
  manifest.team_key = data_of(key.public_key());
  manifest.digest = data_of(digest_of(payload));
  manifest.entitlements = {{"monitor", Object(true)},
                           {"ports", Object(std::int64_t{443})},
                           {"talks-to", Object(Array{Object("a"), Object("b")})}};
  manifest.groups = {id, id + ".shared", "group.org.example"};
  manifest.preset = "parser";
  manifest.allowed_callers = {"user", "group:" + id + ".shared"};
  return manifest;
}

Bytes trailer_for(std::span<const std::byte> payload) {
  auto trailer = make_trailer(payload.size(), manifest_for(payload), team());
  EXPECT_TRUE(trailer) << trailer.error().message;
  return std::move(*trailer);
}

Bytes signed_file(std::span<const std::byte> payload) {
  Bytes file(payload.begin(), payload.end());
  const Bytes trailer = trailer_for(payload);
  file.insert(file.end(), trailer.begin(), trailer.end());
  return file;
}

std::string fault_of(const Result<Manifest>& outcome) { return outcome ? "none" : outcome.error().message; }

TEST(Team, IsCalledByAHashOfItsKey) {
  PublicKey counting;
  for (std::size_t i = 0; i < counting.size(); ++i) counting[i] = static_cast<std::byte>(i);
  // By Python: base64.b32encode(hashlib.blake2b(bytes(range(32)), digest_size=16, key=b"reeve-team-v1").digest())
  EXPECT_EQ(team_id_of(counting), "76QDHUIXJMKHPGYTOZIKIMRVZE");
  EXPECT_EQ(team_id_of(team().public_key()).size(), kTeamIdBytes);
  EXPECT_NE(team_id_of(team().public_key()), team_id_of(SecretKey::generate()->public_key()));
}

TEST(Team, OwnsTheGroupsUnderItsIdByComponent) {
  EXPECT_TRUE(is_of_team("TEAM", "TEAM"));
  EXPECT_TRUE(is_of_team("TEAM.a", "TEAM"));
  EXPECT_FALSE(is_of_team("TEAMa", "TEAM"));
  EXPECT_FALSE(is_of_team("group.TEAM", "TEAM"));
}

TEST(Key, RefusesAFileThatIsNone) {
  EXPECT_EQ(SecretKey::open({}, "").error().code, code::kBadKey);
  EXPECT_EQ(SecretKey::open(bytes_of("ssh-ed25519 AAAA"), "").error().code, code::kBadKey);
  const auto manifest = encode(manifest_for(kPayload));
  EXPECT_EQ(SecretKey::open(*manifest, "").error().code, code::kBadKey) << "well-formed, and something else";
  Bytes cut = *team().seal("");
  cut.pop_back();
  EXPECT_EQ(SecretKey::open(cut, "").error().code, code::kBadKey);
}

TEST(Key, IsOfNoUseWithoutItsPassphrase) {
  const auto sealed = team().seal("correct horse");
  ASSERT_TRUE(sealed);
  EXPECT_EQ(SecretKey::open(*sealed, "").error().advice, "give it: --passphrase-file FILE");
  EXPECT_EQ(SecretKey::open(*sealed, "correct horsf").error().message, "the passphrase is another");
  Bytes changed = *sealed;
  changed[changed.size() - 8] ^= std::byte{1};
  EXPECT_FALSE(SecretKey::open(changed, "correct horse")) << "a bit of what is sealed, or of what is beside it";
  const auto opened = SecretKey::open(*sealed, "correct horse");
  ASSERT_TRUE(opened) << opened.error().message;
  EXPECT_EQ(opened->public_key(), team().public_key());
  EXPECT_EQ(SecretKey::open(*team().seal(""), "horse").error().message, "the key has no passphrase");
  EXPECT_EQ(SecretKey::open(*team().seal(""), "")->public_key(), team().public_key());
}

TEST(AManifest, IsRefusedForEachFieldThatIsNotAsItIsToBe) {
  const auto fault_with = [](auto change) {
    Manifest manifest = manifest_for(kPayload);
    change(manifest);
    const auto outcome = encode(manifest);
    return outcome ? "none" : outcome.error().message.substr(0, outcome.error().message.find(':', 10));
  };
  EXPECT_EQ(fault_with([](Manifest&) {}), "none");
  EXPECT_EQ(fault_with([](Manifest& m) { m.identifier = "a..b"; }), "manifest: identifier");
  EXPECT_EQ(fault_with([](Manifest& m) { m.identifier = ""; }), "manifest: identifier");
  EXPECT_EQ(fault_with([](Manifest& m) { m.team_key = Data(bytes_of("short")); }), "manifest: team_key");
  EXPECT_EQ(fault_with([](Manifest& m) { m.digest = Data(); }), "manifest: digest");
  EXPECT_EQ(fault_with([](Manifest& m) { m.groups = {"OTHERTEAM.shared"}; }), "manifest: groups");
  EXPECT_EQ(fault_with([](Manifest& m) { m.groups = {m.groups[0] + "x"}; }), "manifest: groups");
  EXPECT_EQ(fault_with([](Manifest& m) { m.groups = {"group."}; }), "manifest: groups");
  EXPECT_EQ(fault_with([](Manifest& m) { m.entitlements.set("a", Object(1.5)); }), "manifest: entitlements.a");
  EXPECT_EQ(fault_with([](Manifest& m) { m.entitlements.set("a", Object(Array{Object(true)})); }),
            "manifest: entitlements.a");
  EXPECT_EQ(fault_with([](Manifest& m) { m.entitlements.set("a b", Object(true)); }), "manifest: entitlements");
  EXPECT_EQ(fault_with([](Manifest& m) { m.preset = "../none"; }), "manifest: preset");
  EXPECT_EQ(fault_with([](Manifest& m) { m.allowed_callers = {""}; }), "manifest: allowed_callers");
  EXPECT_EQ(fault_with([](Manifest& m) { m.allowed_callers = {"user x"}; }), "manifest: allowed_callers");
  EXPECT_EQ(fault_with([](Manifest& m) { m.allowed_callers = {"group:"}; }), "manifest: allowed_callers");
  EXPECT_EQ(fault_with([](Manifest& m) { m.allowed_callers.assign(4096, std::string(32, 'x')); }),
            "manifest: longer than 65536 bytes");
}

TEST(AManifest, HasOneForm) {
  const auto bytes = encode(manifest_for(kPayload));
  ASSERT_TRUE(bytes);
  ASSERT_TRUE(decode_manifest(*bytes));
  // The same with a field that says nothing: decoded it is the same manifest, and it is not the same bytes.
  Object object = object::to_object(manifest_for(kPayload));
  object.get<Dictionary>()->set("version", Object(std::int64_t{7}));
  const auto other = wire::encode(*object.get<Dictionary>());
  EXPECT_EQ(fault_of(decode_manifest(other->body.whole())), "manifest: not in its canonical form");
  object.get<Dictionary>()->set("colour", Object("red"));
  EXPECT_NE(fault_of(decode_manifest(wire::encode(*object.get<Dictionary>())->body.whole())).find("colour"),
            std::string::npos);
  EXPECT_FALSE(decode_manifest({}));
  EXPECT_FALSE(decode_manifest(Bytes(kManifestBytesMax + 1)));
}

TEST(ASignature, IsNotThere) {
  EXPECT_EQ(verify({}).error().code, code::kUnsigned);
  EXPECT_EQ(verify(kPayload).error().code, code::kUnsigned);
  EXPECT_EQ(verify(Bytes(4096)).error().code, code::kUnsigned);
}

TEST(ASignature, IsMadeByNobodyElse) {
  const auto other = SecretKey::generate();
  EXPECT_EQ(make_trailer(kPayload.size(), manifest_for(kPayload), *other).error().code, code::kBadSignature)
      << "another key than the manifest's";
  // Another's signature of just what is signed, under this team's manifest: as much as anybody can make.
  Bytes file = signed_file(kPayload);
  const auto trailer = std::span(file).subspan(kPayload.size());
  Bytes message = bytes_of(std::string_view("reeve-codesign-v1\0", 18));
  const auto add = [&](std::span<const std::byte> part) { message.insert(message.end(), part.begin(), part.end()); };
  add(trailer.last(kFooterBytes));
  add(trailer.first(trailer.size() - 2 * kFooterBytes));
  const auto put = [&](const Ed25519Signature& signature) {
    std::memcpy(file.data() + file.size() - 2 * kFooterBytes, signature.data(), signature.size());
  };
  put(team().sign(message));
  EXPECT_TRUE(verify(file)) << "what is signed, spelled out";
  put(other->sign(message));
  EXPECT_EQ(fault_of(verify(file)), "signature: it was made by another key, or for another file");
}

TEST(ASignature, DoesNotMoveToAnotherFile) {
  const Bytes trailer = trailer_for(kPayload);
  Bytes other = kPayload;
  std::reverse(other.begin(), other.end());
  EXPECT_EQ(fault_of(verify_detached(other, trailer)), "signature: the file was changed after it was signed");
  other.pop_back();
  EXPECT_EQ(fault_of(verify_detached(other, trailer)), "signature: it is of a file of another size");
  Bytes longer(1);
  longer.insert(longer.end(), trailer.begin(), trailer.end());
  EXPECT_FALSE(verify_detached(std::span(kPayload).first(kPayload.size() - 1), longer))
      << "a byte of the payload among the trailer";
}

TEST(ASignature, TellsWhatWasSigned) {
  for (const Bytes& payload : {kPayload, Bytes(), Bytes(300'000, std::byte{'x'}), signed_file(kPayload)}) {
    const auto manifest = verify(signed_file(payload));
    ASSERT_TRUE(manifest) << manifest.error().message;
    EXPECT_EQ(object::to_object(*manifest), object::to_object(manifest_for(payload)));
    EXPECT_TRUE(verify_detached(payload, trailer_for(payload)));
  }
}

// Exhaustive: a small file with each of its bits flipped, cut at each place, and with bytes added at its end.
TEST(ASignature, DoesNotOutliveAnyChange) {
  const Bytes file = signed_file(kPayload);
  ASSERT_TRUE(verify(file));
  std::size_t changes = 0;
  Bytes changed = file;
  for (std::size_t bit = 0; bit < file.size() * 8; ++bit, ++changes) {
    changed[bit / 8] ^= static_cast<std::byte>(1U << bit % 8);
    ASSERT_FALSE(verify(changed)) << "bit " << bit;
    changed[bit / 8] = file[bit / 8];
  }
  for (std::size_t size = 0; size < file.size(); ++size, ++changes) {
    ASSERT_FALSE(verify(std::span(file).first(size))) << "cut to " << size;
  }
  for (std::size_t more = 1; more <= file.size(); ++more, ++changes) {
    Bytes longer = file;
    longer.insert(longer.end(), file.end() - static_cast<std::ptrdiff_t>(more), file.end());  // Its own end again.
    ASSERT_FALSE(verify(longer)) << more << " bytes more";
    std::fill(longer.begin() + static_cast<std::ptrdiff_t>(file.size()), longer.end(), std::byte{0});
    ASSERT_FALSE(verify(longer)) << more << " zeros more";
    Bytes before(more);
    before.insert(before.end(), file.begin(), file.end());
    ASSERT_FALSE(verify(before)) << more << " bytes before it";
  }
  std::printf("%zu changes of a signed file of %zu bytes, none of which verifies\n", changes, file.size());
}

TEST(ASignature, ReadsNothingBeyondWhatItIsGiven) {
  rc::check([] {
    auto bytes = *rc::gen::container<std::vector<std::uint8_t>>(rc::gen::arbitrary<std::uint8_t>());
    Bytes file = signed_file(kPayload);
    const auto at = *rc::gen::inRange<std::size_t>(0, file.size());
    for (std::size_t i = 0; i < bytes.size() && at + i < file.size(); ++i) file[at + i] = std::byte{bytes[i]};
    const auto outcome = verify(file);
    if (outcome) RC_ASSERT(file == signed_file(kPayload));
  });
}

}  // namespace
}  // namespace reeve::identity
