#include "measurement/retention.h"

namespace zhiyin::measurement {
namespace {

using storage::Value;

struct RetentionQuery {
  std::string sql;
  std::vector<Value> parameters;
};

/// The bit of a period: bit 0 is for everything before the first.
std::int64_t bit_of(int period) { return std::int64_t{1} << (period + 1); }

/// "This bit is set in these": shifts are spelt differently from database to database.
std::string has_bit(std::string_view bits, std::int64_t bit) {
  return fmt::format("{} % {} >= {}", bits, bit * 2, bit);
}

/// The bit of the period in [first, end) in which an event lies. Halving compares few times, and
/// events that lie together take the same way, which is faster than dividing.
std::string bit_of_event(const RetentionRequest& r, int first, int end) {
  if (end - first == 1) return fmt::format("{}", bit_of(first));
  const int middle = (first + end) / 2;
  return fmt::format("CASE WHEN e.occurred_at < {} THEN {} ELSE {} END",
                     (r.from + r.period * middle).us, bit_of_event(r, first, middle),
                     bit_of_event(r, middle, end));
}

/// Whose identity was erased begins anew afterwards.
std::string without_erased(std::string_view events, std::string_view number) {
  return fmt::format(
      "({}) x LEFT JOIN (SELECT {} AS identity, p.after_off AS after_off"
      " FROM identity_person p WHERE p.after_off > 0) erased ON erased.identity = x.identity"
      " WHERE x.off > COALESCE(erased.after_off, 0)",
      events, number);
}

/// Bits gathered by identity, once over the events, and then by person: in which periods they did
/// what makes new (`began`) and in which they came back (`back`).
RetentionQuery to_sql(const RetentionRequest& r, const storage::Dialect& dialect) {
  RetentionQuery q;
  const auto number_of = [&](std::string_view text) {
    return fmt::format(fmt::runtime(dialect.number_of_text), text);
  };
  const bool same = r.first == r.returns;
  const std::string identity = number_of("p.identity");
  // Parameters stand in the order of the text.
  const std::string before = fmt::format(
      "SELECT {} AS identity, e.off AS off FROM events e WHERE e.occurred_at < {} AND {}",
      number_of("e.identity"), r.from.us, condition_of(r.first, q.parameters));
  std::string columns = fmt::format("{} AS bit", bit_of_event(r, 0, r.periods));
  if (!same) {
    columns += fmt::format(", CASE WHEN {} THEN 1 ELSE 0 END AS is_first",
                           condition_of(r.first, q.parameters));
    columns += fmt::format(", CASE WHEN {} THEN 1 ELSE 0 END AS is_back",
                           condition_of(r.returns, q.parameters));
  }
  std::string wanted = condition_of(r.first, q.parameters);
  if (!same) wanted = fmt::format("({} OR {})", wanted, condition_of(r.returns, q.parameters));
  const std::string within = fmt::format(
      "SELECT {} AS identity, e.off AS off, {} FROM events e"
      " WHERE e.occurred_at >= {} AND e.occurred_at < {} AND {}",
      number_of("e.identity"), columns, r.from.us, (r.from + r.period * r.periods).us, wanted);
  const std::string people = fmt::format(
      "SELECT BIT_OR(y.began) AS began{} FROM (SELECT DISTINCT x.identity AS identity, 1 AS began{}"
      " FROM {} UNION ALL SELECT x.identity AS identity, {} FROM {} GROUP BY x.identity) y"
      " JOIN (SELECT {} AS identity, {} AS person FROM identity_person p WHERE p.person <> '') ip"
      " ON ip.identity = y.identity GROUP BY ip.person",
      same ? "" : ", BIT_OR(y.back) AS back", same ? "" : ", 0 AS back",
      without_erased(before, identity),
      same ? "BIT_OR(x.bit) AS began"
           : "BIT_OR(x.bit * x.is_first) AS began, BIT_OR(x.bit * x.is_back) AS back",
      without_erased(within, identity), identity, number_of("p.person"));
  std::string cohort = "CASE";
  std::string sums;
  for (int i = 0; i < r.periods; ++i) {
    cohort += fmt::format(" WHEN {} THEN {}", has_bit("began", bit_of(i)), i);
    if (i == 0) continue;
    sums += fmt::format(", SUM(CASE WHEN {} THEN 1 ELSE 0 END)", has_bit("c.back", bit_of(i)));
  }
  q.sql = fmt::format(
      "SELECT c.cohort, COUNT(*){} FROM (SELECT {} END AS cohort, {} AS back FROM ({}) people"
      " WHERE began > 0 AND began % 2 = 0) c GROUP BY c.cohort ORDER BY c.cohort",
      sums, cohort, same ? "began" : "back", people);
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
