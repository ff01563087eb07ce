// Starting a program in its full sandbox with nobody to talk to: what of a cold start is the kernel's, layer by layer.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "../src/sandbox/preset.hpp"
#include "row.hpp"

namespace bench {

/// Starts of one program in one preset, in us, one after the other.
struct Starts {
  std::vector<double> first_word;  ///< from the first fork until the program, under both its filters, checks in
  std::vector<double> whole;       ///< ... until it has ended, since nobody answers
  std::vector<std::pair<std::string, std::vector<double>>> layers;  ///< what that is made of, in order
};
Starts sandboxed_starts(const std::string& program, const reeve::sandbox::Preset& preset, int times);

/// What each layer takes, with a column for each preset.
class LayerTable {
 public:
  void add(const std::string& column, const Starts& starts, const std::vector<double>& bare);
  void print() const;

 private:
  std::vector<std::string> columns_;
  std::vector<std::pair<std::string, std::vector<Figures>>> lines_;
};

}  // namespace bench
