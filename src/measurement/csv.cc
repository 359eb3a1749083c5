#include <algorithm>

#include "delivery/touch.h"
#include "measurement/report.h"

namespace zhiyin::measurement {

using delivery::Touch;
using delivery::TouchState;

namespace {

constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";
constexpr std::size_t kPage = 5000;

/// RFC 4180; a text that a spreadsheet would run as a formula is kept from that by an apostrophe.
std::string cell(std::string_view text) {
  std::string plain(text);
  if (!plain.empty() &&
      std::string_view("=+-@\t\r").find(plain.front()) != std::string_view::npos) {
    plain.insert(plain.begin(), '\'');
  }
  if (plain.find_first_of(",\"\r\n") == std::string::npos) return plain;
  std::string out = "\"";
  for (const char c : plain) {
    if (c == '"') out.push_back('"');
    out.push_back(c);
  }
  return out + "\"";
}

void line(std::string& out, std::string_view section, std::string_view name,
          std::string_view value) {
  out += fmt::format("{},{},{}\r\n", cell(section), cell(name), value);
}

void count_line(std::string& out, std::string_view section, std::string_view name, std::int64_t n) {
  line(out, section, name, std::to_string(n));
}

std::string number(double value) {
  std::string out;
  append_json_number(out, value);
  return out;
}

void effect_lines(std::string& out, const Effect& e) {
  line(out, "effect", "metric", cell(e.metric));
  count_line(out, "effect", "treated_n", e.treated.n);
  line(out, "effect", "treated_mean", number(e.treated.mean));
  count_line(out, "effect", "control_n", e.control.n);
  line(out, "effect", "control_mean", number(e.control.mean));
  if (e.refused) line(out, "effect", "refused", cell(*e.refused));
  if (!e.estimate) return;
  line(out, "effect", "estimate", number(*e.estimate));
  line(out, "effect", "se", number(*e.se));
  line(out, "effect", "interval_low", number((*e.interval)[0]));
  line(out, "effect", "interval_high", number((*e.interval)[1]));
  line(out, "effect", "p", number(*e.p));
  line(out, "effect", "dof", number(*e.dof));
}

std::string time_or_empty(const std::optional<Instant>& t) {
  return t ? format_time(*t, TimeZone::shanghai()) : std::string();
}

void touch_line(std::string& out, const Touch& t) {
  const std::string rule(t.rule == delivery::Rule::kNone ? "" : enum_name(t.rule));
  out += fmt::format("{},{},{},{},{},{},{},{},{}\r\n", cell(t.id.value), cell(t.person.value),
                     enum_name(t.channel), enum_name(t.state), rule,
                     format_time(t.decided_at, TimeZone::shanghai()), time_or_empty(t.sent_at),
                     time_or_empty(t.clicked_at), cell(t.error));
}

}  // namespace

std::string report_csv(const Report& report) {
  std::string out(kByteOrderMark);
  out += "section,name,value\r\n";
  line(out, "report", "campaign", cell(report.campaign.value));
  line(out, "report", "as_of", format_time(report.as_of, TimeZone::shanghai()));
  const Funnel& f = report.funnel;
  count_line(out, "funnel", "audience", f.audience);
  count_line(out, "funnel", "eligible", f.eligible);
  count_line(out, "funnel", "held_out", f.held_out);
  for (const RuleCount& r : f.refused) count_line(out, "refused", r.rule, r.count);
  count_line(out, "funnel", "planned", f.planned);
  count_line(out, "funnel", "sent", f.sent);
  count_line(out, "funnel", "failed", f.failed);
  count_line(out, "funnel", "unknown", f.unknown);
  count_line(out, "funnel", "cancelled", f.cancelled);
  if (f.delivered.count) count_line(out, "funnel", "delivered", *f.delivered.count);
  count_line(out, "funnel", "clicked", f.clicked);
  count_line(out, "funnel", "link_visits", f.link_visits);
  count_line(out, "funnel", "converted", f.converted);
  if (report.effect) effect_lines(out, *report.effect);
  line(out, "words", "zh", cell(report.words.zh));
  line(out, "words", "en", cell(report.words.en));
  for (const DailyCount& d : report.daily) {
    count_line(out, "sent", d.day, d.sent);
    count_line(out, "clicked", d.day, d.clicked);
    count_line(out, "converted", d.day, d.converted);
  }
  return out;
}

Result<std::string> touches_csv(storage::State& state, const CampaignId& campaign) {
  std::string out(kByteOrderMark);
  out += "touch,person,channel,state,rule,decided_at,sent_at,clicked_at,error\r\n";
  ZHIYIN_TRY_VOID(state.read([&](storage::Session& session) -> Result<void> {
    for (const auto& [touch_state, name] : EnumNames<TouchState>::list) {
      std::string after;
      while (true) {
        ZHIYIN_TRY(const std::vector<Touch> page,
                   delivery::SendLedger::list(session, campaign, touch_state, after, kPage));
        if (page.empty()) break;
        after = page.back().id.value;
        for (const Touch& touch : page) touch_line(out, touch);
      }
    }
    return {};
  }));
  return out;
}

}  // namespace zhiyin::measurement
