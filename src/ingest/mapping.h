#pragma once

#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/json_binding.h"
#include "ingest/table_reader.h"

namespace zhiyin::ingest {

inline constexpr std::size_t kMappingBytesMax = 256 << 10;
/// Name of the mappings that are made from a header.
inline constexpr std::string_view kSimpleMapping = "simple";

/// A condition on a cell. What is given must all hold.
struct Condition {
  std::string column;
  std::vector<std::string> in;      ///< the cell is one of these
  std::vector<std::string> not_in;  ///< the cell is none of these
  std::optional<bool> empty;
  std::optional<double> above;  ///< the cell is a number greater than this
  std::optional<double> below;
};

/// A member of an event's properties.
struct PropertyRule {
  std::string column;
  std::string type = "auto";  ///< auto (a number where the cell is one in plain form), text, number
  std::optional<bool>
      personal;  ///< goes below `personal`, so it is sealed; absent: by its name (personal_names.h)
};

struct FurtherIdentity {
  std::string column;
  std::string kind;
};

/// Where a row's time stands and how it is written.
struct TimeRule {
  std::string column;
  /// `auto` (RFC 3339, dates, whole seconds, milliseconds or microseconds since 1970 by their
  /// size), epoch_s, epoch_ms, epoch_us, day_number (counted from `epoch`, which is day
  /// `epoch_day`), or a pattern of %Y %m %d %H %I %M %S %p %b %y %z.
  std::string format = "auto";
  std::string zone;   ///< of times without one; the mapping's when empty
  std::string epoch;  ///< a date, for day_number
  std::int64_t epoch_day = 0;
  std::string constant;  ///< one time for every row, instead of a column
};

/// One rule makes events of every row: one, one per named column (`columns`), or one per part of a
/// list (`list`). What it leaves empty is taken from the mapping's own fields of the same name.
struct EventRule {
  std::string identity;  ///< column
  std::string identity_kind;
  std::vector<FurtherIdentity> further_identities;
  std::string kind;                                   ///< the same for every row
  std::string kind_column;                            ///< or a column …
  std::map<std::string, std::string> kind_translate;  ///< … with a translation table
  bool kind_other =
      false;  ///< words outside the table are kept as they are (otherwise the row is refused)
  std::string item;  ///< column
  std::string item_kind;
  std::string value;           ///< column
  double value_scale = 1;      ///< a cell times this, rounded, is the event's value
  bool value_is_yuan = false;  ///< of purchase and refund the cell is an amount in yuan, exactly;
                               ///< of other kinds as it is
  std::string currency;        ///< column: of an amount of money that is not renminbi (currency.h)
  std::optional<std::int64_t> value_constant;
  std::optional<TimeRule> time;
  std::string
      event_id;  ///< column; otherwise ids are made from the row and which of its equals it is
  std::map<std::string, PropertyRule> properties;  ///< by name; a plain string is a column
  std::map<std::string, std::string>
      columns;                     ///< column → kind; empty and zero cells make no event
  bool columns_are_flags = false;  ///< the cell says whether, not how much
  std::string list;                ///< column with a list of items
  std::string list_separator = " ";
  std::string
      list_response_separator;  ///< before the last of these stands the item, after it the response
  std::vector<std::string> list_response;  ///< only parts with one of these responses
  std::vector<Condition> where;
};

/// A rule that makes a catalogue item of every row.
struct ItemRule {
  std::string id;  ///< column
  std::string kind = "article";
  std::string kind_column;  ///< its cell says the kind; where that is empty: `kind`
  std::string title;
  std::string text;
  std::vector<std::string> tags;  ///< columns
  std::string tags_separator = " ";
  std::string tags_cut;  ///< what follows this in a tag is dropped (a weight, for instance)
  std::string tags_prefix;
  std::string category;
  std::string author;
  std::string url;
  std::string cover;
  std::string campaign;
  std::string price;
  std::string price_unit = "yuan";  ///< or fen
  std::string stock;                ///< pieces left
  std::optional<TimeRule> published_at;
  std::optional<TimeRule> valid_from;
  std::optional<TimeRule> valid_until;
  bool columns_may_be_missing = false;  ///< a file without one of them, but that of the id, is read
  std::vector<Condition> where;
};

/// How the rows of a file become events and items. Read from TOML; docs/mapping.md. A pure value.
struct Mapping {
  std::string name;
  std::string title;    ///< for people
  std::string account;  ///< may be given with the import instead
  std::string zone = "Asia/Shanghai";
  TableFormat file;
  std::vector<std::string> missing = {"",     "NULL", "null", "NaN",  "nan",
                                      "None", "N/A",  "n/a",  "#N/A", "\\N"};
  std::string repeated_rows =
      "keep";  ///< or `drop`: a row that equals an earlier one, byte for byte
  std::string identity;
  std::string identity_kind = "user_id";
  bool rows_are_people =
      false;  ///< there is no such column: the row's number stands for the person, `row-17`
  std::string item_column;
  std::string item_kind = "article";
  std::optional<TimeRule> time;
  std::vector<Condition> skip;  ///< a row for which one of these holds makes nothing
  std::vector<EventRule> event;
  std::vector<ItemRule> item;
};

/// Reads and checks a mapping; kInvalidArgument naming the key (and the nearest valid one) or the
/// value.
Result<Mapping> parse_mapping(std::string_view toml, std::string_view file_name);

/// The tables that work without a mapping, by their header (English or Chinese): one row per person
/// with likes, transfers, comments, time_spent and any further columns as labels; or event rows
/// (user, item, kind, time, value). With `rows_are_people` a table of the first sort needs no
/// column that says whose rows these are. kInvalidArgument, saying what was found and what is
/// understood.
Result<Mapping> detect_mapping(std::span<const std::string> columns, bool rows_are_people = false);

/// A mapping that comes with the program.
struct ShippedMapping {
  std::string_view name;  ///< of the file below examples/, without `.toml`
  std::string_view toml;
};
std::span<const ShippedMapping> shipped_mappings();
/// The shipped mapping of that name; kNotFound names the nearest.
Result<Mapping> find_shipped_mapping(std::string_view name);

}  // namespace zhiyin::ingest
