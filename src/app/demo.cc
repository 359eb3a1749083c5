#include "app/demo.h"

#include <condition_variable>
#include <cstdio>
#include <mutex>
#include <optional>
#include <thread>

#include "app/child_process.h"
#include "app/installation.h"
#include "base/crypto.h"
#include "base/file.h"
#include "http/client.h"

namespace zhiyin::app {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kStart = "2026-01-05T00:00:00+08:00";
constexpr std::string_view kUser = "demo";

void say(std::string_view text) {
  std::fwrite(text.data(), 1, text.size(), stdout);
  std::fputc('\n', stdout);
  std::fflush(stdout);
}

double number_at(const Json& list, std::size_t i) {
  const Json::Array* numbers = list.if_array();
  return numbers != nullptr && i < numbers->size() ? (*numbers)[i].number_or(0) : 0;
}

struct DemoSettings {
  bool exit = false;
  fs::path dir;
  std::string people = "3000";
  std::string seed = "1";
  int weeks = 8;
  std::string port = "8080";
};

Result<DemoSettings> read_settings(const Json& args) {
  DemoSettings s;
  s.exit = args["exit"].bool_or(false);
  s.dir = std::string(args["dir"].string_or(""));
  s.people = args["people"].string_or(s.people);
  s.seed = args["seed"].string_or(s.seed);
  s.port = args["port"].string_or(s.port);
  if (const std::string_view weeks = args["weeks"].string_or(""); !weeks.empty()) {
    ZHIYIN_TRY(const Json json, parse_json(weeks));
    s.weeks = static_cast<int>(json.int_or(0));
  }
  if (s.weeks < 4 || s.weeks > 52) return fail_field("weeks", "expected 4 to 52");
  return s;
}

/// JSON over HTTP with one of the two processes.
class Peer {
 public:
  Peer(http::Client& client, std::string url, std::string key)
      : client_(client), url_(std::move(url)), key_(std::move(key)) {}

  Result<std::string> send(std::string_view method, std::string_view path, std::string body,
                           http::Headers headers = {}) {
    http::ClientRequest request;
    request.method = method;
    request.url = url_ + std::string(path);
    request.body = std::move(body);
    request.headers = std::move(headers);
    request.timeout = std::chrono::minutes(5);
    if (!key_.empty()) request.headers.emplace_back("Authorization", "Bearer " + key_);
    auto response = client_.send_and_wait(std::move(request));
    if (!response) return std::unexpected(response.error().error);
    if (response->status >= 300) {
      return fail(ErrorCode::kInternal, "{} {}: {} {}", method, path, response->status,
                  response->body.substr(0, 500));
    }
    return std::move(response->body);
  }

  Result<Json> call(std::string_view method, std::string_view path, const Json& body = {}) {
    ZHIYIN_TRY(const std::string text, send(method, path, body.is_null() ? "" : body.dump(),
                                            {{"Content-Type", "application/json"}}));
    return parse_json(text, 64 << 20);
  }

  /// Waits for a run to end and returns its result.
  Result<Json> wait_for_run(const Json& started) {
    const std::string path = fmt::format("/v1/runs/{}", started["run"].string_or(""));
    for (;;) {
      ZHIYIN_TRY(const Json run, call("GET", path));
      const std::string_view state = run["state"].string_or("");
      if (state == "done") return run["result"];
      if (state != "running")
        return fail(ErrorCode::kInternal, "run {}: {}", state, run["error"].string_or(""));
      std::this_thread::sleep_for(std::chrono::milliseconds(50));
    }
  }

  [[nodiscard]] const std::string& url() const { return url_; }

 private:
  http::Client& client_;
  std::string url_;
  std::string key_;
};

/// The demonstration, step by step; each prints what it did.
class Demo {
 public:
  explicit Demo(DemoSettings settings) : settings_(std::move(settings)) {}

  Result<void> run(const std::stop_token& stop) {
    const auto began = std::chrono::steady_clock::now();
    ZHIYIN_TRY_VOID(prepare());
    ZHIYIN_TRY_VOID(start_processes());
    ZHIYIN_TRY_VOID(connect());
    ZHIYIN_TRY_VOID(import_library());
    ZHIYIN_TRY_VOID(let_weeks_pass(settings_.weeks - 2, "平常的日子 / ordinary weeks", stop));
    ZHIYIN_TRY_VOID(train());
    ZHIYIN_TRY_VOID(show_a_person());
    ZHIYIN_TRY_VOID(run_campaign());
    ZHIYIN_TRY_VOID(let_weeks_pass(2, "活动之后 / after the campaign", stop));
    ZHIYIN_TRY_VOID(account_for_it());
    const auto seconds =
        std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count();
    say(fmt::format("\n用时 {:.0f} 秒，服务器内存 {} MB / took {:.0f} s, the server holds {} MB",
                    seconds, server_->resident_bytes() >> 20, seconds,
                    server_->resident_bytes() >> 20));
    if (settings_.exit) return {};
    say(
        fmt::format("\n控制台 / console: {}\n  用户 / user: {}   密码 / password: {}\n按 Ctrl-C "
                    "结束 / Ctrl-C ends",
                    api_->url(), kUser, password_));
    wait(stop);
    return {};
  }

 private:
  Result<void> prepare() {
    if (settings_.dir.empty()) {
      folder_.emplace();
      settings_.dir = folder_->path();
    }
    std::error_code ec;
    fs::create_directories(settings_.dir, ec);
    config_ = settings_.dir / "zhiyin.toml";
    admin_key_ = "zy_" + crypto::base64url(crypto::random_bytes(30));
    ingest_key_ = "zy_" + crypto::base64url(crypto::random_bytes(30));
    password_ = crypto::base64url(crypto::random_bytes(9));
    ZHIYIN_TRY_VOID(start_sandbox());
    ZHIYIN_TRY_VOID(write_file(
        config_, fmt::format("# Made by zhiyin demo.\nclock = \"stepped\"\nclock_start "
                             "= \"{}\"\nlog_level = \"warning\"\n"
                             "[server]\nport = {}\n[wechat]\nbase_url = \"{}\"\n"
                             "# Fifty nights pass in a minute: it trains when it says so.\n"
                             "[recommend]\ntrain_at = \"\"\n",
                             kStart, settings_.port, sandbox_->url())));
    // The key from the seed, so that ids and with them the holdout are the same each time; it seals
    // play data only.
    fs::create_directories(settings_.dir / "data", ec);
    ZHIYIN_TRY_VOID(write_file(settings_.dir / "data/secret.key",
                               crypto::hex(crypto::sha256("demo " + settings_.seed)), 0600));
    ZHIYIN_TRY(const Options options, load_options({config_, {}}));
    ZHIYIN_TRY(const auto installation, Installation::open(options, null_logger()));
    auto& auth = installation->services().auth;
    ZHIYIN_TRY_VOID(auth.set_key({"demo admin", server::Role::kAdmin, {}}, Secret(admin_key_)));
    ZHIYIN_TRY_VOID(auth.set_key({"demo pages", server::Role::kIngest, {}}, Secret(ingest_key_)));
    return auth.create_user({std::string(kUser), server::Role::kAdmin, password_});
  }

  Result<void> start_sandbox() {
    ZHIYIN_TRY(
        sandbox_process_,
        ChildProcess::start({"sandbox", "--json", "--port", "0", "--people", settings_.people,
                             "--seed", settings_.seed, "--start", std::string(kStart)},
                            settings_.dir / "sandbox.log"));
    ZHIYIN_TRY(const std::string line, sandbox_process_->read_line());
    ZHIYIN_TRY(const Json ready, parse_json(line));
    sandbox_.emplace(*client_, fmt::format("http://127.0.0.1:{}", ready["port"].int_or(0)), "");
    return {};
  }

  /// On the wanted port, or any free one when that is taken.
  Result<void> start_processes() {
    const std::string config = config_.string();
    for (const char* port : {"", "0"}) {
      std::vector<std::string> arguments = {"serve", "--json", "--config", config};
      if (*port != '\0') arguments.insert(arguments.end(), {"--server.port", port});
      ZHIYIN_TRY(server_, ChildProcess::start(arguments, settings_.dir / "server.log"));
      const auto line = server_->read_line();
      if (!line && *port == '\0') continue;
      if (!line) return std::unexpected(line.error());
      ZHIYIN_TRY(const Json ready, parse_json(*line));
      if (ready["url"].is_null()) {
        if (*port == '\0') continue;
        return fail(ErrorCode::kUnavailable, "the server did not start: {}", *line);
      }
      api_.emplace(*client_, std::string(ready["url"].string_or("")), admin_key_);
      say(fmt::format("沙箱 / sandbox: {}\n服务器 / server: {}", sandbox_->url(), api_->url()));
      return {};
    }
    return fail(ErrorCode::kUnavailable, "the server did not start; see {}",
                (settings_.dir / "server.log").string());
  }

  Result<void> connect() {
    ZHIYIN_TRY(const Json account, sandbox_->call("GET", "/sandbox/account"));
    account_ = account["id"].string_or("shop");
    ZHIYIN_TRY_VOID(api_->call("POST", "/v1/accounts", account));
    Json link;
    link.set("url", api_->url())
        .set("admin_key", admin_key_)
        .set("ingest_key", ingest_key_)
        .set("account", account_);
    ZHIYIN_TRY_VOID(sandbox_->call("POST", "/sandbox/connect", link));
    ZHIYIN_TRY(const Json started,
               api_->call("POST", fmt::format("/v1/accounts/{}/sync", account_)));
    ZHIYIN_TRY(const Json synced, api_->wait_for_run(started));
    say(fmt::format("已连接服务号「{}」，同步 {} 位粉丝 / connected the account, {} followers",
                    account["name"].string_or(""), synced["followers"].int_or(0),
                    synced["followers"].int_or(0)));
    return {};
  }

  Result<void> import_library() {
    ZHIYIN_TRY(std::string csv, sandbox_->send("GET", "/sandbox/library.csv", ""));
    ZHIYIN_TRY(
        const std::string started,
        api_->send("POST",
                   fmt::format("/v1/imports?name=library.csv&mapping=sandbox-library&account={}",
                               account_),
                   std::move(csv)));
    ZHIYIN_TRY(const Json run, parse_json(started));
    ZHIYIN_TRY(const Json report, api_->wait_for_run(run));
    say(fmt::format("导入内容库 {} 条 / imported a library of {} items",
                    report["quality"]["items"].int_or(0), report["quality"]["items"].int_or(0)));
    return {};
  }

  Result<void> let_weeks_pass(int weeks, std::string_view what, const std::stop_token& stop) {
    for (int week = 0; week < weeks; ++week) {
      for (int day = 0; day < 7; ++day) {
        if (stop.stop_requested()) return fail(ErrorCode::kConflict, "stopped");
        ZHIYIN_TRY(const Json done,
                   sandbox_->call("POST", "/sandbox/advance", Json().set("by", "1d")));
        events_ += done["events"].int_or(0) + done["callbacks"].int_or(0);
      }
      ++week_;
      say(fmt::format("  第 {} 周 / week {}  {}  累计 {} 个事件 / events", week_, week_,
                      week == 0 ? what : "", events_));
    }
    return {};
  }

  Result<void> train() {
    ZHIYIN_TRY(const Json recommend, api_->call("POST", "/v1/train/recommend", Json::object()));
    ZHIYIN_TRY(const Json recommender, api_->wait_for_run(recommend));
    const Json& learnt = recommender["metrics"];
    say(fmt::format("训练推荐模型：{} 人、{} 条内容、{} 次互动 / trained the recommender",
                    learnt["people"].int_or(0), learnt["items"].int_or(0),
                    learnt["interactions"].int_or(0)));
    ZHIYIN_TRY(const Json response, api_->call("POST", "/v1/train/response", Json::object()));
    ZHIYIN_TRY(const Json model, api_->wait_for_run(response));
    const Json& m = model["metrics"]["metrics"];
    const Json& interval = model["metrics"]["intervals"]["auc"];
    say(fmt::format(
        "训练购买意愿模型（测试集）：AUC {:.3f}（95 % 区间 {:.3f} … {:.3f}），准确率 "
        "{:.3f}，精确率 {:.3f}，召回率 {:.3f}，F1 {:.3f} / response model, on its test part",
        m["auc"].number_or(0), number_at(interval, 0), number_at(interval, 1),
        m["accuracy"].number_or(0), m["precision"].number_or(0), m["recall"].number_or(0),
        m["f1"].number_or(0)));
    const Json warnings = model["metrics"]["warnings"];
    for (const Json& warning : warnings.if_array() ? *warnings.if_array() : Json::Array())
      say(fmt::format("  注意 / note: {}", warning.string_or("")));
    say(model["active"].bool_or(false) ? "  模型已启用 / the model is active"
                                       : "  模型未启用 / the model is not active");
    return {};
  }

  Result<void> show_a_person() {
    ZHIYIN_TRY(const Json people, api_->call("GET", "/v1/people?limit=50"));
    const Json* best = nullptr;
    for (const Json& person : *people["items"].if_array()) {
      if (best == nullptr || person["events"].int_or(0) > (*best)["events"].int_or(0))
        best = &person;
    }
    if (best == nullptr) return fail(ErrorCode::kInternal, "demo: nobody is known");
    const std::string id((*best)["id"].string_or(""));
    ZHIYIN_TRY(const Json portrait, api_->call("GET", "/v1/people/" + id));
    std::string interests;
    for (const Json& interest : *portrait["interests"].if_array()) {
      interests += fmt::format("{} {:.1f}  ", interest["tag"].string_or(""),
                               interest["weight"].number_or(0));
      if (interests.size() > 90) break;
    }
    say(fmt::format(
        "\n一位读者的画像 / one reader's portrait: {}\n  {} 个事件 / events；兴趣 / interests: {}",
        id, (*best)["events"].int_or(0), interests));
    if (portrait["response"].if_object()) {
      say(fmt::format("  一周内购买的概率 / probability to buy within a week: {:.1f} %",
                      portrait["response"]["probability"].number_or(0) * 100));
    }
    ZHIYIN_TRY(const Json list, api_->call("GET", fmt::format("/v1/recommend/{}?n=5", id)));
    for (const Json& item : *list["items"].if_array()) {
      say(fmt::format("  推荐 / recommended: {}，{}", item["item"]["title"].string_or(""),
                      item["reason"].string_or("")));
    }
    return {};
  }

  Result<void> run_campaign() {
    Json segment = *parse_json(
        R"({"name":"近期活跃的读者","tree":{"and":[{"event":"read","count":{">=":2},"window":"30d"}]}})");
    Json following;
    following.set("following", account_);
    Json tree = segment["tree"];
    Json conditions = tree["and"];
    conditions.push(std::move(following));
    tree.set("and", std::move(conditions));
    segment.set("tree", std::move(tree));
    ZHIYIN_TRY_VOID(api_->call("PUT", "/v1/segments/active-readers", segment));
    ZHIYIN_TRY(const Json preview,
               api_->call("POST", "/v1/segments/preview", Json().set("tree", segment["tree"])));
    ZHIYIN_TRY(const Json clock, api_->call("GET", "/v1/session"));
    ZHIYIN_TRY(const Instant now, parse_time(clock["now"].string_or(""), TimeZone::shanghai()));
    const Instant at = day_start(local_day(now, TimeZone::shanghai()), TimeZone::shanghai()) +
                       std::chrono::hours(10);
    Json campaign;
    campaign.set("name", "春季上新")
        .set("account", account_)
        .set("segment", "active-readers")
        .set("holdout", 0.3)
        .set("channel", "mass");
    campaign.set(
        "message",
        Json()
            .set("type", "text")
            .set("text", "春季新品上架，老客户专享优惠价，点这里看看：{{link}}\n回复 TD 退订")
            .set("link", sandbox_->url() + "/page/p001"));
    campaign.set("at", to_json(at > now ? at : at + kDay));
    campaign.set("goal", Json().set("event", "purchase").set("window", "7d"))
        .set("purpose", "marketing");
    ZHIYIN_TRY_VOID(api_->call("PUT", "/v1/campaigns/spring", campaign));
    ZHIYIN_TRY(const Json dry, api_->call("POST", "/v1/campaigns/spring/dry-run"));
    say(fmt::format(
        "\n人群「近期活跃的读者」{} 人；试运行：发送 {}，对照 {} / segment of {}; dry run: {} "
        "would get it, {} held out",
        preview["count"].int_or(0), dry["would_send"].int_or(0), dry["holdout"].int_or(0),
        preview["count"].int_or(0), dry["would_send"].int_or(0), dry["holdout"].int_or(0)));
    for (const Json& rule : *dry["refused"].if_array()) {
      say(fmt::format("  不发送 / not sent: {} 人，{}", rule["count"].int_or(0),
                      rule["zh"].string_or("")));
    }
    ZHIYIN_TRY_VOID(api_->call("POST", "/v1/campaigns/spring/start"));
    say(fmt::format(
        "活动「春季上新」已启动，{} 群发 / the campaign is started, the mass send is due then",
        campaign["at"].string_or("")));
    return {};
  }

  Result<void> account_for_it() {
    ZHIYIN_TRY(const Json report, api_->call("GET", "/v1/campaigns/spring/report"));
    ZHIYIN_TRY(const Json truth, sandbox_->call("GET", "/sandbox/truth"));
    const Json& f = report["funnel"];
    say(fmt::format(
        "\n活动漏斗 / funnel: 人群 {} → 对照 {} · 发送 {} → 平台送达 {} → 点击 {} → 购买 {}",
        f["audience"].int_or(0), f["held_out"].int_or(0), f["sent"].int_or(0),
        f["delivered"]["count"].int_or(0), f["clicked"].int_or(0), f["converted"].int_or(0)));
    const Json& e = report["effect"];
    if (e["estimate"].is_number()) {
      const auto* interval = e["interval"].if_array();
      say(fmt::format(
          "7 天内购买 / purchase within 7 days: 收到组 {:.2f} %（{} 人），对照组 {:.2f} %（{} 人）",
          e["treated"]["mean"].number_or(0) * 100, e["treated"]["n"].int_or(0),
          e["control"]["mean"].number_or(0) * 100, e["control"]["n"].int_or(0)));
      say(
          fmt::format("测得的效果 / measured effect: {:+.2f} 个百分点 / points，95 % 区间 / "
                      "interval {:+.2f} … {:+.2f}，p = {:.2g}",
                      e["estimate"].number_or(0) * 100, interval->at(0).number_or(0) * 100,
                      interval->at(1).number_or(0) * 100, e["p"].number_or(1)));
    } else {
      say(fmt::format("没有效果估计 / no estimate: {}", e["refused"].string_or("")));
    }
    for (const Json& message : *truth["messages"].if_array()) {
      say(fmt::format(
          "真实的效果（沙箱知道）/ true effect, known to the sandbox: {:+.2f} 个百分点 / points",
          message["true_effect"].number_or(0) * 100));
    }
    say(fmt::format("{}\n{}", report["words"]["zh"].string_or(""),
                    report["words"]["en"].string_or("")));
    return {};
  }

  static void wait(const std::stop_token& stop) {
    std::mutex mutex;
    std::condition_variable_any wake;
    std::unique_lock lock(mutex);
    wake.wait(lock, stop, [&] { return stop.stop_requested(); });
  }

  DemoSettings settings_;
  std::optional<TempFolder> folder_;
  fs::path config_;
  std::string admin_key_;
  std::string ingest_key_;
  std::string password_;
  std::string account_;
  int week_ = 0;
  std::int64_t events_ = 0;
  std::unique_ptr<http::Client> client_ = http::Client::create({});
  std::unique_ptr<ChildProcess> sandbox_process_;
  std::unique_ptr<ChildProcess> server_;
  std::optional<Peer> sandbox_;
  std::optional<Peer> api_;
};

}  // namespace

Result<void> demo(const Json& args, const std::stop_token& stop) {
  ZHIYIN_TRY(DemoSettings settings, read_settings(args));
  return Demo(std::move(settings)).run(stop);
}

}  // namespace zhiyin::app
