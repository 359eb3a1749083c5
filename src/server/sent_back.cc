#include "server/sent_back.h"

#include <algorithm>

namespace zhiyin::server {
namespace {

constexpr std::string_view kOfAccounts[] = {
    "has_secret", "has_token", "has_encoding_aes_key", "has_refresh_token", "version",
    "created_at", "updated_at"};
constexpr std::string_view kOfSegments[] = {"version", "updated_at"};
constexpr std::string_view kMeasuredOfSegments[] = {"live_state", "live_progress", "count",
                                                    "as_of"};
constexpr std::string_view kOfCampaigns[] = {"version",       "state",      "created_at",
                                             "started_at",    "exposed_at", "finished_at",
                                             "waiting_until", "note",       "progress"};

constexpr std::string_view kOfEditorLists[] = {"version", "updated_at", "updated_by"};
constexpr std::string_view kMeasuredOfEditorLists[] = {"state", "can_be_shown", "by_status",
                                                       "contents"};

std::string id_in(const Json& body) { return std::string(body["id"].string_or("")); }

/// Null when there is none.
template <class T, class Show>
Result<Json> shown(const Result<T>& stored, Show show) {
  if (stored) return show(*stored);
  if (stored.error().code == ErrorCode::kNotFound) return Json();
  return std::unexpected(stored.error());
}

}  // namespace

Result<Json> sent_back(const Json& body, const Json& stored,
                       std::span<const std::string_view> read_only,
                       std::span<const std::string_view> measured) {
  const Json::Object* members = body.if_object();
  if (members == nullptr) return body;
  Json out = Json::object();
  for (const auto& [name, value] : *members) {
    if (std::ranges::find(measured, name) != measured.end() && !stored.is_null()) continue;
    if (std::ranges::find(read_only, name) == read_only.end()) {
      out.set(name, value);
    } else if (value != stored[name]) {
      return fail_field(name, "is set by the server only: leave it out{}",
                        stored.is_null() ? "" : ", or send back what is stored");
    }
  }
  return out;
}

Result<Json> account_sent_back(Services& s, const Json& body) {
  ZHIYIN_TRY(const Json stored,
             shown(s.accounts.get(AccountId(id_in(body))),
                   [](const wechat::Account& account) { return to_json(wechat::view(account)); }));
  return sent_back(body, stored, kOfAccounts);
}

Result<Json> segment_sent_back(Services& s, const Json& body) {
  ZHIYIN_TRY(const Json stored,
             shown(s.segments.get(SegmentId(id_in(body))), [](const audience::Segment& segment) {
               return Json()
                   .set("version", segment.version)
                   .set("updated_at", to_json(segment.updated_at));
             }));
  return sent_back(body, stored, kOfSegments, kMeasuredOfSegments);
}

Result<Json> campaign_sent_back(Services& s, const Json& body) {
  ZHIYIN_TRY(const Json stored,
             shown(s.campaigns.get(CampaignId(id_in(body))),
                   [](const campaign::Campaign& campaign) { return to_json(campaign); }));
  return sent_back(body, stored, kOfCampaigns);
}

Result<Json> editor_list_sent_back(Services& s, const Json& body) {
  ZHIYIN_TRY(const Json stored, shown(s.recommendations.editor_lists().get(id_in(body)),
                                      [](const catalogue::StoredEditorList& list) {
                                        return Json()
                                            .set("version", list.version)
                                            .set("updated_at", to_json(list.updated_at))
                                            .set("updated_by", list.updated_by);
                                      }));
  return sent_back(body, stored, kOfEditorLists, kMeasuredOfEditorLists);
}

}  // namespace zhiyin::server
