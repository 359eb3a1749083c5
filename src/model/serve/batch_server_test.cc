#include "model/serve/batch_server.h"

#include <gtest/gtest.h>

#include <atomic>
#include <functional>
#include <future>
#include <new>

namespace zhiyin::model {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t kWidth = 2;
constexpr std::int32_t kBreaks = 13;  // out of memory

/// Vector of a text: its first id and how many it has.
class ScriptedEncoder final : public RowEncoder {
 public:
  explicit ScriptedEncoder(std::vector<std::size_t>* batches = nullptr,
                           std::function<void(std::size_t)> work = {})
      : batches_(batches), work_(std::move(work)) {}
  Result<void> encode(std::span<const EncoderText> texts, Helpers* /*helpers*/,
                      std::span<float> out) override {
    if (batches_ != nullptr) batches_->push_back(texts.size());
    for (std::size_t i = 0; i < texts.size(); ++i) {
      if (texts[i].ids[0] == kBreaks) throw std::bad_alloc();
      out[i * kWidth] = static_cast<float>(texts[i].ids[0]);
      out[i * kWidth + 1] = static_cast<float>(texts[i].ids.size());
      if (work_) work_(texts[i].ids.size());
    }
    return {};
  }

 private:
  std::vector<std::size_t>* batches_;
  std::function<void(std::size_t)> work_;
};

EncodeRequest request(std::string caller, const std::vector<std::vector<std::int32_t>>& texts) {
  EncodeRequest out{.caller = std::move(caller), .ids = {}, .row_tokens = {}};
  for (const auto& ids : texts) {
    out.ids.insert(out.ids.end(), ids.begin(), ids.end());
    out.row_tokens.push_back(static_cast<std::uint32_t>(ids.size()));
  }
  return out;
}

/// A server whose batches the test runs itself, on a clock that it moves.
class BatchServerTest : public ::testing::Test {
 protected:
  BatchServer& server(QueueLimits limits = {}, std::size_t batch_tokens = 8) {
    server_ = std::make_unique<BatchServer>(
        BatchSettings{.width = kWidth,
                      .threads = 0,
                      .batch_tokens = batch_tokens,
                      .queue = limits,
                      .now = [this] { return now_; },
                      .metrics = &metrics_},
        [this] {
          return std::make_unique<ScriptedEncoder>(
              &batches_, [this](std::size_t tokens) { now_ += token_time_ * tokens; });
        });
    return *server_;
  }
  BatchServer::Done into(std::optional<Result<std::vector<float>>>& answer) {
    return [&answer](Result<std::vector<float>> vectors) {
      ASSERT_FALSE(answer);
      answer = std::move(vectors);
    };
  }

  Moment now_{};
  std::chrono::milliseconds token_time_{};
  MetricsRegistry metrics_;
  std::vector<std::size_t> batches_;
  std::unique_ptr<BatchServer> server_;
};

TEST_F(BatchServerTest, RequestsShareBatchesAndGetTheirOwnVectors) {
  BatchServer& s = server();
  std::optional<Result<std::vector<float>>> first;
  std::optional<Result<std::vector<float>>> second;
  s.submit(request("a", {{1, 1, 1}, {2}}), into(first));
  s.submit(request("b", {{3, 3}}), into(second));
  EXPECT_TRUE(s.run_batch());
  ASSERT_TRUE(first && *first && second && *second);
  EXPECT_EQ(**first, (std::vector<float>{1, 3, 2, 1}));
  EXPECT_EQ(**second, (std::vector<float>{3, 2}));
  EXPECT_EQ(batches_, std::vector<std::size_t>{3});
  EXPECT_FALSE(s.run_batch());
}

TEST_F(BatchServerTest, ARequestOfManyBatchesIsAnsweredOnce) {
  BatchServer& s = server();
  std::optional<Result<std::vector<float>>> answer;
  s.submit(request("a", {{1, 1, 1, 1, 1}, {2, 2, 2, 2}, {3, 3, 3, 3, 3, 3, 3, 3, 3}}),
           into(answer));
  EXPECT_TRUE(s.run_batch());
  EXPECT_FALSE(answer);
  while (s.run_batch()) {
  }
  ASSERT_TRUE(answer && *answer);
  EXPECT_EQ(**answer, (std::vector<float>{1, 5, 2, 4, 3, 9}));
  EXPECT_EQ(batches_.size(), 3U);
}

TEST_F(BatchServerTest, ABatchOutOfMemoryFailsAloneAndTheServerLives) {
  BatchServer& s = server({}, 129);
  std::optional<Result<std::vector<float>>> broken;
  std::optional<Result<std::vector<float>>> beside;
  std::optional<Result<std::vector<float>>> after;
  s.submit(request("a", {{kBreaks, 1}, std::vector<std::int32_t>(127, 7)}), into(broken));
  s.submit(request("b", {{5}}), into(beside));
  EXPECT_TRUE(s.run_batch());
  ASSERT_TRUE(broken && beside);
  EXPECT_EQ(broken->error().code, ErrorCode::kUnavailable);
  EXPECT_NE(broken->error().message.find("out of memory"), std::string::npos);
  EXPECT_EQ(beside->error().code, ErrorCode::kUnavailable);
  EXPECT_EQ(s.waiting_tokens(), 0U);  // the second text of the broken request is given up
  s.submit(request("b", {{5}}), into(after));
  EXPECT_TRUE(s.run_batch());
  ASSERT_TRUE(after && *after);
}

TEST_F(BatchServerTest, WhatComesTooLateIsRefusedAndCounted) {
  BatchServer& s = server();
  std::optional<Result<std::vector<float>>> late;
  std::optional<Result<std::vector<float>>> patient;
  auto hurried = request("a", {{1}});
  hurried.deadline = now_ + 10ms;
  s.submit(std::move(hurried), into(late));
  s.submit(request("a", {{2}}), into(patient));
  now_ += 11ms;
  EXPECT_TRUE(s.run_batch());
  ASSERT_TRUE(late && patient && *patient);
  EXPECT_EQ(late->error().code, ErrorCode::kDeadline);
  EXPECT_NE(metrics_.text().find("zhiyin_encode_refused_total{reason=\"deadline\"} 1"),
            std::string::npos)
      << metrics_.text();
}

TEST_F(BatchServerTest, WhatWouldBeTooLateAtThePaceSoFarIsRefusedBeforeItCosts) {
  BatchServer& s = server();
  token_time_ = 10ms;
  std::optional<Result<std::vector<float>>> first;
  std::optional<Result<std::vector<float>>> hopeless;
  std::optional<Result<std::vector<float>>> able;
  s.submit(request("a", {{1, 1}}), into(first));
  EXPECT_TRUE(s.run_batch());
  auto hurried = request("a", {{1, 1, 1}});
  hurried.deadline = now_ + 25ms;
  s.submit(std::move(hurried), into(hopeless));
  auto quick = request("b", {{1, 1}});
  quick.deadline = now_ + 25ms;
  s.submit(std::move(quick), into(able));
  EXPECT_TRUE(s.run_batch());
  ASSERT_TRUE(hopeless && able && *able);
  EXPECT_EQ(hopeless->error().code, ErrorCode::kDeadline);
  EXPECT_EQ(batches_, (std::vector<std::size_t>{1, 1}));
}

TEST_F(BatchServerTest, AStallIsForgotten) {
  BatchServer& s = server();
  token_time_ = 10ms;
  std::optional<Result<std::vector<float>>> first;
  s.submit(request("a", {{1}}), into(first));
  EXPECT_TRUE(s.run_batch());
  token_time_ = 1ms;
  std::size_t refused = 0;
  for (bool answered = false; !answered; ++refused) {
    ASSERT_LT(refused, 50U);
    std::optional<Result<std::vector<float>>> again;
    auto hurried = request("a", {{1}});
    hurried.deadline = now_ + 5ms;
    s.submit(std::move(hurried), into(again));
    EXPECT_TRUE(s.run_batch());
    ASSERT_TRUE(again);
    answered = again->has_value();
  }
  EXPECT_GT(refused, 1U);
}

TEST_F(BatchServerTest, WhatHasNoRoomIsRefusedAtOnceAndCounted) {
  BatchServer& s = server({.tokens = 10, .rows = 10, .caller_tokens = 6});
  std::optional<Result<std::vector<float>>> kept;
  std::optional<Result<std::vector<float>>> greedy;
  std::optional<Result<std::vector<float>>> unlucky;
  s.submit(request("a", {{1, 1, 1, 1, 1}}), into(kept));
  s.submit(request("a", {{1, 1}}), into(greedy));
  s.submit(request("b", {{1, 1, 1, 1, 1, 1}}), into(unlucky));
  ASSERT_TRUE(greedy && unlucky);
  EXPECT_FALSE(kept);
  EXPECT_EQ(greedy->error().code, ErrorCode::kLimitReached);
  EXPECT_EQ(unlucky->error().code, ErrorCode::kUnavailable);
  const std::string text = metrics_.text();
  EXPECT_NE(text.find("zhiyin_encode_refused_total{reason=\"limit_reached\"} 1"),
            std::string::npos);
  EXPECT_NE(text.find("zhiyin_encode_waiting_tokens 5"), std::string::npos) << text;
  s.stop();  // while what it answers into is there
  EXPECT_TRUE(kept);
}

TEST_F(BatchServerTest, RowsThatDoNotAddUpAreRefused) {
  BatchServer& s = server();
  std::optional<Result<std::vector<float>>> answer;
  s.submit({.caller = "a", .ids = {1, 2, 3}, .row_tokens = {2}}, into(answer));
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->error().field, "ids");
}

TEST_F(BatchServerTest, StoppingAnswersWhatWaits) {
  BatchServer& s = server();
  std::optional<Result<std::vector<float>>> waiting;
  std::optional<Result<std::vector<float>>> after;
  s.submit(request("a", {{1}}), into(waiting));
  s.stop();
  s.submit(request("a", {{1}}), into(after));
  ASSERT_TRUE(waiting && after);
  EXPECT_EQ(waiting->error().code, ErrorCode::kUnavailable);
  EXPECT_EQ(after->error().code, ErrorCode::kUnavailable);
}

/// Waits with a long text until another thread has come to help, and gone again because something
/// else waits, where it is told to.
class HelpedEncoder final : public RowEncoder {
 public:
  static constexpr std::size_t kLong = 100;
  struct Seen {
    Mutex mutex;
    CondVar changed;
    int came = 0, left = 0;  // under the mutex
    bool wait_until_left = false;
  };
  explicit HelpedEncoder(Seen& seen) : seen_(seen) {}
  Result<void> encode(std::span<const EncoderText> texts, Helpers* helpers,
                      std::span<float> out) override {
    for (std::size_t i = 0; i < texts.size(); ++i) {
      out[i * kWidth] = static_cast<float>(texts[i].ids[0]);
      out[i * kWidth + 1] = static_cast<float>(texts[i].ids.size());
    }
    if (texts[0].ids.size() < kLong) return {};
    // Shared with those who come.
    const auto over = std::make_shared<std::atomic<bool>>(false);
    helpers->invite([this, over, helpers] {
      note(seen_.came);
      while (!over->load() && !helpers->wanted()) std::this_thread::yield();
      note(seen_.left);
    });
    {
      const MutexLock lock(seen_.mutex);
      while (seen_.came == 0 || (seen_.wait_until_left && seen_.left == 0))
        seen_.changed.wait(seen_.mutex);
    }
    helpers->withdraw();
    over->store(true);
    return {};
  }

 private:
  void note(int& count) {
    const MutexLock lock(seen_.mutex);
    ++count;
    seen_.changed.notify_all();
  }
  Seen& seen_;
};

TEST(BatchServerThreads, AnIdleThreadHelpsWithALongText) {
  MetricsRegistry metrics;
  HelpedEncoder::Seen seen;
  BatchServer server({.width = kWidth, .threads = 2, .metrics = &metrics},
                     [&] { return std::make_unique<HelpedEncoder>(seen); });
  const auto answer =
      server.encode(request("a", {std::vector<std::int32_t>(HelpedEncoder::kLong, 7)}));
  ASSERT_TRUE(answer);
  EXPECT_EQ(*answer, (std::vector<float>{7, HelpedEncoder::kLong}));
  server.stop();
  EXPECT_EQ(seen.left, seen.came);
  EXPECT_NE(metrics.text().find("zhiyin_encode_helped_total 1"), std::string::npos);
}

TEST(BatchServerThreads, AHelperLeavesForATextThatComes) {
  HelpedEncoder::Seen seen;
  seen.wait_until_left = true;
  BatchServer server({.width = kWidth, .threads = 2},
                     [&] { return std::make_unique<HelpedEncoder>(seen); });
  std::promise<Result<std::vector<float>>> promise;
  server.submit(request("a", {std::vector<std::int32_t>(HelpedEncoder::kLong, 7)}),
                [&](Result<std::vector<float>> vectors) { promise.set_value(std::move(vectors)); });
  {
    const MutexLock lock(seen.mutex);
    while (seen.came == 0) seen.changed.wait(seen.mutex);
  }
  // The first thread waits for the helper to leave; only the helper can encode this.
  const auto quick = server.encode(request("b", {{3}}));
  ASSERT_TRUE(quick);
  EXPECT_EQ(*quick, (std::vector<float>{3, 1}));
  const auto slow = promise.get_future().get();
  ASSERT_TRUE(slow);
  EXPECT_EQ(*slow, (std::vector<float>{7, HelpedEncoder::kLong}));
}

TEST(BatchServerThreads, ManyCallersGetWhatIsTheirs) {
  BatchServer server({.width = kWidth, .threads = 3, .batch_tokens = 16},
                     [] { return std::make_unique<ScriptedEncoder>(); });
  std::atomic<int> wrong = 0;
  std::vector<std::thread> callers;
  for (int c = 0; c < 8; ++c) {
    callers.emplace_back([&, c] {
      for (int i = 0; i < 200; ++i) {
        const std::int32_t id = 100 + c * 1000 + i;
        const auto answer = server.encode(request(std::to_string(c), {{id, 1}, {id + 1, 1, 1}}));
        const auto f = static_cast<float>(id);
        if (!answer || *answer != std::vector<float>{f, 2, f + 1, 3}) ++wrong;
      }
    });
  }
  for (auto& caller : callers) caller.join();
  EXPECT_EQ(wrong, 0);
  const auto last = server.encode(request("z", {{5, 5}}));
  ASSERT_TRUE(last);
  EXPECT_EQ(*last, (std::vector<float>{5, 2}));
}

}  // namespace
}  // namespace zhiyin::model
