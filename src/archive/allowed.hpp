// Which classes an archive may hold objects of: exactly these, and none that calls itself a kind of them.
//
// Threads: one owner; const access from many.
#pragma once

#include <initializer_list>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace reeve::archive {

class Allowed {
 public:
  Allowed() = default;
  /// Classes that this library knows, by their names: NSString, NSDictionary, … A name that it does not know allows
  /// nothing.
  Allowed(std::initializer_list<const char*> names) : names_(names.begin(), names.end()) {}

  Allowed& add(std::string name) {
    names_.insert(std::move(name));
    return *this;
  }
  /// A class of a user's: a record of such fields, each of which may be left out. One that has another field is
  /// refused.
  /// A class that the library knows is none of a user's, and stays what it is.
  Allowed& add_record(std::string name, const std::vector<std::string>& fields) {
    records_[std::move(name)] = {fields.begin(), fields.end()};
    return *this;
  }

  /// All of them.
  std::vector<std::string> names() const {
    std::vector<std::string> all(names_.begin(), names_.end());
    for (const auto& [name, fields] : records_) all.push_back(name);
    return all;
  }

  /// Whether a class that the library knows is allowed.
  bool has(std::string_view name) const { return names_.contains(name); }
  using Fields = std::set<std::string, std::less<>>;
  /// The fields of a class of a user's; null of all others.
  const Fields* fields_of(std::string_view name) const {
    const auto found = records_.find(name);
    return found == records_.end() ? nullptr : &found->second;
  }

 private:
  std::set<std::string, std::less<>> names_;
  std::map<std::string, Fields, std::less<>> records_;
};

/// Every class that this library knows. For showing what an archive holds; what a program decodes it names.
const std::vector<std::string>& known_classes();

}  // namespace reeve::archive
