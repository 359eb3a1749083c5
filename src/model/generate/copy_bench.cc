// Measures the grounded writer on attributes of real products. Usage: copy_bench FILE.jsonl
// (rows {"content":"名#值*…","summary":…}; the last 200 are written about, the values of the rows
// before them are what is known).
#include <fmt/core.h>

#include <chrono>
#include <fstream>
#include <set>

#include "base/utf8.h"
#include "model/generate/copy_writer.h"

namespace {

using namespace zhiyin;
using namespace zhiyin::model;

constexpr std::size_t kTest = 200;

// Fabric, colour, cut and claim words that a text may only use when they were given.
constexpr std::string_view kClaims[] = {
    "纯棉", "棉麻", "亚麻", "真丝", "蚕丝",   "雪纺",   "羊毛",   "羊绒", "针织",   "牛仔", "蕾丝",
    "网纱", "皮革", "涤纶", "天丝", "绸缎",   "丝绒",   "毛呢",   "羽绒", "莫代尔", "黑色", "白色",
    "红色", "蓝色", "绿色", "黄色", "紫色",   "粉色",   "灰色",   "米色", "卡其",   "酒红", "藏蓝",
    "驼色", "杏色", "金色", "银色", "橙色",   "咖色",   "裸色",   "修身", "显瘦",   "宽松", "直筒",
    "阔腿", "收腰", "高腰", "中腰", "低腰",   "短款",   "长款",   "圆领", "翻领",   "立领", "方领",
    "连帽", "长袖", "短袖", "无袖", "泡泡袖", "喇叭袖", "荷叶边", "百褶", "开叉",   "拉链", "纽扣",
    "系带", "口袋", "刺绣", "印花", "条纹",   "格子",   "碎花",   "波点", "拼接",   "镂空", "流苏",
    "亮片", "舒适", "柔软", "透气", "保暖",   "百搭",   "时尚",   "优雅", "性感",   "甜美"};

struct Row {
  std::vector<Fact> facts;
  std::size_t human_length = 0;
};

std::vector<Row> read_rows(const char* path) {
  std::ifstream in(path);
  std::vector<Row> rows;
  for (std::string line; std::getline(in, line);) {
    const auto json = parse_json(line);
    if (!json) continue;
    rows.push_back({parse_facts(std::string((*json)["content"].string_or("")) + "*"),
                    utf8::length((*json)["summary"].string_or(""))});
  }
  return rows;
}

std::vector<std::string> characters(std::string_view text) {
  std::vector<std::string> out;
  for (const char c : text) {
    if ((static_cast<unsigned char>(c) & 0xc0) != 0x80) out.emplace_back();
    out.back() += c;
  }
  return out;
}

struct Share {
  std::size_t good = 0;
  std::size_t all = 0;
  void count(bool is_good) {
    ++all;
    if (is_good) ++good;
  }
  [[nodiscard]] double percent() const {
    return all == 0 ? 100 : 100.0 * static_cast<double>(good) / static_cast<double>(all);
  }
};

bool is_given(const Row& row, std::string_view word) {
  for (const Fact& fact : row.facts) {
    if (fact.value.find(word) != std::string::npos) return true;
  }
  return false;
}

void measure(const std::vector<Row>& rows, std::size_t length) {
  std::set<std::string> known;
  for (std::size_t i = 0; i + kTest < rows.size(); ++i) {
    for (const Fact& fact : rows[i].facts) known.insert(fact.value);
  }
  Share coverage;
  Share known_given;
  Share claims_given;
  std::set<std::pair<std::string, std::string>> pairs;
  std::size_t pairs_all = 0;
  std::size_t written = 0;
  std::size_t near = 0;
  std::chrono::nanoseconds spent{0};
  for (std::size_t i = rows.size() - kTest; i < rows.size(); ++i) {
    CopyOrder order;
    order.facts = rows[i].facts;
    order.length = length > 0 ? length : std::clamp<std::size_t>(rows[i].human_length, 10, 1000);
    order.seed = i;
    const auto began = std::chrono::steady_clock::now();
    const auto copy = write_copy(order);
    spent += std::chrono::steady_clock::now() - began;
    if (!copy) {
      fmt::print(stderr, "row {}: {}\n", i, copy.error().text());
      continue;
    }
    for (const Fact& fact : rows[i].facts) {
      coverage.count(copy->text.find(fact.value) != std::string::npos);
    }
    // A value of one character ("裙", "棉", "h") also occurs within other words: not counted.
    for (const std::string& value : known) {
      if (utf8::length(value) > 1 && copy->text.find(value) != std::string::npos) {
        known_given.count(is_given(rows[i], value));
      }
    }
    for (const std::string_view claim : kClaims) {
      if (copy->text.find(claim) != std::string::npos) claims_given.count(is_given(rows[i], claim));
    }
    const auto chars = characters(copy->text);
    for (std::size_t c = 1; c < chars.size(); ++c) pairs.emplace(chars[c - 1], chars[c]);
    pairs_all += chars.size() - 1;
    written += chars.size();
    const double ratio = static_cast<double>(chars.size()) / static_cast<double>(order.length);
    if (ratio > 0.85 && ratio < 1.15) ++near;
  }
  fmt::print("{:>8}  {:>8.1f}  {:>6.1f}  {:>6.1f}  {:>10.3f}  {:>6.1f}  {:>10}%  {:>8.1f} us\n",
             length > 0 ? std::to_string(length) : "as human", coverage.percent(),
             known_given.percent(), claims_given.percent(),
             static_cast<double>(pairs.size()) / static_cast<double>(pairs_all),
             static_cast<double>(written) / kTest, near * 100 / kTest,
             static_cast<double>(spent.count()) / 1000 / kTest);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2) {
    fmt::print(stderr, "usage: copy_bench FILE.jsonl [SHOWN]\n");
    return 2;
  }
  const auto rows = read_rows(argv[1]);
  if (rows.size() <= kTest) {
    fmt::print(stderr, "{}: more than {} rows are needed\n", argv[1], kTest);
    return 1;
  }
  fmt::print("{:>8}  {:>8}  {:>6}  {:>6}  {:>10}  {:>6}  {:>11}  {:>11}\n", "asked", "coverage",
             "known", "facts", "distinct-2", "length", "within 15%", "time");
  for (const std::size_t length : {36, 60, 80, 0}) measure(rows, length);
  for (int i = 0; argc > 2 && i < std::atoi(argv[2]); ++i) {
    CopyOrder order;
    order.facts = rows[rows.size() - 1 - static_cast<std::size_t>(i)].facts;
    order.length = 80;
    if (const auto copy = write_copy(order)) fmt::print("{}\n", copy->text);
  }
  return 0;
}
