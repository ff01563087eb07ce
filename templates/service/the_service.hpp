// What org.example.the_service offers; both sides include it.
#pragma once

#include <reeve/reeve.hpp>

#include <string>

struct TheService {
  virtual reeve::Result<std::string> greet(std::string name) = 0;

 protected:
  ~TheService() = default;
};
BOOST_DESCRIBE_STRUCT(TheService, (), (greet))

inline constexpr const char* kTheServiceName = "org.example.the_service";
