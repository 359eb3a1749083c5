#include "server/recommendations.h"

#include <algorithm>

#include "base/crypto.h"
#include "base/random.h"
#include "recommend/impression.h"
#include "recommend/interleaving.h"
#include "recommend/list_caps.h"
#include "server/ranker_job.h"
#include "server/segment_trends.h"
#include "server/session_feedback.h"
#include "statistics/assignment.h"

namespace zhiyin::server {
namespace {

/// The name of a version that is compared with those in use; empty: none.
Result<std::string> version_option(const Options& options, std::string_view name) {
  const std::string& version = options.text(name);
  if (!version.empty() && version != "sources" && !version.starts_with("recommend-") &&
      !version.starts_with("ranker-"))
    return fail(ErrorCode::kInvalidArgument,
                "{}: '{}' is not a version like recommend-3 or ranker-3, nor sources", name,
                version);
  return version;
}

/// After the rival: what one list of two teams brought says nothing about a group.
Result<void> read_ab(const Options& options, Recommendations::Settings& out) {
  ZHIYIN_TRY(out.ab.version, version_option(options, "recommend.ab"));
  out.ab.percent = static_cast<int>(options.integer("recommend.ab_percent"));
  if (!out.ab.version.empty() && !out.rival.empty())
    return fail(
        ErrorCode::kInvalidArgument,
        "recommend.ab: is '{}' while recommend.interleave is '{}': one comparison at a time",
        out.ab.version, out.rival);
  return {};
}

ServingRecommenders::Settings serving_settings(const Recommendations::Settings& settings) {
  ServingRecommenders::Settings out;
  out.objectives = settings.objectives;
  out.ranked = settings.ranked;
  out.quick_build = settings.quick_build;
  if (settings.rival.empty()) {
    out.other_version = settings.ab.version;
  } else if (settings.rival_share > 0) {
    out.other_version = settings.rival;
  }
  return out;
}

}  // namespace

Result<Recommendations::Settings> recommendation_settings(const Options& options) {
  Recommendations::Settings out;
  auto objectives = recommend::Objectives::parse(options.text("recommend.objectives"));
  if (!objectives)
    return fail(ErrorCode::kInvalidArgument, "recommend.objectives: {}",
                objectives.error().message);
  out.objectives = *objectives;
  out.fatigue.shows = options.integer("recommend.fatigue_shows");
  out.fatigue.window = options.duration("recommend.fatigue_window");
  const std::string& how = options.text("recommend.fatigue");
  if (how != "down" && how != "out")
    return fail(ErrorCode::kInvalidArgument, "recommend.fatigue: '{}' is neither down nor out",
                how);
  out.fatigue.leaves_out = how == "out";
  ZHIYIN_TRY(out.rival, version_option(options, "recommend.interleave"));
  ZHIYIN_TRY_VOID(read_ab(options, out));
  out.rival_share = static_cast<double>(options.integer("recommend.interleave_percent")) / 100;
  const std::string& order = options.text("recommend.order");
  if (order != "ranker" && order != "sources")
    return fail(ErrorCode::kInvalidArgument, "recommend.order: '{}' is neither ranker nor sources",
                order);
  out.ranked = order == "ranker";
  const std::string& at = options.text("recommend.train_at");
  if (!at.empty()) {
    ZHIYIN_TRY_VOID(parse_time_of_day("recommend.train_at", at));
  }
  return out;
}

Recommendations::Recommendations(model::Registry& registry, catalogue::Items& items,
                                 storage::EventLog& log, storage::State& state, Logger& logger,
                                 Settings settings, audience::RecentPeople* recent)
    : state_(state),
      editor_lists_(state),
      log_(log),
      settings_(std::move(settings)),
      recent_(recent),
      serving_(registry, items, editor_lists_, state, logger, serving_settings(settings_)),
      arms_(state, items),
      shown_items_(state, settings_.fatigue, settings_.shown_bytes_max),
      seed_(crypto::xxh64(crypto::random_bytes(8))) {}

Result<audience::PersonView> Recommendations::view_of(const audience::People& people,
                                                      std::string_view ref) const {
  return recent_ != nullptr ? recent_->view_of(people, ref) : people.view_of(ref);
}

std::optional<audience::PersonView> Recommendations::known(const audience::People& people,
                                                           std::string_view ref) const {
  return recent_ != nullptr ? recent_->known(people, ref) : std::nullopt;
}

const std::string& Recommendations::other_version() const {
  return settings_.rival.empty() ? settings_.ab.version : settings_.rival;
}

bool Recommendations::is_interleaved(const PersonId& person) const {
  return !person.value.empty() && settings_.rival_share > 0 &&
         statistics::assignment_hash(settings_.rival, person.value) < settings_.rival_share;
}

void Recommendations::hide(const PersonId& person, const recommend::ItemRef& item) {
  MutexLock lock(hidden_mutex_);
  hidden_.emplace(person.value, item);
  hidden_order_.push_back(person.value);
  if (hidden_order_.size() <= kHiddenMax) return;
  hidden_.erase(hidden_.find(hidden_order_.front()));
  hidden_order_.pop_front();
}

void Recommendations::leave_out_hidden(const PersonId& person, recommend::ItemRules& rules) const {
  MutexLock lock(hidden_mutex_);
  const auto [begin, end] = hidden_.equal_range(person.value);
  for (auto it = begin; it != end; ++it) rules.exclude.push_back(it->second);
}

Result<void> Recommendations::forget(const PersonId& person) {
  {
    MutexLock lock(hidden_mutex_);
    hidden_.erase(person.value);
    std::erase(hidden_order_, person.value);
  }
  return shown_items_.forget(person);
}

std::uint64_t Recommendations::draw() {
  // Anew for each list: what chance decides is logged with its probability.
  return draws_.fetch_add(1) * 0x9e3779b97f4a7c15ULL + seed_;
}

recommend::RecommendRequest Recommendations::with_chance(recommend::RecommendRequest request) {
  if (request.explore == 0) return request;
  request.seed = draw();
  request.arm_of = [this](const recommend::ItemRef& ref) { return arms_.of(ref); };
  return request;
}

namespace {

/// Accounts that the person was seen on.
std::vector<std::string> accounts_of(const audience::PersonView& person) {
  std::vector<std::string> out;
  for (const audience::Activity& activity : person.activity) {
    // Mostly one after the other on the same account.
    if (activity.account.empty() || (!out.empty() && out.back() == activity.account)) continue;
    if (std::ranges::find(out, activity.account) == out.end()) out.push_back(activity.account);
  }
  return out;
}

}  // namespace

void Recommendations::limit_to_accounts(recommend::ItemRules& rules, std::string_view account,
                                        const audience::PersonView* person) {
  if (rules.accounts) return;
  if (!account.empty()) {
    rules.accounts = std::vector{std::string(account)};
  } else if (person != nullptr && !person->id.value.empty()) {
    rules.accounts = accounts_of(*person);
  }
}

namespace {

/// Active now, and for one of the accounts that the reader is asked about.
bool is_for(const catalogue::EditorList& list, const recommend::RecommendRequest& request) {
  if (catalogue::state_of(list, request.now) != catalogue::EditorListState::kActive) return false;
  const auto& accounts = request.rules.accounts;
  return list.account.empty() || !accounts ||
         std::ranges::find(*accounts, list.account) != accounts->end();
}

recommend::EditorItems picks_of(const catalogue::EditorList& list) {
  return {list.name, list.items, list.share};
}

}  // namespace

void Recommendations::leave_out_withdrawn(const InUse& in_use, recommend::ItemRules& rules) {
  if (in_use.withdrawn) rules.withdrawn = *in_use.withdrawn;
}

void Recommendations::add_editors(const catalogue::EditorLists::Snapshot& editors,
                                  recommend::RecommendRequest& request) {
  for (const catalogue::EditorList& list : editors.lists) {
    if (is_for(list, request)) request.editors.push_back(picks_of(list));
  }
}

Result<Recommendations::Prepared> Recommendations::prepared(const audience::PersonView& view,
                                                            recommend::RecommendRequest request,
                                                            std::string_view account,
                                                            bool has_accounts) {
  const PersonId& person = view.id;
  ZHIYIN_TRY(auto editors, editor_lists_.snapshot());
  if (has_accounts || editors->has_accounts) limit_to_accounts(request.rules, account, &view);
  add_editors(*editors, request);
  leave_out_hidden(person, request.rules);
  ZHIYIN_TRY(request.tired, shown_items_.tired(person, request.now));
  request.leaves_out_tired = shown_items_.rule().leaves_out;
  auto trends = person.value.empty() ? nullptr : this->trends();
  if (trends) {
    ZHIYIN_TRY(const auto segments, segments_of(person));
    add_trends(*trends, segments, view, request);
  }
  return Prepared{std::move(request), std::move(trends), std::move(editors)};
}

namespace {

/// What holds for two lists each, for one list of both: the caps, and no two of nearly the same
/// text. Both arguments outlive it.
recommend::Fits rules_of_a_list(const recommend::CandidateIndex& candidates,
                                const recommend::RecommendRequest& request) {
  return [&](const recommend::RecommendedItem& item,
             std::span<const recommend::RecommendedItem> listed) {
    const std::uint32_t candidate = candidates.find(item.item);
    if (candidate == recommend::CandidateIndex::kNone) return true;
    const std::uint32_t group = candidates.group(candidate);
    const auto is_copy = [&](const recommend::RecommendedItem& other) {
      const std::uint32_t own = candidates.find(other.item);
      return own != recommend::CandidateIndex::kNone && candidates.group(own) == group;
    };
    if (group != 0 && std::ranges::any_of(listed, is_copy)) return false;
    if (!recommend::ListCaps::wanted(request)) return true;
    recommend::ListCaps caps(candidates, request);
    caps.add(listed);
    return item.source == "pinned" || caps.allow(candidate);
  };
}

/// One list of both. What editors chose is no version's merit: it keeps the places that it has in
/// the list in use, of neither team, so that the other cannot push it out.
std::vector<recommend::RecommendedItem> interleaved(std::vector<recommend::RecommendedItem> in_use,
                                                    std::vector<recommend::RecommendedItem> rival,
                                                    std::size_t n, std::uint64_t seed,
                                                    const recommend::Fits& fits) {
  using Items = std::vector<recommend::RecommendedItem>;
  const auto is_edited = [](const auto& item) { return item.source == "editor"; };
  Items edited;
  std::ranges::copy_if(in_use, std::back_inserter(edited), is_edited);
  if (edited.empty()) return recommend::interleave(in_use, rival, n, seed, fits);
  const Items before = in_use;
  for (Items* const list : {&in_use, &rival}) std::erase_if(*list, is_edited);
  const auto fits_with = [&](const recommend::RecommendedItem& item,
                             std::span<const recommend::RecommendedItem> listed) {
    Items all = edited;
    all.insert(all.end(), listed.begin(), listed.end());
    return std::ranges::find(edited, item.item, &recommend::RecommendedItem::item) ==
               edited.end() &&
           fits(item, all);
  };
  const Items others =
      recommend::interleave(in_use, rival, n - std::min(n, edited.size()), seed, fits_with);
  Items out;
  auto next = others.begin();
  for (const recommend::RecommendedItem& item : before) {
    if (is_edited(item)) out.push_back(item);
    if (!is_edited(item) && next != others.end()) out.push_back(*next++);
  }
  out.insert(out.end(), next, others.end());
  return out;
}

}  // namespace

Result<Recommendations::Answer> Recommendations::recommend(const audience::PersonView& person,
                                                           const recommend::RecommendRequest& given,
                                                           Shown shown) {
  ZHIYIN_TRY(const auto in_use, serving_.current());
  recommend::RecommendRequest request = with_chance(given);
  leave_out_withdrawn(in_use, request.rules);
  ZHIYIN_TRY(const Prepared prepared,
             this->prepared(person, std::move(request), shown.account,
                            in_use.recommender->candidates().has_accounts()));
  return listed(in_use, person, prepared.request, shown);
}

std::optional<Result<Recommendations::Answer>> Recommendations::recommend_at_once(
    const audience::PersonView& person, const recommend::RecommendRequest& given, Shown shown) {
  // Of fresh items state knows more than memory.
  if (given.explore > 0) return std::nullopt;
  // Longer than others, by itself or on average.
  constexpr std::int64_t kQuickNs = 700'000;
  constexpr std::size_t kQuickItems = 50;
  constexpr std::size_t kQuickHistory = 1000;
  const bool uses_dpp = given.diversity > 0 && given.rerank == recommend::Rerank::kDpp;
  if (given.n > kQuickItems || given.explain || uses_dpp ||
      person.activity.size() > kQuickHistory ||
      (given.rules.eligible && given.rules.eligible->size() > kQuickHistory))
    return std::nullopt;
  const auto ready = list_ns_.load() <= kQuickNs ? serving_.ready() : nullptr;
  if (!ready) return std::nullopt;
  recommend::RecommendRequest request = given;
  const catalogue::EditorLists::Snapshot& editors = *ready->editors;
  if (ready->recommender->candidates().has_accounts() || editors.has_accounts)
    limit_to_accounts(request.rules, shown.account, &person);
  leave_out_hidden(person.id, request.rules);
  leave_out_withdrawn(*ready, request.rules);
  add_editors(editors, request);
  auto tired = shown_items_.known_tired(person.id, request.now);
  if (!tired) return std::nullopt;
  request.tired = std::move(*tired);
  request.leaves_out_tired = shown_items_.rule().leaves_out;
  const auto trends = person.id.value.empty() ? nullptr : this->trends();
  if (trends) {
    const auto segments = recent_ != nullptr ? recent_->known_segments(person.id) : std::nullopt;
    if (!segments) return std::nullopt;
    add_trends(*trends, *segments, person, request);
  }
  return listed(*ready, person, request, shown);
}

Result<Recommendations::Answer> Recommendations::listed(const InUse& in_use,
                                                        const audience::PersonView& person,
                                                        const recommend::RecommendRequest& request,
                                                        Shown shown) {
  const auto began = std::chrono::steady_clock::now();
  Answer out;
  // Where the version of group B cannot be read nobody is in a group.
  if (in_use.rival) out.group = settings_.ab.group_of(person.id.value);
  const auto& recommender = out.group == recommend::AbGroup::kB ? in_use.rival : in_use.recommender;
  ZHIYIN_TRY(out.response, recommender->recommend(person, request));
  out.model_id = recommender->model_id();
  if (recommender->ranker() != nullptr) out.ranker_id = recommender->ranker()->id();
  // Places of chance are for learning about items, not about versions.
  if (in_use.rival && out.group == recommend::AbGroup::kNone && request.explore == 0 &&
      is_interleaved(person.id)) {
    ZHIYIN_TRY(const auto other, in_use.rival->recommend(person, request));
    out.response.items = interleaved(std::move(out.response.items), other.items, request.n, draw(),
                                     rules_of_a_list(recommender->candidates(), request));
    out.rival_id = settings_.rival;
  }
  out.impression_id = note(out, person.id, request, shown);
  const std::chrono::nanoseconds took = std::chrono::steady_clock::now() - began;
  const std::int64_t before = list_ns_.load();
  list_ns_.store(before + (took.count() - before) / 16);
  return out;
}

Result<Recommendations::Answer> Recommendations::common(Common which,
                                                        const recommend::ItemRef& item,
                                                        const recommend::RecommendRequest& given,
                                                        Shown shown) {
  ZHIYIN_TRY(const auto in_use, serving_.current());
  const auto& recommender = in_use.recommender;
  recommend::RecommendRequest request = with_chance(given);
  leave_out_withdrawn(in_use, request.rules);
  if (recommender->candidates().has_accounts())
    limit_to_accounts(request.rules, shown.account, nullptr);
  return for_everybody(in_use,
                       which == Common::kSimilar   ? recommender->similar(item, request)
                       : which == Common::kPopular ? recommender->popular(request)
                                                   : recommender->latest(request),
                       request, shown);
}

Result<Recommendations::Answer> Recommendations::edited(std::string_view list,
                                                        const recommend::RecommendRequest& given,
                                                        Shown shown) {
  ZHIYIN_TRY(const auto in_use, serving_.current());
  const auto& lists = in_use.editors->lists;
  const auto found = std::ranges::find(lists, list, &catalogue::EditorList::id);
  if (found == lists.end())
    return fail(ErrorCode::kNotFound, "editors' list {}: does not exist", list.substr(0, 64));
  recommend::RecommendRequest request = given;
  leave_out_withdrawn(in_use, request.rules);
  if (in_use.recommender->candidates().has_accounts() || in_use.editors->has_accounts)
    limit_to_accounts(request.rules, shown.account, nullptr);
  if (is_for(*found, request)) request.editors = {picks_of(*found)};
  return for_everybody(in_use, in_use.recommender->edited(request), request, shown);
}

Result<Recommendations::Answer> Recommendations::for_everybody(
    const InUse& in_use, Result<recommend::RecommendResponse> response,
    const recommend::RecommendRequest& request, Shown shown) {
  if (!response) return std::unexpected(std::move(response.error()));
  Answer out{std::move(*response), in_use.recommender->model_id(), {}, {}, {}, {}};
  out.impression_id = note(out, PersonId(), request, shown);
  return out;
}

std::string Recommendations::note(const Answer& answer, const PersonId& person,
                                  const recommend::RecommendRequest& request, Shown shown) {
  if (!shown.record || answer.response.items.empty()) return {};
  for (const recommend::RecommendedItem& item : answer.response.items) {
    if (item.source == "explore") arms_.shown(item.item);
  }
  if (shown_items_.rule().shows > 0) {
    std::vector<recommend::ItemRef> listed;
    for (const recommend::RecommendedItem& item : answer.response.items)
      listed.push_back(item.item);
    shown_items_.shown(person, std::move(listed), request.now);
  }
  const bool is_visitor = person.value.empty() && !shown.session.empty();
  recommend::Impression impression;
  impression.person = is_visitor ? PersonId(session_name(shown.session)) : person;
  impression.model = answer.model_id;
  impression.at = request.now;
  impression.id = uuid_v7(request.now);
  impression.account = shown.account;
  impression.ranker = answer.ranker_id;
  impression.rival = answer.rival_id;
  if (answer.group != recommend::AbGroup::kNone) {
    impression.ab = settings_.ab.version;
    impression.group = answer.group;
    impression.ab_percent = static_cast<std::uint8_t>(settings_.ab.percent);
  }
  impression.context = request.context;
  storage::NewRecord record = recommend::impression_record(impression, answer.response);
  std::vector<storage::NewRecord> full;
  {
    MutexLock lock(impressions_mutex_);
    impressions_.push_back(std::move(record));
    if (impressions_.size() >= kImpressionsGathered) full = std::exchange(impressions_, {});
  }
  if (!full.empty()) append(std::move(full));
  return impression.id;
}

void Recommendations::append(std::vector<storage::NewRecord> impressions) {
  {
    MutexLock lock(appends_->mutex);
    ++appends_->under_way;
  }
  log_.append(storage::Stream::kImpressions, std::move(impressions),
              [appends = appends_](const Result<void>&) {
                MutexLock lock(appends->mutex);
                --appends->under_way;
                appends->ended.notify_all();
              });
}

Result<void> Recommendations::settle() {
  ZHIYIN_TRY_VOID(flush());
  MutexLock lock(appends_->mutex);
  while (appends_->under_way > 0) appends_->ended.wait(appends_->mutex);
  return {};
}

Result<void> Recommendations::flush() {
  std::vector<storage::NewRecord> gathered;
  {
    MutexLock lock(impressions_mutex_);
    gathered = std::exchange(impressions_, {});
  }
  if (!gathered.empty()) append(std::move(gathered));
  ZHIYIN_TRY_VOID(arms_.flush());
  return shown_items_.flush();
}

Result<void> Recommendations::look_for_model() {
  ZHIYIN_TRY_VOID(editor_lists_.look());
  return serving_.look_for_model();
}

void Recommendations::set_trends(std::shared_ptr<const Trends> trends) {
  if (trends && trends->empty()) trends = nullptr;
  MutexLock lock(trends_mutex_);
  trends_ = std::move(trends);
}

std::shared_ptr<const Recommendations::Trends> Recommendations::trends() const {
  MutexLock lock(trends_mutex_);
  return trends_;
}

Result<std::vector<SegmentId>> Recommendations::segments_of(const PersonId& person) {
  if (recent_ != nullptr) return recent_->segments_of(state_, person);
  std::vector<SegmentId> out;
  ZHIYIN_TRY_VOID(state_.read([&](storage::Session& db) -> Result<void> {
    ZHIYIN_TRY(out, audience::live_segments_of(db, person));
    return {};
  }));
  return out;
}

void Recommendations::add_trends(const Trends& trends, std::span<const SegmentId> segments,
                                 const audience::PersonView& view,
                                 recommend::RecommendRequest& request) {
  for (const SegmentId& segment : segments) {
    const auto found = std::ranges::find(trends, segment.value, &recommend::SegmentItems::id);
    if (found != trends.end()) request.segments.push_back(&*found);
  }
  std::ranges::copy(trends_of_traits(trends, view, request.now),
                    std::back_inserter(request.segments));
}

}  // namespace zhiyin::server
