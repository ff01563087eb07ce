// Who a program is that was started here, and who has connected by itself.
#include <algorithm>
#include <csignal>

#include "../identity/signature.hpp"
#include "core.hpp"

namespace reeve::broker {
namespace {

Result<identity::Manifest> manifest_in(const std::string& text) {
  return identity::decode_manifest(std::as_bytes(std::span(text)));
}

}  // namespace

// Programs that are started here.

// Of a program that is not started here, and has been shown to be what the manifest is of.
Result<contract::Identity> Core::verified_by(const std::string& manifest) {
  if (!has_trust_ || !trust_.is_whole) {
    return fail(Kind::denied, code::kNotTrusted, "the trust folders are not understood", "see `reeve list`");
  }
  if (const auto known = verified_.find(manifest); known != verified_.end()) return known->second;
  contract::Identity who = REEVE_TRY(policy::identity_of(REEVE_TRY(manifest_in(manifest)), trust_));
  who.trust = PeerClass::verified;
  if (verified_.size() >= kKnownProgramsMax) verified_.clear();
  return verified_.emplace(manifest, std::move(who)).first->second;
}

// What its sandbox lacks on this machine.
std::vector<std::string> Core::lacking_in(const Job& job) const {
  std::vector<std::string> names;
  for (std::size_t i = 0; is_confined(job) && i < contract::kLayerNames.size(); ++i) {
    if ((lacking_ >> i & 1) != 0) names.emplace_back(contract::kLayerNames[i]);
  }
  return names;
}

// Who the job's instance is, by its image and its file. What its file says holds whatever comes of the rest; and what a
// signature asks for holds also where it gives nothing. Errors: denied where its signature is good and nevertheless it
// may not run.
Result<void> Core::judge(JobState& job) {
  contract::Identity& who = job.identity = {};
  job.signed_callers = {};
  who.trust = PeerClass::bound;
  who.label = job.active.label;
  who.preset = job.active.preset;
  who.lacking = lacking_in(job.active);
  if (job.image.id != contract::ImageId{}) {
    who.identifier = "adhoc." + identity::hexadecimal(std::as_bytes(std::span(job.image.id)));
  }
  if (!job.image.manifest.empty()) REEVE_TRY(judge_signature(job));
  for (const std::string& group : job.active.groups) {
    if (std::ranges::find(who.groups, group) == who.groups.end()) who.groups.push_back(group);
  }
  const bool is_known = job.image.id != contract::ImageId{};
  if (is_known && sees_containers(job.active) && who.groups.empty()) {
    return fail(Kind::denied, code::kNotPrivileged, "it is in the preset group-files, and in no app group",
                "sign its program for one, or name one under Reeve.Groups in " + job.active.file);
  }
  return {};
}

Result<void> Core::judge_signature(JobState& job) {
  const identity::Manifest manifest = REEVE_TRY(manifest_in(job.image.manifest));
  if (!manifest.allowed_callers.empty()) {
    job.signed_callers = REEVE_TRY(policy::Requirement::any_of(manifest.allowed_callers));
  }
  contract::Identity signed_as = REEVE_TRY(policy::identity_of(manifest, trust_));
  if (manifest.preset && *manifest.preset != job.active.preset) {
    return fail(Kind::denied, code::kNotTrusted,
                signed_as.identifier + " was signed for the preset " + *manifest.preset + ", and its job names " +
                    job.active.preset,
                "name that preset in " + job.active.file);
  }
  if (!has_trust_ || !trust_.is_whole) return {};
  job.identity.team = std::move(signed_as.team);
  job.identity.identifier = std::move(signed_as.identifier);
  job.identity.version = signed_as.version;
  job.identity.groups = std::move(signed_as.groups);
  job.identity.entitlements = std::move(signed_as.entitlements);
  return {};
}

void Core::on(const ImageIs& event) {
  JobState* job = job_of(event.instance);
  if (job == nullptr || job->state != State::starting || job->is_launched) return;
  job->image = event.image;
  if (const auto judged = judge(*job); !judged) return on(LaunchFailed{job->instance, text_of(judged.error())});
  launch(*job, Launch::Control::kept);
}

// The trust folders.

void Core::take_trust(const policy::Trust& trust) {
  const bool is_same = trust_ == trust && trust_number_ != 0;
  has_trust_ = true;
  trust_ = trust;
  if (!is_same) {
    verified_.clear();
    // Also where it says nothing: the next broker is to know that.
    if (trust_number_ == 0) trust_number_ = next_number();
    orders_.push_back(Keep{trust_number_, KeptTrust{trust}});
  }
  // Once by each broker: the one before may have died between reading of a revocation and ending what it was of.
  if (!is_same || !std::exchange(has_judged_, true)) judge_all();
}

// What was revoked ends now.
void Core::judge_all() {
  for (auto& [label, job] : jobs_) {
    if (!job.instance) continue;
    const auto judged = judge(job);
    if (judged || !job.is_launched) continue;
    report(label + ": ended: " + judged.error().message);
    job.was_killed = true;
    orders_.push_back(Kill{job.instance, SIGKILL});
  }
  for (auto& [id, peer] : peers_) {
    if (peer.manifest.empty()) continue;
    auto who = verified_by(peer.manifest);
    if (who) {
      peer.identity = std::move(*who);
    } else {
      orders_.push_back(Drop{id, who.error()});
    }
  }
}

// Those who have connected by themselves.

void Core::identify(Identification what) {
  if (identifications_.size() >= kIdentificationsMax) {
    return answer(what.peer, what.request,
                  fail(Kind::busy, code::kQueueFull,
                       std::to_string(kIdentificationsMax) + " processes are being looked at", "ask again later"));
  }
  const std::uint64_t number = next_number();
  orders_.push_back(Identify{number, what.pid == 0 ? what.peer : PeerId{}, what.pid});
  identifications_.emplace(number, std::move(what));
}

// The nonce is given out after a look at the process, and said by it before a second one: whoever was looked at is who
// answers, and has not become another program meanwhile.
void Core::asked(PeerId id, RequestId request, const contract::Prove& what, const Endpoint& fresh) {
  PeerState& peer = peers_.at(id);
  if (const JobState* job = caller_of(peer)) {
    return answer(id, request, typed_reply(contract::Proof{{}, job->identity, {}}));
  }
  const auto is_theirs = [&](const auto& i) { return i.second.peer == id; };
  if (std::any_of(identifications_.begin(), identifications_.end(), is_theirs)) {
    return answer(id, request, fail(Kind::busy, code::kQueueFull, "the process is being looked at already"));
  }
  const Endpoint nonce = std::exchange(peer.nonce, {});
  const bool is_second = !what.nonce.bytes().empty();
  if (is_second && (nonce == Endpoint{} || !std::ranges::equal(what.nonce.bytes(), nonce.token))) {
    return answer(
        id, request,
        fail(Kind::denied, code::kNotTrusted, "the nonce is not the one that was given", "begin anew, with none"));
  }
  identify({id, request, 0, fresh, is_second});
}

void Core::asked(PeerId id, RequestId request, const contract::Identify& what) {
  if (const auto allowed = may_manage(id); !allowed) return answer(id, request, std::unexpected(allowed.error()));
  if (what.pid <= 0) return answer(id, request, fail(Kind::invalid, code::kWrongType, "a pid is 1 or more"));
  for (const auto& [label, job] : jobs_) {
    if (job.instance && job.pid == what.pid) {
      return answer(id, request, typed_reply(contract::Identified{job.identity, {}}));
    }
  }
  identify({id, request, what.pid, {}, false});
}

void Core::on(const Identified& event) {
  const auto asked = identifications_.extract(event.number);
  if (asked.empty() || !peers_.contains(asked.mapped().peer)) return;
  if (asked.mapped().pid != 0) return tell_identity(asked.mapped(), event);
  tell_proof(asked.mapped(), event);
}

void Core::tell_identity(const Identification& asked, const Identified& found) {
  contract::Identified told;
  auto who = found.manifest ? verified_by(*found.manifest) : std::unexpected(found.manifest.error());
  if (who) {
    told.who = std::move(*who);
    told.why_not = "the broker did not start it";
  } else {
    told.why_not = text_of(who.error());
  }
  answer(asked.peer, asked.request, typed_reply(std::move(told)));
}

void Core::challenge(PeerState& peer, const Identification& asked, const Identified& found) {
  peer.version = found.version;
  peer.shown = *found.manifest;
  peer.nonce = asked.fresh;
  const auto& token = asked.fresh.token;
  contract::Proof proof{Data(std::vector<std::byte>(token.begin(), token.end())), peer.identity, {}};
  answer(asked.peer, asked.request, typed_reply(std::move(proof)));
}

void Core::tell_proof(const Identification& asked, const Identified& found) {
  PeerState& peer = peers_.at(asked.peer);
  const auto decided = [&](std::string why_not) {
    answer(asked.peer, asked.request, typed_reply(contract::Proof{{}, peer.identity, std::move(why_not)}));
  };
  if (!found.manifest) return decided(text_of(found.manifest.error()));
  if (!asked.is_second) return challenge(peer, asked, found);
  if (found.version != peer.version || *found.manifest != peer.shown) {
    return decided("it has become another program while it was looked at");
  }
  auto who = verified_by(*found.manifest);
  if (!who) return decided(text_of(who.error()));
  peer.identity = std::move(*who);
  peer.manifest = std::move(peer.shown);
  decided({});
}

// What groups share.

void Core::asked(PeerId peer, RequestId request, const contract::Join& what) {
  if (policy::is_member(caller(peers_.at(peer)), what.group)) {
    return answer(peer, request, typed_reply(groups_folder_ + "/" + what.group));
  }
  answer(peer, request,
         fail(Kind::denied, code::kNotPrivileged, "the caller is no member of the group " + what.group,
              "name the group in its signature (reeve sign --group), or under Reeve.Groups of its job"));
}

}  // namespace reeve::broker
