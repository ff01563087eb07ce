// A message's body: bytes that were checked once, and views of the objects that lie in them.
//
// Trust:   bytes come from strangers. Body::check looks at every one of them before a view of any is handed out; after
//          that no accessor can fail on memory, and a wrong type is an answer, not an accident.
// Errors:  bad-body, with the position of the first byte that is wrong; too-large.
#pragma once

#include <array>
#include <cstring>
#include <iterator>
#include <optional>
#include <string_view>

#include "../object/object.hpp"
#include "../vocab/bounds.hpp"
#include "tags.hpp"

namespace reeve::wire {

/// What stands before the root: on our channels and in files `42 37 13 42`, in a Mach message's body `CPX@`.
enum class Envelope : std::uint8_t { standalone, mach_body };

class Body;
class View;
class ArrayView;
class DictionaryView;

/// @cond
// What a view gives for a T: the T itself, or the view of a container.
template <class T>
struct Viewed {
  using Type = T;
};
template <>
struct Viewed<Array> {
  using Type = ArrayView;
};
template <>
struct Viewed<Dictionary> {
  using Type = DictionaryView;
};
/// @endcond

/// An object where it lies. Valid for as long as its Body stays where it is.
class View {
 public:
  /// What it is.
  object::Type type() const;

  /// The value if it is a T, else nothing. T is what Object::get takes, or std::string_view, which copies nothing.
  template <class T>
  std::optional<typename Viewed<T>::Type> get() const;

  /// The object as a value of its own; Data may still share the message's bytes.
  Object object() const;

 private:
  friend class ArrayView;
  friend class DictionaryView;
  View(const std::byte* at, const Body& body) : at_(at), body_(&body) {}

  template <class T>
  T load(std::size_t offset) const {
    T value;
    std::memcpy(&value, at_ + offset, sizeof value);
    return value;
  }
  Tag tag() const { return load<Tag>(0); }
  std::size_t size() const;  // of the whole object, its tag included
  std::span<const std::byte> data_bytes() const { return {at_ + 8, load<std::uint32_t>(4)}; }
  std::string_view text() const { return {reinterpret_cast<const char*>(at_ + 8), load<std::uint32_t>(4) - 1}; }
  const object::Attachment& attachment() const;
  Data data() const;

  const std::byte* at_;
  const Body* body_;
};

/// An array where it lies. Valid for as long as its Body stays where it is.
class ArrayView {
 public:
  class Iterator {
   public:
    using difference_type = std::ptrdiff_t;
    using value_type = View;
    View operator*() const { return View(at_, *body_); }
    Iterator& operator++() {
      at_ += (**this).size();
      --left_;
      return *this;
    }
    void operator++(int) { ++*this; }
    bool operator==(std::default_sentinel_t) const { return left_ == 0; }

   private:
    friend class ArrayView;
    friend class View;
    Iterator(const std::byte* at, std::size_t left, const Body& body) : at_(at), left_(left), body_(&body) {}
    const std::byte* at_;
    std::size_t left_;
    const Body* body_;
  };

  /// How many elements there are.
  std::size_t size() const { return count_; }
  /// Whether there are none.
  bool empty() const { return count_ == 0; }
  /// Views of the elements, in order; forwards only.
  /// @{
  Iterator begin() const { return {first_, count_, *body_}; }
  std::default_sentinel_t end() const { return {}; }
  /// @}
  /// The array as a value of its own, as View::object.
  Array object() const;

 private:
  friend class View;
  ArrayView(const std::byte* first, std::size_t count, const Body& body) : first_(first), count_(count), body_(&body) {}
  const std::byte* first_;
  std::size_t count_;
  const Body* body_;
};

/// A dictionary where it lies. Keys are unique, in the order in which they were sent. Valid for as long as its Body
/// stays where it is.
class DictionaryView {
 public:
  class Iterator {
   public:
    using difference_type = std::ptrdiff_t;
    using value_type = std::pair<std::string_view, View>;
    value_type operator*() const {
      const std::string_view key(reinterpret_cast<const char*>(at_));
      return {key, View(at_ + padded(key.size() + 1), *body_)};
    }
    Iterator& operator++() {
      const View value = (**this).second;
      at_ = value.at_ + value.size();
      --left_;
      return *this;
    }
    void operator++(int) { ++*this; }
    bool operator==(std::default_sentinel_t) const { return left_ == 0; }

   private:
    friend class DictionaryView;
    Iterator(const std::byte* at, std::size_t left, const Body& body) : at_(at), left_(left), body_(&body) {}
    const std::byte* at_;
    std::size_t left_;
    const Body* body_;
  };

  /// How many entries there are.
  std::size_t count() const { return count_; }
  /// Whether there are none.
  bool empty() const { return count_ == 0; }
  /// The value of a key, or nothing where there is none. Looks at the keys one by one.
  std::optional<View> find(std::string_view key) const;
  /// Keys, each with a view of its value; forwards only.
  /// @{
  Iterator begin() const { return {first_, count_, *body_}; }
  std::default_sentinel_t end() const { return {}; }
  /// @}
  /// The dictionary as a value of its own, as View::object.
  Dictionary object() const;

 private:
  friend class View;
  friend class Body;
  DictionaryView(const std::byte* first, std::size_t count, const Body& body)
      : first_(first), count_(count), body_(&body) {}
  const std::byte* first_;
  std::size_t count_;
  const Body* body_;
};

/// A message's body, checked.
///
/// Owns:    what keeps the bytes alive, and the attachments.
/// Threads: const access from many.
class Body {
 public:
  /// Checks that `bytes` are one dictionary in its envelope, all of them, well-formed to the last, and use all of
  /// `attachments`. Takes no memory of its own, and time in proportion to the bytes.
  static Result<Body> check(Data&& bytes, std::vector<object::Attachment>&& attachments,
                            Envelope envelope = Envelope::standalone);

  /// Views point into this Body: it must neither move nor end before them.
  DictionaryView root() const;

 private:
  friend class View;
  friend class Checker;
  DictionaryView view(std::size_t first, std::size_t count) const;
  Body(Data&& bytes, std::vector<object::Attachment>&& attachments)
      : bytes_(std::move(bytes)), attachments_(std::move(attachments)) {}

  Data bytes_;
  std::vector<object::Attachment> attachments_;
  std::array<std::uint32_t, kAttachmentCountMax> carriers_{};  // where the carriers stand, in ascending order
};

inline std::size_t View::size() const {
  switch (tag()) {
    case Tag::null:
    case Tag::descriptor:
    case Tag::send_right:
    case Tag::receive_right:
    case Tag::endpoint:
      return 4;
    case Tag::boolean:
      return 8;
    case Tag::int64:
    case Tag::uint64:
    case Tag::real:
    case Tag::date:
    case Tag::memory:
      return 12;
    case Tag::uuid:
      return 20;
    case Tag::data:
    case Tag::string:
      return 8 + padded(load<std::uint32_t>(4));
    case Tag::array:
    case Tag::dictionary:
      return 8 + std::size_t{load<std::uint32_t>(4)};
  }
  return 4;
}

template <class T>
std::optional<typename Viewed<T>::Type> View::get() const {
  const auto when = [this](Tag wanted, auto value) -> std::optional<typename Viewed<T>::Type> {
    if (tag() != wanted) return std::nullopt;
    return value();
  };
  if constexpr (std::is_same_v<T, bool>) {
    return when(Tag::boolean, [&] { return load<std::uint32_t>(4) == 1; });
  } else if constexpr (std::is_same_v<T, std::int64_t>) {
    return when(Tag::int64, [&] { return load<std::int64_t>(4); });
  } else if constexpr (std::is_same_v<T, std::uint64_t>) {
    return when(Tag::uint64, [&] { return load<std::uint64_t>(4); });
  } else if constexpr (std::is_same_v<T, double>) {
    return when(Tag::real, [&] { return load<double>(4); });
  } else if constexpr (std::is_same_v<T, Date>) {
    return when(Tag::date, [&] { return Date{std::chrono::nanoseconds(load<std::int64_t>(4))}; });
  } else if constexpr (std::is_same_v<T, Uuid>) {
    return when(Tag::uuid, [&] { return Uuid{load<std::array<std::byte, 16>>(4)}; });
  } else if constexpr (std::is_same_v<T, std::string_view> || std::is_same_v<T, std::string>) {
    return when(Tag::string, [&] { return T(text()); });
  } else if constexpr (std::is_same_v<T, Data>) {
    return when(Tag::data, [&] { return data(); });
  } else if constexpr (std::is_same_v<T, std::span<const std::byte>>) {
    return when(Tag::data, [&] { return data_bytes(); });
  } else if constexpr (std::is_same_v<T, Array>) {
    return when(Tag::array, [&] { return ArrayView(at_ + 12, load<std::uint32_t>(8), *body_); });
  } else if constexpr (std::is_same_v<T, Dictionary>) {
    return when(Tag::dictionary, [&] { return DictionaryView(at_ + 12, load<std::uint32_t>(8), *body_); });
  } else if constexpr (std::is_same_v<T, object::Descriptor>) {
    return when(Tag::descriptor, [&] { return std::get<object::Descriptor>(attachment()); });
  } else if constexpr (std::is_same_v<T, Memory>) {
    return when(Tag::memory, [&] {
      const auto& memory = std::get<object::Descriptor>(attachment());
      return Memory(memory.fd, memory.kind, load<std::uint32_t>(4));
    });
  } else if constexpr (std::is_same_v<T, Endpoint>) {
    return when(Tag::endpoint, [&] { return std::get<Endpoint>(attachment()); });
  } else {
    static_assert(std::is_same_v<T, object::Right>, "no object holds such a value");
    if (tag() != Tag::send_right && tag() != Tag::receive_right) return std::nullopt;
    const auto kind = tag() == Tag::send_right ? object::RightKind::send : object::RightKind::receive;
    return object::Right{std::get<object::Descriptor>(attachment()).fd, kind};
  }
}

/// The object that a source is, as a value of its own; what typed decoding asks for a member of type Object.
inline Object object_of(const View& view) { return view.object(); }

}  // namespace reeve::wire
