#include "control.hpp"

#include <sys/socket.h>

#include <algorithm>
#include <cstring>

#include "uapi.hpp"

namespace reeve::os {
namespace {

template <class T>
T value_at(std::span<const std::byte> bytes) {
  T value;
  std::memcpy(&value, bytes.data(), sizeof value);
  return value;
}

void take_one(int type, std::span<const std::byte> data, Control& control) {
  if (type == SCM_RIGHTS) {
    for (; data.size() >= sizeof(int) && control.count < control.descriptors.size(); data = data.subspan(sizeof(int))) {
      control.descriptors[control.count++] = value_at<int>(data);
    }
  } else if (type == SCM_CREDENTIALS && data.size() >= sizeof(ucred)) {
    const auto credentials = value_at<ucred>(data);
    control.has_credentials = true;
    control.pid = credentials.pid;
    control.uid = credentials.uid;
    control.gid = credentials.gid;
  } else if (type == uapi::kScmPidfd && data.size() >= sizeof(int)) {
    control.process = value_at<int>(data);
  }
}

}  // namespace

Control parse_control(std::span<const std::byte> bytes) {
  Control control;
  while (bytes.size() >= sizeof(cmsghdr)) {
    const auto header = value_at<cmsghdr>(bytes);
    if (header.cmsg_len < CMSG_LEN(0) || header.cmsg_len > bytes.size()) break;
    const auto data = bytes.subspan(CMSG_LEN(0), header.cmsg_len - CMSG_LEN(0));
    if (header.cmsg_level == SOL_SOCKET) take_one(header.cmsg_type, data, control);
    bytes = bytes.subspan(std::min(bytes.size(), CMSG_ALIGN(header.cmsg_len)));
  }
  return control;
}

}  // namespace reeve::os
