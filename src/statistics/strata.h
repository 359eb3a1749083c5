#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "statistics/compare.h"

/// Comparisons that know about groups of users. Pure, thread-safe.
namespace zhiyin::statistics {

/// One stratum (a city, a level of earlier activity), with both arms.
struct Stratum {
  std::string name;
  Moments control;
  Moments treatment;
};
/// Post-stratification: both arms are weighted to the strata's shares of all users, so that chance
/// differences of their mix drop out. The variance adds what the shares themselves vary
/// (multinomial); relative effects by the delta method. kEmptyStratum when one has fewer than two
/// users in an arm; kNoVariance when nothing varies.
Answer<Evidence> post_stratified(std::span<const Stratum> strata, EffectKind kind);

/// One randomised cluster (a shop, a class): its members and the sum of their values.
struct Cluster {
  double members = 0;
  double sum = 0;
};
/// The mean per member of an arm whose clusters were randomised: the ratio of two sums over
/// clusters, with the delta method's variance. `n` is the number of clusters. kZeroDenominator
/// without members.
Answer<Moments> cluster_moments(std::span<const Cluster> clusters);

/// Share of the variance that lies between clusters (one-way analysis of variance; may be slightly
/// negative), and how many times more members cluster randomisation needs: 1 + (m - 1) icc, with m
/// the size that counts (Σ m² / Σ m).
struct ClusterEffect {
  double icc = 0;
  double design_effect = 1;
  double size = 1;
};
/// `values[i]` belongs to `cluster[i]`. kTooFewUsers with fewer than two clusters or no cluster of
/// two; kNoVariance when all values are the same.
Answer<ClusterEffect> cluster_effect(std::span<const double> values,
                                     std::span<const std::uint32_t> cluster);

}  // namespace zhiyin::statistics
