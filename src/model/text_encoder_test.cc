#include "model/text_encoder.h"

#include <gtest/gtest.h>

#include "base/file.h"
#include "model/encoder/detail/small_encoders.h"

namespace zhiyin::model {
namespace {

constexpr EncoderShape kShape{.width = 32,
                              .layers = 1,
                              .heads = 4,
                              .inner = 64,
                              .vocabulary = 16,
                              .positions = 20,
                              .token_types = 2};

/// A folder with a made checkpoint and the files of its tokeniser.
class TextEncoderTest : public ::testing::Test {
 protected:
  TextEncoderTest() {
    put("config.json", testing::small_config(kShape, "bert"));
    put("model.safetensors", testing::small_checkpoint(kShape, "", 3));
  }
  void put(std::string_view file, std::string_view text) const {
    ASSERT_TRUE(write_file(folder_.path() / file, text));
  }
  /// As an error says it of this folder.
  [[nodiscard]] std::string named(std::string_view problem) const {
    return fmt::format("{}: {}", folder_.path().string(), problem);
  }
  [[nodiscard]] std::string refusal() const {
    const auto out = TextEncoder::open(folder_.path());
    return out ? "accepted" : out.error().text();
  }
  [[nodiscard]] TextEncoder open() const {
    auto out = TextEncoder::open(folder_.path());
    EXPECT_TRUE(out) << out.error().text();
    return std::move(*out);
  }
  /// The ids that a text is cut into, specials included.
  [[nodiscard]] static std::vector<std::int32_t> ids(const TextEncoder& encoder,
                                                     std::string_view text,
                                                     std::size_t tokens = 0) {
    Tokeniser::Scratch scratch;
    TokenRow row;
    EXPECT_TRUE(
        encoder.tokeniser().encode(text, {.truncation = encoder.truncation(tokens)}, scratch, row));
    return row.ids;
  }
  /// Its vector through the whole way.
  [[nodiscard]] static std::vector<float> vector(const TextEncoder& encoder,
                                                 std::string_view text) {
    std::vector<float> out(encoder.width());
    EXPECT_TRUE(encoder.encode({&text, 1}, {}, {}, out));
    return out;
  }

  TempFolder folder_;
};

using Ids = std::vector<std::int32_t>;

TEST_F(TextEncoderTest, VocabularyAloneIsReadWithTheSettingsBesideIt) {
  put("vocab.txt", "[PAD]\n[UNK]\n[CLS]\n[SEP]\na\nA\nb\nc\nd\n");
  EXPECT_EQ(ids(open(), "a A"), (Ids{2, 4, 4, 3}));
  const std::string plain = open().checksum();
  put("tokenizer_config.json", R"({"do_lower_case": false})");
  EXPECT_EQ(ids(open(), "a A"), (Ids{2, 4, 5, 3}));
  EXPECT_NE(open().checksum(), plain) << "other vectors, another encoder";
  put("tokenizer_config.json", R"({"model_max_length": 4, "truncation_side": "left"})");
  EXPECT_EQ(open().tokens_max(), 4U);
  EXPECT_EQ(ids(open(), "a b c d"), (Ids{2, 7, 8, 3}));
  EXPECT_EQ(ids(open(), "a b c d", 3), (Ids{2, 8, 3}));
  EXPECT_EQ(vector(open(), "a b c d"), vector(open(), "c d"));
  put("tokenizer_config.json", R"({"model_max_length": 400})");
  EXPECT_EQ(open().tokens_max(), 20U);
}

TEST_F(TextEncoderTest, TruncationOfTheTokeniserItselfIsObeyed) {
  const auto with = [&](std::string_view truncation) {
    put("tokenizer.json",
        fmt::format(R"({{"truncation":{},"pre_tokenizer":{{"type":"WhitespaceSplit"}},)"
                    R"("model":{{"type":"WordPiece","unk_token":"u",)"
                    R"("vocab":{{"u":0,"a":1,"b":2,"c":3,"d":4}}}}}})",
                    truncation));
    return open();
  };
  const auto rule = [](std::size_t most, std::string_view side) {
    return fmt::format(
        R"({{"max_length":{},"strategy":"LongestFirst","stride":0,"direction":"{}"}})", most, side);
  };
  EXPECT_EQ(ids(with("null"), "a b c d"), (Ids{1, 2, 3, 4}));
  EXPECT_EQ(with("null").tokens_max(), 20U);
  EXPECT_EQ(ids(with(rule(3, "Right")), "a b c d"), (Ids{1, 2, 3}));
  EXPECT_EQ(ids(with(rule(3, "Left")), "a b c d"), (Ids{2, 3, 4}));
  EXPECT_EQ(vector(with(rule(3, "Left")), "a b c d"), vector(with("null"), "b c d"));
  EXPECT_EQ(ids(with(rule(3, "Left")), "a b c d", 2), (Ids{3, 4}));
  EXPECT_EQ(ids(with(rule(3, "Left")), "a b c d", 9), (Ids{2, 3, 4}));
  EXPECT_EQ(with(rule(300, "Right")).tokens_max(), 20U);
  put("tokenizer_config.json", R"({"model_max_length": 2, "truncation_side": "right"})");
  EXPECT_EQ(ids(with(rule(3, "Left")), "a b c d"), (Ids{1, 2}));
}

TEST_F(TextEncoderTest, XlmRobertaComesWithItsSentencePieceFileAlone) {
  const auto piece = [](std::string_view text, float score, char kind) {
    std::string body = "\x0a" + std::string(1, static_cast<char>(text.size())) + std::string(text);
    body += "\x15" + std::string(reinterpret_cast<const char*>(&score), sizeof score);
    body += "\x18" + std::string(1, kind);
    return "\x0a" + std::string(1, static_cast<char>(body.size())) + body;
  };
  put("config.json", testing::small_config(kShape, "xlm-roberta"));
  put("sentencepiece.bpe.model", piece("<unk>", 0, 2) + piece("<s>", 0, 3) + piece("</s>", 0, 3) +
                                     piece(",", -3, 1) + piece("\u2581", -2, 1));
  EXPECT_EQ(ids(open(), ", x"), (Ids{0, 5, 4, 5, 3, 2}));
  EXPECT_EQ(vector(open(), ", x").size(), 32U);
  put("sentencepiece.bpe.model", "\xff");
  EXPECT_EQ(refusal().find(named("sentencepiece.bpe.model: ")), 0U) << refusal();
}

TEST_F(TextEncoderTest, FaultsOfATokeniserNameItsFile) {
  EXPECT_NE(refusal().find("without a tokeniser"), std::string::npos);
  put("vocab.txt", "a\r\nb\r\n");
  EXPECT_EQ(refusal(), named("vocab.txt: has no [UNK]"));
  put("vocab.txt", "[UNK]\r\n[CLS]\r\n[SEP]\r\na\r\n");
  EXPECT_EQ(ids(open(), "a"), (Ids{1, 3, 2}));
  put("tokenizer.json", "{\"model\":");
  EXPECT_EQ(refusal().find(named("tokenizer.json: json: ")), 0U) << refusal();
  put("tokenizer.json", R"({"model":{"type":"BPE"}})");
  EXPECT_EQ(refusal(), "model.type: " + named("tokenizer.json: 'BPE' is not done here"));
}

}  // namespace
}  // namespace zhiyin::model
