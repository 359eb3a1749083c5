#include "app/option_table.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <vector>

#include "app/roles.h"
#include "base/utf8.h"

namespace zhiyin::app {
namespace {

using enum OptionType;

constexpr OptionSpec kOptions[] = {
    {"data_dir", kString, "data", "Folder for everything that is stored, relative to this file."},
    {"clock", kString, "system",
     "Domain time: system, or stepped (sandbox only: time moves by POST /v1/clock)."},
    {"clock_start", kString, "2026-01-05T00:00:00+08:00",
     "Where a stepped clock begins on the first start."},
    {"secret_key", kString, "",
     "64 hex digits that seal personal data and account secrets; empty: data/secret.key, made on "
     "the first start.",
     "", 0, 0, true},
    {"log_level", kString, "info", "debug, info, warning or error."},
    {"server.address", kString, "127.0.0.1", "IP address to listen on.", "0.0.0.0"},
    {"server.port", kInt, "8080", "Port to listen on; 0: any free one.", "443", 0, 65535},
    {"server.public_url", kString, "",
     "Address under which WeChat and people reach this server; empty: http://address:port.",
     "https://zhiyin.example.com"},
    {"server.threads", kInt, "2", "Threads for the network.", "", 1, 64},
    {"server.workers", kInt, "4", "Threads for requests that read or write stores.", "", 1, 256},
    {"server.connections", kInt, "20000",
     "Connections open at once, as far as the system gives the process files; when nearly so many "
     "are open, those that have waited longest are closed.",
     "", 16, 1'000'000},
    {"server.tls_certificate", kString, "", "PEM file with the certificate chain; empty: no TLS."},
    {"server.tls_key", kString, "", "PEM file with the private key."},
    {"server.roles", kString, "intake,workers,console",
     "What this process does, where several share a cluster: intake (events, callbacks, links), "
     "workers (projections, campaigns), console (API and console).",
     "intake"},
    {"server.lease", kDuration, "15s",
     "Where several processes share a cluster: after so long without a sign of life the others "
     "take over."},
    {"server.stop_notice", kDuration, "0s",
     "After the signal to stop: how long requests are still taken while /readyz says 503, so that "
     "a load balancer can turn away.",
     "10s"},
    {"storage.log", kString, "sqlite:data/log.db",
     "Event log: sqlite:PATH, or kafka://HOST:PORT,…/PREFIX."},
    {"storage.state", kString, "sqlite:data/state.db",
     "State (people, segments, ledgers, users): sqlite:PATH, or postgresql://…"},
    {"storage.warehouse", kString, "duckdb:data/warehouse.duckdb",
     "Columnar history: duckdb:PATH, or clickhouse://HOST:PORT/DATABASE."},
    {"storage.warehouse_memory_mb", kInt, "128", "Memory that the warehouse may use, in MB.", "",
     32, 1 << 20},
    {"intake.unknown_accounts", kString, "accept",
     "Events for accounts that are not connected: accept or quarantine."},
    {"intake.unknown_kinds", kString, "accept",
     "Events of kinds that nobody declared: accept or quarantine."},
    {"intake.kinds", kString, "kinds",
     "Folder with declared kinds of events (*.toml), applied at the start; relative to this file.",
     "kinds"},
    {"intake.dedupe_window", kDuration, "30d", "How long an event id is remembered."},
    {"retention.events", kString, "",
     "How long events are kept in warehouse and activity, by kind: KIND=DURATION, separated by "
     "commas; * for all others; empty: for ever. The log keeps them as retention.log says.",
     "page_view=180d, read=400d, *=1095d"},
    {"retention.log", kDuration, "0s",
     "How long the event log keeps what everything has dealt with; 0s: for ever.", "90d"},
    {"retention.impressions", kDuration, "0s", "How long impressions are kept; 0s: for ever.",
     "180d"},
    {"retention.audit", kDuration, "0s", "How long audit entries are kept; 0s: for ever.", "730d"},
    {"retention.runs", kDuration, "0s",
     "How long ended runs and their reports are kept; 0s: for ever.", "90d"},
    {"recommend.objectives", kString, "",
     "What each response to a listed item is worth: RESPONSE=WEIGHT by commas, of read, finish, "
     "like, share, follow, buy, unfollow, hide; those not named count 0. Empty: read=1, finish=1, "
     "like=1.5, share=2, follow=2, buy=3, unfollow=-3, hide=-3.",
     "read=1, buy=10, hide=-5"},
    {"recommend.order", kString, "ranker",
     "Order of lists for persons: ranker (by the active one, where there is one) or sources."},
    {"recommend.interleave", kString, "",
     "A version whose lists are interleaved with those in use, to compare both: recommend-N, "
     "ranker-N, or sources (without a ranker); empty: none.",
     "ranker-3"},
    {"recommend.interleave_percent", kInt, "10",
     "Share of people who get interleaved lists, in percent.", "", 0, 100},
    {"recommend.ab", kString, "",
     "A version that makes the lists of some people (group B) wholly, to compare it with those in "
     "use (group A): recommend-N, ranker-N, or sources (without a ranker); empty: none. Not beside "
     "recommend.interleave.",
     "ranker-3"},
    {"recommend.ab_percent", kInt, "50",
     "Share of people in group B, in percent; all others are group A.", "10", 1, 99},
    {"recommend.attribution", kDuration, "1d",
     "How long after an item was listed a response counts for it; no list is learnt from before."},
    {"recommend.train_at", kString, "04:00",
     "When recommender and ranker are trained each day (Shanghai); empty: never.", "03:30"},
    {"recommend.learn_online", kBool, "true",
     "Whether the ranker learns on between its trainings, from each list when the time for "
     "responses to it is over."},
    {"recommend.checkpoint_every", kDuration, "10s",
     "How often a training notes how far it is, so that the next one goes on there when it is "
     "killed; 0s: after each step."},
    {"recommend.keep_counts", kBool, "true",
     "Whether EASE keeps its counts between trainings, so that the next one follows what changed: "
     "up to some 300 MB and 100 bytes a person in data/training. Not where several processes share "
     "the state."},
    {"recommend.popular_by", kString, "",
     "Traits, by commas, among whose values it is counted what is popular (at most 8; of their "
     "values the 64 most frequent of at least 20 people); empty: in live segments only.",
     "city, gender, member_level"},
    {"recommend.fatigue_shows", kInt, "0",
     "An item listed so often to a person within fatigue_window, who did nothing with it, is "
     "tired; 0: never.",
     "5", 0, 100},
    {"recommend.fatigue_window", kDuration, "7d", "See fatigue_shows.", "3d"},
    {"recommend.fatigue", kString, "down",
     "What becomes of tired items: down (behind all others) or out (not listed)."},
    {"recommend.people_memory_mb", kInt, "32",
     "Memory for the histories of people whose lists were asked for of late, their live segments "
     "and, with fatigue_shows, what was listed to them (half of it), in MB, so that they need not "
     "be read again; 0: none. Not used where several processes share the state.",
     "256", 0, 1 << 20},
    {"recommend.train_memory_mb", kInt, "0",
     "Memory that training a recommender may take, in MB: one that needs more is refused; 0: half "
     "of the machine's.",
     "", 0, 1 << 24},
    {"generate.backend", kString, "grounded",
     "Who writes texts: grounded (from facts, without a model), openai (an endpoint in the OpenAI "
     "shape), gguf (a model in this process) or scripted (for tests).",
     "openai"},
    {"generate.url", kString, "", "Endpoint up to and with its version.",
     "https://api.example.com/v1"},
    {"generate.key", kString, "", "Sent to the endpoint as a bearer token.", "", 0, 0, true},
    {"generate.model", kString, "", "Name of the model at the endpoint.", "qwen-plus"},
    {"generate.prompt_price", kInt, "0", "Fen for a million tokens of prompts.", "80"},
    {"generate.answer_price", kInt, "0", "Fen for a million tokens of answers.", "200"},
    {"generate.second_url", kString, "", "Another endpoint, for when the first is late or fails."},
    {"generate.second_key", kString, "", "Its bearer token.", "", 0, 0, true},
    {"generate.second_model", kString, "", "Its model."},
    {"generate.second_prompt_price", kInt, "0", "Its price."},
    {"generate.second_answer_price", kInt, "0", "Its price."},
    {"generate.hedge_after", kDuration, "0s",
     "So long without a piece of the first's answer until the second is asked as well; 0s: only "
     "after a failure.",
     "3s"},
    {"generate.silence", kDuration, "30s", "Longest pause within an endpoint's answer."},
    {"generate.attempts", kInt, "3", "Exchanges for one text, the first included.", "", 1, 10},
    {"generate.timeout", kDuration, "60s", "Longest time for one text, repeats included."},
    {"generate.workers", kInt, "4", "Texts that are written at once.", "", 1, 256},
    {"generate.tokens_a_day", kInt, "0", "Tokens that each purpose may use in a day; 0: no limit.",
     "2000000"},
    {"generate.fen_a_day", kInt, "0", "Fen that each purpose may cost in a day; 0: no limit.",
     "1000"},
    {"generate.budgets", kString, "",
     "Other limits for some purposes: PURPOSE=TOKENS/FEN, separated by commas.",
     "service=200000/500, content=0/2000"},
    {"generate.gguf", kString, "", "Model file, relative to this file.", "qwen.gguf"},
    {"generate.gguf_library", kString, "",
     "Folder with llama.cpp's libraries; empty: where ./dev setup put them."},
    {"generate.requests", kInt, "2", "Texts that a GGUF model writes at once.", "", 1, 64},
    {"generate.context", kInt, "4096", "Tokens of prompt and answer with a GGUF model.", "", 16,
     1 << 20},
    {"generate.threads", kInt, "1", "Threads for each text of a GGUF model.", "", 1, 256},
    {"generate.scripts", kString, "",
     "JSON file of the scripted generator, relative to this file."},
    {"catalogue.feed_every", kDuration, "1h",
     "How often feeds that are followed are asked again; 0s: never."},
    {"catalogue.private_feeds", kBool, "false",
     "Whether feeds may lie at addresses that are not public: loopback, private networks."},
    {"catalogue.read_texts", kBool, "true",
     "Reads titles and texts of items in the background: vectors, keywords, topic, sentiment, "
     "near-duplicates."},
    {"language.encoder", kString, "",
     "File of the text encoder, or a checkpoint's folder, relative to this file; empty: the one "
     "that comes with the program.",
     "checkpoints/bert-base-chinese"},
    {"language.threads", kInt, "1", "Threads that encode texts.", "", 1, 256},
    {"language.batch_tokens", kInt, "512", "Most tokens that a thread encodes at once.", "", 16,
     1 << 16},
    {"language.waiting_tokens", kInt, "262144",
     "Most tokens that wait for the encoder, half of them of one caller; further texts are refused "
     "(429, 503).",
     "", 32768, 1 << 24},
    {"language.patience", kDuration, "10s",
     "Longest wait for the encoder; texts whose turn has not come by then are refused (504)."},
    {"language.duplicate_texts", kInt, "10000000",
     "Most texts that all indexes of near-duplicates hold together.", "", 1, 1000000000},
    {"language.drift_hundredths", kInt, "25",
     "Hundredths of the index of drift (PSI) above which an alert opens, two days of a model in a "
     "row; 0: never.",
     "", 0, 1000},
    {"language.drift_texts", kInt, "200", "Texts of a day below which it opens no alert of drift.",
     "", 1, 1000000},
    {"language.workers", kInt, "8", "Requests about texts that are dealt with at once.", "", 1,
     256},
    {"wechat.base_url", kString, "https://api.weixin.qq.com",
     "Address of the WeChat platform, for accounts without their own.", "http://127.0.0.1:8090"},
};

struct Words {
  std::string_view option;
  std::vector<std::string_view> allowed;
};

Result<void> check_words(const Options& options, const Words& words) {
  const std::string& value = options.text(words.option);
  if (std::ranges::find(words.allowed, value) != words.allowed.end()) return {};
  return fail_field(words.option, "'{}' is not one of {}", utf8::truncate(value, 80),
                    fmt::join(words.allowed, ", "));
}

/// An address to which paths are appended.
Result<void> check_address(const Options& options, std::string_view option, bool may_be_empty) {
  const std::string& url = options.text(option);
  if (url.empty() && may_be_empty) return {};
  std::string_view rest = url;
  const bool has_scheme = rest.starts_with("http://") || rest.starts_with("https://");
  if (has_scheme) rest.remove_prefix(rest.find("//") + 2);
  const auto is_plain = [](char c) {
    return c > ' ' && c < 0x7f && std::string_view("?#\"<>\\").find(c) == std::string_view::npos;
  };
  const bool has_host = !rest.empty() && rest.front() != '/' && rest.front() != ':';
  if (has_scheme && has_host && std::ranges::all_of(rest, is_plain)) return {};
  return fail_field(option, "'{}' is no address such as https://zhiyin.example.com",
                    utf8::truncate(url, 80));
}

}  // namespace

std::span<const OptionSpec> option_table() { return kOptions; }

Result<void> check_options(const Options& options) {
  ZHIYIN_TRY_VOID(check_words(options, {"log_level", {"debug", "info", "warning", "error"}}));
  ZHIYIN_TRY_VOID(check_words(options, {"clock", {"system", "stepped"}}));
  ZHIYIN_TRY_VOID(Roles::check(options.text("server.roles")));
  constexpr Duration kLeaseMin = std::chrono::seconds(2);
  if (options.duration("server.lease") < kLeaseMin)
    return fail_field("server.lease", "is below 2s");
  ZHIYIN_TRY_VOID(check_address(options, "server.public_url", true));
  return check_address(options, "wechat.base_url", false);
}

}  // namespace zhiyin::app
