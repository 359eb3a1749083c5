#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "base/json_binding.h"
#include "base/random.h"
#include "sandbox/callback.h"

namespace zhiyin::sandbox {

inline constexpr int kCallbackTries = 3;
inline constexpr std::chrono::milliseconds kCallbackTimeout{5'000};

struct HttpReply {
  int status = 0;
  std::string body;
};
/// Makes one POST and waits at most kCallbackTimeout; nothing when no answer came. Must be
/// thread-safe.
using PostCallback = std::function<std::optional<HttpReply>(const SignedCallback&)>;

/// What became of callbacks. Sums.
struct CallbackCounts {
  std::int64_t messages = 0;      ///< distinct ones
  std::int64_t posts = 0;         ///< with repetitions and duplicates
  std::int64_t acknowledged = 0;  ///< answered with `success` or nothing
  std::int64_t replied = 0;       ///< answered with a reply that is right
  std::int64_t retried = 0;       ///< posts made because an answer was missing
  std::int64_t unanswered = 0;    ///< given up after three tries
  std::int64_t bad_answers = 0;   ///< answers that a user would see as a fault
  std::int64_t duplicates = 0;    ///< delivered again although answered
  std::int64_t duplicates_answered_otherwise = 0;
  std::int64_t out_of_order = 0;  ///< delivered after a later one
  CallbackCounts& operator+=(const CallbackCounts& other);
};

/// How often the platform repeats what was answered, and swaps neighbours. Shares of messages. The
/// body of POST /sandbox/mischief.
struct CallbackMischief {
  double duplicate_share = 0.02;
  double swap_share = 0.02;
};

/// The order in which messages 0 … n-1 are delivered: some twice, some swapped with their
/// neighbour.
std::vector<std::size_t> plan_deliveries(std::size_t n, const CallbackMischief& mischief,
                                         Random& random);

/// Delivers callbacks as the platform does: signed, three tries, now and then twice or out of
/// order. What comes from one person goes in a row; people are served side by side. Thread-safe for
/// one caller at a time.
class CallbackSender {
 public:
  struct Settings {
    SandboxAccount account;
    CallbackMischief mischief;
    std::size_t lanes = 8;  ///< how many are under way at once
    std::uint64_t seed = 1;
  };
  CallbackSender(Settings settings, PostCallback post)
      : settings_(std::move(settings)), post_(std::move(post)), random_(settings_.seed) {}

  /// Returns when all are answered or given up. `now` signs.
  CallbackCounts deliver(std::span<const CallbackMessage> messages, const std::string& url,
                         Instant now);
  /// From the next delivery on.
  void set_mischief(const CallbackMischief& mischief) { settings_.mischief = mischief; }
  /// Why the last answers were bad; at most 20.
  [[nodiscard]] const std::vector<std::string>& complaints() const { return complaints_; }
  /// The latest text replies; at most 20.
  [[nodiscard]] const std::vector<std::string>& replies() const { return replies_; }

 private:
  struct Lane;
  void run(Lane& lane, const std::string& url, Instant now) const;
  void post_one(Lane& lane, std::size_t index, const std::string& url, Instant now) const;
  std::optional<HttpReply> try_three_times(Lane& lane, const CallbackMessage& message,
                                           SignedCallback& callback, const std::string& url,
                                           Instant now) const;

  Settings settings_;
  const PostCallback post_;
  Random random_;
  std::vector<std::string> complaints_;
  std::vector<std::string> replies_;
};

/// Runs `work(0)` … `work(n-1)` on n threads and waits for them. `work` must not throw.
void in_parallel(std::size_t n, const std::function<void(std::size_t)>& work);

}  // namespace zhiyin::sandbox

namespace zhiyin {

template <>
struct Fields<sandbox::CallbackMischief> {
  using M = sandbox::CallbackMischief;
  static constexpr std::string_view name = "CallbackMischief";
  static constexpr auto list =
      field_list(field("duplicate_share", &M::duplicate_share, "share that comes twice")
                     .range(0, 1)
                     .optional(),
                 field("swap_share", &M::swap_share, "share that comes after its successor")
                     .range(0, 1)
                     .optional());
};

}  // namespace zhiyin
