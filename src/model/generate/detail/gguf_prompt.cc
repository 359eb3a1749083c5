#include "model/generate/detail/gguf_prompt.h"

#include "base/crypto.h"

namespace zhiyin::model {
namespace {

const char* role_name(ChatRole role) {
  switch (role) {
    case ChatRole::kSystem:
      return "system";
    case ChatRole::kAssistant:
      return "assistant";
    case ChatRole::kUser:
    case ChatRole::kTool:
      break;
  }
  return "user";
}

void add_tokens(const LlamaLibrary& llama, const llama_vocab* vocab, std::string_view text,
                bool first, bool special, std::vector<llama_token>& out) {
  if (text.empty() && !first) return;
  const auto size = static_cast<std::int32_t>(text.size());
  std::vector<llama_token> tokens(text.size() + 2);
  std::int32_t n = llama.llama_tokenize(vocab, text.data(), size, tokens.data(),
                                        static_cast<std::int32_t>(tokens.size()), first, special);
  if (n < 0) {  // the negative count: too little room
    tokens.resize(static_cast<std::size_t>(-n));
    n = llama.llama_tokenize(vocab, text.data(), size, tokens.data(),
                             static_cast<std::int32_t>(tokens.size()), first, special);
  }
  out.insert(out.end(), tokens.begin(), tokens.begin() + std::max(0, n));
}

/// The template around marks that stand for the messages' texts.
Result<std::string> templated(const LlamaLibrary& llama, const char* chat_template,
                              const std::vector<ChatMessage>& messages,
                              const std::vector<std::string>& marks) {
  std::vector<llama_chat_message> chat;
  for (std::size_t i = 0; i < messages.size(); ++i) {
    chat.push_back({role_name(messages[i].role), marks[i].c_str()});
  }
  std::string text(4096, '\0');
  for (int round = 0; round < 2; ++round) {
    const std::int32_t n =
        llama.llama_chat_apply_template(chat_template, chat.data(), chat.size(), true, text.data(),
                                        static_cast<std::int32_t>(text.size()));
    if (n < 0) break;
    const auto size = static_cast<std::size_t>(n);
    const bool fits = size <= text.size();
    text.resize(size);
    if (fits) return text;
  }
  return fail(ErrorCode::kUnsupported, "GGUF model: its chat template is none that is known");
}

/// For base models.
std::string transcript(const std::vector<ChatMessage>& messages,
                       const std::vector<std::string>& marks) {
  std::string out;
  for (std::size_t i = 0; i < messages.size(); ++i) {
    out += std::string(role_name(messages[i].role)) + ": " + marks[i] + "\n";
  }
  return out + "assistant:";
}

}  // namespace

Result<std::vector<llama_token>> prompt_tokens(const LlamaLibrary& llama, const llama_model* model,
                                               const std::vector<ChatMessage>& messages) {
  const llama_vocab* vocab = llama.llama_model_get_vocab(model);
  const std::string nonce = crypto::hex(crypto::random_bytes(8));
  std::vector<std::string> marks;
  for (std::size_t i = 0; i < messages.size(); ++i) {
    marks.push_back(fmt::format("{}x{}x", nonce, i));
  }
  const char* chat_template = llama.llama_model_chat_template(model, nullptr);
  std::string frame = transcript(messages, marks);
  if (chat_template != nullptr) {
    ZHIYIN_TRY(frame, templated(llama, chat_template, messages, marks));
  }
  std::vector<llama_token> out;
  std::string_view rest = frame;
  bool first = true;
  for (std::size_t i = 0; i < messages.size(); ++i) {
    const std::size_t at = rest.find(marks[i]);
    if (at == std::string_view::npos) continue;  // a template that drops system messages
    add_tokens(llama, vocab, rest.substr(0, at), first, true, out);
    add_tokens(llama, vocab, messages[i].content, false, false, out);
    first = false;
    rest.remove_prefix(at + marks[i].size());
  }
  add_tokens(llama, vocab, rest, first, true, out);
  return out;
}

}  // namespace zhiyin::model
