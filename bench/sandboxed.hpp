// Starting a program in its full sandbox with nobody to talk to: what of a cold start is the kernel's.
#pragma once

#include <string>
#include <vector>

namespace bench {

/// What each start took in us, from the first fork until the program has ended: it finds no broker, and says so.
std::vector<double> sandboxed_starts(const std::string& program, const std::string& preset, int times);

}  // namespace bench
