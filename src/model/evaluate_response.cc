#include "model/evaluate_response.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <map>
#include <optional>
#include <set>
#include <span>

#include "model/text_file.h"
#include "model/train_response.h"

namespace zhiyin::model {
namespace {

/// Text columns with more values than this are texts or names, not categories.
constexpr std::size_t kCategoriesMax = 20;

bool is_missing(std::string_view cell) {
  static constexpr std::string_view kMissing[] = {"", "NA", "N/A", "NaN", "nan", "null", "NULL"};
  return std::ranges::find(kMissing, cell) != std::end(kMissing);
}

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

std::optional<double> parse_number(std::string_view text) {
  text = trimmed(text);
  if (text.starts_with('+')) text.remove_prefix(1);
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || !std::isfinite(value)) {
    return std::nullopt;
  }
  return value;
}

/// One column of the file as it turned out to be.
struct Column {
  std::string name;
  std::vector<double> numbers;          ///< when every cell is a number or missing
  std::vector<std::string> categories;  ///< when it is text with few values, ascending
  std::optional<std::string> ignored;   ///< the reason
};

bool named_like_id(std::string name) {
  std::ranges::transform(name, name.begin(), [](unsigned char c) { return std::tolower(c); });
  return name == "id" || name.ends_with("_id") || name.ends_with("openid") ||
         name.ends_with("unionid") || name.ends_with("userid") || name.ends_with("uuid");
}

/// Numbers that only name the row: whole, all different, and called an id or counting up without
/// gaps.
bool numbers_name_rows(const std::string& name, const std::vector<double>& numbers) {
  std::vector<double> sorted = numbers;
  std::ranges::sort(sorted);
  const bool whole = std::ranges::all_of(sorted, [](double v) { return v == std::floor(v); });
  const bool different = std::ranges::adjacent_find(sorted) == sorted.end();
  if (!whole || !different || sorted.size() < 2) return false;
  const double width = sorted.back() - sorted.front() + 1;
  return named_like_id(name) || width == static_cast<double>(sorted.size());
}

std::optional<std::vector<double>> as_numbers(const CsvText& csv, std::size_t column) {
  std::vector<double> out;
  bool any = false;
  for (const auto& row : csv.rows) {
    if (is_missing(row[column])) {
      out.push_back(std::nan(""));
      continue;
    }
    const std::optional<double> value = parse_number(row[column]);
    if (!value) return std::nullopt;
    any = true;
    out.push_back(*value);
  }
  if (!any) return std::nullopt;
  return out;
}

Column examine_numbers(Column column, std::vector<double> numbers) {
  std::vector<double> present;
  std::ranges::copy_if(numbers, std::back_inserter(present),
                       [](double v) { return !std::isnan(v); });
  const bool constant = std::ranges::all_of(present, [&](double v) { return v == present[0]; });
  if (constant && present.size() == numbers.size()) {
    column.ignored = "every row has the same value";
  } else if (present.size() == numbers.size() && numbers_name_rows(column.name, present)) {
    column.ignored = "looks like an id: every row has another number";
  } else {
    column.numbers = std::move(numbers);
  }
  return column;
}

Column examine(const CsvText& csv, std::size_t place) {
  Column column{.name = csv.header[place]};
  if (auto numbers = as_numbers(csv, place)) return examine_numbers(std::move(column), *numbers);
  std::set<std::string> values;
  for (const auto& row : csv.rows) {
    values.insert(row[place]);
    if (values.size() > kCategoriesMax) {
      column.ignored = fmt::format("text with more than {} different values", kCategoriesMax);
      return column;
    }
  }
  if (values.size() == 1) {
    column.ignored = "every row has the same value";
  } else if (values.size() == csv.rows.size()) {
    column.ignored = "looks like a name: every row has another text";
  } else {
    column.categories.assign(values.begin(), values.end());
  }
  return column;
}

bool is_word_of(std::string value, std::span<const std::string_view> words) {
  std::ranges::transform(value, value.begin(), [](unsigned char c) { return std::tolower(c); });
  return std::ranges::find(words, trimmed(value)) != words.end();
}
bool says_yes(const std::string& value) {
  static constexpr std::string_view kWords[] = {"true", "yes",  "y",  "t",  "positive", "responded",
                                                "good", "high", "是", "有", "买"};
  return is_word_of(value, kWords);
}
bool says_no(const std::string& value) {
  static constexpr std::string_view kWords[] = {"false", "no",  "n",    "f",  "negative",
                                                "bad",   "low", "none", "否", "无"};
  return is_word_of(value, kWords) || value.starts_with("non") || value.starts_with("not") ||
         value.starts_with("no ") || value.starts_with("no_") || value.starts_with("no-") ||
         value.starts_with("不") || value.starts_with("未") || value.starts_with("没");
}

/// Whether the first of two label values means "responded"; see `features_from_csv`.
bool first_is_positive(const std::string& a, const std::string& b) {
  const auto x = parse_number(a);
  const auto y = parse_number(b);
  if (x && y) return *x > *y;
  if (says_yes(a) != says_yes(b)) return says_yes(a);
  if (says_no(a) != says_no(b)) return says_no(b);
  return false;
}

struct Labels {
  std::vector<std::optional<int>> values;  ///< nothing: the row has no label
  std::vector<std::string> classes;
};

Result<Labels> read_labels(const CsvText& csv, std::size_t column, const std::string& positive) {
  std::map<std::string, std::size_t> counts;
  for (const auto& row : csv.rows) {
    if (is_missing(row[column])) continue;
    ++counts[row[column]];
    constexpr std::size_t kShownMax = 5;
    if (counts.size() > kShownMax) break;
  }
  std::string shown;
  for (const auto& [value, count] : counts) {
    shown += fmt::format("{}'{}'", shown.empty() ? "" : ", ", value.substr(0, 40));
  }
  if (counts.size() != 2) {
    return fail_field("label", "column '{}' must have two values, but has {}{}", csv.header[column],
                      counts.size() > 2 ? "more: "
                      : counts.empty()  ? "none"
                                        : "only ",
                      shown);
  }
  if (!positive.empty() && !counts.contains(positive)) {
    return fail_field("positive", "column '{}' has no '{}', but {}", csv.header[column],
                      positive.substr(0, 40), shown);
  }
  Labels out{{}, {counts.begin()->first, counts.rbegin()->first}};
  const bool first = positive.empty() ? first_is_positive(out.classes[0], out.classes[1])
                                      : out.classes[0] == positive;
  if (first) std::swap(out.classes[0], out.classes[1]);
  for (const auto& row : csv.rows) {
    out.values.push_back(is_missing(row[column])
                             ? std::nullopt
                             : std::optional(row[column] == out.classes[1] ? 1 : 0));
  }
  return out;
}

/// Columns of the table that a column of the file becomes, in order.
std::vector<std::string> feature_names(const Column& column) {
  if (column.ignored) return {};
  if (!column.numbers.empty()) return {column.name};
  std::vector<std::string> out;
  // Of two values one column says all.
  const std::size_t first = column.categories.size() == 2 ? 1 : 0;
  for (std::size_t i = first; i < column.categories.size(); ++i) {
    out.push_back(column.name + "=" + column.categories[i]);
  }
  return out;
}

void append_features(const Column& column, std::size_t row, const std::string& cell,
                     std::vector<double>& out) {
  if (column.ignored) return;
  if (!column.numbers.empty()) {
    out.push_back(column.numbers[row]);
    return;
  }
  const std::size_t first = column.categories.size() == 2 ? 1 : 0;
  for (std::size_t i = first; i < column.categories.size(); ++i) {
    out.push_back(column.categories[i] == cell ? 1 : 0);
  }
}

Result<std::size_t> column_of(const CsvText& csv, const std::string& name,
                              const std::string& field) {
  const auto found = std::ranges::find(csv.header, name);
  if (found == csv.header.end()) {
    std::string known;
    for (const std::string& h : csv.header) known += (known.empty() ? "" : ", ") + h;
    return fail_field(field, "there is no column '{}'; the file has {}", name,
                      known.substr(0, 500));
  }
  return static_cast<std::size_t>(found - csv.header.begin());
}

Result<void> check_header(const CsvText& csv) {
  std::vector<std::string> sorted = csv.header;
  std::ranges::sort(sorted);
  const auto repeated = std::ranges::adjacent_find(sorted);
  if (repeated != sorted.end()) {
    return fail(ErrorCode::kInvalidArgument, "csv: column '{}' is there twice", *repeated);
  }
  if (csv.rows.empty()) return fail(ErrorCode::kInvalidArgument, "csv: there are no rows");
  return {};
}

}  // namespace

Result<CsvFeatures> features_from_csv(const std::filesystem::path& path, const std::string& label,
                                      const std::vector<std::string>& exclude,
                                      const std::string& positive) {
  ZHIYIN_TRY(const std::string text, read_text_file(path));
  ZHIYIN_TRY(const CsvText csv, parse_csv(text));
  ZHIYIN_TRY_VOID(check_header(csv));
  ZHIYIN_TRY(const std::size_t label_column, column_of(csv, label, "label"));
  std::set<std::size_t> left_out{label_column};
  for (const std::string& name : exclude) {
    ZHIYIN_TRY(const std::size_t column, column_of(csv, name, "exclude"));
    left_out.insert(column);
  }
  ZHIYIN_TRY(const Labels labels, read_labels(csv, label_column, positive));

  CsvFeatures out;
  out.classes = labels.classes;
  std::vector<Column> columns;
  for (std::size_t c = 0; c < csv.header.size(); ++c) {
    columns.push_back(left_out.contains(c) ? Column{.name = csv.header[c], .ignored = "excluded"}
                                           : examine(csv, c));
    const Column& column = columns.back();
    if (column.ignored && c != label_column) out.ignored.emplace_back(column.name, *column.ignored);
    for (std::string& name : feature_names(column)) out.table.names.push_back(std::move(name));
  }
  if (out.table.names.empty()) {
    std::string why;
    for (const auto& [name, reason] : out.ignored) why += fmt::format("; {}: {}", name, reason);
    return fail_field("data", "no column can be a feature{}", why.substr(0, 500));
  }
  std::vector<double> features;
  for (std::size_t r = 0; r < csv.rows.size(); ++r) {
    if (!labels.values[r]) {
      ++out.unlabelled;
      continue;
    }
    features.clear();
    for (std::size_t c = 0; c < columns.size(); ++c) {
      append_features(columns[c], r, csv.rows[r][c], features);
    }
    out.table.add(std::to_string(r), features, *labels.values[r]);
  }
  return out;
}

namespace {

/// What the share of responders alone would score on the test part.
Json baseline_json(const TrainedResponse& trained) {
  const double p = trained.positive_share;
  Json out = Json::object();
  out.set("accuracy", std::max(p, 1 - p));
  out.set("log_loss", -(p * std::log(p) + (1 - p) * std::log1p(-p)));
  return out;
}

Json ignored_json(const CsvFeatures& features) {
  Json out = Json::array();
  for (const auto& [column, reason] : features.ignored) {
    out.push(Json::object().set("column", column).set("reason", reason));
  }
  return out;
}

}  // namespace

Result<Json> evaluate_response(const EvaluateResponseArgs& args) {
  ZHIYIN_TRY(const CsvFeatures features,
             features_from_csv(args.data, args.label, args.exclude, args.positive));
  ResponseSettings settings;
  settings.seed = args.seed;
  settings.progress = args.progress;
  ZHIYIN_TRY(const TrainedResponse trained, train_response(features.table, settings));
  Json out = Json::object();
  out.set("model", "logistic_regression").set("seed", args.seed);
  out.set("rows", features.table.rows());
  out.set("split", trained.metrics_json()["rows"]);
  const Json measured = response_metrics_json(trained.test, features.classes);
  for (const Json::Member& member : *measured.if_object()) out.set(member.first, member.second);
  out.set("classes", Json(Json::Array(features.classes.begin(), features.classes.end())));
  out.set("unlabelled", features.unlabelled).set("baseline", baseline_json(trained));
  out.set("settings", trained.settings_json());
  out.set("coefficients", coefficient_table(trained.model));
  out.set("ignored", ignored_json(features));
  out.set("warnings", Json(Json::Array(trained.warnings.begin(), trained.warnings.end())));
  return out;
}

}  // namespace zhiyin::model
