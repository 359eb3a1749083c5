#include "audience/features.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <map>
#include <set>
#include <unordered_map>

namespace zhiyin::audience {
namespace {

using Events = std::span<const Activity* const>;
__extension__ using Wide = __int128;

constexpr std::int64_t kDayUs = 86'400'000'000;
constexpr std::int64_t kHourUs = 3'600'000'000;
/// Asia/Shanghai has kept UTC+8 since 1991, so days and hours need no zone rules, in SQL neither.
constexpr std::int64_t kLocalOffsetUs = 8 * kHourUs;

std::int64_t saturated(Wide v) {
  constexpr Wide kMax = std::numeric_limits<std::int64_t>::max();
  return static_cast<std::int64_t>(std::clamp<Wide>(v, -kMax, kMax));
}

std::int64_t local_us(const Activity& a) { return a.at.us + kLocalOffsetUs; }

std::optional<std::int64_t> peak_hour(Events events) {
  std::array<std::int64_t, 24> counts{};
  for (const Activity* a : events) ++counts[static_cast<std::size_t>(local_hour(a->at))];
  if (events.empty()) return std::nullopt;
  return std::max_element(counts.begin(), counts.end()) - counts.begin();
}

std::optional<std::int64_t> night_permille(Events events) {
  if (events.empty()) return std::nullopt;
  const auto night = std::count_if(events.begin(), events.end(), [](const Activity* a) {
    const int hour = local_hour(a->at);
    return hour >= 22 || hour < 6;
  });
  return 1000 * night / static_cast<std::int64_t>(events.size());
}

std::int64_t active_days(Events events) {
  std::int64_t days = 0;
  std::int64_t last = -1;
  for (const Activity* a : events) {  // ascending, so equal days are neighbours
    const std::int64_t day = local_us(*a) / kDayUs;
    days += day != last;
    last = day;
  }
  return days;
}

std::int64_t distinct_items(Events events) {
  std::set<std::pair<std::string_view, std::string_view>> items;
  for (const Activity* a : events) {
    if (a->item) items.emplace(a->item->kind, a->item->id);
  }
  return static_cast<std::int64_t>(items.size());
}

std::optional<std::int64_t> mean_hundredths(Events events) {
  Wide sum = 0;
  std::int64_t n = 0;
  for (const Activity* a : events) {
    if (a->value < -kMeanValueMax || a->value > kMeanValueMax) continue;
    sum += a->value;
    ++n;
  }
  if (n == 0) return std::nullopt;
  return static_cast<std::int64_t>(100 * sum / n);
}

std::optional<std::int64_t> scaled(std::optional<std::int64_t> value, std::int64_t unit) {
  if (!value) return std::nullopt;
  return saturated(static_cast<Wide>(*value) * unit);
}

/// `events` ascending, of the feature's kind, none after `as_of`.
std::optional<std::int64_t> micro_of(const Feature& feature, Events events, Instant as_of) {
  if (feature.window) {
    const Instant start = as_of - *feature.window;
    const auto from = std::partition_point(events.begin(), events.end(),
                                           [&](const Activity* a) { return a->at <= start; });
    events = events.subspan(static_cast<std::size_t>(from - events.begin()));
  }
  switch (feature.form) {
    case FeatureForm::kCount:
      return scaled(static_cast<std::int64_t>(events.size()), kMicro);
    case FeatureForm::kSum: {
      Wide sum = 0;
      for (const Activity* a : events) sum += a->value;
      return saturated(sum * kMicro);
    }
    case FeatureForm::kDaysSinceLast:
      if (events.empty()) return std::nullopt;
      return scaled((as_of.us - events.back()->at.us) / kDayUs, kMicro);
    case FeatureForm::kDaysSinceFirst:
      if (events.empty()) return std::nullopt;
      return scaled((as_of.us - events.front()->at.us) / kDayUs, kMicro);
    case FeatureForm::kActiveDays:
      return scaled(active_days(events), kMicro);
    case FeatureForm::kPeakHour:
      return scaled(peak_hour(events), kMicro);
    case FeatureForm::kNightShare:
      return scaled(night_permille(events), kMicro / 1000);
    case FeatureForm::kDistinctItems:
      return scaled(distinct_items(events), kMicro);
    case FeatureForm::kMean:
      return scaled(mean_hundredths(events), kMicro / 100);
  }
  return std::nullopt;
}

struct Family {
  std::string_view base, kind;
  FeatureForm form;
  std::string_view unit, zh, en;
};

constexpr Family kWindowed[] = {
    {"likes", "like", FeatureForm::kCount, "count", "点赞次数", "likes"},
    {"shares", "share", FeatureForm::kCount, "count", "转发次数", "shares"},
    {"comments", "comment", FeatureForm::kCount, "count", "评论次数", "comments"},
    {"favorites", "favorite", FeatureForm::kCount, "count", "收藏次数", "favorites"},
    {"reads", "read", FeatureForm::kCount, "count", "阅读次数", "reads"},
    {"reading_seconds", "read", FeatureForm::kSum, "s", "阅读时长（秒）", "seconds of reading"},
    {"plays", "play", FeatureForm::kCount, "count", "播放次数", "plays"},
    {"play_seconds", "play", FeatureForm::kSum, "s", "播放时长（秒）", "seconds of playing"},
    {"clicks", "click", FeatureForm::kCount, "count", "点击次数", "clicks"},
    {"views", "view", FeatureForm::kCount, "count", "浏览次数", "page views"},
    {"carts", "cart", FeatureForm::kCount, "count", "加购次数", "additions to the cart"},
    {"purchases", "purchase", FeatureForm::kCount, "count", "购买次数", "purchases"},
    {"purchase_fen", "purchase", FeatureForm::kSum, "fen", "购买金额（分）", "money spent, in fen"},
    {"messages", "message", FeatureForm::kCount, "count", "发消息次数",
     "messages sent to the account"},
    {"active_days", "", FeatureForm::kActiveDays, "d", "活跃天数", "days with activity"},
    {"distinct_items", "", FeatureForm::kDistinctItems, "count", "接触过的内容数",
     "distinct items touched"},
};
constexpr int kWindowDays[] = {7, 30, 90};

std::vector<Feature> make_features() {
  std::vector<Feature> list;
  for (const Family& f : kWindowed) {
    for (const int days : kWindowDays) {
      list.push_back({fmt::format("{}_{}d", f.base, days), f.form, std::string(f.kind), kDay * days,
                      std::string(f.unit), fmt::format("近 {} 天{}", days, f.zh),
                      fmt::format("{} in the last {} days", f.en, days)});
    }
  }
  const auto add = [&](std::string name, FeatureForm form, std::string kind,
                       std::optional<Duration> window, std::string unit, std::string zh,
                       std::string en) {
    list.push_back({std::move(name), form, std::move(kind), window, std::move(unit), std::move(zh),
                    std::move(en)});
  };
  using enum FeatureForm;
  add("refund_fen_90d", kSum, "refund", kDay * 90, "fen", "近 90 天退款金额（分）",
      "money refunded in the last 90 days");
  add("touches_30d", kCount, "touch.sent", kDay * 30, "count", "近 30 天收到的营销消息数",
      "messages received in the last 30 days");
  add("touch_clicks_30d", kCount, "touch.clicked", kDay * 30, "count", "近 30 天点开营销消息数",
      "messages clicked in the last 30 days");
  add("days_since_last", kDaysSinceLast, "", {}, "d", "距最近一次活跃的天数",
      "whole days since the last activity");
  add("days_since_first", kDaysSinceFirst, "", {}, "d", "距首次活跃的天数",
      "whole days since the first activity");
  add("days_since_purchase", kDaysSinceLast, "purchase", {}, "d", "距最近一次购买的天数",
      "whole days since the last purchase");
  add("days_since_message", kDaysSinceLast, "message", {}, "d", "距最近一次发消息的天数",
      "whole days since the last message");
  add("active_hour_peak", kPeakHour, "", kDay * 90, "h", "近 90 天最活跃的时段（0-23 点）",
      "hour of the day with most activity, last 90 days");
  add("night_reading_share", kNightShare, "read", kDay * 90, "share",
      "近 90 天夜间（22-6 点）阅读占比", "share of reads between 22:00 and 06:00, last 90 days");
  add("ratings_total", kCount, "rating", {}, "count", "评分次数", "ratings given");
  add("rating_mean", kMean, "rating", {}, "points", "平均评分", "mean of the ratings given");
  add("events_total", kCount, "", {}, "count", "全部行为次数", "everything that the person did");
  return list;
}

}  // namespace

bool is_behaviour(std::string_view kind) {
  return !kind.starts_with("touch.") &&
         std::ranges::find(kPassiveKinds, kind) == std::end(kPassiveKinds);
}

int local_hour(Instant t) {
  const std::int64_t of_day = (t.us + kLocalOffsetUs) % kDayUs;
  return static_cast<int>((of_day < 0 ? of_day + kDayUs : of_day) / kHourUs);
}

std::span<const Feature> features() {
  static const std::vector<Feature> list = make_features();
  return list;
}

const Feature* find_feature(std::string_view name) {
  for (const Feature& f : features()) {
    if (f.name == name) return &f;
  }
  return nullptr;
}

std::vector<std::string_view> feature_names() {
  std::vector<std::string_view> names;
  for (const Feature& f : features()) names.push_back(f.name);
  return names;
}

std::optional<std::int64_t> feature_micro(const Feature& feature, const PersonView& view,
                                          Instant as_of) {
  std::vector<const Activity*> events;
  for (const Activity& a : view.activity) {
    if (a.at > as_of) break;
    if (feature.kind.empty() ? is_behaviour(a.kind) : a.kind == feature.kind) events.push_back(&a);
  }
  return micro_of(feature, events, as_of);
}

std::vector<double> feature_vector(const PersonView& view, Instant as_of) {
  // Grouped once, so that each feature looks only at its own events.
  std::unordered_map<std::string_view, std::vector<const Activity*>> by_kind;
  for (const Activity& a : view.activity) {
    if (a.at > as_of) break;
    by_kind[a.kind].push_back(&a);
    if (is_behaviour(a.kind)) by_kind[""].push_back(&a);
  }
  std::vector<double> values;
  values.reserve(features().size());
  for (const Feature& f : features()) {
    const auto found = by_kind.find(f.kind);
    const auto micro =
        micro_of(f, found == by_kind.end() ? Events() : Events(found->second), as_of);
    values.push_back(micro ? static_cast<double>(*micro) / kMicro : std::nan(""));
  }
  return values;
}

}  // namespace zhiyin::audience
