#include "app/serve.h"

#include <arpa/inet.h>
#include <sys/socket.h>
#include <unistd.h>

#include <condition_variable>
#include <mutex>
#include <thread>

#include "app/commands.h"
#include "app/control_socket.h"
#include "app/roles.h"
#include "http/server.h"
#include "server/routes.h"

namespace zhiyin::app {
namespace {

constexpr std::size_t kWaitingMax = 1024;
constexpr std::size_t kTextsWaitingMax = 64;
constexpr std::size_t kLanguageWaitingMax = 256;
constexpr auto kDrain = std::chrono::seconds(10);

http::ServerSettings server_settings(const Options& options) {
  http::ServerSettings settings;
  settings.address = options.text("server.address");
  settings.port = static_cast<std::uint16_t>(options.integer("server.port"));
  settings.threads = static_cast<int>(options.integer("server.threads"));
  settings.connections_max = static_cast<std::size_t>(options.integer("server.connections"));
  settings.tls_certificate_file = options.text("server.tls_certificate");
  settings.tls_key_file = options.text("server.tls_key");
  return settings;
}

std::string url_of(const Options& options, std::uint16_t port) {
  const bool tls = !options.text("server.tls_certificate").empty();
  std::string host = options.text("server.address");
  if (host == "0.0.0.0" || host == "::") host = "127.0.0.1";
  return fmt::format("{}://{}:{}", tls ? "https" : "http", host, port);
}

/// The port that the system would give: the public address must be known before anything is built
/// on it.
std::uint16_t free_port() {
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  ::bind(fd, reinterpret_cast<sockaddr*>(&address), size);
  ::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size);
  ::close(fd);
  return ntohs(address.sin_port);
}

void wait_until_stopped(const std::stop_token& stop) {
  std::mutex mutex;
  std::condition_variable_any wake;
  std::unique_lock lock(mutex);
  wake.wait(lock, stop, [&] { return stop.stop_requested(); });
}

}  // namespace

Result<void> serve(const Location& location, Logger& logger, const std::stop_token& stop,
                   const std::function<void(const std::string& url,
                                            const std::string& first_admin_key)>& started) {
  ZHIYIN_TRY(const Options options, load_options(location));
  ZHIYIN_TRY(const auto installation, Installation::open(options, logger, true));
  server::Services& services = installation->services();
  const Roles roles(options.text("server.roles"));
  ThreadPool pool(static_cast<std::size_t>(options.integer("server.workers")), kWaitingMax);
  ThreadPool writers(static_cast<std::size_t>(options.integer("generate.workers")),
                     kTextsWaitingMax);
  ThreadPool language_pool(static_cast<std::size_t>(options.integer("language.workers")),
                           kLanguageWaitingMax);
  http::Router router;
  server::Api api(router, pool, services.auth, services.audit);
  server::add_event_routes(api, router, services);
  server::add_tracking_routes(api, router, services);
  server::add_kind_routes(api, services);
  server::add_access_routes(api, services);
  server::add_account_routes(api, router, services);
  server::add_wechat_routes(api, services);
  server::add_people_routes(api, services);
  server::add_editor_list_routes(api, services);
  server::add_recommend_inspect_routes(api, services);
  server::add_recommend_routes(api, services);
  server::add_segment_routes(api, services);
  server::add_report_routes(api, services);
  server::add_campaign_routes(api, services);
  server::add_chat_routes(api, writers, services);
  server::add_language_routes(api, language_pool, services);
  server::add_run_routes(api, services);
  server::add_system_routes(api, router, pool, services);

  http::ServerSettings settings = server_settings(options);
  if (settings.port == 0) settings.port = free_port();
  installation->set_public_url(url_of(options, settings.port));
  ZHIYIN_TRY_VOID(installation->start_workers());
  ZHIYIN_TRY(
      const auto control,
      ControlServer::start(
          options.text("data_dir"),
          [&services](const std::string& command, const Json& args, const ProgressSink& progress) {
            return run_installation_command(services, command, args, progress);
          },
          logger));
  ZHIYIN_TRY(const auto http,
             http::Server::start(
                 settings, std::move(router),
                 [&api, &roles](const http::Request& request,
                                const http::Router::Route& route) -> std::optional<http::Response> {
                   if (auto refused = roles.refuse(route.method, route.pattern)) return refused;
                   return api.admit(request, route);
                 },
                 services.metrics, logger));
  const std::string url = url_of(options, http->port());
  logger.info("app", "ready", {{"url", url}});
  started(url, installation->take_first_admin_key());
  wait_until_stopped(stop);
  logger.info("app", "stopping");
  services.readiness.set_draining();
  if (const Duration notice = options.duration("server.stop_notice"); notice > Duration{0})
    std::this_thread::sleep_for(notice);
  services.answers.stop();  // callbacks that wait for answers: WeChat comes again
  http->drain(kDrain);
  // What is still answered then may not outlive the server to whose loops its answer goes.
  installation->stop_waiting();
  services.language.stop();
  pool.stop();
  writers.stop();
  language_pool.stop();
  return {};
}

}  // namespace zhiyin::app
