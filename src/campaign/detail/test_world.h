#pragma once

#include <algorithm>
#include <atomic>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "base/random.h"
#include "campaign/engine.h"
#include "delivery/delivery_projection.h"
#include "delivery/test_state.h"

/// Fakes of what an engine works with, for tests.
namespace zhiyin::campaign::testing {

using delivery::Content;
using delivery::Outcome;
using delivery::OutcomeKind;
using delivery::Recipient;
using delivery::testing::at;
using delivery::testing::identity;
using delivery::testing::TestState;

inline const Instant kNoon = at("2026-03-10T12:00:00");

/// The process has ended: nothing it does has an effect any more.
struct Death {
  std::atomic<bool> is_dead = false;  ///< read beside a call, too
  int countdown = -1;                 ///< dies at the step that finds 0; negative: never
  bool due() { return countdown >= 0 && countdown-- == 0; }
};

/// A state that dies before or after a commit.
class MortalState final : public storage::State {
 public:
  MortalState(storage::State& inner, Death& death) : inner_(inner), death_(death) {}
  Result<void> write(const std::function<Result<void>(storage::Session&)>& work) override {
    if (death_.is_dead || (death_.is_dead = death_.due())) return gone();  // before the commit
    auto done = inner_.write(work);
    if ((death_.is_dead = death_.due())) return gone();  // after it
    return done;
  }
  Result<void> read(const std::function<Result<void>(storage::Session&)>& work) override {
    return death_.is_dead ? gone() : inner_.read(work);
  }
  Result<void> migrate(std::span<const storage::Migration> migrations) override {
    return inner_.migrate(migrations);
  }
  Result<std::string> identity() override { return inner_.identity(); }

 private:
  static Result<void> gone() {
    return fail(ErrorCode::kUnavailable, "state: the process has ended");
  }
  storage::State& inner_;
  Death& death_;
};

/// A platform that keeps what it got, knows repeated ids, and can be told to misbehave.
class FakeChannel final : public delivery::MessageChannel {
 public:
  explicit FakeChannel(Death& death) : death_(death) {}

  /// What the next calls answer, oldest first; afterwards they succeed. `reaches` says whether the
  /// message arrives although the outcome is unknown.
  struct Script {
    Outcome outcome;
    bool reaches = false;
  };
  std::vector<Script> script;
  std::map<std::string, std::vector<std::string>> received;  ///< openid: texts
  std::vector<std::vector<std::string>> mass_calls;          ///< openids of each call
  std::vector<std::string> mass_ids;
  int calls = 0;
  int previews = 0;
  std::function<void()> on_mass;  ///< what else happens while the platform takes a mass call

  Outcome send_mass(const AccountId&, std::span<const std::string> openids, const Content& content,
                    std::string_view id) override {
    mass_calls.emplace_back(openids.begin(), openids.end());
    mass_ids.emplace_back(id);
    if (on_mass) on_mass();
    return answer("mass " + std::string(id), [&] {
      for (const std::string& openid : openids) received[openid].push_back(content.text);
    });
  }
  Outcome send_customer_service(const AccountId&, std::string_view openid,
                                const Content& content) override {
    return answer("", [&] { received[std::string(openid)].push_back(content.text); });
  }
  Outcome send_template(const AccountId&, std::string_view openid, const Content& content,
                        std::string_view id) override {
    return answer(fmt::format("template {} {}", openid, id),
                  [&] { received[std::string(openid)].push_back(content.data.begin()->second); });
  }
  Outcome preview_mass(const AccountId&, std::string_view, const Content&) override {
    ++previews;
    return {OutcomeKind::kSent, {}, 0, {}, {}};
  }

  [[nodiscard]] std::size_t most_per_person() const {
    std::size_t most = 0;
    for (const auto& [openid, texts] : received) most = std::max(most, texts.size());
    return most;
  }

 private:
  template <class Deliver>
  Outcome answer(const std::string& id, Deliver deliver) {
    ++calls;
    EXPECT_FALSE(death_.is_dead) << "a dead process calls nobody";
    if ((death_.is_dead = death_.due())) return {};  // before anything left
    const bool is_scripted = !script.empty();
    Script now{{OutcomeKind::kSent, {}, 0, {}, {}}, true};
    if (is_scripted) {
      now = script.front();
      script.erase(script.begin());
    }
    if (now.outcome.kind == OutcomeKind::kSent || now.reaches) {
      const bool is_new =
          id.empty() || seen_.emplace(id, std::to_string(seen_.size() + 1000)).second;
      if (is_new) deliver();
      if (!id.empty()) now.outcome.provider_id = seen_[id];
    }
    if ((death_.is_dead = death_.due())) return {};  // the answer does not come through
    if (now.outcome.kind != OutcomeKind::kSent) now.outcome.provider_id.clear();
    return now.outcome;
  }

  Death& death_;
  std::map<std::string, std::string> seen_;
};

/// People with numbers: person n has identity n and openid `o<n>`.
class FakePeople final : public delivery::Recipients, public AudienceSource {
 public:
  std::map<PersonId, Recipient> people;
  std::map<PersonId, PersonId> merged;
  std::vector<PersonId> segment;  ///< ascending
  std::set<int> erased;

  void add(int n) {
    Recipient r;
    r.person = id(n);
    r.identities = {identity(n)};
    r.identity = identity(n);
    r.partition = n % 64;
    r.has_openid = r.following = r.consent = true;
    people[r.person] = r;
    segment.push_back(r.person);
  }
  static PersonId id(int n) { return PersonId(fmt::format("p_{:05}", n)); }
  Recipient& of(int n) { return people.at(id(n)); }

  [[nodiscard]] Result<std::vector<Recipient>> find(
      std::span<const PersonId> ids, const delivery::RecipientQuery&) const override {
    std::vector<Recipient> out;
    for (const PersonId& person : ids) {
      const auto moved = merged.find(person);
      const auto found = people.find(moved == merged.end() ? person : moved->second);
      out.push_back(found == people.end() ? Recipient() : found->second);
    }
    return out;
  }
  [[nodiscard]] Result<Recipient> by_openid(std::string_view openid,
                                            const delivery::RecipientQuery&) const override {
    for (const auto& [person, r] : people) {
      if (openid_of(r.identity) == openid) return r;
    }
    return Recipient();
  }
  [[nodiscard]] Result<Secret> openid(const delivery::IdentityHash& hash) const override {
    if (erased.contains(number_of(hash))) return fail(ErrorCode::kNotFound, "erased");
    return Secret(openid_of(hash));
  }
  [[nodiscard]] Result<void> check(const SegmentId& s) const override {
    if (s.value == "gone") return fail(ErrorCode::kNotFound, "segment: 'gone' does not exist");
    return {};
  }
  [[nodiscard]] Result<std::vector<PersonId>> members(const SegmentId& s, Instant) const override {
    ZHIYIN_TRY_VOID(check(s));
    return segment;
  }

 private:
  static int number_of(const delivery::IdentityHash& hash) { return hash[0] * 256 + hash[1]; }
  static std::string openid_of(const delivery::IdentityHash& hash) {
    return fmt::format("o{}", number_of(hash));
  }
};

class FakeSenders final : public delivery::Senders {
 public:
  delivery::SenderAccount account = {AccountId("shop"), true, true, {}};
  [[nodiscard]] Result<delivery::SenderAccount> find(const AccountId& id) const override {
    if (id != account.id)
      return fail(ErrorCode::kNotFound, "account: '{}' does not exist", id.value);
    return account;
  }
};

inline Campaign mass_campaign() {
  Campaign c;
  c.id = CampaignId("spring");
  c.account = AccountId("shop");
  c.segment = SegmentId("readers");
  c.channel = ChannelKind::kMass;
  c.message.text = "春季新品上架 {{link}}";
  c.message.link = "https://example.com/p/1";
  c.goal = Goal{};
  return c;
}

inline Campaign cs_campaign() {
  Campaign c = mass_campaign();
  c.channel = ChannelKind::kCustomerService;
  c.message.text = "{{name|朋友}}，您要的资料：{{link}}";
  return c;
}

inline Campaign template_campaign() {
  Campaign c = mass_campaign();
  c.channel = ChannelKind::kTemplate;
  c.purpose = Purpose::kNotification;
  c.message = Message();
  c.message.type = ContentType::kTemplate;
  c.message.template_id = "T1";
  c.message.data["thing1"] = "{{name|您}}的订单已发货";
  return c;
}

/// Everything together.
struct World {
  explicit World(int people_count = 0) {
    for (int i = 0; i < people_count; ++i) people.add(i);
    restart();
  }

  /// A new process on the same data.
  void restart() {
    engine.reset();
    death.is_dead = false;
    death.countdown = -1;
    engine = std::make_unique<CampaignEngine>(
        EngineParts{mortal, people, people, senders, channel, clock, null_logger(), quota},
        settings);
    const auto recovered = engine->recover();
    if (!recovered) throw std::runtime_error(recovered.error().text());
  }

  /// Applies new settings.
  void reconfigure(const EngineSettings& s) {
    settings = s;
    restart();
  }

  void create(Campaign c) {
    const auto put = campaigns.apply(std::move(c), clock.now());
    ASSERT_TRUE(put) << put.error().text();
  }
  void create_and_start(Campaign c) {
    const CampaignId id = c.id;
    create(std::move(c));
    const auto started = engine->start(id);
    ASSERT_TRUE(started) << started.error().text();
  }

  /// Ticks until nothing is due, moving the clock to what comes next, not beyond `end`. Stops at
  /// death.
  void run(Instant end = kNoon + std::chrono::hours(24 * 60)) {
    for (int i = 0; i < 10'000; ++i) {
      const auto tick = engine->tick();
      if (death.is_dead) return;
      ASSERT_TRUE(tick) << tick.error().text();
      if (tick->more) continue;
      if (!tick->next_due || *tick->next_due > end) return;
      ASSERT_GT(*tick->next_due, clock.now()) << "time must move on";
      ASSERT_TRUE(clock.advance_to(*tick->next_due));
    }
    FAIL() << "never idle";
  }

  Campaign get(std::string id = "spring") { return *campaigns.get(CampaignId(std::move(id))); }
  Progress progress(std::string id = "spring") { return *get(std::move(id)).progress; }
  delivery::Touch touch(int n, const std::string& campaign = "spring") {
    delivery::Touch out;
    db.write([&](storage::Session& s) -> Result<void> {
      ZHIYIN_TRY(auto found, delivery::SendLedger::find(
                                 s, delivery::touch_id(CampaignId(campaign), identity(n))));
      out = found.value();
      return {};
    });
    return out;
  }
  /// Opens the customer-service window of person n.
  void message_from(int n, Instant when) {
    db.write([&](storage::Session& s) -> Result<void> {
      ingest::LoggedEvent e;
      e.event.kind = "message";
      e.event.source = "wechat";
      e.event.account = "shop";
      e.event.identities = {identity(n)};
      e.event.occurred_at = when;
      delivery::DeliveryProjection projection;
      return projection.apply(s, std::span(&e, 1));
    });
  }

  TestState db{{migrations()}};
  Death death;
  MortalState mortal{*db.state, death};
  SteppedClock clock{kNoon};
  FakePeople people;
  FakeSenders senders;
  FakeChannel channel{death};
  Campaigns campaigns{*db.state};
  EngineSettings settings{"https://zy.example", 1000, 10'000, 50, 5};
  delivery::QuotaHolder quota;  ///< in force from the next `restart` on
  std::unique_ptr<CampaignEngine> engine;
};

}  // namespace zhiyin::campaign::testing
