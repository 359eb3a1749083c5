#pragma once

namespace zhiyin::sandbox {

struct AccountState;

/// What an account has from the start: message templates, and by its kind members of a company,
/// or an authorisation of an advertiser.
void seed_account(AccountState& account);

}  // namespace zhiyin::sandbox
