#include <gmock/gmock.h>
#include <sys/resource.h>
#include <unistd.h>

#include <fstream>

#include "base/crypto.h"
#include "base/file.h"
#include "base/html.h"
#include "base/machine.h"
#include "base/mapped_file.h"
#include "base/metrics.h"
#include "base/nearest.h"
#include "base/random.h"
#include "base/secret.h"
#include "base/thread_pool.h"
#include "base/utf8.h"

namespace zhiyin {
namespace {

TEST(Crypto, SealedTextOpensOnlyWithItsKeyAndContext) {
  const std::string key = crypto::random_bytes(32);
  const std::string sealed = crypto::seal(key, "手机号 13800138000", "identity");
  EXPECT_EQ(*crypto::unseal(key, sealed, "identity"), "手机号 13800138000");
  EXPECT_EQ(crypto::unseal(key, sealed, "other").error().code, ErrorCode::kDataLoss);
  EXPECT_EQ(crypto::unseal(crypto::random_bytes(32), sealed, "identity").error().code,
            ErrorCode::kDataLoss);
  std::string damaged = sealed;
  damaged[15] = static_cast<char>(damaged[15] ^ 1);
  EXPECT_FALSE(crypto::unseal(key, damaged, "identity"));
  EXPECT_FALSE(crypto::unseal(key, "short", "identity"));
}

TEST(Crypto, EncodingsMatchPublishedVectors) {
  EXPECT_EQ(crypto::hex(crypto::sha1("abc")), "a9993e364706816aba3e25717850c26c9cd0d89d");
  EXPECT_EQ(crypto::hex(crypto::sha256("abc")),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(crypto::hex(crypto::sha256("")),
            "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  // RFC 4231, cases 1, 2 and 6 (a key longer than a block).
  EXPECT_EQ(crypto::hex(crypto::hmac_sha256(std::string(20, '\x0b'), "Hi There")),
            "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7");
  EXPECT_EQ(crypto::hex(crypto::hmac_sha256("Jefe", "what do ya want for nothing?")),
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
  EXPECT_EQ(
      crypto::hex(crypto::hmac_sha256(std::string(131, '\xaa'),
                                      "Test Using Larger Than Block-Size Key - Hash Key First")),
      "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
  EXPECT_EQ(crypto::base64("foobar"), "Zm9vYmFy");
  EXPECT_EQ(crypto::base64("fooba"), "Zm9vYmE=");
  EXPECT_EQ(*crypto::unbase64("Zm9vYmE="), "fooba");
  EXPECT_EQ(crypto::base32("foobar"), "mzxw6ytboi");
  EXPECT_FALSE(crypto::unbase64("a!c="));
  EXPECT_FALSE(crypto::unbase64("abcde"));
  EXPECT_EQ(crypto::base32(std::string(16, 'x')).size(), 26U);
}

TEST(Crypto, PasswordHashAcceptsOnlyItsPassword) {
  const std::string hash = crypto::hash_password("correct horse");
  EXPECT_TRUE(crypto::check_password("correct horse", hash));
  EXPECT_FALSE(crypto::check_password("correct horsf", hash));
  EXPECT_FALSE(crypto::check_password("", "scrypt1$"));
}

TEST(Nearest, NamesATypoButNotAStranger) {
  const std::string_view names[] = {"server.port", "storage.log", "clock"};
  EXPECT_EQ(nearest_name("server.prot", names), "server.port");
  EXPECT_EQ(nearest_name("zzzzzzzzzzzz", names), "");
}

TEST(MappedFile, HasTheBytesAndRefusesWhatIsNoFileOrTooLong) {
  TempFolder folder;
  const auto path = folder.path() / "a";
  ASSERT_TRUE(write_file(path, "some bytes"));
  const auto mapped = MappedFile::open(path, 10);
  ASSERT_TRUE(mapped);
  EXPECT_EQ(mapped->bytes(), "some bytes");
  EXPECT_EQ(MappedFile::open(path, 9).error().code, ErrorCode::kLimitReached);
  EXPECT_EQ(MappedFile::open(folder.path() / "b", 10).error().code, ErrorCode::kNotFound);
  EXPECT_EQ(MappedFile::open(folder.path(), 10).error().code, ErrorCode::kUnavailable);
  ASSERT_TRUE(write_file(path, ""));
  const auto empty = MappedFile::open(path, 10);
  EXPECT_EQ(empty->bytes(), "");
  empty->let_go();
}

/// Bytes of the file that this process has in its memory.
std::size_t mapped_now(const std::filesystem::path& path) {
  std::ifstream maps("/proc/self/smaps");
  std::size_t kilobytes = 0;
  bool of_file = false;
  for (std::string line; std::getline(maps, line);) {
    if (line.find('-') < line.find(' ')) of_file = line.ends_with(path.string());
    if (of_file && line.starts_with("Rss:")) kilobytes += std::stoul(line.substr(4));
  }
  return kilobytes << 10;
}

TEST(MappedFile, PagesThatAreLetGoComeBackWithTheSameBytes) {
  TempFolder folder;
  const auto path = folder.path() / "a";
  std::string bytes(1 << 20, 'a');
  for (std::size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<char>(i * 7 + (i >> 12));
  ASSERT_TRUE(write_file(path, bytes));
  const auto mapped = MappedFile::open(path, bytes.size());
  ASSERT_TRUE(mapped);
  EXPECT_EQ(mapped->bytes(), bytes);
  EXPECT_EQ(mapped_now(path), bytes.size());
  mapped->let_go();
  EXPECT_EQ(mapped_now(path), 0U);
  EXPECT_EQ(mapped->bytes(), bytes);
}

TEST(File, ReplacementIsCompleteAndModeIsObeyed) {
  const TempFolder folder;
  const auto path = folder.path() / "secret.key";
  ASSERT_TRUE(write_file(path, "one", 0600));
  ASSERT_TRUE(write_file(path, "two", 0600));
  EXPECT_EQ(*read_file(path), "two");
  EXPECT_EQ(std::filesystem::status(path).permissions() & std::filesystem::perms::mask,
            std::filesystem::perms(0600));
  EXPECT_EQ(read_file(folder.path() / "none").error().code, ErrorCode::kNotFound);
  EXPECT_EQ(read_file(path, 2).error().code, ErrorCode::kLimitReached);
}

TEST(File, ADeviceIsWrittenIntoAndStays) {
  const TempFolder folder;
  const auto link = folder.path() / "null";
  std::filesystem::create_symlink("/dev/null", link);
  EXPECT_TRUE(write_file(link, "bytes"));
  EXPECT_TRUE(std::filesystem::is_symlink(link));
  EXPECT_TRUE(std::filesystem::is_character_file("/dev/null"));
  EXPECT_FALSE(std::filesystem::exists(folder.path() / "null.part"));
}

TEST(Utf8, TruncationNeverCutsACharacter) {
  EXPECT_EQ(utf8::truncate("知音", 5), "知");
  EXPECT_EQ(utf8::truncate("知音", 6), "知音");
  EXPECT_EQ(utf8::length("知音a"), 3U);
  EXPECT_FALSE(utf8::is_valid("\xff"));
}

TEST(Shortened, IsUtf8WhateverIsShortened) {
  EXPECT_EQ(shortened("oAlice"), "oAli…(6)");
  EXPECT_EQ(shortened("oAl"), "o…");
  EXPECT_EQ(shortened(""), "…");
  EXPECT_EQ(shortened("中文"), "中…(6)");
  EXPECT_EQ(shortened("a中中"), "a中…(7)");
  EXPECT_EQ(shortened("中"), "…");
  for (const std::string_view odd : {"\xff\xff\xff\xff\xff", "\x80", "ab\xe4\xb8zz"})
    EXPECT_TRUE(utf8::is_valid(shortened(odd)));
}

TEST(Utf8, CleanedTextCanBeStored) {
  EXPECT_EQ(utf8::cleaned("知音"), "知音");
  EXPECT_EQ(utf8::cleaned(std::string("a\0b", 3)),
            "a\xef\xbf\xbd"
            "b");
  EXPECT_EQ(utf8::cleaned("\xe7\x9f"), "\xef\xbf\xbd\xef\xbf\xbd");
  EXPECT_EQ(utf8::cleaned("\xff知"), "\xef\xbf\xbd知");
  EXPECT_EQ(utf8::cleaned(""), "");
}

TEST(Uuid, IsVersionSevenAndOrderedByTime) {
  const std::string a = uuid_v7({1'700'000'000'000'000});
  const std::string b = uuid_v7({1'700'000'000'000'001});
  EXPECT_EQ(a.size(), 36U);
  EXPECT_EQ(a[14], '7');
  EXPECT_LT(a, b);
}

TEST(ThreadPool, RefusesWhenFullAndFinishesWhatItTook) {
  std::atomic<int> done = 0;
  {
    ThreadPool pool(2, 100);
    for (int i = 0; i < 50; ++i) {
      while (!pool.try_submit([&] { ++done; })) std::this_thread::yield();
    }
  }
  EXPECT_EQ(done, 50);
}

TEST(Metrics, TextIsPrometheusFormat) {
  MetricsRegistry metrics;
  metrics.counter("zhiyin_requests_total", "Requests.", "code=\"200\"").add(3);
  metrics.latency("zhiyin_request_seconds", "Time.").observe(0.003);
  const std::string text = metrics.text();
  EXPECT_THAT(text, testing::HasSubstr("# TYPE zhiyin_requests_total counter\n"
                                       "zhiyin_requests_total{code=\"200\"} 3\n"));
  EXPECT_THAT(text, testing::HasSubstr("zhiyin_request_seconds_bucket{le=\"0.002\"} 0\n"));
  EXPECT_THAT(text, testing::HasSubstr("zhiyin_request_seconds_bucket{le=\"0.005\"} 1\n"));
  EXPECT_THAT(text, testing::HasSubstr("zhiyin_request_seconds_count 1\n"));
}

TEST(Html, NothingLeavesTextOrQuotes) {
  EXPECT_EQ(html_escaped("<a href=\"x\" b='&'>知音"),
            "&lt;a href=&quot;x&quot; b=&#39;&amp;&#39;&gt;知音");
}

TEST(ThreadPool, WhenStoppedItFinishesWhatIsQueuedAndTakesNothingMore) {
  ThreadPool pool(2, 10);
  std::atomic<int> done = 0;
  for (int i = 0; i < 10; ++i) EXPECT_TRUE(pool.try_submit([&] { ++done; }));
  const int queued = 10;
  pool.stop();
  EXPECT_EQ(done, queued);
  EXPECT_FALSE(pool.try_submit([&] { ++done; }));
  pool.stop();
  EXPECT_EQ(done, queued);
}

TEST(Machine, AThreadThatGivesWayDoesSoAlone) {
  const auto nice_of = [] { return ::getpriority(PRIO_PROCESS, static_cast<id_t>(::gettid())); };
  const int before = nice_of();
  int there = 0;
  int below = 0;
  std::thread([&] {
    give_way();
    there = nice_of();
    std::thread([&] { below = nice_of(); }).join();
  }).join();
  EXPECT_EQ(there, std::max(before, 10));
  EXPECT_EQ(below, there);
  EXPECT_EQ(nice_of(), before);
}

TEST(Machine, AGroupOrOneAroundItLimitsTheMemory) {
  const TempFolder root;
  std::filesystem::create_directories(root.path() / "a/b");
  EXPECT_EQ(group_memory_max(root.path(), "/a/b"), std::nullopt);
  ASSERT_TRUE(write_file(root.path() / "a/b/memory.max", "max\n"));
  EXPECT_EQ(group_memory_max(root.path(), "/a/b"), std::nullopt);
  ASSERT_TRUE(write_file(root.path() / "a/memory.max", "1073741824\n"));
  EXPECT_EQ(group_memory_max(root.path(), "/a/b"), 1 << 30);
  ASSERT_TRUE(write_file(root.path() / "memory.max", "536870912\n"));
  EXPECT_EQ(group_memory_max(root.path(), "/a/b"), 1 << 29);
  EXPECT_EQ(group_memory_max(root.path(), "/"), 1 << 29);
  EXPECT_EQ(group_memory_max(root.path(), "/../.."), 1 << 29) << "stays below the root";
  EXPECT_GT(memory_bytes(), 64 << 20);
}

}  // namespace
}  // namespace zhiyin
