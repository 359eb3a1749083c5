#pragma once

#include <optional>
#include <string>
#include <vector>

#include "statistics/command/table.h"
#include "statistics/value/summary.h"

/// Customers as the value commands read them.
namespace zhiyin::statistics {

/// Where they are in the table, and how time counts.
struct CustomerColumns {
  std::optional<std::string> customer;
  std::optional<std::string> date;
  std::optional<std::string> amount;
  std::optional<std::string> as_of;  ///< end of observation; absent: the last order's day
  double unit = 7;                   ///< days in the model's unit of time
  std::string zone{kDefaultZone};
  bool spend_only = false;  ///< summaries may lack recency and age, but need spend
};
struct NamedOrders {
  std::vector<Order> orders;
  std::vector<std::string> customers;
  std::int64_t end_day = 0;
};
/// Orders up to as_of; a customer with later orders only is left out.
Result<NamedOrders> read_orders(const Table& table, const CustomerColumns& columns);

struct NamedSummaries {
  std::vector<CustomerSummary> customers;
  std::vector<std::string> names;
  bool has_spend = false;
  bool from_orders = false;
};
/// From a table of summaries (it has a column `frequency`) or of orders.
Result<NamedSummaries> read_customers(const Table& table, const CustomerColumns& columns);

}  // namespace zhiyin::statistics
