#include "app/commands.h"

#include <algorithm>
#include <atomic>
#include <map>
#include <thread>

#include "app/editor_commands.h"
#include "app/evaluate_arguments.h"
#include "app/model_commands.h"
#include "app/move.h"
#include "app/number_argument.h"
#include "app/wechat_commands.h"
#include "audience/identity_ref.h"
#include "audience/segment_query.h"
#include "base/file.h"
#include "http/message.h"
#include "ingest/import.h"
#include "measurement/funnel.h"
#include "measurement/report.h"
#include "measurement/retention.h"
#include "server/account_hold.h"
#include "server/backup.h"
#include "server/doctor.h"
#include "server/item_imports.h"
#include "server/jobs.h"
#include "server/kinds.h"
#include "server/ranker_job.h"
#include "server/recommend_ab.h"
#include "server/recommend_batch.h"
#include "server/recommend_evaluation.h"
#include "server/recommend_job.h"
#include "server/recommend_policy.h"
#include "server/recommend_wire.h"
#include "server/request_checks.h"
#include "server/retention.h"
#include "server/sent_back.h"
#include "server/wechat_doctor.h"
#include "server/wechat_pages.h"

namespace zhiyin::app {
namespace {

using server::Services;
using Function = Result<Json> (*)(Services&, const Json& args, const ProgressSink& progress);

std::string text_of(const Json& args, std::string_view name) {
  return std::string(args[name].string_or(""));
}

Result<std::string> needed(const Json& args, std::string_view name) {
  std::string text = text_of(args, name);
  if (text.empty()) return fail_field(name, "is missing");
  return text;
}

Result<Json> file_as_json(const Json& args) {
  ZHIYIN_TRY(const std::string path, needed(args, "file"));
  constexpr std::size_t kFileBytesMax = 16 << 20;
  ZHIYIN_TRY(const std::string text, read_file(path, kFileBytesMax));
  return parse_json(text);
}

/// Runs long work as a recorded run on this thread, while another passes its progress on. Where the
/// work failed and kept something to show, that is the answer.
Result<Json> as_run(Services& s, std::string_view kind, std::string_view title,
                    const ProgressSink& progress, server::Runs::Work work) {
  server::RunContext context;
  std::atomic<bool> done = false;
  Mutex mutex;
  CondVar wake;
  std::thread reporter([&] {
    constexpr auto kEvery = std::chrono::milliseconds(200);
    std::pair<std::optional<double>, std::string> last;
    MutexLock lock(mutex);
    while (!done.load()) {
      (void)wake.wait_for(mutex, kEvery);
      auto now = context.status();
      if (now != last && !progress(now.first, now.second)) context.cancel();
      last = std::move(now);
    }
  });
  auto outcome = s.runs.run_now(kind, title, context, std::move(work));
  {
    MutexLock lock(mutex);
    done = true;
  }
  wake.notify_all();
  reporter.join();
  if (auto kept = context.kept(); kept && !outcome) return std::move(*kept);
  return outcome;
}

Result<Json> import(Services& s, const Json& args, const ProgressSink& progress) {
  server::ImportJob job;
  ZHIYIN_TRY(const std::string path, needed(args, "file"));
  job.path = path;
  job.file_name = job.path.filename().string();
  job.account = text_of(args, "account");
  job.mapping = text_of(args, "mapping");
  job.rows_are_people = args["rows-are-people"].bool_or(false);
  std::error_code ec;
  if (job.mapping.ends_with(".toml") || std::filesystem::exists(job.mapping, ec)) {
    ZHIYIN_TRY(job.mapping_toml, read_file(job.mapping, 1 << 20));
    job.mapping = std::filesystem::path(job.mapping).filename().string();
  }
  ZHIYIN_TRY(Json report,
             as_run(s, "import", job.file_name, progress,
                    [&](server::RunContext& run) { return server::import_file(s, job, run); }));
  const std::string html = text_of(args, "report");
  if (!html.empty()) {
    ZHIYIN_TRY(const auto parsed, from_json<ingest::ImportReport>(report));
    ZHIYIN_TRY_VOID(write_file(html, ingest::to_html(parsed.quality)));
  }
  return report;
}

Result<Json> train_response(Services& s, const Json& args, const ProgressSink& progress) {
  server::TrainResponseJob job;
  if (const auto* kinds = args["kind"].if_array()) {
    job.kinds.clear();
    for (const Json& kind : *kinds) job.kinds.emplace_back(kind.string_or(""));
  }
  if (const std::string at = text_of(args, "as-of"); !at.empty()) {
    ZHIYIN_TRY(job.as_of, parse_time(at, TimeZone::shanghai()));
  }
  if (const std::string horizon = text_of(args, "horizon"); !horizon.empty()) {
    ZHIYIN_TRY(job.horizon, parse_duration(horizon));
  }
  ZHIYIN_TRY(const auto seed, number_argument<std::uint64_t>(args, "seed"));
  job.seed = seed.value_or(1);
  return as_run(s, "train response", "", progress,
                [&](server::RunContext& run) { return server::train_response_model(s, job, run); });
}

Result<Json> train_recommend(Services& s, const Json& args, const ProgressSink& progress) {
  Json body = Json::object();
  for (const std::string_view name : {"k", "factors"}) {
    ZHIYIN_TRY(const auto value, number_argument<std::uint32_t>(args, name));
    if (value) body.set(name, std::int64_t{*value});
  }
  for (const std::string_view name : {"shrink", "lambda", "alpha", "beta"}) {
    ZHIYIN_TRY(const auto value, number_argument<double>(args, name));
    if (value) body.set(name, *value);
  }
  for (const std::string_view name : {"model", "promote"}) {
    if (std::string value = text_of(args, name); !value.empty()) body.set(name, std::move(value));
  }
  ZHIYIN_TRY(const auto job, from_json<server::TrainRecommendJob>(body));
  ZHIYIN_TRY_VOID(server::check(job));
  return as_run(s, "train recommend", "", progress, [&](server::RunContext& run) {
    return server::train_recommend_model(s, job, run);
  });
}

Result<Json> train_ranker(Services& s, const Json& args, const ProgressSink& progress) {
  server::TrainRankerJob job;
  if (const std::string history = text_of(args, "history"); !history.empty()) {
    auto read = parse_duration(history);
    if (!read) return fail_field("history", "{}", read.error().message);
    job.history = *read;
  }
  if (const std::string promote = text_of(args, "promote"); !promote.empty()) job.promote = promote;
  ZHIYIN_TRY(const auto lists_max, number_argument<std::size_t>(args, "lists-max"));
  job.lists_max = lists_max.value_or(job.lists_max);
  ZHIYIN_TRY_VOID(server::check(job));
  return as_run(s, "train ranker", "", progress,
                [&](server::RunContext& run) { return server::train_ranker_model(s, job, run); });
}

Result<Json> judge_exploration(Services& s, const Json& args, const ProgressSink& progress) {
  server::PolicyQuestion question;
  if (const std::string policy = text_of(args, "policy"); !policy.empty()) question.policy = policy;
  if (const std::string reward = text_of(args, "reward"); !reward.empty()) question.reward = reward;
  if (const std::string history = text_of(args, "history"); !history.empty()) {
    auto read = parse_duration(history);
    if (!read) return fail_field("history", "{}", read.error().message);
    question.history = *read;
  }
  ZHIYIN_TRY(const auto clip, number_argument<double>(args, "clip"));
  ZHIYIN_TRY(const auto effective, number_argument<double>(args, "effective-min"));
  question.settings.clip = clip.value_or(question.settings.clip);
  question.settings.effective_min = effective.value_or(question.settings.effective_min);
  return as_run(s, "report policy", question.policy, progress, [&](server::RunContext& run) {
    return server::judge_exploration(s, question, run);
  });
}

Result<Json> judge_interleaving(Services& s, const Json& args, const ProgressSink& progress) {
  ZHIYIN_TRY(const std::string rival, needed(args, "rival"));
  Duration history = 90 * kDay;
  if (const std::string given = text_of(args, "history"); !given.empty()) {
    auto read = parse_duration(given);
    if (!read) return fail_field("history", "{}", read.error().message);
    history = *read;
  }
  return as_run(s, "report interleaving", rival, progress, [&](server::RunContext& run) {
    return server::judge_interleaving(s, rival, history, run);
  });
}

Result<Json> judge_ab(Services& s, const Json& args, const ProgressSink& progress) {
  server::AbQuestion question;
  question.version = text_of(args, "rival");
  if (question.version.empty()) question.version = s.options.text("recommend.ab");
  if (question.version.empty())
    return fail_field("rival", "is missing: recommend.ab names no version now");
  for (const auto& [name, duration] :
       {std::pair{"history", &question.history}, std::pair{"before", &question.before}}) {
    const std::string given = text_of(args, name);
    if (given.empty()) continue;
    auto read = parse_duration(given);
    if (!read) return fail_field(name, "{}", read.error().message);
    *duration = *read;
  }
  return as_run(s, "report recommend-ab", question.version, progress,
                [&](server::RunContext& run) { return server::judge_ab(s, question, run); });
}

Result<Json> evaluate_recommend(Services& s, const Json& args, const ProgressSink& progress) {
  ZHIYIN_TRY(const recommend::EvaluateArgs read, evaluate_arguments(args));
  return as_run(s, "evaluate recommend", read.model, progress,
                [&](server::RunContext& run) { return server::evaluate_own_events(s, read, run); });
}

/// What lists for a person and for a segment have in common.
Result<server::ListBody> list_body(const Json& args) {
  server::ListBody body;
  ZHIYIN_TRY(const auto n, number_argument<std::int64_t>(args, "n"));
  body.n = n.value_or(body.n);
  if (const std::string kind = text_of(args, "kind"); !kind.empty()) body.kinds = {kind};
  ZHIYIN_TRY(const auto diversity, number_argument<double>(args, "diversity"));
  ZHIYIN_TRY(const auto explore, number_argument<std::int64_t>(args, "explore"));
  body.diversity = diversity.value_or(0);
  body.explore = explore.value_or(0);
  body.explain = args["explain"].bool_or(false);
  if (const std::string after = text_of(args, "return-after"); !after.empty()) {
    auto read = parse_duration(after);
    if (!read) return fail_field("return-after", "{}", read.error().message);
    body.return_after = *read;
  }
  body.account = text_of(args, "account");
  body.place = "cli";
  body.record = !args["no-record"].bool_or(false);
  return body;
}

Result<Json> recommend_segment(Services& s, const Json& args, const ProgressSink& progress) {
  server::BatchJob job;
  ZHIYIN_TRY(job.body, list_body(args));
  job.body.segment = text_of(args, "segment");
  ZHIYIN_TRY(const std::string output, needed(args, "output"));
  job.output = output;
  job.body.file = job.output.extension() == ".csv" ? "csv" : "jsonl";
  return as_run(s, "recommend batch", job.body.segment, progress,
                [&](server::RunContext& run) { return server::write_batch(s, job, run); });
}

Result<Json> recommend(Services& s, const Json& args, const ProgressSink& progress) {
  if (!text_of(args, "segment").empty()) {
    if (!text_of(args, "person").empty()) return fail_field("segment", "is given beside person");
    return recommend_segment(s, args, progress);
  }
  ZHIYIN_TRY(const std::string ref, needed(args, "person"));
  ZHIYIN_TRY(const auto body, list_body(args));
  ZHIYIN_TRY_VOID(s.settle());
  ZHIYIN_TRY(auto request, server::to_request(body, s.clock.now()));
  auto view = s.people.view_of(ref);
  if (!view) {
    // An identity that never did anything is a cold person, as over HTTP.
    const auto identity = audience::parse_identity(ref);
    if (view.error().code != ErrorCode::kNotFound || !identity)
      return std::unexpected(std::move(view.error()));
    view = audience::PersonView();
    if (body.account.empty()) request.rules.accounts = std::vector{identity->account};
  }
  ZHIYIN_TRY(const auto answer,
             s.recommendations.recommend(*view, request, {body.account, body.record}));
  return server::to_json_answer(
      answer, Json().set("person", view->id.value.empty() ? Json() : Json(view->id.value)));
}

Json segment_json(const audience::Segment& segment) {
  return Json()
      .set("id", segment.id.value)
      .set("name", segment.name)
      .set("tree", segment.tree.to_json())
      .set("version", segment.version);
}

Result<Json> kinds_apply(Services& s, const Json& args, const ProgressSink&) {
  ZHIYIN_TRY(const std::string path, needed(args, "file"));
  constexpr std::size_t kFileBytesMax = 1 << 20;
  ZHIYIN_TRY(const std::string text, read_file(path, kFileBytesMax));
  ZHIYIN_TRY(auto kinds, ingest::parse_kinds(text));
  Json applied = Json::array();
  for (auto& kind : kinds) {
    ZHIYIN_TRY(const auto stored, s.kinds.put(std::move(kind), std::nullopt));
    applied.push(Json().set("name", stored.name).set("version", stored.version));
  }
  return Json().set("applied", std::move(applied));
}

Result<Json> kinds_list(Services& s, const Json&, const ProgressSink&) {
  return server::kinds_json(s);
}

Result<ingest::QuarantineFilter> filter_of(const Json& args, std::size_t limit) {
  ingest::QuarantineFilter filter;
  filter.source = text_of(args, "source");
  filter.field = text_of(args, "field");
  filter.kind = text_of(args, "kind");
  ZHIYIN_TRY(const auto given, number_argument<std::size_t>(args, "limit"));
  filter.limit = given.value_or(limit);
  return filter;
}

Result<Json> quarantine_list(Services& s, const Json& args, const ProgressSink&) {
  constexpr std::size_t kShown = 20;
  ZHIYIN_TRY(const auto filter, filter_of(args, kShown));
  ZHIYIN_TRY(const auto entries, s.quarantine.find(filter));
  return Json().set("items", to_json(entries));
}

Result<Json> quarantine_resubmit(Services& s, const Json& args, const ProgressSink& progress) {
  constexpr std::size_t kMany = 1000;
  ZHIYIN_TRY(const auto filter, filter_of(args, kMany));
  ZHIYIN_TRY(const auto outcome, s.quarantine.resubmit_all(s.intake, filter, [&](double part) {
    return progress(part, "quarantine");
  }));
  return to_json(outcome);
}

Result<Json> segment_apply(Services& s, const Json& args, const ProgressSink&) {
  ZHIYIN_TRY(Json json, file_as_json(args));
  ZHIYIN_TRY(json, server::segment_sent_back(s, json));
  for (const auto& [name, value] : json.if_object() ? *json.if_object() : Json::Object()) {
    if (name != "id" && name != "name" && name != "tree" && name != "live")
      return fail_field(name, "is not known; a segment has id, name, tree and live");
  }
  audience::SegmentDefinition definition{SegmentId(text_of(json, "id")), text_of(json, "name"),
                                         json["tree"], json["live"].bool_or(false)};
  if (definition.id.empty()) return fail_field("id", "is missing");
  if (definition.name.empty()) definition.name = definition.id.value;
  ZHIYIN_TRY(const auto segment, s.segments.apply(definition, s.clock.now()));
  return segment_json(segment);
}

Result<Json> segment_preview(Services& s, const Json& args, const ProgressSink&) {
  Json tree;
  if (const std::string inline_tree = text_of(args, "tree"); !inline_tree.empty()) {
    ZHIYIN_TRY(tree, parse_json(inline_tree));
  } else {
    ZHIYIN_TRY(tree, file_as_json(args));
    if (const Json* inner = tree.find("tree")) tree = Json(*inner);
  }
  ZHIYIN_TRY(const auto parsed, audience::SegmentTree::from_json(tree));
  ZHIYIN_TRY_VOID(s.settle());
  ZHIYIN_TRY(const auto preview, s.segments.preview(parsed, s.clock.now()));
  return Json()
      .set("count", preview.count)
      .set("as_of", to_json(preview.as_of))
      .set("sample", to_json(preview.sample));
}

Result<Json> segment_list(Services& s, const Json&, const ProgressSink&) {
  ZHIYIN_TRY(const auto segments, s.segments.list());
  Json items = Json::array();
  for (const auto& segment : segments) items.push(segment_json(segment));
  return Json().set("items", std::move(items));
}

Result<Json> segment_members(Services& s, const Json& args, const ProgressSink&) {
  ZHIYIN_TRY(const std::string id, needed(args, "id"));
  ZHIYIN_TRY_VOID(s.settle());
  const Instant now = s.clock.now();
  ZHIYIN_TRY(const auto people, s.segments.members(SegmentId(id), now));
  return Json()
      .set("count", people.size())
      .set("as_of", to_json(now))
      .set("people", to_json(people));
}

Result<Json> campaign_apply(Services& s, const Json& args, const ProgressSink&) {
  ZHIYIN_TRY(Json json, file_as_json(args));
  ZHIYIN_TRY(json, server::campaign_sent_back(s, json));
  ZHIYIN_TRY(auto campaign, from_json<campaign::Campaign>(json));
  ZHIYIN_TRY(const auto stored, s.campaigns.apply(std::move(campaign), s.clock.now()));
  return to_json(stored);
}

Result<Json> campaign_list(Services& s, const Json&, const ProgressSink&) {
  constexpr std::size_t kShown = 1000;
  ZHIYIN_TRY(const auto campaigns, s.campaigns.list(CampaignId(), kShown));
  return Json().set("items", to_json(campaigns));
}

Result<Json> campaign_dry_run(Services& s, const Json& args, const ProgressSink&) {
  ZHIYIN_TRY(const std::string id, needed(args, "id"));
  ZHIYIN_TRY_VOID(s.settle());
  ZHIYIN_TRY(const auto dry, s.engine.dry_run(CampaignId(id)));
  return to_json(dry);
}

template <class Act>
Result<Json> act_on_campaign(Services& s, const Json& args, Act act) {
  ZHIYIN_TRY(const std::string id, needed(args, "id"));
  ZHIYIN_TRY_VOID(s.settle());
  ZHIYIN_TRY(const auto campaign, act(CampaignId(id)));
  s.wake_worker();
  return to_json(campaign);
}

Result<Json> campaign_start(Services& s, const Json& args, const ProgressSink&) {
  return act_on_campaign(s, args, [&](const CampaignId& id) { return s.engine.start(id); });
}
Result<Json> campaign_pause(Services& s, const Json& args, const ProgressSink&) {
  return act_on_campaign(s, args, [&](const CampaignId& id) { return s.engine.pause(id); });
}
Result<Json> campaign_stop(Services& s, const Json& args, const ProgressSink&) {
  return act_on_campaign(s, args, [&](const CampaignId& id) { return s.engine.stop(id); });
}
Result<Json> campaign_resume(Services& s, const Json& args, const ProgressSink&) {
  const std::string overdue = text_of(args, "overdue");
  if (!overdue.empty() && overdue != "send" && overdue != "skip")
    return fail_field("overdue", "'{}' is neither send nor skip", overdue);
  return act_on_campaign(s, args, [&](const CampaignId& id) {
    std::optional<campaign::Overdue> choice;
    if (!overdue.empty())
      choice = overdue == "send" ? campaign::Overdue::kSend : campaign::Overdue::kSkip;
    return s.engine.resume(id, choice);
  });
}

Result<Json> report_campaign(Services& s, const Json& args, const ProgressSink&) {
  ZHIYIN_TRY(const std::string id, needed(args, "id"));
  ZHIYIN_TRY_VOID(s.settle());
  ZHIYIN_TRY(const auto report,
             measurement::make_report(s.state, s.warehouse, CampaignId(id), s.clock.now()));
  return to_json(report);
}

Result<Json> report_funnel(Services& s, const Json& args, const ProgressSink&) {
  ZHIYIN_TRY(const Json json, file_as_json(args));
  ZHIYIN_TRY(const auto request, from_json<measurement::FunnelRequest>(json));
  ZHIYIN_TRY_VOID(s.settle());
  ZHIYIN_TRY(const auto result, measurement::make_funnel(s.warehouse, request));
  return to_json(result);
}

Result<Json> report_retention(Services& s, const Json& args, const ProgressSink&) {
  ZHIYIN_TRY(const Json json, file_as_json(args));
  ZHIYIN_TRY(const auto request, from_json<measurement::RetentionRequest>(json));
  ZHIYIN_TRY_VOID(s.settle());
  ZHIYIN_TRY(const auto result, measurement::make_retention(s.warehouse, request));
  return to_json(result);
}

Result<Json> account_apply(Services& s, const Json& args, const ProgressSink&) {
  ZHIYIN_TRY(Json json, file_as_json(args));
  ZHIYIN_TRY(json, server::account_sent_back(s, json));
  ZHIYIN_TRY(const auto account, s.accounts.apply(json));
  s.tokens.forget(account.id);
  Json out = to_json(wechat::view(account));
  out.set("callback_url", fmt::format("{}/wechat/{}", s.public_url, account.id.value));
  return out;
}

Result<Json> account_list(Services& s, const Json&, const ProgressSink&) {
  ZHIYIN_TRY(const auto accounts, s.accounts.list());
  Json items = Json::array();
  for (const auto& account : accounts) items.push(to_json(wechat::view(account)));
  return Json().set("items", std::move(items));
}

Result<Json> account_authorise(Services& s, const Json& args, const ProgressSink&) {
  const AccountId account(std::string(args["id"].string_or("")));
  const std::string code(args["code"].string_or(""));
  const std::string_view back = args["redirect-uri"].string_or("");
  if (code.empty())
    return server::authorisation_page(s, account, back, args["state"].string_or(""));
  return server::authorise(s, account, code, back);
}

Result<Json> account_release(Services& s, const Json& args, const ProgressSink&) {
  ZHIYIN_TRY(const std::string id, needed(args, "id"));
  return server::release_account(s, AccountId(id), "cli");
}

Result<Json> account_sync(Services& s, const Json& args, const ProgressSink& progress) {
  ZHIYIN_TRY(const std::string id, needed(args, "id"));
  return as_run(s, "sync", id, progress, [&](server::RunContext& run) {
    return server::sync_account(s, AccountId(id), run);
  });
}

Result<Json> key_create(Services& s, const Json& args, const ProgressSink&) {
  server::KeyRequest request;
  ZHIYIN_TRY(request.name, needed(args, "name"));
  ZHIYIN_TRY(const std::string role, needed(args, "role"));
  ZHIYIN_TRY(request.role, parse_enum<server::Role>(role));
  if (const auto* accounts = args["account"].if_array()) {
    for (const Json& account : *accounts) request.accounts.emplace_back(account.string_or(""));
  }
  ZHIYIN_TRY_VOID(server::check(request));
  return s.auth.create_key(request);
}

Result<Json> key_list(Services& s, const Json&, const ProgressSink&) { return s.auth.list_keys(); }

Result<Json> key_remove(Services& s, const Json& args, const ProgressSink&) {
  ZHIYIN_TRY(const std::string id, needed(args, "id"));
  ZHIYIN_TRY_VOID(s.auth.remove_key(id));
  return Json::object();
}

Result<Json> user_create(Services& s, const Json& args, const ProgressSink&) {
  server::UserRequest request;
  ZHIYIN_TRY(request.name, needed(args, "name"));
  ZHIYIN_TRY(const std::string role, needed(args, "role"));
  ZHIYIN_TRY(request.role, parse_enum<server::Role>(role));
  ZHIYIN_TRY(request.password, needed(args, "password"));
  if (request.password.size() < 8)
    return fail_field("password", "has {} bytes, expected 8 or more", request.password.size());
  ZHIYIN_TRY_VOID(server::check(request));
  ZHIYIN_TRY_VOID(s.auth.create_user(request));
  return Json().set("name", request.name);
}

Result<Json> backup(Services& s, const Json& args, const ProgressSink& progress) {
  server::BackupJob job;
  ZHIYIN_TRY(const std::string folder, needed(args, "to"));
  job.folder = folder;
  job.config_file = text_of(args, "config-file");
  job.with_key = !args["without-key"].bool_or(false);
  job.note = text_of(args, "note");
  ZHIYIN_TRY(const auto keep, number_argument<std::size_t>(args, "keep"));
  if (keep && *keep < 1) return fail_field("keep", "expected 1 or more");
  job.keep = keep.value_or(0);
  return as_run(s, "backup", folder, progress,
                [&](server::RunContext& run) { return server::make_backup(s, job, run); });
}

/// No recorded run: it would be a row that changes after the copy.
Result<Json> migrate_to(Services& s, const Json& args, const ProgressSink& progress) {
  ZHIYIN_TRY(const std::string to, needed(args, "to"));
  return migrate(s, to, args["dry-run"].bool_or(false), progress);
}

Result<Json> retention_run(Services& s, const Json& args, const ProgressSink& progress) {
  const bool dry_run = args["dry-run"].bool_or(false);
  ZHIYIN_TRY_VOID(s.settle());
  if (dry_run) return server::apply_retention(s, true);
  return as_run(s, "retention", "", progress,
                [&](server::RunContext& run) { return server::apply_retention(s, false, &run); });
}

Result<Json> retention_list(Services& s, const Json&, const ProgressSink&) {
  constexpr std::size_t kShown = 1000;
  ZHIYIN_TRY(const auto verified, server::verify_retention(s.state, s.vault));
  ZHIYIN_TRY(Json out, server::list_retention(s.state, 0, kShown));
  return out.set("verified", verified.keyed + verified.without_key)
      .set("without_key", verified.without_key)
      .set("last_digest", verified.last);
}

Result<Json> doctor(Services& s, const Json&, const ProgressSink&) { return server::examine(s); }

Result<Json> doctor_wechat(Services& s, const Json& args, const ProgressSink&) {
  const std::string account(args["account"].string_or(""));
  return server::examine_wechat(s,
                                account.empty() ? std::optional<AccountId>() : AccountId(account));
}

Result<Json> catalogue_import(Services& s, const Json& args, const ProgressSink&) {
  const std::string feed = text_of(args, "feed");
  const std::string account = text_of(args, "account");
  if (feed.empty() == account.empty())
    return fail_field("feed", "give either a feed or an account");
  if (!account.empty()) {
    ZHIYIN_TRY(const auto most, number_argument<std::size_t>(args, "most"));
    constexpr std::size_t kUsual = 1000;
    return server::import_account_articles(s, AccountId(account), most.value_or(kUsual),
                                           args["library"].bool_or(false));
  }
  server::FeedImport job{.source = feed, .follow = args["follow"].bool_or(false)};
  if (const std::string kind = text_of(args, "kind"); !kind.empty()) job.kind = kind;
  return server::import_feed(s, job);
}

Result<Json> catalogue_feeds(Services& s, const Json&, const ProgressSink&) {
  return server::list_feeds(s);
}

Result<Json> catalogue_forget(Services& s, const Json& args, const ProgressSink&) {
  ZHIYIN_TRY(const std::string url, needed(args, "url"));
  ZHIYIN_TRY_VOID(server::forget_feed(s, url));
  return Json().set("forgotten", url);
}

Result<Json> hide_item(Services& s, const Json& args, bool hidden) {
  ZHIYIN_TRY(const std::string kind, needed(args, "kind"));
  ZHIYIN_TRY(const std::string id, needed(args, "id"));
  ZHIYIN_TRY_VOID(s.items.hide({kind, id}, hidden, s.clock.now()));
  return Json().set("kind", kind).set("id", id).set("hidden", hidden);
}
Result<Json> catalogue_hide(Services& s, const Json& args, const ProgressSink&) {
  return hide_item(s, args, true);
}
Result<Json> catalogue_unhide(Services& s, const Json& args, const ProgressSink&) {
  return hide_item(s, args, false);
}

const std::map<std::string, Function, std::less<>>& functions() {
  static const std::map<std::string, Function, std::less<>> table = {
      {"backup", backup},
      {"import", import},
      {"migrate", migrate_to},
      {"train response", train_response},
      {"train recommend", train_recommend},
      {"train ranker", train_ranker},
      {"recommend", recommend},
      {"evaluate recommend", evaluate_recommend},
      {"report recommend-policy", judge_exploration},
      {"report recommend-interleaving", judge_interleaving},
      {"report recommend-ab", judge_ab},
      {"retention run", retention_run},
      {"retention list", retention_list},
      {"kinds apply", kinds_apply},
      {"kinds list", kinds_list},
      {"quarantine list", quarantine_list},
      {"quarantine resubmit", quarantine_resubmit},
      {"catalogue import", catalogue_import},
      {"catalogue feeds", catalogue_feeds},
      {"catalogue forget", catalogue_forget},
      {"catalogue hide", catalogue_hide},
      {"catalogue unhide", catalogue_unhide},
      {"segment apply", segment_apply},
      {"segment preview", segment_preview},
      {"segment list", segment_list},
      {"segment members", segment_members},
      {"campaign apply", campaign_apply},
      {"campaign list", campaign_list},
      {"campaign dry-run", campaign_dry_run},
      {"campaign start", campaign_start},
      {"campaign pause", campaign_pause},
      {"campaign resume", campaign_resume},
      {"campaign stop", campaign_stop},
      {"report campaign", report_campaign},
      {"report funnel", report_funnel},
      {"report retention", report_retention},
      {"account apply", account_apply},
      {"account authorise", account_authorise},
      {"account list", account_list},
      {"account release", account_release},
      {"account sync", account_sync},
      {"key create", key_create},
      {"key list", key_list},
      {"key remove", key_remove},
      {"user create", user_create},
      {"doctor", doctor},
      {"doctor wechat", doctor_wechat}};
  return table;
}

/// Commands that only look.
bool only_looks(std::string_view command) {
  static constexpr std::string_view kLooking[] = {"feeds",  "list",      "preview", "dry-run",
                                                  "doctor", "recommend", "export",  "info",
                                                  "verify", "diff",      "lists",   "show"};
  const std::string_view last = command.substr(command.rfind(' ') + 1);
  return command.starts_with("report ") || command == "doctor wechat" ||
         (command != "train recommend" && std::ranges::find(kLooking, last) != std::end(kLooking));
}

}  // namespace

Result<Json> run_installation_command(Services& services, const std::string& command,
                                      const Json& args, const ProgressSink& progress) {
  const auto& table = command.starts_with("wechat ")           ? wechat_commands()
                      : command.starts_with("model ")          ? model_commands()
                      : command.starts_with("recommend lists") ? editor_commands()
                                                               : functions();
  const auto found = table.find(command);
  if (found == table.end())
    return fail(ErrorCode::kUnsupported, "command: there is no '{}'", command.substr(0, 64));
  Result<Json> outcome = found->second(services, args, progress);
  if (!only_looks(command)) {
    const std::string_view made = outcome ? (*outcome)["id"].string_or("") : "";
    const std::string_view id = args["id"].string_or(made);
    (void)services.audit.record("command line",
                                id.empty() ? command : fmt::format("{} {}", command, id),
                                outcome ? 200 : http::status_of(outcome.error().code),
                                outcome ? "" : outcome.error().text());
  }
  return outcome;
}

}  // namespace zhiyin::app
