// The first way: an interface, whose methods are called.
#pragma once

#include <reeve/reeve.hpp>

struct TodoList {
  virtual reeve::Result<std::uint32_t> add(std::string text) = 0;
  virtual reeve::Result<std::uint32_t> left() = 0;

 protected:
  ~TodoList() = default;
};
BOOST_DESCRIBE_STRUCT(TodoList, (), (add, left))
