#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "ingest/event.h"
#include "storage/state.h"

namespace zhiyin::catalogue {

/// What was read out of an item's title and text.
struct ItemReading {
  ingest::ItemRef item;
  std::string vector;                 ///< what it is about: numbers of 8 bits; empty: no encoder
  std::vector<std::string> keywords;  ///< the most telling first
  std::string topic;                  ///< a class of that model; empty: none, or not sure
  std::string sentiment;              ///< likewise
  /// The id of the item of the same kind that stands for those with nearly the same text, its own
  /// for that one; empty: there is no other.
  std::string group;
  bool operator==(const ItemReading&) const = default;
};

/// An item whose title or text nobody has read yet.
struct UnreadItem {
  ingest::ItemRef item;
  std::string text;          ///< the title, and the text on the next line
  std::int64_t changed = 0;  ///< number of the change that it is of
};

/// Longer texts are read up to here.
inline constexpr std::size_t kReadBytesMax = 8192;

/// Readings in state, one for each item, with what read them (`reader`: models and rules with their
/// versions) and a checksum of the text. A change of price or stock alone needs no new reading. All
/// methods are stateless; thread-safe.
class ItemReadings {
 public:
  explicit ItemReadings(storage::State& state) : state_(state) {}

  /// Items that `reader` has not read as they are now, oldest change first, at most `limit`.
  Result<std::vector<UnreadItem>> unread(std::string_view reader, std::size_t limit);
  /// Keeps readings of those items (in the same order; the group stays as it was). What changed or
  /// vanished since stays unread.
  Result<void> put(std::string_view reader, const std::vector<UnreadItem>& items,
                   const std::vector<ItemReading>& readings);
  /// Lets whoever serves from the catalogue look again: counts as a change of it.
  Result<void> announce();
  /// How often that was done.
  [[nodiscard]] Result<std::int64_t> announced() const;

  /// kNotFound when nobody has read it.
  [[nodiscard]] Result<ItemReading> get(const ingest::ItemRef& item) const;
  struct Vector {
    ingest::ItemRef item;
    std::string values;
  };
  /// Those made by this encoder, which is what the reader's name begins with, up to a `|`.
  /// Ascending by item.
  [[nodiscard]] Result<std::vector<Vector>> vectors(std::string_view encoder) const;

  /// Finds anew which items have nearly the same title and text, and keeps it. Of one kind; with
  /// the same digits, for lessons and sizes differ by these alone. The one that was published first
  /// stands for the others (without a time: last). Returns how many items' group changed. Reads all
  /// texts.
  Result<std::size_t> group_duplicates();
  /// Items beyond are in no group.
  static constexpr std::size_t kGroupedMax = 1'000'000;

 private:
  storage::State& state_;
};

}  // namespace zhiyin::catalogue
