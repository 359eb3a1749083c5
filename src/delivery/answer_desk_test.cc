#include "delivery/answer_desk.h"

#include "delivery/answer_service.h"
#include "delivery/test_state.h"
#include "http/await.h"

namespace zhiyin::delivery {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::TestState;
using wechat::LateAnswer;
using wechat::Reply;
using wechat::ReplyType;

const Instant kStart{1'767'225'600LL * 1'000'000};

/// Keeps what it was asked until the test answers.
class Questions final : public AnswerSource {
 public:
  std::vector<std::pair<Question, Done>> open;
  void ask(Question question, Done done) override {
    open.emplace_back(std::move(question), std::move(done));
  }
  void answer(std::size_t i, std::string text) {
    Reply reply;
    reply.type = ReplyType::kText;
    reply.text = std::move(text);
    open.at(i).second(std::move(reply));
  }
};

struct Desk : TestState {
  explicit Desk(bool may_push_now = false) : may_push(may_push_now) {
    wechat::Account a;
    a.id = AccountId("shop");
    a.token = Secret("thetoken");
    a.reply_rules.service.url = "http://127.0.0.1/answer";
    account = std::make_shared<const wechat::Account>(a);
    make();
  }
  void make() { desk = another("here", questions); }
  /// The desk of another process on the same state.
  std::unique_ptr<AnswerDesk> another(std::string name, AnswerSource& source) {
    AnswerDesk::Settings settings;
    settings.has_thread = false;
    return std::make_unique<AnswerDesk>(
        AnswerDesk::Parts{*state, *vault, clock, clock, source,
                          [this, name](const AccountId&, const std::string& openid, DirectMessage m,
                                       std::optional<Occasion> occasion) {
                            occasions.push_back(occasion);
                            pushed.push_back(openid + ": " +
                                             std::get<wechat::CustomSendAsk>(m).text->content);
                            pushed_by.push_back(name);
                            const auto& mark = std::get<wechat::CustomSendAsk>(m).aimsgcontext;
                            pushed_as_generated.push_back(mark && mark->is_ai_msg == 1);
                            return push_outcome;
                          },
                          [this](const wechat::Account&) { return may_push; },
                          [this](const AccountId&) { return account; }, metrics, null_logger(),
                          [this](storage::Session&) -> Result<Instant> { return clock.now(); }},
        name, settings);
  }

  wechat::Callback message(std::string id, std::string text = "有货吗") {
    wechat::Callback c;
    c.account = AccountId("shop");
    c.kind = wechat::CallbackKind::kText;
    c.msg_type = "text";
    c.from_openid = "oAlice";
    c.content = std::move(text);
    c.msg_id = c.dedup_key = std::move(id);
    c.create_time = clock.now();
    return c;
  }
  /// One delivery; its answer will stand in `answers` under the number that is returned.
  std::size_t deliver(const wechat::Callback& c) { return deliver(c, *desk); }
  std::size_t deliver(const wechat::Callback& c, AnswerDesk& to) {
    const auto decision = wechat::decide_reply(account->reply_rules, c);
    answers.emplace_back();
    to.join(account, c, decision, [this, i = answers.size() - 1](LateAnswer a) {
      EXPECT_FALSE(answers[i]);
      answers[i] = std::move(a);
    });
    to.turn();
    return answers.size() - 1;
  }
  void pass(Duration time) {
    ASSERT_TRUE(clock.advance_to(clock.now() + time));
    desk->turn();
  }
  /// Pushes happen on threads of the desk: until their news has come.
  void settle_push(std::string_view reason) {
    for (int i = 0; i < 10'000; ++i) {
      desk->turn();
      const auto all = desk->log().list(AccountId("shop"), 10).value();
      if (!all.empty() && all.front().reason == reason) return;
      std::this_thread::yield();
    }
    ADD_FAILURE() << "no push with " << reason;
  }
  AnswerRecord last() { return desk->log().list(AccountId("shop"), 1).value().at(0); }

  std::unique_ptr<storage::Vault> vault =
      storage::Vault::create(*state, Secret(std::string(32, 'k'))).value();
  SteppedClock clock{kStart};
  MetricsRegistry metrics;
  Questions questions;
  std::shared_ptr<const wechat::Account> account;
  std::vector<std::string> pushed;
  std::vector<std::string> pushed_by;
  std::vector<bool> pushed_as_generated;
  std::vector<std::optional<Occasion>> occasions;
  Result<DirectResult> push_outcome =
      DirectResult{TouchId("t"), TouchState::kSent, Rule::kNone, ""};
  bool may_push;
  std::vector<std::optional<LateAnswer>> answers;
  std::unique_ptr<AnswerDesk> desk;
};

TEST(AnswerDesk, TheAnswerGoesIntoTheCallbackThatWaitsAndTheSourceIsAskedOnce) {
  Desk d;
  const auto m = d.message("1");
  const std::size_t first = d.deliver(m);
  d.pass(seconds(5));
  EXPECT_FALSE(d.answers[first]->reply);  // the platform comes again
  EXPECT_TRUE(d.desk->is_open(m));
  const std::size_t second = d.deliver(m);
  ASSERT_EQ(d.questions.open.size(), 1U);
  EXPECT_EQ(d.questions.open[0].first.text, "有货吗");
  d.pass(seconds(2));
  d.questions.answer(0, "有货");
  d.desk->turn();
  ASSERT_TRUE(d.answers[second]);
  EXPECT_EQ(d.answers[second]->reply->text, "有货");
  EXPECT_EQ(d.answers[second]->decision, "passive");
  EXPECT_EQ(d.last().decision, AnswerDecision::kPassive);
  EXPECT_EQ(d.last().callbacks, 2);
  const std::size_t third = d.deliver(m);  // it was lost on its way
  EXPECT_EQ(d.answers[third]->reply->text, "有货");
  EXPECT_EQ(d.questions.open.size(), 1U);
}

TEST(AnswerDesk, ARepetitionThatComesAsTheFinishedOneIsPutAwayGetsTheSame) {
  Desk d;
  const auto m = d.message("1");
  d.deliver(m);
  d.questions.answer(0, "有货");
  d.desk->turn();
  ASSERT_TRUE(d.clock.advance_to(d.clock.now() + AnswerDesk::Settings().linger));
  const std::size_t again = d.deliver(m);
  ASSERT_TRUE(d.answers[again]);
  EXPECT_EQ(d.answers[again]->reply->text, "有货");
  EXPECT_EQ(d.questions.open.size(), 1U);
}

TEST(AnswerDesk, WhoAsksForTheKeptAnswerAgainWithTheSameMessageGetsItAgain) {
  Desk d;
  const auto m = d.message("1");
  for (int i = 0; i < 3; ++i) {
    d.deliver(m);
    d.pass(seconds(i == 2 ? 0 : 5));
  }
  d.pass(milliseconds(4'500));
  ASSERT_EQ(d.last().decision, AnswerDecision::kNotice);
  d.questions.answer(0, "有货");
  d.desk->turn();
  const auto again = d.message("2", "继续");
  for (int i = 0; i < 2; ++i) {
    EXPECT_EQ(d.answers[d.deliver(again)]->reply->text, "有货");
    d.deliver(m);  // whatever else happens to the message in the meantime
  }
  EXPECT_EQ(d.questions.open.size(), 1U);
  d.deliver(d.message("3", "继续"));  // nothing is kept: it may be meant for the service
  EXPECT_EQ(d.questions.open.size(), 2U);
}

TEST(AnswerDesk, WhatAProcessThatEndedLeftIsAskedAgainByTheNext) {
  Desk d(true);
  d.deliver(d.message("1"));
  d.pass(milliseconds(4'500));
  ASSERT_EQ(d.last().decision, AnswerDecision::kPush);
  const auto kept = d.state->query("SELECT question FROM late_answer");
  EXPECT_FALSE(storage::is_null(kept->rows.at(0).at(0)));
  EXPECT_EQ(storage::as_text(kept->rows[0][0]).find("有货吗"), std::string_view::npos);
  d.desk->stop();
  Questions next;
  const auto after = d.another("next", next);
  after->turn();
  ASSERT_EQ(next.open.size(), 1U);
  EXPECT_EQ(next.open[0].first.text, "有货吗");
  EXPECT_EQ(next.open[0].first.openid, "oAlice");
  next.answer(0, "有货");
  d.desk = d.another("third", d.questions);
  for (int i = 0; i < 10'000 && d.last().reason.empty(); ++i) {
    after->turn();
    std::this_thread::yield();
  }
  EXPECT_EQ(d.last().reason, "sent");
  EXPECT_EQ(d.pushed, std::vector<std::string>{"oAlice: 有货"});
  EXPECT_TRUE(storage::is_null(d.state->query("SELECT question FROM late_answer")->rows[0][0]));
  // Nothing is left for anybody.
  d.pass(seconds(30));
  EXPECT_EQ(d.questions.open.size(), 1U);
}

TEST(AnswerDesk, WhatADeadProcessLeftIsTakenOverAfterItsLease) {
  Desk d;
  const auto m = d.message("1");
  d.deliver(m);
  Questions next;
  const auto after = d.another("next", next);
  after->turn();
  EXPECT_TRUE(next.open.empty());  // it lives
  ASSERT_TRUE(d.clock.advance_to(d.clock.now() + seconds(7)));
  after->turn();
  ASSERT_EQ(next.open.size(), 1U);
  // Nobody comes again for it: it is kept.
  ASSERT_TRUE(d.clock.advance_to(d.clock.now() + seconds(20)));
  after->turn();
  next.answer(0, "有货");
  after->turn();
  EXPECT_EQ(after->log().list(AccountId("shop"), 1)->at(0).decision, AnswerDecision::kAbandoned);
  const std::size_t asked = d.deliver(d.message("2", "继续"), *after);
  EXPECT_EQ(d.answers[asked]->reply->text, "有货");
}

TEST(AnswerDesk, ADeliveryThatComesAfterARestartTakesTheAnswer) {
  Desk d;
  const auto m = d.message("1");
  d.deliver(m);
  d.desk->stop();
  Questions next;
  const auto after = d.another("next", next);
  after->turn();
  ASSERT_TRUE(d.clock.advance_to(d.clock.now() + seconds(2)));
  const std::size_t second = d.deliver(m, *after);
  EXPECT_FALSE(d.answers[second]);
  ASSERT_EQ(next.open.size(), 1U);
  next.answer(0, "有货");
  after->turn();
  ASSERT_TRUE(d.answers[second]);
  EXPECT_EQ(d.answers[second]->reply->text, "有货");
}

TEST(AnswerDesk, AMessageOnItsWayWhenTheProcessEndsIsSettled) {
  Desk d(true);
  d.deliver(d.message("1"));
  d.pass(milliseconds(4'500));
  d.questions.answer(0, "有货");
  d.desk->turn();
  d.desk->stop();
  EXPECT_EQ(d.pushed.size(), 1U);
  EXPECT_EQ(d.last().reason, "sent");
}

TEST(AnswerDesk, NoticeWithATokenThenTheKeptAnswerOnce) {
  Desk d;
  const auto m = d.message("1");
  d.deliver(m);
  d.pass(seconds(5));
  d.deliver(m);
  d.pass(seconds(5));
  const std::size_t third = d.deliver(m);
  d.pass(milliseconds(4'500));
  ASSERT_TRUE(d.answers[third]);
  const std::string notice = d.answers[third]->reply->text;
  const std::size_t word = notice.find("继续 ");
  ASSERT_NE(word, std::string::npos) << notice;
  const std::string token = notice.substr(word + std::string("继续 ").size(), 4);
  EXPECT_EQ(d.last().decision, AnswerDecision::kNotice);

  d.pass(seconds(20));
  d.questions.answer(0, "有货");
  d.desk->turn();
  const std::size_t wrong = d.deliver(d.message("2", "继续 0000"));  // a question like any other
  EXPECT_FALSE(d.answers[wrong]);
  EXPECT_EQ(d.questions.open.size(), 2U);
  const std::size_t asked = d.deliver(d.message("3", "继续" + token));
  ASSERT_TRUE(d.answers[asked]);
  EXPECT_EQ(d.answers[asked]->reply->text, "有货");
  EXPECT_EQ(d.answers[asked]->decision, "fetched");
  EXPECT_FALSE(d.answers[d.deliver(d.message("4", "继续" + token))]);
}

TEST(AnswerDesk, WhoAsksBeforeTheAnswerIsThereWaitsForIt) {
  Desk d;
  const auto m = d.message("1");
  for (int i = 0; i < 3; ++i) {
    d.deliver(m);
    d.pass(seconds(i < 2 ? 5 : 4) + milliseconds(i < 2 ? 0 : 500));
  }
  EXPECT_EQ(d.last().decision, AnswerDecision::kNotice);
  const std::size_t again = d.deliver(d.message("2", "继续"));
  EXPECT_FALSE(d.answers[again]);
  EXPECT_EQ(d.questions.open.size(), 1U);
  d.pass(seconds(1));
  d.questions.answer(0, "有货");
  d.desk->turn();
  ASSERT_TRUE(d.answers[again]);
  EXPECT_EQ(d.answers[again]->reply->text, "有货");
  const auto all = d.desk->log().list(AccountId("shop"), 10).value();
  ASSERT_EQ(all.size(), 2U);
  EXPECT_EQ(all[0].decision, AnswerDecision::kPassive);
  EXPECT_EQ(all[1].decision, AnswerDecision::kFetched);
}

TEST(AnswerDesk, AnAccountThatMayPushesWhatCameTooLate) {
  Desk d(true);
  const std::size_t first = d.deliver(d.message("1"));
  d.pass(milliseconds(4'500));
  ASSERT_TRUE(d.answers[first]);
  EXPECT_EQ(d.answers[first]->reply->type, ReplyType::kNone);
  EXPECT_EQ(d.last().decision, AnswerDecision::kPush);
  d.pass(seconds(10));
  d.questions.answer(0, "有货");
  d.settle_push("sent");
  EXPECT_EQ(d.pushed, std::vector<std::string>{"oAlice: 有货"});
  ASSERT_TRUE(d.occasions.at(0));
  EXPECT_EQ(d.occasions[0]->trigger, CsTrigger::kMessage);
  EXPECT_EQ(d.occasions[0]->at, kStart);
  EXPECT_EQ(d.last().decision, AnswerDecision::kPush);
}

TEST(AnswerDesk, WhatAModelMadeIsMarkedWhereItIsPushedAndTheFailureTextIsNot) {
  Desk d(true);
  const auto push = [&](std::string id, std::optional<bool> generated) {
    d.deliver(d.message(std::move(id)));
    d.pass(milliseconds(4'500));
    Reply reply;
    reply.type = ReplyType::kText;
    reply.text = "有货";
    reply.generated = generated;
    d.questions.open.back().second(std::move(reply));
    d.settle_push("sent");
    d.pass(seconds(1));
  };
  push("1", {});
  push("2", false);
  push("3", true);
  d.deliver(d.message("4"));
  d.pass(milliseconds(4'500));
  d.questions.open.back().second(fail(ErrorCode::kUnavailable, "gone"));
  for (int i = 0; i < 10'000 && d.pushed.size() < 4; ++i) {
    d.desk->turn();
    std::this_thread::yield();
  }
  EXPECT_EQ(d.pushed_as_generated, (std::vector{true, false, true, false}));
  wechat::Account quiet = *d.account;
  quiet.reply_rules.service.generates = false;
  d.account = std::make_shared<const wechat::Account>(quiet);
  push("5", {});
  EXPECT_FALSE(d.pushed_as_generated.back());
}

TEST(AnswerDesk, APushedVideoNeedsItsPicture) {
  Reply video;
  video.type = ReplyType::kVideo;
  video.media_id = "MEDIA";
  EXPECT_TRUE(wechat::validate(video)) << "a passive reply does not";
  EXPECT_EQ(custom_message(video, true).error().field, "thumb_media_id");
  video.thumb_media_id = "THUMB";
  const auto ask = custom_message(video, true);
  ASSERT_TRUE(ask) << ask.error().text();
  EXPECT_EQ(ask->video->media_id, "MEDIA");
  EXPECT_EQ(ask->video->thumb_media_id, "THUMB");
  EXPECT_TRUE(ask->aimsgcontext);
}

TEST(AnswerDesk, ARefusedPushIsKeptForWhoeverAsksAndAnUnknownOneIsNot) {
  Desk d(true);
  d.push_outcome = DirectResult{{}, TouchState::kRefused, Rule::kNotFollowing, "x"};
  d.deliver(d.message("1"));
  d.pass(milliseconds(4'500));
  d.questions.answer(0, "有货");
  d.settle_push("refused:not_following");
  EXPECT_EQ(d.last().decision, AnswerDecision::kAbandoned);
  d.push_outcome = DirectResult{TouchId("t"), TouchState::kUnknown, Rule::kNone, "x"};
  d.pass(seconds(1));
  d.deliver(d.message("2"));
  d.pass(milliseconds(4'500));
  d.questions.answer(1, "也有货");
  d.settle_push("unknown");
  const std::size_t asked = d.deliver(d.message("3", "继续"));
  ASSERT_TRUE(d.answers[asked]);
  EXPECT_EQ(d.answers[asked]->reply->text, "有货");
}

/// Two processes on one state.
struct TwoDesks : Desk {
  explicit TwoDesks(bool may_push_now = false) : Desk(may_push_now) {
    there = another("there", asked_there);
  }
  void pass(Duration time) {
    Desk::pass(time);
    if (there) there->turn();
    desk->turn();
  }
  std::string text(std::size_t i) {
    return answers[i] && answers[i]->reply ? answers[i]->reply->text : "(nothing)";
  }
  Questions asked_there;
  std::unique_ptr<AnswerDesk> there;
};

TEST(AnswerDesk, ADeliveryThatReachesAnotherProcessGetsTheAnswerThatIsPreparedHere) {
  TwoDesks d;
  const auto m = d.message("1");
  const std::size_t first = d.deliver(m);
  d.pass(seconds(5));
  EXPECT_FALSE(d.answers[first]->reply);
  const std::size_t second = d.deliver(m, *d.there);
  EXPECT_TRUE(d.there->is_open(m));
  d.pass(seconds(1));
  EXPECT_FALSE(d.answers[second]);
  d.questions.answer(0, "有货");
  d.desk->turn();
  EXPECT_EQ(d.last().decision, AnswerDecision::kOpen);  // whoever has the delivery takes it
  d.pass(milliseconds(100));
  EXPECT_EQ(d.text(second), "有货");
  EXPECT_EQ(d.last().decision, AnswerDecision::kPassive);
  EXPECT_EQ(d.last().callbacks, 2);
  EXPECT_TRUE(d.asked_there.open.empty());
  // It was lost on its way; and long after both have forgotten the message.
  EXPECT_EQ(d.text(d.deliver(m)), "有货");
  d.pass(seconds(60));
  EXPECT_FALSE(d.there->is_open(m));
  EXPECT_EQ(d.text(d.deliver(m, *d.there)), "有货");
  EXPECT_EQ(d.questions.open.size() + d.asked_there.open.size(), 1U);
}

TEST(AnswerDesk, TheAnswerGoesWhereTheLatestDeliveryWaits) {
  TwoDesks d;
  const auto m = d.message("1");
  const std::size_t broken = d.deliver(m);  // this connection broke, and nobody noticed here
  const std::size_t second = d.deliver(m, *d.there);
  d.questions.answer(0, "有货");
  d.desk->turn();
  EXPECT_FALSE(d.answers[broken]);
  d.pass(milliseconds(100));
  EXPECT_EQ(d.text(second), "有货");
  d.pass(seconds(5));
  EXPECT_NE(d.text(broken), "有货");
  EXPECT_EQ(d.desk->waiting() + d.there->waiting(), 0U);
}

TEST(AnswerDesk, TheThirdDeliverySaysThatItComesLaterWhereverItArrivesAndItCanBeAskedForThere) {
  TwoDesks d;
  const auto m = d.message("1");
  d.deliver(m);
  d.pass(seconds(5));
  d.deliver(m);
  d.pass(seconds(5));
  const std::size_t third = d.deliver(m, *d.there);
  d.pass(milliseconds(4'500));
  const std::string notice = d.text(third);
  const std::size_t word = notice.find("继续 ");
  ASSERT_NE(word, std::string::npos) << notice;
  const std::string token = notice.substr(word + std::string("继续 ").size(), 4);
  EXPECT_EQ(d.last().decision, AnswerDecision::kNotice);
  // Before it is there, of the one that does not prepare it.
  const std::size_t asked = d.deliver(d.message("2", "继续 " + token), *d.there);
  EXPECT_FALSE(d.answers[asked]);
  d.pass(seconds(1));
  d.questions.answer(0, "有货");
  d.pass(milliseconds(100));
  EXPECT_EQ(d.text(asked), "有货");
  EXPECT_TRUE(d.asked_there.open.empty());
  EXPECT_EQ(d.questions.open.size(), 1U);
}

TEST(AnswerDesk, AnotherProcessAsksAgainOnlyWhenTheFirstHasDied) {
  TwoDesks d;
  const auto m = d.message("1");
  d.deliver(m);
  d.pass(seconds(5));
  d.deliver(m, *d.there);
  for (int i = 0; i < 5; ++i) d.pass(seconds(1));
  const std::size_t third = d.deliver(m, *d.there);
  // Killed: it says nothing any more, and nothing is tidied up.
  const auto pass_there = [&](Duration time) {
    ASSERT_TRUE(d.clock.advance_to(d.clock.now() + time));
    d.there->turn();
  };
  pass_there(milliseconds(4'500));
  EXPECT_NE(d.text(third).find("继续"), std::string::npos);
  EXPECT_TRUE(d.asked_there.open.empty());
  pass_there(milliseconds(1'500));
  ASSERT_EQ(d.asked_there.open.size(), 1U);  // what was promised is kept
  d.asked_there.answer(0, "有货");
  d.there->turn();
  EXPECT_EQ(d.text(d.deliver(d.message("2", "继续"), *d.there)), "有货");
}

TEST(AnswerDesk, WhatAStoppedProcessPreparedIsTakenOverAtOnce) {
  TwoDesks d;
  const auto m = d.message("1");
  const std::size_t first = d.deliver(m);
  d.desk->stop();
  EXPECT_FALSE(d.answers[first]->reply);
  const std::size_t second = d.deliver(m, *d.there);
  ASSERT_EQ(d.asked_there.open.size(), 1U);
  d.asked_there.answer(0, "有货");
  d.there->turn();
  EXPECT_EQ(d.text(second), "有货");
}

TEST(AnswerDesk, OneThatWasOnlySlowFindsTheAnswerThatWasThereFirst) {
  TwoDesks d;
  const auto m = d.message("1");
  d.deliver(m);
  ASSERT_TRUE(d.clock.advance_to(d.clock.now() + seconds(7)));  // stopped meanwhile
  const std::size_t second = d.deliver(m, *d.there);
  ASSERT_EQ(d.asked_there.open.size(), 1U);
  d.questions.answer(0, "有货");
  d.desk->turn();
  d.asked_there.answer(0, "没有");
  d.there->turn();
  EXPECT_EQ(d.text(second), "有货");
}

TEST(AnswerDesk, WhoPreparesPushesWhoeverHasTheDelivery) {
  TwoDesks d(true);
  const auto m = d.message("1");
  const std::size_t broken = d.deliver(m);
  const std::size_t second = d.deliver(m, *d.there);
  d.pass(milliseconds(4'500));
  EXPECT_EQ(d.answers[broken]->reply->type, ReplyType::kNone);
  EXPECT_EQ(d.answers[second]->reply->type, ReplyType::kNone);
  d.questions.answer(0, "有货");
  d.settle_push("sent");
  d.pass(seconds(1));
  EXPECT_EQ(d.pushed_by, std::vector<std::string>{"here"});
  EXPECT_EQ(d.answers[d.deliver(m, *d.there)]->reply->type, ReplyType::kNone);
}

TEST(AnswerDesk, AFailingServiceSaysSo) {
  Desk d;
  const std::size_t first = d.deliver(d.message("1"));
  d.questions.open[0].second(fail(ErrorCode::kUnavailable, "connection refused"));
  d.desk->turn();
  ASSERT_TRUE(d.answers[first]);
  EXPECT_EQ(d.answers[first]->reply->text, d.account->reply_rules.service.failed_text);
  EXPECT_EQ(d.last().reason, "service_failed");
}

TEST(AnswerDesk, StoppingLetsEverybodyGoAndLateAnswersHurtNobody) {
  Desk d;
  const std::size_t first = d.deliver(d.message("1"));
  d.desk->stop();
  ASSERT_TRUE(d.answers[first]);
  EXPECT_FALSE(d.answers[first]->reply);
  const std::size_t late = d.deliver(d.message("2"));
  EXPECT_FALSE(d.answers[late]->reply);
  d.desk.reset();
  d.questions.answer(0, "too late");
}

TEST(AnswerDesk, ManyWaitAtOnceAndEachHasItsDecision) {
  Desk d;
  constexpr int kMessages = 2'000;
  for (int i = 0; i < kMessages; ++i) d.deliver(d.message(std::to_string(i)));
  EXPECT_EQ(d.desk->waiting(), static_cast<std::size_t>(kMessages));
  for (int i = 0; i < kMessages; i += 2) d.questions.answer(static_cast<std::size_t>(i), "ja");
  d.desk->turn();
  EXPECT_EQ(d.desk->waiting(), static_cast<std::size_t>(kMessages / 2));
  d.pass(seconds(5));
  d.pass(seconds(10));
  EXPECT_EQ(d.desk->waiting(), 0U);
  const auto rows = d.state->query(
      "SELECT decision, count(*) FROM late_answer GROUP BY decision ORDER BY decision");
  ASSERT_TRUE(rows);
  ASSERT_EQ(rows->rows.size(), 2U);
  EXPECT_EQ(storage::as_int(rows->rows[0][1]), kMessages / 2);
  EXPECT_EQ(storage::as_int(rows->rows[1][1]), kMessages / 2);
}

TEST(AnswerService, BodyAndSignatureAreWhatTheServiceCanCheck) {
  Desk d;
  const Question q{d.account, "oAlice", "有货吗", "77", kStart};
  const std::string body = question_body(q);
  const Json json = parse_json(body).value();
  EXPECT_EQ(json["account"].string_or(""), "shop");
  EXPECT_EQ(json["text"].string_or(""), "有货吗");
  EXPECT_EQ(question_signature(q, body),
            "sha256=" + crypto::hex(crypto::hmac_sha256("thetoken", body)));
}

TEST(AnswerService, AnswersAreReadAndBadOnesNamed) {
  EXPECT_EQ(read_answer(R"({"text":"有货"})")->text, "有货");
  EXPECT_EQ(read_answer(R"({"reply":{"type":"image","media_id":"m"}})")->media_id, "m");
  EXPECT_EQ(read_answer(R"({"text":""})")->type, ReplyType::kNone);
  EXPECT_EQ(read_answer("{}").error().field, "text");
  EXPECT_FALSE(read_answer("nonsense"));
  EXPECT_EQ(read_answer(R"({"reply":{"type":"poem"}})").error().field, "reply.type");
  EXPECT_FALSE(read_answer("{\"text\":\"" + std::string(3'000, 'x') + "\"}"));
  EXPECT_FALSE(read_answer(R"({"text":"有货"})")->generated);
  EXPECT_EQ(read_answer(R"({"text":"有货","generated":false})")->generated, false);
  EXPECT_EQ(read_answer(R"({"text":"有货","generated":1})").error().field, "generated");
  EXPECT_EQ(read_answer(R"({"reply":{"type":"text","text":"x","generated":true}})")->generated,
            true);
}

/// Holds what it is asked until the test answers.
class HeldClient final : public http::Client {
 public:
  std::vector<std::pair<http::ClientRequest, Done>> open;
  http::Task<std::expected<http::ClientResponse, http::ClientError>> send(
      http::ClientRequest) override {
    co_return std::unexpected(http::ClientError{});
  }
  std::expected<http::ClientResponse, http::ClientError> send_and_wait(
      http::ClientRequest) override {
    return std::unexpected(http::ClientError{});
  }
  void send_and_tell(http::ClientRequest request, Done done) override {
    open.emplace_back(std::move(request), std::move(done));
  }
};

TEST(AnswerService, SoManyAtOnceTheOthersInTurnAndNotLongerThanTheyMay) {
  Desk d;
  HeldClient client;
  HttpAnswerSource source(client, d.clock, {.open_max = 2, .waiting_max = 3});
  std::vector<std::string> got;
  const auto ask = [&](std::string text) {
    source.ask({d.account, "oAlice", text, "1", kStart}, [&](Result<Reply> reply) {
      got.push_back(reply ? reply->text : std::string(to_string(reply.error().code)));
    });
  };
  const auto answer = [&](std::size_t i, int status, std::string body) {
    auto done = std::move(client.open[i].second);
    done(http::ClientResponse{status, {}, std::move(body)});
  };
  for (const char* text : {"a", "b", "c", "d", "e", "f"}) ask(text);
  EXPECT_EQ(client.open.size(), 2U);
  EXPECT_EQ(got, std::vector<std::string>{"limit_reached"});  // f: three wait already
  EXPECT_EQ(client.open[0].first.timeout, seconds(60));
  ASSERT_TRUE(d.clock.advance_to(kStart + seconds(50)));
  answer(0, 200, R"({"text":"A"})");
  ASSERT_EQ(client.open.size(), 3U);
  EXPECT_EQ(client.open[2].first.timeout, seconds(10));
  EXPECT_NE(client.open[2].first.body.find("\"c\""), std::string::npos);
  ASSERT_TRUE(d.clock.advance_to(kStart + seconds(60)));
  answer(1, 500, "");
  EXPECT_EQ(
      got, (std::vector<std::string>{"limit_reached", "A", "unavailable", "deadline", "deadline"}));
}

}  // namespace
}  // namespace zhiyin::delivery
