#include "base/metrics.h"

#include <fmt/core.h>

#include <algorithm>

namespace zhiyin {
namespace {

std::string braces(std::string_view labels, std::string_view extra = {}) {
  if (labels.empty() && extra.empty()) return "";
  const std::string_view comma = labels.empty() || extra.empty() ? "" : ",";
  return fmt::format("{{{}{}{}}}", labels, comma, extra);
}

}  // namespace

Histogram::Histogram(std::vector<double> bounds)
    : bounds_(std::move(bounds)),
      counts_(std::make_unique<std::atomic<std::int64_t>[]>(bounds_.size() + 1)) {}

void Histogram::observe(double value) {
  const auto at = std::lower_bound(bounds_.begin(), bounds_.end(), value) - bounds_.begin();
  counts_[static_cast<std::size_t>(at)].fetch_add(1, std::memory_order_relaxed);
  sum_.fetch_add(value, std::memory_order_relaxed);
}

void Histogram::write(std::string& out, std::string_view name, std::string_view labels) const {
  std::int64_t total = 0;
  for (std::size_t i = 0; i <= bounds_.size(); ++i) {
    total += counts_[i].load(std::memory_order_relaxed);
    const std::string bound = i < bounds_.size() ? fmt::format("{}", bounds_[i]) : "+Inf";
    out += fmt::format("{}_bucket{} {}\n", name, braces(labels, fmt::format("le=\"{}\"", bound)),
                       total);
  }
  out += fmt::format("{}_sum{} {}\n{}_count{} {}\n", name, braces(labels), sum_.load(), name,
                     braces(labels), total);
}

Counter& MetricsRegistry::counter(std::string_view name, std::string_view help,
                                  std::string_view labels) {
  MutexLock lock(mutex_);
  Family& family = families_[std::string(name)];
  family.help = help;
  if (const auto found = family.counters.find(labels); found != family.counters.end()) {
    return *found->second;
  }
  const std::string_view key = series_ < kSeriesMax ? labels : "overflow=\"true\"";
  auto& slot = family.counters[std::string(key)];
  if (!slot) {
    slot = std::make_unique<Counter>();
    ++series_;
  }
  return *slot;
}

Histogram& MetricsRegistry::latency(std::string_view name, std::string_view help,
                                    std::string_view labels) {
  MutexLock lock(mutex_);
  Family& family = families_[std::string(name)];
  family.help = help;
  if (const auto found = family.histograms.find(labels); found != family.histograms.end()) {
    return *found->second;
  }
  const std::string_view key = series_ < kSeriesMax ? labels : "overflow=\"true\"";
  auto& slot = family.histograms[std::string(key)];
  if (!slot) {
    slot = std::make_unique<Histogram>(std::vector<double>{0.0005, 0.001, 0.002, 0.005, 0.01, 0.02,
                                                           0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10});
    ++series_;
  }
  return *slot;
}

void MetricsRegistry::gauge(std::string_view name, std::string_view help,
                            std::function<double()> read) {
  MutexLock lock(mutex_);
  Family& family = families_[std::string(name)];
  family.help = help;
  family.gauge = std::move(read);
}

std::string MetricsRegistry::text() const {
  MutexLock lock(mutex_);
  std::string out;
  for (const auto& [name, family] : families_) {
    const std::string_view type = family.gauge              ? "gauge"
                                  : family.counters.empty() ? "histogram"
                                                            : "counter";
    out += fmt::format("# HELP {} {}\n# TYPE {} {}\n", name, family.help, name, type);
    for (const auto& [labels, counter] : family.counters) {
      out += fmt::format("{}{} {}\n", name, braces(labels), counter->value());
    }
    for (const auto& [labels, histogram] : family.histograms) histogram->write(out, name, labels);
    if (family.gauge) out += fmt::format("{} {}\n", name, family.gauge());
  }
  return out;
}

}  // namespace zhiyin
