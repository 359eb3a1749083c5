#include "statistics/command/value_commands.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <set>

#include "statistics/command/answer_json.h"
#include "statistics/command/value_input.h"
#include "statistics/value/purchase_models.h"
#include "statistics/value/rfm.h"
#include "statistics/value/spend.h"

namespace zhiyin::statistics {

enum class ValueModel { kBgNbd, kParetoNbd, kGammaGamma, kSbg };

struct FitInput {
  ValueModel model = ValueModel::kBgNbd;
  std::optional<std::string> customer, date, amount, as_of;
  double unit = 7;
  std::string zone{kDefaultZone};
  std::string alive = "alive";
  double penalty = 0;
  std::optional<double> tracking;
};
struct PredictInput {
  std::optional<ValueModel> model;
  Json fit;
  Json spend_fit;
  std::optional<std::string> customer, date, amount, as_of;
  double unit = 7;
  std::string zone{kDefaultZone};
  double horizon = 52;
  std::int64_t periods = 12;
  double discount = 0;
  std::int64_t tenure = 0;
};
struct RfmInput {
  std::optional<std::string> customer, date, amount, as_of;
  std::string zone{kDefaultZone};
  Json cuts;
};

}  // namespace zhiyin::statistics

namespace zhiyin {
template <>
struct EnumNames<statistics::ValueModel> {
  using M = statistics::ValueModel;
  static constexpr std::pair<M, std::string_view> list[] = {{M::kBgNbd, "bgnbd"},
                                                            {M::kParetoNbd, "paretonbd"},
                                                            {M::kGammaGamma, "gammagamma"},
                                                            {M::kSbg, "sbg"}};
};
template <>
struct Fields<statistics::FitInput> {
  using F = statistics::FitInput;
  static constexpr std::string_view name = "FitInput";
  static constexpr auto list = field_list(
      field("model", &F::model, "bgnbd, paretonbd, gammagamma or sbg"),
      field("customer", &F::customer, "column"), field("date", &F::date, "column"),
      field("amount", &F::amount, "column"), field("as_of", &F::as_of, "end of observation"),
      field("unit", &F::unit, "days in a unit of time").range(1e-3, 10000).optional(),
      field("zone", &F::zone, "of times without one").optional(),
      field("alive", &F::alive, "sbg: column").optional(),
      field("penalty", &F::penalty, "on the parameters, for small samples")
          .range(0, 1e6)
          .optional(),
      field("tracking", &F::tracking, "length of the tracking plot, in units").range(1e-6, 1e6));
};
template <>
struct Fields<statistics::PredictInput> {
  using P = statistics::PredictInput;
  static constexpr std::string_view name = "PredictInput";
  static constexpr auto list = field_list(
      field("model", &P::model, "of the fit, where it does not say"),
      field("fit", &P::fit, "what value fit gave"),
      field("spend_fit", &P::spend_fit, "a Gamma-Gamma fit, for values").optional(),
      field("customer", &P::customer, "column"), field("date", &P::date, "column"),
      field("amount", &P::amount, "column"), field("as_of", &P::as_of, "end of observation"),
      field("unit", &P::unit, "days in a unit of time").range(1e-3, 10000).optional(),
      field("zone", &P::zone, "of times without one").optional(),
      field("horizon", &P::horizon, "time ahead, in units").range(1e-9, 1e6).optional(),
      field("periods", &P::periods, "of the residual value, within the horizon")
          .range(1, 10000)
          .optional(),
      field("discount", &P::discount, "per period").range(0, 10).optional(),
      field("tenure", &P::tenure, "sbg: renewals so far").range(0, 1e6).optional());
};
template <>
struct Fields<statistics::RfmInput> {
  using R = statistics::RfmInput;
  static constexpr std::string_view name = "RfmInput";
  static constexpr auto list = field_list(
      field("customer", &R::customer, "column"), field("date", &R::date, "column"),
      field("amount", &R::amount, "column"), field("as_of", &R::as_of, "day of the analysis"),
      field("zone", &R::zone, "of times without one").optional(),
      field("cuts", &R::cuts, "stored cut points: recency, frequency, monetary").optional());
};
}  // namespace zhiyin

namespace zhiyin::statistics {
namespace {

template <class Input>
CustomerColumns columns_of(const Input& in) {
  CustomerColumns out;
  out.customer = in.customer;
  out.date = in.date;
  out.amount = in.amount;
  out.as_of = in.as_of;
  out.zone = in.zone;
  if constexpr (requires { in.unit; }) out.unit = in.unit;
  return out;
}

std::vector<std::string_view> parameter_names(ValueModel model) {
  switch (model) {
    case ValueModel::kBgNbd:
      return {"r", "alpha", "a", "b"};
    case ValueModel::kParetoNbd:
      return {"r", "alpha", "s", "beta"};
    case ValueModel::kGammaGamma:
      return {"p", "q", "v"};
    case ValueModel::kSbg:
      return {"alpha", "beta"};
  }
  return {};
}

std::vector<std::string_view> assumptions_of(ValueModel model) {
  switch (model) {
    case ValueModel::kBgNbd:
      return {"purchases come at random at a customer's own constant rate",
              "a customer may leave for good after any repeat purchase",
              "rates are gamma and leaving is beta distributed, independent of each other"};
    case ValueModel::kParetoNbd:
      return {"purchases come at random at a customer's own constant rate",
              "a customer may leave for good at any time",
              "both rates are gamma distributed, independent of each other"};
    case ValueModel::kGammaGamma:
      return {"spend does not depend on how often somebody buys",
              "a customer's mean spend does not change"};
    case ValueModel::kSbg:
      return {"every customer has a constant probability of leaving at each renewal",
              "these are beta distributed"};
  }
  return {};
}

Json fit_json(ValueModel model, const ModelFit& fit) {
  Json parameters = Json::object();
  Json errors = Json::object();
  const auto names = parameter_names(model);
  for (std::size_t i = 0; i < names.size(); ++i) {
    parameters.set(names[i], fit.parameters[i]);
    errors.set(names[i], number_json(fit.standard_errors[i]));
  }
  return Json::object()
      .set("model", enum_name(model))
      .set("parameters", std::move(parameters))
      .set("standard_errors", std::move(errors))
      .set("log_likelihood", fit.log_likelihood);
}

BgNbd bgnbd_of(const std::vector<double>& p) { return {p[0], p[1], p[2], p[3]}; }
ParetoNbd pareto_of(const std::vector<double>& p) { return {p[0], p[1], p[2], p[3]}; }

PurchaseCurve new_customer_curve(ValueModel model, const std::vector<double>& p) {
  if (model == ValueModel::kBgNbd) {
    return [m = bgnbd_of(p)](double t) { return expected_purchases(m, t); };
  }
  return [m = pareto_of(p)](double t) -> Result<double> { return expected_purchases(m, t); };
}

/// The cohort's actual purchases need the orders themselves.
Result<Json> tracking_json(const Table& table, const FitInput& in, const ModelFit& fit) {
  if (table.has("frequency")) {
    return fail_field("tracking", "needs orders: summaries do not tell when purchases were made");
  }
  ZHIYIN_TRY(const NamedOrders all, read_orders(table, columns_of(in)));
  std::vector<std::set<std::int64_t>> days(all.customers.size());
  std::int64_t first = all.end_day;
  for (const Order& o : all.orders) {
    days[o.customer].insert(o.day);
    first = std::min(first, o.day);
  }
  std::vector<double> births;
  std::vector<double> repeats;
  for (const auto& own : days) {
    bool birth = true;
    for (const std::int64_t day : own) {
      (birth ? births : repeats).push_back(static_cast<double>(day - first) / in.unit);
      birth = false;
    }
  }
  constexpr int kPoints = 40;
  ZHIYIN_TRY(const auto curve, tracking_curve(new_customer_curve(in.model, fit.parameters), births,
                                              repeats, *in.tracking, kPoints));
  Json out = Json::array();
  for (const TrackingPoint& p : curve) {
    out.push(
        Json::object().set("time", p.time).set("actual", p.actual).set("expected", p.expected));
  }
  return out;
}

Result<Json> fit_contracts(const Table& table, const FitInput& in) {
  ZHIYIN_TRY(const std::vector<double> alive, number_column(table, "alive", in.alive));
  for (std::size_t t = 0; t < alive.size(); ++t) {
    const bool is_share = t == 0 && alive[t] == 1 && alive.size() > 1 && alive[1] < 1;
    if (alive[t] == std::floor(alive[t]) && !is_share) continue;
    return fail_field(
        "alive",
        "row {}: is {}, not a number of customers; shares and percentages do not tell "
        "how many there were",
        t + 1, number_text(alive[t]));
  }
  ZHIYIN_TRY(const ModelFit fit, fit_sbg(alive, {in.penalty, {}}));
  Json out = fit_json(in.model, fit);
  const Sbg model{fit.parameters[0], fit.parameters[1]};
  std::vector<double> survivals;
  for (std::size_t t = 0; t < 2 * alive.size(); ++t) {
    survivals.push_back(survival(model, static_cast<double>(t)));
  }
  out.set("survival", numbers_json(survivals));
  describe(out, "shifted beta-geometric, maximum likelihood", assumptions_of(in.model),
           {fmt::format("首次续费率 {}，之后逐期上升。", percent_text(retention_rate(model, 1))),
            fmt::format("{} renew the first time; later renewals are likelier.",
                        percent_text(retention_rate(model, 1)))});
  return out;
}

}  // namespace

Result<Json> value_fit(const Table& table, const Json& settings) {
  ZHIYIN_TRY(const FitInput in, from_json<FitInput>(settings));
  if (in.model == ValueModel::kSbg) return fit_contracts(table, in);
  CustomerColumns columns = columns_of(in);
  columns.spend_only = in.model == ValueModel::kGammaGamma;
  ZHIYIN_TRY(const NamedSummaries people, read_customers(table, columns));
  const FitSettings fit_settings{in.penalty, {}};
  Result<ModelFit> fit = in.model == ValueModel::kBgNbd ? fit_bgnbd(people.customers, fit_settings)
                         : in.model == ValueModel::kParetoNbd
                             ? fit_pareto_nbd(people.customers, fit_settings)
                             : fit_gamma_gamma(people.customers, fit_settings);
  if (!fit) return std::unexpected(fit.error());
  Json out = fit_json(in.model, *fit);
  out.set("customers", people.customers.size()).set("unit_days", in.unit);
  if (in.model == ValueModel::kGammaGamma) {
    const double correlation = frequency_spend_correlation(people.customers);
    out.set("frequency_spend_correlation", number_json(correlation));
    ZHIYIN_TRY(const double mean, expected_spend(GammaGamma{fit->parameters[0], fit->parameters[1],
                                                            fit->parameters[2]}));
    out.set("mean_spend", mean);
    constexpr double kTooMuch = 0.2;
    const bool dubious = std::fabs(correlation) > kTooMuch;
    describe(out, "Gamma-Gamma, maximum likelihood", assumptions_of(in.model),
             {fmt::format("平均每次消费 {}。{}", number_text(mean),
                          dubious ? "消费额与购买次数相关，结果存疑。" : ""),
              fmt::format("A purchase is worth {} on average.{}", number_text(mean),
                          dubious ? " Spend depends on frequency, so this is dubious." : "")});
    return out;
  }
  const PurchaseCurve curve = new_customer_curve(in.model, fit->parameters);
  ZHIYIN_TRY(const double year, curve(365.25 / in.unit));
  out.set("expected_first_year", year);
  if (in.tracking) {
    ZHIYIN_TRY(Json tracking, tracking_json(table, in, *fit));
    out.set("tracking", std::move(tracking));
  }
  describe(out,
           in.model == ValueModel::kBgNbd ? "BG/NBD, maximum likelihood"
                                          : "Pareto/NBD, maximum likelihood",
           assumptions_of(in.model),
           {fmt::format("新客户第一年平均再买 {} 次。", number_text(year)),
            fmt::format("A new customer buys {} more times in the first year on average.",
                        number_text(year))});
  return out;
}

namespace {

Result<std::vector<double>> parameters_of(const Json& fit, ValueModel model,
                                          std::string_view field_name) {
  const Json& given = fit["parameters"].is_null() ? fit : fit["parameters"];
  std::vector<double> out;
  for (const std::string_view name : parameter_names(model)) {
    const Json& value = given[name];
    if (!value.is_number() || !(value.number_or(0) > 0)) {
      return fail_field(fmt::format("{}.parameters.{}", field_name, name),
                        "is missing or not above 0");
    }
    out.push_back(value.number_or(0));
  }
  return out;
}

Result<Json> predict_contracts(const PredictInput& in, const std::vector<double>& p) {
  const Sbg model{p[0], p[1]};
  const auto tenure = static_cast<double>(in.tenure);
  const double life = residual_lifetime(model, tenure, static_cast<int>(in.periods), in.discount);
  std::vector<double> ahead;
  for (std::int64_t t = 1; t <= in.periods; ++t) {
    ahead.push_back(survival(model, tenure + static_cast<double>(t)) / survival(model, tenure));
  }
  Json out = Json::object().set("survival", numbers_json(ahead)).set("residual_lifetime", life);
  describe(out, "shifted beta-geometric", assumptions_of(ValueModel::kSbg),
           {fmt::format("已续费 {} 次的客户，今后 {} 期内预计还会付费 {} 期{}。", in.tenure,
                        in.periods, number_text(life), in.discount > 0 ? "（已折现）" : ""),
            fmt::format("A customer who renewed {} times will pay for {} of the next {} periods{}.",
                        in.tenure, number_text(life), in.periods,
                        in.discount > 0 ? " (discounted)" : "")});
  return out;
}

struct Predicted {
  double purchases = 0;
  double alive = 0;
  double spend = 0;
  double value = 0;
};

Result<Predicted> predict_one(const PredictInput& in, ValueModel model,
                              const std::vector<double>& p, const std::optional<GammaGamma>& spend,
                              const CustomerSummary& c) {
  Predicted out;
  PurchaseCurve curve;
  if (model == ValueModel::kBgNbd) {
    const BgNbd m = bgnbd_of(p);
    out.alive = probability_alive(m, c);
    curve = [m, &c](double t) { return expected_purchases(m, c, t); };
  } else {
    const ParetoNbd m = pareto_of(p);
    out.alive = probability_alive(m, c);
    curve = [m, &c](double t) -> Result<double> { return expected_purchases(m, c, t); };
  }
  ZHIYIN_TRY(out.purchases, curve(in.horizon));
  if (!spend) return out;
  ZHIYIN_TRY(out.spend, expected_spend(*spend, c));
  const int periods = static_cast<int>(in.periods);
  ZHIYIN_TRY(out.value,
             residual_value(curve, out.spend, periods, in.horizon / periods, in.discount));
  return out;
}

}  // namespace

Result<Json> value_predict(const Table& table, const Json& settings) {
  ZHIYIN_TRY(PredictInput in, from_json<PredictInput>(settings));
  if (const double unit = in.fit["unit_days"].number_or(0); unit > 0) {
    // Customers must be counted in the unit that the model was fitted in.
    if (settings["unit"].is_null()) in.unit = unit;
    if (in.unit != unit) {
      return fail_field("unit", "is {} days, but the fit counts in units of {}", in.unit, unit);
    }
  }
  ValueModel model = in.model.value_or(ValueModel::kBgNbd);
  if (const std::string* name = in.fit["model"].if_string()) {
    const auto parsed = parse_enum<ValueModel>(*name);
    if (!parsed) return std::unexpected(within("fit.model", parsed.error()));
    model = *parsed;
  }
  ZHIYIN_TRY(const std::vector<double> p, parameters_of(in.fit, model, "fit"));
  if (model == ValueModel::kSbg) return predict_contracts(in, p);
  if (model == ValueModel::kGammaGamma) {
    return fail_field("fit", "is of spend alone: give it as spend_fit beside a fit of purchases");
  }
  std::optional<GammaGamma> spend;
  if (in.spend_fit.if_object() != nullptr) {
    ZHIYIN_TRY(const auto g, parameters_of(in.spend_fit, ValueModel::kGammaGamma, "spend_fit"));
    spend = GammaGamma{g[0], g[1], g[2]};
  }
  ZHIYIN_TRY(const NamedSummaries people, read_customers(table, columns_of(in)));
  if (spend && !people.has_spend) return fail_field("amount", "is missing: values need spend");
  for (std::size_t i = 0; spend && i < people.customers.size(); ++i) {
    const CustomerSummary& c = people.customers[i];
    if (c.frequency == 0 || c.spend > 0) continue;
    return fail_field("amount", "customer '{}' spends {} on average, not above 0", people.names[i],
                      number_text(c.spend));
  }
  Json list = Json::array();
  double purchases = 0;
  double value = 0;
  for (std::size_t i = 0; i < people.customers.size(); ++i) {
    ZHIYIN_TRY(const Predicted one, predict_one(in, model, p, spend, people.customers[i]));
    purchases += one.purchases;
    value += one.value;
    Json row = Json::object()
                   .set("customer", people.names[i])
                   .set("expected_purchases", one.purchases)
                   .set("probability_alive", one.alive);
    if (spend) row.set("expected_spend", one.spend).set("residual_value", one.value);
    list.push(std::move(row));
  }
  Json out = Json::object().set("horizon", in.horizon).set("expected_purchases", purchases);
  if (spend) out.set("residual_value", value).set("discount", in.discount);
  out.set("customers", std::move(list));
  const std::string count = std::to_string(people.customers.size());
  const std::string days = number_text(in.horizon * in.unit);
  describe(
      out, enum_name(model), assumptions_of(model),
      {fmt::format("{} 位客户在今后 {} 天内预计再买 {} 次{}。", count, days, number_text(purchases),
                   spend ? "，价值 " + number_text(value) : ""),
       fmt::format("{} customers will buy {} more times within {} days{}.", count,
                   number_text(purchases), days, spend ? ", worth " + number_text(value) : "")});
  return out;
}

namespace {

Json cuts_json(const RfmCuts& cuts) {
  const auto list = [](const std::array<double, 4>& c) {
    return numbers_json(std::vector<double>(c.begin(), c.end()));
  };
  return Json::object()
      .set("recency", list(cuts.recency))
      .set("frequency", list(cuts.frequency))
      .set("monetary", list(cuts.monetary));
}

Result<RfmCuts> read_cuts(const Json& json) {
  // What `value rfm` printed may be given as it is.
  const Json& given = json["cuts"].is_null() ? json : json["cuts"];
  RfmCuts out;
  for (const auto& [name, list] : {std::pair{"recency", &out.recency},
                                   {"frequency", &out.frequency},
                                   {"monetary", &out.monetary}}) {
    const Json::Array* values = given[name].if_array();
    if (values == nullptr || values->size() != 4) {
      return fail_field(fmt::format("cuts.{}", name), "must be four numbers");
    }
    for (std::size_t i = 0; i < 4; ++i) (*list)[i] = (*values)[i].number_or(NAN);
  }
  ZHIYIN_TRY_VOID(check_cuts(out));
  return out;
}

/// Fifths need five customers, and values that differ.
Result<void> check_quintiles(const std::vector<RfmValues>& values) {
  constexpr std::size_t kCustomersMin = 5;
  if (values.size() < kCustomersMin) {
    return fail_field("data", "{} customers cannot be cut into fifths: needs {}, or stored cuts",
                      values.size(), kCustomersMin);
  }
  for (const auto& [name, member] : {std::pair{"recency", &RfmValues::recency},
                                     {"frequency", &RfmValues::frequency},
                                     {"monetary", &RfmValues::monetary}}) {
    const double first = values[0].*member;
    if (std::ranges::any_of(values, [&](const RfmValues& v) { return v.*member != first; }))
      continue;
    return fail_field("data",
                      "{} is {} for all {} customers and cannot be cut into fifths; give "
                      "stored cuts",
                      name, first, values.size());
  }
  return {};
}

/// Dimensions of which a fifth is empty, since too many customers are alike.
std::vector<std::string_view> tied_cuts(const RfmCuts& cuts) {
  std::vector<std::string_view> out;
  for (const auto& [name, list] : {std::pair{"recency", &cuts.recency},
                                   {"frequency", &cuts.frequency},
                                   {"monetary", &cuts.monetary}}) {
    if (std::ranges::adjacent_find(*list) != list->end()) out.emplace_back(name);
  }
  return out;
}

}  // namespace

Result<Json> value_rfm(const Table& table, const Json& settings) {
  ZHIYIN_TRY(const RfmInput in, from_json<RfmInput>(settings));
  ZHIYIN_TRY(const NamedOrders all, read_orders(table, columns_of(in)));
  std::vector<RfmValues> values(all.customers.size());
  std::vector<std::int64_t> last(all.customers.size(), std::numeric_limits<std::int64_t>::min());
  for (const Order& o : all.orders) {
    ++values[o.customer].frequency;
    values[o.customer].monetary += o.amount;
    last[o.customer] = std::max(last[o.customer], o.day);
  }
  for (std::size_t i = 0; i < values.size(); ++i) {
    values[i].recency = static_cast<double>(all.end_day - last[i]);
  }
  RfmCuts cuts;
  if (in.cuts.is_null()) {
    ZHIYIN_TRY_VOID(check_quintiles(values));
    ZHIYIN_TRY(cuts, rfm_cuts(values));
  } else {
    ZHIYIN_TRY(cuts, read_cuts(in.cuts));
  }
  std::map<std::string_view, std::int64_t> sizes;
  Json list = Json::array();
  for (std::size_t i = 0; i < values.size(); ++i) {
    const RfmScore score = rfm_score(values[i], cuts);
    const RfmSegment& segment = rfm_segment(score);
    ++sizes[segment.name];
    list.push(
        Json::object()
            .set("customer", all.customers[i])
            .set("recency", values[i].recency)
            .set("frequency", values[i].frequency)
            .set("monetary", values[i].monetary)
            .set("score", fmt::format("{}{}{}", score.recency, score.frequency, score.monetary))
            .set("segment", segment.name)
            .set("segment_zh", segment.zh));
  }
  Json segments = Json::object();
  for (const RfmSegment& s : rfm_segments()) segments.set(s.name, sizes[s.name]);
  Json out = Json::object().set("cuts", cuts_json(cuts)).set("segments", std::move(segments));
  out.set("customers", std::move(list));
  const std::int64_t champions = sizes["Champions"];
  Json tied = Json::array();
  for (const std::string_view name : tied_cuts(cuts)) tied.push(name);
  Plain plain{fmt::format("{} 位客户，其中冠军客户 {} 位。", values.size(), champions),
              fmt::format("{} customers, {} of them champions.", values.size(), champions)};
  if (!tied.if_array()->empty()) {
    plain.zh += "有的分界点相同（许多客户数值一样），相应的分数会偏高，请看 tied_cuts。";
    plain.en +=
        " Some cut points coincide because many customers are alike, and push their scores "
        "up: see tied_cuts.";
    out.set("tied_cuts", std::move(tied));
  }
  describe(out, in.cuts.is_null() ? "RFM, quintiles of these customers" : "RFM, stored cut points",
           {"ties make quintiles unequal", "scores can be compared only under the same cut points"},
           plain);
  return out;
}

}  // namespace zhiyin::statistics
