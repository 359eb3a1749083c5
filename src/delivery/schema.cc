#include "delivery/touch.h"

namespace zhiyin::delivery {

namespace {

constexpr storage::Migration kMigrations[] = {
    {"delivery-001-touch",
     "CREATE TABLE touch ("
     " id TEXT PRIMARY KEY, campaign TEXT NOT NULL, person TEXT NOT NULL, identity BYTEA NOT NULL,"
     " part BIGINT NOT NULL, account TEXT NOT NULL, channel BIGINT NOT NULL, state BIGINT NOT NULL,"
     " rule BIGINT NOT NULL, is_test BIGINT NOT NULL, decided_at BIGINT NOT NULL,"
     " due_at BIGINT NOT NULL, sent_at BIGINT, clicked_at BIGINT,"
     " idempotency_key TEXT NOT NULL UNIQUE, provider_id TEXT NOT NULL, error TEXT NOT NULL,"
     " attempt BIGINT NOT NULL, is_uncertain BIGINT NOT NULL, batch TEXT NOT NULL,"
     " quota_period BIGINT NOT NULL);"
     "CREATE INDEX touch_by_campaign ON touch (campaign, state, id);"
     "CREATE INDEX touch_by_identity ON touch (identity, sent_at);"
     "CREATE INDEX touch_by_batch ON touch (batch, id) WHERE batch <> ''"},
    {"delivery-002-send-batch",
     "CREATE TABLE send_batch ("
     " id TEXT PRIMARY KEY, campaign TEXT NOT NULL, account TEXT NOT NULL, chunk BIGINT NOT NULL,"
     " size BIGINT NOT NULL, state BIGINT NOT NULL, content TEXT NOT NULL,"
     " created_at BIGINT NOT NULL, due_at BIGINT NOT NULL, attempt BIGINT NOT NULL,"
     " is_uncertain BIGINT NOT NULL, provider_id TEXT NOT NULL, error TEXT NOT NULL,"
     " quota_period BIGINT NOT NULL);"
     "CREATE INDEX send_batch_by_campaign ON send_batch (campaign, chunk);"
     "CREATE INDEX send_batch_by_provider ON send_batch (account, provider_id);"
     "CREATE TABLE mass_result ("
     " account TEXT NOT NULL, msg_id TEXT NOT NULL, status TEXT NOT NULL, total BIGINT NOT NULL,"
     " filtered BIGINT NOT NULL, sent BIGINT NOT NULL, failed BIGINT NOT NULL, at BIGINT NOT NULL,"
     " PRIMARY KEY (account, msg_id))"},
    {"delivery-003-quota-use",
     "CREATE TABLE quota_use ("
     " account TEXT NOT NULL, channel BIGINT NOT NULL, period BIGINT NOT NULL,"
     " used BIGINT NOT NULL, reserved BIGINT NOT NULL, PRIMARY KEY (account, channel, period))"},
    {"delivery-004-holdout",
     "CREATE TABLE holdout ("
     " campaign TEXT NOT NULL, person TEXT NOT NULL, identity BYTEA NOT NULL,"
     " held_out BIGINT NOT NULL, assigned_at BIGINT NOT NULL, PRIMARY KEY (campaign, person))"},
    {"delivery-005-short-link",
     "CREATE TABLE short_link ("
     " code TEXT PRIMARY KEY, url TEXT NOT NULL, campaign TEXT NOT NULL, touch TEXT NOT NULL,"
     " created_at BIGINT NOT NULL, visits BIGINT NOT NULL, UNIQUE (campaign, touch, url))"},
    {"delivery-006-cs-trigger",
     "CREATE TABLE cs_trigger ("
     " identity BYTEA NOT NULL, account TEXT NOT NULL, kind BIGINT NOT NULL, at BIGINT NOT NULL,"
     " PRIMARY KEY (identity, account, kind))"},
    {"delivery-007-message-grant",
     "CREATE TABLE message_grant ("
     " identity BYTEA NOT NULL, account TEXT NOT NULL, template TEXT NOT NULL,"
     " remaining BIGINT NOT NULL, at BIGINT NOT NULL, PRIMARY KEY (identity, account, template))"},
    {"delivery-008-quota-lease",
     "ALTER TABLE quota_use ADD COLUMN leased BIGINT NOT NULL DEFAULT 0;"
     "CREATE TABLE quota_lease ("
     " account TEXT NOT NULL, channel BIGINT NOT NULL, period BIGINT NOT NULL,"
     " holder TEXT NOT NULL, granted BIGINT NOT NULL, used BIGINT NOT NULL,"
     " reserved BIGINT NOT NULL, of_limit BIGINT NOT NULL, expires_at BIGINT NOT NULL,"
     " PRIMARY KEY (account, channel, period, holder))"},
    {"delivery-020-late-answer",
     "CREATE TABLE late_answer ("
     " account TEXT NOT NULL, key TEXT NOT NULL, owner TEXT NOT NULL, person TEXT NOT NULL,"
     " token TEXT NOT NULL, decision BIGINT NOT NULL, reason TEXT NOT NULL,"
     " callbacks BIGINT NOT NULL, opened_at BIGINT NOT NULL, decided_at BIGINT NOT NULL,"
     " answered_at BIGINT, answer BYTEA, PRIMARY KEY (account, key));"
     "CREATE INDEX late_answer_by_person ON late_answer (account, person, opened_at);"
     "CREATE INDEX late_answer_by_time ON late_answer (opened_at)"},
    {"delivery-021-answer-desk",
     "CREATE TABLE answer_desk (owner TEXT PRIMARY KEY, lives_until BIGINT NOT NULL)"},
    {"delivery-024-late-question",
     "ALTER TABLE late_answer ADD COLUMN question BYTEA;"
     "ALTER TABLE late_answer ADD COLUMN fetched_by TEXT;"
     "CREATE INDEX late_answer_open ON late_answer (opened_at) WHERE question IS NOT NULL"},
    {"delivery-025-touch-template",
     "ALTER TABLE touch ADD COLUMN template TEXT NOT NULL DEFAULT ''"},
    {"delivery-026-send-hold",
     "CREATE TABLE send_hold ("
     " account TEXT NOT NULL, since BIGINT NOT NULL, errcode BIGINT NOT NULL, error TEXT NOT NULL,"
     " released_at BIGINT, released_by TEXT NOT NULL, PRIMARY KEY (account, since))"},
    // By what never changes, so that a send touches it no more; and in the order of writing.
    {"delivery-027-touch-order",
     "DROP INDEX touch_by_identity;"
     "CREATE INDEX touch_of_identity ON touch (identity, decided_at);"
     "DROP INDEX touch_by_campaign;"
     "CREATE INDEX touch_of_campaign ON touch (campaign, state, person, id)"},
};

}  // namespace

std::span<const storage::Migration> migrations() { return kMigrations; }

}  // namespace zhiyin::delivery
