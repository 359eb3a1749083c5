#include "recommend/impression.h"

#include <bit>
#include <cmath>

#include "base/crypto.h"

namespace zhiyin::recommend {
namespace {

constexpr unsigned char kVersion = 1;
constexpr std::size_t kTextMax = 0xffff;

void put_number(std::string& out, std::uint64_t value, int bytes) {
  for (int i = 0; i < bytes; ++i) out += static_cast<char>(value >> (8 * i) & 255);
}

void put_text(std::string& out, std::string_view text) {
  // Our own ids are far shorter; a longer one would make the record unreadable.
  text = text.substr(0, kTextMax);
  put_number(out, text.size(), 2);
  out += text;
}

std::unexpected<Error> damaged(std::string_view what) {
  return fail(ErrorCode::kDataLoss, "impression: {}", what);
}

/// Takes values from the front; after the end everything is zero and `ok` is false.
struct Reader {
  std::string_view left;
  bool ok = true;

  std::uint64_t number(std::size_t bytes) {
    if (left.size() < bytes) {
      ok = false;
      return 0;
    }
    std::uint64_t value = 0;
    for (std::size_t i = 0; i < bytes; ++i) {
      value |= static_cast<std::uint64_t>(static_cast<unsigned char>(left[i])) << (8 * i);
    }
    left.remove_prefix(bytes);
    return value;
  }

  std::string text() {
    const std::size_t size = number(2);
    if (left.size() < size) {
      ok = false;
      return {};
    }
    std::string out(left.substr(0, size));
    left.remove_prefix(size);
    return out;
  }
};

ShownItem read_item(Reader& reader) {
  ShownItem out;
  out.item.kind = reader.text();
  out.item.id = reader.text();
  out.source = reader.text();
  out.score = std::bit_cast<double>(reader.number(8));
  out.propensity = std::bit_cast<float>(static_cast<std::uint32_t>(reader.number(4)));
  return out;
}

}  // namespace

Impression impression_of(const RecommendResponse& response, PersonId person, std::string model,
                         Instant at) {
  Impression out;
  out.person = std::move(person);
  out.model = std::move(model);
  out.at = at;
  for (const RecommendedItem& item : response.items) {
    out.items.push_back({item.item, item.score, item.propensity, item.source});
  }
  return out;
}

std::string encode_impression(const Impression& impression) {
  std::string out(1, static_cast<char>(kVersion));
  for (const std::string_view text :
       {std::string_view(impression.id), std::string_view(impression.person.value),
        std::string_view(impression.account), std::string_view(impression.place),
        std::string_view(impression.model)}) {
    put_text(out, text);
  }
  put_number(out, static_cast<std::uint64_t>(impression.at.us), 8);
  const std::size_t count = std::min(impression.items.size(), kListMax);
  put_number(out, count, 2);
  for (std::size_t i = 0; i < count; ++i) {
    const ShownItem& shown = impression.items[i];
    put_text(out, shown.item.kind);
    put_text(out, shown.item.id);
    put_text(out, shown.source);
    put_number(out, std::bit_cast<std::uint64_t>(shown.score), 8);
    put_number(out, std::bit_cast<std::uint32_t>(static_cast<float>(shown.propensity)), 4);
  }
  put_number(out, crypto::xxh64(out), 8);
  return out;
}

Result<Impression> decode_impression(std::string_view bytes) {
  constexpr std::size_t kChecksumBytes = 8;
  if (bytes.size() <= kChecksumBytes) return damaged("the bytes end too early");
  if (static_cast<unsigned char>(bytes[0]) != kVersion) {
    return damaged(fmt::format("version {} is not known", static_cast<unsigned char>(bytes[0])));
  }
  const std::string_view body = bytes.substr(0, bytes.size() - kChecksumBytes);
  Reader checksum{bytes.substr(body.size())};
  if (checksum.number(kChecksumBytes) != crypto::xxh64(body))
    return damaged("the checksum is wrong");
  Reader reader{body.substr(1)};
  Impression out;
  out.id = reader.text();
  out.person.value = reader.text();
  out.account = reader.text();
  out.place = reader.text();
  out.model = reader.text();
  out.at.us = static_cast<std::int64_t>(reader.number(8));
  const std::size_t count = reader.number(2);
  if (count > kListMax) return damaged("too many items");
  for (std::size_t i = 0; i < count && reader.ok; ++i) out.items.push_back(read_item(reader));
  if (!reader.ok || !reader.left.empty()) return damaged("the items do not fill the record");
  for (const ShownItem& shown : out.items) {
    if (!(shown.propensity > 0 && shown.propensity <= 1) || std::isnan(shown.score)) {
      return damaged("a propensity or score is out of range");
    }
  }
  return out;
}

storage::NewRecord impression_record(const Impression& impression) {
  return {storage::partition_of("", "person", impression.person.value),
          encode_impression(impression)};
}

}  // namespace zhiyin::recommend
