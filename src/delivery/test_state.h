#pragma once

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <memory>
#include <span>
#include <stdexcept>
#include <string>
#include <vector>

#include "base/crypto.h"
#include "base/file.h"
#include "base/log.h"
#include "delivery/touch.h"
#include "ingest/event.h"
#include "storage/migrations.h"
#include "storage/outbox.h"
#include "storage/testing.h"

/// For tests of this part and of those above it.
namespace zhiyin::delivery::testing {

inline Instant at(std::string_view text) { return *parse_time(text, TimeZone::shanghai()); }

/// A made-up identity: the same number gives the same one.
inline IdentityHash identity(int n) {
  IdentityHash out{};
  out[0] = static_cast<unsigned char>(n >> 8);
  out[1] = static_cast<unsigned char>(n & 0xff);
  out[15] = 1;
  return out;
}

/// A temporary folder in memory where there is one: these tests are not about syncing.
inline TempFolder quick_folder() {
  constexpr int kKeep = 0;
  if (std::filesystem::exists("/dev/shm")) ::setenv("TMPDIR", "/dev/shm", kKeep);
  return TempFolder();
}

/// A state database of its own with the tables of storage and delivery.
struct TestState {
  /// `parts`: the migrations of further parts.
  explicit TestState(std::vector<std::span<const storage::Migration>> parts = {})
      : extra(std::move(parts)) {
    extra.insert(extra.begin(), migrations());
    open();
  }

  /// As after the end of the process: everything that is not on disk is gone.
  void open() {
    state.reset();
    state = storage::open_test_state(folder.path() / "state.db");
    std::vector<storage::Migration> all = storage::migrations();
    for (const auto& part : extra) all.insert(all.end(), part.begin(), part.end());
    const auto done = state->migrate(all);
    if (!done) throw std::runtime_error(done.error().text());
  }

  /// Runs in one transaction; a failure fails the test.
  template <class Work>
  void write(Work work) {
    const auto done = state->write([&](storage::Session& session) { return work(session); });
    ASSERT_TRUE(done) << done.error().text();
  }

  /// The own events that wait in the outbox, in order: `kind id`.
  std::vector<ingest::Event> outbox() {
    std::vector<ingest::Event> out;
    const auto rows = state->query("SELECT bytes FROM outbox ORDER BY id");
    EXPECT_TRUE(rows) << rows.error().text();
    for (const storage::Row& row : rows->rows) {
      const auto event = ingest::decode_event(storage::as_text(row[0]));
      EXPECT_TRUE(event) << event.error().text();
      out.push_back(*event);
    }
    return out;
  }

  TempFolder folder = quick_folder();
  std::vector<std::span<const storage::Migration>> extra;
  std::unique_ptr<storage::State> state;
};

inline Touch planned(int person, Instant now, ChannelKind channel = ChannelKind::kMass) {
  Touch touch;
  touch.campaign = CampaignId("spring");
  touch.person = PersonId("p_" + std::to_string(person));
  touch.identity = identity(person);
  touch.id = touch_id(touch.campaign, touch.identity);
  touch.idempotency_key = touch.id.value;
  touch.partition = person % storage::kPartitions;
  touch.account = AccountId("shop");
  touch.channel = channel;
  touch.decided_at = touch.due_at = now;
  return touch;
}

}  // namespace zhiyin::delivery::testing
