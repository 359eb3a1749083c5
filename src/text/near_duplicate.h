#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace zhiyin::text {

/// Fingerprint of a text's wording: texts that differ in few places have fingerprints that differ
/// in few bits (Charikar 2002, over character trigrams weighted by their count). Width, case,
/// script and all that is neither letter nor digit make no difference. 0 for a text without either.
std::uint64_t simhash(std::string_view text);
/// Bits in which two differ, 0 to 64.
int bits_apart(std::uint64_t a, std::uint64_t b);

constexpr std::size_t kMinHashSlots = 24;
/// Signature of a text's set of character bigrams, 16 bits a slot (one permutation, empty slots
/// filled by hashing on: Li, Owen, Zhang 2012; Shrivastava 2017). All 0: no bigram.
struct MinHash {
  std::array<std::uint16_t, kMinHashSlots> slots{};
  bool operator==(const MinHash&) const = default;
};
MinHash min_hash(std::string_view text);
/// Estimate of the Jaccard similarity of the two sets, 0 to 1; its standard error is at most 0.11.
double similarity(const MinHash& a, const MinHash& b);

/// What is compared of a text: MinHash of a short one, a fingerprint of a long one, both near the
/// border, neither of a text without letters and digits.
struct TextSignature {
  std::optional<MinHash> minhash;
  std::optional<std::uint64_t> fingerprint;
  bool operator==(const TextSignature&) const = default;
};
TextSignature signature_of(std::string_view text);

/// What counts as nearly the same.
struct NearDuplicateOptions {
  double similarity_min = 0.7;  ///< of short texts: estimated Jaccard similarity, 0.3 to 1
  int bits_max = 3;             ///< of long texts: bits of the fingerprint, 0 to 3
  /// Candidates compared for one text and table. What is beyond is passed over: of a text that
  /// stands there thousands of times, the newest are found.
  std::size_t candidates_max = 4096;
};

struct NearDuplicate {
  std::uint32_t text = 0;  ///< as `add` numbered it
  double similarity = 0;   ///< of short texts as above; of long ones 1 - bits / 64
  bool operator==(const NearDuplicate&) const = default;
};

/// How alike two texts are, as NearDuplicate says it; nothing where they are not nearly the same.
std::optional<double> near_similarity(const TextSignature& a, const TextSignature& b,
                                      const NearDuplicateOptions& options);

/// Finds the texts among up to 4,294,967,295 that are nearly the same as a given one. Long texts
/// (over kShortCharactersMax letters and digits) by fingerprint: four tables of 16 bits each find
/// every one at most 3 bits apart (Manku, Jain, Das Sarma 2007). Short ones by MinHash in 8 bands
/// of 3 slots: one of similarity 0.7 is found with 96 %, of 0.8 with 99.7 %. A long and a short
/// text are never duplicates, save near the border, where both ways are tried. It keeps no texts:
/// about 60 bytes for a long one and 140 to 200 for a short one. Searching is thread-safe while
/// nobody adds.
class NearDuplicateIndex {
 public:
  static constexpr std::size_t kShortCharactersMax = 256, kLongCharactersMin = 192;

  /// Options out of their range are taken at its end.
  explicit NearDuplicateIndex(const NearDuplicateOptions& options = {});

  /// Takes a text in; returns its number, counted from 0. A text without letters and digits is
  /// numbered and never found.
  std::uint32_t add(std::string_view text) { return add(signature_of(text)); }
  std::uint32_t add(const TextSignature& signature);
  /// Those most similar first, at most `most`.
  [[nodiscard]] std::vector<NearDuplicate> find(std::string_view text,
                                                std::size_t most = 100) const;
  /// The same for a signature, with other options than the index's own.
  [[nodiscard]] std::vector<NearDuplicate> find(const TextSignature& signature,
                                                const NearDuplicateOptions& options,
                                                std::size_t most) const;
  [[nodiscard]] std::size_t size() const { return size_; }
  [[nodiscard]] const NearDuplicateOptions& options() const { return options_; }

  /// What was added, and the options, as bytes (docs/formats/near-duplicates.md): 52 for a short
  /// text, 12 for a long one. Read again it finds the same. The file is written beside and renamed.
  [[nodiscard]] std::string to_bytes() const;
  [[nodiscard]] Result<void> save(const std::filesystem::path& path) const;
  /// Fails with kDataLoss where the bytes are damaged, kUnsupported where they are of another
  /// version; `load` also as read_file does.
  static Result<NearDuplicateIndex> from_bytes(std::string_view bytes);
  static Result<NearDuplicateIndex> load(const std::filesystem::path& path);
  /// Bytes that the tables take.
  [[nodiscard]] std::size_t memory() const;

 private:
  struct ShortTexts {
    static constexpr std::size_t kBands = 8, kRows = kMinHashSlots / kBands;
    std::vector<MinHash> signatures;
    std::vector<std::uint32_t> numbers;
    std::array<std::vector<std::uint32_t>, kBands> heads, next;  ///< place + 1; 0: none
    void add(const MinHash& signature, std::uint32_t number);
    void link(std::uint32_t place);
    /// Chains anew, for signatures that are there already.
    void link_all();
  };
  struct LongTexts {
    static constexpr std::size_t kTables = 4;
    /// A place, and the 16 bits beside those that the table is by: they turn away most candidates.
    struct Entry {
      std::uint16_t beside;
      std::array<std::uint16_t, 2> place;
    };
    std::vector<std::uint64_t> fingerprints;
    std::vector<std::uint32_t> numbers;
    std::array<std::vector<std::vector<Entry>>, kTables> tables;
    void add(std::uint64_t fingerprint, std::uint32_t number);
  };

  void find_short(const MinHash& signature, const NearDuplicateOptions& options,
                  std::vector<NearDuplicate>& out) const;
  void find_long(std::uint64_t fingerprint, const NearDuplicateOptions& options,
                 std::vector<NearDuplicate>& out) const;

  NearDuplicateOptions options_;
  std::size_t size_ = 0;
  ShortTexts short_;
  LongTexts long_;
};

}  // namespace zhiyin::text
