// A body made of pieces, some of which lie elsewhere and are not copied.
#pragma once

#include <array>
#include <cstddef>
#include <span>
#include <vector>

#include "../vocab/bounds.hpp"
#include "data.hpp"

namespace reeve::object {

/// Data that stands in a body without being copied into it.
struct Splice {
  std::size_t position = 0;  ///< of Pieces::bytes, before which it belongs
  Data data;
};

/// Bytes, and Data spliced into them. No splice is smaller than kSpliceBytesMin.
struct Pieces {
  std::vector<std::byte> bytes;
  std::vector<Splice> splices;  ///< in ascending order

  void clear() {
    bytes.clear();
    splices.clear();
  }

  /// In bytes, with the splices.
  std::size_t size() const;

  /// All of it in one place.
  std::vector<std::byte> whole() const;
};

/// Where the pieces of one fragment lie.
class Gathered {
 public:
  /// The `size` bytes of `pieces` that begin at `offset`.
  Gathered(const Pieces& pieces, std::size_t offset, std::size_t size);
  std::span<const std::span<const std::byte>> spans() const { return std::span(spans_).first(count_); }

 private:
  void add(std::span<const std::byte> piece, std::size_t& skip, std::size_t& left);
  std::array<std::span<const std::byte>, kPieceCountMax> spans_;
  std::size_t count_ = 0;
};

}  // namespace reeve::object
