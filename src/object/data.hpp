// Bytes with no meaning of their own.
#pragma once

#include <cstddef>
#include <cstring>
#include <memory>
#include <span>
#include <vector>

namespace reeve::object {

/// Bytes that nobody changes. Copies share them, and what came in a message may share the message.
class Data {
 public:
  Data() = default;
  /// Takes the bytes.
  Data(std::vector<std::byte> bytes) {
    auto own = std::make_shared<const std::vector<std::byte>>(std::move(bytes));
    bytes_ = *own;
    kept_ = own->size();
    keeper_ = std::move(own);
  }
  /// Bytes that lie elsewhere, what keeps them there, and how many bytes that keeps.
  Data(std::span<const std::byte> bytes, std::shared_ptr<const void> keeper, std::size_t kept)
      : bytes_(bytes), keeper_(std::move(keeper)), kept_(kept) {}
  /// A copy of its own.
  static Data copy_of(std::span<const std::byte> bytes) {
    if (bytes.empty()) return {};
    auto own = std::make_shared_for_overwrite<std::byte[]>(bytes.size());
    std::memcpy(own.get(), bytes.data(), bytes.size());
    const std::span<const std::byte> there(own.get(), bytes.size());
    return Data(there, std::move(own), bytes.size());
  }

  /// Where they lie, for as long as this or a copy of it lives.
  std::span<const std::byte> bytes() const { return bytes_; }
  /// In bytes.
  std::size_t size() const { return bytes_.size(); }
  /// Whether there are none.
  bool empty() const { return bytes_.empty(); }
  /// What keeps the bytes alive; null where somebody else sees to it.
  const std::shared_ptr<const void>& keeper() const { return keeper_; }
  /// How many bytes stay in memory for as long as this does.
  std::size_t kept() const { return kept_; }

  friend bool operator==(const Data& a, const Data& b) {
    return a.size() == b.size() && (a.empty() || std::memcmp(a.bytes_.data(), b.bytes_.data(), a.size()) == 0);
  }

 private:
  std::span<const std::byte> bytes_;
  std::shared_ptr<const void> keeper_;
  std::size_t kept_ = 0;
};

}  // namespace reeve::object

namespace reeve {
using object::Data;
}  // namespace reeve
