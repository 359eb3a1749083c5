// Vectors and analyses of texts.
#include "model/serve/embedding_wire.h"
#include "server/routes.h"
#include "server/text_analysis.h"
#include "server/text_duplicates.h"

namespace zhiyin::server {
namespace {

namespace wire = model::embedding_wire;

constexpr std::size_t kBodyBytesMax = 8 << 20;

Result<Json> embeddings(Language& language, const http::Request& request, const Caller& caller) {
  ZHIYIN_TRY(const Json body, parse_json(request.body));
  ZHIYIN_TRY(const auto* const encoder, language.encoder());
  ZHIYIN_TRY(const wire::Asked asked, wire::parse(body, encoder->width()));
  Language::Vectors vectors;
  if (asked.texts.empty()) {
    ZHIYIN_TRY(vectors, language.encode_rows(asked.rows, caller.name));
  } else {
    const std::vector<std::string_view> texts(asked.texts.begin(), asked.texts.end());
    const Language::EncodeHow how{
        .caller = caller.name, .prefix = asked.prefix, .tokens_max = 0, .truncate = asked.truncate};
    ZHIYIN_TRY(vectors, language.encode(texts, how));
  }
  return wire::answer(asked, vectors.values, encoder->width(), vectors.tokens,
                      language.encoder_name());
}

Json embeddings_schema() {
  return *parse_json(
      R"({"type":"object","required":["input"],"properties":{)"
      R"("input":{"description":"a text, texts, tokens or lists of tokens"},)"
      R"("model":{"type":"string"},"encoding_format":{"enum":["float","base64"]},)"
      R"("dimensions":{"type":"integer"},"user":{"type":"string"},)"
      R"("prefix":{"enum":["query","passage","none"]},"truncate":{"type":"boolean"}}})");
}

ApiResult analyze_texts(Language& language, const http::Request& request, const Caller& caller) {
  ZHIYIN_TRY(const Json body, parse_json(request.body));
  ZHIYIN_TRY(const auto asked, from_json<AnalyzeRequest>(body));
  ZHIYIN_TRY(const Json found, analyze(language, asked, caller.name));
  return http::Response::json(found);
}

}  // namespace

void add_language_routes(Api& api, ThreadPool& pool, Services& s) {
  Language& language = s.language;
  api.route(
      "POST", "/v1/embeddings", of_account(Role::kAnalyst),
      "Vectors of texts in the OpenAI shape, by the installed encoder",
      [&language](http::Request& request, const Caller& caller) -> ApiResult {
        const auto answer = embeddings(language, request, caller);
        if (answer) return http::Response::json(*answer);
        return http::Response::json(wire::error(answer.error()),
                                    http::status_of(answer.error().code));
      },
      kBodyBytesMax, embeddings_schema(), true, &pool);
  api.route(
      "POST", "/v1/analyze", of_account(Role::kAnalyst),
      "Language, classes, keywords, entities and masked form of texts",
      [&language](http::Request& request, const Caller& caller) {
        return analyze_texts(language, request, caller);
      },
      kBodyBytesMax, json_schema<AnalyzeRequest>(), true, &pool);
  api.route(
      "POST", "/v1/duplicates", of_account(Role::kAnalyst),
      "Which of some texts are nearly the same",
      [](http::Request& request, const Caller&) -> ApiResult {
        ZHIYIN_TRY(const Json body, parse_json(request.body));
        ZHIYIN_TRY(const auto asked, from_json<DuplicatesRequest>(body));
        return http::Response::json(find_duplicates(asked));
      },
      kBodyBytesMax, json_schema<DuplicatesRequest>(), true, &pool);
  api.route("POST", "/v1/models/{id}/shadow", Role::kOperator,
            "Let a stored classifier answer beside the active one, and count agreement",
            [&s](http::Request& r, const Caller&) -> ApiResult {
              ZHIYIN_TRY_VOID(s.language.start_shadow(r.path_parameters["id"]));
              return http::Response::json(Json().set("shadow", r.path_parameters["id"]));
            });
  api.route("GET", "/v1/models/{id}/shadow", Role::kAnalyst,
            "How far a name's shadow agrees with its active version",
            [&s](http::Request& r, const Caller&) -> ApiResult {
              ZHIYIN_TRY(const Json report, s.language.shadow_report(r.path_parameters["id"]));
              return http::Response::json(report);
            });
  api.route("GET", "/v1/models/{id}/drift", Role::kAnalyst,
            "How far the texts that a name classified are from those it has learnt from; window: "
            "last, or days as 7d",
            [&s](http::Request& r, const Caller&) -> ApiResult {
              ZHIYIN_TRY(const auto window, DriftWindow::parse(r.query_or("window", "7d")));
              ZHIYIN_TRY(const Json report, s.drift.report(r.path_parameters["id"], window));
              return http::Response::json(report);
            });
  api.route("DELETE", "/v1/models/{id}/shadow", Role::kOperator, "End a name's shadow",
            [&s](http::Request& r, const Caller&) -> ApiResult {
              s.language.stop_shadow(r.path_parameters["id"]);
              return http::Response::json(Json().set("name", r.path_parameters["id"]));
            });
}

}  // namespace zhiyin::server
