#include "classes.hpp"

#include <algorithm>
#include <string>
#include <vector>

#include "allowed.hpp"

namespace reeve::archive {
namespace {

template <std::size_t N>
struct Kin {
  std::string_view names[N];
};
template <class... Names>
constexpr Kin<sizeof...(Names) + 1> kin_of(Names... names) {
  return {{names..., "NSObject"}};
}

constexpr auto kNull = kin_of("NSNull");
constexpr auto kNumber = kin_of("NSNumber", "NSValue");
constexpr auto kText = kin_of("NSMutableString", "NSString");
constexpr auto kData = kin_of("NSMutableData", "NSData");
constexpr auto kDate = kin_of("NSDate");
constexpr auto kUuid = kin_of("NSUUID");
constexpr auto kUrl = kin_of("NSURL");
constexpr auto kArray = kin_of("NSMutableArray", "NSArray");
constexpr auto kSet = kin_of("NSCountedSet", "NSMutableSet", "NSSet");
constexpr auto kOrderedSet = kin_of("NSMutableOrderedSet", "NSOrderedSet");
constexpr auto kMap = kin_of("NSMutableDictionary", "NSDictionary");
constexpr auto kIndexSet = kin_of("NSMutableIndexSet", "NSIndexSet");
constexpr auto kIndexPath = kin_of("NSIndexPath");
constexpr auto kAttributed = kin_of("NSMutableAttributedString", "NSAttributedString");
constexpr auto kValue = kin_of("NSValue");
constexpr auto kNumbers = kin_of("_NSKeyedCoderOldStyleArray");
constexpr auto kFailure = kin_of("NSError");
constexpr auto kNotification = kin_of("NSNotification");

// The class that stands at that place among its kin.
template <std::size_t N>
constexpr Class known(const Kin<N>& kin, Shape shape, std::size_t place = 0) {
  return {kin.names[place], shape, std::span(kin.names).subspan(place)};
}

constexpr Class kClasses[] = {
    known(kNull, Shape::null),
    known(kNumber, Shape::number),
    known(kText, Shape::text, 1),
    known(kText, Shape::text),
    known(kData, Shape::data, 1),
    known(kData, Shape::data),
    known(kDate, Shape::date),
    known(kUuid, Shape::uuid),
    known(kUrl, Shape::url),
    known(kArray, Shape::array, 1),
    known(kArray, Shape::array),
    known(kSet, Shape::array, 2),
    known(kSet, Shape::array, 1),
    known(kSet, Shape::counted_set),
    known(kOrderedSet, Shape::ordered_set, 1),
    known(kOrderedSet, Shape::ordered_set),
    known(kMap, Shape::map, 1),
    known(kMap, Shape::map),
    known(kIndexSet, Shape::index_set, 1),
    known(kIndexSet, Shape::index_set),
    known(kIndexPath, Shape::index_path),
    known(kAttributed, Shape::attributed_text, 1),
    known(kAttributed, Shape::attributed_text),
    known(kValue, Shape::value),
    known(kNumbers, Shape::numbers),
    known(kFailure, Shape::failure),
    known(kNotification, Shape::notification),
};

}  // namespace

std::span<const Class> all_classes() { return kClasses; }

const Class* class_named(std::string_view name) {
  const auto* const found = std::ranges::find(kClasses, name, &Class::name);
  return found == std::end(kClasses) ? nullptr : found;
}

const std::vector<std::string>& known_classes() {
  static const std::vector<std::string> names = [] {
    std::vector<std::string> all;
    for (const Class& each : kClasses) all.emplace_back(each.name);
    return all;
  }();
  return names;
}

}  // namespace reeve::archive
