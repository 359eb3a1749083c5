#pragma once

#include <filesystem>
#include <optional>
#include <string>

#include "base/error.h"
#include "base/time.h"

namespace zhiyin::server {

/// The folder of a training's checkpoints, `data/training/NAME`, held by one training at a time,
/// over all processes: the same one that was cut off less than a day ago, or a new one. Movable;
/// lets the folder go at the end.
class TrainingNotes {
 public:
  /// `name` stands for the settings. None where another training holds the folder. What was left
  /// there longer than a day ago is removed, and what is in the others'.
  static std::optional<TrainingNotes> open(const std::filesystem::path& trainings,
                                           std::string_view name, Instant now);
  TrainingNotes(TrainingNotes&& other) noexcept;
  TrainingNotes& operator=(TrainingNotes&&) = delete;
  ~TrainingNotes();

  [[nodiscard]] const std::filesystem::path& folder() const { return folder_; }
  /// Up to when the training looks at what happened: as it was when it first began.
  [[nodiscard]] Instant as_of() const { return as_of_; }
  /// The training is over.
  void remove();

 private:
  TrainingNotes(std::filesystem::path folder, int lock, Instant as_of)
      : folder_(std::move(folder)), lock_(lock), as_of_(as_of) {}

  std::filesystem::path folder_;
  int lock_ = -1;
  Instant as_of_;
};

}  // namespace zhiyin::server
