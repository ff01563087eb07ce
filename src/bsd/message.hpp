// A message as it travels: its name, and an object graph, in a keyed archive with who sends it.
//
//   NSDictionary { name: NSString, userInfo: any object, connectionInfo: LLBSDProcessInfo }
//
// Beside these, of those who want to know that it was taken up: `acknowledge`, a number, which whoever took it up sends
// back as `acknowledged`, in a message without a name.
//
// Trust: what came is a stranger's. Who it says sends it is nobody's word.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "../archive/typed.hpp"
#include "address.hpp"

namespace reeve::bsd {

/// What is sent: a name, and what goes with it.
struct SocketMessage {
  std::string name;       ///< what it is about
  archive::Graph info{};  ///< of which the root is the userInfo; with none there is no userInfo

  /// With a value that can be archived (archive/typed.hpp).
  template <class T>
  static SocketMessage of(std::string name, const T& value) {
    SocketMessage message{std::move(name), {}};
    message.info.root = archive::Form<T>::put(message.info, value);
    return message;
  }
  /// The value that came with it. Errors: bad-archive for another, with its path.
  template <class T>
  Result<T> info_as() const {
    return archive::value_of<T>(info);
  }
};

/// @cond
/// A message with what says how it is to be taken.
struct Letter {
  SocketMessage message;
  std::optional<std::uint64_t> acknowledge{};   ///< say when it was taken up
  std::optional<std::uint64_t> acknowledged{};  ///< that one was
};

/// Errors: those of archive::write.
Result<Data> encode(Letter letter, const ProcessInfo& own);
/// Errors: those of archive::read; bad-archive for what is no message.
Result<Letter> decode(Data body, const archive::Allowed& allowed);

/// These, and those that every message is made of.
archive::Allowed with_own_classes(archive::Allowed allowed);
/// @endcond

}  // namespace reeve::bsd

namespace reeve {
using bsd::SocketMessage;
}  // namespace reeve
