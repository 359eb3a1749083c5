#pragma once

namespace boost::asio {

class any_io_executor;
template <typename T, typename Executor>
class awaitable;

}  // namespace boost::asio

namespace zhiyin::http {

/// A coroutine of the network layer; the one third-party type that our headers show. It is only
/// named here: a file that awaits one, or is one, includes http/await.h.
template <class T>
using Task = boost::asio::awaitable<T, boost::asio::any_io_executor>;

}  // namespace zhiyin::http
