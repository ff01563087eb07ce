// A service behind its interface, fuzzed as users fuzz theirs. Built once more with a fault in it (REEVE_PLANTED),
// which has to be found.
#include <cstdlib>
#include <reeve/fuzz.hpp>
#include <reeve/reeve.hpp>

namespace {

enum class Level { note, warning, fault };
BOOST_DESCRIBE_ENUM(Level, note, warning, fault)

struct Entry {
  std::string text;
  Level level = Level::note;
  std::optional<std::uint16_t> weight;
  std::vector<Entry> replies;
};
BOOST_DESCRIBE_STRUCT(Entry, (), (text, level, weight, replies))

struct Journal {
  virtual reeve::Result<std::uint64_t> write(Entry entry) = 0;
  virtual reeve::Result<std::string> sum(reeve::Data data, std::uint32_t rounds, bool is_final) = 0;
  virtual reeve::Result<std::uint64_t> attach(reeve::File file, reeve::Memory memory) = 0;
  virtual reeve::Stream<Entry> read(std::uint64_t from) = 0;
  virtual reeve::Task<void> await_next(const reeve::Caller& caller) = 0;

 protected:
  ~Journal() = default;
};
BOOST_DESCRIBE_STRUCT(Journal, (), (write, sum, attach, read, await_next))

class Book : public Journal {
 public:
  reeve::Result<std::uint64_t> write(Entry entry) override {
    if (entry.text.empty()) return reeve::fail(reeve::Kind::invalid, 1, "an entry says something");
    entries_.push_back(std::move(entry));
    return entries_.size();
  }
  reeve::Result<std::string> sum(reeve::Data data, std::uint32_t rounds, bool is_final) override {
    std::uint32_t sum = rounds;
    for (const std::byte byte : data.bytes()) sum = sum * 31 + std::to_integer<std::uint32_t>(byte);
#ifdef REEVE_PLANTED
    if (is_final && rounds + 1 == 0) std::abort();  // as who makes room for all rounds, and one more
#endif
    return std::to_string(sum) + (is_final ? "." : "");
  }
  reeve::Result<std::uint64_t> attach(reeve::File file, reeve::Memory memory) override {
    const reeve::Data data = REEVE_TRY(memory.data());
    return data.size() + REEVE_TRY(file.size());
  }
  reeve::Stream<Entry> read(std::uint64_t from) override {
    for (std::uint64_t i = from; i < entries_.size(); ++i) co_yield entries_[i];
  }
  reeve::Task<void> await_next(const reeve::Caller& caller) override {
    reeve::Promise<void> next;
    const std::stop_callback given_up(caller.stop_token(), [&] { (void)next.set({}); });
    co_return co_await next.value();
  }

 private:
  std::vector<Entry> entries_;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  return reeve::fuzz<Journal>(Book(), {data, size});
}
