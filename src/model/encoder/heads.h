#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "base/error.h"

/// What is read off an encoder's vectors. Heads are plain values made by training elsewhere; each
/// function is pure and thread-safe. Requires vectors of the head's width (our own mistake
/// otherwise); what comes from a file goes through `check_head` first.
namespace zhiyin::model {

/// A matrix and a bias per row: scores = weights x + bias.
struct Head {
  std::size_t width = 0;
  std::vector<float> weights;  ///< [rows][width]
  std::vector<float> bias;     ///< [rows]
  [[nodiscard]] std::size_t rows() const { return bias.size(); }
};

/// Fails with kInvalidArgument unless the sizes fit and all numbers are finite.
Result<void> check_head(const Head& head);

std::vector<float> scores(const Head& head, std::span<const float> vector);

/// One label of several: softmax of the scores.
std::vector<float> single_label(const Head& head, std::span<const float> vector);
/// Any number of labels: a sigmoid of each score.
std::vector<float> multi_label(const Head& head, std::span<const float> vector);
/// Numbers: the scores themselves.
std::vector<float> regression(const Head& head, std::span<const float> vector);

/// Grades in an order: one score against ascending thresholds, P(grade > k) = sigmoid(score -
/// thresholds[k]) (the proportional-odds model).
struct OrdinalHead {
  std::vector<float> weights;     ///< [width]
  std::vector<float> thresholds;  ///< ascending; one fewer than grades
};
Result<void> check_head(const OrdinalHead& head);
/// The probability of each grade; they add up to 1.
std::vector<float> ordinal(const OrdinalHead& head, std::span<const float> vector);

/// A tag for every token: the best path of the scores and of what following tags are worth
/// (Viterbi). Without transitions each token has its best tag.
struct TagHead {
  Head head;
  std::vector<float> transitions;  ///< [from][to] of rows x rows, or empty; -infinity forbids
};
Result<void> check_head(const TagHead& head);
/// `tokens` holds `count` vectors one after the other. Ties go to the lower tag.
std::vector<std::size_t> token_tags(const TagHead& head, std::span<const float> tokens);

/// How alike two texts are, from 0 to 1: a sigmoid over what their vectors u and v differ in and
/// have in common: |u - v|, u * v and their cosine.
struct PairHead {
  std::size_t width = 0;
  std::vector<float> difference;  ///< [width]
  std::vector<float> product;     ///< [width]
  float cosine = 1;
  float bias = 0;
};
Result<void> check_head(const PairHead& head);
float pair_score(const PairHead& head, std::span<const float> u, std::span<const float> v);

/// Of any two vectors of the same length; 0 where one is all zeros.
float cosine(std::span<const float> u, std::span<const float> v);

}  // namespace zhiyin::model
