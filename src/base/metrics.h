#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/mutex.h"

namespace zhiyin {

/// A number that only grows. Thread-safe.
class Counter {
 public:
  void add(std::int64_t n = 1) { value_.fetch_add(n, std::memory_order_relaxed); }
  [[nodiscard]] std::int64_t value() const { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<std::int64_t> value_{0};
};

/// Counts of observations below fixed bounds, as Prometheus histograms. Thread-safe.
class Histogram {
 public:
  /// `bounds` ascending, in the unit of the metric.
  explicit Histogram(std::vector<double> bounds);
  void observe(double value);
  void write(std::string& out, std::string_view name, std::string_view labels) const;

 private:
  std::vector<double> bounds_;
  std::unique_ptr<std::atomic<std::int64_t>[]> counts_;
  std::atomic<double> sum_{0};
};

/// All metrics of a process, by name and labels; `text()` is the body of /metrics. Thread-safe;
/// returned references live as long as the registry. Names follow Prometheus (`zhiyin_…_total`).
/// At most kSeriesMax series; further ones share one counter labelled as overflow.
class MetricsRegistry {
 public:
  static constexpr std::size_t kSeriesMax = 5000;

  /// `labels` as they appear between braces: `route="/v1/events",code="200"`, or empty.
  Counter& counter(std::string_view name, std::string_view help, std::string_view labels = {});
  /// Seconds, with bounds from 0.5 ms to 10 s.
  Histogram& latency(std::string_view name, std::string_view help, std::string_view labels = {});
  /// A value read when the page is asked for. `read` must be thread-safe and outlive the registry.
  void gauge(std::string_view name, std::string_view help, std::function<double()> read);

  /// Prometheus text format 0.0.4.
  [[nodiscard]] std::string text() const;

 private:
  struct Family {
    std::string help;
    std::map<std::string, std::unique_ptr<Counter>, std::less<>> counters;
    std::map<std::string, std::unique_ptr<Histogram>, std::less<>> histograms;
    std::function<double()> gauge;
  };
  mutable Mutex mutex_;
  std::map<std::string, Family, std::less<>> families_ ZHIYIN_GUARDED_BY(mutex_);
  std::size_t series_ ZHIYIN_GUARDED_BY(mutex_) = 0;
};

}  // namespace zhiyin
