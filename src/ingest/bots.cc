#include "ingest/bots.h"

#include <algorithm>
#include <string>
#include <vector>

#include "base/check.h"

namespace zhiyin::ingest {
namespace detail {
std::string_view bot_list();  // made from bots.txt
}
namespace {

constexpr std::pair<Agent, std::string_view> kNames[] = {
    {Agent::kReader, "reader"},     {Agent::kCrawler, "crawler"}, {Agent::kPreview, "preview"},
    {Agent::kHeadless, "headless"}, {Agent::kMonitor, "monitor"}, {Agent::kLibrary, "library"},
    {Agent::kPrefetch, "prefetch"}};
constexpr std::size_t kUserAgentBytesMax = 1024;  // what is looked at

struct Rule {
  Agent agent;
  std::string_view text;
};

std::string_view trimmed(std::string_view s) {
  const std::size_t begin = s.find_first_not_of(' ');
  if (begin == std::string_view::npos) return {};
  return s.substr(begin, s.find_last_not_of(' ') - begin + 1);
}

const std::vector<Rule>& rules() {
  static const std::vector<Rule> list = [] {
    std::vector<Rule> out;
    for (std::string_view rest = detail::bot_list(); !rest.empty();) {
      const std::size_t end = std::min(rest.find('\n'), rest.size());
      const std::string_view line = rest.substr(0, end);
      rest.remove_prefix(std::min(end + 1, rest.size()));
      if (line.empty() || line[0] == '#') continue;
      const std::size_t first = line.find('|');
      const std::size_t second = line.find('|', first + 1);
      ZHIYIN_CHECK(second != std::string_view::npos);
      const std::string_view category = trimmed(line.substr(0, first));
      const auto* name =
          std::ranges::find(kNames, category, &std::pair<Agent, std::string_view>::second);
      ZHIYIN_CHECK(name != std::end(kNames));
      out.push_back({name->first, trimmed(line.substr(first + 1, second - first - 1))});
    }
    return out;
  }();
  return list;
}

std::string lower(std::string_view text) {
  std::string out(text.substr(0, kUserAgentBytesMax));
  for (char& c : out) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c + 32);
  }
  return out;
}

}  // namespace

Agent agent_of(std::string_view user_agent) {
  if (user_agent.empty()) return Agent::kReader;
  const std::string text = lower(user_agent);
  for (const Rule& rule : rules()) {
    if (text.find(rule.text) != std::string::npos) return rule.agent;
  }
  return Agent::kReader;
}

std::string_view agent_name(Agent agent) {
  return std::ranges::find(kNames, agent, &std::pair<Agent, std::string_view>::first)->second;
}

Agent browser_agent_of(const FetchHints& hints) {
  const std::string purpose = lower(hints.purpose);
  for (const std::string_view word : {"prefetch", "prerender", "preview"}) {
    if (purpose.find(word) != std::string::npos) return Agent::kPrefetch;
  }
  return agent_of(hints.user_agent);
}

}  // namespace zhiyin::ingest
