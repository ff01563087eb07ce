// A service that does to order what services should not do.
#pragma once

#include <boost/describe.hpp>
#include <map>
#include <optional>
#include <reeve/reeve.hpp>
#include <string>
#include <vector>

namespace reeve::test {

enum class Mood { calm, angry };
BOOST_DESCRIBE_ENUM(Mood, calm, angry)

struct Everything {
  bool flag = false;
  std::int16_t small = 0;
  std::uint64_t large = 0;
  double real = 0;
  std::string text;
  Data data;
  std::optional<std::string> maybe;
  std::vector<std::int32_t> list;
  std::map<std::string, std::string> table;
  Mood mood = Mood::calm;
  bool operator==(const Everything&) const = default;
};
BOOST_DESCRIBE_STRUCT(Everything, (), (flag, small, large, real, text, data, maybe, list, table, mood))

struct Actor {
  virtual Result<Everything> repeat(Everything what) = 0;
  virtual Result<std::uint64_t> size_of(File file) = 0;
  virtual Result<std::vector<std::int32_t>> descriptors() = 0;
  virtual Result<std::map<std::string, std::string>> environment() = 0;
  /// The errno of what was tried before serving: under the first filter only, which allows to open.
  virtual Result<std::map<std::string, std::int32_t>> early_attempts() = 0;
  /// The errno of uname, which the first filter alone allows, asked by a thread that was there before the second. It is
  /// there where EARLY_THREAD is set.
  virtual Result<std::int32_t> attempt_of_early_thread() = 0;
  virtual Result<void> complain(std::int32_t code, std::string message) = 0;
  virtual Result<void> throw_something() = 0;
  virtual Result<std::string> answer_of(std::uint32_t bytes) = 0;
  virtual Result<void> sleep(std::uint32_t milliseconds) = 0;
  virtual Result<void> crash() = 0;
  virtual Result<void> attempt(std::string call) = 0;
  virtual Result<std::map<std::string, std::int32_t>> reach_out() = 0;
  virtual Result<void> print(std::string text) = 0;
  virtual Result<std::vector<File>> echo_files(std::vector<File> files) = 0;
  virtual Result<Endpoint> own_endpoint() = 0;
  virtual Result<std::uint64_t> sum_of(Memory memory) = 0;
  /// Has the service of that name do nothing for a moment.
  virtual Result<void> call_other(std::string name) = 0;
  /// Offers, and withdraws, a Namesake while it serves.
  virtual Result<void> offer(std::string name) = 0;
  virtual Result<void> withdraw(std::string name) = 0;
  /// The folder of an app group.
  virtual Result<std::string> container(std::string group) = 0;
  /// The errno of making a file with that text; and of what a file must not become there: a link, a pipe, a program.
  virtual Result<std::int32_t> write_file(std::string path, std::string text) = 0;
  virtual Result<std::map<std::string, std::int32_t>> misuse_folder(std::string path) = 0;
  virtual Result<std::string> read_file(std::string path) = 0;
  /// Is at work between requests from now on, or no longer.
  virtual Result<void> work(bool goes_on) = 0;
  /// Answered when somebody says a word, or nobody waits for the answer any more.
  virtual Task<std::string> await_word(const Caller& caller) = 0;
  /// To all who wait; how many those were.
  virtual Result<std::uint32_t> say(std::string word) = 0;
  /// How many waited for a word, and then no longer did.
  virtual Result<std::uint32_t> given_up() = 0;
  /// Answered by another thread, after so long.
  virtual Task<std::string> ask_a_thread(std::uint32_t milliseconds) = 0;
  virtual Task<void> throw_later() = 0;
  /// Has the service of that name wait for a word, on the caller's behalf: for no longer than that, and it alone.
  virtual Task<std::string> await_word_of_other(const Caller& caller, std::string name) = 0;
  /// Has the first of these services do so with the rest, and waits for it: "the end" where there is none.
  virtual Result<std::string> pass_on(std::vector<std::string> names) = 0;
  /// From zero on, so many; or until they run out, with an error.
  virtual Stream<std::uint64_t> numbers(std::uint64_t many) = 0;
  /// The process ends after so many.
  virtual Stream<std::uint64_t> numbers_until_death(std::uint64_t many) = 0;
  /// How many of such streams there are.
  virtual Result<std::uint32_t> streams() = 0;
  /// What is known of whoever asks.
  virtual Result<std::map<std::string, std::string>> who(const Caller& caller, std::string word) = 0;

 protected:
  ~Actor() = default;
};
BOOST_DESCRIBE_STRUCT(Actor, (),
                      (repeat, size_of, descriptors, environment, early_attempts, attempt_of_early_thread, complain,
                       throw_something, answer_of, sleep, crash, attempt, reach_out, print, echo_files, own_endpoint,
                       sum_of, call_other, offer, withdraw, container, write_file, misuse_folder, read_file, work,
                       await_word, say, given_up, ask_a_thread, throw_later, await_word_of_other, pass_on, numbers,
                       numbers_until_death, streams, who))

/// Another interface of the same process.
struct Namesake {
  virtual Result<std::string> name() = 0;

 protected:
  ~Namesake() = default;
};
BOOST_DESCRIBE_STRUCT(Namesake, (), (name))

}  // namespace reeve::test
