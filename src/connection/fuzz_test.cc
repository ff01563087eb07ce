// The fuzzer of services, fed with bytes that nobody measured.
#include "fuzz.hpp"

#include <gtest/gtest.h>

#include <random>
#include <set>

namespace reeve::connection {
namespace {

enum class Shade { light, dark, none };
BOOST_DESCRIBE_ENUM(Shade, light, dark, none)

struct Leaf {
  std::string name;
  Shade shade = Shade::light;
  std::optional<std::uint16_t> count;
  std::vector<Leaf> below;
};
BOOST_DESCRIBE_STRUCT(Leaf, (), (name, shade, count, below))

struct Garden {
  virtual Result<std::uint64_t> plant(Leaf leaf, std::map<std::string, double> sizes) = 0;
  virtual Result<std::string> look(Data data, Date date, Uuid uuid, bool closely) = 0;
  virtual Result<std::uint64_t> read(File file, Memory memory, std::optional<Object> any) = 0;
  virtual Stream<std::int8_t> grow(std::int8_t from, std::int64_t to) = 0;
  virtual Task<void> wait(const Caller& caller) = 0;

 protected:
  ~Garden() = default;
};
BOOST_DESCRIBE_STRUCT(Garden, (), (plant, look, read, grow, wait))

// What was seen of it, by all services of one test.
struct Seen {
  std::map<std::string, int> calls;
  std::set<Shade> shades;
  std::size_t most_below = 0;
  std::uint64_t bytes = 0;
  int given_up = 0;
};

class Plot : public Garden {
 public:
  explicit Plot(Seen& seen) : seen_(seen) {}
  Result<std::uint64_t> plant(Leaf leaf, std::map<std::string, double> sizes) override {
    ++seen_.calls["plant"];
    seen_.shades.insert(leaf.shade);
    seen_.most_below = std::max(seen_.most_below, leaf.below.size());
    return sizes.size();
  }
  Result<std::string> look(Data data, Date, Uuid, bool closely) override {
    ++seen_.calls["look"];
    // A fault that needs two bytes, and a third in another argument.
    const auto bytes = data.bytes();
    if (bytes.size() > 1 && bytes[0] == std::byte{'!'} && bytes[1] < std::byte{64} && closely) ++seen_.calls["fault"];
    return "seen";
  }
  Result<std::uint64_t> read(File file, Memory memory, std::optional<Object>) override {
    ++seen_.calls["read"];
    const Data data = REEVE_TRY(memory.data());
    seen_.bytes += data.size() + REEVE_TRY(file.size());
    return data.size();
  }
  Stream<std::int8_t> grow(std::int8_t from, std::int64_t to) override {
    ++seen_.calls["grow"];
    for (std::int64_t i = from; i < to; ++i) co_yield static_cast<std::int8_t>(i % 100);
  }
  Task<void> wait(const Caller& caller) override {
    ++seen_.calls["wait"];
    Promise<void> never;
    const std::stop_callback stopped(caller.stop_token(), [&] {
      ++seen_.given_up;
      (void)never.set({});
    });
    co_return co_await never.value();
  }

 private:
  Seen& seen_;
};

TEST(Fuzz, ReachesEveryMethodWithManyValues) {
  Seen seen;
  std::mt19937 random(7);  // NOLINT: the same each time
  for (int i = 0; i < 4'000; ++i) {
    std::vector<std::uint8_t> bytes(random() % 200);
    for (std::uint8_t& byte : bytes) byte = static_cast<std::uint8_t>(random());
    EXPECT_EQ(fuzz<Garden>(Plot(seen), bytes), 0);
  }
  for (const char* method : {"plant", "look", "read", "grow", "wait", "fault"}) {
    EXPECT_GT(seen.calls[method], 0) << method;
  }
  EXPECT_EQ(seen.shades.size(), 3U);
  EXPECT_GT(seen.most_below, 1U);
  EXPECT_GT(seen.bytes, 1'000U);
  EXPECT_EQ(seen.given_up, seen.calls["wait"]) << "who never answers is given up";
}

TEST(Fuzz, DoesTheSameWithTheSameBytes) {
  const auto calls = [] {
    Seen seen;
    std::mt19937 random(11);  // NOLINT: the same each time
    std::vector<std::uint8_t> bytes(4096);
    for (std::uint8_t& byte : bytes) byte = static_cast<std::uint8_t>(random());
    (void)fuzz<Garden>(Plot(seen), bytes);
    return seen.calls;
  };
  EXPECT_EQ(calls(), calls());
}

}  // namespace
}  // namespace reeve::connection
