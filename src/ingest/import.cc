#include "ingest/import.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <deque>
#include <fstream>

#include "base/crypto.h"
#include "base/mutex.h"
#include "base/random.h"
#include "base/utf8.h"
#include "ingest/detail/block_queue.h"
#include "ingest/detail/import_store.h"
#include "ingest/detail/mapping_fields.h"
#include "ingest/detail/row_counter.h"
#include "ingest/detail/row_mapper.h"
#include "ingest/detail/view_json.h"

namespace zhiyin::ingest {
namespace {

using SteadyClock = std::chrono::steady_clock;

constexpr std::size_t kBatchEvents = 10'000;
constexpr std::size_t kItemsPerCall = 1'000;
constexpr int kInFlightMax = 4;
constexpr std::chrono::milliseconds kProgressEvery{500};
constexpr std::chrono::seconds kSaveEvery{1};
// Refused events of one import that are kept in the quarantine; all are counted.
constexpr std::size_t kQuarantinedMax = 1'000;

// What names the file's bytes: its size, beginning and end. The rows' own bytes go into their ids.
Result<std::string> fingerprint_of(const std::filesystem::path& path) {
  constexpr std::size_t kPart = 1 << 20;
  std::ifstream file(path, std::ios::binary | std::ios::ate);
  if (!file)
    return fail(ErrorCode::kNotFound, "import: '{}' cannot be opened", path.filename().string());
  const auto size = static_cast<std::size_t>(file.tellg());
  std::string bytes = fmt::format("{}:", size);
  auto append = [&](std::size_t at, std::size_t n) {
    const std::size_t before = bytes.size();
    bytes.resize(before + n);
    file.seekg(static_cast<std::streamoff>(at));
    file.read(bytes.data() + before, static_cast<std::streamsize>(n));
  };
  append(0, std::min(size, kPart));
  if (size > kPart) append(size - std::min(size - kPart, kPart), std::min(size - kPart, kPart));
  const auto hash = crypto::xxh3_128(bytes);
  return fmt::format("{:016x}{:016x}", hash[0], hash[1]);
}

// Batches whose outcome is not known yet, in the order in which they were sent. Thread-safe.
class InFlight {
 public:
  // Waits until few enough are under way. Then notes one that ends with `row`.
  std::uint64_t begin(std::int64_t row) {
    const MutexLock lock(mutex_);
    while (static_cast<int>(waiting_.size()) >= kInFlightMax) changed_.wait(mutex_);
    waiting_.push_back({++last_, row, false});
    return last_;
  }
  void end(std::uint64_t number, Result<void> outcome) {
    const MutexLock lock(mutex_);
    if (!outcome && !error_) error_ = std::move(outcome.error());
    for (Batch& batch : waiting_) batch.done = batch.done || batch.number == number;
    while (!waiting_.empty() && waiting_.front().done) {
      if (!error_) synced_row_ = waiting_.front().row;
      waiting_.pop_front();
    }
    changed_.notify_all();
  }
  void wait_all() {
    const MutexLock lock(mutex_);
    while (!waiting_.empty()) changed_.wait(mutex_);
  }
  // Every row up to this one is synced.
  [[nodiscard]] std::int64_t synced_row() const {
    const MutexLock lock(mutex_);
    return synced_row_;
  }
  [[nodiscard]] std::optional<Error> error() const {
    const MutexLock lock(mutex_);
    return error_;
  }

 private:
  struct Batch {
    std::uint64_t number;
    std::int64_t row;
    bool done;
  };
  mutable Mutex mutex_;
  CondVar changed_;
  std::deque<Batch> waiting_ ZHIYIN_GUARDED_BY(mutex_);
  std::uint64_t last_ ZHIYIN_GUARDED_BY(mutex_) = 0;
  std::int64_t synced_row_ ZHIYIN_GUARDED_BY(mutex_) = 0;
  std::optional<Error> error_ ZHIYIN_GUARDED_BY(mutex_);
};

class Import {
 public:
  Import(ImportContext context, Mapping mapping, std::unique_ptr<TableReader> reader,
         detail::RowMapper mapper)
      : context_(std::move(context)),
        mapping_(std::move(mapping)),
        reader_(std::move(reader)),
        mapper_(std::move(mapper)),
        problem_([this](std::string_view column, std::string reason) {
          take_problem(column, std::move(reason));
        }) {}

  struct Start {
    RunId run;
    std::string file;
    std::string account;
    std::int64_t rows_done = 0;
    bool ids_may_repeat = false;
    std::vector<std::string> notes;
  };
  Result<ImportReport> run(const Start& start);

 private:
  Result<void> read_all();
  Result<void> take_block(const RowBlock& block);
  void take_row(const RowBlock& block, const RowBlock::Row& row);
  void take_problem(std::string_view column, std::string reason);
  Result<void> flush(std::int64_t last_row);
  Result<void> put_items();
  void refuse(std::int64_t row, const Error& error, std::string event);
  void bad_row(std::int64_t row, std::string_view column, std::string reason);
  void show_progress(bool now);
  Result<void> save(bool now);
  void finish(const Result<void>& outcome);
  std::string row_json(const RowBlock& block, const RowBlock::Row& row) const;

  ImportContext context_;
  const Mapping mapping_;
  std::unique_ptr<TableReader> reader_;
  detail::RowMapper mapper_;
  const detail::RowMapper::Problem problem_;  // made once: it is passed with every row
  const RowBlock* block_ = nullptr;           // where the mapper is
  const RowBlock::Row* row_ = nullptr;
  Start start_;
  std::string source_;
  ImportReport report_;
  detail::MappedRows mapped_;
  std::vector<std::int64_t>
      bad_here_;  // rows of `mapped_` that are counted as bad already, ascending
  detail::RowCounter rows_seen_;
  std::vector<RefusedEvent> refused_;
  std::size_t quarantined_ = 0;
  InFlight in_flight_;
  std::int64_t bytes_done_ = 0;
  std::int64_t saved_row_ = 0;
  bool cancelled_ = false;
  SteadyClock::time_point next_progress_{};
  SteadyClock::time_point next_save_{};
};

std::string Import::row_json(const RowBlock& block, const RowBlock::Row& row) const {
  constexpr std::size_t kCellShown = 500;
  Json cells = Json::object();
  const auto& names = reader_->columns();
  // Where cells are missing nobody knows which is whose.
  const bool shifted = row.fault == RowBlock::Fault::kCells && mapper_.has_personal_columns();
  for (std::size_t c = 0; c < names.size() && c < row.cells; ++c) {
    const detail::ColumnProfile& profile = mapper_.profile(c);
    if (shifted || (profile.personal() && profile.role() != "identity"))
      continue;  // erasing a person would not find it here
    cells.set(names[c], Json(utf8::truncate(block.cell(row, c), kCellShown)));
  }
  Json event = Json::object();
  event.set("account", Json(start_.account));
  event.set("row", Json(row.number));
  event.set("cells", std::move(cells));
  return event.dump();
}

void Import::bad_row(std::int64_t row, std::string_view column, std::string reason) {
  ++report_.quality.faults;
  auto& bad = report_.quality.bad_rows;
  if (bad.size() < kBadRowsMax) bad.push_back({row, std::string(column), std::move(reason)});
}

void Import::refuse(std::int64_t row, const Error& error, std::string event) {
  if (row <= start_.rows_done || quarantined_ >= kQuarantinedMax) return;
  ++quarantined_;
  refused_.push_back(
      {fmt::format("row {}: {}", row, error.message), error.field, std::move(event)});
}

void Import::take_problem(std::string_view column, std::string reason) {
  refuse(row_->number,
         {ErrorCode::kInvalidArgument, fmt::format("{}: {}", column, reason), std::string(column)},
         quarantined_ < kQuarantinedMax ? row_json(*block_, *row_) : std::string());
  bad_row(row_->number, column, std::move(reason));
}

void Import::take_row(const RowBlock& block, const RowBlock::Row& row) {
  QualityReport& q = report_.quality;
  ++q.rows;
  if (row.fault != RowBlock::Fault::kNone) {
    ++q.rows_bad;
    std::string reason(to_string(row.fault));
    if (row.fault == RowBlock::Fault::kCells)
      reason = fmt::format("has {} cells, the header has {}", row.cells, reader_->columns().size());
    if (row.number > start_.rows_done && quarantined_ < kQuarantinedMax &&
        row.fault == RowBlock::Fault::kCells) {
      refuse(row.number, {ErrorCode::kInvalidArgument, reason, {}}, row_json(block, row));
    }
    bad_row(row.number, {}, std::move(reason));
    return;
  }
  const detail::Hash128 content = crypto::xxh3_128(row.raw);
  const detail::RowMapper::RowName name{content, rows_seen_.next(content[0])};
  if (name.occurrence > 1) {
    ++q.rows_repeated;
    if (mapping_.repeated_rows == "drop") return;
  }
  block_ = &block;
  row_ = &row;
  const auto outcome = mapper_.map(block, row, name, mapped_, problem_);
  if (outcome.skipped) {
    ++q.rows_skipped;
  } else if (outcome.bad) {
    ++q.rows_bad;
    bad_here_.push_back(row.number);
  } else {
    ++q.rows_good;
  }
}

Result<void> Import::put_items() {
  std::vector<ImportedItem>& items = mapped_.items;
  report_.quality.items += static_cast<std::int64_t>(items.size());
  for (std::size_t at = 0; at < items.size(); at += kItemsPerCall) {
    const std::size_t end = std::min(items.size(), at + kItemsPerCall);
    std::vector<ImportedItem> some(
        std::make_move_iterator(items.begin() + static_cast<std::ptrdiff_t>(at)),
        std::make_move_iterator(items.begin() + static_cast<std::ptrdiff_t>(end)));
    ZHIYIN_TRY_VOID(context_.put_items(std::move(some)));
  }
  return {};
}

// Sends what the rows up to `last_row` have made.
Result<void> Import::flush(std::int64_t last_row) {
  QualityReport& q = report_.quality;
  // Rows that an interrupted run brought in are gone through for the report only.
  const auto first_new = std::ranges::upper_bound(mapped_.row_of, start_.rows_done);
  const auto known = static_cast<std::size_t>(first_new - mapped_.row_of.begin());
  const std::span<const EventView> all = std::span<const EventView>(mapped_.events).subspan(known);
  // Each event is counted as made together with what became of it, so that the figures add up
  // however the import ends.
  q.events += static_cast<std::int64_t>(known);
  q.duplicates += static_cast<std::int64_t>(known);
  if (last_row > start_.rows_done) ZHIYIN_TRY_VOID(put_items());
  std::size_t at = 0;
  std::int64_t last_bad = -1;
  do {
    const auto part = all.subspan(at, std::min(kBatchEvents, all.size() - at));
    at += part.size();
    const bool last = at == all.size();
    // A row's events may be spread over two batches: only the last batch says that the row is done.
    const std::int64_t done_row = last ? last_row : mapped_.row_of[known + at] - 1;
    const std::uint64_t number = in_flight_.begin(done_row);
    if (part.empty()) {
      in_flight_.end(number, {});
      break;
    }
    auto outcome = context_.intake.accept_batch(
        part, source_, start_.ids_may_repeat,
        [this, number](Result<void> synced) { in_flight_.end(number, std::move(synced)); });
    if (!outcome) {
      in_flight_.end(number, std::unexpected(outcome.error()));
      return std::unexpected(std::move(outcome.error()));
    }
    q.events += static_cast<std::int64_t>(part.size());
    q.accepted += static_cast<std::int64_t>(outcome->accepted);
    q.duplicates += static_cast<std::int64_t>(outcome->duplicates);
    q.refused += static_cast<std::int64_t>(outcome->refused.size());
    for (const Intake::Refused& refused : outcome->refused) {
      const std::int64_t row = mapped_.row_of[known + (at - part.size()) + refused.index];
      bad_row(row, {}, refused.error.text());
      if (row != last_bad && !std::ranges::binary_search(bad_here_, row)) {
        ++q.rows_bad;
        --q.rows_good;
      }
      last_bad = row;
      if (quarantined_ < kQuarantinedMax)
        refuse(row, refused.error, detail::view_to_json(part[refused.index]));
    }
  } while (at < all.size());
  mapped_.clear();
  bad_here_.clear();
  if (!refused_.empty())
    ZHIYIN_TRY_VOID(context_.intake.quarantine(std::exchange(refused_, {}), source_));
  if (const auto error = in_flight_.error()) return std::unexpected(*error);
  return {};
}

Result<void> Import::take_block(const RowBlock& block) {
  std::int64_t last_row = 0;
  for (const RowBlock::Row& row : block.rows) {
    take_row(block, row);
    last_row = row.number;
    if (mapped_.events.size() >= kBatchEvents || mapped_.items.size() >= kItemsPerCall)
      ZHIYIN_TRY_VOID(flush(last_row));
  }
  bytes_done_ = block.bytes_done;
  return flush(last_row);
}

void Import::show_progress(bool now) {
  if (!context_.progress) return;
  const auto t = SteadyClock::now();
  if (!now && t < next_progress_) return;
  next_progress_ = t + kProgressEvery;
  context_.progress(
      {bytes_done_, reader_->bytes_total(), report_.quality.rows, report_.quality.events});
}

Result<void> Import::save(bool now) {
  const auto t = SteadyClock::now();
  const std::int64_t row = in_flight_.synced_row();
  if (row <= saved_row_ || (!now && t < next_save_)) return {};
  next_save_ = t + kSaveEvery;
  saved_row_ = row;
  return detail::save_rows_done(context_.state, start_.run, row, context_.clock.now());
}

Result<void> Import::read_all() {
  detail::BlockQueue blocks(*reader_);
  while (true) {
    if (context_.cancelled && context_.cancelled()) {
      cancelled_ = true;
      return {};
    }
    ZHIYIN_TRY(auto block, blocks.next());
    if (block == nullptr) return {};
    ZHIYIN_TRY_VOID(take_block(*block));
    blocks.recycle(std::move(block));
    show_progress(false);
    ZHIYIN_TRY_VOID(save(false));
  }
}

void Import::finish(const Result<void>& outcome) {
  QualityReport& q = report_.quality;
  report_.state = !outcome     ? ImportState::kFailed
                  : cancelled_ ? ImportState::kCancelled
                               : ImportState::kDone;
  if (!outcome) {
    report_.error = {std::string(to_string(outcome.error().code)), outcome.error().text()};
    q.notes.push_back(fmt::format("中途停止，之前的行已入库 / stopped, the rows before are in: {}",
                                  outcome.error().text()));
  }
  if (cancelled_) q.notes.emplace_back("cancelled; the same import goes on where it stopped");
  if (rows_seen_.full()) {
    q.notes.push_back(
        fmt::format("the file has more than {} different rows: equal ones were looked for among "
                    "the first of them, and the ids "
                    "of the others hang on their place in the file",
                    detail::RowCounter::kRowsMax));
  }
  for (const auto& [currency, sum] : mapper_.foreign()) {
    q.currencies.push_back({currency, sum.events, sum.sum});
    std::string code = currency;
    for (char& c : code) c = static_cast<char>(c - 'a' + 'A');
    q.notes.push_back(fmt::format(
        "{0} 笔金额的货币是 {1}，合计 {2}.{3:02}：记为 purchase.{4} 一类的事件，不与人民币相加 / "
        "{0} "
        "amounts are in {1}, {2}.{3:02} in all: events of kinds such as purchase.{4}, not added to "
        "yuan",
        sum.events, code, sum.sum / 100, std::abs(sum.sum % 100), currency));
  }
  for (detail::ColumnProfile& profile : mapper_.profiles()) {
    if (profile.rounded() > 0) {
      q.notes.push_back(fmt::format(
          "列 '{0}' 有 {1} 个数值取整 / {1} values of column '{0}' were rounded to whole numbers",
          profile.name(), profile.rounded()));
    }
    q.columns.push_back(profile.quality());
  }
}

Result<ImportReport> Import::run(const Start& start) {
  start_ = start;
  source_ = "import:" + start.run.value;
  report_.run = start.run;
  report_.account = start.account;
  report_.resumed_from_row = start.rows_done;
  report_.quality.file = start.file;
  report_.quality.mapping = mapping_.name;
  report_.quality.notes = start.notes;
  saved_row_ = start.rows_done;
  if (start.rows_done > 0) {
    report_.quality.notes.push_back(
        fmt::format("goes on behind row {}, which an interrupted run had reached; the events of "
                    "the rows up to it count as known already",
                    start.rows_done));
  }
  const auto began = SteadyClock::now();
  Result<void> outcome = read_all();
  in_flight_.wait_all();
  if (outcome) {
    if (const auto error = in_flight_.error()) outcome = std::unexpected(*error);
  }
  finish(outcome);
  show_progress(true);
  const std::int64_t rows_done = std::max(start.rows_done, in_flight_.synced_row());
  // When the disk is full this fails as well; what is stored then is an earlier row, which is as
  // good.
  const auto ended =
      detail::end_run(context_.state, start.run, report_.state, rows_done, context_.clock.now());
  if (!ended && outcome) return std::unexpected(ended.error());
  report_.seconds = std::chrono::duration<double>(SteadyClock::now() - began).count();
  return std::move(report_);
}

// What made ids depend on beside the rows. The columns belong to it because the same cells under
// another header say something else; JSONL has the names in its rows. A constant time belongs to it
// because it is a part of every row that no row shows.
detail::Hash128 id_space_of(const Mapping& mapping, std::string_view account,
                            const TableReader& reader) {
  std::string text = fmt::format("{}\n{}", mapping.name, account);
  if (mapping.time) text += "\n" + mapping.time->constant;
  for (const EventRule& rule : mapping.event) {
    if (rule.time) text += "\n" + rule.time->constant;
  }
  if (reader.kind() != TableKind::kJsonl) {
    for (const std::string& column : reader.columns()) text += "\n" + column;
  }
  return crypto::xxh3_128(text);
}

// What there is to say about the file before its first row. kInvalidArgument when a heading that
// the mapping uses stands over several columns.
Result<std::vector<std::string>> notes_on(const TableReader& reader,
                                          const detail::RowMapper& mapper, const Mapping& mapping) {
  std::vector<std::string> notes;
  if (const auto sealed = mapper.sealed_by_name(); !sealed.empty()) {
    notes.push_back(
        fmt::format("联系方式等个人信息已加密，不能用于人群 / sealed as personal data, out of "
                    "reach of segments: {} (personal = false in a mapping says otherwise)",
                    fmt::join(sealed, ", ")));
  }
  for (const EventRule& rule : mapping.event) {
    if (!rule.value_is_yuan) continue;
    notes.push_back(
        fmt::format("列 '{0}' 按元读取，购买和退款以分保存 / '{0}' is read as yuan: purchase and "
                    "refund keep it in fen",
                    rule.value));
    if (rule.kind == "purchase" && mapping.name == kSimpleMapping) {
      notes.push_back(
          fmt::format("没有行为列，按 '{0}' 把每一行当作购买 / no column says what happened: for "
                      "'{0}' each row is taken for a purchase",
                      rule.value));
    }
  }
  if (mapping.rows_are_people) {
    notes.emplace_back(
        "每一行是一个人，以行号为标识 / each row is a person, known by the row's number");
  }
  if (reader.found_delimiter()) {
    const std::string character =
        *reader.found_delimiter() == '\t' ? "tab" : fmt::format("'{}'", *reader.found_delimiter());
    notes.push_back(
        fmt::format("单元格以 {0} 分隔 / the cells are separated by {0}; where that is wrong, say "
                    "delimiter = … in [file] of the mapping",
                    character));
  }
  if (!reader.encoding().empty() && reader.encoding() != "utf-8") {
    notes.push_back(fmt::format(
        "the file was read as {}; where that is wrong, say encoding = … in [file] of the mapping",
        reader.encoding()));
  }
  for (const TableReader::RepeatedHeading& repeated : reader.repeated_headings()) {
    std::vector<std::size_t> places;
    for (const std::size_t column : repeated.columns) places.push_back(column + 1);
    const std::string what = fmt::format("the heading '{}' stands over columns {}",
                                         repeated.heading, fmt::join(places, ", "));
    if (std::ranges::any_of(repeated.columns,
                            [&](std::size_t column) { return mapper.uses(column); })) {
      return fail(ErrorCode::kInvalidArgument,
                  "file: {}, and which of them is meant cannot be told; give each its own heading, "
                  "or name all columns with columns = [...] "
                  "in [file] of the mapping",
                  what);
    }
    notes.push_back(what + "; the mapping uses none of them");
  }
  return notes;
}

bool names_event_ids(const Mapping& mapping) {
  return std::ranges::any_of(mapping.event,
                             [](const EventRule& rule) { return !rule.event_id.empty(); });
}

}  // namespace

ErrorCode code_of(const ImportFailure& failure) {
  for (int code = 1; code <= static_cast<int>(ErrorCode::kInternal); ++code) {
    if (to_string(static_cast<ErrorCode>(code)) == failure.code)
      return static_cast<ErrorCode>(code);
  }
  return ErrorCode::kInternal;
}

Result<ImportReport> run_import(const ImportRequest& request, ImportContext context) {
  const std::string file =
      request.file_name.empty() ? request.path.filename().string() : request.file_name;
  ZHIYIN_TRY(const std::string file_print, fingerprint_of(request.path));
  const auto go_on = [&] { return !context.cancelled || !context.cancelled(); };
  ZHIYIN_TRY_VOID(TableReader::check_packing(request.path, file, go_on));
  TableFormat format = request.mapping ? request.mapping->file : TableFormat();
  if (!request.encoding.empty()) format.encoding = request.encoding;
  ZHIYIN_TRY(auto reader, TableReader::open(request.path, file, format));
  Mapping mapping;
  if (request.mapping) {
    mapping = *request.mapping;
  } else {
    ZHIYIN_TRY(mapping, detect_mapping(reader->columns(), request.rows_are_people));
  }
  const std::string account = request.account.empty() ? mapping.account : request.account;
  if (account.empty() && !mapping.event.empty()) {
    return fail_field("account", "import: say to which account the events belong");
  }
  if (!account.empty()) ZHIYIN_TRY_VOID(check_account("account", account));
  if (!mapping.item.empty() && !context.put_items) {
    return fail(ErrorCode::kUnsupported,
                "import: mapping '{}' makes items, which are not taken here", mapping.name);
  }
  const std::string fingerprint = fmt::format("{}/{}/{}", file_print, mapping.name, account);
  const detail::Hash128 id_space = id_space_of(mapping, account, *reader);
  const std::string id_space_name = fmt::format("{:016x}{:016x}", id_space[0], id_space[1]);
  ZHIYIN_TRY(const detail::EarlierImports earlier,
             detail::find_earlier(context.state, fingerprint, id_space_name));
  const Instant now = context.clock.now();
  ZHIYIN_TRY(auto mapper, detail::RowMapper::create(mapping, reader->columns(),
                                                    {account, earlier.started_at.value_or(now),
                                                     id_space, context.check_item}));
  Import::Start start;
  ZHIYIN_TRY(start.notes, notes_on(*reader, mapper, mapping));
  start.run = request.run.empty() ? RunId("import_" + uuid_v7(now)) : request.run;
  start.file = file;
  start.account = account;
  start.rows_done = earlier.rows_done;
  start.ids_may_repeat = earlier.ids_may_repeat || names_event_ids(mapping);
  if (earlier.ids_may_repeat && context.settle) ZHIYIN_TRY_VOID(context.settle());
  ZHIYIN_TRY_VOID(detail::begin_run(
      context.state, {start.run, fingerprint, id_space_name, account, file, start.rows_done}, now));
  Import import(std::move(context), std::move(mapping), std::move(reader), std::move(mapper));
  ZHIYIN_TRY(ImportReport report, import.run(start));
  if (earlier.finished_once) {
    report.quality.notes.push_back(
        fmt::format("this file was imported before ({}): its events are known already",
                    format_time(earlier.finished_at, TimeZone::shanghai())));
  } else if (earlier.rows_done == 0 && report.quality.duplicates > 0) {
    report.quality.notes.push_back(
        fmt::format("{} events were known already: from equal rows of an earlier import, or by an "
                    "id that came before",
                    report.quality.duplicates));
  }
  return report;
}

}  // namespace zhiyin::ingest
