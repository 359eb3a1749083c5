#include "storage/backup_store.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>
#include <zstd.h>

#include <algorithm>
#include <fstream>
#include <set>

#include "base/crypto.h"
#include "base/file.h"
#include "base/json.h"
#include "base/random.h"

namespace zhiyin::storage {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kMarker =
    "zhiyin-backup";  // so that nobody prunes a folder that is something else
constexpr std::size_t kManifestBytesMax = 256 << 20;
constexpr int kLevel = 1;  // of zstd: disks are slower than that

std::string digest_of(const BackupManifest& manifest) {
  std::string lines;
  for (const BackupFile& file : manifest.files) {
    lines += fmt::format("{}\n{}\n", file.name, file.bytes);
    for (const std::string& block : file.blocks) lines += block + "\n";
  }
  return crypto::hex(crypto::sha256(lines));
}

std::string new_id(Instant now) {
  std::string id;  // 2026-03-01T10:15:00.000Z without punctuation and fraction
  for (const char c : format_utc(now)) {
    if (c == '.' || c == 'Z') break;
    if (c != '-' && c != ':') id += c;
  }
  constexpr std::int64_t kSecond = 1'000'000;
  constexpr std::size_t kRandomBytes = 2;
  return fmt::format("{}.{:06}Z-{}", id, now.us % kSecond,
                     crypto::hex(crypto::random_bytes(kRandomBytes)));
}

bool is_hash(std::string_view text) {
  return text.size() == 64 && std::ranges::all_of(text, [](char c) {
           return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
         });
}

/// A name that stays below the target.
bool is_safe_name(const std::string& name) {
  const fs::path path(name);
  return !name.empty() && path.is_relative() &&
         std::ranges::none_of(path,
                              [](const fs::path& part) { return part == ".." || part == "."; });
}

/// Held while something is written; released with the value, also by the death of the process.
class WriterLock {
 public:
  static Result<WriterLock> take(const fs::path& folder) {
    const int fd = ::open((folder / "lock").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0) return fail(ErrorCode::kUnavailable, "backup: cannot write to {}", folder.string());
    if (::flock(fd, LOCK_EX | LOCK_NB) != 0) {
      ::close(fd);
      return fail(ErrorCode::kConflict, "backup: another backup is being written to {}",
                  folder.string());
    }
    return WriterLock(fd);
  }
  ~WriterLock() {
    if (fd_ >= 0) ::close(fd_);
  }
  WriterLock(WriterLock&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  WriterLock& operator=(WriterLock&&) = delete;

 private:
  explicit WriterLock(int fd) : fd_(fd) {}
  int fd_;
};

std::string packed(std::string_view bytes) {
  std::string out(ZSTD_compressBound(bytes.size()), '\0');
  const std::size_t size =
      ZSTD_compress(out.data(), out.size(), bytes.data(), bytes.size(), kLevel);
  out.resize(ZSTD_isError(size) != 0 ? 0 : size);
  return out;
}

}  // namespace

Result<BackupStore> BackupStore::open(const fs::path& folder, bool create) {
  std::error_code error;
  const fs::path marker = folder / kMarker;
  if (fs::exists(marker, error)) return BackupStore(folder);
  if (!create) return fail(ErrorCode::kNotFound, "backup: {} is no backup folder", folder.string());
  if (fs::exists(folder, error) && !fs::is_empty(folder, error)) {
    return fail(ErrorCode::kConflict, "backup: {} exists, is not empty, and is no backup folder",
                folder.string());
  }
  fs::create_directories(folder / "blocks", error);
  fs::create_directories(folder / "backups", error);
  if (error)
    return fail(ErrorCode::kUnavailable, "backup: cannot create {}: {}", folder.string(),
                error.message());
  ZHIYIN_TRY_VOID(write_file(marker, "format 1\n", 0600));
  return BackupStore(folder);
}

fs::path BackupStore::block_path(std::string_view hash) const {
  return folder_ / "blocks" / hash.substr(0, 2) / hash;
}

Result<std::string> BackupStore::read_block(std::string_view hash) const {
  if (!is_hash(hash))
    return fail(ErrorCode::kDataLoss, "backup: '{}' is no hash of a block", hash.substr(0, 80));
  auto stored = read_file(block_path(hash), 2 * kBackupBlockBytes);
  if (!stored)
    return fail(ErrorCode::kDataLoss, "backup: block {}: {}", hash, stored.error().message);
  std::string bytes(kBackupBlockBytes, '\0');
  const std::size_t size =
      ZSTD_decompress(bytes.data(), bytes.size(), stored->data(), stored->size());
  if (ZSTD_isError(size) != 0)
    return fail(ErrorCode::kDataLoss, "backup: block {} is damaged", hash);
  bytes.resize(size);
  if (crypto::hex(crypto::sha256(bytes)) != hash)
    return fail(ErrorCode::kDataLoss, "backup: block {} is damaged", hash);
  return bytes;
}

Result<BackupFile> BackupStore::add_file(const Source& source, BackupManifest& manifest,
                                         const std::function<bool(std::int64_t)>& moved) {
  std::ifstream in(source.path, std::ios::binary);
  if (!in) return fail(ErrorCode::kUnavailable, "backup: cannot read {}", source.path.string());
  BackupFile file{source.name, 0, {}};
  std::string block;
  for (;;) {
    block.resize(kBackupBlockBytes);
    in.read(block.data(), static_cast<std::streamsize>(block.size()));
    block.resize(static_cast<std::size_t>(in.gcount()));
    if (in.bad())
      return fail(ErrorCode::kUnavailable, "backup: reading {} failed", source.path.string());
    if (block.empty()) break;
    std::string hash = crypto::hex(crypto::sha256(block));
    const fs::path path = block_path(hash);
    std::error_code error;
    if (!fs::exists(path, error)) {
      const std::string stored = packed(block);
      fs::create_directories(path.parent_path(), error);
      ZHIYIN_TRY_VOID(write_file(path, stored, 0600));
      ++manifest.new_blocks;
      manifest.new_bytes += static_cast<std::int64_t>(stored.size());
    }
    file.bytes += static_cast<std::int64_t>(block.size());
    file.blocks.push_back(std::move(hash));
    if (!moved(static_cast<std::int64_t>(block.size())))
      return fail(ErrorCode::kDeadline, "backup: cancelled");
  }
  return file;
}

Result<BackupManifest> BackupStore::add(const std::vector<Source>& sources, std::string note,
                                        Instant now, const Progress& progress) {
  ZHIYIN_TRY(const WriterLock lock, WriterLock::take(folder_));
  BackupManifest manifest;
  manifest.id = new_id(now);
  manifest.created_at = now;
  manifest.program = ZHIYIN_VERSION;
  manifest.note = std::move(note);
  std::int64_t total = 1;
  std::int64_t done = 0;
  std::error_code error;
  for (const Source& source : sources)
    total += static_cast<std::int64_t>(fs::file_size(source.path, error));
  for (const Source& source : sources) {
    if (!is_safe_name(source.name))
      return fail(ErrorCode::kInvalidArgument, "backup: '{}' is no relative path", source.name);
    ZHIYIN_TRY(BackupFile file, add_file(source, manifest, [&](std::int64_t bytes) {
                 done += bytes;
                 return !progress || progress(std::min(1.0, static_cast<double>(done) /
                                                                static_cast<double>(total)));
               }));
    manifest.files.push_back(std::move(file));
  }
  manifest.digest = digest_of(manifest);
  ZHIYIN_TRY_VOID(write_file(folder_ / "backups" / (manifest.id + ".json"),
                             to_json(manifest).dump() + "\n", 0600));
  return manifest;
}

Result<std::vector<BackupManifest>> BackupStore::list() const {
  std::vector<std::string> ids;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(folder_ / "backups", error)) {
    if (entry.path().extension() == ".json") ids.push_back(entry.path().stem().string());
  }
  if (error)
    return fail(ErrorCode::kUnavailable, "backup: {}: {}", folder_.string(), error.message());
  std::ranges::sort(ids);
  std::vector<BackupManifest> all;
  for (const std::string& id : ids) {
    ZHIYIN_TRY(all.emplace_back(), find(id));
  }
  return all;
}

Result<BackupManifest> BackupStore::find(std::string_view id) const {
  if (id.empty()) {
    ZHIYIN_TRY(auto all, list());
    if (all.empty())
      return fail(ErrorCode::kNotFound, "backup: {} holds no backup yet", folder_.string());
    return std::move(all.back());
  }
  if (!is_safe_name(std::string(id)) || id.find('/') != std::string_view::npos)
    return fail_field("backup", "'{}' is no id of a backup", id.substr(0, 80));
  auto text = read_file(folder_ / "backups" / fmt::format("{}.json", id), kManifestBytesMax);
  if (!text) {
    if (text.error().code != ErrorCode::kNotFound) return std::unexpected(text.error());
    return fail(ErrorCode::kNotFound, "backup: there is no '{}' in {}", id.substr(0, 80),
                folder_.string());
  }
  const auto json = parse_json(*text, kManifestBytesMax);
  auto manifest = json ? from_json<BackupManifest>(*json) : std::unexpected(json.error());
  if (!manifest)
    return fail(ErrorCode::kDataLoss, "backup: manifest of {} is damaged: {}", id,
                manifest.error().text());
  if (manifest->format != 1)
    return fail(ErrorCode::kUnsupported, "backup: {} has format {}, this program knows 1", id,
                manifest->format);
  if (manifest->digest != digest_of(*manifest))
    return fail(ErrorCode::kDataLoss, "backup: manifest of {} is damaged", id);
  return std::move(*manifest);
}

namespace {

std::int64_t bytes_of(const BackupManifest& manifest) {
  std::int64_t bytes = 1;
  for (const BackupFile& file : manifest.files) bytes += file.bytes;
  return bytes;
}

Result<void> write_synced(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t n = ::write(fd, bytes.data(), bytes.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0)
      return fail(ErrorCode::kUnavailable, "restore: {}", std::generic_category().message(errno));
    bytes.remove_prefix(static_cast<std::size_t>(n));
  }
  return {};
}

}  // namespace

Result<void> BackupStore::verify(const BackupManifest& manifest, const Progress& progress) const {
  std::int64_t done = 0;
  const auto total = static_cast<double>(bytes_of(manifest));
  for (const BackupFile& file : manifest.files) {
    std::int64_t bytes = 0;
    for (const std::string& hash : file.blocks) {
      const auto block = read_block(hash);
      if (!block) return std::unexpected(within(file.name, block.error()));
      bytes += static_cast<std::int64_t>(block->size());
      done += static_cast<std::int64_t>(block->size());
      if (progress && !progress(static_cast<double>(done) / total))
        return fail(ErrorCode::kDeadline, "backup: cancelled");
    }
    if (bytes != file.bytes)
      return fail(ErrorCode::kDataLoss, "backup: {} has {} bytes, expected {}", file.name, bytes,
                  file.bytes);
  }
  return {};
}

Result<void> BackupStore::extract(const BackupManifest& manifest, const fs::path& target,
                                  const Progress& progress) const {
  std::error_code error;
  for (const BackupFile& file : manifest.files) {
    if (!is_safe_name(file.name))
      return fail(ErrorCode::kDataLoss, "backup: '{}' is no relative path",
                  file.name.substr(0, 200));
    if (fs::exists(target / file.name, error)) {
      return fail(ErrorCode::kConflict, "restore: {} exists already; restore into an empty folder",
                  (target / file.name).string());
    }
  }
  std::int64_t done = 0;
  const auto total = static_cast<double>(bytes_of(manifest));
  for (const BackupFile& file : manifest.files) {
    const fs::path path = target / file.name;
    fs::create_directories(path.parent_path(), error);
    const int fd = ::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0)
      return fail(ErrorCode::kUnavailable, "restore: cannot create {}: {}", path.string(),
                  std::generic_category().message(errno));
    Result<void> outcome;
    for (const std::string& hash : file.blocks) {
      auto block = read_block(hash);
      outcome =
          block ? write_synced(fd, *block) : std::unexpected(within(file.name, block.error()));
      if (!outcome) break;
      done += static_cast<std::int64_t>(block->size());
      if (progress && !progress(static_cast<double>(done) / total)) {
        outcome = fail(ErrorCode::kDeadline, "restore: cancelled");
        break;
      }
    }
    if (outcome && ::fsync(fd) != 0)
      outcome = fail(ErrorCode::kUnavailable, "restore: {}: {}", path.string(),
                     std::generic_category().message(errno));
    ::close(fd);
    ZHIYIN_TRY_VOID(outcome);
  }
  return {};
}

Result<std::int64_t> BackupStore::prune(std::size_t keep) {
  if (keep < 1) return fail_field("keep", "{} is less than 1", keep);
  ZHIYIN_TRY(const WriterLock lock, WriterLock::take(folder_));
  ZHIYIN_TRY(const std::vector<BackupManifest> all, list());
  const std::size_t old = all.size() > keep ? all.size() - keep : 0;
  std::error_code error;
  // Manifests first: a backup whose blocks are gone must not be found.
  for (std::size_t i = 0; i < old; ++i)
    fs::remove(folder_ / "backups" / (all[i].id + ".json"), error);
  std::set<std::string, std::less<>> used;
  for (std::size_t i = old; i < all.size(); ++i) {
    for (const BackupFile& file : all[i].files) used.insert(file.blocks.begin(), file.blocks.end());
  }
  for (const auto& entry : fs::recursive_directory_iterator(folder_ / "blocks", error)) {
    if (entry.is_regular_file() && !used.contains(entry.path().filename().string()))
      fs::remove(entry.path(), error);
  }
  return static_cast<std::int64_t>(old);
}

}  // namespace zhiyin::storage
