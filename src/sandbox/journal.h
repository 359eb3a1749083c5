#pragma once

#include <filesystem>
#include <optional>
#include <vector>

#include "base/json.h"
#include "base/time.h"
#include "sandbox/account_state.h"

/// What a restarted platform still knows: mass jobs with their ids, template messages with theirs,
/// windows, permissions, who follows, and whom every message reached. One JSON object a line.
namespace zhiyin::sandbox {

/// A file of such lines, written before a call is answered: what was answered survives the death of
/// the process, though not that of the machine. Not thread-safe.
class Journal {
 public:
  /// Opens the file, or makes it. kUnavailable when that cannot be done, kDataLoss with the line
  /// that is none of ours; a last line that breaks off is left out.
  static Result<Journal> open(const std::filesystem::path& file);
  ~Journal();
  Journal(Journal&& other) noexcept;
  Journal& operator=(Journal&&) = delete;

  /// Lets an account know again what stands in the file about it, and keep what changes.
  void restore(AccountState& account) const;
  /// The latest moment in the file; nothing in a new one.
  [[nodiscard]] std::optional<Instant> last_moment() const { return last_moment_; }
  /// Writes what has changed. kUnavailable when the file does not take it.
  Result<void> write(AccountState& account, Instant now);

 private:
  Journal(int file, std::vector<Json> lines, std::optional<Instant> last_moment)
      : file_(file), lines_(std::move(lines)), last_moment_(last_moment) {}

  int file_ = -1;
  std::vector<Json> lines_;  ///< as they were found
  std::optional<Instant> last_moment_;
};

}  // namespace zhiyin::sandbox
