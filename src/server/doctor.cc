#include "server/doctor.h"

#include <filesystem>

#include "server/assets.h"
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
};

}  // namespace

Json examine_failure(const Error& error) {
  const auto advice = [&]() -> std::string_view {
    switch (error.code) {
      case ErrorCode::kUnavailable:
        return "服务器不可达或磁盘已满：检查 storage.* 的地址、服务是否在运行 / a server cannot be "
               "reached or the disk is full: look at the addresses in storage.* and whether the "
               "servers run";
      case ErrorCode::kPermissionDenied:
        return "检查密码与权限（PostgreSQL：GRANT CREATE, USAGE ON SCHEMA public TO 该角色），以及 "
               "secret.key 是否原来的那个 / look at password and rights (PostgreSQL: GRANT CREATE, "
               "USAGE ON SCHEMA public TO the role), and whether secret.key is the one of before";
      case ErrorCode::kDataLoss:
        return "不要从空库开始：恢复备份或连回原来的服务器 / do not begin from nothing: restore "
               "the backup or connect to the server of before";
      case ErrorCode::kUnsupported:
        return "版本或设置不受支持：见 docs/cluster.md / a version or setting is not supported: "
               "see docs/cluster.md";
      default:
        return "见上面的说明与 docs/operations.md / see the reason above and docs/operations.md";
    }
  };
  Checks checks;
  checks.add("installation", false, error.text(), advice());
  return Json()
      .set("ok", false)
      .set("version", ZHIYIN_VERSION)
      .set("checks", std::move(checks.list));
}

Json examine(Services& s) {
  Checks checks;
  const auto state = s.state.query("SELECT count(*) FROM schema_migration");
  checks.add("state", state.has_value(),
             state ? fmt::format("{} migrations", storage::as_int(state->rows.at(0).at(0)))
                   : state.error().text(),
             "检查 zhiyin.toml 的 storage.state 与文件权限 / look at storage.state in zhiyin.toml "
             "and at the file's rights");
  for (storage::Finding& finding : s.state.examine()) {
    checks.add(finding.name, finding.ok, std::move(finding.detail), finding.advice);
  }
  const auto warehouse = s.warehouse.query("SELECT COUNT(*) FROM events");
  checks.add("warehouse", warehouse.has_value(),
             warehouse ? fmt::format("{} events", storage::as_int(warehouse->rows.at(0).at(0)))
                       : warehouse.error().text(),
             "检查 zhiyin.toml 的 storage.warehouse 与文件权限 / look at storage.warehouse in "
             "zhiyin.toml and at the file's rights");
  for (storage::Finding& finding :
       storage::examine_warehouse(s.options.text("storage.warehouse"), s.warehouse)) {
    checks.add(finding.name, finding.ok, std::move(finding.detail), finding.advice);
  }
  const auto end = s.log.end(storage::Stream::kEvents);
  checks.add("event_log", end.has_value(), end ? "readable" : end.error().text(),
             "检查 zhiyin.toml 的 storage.log 与文件权限 / look at storage.log in zhiyin.toml and "
             "at the file's rights");
  for (storage::Finding& finding : storage::examine_log(s.options.text("storage.log"))) {
    checks.add(finding.name, finding.ok, std::move(finding.detail), finding.advice);
  }
  const std::int64_t lag = s.lag();
  constexpr std::int64_t kLagMax = 1'000'000;
  checks.add("projections", lag < kLagMax, fmt::format("{} records behind", lag),
             "机器跟不上写入，或某个投影出错，请看日志 / the machine is too slow for what comes "
             "in, or a projection fails: see the log");
  std::error_code ec;
  const auto space = std::filesystem::space(s.options.text("data_dir"), ec);
  constexpr std::uintmax_t kSpaceMin = std::uintmax_t{1} << 30;
  checks.add("disk", !ec && space.available > kSpaceMin,
             ec ? ec.message() : fmt::format("{} MB free", space.available >> 20),
             "请清理磁盘：不足 1 GB 时很快无法接收事件 / free some space: below 1 GB the intake "
             "will soon refuse events");
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
             "检查 zhiyin.toml 的 storage.state / look at storage.state in zhiyin.toml");
  return Json()
      .set("ok", checks.ok)
      .set("version", ZHIYIN_VERSION)
      .set("checks", std::move(checks.list));
}

}  // namespace zhiyin::server
