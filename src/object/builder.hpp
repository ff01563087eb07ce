// Makes an object of values that are put one after the other, as wire::Writer writes them.
//
// Owns:    what was put so far.
// Threads: one owner.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "object.hpp"

namespace reeve::object {

class Builder {
 public:
  void put(std::monostate) { add(Object()); }
  void put(std::string_view value) { add(Object(value)); }
  template <class T>
  void put(const T& value) {
    add(Object(value));
  }

  /// What is put until the matching end are its values; each of a dictionary's comes after its key.
  void begin_array() { open_.emplace_back(Array()); }
  void begin_dictionary() { open_.emplace_back(Dictionary()); }
  void key(std::string_view key) { open_.back().key = key; }
  void end() {
    Object whole = std::move(open_.back().object);
    open_.pop_back();
    add(std::move(whole));
  }

  /// What was put, once all that was begun has ended.
  Object take() { return std::move(whole_); }

 private:
  struct Open {
    explicit Open(Object empty) : object(std::move(empty)) {}
    Object object;
    std::string key;
  };
  void add(Object value) {
    if (open_.empty()) {
      whole_ = std::move(value);
    } else if (Array* array = open_.back().object.get<Array>()) {
      array->push_back(std::move(value));
    } else {
      open_.back().object.get<Dictionary>()->set(std::move(open_.back().key), std::move(value));
    }
  }

  std::vector<Open> open_;
  Object whole_;
};

}  // namespace reeve::object
