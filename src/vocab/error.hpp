// What went wrong, whose move it is, and what to do next.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace reeve::vocab {

/// What the caller should do about an error. The kind decides; the code and the message explain.
enum class Kind : std::uint8_t {
  invalid = 1,      ///< fix the call
  denied = 2,       ///< stop: asking again will not help
  gone = 3,         ///< reconnect: the other end is no longer there
  busy = 4,         ///< retry later
  unsupported = 5,  ///< fall back to something older or smaller
  timeout = 6,      ///< the deadline passed before the answer came
  interrupted = 7,  ///< the service died with the request in hand; the next call starts a fresh one
};

/// "invalid", "denied", … as they stand on the wire and in the tool's JSON.
std::string_view name_of(Kind kind);

/// The kind of that name, or `invalid` for a name this version does not know.
Kind kind_named(std::string_view name);

/// Reeve's own codes, 1000 to 9999; docs/errors.md says when each comes and what to do next. A service may use every
/// other number for itself. 1100 to 1106 are those of Apple's <servers/bootstrap.h>.
namespace code {
inline constexpr std::int32_t kNotPrivileged = 1100;    ///< the name belongs to somebody else
inline constexpr std::int32_t kUnknownService = 1102;   ///< nobody offers the name, or not to this caller
inline constexpr std::int32_t kServiceActive = 1103;    ///< somebody has registered the name, and is there
inline constexpr std::int32_t kSystem = 2000;           ///< a system call failed; the message names it
inline constexpr std::int32_t kRuntimeFolder = 2001;    ///< the runtime folder is not private
inline constexpr std::int32_t kBadBody = 2100;          ///< a body is not a well-formed object
inline constexpr std::int32_t kWrongType = 2101;        ///< a value has another type than its field
inline constexpr std::int32_t kBadPacket = 2200;        ///< a packet breaks the channel's rules
inline constexpr std::int32_t kBadAttachment = 2201;    ///< a descriptor is not what its sender declared
inline constexpr std::int32_t kWrongSender = 2202;      ///< a packet came from another process than the peer
inline constexpr std::int32_t kTooLarge = 2203;         ///< a message exceeds a bound
inline constexpr std::int32_t kClosed = 2204;           ///< the channel has ended
inline constexpr std::int32_t kQueueFull = 2205;        ///< a queue is at its bound
inline constexpr std::int32_t kInterrupted = 2300;      ///< see Kind::interrupted: it may have been done
inline constexpr std::int32_t kTimedOut = 2301;         ///< see Kind::timeout
inline constexpr std::int32_t kUnknownMethod = 2302;    ///< the interface has no such method
inline constexpr std::int32_t kHandlerThrew = 2303;     ///< the service's own code threw
inline constexpr std::int32_t kDropped = 2304;          ///< a service dropped a request without an answer
inline constexpr std::int32_t kAnswered = 2305;         ///< a request was answered before, or wants no answer
inline constexpr std::int32_t kNoLoop = 2306;           ///< a connection without a loop can only be waited for
inline constexpr std::int32_t kNotTakenUp = 2307;       ///< see Kind::interrupted: it was not taken up
inline constexpr std::int32_t kDeadlock = 2308;         ///< a request came back to who waits for its answer
inline constexpr std::int32_t kSuspended = 2309;        ///< a call would wait on a connection that is suspended
inline constexpr std::int32_t kCancelled = 2310;        ///< a call was given up on this side
inline constexpr std::int32_t kNotSent = 2311;          ///< a call could not be sent in the time given for that
inline constexpr std::int32_t kBadPropertyList = 2400;  ///< a file is not a property list
inline constexpr std::int32_t kBadJob = 2401;           ///< a property list is not a job
inline constexpr std::int32_t kLaunchFailed = 2402;     ///< a job's program could not be started
inline constexpr std::int32_t kThrottled = 2403;        ///< a job crashed too often; it may start again later
inline constexpr std::int32_t kMissingLayer = 2404;     ///< the machine lacks a layer that the sandbox requires
inline constexpr std::int32_t kUnknownJob = 2405;       ///< no job has that label
inline constexpr std::int32_t kNoBroker = 2500;         ///< no broker runs, and none could be started
inline constexpr std::int32_t kUnsigned = 2600;         ///< a file carries no signature
inline constexpr std::int32_t kBadSignature = 2601;     ///< a signature, or what it says, is not good
inline constexpr std::int32_t kBadKey = 2602;           ///< a file is no key, or cannot be opened as one
inline constexpr std::int32_t kBadTrust = 2603;         ///< a file of the trust folder is not understood
inline constexpr std::int32_t kNotTrusted = 2604;       ///< a good signature that is revoked, or of too old a version
inline constexpr std::int32_t kNotMet = 2605;           ///< a peer is not what a requirement asks for
inline constexpr std::int32_t kNoSuchRight = 2700;      ///< a name stands for no right, or not for such a one
inline constexpr std::int32_t kDeadPort = 2701;         ///< a port has no receive right any more, or not here
inline constexpr std::int32_t kReferences = 2702;       ///< a right has as many references as it can have, or fewer
inline constexpr std::int32_t kGuarded = 2703;          ///< a receive right is guarded, and its guard was not given
inline constexpr std::int32_t kPortInvalid = 2704;      ///< a message port is invalid, or there is none
inline constexpr std::int32_t kPortEnded = 2705;        ///< a message port became invalid before there was a reply
inline constexpr std::int32_t kBadArchive = 2800;       ///< a property list is no keyed archive, or not of such values
inline constexpr std::int32_t kClassNotAllowed = 2801;  ///< an archive holds an object of a class that was not allowed
inline constexpr std::int32_t kBadFrame = 2802;         ///< what came over a socket is no frame of a message
}  // namespace code

/// A value that says what failed. Never thrown.
struct Error {
  Kind kind = Kind::invalid;  ///< whose move it is
  std::int32_t code = 0;      ///< what it was: of `code`, or the service's own
  std::string message;        ///< what happened, for people
  std::string advice;         ///< what to do next, for people; may be empty
};

/// Whether all four parts are the same.
bool operator==(const Error& a, const Error& b);

/// Message and advice in one line.
std::string text_of(const Error& error);

/// Whether to ask for the same again.
enum class Retry : std::uint8_t {
  never,            ///< it fails again, unless something is mended first
  later,            ///< nothing was done, and something is short at present
  now,              ///< nothing was done, and a fresh service is started
  now_if_harmless,  ///< it may have been done already
};
/// What follows from an error, if nothing more is known.
Retry retry_of(const Error& error);

}  // namespace reeve::vocab

// Every room, and every user, speaks these words without a prefix.
namespace reeve {
using namespace vocab;
}
