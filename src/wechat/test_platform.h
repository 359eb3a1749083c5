#pragma once

#include <gtest/gtest.h>

#include "wechat/fake_platform.h"
#include "wechat/method.h"
#include "wechat/platform_client.h"

namespace zhiyin::wechat {

/// A client on a platform without a network. For tests of calls.
class PlatformTest : public testing::Test {
 protected:
  PlatformClient::Settings settings() {
    PlatformClient::Settings s;
    s.base_url = "http://platform.test";
    s.sleep = [this](std::chrono::milliseconds) { ++pauses_; };
    return s;
  }
  /// Answers in turn; the last one for ever.
  void answers(std::vector<PlatformAnswer> list) {
    platform_.other = [list = std::move(list), at = std::size_t{0}](const auto&) mutable {
      return list[std::min(at++, list.size() - 1)];
    };
  }
  void answers(std::string json) { answers(std::vector{answer_json(std::move(json))}); }
  void refuses(std::int64_t errcode) {
    answers(fmt::format(R"({{"errcode":{},"errmsg":"no rid: 0a-0b-0c"}})", errcode));
  }
  template <class Ask, class Answer>
  Outcome<Answer> ask(const Method<Ask, Answer>& method, const std::type_identity_t<Ask>& ask) {
    return call_and_wait(client_, account_, method, ask);
  }
  /// The field that is refused before anything is sent; empty when the call went out.
  template <class Ask, class Answer>
  std::string refused_field(const Method<Ask, Answer>& method,
                            const std::type_identity_t<Ask>& ask) {
    const Result<ApiCall> prepared = prepare(method, account_.policy, ask);
    if (prepared) return {};
    EXPECT_EQ(prepared.error().code, ErrorCode::kInvalidArgument);
    return prepared.error().field;
  }
  /// What was sent last to an address that contains `path`.
  http::ClientRequest sent(std::string_view path) {
    const auto all = platform_.sent(path);
    EXPECT_FALSE(all.empty()) << path;
    return all.empty() ? http::ClientRequest() : all.back();
  }
  Json body(std::string_view path) { return parse_json(sent(path).body).value_or(Json()); }

  FakePlatform platform_;
  SteppedClock clock_{Instant{1'767'225'600'000'000}};
  MetricsRegistry metrics_;
  TokenKeeper tokens_{platform_, clock_, metrics_, null_logger(), "http://platform.test"};
  int pauses_ = 0;
  PlatformClient client_{platform_, tokens_, metrics_, null_logger(), settings()};
  ApiAccount account_ = test_account();
};

}  // namespace zhiyin::wechat
