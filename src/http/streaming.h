#pragma once

#include <functional>
#include <string_view>

#include "base/thread_pool.h"
#include "http/server.h"

namespace zhiyin::http {

/// Answers a request, once; later calls do nothing. Who answered may go on writing to the answer's
/// stream.
using Reply = std::function<void(Response)>;

/// A handler that runs on `pool` and replies while it may still be making the body (body_stream.h);
/// returning without a reply: 500. 503 when the pool is full. `pool` must outlive the router's
/// server.
void add_streaming(Router& router, std::string_view method, std::string_view pattern,
                   ThreadPool& pool, std::function<void(Request&, const Reply&)> handler,
                   std::size_t body_max = 1 << 20);

}  // namespace zhiyin::http
