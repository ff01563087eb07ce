// The descriptors of a message that lies in memory, one after the other.
#pragma once

#include <mach/mach.h>

#include <cstring>
#include <span>
#include <variant>

namespace reeve::apple {

using Descriptor = std::variant<mach_msg_port_descriptor_t, mach_msg_ool_descriptor_t, mach_msg_ool_ports_descriptor_t,
                                mach_msg_guarded_port_descriptor_t>;

inline std::size_t size_of(const Descriptor& descriptor) {
  return std::visit([](const auto& each) { return sizeof each; }, descriptor);
}

/// Reads them where they lie.
class Descriptors {
 public:
  explicit Descriptors(std::span<const std::byte> message) : message_(message), at_(sizeof(mach_msg_header_t)) {
    mach_msg_header_t header;
    std::memcpy(&header, message.data(), sizeof header);
    if (!MACH_MSGH_BITS_IS_COMPLEX(header.msgh_bits)) return;
    mach_msg_body_t body{};
    if (read(body)) left_ = body.msgh_descriptor_count;
  }

  /// False when there are no more, or something is wrong with the next.
  bool next(Descriptor& descriptor) {
    if (left_ == 0 || fault_ != MACH_MSG_SUCCESS) return false;
    --left_;
    mach_msg_type_descriptor_t type;
    if (message_.size() - at_ < sizeof type) return fault_ = MACH_SEND_MSG_TOO_SMALL, false;
    std::memcpy(&type, &message_[at_], sizeof type);
    switch (type.type) {
      case MACH_MSG_PORT_DESCRIPTOR:
        return read(descriptor.emplace<mach_msg_port_descriptor_t>());
      case MACH_MSG_OOL_DESCRIPTOR:
      case MACH_MSG_OOL_VOLATILE_DESCRIPTOR:
        return read(descriptor.emplace<mach_msg_ool_descriptor_t>());
      case MACH_MSG_OOL_PORTS_DESCRIPTOR:
        return read(descriptor.emplace<mach_msg_ool_ports_descriptor_t>());
      case MACH_MSG_GUARDED_PORT_DESCRIPTOR:
        return read(descriptor.emplace<mach_msg_guarded_port_descriptor_t>());
      default:
        return fault_ = MACH_SEND_INVALID_TYPE, false;
    }
  }

  mach_msg_return_t fault() const { return fault_; }
  /// Where the data begins, when all were read.
  std::size_t end() const { return at_; }

 private:
  template <class Value>
  bool read(Value& value) {
    if (message_.size() - at_ < sizeof value) return fault_ = MACH_SEND_MSG_TOO_SMALL, false;
    std::memcpy(&value, &message_[at_], sizeof value);
    at_ += sizeof value;
    return true;
  }

  std::span<const std::byte> message_;
  std::size_t at_;
  std::size_t left_ = 0;
  mach_msg_return_t fault_ = MACH_MSG_SUCCESS;
};

}  // namespace reeve::apple
