#include "measurement/funnel.h"

namespace zhiyin::measurement {
namespace {

using storage::Value;

template <class... Sql>
std::string spell(std::string_view form, const Sql&... sql) {
  return fmt::format(fmt::runtime(form), sql...);
}

/// The events of the steps by person, then one step after the other.
struct FunnelQuery {
  std::string sql;
  std::vector<Value> parameters;
};

FunnelQuery to_sql(const FunnelRequest& r, const storage::Dialect& dialect) {
  FunnelQuery q;
  const auto number_of = [&](std::string_view text) { return spell(dialect.number_of_text, text); };
  // A mask says of which steps an event is, so each event is read once.
  std::string mask;
  for (std::size_t k = 0; k < r.steps.size(); ++k) {
    mask += fmt::format("{}CASE WHEN {} THEN {} ELSE 0 END", k == 0 ? "" : " + ",
                        condition_of(r.steps[k], q.parameters), 1 << k);
  }
  std::string any;
  for (const EventFilter& step : r.steps)
    any += fmt::format("{}{}", any.empty() ? "" : " OR ", condition_of(step, q.parameters));
  q.sql = fmt::format(
      "WITH done {0} (SELECT ip.person AS person, x.moment AS moment, x.mask AS mask FROM (SELECT "
      "{1} AS"
      " identity, e.off AS off, e.occurred_at AS moment, {2} AS mask FROM events e WHERE"
      " e.occurred_at >= {3} AND e.occurred_at <= {4} AND ({5})) x JOIN (SELECT {6} AS identity,"
      " {7} AS person, after_off FROM identity_person WHERE person <> '') ip"
      " ON ip.identity = x.identity WHERE x.off > ip.after_off)",
      dialect.once, number_of("e.identity"), mask, r.from.us, (r.to + r.window).us, any,
      number_of("identity"), number_of("person"));
  q.sql += fmt::format(
      ", step1 {} (SELECT person, MIN(moment) AS begun, MIN(moment) AS moment FROM done"
      " WHERE mask % 2 >= 1 AND moment < {} GROUP BY person)",
      dialect.once, r.to.us);
  std::string counts = "(SELECT COUNT(*) FROM step1) AS n1";
  for (std::size_t k = 2; k <= r.steps.size(); ++k) {
    q.sql += fmt::format(
        ", step{0} {1} (SELECT s.person AS person, MIN(s.begun) AS begun, MIN(d.moment) AS moment"
        " FROM done d JOIN step{2} s ON s.person = d.person WHERE d.mask % {3} >= {4}"
        " AND d.moment > s.moment AND d.moment <= s.begun + {5} GROUP BY s.person)",
        k, dialect.once, k - 1, 1 << k, 1 << (k - 1), r.window.count());
    counts += fmt::format(", (SELECT COUNT(*) FROM step{0}) AS n{0}", k);
  }
  q.sql += " SELECT " + counts;
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
  const FunnelQuery query = to_sql(request, warehouse.dialect());
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
