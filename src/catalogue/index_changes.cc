#include "catalogue/index_changes.h"

namespace zhiyin::catalogue {
namespace {

bool is_offered(const IndexedItem& item) {
  return !item.hidden && (!item.stock || *item.stock > 0);
}

/// How many there are says nothing to lists.
bool looks_the_same(const IndexedItem& a, IndexedItem b) {
  b.stock = a.stock;
  b.url = a.url;
  return a == b;
}

bool is_narrowed(const IndexedItem& before, const IndexedItem& now) {
  const bool starts_later =
      now.valid_from && (!before.valid_from || *now.valid_from > *before.valid_from);
  const bool ends_earlier =
      now.valid_until && (!before.valid_until || *now.valid_until < *before.valid_until);
  return starts_later || ends_earlier || now.account != before.account;
}

}  // namespace

IndexChanges changes_between(const ItemIndex& before, const ItemIndex& now) {
  IndexChanges out;
  const auto compare = [&](const IndexedItem& a, const IndexedItem& b) {
    if (!is_offered(b)) {
      if (is_offered(a)) out.withdrawn.push_back(b.ref);
      return;
    }
    if (is_offered(a) && looks_the_same(a, b)) return;
    out.more = true;
    if (is_offered(a) && is_narrowed(a, b)) out.withdrawn.push_back(b.ref);
  };
  auto a = before.items().begin();
  auto b = now.items().begin();
  const auto a_end = before.items().end();
  const auto b_end = now.items().end();
  while (a != a_end || b != b_end) {
    if (a != a_end && b != b_end && *a == *b) {
      ++a, ++b;
    } else if (b == b_end || (a != a_end && (*a)->ref < (*b)->ref)) {
      if (is_offered(**a)) out.withdrawn.push_back((*a)->ref);
      ++a;
    } else if (a == a_end || (*b)->ref < (*a)->ref) {
      if (is_offered(**b)) out.more = true;
      ++b;
    } else {
      compare(**a++, **b++);
    }
  }
  return out;
}

}  // namespace zhiyin::catalogue
