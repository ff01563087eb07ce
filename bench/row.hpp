// One line of a table: what Reeve takes, beside what the bare pair takes in the same run.
#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "../src/vocab/result.hpp"

namespace bench {

struct Figures {
  double p50 = 0;
  double p99 = 0;
};

struct Row {
  std::string name;
  std::size_t bytes = 0;
  std::string unit = "us";
  Figures reeve;
  Figures base;
  double cpu = 0;       ///< of client and server together, us a call; 0 where it was not measured
  double base_cpu = 0;  ///< the same, of the pair
  double ratio() const { return base.p50 == 0 ? 0 : reeve.p50 / base.p50; }
};

Figures figures_of(std::vector<double> samples);
void print(const std::vector<Row>& rows);
/// {"name","bytes","unit","p50","p99","base_p50","ratio"}
void write_json(const std::string& path, const std::vector<Row>& rows);

[[noreturn]] void die(const std::string& what);

/// What a measurement cannot do without; dies with the error where it is one.
template <class T>
T need(reeve::Result<T> result) {
  if (!result) die(result.error().message);
  if constexpr (!std::is_void_v<T>) return std::move(*result);
}

/// A side of a comparison: does one call, and tells the processor time of both its processes so far, in us.
struct Side {
  std::function<void()> call;
  std::function<double()> cpu;
};

/// Does `count` calls of each side, in five rounds, in turn, after a tenth of that to get warm.
Row compare(std::string name, std::size_t bytes, int count, const Side& reeve, const Side& base);

/// What takes so long for so many calls, as calls a second.
Row as_rate(Row row, double calls);

/// Microseconds of processor time that a process has used.
double cpu_of(int pid);
double now_us();

}  // namespace bench
