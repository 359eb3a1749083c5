#include "storage/installation_id.h"

#include "base/file.h"

namespace zhiyin::storage {
namespace {

constexpr std::size_t kFileBytesMax = 200;

/// Empty when there is no file.
Result<std::string> read_id(const std::filesystem::path& file) {
  auto text = read_file(file, kFileBytesMax);
  if (!text && text.error().code == ErrorCode::kNotFound) return std::string();
  if (!text) return text;
  while (!text->empty() && (text->back() == '\n' || text->back() == '\r')) text->pop_back();
  return text;
}

}  // namespace

Result<void> migrate_own_state(State& state, std::span<const Migration> migrations,
                               const std::filesystem::path& file) {
  ZHIYIN_TRY(const std::string expected, read_id(file));
  ZHIYIN_TRY(const std::string found, state.identity());
  if (!expected.empty() && found.empty()) {
    return fail(ErrorCode::kDataLoss,
                "state: the database is empty, but {} says that this installation has run before "
                "(state {}). Nothing was changed. Bring the database back (backup, right server), "
                "or move that file away to begin anew",
                file.string(), expected);
  }
  if (!expected.empty() && found != expected) {
    return fail(ErrorCode::kDataLoss,
                "state: the database holds the installation {}, but {} names {}. Nothing was "
                "changed. Look at storage.state, or move that file away to join the other",
                found, file.string(), expected);
  }
  ZHIYIN_TRY_VOID(state.migrate(migrations));
  if (!expected.empty()) return {};
  ZHIYIN_TRY(const std::string made, state.identity());
  return write_file(file, made + "\n", 0600);
}

}  // namespace zhiyin::storage
