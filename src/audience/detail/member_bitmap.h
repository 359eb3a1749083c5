#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "base/error.h"
#include "storage/state.h"

/// Who is in a live segment: bits over people's numbers, in blocks (table `live_member`).
namespace zhiyin::audience::detail {

/// People of one block: its bytes fit into one page of the database.
inline constexpr std::int64_t kBlockPeople = 30'000;

/// Changes of membership, gathered so that each block is read and written once. The last of several
/// about the same person and segment counts.
class MemberFlips {
 public:
  /// `person` from 1.
  void add(std::int64_t segment, std::int64_t person, bool in);
  /// Writes the blocks and the numbers of members; nothing is left to be written then.
  Result<void> write(storage::Session& session);

 private:
  struct Flip {
    std::int64_t bit = 0;
    bool in = false;
  };
  std::map<std::pair<std::int64_t, std::int64_t>, std::vector<Flip>> by_block_;
};

/// Numbers of at most `limit` members above `after`, ascending.
Result<std::vector<std::int64_t>> members_after(storage::Session& session, std::int64_t segment,
                                                std::int64_t after, std::size_t limit);

}  // namespace zhiyin::audience::detail
