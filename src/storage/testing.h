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

/// The state of a test: the file `path`, or what stands for it on the server of the tests. Opened
/// again with the same path it holds what was there.
inline std::unique_ptr<State> open_test_state(const std::filesystem::path& path) {
  std::filesystem::create_directories(path.parent_path());
  auto state =
      open_state(test_server() ? test_server_url(path) : "sqlite:" + path.string(), null_logger());
  if (!state) throw std::runtime_error(state.error().text());
  return std::move(*state);
}

}  // namespace zhiyin::storage
