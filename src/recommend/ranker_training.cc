#include "recommend/ranker_training.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>
#include <tuple>
#include <unordered_map>

namespace zhiyin::recommend {
namespace {

constexpr std::uint32_t kNowhere = UINT32_MAX;

std::uint8_t bit_of(Response r) {
  return static_cast<std::uint8_t>(1U << static_cast<unsigned>(r));
}

/// Where an item was shown: list and place.
struct Place {
  std::uint32_t list = kNowhere;
  std::uint32_t item = 0;
};

/// One person's lists and responses, in the order of time.
class PersonJoin {
 public:
  PersonJoin(std::span<const ShownList> lists, std::vector<Responses>& out, Duration window)
      : lists_(lists), out_(out), window_(window) {}

  void show(std::uint32_t list) {
    const auto& items = lists_[list].impression.items;
    for (std::uint32_t i = 0; i < items.size(); ++i) newest_[items[i].item] = {list, i};
  }

  void respond(const FeedbackRow& row) {
    if (is_of_account(row.response)) {
      note(last_, row);
      return;
    }
    const auto found = newest_.find(row.item);
    if (found == newest_.end()) return;
    if (note(found->second, row) && row.response != Response::kHide) last_ = found->second;
  }

 private:
  bool note(const Place& place, const FeedbackRow& row) {
    if (place.list == kNowhere || row.at - lists_[place.list].impression.at > window_) return false;
    out_[place.list][place.item] |= bit_of(row.response);
    return true;
  }

  std::span<const ShownList> lists_;
  std::vector<Responses>& out_;
  const Duration window_;
  std::unordered_map<ItemRef, Place, ItemRefHash> newest_;
  Place last_;
};

/// Numbers 0 … n-1 in the order of a key.
template <class Key>
std::vector<std::uint32_t> order_by(std::size_t n, const Key& key) {
  std::vector<std::uint32_t> out(n);
  std::iota(out.begin(), out.end(), 0);
  std::ranges::stable_sort(out, {}, key);
  return out;
}

double auc_of(std::span<const double> scores, const std::vector<bool>& good) {
  double pairs = 0;
  double won = 0;
  for (std::size_t i = 0; i < scores.size(); ++i) {
    if (!good[i]) continue;
    for (std::size_t j = 0; j < scores.size(); ++j) {
      if (good[j]) continue;
      pairs += 1;
      won += scores[i] > scores[j] ? 1 : scores[i] == scores[j] ? 0.5 : 0;
    }
  }
  return won / pairs;
}

double log_loss(double p, bool positive) {
  constexpr double kLeast = 1e-9;
  return -std::log(std::max(kLeast, positive ? p : 1 - p));
}

/// The inputs of an item of a list: with the place where it was shown, or as if it stood first.
void add_features(std::vector<RankerFeature>& out, const Impression& impression, std::size_t i,
                  bool where_shown, const FactsOf& facts_of, const ResponseRanker& ranker) {
  const unsigned bits = ranker.params().bits;
  const ShownItem& shown = impression.items[i];
  add_request_features(out, impression.context, impression.at, where_shown ? i : 0, bits);
  const ItemFacts facts = facts_of(shown.item).value_or(ItemFacts{shown.item, {}, {}, {}});
  add_item_features(out, facts, bits);
  const float text = ranker.sees_texts() ? shown.text : 0;
  add_shown_features(out, {shown.source, shown.score, shown.similarity, shown.popularity, text},
                     facts.published_at, impression.at, bits);
}

void sort_by_time(std::vector<ShownList>& lists) {
  std::ranges::sort(lists, {},
                    [](const ShownList& l) { return std::tie(l.impression.at, l.impression.id); });
}

/// The lists in order, with what is needed of them again and again.
class Replay {
 public:
  Replay(std::vector<ShownList> lists, std::span<const FeedbackRow> feedback,
         const FactsOf& facts_of, const RankerTrainParams& params, ResponseRanker ranker)
      : lists_(std::move(lists)),
        facts_of_(facts_of),
        params_(params),
        ranker_(std::move(ranker)),
        tastes_(params.tastes.model, params.tastes.width) {
    // Earlier lists keep a response from being taken for a later one's, so the join sees all.
    sort_by_time(lists_);
    std::erase_if(lists_, [&](const ShownList& l) { return l.impression.at > params.as_of; });
    responses_ = join_responses(lists_, feedback, params.window);
    while (finished_ < lists_.size() &&
           lists_[finished_].impression.at + params.window <= params.as_of)
      ++finished_;
  }

  Result<TrainedRanker> run() {
    report_.lists = finished_;
    report_.open = lists_.size() - finished_;
    if (finished_ < params_.lists_min) {
      return fail(ErrorCode::kUnsupported,
                  "ranker: {} lists whose time for responses is over ({} more wait), at least {} "
                  "are needed",
                  finished_, report_.open, params_.lists_min);
    }
    const auto part = [&](double share) {
      return static_cast<std::size_t>(share * static_cast<double>(finished_));
    };
    const std::size_t calibrate = part(params_.learn_share);
    const std::size_t measure = part(params_.learn_share + params_.calibrate_share);
    begin_heads(calibrate);
    if (ranker_.heads() == 0) {
      return fail(ErrorCode::kUnsupported,
                  "ranker: no response followed the {} lists to learn from at least {} times",
                  calibrate, params_.positives_min);
    }
    ZHIYIN_TRY_VOID(learn(0, calibrate));
    this->calibrate(calibrate, measure);
    ClickTastes before = tastes_;
    ZHIYIN_TRY_VOID(learn_trees(calibrate, measure));
    this->measure(measure, finished_);
    examples_ = {};
    tastes_ = std::move(before);
    ZHIYIN_TRY_VOID(learn(calibrate, finished_, report_.stage.kept));
    ZHIYIN_TRY_VOID(keep_trees());
    return TrainedRanker{std::move(ranker_), std::move(report_)};
  }

 private:
  void begin_heads(std::size_t end) {
    std::array<std::size_t, kResponses> positives{};
    for (std::size_t l = 0; l < end; ++l) {
      for (const std::uint8_t bits : responses_[l]) {
        for (std::size_t r = 0; r < kResponses; ++r) positives[r] += bits >> r & 1;
      }
    }
    for (std::size_t r = 0; r < kResponses; ++r) {
      if (positives[r] >= params_.positives_min) ranker_.begin(static_cast<Response>(r));
    }
  }

  /// Of item i of list l. With the place where it was shown, or as if it stood first.
  const std::vector<RankerFeature>& features(std::size_t l, std::size_t i, bool where_shown) {
    features_.clear();
    add_features(features_, lists_[l].impression, i, where_shown, facts_of_, ranker_);
    return features_;
  }

  /// What the trees look at: with the place where it was shown, or as if it stood first.
  StageInputs inputs(std::size_t l, std::size_t i, bool where_shown) {
    const Impression& impression = lists_[l].impression;
    const ShownItem& shown = impression.items[i];
    auto chances = ranker_.probabilities(features(l, i, where_shown));
    for (std::size_t r = 0; r < kResponses; ++r) {
      if (params_.objectives.weights[r] == 0) chances[r] = 0;
    }
    const ItemFacts facts = facts_of_(shown.item).value_or(ItemFacts{shown.item, {}, {}, {}});
    return stage_inputs({value_of(chances, params_.objectives),
                         chances,
                         &facts,
                         {shown.source, shown.score, shown.similarity, shown.popularity},
                         &impression.context,
                         impression.at,
                         where_shown ? i : 0,
                         tastes_.rate(shown.item),
                         taste_.empty() ? 0 : tastes_.affinity(shown.item, taste_)});
  }

  [[nodiscard]] double worth(std::uint8_t responses) const {
    double out = 0;
    for (std::size_t r = 0; r < kResponses; ++r)
      out += (responses >> r & 1) != 0 ? params_.objectives.weights[r] : 0;
    return out;
  }

  /// What the ranker leaves unexplained of the lists, which it has not learnt from yet.
  void add_tree_examples(std::size_t begin, std::size_t end) {
    examples_.width = kStageInputs;
    for (std::size_t l = begin; l < end; ++l) {
      look_at_taste(l);
      for (std::size_t i = 0; i < responses_[l].size(); ++i) {
        const StageInputs row = inputs(l, i, true);
        const float left = static_cast<float>(worth(responses_[l][i])) - row[0];
        // Weights beyond all bounds say nothing.
        if (std::isfinite(left)) examples_.add(row, left);
      }
    }
  }

  void look_at_taste(std::size_t l) {
    taste_.clear();
    if (!params_.tastes.of) return;
    const std::span<const float> taste = params_.tastes.of(lists_[l]);
    if (taste.size() == tastes_.width()) taste_.assign(taste.begin(), taste.end());
  }

  /// What was worth something of the list, and whose it was.
  void learn_tastes(std::size_t l) {
    look_at_taste(l);
    std::vector<ItemRef> items;
    for (const ShownItem& shown : lists_[l].impression.items) items.push_back(shown.item);
    if (taste_.empty()) taste_.assign(tastes_.width(), 0);
    tastes_.learn(items, goodness(l), taste_);
  }

  Result<void> learn_trees(std::size_t begin, std::size_t end) {
    for (std::size_t l = begin; l < end; ++l) {
      add_tree_examples(l, l + 1);
      learn_tastes(l);
    }
    if (examples_.size() < params_.tree_examples_min) return {};
    ZHIYIN_TRY(trees_, BoostedTrees::train(examples_, params_.trees, params_.progress));
    report_.stage.examples = examples_.size();
    report_.stage.trees = trees_.trees();
    return {};
  }

  Result<void> keep_trees() {
    if (!report_.stage.kept) return {};
    ZHIYIN_TRY(trees_, BoostedTrees::train(examples_, params_.trees, params_.progress));
    report_.stage.trees = trees_.trees();
    ranker_.set_stage({std::move(trees_), params_.objectives.text(), std::move(tastes_)});
    return {};
  }

  Result<void> learn(std::size_t begin, std::size_t end, bool for_trees = false) {
    constexpr std::size_t kTellEvery = 1000;
    for (std::size_t l = begin; l < end; ++l) {
      if (params_.progress && l % kTellEvery == 0 &&
          !params_.progress(static_cast<double>(l) / static_cast<double>(finished_)))
        return fail(ErrorCode::kDeadline, "ranker: stopped");
      if (for_trees) add_tree_examples(l, l + 1);
      learn_tastes(l);
      for (std::size_t i = 0; i < responses_[l].size(); ++i) {
        ranker_.learn(features(l, i, true), responses_[l][i]);
        ++report_.examples;
      }
    }
    return {};
  }

  void calibrate(std::size_t begin, std::size_t end) {
    for (std::size_t r = 0; r < kResponses; ++r) {
      const auto response = static_cast<Response>(r);
      if (!ranker_.head(response)) continue;
      std::vector<double> log_odds;
      std::vector<int> followed;
      for (std::size_t l = begin; l < end; ++l) {
        for (std::size_t i = 0; i < responses_[l].size(); ++i) {
          log_odds.push_back(ranker_.head(response)->ranker.log_odds(features(l, i, true)));
          followed.push_back(responses_[l][i] >> r & 1);
        }
      }
      ranker_.set_calibration(response, model::fit_calibration(log_odds, followed));
    }
  }

  void measure(std::size_t begin, std::size_t end) {
    for (std::size_t r = 0; r < kResponses; ++r) {
      const auto response = static_cast<Response>(r);
      if (ranker_.head(response)) report_.heads.push_back(head_report(response, begin, end));
    }
    std::vector<double> by_ranker;
    std::vector<double> by_place;
    std::vector<double> by_trees;
    std::vector<double> tree_gains;
    for (std::size_t l = begin; l < end; ++l) {
      const std::vector<bool> good = goodness(l);
      if (std::ranges::find(good, true) == good.end() ||
          std::ranges::find(good, false) == good.end())
        continue;
      look_at_taste(l);
      std::vector<double> values;
      std::vector<double> with_trees;
      std::vector<double> places;
      for (std::size_t i = 0; i < good.size(); ++i) {
        values.push_back(
            value_of(ranker_.probabilities(features(l, i, false)), params_.objectives));
        if (trees_.trees() > 0)
          with_trees.push_back(values.back() + trees_.predict(inputs(l, i, false)));
        places.push_back(-static_cast<double>(i));
      }
      by_ranker.push_back(auc_of(values, good));
      by_place.push_back(auc_of(places, good));
      if (with_trees.empty()) continue;
      by_trees.push_back(auc_of(with_trees, good));
      tree_gains.push_back(by_trees.back() - by_ranker.back());
    }
    StageReport& stage = report_.stage;
    stage.auc = statistics::mean_interval(by_trees).mean;
    stage.gain = statistics::mean_interval(tree_gains);
    stage.kept = tree_gains.size() >= params_.measured_min && stage.gain.interval.low > 0;
    if (stage.kept) by_ranker = by_trees;
    std::vector<double> gains;
    for (std::size_t i = 0; i < by_ranker.size(); ++i) gains.push_back(by_ranker[i] - by_place[i]);
    report_.measured = gains.size();
    report_.auc = statistics::mean_interval(by_ranker).mean;
    report_.shown_auc = statistics::mean_interval(by_place).mean;
    report_.gain = statistics::mean_interval(gains);
    report_.not_worse =
        report_.measured >= params_.measured_min && report_.gain.interval.low > -params_.margin;
  }

  /// Items of a list that were worth something to the owner.
  std::vector<bool> goodness(std::size_t l) const {
    std::vector<bool> out;
    for (const std::uint8_t bits : responses_[l]) out.push_back(worth(bits) > 0);
    return out;
  }

  HeadReport head_report(Response response, std::size_t begin, std::size_t end) {
    const RankerHead& head = *ranker_.head(response);
    HeadReport out{.response = response, .positives = head.positives};
    const double learnt = static_cast<double>(head.positives) /
                          static_cast<double>(std::max<std::uint64_t>(1, head.ranker.learnt()));
    double n = 0;
    for (std::size_t l = begin; l < end; ++l) {
      for (std::size_t i = 0; i < responses_[l].size(); ++i) {
        const bool positive = (responses_[l][i] & bit_of(response)) != 0;
        const double p = head.calibration.probability(head.ranker.log_odds(features(l, i, true)));
        out.measured_positives += positive ? 1 : 0;
        out.predicted += p;
        out.log_loss += log_loss(p, positive);
        out.base_log_loss += log_loss(learnt, positive);
        n += 1;
      }
    }
    n = std::max(n, 1.0);
    out.rate = static_cast<double>(out.measured_positives) / n;
    out.predicted /= n;
    out.log_loss /= n;
    out.base_log_loss /= n;
    return out;
  }

  std::vector<ShownList> lists_;
  const FactsOf& facts_of_;
  const RankerTrainParams& params_;
  ResponseRanker ranker_;
  std::vector<Responses> responses_;
  std::size_t finished_ = 0;  ///< lists whose window is over: the first ones
  RankerReport report_;
  TreeExamples examples_;
  BoostedTrees trees_;
  ClickTastes tastes_;
  std::vector<float> taste_;  ///< of the person of the list at hand; empty: unknown
  std::vector<RankerFeature> features_;
};

Result<void> check(const RankerTrainParams& p) {
  if (p.window.count() <= 0) return fail_field("window", "must be above 0");
  if (!(p.learn_share > 0 && p.calibrate_share > 0 && p.learn_share + p.calibrate_share < 1))
    return fail_field("learn_share", "is {}, with {} to calibrate: some must be left to measure",
                      p.learn_share, p.calibrate_share);
  return {};
}

}  // namespace

std::vector<Responses> join_responses(std::span<const ShownList> lists,
                                      std::span<const FeedbackRow> feedback, Duration window) {
  std::vector<Responses> out;
  for (const ShownList& list : lists) out.emplace_back(list.impression.items.size(), 0);
  const auto shown = order_by(lists.size(), [&](std::uint32_t l) {
    return std::tuple(lists[l].person, lists[l].impression.at,
                      std::string_view(lists[l].impression.id));
  });
  // The order of responses at the same moment must not matter: by item, then response.
  const auto did = order_by(feedback.size(), [&](std::uint32_t f) {
    return std::tuple(feedback[f].person, feedback[f].at, feedback[f].item, feedback[f].response);
  });
  std::size_t f = 0;
  for (std::size_t l = 0; l < shown.size();) {
    const std::uint32_t person = lists[shown[l]].person;
    while (f < did.size() && feedback[did[f]].person < person) ++f;
    PersonJoin join(lists, out, window);
    while (l < shown.size() && lists[shown[l]].person == person) {
      join.show(shown[l]);
      const Instant until = l + 1 < shown.size() && lists[shown[l + 1]].person == person
                                ? lists[shown[l + 1]].impression.at
                                : Instant{INT64_MAX};
      for (; f < did.size() && feedback[did[f]].person == person && feedback[did[f]].at < until;
           ++f) {
        if (feedback[did[f]].at >= lists[shown[l]].impression.at) join.respond(feedback[did[f]]);
      }
      ++l;
    }
  }
  return out;
}

std::size_t learn_on(ResponseRanker& ranker, std::vector<ShownList> lists,
                     std::span<const FeedbackRow> feedback, const FactsOf& facts_of,
                     Duration window, Instant finished) {
  sort_by_time(lists);
  const std::vector<Responses> responses = join_responses(lists, feedback, window);
  std::vector<RankerFeature> features;
  std::size_t l = 0;
  for (; l < lists.size() && lists[l].impression.at <= finished; ++l) {
    for (std::size_t i = 0; i < responses[l].size(); ++i) {
      features.clear();
      add_features(features, lists[l].impression, i, true, facts_of, ranker);
      ranker.learn(features, responses[l][i]);
    }
  }
  return l;
}

Result<TrainedRanker> train_ranker(std::vector<ShownList> lists,
                                   std::span<const FeedbackRow> feedback, const FactsOf& facts_of,
                                   const RankerTrainParams& params) {
  ZHIYIN_TRY_VOID(check(params));
  ZHIYIN_TRY(ResponseRanker ranker, ResponseRanker::create(params.ranker));
  return Replay(std::move(lists), feedback, facts_of, params, std::move(ranker)).run();
}

}  // namespace zhiyin::recommend
