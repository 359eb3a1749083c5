// Long work: imports, trainings, models, and the runs that carry them.
#include <set>

#include "base/file.h"
#include "base/random.h"
#include "base/utf8.h"
#include "ingest/import.h"
#include "ingest/mapping.h"
#include "server/jobs.h"
#include "server/model_catalogue.h"
#include "server/ranker_job.h"
#include "server/recommend_job.h"
#include "server/routes.h"

namespace zhiyin::server {
namespace {

namespace fs = std::filesystem;
constexpr std::size_t kUploadMax = 512 << 20;

// The name alone, short enough to show. Its endings stay, because the format follows from them
// (`.csv.gz`).
std::string safe_name(std::string_view name) {
  constexpr std::size_t kNameMax = 120;
  constexpr std::size_t kEndingMax = 10;
  const std::size_t slash = name.find_last_of("/\\");
  name = name.substr(slash == std::string_view::npos ? 0 : slash + 1);
  if (name.size() <= kNameMax) return std::string(name);
  std::size_t ending = name.size();
  for (int endings = 0; endings < 2; ++endings) {
    const std::size_t dot = name.substr(0, ending).rfind('.');
    if (dot == std::string_view::npos || ending - dot > kEndingMax) break;
    ending = dot;
  }
  const std::string_view kept = name.substr(ending);
  return std::string(utf8::truncate(name.substr(0, ending), kNameMax - kept.size())) +
         std::string(kept);
}

fs::path upload_folder(const Services& s) {
  return fs::path(s.options.text("data_dir")) / "uploads";
}

// A run that was cut off with its server is not taken up again, so nobody will read what it left
// behind.
void drop_left_uploads(const Services& s) {
  std::error_code ec;
  std::int64_t files = 0;
  for (fs::directory_iterator at(upload_folder(s), ec), end; !ec && at != end; at.increment(ec)) {
    std::error_code ignored;
    if (fs::remove(at->path(), ignored)) ++files;
  }
  if (files > 0)
    s.logger.info("imports", "removed the uploads that an earlier server left behind",
                  {{"files", files}});
}

ApiResult upload(Services& s, http::Request& r) {
  ImportJob job;
  job.file_name = safe_name(r.query_or("name", "upload.csv"));
  job.mapping = r.query_or("mapping", "");
  job.account = r.query_or("account", "");
  const std::string_view people = r.query_or("rows_are_people", "false");
  if (people != "true" && people != "false")
    return fail_field("rows_are_people", "expected true or false");
  job.rows_are_people = people == "true";
  const fs::path folder = upload_folder(s);
  std::error_code ec;
  fs::create_directories(folder, ec);
  job.path = folder / uuid_v7(SystemClock().now());
  ZHIYIN_TRY_VOID(write_file(job.path, r.body, 0600));
  ZHIYIN_TRY(const RunId run, s.runs.start("import", job.file_name, [&s, job](RunContext& context) {
    auto outcome = import_file(s, job, context);
    std::error_code ignored;
    fs::remove(job.path, ignored);
    return outcome;
  }));
  return http::Response::json(Json().set("run", run.value), 202);
}

ApiResult report_html(Services& s, http::Request& r) {
  ZHIYIN_TRY(const Json run, s.runs.get(RunId(r.path_parameters["run"])));
  const Json* result = run.find("result");
  if (result == nullptr || result->is_null())
    return fail(ErrorCode::kNotFound, "import: the run has no report yet");
  ZHIYIN_TRY(const auto report, from_json<ingest::ImportReport>(*result));
  http::Response response =
      http::Response::text(ingest::to_html(report.quality), "text/html; charset=utf-8");
  response.headers.emplace_back("Content-Security-Policy",
                                "default-src 'none'; style-src 'unsafe-inline'");
  return response;
}

Json model_json(const model::ModelRecord& record) {
  Json one;
  one.set("id", record.id).set("kind", record.kind).set("version", record.version);
  one.set("trained_at", to_json(record.created_at))
      .set("window", record.window)
      .set("settings", record.settings);
  one.set("metrics", record.metrics).set("checksum", record.checksum).set("active", record.active);
  // Only these are learnt here; others come as files.
  const bool trained =
      record.kind == "response" || record.kind == "recommend" || record.kind == "ranker";
  return one.set("source", trained ? "trained" : "installed");
}

/// What runs beside the active version of any of these models.
Json shadows_json(Language& language, const std::vector<model::ModelRecord>& records) {
  Json out = Json::array();
  std::set<std::string_view> seen;
  for (const auto& record : records) {
    if (!seen.insert(record.kind).second) continue;
    if (auto report = language.shadow_report(record.kind)) out.push(std::move(*report));
  }
  return out;
}

constexpr std::int64_t kMicros = 1'000'000;

/// Of the OpenAI shape; `created`: seconds since 1970.
Json openai_model(std::string_view id, Instant created) {
  return Json()
      .set("id", id)
      .set("object", "model")
      .set("created", created.us / kMicros)
      .set("owned_by", "zhiyin");
}

/// What clients of the OpenAI shape can ask here: who writes texts and who makes vectors.
Json served_models(Services& s, Instant since) {
  Json out = Json::array();
  out.push(openai_model(s.generator.name(), since).set("path", "/v1/chat/completions"));
  if (s.language.encoder())
    out.push(openai_model(s.language.encoder_name(), since).set("path", "/v1/embeddings"));
  return out;
}

/// One of these, a version, the active version of a name, or what comes with the program.
ApiResult one_model(Services& s, ModelCatalogue& catalogue, Instant since, std::string_view id) {
  const Json served = served_models(s, since);
  for (const Json& one : *served.if_array()) {
    if (one["id"].string_or("") == id) return http::Response::json(one);
  }
  auto record = s.models.find(id);
  if (!record && record.error().code == ErrorCode::kNotFound) {
    ZHIYIN_TRY(auto active, s.models.active(id));
    if (active) record = std::move(*active);
  }
  if (record) {
    Json out = openai_model(record->id, record->created_at);
    const Json ours = model_json(*record);
    for (const auto& [name, value] : *ours.if_object()) out.set(name, value);
    return http::Response::json(out);
  }
  const Json shipped = catalogue.shipped();
  for (const Json& one : *shipped.if_array()) {
    if (one["id"].string_or("") != id && one["kind"].string_or("") != id) continue;
    Json out = openai_model(one["id"].string_or(""), since);
    for (const auto& [name, value] : *one.if_object()) out.set(name, value);
    return http::Response::json(out);
  }
  return std::unexpected(record.error());
}

ApiResult list_models(Services& s, ModelCatalogue& catalogue, Instant since, http::Request& r) {
  const std::string_view with = r.query_or("with", "");
  if (!with.empty() && with != "all") return fail_field("with", "is not 'all'");
  ZHIYIN_TRY(const auto records, s.models.list(r.query_or("kind", "")));
  Json items = Json::array();
  for (const auto& record : records) items.push(model_json(record));
  Json out = Json().set("items", std::move(items)).set("next", Json());
  if (r.query_or("kind", "").empty())
    out.set("object", "list").set("data", served_models(s, since));
  if (with == "all") {
    ZHIYIN_TRY(Json alerts, s.drift.alerts());
    out.set("shipped", catalogue.shipped())
        .set("encoder", catalogue.encoder())
        .set("shadows", shadows_json(s.language, records))
        .set("drift_alerts", std::move(alerts));
  }
  return http::Response::json(out);
}

ApiResult store(Services& s, http::Request& r) {
  const std::string_view name = r.query_or("name", "");
  if (name.empty() || name.size() > 64)
    return fail_field("name", "give the mapping a name of 1 to 64 bytes in the query");
  ZHIYIN_TRY_VOID(ingest::parse_mapping(r.body, name));
  ZHIYIN_TRY_VOID(store_mapping(s.state, name, r.body));
  return http::Response::json(Json().set("name", name), 201);
}

/// A job whose settings are all optional: without a body with the usual ones.
template <class Job>
Result<Job> job_of(const http::Request& r) {
  ZHIYIN_TRY(const Json json, parse_json(r.body.empty() ? "{}" : r.body));
  return from_json<Job>(json);
}

/// Jobs with nothing to check beyond their field list.
Result<void> check(const TrainResponseJob&) { return {}; }

template <class Job>
ApiResult train(Services& s, const http::Request& r, std::string_view kind,
                Result<Json> (*work)(Services&, const Job&, RunContext&)) {
  ZHIYIN_TRY(const Job job, job_of<Job>(r));
  ZHIYIN_TRY_VOID(check(job));
  ZHIYIN_TRY(const RunId run,
             s.runs.start(kind, "", [&s, job, work](RunContext& c) { return work(s, job, c); }));
  return http::Response::json(Json().set("run", run.value), 202);
}

}  // namespace

void add_run_routes(Api& api, Services& s) {
  drop_left_uploads(s);
  api.route("GET", "/v1/runs", Role::kAnalyst, "Runs, newest first",
            [&s](http::Request& r, const Caller&) -> ApiResult {
              ZHIYIN_TRY(const std::size_t limit, list_limit(r));
              ZHIYIN_TRY(const Json runs, s.runs.list(limit, r.query_or("after", "")));
              return http::Response::json(runs);
            });
  api.route("GET", "/v1/runs/{id}", of_account(Role::kAnalyst), "One run with its result",
            [&s](http::Request& r, const Caller&) -> ApiResult {
              ZHIYIN_TRY(const Json run, s.runs.get(RunId(r.path_parameters["id"])));
              return http::Response::json(run);
            });
  api.route("POST", "/v1/runs/{id}/cancel", Role::kOperator, "Stop a run",
            [&s](http::Request& r, const Caller&) -> ApiResult {
              ZHIYIN_TRY_VOID(s.runs.cancel(RunId(r.path_parameters["id"])));
              return http::Response::json(Json::object(), 202);
            });
  api.route(
      "POST", "/v1/imports", Role::kOperator,
      "Import a file (the body); name, mapping, account and rows_are_people in the query",
      [&s](http::Request& r, const Caller&) { return upload(s, r); }, kUploadMax);
  api.route("GET", "/v1/imports/mappings", Role::kAnalyst, "Names of mappings",
            [&s](http::Request&, const Caller&) -> ApiResult {
              ZHIYIN_TRY(const Json mappings, list_mappings(s.state));
              return http::Response::json(mappings);
            });
  api.route(
      "POST", "/v1/imports/mappings", Role::kOperator,
      "Store a mapping (TOML body, name in the query)",
      [&s](http::Request& r, const Caller&) { return store(s, r); }, ingest::kMappingBytesMax);
  api.route("GET", "/v1/imports/{run}/report.html", Role::kAnalyst, "Data-quality report as a page",
            [&s](http::Request& r, const Caller&) { return report_html(s, r); });
  constexpr std::size_t kJobBytesMax = 64 << 10;
  api.route(
      "POST", "/v1/train/response", Role::kOperator,
      "Train the response model (a run); the body may be absent",
      [&s](http::Request& r, const Caller&) {
        return train<TrainResponseJob>(s, r, "train response", train_response_model);
      },
      kJobBytesMax, json_schema<TrainResponseJob>(), false);
  api.route(
      "POST", "/v1/train/recommend", Role::kOperator,
      "Train the recommender (a run); the body may be absent",
      [&s](http::Request& r, const Caller&) {
        return train<TrainRecommendJob>(s, r, "train recommend", train_recommend_model);
      },
      kJobBytesMax, json_schema<TrainRecommendJob>(), false);
  api.route(
      "POST", "/v1/train/ranker", Role::kOperator,
      "Train the ranker on what was shown (a run); the body may be absent",
      [&s](http::Request& r, const Caller&) {
        return train<TrainRankerJob>(s, r, "train ranker", train_ranker_model);
      },
      kJobBytesMax, json_schema<TrainRankerJob>(), false);
  const auto catalogue = std::make_shared<ModelCatalogue>(s.language);
  const Instant since = s.clock.now();
  api.route(
      "GET", "/v1/models", of_account(Role::kAnalyst),
      "Versions of models; data: who answers chat completions and embeddings, as OpenAI's clients "
      "read it; with=all: what comes with the program, the encoder and shadows too",
      [&s, catalogue, since](http::Request& r, const Caller&) {
        return list_models(s, *catalogue, since, r);
      });
  api.route("GET", "/v1/models/{id}", of_account(Role::kAnalyst),
            "A version, the active one of a name, or what answers chat completions and embeddings",
            [&s, catalogue, since](http::Request& r, const Caller&) {
              return one_model(s, *catalogue, since, r.path_parameters["id"]);
            });
  // Endpoints' models have names like Qwen/Qwen2.5-7B-Instruct.
  api.route("GET", "/v1/models/{owner}/{name}", of_account(Role::kAnalyst),
            "The same of a name with a slash",
            [&s, catalogue, since](http::Request& r, const Caller&) {
              return one_model(s, *catalogue, since,
                               r.path_parameters["owner"] + "/" + r.path_parameters["name"]);
            });
  api.route("POST", "/v1/models/{id}/activate", Role::kOperator, "Make a version the active one",
            [&s](http::Request& r, const Caller&) -> ApiResult {
              ZHIYIN_TRY(const auto record,
                         s.models.activate(r.path_parameters["id"], s.clock.now()));
              s.recommendations.forget_model();
              return http::Response::json(model_json(record));
            });
  api.route("POST", "/v1/models/{id}/rollback", Role::kOperator,
            "Make the version active that was so before the present one; the path names the kind",
            [&s](http::Request& r, const Caller&) -> ApiResult {
              ZHIYIN_TRY(const auto record,
                         s.models.rollback(r.path_parameters["id"], s.clock.now()));
              s.recommendations.forget_model();
              return http::Response::json(model_json(record));
            });
}

}  // namespace zhiyin::server
