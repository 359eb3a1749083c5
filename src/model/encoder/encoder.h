#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "base/log.h"
#include "base/thread_pool.h"
#include "model/encoder/encoder_file.h"
#include "model/encoder/helpers.h"

namespace zhiyin::model {

/// One text as ids of pieces, special tokens included.
struct EncoderText {
  std::span<const std::int32_t> ids;
  /// Token types (0 for the first of a pair, 1 for the second), one per id; empty: all 0.
  std::span<const std::uint8_t> types = {};
};

/// What becomes of a text with more tokens than the model has positions.
enum class LongText : std::uint8_t {
  kTruncate,  ///< the last token (the end mark) is kept, what does not fit before it goes
  kWindows,   ///< cut into windows that each get the first and last token; the mean of their
              ///< vectors, weighted by their tokens. Not for pairs
  kRefuse,    ///< kInvalidArgument, with the counts
};

struct EncodeOptions {
  std::optional<Pooling> pooling = {};    ///< absent: the one that the model was trained with
  std::span<const float> attention = {};  ///< `width` numbers, for kAttention
  bool normalise = true;                  ///< vectors of length 1
  LongText long_text = LongText::kTruncate;
  /// Others that help: texts are shared out among the calling thread and up to `threads` - 1 of the
  /// pool; of a single long text the rows and heads of each layer. Never changes a result.
  ThreadPool* pool = nullptr;
  std::size_t threads = 1;
  /// Without a pool: those who may come to help with a batch that is long enough for it, as many as
  /// the workspace has room for. May be null.
  Helpers* helpers = nullptr;
};

struct EncoderOptions {
  /// For packages and checkpoints; a compiled file has its own.
  Precision precision = Precision::kInt8;
  /// For packages and checkpoints instead of what they say themselves; a compiled file has its own,
  /// and another is kInvalidArgument. Mean or first.
  std::optional<Pooling> pooling = {};
  /// Name of the instruction set (`avx2`, `portable`, …); empty: the best that this processor has.
  std::string_view kernels = {};
  Logger* logger = nullptr;  ///< told when kernels are passed over; may be null
};

/// Memory that encoding works in, allocated once: as much as `tokens` tokens need at a time,
/// whatever comes. For one call at a time; a call with several threads takes one share for each.
class EncoderWorkspace {
 public:
  /// At least as many tokens as one text may have are provided for. `helpers`: room for so many
  /// that come to help (EncodeOptions::helpers), about 0.6 MB each with the default encoder.
  explicit EncoderWorkspace(const EncoderShape& shape, std::size_t tokens = 256,
                            std::size_t threads = 1, std::size_t helpers = 0);
  ~EncoderWorkspace();
  EncoderWorkspace(EncoderWorkspace&&) noexcept;
  EncoderWorkspace& operator=(EncoderWorkspace&&) = delete;

  [[nodiscard]] std::size_t bytes() const;  ///< allocated in all

 private:
  friend class Encoder;
  friend struct EncoderRun;
  struct Share;
  std::vector<std::unique_ptr<Share>> shares_;
  std::vector<std::unique_ptr<Share>> helpers_;
};

/// A BERT-like encoder that runs on the processor. Texts are packed: no token is ever computed for
/// padding. A text's vector does not depend on what else is encoded with it, on the order, on the
/// number of threads or on the instruction set: the bits are the same. Immutable and thread-safe;
/// each concurrent call brings its own workspace.
class Encoder {
 public:
  /// A compiled file (docs/formats/encoder.md), the default encoder's package, or a folder with a
  /// checkpoint of Hugging Face; the latter two are compiled in memory. Fails with what opening
  /// them fails with; kUnsupported for kernels that are not known or that this processor lacks.
  static Result<std::shared_ptr<const Encoder>> open(const std::filesystem::path& path,
                                                     const EncoderOptions& options = {});
  static Result<std::shared_ptr<const Encoder>> create(std::shared_ptr<const EncoderFile> file,
                                                       const EncoderOptions& options = {});
  ~Encoder();

  [[nodiscard]] const EncoderShape& shape() const { return file_->shape(); }
  [[nodiscard]] const EncoderFile& file() const { return *file_; }
  [[nodiscard]] std::string_view kernels() const;  ///< the instruction set in use

  /// One vector per text, `shape().width` numbers each, into `out`. Fails with kInvalidArgument,
  /// naming the text (`texts[3]`): no ids, an id or type beyond its table, another number of types
  /// than of ids, too long under kRefuse; nothing is then written.
  Result<void> encode(std::span<const EncoderText> texts, const EncodeOptions& options,
                      EncoderWorkspace& workspace, std::span<float> out) const;

  /// The vectors of all tokens, text after text, before pooling: for tags and for attributions.
  /// `out` has `shape().width` places for each token. Texts that are too long are refused.
  Result<void> encode_tokens(std::span<const EncoderText> texts, const EncodeOptions& options,
                             EncoderWorkspace& workspace, std::span<float> out) const;

 private:
  struct Weights;
  friend struct EncoderRun;
  Encoder(std::shared_ptr<const EncoderFile> file, std::unique_ptr<const Weights> weights);

  std::shared_ptr<const EncoderFile> file_;
  std::unique_ptr<const Weights> weights_;
};

}  // namespace zhiyin::model
