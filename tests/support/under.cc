// Runs a program under a filter:   under --watched WATCHER PROGRAM ARGUMENT…
//                                  under --older WHAT PROGRAM ARGUMENT…
#include <unistd.h>

#include <string_view>

#include "filter.hpp"
#include "watcher.hpp"

int main(int argc, char** argv) {
  if (argc < 4) return 2;
  const std::string_view how = argv[1];
  if (how == "--watched" && !reeve::test::let_watch(argv[2])) return 3;
  if (how == "--older" && !reeve::test::become_older(argv[2])) return 3;
  ::execv(argv[3], argv + 3);
  return 127;
}
