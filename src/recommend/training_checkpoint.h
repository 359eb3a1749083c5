#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/error.h"
#include "recommend/co_occurrence.h"
#include "recommend/ials.h"
#include "recommend/interactions.h"
#include "recommend/item_neighbours.h"

namespace zhiyin::recommend {

/// How far a training is, in files beside each other (docs/formats/training-checkpoint.md): one for
/// each stage, replaced in one step, with a checksum. The next training of the same settings and
/// data goes on from there, to the same bytes; what is damaged or of another training is passed
/// over. One training at a time. Not thread-safe.
class TrainingCheckpoint {
 public:
  /// `due` says whether it is time to note a stage that is not finished; empty: always.
  TrainingCheckpoint(std::filesystem::path folder, std::string name, std::function<bool()> due = {})
      : folder_(std::move(folder)), name_(std::move(name)), due_(std::move(due)) {}

  /// The training that follows: settings and data as a text that is the same for the same ones.
  void begin(std::string fingerprint) { fingerprint_ = std::move(fingerprint); }

  /// Histories counted so far, in their order, and their counts.
  struct Counts {
    std::size_t histories = 0;
    CoOccurrence counts;
  };
  [[nodiscard]] std::optional<Counts> counts(std::size_t items);
  void note_counts(std::size_t histories, const CoOccurrence& counts);
  /// Of the item-item model, when it is finished. Counts are needed no longer then.
  [[nodiscard]] std::optional<ItemNeighbours> weights();
  void note_weights(const ItemNeighbours& weights);
  [[nodiscard]] std::optional<IalsSweeps> sweeps(std::size_t people, std::size_t items,
                                                 std::size_t width);
  void note_sweeps(const IalsSweeps& sweeps, bool finished);

  /// Why the last stage could not be noted: the training goes on without.
  [[nodiscard]] const std::optional<Error>& trouble() const { return trouble_; }
  /// True when something of an earlier training was taken up.
  [[nodiscard]] bool resumed() const { return resumed_; }
  /// The training is over: its files go.
  void remove();

 private:
  [[nodiscard]] std::filesystem::path path(std::string_view stage) const;
  [[nodiscard]] bool is_due() const { return !due_ || due_(); }
  [[nodiscard]] std::optional<std::string> read(std::string_view stage, std::uint64_t& done) const;
  void write(std::string_view stage, std::uint64_t done, std::string payload);

  std::filesystem::path folder_;
  std::string name_;
  std::function<bool()> due_;
  std::string fingerprint_;
  bool resumed_ = false;
  std::optional<Error> trouble_;
};

/// The same for the same cells in the same order: 32 hexadecimal digits.
std::string fingerprint_of(const Interactions& matrix);

}  // namespace zhiyin::recommend
