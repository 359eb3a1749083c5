#include "text/detail/viterbi.h"

namespace zhiyin::text::detail {

using M = CharacterModel;

// Only half of the steps are possible (Dictionary::open checks it): a word's end or a single is
// followed by a beginning or a single, the rest by a middle or an end. The others never win, as
// kNever added to anything is no more than the kNever that each state starts from. The sums are
// made in cppjieba's order, so that ties and rounding fall as they do there.
M::ByState Viterbi::step(const ByState& before, const ByState& emission, std::uint8_t* from) const {
  ByState out;
  const auto best_of = [&](std::size_t first, std::size_t second, std::size_t to) {
    double best = M::kNever;
    std::uint8_t state = M::kEnd;
    const double by_first = before[first] + model_.step[first][to] + emission[to];
    const double by_second = before[second] + model_.step[second][to] + emission[to];
    if (by_first > best) {
      best = by_first;
      state = static_cast<std::uint8_t>(first);
    }
    if (by_second > best) {
      best = by_second;
      state = static_cast<std::uint8_t>(second);
    }
    out[to] = best;
    from[to] = state;
  };
  best_of(M::kEnd, M::kSingle, M::kBegin);
  best_of(M::kBegin, M::kMiddle, M::kEnd);
  best_of(M::kBegin, M::kMiddle, M::kMiddle);
  best_of(M::kEnd, M::kSingle, M::kSingle);
  return out;
}

std::span<const std::uint8_t> Viterbi::run(std::span<const std::uint16_t> codes) {
  if (states_.size() < codes.size()) {
    from_.resize(codes.size() * M::kStates);
    states_.resize(codes.size());
  }
  ByState weight;
  for (std::size_t y = 0; y < M::kStates; ++y) {
    weight[y] = model_.start[y] + model_.emission[codes[0]][y];
  }
  for (std::size_t x = 1; x < codes.size(); ++x) {
    weight = step(weight, model_.emission[codes[x]], &from_[x * M::kStates]);
  }
  std::uint8_t state = weight[M::kEnd] >= weight[M::kSingle] ? M::kEnd : M::kSingle;
  for (std::size_t x = codes.size(); x-- > 0;) {
    states_[x] = state;
    state = from_[x * M::kStates + state];
  }
  return std::span(states_).first(codes.size());
}

}  // namespace zhiyin::text::detail
