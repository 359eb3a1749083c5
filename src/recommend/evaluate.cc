#include "recommend/evaluate.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <unordered_map>
#include <unordered_set>
#include <utility>

#include "model/text_file.h"
#include "recommend/interactions.h"
#include "recommend/item_knn.h"
#include "statistics/interval.h"
#include "statistics/ranking.h"

namespace zhiyin::recommend {
namespace {

using Pairs = std::vector<std::pair<std::string, std::string>>;

struct Columns {
  std::size_t user = 0;
  std::size_t item = 1;
};

Result<Columns> find_columns(const std::vector<std::string>& header, const std::string& file) {
  const auto user = std::ranges::find(header, "userID");
  const auto item = std::ranges::find(header, "itemID");
  if (user != header.end() && item != header.end()) {
    return Columns{static_cast<std::size_t>(user - header.begin()),
                   static_cast<std::size_t>(item - header.begin())};
  }
  if (header.size() < 2) {
    return fail(ErrorCode::kInvalidArgument, "{}: columns userID and itemID are expected", file);
  }
  return Columns{};
}

Result<Pairs> read_pairs(const std::filesystem::path& path) {
  ZHIYIN_TRY(const std::string text, model::read_text_file(path));
  auto csv = model::parse_csv(text);
  if (!csv) {
    csv.error().message = path.string() + ": " + csv.error().message;
    return std::unexpected(std::move(csv.error()));
  }
  ZHIYIN_TRY(const Columns columns, find_columns(csv->header, path.string()));
  Pairs out;
  out.reserve(csv->rows.size());
  for (std::vector<std::string>& row : csv->rows) {
    out.emplace_back(std::move(row[columns.user]), std::move(row[columns.item]));
  }
  return out;
}

/// Names to numbers in an order that does not depend on the order of rows: shorter first, then by
/// bytes, which for whole numbers is their numeric order.
NameIndex ordered_index(std::vector<std::string> names) {
  std::ranges::sort(names, [](const std::string& a, const std::string& b) {
    return a.size() != b.size() ? a.size() < b.size() : a < b;
  });
  NameIndex out;
  for (const std::string& name : names) out.add(name);
  return out;
}

struct Dataset {
  Interactions train;
  /// Beside each entry of `train` (users one after the other): how many of the user's rows came
  /// after it.
  std::vector<std::uint32_t> ages;
  /// Users and their one item, in the order of the file.
  std::vector<std::pair<std::uint32_t, std::uint32_t>> test;
};

/// Rows of the training file are in time order within a user; of a repeated row the last one
/// counts.
std::vector<std::uint32_t> ages_of(const Interactions& train,
                                   std::span<const Interaction> in_file_order) {
  std::vector<std::unordered_map<std::uint32_t, std::uint32_t>> places(train.users());
  std::vector<std::uint32_t> lengths(train.users(), 0);
  for (const Interaction& e : in_file_order) places[e.user][e.item] = lengths[e.user]++;
  std::vector<std::uint32_t> out;
  out.reserve(train.size());
  for (std::size_t u = 0; u < train.users(); ++u) {
    for (const std::uint32_t item : train.columns(u)) {
      out.push_back(lengths[u] - 1 - places[u].at(item));
    }
  }
  return out;
}

/// One test row per user, or the numbers would not be what they say.
Result<void> check_test(const Dataset& data, const NameIndex& users, const std::string& file) {
  if (data.test.empty()) return fail(ErrorCode::kInvalidArgument, "{}: has no rows", file);
  std::unordered_set<std::uint32_t> seen;
  for (const auto& [user, item] : data.test) {
    if (!seen.insert(user).second) {
      return fail(ErrorCode::kInvalidArgument, "{}: user '{}' has more than one row", file,
                  users.name(user));
    }
  }
  return {};
}

Result<Dataset> load(const EvaluateArgs& args) {
  ZHIYIN_TRY(const Pairs train, read_pairs(args.train));
  ZHIYIN_TRY(const Pairs test, read_pairs(args.test));
  Pairs validation;
  if (!args.validation.empty()) {
    ZHIYIN_TRY(validation, read_pairs(args.validation));
  }
  std::vector<std::string> users;
  std::vector<std::string> items;
  for (const Pairs* part : {&train, &std::as_const(validation), &test}) {
    for (const auto& [user, item] : *part) {
      users.push_back(user);
      items.push_back(item);
    }
  }
  const NameIndex user_index = ordered_index(std::move(users));
  const NameIndex item_index = ordered_index(std::move(items));
  std::vector<Interaction> entries;
  entries.reserve(train.size());
  for (const auto& [user, item] : train) {
    entries.push_back({user_index.find(user), item_index.find(item), 1});
  }
  Dataset out;
  out.train = Interactions::build(entries, user_index.size(), item_index.size());
  out.ages = ages_of(out.train, entries);
  for (const auto& [user, item] : test) {
    out.test.emplace_back(user_index.find(user), item_index.find(item));
  }
  ZHIYIN_TRY_VOID(check_test(out, user_index, args.test.string()));
  return out;
}

template <class Number>
Result<Number> parse_parameter(const std::string& name, const std::string& text) {
  Number value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) {
    return fail_field("param " + name, "'{}' is not a number", text.substr(0, 64));
  }
  return value;
}

struct KnnParams {
  ItemKnnParams train;
  double recency = 1;  ///< weight of a history item per place of age
};

Result<KnnParams> knn_params(const std::map<std::string, std::string>& params) {
  KnnParams out;
  for (const auto& [name, text] : params) {
    if (name == "k") {
      ZHIYIN_TRY(out.train.k, parse_parameter<std::size_t>(name, text));
    } else if (name == "shrink") {
      ZHIYIN_TRY(out.train.shrink, parse_parameter<double>(name, text));
    } else if (name == "recency") {
      ZHIYIN_TRY(out.recency, parse_parameter<double>(name, text));
    } else if (name == "threads") {
      ZHIYIN_TRY(out.train.threads, parse_parameter<int>(name, text));
    } else {
      return fail_field("param " + name, "itemknn has k, shrink, recency and threads");
    }
  }
  constexpr int kThreadsMax = 64;
  if (out.train.threads < 1 || out.train.threads > kThreadsMax) {
    return fail_field("param threads", "expected 1 to {}", kThreadsMax);
  }
  if (!(out.recency > 0 && out.recency <= 1)) {
    return fail_field("param recency", "expected above 0 and at most 1");
  }
  return out;
}

/// Fills scores (one per item) for a user.
using Scorer = std::function<void(std::uint32_t user, std::span<double> scores)>;

Scorer popularity_scorer(const Interactions& train) {
  std::vector<double> counts(train.items(), 0);
  for (std::size_t u = 0; u < train.users(); ++u) {
    for (const std::uint32_t item : train.columns(u)) ++counts[item];
  }
  return [counts = std::move(counts)](std::uint32_t, std::span<double> scores) {
    std::ranges::copy(counts, scores.begin());
  };
}

Scorer knn_scorer(const Dataset& data, ItemKnn knn, double recency) {
  std::vector<std::size_t> starts = {0};
  for (std::size_t u = 0; u < data.train.users(); ++u) {
    starts.push_back(starts.back() + data.train.columns(u).size());
  }
  return [&data, knn = std::move(knn), starts = std::move(starts), recency](
             std::uint32_t user, std::span<double> scores) {
    std::ranges::fill(scores, 0);
    const auto items = data.train.columns(user);
    for (std::size_t i = 0; i < items.size(); ++i) {
      const double age = data.ages[starts[user] + i];
      knn.add_scores(items[i], recency == 1 ? 1 : std::pow(recency, age), scores);
    }
  };
}

struct NamedScorer {
  Json params;
  Scorer scorer;
};

Result<NamedScorer> make_scorer(const EvaluateArgs& args, const Dataset& data) {
  if (args.model == "popular") {
    if (!args.params.empty()) {
      return fail_field("param " + args.params.begin()->first, "popular has no parameters");
    }
    return NamedScorer{Json::object(), popularity_scorer(data.train)};
  }
  if (args.model != "itemknn") {
    return fail_field("model", "'{}' is not one of itemknn, popular", args.model);
  }
  ZHIYIN_TRY(const KnnParams params, knn_params(args.params));
  const auto half = [&](double done) { return !args.progress || args.progress(done / 2); };
  ZHIYIN_TRY(ItemKnn knn, ItemKnn::train(data.train, params.train, half));
  Json shown = Json::object();
  shown.set("k", params.train.k).set("shrink", params.train.shrink);
  shown.set("recency", params.recency);
  return NamedScorer{std::move(shown), knn_scorer(data, std::move(knn), params.recency)};
}

/// Place of `item` among all items outside the user's history, 1 = first; equal scores by number.
std::size_t rank_of(std::uint32_t item, std::span<const double> scores,
                    std::span<const std::uint32_t> history) {
  const auto before = [&](std::uint32_t other) {
    return scores[other] > scores[item] || (scores[other] == scores[item] && other < item);
  };
  std::size_t rank = 1;
  for (std::uint32_t other = 0; other < scores.size(); ++other) rank += before(other);
  for (const std::uint32_t seen : history) rank -= before(seen);
  return rank;
}

Result<std::vector<std::size_t>> rank_all(const EvaluateArgs& args, const Dataset& data,
                                          const Scorer& scorer) {
  std::vector<std::size_t> ranks;
  std::vector<double> scores(data.train.items());
  for (const auto& [user, item] : data.test) {
    scorer(user, scores);
    ranks.push_back(rank_of(item, scores, data.train.columns(user)));
    const double done = static_cast<double>(ranks.size()) / static_cast<double>(data.test.size());
    if (ranks.size() % 64 == 0 && args.progress && !args.progress(0.5 + done / 2)) {
      return fail(ErrorCode::kDeadline, "evaluation: cancelled");
    }
  }
  return ranks;
}

void add_metric(Json& metrics, Json& intervals, const std::string& name,
                std::span<const double> per_person) {
  const statistics::MeanInterval m = statistics::mean_interval(per_person);
  metrics.set(name, m.mean);
  intervals.set(name, Json(Json::Array{m.interval.low, m.interval.high}));
}

Json report(const EvaluateArgs& args, const Dataset& data, Json params,
            const std::vector<std::size_t>& ranks) {
  Json metrics = Json::object();
  Json intervals = Json::object();
  for (const std::size_t cut : args.at) {
    std::vector<double> ndcg;
    std::vector<double> recall;
    for (const std::size_t rank : ranks) {
      ndcg.push_back(statistics::ndcg_single(rank, cut));
      recall.push_back(statistics::recall_single(rank, cut));
    }
    add_metric(metrics, intervals, fmt::format("ndcg@{}", cut), ndcg);
    add_metric(metrics, intervals, fmt::format("recall@{}", cut), recall);
  }
  Json out = Json::object();
  out.set("model", args.model).set("params", std::move(params)).set("protocol", args.protocol);
  out.set("people", ranks.size()).set("items", data.train.items());
  out.set("metrics", std::move(metrics)).set("intervals", std::move(intervals));
  return out;
}

}  // namespace

Result<Json> evaluate_recommend(const EvaluateArgs& args) {
  if (args.protocol != "loo") return fail_field("protocol", "'{}' is not loo", args.protocol);
  if (args.at.empty() || std::ranges::find(args.at, 0U) != args.at.end()) {
    return fail_field("at", "expected cuts of at least 1, for instance 10,20,100");
  }
  ZHIYIN_TRY(const Dataset data, load(args));
  ZHIYIN_TRY(const NamedScorer named, make_scorer(args, data));
  ZHIYIN_TRY(const std::vector<std::size_t> ranks, rank_all(args, data, named.scorer));
  return report(args, data, named.params, ranks);
}

}  // namespace zhiyin::recommend
