#include "server/serving_recommenders.h"

#include <algorithm>

#include "recommend/response_ranker.h"
#include "server/ranker_updates.h"

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

}  // namespace

ServingRecommenders::ServingRecommenders(model::Registry& registry, catalogue::Items& items,
                                         catalogue::EditorLists& editor_lists,
                                         storage::State& state, Logger& logger, Settings settings)
    : registry_(registry),
      items_(items),
      editor_lists_(editor_lists),
      state_(state),
      logger_(logger),
      settings_(std::move(settings)) {}

template <class Model>
Result<ServingRecommenders::Loaded<Model>> ServingRecommenders::load(
    const Loaded<Model>& now) const {
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

void ServingRecommenders::log_trouble(const Trouble& trouble) const {
  logger_.error(
      "recommend", "version_unreadable",
      {{"version", trouble.id}, {"reason", trouble.reason}, {"serving", trouble.serving}});
}

Result<void> ServingRecommenders::renew() {
  auto model = load(model_);
  auto ranker = load(ranker_);
  // A state that does not answer leaves the old ones serving; nothing to serve from is an error.
  if (!model && !model_.model) return std::unexpected(std::move(model.error()));
  is_stale_ = !model || !ranker;
  if (model) {
    if (!model->model) model->model = std::make_shared<recommend::RecommendModel>();
    if (model->trouble) log_trouble(*model->trouble);
    model_ = std::move(*model);
  }
  if (ranker) {
    if (ranker->trouble) log_trouble(*ranker->trouble);
    ranker_ = std::move(*ranker);
    auto learnt = learnt_since(state_, ranker_.id);
    // Where that cannot be read the version serves as it was trained.
    if (!learnt)
      logger_.warning("recommend", "learnt_since_unreadable", {{"reason", learnt.error().text()}});
    learnt_ = learnt ? std::move(*learnt) : std::nullopt;
  }
  set_ready(nullptr);
  return {};
}

recommend::Ranking ServingRecommenders::ranking() const {
  if (!settings_.ranked) return {};
  if (learnt_) return {learnt_->ranker, learnt_->id, settings_.objectives};
  return {ranker_.model, ranker_.id, settings_.objectives};
}

ServingRecommenders::Parts ServingRecommenders::parts(
    std::shared_ptr<const catalogue::ItemIndex> index) const {
  return {model_.model, model_.id, ranking(), texts_, std::move(index)};
}

Result<std::shared_ptr<const recommend::Recommender>> ServingRecommenders::make_rival(
    const Parts& parts) const {
  std::shared_ptr<const recommend::RecommendModel> model = parts.model;
  std::string id = parts.model_id;
  recommend::Ranking ranking = parts.ranking;
  const std::string& version = settings_.other_version;
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

ServingRecommenders::Made ServingRecommenders::make(const Parts& parts) const {
  const auto began = std::chrono::steady_clock::now();
  Made out;
  out.of = parts;
  out.recommender = recommend::Recommender::create(
      parts.model, parts.model_id, candidates_of(*parts.index), parts.texts, parts.ranking);
  if (!settings_.other_version.empty()) {
    auto rival = make_rival(parts);
    if (rival) out.rival = std::move(*rival);
    if (!rival) log_trouble({settings_.other_version, rival.error().text(), parts.model_id});
  }
  out.at = std::chrono::steady_clock::now();
  out.took = out.at - began;
  return out;
}

std::shared_ptr<const ServingRecommenders::InUse> ServingRecommenders::ready() const {
  MutexLock lock(ready_mutex_);
  if (!ready_ || ready_->items_version != items_.version() ||
      ready_->editors_version != editor_lists_.version())
    return nullptr;
  return {ready_, &ready_->in_use};
}

void ServingRecommenders::set_ready(std::shared_ptr<const Ready> ready) {
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

bool ServingRecommenders::is_outdated() const {
  const Parts& of = made_.of;
  return of.model_id != model_.id || of.ranking.id != ranking().id || of.texts != texts_;
}

catalogue::IndexChanges ServingRecommenders::changes_in(const catalogue::ItemIndex& index) const {
  return made_.of.index.get() == &index ? catalogue::IndexChanges()
                                        : catalogue::changes_between(*made_.of.index, index);
}

Result<ServingRecommenders::InUse> ServingRecommenders::current() {
  if (const auto ready = this->ready()) return *ready;
  // Read before the items: a change in between makes the next call look again.
  const std::int64_t version = items_.version();
  const std::int64_t editors_version = editor_lists_.version();
  ZHIYIN_TRY(auto index, items_.index());
  ZHIYIN_TRY(auto editors, editor_lists_.snapshot());
  MutexLock lock(mutex_);
  // Whoever held the lock may have done it all.
  if (const auto ready = this->ready()) return *ready;
  const bool is_slow = made_.recommender && made_.took > settings_.quick_build;
  if (!model_.model || (is_stale_ && !is_slow)) {
    ZHIYIN_TRY_VOID(renew());
  }
  catalogue::IndexChanges changes;
  if (made_.recommender) changes = changes_in(*index);
  is_behind_ = is_slow && (is_stale_ || is_outdated() || changes.more);
  if (!made_.recommender || (!is_slow && (is_outdated() || !changes.empty()))) {
    made_ = make(parts(std::move(index)));
    changes = {};
  }
  InUse out{made_.recommender, made_.rival, std::move(editors),
            numbers_in(*made_.recommender, changes.withdrawn)};
  // Where a version could not be looked at, the next list tries again; or catch_up() does.
  if (is_slow || !is_stale_)
    set_ready(std::make_shared<const Ready>(out, version, editors_version));
  return out;
}

Result<std::vector<ServingRecommenders::Trouble>> ServingRecommenders::troubles() {
  ZHIYIN_TRY_VOID(current());
  {
    MutexLock lock(mutex_);
    if (is_stale_) ZHIYIN_TRY_VOID(renew());
  }
  return known_troubles();
}

std::vector<ServingRecommenders::Trouble> ServingRecommenders::known_troubles() const {
  std::vector<Trouble> out;
  MutexLock lock(mutex_);
  for (const std::optional<Trouble>& trouble : {model_.trouble, ranker_.trouble}) {
    if (trouble) out.push_back(*trouble);
  }
  return out;
}

Result<std::shared_ptr<const recommend::Recommender>> ServingRecommenders::joined(
    std::shared_ptr<const recommend::RecommendModel> model, std::string id) {
  ZHIYIN_TRY(const auto index, items_.index());
  std::optional<Parts> parts;
  {
    MutexLock lock(mutex_);
    if (!model_.model || is_stale_) {
      ZHIYIN_TRY_VOID(renew());
    }
    parts = this->parts(index);
  }
  return recommend::Recommender::create(std::move(model), std::move(id), candidates_of(*index),
                                        parts->texts, parts->ranking);
}

bool ServingRecommenders::is_newest(const InUse& in_use) const {
  MutexLock lock(mutex_);
  return !is_behind_ && !in_use.withdrawn;
}

Result<std::shared_ptr<const recommend::Recommender>> ServingRecommenders::newest() {
  ZHIYIN_TRY(auto in_use, current());
  if (is_newest(in_use)) return std::move(in_use.recommender);
  MutexLock making(making_mutex_);
  // Another may have made them meanwhile.
  ZHIYIN_TRY(in_use, current());
  if (!is_newest(in_use)) {
    ZHIYIN_TRY_VOID(make_anew());
    ZHIYIN_TRY(in_use, current());
  }
  return std::move(in_use.recommender);
}

Result<recommend::TrialCatalogue> ServingRecommenders::catalogue() const {
  ZHIYIN_TRY(const auto index, items_.index());
  std::shared_ptr<const recommend::TextVectors> texts;
  {
    MutexLock lock(mutex_);
    texts = texts_;
  }
  return recommend::TrialCatalogue{candidates_of(*index), std::move(texts)};
}

Result<void> ServingRecommenders::catch_up() {
  MutexLock making(making_mutex_);
  {
    MutexLock lock(mutex_);
    // Whatever changes all the time must not take a whole processor.
    constexpr int kPausesPerBuild = 3;
    const auto now = std::chrono::steady_clock::now();
    if (!is_behind_ || now - made_.at < kPausesPerBuild * made_.took) return {};
  }
  return make_anew();
}

Result<void> ServingRecommenders::make_anew() {
  ZHIYIN_TRY(auto index, items_.index());
  std::optional<Parts> parts;
  {
    MutexLock lock(mutex_);
    if (!model_.model || is_stale_) {
      ZHIYIN_TRY_VOID(renew());
    }
    if (made_.recommender && !is_outdated() && changes_in(*index).empty()) {
      is_behind_ = is_stale_;
      return {};
    }
    parts = this->parts(std::move(index));
  }
  Made made = make(*parts);
  MutexLock lock(mutex_);
  made_ = std::move(made);
  is_behind_ = is_stale_ || is_outdated();
  set_ready(nullptr);
  return {};
}

Result<void> ServingRecommenders::look_for_model() {
  ZHIYIN_TRY(const auto model, registry_.active(recommend::RecommendModel::kKind));
  ZHIYIN_TRY(const auto ranker, registry_.active(recommend::ResponseRanker::kKind));
  ZHIYIN_TRY(const std::int64_t lists, lists_since(state_, ranker ? ranker->id : "none"));
  MutexLock lock(mutex_);
  if (lists != (learnt_ ? learnt_->lists : 0)) is_stale_ = true;
  if (model_.active != (model ? model->id : "none") ||
      ranker_.active != (ranker ? ranker->id : "none"))
    is_stale_ = true;
  if (is_stale_) set_ready(nullptr);
  return {};
}

void ServingRecommenders::set_texts(std::shared_ptr<const recommend::TextVectors> texts) {
  MutexLock lock(mutex_);
  texts_ = std::move(texts);
  set_ready(nullptr);
}

void ServingRecommenders::forget_model() {
  MutexLock lock(mutex_);
  is_stale_ = true;
  set_ready(nullptr);
}

}  // namespace zhiyin::server
