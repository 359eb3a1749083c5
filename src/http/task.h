#pragma once

#include <boost/asio/awaitable.hpp>

namespace zhiyin::http {

/// A coroutine of the network layer; the one third-party type that our headers show.
template <class T>
using Task = boost::asio::awaitable<T>;

}  // namespace zhiyin::http
