// Writes one message's body, value after value, without an object of its own for any of them.
//
// Owns:    nothing; writes over what the body and the attachments held, whose room is used again.
// Threads: one owner.
// Errors:  bad-body for text that is not UTF-8 or holds a NUL; bad-attachment for a carrier that is empty; too-large.
// The
//          first one is what finish returns; what is written after it goes nowhere.
#pragma once

#include <array>
#include <cstring>
#include <string_view>
#include <vector>

#include "../object/pieces.hpp"
#include "body.hpp"

namespace reeve::wire {

class Writer {
 public:
  Writer(object::Pieces& body, std::vector<object::Attachment>& attachments, Envelope envelope = Envelope::standalone);
  Writer(const Writer&) = delete;
  Writer& operator=(const Writer&) = delete;

  void put(std::monostate) { put_scalar(Tag::null); }
  void put(bool value) { put_scalar(Tag::boolean, std::uint32_t{value}); }
  void put(std::int64_t value) { put_scalar(Tag::int64, value); }
  void put(std::uint64_t value) { put_scalar(Tag::uint64, value); }
  void put(double value) { put_scalar(Tag::real, value); }
  void put(const Date& value) { put_scalar(Tag::date, std::int64_t{value.since_epoch.count()}); }
  void put(const Uuid& value) { put_scalar(Tag::uuid, value.bytes); }
  /// Copies the text; large Data is shared.
  void put(std::string_view value);
  void put(const std::string& value) { put(std::string_view(value)); }
  void put(const Data& value);
  void put(const object::Descriptor& value);
  void put(const Memory& value);
  void put(const Endpoint& value);
  void put(const object::Right& value);
  void put(const Array& value);
  void put(const Dictionary& value);
  void put(const Object& value);

  /// What is put until the matching end are its values; each of a dictionary's comes after its key. Keys come in
  /// ascending order.
  void begin_array() { begin(Tag::array); }
  void begin_dictionary() { begin(Tag::dictionary); }
  void key(std::string_view key);
  void end();

  /// The body is whole, where no error is returned.
  Result<void> finish();

 private:
  struct Open {
    std::size_t place;  // of its size, behind which its count stands
    std::size_t spliced;
    std::uint32_t count;
    bool has_keys;
  };

  void begin(Tag tag);
  // Of a message that is refused by now nothing is kept of what follows.
  void count_value() {
    if (depth_ == 0) return;
    if (Open& around = open_[depth_ - 1]; !around.has_keys) ++around.count;
    if (++values_ > kObjectCountMax) refuse_too_many();
    if (error_) used_ = 0;
  }
  void refuse_too_many();
  void refuse(std::int32_t code, const char* what, const char* advice);
  bool may_carry(bool is_whole);
  bool has_room_for(std::size_t size);

  std::byte* room(std::size_t size) {
    if (body_.bytes.size() - used_ < size) grow(size);
    return body_.bytes.data() + std::exchange(used_, used_ + size);
  }
  void grow(std::size_t size);
  template <class T>
  void put_raw(T value) {
    std::memcpy(room(sizeof value), &value, sizeof value);
  }
  void put_padding(std::size_t size) {
    for (std::size_t i = padding_after(size); i > 0; --i) put_raw(std::byte{0});
  }
  void put_text(std::string_view text);
  void put_scalar(Tag tag) {
    count_value();
    put_raw(tag);
  }
  template <class T>
  void put_scalar(Tag tag, T value) {
    put_scalar(tag);
    put_raw(value);
  }
  void attach(std::shared_ptr<const os::Fd> fd, os::DescriptorKind kind, os::Access access, std::uint64_t size = 0);

  object::Pieces& body_;
  std::vector<object::Attachment>& attachments_;
  std::size_t used_ = 0;     // of the body's bytes; those behind are room
  std::size_t spliced_ = 0;  // beside them
  std::size_t values_ = 0;
  std::array<Open, kDepthMax> open_;
  std::size_t depth_ = 0;
  std::size_t beyond_ = 0;  // containers that nest too deep, and are not written
  std::optional<Error> error_;
};

}  // namespace reeve::wire
