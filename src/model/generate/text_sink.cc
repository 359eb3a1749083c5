#include "model/generate/text_sink.h"

#include "model/generate/json_schema.h"

namespace zhiyin::model {

bool TextSink::feed(std::string_view bytes) {
  if (cancelled_ || stop_.stopped()) return false;
  if (request_.cancel.stop_requested()) {
    cancelled_ = true;
    return false;
  }
  return show(stop_.feed(assembler_.feed(bytes)));
}

bool TextSink::show(std::string piece) {
  if (!piece.empty()) {
    text_ += piece;
    if (on_text_ && !on_text_(piece)) cancelled_ = true;
  }
  return !cancelled_ && !stop_.stopped();
}

Generation TextSink::finish(FinishReason natural) {
  cut_ = assembler_.finish();
  if (!stop_.stopped() && !cancelled_) show(stop_.finish());
  Generation generation;
  generation.text = text_;
  generation.bad_bytes = assembler_.bad_bytes();
  generation.finish = natural;
  if (stop_.stopped()) generation.finish = FinishReason::kStop;
  if (cancelled_ || request_.cancel.stop_requested()) generation.finish = FinishReason::kCancelled;
  return generation;
}

Result<void> check_format(const GenerateRequest& request, const Generation& generation) {
  if (generation.finish == FinishReason::kCancelled) return {};
  for (const ToolCall& call : generation.tool_calls) {
    if (!parse_json(call.arguments.empty() ? "{}" : call.arguments)) {
      return fail(ErrorCode::kDataLoss, "answer: the arguments for '{}' are no JSON", call.name);
    }
  }
  const bool is_free = request.format.kind == OutputFormat::Kind::kText ||
                       !generation.tool_calls.empty() || !generation.refusal.empty();
  if (is_free) return {};
  const auto json = parse_json(generation.text);
  if (!json) {
    return fail(
        ErrorCode::kDataLoss, "answer: is no JSON{}",
        generation.finish == FinishReason::kLength ? ": it was cut at the limit of tokens" : "");
  }
  JsonSchema schema = JsonSchema::any_object();
  if (request.format.kind == OutputFormat::Kind::kJsonSchema) {
    ZHIYIN_TRY(schema, JsonSchema::parse(request.format.schema));
  }
  if (const auto good = schema.validate(*json); !good) {
    return fail(ErrorCode::kDataLoss, "answer: not of the schema: {}", good.error().text());
  }
  return {};
}

}  // namespace zhiyin::model
