#include "server/editor_list_view.h"

#include <map>

#include "server/item_overview.h"

namespace zhiyin::server {

Json editor_list_json(const catalogue::StoredEditorList& stored, const catalogue::ItemIndex& index,
                      Instant now, bool with_contents) {
  std::map<std::string, std::size_t> by_status;
  Json contents = Json::array();
  for (const ingest::ItemRef& ref : stored.list.items) {
    const catalogue::IndexedItem* const item = index.find(ref);
    const std::string_view status = item == nullptr ? "unknown" : name_of(status_of(*item, now));
    ++by_status[std::string(status)];
    if (!with_contents) continue;
    contents.push(Json()
                      .set("kind", ref.kind)
                      .set("id", ref.id)
                      .set("title", item == nullptr ? "" : item->title)
                      .set("status", status));
  }
  Json out = to_json(stored.list);
  out.set("version", stored.version).set("updated_at", to_json(stored.updated_at));
  out.set("updated_by", stored.updated_by);
  out.set("state", catalogue::name_of(catalogue::state_of(stored.list, now)));
  out.set("can_be_shown", by_status[std::string(name_of(ItemStatus::kAvailable))]);
  std::erase_if(by_status, [](const auto& one) { return one.second == 0; });
  out.set("by_status", to_json(by_status));
  if (with_contents) out.set("contents", std::move(contents));
  return out;
}

}  // namespace zhiyin::server
