#include "measurement/funnel.h"

#include <algorithm>

namespace zhiyin::measurement {
namespace {

using storage::Value;

template <class... Sql>
std::string spell(std::string_view form, const Sql&... sql) {
  return fmt::format(fmt::runtime(form), sql...);
}

struct FunnelQuery {
  std::string sql;
  std::vector<Value> parameters;
};

bool only_of_kind(const EventFilter& f) {
  return f.item_kind.empty() && f.item_id.empty() && f.tag.empty() && f.account.empty();
}

/// The events of later steps in [from, end): each is read once, and a mask says of which steps it
/// is.
std::string later_events(const FunnelRequest& r, std::string_view number, FunnelQuery& q) {
  std::string mask;
  for (std::size_t k = 1; k < r.steps.size(); ++k) {
    mask += fmt::format("{}CASE WHEN {} THEN {} ELSE 0 END", mask.empty() ? "" : " + ",
                        condition_of(r.steps[k], q.parameters), 1 << k);
  }
  // As an expression of one column the list of kinds is checked before other columns are unpacked;
  // a bare IN is not, in DuckDB 1.4.
  std::string wanted = "COALESCE(e.kind, '') IN (";
  for (std::size_t k = 1; k < r.steps.size(); ++k) {
    wanted += k == 1 ? "?" : ", ?";
    q.parameters.emplace_back(r.steps[k].kind);
  }
  wanted += ")";
  if (!std::all_of(r.steps.begin() + 1, r.steps.end(), only_of_kind)) {
    std::string any;
    for (std::size_t k = 1; k < r.steps.size(); ++k)
      any += (k == 1 ? "" : " OR ") + condition_of(r.steps[k], q.parameters);
    wanted += " AND (" + any + ")";
  }
  return fmt::format(
      "SELECT {} AS identity, e.off AS off, e.occurred_at AS moment, {} AS mask FROM events e"
      " WHERE e.occurred_at >= {} AND e.occurred_at < {} AND {}",
      number, mask, r.from.us, (r.to + r.window).us, wanted);
}

/// When each person begins; then, of the events of later steps, those within a person's window,
/// which are few; then one step after the other.
FunnelQuery to_sql(const FunnelRequest& r, const storage::Dialect& dialect) {
  FunnelQuery q;
  const std::string number = spell(dialect.number_of_text, "e.identity");
  q.sql = fmt::format(
      "WITH who {0} (SELECT {1} AS identity, {2} AS person, p.after_off AS after_off"
      " FROM identity_person p WHERE p.person <> ''), step1 {0} (SELECT w.person AS person, "
      "MIN(x.moment) AS begun FROM"
      " (SELECT {3} AS identity, e.off AS off, e.occurred_at AS moment FROM events e"
      " WHERE e.occurred_at >= {4} AND e.occurred_at < {5} AND {6}) x"
      " JOIN who w ON w.identity = x.identity WHERE x.off > w.after_off GROUP BY w.person)",
      dialect.once, spell(dialect.number_of_text, "p.identity"),
      spell(dialect.number_of_text, "p.person"), number, r.from.us, r.to.us,
      condition_of(r.steps[0], q.parameters));
  q.sql += fmt::format(
      ", later {0} (SELECT b.person AS person, b.begun AS begun, x.moment AS moment, x.mask AS mask"
      " FROM ({1}) x JOIN (SELECT w.identity AS identity, w.after_off AS after_off,"
      " s.person AS person, s.begun AS begun FROM who w JOIN step1 s ON s.person = w.person) b"
      " ON b.identity = x.identity"
      " WHERE x.off > b.after_off AND x.moment > b.begun AND x.moment <= b.begun + {2})",
      dialect.once, later_events(r, number, q), r.window.count());
  std::string counts = "(SELECT COUNT(*) FROM step1) AS n1";
  for (std::size_t k = 2; k <= r.steps.size(); ++k) {
    // The first of the later steps needs no join: its events are after the beginning already.
    const std::string from =
        k == 2 ? "later d" : fmt::format("later d JOIN step{} s ON s.person = d.person", k - 1);
    q.sql += fmt::format(
        ", step{0} {1} (SELECT d.person AS person, MIN(d.moment) AS moment FROM {2}"
        " WHERE d.mask % {3} >= {4}{5} GROUP BY d.person)",
        k, dialect.once, from, 1 << k, 1 << (k - 1), k == 2 ? "" : " AND d.moment > s.moment");
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
