#include "by_connection.hpp"

#include "todos.hpp"

class Kept final : public TodoList {
 public:
  reeve::Result<std::uint32_t> add(std::string text) override { return todos_.add(std::move(text)); }
  reeve::Result<std::uint32_t> left() override { return todos_.left(); }

 private:
  Todos todos_;
};

int main() { return reeve::serve<TodoList>(kByConnection, Kept()); }
