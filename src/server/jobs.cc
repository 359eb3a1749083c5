#include "server/jobs.h"

#include <algorithm>
#include <chrono>
#include <thread>

#include "audience/response_training.h"
#include "base/crypto.h"
#include "base/utf8.h"
#include "ingest/import.h"
#include "ingest/mapping.h"

namespace zhiyin::server {
namespace {

constexpr storage::Migration kMigrations[] = {{"server-004-mapping",
                                               "CREATE TABLE mapping (name TEXT PRIMARY KEY, toml "
                                               "TEXT NOT NULL, updated_at BIGINT NOT NULL)"}};

Result<std::optional<ingest::Mapping>> find_mapping(storage::State& state, const ImportJob& job) {
  if (!job.mapping_toml.empty()) {
    ZHIYIN_TRY(auto mapping, ingest::parse_mapping(job.mapping_toml, job.mapping));
    return mapping;
  }
  if (job.mapping.empty()) return std::optional<ingest::Mapping>();
  ZHIYIN_TRY(const auto rows,
             state.query("SELECT toml FROM mapping WHERE name = ?1", {job.mapping}));
  if (!rows.rows.empty()) {
    ZHIYIN_TRY(auto mapping, ingest::parse_mapping(storage::as_text(rows.rows[0][0]), job.mapping));
    return mapping;
  }
  ZHIYIN_TRY(auto mapping, ingest::find_shipped_mapping(job.mapping));
  return mapping;
}

catalogue::Item to_item(ingest::ImportedItem in) {
  catalogue::Item item;
  item.kind = std::move(in.ref.kind);
  item.id = std::move(in.ref.id);
  // Where a file gives no title, people see the id.
  item.title =
      utf8::truncate(in.title.find_first_not_of(' ') == std::string::npos ? item.id : in.title,
                     catalogue::kTitleBytesMax);
  item.text = std::move(in.text);
  item.tags = std::move(in.tags);
  item.category = std::move(in.category);
  item.author = std::move(in.author);
  item.url = std::move(in.url);
  item.price = in.price;
  item.published_at = in.published_at;
  item.cover = std::move(in.cover);
  item.campaign = std::move(in.campaign);
  item.stock = in.stock;
  item.valid_from = in.valid_from;
  item.valid_until = in.valid_until;
  return item;
}

/// Waits until what the log holds now is projected; tells how much is left, and ends when the run
/// shall stop.
Result<void> wait_for_projections(Services& s, RunContext& run) {
  constexpr auto kLookEvery = std::chrono::milliseconds(200);
  constexpr auto kPatience = std::chrono::minutes(2);
  const auto tell = [&] {
    run.report(std::nullopt,
               fmt::format("等待入库，还有 {0} 条 / waiting: {0} records", s.pipeline.lag()));
  };
  if (!s.pipeline.running()) {  // a command without a server, or one whose work others do
    std::jthread teller([&](const std::stop_token& stop) {
      for (; !stop.stop_requested(); std::this_thread::sleep_for(kLookEvery)) tell();
    });
    for (;;) {
      auto caught_up = s.pipeline.catch_up();  // for a while at a time, where other processes do it
      if (caught_up || caught_up.error().code != ErrorCode::kDeadline) return caught_up;
      if (run.cancelled())
        return fail(ErrorCode::kConflict, "import: cancelled while it waited for earlier records");
    }
  }
  ZHIYIN_TRY(const storage::Positions target, s.log.end(storage::Stream::kEvents));
  const auto left = [&](const storage::Positions& at) {
    std::int64_t n = 0;
    for (std::size_t p = 0; p < target.size(); ++p)
      n += std::max<std::int64_t>(0, target[p] - at[p]);
    return n;
  };
  s.pipeline.wake();
  std::int64_t last = left(s.pipeline.positions());
  auto moved_at = std::chrono::steady_clock::now();
  while (last > 0) {
    if (run.cancelled())
      return fail(ErrorCode::kConflict, "import: cancelled while it waited for earlier records");
    if (!s.pipeline.running()) return fail(ErrorCode::kUnavailable, "import: the server stops");
    const auto now = std::chrono::steady_clock::now();
    if (now - moved_at > kPatience) {
      return fail(ErrorCode::kUnavailable,
                  "import: earlier records are not taken in, {} wait (see the log of the server); "
                  "try again later",
                  last);
    }
    tell();
    std::this_thread::sleep_for(kLookEvery);
    const std::int64_t n = left(s.pipeline.positions());
    if (n < last) moved_at = now;
    last = n;
  }
  return {};
}

bool is_connected(Services& s, const std::string& account) {
  const auto found = s.accounts.get(AccountId(account));
  return found || found.error().code != ErrorCode::kNotFound;
}

Json model_result(const model::ModelRecord& record) {
  Json out;
  out.set("model", record.id)
      .set("version", record.version)
      .set("settings", record.settings)
      .set("metrics", record.metrics);
  out.set("checksum", record.checksum).set("active", record.active);
  return out;
}

ingest::WireEvent follow_event(const AccountId& account, const wechat::UserInfo& user,
                               Instant now) {
  ingest::WireEvent event;
  event.account = account.value;
  event.identities.push_back({account.value, "openid", user.openid});
  if (!user.unionid.empty()) event.identities.push_back({account.value, "unionid", user.unionid});
  event.kind = "follow";
  event.occurred_at = user.subscribed_at.value_or(now);
  event.event_id =
      "sync-" + crypto::hex(crypto::sha256(fmt::format("{}\n{}\n{}", account.value, user.openid,
                                                       event.occurred_at->us)))
                    .substr(0, 40);
  event.properties.set("scene", user.subscribe_scene).set("origin", "sync");
  return event;
}

}  // namespace

std::span<const storage::Migration> job_migrations() { return kMigrations; }

Result<void> store_mapping(storage::State& state, std::string_view name, std::string_view toml) {
  return state.write([&](storage::Session& db) -> Result<void> {
    ZHIYIN_TRY_VOID(
        db.execute("INSERT INTO mapping (name, toml, updated_at) VALUES (?1, ?2, ?3) ON CONFLICT "
                   "(name) DO UPDATE SET toml = ?2, updated_at = ?3",
                   {std::string(name), std::string(toml), SystemClock().now().us}));
    return {};
  });
}

Result<Json> list_mappings(storage::State& state) {
  ZHIYIN_TRY(const auto rows, state.query("SELECT name FROM mapping ORDER BY name"));
  Json items = Json::array();
  for (const auto& row : rows.rows)
    items.push(Json().set("name", storage::as_text(row[0])).set("shipped", false));
  for (const auto& shipped : ingest::shipped_mappings())
    items.push(Json().set("name", shipped.name).set("shipped", true));
  return Json().set("items", std::move(items)).set("next", Json());
}

Result<Json> import_file(Services& s, const ImportJob& job, RunContext& run) {
  ingest::ImportRequest request;
  request.path = job.path;
  request.file_name = job.file_name;
  request.account = job.account;
  request.run = run.id();
  request.rows_are_people = job.rows_are_people;
  ZHIYIN_TRY(request.mapping, find_mapping(s.state, job));
  const auto put_items = [&s](std::vector<ingest::ImportedItem> imported) -> Result<void> {
    std::vector<catalogue::Item> items;
    for (ingest::ImportedItem& item : imported) items.push_back(to_item(std::move(item)));
    return s.items.put(items);
  };
  const auto progress = [&run](const ingest::ImportProgress& p) {
    // A file that is cut short is read to its end, too: only the end of the import is all of it.
    constexpr double kNearlyAll = 0.99;
    const double share = p.bytes_total > 0 ? static_cast<double>(p.bytes_done) /
                                                 static_cast<double>(p.bytes_total) * kNearlyAll
                                           : 0;
    run.report(share, fmt::format("{0} 行，{1} 个事件 / {0} rows, {1} events", p.rows, p.events));
  };
  ingest::ImportContext context{s.intake, s.state, s.clock};
  context.put_items = put_items;
  context.check_item = [](const ingest::ImportedItem& item) {
    return catalogue::validate(to_item(item));
  };
  context.progress = progress;
  context.cancelled = [&run] { return run.cancelled(); };
  context.settle = [&s, &run] { return wait_for_projections(s, run); };
  ZHIYIN_TRY(auto report, ingest::run_import(request, std::move(context)));
  report.behind = s.pipeline.lag();
  if (!report.account.empty() && !is_connected(s, report.account)) {
    report.quality.notes.push_back(
        fmt::format("没有接入账号 '{0}'，请确认账号无误 / no account '{0}' is connected: see that "
                    "the name is right "
                    "(zhiyin account list)",
                    report.account));
  }
  const auto& q = report.quality;
  if (report.state == ingest::ImportState::kDone) {
    run.report(1, fmt::format("{0} 行，{1} 个事件 / {0} rows, {1} events", q.rows, q.events));
    return to_json(report);
  }
  run.keep(to_json(report));
  if (report.state == ingest::ImportState::kCancelled)
    return fail(ErrorCode::kConflict,
                "import: cancelled; the same import goes on where it stopped");
  const ingest::ImportFailure failure = report.error.value_or(ingest::ImportFailure());
  return std::unexpected(
      Error{ingest::code_of(failure), "import: stopped half way: " + failure.message, {}});
}

Result<Json> train_response_model(Services& s, const TrainResponseJob& job, RunContext& run) {
  ZHIYIN_TRY_VOID(s.settle());
  audience::ResponseTraining training;
  training.label_kinds = job.kinds;
  training.horizon = job.horizon;
  training.as_of = job.as_of.value_or(s.clock.now() - job.horizon);
  training.settings.seed = job.seed;
  training.settings.progress = [&run](double share) {
    run.report(share, "训练中 / training");
    return !run.cancelled();
  };
  ZHIYIN_TRY(const auto record,
             audience::train_and_store_response(s.people, s.models, training, s.clock.now()));
  return model_result(record);
}

Result<Json> sync_account(Services& s, const AccountId& id, RunContext& run) {
  ZHIYIN_TRY(const wechat::Account account, s.accounts.get(id));
  const wechat::ApiAccount api = wechat::api_account(account);
  std::int64_t seen = 0;
  std::int64_t accepted = 0;
  Result<void> failure;
  const auto take_page = [&](const wechat::FollowerPage& page) {
    const auto batch_max = static_cast<std::size_t>(account.policy.user_info_batch_max);
    for (std::size_t i = 0; i < page.openids.size() && failure; i += batch_max) {
      if (run.cancelled()) {
        failure = fail(ErrorCode::kConflict, "sync: cancelled");
        return false;
      }
      const std::size_t end = std::min(i + batch_max, page.openids.size());
      const auto begin = page.openids.begin();
      const auto users = s.wechat.user_info_and_wait(
          api, {begin + static_cast<std::ptrdiff_t>(i), begin + static_cast<std::ptrdiff_t>(end)});
      if (!users) {
        failure = std::unexpected(users.error().error());
        return false;
      }
      std::vector<ingest::WireEvent> events;
      for (const wechat::UserInfo& user : *users) {
        if (user.following) events.push_back(follow_event(id, user, s.clock.now()));
      }
      const auto answers = s.intake.accept_and_wait(std::move(events), "sync");
      if (!answers) {
        failure = std::unexpected(answers.error());
        return false;
      }
      for (const ingest::Answer& answer : *answers)
        accepted += answer.verdict == ingest::Verdict::kAccepted ? 1 : 0;
      seen += static_cast<std::int64_t>(users->size());
      run.report(page.total > 0
                     ? std::optional(static_cast<double>(seen) / static_cast<double>(page.total))
                     : std::nullopt,
                 fmt::format("{0} / {1} 位粉丝 / {0} of {1} followers", seen, page.total));
    }
    return failure.has_value();
  };
  const auto visited = wechat::each_follower_page(s.wechat, api, take_page);
  if (!visited) return std::unexpected(visited.error().error());
  if (!failure) return std::unexpected(failure.error());
  return Json().set("followers", seen).set("new_events", accepted);
}

}  // namespace zhiyin::server
