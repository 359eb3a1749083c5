#include "recommend/evaluation_data.h"

#include <algorithm>
#include <numeric>
#include <optional>
#include <unordered_map>
#include <utility>

#include "recommend/interaction_file.h"

namespace zhiyin::recommend {
namespace {

using Pairs = std::vector<NamedPair>;

/// A name as a whole number of any length: its sign and its digits without leading zeros.
struct Number {
  bool negative = false;
  std::string_view digits;
};

std::optional<Number> number_of(std::string_view name) {
  Number out;
  if (name.starts_with('-') || name.starts_with('+')) {
    out.negative = name[0] == '-';
    name.remove_prefix(1);
  }
  if (name.empty() || name.find_first_not_of("0123456789") != name.npos) return std::nullopt;
  name.remove_prefix(std::min(name.find_first_not_of('0'), name.size()));
  out.digits = name;
  return out;
}

bool is_shorter_or_before(std::string_view a, std::string_view b) {
  return a.size() != b.size() ? a.size() < b.size() : a < b;
}

/// Numbers by their value, then other names, shorter ones first.
bool comes_before(std::string_view a, std::string_view b) {
  const auto left = number_of(a);
  const auto right = number_of(b);
  if (left.has_value() != right.has_value()) return left.has_value();
  if (left && left->negative != right->negative) return left->negative;
  if (left && left->digits != right->digits)
    return is_shorter_or_before(left->digits, right->digits) != left->negative;
  return is_shorter_or_before(a, b);
}

NameIndex ordered_index(std::vector<std::string_view> names) {
  std::ranges::sort(names, comes_before);
  NameIndex out;
  for (const std::string_view name : names) out.add(name);
  return out;
}

/// The rows in the order of the file; of a repeated item the last place counts.
std::vector<std::vector<std::uint32_t>> histories_of(const std::vector<Interaction>& rows,
                                                     std::size_t users) {
  std::vector<std::vector<std::uint32_t>> out(users);
  for (const Interaction& row : rows) out[row.user].push_back(row.item);
  std::vector<std::uint32_t> sorted;
  for (auto& history : out) {
    sorted = history;
    std::ranges::sort(sorted);
    if (std::ranges::adjacent_find(sorted) == sorted.end()) continue;
    std::unordered_map<std::uint32_t, std::size_t> last;
    for (std::size_t i = 0; i < history.size(); ++i) last[history[i]] = i;
    std::vector<std::uint32_t> kept;
    for (std::size_t i = 0; i < history.size(); ++i) {
      if (last[history[i]] == i) kept.push_back(history[i]);
    }
    history = std::move(kept);
  }
  return out;
}

struct Names {
  const NameIndex& users;
  const NameIndex& items;
};

Result<std::vector<EvaluationCase>> cases_of(const Pairs& pairs, const Names& names,
                                             const Interactions& train, bool single,
                                             const std::string& file) {
  std::vector<EvaluationCase> out;
  std::unordered_map<std::uint32_t, std::size_t> place;
  for (const auto& [user_name, item_name] : pairs) {
    const std::uint32_t user = names.users.find(user_name);
    const std::uint32_t item = names.items.find(item_name);
    const auto [at, is_new] = place.emplace(user, out.size());
    if (is_new) out.push_back({user, {}});
    if (!is_new && single) {
      // One row a user, or the numbers would not be what they say.
      return fail(ErrorCode::kInvalidArgument, "{}: user '{}' has more than one row", file,
                  user_name);
    }
    if (single || !train.contains(user, item)) out[at->second].wanted.push_back(item);
  }
  for (EvaluationCase& one : out) {
    std::ranges::sort(one.wanted);
    const auto again = std::ranges::unique(one.wanted);
    one.wanted.erase(again.begin(), again.end());
  }
  std::erase_if(out, [](const EvaluationCase& one) { return one.wanted.empty(); });
  if (out.empty()) return fail(ErrorCode::kInvalidArgument, "{}: has no rows", file);
  return out;
}

}  // namespace

std::vector<std::uint32_t> evaluation_numbers(const NameIndex& names) {
  std::vector<std::uint32_t> order(names.size());
  std::iota(order.begin(), order.end(), 0U);
  std::ranges::sort(order, [&](std::uint32_t a, std::uint32_t b) {
    return comes_before(names.name(a), names.name(b));
  });
  std::vector<std::uint32_t> out(order.size());
  for (std::uint32_t number = 0; number < order.size(); ++number) out[order[number]] = number;
  return out;
}

EvaluationData training_data(std::vector<Interaction> rows, std::size_t users, std::size_t items) {
  EvaluationData out;
  out.histories = histories_of(rows, users);
  out.train = Interactions::build(std::move(rows), users, items);
  out.degrees.assign(items, 0);
  for (std::size_t u = 0; u < out.train.users(); ++u) {
    for (const std::uint32_t item : out.train.columns(u)) ++out.degrees[item];
  }
  return out;
}

Result<EvaluationData> load_evaluation(std::string_view protocol,
                                       const std::filesystem::path& train,
                                       const std::filesystem::path& validation,
                                       const std::filesystem::path& test) {
  ZHIYIN_TRY(const Pairs train_pairs, read_interaction_file(train));
  ZHIYIN_TRY(const Pairs test_pairs, read_interaction_file(test));
  if (train_pairs.empty())
    return fail(ErrorCode::kInvalidArgument, "{}: has no rows", train.string());
  Pairs validation_pairs;
  if (!validation.empty()) {
    ZHIYIN_TRY(validation_pairs, read_interaction_file(validation));
  }
  std::vector<std::string_view> user_names;
  std::vector<std::string_view> item_names;
  for (const Pairs* part : {&train_pairs, &std::as_const(validation_pairs), &test_pairs}) {
    for (const auto& [user, item] : *part) {
      user_names.push_back(user);
      item_names.push_back(item);
    }
  }
  const NameIndex users = ordered_index(std::move(user_names));
  const NameIndex items = ordered_index(std::move(item_names));
  std::vector<Interaction> rows;
  rows.reserve(train_pairs.size());
  for (const auto& [user, item] : train_pairs)
    rows.push_back({users.find(user), items.find(item), 1});
  EvaluationData out = training_data(std::move(rows), users.size(), items.size());
  const bool single = protocol == "loo";
  const Names names{users, items};
  ZHIYIN_TRY(out.test, cases_of(test_pairs, names, out.train, single, test.string()));
  if (!validation_pairs.empty()) {
    ZHIYIN_TRY(out.validation,
               cases_of(validation_pairs, names, out.train, single, validation.string()));
  }
  return out;
}

}  // namespace zhiyin::recommend
