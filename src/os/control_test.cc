#include "control.hpp"

#include <gtest/gtest.h>
#include <sys/socket.h>

#include <cstring>
#include <vector>

namespace reeve::os {
namespace {

void append(std::vector<std::byte>& bytes, int type, std::span<const int> data, std::size_t claimed) {
  const cmsghdr header{claimed, SOL_SOCKET, type};
  const auto head = std::as_bytes(std::span(&header, 1));
  bytes.insert(bytes.end(), head.begin(), head.end());
  const auto body = std::as_bytes(data);
  bytes.insert(bytes.end(), body.begin(), body.end());
  bytes.resize(CMSG_ALIGN(bytes.size()));
}

TEST(Control, NeverReadsBeyondItsEndWhateverALengthSays) {
  const std::array<int, 3> numbers{7, 8, 9};
  for (const std::size_t claimed :
       {std::size_t{0}, std::size_t{15}, std::size_t{29}, std::size_t{1} << 40U, SIZE_MAX}) {
    std::vector<std::byte> bytes;
    append(bytes, SCM_RIGHTS, numbers, claimed);
    bytes.resize(CMSG_LEN(sizeof numbers));
    EXPECT_EQ(parse_control(bytes).count, 0U) << claimed;
  }
  EXPECT_EQ(parse_control({}).count, 0U);
}

TEST(Control, TakesAllThatIsThere) {
  std::vector<std::byte> bytes;
  const std::array<int, 3> numbers{7, 8, 9};
  const std::array<int, 3> credentials{41, 42, 43};
  append(bytes, SCM_RIGHTS, numbers, CMSG_LEN(sizeof numbers));
  append(bytes, SCM_CREDENTIALS, credentials, CMSG_LEN(sizeof credentials));
  append(bytes, 4, std::span(numbers).first(1), CMSG_LEN(sizeof(int)));
  append(bytes, SCM_RIGHTS, std::span(numbers).first(1), CMSG_LEN(sizeof(int)));
  const Control control = parse_control(bytes);
  EXPECT_EQ(control.count, 4U) << "of both, so that none is left behind";
  EXPECT_EQ(control.descriptors[3], 7);
  EXPECT_TRUE(control.has_credentials);
  EXPECT_EQ(control.pid, 41);
  EXPECT_EQ(control.uid, 42U);
  EXPECT_EQ(control.process, 7);
}

}  // namespace
}  // namespace reeve::os
