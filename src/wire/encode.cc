#include <cstring>

#include "../vocab/text.hpp"
#include "wire.hpp"

namespace reeve::wire {
namespace {

bool is_open(const std::shared_ptr<const os::Fd>& fd) { return fd != nullptr && *fd; }

bool is_spliced(const Data& data) { return data.size() >= kSpliceBytesMin; }

// The first pass: what will be written fits every bound, and how much room it takes.
class Measure {
 public:
  bool run(const Dictionary& root) { return dictionary(root, 1) && (copied_ + spliced_ <= UINT32_MAX || too_large()); }
  std::size_t copied() const { return kEnvelopeBytes + copied_; }
  std::unexpected<Error> fault() const { return std::unexpected(error_); }

 private:
  bool refuse(std::int32_t code, const char* what, const char* advice) {
    error_ = Error{Kind::invalid, code, what, advice};
    return false;
  }
  bool too_large() { return refuse(code::kTooLarge, "a message exceeds 4 GiB", "hand it over as Memory"); }

  bool text(const std::string& text) {
    copied_ += padded(text.size() + 1);
    return is_text(text) || refuse(code::kBadBody, "text is not UTF-8 or holds a NUL", "send it as data");
  }
  bool container(std::size_t depth, std::size_t count) {
    copied_ += 12;
    objects_ += count;
    if (depth > kDepthMax) return refuse(code::kTooLarge, "containers nest deeper than 32 levels", "flatten the value");
    return objects_ <= kObjectCountMax ||
           refuse(code::kTooLarge, "a message holds more than 262144 objects", "send numbers as data, or in parts");
  }
  bool dictionary(const Dictionary& dictionary, std::size_t depth) {
    if (!container(depth, dictionary.count())) return false;
    for (const auto& [key, value] : dictionary) {
      if (!text(key) || !object(value, depth + 1)) return false;
    }
    return true;
  }
  bool array(const Array& array, std::size_t depth) {
    if (!container(depth, array.size())) return false;
    for (const Object& value : array) {
      if (!object(value, depth + 1)) return false;
    }
    return true;
  }
  bool data(const Data& data) {
    copied_ += 8 + (is_spliced(data) ? padding_after(data.size()) : padded(data.size()));
    if (is_spliced(data)) spliced_ += data.size();
    return data.size() <= UINT32_MAX || too_large();
  }
  bool carrier(std::size_t size, bool is_whole) {
    copied_ += size;
    if (!is_whole) return refuse(code::kBadAttachment, "a descriptor is empty", "open it first");
    return ++carriers_ <= kAttachmentCountMax ||
           refuse(code::kTooLarge, "the message carries more than 16 descriptors", "send several messages");
  }
  bool object(const Object& object, std::size_t depth) {
    using object::Type;
    switch (object.type()) {
      case Type::null:
        copied_ += 4;
        return true;
      case Type::boolean:
        copied_ += 8;
        return true;
      case Type::int64:
      case Type::uint64:
      case Type::real:
      case Type::date:
        copied_ += 12;
        return true;
      case Type::uuid:
        copied_ += 20;
        return true;
      case Type::data:
        return data(*object.get<Data>());
      case Type::string:
        copied_ += 8;
        return text(*object.get<std::string>());
      case Type::array:
        return array(*object.get<Array>(), depth);
      case Type::dictionary:
        return dictionary(*object.get<Dictionary>(), depth);
      case Type::descriptor:
        return carrier(4, is_open(object.get<object::Descriptor>()->fd));
      case Type::memory:
        return carrier(12, is_open(object.get<Memory>()->shared()));
      case Type::endpoint:
        return carrier(4, true);
      case Type::right:
        return carrier(4, is_open(object.get<object::Right>()->end));
    }
    return false;
  }

  std::size_t copied_ = 0;
  std::size_t spliced_ = 0;
  std::size_t objects_ = 0;
  std::size_t carriers_ = 0;
  Error error_;
};

// The second pass, into room that is known to suffice.
class Writer {
 public:
  Writer(object::Pieces& body, std::vector<object::Attachment>& attachments)
      : body_(body), attachments_(attachments), at_(body.bytes.data()) {}

  void run(const Dictionary& root, Envelope envelope) {
    put(envelope == Envelope::standalone ? kMagic : kMachMagic);
    put(kVersion);
    write(root);
    REEVE_INVARIANT(position() == body_.bytes.size());
  }

 private:
  std::size_t position() const { return static_cast<std::size_t>(at_ - body_.bytes.data()); }

  template <class T>
  void put(T value) {
    std::memcpy(at_, &value, sizeof value);
    at_ += sizeof value;
  }
  template <class T>
  void put(Tag tag, T value) {
    put(tag);
    put(value);
  }
  void put_bytes(const void* data, std::size_t size) {
    if (size > 0) std::memcpy(at_, data, size);
    at_ += size;
  }
  void put_padding(std::size_t size) {
    for (std::size_t i = padding_after(size); i > 0; --i) put(std::byte{0});
  }
  void put_text(const std::string& text) {
    put_bytes(text.c_str(), text.size() + 1);
    put_padding(text.size() + 1);
  }

  // A container's size counts all that follows it; it is filled in when that is known.
  struct Open {
    std::byte* place;
    std::size_t spliced;
  };
  Open begin(Tag tag, std::size_t count) {
    put(tag);
    const Open open{at_, spliced_};
    put(std::uint32_t{0});
    put(static_cast<std::uint32_t>(count));
    return open;
  }
  void end(const Open& open) {
    const auto copied = static_cast<std::size_t>(at_ - open.place) - sizeof(std::uint32_t);
    const auto size = static_cast<std::uint32_t>(copied + spliced_ - open.spliced);
    std::memcpy(open.place, &size, sizeof size);
  }

  void attach(std::shared_ptr<const os::Fd> fd, os::DescriptorKind kind, os::Access access, std::uint64_t size = 0) {
    attachments_.emplace_back(object::Descriptor{std::move(fd), kind, access, size});
  }

  void write(const Object& object) {
    std::visit([this](const auto& value) { write(value); }, object.value());
  }
  void write(const Dictionary& dictionary) {
    const Open open = begin(Tag::dictionary, dictionary.count());
    for (const auto& [key, value] : dictionary) {
      put_text(key);
      write(value);
    }
    end(open);
  }
  void write(const Array& array) {
    const Open open = begin(Tag::array, array.size());
    for (const Object& value : array) write(value);
    end(open);
  }
  void write(std::monostate) { put(Tag::null); }
  void write(bool value) { put(Tag::boolean, std::uint32_t{value}); }
  void write(std::int64_t value) { put(Tag::int64, value); }
  void write(std::uint64_t value) { put(Tag::uint64, value); }
  void write(double value) { put(Tag::real, value); }
  void write(const Date& value) { put(Tag::date, static_cast<std::int64_t>(value.since_epoch.count())); }
  void write(const Uuid& value) { put(Tag::uuid, value.bytes); }
  void write(const Data& value) {
    put(Tag::data, static_cast<std::uint32_t>(value.size()));
    if (is_spliced(value)) {
      body_.splices.push_back({position(), value});
      spliced_ += value.size();
    } else {
      put_bytes(value.bytes().data(), value.size());
    }
    put_padding(value.size());
  }
  void write(const std::string& value) {
    put(Tag::string, static_cast<std::uint32_t>(value.size() + 1));
    put_text(value);
  }
  void write(const object::Descriptor& value) {
    put(Tag::descriptor);
    attachments_.emplace_back(value);
  }
  void write(const Memory& value) {
    put(Tag::memory, value.size());
    put(std::uint32_t{0});
    attach(value.shared(), value.kind(), os::Access::read, value.size());
  }
  void write(const Endpoint& value) {
    put(Tag::endpoint);
    attachments_.emplace_back(value);
  }
  void write(const object::Right& value) {
    put(value.kind == object::RightKind::send ? Tag::send_right : Tag::receive_right);
    attach(value.end, os::DescriptorKind::channel, os::Access::read_write);
  }

  object::Pieces& body_;
  std::vector<object::Attachment>& attachments_;
  std::byte* at_;
  std::size_t spliced_ = 0;
};

}  // namespace

Result<void> encode(const Dictionary& root, object::Pieces& body, std::vector<object::Attachment>& attachments,
                    Envelope envelope) {
  Measure measure;
  if (!measure.run(root)) return measure.fault();
  body.clear();
  attachments.clear();
  body.bytes.resize(measure.copied());
  Writer(body, attachments).run(root, envelope);
  return {};
}

Result<Encoded> encode(const Dictionary& root, Envelope envelope) {
  Encoded out;
  REEVE_TRY(encode(root, out.body, out.attachments, envelope));
  return out;
}

}  // namespace reeve::wire
