#include <algorithm>
#include <cstring>

#include "base/crypto.h"
#include "storage/copy.h"

namespace zhiyin::storage {
namespace {

// Few enough parameters for any database.
constexpr std::size_t kParametersMax = 8000;
constexpr std::size_t kStateRows = 2000;
constexpr std::size_t kWarehouseRows = 20'000;

std::unexpected<Error> stopped() {
  return fail(ErrorCode::kDeadline, "migrate: stopped; run it again to go on");
}

void add(std::uint64_t& digest, const Value& cell) {
  const auto mix = [&](char type, std::string_view bytes) {
    std::uint64_t parts[2] = {digest, crypto::xxh64(bytes) + static_cast<unsigned char>(type)};
    digest = crypto::xxh64({reinterpret_cast<const char*>(parts), sizeof parts});
  };
  if (const auto* n = std::get_if<std::int64_t>(&cell))
    return mix('i', {reinterpret_cast<const char*>(n), sizeof *n});
  if (const auto* x = std::get_if<double>(&cell))
    return mix('r', {reinterpret_cast<const char*>(x), sizeof *x});
  if (const auto* s = std::get_if<std::string>(&cell)) return mix('t', *s);
  if (const auto* b = std::get_if<Blob>(&cell)) return mix('b', b->bytes);
  mix('n', {});
}

std::string names(const auto& columns) {
  std::string out;
  for (const auto& column : columns)
    out += fmt::format("{}\"{}\"", out.empty() ? "" : ", ", column);
  return out;
}

/// `(a, b) > (?1, ?2)`, spelt so that every database uses an index over (a, b).
template <class Mark>
std::string beyond(const auto& key, std::string_view comparison, Mark mark) {
  std::string left;
  std::string right;
  for (const auto& column : key) {
    left += fmt::format("{}\"{}\"", left.empty() ? "" : ", ", column);
    right += fmt::format("{}{}", right.empty() ? "" : ", ", mark());
  }
  return key.size() == 1 ? fmt::format("{} {} {}", left, comparison, right)
                         : fmt::format("({}) {} ({})", left, comparison, right);
}

Row key_of(const Row& row, const std::vector<std::size_t>& at) {
  Row key;
  for (const std::size_t i : at) key.push_back(row[i]);
  return key;
}

std::string insert_sql(const StateTable& table, std::size_t rows) {
  std::string sql =
      fmt::format("INSERT INTO \"{}\" ({}) VALUES ", table.name, names(table.columns));
  std::size_t n = 1;
  for (std::size_t r = 0; r < rows; ++r) {
    sql += r == 0 ? "(" : ",(";
    for (std::size_t c = 0; c < table.columns.size(); ++c)
      sql += fmt::format("{}?{}", c == 0 ? "" : ",", n++);
    sql += ')';
  }
  return sql;
}

Result<void> insert_rows(Session& session, const StateTable& table, std::span<const Row> rows) {
  const std::size_t most =
      std::max<std::size_t>(1, std::min<std::size_t>(100, kParametersMax / table.columns.size()));
  const std::string full = insert_sql(table, most);
  for (std::size_t at = 0; at < rows.size(); at += most) {
    const auto group = rows.subspan(at, std::min(most, rows.size() - at));
    std::vector<Value> parameters;
    for (const Row& row : group) parameters.insert(parameters.end(), row.begin(), row.end());
    ZHIYIN_TRY_VOID(session.execute(group.size() == most ? full : insert_sql(table, group.size()),
                                    std::span<const Value>(parameters)));
  }
  return {};
}

/// Rows of a table between two keys, and how they are replaced; the same walk for state and
/// warehouse.
class Walk {
 public:
  virtual ~Walk() = default;
  /// Up to a page of rows behind `after` (empty: from the beginning), in the order of the key.
  virtual Result<Rows> page(const Row& after) = 0;
  /// The target's rows behind `after` up to `last` (empty: all).
  virtual Result<Rows> there(const Row& after, const Row& last) = 0;
  virtual Result<void> replace(const Row& after, const Row& last, std::span<const Row> rows,
                               bool empty) = 0;
};

Result<CopyDigest> walk(Walk& tables, std::string_view name, const std::vector<std::size_t>& key,
                        const CopyProgress& progress) {
  CopyDigest out{std::string(name), 0, 0, 0};
  Row after;
  for (;;) {
    ZHIYIN_TRY(const Rows wanted, tables.page(after));
    const Row last = wanted.rows.empty() ? Row() : key_of(wanted.rows.back(), key);
    ZHIYIN_TRY(const Rows found, tables.there(after, last));
    if (found.rows != wanted.rows) {
      ZHIYIN_TRY_VOID(tables.replace(after, last, wanted.rows, found.rows.empty()));
      out.written += static_cast<std::int64_t>(wanted.rows.size());
      ZHIYIN_TRY(const Rows again, tables.there(after, last));
      if (again.rows != wanted.rows)
        return fail(ErrorCode::kDataLoss, "{}: the target does not hold what was written to it",
                    name);
    }
    if (wanted.rows.empty()) return out;
    for (const Row& row : wanted.rows) {
      for (const Value& cell : row) add(out.digest, cell);
    }
    out.count += static_cast<std::int64_t>(wanted.rows.size());
    after = last;
    if (!progress(static_cast<std::int64_t>(wanted.rows.size()))) return stopped();
  }
}

class StateWalk final : public Walk {
 public:
  StateWalk(State& from, State& to, const StateTable& table)
      : from_(from), to_(to), table_(table) {}

  Result<Rows> page(const Row& after) override {
    std::vector<Value> parameters;
    const std::string sql =
        fmt::format("SELECT {} FROM \"{}\"{} ORDER BY {} LIMIT {}", names(table_.columns),
                    table_.name, where(after, {}, parameters), names(table_.key), kStateRows);
    return query(from_, sql, parameters);
  }
  Result<Rows> there(const Row& after, const Row& last) override {
    std::vector<Value> parameters;
    const std::string sql = fmt::format(
        "SELECT {} FROM \"{}\"{} ORDER BY {}{}", names(table_.columns), table_.name,
        where(after, last, parameters), names(table_.key), last.empty() ? " LIMIT 1" : "");
    return query(to_, sql, parameters);
  }
  Result<void> replace(const Row& after, const Row& last, std::span<const Row> rows,
                       bool empty) override {
    return to_.write([&](Session& session) -> Result<void> {
      if (!empty) {
        std::vector<Value> parameters;
        const std::string sql =
            fmt::format("DELETE FROM \"{}\"{}", table_.name, where(after, last, parameters));
        ZHIYIN_TRY_VOID(session.execute(sql, std::span<const Value>(parameters)));
      }
      return insert_rows(session, table_, rows);
    });
  }

 private:
  static Result<Rows> query(State& state, const std::string& sql,
                            const std::vector<Value>& parameters) {
    Rows rows;
    ZHIYIN_TRY_VOID(state.read([&](Session& session) -> Result<void> {
      ZHIYIN_TRY(rows, session.query(sql, std::span<const Value>(parameters)));
      return {};
    }));
    return rows;
  }
  std::string where(const Row& after, const Row& last, std::vector<Value>& parameters) const {
    const auto mark = [&] { return fmt::format("?{}", parameters.size() + 1 + marks_++); };
    std::string out;
    for (const auto& [bound, comparison] : {std::pair(&after, ">"), std::pair(&last, "<=")}) {
      if (bound->empty()) continue;
      marks_ = 0;
      out += fmt::format("{}{}", out.empty() ? " WHERE " : " AND ",
                         beyond(table_.key, comparison, mark));
      parameters.insert(parameters.end(), bound->begin(), bound->end());
    }
    return out;
  }

  State& from_;
  State& to_;
  const StateTable& table_;
  mutable std::size_t marks_ = 0;
};

class WarehouseWalk final : public Walk {
 public:
  WarehouseWalk(Warehouse& from, Warehouse& to, const Table& table,
                std::span<const std::string_view> key, std::string_view condition,
                std::string_view id)
      : from_(from),
        to_(to),
        table_(table),
        key_(key.begin(), key.end()),
        condition_(condition),
        id_(id) {}

  Result<Rows> page(const Row& after) override { return select(from_, after, {}, kWarehouseRows); }
  Result<Rows> there(const Row& after, const Row& last) override {
    return select(to_, after, last, last.empty() ? 1 : 0);
  }
  Result<void> replace(const Row& after, const Row& last, std::span<const Row> rows,
                       bool empty) override {
    if (!empty) {
      std::vector<Value> parameters;
      std::string condition = where(after, last, parameters);
      ZHIYIN_TRY_VOID(to_.remove(table_, condition.empty() ? "1 = 1" : condition,
                                 std::span<const Value>(parameters)));
    }
    if (rows.empty()) return {};
    ZHIYIN_TRY_VOID(to_.insert(table_, rows, fmt::format("move:{}:{}", id_, parts_++)));
    return to_.flush();
  }

 private:
  Result<Rows> select(Warehouse& warehouse, const Row& after, const Row& last,
                      std::size_t limit) const {
    std::vector<std::string_view> columns;
    for (const TableColumn& column : table_.columns) columns.push_back(column.name);
    std::vector<Value> parameters;
    const std::string condition = where(after, last, parameters);
    const std::string sql =
        fmt::format("SELECT {} FROM \"{}\"{}{} ORDER BY {}{}", names(columns), table_.name,
                    condition.empty() ? "" : " WHERE ", condition, names(key_),
                    limit == 0 ? "" : fmt::format(" LIMIT {}", limit));
    QueryLimits limits;
    limits.timeout = std::chrono::minutes(5);
    return warehouse.query(sql, std::span<const Value>(parameters), limits);
  }
  /// Spelt out: tuples are compared differently by different engines.
  std::string where(const Row& after, const Row& last, std::vector<Value>& parameters) const {
    std::string out = condition_;
    for (const auto& [bound, strict] : {std::pair(&after, ">"), std::pair(&last, "<")}) {
      if (bound->empty()) continue;
      std::string any;
      for (std::size_t i = 0; i < key_.size(); ++i) {
        std::string all;
        for (std::size_t j = 0; j <= i; ++j) {
          const bool or_equal = j == key_.size() - 1 && strict == std::string_view("<");
          all += fmt::format("{}\"{}\" {} ?", j == 0 ? "" : " AND ", key_[j],
                             j < i      ? "="
                             : or_equal ? "<="
                                        : strict);
          parameters.push_back((*bound)[j]);
        }
        any += fmt::format("{}({})", any.empty() ? "" : " OR ", all);
      }
      // The first column alone lets the engine skip most of the table.
      out += fmt::format("{}\"{}\" {} ? AND ({})", out.empty() ? "" : " AND ", key_[0],
                         strict == std::string_view(">") ? ">=" : "<=", any);
      parameters.insert(
          parameters.end() - static_cast<std::ptrdiff_t>(key_.size() * (key_.size() + 1) / 2),
          bound->front());
    }
    return out;
  }

  Warehouse& from_;
  Warehouse& to_;
  const Table& table_;
  const std::vector<std::string_view> key_;
  const std::string condition_;
  const std::string id_;
  std::size_t parts_ = 0;
};

std::vector<std::size_t> places(const auto& columns, const auto& key, const auto& name_of) {
  std::vector<std::size_t> at;
  for (const auto& part : key) {
    at.push_back(static_cast<std::size_t>(
        std::ranges::find_if(columns, [&](const auto& c) { return name_of(c) == part; }) -
        columns.begin()));
  }
  return at;
}

}  // namespace

std::string row_checksum(const Table& table, const Dialect& dialect) {
  std::string row;
  for (const TableColumn& column : table.columns) {
    row += row.empty() ? "" : " || '\x1f' || ";
    row +=
        column.type == ColumnType::kText
            ? fmt::format("CASE WHEN \"{0}\" IS NULL THEN '-' ELSE '+' || \"{0}\" END", column.name)
            : fmt::format(
                  "CASE WHEN \"{0}\" IS NULL THEN '-' ELSE CAST(COALESCE(\"{0}\", 0) AS "
                  "VARCHAR) END",
                  column.name);
  }
  return fmt::format(fmt::runtime(dialect.checksum_of_text), row);
}

Result<CopyDigest> copy_table(State& from, State& to, const StateTable& table,
                              const CopyProgress& progress) {
  if (table.key.empty())
    return fail(ErrorCode::kUnsupported, "state: the table {} has no primary key", table.name);
  StateWalk tables(from, to, table);
  return walk(
      tables, table.name,
      places(table.columns, table.key, [](const std::string& c) { return std::string_view(c); }),
      progress);
}

Result<CopyDigest> copy_table(Warehouse& from, Warehouse& to, const Table& table,
                              std::span<const std::string_view> key, std::string_view condition,
                              std::string_view id, const CopyProgress& progress) {
  ZHIYIN_TRY_VOID(from.create(table));
  ZHIYIN_TRY_VOID(to.create(table));
  WarehouseWalk tables(from, to, table, key, condition, id);
  return walk(tables, table.name,
              places(table.columns, key, [](const TableColumn& c) { return c.name; }), progress);
}

}  // namespace zhiyin::storage
