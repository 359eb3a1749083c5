#include "recommend/list_rules.h"

#include <algorithm>

#include "recommend/recommender.h"

namespace zhiyin::recommend {
namespace {

std::vector<std::uint32_t> numbers_of(const std::vector<std::string>& names,
                                      const CandidateIndex& candidates) {
  std::vector<std::uint32_t> out;
  for (const std::string& name : names) out.push_back(candidates.name_number(name));
  return out;
}

bool holds(const std::vector<std::uint32_t>& numbers, std::uint32_t number) {
  return std::ranges::find(numbers, number) != numbers.end();
}

bool is_among(const std::vector<std::uint32_t>& numbers, std::uint32_t number) {
  return numbers.empty() || holds(numbers, number);
}

}  // namespace

ListRules::ListRules(const ItemRules& rules, const CandidateIndex& candidates, Instant now)
    : rules_(rules),
      candidates_(candidates),
      now_(now),
      has_eligible_(rules.eligible.has_value()),
      kinds_(numbers_of(rules.kinds, candidates)),
      categories_(numbers_of(rules.categories, candidates)),
      topics_(numbers_of(rules.topics, candidates)),
      sentiments_(numbers_of(rules.sentiments, candidates)),
      exclude_topics_(numbers_of(rules.exclude_topics, candidates)),
      exclude_sentiments_(numbers_of(rules.exclude_sentiments, candidates)) {
  if (rules.accounts) accounts_ = numbers_of(*rules.accounts, candidates);
  if (!has_eligible_) return;
  eligible_.assign(candidates.size(), false);
  for (const ItemRef& ref : *rules.eligible) {
    const std::uint32_t candidate = candidates.find(ref);
    if (candidate != CandidateIndex::kNone) eligible_[candidate] = true;
  }
}

bool ListRules::pass(std::uint32_t candidate) const {
  if (!is_eligible(candidate)) return false;
  if (std::ranges::binary_search(rules_.withdrawn, candidate)) return false;
  const CandidateIndex::Face& face = candidates_.face(candidate);
  if (!is_among(kinds_, face.kind) || !is_among(categories_, face.category)) return false;
  if (!is_among(topics_, face.topic) || !is_among(sentiments_, face.sentiment)) return false;
  if (holds(exclude_topics_, face.topic) || holds(exclude_sentiments_, face.sentiment))
    return false;
  if (rules_.accounts && face.account != 0 && !holds(accounts_, face.account)) return false;
  if (rules_.price_min_fen || rules_.price_max_fen) {
    const std::optional<std::int64_t>& price = candidates_.item(candidate).price_fen;
    if (!price || (rules_.price_min_fen && *price < *rules_.price_min_fen) ||
        (rules_.price_max_fen && *price > *rules_.price_max_fen))
      return false;
  }
  return candidates_.may_be_shown(candidate, now_);
}

}  // namespace zhiyin::recommend
