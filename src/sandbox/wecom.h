#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "sandbox/account_state.h"

// What the files of WeCom share.
namespace zhiyin::sandbox {

WecomState::Member* find_colleague(AccountState& account, std::string_view userid);
WecomState::Contact* find_contact(AccountState& account, std::string_view external_userid);
/// What that member knows of the contact; null when they do not know each other.
WecomState::Follow* find_follow(WecomState::Contact& contact, std::string_view userid);
WecomState::Chat* find_chat(AccountState& account, std::string_view chat_id);

/// Somebody adds a member as a contact, perhaps by a contact way with a state: they know each other
/// from then on, and a callback brings the code for a welcome message, which is good for 20
/// seconds. Returns that code; empty when there is no such member.
std::string meet(AccountState& account, std::string_view userid, std::string_view external_userid,
                 std::string_view name, std::string_view unionid, std::string_view state,
                 Instant at);
/// The contact deletes the member.
void part(AccountState& account, std::string_view userid, std::string_view external_userid,
          Instant at);

/// Keeps a new way to meet, of a member or a group, with an id and a code of its own, and answers
/// as the platform does; refuses when there are too many.
Answer keep_way(AccountState& account, WecomState::Way way, Instant now);

/// Lets contacts change hands whose day has come.
void settle_handovers(AccountState& account, Instant now);
/// The contact wants to stay with whom it has; false when it is not on its way to anybody.
bool decline_handover(AccountState& account, std::string_view external_userid, Instant now);

/// Where a page begins that a cursor names; 0 without one.
std::size_t begin_of(const Call& call);
/// The cursor behind `end` of `size`; empty at the end.
std::string cursor_at(std::size_t end, std::size_t size);

/// Rows of the table of endpoints: called by a company's own applications.
Endpoint wecom_get(std::string_view path, std::string_view summary, Handler handler,
                   std::string answers, std::vector<Field> fields, std::vector<int> errors = {});
Endpoint wecom_post(std::string_view path, std::string_view summary, Handler handler,
                    std::string answers, std::vector<Field> fields, std::vector<int> errors = {});

}  // namespace zhiyin::sandbox
