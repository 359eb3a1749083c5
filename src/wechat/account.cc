#include "wechat/account.h"

#include <algorithm>

#include "wechat/callback_store.h"
#include "wechat/crypto.h"
#include "wechat/migrations.h"
#include "wechat/token_store.h"

namespace zhiyin::wechat {
namespace {

using storage::as_int;
using storage::as_text;
using storage::Blob;
using storage::Row;
using storage::Session;
using storage::Value;

constexpr storage::Migration kMigrations[] = {
    {"wechat-001-account",
     "CREATE TABLE account ("
     "id TEXT PRIMARY KEY, version BIGINT NOT NULL, settings TEXT NOT NULL, "
     "app_secret BYTEA, token BYTEA, encoding_aes_key BYTEA, "
     "created_at BIGINT NOT NULL, updated_at BIGINT NOT NULL)"},
    {"wechat-003-refresh-token", "ALTER TABLE account ADD COLUMN refresh_token BYTEA"},
};

constexpr std::string_view kColumns =
    "id, version, settings, app_secret, token, encoding_aes_key, created_at, updated_at, "
    "refresh_token";

bool is_letter_or_digit(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}
bool is_id_character(char c) {
  return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
}
bool is_name_character(char c) { return is_letter_or_digit(c) || c == '_' || c == '-'; }
bool is_visible(char c) { return c > ' ' && c < 0x7f; }

/// The input without its secrets, as it lies in the column `settings`.
AccountInput settings_of(const Account& a) {
  AccountInput s;
  s.id = a.id;
  s.name = a.name;
  s.kind = a.kind;
  s.verified = a.verified;
  s.app_id = a.app_id;
  s.original_id = a.original_id;
  s.suite_id = a.suite_id;
  s.mode = a.mode;
  s.token_kind = a.token_kind;
  s.zone = a.zone;
  s.base_url = a.base_url;
  s.reply_rules = a.reply_rules;
  s.policy = a.policy;
  return s;
}

/// `base` with everything of `input`; secrets that are absent stay.
Account merged(Account base, const AccountInput& input) {
  base.id = input.id;
  base.name = input.name;
  base.kind = input.kind;
  base.verified = input.verified;
  base.app_id = input.app_id;
  base.original_id = input.original_id;
  base.suite_id = input.suite_id;
  if (input.app_secret) base.app_secret = Secret(*input.app_secret);
  if (input.token) base.token = Secret(*input.token);
  if (input.refresh_token) base.refresh_token = Secret(*input.refresh_token);
  if (input.encoding_aes_key) base.encoding_aes_key = Secret(*input.encoding_aes_key);
  base.mode = input.mode;
  base.token_kind = input.token_kind;
  base.zone = input.zone;
  base.base_url = input.base_url;
  base.reply_rules = input.reply_rules;
  base.policy = input.policy;
  return base;
}

std::string context_of(const AccountId& id, std::string_view column) {
  return fmt::format("account:{}:{}", id.value, column);
}

Result<void> validate_names(const Account& a) {
  constexpr std::size_t kIdBytesMax = 64;
  if (a.id.empty() || a.id.value.size() > kIdBytesMax ||
      !std::ranges::all_of(a.id.value, is_id_character)) {
    return fail_field("id", "'{}' is not 1 to 64 of a-z, 0-9, - and _",
                      a.id.value.substr(0, kIdBytesMax));
  }
  if (a.app_id.empty() || !std::ranges::all_of(a.app_id, is_name_character)) {
    return fail_field("app_id", "'{}' is not letters and digits, as wx0123456789abcdef",
                      a.app_id.substr(0, 64));
  }
  if (!a.original_id.empty() && (!a.original_id.starts_with("gh_") ||
                                 !std::ranges::all_of(a.original_id, is_name_character))) {
    return fail_field("original_id", "'{}' does not begin with gh_", a.original_id.substr(0, 64));
  }
  if (!a.suite_id.empty() && a.kind != AccountKind::kWecom)
    return fail_field("suite_id", "belongs to an account of the kind wecom, not {}",
                      enum_name(a.kind));
  if (!std::ranges::all_of(a.suite_id, is_name_character))
    return fail_field("suite_id", "'{}' is not letters and digits", a.suite_id.substr(0, 64));
  return {};
}

Result<void> validate_secrets(const Account& a) {
  const std::string& token = a.token.reveal();
  if (!token.empty() &&
      (token.size() < 3 || token.size() > 32 || !std::ranges::all_of(token, is_letter_or_digit))) {
    return fail_field("token", "is not 3 to 32 letters and digits");
  }
  if (!std::ranges::all_of(a.app_secret.reveal(), is_visible))
    return fail_field("app_secret", "has blanks or other characters that no AppSecret has");
  if (a.encoding_aes_key.empty()) {
    if (a.mode == CallbackMode::kPlain || token.empty()) return {};
    return fail_field("encoding_aes_key", "is missing: mode {} needs it", enum_name(a.mode));
  }
  if (auto key = decode_aes_key(a.encoding_aes_key.reveal()); !key) {
    return fail_field("encoding_aes_key", "is not 43 letters and digits");
  }
  return {};
}

Result<std::int64_t> stored_version(Session& session, const AccountId& id) {
  ZHIYIN_TRY(const storage::Rows found,
             session.query("SELECT version FROM account WHERE id = ?1", {Value(id.value)}));
  if (found.rows.empty())
    return fail(ErrorCode::kNotFound, "account: there is no '{}'", id.value.substr(0, 64));
  return as_int(found.rows[0][0]);
}

/// WeChat knows an application by its app id: two accounts with one would take each other's token
/// away.
Result<void> check_app_id(Session& session, const Account& account) {
  ZHIYIN_TRY(
      const storage::Rows all,
      session.query("SELECT id, settings FROM account WHERE id <> ?1", {Value(account.id.value)}));
  for (const Row& row : all.rows) {
    ZHIYIN_TRY(const Json settings, parse_json(as_text(row[1])));
    if (settings["app_id"].string_or("") != account.app_id) continue;
    // Several applications of one company, and several authorisations, have their own tokens.
    if (account.token_kind == TokenKind::kWecom || account.token_kind == TokenKind::kAds) continue;
    Error error{
        ErrorCode::kConflict,
        fmt::format("'{}' is the one of account '{}' already", account.app_id, as_text(row[0])),
        "app_id"};
    return std::unexpected(std::move(error));
  }
  return {};
}

Result<void> check_version(std::int64_t stored, std::optional<std::int64_t> wanted) {
  if (!wanted || *wanted == stored) return {};
  return fail(ErrorCode::kConflict, "account: is at version {}, not {}", stored, *wanted);
}

}  // namespace

std::span<const storage::Migration> Accounts::migrations() { return kMigrations; }

std::vector<storage::Migration> migrations() {
  std::vector<storage::Migration> all;
  for (const auto& part :
       {Accounts::migrations(), CallbackStore::migrations(), TokenStore::migrations()})
    all.insert(all.end(), part.begin(), part.end());
  return all;
}

AccountView view(const Account& a) {
  AccountView v;
  v.id = a.id;
  v.name = a.name;
  v.kind = a.kind;
  v.verified = a.verified;
  v.app_id = a.app_id;
  v.original_id = a.original_id;
  v.suite_id = a.suite_id;
  v.has_secret = !a.app_secret.empty();
  v.has_token = !a.token.empty();
  v.has_refresh_token = !a.refresh_token.empty();
  v.has_encoding_aes_key = !a.encoding_aes_key.empty();
  v.mode = a.mode;
  v.token_kind = a.token_kind;
  v.zone = a.zone;
  v.base_url = a.base_url;
  v.reply_rules = a.reply_rules;
  v.policy = a.policy;
  v.version = a.version;
  v.created_at = a.created_at;
  v.updated_at = a.updated_at;
  return v;
}

/// What an account is and how it gets its tokens belong together.
Result<void> validate_kind(const Account& a) {
  const bool is_wecom = a.kind == AccountKind::kWecom;
  const bool is_ads = a.kind == AccountKind::kAdvertiser;
  if (is_wecom != (a.token_kind == TokenKind::kWecom) ||
      is_ads != (a.token_kind == TokenKind::kAds)) {
    return fail_field("token_kind", "'{}' does not belong to an account of the kind {}",
                      enum_name(a.token_kind), enum_name(a.kind));
  }
  return {};
}

/// Whether the account's platform can bring such a reply to people, as an answer or as a message of
/// customer service.
bool takes_reply(AccountKind kind, ReplyType type) {
  const auto is_in = [type](std::initializer_list<ReplyType> types) {
    return std::ranges::find(types, type) != types.end();
  };
  if (kind == AccountKind::kMiniProgram)
    return is_in({ReplyType::kNone, ReplyType::kText, ReplyType::kImage, ReplyType::kTransfer});
  return kind != AccountKind::kWecom || !is_in({ReplyType::kTransfer, ReplyType::kMusic});
}

Result<void> validate_replies(const Account& a) {
  const auto check = [&](const Reply& reply, const std::string& field) -> Result<void> {
    if (takes_reply(a.kind, reply.type)) return {};
    return fail_field(field + ".type", "'{}' does not reach people of a {} account",
                      enum_name(reply.type), enum_name(a.kind));
  };
  ZHIYIN_TRY_VOID(check(a.reply_rules.welcome, "reply_rules.welcome"));
  // It goes to new contacts with the code of their event, not as an answer.
  if (a.kind == AccountKind::kWecom && a.reply_rules.welcome.type == ReplyType::kVoice)
    return fail_field("reply_rules.welcome.type", "'voice' does not welcome a company's contacts");
  for (std::size_t i = 0; i < a.reply_rules.keywords.size(); ++i) {
    ZHIYIN_TRY_VOID(
        check(a.reply_rules.keywords[i].reply, fmt::format("reply_rules.keywords[{}].reply", i)));
  }
  return {};
}

Result<void> validate(const Account& account) {
  ZHIYIN_TRY_VOID(validate_kind(account));
  ZHIYIN_TRY_VOID(validate_names(account));
  ZHIYIN_TRY_VOID(validate_secrets(account));
  if (auto zone = TimeZone::create(account.zone); !zone)
    return std::unexpected(within("zone", zone.error()));
  const std::string& url = account.base_url;
  if (!url.empty() && !((url.starts_with("http://") || url.starts_with("https://")) &&
                        std::ranges::all_of(url, is_visible))) {
    return fail_field("base_url", "'{}' is not an http or https address", url.substr(0, 256));
  }
  if (auto ok = validate(account.reply_rules); !ok)
    return std::unexpected(within("reply_rules", ok.error()));
  ZHIYIN_TRY_VOID(validate_replies(account));
  if (auto ok = validate(account.policy); !ok) return std::unexpected(within("policy", ok.error()));
  return {};
}

bool may_mass_send_by_openids(const Account& a) {
  return a.verified && a.kind == AccountKind::kService;
}
bool may_mass_send_by_tag(const Account& a) { return a.verified; }
bool may_send_templates(const Account& a) { return a.verified && a.kind == AccountKind::kService; }
bool may_send_customer_service(const Account& a) { return a.verified; }

namespace {

/// As stored, without members that accounts had once and that nothing reads any more.
Result<Json> stored_settings(std::string_view text) {
  constexpr std::string_view kRetired[] = {"version", "user_list_per_day", "user_info_per_day"};
  ZHIYIN_TRY(Json settings, parse_json(text));
  Json::Object* members = settings.if_object();
  if (members == nullptr) return settings;
  for (Json::Member& member : *members) {
    if (member.first != "policy" || member.second.if_object() == nullptr) continue;
    std::erase_if(*member.second.if_object(), [&](const Json::Member& m) {
      return std::ranges::find(kRetired, m.first) != std::end(kRetired);
    });
  }
  return settings;
}

}  // namespace

Result<Account> Accounts::read(const Row& row) const {
  ZHIYIN_TRY(const Json json, stored_settings(as_text(row[2])));
  Result<AccountInput> settings = from_json<AccountInput>(json);
  if (!settings) {
    return fail(ErrorCode::kDataLoss, "account: stored settings of '{}' cannot be read: {}",
                as_text(row[0]), settings.error().text());
  }
  Account a = merged({}, *settings);
  a.version = as_int(row[1]);
  a.created_at = {as_int(row[6])};
  a.updated_at = {as_int(row[7])};
  const auto unseal = [&](const Value& cell, std::string_view column) -> Result<Secret> {
    if (storage::is_null(cell)) return Secret();
    return vault_.unseal_secret(as_text(cell), context_of(a.id, column));
  };
  ZHIYIN_TRY(a.app_secret, unseal(row[3], "app_secret"));
  ZHIYIN_TRY(a.token, unseal(row[4], "token"));
  ZHIYIN_TRY(a.encoding_aes_key, unseal(row[5], "encoding_aes_key"));
  ZHIYIN_TRY(a.refresh_token, unseal(row[8], "refresh_token"));
  return a;
}

Result<void> Accounts::write(Session& session, const Account& a) const {
  const auto seal = [&](const Secret& secret, std::string_view column) -> Value {
    if (secret.empty()) return Value();
    return Blob{vault_.seal_secret(secret, context_of(a.id, column))};
  };
  ZHIYIN_TRY_VOID(session.execute(
      "INSERT INTO account (id, version, settings, app_secret, token, encoding_aes_key, "
      "created_at, updated_at, refresh_token) "
      "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9) ON CONFLICT (id) DO UPDATE SET version = "
      "excluded.version, "
      "settings = excluded.settings, app_secret = excluded.app_secret, token = excluded.token, "
      "encoding_aes_key = excluded.encoding_aes_key, refresh_token = excluded.refresh_token, "
      "updated_at = excluded.updated_at",
      {Value(a.id.value), Value(a.version), Value(to_json(settings_of(a)).dump()),
       seal(a.app_secret, "app_secret"), seal(a.token, "token"),
       seal(a.encoding_aes_key, "encoding_aes_key"), Value(a.created_at.us), Value(a.updated_at.us),
       seal(a.refresh_token, "refresh_token")}));
  return {};
}

Result<std::vector<Account>> Accounts::list() const {
  ZHIYIN_TRY(const storage::Rows found,
             state_.query(fmt::format("SELECT {} FROM account ORDER BY id", kColumns)));
  std::vector<Account> out;
  for (const Row& row : found.rows) {
    ZHIYIN_TRY(Account account, read(row));
    out.push_back(std::move(account));
  }
  return out;
}

Result<Account> Accounts::get(const AccountId& id) const {
  ZHIYIN_TRY(const storage::Rows found,
             state_.query(fmt::format("SELECT {} FROM account WHERE id = ?1", kColumns),
                          {Value(id.value)}));
  if (found.rows.empty())
    return fail(ErrorCode::kNotFound, "account: there is no '{}'", id.value.substr(0, 64));
  return read(found.rows[0]);
}

Result<Policy> Accounts::policy(Session& session, const AccountId& id) {
  ZHIYIN_TRY(const storage::Rows found,
             session.query("SELECT settings FROM account WHERE id = ?1", {Value(id.value)}));
  if (found.rows.empty())
    return fail(ErrorCode::kNotFound, "account: there is no '{}'", id.value.substr(0, 64));
  ZHIYIN_TRY(const Json settings, stored_settings(as_text(found.rows[0][0])));
  return from_json<Policy>(settings["policy"]);
}

Result<Accounts::Revision> Accounts::revision(const AccountId& id) const {
  ZHIYIN_TRY(
      const storage::Rows found,
      state_.query("SELECT version, updated_at FROM account WHERE id = ?1", {Value(id.value)}));
  if (found.rows.empty())
    return fail(ErrorCode::kNotFound, "account: there is no '{}'", id.value.substr(0, 64));
  return Revision{as_int(found.rows[0][0]), {as_int(found.rows[0][1])}};
}

Result<Account> Accounts::create(const AccountInput& input) {
  Account account = merged({}, input);
  ZHIYIN_TRY_VOID(validate(account));
  account.version = 1;
  account.created_at = account.updated_at = clock_.now();
  ZHIYIN_TRY_VOID(state_.write([&](Session& session) -> Result<void> {
    if (stored_version(session, account.id))
      return fail(ErrorCode::kConflict, "account: '{}' exists already", account.id.value);
    ZHIYIN_TRY_VOID(check_app_id(session, account));
    return write(session, account);
  }));
  return account;
}

Result<Account> Accounts::put(const AccountInput& input, std::int64_t if_version) {
  Account account;
  ZHIYIN_TRY_VOID(state_.write([&](Session& session) -> Result<void> {
    ZHIYIN_TRY(const storage::Rows found,
               session.query(fmt::format("SELECT {} FROM account WHERE id = ?1", kColumns),
                             {Value(input.id.value)}));
    if (found.rows.empty())
      return fail(ErrorCode::kNotFound, "account: there is no '{}'", input.id.value.substr(0, 64));
    ZHIYIN_TRY(Account before, read(found.rows[0]));
    ZHIYIN_TRY_VOID(check_version(before.version, if_version));
    const std::string app_id = before.app_id;
    account = merged(std::move(before), input);
    ZHIYIN_TRY_VOID(validate(account));
    if (account.app_id != app_id) {
      ZHIYIN_TRY_VOID(check_app_id(session, account));
    }
    ++account.version;
    account.updated_at = clock_.now();
    return write(session, account);
  }));
  return account;
}

Result<Account> Accounts::apply(const Json& input) {
  const Json::Object* members = input.if_object();
  if (members == nullptr) return fail(ErrorCode::kInvalidArgument, "account: expected an object");
  const AccountId id(std::string(input["id"].string_or("")));
  const auto stored = get(id);
  if (!stored) {
    if (stored.error().code != ErrorCode::kNotFound) return std::unexpected(stored.error());
    ZHIYIN_TRY(const AccountInput fresh, from_json<AccountInput>(input));
    return create(fresh);
  }
  Json whole = to_json(settings_of(*stored));
  for (const auto& [name, value] : *members) whole.set(name, value);
  ZHIYIN_TRY(const AccountInput changed, from_json<AccountInput>(whole));
  return put(changed, stored->version);
}

Result<void> Accounts::remove(const AccountId& id, std::optional<std::int64_t> if_version) {
  return state_.write([&](Session& session) -> Result<void> {
    ZHIYIN_TRY(const std::int64_t version, stored_version(session, id));
    ZHIYIN_TRY_VOID(check_version(version, if_version));
    ZHIYIN_TRY_VOID(session.execute("DELETE FROM account WHERE id = ?1", {Value(id.value)}));
    ZHIYIN_TRY_VOID(
        session.execute("DELETE FROM access_token WHERE account = ?1", {Value(id.value)}));
    return {};
  });
}

}  // namespace zhiyin::wechat
