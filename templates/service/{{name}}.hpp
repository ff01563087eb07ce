// What {{label}} offers; both sides include it.
#pragma once

#include <reeve/reeve.hpp>

#include <string>

struct {{Class}} {
  virtual reeve::Result<std::string> greet(std::string name) = 0;

 protected:
  ~{{Class}}() = default;
};
BOOST_DESCRIBE_STRUCT({{Class}}, (), (greet))

inline constexpr const char* k{{Class}}Name = "{{label}}";
