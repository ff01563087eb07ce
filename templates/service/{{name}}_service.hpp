// What the service does. It is constructed before the sandbox closes: open here whatever it will ever need.
#pragma once

#include <utility>

#include "{{name}}.hpp"

class {{Class}}Service : public {{Class}} {
 public:
  reeve::Result<std::string> greet(std::string name) override {
    if (name.empty()) return reeve::fail(reeve::Kind::invalid, 1, "greet: whom?", "give a name");
    return "Hello, " + std::move(name) + "!";
  }
};
