#pragma once

#include <array>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/mutex.h"
#include "server/language.h"

namespace zhiyin::server {

/// Names under which classifiers come with the program, as far as they are made
/// (models/README.md).
inline constexpr std::array<std::string_view, 5> kShippedNames = {"sentiment", "emotion", "topic",
                                                                  "category", "intent"};

/// Whether requests and commands can name a model so: a-z, 0-9, '_', '-' and '.', not '.' first, at
/// most 64.
bool is_model_name(std::string_view name);

/// Whether a classifier may be stored under that name: one by which it can be asked for, that no
/// other part and no rule of an analysis has. kInvalidArgument naming `field`.
Result<void> check_classifier_name(std::string_view name, std::string_view field);

/// A model of texts or pairs that comes with the program.
struct ShippedModel {
  std::string id;  ///< `topic@1a2b3c4d`: the name and the first digits of the checksum
  std::string name;
  std::string checksum;  ///< hex of SHA-256 of the bytes
  std::string bytes;
};
/// Names of those that are made: kShippedNames, and that of the pairs.
std::vector<std::string_view> shipped_names();
/// By its name, by its id, or as `topic@shipped` (where a version of the registry has the name).
/// kNotFound.
Result<ShippedModel> shipped_model(std::string_view id);

/// The models that no registry lists: the classifiers that come with the program, and the encoder.
/// Thread-safe.
class ModelCatalogue {
 public:
  /// `language` must outlive it.
  explicit ModelCatalogue(Language& language) : language_(language) {}

  /// [{"id" (as analyses name it),"kind","version","source":"shipped","checksum","bytes","classes",
  /// "features","encoder_values","threshold","settings","metrics","card" (Markdown, or null)}] by
  /// name, whether or not a version of the registry stands in their place; an unreadable one has
  /// "problem" instead of what its bytes say. Read once: they change with the program only.
  [[nodiscard]] Json shipped() ZHIYIN_EXCLUDES(mutex_);
  /// {"id","checksum","width","layers","vocabulary","tokens_max","kernels"}, or {"id":null,
  /// "problem"} where there is none. Opens it.
  [[nodiscard]] Json encoder();

 private:
  Language& language_;
  Mutex mutex_;
  std::optional<Json> shipped_ ZHIYIN_GUARDED_BY(mutex_);
};

}  // namespace zhiyin::server
