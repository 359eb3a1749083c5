#include "text/term_matcher.h"

#include <cstring>

#include "base/file.h"
#include "text/detail/compiled_terms.h"
#include "text/detail/scan.h"

namespace zhiyin::text {

Result<TermMatcher> TermMatcher::build(std::span<const Term> terms, const MatcherOptions& options) {
  ZHIYIN_TRY(auto compiled, detail::compile_terms(terms, options));
  return TermMatcher(std::move(compiled));
}

Result<TermMatcher> TermMatcher::load(const std::filesystem::path& path) {
  ZHIYIN_TRY(MappedFile file, MappedFile::open(path, detail::kCompiledBytesMax));
  ZHIYIN_TRY(auto compiled, detail::CompiledTerms::open(std::move(file)));
  return TermMatcher(std::move(compiled));
}

Result<TermMatcher> TermMatcher::from_bytes(std::string_view bytes) {
  std::vector<std::uint64_t> memory((bytes.size() + sizeof(std::uint64_t) - 1) /
                                    sizeof(std::uint64_t));
  if (!bytes.empty()) std::memcpy(memory.data(), bytes.data(), bytes.size());
  ZHIYIN_TRY(auto compiled, detail::CompiledTerms::open(std::move(memory), bytes.size()));
  return TermMatcher(std::move(compiled));
}

Result<void> TermMatcher::save(const std::filesystem::path& path) const {
  return write_file(path, bytes());
}

std::string_view TermMatcher::bytes() const { return compiled_->bytes; }

std::size_t TermMatcher::size() const { return compiled_->terms.size(); }

TermEntry TermMatcher::term(std::size_t index) const {
  const detail::TermRow& row = compiled_->terms[index];
  return {compiled_->text(row), compiled_->pool.substr(row.category_at, row.category_bytes),
          row.severity, (row.flags & detail::kAllowedFlag) != 0};
}

TermScanner::TermScanner(TermMatcher matcher)
    : matcher_(std::move(matcher)), buffers_(std::make_unique<detail::ScanBuffers>()) {}
TermScanner::~TermScanner() = default;
TermScanner::TermScanner(TermScanner&&) noexcept = default;

std::vector<TermHit> TermScanner::find(std::string_view text, const FindOptions& options) {
  std::vector<TermHit> hits;
  find(text, options, hits);
  return hits;
}

void TermScanner::find(std::string_view text, const FindOptions& options,
                       std::vector<TermHit>& hits) {
  buffers_->find(*matcher_.compiled_, text, options, hits);
}

void TermScanner::find_all(std::span<const std::string_view> texts, const FindOptions& options,
                           std::vector<TermHit>& hits, std::vector<std::size_t>& ends) {
  hits.clear();
  ends.clear();
  while (!texts.empty())
    texts = texts.subspan(buffers_->find_together(*matcher_.compiled_, texts, options, hits, ends));
}

}  // namespace zhiyin::text
