#include "audience/segment_query.h"

#include <algorithm>

#include "audience/detail/comparison.h"
#include "audience/features.h"
#include "audience/interests.h"
#include "audience/warehouse_people.h"
#include "catalogue/items.h"
#include "ingest/warehouse_writer.h"

namespace zhiyin::audience {
namespace {

constexpr std::int64_t kDayUs = 86'400'000'000;
constexpr std::int64_t kHourUs = 3'600'000'000;
constexpr std::int64_t kLocalOffsetUs = 8 * kHourUs;

/// Ages in whole hours (as microseconds) with what is left of a weight by then, in millionths. A
/// table rather than a formula: both evaluations multiply by the same integers.
const storage::Table& decay_table() {
  static const storage::Table table{
      "interest_decay",
      {{"age", storage::ColumnType::kInt}, {"left_micro", storage::ColumnType::kInt}},
      {"age"}};
  return table;
}

std::string_view sql_op(CompareOp op) {
  switch (op) {
    case CompareOp::kEqual:
    case CompareOp::kIn:
      return "=";
    case CompareOp::kNotEqual:
      return "<>";
    case CompareOp::kLess:
      return "<";
    case CompareOp::kLessEqual:
      return "<=";
    case CompareOp::kGreater:
      return ">";
    case CompareOp::kGreaterEqual:
      return ">=";
  }
  return "=";
}

/// The value of an event that brings none is its kind's default.
const std::string& value_sql() {
  static const std::string sql = [] {
    std::string cases;
    for (const ingest::CoreKind& kind : ingest::core_kinds()) {
      if (kind.default_value != 1)
        cases += fmt::format(" WHEN '{}' THEN {}", kind.name, kind.default_value);
    }
    return fmt::format("COALESCE(e.value, CASE e.kind{} ELSE 1 END)", cases);
  }();
  return sql;
}

const std::string& points_sql() {
  static const std::string sql = [] {
    std::string cases;
    for (const InterestRule& rule : kInterestRules) {
      if (rule.by_value) {
        cases += fmt::format(
            " WHEN e.kind = '{0}' THEN CASE WHEN {1} > {2} THEN {2} WHEN {1} < 0 THEN 0 ELSE {1} "
            "END",
            rule.kind, value_sql(), rule.points);
      } else {
        cases += fmt::format(" WHEN e.kind = '{}' THEN {}", rule.kind, rule.points);
      }
    }
    return fmt::format("CASE{} ELSE 0 END", cases);
  }();
  return sql;
}

const std::string& behaviour_sql() {
  static const std::string sql = [] {
    std::string names;
    for (const std::string_view kind : kPassiveKinds)
      names += fmt::format("{}'{}'", names.empty() ? "" : ", ", kind);
    return fmt::format(
        "e.kind NOT LIKE 'touch.%' AND e.kind NOT LIKE 'bot.%' AND e.kind NOT IN ({})", names);
  }();
  return sql;
}

constexpr std::string_view kOfPeople =
    "FROM events e JOIN identity_person ip ON ip.identity = e.identity"
    " AND ip.person <> '' AND e.off > ip.after_off";

/// What remains of a feature once its rows are grouped by person: an expression over them, in
/// millionths. COALESCE keeps groups apart from missing values.
std::string feature_expression(const Feature& f, Instant as_of) {
  const std::string value = value_sql();
  const std::string local = fmt::format("(e.occurred_at + {})", kLocalOffsetUs);
  // x - x % n is exact on integers everywhere, and so is its quotient by n, whatever `/` means.
  const auto whole = [](std::string_view x, std::string_view n) {
    return fmt::format("CAST((({0}) - ({0}) % ({1})) / ({1}) AS BIGINT)", x, n);
  };
  switch (f.form) {
    case FeatureForm::kCount:
      return fmt::format("COUNT(*) * {}", kMicro);
    case FeatureForm::kSum:
      return fmt::format("SUM({}) * {}", value, kMicro);
    case FeatureForm::kDaysSinceLast:
      return fmt::format(
          "{} * {}",
          whole(fmt::format("{} - MAX(e.occurred_at)", as_of.us), std::to_string(kDayUs)), kMicro);
    case FeatureForm::kDaysSinceFirst:
      return fmt::format(
          "{} * {}",
          whole(fmt::format("{} - MIN(e.occurred_at)", as_of.us), std::to_string(kDayUs)), kMicro);
    case FeatureForm::kActiveDays:
      return fmt::format("COUNT(DISTINCT {0} - {0} % {1}) * {2}", local, kDayUs, kMicro);
    case FeatureForm::kNightShare:
      return fmt::format(
          "{} * {}",
          whole(fmt::format(
                    "1000 * SUM(CASE WHEN {0} % {1} >= {2} OR {0} % {1} < {3} THEN 1 ELSE 0 END)",
                    local, kDayUs, 22 * kHourUs, 6 * kHourUs),
                "COUNT(*)"),
          kMicro / 1000);
    case FeatureForm::kDistinctItems:
      return fmt::format("COUNT(DISTINCT e.item_kind || '/' || e.item_id) * {}", kMicro);
    case FeatureForm::kMean:
      return fmt::format("{} * {}", whole(fmt::format("100 * SUM({})", value), "COUNT(*)"),
                         kMicro / 100);
    case FeatureForm::kPeakHour:
      break;  // not a plain aggregate, see below
  }
  return "0";
}

bool zero_when_empty(FeatureForm form) {
  return form == FeatureForm::kCount || form == FeatureForm::kSum ||
         form == FeatureForm::kActiveDays || form == FeatureForm::kDistinctItems;
}

/// Appends text and parameters in step.
class Builder {
 public:
  explicit Builder(Instant as_of) : as_of_(as_of) {}

  SegmentQuery query(const SegmentNode& root) && {
    sql_ =
        "SELECT p.person AS person FROM (SELECT DISTINCT person FROM identity_person WHERE person "
        "<> '') p WHERE ";
    (*this)(root);
    sql_ += " ORDER BY p.person";
    return {std::move(sql_), std::move(parameters_)};
  }

  void operator()(const SegmentNode& node) { std::visit(*this, node.value); }
  void operator()(const Everyone&) { sql_ += "1 = 1"; }
  void operator()(const AndNode& n) { joined(n.children, " AND "); }
  void operator()(const OrNode& n) { joined(n.children, " OR "); }
  void operator()(const NotNode& n) {
    sql_ += "NOT (";
    (*this)(n.child.front());
    sql_ += ")";
  }

  void operator()(const EventCondition& c) {
    const std::string expression = c.sum ? fmt::format("SUM({})", value_sql()) : "COUNT(*)";
    people_where_group(c.compare, true, expression, [&] {
      sql_ += kOfPeople;
      if (c.item && !c.item->tag.empty()) {
        sql_ +=
            " JOIN item_tags t ON t.item_kind = e.item_kind AND t.item_id = e.item_id AND t.weight "
            "> 0 AND t.tag = ";
        text(c.item->tag);
      }
      sql_ += " WHERE e.kind = ";
      text(c.kind);
      if (!c.account.empty()) {
        sql_ += " AND e.account = ";
        text(c.account);
      }
      if (c.item && !c.item->kind.empty()) {
        sql_ += " AND e.item_kind = ";
        text(c.item->kind);
      }
      if (c.item && !c.item->id.empty()) {
        sql_ += " AND e.item_id = ";
        text(c.item->id);
      }
      in_window(c.window);
    });
  }

  void operator()(const FeatureCondition& c) {
    const Feature& f = *find_feature(c.name);
    if (f.form == FeatureForm::kPeakHour) return peak_hour(f, c.compare);
    people_where_group(c.compare, zero_when_empty(f.form), feature_expression(f, as_of_), [&] {
      feature_rows(f);
      if (f.form == FeatureForm::kMean) {
        sql_ +=
            fmt::format(" AND {} BETWEEN {} AND {}", value_sql(), -kMeanValueMax, kMeanValueMax);
      }
    });
  }

  void operator()(const InterestCondition& c) {
    // Compared in the unit of the sum, so that nothing is divided: (x - x % n) cmp operand * n.
    constexpr std::int64_t kRawPerMicro = 100'000;
    std::vector<IntCompare> raw = c.compare;
    for (IntCompare& r : raw) r.operand *= kRawPerMicro;
    const std::string sum =
        fmt::format("(SUM({} * d.left_micro * t.weight) + {})", points_sql(), kRawPerMicro / 2);
    people_where_group(raw, true, fmt::format("{0} - {0} % {1}", sum, kRawPerMicro), [&] {
      sql_ += kOfPeople;
      sql_ +=
          " JOIN item_tags t ON t.item_kind = e.item_kind AND t.item_id = e.item_id AND t.weight > "
          "0 AND t.tag = ";
      text(c.tag);
      const std::string age = fmt::format("({} - e.occurred_at)", as_of_.us);
      sql_ += fmt::format(" JOIN interest_decay d ON d.age = {0} - {0} % {1}", age, kHourUs);
      sql_ += " WHERE 1 = 1";
      in_window(std::nullopt);
    });
  }

  void operator()(const TraitCondition& c) {
    sql_ +=
        "p.person IN (SELECT person FROM (SELECT ip.person AS person, t.text AS text, t.number AS "
        "number,"
        " ROW_NUMBER() OVER (PARTITION BY ip.person ORDER BY t.at DESC, t.text DESC NULLS LAST) "
        "AS place"
        " FROM traits t JOIN identity_person ip ON ip.identity = t.identity AND ip.person <> ''"
        " AND t.off > ip.after_off WHERE t.name = ";
    text(c.name);
    sql_ += " AND t.at <= ";
    integer(as_of_.us);
    sql_ += ") newest WHERE place = 1";
    for (const TraitCompare& compare : c.compare) {
      sql_ += " AND (";
      for (std::size_t i = 0; i < compare.operands.size(); ++i) {
        if (i != 0) sql_ += " OR ";
        trait_comparison(compare.op, compare.operands[i]);
      }
      sql_ += ")";
    }
    sql_ += ")";
  }

  void operator()(const FollowingCondition& c) {
    sql_ +=
        "p.person IN (SELECT person FROM (SELECT ip.person AS person, e.kind AS kind,"
        " ROW_NUMBER() OVER (PARTITION BY e.identity ORDER BY e.occurred_at DESC, e.kind DESC) AS "
        "place ";
    sql_ += kOfPeople;
    sql_ += " WHERE e.kind IN ('follow', 'unfollow') AND e.account = ";
    text(c.account);
    in_window(std::nullopt);
    sql_ += ") newest WHERE place = 1 AND kind = 'follow')";
  }

 private:
  void text(const std::string& value) {
    sql_ += "?";
    parameters_.emplace_back(value);
  }
  void integer(std::int64_t value) {
    sql_ += "?";
    parameters_.emplace_back(value);
  }

  void joined(const std::vector<SegmentNode>& children, std::string_view glue) {
    sql_ += "(";
    for (std::size_t i = 0; i < children.size(); ++i) {
      if (i != 0) sql_ += glue;
      (*this)(children[i]);
    }
    sql_ += ")";
  }

  void in_window(const std::optional<Duration>& window) {
    sql_ += " AND e.occurred_at <= ";
    integer(as_of_.us);
    if (!window) return;
    sql_ += " AND e.occurred_at > ";
    integer((as_of_ - *window).us);
  }

  void feature_rows(const Feature& f) {
    sql_ += kOfPeople;
    sql_ += " WHERE ";
    if (f.kind.empty()) {
      sql_ += behaviour_sql();
    } else {
      sql_ += "e.kind = ";
      text(f.kind);
    }
    in_window(f.window);
  }

  void comparisons(std::string_view expression, const std::vector<IntCompare>& list) {
    for (std::size_t i = 0; i < list.size(); ++i) {
      if (i != 0) sql_ += " AND ";
      sql_ += fmt::format("{} {} ", expression, sql_op(list[i].op));
      integer(list[i].operand);
    }
  }

  /// People whose group satisfies the comparisons. People without rows have no group: where 0
  /// satisfies them, the condition is turned round.
  template <class Rows>
  void people_where_group(const std::vector<IntCompare>& list, bool empty_is_zero,
                          std::string_view expression, Rows rows) {
    const bool turned = empty_is_zero && all_hold(list, 0);
    sql_ += turned ? "p.person NOT IN (SELECT ip.person " : "p.person IN (SELECT ip.person ";
    rows();
    sql_ += " GROUP BY ip.person HAVING ";
    sql_ += turned ? "NOT (" : "(";
    comparisons(expression, list);
    sql_ += "))";
  }

  void peak_hour(const Feature& f, const std::vector<IntCompare>& list) {
    const std::string local = fmt::format("(e.occurred_at + {})", kLocalOffsetUs);
    sql_ += fmt::format(
        "p.person IN (SELECT person FROM (SELECT person, hour_us, ROW_NUMBER() OVER (PARTITION BY "
        "person"
        " ORDER BY n DESC, hour_us) AS place FROM (SELECT ip.person AS person, {0} % {1} - {0} % "
        "{2} AS hour_us,"
        " COUNT(*) AS n ",
        local, kDayUs, kHourUs);
    feature_rows(f);
    sql_ += fmt::format(
        " GROUP BY ip.person, {0} % {1} - {0} % {2}) hours) ranked WHERE place = 1 AND ", local,
        kDayUs, kHourUs);
    comparisons(fmt::format("CAST(hour_us / {} AS BIGINT) * {}", kHourUs, kMicro), list);
    sql_ += ")";
  }

  void trait_comparison(CompareOp op, const Operand& operand) {
    if (const auto* number = std::get_if<double>(&operand)) {
      sql_ += fmt::format("number {} ?", sql_op(op));
      parameters_.emplace_back(*number);
      return;
    }
    sql_ += fmt::format("text {} ", sql_op(op));
    if (const auto* flag = std::get_if<bool>(&operand)) {
      text(*flag ? "true" : "false");
    } else {
      text(std::get<std::string>(operand));
    }
  }

  const Instant as_of_;
  std::string sql_;
  std::vector<storage::Value> parameters_;
};

Result<std::vector<PersonId>> people_of(storage::Warehouse& warehouse, const SegmentQuery& query,
                                        storage::QueryLimits limits) {
  ZHIYIN_TRY(const auto rows, warehouse.query(query.sql, query.parameters, limits));
  std::vector<PersonId> people;
  people.reserve(rows.rows.size());
  for (const storage::Row& row : rows.rows)
    people.emplace_back(std::string(storage::as_text(row[0])));
  return people;
}

}  // namespace

const std::string& behaviour_condition() { return behaviour_sql(); }

SegmentQuery to_sql(const SegmentTree& tree, Instant as_of) {
  return Builder(as_of).query(tree.root());
}

Result<void> create_segment_tables(storage::Warehouse& warehouse) {
  for (const storage::Table* table :
       {&ingest::events_table(), &identity_person_table(), &traits_table(),
        &catalogue::items_table(), &catalogue::item_tags_table(), &decay_table()}) {
    ZHIYIN_TRY_VOID(warehouse.create(*table));
  }
  std::vector<storage::Row> rows;
  for (std::int64_t hours = 0; hours < kDecayHours; ++hours) {
    rows.push_back({hours * kHourUs, decay_micro(hours)});
  }
  return warehouse.insert(decay_table(), rows, "interest_decay-1");
}

Result<std::vector<PersonId>> members(storage::Warehouse& warehouse, const SegmentTree& tree,
                                      Instant as_of, std::size_t people_max) {
  storage::QueryLimits limits;
  limits.rows_max = people_max;
  return people_of(warehouse, to_sql(tree, as_of), limits);
}

Result<std::int64_t> count(storage::Warehouse& warehouse, const SegmentTree& tree, Instant as_of) {
  const SegmentQuery query = to_sql(tree, as_of);
  ZHIYIN_TRY(const auto rows,
             warehouse.query(fmt::format("SELECT COUNT(*) FROM ({}) members", query.sql),
                             query.parameters));
  return storage::as_int(rows.rows.at(0).at(0));
}

Result<std::vector<PersonId>> sample(storage::Warehouse& warehouse, const SegmentTree& tree,
                                     Instant as_of, std::size_t n) {
  SegmentQuery query = to_sql(tree, as_of);
  query.sql += fmt::format(" LIMIT {}", n);
  return people_of(warehouse, query, {});
}

}  // namespace zhiyin::audience
