#include "measurement/retention.h"

namespace zhiyin::measurement {
namespace {

using storage::Value;

struct RetentionQuery {
  std::string sql;
  std::vector<Value> parameters;
};

/// `x - x % n` is exact on integers everywhere, and so is its quotient by n, whatever `/` means.
std::string period_of(std::string_view at, const RetentionRequest& r) {
  const std::string x = fmt::format("({} - {})", at, r.from.us);
  return fmt::format("CAST(({0} - {0} % {1}) / {1} AS BIGINT)", x, r.period.count());
}

/// One bit for each period with a return, gathered by identity and then by person.
RetentionQuery to_sql(const RetentionRequest& r, const storage::Dialect& dialect) {
  RetentionQuery q;
  const std::int64_t end = (r.from + r.period * r.periods).us;
  const std::string first = condition_of(r.first, q.parameters);
  const std::string returns = condition_of(r.returns, q.parameters);
  const std::string bit =
      fmt::format(fmt::runtime(dialect.power_of_two), period_of("e.occurred_at", r));
  // One after the other: parameters stand in the order of the text.
  const std::string is_first = condition_of(r.first, q.parameters);
  const std::string is_return = condition_of(r.returns, q.parameters);
  const auto number_of = [&](std::string_view text) {
    return fmt::format(fmt::runtime(dialect.number_of_text), text);
  };
  std::string sql = fmt::format(
      "SELECT {} AS identity, MIN(CASE WHEN {} THEN e.occurred_at END) AS first_at,"
      " BIT_OR(CASE WHEN e.occurred_at >= {} AND {} THEN {} ELSE CAST(0 AS BIGINT) END) AS bits"
      " FROM events e {} WHERE e.occurred_at < {} AND {} AND ({} OR {}) GROUP BY 1",
      number_of("e.identity"), first, r.from.us, returns, bit, kErasedJoin, end, kErasedCondition,
      is_first, is_return);
  sql = fmt::format(
      "SELECT MIN(x.first_at) AS first_at, BIT_OR(x.bits) AS bits FROM ({}) x JOIN (SELECT {} AS"
      " identity, {} AS person FROM identity_person WHERE person <> '') ip"
      " ON ip.identity = x.identity GROUP BY ip.person HAVING MIN(x.first_at) >= {}",
      sql, number_of("identity"), number_of("person"), r.from.us);
  std::string sums;
  for (int i = 1; i < r.periods; ++i) {
    const std::int64_t power = std::int64_t{1} << i;
    sums += fmt::format(", SUM(CASE WHEN y.bits % {} >= {} THEN 1 ELSE 0 END)", power * 2, power);
  }
  q.sql = fmt::format(
      "SELECT cohort, COUNT(*){} FROM (SELECT {} AS cohort, people.bits AS bits FROM ({}) people) y"
      " GROUP BY cohort ORDER BY cohort",
      sums, period_of("people.first_at", r), sql);
  return q;
}

}  // namespace

Result<void> check(const RetentionRequest& r) {
  for (const auto& [field, filter] :
       {std::pair("first", &r.first), std::pair("returns", &r.returns)}) {
    if (auto ok = check(*filter, false); !ok)
      return std::unexpected(within(field, std::move(ok.error())));
  }
  if (r.periods < 2 || r.periods > kRetentionPeriodsMax)
    return fail_field("periods", "{} is not between 2 and {}", r.periods, kRetentionPeriodsMax);
  if (r.period < std::chrono::hours(1) || r.period > kDay * 366)
    return fail_field("period", "is not between 1h and 366d");
  return {};
}

Result<RetentionResult> make_retention(storage::Warehouse& warehouse,
                                       const RetentionRequest& request,
                                       storage::QueryLimits limits) {
  ZHIYIN_TRY_VOID(check(request));
  const RetentionQuery query = to_sql(request, warehouse.dialect());
  ZHIYIN_TRY(const auto rows, warehouse.query(query.sql, query.parameters, limits));
  RetentionResult result;
  for (int i = 0; i < request.periods; ++i) {
    result.cohorts.push_back(
        {i, 0, std::vector<std::int64_t>(static_cast<std::size_t>(request.periods - 1 - i))});
  }
  for (const storage::Row& row : rows.rows) {
    const auto place = static_cast<std::size_t>(storage::as_int(row[0]));
    RetentionCohort& cohort = result.cohorts.at(place);
    cohort.people = storage::as_int(row[1]);
    for (std::size_t i = 0; i < cohort.returned.size(); ++i)
      cohort.returned[i] = storage::as_int(row[2 + place + i]);
  }
  return result;
}

}  // namespace zhiyin::measurement
