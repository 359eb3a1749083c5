// Late, repeated and out-of-order events are normal: any permutation and duplication of an input
// ends in the same state.
#include <gtest/gtest.h>

#include <algorithm>

#include "audience/features.h"
#include "audience/people_projection.h"
#include "audience/segment_query.h"
#include "audience/traits.h"
#include "audience/warehouse_people.h"
#include "base/file.h"
#include "base/metrics.h"
#include "base/random.h"
#include "catalogue/item_statistics.h"
#include "catalogue/items.h"
#include "ingest/event_catalogue.h"
#include "ingest/intake.h"
#include "ingest/migrations.h"
#include "ingest/projection.h"
#include "ingest/warehouse_writer.h"
#include "model/registry.h"
#include "storage/migrations.h"
#include "storage/open.h"

namespace zhiyin::audience {
namespace {

using ingest::WireEvent;

constexpr Instant kNow{1'780'000'000'000'000};

template <class T>
T must(Result<T> result) {
  if (!result) throw std::runtime_error(result.error().text());
  if constexpr (!std::is_void_v<T>) return std::move(*result);
}

/// Log, pipeline, projections, warehouse: as `zhiyin serve` builds them.
struct Machine {
  TempFolder folder;
  SteppedClock clock{kNow};
  MetricsRegistry metrics;
  std::unique_ptr<storage::EventLog> log =
      must(storage::open_event_log("sqlite:" + path("log.db"), null_logger()));
  std::unique_ptr<storage::State> state =
      must(storage::open_state("sqlite:" + path("state.db"), null_logger()));
  std::unique_ptr<storage::Warehouse> warehouse =
      must(storage::open_warehouse("duckdb:" + path("w.duckdb"), 200, null_logger()));
  std::unique_ptr<storage::Vault> vault;
  ingest::EventPipeline pipeline{std::chrono::hours(24 * 30)};
  ingest::KindCounts kinds;
  PeopleProjection people_projection;
  catalogue::ItemStatistics items;
  std::optional<storage::ProjectionRunner> runner;
  std::optional<ingest::WarehouseWriter> writer;
  std::optional<ingest::Intake> intake;

  Machine() {
    std::vector<storage::Migration> all = storage::migrations();
    for (const auto& m : ingest::migrations()) all.push_back(m);
    for (const auto& part : {model::Registry::migrations(), catalogue::Items::migrations(),
                             catalogue::ItemStatistics::migrations(), migrations()}) {
      all.insert(all.end(), part.begin(), part.end());
    }
    must(state->migrate(all));
    must(create_segment_tables(*warehouse));
    vault = must(storage::Vault::create(*state, Secret(std::string(32, 'k'))));
    pipeline.add_counting(kinds);
    pipeline.add(people_projection);
    pipeline.add(items);
    runner.emplace(*log, *state, pipeline, null_logger(), storage::ProjectionRunner::Settings{});
    writer.emplace(*log, *state, *warehouse, *runner, null_logger(),
                   ingest::WarehouseWriter::Settings{});
    must(writer->start());
    ingest::Intake::Settings settings;
    settings.recent_ids = 2;  // so that duplicates get through to the pipeline
    intake.emplace(*log, *state, *vault, clock, metrics, std::move(settings));
  }
  std::string path(std::string_view name) const { return (folder.path() / name).string(); }

  void run(const std::vector<WireEvent>& events, Random& random) {
    for (std::size_t i = 0; i < events.size();) {
      const std::size_t n = std::min<std::size_t>(1 + random.below(40), events.size() - i);
      for (const auto& answer :
           must(intake->accept_and_wait({events.begin() + static_cast<std::ptrdiff_t>(i),
                                         events.begin() + static_cast<std::ptrdiff_t>(i + n)},
                                        "test"))) {
        ASSERT_NE(answer.verdict, ingest::Verdict::kQuarantined) << answer.reason;
      }
      if (random.below(2) == 0) must(runner->catch_up());
      i += n;
    }
    must(runner->catch_up());
    must(writer->catch_up());
    must(sync_people(*state, *warehouse));
  }

  /// Everything that others can see, without places in the log and numbers of changes.
  std::vector<std::string> contents() {
    std::vector<std::string> lines;
    const auto add = [&](std::string_view name, const storage::Rows& rows) {
      std::vector<std::string> found;
      for (const storage::Row& row : rows.rows) {
        std::string line(name);
        for (const storage::Value& v : row) {
          line += '|';
          if (const auto* i = std::get_if<std::int64_t>(&v))
            line += std::to_string(*i);
          else if (const auto* r = std::get_if<double>(&v))
            line += fmt::format("{}", *r);
          else if (storage::is_null(v))
            line += "null";
          else
            line += storage::as_text(v);
        }
        found.push_back(std::move(line));
      }
      std::ranges::sort(found);
      lines.insert(lines.end(), found.begin(), found.end());
    };
    for (const char* sql :
         {"SELECT id FROM person WHERE current = 1",
          "SELECT identity, person, first_at FROM identity_person",
          "SELECT a, b, source, at, state FROM identity_edge",
          "SELECT identity, at, kind, item_kind, item_id, value, account, properties FROM activity",
          "SELECT identity, account, following, at FROM follow_state",
          "SELECT identity, account, purpose, withdrawn, at FROM consent_mark",
          "SELECT name, n FROM trait_name", "SELECT * FROM item_stat", "SELECT * FROM kind_seen"}) {
      add(sql, must(state->query(sql)));
    }
    for (const char* sql : {"SELECT identity, kind, count(*), sum(value)::BIGINT, "
                            "min(occurred_at), max(occurred_at) FROM events GROUP BY ALL",
                            "SELECT identity, person FROM identity_person",
                            "SELECT t.identity, t.name, t.at, t.text, t.number FROM traits t"}) {
      add(sql, must(warehouse->query(sql, {})));
    }
    const People people(*state, *vault);
    for (const PersonId& person : must(people.list({}, 1000))) {
      const PersonView view = must(people.view(person));
      std::string line = "person|" + person.value;
      for (const auto& [name, setting] : traits_of(view, kNow))
        line += fmt::format("|{}={}", name, setting.text.value_or("null"));
      lines.push_back(line);
    }
    for (const char* tree :
         {R"({"following":"shop"})", R"({"trait":"city","is":{"=":"上海"}})",
          R"({"trait":"level","is":{">=":2}})",
          R"({"event":"read","count":{">=":3},"window":"7d"})", R"({"not":{"event":"purchase"}})",
          R"({"event":"purchase","sum":{">":5000}})"}) {
      const SegmentTree parsed = must(SegmentTree::parse(tree));
      auto ids = must(members(*warehouse, parsed, kNow));
      std::ranges::sort(ids);
      std::string line = tree;
      for (const PersonId& id : ids) line += "|" + id.value;
      lines.push_back(line);
    }
    return lines;
  }
};

std::vector<WireEvent> story(Random& random) {
  constexpr std::string_view kKinds[] = {"read",
                                         "read",
                                         "like",
                                         "purchase",
                                         "follow",
                                         "unfollow",
                                         "consent.withdraw",
                                         "consent.grant",
                                         "trait.set",
                                         "trait.set"};
  constexpr std::string_view kTraits[] = {R"({"city":"上海"})", R"({"city":"北京","level":3})",
                                          R"({"level":"12"})", R"({"city":null})",
                                          R"({"level":1,"vip":true})"};
  std::vector<WireEvent> events;
  for (int i = 0; i < 240; ++i) {
    WireEvent e;
    e.event_id = fmt::format("e{}", i);
    e.account = random.below(4) == 0 ? "mini" : "shop";
    e.kind = kKinds[random.below(std::size(kKinds))];
    e.identities = {{"shop", "openid", fmt::format("o{}", random.below(14))}};
    if (random.below(12) == 0)
      e.identities.push_back({"mini", "anonymous_id", fmt::format("a{}", random.below(8))});
    // Few moments, so that many events share one.
    e.occurred_at = kNow - std::chrono::hours(random.below(12) * 20);
    if (random.below(2) == 0)
      e.item = ingest::ItemRef{"article", fmt::format("i{}", random.below(5))};
    if (e.kind == "purchase" || e.kind == "read")
      e.value = static_cast<std::int64_t>(random.below(9000));
    if (e.kind == "trait.set")
      e.properties = *parse_json(kTraits[random.below(std::size(kTraits))]);
    events.push_back(std::move(e));
  }
  return events;
}

TEST(ArrivalOrder, AnyPermutationAndDuplicationEndsInTheSameState) {
  for (const std::uint64_t seed : {1, 2}) {
    Random random(seed);
    const std::vector<WireEvent> events = story(random);
    std::vector<std::string> expected;
    for (int variant = 0; variant < 4; ++variant) {
      std::vector<WireEvent> sent = events;
      if (variant > 0) {
        for (std::size_t i = 0; i < events.size(); ++i) {  // some come twice, some more often
          while (random.below(3) == 0) sent.push_back(events[i]);
        }
        for (std::size_t i = sent.size() - 1; i > 0; --i)
          std::swap(sent[i], sent[random.below(i + 1)]);
      }
      if (variant == 1)
        std::ranges::sort(sent, std::greater(), [](const WireEvent& e) { return *e.occurred_at; });
      Machine machine;
      machine.run(sent, random);
      const auto contents = machine.contents();
      if (variant == 0) {
        expected = contents;
        EXPECT_GT(expected.size(), 300U);
        continue;
      }
      ASSERT_EQ(contents.size(), expected.size()) << "seed " << seed << " variant " << variant;
      for (std::size_t i = 0; i < expected.size(); ++i)
        ASSERT_EQ(contents[i], expected[i]) << "seed " << seed << " variant " << variant;
    }
  }
}

}  // namespace
}  // namespace zhiyin::audience
