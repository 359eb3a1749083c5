// Segment trees: whatever is accepted writes itself back, becomes SQL, and can be evaluated and
// explained.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "audience/segment.h"
#include "audience/segment_query.h"
#include "base/check.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace zhiyin;
  constexpr Instant kNow{1'780'000'000'000'000};
  const auto tree = audience::SegmentTree::parse({reinterpret_cast<const char*>(data), size});
  if (!tree) return 0;
  const Json json = tree->to_json();
  const auto again = audience::SegmentTree::from_json(json);
  ZHIYIN_CHECK(again && again->to_json() == json);
  ZHIYIN_CHECK(!audience::to_sql(*tree, kNow).sql.empty());
  audience::PersonView view;
  view.identities.resize(1);
  for (const char* kind : {"read", "follow", "trait.set", "purchase"}) {
    audience::Activity activity;
    activity.at = kNow;
    activity.kind = kind;
    activity.account = "shop";
    activity.properties = R"({"city":"上海","level":3})";
    view.activity.push_back(activity);
  }
  const auto no_tags = [](const ingest::ItemRef&) { return std::span<const catalogue::ItemTag>(); };
  const bool member = audience::evaluate(*tree, view, no_tags, kNow);
  ZHIYIN_CHECK(audience::explain(*tree, view, no_tags, kNow)["result"].bool_or(!member) == member);
  return 0;
}
