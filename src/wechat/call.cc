#include "wechat/call.h"

namespace zhiyin::wechat {

ApiAccount api_account(const Account& account) {
  return {account.id,         account.app_id, account.app_secret,   account.base_url,
          account.token_kind, account.policy, account.refresh_token};
}

}  // namespace zhiyin::wechat
