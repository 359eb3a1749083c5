#include "server/openai_error.h"

#include <gtest/gtest.h>

namespace zhiyin::server {
namespace {

TEST(OpenAiError, SaysWhatTheProblemSays) {
  auto response =
      http::Response::problem({ErrorCode::kLimitReached, "body: too large", "input"}, 413);
  to_openai_error(response);
  EXPECT_EQ(response.status, 413);
  EXPECT_EQ(response.content_type, "application/json; charset=utf-8");
  EXPECT_EQ(response.body,
            R"({"error":{"message":"body: too large","type":"invalid_request_error",)"
            R"("param":"input","code":"limit_reached"}})");
}

TEST(OpenAiError, TheTypeIsByTheStatusAndHeadersStay) {
  const auto type = [](Error error, int status) {
    auto response = http::Response::problem(error, status);
    const auto headers = response.headers;
    to_openai_error(response);
    EXPECT_EQ(response.headers, headers);
    return std::string((*parse_json(response.body))["error"]["type"].string_or(""));
  };
  EXPECT_EQ(type({ErrorCode::kPermissionDenied, "key", {}}, 401), "authentication_error");
  EXPECT_EQ(type({ErrorCode::kPermissionDenied, "role", {}}, 403), "permission_error");
  EXPECT_EQ(type({ErrorCode::kInvalidArgument, "method", {}}, 405), "invalid_request_error");
  EXPECT_EQ(type({ErrorCode::kLimitReached, "queue", {}}, 429), "rate_limit_error");
  EXPECT_EQ(type({ErrorCode::kUnavailable, "busy", {}}, 503), "server_error");
}

TEST(OpenAiError, WhatIsNoProblemStays) {
  auto response = http::Response::json(Json().set("error", Json().set("message", "m")), 400);
  const std::string before = response.body;
  to_openai_error(response);
  EXPECT_EQ(response.body, before);
}

}  // namespace
}  // namespace zhiyin::server
