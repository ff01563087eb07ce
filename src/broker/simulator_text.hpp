// What happens in a simulated session, in words. For tests.
#pragma once

#include <string>

#include "events.hpp"

namespace reeve::broker::simulator {

namespace detail {

template <class... Each>
struct Cases : Each... {
  using Each::operator()...;
};
template <class... Each>
Cases(Each...) -> Cases<Each...>;

inline std::string number(std::uint64_t n) {
  // The peer of an instance is shown as that; and the n-th broker's numbers as n:number.
  const bool is_control = n >> 63 != 0;
  const bool is_client = n >> 62 == 1;
  n &= (1ULL << 62) - 1;
  const std::string text = n >> 36 == 0 ? "" : std::to_string(n >> 36) + ":";
  return (is_control ? "control " : is_client ? "client " : "") + text + std::to_string(n & ((1ULL << 36) - 1));
}
template <class T>
std::string number(const Id<T>& id) {
  return number(id.value);
}

inline std::string text_of_request(const contract::Request& what) {
  static constexpr const char* kKinds[] = {"LookUp",  "List",  "CheckIn",  "Retire", "Redeem", "Register", "Unregister",
                                           "Status",  "Load",  "Unload",   "Start",  "Stop",   "KillJob",  "Print",
                                           "Replace", "Prove", "Identify", "Join",   "Taken"};
  std::string text = kKinds[what.index()];
  std::visit(Cases{[&](const contract::LookUp& w) { text += " " + w.name + " of " + std::to_string(w.pid); },
                   [&](const contract::Retire& w) { text += " " + number(w.last); },
                   [&](const contract::Taken& w) { text += " " + number(w.last); },
                   [&](const contract::Register& w) { text += " " + w.name; },
                   [&](const contract::Unregister& w) { text += " " + w.name; },
                   [&](const contract::Load& w) { text += " " + w.text; },
                   [&](const contract::Unload& w) { text += " " + w.label; },
                   [&](const contract::Start& w) { text += " " + w.label; },
                   [&](const contract::Stop& w) { text += " " + w.label; },
                   [&](const contract::KillJob& w) { text += " " + w.label; }, [](const auto&) {}},
             what);
  return text;
}

inline std::string text_of_kept(const Kept& kept) {
  return std::visit(Cases{[](const KeptService& k) {
                            return "service " + k.label + (k.is_running ? " running" : "") +
                                   (k.is_retiring ? " retiring" : "") + (k.is_stopping ? " stopping" : "");
                          },
                          [](const KeptEnd& k) { return "end for " + k.label + " handed to " + number(k.handed_to); },
                          [](const KeptJob& k) { return "job " + k.label + " starts " + std::to_string(k.starts); },
                          [](const KeptPeer& k) { return "peer with " + std::to_string(k.names.size()) + " names"; },
                          [](const KeptTrust&) { return std::string("trust"); }},
                    kept);
}

}  // namespace detail

inline std::string text_of(const EventKind& event) {
  using detail::number;
  return std::visit(
      detail::Cases{
          [](const Tick&) { return std::string("Tick"); },
          [](const Recovered& e) {
            std::string text = "Recovered by broker " + std::to_string(e.broker);
            for (const auto& [n, kept] : e.kept) text += "\n      " + number(n) + ": " + detail::text_of_kept(kept);
            return text;
          },
          [](const SpawnerCame&) { return std::string("SpawnerCame"); },
          [](const Denied& e) { return "Denied " + number(e.instance) + (e.is_end ? " and ended" : ""); },
          [](const PeerCame& e) { return "PeerCame " + number(e.peer) + " process " + std::to_string(e.process); },
          [](const PeerAsked& e) {
            return "PeerAsked " + number(e.peer) + " request " + std::to_string(e.request) + " " +
                   detail::text_of_request(e.what);
          },
          [](const PeerLeft& e) { return "PeerLeft " + number(e.peer); },
          [](const GrantFailed& e) { return "GrantFailed " + number(e.end); },
          [](const FoldersChanged&) { return std::string("FoldersChanged"); },
          [](const Scanned& e) {
            std::string text = "Scanned";
            for (const Job& job : e.jobs) text += "\n      " + job.file + ": " + job.text;
            return text;
          },
          [](const Launched& e) { return "Launched " + number(e.instance); },
          [](const LaunchFailed& e) { return "LaunchFailed " + number(e.instance) + " " + e.why; },
          [](const Confirmed& e) { return "Confirmed " + number(e.instance) + " " + std::to_string(e.filters); },
          [](const Exited& e) { return "Exited " + number(e.instance) + " " + os::describe(e.status); },
          [](const PathIs& e) { return "PathIs " + std::to_string(e.index) + " " + std::to_string(e.bits); },
          [](const ImageIs& e) { return "ImageIs " + number(e.instance) + " " + std::to_string(e.image.id[0]); },
          [](const Identified& e) { return "Identified " + number(e.number); }},
      event);
}

inline std::string text_of(const Order& order) {
  using detail::number;
  return std::visit(
      detail::Cases{
          [](const Answer& o) {
            return "Answer " + number(o.peer) + " request " + std::to_string(o.request) +
                   (o.what ? " yes" : " no: " + o.what.error().message);
          },
          [](const Grant& o) {
            return "Grant " + number(o.peer) + " request " + std::to_string(o.request) + " end " + number(o.end) +
                   " of " + o.label + (o.keep ? " kept" : "");
          },
          [](const HandOver& o) { return "HandOver " + number(o.end) + " to " + number(o.service) + " " + o.name; },
          [](const Release& o) { return "Release " + number(o.end); },
          [](const Refuse& o) { return "Refuse " + number(o.end) + ": " + o.reason.message; },
          [](const Launch& o) {
            return "Launch " + number(o.instance) + " " + o.keep.label + " " + std::to_string(o.image[0]);
          },
          [](const Keep& o) { return "Keep " + number(o.number) + " " + detail::text_of_kept(o.what); },
          [](const Forget& o) { return "Forget " + number(o.number); },
          [](const Kill& o) { return "Kill " + number(o.instance) + " " + std::to_string(o.signal); },
          [](const Confirm& o) { return "Confirm " + number(o.instance); },
          [](const Scan&) { return std::string("Scan"); },
          [](const Watch& o) { return "Watch " + std::to_string(o.number); },
          [](const Drop& o) { return "Drop " + number(o.peer); }, [](const Replace&) { return std::string("Replace"); },
          [](const Identify& o) { return "Identify " + number(o.number); }},
      order);
}

}  // namespace reeve::broker::simulator
