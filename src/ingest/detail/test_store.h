#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "base/metrics.h"
#include "ingest/intake.h"
#include "ingest/migrations.h"
#include "storage/migrations.h"
#include "storage/open.h"
#include "storage/testing.h"
#include "storage/vault.h"

namespace zhiyin::ingest {

/// Log, state and vault in a folder of their own; for tests.
struct TestStore {
  static constexpr Instant kNow{1'790'000'000'000'000};  // September 2026

  TempFolder folder;
  SteppedClock clock{kNow};
  MetricsRegistry metrics;
  std::unique_ptr<storage::EventLog> log;
  std::unique_ptr<storage::State> state;
  std::unique_ptr<storage::Vault> vault;

  TestStore() { open(); }

  void open() {
    const std::string path = folder.path().string();
    auto opened_log = storage::open_event_log("sqlite:" + path + "/log.db", null_logger());
    if (!opened_log) throw std::runtime_error(opened_log.error().text());
    log = std::move(*opened_log);
    state = storage::open_test_state(folder.path() / "state.db");
    std::vector<storage::Migration> all = storage::migrations();
    for (const storage::Migration& m : migrations()) all.push_back(m);
    if (auto done = state->migrate(all); !done) throw std::runtime_error(done.error().text());
    auto made = storage::Vault::create(*state, Secret(std::string(32, 'k')));
    if (!made) throw std::runtime_error(made.error().text());
    vault = std::move(*made);
  }

  /// As after a restart of the process.
  void reopen() {
    vault.reset();
    state.reset();
    log.reset();
    open();
  }

  std::vector<Event> logged() {
    std::vector<Event> events;
    storage::Positions at{};
    while (true) {
      auto records = log->read(storage::Stream::kEvents, at, 10'000);
      if (!records || records->empty()) return events;
      for (const auto& record : *records) events.push_back(*decode_event(record.bytes));
      at = log->advance(at, *records);
    }
  }
};

}  // namespace zhiyin::ingest
