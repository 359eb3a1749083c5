#include "recommend/impression.h"

#include <bit>
#include <cmath>

#include "base/crypto.h"

namespace zhiyin::recommend {
namespace {

constexpr unsigned char kFirstVersion = 1;
/// Before it the similarity of texts was not known.
constexpr unsigned char kTextVersion = 3;
/// Before it there were no groups of A/B tests.
constexpr unsigned char kGroupVersion = 4;
constexpr unsigned char kVersion = 4;
/// Names of the context: 64 bytes each, so that the longest list fits a record.
constexpr std::size_t kContextMax = 64;
constexpr std::size_t kTextMax = 0xffff;

void put_number(std::string& out, std::uint64_t value, int bytes) {
  char buffer[sizeof value];
  for (int i = 0; i < bytes; ++i) buffer[i] = static_cast<char>(value >> (8 * i) & 255);
  out.append(buffer, static_cast<std::size_t>(bytes));
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

float read_float(Reader& reader) {
  return std::bit_cast<float>(static_cast<std::uint32_t>(reader.number(4)));
}

void put_float(std::string& out, double value) {
  put_number(out, std::bit_cast<std::uint32_t>(static_cast<float>(value)), 4);
}

ItemRef read_ref(Reader& reader) {
  ItemRef out;
  out.kind = reader.text();
  out.id = reader.text();
  return out;
}

ShownItem read_item(Reader& reader, unsigned char version) {
  ShownItem out;
  out.item = read_ref(reader);
  out.source = reader.text();
  out.score = std::bit_cast<double>(reader.number(8));
  out.propensity = read_float(reader);
  if (version == kFirstVersion) return out;
  out.similarity = read_float(reader);
  out.popularity = read_float(reader);
  if (version >= kTextVersion) out.text = read_float(reader);
  out.team = static_cast<std::uint8_t>(reader.number(1));
  return out;
}

/// Of a ShownItem, or of an item of a response as it is shown.
template <class Item>
void put_item(std::string& out, const Item& item, const ShownFacts& facts) {
  put_text(out, item.item.kind);
  put_text(out, item.item.id);
  put_text(out, item.source);
  put_number(out, std::bit_cast<std::uint64_t>(item.score), 8);
  put_float(out, item.propensity);
  put_float(out, facts.similarity);
  put_float(out, facts.popularity);
  put_float(out, facts.text);
  put_number(out, item.team, 1);
}
void put_item(std::string& out, const ShownItem& item) {
  put_item(
      out, item,
      ShownFacts{.similarity = item.similarity, .popularity = item.popularity, .text = item.text});
}
void put_item(std::string& out, const RecommendedItem& item) { put_item(out, item, item.facts); }

void put_group(std::string& out, const Impression& impression) {
  put_text(out, std::string_view(impression.ab).substr(0, kContextMax));
  put_number(out, static_cast<std::uint64_t>(impression.group), 1);
  put_number(out, impression.ab_percent, 1);
}

Result<void> read_group(Reader& reader, Impression& out) {
  out.ab = reader.text();
  if (out.ab.size() > kContextMax) return damaged("a name is too long");
  const std::uint64_t group = reader.number(1);
  out.ab_percent = static_cast<std::uint8_t>(reader.number(1));
  constexpr auto kLast = static_cast<std::uint64_t>(AbGroup::kB);
  constexpr std::uint8_t kPercentMost = 99;
  const bool in_test = group != 0;
  if (group > kLast || out.ab_percent > kPercentMost || in_test != !out.ab.empty() ||
      in_test != (out.ab_percent > 0))
    return damaged("the group of a test is none");
  out.group = static_cast<AbGroup>(group);
  return {};
}

/// All of them, or none where they would not fit.
void put_arms(std::string& out, const std::vector<ItemRef>& arms) {
  constexpr std::size_t kRest = 16;  // the count and the checksum
  std::string bytes;
  for (const ItemRef& arm : arms) {
    put_text(bytes, arm.kind);
    put_text(bytes, arm.id);
  }
  const bool fits =
      arms.size() <= kArmsMax && out.size() + bytes.size() + kRest <= storage::kRecordBytesMax;
  put_number(out, fits ? arms.size() : 0, 2);
  if (fits) out += bytes;
}

void put_context(std::string& out, const Impression& impression) {
  for (const std::string_view text :
       {std::string_view(impression.ranker), std::string_view(impression.rival),
        std::string_view(impression.context.device),
        std::string_view(impression.context.channel)}) {
    put_text(out, text.substr(0, kContextMax));
  }
  put_number(out, static_cast<std::uint64_t>(impression.context.time.value_or(Instant{}).us), 8);
}

Result<void> read_context(Reader& reader, Impression& out) {
  for (std::string* text : {&out.ranker, &out.rival, &out.context.device, &out.context.channel}) {
    *text = reader.text();
    if (text->size() > kContextMax) return damaged("a name is too long");
  }
  const Instant time{static_cast<std::int64_t>(reader.number(8))};
  if (time.us != 0) out.context.time = time;
  return {};
}

Result<void> read_arms(Reader& reader, Impression& out) {
  const std::size_t count = reader.number(2);
  if (count > kArmsMax) return damaged("too many arms");
  for (std::size_t i = 0; i < count && reader.ok; ++i) out.arms.push_back(read_ref(reader));
  return {};
}

/// What `impression` says of the list, and these items of it.
template <class Items>
std::string encode(const Impression& impression, const Items& items,
                   const std::vector<ItemRef>& arms) {
  std::string out;
  constexpr std::size_t kHeadBytes = 256;
  constexpr std::size_t kItemBytes = 64;
  out.reserve(kHeadBytes + kItemBytes * (items.size() + arms.size()));
  out += static_cast<char>(kVersion);
  for (const std::string_view text :
       {std::string_view(impression.id), std::string_view(impression.person.value),
        std::string_view(impression.account), std::string_view(impression.context.place),
        std::string_view(impression.model)}) {
    put_text(out, text);
  }
  put_number(out, static_cast<std::uint64_t>(impression.at.us), 8);
  put_context(out, impression);
  put_group(out, impression);
  const std::size_t count = std::min(items.size(), kListMax);
  put_number(out, count, 2);
  for (std::size_t i = 0; i < count; ++i) put_item(out, items[i]);
  put_arms(out, arms);
  put_number(out, crypto::xxh64(out), 8);
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
    out.items.push_back({item.item, item.score, item.propensity, item.source, item.facts.similarity,
                         item.facts.popularity, item.facts.text, item.team});
  }
  out.arms = response.arms;
  return out;
}

std::string encode_impression(const Impression& impression) {
  return encode(impression, impression.items, impression.arms);
}

Result<Impression> decode_impression(std::string_view bytes) {
  constexpr std::size_t kChecksumBytes = 8;
  if (bytes.size() <= kChecksumBytes) return damaged("the bytes end too early");
  const auto version = static_cast<unsigned char>(bytes[0]);
  if (version < kFirstVersion || version > kVersion)
    return damaged(fmt::format("version {} is not known", version));
  const std::string_view body = bytes.substr(0, bytes.size() - kChecksumBytes);
  Reader checksum{bytes.substr(body.size())};
  if (checksum.number(kChecksumBytes) != crypto::xxh64(body))
    return damaged("the checksum is wrong");
  Reader reader{body.substr(1)};
  Impression out;
  out.id = reader.text();
  out.person.value = reader.text();
  out.account = reader.text();
  out.context.place = reader.text();
  out.model = reader.text();
  out.at.us = static_cast<std::int64_t>(reader.number(8));
  if (version != kFirstVersion) {
    ZHIYIN_TRY_VOID(read_context(reader, out));
  }
  if (version >= kGroupVersion) {
    ZHIYIN_TRY_VOID(read_group(reader, out));
  }
  const std::size_t count = reader.number(2);
  if (count > kListMax) return damaged("too many items");
  for (std::size_t i = 0; i < count && reader.ok; ++i)
    out.items.push_back(read_item(reader, version));
  if (version != kFirstVersion) {
    ZHIYIN_TRY_VOID(read_arms(reader, out));
  }
  if (!reader.ok || !reader.left.empty()) return damaged("the items do not fill the record");
  for (const ShownItem& shown : out.items) {
    constexpr std::uint8_t kTeams = 2;
    constexpr float kTextMost = 1.001F;  // a cosine, rounded
    if (shown.team > kTeams) return damaged("there is no such team");
    if (!(shown.propensity > 0 && shown.propensity <= 1) || std::isnan(shown.score) ||
        !std::isfinite(shown.similarity) || !std::isfinite(shown.popularity) ||
        !(shown.text >= -kTextMost && shown.text <= kTextMost)) {
      return damaged("a propensity, score or similarity is out of range");
    }
  }
  return out;
}

storage::NewRecord impression_record(const Impression& impression) {
  return {storage::partition_of("", "person", impression.person.value),
          encode_impression(impression)};
}

storage::NewRecord impression_record(const Impression& head, const RecommendResponse& response) {
  return {storage::partition_of("", "person", head.person.value),
          encode(head, response.items, response.arms)};
}

}  // namespace zhiyin::recommend
