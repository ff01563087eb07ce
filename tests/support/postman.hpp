// What a postman does, by the number of the message that asks for it.
#pragma once

#include <cstdint>

namespace reeve::test {

enum Errand : std::int32_t {
  kEcho = 1,       ///< replies with the data
  kWho,            ///< replies with the sender's class, its label, and its groups
  kKeep,           ///< keeps the request, and does not reply
  kReplyToKept,    ///< replies to what is kept, with the data, and to this with how many that were
  kInvalidate,     ///< invalidates the port, and does not reply
  kCrash,          ///< crashes
  kCallBack,       ///< sends the sender a message of its own, with the data, and replies with how that went
  kCount,          ///< replies with how many messages of kNothing have come
  kNothing,        ///< is counted
  kMakeLocal,      ///< has a further port, of that name: the outcome's code and message, or `shared`, or `new`
  kDropLocal,      ///< ... no longer
  kEndWithSender,  ///< keeps the request, and invalidates the port once its sender has left
  kAsk,  ///< asks a port: NAME, the requirement, and what to echo, by lines; replies with the status and the echo
};

}  // namespace reeve::test
