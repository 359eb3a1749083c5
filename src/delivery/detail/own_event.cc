#include "delivery/detail/own_event.h"

#include "base/json.h"
#include "ingest/event.h"
#include "storage/outbox.h"

namespace zhiyin::delivery::detail {

Result<void> tell(storage::Session& session, const Touch& touch, std::string_view what,
                  Instant occurred_at, Instant received_at) {
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
  return storage::Outbox::put(session, storage::Stream::kEvents,
                              {touch.partition, ingest::encode_event(event)});
}

}  // namespace zhiyin::delivery::detail
