#pragma once

#include <string_view>
#include <utility>

namespace zhiyin::text::detail {

/// Spellings of units behind a number and the one that stands for them; a longer spelling comes
/// before those that it begins with.
constexpr std::pair<std::u32string_view, std::u32string_view> kUnits[] = {
    {U"平方千米", U"km2"}, {U"平方公里", U"km2"}, {U"平方厘米", U"cm2"}, {U"平方米", U"m2"},
    {U"立方米", U"m3"},    {U"平米", U"m2"},      {U"千克", U"kg"},      {U"公斤", U"kg"},
    {U"毫克", U"mg"},      {U"毫升", U"ml"},      {U"千米", U"km"},      {U"公里", U"km"},
    {U"公裡", U"km"},      {U"厘米", U"cm"},      {U"釐米", U"cm"},      {U"公分", U"cm"},
    {U"毫米", U"mm"},      {U"公釐", U"mm"},      {U"摄氏度", U"°c"},    {U"攝氏度", U"°c"},
    {U"千瓦", U"kw"},      {U"块钱", U"元"},      {U"塊錢", U"元"},      {U"人民币", U"元"},
    {U"人民幣", U"元"},
};

}  // namespace zhiyin::text::detail
