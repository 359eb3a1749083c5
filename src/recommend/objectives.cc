#include "recommend/objectives.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <vector>

namespace zhiyin::recommend {
namespace {

constexpr std::array<std::string_view, kResponses> kNames = {
    "read", "finish", "like", "share", "follow", "buy", "unfollow", "hide"};

struct KindOfEvent {
  std::string_view kind;
  Response response;
};
constexpr KindOfEvent kKinds[] = {{"read", Response::kRead},
                                  {"click", Response::kRead},
                                  {"view", Response::kRead},
                                  {"play", Response::kRead},
                                  {"finish", Response::kFinish},
                                  {"complete", Response::kFinish},
                                  {"course_finish", Response::kFinish},
                                  {"play_finish", Response::kFinish},
                                  {"like", Response::kLike},
                                  {"favorite", Response::kLike},
                                  {"comment", Response::kLike},
                                  {"share", Response::kShare},
                                  {"follow", Response::kFollow},
                                  {"purchase", Response::kBuy},
                                  {"unfollow", Response::kUnfollow},
                                  {"hide", Response::kHide},
                                  {"dislike", Response::kHide},
                                  {"not_interested", Response::kHide}};

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view kBlanks = " \t";
  const std::size_t begin = text.find_first_not_of(kBlanks);
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(kBlanks) - begin + 1);
}

Result<double> weight_of(std::string_view name, std::string_view text) {
  constexpr double kMost = 1000;
  double out = 0;
  const auto read = std::from_chars(text.data(), text.data() + text.size(), out);
  if (read.ec != std::errc() || read.ptr != text.data() + text.size() || !(std::abs(out) <= kMost))
    return fail_field("objectives", "the weight of {} is '{}', expected -1000 to 1000", name,
                      text.substr(0, 40));
  return out;
}

}  // namespace

std::string_view response_name(Response response) {
  return kNames[static_cast<std::size_t>(response)];
}

std::optional<Response> response_named(std::string_view name) {
  const auto found = std::ranges::find(kNames, name);
  if (found == kNames.end()) return std::nullopt;
  return static_cast<Response>(found - kNames.begin());
}

std::optional<Response> response_of(std::string_view event_kind) {
  const auto found = std::ranges::find(kKinds, event_kind, &KindOfEvent::kind);
  if (found != std::end(kKinds)) return found->response;
  return std::nullopt;
}

std::vector<std::string_view> item_response_kinds() {
  std::vector<std::string_view> out;
  for (const KindOfEvent& one : kKinds) {
    if (!is_of_account(one.response)) out.push_back(one.kind);
  }
  return out;
}

std::vector<std::string> response_kinds() {
  std::vector<std::string> out;
  for (const KindOfEvent& one : kKinds) out.emplace_back(one.kind);
  return out;
}

bool is_of_account(Response response) {
  return response == Response::kFollow || response == Response::kUnfollow;
}

Result<Objectives> Objectives::parse(std::string_view text) {
  if (trimmed(text).empty()) return Objectives();
  Objectives out;
  out.weights.fill(0);
  std::array<bool, kResponses> given{};
  while (!text.empty()) {
    const std::size_t end = std::min(text.find(','), text.size());
    const std::string_view part = trimmed(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
    const std::size_t equals = part.find('=');
    const std::string_view name = trimmed(part.substr(0, equals));
    const auto response = response_named(name);
    if (equals == std::string_view::npos || !response)
      return fail_field("objectives", "'{}' is not RESPONSE=WEIGHT with one of {}",
                        part.substr(0, 60), fmt::join(kNames, ", "));
    const auto at = static_cast<std::size_t>(*response);
    if (std::exchange(given[at], true)) return fail_field("objectives", "{} is given twice", name);
    ZHIYIN_TRY(out.weights[at], weight_of(name, trimmed(part.substr(equals + 1))));
  }
  if (std::ranges::all_of(out.weights, [](double w) { return w == 0; }))
    return fail_field("objectives", "all weights are 0");
  return out;
}

std::string Objectives::text() const {
  std::vector<std::string> parts;
  for (std::size_t i = 0; i < kResponses; ++i) {
    if (weights[i] != 0) parts.push_back(fmt::format("{}={}", kNames[i], weights[i]));
  }
  return fmt::format("{}", fmt::join(parts, ", "));
}

}  // namespace zhiyin::recommend
