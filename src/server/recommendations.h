#pragma once

#include <atomic>
#include <chrono>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "audience/people.h"
#include "audience/recent_people.h"
#include "base/log.h"
#include "base/mutex.h"
#include "base/options.h"
#include "catalogue/editor_lists.h"
#include "catalogue/items.h"
#include "model/registry.h"
#include "recommend/ab_comparison.h"
#include "recommend/objectives.h"
#include "recommend/recommend_model.h"
#include "recommend/recommender.h"
#include "server/fresh_arms.h"
#include "server/serving_recommenders.h"
#include "server/shown_items.h"
#include "storage/event_log.h"

namespace zhiyin::server {

/// Serves recommendations by the recommenders that serve now, and notes what was shown.
/// Thread-safe.
class Recommendations {
 public:
  struct Settings {
    recommend::Objectives objectives;
    FatigueRule fatigue;
    /// A version that some people's lists are interleaved with: `recommend-3`, `ranker-3`, or
    /// `sources` (no ranker); empty: none.
    std::string rival;
    double rival_share = 0;  ///< of people, by assignment hash version 2 with the rival as seed
    /// Some people's lists are made wholly by another version, named likewise. Not beside a rival.
    recommend::AbSplit ab;
    bool ranked = true;  ///< false: in the order of sources, whatever ranker is active
    /// See ServingRecommenders.
    std::chrono::nanoseconds quick_build = std::chrono::milliseconds(50);
    std::size_t shown_bytes_max = 0;  ///< of what was shown to people, in memory; see ShownItems
  };
  /// All must outlive this. `recent`: the people whose histories are in memory; null: of nobody.
  Recommendations(model::Registry& registry, catalogue::Items& items, storage::EventLog& log,
                  storage::State& state, Logger& logger, Settings settings,
                  audience::RecentPeople* recent);

  /// As `people.view_of(ref)`, from memory where it is there.
  Result<audience::PersonView> view_of(const audience::People& people, std::string_view ref) const;
  /// The same where it is in memory; never waits for state.
  [[nodiscard]] std::optional<audience::PersonView> known(const audience::People& people,
                                                          std::string_view ref) const;
  /// For those who change what is known of people; may be null.
  [[nodiscard]] audience::RecentPeople* recent() const { return recent_; }

  struct Answer {
    recommend::RecommendResponse response;
    std::string model_id;
    std::string ranker_id;      ///< empty: no ranker ordered the list
    std::string rival_id;       ///< empty: the list is not interleaved
    std::string impression_id;  ///< empty: nothing was listed, or nothing recorded
    recommend::AbGroup group = recommend::AbGroup::kNone;  ///< of the A/B test, where there is one
  };
  struct Shown {
    std::string_view account;       ///< may be empty
    bool record = true;             ///< else it goes into no impression and counts for nothing
    std::string_view session = {};  ///< of a visitor without a person: a name to learn under
  };
  /// What was answered goes to the impressions stream: gathered for up to a second
  /// (`flush`), not awaited, so a crash may lose the last of them. The context's `place` says where
  /// it is shown: `api`, `console`, `cli`, or as the caller names it.
  Result<Answer> recommend(const audience::PersonView& person,
                           const recommend::RecommendRequest& request, Shown shown);

  /// The same where everything that it takes is in memory and lists are made quickly; else nothing.
  /// Never waits: neither for state nor for a model or catalogue that is being made ready.
  std::optional<Result<Answer>> recommend_at_once(const audience::PersonView& person,
                                                  const recommend::RecommendRequest& request,
                                                  Shown shown);

  /// The request as `recommend` asks it for a person: hidden and tired items, segments, editors'
  /// lists, and, where the catalogue (or one of these) `has_accounts`, only what is for the
  /// followers of `account`; without one of the accounts that the person was seen on. It must not
  /// outlive `trends` and `editors`.
  struct Prepared {
    recommend::RecommendRequest request;
    std::shared_ptr<const std::vector<recommend::SegmentItems>> trends;  ///< shared, immutable
    std::shared_ptr<const catalogue::EditorLists::Snapshot> editors;     ///< shared, immutable
  };
  Result<Prepared> prepared(const audience::PersonView& person, recommend::RecommendRequest request,
                            std::string_view account, bool has_accounts);

  /// What serves now, to look into: nothing that it answers is noted.
  Result<std::shared_ptr<const recommend::Recommender>> serving() { return serving_.newest(); }
  /// Another version as it would serve, with the catalogue as it is.
  [[nodiscard]] Result<std::shared_ptr<const recommend::Recommender>> joined(
      std::shared_ptr<const recommend::RecommendModel> model, std::string id) {
    return serving_.joined(std::move(model), std::move(id));
  }

  /// Lists that need no person.
  enum class Common { kSimilar, kPopular, kLatest };
  /// `item` is for kSimilar. Noted as the others are.
  Result<Answer> common(Common which, const recommend::ItemRef& item,
                        const recommend::RecommendRequest& request, Shown shown);

  /// One editors' list alone, the same for everybody; empty where it is not active, or for the
  /// followers of another account than the one asked for. kNotFound when there is none. Noted as
  /// the others are.
  Result<Answer> edited(std::string_view list, const recommend::RecommendRequest& request,
                        Shown shown);
  /// The lists that editors keep. A change acts on the next answer.
  [[nodiscard]] catalogue::EditorLists& editor_lists() { return editor_lists_; }

  /// The person wants to see the item no longer. Holds here at once, until its event has arrived
  /// (everywhere) long since: at most kHiddenMax of them, the newest.
  void hide(const PersonId& person, const recommend::ItemRef& item);
  static constexpr std::size_t kHiddenMax = 10'000;

  /// What lists are made of now, for the trial of a new version.
  [[nodiscard]] Result<recommend::TrialCatalogue> catalogue() const { return serving_.catalogue(); }

  /// See ServingRecommenders. Called about once a second by one thread.
  Result<void> catch_up() { return serving_.catch_up(); }

  /// Hands gathered impressions to the log, and counts to state. Called about once a second and
  /// before the end.
  Result<void> flush();
  /// The same, and waits until the impressions of all answers so far are in the log, or could not
  /// be.
  Result<void> settle();
  /// Forgets what was shown to a person and what the person hid.
  Result<void> forget(const PersonId& person);
  /// Removes what nobody needs any more. Now and then.
  Result<void> tidy(Instant now) { return shown_items_.tidy(now); }

  /// What is popular in segments, from now on; null: nothing is known.
  using Trends = std::vector<recommend::SegmentItems>;
  void set_trends(std::shared_ptr<const Trends> trends);
  /// What the items' texts are about, from now on; null: nothing is known.
  void set_texts(std::shared_ptr<const recommend::TextVectors> texts) {
    serving_.set_texts(std::move(texts));
  }

  using Trouble = ServingRecommenders::Trouble;
  /// Looks at the active versions as serving does. Empty: all is well.
  Result<std::vector<Trouble>> troubles() { return serving_.troubles(); }
  /// What serving has met with so far.
  [[nodiscard]] std::vector<Trouble> known_troubles() const { return serving_.known_troubles(); }

  /// An active model or ranker changed elsewhere (activated, rolled back).
  void forget_model() { serving_.forget_model(); }
  /// Another process may have trained one, or changed an editors' list.
  Result<void> look_for_model();

  [[nodiscard]] const recommend::Objectives& objectives() const { return settings_.objectives; }
  /// The version that is compared with those in use, interleaved or in a group of its own; or
  /// empty.
  [[nodiscard]] const std::string& other_version() const;

 private:
  using InUse = ServingRecommenders::InUse;
  /// The list, and its impression.
  Result<Answer> listed(const InUse& in_use, const audience::PersonView& person,
                        const recommend::RecommendRequest& request, Shown shown);
  [[nodiscard]] bool is_interleaved(const PersonId& person) const;
  /// A seed.
  std::uint64_t draw();
  /// The request with what its places of exploration need: a seed of its own, and what is known.
  recommend::RecommendRequest with_chance(recommend::RecommendRequest request);
  /// Null: nothing is popular in particular. Never waits.
  std::shared_ptr<const Trends> trends() const ZHIYIN_EXCLUDES(trends_mutex_);
  Result<std::vector<SegmentId>> segments_of(const PersonId& person);
  /// Adds the segments and values of traits of the person to the request, which must not outlive
  /// `trends`.
  static void add_trends(const Trends& trends, std::span<const SegmentId> segments,
                         const audience::PersonView& view, recommend::RecommendRequest& request);
  /// Adds the editors' lists that are for this reader now; the request must not outlive them.
  static void add_editors(const catalogue::EditorLists::Snapshot& editors,
                          recommend::RecommendRequest& request);
  /// What is the same for everybody, noted.
  Result<Answer> for_everybody(const InUse& in_use, Result<recommend::RecommendResponse> response,
                               const recommend::RecommendRequest& request, Shown shown);
  static void limit_to_accounts(recommend::ItemRules& rules, std::string_view account,
                                const audience::PersonView* person);
  /// The rules must not outlive `in_use`.
  static void leave_out_withdrawn(const InUse& in_use, recommend::ItemRules& rules);
  void leave_out_hidden(const PersonId& person, recommend::ItemRules& rules) const;
  /// Gathers the impression of an answer, and counts what was listed. Returns its id.
  std::string note(const Answer& answer, const PersonId& person,
                   const recommend::RecommendRequest& request, Shown shown);

  storage::State& state_;
  catalogue::EditorLists editor_lists_;
  storage::EventLog& log_;
  const Settings settings_;
  audience::RecentPeople* const recent_;
  ServingRecommenders serving_;
  FreshArms arms_;
  ShownItems shown_items_;
  const std::uint64_t seed_;  ///< of this process
  std::atomic<std::uint64_t> draws_{0};
  static constexpr std::size_t kImpressionsGathered = 256;
  /// Appends to the log under way; their callbacks may outlive this.
  struct Appends {
    Mutex mutex;
    CondVar ended;
    int under_way ZHIYIN_GUARDED_BY(mutex) = 0;
  };
  void append(std::vector<storage::NewRecord> impressions);
  const std::shared_ptr<Appends> appends_ = std::make_shared<Appends>();
  Mutex impressions_mutex_;
  std::vector<storage::NewRecord> impressions_ ZHIYIN_GUARDED_BY(impressions_mutex_);
  mutable Mutex hidden_mutex_;
  std::unordered_multimap<std::string, recommend::ItemRef> hidden_ ZHIYIN_GUARDED_BY(hidden_mutex_);
  std::deque<std::string> hidden_order_ ZHIYIN_GUARDED_BY(hidden_mutex_);  ///< people, oldest first
  /// How long making a list takes, in nanoseconds: mostly the last 16.
  std::atomic<std::int64_t> list_ns_{0};
  mutable Mutex trends_mutex_;
  /// Shared with requests under way; immutable.
  std::shared_ptr<const Trends> trends_ ZHIYIN_GUARDED_BY(trends_mutex_);
};

/// From the options `recommend.*`; kInvalidArgument names the option.
Result<Recommendations::Settings> recommendation_settings(const Options& options);

}  // namespace zhiyin::server
