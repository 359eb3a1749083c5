#pragma once

#include <map>
#include <string>
#include <string_view>

#include "ingest/detail/text_arena.h"
#include "ingest/event_catalogue.h"
#include "ingest/event_view.h"

namespace zhiyin::ingest::detail {

/// The declared kinds, ready to judge events. Immutable, thread-safe.
class KindRules {
 public:
  explicit KindRules(std::vector<KindDefinition> kinds);
  [[nodiscard]] bool empty() const { return kinds_.empty(); }
  /// Declared, or one that Zhiyin gives a meaning or makes itself.
  [[nodiscard]] bool knows(std::string_view kind) const;
  /// kInvalidArgument naming property and expectation. Moves personal properties to where they are
  /// sealed; new texts lie in `arena`.
  Result<void> check(EventView& event, TextArena& arena) const;

 private:
  std::map<std::string, KindDefinition, std::less<>> kinds_;
};

}  // namespace zhiyin::ingest::detail
