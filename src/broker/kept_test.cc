#include "kept.hpp"

#include <gtest/gtest.h>

#include "../vocab/bounds.hpp"
#include "../wire/wire.hpp"

namespace reeve::broker {
namespace {

TEST(Kept, RefusesWhatNoBrokerWrote) {
  EXPECT_FALSE(decode_kept(""));
  EXPECT_FALSE(decode_kept("junk"));
  const auto encoded = [](Dictionary root) {
    const auto body = wire::encode(root)->body;
    return std::string(reinterpret_cast<const char*>(body.bytes.data()), body.bytes.size());
  };
  EXPECT_FALSE(decode_kept(encoded({})));
  EXPECT_FALSE(decode_kept(encoded({{"kind", Object("end")}})));
  EXPECT_FALSE(decode_kept(encoded({{"kind", Object(1)}, {"value", Object(1)}})));
  EXPECT_FALSE(decode_kept(encoded({{"kind", Object("crown")}, {"value", Object(Dictionary{})}})));
  EXPECT_EQ(decode_kept(encoded({{"kind", Object("end")}, {"value", Object(Dictionary{})}})).error().message,
            "label: missing");
}

KeptJob job_with(std::string text, std::string file = "/a.plist") {
  KeptJob job;
  job.label = "a";
  job.file = std::move(file);
  job.text = std::move(text);
  return job;
}

TEST(Kept, EveryPrefixIsRefused) {
  const std::string whole = encode_kept(job_with("<plist/>"));
  for (std::size_t size = 0; size < whole.size(); ++size) EXPECT_FALSE(decode_kept(whole.substr(0, size))) << size;
}

TEST(Kept, ComesBackAsItWas) {
  KeptService service;
  service.label = "a";
  service.started_ns = 7;
  service.endpoint = Data(std::vector<std::byte>(16, std::byte{9}));
  const auto same = decode_kept(encode_kept(service));
  ASSERT_TRUE(same) << same.error().message;
  EXPECT_EQ(std::get<KeptService>(*same).endpoint, service.endpoint);
  EXPECT_EQ(std::get<KeptService>(*same).started_ns, 7);
  const auto peer = decode_kept(encode_kept(KeptPeer{4711, 1000, 99, {{0, "group.a"}, {4711, "own"}}}));
  ASSERT_TRUE(peer);
  EXPECT_EQ(std::get<KeptPeer>(*peer).names[1].name, "own");
  // All names that one may register fit a packet.
  KeptPeer full;
  for (std::size_t i = 0; i < kNamesPerPeerMax; ++i) {
    full.names.push_back({2'000'000'000, std::string(kNameBytesMax - 4, 'n') + std::to_string(1000 + i)});
  }
  EXPECT_LT(encode_kept(full).size(), 128U * 1024);
  // The text of a job file fills most of a packet, and still fits.
  const std::string large =
      encode_kept(job_with(std::string(64 * 1024, 'x'), "/" + std::string(kJobFilePathBytesMax - 1, 'f')));
  EXPECT_LT(large.size(), 128U * 1024);
}

}  // namespace
}  // namespace reeve::broker
