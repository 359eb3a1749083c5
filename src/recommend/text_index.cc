#include "recommend/text_index.h"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <thread>
#include <utility>

// The distances are our own; its header would define functions that are not inline.
#define NO_MANUAL_VECTORIZATION
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wshadow"
#pragma GCC diagnostic ignored "-Wcast-qual"
#pragma GCC diagnostic ignored "-Wunused-parameter"
#pragma GCC diagnostic ignored "-Wsign-compare"
#pragma GCC diagnostic ignored "-Wnon-virtual-dtor"
#pragma GCC diagnostic ignored "-Woverloaded-virtual"
#pragma GCC diagnostic ignored "-Wunused-variable"
#pragma GCC diagnostic ignored "-Wreorder"
#include <hnswlib/hnswlib.h>
#pragma GCC diagnostic pop

namespace zhiyin::recommend {
namespace {

/// Links of a row on each level, and how far is looked for them.
constexpr std::size_t kLinks = 16;
constexpr std::size_t kLookedAt = 100;

/// What lies in the graph for a row: where its numbers are.
struct Pointer {
  const std::int8_t* values = nullptr;
  float norm = 0;
};

#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__)
__attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))
#endif
std::int32_t
dot(const std::int8_t* a, const std::int8_t* b, std::size_t step) {
  std::int32_t sum = 0;
  for (std::size_t i = 0; i < step; ++i) sum += std::int32_t{a[i]} * b[i];
  return sum;
}

float distance(const void* a, const void* b, const void* step) {
  const auto& left = *static_cast<const Pointer*>(a);
  const auto& right = *static_cast<const Pointer*>(b);
  const auto product =
      static_cast<float>(dot(left.values, right.values, *static_cast<const std::size_t*>(step)));
  return 1 - product * (left.norm * right.norm);
}

class Cosine : public hnswlib::SpaceInterface<float> {
 public:
  explicit Cosine(std::size_t step) : step_(step) {}
  ~Cosine() override = default;
  std::size_t get_data_size() override { return sizeof(Pointer); }
  hnswlib::DISTFUNC<float> get_dist_func() override { return distance; }
  void* get_dist_func_param() override { return &step_; }

 private:
  std::size_t step_;
};

}  // namespace

struct TextIndex::Graph {
  Graph(std::size_t step, std::size_t rows) : space(step), links(&space, rows, kLinks, kLookedAt) {}
  Cosine space;
  hnswlib::HierarchicalNSW<float> links;
};

TextIndex::TextIndex(std::unique_ptr<Graph> graph) : graph_(std::move(graph)) {}
TextIndex::~TextIndex() = default;

Result<std::unique_ptr<const TextIndex>> TextIndex::build(std::size_t step,
                                                          std::span<const std::int8_t> values,
                                                          std::span<const float> norms,
                                                          int threads) {
  if (step < 1 || values.size() != step * norms.size())
    return fail_field("values", "{} numbers are not {} rows of {}", values.size(), norms.size(),
                      step);
  try {
    auto graph = std::make_unique<Graph>(step, std::max<std::size_t>(1, norms.size()));
    std::atomic<std::size_t> next{0};
    std::atomic<bool> failed{false};
    const auto add = [&] {
      try {
        for (std::size_t row = next++; row < norms.size() && !failed; row = next++) {
          if (norms[row] == 0) continue;
          const Pointer pointer{values.data() + row * step, norms[row]};
          graph->links.addPoint(&pointer, row);
        }
      } catch (const std::exception&) {
        failed = true;
      }
    };
    {
      std::vector<std::jthread> others;
      for (int t = 1; t < threads; ++t) others.emplace_back(add);
      add();
    }
    if (failed)
      return fail(ErrorCode::kUnavailable, "text index: no memory for {} rows", norms.size());
    return std::unique_ptr<const TextIndex>(new TextIndex(std::move(graph)));
  } catch (const std::exception& e) {
    return fail(ErrorCode::kUnavailable, "text index: {}", e.what());
  }
}

std::vector<std::uint32_t> TextIndex::nearest(std::span<const std::int8_t> query,
                                              std::size_t count) const {
  std::int64_t squares = 0;
  for (const std::int8_t v : query) squares += std::int64_t{v} * v;
  if (squares == 0 || count == 0 || graph_->links.cur_element_count == 0) return {};
  const Pointer pointer{query.data(),
                        static_cast<float>(1 / std::sqrt(static_cast<double>(squares)))};
  std::vector<std::pair<float, std::uint32_t>> found;
  try {
    auto heap = graph_->links.searchKnn(&pointer, count);
    for (; !heap.empty(); heap.pop())
      found.emplace_back(heap.top().first, static_cast<std::uint32_t>(heap.top().second));
  } catch (const std::exception&) {
    return {};  // no memory: the caller compares one by one
  }
  std::ranges::sort(found);
  std::vector<std::uint32_t> out;
  for (const auto& [far, row] : found) out.push_back(row);
  return out;
}

}  // namespace zhiyin::recommend
