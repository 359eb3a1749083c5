#include "app/evaluate_arguments.h"

#include <algorithm>
#include <thread>

#include "app/number_argument.h"
#include "recommend/evaluated_model.h"

namespace zhiyin::app {
namespace {

constexpr std::string_view kFilesOfProtocols[] = {"train", "validation", "test"};

bool is_given(const Json& args, std::string_view name) { return !args[name].string_or("").empty(); }

bool names_a_file(const Json& args) {
  return std::ranges::any_of(kFilesOfProtocols,
                             [&](std::string_view name) { return is_given(args, name); });
}

Result<recommend::ModelParams> params_of(const Json& args) {
  recommend::ModelParams out;
  const auto* params = args["param"].if_array();
  if (params == nullptr) return out;
  for (const Json& param : *params) {
    const std::string_view pair = param.string_or("");
    const std::size_t eq = pair.find('=');
    if (eq == std::string_view::npos) return fail_field("param", "'{}' is not NAME=VALUE", pair);
    out[std::string(pair.substr(0, eq))] = pair.substr(eq + 1);
  }
  return out;
}

/// Which data it is about.
Result<void> read_data(const Json& args, recommend::EvaluateArgs& out) {
  const auto text = [&](std::string_view name) { return std::string(args[name].string_or("")); };
  out.protocol = text("protocol");
  if (out.protocol.empty()) out.protocol = names_a_file(args) ? "loo" : "time";
  out.train = text("train");
  out.validation = text("validation");
  out.test = text("test");
  out.events = text("events");
  if (out.protocol == "time") {
    for (const std::string_view name : kFilesOfProtocols) {
      if (is_given(args, name))
        return fail_field(name,
                          "does not go with the protocol time, which splits events by itself: "
                          "--events FILE, or nothing for the installation's own");
    }
    auto cut = recommend::parse_cut(text("cut"));
    if (!cut) return std::unexpected(std::move(cut.error()));
    out.cut = *cut;
    return {};
  }
  if (is_given(args, "cut")) return fail_field("cut", "goes with the protocol time only");
  if (is_given(args, "events")) return fail_field("events", "goes with the protocol time only");
  if (out.train.empty()) return fail_field("train", "is missing");
  if (out.test.empty()) return fail_field("test", "is missing");
  return {};
}

}  // namespace

bool evaluates_installation(const Json& args) {
  const std::string_view protocol = args["protocol"].string_or("");
  return !names_a_file(args) && !is_given(args, "events") &&
         (protocol.empty() || protocol == "time");
}

Result<recommend::EvaluateArgs> evaluate_arguments(const Json& args) {
  recommend::EvaluateArgs out;
  ZHIYIN_TRY_VOID(read_data(args, out));
  out.model = args["model"].string_or(out.model);
  ZHIYIN_TRY(out.params, params_of(args));
  ZHIYIN_TRY(auto cuts, numbers_argument<std::size_t>(args, "at"));
  if (!cuts.empty()) out.at = std::move(cuts);
  ZHIYIN_TRY(const auto seed, number_argument<std::uint64_t>(args, "seed"));
  ZHIYIN_TRY(const auto trials, number_argument<std::size_t>(args, "trials"));
  ZHIYIN_TRY(const auto threads, number_argument<int>(args, "threads"));
  out.seed = seed.value_or(out.seed);
  out.trials = trials.value_or(out.trials);
  out.tune = args["tune"].bool_or(false);
  out.metric = args["metric"].string_or(out.metric);
  out.notes = std::string(args["notes"].string_or(""));
  const auto all = static_cast<int>(std::max(1U, std::thread::hardware_concurrency()));
  out.threads = threads.value_or(all);
  return out;
}

}  // namespace zhiyin::app
