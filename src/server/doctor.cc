#include "server/doctor.h"

#include <algorithm>
#include <filesystem>

#include "server/assets.h"
#include "storage/advice.h"
#include "storage/examine.h"

namespace zhiyin::server {
namespace {

struct Checks {
  Json list = Json::array();
  bool ok = true;
  void add(std::string_view name, bool good, std::string detail, std::string_view advice) {
    ok = ok && good;
    list.push(Json()
                  .set("name", name)
                  .set("ok", good)
                  .set("detail", std::move(detail))
                  .set("advice", good ? "" : advice));
  }
  /// A store that answers, or what to do about it.
  template <class T>
  void add_store(std::string_view name, const Result<T>& answer, std::string detail) {
    add(name, answer.has_value(), answer ? std::move(detail) : answer.error().text(),
        answer ? "" : storage::advice_for(answer.error(), option_of(name)));
  }
  static std::string_view option_of(std::string_view store) {
    return store == "event_log" ? "storage.log"
           : store == "state"   ? "storage.state"
                                : "storage.warehouse";
  }
};

/// Somebody must apply what comes in.
void add_workers(Checks& checks, Services& s) {
  const auto processes = s.processes();
  if (!processes) {
    checks.add("workers", false, processes.error().text(),
               storage::advice_for(processes.error(), "storage.state"));
    return;
  }
  const auto* items = (*processes)["items"].if_array();
  const auto works = items == nullptr ? 0 : std::ranges::count_if(*items, [](const Json& p) {
    return p["works"].bool_or(false);
  });
  checks.add(
      "workers", works > 0, fmt::format("{} process(es) with the role workers", works),
      "没有进程带 workers 角色：事件会被接收，但没有人处理。启动一个，或在 server.roles 里加上 "
      "workers / no process has the role workers: events are taken, and nobody deals with "
      "them. Start one, or add workers to server.roles");
}

/// What recommends must be what was made active.
void add_recommendations(Checks& checks, Services& s) {
  const auto troubles = s.recommendations.troubles();
  if (!troubles) {
    checks.add("recommendations", false, troubles.error().text(),
               storage::advice_for(troubles.error(), "storage.state"));
    return;
  }
  std::string detail = "the active versions can be read";
  if (!troubles->empty()) {
    detail.clear();
    for (const Recommendations::Trouble& t : *troubles)
      detail += fmt::format("{}{} cannot be read ({}), {} serves", detail.empty() ? "" : "; ", t.id,
                            t.reason, t.serving);
  }
  checks.add("recommendations", troubles->empty(), std::move(detail),
             "在用的版本已损坏，由更早的版本代替：重新训练，或 zhiyin model rollback / the active "
             "version is damaged and an earlier one stands in: train again, or zhiyin model "
             "rollback KIND");
}

/// Models that read or answer other than they were trained to.
void add_drift(Checks& checks, Services& s) {
  const auto alerts = s.drift.alerts();
  if (!alerts) {
    checks.add("drift", false, alerts.error().text(),
               storage::advice_for(alerts.error(), "storage.state"));
    return;
  }
  std::string detail;
  for (const Json& one : *alerts->if_array())
    detail += fmt::format("{}{}: {} since {} ({} {:.2f})", detail.empty() ? "" : "; ",
                          one["version"].string_or(""), one["state"].string_or(""),
                          one["since"].string_or(""), one["index"].string_or(""),
                          one["psi"].number_or(0));
  const bool none = detail.empty();
  checks.add(
      "drift", none, none ? "no model's alert is open" : std::move(detail),
      "模型读到的文本已不像训练时的：在控制台看漂移，用新文本重新训练，或调 "
      "language.drift_hundredths / texts are no longer like those learnt from: look at the drift "
      "in the console, train again with new ones, or change language.drift_hundredths");
}

void add_disk(Checks& checks, Services& s) {
  std::error_code ec;
  const auto space = std::filesystem::space(s.options.text("data_dir"), ec);
  constexpr std::uintmax_t kSpaceMin = std::uintmax_t{1} << 30;
  constexpr std::uintmax_t kFull = std::uintmax_t{64} << 20;
  checks.add(
      "disk", !ec && space.available > kSpaceMin,
      ec ? ec.message() : fmt::format("{} MB free", space.available >> 20),
      ec ? "检查 data_dir 的路径与权限 / look at the path of data_dir and its rights"
      : space.available < kFull
          ? "磁盘已满，事件被拒收：立即腾出空间或换更大的磁盘 / the disk is full and events are "
            "refused: free some space now, or take a larger disk"
          : "磁盘将满：不足 1 GB 时很快无法接收事件；清理，或设 retention.* / the disk is "
            "nearly full: below 1 GB the intake will soon refuse events; clear it, or set "
            "retention.*");
}

}  // namespace

Json examine_failure(const Error& error) {
  Checks checks;
  checks.add("installation", false, error.text(), storage::advice_for(error, "storage.*"));
  return Json()
      .set("ok", false)
      .set("version", ZHIYIN_VERSION)
      .set("checks", std::move(checks.list));
}

Json examine(Services& s) {
  Checks checks;
  const auto state = s.state.query("SELECT count(*) FROM schema_migration");
  checks.add_store(
      "state", state,
      state ? fmt::format("{} migrations", storage::as_int(state->rows.at(0).at(0))) : "");
  for (storage::Finding& finding : s.state.examine()) {
    checks.add(finding.name, finding.ok, std::move(finding.detail), finding.advice);
  }
  const auto warehouse = s.warehouse.query("SELECT COUNT(*) FROM events");
  checks.add_store(
      "warehouse", warehouse,
      warehouse ? fmt::format("{} events", storage::as_int(warehouse->rows.at(0).at(0))) : "");
  for (storage::Finding& finding :
       storage::examine_warehouse(s.options.text("storage.warehouse"), s.warehouse)) {
    checks.add(finding.name, finding.ok, std::move(finding.detail), finding.advice);
  }
  const auto end = s.log.end(storage::Stream::kEvents);
  checks.add_store("event_log", end, "readable");
  for (storage::Finding& finding : storage::examine_log(s.options.text("storage.log"))) {
    checks.add(finding.name, finding.ok, std::move(finding.detail), finding.advice);
  }
  const std::int64_t lag = s.lag();
  constexpr std::int64_t kLagMax = 1'000'000;
  checks.add("projections", lag < kLagMax, fmt::format("{} records behind", lag),
             "机器跟不上写入，或某个投影出错，请看日志 / the machine is too slow for what comes "
             "in, or a projection fails: see the log");
  add_workers(checks, s);
  add_recommendations(checks, s);
  add_drift(checks, s);
  add_disk(checks, s);
  constexpr std::int64_t kSanePast = 1'700'000'000'000'000;  // 2023
  const bool clock_ok = s.stepped != nullptr || s.clock.now().us > kSanePast;
  checks.add("clock", clock_ok,
             fmt::format("{}{}", format_utc(s.clock.now()), s.stepped ? " (stepped)" : ""),
             "请校准系统时间：相差几分钟微信就会拒绝 / set the machine's clock: WeChat refuses "
             "requests that are minutes off");
  const auto console = read_asset("console/dist/index.html");
  checks.add(
      "console", console.has_value(), console ? "built" : console.error().text(),
      "运行 ./dev build；程序被复制到别处时，把 console/dist 放到 ../share/zhiyin/console/dist / "
      "run ./dev build; beside a copied program console/dist lies in ../share/zhiyin/console/dist");
  const auto accounts = s.accounts.list();
  const std::string connected = accounts && accounts->empty()
                                    ? "还没有：zhiyin account apply FILE，或在控制台连接 / none "
                                      "yet: zhiyin account apply FILE, or the console"
                                : accounts ? fmt::format("{} connected", accounts->size())
                                           : accounts.error().text();
  checks.add("accounts", accounts.has_value(), connected,
             accounts ? "" : storage::advice_for(accounts.error(), "storage.state"));
  return Json()
      .set("ok", checks.ok)
      .set("version", ZHIYIN_VERSION)
      .set("checks", std::move(checks.list));
}

}  // namespace zhiyin::server
