// Plain structs as objects, and back. A struct is described once, by BOOST_DESCRIBE_STRUCT.
//
//   bool, integers, double      themselves; an integer may carry either integer tag when the value fits its field
//   std::string, Data, Date …   themselves
//   described enum              the enumerator's name; one that is not known is refused, unless an enumerator is called
//                               `unknown`: then it is that one
//   std::optional<T>            absent, or T
//   std::vector<T>              an array
//   std::map<std::string, T>    a dictionary
//   described struct            a dictionary of its members; missing ones are refused unless they are optional or have
//                               defaults (kOmitsDefaults), and unknown keys unless it tolerates them
//                               (kToleratesUnknown)
//   Buffer                      data, or sealed memory
//   File, WritableFile, Pipe…   a descriptor declared of that kind, and open for that
//   Object                      anything at all
//
// Errors: a value of another type than its field: `thumbnail.width: expected uint32, got string`.
#pragma once

#include <algorithm>
#include <array>
#include <boost/describe.hpp>
#include <boost/mp11.hpp>
#include <concepts>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <type_traits>
#include <vector>

#include "buffer.hpp"
#include "builder.hpp"
#include "file.hpp"

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

/// Puts a value into a sink: a Builder, which makes an object of it, or a wire::Writer.
template <class T, class Sink>
void put(Sink& sink, const T& value) {
  Codec<T>::put(sink, value);
}

/// The object form of a value.
template <class T>
Object to_object(const T& value) {
  Builder builder;
  put<T>(builder, value);
  return builder.take();
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
  template <class Sink>
  static void put(Sink& sink, const T& value) {
    sink.put(value);
  }
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
  template <class Sink>
  static void put(Sink& sink, const T& value) {
    sink.put(value);
  }
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
  template <class Sink>
  static void put(Sink& sink, const Object& value) {
    sink.put(value);
  }
  template <class Source>
  static Result<Object> decode(const Source& source, const Path&) {
    return object_of(source);
  }
};

template <>
struct Codec<float> {
  template <class Sink>
  static void put(Sink& sink, float value) {
    sink.put(static_cast<double>(value));
  }
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
  template <class Sink>
  static void put(Sink& sink, T value) {
    sink.put(static_cast<std::conditional_t<std::signed_integral<T>, std::int64_t, std::uint64_t>>(value));
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

/// True for a described enum with an enumerator called `unknown`: it is read for all names that are not known.
template <class T>
consteval bool is_open_enum() {
  bool is_open = false;
  boost::mp11::mp_for_each<boost::describe::describe_enumerators<T>>(
      [&](auto each) { is_open = is_open || std::string_view(each.name) == "unknown"; });
  return is_open;
}

/// True for a std::optional.
template <DescribedEnum T>
struct Codec<T> {
  template <class Sink>
  static void put(Sink& sink, T value) {
    const char* name = boost::describe::enum_to_string(value, nullptr);
    if (name != nullptr) return sink.put(std::string_view(name));
    sink.put(static_cast<std::int64_t>(value));
  }
  template <class Source>
  static Result<T> decode(const Source& object, const Path& path) {
    const auto name = object.template get<std::string>();
    if (!name) return mismatch(path, "the name of an enumerator", object.type());
    T value{};
    if (boost::describe::enum_from_string(name->c_str(), value)) return value;
    if constexpr (is_open_enum<T>()) {
      boost::describe::enum_from_string("unknown", value);
      return value;
    }
    return fault(path, "no enumerator is called \"" + *name + "\"");
  }
};

template <class T>
struct Codec<std::vector<T>> {
  template <class Sink>
  static void put(Sink& sink, const std::vector<T>& values) {
    sink.begin_array();
    for (const auto& value : values) object::put<T>(sink, value);
    sink.end();
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
  template <class Sink>
  static void put(Sink& sink, const std::map<std::string, T>& values) {
    sink.begin_dictionary();
    for (const auto& [key, value] : values) {
      sink.key(key);
      object::put<T>(sink, value);
    }
    sink.end();
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
  template <class Sink>
  static void put(Sink& sink, const std::optional<T>& value) {
    if (value) return object::put<T>(sink, *value);
    sink.put(std::monostate());
  }
  template <class Source>
  static Result<std::optional<T>> decode(const Source& object, const Path& path) {
    if (object.type() == Type::null) return std::optional<T>();
    return std::optional<T>(REEVE_TRY(from_object<T>(object, path)));
  }
};

template <class T, os::DescriptorKind kKind, os::Access kAccess>
struct DescriptorCodec {
  template <class Sink>
  static void put(Sink& sink, const T& value) {
    sink.put(Descriptor{value.shared(), kKind, kAccess});
  }
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
template <os::DescriptorKind kKind, os::Access kAccess>
struct Codec<Attached<kKind, kAccess>> : DescriptorCodec<Attached<kKind, kAccess>, kKind, kAccess> {};
template <>
struct Codec<ChannelEnd> : DescriptorCodec<ChannelEnd, os::DescriptorKind::channel, os::Access::read_write> {};

/// A class that BOOST_DESCRIBE_STRUCT describes.
/// Whoever sends it has chosen which: whatever is read holds the same bytes.
template <>
struct Codec<Buffer> {
  template <class Sink>
  static void put(Sink& sink, const Buffer& value) {
    std::visit([&](const auto& each) { sink.put(each); }, value.what());
  }
  template <class Source>
  static Result<Buffer> decode(const Source& source, const Path& path) {
    if (const auto data = source.template get<Data>()) return Buffer(*data);
    const auto memory = source.template get<Memory>();
    if (!memory) return mismatch(path, "data or memory", source.type());
    if (!memory->is_sealed()) return fault(path, "the memory is not sealed");
    return Buffer(*memory);
  }
};

template <class T>
concept DescribedStruct = std::is_class_v<T> && boost::describe::has_describe_members<T>::value;

/// The fields that such a class has in messages: its public members.
template <class T>
using MembersOf = boost::describe::describe_members<T, boost::describe::mod_public>;

/// True for a struct whose fields are left out where they are as they are by default, and which are as by default where
/// they are not there. So a field can be added, and whoever does not know it goes on while nobody uses it:
/// `template <> inline constexpr bool reeve::object::kOmitsDefaults<Settings> = true;`
template <class T>
inline constexpr bool kOmitsDefaults = false;

/// True for a struct that is read also where fields stand that it does not know: they are passed over.
template <class T>
inline constexpr bool kToleratesUnknown = false;

template <class T>
inline constexpr bool kIsOptional = false;
template <class T>
inline constexpr bool kIsOptional<std::optional<T>> = true;

/// The places of a struct's members, in the order of their names.
template <class T>
consteval auto order_of_members() {
  constexpr std::size_t kCount = boost::mp11::mp_size<MembersOf<T>>::value;
  std::array<std::string_view, kCount> names;
  std::array<std::size_t, kCount> order{};
  std::size_t next = 0;
  boost::mp11::mp_for_each<MembersOf<T>>([&](auto member) {
    order[next] = next;
    names[next++] = member.name;
  });
  std::sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return names[a] < names[b]; });
  return order;
}

template <DescribedStruct T>
struct Codec<T> {
  template <class Sink>
  static void put(Sink& sink, const T& value) {
    static constexpr auto kOrder = order_of_members<T>();
    sink.begin_dictionary();
    [&]<std::size_t... kPlace>(std::index_sequence<kPlace...>) {
      (put_member(sink, value, boost::mp11::mp_at_c<MembersOf<T>, kOrder[kPlace]>()), ...);
    }(std::make_index_sequence<kOrder.size()>());
    sink.end();
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
    if (!kToleratesUnknown<T> && known < dictionary->count()) return refuse_unknown(*dictionary, path);
    return value;
  }

 private:
  template <class Sink, class Member>
  static void put_member(Sink& sink, const T& value, Member member) {
    const auto& field = value.*member.pointer;
    using Field = std::remove_cvref_t<decltype(field)>;
    if constexpr (kOmitsDefaults<T>) {
      static const Field usual = T{}.*member.pointer;
      if (field == usual) return;
    }
    if constexpr (kIsOptional<Field> && !kOmitsDefaults<T>) {
      if (!field) return;
    }
    sink.key(member.name);
    object::put<Field>(sink, field);
  }

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
