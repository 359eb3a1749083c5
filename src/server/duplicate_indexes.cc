#include "server/duplicate_indexes.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <unordered_map>
#include <unordered_set>

#include "base/json_binding.h"
#include "storage/in_list.h"
#include "text/near_duplicate_table.h"

namespace zhiyin::server {
namespace {

namespace fs = std::filesystem;
using text::TextSignature;

constexpr storage::Migration kMigrations[] = {
    {"server-014-duplicate-index",
     "CREATE TABLE duplicate_index (id BIGINT PRIMARY KEY, name TEXT NOT NULL UNIQUE, created_at "
     "BIGINT NOT NULL, changed_at BIGINT NOT NULL, next BIGINT NOT NULL, texts BIGINT NOT NULL,"
     " removed BIGINT NOT NULL);"
     "CREATE TABLE duplicate_text (index_id BIGINT NOT NULL, number BIGINT NOT NULL, id TEXT NOT "
     "NULL, minhash BYTEA, fingerprint BIGINT, PRIMARY KEY (index_id, number)) /*clustered*/;"
     "CREATE UNIQUE INDEX duplicate_text_by_id ON duplicate_text (index_id, id)"}};

constexpr std::int64_t kNumberMax = 0xffffffff;
constexpr std::size_t kPage = 20'000;
/// Newest texts that are searched in memory before a table is made of them.
constexpr std::size_t kTailMin = 65'536;
constexpr std::size_t kBackgroundMax = 256;

bool is_index_name(std::string_view name) {
  constexpr std::size_t kBytesMax = 64;
  const auto plain = [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); };
  return !name.empty() && name.size() <= kBytesMax && plain(name[0]) &&
         std::ranges::all_of(name,
                             [&](char c) { return plain(c) || c == '-' || c == '_' || c == '.'; });
}

std::unexpected<Error> unknown(std::string_view name) {
  return fail(ErrorCode::kNotFound, "index of near-duplicates '{}': there is none",
              name.substr(0, 100));
}

storage::Value minhash_cell(const TextSignature& signature) {
  if (!signature.minhash) return {};
  return storage::Blob{std::string(reinterpret_cast<const char*>(signature.minhash->slots.data()),
                                   sizeof signature.minhash->slots)};
}
storage::Value fingerprint_cell(const TextSignature& signature) {
  if (!signature.fingerprint) return {};
  return std::bit_cast<std::int64_t>(*signature.fingerprint);
}
TextSignature signature_in(const storage::Value& minhash, const storage::Value& fingerprint) {
  TextSignature out;
  const std::string_view bytes = storage::as_text(minhash);
  if (text::MinHash slots; bytes.size() == sizeof slots.slots) {
    std::memcpy(slots.slots.data(), bytes.data(), bytes.size());
    out.minhash = slots;
  }
  if (!storage::is_null(fingerprint))
    out.fingerprint = std::bit_cast<std::uint64_t>(storage::as_int(fingerprint));
  return out;
}

Result<void> check_ids(std::span<const IdentifiedText> texts) {
  std::unordered_set<std::string_view> seen;
  for (std::size_t i = 0; i < texts.size(); ++i) {
    const std::string_view id = texts[i].id;
    const std::string field = fmt::format("texts[{}].id", i);
    if (id.empty() || id.size() > DuplicateIndexes::kIdBytesMax)
      return fail_field(field, "has {} bytes, 1 to {} are taken", id.size(),
                        DuplicateIndexes::kIdBytesMax);
    if (id.contains('\0')) return fail_field(field, "holds a zero byte");
    if (!seen.insert(id).second) return fail_field(field, "'{}' is there twice", id);
  }
  return {};
}

std::vector<storage::Value> cells(std::span<const std::string> texts) {
  return {texts.begin(), texts.end()};
}

/// Removes the texts with these ids; returns how many there were.
Result<std::int64_t> delete_ids(storage::Session& db, std::int64_t index,
                                std::span<const storage::Value> ids) {
  std::int64_t removed = 0;
  while (!ids.empty()) {
    const std::size_t n = storage::list_size(ids.size());
    std::vector<storage::Value> values = {index};
    values.insert(values.end(), ids.begin(), ids.begin() + static_cast<std::ptrdiff_t>(n));
    ZHIYIN_TRY(
        const std::int64_t here,
        db.execute(fmt::format("DELETE FROM duplicate_text WHERE index_id = ?1 AND id IN ({})",
                               storage::placeholders(2, n)),
                   std::span<const storage::Value>(values)));
    removed += here;
    ids = ids.subspan(n);
  }
  return removed;
}

Result<void> insert_texts(storage::Session& db, std::int64_t index, std::int64_t number,
                          std::span<const IdentifiedText> texts,
                          std::span<const TextSignature> signatures) {
  constexpr std::size_t kColumns = 5;
  for (std::size_t at = 0; at < texts.size();) {
    const std::size_t n = storage::list_size(texts.size() - at);
    std::vector<storage::Value> values;
    for (const std::size_t end = at + n; at < end; ++at) {
      values.emplace_back(index);
      values.emplace_back(number + static_cast<std::int64_t>(at));
      values.emplace_back(texts[at].id);
      values.push_back(minhash_cell(signatures[at]));
      values.push_back(fingerprint_cell(signatures[at]));
    }
    ZHIYIN_TRY_VOID(db.execute(
        "INSERT INTO duplicate_text (index_id, number, id, minhash, fingerprint) VALUES " +
            storage::rows_of_placeholders(n, kColumns),
        std::span<const storage::Value>(values)));
  }
  return {};
}

Json index_json(std::string_view name, std::int64_t texts, std::int64_t created_at,
                std::int64_t changed_at) {
  return Json()
      .set("name", name)
      .set("texts", texts)
      .set("created_at", to_json(Instant{created_at}))
      .set("changed_at", to_json(Instant{changed_at}));
}

struct Stored {
  std::string id;
  TextSignature signature;
};

Result<std::unordered_map<std::int64_t, Stored>> stored_texts(
    storage::State& state, std::int64_t index, const std::unordered_set<std::int64_t>& numbers) {
  std::unordered_map<std::int64_t, Stored> out;
  const std::vector<storage::Value> first = {index}, list(numbers.begin(), numbers.end());
  ZHIYIN_TRY_VOID(state.read([&](storage::Session& db) {
    return storage::query_in_lists(
        db,
        "SELECT number, id, minhash, fingerprint FROM duplicate_text WHERE index_id = ?1 AND "
        "number IN ({})",
        first, list, [&](storage::Row& row) {
          out[storage::as_int(row[0])] = {std::string(storage::as_text(row[1])),
                                          signature_in(row[2], row[3])};
        });
  }));
  return out;
}

}  // namespace

struct DuplicateIndexes::Index {
  std::int64_t id = 0, created_at = 0, changed_at = 0;
  std::int64_t next = 0;  ///< number of the next text
  std::int64_t texts = 0;
};

struct DuplicateIndexes::Loaded {
  explicit Loaded(std::int64_t of) : id(of) {}
  const std::int64_t id;
  std::atomic<bool> waits = false;  // for a table that is made in the background
  Mutex making;                     // held while one is made; before `mutex`
  Mutex mutex;
  bool looked ZHIYIN_GUARDED_BY(making) = false;  // for the file of an earlier process
  std::optional<text::NearDuplicateTable> table ZHIYIN_GUARDED_BY(mutex);
  text::NearDuplicateIndex tail ZHIYIN_GUARDED_BY(mutex);
  std::vector<std::int64_t> tail_numbers ZHIYIN_GUARDED_BY(mutex);
  std::int64_t end ZHIYIN_GUARDED_BY(mutex) = 0;  // texts before it are in the table or the tail

  /// Numbers of what may be nearly the same.
  std::vector<std::int64_t> candidates(const TextSignature& signature,
                                       const text::NearDuplicateOptions& options, std::size_t most)
      ZHIYIN_REQUIRES(mutex) {
    std::vector<std::int64_t> out;
    if (table)
      for (const auto& found : table->find(signature, options, most)) out.push_back(found.text);
    for (const auto& found : tail.find(signature, options, most))
      out.push_back(tail_numbers[found.text]);
    return out;
  }
};

std::span<const storage::Migration> DuplicateIndexes::migrations() { return kMigrations; }

DuplicateIndexes::DuplicateIndexes(Settings settings, storage::State& state, const Clock& clock,
                                   Logger& logger)
    : settings_(std::move(settings)),
      state_(state),
      clock_(clock),
      logger_(logger),
      background_(std::make_unique<ThreadPool>(1, kBackgroundMax)) {}

DuplicateIndexes::~DuplicateIndexes() {
  stop_ = true;
  background_.reset();
}

fs::path DuplicateIndexes::file_of(std::int64_t id) const {
  return settings_.folder / fmt::format("{}.near", id);
}

Result<DuplicateIndexes::Index> DuplicateIndexes::look_up(std::string_view name) {
  if (!is_index_name(name)) return unknown(name);
  ZHIYIN_TRY(const auto rows,
             state_.query("SELECT id, created_at, changed_at, next, texts FROM duplicate_index "
                          "WHERE name = ?1",
                          {std::string(name)}));
  if (rows.rows.empty()) return unknown(name);
  const auto& row = rows.rows[0];
  return Index{storage::as_int(row[0]), storage::as_int(row[1]), storage::as_int(row[2]),
               storage::as_int(row[3]), storage::as_int(row[4])};
}

Result<Json> DuplicateIndexes::create(const std::string& name) {
  if (!is_index_name(name))
    return fail_field("name",
                      "'{}' is not 1 to 64 of a-z, 0-9, '-', '_' and '.', a letter or "
                      "digit first",
                      name.substr(0, 80));
  const std::int64_t now = clock_.now().us;
  ZHIYIN_TRY_VOID(state_.write([&](storage::Session& db) -> Result<void> {
    ZHIYIN_TRY(const auto rows, db.query("SELECT COALESCE(MAX(id), 0), COALESCE(SUM(1 - removed), "
                                         "0) FROM duplicate_index"));
    if (storage::as_int(rows.rows[0][1]) >= static_cast<std::int64_t>(kIndexesMax))
      return fail(ErrorCode::kLimitReached, "indexes of near-duplicates: there are {}, at most {}",
                  storage::as_int(rows.rows[0][1]), kIndexesMax);
    ZHIYIN_TRY(const auto same, db.query("SELECT 1 FROM duplicate_index WHERE name = ?1", {name}));
    if (!same.rows.empty())
      return fail(ErrorCode::kConflict, "index of near-duplicates '{}': is there already", name);
    ZHIYIN_TRY_VOID(
        db.execute("INSERT INTO duplicate_index (id, name, created_at, changed_at, "
                   "next, texts, removed) VALUES (?1, ?2, ?3, ?3, 0, 0, 0)",
                   {storage::as_int(rows.rows[0][0]) + 1, name, now}));
    return {};
  }));
  return get(name);
}

Result<Json> DuplicateIndexes::get(std::string_view name) {
  ZHIYIN_TRY(const Index index, look_up(name));
  return index_json(name, index.texts, index.created_at, index.changed_at);
}

Result<Json> DuplicateIndexes::list() {
  if (!purged_.exchange(true)) purge_later();  // what an earlier process left half done
  ZHIYIN_TRY(const auto rows,
             state_.query("SELECT name, texts, created_at, changed_at, id FROM duplicate_index "
                          "WHERE removed = 0 ORDER BY name"));
  Json items = Json::array();
  std::unordered_set<std::int64_t> there;
  for (const auto& row : rows.rows) {
    there.insert(storage::as_int(row[4]));
    items.push(index_json(storage::as_text(row[0]), storage::as_int(row[1]),
                          storage::as_int(row[2]), storage::as_int(row[3])));
  }
  const MutexLock lock(mutex_);
  std::erase_if(loaded_, [&](const auto& one) { return !there.contains(one.first); });
  return Json().set("items", std::move(items)).set("next", Json());
}

Result<void> DuplicateIndexes::remove(const std::string& name) {
  ZHIYIN_TRY(const Index index, look_up(name));
  // Its number is not given again: tables of other processes bear it. Names never begin with '-'.
  ZHIYIN_TRY_VOID(state_.write([&](storage::Session& db) -> Result<void> {
    ZHIYIN_TRY_VOID(
        db.execute("UPDATE duplicate_index SET name = ?2, removed = 1, texts = 0 "
                   "WHERE id = ?1",
                   {index.id, fmt::format("-{}", index.id)}));
    return {};
  }));
  {
    const MutexLock lock(mutex_);
    loaded_.erase(index.id);
  }
  std::error_code ignored;
  fs::remove(file_of(index.id), ignored);
  purge_later();
  return {};
}

void DuplicateIndexes::purge_later() {
  const MutexLock lock(mutex_);
  const bool taken = background_->try_submit([this] {
    if (auto done = purge(); !done)
      logger_.warning("server", "duplicates_not_purged", {{"reason", done.error().text()}});
    const MutexLock inner(mutex_);
    --working_;
    idle_.notify_all();
  });
  if (taken) ++working_;
}

/// Rows of removed indexes, a portion a transaction.
Result<void> DuplicateIndexes::purge() {
  ZHIYIN_TRY(const auto rows, state_.query("SELECT id, next FROM duplicate_index WHERE removed = 1 "
                                           "AND next > 0"));
  for (const auto& row : rows.rows) {
    const std::int64_t id = storage::as_int(row[0]);
    std::error_code ignored;
    fs::remove(file_of(id), ignored);
    constexpr auto kPortion = static_cast<std::int64_t>(kPage);
    for (std::int64_t end = storage::as_int(row[1]); end > 0 && !stop_; end -= kPortion) {
      const std::int64_t begin = std::max<std::int64_t>(0, end - kPortion);
      ZHIYIN_TRY_VOID(state_.write([&](storage::Session& db) -> Result<void> {
        ZHIYIN_TRY_VOID(db.execute(
            "DELETE FROM duplicate_text WHERE index_id = ?1 AND number >= ?2", {id, begin}));
        ZHIYIN_TRY_VOID(
            db.execute("UPDATE duplicate_index SET next = ?2 WHERE id = ?1", {id, begin}));
        return {};
      }));
    }
  }
  return {};
}

Result<DuplicateIndexes::Added> DuplicateIndexes::add(std::string_view name,
                                                      std::span<const IdentifiedText> texts) {
  ZHIYIN_TRY_VOID(check_ids(texts));
  std::vector<TextSignature> signatures;
  std::vector<storage::Value> ids;
  for (const IdentifiedText& one : texts) {
    signatures.push_back(text::signature_of(one.text));
    ids.emplace_back(one.id);
  }
  const auto count = static_cast<std::int64_t>(texts.size());
  const std::int64_t now = clock_.now().us;
  Added out;
  // In turn: all count up the same number.
  ZHIYIN_TRY_VOID(state_.write_in_turn([&](storage::Session& db) -> Result<void> {
    ZHIYIN_TRY(const auto rows,
               db.query("SELECT id, next, texts FROM duplicate_index WHERE name = ?1 AND removed = "
                        "0",
                        {std::string(name)}));
    if (rows.rows.empty()) return unknown(name);
    const std::int64_t id = storage::as_int(rows.rows[0][0]);
    const std::int64_t next = storage::as_int(rows.rows[0][1]);
    ZHIYIN_TRY(out.replaced, delete_ids(db, id, ids));
    out.added = count - out.replaced;
    out.texts = storage::as_int(rows.rows[0][2]) + out.added;
    ZHIYIN_TRY(const auto all, db.query("SELECT COALESCE(SUM(texts), 0) FROM duplicate_index"));
    const std::int64_t together = storage::as_int(all.rows[0][0]) + out.added;
    if (together > settings_.texts_max)
      return fail(ErrorCode::kLimitReached,
                  "indexes of near-duplicates: would hold {} texts together, at most {} "
                  "(language.duplicate_texts)",
                  together, settings_.texts_max);
    if (next + count > kNumberMax)
      return fail(ErrorCode::kLimitReached,
                  "index of near-duplicates '{}': has no numbers left; make another", name);
    ZHIYIN_TRY_VOID(insert_texts(db, id, next, texts, signatures));
    ZHIYIN_TRY_VOID(
        db.execute("UPDATE duplicate_index SET next = ?2, texts = ?3, changed_at = ?4 "
                   "WHERE id = ?1",
                   {id, next + count, out.texts, now}));
    return {};
  }));
  return out;
}

Result<std::int64_t> DuplicateIndexes::forget(std::string_view name,
                                              std::span<const std::string> ids) {
  ZHIYIN_TRY(const Index index, look_up(name));
  const auto list = cells(ids);
  const std::int64_t now = clock_.now().us;
  std::int64_t removed = 0;
  ZHIYIN_TRY_VOID(state_.write_in_turn([&](storage::Session& db) -> Result<void> {
    ZHIYIN_TRY(removed, delete_ids(db, index.id, list));
    ZHIYIN_TRY_VOID(
        db.execute("UPDATE duplicate_index SET texts = texts - ?2, changed_at = ?3 "
                   "WHERE id = ?1 AND removed = 0",
                   {index.id, removed, now}));
    return {};
  }));
  return removed;
}

std::shared_ptr<DuplicateIndexes::Loaded> DuplicateIndexes::loaded(std::int64_t id) {
  const MutexLock lock(mutex_);
  auto& found = loaded_[id];
  if (!found) found = std::make_shared<Loaded>(id);
  return found;
}

/// From the texts before `end`, and takes it.
Result<void> DuplicateIndexes::make_table(Loaded& of, std::int64_t end) {
  text::NearDuplicateTableBuilder builder;
  for (std::int64_t from = 0; from < end;) {
    if (stop_) return fail(ErrorCode::kUnavailable, "index of near-duplicates: the server stops");
    ZHIYIN_TRY(
        const auto rows,
        state_.query("SELECT number, minhash, fingerprint FROM duplicate_text WHERE index_id "
                     "= ?1 AND number >= ?2 AND number < ?3 ORDER BY number LIMIT ?4",
                     {of.id, from, end, static_cast<std::int64_t>(kPage)}));
    for (const auto& row : rows.rows)
      builder.add(static_cast<std::uint32_t>(storage::as_int(row[0])),
                  signature_in(row[1], row[2]));
    if (rows.rows.size() < kPage) break;
    from = storage::as_int(rows.rows.back()[0]) + 1;
  }
  std::error_code ec;
  fs::create_directories(settings_.folder, ec);
  ZHIYIN_TRY_VOID(builder.write(file_of(of.id), static_cast<std::uint64_t>(of.id),
                                static_cast<std::uint64_t>(end)));
  return take_table(of, end);
}

/// The table that lies in the file, with nothing behind it. One of another state is not taken.
Result<void> DuplicateIndexes::take_table(Loaded& to, std::int64_t next) {
  ZHIYIN_TRY(auto table, text::NearDuplicateTable::open(file_of(to.id)));
  if (table.owner() != static_cast<std::uint64_t>(to.id) ||
      table.end() > static_cast<std::uint64_t>(next))
    return fail(ErrorCode::kDataLoss, "index of near-duplicates: its table is of another state");
  const MutexLock lock(to.mutex);
  to.end = static_cast<std::int64_t>(table.end());
  to.table = std::move(table);
  to.tail = text::NearDuplicateIndex();
  to.tail_numbers.clear();
  return {};
}

void DuplicateIndexes::make_table_later(const std::shared_ptr<Loaded>& of, std::int64_t end) {
  if (of->waits.exchange(true)) return;
  const MutexLock lock(mutex_);
  const bool taken = background_->try_submit([this, of, end] {
    {
      const MutexLock making(of->making);
      if (auto made = make_table(*of, end); !made)
        logger_.warning("server", "duplicates_table_not_made", {{"reason", made.error().text()}});
    }
    of->waits = false;
    const MutexLock inner(mutex_);
    --working_;
    idle_.notify_all();
  });
  if (taken) {
    ++working_;
  } else {
    of->waits = false;
  }
}

/// Brings in what the state has and this process has not read yet.
Result<void> DuplicateIndexes::refresh(Loaded& to, const Index& index) {
  const auto missing = [&] {
    const MutexLock lock(to.mutex);
    return index.next - to.end;
  };
  if (missing() > static_cast<std::int64_t>(kTailMin)) {
    const MutexLock making(to.making);
    if (!std::exchange(to.looked, true)) {
      if (const auto taken = take_table(to, index.next);
          !taken && taken.error().code != ErrorCode::kNotFound)
        logger_.warning("server", "duplicates_table_refused", {{"reason", taken.error().text()}});
    }
    if (missing() > static_cast<std::int64_t>(4 * kTailMin))
      ZHIYIN_TRY_VOID(make_table(to, index.next));
  }
  const MutexLock lock(to.mutex);
  while (to.end < index.next) {
    ZHIYIN_TRY(
        const auto rows,
        state_.query("SELECT number, minhash, fingerprint FROM duplicate_text WHERE index_id "
                     "= ?1 AND number >= ?2 ORDER BY number LIMIT ?3",
                     {to.id, to.end, static_cast<std::int64_t>(kPage)}));
    for (const auto& row : rows.rows) {
      to.tail.add(signature_in(row[1], row[2]));
      to.tail_numbers.push_back(storage::as_int(row[0]));
    }
    if (!rows.rows.empty()) to.end = to.tail_numbers.back() + 1;
    if (rows.rows.size() < kPage) to.end = std::max(to.end, index.next);
  }
  return {};
}

Result<DuplicateIndexes::Hits> DuplicateIndexes::find(std::string_view name,
                                                      std::span<const std::string> texts,
                                                      const Search& search) {
  ZHIYIN_TRY(const Index index, look_up(name));
  const auto at = loaded(index.id);
  ZHIYIN_TRY_VOID(refresh(*at, index));
  const text::NearDuplicateOptions options{.similarity_min = search.similarity};
  std::vector<TextSignature> signatures;
  for (const std::string& text : texts) signatures.push_back(text::signature_of(text));
  std::vector<std::size_t> open(texts.size());  // whose hits are not all known
  for (std::size_t i = 0; i < open.size(); ++i) open[i] = i;
  Hits out(texts.size());
  // Where many candidates were removed since, more are asked for.
  constexpr std::size_t kGrows = 16, kCandidatesMax = 65'536;
  for (std::size_t most = search.most + 8; !open.empty(); most *= kGrows) {
    std::vector<std::vector<std::int64_t>> candidates;
    std::unordered_set<std::int64_t> numbers;
    {
      const MutexLock lock(at->mutex);
      for (const std::size_t i : open) {
        candidates.push_back(at->candidates(signatures[i], options, most));
        numbers.insert(candidates.back().begin(), candidates.back().end());
      }
    }
    ZHIYIN_TRY(const auto stored, stored_texts(state_, index.id, numbers));
    std::vector<std::size_t> left;
    for (std::size_t k = 0; k < open.size(); ++k) {
      std::vector<Hit> hits;
      for (const std::int64_t number : candidates[k]) {
        const auto found = stored.find(number);
        if (found == stored.end()) continue;
        const auto alike =
            text::near_similarity(signatures[open[k]], found->second.signature, options);
        if (alike) hits.push_back({found->second.id, *alike});
      }
      std::ranges::sort(hits, [](const Hit& a, const Hit& b) {
        return a.similarity != b.similarity ? a.similarity > b.similarity : a.id < b.id;
      });
      const bool cut = candidates[k].size() >= most && most < kCandidatesMax;
      if (hits.size() < search.most && cut) left.push_back(open[k]);
      if (hits.size() > search.most) hits.resize(search.most);
      out[open[k]] = std::move(hits);
    }
    open = std::move(left);
  }
  std::int64_t table = 0, tail = 0;
  {
    const MutexLock lock(at->mutex);
    table = at->table ? static_cast<std::int64_t>(at->table->size()) : 0;
    tail = static_cast<std::int64_t>(at->tail_numbers.size());
  }
  const auto least = static_cast<std::int64_t>(kTailMin);
  const std::int64_t gone = table + tail - index.texts;
  if (tail > std::max(least, table / 4) || gone > std::max(least, index.texts / 2))
    make_table_later(at, index.next);
  return out;
}

void DuplicateIndexes::wait_for_background() {
  const MutexLock lock(mutex_);
  while (working_ > 0) idle_.wait(mutex_);
}

}  // namespace zhiyin::server
