#include "sandbox/run.h"

#include <condition_variable>
#include <mutex>

#include "base/metrics.h"
#include "sandbox/routes.h"

namespace zhiyin::sandbox {
namespace {

constexpr std::size_t kPeopleMax = 200'000;

Result<SandboxSettings> checked(SandboxSettings settings) {
  if (settings.people < 1 || settings.people > kPeopleMax) {
    return fail_field("people", "{} is not between 1 and {}", settings.people, kPeopleMax);
  }
  if (!(settings.activity > 0 && settings.activity <= 100)) {
    return fail_field("activity", "{} is not above 0 and at most 100", settings.activity);
  }
  if (!(settings.message_effect >= 0 && settings.message_effect <= 10)) {
    return fail_field("message_effect", "{} is not between 0 and 10", settings.message_effect);
  }
  settings.start.us -= settings.start.us % kHour.count();
  if (settings.account.app_id.empty()) settings.account = demo_account(settings.seed);
  return settings;
}

/// Simulation first, then pool, then server: they go in the opposite order.
class RunningSandbox final : public Sandbox {
 public:
  RunningSandbox(SandboxSettings settings, Logger& logger)
      : simulation_(std::move(settings), logger), pool_(kThreads, kQueue) {}

  Result<void> listen(Logger& logger) {
    http::ServerSettings settings;
    settings.address = simulation_.settings().address;
    settings.port = simulation_.settings().port;
    settings.request_timeout =
        std::chrono::minutes(5);  // weeks of time may pass within one request
    ZHIYIN_TRY(server_, http::Server::start(settings, make_router(simulation_, pool_), {}, metrics_,
                                            logger));
    return {};
  }
  void keep_in(Journal journal) { simulation_.keep_in(std::move(journal)); }
  Result<void> connect() {
    if (simulation_.settings().server.url.empty()) return {};
    ZHIYIN_TRY(const Json connected, simulation_.connect(simulation_.settings().server));
    return {};
  }
  [[nodiscard]] std::uint16_t port() const override { return server_->port(); }

 private:
  static constexpr std::size_t kThreads = 4;
  static constexpr std::size_t kQueue = 64;

  MetricsRegistry metrics_;
  Simulation simulation_;
  ThreadPool pool_;
  std::unique_ptr<http::Server> server_;
};

}  // namespace

Result<std::unique_ptr<Sandbox>> Sandbox::start(SandboxSettings settings, Logger& logger) {
  ZHIYIN_TRY(SandboxSettings good, checked(std::move(settings)));
  std::optional<Journal> journal;
  if (!good.state.empty()) {
    ZHIYIN_TRY(Journal opened, Journal::open(good.state));
    journal.emplace(std::move(opened));
    if (const std::optional<Instant> last = journal->last_moment(); last && *last >= good.start)
      good.start = {last->us - last->us % kHour.count() + kHour.count()};
  }
  auto sandbox = std::make_unique<RunningSandbox>(std::move(good), logger);
  if (journal) sandbox->keep_in(std::move(*journal));
  ZHIYIN_TRY_VOID(sandbox->listen(logger));
  ZHIYIN_TRY_VOID(sandbox->connect());
  return sandbox;
}

Result<void> run_sandbox(SandboxSettings settings, Logger& logger, std::stop_token stop,
                         const std::function<void(std::uint16_t port)>& started) {
  ZHIYIN_TRY(const auto sandbox, Sandbox::start(std::move(settings), logger));
  if (started) started(sandbox->port());
  std::mutex mutex;
  std::condition_variable_any wake;
  std::unique_lock lock(mutex);
  wake.wait(lock, stop, [] { return false; });
  return {};
}

}  // namespace zhiyin::sandbox
