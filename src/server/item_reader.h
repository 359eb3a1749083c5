#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "base/log.h"
#include "catalogue/item_readings.h"
#include "catalogue/items.h"
#include "server/language.h"
#include "server/recommendations.h"
#include "storage/state.h"
#include "text/keywords.h"

namespace zhiyin::server {

/// Reads the items' titles and texts in the background: what they are about (vectors of the encoder
/// and keywords), topic, sentiment, and which are nearly the same. What there is no model or
/// dictionary for is left out, and read again when there is one. Owned by one thread.
class ItemReader {
 public:
  struct Parts {
    catalogue::Items& items;
    storage::State& state;
    Language& language;
    Recommendations& recommendations;
    Logger& logger;
    std::filesystem::path encoder;  ///< the encoder's file or folder; empty: none
  };
  /// All must outlive this.
  explicit ItemReader(Parts parts);

  /// Reads a few items that changed. True when there may be more at once. Nothing is opened or
  /// loaded before there is something to read.
  Result<bool> read_some();
  /// Lets recommendations serve from the newest vectors, also those that another process made.
  Result<void> follow();

  static constexpr std::size_t kItemsAtOnce = 32;

 private:
  /// What reads, with versions: the same for the same readings.
  std::string reader();
  [[nodiscard]] std::string encoder_name() const;
  [[nodiscard]] bool has_encoder() const { return !encoder_failed_ && !parts_.encoder.empty(); }
  Result<std::vector<catalogue::ItemReading>> read(const std::vector<catalogue::UnreadItem>& items);
  void classify(const std::string& name, std::span<const std::string_view> texts,
                std::span<const float> vectors, std::vector<catalogue::ItemReading>& out,
                std::string catalogue::ItemReading::* member);
  void let_go();
  Result<void> announce();

  Parts parts_;
  catalogue::ItemReadings readings_;
  // What reads, as long as there is something to read.
  std::optional<text::KeywordExtractor> keywords_;
  std::map<std::string, std::shared_ptr<const ServedClassifier>> models_;  // shared with requests
  bool encoder_failed_ = false;
  std::int64_t done_ = -1;     ///< change up to which everything is read
  std::size_t read_ = 0;       ///< since the last announcement
  bool grouped_ = false;       ///< nothing was read since the groups were found
  std::int64_t followed_ = 0;  ///< announcement whose vectors serve
};

}  // namespace zhiyin::server
