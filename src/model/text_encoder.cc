#include "model/text_encoder.h"

#include <algorithm>

#include "base/thread_pool.h"

namespace zhiyin::model {
namespace {

/// Texts that are tokenised and encoded together; the engine cuts them further by tokens.
constexpr std::size_t kChunk = 512;

Result<Tokeniser> tokeniser_of(const EncoderTokeniser& t) {
  constexpr double kUnknownPenalty = 10;
  switch (t.kind) {
    case EncoderTokeniser::Kind::kUnigram:
      return tokeniser_from_table(t.unigram, t.unknown_score + kUnknownPenalty, t.forbidden);
    case EncoderTokeniser::Kind::kFile:
      return t.file_name.ends_with(".json") ? tokeniser_from_json(t.file_bytes)
                                            : tokeniser_from_vocab(t.file_bytes);
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
  return TextEncoder(std::move(*encoder), std::make_shared<const Tokeniser>(std::move(*tokeniser)));
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
  const std::size_t most = encoder_->shape().tokens_max();
  const std::size_t tokens = settings.tokens_max == 0 ? most : std::min(settings.tokens_max, most);
  const TokeniseOptions options{.truncation = TruncationRule{.tokens_max = tokens}};
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
