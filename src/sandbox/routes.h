#pragma once

#include "base/thread_pool.h"
#include "http/server.h"
#include "sandbox/simulation.h"

namespace zhiyin::sandbox {

/// Everything that the sandbox answers: the platform's interface below /cgi-bin/, its own below
/// /sandbox/, and the shop's pages. Whatever waits for the server runs on `pool`. Both must outlive
/// the router.
http::Router make_router(Simulation& simulation, ThreadPool& pool);

}  // namespace zhiyin::sandbox
