#include "recommend/training_checkpoint.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "base/crypto.h"
#include "base/file.h"
#include "base/json_binding.h"
#include "model/artefact.h"

namespace zhiyin::recommend {

/// The header of a stage.
struct StageHeader {
  std::string training;  ///< fingerprint
  std::uint64_t done = 0;
};

}  // namespace zhiyin::recommend

template <>
struct zhiyin::Fields<zhiyin::recommend::StageHeader> {
  using H = recommend::StageHeader;
  static constexpr std::string_view name = "StageHeader";
  static constexpr auto list = field_list(field("training", &H::training, "").length(1, 1 << 16),
                                          field("done", &H::done, ""));
};

namespace zhiyin::recommend {
namespace {

constexpr std::string_view kKind = "training_checkpoint";
/// Larger stages are not noted: they would take as long to write as to compute.
constexpr std::size_t kStageBytesMax = std::size_t{2} << 30;

template <class T>
void put(std::string& out, std::span<const T> values) {
  if (!values.empty())
    out.append(reinterpret_cast<const char*>(values.data()), values.size_bytes());
}

template <class Vector>
bool take(std::string_view& payload, std::size_t count, Vector& out) {
  using T = typename Vector::value_type;
  if (payload.size() / sizeof(T) < count) return false;
  out.resize(count);
  if (count > 0) std::memcpy(out.data(), payload.data(), count * sizeof(T));
  payload.remove_prefix(count * sizeof(T));
  return true;
}

bool are_finite(std::span<const float> values) {
  return std::ranges::all_of(values, [](float x) { return std::isfinite(x); });
}

}  // namespace

std::filesystem::path TrainingCheckpoint::path(std::string_view stage) const {
  return folder_ / fmt::format("{}.{}", name_, stage);
}

std::optional<std::string> TrainingCheckpoint::read(std::string_view stage,
                                                    std::uint64_t& done) const {
  auto bytes = read_file(path(stage), kStageBytesMax + (1 << 20));
  if (!bytes) return std::nullopt;
  auto artefact = model::decode_artefact(*bytes);
  if (!artefact || artefact->kind != kKind) return std::nullopt;
  const auto header = from_json<StageHeader>(artefact->header);
  if (!header || header->training != fingerprint_) return std::nullopt;
  done = header->done;
  return std::move(artefact->payload);
}

void TrainingCheckpoint::write(std::string_view stage, std::uint64_t done, std::string payload) {
  if (payload.size() > kStageBytesMax) return;
  std::error_code ignored;
  std::filesystem::create_directories(folder_, ignored);
  const std::string bytes = model::encode_artefact(
      {std::string(kKind), to_json(StageHeader{fingerprint_, done}), std::move(payload)});
  auto written = write_file(path(stage), bytes, 0600);
  if (!written) trouble_ = std::move(written.error());
}

std::optional<TrainingCheckpoint::Counts> TrainingCheckpoint::counts(std::size_t items) {
  std::uint64_t done = 0;
  const auto bytes = read("counts", done);
  if (!bytes) return std::nullopt;
  std::string_view payload = *bytes;
  std::vector<std::uint32_t> cells;
  if (!take(payload, CoOccurrence::cells_of(items), cells) || !payload.empty()) return std::nullopt;
  resumed_ = true;
  return Counts{done, CoOccurrence::from_cells(items, std::move(cells))};
}

void TrainingCheckpoint::note_counts(std::size_t histories, const CoOccurrence& counts) {
  if (!is_due()) return;
  std::string payload;
  put(payload, counts.cells());
  write("counts", histories, std::move(payload));
}

std::optional<ItemNeighbours> TrainingCheckpoint::weights() {
  std::uint64_t items = 0;
  const auto bytes = read("weights", items);
  if (!bytes) return std::nullopt;
  std::string_view payload = *bytes;
  std::vector<std::uint64_t> starts;
  std::vector<Neighbour> neighbours;
  if (!take(payload, items + 1, starts) ||
      !take(payload, payload.size() / sizeof(Neighbour), neighbours) || !payload.empty())
    return std::nullopt;
  auto out = ItemNeighbours::from_rows(std::move(starts), std::move(neighbours));
  if (!out) return std::nullopt;
  resumed_ = true;
  return std::move(*out);
}

void TrainingCheckpoint::note_weights(const ItemNeighbours& weights) {
  std::string payload;
  put(payload, weights.starts());
  put(payload, weights.neighbours());
  write("weights", weights.items(), std::move(payload));
  std::error_code ignored;
  std::filesystem::remove(path("counts"), ignored);
}

std::optional<IalsSweeps> TrainingCheckpoint::sweeps(std::size_t people, std::size_t items,
                                                     std::size_t width) {
  IalsSweeps out;
  std::uint64_t done = 0;
  const auto bytes = read("sweeps", done);
  if (!bytes) return std::nullopt;
  out.done = done;
  std::string_view payload = *bytes;
  if (!take(payload, people * width, out.people) || !take(payload, items * width, out.items) ||
      !take(payload, payload.size() / sizeof(double), out.losses) || !payload.empty() ||
      !are_finite(out.people) || !are_finite(out.items))
    return std::nullopt;
  resumed_ = true;
  return out;
}

void TrainingCheckpoint::note_sweeps(const IalsSweeps& sweeps, bool finished) {
  if (!finished && !is_due()) return;
  std::string payload;
  put(payload, std::span<const float>(sweeps.people));
  put(payload, std::span<const float>(sweeps.items));
  put(payload, std::span<const double>(sweeps.losses));
  write("sweeps", sweeps.done, std::move(payload));
}

void TrainingCheckpoint::remove() {
  std::error_code ignored;
  for (const std::string_view stage : {"counts", "weights", "sweeps"})
    std::filesystem::remove(path(stage), ignored);
}

std::string fingerprint_of(const Interactions& matrix) {
  std::string state = fmt::format("{} {} {}", matrix.users(), matrix.items(), matrix.size());
  std::string piece;
  const auto add_piece = [&] {
    const auto words = crypto::xxh3_128(state + piece);
    state = fmt::format("{:016x}{:016x}", words[0], words[1]);
    piece.clear();
  };
  constexpr std::size_t kPiece = 1 << 20;
  for (std::size_t u = 0; u < matrix.users(); ++u) {
    const std::uint64_t length = matrix.columns(u).size();
    put(piece, std::span(&length, 1));
    put(piece, matrix.columns(u));
    put(piece, matrix.weights(u));
    if (piece.size() >= kPiece) add_piece();
  }
  add_piece();
  return state;
}

}  // namespace zhiyin::recommend
