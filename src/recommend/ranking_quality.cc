#include "recommend/ranking_quality.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <charconv>
#include <cmath>
#include <limits>
#include <numeric>
#include <thread>

#include "statistics/interval.h"

namespace zhiyin::recommend {
namespace {

constexpr std::pair<std::string_view, Metric::Kind> kKinds[] = {
    {"ndcg", Metric::Kind::kNdcg},
    {"recall", Metric::Kind::kRecall},
    {"mrr", Metric::Kind::kMrr},
    {"map", Metric::Kind::kMap},
};

constexpr double kLast = -std::numeric_limits<double>::infinity();

/// Gives each thread chunks of cases in turn and a worker of its own.
template <class MakeWorker>
Result<void> over_cases(std::size_t count, int threads, const std::function<bool(double)>& progress,
                        const MakeWorker& make_worker) {
  std::atomic<std::size_t> next{0};
  std::atomic<bool> cancelled{false};
  constexpr std::size_t kChunk = 32;
  const auto run = [&](bool reports) {
    auto work = make_worker();
    while (!cancelled) {
      const std::size_t begin = next.fetch_add(kChunk);
      if (begin >= count) return;
      const std::size_t end = std::min(begin + kChunk, count);
      for (std::size_t i = begin; i < end; ++i) work(i);
      const double done = static_cast<double>(end) / static_cast<double>(count);
      if (reports && progress && !progress(done)) cancelled = true;
    }
  };
  {
    std::vector<std::jthread> others;
    for (int t = 1; t < threads; ++t) others.emplace_back(run, false);
    run(true);
  }
  if (cancelled) return fail(ErrorCode::kDeadline, "evaluation: cancelled");
  return {};
}

/// Scores with history and items unseen in training put where the protocol has them.
void score_candidates(const EvaluationData& data, const Scorer& scorer, std::uint32_t user,
                      std::span<const std::uint32_t> unseen, std::span<double> scores) {
  scorer(data.histories[user], scores);
  for (const std::uint32_t item : unseen) scores[item] = kLast;
}

std::vector<std::uint32_t> unseen_items(const EvaluationData& data) {
  std::vector<std::uint32_t> out;
  for (std::uint32_t i = 0; i < data.items(); ++i) {
    if (data.degrees[i] == 0) out.push_back(i);
  }
  return out;
}

/// Place among all items outside the history, 1 = first; equal scores by number.
std::size_t rank_of(std::uint32_t item, std::span<const double> scores,
                    std::span<const std::uint32_t> history) {
  const double own = scores[item];
  std::size_t rank = 1;
  for (std::size_t other = 0; other < item; ++other) rank += scores[other] >= own;
  for (std::size_t other = item + 1; other < scores.size(); ++other) rank += scores[other] > own;
  for (const std::uint32_t seen : history)
    rank -= scores[seen] > own || (scores[seen] == own && seen < item);
  return rank;
}

/// The first `cut` candidates.
std::vector<std::uint32_t> top_of(std::span<double> scores, std::span<const std::uint32_t> history,
                                  std::size_t cut, std::vector<std::uint32_t>& order) {
  constexpr double kNever = -std::numeric_limits<double>::max();
  std::vector<bool> seen(scores.size(), false);
  for (const std::uint32_t item : history) seen[item] = true;
  order.clear();
  for (std::uint32_t i = 0; i < scores.size(); ++i) {
    if (!seen[i] && scores[i] >= kNever) order.push_back(i);
  }
  const std::size_t kept = std::min(cut, order.size());
  std::ranges::partial_sort(order, order.begin() + static_cast<std::ptrdiff_t>(kept),
                            [&](std::uint32_t a, std::uint32_t b) {
                              return scores[a] != scores[b] ? scores[a] > scores[b] : a < b;
                            });
  return {order.begin(), order.begin() + static_cast<std::ptrdiff_t>(kept)};
}

std::size_t common(std::span<const std::uint32_t> a, std::span<const std::uint32_t> b) {
  std::size_t out = 0;
  for (std::size_t i = 0, j = 0; i < a.size() && j < b.size();) {
    if (a[i] == b[j]) {
      ++out;
      ++i;
      ++j;
    } else {
      a[i] < b[j] ? ++i : ++j;
    }
  }
  return out;
}

using Shares = std::array<double, 3>;

/// 0 head, 1 middle, 2 tail by item.
std::vector<std::uint8_t> popularity_groups(const EvaluationData& data) {
  constexpr double kHead = 0.2;
  constexpr double kMiddle = 0.8;
  std::vector<std::uint32_t> order(data.items());
  std::iota(order.begin(), order.end(), 0);
  std::ranges::sort(order, {}, [&](std::uint32_t i) {
    return std::pair(-static_cast<std::int64_t>(data.degrees[i]), i);
  });
  std::vector<std::uint8_t> out(data.items());
  double before = 0;
  for (const std::uint32_t item : order) {
    const double share = before / static_cast<double>(data.train.size());
    out[item] = share < kHead ? 0 : share < kMiddle ? 1 : 2;
    before += data.degrees[item];
  }
  return out;
}

Shares shares_of(std::span<const std::uint32_t> items, std::span<const std::uint8_t> groups) {
  Shares out = {};
  for (const std::uint32_t item : items) out[groups[item]] += 1 / static_cast<double>(items.size());
  return out;
}

double divergence(const Shares& history, const Shares& list) {
  constexpr double kSmooth = 0.01;
  double out = 0;
  for (std::size_t g = 0; g < history.size(); ++g) {
    if (history[g] == 0) continue;
    out += history[g] * std::log(history[g] / ((1 - kSmooth) * list[g] + kSmooth * history[g]));
  }
  return out;
}

double gini(std::vector<double> counts) {
  std::ranges::sort(counts);
  const auto n = static_cast<double>(counts.size());
  double sum = 0;
  double weighted = 0;
  for (std::size_t i = 0; i < counts.size(); ++i) {
    sum += counts[i];
    weighted += static_cast<double>(i + 1) * counts[i];
  }
  return sum > 0 ? 2 * weighted / (n * sum) - (n + 1) / n : 0;
}

void add_mean(Json& out, Json& intervals, const std::string& name,
              std::span<const double> per_person) {
  const statistics::MeanInterval m = statistics::mean_interval(per_person);
  out.set(name, m.mean);
  intervals.set(name, Json(Json::Array{m.interval.low, m.interval.high}));
}

}  // namespace

Result<Metric> Metric::parse(std::string_view text) {
  const std::size_t at = text.find('@');
  Metric out;
  const std::string_view number = at == text.npos ? "" : text.substr(at + 1);
  const auto [end, error] = std::from_chars(number.data(), number.data() + number.size(), out.cut);
  for (const auto& [name, kind] : kKinds) {
    if (text.substr(0, at) != name) continue;
    out.kind = kind;
    if (error == std::errc() && end == number.data() + number.size() && out.cut >= 1) return out;
  }
  return fail_field("metric", "'{}' is not one of ndcg, recall, mrr, map with a cut, as ndcg@10",
                    text.substr(0, 64));
}

std::string Metric::name() const {
  for (const auto& [name, of_name] : kKinds) {
    if (of_name == kind) return fmt::format("{}@{}", name, cut);
  }
  return {};
}

double Metric::of(std::span<const std::size_t> ranks) const {
  const auto within =
      static_cast<std::size_t>(std::ranges::upper_bound(ranks, cut) - ranks.begin());
  const std::size_t ideal = std::min(ranks.size(), cut);
  double sum = 0;
  double best = 0;
  switch (kind) {
    case Kind::kNdcg:
      for (std::size_t i = 0; i < within; ++i)
        sum += 1 / std::log2(static_cast<double>(ranks[i] + 1));
      for (std::size_t i = 0; i < ideal; ++i) best += 1 / std::log2(static_cast<double>(i + 2));
      return best > 0 ? sum / best : 0;
    case Kind::kRecall:
      return ranks.empty() ? 0 : static_cast<double>(within) / static_cast<double>(ranks.size());
    case Kind::kMrr:
      return within > 0 ? 1 / static_cast<double>(ranks[0]) : 0;
    case Kind::kMap:
      for (std::size_t i = 0; i < within; ++i)
        sum += static_cast<double>(i + 1) / static_cast<double>(ranks[i]);
      return ideal > 0 ? sum / static_cast<double>(ideal) : 0;
  }
  return 0;
}

Result<std::vector<Ranks>> rank_cases(const EvaluationData& data,
                                      std::span<const EvaluationCase> cases,
                                      std::span<const EvaluatedModel> models, int threads,
                                      const std::function<bool(double)>& progress) {
  std::vector<Ranks> out(models.size(), Ranks(cases.size()));
  const std::vector<std::uint32_t> unseen = unseen_items(data);
  ZHIYIN_TRY_VOID(over_cases(cases.size(), threads, progress, [&] {
    std::vector<Scorer> scorers;
    for (const EvaluatedModel& model : models) scorers.push_back(model.make_scorer());
    return [&, scorers = std::move(scorers),
            scores = std::vector<double>(data.items())](std::size_t c) mutable {
      const EvaluationCase& one = cases[c];
      for (std::size_t m = 0; m < scorers.size(); ++m) {
        score_candidates(data, scorers[m], one.user, unseen, scores);
        for (const std::uint32_t item : one.wanted)
          out[m][c].push_back(rank_of(item, scores, data.train.columns(one.user)));
        std::ranges::sort(out[m][c]);
      }
    };
  }));
  return out;
}

std::vector<double> values_of(const Metric& metric, const Ranks& ranks) {
  std::vector<double> out;
  out.reserve(ranks.size());
  for (const auto& of_case : ranks) out.push_back(metric.of(of_case));
  return out;
}

Result<Json> list_quality(const EvaluationData& data, std::span<const EvaluationCase> cases,
                          const EvaluatedModel& model, std::size_t cut, int threads) {
  const Interactions by_item = data.train.transposed();
  const std::vector<std::uint32_t> unseen = unseen_items(data);
  const std::vector<std::uint8_t> groups = popularity_groups(data);
  std::vector<std::vector<std::uint32_t>> lists(cases.size());
  std::vector<double> novelty(cases.size(), 0);
  std::vector<double> diversity(cases.size(), 0);
  std::vector<double> calibration(cases.size(), 0);
  ZHIYIN_TRY_VOID(over_cases(cases.size(), threads, {}, [&] {
    return [&, scorer = model.make_scorer(), scores = std::vector<double>(data.items()),
            order = std::vector<std::uint32_t>()](std::size_t c) mutable {
      const std::uint32_t user = cases[c].user;
      score_candidates(data, scorer, user, unseen, scores);
      lists[c] = top_of(scores, data.train.columns(user), cut, order);
      const std::vector<std::uint32_t>& list = lists[c];
      const auto people = static_cast<double>(data.train.users());
      double pairs = 0;
      for (std::size_t i = 0; i < list.size(); ++i) {
        novelty[c] -= std::log2(data.degrees[list[i]] / people) / static_cast<double>(list.size());
        for (std::size_t j = 0; j < i; ++j, ++pairs) {
          const auto shared =
              static_cast<double>(common(by_item.columns(list[i]), by_item.columns(list[j])));
          diversity[c] += 1 - shared / std::sqrt(static_cast<double>(data.degrees[list[i]]) *
                                                 data.degrees[list[j]]);
        }
      }
      if (pairs > 0) diversity[c] /= pairs;
      if (!list.empty() && !data.histories[user].empty())
        calibration[c] =
            divergence(shares_of(data.histories[user], groups), shares_of(list, groups));
    };
  }));
  std::vector<double> counts(data.items(), 0);
  for (const auto& list : lists) {
    for (const std::uint32_t item : list) ++counts[item];
  }
  const auto listed =
      static_cast<double>(std::ranges::count_if(counts, [](double n) { return n > 0; }));
  const auto known = static_cast<double>(data.items() - unseen.size());
  Json out = Json::object();
  Json intervals = Json::object();
  out.set("at", cut).set("coverage", known > 0 ? listed / known : 0);
  for (const std::uint32_t item : unseen) counts[item] = -1;
  std::erase(counts, -1);
  out.set("gini", gini(std::move(counts)));
  add_mean(out, intervals, "novelty", novelty);
  add_mean(out, intervals, "diversity", diversity);
  add_mean(out, intervals, "popularity_calibration", calibration);
  out.set("intervals", std::move(intervals));
  return out;
}

}  // namespace zhiyin::recommend
