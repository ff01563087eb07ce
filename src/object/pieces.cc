#include "pieces.hpp"

#include <algorithm>

#include "../vocab/result.hpp"

namespace reeve::object {

std::size_t Pieces::size() const {
  std::size_t size = bytes.size();
  for (const Splice& splice : splices) size += splice.data.size();
  return size;
}

std::vector<std::byte> Pieces::whole() const {
  std::vector<std::byte> out;
  out.reserve(size());
  std::size_t copied = 0;
  for (const Splice& splice : splices) {
    out.insert(out.end(), bytes.data() + copied, bytes.data() + splice.position);
    out.insert(out.end(), splice.data.bytes().begin(), splice.data.bytes().end());
    copied = splice.position;
  }
  out.insert(out.end(), bytes.data() + copied, bytes.data() + bytes.size());
  return out;
}

void Gathered::add(std::span<const std::byte> piece, std::size_t& skip, std::size_t& left) {
  const std::size_t skipped = std::min(skip, piece.size());
  skip -= skipped;
  const std::size_t taken = std::min(left, piece.size() - skipped);
  left -= taken;
  if (taken == 0) return;
  REEVE_INVARIANT(count_ < spans_.size());
  spans_[count_++] = piece.subspan(skipped, taken);
}

Gathered::Gathered(const Pieces& pieces, std::size_t offset, std::size_t size) {
  const std::span<const std::byte> copied = pieces.bytes;
  std::size_t position = 0;
  for (const Splice& splice : pieces.splices) {
    if (size == 0) return;
    add(copied.subspan(position, splice.position - position), offset, size);
    add(splice.data.bytes(), offset, size);
    position = splice.position;
  }
  add(copied.subspan(position), offset, size);
}

}  // namespace reeve::object
