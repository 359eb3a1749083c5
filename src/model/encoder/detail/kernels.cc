#include "model/encoder/detail/kernels.h"

#ifdef ZHIYIN_X86_KERNELS
#include <cpuid.h>
#endif

#include <algorithm>
#include <array>
#include <chrono>
#include <cstring>
#include <vector>

#include "base/random.h"
#include "model/encoder/detail/amx_support.h"

namespace zhiyin::model::detail {

#ifdef ZHIYIN_X86_KERNELS
extern const Kernels kAvx2Kernels;
extern const Kernels kAvxVnniKernels;
extern const Kernels kAvx512VnniKernels;
extern const Kernels kAmxKernels;      // every product of bytes by tiles
extern const Kernels kAmxVnniKernels;  // those of more than 16 rows; others as AVX-512 VNNI
#endif

namespace {

#ifdef ZHIYIN_X86_KERNELS
/// Leaf 7.1; the registers are those of AVX2.
bool has_avx_vnni() {
  unsigned a = 0, b = 0, c = 0, d = 0;
  return __get_cpuid_count(7, 1, &a, &b, &c, &d) != 0 && (a & 1U << 4) != 0;
}
#endif

/// A product of bytes, with numbers that are made within some ten microseconds.
class BytesTrial {
 public:
  /// Requires multiples of 16.
  BytesTrial(std::size_t rows, std::size_t inputs, std::size_t columns)
      : inputs_(inputs),
        columns_(columns),
        bytes_(rows * inputs),
        rows_(rows),
        panels_(inputs * columns),
        sums_(columns),
        floats_(columns),
        out_(rows * columns) {
    std::uint32_t turn = 0;
    const auto next = [&] { return turn = turn * 1664525U + 1013904223U; };
    for (std::uint8_t& x : bytes_) x = static_cast<std::uint8_t>(next() >> 24);
    for (RowScale& row : rows_) row = {0.01F, static_cast<std::int32_t>(next() >> 24)};
    for (std::int8_t& x : panels_) x = static_cast<std::int8_t>((next() >> 25) - 64U);
    for (std::int32_t& x : sums_) x = static_cast<std::int32_t>(next() >> 16) - 32768;
    for (float& x : floats_) x = static_cast<float>(next() >> 8);
  }

  /// Of the first rows.
  std::span<const float> run(const Kernels& kernels, std::size_t rows) {
    kernels.product_int8({bytes_.data(), inputs_, rows_.data(), rows, panels_.data(),
                          floats_.data(), sums_.data(), floats_.data(), inputs_ / kGroup, columns_,
                          out_.data(), columns_, Activation::kNone});
    return std::span(out_).first(rows * columns_);
  }

 private:
  std::size_t inputs_, columns_;
  std::vector<std::uint8_t> bytes_;
  std::vector<RowScale> rows_;
  std::vector<std::int8_t> panels_;
  std::vector<std::int32_t> sums_;
  std::vector<float> floats_;  // scales of the columns, and biases
  std::vector<float> out_;
};

/// Products that fill tiles of AMX, of each number of these.
bool same_sums_as_portable(const Kernels& kernels) {
  BytesTrial mine(40, 128, 80), theirs = mine;
  return std::ranges::all_of(std::array{5U, 30U, 40U}, [&](std::size_t rows) {
    return std::ranges::equal(mine.run(kernels, rows), theirs.run(kPortableKernels, rows));
  });
}

struct Usable {
  std::array<const Kernels*, 6> list{};
  std::size_t count = 0;
  void add(const Kernels& kernels) { list[count++] = &kernels; }
};

#ifdef ZHIYIN_X86_KERNELS
/// The quickest by the clock, then AVX-512 VNNI, which takes over where that one gives other bits.
void add_amx(Usable& out) {
  const std::array<const Kernels*, 3> all{&kAmxKernels, &kAmxVnniKernels, &kAvx512VnniKernels};
  const Kernels* const best = &quickest_for_bytes(all);
  out.add(*best);
  if (best != &kAvx512VnniKernels) out.add(kAvx512VnniKernels);
  for (const Kernels* const kernels : all)
    if (kernels != best && kernels != &kAvx512VnniKernels) out.add(*kernels);
}
#endif

Usable find_usable() {
  Usable out;
#ifdef ZHIYIN_X86_KERNELS
  // __builtin_cpu_supports looks at what the system saves of the registers, too.
  __builtin_cpu_init();
  const bool avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
  const bool avx512 = avx2 && __builtin_cpu_supports("avx512vnni") &&
                      __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
                      __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl");
  if (avx512 && tiles_usable()) {
    add_amx(out);
  } else if (avx512) {
    out.add(kAvx512VnniKernels);
  }
  if (avx2 && has_avx_vnni()) out.add(kAvxVnniKernels);
  if (avx2) out.add(kAvx2Kernels);
#endif
  out.add(kPortableKernels);
  return out;
}

/// A small layer's worth of work with odd sizes: every function, every tail.
class Trial {
 public:
  Trial() {
    Random random(5);
    for (float& x : rows_) x = static_cast<float>(random.normal());
    for (std::size_t i = 0; i < panels_.size(); i += 2) {
      const int first = static_cast<int>(random.below(255)) - 127;
      const int room = 128 - (first < 0 ? -first : first);
      const auto span = static_cast<std::uint64_t>(2 * room) + 1;
      const int second = static_cast<int>(random.below(span)) - room;
      panels_[i] = static_cast<std::int8_t>(first);
      panels_[i + 1] = static_cast<std::int8_t>(std::clamp(second, -127, 127));
    }
    for (float& x : float_panels_) x = static_cast<float>(random.normal());
    for (std::size_t c = 0; c < kColumns; ++c) {
      scales_[c] = 0.01F + 0.001F * static_cast<float>(c);
      bias_[c] = static_cast<float>(random.normal());
      sums_[c] = 0;
      for (std::size_t i = 0; i < kInputs; ++i)
        sums_[c] += panels_[(c / 16 * kInputs / 4 + i / 4) * 64 + c % 16 * 4 + i % 4];
    }
  }

  /// Everything that the kernels make of it, one after the other.
  [[nodiscard]] std::vector<float> run(const Kernels& kernels) const {
    std::vector<float> all;
    std::vector<std::uint8_t> bytes(kRows * padded(kInputs));
    RowScale row_scales[kRows];
    kernels.quantise({rows_.data(), padded(kInputs), kRows, kInputs, bytes.data(), row_scales});
    std::vector<float> out(kRows * kColumns);
    const auto keep = [&] { all.insert(all.end(), out.begin(), out.end()); };
    kernels.product_int8({bytes.data(), padded(kInputs), row_scales, kRows, panels_.data(),
                          scales_.data(), sums_.data(), bias_.data(), kInputs / 4, kColumns,
                          out.data(), kColumns, Activation::kGelu});
    keep();
    kernels.product_float({rows_.data(), padded(kInputs), kRows, float_panels_.data(), bias_.data(),
                           kInputs, kColumns, out.data(), kColumns, Activation::kNone});
    keep();
    std::vector<float> scratch(attention_scratch(kRows, kWidth / kHeads));
    std::vector<float> context(kRows * padded(kWidth));
    kernels.attend({out.data(), kColumns, kRows, kWidth, kHeads, context.data(), padded(kWidth),
                    scratch.data(), 0, kHeads});
    kernels.norm({context.data(), rows_.data(), padded(kWidth), kRows, kWidth, scales_.data(),
                  bias_.data(), 1e-12F});
    kernels.norm({context.data(), rows_.data(), padded(kWidth), kRows, kWidth, scales_.data(),
                  bias_.data(), 1e-12F, float_panels_.data()});
    for (std::size_t row = 0; row < kRows; ++row)
      all.insert(all.end(), context.begin() + static_cast<std::ptrdiff_t>(row * padded(kWidth)),
                 context.begin() + static_cast<std::ptrdiff_t>(row * padded(kWidth) + kWidth));
    return all;
  }

 private:
  static constexpr std::size_t kRows = 17;
  static constexpr std::size_t kInputs = 52;
  static constexpr std::size_t kWidth = 30;
  static constexpr std::size_t kHeads = 3;
  static constexpr std::size_t kColumns = 96;
  std::array<float, kRows * padded(kInputs)> rows_;
  std::array<std::int8_t, kColumns * kInputs> panels_;
  std::array<float, kColumns * kInputs> float_panels_;
  std::array<float, kColumns> scales_, bias_;
  std::array<std::int32_t, kColumns> sums_;
};

}  // namespace

std::span<const Kernels* const> usable_kernels() {
  static const Usable usable = find_usable();
  return {usable.list.data(), usable.count};
}

const Kernels& quickest_for_bytes(std::span<const Kernels* const> kernels) {
  using Clock = std::chrono::steady_clock;
  BytesTrial trial(48, 384, 384);
  const auto shortest = [&](const Kernels& one, std::size_t rows) {
    auto out = Clock::duration::max();
    for (int run = 0; run < 4; ++run) {
      const Clock::time_point begin = Clock::now();
      trial.run(one, rows);
      out = std::min(out, Clock::now() - begin);
    }
    return out;
  };
  const Kernels* best = nullptr;
  auto least = Clock::duration::max();
  for (const Kernels* const one : kernels) {
    const auto time = shortest(*one, 16) + shortest(*one, 48);
    if (best == nullptr || time < least) best = one, least = time;
  }
  return *best;
}

bool agrees_with_portable(const Kernels& kernels) {
  const Trial trial;
  const std::vector<float> mine = trial.run(kernels);
  const std::vector<float> theirs = trial.run(kPortableKernels);
  return std::memcmp(mine.data(), theirs.data(), mine.size() * sizeof(float)) == 0 &&
         same_sums_as_portable(kernels);
}

}  // namespace zhiyin::model::detail
