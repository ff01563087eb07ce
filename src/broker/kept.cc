#include "kept.hpp"

#include "../wire/wire.hpp"

namespace reeve::broker {
namespace {

constexpr const char* kKinds[] = {"service", "end", "job", "peer", "trust"};

template <std::size_t kIndex = 0>
Result<Kept> decode_as(std::string_view kind, const Object& value) {
  if constexpr (kIndex == std::variant_size_v<Kept>) {
    return fail(Kind::invalid, code::kBadBody, "kept: of no kind that this broker knows");
  } else {
    if (kind != kKinds[kIndex]) return decode_as<kIndex + 1>(kind, value);
    return Kept(REEVE_TRY((object::from_object<std::variant_alternative_t<kIndex, Kept>>(value))));
  }
}

}  // namespace

std::string encode_kept(const Kept& kept) {
  static_assert(std::size(kKinds) == std::variant_size_v<Kept>);
  const auto to_object = [](const auto& what) { return object::to_object(what); };
  const auto encoded = wire::encode(
      Dictionary{{"kind", Object(std::string(kKinds[kept.index()]))}, {"value", std::visit(to_object, kept)}});
  REEVE_INVARIANT(encoded.has_value());  // Its texts were decoded, or stood in a job (parse_job).
  std::string bytes;
  const object::Gathered whole(encoded->body, 0, encoded->body.size());
  for (const auto part : whole.spans()) bytes.append(reinterpret_cast<const char*>(part.data()), part.size());
  return bytes;
}

Result<Kept> decode_kept(std::string_view bytes) {
  const Dictionary root = REEVE_TRY(wire::decode(std::as_bytes(std::span(bytes)), {}));
  const Object* kind = root.find("kind");
  const Object* value = root.find("value");
  if (kind == nullptr || value == nullptr || kind->get<std::string>() == nullptr) {
    return fail(Kind::invalid, code::kBadBody, "kept: neither kind nor value");
  }
  return decode_as(*kind->get<std::string>(), *value);
}

}  // namespace reeve::broker
