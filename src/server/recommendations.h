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
#include "recommend/version_trial.h"
#include "server/fresh_arms.h"
#include "server/shown_items.h"
#include "storage/event_log.h"

namespace zhiyin::server {

/// A version of the ranker with what it has learnt since; see ranker_updates.h.
struct LearntRanker {
  /// Shared with those who serve from it; immutable.
  std::shared_ptr<const recommend::ResponseRanker> ranker;
  std::string id;  ///< `ranker-3+412`: the version and the lists since
  std::int64_t lists = 0;
};

/// Serves recommendations from the active model, the active ranker and the catalogue as it is, and
/// notes what was shown. The recommender is a snapshot, made anew when one of the three changed:
/// with the next list where that is quick, else in the background (catch_up). Thread-safe.
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
    /// Recommenders that are made faster than this follow every change with the next list.
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
  Result<std::shared_ptr<const recommend::Recommender>> serving();
  /// Another version as it would serve, with the catalogue as it is.
  [[nodiscard]] Result<std::shared_ptr<const recommend::Recommender>> joined(
      std::shared_ptr<const recommend::RecommendModel> model, std::string id) const;

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
  [[nodiscard]] Result<recommend::TrialCatalogue> catalogue() const;

  /// Makes the recommenders anew where that takes longer than Settings::quick_build and something
  /// changed: until then lists go on by the old ones, without what may be listed no longer. Called
  /// about once a second by one thread.
  Result<void> catch_up();

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
  void set_texts(std::shared_ptr<const recommend::TextVectors> texts);

  /// An active version that cannot be read, and what serves in its place.
  struct Trouble {
    std::string id;
    std::string reason;
    std::string serving;  ///< `none`: no model
  };
  /// Looks at the active versions as serving does. Empty: all is well.
  Result<std::vector<Trouble>> troubles();
  /// What serving has met with so far.
  [[nodiscard]] std::vector<Trouble> known_troubles() const;

  /// An active model or ranker changed elsewhere (activated, rolled back).
  void forget_model();
  /// Another process may have trained one, or changed an editors' list.
  Result<void> look_for_model();

  [[nodiscard]] const recommend::Objectives& objectives() const { return settings_.objectives; }
  /// The version that is compared with those in use, interleaved or in a group of its own; or
  /// empty.
  [[nodiscard]] const std::string& other_version() const;

 private:
  /// What serves of one kind of the registry.
  template <class Model>
  struct Loaded {
    /// Shared with requests under way; immutable.
    std::shared_ptr<const Model> model;
    std::string id = "none";
    std::string active = "none";  ///< the version that should serve
    std::optional<Trouble> trouble;
  };
  /// The active model from the registry, the newest before it that can be read where it cannot; or
  /// none.
  template <class Model>
  [[nodiscard]] Result<Loaded<Model>> load(const Loaded<Model>& now) const;
  void log_trouble(const Trouble& trouble) const;
  Result<void> renew() ZHIYIN_REQUIRES(mutex_);
  struct InUse {
    /// Shared with requests under way; immutable.
    std::shared_ptr<const recommend::Recommender> recommender;
    /// Of interleaving, or of group B; null: none.
    std::shared_ptr<const recommend::Recommender> rival;
    std::shared_ptr<const catalogue::EditorLists::Snapshot> editors;
    /// Candidates (of both: they number the catalogue alike) that may be listed no longer since
    /// the recommenders were made; null: none.
    std::shared_ptr<const std::vector<std::uint32_t>> withdrawn;
  };
  Result<InUse> current();
  /// What `current` found last, and the versions of catalogue and editors' lists that it belongs
  /// to.
  struct Ready {
    InUse in_use;
    std::int64_t items_version = 0;
    std::int64_t editors_version = 0;
  };
  /// Null: somebody has to look. Never waits.
  std::shared_ptr<const Ready> ready() const ZHIYIN_EXCLUDES(ready_mutex_);
  void set_ready(std::shared_ptr<const Ready> ready) ZHIYIN_EXCLUDES(ready_mutex_);
  /// The list, and its impression.
  Result<Answer> listed(const InUse& in_use, const audience::PersonView& person,
                        const recommend::RecommendRequest& request, Shown shown);
  /// What recommenders are made of, at one moment.
  struct Parts {
    /// Shared with requests under way; immutable.
    std::shared_ptr<const recommend::RecommendModel> model;
    std::string model_id;
    recommend::Ranking ranking;
    std::shared_ptr<const recommend::TextVectors> texts;
    std::shared_ptr<const catalogue::ItemIndex> index;
  };
  /// Recommenders, and what of the catalogue they were made of.
  struct Made {
    /// Shared with requests under way; immutable.
    std::shared_ptr<const recommend::Recommender> recommender;  ///< null: not yet
    std::shared_ptr<const recommend::Recommender> rival;        ///< null: none
    std::shared_ptr<const catalogue::ItemIndex> index;
    std::chrono::nanoseconds took{0};
    std::chrono::steady_clock::time_point at = {};  ///< when that was done
  };
  [[nodiscard]] Parts parts(std::shared_ptr<const catalogue::ItemIndex> index) const
      ZHIYIN_REQUIRES(mutex_);
  [[nodiscard]] Made make(const Parts& parts) const;
  /// Of what there is now, while lists go on.
  Result<void> make_anew();
  /// What the rival's lists are made by.
  [[nodiscard]] Result<std::shared_ptr<const recommend::Recommender>> make_rival(
      const Parts& parts) const;
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

  /// The ranker in use, with what it has learnt since it was trained.
  [[nodiscard]] recommend::Ranking ranking() const ZHIYIN_REQUIRES(mutex_);

  model::Registry& registry_;
  storage::State& state_;
  catalogue::Items& items_;
  catalogue::EditorLists editor_lists_;
  storage::EventLog& log_;
  Logger& logger_;
  const Settings settings_;
  audience::RecentPeople* const recent_;
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
  mutable Mutex ready_mutex_;
  /// Shared with requests under way; immutable.
  std::shared_ptr<const Ready> ready_ ZHIYIN_GUARDED_BY(ready_mutex_);
  mutable Mutex mutex_;
  /// Shared with requests under way; immutable.
  Made made_ ZHIYIN_GUARDED_BY(mutex_);
  bool is_outdated_ ZHIYIN_GUARDED_BY(mutex_) = false;  ///< model, ranker or texts are others
  bool is_behind_ ZHIYIN_GUARDED_BY(mutex_) = false;    ///< catch_up() has something to do
  Loaded<recommend::RecommendModel> model_ ZHIYIN_GUARDED_BY(mutex_);
  Loaded<recommend::ResponseRanker> ranker_ ZHIYIN_GUARDED_BY(mutex_);
  std::optional<LearntRanker> learnt_ ZHIYIN_GUARDED_BY(mutex_);  ///< of ranker_
  bool is_stale_ ZHIYIN_GUARDED_BY(mutex_) = false;               ///< other versions may be active
  std::shared_ptr<const recommend::TextVectors> texts_ ZHIYIN_GUARDED_BY(mutex_);
};

/// From the options `recommend.*`; kInvalidArgument names the option.
Result<Recommendations::Settings> recommendation_settings(const Options& options);

}  // namespace zhiyin::server
