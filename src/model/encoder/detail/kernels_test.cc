#include "model/encoder/detail/kernels.h"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "base/random.h"

namespace zhiyin::model::detail {

#ifdef ZHIYIN_EMULATED_KERNELS
extern const Kernels kEmulatedKernels;
#endif

namespace {

std::vector<const Kernels*> all_kernels() {
  const auto usable = usable_kernels();
  std::vector<const Kernels*> out(usable.begin(), usable.end());
#ifdef ZHIYIN_EMULATED_KERNELS
  out.push_back(&kEmulatedKernels);
#endif
  return out;
}

std::vector<float> normals(std::size_t count, std::uint64_t seed) {
  Random random(seed);
  std::vector<float> out(count);
  for (float& x : out) x = static_cast<float>(random.normal());
  return out;
}

TEST(Kernels, AllInstructionSetsGiveTheSameBits) {
  for (const Kernels* kernels : all_kernels())
    EXPECT_TRUE(agrees_with_portable(*kernels)) << kernels->name;
}

/// The largest byte times the largest weights, as long as rows get: nothing may saturate or
/// overflow.
TEST(Kernels, ExtremeProductsAreExact) {
  constexpr std::size_t kInputs = 8192;
  using Pair = std::pair<int, int>;
  for (const auto& [even, odd] :
       {Pair{64, 64}, Pair{-64, -64}, Pair{127, 1}, Pair{-127, -1}, Pair{1, 127}, Pair{-3, -125}}) {
    const std::vector<std::uint8_t> a(kInputs, 255);
    std::vector<std::int8_t> panels(kInputs * 16, static_cast<std::int8_t>(even));
    for (std::size_t i = 1; i < panels.size(); i += 2) panels[i] = static_cast<std::int8_t>(odd);
    const int weight = (even + odd) / 2;
    const std::vector<std::int32_t> sums(16, weight * static_cast<int>(kInputs));
    const std::vector<float> ones(16, 1), none(16, 0);
    for (const std::int32_t zero : {0, 255}) {
      const RowScale row{1, zero};
      for (const Kernels* kernels : all_kernels()) {
        std::vector<float> out(16);
        kernels->product_int8({a.data(), kInputs, &row, 1, panels.data(), ones.data(), sums.data(),
                               none.data(), kInputs / 4, 16, out.data(), 16, Activation::kNone});
        const float expected = static_cast<float>((255 - zero) * weight) * kInputs;
        EXPECT_EQ(out[5], expected) << kernels->name;
      }
    }
  }
}

TEST(Kernels, GeluIsTheExactOneWithin1e6) {
  std::vector<float> zeros(16, 0);
  for (const Kernels* kernels : all_kernels()) {
    for (double x = -12; x < 12; x += 0.01) {
      std::vector<float> bias(16, static_cast<float>(x)), out(16);
      kernels->product_float({zeros.data(), 16, 1, zeros.data(), bias.data(), 0, 16, out.data(), 16,
                              Activation::kGelu});
      const double expected = 0.5 * x * std::erfc(-x / std::sqrt(2.0));
      EXPECT_NEAR(out[3], expected, 1e-6 + 1e-6 * std::abs(x)) << kernels->name << " " << x;
    }
  }
}

TEST(Kernels, QuantisationKeepsZeroExactAndIsOffByHalfAStepAtMost) {
  const std::size_t width = 37;
  std::vector<float> x = normals(padded(width), 3);
  x[4] = 0;
  for (const Kernels* kernels : all_kernels()) {
    std::vector<std::uint8_t> bytes(padded(width), 9);
    RowScale scale;
    kernels->quantise({x.data(), padded(width), 1, width, bytes.data(), &scale});
    for (std::size_t i = 0; i < width; ++i)
      EXPECT_NEAR(scale.scale * static_cast<float>(bytes[i] - scale.zero), x[i],
                  scale.scale * 0.51F);
    EXPECT_EQ(bytes[4], scale.zero);
    for (std::size_t i = width; i < padded(width); ++i) EXPECT_EQ(bytes[i], 0);
  }
}

TEST(Kernels, RowsOfZerosGiveZeros) {
  const std::vector<float> x(16, 0);
  for (const Kernels* kernels : all_kernels()) {
    std::vector<std::uint8_t> bytes(16);
    RowScale scale;
    kernels->quantise({x.data(), 16, 1, 16, bytes.data(), &scale});
    EXPECT_EQ(scale.scale, 0);
    EXPECT_EQ(scale.zero, 0);
  }
}

TEST(Kernels, NormHasMeanZeroAndDeviationOneOnAnyWidth) {
  for (const std::size_t width : {8U, 26U, 39U}) {
    const std::vector<float> from = normals(padded(width), width);
    std::vector<float> gain(padded(width), 0), shift(padded(width), 0);
    std::fill_n(gain.begin(), width, 1.0F);
    for (const Kernels* kernels : all_kernels()) {
      std::vector<float> x = from;
      kernels->norm(
          {x.data(), from.data(), padded(width), 1, width, gain.data(), shift.data(), 1e-12F});
      double mean = 0, square = 0;
      for (std::size_t i = 0; i < width; ++i) mean += x[i], square += x[i] * x[i];
      EXPECT_NEAR(mean / static_cast<double>(width), 0, 1e-6);
      EXPECT_NEAR(square / static_cast<double>(width), 1, 1e-5);
    }
  }
}

TEST(Kernels, NormBringsRowsToTheirOwnUnitsBeforeItAdds) {
  const std::size_t width = 39;
  const std::vector<float> from = normals(padded(width), 1), result = normals(padded(width), 2);
  const std::vector<float> gain = normals(padded(width), 3), shift = normals(padded(width), 4);
  // Powers of two lose nothing: the same bits as from rows that were never in other units.
  std::vector<float> factors(padded(width)), divided(from);
  for (std::size_t i = 0; i < padded(width); ++i) {
    factors[i] = std::ldexp(1.0F, static_cast<int>(i % 7) - 3);
    divided[i] /= factors[i];
  }
  for (const Kernels* kernels : all_kernels()) {
    std::vector<float> plain = from, scaled = divided;
    kernels->norm(
        {plain.data(), result.data(), padded(width), 1, width, gain.data(), shift.data(), 1e-12F});
    kernels->norm({scaled.data(), result.data(), padded(width), 1, width, gain.data(), shift.data(),
                   1e-12F, factors.data()});
    plain.resize(width), scaled.resize(width);
    EXPECT_EQ(plain, scaled) << kernels->name;
  }
}

/// Against a plain computation in double precision.
TEST(Kernels, AttentionIsSoftmaxOfProductsOnAnySizes) {
  struct Sizes {
    std::size_t tokens, width, heads;
  };
  for (const auto& [tokens, width, heads] : {Sizes{1, 8, 1}, Sizes{19, 78, 3}, Sizes{40, 64, 2}}) {
    const std::size_t stride = padded(3 * width), d = width / heads;
    const std::vector<float> qkv = normals(tokens * stride, tokens);
    std::vector<double> expected(tokens * width, 0);
    for (std::size_t h = 0; h < heads; ++h) {
      for (std::size_t q = 0; q < tokens; ++q) {
        std::vector<double> weight(tokens);
        double total = 0;
        for (std::size_t k = 0; k < tokens; ++k) {
          double dot = 0;
          for (std::size_t i = 0; i < d; ++i)
            dot +=
                double{qkv[q * stride + h * d + i]} * double{qkv[k * stride + width + h * d + i]};
          total += weight[k] = std::exp(dot / std::sqrt(static_cast<double>(d)));
        }
        for (std::size_t k = 0; k < tokens; ++k)
          for (std::size_t i = 0; i < d; ++i)
            expected[q * width + h * d + i] +=
                weight[k] / total * double{qkv[k * stride + 2 * width + h * d + i]};
      }
    }
    for (const Kernels* kernels : all_kernels()) {
      std::vector<float> out(tokens * padded(width)), scratch(attention_scratch(tokens, d));
      kernels->attend({qkv.data(), stride, tokens, width, heads, out.data(), padded(width),
                       scratch.data(), 0, heads});
      for (std::size_t q = 0; q < tokens; ++q)
        for (std::size_t i = 0; i < width; ++i)
          ASSERT_NEAR(out[q * padded(width) + i], expected[q * width + i], 2e-6) << kernels->name;
    }
  }
}

}  // namespace
}  // namespace zhiyin::model::detail
