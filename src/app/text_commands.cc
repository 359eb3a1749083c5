#include "app/text_commands.h"

#include <fstream>
#include <iostream>
#include <memory>
#include <optional>
#include <sstream>

#include "app/number_argument.h"
#include "base/crypto.h"
#include "base/file.h"
#include "base/utf8.h"
#include "model/text_file.h"
#include "text/near_duplicate.h"
#include "text/personal_data.h"
#include "text/term_matcher.h"

namespace zhiyin::app {
namespace {

constexpr std::size_t kTextBytesMax = std::size_t{64} << 20;
constexpr std::size_t kTermFileBytesMax = std::size_t{1} << 30;

std::string text_of(const Json& args, std::string_view name) {
  return std::string(args[name].string_or(""));
}

/// The texts that a command is to work on, one after another.
class Texts {
 public:
  static Result<Texts> open(const Json& args) {
    Texts texts;
    texts.whole_ = args["whole"].bool_or(false);
    if (const auto* given = args["text"].if_string()) {
      texts.given_ = *given;
      return texts;
    }
    const std::string path = text_of(args, "input");
    if (path.empty() || path == "-") {
      texts.in_ = &std::cin;
      return texts;
    }
    std::error_code ignored;
    if (std::filesystem::is_directory(path, ignored))
      return fail_field("--input", "{} is a folder", path);
    if (path.ends_with(".gz") || path.ends_with(".zst")) {
      ZHIYIN_TRY(std::string bytes, model::read_text_file(path));
      texts.file_ = std::make_unique<std::istringstream>(std::move(bytes));
    } else {
      texts.file_ = std::make_unique<std::ifstream>(path, std::ios::binary);
      if (!*texts.file_) return fail(ErrorCode::kNotFound, "--input: {} cannot be read", path);
    }
    texts.in_ = texts.file_.get();
    return texts;
  }

  /// Nothing after the last.
  Result<std::optional<std::string>> next() {
    if (in_ == nullptr) return std::exchange(given_, std::nullopt);
    std::string text;
    ++line_;
    for (char c; in_->get(c);) {
      if (c == '\n' && !whole_) {
        if (text.ends_with('\r')) text.pop_back();
        return std::optional(std::move(text));
      }
      text += c;
      // A byte-order mark is no part of the first text.
      if (line_ == 1 && !begun_ && text.size() == kMark.size()) {
        begun_ = true;
        if (text == kMark) text.clear();
      }
      if (text.size() > kTextBytesMax)
        return fail(ErrorCode::kLimitReached, "line {}: longer than {} bytes", line_,
                    kTextBytesMax);
    }
    if (in_->bad()) return fail(ErrorCode::kUnavailable, "line {}: cannot be read", line_);
    if (text.empty()) return std::optional<std::string>();
    return std::optional(std::move(text));
  }

  /// Counted from 1.
  [[nodiscard]] std::size_t line() const { return line_; }

 private:
  static constexpr std::string_view kMark = "\xef\xbb\xbf";

  bool whole_ = false;
  bool begun_ = false;  // the first bytes are read
  std::optional<std::string> given_;
  std::unique_ptr<std::istream> file_;
  std::istream* in_ = nullptr;
  std::size_t line_ = 0;
};

Json place_json(std::size_t byte_begin, std::size_t byte_end, std::size_t begin, std::size_t end) {
  Json bytes = Json::array();
  bytes.push(byte_begin).push(byte_end);
  Json characters = Json::array();
  characters.push(begin).push(end);
  return Json().set("bytes", std::move(bytes)).set("characters", std::move(characters));
}

// match

Result<std::vector<text::Term>> terms_of(const std::string& path, std::string_view flag,
                                         bool allowed) {
  ZHIYIN_TRY(const std::string file, read_file(path, kTermFileBytesMax));
  auto terms = text::parse_terms(file, allowed);
  if (!terms) return std::unexpected(of_file(flag, path, terms.error()));
  return terms;
}

/// Compiles the lists that the flags name.
Result<text::TermMatcher> build_matcher(const Json& args) {
  const std::string path = text_of(args, "terms");
  if (path.empty()) return fail_field("--terms", "is missing: a file with one term a line");
  ZHIYIN_TRY(auto terms, terms_of(path, "terms", false));
  if (const std::string allow = text_of(args, "allow"); !allow.empty()) {
    ZHIYIN_TRY(auto allowed, terms_of(allow, "allow", true));
    terms.insert(terms.end(), allowed.begin(), allowed.end());
  }
  return text::TermMatcher::build(
      terms, {args["case-sensitive"].bool_or(false), args["whole-words"].bool_or(false)});
}

/// --terms may name a list or what `text compile` wrote.
Result<text::TermMatcher> matcher_of(const Json& args) {
  const std::string path = text_of(args, "terms");
  if (!path.empty()) {
    auto compiled = text::TermMatcher::load(path);
    for (const std::string_view flag : {"allow", "case-sensitive", "whole-words"}) {
      if (compiled && !args[flag].is_null())
        return fail_field(fmt::format("--{}", flag),
                          "is for a list: {} is compiled, with what text compile was told", path);
    }
    if (compiled || compiled.error().code == ErrorCode::kUnsupported) return compiled;
    // Another file than a compiled one is a list.
    std::ifstream file(path, std::ios::binary);
    std::string magic(7, '\0');
    file.read(magic.data(), static_cast<std::streamsize>(magic.size()));
    if (magic == "ZYTERMS") return compiled;
  }
  return build_matcher(args);
}

std::string show_hits(const Json& result) {
  std::string out = fmt::format("{}\n", result["text"].string_or(""));
  for (const Json& hit : *result["hits"].if_array()) {
    out += fmt::format("  {} → {}  ({}{}{}, severity {})\n", hit["found"].string_or(""),
                       hit["term"].string_or(""), hit["view"].string_or(""),
                       hit["category"].string_or("").empty() ? "" : ", ",
                       hit["category"].string_or(""), hit["severity"].int_or(0));
  }
  return out;
}

Result<TextTask> match_task(const Json& args) {
  ZHIYIN_TRY(auto matcher, matcher_of(args));
  text::FindOptions options;
  if (const std::string views = text_of(args, "views"); !views.empty()) {
    ZHIYIN_TRY(options.views, text::parse_views(views));
  }
  options.overlapping = args["overlapping"].bool_or(false);
  // Shared by the copies of the function.
  auto scanner = std::make_shared<text::TermScanner>(std::move(matcher));
  TextTask task;
  task.show = show_hits;
  task.run = [scanner, options](std::string_view text) -> Result<Json> {
    Json hits = Json::array();
    for (const text::TermHit& hit : scanner->find(text, options)) {
      const text::TermEntry term = scanner->matcher().term(hit.term);
      Json row = place_json(hit.byte_begin, hit.byte_end, hit.char_begin, hit.char_end);
      row.set("term", term.text)
          .set("category", term.category)
          .set("severity", term.severity)
          .set("view", text::kMatchViewNames[static_cast<std::size_t>(hit.view)])
          .set("found", utf8::cleaned(text.substr(hit.byte_begin, hit.byte_end - hit.byte_begin)));
      hits.push(std::move(row));
    }
    return Json().set("text", utf8::cleaned(text)).set("hits", std::move(hits));
  };
  return task;
}

Result<void> compile(const Json& args, bool json,
                     const std::function<void(std::string_view)>& out) {
  const std::string path = text_of(args, "output");
  if (path.empty()) return fail_field("--output", "is missing: where the compiled terms go");
  ZHIYIN_TRY(const auto matcher, build_matcher(args));
  ZHIYIN_TRY_VOID(matcher.save(path));
  const Json result =
      Json().set("output", path).set("terms", matcher.size()).set("bytes", matcher.bytes().size());
  out(json ? result.dump() + "\n"
           : fmt::format("Wrote {}: {} terms, {} bytes\n", path, matcher.size(),
                         matcher.bytes().size()));
  return {};
}

// mask

Json spans_json(std::string_view text, std::span<const text::PersonalSpan> spans) {
  Json out = Json::array();
  for (const text::PersonalSpan& span : spans) {
    Json row = place_json(span.byte_begin, span.byte_end, span.char_begin, span.char_end);
    row.set("kind", text::kPersonalKindNames[static_cast<std::size_t>(span.kind)])
        .set("value", utf8::cleaned(text.substr(span.byte_begin, span.byte_end - span.byte_begin)));
    out.push(std::move(row));
  }
  return out;
}

std::string random_nonce() {
  constexpr std::size_t kLength = 8;
  std::string nonce;
  const std::string bytes = crypto::random_bytes(kLength);
  for (const char c : bytes)
    nonce += "abcdefghijklmnopqrstuvwxyz234567"[static_cast<unsigned char>(c) % 32];
  return nonce;
}

Result<TextTask> mask_task(const Json& args) {
  const std::string style(args["style"].string_or("placeholder"));
  if (style != "placeholder" && style != "short")
    return fail_field("--style", "'{}' is neither placeholder nor short", style.substr(0, 40));
  ZHIYIN_TRY(auto made, text::PersonalMask::create(random_nonce()));
  auto mask = std::make_shared<text::PersonalMask>(std::move(made));
  TextTask task;
  task.show = [](const Json& result) { return std::string(result["masked"].string_or("")) + "\n"; };
  task.run = [mask, style](std::string_view given) -> Result<Json> {
    const std::string text = utf8::is_valid(given) ? std::string(given) : utf8::cleaned(given);
    const auto spans = text::find_personal_data(text);
    return Json()
        .set("masked", style == "short" ? text::shortened(text, spans) : mask->mask(text, spans))
        .set("found", spans_json(text, spans));
  };
  return task;
}

// duplicates

/// The index that --index names, or a new one.
Result<text::NearDuplicateIndex> duplicate_index(const Json& args) {
  text::NearDuplicateOptions options;
  ZHIYIN_TRY(const auto least, number_argument<double>(args, "similarity"));
  if (least && (*least < 0.3 || *least > 1))
    return fail_field("--similarity", "is {}, it goes from 0.3 to 1", *least);
  options.similarity_min = least.value_or(options.similarity_min);
  const std::string path = text_of(args, "index");
  if (path.empty()) return text::NearDuplicateIndex(options);
  auto known = text::NearDuplicateIndex::load(path);
  if (!known && known.error().code == ErrorCode::kNotFound)
    return text::NearDuplicateIndex(options);
  if (known && least && known->options().similarity_min != *least)
    return fail_field("--similarity", "is {}, the index in {} was made with {}", *least, path,
                      known->options().similarity_min);
  return known;
}

Result<TextTask> duplicates_task(const Json& args) {
  ZHIYIN_TRY(auto made, duplicate_index(args));
  const std::string path = text_of(args, "index");
  auto index = std::make_shared<text::NearDuplicateIndex>(std::move(made));
  TextTask task;
  task.show = [](const Json& result) {
    std::string out;
    for (const Json& near : *result["near"].if_array())
      out += fmt::format("line {} is like line {} ({:.2f})\n", result["line"].int_or(0),
                         near["line"].int_or(0), near["similarity"].number_or(0));
    return out;
  };
  task.run = [index](std::string_view text) -> Result<Json> {
    constexpr std::size_t kNearestMax = 10;
    Json near = Json::array();
    for (const text::NearDuplicate& found : index->find(text, kNearestMax))
      near.push(Json().set("line", found.text + 1).set("similarity", found.similarity));
    return Json().set("line", index->add(text) + 1).set("near", std::move(near));
  };
  if (!path.empty()) task.end = [index, path] { return index->save(path); };
  return task;
}

Result<TextTask> task_of(std::string_view words, const Json& args) {
  if (words == "text match") return match_task(args);
  if (words == "text mask") return mask_task(args);
  if (words == "text duplicates") return duplicates_task(args);
  return text_word_task(words, args);
}

}  // namespace

Error of_file(std::string_view flag, std::string_view path, Error error) {
  error.message = fmt::format("{}: {}", path, error.text());
  error.field = fmt::format("--{}", flag);
  return error;
}

std::vector<CommandSpec> text_command_specs() {
  const FlagSpec input{"input", "FILE",
                       "texts, one a line; plain, .gz or .zst; - or nothing: standard input"};
  const FlagSpec whole{"whole", "", "all of the input is one text"};
  const FlagSpec user{"user-words", "FILE",
                      "words to add: word, count and tag as in jieba's files"};
  const FlagSpec terms{"terms", "FILE",
                       "one term a line, then by tabs its category and severity 1-5"};
  const FlagSpec allow{"allow", "FILE", "words inside which no term counts, one a line"};
  const FlagSpec sensitive{"case-sensitive", "", "in the plain view"};
  const FlagSpec words{"whole-words", "", "terms of Latin letters only as whole words"};
  return {
      {"text segment",
       "[TEXT]",
       "Cut texts into words",
       "zhiyin text segment 我来到北京清华大学",
       {input,
        whole,
        user,
        {"mode", "MODE", "mix (default), dictionary, search or full"},
        {"tags", "", "with parts of speech"}}},
      {"text keywords",
       "[TEXT]",
       "Words that say what a text is about",
       "zhiyin text keywords --input titles.txt --count 5",
       {input,
        whole,
        user,
        {"count", "N", "how many (10)"},
        {"by", "WAY", "rarity (TF-IDF, default) or rank (TextRank)"}}},
      {"text summary",
       "[TEXT]",
       "The sentences that say most",
       "zhiyin text summary --whole --input article.txt",
       {input,
        whole,
        user,
        {"sentences", "N", "at most so many (3)"},
        {"characters", "N", "at most so many in all (300)"}}},
      {"text sentences",
       "[TEXT]",
       "Cut texts into sentences",
       "zhiyin text sentences --whole --input article.txt",
       {input, whole}},
      {"text language",
       "[TEXT]",
       "What a text is written in",
       "zhiyin text language 這是什麼",
       {input, whole}},
      {"text normalise",
       "[TEXT]",
       "Texts that mean the same made the same",
       "zhiyin text normalise ＡＢＣ繁體",
       {input,
        whole,
        {"emoji", "HOW", "keep (default), name or drop"},
        {"units", "", "one style for units behind numbers"}}},
      {"text match",
       "[TEXT]",
       "Find terms, disguised ones too",
       "zhiyin text match --terms words.tsv 加薇❤信",
       {input,
        whole,
        terms,
        allow,
        {"views", "LIST", "all (default), or of plain,mixed_script,noise,repeats,homophone,shape"},
        {"overlapping", "", "every occurrence of every term"},
        sensitive,
        words}},
      {"text compile",
       "",
       "Compile terms into a file that text match maps at once",
       "zhiyin text compile --terms words.tsv --output words.terms",
       {terms, allow, {"output", "FILE", "where the compiled terms go"}, sensitive, words}},
      {"text mask",
       "[TEXT]",
       "Find and mask personal data",
       "zhiyin text mask 电话13800138000",
       {input, whole, {"style", "STYLE", "placeholder (default) or short (138****8000)"}}},
      {"text duplicates",
       "[TEXT]",
       "For each text the earlier ones that are nearly the same",
       "zhiyin text duplicates --input comments.txt",
       {input,
        {"similarity", "X", "of short texts at least so much, 0.3 to 1 (0.7)"},
        {"index", "FILE", "go on with the texts of earlier calls, and keep these, too"}}},
  };
}

Result<void> run_text_command(std::string_view words, const Json& args, bool json,
                              const std::function<void(std::string_view)>& out) {
  if (words == "text compile") return compile(args, json, out);
  ZHIYIN_TRY(const TextTask task, task_of(words, args));
  ZHIYIN_TRY(Texts texts, Texts::open(args));
  for (;;) {
    ZHIYIN_TRY(const auto text, texts.next());
    if (!text) return task.end ? task.end() : Result<void>();
    auto result = task.run(*text);
    if (!result)
      return std::unexpected(within(fmt::format("line {}", texts.line()), result.error()));
    out(json ? result->dump() + "\n" : task.show(*result));
  }
}

}  // namespace zhiyin::app
