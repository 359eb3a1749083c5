#pragma once

#include "base/json.h"
#include "wechat/callback.h"

namespace zhiyin::wechat {

/// What the fields of a callback say, under our names and with their types, by the tables of the
/// platform: `open` about things (counts, keys, states), `personal` about the person (places, what
/// they scanned). Fields that are absent or not of their type are left out; the raw ones stay.
struct CallbackFields {
  Json open = Json::object();
  Json personal = Json::object();
};
/// Pure.
CallbackFields callback_fields(const Callback& callback);

/// Whether a table has the callback's event or message; the others only keep their raw fields.
bool has_typed_fields(const Callback& callback);

}  // namespace zhiyin::wechat
