#pragma once

#include <gtest/gtest.h>

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <memory>
#include <stdexcept>
#include <string>

#include "base/crypto.h"
#include "base/log.h"
#include "storage/detail/postgres_connection.h"
#include "storage/open.h"

/// For tests of this part and of those above it.
namespace zhiyin::storage {

/// `tests/servers/postgres.sh with PROGRAM` sets it: then tests keep their state on that server.
inline const char* test_server() { return std::getenv("POSTGRES_URL"); }

/// A schema of its own on the server of the tests, named after `path`; removed, by a later call,
/// once the folder of `path` is no more.
inline std::string test_server_url(const std::filesystem::path& path) {
  static std::map<std::filesystem::path, std::string> schemas;  // tests open stores on one thread
  auto server = detail::PostgresConnection::open(test_server(), std::chrono::seconds(10));
  if (!server) throw std::runtime_error(server.error().text());
  for (auto at = schemas.begin(); at != schemas.end();) {
    const bool stays = std::filesystem::exists(at->first.parent_path());
    if (!stays) (void)(*server)->run("DROP SCHEMA " + at->second + " CASCADE");
    at = stays ? std::next(at) : schemas.erase(at);
  }
  const std::string schema = "t_" + crypto::hex(crypto::sha256(path.string())).substr(0, 24);
  schemas[path] = schema;
  const auto made = (*server)->run("CREATE SCHEMA IF NOT EXISTS " + schema);
  if (!made) throw std::runtime_error(made.error().text());
  return std::string(test_server()) + "?options=-csearch_path%3D" + schema;
}

/// A warehouse that keeps nothing and knows nothing; a test overrides what it looks at.
class NoWarehouse : public Warehouse {
 public:
  Result<void> create(const Table&) override { return {}; }
  Result<void> insert(const Table&, std::span<const Row>, std::string_view) override { return {}; }
  Result<Rows> query(std::string_view, std::span<const Value>, QueryLimits) override {
    return Rows();
  }
  Result<void> flush() override { return {}; }
  Result<std::int64_t> remove(const Table&, std::string_view, std::span<const Value>) override {
    return 0;
  }
};

/// Runs the work of each transaction twice and keeps the second: on a server a conflict does so at
/// any time.
class RepeatingState final : public State {
 public:
  explicit RepeatingState(std::unique_ptr<State> inner) : inner_(std::move(inner)) {}
  Result<void> write(const std::function<Result<void>(Session&)>& work) override {
    bool undone = false;
    auto first = inner_->write([&](Session& session) -> Result<void> {
      ZHIYIN_TRY_VOID(work(session));
      undone = true;
      return fail(ErrorCode::kConflict, "test: once more");
    });
    return undone ? inner_->write(work) : first;
  }
  Result<void> read(const std::function<Result<void>(Session&)>& work) override {
    return inner_->read(work);
  }
  Result<void> migrate(std::span<const Migration> list) override { return inner_->migrate(list); }
  Result<std::string> identity() override { return inner_->identity(); }
  Result<void> copy_to(const std::filesystem::path& file) override { return inner_->copy_to(file); }
  Result<std::vector<StateTable>> tables() override { return inner_->tables(); }

 private:
  const std::unique_ptr<State> inner_;
};

/// The state of a test: the file `path`, or what stands for it on the server of the tests. Opened
/// again with the same path it holds what was there. With REPEAT_TRANSACTIONS set it repeats each.
inline std::unique_ptr<State> open_test_state(const std::filesystem::path& path) {
  std::filesystem::create_directories(path.parent_path());
  auto state =
      open_state(test_server() ? test_server_url(path) : "sqlite:" + path.string(), null_logger());
  if (!state) throw std::runtime_error(state.error().text());
  if (std::getenv("REPEAT_TRANSACTIONS") == nullptr) return std::move(*state);
  return std::make_unique<RepeatingState>(std::move(*state));
}

}  // namespace zhiyin::storage
