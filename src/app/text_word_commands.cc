#include <ranges>

#include "app/number_argument.h"
#include "app/text_commands.h"
#include "base/file.h"
#include "base/utf8.h"
#include "text/keywords.h"
#include "text/language.h"
#include "text/normalise.h"
#include "text/segment.h"
#include "text/sentence.h"
#include "text/summary.h"

namespace zhiyin::app {
namespace {

std::string part(std::string_view text, text::ByteRange range) {
  return utf8::cleaned(text.substr(range.begin, range.end - range.begin));
}

Json range_json(text::ByteRange range) {
  Json out = Json::array();
  out.push(range.begin).push(range.end);
  return out;
}

Result<text::Words> words_of(const Json& args) {
  text::Words words;
  ZHIYIN_TRY(words.dictionary, text::Dictionary::open_default());
  if (const auto* path = args["user-words"].if_string()) {
    ZHIYIN_TRY(const std::string file, read_file(*path, text::UserWords::kBytesMax));
    auto user = text::UserWords::parse(file, *words.dictionary);
    if (!user) return std::unexpected(of_file("user-words", *path, user.error()));
    words.user = std::move(*user);
  }
  return words;
}

Result<text::SegmentMode> mode_of(const Json& args) {
  const std::string_view name = args["mode"].string_or("mix");
  if (name == "mix") return text::SegmentMode::kMix;
  if (name == "dictionary") return text::SegmentMode::kDictionary;
  if (name == "search") return text::SegmentMode::kSearch;
  if (name == "full") return text::SegmentMode::kFull;
  return fail_field("--mode", "'{}' is none of mix, dictionary, search, full", name.substr(0, 40));
}

Result<TextTask> segment_task(const Json& args) {
  ZHIYIN_TRY(const text::Words words, words_of(args));
  ZHIYIN_TRY(const text::SegmentMode mode, mode_of(args));
  const bool tags = args["tags"].bool_or(false);
  // Shared by the copies of the function, as below.
  auto segmenter = std::make_shared<text::Segmenter>(words);
  TextTask task;
  task.run = [segmenter, mode, tags](std::string_view text) -> Result<Json> {
    ZHIYIN_TRY(const auto ranges, segmenter->cut(text, mode));
    Json out = Json::array();
    for (const text::ByteRange range : ranges) {
      Json word = Json().set("word", part(text, range)).set("bytes", range_json(range));
      if (tags)
        word.set("tag", text::tag_of(segmenter->words(),
                                     text.substr(range.begin, range.end - range.begin)));
      out.push(std::move(word));
    }
    return Json().set("words", std::move(out));
  };
  task.show = [](const Json& result) {
    std::string out;
    for (const Json& word : *result["words"].if_array()) {
      out += (out.empty() ? "" : " ") + std::string(word["word"].string_or(""));
      if (const auto* tag = word["tag"].if_string()) out += "/" + *tag;
    }
    return out + "\n";
  };
  return task;
}

constexpr std::size_t kPlacesMax = 100;  // of a keyword

Result<TextTask> keywords_task(const Json& args) {
  ZHIYIN_TRY(const text::Words words, words_of(args));
  ZHIYIN_TRY(const auto count, number_argument<std::size_t>(args, "count"));
  const std::string_view way = args["by"].string_or("rarity");
  if (way != "rarity" && way != "rank")
    return fail_field("--by", "'{}' is neither rarity nor rank", way.substr(0, 40));
  auto extractor = std::make_shared<text::KeywordExtractor>(words);
  TextTask task;
  task.run = [extractor, count = count.value_or(10),
              by_rank = way == "rank"](std::string_view text) -> Result<Json> {
    ZHIYIN_TRY(const auto keywords,
               by_rank ? extractor->by_rank(text, count) : extractor->by_rarity(text, count));
    Json out = Json::array();
    for (const text::Keyword& keyword : keywords) {
      Json places = Json::array();
      for (const text::ByteRange range : keyword.places | std::views::take(kPlacesMax))
        places.push(range_json(range));
      out.push(Json()
                   .set("word", utf8::cleaned(keyword.word))
                   .set("weight", keyword.weight)
                   .set("count", keyword.places.size())
                   .set("bytes", std::move(places)));
    }
    return Json().set("keywords", std::move(out));
  };
  task.show = [](const Json& result) {
    std::string out;
    for (const Json& keyword : *result["keywords"].if_array())
      out += fmt::format("{}{} {:.2f}", out.empty() ? "" : "  ", keyword["word"].string_or(""),
                         keyword["weight"].number_or(0));
    return out + "\n";
  };
  return task;
}

Result<TextTask> summary_task(const Json& args) {
  ZHIYIN_TRY(const text::Words words, words_of(args));
  ZHIYIN_TRY(const auto sentences, number_argument<std::size_t>(args, "sentences"));
  ZHIYIN_TRY(const auto characters, number_argument<std::size_t>(args, "characters"));
  text::SummaryOptions options;
  options.sentences_max = sentences.value_or(options.sentences_max);
  options.characters_max = characters.value_or(options.characters_max);
  auto summariser = std::make_shared<text::Summariser>(words);
  TextTask task;
  task.run = [summariser, options](std::string_view text) -> Result<Json> {
    ZHIYIN_TRY(const auto chosen, summariser->run(text, options));
    Json out = Json::array();
    for (const text::SummarySentence& sentence : chosen)
      out.push(Json()
                   .set("sentence", part(text, sentence.place))
                   .set("weight", sentence.weight)
                   .set("bytes", range_json(sentence.place)));
    return Json().set("summary", std::move(out));
  };
  task.show = [](const Json& result) {
    std::string out;
    for (const Json& row : *result["summary"].if_array())
      out += std::string(row["sentence"].string_or("")) + "\n";
    return out;
  };
  return task;
}

Result<TextTask> sentences_task() {
  TextTask task;
  task.run = [](std::string_view text) -> Result<Json> {
    ZHIYIN_TRY(const auto ranges, text::split_sentences(text));
    Json out = Json::array();
    for (const text::ByteRange range : ranges)
      out.push(Json().set("sentence", part(text, range)).set("bytes", range_json(range)));
    return Json().set("sentences", std::move(out));
  };
  task.show = [](const Json& result) {
    std::string out;
    for (const Json& row : *result["sentences"].if_array())
      out += std::string(row["sentence"].string_or("")) + "\n";
    return out;
  };
  return task;
}

Result<TextTask> language_task() {
  TextTask task;
  task.run = [](std::string_view text) -> Result<Json> {
    const text::LanguageGuess guess = text::guess_language(text);
    return Json()
        .set("language", text::language_name(guess.language))
        .set("confidence", guess.confidence);
  };
  task.show = [](const Json& result) {
    return fmt::format("{} {:.2f}\n", result["language"].string_or(""),
                       result["confidence"].number_or(0));
  };
  return task;
}

Result<TextTask> normalise_task(const Json& args) {
  text::NormaliseOptions options;
  const std::string_view emoji = args["emoji"].string_or("keep");
  using Emoji = text::NormaliseOptions::Emoji;
  if (emoji != "keep" && emoji != "name" && emoji != "drop")
    return fail_field("--emoji", "'{}' is none of keep, name, drop", emoji.substr(0, 40));
  options.emoji = emoji == "keep" ? Emoji::kKeep : emoji == "name" ? Emoji::kName : Emoji::kDrop;
  options.unit_styles = args["units"].bool_or(false);
  TextTask task;
  task.run = [normaliser = text::Normaliser(options)](std::string_view text) -> Result<Json> {
    ZHIYIN_TRY(auto normalised, normaliser.run(text));
    return Json().set("text", std::move(normalised.text));
  };
  task.show = [](const Json& result) { return std::string(result["text"].string_or("")) + "\n"; };
  return task;
}

}  // namespace

Result<TextTask> text_word_task(std::string_view words, const Json& args) {
  if (words == "text segment") return segment_task(args);
  if (words == "text keywords") return keywords_task(args);
  if (words == "text summary") return summary_task(args);
  if (words == "text sentences") return sentences_task();
  if (words == "text language") return language_task();
  return normalise_task(args);
}

}  // namespace zhiyin::app
