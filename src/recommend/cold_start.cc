#include "recommend/cold_start.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <map>

#include "base/random.h"
#include "model/text_file.h"
#include "recommend/ranking_quality.h"
#include "recommend/recommend_model.h"
#include "recommend/text_vectors.h"

namespace zhiyin::recommend {
namespace {

constexpr std::size_t kCut = 10;
/// As serving weighs what somebody did: by its place.
constexpr double kRecency = 0.9;
constexpr std::size_t kHistoryMax = 30;

ItemRef ref_of(std::uint32_t item) { return {"video", std::to_string(item)}; }

Result<std::vector<std::vector<std::string>>> read_table(const std::filesystem::path& path) {
  ZHIYIN_TRY(const std::string text, model::read_text_file(path));
  auto csv = model::parse_csv(text);
  if (!csv) {
    csv.error().message = path.string() + ": " + csv.error().message;
    return std::unexpected(std::move(csv.error()));
  }
  return std::move(csv->rows);
}

/// Whoever rated something unseen.
struct Case {
  std::vector<std::uint32_t> history;  ///< newest first
  std::vector<std::uint32_t> wanted;
  std::int64_t at = 0;  ///< of the first wanted
};

std::vector<Case> cases_of(const ColdStartLog& log, std::span<const bool> seen,
                           std::int64_t split) {
  std::vector<Case> all(log.users);
  for (const auto& rating : log.ratings) {
    Case& one = all[rating.user];
    if (!seen[rating.item]) {
      if (one.wanted.empty()) one.at = rating.seconds;
      one.wanted.push_back(rating.item);
    } else if (one.wanted.empty()) {
      one.history.insert(one.history.begin(), rating.item);
    }
  }
  std::erase_if(all, [&](const Case& one) {
    return one.wanted.empty() || one.history.empty() || one.at < split;
  });
  return all;
}

/// Of a ranking of the unseen items by falling score, ties by number.
double ndcg(std::span<const std::uint32_t> unseen, const std::vector<double>& scores,
            const Case& one) {
  std::vector<std::size_t> order(unseen.size());
  for (std::size_t i = 0; i < order.size(); ++i) order[i] = i;
  std::ranges::sort(order, [&](std::size_t a, std::size_t b) {
    return scores[a] != scores[b] ? scores[a] > scores[b] : unseen[a] < unseen[b];
  });
  std::vector<std::size_t> ranks;
  for (std::size_t place = 0; place < order.size(); ++place) {
    if (std::ranges::find(one.wanted, unseen[order[place]]) != one.wanted.end())
      ranks.push_back(place + 1);
  }
  return Metric{Metric::Kind::kNdcg, kCut}.of(ranks);
}

std::vector<double> text_scores(const TextVectors& texts, std::span<const std::uint32_t> unseen,
                                const Case& one) {
  std::vector<TextVectors::Part> parts;
  double weight = 1;
  for (const std::uint32_t item :
       std::span(one.history).first(std::min(kHistoryMax, one.history.size()))) {
    parts.push_back({texts.find(ref_of(item)), static_cast<float>(weight)});
    weight *= kRecency;
  }
  std::vector<double> out;
  for (const std::uint32_t item : unseen) {
    double sum = 0;
    for (const auto& part : parts)
      sum += part.weight * texts.cosine(part.row, texts.find(ref_of(item)));
    out.push_back(sum);
  }
  return out;
}

}  // namespace

Result<ColdStartLog> read_cold_start(const std::filesystem::path& folder) {
  ZHIYIN_TRY(const auto items, read_table(folder / "ml-100k.item"));
  ZHIYIN_TRY(const auto ratings, read_table(folder / "ml-100k.inter.gz"));
  ColdStartLog out;
  std::map<std::string, std::uint32_t> numbers;
  for (const auto& row : items) {
    if (row.size() < 4)
      return fail(ErrorCode::kInvalidArgument, "ml-100k.item: expected four columns");
    numbers.emplace(row[0], static_cast<std::uint32_t>(out.texts.size()));
    out.texts.push_back(fmt::format("{} ({})\n{}", row[1], row[2], row[3]));
  }
  std::map<std::string, std::uint32_t> users;
  for (std::size_t line = 0; line < ratings.size(); ++line) {
    const auto& row = ratings[line];
    const auto item = row.size() < 4 ? numbers.end() : numbers.find(row[1]);
    std::int64_t seconds = 0;
    if (item == numbers.end() ||
        std::from_chars(row[3].data(), row[3].data() + row[3].size(), seconds).ec != std::errc())
      return fail(ErrorCode::kInvalidArgument,
                  "ml-100k.inter.gz: line {}: expected user, item, rating, time", line + 2);
    const auto user = users.try_emplace(row[0], static_cast<std::uint32_t>(users.size())).first;
    out.ratings.push_back({user->second, item->second, seconds});
  }
  out.users = users.size();
  std::ranges::sort(out.ratings, [](const auto& a, const auto& b) {
    return std::tie(a.seconds, a.user, a.item) < std::tie(b.seconds, b.user, b.item);
  });
  return out;
}

Result<ColdStartResult> measure_cold_start(
    const ColdStartLog& log, double share,
    const std::function<Result<std::vector<float>>(std::span<const std::string_view>)>& encode) {
  if (!(share > 0 && share < 1)) return fail_field("share", "is {}, expected 0 to 1", share);
  const auto first_later =
      static_cast<std::size_t>(share * static_cast<double>(log.ratings.size()));
  if (first_later >= log.ratings.size())
    return fail(ErrorCode::kInvalidArgument, "cold start: no ratings");
  const std::int64_t split = log.ratings[first_later].seconds;
  const auto seen = std::make_unique<bool[]>(log.texts.size());
  const std::span<bool> is_seen(seen.get(), log.texts.size());
  std::vector<bool> later(log.texts.size(), false);
  for (const auto& rating : log.ratings) {
    if (rating.seconds < split)
      is_seen[rating.item] = true;
    else
      later[rating.item] = true;
  }
  std::vector<std::uint32_t> unseen;
  for (std::uint32_t i = 0; i < later.size(); ++i) {
    if (later[i] && !is_seen[i]) unseen.push_back(i);
  }

  const std::vector<std::string_view> views(log.texts.begin(), log.texts.end());
  ZHIYIN_TRY(const std::vector<float> vectors, encode(views));
  const std::size_t width = views.empty() ? 0 : vectors.size() / views.size();
  std::vector<TextVectors::Given> given;
  for (std::uint32_t i = 0; i < views.size(); ++i)
    given.push_back({ref_of(i), direction_of(std::span(vectors).subspan(i * width, width))});
  ZHIYIN_TRY(const auto texts, TextVectors::create(width, given));

  ColdStartResult out;
  out.unseen = unseen.size();
  Random random(1);
  std::vector<double> gains;
  std::vector<double> gains_since;
  for (const Case& one : cases_of(log, is_seen, split)) {
    std::vector<double> since(unseen.size(), 0);
    for (const auto& rating : log.ratings) {
      if (rating.seconds >= one.at) break;
      const auto at = std::ranges::lower_bound(unseen, rating.item);
      if (at != unseen.end() && *at == rating.item)
        since[static_cast<std::size_t>(at - unseen.begin())] += 1;
    }
    const double text = ndcg(unseen, text_scores(*texts, unseen, one), one);
    // All alike: a random order, several times.
    double popular = 0;
    constexpr int kOrders = 20;
    for (int i = 0; i < kOrders; ++i) {
      std::vector<double> order(unseen.size());
      for (double& v : order) v = random.uniform();
      popular += ndcg(unseen, order, one) / kOrders;
    }
    const double popular_since = ndcg(unseen, since, one);
    ++out.people;
    out.text += text;
    out.popularity += popular;
    out.popularity_since += popular_since;
    gains.push_back(text - popular);
    gains_since.push_back(text - popular_since);
  }
  for (double* mean : {&out.text, &out.popularity, &out.popularity_since})
    *mean /= std::max<double>(1, static_cast<double>(out.people));
  out.gain = statistics::mean_interval(gains);
  out.gain_since = statistics::mean_interval(gains_since);
  return out;
}

}  // namespace zhiyin::recommend
