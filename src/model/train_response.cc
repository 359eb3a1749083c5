#include "model/train_response.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "statistics/classification.h"

namespace zhiyin::model {
namespace {

/// One part of the data as the learner sees it.
struct Part {
  FeatureTable table;
  std::vector<double> inputs;
  [[nodiscard]] Design design(std::size_t columns) const { return {inputs, columns, table.labels}; }
};

Part make_part(const FeatureTable& table, const Standardiser& standardiser,
               std::span<const std::uint32_t> rows) {
  Part out{table.subset(rows), {}};
  out.inputs = standardiser.apply(out.table);
  return out;
}

std::vector<double> log_odds_of(const Logistic& model, const Design& design) {
  std::vector<double> out;
  for (std::size_t r = 0; r < design.rows(); ++r) {
    out.push_back(model.log_odds(design.values.subspan(r * design.columns, design.columns)));
  }
  return out;
}

Result<void> check_labels(const FeatureTable& table) {
  ZHIYIN_TRY_VOID(table.check());
  if (table.rows() == 0) return fail(ErrorCode::kInvalidArgument, "response: there are no rows");
  if (table.columns() == 0) {
    return fail(ErrorCode::kInvalidArgument, "response: there are no features");
  }
  const auto positives = static_cast<std::size_t>(std::ranges::count(table.labels, 1));
  const std::size_t fewer = std::min(positives, table.labels.size() - positives);
  if (fewer < kClassRowsMin) {
    return fail_field("label",
                      "is degenerate: {} of {} rows responded, at least {} of each are needed",
                      positives, table.labels.size(), kClassRowsMin);
  }
  return {};
}

/// The threshold on validation at which both classes are told apart best (mean of their F1).
double choose_threshold(std::span<const double> probabilities, std::span<const int> labels) {
  std::vector<std::uint32_t> order(labels.size());
  std::iota(order.begin(), order.end(), 0);
  std::ranges::sort(order, {}, [&](std::uint32_t i) { return std::pair(probabilities[i], i); });
  const auto positives = static_cast<std::int64_t>(std::ranges::count(labels, 1));
  const auto negatives = static_cast<std::int64_t>(labels.size()) - positives;
  // Everything predicted positive to begin with; rows below the cut turn negative one by one.
  statistics::Confusion c{{{0, negatives}, {0, positives}}};
  double best_score = -1;
  double best_threshold = 0.5;
  for (std::size_t i = 0; i <= order.size(); ++i) {
    const bool may_cut =
        i == 0 || i == order.size() || probabilities[order[i]] != probabilities[order[i - 1]];
    const double score = statistics::macro_f1(c);
    if (may_cut && score > best_score && i > 0 && i < order.size()) {
      best_score = score;
      best_threshold = (probabilities[order[i - 1]] + probabilities[order[i]]) / 2;
    }
    if (i == order.size()) break;
    auto& row = c.counts[static_cast<std::size_t>(labels[order[i]])];
    --row[1];
    ++row[0];
  }
  return best_threshold;
}

/// What nobody can know beforehand often slips into such tables, and then everything looks perfect.
std::vector<std::string> suspicious_features(const FeatureTable& train) {
  constexpr double kTooGood = 0.98;
  std::vector<std::string> out;
  for (std::size_t c = 0; c < train.columns(); ++c) {
    std::vector<double> scores;
    for (std::size_t r = 0; r < train.rows(); ++r) {
      const double v = train.row(r)[c];
      scores.push_back(std::isnan(v) ? -1e300 : v);
    }
    const double area = statistics::auc(scores, train.labels);
    if (area > kTooGood || area < 1 - kTooGood) {
      out.push_back(
          fmt::format("'{}' alone tells the label almost perfectly (AUC {:.3f}): is it "
                      "known before the response?",
                      train.names[c], std::max(area, 1 - area)));
    }
  }
  return out;
}

struct Chosen {
  Logistic model;
  double l2 = 0;
};

Result<Chosen> choose_regularisation(const Part& train, const Part& validation, std::size_t columns,
                                     const ResponseSettings& settings) {
  Chosen best;
  double best_loss = std::numeric_limits<double>::infinity();
  Logistic start;
  std::vector<double> grid = settings.l2;
  // Strongest first: each solution is a good start for the next.
  std::ranges::sort(grid, std::greater());
  for (std::size_t i = 0; i < grid.size(); ++i) {
    ZHIYIN_TRY(const LogisticFit fit, fit_logistic(train.design(columns), {.l2 = grid[i]}, start));
    start = fit.model;
    const Objective there = logistic_objective(validation.design(columns), fit.model, 0);
    if (there.value < best_loss) {
      best_loss = there.value;
      best = {fit.model, grid[i]};
    }
    const double done = static_cast<double>(i + 1) / static_cast<double>(grid.size());
    if (settings.progress && !settings.progress(0.8 * done)) {
      return fail(ErrorCode::kDeadline, "response: training was cancelled");
    }
  }
  return best;
}

std::vector<double> probabilities_of(const ResponseModel& model, const FeatureTable& table) {
  std::vector<double> out;
  for (std::size_t r = 0; r < table.rows(); ++r) out.push_back(model.probability(table.row(r)));
  return out;
}

Result<void> check_settings(const ResponseSettings& settings) {
  const bool positive = std::ranges::all_of(settings.l2, [](double v) { return v > 0; });
  if (settings.l2.empty() || !positive) return fail_field("l2", "expected values above 0");
  const SplitShares& s = settings.shares;
  if (!(s.train > 0) || !(s.validation > 0) || !(s.train + s.validation < 1)) {
    return fail_field("shares", "train and validation must leave a test part");
  }
  if (settings.bootstrap_rounds < 1) return fail_field("bootstrap_rounds", "expected at least 1");
  return {};
}

}  // namespace

Result<TrainedResponse> train_response(const FeatureTable& table,
                                       const ResponseSettings& settings) {
  ZHIYIN_TRY_VOID(check_settings(settings));
  ZHIYIN_TRY_VOID(check_labels(table));
  const Split split = split_rows(table, settings.seed, settings.shares);
  const FeatureTable raw_train = table.subset(split.train);
  const Standardiser standardiser = Standardiser::fit(raw_train);
  const std::size_t columns = standardiser.outputs();
  const Part train = make_part(table, standardiser, split.train);
  const Part validation = make_part(table, standardiser, split.validation);
  ZHIYIN_TRY(Chosen chosen, choose_regularisation(train, validation, columns, settings));

  const std::vector<double> scores = log_odds_of(chosen.model, validation.design(columns));
  const Calibration calibration = fit_calibration(scores, validation.table.labels);
  std::vector<double> calibrated;
  for (const double z : scores) calibrated.push_back(calibration.probability(z));
  const double threshold = choose_threshold(calibrated, validation.table.labels);
  ZHIYIN_TRY(ResponseModel model,
             ResponseModel::create({standardiser, chosen.model, calibration, threshold}));

  const FeatureTable test = table.subset(split.test);
  TrainedResponse out{.model = std::move(model)};
  out.test = measure_response(probabilities_of(out.model, test), test.labels,
                              {threshold, settings.bootstrap_rounds, settings.seed});
  out.l2 = chosen.l2;
  out.train_rows = split.train.size();
  out.validation_rows = split.validation.size();
  out.test_rows = split.test.size();
  out.positive_share =
      static_cast<double>(std::ranges::count(table.labels, 1)) / static_cast<double>(table.rows());
  out.warnings = suspicious_features(raw_train);
  if (settings.progress) settings.progress(1);
  return out;
}

Json TrainedResponse::metrics_json() const {
  Json out = response_metrics_json(test, {"no", "yes"});
  out.set("rows", Json::object()
                      .set("train", train_rows)
                      .set("validation", validation_rows)
                      .set("test", test_rows));
  out.set("positive_share", positive_share);
  return out;
}

Json TrainedResponse::settings_json() const {
  Json out = Json::object();
  out.set("l2", l2).set("threshold", model.parts().threshold);
  out.set("calibration", Json::object()
                             .set("slope", model.parts().calibration.slope)
                             .set("shift", model.parts().calibration.shift));
  out.set("features", static_cast<std::int64_t>(model.parts().standardiser.columns().size()));
  return out;
}

}  // namespace zhiyin::model
