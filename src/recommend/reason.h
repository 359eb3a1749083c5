#pragma once

#include <string>
#include <string_view>

#include "recommend/candidate_index.h"
#include "recommend/segment_popularity.h"

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
/// 「成都新关注」的人最近都在看. Of a trait: 「成都」的人最近都在看 where it names a place, else
/// with its name: level 为「金卡」的人最近都在看.
Reason reason_popular_in(const SegmentItems& segment);
/// 大家最近都在看，内容也与你读过的《X》相近: where a ranker thinks more of it for its text.
Reason and_close_to(Reason reason, std::string_view action, const ItemRef& item,
                    std::string_view title);
Reason reason_fresh();
/// 编辑精选《春茶上新》: the name of the editors' list.
Reason reason_edited(std::string_view list);

}  // namespace zhiyin::recommend
