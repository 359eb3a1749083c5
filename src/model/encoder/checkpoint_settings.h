#pragma once

#include <filesystem>
#include <string_view>

#include "base/json.h"
#include "model/encoder/encoder_file.h"

namespace zhiyin::model {

/// A JSON file of a checkpoint; null where it is not there. Whole numbers beyond 64 bits count as
/// floats (transformers writes 1e30 so). kInvalidArgument names the file.
Result<Json> read_checkpoint_json(const std::filesystem::path& folder, std::string_view name);

/// What sentence-transformers wrote down (modules.json, 1_Pooling/config.json): mean or first
/// token; mean where it wrote nothing. kUnsupported for other poolings and for further modules that
/// change vectors (a dense layer); kInvalidArgument for what is malformed. All name the file.
Result<Pooling> read_checkpoint_pooling(const std::filesystem::path& folder);

/// What tokenizer_config.json, special_tokens_map.json and sentence_bert_config.json say, as
/// transformers understands them, in the words of EncoderTokeniser::settings: the most tokens and
/// which side is cut; for a tokeniser that is only a vocab.txt also case, accents, Han and
/// specials, which tokenizer.json says itself. kInvalidArgument names file and member.
Result<Json> read_tokeniser_settings(const std::filesystem::path& folder, bool only_vocab);

}  // namespace zhiyin::model
