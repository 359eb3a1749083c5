#include "model/generate/grammar.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>

#include "text/code_point.h"

namespace zhiyin::model {
namespace {

using Kind = GrammarPart::Kind;
constexpr std::size_t kNever = std::numeric_limits<std::size_t>::max() / 4;
constexpr std::size_t kDrawnMax = 8;  // of a repetition, above its least

std::string in_quotes(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (byte < 0x20 || byte == 0x7f) {
      fmt::format_to(std::back_inserter(out), "\\x{:02X}", byte);
    } else {
      out += c;
    }
  }
  return out + "\"";
}

std::string class_end(char32_t c) {
  const auto code = static_cast<std::uint32_t>(c);
  if (code < 0x80) return fmt::format("\\x{:02X}", code);
  if (code < 0x10000) return fmt::format("\\u{:04X}", code);
  return fmt::format("\\U{:08X}", code);
}

}  // namespace

GrammarPart GrammarPart::literal(std::string_view text) {
  GrammarPart part;
  part.kind = Kind::kText;
  part.text = text;
  return part;
}

GrammarPart GrammarPart::character(std::vector<Range> ranges) {
  GrammarPart part;
  part.kind = Kind::kCharacter;
  part.ranges = std::move(ranges);
  return part;
}

GrammarPart GrammarPart::reference(std::size_t rule) {
  GrammarPart part;
  part.kind = Kind::kRule;
  part.rule = rule;
  return part;
}

GrammarPart GrammarPart::sequence(std::vector<GrammarPart> parts) {
  GrammarPart part;
  part.kind = Kind::kSequence;
  part.parts = std::move(parts);
  return part;
}

GrammarPart GrammarPart::choice(std::vector<GrammarPart> parts) {
  GrammarPart part;
  part.kind = Kind::kChoice;
  part.parts = std::move(parts);
  return part;
}

GrammarPart GrammarPart::repeat(GrammarPart repeated, std::size_t least, std::size_t most) {
  GrammarPart part;
  part.kind = Kind::kRepeat;
  part.parts.push_back(std::move(repeated));
  part.least = least;
  part.most = most;
  return part;
}

std::size_t Grammar::add(std::string name) {
  rules_.push_back({std::move(name), {}});
  return rules_.size() - 1;
}

std::string Grammar::to_gbnf() const {
  std::string out;
  for (std::size_t i = 0; i < rules_.size(); ++i) {
    out += i == 0 ? "root" : rules_[i].name;
    out += " ::= ";
    write(out, rules_[i].part, false);
    out += '\n';
  }
  return out;
}

void Grammar::write(std::string& out, const GrammarPart& part, bool inside) const {
  switch (part.kind) {
    case Kind::kText:
      out += in_quotes(part.text);
      return;
    case Kind::kRule:
      out += part.rule == 0 ? "root" : rules_[part.rule].name;
      return;
    case Kind::kCharacter:
      out += '[';
      for (const auto& [from, to] : part.ranges) {
        out += class_end(from);
        if (to != from) out += "-" + class_end(to);
      }
      out += ']';
      return;
    case Kind::kRepeat:
      out += '(';
      write(out, part.parts[0], false);
      fmt::format_to(std::back_inserter(out), "){{{},{}}}", part.least, part.most);
      return;
    case Kind::kSequence:
    case Kind::kChoice:
      break;
  }
  if (part.parts.empty()) {
    out += "\"\"";
    return;
  }
  if (inside) out += '(';
  for (std::size_t i = 0; i < part.parts.size(); ++i) {
    if (i > 0) out += part.kind == Kind::kChoice ? " | " : " ";
    write(out, part.parts[i], true);
  }
  if (inside) out += ')';
}

/// How many rules deep the shortest text of a part goes.
std::size_t Grammar::height(const GrammarPart& part,
                            const std::vector<std::size_t>& heights) const {
  std::size_t worst = 0;
  std::size_t best = kNever;
  switch (part.kind) {
    case Kind::kText:
    case Kind::kCharacter:
      return 0;
    case Kind::kRule:
      return std::min(kNever, heights[part.rule] + 1);
    case Kind::kRepeat:
      return part.least == 0 ? 0 : height(part.parts[0], heights);
    case Kind::kSequence:
      for (const GrammarPart& one : part.parts) worst = std::max(worst, height(one, heights));
      return worst;
    case Kind::kChoice:
      for (const GrammarPart& one : part.parts) best = std::min(best, height(one, heights));
      return best;
  }
  return 0;
}

std::string Grammar::sample(Random& random, std::size_t depth_max) const {
  std::vector<std::size_t> heights(rules_.size(), kNever);
  for (bool changed = true; changed;) {  // each round settles at least one rule
    changed = false;
    for (std::size_t i = 0; i < rules_.size(); ++i) {
      const std::size_t h = height(rules_[i].part, heights);
      changed = changed || h < heights[i];
      heights[i] = std::min(heights[i], h);
    }
  }
  std::string out;
  draw(out, rules_[0].part, random, 0, depth_max, heights);
  return out;
}

void Grammar::draw(std::string& out, const GrammarPart& part, Random& random, std::size_t depth,
                   std::size_t depth_max, const std::vector<std::size_t>& heights) const {
  const bool shortest = depth >= depth_max;
  switch (part.kind) {
    case Kind::kText:
      out += part.text;
      return;
    case Kind::kRule:
      draw(out, rules_[part.rule].part, random, depth + 1, depth_max, heights);
      return;
    case Kind::kCharacter: {
      const auto& [from, to] = part.ranges[random.below(part.ranges.size())];
      text::append_utf8(out, from + static_cast<char32_t>(random.below(to - from + 1UL)));
      return;
    }
    case Kind::kSequence:
      for (const GrammarPart& one : part.parts) {
        draw(out, one, random, depth, depth_max, heights);
      }
      return;
    case Kind::kRepeat: {
      const std::size_t room = std::min(part.most - part.least, kDrawnMax);
      const std::size_t n = part.least + (shortest ? 0 : random.below(room + 1));
      for (std::size_t i = 0; i < n; ++i) {
        draw(out, part.parts[0], random, depth, depth_max, heights);
      }
      return;
    }
    case Kind::kChoice: {
      std::size_t at = random.below(part.parts.size());
      if (shortest) {
        const auto best = std::ranges::min_element(
            part.parts, {}, [&](const GrammarPart& one) { return height(one, heights); });
        at = static_cast<std::size_t>(best - part.parts.begin());
      }
      draw(out, part.parts[at], random, depth, depth_max, heights);
      return;
    }
  }
}

}  // namespace zhiyin::model
