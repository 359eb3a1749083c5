#pragma once

#include <optional>
#include <span>
#include <string>

#include "base/time.h"
#include "storage/offset_base.h"
#include "storage/state.h"

/// What a state says about moves of its installation from or to other stores.
namespace zhiyin::storage {

enum class MoveRole {
  kFilling,  ///< an installation is being copied into it
  kReady,    ///< complete and verified; the old one does not say yet that it has ended
  kMoved,    ///< the installation lives elsewhere now
};

struct MoveMark {
  MoveRole role = MoveRole::kFilling;
  std::string other;  ///< identity of the other state
  std::string text;   ///< for people: where it is
  Instant at;
};

std::span<const Migration> move_migrations();

/// Nothing for a state that is in use.
Result<std::optional<MoveMark>> move_mark(State& state);
/// Within a transaction; nothing: removes it.
Result<void> set_move_mark(Session& session, const std::optional<MoveMark>& mark);

/// kUnsupported, saying what to do, when the state has a mark.
Result<void> check_in_use(State& state);

Result<OffsetBases> offset_bases(State& state);
Result<void> set_offset_bases(Session& session, const OffsetBases& bases);

}  // namespace zhiyin::storage
