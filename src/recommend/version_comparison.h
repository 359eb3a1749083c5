#pragma once

#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "recommend/recommender.h"
#include "statistics/interval.h"

/// Stored versions beside each other: what they would list now, and how well they would have told
/// what people did since they were trained. Pure.
namespace zhiyin::recommend {

/// What the lists of one version are made of.
struct VersionLists {
  std::map<std::string, std::size_t> sources;  ///< items listed, by where they came from
  std::size_t items = 0;                       ///< different ones
  std::size_t fallbacks = 0;                   ///< people for whom nothing came from behaviour
};
/// One person's lists by the first and the second version.
struct ListPair {
  PersonId person;
  double overlap = 0;  ///< shared items / items of the longer list; 1 when both are empty
  std::vector<RecommendedItem> first;
  std::vector<RecommendedItem> second;
};
/// Of the people who liked something new since: the mean over them, in the order of the versions.
struct LaterQuality {
  std::size_t people = 0;
  std::size_t wanted = 0;  ///< items that they liked since and had not dealt with before
  std::vector<statistics::MeanInterval> ndcg;
  std::vector<statistics::MeanInterval> recall;
  std::optional<statistics::MeanInterval> ndcg_difference;  ///< second - first, by person
  std::optional<statistics::MeanInterval> recall_difference;
};
struct VersionComparison {
  std::vector<VersionLists> versions;
  std::vector<ListPair> pairs;  ///< in the order of the people; none with one version
  statistics::MeanInterval overlap;
  std::size_t identical = 0;  ///< people whose lists are the same, order included
  LaterQuality later;
};

/// Lists of `request` for each of the people by one or two versions, as Recommender makes them; and
/// nDCG and recall at request.n of the lists that each version would have made at `learnt_until`
/// (people's activity up to then), against what people liked after it. An item counts as wanted
/// when every version has it as a candidate and the person had not dealt with it before.
/// kInvalidArgument when a number of the request is out of range. Requires one or two versions.
Result<VersionComparison> compare_versions(std::span<const Recommender* const> versions,
                                           std::span<const audience::PersonView> people,
                                           const RecommendRequest& request, Instant learnt_until);

/// `later` of the comparison alone: the lists are those of `learnt_until`.
Result<LaterQuality> later_quality(std::span<const Recommender* const> versions,
                                   std::span<const audience::PersonView> people,
                                   const RecommendRequest& request, Instant learnt_until);

}  // namespace zhiyin::recommend
