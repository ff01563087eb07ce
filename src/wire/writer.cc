#include "writer.hpp"

#include <algorithm>

#include "../vocab/text.hpp"

namespace reeve::wire {
namespace {

bool is_open(const std::shared_ptr<const os::Fd>& fd) { return fd != nullptr && *fd; }

}  // namespace

Writer::Writer(object::Pieces& body, std::vector<object::Attachment>& attachments, Envelope envelope)
    : body_(body), attachments_(attachments) {
  body_.clear();
  attachments_.clear();
  put_raw(envelope == Envelope::standalone ? kMagic : kMachMagic);
  put_raw(kVersion);
}

Result<void> Writer::finish() {
  REEVE_INVARIANT(depth_ == 0);
  if (!error_) {
    body_.bytes.resize(used_);
    return {};
  }
  // Nothing of it is kept: whoever gave a descriptor away has it back alone.
  body_.clear();
  attachments_.clear();
  if (body_.bytes.capacity() > kFragmentBytes) body_.bytes.shrink_to_fit();
  return std::unexpected(*error_);
}

// The first one counts.
void Writer::refuse(std::int32_t code, const char* what, const char* advice) {
  if (!error_) error_.emplace(Error{Kind::invalid, code, what, advice});
}

void Writer::refuse_too_many() {
  refuse(code::kTooLarge, "a message holds more than 262144 objects", "send numbers as data, or in parts");
}

// Doubled, so that what is written is copied a few times at most.
void Writer::grow(std::size_t size) {
  body_.bytes.resize(std::max({used_ + size, 2 * body_.bytes.size(), std::size_t{256}}));
}

void Writer::begin(Tag tag) {
  const bool is_root = depth_ == 0;
  if (!is_root) count_value();
  if (depth_ == kDepthMax) {
    refuse(code::kTooLarge, "containers nest deeper than 32 levels", "flatten the value");
    ++beyond_;
    return;
  }
  put_raw(tag);
  open_[depth_++] = {used_, spliced_, 0, tag == Tag::dictionary};
  put_raw(std::uint64_t{0});  // its size and its count, once they are known
}

// A container's size counts all that follows it.
void Writer::end() {
  if (beyond_ > 0) {
    --beyond_;
    return;
  }
  const Open& open = open_[--depth_];
  if (error_) return;
  const std::size_t size = used_ - open.place - sizeof(std::uint32_t) + spliced_ - open.spliced;
  const std::array<std::uint32_t, 2> head{static_cast<std::uint32_t>(size), open.count};
  std::memcpy(body_.bytes.data() + open.place, head.data(), sizeof head);
}

void Writer::key(std::string_view key) {
  if (beyond_ > 0) return;
  ++open_[depth_ - 1].count;
  put_text(key);
}

void Writer::put_text(std::string_view text) {
  if (!is_text(text)) refuse(code::kBadBody, "text is not UTF-8 or holds a NUL", "send it as data");
  if (error_ || !has_room_for(text.size())) return;
  std::byte* const place = room(padded(text.size() + 1));
  if (!text.empty()) std::memcpy(place, text.data(), text.size());
  std::memset(place + text.size(), 0, padded(text.size() + 1) - text.size());
}

void Writer::put(std::string_view value) {
  put_scalar(Tag::string, static_cast<std::uint32_t>(value.size() + 1));
  put_text(value);
}

// Whether so much more fits.
bool Writer::has_room_for(std::size_t size) {
  if (size <= kMessageBytesMax && used_ + spliced_ + size <= kMessageBytesMax) return true;
  refuse(code::kTooLarge, "the message exceeds 64 MiB", "hand larger data over as Memory or File");
  return false;
}

void Writer::put(const Data& value) {
  put_scalar(Tag::data, static_cast<std::uint32_t>(value.size()));
  if (error_ || !has_room_for(value.size())) return;
  if (value.size() >= kSpliceBytesMin) {
    body_.splices.push_back({used_, value});
    spliced_ += value.size();
  } else if (!value.empty()) {
    std::memcpy(room(value.size()), value.bytes().data(), value.size());
  }
  put_padding(value.size());
}

bool Writer::may_carry(bool is_whole) {
  if (!is_whole) refuse(code::kBadAttachment, "a descriptor is empty", "open it first");
  if (attachments_.size() == kAttachmentCountMax) {
    refuse(code::kTooLarge, "the message carries more than 16 descriptors", "send several messages");
  }
  return !error_;
}

void Writer::attach(std::shared_ptr<const os::Fd> fd, os::DescriptorKind kind, os::Access access, std::uint64_t size) {
  if (may_carry(is_open(fd))) attachments_.emplace_back(object::Descriptor{std::move(fd), kind, access, size});
}

void Writer::put(const object::Descriptor& value) {
  put_scalar(Tag::descriptor);
  if (may_carry(is_open(value.fd))) attachments_.emplace_back(value);
}

void Writer::put(const Memory& value) {
  put_scalar(Tag::memory, value.size());
  put_raw(std::uint32_t{0});
  attach(value.shared(), value.kind(), os::Access::read, value.size());
}

void Writer::put(const Endpoint& value) {
  put_scalar(Tag::endpoint);
  if (may_carry(true)) attachments_.emplace_back(value);
}

void Writer::put(const object::Right& value) {
  put_scalar(value.kind == object::RightKind::send ? Tag::send_right : Tag::receive_right);
  attach(value.end, os::DescriptorKind::channel, os::Access::read_write);
}

void Writer::put(const Array& value) {
  begin_array();
  for (const Object& each : value) {
    if (error_) break;
    put(each);
  }
  end();
}

void Writer::put(const Dictionary& value) {
  begin_dictionary();
  for (const auto& [name, each] : value) {
    if (error_) break;
    key(name);
    put(each);
  }
  end();
}

void Writer::put(const Object& value) {
  std::visit([this](const auto& each) { put(each); }, value.value());
}

}  // namespace reeve::wire
