#pragma once

#include "base/error.h"
#include "model/generate/grammar.h"
#include "model/generate/json_schema.h"

namespace zhiyin::model {

/// Where a schema sets no end, a grammar does, so that every answer comes to one.
struct GrammarLimits {
  std::size_t string_characters = 400;
  std::size_t array_elements = 32;
  std::size_t any_depth = 4;  ///< of a value of which the schema says nothing
};

/// A grammar of which every text is JSON that keeps to `schema`: members in the schema's order,
/// optional ones may be left out, no others; a space at most after `:` and `,`; no \u escapes (so
/// no lone surrogates); whole numbers of at most 15 digits, fractions of at most 6. kUnsupported: a
/// length above kGrammarLengthMax, or a range of numbers without a whole one inside.
Result<Grammar> grammar_of(const JsonSchema& schema, const GrammarLimits& limits = {});

inline constexpr std::size_t kGrammarLengthMax = 1000;

}  // namespace zhiyin::model
