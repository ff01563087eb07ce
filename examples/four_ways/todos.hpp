// What all four services keep: a list of things to do.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

class Todos {
 public:
  /// How many are left to do, with this one.
  std::uint32_t add(std::string text) {
    texts_.push_back(std::move(text));
    return left();
  }
  std::uint32_t left() const { return static_cast<std::uint32_t>(texts_.size()); }

 private:
  std::vector<std::string> texts_;
};

// Where each of them is found. They are for the programs of one app group.
inline constexpr const char* kGroup = "org.example.todo";
inline constexpr const char* kByConnection = "org.example.todo.connection";
inline constexpr const char* kByPort = "org.example.todo.port";
inline constexpr const char* kByMessagePort = "org.example.todo.messages";
inline constexpr std::uint8_t kBySocket = 1;

// What messages say that have no method's name.
enum What : std::int32_t { kAdd = 1, kLeft = 2 };
