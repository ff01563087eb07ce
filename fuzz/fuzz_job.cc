// Property lists, and the jobs in them.
#include <cstdint>

#include "../src/broker/job.hpp"
#include "../src/broker/kept.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace reeve;
  const auto job = broker::parse_job("/jobs/a.plist", std::string_view(reinterpret_cast<const char*>(data), size));
  if (!job) {
    REEVE_INVARIANT(!job.error().message.empty());
    return 0;
  }
  // It can be kept, and is the same when the next broker reads it.
  broker::KeptJob kept;
  kept.label = job->label;
  kept.file = job->file;
  kept.text = job->text;
  REEVE_INVARIANT(broker::decode_kept(broker::encode_kept(kept)).has_value());
  REEVE_INVARIANT(!job->label.empty() && !job->program.empty() && !job->preset.empty());
  return 0;
}
