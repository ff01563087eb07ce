// What an interface looks like from outside: its methods, and the types that they take and give, as values that travel.
//
// A type is written as
//
//   bool int8 … uint64 float double string data date uuid file memory channel endpoint right
//   writable-file pipe-reader pipe-writer socket buffer
//   any array dictionary       whatever an Object, an Array or a Dictionary holds
//   nothing                    what a method returns that returns nothing
//   list<T> map<T> optional<T>
//   NAME                       a record or an enum of the description
#pragma once

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include "typed.hpp"

namespace reeve::object {

struct FieldFacts {
  std::string name;
  std::string type;
  bool has_default = false;  ///< left out where it is as by default, and so where it is not there
  friend bool operator==(const FieldFacts&, const FieldFacts&) = default;
};
BOOST_DESCRIBE_STRUCT(FieldFacts, (), (name, type, has_default))

struct RecordFacts {
  std::string name;
  std::vector<FieldFacts> fields;
  bool tolerates_unknown = false;  ///< fields that it does not know are passed over
  friend bool operator==(const RecordFacts&, const RecordFacts&) = default;
};
BOOST_DESCRIBE_STRUCT(RecordFacts, (), (name, fields, tolerates_unknown))

struct EnumFacts {
  std::string name;
  std::vector<std::string> values;  ///< one that is called `unknown` is read for all that are not known
  friend bool operator==(const EnumFacts&, const EnumFacts&) = default;
};
BOOST_DESCRIBE_STRUCT(EnumFacts, (), (name, values))

struct MethodFacts {
  std::string name;
  std::vector<std::string> arguments;  ///< their types, in order
  std::string result;                  ///< its type; of a stream that of its items
  bool is_stream = false;
  bool is_one_way = false;
  friend bool operator==(const MethodFacts&, const MethodFacts&) = default;
};
BOOST_DESCRIBE_STRUCT(MethodFacts, (), (name, arguments, result, is_stream, is_one_way))

struct InterfaceFacts {
  std::string name;
  std::vector<MethodFacts> methods;
  std::vector<RecordFacts> records;
  std::vector<EnumFacts> enums;
  friend bool operator==(const InterfaceFacts&, const InterfaceFacts&) = default;
};
BOOST_DESCRIBE_STRUCT(InterfaceFacts, (), (name, methods, records, enums))

// What is false or empty is left out, so that descriptions may come to say more.
template <>
inline constexpr bool kOmitsDefaults<FieldFacts> = true;
template <>
inline constexpr bool kOmitsDefaults<RecordFacts> = true;
template <>
inline constexpr bool kOmitsDefaults<EnumFacts> = true;
template <>
inline constexpr bool kOmitsDefaults<MethodFacts> = true;
template <>
inline constexpr bool kOmitsDefaults<InterfaceFacts> = true;

/// The method that every interface has, and that answers with its InterfaceFacts. No C++ method is called so.
inline constexpr const char* kInterfaceMethod = "reeve.interface";

/// The name of a type as its compiler writes it, with the namespaces that it lies in.
template <class T>
std::string whole_name() {
  const std::string_view text = __PRETTY_FUNCTION__;  // "… [with T = a::b; …]", or "… [T = a::b]"
  const std::size_t begin = text.find("T = ") + 4;
  return std::string(text.substr(begin, text.find_first_of(";]", begin) - begin));
}

/// Writes types, and describes those that have names as it meets them.
class Describer {
 public:
  explicit Describer(InterfaceFacts& facts) : facts_(facts) {}

  template <class T>
  std::string type() {
    if constexpr (std::is_void_v<T>) {
      return "nothing";
    } else if constexpr (kIsOptional<T>) {
      return "optional<" + type<typename T::value_type>() + ">";
    } else if constexpr (DescribedEnum<T>) {
      return enumeration<T>();
    } else if constexpr (DescribedStruct<T>) {
      return record<T>();
    } else if constexpr (std::is_same_v<T, std::string>) {
      return "string";
    } else if constexpr (std::is_same_v<T, Array>) {
      return "array";
    } else if constexpr (requires { typename T::mapped_type; }) {
      return "map<" + type<typename T::mapped_type>() + ">";
    } else if constexpr (requires { typename T::value_type; }) {
      return "list<" + type<typename T::value_type>() + ">";
    } else {
      return plain<T>();
    }
  }

  /// By which a named type is known: its last name, or all of it where another has that already.
  std::string name_for(const std::string& whole);

 private:
  template <class T>
  static std::string plain() {
    if constexpr (std::is_same_v<T, bool>)
      return "bool";
    else if constexpr (std::is_integral_v<T>)
      return std::string(integer_name<T>());
    else if constexpr (std::is_same_v<T, float>)
      return "float";
    else if constexpr (std::is_same_v<T, double>)
      return "double";
    else if constexpr (std::is_same_v<T, Data>)
      return "data";
    else if constexpr (std::is_same_v<T, Date>)
      return "date";
    else if constexpr (std::is_same_v<T, Uuid>)
      return "uuid";
    else if constexpr (std::is_same_v<T, File>)
      return "file";
    else if constexpr (std::is_same_v<T, Memory>)
      return "memory";
    else if constexpr (std::is_same_v<T, Buffer>)
      return "buffer";
    else if constexpr (std::is_same_v<T, WritableFile>)
      return "writable-file";
    else if constexpr (std::is_same_v<T, PipeReader>)
      return "pipe-reader";
    else if constexpr (std::is_same_v<T, PipeWriter>)
      return "pipe-writer";
    else if constexpr (std::is_same_v<T, Socket>)
      return "socket";
    else if constexpr (std::is_same_v<T, ChannelEnd>)
      return "channel";
    else if constexpr (std::is_same_v<T, Endpoint>)
      return "endpoint";
    else if constexpr (std::is_same_v<T, Right>)
      return "right";
    else if constexpr (std::is_same_v<T, Dictionary>)
      return "dictionary";
    else
      return "any";
  }

  template <class T>
  std::string enumeration() {
    const std::string name = name_for(whole_name<T>());
    const auto is_it = [&](const EnumFacts& known) { return known.name == name; };
    if (std::any_of(facts_.enums.begin(), facts_.enums.end(), is_it)) return name;
    EnumFacts facts{name, {}};
    boost::mp11::mp_for_each<boost::describe::describe_enumerators<T>>(
        [&](auto each) { facts.values.emplace_back(each.name); });
    facts_.enums.push_back(std::move(facts));
    return name;
  }

  // Known before its fields are: one of them may hold others like it.
  template <class T>
  std::string record() {
    const std::string name = name_for(whole_name<T>());
    const auto is_it = [&](const RecordFacts& known) { return known.name == name; };
    if (std::any_of(facts_.records.begin(), facts_.records.end(), is_it)) return name;
    const std::size_t place = facts_.records.size();
    facts_.records.push_back({name, {}, kToleratesUnknown<T>});
    boost::mp11::mp_for_each<MembersOf<T>>([&](auto member) {
      using Field = std::remove_reference_t<decltype(std::declval<T&>().*member.pointer)>;
      std::string field = type<Field>();
      facts_.records[place].fields.push_back({member.name, std::move(field), kOmitsDefaults<T>});
    });
    return name;
  }

  InterfaceFacts& facts_;
  std::vector<std::pair<std::string, std::string>> names_;  // of types: whole, and as they are known
};

/// A change from one version of an interface to the next, and whom it breaks.
struct Change {
  enum class Breaks : std::uint8_t {
    new_callers,  ///< where the service is of the old version still
    old_callers,  ///< where the service is of the new version
  };
  Breaks breaks = Breaks::new_callers;
  std::string text;
};

/// What became of each method. Types are compared by what they hold: a record that is merely called otherwise is the
/// same. Errors: invalid where a description names what it does not describe.
Result<std::vector<Change>> compare(const InterfaceFacts& before, const InterfaceFacts& after);

/// An interface as people read it.
std::string text_of(const InterfaceFacts& facts);

}  // namespace reeve::object
