#pragma once

#include <algorithm>

#include "audience/segment.h"

namespace zhiyin::audience {

/// One node as JSON, children included.
Json node_json(const SegmentNode& node);

template <class T>
bool compare_values(const T& left, CompareOp op, const T& right) {
  switch (op) {
    case CompareOp::kEqual:
    case CompareOp::kIn:
      return left == right;
    case CompareOp::kNotEqual:
      return left != right;
    case CompareOp::kLess:
      return left < right;
    case CompareOp::kLessEqual:
      return left <= right;
    case CompareOp::kGreater:
      return left > right;
    case CompareOp::kGreaterEqual:
      return left >= right;
  }
  return false;
}

inline bool all_hold(const std::vector<IntCompare>& list, std::int64_t value) {
  return std::ranges::all_of(
      list, [&](const IntCompare& c) { return compare_values(value, c.op, c.operand); });
}

}  // namespace zhiyin::audience
