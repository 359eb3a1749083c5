#include <fmt/format.h>

#include <algorithm>

#include "base/crypto.h"
#include "sandbox/account_state.h"

// The data cube. What people did is counted (figures.h); how articles were read and how the
// mini-program was visited is made up from the date and the audience, the same at every call.
namespace zhiyin::sandbox {
namespace {

using DayRange = std::pair<std::int64_t, std::int64_t>;

/// A number in [0, 1) that depends on the names only.
double chance(std::string_view name, std::int64_t day, std::uint64_t salt = 0) {
  return static_cast<double>(crypto::xxh64(fmt::format("{} {} {}", name, day, salt)) % 10'000) /
         10'000;
}

std::int64_t share_of(std::int64_t n, double share) {
  return static_cast<std::int64_t>(static_cast<double>(n) * share + 0.5);
}

/// The days of a report, or its error: 61501 unless they end yesterday at the latest and span at
/// most `span`; 61503 before yesterday's figures are ready.
std::expected<DayRange, int> days_of(const Call& call, std::int64_t span) {
  constexpr Duration kReadyAt = std::chrono::hours(8);
  const auto begin = day_number(call.text("begin_date"));
  const auto end = day_number(call.text("end_date"));
  if (!begin || !end) return std::unexpected(61500);
  const std::int64_t today = local_day(call.now, TimeZone::shanghai());
  if (*end < *begin || *end - *begin >= span || *end >= today) return std::unexpected(61501);
  const bool is_ready = call.now - day_start(today, TimeZone::shanghai()) >= kReadyAt;
  if (*end == today - 1 && !is_ready) return std::unexpected(61503);
  return DayRange{*begin, *end};
}

/// A report as `{list: [...]}`; `add` appends the rows of one day.
template <class Add>
Answer report(AccountState& account, const Call& call, std::int64_t span, Add add) {
  const auto days = days_of(call, span);
  if (!days) return account.refuse(days.error(), call.now);
  Json list = Json::array();
  for (std::int64_t day = days->first; day <= days->second; ++day) add(list, day);
  Json answer = Json::object();
  answer.set("list", std::move(list));
  return answer;
}

Json row_of(std::int64_t day) {
  Json row = Json::object();
  row.set("ref_date", date_text(day));
  return row;
}

Answer user_summary(AccountState& account, const Call& call) {
  return report(account, call, 7, [&](Json& list, std::int64_t day) {
    const DayFigures& figures = account.figures.on(day);
    auto sources = figures.followed;
    sources[0] += 0;  // who went is told under "other"
    for (const auto& [source, n] : sources) {
      const std::int64_t left = source == 0 ? figures.unfollowed : 0;
      if (n == 0 && left == 0) continue;
      Json row = row_of(day);
      row.set("user_source", source);
      row.set("new_user", n);
      row.set("cancel_user", left);
      list.push(std::move(row));
    }
  });
}

Answer user_cumulate(AccountState& account, const Call& call) {
  return report(account, call, 7, [&](Json& list, std::int64_t day) {
    Json row = row_of(day);
    row.set("user_source", 0);
    row.set("cumulate_user", account.figures.followers_after(day));
    list.push(std::move(row));
  });
}

/// How many of an article's audience read it on the `after`-th day.
std::int64_t readers(const ArticleState::Publication& publication, std::size_t index,
                     std::int64_t after) {
  constexpr std::int64_t kDaysRead = 7;
  if (after < 0 || after >= kDaysRead) return 0;
  const double first = 0.05 + 0.08 * chance(publication.article_id, 0, index);
  return share_of(static_cast<std::int64_t>(publication.audience),
                  first / static_cast<double>(1 << (2 * after)) / static_cast<double>(index + 1));
}

struct Reading {
  std::int64_t readers = 0, reads = 0, sharers = 0, shares = 0, keepers = 0, originals = 0;
};
Reading reading_of(std::int64_t readers) {
  return {readers,
          share_of(readers, 1.4),
          share_of(readers, 0.06),
          share_of(readers, 0.08),
          share_of(readers, 0.03),
          share_of(readers, 0.02)};
}
Json& add_reading(Json& row, const Reading& r) {
  row.set("int_page_read_user", r.readers);
  row.set("int_page_read_count", r.reads);
  row.set("ori_page_read_user", r.originals);
  row.set("ori_page_read_count", r.originals);
  row.set("share_user", r.sharers);
  row.set("share_count", r.shares);
  row.set("add_to_fav_user", r.keepers);
  row.set("add_to_fav_count", r.keepers);
  return row;
}

/// Calls `visit(publication, index, day of sending)` for each article that was sent or published.
template <class Visit>
void each_article(const AccountState& account, Visit visit) {
  for (const ArticleState::Publication& p : account.articles.publications) {
    if (p.status != 0) continue;
    const std::int64_t day = local_day(p.finished_at, TimeZone::shanghai());
    for (std::size_t i = 0; i < p.articles.size(); ++i) visit(p, i, day);
  }
}

/// What all articles together were read on a day.
Reading reading_on(const AccountState& account, std::int64_t day) {
  std::int64_t total = 0;
  each_article(account, [&](const auto& p, std::size_t i, std::int64_t sent) {
    total += readers(p, i, day - sent);
  });
  return reading_of(total);
}

std::string message_id(const ArticleState::Publication& publication, std::size_t index) {
  return fmt::format("{}_{}", publication.msg_data_id, index + 1);
}

Answer article_summary(AccountState& account, const Call& call) {
  return report(account, call, 1, [&](Json& list, std::int64_t day) {
    each_article(account, [&](const auto& p, std::size_t i, std::int64_t sent) {
      const std::int64_t n = readers(p, i, day - sent);
      if (n == 0) return;
      Json row = row_of(day);
      row.set("msgid", message_id(p, i));
      row.set("title", p.articles[i]["title"]);
      list.push(std::move(add_reading(row, reading_of(n))));
    });
  });
}

Answer article_total(AccountState& account, const Call& call) {
  const std::int64_t today = local_day(call.now, TimeZone::shanghai());
  return report(account, call, 1, [&](Json& list, std::int64_t day) {
    each_article(account, [&](const auto& p, std::size_t i, std::int64_t sent) {
      if (sent != day) return;
      Json details = Json::array();
      std::int64_t so_far = 0;
      for (std::int64_t after = 0; after < 7 && day + after < today; ++after) {
        so_far += readers(p, i, after);
        Json one = Json::object();
        one.set("stat_date", date_text(day + after));
        one.set("target_user", p.audience);
        details.push(std::move(add_reading(one, reading_of(so_far))));
      }
      Json row = row_of(day);
      row.set("msgid", message_id(p, i));
      row.set("title", p.articles[i]["title"]);
      row.set("url", p.articles[i]["url"]);
      row.set("details", std::move(details));
      list.push(std::move(row));
    });
  });
}

Json hour_row(std::int64_t day, std::size_t hour) {
  Json row = row_of(day);
  row.set("ref_hour", hour * 100);
  return row;
}

/// People read in the evening more than in the morning.
double share_of_hour(std::size_t hour) {
  constexpr double kByHour[24] = {1, 1, 0, 0, 0, 1, 3, 5, 6, 5, 4, 5,
                                  7, 6, 4, 4, 4, 5, 6, 7, 9, 9, 5, 3};
  return kByHour[hour] / 100;
}

Answer user_read(AccountState& account, const Call& call) {
  return report(account, call, 3, [&](Json& list, std::int64_t day) {
    const Reading all = reading_on(account, day);
    constexpr std::pair<int, double> kSources[] = {{0, 0.6}, {1, 0.15}, {2, 0.15}, {4, 0.1}};
    for (const auto& [source, share] : kSources) {
      Json row = row_of(day);
      row.set("user_source", source);
      list.push(std::move(add_reading(row, reading_of(share_of(all.readers, share)))));
    }
  });
}

Answer user_read_hour(AccountState& account, const Call& call) {
  return report(account, call, 1, [&](Json& list, std::int64_t day) {
    const Reading all = reading_on(account, day);
    for (std::size_t hour = 0; hour < 24; ++hour) {
      Json row = hour_row(day, hour);
      row.set("user_source", 0);
      list.push(
          std::move(add_reading(row, reading_of(share_of(all.readers, share_of_hour(hour))))));
    }
  });
}

void add_shares(Json& list, const Json& row, const Reading& reading) {
  constexpr std::pair<int, double> kScenes[] = {{1, 0.7}, {2, 0.2}, {255, 0.1}};
  for (const auto& [scene, share] : kScenes) {
    Json one = row;
    one.set("share_scene", scene);
    one.set("share_count", share_of(reading.shares, share));
    one.set("share_user", share_of(reading.sharers, share));
    list.push(std::move(one));
  }
}

Answer user_share(AccountState& account, const Call& call) {
  return report(account, call, 7, [&](Json& list, std::int64_t day) {
    add_shares(list, row_of(day), reading_on(account, day));
  });
}

Answer user_share_hour(AccountState& account, const Call& call) {
  return report(account, call, 1, [&](Json& list, std::int64_t day) {
    const Reading all = reading_on(account, day);
    for (std::size_t hour = 0; hour < 24; ++hour)
      add_shares(list, hour_row(day, hour), reading_of(share_of(all.readers, share_of_hour(hour))));
  });
}

// The newer set, for published and sent articles.
Json published_figures(std::int64_t n) {
  const Reading r = reading_of(n);
  Json figures = Json::object();
  figures.set("read_user", r.readers);
  Json sources = Json::array();
  constexpr std::pair<std::string_view, double> kSources[] = {
      {"公众号消息", 0.6}, {"聊天会话", 0.2}, {"朋友圈", 0.2}};
  for (const auto& [name, share] : kSources) {
    Json one = Json::object();
    one.set("user_count", share_of(n, share));
    one.set("scene_desc", name);
    sources.push(std::move(one));
  }
  figures.set("read_user_source", std::move(sources));
  figures.set("share_user", r.sharers);
  figures.set("zaikan_user", share_of(n, 0.01));
  figures.set("like_user", share_of(n, 0.02));
  figures.set("comment_count", share_of(n, 0.005));
  figures.set("collection_user", r.keepers);
  figures.set("redirect_ori_page_user", r.originals);
  figures.set("send_page_count", 1);
  return figures;
}

Answer with_delay(Answer answer) {
  if (answer.body.find("list") != nullptr) answer.body.set("is_delay", false);
  return answer;
}

Answer published(AccountState& account, const Call& call, bool only_shares) {
  return with_delay(report(account, call, 1, [&](Json& list, std::int64_t day) {
    each_article(account, [&](const auto& p, std::size_t i, std::int64_t sent) {
      const std::int64_t n = readers(p, i, day - sent);
      if (n == 0) return;
      Json detail = Json::object();
      if (only_shares) {
        detail.set("share_user", reading_of(n).sharers);
      } else {
        const Json all = published_figures(n);
        detail.set("read_user", all["read_user"]);
        detail.set("read_user_source", all["read_user_source"]);
      }
      Json row = row_of(day);
      row.set("msgid", message_id(p, i));
      row.set("detail", std::move(detail));
      list.push(std::move(row));
    });
  }));
}
Answer article_read(AccountState& account, const Call& call) {
  return published(account, call, false);
}
Answer article_share(AccountState& account, const Call& call) {
  return published(account, call, true);
}

Answer biz_summary(AccountState& account, const Call& call) {
  return with_delay(report(account, call, 30, [&](Json& list, std::int64_t day) {
    Json row = row_of(day);
    row.set("detail", published_figures(reading_on(account, day).readers));
    list.push(std::move(row));
  }));
}

Answer article_total_detail(AccountState& account, const Call& call) {
  const std::int64_t today = local_day(call.now, TimeZone::shanghai());
  return with_delay(report(account, call, 1, [&](Json& list, std::int64_t day) {
    each_article(account, [&](const auto& p, std::size_t i, std::int64_t sent) {
      if (sent != day) return;
      Json details = Json::array();
      for (std::int64_t after = 0; after < 7 && day + after < today; ++after) {
        const std::int64_t n = readers(p, i, after);
        Json one = published_figures(n);
        one.set("stat_date", date_text(day + after));
        one.set("praise_money", 0);
        one.set("read_subscribe_user", share_of(n, 0.01));
        const auto audience = static_cast<double>(std::max<std::size_t>(p.audience, 1));
        one.set("read_delivery_rate", static_cast<double>(n) / audience);
        one.set("read_finish_rate", 0.42);
        one.set("read_avg_activetime", 61.5);
        Json position = Json::object();
        position.set("position", 1);
        position.set("rate", 0.3);
        one.set("read_jump_position", Json(Json::Array{std::move(position)}));
        details.push(std::move(one));
      }
      Json row = row_of(day);
      row.set("msgid", message_id(p, i));
      row.set("publish_type", p.by_mass ? 1 : 0);
      row.set("title", p.articles[i]["title"]);
      row.set("content_url", p.articles[i]["url"]);
      row.set("detail_list", std::move(details));
      list.push(std::move(row));
    });
  }));
}

// Messages that people wrote: all of them are texts.
std::int64_t messages_on(const DayFigures& figures) {
  std::int64_t sum = 0;
  for (const std::int64_t n : figures.messages_by_hour) sum += n;
  return sum;
}

Json upstream_row(Json row, std::int64_t people, std::int64_t messages) {
  row.set("msg_type", 1);
  row.set("msg_user", people);
  row.set("msg_count", messages);
  return row;
}

Answer upstream(AccountState& account, const Call& call, std::int64_t span) {
  return report(account, call, span, [&](Json& list, std::int64_t day) {
    const DayFigures& figures = account.figures.on(day);
    if (figures.messages_by_person.empty()) return;
    list.push(
        upstream_row(row_of(day), std::ssize(figures.messages_by_person), messages_on(figures)));
  });
}
Answer upstream_day(AccountState& account, const Call& call) { return upstream(account, call, 7); }

Answer upstream_hour(AccountState& account, const Call& call) {
  return report(account, call, 1, [&](Json& list, std::int64_t day) {
    const DayFigures& figures = account.figures.on(day);
    for (std::size_t hour = 0; hour < 24; ++hour) {
      const std::int64_t n = figures.messages_by_hour[hour];
      if (n > 0) list.push(upstream_row(hour_row(day, hour), n, n));
    }
  });
}

/// The first day of the week (Monday) or of the month that holds the day.
std::int64_t period_start(std::int64_t day, bool is_month) {
  const CivilTime c = to_civil(day_start(day, TimeZone::shanghai()), TimeZone::shanghai());
  return is_month ? day - c.day + 1 : day - (c.weekday + 6) % 7;
}

/// People and their messages from the first to the last day.
std::map<std::size_t, std::int64_t> writers(const AccountState& account, DayRange days) {
  std::map<std::size_t, std::int64_t> people;
  for (std::int64_t day = days.first; day <= days.second; ++day) {
    for (const auto& [person, n] : account.figures.on(day).messages_by_person) people[person] += n;
  }
  return people;
}

/// Calls `add(list, first day, people)` for each week or month that the report touches.
template <class Add>
Answer periods(AccountState& account, const Call& call, bool is_month, Add add) {
  const auto days = days_of(call, 30);
  if (!days) return account.refuse(days.error(), call.now);
  Json list = Json::array();
  std::int64_t begin = days->first;
  while (begin <= days->second) {
    const std::int64_t start = period_start(begin, is_month);
    std::int64_t end = begin;
    while (end < days->second && period_start(end + 1, is_month) == start) ++end;
    const auto people = writers(account, {begin, end});
    if (!people.empty()) add(list, start, people);
    begin = end + 1;
  }
  Json answer = Json::object();
  answer.set("list", std::move(list));
  return answer;
}

void add_period(Json& list, std::int64_t start, const std::map<std::size_t, std::int64_t>& people) {
  std::int64_t sum = 0;
  for (const auto& [person, n] : people) sum += n;
  list.push(upstream_row(row_of(start), std::ssize(people), sum));
}
Answer upstream_week(AccountState& account, const Call& call) {
  return periods(account, call, false, add_period);
}
Answer upstream_month(AccountState& account, const Call& call) {
  return periods(account, call, true, add_period);
}

void add_distribution(Json& list, std::int64_t start,
                      const std::map<std::size_t, std::int64_t>& people) {
  std::map<int, std::int64_t> by_interval;
  for (const auto& [person, n] : people) ++by_interval[n <= 5 ? 1 : n <= 10 ? 2 : 3];
  for (const auto& [interval, n] : by_interval) {
    Json row = row_of(start);
    row.set("count_interval", interval);
    row.set("msg_user", n);
    list.push(std::move(row));
  }
}
Answer upstream_dist(AccountState& account, const Call& call) {
  return report(account, call, 15, [&](Json& list, std::int64_t day) {
    const auto& people = account.figures.on(day).messages_by_person;
    if (!people.empty()) add_distribution(list, day, people);
  });
}
Answer upstream_dist_week(AccountState& account, const Call& call) {
  return periods(account, call, false, add_distribution);
}
Answer upstream_dist_month(AccountState& account, const Call& call) {
  return periods(account, call, true, add_distribution);
}

Json interface_row(Json row, std::int64_t callbacks) {
  constexpr std::int64_t kTook = 12;  // milliseconds
  row.set("callback_count", callbacks);
  row.set("fail_count", 0);
  row.set("total_time_cost", callbacks * kTook);
  row.set("max_time_cost", callbacks == 0 ? 0 : 5 * kTook);
  return row;
}
Answer interface_day(AccountState& account, const Call& call) {
  return report(account, call, 30, [&](Json& list, std::int64_t day) {
    std::int64_t sum = 0;
    for (const std::int64_t n : account.figures.on(day).callbacks_by_hour) sum += n;
    list.push(interface_row(row_of(day), sum));
  });
}
Answer interface_hour(AccountState& account, const Call& call) {
  return report(account, call, 1, [&](Json& list, std::int64_t day) {
    const DayFigures& figures = account.figures.on(day);
    for (std::size_t hour = 0; hour < 24; ++hour)
      list.push(interface_row(hour_row(day, hour), figures.callbacks_by_hour[hour]));
  });
}

// Mini-programs. Dates are written without hyphens.

std::int64_t visitors(const AccountState& account, std::int64_t day) {
  const auto people = static_cast<std::int64_t>(account.people.list().size());
  return share_of(people, 0.1 + 0.05 * chance("visitors", day));
}

/// Whether the dates are a whole week from Monday, or a whole month.
bool is_whole(DayRange days, bool is_month) {
  if (period_start(days.first, is_month) != days.first) return false;
  const bool ends = period_start(days.second + 1, is_month) == days.second + 1;
  return ends && period_start(days.second, is_month) == days.first;
}

std::int64_t visitors_within(const AccountState& account, DayRange days) {
  std::int64_t sum = 0;
  for (std::int64_t day = days.first; day <= days.second; ++day) sum += visitors(account, day);
  return share_of(sum, days.first == days.second ? 1 : 0.6);  // some come twice
}

std::string period_text(DayRange days) {
  if (days.first == days.second) return date_text(days.first, true);
  const std::string first = date_text(days.first, true);
  const bool is_month = days.second - days.first > 7;
  return is_month ? first.substr(0, 6) : fmt::format("{}-{}", first, date_text(days.second, true));
}

Answer mini_summary(AccountState& account, const Call& call) {
  return report(account, call, 1, [&](Json& list, std::int64_t day) {
    Json row = Json::object();
    row.set("ref_date", date_text(day, true));
    row.set("visit_total", account.people.list().size());
    row.set("share_pv", share_of(visitors(account, day), 0.05));
    row.set("share_uv", share_of(visitors(account, day), 0.04));
    list.push(std::move(row));
  });
}

Json visits_row(const AccountState& account, DayRange days) {
  const std::int64_t people = visitors_within(account, days);
  Json row = Json::object();
  row.set("ref_date", period_text(days));
  row.set("session_cnt", share_of(people, 1.3));
  row.set("visit_pv", share_of(people, 4.2));
  row.set("visit_uv", people);
  row.set("visit_uv_new", share_of(people, 0.2));
  row.set("stay_time_uv", 96.5);
  row.set("stay_time_session", 74.2);
  row.set("visit_depth", 2.4);
  return row;
}

/// The dates of a report over a day, a week or a month.
enum class Period { kDay, kWeek, kMonth };
std::expected<DayRange, int> period_of(const Call& call, Period period) {
  const auto days = days_of(call, period == Period::kDay ? 1 : 31);
  if (!days || period == Period::kDay) return days;
  return is_whole(*days, period == Period::kMonth) ? days : std::unexpected(61501);
}

Answer visits(AccountState& account, const Call& call, Period period) {
  const auto days = period_of(call, period);
  if (!days) return account.refuse(days.error(), call.now);
  Json answer = Json::object();
  answer.set("list", Json(Json::Array{visits_row(account, *days)}));
  return answer;
}
Answer mini_visits(AccountState& a, const Call& c) { return visits(a, c, Period::kDay); }
Answer mini_visits_week(AccountState& a, const Call& c) { return visits(a, c, Period::kWeek); }
Answer mini_visits_month(AccountState& a, const Call& c) { return visits(a, c, Period::kMonth); }

Json key_value(std::int64_t key, std::int64_t value) {
  Json one = Json::object();
  one.set("key", key);
  one.set("value", value);
  return one;
}

Answer retained(AccountState& account, const Call& call, Period period) {
  const auto days = period_of(call, period);
  if (!days) return account.refuse(days.error(), call.now);
  constexpr std::int64_t kDays[] = {0, 1, 2, 3, 4, 5, 6, 7, 14, 30};
  const std::size_t keys = period == Period::kDay ? 10 : period == Period::kWeek ? 5 : 2;
  const std::int64_t today = local_day(call.now, TimeZone::shanghai());
  const std::int64_t length = days->second - days->first + 1;
  const std::int64_t people = visitors_within(account, *days);
  Json fresh = Json::array(), all = Json::array();
  for (std::size_t i = 0; i < keys; ++i) {
    if (days->second + kDays[i] * length >= today) break;  // has not come yet
    const double stay = i == 0 ? 1 : 0.3 / static_cast<double>(i);
    fresh.push(key_value(kDays[i], share_of(people, 0.2 * stay)));
    all.push(key_value(kDays[i], share_of(people, stay)));
  }
  Json answer = Json::object();
  answer.set("ref_date", period_text(*days));
  answer.set("visit_uv_new", std::move(fresh));
  answer.set("visit_uv", std::move(all));
  return answer;
}
Answer mini_retained(AccountState& a, const Call& c) { return retained(a, c, Period::kDay); }
Answer mini_retained_week(AccountState& a, const Call& c) { return retained(a, c, Period::kWeek); }
Answer mini_retained_month(AccountState& a, const Call& c) {
  return retained(a, c, Period::kMonth);
}

Answer mini_pages(AccountState& account, const Call& call) {
  Answer answer = report(account, call, 1, [&](Json& list, std::int64_t day) {
    constexpr std::pair<std::string_view, double> kPages[] = {
        {"pages/index/index", 1}, {"pages/item/item", 0.6}, {"pages/cart/cart", 0.2}};
    for (const auto& [path, share] : kPages) {
      const std::int64_t people = share_of(visitors(account, day), share);
      Json row = Json::object();
      row.set("page_path", path);
      row.set("page_visit_pv", share_of(people, 1.6));
      row.set("page_visit_uv", people);
      row.set("page_staytime_pv", 21.5);
      row.set("entrypage_pv", share_of(people, 0.5));
      row.set("exitpage_pv", share_of(people, 0.4));
      row.set("page_share_pv", share_of(people, 0.03));
      row.set("page_share_uv", share_of(people, 0.02));
      list.push(std::move(row));
    }
  });
  if (answer.body.find("list") != nullptr) answer.body.set("ref_date", call.body["begin_date"]);
  return answer;
}

Answer mini_distribution(AccountState& account, const Call& call) {
  Answer answer = report(account, call, 1, [&](Json& list, std::int64_t day) {
    const std::int64_t people = visitors(account, day);
    const auto add = [&](std::string_view name, std::initializer_list<double> shares) {
      Json items = Json::array();
      std::int64_t key = 1;
      for (const double share : shares) items.push(key_value(key++, share_of(people, share)));
      Json row = Json::object();
      row.set("index", name);
      row.set("item_list", std::move(items));
      list.push(std::move(row));
    };
    add("access_source_session_cnt", {0.4, 0.3, 0.2, 0.1});
    add("access_staytime_info", {0.2, 0.3, 0.3, 0.2});
    add("access_depth_info", {0.4, 0.3, 0.2, 0.1});
  });
  if (answer.body.find("list") != nullptr) answer.body.set("ref_date", call.body["begin_date"]);
  return answer;
}

Answer mini_portrait(AccountState& account, const Call& call) {
  const auto days = days_of(call, 30);
  if (!days) return account.refuse(days.error(), call.now);
  const std::int64_t length = days->second - days->first + 1;
  if (length != 1 && length != 7 && length != 30) return account.refuse(61501, call.now);
  const auto portrait = [&](std::int64_t people) {
    constexpr std::pair<std::string_view, std::pair<std::string_view, std::string_view>> kSides[] =
        {{"province", {"广东省", "浙江省"}}, {"city", {"深圳", "杭州"}},
         {"genders", {"女", "男"}},          {"platforms", {"Android", "iPhone"}},
         {"devices", {"其他", "iPhone 15"}}, {"ages", {"25-29岁", "30-39岁"}}};
    Json out = Json::object();
    for (const auto& [name, values] : kSides) {
      const auto item = [&](int id, std::string_view label, double share) {
        Json one = Json::object();
        one.set("id", id);
        one.set("name", label);
        one.set("value", share_of(people, share));
        return one;
      };
      out.set(name, Json(Json::Array{item(1, values.first, 0.6), item(2, values.second, 0.4)}));
    }
    return out;
  };
  const std::int64_t people = visitors_within(account, *days);
  Json answer = Json::object();
  answer.set("ref_date", period_text(*days));
  answer.set("visit_uv_new", portrait(share_of(people, 0.2)));
  answer.set("visit_uv", portrait(people));
  return answer;
}

}  // namespace

std::vector<Endpoint> insight_endpoints() {
  const std::string kReading =
      "int_page_read_user:n int_page_read_count:n ori_page_read_user:n ori_page_read_count:n "
      "share_user:n share_count:n add_to_fav_user:n add_to_fav_count:n";
  const std::string kReaders = "read_user:n read_user_source[]{user_count:n scene_desc}";
  const std::string kPublished =
      "read_user:n read_user_source[]{user_count:n scene_desc} share_user:n zaikan_user:n "
      "like_user:n comment_count:n collection_user:n redirect_ori_page_user:n send_page_count:n";
  const std::string kVisits =
      "session_cnt:n visit_pv:n visit_uv:n visit_uv_new:n stay_time_uv:d stay_time_session:d "
      "visit_depth:d";
  const std::string kRetained = "ref_date visit_uv_new[]{key:n value:n} visit_uv[]{key:n value:n}";
  const std::string kPeople =
      "province[]{id:n name value:n} city[]{id:n name value:n} genders[]{id:n name value:n} "
      "platforms[]{id:n name value:n} devices[]{id:n name value:n} ages[]{id:n name value:n}";
  const auto official = [](std::string_view path, std::string_view summary, Handler handler,
                           std::string answers) {
    return Endpoint{.method = "POST",
                    .path = path,
                    .summary = summary,
                    .handler = handler,
                    .answers = std::move(answers),
                    .fields = {date("begin_date", 61500), date("end_date", 61500)},
                    .access = kOfficialOnly | kVerified,
                    .errors = {61501, 61503}};
  };
  const auto mini = [](std::string_view path, std::string_view summary, Handler handler,
                       std::string answers) {
    return Endpoint{.method = "POST",
                    .path = path,
                    .summary = summary,
                    .handler = handler,
                    .answers = std::move(answers),
                    .fields = {day("begin_date", 61500), day("end_date", 61500)},
                    .access = kMiniOnly,
                    .errors = {61501, 61503}};
  };
  return {
      official("/datacube/getusersummary", "Who came and went by source; 7 days", user_summary,
               "list[]{ref_date user_source:n new_user:n cancel_user:n}"),
      official("/datacube/getusercumulate", "Followers by day; 7 days", user_cumulate,
               "list[]{ref_date user_source:n cumulate_user:n}"),
      official("/datacube/getarticlesummary", "Articles as they were read; 1 day", article_summary,
               "list[]{ref_date msgid title " + kReading + "}"),
      official(
          "/datacube/getarticletotal", "7 days of the articles sent on a day", article_total,
          "list[]{ref_date msgid title url details[]{stat_date target_user:n " + kReading + "}}"),
      official("/datacube/getuserread", "Reading by source; 3 days", user_read,
               "list[]{ref_date user_source:n " + kReading + "}"),
      official("/datacube/getuserreadhour", "Reading by hour; 1 day", user_read_hour,
               "list[]{ref_date ref_hour:n user_source:n " + kReading + "}"),
      official("/datacube/getusershare", "Sharing by place; 7 days", user_share,
               "list[]{ref_date share_scene:n share_count:n share_user:n}"),
      official("/datacube/getusersharehour", "Sharing by hour; 1 day", user_share_hour,
               "list[]{ref_date ref_hour:n share_scene:n share_count:n share_user:n}"),
      official("/datacube/getarticleread", "Readers of articles; 1 day", article_read,
               "list[]{ref_date msgid detail{" + kReaders + "}} is_delay:b"),
      official("/datacube/getarticleshare", "Who shared articles; 1 day", article_share,
               "list[]{ref_date msgid detail{share_user:n}} is_delay:b"),
      official("/datacube/getbizsummary", "All articles together; 30 days", biz_summary,
               "list[]{ref_date detail{" + kPublished + "}} is_delay:b"),
      official("/datacube/getarticletotaldetail", "7 days of the articles of a day",
               article_total_detail,
               "list[]{ref_date msgid publish_type:n title content_url detail_list[]{" +
                   kPublished +
                   " stat_date praise_money:n read_subscribe_user:n read_delivery_rate:d "
                   "read_finish_rate:d read_avg_activetime:d read_jump_position[]{position:n "
                   "rate:d}}} is_delay:b"),
      official("/datacube/getupstreammsg", "Messages of people; 7 days", upstream_day,
               "list[]{ref_date msg_type:n msg_user:n msg_count:n}"),
      official("/datacube/getupstreammsghour", "Messages by hour; 1 day", upstream_hour,
               "list[]{ref_date ref_hour:n msg_type:n msg_user:n msg_count:n}"),
      official("/datacube/getupstreammsgweek", "Messages by week; 30 days", upstream_week,
               "list[]{ref_date msg_type:n msg_user:n msg_count:n}"),
      official("/datacube/getupstreammsgmonth", "Messages by month; 30 days", upstream_month,
               "list[]{ref_date msg_type:n msg_user:n msg_count:n}"),
      official("/datacube/getupstreammsgdist", "People by messages; 15 days", upstream_dist,
               "list[]{ref_date count_interval:n msg_user:n}"),
      official("/datacube/getupstreammsgdistweek", "People by messages, by week; 30 days",
               upstream_dist_week, "list[]{ref_date count_interval:n msg_user:n}"),
      official("/datacube/getupstreammsgdistmonth", "People by messages, by month; 30 days",
               upstream_dist_month, "list[]{ref_date count_interval:n msg_user:n}"),
      official("/datacube/getinterfacesummary", "Callbacks by day; 30 days", interface_day,
               "list[]{ref_date callback_count:n fail_count:n total_time_cost:n max_time_cost:n}"),
      official("/datacube/getinterfacesummaryhour", "Callbacks by hour; 1 day", interface_hour,
               "list[]{ref_date ref_hour:n callback_count:n fail_count:n total_time_cost:n "
               "max_time_cost:n}"),
      mini("/datacube/getweanalysisappiddailysummarytrend", "Visits and shares; 1 day",
           mini_summary, "list[]{ref_date visit_total:n share_pv:n share_uv:n}"),
      mini("/datacube/getweanalysisappiddailyvisittrend", "Visits; 1 day", mini_visits,
           "list[]{ref_date " + kVisits + "}"),
      mini("/datacube/getweanalysisappidweeklyvisittrend", "Visits; Monday to Sunday",
           mini_visits_week, "list[]{ref_date " + kVisits + "}"),
      mini("/datacube/getweanalysisappidmonthlyvisittrend", "Visits; a whole month",
           mini_visits_month, "list[]{ref_date " + kVisits + "}"),
      mini("/datacube/getweanalysisappiddailyretaininfo", "Who came again; 1 day", mini_retained,
           kRetained),
      mini("/datacube/getweanalysisappidweeklyretaininfo", "Who came again; a week",
           mini_retained_week, kRetained),
      mini("/datacube/getweanalysisappidmonthlyretaininfo", "Who came again; a month",
           mini_retained_month, kRetained),
      mini("/datacube/getweanalysisappidvisitpage", "Pages; 1 day", mini_pages,
           "list[]{page_path page_visit_pv:n page_visit_uv:n page_staytime_pv:d entrypage_pv:n "
           "exitpage_pv:n page_share_pv:n page_share_uv:n} ref_date"),
      mini("/datacube/getweanalysisappidvisitdistribution", "Sources, times, depths; 1 day",
           mini_distribution, "list[]{index item_list[]{key:n value:n}} ref_date"),
      mini("/datacube/getweanalysisappiduserportrait", "Who visits; 1, 7 or 30 days", mini_portrait,
           "ref_date visit_uv_new{" + kPeople + "} visit_uv{" + kPeople + "}"),
  };
}

}  // namespace zhiyin::sandbox
