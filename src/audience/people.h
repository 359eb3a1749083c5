#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/ids.h"
#include "base/time.h"
#include "ingest/event.h"
#include "storage/state.h"
#include "storage/vault.h"

namespace zhiyin::audience {

using storage::Identity;
using storage::IdentityHash;

/// One event of a person, small: what segments, features and recommendation look at.
struct Activity {
  std::int64_t offset = 0;  ///< of the log; with the partition it is unique
  Instant at;               ///< occurred_at
  std::string kind;
  std::optional<ingest::ItemRef> item;
  std::int64_t value = 0;  ///< the kind's default when the event brought none
  std::string account;
  std::string properties;    ///< JSON without personal members, or empty
  int partition = 0;         ///< of the log
  std::size_t identity = 0;  ///< who did it: index into PersonView::identities
};

/// Everything that a decision about one person may look at, as plain values.
struct PersonView {
  PersonId id;
  std::vector<IdentityHash> identities;  ///< earliest first
  std::vector<Activity> activity;        ///< ascending by (at, offset, partition)
};

/// More events than any real person has: a view with this limit is complete.
inline constexpr std::size_t kActivityAll = 200'000;

/// A line of the list of people.
struct PersonSummary {
  PersonId id;
  Instant first_seen;  ///< of any event that names one of the identities
  Instant last_seen;   ///< of what they did; what was sent to them does not count
  std::int64_t events = 0;
  std::vector<std::string> following;  ///< accounts, ascending
};

struct ActivityPage {
  std::vector<Activity> activity;   ///< newest first
  std::optional<std::string> next;  ///< `after` of the next page
};

/// Reads people from state. Thread-safe. `ref` is a person id, `openid:ACCOUNT:VALUE` (any identity
/// kind), or an identity hash in hex; a merged id leads to the person it became.
class People {
 public:
  People(storage::State& state, storage::Vault& vault) : state_(state), vault_(vault) {}

  /// kNotFound when nobody is behind `ref`, kInvalidArgument when it has no such form.
  [[nodiscard]] Result<PersonId> resolve(std::string_view ref) const;
  [[nodiscard]] Result<PersonId> of_identity(const IdentityHash& identity) const;
  [[nodiscard]] Result<std::vector<IdentityHash>> identities(const PersonId& person) const;
  /// Who people of these ids are today, in few statements: in their order, empty where nobody is.
  [[nodiscard]] Result<std::vector<PersonId>> resolve_all(std::span<const PersonId> people) const;
  /// The identities of each, earliest first, in few statements. Of ids that are a person's now
  /// (`resolve_all`); none where they are not.
  [[nodiscard]] Result<std::vector<std::vector<IdentityHash>>> identities_of_all(
      std::span<const PersonId> people) const;
  /// With at most the newest `activity_max` events.
  [[nodiscard]] Result<PersonView> view(const PersonId& person,
                                        std::size_t activity_max = 5000) const;
  /// The same for whom `resolve` finds, in one snapshot.
  [[nodiscard]] Result<PersonView> view_of(std::string_view ref,
                                           std::size_t activity_max = 5000) const;
  /// Those of `people` who are there, in their order, in one snapshot.
  [[nodiscard]] Result<std::vector<PersonView>> views_of(std::span<const PersonId> people,
                                                         std::size_t activity_max = 5000) const;
  /// The openid (or other kind) of a person on an account; kNotFound when there is none.
  [[nodiscard]] Result<Identity> reveal(const PersonId& person, std::string_view account,
                                        std::string_view kind = "openid") const;
  /// People in order of id, after `after`.
  [[nodiscard]] Result<std::vector<PersonId>> list(const PersonId& after, std::size_t limit) const;
  [[nodiscard]] Result<std::int64_t> count() const;

  /// The views of the next `limit` people after `after`, in order of id: for training and batch
  /// work.
  [[nodiscard]] Result<std::vector<PersonView>> views(
      const PersonId& after, std::size_t limit, std::size_t activity_max = kActivityAll) const;
  /// Of those that exist, in the order asked for.
  [[nodiscard]] Result<std::vector<PersonSummary>> summaries(
      std::span<const PersonId> people) const;
  /// A person's events, newest first. `after` is the `next` of the page before, or empty.
  [[nodiscard]] Result<ActivityPage> events(const PersonId& person, std::string_view after,
                                            std::size_t limit) const;
  /// People (not identities) that follow at least one account now.
  [[nodiscard]] Result<std::int64_t> followers() const;

  /// Names of the traits that events have set, the most used first.
  [[nodiscard]] Result<std::vector<std::string>> trait_names(std::size_t limit) const;

  [[nodiscard]] storage::State& state() const { return state_; }
  [[nodiscard]] storage::Vault& vault() const { return vault_; }

 private:
  storage::State& state_;
  storage::Vault& vault_;
};

}  // namespace zhiyin::audience
