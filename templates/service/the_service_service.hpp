// What the service does. It is constructed before the sandbox closes: open here whatever it will ever need.
#pragma once

#include <utility>

#include "the_service.hpp"

class TheServiceService : public TheService {
 public:
  reeve::Result<std::string> greet(std::string name) override {
    if (name.empty()) return reeve::fail(reeve::Kind::invalid, 1, "greet: whom?", "give a name");
    return "Hello, " + std::move(name) + "!";
  }
};
