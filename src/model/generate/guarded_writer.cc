#include "model/generate/guarded_writer.h"

#include <algorithm>

#include "base/crypto.h"
#include "base/utf8.h"
#include "text/personal_data.h"

namespace zhiyin::model {
namespace {

constexpr std::size_t kNonceBytes = 16;
constexpr std::size_t kMaskBytes = 6;

/// Masks where people wrote, and where documents may quote them.
SlotValues masked(const PromptFile& prompt, const SlotValues& values, text::PersonalMask& mask) {
  SlotValues out = values;
  for (const PromptSlot& slot : prompt.slots()) {
    const bool of_others = slot.type == SlotType::kUserText || slot.type == SlotType::kKnowledge;
    const auto at = out.find(slot.name);
    if (of_others && at != out.end()) at->second = mask.mask(at->second);
  }
  return out;
}

std::vector<std::string> evidence_of(const GuardedRequest& request, const SlotValues& values) {
  std::vector<std::string> out;
  for (const PromptSlot& slot : request.prompt->slots()) {
    const auto at = values.find(slot.name);
    if (slot.type == SlotType::kKnowledge && at != values.end()) out.push_back(at->second);
  }
  for (const Fact& fact : request.facts) out.push_back(fact.name + "：" + fact.value);
  return out;
}

std::vector<std::string> texts_of_others(const GuardedRequest& request, const SlotValues& values) {
  std::vector<std::string> out;
  for (const PromptSlot& slot : request.prompt->slots()) {
    const auto at = values.find(slot.name);
    if (at != values.end()) out.push_back(at->second);
  }
  return out;
}

double coverage_of(std::string_view text, const std::vector<Fact>& facts) {
  if (facts.empty()) return 1;
  const auto stated = std::ranges::count_if(
      facts, [&](const Fact& fact) { return text.find(fact.value) != std::string_view::npos; });
  return static_cast<double>(stated) / static_cast<double>(facts.size());
}

std::size_t characters(std::string_view text) { return utf8::length(text); }

double removed_share(const CheckedText& checked) {
  std::size_t gone = 0;
  for (const RemovedSentence& one : checked.removed) gone += characters(one.text);
  const std::size_t all = gone + characters(checked.text);
  return all == 0 ? 0 : static_cast<double>(gone) / static_cast<double>(all);
}

/// Values of the answer's JSON are held to the evidence as a whole: a value cannot be cut out.
std::string json_refusal(const CheckedText& checked) {
  if (checked.removed.empty()) return {};
  return "it states what the evidence does not: " + checked.removed.front().reason;
}

}  // namespace

Result<GuardedText> GuardedWriter::write(const GuardedRequest& request) {
  if (request.prompt == nullptr) return fail_field("prompt", "is missing");
  GuardedText last;
  for (std::int64_t attempt = 0; attempt < std::max(1, policy_.attempts); ++attempt) {
    auto written = by_model(request, attempt);
    if (written) {
      written->cost_ufen += last.cost_ufen;
      if (written->refusal.empty()) return written;
      last = std::move(*written);
    } else {
      // What is wrong with the request stays wrong; anything else is a reason for the other writer.
      if (written.error().code == ErrorCode::kInvalidArgument) {
        return std::unexpected(written.error());
      }
      last.refusal = written.error().text();
      break;
    }
    if (request.cancel.stop_requested()) break;
  }
  return by_facts(request, std::move(last));
}

Result<GuardedText> GuardedWriter::by_model(const GuardedRequest& request, std::int64_t attempt) {
  ZHIYIN_TRY(auto mask, text::PersonalMask::create(crypto::hex(crypto::random_bytes(kMaskBytes))));
  const SlotValues values = masked(*request.prompt, request.slots, mask);
  const std::string variant =
      request.variant.empty() ? request.prompt->variant_for(request.unit).name : request.variant;
  ZHIYIN_TRY(
      RenderedPrompt prompt,
      request.prompt->render(values, variant, crypto::hex(crypto::random_bytes(kNonceBytes))));
  GenerateRequest asked;
  asked.messages = std::move(prompt.messages);
  asked.format = prompt.format;
  asked.tokens_max = prompt.tokens_max;
  asked.temperature = prompt.temperature;
  asked.purpose = prompt.purpose;
  if (request.seed) asked.seed = *request.seed + attempt;
  asked.deadline = request.deadline;
  asked.cancel = request.cancel;
  ZHIYIN_TRY(const Generation generation, generator_.generate(asked));

  GuardedText out;
  out.prompt_id = prompt.id;
  out.model = generation.model;
  out.version = generation.version;
  out.cost_ufen = generation.cost_ufen;
  out.evidence = evidence_of(request, values);
  if (generation.finish == FinishReason::kCancelled) {
    out.refusal = "it was cancelled";
    return out;
  }
  if (!generation.refusal.empty()) {
    constexpr std::size_t kShown = 200;
    out.refusal = fmt::format("it declines: {}", utf8::truncate(generation.refusal, kShown));
    return out;
  }
  std::vector<std::string> free = texts_of_others(request, values);
  for (const Fact& fact : request.facts) free.push_back(fact.value);
  if (generation.text.find(prompt.nonce) != std::string::npos) {
    out.refusal = "it repeats the fences";
    return out;
  }
  if (const std::string leak = find_leak(generation.text, prompt.secret, free); !leak.empty()) {
    out.refusal = fmt::format("it repeats its instructions: '{}'", leak);
    return out;
  }
  // What stands for somebody's own data may be said back to them.
  std::vector<std::string> evidence = out.evidence;
  evidence.emplace_back();
  for (const auto& [placeholder, value] : mask.entries()) evidence.back() += placeholder + "\n";
  CheckedText checked = check_evidence(generation.text, evidence, policy_.known_names);
  out.removed = checked.removed;
  if (prompt.format.kind != OutputFormat::Kind::kText) {
    out.refusal = json_refusal(checked);
    checked.text = generation.text;
  } else if (removed_share(checked) > policy_.removed_share_max || checked.text.empty()) {
    out.refusal = fmt::format("{:.0f} % of it has no evidence", removed_share(checked) * 100);
  }
  out.text = mask.unmask(checked.text);
  if (out.text == checked.text && out.refusal.empty()) out.spans = std::move(checked.spans);
  out.coverage = coverage_of(out.text, request.facts);
  if (out.refusal.empty() && out.coverage < policy_.coverage_min) {
    out.refusal = fmt::format("it states {:.0f} % of the facts", out.coverage * 100);
  }
  return out;
}

Result<GuardedText> GuardedWriter::by_facts(const GuardedRequest& request, GuardedText so_far) {
  if (request.facts.empty()) {
    return fail(ErrorCode::kDataLoss, "generator: its answer was not taken: {}", so_far.refusal);
  }
  CopyOrder order;
  order.facts = request.facts;
  order.length = std::clamp(request.length, CopyOrder::kLengthMin, CopyOrder::kLengthMax);
  order.seed = static_cast<std::uint64_t>(request.seed.value_or(0));
  ZHIYIN_TRY(const CopyText copy, write_copy(order));
  GuardedText out = std::move(so_far);
  out.source = GuardedText::Source::kGrounded;
  out.text = copy.text;
  out.model = "grounded";
  out.version = "1";
  out.coverage = coverage_of(copy.text, request.facts);
  out.evidence.clear();
  out.spans.clear();
  for (const Fact& fact : request.facts) out.evidence.push_back(fact.value);
  for (const FactSpan& span : copy.spans) {
    out.spans.push_back(
        {span.begin, span.end, span.fact, 0, request.facts[span.fact].value.size()});
  }
  return out;
}

}  // namespace zhiyin::model
