#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/json_binding.h"

namespace zhiyin::ingest {

/// Correction that was made to cells, and how often. Nothing is corrected without being counted
/// here.
struct Normalisation {
  std::string
      what;  ///< trimmed, full_width_digits, thousands_separator, unit_word, currency_sign, rounded
  std::int64_t count = 0;
};

struct ColumnQuality {
  std::string name;
  std::string
      role;  ///< what the mapping made of it: identity, item, time, value, like, …; empty: not used
  std::int64_t present = 0;
  std::int64_t missing = 0;
  std::int64_t invalid = 0;   ///< cells that could not be read as what the mapping wants
  std::int64_t distinct = 0;  ///< estimate (1.6 % standard error above a few thousand)
  std::int64_t numbers = 0;   ///< cells that are numbers
  std::optional<double> minimum, maximum, mean, median;  ///< none of personal columns
  bool median_approximate = false;                       ///< to 1.6 %, as there are many numbers
  bool personal =
      false;  ///< an identity, or sealed: nothing that its cells say stands in the report
  std::int64_t outliers = 0;  ///< numbers farther than 3 interquartile ranges outside the quartiles
  std::optional<double> outlier_below, outlier_above;
  std::vector<Normalisation> normalised;
};

/// A fault that was found; a row may have several.
struct BadRow {
  std::int64_t row = 0;  ///< counts rows of data from 1
  std::string column;    ///< or empty
  std::string reason;
};

/// Money that is not renminbi; its events are `purchase.usd` and the like.
struct CurrencyTotal {
  std::string currency;     ///< lower-case code
  std::int64_t events = 0;  ///< of this run
  std::int64_t sum = 0;     ///< in hundredths of the main unit
};

/// What was in a file and what became of it. A pure value.
struct QualityReport {
  std::string file;
  std::string mapping;
  std::int64_t rows = 0;
  std::int64_t rows_good = 0;
  std::int64_t rows_skipped = 0;   ///< by the mapping's filters
  std::int64_t rows_bad = 0;       ///< something was wrong in them; what else they held was taken
  std::int64_t rows_repeated = 0;  ///< equal to an earlier row, byte for byte
  std::int64_t events = 0;         ///< made from the rows
  std::int64_t accepted = 0;
  std::int64_t duplicates = 0;  ///< ids that were known already
  std::int64_t refused = 0;     ///< by the rules of intake; in the quarantine
  std::int64_t items = 0;
  std::vector<ColumnQuality> columns;
  std::vector<CurrencyTotal> currencies;  ///< other than the renminbi
  std::int64_t faults = 0;                ///< found in the bad rows
  std::vector<BadRow> bad_rows;           ///< the first kBadRowsMax faults
  std::vector<std::string>
      notes;  ///< things a person should know: damaged end of file, imported before, …
};
inline constexpr std::size_t kBadRowsMax = 100;

std::string to_text(const QualityReport& report);
/// One self-contained page, Chinese first with English.
std::string to_html(const QualityReport& report);

}  // namespace zhiyin::ingest

namespace zhiyin {
template <>
struct Fields<ingest::Normalisation> {
  using N = ingest::Normalisation;
  static constexpr std::string_view name = "Normalisation";
  static constexpr auto list = field_list(
      field("what", &N::what,
            "trimmed, full_width_digits, thousands_separator, unit_word, currency_sign or rounded"),
      field("count", &N::count, "cells"));
};
template <>
struct Fields<ingest::ColumnQuality> {
  using C = ingest::ColumnQuality;
  static constexpr std::string_view name = "ColumnQuality";
  static constexpr auto list = field_list(
      field("name", &C::name, "of the column"),
      field("role", &C::role, "what the mapping made of it"),
      field("present", &C::present, "cells with something in them"),
      field("missing", &C::missing, "cells without"),
      field("invalid", &C::invalid, "cells that could not be read as what the mapping wants"),
      field("distinct", &C::distinct, "different cells (estimate)"),
      field("numbers", &C::numbers, "cells that are numbers"),
      field("minimum", &C::minimum, "smallest number"),
      field("maximum", &C::maximum, "largest number"), field("mean", &C::mean, "of the numbers"),
      field("median", &C::median, "of the numbers"),
      field("median_approximate", &C::median_approximate, "the median is right to 1.6 %")
          .optional(),
      field("personal", &C::personal, "an identity or sealed: no figures").optional(),
      field("outliers", &C::outliers,
            "numbers farther than 3 interquartile ranges outside the quartiles"),
      field("outlier_below", &C::outlier_below, "numbers below this are outliers"),
      field("outlier_above", &C::outlier_above, "numbers above this are outliers"),
      field("normalised", &C::normalised, "corrections made to cells"));
};
template <>
struct Fields<ingest::CurrencyTotal> {
  using C = ingest::CurrencyTotal;
  static constexpr std::string_view name = "CurrencyTotal";
  static constexpr auto list =
      field_list(field("currency", &C::currency, "lower-case code, other than the renminbi"),
                 field("events", &C::events, "amounts in it"),
                 field("sum", &C::sum, "of the amounts, in hundredths of the main unit"));
};
template <>
struct Fields<ingest::BadRow> {
  using B = ingest::BadRow;
  static constexpr std::string_view name = "BadRow";
  static constexpr auto list =
      field_list(field("row", &B::row, "number of the row of data, from 1"),
                 field("column", &B::column, "where, or empty"),
                 field("reason", &B::reason, "what was wrong"));
};
template <>
struct Fields<ingest::QualityReport> {
  using R = ingest::QualityReport;
  static constexpr std::string_view name = "QualityReport";
  static constexpr auto list = field_list(
      field("file", &R::file, "name of the file"),
      field("mapping", &R::mapping, "name of the mapping"), field("rows", &R::rows, "rows of data"),
      field("rows_good", &R::rows_good, "rows without fault"),
      field("rows_skipped", &R::rows_skipped, "rows that the mapping leaves out"),
      field("rows_bad", &R::rows_bad, "rows with a fault"),
      field("rows_repeated", &R::rows_repeated, "rows equal to an earlier one"),
      field("events", &R::events, "events made"),
      field("accepted", &R::accepted, "events that came into the log"),
      field("duplicates", &R::duplicates, "events that were known"),
      field("refused", &R::refused, "events in quarantine"),
      field("items", &R::items, "catalogue items"), field("columns", &R::columns, "by column"),
      field("currencies", &R::currencies, "money that is not renminbi").optional(),
      field("faults", &R::faults, "faults found in the bad rows").optional(),
      field("bad_rows", &R::bad_rows, "the first faults"),
      field("notes", &R::notes, "what a person should know"));
};
}  // namespace zhiyin
