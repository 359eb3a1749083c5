#include "server/language.h"

#include <malloc.h>

#include <algorithm>
#include <cmath>

#include "base/crypto.h"
#include "base/file.h"
#include "base/program_file.h"
#include "model/artefact.h"
#include "model/pairs/pair_model.h"
#include "model/pairs/pair_task.h"
#include "server/model_catalogue.h"
#include "text/dictionary.h"

namespace zhiyin::server {
namespace {

namespace fs = std::filesystem;
using model::ModelRecord;
using model::TextClassifier;

/// Tokens that are handed over at once: a long request neither fills the queue nor its caller's
/// share of it.
constexpr std::size_t kPortionTokens = 16'384;
constexpr std::size_t kClassifiersMax = 64;  // kept in memory
constexpr auto kLookEvery = std::chrono::seconds(1);
constexpr std::size_t kShownOfChecksum = 8;

bool is_name(std::string_view name) { return is_model_name(name); }

Result<TextClassifier> classifier_of(std::string_view bytes) {
  ZHIYIN_TRY(const auto artefact, model::decode_artefact(bytes));
  if (artefact.kind == model::PairModel::kKind)
    return fail(ErrorCode::kUnsupported,
                "model: it compares two texts (POST /v1/similarity), and gives none a class");
  return TextClassifier::from_artefact(artefact);
}

/// The ids of a text, marks included; errors do not name it.
Result<std::vector<std::int32_t>> tokens_of(const model::Tokeniser& tokeniser,
                                            std::string_view text, model::TruncationRule rule,
                                            bool truncate, model::Tokeniser::Scratch& scratch,
                                            model::TokenRow& row) {
  constexpr std::size_t kNone = model::Tokeniser::kTextBytesMax + 16;
  const std::size_t tokens_max = rule.tokens_max;
  if (!truncate) rule.tokens_max = kNone;
  const model::TokeniseOptions options{.truncation = rule};
  ZHIYIN_TRY_VOID(tokeniser.encode(text, options, scratch, row));
  if (row.ids.size() > tokens_max)
    return fail(ErrorCode::kInvalidArgument, "has {} tokens, the model takes {}", row.ids.size(),
                tokens_max);
  return row.ids;
}

}  // namespace

fs::path Language::default_encoder() {
  for (const std::string_view name :
       {"models/encoder.zyen", "build/deps/encoder/e5-small-q4.bin"}) {
    if (auto found = program_file(name)) return *found;
  }
  return {};
}

Result<std::unique_ptr<Language::Opened>> Language::open() const {
  if (settings_.encoder.empty())
    return fail(ErrorCode::kUnavailable,
                "encoder: none is installed (./dev setup fetches the default one)");
  const auto begin = std::chrono::steady_clock::now();
  auto text = model::TextEncoder::open(settings_.encoder, {.logger = &logger_});
  if (!text) {
    logger_.error("server", "encoder_not_opened",
                  {{"file", settings_.encoder.string()}, {"reason", text.error().text()}});
    return fail(ErrorCode::kUnavailable, "encoder: {}", text.error().text());
  }
  auto out = std::make_unique<Opened>(Opened{std::move(*text), nullptr});
  model::QueueLimits limits;
  limits.tokens = settings_.waiting_tokens;
  limits.caller_tokens = std::max(kPortionTokens, settings_.waiting_tokens / 2);
  out->server = std::make_unique<model::BatchServer>(
      model::BatchSettings{.width = out->text.width(),
                           .threads = settings_.threads,
                           .batch_tokens = settings_.batch_tokens,
                           .queue = limits,
                           .metrics = &metrics_},
      [&] {
        return std::make_unique<model::PackedRowEncoder>(
            out->text.encoder(), settings_.batch_tokens, settings_.threads - 1);
      });
  const auto time = std::chrono::duration_cast<std::chrono::milliseconds>(
      std::chrono::steady_clock::now() - begin);
  logger_.info("server", "encoder_opened",
               {{"file", settings_.encoder.string()},
                {"kernels", out->text.encoder().kernels()},
                {"ms", time.count()}});
  return out;
}

void Language::used() {
  used_at_.store(std::chrono::steady_clock::now(), std::memory_order_relaxed);
}

Result<Language::Opened*> Language::opened() {
  used();
  const MutexLock lock(mutex_);
  if (!encoder_) encoder_ = open();
  if (!*encoder_) return std::unexpected(encoder_->error());
  return (*encoder_)->get();
}

Result<const model::TextEncoder*> Language::encoder() {
  ZHIYIN_TRY(const Opened* o, opened());
  return &o->text;
}

std::string Language::encoder_name() {
  const auto found = encoder();
  if (!found) return "none";
  return fmt::format("{}@{}", settings_.encoder.stem().string(),
                     (*found)->checksum().substr(0, kShownOfChecksum));
}

Result<Language::Vectors> Language::run(std::span<const std::vector<std::int32_t>> rows,
                                        std::string_view caller) {
  ZHIYIN_TRY(Opened* const o, opened());
  Vectors out;
  for (std::size_t begin = 0; begin < rows.size();) {
    model::EncodeRequest request{.caller = std::string(caller), .ids = {}, .row_tokens = {}};
    std::size_t end = begin;
    while (end < rows.size() &&
           (end == begin || request.ids.size() + rows[end].size() <= kPortionTokens)) {
      request.ids.insert(request.ids.end(), rows[end].begin(), rows[end].end());
      request.row_tokens.push_back(static_cast<std::uint32_t>(rows[end].size()));
      ++end;
    }
    out.tokens += request.ids.size();
    request.deadline = std::chrono::steady_clock::now() + settings_.patience;
    ZHIYIN_TRY(const auto vectors, o->server->encode(std::move(request)));
    out.values.insert(out.values.end(), vectors.begin(), vectors.end());
    begin = end;
  }
  return out;
}

Result<Language::Vectors> Language::encode(std::span<const std::string_view> texts,
                                           const EncodeHow& how) {
  ZHIYIN_TRY(const Opened* const o, opened());
  const model::TruncationRule rule = o->text.truncation(how.tokens_max);
  model::Tokeniser::Scratch scratch;
  model::TokenRow row;
  std::vector<std::vector<std::int32_t>> rows;
  std::string prefixed;
  for (std::size_t i = 0; i < texts.size(); ++i) {
    std::string_view text = texts[i];
    if (!how.prefix.empty()) {
      prefixed = how.prefix;
      prefixed += text;
      text = prefixed;
    }
    auto ids = tokens_of(o->text.tokeniser(), text, rule, how.truncate, scratch, row);
    if (!ids) return std::unexpected(within(fmt::format("input[{}]", i), ids.error()));
    rows.push_back(std::move(*ids));
  }
  return run(rows, how.caller);
}

Result<Language::Vectors> Language::encode_rows(std::span<const std::vector<std::int32_t>> rows,
                                                std::string_view caller) {
  ZHIYIN_TRY(const Opened* const o, opened());
  const auto& shape = o->text.encoder().shape();
  for (std::size_t i = 0; i < rows.size(); ++i) {
    if (rows[i].size() > shape.tokens_max())
      return fail_field(fmt::format("input[{}]", i), "has {} tokens, the model takes {}",
                        rows[i].size(), shape.tokens_max());
    for (const std::int32_t id : rows[i]) {
      if (id < 0 || static_cast<std::size_t>(id) >= shape.vocabulary)
        return fail_field(fmt::format("input[{}]", i), "{} is no token: ids are below {}", id,
                          shape.vocabulary);
    }
  }
  return run(rows, caller);
}

namespace {

/// One that comes with the program: its bytes and the version that they are.
struct ProgramModel {
  std::string bytes;
  std::string version;
};
Result<ProgramModel> program_model(const std::string& name) {
  const auto file = program_file(fmt::format("models/{}.zym", name));
  if (!file)
    return fail(ErrorCode::kNotFound,
                "model '{}': neither in the registry nor among those that come with the program",
                name);
  ZHIYIN_TRY(std::string bytes, read_file(*file, model::kModelBytesMax));
  const std::string sum = crypto::hex(crypto::sha256(bytes)).substr(0, kShownOfChecksum);
  return ProgramModel{std::move(bytes), fmt::format("{}@{}", name, sum)};
}

}  // namespace

/// `known` is given back as long as it is the version to use.
Result<std::shared_ptr<const ServedClassifier>> Language::load(const std::string& name,
                                                               const ServedClassifier* known) {
  ZHIYIN_TRY(const auto record, registry_.active(name));
  if (record) {
    if (known != nullptr && known->version == record->id)
      return std::shared_ptr<const ServedClassifier>();
    ZHIYIN_TRY(const std::string bytes, registry_.load(record->id));
    ZHIYIN_TRY(auto classifier, classifier_of(bytes));
    return std::make_shared<const ServedClassifier>(
        ServedClassifier{record->id, std::move(classifier)});
  }
  if (known != nullptr && known->version.starts_with(name + "@"))
    return std::shared_ptr<const ServedClassifier>();
  ZHIYIN_TRY(const ProgramModel found, program_model(name));
  ZHIYIN_TRY(auto classifier, classifier_of(found.bytes));
  return std::make_shared<const ServedClassifier>(
      ServedClassifier{found.version, std::move(classifier)});
}

/// What is in memory, up to date or not; null: nothing.
std::shared_ptr<const ServedClassifier> Language::kept(const std::string& name) {
  const MutexLock lock(models_mutex_);
  if (const auto given = provided_.find(name); given != provided_.end()) return given->second;
  const auto found = classifiers_.find(name);
  return found == classifiers_.end() ? nullptr : found->second.model;
}

Result<std::shared_ptr<const ServedClassifier>> Language::borrow(const std::string& name) {
  if (kept(name)) return classifier(name);
  if (!is_name(name)) return fail_field("name", "'{}' is no name of a model", name.substr(0, 80));
  return load(name, nullptr);
}

Result<std::string> Language::version(const std::string& name) {
  if (kept(name)) {
    ZHIYIN_TRY(const auto model, classifier(name));
    return model->version;
  }
  if (!is_name(name)) return fail_field("name", "'{}' is no name of a model", name.substr(0, 80));
  ZHIYIN_TRY(const auto record, registry_.active(name));
  if (record) return record->id;
  ZHIYIN_TRY(const ProgramModel found, program_model(name));
  return found.version;
}

Result<std::shared_ptr<const ServedClassifier>> Language::classifier(const std::string& name) {
  if (!is_name(name)) return fail_field("name", "'{}' is no name of a model", name.substr(0, 80));
  used();
  const auto now = std::chrono::steady_clock::now();
  std::shared_ptr<const ServedClassifier> known;
  {
    const MutexLock lock(models_mutex_);
    if (const auto given = provided_.find(name); given != provided_.end()) return given->second;
    const auto found = classifiers_.find(name);
    if (found != classifiers_.end()) known = found->second.model;
    if (known && now - found->second.looked_at < kLookEvery) return known;
  }
  ZHIYIN_TRY(auto fresh, load(name, known.get()));
  if (!fresh) fresh = known;
  const MutexLock lock(models_mutex_);
  if (classifiers_.size() >= kClassifiersMax && !classifiers_.contains(name))
    classifiers_.erase(classifiers_.begin());
  classifiers_[name] = {fresh, now};
  return fresh;
}

void Language::provide(const std::string& name, ServedClassifier model) {
  auto shared = std::make_shared<const ServedClassifier>(std::move(model));
  const MutexLock lock(models_mutex_);
  provided_[name] = std::move(shared);
}

model::DriftWatch* Language::watch_of(const std::string& name, const std::string& version,
                                      const model::DriftReference& reference) {
  auto at = watches_.find(name);
  if (at == watches_.end() && watches_.size() >= kClassifiersMax) return nullptr;
  if (at != watches_.end() && at->second.version != version) {
    keep_drift(name, at->second.version, at->second.drift.take());
    watches_.erase(at);
    at = watches_.end();
  }
  if (at == watches_.end())
    at = watches_.emplace(name, Watch{version, model::DriftWatch(reference)}).first;
  return &at->second.drift;
}

void Language::watch(const std::string& name, const ServedClassifier& served,
                     std::span<const std::string_view> texts,
                     std::span<const model::TextPrediction> answers) {
  if (served.model.reference().rows == 0) return;
  const MutexLock lock(watch_mutex_);
  model::DriftWatch* const drift = watch_of(name, served.version, served.model.reference());
  for (std::size_t i = 0; drift != nullptr && i < texts.size(); ++i)
    drift->add(texts[i], answers[i].label, answers[i].confidence);
}

void Language::watch_pairs(const std::string& name, const std::string& version,
                           const model::PairModel& model, std::span<const model::TextPair> pairs,
                           std::span<const model::PairPrediction> answers) {
  if (model.reference().rows == 0) return;
  const MutexLock lock(watch_mutex_);
  model::DriftWatch* const drift = watch_of(name, version, model.reference());
  for (std::size_t i = 0; drift != nullptr && i < pairs.size(); ++i)
    drift->add(model::pair_text(pairs[i].first, pairs[i].second), answers[i].same >= 0.5 ? 1 : 0,
               answers[i].confidence());
}

Result<std::shared_ptr<const Language::DriftSubject>> Language::drift_subject(
    const std::string& name) {
  const auto found = classifier(name);
  if (found)
    return std::make_shared<const DriftSubject>(
        DriftSubject{(*found)->version, (*found)->model.reference(), (*found)->model.classes()});
  if (found.error().code != ErrorCode::kUnsupported) return std::unexpected(found.error());
  ZHIYIN_TRY(ServedPairModel pairs, read_pairs(name));
  return std::make_shared<const DriftSubject>(DriftSubject{
      std::move(pairs.version),
      pairs.model.reference(),
      {std::string(model::PairModel::kDifferent), std::string(model::PairModel::kSame)}});
}

/// The active model of pairs of that name, for this alone: PairModels keeps those that answer.
Result<ServedPairModel> Language::read_pairs(const std::string& name) {
  std::string bytes, version;
  ZHIYIN_TRY(const auto record, registry_.active(name));
  if (record) {
    version = record->id;
    ZHIYIN_TRY(bytes, registry_.load(record->id));
  } else {
    ZHIYIN_TRY(ProgramModel shipped, program_model(name));
    bytes = std::move(shipped.bytes);
    version = std::move(shipped.version);
  }
  ZHIYIN_TRY(const auto artefact, model::decode_artefact(bytes));
  if (artefact.kind != model::PairModel::kKind)
    return fail(ErrorCode::kUnsupported, "model '{}': the active {} compares no pairs", name,
                version);
  ZHIYIN_TRY(auto pairs, model::PairModel::from_artefact(artefact));
  return ServedPairModel{std::move(version), std::move(pairs)};
}

/// Bounded: where the state cannot take them for long, counts of the oldest versions go.
void Language::keep_drift(const std::string& name, const std::string& version,
                          model::DriftCounts counts) {
  if (counts.rows == 0) return;
  const auto [at, fresh] = left_drift_.try_emplace({name, version}, counts);
  if (!fresh && model::same_places(at->second, counts)) model::add_counts(at->second, counts);
  if (left_drift_.size() > 2 * kClassifiersMax) left_drift_.erase(left_drift_.begin());
}

model::DriftCounts Language::last_drift(const std::string& name, const DriftSubject& subject) {
  const MutexLock lock(watch_mutex_);
  const auto at = watches_.find(name);
  if (at == watches_.end() || at->second.version != subject.version)
    return model::no_counts(subject.reference);
  return at->second.drift.last();
}

model::DriftCounts Language::untaken_drift(const std::string& name, const DriftSubject& subject) {
  const MutexLock lock(watch_mutex_);
  model::DriftCounts out = model::no_counts(subject.reference);
  if (const auto at = watches_.find(name);
      at != watches_.end() && at->second.version == subject.version)
    model::add_counts(out, at->second.drift.untaken());
  if (const auto left = left_drift_.find({name, subject.version});
      left != left_drift_.end() && model::same_places(out, left->second))
    model::add_counts(out, left->second);
  return out;
}

std::vector<Language::DriftSeen> Language::take_drift() {
  const MutexLock lock(watch_mutex_);
  for (auto& [name, watched] : watches_) keep_drift(name, watched.version, watched.drift.take());
  std::vector<DriftSeen> out;
  for (auto& [key, counts] : std::exchange(left_drift_, {}))
    out.push_back({key.first, key.second, std::move(counts)});
  return out;
}

void Language::give_back_drift(std::vector<DriftSeen> seen) {
  const MutexLock lock(watch_mutex_);
  for (DriftSeen& one : seen) keep_drift(one.name, one.version, std::move(one.counts));
}

Result<void> Language::check_encoder(std::size_t dense_columns, const Json& settings) {
  if (dense_columns == 0) return {};
  ZHIYIN_TRY(const auto* const e, encoder());
  const std::string_view trained = settings["encoder"].string_or("");
  if (trained == e->checksum() && dense_columns == e->width()) return {};
  return fail(ErrorCode::kConflict, "model: was trained with the encoder {}, here is {}",
              trained.substr(0, 80), e->checksum());
}

Result<void> Language::check_encoder(const TextClassifier& model) {
  return check_encoder(model.dense_columns(), model.settings());
}

Result<void> Language::check_encoder(const model::PairModel& model) {
  return check_encoder(model.dense_columns(), model.settings());
}

std::vector<model::TextPrediction> Language::classify(const std::string& name,
                                                      const ServedClassifier& served,
                                                      std::span<const std::string_view> texts,
                                                      std::span<const float> vectors) {
  const auto dense = [&](const TextClassifier& m) {
    return m.dense_columns() == 0 ? std::span<const float>() : vectors;
  };
  auto out = model::classify_all(served.model, texts, dense(served.model), 1);
  watch(name, served, texts, out);
  std::shared_ptr<const ServedClassifier> shadow;
  {
    const MutexLock lock(models_mutex_);
    const auto found = shadows_.find(name);
    if (found != shadows_.end()) shadow = found->second.model;
  }
  if (!shadow || (shadow->model.dense_columns() > 0 && vectors.empty())) return out;
  const auto others = model::classify_all(shadow->model, texts, dense(shadow->model), 1);
  const MutexLock lock(models_mutex_);
  const auto found = shadows_.find(name);
  if (found == shadows_.end() || found->second.model != shadow) return out;
  if (found->second.beside != served.version) found->second.agreement = {};  // of another pair
  found->second.beside = served.version;
  for (std::size_t i = 0; i < texts.size(); ++i)
    found->second.agreement.add(served.model.classes()[out[i].label], out[i].confidence,
                                shadow->model.classes()[others[i].label], others[i].confidence);
  return out;
}

namespace {

std::string_view label_of(const model::PairPrediction& answer) {
  return answer.same >= 0.5 ? model::PairModel::kSame : model::PairModel::kDifferent;
}

/// Whether that version can answer beside the active one, from the same vectors.
Result<void> check_beside(const std::string& id, std::size_t dense_columns, std::string_view active,
                          std::size_t active_columns) {
  if (active == id)
    return fail(ErrorCode::kConflict, "model '{}': is the active version itself", id);
  if (dense_columns > 0 && active_columns == 0)
    return fail(ErrorCode::kConflict, "model '{}': needs an encoder, the active {} has none", id,
                active);
  return {};
}

}  // namespace

Result<Language::Shadow> Language::shadow_of_texts(const std::string& id, const std::string& name,
                                                   const model::Artefact& artefact) {
  ZHIYIN_TRY(auto model, TextClassifier::from_artefact(artefact));
  ZHIYIN_TRY_VOID(check_encoder(model));
  ZHIYIN_TRY(const auto active, classifier(name));
  ZHIYIN_TRY_VOID(
      check_beside(id, model.dense_columns(), active->version, active->model.dense_columns()));
  return Shadow{std::make_shared<const ServedClassifier>(ServedClassifier{id, std::move(model)}),
                nullptr,
                active->version,
                {}};
}

Result<Language::Shadow> Language::shadow_of_pairs(const std::string& id, const std::string& name,
                                                   const model::Artefact& artefact) {
  ZHIYIN_TRY(auto model, model::PairModel::from_artefact(artefact));
  ZHIYIN_TRY_VOID(check_encoder(model));
  ZHIYIN_TRY(const ServedPairModel active, read_pairs(name));
  ZHIYIN_TRY_VOID(
      check_beside(id, model.dense_columns(), active.version, active.model.dense_columns()));
  return Shadow{nullptr,
                std::make_shared<const ServedPairModel>(ServedPairModel{id, std::move(model)}),
                active.version,
                {}};
}

Result<void> Language::start_shadow(const std::string& id) {
  ZHIYIN_TRY(const ModelRecord record, registry_.find(id));
  if (!is_name(record.kind) || record.kind == "response" || record.kind == "recommend")
    return fail(ErrorCode::kUnsupported, "model '{}': is no model of texts", record.id);
  ZHIYIN_TRY(const std::string bytes, registry_.load(id));
  ZHIYIN_TRY(const auto artefact, model::decode_artefact(bytes));
  auto shadow = artefact.kind == model::PairModel::kKind
                    ? shadow_of_pairs(id, record.kind, artefact)
                    : shadow_of_texts(id, record.kind, artefact);
  if (!shadow) return std::unexpected(shadow.error());
  const MutexLock lock(models_mutex_);
  if (shadows_.size() >= kClassifiersMax && !shadows_.contains(record.kind))
    return fail(ErrorCode::kLimitReached, "shadows: {} run already", shadows_.size());
  shadows_[record.kind] = std::move(*shadow);
  return {};
}

void Language::shadow_pairs(const std::string& name, const ServedPairModel& served,
                            std::span<const model::TextPair> pairs, std::span<const float> vectors,
                            std::span<const model::PairPrediction> answered) {
  std::shared_ptr<const ServedPairModel> shadow;
  {
    const MutexLock lock(models_mutex_);
    const auto found = shadows_.find(name);
    if (found != shadows_.end()) shadow = found->second.pairs;
  }
  if (!shadow || pairs.empty()) return;
  const bool uses_encoder = shadow->model.dense_columns() > 0;
  if (uses_encoder && vectors.empty()) return;
  const auto others = model::predict_pairs(shadow->model, pairs,
                                           uses_encoder ? vectors : std::span<const float>(), 1);
  const MutexLock lock(models_mutex_);
  const auto found = shadows_.find(name);
  if (found == shadows_.end() || found->second.pairs != shadow) return;
  if (found->second.beside != served.version) found->second.agreement = {};  // of another pair
  found->second.beside = served.version;
  for (std::size_t i = 0; i < pairs.size(); ++i) {
    found->second.agreement.add(label_of(answered[i]), answered[i].confidence(),
                                label_of(others[i]), others[i].confidence());
    found->second.agreement.add_difference(std::abs(answered[i].same - others[i].same));
  }
}

void Language::stop_shadow(const std::string& name) {
  const MutexLock lock(models_mutex_);
  shadows_.erase(name);
}

Result<Json> Language::shadow_report(const std::string& name) {
  const MutexLock lock(models_mutex_);
  const auto found = shadows_.find(name);
  if (found == shadows_.end())
    return fail(ErrorCode::kNotFound, "model '{}': has no shadow", name.substr(0, 100));
  const Shadow& shadow = found->second;
  return Json()
      .set("name", name)
      .set("version", shadow.beside)
      .set("shadow", shadow.pairs ? shadow.pairs->version : shadow.model->version)
      .set("of", shadow.pairs ? "pairs" : "texts")
      .set("agreement", shadow.agreement.report());
}

Result<text::Words> Language::words() {
  used();
  const MutexLock lock(mutex_);
  if (!words_) {
    auto dictionary = text::Dictionary::open_default();
    if (dictionary) {
      words_ = text::Words{std::move(*dictionary), nullptr};
    } else {
      words_ = fail(ErrorCode::kUnavailable, "words: {}", dictionary.error().text());
    }
  }
  return *words_;
}

void Language::let_go() {
  {
    const MutexLock lock(mutex_);
    if (encoder_ && *encoder_) (**encoder_)->text.encoder().file().let_go();
    if (words_ && *words_) (*words_)->dictionary->let_go();
  }
  {
    const MutexLock lock(models_mutex_);
    const auto now = std::chrono::steady_clock::now();
    std::erase_if(classifiers_,
                  [&](const auto& one) { return now - one.second.looked_at > kIdle; });
  }
  ::malloc_trim(0);
}

bool Language::let_go_if_idle(std::chrono::steady_clock::time_point now) {
  auto seen = used_at_.load(std::memory_order_relaxed);
  if (seen == std::chrono::steady_clock::time_point{} || now - seen < kIdle) return false;
  // Not if something was asked for meanwhile.
  if (!used_at_.compare_exchange_strong(seen, {})) return false;
  let_go();
  return true;
}

void Language::stop() {
  const MutexLock lock(mutex_);
  if (encoder_ && *encoder_) (**encoder_)->server->stop();
}

}  // namespace zhiyin::server
