// The stage on which the core's tests play the kernel, the supervisor and everybody else.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "core.hpp"

namespace reeve::broker {

using namespace std::chrono_literals;

inline Job job_named(const std::string& label) {
  Job job;
  job.file = "/jobs/" + label + ".plist";
  job.label = label;
  job.program = "/bin/" + label;
  job.names = {OfferedName{label}};
  job.preset = "parser";
  return job;
}

// The file of an unconfined job: keys beside those that every job has, and some beside Preset under Reeve.
inline std::string job_text(const std::string& label, const std::string& keys = "", const std::string& ours = "") {
  return "<plist version=\"1.0\"><dict><key>Label</key><string>" + label + "</string><key>Program</key><string>/bin/" +
         label + "</string>" + keys + "<key>Reeve</key><dict><key>Preset</key><string>none</string>" + ours +
         "</dict></dict></plist>";
}
inline const std::string kOffersA = "<key>MachServices</key><dict><key>a</key><true/></dict>";

inline policy::Requirement callers(const std::string& expression) { return *policy::Requirement::parse(expression); }

// A broker's core with the kernel played by the test.
class Stage {
 public:
  Stage() {
    next_broker();
    apply(Scanned{});
  }
  Orders apply(EventKind what) {
    Orders orders = core->apply({now, 0, std::move(what)});
    store_before = store;
    for (const Order& order : orders) perform(order);
    return orders;
  }
  // The supervisor's part of it.
  void perform(const Order& order) {
    if (const auto* keep = std::get_if<Keep>(&order)) store[keep->number] = keep->what;
    if (const auto* launch = std::get_if<Launch>(&order)) store[launch->instance.value] = launch->keep;
    if (const auto* forget = std::get_if<Forget>(&order)) store.erase(forget->number);
    const auto* grant = std::get_if<Grant>(&order);
    if (grant != nullptr && grant->keep) store[grant->end.value] = *grant->keep;
  }
  // The broker died when it had performed all orders up to the last T, and the next one begins.
  template <class T>
  Orders die_after(const Orders& orders) {
    const auto is_that = [](const Order& order) { return std::holds_alternative<T>(order); };
    const auto end = std::find_if(orders.rbegin(), orders.rend(), is_that).base();
    store = store_before;
    for (auto order = orders.begin(); order != end; ++order) perform(*order);
    return next_broker();
  }
  // ... up to the first T.
  template <class T>
  Orders die_after_first(const Orders& orders) {
    store = store_before;
    for (const Order& order : orders) {
      perform(order);
      if (std::holds_alternative<T>(order)) break;
    }
    return next_broker();
  }
  Orders next_broker() {
    core.emplace(kHas, "", lacking);
    return apply(Recovered{++broker, 1000, {store.begin(), store.end()}});
  }

  // What is kept, beside what the trust folders say, which is for as long as the session lasts.
  std::size_t kept_count() const {
    return static_cast<std::size_t>(std::count_if(
        store.begin(), store.end(), [](const auto& kept) { return !std::holds_alternative<KeptTrust>(kept.second); }));
  }

  template <class T>
  static const T* only(const Orders& orders) {
    if (orders.size() != 1) return nullptr;
    return std::get_if<T>(&orders.front());
  }
  template <class T>
  static std::vector<T> all(const Orders& orders) {
    std::vector<T> out;
    for (const Order& order : orders) {
      if (const T* t = std::get_if<T>(&order)) out.push_back(*t);
    }
    return out;
  }

  PeerId client() {
    const PeerId peer{next_peer++};
    apply(PeerCame{peer, 100, 1000});
    return peer;
  }
  Orders look_up(PeerId peer, const std::string& name) {
    return apply(PeerAsked{peer, next_request++, contract::LookUp{name}, {}});
  }
  void knows(std::vector<Job> jobs) {
    const PeerId peer = client();
    apply(PeerAsked{peer, next_request++, contract::List{}, {}});
    apply(Scanned{std::move(jobs), {}});
    apply(PeerLeft{peer});
  }
  // The launched instance appears on its control channel, checks in, and is confirmed.
  PeerId come_up(InstanceId instance) {
    apply(Launched{instance, 4242});
    return control_of(instance);
  }
  Orders check_in(PeerId service, InstanceId instance, int filters = 2) {
    apply(PeerAsked{service, next_request++, contract::CheckIn{}, {}});
    return apply(Confirmed{instance, filters});
  }
  struct Running {
    InstanceId instance;
    PeerId service;
  };
  // Brought up by a client's look-up of its name.
  Running running(PeerId client, const std::string& name) {
    const InstanceId instance = all<Launch>(look_up(client, name))[0].instance;
    const PeerId service = come_up(instance);
    check_in(service, instance);
    return {instance, service};
  }
  // ... and under an endpoint's token, having taken the client's end, which is returned too.
  struct Serving {
    InstanceId instance;
    PeerId service;
    EndId end;
  };
  Serving serving(PeerId client, const std::string& name, const Endpoint& endpoint) {
    const Orders orders = look_up(client, name);
    const InstanceId instance = all<Launch>(orders)[0].instance;
    const EndId end = all<Grant>(orders)[0].end;
    const PeerId service = come_up(instance);
    apply(PeerAsked{service, 1, contract::CheckIn{}, endpoint});
    take_until(service, end);
    return {instance, service, end};
  }
  // A job by hand: what job_text makes of it.
  Orders load(PeerId client, const std::string& label, const std::string& keys = "", const std::string& ours = "") {
    return apply(PeerAsked{client, next_request++, contract::Load{"/x/a.plist", job_text(label, keys, ours)}, {}});
  }
  Orders take_until(PeerId service, EndId end) {
    return apply(PeerAsked{service, 0, contract::Taken{end.value, broker}, {}});
  }
  Orders die(PeerId service, InstanceId instance) {
    apply(PeerLeft{service});
    return apply(Exited{instance, {true, 9}});
  }

  static constexpr quota::Amount kHas{.bytes = 1 << 20, .descriptors = 4096, .objects = 0};
  std::uint32_t lacking = 0;  // layers of any sandbox
  std::optional<Core> core{std::in_place, kHas};
  std::map<std::uint64_t, Kept> store;
  std::map<std::uint64_t, Kept> store_before;
  std::uint64_t broker = 1;
  os::Time now{1000s};
  std::uint64_t next_peer = 1;
  RequestId next_request = 1;
};

inline const Error& error_of(const Orders& orders) {
  static const Error kNone;
  const auto* answer = Stage::only<Answer>(orders);
  return answer != nullptr && !answer->what ? answer->what.error() : kNone;
}

inline Endpoint token_of(int n) {
  Endpoint endpoint;
  endpoint.token[0] = static_cast<std::byte>(n);
  return endpoint;
}

template <class T>
std::optional<T> value_of(const Orders& orders) {
  const auto answers = Stage::all<Answer>(orders);
  if (answers.empty() || !answers.back().what) return std::nullopt;
  auto value = contract::decode_reply<T>(*answers.back().what);
  return value ? std::optional<T>(std::move(*value)) : std::nullopt;
}

}  // namespace reeve::broker
