#include "recommend/ranker_features.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace zhiyin::recommend {
namespace {

/// Half powers of two: -40 … 40 for anything, so that a score of another scale is another input.
int size_class(double value) {
  constexpr int kMost = 40;
  if (!(value > 0)) return -kMost - 1;
  return static_cast<int>(std::clamp(std::floor(2 * std::log2(value)), -1.0 * kMost, 1.0 * kMost));
}

void add(std::vector<RankerFeature>& out, std::string_view field, std::string_view value,
         unsigned bits) {
  out.push_back({feature_slot(field, value, bits), 1});
}

void add_number(std::vector<RankerFeature>& out, std::string_view field, int value, unsigned bits) {
  const fmt::format_int text(value);
  add(out, field, {text.data(), text.size()}, bits);
}

void add_known(std::vector<RankerFeature>& out, std::string_view field, std::string_view value,
               unsigned bits) {
  if (!value.empty()) add(out, field, value, bits);
}

/// Hours since it came out, in half powers of two.
int age_class(Instant published_at, Instant at) {
  constexpr double kHourUs = 3.6e9;
  return size_class(1 + std::max(0.0, static_cast<double>((at - published_at).count()) / kHourUs));
}

}  // namespace

void add_request_features(std::vector<RankerFeature>& out, const RequestContext& context,
                          Instant at, std::size_t place, unsigned bits) {
  // China has one zone without summer time.
  constexpr std::int64_t kHourUs = 3'600'000'000;
  constexpr std::int64_t kShanghaiHours = 8;
  const std::int64_t hours = context.time.value_or(at).us / kHourUs + kShanghaiHours;
  add(out, "always", "", bits);
  add_number(out, "hour", static_cast<int>(hours % 24), bits);
  add_number(out, "place", static_cast<int>(std::min(place, kPlacesMax)), bits);
  add_known(out, "device", context.device, bits);
  add_known(out, "channel", context.channel, bits);
  add_known(out, "shown_in", context.place, bits);
}

void add_item_features(std::vector<RankerFeature>& out, const ItemFacts& item, unsigned bits) {
  add(out, "kind", item.ref.kind, bits);
  add_known(out, "category", item.category, bits);
  std::string key = item.ref.kind;
  key.append(1, '\0').append(item.ref.id);
  add(out, "item", key, bits);
  if (item.price_fen)
    add_number(out, "price", size_class(static_cast<double>(*item.price_fen)), bits);
}

void add_shown_features(std::vector<RankerFeature>& out, const ShownFacts& shown,
                        Instant published_at, Instant at, unsigned bits) {
  add(out, "source", shown.source, bits);
  const fmt::format_int size(size_class(shown.score));
  std::string key(shown.source);
  key.append(1, '\0').append(size.data(), size.size());
  add(out, "score", key, bits);
  if (published_at.us > 0) add_number(out, "age", age_class(published_at, at), bits);
  if (shown.similarity > 0) out.push_back({feature_slot("similarity", "", bits), shown.similarity});
  if (shown.popularity > 0) {
    // Brought near the others' size.
    constexpr float kUsual = 4;
    out.push_back({feature_slot("popularity", "", bits), shown.popularity / kUsual});
  }
}

}  // namespace zhiyin::recommend
