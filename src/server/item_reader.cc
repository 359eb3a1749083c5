#include "server/item_reader.h"

#include <algorithm>
#include <cstring>
#include <thread>

#include "recommend/text_vectors.h"

namespace zhiyin::server {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kCaller = "catalogue";
constexpr std::size_t kKeywords = 8;
constexpr std::size_t kAnnouncedEvery = 512;
constexpr std::string_view kTopic = "topic";
constexpr std::string_view kSentiment = "sentiment";

/// An encoder's name without opening it: what its file or folder is called, and its bytes.
std::string name_of(const fs::path& encoder) {
  std::error_code ignored;
  std::uintmax_t bytes = 0;
  if (fs::is_directory(encoder, ignored)) {
    for (const auto& entry : fs::directory_iterator(encoder, ignored)) {
      if (entry.is_regular_file(ignored)) bytes += entry.file_size(ignored);
    }
  } else if (fs::is_regular_file(encoder, ignored)) {
    bytes = fs::file_size(encoder, ignored);
  } else {
    return "none";
  }
  return fmt::format("{}:{}", encoder.stem().string(), bytes);
}

std::string bytes_of(std::span<const float> vector) {
  const auto numbers = recommend::direction_of(vector);
  std::string out(numbers.size(), '\0');
  std::memcpy(out.data(), numbers.data(), numbers.size());
  return out;
}

}  // namespace

ItemReader::ItemReader(Parts parts) : parts_(std::move(parts)), readings_(parts_.state) {}

std::string ItemReader::encoder_name() const {
  return encoder_failed_ ? "none" : name_of(parts_.encoder);
}

std::string ItemReader::reader() {
  std::string out = encoder_name();  // first: vectors are asked for by it
  for (const std::string_view name : {kTopic, kSentiment}) {
    const auto model = models_.find(std::string(name));
    out += fmt::format("|{}", model != models_.end()
                                  ? model->second->version
                                  : parts_.language.version(std::string(name)).value_or("none"));
  }
  return out + (parts_.language.words() ? "|words-1" : "|none");
}

Result<bool> ItemReader::read_some() {
  ZHIYIN_TRY(const std::int64_t change, parts_.items.newest_change());
  if (change == done_ || change == 0) return false;
  const std::string by = reader();
  ZHIYIN_TRY(const auto items, readings_.unread(by, kItemsAtOnce));
  if (!items.empty()) {
    if (has_encoder() && !parts_.language.encoder()) {
      encoder_failed_ = true;  // the log says why; it is read without
      return true;
    }
    ZHIYIN_TRY(const auto readings, read(items));
    ZHIYIN_TRY_VOID(readings_.put(by, items, readings));
    grouped_ = false;
    read_ += items.size();
    if (read_ >= kAnnouncedEvery) ZHIYIN_TRY_VOID(announce());
    return true;
  }
  if (!grouped_) {
    ZHIYIN_TRY(const std::size_t moved, readings_.group_duplicates());
    grouped_ = true;
    if (moved > 0 || read_ > 0) ZHIYIN_TRY_VOID(announce());
    return true;  // what changed meanwhile
  }
  models_.clear();
  if (reader() != by) return true;  // versions that came meanwhile
  done_ = change;
  let_go();
  return false;
}

/// Dictionary, classifiers and encoder took memory that is wanted again only when texts change.
void ItemReader::let_go() {
  keywords_.reset();
  models_.clear();
  parts_.language.let_go();
}

Result<void> ItemReader::announce() {
  ZHIYIN_TRY_VOID(readings_.announce());
  parts_.items.refresh();
  read_ = 0;
  return {};
}

Result<std::vector<catalogue::ItemReading>> ItemReader::read(
    const std::vector<catalogue::UnreadItem>& items) {
  std::vector<catalogue::ItemReading> out;
  std::vector<std::string_view> texts;
  if (!keywords_) {
    if (auto words = parts_.language.words()) keywords_.emplace(std::move(*words));
  }
  for (const catalogue::UnreadItem& item : items) {
    texts.push_back(item.text);
    catalogue::ItemReading reading{.item = item.item};
    if (keywords_) {
      ZHIYIN_TRY(const auto found, keywords_->by_rarity(item.text, kKeywords));
      for (const text::Keyword& word : found) reading.keywords.push_back(word.word);
    }
    out.push_back(std::move(reading));
  }
  Language::Vectors vectors;
  if (has_encoder()) {
    ZHIYIN_TRY(vectors,
               parts_.language.encode(texts, {.caller = kCaller,
                                              .prefix = {},
                                              .tokens_max = Language::kClassifierTokensMax}));
    const std::size_t width = vectors.values.size() / texts.size();
    for (std::size_t i = 0; i < texts.size(); ++i)
      out[i].vector = bytes_of(std::span(vectors.values).subspan(i * width, width));
  }
  classify(std::string(kTopic), texts, vectors.values, out, &catalogue::ItemReading::topic);
  classify(std::string(kSentiment), texts, vectors.values, out, &catalogue::ItemReading::sentiment);
  return out;
}

void ItemReader::classify(const std::string& name, std::span<const std::string_view> texts,
                          std::span<const float> vectors, std::vector<catalogue::ItemReading>& out,
                          std::string catalogue::ItemReading::* member) {
  if (!models_.contains(name)) {
    auto borrowed = parts_.language.borrow(name);
    if (!borrowed) return;
    models_.emplace(name, std::move(*borrowed));
  }
  const model::TextClassifier& model = models_.at(name)->model;
  const bool fits = !vectors.empty() && parts_.language.check_encoder(model).has_value();
  if (!fits && model.dense_columns() > 0 && !model.has_floor()) return;
  const auto answers = model::classify_all(
      model, texts, fits && model.dense_columns() > 0 ? vectors : std::span<const float>(), 1);
  for (std::size_t i = 0; i < out.size(); ++i) {
    if (!answers[i].rejected) out[i].*member = model.classes()[answers[i].label];
  }
}

Result<void> ItemReader::follow() {
  ZHIYIN_TRY(const std::int64_t announced, readings_.announced());
  if (announced == followed_ || announced == 0) return {};
  ZHIYIN_TRY(const auto vectors, readings_.vectors(encoder_name()));
  std::vector<recommend::TextVectors::Given> given;
  given.reserve(vectors.size());
  for (const auto& vector : vectors) {
    std::vector<std::int8_t> values(vector.values.size());
    std::memcpy(values.data(), vector.values.data(), values.size());
    if (given.empty() || values.size() == given[0].values.size())
      given.push_back({vector.item, std::move(values)});
  }
  std::shared_ptr<const recommend::TextVectors> texts;
  if (!given.empty()) {
    ZHIYIN_TRY(texts, recommend::TextVectors::create(
                          given[0].values.size(), given, recommend::TextVectors::kExactMax,
                          static_cast<int>(std::max(1U, std::thread::hardware_concurrency()))));
  }
  parts_.recommendations.set_texts(std::move(texts));
  parts_.logger.info("catalogue", "texts_serve", {{"items", given.size()}});
  followed_ = announced;
  return {};
}

}  // namespace zhiyin::server
