#include <bit>
#include <cstring>

#include "base/crypto.h"
#include "ingest/detail/record_codec.h"
#include "ingest/event.h"

namespace zhiyin::ingest {
namespace {

constexpr unsigned char kVersion = 1;
constexpr std::size_t kChecksumBytes = 4;
constexpr unsigned char kHasItem = 1;
constexpr unsigned char kHasValue = 2;
constexpr unsigned char kHasProperties = 4;
constexpr unsigned char kHasSealed = 8;
constexpr unsigned char kAllFlags = 15;

std::uint64_t zigzag(std::int64_t v) {
  return (static_cast<std::uint64_t>(v) << 1) ^ static_cast<std::uint64_t>(v >> 63);
}
std::int64_t unzigzag(std::uint64_t v) {
  return static_cast<std::int64_t>(v >> 1) ^ -static_cast<std::int64_t>(v & 1);
}

// Writes into memory that is known to be large enough.
struct Writer {
  char* p;
  void byte(unsigned char b) { *p++ = static_cast<char>(b); }
  void varint(std::uint64_t v) {
    while (v >= 0x80) {
      byte(static_cast<unsigned char>(v | 0x80));
      v >>= 7;
    }
    byte(static_cast<unsigned char>(v));
  }
  void raw(const void* data, std::size_t n) {
    if (n != 0) std::memcpy(p, data, n);
    p += n;
  }
  void text(std::string_view s) {
    varint(s.size());
    raw(s.data(), s.size());
  }
};

struct Reader {
  const unsigned char* p;
  const unsigned char* end;
  bool ok = true;

  unsigned char byte() {
    if (p == end) {
      ok = false;
      return 0;
    }
    return *p++;
  }
  std::uint64_t varint() {
    std::uint64_t v = 0;
    for (int shift = 0; shift < 64; shift += 7) {
      const unsigned char b = byte();
      v |= static_cast<std::uint64_t>(b & 0x7f) << shift;
      if ((b & 0x80) == 0) return v;
    }
    ok = false;
    return 0;
  }
  std::string text() {
    const std::uint64_t n = varint();
    if (!ok || n > static_cast<std::uint64_t>(end - p)) {
      ok = false;
      return {};
    }
    std::string s(reinterpret_cast<const char*>(p), n);
    p += n;
    return s;
  }
  IdentityHash hash() {
    IdentityHash h{};
    if (static_cast<std::size_t>(end - p) < h.size()) {
      ok = false;
      return h;
    }
    std::memcpy(h.data(), p, h.size());
    p += h.size();
    return h;
  }
};

std::uint32_t checksum(std::string_view bytes) {
  return static_cast<std::uint32_t>(crypto::xxh64(bytes));
}

void put_u32(char* p, std::uint32_t v) {
  for (int i = 0; i < 4; ++i) p[i] = static_cast<char>(v >> (8 * i) & 255);
}
std::uint32_t get_u32(const char* p) {
  std::uint32_t v = 0;
  for (int i = 0; i < 4; ++i)
    v |= static_cast<std::uint32_t>(static_cast<unsigned char>(p[i])) << (8 * i);
  return v;
}

std::unexpected<Error> damaged(std::string_view what) {
  return fail(ErrorCode::kDataLoss, "event record: {}", what);
}

}  // namespace

std::string detail::encode_record(const RecordView& r) {
  const EventView& e = r.event;
  // 10 bytes bound a varint; there are 3 numbers, 8 lengths and 3 single bytes.
  const std::size_t bound = 14 * 10 + e.event_id.size() + e.account.size() + e.kind.size() +
                            r.source.size() + e.item_kind.size() + e.item_id.size() +
                            e.properties.size() + r.sealed.size() +
                            r.identities.size() * sizeof(IdentityHash) + kChecksumBytes;
  // Most records are short: they are put together on the stack, so that the string is allocated
  // once with its size.
  constexpr std::size_t kOnStack = 2048;
  char stack[kOnStack];
  std::string heap;
  char* begin = stack;
  if (bound > kOnStack) {
    heap.resize(bound);
    begin = heap.data();
  }
  Writer w{begin};
  unsigned char flags = 0;
  if (e.has_item) flags |= kHasItem;
  if (e.value) flags |= kHasValue;
  if (!e.properties.empty()) flags |= kHasProperties;
  if (!r.sealed.empty()) flags |= kHasSealed;
  w.byte(kVersion);
  w.byte(flags);
  w.varint(zigzag(e.occurred_at->us));
  // Unsigned, as in decode_event: any two moments can be written.
  w.varint(zigzag(static_cast<std::int64_t>(static_cast<std::uint64_t>(r.received_at.us) -
                                            static_cast<std::uint64_t>(e.occurred_at->us))));
  w.text(e.event_id);
  w.text(e.account);
  w.text(e.kind);
  w.text(r.source);
  w.byte(static_cast<unsigned char>(r.identities.size()));
  for (const IdentityHash& hash : r.identities) w.raw(hash.data(), hash.size());
  if (e.has_item) {
    w.text(e.item_kind);
    w.text(e.item_id);
  }
  if (e.value) w.varint(zigzag(*e.value));
  if (!e.properties.empty()) w.text(e.properties);
  if (!r.sealed.empty()) w.text(r.sealed);
  const auto size = static_cast<std::size_t>(w.p - begin);
  put_u32(w.p, checksum({begin, size}));
  if (bound > kOnStack) {
    heap.resize(size + kChecksumBytes);
    return heap;
  }
  return {begin, size + kChecksumBytes};
}

std::string encode_event(const Event& event) {
  EventView v;
  v.event_id = event.event_id;
  v.account = event.account;
  v.kind = event.kind;
  v.has_item = event.item.has_value();
  if (v.has_item) {
    v.item_kind = event.item->kind;
    v.item_id = event.item->id;
  }
  v.value = event.value;
  v.properties = event.properties;
  v.occurred_at = event.occurred_at;
  return detail::encode_record(
      {v, event.identities, event.sealed, event.source, event.received_at});
}

storage::NewRecord tick_record(Instant now) {
  Event tick;
  tick.event_id = fmt::format("tick.{}", now.us);
  tick.account = "zhiyin";
  tick.identities.emplace_back();
  tick.kind = kTickKind;
  tick.occurred_at = now;
  tick.received_at = now;
  tick.source = "own";
  return {0, encode_event(tick)};
}

Result<Event> decode_event(std::string_view bytes) {
  if (bytes.size() < 2 + kChecksumBytes) return damaged("too short");
  if (static_cast<unsigned char>(bytes[0]) != kVersion) return damaged("unknown version");
  const std::string_view body = bytes.substr(0, bytes.size() - kChecksumBytes);
  if (get_u32(body.data() + body.size()) != checksum(body))
    return damaged("checksum does not match");
  const auto* p = reinterpret_cast<const unsigned char*>(body.data());
  Reader r{p + 1, p + body.size()};
  Event e;
  const unsigned char flags = r.byte();
  e.occurred_at.us = unzigzag(r.varint());
  // Unsigned, so that nonsense in a record that still has a right checksum cannot overflow.
  e.received_at.us = static_cast<std::int64_t>(static_cast<std::uint64_t>(e.occurred_at.us) +
                                               static_cast<std::uint64_t>(unzigzag(r.varint())));
  e.event_id = r.text();
  e.account = r.text();
  e.kind = r.text();
  e.source = r.text();
  const std::size_t identities = r.byte();
  if (identities == 0 || identities > kIdentitiesMax)
    return damaged("number of identities is out of range");
  e.identities.reserve(identities);
  for (std::size_t i = 0; i < identities; ++i) e.identities.push_back(r.hash());
  if ((flags & kHasItem) != 0) {
    e.item.emplace();
    e.item->kind = r.text();
    e.item->id = r.text();
  }
  if ((flags & kHasValue) != 0) e.value = unzigzag(r.varint());
  if ((flags & kHasProperties) != 0) e.properties = r.text();
  if ((flags & kHasSealed) != 0) e.sealed = r.text();
  if (!r.ok) return damaged("a length points behind the end");
  if ((flags & ~kAllFlags) != 0 || r.p != r.end)
    return damaged("bytes that this version does not know");
  return e;
}

}  // namespace zhiyin::ingest
