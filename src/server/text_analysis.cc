#include "server/text_analysis.h"

#include <algorithm>
#include <array>
#include <ranges>

#include "base/crypto.h"
#include "model/classify/occlusion.h"
#include "model/classify/text_task.h"
#include "server/model_catalogue.h"
#include "text/keywords.h"
#include "text/language.h"
#include "text/personal_data.h"
#include "text/segment.h"

namespace zhiyin::server {
namespace {

constexpr std::array<std::string_view, 4> kUsualRules = {"language", "keywords", "entities",
                                                         "masked"};
/// Every word of the text: only for who asks, an answer grows many times by it.
constexpr std::string_view kWordsTask = "words";

struct Judge {
  std::string task;
  std::shared_ptr<const ServedClassifier> model;  // stays while another version is promoted
  std::string floor;  // why it answers by its n-grams alone; empty: it does not

  [[nodiscard]] bool needs_encoder() const {
    return model->model.dense_columns() > 0 && floor.empty();
  }
};

struct Plan {
  std::vector<std::string_view> rules;
  std::vector<Judge> judges;
  Json versions = Json::object();
  Json missing = Json::array();

  [[nodiscard]] bool has(std::string_view task) const {
    return std::ranges::find(rules, task) != rules.end();
  }
};

Json error_json(const Error& error) {
  Json out = Json().set("code", to_string(error.code)).set("message", error.message);
  if (!error.field.empty()) out.set("field", error.field);
  return out;
}

Result<void> add_judge(Language& language, const std::string& task, Plan& plan) {
  ZHIYIN_TRY(auto model, language.classifier(task));
  std::string floor;
  if (const auto usable = language.check_encoder(model->model); !usable) {
    if (!model->model.has_floor()) return usable;
    floor = usable.error().text();
  }
  plan.versions.set(task, model->version);
  plan.judges.push_back({task, std::move(model), std::move(floor)});
  return {};
}

void add_rule(std::string_view task, Plan& plan) {
  if (plan.has(task)) return;
  plan.rules.push_back(task);
  plan.versions.set(task, "rules@" ZHIYIN_VERSION);
}

/// All rules, and the usual classifiers as far as they are here and can be used.
Plan usual_plan(Language& language) {
  Plan plan;
  for (const std::string_view task : kUsualRules) add_rule(task, plan);
  for (const std::string_view task : kShippedNames) {
    if (const auto added = add_judge(language, std::string(task), plan); !added)
      plan.missing.push(Json()
                            .set("task", task)
                            .set("code", to_string(added.error().code))
                            .set("message", added.error().message));
  }
  return plan;
}

/// The rule of that name, in memory that stays; empty for other names.
std::string_view rule_named(std::string_view task) {
  if (task == kWordsTask) return kWordsTask;
  const auto found = std::ranges::find(kUsualRules, task);
  return found == kUsualRules.end() ? std::string_view() : *found;
}

Result<Plan> plan_of(Language& language, const AnalyzeRequest& request) {
  if (!request.tasks) return usual_plan(language);
  Plan plan;
  for (std::size_t i = 0; i < request.tasks->size(); ++i) {
    const std::string& task = (*request.tasks)[i];
    if (const std::string_view rule = rule_named(task); !rule.empty()) {
      add_rule(rule, plan);
      continue;
    }
    const bool again = std::ranges::any_of(plan.judges, [&](auto& j) { return j.task == task; });
    if (again) continue;
    if (auto added = add_judge(language, task, plan); !added) {
      added.error().field.clear();
      return std::unexpected(within(fmt::format("tasks[{}]", i), added.error()));
    }
  }
  return plan;
}

Json span_json(std::size_t begin, std::size_t end) { return Json::Array{Json(begin), Json(end)}; }

Json keywords_json(const std::vector<text::Keyword>& words) {
  Json out = Json::array();
  for (const text::Keyword& word : words) {
    Json places = Json::array();
    for (const auto& place : word.places | std::views::take(kKeywordSpansMax))
      places.push(span_json(place.begin, place.end));
    out.push(Json()
                 .set("word", word.word)
                 .set("weight", word.weight)
                 .set("count", word.places.size())
                 .set("spans", std::move(places)));
  }
  return out;
}

/// The `count` heaviest of `words` that stand somewhere outside personal data, with these places: a
/// phone number is rare, but says nothing of what a text is about.
std::vector<text::Keyword> beside_personal(std::vector<text::Keyword> words,
                                           std::span<const text::PersonalSpan> personal,
                                           std::size_t count) {
  const auto within = [&](const text::ByteRange& place) {
    const auto next =
        std::ranges::upper_bound(personal, place.begin, {}, &text::PersonalSpan::byte_end);
    return next != personal.end() && next->byte_begin < place.end;
  };
  for (text::Keyword& word : words) std::erase_if(word.places, within);
  std::erase_if(words, [](const text::Keyword& word) { return word.places.empty(); });
  if (words.size() > count) words.resize(count);
  return words;
}

Result<Json> words_json(std::string_view text, text::Segmenter& segmenter) {
  ZHIYIN_TRY(const auto words, segmenter.cut(text));
  Json out = Json::array();
  for (const auto& w : words) {
    const std::string_view word = text.substr(w.begin, w.end - w.begin);
    out.push(Json()
                 .set("word", word)
                 .set("tag", text::tag_of(segmenter.words(), word))
                 .set("span", span_json(w.begin, w.end)));
  }
  return out;
}

/// What the dictionary knows as a name; none for other words.
std::string_view name_kind(std::string_view tag) {
  if (tag == "nr" || tag == "nrt" || tag == "nrfg") return "person";
  if (tag == "ns") return "place";
  if (tag == "nt") return "organisation";
  return {};
}

/// How often what is found as a kind is one: (right + 1) / (judged + 2) of what
/// bench/entity_precision.py samples from reviews, news, questions and queries, judged by reading.
/// Kinds of which nobody has judged any are not there.
constexpr std::pair<std::string_view, double> kPrecisions[] = {
    {"phone", 59.0 / 62},       {"email", 11.0 / 12},   {"qq", 26.0 / 27},
    {"wechat_id", 23.0 / 24},   {"address", 37.0 / 62}, {"name", 36.0 / 62},
    {"plate", 3.0 / 11},        {"person", 13.0 / 62},  {"place", 27.0 / 62},
    {"organisation", 38.0 / 62}};

Json confidence_json(std::string_view kind) {
  const auto* const found =
      std::ranges::find(kPrecisions, kind, &std::pair<std::string_view, double>::first);
  return found == std::end(kPrecisions) ? Json() : Json(found->second);
}

std::string_view kind_name(const text::PersonalSpan& span) {
  return text::kPersonalKindNames[static_cast<std::size_t>(span.kind)];
}

/// What was shortened, without its text: [{"kind","span","confidence"}].
Json masked_spans_json(std::span<const text::PersonalSpan> personal) {
  Json out = Json::array();
  for (const auto& p : personal | std::views::take(kEntitiesMax))
    out.push(Json()
                 .set("kind", kind_name(p))
                 .set("span", span_json(p.byte_begin, p.byte_end))
                 .set("confidence", confidence_json(kind_name(p))));
  return out;
}

struct Entities {
  Json list = Json::array();  // at most kEntitiesMax
  std::size_t count = 0;      // all of them
};
/// Personal data by rules, then names of the dictionary where there is none.
Result<Entities> find_entities(std::string_view text, std::span<const text::PersonalSpan> personal,
                               text::Segmenter* segmenter) {
  Entities out;
  const auto put = [&](std::string_view kind, std::size_t begin, std::size_t end,
                       std::string_view by) {
    if (++out.count > kEntitiesMax) return;
    out.list.push(Json()
                      .set("kind", kind)
                      .set("text", text.substr(begin, end - begin))
                      .set("span", span_json(begin, end))
                      .set("by", by)
                      .set("confidence", confidence_json(kind)));
  };
  for (const auto& p : personal) put(kind_name(p), p.byte_begin, p.byte_end, "rules");
  if (segmenter == nullptr) return out;
  ZHIYIN_TRY(const auto words, segmenter->cut(text));
  auto next = personal.begin();  // both ascend and do not overlap among themselves
  for (const auto& w : words) {
    while (next != personal.end() && next->byte_end <= w.begin) ++next;
    if (next != personal.end() && next->byte_begin < w.end) continue;
    const std::string_view word = text.substr(w.begin, w.end - w.begin);
    const std::string_view kind = name_kind(text::tag_of(segmenter->words(), word));
    if (!kind.empty()) put(kind, w.begin, w.end, "dictionary");
  }
  return out;
}

/// The rules' answers to one text. Holds the segmenters of one request.
class Rules {
 public:
  Rules(Language& language, const Plan& plan) : plan_(plan) {
    if (!plan.has("keywords") && !plan.has("entities") && !plan.has(kWordsTask)) return;
    auto words = language.words();
    if (!words) {
      no_words_ = words.error();
      return;
    }
    segmenter_.emplace(*words);
    keywords_.emplace(std::move(*words));
  }

  Result<void> answer(std::string_view text, std::size_t keywords, Json& out) {
    if (plan_.has("language")) {
      const auto guess = text::guess_language(text);
      out.set("language", Json()
                              .set("name", text::language_name(guess.language))
                              .set("confidence", guess.confidence));
    }
    std::vector<text::PersonalSpan> personal;
    if (plan_.has("keywords") || plan_.has("entities") || plan_.has("masked"))
      personal = text::find_personal_data(text);
    if (plan_.has("keywords")) {
      if (!keywords_) return std::unexpected(no_words_);
      constexpr std::size_t kWordsEach = 8;  // that a name, a number or an address may hold
      ZHIYIN_TRY(auto found, keywords_->by_rarity(text, keywords + kWordsEach * personal.size()));
      out.set("keywords", keywords_json(beside_personal(std::move(found), personal, keywords)));
    }
    if (plan_.has(kWordsTask)) {
      if (!segmenter_) return std::unexpected(no_words_);
      ZHIYIN_TRY(Json found, words_json(text, *segmenter_));
      out.set(kWordsTask, std::move(found));
    }
    if (plan_.has("entities")) {
      ZHIYIN_TRY(Entities found,
                 find_entities(text, personal, segmenter_ ? &*segmenter_ : nullptr));
      if (found.count > kEntitiesMax) out.set("entities_count", found.count);
      out.set("entities", std::move(found.list));
    }
    if (plan_.has("masked"))
      out.set("masked", text::shortened(text, personal))
          .set("masked_spans", masked_spans_json(personal));
    return {};
  }

 private:
  const Plan& plan_;
  Error no_words_;
  std::optional<text::Segmenter> segmenter_;
  std::optional<text::KeywordExtractor> keywords_;
};

Result<void> check_text(std::string_view text, std::size_t i) {
  const std::string field = fmt::format("texts[{}]", i);
  if (text.empty()) return fail_field(field, "is empty");
  if (text.size() > kAnalyzeBytesMax)
    return fail_field(field, "has {} bytes, at most {}", text.size(), kAnalyzeBytesMax);
  return {};
}

/// More texts than these are explained by their n-grams only: the encoder reads each piece's
/// variants of a text.
constexpr std::size_t kOccludedTextsMax = 8;

/// Where words begin and end; characters where there is no dictionary.
std::vector<model::TextSpan> words_of(Language& language, std::string_view text) {
  std::vector<model::TextSpan> out;
  if (auto words = language.words()) {
    text::Segmenter segmenter(std::move(*words));
    if (const auto cut = segmenter.cut(text))
      for (const auto& w : *cut)
        out.emplace_back(static_cast<std::uint32_t>(w.begin), static_cast<std::uint32_t>(w.end));
  }
  return out;
}

/// What the encoder's part of a decision is made of, piece by piece: [{"span","text","weight"}] and
/// what an empty text has.
struct EncoderParts {
  std::vector<model::WeightedSpan> pieces;
  double base = 0;
};
Result<EncoderParts> encoder_parts(Language& language, const model::TextClassifier& model,
                                   std::string_view text, std::uint32_t label,
                                   std::string_view caller) {
  const auto plan = model::plan_occlusion(text, words_of(language, text));
  const std::vector<std::string_view> variants(plan.variants.begin(), plan.variants.end());
  ZHIYIN_TRY(const auto vectors,
             language.encode(
                 variants,
                 {.caller = caller, .prefix = {}, .tokens_max = Language::kClassifierTokensMax}));
  const std::size_t width = model.dense_columns();
  std::vector<double> values;
  for (std::size_t i = 0; i < variants.size(); ++i)
    values.push_back(
        model.encoder_part(std::span(vectors.values).subspan(i * width, width), label));
  EncoderParts out{{}, values.back()};
  const auto parts = model::occlusion_parts(plan, values);
  for (std::size_t i = 0; i < parts.size(); ++i) out.pieces.push_back({plan.pieces[i], parts[i]});
  return out;
}

Json stretches_json(std::string_view text, std::span<const model::WeightedSpan> weights) {
  Json out = Json::array();
  for (const auto& one : model::evidence_stretches(text.size(), weights)) {
    const auto [begin, end] = one.span;
    out.push(Json()
                 .set("span", span_json(begin, end))
                 .set("text", text.substr(begin, end - begin))
                 .set("weight", one.weight));
  }
  return out;
}

/// The n-grams' share, word by word that of the encoder where `occluded`, and the stretches that
/// say most.
Result<Json> why_json(Language& language, const model::TextClassifier& model, std::string_view text,
                      std::span<const float> dense, std::uint32_t label, std::size_t terms,
                      bool occluded, std::string_view caller) {
  constexpr std::size_t kAllTerms = 100'000;
  auto whole = model.explain(text, dense, label, kAllTerms);
  std::vector<model::WeightedSpan> weights;
  for (const auto& term : whole.terms)
    for (const auto& span : term.spans)
      weights.push_back({span, term.weight / static_cast<double>(term.spans.size())});
  if (whole.terms.size() > terms) whole.terms.resize(terms);
  Json out = model::explanation_json(whole);
  if (occluded && !dense.empty()) {
    ZHIYIN_TRY(const EncoderParts parts, encoder_parts(language, model, text, label, caller));
    Json pieces = Json::array();
    for (const auto& piece : parts.pieces) {
      const auto [begin, end] = piece.span;
      pieces.push(Json()
                      .set("span", span_json(begin, end))
                      .set("text", text.substr(begin, end - begin))
                      .set("weight", piece.weight));
      weights.push_back(piece);
    }
    out.set("encoder_pieces", std::move(pieces)).set("encoder_base", parts.base);
  }
  return out.set("evidence", stretches_json(text, weights));
}

/// Classifiers' answers to all sound texts; `places` are theirs among the items.
void judge(Language& language, const Plan& plan, const AnalyzeRequest& request,
           std::span<const std::string_view> texts, std::span<const std::size_t> places,
           std::string_view caller, std::vector<Json>& items) {
  if (texts.empty()) return;
  const bool needs_encoder = std::ranges::any_of(plan.judges, &Judge::needs_encoder);
  Language::Vectors vectors;
  std::optional<Error> failure;
  if (needs_encoder) {
    auto encoded = language.encode(
        texts, {.caller = caller, .prefix = {}, .tokens_max = Language::kClassifierTokensMax});
    if (encoded) {
      vectors = std::move(*encoded);
    } else {
      failure = encoded.error();
    }
  }
  const bool occluded = texts.size() <= kOccludedTextsMax;
  for (const Judge& j : plan.judges) {
    const auto& model = j.model->model;
    if (j.needs_encoder() && failure) {
      for (const std::size_t place : places)
        items[place].set(j.task, Json().set("error", error_json(*failure)));
      continue;
    }
    const std::size_t width = j.needs_encoder() ? model.dense_columns() : 0;
    const auto answers = language.classify(
        j.task, *j.model, texts, width == 0 ? std::span<const float>() : std::span(vectors.values));
    for (std::size_t i = 0; i < texts.size(); ++i) {
      Json answer = model::prediction_json(model, answers[i]);
      answer.set("version", j.model->version);
      if (!j.floor.empty()) answer.set("note", j.floor + "; answered by n-grams alone");
      if (request.explain > 0) {
        const auto dense = width == 0 ? std::span<const float>()
                                      : std::span(vectors.values).subspan(i * width, width);
        auto why = why_json(language, model, texts[i], dense, answers[i].label,
                            static_cast<std::size_t>(request.explain), occluded, caller);
        answer.set("why", why ? std::move(*why) : Json().set("error", error_json(why.error())));
      }
      items[places[i]].set(j.task, std::move(answer));
    }
  }
}

}  // namespace

bool is_analysis_rule(std::string_view task) { return !rule_named(task).empty(); }

Result<Json> analyze(Language& language, const AnalyzeRequest& request, std::string_view caller) {
  ZHIYIN_TRY(Plan plan, plan_of(language, request));
  Rules rules(language, plan);
  std::vector<Json> items(request.texts.size(), Json::object());
  std::vector<std::string_view> sound;
  std::vector<std::size_t> places;
  for (std::size_t i = 0; i < items.size(); ++i) {
    auto checked = check_text(request.texts[i], i);
    if (checked)
      checked =
          rules.answer(request.texts[i], static_cast<std::size_t>(request.keywords), items[i]);
    if (!checked) {
      items[i] = Json().set("error", error_json(checked.error()));
      continue;
    }
    sound.push_back(request.texts[i]);
    places.push_back(i);
  }
  judge(language, plan, request, sound, places, caller, items);
  Json list = Json::array();
  for (Json& item : items) list.push(std::move(item));
  return Json()
      .set("items", std::move(list))
      .set("versions", std::move(plan.versions))
      .set("missing", std::move(plan.missing));
}

}  // namespace zhiyin::server
