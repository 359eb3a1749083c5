#pragma once

#include <filesystem>
#include <functional>
#include <span>
#include <string_view>

#include "model/text_encoder.h"

namespace zhiyin::model {

/// Vectors of texts kept in a folder, one file per encoder and settings, so that training again,
/// with other folds or after an interruption, encodes no text twice. Records that are damaged or
/// cut short count as absent. Several processes may use one folder.
class VectorCache {
 public:
  /// Makes the folder. An empty path keeps nothing.
  static Result<VectorCache> open(const std::filesystem::path& folder);

  /// As TextEncoder::encode; what was encoded before a cancellation stays kept.
  Result<void> encode(const TextEncoder& encoder, std::span<const std::string_view> texts,
                      const TextEncoder::Settings& settings,
                      const std::function<bool(double)>& progress, std::span<float> out) const;

 private:
  explicit VectorCache(std::filesystem::path folder) : folder_(std::move(folder)) {}
  std::filesystem::path folder_;
};

}  // namespace zhiyin::model
