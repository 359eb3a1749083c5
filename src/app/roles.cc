#include "app/roles.h"

#include <algorithm>

#include "base/utf8.h"

namespace zhiyin::app {
namespace {

constexpr std::string_view kRoles[] = {"intake", "workers", "console"};
constexpr int kMisdirected = 421;

/// What everybody on the web may send to, and what programs send events to.
constexpr std::string_view kIntakePatterns[] = {"/v1/events",
                                                "/v1/collect",
                                                "/v1/pixel.gif",
                                                "/zhiyin.js",
                                                "/zhiyin-mini.js",
                                                "/l/{code}",
                                                "/wechat/{account}",
                                                "/v1/identify",
                                                "/v1/track",
                                                "/v1/page",
                                                "/v1/screen",
                                                "/v1/group",
                                                "/v1/alias",
                                                "/v1/batch",
                                                "/v1/import",
                                                "/v1/i",
                                                "/v1/t",
                                                "/v1/p",
                                                "/v1/s",
                                                "/v1/g",
                                                "/v1/a",
                                                "/v1/b",
                                                "/v1/pixel/{call}",
                                                "/beacon/v1/batch"};
constexpr std::string_view kEverywhere[] = {"/healthz", "/readyz", "/metrics", "/openapi.json"};

std::vector<std::string> words_of(std::string_view text) {
  std::vector<std::string> out;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find(','), text.size());
    std::string_view word = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    while (word.starts_with(' ')) word.remove_prefix(1);
    while (word.ends_with(' ')) word.remove_suffix(1);
    if (!word.empty()) out.emplace_back(word);
  }
  return out;
}

}  // namespace

Result<void> Roles::check(std::string_view text) {
  const auto words = words_of(text);
  for (const std::string& word : words) {
    if (std::ranges::find(kRoles, word) != std::end(kRoles)) continue;
    return fail_field("server.roles", "'{}' is not one of intake, workers, console",
                      utf8::truncate(word, 40));
  }
  if (words.empty()) return fail_field("server.roles", "names none of intake, workers, console");
  return {};
}

Roles::Roles(std::string_view text) : roles_(words_of(text)) {}

bool Roles::has(std::string_view role) const {
  return std::ranges::find(roles_, role) != roles_.end();
}

std::string_view Roles::of_route(std::string_view, std::string_view pattern) {
  if (std::ranges::find(kEverywhere, pattern) != std::end(kEverywhere)) return {};
  if (std::ranges::find(kIntakePatterns, pattern) != std::end(kIntakePatterns)) return "intake";
  return "console";
}

std::optional<http::Response> Roles::refuse(std::string_view method,
                                            std::string_view pattern) const {
  const std::string_view role = of_route(method, pattern);
  if (role.empty() || has(role)) return std::nullopt;
  return http::Response::problem(
      {ErrorCode::kNotFound,
       fmt::format("this process does not serve {} (server.roles); ask one with the role {}",
                   pattern, role),
       {}},
      kMisdirected);
}

}  // namespace zhiyin::app
