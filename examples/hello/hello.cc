#include <reeve/reeve.hpp>

#include <cstdio>

struct Greeter {
  virtual reeve::Result<std::string> greet(std::string name) = 0;
};
BOOST_DESCRIBE_STRUCT(Greeter, (), (greet))

struct English : Greeter {
  reeve::Result<std::string> greet(std::string name) override { return "Hello, " + name + "!"; }
};

int main(int argc, char** argv) {
  if (argc == 1) return reeve::serve<Greeter>("org.example.greeter", English{});

  auto greeter = reeve::connect<Greeter>("org.example.greeter");
  auto greeting = greeter.call<&Greeter::greet>(argv[1]);
  std::puts(greeting ? greeting->c_str() : greeting.error().message.c_str());
  return greeting ? 0 : 1;
}
