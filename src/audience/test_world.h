#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include "audience/people.h"
#include "audience/people_projection.h"
#include "audience/segment_query.h"
#include "audience/warehouse_people.h"
#include "base/crypto.h"
#include "base/file.h"
#include "catalogue/items.h"
#include "ingest/warehouse_writer.h"
#include "model/registry.h"
#include "storage/migrations.h"
#include "storage/open.h"
#include "storage/testing.h"

namespace zhiyin::audience {

/// For tests: real state, vault and (when asked for) warehouse in a temporary folder, and events
/// that go straight to the projection. Offsets count up over all partitions, as the embedded log's
/// do.
class World {
 public:
  static constexpr Instant kNow{1'780'000'000'000'000};

  World() {
    state_ = storage::open_test_state(path("state.db"));
    std::vector<storage::Migration> all = storage::migrations();
    for (const auto& part :
         {model::Registry::migrations(), catalogue::Items::migrations(), migrations()}) {
      all.insert(all.end(), part.begin(), part.end());
    }
    must(state_->migrate(all));
    vault_ = must(storage::Vault::create(*state_, Secret(std::string(32, 'k'))));
    people_ = std::make_unique<People>(*state_, *vault_);
    items_ = std::make_unique<catalogue::Items>(*state_);
  }

  storage::State& state() { return *state_; }
  storage::Vault& vault() { return *vault_; }
  People& people() { return *people_; }
  catalogue::Items& items() { return *items_; }
  storage::Warehouse& warehouse() {
    if (!warehouse_) {
      // CLICKHOUSE_URL names a server (tests/servers/clickhouse_shim.py) without a database.
      const char* server = std::getenv("CLICKHOUSE_URL");
      warehouse_ = must(storage::open_warehouse(
          server == nullptr
              ? "duckdb:" + path("warehouse.duckdb")
              : fmt::format("{}/t{}", server, crypto::hex(crypto::sha256(path("w"))).substr(0, 24)),
          200, null_logger()));
      must(create_segment_tables(*warehouse_));
    }
    return *warehouse_;
  }

  IdentityHash openid(std::string value, std::string account = "shop") {
    const Identity identity{std::move(account), "openid", std::move(value)};
    return must(vault_->ensure(std::span(&identity, 1), kNow)).front();
  }

  /// `n` of them in one step: each step waits for the disk.
  std::vector<IdentityHash> openids(std::string_view prefix, std::size_t n,
                                    const std::string& account = "shop") {
    std::vector<Identity> identities;
    for (std::size_t i = 0; i < n; ++i)
      identities.push_back({account, "openid", fmt::format("{}{}", prefix, i)});
    return must(vault_->ensure(identities, kNow));
  }

  /// An event `ago` before kNow; the partition is that of the key identity.
  ingest::LoggedEvent event(std::vector<IdentityHash> identities, std::string kind, Duration ago) {
    ingest::LoggedEvent logged;
    logged.partition = must(vault_->partition(identities.front()));
    logged.offset = ++offset_;
    logged.event.event_id = fmt::format("e{}", offset_);
    logged.event.account = "shop";
    logged.event.identities = std::move(identities);
    logged.event.kind = std::move(kind);
    logged.event.occurred_at = kNow - ago;
    logged.event.received_at = kNow;
    logged.event.source = "test";
    return logged;
  }

  /// One batch, one transaction.
  void apply(const std::vector<ingest::LoggedEvent>& events) {
    PeopleProjection projection;
    must(state_->write(
        [&](storage::Session& session) { return projection.apply(session, events); }));
  }

  /// What the warehouse writer does with the same events.
  void copy_to_warehouse(const std::vector<ingest::LoggedEvent>& events) {
    std::vector<storage::Row> rows;
    for (const auto& [partition, offset, e] : events) {
      const auto text = [](const std::string& t) {
        return t.empty() ? storage::Value() : storage::Value(t);
      };
      rows.push_back({std::int64_t{partition}, offset, e.event_id, e.account,
                      storage::to_hex(e.identities.front()), e.kind,
                      e.item ? storage::Value(e.item->kind) : storage::Value(),
                      e.item ? storage::Value(e.item->id) : storage::Value(),
                      e.value ? storage::Value(*e.value) : storage::Value(), e.occurred_at.us,
                      e.received_at.us, e.source, text(e.properties)});
    }
    must(warehouse().insert(ingest::events_table(), rows, fmt::format("events-{}", ++batches_)));
  }
  void sync() {
    must(sync_people(*state_, warehouse()));
    must(items_->sync_to_warehouse(warehouse()));
  }

  template <class T>
  static T must(Result<T> result) {
    if (!result) throw std::runtime_error(result.error().text());
    if constexpr (!std::is_void_v<T>) return std::move(*result);
  }

 private:
  std::string path(std::string_view name) const { return (folder_.path() / name).string(); }

  TempFolder folder_;
  std::unique_ptr<storage::State> state_;
  std::unique_ptr<storage::Vault> vault_;
  std::unique_ptr<storage::Warehouse> warehouse_;
  std::unique_ptr<People> people_;
  std::unique_ptr<catalogue::Items> items_;
  std::int64_t offset_ = 0;
  int batches_ = 0;
};

}  // namespace zhiyin::audience
