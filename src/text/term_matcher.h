#pragma once

#include <filesystem>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "text/term.h"

namespace zhiyin::text {

namespace detail {
class CompiledTerms;
class ScanBuffers;
}  // namespace detail

struct MatcherOptions {
  bool case_sensitive = false;  ///< of the plain view; the others never are
  /// A term that begins or ends with a Latin letter or digit counts only where no other stands
  /// beside it: "so" not in "also".
  bool whole_words = false;
};

/// What of a term comes back with a hit. Views into the matcher.
struct TermEntry {
  std::string_view text;
  std::string_view category;
  int severity = 1;
  bool allowed = false;
};

/// Where a term was found. Offsets lie on character boundaries of the text that was searched;
/// characters are code points, and a byte that is not UTF-8 is one.
struct TermHit {
  std::uint32_t term = 0;  ///< index into the terms that the matcher was built of
  MatchView view = MatchView::kPlain;
  std::size_t byte_begin = 0, byte_end = 0;
  std::size_t char_begin = 0, char_end = 0;
  bool operator==(const TermHit&) const = default;
};

/// Longest span of a hit in characters; what is longer is none.
constexpr std::size_t kHitCharactersMax = 256;
/// Most characters of noise between two of a term, and most repeats of one.
constexpr std::size_t kNoiseRunMax = 16;

struct FindOptions {
  MatchViews views = kAllViews;
  /// False: hits never overlap. In each view the leftmost begins, and of those that begin together
  /// the longest counts; a looser view adds hits only where no stricter one has any. True: every
  /// occurrence of every term, by place, the longest first, each with its strictest view.
  bool overlapping = false;
};

/// Terms compiled for search: for each view an Aho-Corasick automaton as a double array over the
/// symbols that occur in the terms (Aho and Corasick 1975; Aoe 1989). Immutable; shared freely
/// between threads and copied cheaply (copies share the tables, which may be a mapped file).
class TermMatcher {
 public:
  /// Fails with kInvalidArgument naming the term (`terms[3].text`), with kLimitReached above
  /// kTermsMax.
  static Result<TermMatcher> build(std::span<const Term> terms, const MatcherOptions& options = {});

  /// Maps a file that `save` wrote. Fails with kDataLoss where it is damaged, kUnsupported where it
  /// is of another version. The file may be replaced (by rename) meanwhile, not written into.
  static Result<TermMatcher> load(const std::filesystem::path& path);
  /// The same from memory, which is copied.
  static Result<TermMatcher> from_bytes(std::string_view bytes);
  [[nodiscard]] Result<void> save(const std::filesystem::path& path) const;
  [[nodiscard]] std::string_view bytes() const;

  [[nodiscard]] std::size_t size() const;
  [[nodiscard]] TermEntry term(std::size_t index) const;

 private:
  friend class TermScanner;
  explicit TermMatcher(std::shared_ptr<const detail::CompiledTerms> compiled)
      : compiled_(std::move(compiled)) {}
  /// Shared by copies and scanners: an immutable snapshot.
  std::shared_ptr<const detail::CompiledTerms> compiled_;
};

/// Searches texts one after another and keeps its buffers between them. Not thread-safe: one for
/// each thread.
class TermScanner {
 public:
  explicit TermScanner(TermMatcher matcher);
  ~TermScanner();
  TermScanner(TermScanner&&) noexcept;

  /// Hits in the order of their places. Any bytes, any length; the memory used does not grow with
  /// the text, that of the hits apart.
  [[nodiscard]] std::vector<TermHit> find(std::string_view text, const FindOptions& options = {});
  /// The same, appended to `hits`.
  void find(std::string_view text, const FindOptions& options, std::vector<TermHit>& hits);
  /// The hits of many texts, those of each as `find` gives them, one after another; `ends` gets one
  /// number for each text: how many of `hits` belong to it and those before it. Both are replaced.
  /// Short texts are searched together, which is faster than one by one.
  void find_all(std::span<const std::string_view> texts, const FindOptions& options,
                std::vector<TermHit>& hits, std::vector<std::size_t>& ends);

  [[nodiscard]] const TermMatcher& matcher() const { return matcher_; }

 private:
  TermMatcher matcher_;
  std::unique_ptr<detail::ScanBuffers> buffers_;
};

}  // namespace zhiyin::text
