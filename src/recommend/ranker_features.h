#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/time.h"
#include "ingest/event.h"
#include "recommend/online_ranker.h"

namespace zhiyin::recommend {

/// Circumstances of a request, as its sender says; empty where unknown.
struct RequestContext {
  std::optional<Instant> time;  ///< of the hour of day; absent: the request's own time
  std::string device;           ///< `ios`, `android`, `desktop`, …
  std::string channel;          ///< `official_account`, `mini_program`, `web`, …
  std::string place;            ///< where it is shown: `home`, `menu`, `api`, …
};

/// Of a candidate: what does not change from request to request.
struct ItemFacts {
  ingest::ItemRef ref;
  std::string_view category;
  std::optional<std::int64_t> price_fen;
  Instant published_at;  ///< 0: unknown
};

/// Of a candidate: what this request says of it.
struct ShownFacts {
  std::string_view source;
  double score = 0;      ///< comparable within one source only
  float similarity = 0;  ///< cosine of the person's interests and the item's tags, 0 … 1
  float popularity = 0;  ///< log(1 + the model's popularity)
  /// Cosine of the item's text with the sum of those that the person liked lately, -1 … 1; 0: the
  /// text of one of them is not known, or says nothing.
  float text = 0;
};

/// Where in the list, 0 the first. Places from kPlacesMax on count alike.
inline constexpr std::size_t kPlacesMax = 20;

/// Inputs of the rankers, all hashed (`feature_slot`). Pure functions of what they are given: what
/// is learnt from a record is what was known when it was made.
/// Of the request and the place in the list; when lists are ordered the place is always the first,
/// so that being seen more is not taken for being better.
void add_request_features(std::vector<RankerFeature>& out, const RequestContext& context,
                          Instant at, std::size_t place, unsigned bits);
/// Kind, category, item, price.
void add_item_features(std::vector<RankerFeature>& out, const ItemFacts& item, unsigned bits);
/// Source with the score's size, freshness, similarity, popularity, text.
void add_shown_features(std::vector<RankerFeature>& out, const ShownFacts& shown,
                        Instant published_at, Instant at, unsigned bits);

// What add_shown_features is made of, for who keeps slots instead of hashing again.

/// Half powers of two, -kSizeMost - 1 (not above 0) to kSizeMost: so that a score of another scale
/// is another input.
inline constexpr int kSizeMost = 40;
int size_class(double value);
/// Of the time since it came out. Requires published_at above 0.
int age_class(Instant published_at, Instant at);
std::uint32_t item_slot(const ingest::ItemRef& item, unsigned bits);
std::uint32_t source_slot(std::string_view source, unsigned bits);
std::uint32_t score_slot(std::string_view source, int size_class, unsigned bits);
std::uint32_t age_slot(int age_class, unsigned bits);
/// Numbers, absent where they are 0: similarity of the tags, that of the texts, popularity.
std::uint32_t similarity_slot(unsigned bits);
std::uint32_t text_slot(unsigned bits);
std::uint32_t popularity_slot(unsigned bits);
/// Popularity is brought near the others' size.
inline constexpr float kPopularityUsual = 4;

}  // namespace zhiyin::recommend
