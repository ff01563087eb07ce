#include "reading.hpp"

#include <algorithm>

#include "../vocab/bounds.hpp"
#include "../vocab/text.hpp"

namespace reeve::broker {
namespace {

struct File {
  std::string path;
  std::string_view text;
};

File file_in(std::string_view sent) {
  const std::size_t nul = std::min(sent.find('\0'), sent.size());
  return {std::string(sent.substr(0, nul)), sent.substr(std::min(nul + 1, sent.size()))};
}

}  // namespace

std::string sentence(std::string_view text) { return printable(text.substr(0, kProblemBytesMax)); }

void Reading::take_job(std::string_view sent) {
  const File file = file_in(sent);
  auto job = parse_job(file.path, file.text);
  if (job) return found_.jobs.push_back(std::move(*job));
  found_.problems.push_back(sentence(text_of(job.error())));
}

void Reading::take_trust(std::string_view sent) {
  const File file = file_in(sent);
  trust_bytes_ += sent.size();
  auto grant = policy::parse_grant(file.path, file.text);
  if (grant && trust_bytes_ > kTrustBytesMax) {
    grant = fail(Kind::invalid, code::kBadTrust,
                 "the trust folders hold more than " + std::to_string(kTrustBytesMax) + " bytes");
  }
  if (grant) return found_.trust.grants.push_back(std::move(*grant));
  found_.trust.is_whole = false;
  found_.problems.push_back(sentence(text_of(grant.error()) + ": until it is mended no signature counts"));
}

void Reading::take_problem(std::string_view sent, bool is_of_trust) {
  const File file = file_in(sent);
  if (is_of_trust) found_.trust.is_whole = false;
  found_.problems.push_back(sentence(file.path + ": " + std::string(file.text)));
}

}  // namespace reeve::broker
