#pragma once

#include <span>
#include <string_view>

namespace zhiyin::model {

/// What an attribute is about; decides how it is said.
enum class FactKind {
  kType,
  kShape,
  kColour,
  kMaterial,
  kPattern,
  kStyle,
  kFit,
  kCollar,
  kSleeve,
  kLength,
  kWaist,
  kHem,
  kClosure,
  kDetail,
  kPrice,
  kMeasure,
  kOrigin,
  kOccasion,
  kTime,
  kOther,
};

/// By the attribute's name (`裙领型`, `面料`, `到手价`); kOther for names nobody knows.
FactKind fact_kind(std::string_view name);

/// Clauses that state one value: `{v}` stands for it, `{k}` for the attribute's name. Nothing else
/// in them says anything about a product: no fabric, colour, cut or promise.
std::span<const std::string_view> clauses(FactKind kind);

/// Sentences, without their full stop, that muse on such attributes in general and claim nothing of
/// the product at hand.
std::span<const std::string_view> musings(FactKind kind);

/// Begins a text about `{v}`, its type. Without a comma or full stop at the end.
std::span<const std::string_view> openings();
/// Short remarks that follow a clause and claim nothing.
std::span<const std::string_view> remarks();
/// Whole sentences without their full stop that claim nothing, for texts that are to be longer.
std::span<const std::string_view> closings();

}  // namespace zhiyin::model
