#pragma once

#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/ids.h"
#include "base/secret.h"
#include "delivery/channel.h"
#include "delivery/gate.h"
#include "storage/vault.h"

namespace zhiyin::delivery {

using storage::IdentityHash;

/// What delivery has to know about one person on one account.
struct Recipient {
  PersonId person;                       ///< as it is now, after merges
  std::vector<IdentityHash> identities;  ///< all of the person, earliest first; at least one
  IdentityHash identity{};  ///< the openid on the account; the earliest when there is none
  int partition = 0;        ///< of `identity` in the log
  bool has_openid = false;
  /// An openid of the person follows the account, or has been in contact with it since they last
  /// left: only followers can write to it or tap its menu, also those whom no `follow` event
  /// told of, and a mini-program has no followers.
  bool following = false;
  bool consent = false;                          ///< not withdrawn for the purpose asked
  std::map<std::string, std::string> variables;  ///< for `{{name}}` in messages
};

/// What is asked about recipients.
struct RecipientQuery {
  AccountId account;
  Purpose purpose = Purpose::kMarketing;
  bool with_variables = false;  ///< costs a look at each person's history
  bool with_partition = true;   ///< costs a look at the keys; false: it is left at 0
};

/// Finds recipients. Thread-safe.
class Recipients {
 public:
  virtual ~Recipients() = default;
  /// In the order given; somebody unknown comes back with an empty `person`.
  [[nodiscard]] virtual Result<std::vector<Recipient>> find(std::span<const PersonId> people,
                                                            const RecipientQuery& query) const = 0;
  /// The person behind an openid of the account, with that openid as `identity`. An empty `person`
  /// where nobody of that openid is known (yet); the identity and its partition are there
  /// nevertheless.
  [[nodiscard]] virtual Result<Recipient> by_openid(std::string_view openid,
                                                    const RecipientQuery& query) const = 0;
  /// The openid behind `identity`; kNotFound when it was erased.
  [[nodiscard]] virtual Result<Secret> openid(const IdentityHash& identity) const = 0;
  /// Of many, in their order; nothing where it was erased.
  [[nodiscard]] virtual Result<std::vector<std::optional<Secret>>> openids(
      std::span<const IdentityHash> identities) const;
};

/// An account as a sender: what it may do, and under which limits.
struct SenderAccount {
  AccountId id;
  bool is_service = false;
  bool is_verified = false;
  GateRules rules;
  std::size_t mass_openids_min = 2;  ///< per call
  std::size_t mass_openids_max = 10'000;
  Duration mass_idempotency = std::chrono::hours(24);  ///< how long a clientmsgid is remembered
  Duration template_idempotency = std::chrono::minutes(10);
  bool mass_by_tag = false;  ///< mass sends go to a tag, one a day: a subscription account
};

/// Finds accounts. Thread-safe.
class Senders {
 public:
  virtual ~Senders() = default;
  /// kNotFound when there is no such account.
  [[nodiscard]] virtual Result<SenderAccount> find(const AccountId& account) const = 0;
};

}  // namespace zhiyin::delivery
