#pragma once

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <exception>
#include <expected>
#include <optional>
#include <string_view>

#include "base/json.h"
#include "http/client.h"
#include "http/task.h"
#include "wechat/platform_api.h"

// Include in .cc files only.
namespace zhiyin::wechat {

/// Whether a coroutine may block its thread instead of suspending: the same code serves both kinds
/// of callers.
enum class Waiting { kSuspend, kBlock };

using HttpOutcome = std::expected<http::ClientResponse, http::ClientError>;

/// The platform's answer as JSON, or what went wrong. `name` stands in messages. Pure.
Outcome<Json> interpret(const HttpOutcome& outcome, std::string_view name,
                        Family family = Family::kOfficial);

/// The same for an endpoint: by its family's way to say that it failed, and with bytes instead of
/// JSON where the content type says so. Pure.
Outcome<ApiAnswer> interpret(const HttpOutcome& outcome, const Endpoint& endpoint);

/// Puts `***` for every occurrence of what was sent in secret: some refusals repeat the request.
void hide(std::string& text, const Secret& sent);

/// Sends one request, suspending or blocking.
http::Task<HttpOutcome> exchange(http::Client& client, Waiting waiting,
                                 http::ClientRequest request);

/// Runs a coroutine that only blocks on the calling thread.
template <class T>
T run_here(http::Task<T> task) {
  boost::asio::io_context context(1);
  std::optional<T> result;
  boost::asio::co_spawn(context, std::move(task), [&](const std::exception_ptr& failed, T value) {
    if (!failed) result.emplace(std::move(value));
  });
  context.run();
  if (!result) return T(std::unexpect, SendError{.message = "微信接口：调用被中断"});
  return std::move(*result);
}

/// Which platform gives tokens of that kind.
Family family_of(TokenKind kind);

/// `base` without a trailing slash.
std::string_view trimmed_base(std::string_view base);

}  // namespace zhiyin::wechat
