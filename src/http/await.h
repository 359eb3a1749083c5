#pragma once

#include <boost/asio/associated_executor.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <functional>
#include <utility>

#include "http/task.h"

namespace zhiyin::http {

/// Waits for a callback: `start` is called with a `done` that must be called exactly once, from any
/// thread; the coroutine goes on where it was, with that value. Include in .cc files only.
template <class T>
Task<T> from_callback(std::move_only_function<void(std::move_only_function<void(T)>)> start) {
  namespace asio = boost::asio;
  co_return co_await asio::async_initiate<const asio::use_awaitable_t<>&, void(T)>(
      [](auto handler, std::move_only_function<void(std::move_only_function<void(T)>)> begin) {
        auto executor = asio::get_associated_executor(handler);
        auto guard = asio::make_work_guard(executor);
        begin([h = std::move(handler), executor, g = std::move(guard)](T value) mutable {
          asio::post(executor, [h2 = std::move(h), v = std::move(value)]() mutable {
            std::move(h2)(std::move(v));
          });
        });
      },
      asio::use_awaitable, std::move(start));
}

}  // namespace zhiyin::http
