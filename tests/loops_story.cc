// One client of one service, within four loops that are not ours.
#include <gtest/gtest.h>

#include <boost/asio/io_context.hpp>
#include <chrono>
#include <functional>
#include <reeve/loops/asio.hpp>
#include <reeve/loops/glib.hpp>
#include <reeve/loops/sd_event.hpp>
#include <reeve/loops/uv.hpp>

#include "support/actor.hpp"
#include "support/session.hpp"

namespace reeve::test {
namespace {

constexpr const char* kActor = "org.example.actor";

// A service that has to be started, answers of three kinds, and one that only a deadline ends.
class Conversation {
 public:
  explicit Conversation(Loop& loop) : actor_(connect<Actor>(kActor, {.loop = loop})) {
    for (std::uint32_t size = 0; size < 10; ++size) {
      actor_.call_then<&Actor::answer_of>(
          [this, size](const auto& answer) {
            EXPECT_EQ(answer, std::string(size, 'x'));
            if (++answered_ == 10) wait_in_vain();
          },
          size);
    }
  }
  bool is_over() const { return is_over_; }

 private:
  void wait_in_vain() {
    actor_.call_then_with<&Actor::await_word>({.timeout = 100ms}, [this](const auto& word) {
      EXPECT_FALSE(word);
      if (!word) {
        EXPECT_EQ(word.error().kind, Kind::timeout);
      }
      is_over_ = true;
    });
  }

  Proxy<Actor> actor_;
  int answered_ = 0;
  bool is_over_ = false;
};

struct Loops : testing::Test {
  void SetUp() override { write_job(session.jobs(), actor_job(kActor)); }
  // Turns the outer loop, which waits by itself, until the conversation is over or a minute has passed.
  bool converse(const std::function<void()>& turn) {
    const Conversation conversation(loop);
    const auto give_up = std::chrono::steady_clock::now() + 60s;
    while (!conversation.is_over() && std::chrono::steady_clock::now() < give_up) turn();
    return conversation.is_over();
  }
  Session session;
  Loop loop = *Loop::make();
};

TEST_F(Loops, OfAsio) {
  boost::asio::io_context context;
  {
    const auto attached = AsioLoop::attach(context, loop);
    ASSERT_TRUE(attached);
    EXPECT_TRUE(converse([&] { context.run_one_for(10s); }));
  }
  context.run_for(10s);
  EXPECT_TRUE(context.stopped()) << "nothing is left to wait for";
}

TEST_F(Loops, OfGlib) {
  GMainContext* const context = g_main_context_new();
  {
    const auto attached = GlibLoop::attach(context, loop);
    ASSERT_TRUE(attached);
    EXPECT_TRUE(converse([&] { g_main_context_iteration(context, TRUE); }));
  }
  EXPECT_FALSE(g_main_context_pending(context));
  g_main_context_unref(context);
}

TEST_F(Loops, OfLibuv) {
  uv_loop_t outer;
  ASSERT_EQ(uv_loop_init(&outer), 0);
  {
    const auto attached = UvLoop::attach(&outer, loop);
    ASSERT_TRUE(attached);
    EXPECT_TRUE(converse([&] { uv_run(&outer, UV_RUN_ONCE); }));
  }
  EXPECT_EQ(uv_run(&outer, UV_RUN_DEFAULT), 0);
  EXPECT_EQ(uv_loop_close(&outer), 0) << "nothing is left in it";
}

TEST_F(Loops, OfSdEvent) {
  sd_event* event = nullptr;
  ASSERT_GE(sd_event_new(&event), 0);
  {
    const auto attached = SdEventLoop::attach(event, loop);
    ASSERT_TRUE(attached);
    EXPECT_TRUE(converse([&] { (void)sd_event_run(event, UINT64_MAX); }));
  }
  sd_event_unref(event);
}

}  // namespace
}  // namespace reeve::test
