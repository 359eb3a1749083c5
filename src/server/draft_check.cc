#include "server/draft_check.h"

#include "model/generate/evidence_check.h"
#include "text/personal_data.h"
#include "text/term_matcher.h"

namespace zhiyin::server {
namespace {

Json span_json(std::size_t begin, std::size_t end) { return Json::Array{Json(begin), Json(end)}; }

Json personal_json(std::string_view text) {
  Json out = Json::array();
  for (const auto& p : text::find_personal_data(text)) {
    out.push(Json()
                 .set("kind", text::kPersonalKindNames[static_cast<std::size_t>(p.kind)])
                 .set("text", text.substr(p.byte_begin, p.byte_end - p.byte_begin))
                 .set("span", span_json(p.byte_begin, p.byte_end)));
  }
  return out;
}

Result<Json> terms_json(const DraftCheckRequest& request) {
  Json out = Json::array();
  if (request.terms.empty()) return out;
  ZHIYIN_TRY(const auto views, text::parse_views(request.views));
  std::vector<text::Term> terms;
  for (const DraftTerm& one : request.terms)
    terms.push_back({.text = one.term,
                     .category = one.category,
                     .severity = static_cast<int>(one.severity),
                     .views = views});
  for (const std::string& word : request.allow) terms.push_back({.text = word, .allowed = true});
  ZHIYIN_TRY(auto matcher, text::TermMatcher::build(terms));
  text::TermScanner scanner(std::move(matcher));
  for (const text::TermHit& hit : scanner.find(request.text, {.views = views})) {
    const text::TermEntry term = scanner.matcher().term(hit.term);
    out.push(Json()
                 .set("term", term.text)
                 .set("category", term.category)
                 .set("severity", term.severity)
                 .set("view", text::kMatchViewNames[static_cast<std::size_t>(hit.view)])
                 .set("text", std::string_view(request.text)
                                  .substr(hit.byte_begin, hit.byte_end - hit.byte_begin))
                 .set("span", span_json(hit.byte_begin, hit.byte_end)));
  }
  return out;
}

}  // namespace

Result<Json> check_draft(const DraftCheckRequest& request) {
  ZHIYIN_TRY(Json terms, terms_json(request));
  const auto checked = model::check_evidence(request.text, request.evidence, request.names);
  Json removed = Json::array();
  for (const auto& sentence : checked.removed)
    removed.push(Json().set("text", sentence.text).set("reason", sentence.reason));
  Json supported = Json::array();
  for (const auto& span : checked.spans) {
    supported.push(Json()
                       .set("span", span_json(span.begin, span.end))
                       .set("evidence", span.evidence)
                       .set("evidence_span", span_json(span.evidence_begin, span.evidence_end)));
  }
  std::string leak;
  if (!request.instructions.empty())
    leak = model::find_leak(request.text, request.instructions, request.evidence);
  Json out;
  out.set("text", checked.text).set("removed", std::move(removed));
  out.set("supported", std::move(supported)).set("personal", personal_json(request.text));
  out.set("terms", std::move(terms));
  return out.set("leak", leak.empty() ? Json() : Json(leak));
}

}  // namespace zhiyin::server
