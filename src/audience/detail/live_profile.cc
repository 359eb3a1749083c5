#include "audience/detail/live_profile.h"

#include <algorithm>
#include <cstring>
#include <optional>
#include <utility>

#include "audience/detail/comparison.h"
#include "audience/features.h"
#include "base/crypto.h"

namespace zhiyin::audience::detail {
namespace {

__extension__ using Wide = __int128;

constexpr std::int64_t kDayUs = 86'400'000'000;
constexpr std::int64_t kLocalOffsetUs = 8LL * 3'600'000'000;
constexpr std::size_t kSumEntriesMax = 4096;
constexpr unsigned char kFormat = 2;
constexpr unsigned char kFirstFormat = 1;  // that began in the same way

constexpr Wide kSumMax = Wide{1} << 62;

std::int64_t saturated(Wide v) {
  constexpr Wide kMax = std::numeric_limits<std::int64_t>::max();
  return static_cast<std::int64_t>(std::clamp<Wide>(v, -kMax, kMax));
}

std::int64_t hash_of(const ingest::ItemRef& item) {
  std::string text = item.kind;
  text += '\0';
  text += item.id;
  return static_cast<std::int64_t>(crypto::xxh64(text));
}

std::uint64_t zigzag(std::int64_t v) {
  return (static_cast<std::uint64_t>(v) << 1) ^ static_cast<std::uint64_t>(v >> 63);
}
std::int64_t unzigzag(std::uint64_t v) {
  return static_cast<std::int64_t>(v >> 1) ^ -static_cast<std::int64_t>(v & 1);
}

void put_varint(std::string& out, std::uint64_t v) {
  while (v >= 0x80) {
    out += static_cast<char>(v | 0x80);
    v >>= 7;
  }
  out += static_cast<char>(v);
}

struct Reader {
  std::string_view left;
  bool ok = true;

  std::uint64_t varint() {
    std::uint64_t v = 0;
    for (int shift = 0; shift < 64; shift += 7) {
      if (left.empty()) break;
      const auto b = static_cast<unsigned char>(left.front());
      left.remove_prefix(1);
      v |= static_cast<std::uint64_t>(b & 0x7f) << shift;
      if ((b & 0x80) == 0) return v;
    }
    ok = false;
    return 0;
  }
  std::int64_t number() { return unzigzag(varint()); }
};

/// The numbers are a person's own; the limit only keeps damaged bytes from asking for memory.
std::vector<std::int64_t> read_members(Reader& r) {
  std::vector<std::int64_t> members;
  const std::uint64_t n = r.varint();
  std::int64_t last = 0;
  for (std::uint64_t i = 0; i < n && r.ok; ++i) {
    last += static_cast<std::int64_t>(r.varint());
    members.push_back(last);
  }
  if (!r.ok) members.clear();
  return members;
}

/// Format, generation and members; they are alike in all formats. Nothing when it is none of them.
std::optional<std::pair<std::uint64_t, std::int64_t>> read_head(
    Reader& r, std::vector<std::int64_t>& members) {
  members.clear();
  const std::uint64_t format = r.varint();
  if (format < kFirstFormat || format > kFormat) return std::nullopt;
  const std::int64_t generation = r.number();
  members = read_members(r);
  if (!r.ok) return std::nullopt;
  return std::pair(format, generation);
}

bool fits(const LiveLeaf& leaf, const LiveEvent& e, const TagLookup& tags) {
  if (!leaf.account.empty() && leaf.account != e.account) return false;
  if (!leaf.needs_item) return true;
  if (e.item == nullptr) return false;
  if (!leaf.item.kind.empty() && leaf.item.kind != e.item->kind) return false;
  if (!leaf.item.id.empty() && leaf.item.id != e.item->id) return false;
  return leaf.item.tag.empty() ||
         std::ranges::any_of(tags(*e.item),
                             [&](const catalogue::ItemTag& t) { return t.tag == leaf.item.tag; });
}

using Truth = LiveProfile::Truth;
Truth truth_of(bool yes) { return yes ? Truth::kYes : Truth::kNo; }

/// When a growing number of days first gives another answer.
std::int64_t days_due(const LiveLeaf& leaf, std::int64_t from, std::int64_t days, bool now) {
  std::int64_t next = kNever;
  for (const IntCompare& c : leaf.compare) {
    for (const std::int64_t k : {c.operand / kMicro, c.operand / kMicro + 1}) {
      if (k > days && k < next && all_hold(leaf.compare, saturated(Wide{k} * kMicro)) != now)
        next = k;
    }
  }
  return next == kNever ? kNever : saturated(Wide{from} + Wide{next} * kDayUs);
}

}  // namespace

void LiveProfile::reset(const LivePlan& plan) {
  members.clear();
  due = kNever;
  memory_.resize(plan.leaves.size());
  for (std::size_t i = 0; i < memory_.size(); ++i) {
    Memory& m = memory_[i];
    m.count = m.sum = m.at = 0;
    m.overflow = false;
    m.ring.clear();
    m.scanned = truth_of(plan.leaves[i].of_nobody);
    m.scan_due = kNever;
  }
}

std::vector<std::int64_t> LiveProfile::members_of(std::string_view bytes) {
  Reader r{bytes};
  std::vector<std::int64_t> members;
  (void)read_head(r, members);
  return members;
}

bool LiveProfile::decode(const LivePlan& plan, std::string_view bytes) {
  reset(plan);
  Reader r{bytes};
  if (read_head(r, members) != std::pair<std::uint64_t, std::int64_t>(kFormat, plan.generation))
    return false;
  for (Memory& m : memory_) m.scanned = Truth::kStale;
  std::int64_t at = 0;  // of rings: each entry from the one before, newest first
  for (;;) {
    const std::uint64_t place = r.varint();
    if (place == 0 || !r.ok) break;
    if (place > memory_.size()) return false;
    const LiveLeaf& leaf = plan.leaves[place - 1];
    Memory& m = memory_[place - 1];
    m.overflow = r.varint() != 0;
    if (scans(plan, place - 1)) {
      m.scanned = truth_of(r.varint() != 0);
      m.scan_due = r.number();
    } else if (leaf.form == LeafForm::kRing) {
      const std::uint64_t n = r.varint();
      if (n > r.left.size()) return false;
      m.ring.resize(n);
      for (std::uint64_t i = n; i > 0; --i) {
        at += r.number();
        Entry& e = m.ring[i - 1];
        e = {at, leaf.sum || leaf.key == RingKey::kItem ? r.number() : 0};
        if (leaf.sum) {
          m.sum = saturated(Wide{m.sum} + e.key);
          m.count += e.key < 0;
        }
      }
      m.at = leaf.sum ? r.number() : 0;
    } else {
      m.count = r.number();
      m.sum = r.number();
      m.at = r.number();
    }
  }
  return r.ok;
}

std::string LiveProfile::encode(const LivePlan& plan) const {
  std::string out;
  out.reserve(256);
  put_varint(out, kFormat);
  put_varint(out, zigzag(plan.generation));
  put_varint(out, members.size());
  std::int64_t last = 0;
  for (const std::int64_t number : members) {
    put_varint(out, static_cast<std::uint64_t>(number - last));
    last = number;
  }
  std::int64_t at = 0;
  for (std::size_t i = 0; i < memory_.size(); ++i) {
    const LiveLeaf& leaf = plan.leaves[i];
    const Memory& m = memory_[i];
    if (scans(plan, i)) {
      if (m.scanned == Truth::kStale && !m.overflow) continue;
      put_varint(out, i + 1);
      put_varint(out, m.overflow ? 1 : 0);
      put_varint(out, m.scanned == Truth::kYes ? 1 : 0);
      // A stale answer of a ring that overflowed is one that no longer holds.
      put_varint(out,
                 zigzag(m.scanned == Truth::kStale ? std::numeric_limits<std::int64_t>::min() / 2
                                                   : m.scan_due));
    } else if (leaf.form == LeafForm::kRing) {
      if (m.ring.empty()) continue;
      put_varint(out, i + 1);
      put_varint(out, 0);
      put_varint(out, m.ring.size());
      for (std::size_t n = m.ring.size(); n > 0; --n) {
        const Entry& e = m.ring[n - 1];
        put_varint(out, zigzag(e.at - at));
        at = e.at;
        if (leaf.sum || leaf.key == RingKey::kItem) put_varint(out, zigzag(e.key));
      }
      if (leaf.sum) put_varint(out, zigzag(m.at));
    } else {
      if (m.count == 0) continue;
      put_varint(out, i + 1);
      put_varint(out, 0);
      put_varint(out, zigzag(m.count));
      put_varint(out, zigzag(m.sum));
      put_varint(out, zigzag(m.at));
    }
  }
  put_varint(out, 0);
  return out;
}

void LiveProfile::trim(const LiveLeaf& leaf, const LiveRing& ring, Memory& m) {
  if (!leaf.sum) {
    if (m.ring.size() > ring.cap)
      m.ring.erase(m.ring.begin(), m.ring.end() - static_cast<std::ptrdiff_t>(ring.cap));
    return;
  }
  // Without values below zero the newest that are enough decide; what is older leaves before them.
  std::size_t drop = 0;
  while (m.count == 0 && drop + 1 < m.ring.size() && m.sum - m.ring[drop].key >= ring.enough)
    m.sum -= m.ring[drop++].key;
  if (drop != 0) {
    m.ring.erase(m.ring.begin(), m.ring.begin() + static_cast<std::ptrdiff_t>(drop));
    m.at = 1;
  }
  if (m.ring.size() > kSumEntriesMax) m.overflow = true;
}

void LiveProfile::put(const LiveLeaf& leaf, const LiveRing& ring, Memory& m, const LiveEvent& e,
                      std::int64_t now) {
  if (e.at <= now - ring.window.count()) return;
  Entry entry{e.at, 0};
  if (leaf.sum) {
    constexpr std::int64_t kValueMax = std::int64_t{1} << 53;
    if (e.value > kValueMax || e.value < -kValueMax || (e.value < 0 && m.at != 0)) {
      m.overflow = true;
      return;
    }
    entry.key = e.value;
    m.sum += e.value;
    m.count += e.value < 0;
  } else if (leaf.key != RingKey::kEvent) {
    if (leaf.key == RingKey::kItem) entry.key = hash_of(*e.item);
    const auto same = std::ranges::find_if(m.ring, [&](const Entry& other) {
      return leaf.key == RingKey::kItem
                 ? other.key == entry.key
                 : (other.at + kLocalOffsetUs) / kDayUs == (entry.at + kLocalOffsetUs) / kDayUs;
    });
    if (same != m.ring.end()) {
      if (same->at >= entry.at) return;
      m.ring.erase(same);
    }
  }
  auto place = m.ring.end();
  while (place != m.ring.begin() && std::prev(place)->at > entry.at) --place;
  m.ring.insert(place, entry);
  trim(leaf, ring, m);
}

void LiveProfile::add(const LivePlan& plan, const LiveEvent& e, const TagLookup& tags,
                      std::int64_t now) {
  for (const std::size_t i : plan.leaves_of(e.kind)) {
    const LiveLeaf& leaf = plan.leaves[i];
    if (!fits(leaf, e, tags)) continue;
    Memory& m = memory_[i];
    if (scans(plan, i)) {
      m.scanned = Truth::kStale;
      continue;
    }
    switch (leaf.form) {
      case LeafForm::kTotal:
        if (leaf.mean && (e.value < -kMeanValueMax || e.value > kMeanValueMax)) break;
        ++m.count;
        // Beyond that the query's own sum, which is cut once and at the end, is asked for.
        if (const Wide sum = Wide{m.sum} + e.value; sum > kSumMax || sum < -kSumMax) {
          m.overflow = true;
          m.scanned = Truth::kStale;
        } else {
          m.sum = static_cast<std::int64_t>(sum);
        }
        break;
      case LeafForm::kRing:
        if (leaf.ring != i) break;  // is kept with another, which comes before this one
        put(leaf, plan.rings[i], m, e, now);
        if (!m.overflow) break;
        m.ring.clear();
        m.scanned = Truth::kStale;
        break;
      case LeafForm::kSinceLast:
        m.at = m.count == 0 ? e.at : std::max(m.at, e.at);
        m.count = 1;
        break;
      case LeafForm::kSinceFirst:
        m.at = m.count == 0 ? e.at : std::min(m.at, e.at);
        m.count = 1;
        break;
      case LeafForm::kEveryone:
      case LeafForm::kScan:
        break;
    }
  }
}

void LiveProfile::forget_scans(const LivePlan& plan) {
  for (std::size_t i = 0; i < memory_.size(); ++i) {
    if (scans(plan, i)) memory_[i].scanned = Truth::kStale;
  }
}

void LiveProfile::answer(const LivePlan& plan, std::size_t i, std::int64_t now) {
  const LiveLeaf& leaf = plan.leaves[i];
  Memory& m = memory_[i];
  dues_[i] = kNever;
  if (scans(plan, i)) {
    if (m.scan_due <= now) m.scanned = Truth::kStale;
    truths_[i] = m.scanned;
    dues_[i] = m.scanned == Truth::kStale ? kNever : m.scan_due;
    return;
  }
  switch (leaf.form) {
    case LeafForm::kEveryone:
      truths_[i] = Truth::kYes;
      return;
    case LeafForm::kTotal: {
      if (leaf.mean) {
        truths_[i] =
            truth_of(m.count != 0 &&
                     all_hold(leaf.compare, static_cast<std::int64_t>(Wide{100} * m.sum / m.count) *
                                                (kMicro / 100)));
        return;
      }
      const std::int64_t found = saturated(Wide{leaf.sum ? m.sum : m.count} * leaf.unit);
      truths_[i] = truth_of(all_hold(leaf.compare, found));
      return;
    }
    case LeafForm::kSinceLast:
    case LeafForm::kSinceFirst: {
      if (m.count == 0) {
        truths_[i] = Truth::kNo;
        return;
      }
      const std::int64_t days = (now - m.at) / kDayUs;
      const bool yes = all_hold(leaf.compare, saturated(Wide{days} * kMicro));
      truths_[i] = truth_of(yes);
      dues_[i] = days_due(leaf, m.at, days, yes);
      return;
    }
    case LeafForm::kRing:
      if (leaf.ring == i) expire(leaf, plan.rings[i], m, now);
      answer_by_ring(leaf, i, now);
      return;
    case LeafForm::kScan:
      return;
  }
}

void LiveProfile::expire(const LiveLeaf& leaf, const LiveRing& ring, Memory& m, std::int64_t now) {
  std::size_t gone = 0;
  while (gone < m.ring.size() && m.ring[gone].at <= now - ring.window.count()) {
    if (leaf.sum) {
      m.sum -= m.ring[gone].key;
      m.count -= m.ring[gone].key < 0;
    }
    ++gone;
  }
  if (gone == 0) return;
  m.ring.erase(m.ring.begin(), m.ring.begin() + static_cast<std::ptrdiff_t>(gone));
  m.at = 0;  // what was dropped was older
}

void LiveProfile::answer_by_ring(const LiveLeaf& leaf, std::size_t i, std::int64_t now) {
  const std::vector<Entry>& ring = memory_[leaf.ring].ring;
  const std::int64_t window = leaf.window->count();
  const auto first =
      std::ranges::find_if(ring, [&](const Entry& e) { return e.at > now - window; });
  Wide found = 0;
  for (auto e = first; e != ring.end(); ++e) found += leaf.sum ? e->key : 1;
  const bool yes = all_hold(leaf.compare, saturated(found * leaf.unit));
  truths_[i] = truth_of(yes);
  for (auto e = first; e != ring.end(); ++e) {
    found -= leaf.sum ? e->key : 1;
    if (all_hold(leaf.compare, saturated(found * leaf.unit)) == yes) continue;
    dues_[i] = e->at + window;
    return;
  }
}

LiveProfile::Truth LiveProfile::answer_of(const LiveNode& node) const {
  switch (node.op) {
    case LiveNode::Op::kLeaf:
      return truths_[node.leaf];
    case LiveNode::Op::kNot: {
      const Truth t = answer_of(node.children.front());
      return t == Truth::kStale ? t : truth_of(t == Truth::kNo);
    }
    case LiveNode::Op::kAnd:
    case LiveNode::Op::kOr:
      break;
  }
  const Truth decides = node.op == LiveNode::Op::kAnd ? Truth::kNo : Truth::kYes;
  bool stale = false;
  for (const LiveNode& child : node.children) {
    const Truth t = answer_of(child);
    if (t == decides) return decides;
    stale = stale || t == Truth::kStale;
  }
  return stale ? Truth::kStale : truth_of(node.op == LiveNode::Op::kAnd);
}

void LiveProfile::collect_stale(const LiveNode& node, std::vector<std::size_t>& out) const {
  if (node.op == LiveNode::Op::kLeaf) {
    if (truths_[node.leaf] == Truth::kStale) out.push_back(node.leaf);
    return;
  }
  if (answer_of(node) != Truth::kStale) return;
  for (const LiveNode& child : node.children) collect_stale(child, out);
}

Result<void> LiveProfile::evaluate(const LivePlan& plan, std::int64_t now, const Scan& scan) {
  truths_.resize(memory_.size());
  dues_.resize(memory_.size());
  for (std::size_t i = 0; i < memory_.size(); ++i) answer(plan, i, now);
  std::vector<std::size_t> stale;
  for (const LiveSegment& segment : plan.segments) collect_stale(segment.root, stale);
  if (!stale.empty()) {
    std::ranges::sort(stale);
    stale.erase(std::unique(stale.begin(), stale.end()), stale.end());
    ZHIYIN_TRY(const std::vector<Scanned> found, scan(stale));
    for (std::size_t n = 0; n < stale.size(); ++n) {
      Memory& m = memory_[stale[n]];
      m.scanned = truth_of(found[n].truth);
      m.scan_due = found[n].due;
      truths_[stale[n]] = m.scanned;
      dues_[stale[n]] = m.scan_due;
    }
  }
  members.clear();
  for (const LiveSegment& segment : plan.segments) {
    if (answer_of(segment.root) == Truth::kYes) members.push_back(segment.number);
  }
  due = dues_.empty() ? kNever : std::ranges::min(dues_);
  return {};
}

}  // namespace zhiyin::audience::detail
