#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <span>
#include <vector>

#include "base/mapped_file.h"
#include "text/near_duplicate.h"

namespace zhiyin::text {

/// Gathers signatures and writes them as a table. 56 bytes of memory for a text, and 8 more while
/// it is written. Not thread-safe.
class NearDuplicateTableBuilder {
 public:
  /// Numbers ascend.
  void add(std::uint32_t number, const TextSignature& signature);
  /// Replaces the file in one step; it is not synced: after a loss of power `open` refuses it, and
  /// it is to be made anew. `owner` and `end` come back from the table as they are.
  [[nodiscard]] Result<void> write(const std::filesystem::path& path, std::uint64_t owner,
                                   std::uint64_t end) const;

 private:
  std::vector<MinHash> signatures_;
  std::vector<std::uint64_t> fingerprints_;
  std::vector<std::uint32_t> short_numbers_, long_numbers_;
};

/// An index of near-duplicates that does not change, searched where it lies in a mapped file
/// (docs/formats/near-duplicates.md): memory is the page cache's, and it is ready when its checksum
/// has been read. It finds what NearDuplicateIndex finds. Thread-safe.
class NearDuplicateTable {
 public:
  /// kDataLoss where the file is damaged or cut short, kUnsupported where it is of another version;
  /// else as MappedFile::open.
  static Result<NearDuplicateTable> open(const std::filesystem::path& path);

  /// `text` of what is found is its number. The most similar first.
  [[nodiscard]] std::vector<NearDuplicate> find(const TextSignature& signature,
                                                const NearDuplicateOptions& options,
                                                std::size_t most) const;
  /// Texts, those without letters and digits left out.
  [[nodiscard]] std::size_t size() const { return size_; }
  [[nodiscard]] std::uint64_t owner() const { return owner_; }
  [[nodiscard]] std::uint64_t end() const { return end_; }
  [[nodiscard]] std::size_t bytes() const { return file_.bytes().size(); }

 private:
  /// Places by their key: those of key k stand from offsets[k] to offsets[k + 1], ascending.
  struct Buckets {
    std::span<const std::uint32_t> offsets, places;
    [[nodiscard]] std::span<const std::uint32_t> of(std::size_t key) const;
  };
  void find_short(const MinHash& signature, const NearDuplicateOptions& options,
                  std::vector<NearDuplicate>& out) const;
  void find_long(std::uint64_t fingerprint, const NearDuplicateOptions& options,
                 std::vector<NearDuplicate>& out) const;

  MappedFile file_;
  std::uint64_t owner_ = 0, end_ = 0;
  std::size_t size_ = 0;
  std::span<const std::uint64_t> fingerprints_;
  std::span<const MinHash> signatures_;
  std::span<const std::uint32_t> short_numbers_, long_numbers_;
  std::array<Buckets, 8> bands_;
  std::array<Buckets, 4> tables_;
  std::array<std::span<const std::uint16_t>, 4> beside_;  ///< of each place of a table
};

}  // namespace zhiyin::text
