#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <span>

#include "base/check.h"
#include "base/file.h"
#include "base/mapped_file.h"
#include "model/encoder/checkpoint_settings.h"
#include "model/encoder/encoder_source.h"
#include "model/encoder/safetensors.h"

namespace zhiyin::model {
namespace {

constexpr std::size_t kWeightsBytesMax = std::size_t{8} << 30;
constexpr std::size_t kTokeniserBytesMax = 64 << 20;

std::unexpected<Error> wrong_tensor(std::string_view name, std::string_view what) {
  return fail(ErrorCode::kInvalidArgument, "model.safetensors: tensor '{}': {}", name, what);
}

/// A member of config.json that must be a positive whole number.
Result<std::size_t> size_of(const Json& config, std::string_view member) {
  const std::int64_t* const value = config[member].if_int();
  if (value == nullptr || *value < 1)
    return fail_field(member, "config.json: is not a whole number above 0");
  return static_cast<std::size_t>(*value);
}

Result<EncoderShape> read_config(const Json& config) {
  if (config.if_object() == nullptr)
    return fail(ErrorCode::kInvalidArgument, "config.json: is not an object");
  const std::string_view type = config["model_type"].string_or("bert");
  const bool roberta = type == "roberta" || type == "xlm-roberta" || type == "camembert";
  if (!roberta && type != "bert")
    return fail(ErrorCode::kUnsupported,
                "config.json: model_type '{}' (bert, roberta and xlm-roberta are known)", type);
  if (const auto act = config["hidden_act"].string_or("gelu"); act != "gelu")
    return fail(ErrorCode::kUnsupported, "config.json: hidden_act '{}', only 'gelu' is known", act);
  if (const auto kind = config["position_embedding_type"].string_or("absolute"); kind != "absolute")
    return fail(ErrorCode::kUnsupported, "config.json: position_embedding_type '{}'", kind);
  EncoderShape out;
  ZHIYIN_TRY(out.width, size_of(config, "hidden_size"));
  ZHIYIN_TRY(out.layers, size_of(config, "num_hidden_layers"));
  ZHIYIN_TRY(out.heads, size_of(config, "num_attention_heads"));
  ZHIYIN_TRY(out.inner, size_of(config, "intermediate_size"));
  ZHIYIN_TRY(out.vocabulary, size_of(config, "vocab_size"));
  ZHIYIN_TRY(out.positions, size_of(config, "max_position_embeddings"));
  ZHIYIN_TRY(out.token_types, size_of(config, "type_vocab_size"));
  out.epsilon = static_cast<float>(config["layer_norm_eps"].number_or(1e-12));
  const std::int64_t pad = config["pad_token_id"].int_or(1);
  if (roberta && (pad < 0 || pad > 1'000'000))
    return fail_field("pad_token_id", "config.json: is {}", pad);
  out.position_offset = roberta ? static_cast<std::size_t>(pad) + 1 : 0;
  ZHIYIN_TRY_VOID(check_shape(out));
  return out;
}

/// Our name of a tensor in the words of Hugging Face, without the prefix.
std::string published_name(std::string_view name) {
  static constexpr std::array<std::pair<std::string_view, std::string_view>, 4> kEmbeddings = {{
      {"emb.pos", "embeddings.position_embeddings.weight"},
      {"emb.type", "embeddings.token_type_embeddings.weight"},
      {"emb.ln.w", "embeddings.LayerNorm.weight"},
      {"emb.ln.b", "embeddings.LayerNorm.bias"},
  }};
  for (const auto& [ours, theirs] : kEmbeddings)
    if (name == ours) return std::string(theirs);
  static constexpr std::array<std::pair<std::string_view, std::string_view>, 8> kParts = {{
      {"q", "attention.self.query"},
      {"k", "attention.self.key"},
      {"v", "attention.self.value"},
      {"ao", "attention.output.dense"},
      {"aln", "attention.output.LayerNorm"},
      {"fi", "intermediate.dense"},
      {"fo", "output.dense"},
      {"oln", "output.LayerNorm"},
  }};
  const std::size_t dot = name.find('.');
  const std::string_view part = name.substr(dot + 1, name.rfind('.') - dot - 1);
  const auto found = std::ranges::find(kParts, part, [](const auto& p) { return p.first; });
  ZHIYIN_CHECK(found != kParts.end());
  return fmt::format("encoder.layer.{}.{}.{}", name.substr(1, dot - 1), found->second,
                     name.ends_with('w') ? "weight" : "bias");
}

/// The extents of one of our tensors as it is published: matrices are [out][in].
std::vector<std::size_t> extents_of(const EncoderShape& shape, std::string_view name) {
  if (name == "emb.pos") return {shape.positions, shape.width};
  if (name == "emb.type") return {shape.token_types, shape.width};
  if (name.ends_with(".fi.w")) return {shape.inner, shape.width};
  if (name.ends_with(".fo.w")) return {shape.width, shape.inner};
  for (const std::string_view square : {".q.w", ".k.w", ".v.w", ".ao.w"})
    if (name.ends_with(square)) return {shape.width, shape.width};
  return {tensor_elements(shape, name)};
}

/// Fails, naming both, where the tensor has other extents: as many numbers in another shape are a
/// matrix turned round or another model's.
Result<void> check_extents(std::string_view name, const TensorView& found,
                           std::span<const std::size_t> expected) {
  const auto same = [](std::int64_t a, std::size_t b) { return static_cast<std::size_t>(a) == b; };
  if (std::ranges::equal(found.shape, expected, same)) return {};
  return wrong_tensor(name, fmt::format("has the shape [{}], expected [{}]",
                                        fmt::join(found.shape, ", "), fmt::join(expected, ", ")));
}

class CheckpointSource : public EncoderSource {
 public:
  CheckpointSource(std::filesystem::path folder, MappedFile file, Safetensors tensors,
                   EncoderShape shape)
      : folder_(std::move(folder)),
        file_(std::move(file)),
        tensors_(std::move(tensors)),
        shape_(shape) {}

  Result<void> check_words() {
    const TensorView* const words = find("embeddings.word_embeddings.weight");
    if (words == nullptr) return wrong_tensor("embeddings.word_embeddings.weight", "is missing");
    ZHIYIN_TRY_VOID(check_extents("embeddings.word_embeddings.weight", *words,
                                  std::array{shape_.vocabulary, shape_.width}));
    ZHIYIN_TRY(words_, to_floats(*words, "embeddings.word_embeddings.weight"));
    return {};
  }

  void set_tokeniser(TokeniserFile file) { tokeniser_ = std::move(file); }

  const EncoderShape& shape() const override { return shape_; }
  Result<std::vector<float>> tensor(std::string_view name) const override {
    ZHIYIN_CHECK(tensor_elements(shape_, name) != 0);
    const std::string theirs = published_name(name);
    const TensorView* const found = find(theirs);
    if (found == nullptr) return wrong_tensor(theirs, "is missing");
    ZHIYIN_TRY_VOID(check_extents(theirs, *found, extents_of(shape_, name)));
    return to_floats(*found, theirs);
  }
  void word_row(std::size_t id, std::span<float> out) const override {
    std::copy_n(words_.begin() + static_cast<std::ptrdiff_t>(id * shape_.width), shape_.width,
                out.begin());
  }
  const TokeniserFile* tokeniser_file() const override {
    return tokeniser_.name.empty() ? nullptr : &tokeniser_;
  }
  Result<Pooling> pooling() const override { return read_checkpoint_pooling(folder_); }

 private:
  [[nodiscard]] const TensorView* find(std::string_view name) const {
    for (const std::string_view prefix : {"", "bert.", "roberta.", "model."}) {
      for (const bool old : {false, true}) {
        std::string full = fmt::format("{}{}", prefix, name);
        if (old && !rename_norm(full)) continue;
        if (const auto found = tensors_.find(full); found != tensors_.end()) return &found->second;
      }
    }
    return nullptr;
  }

  /// LayerNorm's parts were once called gamma and beta. False for other names.
  static bool rename_norm(std::string& name) {
    const std::size_t at = name.find("LayerNorm.");
    if (at == std::string::npos) return false;
    name.replace(at + 10, std::string::npos, name.ends_with("weight") ? "gamma" : "beta");
    return true;
  }

  std::filesystem::path folder_;
  MappedFile file_;  // what `tensors_` look into
  Safetensors tensors_;
  EncoderShape shape_;
  std::vector<float> words_;
  TokeniserFile tokeniser_;
};

/// The first of the files that a tokeniser comes as.
Result<EncoderSource::TokeniserFile> read_tokeniser(const std::filesystem::path& folder,
                                                    std::string_view model_type) {
  EncoderSource::TokeniserFile out;
  std::error_code ignored;
  for (const std::string_view name : {"tokenizer.json", "vocab.txt", "sentencepiece.bpe.model"}) {
    if (!std::filesystem::exists(folder / name, ignored)) continue;
    if (name.ends_with(".model") && model_type != "xlm-roberta")
      return fail(ErrorCode::kUnsupported,
                  "{}: how model_type '{}' numbers its pieces is not known here, only "
                  "'xlm-roberta'; tokenizer.json says it itself",
                  name, model_type);
    out.name = name;
    ZHIYIN_TRY(out.bytes, read_file(folder / name, kTokeniserBytesMax));
    ZHIYIN_TRY(out.settings, read_tokeniser_settings(folder, name == "vocab.txt"));
    break;
  }
  return out;
}

}  // namespace

Result<std::unique_ptr<EncoderSource>> open_checkpoint_source(const std::filesystem::path& folder) {
  ZHIYIN_TRY(const Json config, read_checkpoint_json(folder, "config.json"));
  if (config.is_null())
    return fail(ErrorCode::kNotFound, "{}: has no config.json", folder.string());
  ZHIYIN_TRY(const EncoderShape shape, read_config(config));
  std::error_code ignored;
  if (std::filesystem::exists(folder / "model.safetensors.index.json", ignored))
    return fail(ErrorCode::kUnsupported, "{}: checkpoints in several files are not read",
                folder.string());
  ZHIYIN_TRY(MappedFile file, MappedFile::open(folder / "model.safetensors", kWeightsBytesMax));
  ZHIYIN_TRY(Safetensors tensors, parse_safetensors(file.bytes()));
  auto out = std::make_unique<CheckpointSource>(folder, std::move(file), std::move(tensors), shape);
  ZHIYIN_TRY_VOID(out->check_words());
  ZHIYIN_TRY(auto tokeniser, read_tokeniser(folder, config["model_type"].string_or("bert")));
  out->set_tokeniser(std::move(tokeniser));
  return out;
}

}  // namespace zhiyin::model
