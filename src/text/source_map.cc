#include "text/source_map.h"

#include <algorithm>

namespace zhiyin::text {

void SourceMap::copied(std::uint32_t at, std::uint32_t source, std::uint32_t bytes) {
  if (bytes == 0) return;
  if (!pieces_.empty()) {
    Piece& last = pieces_.back();
    if (last.whole == 0 && last.source + last.bytes == source && last.at + last.bytes == at) {
      last.bytes = (last.bytes + bytes) & 0x7fffffff;
      return;
    }
  }
  pieces_.push_back({at, source, bytes & 0x7fffffff, 0});
}

void SourceMap::replaced(std::uint32_t at, ByteRange source) {
  pieces_.push_back({at, source.begin, (source.end - source.begin) & 0x7fffffff, 1});
}

void SourceMap::truncate(std::uint32_t size) {
  while (!pieces_.empty() && pieces_.back().at >= size) pieces_.pop_back();
  if (pieces_.empty() || pieces_.back().whole != 0) return;
  Piece& last = pieces_.back();
  last.bytes = std::min<std::uint32_t>(last.bytes, size - last.at) & 0x7fffffff;
}

void SourceMap::clear() { pieces_.clear(); }

const SourceMap::Piece& SourceMap::piece_at(std::uint32_t at) const {
  const auto after = std::upper_bound(pieces_.begin(), pieces_.end(), at,
                                      [](std::uint32_t a, const Piece& p) { return a < p.at; });
  return *(after - 1);
}

ByteRange SourceMap::source(std::uint32_t begin, std::uint32_t end) const {
  if (pieces_.empty()) return {};
  const Piece& first = piece_at(begin);
  const std::uint32_t from =
      first.source +
      (first.whole != 0 ? 0 : std::min<std::uint32_t>(begin - first.at, first.bytes));
  if (begin == end) return {from, from};
  const Piece& last = piece_at(end - 1);
  const std::uint32_t into = last.whole != 0 ? last.bytes : end - last.at;
  return {from, last.source + std::min<std::uint32_t>(into, last.bytes)};
}

}  // namespace zhiyin::text
