#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string_view>

#include "wechat/account.h"
#include "wechat/callback.h"
#include "wechat/reply_rules.h"

namespace zhiyin::wechat {

/// What the callback of a message is answered with, when its answer was not there at once.
struct LateAnswer {
  /// Nothing: no answer at all, so that the platform delivers the message once more.
  std::optional<Reply> reply;
  std::string decision;  ///< for whoever looks: `passive`, `notice`, `push`, …
};

/// Answers that may take longer than WeChat waits for a callback, or that go out by another way.
/// Thread-safe; outlives who uses it.
class LateAnswers {
 public:
  virtual ~LateAnswers() = default;

  /// Whether the message is being answered here already: its callback is a repeated one.
  [[nodiscard]] virtual bool is_open(const Callback& callback) const = 0;

  using Done = std::move_only_function<void(LateAnswer)>;
  /// A callback of the message arrived and waits. `done` is called exactly once, from any thread,
  /// before WeChat stops waiting. Never blocks.
  /// `account` is shared with whoever else works on its callbacks; immutable.
  virtual void join(std::shared_ptr<const Account> account, const Callback& callback,
                    const ReplyDecision& decision, Done done) = 0;
};

}  // namespace zhiyin::wechat
