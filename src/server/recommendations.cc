#include "server/recommendations.h"

#include <algorithm>

#include "base/crypto.h"
#include "base/random.h"
#include "catalogue/index_changes.h"
#include "recommend/impression.h"
#include "recommend/interleaving.h"
#include "recommend/list_caps.h"
#include "server/ranker_job.h"
#include "server/ranker_updates.h"
#include "server/segment_trends.h"
#include "server/session_feedback.h"
#include "statistics/assignment.h"

namespace zhiyin::server {
namespace {

std::vector<recommend::CandidateItem> candidates_of(const catalogue::ItemIndex& index) {
  std::vector<recommend::CandidateItem> out;
  out.reserve(index.items().size());
  for (const auto& entry : index.items()) {
    const catalogue::IndexedItem& item = *entry;
    recommend::CandidateItem candidate;
    candidate.ref = item.ref;
    candidate.title = item.title;
    for (const catalogue::ItemTag& tag : item.tags) {
      candidate.tags.emplace_back(tag.tag,
                                  static_cast<double>(tag.weight) / catalogue::kTagWeightOne);
    }
    // What the owner wrote says more than what was read out of the text.
    constexpr double kKeywordWeight = 0.3;
    for (const std::string& word : item.keywords) {
      const auto is_tag = [&](const auto& tag) { return tag.first == word; };
      if (std::ranges::none_of(candidate.tags, is_tag))
        candidate.tags.emplace_back(word, kKeywordWeight);
    }
    candidate.group = item.group;
    candidate.published_at = item.published_at.value_or(Instant{});
    candidate.valid_from = item.valid_from;
    candidate.valid_until = item.valid_until;
    candidate.available = !item.hidden && (!item.stock || *item.stock > 0);
    candidate.hidden = item.hidden;
    candidate.topic = item.topic;
    candidate.sentiment = item.sentiment;
    candidate.account = item.account;
    candidate.author = item.author;
    candidate.category = item.category;
    candidate.campaign = item.campaign;
    candidate.price_fen = item.price_fen;
    out.push_back(std::move(candidate));
  }
  return out;
}

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
    : registry_(registry),
      state_(state),
      items_(items),
      editor_lists_(state),
      log_(log),
      logger_(logger),
      settings_(std::move(settings)),
      recent_(recent),
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

template <class Model>
Result<Recommendations::Loaded<Model>> Recommendations::load(const Loaded<Model>& now) const {
  ZHIYIN_TRY(const auto versions, registry_.activated(Model::kKind));
  Loaded<Model> out;
  if (versions.empty()) return out;
  out.active = versions[0].id;
  for (const model::ModelRecord& version : versions) {
    // What serves already needs no reading.
    if (now.model && now.id == version.id) {
      out.model = now.model;
    } else {
      auto bytes = registry_.load(version.id);
      // Where the store does not answer, nothing is known about the version.
      if (!bytes && bytes.error().code != ErrorCode::kDataLoss)
        return std::unexpected(std::move(bytes.error()));
      Result<Model> read = std::unexpected(Error{});
      if (bytes) {
        read = Model::decode(*bytes);
      } else {
        read = std::unexpected(bytes.error());
      }
      if (!read) {
        if (!out.trouble) out.trouble = Trouble{version.id, read.error().text(), "none"};
        continue;
      }
      out.model = std::make_shared<const Model>(std::move(*read));
    }
    out.id = version.id;
    break;
  }
  if (out.trouble) out.trouble->serving = out.id;
  return out;
}

void Recommendations::log_trouble(const Trouble& trouble) const {
  logger_.error(
      "recommend", "version_unreadable",
      {{"version", trouble.id}, {"reason", trouble.reason}, {"serving", trouble.serving}});
}

Result<void> Recommendations::renew() {
  auto model = load(model_);
  auto ranker = load(ranker_);
  // A state that does not answer leaves the old ones serving; nothing to serve from is an error.
  if (!model && !model_.model) return std::unexpected(std::move(model.error()));
  is_stale_ = !model || !ranker;
  if (model) {
    if (!model->model) model->model = std::make_shared<recommend::RecommendModel>();
    if (model->trouble) log_trouble(*model->trouble);
    if (model->id != model_.id || !model_.model) is_outdated_ = true;
    model_ = std::move(*model);
  }
  if (ranker) {
    if (ranker->trouble) log_trouble(*ranker->trouble);
    if (ranker->id != ranker_.id) is_outdated_ = true;
    ranker_ = std::move(*ranker);
    auto learnt = learnt_since(state_, ranker_.id);
    // Where that cannot be read the version serves as it was trained.
    if (!learnt)
      logger_.warning("recommend", "learnt_since_unreadable", {{"reason", learnt.error().text()}});
    const std::string before = learnt_ ? learnt_->id : "";
    learnt_ = learnt ? std::move(*learnt) : std::nullopt;
    if ((learnt_ ? learnt_->id : "") != before) is_outdated_ = true;
  }
  return {};
}

recommend::Ranking Recommendations::ranking() const {
  if (!settings_.ranked) return {};
  if (learnt_) return {learnt_->ranker, learnt_->id, settings_.objectives};
  return {ranker_.model, ranker_.id, settings_.objectives};
}

Recommendations::Parts Recommendations::parts(
    std::shared_ptr<const catalogue::ItemIndex> index) const {
  return {model_.model, model_.id, ranking(), texts_, std::move(index)};
}

Result<std::shared_ptr<const recommend::Recommender>> Recommendations::make_rival(
    const Parts& parts) const {
  std::shared_ptr<const recommend::RecommendModel> model = parts.model;
  std::string id = parts.model_id;
  recommend::Ranking ranking = parts.ranking;
  const std::string& version = other_version();
  if (version == "sources") {
    ranking = {};
  } else {
    ZHIYIN_TRY(const std::string bytes, registry_.load(version));
    if (version.starts_with("ranker-")) {
      ZHIYIN_TRY(auto ranker, recommend::ResponseRanker::decode(bytes));
      ranking = {std::make_shared<const recommend::ResponseRanker>(std::move(ranker)), version,
                 settings_.objectives};
    } else {
      ZHIYIN_TRY(auto read, recommend::RecommendModel::decode(bytes));
      model = std::make_shared<const recommend::RecommendModel>(std::move(read));
      id = version;
    }
  }
  return recommend::Recommender::create(std::move(model), std::move(id),
                                        candidates_of(*parts.index), parts.texts,
                                        std::move(ranking));
}

Recommendations::Made Recommendations::make(const Parts& parts) const {
  const auto began = std::chrono::steady_clock::now();
  Made out;
  out.index = parts.index;
  out.recommender = recommend::Recommender::create(
      parts.model, parts.model_id, candidates_of(*parts.index), parts.texts, parts.ranking);
  if (!other_version().empty() && (settings_.rival.empty() || settings_.rival_share > 0)) {
    auto rival = make_rival(parts);
    if (rival) out.rival = std::move(*rival);
    if (!rival) log_trouble({other_version(), rival.error().text(), parts.model_id});
  }
  out.at = std::chrono::steady_clock::now();
  out.took = out.at - began;
  return out;
}

const std::string& Recommendations::other_version() const {
  return settings_.rival.empty() ? settings_.ab.version : settings_.rival;
}

bool Recommendations::is_interleaved(const PersonId& person) const {
  return !person.value.empty() && settings_.rival_share > 0 &&
         statistics::assignment_hash(settings_.rival, person.value) < settings_.rival_share;
}

std::shared_ptr<const Recommendations::Ready> Recommendations::ready() const {
  MutexLock lock(ready_mutex_);
  return ready_ && ready_->items_version == items_.version() &&
                 ready_->editors_version == editor_lists_.version()
             ? ready_
             : nullptr;
}

void Recommendations::set_ready(std::shared_ptr<const Ready> ready) {
  MutexLock lock(ready_mutex_);
  ready_ = std::move(ready);
}

namespace {

/// Null where there is none.
std::shared_ptr<const std::vector<std::uint32_t>> numbers_in(
    const recommend::Recommender& recommender, const std::vector<recommend::ItemRef>& items) {
  std::vector<std::uint32_t> out;
  for (const recommend::ItemRef& item : items) {
    const std::uint32_t candidate = recommender.candidates().find(item);
    if (candidate != recommend::CandidateIndex::kNone) out.push_back(candidate);
  }
  if (out.empty()) return nullptr;
  std::ranges::sort(out);
  return std::make_shared<const std::vector<std::uint32_t>>(std::move(out));
}

}  // namespace

Result<Recommendations::InUse> Recommendations::current() {
  if (const auto ready = this->ready()) return ready->in_use;
  // Read before the items: a change in between makes the next call look again.
  const std::int64_t version = items_.version();
  const std::int64_t editors_version = editor_lists_.version();
  ZHIYIN_TRY(auto index, items_.index());
  ZHIYIN_TRY(auto editors, editor_lists_.snapshot());
  MutexLock lock(mutex_);
  if (!model_.model || is_stale_) {
    ZHIYIN_TRY_VOID(renew());
  }
  catalogue::IndexChanges changes;
  if (made_.recommender && made_.index != index)
    changes = catalogue::changes_between(*made_.index, *index);
  const bool is_slow = made_.took > settings_.quick_build;
  is_behind_ = made_.recommender && is_slow && (is_outdated_ || changes.more);
  if (!made_.recommender || (!is_slow && (is_outdated_ || !changes.empty()))) {
    made_ = make(parts(std::move(index)));
    is_outdated_ = false;
    changes = {};
  }
  InUse out{made_.recommender, made_.rival, std::move(editors),
            numbers_in(*made_.recommender, changes.withdrawn)};
  // Where a version could not be looked at, the next list tries again.
  if (!is_stale_) set_ready(std::make_shared<const Ready>(out, version, editors_version));
  return out;
}

Result<std::vector<Recommendations::Trouble>> Recommendations::troubles() {
  ZHIYIN_TRY_VOID(current());
  return known_troubles();
}

std::vector<Recommendations::Trouble> Recommendations::known_troubles() const {
  std::vector<Trouble> out;
  MutexLock lock(mutex_);
  for (const std::optional<Trouble>& trouble : {model_.trouble, ranker_.trouble}) {
    if (trouble) out.push_back(*trouble);
  }
  return out;
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

Result<std::shared_ptr<const recommend::Recommender>> Recommendations::joined(
    std::shared_ptr<const recommend::RecommendModel> model, std::string id) const {
  ZHIYIN_TRY(const auto index, items_.index());
  const MutexLock lock(mutex_);
  recommend::Ranking ranking = this->ranking();
  return recommend::Recommender::create(std::move(model), std::move(id), candidates_of(*index),
                                        texts_, std::move(ranking));
}

Result<std::shared_ptr<const recommend::Recommender>> Recommendations::serving() {
  ZHIYIN_TRY(auto in_use, current());
  {
    MutexLock lock(mutex_);
    if (!is_behind_ && !in_use.withdrawn) return std::move(in_use.recommender);
  }
  ZHIYIN_TRY_VOID(make_anew());
  ZHIYIN_TRY(in_use, current());
  return std::move(in_use.recommender);
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
  ZHIYIN_TRY(const auto in_use, current());
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
  const auto ready = list_ns_.load() <= kQuickNs ? this->ready() : nullptr;
  if (!ready) return std::nullopt;
  recommend::RecommendRequest request = given;
  const catalogue::EditorLists::Snapshot& editors = *ready->in_use.editors;
  if (ready->in_use.recommender->candidates().has_accounts() || editors.has_accounts)
    limit_to_accounts(request.rules, shown.account, &person);
  leave_out_hidden(person.id, request.rules);
  leave_out_withdrawn(ready->in_use, request.rules);
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
  return listed(ready->in_use, person, request, shown);
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
  ZHIYIN_TRY(const auto in_use, current());
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
  ZHIYIN_TRY(const auto in_use, current());
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

Result<recommend::TrialCatalogue> Recommendations::catalogue() const {
  ZHIYIN_TRY(const auto index, items_.index());
  const MutexLock lock(mutex_);
  return recommend::TrialCatalogue{candidates_of(*index), texts_};
}

Result<void> Recommendations::catch_up() {
  {
    MutexLock lock(mutex_);
    // Whatever changes all the time must not take a whole processor.
    constexpr int kPausesPerBuild = 3;
    const auto now = std::chrono::steady_clock::now();
    if (!is_behind_ || now - made_.at < kPausesPerBuild * made_.took) return {};
  }
  return make_anew();
}

Result<void> Recommendations::make_anew() {
  ZHIYIN_TRY(auto index, items_.index());
  std::optional<Parts> parts;
  {
    MutexLock lock(mutex_);
    if (!model_.model || is_stale_) {
      ZHIYIN_TRY_VOID(renew());
    }
    parts = this->parts(std::move(index));
    is_outdated_ = false;
  }
  Made made = make(*parts);
  MutexLock lock(mutex_);
  made_ = std::move(made);
  is_behind_ = is_outdated_;
  set_ready(nullptr);
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
  ZHIYIN_TRY(const auto model, registry_.active(recommend::RecommendModel::kKind));
  ZHIYIN_TRY(const auto ranker, registry_.active(recommend::ResponseRanker::kKind));
  ZHIYIN_TRY(const std::int64_t lists, lists_since(state_, ranker ? ranker->id : "none"));
  ZHIYIN_TRY_VOID(editor_lists_.look());
  MutexLock lock(mutex_);
  if (lists != (learnt_ ? learnt_->lists : 0)) is_stale_ = true;
  if (model_.active != (model ? model->id : "none") ||
      ranker_.active != (ranker ? ranker->id : "none"))
    is_stale_ = true;
  if (is_stale_) set_ready(nullptr);
  return {};
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

void Recommendations::set_texts(std::shared_ptr<const recommend::TextVectors> texts) {
  MutexLock lock(mutex_);
  texts_ = std::move(texts);
  is_outdated_ = true;
  set_ready(nullptr);
}

void Recommendations::forget_model() {
  MutexLock lock(mutex_);
  is_stale_ = true;
  set_ready(nullptr);
}

}  // namespace zhiyin::server
