#include "row.hpp"

#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <fstream>

namespace bench {
namespace {

double us_of(clockid_t clock) {
  timespec value{};
  ::clock_gettime(clock, &value);
  return static_cast<double>(value.tv_sec) * 1e6 + static_cast<double>(value.tv_nsec) / 1e3;
}

// The samples of one round, and the processor time that it took.
double run_round(const Side& side, int count, std::vector<double>& samples) {
  const double before = side.cpu ? side.cpu() : 0;
  for (int i = 0; i < count; ++i) {
    const double start = now_us();
    side.call();
    samples.push_back(now_us() - start);
  }
  return side.cpu ? side.cpu() - before : 0;
}

}  // namespace

void die(const std::string& what) {
  std::fprintf(stderr, "bench: %s\n", what.c_str());
  std::exit(1);
}

double now_us() { return us_of(CLOCK_MONOTONIC); }

Row as_rate(Row row, double calls) {
  for (Figures* figures : {&row.reeve, &row.base}) *figures = {calls * 1e6 / figures->p50, calls * 1e6 / figures->p99};
  row.unit = "/s";
  return row;
}

double cpu_of(int pid) {
  clockid_t clock{};
  if (::clock_getcpuclockid(pid == ::getpid() ? 0 : pid, &clock) != 0)
    die("no clock for process " + std::to_string(pid));
  return us_of(clock);
}

Figures figures_of(std::vector<double> samples) {
  std::sort(samples.begin(), samples.end());
  return {samples[samples.size() / 2], samples[samples.size() * 99 / 100]};
}

Row compare(std::string name, std::size_t bytes, int count, const Side& reeve, const Side& base) {
  constexpr int kRounds = 5;
  Row row{std::move(name), bytes, "us", {}, {}, 0, 0};
  std::vector<double> warm;
  std::vector<double> ours;
  std::vector<double> theirs;
  run_round(reeve, std::max(count / 10, 2), warm);
  run_round(base, std::max(count / 10, 2), warm);
  for (int round = 0; round < kRounds; ++round) {
    row.cpu += run_round(reeve, count / kRounds, ours);
    row.base_cpu += run_round(base, count / kRounds, theirs);
  }
  row.cpu /= static_cast<double>(ours.size());
  row.base_cpu /= static_cast<double>(theirs.size());
  row.reeve = figures_of(std::move(ours));
  row.base = figures_of(std::move(theirs));
  return row;
}

void print(const std::vector<Row>& rows) {
  std::printf("%-58s %9s %5s %10s %10s %10s %10s %6s %9s %9s\n", "", "BYTES", "UNIT", "p50", "p99", "bare p50",
              "bare p99", "RATIO", "CPU us", "bare CPU");
  for (const Row& r : rows) {
    std::printf("%-58s %9zu %5s %10.1f %10.1f", r.name.c_str(), r.bytes, r.unit.c_str(), r.reeve.p50, r.reeve.p99);
    if (r.base.p50 > 0) std::printf(" %10.1f %10.1f %5.2fx", r.base.p50, r.base.p99, r.ratio());
    if (r.cpu > 0) std::printf(" %9.1f %9.1f", r.cpu, r.base_cpu);
    std::printf("\n");
  }
}

void write_json(const std::string& path, const std::vector<Row>& rows) {
  std::ofstream out(path);
  out << "[";
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const Row& r = rows[i];
    out << (i == 0 ? "" : ",") << "\n{\"name\":\"" << r.name << "\",\"bytes\":" << r.bytes << ",\"unit\":\"" << r.unit
        << "\",\"p50\":" << r.reeve.p50 << ",\"p99\":" << r.reeve.p99 << ",\"base_p50\":" << r.base.p50
        << ",\"ratio\":" << r.ratio() << "}";
  }
  out << "\n]\n";
}

}  // namespace bench
