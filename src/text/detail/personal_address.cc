#include <algorithm>
#include <array>

#include "text/detail/personal.h"
#include "text/detail/view_keys.h"

namespace zhiyin::text::detail {
namespace {

/// What an address is a row of: a name and one of these behind it.
enum class Level { kNone, kProvince, kCity, kDistrict, kTown, kRoad, kEstate, kNumber };

struct Suffix {
  std::u32string_view text;
  Level level;
};

// The longest first where one ends with another.
constexpr std::array kSuffixes = {Suffix{U"特别行政区", Level::kProvince},
                                  Suffix{U"自治区", Level::kProvince},
                                  Suffix{U"省", Level::kProvince},
                                  Suffix{U"自治州", Level::kCity},
                                  Suffix{U"市", Level::kCity},
                                  Suffix{U"盟", Level::kCity},
                                  Suffix{U"开发区", Level::kDistrict},
                                  Suffix{U"新区", Level::kDistrict},
                                  Suffix{U"小区", Level::kEstate},
                                  Suffix{U"社区", Level::kEstate},
                                  Suffix{U"校区", Level::kEstate},
                                  Suffix{U"园区", Level::kEstate},
                                  Suffix{U"区", Level::kDistrict},
                                  Suffix{U"县", Level::kDistrict},
                                  Suffix{U"旗", Level::kDistrict},
                                  Suffix{U"街道", Level::kTown},
                                  Suffix{U"镇", Level::kTown},
                                  Suffix{U"乡", Level::kTown},
                                  Suffix{U"村", Level::kTown},
                                  Suffix{U"大道", Level::kRoad},
                                  Suffix{U"大街", Level::kRoad},
                                  Suffix{U"胡同", Level::kRoad},
                                  Suffix{U"路", Level::kRoad},
                                  Suffix{U"街", Level::kRoad},
                                  Suffix{U"巷", Level::kRoad},
                                  Suffix{U"弄", Level::kRoad},
                                  Suffix{U"里", Level::kRoad},
                                  Suffix{U"公寓", Level::kEstate},
                                  Suffix{U"花园", Level::kEstate},
                                  Suffix{U"花苑", Level::kEstate},
                                  Suffix{U"家园", Level::kEstate},
                                  Suffix{U"大厦", Level::kEstate},
                                  Suffix{U"广场", Level::kEstate},
                                  Suffix{U"大学", Level::kEstate},
                                  Suffix{U"新村", Level::kEstate},
                                  Suffix{U"中心", Level::kEstate},
                                  Suffix{U"苑", Level::kEstate},
                                  Suffix{U"园", Level::kEstate},
                                  Suffix{U"城", Level::kEstate},
                                  Suffix{U"府", Level::kEstate},
                                  Suffix{U"庄", Level::kEstate}};

constexpr std::array<std::u32string_view, 13> kNumberUnits = {U"号楼", U"号院", U"号", U"栋", U"幢",
                                                              U"单元", U"室",   U"座", U"层", U"楼",
                                                              U"弄",   U"组",   U"户"};

constexpr std::array<std::u32string_view, 34> kProvinceNames = {
    U"北京",   U"天津", U"上海", U"重庆", U"河北", U"山西", U"辽宁", U"吉林", U"黑龙江",
    U"江苏",   U"浙江", U"安徽", U"福建", U"江西", U"山东", U"河南", U"湖北", U"湖南",
    U"广东",   U"海南", U"四川", U"贵州", U"云南", U"陕西", U"甘肃", U"青海", U"台湾",
    U"内蒙古", U"广西", U"西藏", U"宁夏", U"新疆", U"香港", U"澳门"};

/// What stands before an address and is none of it.
constexpr std::array<std::u32string_view, 22> kBefore = {
    U"地址是", U"地址为", U"地址", U"住在", U"家住", U"住址", U"寄到", U"寄往",
    U"送到",   U"送往",   U"发到", U"发往", U"位于", U"来到", U"就在", U"我在",
    U"到",     U"在",     U"是",   U"从",   U"去",   U"住"};

constexpr std::size_t kNameMax = 8;      ///< characters of a name before its suffix
constexpr std::size_t kAddressMax = 80;  ///< characters of an address

/// One piece of an address: where it ends, and its level; kNone: no piece begins here.
struct Piece {
  std::size_t end = 0;
  Level level = Level::kNone;
};

bool is_name(char32_t c) {
  constexpr std::u32string_view kNever = U"我你他她您在到是从住的了请把这那给";
  return (is_han(c) && kNever.find(c) == std::u32string_view::npos) || is_digit(c) || is_lower(c);
}

/// 12号, 3栋, B座, 1-2-301.
Piece number_piece(const FoldedText& text, std::size_t at) {
  std::size_t i = at;
  bool digits = false;
  constexpr std::u32string_view kChinese = U"一二三四五六七八九十百甲乙丙丁";
  while (i - at < 10) {
    const char32_t c = text.at(i);
    if (is_digit(c) || kChinese.find(c) != std::u32string_view::npos) {
      digits = true;
    } else if (!(is_lower(c) || (c == '-' && digits))) {
      break;
    }
    ++i;
  }
  if (i == at) return {};
  for (const std::u32string_view unit : kNumberUnits)
    if (text.has(i, unit) && !text.has(i, U"号码") && !text.has(i, U"号线"))
      return {i + unit.size(), Level::kNumber};
  // A last number without a unit: 3-2-1201.
  const bool plain = digits && i - at >= 3 && !is_lower(text.at(i)) && !is_han(text.at(i));
  return plain ? Piece{i, Level::kNumber} : Piece{};
}

/// The shortest name with a suffix from `at` on.
Piece named_piece(const FoldedText& text, std::size_t at) {
  for (const std::u32string_view name : kProvinceNames)
    if (text.has(at, name)) {
      for (const std::u32string_view suffix : {U"省", U"市"})
        if (text.has(at + name.size(), suffix)) return {at + name.size() + 1, Level::kProvince};
      return {at + name.size(), Level::kProvince};
    }
  for (std::size_t length = 1; length <= kNameMax; ++length) {
    if (!is_name(text.at(at + length - 1))) return {};
    for (const Suffix& suffix : kSuffixes) {
      if (!text.has(at + length, suffix.text)) continue;
      // 市 inside 城市, 区 inside 地区 and 街 inside 街上 name no place.
      if (length == 1 && suffix.level != Level::kRoad) break;
      return {at + length + suffix.text.size(), suffix.level};
    }
  }
  return {};
}

/// Pieces in a row from `at` on.
struct Row {
  std::size_t end = 0;
  int administrative = 0, local = 0, numbers = 0;
};

Row row_from(const FoldedText& text, std::size_t at) {
  Row row{at};
  Level last = Level::kNone;
  while (row.end - at < kAddressMax) {
    std::size_t from = row.end;
    if (from != at && (text.at(from) == ' ' || text.at(from) == ',')) ++from;
    Piece piece = number_piece(text, from);
    if (piece.level == Level::kNone || (row.local == 0 && row.administrative == 0))
      piece = named_piece(text, from);
    // Levels go down, save that estates and numbers may follow in any order.
    if (piece.level == Level::kNone || (piece.level < last && piece.level < Level::kRoad)) break;
    if (piece.level == Level::kNumber && row.local == 0 && row.administrative < 2) break;
    last = piece.level;
    row.end = piece.end;
    row.administrative += piece.level <= Level::kTown ? 1 : 0;
    row.local += piece.level == Level::kRoad || piece.level == Level::kEstate ? 1 : 0;
    row.numbers += piece.level == Level::kNumber ? 1 : 0;
  }
  return row;
}

bool is_address(const Row& row) {
  if (row.numbers >= 1) return row.local >= 1 || row.administrative >= 2;
  return row.administrative >= 2 && row.local >= 1;
}

/// The place behind what leads to an address, if such a lead begins at `at`.
std::size_t after_lead(const FoldedText& text, std::size_t at) {
  for (const std::u32string_view lead : kBefore)
    if (text.has(at, lead)) return at + lead.size();
  return at;
}

/// A name begins here: after something that is no name, after a lead, or as a province.
bool may_begin(const FoldedText& text, std::size_t at) {
  if (at == 0 || !is_name(text.at(at - 1))) return true;
  if (std::ranges::any_of(kBefore, [&](auto lead) { return text.has_before(at, lead); }))
    return true;
  return std::ranges::any_of(kProvinceNames, [&](auto name) { return text.has(at, name); });
}

}  // namespace

void find_addresses(const FoldedText& text, Findings& out) {
  for (std::size_t at = 0; at < text.size(); ++at) {
    if (!is_han(text.characters[at]) || !may_begin(text, at)) continue;
    if (after_lead(text, at) != at) continue;
    const Row row = row_from(text, at);
    if (!is_address(row)) continue;
    out.push_back({PersonalKind::kAddress, at, row.end});
    at = row.end - 1;
  }
}

}  // namespace zhiyin::text::detail
