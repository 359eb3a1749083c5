#include "http/streaming.h"

#include <memory>
#include <utility>

#include "http/await.h"

namespace zhiyin::http {
namespace {

using Done = std::move_only_function<void(Response)>;

void run(const std::function<void(Request&, const Reply&)>& handler, Request& request, Done done) {
  const Reply reply = [&done](Response response) {
    if (done) std::exchange(done, {})(std::move(response));
  };
  handler(request, reply);
  reply(Response::problem({ErrorCode::kInternal, "the server made a mistake", {}}));
}

}  // namespace

void add_streaming(Router& router, std::string_view method, std::string_view pattern,
                   ThreadPool& pool, std::function<void(Request&, const Reply&)> handler,
                   std::size_t body_max) {
  // Shared with the work under way, which may outlive the router.
  auto shared =
      std::make_shared<const std::function<void(Request&, const Reply&)>>(std::move(handler));
  auto start_work = [&pool, shared](Request& request) -> Task<Response> {
    // A named start, moved: g++ 12 destroys temporaries in a co_await twice.
    std::move_only_function<void(Done)> start = [&pool, &shared, &request](Done done) {
      auto told = std::make_shared<Done>(std::move(done));
      auto own = std::make_shared<Request>(std::move(request));  // it outlives the reply
      const bool taken =
          pool.try_submit([shared, own, told] { run(*shared, *own, std::move(*told)); });
      if (!taken) {
        (*told)(Response::problem(
            {ErrorCode::kUnavailable, "server: too many requests are waiting; try again", {}}));
      }
    };
    co_return co_await from_callback<Response>(std::move(start));
  };
  router.add(method, pattern, std::move(start_work), body_max);
}

}  // namespace zhiyin::http
