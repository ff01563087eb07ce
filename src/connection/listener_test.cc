// Listeners without names, and one-way methods.
#include "listener.hpp"

#include <gtest/gtest.h>

#include <stdexcept>

#include "connection.hpp"
#include "staged.hpp"

namespace reeve::connection {
namespace {

using namespace std::chrono_literals;

struct Diary {
  virtual void note(std::string what) = 0;
  virtual void note_whose(const Caller& caller) = 0;
  virtual void tear() = 0;
  virtual Result<std::vector<std::string>> notes() = 0;

 protected:
  ~Diary() = default;
};
BOOST_DESCRIBE_STRUCT(Diary, (), (note, note_whose, tear, notes))

struct Pages {
  std::vector<std::string> notes;
};

struct Book : Diary {
  explicit Book(Pages& p) : pages(&p) {}
  void note(std::string what) override { pages->notes.push_back(std::move(what)); }
  void note_whose(const Caller& caller) override {
    pages->notes.push_back(caller.peer().trust == PeerClass::introduced ? "a stranger's" : "whose?");
  }
  void tear() override { throw std::runtime_error("torn"); }
  Result<std::vector<std::string>> notes() override { return pages->notes; }
  Pages* pages;
};

struct Listening : OnALoop {
  Proxy<Diary> over(const Right& right) { return Proxy<Diary>(Connection(dialer_over(right), loop)); }
  template <class T>
  static Detached wait(Task<T> task, std::optional<Result<T>>& outcome) {
    outcome.emplace(co_await std::move(task));
  }
  static Task<std::vector<std::string>> notes_of(Proxy<Diary>& diary) {
    co_return co_await diary.async<&Diary::notes>();
  }
  Result<std::vector<std::string>> notes(Proxy<Diary>& diary) {
    std::optional<Result<std::vector<std::string>>> outcome;
    wait(notes_of(diary), outcome);
    if (!comes_true([&] { return outcome.has_value(); })) return fail(Kind::timeout, 1, "nothing came");
    return *outcome;
  }

  Pages pages;
  std::optional<Listener> listener{listen<Diary>(loop, Book(pages))};
};
using OneWay = Listening;

TEST_F(Listening, IsReachedByItsRights) {
  auto one = over(*listener->right());
  auto other = over(*listener->right());
  ASSERT_TRUE(one.tell<&Diary::note>("one"));
  EXPECT_EQ(notes(one), (std::vector<std::string>{"one"}));
  EXPECT_EQ(notes(other), (std::vector<std::string>{"one"}));
}

TEST_F(Listening, NoticesThatItsRightsAreGone) {
  EXPECT_FALSE(listener->has_peers());
  auto right = std::make_optional(*listener->right());
  auto diary = std::make_optional(over(*listener->right()));
  EXPECT_TRUE(notes(*diary));
  EXPECT_TRUE(listener->has_peers());
  right.reset();
  settle();
  EXPECT_TRUE(listener->has_peers());
  diary.reset();
  EXPECT_TRUE(comes_true([&] { return !listener->has_peers(); }));
}

TEST_F(Listening, EndsItsConnectionsWithIt) {
  auto diary = over(*listener->right());
  ASSERT_TRUE(notes(diary));
  listener.reset();
  EXPECT_EQ(notes(diary).error().kind, Kind::gone) << "its right is used up";
}

// As on a method that says goodbye.
TEST_F(Listening, MayEndInItsOwnHandler) {
  struct Ender : Book {
    Ender(Pages& p, std::optional<Listener>& l) : Book(p), own(&l) {}
    void note(std::string) override { own->reset(); }
    std::optional<Listener>* own;
  };
  std::optional<Listener> ended;
  ended.emplace(listen<Diary>(loop, Ender(pages, ended)));
  auto diary = over(*ended->right());
  ASSERT_TRUE(diary.tell<&Diary::note>("goodbye"));
  ASSERT_TRUE(comes_true([&] { return !ended; }));
  EXPECT_EQ(notes(diary).error().kind, Kind::gone);
}

// One who takes much leaves the others their share.
TEST_F(Listening, ChargesWhoeverHoldsARightForItself) {
  std::vector<Right> rights;
  for (int i = 0; i < 40; ++i) rights.push_back(*listener->right());
  auto last = over(*listener->right());
  EXPECT_TRUE(notes(last));
}

TEST_F(OneWay, MethodsAreCalledInTheirOrder) {
  auto diary = over(*listener->right());
  ASSERT_TRUE(diary.tell<&Diary::note>("first"));
  ASSERT_TRUE(diary.tell_with<&Diary::note>({.timeout = 10s}, "second"));
  ASSERT_TRUE(diary.tell<&Diary::note_whose>());
  EXPECT_EQ(notes(diary), (std::vector<std::string>{"first", "second", "a stranger's"}));
}

TEST_F(OneWay, MethodsThatThrowHarmNobody) {
  auto diary = over(*listener->right());
  ASSERT_TRUE(diary.tell<&Diary::tear>());
  EXPECT_TRUE(notes(diary));
}

TEST_F(OneWay, MethodsAreNotCalledWithWhatTheyDoNotTake) {
  auto diary = over(*listener->right());
  for (const Object& wrong : {Object(Array{Object(5)}), Object(Array{}), Object("note")}) {
    ASSERT_TRUE(diary.connection().post({{"method", Object("note")}, {"arguments", wrong}}));
  }
  EXPECT_EQ(notes(diary), std::vector<std::string>());
}

TEST_F(OneWay, MethodsGiveNoAnswer) {
  auto diary = over(*listener->right());
  const Call call(diary.connection(), {{"method", Object("note")}, {"arguments", Object(Array{Object("x")})}});
  ASSERT_TRUE(comes_true([&] { return call.outcome.has_value(); }));
  EXPECT_EQ(call.outcome->error().code, code::kWrongType);
  EXPECT_EQ(call.outcome->error().message, "note: is one way, and an answer was wanted");
  EXPECT_EQ(notes(diary), std::vector<std::string>());
}

TEST_F(OneWay, MethodsAreDescribedAsSuch) {
  EXPECT_TRUE(
      text_of(describe<Diary>()).starts_with("interface Diary\n  note(string), one way\n  note_whose(), one way"));
  auto before = describe<Diary>();
  before.methods[0].is_one_way = false;
  const auto changes = *object::compare(before, describe<Diary>());
  ASSERT_EQ(changes.size(), 1U);
  EXPECT_EQ(changes[0].breaks, object::Change::Breaks::old_callers);
  EXPECT_EQ(changes[0].text, "note: became one way");
}

}  // namespace
}  // namespace reeve::connection
