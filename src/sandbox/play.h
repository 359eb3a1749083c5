#pragma once

#include <string>

#include "base/json_binding.h"
#include "sandbox/account_state.h"

namespace zhiyin::sandbox {

/// Something that happens at an account because whoever tries the sandbox wants it: POST
/// /sandbox/play. What each kind needs beside `kind` and `account`:
///
/// | kind | |
/// |---|---|
/// | `sign_in` | a page gets a code for `openid` (`scope`) |
/// | `open_mini` | a mini-program is opened: its code for `openid` |
/// | `give_phone` | its code for a phone number |
/// | `grant`, `refuse` | `openid` allows, or no longer allows, messages of `template_id` |
/// | `confirm_once` | `openid` confirms one message of `template_id` for `scene` |
/// | `say` | `openid` writes `text` |
/// | `deliver` | any callback of `openid`: `msg_type` with `fields` as the platform names them |
/// | `enter` | `openid` opens the conversation of a mini-program |
/// | `scan` | `openid` scans the code with that `ticket`; who does not follow follows by it |
/// | `pay` | `openid` pays an order `transaction_id` |
/// | `encrypt` | the platform encrypts something with that `hash` |
/// | `meet`, `part` | `external_userid` adds or deletes the member `userid` (`name`, `unionid`,
/// `state`) |
struct Play {
  std::string kind;
  std::string account;  ///< id: shop, mini, corp, ads
  std::string openid, scope = "snsapi_base", template_id, text, ticket, transaction_id, hash;
  std::int64_t scene = 0;
  std::string userid, external_userid, name, unionid, state;
  std::string msg_type;
  Json fields = Json::object();
};

/// Lets it happen; the answer has what it brought (`code`, `welcome_code`). kInvalidArgument with
/// the member that is wrong, kConflict when it cannot happen now.
Result<Json> play(AccountState& account, const Play& what, Instant now);

}  // namespace zhiyin::sandbox

namespace zhiyin {

template <>
struct Fields<sandbox::Play> {
  using P = sandbox::Play;
  static constexpr std::string_view name = "Play";
  static constexpr auto list =
      field_list(field("kind", &P::kind, "what happens").length(1, 32),
                 field("account", &P::account, "shop, mini, corp or ads").length(1, 64),
                 field("openid", &P::openid, "who").length(0, 128).optional(),
                 field("scope", &P::scope, "of sign_in").length(0, 32).optional(),
                 field("template_id", &P::template_id, "of grant, refuse, confirm_once")
                     .length(0, 64)
                     .optional(),
                 field("text", &P::text, "of say").length(0, 2048).optional(),
                 field("ticket", &P::ticket, "of scan").length(0, 256).optional(),
                 field("transaction_id", &P::transaction_id, "of pay").length(0, 64).optional(),
                 field("hash", &P::hash, "of encrypt").length(0, 64).optional(),
                 field("scene", &P::scene, "of confirm_once").range(0, 10'000).optional(),
                 field("userid", &P::userid, "member, of meet and part").length(0, 64).optional(),
                 field("external_userid", &P::external_userid, "contact, of meet and part")
                     .length(0, 64)
                     .optional(),
                 field("name", &P::name, "of meet").length(0, 64).optional(),
                 field("unionid", &P::unionid, "of meet").length(0, 64).optional(),
                 field("state", &P::state, "of the contact way, of meet").length(0, 30).optional(),
                 field("msg_type", &P::msg_type, "of deliver: image, location, event …")
                     .length(0, 64)
                     .optional(),
                 field("fields", &P::fields, "of deliver, beyond the common ones").optional());
};

}  // namespace zhiyin
