#include "model/generate/endpoint_exchange.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <ctime>

#include "base/clock.h"

namespace zhiyin::model {
namespace {

constexpr int kTooEarly = 425;
constexpr int kTooManyRequests = 429;

ExchangeFailure garbage(std::string_view what) {
  return {{ErrorCode::kDataLoss, fmt::format("endpoint: {}", what), {}}, true, true, true, {}};
}

/// An answer that is no success.
ExchangeFailure refused(const http::ClientResponse& response) {
  const int status = response.status;
  std::string message = chat_wire::error_message(response.body);
  if (message.empty()) message = "without a reason";
  ExchangeFailure failure;
  failure.error.message = fmt::format("endpoint: answered {}: {}", status, message);
  failure.error.code = ErrorCode::kInvalidArgument;
  failure.blames_endpoint = failure.may_cost = false;
  if (status == 401 || status == 403) failure.error.code = ErrorCode::kPermissionDenied;
  if (status == 404) failure.error.code = ErrorCode::kNotFound;
  if (status == kTooManyRequests) {
    failure.error.code = ErrorCode::kLimitReached;
    failure.repeatable = response.body.find("insufficient_quota") == std::string::npos;
  }
  if (status == 408 || status == 409 || status == kTooEarly || status >= 500) {
    failure.error.code = ErrorCode::kUnavailable;
    failure.repeatable = true;
    failure.blames_endpoint = status >= 500;
  }
  if (status < 400) {
    failure = garbage(fmt::format("answered {}", status));
    failure.repeatable = false;
  }
  const std::string_view after = http::header(response.headers, "Retry-After");
  failure.retry_after = parse_retry_after(after, SystemClock().now());
  return failure;
}

/// No complete answer.
ExchangeFailure broken(const http::ClientError& error) {
  ExchangeFailure failure;
  failure.error = error.error;
  failure.error.message = "endpoint: " + failure.error.message;
  failure.may_cost = error.progress != http::SendProgress::kNothingSent;
  failure.repeatable =
      error.error.code == ErrorCode::kUnavailable || error.error.code == ErrorCode::kDeadline;
  if (error.error.code == ErrorCode::kLimitReached) failure.error.code = ErrorCode::kDataLoss;
  return failure;
}

/// Reads one answer on the client's thread.
class Reader {
 public:
  Reader(std::shared_ptr<ExchangeBoard> board, int lane) : board_(std::move(board)), lane_(lane) {}

  bool take(const http::ClientResponse& head, std::string_view bytes) {
    if (!stream_) {
      stream_ = http::header(head.headers, "Content-Type").starts_with("text/event-stream");
    }
    if (!*stream_) {
      whole_ += bytes;
      return true;
    }
    const auto read = parser_.feed(bytes, [this](std::string_view, std::string_view data) {
      if (data == "[DONE]") {
        complete_ = true;
        return true;
      }
      return piece(data);
    });
    if (!read) return fail_with(garbage(read.error().message));
    return !failed_;
  }

  void done(std::expected<http::ClientResponse, http::ClientError> outcome) {
    if (failed_) return;
    if (outcome && (outcome->status < 200 || outcome->status >= 300)) {
      fail_with(refused(*outcome));
    } else if (!complete_ &&
               !outcome) {  // after the end of the answer, the connection's is no loss
      fail_with(broken(outcome.error()));
    } else {
      if (!stream_ && outcome) {
        stream_ = http::header(outcome->headers, "Content-Type").starts_with("text/event-stream");
      }
      if (!stream_.value_or(false) && !piece(whole_)) return;
      if (complete_) {
        board_->post({lane_, {}, {}});
      } else {
        ExchangeFailure failure = garbage("the stream ended before the answer did");
        failure.error.code = ErrorCode::kUnavailable;
        fail_with(std::move(failure));
      }
    }
  }

 private:
  bool piece(std::string_view json) {
    auto parsed = chat_wire::parse_piece(json);
    if (!parsed) {
      ExchangeFailure failure;
      failure.error = parsed.error();
      failure.repeatable = true;
      failure.blames_endpoint = parsed.error().code != ErrorCode::kLimitReached;
      return fail_with(std::move(failure));
    }
    if (parsed->finish) complete_ = true;
    board_->post({lane_, std::move(*parsed), {}});
    return true;
  }

  bool fail_with(ExchangeFailure failure) {
    failed_ = true;
    board_->post({lane_, {}, std::move(failure)});
    return false;
  }

  const std::shared_ptr<ExchangeBoard> board_;
  const int lane_;
  SseParser parser_;
  std::optional<bool> stream_;
  std::string whole_;
  bool complete_ = false;
  bool failed_ = false;
};

}  // namespace

void ExchangeBoard::post(Event event) {
  MutexLock lock(mutex_);
  events_.push_back(std::move(event));
  changed_.notify_all();
}

void ExchangeBoard::wake() {
  MutexLock lock(mutex_);
  woken_ = true;
  changed_.notify_all();
}

std::optional<ExchangeBoard::Event> ExchangeBoard::next(
    std::chrono::steady_clock::time_point until) {
  MutexLock lock(mutex_);
  while (events_.empty()) {
    const auto left = until - std::chrono::steady_clock::now();
    if (woken_ || left <= left.zero()) {
      woken_ = false;
      return std::nullopt;
    }
    changed_.wait_for(mutex_, left);
  }
  Event event = std::move(events_.front());
  events_.pop_front();
  return event;
}

void start_exchange(http::Client& client, http::ClientRequest request,
                    std::shared_ptr<ExchangeBoard> board, int lane) {
  auto reader = std::make_shared<Reader>(std::move(board), lane);  // by both callbacks
  request.on_piece = [reader](const http::ClientResponse& head, std::string_view piece) {
    return reader->take(head, piece);
  };
  client.send_and_tell(std::move(request),
                       [reader](auto outcome) { reader->done(std::move(outcome)); });
}

std::optional<std::chrono::milliseconds> parse_retry_after(std::string_view text, Instant now) {
  constexpr std::chrono::milliseconds kMost = std::chrono::hours(24);
  if (text.empty()) return std::nullopt;
  std::int64_t seconds = 0;
  const auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), seconds);
  if (ec == std::errc() && end == text.data() + text.size()) {
    if (seconds < 0) return std::nullopt;
    return std::min<std::chrono::milliseconds>(
        kMost, std::chrono::seconds(std::min<std::int64_t>(seconds, 100'000)));
  }
  std::tm parts{};
  const std::string copy(text);
  const char* rest = ::strptime(copy.c_str(), "%a, %d %b %Y %H:%M:%S GMT", &parts);
  if (rest == nullptr || *rest != '\0') return std::nullopt;
  const std::int64_t at_us = static_cast<std::int64_t>(::timegm(&parts)) * 1'000'000;
  const auto wait = std::chrono::milliseconds((at_us - now.us) / 1000);
  return std::clamp(wait, std::chrono::milliseconds(0), kMost);
}

}  // namespace zhiyin::model
