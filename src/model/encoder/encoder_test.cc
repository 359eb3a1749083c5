#include "model/encoder/encoder.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "base/file.h"
#include "model/encoder/compile_encoder.h"
#include "model/encoder/detail/kernels.h"
#include "model/encoder/detail/small_encoders.h"

namespace zhiyin::model {
namespace {

constexpr EncoderShape kShape{.width = 52,
                              .layers = 2,
                              .heads = 4,
                              .inner = 70,
                              .vocabulary = 64,
                              .positions = 40,
                              .token_types = 2};

/// A folder with a made checkpoint.
class EncoderTest : public ::testing::Test {
 protected:
  EncoderTest() { write(kShape, "bert", "bert."); }

  void write(const EncoderShape& shape, std::string_view type, std::string_view prefix) const {
    ASSERT_TRUE(write_file(folder_.path() / "config.json", testing::small_config(shape, type)));
    ASSERT_TRUE(write_file(folder_.path() / "model.safetensors",
                           testing::small_checkpoint(shape, prefix, 3)));
  }

  [[nodiscard]] std::shared_ptr<const Encoder> open(Precision precision,
                                                    std::string_view kernels = {}) const {
    auto out = Encoder::open(folder_.path(), {.precision = precision, .kernels = kernels});
    EXPECT_TRUE(out) << out.error().text();
    return *out;
  }

  [[nodiscard]] static std::vector<std::vector<std::int32_t>> texts(std::size_t count) {
    Random random(9);
    std::vector<std::vector<std::int32_t>> out(count);
    for (auto& ids : out) {
      ids.resize(1 + random.below(kShape.positions));
      for (std::int32_t& id : ids) id = static_cast<std::int32_t>(random.below(kShape.vocabulary));
    }
    return out;
  }

  static std::vector<float> encode(const Encoder& encoder,
                                   const std::vector<std::vector<std::int32_t>>& texts,
                                   EncodeOptions options = {}, std::size_t tokens = 256) {
    std::vector<EncoderText> views;
    for (const auto& ids : texts) views.push_back({.ids = ids});
    std::vector<float> out(texts.size() * encoder.shape().width);
    EncoderWorkspace workspace(encoder.shape(), tokens, options.threads);
    const auto done = encoder.encode(views, options, workspace, out);
    EXPECT_TRUE(done) << done.error().text();
    return out;
  }

  TempFolder folder_;
};

TEST_F(EncoderTest, VectorsDoNotDependOnCompanyOrderThreadsOrInstructions) {
  for (const Precision precision : {Precision::kInt8, Precision::kFloat}) {
    const auto encoder = open(precision);
    const auto all = texts(60);
    const std::vector<float> together = encode(*encoder, all);
    const std::size_t width = kShape.width;
    for (std::size_t i = 0; i < all.size(); ++i) {
      const std::vector<float> alone = encode(*encoder, {all[i]});
      ASSERT_TRUE(std::equal(alone.begin(), alone.end(),
                             together.begin() + static_cast<std::ptrdiff_t>(i * width)));
    }
    auto reversed = all;
    std::ranges::reverse(reversed);
    const std::vector<float> backwards = encode(*encoder, reversed, {}, 97);
    for (std::size_t i = 0; i < all.size(); ++i)
      ASSERT_TRUE(
          std::equal(backwards.begin() + static_cast<std::ptrdiff_t>((all.size() - 1 - i) * width),
                     backwards.begin() + static_cast<std::ptrdiff_t>((all.size() - i) * width),
                     together.begin() + static_cast<std::ptrdiff_t>(i * width)));
    ThreadPool pool(3, 16);
    EXPECT_EQ(encode(*encoder, all, {.pool = &pool, .threads = 4}, 41), together);
    for (const detail::Kernels* kernels : detail::usable_kernels())
      EXPECT_EQ(encode(*open(precision, kernels->name), all), together) << kernels->name;
  }
}

TEST_F(EncoderTest, OneLongTextHasTheSameBitsOnAnyNumberOfThreads) {
  EncoderShape shape = kShape;
  shape.positions = 300;
  write(shape, "bert", "bert.");
  std::vector<std::int32_t> ids(300);
  Random random(11);
  for (std::int32_t& id : ids) id = static_cast<std::int32_t>(random.below(shape.vocabulary));
  ThreadPool pool(3, 16);
  for (const Precision precision : {Precision::kInt8, Precision::kFloat}) {
    const auto encoder = open(precision);
    for (const std::size_t length : {96U, 97U, 300U}) {
      const std::vector<std::vector<std::int32_t>> one{{ids.begin(), ids.begin() + length}};
      const std::vector<float> alone = encode(*encoder, one);
      for (const std::size_t threads : {2U, 3U, 4U})
        EXPECT_EQ(encode(*encoder, one, {.pool = &pool, .threads = threads}), alone)
            << length << " tokens, " << threads << " threads";
    }
  }
}

TEST_F(EncoderTest, Int8IsCloseToFloat) {
  const auto all = texts(40);
  const std::vector<float> exact = encode(*open(Precision::kFloat), all);
  const std::vector<float> small = encode(*open(Precision::kInt8), all);
  for (std::size_t i = 0; i < all.size(); ++i) {
    const auto at = static_cast<std::ptrdiff_t>(i * kShape.width);
    EXPECT_GT(std::inner_product(exact.begin() + at, exact.begin() + at + kShape.width,
                                 small.begin() + at, 0.0),
              0.99);
  }
}

TEST_F(EncoderTest, FittedWeightsAreNearerToTheFloats) {
  const auto source = open_checkpoint_source(folder_.path());
  ASSERT_TRUE(source) << source.error().text();
  const auto all = texts(60);
  const std::vector<float> exact = encode(*open(Precision::kFloat), all);
  const auto apart = [&](bool fitted) {
    const auto bytes = compile_encoder(**source, {.fitted = fitted});
    EXPECT_TRUE(bytes) << bytes.error().text();
    EXPECT_EQ(*bytes, *compile_encoder(**source, {.fitted = fitted}));
    const auto file = EncoderFile::from_bytes(*bytes);
    EXPECT_TRUE(file) << file.error().text();
    const std::vector<float> small = encode(**Encoder::create(*file, {}), all);
    double out = 0;
    for (std::size_t i = 0; i < small.size(); ++i)
      out += std::pow(static_cast<double>(small[i]) - exact[i], 2);
    return out;
  };
  const double nearest = apart(false), fitted = apart(true);
  EXPECT_LT(fitted, 0.7 * nearest) << nearest;
}

TEST_F(EncoderTest, FittedWeightsGiveTheSameBitsOnAllKernelsAndInAnyCompany) {
  const auto source = open_checkpoint_source(folder_.path());
  ASSERT_TRUE(source) << source.error().text();
  const auto file = EncoderFile::from_bytes(*compile_encoder(**source, {.fitted = true}));
  ASSERT_TRUE(file) << file.error().text();
  EXPECT_TRUE((*file)->scaled());
  const auto all = texts(20);
  const std::vector<float> together = encode(**Encoder::create(*file, {}), all);
  for (const detail::Kernels* kernels : detail::usable_kernels()) {
    const auto encoder = Encoder::create(*file, {.kernels = kernels->name});
    ASSERT_TRUE(encoder) << encoder.error().text();
    EXPECT_EQ(encode(**encoder, all), together) << kernels->name;
    std::vector<float> alone;
    for (const auto& text : all) {
      const std::vector<float> one = encode(**encoder, {text});
      alone.insert(alone.end(), one.begin(), one.end());
    }
    EXPECT_EQ(alone, together) << kernels->name;
  }
}

TEST_F(EncoderTest, PoolingsAreWhatTheyAreCalled) {
  const auto encoder = open(Precision::kFloat);
  const std::vector<std::int32_t> ids{1, 5, 9, 2};
  const EncoderText text{.ids = ids};
  const std::size_t width = kShape.width;
  EncoderWorkspace workspace(kShape);
  std::vector<float> tokens(4 * width);
  ASSERT_TRUE(encoder->encode_tokens({&text, 1}, {}, workspace, tokens));
  const auto mean = encode(*encoder, {ids}, {.normalise = false});
  const auto first = encode(*encoder, {ids}, {.pooling = Pooling::kFirst, .normalise = false});
  std::vector<float> attention(width, 0.0F);
  const auto even =
      encode(*encoder, {ids},
             {.pooling = Pooling::kAttention, .attention = attention, .normalise = false});
  attention[3] = 1000;  // all on the token whose number 3 is largest
  const auto one =
      encode(*encoder, {ids},
             {.pooling = Pooling::kAttention, .attention = attention, .normalise = false});
  std::size_t top = 0;
  for (std::size_t t = 1; t < 4; ++t)
    if (tokens[t * width + 3] > tokens[top * width + 3]) top = t;
  for (std::size_t i = 0; i < width; ++i) {
    EXPECT_NEAR(mean[i],
                (tokens[i] + tokens[width + i] + tokens[2 * width + i] + tokens[3 * width + i]) / 4,
                1e-6);
    EXPECT_EQ(first[i], tokens[i]);
    EXPECT_NEAR(even[i], mean[i], 1e-6);
    EXPECT_NEAR(one[i], tokens[top * width + i], 1e-3);
  }
  const auto unit = encode(*encoder, {ids});
  EXPECT_NEAR(std::inner_product(unit.begin(), unit.end(), unit.begin(), 0.0), 1, 1e-6);
}

TEST_F(EncoderTest, LongTextsAreTruncatedCutOrRefusedByPolicy) {
  const auto encoder = open(Precision::kFloat);
  std::vector<std::int32_t> ids(101, 7);
  ids.front() = 1;
  ids.back() = 2;
  std::vector<std::int32_t> kept(ids.begin(), ids.begin() + 39);
  kept.push_back(2);
  EXPECT_EQ(encode(*encoder, {ids}), encode(*encoder, {kept}));
  // 99 tokens between the marks make three windows of 33, all alike here.
  std::vector<std::int32_t> window(35, 7);
  window.front() = 1;
  window.back() = 2;
  const auto cut = encode(*encoder, {{5}, ids}, {.long_text = LongText::kWindows});
  const auto whole = encode(*encoder, {window});
  for (std::size_t i = 0; i < kShape.width; ++i) EXPECT_NEAR(cut[kShape.width + i], whole[i], 1e-6);
  const EncoderText text{.ids = ids};
  EncoderWorkspace workspace(kShape);
  std::vector<float> out(kShape.width, -1);
  const auto refused =
      encoder->encode({&text, 1}, {.long_text = LongText::kRefuse}, workspace, out);
  EXPECT_EQ(refused.error().text(), "texts[0]: encoder: 101 tokens, at most 40 fit");
  EXPECT_EQ(out[0], -1);
}

TEST_F(EncoderTest, PairsHaveTheirTypes) {
  const auto encoder = open(Precision::kFloat);
  const std::vector<std::int32_t> ids{1, 6, 2, 8, 9, 2};
  const std::vector<std::uint8_t> types{0, 0, 0, 1, 1, 1};
  const EncoderText pair{ids, types};
  EncoderWorkspace workspace(kShape);
  std::vector<float> out(kShape.width);
  ASSERT_TRUE(encoder->encode({&pair, 1}, {}, workspace, out));
  EXPECT_NE(out, encode(*encoder, {ids}));
}

TEST_F(EncoderTest, WrongInputNamesTheText) {
  const auto encoder = open(Precision::kInt8);
  const std::vector<std::int32_t> good{1, 2}, beyond{1, 64}, below{-1};
  const std::vector<std::uint8_t> one{0}, wrong{0, 2};
  EncoderWorkspace workspace(kShape);
  std::vector<float> out(2 * kShape.width);
  const auto refusal = [&](EncoderText text) {
    const EncoderText both[] = {{.ids = good}, text};
    const auto done = encoder->encode(both, {}, workspace, out);
    return done ? "accepted" : done.error().text();
  };
  EXPECT_EQ(refusal({}), "texts[1]: encoder: has no tokens");
  EXPECT_EQ(refusal({.ids = beyond}), "texts[1]: encoder: id 64 is not one of 64");
  EXPECT_EQ(refusal({.ids = below}), "texts[1]: encoder: id -1 is not one of 64");
  EXPECT_NE(refusal({good, one}).find("1 token types for 2 ids"), std::string::npos);
  EXPECT_NE(refusal({good, wrong}).find("token type 2"), std::string::npos);
  EXPECT_EQ(refusal({.ids = good}), "accepted");
  out.pop_back();
  EXPECT_NE(refusal({.ids = good}), "accepted");
}

TEST_F(EncoderTest, NoTextsAndManyTextsAreFine) {
  const auto encoder = open(Precision::kInt8);
  EXPECT_TRUE(encode(*encoder, {}).empty());
  const std::vector<std::vector<std::int32_t>> many(3000, {1, 2});
  const auto out = encode(*encoder, many);
  EXPECT_TRUE(std::equal(out.begin(), out.begin() + kShape.width, out.end() - kShape.width));
}

TEST_F(EncoderTest, KernelsThatAreNotThereAreRefused) {
  EXPECT_EQ(Encoder::open(folder_.path(), {.kernels = "neon9"}).error().code,
            ErrorCode::kUnsupported);
}

TEST_F(EncoderTest, CheckpointsThatDoNotFitSayWhatIsWrong) {
  const auto refusal = [&] {
    const auto opened = Encoder::open(folder_.path());
    return opened ? "accepted" : opened.error().text();
  };
  write(kShape, "bert", "");
  EXPECT_EQ(refusal(), "accepted");
  write(kShape, "bert", "distilbert.");
  EXPECT_NE(refusal().find("embeddings.word_embeddings.weight': is missing"), std::string::npos);
  write(kShape, "gpt2", "");
  EXPECT_NE(refusal().find("model_type 'gpt2'"), std::string::npos);
  EncoderShape other = kShape;
  other.inner = 71;
  write(kShape, "bert", "");
  ASSERT_TRUE(write_file(folder_.path() / "config.json", testing::small_config(other, "bert")));
  EXPECT_NE(refusal().find("tensor 'encoder.layer.0.intermediate.dense.weight': has the shape "
                           "[70, 52], expected [71, 52]"),
            std::string::npos)
      << refusal();
  other = kShape;
  other.heads = 5;
  ASSERT_TRUE(write_file(folder_.path() / "config.json", testing::small_config(other, "bert")));
  EXPECT_NE(refusal().find("heads"), std::string::npos);
  ASSERT_TRUE(write_file(folder_.path() / "config.json", "{}"));
  EXPECT_NE(refusal().find("hidden_size"), std::string::npos);
  ASSERT_TRUE(write_file(folder_.path() / "config.json", testing::small_config(kShape, "bert")));
  std::string cut = testing::small_checkpoint(kShape, "", 3);
  cut.resize(cut.size() - 8);
  ASSERT_TRUE(write_file(folder_.path() / "model.safetensors", cut));
  EXPECT_NE(refusal().find("outside"), std::string::npos);
}

TEST_F(EncoderTest, PoolingIsTheOneThatTheCheckpointNames) {
  const auto write = [&](std::string_view file, std::string_view text) {
    std::filesystem::create_directories((folder_.path() / file).parent_path());
    ASSERT_TRUE(write_file(folder_.path() / file, text));
  };
  const std::vector<std::int32_t> ids{1, 5, 9, 2};
  const auto opened = [&](std::optional<Pooling> pooling = {}) {
    return Encoder::open(folder_.path(), {.precision = Precision::kFloat, .pooling = pooling});
  };
  const auto mean = encode(**opened(), {ids});
  const auto first = encode(**opened(), {ids}, {.pooling = Pooling::kFirst});
  ASSERT_NE(mean, first);
  const std::string unsaid = (*opened())->file().checksum();
  write("modules.json",
        R"([{"type":"sentence_transformers.models.Transformer","path":""},)"
        R"({"type":"sentence_transformers.models.Pooling","path":"1_Pooling"},)"
        R"({"type":"sentence_transformers.models.Normalize","path":"2_Normalize"}])");
  write("1_Pooling/config.json",
        R"({"word_embedding_dimension":52,"pooling_mode_cls_token":true,)"
        R"("pooling_mode_mean_tokens":false,"pooling_mode_max_tokens":false})");
  EXPECT_EQ(encode(**opened(), {ids}), first);
  EXPECT_EQ((*opened())->file().pooling(), Pooling::kFirst);
  EXPECT_NE((*opened())->file().checksum(), unsaid) << "other vectors, another encoder";
  EXPECT_EQ(encode(**opened(Pooling::kMean), {ids}), mean);
  EXPECT_EQ((*opened(Pooling::kMean))->file().checksum(), unsaid);
  // A compiled file keeps it.
  const auto source = open_checkpoint_source(folder_.path());
  const auto bytes = compile_encoder(**source, {.precision = Precision::kFloat});
  ASSERT_TRUE(bytes) << bytes.error().text();
  const TempFolder other;
  ASSERT_TRUE(write_file(other.path() / "e.zyen", *bytes));
  const auto compiled = Encoder::open(other.path() / "e.zyen");
  ASSERT_TRUE(compiled) << compiled.error().text();
  EXPECT_EQ(encode(**compiled, {ids}), first);
  const auto changed = Encoder::open(other.path() / "e.zyen", {.pooling = Pooling::kMean});
  ASSERT_FALSE(changed);
  EXPECT_NE(changed.error().text().find("made for pooling by cls"), std::string::npos);

  const auto refusal = [&] {
    const auto out = opened();
    return out ? "accepted" : out.error().text();
  };
  write("1_Pooling/config.json", R"({"pooling_mode_max_tokens":true})");
  EXPECT_EQ(refusal(), "1_Pooling/config.json: pooling by max_tokens (mean and cls are done here)");
  EXPECT_TRUE(opened(Pooling::kFirst)) << "one that is given is taken instead";
  write("1_Pooling/config.json", R"({"pooling_mode_weightedmean_tokens":true})");
  EXPECT_NE(refusal().find("weightedmean"), std::string::npos);
  write("1_Pooling/config.json",
        R"({"pooling_mode_cls_token":true,"pooling_mode_mean_tokens":true})");
  EXPECT_NE(refusal().find("cls_token and mean_tokens"), std::string::npos);
  write("1_Pooling/config.json", R"({"pooling_mode_mean_tokens":true})");
  EXPECT_EQ(encode(**opened(), {ids}), mean);
  write("1_Pooling/config.json", R"({"pooling_mode":"cls"})");
  EXPECT_EQ(encode(**opened(), {ids}), first);
  write("1_Pooling/config.json", "{");
  EXPECT_EQ(refusal().find("1_Pooling/config.json: "), 0U) << refusal();
  write("modules.json", R"([{"type":"sentence_transformers.models.Dense","path":"2_Dense"}])");
  EXPECT_NE(refusal().find("modules.json: a module 'sentence_transformers.models.Dense'"),
            std::string::npos)
      << refusal();
  write("modules.json", R"([{"type":"x.Pooling","path":"../1_Pooling"}])");
  EXPECT_NE(refusal().find("leads out of the folder"), std::string::npos) << refusal();
}

TEST_F(EncoderTest, SettingsOfTheTokeniserComeAlong) {
  const auto write = [&](std::string_view file, std::string_view text) {
    ASSERT_TRUE(write_file(folder_.path() / file, text));
  };
  const auto settings = [&] {
    const auto out = Encoder::open(folder_.path());
    return out ? (*out)->file().tokeniser().settings.dump() : out.error().text();
  };
  write("vocab.txt", "[UNK]\n[CLS]\n[SEP]\n");
  EXPECT_EQ(settings(), "{}");
  write("tokenizer_config.json",
        R"({"do_lower_case":false,"strip_accents":null,"tokenize_chinese_chars":true,)"
        R"("model_max_length":1000000000000000019884624838656,"truncation_side":"left",)"
        R"("cls_token":{"content":"<c>"},"unk_token":"<u>"})");
  write("special_tokens_map.json", R"({"sep_token":"<e>","unk_token":"<other>"})");
  write("sentence_bert_config.json", R"({"max_seq_length":20,"do_lower_case":false})");
  EXPECT_EQ(settings(), R"({"from_left":true,"tokens_max":20,"lowercase":false,"isolate_han":true,)"
                        R"("unknown":"<u>","first":"<c>","last":"<e>"})");
  write("tokenizer_config.json", R"({"model_max_length":12})");
  write("tokenizer.json", "{}");  // says the rest itself
  EXPECT_EQ(settings(), R"({"tokens_max":12})");
  write("tokenizer_config.json", R"({"model_max_length":"many"})");
  EXPECT_EQ(settings(),
            "model_max_length: tokenizer_config.json: is not a number of tokens above 0");
  write("tokenizer_config.json", R"({"truncation_side":"up"})");
  EXPECT_NE(settings().find("truncation_side"), std::string::npos);
  write("tokenizer_config.json", "[1");
  EXPECT_EQ(settings().find("tokenizer_config.json: "), 0U) << settings();
}

TEST_F(EncoderTest, BrokenJsonOfACheckpointNamesItsFile) {
  const auto refusal = [&] {
    const auto out = Encoder::open(folder_.path());
    return out ? "accepted" : out.error().text();
  };
  ASSERT_TRUE(write_file(folder_.path() / "sentencepiece.bpe.model", ""));
  EXPECT_NE(refusal().find("sentencepiece.bpe.model: how model_type 'bert'"), std::string::npos);
  ASSERT_TRUE(write_file(folder_.path() / "config.json", "{\"model_type\": "));
  EXPECT_EQ(refusal().find("config.json: json: "), 0U) << refusal();
  std::filesystem::remove(folder_.path() / "config.json");
  EXPECT_NE(refusal().find("has no config.json"), std::string::npos);
}

TEST_F(EncoderTest, AsManyNumbersInAnotherShapeAreNoTensor) {
  const auto with_shape = [&](std::string_view tensor, std::string_view from, std::string_view to) {
    std::string file = testing::small_checkpoint(kShape, "", 3);
    const std::size_t at = file.find(from, file.find(tensor));
    file.replace(at, from.size(), to);
    EXPECT_TRUE(write_file(folder_.path() / "model.safetensors", file));
    const auto opened = Encoder::open(folder_.path());
    return opened ? "accepted" : opened.error().text();
  };
  EXPECT_EQ(with_shape("\"encoder.layer.1.output.dense.weight\"", "[52,70]", "[70,52]"),
            "model.safetensors: tensor 'encoder.layer.1.output.dense.weight': has the shape "
            "[70, 52], expected [52, 70]");
  EXPECT_EQ(with_shape("\"embeddings.word_embeddings.weight\"", "[64,52]", "[52,64]"),
            "model.safetensors: tensor 'embeddings.word_embeddings.weight': has the shape "
            "[52, 64], expected [64, 52]");
  EXPECT_EQ(with_shape("\"encoder.layer.0.output.LayerNorm.bias\"", "[52]", "[52]"), "accepted");
}

}  // namespace
}  // namespace zhiyin::model
