#include "model/classify/labelled_text.h"

#include <algorithm>
#include <map>

#include "base/utf8.h"
#include "base/visible_text.h"
#include "model/text_file.h"

namespace zhiyin::model {
namespace {

/// What is wrong with a line; empty when it is good.
std::string fault_of(std::string_view line) {
  if (line.empty()) return "is empty; expected label TAB text";
  const std::size_t tab = line.find('\t');
  if (!utf8::is_valid(line)) return "is not UTF-8";
  if (tab == std::string_view::npos) {
    return fmt::format("has no tab between label and text: '{}'",
                       visible_text(utf8::truncate(line, 60)));
  }
  if (tab == 0) return "has no label before the tab";
  if (tab > kLabelBytesMax)
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

/// Numbers classes by their order of bytes instead of their first appearance.
void number_classes(const std::map<std::string, std::uint32_t, std::less<>>& found,
                    LabelledTexts& out) {
  std::vector<std::uint32_t> place(found.size());
  for (const auto& [name, number] : found) {
    place[number] = static_cast<std::uint32_t>(out.classes.size());
    out.classes.push_back(name);
  }
  for (std::uint32_t& label : out.labels) label = place[label];
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
  if (bytes.starts_with("\xef\xbb\xbf")) bytes.remove_prefix(3);
  LabelledTexts out;
  std::map<std::string, std::uint32_t, std::less<>> found;
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
    if (const std::string fault = fault_of(line); !fault.empty()) {
      if (bad++ == 0) first_bad = fmt::format("line {} {}", number, fault);
      continue;
    }
    if (bad > 0) continue;
    const std::size_t tab = line.find('\t');
    const auto next = static_cast<std::uint32_t>(found.size());
    const auto at = found.try_emplace(std::string(line.substr(0, tab)), next).first;
    out.labels.push_back(at->second);
    out.texts.emplace_back(line.substr(tab + 1));
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
  number_classes(found, out);
  return out;
}

Result<LabelledTexts> read_labelled_texts(const std::filesystem::path& path) {
  ZHIYIN_TRY(const std::string bytes, read_text_file(path));
  auto out = parse_labelled_texts(bytes);
  if (!out) out.error().message = path.filename().string() + ": " + out.error().message;
  return out;
}

}  // namespace zhiyin::model
