#include "sandbox/quota.h"

namespace zhiyin::sandbox {
namespace {

constexpr int kClearsPerMonth = 10;

/// The path under which a path is counted.
std::string_view counted_as(std::string_view path) {
  if (path == "/cgi-bin/message/mass/sendall") return "/cgi-bin/message/mass/send";
  if (path == "/cgi-bin/user/info/batchget") return "/cgi-bin/user/info";
  if (path == "/cgi-bin/tags/members/batchuntagging") return "/cgi-bin/tags/members/batchtagging";
  return path;
}

}  // namespace

std::map<std::string, std::int64_t, std::less<>> default_daily_limits() {
  return {
      {"/cgi-bin/token", 2'000},
      {"/cgi-bin/stable_token", 500'000},
      {"/cgi-bin/user/get", 500},
      {"/cgi-bin/user/info", 5'000'000},
      {"/cgi-bin/tags/create", 1'000},
      {"/cgi-bin/tags/get", 1'000},
      {"/cgi-bin/tags/update", 1'000},
      {"/cgi-bin/tags/delete", 1'000},
      {"/cgi-bin/tags/getidlist", 1'000},
      {"/cgi-bin/user/tag/get", 1'000},
      {"/cgi-bin/tags/members/batchtagging", 100'000},
      {"/cgi-bin/message/custom/send", 500'000},
      {"/cgi-bin/message/template/send", 100'000},
      {"/cgi-bin/template/get_all_private_template", 10'000},
      {"/cgi-bin/message/mass/send", 100},
      {"/cgi-bin/message/mass/preview", 100},
      {"/cgi-bin/message/mass/get", 10'000},
      {"/cgi-bin/message/mass/delete", 10},
  };
}

int shanghai_month(Instant t) {
  const CivilTime civil = to_civil(t, TimeZone::shanghai());
  return civil.year * 12 + civil.month - 1;
}

void QuotaCounters::roll(Instant now) {
  const std::int64_t today = local_day(now, TimeZone::shanghai());
  if (today == day_) return;
  day_ = today;
  used_.clear();
}

bool QuotaCounters::take(std::string_view path, Instant now) {
  roll(now);
  const auto limit = limits_.find(counted_as(path));
  if (limit == limits_.end()) return true;
  std::int64_t& used = used_[limit->first];
  if (used >= limit->second) return false;
  ++used;
  return true;
}

QuotaCounters::Usage QuotaCounters::usage(std::string_view path, Instant now) {
  roll(now);
  const auto limit = limits_.find(counted_as(path));
  const auto used = used_.find(counted_as(path));
  return {limit == limits_.end() ? 0 : limit->second, used == used_.end() ? 0 : used->second};
}

bool QuotaCounters::has_limit(std::string_view path) const {
  return limits_.contains(counted_as(path));
}

void QuotaCounters::set_limit(std::string_view path, std::int64_t limit) {
  limits_.insert_or_assign(std::string(counted_as(path)), limit);
}

bool QuotaCounters::clear(Instant now) {
  if (shanghai_month(now) != month_) {
    month_ = shanghai_month(now);
    clears_ = 0;
  }
  if (clears_ >= kClearsPerMonth) return false;
  ++clears_;
  used_.clear();
  return true;
}

}  // namespace zhiyin::sandbox
