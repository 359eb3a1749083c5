#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/log.h"
#include "base/mutex.h"
#include "catalogue/editor_lists.h"
#include "catalogue/index_changes.h"
#include "catalogue/items.h"
#include "model/registry.h"
#include "recommend/objectives.h"
#include "recommend/recommend_model.h"
#include "recommend/recommender.h"
#include "recommend/version_trial.h"
#include "storage/state.h"

namespace zhiyin::server {

/// A version of the ranker with what it has learnt since; see ranker_updates.h.
struct LearntRanker {
  /// Shared with those who serve from it; immutable.
  std::shared_ptr<const recommend::ResponseRanker> ranker;
  std::string id;  ///< `ranker-3+412`: the version and the lists since
  std::int64_t lists = 0;
};

/// The recommenders that lists are made by: of the active model, the active ranker, what the texts
/// are about and the catalogue as it is. They are snapshots, made anew when one of these changed:
/// with the next list where that is quick, else in the background (catch_up), where a new version
/// is read, too. Thread-safe.
class ServingRecommenders {
 public:
  struct Settings {
    recommend::Objectives objectives;
    std::string other_version;  ///< serves beside: `recommend-3`, `ranker-3`, `sources`; or empty
    bool ranked = true;         ///< false: in the order of sources, whatever ranker is active
    /// Recommenders that are made faster than this follow every change with the next list.
    std::chrono::nanoseconds quick_build = std::chrono::milliseconds(50);
  };
  /// All must outlive this.
  ServingRecommenders(model::Registry& registry, catalogue::Items& items,
                      catalogue::EditorLists& editor_lists, storage::State& state, Logger& logger,
                      Settings settings);

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
  /// May read the catalogue and versions, and make the recommenders where that is quick.
  Result<InUse> current();
  /// What `current` would answer; null: somebody has to look. Never waits.
  std::shared_ptr<const InUse> ready() const ZHIYIN_EXCLUDES(ready_mutex_);
  /// With all that has changed so far, however long that takes.
  Result<std::shared_ptr<const recommend::Recommender>> newest();
  /// Another version as it would serve, with the catalogue as it is.
  [[nodiscard]] Result<std::shared_ptr<const recommend::Recommender>> joined(
      std::shared_ptr<const recommend::RecommendModel> model, std::string id);

  /// What lists are made of now, for the trial of a new version.
  [[nodiscard]] Result<recommend::TrialCatalogue> catalogue() const;

  /// Makes the recommenders anew where that takes longer than Settings::quick_build and something
  /// changed: until then lists go on by the old ones, without what may be listed no longer. Called
  /// about once a second by one thread.
  Result<void> catch_up();

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
  /// Another process may have trained one.
  Result<void> look_for_model();

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
  /// What `current` found last, and the versions of catalogue and editors' lists that it belongs
  /// to.
  struct Ready {
    InUse in_use;
    std::int64_t items_version = 0;
    std::int64_t editors_version = 0;
  };
  void set_ready(std::shared_ptr<const Ready> ready) ZHIYIN_EXCLUDES(ready_mutex_);
  /// What recommenders are made of, at one moment.
  struct Parts {
    /// Shared with requests under way; immutable.
    std::shared_ptr<const recommend::RecommendModel> model;
    std::string model_id;
    recommend::Ranking ranking;
    std::shared_ptr<const recommend::TextVectors> texts;
    std::shared_ptr<const catalogue::ItemIndex> index;
  };
  /// Recommenders, and what they were made of.
  struct Made {
    /// Shared with requests under way; immutable.
    std::shared_ptr<const recommend::Recommender> recommender;  ///< null: not yet
    std::shared_ptr<const recommend::Recommender> rival;        ///< null: none
    Parts of;
    std::chrono::nanoseconds took{0};
    std::chrono::steady_clock::time_point at = {};  ///< when that was done
  };
  [[nodiscard]] Parts parts(std::shared_ptr<const catalogue::ItemIndex> index) const
      ZHIYIN_REQUIRES(mutex_);
  [[nodiscard]] Made make(const Parts& parts) const;
  /// Whether the recommenders are of another model, ranker or texts than there are now.
  [[nodiscard]] bool is_outdated() const ZHIYIN_REQUIRES(mutex_);
  /// Since they were made.
  [[nodiscard]] catalogue::IndexChanges changes_in(const catalogue::ItemIndex& index) const
      ZHIYIN_REQUIRES(mutex_);
  [[nodiscard]] bool is_newest(const InUse& in_use) const ZHIYIN_EXCLUDES(mutex_);
  /// Of what there is now, while lists go on.
  Result<void> make_anew() ZHIYIN_REQUIRES(making_mutex_) ZHIYIN_EXCLUDES(mutex_);
  /// What the rival's lists are made by.
  [[nodiscard]] Result<std::shared_ptr<const recommend::Recommender>> make_rival(
      const Parts& parts) const;
  /// The ranker in use, with what it has learnt since it was trained.
  [[nodiscard]] recommend::Ranking ranking() const ZHIYIN_REQUIRES(mutex_);

  model::Registry& registry_;
  catalogue::Items& items_;
  catalogue::EditorLists& editor_lists_;
  storage::State& state_;
  Logger& logger_;
  const Settings settings_;
  mutable Mutex ready_mutex_;
  /// Shared with requests under way; immutable.
  std::shared_ptr<const Ready> ready_ ZHIYIN_GUARDED_BY(ready_mutex_);
  /// One makes them beside serving at a time, or older ones could replace newer ones. Taken first.
  Mutex making_mutex_;
  mutable Mutex mutex_;
  /// Shared with requests under way; immutable.
  Made made_ ZHIYIN_GUARDED_BY(mutex_);
  bool is_behind_ ZHIYIN_GUARDED_BY(mutex_) = false;  ///< catch_up() has something to do
  Loaded<recommend::RecommendModel> model_ ZHIYIN_GUARDED_BY(mutex_);
  Loaded<recommend::ResponseRanker> ranker_ ZHIYIN_GUARDED_BY(mutex_);
  std::optional<LearntRanker> learnt_ ZHIYIN_GUARDED_BY(mutex_);  ///< of ranker_
  bool is_stale_ ZHIYIN_GUARDED_BY(mutex_) = false;               ///< other versions may be active
  std::shared_ptr<const recommend::TextVectors> texts_ ZHIYIN_GUARDED_BY(mutex_);
};

}  // namespace zhiyin::server
