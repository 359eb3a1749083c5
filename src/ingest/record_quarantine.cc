#include "ingest/record_quarantine.h"

#include "base/crypto.h"
#include "base/utf8.h"
#include "ingest/detail/quarantine_writer.h"

namespace zhiyin::ingest {
namespace {

/// The event as a client would send it; an error when it cannot be told (own kinds, erased people,
/// properties that are no JSON).
Result<Json> wire_json(const Event& event, storage::Vault& vault) {
  const std::string_view kind =
      is_bot_kind(event.kind) ? std::string_view(event.kind).substr(kBotPrefix.size()) : event.kind;
  if (is_reserved_kind(kind)) return fail(ErrorCode::kUnsupported, "kind: '{}' is our own", kind);
  WireEvent wire;
  wire.event_id = event.event_id;
  wire.account = event.account;
  wire.kind = kind;
  wire.item = event.item;
  wire.value = event.value;
  wire.occurred_at = event.occurred_at;
  for (const IdentityHash& hash : event.identities) {
    ZHIYIN_TRY(Identity identity, vault.reveal(hash));
    wire.identities.push_back(std::move(identity));
  }
  if (!event.properties.empty()) {
    ZHIYIN_TRY(wire.properties, parse_json(event.properties, kPropertiesBytesMax));
  }
  if (!event.sealed.empty()) {
    ZHIYIN_TRY(const std::string personal, vault.unseal(event.identities.front(), event.sealed));
    ZHIYIN_TRY(Json members, parse_json(personal, kPropertiesBytesMax));
    if (wire.properties.is_null()) wire.properties = Json::object();
    wire.properties.set("personal", std::move(members));
  }
  return to_json(wire);
}

}  // namespace

Json RecordQuarantine::describe(const storage::StoredRecord& record, std::string_view consumer,
                                std::string& source) const {
  Json place = Json()
                   .set("consumer", consumer)
                   .set("partition", record.partition)
                   .set("offset", record.offset);
  Json out = Json::object();
  const auto event = decode_event(record.bytes);
  if (event) source = utf8::cleaned(event->source);
  auto shown = event ? wire_json(*event, vault_) : Result<Json>(std::unexpected(event.error()));
  if (shown && shown->dump().size() < kQuarantineEventBytesMax - 200) {
    out = std::move(*shown);
  } else {
    // What is an event can be sent again as it is, so it is kept whole.
    const std::size_t kept =
        event ? record.bytes.size() : std::min(record.bytes.size(), kForeignBytesKept);
    if (event)
      place.set("kind", utf8::cleaned(event->kind)).set("event_id", utf8::cleaned(event->event_id));
    place.set("bytes", crypto::base64(std::string_view(record.bytes).substr(0, kept)));
    if (!event) source = kForeignSource;
  }
  out.set("record", std::move(place));
  return out;
}

Result<void> RecordQuarantine::put(storage::Session& session, std::string_view consumer,
                                   const storage::StoredRecord& record, const Error& why) const {
  std::string source(kForeignSource);
  const Json event = describe(record, consumer, source);
  metrics_
      .counter(
          "zhiyin_records_refused_total",
          "Records of the log that a consumer could not deal with; they are in the quarantine.",
          fmt::format("consumer=\"{}\"", consumer))
      .add();
  const RefusedEvent refused{fmt::format("{}: {}", consumer, why.message), why.field, event.dump()};
  ZHIYIN_TRY_VOID(
      detail::write_quarantine(session, vault_, std::span(&refused, 1), source, clock_.now()));
  if (source != kForeignSource) return {};
  ZHIYIN_TRY_VOID(
      session.execute("DELETE FROM quarantine WHERE source = ?1 AND id <= (SELECT MAX(id) FROM "
                      "quarantine WHERE source = ?1) - ?2",
                      {std::string(kForeignSource), kForeignRecordsMax}));
  return {};
}

}  // namespace zhiyin::ingest
