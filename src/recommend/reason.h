#pragma once

#include <string>
#include <string_view>

#include "recommend/candidate_index.h"

/// Why an item is in a list, in words. Pure.
namespace zhiyin::recommend {

struct Reason {
  std::string zh;
  std::string en;
};

/// 因为你读过《X》 / because you read "X". `action` is the kind of event; an unknown kind, and a
/// read of what is no text, say 看过.
Reason reason_from_item(std::string_view action, const ItemRef& item, std::string_view title);
/// 与你读过的《X》内容相近 / its text is close to "X", which you read.
Reason reason_from_text(std::string_view action, const ItemRef& item, std::string_view title);
/// 因为你常看「育儿」的内容.
Reason reason_from_tag(std::string_view tag);
/// 与《X》相似.
Reason reason_similar(const ItemRef& item, std::string_view title);
Reason reason_pinned();
Reason reason_popular();
/// 「成都新关注」的人最近都在看.
Reason reason_popular_in(std::string_view segment);
Reason reason_fresh();

}  // namespace zhiyin::recommend
