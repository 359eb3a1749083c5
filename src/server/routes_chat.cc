#include "model/generate/chat_service.h"
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
      R"("stream_options":{"type":"object"},"purpose":{"type":"string"},"user":{"type":"string"}}})");
}

}  // namespace

void add_chat_routes(Api& api, ThreadPool& pool, Services& services) {
  api.route_streaming(
      "POST", "/v1/chat/completions", Role::kAnalyst,
      "A chat completion in the OpenAI shape, by the configured generator; streamed when asked for",
      pool,
      [&services](http::Request& request, const Caller&, const http::Reply& reply) {
        const auto timeout = std::chrono::duration_cast<std::chrono::milliseconds>(
            services.options.duration("generate.timeout"));
        model::complete_chat(services.generator, request, reply, timeout, services.clock.now());
      },
      2 << 20, body_schema());
}

}  // namespace zhiyin::server
