#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include "base/error.h"
#include "recommend/interactions.h"

namespace zhiyin::recommend {

/// Somebody whose held-out items are looked for.
struct EvaluationCase {
  std::uint32_t user = 0;
  std::vector<std::uint32_t> wanted;  ///< held-out items, ascending, none of the history; not empty
};

/// What a protocol works on. Users and items are numbered in an order that does not depend on the
/// rows: whole numbers by their value, then other names, shorter ones first, then by bytes.
struct EvaluationData {
  Interactions train;
  /// Users' training items in the order of the file, oldest first; of a repeated one the last.
  std::vector<std::vector<std::uint32_t>> histories;
  std::vector<std::uint32_t> degrees;  ///< by item: users who have it in training
  std::vector<EvaluationCase> test;
  std::vector<EvaluationCase> validation;

  [[nodiscard]] std::size_t items() const { return train.items(); }
};

/// `loo`: one held-out item a user. `split`: any number; those that stand in the user's training
/// rows are left out. `validation` may be empty. Errors name the file, and the user where it is
/// one.
Result<EvaluationData> load_evaluation(std::string_view protocol,
                                       const std::filesystem::path& train,
                                       const std::filesystem::path& validation,
                                       const std::filesystem::path& test);

/// Of each name the number that it has in an evaluation.
std::vector<std::uint32_t> evaluation_numbers(const NameIndex& names);
/// Training alone, no cases. Within a user rows come oldest first; numbers lie below the sizes.
EvaluationData training_data(std::vector<Interaction> rows, std::size_t users, std::size_t items);

}  // namespace zhiyin::recommend
