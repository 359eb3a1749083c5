#include "server/draft_check.h"

#include "model/generate/evidence_check.h"
#include "text/personal_data.h"

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

}  // namespace

Json check_draft(const DraftCheckRequest& request) {
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
  return out.set("leak", leak.empty() ? Json() : Json(leak));
}

}  // namespace zhiyin::server
