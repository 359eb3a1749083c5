#include "model/generate/chat_service.h"
#include "model/generate/counted_generator.h"
#include "server/draft_check.h"
#include "server/routes.h"

namespace zhiyin::server {
namespace {

Json body_schema() {
  return *parse_json(
      R"({"type":"object","required":["messages"],"properties":{)"
      R"("model":{"type":"string"},"messages":{"type":"array","items":{"type":"object"}},)"
      R"("tools":{"type":"array","items":{"type":"object"}},"tool_choice":{},)"
      R"("response_format":{"type":"object"},"max_tokens":{"type":"integer"},)"
      R"("max_completion_tokens":{"type":"integer"},"temperature":{"type":"number"},)"
      R"("top_p":{"type":"number"},"seed":{"type":"integer"},"stop":{},"stream":{"type":"boolean"},)"
      R"("stream_options":{"type":"object"},"purpose":{"type":"string"},"user":{"type":"string"},)"
      R"("guard":{"type":"object","properties":{"evidence":{"type":"array","items":{"type":"string"}},)"
      R"("names":{"type":"array","items":{"type":"string"}}}}}})");
}

/// Of `https://user:word@host:1/v1`: `host:1`. What else is in it may be nobody's business.
std::string_view host_of(std::string_view url) {
  if (const auto at = url.find("://"); at != url.npos) url.remove_prefix(at + 3);
  url = url.substr(0, url.find_first_of("/?#"));
  if (const auto at = url.rfind('@'); at != url.npos) url.remove_prefix(at + 1);
  return url;
}

Json endpoints_json(const Options& options) {
  Json out = Json::array();
  for (const std::string_view which : {"", "second_"}) {
    const std::string url = options.text(fmt::format("generate.{}url", which));
    if (url.empty()) continue;
    out.push(Json()
                 .set("host", host_of(url))
                 .set("model", options.text(fmt::format("generate.{}model", which))));
  }
  return out;
}

/// The generator in use, as it was configured and as it fares.
Json generator_json(const Options& options, const model::CountedGenerator& generator, Json spend) {
  const std::string backend = options.text("generate.backend");
  Json out = Json().set("backend", backend).set("name", generator.name());
  // Only this back end is replaced when it cannot be loaded.
  out.set("instead", backend == "gguf" && generator.name() == "grounded");
  out.set("endpoints", backend == "openai" ? endpoints_json(options) : Json::array());
  if (backend == "gguf")
    out.set("file", std::filesystem::path(options.text("generate.gguf")).filename().string());
  out.set("limits", Json()
                        .set("tokens_a_day", options.integer("generate.tokens_a_day"))
                        .set("fen_a_day", options.integer("generate.fen_a_day"))
                        .set("budgets", options.text("generate.budgets"))
                        .set("at_once", options.integer("generate.workers")));
  out.set("spend_today", std::move(spend));
  return out.set("since_start", generator.report());
}

}  // namespace

void add_chat_routes(Api& api, ThreadPool& pool, Services& services) {
  // Shared by the two routes, of which one counts and one tells.
  const auto generator =
      std::make_shared<model::CountedGenerator>(services.generator, services.clock);
  api.refuse_as_openai("/v1/chat/completions");
  api.route_streaming(
      "POST", "/v1/chat/completions", Role::kAnalyst,
      "A chat completion in the OpenAI shape, by the configured generator; streamed when asked for",
      pool,
      [&services, generator](http::Request& request, const Caller&, const http::Reply& reply) {
        const auto timeout = std::chrono::duration_cast<std::chrono::milliseconds>(
            services.options.duration("generate.timeout"));
        model::complete_chat(*generator, request, reply, timeout, services.clock.now());
      },
      2 << 20, body_schema());
  api.route(
      "GET", "/v1/generators", Role::kAnalyst,
      "The configured generator, and how its texts over HTTP fared since the start",
      [&services, generator](http::Request&, const Caller&) -> ApiResult {
        Json spend = services.spend.report(services.clock.now());
        return http::Response::json(Json().set(
            "items", Json::Array{generator_json(services.options, *generator, std::move(spend))}));
      });
  api.route_with<DraftCheckRequest>(
      "POST", "/v1/generators/check", Role::kAnalyst,
      "What the guard finds in a text: statements without evidence, personal data, instructions",
      [](DraftCheckRequest request, http::Request&, const Caller&) -> ApiResult {
        ZHIYIN_TRY(const Json found, check_draft(request));
        return http::Response::json(found);
      });
}

}  // namespace zhiyin::server
