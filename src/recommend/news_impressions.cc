#include "recommend/news_impressions.h"

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <optional>
#include <unordered_map>

#include "model/text_file.h"
#include "recommend/click_affinity.h"
#include "recommend/ials.h"
#include "statistics/classification.h"

namespace zhiyin::recommend {
namespace {

constexpr double kWeights[] = {0, 1, 2, 4, 8, 12, 16};

std::optional<std::int64_t> seconds_of(const std::string& text) {
  int month = 0;
  int day = 0;
  int year = 0;
  int hour = 0;
  int minute = 0;
  int second = 0;
  char half = 0;
  constexpr int kFields = 7;
  if (std::sscanf(text.c_str(), "%d/%d/%d %d:%d:%d %cM", &month, &day, &year, &hour, &minute,
                  &second, &half) != kFields)
    return std::nullopt;
  using namespace std::chrono;
  const year_month_day date{std::chrono::year(year),
                            std::chrono::month(static_cast<unsigned>(month)),
                            std::chrono::day(static_cast<unsigned>(day))};
  if (!date.ok() || hour < 1 || hour > 12) return std::nullopt;
  const int hours = hour % 12 + (half == 'P' ? 12 : 0);
  return sys_days(date).time_since_epoch().count() * std::int64_t{86400} + hours * 3600 +
         minute * 60 + second;
}

std::vector<std::string_view> words_of(std::string_view text) {
  std::vector<std::string_view> out;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find(' '), text.size());
    if (end > 0) out.push_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return out;
}

class Reader {
 public:
  Result<NewsImpression> read(const std::vector<std::string>& row, std::size_t line) {
    NewsImpression out;
    const auto wrong = [&](std::string_view what) {
      return fail(ErrorCode::kInvalidArgument, "news impressions: line {}: {}", line, what);
    };
    constexpr std::size_t kColumns = 5;
    if (row.size() != kColumns) return wrong("expected five columns");
    const auto [end, error] = std::from_chars(row[0].data(), row[0].data() + row[0].size(), out.id);
    if (error != std::errc() || end != row[0].data() + row[0].size())
      return wrong("the id is not a number");
    const auto seconds = seconds_of(row[2]);
    if (!seconds) return wrong("the time is not as 11/12/2019 2:14:46 PM");
    out.seconds = *seconds;
    for (const std::string_view word : words_of(row[3])) out.history.push_back(number(word));
    for (const std::string_view word : words_of(row[4])) {
      if (word.size() < 3 || word[word.size() - 2] != '-')
        return wrong("an item is not as N1-0 or N1-1");
      out.shown.push_back(number(word.substr(0, word.size() - 2)));
      out.clicked.push_back(word.ends_with('1'));
    }
    return out;
  }
  [[nodiscard]] std::size_t items() const { return numbers_.size(); }

 private:
  std::uint32_t number(std::string_view name) {
    return numbers_.try_emplace(std::string(name), static_cast<std::uint32_t>(numbers_.size()))
        .first->second;
  }
  std::unordered_map<std::string, std::uint32_t> numbers_;
};

double auc_of(const std::vector<double>& scores, const std::vector<bool>& clicked) {
  const std::vector<int> labels(clicked.begin(), clicked.end());
  return statistics::auc(scores, labels);
}

/// The histories as a matrix, each item once.
Interactions histories_of(std::span<const NewsImpression> impressions, std::size_t items) {
  std::vector<Interaction> entries;
  for (std::uint32_t u = 0; u < impressions.size(); ++u) {
    for (const std::uint32_t item : impressions[u].history) entries.push_back({u, item, 1});
  }
  return Interactions::build(std::move(entries), impressions.size(), items);
}

}  // namespace

Result<NewsLog> read_news_log(const std::filesystem::path& path) {
  ZHIYIN_TRY(const std::string text, model::read_text_file(path));
  NewsLog out;
  Reader reader;
  std::string_view rest = text;
  for (std::size_t line = 1; !rest.empty(); ++line) {
    const std::size_t end = std::min(rest.find('\n'), rest.size());
    std::string_view row = rest.substr(0, end);
    rest.remove_prefix(std::min(end + 1, rest.size()));
    if (row.ends_with('\r')) row.remove_suffix(1);
    std::vector<std::string> cells(1);
    for (const char c : row) {
      if (c == '\t') {
        cells.emplace_back();
      } else {
        cells.back() += c;
      }
    }
    ZHIYIN_TRY(auto one, reader.read(cells, line));
    out.impressions.push_back(std::move(one));
  }
  out.items = reader.items();
  std::ranges::sort(out.impressions, [](const NewsImpression& a, const NewsImpression& b) {
    return std::pair(a.seconds, a.id) < std::pair(b.seconds, b.id);
  });
  return out;
}

Result<NewsResult> measure_news(const NewsLog& log, std::size_t newest, std::uint64_t seed) {
  const std::size_t total = log.impressions.size();
  if (total <= newest)
    return fail(ErrorCode::kInvalidArgument, "news impressions: {} are too few for the newest {}",
                total, newest);
  const std::size_t older = total - newest;
  const IalsParams params{.factors = 32, .weight = 0.02, .regularization = 0.02, .seed = seed};
  ZHIYIN_TRY(const Ials tastes,
             Ials::train(histories_of(std::span(log.impressions).first(older), log.items), params));
  ClickAffinity affinity(tastes.width());
  IalsScratch scratch;
  std::vector<float> taste(tastes.width());
  constexpr std::size_t kWeightCount = std::size(kWeights);
  std::vector<double> values[kWeightCount];
  std::vector<std::uint32_t> history;
  for (std::size_t i = 0; i < total; ++i) {
    const NewsImpression& one = log.impressions[i];
    history = one.history;
    std::ranges::sort(history);
    const auto again = std::ranges::unique(history);
    history.erase(again.begin(), again.end());
    tastes.fold_in(history, taste, scratch);
    for (std::size_t w = 0; w < kWeightCount; ++w) {
      std::vector<double> scores;
      for (const std::uint32_t item : one.shown)
        scores.push_back(std::log(affinity.rate(item)) +
                         kWeights[w] * affinity.affinity(item, taste));
      values[w].push_back(auc_of(scores, one.clicked));
    }
    affinity.learn(one.shown, one.clicked, taste);
  }
  const auto mean = [](std::span<const double> part) {
    std::vector<double> finite;
    for (const double v : part) {
      if (std::isfinite(v)) finite.push_back(v);
    }
    return statistics::mean_interval(finite);
  };
  // The weight that was best on the older impressions, the first fifth left to warm up.
  std::size_t best = 0;
  double best_value = 0;
  for (std::size_t w = 0; w < kWeightCount; ++w) {
    const double value = mean(std::span(values[w]).subspan(older / 5, older - older / 5)).mean;
    if (value > best_value) {
      best_value = value;
      best = w;
    }
  }
  NewsResult out;
  out.weight = kWeights[best];
  out.baseline = mean(std::span(values[0]).last(newest)).mean;
  out.ranked = mean(std::span(values[best]).last(newest)).mean;
  std::vector<double> gains;
  for (std::size_t i = older; i < total; ++i) gains.push_back(values[best][i] - values[0][i]);
  out.gain = mean(gains);
  return out;
}

}  // namespace zhiyin::recommend
