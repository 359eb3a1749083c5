#include "sandbox/review.h"

namespace zhiyin::sandbox {
namespace {

constexpr Objection kObjections[] = {
    {10001, "加微信领红包"}, {20002, "色情"},       {20003, "滚出去"},           {20006, "赌博"},
    {20006, "毒品"},         {20008, "刷单"},       {20008, "保本高息"},         {20013, "盗版"},
    {21000, "违禁品"},       {20012, "低俗", true}, {10001, "全网最低价", true},
};

}  // namespace

Objection review(std::string_view text) {
  Objection doubt;
  for (const Objection& objection : kObjections) {
    if (text.find(objection.keyword) == std::string_view::npos) continue;
    if (!objection.doubtful) return objection;
    doubt = objection;
  }
  return doubt;
}

}  // namespace zhiyin::sandbox
