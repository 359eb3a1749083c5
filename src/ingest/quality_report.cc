#include "ingest/quality_report.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/html.h"
#include "base/utf8.h"
#include "base/visible_text.h"

namespace zhiyin::ingest {
namespace {

struct Words {
  std::string_view zh;
  std::string_view en;
};

struct Total {
  Words words;
  std::int64_t QualityReport::* count;
};

constexpr Total kTotals[] = {
    {{"数据行", "rows"}, &QualityReport::rows},
    {{"正常行", "good rows"}, &QualityReport::rows_good},
    {{"按规则跳过", "rows left out by filters"}, &QualityReport::rows_skipped},
    {{"有问题的行", "rows with a fault"}, &QualityReport::rows_bad},
    {{"完全重复的行", "rows equal to an earlier one"}, &QualityReport::rows_repeated},
    {{"生成事件", "events made"}, &QualityReport::events},
    {{"已入库事件", "events accepted"}, &QualityReport::accepted},
    {{"已有（重复）事件", "events known already"}, &QualityReport::duplicates},
    {{"被拒绝事件（见隔离区）", "events refused (see quarantine)"}, &QualityReport::refused},
    {{"内容条目", "catalogue items"}, &QualityReport::items},
};

constexpr Words kHeads[] = {{"列", "column"},     {"用途", "use"},      {"有值", "present"},
                            {"缺失", "missing"},  {"无效", "invalid"},  {"不同值", "distinct"},
                            {"最小", "min"},      {"最大", "max"},      {"平均", "mean"},
                            {"中位数", "median"}, {"离群", "outliers"}, {"规范化", "normalised"}};

std::string_view normalisation_zh(std::string_view what) {
  constexpr std::pair<std::string_view, std::string_view> kWords[] = {
      {"trimmed", "去空白"},   {"full_width_digits", "全角数字"}, {"thousands_separator", "千分位"},
      {"unit_word", "单位词"}, {"currency_sign", "货币符号"},     {"rounded", "取整"}};
  for (const auto& [key, zh] : kWords) {
    if (key == what) return zh;
  }
  return what;
}

std::string number_text(const std::optional<double>& v) {
  return v ? fmt::format("{:.6g}", *v) : std::string("-");
}

std::string normalised_text(const ColumnQuality& column, bool chinese) {
  std::string text;
  for (const Normalisation& n : column.normalised) {
    if (!text.empty()) text += ", ";
    text += fmt::format("{} {}", chinese ? normalisation_zh(n.what) : std::string_view(n.what),
                        n.count);
  }
  return text.empty() ? "-" : text;
}

// Reports of earlier versions did not count them.
std::int64_t faults_of(const QualityReport& r) {
  return std::max(r.faults, static_cast<std::int64_t>(r.bad_rows.size()));
}

std::vector<std::string> column_cells(const ColumnQuality& c, bool chinese) {
  return {visible_text(c.name),
          c.role.empty() ? "-" : c.role,
          std::to_string(c.present),
          std::to_string(c.missing),
          std::to_string(c.invalid),
          std::to_string(c.distinct),
          number_text(c.minimum),
          number_text(c.maximum),
          number_text(c.mean),
          (c.median_approximate && c.median ? "≈" : "") + number_text(c.median),
          c.outlier_below || c.outlier_above ? std::to_string(c.outliers) : "-",
          normalised_text(c, chinese)};
}

constexpr std::string_view kStyle =
    "body{font:15px/1.6 system-ui,'PingFang SC','Noto Sans CJK SC','Microsoft "
    "YaHei',sans-serif;margin:2rem auto;max-width:72rem;"
    "padding:0 "
    "1rem;color:#1f2328}h1{font-size:1.5rem}h2{font-size:1.15rem;margin-top:2rem}small,.en{color:#"
    "656d76;font-weight:400}"
    "table{border-collapse:collapse;width:100%}.wide{overflow-x:auto}th,td{padding:.35rem "
    ".6rem;border-bottom:1px solid #d8dee4;text-align:left;"
    "white-space:nowrap}td.n{text-align:right;font-variant-numeric:tabular-nums}td.r{white-space:"
    "normal}"
    ".bad{color:#b42318}.note{background:#fff8e1;padding:.4rem .8rem;border-left:3px solid "
    "#e6a700;margin:.4rem 0}";

void html_totals(std::string& out, const QualityReport& r) {
  out += "<table>";
  for (const Total& total : kTotals) {
    const bool bad =
        (total.count == &QualityReport::rows_bad || total.count == &QualityReport::refused) &&
        r.*total.count > 0;
    out += fmt::format("<tr><td>{} <span class=en>{}</span></td><td class=\"n{}\">{}</td></tr>",
                       total.words.zh, total.words.en, bad ? " bad" : "", r.*total.count);
  }
  out += "</table>";
}

void html_columns(std::string& out, const QualityReport& r) {
  out += "<h2>各列 <span class=en>columns</span></h2><div class=wide><table><tr>";
  for (const Words& head : kHeads)
    out += fmt::format("<th>{}<br><span class=en>{}</span></th>", head.zh, head.en);
  out += "</tr>";
  for (const ColumnQuality& column : r.columns) {
    out += "<tr>";
    const std::vector<std::string> cells = column_cells(column, true);
    for (std::size_t i = 0; i < cells.size(); ++i) {
      out += fmt::format("<td{}>{}</td>", i >= 2 && i + 1 < cells.size() ? " class=n" : "",
                         html_escaped(cells[i]));
    }
    out += "</tr>";
  }
  out += "</table></div>";
}

void html_bad_rows(std::string& out, const QualityReport& r) {
  if (r.bad_rows.empty()) return;
  out += fmt::format(
      "<h2>问题示例 <span class=en>faults (first {} of {})</span></h2><div class=wide><table>"
      "<tr><th>行 <span class=en>row</span></th><th>列 <span class=en>column</span></th><th>原因 "
      "<span class=en>reason</span></th></tr>",
      r.bad_rows.size(), faults_of(r));
  for (const BadRow& bad : r.bad_rows) {
    out += fmt::format("<tr><td class=n>{}</td><td>{}</td><td class=r>{}</td></tr>", bad.row,
                       html_escaped(bad.column), html_escaped(bad.reason));
  }
  out += "</table></div>";
}

// Columns on a terminal: Chinese characters take two places.
std::size_t width_of(std::string_view text) {
  std::size_t width = 0;
  for (const char c : text) {
    const auto u = static_cast<unsigned char>(c);
    if ((u & 0xc0) == 0x80) continue;
    width += u >= 0xe0 ? 2 : 1;
  }
  return width;
}

std::string padded(std::string_view text, std::size_t width) {
  std::string out(text);
  for (std::size_t w = width_of(text); w < width; ++w) out += ' ';
  return out;
}

void text_table(std::string& out, const std::vector<std::vector<std::string>>& rows) {
  std::vector<std::size_t> widths(rows.front().size());
  for (const auto& row : rows) {
    for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], width_of(row[i]));
  }
  for (const auto& row : rows) {
    for (std::size_t i = 0; i < row.size(); ++i)
      out += padded(row[i], i + 1 == row.size() ? 0 : widths[i] + 2);
    out += '\n';
  }
}

}  // namespace

std::string to_text(const QualityReport& r) {
  std::string out = fmt::format("数据质量报告 data quality: {} (mapping {})\n",
                                visible_text(r.file), visible_text(r.mapping));
  for (const Total& total : kTotals) {
    out += fmt::format("  {:>12}  {} {}\n", r.*total.count, padded(total.words.zh, 24),
                       total.words.en);
  }
  for (const std::string& note : r.notes) out += fmt::format("  ! {}\n", visible_text(note));
  if (!r.columns.empty()) {
    out += '\n';
    std::vector<std::vector<std::string>> rows(1);
    for (const Words& head : kHeads) rows[0].emplace_back(head.en);
    for (const ColumnQuality& column : r.columns) rows.push_back(column_cells(column, false));
    text_table(out, rows);
  }
  if (!r.bad_rows.empty()) {
    out += fmt::format("\n问题示例 faults (first {} of {}, in {} rows):\n", r.bad_rows.size(),
                       faults_of(r), r.rows_bad);
    for (const BadRow& bad : r.bad_rows) {
      out += fmt::format("  row {}{}{}: {}\n", bad.row, bad.column.empty() ? "" : ", ",
                         visible_text(bad.column), visible_text(bad.reason));
    }
  }
  return out;
}

std::string to_html(const QualityReport& r) {
  std::string out = fmt::format(
      "<!doctype html><html lang=zh-CN><head><meta charset=utf-8><meta name=viewport "
      "content=\"width=device-width\">"
      "<title>数据质量报告 {0}</title><style>{1}</style></head><body><h1>数据质量报告 <small>data "
      "quality report</small></h1>"
      "<p>文件 <span class=en>file</span> <b>{0}</b>，映射 <span class=en>mapping</span> "
      "<b>{2}</b></p>",
      html_escaped(r.file), kStyle, html_escaped(r.mapping));
  for (const std::string& note : r.notes)
    out += fmt::format("<p class=note>{}</p>", html_escaped(note));
  html_totals(out, r);
  html_columns(out, r);
  html_bad_rows(out, r);
  return out + "</body></html>\n";
}

}  // namespace zhiyin::ingest
