#include "delivery/gate.h"

#include <gtest/gtest.h>

namespace zhiyin::delivery {
namespace {

using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::seconds;

Instant at(std::string_view text) { return *parse_time(text, TimeZone::shanghai()); }

const Instant kNoon = at("2026-03-10T12:00:00");

GateFacts good(ChannelKind channel) {
  GateFacts facts;
  facts.channel = channel;
  facts.following = true;
  facts.calls_left_today = 10;
  if (channel == ChannelKind::kTemplate) facts.purpose = Purpose::kNotification;
  if (channel == ChannelKind::kCustomerService)
    facts.cs_triggers[CsTrigger::kMessage] = kNoon - hours(1);
  return facts;
}

Rule rule_of(const GateFacts& facts, Instant now = kNoon) {
  return decide(facts, GateRules(), now).rule;
}

TEST(Gate, LetsAGoodTouchThroughOnEveryChannel) {
  for (const auto channel :
       {ChannelKind::kMass, ChannelKind::kCustomerService, ChannelKind::kTemplate}) {
    EXPECT_EQ(decide(good(channel), GateRules(), kNoon).verdict, Verdict::kSend)
        << enum_name(channel);
  }
}

TEST(Gate, AHeldAccountSendsNothingToAnybodyUntilItIsReleased) {
  for (const bool is_test : {false, true}) {
    GateFacts facts = good(ChannelKind::kCustomerService);
    facts.account_held = true;
    facts.following = false;  // who is refused for good is decided on afterwards
    facts.is_test = is_test;
    const Decision decision = decide(facts, GateRules(), kNoon);
    EXPECT_EQ(decision.verdict, Verdict::kWait);
    EXPECT_EQ(decision.rule, Rule::kAccountHeld);
    EXPECT_GT(decision.next_allowed, kNoon);
  }
}

TEST(Gate, TheFirstRuleThatObjectsDecides) {
  GateFacts facts = good(ChannelKind::kTemplate);
  facts.calls_left_today = 0;
  facts.touches = {kNoon - hours(1)};
  facts.too_long = "thing1";
  facts.missing_variables = {"name"};
  facts.purpose = Purpose::kMarketing;
  facts.held_out = true;
  facts.consent = false;
  facts.following = false;
  const Instant night = at("2026-03-10T23:00:00");
  EXPECT_EQ(rule_of(facts, night), Rule::kNotFollowing);
  facts.following = true;
  EXPECT_EQ(rule_of(facts, night), Rule::kNoConsent);
  facts.consent = true;
  EXPECT_EQ(rule_of(facts, night), Rule::kHeldOut);
  facts.held_out = false;
  EXPECT_EQ(rule_of(facts, night), Rule::kTemplateMarketing);
  facts.purpose = Purpose::kNotification;
  EXPECT_EQ(rule_of(facts, night), Rule::kMissingVariable);
  facts.missing_variables.clear();
  EXPECT_EQ(rule_of(facts, night), Rule::kContentTooLong);
  facts.too_long.clear();
  EXPECT_EQ(rule_of(facts, night), Rule::kQuietHours);
  EXPECT_EQ(rule_of(facts), Rule::kFrequencyCap);
  facts.touches.clear();
  EXPECT_EQ(rule_of(facts), Rule::kPlatformQuota);
  facts.calls_left_today = 1;
  EXPECT_EQ(rule_of(facts), Rule::kNone);
}

TEST(Gate, QuietHoursMakeTheTouchWaitUntilMorning) {
  const Decision decision =
      decide(good(ChannelKind::kMass), GateRules(), at("2026-03-10T22:00:00"));
  EXPECT_EQ(decision.verdict, Verdict::kWait);
  EXPECT_EQ(decision.next_allowed, at("2026-03-11T08:00:00"));
}

TEST(Gate, OneTouchADayAndFourAMonthOverAllChannels) {
  GateFacts facts = good(ChannelKind::kMass);
  facts.touches = {kNoon - hours(24)};
  EXPECT_EQ(rule_of(facts), Rule::kNone);
  facts.touches = {kNoon - hours(24) + Duration(1)};
  EXPECT_EQ(rule_of(facts), Rule::kFrequencyCap);
  facts.touches = {at("2026-03-01T12:00:00"), at("2026-03-02T12:00:00"), at("2026-03-03T12:00:00"),
                   at("2026-03-04T12:00:00")};
  const Decision full = decide(facts, GateRules(), kNoon);
  EXPECT_EQ(full.rule, Rule::kFrequencyCap);
  EXPECT_EQ(full.next_allowed, at("2026-04-01T00:00:00"));
}

TEST(Gate, ThePlatformsMonthlyLimitCountsMassSendsOnly) {
  GateRules rules;
  rules.per_month = *MonthlyCap::create(100);
  GateFacts facts = good(ChannelKind::kMass);
  facts.mass_touches = {at("2026-03-01T12:00:00"), at("2026-03-02T12:00:00"),
                        at("2026-03-03T12:00:00"), at("2026-03-04T12:00:00")};
  facts.touches = facts.mass_touches;
  EXPECT_EQ(decide(facts, rules, kNoon).rule, Rule::kPlatformQuota);
  EXPECT_EQ(decide(facts, rules, kNoon).verdict, Verdict::kRefuse);
  facts.mass_touches.pop_back();
  EXPECT_EQ(decide(facts, rules, kNoon).rule, Rule::kNone);
}

TEST(Gate, AnExhaustedDayMakesTheTouchWaitUntilMidnightInShanghai) {
  GateFacts facts = good(ChannelKind::kMass);
  facts.calls_left_today = 0;
  const Decision decision = decide(facts, GateRules(), kNoon);
  EXPECT_EQ(decision.verdict, Verdict::kWait);
  EXPECT_EQ(decision.next_allowed, at("2026-03-11T00:00:00"));
}

TEST(Gate, TestSendsSkipHoldoutQuietHoursAndCapsButNotConsent) {
  GateFacts facts = good(ChannelKind::kMass);
  facts.is_test = true;
  facts.held_out = true;
  facts.touches = {kNoon - hours(1)};
  EXPECT_EQ(rule_of(facts, at("2026-03-10T23:00:00")), Rule::kNone);
  facts.consent = false;
  EXPECT_EQ(rule_of(facts), Rule::kNoConsent);
}

TEST(CsWindow, AMessageAllowsFiveWithinFortyEightHours) {
  const CsTriggers triggers{{CsTrigger::kMessage, kNoon}};
  const GateRules rules;
  EXPECT_EQ(cs_messages_left(triggers, {}, rules, kNoon + hours(48) - Duration(1)), 5);
  EXPECT_EQ(cs_messages_left(triggers, {}, rules, kNoon + hours(48)), 0);
  const std::vector<Instant> five(5, kNoon + hours(1));
  EXPECT_EQ(cs_messages_left(triggers, five, rules, kNoon + hours(2)), 0);
}

TEST(CsWindow, ATapAllowsThreeWithinAMinuteAndDoesNotAddUp) {
  const GateRules rules;
  const CsTriggers tap{{CsTrigger::kMenu, kNoon}};
  EXPECT_EQ(cs_messages_left(tap, {}, rules, kNoon + seconds(59)), 3);
  EXPECT_EQ(cs_messages_left(tap, {}, rules, kNoon + minutes(1)), 0);
  // Four of five used up before the tap: the tap leaves three, not four.
  const CsTriggers both{{CsTrigger::kMessage, kNoon - hours(1)}, {CsTrigger::kMenu, kNoon}};
  const std::vector<Instant> four(4, kNoon - minutes(30));
  EXPECT_EQ(cs_messages_left(both, four, rules, kNoon + seconds(1)), 3);
  EXPECT_EQ(cs_messages_left(both, four, rules, kNoon + minutes(2)), 1);
}

TEST(CsWindow, MessagesSentBeforeTheTriggerDoNotCount) {
  const CsTriggers triggers{{CsTrigger::kMessage, kNoon}};
  const std::vector<Instant> before(5, kNoon - Duration(1));
  EXPECT_EQ(cs_messages_left(triggers, before, GateRules(), kNoon), 5);
}

TEST(Gate, RefusesOutsideTheCustomerServiceWindow) {
  GateFacts facts = good(ChannelKind::kCustomerService);
  facts.cs_triggers.clear();
  EXPECT_EQ(rule_of(facts), Rule::kCsWindow);
}

TEST(TooLong, CountsBytesOfTextsAndCharactersOfTemplateValues) {
  const GateRules rules;
  Content text;
  text.text = std::string(2048, 'x');
  EXPECT_EQ(too_long(text, rules), "");
  text.text += "x";
  EXPECT_EQ(too_long(text, rules), "text");
  Content notice;
  notice.type = ContentType::kTemplate;
  for (int i = 0; i < 20; ++i) notice.data["thing12"] += "字";
  EXPECT_EQ(too_long(notice, rules), "");
  notice.data["thing12"] += "字";
  EXPECT_EQ(too_long(notice, rules), "thing12");
}

TEST(RuleWords, EveryRuleHasAnExplanationInBothLanguages) {
  for (const auto& [rule, name] : EnumNames<Rule>::list) {
    if (rule == Rule::kNone) continue;
    EXPECT_FALSE(rule_words(rule).zh.empty()) << name;
    EXPECT_FALSE(rule_words(rule).en.empty()) << name;
  }
}

}  // namespace
}  // namespace zhiyin::delivery
