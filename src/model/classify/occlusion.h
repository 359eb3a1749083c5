#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace zhiyin::model {

/// Bytes of a text.
using TextSpan = std::pair<std::uint32_t, std::uint32_t>;
/// Places of an n-gram that an explanation as JSON names, the first ones: its `count` says how many
/// there are. A text of one character has as many as it has characters.
inline constexpr std::size_t kTermSpansShown = 20;

/// How much each piece of a text adds to a number that only the whole text has, such as the
/// encoder's part of a decision: the pieces are taken away one after another, once from the left
/// and once from the right, and each is given the mean of what the number fell by when its turn
/// came. That is Shapley's value over two orders out of all (Castro et al. 2009), so the parts add
/// up exactly to the number of the whole less that of an empty text.
struct Occlusion {
  std::vector<TextSpan> pieces;       ///< cover the text, ascending
  std::vector<std::string> variants;  ///< texts whose numbers are needed, 2 × pieces: the whole
                                      ///< first, an empty one last
};
inline constexpr std::size_t kOcclusionPiecesMax = 24;

/// `words`: where pieces may begin and end (spans that do not overlap, ascending; what lies between
/// belongs to the piece before it). Neighbours are joined where there would be more than
/// `pieces_max`. An empty text has no pieces and one variant, itself. Pure.
Occlusion plan_occlusion(std::string_view text, std::span<const TextSpan> words,
                         std::size_t pieces_max = kOcclusionPiecesMax);

/// What each piece adds; `values` are the numbers of the variants.
std::vector<double> occlusion_parts(const Occlusion& plan, std::span<const double> values);

/// A stretch of a text that speaks for an answer.
struct EvidenceStretch {
  TextSpan span;
  double weight = 0;  ///< what its characters add together
};
/// A span and what it adds; spans may overlap.
struct WeightedSpan {
  TextSpan span;
  double weight = 0;
};
/// The stretches whose characters together add most (each span's weight is shared out evenly over
/// its bytes; the stretch of largest sum, then the largest of what is left), at most `most`, each
/// with at least a quarter of the first one's weight. They begin and end where spans do. Pure.
std::vector<EvidenceStretch> evidence_stretches(std::size_t text_bytes,
                                                std::span<const WeightedSpan> weights,
                                                std::size_t most = 3);

}  // namespace zhiyin::model
