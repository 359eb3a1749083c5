#include <gtest/gtest.h>

#include <numeric>
#include <thread>
#include <vector>

#include "base/random.h"
#include "model/encoder/detail/amx_support.h"
#include "model/encoder/detail/kernels.h"
#include "model/encoder/detail/software_tiles.h"

namespace zhiyin::model::detail {

#ifdef ZHIYIN_AMX_KERNELS
extern const Kernels kAmxKernels, kAmxVnniKernels;
#endif

namespace {

/// A product with made numbers, in memory of exactly its size; weights of any size of 8 bits.
class Product {
 public:
  Product(std::size_t rows, std::size_t inputs, std::size_t columns)
      : rows_(rows),
        groups_((inputs + kGroup - 1) / kGroup),
        columns_(columns),
        bytes_(rows * padded(inputs)),
        scales_(rows),
        panels_(groups_ * kGroup * columns),
        sums_(columns),
        factors_(columns),
        bias_(columns) {
    Random random(rows + 100 * inputs + columns);
    for (std::uint8_t& x : bytes_) x = static_cast<std::uint8_t>(random.below(256));
    for (RowScale& row : scales_)
      row = {static_cast<float>(random.uniform()), static_cast<std::int32_t>(random.below(256))};
    for (std::int8_t& x : panels_) x = static_cast<std::int8_t>(random.below(256));
    for (std::int32_t& x : sums_) x = static_cast<std::int32_t>(random.below(1 << 20)) - (1 << 19);
    for (float& x : factors_) x = static_cast<float>(random.uniform()) * 1e-5F;
    for (float& x : bias_) x = static_cast<float>(random.normal());
  }

  [[nodiscard]] Int8Product task(std::vector<float>& out, Activation activation) const {
    out.assign(rows_ * columns_, -1);
    return {bytes_.data(),  rows_ == 0 ? 0 : bytes_.size() / rows_,
            scales_.data(), rows_,
            panels_.data(), factors_.data(),
            sums_.data(),   bias_.data(),
            groups_,        columns_,
            out.data(),     columns_,
            activation};
  }
  /// The portable kernels' result.
  [[nodiscard]] std::vector<float> expected(Activation activation) const {
    std::vector<float> out;
    kPortableKernels.product_int8(task(out, activation));
    return out;
  }
  void allow(SoftwareTiles& tiles) const {
    tiles.readable = {{reinterpret_cast<const char*>(bytes_.data()), bytes_.size()},
                      {reinterpret_cast<const char*>(panels_.data()), panels_.size()}};
  }
  [[nodiscard]] std::string name() const {
    return fmt::format("{} rows, {} inputs, {} columns", rows_, groups_ * kGroup, columns_);
  }

 private:
  std::size_t rows_, groups_, columns_;
  std::vector<std::uint8_t> bytes_;
  std::vector<RowScale> scales_;
  std::vector<std::int8_t> panels_;
  std::vector<std::int32_t> sums_;
  std::vector<float> factors_, bias_;
};

/// Inputs and columns of products: odd ones, the smallest, and those of encoders.
struct Sizes {
  std::size_t inputs, columns;
};
constexpr Sizes kOddSizes[] = {{1, 16},   {4, 48},   {30, 96},   {52, 80},  {64, 64},
                               {70, 112}, {128, 16}, {268, 176}, {312, 32}, {340, 144}};
/// The default encoder's, BERT-base's, and those of a small one of 312.
constexpr Sizes kEncoderSizes[] = {{384, 1152}, {384, 384},  {384, 1536}, {1536, 384}, {768, 2304},
                                   {768, 768},  {768, 3072}, {3072, 768}, {312, 944}};

void expect_same_by_model(const Product& product, Activation activation) {
  SoftwareTiles tiles;
  product.allow(tiles);
  std::vector<float> out;
  software_tile_product(tiles, product.task(out, activation));
  EXPECT_TRUE(tiles.faults.empty()) << product.name() << ": " << tiles.faults.front();
  EXPECT_FALSE(tiles.configured()) << product.name();
  EXPECT_EQ(out, product.expected(activation)) << product.name();
}

TEST(AmxProduct, HasThePortableBitsForAnyRowsAndOddSizes) {
  for (std::size_t rows = 1; rows <= 70; ++rows)
    for (const auto& [inputs, columns] : kOddSizes)
      expect_same_by_model({rows, inputs, columns},
                           rows % 2 == 0 ? Activation::kNone : Activation::kGelu);
}

TEST(AmxProduct, HasThePortableBitsForTheShapesOfEncoders) {
  for (const auto& [inputs, columns] : kEncoderSizes)
    for (const std::size_t rows : {1U, 16U, 34U})
      expect_same_by_model({rows, inputs, columns}, Activation::kNone);
}

/// No tile of a product is wasted: each is multiplied once, or once more where rows overlap.
TEST(AmxProduct, MultipliesWholeTilesOnce) {
  const Product product(48, 384, 384);
  SoftwareTiles tiles;
  product.allow(tiles);
  std::vector<float> out;
  software_tile_product(tiles, product.task(out, Activation::kNone));
  EXPECT_EQ(tiles.products, 3U * (384 / 64) * (384 / 16));
}

/// The model must refuse what the processor refuses, or it shows nothing.
class SoftwareTilesTest : public ::testing::Test {
 protected:
  SoftwareTilesTest() {
    config_.palette = 1;
    for (const int tile : {0, 1, 2}) {
      config_.rows[tile] = 16;
      config_.row_bytes[tile] = 64;
    }
    std::iota(block_.begin(), block_.end(), 0);
    tiles_.readable = {{block_.data(), block_.size()}};
  }
  std::string refusal() {
    const std::string out = tiles_.faults.empty() ? "" : tiles_.faults.back();
    tiles_.faults.clear();
    return out;
  }
  TileConfig config_ = {};
  std::vector<char> block_ = std::vector<char>(1024);
  SoftwareTiles tiles_;
};

TEST_F(SoftwareTilesTest, RefusesWrongConfigurations) {
  const auto refused = [&](auto change) {
    TileConfig config = config_;
    change(config);
    tiles_.configure(config);
    return refusal();
  };
  EXPECT_EQ(refused([](TileConfig&) {}), "");
  EXPECT_NE(refused([](TileConfig& c) { c.palette = 2; }), "");
  EXPECT_NE(refused([](TileConfig& c) { c.rows[1] = 17; }), "");
  EXPECT_NE(refused([](TileConfig& c) { c.row_bytes[1] = 65; }), "");
  EXPECT_NE(refused([](TileConfig& c) { c.rows[1] = 0; }), "");
  EXPECT_NE(refused([](TileConfig& c) { c.row_bytes[8] = 4; }), "");
  EXPECT_NE(refused([](TileConfig& c) { c.reserved[13] = 1; }), "");
}

TEST_F(SoftwareTilesTest, RefusesTilesThatAreNotConfiguredOrDoNotFit) {
  tiles_.zero(0);
  EXPECT_NE(refusal(), "");
  config_.rows[2] = 15;
  tiles_.configure(config_);
  tiles_.zero(0);
  EXPECT_EQ(refusal(), "");
  tiles_.zero(3);
  EXPECT_NE(refusal(), "");
  tiles_.multiply(0, 1, 2);
  EXPECT_NE(refusal(), "");
  config_.rows[2] = 16;
  tiles_.configure(config_);
  tiles_.multiply(0, 1, 2);
  EXPECT_EQ(refusal(), "");
  tiles_.multiply(0, 1, 1);
  EXPECT_NE(refusal(), "");
  tiles_.release();
  tiles_.multiply(0, 1, 2);
  EXPECT_NE(refusal(), "");
}

TEST_F(SoftwareTilesTest, RefusesToReadElsewhere) {
  tiles_.configure(config_);
  tiles_.load(0, block_.data(), 64);
  EXPECT_EQ(refusal(), "");
  tiles_.load(0, block_.data() + 1, 64);
  EXPECT_NE(refusal(), "");
  tiles_.load(0, block_.data(), 65);
  EXPECT_NE(refusal(), "");
}

/// One row of bytes up to 255 by one column of weights down to -128.
TEST_F(SoftwareTilesTest, TheFirstFactorHasNoSignTheSecondHasOne) {
  config_.rows[0] = config_.rows[1] = config_.rows[2] = 1;
  config_.row_bytes[0] = config_.row_bytes[1] = config_.row_bytes[2] = 4;
  tiles_.configure(config_);
  const std::uint8_t rows[4] = {255, 128, 1, 0}, weights[4] = {128, 255, 127, 7};
  tiles_.readable = {{reinterpret_cast<const char*>(rows), 4},
                     {reinterpret_cast<const char*>(weights), 4}};
  tiles_.load(1, rows, 4);
  tiles_.load(2, weights, 4);
  tiles_.multiply(0, 1, 2);
  tiles_.multiply(0, 1, 2);
  std::int32_t sum = 0;
  tiles_.store(0, &sum, 4);
  EXPECT_EQ(sum, 2 * (255 * -128 + 128 * -1 + 1 * 127));
}

constexpr TileFacts kOffered{.leaf1_ecx = 1U << 27,
                             .leaf7_edx = 1U << 24 | 1U << 25,
                             .xcr0 = 0x600e7,
                             .palettes = 1,
                             .tile_bytes = 1024U << 16 | 8192,
                             .tile_names = 8U << 16 | 64,
                             .tile_rows = 16};

TEST(AmxSupport, TilesAreUsedOnlyWhereProcessorAndSystemHaveAllOfThem) {
  EXPECT_TRUE(tiles_offered(kOffered));
  EXPECT_FALSE(tiles_offered({}));
  const auto without = [](auto change) {
    TileFacts facts = kOffered;
    change(facts);
    return tiles_offered(facts);
  };
  EXPECT_FALSE(without([](TileFacts& f) { f.leaf1_ecx = 0; }));
  EXPECT_FALSE(without([](TileFacts& f) { f.leaf7_edx = 1U << 24; }));
  EXPECT_FALSE(without([](TileFacts& f) { f.leaf7_edx = 1U << 25; }));
  EXPECT_FALSE(without([](TileFacts& f) { f.xcr0 = 0x200e7; }));
  EXPECT_FALSE(without([](TileFacts& f) { f.xcr0 = 0x400e7; }));
  EXPECT_FALSE(without([](TileFacts& f) { f.palettes = 0; }));
  EXPECT_FALSE(without([](TileFacts& f) { f.tile_bytes = 512U << 16 | 4096; }));
  EXPECT_FALSE(without([](TileFacts& f) { f.tile_names = 4U << 16 | 64; }));
  EXPECT_FALSE(without([](TileFacts& f) { f.tile_rows = 8; }));
}

#ifdef ZHIYIN_AMX_KERNELS
/// The compiled kernels. Where the processor has no tiles their instructions trap and are carried
/// out by the model, so that encodings, order of operands and addresses are those that will run.
class AmxKernels : public ::testing::Test {
 protected:
  void SetUp() override {
    const auto usable = usable_kernels();
    const bool avx512 = std::ranges::any_of(
        usable, [](const Kernels* k) { return std::string_view(k->name) == "avx512-vnni"; });
    if (!avx512) GTEST_SKIP() << "this processor has no AVX-512 VNNI, which AMX's kernels need";
    tiles() = SoftwareTiles();
  }
  static SoftwareTiles& tiles() { return TileTraps::tiles(); }
  /// Whether the processor itself has done it.
  static bool hardware() { return tiles_usable(); }
  TileTraps traps_;
};

TEST_F(AmxKernels, HaveThePortableBits) {
  for (const auto& [inputs, columns] : {Sizes{384, 384}, Sizes{384, 112}, Sizes{312, 80}}) {
    for (const std::size_t rows : {1U, 15U, 16U, 17U, 33U, 48U, 49U, 70U}) {
      const Product product(rows, inputs, columns);
      product.allow(tiles());
      for (const Kernels* kernels : {&kAmxKernels, &kAmxVnniKernels}) {
        const bool by_tiles = kernels == &kAmxKernels || rows > kTileRows;
        tiles().products = 0;
        std::vector<float> out;
        kernels->product_int8(product.task(out, Activation::kGelu));
        EXPECT_EQ(out, product.expected(Activation::kGelu)) << product.name();
        EXPECT_EQ(tiles().products > 0, by_tiles && !hardware()) << product.name();
        EXPECT_FALSE(tiles().configured());
      }
    }
  }
  EXPECT_TRUE(tiles().faults.empty()) << tiles().faults.front();
}

TEST_F(AmxKernels, AreAgreedWithBeforeTheyAreUsed) {
  for (const Kernels* kernels : {&kAmxKernels, &kAmxVnniKernels}) {
    tiles().products = 0;
    EXPECT_TRUE(agrees_with_portable(*kernels)) << kernels->name;
    EXPECT_EQ(tiles().products > 0, !hardware()) << kernels->name;
  }
  EXPECT_TRUE(tiles().faults.empty()) << tiles().faults.front();
}

/// 17 groups of inputs fill no tile: AVX-512 VNNI.
TEST_F(AmxKernels, LeaveOddSizesToOthers) {
  const Product product(17, 68, 96);
  std::vector<float> out;
  kAmxKernels.product_int8(product.task(out, Activation::kNone));
  EXPECT_EQ(out, product.expected(Activation::kNone));
  EXPECT_EQ(tiles().products, 0U);
}

TEST_F(AmxKernels, ThreadsHaveTilesOfTheirOwn) {
  std::vector<std::thread> threads;
  std::vector<int> wrong(3, 1);
  for (std::size_t i = 0; i < wrong.size(); ++i) {
    threads.emplace_back([&, i] {
      const Product product(20 + 10 * i, 256, 128);
      product.allow(tiles());
      std::vector<float> out;
      kAmxKernels.product_int8(product.task(out, Activation::kNone));
      wrong[i] = out == product.expected(Activation::kNone) && tiles().faults.empty() ? 0 : 1;
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(wrong, std::vector<int>(3, 0));
}
#endif

}  // namespace
}  // namespace zhiyin::model::detail
