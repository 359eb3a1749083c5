#include "model/encoder/compile_encoder.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <map>

#include "base/check.h"
#include "base/crypto.h"
#include "base/json.h"
#include "model/encoder/detail/encoder_layout.h"
#include "model/encoder/detail/fitted_weights.h"
#include "model/encoder/detail/kernels.h"
#include "model/encoder/detail/sample_rows.h"

namespace zhiyin::model {
namespace {

using detail::FittedLayer;
using detail::kGroup;
using detail::kPanel;
using detail::LayerNumbers;
using detail::Matrix;
using detail::padded;
using detail::RowForm;
using detail::SmallProduct;

constexpr std::size_t kWordMax = 127;
constexpr float kUnknownPenalty = 10;  // SentencePiece's

template <class T>
std::string bytes_of(const std::vector<T>& numbers) {
  std::string out(numbers.size() * sizeof(T), '\0');
  if (!numbers.empty()) std::memcpy(out.data(), numbers.data(), out.size());
  return out;
}

float largest_of(const float* row, std::size_t count) {
  float out = 0;
  for (std::size_t i = 0; i < count; ++i) out = std::max(out, std::abs(row[i]));
  return out;
}

class Builder {
 public:
  Builder(const EncoderSource& source, const CompileOptions& options)
      : source_(source), options_(options), shape_(source.shape()) {
    if (!options.kept.empty()) shape_.vocabulary = options.kept.size();
  }

  Result<std::string> build() {
    ZHIYIN_TRY_VOID(choose_pooling());
    ZHIYIN_TRY_VOID(check_kept());
    ZHIYIN_TRY_VOID(fit());
    add_words();
    ZHIYIN_TRY_VOID(add_floats("emb.pos", 0));
    ZHIYIN_TRY_VOID(add_floats("emb.type", 0));
    ZHIYIN_TRY_VOID(add_norm("emb.ln", form_before(0)));
    for (std::size_t l = 0; l < shape_.layers; ++l) ZHIYIN_TRY_VOID(add_layer(l));
    for (const EncoderSection& expected : weight_sections(shape_, options_.precision, scaled()))
      ZHIYIN_CHECK(sizes_.at(expected.name) == expected.bytes);
    add_tokeniser();
    return finish();
  }

 private:
  [[nodiscard]] bool small() const { return options_.precision == Precision::kInt8; }
  [[nodiscard]] bool scaled() const { return !fitted_.empty(); }

  Result<void> choose_pooling() {
    if (!options_.pooling) {
      ZHIYIN_TRY(pooling_, source_.pooling());
      return {};
    }
    pooling_ = *options_.pooling;
    if (pooling_ == Pooling::kAttention)
      return fail_field("pooling", "encoder: attention has weights of its own, mean and cls none");
    return {};
  }

  Result<void> check_kept() const {
    const auto& kept = options_.kept;
    if (kept.empty()) return {};
    if (!std::ranges::is_sorted(kept) || std::ranges::adjacent_find(kept) != kept.end() ||
        kept.back() >= source_.shape().vocabulary)
      return fail_field("kept", "encoder: ids are not ascending or beyond the vocabulary");
    if (const UnigramTable* const table = source_.unigram(); table != nullptr) {
      for (const std::int32_t id : {table->bos, table->eos, table->pad, table->unknown})
        if (!std::ranges::binary_search(kept, static_cast<std::uint32_t>(id)))
          return fail_field("kept", "encoder: the special id {} is not among them", id);
    }
    return {};
  }

  void add(const std::string& name, std::string bytes) {
    sizes_[name] = bytes.size();
    sections_.emplace_back(name, std::move(bytes));
  }

  [[nodiscard]] std::size_t original(std::size_t row) const {
    return options_.kept.empty() ? row : options_.kept[row];
  }

  void add_words() {
    const std::size_t width = shape_.width;
    std::vector<float> row(width);
    std::vector<float> scales;
    std::string out;
    out.reserve(shape_.vocabulary * width * (small() ? 1 : 4));
    for (std::size_t id = 0; id < shape_.vocabulary; ++id) {
      source_.word_row(original(id), row);
      if (!small()) {
        out.append(reinterpret_cast<const char*>(row.data()), width * sizeof(float));
        continue;
      }
      const float scale = largest_of(row.data(), width) / kWordMax;
      scales.push_back(scale);
      for (const float x : row) out += static_cast<char>(scale > 0 ? std::lround(x / scale) : 0);
    }
    add("emb.word", std::move(out));
    if (small()) add("emb.word.scale", bytes_of(scales));
  }

  /// `pad_to` 0: as it is.
  Result<void> add_floats(const std::string& name, std::size_t pad_to) {
    ZHIYIN_TRY(std::vector<float> numbers, source_.tensor(name));
    if (pad_to != 0) numbers.resize(pad_to, 0.0F);
    add(name, bytes_of(numbers));
    return {};
  }

  /// The layers for made texts, where that is asked for.
  Result<void> fit() {
    if (!small() || !options_.fitted) return {};
    ZHIYIN_TRY(auto rows, detail::SampleRows::create(source_, options_.kept));
    for (std::size_t l = 0; l < shape_.layers; ++l) {
      ZHIYIN_TRY(const LayerNumbers layer, detail::read_layer(source_, l));
      fitted_.push_back(detail::fit_layer(layer, rows.advance(layer), rows.kernels()));
    }
    return {};
  }

  /// How rows go into a layer; behind the last as they are.
  [[nodiscard]] RowForm form_before(std::size_t layer) const {
    return layer < fitted_.size() ? fitted_[layer].before : RowForm();
  }

  /// A norm that gives rows in that form.
  Result<void> add_norm(const std::string& name, const RowForm& form) {
    ZHIYIN_TRY(std::vector<float> gain, source_.tensor(name + ".w"));
    ZHIYIN_TRY(std::vector<float> shift, source_.tensor(name + ".b"));
    for (std::size_t i = 0; i < form.centre.size(); ++i) shift[i] -= form.centre[i];
    for (std::size_t i = 0; i < form.unit.size(); ++i) {
      gain[i] /= form.unit[i];
      shift[i] /= form.unit[i];
    }
    gain.resize(padded(shape_.width), 0.0F);
    shift.resize(padded(shape_.width), 0.0F);
    add(name + ".w", bytes_of(gain));
    add(name + ".b", bytes_of(shift));
    return {};
  }
  /// What brings the rows that a result is added to back to their own units.
  void add_units(const std::string& name, std::vector<float> unit) {
    unit.resize(padded(shape_.width), 0.0F);
    add(name + ".r", bytes_of(unit));
  }

  Result<void> add_layer(std::size_t l) {
    const std::string layer = fmt::format("l{}.", l);
    if (l < fitted_.size()) {
      add_int8(layer + "qkv", fitted_[l].qkv);
      add_int8(layer + "ao", fitted_[l].ao);
      ZHIYIN_TRY_VOID(add_norm(layer + "aln", fitted_[l].inner));
      add_units(layer + "aln", fitted_[l].before.unit);
      add_int8(layer + "fi", fitted_[l].fi);
      add_int8(layer + "fo", fitted_[l].fo);
      ZHIYIN_TRY_VOID(add_norm(layer + "oln", form_before(l + 1)));
      add_units(layer + "oln", fitted_[l].inner.unit);
      return {};
    }
    ZHIYIN_TRY(const LayerNumbers numbers, detail::read_layer(source_, l));
    add_product(layer + "qkv", numbers.qkv);
    add_product(layer + "ao", numbers.ao);
    ZHIYIN_TRY_VOID(add_norm(layer + "aln", {}));
    add_product(layer + "fi", numbers.fi);
    add_product(layer + "fo", numbers.fo);
    return add_norm(layer + "oln", {});
  }

  void add_product(const std::string& name, const Matrix& matrix) {
    if (small()) return add_int8(name, detail::nearest_weights(matrix));
    add(name + ".w",
        bytes_of(detail::float_panels(matrix.weights, matrix.columns(), matrix.inputs)));
    add_bias(name, matrix.bias);
  }

  void add_bias(const std::string& name, std::vector<float> bias) {
    bias.resize(padded(bias.size()), 0.0F);
    add(name + ".b", bytes_of(bias));
  }

  void add_int8(const std::string& name, const SmallProduct& product) {
    const std::size_t groups = (product.inputs + kGroup - 1) / kGroup;
    const std::size_t columns = padded(product.columns());
    std::string panels(columns * groups * kGroup, '\0');
    std::vector<float> scales(product.scales);
    scales.resize(columns, 0.0F);
    std::vector<std::int32_t> sums(columns, 0);
    for (std::size_t c = 0; c < product.columns(); ++c) {
      for (std::size_t i = 0; i < product.inputs; ++i) {
        const std::int8_t weight = product.weights[c * product.inputs + i];
        const std::size_t group = (c / kPanel * groups + i / kGroup) * kPanel * kGroup;
        panels[group + c % kPanel * kGroup + i % kGroup] = static_cast<char>(weight);
        sums[c] += weight;
      }
    }
    add(name + ".w", std::move(panels));
    add(name + ".scale", bytes_of(scales));
    add(name + ".sum", bytes_of(sums));
    add_bias(name, product.bias);
  }

  void add_tokeniser() {
    tokeniser_ = Json::object();
    if (const UnigramTable* const table = source_.unigram(); table != nullptr) {
      add_unigram(*table);
    } else if (const auto* const file = source_.tokeniser_file();
               file != nullptr && options_.kept.empty()) {
      tokeniser_.set("kind", "file");
      tokeniser_.set("name", file->name);
      if (!file->settings.if_object()->empty()) tokeniser_.set("settings", file->settings);
      add("tok.file", file->bytes);
    } else {
      tokeniser_.set("kind", "none");
    }
  }

  [[nodiscard]] std::int64_t kept_id(std::int32_t id) const {
    if (options_.kept.empty()) return id;
    return std::ranges::lower_bound(options_.kept, static_cast<std::uint32_t>(id)) -
           options_.kept.begin();
  }

  void add_unigram(const UnigramTable& table) {
    std::vector<std::uint32_t> ends, originals;
    std::vector<float> scores;
    std::string text;
    Json forbidden = Json::array();
    for (std::size_t row = 0; row < shape_.vocabulary; ++row) {
      const std::size_t id = original(row);
      text += table.pieces[id];
      ends.push_back(static_cast<std::uint32_t>(text.size()));
      originals.push_back(static_cast<std::uint32_t>(id));
      scores.push_back(table.scores[id]);
      // No real piece is certain: what scores 0 is a mark of the model.
      if (table.scores[id] == 0) forbidden.push(Json(row));
    }
    const float lowest = *std::ranges::min_element(table.scores);
    tokeniser_.set("kind", "unigram");
    tokeniser_.set("bos", Json(kept_id(table.bos)));
    tokeniser_.set("eos", Json(kept_id(table.eos)));
    tokeniser_.set("pad", Json(kept_id(table.pad)));
    tokeniser_.set("unknown", Json(kept_id(table.unknown)));
    tokeniser_.set("unknown_score", Json(static_cast<double>(lowest - kUnknownPenalty)));
    tokeniser_.set("forbidden", std::move(forbidden));
    add("tok.ends", bytes_of(ends));
    add("tok.text", std::move(text));
    add("tok.scores", bytes_of(scores));
    add("tok.original", bytes_of(originals));
    add("tok.characters", detail::pack_characters(table.characters));
  }

  [[nodiscard]] Json shape_json() const {
    Json out = Json::object();
    out.set("width", Json(shape_.width));
    out.set("layers", Json(shape_.layers));
    out.set("heads", Json(shape_.heads));
    out.set("inner", Json(shape_.inner));
    out.set("vocabulary", Json(shape_.vocabulary));
    out.set("positions", Json(shape_.positions));
    out.set("token_types", Json(shape_.token_types));
    out.set("position_offset", Json(shape_.position_offset));
    out.set("epsilon", Json(static_cast<double>(shape_.epsilon)));
    return out;
  }

  [[nodiscard]] std::string header_with(std::size_t begin) const {
    Json list = Json::array();
    std::size_t end = begin;
    for (const auto& [name, bytes] : sections_) {
      end = aligned(end);
      Json one = Json::object();
      one.set("name", name);
      one.set("offset", Json(end));
      one.set("bytes", Json(bytes.size()));
      list.push(std::move(one));
      end += bytes.size();
    }
    Json header = Json::object();
    header.set("precision", to_string(options_.precision));
    header.set("shape", shape_json());
    // The mean is not written: files from before there was a choice keep their bytes.
    if (pooling_ != Pooling::kMean) header.set("pooling", to_string(pooling_));
    header.set("source", options_.source);
    header.set("tokeniser", tokeniser_);
    header.set("sections", std::move(list));
    return header.dump();
  }

  static std::size_t aligned(std::size_t offset) {
    return (offset + detail::kSectionAlignment - 1) / detail::kSectionAlignment *
           detail::kSectionAlignment;
  }

  [[nodiscard]] std::string finish() const {
    // Offsets make the header longer, which moves them: white space fills it up to a whole KiB.
    std::size_t begin = 1024;
    std::string header = header_with(begin);
    while (detail::kPrefixBytes + header.size() > begin) {
      begin = (detail::kPrefixBytes + header.size() + 1023) / 1024 * 1024;
      header = header_with(begin);
    }
    header.resize(begin - detail::kPrefixBytes, ' ');
    std::string out(detail::kFileMagic);
    const std::uint32_t version = scaled() ? detail::kScaledVersion : detail::kFileVersion;
    const std::uint64_t length = header.size();
    out.append(reinterpret_cast<const char*>(&version), sizeof version);
    out.append(reinterpret_cast<const char*>(&length), sizeof length);
    out += header;
    for (const auto& [name, bytes] : sections_) {
      out.resize(aligned(out.size()));
      out += bytes;
    }
    return out + crypto::sha256(out);
  }

  const EncoderSource& source_;
  const CompileOptions& options_;
  EncoderShape shape_;
  Pooling pooling_ = Pooling::kMean;
  Json tokeniser_;
  std::vector<std::pair<std::string, std::string>> sections_;
  std::map<std::string, std::size_t> sizes_;
  std::vector<FittedLayer> fitted_;  // one per layer, or none
};

}  // namespace

Result<std::string> compile_encoder(const EncoderSource& source, const CompileOptions& options) {
  return Builder(source, options).build();
}

}  // namespace zhiyin::model
