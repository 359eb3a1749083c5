#pragma once

#include <string>
#include <string_view>

#include "base/json.h"

namespace zhiyin::model {

/// What a stored model consists of (docs/formats/model.md, version 1).
struct Artefact {
  std::string kind;     ///< `response`, `recommend`
  Json header;          ///< small: names, settings, numbers
  std::string payload;  ///< large: arrays in the kind's own layout
};

std::string encode_artefact(const Artefact& artefact);
/// kDataLoss when the bytes are damaged, cut short or from an unknown version.
Result<Artefact> decode_artefact(std::string_view bytes);

}  // namespace zhiyin::model
