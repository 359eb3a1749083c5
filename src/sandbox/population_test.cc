#include "sandbox/population.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <set>

namespace zhiyin::sandbox {
namespace {

const Instant kStart{1772294400LL * 1000000};  // 2026-03-01 00:00 in Shanghai

PopulationSettings settings(std::size_t people, std::uint64_t seed = 1) {
  PopulationSettings s;
  s.people = people;
  s.seed = seed;
  s.start = kStart;
  return s;
}

std::string line(const Behaviour& b) {
  return fmt::format("{} {} {} {} {} {} {}", b.at.us, b.person, b.number, to_string(b.kind), b.item,
                     b.value, b.text);
}

std::vector<std::string> lines(const std::vector<Behaviour>& behaviours) {
  std::vector<std::string> out;
  for (const Behaviour& b : behaviours) out.push_back(line(b));
  return out;
}

TEST(Population, SameSeedSameBehavioursHoweverTheTimeIsCut) {
  const auto library = make_library(1, kStart);
  Population whole(settings(150), library);
  Population cut(settings(150), library);
  const auto once = lines(whole.simulate_until(kStart + kDay * 7));
  std::vector<std::string> pieces;
  for (Instant t = kStart; t < kStart + kDay * 7;) {
    t = std::min(t + std::chrono::minutes(377), kStart + kDay * 7);
    for (const Behaviour& b : cut.simulate_until(t)) pieces.push_back(line(b));
  }
  ASSERT_GT(once.size(), 500u);
  EXPECT_EQ(once, pieces);
}

TEST(Population, AnotherSeedGivesOtherPeople) {
  const auto library = make_library(1, kStart);
  Population a(settings(50, 1), library);
  Population b(settings(50, 2), library);
  EXPECT_NE(a.person(0).openid, b.person(0).openid);
  EXPECT_NE(lines(a.simulate_until(kStart + kDay)), lines(b.simulate_until(kStart + kDay)));
}

TEST(Population, NothingHappensOutsideTheIntervalOrOutOfOrder) {
  const auto library = make_library(1, kStart);
  Population population(settings(100), library);
  Instant last = kStart;
  for (int step = 1; step <= 8; ++step) {
    const Instant to = kStart + step * kHour * 6;
    for (const Behaviour& b : population.simulate_until(to)) {
      EXPECT_GE(b.at, last);
      EXPECT_LE(b.at, to);
      last = b.at;
    }
    last = to;
  }
}

TEST(Population, EightWeeksOfThreeHundredPeopleAreATenthOfTwoHundredThousandEvents) {
  const auto library = make_library(1, kStart);
  Population population(settings(300), library);
  std::size_t events = 0, conversation = 0, purchases = 0;
  for (const Behaviour& b : population.simulate_until(kStart + kDay * 56)) {
    (is_conversation(b.kind) ? conversation : events) += 1;
    if (b.kind == BehaviourKind::kPurchase) {
      ++purchases;
      EXPECT_TRUE(library[static_cast<std::size_t>(b.item)].is_product());
      EXPECT_GT(b.value, 0);
    }
  }
  RecordProperty("events", static_cast<int>(events));
  EXPECT_GT(events, 15'000u);
  EXPECT_LT(events, 26'000u);
  EXPECT_GT(conversation, 500u);
  EXPECT_LT(conversation, 1'100u);
  // 300 people, 56 days, 0.009 a day.
  EXPECT_GT(purchases, 90u);
  EXPECT_LT(purchases, 250u);
}

TEST(Population, PeopleReadWhatInterestsThem) {
  const auto library = make_library(1, kStart);
  Population population(settings(200), library);
  double share = 0;
  std::size_t reads = 0;
  for (const Behaviour& b : population.simulate_until(kStart + kDay * 14)) {
    if (b.kind != BehaviourKind::kRead) continue;
    share += population.person(b.person).interest[library[static_cast<std::size_t>(b.item)].topic];
    ++reads;
  }
  // Indifferent readers would come to 1/12.
  EXPECT_GT(share / static_cast<double>(reads), 0.25);
}

TEST(Population, FollowersLeaveAndNewOnesComeAndAllKindsOccur) {
  const auto library = make_library(1, kStart);
  Population population(settings(400), library);
  std::set<BehaviourKind> kinds;
  std::size_t follows = 0;
  for (const Behaviour& b : population.simulate_until(kStart + kDay * 28)) {
    kinds.insert(b.kind);
    follows += b.kind == BehaviourKind::kFollow ? 1 : 0;
  }
  EXPECT_EQ(kinds.size(), 13u);  // all but opened links: there was no message
  EXPECT_GT(follows, 15u);
}

/// Purchases within 7 days of `at`, by person.
std::vector<bool> buyers(Population& population, Instant at) {
  std::vector<bool> bought(population.size());
  for (const Behaviour& b : population.simulate_until(at + kOutcomeWindow)) {
    if (b.kind == BehaviourKind::kPurchase && b.at > at) bought[b.person] = true;
  }
  return bought;
}

double share(const std::vector<bool>& flags, const std::vector<std::uint32_t>& of) {
  double n = 0;
  for (const std::uint32_t i : of) n += flags[i] ? 1 : 0;
  return n / static_cast<double>(of.size());
}

struct Trial {
  double base = 0, treated = 0;
  MessageEffect truth;
};

/// Both potential outcomes of the same people, by running two worlds of the same seed.
Trial run_trial(std::uint64_t seed, double message_effect) {
  const auto library = make_library(1, kStart);
  PopulationSettings s = settings(1000, seed);
  s.message_effect = message_effect;
  Population without(s, library);
  Population with(s, library);
  const Instant at = kStart + kDay * 9 + kHour * 10 + std::chrono::minutes(20);
  without.simulate_until(at);
  with.simulate_until(at);
  std::vector<std::uint32_t> recipients;
  for (std::uint32_t i = 0; i < with.size(); ++i) {
    if (with.person(i).joined_at < at) recipients.push_back(i);
  }
  with.receive({7, "春季新品上架 http://127.0.0.1:8080/l/abc", "http://127.0.0.1:8080/l/abc", at},
               recipients);
  Trial trial;
  trial.base = share(buyers(without, at), recipients);
  trial.treated = share(buyers(with, at), recipients);
  trial.truth = with.effects().at(7);
  EXPECT_EQ(trial.truth.recipients, recipients.size());
  return trial;
}

TEST(Truth, StatedRatesAreThoseOfBothPotentialOutcomes) {
  Trial mean;
  const int runs = 3;
  for (std::uint64_t seed = 1; seed <= runs; ++seed) {
    const Trial trial = run_trial(seed, 1);
    mean.base += trial.base / runs;
    mean.treated += trial.treated / runs;
    mean.truth.base_rate += trial.truth.base_rate / runs;
    mean.truth.treated_rate += trial.truth.treated_rate / runs;
  }
  // About 2,600 people: standard errors of 0.45 and 0.75 points; three of them.
  EXPECT_NEAR(mean.base, mean.truth.base_rate, 0.0135);
  EXPECT_NEAR(mean.treated, mean.truth.treated_rate, 0.0225);
  const double effect = mean.truth.treated_rate - mean.truth.base_rate;
  RecordProperty("base", fmt::format("{:.4f}", mean.truth.base_rate));
  RecordProperty("effect", fmt::format("{:.4f}", effect));
  EXPECT_GT(mean.truth.base_rate, 0.03);
  EXPECT_LT(mean.truth.base_rate, 0.10);
  EXPECT_GT(effect, 0.08);  // large enough to be seen with a holdout of a few hundred
  EXPECT_LT(effect, 0.25);
}

TEST(Truth, MessagesWithoutEffectChangeNothing) {
  const Trial trial = run_trial(5, 0);
  EXPECT_EQ(trial.truth.base_rate, trial.truth.treated_rate);
  EXPECT_EQ(trial.base, trial.treated);  // the same chance falls to both worlds
}

TEST(Truth, ASecondMessageCountsOnTopOfTheFirst) {
  const auto library = make_library(1, kStart);
  Population population(settings(300), library);
  population.simulate_until(kStart + kDay);
  std::vector<std::uint32_t> all(200);
  for (std::uint32_t i = 0; i < all.size(); ++i) all[i] = i;
  population.receive({1, "新品", "", kStart + kDay}, all);
  const MessageEffect alone = population.effects().at(1);
  population.simulate_until(kStart + kDay * 2);
  population.receive({2, "新品", "", kStart + kDay * 2}, all);
  const MessageEffect second = population.effects().at(2);
  EXPECT_GT(second.base_rate, alone.base_rate);  // the first still works in the second's world
  // Tired of messages, and fewer left who would not buy anyway.
  EXPECT_LT(second.treated_rate - second.base_rate, alone.treated_rate - alone.base_rate);
}

TEST(Truth, ExtraPurchasesOfAReceiptAddUpToItsUplift) {
  const Person person = make_person(settings(1), 0);
  Receipt receipt;
  receipt.engaged = true;
  receipt.uplift_engaged = 0.7;
  start_effect(receipt, person, kStart);
  double sum = 0;
  for (int k = -5; k < 100; ++k) sum += extra_in_hour(receipt, person, kStart + k * kHour);
  EXPECT_NEAR(sum, 0.7, 1e-12);
  const Instant cut = kStart + std::chrono::minutes(90);
  EXPECT_NEAR(extra_between(receipt, person, kStart, cut) +
                  extra_between(receipt, person, cut, kStart + kDay * 7),
              0.7, 1e-12);
}

TEST(Truth, AWeekHoldsSevenAverageDaysWhereverItBegins) {
  const Person person = make_person(settings(1), 3);
  for (const int offset : {0, 7, 50}) {
    double sum = 0;
    for (int k = 0; k < 7 * 24; ++k)
      sum += purchase_rate(person, {}, kStart + (offset + k) * kHour);
    EXPECT_NEAR(sum, 7 * person.purchases_per_day, 1e-12);
  }
}

TEST(Message, ThoseItSuitsOpenItsLinkAndAreCountedOnce) {
  const auto library = make_library(1, kStart);
  Population population(settings(600), library);
  population.simulate_until(kStart + kDay);
  std::vector<std::uint32_t> recipients;
  for (std::uint32_t i = 0; i < 600; ++i) {
    if (population.follows(i)) recipients.push_back(i);
  }
  population.receive({1, "咖啡新品", "http://127.0.0.1:8080/l/x", kStart + kDay}, recipients);
  std::set<std::uint32_t> opened;
  double opened_interest = 0, interest = 0;
  const std::size_t food = 2;
  for (const Behaviour& b : population.simulate_until(kStart + kDay * 3)) {
    if (b.kind != BehaviourKind::kOpenLink) continue;
    EXPECT_TRUE(opened.insert(b.person).second);
    EXPECT_EQ(b.message, 1u);
    EXPECT_EQ(b.text, "http://127.0.0.1:8080/l/x");
    opened_interest += population.person(b.person).interest[food];
  }
  for (const std::uint32_t i : recipients) interest += population.person(i).interest[food];
  EXPECT_GT(opened.size(), recipients.size() / 20);
  EXPECT_LT(opened.size(), recipients.size() / 2);
  EXPECT_GT(opened_interest / static_cast<double>(opened.size()),
            1.3 * interest / static_cast<double>(recipients.size()));
}

TEST(Message, TooManyOfThemDriveFollowersAway) {
  const auto library = make_library(1, kStart);
  Population calm(settings(500), library);
  Population pestered(settings(500), library);
  std::vector<std::uint32_t> all(500);
  for (std::uint32_t i = 0; i < all.size(); ++i) all[i] = i;
  for (int day = 1; day <= 12; ++day) {
    calm.simulate_until(kStart + day * kDay);
    pestered.simulate_until(kStart + day * kDay);
    pestered.receive({static_cast<std::uint32_t>(day), "新品", "", kStart + day * kDay}, all);
  }
  const auto opt_outs = [](Population& p) {
    return std::ranges::count_if(p.simulate_until(kStart + kDay * 14), [](const Behaviour& b) {
      return b.text == "TD" || b.text == "退订";
    });
  };
  const auto followers = [](const Population& p) {
    std::size_t n = 0;
    for (std::uint32_t i = 0; i < p.size(); ++i) n += p.follows(i) ? 1 : 0;
    return n;
  };
  opt_outs(calm);
  EXPECT_GT(opt_outs(pestered), 0);
  EXPECT_LT(followers(pestered) + 50, followers(calm));
}

TEST(Library, HasEveryTopicOnlyPastItemsAndPlainCsv) {
  const auto library = make_library(3, kStart);
  EXPECT_EQ(library.size(), 300u);
  std::set<std::string> categories, ids;
  for (const LibraryItem& item : library) {
    categories.insert(item.category);
    ids.insert(item.id);
    EXPECT_LT(item.published_at, kStart);
    EXPECT_EQ(item.is_product(), item.price.value > 0);
    EXPECT_GE(item.tags.size(), 3u);
    EXPECT_EQ(item.title.find('{'), std::string::npos) << item.title;
  }
  EXPECT_EQ(categories.size(), kTopicCount);
  EXPECT_EQ(ids.size(), 300u);
  const std::string csv = library_csv(library, "http://127.0.0.1:8090/page/");
  EXPECT_THAT(
      csv, testing::StartsWith("kind,id,title,text,tags,category,author,price,published_at,url\n"));
  EXPECT_EQ(std::ranges::count(csv, '\n'), 301);
  EXPECT_THAT(csv, testing::HasSubstr("http://127.0.0.1:8090/page/p007"));
  EXPECT_EQ(csv, library_csv(make_library(3, kStart), "http://127.0.0.1:8090/page/"));
}

}  // namespace
}  // namespace zhiyin::sandbox
