// A fuzzer of any service, made from its interface:
//
//   #include <reeve/fuzz.hpp>
//   extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
//     return reeve::fuzz<Thumbnailer>(PngThumbnailer(), {data, size});
//   }
//
// The bytes choose methods and their arguments, which the service gets as it would from a caller: encoded, sent over a
// channel, checked and decoded. Some of them are sent as they are, in a message's place.
//
// Threads: one, in which the service's handlers run too.
#pragma once

#include <cstdint>
#include <span>
#include <utility>

#include "../object/memory.hpp"
#include "server.hpp"
#include "typed.hpp"

namespace reeve::connection {

/// @cond
/// What a fuzzer's bytes choose. After the last of them all choices are zero: every value comes to an end.
class Choices {
 public:
  explicit Choices(std::span<const std::uint8_t> bytes) : left_(bytes) {}

  bool empty() const { return left_.empty(); }
  /// What is chosen from here on goes into a message of its own.
  void begin_message() { descriptors_ = 0; }
  std::uint8_t byte() {
    if (left_.empty()) return 0;
    const std::uint8_t first = left_.front();
    left_ = left_.subspan(1);
    return first;
  }
  std::span<const std::uint8_t> bytes(std::size_t most) {
    const auto taken = left_.first(std::min(most, left_.size()));
    left_ = left_.subspan(taken.size());
    return taken;
  }
  /// Small ones mostly, and now and then any.
  std::size_t count() {
    const std::size_t first = byte();
    return first < 0xf0 ? first % 16 : (first - 0xf0U) * 256U + byte();
  }

  /// Values like 0, 1 and the ends of the range as often as any other.
  template <std::integral T>
  T number() {
    const std::uint8_t what = byte();
    if (what < 32) return static_cast<T>(what);
    if (what < 40) return std::numeric_limits<T>::max();
    if (what < 48) return std::numeric_limits<T>::min();
    std::uint64_t value = 0;
    for (std::size_t i = 0; i < sizeof(T); ++i) value = value << 8U | byte();
    return static_cast<T>(value);
  }

  /// A T. Its descriptors are memory.
  template <class T>
  T value();

 private:
  std::string text();
  Data data();
  // What does not fit a message is not chosen: it would be refused before it is sent.
  bool goes_deeper() const { return depth_ < kDepthMax / 2; }
  bool has_descriptors() const { return descriptors_ < kAttachmentCountMax; }
  static std::shared_ptr<const os::Fd> memory(const Data& holding);

  std::span<const std::uint8_t> left_;
  std::size_t depth_ = 0;
  std::size_t descriptors_ = 0;
};

inline std::string Choices::text() {
  std::string text;
  for (const std::uint8_t byte : bytes(count())) text += byte % 128 == 0 ? ' ' : static_cast<char>(byte % 128);
  return text;
}

inline Data Choices::data() { return Data::copy_of(std::as_bytes(bytes(count()))); }

inline std::shared_ptr<const os::Fd> Choices::memory(const Data& holding) {
  auto sealed = os::sealed_memory("fuzz", holding.bytes());
  REEVE_INVARIANT(sealed.has_value());
  return std::make_shared<const os::Fd>(std::move(*sealed));
}

template <class T>
T Choices::value() {
  constexpr bool kIsDescriptor = std::is_same_v<T, File> || std::is_same_v<T, Memory> || std::is_same_v<T, Right> ||
                                 std::is_same_v<T, object::ChannelEnd> || std::is_same_v<T, Endpoint>;
  if constexpr (kIsDescriptor) ++descriptors_;
  struct Deeper {
    explicit Deeper(std::size_t& d) : depth(++d) {}
    Deeper(const Deeper&) = delete;
    Deeper& operator=(const Deeper&) = delete;
    ~Deeper() { --depth; }
    std::size_t& depth;
  };
  const Deeper within(depth_);
  if constexpr (std::is_same_v<T, bool>) {
    return byte() % 2 == 1;
  } else if constexpr (std::is_integral_v<T>) {
    return number<T>();
  } else if constexpr (std::is_floating_point_v<T>) {
    return static_cast<T>(std::bit_cast<double>(number<std::uint64_t>()));
  } else if constexpr (std::is_same_v<T, std::string>) {
    return text();
  } else if constexpr (std::is_same_v<T, Data> || std::is_same_v<T, Buffer>) {
    return data();
  } else if constexpr (std::is_same_v<T, Date>) {
    return Date{std::chrono::nanoseconds(number<std::int64_t>())};
  } else if constexpr (std::is_same_v<T, Uuid> || std::is_same_v<T, Endpoint>) {
    T value;
    const auto chosen = bytes(16);
    std::memcpy(&value, chosen.data(), chosen.size());
    return value;
  } else if constexpr (std::is_same_v<T, File>) {
    return File(memory(data()));
  } else if constexpr (std::is_same_v<T, Memory>) {
    Data holding = data();
    if (holding.empty()) holding = Data(std::vector<std::byte>(1));  // there is no empty one
    return Memory(memory(holding), os::DescriptorKind::memory, static_cast<std::uint32_t>(holding.size()));
  } else if constexpr (std::is_same_v<T, Right> || std::is_same_v<T, object::ChannelEnd>) {
    auto pair = os::channel_pair();
    REEVE_INVARIANT(pair.has_value());
    auto end = std::make_shared<const os::Fd>(std::move(pair->first));
    if constexpr (std::is_same_v<T, Right>)
      return Right{std::move(end), object::RightKind::send};
    else
      return object::ChannelEnd(std::move(end));
  } else if constexpr (std::is_same_v<T, Object>) {
    return byte() % 2 == 0 ? Object(text()) : Object(number<std::int64_t>());
  } else if constexpr (std::is_same_v<T, Dictionary>) {
    Dictionary dictionary;
    for (std::size_t left = count(); left > 0 && !empty(); --left) dictionary.set(text(), value<Object>());
    return dictionary;
  } else if constexpr (object::kIsOptional<T>) {
    if (byte() % 2 == 0 || !goes_deeper()) return std::nullopt;
    return value<typename T::value_type>();
  } else if constexpr (object::DescribedEnum<T>) {
    constexpr std::size_t kCount = boost::mp11::mp_size<boost::describe::describe_enumerators<T>>::value;
    std::size_t left = byte() % kCount;
    T value{};
    boost::mp11::mp_for_each<boost::describe::describe_enumerators<T>>([&](auto each) {
      if (left-- == 0) value = each.value;
    });
    return value;
  } else if constexpr (object::DescribedStruct<T>) {
    T value{};
    boost::mp11::mp_for_each<object::MembersOf<T>>([&](auto member) {
      auto& field = value.*member.pointer;
      field = this->value<std::remove_reference_t<decltype(field)>>();
    });
    return value;
  } else {
    T container;
    for (std::size_t left = count(); left > 0 && !empty() && goes_deeper() && has_descriptors(); --left) {
      if constexpr (requires { typename T::mapped_type; })
        container[text()] = value<typename T::mapped_type>();
      else
        container.push_back(value<typename T::value_type>());
    }
    return container;
  }
}

/// A service and a caller of it that takes its choices from a fuzzer.
template <class I>
class FuzzedService {
 public:
  /// Errors: busy where the machine has no descriptors left.
  static Result<void> run(I& service, std::span<const std::uint8_t> bytes) {
    FuzzedService fuzzed(service, REEVE_TRY(os::Loop::make()), REEVE_TRY(os::channel_pair()));
    Choices choices(bytes);
    for (int i = 0; i < kCallsMax && !choices.empty(); ++i) fuzzed.call(choices);
    return {};
  }

 private:
  static constexpr int kCallsMax = 16;   // with one input
  static constexpr int kRoundsMax = 64;  // of the loop, for one answer
  static constexpr int kItemsMax = 64;   // of one stream
  static constexpr int kRawOfAll = 16;   // of 256 messages so many are bytes as they are

  FuzzedService(I& service, os::Loop loop, std::pair<os::Fd, os::Fd> pair)
      : loop_(std::move(loop)), caller_(std::move(pair.second)) {
    auto handler = std::make_shared<const Handler>(handler_of<I>(service, Shows::yes));
    (void)server_.add(channel::Channel(std::move(pair.first)), {}, {}, std::move(handler));
  }

  void call(Choices& choices) {
    Parcel parcel;
    const std::uint8_t what = choices.byte();
    if (what < kRawOfAll) {
      const auto raw = std::as_bytes(choices.bytes(choices.count()));
      parcel.body.bytes.assign(raw.begin(), raw.end());
    } else if (!choose_call(choices, what, parcel)) {
      return;
    }
    if (channel::wants_answer(parcel.kind)) parcel.id = ++last_id_;
    if (!caller_.send(parcel)) return;
    if (!channel::wants_answer(parcel.kind)) return (void)loop_.run_once(os::now());
    for (int round = 0; round < kRoundsMax && !is_answered(); ++round) (void)loop_.run_once(os::now());
    Parcel gives_up;
    gives_up.kind = channel::PacketKind::cancel;
    gives_up.reply_to = last_id_;
    if (caller_.send(gives_up)) (void)loop_.run_once(os::now());
  }

  bool choose_call(Choices& choices, std::size_t what, Parcel& parcel) {
    constexpr std::size_t kCount = boost::mp11::mp_size<MethodsOf<I>>::value;
    std::size_t left = what % kCount;
    Result<void> filled;
    boost::mp11::mp_for_each<MethodsOf<I>>([&](auto method) {
      if (left-- != 0) return;
      using Traits = MethodTraits<std::remove_const_t<decltype(method.pointer)>>;
      object::Call call{method.name, {}};
      choices.begin_message();
      boost::mp11::mp_for_each<boost::mp11::mp_transform<std::type_identity, typename Traits::Arguments>>(
          [&]<class A>(std::type_identity<A>) { call.arguments.push_back(object::to_object(choices.value<A>())); });
      const auto kind = Traits::kIsStream   ? channel::PacketKind::stream
                        : Traits::kIsOneWay ? channel::PacketKind::message
                                            : channel::PacketKind::request;
      filled = fill_parcel(parcel, kind, object::call_message(std::move(call)));
    });
    return filled.has_value();
  }

  // Whether nothing more is to come of the last call.
  bool is_answered() {
    int items = 0;
    while (true) {
      auto incoming = caller_.receive(inbox_);
      if (!incoming || std::holds_alternative<channel::Ended>(*incoming)) return true;
      const auto* packet = std::get_if<channel::Delivered>(&*incoming);
      if (packet == nullptr) return false;
      const bool is_item = packet->header.kind == channel::PacketKind::item;
      if (!is_item || ++items > kItemsMax) return true;
    }
  }

  os::Loop loop_;
  Server server_{loop_};
  channel::Inbox inbox_;
  channel::Channel caller_;
  std::uint64_t last_id_ = 0;
};

/// @endcond
/// Has a service do what the bytes say, as often as they last. The service is this call's own: what it does depends on
/// nothing but the bytes. Returns what libFuzzer wants to have returned.
template <class I, class Implementation>
int fuzz(Implementation service, std::span<const std::uint8_t> bytes) {
  static_assert(std::is_base_of_v<I, Implementation>, "the implementation must derive from its interface");
  REEVE_INVARIANT(FuzzedService<I>::run(service, bytes).has_value());
  return 0;
}

}  // namespace reeve::connection

namespace reeve {
using connection::fuzz;
}  // namespace reeve
