#pragma once

#include <cstring>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/random.h"
#include "model/generate/copy_patterns.h"

namespace zhiyin::model {

/// A GGUF file for tests: architecture llama, one block, random weights from a fixed seed. It is a
/// fixture and writes nonsense; its byte tokens make half characters, which tests the assembler.
class TinyGguf {
 public:
  /// The bytes of the file.
  static std::string make(std::uint32_t context = 512) {
    TinyGguf out;
    out.collect_tokens();
    out.write_head(context);
    return std::move(out.bytes_);
  }

 private:
  static constexpr std::uint64_t kWidth = 64;
  static constexpr std::uint64_t kInner = 128;
  static constexpr std::size_t kAlign = 32;
  enum Type : std::uint32_t { kU32 = 4, kI32 = 5, kF32 = 6, kBool = 7, kString = 8, kArray = 9 };
  struct Token {
    std::string text;
    std::int32_t type;  // 1 normal, 2 unknown, 3 control, 6 byte
  };

  void collect_tokens() {
    tokens_ = {{"<unk>", 2}, {"<s>", 3}, {"</s>", 3}};
    for (int i = 0; i < 256; ++i) tokens_.push_back({fmt::format("<0x{:02X}>", i), 6});
    tokens_.push_back({"\xe2\x96\x81", 1});
    for (char c = '!'; c <= '~'; ++c) tokens_.push_back({std::string(1, c), 1});
    std::set<std::string> seen;
    const auto add = [&](std::span<const std::string_view> texts) {
      for (const std::string_view text : texts) {
        for (std::size_t at = 0; at < text.size();) {
          const bool wide = static_cast<unsigned char>(text[at]) >= 0xe0;
          if (wide && seen.insert(std::string(text.substr(at, 3))).second && seen.size() < 391) {
            tokens_.push_back({std::string(text.substr(at, 3)), 1});
          }
          at += wide ? 3 : 1;
        }
      }
    };
    add(closings());
    add(openings());
    add(remarks());
  }

  template <class T>
  void put(T value) {
    bytes_.append(reinterpret_cast<const char*>(&value), sizeof value);
  }
  void put_text(std::string_view text) {
    put<std::uint64_t>(text.size());
    bytes_ += text;
  }
  template <class T>
  void pair(std::string_view key, Type type, T value) {
    put_text(key);
    put<std::uint32_t>(type);
    if constexpr (std::is_same_v<T, const char*>) {
      put_text(value);
    } else {
      put(value);
    }
    ++pairs_;
  }
  void array(std::string_view key, Type type) {
    put_text(key);
    put<std::uint32_t>(kArray);
    put<std::uint32_t>(type);
    put<std::uint64_t>(tokens_.size());
    ++pairs_;
  }

  void tensor(std::string_view name, std::vector<std::uint64_t> shape, bool ones = false) {
    put_text(name);
    put<std::uint32_t>(static_cast<std::uint32_t>(shape.size()));
    std::uint64_t n = 1;
    for (const std::uint64_t d : shape) {
      put(d);
      n *= d;
    }
    put<std::uint32_t>(0);  // f32
    put<std::uint64_t>(weights_.size());
    for (std::uint64_t i = 0; i < n; ++i) {
      const float value = ones ? 1.0F : static_cast<float>(0.3 * random_.normal());
      weights_.append(reinterpret_cast<const char*>(&value), sizeof value);
    }
    weights_.resize((weights_.size() + kAlign - 1) / kAlign * kAlign);
    ++tensors_;
  }

  void write_head(std::uint32_t context) {
    bytes_ = "GGUF";
    put<std::uint32_t>(3);
    const std::size_t counts_at = bytes_.size();
    put<std::uint64_t>(0);
    put<std::uint64_t>(0);
    pair("general.architecture", kString, "llama");
    pair("general.name", kString, "tiny random test model");
    pair("llama.context_length", kU32, context);
    pair("llama.embedding_length", kU32, static_cast<std::uint32_t>(kWidth));
    pair("llama.block_count", kU32, std::uint32_t{1});
    pair("llama.feed_forward_length", kU32, static_cast<std::uint32_t>(kInner));
    pair("llama.attention.head_count", kU32, std::uint32_t{4});
    pair("llama.attention.layer_norm_rms_epsilon", kF32, 1e-5F);
    pair("llama.rope.dimension_count", kU32, std::uint32_t{16});
    pair("tokenizer.ggml.model", kString, "llama");
    array("tokenizer.ggml.tokens", kString);
    for (const Token& token : tokens_) put_text(token.text);
    array("tokenizer.ggml.scores", kF32);
    for (std::size_t i = 0; i < tokens_.size(); ++i) put(-static_cast<float>(i));
    array("tokenizer.ggml.token_type", kI32);
    for (const Token& token : tokens_) put(token.type);
    pair("tokenizer.ggml.bos_token_id", kU32, std::uint32_t{1});
    pair("tokenizer.ggml.eos_token_id", kU32, std::uint32_t{2});
    pair("tokenizer.ggml.unknown_token_id", kU32, std::uint32_t{0});
    tensor("token_embd.weight", {kWidth, tokens_.size()});
    tensor("blk.0.attn_norm.weight", {kWidth}, true);
    for (const char* name : {"q", "k", "v", "output"}) {
      tensor(fmt::format("blk.0.attn_{}.weight", name), {kWidth, kWidth});
    }
    tensor("blk.0.ffn_norm.weight", {kWidth}, true);
    tensor("blk.0.ffn_gate.weight", {kWidth, kInner});
    tensor("blk.0.ffn_up.weight", {kWidth, kInner});
    tensor("blk.0.ffn_down.weight", {kInner, kWidth});
    tensor("output_norm.weight", {kWidth}, true);
    tensor("output.weight", {kWidth, tokens_.size()});
    std::memcpy(bytes_.data() + counts_at, &tensors_, sizeof tensors_);
    std::memcpy(bytes_.data() + counts_at + sizeof tensors_, &pairs_, sizeof pairs_);
    bytes_.resize((bytes_.size() + kAlign - 1) / kAlign * kAlign);
    bytes_ += weights_;
  }

  std::vector<Token> tokens_;
  std::string bytes_;
  std::string weights_;
  std::uint64_t tensors_ = 0;
  std::uint64_t pairs_ = 0;
  Random random_{20'260'101};
};

}  // namespace zhiyin::model
