// Allocations that fail, one after the other, in a server with a real encoder.
#include <gtest/gtest.h>

#include <cstdlib>
#include <limits>
#include <new>
#include <optional>

#include "base/file.h"
#include "model/encoder/detail/small_encoders.h"
#include "model/serve/batch_server.h"

namespace {

constexpr std::size_t kEnough = std::numeric_limits<std::size_t>::max();
/// Allocations of this thread that still succeed.
thread_local std::size_t allocations_left = kEnough;
thread_local bool only_one_fails = false;
thread_local bool one_failed = false;

}  // namespace

void* operator new(std::size_t bytes) {
  if (allocations_left == 0) {
    one_failed = true;
    if (only_one_fails) allocations_left = kEnough;
    throw std::bad_alloc();
  }
  if (allocations_left != kEnough) --allocations_left;
  if (void* const block = std::malloc(bytes == 0 ? 1 : bytes)) return block;
  throw std::bad_alloc();
}
void operator delete(void* block) noexcept { std::free(block); }
void operator delete(void* block, std::size_t /*bytes*/) noexcept { std::free(block); }

namespace zhiyin::model {
namespace {

/// As long as it lives the allocation after so many fails: that one, or all from then on.
class Shortage {
 public:
  Shortage(std::size_t after, bool once) {
    only_one_fails = once;
    one_failed = false;
    allocations_left = after;
  }
  ~Shortage() { allocations_left = kEnough; }
  Shortage(const Shortage&) = delete;
  Shortage& operator=(const Shortage&) = delete;
  /// Whether one failed.
  [[nodiscard]] static bool met() { return one_failed; }
};

constexpr EncoderShape kShape{.width = 52,
                              .layers = 2,
                              .heads = 4,
                              .inner = 70,
                              .vocabulary = 64,
                              .positions = 128,
                              .token_types = 2};
using Answer = std::optional<Result<std::vector<float>>>;

class ShortMemoryTest : public ::testing::Test {
 protected:
  ShortMemoryTest() {
    EXPECT_TRUE(write_file(folder_.path() / "config.json", testing::small_config(kShape, "bert")));
    EXPECT_TRUE(write_file(folder_.path() / "model.safetensors",
                           testing::small_checkpoint(kShape, "bert.", 3)));
    encoder_ = *Encoder::open(folder_.path());
  }

  /// Of a caller whose name needs memory of its own.
  static EncodeRequest request(const std::vector<std::uint32_t>& lengths) {
    EncodeRequest out{.caller = "a caller with a long name", .ids = {}, .row_tokens = lengths};
    for (const std::uint32_t tokens : lengths)
      for (std::uint32_t i = 0; i < tokens; ++i)
        out.ids.push_back(static_cast<std::int32_t>((tokens + 7 * i) % kShape.vocabulary));
    return out;
  }

  static BatchServer::Done into(Answer& answer) {
    return [&answer](Result<std::vector<float>> vectors) {
      if (answer) std::abort();  // answered twice
      answer = std::move(vectors);
    };
  }

  std::vector<float> vectors_of(const EncodeRequest& request) {
    std::vector<EncoderText> texts;
    std::size_t at = 0;
    for (const std::uint32_t tokens : request.row_tokens) {
      texts.push_back({.ids = std::span(request.ids).subspan(at, tokens)});
      at += tokens;
    }
    EncoderWorkspace workspace(kShape);
    std::vector<float> out(texts.size() * kShape.width);
    EXPECT_TRUE(encoder_->encode(texts, {}, workspace, out));
    return out;
  }

  TempFolder folder_;
  std::shared_ptr<const Encoder> encoder_;
};

TEST_F(ShortMemoryTest, EveryRequestIsAnsweredWhereverAnAllocationFailsAndTheServerLives) {
  const EncodeRequest many = request({3, 40, 60, 1}), one = request({9});
  const std::vector<float> many_vectors = vectors_of(many), one_vectors = vectors_of(one);
  MetricsRegistry metrics;
  BatchServer server({.width = kShape.width, .threads = 0, .batch_tokens = 64, .metrics = &metrics},
                     [&] { return std::make_unique<PackedRowEncoder>(*encoder_, 64); });
  std::size_t refused = 0, refused_in_a_batch = 0;
  for (const bool once : {true, false}) {
    bool met = true;
    for (std::size_t after = 0; met; ++after) {
      ASSERT_LT(after, 1000U);
      Answer first, second;
      EncodeRequest a = many, b = one;
      {
        const Shortage shortage(after, once);
        server.submit(std::move(a), into(first));
        server.submit(std::move(b), into(second));
        while (server.run_batch()) {
        }
        met = shortage.met();
      }
      ASSERT_TRUE(first && second) << after;
      EXPECT_EQ(server.waiting_tokens(), 0U);
      const auto check = [&](const Answer& answer, const std::vector<float>& vectors) {
        if (*answer) {
          EXPECT_EQ(**answer, vectors);
          return;
        }
        ++refused;
        EXPECT_EQ((*answer).error().code, ErrorCode::kUnavailable);
        const std::string& words = (*answer).error().message;
        EXPECT_NE(words.find("memory"), std::string::npos) << words;
        if (words.find("in a batch") != std::string::npos) ++refused_in_a_batch;
      };
      check(first, many_vectors);
      check(second, one_vectors);
      EXPECT_EQ(!*first || !*second, met) << after;
    }
    Answer after;
    server.submit(EncodeRequest(one), into(after));
    EXPECT_TRUE(server.run_batch());
    ASSERT_TRUE(after && *after);
    EXPECT_EQ(**after, one_vectors);
  }
  EXPECT_GT(refused_in_a_batch, 4U);
  EXPECT_NE(metrics.text().find(
                fmt::format("zhiyin_encode_refused_total{{reason=\"unavailable\"}} {}", refused)),
            std::string::npos)
      << refused << "\n"
      << metrics.text();
}

/// Lends a thread that waits for its turn until the batch is over.
class OneHelper final : public Helpers {
 public:
  void invite(std::function<void()> help) override {
    std::function<void()> copy = help;
    thread_ = std::thread(std::move(copy));
  }
  void withdraw() override { ++withdrawn_; }
  [[nodiscard]] bool wanted() const override { return false; }
  void join() {
    if (thread_.joinable()) thread_.join();
  }
  int withdrawn_ = 0;

 private:
  std::thread thread_;
};

TEST_F(ShortMemoryTest, ABatchThatOthersHelpWithEndsForThemToo) {
  const EncodeRequest one = request({120});
  const std::vector<float> vectors = vectors_of(one);
  const EncoderText text{.ids = one.ids};
  EncoderWorkspace workspace(kShape, 128, 1, 1);
  std::vector<float> out(kShape.width);
  bool done = false;
  for (std::size_t after = 0; !done; ++after) {
    ASSERT_LT(after, 1000U);
    OneHelper helper;
    try {
      const Shortage shortage(after, true);
      const auto encoded = encoder_->encode({&text, 1}, {.helpers = &helper}, workspace, out);
      done = encoded.has_value() && !shortage.met();
    } catch (const std::bad_alloc&) {
    }
    helper.join();
    EXPECT_LE(helper.withdrawn_, 1);
    if (done) {
      EXPECT_EQ(helper.withdrawn_, 1);
      EXPECT_EQ(out, vectors);
    }
  }
}

}  // namespace
}  // namespace zhiyin::model
