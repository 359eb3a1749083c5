#include <algorithm>

#include "http/await.h"
#include "http/server.h"

namespace zhiyin::http {
namespace {

using Parts = std::vector<std::string_view>;

/// Pieces of `path`, which they must not outlive.
Parts split_path(std::string_view path) {
  constexpr std::size_t kPartsUsual = 8;
  Parts parts;
  parts.reserve(kPartsUsual);
  while (!path.empty()) {
    path.remove_prefix(1);  // the slash
    const std::size_t end = std::min(path.find('/'), path.size());
    parts.emplace_back(path.substr(0, end));
    path.remove_prefix(end);
  }
  return parts;
}

bool is_parameter(std::string_view part) { return part.starts_with('{') && part.ends_with('}'); }
bool is_rest(std::string_view part) { return is_parameter(part) && part.ends_with("...}"); }

bool matches(const Router::Route& route, const Parts& path) {
  for (std::size_t i = 0; i < route.parts.size(); ++i) {
    if (is_rest(route.parts[i])) return true;
    if (i >= path.size()) return false;
    if (!is_parameter(route.parts[i]) && route.parts[i] != path[i]) return false;
    if (is_parameter(route.parts[i]) && path[i].empty()) return false;
  }
  return route.parts.size() == path.size();
}

/// What the first two parts have to be for a route that has such; else empty.
template <class Texts>
std::string head_of(const Texts& parts) {
  if (parts.size() < 2 || is_parameter(parts[0]) || is_parameter(parts[1])) return {};
  std::string out;
  out.reserve(parts[0].size() + 1 + parts[1].size());
  return out.append(parts[0]).append(1, '/').append(parts[1]);
}

void fill_parameters(const Router::Route& route, const Parts& path, Request& request) {
  for (std::size_t i = 0; i < route.parts.size(); ++i) {
    const std::string& part = route.parts[i];
    if (!is_parameter(part)) continue;
    if (!is_rest(part)) {
      request.path_parameters[part.substr(1, part.size() - 2)] = path[i];
      continue;
    }
    std::string rest;
    for (std::size_t j = i; j < path.size(); ++j) {
      if (j > i) rest += '/';
      rest += path[j];
    }
    request.path_parameters[part.substr(1, part.size() - 5)] = rest;
  }
}

}  // namespace

void Router::add(std::string_view method, std::string_view pattern, Handler handler,
                 std::size_t body_max) {
  const Parts parts = split_path(pattern);
  by_head_[head_of(parts)].push_back(routes_.size());
  routes_.push_back({std::string(method), std::string(pattern),
                     std::vector<std::string>(parts.begin(), parts.end()), std::move(handler),
                     body_max});
}

void Router::add_blocking(std::string_view method, std::string_view pattern, ThreadPool& pool,
                          std::function<Response(Request&)> handler, std::size_t body_max,
                          Quick quick) {
  auto run = [&pool, handler = std::move(handler)](Request& request) -> Task<Response> {
    // A named start, moved: g++ 12 destroys temporaries in a co_await twice.
    std::move_only_function<void(std::move_only_function<void(Response)>)> start =
        [&pool, &handler, &request](std::move_only_function<void(Response)> done) {
          auto shared = std::make_shared<std::move_only_function<void(Response)>>(std::move(done));
          const bool taken =
              pool.try_submit([shared, &handler, &request] { (*shared)(handler(request)); });
          if (!taken) {
            (*shared)(Response::problem(
                {ErrorCode::kUnavailable, "server: too many requests are waiting; try again", {}}));
          }
        };
    co_return co_await from_callback<Response>(std::move(start));
  };
  add(method, pattern, std::move(run), body_max);
  routes_.back().quick = std::move(quick);
}

void Router::form_problems(std::string_view path, ProblemForm form) {
  problem_forms_.insert_or_assign(std::string(path), std::move(form));
}

const ProblemForm* Router::problem_form(std::string_view path) const {
  const auto found = problem_forms_.find(path);
  return found == problem_forms_.end() ? nullptr : &found->second;
}

std::expected<const Router::Route*, Response> Router::find(Request& request) const {
  const Parts path = split_path(request.path);
  const std::string head = head_of(path);
  const auto of_any = by_head_.find("");
  std::vector<std::size_t> numbers;
  if (of_any != by_head_.end()) numbers = of_any->second;
  if (const auto own = by_head_.find(head); own != by_head_.end() && own != of_any)
    numbers.insert(numbers.end(), own->second.begin(), own->second.end());
  std::ranges::sort(numbers);  // the first that was added and fits answers
  std::string allowed;
  const std::string_view method =
      request.method == "HEAD" ? "GET" : std::string_view(request.method);
  for (const std::size_t number : numbers) {
    const Route& route = routes_[number];
    if (!matches(route, path)) continue;
    if (route.method == method) {
      fill_parameters(route, path, request);
      return &route;
    }
    if (is_rest(route.parts.back()))
      continue;  // a page for whatever is asked for makes nothing else exist
    allowed += (allowed.empty() ? "" : ", ") + route.method;
  }
  if (allowed.empty()) {
    return std::unexpected(Response::problem(
        {ErrorCode::kNotFound, fmt::format("no such path: {}", request.path.substr(0, 200)), {}}));
  }
  Response response =
      Response::problem({ErrorCode::kInvalidArgument,
                         fmt::format("{} is not possible here, only {}", request.method, allowed),
                         {}},
                        405);
  response.headers.emplace_back("Allow", allowed);
  return std::unexpected(std::move(response));
}

}  // namespace zhiyin::http
