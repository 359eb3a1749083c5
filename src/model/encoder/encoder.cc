#include "model/encoder/encoder.h"

#include <algorithm>
#include <cmath>
#include <optional>

#include "model/encoder/compile_encoder.h"
#include "model/encoder/detail/encoder_layout.h"
#include "model/encoder/detail/forward.h"
#include "model/encoder/detail/pooling.h"
#include "model/encoder/detail/shared_work.h"
#include "model/encoder/encoder_source.h"

namespace zhiyin::model {

struct Encoder::Weights {
  explicit Weights(const EncoderFile& file) : table(file) {}
  detail::LayerTable table;
  const detail::Kernels* kernels = nullptr;
};

struct EncoderWorkspace::Share : detail::Arena {
  using Arena::Arena;
};

EncoderWorkspace::EncoderWorkspace(const EncoderShape& shape, std::size_t tokens,
                                   std::size_t threads, std::size_t helpers) {
  const std::size_t room = std::max(tokens, shape.tokens_max());
  for (std::size_t i = 0; i < std::max<std::size_t>(threads, 1); ++i)
    shares_.push_back(std::make_unique<Share>(shape, room));
  for (std::size_t i = 0; i < helpers; ++i)
    helpers_.push_back(std::make_unique<Share>(shape, room, Share::Rows::kNone));
}
EncoderWorkspace::~EncoderWorkspace() = default;
EncoderWorkspace::EncoderWorkspace(EncoderWorkspace&&) noexcept = default;

std::size_t EncoderWorkspace::bytes() const {
  std::size_t out = 0;
  for (const auto& share : shares_) out += share->bytes;
  for (const auto& share : helpers_) out += share->bytes;
  return out;
}

namespace {

using detail::Segment;

/// A segment and the text that it is (a window of).
struct Piece {
  Segment segment;
  std::size_t text = 0;
};

std::string place(std::size_t text) { return fmt::format("texts[{}]", text); }

Result<void> check_text(const EncoderShape& shape, const EncoderText& text, std::size_t number) {
  if (text.ids.empty()) return fail_field(place(number), "encoder: has no tokens");
  for (const std::int32_t id : text.ids) {
    if (id < 0 || static_cast<std::size_t>(id) >= shape.vocabulary)
      return fail_field(place(number), "encoder: id {} is not one of {}", id, shape.vocabulary);
  }
  if (text.types.empty()) return {};
  if (text.types.size() != text.ids.size())
    return fail_field(place(number), "encoder: {} token types for {} ids", text.types.size(),
                      text.ids.size());
  for (const std::uint8_t type : text.types) {
    if (type >= shape.token_types)
      return fail_field(place(number), "encoder: token type {} is not one of {}", type,
                        shape.token_types);
  }
  return {};
}

/// The windows of a long text, each with the text's first and last token around it.
Result<void> cut_windows(const EncoderText& text, std::size_t number, std::size_t tokens_max,
                         std::vector<Piece>& out) {
  if (std::ranges::any_of(text.types, [](std::uint8_t type) { return type != 0; }))
    return fail_field(place(number), "encoder: a pair of {} tokens is not cut into windows",
                      text.ids.size());
  if (tokens_max < 3)
    return fail_field(place(number), "encoder: windows of {} tokens are too short", tokens_max);
  const auto inner = text.ids.subspan(1, text.ids.size() - 2);
  // Windows of nearly the same length, rather than a last one of a few tokens.
  const std::size_t count = (inner.size() + tokens_max - 3) / (tokens_max - 2);
  for (std::size_t w = 0; w < count; ++w) {
    const std::size_t begin = inner.size() * w / count;
    const std::size_t end = inner.size() * (w + 1) / count;
    out.push_back({{.ids = inner.subspan(begin, end - begin),
                    .first = text.ids.front(),
                    .last = text.ids.back()},
                   number});
  }
  return {};
}

Result<std::vector<Piece>> cut(const EncoderShape& shape, std::span<const EncoderText> texts,
                               LongText policy) {
  std::vector<Piece> out;
  out.reserve(texts.size());
  const std::size_t tokens_max = shape.tokens_max();
  for (std::size_t i = 0; i < texts.size(); ++i) {
    const EncoderText& text = texts[i];
    ZHIYIN_TRY_VOID(check_text(shape, text, i));
    if (text.ids.size() <= tokens_max) {
      out.push_back({{.ids = text.ids, .types = text.types}, i});
    } else if (policy == LongText::kWindows) {
      ZHIYIN_TRY_VOID(cut_windows(text, i, tokens_max, out));
    } else if (policy == LongText::kTruncate) {
      // The end mark takes the type of the last token that is left before it.
      const auto types = text.types.empty() ? text.types : text.types.first(tokens_max - 1);
      out.push_back(
          {{.ids = text.ids.first(tokens_max - 1), .types = types, .last = text.ids.back()}, i});
    } else {
      return fail_field(place(i), "encoder: {} tokens, at most {} fit", text.ids.size(),
                        tokens_max);
    }
  }
  return out;
}

/// Where the packed batches begin among the pieces, and the number of pieces at the end: each has
/// at most `tokens_max` tokens.
std::vector<std::size_t> pack(std::span<const Piece> pieces, std::size_t tokens_max) {
  std::vector<std::size_t> out;
  std::size_t tokens = tokens_max;
  for (std::size_t i = 0; i < pieces.size(); ++i) {
    const std::size_t more = pieces[i].segment.tokens();
    if (out.empty() || tokens + more > tokens_max) {
      out.push_back(i);
      tokens = 0;
    }
    tokens += more;
  }
  out.push_back(pieces.size());
  return out;
}

/// Enough for full tiles; more only fills the cache.
constexpr std::size_t kBatchTokensMin = 48;
/// A batch of fewer is not worth waiting for each other three times a layer.
constexpr std::size_t kCrewTokensMin = 96;

/// Threads of a pool.
class PoolHelpers final : public Helpers {
 public:
  PoolHelpers(ThreadPool& pool, std::size_t count) : pool_(pool), count_(count) {}
  void invite(std::function<void()> help) override {
    for (std::size_t i = 0; i < count_; ++i)
      if (!pool_.try_submit(help)) return;
  }
  void withdraw() override {}
  [[nodiscard]] bool wanted() const override { return false; }

 private:
  ThreadPool& pool_;
  std::size_t count_;
};

/// Once it is sent helpers may come, as long as this lives.
class Invitation {
 public:
  Invitation(Helpers& helpers, std::shared_ptr<detail::Crew> crew)
      : helpers_(helpers), crew_(std::move(crew)) {}
  void send() {
    // The crew is shared with helpers that begin after the work is done.
    helpers_.invite([crew = crew_, &helpers = helpers_] {
      crew->help([&helpers] { return helpers.wanted(); });
    });
  }
  ~Invitation() {
    helpers_.withdraw();
    crew_->close();
  }
  Invitation(const Invitation&) = delete;
  Invitation& operator=(const Invitation&) = delete;

 private:
  Helpers& helpers_;
  std::shared_ptr<detail::Crew> crew_;
};

}  // namespace

/// One call: cuts texts into pieces, packs these into batches, runs them, hands out the rows.
struct EncoderRun {
  const Encoder& encoder;
  const EncodeOptions& options;
  EncoderWorkspace& workspace;

  /// Calls use(piece, rows of its tokens, their stride) for each piece, by several threads.
  template <class Use>
  void run(std::span<const Piece> pieces, Use use) const {
    const std::size_t threads =
        std::min(std::max<std::size_t>(options.threads, 1), workspace.shares_.size());
    std::size_t total = 0, longest = 0;
    for (const Piece& piece : pieces) {
      total += piece.segment.tokens();
      longest = std::max(longest, piece.segment.tokens());
    }
    const std::size_t fair = std::max({(total + threads - 1) / threads, longest, kBatchTokensMin});
    const auto begins = pack(pieces, std::min(workspace.shares_.front()->tokens, fair));
    const auto batch = [&](std::size_t item, detail::Crew& crew) {
      const auto& arena = crew.own();
      const auto batch_pieces = pieces.subspan(begins[item], begins[item + 1] - begins[item]);
      std::vector<Segment> segments;
      for (const Piece& piece : batch_pieces) segments.push_back(piece.segment);
      detail::forward(encoder.shape(), encoder.weights_->table, *encoder.weights_->kernels,
                      segments, crew);
      std::size_t row = 0;
      for (std::size_t i = 0; i < batch_pieces.size(); ++i) {
        use(begins[item] + i, arena.x.get() + row * arena.stride, arena.stride);
        row += segments[i].tokens();
      }
    };
    if (begins.size() == 2 && total >= kCrewTokensMin && helped(threads, batch)) return;
    detail::share_work(begins.size() - 1, threads, options.pool,
                       [&](std::size_t item, std::size_t helper) {
                         detail::Arena* const own = workspace.shares_[helper].get();
                         detail::Crew alone({&own, 1});
                         batch(item, alone);
                       });
  }

  /// One batch, on which several work together. False where nobody could help.
  template <class Batch>
  bool helped(std::size_t threads, Batch batch) const {
    std::vector<detail::Arena*> arenas{workspace.shares_[0].get()};
    std::optional<PoolHelpers> pool;
    Helpers* helpers = nullptr;
    if (options.pool != nullptr) {
      for (std::size_t i = 1; i < threads; ++i) arenas.push_back(workspace.shares_[i].get());
      helpers = &pool.emplace(*options.pool, threads - 1);
    } else if (options.helpers != nullptr) {
      for (const auto& share : workspace.helpers_) arenas.push_back(share.get());
      helpers = options.helpers;
    }
    if (arenas.size() == 1) return false;
    const auto crew = std::make_shared<detail::Crew>(arenas);  // with those who help
    Invitation invitation(*helpers, crew);
    invitation.send();
    batch(0, *crew);
    return true;
  }
};

Result<void> Encoder::encode(std::span<const EncoderText> texts, const EncodeOptions& options,
                             EncoderWorkspace& workspace, std::span<float> out) const {
  const std::size_t width = shape().width;
  EncodeOptions how = options;
  if (!how.pooling) how.pooling = file_->pooling();
  if (options.pooling == Pooling::kAttention && options.attention.size() != width)
    return fail_field("attention", "encoder: {} numbers, not {}", options.attention.size(), width);
  ZHIYIN_TRY(const std::vector<Piece> pieces, cut(shape(), texts, options.long_text));
  if (out.size() != texts.size() * width)
    return fail_field("out", "encoder: {} places for {} numbers", out.size(), texts.size() * width);
  // Texts in windows have several pieces: their vectors are kept and put together at the end, in
  // the order of the windows.
  std::vector<float> windows(pieces.size() == texts.size() ? 0 : pieces.size() * width);
  EncoderRun{*this, options, workspace}.run(
      pieces, [&](std::size_t number, const float* rows, std::size_t stride) {
        const Piece& piece = pieces[number];
        const auto target = windows.empty() ? out.subspan(piece.text * width, width)
                                            : std::span(windows).subspan(number * width, width);
        detail::pool(rows, stride, piece.segment.tokens(), how, target);
      });
  if (!windows.empty()) {
    std::ranges::fill(out, 0.0F);
    std::vector<float> weights(texts.size(), 0.0F);
    for (const Piece& piece : pieces)
      weights[piece.text] += static_cast<float>(piece.segment.tokens());
    for (std::size_t i = 0; i < pieces.size(); ++i) {
      const float share = static_cast<float>(pieces[i].segment.tokens()) / weights[pieces[i].text];
      for (std::size_t k = 0; k < width; ++k)
        out[pieces[i].text * width + k] += share * windows[i * width + k];
    }
  }
  if (options.normalise)
    for (std::size_t i = 0; i < texts.size(); ++i) detail::normalise(out.subspan(i * width, width));
  return {};
}

Result<void> Encoder::encode_tokens(std::span<const EncoderText> texts,
                                    const EncodeOptions& options, EncoderWorkspace& workspace,
                                    std::span<float> out) const {
  const std::size_t width = shape().width;
  ZHIYIN_TRY(const std::vector<Piece> pieces, cut(shape(), texts, LongText::kRefuse));
  std::vector<std::size_t> begins{0};
  for (const Piece& piece : pieces) begins.push_back(begins.back() + piece.segment.tokens());
  if (out.size() != begins.back() * width)
    return fail_field("out", "encoder: {} places for {} numbers", out.size(),
                      begins.back() * width);
  EncoderRun{*this, options, workspace}.run(
      pieces, [&](std::size_t number, const float* rows, std::size_t stride) {
        for (std::size_t t = 0; t < pieces[number].segment.tokens(); ++t)
          std::copy_n(rows + t * stride, width,
                      out.begin() + static_cast<std::ptrdiff_t>((begins[number] + t) * width));
      });
  return {};
}

namespace {

Result<const detail::Kernels*> choose_kernels(const EncoderOptions& options) {
  for (const detail::Kernels* kernels : detail::usable_kernels()) {
    if (!options.kernels.empty() && options.kernels != kernels->name) continue;
    if (kernels == &detail::kPortableKernels || detail::agrees_with_portable(*kernels))
      return kernels;
    if (options.logger != nullptr)
      options.logger->warning("model", "encoder_kernels_disagree", {{"kernels", kernels->name}});
  }
  return fail(ErrorCode::kUnsupported,
              "encoder: kernels '{}' are not known or not of this processor", options.kernels);
}

/// Packages and checkpoints are compiled in memory, with all of their vocabulary.
Result<std::shared_ptr<const EncoderFile>> compile_in_memory(const EncoderSource& source,
                                                             const std::filesystem::path& path,
                                                             const EncoderOptions& options) {
  ZHIYIN_TRY(std::string bytes, compile_encoder(source, {.precision = options.precision,
                                                         .pooling = options.pooling,
                                                         .source = path.filename()}));
  return EncoderFile::from_bytes(std::move(bytes));
}

/// The first four bytes of the file, or fewer.
Result<std::string> magic_of(const std::filesystem::path& path) {
  ZHIYIN_TRY(const MappedFile file, MappedFile::open(path, std::size_t{8} << 30));
  return std::string(file.bytes().substr(0, 4));
}

}  // namespace

Encoder::Encoder(std::shared_ptr<const EncoderFile> file, std::unique_ptr<const Weights> weights)
    : file_(std::move(file)), weights_(std::move(weights)) {}
Encoder::~Encoder() = default;

std::string_view Encoder::kernels() const { return weights_->kernels->name; }

Result<std::shared_ptr<const Encoder>> Encoder::create(std::shared_ptr<const EncoderFile> file,
                                                       const EncoderOptions& options) {
  auto weights = std::make_unique<Weights>(*file);
  ZHIYIN_TRY(weights->kernels, choose_kernels(options));
  return std::shared_ptr<const Encoder>(new Encoder(std::move(file), std::move(weights)));
}

Result<std::shared_ptr<const Encoder>> Encoder::open(const std::filesystem::path& path,
                                                     const EncoderOptions& options) {
  std::error_code ignored;
  if (std::filesystem::is_directory(path, ignored)) {
    ZHIYIN_TRY(const auto source, open_checkpoint_source(path));
    ZHIYIN_TRY(auto compiled, compile_in_memory(*source, path, options));
    return create(std::move(compiled), options);
  }
  ZHIYIN_TRY(const std::string magic, magic_of(path));
  if (magic == detail::kFileMagic) {
    ZHIYIN_TRY(auto file, EncoderFile::open(path));
    if (options.pooling && *options.pooling != file->pooling())
      return fail_field("pooling", "{}: was made for pooling by {}, not {}", path.string(),
                        to_string(file->pooling()), to_string(*options.pooling));
    return create(std::move(file), options);
  }
  ZHIYIN_TRY(const auto source, open_package_source(path));
  ZHIYIN_TRY(auto compiled, compile_in_memory(*source, path, options));
  return create(std::move(compiled), options);
}

}  // namespace zhiyin::model
