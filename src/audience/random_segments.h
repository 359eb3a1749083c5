#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "audience/features.h"
#include "audience/test_world.h"
#include "base/random.h"

/// For tests: random histories, catalogues and condition trees, made so that borders occur.
namespace zhiyin::audience::random_segments {

inline constexpr std::string_view kKinds[] = {
    "read",     "like",   "share",     "comment", "purchase", "click",      "follow",
    "unfollow", "rating", "trait.set", "message", "show",     "touch.sent", "checkin"};
inline constexpr std::string_view kTags[] = {"母婴", "数码", "美食", "旅行"};
inline constexpr std::string_view kAccounts[] = {"shop", "mini"};

template <class T, std::size_t N>
const T& pick(Random& random, const T (&list)[N]) {
  return list[random.below(N)];
}

/// Often exactly on the border of a window, or a microsecond beside it; sometimes after the moment.
inline Duration random_ago(Random& random) {
  constexpr std::int64_t kDays[] = {0, 1, 7, 20, 27, 30, 90};
  const Duration border = kDay * pick(random, kDays);
  switch (random.below(4)) {
    case 0:
      return border + Duration(static_cast<std::int64_t>(random.below(3)) - 1);
    case 1:
      return std::chrono::hours(random.below(24 * 120));
    default:
      return Duration(static_cast<std::int64_t>(random.below(40 * 86'400'000'000)) - 3'600'000'000);
  }
}

inline std::string random_traits(Random& random) {
  constexpr std::string_view kValues[] = {R"({"city":"上海"})", R"({"city":"北京","level":3})",
                                          R"({"level":"12"})",  R"({"level":2.5,"vip":true})",
                                          R"({"city":null})",   R"({"vip":false})",
                                          R"({"level":"x"})",   R"({"vip":null,"level":[1]})"};
  return std::string(pick(random, kValues));
}

inline std::vector<ingest::LoggedEvent> random_events(World& world, Random& random,
                                                      std::size_t people, int events) {
  const auto of_shop = world.openids("s", people / 2, "shop");
  auto identities = world.openids("m", people - people / 2, "mini");
  for (std::size_t i = 0; i < of_shop.size(); ++i)
    identities.insert(identities.begin() + static_cast<std::ptrdiff_t>(2 * i), of_shop[i]);
  std::vector<ingest::LoggedEvent> list;
  for (int i = 0; i < events; ++i) {
    // Some have many events, some one, and the last are never the key of any.
    const auto active = people - 5;
    std::vector<IdentityHash> who{identities[random.below(1 + random.below(active))]};
    if (random.below(150) == 0) who.push_back(identities[random.below(identities.size())]);
    if (i < 5) who.push_back(identities[people - 1 - static_cast<std::size_t>(i)]);
    auto e = world.event(who, std::string(pick(random, kKinds)), random_ago(random));
    e.event.account = pick(random, kAccounts);
    if (random.below(3) != 0)
      e.event.item = ingest::ItemRef{random.below(3) == 0 ? "product" : "article",
                                     fmt::format("i{}", random.below(8))};
    if (random.below(2) == 0) e.event.value = static_cast<std::int64_t>(random.below(500)) - 20;
    if (e.event.kind == "trait.set") e.event.properties = random_traits(random);
    list.push_back(std::move(e));
  }
  return list;
}

inline void fill_catalogue(World& world, Random& random) {
  const auto put = [&](int n) {
    std::vector<catalogue::Item> items;
    for (int i = 0; i < n; ++i) {
      for (const char* kind : {"article", "product"}) {
        catalogue::Item item;
        item.kind = kind;
        item.id = fmt::format("i{}", i);
        item.title = item.id;
        for (const std::string_view tag : kTags) {
          if (random.below(2) == 0) item.tags.emplace_back(tag);
        }
        items.push_back(std::move(item));
      }
    }
    World::must(world.items().put(items));
  };
  put(7);
  put(4);  // takes some tags away again
}

/// Trees as people could write them, in JSON.
class Trees {
 public:
  explicit Trees(Random& random) : random_(random) {}

  Json tree(int depth) {
    switch (depth == 0 ? 3 + random_.below(10) : random_.below(13)) {
      case 0:
        return Json::object().set("and", children(depth));
      case 1:
        return Json::object().set("or", children(depth));
      case 2:
        return Json::object().set("not", tree(depth - 1));
      case 3:
      case 4:
      case 5:
        return event();
      case 6:
      case 7:
      case 8:
        return feature();
      case 9:
        return trait();
      case 10:
        return interest();
      case 11:
        return Json::object().set("following", pick(random_, kAccounts));
      default:
        return random_.below(4) == 0 ? Json::object().set("all", true) : event();
    }
  }

 private:
  static constexpr std::string_view kOps[] = {"=", "!=", "<", "<=", ">", ">="};

  Json children(int depth) {
    Json list = Json::array();
    for (std::uint64_t i = 0; i < 1 + random_.below(3); ++i) list.push(tree(depth - 1));
    return list;
  }
  Json compare(Json operand) {
    Json out = Json::object().set(pick(random_, kOps), std::move(operand));
    if (random_.below(6) == 0) out.set(">=", static_cast<std::int64_t>(random_.below(3)));
    return out;
  }
  Json event() {
    Json out = Json::object().set("event", pick(random_, kKinds));
    if (random_.below(2) == 0)
      out.set("count", compare(static_cast<std::int64_t>(random_.below(5)) - 1));
    else if (random_.below(2) == 0)
      out.set("sum", compare(static_cast<std::int64_t>(random_.below(400)) - 10));
    constexpr std::string_view kWindows[] = {"7d", "30d", "90d", "1s", "24h"};
    if (random_.below(3) != 0) out.set("window", pick(random_, kWindows));
    if (random_.below(3) == 0) {
      Json item = Json::object();
      if (random_.below(2) == 0) item.set("kind", random_.below(2) == 0 ? "product" : "article");
      if (random_.below(3) == 0) item.set("id", fmt::format("i{}", random_.below(8)));
      if (random_.below(2) == 0) item.set("tag", pick(random_, kTags));
      out.set("item", std::move(item));
    }
    if (random_.below(5) == 0) out.set("account", pick(random_, kAccounts));
    return out;
  }
  Json feature() {
    const Feature& f = features()[random_.below(features().size())];
    // Operands near what occurs, so that both answers occur.
    Json operand = static_cast<std::int64_t>(random_.below(f.form == FeatureForm::kSum ? 300 : 6));
    if (f.form == FeatureForm::kDaysSinceFirst)
      operand = static_cast<std::int64_t>(random_.below(120));
    if (f.form == FeatureForm::kPeakHour) operand = static_cast<std::int64_t>(random_.below(24));
    if (f.form == FeatureForm::kNightShare) operand = static_cast<double>(random_.below(9)) / 8;
    if (f.form == FeatureForm::kMean) operand = static_cast<double>(random_.below(1000)) / 4;
    return Json::object().set("feature", f.name).set("is", compare(std::move(operand)));
  }
  Json trait() {
    constexpr std::string_view kNames[] = {"city", "level", "vip", "none"};
    Json is;
    switch (random_.below(5)) {
      case 0:
        is = Json::object().set(random_.below(2) == 0 ? "=" : "!=", "上海");
        break;
      case 1:
        is = Json::object().set("in", Json(Json::Array{"上海", "x", 3, true}));
        break;
      case 2:
        is = Json::object().set(random_.below(2) == 0 ? "=" : "!=", true);
        break;
      case 3:
        is = Json::object().set(pick(random_, kOps), "12");
        break;
      default:
        is = Json::object().set(pick(random_, kOps), 2.5);
    }
    return Json::object().set("trait", pick(random_, kNames)).set("is", std::move(is));
  }
  Json interest() {
    return Json::object()
        .set("interest", pick(random_, kTags))
        .set("is", compare(static_cast<double>(random_.below(60)) / 8));
  }

  Random& random_;
};

}  // namespace zhiyin::audience::random_segments
