#include "ingest/detail/wire_text.h"

#include <algorithm>

#include "base/utf8.h"

namespace zhiyin::ingest::detail {
namespace {

Result<void> check_utf8(const WireEvent& e) {
  auto good = [](std::string_view text) { return utf8::is_valid(text); };
  if (!good(e.event_id)) return fail_field("event_id", "is not UTF-8");
  if (e.item && !good(e.item->id)) return fail_field("item.id", "is not UTF-8");
  for (const Identity& identity : e.identities) {
    if (!good(identity.value)) return fail_field("identities", "a value is not UTF-8");
  }
  return {};
}

}  // namespace

Result<WireText> WireText::create(const WireEvent& event) {
  ZHIYIN_TRY_VOID(check_utf8(event));
  WireText text;
  text.event_ = &event;
  text.identity_count_ = std::min(event.identities.size(), text.identities_.size());
  for (std::size_t i = 0; i < text.identity_count_; ++i) {
    const Identity& identity = event.identities[i];
    text.identities_[i] = {identity.account, identity.kind, identity.value};
  }
  if (event.properties.is_null()) return text;
  const Json::Object* members = event.properties.if_object();
  if (members == nullptr)
    return fail_field("properties", "expected an object, got {}", event.properties.type_name());
  for (const auto& [key, value] : *members) {
    if (key == "personal") {
      if (value.is_null()) continue;
      const Json::Object* personal = value.if_object();
      if (personal == nullptr)
        return fail_field("properties.personal", "expected an object, got {}", value.type_name());
      if (!personal->empty()) text.personal_ = value.dump();
      continue;
    }
    text.properties_ += text.properties_.empty() ? '{' : ',';
    append_json_string(text.properties_, key);
    text.properties_ += ':';
    text.properties_ += value.dump();
  }
  if (!text.properties_.empty()) text.properties_ += '}';
  if (!utf8::is_valid(text.properties_) || !utf8::is_valid(text.personal_))
    return fail_field("properties", "is not UTF-8");
  return text;
}

EventView WireText::view() const {
  EventView v;
  v.event_id = event_->event_id;
  v.account = event_->account;
  v.identities = std::span(identities_.data(), identity_count_);
  v.kind = event_->kind;
  v.has_item = event_->item.has_value();
  if (v.has_item) {
    v.item_kind = event_->item->kind;
    v.item_id = event_->item->id;
  }
  v.value = event_->value;
  v.properties = properties_;
  v.personal = personal_;
  v.occurred_at = event_->occurred_at;
  v.sent_at = event_->sent_at;
  return v;
}

}  // namespace zhiyin::ingest::detail
