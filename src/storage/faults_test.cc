#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <functional>
#include <set>

#include "base/file.h"
#include "base/random.h"
#include "storage/detail/faulty_disk.h"
#include "storage/detail/sqlite.h"
#include "storage/event_log_contract.h"
#include "storage/sqlite_event_log.h"
#include "storage/sqlite_state.h"

// What storage promises when the machine misbehaves: power loss, kill -9, a full disk.
namespace zhiyin::storage {
namespace {

constexpr std::uint64_t kSeed = 20261125;

SqliteEventLogSettings small_settings(const detail::FaultyDisk& disk) {
  SqliteEventLogSettings settings;
  settings.vfs = disk.name();
  settings.checkpoint_pages = 4;  // so that faults meet checkpoints, too
  settings.chunk_bytes_max = 600;
  return settings;
}

/// Appends until one fails. Returns what was acknowledged, in order.
std::vector<std::string> append_until_failure(EventLog& log, Random& random, int rounds_max) {
  std::vector<std::string> acknowledged;
  int next = 0;
  for (int round = 0; round < rounds_max; ++round) {
    std::vector<NewRecord> records;
    const auto count = 1 + random.below(5);
    for (std::uint64_t i = 0; i < count; ++i) {
      records.push_back(
          record(3, fmt::format("{:05}{}", next++, std::string(random.below(400), 'x'))));
    }
    if (!log.append_and_wait(Stream::kEvents, records)) return acknowledged;
    for (const NewRecord& r : records) acknowledged.push_back(r.bytes);
  }
  return acknowledged;
}

void expect_prefix(const std::vector<std::string>& acknowledged,
                   const std::vector<std::string>& found) {
  ASSERT_GE(found.size(), acknowledged.size());
  for (std::size_t i = 0; i < acknowledged.size(); ++i) ASSERT_EQ(found[i], acknowledged[i]);
  for (std::size_t i = 0; i < found.size(); ++i) {
    ASSERT_EQ(found[i].substr(0, 5), fmt::format("{:05}", i)) << "order, and no record twice";
  }
}

TEST(PowerLoss, EveryAcknowledgedAppendIsThereAfterwards) {
  std::size_t acknowledged_total = 0;
  for (std::uint64_t round = 0; round < 60; ++round) {
    SCOPED_TRACE(fmt::format("round {}", round));
    const TempFolder folder;
    const auto path = folder.path() / "log.db";
    detail::FaultyDisk disk;
    Random random(kSeed + round);
    disk.lose_power_after(1 + static_cast<std::int64_t>(random.below(300)));
    std::vector<std::string> acknowledged;
    if (auto log = open_sqlite_event_log(path, null_logger(), small_settings(disk))) {
      acknowledged = append_until_failure(**log, random, 200);
    }
    disk.restart(round % 3 == 0 ? 0 : kSeed + round);

    auto log = open_sqlite_event_log(path, null_logger(), small_settings(disk));
    ASSERT_TRUE(log) << log.error().text();
    expect_prefix(acknowledged, texts(read_all(**log, Stream::kEvents)));
    ASSERT_TRUE((*log)->append_and_wait(Stream::kEvents, {record(3, "afterwards")}));
    EXPECT_EQ(texts(read_all(**log, Stream::kEvents)).back(), "afterwards");
    acknowledged_total += acknowledged.size();
  }
  EXPECT_GT(acknowledged_total, 500U) << "the faults must come late enough to mean something";
}

// The shim must be able to show a loss: a log that acknowledges before it has synced would be
// caught.
TEST(PowerLoss, TheFaultyDiskReallyForgetsWhatWasNotSynced) {
  const TempFolder folder;
  const auto path = folder.path() / "state.db";
  detail::FaultyDisk disk;
  SqliteStateSettings settings;
  settings.vfs = disk.name();
  const auto count = [&] {
    const auto state = open_sqlite_state(path, settings).value();
    const auto rows = state->query("SELECT COUNT(*) FROM t");
    return rows ? as_int(rows->rows[0][0]) : -1;
  };
  {
    const auto state = open_sqlite_state(path, settings).value();
    const Migration migration{"test-001", "CREATE TABLE t(x BIGINT)"};
    ASSERT_TRUE(state->migrate({&migration, 1}));
  }
  {
    detail::DatabaseOptions options;
    options.vfs = disk.name();
    auto db = detail::Database::open(path, options);
    ASSERT_TRUE(db->run("PRAGMA synchronous=OFF; INSERT INTO t VALUES(1)"));
    ASSERT_EQ(*db->query_int("SELECT COUNT(*) FROM t"), 1);
    disk.lose_power_after(0);
  }
  disk.restart(0);
  EXPECT_EQ(count(), 0);
}

TEST(PowerLoss, EveryCommittedTransactionIsThereAfterwards) {
  std::int64_t committed_total = 0;
  for (std::uint64_t round = 0; round < 40; ++round) {
    SCOPED_TRACE(fmt::format("round {}", round));
    const TempFolder folder;
    detail::FaultyDisk disk;
    SqliteStateSettings settings;
    settings.vfs = disk.name();
    settings.checkpoint_pages = 6;
    settings.checkpoint_aside = round % 2 == 1;
    Random random(kSeed + round);
    const Migration migration{"test-001",
                              "CREATE TABLE total(n BIGINT); INSERT INTO total VALUES(0);"
                              "CREATE TABLE item(n BIGINT PRIMARY KEY, filler TEXT)"};
    const auto path = folder.path() / "state.db";
    {
      const auto state = open_sqlite_state(path, settings).value();
      ASSERT_TRUE(state->migrate({&migration, 1}));
    }
    disk.lose_power_after(1 + static_cast<std::int64_t>(random.below(200)));
    std::int64_t committed = 0;
    if (auto state = open_sqlite_state(path, settings)) {
      const auto add = [&](Session& session) -> Result<void> {
        ZHIYIN_TRY_VOID(session.execute("UPDATE total SET n = n + 1"));
        ZHIYIN_TRY_VOID(session.execute("INSERT INTO item SELECT n, ?1 FROM total",
                                        {std::string(random.below(2000), 'f')}));
        return {};
      };
      while (committed < 100 && (*state)->write(add)) ++committed;
    }
    disk.restart(round % 3 == 0 ? 0 : kSeed + round);
    const auto state = open_sqlite_state(path, settings);
    ASSERT_TRUE(state) << state.error().text();
    ASSERT_TRUE((*state)->migrate({&migration, 1}));
    const auto rows = (*state)->query("SELECT n, (SELECT COUNT(*) FROM item) FROM total");
    ASSERT_TRUE(rows) << rows.error().text();
    EXPECT_GE(as_int(rows->rows[0][0]), committed);
    EXPECT_EQ(as_int(rows->rows[0][0]), as_int(rows->rows[0][1])) << "a transaction came apart";
    committed_total += committed;
  }
  EXPECT_GT(committed_total, 200);
}

TEST(DiskFull, FailsAppendsLosesNothingAndGoesOn) {
  const TempFolder folder;
  detail::FaultyDisk disk;
  auto log =
      open_sqlite_event_log(folder.path() / "log.db", null_logger(), small_settings(disk)).value();
  Random random(kSeed);
  std::vector<std::string> acknowledged;
  for (int round = 0; round < 3; ++round) {
    SCOPED_TRACE(fmt::format("round {}", round));
    disk.limit_bytes((round + 1) * 150'000);
    bool failed = false;
    for (int i = 0; i < 400 && !failed; ++i) {
      std::string bytes = fmt::format("{}/{} {}", round, i, std::string(random.below(2000), 'x'));
      const auto outcome = log->append_and_wait(Stream::kEvents, {record(3, bytes)});
      failed = !outcome;
      if (outcome) acknowledged.push_back(bytes);
      if (failed) {
        EXPECT_EQ(outcome.error().code, ErrorCode::kUnavailable);
      }
    }
    EXPECT_TRUE(failed);
    EXPECT_EQ(texts(read_all(*log, Stream::kEvents)), acknowledged);
  }
  log.reset();
  log =
      open_sqlite_event_log(folder.path() / "log.db", null_logger(), small_settings(disk)).value();
  EXPECT_EQ(texts(read_all(*log, Stream::kEvents)), acknowledged);
  disk.limit_bytes(10'000'000);
  ASSERT_TRUE(log->append_and_wait(Stream::kEvents, {record(3, "space again")}));
}

TEST(DiskFull, FailsTransactionsWholeAndGoesOn) {
  const TempFolder folder;
  detail::FaultyDisk disk;
  SqliteStateSettings settings;
  settings.vfs = disk.name();
  const auto state = open_sqlite_state(folder.path() / "state.db", settings).value();
  const Migration migration{"test-001", "CREATE TABLE t(x BIGINT, filler TEXT)"};
  ASSERT_TRUE(state->migrate({&migration, 1}));
  disk.limit_bytes(500'000);
  const auto put = [&](int rows) {
    return state->write([&](Session& session) -> Result<void> {
      for (int i = 0; i < rows; ++i) {
        // A careless caller that goes on after an error must not commit a part.
        (void)session.execute("INSERT INTO t VALUES(?1, ?2)",
                              {std::int64_t{i}, std::string(4000, 'f')});
      }
      return {};
    });
  };
  ASSERT_TRUE(put(3));
  const auto outcome = put(10'000);
  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error().code, ErrorCode::kUnavailable);
  EXPECT_EQ(as_int(state->query("SELECT COUNT(*) FROM t")->rows[0][0]), 3);
  disk.limit_bytes(5'000'000);
  ASSERT_TRUE(put(2));
  EXPECT_EQ(as_int(state->query("SELECT COUNT(*) FROM t")->rows[0][0]), 5);
}

TEST(FailedSync, AnAppendThatWasRefusedDoesNotComeBackAfterACrash) {
  const TempFolder folder;
  const TempFolder after_crash;
  detail::FaultyDisk disk;
  SqliteEventLogSettings settings;
  settings.vfs = disk.name();
  const auto log = open_sqlite_event_log(folder.path() / "log.db", null_logger(), settings).value();
  ASSERT_TRUE(log->append_and_wait(Stream::kEvents, {record(1, "first")}));
  disk.fail_next_sync();
  const auto outcome = log->append_and_wait(Stream::kEvents, {record(1, "refused")});
  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error().code, ErrorCode::kUnavailable);
  EXPECT_EQ(texts(read_all(*log, Stream::kEvents)), std::vector<std::string>{"first"});
  for (const char* name : {"log.db", "log.db-wal"}) {  // as kill -9 would leave them
    std::filesystem::copy_file(folder.path() / name, after_crash.path() / name);
  }
  const auto again = open_sqlite_event_log(after_crash.path() / "log.db", null_logger()).value();
  EXPECT_EQ(texts(read_all(*again, Stream::kEvents)), std::vector<std::string>{"first"});
  ASSERT_TRUE(log->append_and_wait(Stream::kEvents, {record(1, "second")}));
  EXPECT_EQ(texts(read_all(*log, Stream::kEvents)), (std::vector<std::string>{"first", "second"}));
}

TEST(FailedSync, ATransactionThatWasRefusedDoesNotComeBackAfterACrash) {
  const TempFolder folder;
  const TempFolder after_crash;
  detail::FaultyDisk disk;
  SqliteStateSettings settings;
  settings.vfs = disk.name();
  const auto state = open_sqlite_state(folder.path() / "state.db", settings).value();
  const Migration migration{"test-001", "CREATE TABLE t(x BIGINT)"};
  ASSERT_TRUE(state->migrate({&migration, 1}));
  const auto put = [&](std::int64_t x) {
    return state->write([&](Session& session) -> Result<void> {
      ZHIYIN_TRY_VOID(session.execute("INSERT INTO t VALUES(?1)", {x}));
      return {};
    });
  };
  ASSERT_TRUE(put(1));
  disk.fail_next_sync();
  ASSERT_FALSE(put(2));
  for (const char* name : {"state.db", "state.db-wal"}) {  // as kill -9 would leave them
    std::filesystem::copy_file(folder.path() / name, after_crash.path() / name);
  }
  const auto again = open_sqlite_state(after_crash.path() / "state.db").value();
  EXPECT_EQ(again->query("SELECT x FROM t")->rows, (std::vector<Row>{{std::int64_t{1}}}));
  ASSERT_TRUE(put(3));
  EXPECT_EQ(as_int(state->query("SELECT SUM(x) FROM t")->rows.at(0).at(0)), 4);
}

/// Runs `work` in a process of its own, without the rest of the test program.
pid_t in_child(const std::function<void()>& work) {
  const pid_t pid = fork();
  if (pid == 0) {
    work();
    _exit(0);
  }
  return pid;
}

// The kernel's own limit instead of the shim: files of the child cannot grow beyond half a
// megabyte.
TEST(DiskFull, TheSameWithARealLimitOfTheSystem) {
  const TempFolder folder;
  const pid_t child = in_child([&] {
    std::signal(SIGXFSZ, SIG_IGN);
    rlimit limit{512 << 10, RLIM_INFINITY};
    SqliteEventLogSettings settings;
    settings.checkpoint_pages = 1 << 20;
    auto log = open_sqlite_event_log(folder.path() / "log.db", null_logger(), settings).value();
    if (setrlimit(RLIMIT_FSIZE, &limit) != 0) _exit(2);
    std::vector<std::string> acknowledged;
    bool failed = false;
    for (int i = 0; i < 100 && !failed; ++i) {
      const std::string bytes = fmt::format("{:04}{}", i, std::string(20'000, 'x'));
      const auto outcome = log->append_and_wait(Stream::kEvents, {record(1, bytes)});
      if (outcome) acknowledged.push_back(bytes);
      failed = !outcome && outcome.error().code == ErrorCode::kUnavailable;
    }
    if (!failed) _exit(3);
    if (texts(read_all(*log, Stream::kEvents)) != acknowledged) _exit(4);
    limit.rlim_cur = RLIM_INFINITY;
    if (setrlimit(RLIMIT_FSIZE, &limit) != 0) _exit(5);
    acknowledged.emplace_back("space again");
    if (!log->append_and_wait(Stream::kEvents, {record(1, acknowledged.back())})) _exit(6);
    if (texts(read_all(*log, Stream::kEvents)) != acknowledged) _exit(7);
  });
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  ASSERT_TRUE(WIFEXITED(status));
  EXPECT_EQ(WEXITSTATUS(status), 0);
}

/// Reads the child's acknowledgements (`caller`, `number` as two integers each) until `count` have
/// come.
void read_acknowledgements(int pipe, std::size_t count, std::set<std::pair<int, int>>& out) {
  int pair[2];
  while (out.size() < count && read(pipe, pair, sizeof(pair)) == sizeof(pair)) {
    out.emplace(pair[0], pair[1]);
  }
}

[[noreturn]] void append_forever(const std::filesystem::path& path, int pipe) {
  SqliteEventLogSettings settings;
  settings.checkpoint_pages = 8;
  auto log = open_sqlite_event_log(path, null_logger(), settings).value();
  std::vector<std::thread> callers;
  for (int caller = 0; caller < 3; ++caller) {
    callers.emplace_back([&, caller] {
      for (int i = 0;; ++i) {
        if (!log->append_and_wait(Stream::kEvents, {record(caller, std::to_string(i))})) _exit(1);
        const int pair[2] = {caller, i};
        if (write(pipe, pair, sizeof(pair)) != sizeof(pair)) _exit(1);
      }
    });
  }
  for (std::thread& caller : callers) caller.join();
  _exit(1);
}

TEST(Kill, EveryAcknowledgedAppendIsThereAfterwards) {
  Random random(kSeed);
  for (int round = 0; round < 3; ++round) {
    SCOPED_TRACE(fmt::format("round {}", round));
    const TempFolder folder;
    int ends[2];
    ASSERT_EQ(pipe(ends), 0);
    const pid_t child = in_child([&] { append_forever(folder.path() / "log.db", ends[1]); });
    close(ends[1]);
    std::set<std::pair<int, int>> acknowledged;
    read_acknowledgements(ends[0], 1 + random.below(60), acknowledged);
    ASSERT_EQ(kill(child, SIGKILL), 0);
    read_acknowledgements(ends[0], 1'000'000, acknowledged);  // what was still in the pipe
    close(ends[0]);
    int status = 0;
    ASSERT_EQ(waitpid(child, &status, 0), child);
    ASSERT_TRUE(WIFSIGNALED(status));

    auto log = open_sqlite_event_log(folder.path() / "log.db", null_logger()).value();
    const auto all = read_all(*log, Stream::kEvents);
    for (int caller = 0; caller < 3; ++caller) {
      const auto found = texts(all, caller);
      for (std::size_t i = 0; i < found.size(); ++i) EXPECT_EQ(found[i], std::to_string(i));
      const auto last = std::ranges::count(acknowledged, caller, &std::pair<int, int>::first);
      EXPECT_GE(found.size(), static_cast<std::size_t>(last));
    }
  }
}

}  // namespace
}  // namespace zhiyin::storage
