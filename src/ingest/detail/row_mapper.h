#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "ingest/detail/column_profile.h"
#include "ingest/detail/hash_set.h"
#include "ingest/detail/text_arena.h"
#include "ingest/detail/time_format.h"
#include "ingest/event_view.h"
#include "ingest/import.h"
#include "ingest/mapping.h"
#include "ingest/table_reader.h"

namespace zhiyin::ingest::detail {

/// What rows of a block turned into. Texts point into the block and into `texts`.
struct MappedRows {
  std::vector<EventView> events;
  std::vector<std::int64_t> row_of;  ///< by event
  std::vector<ImportedItem> items;
  TextArena texts;
  Arena<IdentityView> identities;

  void clear() {
    events.clear();
    row_of.clear();
    items.clear();
    texts.clear();
    identities.clear();
  }
};

/// A mapping bound to the columns of one file. Not thread-safe.
class RowMapper {
 public:
  struct Settings {
    std::string account;
    Instant base_time;      ///< of rows whose mapping states no time
    Hash128 fingerprint{};  ///< of mapping, account and columns: made ids depend on it
    /// What is wrong with an item, with its field; empty: nothing is.
    std::function<Result<void>(const ImportedItem&)> check_item = {};
  };
  /// kInvalidArgument when the mapping names a column that is not there (says which there are).
  static Result<RowMapper> create(const Mapping& mapping, std::span<const std::string> columns,
                                  Settings settings);

  struct Outcome {
    bool skipped = false;  ///< by a filter
    bool bad = false;      ///< `problem` was called at least once
  };
  /// What is wrong with a cell: the row goes on without what needed it.
  using Problem = std::function<void(std::string_view column, std::string reason)>;

  /// What makes a row's ids: the hash of its bytes, and which of the rows with these bytes it is
  /// (from 1; 0: not known, its number stands for it).
  struct RowName {
    Hash128 content{};
    std::uint32_t occurrence = 0;
  };

  /// Maps one row without fault.
  Outcome map(const RowBlock& block, const RowBlock::Row& row, const RowName& name, MappedRows& out,
              const Problem& problem);

  [[nodiscard]] std::vector<ColumnProfile>& profiles() { return profiles_; }
  [[nodiscard]] const ColumnProfile& profile(std::size_t column) const { return profiles_[column]; }
  /// Columns whose cells are sealed because of their names, though nobody asked for it.
  [[nodiscard]] std::vector<std::string_view> sealed_by_name() const;
  /// Whether any column tells of people beside whose rows they are.
  [[nodiscard]] bool has_personal_columns() const;
  /// Money of other currencies than the renminbi, by currency: how many events, and the sum of
  /// their values.
  struct Foreign {
    std::int64_t events = 0;
    std::int64_t sum = 0;
  };
  [[nodiscard]] const std::map<std::string, Foreign, std::less<>>& foreign() const {
    return foreign_;
  }
  /// Whether the mapping takes anything from the column.
  [[nodiscard]] bool uses(std::size_t column) const { return !profiles_[column].role().empty(); }

 private:
  static constexpr int kNone = -1;
  static constexpr int kRowNumber = -2;  // of an identity: the row's number
  struct BoundCondition {
    int column = kNone;
    const Condition* rule = nullptr;
  };
  struct BoundTime {
    int column = kNone;
    std::optional<TimeFormat> format;
    std::string last_text;  // neighbouring rows often have the same time
    std::optional<Instant> last_value;
  };
  struct BoundProperty {
    int column = kNone;
    std::string prefix;  // `"name":`
    bool as_text = false;
    bool as_number = false;
    bool personal = false;
    bool by_name = false;  // personal because of its name alone
  };
  struct BoundEvent {
    const EventRule* rule = nullptr;
    std::vector<std::pair<int, std::string>> identities;  // column, kind
    int kind = kNone;
    int item = kNone;
    std::string item_kind;
    int value = kNone;
    int currency = kNone;
    int event_id = kNone;
    int list = kNone;
    int time = kNone;                                  // index into times_
    std::vector<std::pair<int, std::string>> columns;  // column, kind
    std::vector<BoundProperty> properties;
    std::vector<BoundCondition> where;
  };
  struct BoundItem {
    const ItemRule* rule = nullptr;
    int id = kNone, title = kNone, text = kNone, category = kNone, author = kNone, url = kNone,
        price = kNone, kind = kNone, cover = kNone, campaign = kNone, stock = kNone;
    int published_at = kNone, valid_from = kNone, valid_until = kNone;  // indexes into times_
    std::vector<int> tags;
    std::vector<BoundCondition> where;
  };

  RowMapper(Mapping mapping, Settings settings);
  Result<void> bind(std::span<const std::string> columns);
  Result<BoundEvent> bind_event(const EventRule& rule);
  Result<BoundItem> bind_item(const ItemRule& rule);
  Result<int> column(std::string_view field, const std::string& name, std::string_view role);
  Result<int> bind_time(const std::optional<TimeRule>& rule);
  Result<std::vector<BoundCondition>> bind_conditions(const std::vector<Condition>& conditions);

  // What stays the same for all events of one rule and row.
  struct Row;
  bool holds(const BoundCondition& condition) const;
  bool all_hold(const std::vector<BoundCondition>& conditions) const;
  bool start_event(const BoundEvent& bound, Row& row);
  void map_event(const BoundEvent& bound, Row& row);
  void map_columns(const BoundEvent& bound, Row& row);
  void map_list(const BoundEvent& bound, Row& row);
  void map_item(const BoundItem& bound, Row& row);
  bool read_identities(const BoundEvent& bound, Row& row);
  bool read_kind(const BoundEvent& bound, Row& row, std::string_view& kind);
  bool read_time(int time, Row& row, Instant& at);
  bool read_item_time(int time, Row& row, std::optional<Instant>& at);
  bool read_item_numbers(const BoundItem& bound, Row& row, ImportedItem& item);
  void check_and_take(const BoundItem& bound, ImportedItem item, Row& row);
  bool read_properties(const BoundEvent& bound, Row& row);
  std::optional<double> number(int column, Row& row, NumberForm form = NumberForm::kCount);
  std::optional<std::int64_t> fen(int column, std::string_view amount, Row& row);
  bool read_money(const BoundEvent& bound, Row& row, EventView& event);
  bool read_value(const BoundEvent& bound, Row& row, EventView& event);
  // The cell as messages show it; never one that tells of people.
  [[nodiscard]] std::string shown(int column, std::string_view text) const;
  std::optional<std::int64_t> scaled(double value, double scale, int column, Row& row);
  void emit(const EventView& event, Row& row, std::size_t ordinal);
  std::string_view id_of(Row& row, std::size_t ordinal);
  void report(Row& row, int column, std::string reason);

  Mapping mapping_;
  Settings settings_;
  std::map<std::string, int, std::less<>> index_of_;
  std::vector<ColumnProfile> profiles_;
  std::map<std::string, Foreign, std::less<>> foreign_;
  std::vector<BoundTime> times_;
  std::vector<BoundCondition> skip_;
  std::vector<BoundEvent> events_;
  std::vector<BoundItem> items_;
  std::vector<CleanCell> cells_;
  std::string scratch_;
  std::string personal_;
};

}  // namespace zhiyin::ingest::detail
