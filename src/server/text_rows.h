#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace zhiyin::server {

/// A row of a file of texts.
struct TextRow {
  std::int64_t number = 0;  ///< line, or row of data of a table, from 1
  std::string text;
  std::string id;     ///< empty where none is asked for
  std::string fault;  ///< why it is no text; empty: it is one
};

/// Reads a file of texts row by row. Not thread-safe.
class TextRows {
 public:
  /// By the ending of `name`: a table with the texts in `column` (and ids in `id_column`, unless it
  /// is empty), or one text a line. kInvalidArgument naming `column`, `id` or `name`.
  static Result<std::unique_ptr<TextRows>> open(const std::filesystem::path& path,
                                                std::string_view name, std::string_view column,
                                                std::string_view id_column);
  virtual ~TextRows() = default;
  /// Up to `most` further rows; none at the end. kDataLoss where the file is cut short or damaged.
  virtual Result<std::vector<TextRow>> next(std::size_t most) = 0;
  /// How much of the file has been read, 0 to 1.
  [[nodiscard]] virtual double share() const = 0;
};

}  // namespace zhiyin::server
