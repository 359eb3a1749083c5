#include "app/installation.h"

#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <optional>
#include <set>
#include <thread>

#include "app/data_lock.h"
#include "app/option_table.h"
#include "app/roles.h"
#include "app/text_generators.h"
#include "audience/live_segments.h"
#include "audience/people_projection.h"
#include "audience/segment_query.h"
#include "audience/warehouse_people.h"
#include "base/crypto.h"
#include "base/file.h"
#include "base/machine.h"
#include "base/random.h"
#include "campaign/segment_audience.h"
#include "catalogue/item_statistics.h"
#include "delivery/answer_service.h"
#include "delivery/audience_recipients.h"
#include "delivery/delivery_projection.h"
#include "delivery/direct_send.h"
#include "delivery/ledger_call_budget.h"
#include "delivery/mass_jobs.h"
#include "delivery/quota_ledger.h"
#include "delivery/quota_page.h"
#include "delivery/send_hold.h"
#include "delivery/touch.h"
#include "delivery/wechat_channel.h"
#include "delivery/wechat_senders.h"
#include "delivery/wecom_sends.h"
#include "delivery/wecom_welcomes.h"
#include "http/client.h"
#include "ingest/migrations.h"
#include "ingest/projection.h"
#include "ingest/warehouse_writer.h"
#include "ingest/wechat_events.h"
#include "server/backup.h"
#include "server/data_health.h"
#include "server/erasures.h"
#include "server/item_imports.h"
#include "server/item_reader.h"
#include "server/jobs.h"
#include "server/ranker_job.h"
#include "server/ranker_updates.h"
#include "server/recommend_batch.h"
#include "server/recommend_job.h"
#include "server/retention.h"
#include "server/segment_trends.h"
#include "server/session_feedback.h"
#include "storage/fenced_state.h"
#include "storage/gate.h"
#include "storage/installation_id.h"
#include "storage/key_state.h"
#include "storage/membership.h"
#include "storage/migrations.h"
#include "storage/move_mark.h"
#include "storage/open.h"
#include "storage/outbox.h"
#include "wechat/migrations.h"

namespace zhiyin::app {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kSecretBytes = 32;
constexpr auto kLookEvery = std::chrono::seconds(1);
constexpr auto kRelayEvery = std::chrono::milliseconds(100);
constexpr Duration kTrimEvery = std::chrono::hours(1);
constexpr Duration kSizeEvery = std::chrono::hours(1);
constexpr std::chrono::seconds kShowEvery{5};
constexpr std::chrono::seconds kDriftEvery{10};
constexpr Duration kTestSendLasts =
    std::chrono::minutes(10);  // at most; an older one was left half done
constexpr std::chrono::milliseconds kHoldPatience{30'000};
constexpr int kTicksMax = 100'000;  // of one round; far above what any campaign needs

template <class... Lists>
std::vector<storage::Migration> joined(const Lists&... lists) {
  std::vector<storage::Migration> all;
  (all.insert(all.end(), std::begin(lists), std::end(lists)), ...);
  return all;
}

std::vector<storage::Migration> all_migrations() {
  return joined(storage::migrations(), model::Registry::migrations(), wechat::migrations(),
                ingest::migrations(), catalogue::Items::migrations(),
                catalogue::ItemStatistics::migrations(), audience::migrations(),
                delivery::migrations(), campaign::migrations(), server::Auth::migrations(),
                server::Audit::migrations(), server::Runs::migrations(), server::job_migrations(),
                server::retention_migrations(), server::data_health_migrations(),
                server::item_import_migrations(), server::ErasureRequests::migrations(),
                server::DriftDays::migrations(), server::DuplicateIndexes::migrations(),
                server::FreshArms::migrations(), server::ShownItems::migrations(),
                server::ranker_migrations(), server::session_feedback_migrations(),
                server::ranker_update_migrations());
}

}  // namespace

Result<Secret> installation_secret(const Options& options) {
  std::string text = options.text("secret_key");
  if (text.empty()) {
    const fs::path path = fs::path(options.text("data_dir")) / "secret.key";
    auto stored = read_file(path, 4096);
    if (!stored && stored.error().code != ErrorCode::kNotFound)
      return std::unexpected(stored.error());
    if (!stored) {
      stored = crypto::hex(crypto::random_bytes(kSecretBytes));
      ZHIYIN_TRY_VOID(write_file(path, *stored + "\n", 0600));
    }
    text = *stored;
  }
  while (!text.empty() && (text.back() == '\n' || text.back() == '\r')) text.pop_back();
  const auto bytes = crypto::unhex(text);
  if (!bytes || bytes->size() != kSecretBytes) {
    return fail(ErrorCode::kInvalidArgument, "secret key: must be {} hex digits", kSecretBytes * 2);
  }
  return Secret(*bytes);
}

namespace {

/// Where the stepped clock stands, so that a restart goes on from there.
struct ClockState {
  static constexpr storage::Migration kMigrations[] = {
      {"app-001-clock", "CREATE TABLE stepped_clock (id BIGINT PRIMARY KEY, now BIGINT NOT NULL)"}};
  static Result<Instant> load(storage::State& state, Instant fallback) {
    ZHIYIN_TRY(const auto rows, state.query("SELECT now FROM stepped_clock WHERE id = 1"));
    return rows.rows.empty() ? fallback : Instant{storage::as_int(rows.rows[0][0])};
  }
  static Result<void> save(storage::State& state, Instant now) {
    return state.write([&](storage::Session& db) -> Result<void> {
      ZHIYIN_TRY_VOID(
          db.execute("INSERT INTO stepped_clock (id, now) VALUES (1, ?1) ON CONFLICT (id) DO "
                     "UPDATE SET now = ?1",
                     {now.us}));
      return {};
    });
  }
};

}  // namespace

std::vector<storage::Migration> installation_migrations() {
  return joined(all_migrations(), ClockState::kMigrations);
}

namespace {

/// Names of connected accounts, re-read every few seconds: asked for every event.
class AccountNames {
 public:
  explicit AccountNames(const wechat::Accounts& accounts) : accounts_(accounts) {}
  bool known(std::string_view name) {
    const auto now = std::chrono::steady_clock::now();
    MutexLock lock(mutex_);
    if (now - read_at_ > std::chrono::seconds(2) ||
        read_at_ == std::chrono::steady_clock::time_point{}) {
      read_at_ = now;
      if (const auto list = accounts_.list()) {
        names_.clear();
        for (const wechat::Account& account : *list) names_.insert(account.id.value);
      }
    }
    return names_.contains(name);
  }

 private:
  const wechat::Accounts& accounts_;
  Mutex mutex_;
  std::chrono::steady_clock::time_point read_at_ ZHIYIN_GUARDED_BY(mutex_){};
  std::set<std::string, std::less<>> names_ ZHIYIN_GUARDED_BY(mutex_);
};

/// Members stand in the order in which they are built; they go in the reverse order. Threads stop
/// in the destructor's body, before anything is taken down: worker, runs, warehouse writer,
/// pipeline.
class BuiltInstallation final : public Installation {
 public:
  BuiltInstallation(Options options, Logger& logger, bool serving)
      : options_(std::move(options)),
        logger_(logger),
        serving_(serving),
        roles_(options_.text("server.roles")) {}

  ~BuiltInstallation() override {
    stop_waiting();
    stop_worker();
    if (answers_) answers_->stop();  // what waits belongs to `callbacks_`
    if (drift_) (void)drift_->save();
    if (membership_) membership_->stop();
    runs_.reset();
    // Where the stores have moved away nothing can be written any more, and nothing is lost.
    if (recommendations_) (void)recommendations_->flush();
    if (writer_) writer_->stop();
    if (pipeline_runner_) pipeline_runner_->stop();
    membership_.reset();  // the others may go on
  }

  Result<void> build() {
    ZHIYIN_TRY(lock_, DataLock::take(options_.text("data_dir")));
    ZHIYIN_TRY_VOID(server::check_restored(options_.text("data_dir")));
    ZHIYIN_TRY(recommend_settings_, server::recommendation_settings(options_));
    ZHIYIN_TRY(trend_traits_, server::trend_traits(options_.text("recommend.popular_by")));
    ZHIYIN_TRY_VOID(open_stores());
    ZHIYIN_TRY_VOID(open_clock());
    build_reading_side();
    ZHIYIN_TRY_VOID(build_writing_side());
    build_campaigns();
    ZHIYIN_TRY_VOID(server::parse_retention(options_.text("retention.events")));
    ZHIYIN_TRY_VOID(build_services());
    if (serving_ && sharing_ == nullptr && !roles_.has("workers")) {
      // No other process can be there, so what is taken waits for ever.
      readiness_.set_without_workers();
      logger_.warning("app", "no_workers",
                      {{"server.roles", options_.text("server.roles")},
                       {"effect", "events are taken, and nobody deals with them"}});
    }
    if (membership_) {
      beaten();
      membership_->start([this] { beaten(); });
    }
    return {};
  }

  [[nodiscard]] server::Services& services() override { return *services_; }
  std::string take_first_admin_key() override { return std::exchange(first_admin_key_, {}); }

  void stop_waiting() override {
    // They go on where they were.
    if (pipeline_runner_ && writer_) hold_here(true);
  }

  Result<void> start_workers() override {
    log_->set_wake([this](storage::Stream stream) {
      if (stream != storage::Stream::kEvents) return;
      pipeline_runner_->wake();
      writer_->wake();
      changed_.store(true, std::memory_order_relaxed);
    });
    if (roles_.has("workers")) {
      pipeline_runner_->start();
      ZHIYIN_TRY_VOID(writer_->start());
    }
    // Where others send, too, the leader closes what the dead left half done (`lead`).
    if (sharing_ == nullptr) ZHIYIN_TRY_VOID(engine_->recover());
    worker_ = std::thread([this] { work(); });
    relay_ = std::thread([this] { relay_own_events(); });
    reading_ = std::thread([this] { look_at_items(); });
    listing_ = std::thread([this] { keep_lists_fresh(); });
    if (sharing_ != nullptr) follower_ = std::thread([this] { follow_changes(); });
    return {};
  }

 private:
  Result<void> open_stores() {
    ZHIYIN_TRY(auto state, storage::open_state(options_.text("storage.state"), logger_));
    state_ = storage::gated(std::move(state), gate_);
    const auto migrations = installation_migrations();
    ZHIYIN_TRY_VOID(storage::migrate_own_state(
        *state_, migrations, fs::path(options_.text("data_dir")) / "installation.id"));
    ZHIYIN_TRY_VOID(storage::check_in_use(*state_));
    ZHIYIN_TRY(place_, place());
    ZHIYIN_TRY_VOID(join_others());
    if (!membership_) ZHIYIN_TRY_VOID(heed_move());
    ZHIYIN_TRY(auto log, storage::open_event_log(options_.text("storage.log"), logger_));
    ZHIYIN_TRY(auto bases, storage::offset_bases(*state_));
    log_ = server::watched(
        storage::gated(storage::with_offset_bases(std::move(log), std::move(bases)), gate_),
        readiness_);
    ZHIYIN_TRY(warehouse_,
               storage::open_warehouse(
                   options_.text("storage.warehouse"),
                   static_cast<int>(options_.integer("storage.warehouse_memory_mb")), logger_));
    ZHIYIN_TRY_VOID(audience::create_segment_tables(*warehouse_));
    ZHIYIN_TRY(const Secret secret, installation_secret(options_));
    ZHIYIN_TRY_VOID(open_keys());
    ZHIYIN_TRY(vault_, storage::Vault::create(keys_ ? *keys_ : *state_, secret));
    return {};
  }

  Result<void> open_keys() {
    ZHIYIN_TRY(auto keys, storage::open_key_state(options_.text("storage.state")));
    if (!keys) return {};
    ZHIYIN_TRY_VOID(storage::adopt_keys(*state_, *keys));
    keys_ = storage::gated(std::move(keys), gate_);
    return {};
  }

  /// Of this folder only one process can be at work: a move that another one began has ended.
  Result<void> heed_move() {
    ZHIYIN_TRY_VOID(storage::give_up_move(*state_, place_));
    ZHIYIN_TRY(const auto mark, storage::move_mark(*state_));
    return storage::check_mark(mark, place_);
  }

  /// Where the state is on a server, other processes may work on it, too: beside this one, or not
  /// at all.
  Result<void> join_others() {
    const std::string& state = options_.text("storage.state");
    if (!state.starts_with("postgres")) return {};
    // Connections of its own, so that signs of life do not wait behind long work.
    ZHIYIN_TRY(membership_state_, storage::open_state(state, logger_));
    storage::Membership::Settings settings;
    settings.place = place_;
    settings.name = name();
    settings.roles = options_.text("server.roles");
    settings.stores = stores();
    settings.lease = options_.duration("server.lease");
    settings.shares = options_.text("storage.log").starts_with("kafka:") &&
                      options_.text("storage.warehouse").starts_with("clickhouse:") &&
                      options_.text("clock") == "system";
    settings.works = !serving_ || roles_.has("workers");
    settings.yields = !serving_;
    auto joined = storage::Membership::join(*membership_state_, logger_, settings);
    // A conflict would mean that a server of this folder can be asked instead.
    if (!joined && joined.error().code == ErrorCode::kConflict)
      joined.error().code = ErrorCode::kUnavailable;
    if (!joined) return std::unexpected(joined.error());
    membership_ = std::move(*joined);
    gate_.set_guard({[this] { return membership_->lives(); },
                     [this](storage::Session& db) { return membership_->check_not_moved(db); }});
    if (settings.shares) sharing_ = membership_.get();
    return {};
  }

  /// Of this folder, and of no other.
  Result<std::string> place() const {
    const fs::path path = fs::path(options_.text("data_dir")) / "process.id";
    constexpr std::size_t kBytesMax = 200;
    auto stored = read_file(path, kBytesMax);
    if (!stored && stored.error().code != ErrorCode::kNotFound) return stored;
    if (stored) return stored;
    std::string made = crypto::base32(crypto::random_bytes(16));
    ZHIYIN_TRY_VOID(write_file(path, made, 0600));
    return made;
  }

  std::string name() const {
    char host[256] = "";
    (void)::gethostname(host, sizeof host - 1);
    return fmt::format("{}:{}{}", host, options_.integer("server.port"),
                       serving_ ? "" : " (command)");
  }

  /// What must be the same for all, without names and passwords.
  std::string stores() const {
    std::string text;
    for (const char* option : {"storage.log", "storage.warehouse"}) {
      const std::string& url = options_.text(option);
      const std::size_t at = url.rfind('@');
      text += (at == std::string::npos ? url : url.substr(at + 1)) + "\n";
    }
    return crypto::hex(crypto::sha256(text)).substr(0, 32);
  }

  /// After each sign of life, on its thread: what others asked for, and what may have become ours.
  void beaten() {
    if (sharing_ == nullptr) return;
    if (sharing_->held() != held_.load()) hold_here(sharing_->held());
    pipeline_runner_->wake();
    writer_->wake();
    report("runs", runs_->beat());
  }

  /// Does what only one process may do.
  [[nodiscard]] bool leads() const { return sharing_ == nullptr || sharing_->duties().leads; }

  Result<Json> processes() const {
    Json items = Json::array();
    if (!membership_) {
      items.push(Json()
                     .set("name", name())
                     .set("roles", options_.text("server.roles"))
                     .set("works", !serving_ || roles_.has("workers"))
                     .set("leads", true)
                     .set("partitions", storage::kPartitions)
                     .set("self", true));
      return Json().set("items", std::move(items)).set("next", Json());
    }
    ZHIYIN_TRY(const auto list, membership_->list());
    for (const storage::MemberProcess& p : list) {
      items.push(Json()
                     .set("name", p.name)
                     .set("roles", p.roles)
                     .set("works", p.works)
                     .set("leads", p.leads)
                     .set("partitions", p.partitions)
                     .set("started_at", to_json(p.started_at))
                     .set("expires_at", to_json(p.expires_at))
                     .set("self", p.id == membership_->id()));
    }
    return Json().set("items", std::move(items)).set("next", Json());
  }

  /// What other processes may have changed, once a second.
  void follow_changes() {
    MutexLock lock(worker_mutex_);
    while (!stop_.load()) {
      worker_mutex_.unlock();
      report("changes", look_at_changes());
      worker_mutex_.lock();
      if (!stop_.load()) (void)changes_wake_.wait_for(worker_mutex_, kLookEvery);
    }
  }

  Result<void> look_at_changes() {
    auth_->forget_cached();
    ZHIYIN_TRY_VOID(vault_->forget_erased());
    ZHIYIN_TRY_VOID(recommendations_->look_for_model());
    ZHIYIN_TRY(const std::int64_t newest, items_->newest_change());
    if (std::exchange(items_seen_, newest) != newest) items_->refresh();
    return {};
  }

  Result<void> open_clock() {
    if (options_.text("clock") == "system") {
      clock_ = std::make_unique<SystemClock>();
      return {};
    }
    if (options_.text("clock") != "stepped") {
      return fail(ErrorCode::kInvalidArgument, "clock: '{}' is neither system nor stepped",
                  options_.text("clock"));
    }
    ZHIYIN_TRY(const Instant start, parse_time(options_.text("clock_start"), TimeZone::shanghai()));
    ZHIYIN_TRY(const Instant now, ClockState::load(*state_, start));
    auto stepped = std::make_unique<SteppedClock>(now);
    stepped_ = stepped.get();
    clock_ = std::move(stepped);
    return {};
  }

  server::Language::Settings language_settings() const {
    server::Language::Settings out;
    const std::string& file = options_.text("language.encoder");
    out.encoder = file.empty() ? server::Language::default_encoder() : fs::path(file);
    out.threads = static_cast<std::size_t>(options_.integer("language.threads"));
    out.batch_tokens = static_cast<std::size_t>(options_.integer("language.batch_tokens"));
    out.waiting_tokens = static_cast<std::size_t>(options_.integer("language.waiting_tokens"));
    out.patience = std::chrono::duration_cast<std::chrono::milliseconds>(
        options_.duration("language.patience"));
    return out;
  }

  void build_reading_side() {
    items_.emplace(*state_);
    people_.emplace(*state_, *vault_);
    models_.emplace(*state_);
    // What another process changes would be noticed too late.
    const std::int64_t recent_mb =
        membership_ == nullptr ? options_.integer("recommend.people_memory_mb") : 0;
    std::size_t recent_bytes = static_cast<std::size_t>(recent_mb) << 20;
    // What was shown to somebody takes about as much as what somebody did.
    if (recommend_settings_.fatigue.shows > 0)
      recommend_settings_.shown_bytes_max = recent_bytes -= recent_bytes / 2;
    recent_people_.emplace(recent_bytes);
    segments_.emplace(*state_, *warehouse_, *people_, *items_, &*recent_people_);
    segment_audience_.emplace(*segments_);
    recommendations_.emplace(*models_, *items_, *log_, *state_, logger_, recommend_settings_,
                             &*recent_people_);
    // Nobody else may hold people whom this process erases.
    kept_counts_.emplace(fs::path(options_.text("data_dir")) / "training" / "pair_counts",
                         membership_ == nullptr && options_.boolean("recommend.keep_counts"));
    language_.emplace(language_settings(), *models_, metrics_, logger_);
    item_reader_.emplace(server::ItemReader::Parts{*items_, *state_, *language_, *recommendations_,
                                                   logger_, language_settings().encoder});
    trends_.emplace(server::SegmentTrends::Parts{*segments_, *state_, *warehouse_, *models_,
                                                 logger_, trend_traits_});
    drift_.emplace(
        *language_, *state_, *clock_, logger_,
        model::DriftAlertRule{
            .above = static_cast<double>(options_.integer("language.drift_hundredths")) / 100,
            .texts_min = options_.integer("language.drift_texts")});
    duplicates_.emplace(
        server::DuplicateIndexes::Settings{
            .folder = fs::path(options_.text("data_dir")) / "duplicates",
            .texts_max = options_.integer("language.duplicate_texts")},
        *state_, *clock_, logger_);
    quarantine_.emplace(*state_, *vault_);
    auth_.emplace(*state_);
    audit_.emplace(*state_);
    links_.emplace(*state_, *vault_);
  }

  Result<void> build_writing_side() {
    refused_records_.emplace(*vault_, *clock_, metrics_);
    pipeline_.emplace(options_.duration("intake.dedupe_window"), &*refused_records_);
    pipeline_->add_counting(kind_counts_);
    pipeline_->add(people_projection_);
    recent_people_projection_.emplace(*recent_people_);
    pipeline_->add(*recent_people_projection_);
    live_segments_.emplace(people_projection_, *items_, &*recent_people_);
    pipeline_->add(*live_segments_);
    pipeline_->add(item_statistics_);
    pipeline_->add(delivery_projection_);
    pipeline_->add(erasure_requests_);
    storage::ProjectionRunner::Settings runner{.membership = sharing_};
    ingest::WarehouseWriter::Settings writer{.refused = &*refused_records_, .membership = sharing_};
    // The largest batches keep to a fourth of the memory that there is.
    constexpr std::int64_t kBytesOfRecord = 20'000;
    const auto fitting = static_cast<std::size_t>(memory_bytes() / kBytesOfRecord);
    runner.batch_max = std::min(runner.batch_max, fitting);
    writer.rows_max = std::min(writer.rows_max, fitting);
    pipeline_runner_.emplace(*log_, *state_, *pipeline_, logger_, runner);
    writer_.emplace(*log_, *state_, *warehouse_, *pipeline_runner_, logger_, writer);
    accounts_.emplace(*state_, *vault_, *clock_);
    account_names_.emplace(*accounts_);
    ingest::Intake::Settings intake;
    if (options_.text("intake.unknown_accounts") == "quarantine") {
      intake.account_known = [this](std::string_view name) { return account_names_->known(name); };
    } else if (options_.text("intake.unknown_accounts") != "accept") {
      return fail(ErrorCode::kInvalidArgument,
                  "intake.unknown_accounts: '{}' is neither accept nor quarantine",
                  options_.text("intake.unknown_accounts"));
    }
    ZHIYIN_TRY(kinds_, ingest::EventCatalogue::create(*state_));
    ZHIYIN_TRY_VOID(apply_kind_files());
    intake.catalogue = kinds_.get();
    intake.refuse_unknown_kinds = options_.text("intake.unknown_kinds") == "quarantine";
    if (!intake.refuse_unknown_kinds && options_.text("intake.unknown_kinds") != "accept") {
      return fail(ErrorCode::kInvalidArgument,
                  "intake.unknown_kinds: '{}' is neither accept nor quarantine",
                  options_.text("intake.unknown_kinds"));
    }
    intake_.emplace(*log_, *state_, *vault_, *clock_, metrics_, std::move(intake));
    return {};
  }

  /// Kinds of events that are declared in files, in the order of their names.
  Result<void> apply_kind_files() {
    const std::filesystem::path folder = options_.text("intake.kinds");
    if (folder.empty() || !std::filesystem::is_directory(folder)) return {};
    std::vector<std::filesystem::path> files;
    for (const auto& entry : std::filesystem::directory_iterator(folder)) {
      if (entry.path().extension() == ".toml") files.push_back(entry.path());
    }
    std::ranges::sort(files);
    constexpr std::size_t kFileBytesMax = 1 << 20;
    for (const auto& file : files) {
      ZHIYIN_TRY(const std::string text, read_file(file, kFileBytesMax));
      auto kinds = ingest::parse_kinds(text);
      if (!kinds)
        return std::unexpected(within(file.filename().string(), std::move(kinds.error())));
      for (auto& kind : *kinds) ZHIYIN_TRY_VOID(kinds_->put(std::move(kind), std::nullopt));
    }
    return {};
  }

  void build_campaigns() {
    http_client_ = http::Client::create({});
    const std::string base_url = options_.text("wechat.base_url");
    token_store_.emplace(*state_, *vault_, wechat::TokenStore::Settings{.holder = place_});
    tokens_.emplace(*http_client_, *clock_, metrics_, logger_, base_url, &*token_store_);
    wechat::OfficialAccountClient::Settings settings;
    settings.base_url = base_url;
    call_budget_.emplace(*state_, quota_holder());
    settings.budget = &*call_budget_;
    wechat_.emplace(*http_client_, *tokens_, metrics_, logger_, std::move(settings));
    recipients_.emplace(*people_, *clock_);
    build_callbacks();
    senders_.emplace(*accounts_);
    channel_.emplace(*accounts_, *wechat_);
    campaigns_.emplace(*state_);
    grouped_writes_.emplace(*state_, delivery::QuotaPage::around);
    build_engine(public_url());
  }

  void build_callbacks() {
    answer_source_.emplace(*http_client_, steady_, delivery::HttpAnswerSource::Settings{});
    delivery::AnswerDesk::Parts parts{
        *state_,
        *vault_,
        *clock_,
        steady_,
        *answer_source_,
        [this](const AccountId& account, const std::string& openid, delivery::DirectMessage message,
               std::optional<delivery::Occasion> answers) {
          return delivery::DirectSends({*state_, *accounts_, *recipients_, *wechat_->platform(),
                                        *clock_, quota_holder(), &*grouped_writes_})
              .send(account, openid, std::move(message), answers);
        },
        [this](const wechat::Account& account) { return may_push(account); },
        [this](const AccountId& id) -> std::shared_ptr<const wechat::Account> {
          Result<wechat::Account> account = accounts_->get(id);
          if (!account) return nullptr;
          return std::make_shared<const wechat::Account>(std::move(*account));
        },
        metrics_,
        logger_};
    answers_.emplace(std::move(parts), uuid_v7(clock_->now()), delivery::AnswerDesk::Settings{});
    welcomes_.emplace(delivery::WecomWelcomes::Parts{*state_, *vault_, *wechat_->platform(),
                                                     *clock_, metrics_, logger_});
    callback_store_.emplace(*state_, *vault_);
    callbacks_.emplace(wechat::CallbackEndpoint::Parts{*accounts_, *callback_store_, *clock_,
                                                       metrics_, logger_, &*answers_},
                       [this](std::span<const wechat::CallbackEndpoint::Taken> taken) {
                         return take_over(taken);
                       });
  }

  /// Whether the account may answer by a customer-service message, and has one left today.
  bool may_push(const wechat::Account& account) {
    if (!wechat::may_send_customer_service(account) || account.kind == wechat::AccountKind::kWecom)
      return false;
    const auto sender = delivery::sender_of(account);
    if (!sender) return false;
    std::int64_t left = 0;
    const auto done = state_->read([&](storage::Session& db) -> Result<void> {
      const auto today =
          delivery::QuotaLedger::today(account.id, delivery::ChannelKind::kCustomerService,
                                       clock_->now(), sender->rules.platform_zone);
      ZHIYIN_TRY(left,
                 delivery::QuotaLedger::left(db, today, account.policy.customer_service_per_day));
      ZHIYIN_TRY(const bool is_held, delivery::SendHolds::is_held(db, account.id));
      if (is_held) left = 0;
      return {};
    });
    return done && left > 0;
  }

  void build_engine(const std::string& url) {
    campaign::CampaignEngine::Settings settings;
    settings.public_url = url;
    engine_.emplace(
        campaign::CampaignEngine::Parts{*state_, *segment_audience_, *recipients_, *senders_,
                                        *channel_, *clock_, logger_, quota_holder()},
        settings);
    if (sharing_ == nullptr) return;
    // Campaigns are driven by the leader: what another has taken over in the meantime is not
    // written.
    leading_state_ = std::make_unique<storage::FencedState>(
        *state_, [this](storage::Session& db) { return sharing_->check_leads(db); });
    leading_engine_.emplace(
        campaign::CampaignEngine::Parts{*leading_state_, *segment_audience_, *recipients_,
                                        *senders_, *channel_, *clock_, logger_, quota_holder()},
        settings);
  }

  /// Where other processes send, too, each takes chunks of the budgets.
  [[nodiscard]] delivery::QuotaHolder quota_holder() const {
    constexpr std::int64_t kChunk = 200;
    return {.process = place_, .chunk = sharing_ != nullptr ? kChunk : 0};
  }

  campaign::CampaignEngine& ticking() { return leading_engine_ ? *leading_engine_ : *engine_; }

  [[nodiscard]] std::string public_url() const {
    const std::string& url = options_.text("server.public_url");
    if (!url.empty()) return url;
    return fmt::format("http://{}:{}", options_.text("server.address"),
                       options_.integer("server.port"));
  }

  Result<void> build_services() {
    ZHIYIN_TRY(generators_,
               TextGenerators::create(options_, *http_client_, *clock_, logger_, serving_));
    ZHIYIN_TRY(runs_, server::Runs::create(*state_, sharing_));
    analysis_files_.emplace(fs::path(options_.text("data_dir")) / "analyses", *language_, *runs_,
                            logger_);
    ZHIYIN_TRY(const bool has_keys, auth_->has_keys());
    if (!has_keys) {
      ZHIYIN_TRY(const Json key, auth_->create_key({"first admin", server::Role::kAdmin, {}}));
      first_admin_key_ = key["key"].string_or("");
    }
    services_.reset(new server::Services{
        options_,
        *clock_,
        stepped_,
        logger_,
        metrics_,
        *log_,
        *state_,
        keys_.get(),
        *warehouse_,
        *vault_,
        *pipeline_runner_,
        *intake_,
        *quarantine_,
        *kinds_,
        *accounts_,
        *callbacks_,
        *answers_,
        *tokens_,
        *token_store_,
        *http_client_,
        *wechat_,
        *items_,
        *people_,
        *segments_,
        *links_,
        *campaigns_,
        *engine_,
        *models_,
        generators_->generator(),
        *language_,
        *drift_,
        *duplicates_,
        *analysis_files_,
        *recommendations_,
        *kept_counts_,
        *auth_,
        *audit_,
        *runs_,
        readiness_,
        public_url(),
        [this] { return settle(); },
        [this] { return run_due_work(); },
        [this] { return pipeline_runner_->lag() + writer_->lag(); },
        [this] { wake_worker(); },
        [this](const std::function<Result<void>()>& work) { return while_warehouse_stands(work); },
        [this](bool held) { hold(held); },
        gate_,
        [this] { return processes(); },
        [this] { return membership_ ? membership_->id() : place_; },
        quota_holder(),
        *grouped_writes_,
        generators_->budget()});
    metrics_.gauge("zhiyin_projection_lag_records", "Records that state has not dealt with yet.",
                   [this] { return static_cast<double>(pipeline_runner_->lag()); });
    metrics_.gauge("zhiyin_warehouse_lag_records",
                   "Records that the warehouse has not dealt with yet.",
                   [this] { return static_cast<double>(writer_->lag()); });
    return {};
  }

  void set_public_url(const std::string& url) override {
    if (!options_.text("server.public_url").empty()) return;
    services_->public_url = url;
    // The engine is rebuilt in place before any request or tick: references to it stay good.
    leading_engine_.reset();
    engine_.reset();
    build_engine(url);
  }

  Result<void> take_mass_result(const wechat::Callback& callback) {
    const delivery::MassTotals totals{callback.status, callback.mass.total, callback.mass.filtered,
                                      callback.mass.sent, callback.mass.failed};
    return state_->write([&](storage::Session& db) {
      return delivery::SendLedger::record_mass_result(db, callback.account, callback.msg_id, totals,
                                                      clock_->now());
    });
  }

  /// What callbacks mean to the rest of the program, one outcome for each; repeatable.
  std::vector<Result<void>> take_over(std::span<const wechat::CallbackEndpoint::Taken> taken) {
    std::vector<Result<void>> out(taken.size());
    std::vector<ingest::WireEvent> events;
    std::vector<std::size_t> of;  // to which of `taken` each event belongs
    for (std::size_t i = 0; i < taken.size(); ++i) {
      const wechat::Callback& callback = taken[i].callback;
      if (callback.kind == wechat::CallbackKind::kMassResult) {
        out[i] = take_mass_result(callback);
        continue;
      }
      for (auto& event : {ingest::to_wire_event(callback),
                          ingest::to_consent_event(callback, taken[i].decision)}) {
        if (!event) continue;
        events.push_back(*event);
        of.push_back(i);
        // The platform's clock may run ahead of ours, within the replay window; intake allows less.
        auto& at = events.back().occurred_at;
        if (at && *at > clock_->now()) at = clock_->now();
      }
    }
    if (events.empty()) return out;
    std::vector<bool> decides;  // whether an event changes a consent
    for (const auto& event : events) decides.push_back(event.kind.starts_with("consent."));
    const auto answers = intake_->accept_and_wait(std::move(events), "wechat");
    for (std::size_t k = 0; k < of.size(); ++k) {
      Result<void>& outcome = out[of[k]];
      if (!answers) {
        outcome = std::unexpected(answers.error());
        continue;
      }
      const ingest::Answer& answer = answers->at(k);
      if (answer.verdict != ingest::Verdict::kQuarantined) continue;
      logger_.warning("app", "callback_quarantined",
                      {{"account", taken[of[k]].account.id}, {"reason", answer.reason}});
      // Nobody is told that they have opted out before that is so.
      if (decides[k]) {
        outcome =
            fail(ErrorCode::kUnavailable, "callback: the consent was not taken: {}", answer.reason);
      }
    }
    for (std::size_t i = 0; i < taken.size(); ++i) {
      if (out[i]) welcomes_->greet(taken[i].account, taken[i].callback);
    }
    return out;
  }

  /// In all processes.
  void hold(bool held) {
    if (sharing_ == nullptr) return hold_here(held);
    report("hold", sharing_->set_held(held));  // first, else `beaten` would undo it
    hold_here(held);
    report("hold", sharing_->beat());  // says so
    report("hold", sharing_->wait_until_followed(kHoldPatience));
  }

  void hold_here(bool held) {
    pipeline_runner_->hold(held);
    writer_->hold(held);
    held_.store(held);
    readiness_.set_held(held && roles_.has("workers"));
  }

  Result<void> settle() {
    if (held_.load()) return fail(ErrorCode::kUnavailable, "projections are held back");
    MutexLock lock(settle_mutex_);
    // A stepped clock's time is all there is; under the system's clock the worker goes on with the
    // rest.
    const int ticks_max = stepped_ != nullptr ? kTicksMax : 5;
    for (int ticks = 0;; ++ticks) {
      ZHIYIN_TRY(const std::size_t moved, relay());
      if (moved != 0) continue;
      ZHIYIN_TRY_VOID(pipeline_runner_->catch_up());
      ZHIYIN_TRY(const bool ticked, ticks < ticks_max ? tick_log() : Result<bool>(false));
      if (!ticked) break;
      ZHIYIN_TRY_VOID(pipeline_runner_->catch_up());
    }
    ZHIYIN_TRY_VOID(writer_->catch_up());
    ZHIYIN_TRY_VOID(audience::sync_people(*state_, *warehouse_));
    ZHIYIN_TRY_VOID(items_->sync_to_warehouse(*warehouse_));
    return {};
  }

  /// Tells the log what time it is, when that changes anything.
  Result<bool> tick_log() {
    const Instant now = clock_->now();
    bool due = false;
    ZHIYIN_TRY_VOID(state_->read([&](storage::Session& db) -> Result<void> {
      ZHIYIN_TRY(due, audience::tick_due(db, now));
      return {};
    }));
    if (!due) return false;
    ZHIYIN_TRY_VOID(log_->append_and_wait(storage::Stream::kEvents, {ingest::tick_record(now)}));
    return true;
  }

  /// One tick, and the next one at once when this one was not enough and the projections keep up.
  Result<void> tick_live_segments() {
    constexpr std::int64_t kBehindMax = 10'000;
    ZHIYIN_TRY(const bool ticked, tick_log());
    if (!ticked || pipeline_runner_->lag() > kBehindMax) return {};
    ZHIYIN_TRY_VOID(pipeline_runner_->catch_up());
    wake_worker();
    return {};
  }

  Result<void> while_warehouse_stands(const std::function<Result<void>()>& work) {
    MutexLock lock(settle_mutex_);
    return writer_->while_still(work);
  }

  /// True when there may be more at this moment.
  Result<bool> tick_until_idle() {
    bool worked = false;
    for (int i = 0; i < kTicksMax; ++i) {
      ZHIYIN_TRY(const auto tick, ticking().tick());
      if (!tick.more) break;
      worked = true;
    }
    return worked;
  }

  Result<void> run_due_work() {
    if (stepped_ != nullptr) {
      ZHIYIN_TRY_VOID(ClockState::save(*state_, clock_->now()));
    }
    constexpr int kRoundsMax = 100;
    for (int i = 0; i < kRoundsMax; ++i) {
      ZHIYIN_TRY_VOID(settle());
      ZHIYIN_TRY(const std::size_t erased, carry_out_erasures());
      ZHIYIN_TRY(const bool worked, tick_until_idle());
      if (!worked && erased == 0) {
        report("training", server::train_when_due(*services_, true));
        report("ranker", server::update_ranker_when_due(*services_));
        return settle();
      }
    }
    return fail(ErrorCode::kInternal, "clock: work goes on after {} rounds", kRoundsMax);
  }

  Result<std::size_t> carry_out_erasures() {
    const std::function<Result<void>()> settled = [this] { return settle(); };
    return server::carry_out_erasures({*state_, *people_, *clock_, logger_, settled,
                                       [this](const PersonId& person) -> Result<void> {
                                         ZHIYIN_TRY_VOID(recommendations_->forget(person));
                                         return server::forget_counted(*kept_counts_, *people_,
                                                                       person);
                                       },
                                       &*recent_people_});
  }

  /// One at a time, else both would put the same into the log.
  Result<std::size_t> relay() {
    MutexLock lock(relay_mutex_);
    return storage::Outbox::relay(*state_, *log_);
  }

  /// On a thread of its own: nobody's news wait for a campaign or for the warehouse.
  void relay_own_events() {
    MutexLock lock(worker_mutex_);
    while (!stop_.load()) {
      worker_mutex_.unlock();
      if (leads()) report("outbox", relay());
      worker_mutex_.lock();
      if (!stop_.load()) (void)relay_wake_.wait_for(worker_mutex_, kRelayEvery);
    }
  }

  Result<void> count_trends() {
    if (held_.load()) return {};
    ZHIYIN_TRY(auto trends, trends_->count_when_due(clock_->now()));
    if (!trends) return {};
    recommendations_->set_trends(std::move(trends));
    return {};
  }

  /// Texts of items, feeds, trends of segments. On a thread of its own: it takes long, and nothing
  /// waits for it.
  void look_at_items() {
    constexpr auto kAfterFailure = std::chrono::minutes(1);
    MutexLock lock(worker_mutex_);
    while (!stop_.load()) {
      worker_mutex_.unlock();
      const bool works = leads() && !held_.load();
      const bool reads = works && options_.boolean("catalogue.read_texts");
      const Result<bool> more = reads ? item_reader_->read_some() : Result<bool>(false);
      report("item texts", more);
      const auto followed = item_reader_->follow();
      report("item vectors", followed);
      const auto trends = count_trends();
      report("segment trends", trends);
      const bool asks = works && stepped_ == nullptr;
      const auto asked =
          asks ? server::refresh_feed(*services_, clock_->now()) : Result<bool>(false);
      report("feeds", asked);
      language_->let_go_if_idle(std::chrono::steady_clock::now());
      worker_mutex_.lock();
      if (stop_.load()) return;
      const bool failed = !more || !followed || !trends || !asked;
      if (failed) {
        (void)reading_wake_.wait_for(worker_mutex_, kAfterFailure);
      } else if (!*more && !*asked) {
        (void)reading_wake_.wait_for(worker_mutex_, kLookEvery);
      }
    }
  }

  /// Recommenders of a large catalogue follow its changes once a second.
  void keep_lists_fresh() {
    MutexLock lock(worker_mutex_);
    while (!stop_.load()) {
      worker_mutex_.unlock();
      report("lists", recommendations_->catch_up());
      worker_mutex_.lock();
      if (!stop_.load()) (void)listing_wake_.wait_for(worker_mutex_, kLookEvery);
    }
  }

  /// The worker's thread: campaigns that are due, people and items into the warehouse.
  void work() {
    Instant trimmed = clock_->now();
    std::optional<Instant> sized;
    std::chrono::steady_clock::time_point shown, drift_saved;
    bool led = false;
    while (!wait_for_work()) {
      if (const auto now = std::chrono::steady_clock::now(); now - drift_saved > kDriftEvery) {
        report("drift", drift_->save());
        drift_saved = now;
      }
      if (!held_.load()) report("impressions", recommendations_->flush());
      const bool leading = leads();
      if (sharing_ != nullptr && leading && !led)
        report("recovery", engine_->recover(kTestSendLasts));
      if (leading && !led && !held_.load())
        report("retention", server::finish_retention(*services_));
      led = leading;
      if (!leading) continue;
      if (stepped_ == nullptr && !held_.load()) {
        report("erasures", carry_out_erasures());
        report("segments", tick_live_segments());
        report("campaigns", tick_and_prepare());
        report("training", server::train_when_due(*services_, false));
        report("ranker", server::update_ranker_when_due(*services_));
      }
      if (changed_.exchange(false) && !held_.load()) report("warehouse", sync_warehouse());
      if (const auto now = std::chrono::steady_clock::now(); now - shown > kShowEvery) {
        if (options_.text("storage.log").starts_with("kafka:"))
          report("positions", storage::show_positions(*state_, *log_));
        shown = now;
      }
      if (!sized || clock_->now() - *sized > kSizeEvery) {
        report("store sizes", server::note_sizes(*services_));
        sized = clock_->now();
      }
      if (clock_->now() - trimmed > kTrimEvery) {
        report("callbacks", callback_store_->trim(clock_->now()));
        report("shown items", recommendations_->tidy(clock_->now()));
        report("sessions", server::trim_session_feedback(*state_, clock_->now()));
        server::tidy_batches(*services_);
        report("quotas", tidy_quotas());
        report("mass jobs", ask_about_silent_jobs());
        report("tasks", delivery::WecomSends::close_left(*state_, clock_->now()));
        report("late answers", answers_->log().trim(clock_->now()));
        if (sharing_ != nullptr) report("recovery", engine_->recover(kTestSendLasts));
        // A stepped clock jumps over weeks: whoever steps it says when something goes.
        if (stepped_ == nullptr && !held_.load())
          report("retention", server::apply_retention(*services_, false));
        trimmed = clock_->now();
      }
    }
  }

  /// With the system's clock: a due campaign sees everything acknowledged before it fixes its
  /// audience.
  Result<void> tick_and_prepare() {
    // What was acknowledged before (somebody's "TD", for instance) counts for what is sent now.
    if (pipeline_runner_->lag() > 0) ZHIYIN_TRY_VOID(pipeline_runner_->catch_up());
    ZHIYIN_TRY(auto tick, ticking().tick());
    while (tick.more && !stop_.load() && leads()) {
      ZHIYIN_TRY_VOID(settle());
      ZHIYIN_TRY(tick, ticking().tick());
    }
    return {};
  }

  Result<void> tidy_quotas() {
    return state_->write([this](storage::Session& db) -> Result<void> {
      ZHIYIN_TRY(const Instant time, db.now());
      return delivery::QuotaLedger::tidy(db, clock_->now(), time);
    });
  }

  /// A report comes within minutes; when it does not, its callback was lost.
  Result<void> ask_about_silent_jobs() {
    constexpr Duration kReportLasts = std::chrono::hours(1);
    constexpr std::size_t kAskedMax = 20;
    std::vector<delivery::SilentJob> jobs;
    const Instant now = clock_->now();
    ZHIYIN_TRY_VOID(state_->read([&](storage::Session& db) -> Result<void> {
      ZHIYIN_TRY(jobs, delivery::silent_mass_jobs(db, now - kDay, now - kReportLasts, kAskedMax));
      return {};
    }));
    for (const delivery::SilentJob& job : jobs)
      ZHIYIN_TRY_VOID(delivery::ask_about_mass_job(*state_, *accounts_, *wechat_, job, now));
    return {};
  }

  Result<void> sync_warehouse() {
    MutexLock lock(settle_mutex_);
    ZHIYIN_TRY_VOID(audience::sync_people(*state_, *warehouse_));
    ZHIYIN_TRY_VOID(items_->sync_to_warehouse(*warehouse_));
    return {};
  }

  template <class T>
  void report(std::string_view what, const Result<T>& outcome) {
    if (!outcome)
      logger_.error("app", "work_failed", {{"work", what}, {"reason", outcome.error().text()}});
  }

  /// True when the worker shall stop.
  bool wait_for_work() {
    MutexLock lock(worker_mutex_);
    if (!stop_.load() && !woken_) (void)worker_wake_.wait_for(worker_mutex_, kLookEvery);
    woken_ = false;
    return stop_.load();
  }

  void wake_worker() {
    {
      MutexLock lock(worker_mutex_);
      woken_ = true;
    }
    worker_wake_.notify_all();
    relay_wake_.notify_all();
  }

  void stop_worker() {
    stop_.store(true);
    wake_worker();
    changes_wake_.notify_all();
    reading_wake_.notify_all();
    listing_wake_.notify_all();
    if (worker_.joinable()) worker_.join();
    if (relay_.joinable()) relay_.join();
    if (reading_.joinable()) reading_.join();
    if (listing_.joinable()) listing_.join();
    if (follower_.joinable()) follower_.join();
  }

  const Options options_;
  Logger& logger_;
  MetricsRegistry metrics_;
  std::unique_ptr<DataLock> lock_;
  storage::Gate gate_;
  const bool serving_;
  const Roles roles_;
  std::string place_;
  std::unique_ptr<storage::State> membership_state_;
  std::unique_ptr<storage::Membership>
      membership_;  // null: the state is a file, no other process can be there
  storage::Membership* sharing_ = nullptr;  // null: all the work is this process's
  std::unique_ptr<storage::State> state_;
  server::Readiness readiness_;
  std::unique_ptr<storage::EventLog> log_;
  std::unique_ptr<storage::Warehouse> warehouse_;
  std::unique_ptr<storage::State> keys_;  // null where they are in the state
  std::unique_ptr<storage::Vault> vault_;
  std::unique_ptr<Clock> clock_;
  SteppedClock* stepped_ = nullptr;

  std::optional<catalogue::Items> items_;
  std::optional<audience::People> people_;
  std::optional<audience::Segments> segments_;
  std::optional<campaign::SegmentAudience> segment_audience_;
  std::optional<model::Registry> models_;
  server::Recommendations::Settings recommend_settings_;
  std::optional<audience::RecentPeople> recent_people_;
  std::vector<std::string> trend_traits_;
  std::optional<server::Recommendations> recommendations_;
  std::optional<recommend::KeptCounts> kept_counts_;
  std::optional<server::Language> language_;
  std::optional<server::ItemReader> item_reader_;
  std::optional<server::SegmentTrends> trends_;
  std::optional<server::DriftDays> drift_;
  std::optional<server::DuplicateIndexes> duplicates_;
  std::optional<ingest::Quarantine> quarantine_;
  std::unique_ptr<ingest::EventCatalogue> kinds_;
  ingest::KindCounts kind_counts_;
  std::optional<server::Auth> auth_;
  std::optional<server::Audit> audit_;
  std::optional<delivery::ShortLinks> links_;

  audience::PeopleProjection people_projection_;
  std::optional<audience::RecentPeopleProjection> recent_people_projection_;
  std::optional<audience::LiveSegments> live_segments_;
  catalogue::ItemStatistics item_statistics_;
  delivery::DeliveryProjection delivery_projection_;
  server::ErasureRequests erasure_requests_;
  std::optional<ingest::RecordQuarantine> refused_records_;
  std::optional<ingest::EventPipeline> pipeline_;
  std::optional<storage::ProjectionRunner> pipeline_runner_;
  std::optional<ingest::WarehouseWriter> writer_;
  std::optional<wechat::Accounts> accounts_;
  std::optional<AccountNames> account_names_;
  std::optional<ingest::Intake> intake_;

  std::unique_ptr<http::Client> http_client_;
  std::unique_ptr<TextGenerators> generators_;
  std::optional<wechat::TokenStore> token_store_;
  std::optional<wechat::TokenKeeper> tokens_;
  std::optional<delivery::LedgerCallBudget> call_budget_;
  std::optional<wechat::OfficialAccountClient> wechat_;
  std::optional<delivery::AudienceRecipients> recipients_;
  delivery::SteadyClock steady_;
  std::optional<delivery::HttpAnswerSource> answer_source_;
  std::optional<delivery::AnswerDesk> answers_;
  std::optional<delivery::WecomWelcomes> welcomes_;
  std::optional<wechat::CallbackStore> callback_store_;
  std::optional<wechat::CallbackEndpoint> callbacks_;
  std::optional<delivery::WechatSenders> senders_;
  std::optional<delivery::WechatChannel> channel_;
  std::optional<campaign::Campaigns> campaigns_;
  std::optional<storage::GroupedWrites> grouped_writes_;
  std::optional<campaign::CampaignEngine> engine_;
  std::unique_ptr<storage::FencedState> leading_state_;
  std::optional<campaign::CampaignEngine> leading_engine_;
  std::int64_t items_seen_ = 0;  // by the follower
  std::unique_ptr<server::Runs> runs_;
  std::optional<server::AnalysisFiles> analysis_files_;  // its runs end before it
  std::unique_ptr<server::Services> services_;
  std::string first_admin_key_;

  Mutex settle_mutex_;
  std::atomic<bool> held_ = false;
  std::atomic<bool> changed_ = true;
  std::atomic<bool> stop_ = false;
  Mutex worker_mutex_;
  CondVar worker_wake_;
  bool woken_ ZHIYIN_GUARDED_BY(worker_mutex_) = false;
  std::thread worker_;
  Mutex relay_mutex_;
  CondVar relay_wake_;  // with worker_mutex_
  std::thread relay_;
  CondVar changes_wake_;  // with worker_mutex_
  std::thread follower_;
  CondVar reading_wake_;  // with worker_mutex_
  std::thread reading_;
  CondVar listing_wake_;  // with worker_mutex_
  std::thread listing_;
};

std::string absolute_path(const fs::path& base, const std::string& path) {
  if (path.empty() || fs::path(path).is_absolute()) return path;
  return (base / path).lexically_normal().string();
}

std::string absolute_url(const fs::path& base, const std::string& url) {
  const std::size_t colon = url.find(':');
  if (colon == std::string::npos || url.substr(colon).starts_with("://")) return url;
  return url.substr(0, colon + 1) + absolute_path(base, url.substr(colon + 1));
}

}  // namespace

Result<Options> load_options(const Location& location) {
  std::string text;
  std::error_code ec;
  if (fs::exists(location.config_file, ec)) {
    constexpr std::size_t kConfigBytesMax = 1 << 20;
    ZHIYIN_TRY(text, read_file(location.config_file, kConfigBytesMax));
  }
  const auto environment = zhiyin_environment();
  ZHIYIN_TRY(const Options first,
             Options::load(option_table(), text, location.config_file.filename().string(),
                           environment, location.flags));
  const fs::path base = fs::absolute(location.config_file, ec).parent_path();
  auto flags = location.flags;
  for (const char* name :
       {"data_dir", "server.tls_certificate", "server.tls_key", "intake.kinds", "generate.gguf",
        "generate.gguf_library", "generate.scripts", "language.encoder"}) {
    flags[name] = absolute_path(base, first.text(name));
  }
  for (const char* name : {"storage.log", "storage.state", "storage.warehouse"}) {
    std::string url = first.text(name);
    // The defaults lie below data_dir, wherever that is.
    const std::size_t at = url.find(":data/");
    if (at != std::string::npos && first.text("data_dir") != "data") {
      url = url.substr(0, at + 1) + first.text("data_dir") + url.substr(at + 5);
    }
    flags[name] = absolute_url(base, url);
  }
  ZHIYIN_TRY(Options options,
             Options::load(option_table(), text, location.config_file.filename().string(),
                           environment, flags));
  ZHIYIN_TRY_VOID(check_options(options));
  return options;
}

Result<std::unique_ptr<Installation>> Installation::open(Options options, Logger& logger,
                                                         bool serving) {
  auto installation = std::make_unique<BuiltInstallation>(std::move(options), logger, serving);
  ZHIYIN_TRY_VOID(installation->build());
  return installation;
}

}  // namespace zhiyin::app
