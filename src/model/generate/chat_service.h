#pragma once

#include <chrono>

#include "base/time.h"
#include "http/streaming.h"
#include "model/generate/generator.h"

namespace zhiyin::model {

/// Answers one request in the OpenAI shape by `generator`: whole, or as an event stream whose first
/// piece is the HTTP answer, so that what fails before it has a status of its own; later an error
/// is an event. Ends the text when the client has gone. Returns when all is written; `reply` is
/// called once. `timeout` bounds the text, `now` stamps the answer.
void complete_chat(Generator& generator, const http::Request& request, const http::Reply& reply,
                   std::chrono::milliseconds timeout, Instant now);

}  // namespace zhiyin::model
