#include "server/text_duplicates.h"

#include <algorithm>
#include <map>
#include <numeric>

#include "text/near_duplicate.h"

namespace zhiyin::server {
namespace {

/// Which texts hang together, by way of others too.
class Groups {
 public:
  explicit Groups(std::size_t size) : first_(size) { std::iota(first_.begin(), first_.end(), 0U); }
  void join(std::size_t a, std::size_t b) {
    a = root(a);
    b = root(b);
    first_[std::max(a, b)] = std::min(a, b);
  }
  /// Of two texts and more, the largest first.
  std::vector<std::vector<std::size_t>> list() {
    std::map<std::size_t, std::vector<std::size_t>> by_root;
    for (std::size_t i = 0; i < first_.size(); ++i) by_root[root(i)].push_back(i);
    std::vector<std::vector<std::size_t>> out;
    for (auto& [first, members] : by_root)
      if (members.size() > 1) out.push_back(std::move(members));
    std::ranges::stable_sort(out, std::ranges::greater(), [](const auto& g) { return g.size(); });
    return out;
  }

 private:
  std::size_t root(std::size_t i) {
    while (first_[i] != i) i = first_[i] = first_[first_[i]];
    return i;
  }
  std::vector<std::size_t> first_;
};

}  // namespace

Json find_duplicates(const DuplicatesRequest& request) {
  text::NearDuplicateIndex index({.similarity_min = request.similarity});
  Groups groups(request.texts.size());
  Json items = Json::array();
  for (std::size_t i = 0; i < request.texts.size(); ++i) {
    Json near = Json::array();
    for (const auto& found : index.find(request.texts[i], static_cast<std::size_t>(request.most))) {
      near.push(Json().set("text", found.text).set("similarity", found.similarity));
      groups.join(i, found.text);
    }
    index.add(request.texts[i]);
    items.push(Json().set("near", std::move(near)));
  }
  Json together = Json::array();
  for (const auto& group : groups.list()) {
    Json places = Json::array();
    for (const std::size_t place : group) places.push(place);
    together.push(std::move(places));
  }
  return Json().set("items", std::move(items)).set("groups", std::move(together));
}

namespace {

Json hits_json(const DuplicateIndexes::Hits& hits) {
  Json items = Json::array();
  for (const auto& of_text : hits) {
    Json near = Json::array();
    for (const auto& hit : of_text)
      near.push(Json().set("id", hit.id).set("similarity", hit.similarity));
    items.push(Json().set("near", std::move(near)));
  }
  return items;
}

}  // namespace

Result<Json> add_to_index(DuplicateIndexes& indexes, std::string_view name,
                          const AddTextsRequest& request) {
  Json items;
  if (request.find) {
    std::vector<std::string> texts;
    for (const IdentifiedText& one : request.texts) texts.push_back(one.text);
    ZHIYIN_TRY(
        const auto hits,
        indexes.find(name, texts, {request.similarity, static_cast<std::size_t>(request.most)}));
    items = hits_json(hits);
  }
  ZHIYIN_TRY(const auto added, indexes.add(name, request.texts));
  Json out =
      Json().set("added", added.added).set("replaced", added.replaced).set("texts", added.texts);
  if (request.find) out.set("items", std::move(items));
  return out;
}

Result<Json> find_in_index(DuplicateIndexes& indexes, std::string_view name,
                           const FindTextsRequest& request) {
  for (std::size_t i = 0; i < request.texts.size(); ++i) {
    if (request.texts[i].size() > kDuplicateBytesMax)
      return fail_field(fmt::format("texts[{}]", i), "has {} bytes, at most {}",
                        request.texts[i].size(), kDuplicateBytesMax);
  }
  ZHIYIN_TRY(const auto hits,
             indexes.find(name, request.texts,
                          {request.similarity, static_cast<std::size_t>(request.most)}));
  return Json().set("items", hits_json(hits));
}

}  // namespace zhiyin::server
