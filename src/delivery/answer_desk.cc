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

Result<wechat::CustomSendAsk> custom_message(const Reply& reply) {
  wechat::CustomSendAsk ask;
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
        log(parts.state, parts.vault, std::move(owner)) {}

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
    std::map<int, Done> waiting;
    int callbacks = 0;
    Reply answer;
    std::vector<Key> followers;  ///< messages that ask for this answer
    bool is_pushing = false;
    bool is_over = false;  ///< stays a little for deliveries that are on their way
    std::optional<Instant> due;
  };
  /// What is to be done once the decisions are written.
  struct Effects {
    struct Given {
      Key key;
      Done done;
      LateAnswer answer;
    };
    std::vector<Given> gives;
    std::vector<Key> pushes;
    std::vector<Question> questions;
    std::vector<Key> asked;  // of the questions
    std::set<Key> changed;
  };

  void tell(News news) {
    {
      const MutexLock lock(mutex);
      if (stopping) {
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
          const std::optional<Duration> left = until_due();
          if (left && *left <= Duration{0}) break;
          if (left) {
            (void)wake.wait_for(mutex, *left);
          } else {
            wake.wait(mutex);
          }
        }
        if (stopping) return;
      }
      turn();
    }
  }
  /// Only the desk's own thread changes `due`.
  std::optional<Duration> until_due() const {
    if (due.empty()) return std::nullopt;
    return due.begin()->first - parts.real.now();
  }

  void turn() {
    std::vector<News> news;
    {
      const MutexLock lock(mutex);
      news.swap(inbox);
    }
    Effects effects;
    for (News& one : news) std::visit([&](auto& n) { take(n, effects); }, one);
    const Instant now = parts.real.now();
    while (!due.empty() && due.begin()->first <= now) {
      const Key key = due.begin()->second;
      Job& job = jobs.at(key);
      if (job.is_over) {
        remove(key);
      } else {
        apply(key, job, job.window.tick(now), effects);
      }
    }
    perform(effects);
  }

  void take(Joined& joined, Effects& effects) {
    const Key key = key_of(joined.callback);
    const auto known = jobs.find(key);
    if (known != jobs.end()) return arrive(key, known->second, joined, effects);
    const std::string person = person_of(joined);
    if (joined.decision.reason == ReplyReason::kContinue) {
      if (follow(joined, key, person, effects)) return;
      auto kept =
          log.take(joined.callback.account, person, joined.decision.token, parts.clock.now());
      if (!kept) report("take", kept.error());
      if (kept && *kept) {
        effects.gives.push_back({key, std::move(joined.done), {std::move(**kept), "fetched"}});
        return;
      }
    }
    if (jobs.size() >= settings.jobs_max) {
      overloaded().add();
      effects.gives.push_back({key, std::move(joined.done), {Reply{}, "overload"}});
      return;
    }
    Job& job = add(key, person, joined);
    arrive(key, job, joined, effects);
    if (joined.decision.reply.type != ReplyType::kNone) {
      return answered(key, job, joined.decision.reply, effects);
    }
    effects.questions.push_back({joined.account, joined.callback.from_openid,
                                 joined.callback.content, joined.callback.msg_id,
                                 joined.callback.create_time});
    effects.asked.push_back(key);
  }

  /// Waits for an answer that was asked for before, if there is such a one.
  bool follow(Joined& joined, const Key& key, const std::string& person, Effects& effects) {
    const auto earlier = std::ranges::find_if(jobs, [&](const auto& entry) {
      const Job& job = entry.second;
      const bool is_kept = job.window.decision() == AnswerDecision::kNotice ||
                           job.window.decision() == AnswerDecision::kAbandoned;
      return job.record.person == person && is_kept && !job.window.has_answer() &&
             (joined.decision.token.empty() || joined.decision.token == job.record.token);
    });
    if (earlier == jobs.end()) return false;
    const Key source = earlier->first;
    Job& job = add(key, person, joined);
    jobs.at(source).followers.push_back(key);
    arrive(key, job, joined, effects);
    return true;
  }

  Job& add(const Key& key, const std::string& person, const Joined& joined) {
    AnswerRights rights;
    rights.passive =
        joined.account->kind != wechat::AccountKind::kMiniProgram && !joined.callback.json;
    rights.push = parts.may_push(*joined.account);
    AnswerRecord record;
    record.account = joined.callback.account;
    record.key = joined.callback.dedup_key;
    record.person = person;
    record.token = new_token();
    record.opened_at = parts.clock.now();
    const auto [added, is_new] = jobs.try_emplace(key, Job{joined.account,
                                                           joined.callback.from_openid,
                                                           AnswerWindow(settings.timing, rights),
                                                           std::move(record),
                                                           {},
                                                           0,
                                                           {},
                                                           {},
                                                           false,
                                                           false,
                                                           {}});
    const MutexLock lock(mutex);
    open.insert(key);
    return added->second;
  }

  void arrive(const Key& key, Job& job, Joined& joined, Effects& effects) {
    const int callback = ++job.callbacks;
    job.waiting.emplace(callback, std::move(joined.done));
    waiting.fetch_add(1);
    apply(key, job, job.window.arrive(callback, joined.at), effects);
  }

  void take(Answered& news, Effects& effects) {
    const auto found = jobs.find(news.key);
    if (found == jobs.end()) return;
    Job& job = found->second;
    if (!news.reply) {
      job.record.reason = "service_failed";
      parts.logger.warning("delivery", "answer_service_failed",
                           {{"account", news.key.first}, {"error", news.reply.error().text()}});
      return answered(news.key, job, text_reply(job.account->reply_rules.service.failed_text),
                      effects);
    }
    answered(news.key, job, std::move(*news.reply), effects);
  }

  void answered(const Key& key, Job& job, Reply reply, Effects& effects) {
    job.answer = std::move(reply);
    job.record.answered_at = parts.clock.now();
    apply(key, job, job.window.answer(parts.real.now()), effects);
    const std::vector<Key> followers = std::exchange(job.followers, {});
    if (!followers.empty()) job.window.fetched(parts.clock.now());
    const Reply answer = job.answer;
    for (const Key& follower : followers) {
      if (const auto found = jobs.find(follower); found != jobs.end())
        answered(follower, found->second, answer, effects);
    }
  }

  void take(Pushed& news, Effects& effects) {
    const auto found = jobs.find(news.key);
    if (found == jobs.end()) return;
    Job& job = found->second;
    job.is_pushing = false;
    job.record.reason = news.outcome;
    // What certainly did not go out is kept, as if nobody had come for it.
    if (!news.is_sent) {
      job.record.decision = AnswerDecision::kAbandoned;
      job.record.reply = job.answer;
    }
    effects.changed.insert(news.key);
  }

  void apply(const Key& key, Job& job, const AnswerWindow::Steps& steps, Effects& effects) {
    for (const AnswerWindow::Step& step : steps) {
      auto done = job.waiting.extract(step.callback);
      waiting.fetch_sub(1);
      effects.gives.push_back({key, std::move(done.mapped()), answer_of(job, step.give)});
    }
    if (job.window.take_push()) {
      if (job.answer.type == ReplyType::kNone) {
        job.record.reason = "nothing_to_say";
      } else {
        job.is_pushing = true;
        effects.pushes.push_back(key);
      }
    }
    if (job.window.decision() != AnswerDecision::kOpen) effects.changed.insert(key);
    if (!job.is_over) be_due(key, job, job.window.due());
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

  /// Writes the decisions, then acts on them.
  void perform(Effects& effects) {
    std::vector<AnswerRecord> records;
    for (const Key& key : effects.changed) {
      Job& job = jobs.at(key);
      const bool was_refused = job.record.decision == AnswerDecision::kAbandoned &&
                               job.window.decision() == AnswerDecision::kPush;
      if (!was_refused) job.record.decision = job.window.decision();
      job.record.callbacks = job.window.arrivals();
      job.record.decided_at = parts.clock.now();
      const bool is_kept = job.record.decision == AnswerDecision::kNotice ||
                           job.record.decision == AnswerDecision::kAbandoned;
      const bool has_content = job.window.has_answer() && job.answer.type != ReplyType::kNone;
      job.record.reply = is_kept && has_content ? std::optional(job.answer) : std::nullopt;
      records.push_back(job.record);
    }
    const std::set<Key> lost = record_all(records);
    for (Effects::Given& give : effects.gives) {
      // Another process, which a repeated delivery reached, has answered.
      if (lost.contains(give.key) && give.answer.reply) give.answer = {Reply{}, "answered"};
      give.done(std::move(give.answer));
    }
    for (const Key& key : effects.pushes) {
      Job& job = jobs.at(key);
      if (!lost.contains(key)) {
        push(key, job);
      } else {
        job.is_pushing = false;
      }
    }
    for (std::size_t i = 0; i < effects.questions.size(); ++i) {
      parts.source.ask(std::move(effects.questions[i]),
                       [desk = weak_from_this(), key = effects.asked[i]](Result<Reply> reply) {
                         if (const auto here = desk.lock())
                           here->tell(Answered{key, std::move(reply)});
                       });
    }
    for (const Key& key : effects.changed) {
      Job& job = jobs.at(key);
      if (job.is_over || !job.window.is_over() || job.is_pushing) continue;
      job.is_over = true;
      be_due(key, job, parts.real.now() + settings.linger);
    }
  }

  /// Those that another process had decided before.
  std::set<Key> record_all(const std::vector<AnswerRecord>& records) {
    std::set<Key> lost;
    const auto ours = log.record(records);
    if (!ours) {
      report("record", ours.error());
      return lost;
    }
    for (std::size_t i = 0; i < records.size(); ++i) {
      if ((*ours)[i]) {
        count(records[i]);
      } else {
        lost.insert({records[i].account, records[i].key});
      }
    }
    return lost;
  }

  void push(const Key& key, const Job& job) {
    auto work = [this, key, account = job.account->id, openid = job.openid, reply = job.answer] {
      tell(pushed(key, account, openid, reply));
    };
    if (!pushers->try_submit(std::move(work))) tell(Pushed{key, "refused:overload", false});
  }
  Pushed pushed(const Key& key, const AccountId& account, const std::string& openid,
                const Reply& reply) const {
    const auto message = custom_message(reply);
    if (!message) return {key, "refused:" + message.error().text(), false};
    const auto sent = parts.push(account, openid, *message);
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
  std::set<std::pair<Instant, Key>> due;
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
    inner_->inbox.clear();
  }
  inner_->wake.notify_all();
  if (inner_->thread.joinable()) inner_->thread.join();
  inner_->pushers.reset();  // what is being sent is sent, with parts that may be gone afterwards
  for (auto& [key, job] : inner_->jobs) {
    for (auto& [number, done] : job.waiting) done({std::nullopt, "stopping"});
    job.waiting.clear();
  }
  inner_->jobs.clear();
  inner_->due.clear();
  inner_->release_late();
}

}  // namespace zhiyin::delivery
