#include "recommend/second_stage.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace zhiyin::recommend {
namespace {

constexpr std::string_view kNames[kStageInputs] = {
    "click_rate", "affinity", "value",    "read",  "finish",    "like",       "share",
    "follow",     "buy",      "unfollow", "hide",  "score",     "similarity", "popularity",
    "age",        "price",    "hour",     "place", "behaviour", "ials",       "text",
    "tags",       "segment",  "popular",  "fresh", "explore"};
constexpr std::size_t kFirstSource = 18;

float log_of(double x) { return static_cast<float>(std::log1p(std::max(0.0, x))); }

/// Item-item weights are one source, by whatever model.
std::string_view kind_of_source(std::string_view source) {
  return source == "ease" || source == "itemknn" || source == "rp3beta" ? "behaviour" : source;
}

}  // namespace

std::string_view stage_input_name(std::size_t input) {
  return input < kStageInputs ? kNames[input] : "";
}

StageInputs stage_inputs(const StageFacts& f) {
  constexpr float kUnknown = std::numeric_limits<float>::quiet_NaN();
  constexpr std::int64_t kHourUs = 3'600'000'000;
  constexpr std::int64_t kShanghaiHours = 8;
  StageInputs out{};
  std::size_t next = 0;
  out[next++] = static_cast<float>(f.click_rate);
  out[next++] = static_cast<float>(f.affinity);
  out[next++] = static_cast<float>(f.value);
  for (const double chance : f.chances) out[next++] = static_cast<float>(chance);
  out[next++] = static_cast<float>(f.shown.score);
  out[next++] = f.shown.similarity;
  out[next++] = f.shown.popularity;
  const Instant published = f.item->published_at;
  out[next++] = published.us > 0 ? log_of(static_cast<double>((f.at - published).count()) / kHourUs)
                                 : kUnknown;
  out[next++] = f.item->price_fen ? log_of(static_cast<double>(*f.item->price_fen)) : kUnknown;
  const std::int64_t hours = f.context->time.value_or(f.at).us / kHourUs + kShanghaiHours;
  out[next++] = static_cast<float>(hours % 24);
  out[next++] = static_cast<float>(std::min(f.place, kPlacesMax));
  const std::string_view source = kind_of_source(f.shown.source);
  for (std::size_t i = kFirstSource; i < kStageInputs; ++i)
    out[i] = source == kNames[i] ? 1.0F : 0.0F;
  return out;
}

}  // namespace zhiyin::recommend
