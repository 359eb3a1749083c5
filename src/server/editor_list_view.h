#pragma once

#include "base/json.h"
#include "catalogue/editor_lists.h"
#include "catalogue/item_index.h"

namespace zhiyin::server {

/// The list as it was stored, {"version","updated_at","updated_by"}, and how it stands now:
/// {"state","can_be_shown":n,"by_status":{STATUS:n}}; `with_contents` also
/// {"contents":[{"kind","id","title","status"}]}. A status is one of an item (item_overview.h), or
/// `unknown`: not in the catalogue.
Json editor_list_json(const catalogue::StoredEditorList& stored, const catalogue::ItemIndex& index,
                      Instant now, bool with_contents);

}  // namespace zhiyin::server
