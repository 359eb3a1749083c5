#include "audience/detail/member_bitmap.h"

#include <algorithm>

namespace zhiyin::audience::detail {
namespace {

using storage::Blob;
using storage::Rows;
using storage::Session;

bool is_set(std::string_view bits, std::int64_t bit) {
  const auto byte = static_cast<std::size_t>(bit / 8);
  return byte < bits.size() && ((static_cast<unsigned char>(bits[byte]) >> (bit % 8)) & 1U) != 0;
}

void flip(std::string& bits, std::int64_t bit) {
  const auto byte = static_cast<std::size_t>(bit / 8);
  if (byte >= bits.size()) bits.resize(byte + 1, '\0');
  bits[byte] = static_cast<char>(static_cast<unsigned char>(bits[byte]) ^ (1U << (bit % 8)));
}

}  // namespace

void MemberFlips::add(std::int64_t segment, std::int64_t person, bool in) {
  by_block_[{segment, (person - 1) / kBlockPeople}].push_back({(person - 1) % kBlockPeople, in});
}

Result<void> MemberFlips::write(Session& session) {
  std::map<std::int64_t, std::int64_t> more;
  for (const auto& [key, flips] : by_block_) {
    const auto& [segment, block] = key;
    ZHIYIN_TRY(const Rows rows,
               session.query("SELECT bits FROM live_member WHERE number = ?1 AND block = ?2",
                             {segment, block}));
    Blob bits;
    if (!rows.rows.empty()) bits.bytes = storage::as_text(rows.rows[0][0]);
    std::int64_t delta = 0;
    bool changed = false;
    for (const Flip& f : flips) {
      if (is_set(bits.bytes, f.bit) == f.in) continue;
      flip(bits.bytes, f.bit);
      delta += f.in ? 1 : -1;
      changed = true;
    }
    if (!changed) continue;
    more[segment] += delta;
    ZHIYIN_TRY_VOID(
        session.execute("INSERT INTO live_member(number, block, bits) VALUES(?1, ?2, ?3)"
                        " ON CONFLICT(number, block) DO UPDATE SET bits = excluded.bits",
                        {segment, block, std::move(bits)}));
  }
  by_block_.clear();
  for (const auto& [segment, delta] : more) {
    if (delta == 0) continue;
    ZHIYIN_TRY_VOID(session.execute(
        "UPDATE live_segment SET members = members + ?2 WHERE number = ?1", {segment, delta}));
  }
  return {};
}

Result<std::vector<std::int64_t>> members_after(Session& session, std::int64_t segment,
                                                std::int64_t after, std::size_t limit) {
  std::vector<std::int64_t> members;
  for (std::int64_t block = after / kBlockPeople; members.size() < limit;) {
    ZHIYIN_TRY(const Rows rows,
               session.query("SELECT block, bits FROM live_member WHERE number = ?1 AND block >= ?2"
                             " ORDER BY block LIMIT 1",
                             {segment, block}));
    if (rows.rows.empty()) break;
    block = storage::as_int(rows.rows[0][0]);
    const std::string_view bits = storage::as_text(rows.rows[0][1]);
    const auto people = static_cast<std::int64_t>(bits.size()) * 8;
    for (std::int64_t bit = std::max<std::int64_t>(0, after - block * kBlockPeople);
         bit < people && members.size() < limit; ++bit) {
      if (is_set(bits, bit)) members.push_back(block * kBlockPeople + bit + 1);
    }
    ++block;
  }
  return members;
}

}  // namespace zhiyin::audience::detail
