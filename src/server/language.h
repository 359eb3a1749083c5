#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/log.h"
#include "base/metrics.h"
#include "base/mutex.h"
#include "model/artefact.h"
#include "model/classify/agreement.h"
#include "model/classify/drift.h"
#include "model/classify/text_classifier.h"
#include "model/pairs/labelled_pair.h"
#include "model/pairs/pair_model.h"
#include "model/registry.h"
#include "model/serve/batch_server.h"
#include "model/text_encoder.h"
#include "text/words.h"

namespace zhiyin::server {

/// A classifier in service.
struct ServedClassifier {
  std::string
      version;  ///< `reviews-3`, or `sentiment@1a2b3c4d` for one that comes with the program
  model::TextClassifier model;
};

/// A model of pairs in service.
struct ServedPairModel {
  std::string version;  ///< `pairs-3`, or `pair@1a2b3c4d` for one that comes with the program
  model::PairModel model;
};

/// The language models in service: one encoder behind a batching server, and classifiers by name.
/// Each is opened when it is first asked for. Thread-safe.
class Language {
 public:
  struct Settings {
    std::filesystem::path encoder;  ///< empty: there is none
    std::size_t threads = 1;        ///< of the encoder
    std::size_t batch_tokens = 512;
    std::size_t waiting_tokens = 262'144;
    std::chrono::milliseconds patience{10'000};  ///< longest wait for the encoder
  };
  struct Vectors {
    std::vector<float> values;  ///< inputs × width(), each of length 1
    std::size_t tokens = 0;     ///< that were encoded, marks included
  };
  struct EncodeHow {
    std::string_view caller;     ///< whose turn it uses up
    std::string_view prefix;     ///< before every text
    std::size_t tokens_max = 0;  ///< 0: as many as the model takes
    bool truncate = true;        ///< longer texts are cut; else kInvalidArgument
  };

  /// All must outlive this.
  Language(Settings settings, model::Registry& registry, MetricsRegistry& metrics, Logger& logger)
      : settings_(std::move(settings)), registry_(registry), metrics_(metrics), logger_(logger) {}

  /// The file that comes with the program: the compiled one, else the package that set-up fetches.
  static std::filesystem::path default_encoder();

  /// The encoder; kUnavailable, with the reason, when there is none or it could not be opened (it
  /// is not tried again).
  Result<const model::TextEncoder*> encoder();
  /// `multilingual-e5-small@1a2b3c4d`: the file's name and the beginning of its checksum.
  [[nodiscard]] std::string encoder_name();

  /// Fails as BatchServer does, and with kInvalidArgument naming `input[i]`. Waits.
  Result<Vectors> encode(std::span<const std::string_view> texts, const EncodeHow& how);
  /// Rows of ids, marks included.
  Result<Vectors> encode_rows(std::span<const std::vector<std::int32_t>> rows,
                              std::string_view caller);

  /// The active version of that name in the registry, or the one that comes with the program;
  /// kNotFound. Another process's promotion is seen within a second.
  Result<std::shared_ptr<const ServedClassifier>> classifier(const std::string& name);
  /// The same for somebody who needs it for a while: what has to be loaded for it is not kept.
  Result<std::shared_ptr<const ServedClassifier>> borrow(const std::string& name);
  /// The version that `classifier` gives now, without loading it.
  Result<std::string> version(const std::string& name);
  /// Puts a classifier under a name for this process, before all others of that name; it is never
  /// looked for again.
  void provide(const std::string& name, ServedClassifier model);
  /// One answer per text. `vectors`: what `encode` gave, or nothing for a model without encoder, or
  /// with a floor. A shadow of that name answers too, and only counts; what drifts is watched.
  std::vector<model::TextPrediction> classify(const std::string& name,
                                              const ServedClassifier& model,
                                              std::span<const std::string_view> texts,
                                              std::span<const float> vectors);
  /// As classifiers were trained: their encoder, at most so many tokens. kConflict when the model
  /// was trained with another encoder.
  Result<void> check_encoder(const model::TextClassifier& model);
  Result<void> check_encoder(const model::PairModel& model);
  static constexpr std::size_t kClassifierTokensMax = 128;

  /// Lets a stored version answer beside the active one of its name, on whatever is classified, or
  /// compared, from now on; kConflict when its encoder is another. Counts begin anew. Forgotten at
  /// the end of the process.
  Result<void> start_shadow(const std::string& id);
  void stop_shadow(const std::string& name);
  /// {"name","version","shadow","of":"texts"|"pairs","agreement":{…}} (model/classify/agreement.h);
  /// kNotFound.
  Result<Json> shadow_report(const std::string& name);
  /// Lets a shadow of that name compare the same pairs, and counts how it agrees with what the
  /// model in service `answered`. `vectors`: two of each pair, or nothing where that model answers
  /// without its encoder.
  void shadow_pairs(const std::string& name, const ServedPairModel& served,
                    std::span<const model::TextPair> pairs, std::span<const float> vectors,
                    std::span<const model::PairPrediction> answered);

  /// A model of texts or pairs whose drift is told.
  struct DriftSubject {
    std::string version;
    model::DriftReference reference;  ///< without rows where the model keeps none
    std::vector<std::string> classes;
  };
  /// Of the active version of that name, as `classifier` finds it, or of a model of pairs.
  Result<std::shared_ptr<const DriftSubject>> drift_subject(const std::string& name);
  /// What a model of pairs answered, for its drift.
  void watch_pairs(const std::string& name, const std::string& version,
                   const model::PairModel& model, std::span<const model::TextPair> pairs,
                   std::span<const model::PairPrediction> answers);

  /// What this process counted for the drift of a version.
  struct DriftSeen {
    std::string name, version;
    model::DriftCounts counts;
  };
  /// Of the last texts by that name; no rows when there were none, or of another version.
  [[nodiscard]] model::DriftCounts last_drift(const std::string& name, const DriftSubject& subject);
  /// Since `take_drift`, likewise.
  [[nodiscard]] model::DriftCounts untaken_drift(const std::string& name,
                                                 const DriftSubject& subject);
  /// All that was counted since the last call, of every version that answered.
  std::vector<DriftSeen> take_drift();
  /// What could not be kept: `take_drift` gives it again.
  void give_back_drift(std::vector<DriftSeen> seen);

  /// The dictionary that comes with the program; kUnavailable when it is missing.
  Result<text::Words> words();

  /// Gives back what no text needs just now: the mapped pages of encoder and dictionary, which the
  /// next text brings back within milliseconds, and classifiers that were not asked for since
  /// kIdle.
  void let_go();
  /// The same, once, when no text has come since kIdle at `now`. Returns whether it did.
  bool let_go_if_idle(std::chrono::steady_clock::time_point now);
  static constexpr std::chrono::minutes kIdle{3};

  /// What waits for the encoder is refused. Before the end.
  void stop();

 private:
  struct Opened {
    model::TextEncoder text;
    std::unique_ptr<model::BatchServer> server;  // uses `text`, goes first
  };
  struct Cached {
    std::shared_ptr<const ServedClassifier> model;  // shared with requests under way
    std::chrono::steady_clock::time_point looked_at;
  };
  struct Watch {
    std::string version;
    model::DriftWatch drift;
  };
  struct Shadow {
    // One of the two; shared with requests under way.
    std::shared_ptr<const ServedClassifier> model;
    std::shared_ptr<const ServedPairModel> pairs;
    std::string beside;  // version that it was compared with last
    model::Agreement agreement;
  };

  Result<Opened*> opened();
  Result<std::unique_ptr<Opened>> open() const;
  Result<void> check_encoder(std::size_t dense_columns, const Json& settings);
  Result<ServedPairModel> read_pairs(const std::string& name);
  Result<Shadow> shadow_of_texts(const std::string& id, const std::string& name,
                                 const model::Artefact& artefact);
  Result<Shadow> shadow_of_pairs(const std::string& id, const std::string& name,
                                 const model::Artefact& artefact);
  void used();
  Result<Vectors> run(std::span<const std::vector<std::int32_t>> rows, std::string_view caller);
  void watch(const std::string& name, const ServedClassifier& model,
             std::span<const std::string_view> texts,
             std::span<const model::TextPrediction> answers);
  /// Null where that version is not to be watched, as too many are.
  model::DriftWatch* watch_of(const std::string& name, const std::string& version,
                              const model::DriftReference& reference) ZHIYIN_REQUIRES(watch_mutex_);
  void keep_drift(const std::string& name, const std::string& version, model::DriftCounts counts)
      ZHIYIN_REQUIRES(watch_mutex_);
  std::shared_ptr<const ServedClassifier> kept(const std::string& name);
  Result<std::shared_ptr<const ServedClassifier>> load(const std::string& name,
                                                       const ServedClassifier* known);

  const Settings settings_;
  model::Registry& registry_;
  MetricsRegistry& metrics_;
  Logger& logger_;
  /// When something of this was last asked for; the clock's beginning: not since `let_go`.
  std::atomic<std::chrono::steady_clock::time_point> used_at_{};
  Mutex mutex_;
  std::optional<Result<std::unique_ptr<Opened>>> encoder_ ZHIYIN_GUARDED_BY(mutex_);
  std::optional<Result<text::Words>> words_ ZHIYIN_GUARDED_BY(mutex_);
  Mutex models_mutex_;
  std::map<std::string, Cached, std::less<>> classifiers_ ZHIYIN_GUARDED_BY(models_mutex_);
  std::map<std::string, std::shared_ptr<const ServedClassifier>, std::less<>> provided_
      ZHIYIN_GUARDED_BY(models_mutex_);
  std::map<std::string, Shadow, std::less<>> shadows_ ZHIYIN_GUARDED_BY(models_mutex_);
  Mutex watch_mutex_;
  std::map<std::string, Watch, std::less<>> watches_ ZHIYIN_GUARDED_BY(watch_mutex_);
  /// Of versions that no longer answer, and what was given back; by name and version.
  std::map<std::pair<std::string, std::string>, model::DriftCounts> left_drift_
      ZHIYIN_GUARDED_BY(watch_mutex_);
};

}  // namespace zhiyin::server
