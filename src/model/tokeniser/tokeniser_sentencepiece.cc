// SentencePiece's .model: a protocol buffer (sentencepiece_model.proto).
#include <bit>
#include <cstring>

#include "base/utf8.h"
#include "model/tokeniser/tokeniser.h"

namespace zhiyin::model {
namespace {

using Part = TokenRow::Part;

constexpr std::size_t kPiecesMax = 4'000'000;

std::unexpected<Error> wrong(std::string_view what) {
  return fail(ErrorCode::kInvalidArgument, "sentencepiece model: {}", what);
}

/// One field of a message: its number and its value, a number or bytes.
struct Field {
  std::uint64_t number = 0;
  std::uint64_t value = 0;  ///< varint, or the bits of a fixed one
  std::string_view bytes;
};

/// Takes fields from the front of a message.
class Message {
 public:
  explicit Message(std::string_view bytes) : left_(bytes) {}
  [[nodiscard]] bool at_end() const { return left_.empty(); }

  Result<Field> next() {
    ZHIYIN_TRY(const std::uint64_t tag, varint());
    Field out{.number = tag >> 3};
    switch (tag & 7) {
      case 0: {
        ZHIYIN_TRY(out.value, varint());
        return out;
      }
      case 1:
        return fixed(out, 8);
      case 2: {
        ZHIYIN_TRY(const std::uint64_t size, varint());
        if (size > left_.size()) return wrong("a field reaches beyond the end");
        out.bytes = left_.substr(0, size);
        left_.remove_prefix(size);
        return out;
      }
      case 5:
        return fixed(out, 4);
      default:
        return wrong("a field of a wrong type");
    }
  }

 private:
  Result<std::uint64_t> varint() {
    std::uint64_t out = 0;
    for (int shift = 0; shift < 64; shift += 7) {
      if (left_.empty()) return wrong("ends too early");
      const auto byte = static_cast<unsigned char>(left_.front());
      left_.remove_prefix(1);
      out |= static_cast<std::uint64_t>(byte & 127U) << shift;
      if (byte < 128) return out;
    }
    return wrong("a number is too long");
  }
  Result<Field> fixed(Field out, std::size_t bytes) {
    if (left_.size() < bytes) return wrong("ends too early");
    std::memcpy(&out.value, left_.data(), bytes);
    left_.remove_prefix(bytes);
    return out;
  }

  std::string_view left_;
};

enum PieceType : std::uint64_t {
  kNormal = 1,
  kUnknown = 2,
  kControl = 3,
  kUserDefined = 4,
  kUnused = 5,
  kByte = 6
};

struct Piece {
  std::string_view text;
  float score = 0;
  std::uint64_t type = kNormal;
};

struct ModelFile {
  std::vector<Piece> pieces;
  std::string_view charsmap;
  bool dummy_prefix = true;
  bool tidy_spaces = true;
  std::uint64_t model_type = 1;  // 1: unigram
  bool byte_fallback = false;
  std::string_view bos = "<s>";
  std::string_view eos = "</s>";
};

Result<Piece> piece_of(std::string_view bytes) {
  Piece out;
  for (Message message(bytes); !message.at_end();) {
    ZHIYIN_TRY(const Field field, message.next());
    if (field.number == 1) out.text = field.bytes;
    if (field.number == 2)
      out.score = std::bit_cast<float>(static_cast<std::uint32_t>(field.value));
    if (field.number == 3) out.type = field.value;
  }
  if (!utf8::is_valid(out.text) || out.text.empty()) return wrong("a piece is empty or not UTF-8");
  return out;
}

Result<void> read_trainer(std::string_view bytes, ModelFile& out) {
  for (Message message(bytes); !message.at_end();) {
    ZHIYIN_TRY(const Field field, message.next());
    if (field.number == 3) out.model_type = field.value;
    if (field.number == 24 && field.value != 0)
      return fail(ErrorCode::kUnsupported, "sentencepiece model: white space as a suffix");
    if (field.number == 35) out.byte_fallback = field.value != 0;
    if (field.number == 46) out.bos = field.bytes;
    if (field.number == 47) out.eos = field.bytes;
  }
  return {};
}

Result<void> read_normaliser(std::string_view bytes, ModelFile& out) {
  for (Message message(bytes); !message.at_end();) {
    ZHIYIN_TRY(const Field field, message.next());
    if (field.number == 2) out.charsmap = field.bytes;
    if (field.number == 3) out.dummy_prefix = field.value != 0;
    if (field.number == 4) out.tidy_spaces = field.value != 0;
    if (field.number == 5 && field.value == 0)
      return fail(ErrorCode::kUnsupported, "sentencepiece model: spaces that stay spaces");
  }
  return {};
}

Result<ModelFile> read_file_of(std::string_view file) {
  ModelFile out;
  for (Message message(file); !message.at_end();) {
    ZHIYIN_TRY(const Field field, message.next());
    if (field.number == 1) {
      if (out.pieces.size() >= kPiecesMax) return wrong("too many pieces");
      ZHIYIN_TRY(const Piece piece, piece_of(field.bytes));
      out.pieces.push_back(piece);
    } else if (field.number == 2) {
      ZHIYIN_TRY_VOID(read_trainer(field.bytes, out));
    } else if (field.number == 3) {
      ZHIYIN_TRY_VOID(read_normaliser(field.bytes, out));
    }
  }
  if (out.model_type != 1)
    return fail(ErrorCode::kUnsupported, "sentencepiece model: of type {}, not unigram",
                out.model_type);
  return out;
}

/// The same pieces in XLM-R's order.
Result<void> take_xlm_roberta_order(ModelFile& file) {
  constexpr std::size_t kMarks = 3;
  const std::string_view marks[kMarks] = {"<unk>", "<s>", "</s>"};
  for (std::size_t i = 0; i < kMarks; ++i) {
    if (file.pieces.size() <= i || file.pieces[i].text != marks[i])
      return wrong(fmt::format("piece {} is not {}, as XLM-R's is", i, marks[i]));
  }
  std::vector<Piece> out = {{.text = "<s>", .type = kControl},
                            {.text = "<pad>", .type = kControl},
                            {.text = "</s>", .type = kControl},
                            {.text = "<unk>", .type = kUnknown}};
  out.insert(out.end(), file.pieces.begin() + kMarks, file.pieces.end());
  out.push_back({.text = "<mask>", .type = kControl});
  file.pieces = std::move(out);
  file.bos = "<s>";
  file.eos = "</s>";
  return {};
}

}  // namespace

Result<Tokeniser> tokeniser_from_sentencepiece(std::string_view bytes, PieceIds ids) {
  if (bytes.size() > kTokeniserFileBytesMax) return wrong("is too large");
  ZHIYIN_TRY(ModelFile file, read_file_of(bytes));
  if (ids == PieceIds::kXlmRoberta) ZHIYIN_TRY_VOID(take_xlm_roberta_order(file));
  UnigramPieces pieces{.byte_fallback = file.byte_fallback};
  std::vector<AddedToken> added;
  std::optional<std::int32_t> unknown;
  std::optional<std::int32_t> bos;
  std::optional<std::int32_t> eos;
  for (std::size_t i = 0; i < file.pieces.size(); ++i) {
    const Piece& piece = file.pieces[i];
    const auto id = static_cast<std::int32_t>(i);
    pieces.pieces.push_back({piece.text, piece.score, piece.type == kNormal});
    if (piece.type == kUnknown) unknown = id;
    if (piece.type == kControl && piece.text == file.bos) bos = id;
    if (piece.type == kControl && piece.text == file.eos) eos = id;
    if (piece.type == kControl || piece.type == kUnknown)
      added.push_back({std::string(piece.text), id, true});
    if (piece.type == kUserDefined) added.push_back({std::string(piece.text), id, false});
  }
  if (!unknown) return wrong("has no unknown piece");
  pieces.unknown = *unknown;
  ZHIYIN_TRY(Unigram unigram, Unigram::create(pieces));
  TokeniserParts parts{.model = std::move(unigram), .added = std::move(added)};
  if (!file.charsmap.empty()) {
    ZHIYIN_TRY(PrecompiledMap map, PrecompiledMap::create(file.charsmap));
    parts.normalise.emplace_back(std::make_shared<const steps::Precompiled>(std::move(map)));
  }
  if (file.tidy_spaces) {
    parts.normalise.emplace_back(steps::Strip{});
    parts.normalise.emplace_back(steps::Replace{.to = " ", .spaces_from = 2});
  }
  using Prepend = words::Metaspace::Prepend;
  parts.words.emplace_back(
      words::Metaspace{.prepend = file.dummy_prefix ? Prepend::kAlways : Prepend::kNever});
  if (bos) parts.single.push_back({Part::kSpecial, *bos, 0});
  parts.single.push_back({Part::kFirst, 0, 0});
  if (eos) parts.single.push_back({Part::kSpecial, *eos, 0});
  parts.pair = parts.single;
  if (eos) parts.pair.push_back({Part::kSpecial, *eos, 0});
  parts.pair.push_back({Part::kSecond, 0, 0});
  if (eos) parts.pair.push_back({Part::kSpecial, *eos, 0});
  parts.vocabulary = file.pieces.size();
  return Tokeniser::create(std::move(parts));
}

}  // namespace zhiyin::model
