// Keys and signatures for people: making a team, signing programs, looking at a signature.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "commands.hpp"

namespace reeve::inspect {

/// Where a passphrase is read from: its first line. Empty: there is none.
using PassphraseFile = std::string;

/// Makes a team's key, in a file of mode 0600 that is not there yet, and tells the team's id.
Result<std::string> make_team(const std::string& key_file, const PassphraseFile& passphrase, Form form);

struct SignCommand {
  std::string program;
  std::string key_file;
  PassphraseFile passphrase;
  std::string identifier;
  std::string version = "0";  ///< in digits, below 2^63
  std::vector<std::string> groups;
  std::vector<std::string> entitlements;  ///< NAME, which is true, or NAME=JSON
  std::string preset;
  std::vector<std::string> allowed_callers;
  bool detached = false;  ///< into PROGRAM.reevesig, for what must not change
};
/// Signs a file, whatever is in it; a good signature that it has is replaced. What is there of it but the signature,
/// its owner and mode too, stays. Errors: bad-key; bad-signature; denied for a file whose privileges would not follow.
Result<std::string> sign(const SignCommand& command, Form form);

/// What the signature of a file says, once it was found good: that in the file, or that beside it.
/// Errors: unsigned, bad-signature.
Result<std::string> verify(const std::string& program, Form form);

}  // namespace reeve::inspect
