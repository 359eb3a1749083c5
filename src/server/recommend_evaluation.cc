#include "server/recommend_evaluation.h"

#include "base/machine.h"
#include "recommend/recommend_model.h"
#include "server/session_feedback.h"

namespace zhiyin::server {
namespace {

/// What was liked, each action once.
Result<recommend::TimedEvents> likings(Services& s, Instant as_of) {
  const recommend::TrainParams params;
  const auto weigher = recommend::RecommendModel::of_weights(params);
  std::vector<std::string> kinds;
  for (const auto& [kind, weight] : params.kind_weights) kinds.push_back(kind);
  recommend::TimedEvents out;
  std::string item;
  const auto take = [&](const recommend::InteractionRow& row) {
    if (weigher.kind_weight(row.kind, row.value) <= 0 || !recommend::is_recommendable(row.item))
      return;
    item.assign(row.item.kind).append(1, '/').append(row.item.id);
    out.add(row.person, item, row.at);
  };
  ZHIYIN_TRY_VOID(recommend::warehouse_rows(s.warehouse, std::move(kinds), as_of)(take));
  ZHIYIN_TRY_VOID(session_rows(s.state, Instant{0}, as_of)(take));
  return out;
}

}  // namespace

Result<Json> evaluate_own_events(Services& s, recommend::EvaluateArgs args, RunContext& run) {
  ZHIYIN_TRY_VOID(s.settle());
  run.report(std::nullopt, "读取行为 / reading events");
  ZHIYIN_TRY(const recommend::TimedEvents events, likings(s, s.clock.now()));
  const std::int64_t memory_mb = s.options.integer("recommend.train_memory_mb");
  args.memory_max = static_cast<std::size_t>(memory_mb > 0 ? memory_mb << 20 : memory_bytes() / 2);
  args.progress = [&run](double share) {
    run.report(share, "评估中 / evaluating");
    return !run.cancelled();
  };
  return recommend::evaluate_recommend(args, events);
}

}  // namespace zhiyin::server
