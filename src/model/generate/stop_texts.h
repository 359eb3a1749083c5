#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace zhiyin::model {

/// Ends a text before the first of some stop texts, also when one comes in pieces: what may be the
/// beginning of one is held back until it is clear. Not thread-safe.
class StopTexts {
 public:
  explicit StopTexts(std::vector<std::string> texts) : texts_(std::move(texts)) {}
  /// What may be shown now. After a stop text occurred: nothing more.
  std::string feed(std::string_view piece);
  /// What was held back, at the end of the text.
  std::string finish();
  [[nodiscard]] bool stopped() const { return stopped_; }

 private:
  [[nodiscard]] std::size_t held_from() const;

  std::vector<std::string> texts_;
  std::string held_;
  bool stopped_ = false;
};

}  // namespace zhiyin::model
