// Speed of the encoder engine beside the processor's peak and oneDNN's products, on one thread.
//
//   encoder_bench peaks
//   encoder_bench memory MEGABYTES          bytes that one thread reads in a second, out of so many
//   encoder_bench roof WIDTH INNER          oneDNN's products of one layer, packed to 1,024 tokens
//   encoder_bench made int8|float32 [KERNELS]  our engine on BERT-base's shape with made weights,
//                                           by the best kernels or those named (avx2, amx, ...)
//   encoder_bench ids ENCODER FILE [N]      our engine on texts as ids (one text a line, first N);
//                                           ENCODER `made`: BERT-base's shape
//   encoder_bench vectors ENCODER FILE PRECISION OUTPUT   their vectors, float32
//   encoder_bench long ENCODER THREADS      one text of 128 and of 512 tokens on one and on THREADS
//
// One JSON object a line. Every figure is the best of several runs, by the processor's time of the
// one thread that works (`long`: by the clock): neighbours only ever slow it.
#include <fmt/core.h>
#include <immintrin.h>

#include <algorithm>
#include <chrono>
#include <ctime>
#include <fstream>
#include <functional>
#include <oneapi/dnnl/dnnl.hpp>
#include <sstream>
#include <string>

#include "base/random.h"
#include "base/thread_pool.h"
#include "model/encoder/compile_encoder.h"
#include "model/encoder/detail/amx_support.h"
#include "model/encoder/encoder.h"

namespace {

using namespace zhiyin;
using namespace zhiyin::model;

/// Of this thread on a processor: what others take of the clock does not count.
double processor_seconds() {
  timespec now{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec);
}

double seconds(const std::function<void()>& work) {
  const double begin = processor_seconds();
  work();
  return processor_seconds() - begin;
}

/// The shortest of runs for about `budget` seconds, at least three.
double best(double budget, const std::function<void()>& work) {
  double shortest = seconds(work), used = shortest;
  for (int runs = 1; runs < 3 || used < budget; ++runs) {
    const double one = seconds(work);
    shortest = std::min(shortest, one);
    used += one;
  }
  return shortest;
}

constexpr int kPeakLoops = 4'000'000;

// Twelve independent sums that never leave their registers. In assembly, because g++ copies them to
// and fro otherwise, which costs a fifth.
#define ZHIYIN_TWELVE(line)                                                                       \
  line "0\n\t" line "1\n\t" line "2\n\t" line "3\n\t" line "4\n\t" line "5\n\t" line "6\n\t" line \
       "7\n\t" line "8\n\t" line "9\n\t" line "10\n\t" line "11\n\t"
#define ZHIYIN_PEAK(operation, registers, constraint, a, b)                                    \
  int loops = kPeakLoops;                                                                      \
  asm volatile(ZHIYIN_TWELVE("vmovaps %[first], %%" registers) "1:\n\t" ZHIYIN_TWELVE(         \
                   operation " %[second], %[first], %%" registers) "dec %[loops]\n\tjnz 1b"    \
               : [loops] "+r"(loops)                                                           \
               : [first] constraint(a), [second] constraint(b)                                 \
               : "cc", "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7", "xmm8", \
                 "xmm9", "xmm10", "xmm11")

__attribute__((target("avx2,fma"))) void float_peak_avx2() {
  const __m256 a = _mm256_set1_ps(1), b = _mm256_set1_ps(2);
  ZHIYIN_PEAK("vfmadd231ps", "ymm", "x", a, b);
}
__attribute__((target("avx2"))) void int8_peak_avx2(float* out) {
  __m256i sums[12];
  for (auto& sum : sums) sum = _mm256_setzero_si256();
  __m256i a = _mm256_set1_epi8(static_cast<char>(out[0])), b = _mm256_set1_epi8(3);
  const __m256i ones = _mm256_set1_epi16(1);
  for (int i = 0; i < kPeakLoops; ++i) {
#pragma GCC unroll 12
    for (int k = 0; k < 12; ++k) {
      asm volatile("" : "+x"(a));
      sums[k] = _mm256_add_epi32(sums[k], _mm256_madd_epi16(_mm256_maddubs_epi16(a, b), ones));
    }
  }
  for (const auto& sum : sums) out[2] += static_cast<float>(_mm256_extract_epi32(sum, 0));
}
__attribute__((target("avx512f"))) void float_peak_avx512() {
  const __m512 a = _mm512_set1_ps(1), b = _mm512_set1_ps(2);
  ZHIYIN_PEAK("vfmadd231ps", "zmm", "v", a, b);
}
__attribute__((target("avx512f,avx512vnni"))) void int8_peak_avx512() {
  const __m512i a = _mm512_set1_epi32(1), b = _mm512_set1_epi32(3);
  ZHIYIN_PEAK("vpdpbusd", "zmm", "v", a, b);
}

void peaks() {
  float out[3] = {1, 2, 0};
  const bool wide = __builtin_cpu_supports("avx512vnni") != 0;
  const double f = best(1, [&] { wide ? float_peak_avx512() : float_peak_avx2(); });
  const double i = best(1, [&] { wide ? int8_peak_avx512() : int8_peak_avx2(out); });
  const double lanes = wide ? 16 : 8;
  fmt::print("{{\"float_gops\":{:.1f},\"int8_gops\":{:.1f}",
             12.0 * kPeakLoops * lanes * 2 / f * 1e-9,
             12.0 * kPeakLoops * lanes * 4 * 2 / i * 1e-9);
  if (detail::tiles_usable()) {
    constexpr std::size_t kSteps = 500'000;
    const double tiles = best(1, [] { detail::multiply_tiles(kSteps); });
    fmt::print(",\"amx_gops\":{:.1f}", 4.0 * 32'768 * kSteps / tiles * 1e-9);
  }
  fmt::print("}}\n");
}

/// The sum of what is read, ahead of which lines are fetched, as the products do with weights.
__attribute__((target("avx2"))) float read_all(const std::vector<float>& block, std::size_t ahead) {
  __m256 sums[8];
  for (auto& sum : sums) sum = _mm256_setzero_ps();
  const float* const from = block.data();
  for (std::size_t i = 0; i + 64 <= block.size(); i += 64) {
    for (std::size_t line = 0; line < 4 && ahead != 0; ++line)
      __builtin_prefetch(from + i + ahead + 16 * line, 0, 2);
    for (std::size_t k = 0; k < 8; ++k)
      sums[k] = _mm256_add_ps(sums[k], _mm256_loadu_ps(from + i + 8 * k));
  }
  float out = 0;
  for (const auto& sum : sums) out += _mm256_cvtss_f32(sum);
  return out;
}

void memory(std::size_t megabytes) {
  const std::vector<float> block(megabytes * 250'000, 1.0F);
  double shortest = 1e9;
  volatile float sink = 0;
  for (const std::size_t ahead : {0U, 256U, 1024U, 4096U})
    shortest = std::min(shortest, best(0.5, [&] { sink = read_all(block, ahead); }));
  fmt::print("{{\"megabytes\":{},\"gigabytes_per_second\":{:.1f},\"milliseconds\":{:.2f}}}\n",
             megabytes, static_cast<double>(megabytes) / shortest * 1e-3, shortest * 1e3);
}

/// oneDNN's time for one product of 1,024 rows, weights in the layout that it likes best.
double onednn_seconds(dnnl::memory::dim inputs, dnnl::memory::dim columns, bool int8) {
  using dnnl::memory;
  using dt = memory::data_type;
  dnnl::engine engine(dnnl::engine::kind::cpu, 0);
  dnnl::stream stream(engine);
  const memory::desc a({1024, inputs}, int8 ? dt::u8 : dt::f32, memory::format_tag::ab);
  const memory::desc b({inputs, columns}, int8 ? dt::s8 : dt::f32, memory::format_tag::any);
  const memory::desc c({1024, columns}, int8 ? dt::s32 : dt::f32, memory::format_tag::ab);
  const dnnl::matmul::primitive_desc pd(dnnl::matmul::desc(a, b, c), engine);
  const dnnl::matmul product(pd);
  memory ma(pd.src_desc(), engine), mb(pd.weights_desc(), engine), mc(pd.dst_desc(), engine);
  for (const memory& m : {ma, mb})
    std::fill_n(static_cast<char*>(m.get_data_handle()), m.get_desc().get_size(), char{0});
  return best(0.7, [&] {
    product.execute(stream, {{DNNL_ARG_SRC, ma}, {DNNL_ARG_WEIGHTS, mb}, {DNNL_ARG_DST, mc}});
    stream.wait();
  });
}

void roof(long width, long inner) {
  for (const bool int8 : {true, false}) {
    const double time = onednn_seconds(width, 3 * width, int8) +
                        onednn_seconds(width, width, int8) + onednn_seconds(width, inner, int8) +
                        onednn_seconds(inner, width, int8);
    const double operations =
        2.0 * 1024 * static_cast<double>(4 * width * width + 2 * width * inner);
    fmt::print("{{\"precision\":\"{}\",\"roof_gops\":{:.1f}}}\n", int8 ? "int8" : "float32",
               operations / time * 1e-9);
  }
}

/// BERT-base with made weights.
class MadeSource : public EncoderSource {
 public:
  const EncoderShape& shape() const override { return shape_; }
  Result<std::vector<float>> tensor(std::string_view name) const override {
    Random random(std::hash<std::string_view>()(name));
    std::vector<float> out(tensor_elements(shape_, name));
    const float middle = name.find("ln.w") != std::string_view::npos ? 1 : 0;
    for (float& x : out) x = middle + static_cast<float>(random.uniform() - 0.5) * 0.1F;
    return out;
  }
  void word_row(std::size_t id, std::span<float> out) const override {
    Random random(id);
    for (float& x : out) x = static_cast<float>(random.uniform() - 0.5);
  }

 private:
  EncoderShape shape_{.width = 768,
                      .layers = 12,
                      .heads = 12,
                      .inner = 3072,
                      .vocabulary = 21128,
                      .positions = 512,
                      .token_types = 2};
};

/// Of the products with weights.
double operations_per_token(const EncoderShape& s) {
  return 2.0 * static_cast<double>(s.layers * (4 * s.width * s.width + 2 * s.width * s.inner));
}

/// Of one text's attention, by floats: scores and what they weigh.
double attention_operations(const EncoderShape& s, std::size_t tokens) {
  return 4.0 * static_cast<double>(s.layers * tokens * tokens * s.width);
}

/// Seconds for these texts, all in one call.
double encode_seconds(const Encoder& encoder, const std::vector<std::vector<std::int32_t>>& texts,
                      double budget) {
  std::vector<EncoderText> views;
  for (const auto& ids : texts) views.push_back({.ids = ids});
  std::vector<float> out(texts.size() * encoder.shape().width);
  EncoderWorkspace workspace(encoder.shape());
  return best(budget, [&] {
    if (!encoder.encode(views, {}, workspace, out)) std::abort();
  });
}

std::shared_ptr<const Encoder> made_encoder(Precision precision, std::string_view kernels = {}) {
  const auto encoder = Encoder::create(
      *EncoderFile::from_bytes(*compile_encoder(MadeSource(), {.precision = precision})),
      {.kernels = kernels});
  if (encoder) return *encoder;
  fmt::print(stderr, "{}\n", encoder.error().text());
  std::exit(1);
}

void made(const std::string& precision, std::string_view kernels) {
  const auto encoder =
      made_encoder(precision == "int8" ? Precision::kInt8 : Precision::kFloat, kernels);
  for (const std::size_t tokens : {16U, 32U, 64U, 128U, 512U}) {
    const std::vector<std::vector<std::int32_t>> texts(1, std::vector<std::int32_t>(tokens, 100));
    const double time = encode_seconds(*encoder, texts, 1.5);
    fmt::print(
        "{{\"shape\":\"bert-base\",\"precision\":\"{}\",\"kernels\":\"{}\",\"tokens\":{},"
        "\"milliseconds\":{:.2f},\"tokens_per_second\":{:.0f},\"gops\":{:.1f},"
        "\"attention_gops\":{:.1f}}}\n",
        precision, encoder->kernels(), tokens, time * 1e3, static_cast<double>(tokens) / time,
        static_cast<double>(tokens) * operations_per_token(encoder->shape()) / time * 1e-9,
        attention_operations(encoder->shape(), tokens) / time * 1e-9);
    std::fflush(stdout);
  }
}

struct Loaded {
  std::shared_ptr<const Encoder> encoder;
  std::vector<std::vector<std::int32_t>> texts;
};

Loaded load(const std::string& path, const std::string& file, std::size_t count,
            const std::string& precision) {
  const Precision wanted = precision == "float32" ? Precision::kFloat : Precision::kInt8;
  const auto encoder = path == "made" ? Result<std::shared_ptr<const Encoder>>(made_encoder(wanted))
                                      : Encoder::open(path, {.precision = wanted});
  if (!encoder) {
    fmt::print(stderr, "{}\n", encoder.error().text());
    std::exit(1);
  }
  std::vector<std::vector<std::int32_t>> texts;
  std::ifstream in(file);
  for (std::string line; texts.size() < count && std::getline(in, line);) {
    std::istringstream words(line);
    texts.emplace_back();
    for (std::int32_t id = 0; words >> id;) texts.back().push_back(id);
  }
  return {*encoder, std::move(texts)};
}

/// The vectors of all texts as float32, one after the other, to compare precisions by.
void vectors(const Loaded& loaded, const std::string& output) {
  std::vector<EncoderText> views;
  for (const auto& one : loaded.texts) views.push_back({.ids = one});
  std::vector<float> out(loaded.texts.size() * loaded.encoder->shape().width);
  EncoderWorkspace workspace(loaded.encoder->shape());
  if (!loaded.encoder->encode(views, {}, workspace, out)) std::abort();
  std::ofstream(output, std::ios::binary)
      .write(reinterpret_cast<const char*>(out.data()),
             static_cast<std::streamsize>(out.size() * sizeof(float)));
}

void ids(const Loaded& loaded) {
  const auto& [encoder, texts] = loaded;
  std::size_t tokens = 0;
  for (const auto& text : texts) tokens += text.size();
  const double packed = encode_seconds(*encoder, texts, 2);
  EncoderWorkspace workspace(encoder->shape());
  std::vector<float> out(encoder->shape().width);
  const double single = best(2, [&] {
    for (const auto& text : texts) {
      const EncoderText one{.ids = text};
      if (!encoder->encode({&one, 1}, {}, workspace, out)) std::abort();
    }
  });
  fmt::print(
      "{{\"kernels\":\"{}\",\"texts\":{},\"tokens\":{},\"tokens_per_second\":{:.0f},"
      "\"gops\":{:.1f},\"single_tokens_per_second\":{:.0f},\"single_milliseconds\":{:.3f}}}\n",
      encoder->kernels(), texts.size(), tokens, static_cast<double>(tokens) / packed,
      static_cast<double>(tokens) * operations_per_token(encoder->shape()) / packed * 1e-9,
      static_cast<double>(tokens) / single, single * 1e3 / static_cast<double>(texts.size()));
}

/// By the clock, since several work; the shortest of fifteen runs.
double clock_seconds(const std::function<void()>& work) {
  double shortest = 1e9;
  for (int run = 0; run < 15; ++run) {
    const auto begin = std::chrono::steady_clock::now();
    work();
    shortest = std::min(
        shortest, std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count());
  }
  return shortest;
}

void long_text(const std::string& path, std::size_t threads) {
  const auto encoder = load(path, "", 0, "int8").encoder;
  EncoderWorkspace workspace(encoder->shape(), 512, threads);
  ThreadPool pool(threads, 64);
  std::vector<float> alone(encoder->shape().width), together = alone;
  for (const std::size_t tokens : {128U, 512U}) {
    const std::vector<std::int32_t> ids(tokens, 100);
    const EncoderText text{.ids = ids};
    const auto run = [&](std::vector<float>& out, std::size_t helpers) {
      return clock_seconds([&] {
        if (!encoder->encode({&text, 1}, {.pool = &pool, .threads = helpers}, workspace, out))
          std::abort();
      });
    };
    const double one = run(alone, 1), all = run(together, threads);
    fmt::print(
        "{{\"tokens\":{},\"threads\":{},\"one_milliseconds\":{:.2f},\"milliseconds\":{:.2f},"
        "\"ratio\":{:.2f},\"same_bits\":{}}}\n",
        tokens, threads, one * 1e3, all * 1e3, one / all, alone == together);
  }
}

}  // namespace

int main(int argc, char** argv) {
  const std::vector<std::string> words(argv + 1, argv + argc);
  const auto word = [&](std::size_t i) { return i < words.size() ? words[i] : std::string(); };
  if (word(0) == "peaks")
    peaks();
  else if (word(0) == "memory" && words.size() == 2)
    memory(std::stoul(word(1)));
  else if (word(0) == "roof" && words.size() == 3)
    roof(std::stol(word(1)), std::stol(word(2)));
  else if (word(0) == "made" && (words.size() == 2 || words.size() == 3))
    made(word(1), word(2));
  else if (word(0) == "ids" && words.size() >= 3)
    ids(load(word(1), word(2), words.size() > 3 ? std::stoul(word(3)) : 1'000'000, word(4)));
  else if (word(0) == "vectors" && words.size() == 5)
    vectors(load(word(1), word(2), 1'000'000, word(3)), word(4));
  else if (word(0) == "long" && words.size() == 3)
    long_text(word(1), std::stoul(word(2)));
  else {
    fmt::print(stderr,
               "usage: encoder_bench peaks | memory MEGABYTES | roof WIDTH INNER | made PRECISION "
               "[KERNELS] | ids ENCODER FILE "
               "[N [PRECISION]] | long ENCODER THREADS\n");
    return 2;
  }
  return 0;
}
