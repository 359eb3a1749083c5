#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/ids.h"
#include "base/time.h"
#include "recommend/ab_comparison.h"
#include "recommend/ranker_features.h"
#include "recommend/recommender.h"
#include "storage/event_log.h"

namespace zhiyin::recommend {

/// One item as it was shown.
struct ShownItem {
  ItemRef item;
  double score = 0;
  double propensity = 1;
  std::string source;
  float similarity = 0;  ///< see ShownFacts
  float popularity = 0;
  float text = 0;
  std::uint8_t team = 0;  ///< of an interleaved list: 1 the versions in use, 2 their rival; else 0
};

/// One list that was shown to one person: a record of the `impressions` stream.
struct Impression {
  std::string id;  ///< unique; the caller makes it
  PersonId person;
  std::string account;  ///< may be empty
  std::string model;    ///< id of the model, `recommend-3`
  std::string ranker;   ///< id of the ranker that ordered the list, or empty: by sources
  std::string rival;    ///< of an interleaved list: the version that the other team stands for
  /// Of a list of an A/B test: the version that group B's lists are made by, which group this one
  /// is of, and the planned share of B in percent; else empty, kNone and 0.
  std::string ab;
  AbGroup group = AbGroup::kNone;
  std::uint8_t ab_percent = 0;
  RequestContext context;  ///< `place`: where it was shown: `api`, `home`, …
  Instant at;
  std::vector<ShownItem> items;  ///< in the order shown; at most kListMax
  /// What the places left to chance were chosen among, newest first; empty where nothing was, and
  /// where they would not fit the record.
  std::vector<ItemRef> arms;
};

Impression impression_of(const RecommendResponse& response, PersonId person, std::string model,
                         Instant at);

/// docs/formats/impression-record.md, version 4. At most storage::kRecordBytesMax.
std::string encode_impression(const Impression& impression);
/// Versions 1 to 4; kDataLoss when the bytes are damaged or from an unknown version.
Result<Impression> decode_impression(std::string_view bytes);

/// The record for the stream; its partition comes from the person's id, so a person's impressions
/// keep their order.
storage::NewRecord impression_record(const Impression& impression);
/// The same with the items and arms of `response` instead of its own, which need not be copied.
storage::NewRecord impression_record(const Impression& head, const RecommendResponse& response);

}  // namespace zhiyin::recommend
