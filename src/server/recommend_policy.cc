#include "server/recommend_policy.h"

#include <algorithm>
#include <functional>
#include <map>

#include "recommend/interleaving.h"
#include "recommend/ranker_training.h"
#include "server/shown_history.h"

namespace zhiyin::server {
namespace {

using recommend::ItemRef;

/// One place that chance filled: among what, and what it brought.
struct Place {
  const recommend::Impression* list = nullptr;
  std::vector<ItemRef> free;  ///< newest first
  ItemRef chosen;
  double propensity = 1;
  double reward = 0;
};

/// Probability with which a policy chooses `chosen`.
using Policy = std::function<double(const Place&)>;
using Reward = std::function<double(std::uint8_t responses)>;

Result<Reward> reward_of(const std::string& name, const recommend::Objectives& objectives) {
  if (name == "value") {
    return Reward([objectives](std::uint8_t responses) {
      double out = 0;
      for (std::size_t r = 0; r < recommend::kResponses; ++r)
        out += (responses >> r & 1) != 0 ? objectives.weights[r] : 0;
      return out;
    });
  }
  const auto response = recommend::response_named(name);
  if (!response) return fail_field("reward", "'{}' is neither a response nor value", name);
  return Reward([r = static_cast<unsigned>(*response)](std::uint8_t responses) {
    return static_cast<double>(responses >> r & 1);
  });
}

/// The places of one list, in order: what was chosen before is no longer free.
void add_places(const recommend::Impression& list, const recommend::Responses& responses,
                const Reward& reward, std::vector<Place>& out) {
  std::vector<ItemRef> free = list.arms;
  for (std::size_t i = 0; i < list.items.size(); ++i) {
    const recommend::ShownItem& item = list.items[i];
    if (item.source != "explore") continue;
    const auto chosen = std::ranges::find(free, item.item);
    if (chosen == free.end()) return;
    out.push_back({&list, free, item.item, item.propensity, reward(responses[i])});
    free.erase(chosen);
  }
}

/// What a ranker would put first: the newest among equals.
Policy greedy(std::shared_ptr<const recommend::ResponseRanker> ranker,
              std::shared_ptr<const catalogue::ItemIndex> index, recommend::Objectives objectives) {
  return [ranker = std::move(ranker), index = std::move(index),
          objectives](const Place& place) -> double {
    const unsigned bits = ranker->params().bits;
    std::vector<recommend::RankerFeature> features;
    const ItemRef* best = nullptr;
    double most = 0;
    for (const ItemRef& arm : place.free) {
      features.clear();
      const catalogue::IndexedItem* const item = index->find(arm);
      recommend::ItemFacts facts{arm, {}, {}, {}};
      if (item != nullptr)
        facts = {arm, item->category, item->price_fen, item->published_at.value_or(Instant{})};
      recommend::add_request_features(features, place.list->context, place.list->at, 0, bits);
      recommend::add_item_features(features, facts, bits);
      recommend::add_shown_features(features, {"explore"}, facts.published_at, place.list->at,
                                    bits);
      const double value = recommend::value_of(ranker->probabilities(features), objectives);
      if (best == nullptr || value > most) {
        best = &arm;
        most = value;
      }
    }
    return best != nullptr && *best == place.chosen ? 1 : 0;
  };
}

Result<Policy> policy_of(Services& s, const std::string& name) {
  if (name == "uniform")
    return Policy([](const Place& p) { return 1 / static_cast<double>(p.free.size()); });
  if (name == "newest") return Policy([](const Place& p) { return p.free[0] == p.chosen ? 1 : 0; });
  if (!name.starts_with("ranker-"))
    return fail_field("policy", "'{}' is not uniform, newest or a version like ranker-3", name);
  ZHIYIN_TRY(const std::string bytes, s.models.load(name));
  ZHIYIN_TRY(auto ranker, recommend::ResponseRanker::decode(bytes));
  ZHIYIN_TRY(auto index, s.items.index());
  return greedy(std::make_shared<const recommend::ResponseRanker>(std::move(ranker)),
                std::move(index), s.recommendations.objectives());
}

Json estimate_json(double value, const statistics::Interval& interval) {
  return Json()
      .set("value", value)
      .set("interval", Json::Array{Json(interval.low), Json(interval.high)});
}

}  // namespace

Result<Json> judge_exploration(Services& s, const PolicyQuestion& question, RunContext& run) {
  ZHIYIN_TRY(const Reward reward, reward_of(question.reward, s.recommendations.objectives()));
  ZHIYIN_TRY(const Policy policy, policy_of(s, question.policy));
  ZHIYIN_TRY_VOID(s.recommendations.settle());
  ZHIYIN_TRY_VOID(s.settle());
  const Instant now = s.clock.now();
  const HistoryRange range{.after = now - question.history, .as_of = now};
  ZHIYIN_TRY(const ShownHistory history, read_shown_history(s, range, [&](std::string what) {
               run.report(std::nullopt, std::move(what));
               return !run.cancelled();
             }));
  const Duration window = s.options.duration("recommend.attribution");
  const auto responses = recommend::join_responses(history.lists, history.feedback, window);
  std::vector<Place> places;
  std::size_t lists = 0;
  for (std::size_t l = 0; l < history.lists.size(); ++l) {
    const recommend::Impression& list = history.lists[l].impression;
    if (list.arms.empty() || list.at + window > now) continue;
    ++lists;
    add_places(list, responses[l], reward, places);
  }
  std::vector<double> rewards;
  for (const Place& place : places) rewards.push_back(place.reward);
  const auto logged = statistics::mean_interval(rewards);
  std::vector<recommend::LoggedChoice> log;
  for (const Place& place : places)
    log.push_back({place.reward, place.propensity, policy(place), logged.mean, logged.mean});
  ZHIYIN_TRY(const auto judged, recommend::judge_policy(log, question.settings));
  return Json()
      .set("policy", question.policy)
      .set("reward", question.reward)
      .set("lists", lists)
      .set("rows", log.size())
      .set("logged", estimate_json(logged.mean, logged.interval))
      .set("ips", estimate_json(judged.ips.value, judged.ips.interval))
      .set("self_normalised",
           estimate_json(judged.self_normalised.value, judged.self_normalised.interval))
      .set("doubly_robust",
           estimate_json(judged.doubly_robust.value, judged.doubly_robust.interval))
      .set("effective", judged.effective)
      .set("largest_weight", judged.largest_weight)
      .set("clipped", judged.clipped);
}

Result<Json> judge_interleaving(Services& s, const std::string& rival, Duration back,
                                RunContext& run) {
  ZHIYIN_TRY_VOID(s.recommendations.settle());
  ZHIYIN_TRY_VOID(s.settle());
  const Instant now = s.clock.now();
  ZHIYIN_TRY(const ShownHistory history,
             read_shown_history(s, {.after = now - back, .as_of = now}, [&](std::string what) {
               run.report(std::nullopt, std::move(what));
               return !run.cancelled();
             }));
  const Duration window = s.options.duration("recommend.attribution");
  const auto responses = recommend::join_responses(history.lists, history.feedback, window);
  ZHIYIN_TRY(const Reward worth, reward_of("value", s.recommendations.objectives()));
  std::map<std::uint32_t, recommend::TeamCredit> people;
  std::size_t lists = 0;
  for (std::size_t l = 0; l < history.lists.size(); ++l) {
    const recommend::Impression& list = history.lists[l].impression;
    if (list.rival != rival || list.at + window > now) continue;
    ++lists;
    recommend::TeamCredit& credit = people[history.lists[l].person];
    for (std::size_t i = 0; i < list.items.size(); ++i) {
      // What editors chose is of neither.
      if (list.items[i].team == 0) continue;
      double& own = list.items[i].team == 2 ? credit.rival : credit.in_use;
      own += worth(responses[l][i]);
    }
  }
  std::vector<recommend::TeamCredit> credits;
  for (const auto& [person, credit] : people) credits.push_back(credit);
  ZHIYIN_TRY(const auto result, recommend::compare_teams(credits));
  return Json()
      .set("rival", rival)
      .set("lists", lists)
      .set("people", result.people)
      .set("for_rival", result.for_rival)
      .set("for_in_use", result.for_in_use)
      .set("difference", result.difference)
      .set("se", result.se)
      .set("interval", Json::Array{Json(result.interval.low), Json(result.interval.high)})
      .set("p", result.p);
}

}  // namespace zhiyin::server
