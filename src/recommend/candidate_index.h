#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "recommend/recommend_model.h"
#include "recommend/text_vectors.h"

namespace zhiyin::recommend {

/// What recommendation needs to know of an item of the catalogue.
struct CandidateItem {
  ItemRef ref;
  std::string title;
  std::vector<std::pair<std::string, double>> tags;  ///< tag, weight
  Instant published_at;
  std::optional<Instant> valid_from = {};   ///< absent: always was
  std::optional<Instant> valid_until = {};  ///< exclusive
  bool available = true;                    ///< in stock, not withdrawn
  std::string author = {};
  std::string category = {};
  std::optional<std::int64_t> price_fen = {};
  std::string group = {};  ///< of those of its kind with nearly the same text; empty: alone
  std::string topic = {};  ///< read out of its text; empty: unknown, as is the sentiment
  std::string sentiment = {};
  std::string account = {};   ///< whose followers it is for; empty: everybody's
  bool hidden = false;        ///< by the operator; it is not available then
  std::string campaign = {};  ///< that it belongs to, in its owner's words; empty: none
};

/// What may be recommended: the catalogue, and for kinds of which it has no item those that the
/// model knows. Candidates have numbers 0 … size() - 1. Immutable, thread-safe.
class CandidateIndex {
 public:
  static constexpr std::uint32_t kNone = UINT32_MAX;
  struct Tagged {
    std::uint32_t candidate = 0;
    float share = 0;  ///< weight of the tag in the item, whose tags have length 1 together
  };

  /// `texts` (null: none) is shared by those who serve and those who replace it.
  CandidateIndex(const RecommendModel& model, std::vector<CandidateItem> catalogue,
                 std::shared_ptr<const TextVectors> texts = nullptr);
  // Names are looked up by where they lie.
  CandidateIndex(const CandidateIndex&) = delete;
  CandidateIndex& operator=(const CandidateIndex&) = delete;

  [[nodiscard]] std::size_t size() const { return items_.size(); }
  [[nodiscard]] const CandidateItem& item(std::uint32_t candidate) const {
    return items_[candidate];
  }
  /// kNone when the item is no candidate.
  [[nodiscard]] std::uint32_t find(const ItemRef& ref) const;
  /// The candidate that an item of the model is, or kNone.
  [[nodiscard]] std::uint32_t of_model(std::uint32_t model_item) const {
    return of_model_[model_item];
  }
  /// The item of the model that a known candidate is. Requires is_known().
  [[nodiscard]] std::uint32_t model_item(std::uint32_t candidate) const {
    return model_item_[candidate];
  }
  /// True when behaviour says something about it.
  [[nodiscard]] bool is_known(std::uint32_t candidate) const { return known_[candidate]; }
  /// Of a tag's number; none where it is kNone.
  [[nodiscard]] std::span<const Tagged> with_tag(std::uint32_t tag) const;
  /// Those of them of which behaviour says nothing, newest first.
  [[nodiscard]] std::span<const Tagged> unknown_with_tag(std::uint32_t tag) const;
  /// What the candidates' texts are about; null: nothing is known.
  [[nodiscard]] const TextVectors* texts() const { return texts_.get(); }
  /// Of a candidate, or TextVectors::kNone.
  [[nodiscard]] std::uint32_t text_row(std::uint32_t candidate) const {
    return text_row_.empty() ? TextVectors::kNone : text_row_[candidate];
  }
  /// The candidate of a row, or kNone.
  [[nodiscard]] std::uint32_t of_text_row(std::uint32_t row) const { return of_text_row_[row]; }
  /// Candidates that have a row, those first of which behaviour says nothing; and their rows.
  [[nodiscard]] std::span<const std::uint32_t> with_text() const { return with_text_; }
  [[nodiscard]] std::span<const std::uint32_t> text_rows() const { return text_rows_; }
  [[nodiscard]] std::size_t unknown_with_text() const { return unknown_with_text_; }
  /// 0 … 1: the cosine of the tags, and at least a half for the same author or category: what a
  /// reader sees as the same.
  [[nodiscard]] double similarity(std::uint32_t a, std::uint32_t b) const;
  struct TagWeight {
    std::uint32_t tag = 0;  ///< number of the name
    double weight = 0;
  };
  /// Number of a name, kNone where no candidate has it, 0 for the empty one. Tags, authors, kinds,
  /// categories, topics, sentiments and accounts of one name share their number.
  [[nodiscard]] std::uint32_t name_number(std::string_view name) const;
  /// The name that a number of a tag stands for.
  [[nodiscard]] std::string_view name(std::uint32_t number) const { return name_[number]; }
  /// What rules look at, small: names as numbers.
  struct Face {
    std::uint32_t kind = 0;
    std::uint32_t category = 0;
    std::uint32_t topic = 0;
    std::uint32_t sentiment = 0;
    std::uint32_t account = 0;
    bool available = true;
    bool is_limited = false;  ///< may_be_shown() depends on the time
  };
  [[nodiscard]] const Face& face(std::uint32_t candidate) const { return faces_[candidate]; }
  [[nodiscard]] std::span<const TagWeight> tags(std::uint32_t candidate) const {
    const Look& look = looks_[candidate];
    return std::span(tag_weights_).subspan(look.tags_begin, look.tags_end - look.tags_begin);
  }
  /// Fetch where its tags lie, then (some time later) these.
  void prefetch_look(std::uint32_t candidate) const { __builtin_prefetch(&looks_[candidate]); }
  void prefetch_tags(std::uint32_t candidate) const {
    __builtin_prefetch(tag_weights_.data() + looks_[candidate].tags_begin);
  }
  /// Of the weights of its tags, summed up.
  [[nodiscard]] double squares_of_tags(std::uint32_t candidate) const {
    return looks_[candidate].squares;
  }
  /// The candidate's place among all of them in the order of their references.
  [[nodiscard]] std::uint32_t place_by_ref(std::uint32_t candidate) const {
    return place_by_ref_[candidate];
  }
  /// Number of the candidate's group of near-duplicates, below groups(); 0: alone.
  [[nodiscard]] std::uint32_t group(std::uint32_t candidate) const { return group_[candidate]; }
  [[nodiscard]] std::size_t groups() const { return groups_; }
  /// Known ones, most popular first.
  [[nodiscard]] std::span<const std::uint32_t> by_popularity() const { return by_popularity_; }
  /// The others, newest first.
  [[nodiscard]] std::span<const std::uint32_t> unknown_by_freshness() const {
    return by_freshness_;
  }
  /// All of them, newest first.
  [[nodiscard]] std::span<const std::uint32_t> by_time() const { return by_time_; }
  [[nodiscard]] double popularity(std::uint32_t candidate) const { return popularity_[candidate]; }
  /// log(1 + popularity).
  [[nodiscard]] float log_popularity(std::uint32_t candidate) const {
    return log_popularity_[candidate];
  }
  /// Whether any is for the followers of one account only.
  [[nodiscard]] bool has_accounts() const { return has_accounts_; }
  /// Valid and available at `now`.
  [[nodiscard]] bool may_be_shown(std::uint32_t candidate, Instant now) const;

 private:
  /// What is needed to compare two items, without their texts.
  struct Look {
    std::uint32_t author = 0;  ///< number of the name; 0: none
    std::uint32_t category = 0;
    std::uint32_t tags_begin = 0;
    std::uint32_t tags_end = 0;
    double squares = 0;  ///< of the weights of the tags
  };
  struct TaggedList {
    std::vector<Tagged> items;  ///< unknown ones first
    std::size_t unknown = 0;
  };

  void add(CandidateItem item);
  /// Where it is in numbers_, or where it would go.
  [[nodiscard]] std::size_t place_of(const ItemRef& ref, std::uint64_t hash) const;
  void grow_numbers();
  void index_model(const RecommendModel& model);
  void index_looks();
  void index_tags();
  void index_groups();
  void index_texts();

  std::vector<CandidateItem> items_;
  bool has_accounts_ = false;
  /// Of items_, in open addressing: a list asks for tens of them, each of which would be a walk
  /// through a map's nodes.
  struct Number {
    std::uint32_t hash = 0;
    std::uint32_t candidate = kNone;
  };
  std::vector<Number> numbers_;
  std::vector<std::uint32_t> of_model_;
  std::vector<std::uint32_t> model_item_;
  std::vector<bool> known_;
  std::vector<double> popularity_;
  std::vector<float> log_popularity_;
  std::vector<std::uint32_t> by_popularity_;
  std::vector<std::uint32_t> by_freshness_;
  std::vector<std::uint32_t> by_time_;
  std::vector<std::uint32_t> place_by_ref_;
  std::vector<std::uint32_t> group_;
  std::size_t groups_ = 1;
  std::unordered_map<std::string_view, std::uint32_t> names_;  ///< of items_, numbered from 1
  std::vector<std::string_view> name_;                         ///< by number; 0: the empty one
  std::vector<TaggedList> by_tag_;                             ///< by number of the name
  std::vector<Look> looks_;
  std::vector<Face> faces_;
  std::vector<TagWeight> tag_weights_;  ///< those of one candidate follow each other
  /// Shared with those who replace it; immutable.
  const std::shared_ptr<const TextVectors> texts_;
  std::vector<std::uint32_t> text_row_;
  std::vector<std::uint32_t> of_text_row_;  ///< where the texts have an index
  std::vector<std::uint32_t> with_text_;
  std::vector<std::uint32_t> text_rows_;
  std::size_t unknown_with_text_ = 0;
};

}  // namespace zhiyin::recommend
