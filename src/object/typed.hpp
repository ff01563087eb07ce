// Plain structs as objects, and back. A struct is described once, by BOOST_DESCRIBE_STRUCT.
//
//   bool, integers, double      themselves; an integer may carry either integer tag when the value fits its field
//   std::string, Data, Date …   themselves
//   described enum              the enumerator's name
//   std::optional<T>            absent, or T
//   std::vector<T>              an array
//   std::map<std::string, T>    a dictionary
//   described struct            a dictionary of its members; unknown keys are refused, and missing ones unless they are
//                               optional, or all of its members are (kOmitsDefaults)
//   File                        a descriptor declared a regular file
//   Object                      anything at all
//
// Errors: a value of another type than its field: `thumbnail.width: expected uint32, got string`.
#pragma once

#include <boost/describe.hpp>
#include <boost/mp11.hpp>
#include <concepts>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <type_traits>
#include <vector>

#include "file.hpp"
#include "object.hpp"

namespace reeve::object {

/// Where in a message a value stands; made only as far as an error needs it.
struct Path {
  const Path* above = nullptr;  ///< what it stands in; null for the root
  std::string_view key;         ///< under which it stands there; empty for an element of an array
  std::size_t index = 0;        ///< of that element
  /// `thumbnail.rows[2].width`; empty for the root.
  std::string text() const;
};

/// Where every path begins.
inline constexpr Path kRoot;

/// `PATH: expected WHAT, got TYPE`.
std::unexpected<Error> mismatch(const Path& path, std::string_view expected, Type got);
/// `PATH: TEXT`.
std::unexpected<Error> fault(const Path& path, std::string_view text);

/// @cond
template <class T>
struct Codec;
/// @endcond

/// The object form of a value.
template <class T>
Object to_object(T value) {
  return Codec<T>::encode(std::move(value));
}

/// The value that an object holds, which must be exactly a T. The source is an Object, or whatever else tells its type
/// and gives its value in the same way (a view of an object in a message).
template <class T, class Source>
Result<T> from_object(const Source& source, const Path& path = {}) {
  return Codec<T>::decode(source, path);
}

/// @cond
// The types that an object holds as they are.
template <class T>
struct PlainCodec {
  static Object encode(T value) { return Object(std::move(value)); }
  template <class Source>
  static Result<T> decode(const Source& object, const Path& path) {
    if (const auto value = object.template get<T>()) return *value;
    return mismatch(path, name_of(Object(T{}).type()), object.type());
  }
};
template <>
struct Codec<bool> : PlainCodec<bool> {};
template <>
struct Codec<std::string> : PlainCodec<std::string> {};
template <>
struct Codec<Data> : PlainCodec<Data> {};
template <>
struct Codec<Date> : PlainCodec<Date> {};
template <>
struct Codec<Uuid> : PlainCodec<Uuid> {};
template <>
struct Codec<Memory> : PlainCodec<Memory> {};
template <>
struct Codec<Endpoint> : PlainCodec<Endpoint> {};
template <>
struct Codec<Right> : PlainCodec<Right> {};
template <>
struct Codec<double> : PlainCodec<double> {};

/// The object that a source is, as a value of its own.
inline const Object& object_of(const Object& object) { return object; }

// The containers of which only an owned form exists.
template <class T>
struct ContainerCodec {
  static Object encode(T value) { return Object(std::move(value)); }
  template <class Source>
  static Result<T> decode(const Source& source, const Path& path) {
    constexpr Type kType = std::is_same_v<T, Array> ? Type::array : Type::dictionary;
    if (source.type() != kType) return mismatch(path, name_of(kType), source.type());
    return *object_of(source).template get<T>();
  }
};
template <>
struct Codec<Array> : ContainerCodec<Array> {};
template <>
struct Codec<Dictionary> : ContainerCodec<Dictionary> {};

template <>
struct Codec<Object> {
  static Object encode(Object value) { return value; }
  template <class Source>
  static Result<Object> decode(const Source& source, const Path&) {
    return object_of(source);
  }
};

template <>
struct Codec<float> {
  static Object encode(float value) { return Object(static_cast<double>(value)); }
  template <class Source>
  static Result<float> decode(const Source& object, const Path& path) {
    if (const auto value = object.template get<double>()) return static_cast<float>(*value);
    return mismatch(path, "double", object.type());
  }
};

/// "int8" … "uint64".
template <std::integral T>
constexpr std::string_view integer_name() {
  constexpr std::string_view kSigned[] = {"int8", "int16", "int32", "int64"};
  constexpr std::string_view kUnsigned[] = {"uint8", "uint16", "uint32", "uint64"};
  constexpr std::size_t kRank = sizeof(T) == 1 ? 0 : sizeof(T) == 2 ? 1 : sizeof(T) == 4 ? 2 : 3;
  return std::signed_integral<T> ? kSigned[kRank] : kUnsigned[kRank];
}

template <std::integral T>
  requires(!std::same_as<T, bool>)
struct Codec<T> {
  static Object encode(T value) {
    if constexpr (std::signed_integral<T>) {
      return Object(static_cast<std::int64_t>(value));
    } else {
      return Object(static_cast<std::uint64_t>(value));
    }
  }
  template <class Source>
  static Result<T> decode(const Source& object, const Path& path) {
    const auto narrow = [&](auto wide) -> Result<T> {
      if (std::in_range<T>(wide)) return static_cast<T>(wide);
      return fault(path, "expected " + std::string(integer_name<T>()) + ", got " + std::to_string(wide));
    };
    if (const auto value = object.template get<std::int64_t>()) return narrow(*value);
    if (const auto value = object.template get<std::uint64_t>()) return narrow(*value);
    return mismatch(path, integer_name<T>(), object.type());
  }
};

/// An enum that BOOST_DESCRIBE_ENUM or BOOST_DEFINE_ENUM_CLASS describes.
template <class T>
concept DescribedEnum = std::is_enum_v<T> && boost::describe::has_describe_enumerators<T>::value;

template <DescribedEnum T>
struct Codec<T> {
  static Object encode(T value) {
    const char* name = boost::describe::enum_to_string(value, nullptr);
    return name != nullptr ? Object(name) : Object(static_cast<std::int64_t>(value));
  }
  template <class Source>
  static Result<T> decode(const Source& object, const Path& path) {
    const auto name = object.template get<std::string>();
    if (!name) return mismatch(path, "the name of an enumerator", object.type());
    T value{};
    if (boost::describe::enum_from_string(name->c_str(), value)) return value;
    return fault(path, "no enumerator is called \"" + *name + "\"");
  }
};

template <class T>
struct Codec<std::vector<T>> {
  static Object encode(std::vector<T> values) {
    Array array;
    array.reserve(values.size());
    for (auto&& value : values) array.push_back(to_object<T>(std::move(value)));
    return Object(std::move(array));
  }
  template <class Source>
  static Result<std::vector<T>> decode(const Source& object, const Path& path) {
    const auto array = object.template get<Array>();
    if (!array) return mismatch(path, "array", object.type());
    std::vector<T> values;
    // Grown element by element: a count is a stranger's word.
    std::size_t i = 0;
    for (const auto& element : *array) {
      values.push_back(REEVE_TRY(from_object<T>(element, Path{&path, {}, i})));
      ++i;
    }
    return values;
  }
};

template <class T>
struct Codec<std::map<std::string, T>> {
  static Object encode(std::map<std::string, T> values) {
    Dictionary dictionary;
    for (auto& [key, value] : values) dictionary.set(key, to_object<T>(std::move(value)));
    return Object(std::move(dictionary));
  }
  template <class Source>
  static Result<std::map<std::string, T>> decode(const Source& object, const Path& path) {
    const auto dictionary = object.template get<Dictionary>();
    if (!dictionary) return mismatch(path, "dictionary", object.type());
    std::map<std::string, T> values;
    for (const auto& [key, value] : *dictionary) {
      values.emplace(key, REEVE_TRY(from_object<T>(value, Path{&path, key})));
    }
    return values;
  }
};

template <class T>
struct Codec<std::optional<T>> {
  static Object encode(std::optional<T> value) { return value ? to_object<T>(std::move(*value)) : Object(); }
  template <class Source>
  static Result<std::optional<T>> decode(const Source& object, const Path& path) {
    if (object.type() == Type::null) return std::optional<T>();
    return std::optional<T>(REEVE_TRY(from_object<T>(object, path)));
  }
};

template <class T, os::DescriptorKind kKind, os::Access kAccess>
struct DescriptorCodec {
  static Object encode(const T& value) { return Object(Descriptor{value.shared(), kKind, kAccess}); }
  template <class Source>
  static Result<T> decode(const Source& object, const Path& path) {
    const auto descriptor = object.template get<Descriptor>();
    if (!descriptor || descriptor->fd == nullptr) return mismatch(path, name_of(kKind), object.type());
    if (descriptor->kind != kKind) {
      return fault(path, "expected a descriptor of kind " + std::string(name_of(kKind)) + ", got " +
                             std::string(name_of(descriptor->kind)));
    }
    const auto wanted = static_cast<unsigned>(kAccess);
    if ((static_cast<unsigned>(descriptor->access) & wanted) != wanted) {
      return fault(path, "the descriptor is not open for what its field needs");
    }
    return T(descriptor->fd);
  }
};
template <>
struct Codec<File> : DescriptorCodec<File, os::DescriptorKind::file, os::Access::read> {};
template <>
struct Codec<ChannelEnd> : DescriptorCodec<ChannelEnd, os::DescriptorKind::channel, os::Access::read_write> {};

/// A class that BOOST_DESCRIBE_STRUCT describes.
template <class T>
concept DescribedStruct = std::is_class_v<T> && boost::describe::has_describe_members<T>::value;

/// The fields that such a class has in messages: its public members.
template <class T>
using MembersOf = boost::describe::describe_members<T, boost::describe::mod_public>;

/// True for a struct of which most fields are most often as they are by default: those are left out, and what is not
/// there is as it is by default.
template <class T>
inline constexpr bool kOmitsDefaults = false;

/// True for a std::optional.
template <class T>
inline constexpr bool kIsOptional = false;
template <class T>
inline constexpr bool kIsOptional<std::optional<T>> = true;

template <DescribedStruct T>
struct Codec<T> {
  static Object encode(T value) {
    Dictionary dictionary;
    boost::mp11::mp_for_each<MembersOf<T>>([&](auto member) {
      auto& field = value.*member.pointer;
      using Field = std::remove_reference_t<decltype(field)>;
      if constexpr (kOmitsDefaults<T>) {
        static const Field usual = T{}.*member.pointer;
        if (field == usual) return;
      }
      Object object = to_object<Field>(std::move(field));
      if (kIsOptional<Field> && object.type() == Type::null) return;
      dictionary.set(member.name, std::move(object));
    });
    return Object(std::move(dictionary));
  }

  template <class Source>
  static Result<T> decode(const Source& object, const Path& path) {
    const auto dictionary = object.template get<Dictionary>();
    if (!dictionary) return mismatch(path, "dictionary", object.type());
    T value{};
    std::optional<Error> error;
    std::size_t known = 0;
    boost::mp11::mp_for_each<MembersOf<T>>([&](auto member) {
      if (error) return;
      auto& field = value.*member.pointer;
      using Field = std::remove_reference_t<decltype(field)>;
      const Path here{&path, member.name};
      const auto found = dictionary->find(member.name);
      if (!found) {
        if (!kIsOptional<Field> && !kOmitsDefaults<T>) error = fault(here, "missing").error();
        return;
      }
      ++known;
      auto decoded = from_object<Field>(*found, here);
      if (decoded) {
        field = std::move(*decoded);
      } else {
        error = std::move(decoded).error();
      }
    });
    if (error) return std::unexpected(std::move(*error));
    if (known < dictionary->count()) return refuse_unknown(*dictionary, path);
    return value;
  }

 private:
  template <class Source>
  static std::unexpected<Error> refuse_unknown(const Source& dictionary, const Path& path) {
    for (const auto& [key, ignored] : dictionary) {
      bool is_member = false;
      boost::mp11::mp_for_each<MembersOf<T>>([&](auto member) { is_member = is_member || key == member.name; });
      if (!is_member) return fault(Path{&path, key}, "unknown field");
    }
    return fault(path, "unknown field");
  }
};

/// @endcond
}  // namespace reeve::object
