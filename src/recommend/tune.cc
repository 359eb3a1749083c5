#include "recommend/tune.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <map>
#include <span>

#include "base/crypto.h"
#include "base/random.h"
#include "statistics/interval.h"

namespace zhiyin::recommend {
namespace {

/// Where a parameter is looked for.
struct Range {
  std::string_view name;
  double low = 0;
  double high = 1;
  bool logarithmic = false;
  bool whole = false;
  std::span<const std::string_view> choices = {};  ///< instead of numbers
};

constexpr std::string_view kSwitch[] = {"false", "true"};
constexpr std::string_view kFactors[] = {"32", "64", "128"};

constexpr Range kKnnRanges[] = {{"k", 5, 1000, true, true}, {"shrink", 1, 1000, true, true}};
constexpr Range kWalkRanges[] = {{"k", 5, 1000, true, true},
                                 {"alpha", 0, 2},
                                 {"beta", 0, 2},
                                 {"normalize", 0, 1, false, false, kSwitch}};
constexpr Range kEaseRanges[] = {{"lambda", 20, 2000, true}, {"recency", 0.5, 1}};
constexpr Range kFactorRanges[] = {{"factors", 0, 1, false, false, kFactors},
                                   {"weight", 0.01, 1, true},
                                   {"regularization", 0.001, 0.1, true}};

std::span<const Range> ranges_of(std::string_view model) {
  if (model == "itemknn") return kKnnRanges;
  if (model == "rp3beta") return kWalkRanges;
  if (model == "ease") return kEaseRanges;
  if (model == "ials") return kFactorRanges;
  return {};
}

/// Four digits say enough, and read well in a report.
std::string text_of(const Range& range, double value) {
  if (range.whole) return fmt::format("{}", std::llround(value));
  return fmt::format("{:.4g}", value);
}

std::string draw(const Range& range, Random& random) {
  if (!range.choices.empty()) return std::string(range.choices[random.below(range.choices.size())]);
  const double u = random.uniform();
  if (!range.logarithmic) return text_of(range, range.low + u * (range.high - range.low));
  return text_of(range, range.low * std::pow(range.high / range.low, u));
}

/// Near a value: `reach` of the range away at one standard deviation.
std::string draw_near(const Range& range, const std::string& value, double reach, Random& random) {
  const double step = reach * random.normal();
  if (!range.choices.empty()) {
    constexpr double kChanges = 0.2;
    return random.uniform() < kChanges ? draw(range, random) : value;
  }
  const double from = std::stod(value);
  const double to = range.logarithmic ? from * std::pow(range.high / range.low, step)
                                      : from + step * (range.high - range.low);
  return text_of(range, std::clamp(to, range.low, range.high));
}

/// What a line of the notes belongs to.
std::string signature_of(const EvaluationData& data, const TuneSettings& s) {
  std::string bytes;
  const auto put = [&](std::uint64_t x) { bytes.append(reinterpret_cast<const char*>(&x), 8); };
  for (const auto& history : data.histories) {
    put(history.size());
    for (const std::uint32_t item : history) put(item);
  }
  for (const EvaluationCase& one : data.validation) {
    put(one.user);
    for (const std::uint32_t item : one.wanted) put(item);
  }
  return fmt::format("{:016x}-{}-{}-{}", crypto::xxh64(bytes), s.model, s.metric.name(), s.seed);
}

Json json_of(const ModelParams& params) {
  Json out = Json::object();
  for (const auto& [name, value] : params) out.set(name, value);
  return out;
}

/// Results of earlier calls, by what was tried.
class Notes {
 public:
  Notes(const std::filesystem::path& path, std::string signature)
      : path_(path), signature_(std::move(signature)) {
    if (path_.empty()) return;
    std::ifstream in(path_);
    for (std::string line; std::getline(in, line);) {
      // A line cut short by the end of a process, or of another search, is passed over.
      const auto json = parse_json(line);
      if (!json || (*json)["of"].string_or("") != signature_) continue;
      Trial trial;
      trial.value = (*json)["value"].number_or(0);
      trial.low = (*json)["low"].number_or(0);
      trial.high = (*json)["high"].number_or(0);
      trial.first_half = (*json)["first_half"].number_or(0);
      trial.second_half = (*json)["second_half"].number_or(0);
      known_[(*json)["params"].dump()] = trial;
    }
  }

  [[nodiscard]] const Trial* find(const ModelParams& params) const {
    const auto found = known_.find(json_of(params).dump());
    return found == known_.end() ? nullptr : &found->second;
  }

  Result<void> add(const Trial& t) {
    if (path_.empty()) return {};
    std::ofstream out(path_, std::ios::app);
    Json line = Json::object();
    line.set("of", signature_).set("params", json_of(t.params)).set("value", t.value);
    line.set("low", t.low).set("high", t.high).set("first_half", t.first_half);
    line.set("second_half", t.second_half);
    // A line of its own even after one that was cut short.
    out << '\n' << line.dump() << '\n' << std::flush;
    if (!out) return fail(ErrorCode::kUnavailable, "{}: cannot be written", path_.string());
    return {};
  }

 private:
  const std::filesystem::path path_;
  const std::string signature_;
  std::map<std::string, Trial> known_;
};

class Search {
 public:
  Search(const EvaluationData& data, ModelMaker& maker, const TuneSettings& settings)
      : data_(data),
        maker_(maker),
        s_(settings),
        random_(settings.seed),
        notes_(settings.notes, settings.notes.empty() ? "" : signature_of(data, settings)) {
    for (const Range& range : ranges_of(settings.model)) {
      if (!settings.fixed.contains(std::string(range.name))) free_.push_back(range);
    }
    is_grouped_ = settings.model == "ease" && free_.size() == 2;
  }

  Result<std::vector<Trial>> run() {
    if (free_.empty()) return fail_field("tune", "{} has no parameter left to look for", s_.model);
    while (done_.size() < s_.trials) {
      const auto group = is_grouped_ ? next_group() : std::vector{next_single()};
      ZHIYIN_TRY_VOID(try_all(group));
    }
    return std::move(done_);
  }

 private:
  static constexpr std::size_t kGroup = 5;

  [[nodiscard]] bool is_local() const { return 5 * done_.size() >= 3 * s_.trials; }
  /// Shrinks from a fifth of the range to a fiftieth.
  [[nodiscard]] double reach() const {
    const double done = static_cast<double>(done_.size()) / static_cast<double>(s_.trials);
    return 0.2 * std::pow(0.1, std::max(0.0, (done - 0.6) / 0.4));
  }
  std::string value_of(const Range& range) {
    if (!is_local()) return draw(range, random_);
    return draw_near(range, best_of(done_).params.at(std::string(range.name)), reach(), random_);
  }

  ModelParams next_single() {
    ModelParams out = s_.fixed;
    for (const Range& range : free_) out[std::string(range.name)] = value_of(range);
    return out;
  }

  /// One lambda with several values of recency: spread evenly at first, around the best then.
  std::vector<ModelParams> next_group() {
    const Range& lambda = free_[0];
    const Range& recency = free_[1];
    const std::string shared = value_of(lambda);
    const std::size_t count = std::min(kGroup, s_.trials - done_.size());
    std::vector<ModelParams> out;
    for (std::size_t i = 0; i < count; ++i) {
      ModelParams one = s_.fixed;
      one["lambda"] = shared;
      constexpr double kStep = 0.1;
      one["recency"] = is_local() ? value_of(recency)
                                  : text_of(recency, recency.high - kStep * static_cast<double>(i));
      out.push_back(std::move(one));
    }
    return out;
  }

  Result<void> try_all(const std::vector<ModelParams>& group) {
    std::vector<EvaluatedModel> models;
    std::vector<std::size_t> places;
    const std::size_t first = done_.size();
    for (const ModelParams& params : group) {
      if (const Trial* known = notes_.find(params)) {
        done_.push_back(*known);
        done_.back().params = params;
        continue;
      }
      ZHIYIN_TRY(auto model, maker_.make(s_.model, params, part(first, 0.0, 0.5)));
      models.push_back(std::move(model));
      places.push_back(done_.size());
      done_.push_back({});
      done_.back().params = params;
    }
    if (models.empty()) return {};
    ZHIYIN_TRY(const auto ranks,
               rank_cases(data_, data_.validation, models, s_.threads, part(first, 0.5, 1.0)));
    for (std::size_t m = 0; m < models.size(); ++m) {
      measure(done_[places[m]], ranks[m]);
      ZHIYIN_TRY_VOID(notes_.add(done_[places[m]]));
    }
    return {};
  }

  void measure(Trial& trial, const Ranks& ranks) const {
    const std::vector<double> values = values_of(s_.metric, ranks);
    const auto mean = statistics::mean_interval(values);
    trial.value = mean.mean;
    trial.low = mean.interval.low;
    trial.high = mean.interval.high;
    std::vector<double> halves[2];
    for (std::size_t i = 0; i < values.size(); ++i) halves[i % 2].push_back(values[i]);
    trial.first_half = statistics::mean_interval(halves[0]).mean;
    trial.second_half = statistics::mean_interval(halves[1]).mean;
  }

  [[nodiscard]] std::function<bool(double)> part(std::size_t first, double from, double to) const {
    if (!s_.progress) return {};
    return [this, first, from, to](double share) {
      const double size = is_grouped_ ? static_cast<double>(kGroup) : 1;
      const double done = static_cast<double>(first) + size * (from + share * (to - from));
      return s_.progress(std::min(1.0, done / static_cast<double>(s_.trials)));
    };
  }

  const EvaluationData& data_;
  ModelMaker& maker_;
  const TuneSettings& s_;
  Random random_;
  Notes notes_;
  std::vector<Range> free_;
  bool is_grouped_ = false;
  std::vector<Trial> done_;
};

}  // namespace

const Trial& best_of(const std::vector<Trial>& trials) {
  return *std::ranges::max_element(
      trials, [](const Trial& a, const Trial& b) { return a.value < b.value; });
}

Result<std::vector<Trial>> tune(const EvaluationData& data, ModelMaker& maker,
                                const TuneSettings& settings) {
  if (settings.trials < 1 || settings.trials > kTrialsMax)
    return fail_field("trials", "is {}, expected 1 to {}", settings.trials, kTrialsMax);
  if (data.validation.empty())
    return fail_field("validation", "is missing: a search looks at a validation file only");
  ZHIYIN_TRY_VOID(check_parameters(settings.model, settings.fixed));
  return Search(data, maker, settings).run();
}

}  // namespace zhiyin::recommend
