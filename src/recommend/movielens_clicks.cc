#include "recommend/movielens_clicks.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>
#include <string>
#include <string_view>

#include "base/random.h"
#include "model/text_file.h"
#include "statistics/classification.h"

namespace zhiyin::recommend {
namespace {

using Fields = std::vector<std::string>;

Result<std::vector<Fields>> read_table(const std::filesystem::path& path) {
  ZHIYIN_TRY(const std::string text, model::read_text_file(path));
  auto csv = model::parse_csv(text);
  if (!csv) {
    csv.error().message = path.string() + ": " + csv.error().message;
    return std::unexpected(std::move(csv.error()));
  }
  return std::move(csv->rows);
}

/// Features of everybody of a table, by the id in its first column.
using FeaturesById = std::map<std::string, std::vector<RankerFeature>, std::less<>>;

void add(std::vector<RankerFeature>& out, std::string_view field, std::string_view value,
         unsigned bits, double weight = 1) {
  out.push_back({feature_slot(field, value, bits), static_cast<float>(weight)});
}

Result<FeaturesById> user_features(const std::filesystem::path& path, unsigned bits) {
  ZHIYIN_TRY(const auto rows, read_table(path));
  FeaturesById out;
  for (const Fields& row : rows) {
    if (row.size() < 5)
      return fail(ErrorCode::kInvalidArgument, "{}: expected five columns", path.string());
    auto& features = out[row[0]];
    add(features, "user", row[0], bits);
    // Decades are enough, and seen often enough.
    add(features, "age", row[1].substr(0, 1), bits);
    add(features, "gender", row[2], bits);
    add(features, "occupation", row[3], bits);
    add(features, "place", row[4].substr(0, 1), bits);
  }
  return out;
}

Result<FeaturesById> item_features(const std::filesystem::path& path, unsigned bits) {
  ZHIYIN_TRY(const auto rows, read_table(path));
  FeaturesById out;
  for (const Fields& row : rows) {
    if (row.size() < 4)
      return fail(ErrorCode::kInvalidArgument, "{}: expected four columns", path.string());
    auto& features = out[row[0]];
    add(features, "item", row[0], bits);
    add(features, "year", row[2].substr(0, 4), bits);
    std::vector<std::string> genres;
    for (std::string_view rest = row[3]; !rest.empty();) {
      const std::size_t end = std::min(rest.find(' '), rest.size());
      genres.emplace_back(rest.substr(0, end));
      rest.remove_prefix(std::min(end + 1, rest.size()));
    }
    for (const std::string& genre : genres)
      add(features, "genre", genre, bits, 1 / std::sqrt(static_cast<double>(genres.size())));
  }
  return out;
}

}  // namespace

Result<std::vector<ClickRow>> read_movielens_clicks(const std::filesystem::path& folder,
                                                    unsigned bits) {
  ZHIYIN_TRY(const FeaturesById users, user_features(folder / "ml-100k.user", bits));
  ZHIYIN_TRY(const FeaturesById items, item_features(folder / "ml-100k.item", bits));
  ZHIYIN_TRY(const auto ratings, read_table(folder / "ml-100k.inter.gz"));
  std::vector<ClickRow> out;
  out.reserve(ratings.size());
  for (const Fields& row : ratings) {
    const auto user = users.find(row[0]);
    const auto item = items.find(row[1]);
    if (user == users.end() || item == items.end())
      return fail(ErrorCode::kInvalidArgument, "ml-100k.inter.gz: line {}: unknown user or item",
                  out.size() + 2);
    ClickRow one;
    one.features = user->second;
    one.features.insert(one.features.end(), item->second.begin(), item->second.end());
    one.clicked = row[2] >= "4";
    out.push_back(std::move(one));
  }
  return out;
}

Result<ClickResult> measure_clicks(const std::vector<ClickRow>& rows, const ClickSettings& settings,
                                   std::uint64_t seed) {
  std::vector<std::uint32_t> order(rows.size());
  std::iota(order.begin(), order.end(), 0);
  Random random(seed + 1);
  const auto shuffle = [&](std::span<std::uint32_t> part) {
    for (std::size_t i = part.size(); i > 1; --i) std::swap(part[i - 1], part[random.below(i)]);
  };
  shuffle(order);
  const std::size_t tenth = rows.size() / 10;
  const auto train = std::span(order).first(rows.size() - 2 * tenth);
  const auto validation = std::span(order).subspan(train.size(), tenth);
  const auto test = std::span(order).last(tenth);
  RankerParams params = settings.ranker;
  params.seed = seed + 1;
  ZHIYIN_TRY(OnlineRanker ranker, OnlineRanker::create(params));
  const auto predict = [&](std::span<const std::uint32_t> part, std::vector<double>& p,
                           std::vector<int>& y) {
    p.clear();
    y.clear();
    for (const std::uint32_t r : part) {
      p.push_back(ranker.probability(rows[r].features));
      y.push_back(rows[r].clicked ? 1 : 0);
    }
  };
  ClickResult out;
  std::vector<double> p;
  std::vector<int> y;
  std::vector<double> kept;
  for (int pass = 1; pass <= settings.passes_max && pass - out.passes <= settings.patience;
       ++pass) {
    shuffle(train);
    for (const std::uint32_t r : train) (void)ranker.learn(rows[r].features, rows[r].clicked);
    predict(validation, p, y);
    const double auc = statistics::auc(p, y);
    if (auc <= out.validation) continue;
    out.validation = auc;
    out.passes = pass;
    predict(test, kept, y);
  }
  predict(test, p, y);
  out.auc = statistics::auc(kept, y);
  out.log_loss = statistics::log_loss(kept, y);
  return out;
}

}  // namespace zhiyin::recommend
