#include "storage/clickhouse_warehouse.h"

#include <algorithm>
#include <charconv>
#include <cmath>

#include "base/json.h"
#include "base/mutex.h"
#include "http/client.h"
#include "storage/detail/clickhouse_sql.h"
#include "storage/detail/warehouse_tables.h"

namespace zhiyin::storage {
namespace {

constexpr int kYearMin = 23;
constexpr int kMonthMin = 8;
constexpr std::size_t kAnswerBytesMax = std::size_t{1} << 30;
constexpr std::size_t kQueryBytesMax = 16 << 20;
constexpr auto kConnectTimeout = std::chrono::milliseconds(10'000);
constexpr auto kWriteTimeout = std::chrono::milliseconds(120'000);
constexpr auto kGrace =
    std::chrono::milliseconds(5'000);  // for the server to say that a query took too long
constexpr std::string_view kBatchTable = "zhiyin_batch";

struct Address {
  std::string base;  // http://host:port
  std::string database;
  std::string user = "default";
  std::string password;
};

Result<Address> parse_url(std::string_view url) {
  constexpr std::string_view kScheme = "clickhouse://";
  const auto wrong = [&] {
    return fail(ErrorCode::kInvalidArgument,
                "warehouse: expected clickhouse://[user[:password]@]host[:port]/database[?tls=1]");
  };
  if (!url.starts_with(kScheme)) return wrong();
  url.remove_prefix(kScheme.size());
  bool tls = false;
  if (const std::size_t query = url.find('?'); query != std::string_view::npos) {
    const std::string_view option = url.substr(query + 1);
    if (option != "tls=1" && option != "tls=0") return wrong();
    tls = option == "tls=1";
    url = url.substr(0, query);
  }
  Address address;
  if (const std::size_t at = url.rfind('@'); at != std::string_view::npos) {
    const std::string_view who = url.substr(0, at);
    const std::size_t colon = who.find(':');
    address.user = http::percent_decode(who.substr(0, colon), false);
    if (colon != std::string_view::npos)
      address.password = http::percent_decode(who.substr(colon + 1), false);
    url.remove_prefix(at + 1);
  }
  const std::size_t slash = url.find('/');
  if (slash == std::string_view::npos || slash == 0) return wrong();
  std::string host(url.substr(0, slash));
  address.database = http::percent_decode(url.substr(slash + 1), false);
  if (!detail::is_table_name(address.database)) {
    return fail(ErrorCode::kInvalidArgument,
                "warehouse: the database must be named by lower-case letters, digits and '_'");
  }
  if (host.find(':', host.rfind(']') == std::string::npos ? 0 : host.rfind(']')) ==
      std::string::npos)
    host += tls ? ":8443" : ":8123";
  address.base = fmt::format("{}://{}", tls ? "https" : "http", host);
  return address;
}

/// The number in `Code: 62. DB::Exception: …`; 0 when there is none.
int code_in(std::string_view text) {
  constexpr std::string_view kCode = "Code: ";
  const std::size_t at = text.find(kCode);
  int code = 0;
  if (at != std::string_view::npos)
    std::from_chars(text.data() + at + kCode.size(), text.data() + text.size(), code);
  return code;
}

std::string_view sql_type(ColumnType type) {
  switch (type) {
    case ColumnType::kInt:
      return "Int64";
    case ColumnType::kReal:
      return "Float64";
    case ColumnType::kText:
      return "String";
  }
  return "String";
}

bool is_key(const Table& table, std::string_view column) {
  return std::ranges::find(table.key, column) != table.key.end();
}

std::string column_type(const Table& table, const TableColumn& column) {
  return is_key(table, column.name) ? std::string(sql_type(column.type))
                                    : fmt::format("Nullable({})", sql_type(column.type));
}

std::string create_sql(const Table& table) {
  std::string columns;
  for (const TableColumn& column : table.columns) {
    columns += fmt::format("{}\"{}\" {}", columns.empty() ? "" : ", ", column.name,
                           column_type(table, column));
  }
  std::string key;
  for (const std::string_view column : table.key)
    key += fmt::format("{}\"{}\"", key.empty() ? "" : ", ", column);
  return fmt::format(
      "CREATE TABLE IF NOT EXISTS \"{}\" ({}) ENGINE = {} ORDER BY ({}) SETTINGS "
      "non_replicated_deduplication_window = 10000",
      table.name, columns, table.key.empty() ? "MergeTree" : "ReplacingMergeTree",
      table.key.empty() ? "tuple()" : key);
}

bool is_real(std::string_view type) {
  return type.find("Float") != std::string_view::npos ||
         type.find("Decimal") != std::string_view::npos;
}

/// Int64 for every kind of integer, double for every kind of number with a point.
Value cell_of(std::string_view type, const Json& json) {
  if (json.is_null()) return {};
  if (const auto* text = json.if_string()) {
    // Numbers with a point come as text: some are written with the digits of integers that no
    // reader of JSON takes.
    if (is_real(type)) {
      double x = 0;
      const auto [end, ec] = std::from_chars(text->data(), text->data() + text->size(), x);
      return ec == std::errc() && end == text->data() + text->size() && std::isfinite(x) ? Value(x)
                                                                                         : Value();
    }
    if (type.find("Int") != std::string_view::npos) {
      std::int64_t n = 0;
      const auto [end, ec] = std::from_chars(text->data(), text->data() + text->size(), n);
      if (ec == std::errc() && end == text->data() + text->size()) return n;
    }
    return *text;
  }
  if (const auto* b = json.if_bool()) return std::int64_t{*b ? 1 : 0};
  if (is_real(type)) return json.number_or(0);
  if (const auto* n = json.if_int()) return *n;
  return json.number_or(0);
}

Result<Rows> parse_rows(std::string_view answer) {
  ZHIYIN_TRY(const Json json, parse_json(answer, kAnswerBytesMax));
  Rows rows;
  std::vector<std::string> types;
  const auto* meta = json["meta"].if_array();
  const auto* data = json["data"].if_array();
  if (meta == nullptr || data == nullptr)
    return fail(ErrorCode::kUnavailable, "warehouse: the server's answer is no result");
  for (const Json& column : *meta) {
    rows.columns.emplace_back(column["name"].string_or(""));
    types.emplace_back(column["type"].string_or(""));
  }
  rows.rows.reserve(data->size());
  for (const Json& line : *data) {
    const auto* cells = line.if_array();
    if (cells == nullptr || cells->size() != types.size())
      return fail(ErrorCode::kUnavailable, "warehouse: a row of the answer is no row");
    Row row;
    row.reserve(cells->size());
    for (std::size_t c = 0; c < cells->size(); ++c) row.push_back(cell_of(types[c], (*cells)[c]));
    rows.rows.push_back(std::move(row));
  }
  return rows;
}

class ClickhouseWarehouse final : public Warehouse {
 public:
  explicit ClickhouseWarehouse(Address address)
      : address_(std::move(address)), client_(http::Client::create({})) {}

  Result<void> start() {
    ZHIYIN_TRY(const Rows version, select("SELECT version() AS v", {}, false));
    ZHIYIN_TRY_VOID(check_version(std::string(as_text(version.rows.at(0).at(0)))));
    ZHIYIN_TRY_VOID(
        run(fmt::format("CREATE DATABASE IF NOT EXISTS \"{}\"", address_.database), {}, false));
    return create({kBatchTable,
                   {{"table_name", ColumnType::kText}, {"batch_id", ColumnType::kText}},
                   {"table_name", "batch_id"}});
  }

  Result<void> create(const Table& table) override {
    ZHIYIN_TRY_VOID(detail::check_table(table));
    ZHIYIN_TRY_VOID(run(create_sql(table), {}));
    return check_columns(table);
  }

  Result<void> insert(const Table& table, std::span<const Row> rows,
                      std::string_view batch_id) override {
    ZHIYIN_TRY_VOID(detail::check_table(table));
    for (const Row& row : rows) ZHIYIN_TRY_VOID(detail::check_row(table, row));
    std::string data;
    if (table.key.empty()) {
      for (const Row& row : rows) detail::append_clickhouse_row(data, row);
    } else {
      ZHIYIN_TRY(const auto last, detail::last_rows(table, rows));
      for (const Row* row : last) detail::append_clickhouse_row(data, *row);
    }
    MutexLock lock(
        mutex_);  // one insert at a time, so that a later batch is later for the server, too
    ZHIYIN_TRY(const bool known, is_written(table, batch_id));
    if (known) return {};
    // A repetition of a batch whose answer was lost finds its token; the note makes that last for
    // ever.
    if (!data.empty())
      ZHIYIN_TRY_VOID(send_rows(table.name, data, fmt::format("{}/{}", table.name, batch_id)));
    std::string note;
    detail::append_clickhouse_row(note, {std::string(table.name), std::string(batch_id)});
    return send_rows(kBatchTable, note, fmt::format("note/{}/{}", table.name, batch_id));
  }

  Result<Rows> query(std::string_view sql, std::span<const Value> parameters,
                     QueryLimits limits) override {
    ZHIYIN_TRY(const std::string text, detail::clickhouse_query(sql, parameters));
    return select(text, limits);
  }

  Result<std::int64_t> remove(const Table& table, std::string_view condition,
                              std::span<const Value> parameters) override {
    ZHIYIN_TRY_VOID(detail::check_table(table));
    ZHIYIN_TRY(const std::string where, detail::clickhouse_condition(condition, parameters));
    MutexLock lock(mutex_);
    ZHIYIN_TRY(
        const Rows counted,
        select(fmt::format("SELECT count() AS n FROM \"{}\" WHERE {}", table.name, where), {}));
    const std::int64_t rows = as_int(counted.rows.at(0).at(0));
    if (rows == 0) return rows;
    ZHIYIN_TRY_VOID(run(fmt::format("ALTER TABLE \"{}\" DELETE WHERE {}", table.name, where),
                        {{"mutations_sync", "1"}}));
    return rows;
  }

  [[nodiscard]] Dialect dialect() const override {
    return {"AS", "cityHash64({0})",
            "bitAnd(reinterpretAsUInt64(substring(MD5({0}), 1, 8)), 4294967295)"};
  }

  Result<void> flush() override { return {}; }

 private:
  using Settings = std::vector<std::pair<std::string, std::string>>;

  static Result<void> check_version(const std::string& version) {
    int year = 0;
    int month = 0;
    const char* end = version.data() + version.size();
    const auto [dot, ec] = std::from_chars(version.data(), end, year);
    if (ec == std::errc() && dot != end) std::from_chars(dot + 1, end, month);
    if (year > kYearMin || (year == kYearMin && month >= kMonthMin)) return {};
    return fail(ErrorCode::kUnsupported,
                "warehouse: ClickHouse {} is too old; {}.{} or newer is needed", version, kYearMin,
                kMonthMin);
  }

  Result<std::string> post(std::string target, std::string body,
                           std::chrono::milliseconds timeout) {
    http::ClientRequest request;
    request.method = "POST";
    request.url = address_.base + target;
    request.headers = {{"X-ClickHouse-User", address_.user},
                       {"X-ClickHouse-Key", address_.password}};
    request.body = std::move(body);
    request.timeout = timeout;
    request.response_bytes_max = kAnswerBytesMax;
    auto answer = client_->send_and_wait(std::move(request));
    if (!answer) {
      const ErrorCode code = answer.error().error.code;
      return fail(code == ErrorCode::kDeadline || code == ErrorCode::kLimitReached
                      ? code
                      : ErrorCode::kUnavailable,
                  "warehouse: {}", answer.error().error.message);
    }
    constexpr int kOk = 200;
    // An error within an answer that had begun stands at its end.
    if (answer->status == kOk && header_code(*answer) == 0) return std::move(answer->body);
    const int code = header_code(*answer) != 0 ? header_code(*answer) : code_in(answer->body);
    constexpr std::size_t kShown = 400;
    return fail(detail::clickhouse_error_code(code), "warehouse: {}",
                utf8_shown(answer->body, kShown));
  }

  static std::string utf8_shown(std::string_view text, std::size_t bytes_max) {
    text = text.substr(0, text.find('\n'));
    return std::string(text.substr(0, bytes_max));
  }

  static int header_code(const http::ClientResponse& answer) {
    const std::string_view text = http::header(answer.headers, "X-ClickHouse-Exception-Code");
    int code = 0;
    std::from_chars(text.data(), text.data() + text.size(), code);
    return code;
  }

  [[nodiscard]] std::string target_of(const Settings& settings, std::string_view query,
                                      bool in_database) const {
    std::string target = "/?wait_end_of_query=1";
    if (in_database) target += "&database=" + address_.database;
    if (!query.empty()) target += "&query=" + http::percent_encode(query);
    for (const auto& [name, value] : settings)
      target += fmt::format("&{}={}", name, http::percent_encode(value));
    return target;
  }

  /// A statement without result.
  Result<void> run(const std::string& sql, const Settings& settings, bool in_database = true) {
    ZHIYIN_TRY_VOID(post(target_of(settings, {}, in_database), sql,
                         in_database ? kWriteTimeout : kConnectTimeout));
    return {};
  }

  Result<Rows> select(const std::string& sql, QueryLimits limits, bool in_database = true) {
    const double seconds = static_cast<double>(limits.timeout.count()) / 1000;
    const Settings settings = {
        {"readonly", "2"},  // settings may be given, nothing can be changed
        {"max_execution_time", fmt::format("{:.3f}", seconds)},
        {"timeout_overflow_mode", "throw"},
        {"max_result_rows", std::to_string(limits.rows_max)},
        {"result_overflow_mode", "throw"},
        {"max_query_size", std::to_string(kQueryBytesMax)},
        {"final", "1"},                               // of several rows with one key the last
        {"join_use_nulls", "1"},                      // as SQL says
        {"aggregate_functions_null_for_empty", "1"},  // SUM of nothing is null
        {"count_distinct_implementation", "uniqExact"},
        {"output_format_json_quote_64bit_integers", "0"},
        {"output_format_json_quote_64bit_floats", "1"},
        {"output_format_json_quote_decimals", "1"},
        {"output_format_json_quote_denormals", "1"},
    };
    ZHIYIN_TRY(const std::string answer,
               post(target_of(settings, {}, in_database), sql + "\nFORMAT JSONCompact",
                    limits.timeout + kGrace));
    return parse_rows(answer);
  }

  Result<void> send_rows(std::string_view table, const std::string& data,
                         const std::string& token) {
    const Settings settings = {{"insert_deduplication_token", token},
                               {"insert_deduplicate", "1"},
                               // One block, so one part: all or nothing.
                               {"max_insert_block_size", "100000000"},
                               {"min_insert_block_size_rows", "100000000"},
                               {"min_insert_block_size_bytes", "0"},
                               {"input_format_parallel_parsing", "0"},
                               {"async_insert", "0"}};
    ZHIYIN_TRY_VOID(
        post(target_of(settings, fmt::format("INSERT INTO \"{}\" FORMAT JSONCompactEachRow", table),
                       true),
             data, kWriteTimeout));
    return {};
  }

  Result<bool> is_written(const Table& table, std::string_view batch_id) {
    ZHIYIN_TRY(const std::string name, detail::clickhouse_literal(std::string(table.name)));
    ZHIYIN_TRY(const std::string id, detail::clickhouse_literal(std::string(batch_id)));
    ZHIYIN_TRY(
        const Rows rows,
        select(fmt::format(
                   "SELECT 1 AS one FROM \"{}\" WHERE table_name = {} AND batch_id = {} LIMIT 1",
                   kBatchTable, name, id),
               {}));
    return !rows.rows.empty();
  }

  Result<void> check_columns(const Table& table) {
    ZHIYIN_TRY(const std::string database, detail::clickhouse_literal(address_.database));
    ZHIYIN_TRY(const std::string name, detail::clickhouse_literal(std::string(table.name)));
    ZHIYIN_TRY(const Rows rows, select(fmt::format("SELECT name, type FROM system.columns WHERE "
                                                   "database = {} AND table = {} ORDER BY position",
                                                   database, name),
                                       {}));
    bool same = rows.rows.size() == table.columns.size();
    for (std::size_t c = 0; same && c < rows.rows.size(); ++c) {
      same = as_text(rows.rows[c][0]) == table.columns[c].name &&
             as_text(rows.rows[c][1]) == column_type(table, table.columns[c]);
    }
    if (same) return {};
    return fail(ErrorCode::kUnsupported, "warehouse: table {} exists with other columns",
                table.name);
  }

  const Address address_;
  std::unique_ptr<http::Client> client_;
  Mutex mutex_;  // inserts and removals take turns
};

}  // namespace

Result<std::unique_ptr<Warehouse>> open_clickhouse_warehouse(std::string_view url) {
  ZHIYIN_TRY(Address address, parse_url(url));
  auto warehouse = std::make_unique<ClickhouseWarehouse>(std::move(address));
  ZHIYIN_TRY_VOID(warehouse->start());
  return warehouse;
}

}  // namespace zhiyin::storage
