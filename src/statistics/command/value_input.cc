#include "statistics/command/value_input.h"

#include <algorithm>
#include <limits>

namespace zhiyin::statistics {

Result<NamedOrders> read_orders(const Table& table, const CustomerColumns& c) {
  ZHIYIN_TRY(const TimeZone zone, TimeZone::create(c.zone));
  const auto customer = c.customer.value_or(
      std::string(first_present(table, {"customer", "customer_id", "person", "user", "id"})));
  const auto date =
      c.date.value_or(std::string(first_present(table, {"date", "time", "occurred_at"})));
  const auto amount =
      c.amount.value_or(std::string(first_present(table, {"amount", "value", "spend", "price"})));
  ZHIYIN_TRY(const Categories who, person_column(table, "customer", customer));
  ZHIYIN_TRY(const std::vector<Instant> when, time_column(table, "date", date, zone));
  std::vector<double> amounts(table.size(), 0);
  if (c.amount || table.has(amount)) {
    ZHIYIN_TRY(amounts, number_column(table, "amount", amount));
  }
  if (table.size() == 0) return fail_field("data", "has no rows");
  NamedOrders out;
  out.end_day = std::numeric_limits<std::int64_t>::min();
  if (c.as_of) {
    const auto end = parse_time(*c.as_of, zone);
    if (!end) return std::unexpected(within("as_of", end.error()));
    out.end_day = local_day(*end, zone);
  } else {
    for (const Instant t : when) out.end_day = std::max(out.end_day, local_day(t, zone));
  }
  // Customers are numbered anew, without those who come later.
  constexpr std::uint32_t kNone = std::numeric_limits<std::uint32_t>::max();
  std::vector<std::uint32_t> number(who.names.size(), kNone);
  for (std::size_t r = 0; r < table.size(); ++r) {
    const std::int64_t day = local_day(when[r], zone);
    if (day > out.end_day) continue;
    std::uint32_t& n = number[who.of_row[r]];
    if (n == kNone) {
      n = static_cast<std::uint32_t>(out.customers.size());
      out.customers.push_back(who.names[who.of_row[r]]);
    }
    out.orders.push_back({n, day, amounts[r]});
  }
  if (out.orders.empty()) return fail_field("as_of", "there is no order up to that day");
  return out;
}

namespace {

Result<NamedSummaries> read_summaries(const Table& table, const CustomerColumns& c) {
  NamedSummaries out;
  ZHIYIN_TRY(const auto frequency, number_column(table, "frequency", "frequency"));
  const std::string_view age_name = first_present(table, {"age", "T"});
  std::vector<double> recency(table.size(), 0);
  std::vector<double> age(table.size(), 0);
  if (c.spend_only && !(table.has("recency") && table.has(age_name))) {
    // When they bought does not matter: any times that go with the counts.
    for (std::size_t r = 0; r < table.size(); ++r) recency[r] = age[r] = frequency[r] > 0 ? 1 : 0;
  } else {
    ZHIYIN_TRY(recency, number_column(table, "recency", "recency"));
    ZHIYIN_TRY(age, number_column(table, "age", age_name));
  }
  const std::string_view spend =
      c.amount ? std::string_view(*c.amount)
               : first_present(table, {"spend", "monetary_value", "monetary"});
  std::vector<double> money(table.size(), 0);
  out.has_spend = table.has(spend);
  if (out.has_spend) {
    ZHIYIN_TRY(money, number_column(table, "amount", spend));
  }
  const std::string_view who =
      c.customer ? std::string_view(*c.customer)
                 : first_present(table, {"customer", "customer_id", "person", "id"});
  std::optional<std::size_t> name_at;
  if (c.customer || table.has(who)) {
    ZHIYIN_TRY_VOID(person_column(table, "customer", who));
    ZHIYIN_TRY(name_at, table.place("customer", who));
  }
  for (std::size_t r = 0; r < table.size(); ++r) {
    out.customers.push_back({frequency[r], recency[r], age[r], money[r]});
    out.names.push_back(name_at ? table.rows[r][*name_at] : std::to_string(r + 1));
  }
  return out;
}

}  // namespace

Result<NamedSummaries> read_customers(const Table& table, const CustomerColumns& c) {
  NamedSummaries out;
  if (table.has("frequency")) {
    ZHIYIN_TRY(out, read_summaries(table, c));
  } else {
    ZHIYIN_TRY(NamedOrders orders, read_orders(table, c));
    ZHIYIN_TRY(out.customers,
               summarise_orders(orders.orders, static_cast<std::uint32_t>(orders.customers.size()),
                                orders.end_day, c.unit));
    out.names = std::move(orders.customers);
    out.from_orders = true;
    out.has_spend = c.amount.has_value() ||
                    table.has(first_present(table, {"amount", "value", "spend", "price"}));
  }
  if (c.spend_only && !out.has_spend) {
    return fail_field("amount", "is missing: the model is of what purchases are worth");
  }
  ZHIYIN_TRY_VOID(check_summaries(out.customers));
  return out;
}

}  // namespace zhiyin::statistics
