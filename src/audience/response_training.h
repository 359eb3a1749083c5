#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "audience/people.h"
#include "base/mutex.h"
#include "model/registry.h"
#include "model/response_model.h"
#include "model/train_response.h"

/// Predicts from the features at one moment whether a person will do something soon after.
namespace zhiyin::audience {

/// What is to be predicted: any event of these kinds in (as_of, as_of + horizon].
struct ResponseTraining {
  std::vector<std::string> label_kinds = {"purchase"};
  Duration horizon = kDay * 7;
  /// The moment between features and label; what comes after as_of + horizon is not looked at.
  Instant as_of;
  model::ResponseSettings settings = {};
};

/// One row for each person who had done something by `as_of`: features (before), label (after), row
/// id = earliest identity in hex, which no merge changes. `progress` gets people done so far; false
/// cancels (kDeadline). At most `people_max`.
Result<model::FeatureTable> response_table(const People& people, const ResponseTraining& training,
                                           const std::function<bool(std::size_t)>& progress = {},
                                           std::size_t people_max = 2'000'000);

/// Builds the table, trains, stores the model. It becomes the active one of kind `response` when
/// the test part shows that it tells responders from others (95 % interval of the AUC above 0.5);
/// otherwise `warnings` in its metrics say why not, and an operator may activate it all the same.
/// kInvalidArgument when there are too few of either answer. `settings.progress` runs from 0 to 1
/// over both steps.
Result<model::ModelRecord> train_and_store_response(const People& people, model::Registry& registry,
                                                    const ResponseTraining& training, Instant now);

struct ResponseScore {
  double probability = 0;
  std::string model;                               ///< `response-3`
  std::vector<model::Contribution> contributions;  ///< largest first
};

/// Scores people with the active response model. Thread-safe.
class ResponseScorer {
 public:
  /// Must outlive the scorer.
  explicit ResponseScorer(model::Registry& registry) : registry_(registry) {}

  /// Nothing while there is no active model.
  [[nodiscard]] Result<std::optional<ResponseScore>> score(const PersonView& view,
                                                           Instant as_of) const;

 private:
  struct Loaded {
    std::string id;
    std::string checksum;
    model::ResponseModel model;
  };
  [[nodiscard]] Result<std::shared_ptr<const Loaded>> load() const;

  model::Registry& registry_;
  mutable Mutex mutex_;
  /// Shared with calls under way; immutable.
  mutable std::shared_ptr<const Loaded> loaded_ ZHIYIN_GUARDED_BY(mutex_);
};

/// One score, loading the model for it.
Result<std::optional<ResponseScore>> response_score(model::Registry& registry, const People& people,
                                                    const PersonId& person, Instant as_of);

}  // namespace zhiyin::audience
