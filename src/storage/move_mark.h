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
  kMoving,   ///< one process is about to hand it over to other stores: nobody else may work on it
};

struct MoveMark {
  MoveRole role = MoveRole::kFilling;
  std::string other;  ///< identity of the other state
  std::string text;   ///< for people: where it is
  Instant at;
  std::string owner = {};  ///< kMoving, kMoved: the process that moves it
};

std::span<const Migration> move_migrations();

/// Nothing for a state that is in use.
Result<std::optional<MoveMark>> move_mark(State& state);
Result<std::optional<MoveMark>> move_mark(Session& session);
/// Within a transaction; nothing: removes it.
Result<void> set_move_mark(Session& session, const std::optional<MoveMark>& mark);

/// What `mark` has to say to `process`, which wants to work on the state: kUnavailable while
/// another one moves the installation, kUnsupported, saying what to do, when it is not to be used
/// here.
Result<void> check_mark(const std::optional<MoveMark>& mark, std::string_view process);

/// kUnsupported when the state has a mark other than kMoving: whether the process that moves it
/// still lives is for those to judge who know the processes (`Membership`, a lock on a folder).
Result<void> check_in_use(State& state);
/// Removes the mark of a move that `owner` began and did not finish.
Result<void> give_up_move(State& state, std::string_view owner);

Result<OffsetBases> offset_bases(State& state);
Result<void> set_offset_bases(Session& session, const OffsetBases& bases);

}  // namespace zhiyin::storage
