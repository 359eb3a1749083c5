#include "audience/portrait.h"

#include <cmath>

#include "base/secret.h"

namespace zhiyin::audience {
namespace {

Result<PortraitIdentity> identity_of(const People& people, const IdentityHash& hash,
                                     Instant first_seen) {
  auto identity = people.vault().reveal(hash);
  if (!identity && identity.error().code != ErrorCode::kNotFound)
    return std::unexpected(identity.error());
  if (!identity) return PortraitIdentity{"", "", "erased", first_seen};
  return PortraitIdentity{identity->account, identity->kind, shortened(identity->value),
                          first_seen};
}

Result<std::vector<PortraitIdentity>> identities_of(const People& people, const PersonView& view) {
  std::vector<PortraitIdentity> list;
  for (const IdentityHash& hash : view.identities) {
    ZHIYIN_TRY(const auto rows,
               people.state().query("SELECT first_at FROM identity_person WHERE identity = ?1",
                                    {storage::to_blob(hash)}));
    const Instant first_seen{rows.rows.empty() ? 0 : storage::as_int(rows.rows[0][0])};
    ZHIYIN_TRY(auto identity, identity_of(people, hash, first_seen));
    list.push_back(std::move(identity));
  }
  return list;
}

std::array<double, 24> hours_of(const PersonView& view, Instant as_of) {
  std::array<double, 24> hours{};
  double total = 0;
  for (const Activity& a : view.activity) {
    if (a.at > as_of || !is_behaviour(a.kind)) continue;
    hours[static_cast<std::size_t>(local_hour(a.at))] += 1;
    total += 1;
  }
  if (total > 0) {
    for (double& share : hours) share /= total;
  }
  return hours;
}

Result<void> fill_summary(const People& people, Portrait& out) {
  ZHIYIN_TRY(auto summaries, people.summaries(std::span(&out.id, 1)));
  if (summaries.empty()) return {};
  PersonSummary& s = summaries.front();
  out.first_seen = s.first_seen;
  out.last_seen = s.last_seen;
  out.events = s.events;
  out.following = std::move(s.following);
  return {};
}

template <class List, class Render>
Json array_of(const List& list, Render render) {
  Json out = Json::array();
  for (const auto& element : list) out.push(render(element));
  return out;
}

Json response_json(const std::optional<ResponseScore>& score) {
  if (!score) return {};
  Json because = array_of(score->contributions, [](const model::Contribution& c) {
    return Json::object()
        .set("feature", c.feature)
        .set("value", std::isnan(c.value) ? Json() : Json(c.value))
        .set("log_odds", c.log_odds)
        .set("zh", model::contribution_words(c, true))
        .set("en", model::contribution_words(c, false));
  });
  return Json::object()
      .set("probability", score->probability)
      .set("model", score->model)
      .set("because", std::move(because));
}

}  // namespace

Result<Portrait> portrait(const People& people, const catalogue::Items& items,
                          const Segments* segments, const PersonId& person, Instant as_of,
                          const ResponseScorer* scorer) {
  ZHIYIN_TRY(const PersonView view, people.view(person, kActivityAll));
  ZHIYIN_TRY(const auto index, items.index());
  const TagLookup tags = [&](const ingest::ItemRef& ref) { return index->tags(ref); };
  Portrait out;
  out.id = view.id;
  ZHIYIN_TRY_VOID(fill_summary(people, out));
  ZHIYIN_TRY(out.identities, identities_of(people, view));
  for (const double v : feature_vector(view, as_of)) {
    out.features.push_back(std::isnan(v) ? std::nullopt : std::optional(v));
  }
  out.interests = interests(view, tags, as_of);
  out.traits = traits_of(view, as_of);
  out.active_hours = hours_of(view, as_of);
  if (segments != nullptr) {
    ZHIYIN_TRY(out.segments, segments->segments_of(view, as_of));
  }
  if (scorer != nullptr) {
    ZHIYIN_TRY(out.response, scorer->score(view, as_of));
  }
  return out;
}

Json to_json(const Portrait& p) {
  Json values = Json::object();
  for (std::size_t i = 0; i < p.features.size(); ++i) {
    const auto& v = p.features[i];
    const bool whole = v && *v == std::floor(*v) && std::abs(*v) < 1e15;
    values.set(features()[i].name, !v      ? Json()
                                   : whole ? Json(static_cast<std::int64_t>(*v))
                                           : Json(*v));
  }
  Json traits = Json::object();
  for (const auto& [name, trait] : p.traits) traits.set(name, trait.value);
  return Json::object()
      .set("id", p.id.value)
      .set("identities", array_of(p.identities,
                                  [](const PortraitIdentity& i) {
                                    return Json::object()
                                        .set("account", i.account)
                                        .set("kind", i.kind)
                                        .set("value_short", i.value_short)
                                        .set("first_seen", zhiyin::to_json(i.first_seen));
                                  }))
      .set("first_seen", zhiyin::to_json(p.first_seen))
      .set("last_seen", zhiyin::to_json(p.last_seen))
      .set("events", p.events)
      .set("following",
           array_of(p.following, [](const std::string& account) { return Json(account); }))
      .set("features", std::move(values))
      .set("interests", array_of(p.interests,
                                 [](const Interest& i) {
                                   return Json::object().set("tag", i.tag).set("weight", i.weight);
                                 }))
      .set("traits", std::move(traits))
      .set("active_hours", array_of(p.active_hours, [](double share) { return Json(share); }))
      .set("response", response_json(p.response))
      .set("segments", array_of(p.segments, [](const SegmentId& id) { return Json(id.value); }));
}

}  // namespace zhiyin::audience
