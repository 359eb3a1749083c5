#include "model/classify/labelled_text.h"

#include <algorithm>
#include <map>

#include "base/utf8.h"
#include "base/visible_text.h"
#include "model/text_file.h"

namespace zhiyin::model {
namespace {

/// What is wrong with a line; empty when it is good.
std::string fault_of(std::string_view line, bool several = false) {
  if (line.empty()) return "is empty; expected label TAB text";
  const std::size_t tab = line.find('\t');
  if (!utf8::is_valid(line)) return "is not UTF-8";
  if (tab == std::string_view::npos) {
    return fmt::format("has no tab between label and text: '{}'",
                       visible_text(utf8::truncate(line, 60)));
  }
  if (tab == 0 && !several) return "has no label before the tab";
  if (tab > kLabelBytesMax && !several)
    return fmt::format("has a label of {} bytes, at most {}", tab, kLabelBytesMax);
  if (line.find_first_not_of(" \t", tab) == std::string_view::npos)
    return "has no text after the tab";
  return {};
}

std::string_view next_line(std::string_view& rest) {
  const std::size_t end = std::min(rest.find('\n'), rest.size());
  std::string_view line = rest.substr(0, end);
  rest.remove_prefix(std::min(end + 1, rest.size()));
  if (line.ends_with('\r')) line.remove_suffix(1);
  return line;
}

/// Names by their order of bytes, with the number of each by appearance.
using Found = std::map<std::string, std::uint32_t, std::less<>>;

/// The new number of each class by its old one: by its order of bytes instead of appearance.
std::vector<std::uint32_t> number_classes(const Found& found, std::vector<std::string>& classes) {
  std::vector<std::uint32_t> place(found.size());
  for (const auto& [name, number] : found) {
    place[number] = static_cast<std::uint32_t>(classes.size());
    classes.push_back(name);
  }
  return place;
}

/// The labels of a line, separated by bars; why they are wrong otherwise.
Result<std::vector<std::string_view>> labels_of(std::string_view column) {
  std::vector<std::string_view> out;
  if (column.empty()) return out;
  for (std::size_t begin = 0; begin <= column.size();) {
    const std::size_t end = std::min(column.find('|', begin), column.size());
    const std::string_view label = column.substr(begin, end - begin);
    if (label.empty()) return fail(ErrorCode::kInvalidArgument, "has an empty label beside a bar");
    if (label.size() > kLabelBytesMax)
      return fail(ErrorCode::kInvalidArgument, "has a label of {} bytes, at most {}", label.size(),
                  kLabelBytesMax);
    if (std::ranges::find(out, label) != out.end())
      return fail(ErrorCode::kInvalidArgument, "has the label '{}' twice",
                  visible_text(utf8::truncate(label, 60)));
    out.push_back(label);
    begin = end + 1;
  }
  return out;
}

/// Gives every line but a header to `take`, which keeps it in `out` with the classes in `found`, or
/// says what is wrong with it. The first wrong line is named, the others counted.
template <class Out, class Take>
Result<void> each_row(std::string_view bytes, Out& out, const Found& found, const Take& take) {
  if (bytes.starts_with("\xef\xbb\xbf")) bytes.remove_prefix(3);
  bytes = bytes.substr(0, bytes.find_last_not_of("\r\n") + 1);  // empty lines end many files
  std::size_t number = 0;
  std::size_t bad = 0;
  std::string first_bad;
  while (!bytes.empty()) {
    const std::string_view line = next_line(bytes);
    ++number;
    if (number == 1 && line.starts_with("label\t")) {
      out.header = true;
      continue;
    }
    if (const std::string fault = take(line); !fault.empty()) {
      if (bad++ == 0) first_bad = fmt::format("line {} {}", number, fault);
      continue;
    }
    if (found.size() > kClassesMax || out.rows() > kLabelledRowsMax) {
      return fail(ErrorCode::kLimitReached, "line {}: more than {} classes or {} rows", number,
                  kClassesMax, kLabelledRowsMax);
    }
  }
  if (bad == 1) return fail(ErrorCode::kInvalidArgument, "{}", first_bad);
  if (bad > 1)
    return fail(ErrorCode::kInvalidArgument, "{} (and {} more lines are wrong)", first_bad,
                bad - 1);
  if (out.texts.empty()) return fail(ErrorCode::kInvalidArgument, "there are no rows");
  return {};
}

std::uint32_t number_of(std::string_view label, Found& found) {
  const auto next = static_cast<std::uint32_t>(found.size());
  return found.try_emplace(std::string(label), next).first->second;
}

}  // namespace

LabelledTexts LabelledTexts::subset(std::span<const std::uint32_t> which) const {
  LabelledTexts out{.classes = classes};
  for (const std::uint32_t row : which) {
    out.labels.push_back(labels[row]);
    out.texts.push_back(texts[row]);
  }
  return out;
}

Result<LabelledTexts> parse_labelled_texts(std::string_view bytes) {
  LabelledTexts out;
  Found found;
  ZHIYIN_TRY_VOID(each_row(bytes, out, found, [&](std::string_view line) -> std::string {
    if (std::string fault = fault_of(line); !fault.empty()) return fault;
    const std::size_t tab = line.find('\t');
    out.labels.push_back(number_of(line.substr(0, tab), found));
    out.texts.emplace_back(line.substr(tab + 1));
    return {};
  }));
  const std::vector<std::uint32_t> place = number_classes(found, out.classes);
  for (std::uint32_t& label : out.labels) label = place[label];
  return out;
}

Result<MultiLabelledTexts> parse_multi_labelled_texts(std::string_view bytes) {
  MultiLabelledTexts out;
  Found found;
  ZHIYIN_TRY_VOID(each_row(bytes, out, found, [&](std::string_view line) -> std::string {
    if (std::string fault = fault_of(line, true); !fault.empty()) return fault;
    const std::size_t tab = line.find('\t');
    const auto labels = labels_of(line.substr(0, tab));
    if (!labels) return labels.error().message;
    std::vector<std::uint32_t>& places = out.labels.emplace_back();
    for (const std::string_view label : *labels) places.push_back(number_of(label, found));
    out.texts.emplace_back(line.substr(tab + 1));
    return {};
  }));
  const std::vector<std::uint32_t> place = number_classes(found, out.classes);
  for (auto& labels : out.labels) {
    for (std::uint32_t& label : labels) label = place[label];
    std::ranges::sort(labels);
  }
  return out;
}

Result<MultiLabelledTexts> read_multi_labelled_texts(const std::filesystem::path& path) {
  ZHIYIN_TRY(const std::string bytes, read_text_file(path));
  auto out = parse_multi_labelled_texts(bytes);
  if (!out) out.error().message = path.filename().string() + ": " + out.error().message;
  return out;
}

Result<LabelledTexts> read_labelled_texts(const std::filesystem::path& path) {
  ZHIYIN_TRY(const std::string bytes, read_text_file(path));
  auto out = parse_labelled_texts(bytes);
  if (!out) out.error().message = path.filename().string() + ": " + out.error().message;
  return out;
}

}  // namespace zhiyin::model
