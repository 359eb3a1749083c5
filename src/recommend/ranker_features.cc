#include "recommend/ranker_features.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace zhiyin::recommend {
namespace {

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
  out.push_back({item_slot(item.ref, bits), 1});
  if (item.price_fen)
    add_number(out, "price", size_class(static_cast<double>(*item.price_fen)), bits);
}

/// floor(2 log2(value)), without a logarithm: with value = m 2^e, m in [1/2, 1), it is 2e - 1 where
/// m² is a half at least.
int size_class(double value) {
  if (!(value > 0)) return -kSizeMost - 1;
  if (std::isinf(value)) return kSizeMost;
  int exponent = 0;
  const double m = std::frexp(value, &exponent);
  return std::clamp(2 * exponent - (m * m >= 0.5 ? 1 : 2), -kSizeMost, kSizeMost);
}

/// Hours since it came out, in half powers of two.
int age_class(Instant published_at, Instant at) {
  constexpr double kHourUs = 3.6e9;
  return size_class(1 + std::max(0.0, static_cast<double>((at - published_at).count()) / kHourUs));
}

std::uint32_t item_slot(const ingest::ItemRef& item, unsigned bits) {
  std::string key = item.kind;
  key.append(1, '\0').append(item.id);
  return feature_slot("item", key, bits);
}

std::uint32_t source_slot(std::string_view source, unsigned bits) {
  return feature_slot("source", source, bits);
}

std::uint32_t score_slot(std::string_view source, int size_class, unsigned bits) {
  const fmt::format_int size(size_class);
  std::string key(source);
  key.append(1, '\0').append(size.data(), size.size());
  return feature_slot("score", key, bits);
}

std::uint32_t age_slot(int age_class, unsigned bits) {
  const fmt::format_int text(age_class);
  return feature_slot("age", {text.data(), text.size()}, bits);
}

std::uint32_t similarity_slot(unsigned bits) { return feature_slot("similarity", "", bits); }

std::uint32_t text_slot(unsigned bits) { return feature_slot("text", "", bits); }

std::uint32_t popularity_slot(unsigned bits) { return feature_slot("popularity", "", bits); }

void add_shown_features(std::vector<RankerFeature>& out, const ShownFacts& shown,
                        Instant published_at, Instant at, unsigned bits) {
  out.push_back({source_slot(shown.source, bits), 1});
  out.push_back({score_slot(shown.source, size_class(shown.score), bits), 1});
  if (published_at.us > 0) out.push_back({age_slot(age_class(published_at, at), bits), 1});
  if (shown.similarity > 0) out.push_back({similarity_slot(bits), shown.similarity});
  if (shown.popularity > 0)
    out.push_back({popularity_slot(bits), shown.popularity / kPopularityUsual});
  if (shown.text != 0) out.push_back({text_slot(bits), shown.text});
}

}  // namespace zhiyin::recommend
