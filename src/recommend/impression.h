#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/ids.h"
#include "base/time.h"
#include "recommend/recommender.h"
#include "storage/event_log.h"

namespace zhiyin::recommend {

/// One item as it was shown.
struct ShownItem {
  ItemRef item;
  double score = 0;
  double propensity = 1;
  std::string source;
};

/// One list that was shown to one person: a record of the `impressions` stream.
struct Impression {
  std::string id;  ///< unique; the caller makes it
  PersonId person;
  std::string account;  ///< may be empty
  std::string place;    ///< where it was shown: `api`, `message`, …
  std::string model;    ///< id of the model, `recommend-3`
  Instant at;
  std::vector<ShownItem> items;  ///< in the order shown; at most kListMax
};

Impression impression_of(const RecommendResponse& response, PersonId person, std::string model,
                         Instant at);

/// docs/formats/impression-record.md, version 1.
std::string encode_impression(const Impression& impression);
/// kDataLoss when the bytes are damaged or from an unknown version.
Result<Impression> decode_impression(std::string_view bytes);

/// The record for the stream; its partition comes from the person's id, so a person's impressions
/// keep their order.
storage::NewRecord impression_record(const Impression& impression);

}  // namespace zhiyin::recommend
