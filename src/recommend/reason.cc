#include "recommend/reason.h"

#include <fmt/format.h>

#include <algorithm>

namespace zhiyin::recommend {
namespace {

struct Verb {
  std::string_view action;
  std::string_view zh;
  std::string_view en;
};
constexpr Verb kVerbs[] = {
    {"read", "读过", "read"},        {"like", "赞过", "liked"},
    {"share", "转发过", "shared"},   {"comment", "评论过", "commented on"},
    {"favorite", "收藏过", "saved"}, {"purchase", "买过", "bought"},
    {"rating", "评价过", "rated"},
};

/// Only texts are read; a product's page is looked at.
bool is_text(std::string_view kind) { return kind == "article" || kind == "page"; }

Verb verb_of(std::string_view action, std::string_view kind) {
  if (action == "read" && !is_text(kind)) return {action, "看过", "viewed"};
  for (const Verb& verb : kVerbs) {
    if (verb.action == action) return verb;
  }
  return {action, "看过", "viewed"};
}

/// Works have 《》, things have 「」.
bool is_work(std::string_view kind) {
  return kind == "article" || kind == "video" || kind == "audio" || kind == "course" ||
         kind == "page";
}

}  // namespace

Reason reason_from_item(std::string_view action, const ItemRef& item, std::string_view title) {
  const Verb verb = verb_of(action, item.kind);
  const std::string_view name = title.empty() ? std::string_view(item.id) : title;
  return {fmt::format(fmt::runtime(is_work(item.kind) ? "因为你{}《{}》" : "因为你{}「{}」"),
                      verb.zh, name),
          fmt::format("because you {} \"{}\"", verb.en, name)};
}

Reason reason_from_text(std::string_view action, const ItemRef& item, std::string_view title) {
  const Verb verb = verb_of(action, item.kind);
  const std::string_view name = title.empty() ? std::string_view(item.id) : title;
  return {fmt::format(fmt::runtime(is_work(item.kind) ? "与你{}的《{}》内容相近"
                                                      : "与你{}的「{}」内容相近"),
                      verb.zh, name),
          fmt::format("its text is close to \"{}\", which you {}", name, verb.en)};
}

Reason reason_from_tag(std::string_view tag) {
  return {fmt::format("因为你常看「{}」的内容", tag),
          fmt::format("because you follow \"{}\"", tag)};
}

Reason reason_similar(const ItemRef& item, std::string_view title) {
  const std::string_view name = title.empty() ? std::string_view(item.id) : title;
  return {fmt::format(fmt::runtime(is_work(item.kind) ? "与《{}》相似" : "与「{}」相似"), name),
          fmt::format("similar to \"{}\"", name)};
}

Reason reason_pinned() { return {"编辑推荐", "chosen by the editors"}; }

Reason reason_popular() { return {"大家最近都在看", "popular right now"}; }

Reason reason_popular_in(const SegmentItems& segment) {
  constexpr std::string_view kPlaces[] = {"city", "province", "country", "district"};
  const std::string& name = segment.name;
  if (segment.trait.empty())
    return {fmt::format("「{}」的人最近都在看", name),
            fmt::format("popular among \"{}\" right now", name)};
  if (std::ranges::find(kPlaces, segment.trait) != std::end(kPlaces))
    return {fmt::format("「{}」的人最近都在看", name),
            fmt::format("popular among readers in \"{}\" right now", name)};
  return {fmt::format("{} 为「{}」的人最近都在看", segment.trait, name),
          fmt::format("popular among readers whose {} is \"{}\" right now", segment.trait, name)};
}

Reason and_close_to(Reason reason, std::string_view action, const ItemRef& item,
                    std::string_view title) {
  const Verb verb = verb_of(action, item.kind);
  const std::string_view name = title.empty() ? std::string_view(item.id) : title;
  reason.zh += fmt::format(fmt::runtime(is_work(item.kind) ? "，内容也与你{}的《{}》相近"
                                                           : "，内容也与你{}的「{}」相近"),
                           verb.zh, name);
  reason.en += fmt::format(", and its text is close to \"{}\", which you {}", name, verb.en);
  return reason;
}

Reason reason_edited(std::string_view list) {
  return {fmt::format("编辑精选《{}》", list), fmt::format("picked by the editors: {}", list)};
}

Reason reason_fresh() { return {"最新发布", "newly published"}; }

}  // namespace zhiyin::recommend
