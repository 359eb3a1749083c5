#pragma once

#include <functional>
#include <memory>
#include <string>

#include "audience/people.h"
#include "audience/segments.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/metrics.h"
#include "base/mutex.h"
#include "base/options.h"
#include "campaign/engine.h"
#include "campaign/store.h"
#include "catalogue/items.h"
#include "delivery/answer_desk.h"
#include "delivery/channel.h"
#include "delivery/quota_ledger.h"
#include "delivery/short_link.h"
#include "ingest/event_catalogue.h"
#include "ingest/intake.h"
#include "ingest/quarantine.h"
#include "model/generate/generator.h"
#include "model/generate/spend_budget.h"
#include "model/registry.h"
#include "recommend/kept_counts.h"
#include "server/analysis_files.h"
#include "server/auth.h"
#include "server/drift_days.h"
#include "server/duplicate_indexes.h"
#include "server/language.h"
#include "server/readiness.h"
#include "server/recommendations.h"
#include "server/runs.h"
#include "storage/gate.h"
#include "storage/grouped_writes.h"
#include "storage/projection.h"
#include "wechat/account.h"
#include "wechat/callback_endpoint.h"
#include "wechat/client.h"
#include "wechat/token.h"

namespace zhiyin::server {

/// Everything that handlers and commands work with. References only: `app` builds and owns the
/// parts, and they outlive whoever holds this.
struct Services {
  const Options& options;
  const Clock& clock;
  SteppedClock* stepped;  ///< null with the system's clock
  Logger& logger;
  MetricsRegistry& metrics;
  storage::EventLog& log;
  storage::State& state;
  storage::State* keys;  ///< of the vault; null where they are tables of the state
  storage::Warehouse& warehouse;
  storage::Vault& vault;
  storage::ProjectionRunner& pipeline;
  ingest::Intake& intake;
  ingest::Quarantine& quarantine;
  ingest::EventCatalogue& kinds;
  wechat::Accounts& accounts;
  wechat::CallbackEndpoint& callbacks;
  delivery::AnswerDesk& answers;
  wechat::TokenKeeper& tokens;
  wechat::TokenStore& token_store;
  http::Client& http;
  wechat::OfficialAccountApi& wechat;
  catalogue::Items& items;
  audience::People& people;
  audience::Segments& segments;
  delivery::ShortLinks& links;
  campaign::Campaigns& campaigns;
  campaign::CampaignEngine& engine;
  model::Registry& models;
  model::Generator& generator;  ///< writes texts, as configured
  Language& language;
  DriftDays& drift;
  DuplicateIndexes& duplicates;
  AnalysisFiles& analysis_files;
  Recommendations& recommendations;
  recommend::KeptCounts& kept_counts;  ///< of the newest training of the recommender
  Auth& auth;
  Audit& audit;
  Runs& runs;
  Readiness& readiness;
  std::string
      public_url;  ///< under which WeChat and people reach this server, without a slash at the end
  /// Brings everything that was acknowledged so far into state and warehouse: own events, people,
  /// items.
  std::function<Result<void>()> settle;
  /// Does all work that is due at the clock's time, until none is left, and settles. For the
  /// stepped clock.
  std::function<Result<void>()> run_due_work;
  /// Records of the log that state and warehouse have not dealt with yet.
  std::function<std::int64_t()> lag;
  /// Does a bounded piece of campaign work now instead of at the next look of the timer.
  std::function<void()> wake_worker;
  /// Runs the work while nothing writes to the warehouse, so that it and state fit together. Others
  /// go on.
  std::function<Result<void>(const std::function<Result<void>()>& work)> while_warehouse_stands;
  /// Holds the projections back, or lets them go on: for maintenance and benchmarks.
  std::function<void(bool held)> hold_projections;
  /// Before log and state, for moving the installation.
  storage::Gate& gate;
  /// The processes that work on this installation, this one among them: docs/api.md, GET
  /// /v1/processes.
  std::function<Result<Json>()> processes;
  /// This process, as the others know it; a file's installation has only one, named by its folder.
  std::function<std::string()> process;
  /// Reserves for single sends; see delivery/quota_ledger.h.
  delivery::QuotaHolder quota;
  /// For small transactions that many requests make at once.
  storage::GroupedWrites& grouped_writes;
  model::SpendBudget& spend;  ///< what the generator may spend, and has
  Mutex retention;            ///< one removal by age at a time; see retention.h
};

}  // namespace zhiyin::server
