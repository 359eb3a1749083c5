#include <fmt/format.h>

#include <limits>

#include "base/utf8.h"
#include "sandbox/account_state.h"

// Scene QR codes, whose scene comes back with the event of whoever scans, and short keys.
namespace zhiyin::sandbox {
namespace {

constexpr std::size_t kPermanentMax = 100'000;
constexpr std::int64_t kDefaultLife = 60;
constexpr std::int64_t kPermanentSceneMax = 100'000;
constexpr std::size_t kSceneTextMax = 64;
constexpr std::size_t kShortKeysMax = 1'000'000;

Answer create(AccountState& account, const Call& call) {
  const std::string action = call.text("action_name");
  const bool is_permanent = action.starts_with("QR_LIMIT_");
  const bool is_text = action.ends_with("STR_SCENE");
  const Json& scene = call.body["action_info"]["scene"];
  std::string says;
  if (is_text) {
    says = text_of(scene["scene_str"]);
    if (says.empty() || utf8::length(says) > kSceneTextMax) return account.refuse(40129, call.now);
  } else {
    const std::int64_t id = number_of(scene["scene_id"]);
    const std::int64_t most =
        is_permanent ? kPermanentSceneMax : std::numeric_limits<std::uint32_t>::max();
    if (id < 1 || id > most) return account.refuse(40129, call.now);
    says = std::to_string(id);
  }
  if (is_permanent && account.codes.permanent >= kPermanentMax)
    return account.refuse(45029, call.now);
  const std::int64_t life = call.number("expire_seconds", kDefaultLife);
  const std::string ticket = "gQ" + account.make_name(94) + "==";
  CodeState::Code code{says, std::nullopt};
  Json answer = Json::object();
  answer.set("ticket", ticket);
  if (is_permanent) {
    ++account.codes.permanent;
  } else {
    code.ends_at = call.now + std::chrono::seconds(life);
    answer.set("expire_seconds", life);
  }
  answer.set("url", "http://weixin.qq.com/q/" + account.make_name(20));
  account.codes.by_ticket.emplace(ticket, std::move(code));
  return answer;
}

Answer shorten(AccountState& account, const Call& call) {
  CodeState& state = account.codes;
  std::erase_if(state.short_keys, [&](const auto& k) { return k.second.ends_at <= call.now; });
  if (state.short_keys.size() >= kShortKeysMax) return account.refuse(-1, call.now);
  const std::string key = account.make_name(15);
  const std::int64_t life = call.number("expire_seconds", 2'592'000);
  state.short_keys[key] = {call.text("long_data"), call.now, call.now + std::chrono::seconds(life)};
  Json answer = api_ok();
  answer.set("short_key", key);
  return answer;
}

Answer fetch(AccountState& account, const Call& call) {
  const auto found = account.codes.short_keys.find(call.text("short_key"));
  if (found == account.codes.short_keys.end() || found->second.ends_at <= call.now)
    return account.refuse(kInvalidParameter, call.now, "short_key");
  const CodeState::ShortKey& key = found->second;
  Json answer = api_ok();
  answer.set("long_data", key.data);
  answer.set("create_time", seconds_of(key.at));
  answer.set("expire_seconds", (key.ends_at - call.now).count() / 1'000'000);
  return answer;
}

}  // namespace

std::vector<Endpoint> code_endpoints() {
  const Field life = number("expire_seconds", 60, 2'592'000).optional();
  return {
      {.method = "POST",
       .path = "/cgi-bin/qrcode/create",
       .summary =
           "A code: temporary (60 seconds to 30 days) or one of 100,000 permanent; its scene "
           "is a number or a text of 1 to 64",
       .handler = create,
       .answers = "ticket expire_seconds:n url",
       .fields = {one_of("action_name", "QR_SCENE QR_STR_SCENE QR_LIMIT_SCENE QR_LIMIT_STR_SCENE"),
                  object("action_info"), object("action_info.scene"), life},
       .access = kVerified | kServiceOnly | kOfficialOnly,
       .per_day = 100'000,
       .errors = {40129, 45029}},
      {.method = "POST",
       .path = "/cgi-bin/shorten/gen",
       .summary = "A key for up to 4 KB of data, for 30 days at most",
       .handler = shorten,
       .answers = "short_key",
       .fields = {bytes("long_data", 1, 4096), number("expire_seconds", 1, 2'592'000).optional()},
       .access = kOfficialOnly},
      {.method = "POST",
       .path = "/cgi-bin/shorten/fetch",
       .summary = "The data of a key",
       .handler = fetch,
       .answers = "long_data create_time:n expire_seconds:n",
       .fields = {bytes("short_key", 1, 64)},
       .access = kOfficialOnly},
  };
}

}  // namespace zhiyin::sandbox
