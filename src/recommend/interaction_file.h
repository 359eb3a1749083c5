#pragma once

#include <filesystem>
#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/error.h"

namespace zhiyin::recommend {

/// A user and an item, by the names that the file has.
using NamedPair = std::pair<std::string, std::string>;

/// Who dealt with what, in the order of the file. Plain, .gz or .zst; cells are separated by a
/// comma, else a tab, else blanks (whatever the first line with one of them has), but not between
/// the quotes of a cell. Two forms:
/// - with a header: one pair a row, in the columns userID, user_id or user and itemID, item_id or
///   item (large or small letters; a type after a colon, `user_id:token`, is left off); other
///   columns are ignored;
/// - without: a user, then that user's items in order.
/// Blank lines are skipped; a quote that encloses no whole cell is like any other character. Errors
/// name the file and the line: a header with neither of these columns that is one for sure (uid,
/// iid, rating, timestamp), a name that is empty, NaN (a missing value: all of them would be one
/// user) or too long, a NUL or a carriage return within a line, what is no UTF-8, too many pairs;
/// more than a gigabyte of text names the file.
Result<std::vector<NamedPair>> read_interaction_file(const std::filesystem::path& path);
/// The same on text; `name` stands for the file in errors.
inline constexpr std::size_t kInteractionNameBytesMax = 1024;
inline constexpr std::size_t kInteractionsMax = 50'000'000;
Result<std::vector<NamedPair>> parse_interactions(std::string_view text, std::string_view name,
                                                  std::size_t pairs_max = kInteractionsMax);

/// One event of a file; its cells as they stand there.
struct TimedRow {
  std::string_view user;
  std::string_view item;
  std::string_view time;
};
/// The rows of a text with a header that has a column for each of the three, in its order. Errors,
/// also those of `take`, name the file and the line.
Result<void> for_each_timed_row(std::string_view text, std::string_view name,
                                const std::function<Result<void>(const TimedRow&)>& take);

}  // namespace zhiyin::recommend
