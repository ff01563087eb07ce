// What org.example.patterns offers: patterns by name.
#pragma once

#include <reeve/reeve.hpp>
#include <string>

struct Patterns {
  virtual reeve::Result<std::string> pattern(const reeve::Caller& caller, std::string name) = 0;

 protected:
  ~Patterns() = default;
};
BOOST_DESCRIBE_STRUCT(Patterns, (), (pattern))

inline constexpr std::int32_t kUnknownPattern = 1;
inline constexpr const char* kPatternsName = "org.example.patterns";
