// Vectors and analyses of texts.
#include <charconv>
#include <fstream>

#include "http/body_stream.h"
#include "model/serve/embedding_wire.h"
#include "server/routes.h"
#include "server/text_analysis.h"
#include "server/text_duplicates.h"
#include "server/text_similarity.h"

namespace zhiyin::server {
namespace {

namespace wire = model::embedding_wire;

constexpr std::size_t kBodyBytesMax = 8 << 20;
constexpr std::size_t kFileBytesMax = 512 << 20;

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

std::vector<std::string> split(std::string_view list) {
  std::vector<std::string> out;
  while (!list.empty()) {
    const std::size_t end = std::min(list.find(','), list.size());
    if (end > 0) out.emplace_back(list.substr(0, end));
    list.remove_prefix(std::min(end + 1, list.size()));
  }
  return out;
}

Result<AnalysisFile> file_in(const http::Request& r) {
  Json asked = Json().set("name", r.query_or("name", ""));
  for (const char* name : {"column", "id"})
    if (const auto given = r.query.find(name); given != r.query.end())
      asked.set(name, given->second);
  if (const auto given = r.query.find("tasks"); given != r.query.end()) {
    Json tasks = Json::array();
    for (std::string& task : split(given->second)) tasks.push(std::move(task));
    asked.set("tasks", std::move(tasks));
  }
  if (const auto given = r.query.find("keywords"); given != r.query.end()) {
    const std::string& text = given->second;
    std::int64_t n = 0;
    const auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), n);
    if (ec != std::errc() || end != text.data() + text.size())
      return fail_field("keywords", "'{}' is no number", text.substr(0, 40));
    asked.set("keywords", n);
  }
  return from_json<AnalysisFile>(asked);
}

/// A file as the body of an answer, in pieces.
void send_file(const std::filesystem::path& path, const http::Reply& reply) {
  std::ifstream in(path, std::ios::binary);
  http::Response response;
  response.content_type = "application/x-ndjson; charset=utf-8";
  response.headers.emplace_back("Content-Disposition", "attachment; filename=\"result.jsonl\"");
  const auto stream = std::make_shared<http::BodyStream>();
  response.stream = stream;
  reply(std::move(response));
  constexpr std::size_t kPiece = 128 << 10;
  std::string piece;
  do {
    piece.resize(kPiece);
    in.read(piece.data(), static_cast<std::streamsize>(piece.size()));
    piece.resize(static_cast<std::size_t>(in.gcount()));
    if (!piece.empty() && !stream->write(std::move(piece))) return;
    piece = {};
  } while (in);
  return in.eof() ? stream->end() : stream->cut();
}

/// Analyses of files, as runs. They may hold personal data: what is in them is for operators.
void add_file_routes(Api& api, ThreadPool& pool, Services& s) {
  s.analysis_files.resume();
  api.route(
      "POST", "/v1/analyze/files", Role::kOperator,
      "Analyse a file of texts (the body) in a run; name, column, id, tasks and keywords in the "
      "query",
      [&s](http::Request& r, const Caller&) -> ApiResult {
        ZHIYIN_TRY(const AnalysisFile file, file_in(r));
        ZHIYIN_TRY(const RunId run, s.analysis_files.start(file, r.body));
        return http::Response::json(Json().set("run", run.value), 202);
      },
      kFileBytesMax, {}, true, &pool);
  api.route("GET", "/v1/analyze/files", Role::kAnalyst, "Analyses of files that are kept",
            [&s](http::Request&, const Caller&) -> ApiResult {
              ZHIYIN_TRY(const Json list, s.analysis_files.list());
              return http::Response::json(list);
            });
  api.route("DELETE", "/v1/analyze/files/{run}", Role::kOperator,
            "Remove the result of an analysis of a file",
            [&s](http::Request& r, const Caller&) -> ApiResult {
              ZHIYIN_TRY_VOID(s.analysis_files.remove(RunId(r.path_parameters["run"])));
              return http::Response::json(Json().set("run", r.path_parameters["run"]));
            });
  api.route_streaming("GET", "/v1/analyze/files/{run}/result.jsonl", Role::kOperator,
                      "The result of an analysis of a file, one JSON line for each row", pool,
                      [&s](http::Request& r, const Caller& caller, const http::Reply& reply) {
                        const auto path = s.analysis_files.result(RunId(r.path_parameters["run"]));
                        // Data that leaves in bulk.
                        (void)s.audit.record(caller.name, "GET " + r.path, path ? 200 : 404,
                                             path ? "" : path.error().text());
                        if (!path) return reply(http::Response::problem(path.error()));
                        send_file(*path, reply);
                      },
                      0, {});
}

/// A route about an index whose body is bound to `Body`.
template <class Body>
void index_route(Api& api, ThreadPool& pool, DuplicateIndexes& indexes, Role role,
                 std::string_view pattern, std::string_view summary,
                 Result<Json> (*work)(DuplicateIndexes&, std::string_view, const Body&)) {
  api.route(
      "POST", pattern, role, summary,
      [&indexes, work](http::Request& request, const Caller&) -> ApiResult {
        ZHIYIN_TRY(const Json body, parse_json(request.body));
        ZHIYIN_TRY(const auto asked, from_json<Body>(body));
        ZHIYIN_TRY(const Json answer, work(indexes, request.path_parameters["name"], asked));
        return http::Response::json(answer);
      },
      kBodyBytesMax, json_schema<Body>(), true, &pool);
}

Result<Json> forget_in_index(DuplicateIndexes& indexes, std::string_view name,
                             const ForgetTextsRequest& request) {
  ZHIYIN_TRY(const std::int64_t removed, indexes.forget(name, request.ids));
  return Json().set("removed", removed);
}

/// Indexes of near-duplicates that stay. What they hold is the installation's, not an account's.
void add_index_routes(Api& api, ThreadPool& pool, DuplicateIndexes& indexes) {
  api.route("GET", "/v1/duplicates/indexes", Role::kAnalyst, "Indexes of near-duplicates",
            [&indexes](http::Request&, const Caller&) -> ApiResult {
              ZHIYIN_TRY(const Json list, indexes.list());
              return http::Response::json(list);
            });
  api.route_with<CreateIndexRequest>(
      "POST", "/v1/duplicates/indexes", Role::kOperator, "Make an index of near-duplicates",
      [&indexes](const CreateIndexRequest& asked, http::Request&, const Caller&) -> ApiResult {
        ZHIYIN_TRY(const Json made, indexes.create(asked.name));
        return http::Response::json(made, 201);
      });
  api.route("GET", "/v1/duplicates/indexes/{name}", Role::kAnalyst, "One index",
            [&indexes](http::Request& r, const Caller&) -> ApiResult {
              ZHIYIN_TRY(const Json one, indexes.get(r.path_parameters["name"]));
              return http::Response::json(one);
            });
  api.route("DELETE", "/v1/duplicates/indexes/{name}", Role::kOperator,
            "Remove an index and what it knows of its texts",
            [&indexes](http::Request& r, const Caller&) -> ApiResult {
              ZHIYIN_TRY_VOID(indexes.remove(r.path_parameters["name"]));
              return http::Response::json(Json().set("name", r.path_parameters["name"]));
            });
  index_route<AddTextsRequest>(api, pool, indexes, Role::kOperator,
                               "/v1/duplicates/indexes/{name}/texts",
                               "Add texts to an index, and say what is near them", add_to_index);
  index_route<FindTextsRequest>(api, pool, indexes, Role::kAnalyst,
                                "/v1/duplicates/indexes/{name}/search",
                                "Which texts of an index are nearly the same", find_in_index);
  index_route<ForgetTextsRequest>(api, pool, indexes, Role::kOperator,
                                  "/v1/duplicates/indexes/{name}/forget",
                                  "Take texts out of an index", forget_in_index);
}

}  // namespace

void add_language_routes(Api& api, ThreadPool& pool, Services& s) {
  Language& language = s.language;
  api.refuse_as_openai("/v1/embeddings");
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
  add_file_routes(api, pool, s);
  add_index_routes(api, pool, s.duplicates);
  api.route(
      "POST", "/v1/similarity", of_account(Role::kAnalyst),
      "Whether the two texts of each pair mean the same",
      // Shared with nobody: handlers are copied.
      [&language, models = std::make_shared<PairModels>(s.models)](
          http::Request& request, const Caller& caller) -> ApiResult {
        ZHIYIN_TRY(const Json body, parse_json(request.body));
        ZHIYIN_TRY(const auto asked, from_json<SimilarityRequest>(body));
        ZHIYIN_TRY(const Json found, similarities(language, *models, asked, caller.name));
        return http::Response::json(found);
      },
      kBodyBytesMax, json_schema<SimilarityRequest>(), true, &pool);
  api.route(
      "POST", "/v1/models/{id}/shadow", Role::kOperator,
      "Let a stored model of texts or pairs answer beside the active one, and count agreement",
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
