#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "model/generate/evidence_check.h"

namespace zhiyin::model {

/// What an answer that is shown while it is written must keep to.
struct StreamGuardRules {
  std::vector<std::string> evidence;  ///< what it may state numbers, dates, prices and names from
  std::vector<std::string> names;     ///< that count as statements wherever they occur
  std::string secret;                 ///< instructions that it must not repeat; empty: none
  std::vector<std::string> allowed;   ///< texts whose words it may repeat all the same
};

/// Lets the sentences of an answer pass one after another, each as soon as it is whole, and holds
/// back those that state what no evidence gives; what has been shown is never taken back. At a
/// repeated instruction (find_leak) everything from that sentence on is held back. So a reader is
/// one sentence behind the model. Not thread-safe.
class StreamGuard {
 public:
  explicit StreamGuard(StreamGuardRules rules) : rules_(std::move(rules)) {}

  /// Takes the next piece and returns what may be shown now; often nothing.
  std::string feed(std::string_view piece);
  /// No more comes: the last sentence, if it may be shown.
  std::string finish();

  [[nodiscard]] const std::vector<RemovedSentence>& removed() const { return removed_; }
  /// Nothing more is shown, whatever comes.
  [[nodiscard]] bool is_shut() const { return shut_; }

 private:
  std::string judge(std::string_view sentence);

  const StreamGuardRules rules_;
  std::string held_;    ///< the sentence that is not whole yet
  std::string before_;  ///< the end of what came before it, in which an instruction may begin
  std::vector<RemovedSentence> removed_;
  bool may_be_whole_ = false;  ///< what ends a sentence is in `held_`
  bool shut_ = false;
};

}  // namespace zhiyin::model
