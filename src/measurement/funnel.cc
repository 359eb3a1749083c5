#include "measurement/funnel.h"

namespace zhiyin::measurement {
namespace {

using storage::Value;

template <class... Sql>
std::string spell(std::string_view form, const Sql&... sql) {
  return fmt::format(fmt::runtime(form), sql...);
}

/// The steps' moments by identity, then by person, then one step after the other.
struct FunnelQuery {
  std::string sql;
  std::vector<Value> parameters;
};

FunnelQuery to_sql(const FunnelRequest& r, const storage::ListDialect& lists) {
  FunnelQuery q;
  const std::int64_t last = (r.to + r.window).us;
  std::string columns = "e.identity AS identity";
  columns += fmt::format(", MIN(CASE WHEN e.occurred_at < {} AND {} THEN e.occurred_at END) AS t1",
                         r.to.us, condition_of(r.steps[0], q.parameters));
  for (std::size_t k = 1; k < r.steps.size(); ++k) {
    columns += fmt::format(
        ", {} AS l{}",
        spell(lists.gather_if, "e.occurred_at", condition_of(r.steps[k], q.parameters)), k + 1);
  }
  std::string any;
  for (const EventFilter& step : r.steps)
    any += fmt::format("{}{}", any.empty() ? "" : " OR ", condition_of(step, q.parameters));
  std::string sql = fmt::format(
      "SELECT {} FROM events e {} WHERE e.occurred_at >= {} AND e.occurred_at < {} AND {} AND ({})"
      " GROUP BY e.identity",
      columns, kErasedJoin, r.from.us, last, kErasedCondition, any);

  columns = "MIN(x.t1) AS t1";
  for (std::size_t k = 2; k <= r.steps.size(); ++k)
    columns += fmt::format(", {} AS l{}", spell(lists.gather_lists, fmt::format("x.l{}", k)), k);
  sql = fmt::format(
      "SELECT {} FROM ({}) x JOIN identity_person ip ON ip.identity = x.identity"
      " AND ip.person <> '' GROUP BY ip.person HAVING MIN(x.t1) IS NOT NULL",
      columns, sql);
  for (std::size_t k = 2; k <= r.steps.size(); ++k) {
    columns.clear();
    for (std::size_t i = 1; i < k; ++i) columns += fmt::format("t{}, ", i);
    columns +=
        fmt::format("{} AS t{}",
                    spell(lists.least_between, fmt::format("l{}", k), fmt::format("t{}", k - 1),
                          fmt::format("t1 + {}", r.window.count())),
                    k);
    for (std::size_t i = k + 1; i <= r.steps.size(); ++i) columns += fmt::format(", l{}", i);
    sql = fmt::format("SELECT {} FROM ({}) step{}", columns, sql, k);
  }
  columns.clear();
  for (std::size_t k = 1; k <= r.steps.size(); ++k)
    columns += fmt::format("{}COUNT(t{})", k == 1 ? "" : ", ", k);
  q.sql = fmt::format("SELECT {} FROM ({}) people", columns, sql);
  return q;
}

}  // namespace

Result<void> check(const FunnelRequest& r) {
  if (r.steps.size() < 2 || r.steps.size() > kFunnelStepsMax) {
    return fail_field("steps", "are {}, not 2 to {}", r.steps.size(), kFunnelStepsMax);
  }
  for (std::size_t i = 0; i < r.steps.size(); ++i) {
    if (auto ok = check(r.steps[i], true); !ok)
      return std::unexpected(within(fmt::format("steps[{}]", i), std::move(ok.error())));
  }
  if (r.window <= Duration(0) || r.window > kDay * 366)
    return fail_field("window", "is not above 0 and at most 366d");
  if (r.from >= r.to) return fail_field("to", "is not after from");
  return {};
}

Result<FunnelResult> make_funnel(storage::Warehouse& warehouse, const FunnelRequest& request,
                                 storage::QueryLimits limits) {
  ZHIYIN_TRY_VOID(check(request));
  const FunnelQuery query = to_sql(request, warehouse.lists());
  ZHIYIN_TRY(const auto rows, warehouse.query(query.sql, query.parameters, limits));
  FunnelResult result;
  for (std::size_t i = 0; i < request.steps.size(); ++i) {
    FunnelStep step;
    step.people = storage::as_int(rows.rows.at(0).at(i));
    const auto share = [&](std::int64_t whole) {
      return whole == 0 ? 0.0 : static_cast<double>(step.people) / static_cast<double>(whole);
    };
    step.of_first = share(i == 0 ? step.people : result.steps.front().people);
    step.of_previous = share(i == 0 ? step.people : result.steps.back().people);
    result.steps.push_back(step);
  }
  return result;
}

}  // namespace zhiyin::measurement
