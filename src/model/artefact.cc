#include "model/artefact.h"

#include <cstdint>

#include "base/crypto.h"

namespace zhiyin::model {
namespace {

constexpr std::string_view kMagic = "ZYMD";
constexpr std::uint64_t kVersion = 1;
constexpr std::size_t kChecksumBytes = 32;
constexpr std::size_t kHeaderBytesMax = 64 << 20;

void put_number(std::string& out, std::uint64_t value, int bytes) {
  for (int i = 0; i < bytes; ++i) out += static_cast<char>(value >> (8 * i) & 255);
}

void put_block(std::string& out, std::string_view bytes) {
  put_number(out, bytes.size(), 8);
  out += bytes;
}

std::unexpected<Error> damaged(std::string_view what) {
  return fail(ErrorCode::kDataLoss, "model: {}", what);
}

/// Takes numbers and blocks from the front of the bytes; each fails at the end.
class Reader {
 public:
  explicit Reader(std::string_view bytes) : left_(bytes) {}

  Result<std::uint64_t> number(int bytes) {
    if (left_.size() < static_cast<std::size_t>(bytes)) return damaged("the bytes end too early");
    std::uint64_t value = 0;
    for (int i = 0; i < bytes; ++i) {
      value |=
          static_cast<std::uint64_t>(static_cast<unsigned char>(left_[static_cast<std::size_t>(i)]))
          << (8 * i);
    }
    left_.remove_prefix(static_cast<std::size_t>(bytes));
    return value;
  }

  Result<std::string_view> block() {
    ZHIYIN_TRY(const std::uint64_t size, number(8));
    if (size > left_.size()) return damaged("a block is longer than the bytes");
    const std::string_view out = left_.substr(0, size);
    left_.remove_prefix(size);
    return out;
  }

  [[nodiscard]] bool at_end() const { return left_.empty(); }

 private:
  std::string_view left_;
};

}  // namespace

std::string encode_artefact(const Artefact& artefact) {
  std::string out(kMagic);
  put_number(out, kVersion, 4);
  put_block(out, artefact.kind);
  put_block(out, artefact.header.dump());
  put_block(out, artefact.payload);
  return out + crypto::sha256(out);
}

Result<Artefact> decode_artefact(std::string_view bytes) {
  if (!bytes.starts_with(kMagic)) return damaged("this is not a model file");
  Reader reader(bytes.substr(kMagic.size()));
  ZHIYIN_TRY(const std::uint64_t version, reader.number(4));
  if (version != kVersion) return damaged(fmt::format("version {} is not known", version));
  if (bytes.size() < kMagic.size() + 4 + kChecksumBytes) return damaged("the bytes end too early");
  const std::string_view body = bytes.substr(0, bytes.size() - kChecksumBytes);
  if (crypto::sha256(body) != bytes.substr(body.size())) return damaged("the checksum is wrong");
  Reader blocks(body.substr(kMagic.size() + 4));
  ZHIYIN_TRY(const std::string_view kind, blocks.block());
  ZHIYIN_TRY(const std::string_view header, blocks.block());
  ZHIYIN_TRY(const std::string_view payload, blocks.block());
  if (!blocks.at_end()) return damaged("there are bytes after the payload");
  const auto parsed = parse_json(header, kHeaderBytesMax);
  if (!parsed) return damaged("the header is not JSON");
  return Artefact{std::string(kind), *parsed, std::string(payload)};
}

}  // namespace zhiyin::model
