#include "model/text_encoder.h"

#include <algorithm>
#include <cstdint>

#include "base/thread_pool.h"

namespace zhiyin::model {
namespace {

/// Texts that are tokenised and encoded together; the engine cuts them further by tokens.
constexpr std::size_t kChunk = 512;

BertSettings bert_settings(const Json& settings) {
  BertSettings out;
  out.lowercase = settings["lowercase"].bool_or(out.lowercase);
  if (const bool* const strip = settings["strip_accents"].if_bool()) out.strip_accents = *strip;
  out.isolate_han = settings["isolate_han"].bool_or(out.isolate_han);
  out.unknown = settings["unknown"].string_or(out.unknown);
  out.first = settings["first"].string_or(out.first);
  out.last = settings["last"].string_or(out.last);
  out.pad = settings["pad"].string_or(out.pad);
  out.mask = settings["mask"].string_or(out.mask);
  return out;
}

Result<Tokeniser> tokeniser_of_file(const EncoderTokeniser& t) {
  auto out = t.file_name.ends_with(".json") ? tokeniser_from_json(t.file_bytes)
             : t.file_name.ends_with(".model")
                 ? tokeniser_from_sentencepiece(t.file_bytes, PieceIds::kXlmRoberta)
                 : tokeniser_from_vocab(t.file_bytes, bert_settings(t.settings));
  if (!out && !out.error().message.starts_with(t.file_name))
    out.error().message = fmt::format("{}: {}", t.file_name, out.error().message);
  return out;
}

/// What the model takes, its tokeniser asks for and the settings beside it say, together.
TruncationRule rule_of(const EncoderShape& shape, const Tokeniser& tokeniser,
                       const Json& settings) {
  TruncationRule out = tokeniser.truncation().value_or(TruncationRule());
  const std::size_t own = tokeniser.truncation() ? out.tokens_max : shape.tokens_max();
  const auto stated = static_cast<std::size_t>(settings["tokens_max"].int_or(INT64_MAX));
  out.tokens_max = std::min({shape.tokens_max(), own, stated});
  out.from_left = settings["from_left"].bool_or(out.from_left);
  return out;
}

Result<Tokeniser> tokeniser_of(const EncoderTokeniser& t) {
  constexpr double kUnknownPenalty = 10;
  switch (t.kind) {
    case EncoderTokeniser::Kind::kUnigram:
      return tokeniser_from_table(t.unigram, t.unknown_score + kUnknownPenalty, t.forbidden);
    case EncoderTokeniser::Kind::kFile:
      return tokeniser_of_file(t);
    case EncoderTokeniser::Kind::kNone:
      break;
  }
  return fail(ErrorCode::kInvalidArgument,
              "encoder: it came without a tokeniser (tokenizer.json or vocab.txt)");
}

/// Which encoder it is about, where the parsers did not know.
Error named(Error error, const std::filesystem::path& path) {
  if (!error.message.contains(path.string()))
    error.message = fmt::format("{}: {}", path.string(), error.message);
  return error;
}

struct Chunk {
  std::vector<std::int32_t> ids;
  std::vector<std::uint8_t> types;
  std::vector<std::size_t> starts = {0};
};

Result<Chunk> tokenise(const Tokeniser& tokeniser, std::span<const std::string_view> texts,
                       std::string_view prefix, const TokeniseOptions& options) {
  Chunk out;
  Tokeniser::Scratch scratch;
  TokenRow row;
  std::string prefixed;
  for (std::string_view text : texts) {
    if (!prefix.empty()) {
      prefixed = prefix;
      prefixed += text;
      text = prefixed;
    }
    ZHIYIN_TRY_VOID(tokeniser.encode(text, options, scratch, row));
    out.ids.insert(out.ids.end(), row.ids.begin(), row.ids.end());
    out.types.insert(out.types.end(), row.types.begin(), row.types.end());
    out.starts.push_back(out.ids.size());
  }
  return out;
}

}  // namespace

Result<TextEncoder> TextEncoder::open(const std::filesystem::path& path,
                                      const EncoderOptions& options) {
  auto encoder = Encoder::open(path, options);
  if (!encoder) return std::unexpected(named(encoder.error(), path));
  auto tokeniser = tokeniser_of((*encoder)->file().tokeniser());
  if (!tokeniser) return std::unexpected(named(tokeniser.error(), path));
  if (tokeniser->vocabulary() > (*encoder)->shape().vocabulary)
    return fail(ErrorCode::kInvalidArgument,
                "{}: the tokeniser has {} ids, the encoder {} words: they do not belong together",
                path.string(), tokeniser->vocabulary(), (*encoder)->shape().vocabulary);
  const TruncationRule rule =
      rule_of((*encoder)->shape(), *tokeniser, (*encoder)->file().tokeniser().settings);
  return TextEncoder(std::move(*encoder), std::make_shared<const Tokeniser>(std::move(*tokeniser)),
                     rule);
}

TruncationRule TextEncoder::truncation(std::size_t tokens) const {
  TruncationRule out = rule_;
  if (tokens != 0) out.tokens_max = std::min(tokens, out.tokens_max);
  return out;
}

Result<void> TextEncoder::encode(std::span<const std::string_view> texts, const Settings& settings,
                                 const std::function<bool(double)>& progress,
                                 std::span<float> out) const {
  const std::size_t threads = std::max<std::size_t>(1, settings.threads);
  constexpr std::size_t kTokensAtOnce = 1024;
  EncoderWorkspace workspace(encoder_->shape(), kTokensAtOnce, threads);
  std::unique_ptr<ThreadPool> pool;
  if (threads > 1) pool = std::make_unique<ThreadPool>(threads - 1, 2 * threads);
  const EncodeOptions how{.pool = pool.get(), .threads = threads};
  const TokeniseOptions options{.truncation = truncation(settings.tokens_max)};
  std::vector<EncoderText> rows;
  for (std::size_t begin = 0; begin < texts.size(); begin += kChunk) {
    const auto part = texts.subspan(begin, std::min(kChunk, texts.size() - begin));
    ZHIYIN_TRY(const Chunk chunk, tokenise(*tokeniser_, part, settings.prefix, options));
    rows.clear();
    for (std::size_t i = 0; i < part.size(); ++i) {
      const std::size_t at = chunk.starts[i];
      const std::size_t n = chunk.starts[i + 1] - at;
      rows.push_back({std::span(chunk.ids).subspan(at, n), std::span(chunk.types).subspan(at, n)});
    }
    ZHIYIN_TRY_VOID(encoder_->encode(rows, how, workspace,
                                     out.subspan(begin * width(), part.size() * width())));
    const double share =
        static_cast<double>(begin + part.size()) / static_cast<double>(texts.size());
    if (progress && !progress(share)) return fail(ErrorCode::kConflict, "encoding: cancelled");
  }
  return {};
}

std::string npy_bytes(std::span<const float> values, std::size_t rows, std::size_t columns) {
  constexpr std::size_t kAlignment = 64;
  constexpr std::size_t kBefore = 10;
  std::string header =
      fmt::format("{{'descr': '<f4', 'fortran_order': False, 'shape': ({}, {}), }}", rows, columns);
  header.append(kAlignment - (kBefore + header.size() + 1) % kAlignment, ' ');
  header += '\n';
  std::string out("\x93NUMPY\x01\x00", 8);
  out += static_cast<char>(header.size() & 255);
  out += static_cast<char>(header.size() >> 8);
  out += header;
  out.append(reinterpret_cast<const char*>(values.data()), values.size_bytes());
  return out;
}

}  // namespace zhiyin::model
