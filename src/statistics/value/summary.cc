#include "statistics/value/summary.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <tuple>

#include "statistics/accumulator.h"

namespace zhiyin::statistics {

Result<std::vector<CustomerSummary>> summarise_orders(std::span<const Order> orders,
                                                      std::uint32_t customers, std::int64_t end_day,
                                                      double days_per_unit) {
  std::vector<Order> sorted;
  sorted.reserve(orders.size());
  for (std::size_t i = 0; i < orders.size(); ++i) {
    if (!std::isfinite(orders[i].amount)) {
      return fail_field(fmt::format("orders[{}].amount", i), "is not a finite number");
    }
    if (orders[i].customer >= customers) {
      return fail_field(fmt::format("orders[{}].customer", i), "is {} of {}", orders[i].customer,
                        customers);
    }
    if (orders[i].day <= end_day) sorted.push_back(orders[i]);
  }
  std::ranges::sort(sorted, {}, [](const Order& o) { return std::tuple(o.customer, o.day); });
  std::vector<CustomerSummary> out(customers);
  std::vector<bool> seen(customers, false);
  for (std::size_t begin = 0; begin < sorted.size();) {
    const std::uint32_t customer = sorted[begin].customer;
    const std::int64_t first = sorted[begin].day;
    CustomerSummary& s = out[customer];
    seen[customer] = true;
    CompensatedSum repeat;
    std::int64_t day = first;
    std::size_t i = begin;
    for (; i < sorted.size() && sorted[i].customer == customer; ++i) {
      if (sorted[i].day != day) {
        ++s.frequency;
        day = sorted[i].day;
      }
      if (day != first) repeat.add(sorted[i].amount);
    }
    s.recency = static_cast<double>(day - first) / days_per_unit;
    s.age = static_cast<double>(end_day - first) / days_per_unit;
    if (s.frequency > 0) s.spend = repeat.value() / s.frequency;
    begin = i;
  }
  for (std::uint32_t c = 0; c < customers; ++c) {
    if (!seen[c]) {
      return fail_field(fmt::format("customers[{}]", c), "has no order up to the end");
    }
  }
  return out;
}

Result<void> check_summaries(std::span<const CustomerSummary> customers) {
  if (customers.empty()) return fail_field("customers", "there are none");
  for (std::size_t i = 0; i < customers.size(); ++i) {
    const CustomerSummary& c = customers[i];
    const auto wrong = [&](std::string_view what) {
      return fail_field(fmt::format("customers[{}]", i), "{} (frequency {}, recency {}, age {})",
                        what, c.frequency, c.recency, c.age);
    };
    if (!std::isfinite(c.frequency) || !std::isfinite(c.recency) || !std::isfinite(c.age)) {
      return wrong("a value is not finite");
    }
    if (c.frequency < 0 || c.frequency != std::floor(c.frequency)) {
      return wrong("the frequency is not a count");
    }
    if (c.recency < 0 || c.recency > c.age) return wrong("the recency is not within 0 and the age");
    if ((c.frequency == 0) != (c.recency == 0)) {
      return wrong("frequency and recency are 0 together or not at all");
    }
  }
  return {};
}

double frequency_spend_correlation(std::span<const CustomerSummary> customers) {
  PairAccumulator pairs;
  for (const CustomerSummary& c : customers) {
    if (c.frequency > 0) pairs.add(c.frequency, c.spend);
  }
  const double scale = std::sqrt(pairs.x().variance() * pairs.y().variance());
  return scale > 0 ? pairs.covariance() / scale : std::numeric_limits<double>::quiet_NaN();
}

}  // namespace zhiyin::statistics
