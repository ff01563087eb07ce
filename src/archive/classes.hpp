// The classes that this library knows, and how their archives say what kind of objects they are.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

namespace reeve::archive {

/// What is read and written of it.
enum class Shape : std::uint8_t {
  null,
  number,
  text,
  data,
  date,
  uuid,
  url,
  array,  ///< and sets
  ordered_set,
  counted_set,
  map,
  index_set,
  index_path,
  attributed_text,
  value,
  numbers,  ///< within a value
  failure,
  notification,
};

struct Class {
  std::string_view name;
  Shape shape;
  std::span<const std::string_view> kin;  ///< what it is one of, itself first
};

/// Null of a name that this library does not know.
const Class* class_named(std::string_view name);
std::span<const Class> all_classes();

}  // namespace reeve::archive
