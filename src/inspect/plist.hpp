// Property lists and keyed archives in files: shown, checked, and one form made of another.
#pragma once

#include <string>

#include "commands.hpp"

namespace reeve::inspect {

enum class PlistForm { binary, xml, json };
/// "binary", "xml" or "json". Errors: invalid.
Result<PlistForm> parse_plist_form(const std::string& text);

/// A readable tree; as JSON, its JSON form.
Result<std::string> show_plist(const std::string& path, Form form);

/// What it is, where it is one.
Result<std::string> check_plist(const std::string& path, Form form);

/// In another form, into a file; or returned, where that has no name.
Result<std::string> convert_plist(const std::string& path, PlistForm to, const std::string& output);

/// An archive's objects as a tree, each with its class. One that several refer to is shown once, with a number. Classes
/// of users' are shown as they are: nothing is made of them.
Result<std::string> show_archive(const std::string& path, Form form);

}  // namespace reeve::inspect
