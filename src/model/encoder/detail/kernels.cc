#include "model/encoder/detail/kernels.h"

#ifdef ZHIYIN_X86_KERNELS
#include <cpuid.h>
#endif

#include <algorithm>
#include <array>
#include <cstring>
#include <vector>

#include "base/random.h"

namespace zhiyin::model::detail {

#ifdef ZHIYIN_X86_KERNELS
extern const Kernels kAvx2Kernels;
extern const Kernels kAvxVnniKernels;
extern const Kernels kAvx512VnniKernels;
#endif

namespace {

#ifdef ZHIYIN_X86_KERNELS
/// Leaf 7.1; the registers are those of AVX2.
bool has_avx_vnni() {
  unsigned a = 0, b = 0, c = 0, d = 0;
  return __get_cpuid_count(7, 1, &a, &b, &c, &d) != 0 && (a & 1U << 4) != 0;
}
#endif

struct Usable {
  std::array<const Kernels*, 4> list{};
  std::size_t count = 0;
  void add(const Kernels& kernels) { list[count++] = &kernels; }
};

Usable find_usable() {
  Usable out;
#ifdef ZHIYIN_X86_KERNELS
  // __builtin_cpu_supports looks at what the system saves of the registers, too.
  __builtin_cpu_init();
  const bool avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
  if (avx2 && __builtin_cpu_supports("avx512vnni") && __builtin_cpu_supports("avx512f") &&
      __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq") &&
      __builtin_cpu_supports("avx512vl"))
    out.add(kAvx512VnniKernels);
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

bool agrees_with_portable(const Kernels& kernels) {
  const Trial trial;
  const std::vector<float> mine = trial.run(kernels);
  const std::vector<float> theirs = trial.run(kPortableKernels);
  return std::memcmp(mine.data(), theirs.data(), mine.size() * sizeof(float)) == 0;
}

}  // namespace zhiyin::model::detail
