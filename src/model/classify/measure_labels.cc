#include "model/classify/measure_labels.h"

#include <algorithm>

#include "base/check.h"
#include "statistics/interval.h"

namespace zhiyin::model {
namespace {

struct Counts {
  std::int64_t both = 0, predicted = 0, actual = 0;

  [[nodiscard]] double f1() const { return quotient(2 * both, predicted + actual); }
  static double quotient(std::int64_t part, std::int64_t whole) {
    return whole == 0 ? 0 : static_cast<double>(part) / static_cast<double>(whole);
  }
};

struct Totals {
  explicit Totals(std::size_t classes) : by_class(classes) {}
  void add(const std::vector<std::uint32_t>& predicted, const std::vector<std::uint32_t>& actual) {
    for (const std::uint32_t c : predicted) {
      ++by_class[c].predicted;
      by_class[c].both += std::ranges::binary_search(actual, c) ? 1 : 0;
    }
    for (const std::uint32_t c : actual) ++by_class[c].actual;
  }
  [[nodiscard]] Counts micro() const {
    Counts out;
    for (const Counts& c : by_class) {
      out.both += c.both;
      out.predicted += c.predicted;
      out.actual += c.actual;
    }
    return out;
  }
  [[nodiscard]] double macro_f1() const {
    double sum = 0;
    int present = 0;
    for (const Counts& c : by_class) {
      if (c.predicted + c.actual == 0) continue;
      sum += c.f1();
      ++present;
    }
    return present == 0 ? 0 : sum / present;
  }

  std::vector<Counts> by_class;
};

Json interval_json(const statistics::Interval& i) { return Json::Array{i.low, i.high}; }

}  // namespace

Json measure_labels(const LabelSets& predicted, const LabelSets& actual,
                    std::span<const std::string> classes, std::uint64_t seed) {
  ZHIYIN_CHECK(!actual.empty() && predicted.size() == actual.size());
  Totals totals(classes.size());
  double exact = 0;
  for (std::size_t r = 0; r < actual.size(); ++r) {
    totals.add(predicted[r], actual[r]);
    exact += predicted[r] == actual[r] ? 1 : 0;
  }
  const auto n = static_cast<double>(actual.size());
  const Counts micro = totals.micro();
  const auto wrong = static_cast<double>(micro.predicted + micro.actual - 2 * micro.both);
  const auto drawn = [&](std::span<const std::uint32_t> rows) {
    Totals out(classes.size());
    for (const std::uint32_t r : rows) out.add(predicted[r], actual[r]);
    return out;
  };
  // A round costs one pass; large parts have narrow intervals anyway.
  constexpr double kRowsMax = 1e7;
  const statistics::BootstrapSettings bootstrap{
      .rounds = static_cast<int>(std::clamp(kRowsMax / n, 50.0, 500.0)), .seed = seed};
  const auto micro_f1 = statistics::bootstrap_interval(
      actual.size(), [&](auto rows) { return drawn(rows).micro().f1(); }, bootstrap);
  const auto macro_f1 = statistics::bootstrap_interval(
      actual.size(), [&](auto rows) { return drawn(rows).macro_f1(); }, bootstrap);
  Json per_class = Json::array();
  for (std::size_t c = 0; c < classes.size(); ++c) {
    const Counts& of = totals.by_class[c];
    per_class.push(Json()
                       .set("class", classes[c])
                       .set("precision", Counts::quotient(of.both, of.predicted))
                       .set("recall", Counts::quotient(of.both, of.actual))
                       .set("f1", of.f1())
                       .set("support", of.actual));
  }
  Json out = Json::object();
  out.set("metrics", Json()
                         .set("micro_f1", micro.f1())
                         .set("macro_f1", totals.macro_f1())
                         .set("micro_precision", Counts::quotient(micro.both, micro.predicted))
                         .set("micro_recall", Counts::quotient(micro.both, micro.actual))
                         .set("subset_accuracy", exact / n)
                         .set("hamming_loss", wrong / (n * static_cast<double>(classes.size()))));
  out.set("intervals",
          Json()
              .set("micro_f1", interval_json(micro_f1))
              .set("macro_f1", interval_json(macro_f1))
              .set("subset_accuracy", interval_json(statistics::wilson_interval(exact, n))));
  out.set("classes", Json(Json::Array(classes.begin(), classes.end())));
  return out.set("per_class", std::move(per_class));
}

}  // namespace zhiyin::model
