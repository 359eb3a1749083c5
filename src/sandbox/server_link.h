#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/time.h"
#include "http/client.h"
#include "sandbox/callback_sender.h"
#include "sandbox/run.h"

namespace zhiyin::sandbox {

/// How the server took a body of events.
struct EventCounts {
  std::int64_t sent = 0;
  std::int64_t accepted = 0;
  std::int64_t duplicate = 0;
  std::int64_t quarantined = 0;
  std::string first_reason;  ///< of the first that was quarantined
  EventCounts& operator+=(const EventCounts& other);
};

/// The server under trial, spoken to over HTTP as anybody would. Calls block. Thread-safe.
class ServerLink {
 public:
  /// `client` must outlive the link.
  ServerLink(http::Client& client, ServerConnection connection)
      : client_(client), connection_(std::move(connection)) {}

  [[nodiscard]] std::string callback_url() const;
  /// Of another account, by the server's id.
  [[nodiscard]] std::string callback_url(std::string_view account) const;
  /// POST /v1/clock. Returns when the server has done what is due by `to`.
  Result<void> move_clock(Instant to);
  /// POST /v1/events with JSON objects. What fails for want of an answer is repeated: the ids make
  /// that safe.
  Result<EventCounts> send_events(const std::vector<std::string>& events);
  /// Nothing when no answer came within kCallbackTimeout.
  std::optional<HttpReply> post_callback(const SignedCallback& callback);
  /// GET; the body, whatever the status.
  Result<HttpReply> get(const std::string& url);
  /// Opens a tracked link and returns where it redirects to.
  Result<std::string> open_link(const std::string& url);

 private:
  http::Client& client_;
  const ServerConnection connection_;
};

}  // namespace zhiyin::sandbox
