#include "sandbox/callback_sender.h"

#include <algorithm>
#include <map>
#include <numeric>
#include <thread>

#include "base/crypto.h"

namespace zhiyin::sandbox {
namespace {

constexpr std::size_t kRemembered = 20;

void remember(std::vector<std::string>& list, std::vector<std::string>& more) {
  for (std::string& one : more) list.push_back(std::move(one));
  if (list.size() > kRemembered) list.erase(list.begin(), list.end() - kRemembered);
}

}  // namespace

CallbackCounts& CallbackCounts::operator+=(const CallbackCounts& other) {
  messages += other.messages;
  posts += other.posts;
  acknowledged += other.acknowledged;
  replied += other.replied;
  retried += other.retried;
  unanswered += other.unanswered;
  bad_answers += other.bad_answers;
  duplicates += other.duplicates;
  duplicates_answered_otherwise += other.duplicates_answered_otherwise;
  out_of_order += other.out_of_order;
  return *this;
}

void in_parallel(std::size_t n, const std::function<void(std::size_t)>& work) {
  std::vector<std::jthread> threads;
  for (std::size_t i = 1; i < n; ++i) threads.emplace_back([&work, i] { work(i); });
  if (n > 0) work(0);
}

std::vector<std::size_t> plan_deliveries(std::size_t n, const CallbackMischief& mischief,
                                         Random& random) {
  std::vector<std::size_t> order(n);
  std::iota(order.begin(), order.end(), 0);
  for (std::size_t i = 0; i + 1 < n; ++i) {
    if (random.uniform() < mischief.swap_share) std::swap(order[i], order[i + 1]);
  }
  std::vector<std::size_t> plan;
  std::vector<std::size_t> again;  // comes after the next one
  for (const std::size_t index : order) {
    plan.push_back(index);
    plan.insert(plan.end(), again.begin(), again.end());
    again.clear();
    if (random.uniform() < mischief.duplicate_share) again.push_back(index);
  }
  plan.insert(plan.end(), again.begin(), again.end());
  return plan;
}

/// What one thread delivers and what it saw.
struct CallbackSender::Lane {
  struct First {
    SignedCallback callback;
    std::optional<CallbackReply> reply;
  };
  std::vector<const CallbackMessage*> messages;
  Random random{0};
  std::map<std::size_t, First> done;
  CallbackCounts counts;
  std::vector<std::string> complaints;
  std::vector<std::string> replies;
};

CallbackCounts CallbackSender::deliver(std::span<const CallbackMessage> messages,
                                       const std::string& url, Instant now) {
  std::vector<Lane> lanes(std::max<std::size_t>(1, std::min(settings_.lanes, messages.size())));
  for (Lane& lane : lanes) lane.random = Random(random_.next());
  for (const CallbackMessage& message : messages) {
    lanes[crypto::xxh64(message.openid) % lanes.size()].messages.push_back(&message);
  }
  in_parallel(lanes.size(), [&](std::size_t i) { run(lanes[i], url, now); });
  CallbackCounts counts;
  for (Lane& lane : lanes) {
    counts += lane.counts;
    remember(complaints_, lane.complaints);
    remember(replies_, lane.replies);
  }
  return counts;
}

void CallbackSender::run(Lane& lane, const std::string& url, Instant now) const {
  lane.counts.messages = static_cast<std::int64_t>(lane.messages.size());
  std::size_t latest = 0;
  for (const std::size_t index :
       plan_deliveries(lane.messages.size(), settings_.mischief, lane.random)) {
    if (index < latest && !lane.done.contains(index)) ++lane.counts.out_of_order;
    latest = std::max(latest, index);
    post_one(lane, index, url, now);
  }
}

std::optional<HttpReply> CallbackSender::try_three_times(Lane& lane, const CallbackMessage& message,
                                                         SignedCallback& callback,
                                                         const std::string& url,
                                                         Instant now) const {
  for (int attempt = 1;; ++attempt) {
    ++lane.counts.posts;
    std::optional<HttpReply> reply = post_(callback);
    if (reply && reply->status == 200) return reply;
    if (attempt == kCallbackTries) return std::nullopt;
    ++lane.counts.retried;
    // Whether a repetition is signed anew is not documented: servers must cope with both.
    if (lane.random.uniform() < 0.5) {
      if (auto anew = sign_callback(message, settings_.account, url, now, lane.random))
        callback = *anew;
    }
  }
}

void CallbackSender::post_one(Lane& lane, std::size_t index, const std::string& url,
                              Instant now) const {
  const CallbackMessage& message = *lane.messages[index];
  const auto earlier = lane.done.find(index);
  const bool duplicate = earlier != lane.done.end();
  if (duplicate) ++lane.counts.duplicates;
  SignedCallback callback;
  if (duplicate) {
    callback = earlier->second.callback;
  } else if (auto made = sign_callback(message, settings_.account, url, now, lane.random)) {
    callback = std::move(*made);
  } else {
    lane.complaints.push_back(made.error().text());
    return;
  }
  const std::optional<HttpReply> reply = try_three_times(lane, message, callback, url, now);
  if (!reply) {
    ++lane.counts.unanswered;
    lane.done[index] = {callback, std::nullopt};
    return;
  }
  const Result<CallbackReply> answer = check_answer(reply->body, message, settings_.account);
  if (!answer) {
    ++lane.counts.bad_answers;
    lane.complaints.push_back(answer.error().text());
    lane.done[index] = {callback, std::nullopt};
    return;
  }
  if (duplicate) {
    const std::optional<CallbackReply>& first = earlier->second.reply;
    const bool alike =
        first && first->is_reply == answer->is_reply && first->content == answer->content;
    if (first && !alike) ++lane.counts.duplicates_answered_otherwise;
    return;
  }
  ++(answer->is_reply ? lane.counts.replied : lane.counts.acknowledged);
  if (answer->is_reply) lane.replies.push_back(answer->content);
  lane.done[index] = {std::move(callback), *answer};
}

}  // namespace zhiyin::sandbox
