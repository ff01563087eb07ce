// Copies property lists in ways that a script asks for: frames of one letter and four bytes of size, then so many
// bytes, from standard input; for each a frame of '+' and the copy, or '-' and what was wrong, to standard output.
//
//   b   read in place, and written anew, value after value
//   o   as a value of a message, and back
//   x   into XML
//   X   from XML into binary
//   j   into JSON and back
//   l   by libplist, where this was built with it
#include <unistd.h>

#include <cstdio>
#include <map>
#include <string>

#include "../../src/inspect/plist_json.hpp"
#include "../../src/plist/writer.hpp"
#include "../../src/xml/list.hpp"
#ifdef REEVE_LIBPLIST
#include <plist/plist.h>
#endif

namespace {

using namespace reeve;
using plist::Ref;
using plist::Value;
using plist::ValueType;

std::string text_of(const std::vector<std::byte>& bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}
Data data_of(const std::string& text) { return Data::copy_of(std::as_bytes(std::span(text))); }

// What is shared is written once, as it was.
class Copy {
 public:
  Result<std::string> whole(const plist::PropertyList& list) {
    const Ref root = put(list.root());
    return text_of(REEVE_TRY(out_.finish(root)));
  }

 private:
  Ref put(const Value& value) {
    const auto known = known_.find(value.number());
    if (known != known_.end()) return known->second;
    const Ref ref = put_new(value);
    known_.emplace(value.number(), ref);
    return ref;
  }
  Ref put_new(const Value& value) {
    switch (value.type()) {
      case ValueType::null:
        return out_.null();
      case ValueType::boolean:
        return out_.boolean(value.boolean());
      case ValueType::integer:
        return out_.integer(value.integer());
      case ValueType::real:
        return out_.real(value.real());
      case ValueType::date:
        return out_.date(value.date());
      case ValueType::data:
        return out_.data(value.data());
      case ValueType::string:
        return out_.string(value.text());
      case ValueType::uid:
        return out_.uid(value.uid());
      case ValueType::array:
        return out_.array(items(value));
      case ValueType::set:
        return out_.set(items(value));
      case ValueType::ordered_set:
        return out_.ordered_set(items(value));
      case ValueType::dictionary:
        break;
    }
    std::vector<plist::Writer::Entry> entries;
    for (std::size_t i = 0; i < value.count(); ++i) {
      const Ref key = put(value.key(i));
      entries.push_back({key, put(value.value(i))});
    }
    return out_.dictionary(entries);
  }
  std::vector<Ref> items(const Value& value) {
    std::vector<Ref> refs;
    for (std::size_t i = 0; i < value.count(); ++i) refs.push_back(put(value.value(i)));
    return refs;
  }

  plist::Writer out_;
  std::map<std::uint32_t, Ref> known_;
};

Result<std::string> by_libplist([[maybe_unused]] const std::string& bytes) {
#ifdef REEVE_LIBPLIST
  plist_t list = nullptr;
  plist_from_bin(bytes.data(), static_cast<std::uint32_t>(bytes.size()), &list);
  if (list == nullptr) return fail(Kind::invalid, code::kBadPropertyList, "libplist refuses it");
  char* copy = nullptr;
  std::uint32_t size = 0;
  plist_to_bin(list, &copy, &size);
  plist_free(list);
  std::string out(copy, size);
  plist_to_bin_free(copy);
  return out;
#else
  return fail(Kind::unsupported, code::kBadPropertyList, "built without libplist");
#endif
}

Result<std::string> copy(char way, const std::string& bytes) {
  if (way == 'l') return by_libplist(bytes);
  if (way == 'X')
    return text_of([&]() -> std::vector<std::byte> {
      const auto list = xml::parse_list(bytes);
      if (!list) return {};
      const auto all = list->bytes().bytes();
      return {all.begin(), all.end()};
    }());
  if (way == 'o') return text_of(REEVE_TRY(plist::encode(REEVE_TRY(plist::decode(data_of(bytes))))));
  const auto list = REEVE_TRY(plist::PropertyList::check(data_of(bytes)));
  if (way == 'x') return xml::write_list(list.root());
  if (way == 'b') return Copy().whole(list);
  return Copy().whole(REEVE_TRY(inspect::plist_from_json(REEVE_TRY(inspect::plist_to_json(list.root())))));
}

void put_frame(char mark, const std::string& bytes) {
  const auto size = static_cast<std::uint32_t>(bytes.size());
  std::fputc(mark, stdout);
  std::fwrite(&size, sizeof size, 1, stdout);
  std::fwrite(bytes.data(), 1, bytes.size(), stdout);
  std::fflush(stdout);
}

}  // namespace

int main() {
  for (int way = std::fgetc(stdin); way != EOF; way = std::fgetc(stdin)) {
    std::uint32_t size = 0;
    if (std::fread(&size, sizeof size, 1, stdin) != 1) return 1;
    std::string bytes(size, '\0');
    if (std::fread(bytes.data(), 1, size, stdin) != size) return 1;
    const auto copied = copy(static_cast<char>(way), bytes);
    put_frame(copied ? '+' : '-', copied ? *copied : copied.error().message);
  }
}
