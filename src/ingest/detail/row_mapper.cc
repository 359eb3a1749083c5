#include "ingest/detail/row_mapper.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstring>
#include <set>

#include "base/crypto.h"
#include "base/json.h"
#include "base/nearest.h"
#include "base/utf8.h"
#include "base/visible_text.h"
#include "ingest/currency.h"
#include "ingest/personal_names.h"

namespace zhiyin::ingest::detail {
namespace {

constexpr std::size_t kColumnsShown = 30;
// Whole numbers beyond this are not exact as doubles.
constexpr double kExactMax = 9007199254740992.0;

constexpr char kDigits[] = "0123456789abcdef";

char* put_hex(char* p, std::uint64_t v) {
  for (int shift = 60; shift >= 0; shift -= 4) *p++ = kDigits[v >> shift & 15];
  return p;
}

// The form of a UUID of version 7, with what is random there from a name.
char* put_uuid(char* p, Instant at, std::uint64_t high, std::uint64_t low) {
  const auto put = [&](std::uint64_t v, int digits) {
    for (int shift = 4 * (digits - 1); shift >= 0; shift -= 4) *p++ = kDigits[v >> shift & 15];
  };
  const auto ms = static_cast<std::uint64_t>(at.us / 1000);
  put(ms >> 16, 8);
  *p++ = '-';
  put(ms, 4);
  *p++ = '-';
  put(0x7000 | (high & 0xfff), 4);
  *p++ = '-';
  put(0x8000 | (high >> 12 & 0x3fff), 4);
  *p++ = '-';
  put(low, 12);
  return p;
}

// A number in plain form: no leading zeros, not so long that digits would be lost.
bool is_plain_number(std::string_view text) {
  constexpr std::size_t kDigitsMax = 15;
  std::string_view s = text;
  if (s.starts_with('-')) s.remove_prefix(1);
  if (s.empty() || s.size() > kDigitsMax) return false;
  if (s.size() > 1 && s[0] == '0' && s[1] != '.') return false;
  std::size_t points = 0;
  for (const char c : s) {
    if (c == '.') {
      ++points;
    } else if (c < '0' || c > '9') {
      return false;
    }
  }
  return points <= 1 && s.front() != '.' && s.back() != '.';
}

// Those whose value counts seconds.
bool counts_seconds(std::string_view kind) { return kind == "read" || kind == "play"; }
bool counts_fen(std::string_view kind) { return kind == "purchase" || kind == "refund"; }

// Calls `take` with each part of a list.
template <class Take>
void each_part(std::string_view list, std::string_view separator, const Take& take) {
  constexpr std::string_view kOwn(&TableReader::kListSeparator, 1);
  if (list.find(TableReader::kListSeparator) != std::string_view::npos) separator = kOwn;
  while (true) {
    const std::size_t end = list.find(separator);
    std::string_view part = list.substr(0, end);
    while (part.starts_with(' ')) part.remove_prefix(1);
    while (part.ends_with(' ')) part.remove_suffix(1);
    if (!part.empty()) take(part);
    if (end == std::string_view::npos) return;
    list.remove_prefix(end + separator.size());
  }
}

}  // namespace

// The row at hand, and what its events share.
struct RowMapper::Row {
  const RowBlock::Row& source;
  const RowName& name;
  MappedRows& out;
  const Problem& problem;
  bool bad = false;
  std::optional<Hash128> key;  // what made ids begin with
  std::size_t ordinal =
      0;  // counts possible events of the row, so that ids do not depend on cells that are empty
  EventView event;          // the parts that all events of a rule share
  std::string_view own_id;  // of an event_id column
  bool named_time = false;  // not only the run's
};

RowMapper::RowMapper(Mapping mapping, Settings settings)
    : mapping_(std::move(mapping)), settings_(std::move(settings)) {}

Result<RowMapper> RowMapper::create(const Mapping& mapping, std::span<const std::string> columns,
                                    Settings settings) {
  RowMapper mapper(mapping, std::move(settings));
  ZHIYIN_TRY_VOID(mapper.bind(columns));
  return mapper;
}

Result<int> RowMapper::column(std::string_view field, const std::string& name,
                              std::string_view role) {
  if (name.empty()) return kNone;
  const auto found = index_of_.find(name);
  if (found != index_of_.end()) {
    profiles_[static_cast<std::size_t>(found->second)].set_role(role);
    return found->second;
  }
  std::vector<std::string_view> names;
  for (const ColumnProfile& profile : profiles_) names.push_back(profile.name());
  const std::string_view near = nearest_name(name, names);
  const std::string more =
      names.size() > kColumnsShown ? fmt::format(" and {} more", names.size() - kColumnsShown) : "";
  if (names.size() > kColumnsShown) names.resize(kColumnsShown);
  if (near.empty())
    return fail_field(field, "the file has no column '{}'; it has {}{}", name,
                      fmt::join(names, ", "), more);
  return fail_field(field, "the file has no column '{}'; did you mean '{}'? It has {}{}", name,
                    near, fmt::join(names, ", "), more);
}

Result<int> RowMapper::bind_time(const std::optional<TimeRule>& rule) {
  if (!rule) return kNone;
  BoundTime bound;
  ZHIYIN_TRY(bound.column, column("time", rule->column, "time"));
  ZHIYIN_TRY(bound.format, TimeFormat::create(*rule, mapping_.zone));
  times_.push_back(std::move(bound));
  return static_cast<int>(times_.size()) - 1;
}

Result<std::vector<RowMapper::BoundCondition>> RowMapper::bind_conditions(
    const std::vector<Condition>& conditions) {
  std::vector<BoundCondition> bound;
  for (const Condition& condition : conditions) {
    ZHIYIN_TRY(const int c, column("where", condition.column, "filter"));
    bound.push_back({c, &condition});
  }
  return bound;
}

Result<RowMapper::BoundEvent> RowMapper::bind_event(const EventRule& rule) {
  BoundEvent b;
  b.rule = &rule;
  ZHIYIN_TRY(
      int identity,
      column("identity", rule.identity.empty() ? mapping_.identity : rule.identity, "identity"));
  if (identity == kNone) identity = kRowNumber;
  b.identities.emplace_back(
      identity, rule.identity_kind.empty() ? mapping_.identity_kind : rule.identity_kind);
  for (const FurtherIdentity& further : rule.further_identities) {
    ZHIYIN_TRY(const int c, column("further_identities", further.column, "identity"));
    b.identities.emplace_back(c, further.kind);
  }
  ZHIYIN_TRY(b.kind, column("kind_column", rule.kind_column, "kind"));
  // A trait belongs to the person, not to an item that the other rules of the mapping speak of.
  const bool takes_default_item = rule.kind != "trait.set" && rule.list.empty();
  ZHIYIN_TRY(
      b.item,
      column("item", rule.item.empty() && takes_default_item ? mapping_.item_column : rule.item,
             "item"));
  b.item_kind = rule.item_kind.empty() ? mapping_.item_kind : rule.item_kind;
  ZHIYIN_TRY(b.value, column("value", rule.value, "value"));
  ZHIYIN_TRY(b.currency, column("currency", rule.currency, "currency"));
  ZHIYIN_TRY(b.event_id, column("event_id", rule.event_id, "event_id"));
  ZHIYIN_TRY(b.list, column("list", rule.list, "list of items"));
  ZHIYIN_TRY(b.time, bind_time(rule.time ? rule.time : mapping_.time));
  for (const auto& [name, kind] : rule.columns) {
    ZHIYIN_TRY(const int c, column("columns", name, kind));
    b.columns.emplace_back(c, kind);
  }
  // In the order of the file, so that ids do not depend on how names sort.
  std::ranges::sort(b.columns);
  for (const auto& [name, property] : rule.properties) {
    BoundProperty p;
    ZHIYIN_TRY(p.column, column("properties." + name, property.column,
                                rule.kind == "trait.set" ? "label" : "property"));
    append_json_string(p.prefix, name);
    p.prefix += ':';
    p.as_text = property.type == "text";
    p.as_number = property.type == "number";
    const NamedIn where = rule.kind == "trait.set" ? NamedIn::kTraits : NamedIn::kProperties;
    const bool sounds_personal =
        is_personal_name(name, where) || is_personal_name(property.column, where);
    p.personal = property.personal.value_or(sounds_personal);
    p.by_name = p.personal && !property.personal;
    if (p.personal) {
      ColumnProfile& profile = profiles_[static_cast<std::size_t>(p.column)];
      profile.set_personal();
      profile.set_role("personal");
    }
    b.properties.push_back(std::move(p));
  }
  ZHIYIN_TRY(b.where, bind_conditions(rule.where));
  return b;
}

Result<RowMapper::BoundItem> RowMapper::bind_item(const ItemRule& rule) {
  BoundItem b;
  b.rule = &rule;
  const auto is_left_out = [&](const std::string& name) {
    return rule.columns_may_be_missing && !index_of_.contains(name);
  };
  ZHIYIN_TRY(b.id, column("id", rule.id, "item"));
  struct Place {
    std::string_view field;
    const std::string& name;
    int& at;
    std::string_view role;
  };
  for (const Place& place :
       {Place{"kind_column", rule.kind_column, b.kind, "kind"},
        Place{"title", rule.title, b.title, "title"}, Place{"text", rule.text, b.text, "text"},
        Place{"category", rule.category, b.category, "category"},
        Place{"author", rule.author, b.author, "author"}, Place{"url", rule.url, b.url, "url"},
        Place{"cover", rule.cover, b.cover, "url"},
        Place{"campaign", rule.campaign, b.campaign, "campaign"},
        Place{"price", rule.price, b.price, "price"},
        Place{"stock", rule.stock, b.stock, "stock"}}) {
    if (is_left_out(place.name)) continue;
    ZHIYIN_TRY(place.at, column(place.field, place.name, place.role));
  }
  for (const auto& [time, at] :
       {std::pair(&rule.published_at, &b.published_at), std::pair(&rule.valid_from, &b.valid_from),
        std::pair(&rule.valid_until, &b.valid_until)}) {
    if (*time && !(*time)->column.empty() && is_left_out((*time)->column)) continue;
    ZHIYIN_TRY(*at, bind_time(*time));
  }
  for (const std::string& tags : rule.tags) {
    if (is_left_out(tags)) continue;
    ZHIYIN_TRY(const int c, column("tags", tags, "tags"));
    b.tags.push_back(c);
  }
  ZHIYIN_TRY(b.where, bind_conditions(rule.where));
  return b;
}

Result<void> RowMapper::bind(std::span<const std::string> columns) {
  // All columns together keep a bounded number of values.
  constexpr std::size_t kValuesMax = 2'000'000;
  const std::size_t exact_max =
      std::min(ColumnProfile::kExactMax, kValuesMax / std::max<std::size_t>(columns.size(), 1));
  for (const std::string& name : columns) {
    index_of_.emplace(name, static_cast<int>(profiles_.size()));
    profiles_.emplace_back(name, exact_max);
    if (is_personal_name(name, NamedIn::kTraits)) profiles_.back().set_personal();
  }
  cells_.resize(columns.size());
  // `mapping_` stays where its rules are from here on: its vectors are not touched again, and
  // moving them keeps their elements.
  ZHIYIN_TRY(skip_, bind_conditions(mapping_.skip));
  for (std::size_t i = 0; i < mapping_.event.size(); ++i) {
    auto bound = bind_event(mapping_.event[i]);
    if (!bound)
      return std::unexpected(within(fmt::format("event[{}]", i), std::move(bound.error())));
    events_.push_back(std::move(*bound));
  }
  for (std::size_t i = 0; i < mapping_.item.size(); ++i) {
    auto bound = bind_item(mapping_.item[i]);
    if (!bound)
      return std::unexpected(within(fmt::format("item[{}]", i), std::move(bound.error())));
    items_.push_back(std::move(*bound));
  }
  return {};
}

std::vector<std::string_view> RowMapper::sealed_by_name() const {
  std::vector<std::string_view> names;
  for (const BoundEvent& event : events_) {
    for (const BoundProperty& property : event.properties) {
      const std::string_view name = profiles_[static_cast<std::size_t>(property.column)].name();
      if (property.by_name && std::ranges::find(names, name) == names.end()) names.push_back(name);
    }
  }
  return names;
}

bool RowMapper::has_personal_columns() const {
  return std::ranges::any_of(
      profiles_, [](const ColumnProfile& p) { return p.personal() && p.role() != "identity"; });
}

std::string RowMapper::shown(int column, std::string_view text) const {
  if (column >= 0 && profiles_[static_cast<std::size_t>(column)].personal()) return "the cell";
  return fmt::format("'{}'", visible_text(utf8::truncate(text, 64)));
}

void RowMapper::report(Row& row, int column, std::string reason) {
  row.bad = true;
  std::string_view name;
  if (column != kNone) {
    ColumnProfile& profile = profiles_[static_cast<std::size_t>(column)];
    profile.add_invalid();
    name = profile.name();
  }
  row.problem(name, std::move(reason));
}

bool RowMapper::holds(const BoundCondition& condition) const {
  const CleanCell& cell = cells_[static_cast<std::size_t>(condition.column)];
  const Condition& rule = *condition.rule;
  if (rule.empty && *rule.empty != cell.missing) return false;
  if (!rule.in.empty() && std::ranges::find(rule.in, cell.text) == rule.in.end()) return false;
  if (!rule.not_in.empty() && std::ranges::find(rule.not_in, cell.text) != rule.not_in.end())
    return false;
  if (!rule.above && !rule.below) return true;
  const auto number = read_number(cell.text);
  return number && (!rule.above || number->value > *rule.above) &&
         (!rule.below || number->value < *rule.below);
}

bool RowMapper::all_hold(const std::vector<BoundCondition>& conditions) const {
  return std::ranges::all_of(conditions, [&](const BoundCondition& c) { return holds(c); });
}

RowMapper::Outcome RowMapper::map(const RowBlock& block, const RowBlock::Row& source,
                                  const RowName& name, MappedRows& out, const Problem& problem) {
  for (std::size_t c = 0; c < cells_.size(); ++c)
    cells_[c] = profiles_[c].add(block.cell(source, c), mapping_.missing);
  for (const BoundCondition& condition : skip_) {
    if (holds(condition)) return {true, false};
  }
  Row row{source, name, out, problem};
  for (const BoundEvent& bound : events_) {
    if (!all_hold(bound.where)) {
      row.ordinal += std::max<std::size_t>(1, bound.columns.size());
    } else if (!bound.columns.empty()) {
      map_columns(bound, row);
    } else if (bound.list != kNone) {
      map_list(bound, row);
    } else {
      map_event(bound, row);
    }
  }
  for (const BoundItem& bound : items_) {
    if (all_hold(bound.where)) map_item(bound, row);
  }
  return {false, row.bad};
}

bool RowMapper::read_identities(const BoundEvent& bound, Row& row) {
  IdentityView* identities = row.out.identities.take(bound.identities.size());
  std::size_t n = 0;
  for (const auto& [column, kind] : bound.identities) {
    if (column == kRowNumber) {
      identities[n++] = {{}, kind, row.out.texts.keep(fmt::format("row-{}", row.source.number))};
      continue;
    }
    const CleanCell& cell = cells_[static_cast<std::size_t>(column)];
    if (cell.missing) {
      if (n != 0) continue;  // a further identity need not be known
      report(row, column, "is missing: nobody is named");
      return false;
    }
    identities[n++] = {{}, kind, cell.text};
  }
  row.event.identities = std::span(identities, n);
  return true;
}

bool RowMapper::read_time(int time, Row& row, Instant& at) {
  if (time == kNone) {
    at = settings_.base_time;
    return true;
  }
  BoundTime& bound = times_[static_cast<std::size_t>(time)];
  if (bound.format->constant()) {
    at = *bound.format->constant();
    return true;
  }
  const CleanCell& cell = cells_[static_cast<std::size_t>(bound.column)];
  if (cell.missing) {
    report(row, bound.column, "is missing: the time of the event");
    return false;
  }
  if (!bound.last_value || bound.last_text != cell.text) {
    auto parsed = bound.format->parse(cell.text);
    if (!parsed) {
      const bool personal = profiles_[static_cast<std::size_t>(bound.column)].personal();
      report(row, bound.column,
             personal ? "time: the cell has not the form of a time"
                      : std::move(parsed.error().message));
      return false;
    }
    bound.last_text = cell.text;
    bound.last_value = *parsed;
  }
  at = *bound.last_value;
  return true;
}

bool RowMapper::read_kind(const BoundEvent& bound, Row& row, std::string_view& kind) {
  if (bound.kind == kNone) {
    kind = bound.rule->kind;
    return true;
  }
  const CleanCell& cell = cells_[static_cast<std::size_t>(bound.kind)];
  if (cell.missing) {
    report(row, bound.kind, "is missing: what happened");
    return false;
  }
  scratch_.assign(cell.text);
  const auto translated = bound.rule->kind_translate.find(scratch_);
  if (translated != bound.rule->kind_translate.end()) {
    kind = translated->second;
    return true;
  }
  if (bound.rule->kind_other || bound.rule->kind_translate.empty()) {
    kind = cell.text;
    if (is_kind_name(kind)) return true;
    report(row, bound.kind,
           fmt::format("{} is no kind of event and not in the translation table",
                       shown(bound.kind, kind)));
    return false;
  }
  report(row, bound.kind,
         fmt::format("{} is not in the translation table", shown(bound.kind, cell.text)));
  return false;
}

bool RowMapper::read_properties(const BoundEvent& bound, Row& row) {
  if (bound.properties.empty()) return true;
  scratch_.clear();
  personal_.clear();
  for (const BoundProperty& property : bound.properties) {
    const CleanCell& cell = cells_[static_cast<std::size_t>(property.column)];
    if (cell.missing) continue;
    std::string& out = property.personal ? personal_ : scratch_;
    out += out.empty() ? '{' : ',';
    out += property.prefix;
    if (cell.text.find(TableReader::kListSeparator) != std::string_view::npos) {
      char separator = '[';
      each_part(cell.text, {}, [&](std::string_view part) {
        out += separator;
        separator = ',';
        append_json_string(out, part);
      });
      out += ']';
    } else if (!property.as_text && is_plain_number(cell.text)) {
      out += cell.text;
    } else if (property.as_number) {
      const auto value = number(property.column, row);
      if (!value) return false;
      append_json_number(out, *value);
    } else {
      append_json_string(out, cell.text);
    }
  }
  if (!scratch_.empty()) scratch_ += '}';
  if (!personal_.empty()) personal_ += '}';
  row.event.properties = row.out.texts.keep(scratch_);
  row.event.personal = row.out.texts.keep(personal_);
  return true;
}

std::optional<double> RowMapper::number(int column, Row& row, NumberForm form) {
  const CleanCell& cell = cells_[static_cast<std::size_t>(column)];
  const auto read = read_number(cell.text, form);
  if (!read) {
    const std::string_view what = form == NumberForm::kSeconds
                                      ? "no number of seconds (450, 7分30秒, 00:07:30)"
                                      : "no number";
    report(row, column, fmt::format("{} is {}", shown(column, cell.text), what));
    return std::nullopt;
  }
  if (read->corrected()) profiles_[static_cast<std::size_t>(column)].add_normalised(*read);
  return read->value;
}

// In hundredths of the main unit; `amount`: the column's cell without a foreign currency's sign.
std::optional<std::int64_t> RowMapper::fen(int column, std::string_view amount, Row& row) {
  const CleanCell& cell = cells_[static_cast<std::size_t>(column)];
  const auto read = read_yuan(amount);
  if (!read) {
    report(row, column, fmt::format("{} is no amount of money in yuan", shown(column, cell.text)));
    return std::nullopt;
  }
  ColumnProfile& profile = profiles_[static_cast<std::size_t>(column)];
  if (read->as_written.corrected()) profile.add_normalised(read->as_written);
  if (read->rounded) profile.add_rounded();
  return read->fen;
}

std::optional<std::int64_t> RowMapper::scaled(double value, double scale, int column, Row& row) {
  const double result = value * scale;
  if (!(std::abs(result) <= kExactMax)) {
    report(row, column, fmt::format("{:g} is too large", result));
    return std::nullopt;
  }
  const std::int64_t whole = std::llround(result);
  // What a scale leaves behind the point by its own inexactness is no loss.
  constexpr double kTiny = 1e-6;
  if (std::abs(result - static_cast<double>(whole)) > kTiny)
    profiles_[static_cast<std::size_t>(column)].add_rounded();
  return whole;
}

// Sets what all events of the rule share; false when the row cannot make any.
bool RowMapper::start_event(const BoundEvent& bound, Row& row) {
  row.event = EventView();
  row.event.account = settings_.account;
  row.own_id = {};
  if (!read_identities(bound, row)) return false;
  Instant at;
  if (!read_time(bound.time, row, at)) return false;
  row.event.occurred_at = at;
  row.named_time = bound.time != kNone;
  if (bound.event_id != kNone) {
    const CleanCell& cell = cells_[static_cast<std::size_t>(bound.event_id)];
    if (!cell.missing) row.own_id = cell.text;
  }
  if (bound.item != kNone) {
    const CleanCell& cell = cells_[static_cast<std::size_t>(bound.item)];
    if (cell.missing) {
      report(row, bound.item, "is missing: the item");
      return false;
    }
    row.event.has_item = true;
    row.event.item_kind = bound.item_kind;
    row.event.item_id = cell.text;
  }
  return read_properties(bound, row);
}

void RowMapper::map_event(const BoundEvent& bound, Row& row) {
  const std::size_t ordinal = row.ordinal++;
  if (!start_event(bound, row)) return;
  EventView event = row.event;
  // A label row without any label says nothing.
  if (!bound.properties.empty() && bound.rule->kind == "trait.set" && event.properties.empty() &&
      event.personal.empty())
    return;
  if (!read_kind(bound, row, event.kind)) return;
  if (!read_value(bound, row, event)) return;
  emit(event, row, ordinal);
}

// What is not renminbi, by its own column or by a sign beside the amount, is another kind of event.
bool RowMapper::read_money(const BoundEvent& bound, Row& row, EventView& event) {
  WrittenMoney money = split_currency(cells_[static_cast<std::size_t>(bound.value)].text);
  if (bound.currency != kNone && !cells_[static_cast<std::size_t>(bound.currency)].missing) {
    const std::string_view stated = cells_[static_cast<std::size_t>(bound.currency)].text;
    const auto currency = currency_of(stated);
    if (!currency || (!money.currency.empty() && money.currency != *currency)) {
      report(row, bound.currency,
             fmt::format("{} is no currency{}", shown(bound.currency, stated),
                         currency ? " of this amount" : ""));
      return false;
    }
    money.currency = *currency;
  }
  event.value = fen(bound.value, money.amount, row);
  if (!event.value) return false;
  if (money.currency.empty()) return true;
  event.kind = row.out.texts.keep(kind_in(event.kind, money.currency));
  Foreign& sum = foreign_[money.currency];
  ++sum.events;
  sum.sum += *event.value;
  return true;
}

// False when there is one that cannot be read.
bool RowMapper::read_value(const BoundEvent& bound, Row& row, EventView& event) {
  event.value = bound.rule->value_constant;
  if (event.value || bound.value == kNone || cells_[static_cast<std::size_t>(bound.value)].missing)
    return true;
  // A scale of 100 of money says the same as `value_is_yuan`.
  if (counts_fen(event.kind) && (bound.rule->value_is_yuan || bound.rule->value_scale == 100)) {
    return read_money(bound, row, event);
  }
  const NumberForm form = counts_seconds(event.kind) && bound.rule->value_scale == 1
                              ? NumberForm::kSeconds
                              : NumberForm::kCount;
  const auto cell = number(bound.value, row, form);
  if (!cell) return false;
  event.value = scaled(*cell, bound.rule->value_scale, bound.value, row);
  return event.value.has_value();
}

void RowMapper::map_columns(const BoundEvent& bound, Row& row) {
  const std::size_t first = row.ordinal;
  row.ordinal += bound.columns.size();
  if (!start_event(bound, row)) return;
  for (std::size_t i = 0; i < bound.columns.size(); ++i) {
    const auto& [column, kind] = bound.columns[i];
    if (cells_[static_cast<std::size_t>(column)].missing) continue;
    const bool seconds = counts_seconds(kind) && bound.rule->value_scale == 1;
    const auto cell = number(column, row, seconds ? NumberForm::kSeconds : NumberForm::kCount);
    if (!cell || *cell == 0) continue;
    if (*cell < 0) {
      report(row, column, fmt::format("{:g} is negative", *cell));
      continue;
    }
    EventView event = row.event;
    event.kind = kind;
    if (!bound.rule->columns_are_flags) {
      event.value = scaled(*cell, bound.rule->value_scale, column, row);
      if (!event.value) continue;
      if (*event.value == 0) continue;
    }
    emit(event, row, first + i);
  }
}

void RowMapper::map_list(const BoundEvent& bound, Row& row) {
  const std::size_t first = row.ordinal;
  std::size_t part_number = 0;
  const CleanCell& list = cells_[static_cast<std::size_t>(bound.list)];
  const EventRule& rule = *bound.rule;
  if (!list.missing && start_event(bound, row)) {
    std::string_view kind;
    if (!read_kind(bound, row, kind)) return;
    each_part(list.text, rule.list_separator, [&](std::string_view part) {
      const std::size_t ordinal = first + part_number++;
      if (!rule.list_response_separator.empty()) {
        const std::size_t cut = part.rfind(rule.list_response_separator);
        if (cut == std::string_view::npos) {
          report(
              row, bound.list,
              fmt::format("{} has no '{}'", shown(bound.list, part), rule.list_response_separator));
          return;
        }
        const std::string_view response = part.substr(cut + rule.list_response_separator.size());
        part = part.substr(0, cut);
        if (!rule.list_response.empty() &&
            std::ranges::find(rule.list_response, response) == rule.list_response.end())
          return;
      }
      EventView event = row.event;
      event.kind = kind;
      event.has_item = true;
      event.item_kind = bound.item_kind;
      event.item_id = part;
      event.value = rule.value_constant;
      emit(event, row, ordinal);
    });
  }
  row.ordinal = first + std::max<std::size_t>(1, part_number);
}

/// True where there is none, or it could be read.
bool RowMapper::read_item_time(int time, Row& row, std::optional<Instant>& at) {
  if (time == kNone) return true;
  const int column = times_[static_cast<std::size_t>(time)].column;
  if (column != kNone && cells_[static_cast<std::size_t>(column)].missing) return true;
  Instant read;
  if (!read_time(time, row, read)) return false;
  at = read;
  return true;
}

/// Without its price, stock or validity an item would be listed where it must not be.
bool RowMapper::read_item_numbers(const BoundItem& bound, Row& row, ImportedItem& item) {
  const auto is_given = [&](int column) {
    return column != kNone && !cells_[static_cast<std::size_t>(column)].missing;
  };
  if (is_given(bound.price)) {
    std::optional<std::int64_t> price;
    if (bound.rule->price_unit == "yuan") {
      price = fen(bound.price, cells_[static_cast<std::size_t>(bound.price)].text, row);
    } else if (const auto cell = number(bound.price, row)) {
      price = scaled(*cell, 1, bound.price, row);
    }
    if (!price) return false;
    item.price = Fen{*price};
  }
  if (is_given(bound.stock)) {
    const auto cell = number(bound.stock, row);
    if (cell) item.stock = scaled(*cell, 1, bound.stock, row);
    if (!item.stock) return false;
  }
  if (!read_item_time(bound.valid_from, row, item.valid_from)) return false;
  return read_item_time(bound.valid_until, row, item.valid_until);
}

void RowMapper::check_and_take(const BoundItem& bound, ImportedItem item, Row& row) {
  if (settings_.check_item) {
    if (const auto checked = settings_.check_item(item); !checked) {
      const std::string& field = checked.error().field;
      for (const auto& [name, column] :
           {std::pair("kind", bound.kind), std::pair("id", bound.id),
            std::pair("title", bound.title), std::pair("text", bound.text),
            std::pair("category", bound.category), std::pair("author", bound.author),
            std::pair("url", bound.url), std::pair("cover", bound.cover),
            std::pair("campaign", bound.campaign), std::pair("price", bound.price),
            std::pair("stock", bound.stock)}) {
        if (field == name) return report(row, column, checked.error().message);
      }
      return report(row, kNone, checked.error().text());
    }
  }
  row.out.items.push_back(std::move(item));
}

void RowMapper::map_item(const BoundItem& bound, Row& row) {
  auto text = [&](int column) {
    if (column == kNone) return std::string();
    const CleanCell& cell = cells_[static_cast<std::size_t>(column)];
    return cell.missing ? std::string() : std::string(cell.text);
  };
  const ItemRule& rule = *bound.rule;
  ImportedItem item;
  item.ref = {text(bound.kind), text(bound.id)};
  if (item.ref.kind.empty()) item.ref.kind = rule.kind;
  if (item.ref.id.empty() || item.ref.id.size() > kItemIdBytesMax || is_junk_id(item.ref.id)) {
    report(row, bound.id,
           item.ref.id.empty()
               ? "is missing: the item's id"
               : fmt::format("{} is no id of an item", shown(bound.id, item.ref.id)));
    return;
  }
  item.title = text(bound.title);
  item.text = text(bound.text);
  item.category = text(bound.category);
  item.author = text(bound.author);
  item.url = text(bound.url);
  item.cover = text(bound.cover);
  item.campaign = text(bound.campaign);
  for (const int column : bound.tags) {
    const CleanCell& cell = cells_[static_cast<std::size_t>(column)];
    if (cell.missing) continue;
    each_part(cell.text, rule.tags_separator, [&](std::string_view tag) {
      if (!rule.tags_cut.empty()) tag = tag.substr(0, tag.find(rule.tags_cut));
      std::string name = rule.tags_prefix + std::string(tag);
      if (!tag.empty() && std::ranges::find(item.tags, name) == item.tags.end())
        item.tags.push_back(std::move(name));
    });
  }
  if (!read_item_numbers(bound, row, item)) return;
  // An item without its date is still one.
  (void)read_item_time(bound.published_at, row, item.published_at);
  check_and_take(bound, std::move(item), row);
}

// Made ids follow from mapping, account, columns, the row's bytes and which of the equal rows of
// the file it is. So the rows that a file had before give the same ids when it has grown or is
// sorted anew, and a corrected row gives another. Where the row names its time they begin with it:
// what happened together lies together among the ids that were seen.
std::string_view RowMapper::id_of(Row& row, std::size_t ordinal) {
  constexpr std::size_t kSuffixMax = 24;
  if (!row.own_id.empty()) {
    if (ordinal == 0) return row.own_id;
    char* const begin = row.out.texts.take(row.own_id.size() + kSuffixMax);
    std::memcpy(begin, row.own_id.data(), row.own_id.size());
    char* p = begin + row.own_id.size();
    *p++ = '#';
    p = std::to_chars(p, p + kSuffixMax - 1, ordinal).ptr;
    return {begin, static_cast<std::size_t>(p - begin)};
  }
  if (!row.key) {
    constexpr std::uint64_t kByNumber = std::uint64_t{1} << 63;  // apart from every occurrence
    const std::uint64_t which = row.name.occurrence != 0
                                    ? row.name.occurrence
                                    : kByNumber | static_cast<std::uint64_t>(row.source.number);
    const std::array<std::uint64_t, 5> seed{settings_.fingerprint[0], settings_.fingerprint[1],
                                            row.name.content[0], row.name.content[1], which};
    row.key = crypto::xxh3_128({reinterpret_cast<const char*>(seed.data()), sizeof(seed)});
  }
  constexpr std::size_t kIdBytes = 36;
  char* const begin = row.out.texts.take(kIdBytes + (ordinal == 0 ? 0 : kSuffixMax));
  char* p = row.named_time ? put_uuid(begin, *row.event.occurred_at, (*row.key)[0], (*row.key)[1])
                           : put_hex(put_hex(begin, (*row.key)[0]), (*row.key)[1]);
  if (ordinal != 0) {
    *p++ = '-';
    p = std::to_chars(p, p + kSuffixMax - 1, ordinal).ptr;
  }
  return {begin, static_cast<std::size_t>(p - begin)};
}

void RowMapper::emit(const EventView& event, Row& row, std::size_t ordinal) {
  EventView& out = row.out.events.emplace_back(event);
  out.event_id = id_of(row, ordinal);
  row.out.row_of.push_back(row.source.number);
}

}  // namespace zhiyin::ingest::detail
