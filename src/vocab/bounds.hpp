// Every bound in Reeve, one line each, with unit and reason.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>

#include "error.hpp"

namespace reeve::vocab {

// Messages.
inline constexpr std::size_t kFragmentBytes = 128 * 1024;  // Of a body in one packet: below the kernel's 212,960 at its
                                                           // default buffers. Longer bodies travel in several packets.
inline constexpr std::size_t kSpliceBytesMin = 4096;  // Data from here on is sent from where it lies; a piece of its
                                                      // own costs the kernel about as much as copying so much.
inline constexpr std::size_t kPieceCountMax =
    2 * (kFragmentBytes / kSpliceBytesMin + 2) + 1;  // In one fragment: each splice but the first and the last is there
                                                     // as a whole, with copied bytes before and behind it.
inline constexpr std::size_t kMessageBytesMax = 64 * 1024 * 1024;  // One body in all its fragments: a large picture.
                                                                   // What is larger is handed over as Memory.
inline constexpr std::size_t kPartialCountMax = 16;  // Messages of one channel that are whole only in part.
inline constexpr std::size_t kRoomBytes = 1024 * 1024 + 2 * kFragmentBytes;  // Of an inbox's buffer: a message of 1 MiB
                                                                             // is received where its first packet lies.
inline constexpr std::size_t kHeldBytesMax = 256 * 1024 * 1024;  // Of messages that one reader holds for all its peers.
inline constexpr std::size_t kHeldDescriptorsMax = 1024;         // ... and of their descriptors.
inline constexpr std::size_t kHeldRequestsMax = 256 * 1024;      // ... that are to be answered later.
inline constexpr std::size_t kUnpaidRequestsMax = 1;             // ... by who has no share left for them.
inline constexpr std::size_t kSpareDescriptors =
    48;                                         // ... leaving a reader so many: its own, and what comes in a packet.
inline constexpr std::size_t kCallsMax = 1024;  // Unanswered on one connection, of who does not block; then
                                                // `busy`.
inline constexpr std::size_t kRequestsInHandMax = 64;  // Of one connection, kept to be answered later; then `busy`.
inline constexpr std::size_t kParkedPacketsMax = 64;   // Of one connection, read while a handler waits for something.
inline constexpr std::size_t kStreamWindowBytes = 64 * 1024;   // Of a stream's items on their way, and not taken.
inline constexpr std::size_t kItemCostBytes = 128;             // ... for each, beside its body: what holding it takes.
inline constexpr std::size_t kItemAttachmentCostBytes = 4096;  // ... for each of its attachments: sixteen at a time.
inline constexpr std::size_t kUnsentAnswersMax = 16;     // To one peer that does not read; then its requests wait.
inline constexpr std::size_t kObjectCountMax = 1 << 18;  // In one message: an owned null takes 64 bytes where the wire
                                                         // takes 4, so that this bounds a message to 16 MiB of them.
inline constexpr std::size_t kBufferMemoryBytesMin = 32 * 1024 * 1024;  // Less is cheaper in the message: a fresh page
                                                                        // with a descriptor costs more than two copies.
inline constexpr std::size_t kSharedDataBytesMin = 16 * 1024;  // Data from here on is shared with the message that
                                                               // brought it; a copy of less takes under 1 us.
inline constexpr std::size_t kSharedDataPartMax = 4;  // ... unless that keeps more than so many times its size alive.
inline constexpr std::size_t kMemoryBytesMax = 1024UL * 1024 * 1024;  // Of one Memory: what a parser may map at all.
inline constexpr int kSealTriesMax = 8;  // Of sealing memory a page of which the kernel holds, as it does while it
                                         // reclaims memory: some 150 ms each.
inline constexpr std::size_t kAttachmentCountMax = 16;     // Linux allows 253 a packet; no message of ours needs more.
inline constexpr std::size_t kKernelDescriptorsMax = 253;  // SCM_MAX_FD: more never come with one packet.
inline constexpr std::size_t kDepthMax = 32;  // Nesting of containers; recursion stays below 10 KiB of stack.

// Ports.
inline constexpr std::size_t kLetterBytesMax = 64 * 1024;  // Of a message to a port, in one packet: what is larger is
                                                           // handed over as Memory.
inline constexpr std::uint32_t kQueueLimit = 5;            // Messages of one sender that wait at a port; Mach's number.
inline constexpr std::uint32_t kQueueLimitMax = 1024;      // ... at most; Mach's number too.
inline constexpr std::uint32_t kUserReferencesMax = 65534;  // To one name; Mach's number.
inline constexpr std::uint32_t kPortNamesMax = 1 << 20;     // Of one space: a table of 64 MiB.
inline constexpr std::size_t kPortLinesMax = 8192;  // To one port: each is a descriptor, and moving them all takes a
                                                    // queue of 1 MiB.
inline constexpr std::size_t kPortDescriptorsMax = 16384;  // Of one space, that others have it hold for their rights.

// Names, job files, jobs.
inline constexpr std::size_t kNameBytesMax = 127;           // bootstrap's name_t is 128 bytes with its NUL.
inline constexpr std::size_t kJobFileBytesMax = 64 * 1024;  // The longest launchd property lists are under 10 KiB.
inline constexpr std::size_t kJobFilePathBytesMax = 4095;   // PATH_MAX without its NUL.
inline constexpr std::size_t kJobFileCountMax = 1024;       // In one folder; a machine has a few hundred services.
inline constexpr std::size_t kLoadedJobsMax = 1024;         // By hand; as many as a folder may hold.
inline constexpr std::size_t kProblemCountMax = 1024;       // Remembered of job files and jobs.
inline constexpr std::size_t kJobStringsBytesMax =
    32 * 1024;  // Program, arguments and environment of one job, together.
inline constexpr std::size_t kPlistBytesMax =
    64UL * 1024 * 1024;                             // Of a property list in a file or message; a job file has fewer.
inline constexpr std::size_t kPlistDepthMax = 512;  // Containers within each other; Core Foundation's number.
inline constexpr std::size_t kPlistValueCountMax =
    8192;  // Values in one property list; 64 KiB can hold no more of use.
inline constexpr std::size_t kImageBytesMax = 512 * 1024 * 1024;  // A program's file, copied into sealed memory.

inline constexpr std::size_t kManifestBytesMax = 64 * 1024;      // What a signature says; as long as a job file.
inline constexpr std::size_t kKeptManifestBytesMax = 32 * 1024;  // ... of a program that is started: it is kept for the
                                                                 // next broker, beside its job file, in one packet.
inline constexpr std::size_t kKnownProgramsMax = 256;            // Whose signatures were verified; then all anew.
inline constexpr std::size_t kGuardedFilesMax = 1024;            // Programs and libraries, remembered as root's alone.
inline constexpr std::chrono::milliseconds kGuardedFor{10};      // ... and taken to be so without another look.
inline constexpr std::size_t kIdentificationsMax = 64;           // Of processes, asked of the spawner and unanswered.
inline constexpr std::size_t kTrustBytesMax = 64 * 1024;  // Of all trust files: kept for the next broker in one packet.
inline constexpr std::size_t kTrustFileCountMax = 256;    // In one folder; one or two for each team that matters here.
inline constexpr std::size_t kRequirementBytesMax = 1024;   // Of one expression: some twenty facts.
inline constexpr std::size_t kCallersBytesMax = 16 * 1024;  // Of all that one process asks of its callers: kept for the
                                                            // next broker with the rest that is known of it.
inline constexpr std::size_t kRequirementDepthMax = 16;     // Of its parentheses and nots; recursion stays small.

inline constexpr std::chrono::milliseconds kNoticePause{50};  // After a notice, until it is looked what happened.
inline constexpr std::chrono::seconds kLookPause{3};          // Between looks where the kernel gives no notice.
inline constexpr std::size_t kWatchedPathsMax =
    1024;  // Of all jobs together; each costs a look when something happens.

// Queues of the broker.
inline constexpr std::size_t kRequestsPerPeerMax = 64;  // Unanswered look-ups of one client; then `busy`.
inline constexpr std::size_t kWaitingEndsMax = 256;     // Ends that wait for one job to check in: one descriptor each.
inline constexpr std::size_t kNamesPerPeerMax = 256;    // Registered: kept for the next broker in one packet.
inline constexpr std::size_t kWaitingEndsPerClientMax = 64;  // ... of one client: others find room beside it.
inline constexpr std::size_t kQueuedEndsMax = 32;  // Handed over and not taken: so many fit the kernel's queue,
                                                   // whatever their names. Those beyond are kept for the next broker.
inline constexpr std::size_t kBrokerBytesMax = 64 * 1024 * 1024;  // Of what its peers have the broker remember.
inline constexpr std::size_t kBrokerSpareDescriptors = 2048;      // ... of whose descriptors this many are not theirs.
inline constexpr std::size_t kPeersWorthTrimming = 1024;          // When half of so many have left, their memory is
                                                                  // given back to the kernel.
inline constexpr std::size_t kPacketsPerTurn = 16;  // Packets read from one channel before the next one has its turn.

inline constexpr std::size_t kOutboxPacketsMax = 256;  // To a peer that does not read; then it is dropped.
inline constexpr std::size_t kErrorTextBytesMax =
    4096;  // Of one text of an Error on the wire: it always fits a packet.
inline constexpr std::size_t kFilterBytesMax = 64 * 1024;  // A seccomp filter: BPF_MAXINSNS instructions are 32 KiB.
inline constexpr int kBacklog = 16;  // Clients that wait in line for the broker to accept them; others wait in connect.
                                     // A long line is filled by whoever connects in a loop, and all wait behind.

inline constexpr std::size_t kListedBytesMax =
    60 * 1024;                                        // Of jobs and problems in one answer to `list`: a packet's worth.
inline constexpr std::size_t kProblemBytesMax = 500;  // Of one sentence about a job file.

// Messages over sockets, which have other programs' form.
inline constexpr std::size_t kFrameHeadBytesMax = 4096;              // Of one head: what its writers write has 40.
inline constexpr std::size_t kFrameBodyBytesMax = 16 * 1024 * 1024;  // Of one message.
inline constexpr std::size_t kFrameReserveBytes = 64 * 1024;         // Of what is announced, before it has come.
inline constexpr std::size_t kFrameHeldBytesMax = 64 * 1024 * 1024;  // Of all that one server holds in part.
inline constexpr std::chrono::seconds kFrameTime{30};  // From the first byte of a message to its last; then the
                                                       // sender is taken to be one that holds places for nothing.
inline constexpr std::size_t kFrameHeldOfOneMax = 16 * 1024 * 1024 + 64 * 1024;  // ... of one process's: a message.
inline constexpr std::size_t kSocketClientsMax = 512;     // Of one server: half the descriptors that a process has.
inline constexpr std::size_t kSocketsPerProcessMax = 32;  // ... of one process: others find room beside it.
inline constexpr std::size_t kUnsentFramesMax = 256;      // To one peer that does not read; then it is `busy`,
inline constexpr std::size_t kUnsentFrameBytesMax = 32 * 1024 * 1024;        // ... and so it is for longer ones.
inline constexpr std::size_t kUnsentFrameBytesOfAllMax = 128 * 1024 * 1024;  // ... to all of a server's.
inline constexpr std::chrono::milliseconds kSocketAcceptPause{50};  // While no descriptor is left for one more.
inline constexpr std::size_t kSocketPathBytesMax = 107;             // Of sun_path, without its NUL.

// The supervisor.
inline constexpr std::size_t kKeptEntriesMax = 16 * 1024;  // Kept for the next broker: ends, services, peers, jobs.
inline constexpr int kStartsAtOnce = 3;                // Of a broker that ends before it serves; then there are pauses.
inline constexpr int kStartsUntilForgotten = 30;       // ... until what it keeps is taken to be what ends it.
inline constexpr std::chrono::seconds kStuckAfter{1};  // A process that outlives SIGKILL by so long is set aside.

// Launching.
inline constexpr std::size_t kDenialsMax = 32;  // Calls of one process, told as denied; what comes after those is more
                                                // of the same.
inline constexpr std::chrono::seconds kCheckInTime{60};  // From a start until the service must have checked in.
inline constexpr int kFruitlessStartsMax = 3;  // Starts in a row that end before a call is taken up, until those who
                                               // wait are told.
inline constexpr std::chrono::seconds kRestartPause{1};  // Between starts that nobody waits for, without a throttle.
inline constexpr std::size_t kCrashesRemembered = 16;    // Of one job, to tell people.
inline constexpr int kStartsBeforeThrottle = 3;          // Starts within the throttle interval that are never delayed.
inline constexpr std::chrono::seconds kThrottleInterval{10};  // launchd's default.
inline constexpr std::chrono::seconds kExitTimeOut{20};       // From SIGTERM to SIGKILL; launchd's default.
inline constexpr std::chrono::seconds kServiceIdle{30};       // A service without work stops after this.
inline constexpr std::chrono::seconds kBrokerIdle{10};        // An embedded broker with no client and no job leaves.
inline constexpr std::chrono::seconds kClientQuiet{1};  // A client that looked something up, and nothing since, is
                                                        // let go: it connects anew.
inline constexpr int kBrokersMax = 20;  // Asked the same, one after the other, since each ended before it had answered.
inline constexpr std::chrono::seconds kBrokerStart{10};      // How long a client waits for the broker it started.
inline constexpr std::chrono::seconds kStopGrace{5};         // From SIGTERM to SIGKILL when the broker leaves.
inline constexpr std::chrono::microseconds kAwakeMax{60};    // Looking before sleeping: what one wake-up costs, or two.
inline constexpr std::chrono::microseconds kShortWait{500};  // A wait after which the next is worth looking.
inline constexpr int kTrialWaits = 4;                        // ... in the other way, whether asleep or awake.
inline constexpr int kTrialIntervalMin = 256;  // ... after so many waits, and twice as many where nothing has changed:
inline constexpr int kTrialIntervalMax = 16384;                // ... few enough that nobody sees them in a p99.
inline constexpr std::chrono::milliseconds kAcceptPause{100};  // No new clients for so long when the kernel ran out.
inline constexpr std::size_t kLogLineBytesMax = 1024;          // Of a service's output; longer lines are cut in two.
inline constexpr std::size_t kLogBytesPerSecond = 64 * 1024;   // Of one service's output; then it waits for the next.

}  // namespace reeve::vocab
