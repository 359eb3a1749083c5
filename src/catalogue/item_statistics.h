#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "ingest/projection.h"
#include "storage/state.h"

namespace zhiyin::catalogue {

/// How often one kind of event touched one item.
struct ItemStat {
  ingest::ItemRef item;
  std::string kind;  ///< of the event
  std::int64_t count = 0;
  std::int64_t sum = 0;  ///< of the values: seconds of `read`, fen of `purchase`
  Instant first_at;
  Instant last_at;
};

/// Counts events per item and kind, for popularity and reading time. Owned by the pipeline's
/// thread.
class ItemStatistics final : public ingest::EventProjection {
 public:
  static std::span<const storage::Migration> migrations();
  Result<void> apply(storage::Session& session,
                     std::span<const ingest::LoggedEvent> events) override;
};

/// Everything known about one item, by kind.
Result<std::vector<ItemStat>> statistics_of(storage::Session& session, const ingest::ItemRef& item);

/// The items with the most events of one kind, most first; ties by ref. `item_kind` empty: any.
Result<std::vector<ItemStat>> most_popular(storage::Session& session, std::string_view event_kind,
                                           std::string_view item_kind, std::size_t limit);

}  // namespace zhiyin::catalogue
