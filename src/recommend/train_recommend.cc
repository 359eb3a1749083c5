#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "base/crypto.h"
#include "recommend/ease.h"
#include "recommend/interactions.h"
#include "recommend/kept_counts.h"
#include "recommend/recommend_model.h"
#include "recommend/rp3beta.h"
#include "recommend/training_checkpoint.h"

namespace zhiyin::recommend {
namespace {

/// Somebody's strongest action on an item, and the last time.
struct Touched {
  std::uint32_t person = 0;
  std::uint32_t item = 0;
  float weight = 0;
  Instant at;
};

/// Everything that counts, with people and items numbered in the order of their names: so the model
/// does not depend on the order of the rows.
struct Gathered {
  std::size_t people = 0;
  std::vector<PersonKey> keys;  ///< of the people, where counts are kept
  std::vector<ItemRef> items;
  std::vector<Touched> touched;  ///< by person and item, each pair once
};

/// new_number[old] after sorting by name.
std::vector<std::uint32_t> ranks_by_name(const NameIndex& names) {
  std::vector<std::uint32_t> order(names.size());
  std::iota(order.begin(), order.end(), 0);
  std::ranges::sort(order, {},
                    [&](std::uint32_t i) -> const std::string& { return names.name(i); });
  std::vector<std::uint32_t> out(order.size());
  for (std::uint32_t rank = 0; rank < order.size(); ++rank) out[order[rank]] = rank;
  return out;
}

void keep_strongest(std::vector<Touched>& touched) {
  std::ranges::sort(touched, [](const Touched& a, const Touched& b) {
    if (a.person != b.person) return a.person < b.person;
    if (a.item != b.item) return a.item < b.item;
    return a.at > b.at;
  });
  std::size_t kept = 0;
  for (const Touched& t : touched) {
    const bool same =
        kept > 0 && touched[kept - 1].person == t.person && touched[kept - 1].item == t.item;
    if (same) {
      touched[kept - 1].weight = std::max(touched[kept - 1].weight, t.weight);
    } else {
      touched[kept++] = t;
    }
  }
  touched.resize(kept);
}

std::unexpected<Error> too_large(double needed, const TrainParams& params, std::string_view what) {
  constexpr double kMb = 1 << 20;
  return fail(ErrorCode::kLimitReached,
              "recommend: training needs about {:.0f} MB ({}), {:.0f} MB are allowed "
              "(recommend.train_memory_mb); fewer items, factors or a shorter history need less",
              std::ceil(needed / kMb), what, static_cast<double>(params.memory_max) / kMb);
}

using Weigh = std::function<double(std::string_view kind, std::int64_t value)>;

Result<Gathered> gather(const RowSource& rows, const TrainParams& params, const Weigh& weigh) {
  NameIndex people;
  NameIndex items;
  std::vector<ItemRef> refs;
  std::vector<Touched> touched;
  // A vector that grows holds its elements twice for a moment.
  constexpr std::size_t kBytesPerAction = 2 * sizeof(Touched);
  bool too_many = false;
  std::string key;
  ZHIYIN_TRY_VOID(rows([&](const InteractionRow& row) {
    const double weight = weigh(row.kind, row.value);
    if (weight <= 0 || row.at > params.as_of || !is_recommendable(row.item)) return;
    key.assign(row.item.kind).append(1, '\0').append(row.item.id);
    const std::uint32_t item = items.add(key);
    if (item == refs.size()) refs.push_back(row.item);
    if (params.memory_max > 0 && touched.size() * kBytesPerAction > params.memory_max) {
      too_many = true;
      return;
    }
    touched.push_back({people.add(row.person), item, static_cast<float>(weight), row.at});
  }));
  if (too_many)
    return too_large(static_cast<double>(touched.size() * kBytesPerAction), params,
                     fmt::format("more than {} actions", touched.size()));
  const std::vector<std::uint32_t> person_rank = ranks_by_name(people);
  const std::vector<std::uint32_t> item_rank = ranks_by_name(items);
  Gathered out;
  out.people = people.size();
  if (params.counts != nullptr) {
    out.keys.resize(people.size());
    for (std::uint32_t i = 0; i < people.size(); ++i)
      out.keys[person_rank[i]] = person_key(people.name(i));
  }
  out.items.resize(refs.size());
  for (std::size_t i = 0; i < refs.size(); ++i) out.items[item_rank[i]] = std::move(refs[i]);
  for (Touched& t : touched) {
    t.person = person_rank[t.person];
    t.item = item_rank[t.item];
  }
  keep_strongest(touched);
  out.touched = std::move(touched);
  return out;
}

/// Millionths, so that the sum does not depend on the order.
std::vector<std::int64_t> popularity_of(const Gathered& data, const TrainParams& params) {
  Instant newest{0};
  for (const Touched& t : data.touched) newest = std::max(newest, t.at);
  const Instant now = std::min(newest, params.as_of);
  const auto half_life = static_cast<double>(params.popularity_half_life.count());
  std::vector<std::int64_t> out(data.items.size(), 0);
  for (const Touched& t : data.touched) {
    const double age = static_cast<double>((now - t.at).count()) / half_life;
    out[t.item] += std::llround(1e6 * t.weight * std::exp2(-age));
  }
  return out;
}

/// Keeps the most popular items when there are too many.
void limit_items(Gathered& data, std::vector<std::int64_t>& popularity, std::size_t items_max) {
  if (data.items.size() <= items_max) return;
  std::vector<std::uint32_t> order(data.items.size());
  std::iota(order.begin(), order.end(), 0);
  std::ranges::sort(order, {}, [&](std::uint32_t i) { return std::pair(-popularity[i], i); });
  order.resize(items_max);
  std::ranges::sort(order);
  std::vector<std::uint32_t> renumbered(data.items.size(), NameIndex::kAbsent);
  std::vector<ItemRef> items;
  std::vector<std::int64_t> kept_popularity;
  for (const std::uint32_t old : order) {
    renumbered[old] = static_cast<std::uint32_t>(items.size());
    items.push_back(std::move(data.items[old]));
    kept_popularity.push_back(popularity[old]);
  }
  for (Touched& t : data.touched) t.item = renumbered[t.item];
  std::erase_if(data.touched, [](const Touched& t) { return t.item == NameIndex::kAbsent; });
  data.items = std::move(items);
  popularity = std::move(kept_popularity);
}

/// The matrix for the neighbours: without items that too few touched, and with the newest part of
/// long histories only (their cost grows with the square).
Interactions matrix_of(const Gathered& data, const TrainParams& params) {
  std::vector<std::size_t> people_of(data.items.size(), 0);
  for (const Touched& t : data.touched) ++people_of[t.item];
  std::vector<Interaction> entries;
  for (std::size_t begin = 0; begin < data.touched.size();) {
    std::size_t end = begin;
    while (end < data.touched.size() && data.touched[end].person == data.touched[begin].person)
      ++end;
    std::vector<Touched> own(data.touched.begin() + static_cast<std::ptrdiff_t>(begin),
                             data.touched.begin() + static_cast<std::ptrdiff_t>(end));
    std::ranges::sort(own, {}, [](const Touched& t) { return std::pair(-t.at.us, t.item); });
    if (own.size() > params.history_max) own.resize(params.history_max);
    for (const Touched& t : own) {
      if (people_of[t.item] >= params.people_min) entries.push_back({t.person, t.item, t.weight});
    }
    begin = end;
  }
  return Interactions::build(std::move(entries), data.people, data.items.size());
}

Result<void> check(const TrainParams& params) {
  if (params.popularity_half_life.count() <= 0) {
    return fail_field("popularity_half_life", "must be above 0");
  }
  if (!(params.recency > 0 && params.recency <= 1)) {
    return fail_field("recency", "is {}, expected above 0 and at most 1", params.recency);
  }
  const auto known = serving_algorithms();
  if (std::ranges::find(known, params.algorithm) == known.end()) {
    return fail_field("algorithm", "'{}' is not one of {}", params.algorithm,
                      fmt::join(known, ", "));
  }
  if (params.items_max < 1) return fail_field("items_max", "must be at least 1");
  if (params.history_max < 1) return fail_field("history_max", "must be at least 1");
  if (!(params.left_out_max >= 0))
    return fail_field("left_out_max", "is {}, expected 0 or more", params.left_out_max);
  for (const auto& [kind, weight] : params.kind_weights) {
    if (!(weight >= 0) || !std::isfinite(weight)) {
      return fail_field("kind_weights." + kind, "is {}, expected 0 or more", weight);
    }
  }
  return {};
}

/// EASE in one piece up to so many items: 0.9 GB while it trains.
constexpr std::size_t kDenseServed = 12'000;

bool is_dense(const Interactions& matrix, const TrainParams& params) {
  return params.algorithm == "ease" && matrix.items() <= kDenseServed;
}

/// What the models take beside the actions, roughly: bytes.
double memory_needed(const Interactions& matrix, const TrainParams& params) {
  const auto items = static_cast<double>(matrix.items());
  const auto people = static_cast<double>(matrix.users());
  const auto threads = static_cast<double>(std::max(1, params.knn.threads));
  const double cells = static_cast<double>(matrix.size());
  const bool dense = is_dense(matrix, params);
  double weights = items * static_cast<double>(params.knn.k) * sizeof(Neighbour);
  if (dense && params.left_out_max < 1)
    weights = std::max(weights, std::min(items * items * sizeof(Neighbour),
                                         static_cast<double>(params.weights_bytes_max)));
  double needed = cells * 2 * sizeof(Interaction) + weights;
  // Counts and the matrix that becomes their inverse; or a row of sums for each thread.
  needed += dense ? 2 * sizeof(float) * items * items : threads * items * sizeof(double);
  // Keys, and once more while they are put in order.
  if (params.counts != nullptr)
    needed += people * (2 * sizeof(PersonKey) + 3 * sizeof(std::uint32_t));
  return needed + static_cast<double>(params.factors) * sizeof(float) * (items + people);
}

Result<void> check_memory(const Interactions& matrix, const TrainParams& params) {
  const double needed = memory_needed(matrix, params);
  if (params.memory_max == 0 || needed <= static_cast<double>(params.memory_max)) return {};
  return too_large(needed, params,
                   fmt::format("{} people, {} items, {} actions, {}, {} factors", matrix.users(),
                               matrix.items(), matrix.size(), params.algorithm, params.factors));
}

/// For what a training can do without.
std::size_t memory_left(const Interactions& matrix, const TrainParams& params) {
  if (params.memory_max == 0) return std::numeric_limits<std::size_t>::max();
  return params.memory_max - static_cast<std::size_t>(memory_needed(matrix, params));
}

/// How often items stand in one history; goes on where a training that was killed left off.
Result<CoOccurrence> count_all(const Interactions& matrix, const TrainParams& params,
                               std::optional<TrainingCheckpoint::Counts> noted) {
  constexpr std::size_t kHistoriesTogether = 10'000;
  TrainingCheckpoint::Counts out{0, CoOccurrence(matrix.items())};
  if (noted) out = std::move(*noted);
  for (std::size_t u = out.histories; u < matrix.users(); ++u) {
    out.counts.add(matrix.columns(u));
    const bool tells = (u + 1) % kHistoriesTogether == 0;
    if (tells && params.checkpoint != nullptr) params.checkpoint->note_counts(u + 1, out.counts);
    if (tells && params.progress && !params.progress(0))
      return fail(ErrorCode::kDeadline, "EASE: training was cancelled");
  }
  return std::move(out.counts);
}

/// The same, from the counts kept where that is cheaper.
Result<CoOccurrence> count_pairs(const Interactions& matrix, const Gathered& data,
                                 const TrainParams& params) {
  std::optional<TrainingCheckpoint::Counts> noted;
  if (params.checkpoint != nullptr) noted = params.checkpoint->counts(matrix.items());
  CountsUse* const use = params.counts;
  if (use == nullptr || !use->kept.keeps()) return count_all(matrix, params, std::move(noted));
  std::vector<std::string> names;
  for (const ItemRef& item : data.items) names.push_back(item.kind + '\0' + item.id);
  const CountedRows rows(matrix, data.keys, std::move(names));
  const auto progress = [&params] { return !params.progress || params.progress(0); };
  auto followed = noted ? fail(ErrorCode::kConflict, "counts kept: a training goes on that counts")
                        : use->kept.follow(rows, memory_left(matrix, params), progress);
  if (!followed && followed.error().code == ErrorCode::kDeadline)
    return std::unexpected(std::move(followed.error()));
  CoOccurrence counts;
  if (followed) {
    use->rows_changed = followed->rows_changed;
    counts = std::move(followed->counts);
  } else {
    use->counted_anew = std::move(followed.error());
    ZHIYIN_TRY(counts, count_all(matrix, params, std::move(noted)));
  }
  // Before the inverse: a training that is killed there follows what it counted itself.
  if (use->replaces && use->rows_changed != 0) {
    if (auto kept = use->kept.keep(rows, counts); !kept) use->not_kept = std::move(kept.error());
  }
  return counts;
}

/// EASE's strongest weights: the dense model where there are few items, local regressions beyond.
Result<ItemNeighbours> train_ease(const Interactions& matrix, const Gathered& data,
                                  const TrainParams& params,
                                  const std::function<bool(double)>& progress) {
  constexpr std::size_t kLocalNeighbours = 300;
  const EaseParams settings{params.lambda, params.knn.threads, progress};
  if (!is_dense(matrix, params))
    return train_local_ease(matrix, std::min(kLocalNeighbours, params.knn.k), settings);
  ZHIYIN_TRY(const CoOccurrence counts, count_pairs(matrix, data, params));
  ZHIYIN_TRY(const Ease ease, Ease::train(counts, settings));
  return ease.strongest(params.knn.k, params.left_out_max, params.weights_bytes_max);
}

Result<ItemNeighbours> train_weights(const Interactions& matrix, const Gathered& data,
                                     const TrainParams& params,
                                     const std::function<bool(double)>& progress) {
  if (params.knn.k < 1) return fail_field("k", "is {}, at least 1 is needed", params.knn.k);
  if (params.algorithm == "ease") return train_ease(matrix, data, params, progress);
  if (params.algorithm == "rp3beta") {
    return train_rp3beta(matrix,
                         {.k = params.knn.k,
                          .alpha = params.alpha,
                          .beta = params.beta,
                          .threads = params.knn.threads},
                         progress);
  }
  return train_item_knn(matrix, params.knn, progress);
}

/// Settings and data that make a model, without those of the machine.
std::string fingerprint(const Gathered& data, const Interactions& matrix,
                        const TrainParams& params) {
  std::string names;
  for (const ItemRef& item : data.items) names += fmt::format("{}/{}\n", item.kind, item.id);
  for (const auto& [kind, weight] : params.kind_weights)
    names += fmt::format("{}={} ", kind, weight);
  const auto words = crypto::xxh3_128(names);
  return fmt::format(
      "2 {} k={} left_out={} bytes={} shrink={} alpha={} beta={} lambda={} factors={} "
      "{:016x}{:016x} {}",
      params.algorithm, params.knn.k, params.left_out_max, params.weights_bytes_max,
      params.knn.shrink, params.alpha, params.beta, params.lambda, params.factors, words[0],
      words[1], fingerprint_of(matrix));
}

Result<ItemNeighbours> weights_of(const Interactions& matrix, const Gathered& data,
                                  const TrainParams& params,
                                  const std::function<bool(double)>& progress) {
  if (params.checkpoint == nullptr) return train_weights(matrix, data, params, progress);
  if (auto noted = params.checkpoint->weights(); noted && noted->items() == matrix.items())
    return std::move(*noted);
  ZHIYIN_TRY(ItemNeighbours out, train_weights(matrix, data, params, progress));
  params.checkpoint->note_weights(out);
  return out;
}

Result<Ials> factors_of(const Interactions& matrix, const TrainParams& params,
                        const std::function<bool(double)>& progress) {
  const IalsParams settings{
      .factors = params.factors, .threads = params.knn.threads, .notes_losses = true};
  IalsNotes notes;
  if (TrainingCheckpoint* const checkpoint = params.checkpoint) {
    notes.from = checkpoint->sweeps(matrix.users(), matrix.items(), Ials::width_of(params.factors));
    if (notes.from && notes.from->done > settings.iterations) notes.from.reset();
    notes.note = [&settings, checkpoint](const IalsSweeps& sweeps) {
      checkpoint->note_sweeps(sweeps, sweeps.done == settings.iterations);
    };
  }
  return Ials::train(matrix, settings, progress, std::move(notes));
}

}  // namespace

Result<RecommendModel> train_recommend(const RowSource& rows, const TrainParams& params) {
  ZHIYIN_TRY_VOID(check(params));
  RecommendModel out = RecommendModel::of_weights(params);
  const Weigh weigh = [&](std::string_view kind, std::int64_t value) {
    return out.kind_weight(kind, value);
  };
  ZHIYIN_TRY(Gathered data, gather(rows, params, weigh));
  std::vector<std::int64_t> popularity = popularity_of(data, params);
  limit_items(data, popularity, params.items_max);
  const Interactions matrix = matrix_of(data, params);
  ZHIYIN_TRY_VOID(check_memory(matrix, params));
  const double first = params.factors > 0 ? 0.5 : 1;
  const auto part = [&](double from, double to) -> std::function<bool(double)> {
    if (!params.progress) return {};
    return
        [&params, from, to](double share) { return params.progress(from + share * (to - from)); };
  };
  out.algorithm_ = params.algorithm;
  if (params.counts != nullptr) params.counts->wanted = is_dense(matrix, params);
  if (params.checkpoint != nullptr) params.checkpoint->begin(fingerprint(data, matrix, params));
  ZHIYIN_TRY(out.weights_, weights_of(matrix, data, params, part(0, first)));
  if (params.factors > 0 && matrix.items() > 0) {
    ZHIYIN_TRY(out.ials_, factors_of(matrix, params, part(first, 1)));
  }
  for (const std::int64_t micro : popularity) {
    out.popularity_.push_back(static_cast<float>(static_cast<double>(micro) / 1e6));
  }
  out.items_ = std::move(data.items);
  out.people_ = data.people;
  out.interactions_ = data.touched.size();
  out.index_items();
  return out;
}

}  // namespace zhiyin::recommend
