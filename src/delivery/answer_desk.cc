#include "delivery/answer_desk.h"

#include <algorithm>
#include <atomic>
#include <map>
#include <set>
#include <thread>
#include <variant>
#include <vector>

#include "base/crypto.h"
#include "base/mutex.h"
#include "base/thread_pool.h"

namespace zhiyin::delivery {
namespace {

using wechat::Callback;
using wechat::LateAnswer;
using wechat::Reply;
using wechat::ReplyReason;
using wechat::ReplyType;

/// Account and occurrence.
using Key = std::pair<AccountId, std::string>;

Key key_of(const Callback& callback) { return {callback.account, callback.dedup_key}; }

/// Four characters that nobody takes for others.
std::string new_token() {
  constexpr std::string_view kCharacters = "23456789abcdefghjkmnpqrstuvwxyz";
  const std::string random = crypto::random_bytes(wechat::kAnswerTokenChars);
  std::string token;
  for (const char c : random)
    token += kCharacters[static_cast<unsigned char>(c) % kCharacters.size()];
  return token;
}

Reply text_reply(std::string text) {
  Reply reply;
  if (text.empty()) return reply;
  reply.type = ReplyType::kText;
  reply.text = std::move(text);
  reply.generated = false;  // an operator wrote it
  return reply;
}

Reply notice(const wechat::AnswerService& service, std::string_view token) {
  constexpr std::string_view kPlace = "{token}";
  std::string text = service.waiting_text;
  if (const std::size_t at = text.find(kPlace); at != std::string::npos)
    text.replace(at, kPlace.size(), token);
  return text_reply(std::move(text));
}

std::string_view word_of(AnswerWindow::Give give) {
  switch (give) {
    case AnswerWindow::Give::kAnswer:
      return "passive";
    case AnswerWindow::Give::kNotice:
      return "notice";
    case AnswerWindow::Give::kAcknowledge:
      return "acknowledged";
    case AnswerWindow::Give::kNothing:
      return "none";
  }
  return "?";
}

}  // namespace

Result<wechat::CustomSendAsk> custom_message(const Reply& reply, bool generates) {
  ZHIYIN_TRY_VOID(wechat::validate_pushed(reply));
  wechat::CustomSendAsk ask;
  if (reply.generated.value_or(generates)) ask.aimsgcontext.emplace();
  ask.msgtype = enum_name(reply.type);
  switch (reply.type) {
    case ReplyType::kText:
      ask.text = wechat::TextContent{reply.text};
      return ask;
    case ReplyType::kImage:
      ask.image = wechat::MediaContent{reply.media_id};
      return ask;
    case ReplyType::kVoice:
      ask.voice = wechat::MediaContent{reply.media_id};
      return ask;
    case ReplyType::kVideo:
      ask.video.emplace();
      ask.video->media_id = reply.media_id;
      ask.video->thumb_media_id = reply.thumb_media_id;
      ask.video->title = reply.title;
      ask.video->description = reply.description;
      return ask;
    case ReplyType::kMusic:
      ask.music.emplace();
      ask.music->title = reply.title;
      ask.music->description = reply.description;
      ask.music->musicurl = reply.music_url;
      ask.music->hqmusicurl = reply.hq_music_url.empty() ? reply.music_url : reply.hq_music_url;
      ask.music->thumb_media_id = reply.thumb_media_id;
      return ask;
    case ReplyType::kNews:
      if (reply.articles.empty()) break;
      ask.news.emplace();
      ask.news->articles.emplace_back();
      ask.news->articles[0].title = reply.articles[0].title;
      ask.news->articles[0].description = reply.articles[0].description;
      ask.news->articles[0].url = reply.articles[0].url;
      ask.news->articles[0].picurl = reply.articles[0].picture_url;
      return ask;
    case ReplyType::kNone:
    case ReplyType::kTransfer:
      break;
  }
  return fail(ErrorCode::kUnsupported, "reply: '{}' is no customer-service message",
              enum_name(reply.type));
}

struct AnswerDesk::Inner : std::enable_shared_from_this<AnswerDesk::Inner> {
  Inner(Parts parts_in, std::string owner, Settings settings_in)
      : parts(std::move(parts_in)),
        settings(settings_in),
        log(parts.state, parts.vault, std::move(owner), parts.lease_clock) {}

  /// A callback that arrived.
  struct Joined {
    std::shared_ptr<const wechat::Account> account;
    Callback callback;
    wechat::ReplyDecision decision;
    Done done;
    Instant at;  ///< by the real clock
  };
  struct Answered {
    Key key;
    Result<Reply> reply;
  };
  struct Pushed {
    Key key;
    std::string outcome;
    bool is_sent = false;  ///< or may have been
  };
  using News = std::variant<Joined, Answered, Pushed>;

  struct Job {
    std::shared_ptr<const wechat::Account> account;
    std::string openid;
    AnswerWindow window;
    AnswerRecord record;
    std::optional<Occasion> occasion;  ///< of a push
    std::map<int, Done> waiting;
    int callbacks = 0;
    std::optional<Reply> answer;
    std::optional<Question> question;  ///< until it is asked; here or, perhaps, elsewhere
    bool may_reply = true;             ///< its callbacks can take the answer
    /// The answer that this message asks for is prepared by another process.
    std::optional<std::string> promised;
    std::vector<Key> followers;  ///< messages that ask for this answer
    bool is_ours = true;         ///< this process prepares the answer
    bool is_pushing = false;
    bool is_over = false;  ///< stays a little for deliveries that are on their way
    std::optional<Instant> due;
  };

  // What happens to a job.
  struct Arrives {
    int callback = 0;
    Instant at;
  };
  struct GetsAnswer {
    Reply reply;
    std::string reason;
  };
  struct IsFetched {};
  struct IsDue {};
  struct IsLookedAt {};  ///< whether another process has moved it on
  struct IsPushed {
    std::string outcome;
    bool is_sent = false;
  };
  using What = std::variant<Arrives, GetsAnswer, IsFetched, IsDue, IsLookedAt, IsPushed>;
  struct Happening {
    Key key;
    What what;
  };
  /// A job as it will be once the transaction is committed.
  struct Draft {
    AnswerWindow window;
    SharedAnswer shared;
    std::optional<Reply> answer;
    AnswerRecord before;  ///< as it was read
    AnswerWindow::Steps steps;
    bool asks = false;
    bool pushes = false;
    bool is_decided = false;  ///< by this
  };
  struct Given {
    Done done;
    LateAnswer answer;
  };

  void tell(News news) {
    {
      const MutexLock lock(mutex);
      if (stopping && !std::holds_alternative<Pushed>(news)) {
        if (Joined* joined = std::get_if<Joined>(&news)) late.push_back(std::move(joined->done));
      } else {
        inbox.push_back(std::move(news));
      }
    }
    wake.notify_all();
    release_late();
  }
  /// Callbacks that came when the desk had closed.
  void release_late() {
    std::vector<Done> all;
    {
      const MutexLock lock(mutex);
      all.swap(late);
    }
    for (Done& done : all) done({std::nullopt, "stopping"});
  }

  void run() {
    while (true) {
      {
        const MutexLock lock(mutex);
        while (inbox.empty() && !stopping) {
          const std::optional<Instant> at = next();
          const Duration left = at ? *at - parts.real.now() : Duration{0};
          if (at && left <= Duration{0}) break;
          if (at) {
            (void)wake.wait_for(mutex, left);
          } else {
            wake.wait(mutex);
          }
        }
        if (stopping) return;
      }
      turn();
    }
  }
  /// When there is something to do without news. Only the desk's own thread changes what it reads.
  [[nodiscard]] std::optional<Instant> next() const {
    std::optional<Instant> at;
    const auto at_most = [&](Instant t) { at = at ? std::min(*at, t) : t; };
    if (!due.empty()) at_most(due.begin()->first);
    if (!followed.empty()) at_most(looked_at + settings.look_every);
    if (!prepared.empty()) at_most(lived_at.value_or(Instant{}) + settings.lease / 3);
    at_most(searched_at ? *searched_at + settings.lease : Instant{});
    return at;
  }

  void turn() {
    std::vector<News> news;
    {
      const MutexLock lock(mutex);
      news.swap(inbox);
    }
    const Instant now = parts.real.now();
    // Before the news: what comes for one of these finds its record.
    for (auto at = due.begin(); at != due.end() && at->first <= now;) {
      const Key key = (at++)->second;
      if (jobs.at(key).is_over) remove(key);
    }
    for (News& one : news) std::visit([&](auto& n) { take(n); }, one);
    while (!due.empty() && due.begin()->first <= now) {
      const Key key = due.begin()->second;
      be_due(key, jobs.at(key), std::nullopt);
      happenings.push_back({key, IsDue{}});
    }
    if (!searched_at || now >= *searched_at + settings.lease) take_left(now);
    if (!followed.empty() && now >= looked_at + settings.look_every) look(now);
    const auto happened = std::exchange(happenings, {});
    if (!happened.empty() || (!prepared.empty() && must_live(now))) settle(happened, now);
  }

  /// At the end: what came of the messages that were on their way.
  void settle_pushes() {
    std::vector<News> news;
    {
      const MutexLock lock(mutex);
      news.swap(inbox);
    }
    for (News& one : news) {
      if (Pushed* const pushed = std::get_if<Pushed>(&one)) take(*pushed);
    }
    const auto happened = std::exchange(happenings, {});
    if (!happened.empty()) settle(happened, parts.real.now());
  }

  [[nodiscard]] bool must_live(Instant now) const {
    return !lived_at || now >= *lived_at + settings.lease / 3;
  }

  /// At what other processes prepare.
  void look(Instant now) {
    looked_at = now;
    for (const Key& key : followed) {
      Job& job = jobs.at(key);
      if (job.promised) look_for_promised(key, job);
      happenings.push_back({key, IsLookedAt{}});
    }
  }
  void look_for_promised(const Key& key, Job& job) {
    const Instant now = parts.clock.now();
    const auto& [account, person, token] = std::tie(key.first, job.record.person, *job.promised);
    const auto still = log.promised(account, person, token, now);
    if (!still) return report("promised", still.error());
    if (*still) return;
    auto kept = log.take(account, person, token, key.second, now);
    if (!kept) return report("take", kept.error());
    job.promised.reset();
    // Nothing: who prepared it is gone.
    gets_answer(
        key, job,
        *kept ? std::move(**kept) : text_reply(job.account->reply_rules.service.failed_text),
        *kept ? "" : "service_failed");
  }

  void take(Joined& joined) {
    const Key key = key_of(joined.callback);
    const auto known = jobs.find(key);
    if (known != jobs.end()) return arrive(key, known->second, joined);
    const std::string person = person_of(joined);
    if (joined.decision.reason == ReplyReason::kContinue && follow(joined, key, person)) return;
    if (jobs.size() >= settings.jobs_max) {
      overloaded().add();
      return joined.done({Reply{}, "overload"});
    }
    Job& job = add(key, person, joined);
    const bool asks = joined.decision.reply.type == ReplyType::kNone;
    if (asks) {
      job.question = Question{joined.account, joined.callback.from_openid, joined.callback.content,
                              joined.callback.msg_id, joined.callback.create_time};
    }
    arrive(key, job, joined);
    if (!asks) gets_answer(key, job, joined.decision.reply, "");
  }

  /// What dead processes left: this one asks again.
  void take_left(Instant now) {
    searched_at = now;
    const auto left = log.left(parts.clock.now());
    if (!left) return report("left", left.error());
    for (const LeftAnswer& one : *left) {
      const Key key{one.record.account, one.record.key};
      if (jobs.contains(key) || jobs.size() >= settings.jobs_max) continue;
      auto account = parts.account(one.record.account);
      if (!account) continue;
      Job& job = open_job(key, account, one.question.openid, one.question.may_reply);
      job.record = one.record;
      job.is_ours = false;
      job.question = Question{std::move(account), one.question.openid, one.question.text,
                              one.question.message_id, one.question.at};
      job.occasion = Occasion{CsTrigger::kMessage, one.question.at};
      happenings.push_back({key, IsLookedAt{}});
    }
  }

  /// Gives, or waits for, an answer that was asked for before, if there is such a one.
  bool follow(Joined& joined, const Key& key, const std::string& person) {
    const auto earlier = std::ranges::find_if(jobs, [&](const auto& entry) {
      const Job& job = entry.second;
      const bool is_kept = job.window.decision() == AnswerDecision::kNotice ||
                           job.window.decision() == AnswerDecision::kAbandoned;
      return job.is_ours && job.record.person == person && is_kept && !job.window.has_answer() &&
             (joined.decision.token.empty() || joined.decision.token == job.record.token);
    });
    if (earlier != jobs.end()) {
      const Key source = earlier->first;
      Job& job = add(key, person, joined);
      jobs.at(source).followers.push_back(key);
      arrive(key, job, joined);
      return true;
    }
    const Instant now = parts.clock.now();
    auto kept = log.take(key.first, person, joined.decision.token, key.second, now);
    if (!kept) {
      report("take", kept.error());
      joined.done({std::nullopt, "unavailable"});  // it comes again
      return true;
    }
    if (*kept) {
      joined.done({std::move(**kept), "fetched"});
      return true;
    }
    auto promised = log.promised(key.first, person, joined.decision.token, now);
    if (!promised) report("promised", promised.error());
    if (!promised || !*promised) return false;
    Job& job = add(key, person, joined);
    job.promised = std::move(**promised);
    arrive(key, job, joined);
    return true;
  }

  Job& add(const Key& key, const std::string& person, const Joined& joined) {
    const bool may_reply =
        joined.account->kind != wechat::AccountKind::kMiniProgram && !joined.callback.json;
    Job& job = open_job(key, joined.account, joined.callback.from_openid, may_reply);
    job.record.account = joined.callback.account;
    job.record.key = joined.callback.dedup_key;
    job.record.person = person;
    job.record.token = new_token();
    job.record.opened_at = parts.clock.now();
    job.occasion = occasion_of(joined.callback);
    return job;
  }
  Job& open_job(const Key& key, const std::shared_ptr<const wechat::Account>& account,
                const std::string& openid, bool may_reply) {
    AnswerRights rights;
    rights.passive = may_reply;
    rights.push = parts.may_push(*account);
    const auto [added, is_new] =
        jobs.try_emplace(key, Job{account, openid, AnswerWindow(settings.timing, rights)});
    added->second.may_reply = may_reply;
    const MutexLock lock(mutex);
    open.insert(key);
    return added->second;
  }

  void arrive(const Key& key, Job& job, Joined& joined) {
    const int callback = ++job.callbacks;
    job.waiting.emplace(callback, std::move(joined.done));
    waiting.fetch_add(1);
    happenings.push_back({key, Arrives{callback, joined.at}});
  }

  void take(Answered& news) {
    const auto found = jobs.find(news.key);
    if (found == jobs.end()) return;
    Job& job = found->second;
    if (news.reply) return gets_answer(news.key, job, std::move(*news.reply), "");
    parts.logger.warning("delivery", "answer_service_failed",
                         {{"account", news.key.first}, {"error", news.reply.error().text()}});
    gets_answer(news.key, job, text_reply(job.account->reply_rules.service.failed_text),
                "service_failed");
  }

  void gets_answer(const Key& key, Job& job, Reply reply, std::string reason) {
    happenings.push_back({key, GetsAnswer{reply, reason}});
    const std::vector<Key> followers = std::exchange(job.followers, {});
    if (!followers.empty()) happenings.push_back({key, IsFetched{}});
    for (const Key& follower : followers) {
      if (const auto found = jobs.find(follower); found != jobs.end())
        gets_answer(follower, found->second, reply, reason);
    }
  }

  void take(Pushed& news) {
    const auto found = jobs.find(news.key);
    if (found == jobs.end()) return;
    found->second.is_pushing = false;
    happenings.push_back({news.key, IsPushed{news.outcome, news.is_sent}});
  }

  /// Decides and writes what was decided in one transaction, then acts on it. What other processes
  /// decided before counts.
  void settle(const std::vector<Happening>& happened, Instant now) {
    constexpr Duration kTryAgain = std::chrono::milliseconds(500);
    std::map<Key, Draft> drafts;
    const bool lives = must_live(now);
    const auto written = log.together([&](storage::Session& session) -> Result<void> {
      drafts.clear();
      if (lives) {
        ZHIYIN_TRY_VOID(log.live(session, settings.lease));
      }
      for (const Happening& one : happened) {
        ZHIYIN_TRY(Draft* const draft, draft_of(one.key, &session, drafts, now));
        std::visit([&](const auto& what) { happen(*draft, what, now); }, one.what);
      }
      for (auto& [key, draft] : drafts) {
        if (finish(draft)) ZHIYIN_TRY_VOID(log.write(session, draft.shared));
      }
      return {};
    });
    if (lives) lived_at = written ? now : now - settings.lease / 3 + kTryAgain;
    if (!written) {
      // As if this process were alone: whoever waits has an answer, or is let go in time.
      report("record", written.error());
      drafts.clear();
      for (const Happening& one : happened) {
        const Result<Draft*> draft = draft_of(one.key, nullptr, drafts, now);
        std::visit([&](const auto& what) { happen(**draft, what, now); }, one.what);
      }
      for (auto& [key, draft] : drafts) finish(draft);
    }
    perform(drafts);
  }

  /// The job as this process knows it, brought to what the others have written. Without a session
  /// that is nothing.
  Result<Draft*> draft_of(const Key& key, storage::Session* session, std::map<Key, Draft>& drafts,
                          Instant now) {
    if (const auto known = drafts.find(key); known != drafts.end()) return &known->second;
    const Job& job = jobs.at(key);
    Draft draft{job.window, {job.record, job.is_ours ? log.owner() : ""}, job.answer};
    std::optional<SharedAnswer> shared;
    if (session != nullptr) {
      ZHIYIN_TRY(shared, log.read(*session, key.first, key.second));
    }
    if (shared) {
      draft.shared = std::move(*shared);
      draft.before = draft.shared.record;
      adopt(draft, job, now);
    } else {
      draft.asks = job.is_ours && job.question.has_value();
    }
    return &drafts.emplace(key, std::move(draft)).first->second;
  }

  void adopt(Draft& draft, const Job& job, Instant now) const {
    const AnswerRecord& record = draft.shared.record;
    const bool is_open = record.decision == AnswerDecision::kOpen;
    if (!draft.shared.owner_lives && is_awaited(record) && job.question) {
      draft.shared.owner = log.owner();
      draft.asks = true;
    }
    draft.window.elsewhere(record.callbacks, now);
    const AnswerDecision here = draft.window.decision();
    const bool was_kept = here == AnswerDecision::kNotice || here == AnswerDecision::kAbandoned;
    if (was_kept && record.decision == AnswerDecision::kFetched)
      draft.window.fetched(parts.clock.now());
    if (!is_open && draft.window.decision() == AnswerDecision::kOpen)
      draft.steps = draft.window.overrule(record.decision, now);
    if (!record.reply) return;
    draft.answer = record.reply;  // the first that was there counts
    if (!draft.window.has_answer()) std::ranges::copy(draft.window.answer(now), into(draft));
  }
  /// Somebody waits for the answer, or was told that it comes.
  static bool is_awaited(const AnswerRecord& record) {
    const bool is_given =
        record.decision == AnswerDecision::kPassive || record.decision == AnswerDecision::kFetched;
    return !is_given && !record.answered_at;
  }
  static std::back_insert_iterator<AnswerWindow::Steps> into(Draft& draft) {
    return std::back_inserter(draft.steps);
  }

  void happen(Draft& draft, const Arrives& what, Instant) const {
    std::ranges::copy(draft.window.arrive(what.callback, what.at), into(draft));
  }
  void happen(Draft& draft, const GetsAnswer& what, Instant now) const {
    if (draft.window.has_answer()) return;
    draft.answer = what.reply;
    draft.shared.record.answered_at = parts.clock.now();
    if (!what.reason.empty()) draft.shared.record.reason = what.reason;
    std::ranges::copy(draft.window.answer(now), into(draft));
  }
  void happen(Draft& draft, const IsFetched&, Instant) const {
    const AnswerDecision decision = draft.window.decision();
    if (decision == AnswerDecision::kNotice || decision == AnswerDecision::kAbandoned)
      draft.window.fetched(parts.clock.now());
  }
  void happen(Draft& draft, const IsDue&, Instant now) const {
    std::ranges::copy(draft.window.tick(now), into(draft));
  }
  void happen(Draft&, const IsLookedAt&, Instant) const {}
  void happen(Draft& draft, const IsPushed& what, Instant) const {
    draft.shared.record.reason = what.outcome;
    // What certainly did not go out is kept, as if nobody had come for it.
    if (!what.is_sent) draft.shared.record.decision = AnswerDecision::kAbandoned;
  }

  /// What is to be written; whether there is anything new in it.
  bool finish(Draft& draft) const {
    AnswerRecord& record = draft.shared.record;
    const AnswerDecision decision = draft.window.decision();
    const bool was_refused =
        record.decision == AnswerDecision::kAbandoned && decision == AnswerDecision::kPush;
    if (decision != record.decision && !was_refused) {
      record.decision = decision;
      record.decided_at = parts.clock.now();
      draft.is_decided = true;
    }
    record.callbacks = std::max(record.callbacks, draft.window.arrivals());
    if (draft.shared.owner == log.owner() && draft.window.take_push()) {
      if (draft.answer->type == ReplyType::kNone) {
        record.reason = "nothing_to_say";
      } else {
        draft.pushes = true;
      }
    }
    record.reply = kept(record.decision, draft.answer);
    const Job& job = jobs.at({record.account, record.key});
    if (draft.asks && job.question) {
      const Question& q = *job.question;
      draft.shared.question = LateQuestion{q.openid, q.text, q.message_id, q.at, job.may_reply};
    }
    return !(record == draft.before) || draft.asks;
  }
  static std::optional<Reply> kept(AnswerDecision decision, const std::optional<Reply>& answer) {
    switch (decision) {
      case AnswerDecision::kOpen:
      case AnswerDecision::kPassive:
        return answer;
      case AnswerDecision::kNotice:
      case AnswerDecision::kAbandoned:
        return answer && answer->type != ReplyType::kNone ? answer : std::nullopt;
      case AnswerDecision::kPush:
      case AnswerDecision::kFetched:
        break;
    }
    return std::nullopt;
  }

  void perform(std::map<Key, Draft>& drafts) {
    std::vector<Given> gives;
    std::vector<std::pair<Key, Question>> questions;
    for (auto& [key, draft] : drafts) {
      Job& job = jobs.at(key);
      job.window = draft.window;
      job.record = draft.shared.record;
      job.record.reply.reset();
      job.answer = std::move(draft.answer);
      job.is_ours = draft.shared.owner == log.owner();
      if (draft.is_decided) count(job.record);
      for (const AnswerWindow::Step& step : draft.steps) {
        auto done = job.waiting.extract(step.callback);
        waiting.fetch_sub(1);
        gives.push_back({std::move(done.mapped()), answer_of(job, step.give)});
      }
      if (draft.asks) questions.emplace_back(key, std::move(*std::exchange(job.question, {})));
      if (draft.pushes) job.is_pushing = true;
      if (draft.pushes) push(key, job);
      put_away(key, job);
    }
    for (Given& give : gives) give.done(std::move(give.answer));
    for (auto& [key, question] : questions) {
      parts.source.ask(std::move(question), [desk = weak_from_this(), key](Result<Reply> reply) {
        if (const auto here = desk.lock()) here->tell(Answered{key, std::move(reply)});
      });
    }
  }

  /// Into the lists of what is to be done for it.
  void put_away(const Key& key, Job& job) {
    const bool has_answer = job.window.has_answer() || job.record.answered_at;
    const bool is_decided = job.window.decision() != AnswerDecision::kOpen;
    // Of one that is prepared elsewhere this process may have to keep the promise.
    const bool is_left = !job.is_ours && !(job.question && is_awaited(job.record));
    const bool is_over = is_decided && (has_answer || is_left) && !job.is_pushing;
    if (is_over && !job.is_over) {
      job.is_over = true;
      be_due(key, job, parts.real.now() + settings.linger);
    } else if (!is_over) {
      be_due(key, job, job.window.due());
    }
    const auto stands_in = [&key](std::set<Key>& list, bool stands) {
      if (stands) {
        list.insert(key);
      } else {
        list.erase(key);
      }
    };
    stands_in(prepared, job.is_ours && !has_answer);
    stands_in(followed, !is_over && (!job.is_ours || job.promised));
  }

  void be_due(const Key& key, Job& job, std::optional<Instant> at) {
    if (at == job.due) return;
    if (job.due) due.erase({*job.due, key});
    if (at) due.insert({*at, key});
    job.due = at;
  }

  void remove(const Key& key) {
    const auto found = jobs.find(key);
    be_due(key, found->second, std::nullopt);
    prepared.erase(key);
    followed.erase(key);
    jobs.erase(found);
    const MutexLock lock(mutex);
    open.erase(key);
  }

  static LateAnswer answer_of(const Job& job, AnswerWindow::Give give) {
    LateAnswer out{std::nullopt, std::string(word_of(give))};
    if (give == AnswerWindow::Give::kAnswer) out.reply = job.answer;
    if (give == AnswerWindow::Give::kAcknowledge) out.reply = Reply{};
    if (give == AnswerWindow::Give::kNotice)
      out.reply = notice(job.account->reply_rules.service, job.record.token);
    return out;
  }

  void push(const Key& key, const Job& job) {
    auto work = [this, key, account = job.account->id, openid = job.openid, occasion = job.occasion,
                 reply = *job.answer, generates = job.account->reply_rules.service.generates] {
      tell(pushed(key, account, openid, occasion, reply, generates));
    };
    if (!pushers->try_submit(std::move(work))) tell(Pushed{key, "refused:overload", false});
  }
  Pushed pushed(const Key& key, const AccountId& account, const std::string& openid,
                const std::optional<Occasion>& occasion, const Reply& reply, bool generates) const {
    const auto message = custom_message(reply, generates);
    if (!message) return {key, "refused:" + message.error().text(), false};
    const auto sent = parts.push(account, openid, *message, occasion);
    if (!sent) return {key, "failed:" + std::string(sent.error().text()), false};
    switch (sent->state) {
      case TouchState::kSent:
        return {key, "sent", true};
      case TouchState::kUnknown:
        return {key, "unknown", true};
      case TouchState::kRefused:
        return {key, fmt::format("refused:{}", enum_name(sent->rule)), false};
      default:
        return {key, "failed:" + sent->error, false};
    }
  }

  std::string person_of(const Joined& joined) const {
    return storage::to_hex(
        parts.vault.hash({joined.callback.account.value, "openid", joined.callback.from_openid}));
  }
  void count(const AnswerRecord& record) {
    parts.metrics
        .counter("zhiyin_wechat_late_answers_total", "Decisions on answers that were not at once",
                 fmt::format("account=\"{}\",decision=\"{}\"", record.account.value,
                             enum_name(record.decision)))
        .add();
  }
  Counter& overloaded() {
    return parts.metrics.counter("zhiyin_wechat_late_answers_overload_total",
                                 "Messages acknowledged because too many wait for an answer");
  }
  void report(std::string_view what, const Error& error) {
    parts.logger.error("delivery", "answer_log", {{"work", what}, {"error", error.text()}});
  }

  Parts parts;
  const Settings settings;
  AnswerLog log;
  mutable Mutex mutex;
  CondVar wake;
  std::vector<News> inbox ZHIYIN_GUARDED_BY(mutex);
  std::vector<Done> late ZHIYIN_GUARDED_BY(mutex);
  std::set<Key> open ZHIYIN_GUARDED_BY(mutex);
  bool stopping ZHIYIN_GUARDED_BY(mutex) = false;
  std::atomic<std::size_t> waiting{0};
  // Of the desk's thread, or of who calls `turn`:
  std::map<Key, Job> jobs;
  std::vector<Happening> happenings;
  std::set<std::pair<Instant, Key>> due;
  std::set<Key> prepared;  ///< here, and not there yet
  std::set<Key> followed;  ///< what happens to them elsewhere is looked at
  Instant looked_at;
  std::optional<Instant> lived_at;     ///< when it was last written that this process lives
  std::optional<Instant> searched_at;  ///< when it was last looked for what dead processes left
  std::thread thread;
  static constexpr std::size_t kPushThreads = 4;
  std::optional<ThreadPool> pushers{std::in_place, kPushThreads, 10'000};
};

AnswerDesk::AnswerDesk(Parts parts, std::string owner, Settings settings)
    : inner_(std::make_shared<Inner>(std::move(parts), std::move(owner), settings)) {
  if (settings.has_thread) inner_->thread = std::thread([this] { inner_->run(); });
}

AnswerDesk::~AnswerDesk() { stop(); }

bool AnswerDesk::is_open(const Callback& callback) const {
  const MutexLock lock(inner_->mutex);
  return inner_->open.contains(key_of(callback));
}

void AnswerDesk::join(std::shared_ptr<const wechat::Account> account, const Callback& callback,
                      const wechat::ReplyDecision& decision, Done done) {
  inner_->tell(Inner::Joined{std::move(account), callback, decision, std::move(done),
                             inner_->parts.real.now()});
}

void AnswerDesk::turn() { inner_->turn(); }

std::size_t AnswerDesk::waiting() const { return inner_->waiting.load(); }

AnswerLog& AnswerDesk::log() { return inner_->log; }

void AnswerDesk::stop() {
  {
    const MutexLock lock(inner_->mutex);
    inner_->stopping = true;
    for (auto& news : inner_->inbox) {
      if (auto* joined = std::get_if<Inner::Joined>(&news))
        inner_->late.push_back(std::move(joined->done));
    }
    std::erase_if(inner_->inbox, [](const Inner::News& news) {
      return !std::holds_alternative<Inner::Pushed>(news);
    });
  }
  inner_->wake.notify_all();
  if (inner_->thread.joinable()) inner_->thread.join();
  inner_->pushers.reset();  // what is being sent is sent, with parts that may be gone afterwards
  inner_->settle_pushes();
  for (auto& [key, job] : inner_->jobs) {
    for (auto& [number, done] : job.waiting) done({std::nullopt, "stopping"});
    job.waiting.clear();
  }
  if (!inner_->jobs.empty()) {
    if (const auto left = inner_->log.leave(); !left) inner_->report("leave", left.error());
  }
  inner_->jobs.clear();
  inner_->due.clear();
  inner_->release_late();
}

}  // namespace zhiyin::delivery
