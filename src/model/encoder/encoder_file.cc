#include "model/encoder/encoder_file.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "base/check.h"
#include "base/crypto.h"
#include "base/strict_json.h"
#include "base/utf8.h"
#include "model/encoder/detail/byte_reader.h"
#include "model/encoder/detail/encoder_layout.h"
#include "model/encoder/detail/kernels.h"

namespace zhiyin::model {
namespace {

using detail::kChecksumBytes;
using detail::kFileMagic;
using detail::kFileVersion;
using detail::kPrefixBytes;
using detail::kScaledVersion;
using detail::kSectionAlignment;
using detail::padded;

constexpr std::size_t kFileBytesMax = std::size_t{8} << 30;
constexpr std::size_t kHeaderBytesMax = 4 << 20;

template <class... Args>
std::unexpected<Error> damaged(fmt::format_string<Args...> format, Args&&... args) {
  return fail(ErrorCode::kDataLoss, "encoder file: {}",
              fmt::format(format, std::forward<Args>(args)...));
}

void add_product(std::vector<EncoderSection>& out, const std::string& name, std::size_t inputs,
                 std::size_t columns, Precision precision) {
  const std::size_t width = padded(columns);
  if (precision == Precision::kInt8) {
    out.push_back({name + ".w", width * ((inputs + 3) / 4 * 4)});
    out.push_back({name + ".scale", width * 4});
    out.push_back({name + ".sum", width * 4});
  } else {
    out.push_back({name + ".w", width * inputs * 4});
  }
  out.push_back({name + ".b", width * 4});
}

void add_norm(std::vector<EncoderSection>& out, const std::string& name, std::size_t width) {
  out.push_back({name + ".w", padded(width) * 4});
  out.push_back({name + ".b", padded(width) * 4});
}

void add_layer_norm(std::vector<EncoderSection>& out, const std::string& name, std::size_t width,
                    bool scaled) {
  add_norm(out, name, width);
  if (scaled) out.push_back({name + ".r", padded(width) * 4});
}

Result<std::size_t> size_of(const Json& json, std::string_view name) {
  const std::int64_t* const value = json[name].if_int();
  if (value == nullptr || *value < 0) return damaged("{} is not a size", name);
  return static_cast<std::size_t>(*value);
}

Result<EncoderShape> read_shape(const Json& json) {
  EncoderShape out;
  ZHIYIN_TRY(out.width, size_of(json, "width"));
  ZHIYIN_TRY(out.layers, size_of(json, "layers"));
  ZHIYIN_TRY(out.heads, size_of(json, "heads"));
  ZHIYIN_TRY(out.inner, size_of(json, "inner"));
  ZHIYIN_TRY(out.vocabulary, size_of(json, "vocabulary"));
  ZHIYIN_TRY(out.positions, size_of(json, "positions"));
  ZHIYIN_TRY(out.token_types, size_of(json, "token_types"));
  ZHIYIN_TRY(out.position_offset, size_of(json, "position_offset"));
  out.epsilon = static_cast<float>(json["epsilon"].number_or(0));
  ZHIYIN_TRY_VOID(check_shape(out));
  return out;
}

/// Only known members, with their types: what is not understood would be disobeyed.
Result<void> check_settings(const Json& settings) {
  const Json::Object* const members = settings.if_object();
  if (members == nullptr) return damaged("settings of the tokeniser are no object");
  constexpr std::string_view kTruths[] = {"lowercase", "strip_accents", "isolate_han", "from_left"};
  constexpr std::string_view kTexts[] = {"unknown", "first", "last", "pad", "mask"};
  for (const auto& [name, value] : *members) {
    const bool good = std::ranges::find(kTruths, name) != std::end(kTruths)
                          ? value.if_bool() != nullptr
                      : std::ranges::find(kTexts, name) != std::end(kTexts)
                          ? value.if_string() != nullptr
                          : name == "tokens_max" && value.int_or(0) > 0;
    if (!good) return damaged("setting '{}' of the tokeniser is wrong or not known", name);
  }
  return {};
}

template <class T>
std::vector<T> numbers(std::string_view bytes) {
  std::vector<T> out(bytes.size() / sizeof(T));
  std::memcpy(out.data(), bytes.data(), out.size() * sizeof(T));
  return out;
}

}  // namespace

std::string_view to_string(Pooling pooling) {
  if (pooling == Pooling::kAttention) return "attention";
  return pooling == Pooling::kFirst ? "cls" : "mean";
}

Result<Pooling> pooling_of(std::string_view name) {
  if (name == "mean") return Pooling::kMean;
  if (name == "cls") return Pooling::kFirst;
  return fail_field("pooling", "'{}' is neither mean nor cls", name.substr(0, 40));
}

std::string_view to_string(Precision precision) {
  return precision == Precision::kInt8 ? "int8" : "float32";
}

std::vector<EncoderSection> weight_sections(const EncoderShape& shape, Precision precision,
                                            bool scaled) {
  std::vector<EncoderSection> out;
  const bool small = precision == Precision::kInt8;
  out.push_back({"emb.word", shape.vocabulary * shape.width * (small ? 1 : 4)});
  if (small) out.push_back({"emb.word.scale", shape.vocabulary * 4});
  out.push_back({"emb.pos", shape.positions * shape.width * 4});
  out.push_back({"emb.type", shape.token_types * shape.width * 4});
  add_norm(out, "emb.ln", shape.width);
  for (std::size_t l = 0; l < shape.layers; ++l) {
    const std::string layer = fmt::format("l{}.", l);
    add_product(out, layer + "qkv", shape.width, 3 * shape.width, precision);
    add_product(out, layer + "ao", shape.width, shape.width, precision);
    add_layer_norm(out, layer + "aln", shape.width, scaled);
    add_product(out, layer + "fi", shape.width, shape.inner, precision);
    add_product(out, layer + "fo", shape.inner, shape.width, precision);
    add_layer_norm(out, layer + "oln", shape.width, scaled);
  }
  return out;
}

std::string_view EncoderFile::section(std::string_view name) const {
  const auto found = sections_.find(name);
  ZHIYIN_CHECK(found != sections_.end());
  return found->second;
}

Result<void> EncoderFile::read(std::string_view bytes) {
  if (!bytes.starts_with(kFileMagic)) return damaged("does not begin with {}", kFileMagic);
  if (bytes.size() < kPrefixBytes + kChecksumBytes) return damaged("cut short");
  detail::ByteReader reader(bytes.substr(kFileMagic.size()));
  const auto version = reader.number<std::uint32_t>();
  if (version != kFileVersion && version != kScaledVersion)
    return damaged("version {} is not known", version);
  scaled_ = version == kScaledVersion;
  const auto header_bytes = reader.number<std::uint64_t>();
  if (header_bytes > kHeaderBytesMax || header_bytes > bytes.size() - kPrefixBytes - kChecksumBytes)
    return damaged("a header of {} bytes does not fit", header_bytes);
  const std::string_view body = bytes.substr(0, bytes.size() - kChecksumBytes);
  const std::string sum = crypto::sha256(body);
  if (sum != bytes.substr(body.size())) return damaged("the checksum is wrong");
  checksum_ = crypto::hex(sum);

  ZHIYIN_TRY(const Json header, parse_strict_json(body.substr(kPrefixBytes, header_bytes)));
  ZHIYIN_TRY(shape_, read_shape(header["shape"]));
  const std::string_view precision = header["precision"].string_or("");
  if (precision != "int8" && precision != "float32") return damaged("precision '{}'", precision);
  precision_ = precision == "int8" ? Precision::kInt8 : Precision::kFloat;
  const auto pooling = pooling_of(header["pooling"].string_or("mean"));
  if (!pooling) return damaged("pooling: {}", pooling.error().message);
  pooling_ = *pooling;
  source_ = header["source"].string_or("");
  const Json::Array* const list = header["sections"].if_array();
  if (list == nullptr) return damaged("sections are missing");
  std::size_t end = kPrefixBytes + header_bytes;
  for (const Json& one : *list) {
    ZHIYIN_TRY(const std::size_t offset, size_of(one, "offset"));
    ZHIYIN_TRY(const std::size_t length, size_of(one, "bytes"));
    const std::size_t expected =
        (end + kSectionAlignment - 1) / kSectionAlignment * kSectionAlignment;
    if (offset != expected || offset > body.size() || length > body.size() - offset)
      return damaged("section '{}': {} bytes at {}, expected at {}", one["name"].string_or(""),
                     length, offset, expected);
    if (!sections_.emplace(one["name"].string_or(""), body.substr(offset, length)).second)
      return damaged("section '{}' stands twice", one["name"].string_or(""));
    end = offset + length;
  }
  if (end != body.size()) return damaged("{} bytes behind the last section", body.size() - end);
  ZHIYIN_TRY_VOID(check_weights());
  return read_tokeniser(header["tokeniser"]);
}

Result<void> EncoderFile::check_weights() const {
  for (const EncoderSection& expected : weight_sections(shape_, precision_, scaled_)) {
    const auto found = sections_.find(expected.name);
    if (found == sections_.end()) return damaged("section '{}' is missing", expected.name);
    if (found->second.size() != expected.bytes)
      return damaged("section '{}': {} bytes, not {}", expected.name, found->second.size(),
                     expected.bytes);
    if (precision_ != Precision::kInt8 || !expected.name.ends_with(".w") ||
        !sections_.contains(expected.name.substr(0, expected.name.size() - 1) + "sum"))
      continue;
    // Larger weights would not saturate in the portable products but would in others.
    int largest = 0;
    const std::string_view weights = found->second;
    for (std::size_t i = 0; i + 1 < weights.size(); i += 2) {
      const int a = static_cast<signed char>(weights[i]);
      const int b = static_cast<signed char>(weights[i + 1]);
      largest = std::max(largest, (a < 0 ? -a : a) + (b < 0 ? -b : b));
    }
    if (largest > detail::kWeightPairMax)
      return damaged("section '{}': a pair of weights beyond {}", expected.name,
                     detail::kWeightPairMax);
  }
  return {};
}

Result<void> EncoderFile::read_tokeniser(const Json& header) {
  const std::string_view kind = header["kind"].string_or("none");
  if (kind == "none") return {};
  const auto part = [&](std::string_view name) {
    const auto found = sections_.find(name);
    return found == sections_.end() ? std::string_view() : found->second;
  };
  if (kind == "file") {
    tokeniser_.kind = EncoderTokeniser::Kind::kFile;
    tokeniser_.file_name = header["name"].string_or("");
    tokeniser_.file_bytes = part("tok.file");
    if (const Json& settings = header["settings"]; !settings.is_null()) {
      ZHIYIN_TRY_VOID(check_settings(settings));
      tokeniser_.settings = settings;
    }
    return {};
  }
  if (kind != "unigram") return damaged("tokeniser of kind '{}'", kind);
  tokeniser_.kind = EncoderTokeniser::Kind::kUnigram;
  UnigramTable& table = tokeniser_.unigram;
  const auto ends = numbers<std::uint32_t>(part("tok.ends"));
  const std::string_view text = part("tok.text");
  table.scores = numbers<float>(part("tok.scores"));
  tokeniser_.original_ids = numbers<std::uint32_t>(part("tok.original"));
  if (ends.size() != shape_.vocabulary || table.scores.size() != ends.size() ||
      tokeniser_.original_ids.size() != ends.size())
    return damaged("the tokeniser does not have {} pieces", shape_.vocabulary);
  std::size_t begin = 0;
  for (std::size_t i = 0; i < ends.size(); ++i) {
    if (ends[i] <= begin || ends[i] > text.size() || !std::isfinite(table.scores[i]))
      return damaged("piece {} is wrong", i);
    table.pieces.push_back(text.substr(begin, ends[i] - begin));
    if (!utf8::is_valid(table.pieces.back())) return damaged("piece {} is not UTF-8", i);
    begin = ends[i];
  }
  const std::int64_t last = static_cast<std::int64_t>(ends.size()) - 1;
  const std::pair<const char*, std::int32_t*> specials[] = {
      {"bos", &table.bos}, {"eos", &table.eos}, {"pad", &table.pad}, {"unknown", &table.unknown}};
  for (const auto& [name, id] : specials) {
    const std::int64_t value = header[name].int_or(-1);
    if (value < 0 || value > last) return damaged("the id of {} is {}", name, value);
    *id = static_cast<std::int32_t>(value);
  }
  if (const Json::Array* const ids = header["forbidden"].if_array(); ids != nullptr) {
    for (const Json& id : *ids) {
      if (id.int_or(-1) < 0 || id.int_or(-1) > last) return damaged("a forbidden id is no piece");
      tokeniser_.forbidden.push_back(static_cast<std::int32_t>(id.int_or(0)));
    }
  }
  tokeniser_.unknown_score = static_cast<float>(header["unknown_score"].number_or(0));
  auto characters = detail::unpack_characters(part("tok.characters"));
  if (!characters) return damaged("{}", characters.error().message);
  table.characters = std::move(*characters);
  return {};
}

Result<std::shared_ptr<const EncoderFile>> EncoderFile::finish(std::shared_ptr<EncoderFile> file,
                                                               std::string_view bytes) {
  ZHIYIN_TRY_VOID(file->read(bytes));
  return file;
}

Result<std::shared_ptr<const EncoderFile>> EncoderFile::open(const std::filesystem::path& path) {
  std::shared_ptr<EncoderFile> file(new EncoderFile);
  ZHIYIN_TRY(file->mapped_, MappedFile::open(path, kFileBytesMax));
  return finish(file, file->mapped_.bytes());
}

Result<std::shared_ptr<const EncoderFile>> EncoderFile::from_bytes(std::string bytes) {
  std::shared_ptr<EncoderFile> file(new EncoderFile);
  // Sections begin at multiples of their alignment in memory, too.
  constexpr std::size_t kAlignment = detail::kSectionAlignment;
  bytes.reserve(bytes.size() + kAlignment);
  const std::size_t beyond = reinterpret_cast<std::uintptr_t>(bytes.data()) % kAlignment;
  const std::size_t before = beyond == 0 ? 0 : kAlignment - beyond;
  bytes.insert(0, before, '\0');
  file->owned_ = std::move(bytes);
  return finish(file, std::string_view(file->owned_).substr(before));
}

}  // namespace zhiyin::model
