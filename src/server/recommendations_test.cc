// Lists made at once from what is in memory: those that state would give.
#include "server/recommendations.h"

#include <gtest/gtest.h>

#include <random>

#include "audience/erase.h"
#include "audience/live_segments.h"
#include "audience/segments.h"
#include "audience/test_world.h"
#include "catalogue/item_statistics.h"
#include "storage/open.h"

namespace zhiyin::server {
namespace {

using audience::World;
using ingest::LoggedEvent;
using recommend::SegmentItems;
using storage::Session;

constexpr std::size_t kItems = 40;

/// People with histories and live segments, and two that recommend to them: one remembers, the
/// other asks state each time.
struct Shop : World {
  TempFolder folder;
  std::unique_ptr<storage::EventLog> log;
  model::Registry registry{state()};
  audience::RecentPeople recent{1 << 20};
  audience::PeopleProjection projection;
  audience::RecentPeopleProjection tells{recent};
  audience::LiveSegments live{projection, items(), &recent};
  audience::Segments segments{state(), warehouse(), people(), items(), &recent};
  std::unique_ptr<Recommendations> kept;
  std::unique_ptr<Recommendations> plain;
  Instant now = kNow;

  explicit Shop(std::int64_t fatigue_shows) {
    std::vector<storage::Migration> more;
    for (const auto& part : {catalogue::ItemStatistics::migrations(), FreshArms::migrations(),
                             ShownItems::migrations()})
      more.insert(more.end(), part.begin(), part.end());
    must(state().migrate(more));
    log = must(
        storage::open_event_log("sqlite:" + (folder.path() / "log.db").string(), null_logger()));
    Recommendations::Settings settings;
    settings.quick_build = std::chrono::hours(1);  // however busy the machine is
    settings.fatigue = {.shows = fatigue_shows, .window = kDay};
    plain = std::make_unique<Recommendations>(registry, items(), *log, state(), null_logger(),
                                              settings, nullptr);
    settings.shown_bytes_max = 4000;  // some are pushed out
    kept = std::make_unique<Recommendations>(registry, items(), *log, state(), null_logger(),
                                             settings, &recent);
    std::vector<catalogue::Item> made;
    for (std::size_t i = 0; i < kItems; ++i) {
      catalogue::Item& item = made.emplace_back();
      item.kind = "article";
      item.id = fmt::format("a{}", i);
      item.title = item.id;
      item.published_at = kNow - kDay * static_cast<int>(i);
    }
    must(items().put(made));
  }
  ~Shop() {
    must(kept->settle());
    must(plain->settle());
  }

  void define(const std::string& id, std::string_view tree) {
    must(segments.apply({SegmentId(id), id, *parse_json(tree), true}, now));
  }
  /// In each segment, and among those of a city, other items are popular.
  void trends() {
    auto found = std::make_shared<Recommendations::Trends>();
    for (std::size_t s = 0; s < 4; ++s) {
      SegmentItems one{fmt::format("s{}", s), fmt::format("S{}", s), {}, {}};
      for (std::size_t i = 0; i < 3; ++i)
        one.items.push_back({{"article", fmt::format("a{}", 5 + 3 * s + i)}, 0.5});
      found->push_back(std::move(one));
    }
    found->push_back({{}, "成都", {{{"article", "a30"}, 0.5}}, "city"});
    kept->set_trends(found);
    plain->set_trends(found);
  }
  void happened(const std::vector<LoggedEvent>& events) {
    must(state().write([&](Session& session) -> Result<void> {
      ZHIYIN_TRY_VOID(projection.apply(session, events));
      ZHIYIN_TRY_VOID(tells.apply(session, events));
      return live.apply(session, events);
    }));
  }
  void tick() {
    must(state().write([&](Session& session) { return live.tick(session, now); }));
  }
  LoggedEvent deed(const std::string& who, std::string kind, std::string item) {
    LoggedEvent out = event({openid(who)}, std::move(kind), kNow - now);
    out.event.received_at = now;
    if (!item.empty()) out.event.item = ingest::ItemRef{"article", std::move(item)};
    return out;
  }
  recommend::RecommendRequest request() const { return {.n = 10, .now = now}; }

  static std::string text_of(const Result<Recommendations::Answer>& answer) {
    if (!answer) return answer.error().text();
    std::string out;
    for (const auto& item : answer->response.items)
      out += fmt::format("{} {} {}; ", item.item.id, item.source, item.reason);
    return out;
  }
  /// Nothing: it would have to wait.
  std::optional<std::string> at_once(const std::string& ref, bool record = false) {
    const auto view = kept->known(people(), ref);
    if (!view) return std::nullopt;
    const auto answer = kept->recommend_at_once(*view, request(), {.record = record});
    return answer ? std::optional(text_of(*answer)) : std::nullopt;
  }
  std::string by_worker(const std::string& ref, bool record = false) {
    const auto view = kept->view_of(people(), ref);
    return view ? text_of(kept->recommend(*view, request(), {.record = record}))
                : view.error().text();
  }
  std::string stored(const std::string& ref) {
    const auto view = people().view_of(ref);
    return view ? text_of(plain->recommend(*view, request(), {.record = false}))
                : view.error().text();
  }
};

TEST(ListsAtOnce, AlsoWithLiveSegmentsAndFatigue) {
  Shop shop(2);
  shop.define("s0", R"({"event":"like"})");
  shop.tick();
  shop.trends();
  shop.happened({shop.deed("anna", "like", "a1")});
  const std::string anna = "openid:shop:anna";
  EXPECT_FALSE(shop.at_once(anna));
  const std::string first = shop.by_worker(anna, true);
  EXPECT_NE(first.find("segment"), std::string::npos) << first;
  ASSERT_TRUE(shop.at_once(anna));
  // Shown for the second time: tired from now on, before it is written and after.
  EXPECT_EQ(shop.at_once(anna, true), first);
  const auto third = shop.at_once(anna);
  ASSERT_TRUE(third);
  EXPECT_NE(*third, first);
  World::must(shop.kept->flush());
  EXPECT_EQ(shop.at_once(anna), third);
  EXPECT_EQ(shop.stored(anna), *third);
  // An event takes the history away until it is read again.
  shop.happened({shop.deed("anna", "read", "a2")});
  EXPECT_FALSE(shop.at_once(anna));
  EXPECT_EQ(shop.by_worker(anna), shop.stored(anna));
  EXPECT_EQ(shop.at_once(anna), shop.stored(anna));
}

/// Whatever happens in whatever order.
class RandomShop : public testing::TestWithParam<unsigned> {};

TEST_P(RandomShop, ListsAreThoseOfState) {
  Shop shop(GetParam() % 2 == 0 ? 3 : 0);
  shop.define("s0", R"({"event":"like"})");
  shop.define("s1", R"({"event":"read","window":"1d"})");
  shop.define("s2", R"({"not":{"event":"share","window":"7d"}})");
  shop.tick();
  shop.trends();
  std::mt19937 random(GetParam());
  const auto below = [&](std::size_t n) { return random() % n; };
  const auto name = [&] { return fmt::format("u{}", below(8)); };
  constexpr const char* kKinds[] = {"read", "like", "share", "show"};
  std::size_t at_once = 0;
  for (int step = 0; step < 250; ++step) {
    SCOPED_TRACE(fmt::format("seed {} step {}", GetParam(), step));
    const std::string who = name();
    const std::string ref = "openid:shop:" + who;
    const auto deed = below(20);
    if (deed < 5) {
      std::vector<LoggedEvent> events;
      for (std::size_t i = 0; i <= below(3); ++i)
        events.push_back(shop.deed(name(), kKinds[below(4)], fmt::format("a{}", below(kItems))));
      if (below(3) == 0) {
        events.push_back(shop.deed(who, "trait.set", ""));
        events.back().event.properties = below(2) == 0 ? R"({"city":"成都"})" : R"({"city":"x"})";
      }
      if (below(6) == 0) {
        const auto other = shop.openid(name());
        if (other != events[0].event.identities[0]) events[0].event.identities.push_back(other);
      }
      shop.happened(events);
    } else if (deed == 5) {
      shop.now = shop.now + std::chrono::hours(below(30));
      shop.tick();
    } else if (deed == 6) {
      shop.define(fmt::format("s{}", below(4)),
                  below(2) == 0 ? R"({"event":"like"})" : R"({"event":"share"})");
      if (below(2) == 0) shop.tick();
    } else if (deed == 7) {
      const auto person = shop.people().resolve(ref);
      if (person && below(3) == 0) {
        World::must(audience::erase(shop.people(), *person, shop.now, &shop.recent));
        World::must(shop.kept->forget(*person));
        World::must(shop.plain->forget(*person));
      }
    } else if (deed == 8) {
      World::must(shop.kept->flush());
    } else if (deed == 9) {
      World::must(shop.kept->tidy(shop.now));
    } else if (deed < 13) {
      (void)shop.by_worker(ref, true);
    } else {
      World::must(shop.kept->flush());
      const std::string stored = shop.stored(ref);
      if (const auto list = shop.at_once(ref, true)) {
        ++at_once;
        EXPECT_EQ(*list, stored);
        World::must(shop.kept->flush());
      }
      EXPECT_EQ(shop.by_worker(ref), shop.stored(ref));
    }
  }
  EXPECT_GT(at_once, 20U);
}
INSTANTIATE_TEST_SUITE_P(Seeds, RandomShop, testing::Range(1U, 3U));

}  // namespace
}  // namespace zhiyin::server
