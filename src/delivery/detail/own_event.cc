#include "delivery/detail/own_event.h"

#include "base/json.h"
#include "ingest/event.h"
#include "storage/outbox.h"

namespace zhiyin::delivery::detail {

namespace {

storage::NewRecord record_of(const Touch& touch, std::string_view what, Instant occurred_at,
                             Instant received_at) {
  Json properties = Json::object();
  properties.set("campaign", touch.campaign.value);
  properties.set("touch", touch.id.value);
  properties.set("channel", enum_name(touch.channel));
  if (touch.rule != Rule::kNone) properties.set("rule", enum_name(touch.rule));

  ingest::Event event;
  event.event_id = fmt::format("{}.{}", touch.id.value, what);
  event.account = touch.account.value;
  event.identities = {touch.identity};
  event.kind = fmt::format("touch.{}", what);
  event.item = ingest::ItemRef{"campaign", touch.campaign.value};
  event.properties = properties.dump();
  event.occurred_at = occurred_at;
  event.received_at = received_at;
  event.source = "own";
  return {touch.partition, ingest::encode_event(event)};
}

}  // namespace

Result<void> tell(storage::Session& session, const Touch& touch, std::string_view what,
                  Instant occurred_at, Instant received_at) {
  return storage::Outbox::put(session, storage::Stream::kEvents,
                              record_of(touch, what, occurred_at, received_at));
}

Result<void> tell_all(storage::Session& session, std::span<const Touch> touches,
                      std::string_view what, Instant at) {
  std::vector<storage::NewRecord> records;
  records.reserve(touches.size());
  for (const Touch& touch : touches) records.push_back(record_of(touch, what, at, at));
  return storage::Outbox::put_all(session, storage::Stream::kEvents, records);
}

}  // namespace zhiyin::delivery::detail
