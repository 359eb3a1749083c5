#include <vector>

#include "audience/people_projection.h"
#include "audience/segments.h"

namespace zhiyin::audience {
namespace {

constexpr storage::Migration kPeople{
    "audience-001-people",
    // Every identity has the id that it would give to a person (`person`), so old ids lead on after
    // merges and splits. `current` says whether it is a person's id now. An erased identity keeps
    // its row with an empty person, and with the place in the log up to which its events are gone.
    "CREATE TABLE person(id TEXT PRIMARY KEY, identity BYTEA NOT NULL, current BIGINT NOT NULL) "
    "/*clustered*/;"
    "CREATE TABLE identity_person("
    "  identity BYTEA PRIMARY KEY,"
    "  person TEXT NOT NULL,"
    "  first_at BIGINT NOT NULL,"
    "  last_at BIGINT NOT NULL,"
    "  events BIGINT NOT NULL,"
    "  erased_off BIGINT NOT NULL,"
    "  changed BIGINT NOT NULL) /*clustered*/;"
    "CREATE INDEX identity_person_person ON identity_person(person);"
    "CREATE INDEX identity_person_changed ON identity_person(changed);"
    "CREATE TABLE identity_edge("
    "  a BYTEA NOT NULL,"
    "  b BYTEA NOT NULL,"
    "  source TEXT NOT NULL,"
    "  at BIGINT NOT NULL,"
    "  state BIGINT NOT NULL,"
    "  PRIMARY KEY(a, b)) /*clustered*/;"
    "CREATE INDEX identity_edge_b ON identity_edge(b);"
    "CREATE TABLE activity("
    "  identity BYTEA NOT NULL,"
    "  at BIGINT NOT NULL,"
    "  off BIGINT NOT NULL,"
    "  part BIGINT NOT NULL,"
    "  kind TEXT NOT NULL,"
    "  item_kind TEXT,"
    "  item_id TEXT,"
    "  value BIGINT NOT NULL,"
    "  account TEXT NOT NULL,"
    "  properties TEXT,"
    "  PRIMARY KEY(identity, at, off, part)) /*clustered*/;"
    "CREATE TABLE follow_state("
    "  identity BYTEA NOT NULL,"
    "  account TEXT NOT NULL,"
    "  following BIGINT NOT NULL,"
    "  at BIGINT NOT NULL,"
    "  off BIGINT NOT NULL,"
    "  PRIMARY KEY(identity, account)) /*clustered*/;"
    "CREATE TABLE consent_mark("
    "  identity BYTEA NOT NULL,"
    "  account TEXT NOT NULL,"
    "  purpose TEXT NOT NULL,"
    "  withdrawn BIGINT NOT NULL,"
    "  at BIGINT NOT NULL,"
    "  off BIGINT NOT NULL,"
    "  PRIMARY KEY(identity, account, purpose)) /*clustered*/;"
    "CREATE TABLE trait_queue("
    "  seq BIGINT PRIMARY KEY,"
    "  identity BYTEA NOT NULL,"
    "  name TEXT NOT NULL,"
    "  part BIGINT NOT NULL,"
    "  off BIGINT NOT NULL,"
    "  at BIGINT NOT NULL,"
    "  text TEXT,"
    "  number DOUBLE PRECISION);"
    "CREATE TABLE trait_name(name TEXT PRIMARY KEY, n BIGINT NOT NULL);"
    "CREATE TABLE people_cursor(name TEXT PRIMARY KEY, value BIGINT NOT NULL);"
    "INSERT INTO people_cursor(name, value) VALUES('changed', 0), ('trait', 0), ('warehouse', 0)"};

constexpr storage::Migration kSegments{"audience-002-segments",
                                       "CREATE TABLE segment("
                                       "  id TEXT PRIMARY KEY,"
                                       "  name TEXT NOT NULL,"
                                       "  tree TEXT NOT NULL,"
                                       "  version BIGINT NOT NULL,"
                                       "  updated_at BIGINT NOT NULL)"};

constexpr storage::Migration kLive{
    "audience-003-live-segments",
    "ALTER TABLE segment ADD COLUMN live BIGINT NOT NULL DEFAULT 0;"
    // `generation` grows when what has to be remembered of people changes; `now` is the newest
    // moment that the log has named; `numbers` and `changes` count what was given out.
    "CREATE TABLE live_state("
    "  one BIGINT PRIMARY KEY,"
    "  generation BIGINT NOT NULL,"
    "  now BIGINT NOT NULL,"
    "  sweeping BIGINT NOT NULL,"
    "  swept TEXT NOT NULL,"
    "  changes BIGINT NOT NULL,"
    "  items BIGINT NOT NULL,"
    "  numbers BIGINT NOT NULL);"
    "INSERT INTO live_state(one, generation, now, sweeping, swept, changes, items, numbers)"
    " VALUES(1, 0, 0, 0, '', 0, 0, 0);"
    "CREATE TABLE live_segment("
    "  segment TEXT PRIMARY KEY,"
    "  number BIGINT NOT NULL,"
    "  version BIGINT NOT NULL,"
    "  members BIGINT NOT NULL,"
    "  filled BIGINT NOT NULL);"
    "CREATE TABLE live_member("
    "  number BIGINT NOT NULL,"
    "  person TEXT NOT NULL,"
    "  since BIGINT NOT NULL,"
    "  PRIMARY KEY(number, person)) /*clustered*/;"
    "CREATE TABLE live_person("
    "  person TEXT PRIMARY KEY,"
    "  due BIGINT NOT NULL,"
    "  data BYTEA NOT NULL) /*clustered*/;"
    "CREATE INDEX live_person_due ON live_person(due);"
    "CREATE TABLE live_ahead("
    "  at BIGINT NOT NULL,"
    "  identity BYTEA NOT NULL,"
    "  PRIMARY KEY(at, identity)) /*clustered*/;"
    "CREATE TABLE live_recheck(person TEXT PRIMARY KEY, became TEXT NOT NULL) /*clustered*/"};

// What `activity` says need not be said twice: these columns keep what retention took from it.
constexpr storage::Migration kTotals{
    "audience-004-totals-of-removed",
    "ALTER TABLE identity_person RENAME COLUMN events TO removed_events;"
    "ALTER TABLE identity_person RENAME COLUMN last_at TO removed_last_at;"
    "UPDATE identity_person SET removed_events = removed_events - (SELECT COUNT(*) FROM activity a"
    " WHERE a.identity = identity_person.identity)"};

// Members as bitmaps over people's numbers: whoever enters or leaves changes a bit in a block that
// thousands share, not a row of their own. Everyone is looked at anew, silently.
constexpr storage::Migration kMemberBitmaps{
    "audience-005-member-bitmaps",
    "DROP TABLE live_member;"
    "CREATE TABLE live_member("
    "  number BIGINT NOT NULL,"
    "  block BIGINT NOT NULL,"
    "  bits BYTEA NOT NULL,"
    "  PRIMARY KEY(number, block));"
    "DROP TABLE live_person;"
    "CREATE TABLE live_person("
    "  person TEXT PRIMARY KEY,"
    "  number BIGINT NOT NULL,"
    "  due BIGINT NOT NULL,"
    "  data BYTEA NOT NULL) /*clustered*/;"
    "CREATE INDEX live_person_due ON live_person(due);"
    "CREATE INDEX live_person_number ON live_person(number);"
    "ALTER TABLE live_state ADD COLUMN people BIGINT NOT NULL DEFAULT 0;"
    "UPDATE live_segment SET members = 0, filled = 0;"
    "UPDATE live_state SET generation = generation + 1, sweeping = 1, swept = ''"
    " WHERE EXISTS (SELECT 1 FROM live_segment)"};

constexpr storage::Migration kAll[] = {kPeople, kSegments, kLive, kTotals, kMemberBitmaps};

}  // namespace

std::span<const storage::Migration> migrations() { return kAll; }
std::span<const storage::Migration> Segments::migrations() { return std::span(&kAll[1], 1); }

}  // namespace zhiyin::audience
