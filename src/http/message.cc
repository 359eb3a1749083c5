#include "http/message.h"

#include <algorithm>
#include <cctype>

#include "base/crypto.h"

namespace zhiyin::http {
namespace {

bool equal_without_case(std::string_view a, std::string_view b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](unsigned char x, unsigned char y) {
    return std::tolower(x) == std::tolower(y);
  });
}

std::string_view title_of(ErrorCode code) {
  switch (code) {
    case ErrorCode::kInvalidArgument:
      return "The request is not valid";
    case ErrorCode::kNotFound:
      return "There is no such thing";
    case ErrorCode::kConflict:
      return "It exists already or was changed meanwhile";
    case ErrorCode::kPermissionDenied:
      return "Not allowed";
    case ErrorCode::kLimitReached:
      return "A limit is reached";
    case ErrorCode::kUnavailable:
      return "Not available at the moment";
    case ErrorCode::kDeadline:
      return "It took too long";
    case ErrorCode::kDataLoss:
      return "Stored data is damaged";
    case ErrorCode::kUnsupported:
      return "Not supported";
    case ErrorCode::kInternal:
      return "An internal error";
  }
  return "An internal error";
}

}  // namespace

std::string_view header(const Headers& headers, std::string_view name) {
  for (const auto& [key, value] : headers) {
    if (equal_without_case(key, name)) return value;
  }
  return {};
}

std::string_view Request::query_or(std::string_view name, std::string_view fallback) const {
  const auto found = query.find(name);
  return found == query.end() ? fallback : std::string_view(found->second);
}

Response Response::json(const Json& body, int status) {
  Response response;
  response.status = status;
  response.body = body.dump();
  return response;
}

Response Response::text(std::string body, std::string content_type) {
  Response response;
  response.body = std::move(body);
  response.content_type = std::move(content_type);
  return response;
}

Response Response::hang_up() {
  Response response;
  response.status = 0;
  return response;
}

Response Response::problem(const Error& error) { return problem(error, status_of(error.code)); }

Response Response::problem(const Error& error, int status) {
  Json body = Json::object();
  body.set("type", fmt::format("urn:zhiyin:problem:{}", to_string(error.code)));
  body.set("title", Json(title_of(error.code)));
  body.set("status", status);
  body.set("code", Json(to_string(error.code)));
  body.set("detail", Json(error.message));
  if (!error.field.empty()) body.set("field", Json(error.field));
  Response response = json(body, status);
  response.content_type = "application/problem+json";
  // Both may pass by themselves; senders that keep to it do not add to what is wrong.
  if (status == 503 || status == 429) response.headers.emplace_back("Retry-After", "1");
  return response;
}

int status_of(ErrorCode code) {
  switch (code) {
    case ErrorCode::kInvalidArgument:
      return 400;
    case ErrorCode::kNotFound:
      return 404;
    case ErrorCode::kConflict:
      return 409;
    case ErrorCode::kPermissionDenied:
      return 403;
    case ErrorCode::kLimitReached:
      return 429;
    case ErrorCode::kUnavailable:
      return 503;
    case ErrorCode::kDeadline:
      return 504;
    case ErrorCode::kDataLoss:
      return 500;
    case ErrorCode::kUnsupported:
      return 501;
    case ErrorCode::kInternal:
      return 500;
  }
  return 500;
}

std::string percent_decode(std::string_view text, bool plus_is_space) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '+' && plus_is_space) {
      out += ' ';
    } else if (text[i] == '%' && i + 2 < text.size() && crypto::unhex(text.substr(i + 1, 2))) {
      out += *crypto::unhex(text.substr(i + 1, 2));
      i += 2;
    } else {
      out += text[i];
    }
  }
  return out;
}

std::string percent_encode(std::string_view text) {
  constexpr char kHex[] = "0123456789ABCDEF";
  std::string out;
  for (const char c : text) {
    const auto u = static_cast<unsigned char>(c);
    if (std::isalnum(u) || c == '-' || c == '_' || c == '.' || c == '~') {
      out += c;
    } else {
      out += '%';
      out += kHex[u >> 4];
      out += kHex[u & 15];
    }
  }
  return out;
}

}  // namespace zhiyin::http
