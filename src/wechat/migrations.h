#pragma once

#include <vector>

#include "storage/state.h"

namespace zhiyin::wechat {

/// The tables of this part: `account`, `access_token`, `callback_seen`, `callback_last`.
std::vector<storage::Migration> migrations();

}  // namespace zhiyin::wechat
