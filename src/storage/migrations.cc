#include "storage/migrations.h"

#include "storage/membership.h"
#include "storage/move_mark.h"
#include "storage/outbox.h"
#include "storage/vault.h"

namespace zhiyin::storage {

std::vector<Migration> migrations() {
  std::vector<Migration> all{
      {"storage-001-consumer-position",
       "CREATE TABLE consumer_position("
       "  consumer TEXT NOT NULL,"
       "  stream BIGINT NOT NULL,"
       "  part BIGINT NOT NULL,"
       "  off BIGINT NOT NULL,"
       "  PRIMARY KEY(consumer, stream, part))"},
  };
  for (const auto& part :
       {Outbox::migrations(), Vault::migrations(), Membership::migrations(), move_migrations()}) {
    all.insert(all.end(), part.begin(), part.end());
  }
  // Which file of keys belongs to this state (`key_state.h`); without a row they are in the state.
  all.push_back({"storage-009-key-state",
                 "CREATE TABLE key_state(one BIGINT PRIMARY KEY, id TEXT NOT NULL)"});
  return all;
}

}  // namespace zhiyin::storage
