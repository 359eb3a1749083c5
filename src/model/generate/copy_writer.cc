#include "model/generate/copy_writer.h"

#include <algorithm>
#include <charconv>
#include <optional>
#include <set>

#include "base/crypto.h"
#include "base/random.h"
#include "base/utf8.h"
#include "model/generate/copy_patterns.h"
#include "model/generate/text_sink.h"

namespace zhiyin::model {
namespace {

constexpr std::string_view kComma = "，";
constexpr std::string_view kSemicolon = "；";
constexpr std::string_view kStop = "。";

/// A part of the text and the fact that it states, if any.
struct Clause {
  std::string text;
  std::optional<std::size_t> fact;
  std::size_t value_at = 0;  // where in `text`
  std::size_t value_bytes = 0;
  bool remark = false;   // belongs to the clause before it
  bool closing = false;  // a sentence of its own
};

Clause fill(std::string_view pattern, const Fact& fact, std::size_t index) {
  Clause clause;
  clause.fact = index;
  for (std::size_t at = 0; at < pattern.size();) {
    const std::string_view rest = pattern.substr(at);
    if (rest.starts_with("{v}")) {
      clause.value_at = clause.text.size();
      clause.value_bytes = fact.value.size();
      clause.text += fact.value;
    } else if (rest.starts_with("{k}")) {
      clause.text += fact.name;
    } else {
      clause.text += pattern[at];
      ++at;
      continue;
    }
    at += 3;
  }
  return clause;
}

/// Draws without repeating until all were drawn.
class Deck {
 public:
  Deck(std::span<const std::string_view> texts, Random& random)
      : cards_(texts.begin(), texts.end()), random_(random) {}
  std::string_view draw() {
    if (left_ == 0) left_ = cards_.size();
    std::swap(cards_[random_.below(left_)], cards_[left_ - 1]);
    return cards_[--left_];
  }

 private:
  std::vector<std::string_view> cards_;
  std::size_t left_ = 0;
  Random& random_;
};

class Writer {
 public:
  explicit Writer(const CopyOrder& order)
      : order_(order),
        random_(seed_of(order)),
        remarks_(remarks(), random_),
        closings_(closings(), random_) {}

  CopyText write() {
    state_facts();
    while (length() < order_.length && lengthen()) {
    }
    return joined();
  }

 private:
  static std::uint64_t seed_of(const CopyOrder& order) {
    std::string all = std::to_string(order.seed);
    for (const Fact& fact : order.facts) all += '\0' + fact.name + '\0' + fact.value;
    return crypto::xxh64(all);
  }

  /// The type first, as the opening; the rest in order, but what is about the same thing together.
  void state_facts() {
    std::vector<std::size_t> queue(order_.facts.size());
    for (std::size_t i = 0; i < queue.size(); ++i) queue[i] = i;
    const auto type = std::ranges::find_if(
        queue, [&](std::size_t i) { return fact_kind(order_.facts[i].name) == FactKind::kType; });
    if (type != queue.end()) {
      const std::size_t index = *type;
      queue.erase(type);
      add(fill(openings()[random_.below(openings().size())], order_.facts[index], index));
    }
    for (const std::size_t index : queue) {
      const Fact& fact = order_.facts[index];
      if (already_said(fact)) continue;
      Clause clause = fill(pick(fact), fact, index);
      if (!add(std::move(clause)) && !add(fill("{v}", fact, index))) left_out_.push_back(index);
    }
  }

  /// The same value twice (of two attributes) is said once.
  bool already_said(const Fact& fact) const {
    return std::ranges::any_of(clauses_, [&](const Clause& clause) {
      return clause.fact && order_.facts[*clause.fact].value == fact.value;
    });
  }

  /// A clause that this text has not used yet; a short one where room is scarce.
  std::string_view pick(const Fact& fact) {
    constexpr std::size_t kRoomy = 9;  // characters of a usual clause and its value
    const bool scarce = order_.facts.size() * kRoomy > order_.length;
    const auto texts = clauses(fact_kind(fact.name));
    std::string_view chosen = texts[random_.below(texts.size())];
    for (int i = 0; i < 4; ++i) {
      const std::string_view other = texts[random_.below(texts.size())];
      if (used_.contains(chosen) || (scarce && other.size() < chosen.size())) chosen = other;
    }
    used_.insert(chosen);
    return chosen;
  }

  bool add(Clause clause) {
    const std::size_t more = utf8::length(clause.text) + 1;
    if (order_.length_max > 0 && length() + more > order_.length_max) return false;
    length_ += more;
    clauses_.push_back(std::move(clause));
    return true;
  }

  std::size_t length() const { return length_; }

  /// A remark after a clause that has none, or a closing sentence; false when neither fits.
  bool lengthen() {
    constexpr std::size_t kSlack = 4;
    const std::size_t missing = order_.length - length();
    const bool many = missing > 24 || random_.below(3) == 0;
    if (many) {
      const std::string_view sentence = random_.below(2) == 0 ? closings_.draw() : musing();
      if (utf8::length(sentence) <= missing + kSlack && used_.insert(sentence).second) {
        return add_sentence(sentence);
      }
    }
    std::vector<std::size_t> bare;
    for (std::size_t i = 0; i < clauses_.size(); ++i) {
      const bool has_one = i + 1 < clauses_.size() && clauses_[i + 1].remark;
      if (clauses_[i].fact && !has_one) bare.push_back(i);
    }
    Clause clause;
    clause.text = remarks_.draw();
    clause.remark = true;
    const std::size_t more = utf8::length(clause.text) + 1;
    if (bare.empty() || more > missing + kSlack) return false;
    if (order_.length_max > 0 && length() + more > order_.length_max) return false;
    const std::size_t after = bare[random_.below(bare.size())];
    clauses_.insert(clauses_.begin() + static_cast<std::ptrdiff_t>(after) + 1, std::move(clause));
    length_ += more;
    return true;
  }

  /// A thought about one of the attributes that the text states.
  std::string_view musing() {
    const Fact& fact = order_.facts[random_.below(order_.facts.size())];
    const auto texts = musings(fact_kind(fact.name));
    return texts[random_.below(texts.size())];
  }

  bool add_sentence(std::string_view sentence) {
    Clause clause;
    clause.text = sentence;
    clause.closing = true;
    return add(std::move(clause));
  }

  /// Clauses with commas between them, two to four in a sentence.
  CopyText joined() {
    CopyText out;
    out.left_out = left_out_;
    std::size_t in_sentence = 0;
    std::size_t wanted = 2 + random_.below(3);
    for (std::size_t i = 0; i < clauses_.size(); ++i) {
      const Clause& clause = clauses_[i];
      if (clause.fact) {
        const std::size_t begin = out.text.size() + clause.value_at;
        out.spans.push_back({*clause.fact, begin, begin + clause.value_bytes});
      }
      out.text += clause.text;
      ++in_sentence;
      const bool last = i + 1 == clauses_.size();
      const bool next_alone = !last && clauses_[i + 1].closing;
      const bool next_belongs = !last && clauses_[i + 1].remark;
      if (last || clause.closing || next_alone || (in_sentence >= wanted && !next_belongs)) {
        out.text += kStop;
        in_sentence = 0;
        wanted = 2 + random_.below(3);
      } else {
        out.text += !next_belongs && random_.below(5) == 0 ? kSemicolon : kComma;
      }
    }
    return out;
  }

  const CopyOrder& order_;
  Random random_;
  Deck remarks_;
  Deck closings_;
  std::vector<Clause> clauses_;
  std::vector<std::size_t> left_out_;
  std::set<std::string_view> used_;
  std::size_t length_ = 0;
};

Result<void> check_order(const CopyOrder& order) {
  if (order.facts.empty() || order.facts.size() > CopyOrder::kFactsMax) {
    return fail_field("facts", "{} facts, 1 to {} are expected", order.facts.size(),
                      CopyOrder::kFactsMax);
  }
  for (std::size_t i = 0; i < order.facts.size(); ++i) {
    for (const auto& [what, text] :
         {std::pair("name", &order.facts[i].name), std::pair("value", &order.facts[i].value)}) {
      const bool printable = std::ranges::none_of(
          *text, [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; });
      if (text->empty() || text->size() > CopyOrder::kFactBytesMax || !utf8::is_valid(*text) ||
          !printable) {
        return fail_field(fmt::format("facts[{}].{}", i, what),
                          "is empty, longer than {} bytes, or not printable UTF-8",
                          CopyOrder::kFactBytesMax);
      }
    }
  }
  if (order.length < CopyOrder::kLengthMin || order.length > CopyOrder::kLengthMax) {
    return fail_field("length", "{} is not between {} and {}", order.length, CopyOrder::kLengthMin,
                      CopyOrder::kLengthMax);
  }
  if (order.length_max > 0 && order.length_max < order.length) {
    return fail_field("length_max", "{} is below the length {}", order.length_max, order.length);
  }
  return {};
}

std::string_view trimmed(std::string_view text) {
  const auto is_space = [](char c) { return c == ' ' || c == '\t' || c == '\r'; };
  while (!text.empty() && is_space(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_space(text.back())) text.remove_suffix(1);
  return text;
}

/// Splits at the first of `separators`; two empty parts when there is none.
std::pair<std::string_view, std::string_view> split(
    std::string_view text, std::initializer_list<std::string_view> separators) {
  std::size_t at = std::string_view::npos;
  std::size_t width = 0;
  for (const std::string_view separator : separators) {
    const std::size_t found = text.find(separator);
    if (found < at) {
      at = found;
      width = separator.size();
    }
  }
  if (at == std::string_view::npos) return {};
  return {trimmed(text.substr(0, at)), trimmed(text.substr(at + width))};
}

void add_values(std::vector<Fact>& facts, std::string_view name, std::string_view values) {
  while (!values.empty()) {
    const std::size_t end = values.find("、");
    const std::string_view value = trimmed(values.substr(0, end));
    if (!value.empty()) facts.push_back({std::string(name), std::string(value)});
    if (end == std::string_view::npos) return;
    values.remove_prefix(end + std::string_view("、").size());
  }
}

/// `字数：80`.
std::size_t asked_length(std::vector<Fact>& facts, int tokens_max) {
  constexpr std::size_t kDefault = 120;
  std::size_t length = std::min(kDefault, static_cast<std::size_t>(tokens_max));
  std::erase_if(facts, [&](const Fact& fact) {
    if (fact.name != "字数") return false;
    std::size_t n = 0;
    const char* end = fact.value.data() + fact.value.size();
    if (std::from_chars(fact.value.data(), end, n).ec == std::errc()) {
      length = std::min(n, static_cast<std::size_t>(tokens_max));
    }
    return true;
  });
  return std::clamp(length, CopyOrder::kLengthMin, CopyOrder::kLengthMax);
}

/// Bytes of the text that have at most `tokens_max` estimated tokens; never half a value, which
/// would say something else.
std::size_t cut_of(const CopyText& copy, int tokens_max) {
  if (estimated_tokens(copy.text) <= tokens_max) return copy.text.size();
  std::size_t cut = 0;
  for (std::size_t at = 0; at < copy.text.size();) {
    std::size_t next = at + 1;
    while (next < copy.text.size() && (copy.text[next] & 0xC0) == 0x80) ++next;
    if (estimated_tokens(std::string_view(copy.text).substr(0, next)) > tokens_max) break;
    cut = at = next;
  }
  for (const FactSpan& span : copy.spans) {
    if (span.begin < cut && cut < span.end) cut = span.begin;
  }
  return cut;
}

}  // namespace

Result<CopyText> write_copy(const CopyOrder& order) {
  ZHIYIN_TRY_VOID(check_order(order));
  return Writer(order).write();
}

std::vector<Fact> parse_facts(std::string_view text) {
  std::vector<Fact> facts;
  while (!text.empty() && facts.size() < CopyOrder::kFactsMax) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    std::string_view line = trimmed(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
    while (line.starts_with("- ")) line = trimmed(line.substr(2));
    if (line.find('#') != std::string_view::npos && line.find('*') != std::string_view::npos) {
      for (std::string_view rest = line; !rest.empty();) {
        const std::size_t star = std::min(rest.find('*'), rest.size());
        const auto [name, value] = split(rest.substr(0, star), {"#"});
        if (!name.empty()) add_values(facts, name, value);
        rest.remove_prefix(std::min(star + 1, rest.size()));
      }
      continue;
    }
    const auto [name, value] = split(line, {"：", ":", "#"});
    if (!name.empty() && !value.empty()) add_values(facts, name, value);
  }
  if (facts.size() > CopyOrder::kFactsMax) facts.resize(CopyOrder::kFactsMax);
  return facts;
}

Result<Generation> CopyGenerator::generate(const GenerateRequest& request, const OnText& on_text) {
  ZHIYIN_TRY_VOID(check(request));
  if (request.format.kind != OutputFormat::Kind::kText || !request.tools.empty()) {
    return fail(ErrorCode::kUnsupported, "grounded writer: no schemas and no tools");
  }
  const auto last = std::ranges::find(request.messages.rbegin(), request.messages.rend(),
                                      ChatRole::kUser, &ChatMessage::role);
  CopyOrder order;
  if (last != request.messages.rend()) order.facts = parse_facts(last->content);
  order.length = asked_length(order.facts, request.tokens_max);
  if (order.facts.empty()) {
    return fail_field("messages", "the last user message holds no fact in the form 名称：值");
  }
  order.seed = static_cast<std::uint64_t>(request.seed.value_or(0));
  ZHIYIN_TRY(const CopyText copy, write_copy(order));
  TextSink sink(request, on_text);
  const std::size_t end = cut_of(copy, request.tokens_max);
  sink.feed(std::string_view(copy.text).substr(0, end));
  Generation generation =
      sink.finish(end < copy.text.size() ? FinishReason::kLength : FinishReason::kStop);
  generation.model = name();
  generation.version = "1";
  generation.usage = {estimated_tokens(request.messages), estimated_tokens(generation.text), true};
  return generation;
}

}  // namespace zhiyin::model
