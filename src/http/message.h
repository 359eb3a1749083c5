#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/error.h"
#include "base/json.h"

namespace zhiyin::http {

class BodyStream;

/// Names are compared without case.
using Headers = std::vector<std::pair<std::string, std::string>>;
/// The first value, or empty.
std::string_view header(const Headers& headers, std::string_view name);

struct Request {
  std::string method;                                     ///< GET, POST, …
  std::string path;                                       ///< percent-decoded, without query
  std::string target;                                     ///< as received
  std::map<std::string, std::string, std::less<>> query;  ///< decoded; the first of a name
  std::map<std::string, std::string, std::less<>>
      path_parameters;  ///< of the route's `{name}` parts
  Headers headers;
  std::string body;
  std::string remote;  ///< address of the peer, without port

  [[nodiscard]] std::string_view query_or(std::string_view name, std::string_view fallback) const;
};

struct Response {
  int status = 200;
  std::string body;
  std::string content_type = "application/json; charset=utf-8";
  Headers headers;
  bool cut_short = false;  ///< half of the body is sent, then the connection is closed. For
                           ///< emulating peers that fail
  /// Sent in chunks after `body` as they are written, instead of a length; null: none. See
  /// body_stream.h.
  std::shared_ptr<BodyStream> stream = nullptr;

  static Response json(const Json& body, int status = 200);
  static Response text(std::string body, std::string content_type = "text/plain; charset=utf-8");
  /// RFC 9457 problem details; the status by the table in problem.cc.
  static Response problem(const Error& error);
  /// The same with another status, where the code's own is not exact (401, 405, 413 …).
  static Response problem(const Error& error, int status);
  /// No answer: the connection is closed instead. Status 0 says so. For emulating peers that fail.
  static Response hang_up();
};

/// The HTTP status for an error code.
int status_of(ErrorCode code);

std::string percent_decode(std::string_view text, bool plus_is_space);
std::string percent_encode(std::string_view text);

}  // namespace zhiyin::http
