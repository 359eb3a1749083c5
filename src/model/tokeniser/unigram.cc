#include "model/tokeniser/unigram.h"

#include <algorithm>
#include <cmath>

namespace zhiyin::model {
namespace {

constexpr double kUnknownPenalty = 10;

std::size_t character_bytes(char lead) {
  const auto c = static_cast<unsigned char>(lead);
  if (c < 0xC0) return 1;
  return c < 0xE0 ? 2 : c < 0xF0 ? 3 : 4;
}

}  // namespace

Result<Unigram> Unigram::create(const UnigramPieces& p) {
  Unigram out;
  if (p.unknown < 0 || static_cast<std::size_t>(p.unknown) >= p.pieces.size())
    return fail(ErrorCode::kInvalidArgument, "tokeniser: the unknown piece {} is not among {}",
                p.unknown, p.pieces.size());
  std::vector<PieceTrie::Entry> entries;
  double lowest = p.pieces[0].score;
  std::vector<std::int32_t> bytes(256, -1);
  for (std::size_t id = 0; id < p.pieces.size(); ++id) {
    const UnigramPieces::Piece& piece = p.pieces[id];
    if (!std::isfinite(piece.score))
      return fail(ErrorCode::kInvalidArgument, "tokeniser: the score of piece {} is not finite",
                  id);
    lowest = std::min(lowest, piece.score);
    out.scores_.push_back(piece.score);
    const auto number = static_cast<std::int32_t>(id);
    if (piece.searched && !piece.text.empty()) entries.push_back({piece.text, number});
    if (p.byte_fallback && piece.text.size() == 6 && piece.text.starts_with("<0x")) {
      for (int b = 0; b < 256; ++b) {
        if (piece.text == fmt::format("<0x{:02X}>", b)) bytes[static_cast<std::size_t>(b)] = number;
      }
    }
  }
  if (p.byte_fallback) out.bytes_ = std::move(bytes);
  out.trie_ = PieceTrie(std::move(entries));
  out.unknown_ = p.unknown;
  out.unknown_score_ = p.score_min.value_or(lowest) - kUnknownPenalty;
  out.fuse_unknown_ = p.fuse_unknown;
  return out;
}

void Unigram::append_unknown(std::string_view text, CutPiece piece,
                             std::vector<CutPiece>& out) const {
  const std::string_view covered = text.substr(piece.begin, piece.end - piece.begin);
  const bool as_bytes = !bytes_.empty() && std::ranges::all_of(covered, [&](char c) {
    return bytes_[static_cast<unsigned char>(c)] >= 0;
  });
  if (!as_bytes) {
    out.push_back(piece);
    return;
  }
  for (const char c : covered)
    out.push_back({bytes_[static_cast<unsigned char>(c)], piece.begin, piece.end});
}

void Unigram::cut(std::string_view text, Scratch& scratch, std::vector<CutPiece>& out) const {
  auto& best = scratch.best;
  best.assign(text.size() + 1, {});
  best[0].id = 0;
  for (std::size_t at = 0; at < text.size();) {
    const double so_far = best[at].score;
    const std::size_t bytes = std::min(character_bytes(text[at]), text.size() - at);
    const auto begin = static_cast<std::uint32_t>(at);
    bool single = false;
    const auto offer = [&](std::size_t end, double score, std::int32_t id) {
      Scratch::Best& target = best[end];
      if (target.id >= 0 && score <= target.score) return;
      target = {score, begin, id};
    };
    trie_.for_each_prefix(text.substr(at), [&](std::size_t length, std::int32_t id) {
      offer(at + length, so_far + scores_[static_cast<std::size_t>(id)], id);
      single = single || length == bytes;
    });
    if (!single) offer(at + bytes, so_far + unknown_score_, unknown_);
    at += bytes;
  }
  const std::size_t first = out.size();
  for (auto end = static_cast<std::uint32_t>(text.size()); end > 0; end = best[end].begin) {
    const Scratch::Best& node = best[end];
    if (fuse_unknown_ && node.id == unknown_ && out.size() > first && out.back().id == unknown_) {
      out.back().begin = node.begin;
    } else {
      out.push_back({node.id, node.begin, end});
    }
  }
  std::reverse(out.begin() + static_cast<std::ptrdiff_t>(first), out.end());
  if (bytes_.empty()) return;
  const std::vector<CutPiece> cut(out.begin() + static_cast<std::ptrdiff_t>(first), out.end());
  out.resize(first);
  for (const CutPiece& piece : cut) {
    if (piece.id == unknown_) {
      append_unknown(text, piece, out);
    } else {
      out.push_back(piece);
    }
  }
}

}  // namespace zhiyin::model
