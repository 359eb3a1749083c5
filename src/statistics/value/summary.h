#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "base/error.h"

/// Customers as the models of customer value see them. Pure, thread-safe.
namespace zhiyin::statistics {

/// Times are in one unit throughout (days, weeks), counted from the first purchase.
struct CustomerSummary {
  double frequency = 0;  ///< repeat purchases: days with one, the first left out; a whole number
  double recency = 0;    ///< last purchase; 0 when there was none after the first
  double age = 0;        ///< end of observation; >= recency
  double spend = 0;      ///< mean of a repeat day, all orders of the day together; 0: none
};

struct Order {
  std::uint32_t customer = 0;
  std::int64_t day = 0;  ///< local day number
  double amount = 0;
};
/// One summary per customer, 0 … customers - 1. Orders after `end_day` do not count; several on one
/// day are one purchase. kInvalidArgument naming the order for an amount that is not finite or a
/// customer out of range, and for a customer without an order. Requires days_per_unit > 0.
Result<std::vector<CustomerSummary>> summarise_orders(std::span<const Order> orders,
                                                      std::uint32_t customers, std::int64_t end_day,
                                                      double days_per_unit = 1);

/// kInvalidArgument naming the customer unless 0 <= recency <= age, the frequency is a whole
/// number, 0 exactly when the recency is, and all is finite; also when there is no customer.
Result<void> check_summaries(std::span<const CustomerSummary> customers);

/// Pearson's correlation of frequency and spend among repeat customers: the Gamma-Gamma model needs
/// it to be near 0. NaN when either does not vary.
double frequency_spend_correlation(std::span<const CustomerSummary> customers);

}  // namespace zhiyin::statistics
