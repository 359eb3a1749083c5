#include "wechat/callback_endpoint.h"

#include <algorithm>
#include <deque>
#include <future>
#include <thread>
#include <utility>

#include "wechat/connection_check.h"

namespace zhiyin::wechat {
namespace {

http::Response plain_text(int status, std::string body) {
  http::Response response;
  response.status = status;
  response.body = std::move(body);
  response.content_type = "text/plain; charset=utf-8";
  response.headers.emplace_back("X-Content-Type-Options", "nosniff");
  return response;
}

http::Response reply_body(std::string body) {
  const char first = body.empty() ? ' ' : body.front();
  http::Response response = plain_text(200, std::move(body));
  if (first == '<') response.content_type = "text/xml; charset=utf-8";
  if (first == '{') response.content_type = "application/json; charset=utf-8";
  return response;
}

std::string_view name_of(ReplyReason reason) {
  switch (reason) {
    case ReplyReason::kNothing:
      return "none";
    case ReplyReason::kWelcome:
      return "welcome";
    case ReplyReason::kKeyword:
      return "keyword";
    case ReplyReason::kOptOut:
      return "opt_out";
    case ReplyReason::kOptIn:
      return "opt_in";
    case ReplyReason::kAsk:
      return "ask";
    case ReplyReason::kContinue:
      return "continue";
  }
  return "?";
}

/// What an answer to a request that did not decrypt says: the same whatever was wrong inside, so
/// that nobody learns from it which byte of a padding was right.
std::string_view told(const CallbackError& error) {
  const bool is_inside =
      error.refusal == Refusal::kReceiver || error.refusal == Refusal::kEncryption;
  return to_string(is_inside ? Refusal::kEncryption : error.refusal);
}

}  // namespace

/// An account as its callbacks need it. Immutable; shared by the cache and requests under way.
struct CallbackEndpoint::Prepared {
  Account account;
  Result<CallbackRules> rules;
};

/// One request on its way, or one whose late answer has come.
struct CallbackEndpoint::Item {
  http::Request request;
  Respond respond;
  std::shared_ptr<const Prepared> prepared;
  Callback callback;
  ReplyDecision decision;
  Reply reply;
  std::string why;
  bool is_opened = false;    ///< `callback` and `decision` are there
  bool is_taken = false;     ///< worked on for this delivery
  bool is_busy = false;      ///< another delivery of it is being worked on
  bool is_late = false;      ///< waits for `LateAnswers`
  bool has_answer = false;   ///< came back from there: `reply` is to be remembered and given
  bool is_answered = false;  ///< `respond` was called

  void send(http::Response response) {
    is_answered = true;
    std::exchange(respond, nullptr)(std::move(response));
  }
};

struct CallbackEndpoint::Queue {
  Mutex mutex;
  CondVar wake;
  std::deque<std::unique_ptr<Item>> items ZHIYIN_GUARDED_BY(mutex);
  bool stopping ZHIYIN_GUARDED_BY(mutex) = false;
  std::vector<std::thread> threads;

  void push(std::unique_ptr<Item> item) {
    {
      const MutexLock lock(mutex);
      items.push_back(std::move(item));
    }
    wake.notify_one();
  }
  /// Empty when there is nothing left to come.
  std::vector<std::unique_ptr<Item>> take(std::size_t most) {
    const MutexLock lock(mutex);
    while (items.empty() && !stopping) wake.wait(mutex);
    std::vector<std::unique_ptr<Item>> out;
    while (!items.empty() && out.size() < most) {
      out.push_back(std::move(items.front()));
      items.pop_front();
    }
    return out;
  }
};

CallbackEndpoint::CallbackEndpoint(Parts parts, Process process)
    : CallbackEndpoint(parts, std::move(process), Settings{}) {}

CallbackEndpoint::CallbackEndpoint(Parts parts, Process process, Settings settings)
    : parts_(parts),
      process_(std::move(process)),
      settings_(settings),
      queue_(std::make_unique<Queue>()),
      memory_(parts_.store, parts_.logger, settings_.memory) {
  for (int i = 0; i < settings_.threads; ++i) queue_->threads.emplace_back([this] { run(); });
}

CallbackEndpoint::~CallbackEndpoint() {
  {
    const MutexLock lock(queue_->mutex);
    queue_->stopping = true;
  }
  queue_->wake.notify_all();
  for (std::thread& thread : queue_->threads) thread.join();
}

void CallbackEndpoint::accept(http::Request request, Respond respond) {
  auto item = std::make_unique<Item>();
  item->request = std::move(request);
  item->respond = std::move(respond);
  {
    const MutexLock lock(queue_->mutex);
    if (queue_->items.size() < settings_.waiting_max && !queue_->stopping) {
      queue_->items.push_back(std::move(item));
    }
  }
  if (item) return item->send(plain_text(503, "not available"));
  queue_->wake.notify_one();
}

http::Response CallbackEndpoint::handle(const http::Request& request) {
  std::promise<http::Response> promise;
  accept(request, [&](http::Response response) { promise.set_value(std::move(response)); });
  return promise.get_future().get();
}

void CallbackEndpoint::run() {
  while (true) {
    std::vector<std::unique_ptr<Item>> batch = queue_->take(settings_.batch_max);
    if (batch.empty()) return;
    work(batch);
  }
}

void CallbackEndpoint::work(std::vector<std::unique_ptr<Item>>& batch) {
  std::vector<Item*> items = take(batch);
  look_up(items);
  admit(items);
  hand_over(items);
  std::vector<Item*> to_answer;
  for (const auto& item : batch) {
    if (item->has_answer) to_answer.push_back(item.get());
  }
  std::ranges::copy_if(items, std::back_inserter(to_answer), [](Item* i) { return !i->is_late; });
  answer(to_answer);
  for (auto& item : batch) {
    if (item->is_busy) {
      wait_for_other(std::move(item));
    } else if (!item->is_answered && item->is_late) {
      wait_for_late(std::move(item));
    }
  }
}

/// Opens the requests; returns those that nobody else works on.
std::vector<CallbackEndpoint::Item*> CallbackEndpoint::take(
    std::span<const std::unique_ptr<Item>> batch) {
  std::vector<Item*> taken;
  BatchAccounts accounts;
  const bool is_full = memory_.is_full();
  for (const auto& item : batch) {
    if (item->has_answer) continue;
    if (!item->is_opened) open(*item, accounts);
    if (item->is_answered) continue;
    item->is_opened = true;
    GivenAnswer given;
    const auto standing = memory_.take(item->callback, given);
    item->is_busy = standing == CallbackMemory::Standing::kBusy;
    if (standing == CallbackMemory::Standing::kAnswered) give_again(*item, given);
    if (standing != CallbackMemory::Standing::kTaken) continue;
    item->is_taken = true;
    if (is_full) {
      unavailable(*item, Error{ErrorCode::kUnavailable, "callback: answers are not recorded", {}});
    } else {
      taken.push_back(item.get());
    }
  }
  return taken;
}

/// Until the request is a callback, or refused.
void CallbackEndpoint::open(Item& item, BatchAccounts& accounts) {
  const auto found = item.request.path_parameters.find("account");
  const AccountId id(found == item.request.path_parameters.end() ? "" : found->second);
  const auto known = accounts.find(id);
  auto ready = known == accounts.end() ? prepared(id) : known->second;
  if (!ready) {
    if (ready.error().code == ErrorCode::kNotFound)
      return item.send(plain_text(404, "unknown account"));
    parts_.logger.error("wechat", "account_unreadable", {{"error", ready.error().text()}});
    return item.send(plain_text(503, "not available"));
  }
  item.prepared = *ready;
  accounts.emplace(id, std::move(ready));
  const Account& account = item.prepared->account;
  if (!item.prepared->rules) {
    parts_.logger.error("wechat", "callback_not_set_up",
                        {{"account", account.id}, {"error", item.prepared->rules.error().text()}});
    return item.send(plain_text(403, "callbacks of this account are not set up"));
  }
  if (item.request.method != "POST") return answer_check(item);
  auto callback = open_callback(*item.prepared->rules, callback_query(item.request.query),
                                item.request.body, parts_.clock.now());
  item.request = {};  // it may wait for long
  if (!callback) return refuse(item, callback.error());
  item.callback = std::move(*callback);
  mark_seen(account.id);
  if (item.callback.kind == CallbackKind::kPlatformCheck)
    return item.send(plain_text(200, "success"));
  item.decision = decide_reply(account.reply_rules, item.callback);
  item.reply = item.decision.reply;
  item.why = name_of(item.decision.reason);
  const bool asks =
      item.decision.reason == ReplyReason::kAsk || item.decision.reason == ReplyReason::kContinue;
  const bool goes_elsewhere = item.reply.type != ReplyType::kNone &&
                              !may_answer_with(*item.prepared->rules, item.callback, item.reply);
  item.is_late = parts_.late != nullptr && (asks || goes_elsewhere);
}

/// The account with its rules, read again only when it has changed.
Result<std::shared_ptr<const CallbackEndpoint::Prepared>> CallbackEndpoint::prepared(
    const AccountId& id) {
  ZHIYIN_TRY(const auto revision, parts_.accounts.revision(id));
  {
    const MutexLock lock(mutex_);
    const auto known = accounts_.find(id);
    if (known != accounts_.end() && known->second->account.version == revision.version &&
        known->second->account.updated_at == revision.updated_at) {
      return known->second;
    }
  }
  ZHIYIN_TRY(Account account, parts_.accounts.get(id));
  Result<CallbackRules> rules = callback_rules(account);
  auto fresh = std::make_shared<const Prepared>(Prepared{std::move(account), std::move(rules)});
  const MutexLock lock(mutex_);
  accounts_[id] = fresh;
  return fresh;
}

void CallbackEndpoint::answer_check(Item& item) {
  const CallbackRules& rules = *item.prepared->rules;
  const CallbackQuery query = callback_query(item.request.query);
  auto echo = verify_callback_url(rules, query, parts_.clock.now());
  if (!echo) return refuse(item, echo.error());
  if (query.nonce != kProbeNonce) {  // what we ask ourselves says nothing about the platform
    mark_seen(rules.account);
    parts_.logger.info("wechat", "callback_url_verified", {{"account", rules.account}});
  }
  item.send(plain_text(200, std::move(*echo)));
}

/// Gives again what was given before, in whatever process.
void CallbackEndpoint::look_up(std::vector<Item*>& items) {
  std::vector<const Callback*> callbacks;
  for (const Item* item : items) callbacks.push_back(&item->callback);
  const auto earlier = parts_.store.find(callbacks);
  for (std::size_t i = 0; i < items.size(); ++i) {
    Item& item = *items[i];
    if (!earlier) {
      unavailable(item, earlier.error());
    } else if (const auto& given = (*earlier)[i]) {
      give_again(item, *given);
      memory_.release(item.callback);
    }
  }
  std::erase_if(items, [](const Item* item) { return item->is_answered; });
}

/// Binds the addresses of plain requests to what they brought.
void CallbackEndpoint::admit(std::vector<Item*>& items) {
  std::vector<const Callback*> callbacks;
  for (const Item* item : items) callbacks.push_back(&item->callback);
  const auto others = parts_.store.admit(callbacks, parts_.clock.now());
  for (std::size_t i = 0; i < items.size(); ++i) {
    Item& item = *items[i];
    if (!others) {
      unavailable(item, others.error());
    } else if (const auto& other = (*others)[i]) {
      give_again(item, *other);
      memory_.release(item.callback);
    }
  }
  std::erase_if(items, [](const Item* item) { return item->is_answered; });
}

void CallbackEndpoint::hand_over(std::vector<Item*>& items) {
  std::vector<Item*> fresh;
  std::vector<Taken> taken;
  for (Item* item : items) {
    if (item->is_late && parts_.late->is_open(item->callback)) continue;
    fresh.push_back(item);
    taken.push_back({item->prepared->account, item->callback, item->decision});
  }
  if (fresh.empty()) return;
  const std::vector<Result<void>> outcomes = process_(taken);
  for (std::size_t i = 0; i < fresh.size(); ++i) {
    if (!outcomes[i]) unavailable(*fresh[i], outcomes[i].error());
  }
  std::erase_if(items, [](const Item* item) { return item->is_answered; });
}

void CallbackEndpoint::answer(std::span<Item* const> items) {
  const Instant now = parts_.clock.now();
  for (Item* item : items) {
    const ProcessedCallback processed{&item->callback, item->reply, item->why};
    Result<void> safe = check(seen_callback(processed, now));
    // What is said to the owner stands nowhere else, so it is kept before it is acknowledged.
    if (safe && keeps_fields(item->callback)) {
      if (const auto kept = parts_.store.record(std::span(&processed, 1), now); !kept)
        safe = std::unexpected(kept.error());
    }
    if (!safe) {
      unavailable(*item, safe.error());
      continue;
    }
    parts_.metrics
        .counter("zhiyin_wechat_callbacks_total", "Callbacks processed",
                 fmt::format("account=\"{}\"", item->callback.account.value))
        .add();
    memory_.answered(processed, now);
    give(*item, {item->reply, now});
  }
}

void CallbackEndpoint::wait_for_other(std::unique_ptr<Item> item) {
  item->is_busy = false;
  const Callback callback = item->callback;
  // A function that can be copied holds what cannot.
  const auto held = std::make_shared<std::unique_ptr<Item>>(std::move(item));
  memory_.wait(callback, [this, held] { queue_->push(std::move(*held)); });
}

void CallbackEndpoint::wait_for_late(std::unique_ptr<Item> item) {
  const std::shared_ptr<const Account> account(item->prepared, &item->prepared->account);
  const Callback callback = item->callback;
  item->is_taken = false;
  if (!keeps_fields(callback)) item->callback.fields = {};  // thousands may wait
  const ReplyDecision decision = item->decision;
  // The network's thread does not work on state: what was decided comes back through the queue.
  parts_.late->join(account, callback, decision,
                    [this, waiting = std::move(item)](LateAnswer late) mutable {
                      if (!late.reply) return waiting->send(plain_text(503, "not yet"));
                      waiting->reply = std::move(*late.reply);
                      waiting->why += ":" + late.decision;
                      waiting->has_answer = true;
                      queue_->push(std::move(waiting));
                    });
  memory_.release(callback);
}

void CallbackEndpoint::give_again(Item& item, const GivenAnswer& answer) {
  parts_.metrics
      .counter("zhiyin_wechat_callbacks_repeated_total",
               "Callbacks delivered again and answered alike",
               fmt::format("account=\"{}\"", item.callback.account.value))
      .add();
  give(item, answer);
}

void CallbackEndpoint::give(Item& item, const GivenAnswer& answer) {
  Result<std::string> rendered = render_reply(*item.prepared->rules, item.callback, answer.reply,
                                              answer.at, make_reply_entropy());
  // What was taken over stays so, whatever becomes of the answer.
  item.send(reply_body(rendered ? std::move(*rendered) : std::string("success")));
}

void CallbackEndpoint::unavailable(Item& item, const Error& error) {
  parts_.logger.error("wechat", "callback_not_taken",
                      {{"account", item.callback.account}, {"error", error.text()}});
  item.send(plain_text(503, "not available"));
  // One whose answer was late may meet another delivery of it that is being worked on.
  if (std::exchange(item.is_taken, false)) memory_.release(item.callback);
}

void CallbackEndpoint::refuse(Item& item, const CallbackError& error) {
  const AccountId& account = item.prepared->account.id;
  parts_.metrics
      .counter("zhiyin_wechat_callbacks_refused_total", "Callbacks refused",
               fmt::format("account=\"{}\",reason=\"{}\"", account.value, to_string(error.refusal)))
      .add();
  parts_.logger.warning(
      "wechat", "callback_refused",
      {{"account", account}, {"reason", to_string(error.refusal)}, {"error", error.error.message}});
  note_refusal(account, error);
  item.send(plain_text(http_status(error.refusal), std::string(told(error))));
}

/// For whoever looks why nothing comes in. Anybody can send bad requests, so not each is written,
/// and those without a signature only as long as nothing good has come.
void CallbackEndpoint::note_refusal(const AccountId& account, const CallbackError& error) {
  constexpr Duration kStoredEvery = std::chrono::seconds(10);
  const Instant now = parts_.clock.now();
  {
    const MutexLock lock(mutex_);
    const auto [last, is_first] = refused_.try_emplace({account, is_signed(error.refusal)}, now);
    if (!is_first && now - last->second < kStoredEvery) return;
    last->second = now;
  }
  if (!is_signed(error.refusal) && health(account).last_at) return;
  if (const auto noted = parts_.store.note_refusal(account, error, now); !noted) {
    parts_.logger.warning("wechat", "refusal_not_stored",
                          {{"account", account}, {"error", noted.error().text()}});
  }
}

void CallbackEndpoint::mark_seen(const AccountId& account) {
  constexpr Duration kStoredEvery = std::chrono::minutes(1);
  const Instant now = parts_.clock.now();
  {
    MutexLock lock(mutex_);
    const auto [seen, is_first] = seen_.try_emplace(account, now);
    if (!is_first && now - seen->second < kStoredEvery) return;
    seen->second = now;
  }
  if (const Result<void> stored = parts_.store.note_request(account, now); !stored) {
    parts_.logger.warning("wechat", "callback_time_not_stored",
                          {{"account", account}, {"error", stored.error().text()}});
  }
}

CallbackHealth CallbackEndpoint::health(const AccountId& account) const {
  CallbackHealth health = parts_.store.health(account).value_or(CallbackHealth{});
  MutexLock lock(mutex_);
  if (const auto here = seen_.find(account); here != seen_.end())
    health.last_at = std::max(health.last_at.value_or(here->second), here->second);
  return health;
}

}  // namespace zhiyin::wechat
