#include "model/encoder/encoder_package.h"

#include <algorithm>
#include <cmath>
#include <unordered_set>

#include "base/check.h"
#include "base/utf8.h"
#include "model/encoder/detail/byte_reader.h"
#include "model/encoder/detail/encoder_layout.h"
#include "model/encoder/detail/half.h"

namespace zhiyin::model {
namespace {

using detail::ByteReader;

constexpr std::string_view kMagic = "E5S1";
constexpr std::size_t kBlockNumbers = 32;
constexpr std::size_t kBlockBytes = 18;
constexpr std::size_t kPieceBytesMax = 64;
constexpr std::size_t kAlignment = 64;

template <class... Args>
std::unexpected<Error> wrong(fmt::format_string<Args...> format, Args&&... args) {
  return fail(ErrorCode::kInvalidArgument, "encoder package: {}",
              fmt::format(format, std::forward<Args>(args)...));
}

/// The sizes at the start of the file, before anything is allocated by them.
struct Header {
  std::size_t pieces = 0;
  std::size_t text_bytes = 0;
};

Result<Header> read_header(ByteReader& reader, EncoderPackage& out) {
  if (reader.take(kMagic.size()) != kMagic) return wrong("does not begin with {}", kMagic);
  if (const auto version = reader.number<std::uint32_t>(); version != 1)
    return wrong("version {} is not known", version);
  std::array<std::int32_t, 7> sizes{};
  for (std::int32_t& size : sizes) size = reader.number<std::int32_t>();
  const auto epsilon = reader.number<float>();
  const auto block = reader.number<std::int32_t>();
  const auto pieces = reader.number<std::int32_t>();
  UnigramTable& t = out.tokeniser;
  for (std::int32_t* id : {&t.bos, &t.eos, &t.pad, &t.unknown}) *id = reader.number<std::int32_t>();
  const auto text_bytes = reader.number<std::uint64_t>();
  if (!reader.ok()) return wrong("the header is cut short");
  if (std::ranges::any_of(sizes, [](std::int32_t size) { return size < 1; }) || pieces < 1)
    return wrong("a size in the header is not above 0");
  if (block != static_cast<std::int32_t>(kBlockNumbers))
    return wrong("blocks of {} numbers, 32 is known", block);
  const auto size = [&](int i) {
    return static_cast<std::size_t>(sizes[static_cast<std::size_t>(i)]);
  };
  out.word_rows = size(4);
  out.shape = {.width = size(0),
               .layers = size(1),
               .heads = size(2),
               .inner = size(3),
               .vocabulary = static_cast<std::size_t>(pieces),
               .positions = size(5),
               .token_types = size(6),
               .epsilon = epsilon};
  ZHIYIN_TRY_VOID(check_shape(out.shape));
  if (out.shape.width % kBlockNumbers != 0 || out.shape.inner % kBlockNumbers != 0)
    return wrong("widths {} and {} are not multiples of 32", out.shape.width, out.shape.inner);
  if (out.word_rows < out.shape.vocabulary || out.word_rows > std::size_t{1} << 22)
    return wrong("{} rows of words for {} pieces", out.word_rows, pieces);
  for (const std::int32_t id : {t.bos, t.eos, t.pad, t.unknown})
    if (id < 0 || id >= pieces) return wrong("special id {} is not a piece", id);
  return Header{static_cast<std::size_t>(pieces), static_cast<std::size_t>(text_bytes)};
}

Result<void> read_pieces(ByteReader& reader, const Header& header, UnigramTable& out) {
  ByteReader offsets(reader.take(4 * (header.pieces + 1)));
  ByteReader scores(reader.take(4 * header.pieces));
  const std::string_view text = reader.take(header.text_bytes);
  if (!reader.ok()) return wrong("the pieces are cut short");
  std::size_t begin = offsets.number<std::uint32_t>();
  if (begin != 0) return wrong("the first piece begins at {}", begin);
  std::unordered_set<std::string_view> seen;
  for (std::size_t i = 0; i < header.pieces; ++i) {
    const std::size_t end = offsets.number<std::uint32_t>();
    if (end <= begin || end > text.size() || end - begin > kPieceBytesMax)
      return wrong("piece {} runs from {} to {}", i, begin, end);
    const std::string_view piece = text.substr(begin, end - begin);
    if (!utf8::is_valid(piece)) return wrong("piece {} is not UTF-8", i);
    if (!seen.insert(piece).second) return wrong("piece {} stands twice", i);
    const auto score = scores.number<float>();
    if (!std::isfinite(score) || score > 0) return wrong("the score of piece {} is {}", i, score);
    out.pieces.push_back(piece);
    out.scores.push_back(score);
    begin = end;
  }
  if (begin != text.size())
    return wrong("{} bytes of text behind the last piece", text.size() - begin);
  return {};
}

Result<void> read_characters(ByteReader& reader, UnigramTable& out) {
  const auto count = reader.number<std::int32_t>();
  const auto bytes = reader.number<std::uint32_t>();
  const std::string_view map = reader.take(bytes);
  if (!reader.ok()) return wrong("the character map is cut short");
  ZHIYIN_TRY(out.characters, detail::unpack_characters(map));
  if (count < 0 || out.characters.size() != static_cast<std::size_t>(count))
    return wrong("character map: {} entries, not {}", out.characters.size(), count);
  return {};
}

/// One record of the directory; `end` is where the tensor before it ended.
Result<void> read_tensor(ByteReader& reader, std::string_view file, std::size_t& end,
                         EncoderPackage& out) {
  const std::string name(reader.take(reader.number<std::uint16_t>()));
  const auto type = reader.number<std::uint8_t>();
  const std::size_t elements = reader.number<std::uint32_t>();
  const std::uint64_t offset = reader.number<std::uint64_t>();
  const std::uint64_t bytes = reader.number<std::uint64_t>();
  if (!reader.ok()) return wrong("the directory is cut short");
  if (!utf8::is_valid(name) || name.size() > 64) return wrong("a tensor's name is no text");
  if (type > 1) return wrong("tensor {}: type {} is not known", name, type);
  const bool four_bit = type == 1;
  if (four_bit && elements % kBlockNumbers != 0) return wrong("tensor {}: part of a block", name);
  const std::size_t expected = four_bit ? elements / kBlockNumbers * kBlockBytes : 4 * elements;
  if (bytes != expected) return wrong("tensor {}: {} bytes, not {}", name, bytes, expected);
  const std::size_t padded = (end + kAlignment - 1) / kAlignment * kAlignment;
  if (offset != padded || offset > file.size() || bytes > file.size() - offset)
    return wrong("tensor {}: {} bytes at {}, expected at {}", name, bytes, offset, padded);
  end = offset + bytes;
  if (!out.tensors.emplace(name, PackageTensor{four_bit, elements, file.substr(offset, bytes)})
           .second)
    return wrong("tensor {} stands twice", name);
  return {};
}

Result<void> read_directory(ByteReader& reader, std::string_view file, EncoderPackage& out) {
  const auto count = reader.number<std::int32_t>();
  if (!reader.ok() || count < 0 || count > 4096) return wrong("{} tensors", count);
  // The records say where the data lies; where they end is known only after the last.
  const std::size_t start = reader.position();
  ByteReader measure(file.substr(start));
  for (std::int32_t i = 0; i < count; ++i)
    measure.take(measure.number<std::uint16_t>() + std::size_t{21});
  if (!measure.ok()) return wrong("the directory is cut short");
  std::size_t end = start + measure.position();
  for (std::int32_t i = 0; i < count; ++i) ZHIYIN_TRY_VOID(read_tensor(reader, file, end, out));
  if (end != file.size()) return wrong("{} bytes behind the last tensor", file.size() - end);
  return {};
}

Result<void> expect(const EncoderPackage& package, const std::string& name, std::size_t elements) {
  const auto found = package.tensors.find(name);
  if (found == package.tensors.end()) return wrong("tensor {} is missing", name);
  if (found->second.elements != elements)
    return wrong("tensor {}: {} numbers, not {}", name, found->second.elements, elements);
  return {};
}

Result<void> check_tensors(const EncoderPackage& out) {
  const EncoderShape& s = out.shape;
  ZHIYIN_TRY_VOID(expect(out, "emb.word", out.word_rows * s.width));
  if (!out.tensors.find("emb.word")->second.four_bit) return wrong("emb.word is not in blocks");
  ZHIYIN_TRY_VOID(expect(out, "emb.pos", s.positions * s.width));
  ZHIYIN_TRY_VOID(expect(out, "emb.type", s.token_types * s.width));
  for (const char* name : {"emb.ln.w", "emb.ln.b"}) ZHIYIN_TRY_VOID(expect(out, name, s.width));
  for (std::size_t l = 0; l < s.layers; ++l) {
    const std::string prefix = fmt::format("l{}.", l);
    for (const char* name : {"q.w", "k.w", "v.w", "ao.w"})
      ZHIYIN_TRY_VOID(expect(out, prefix + name, s.width * s.width));
    for (const char* name :
         {"q.b", "k.b", "v.b", "ao.b", "aln.w", "aln.b", "fo.b", "oln.w", "oln.b"})
      ZHIYIN_TRY_VOID(expect(out, prefix + name, s.width));
    ZHIYIN_TRY_VOID(expect(out, prefix + "fi.b", s.inner));
    for (const char* name : {"fi.w", "fo.w"})
      ZHIYIN_TRY_VOID(expect(out, prefix + name, s.width * s.inner));
  }
  if (out.tensors.size() != 5 + 16 * s.layers) return wrong("it holds tensors that are not known");
  return {};
}

/// Weight j is the low half of byte j, weight j + 16 the high half; both less 8, times the scale.
void unpack_blocks(std::string_view bytes, std::span<float> out) {
  for (std::size_t block = 0; block * kBlockNumbers < out.size(); ++block) {
    const auto* const from =
        reinterpret_cast<const unsigned char*>(bytes.data()) + block * kBlockBytes;
    const float scale = detail::half_to_float(static_cast<std::uint16_t>(from[0] | from[1] << 8));
    float* const to = out.data() + block * kBlockNumbers;
    for (std::size_t j = 0; j < kBlockNumbers / 2; ++j) {
      to[j] = static_cast<float>((from[2 + j] & 15) - 8) * scale;
      to[j + 16] = static_cast<float>((from[2 + j] >> 4) - 8) * scale;
    }
  }
}

}  // namespace

std::vector<float> EncoderPackage::floats(std::string_view name) const {
  const auto found = tensors.find(name);
  ZHIYIN_CHECK(found != tensors.end());
  std::vector<float> out(found->second.elements);
  if (found->second.four_bit)
    unpack_blocks(found->second.bytes, out);
  else
    std::memcpy(out.data(), found->second.bytes.data(), found->second.bytes.size());
  return out;
}

void EncoderPackage::word_row(std::size_t id, std::span<float> out) const {
  ZHIYIN_CHECK(id < shape.vocabulary && out.size() == shape.width);
  const std::size_t row_bytes = shape.width / kBlockNumbers * kBlockBytes;
  unpack_blocks(tensors.find("emb.word")->second.bytes.substr(id * row_bytes, row_bytes), out);
}

Result<EncoderPackage> parse_encoder_package(std::string_view file) {
  EncoderPackage out;
  ByteReader reader(file);
  ZHIYIN_TRY(const Header header, read_header(reader, out));
  if (header.pieces > file.size() / 8 || header.text_bytes > file.size())
    return wrong("the pieces do not fit into {} bytes", file.size());
  ZHIYIN_TRY_VOID(read_pieces(reader, header, out.tokeniser));
  ZHIYIN_TRY_VOID(read_characters(reader, out.tokeniser));
  ZHIYIN_TRY_VOID(read_directory(reader, file, out));
  ZHIYIN_TRY_VOID(check_tensors(out));
  return out;
}

}  // namespace zhiyin::model
