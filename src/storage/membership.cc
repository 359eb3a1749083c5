#include "storage/membership.h"

#include <algorithm>

#include "base/crypto.h"
#include "storage/move_mark.h"

namespace zhiyin::storage {
namespace {

constexpr std::int64_t kLead = kPartitions;  // the duty behind the partitions
constexpr std::size_t kIdBytes = 10;
constexpr std::size_t kProcessesMax = 1000;
constexpr int kBeatsPerLease = 4;
constexpr int kSlowLeases = 3;
constexpr std::chrono::milliseconds kLookEvery{50};

constexpr Migration kMigrations[] = {
    {"storage-004-process",
     "CREATE TABLE process("
     "  id TEXT PRIMARY KEY,"
     "  place TEXT NOT NULL,"
     "  name TEXT NOT NULL,"
     "  roles TEXT NOT NULL,"
     "  stores TEXT NOT NULL,"
     "  shares BIGINT NOT NULL,"
     "  works BIGINT NOT NULL,"
     "  started_at BIGINT NOT NULL,"
     "  expires_at BIGINT NOT NULL,"
     "  held BIGINT NOT NULL);"
     "CREATE TABLE duty(number BIGINT PRIMARY KEY, owner TEXT NOT NULL);"
     "INSERT INTO duty(number, owner) WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1"
     " FROM n WHERE i < 64) SELECT i, '' FROM n;"
     "CREATE TABLE shared_hold(one BIGINT PRIMARY KEY, held BIGINT NOT NULL, number BIGINT NOT "
     "NULL);"
     "INSERT INTO shared_hold(one, held, number) VALUES(1, 0, 0)"},
};
static_assert(kPartitions == 64, "the migration above counts to it");

struct ProcessRow {
  MemberProcess process;
  std::string place;
  std::string stores;
  bool shares = false;
};

/// The longest-running first: whoever comes later gets the smaller share.
Result<std::vector<ProcessRow>> load_processes(Session& session) {
  ZHIYIN_TRY(const Rows rows,
             session.query("SELECT id, place, name, roles, stores, shares, works, started_at,"
                           " expires_at, held FROM process ORDER BY started_at, id LIMIT ?1",
                           {static_cast<std::int64_t>(kProcessesMax)}));
  const auto text = [](const Value& v) { return std::string(as_text(v)); };
  std::vector<ProcessRow> out;
  for (const Row& row : rows.rows) {
    ProcessRow p;
    p.process.id = text(row[0]);
    p.place = text(row[1]);
    p.process.name = text(row[2]);
    p.process.roles = text(row[3]);
    p.stores = text(row[4]);
    p.shares = as_int(row[5]) != 0;
    p.process.works = as_int(row[6]) != 0;
    p.process.started_at = Instant{as_int(row[7])};
    p.process.expires_at = Instant{as_int(row[8])};
    p.process.held = as_int(row[9]);
    out.push_back(std::move(p));
  }
  return out;
}

/// The owner of each duty, by number.
Result<std::vector<std::string>> load_duties(Session& session) {
  ZHIYIN_TRY(const Rows rows, session.query("SELECT number, owner FROM duty ORDER BY number"));
  std::vector<std::string> owners(kPartitions + 1);
  for (const Row& row : rows.rows) {
    const std::int64_t number = as_int(row[0], -1);
    if (number < 0 || number > kLead) {
      return fail(ErrorCode::kDataLoss, "duty: the number is {}", number);
    }
    owners[static_cast<std::size_t>(number)] = std::string(as_text(row[1]));
  }
  return owners;
}

Result<void> give(Session& session, std::vector<std::string>& owners, std::size_t number,
                  const std::string& owner) {
  owners[number] = owner;
  ZHIYIN_TRY_VOID(session.execute("UPDATE duty SET owner = ?2 WHERE number = ?1",
                                  {static_cast<std::int64_t>(number), owner}));
  return {};
}

/// How many partitions are `id`'s due among those that work.
std::size_t share_of(const std::vector<std::string>& workers, const std::string& id) {
  const auto at = std::ranges::find(workers, id);
  if (at == workers.end()) return 0;
  const auto rank = static_cast<std::size_t>(at - workers.begin());
  const std::size_t n = workers.size();
  return kPartitions / n + (rank < kPartitions % n ? 1 : 0);
}

/// Each process changes only what is its own or nobody's. As all agree on the shares, whose sum is
/// the number of partitions, everything has an owner once each has beaten twice.
Result<void> share_out(Session& session, std::vector<std::string>& owners,
                       const std::vector<std::string>& workers, const std::string& id) {
  const std::size_t share = share_of(workers, id);
  std::size_t mine = static_cast<std::size_t>(
      std::ranges::count(owners.begin(), owners.begin() + kPartitions, id));
  const auto is_free = [&](std::size_t number) {
    return std::ranges::find(workers, owners[number]) == workers.end();
  };
  for (std::size_t p = kPartitions; p-- > 0 && mine > share;) {
    if (owners[p] != id) continue;
    ZHIYIN_TRY_VOID(give(session, owners, p, ""));
    --mine;
  }
  for (std::size_t p = 0; p < kPartitions && mine < share; ++p) {
    if (!is_free(p)) continue;
    ZHIYIN_TRY_VOID(give(session, owners, p, id));
    ++mine;
  }
  if (share > 0 && is_free(kLead)) ZHIYIN_TRY_VOID(give(session, owners, kLead, id));
  return {};
}

std::string fresh_id() { return crypto::base32(crypto::random_bytes(kIdBytes)); }

}  // namespace

std::span<const Migration> Membership::migrations() { return kMigrations; }

Membership::Membership(State& state, Logger& logger, Settings settings)
    : state_(state), logger_(logger), settings_(std::move(settings)), place_(settings_.place) {}

Membership::~Membership() {
  stop();
  // Unreachable: the others notice when the lease runs out.
  (void)leave();
}

Result<std::unique_ptr<Membership>> Membership::join(State& state, Logger& logger,
                                                     Settings settings) {
  std::unique_ptr<Membership> out(new Membership(state, logger, std::move(settings)));
  ZHIYIN_TRY_VOID(out->enter());
  ZHIYIN_TRY_VOID(out->beat());
  return out;
}

Result<Instant> Membership::now(Session& session) const {
  return settings_.now ? settings_.now(session) : session.now();
}

Membership::SteadyTime Membership::steady_now() const {
  return settings_.steady_now ? settings_.steady_now() : std::chrono::steady_clock::now();
}

Result<void> Membership::enter() {
  const std::string id = fresh_id();
  std::string place;
  {
    MutexLock lock(mutex_);
    place = place_;
  }
  ZHIYIN_TRY_VOID(state_.write([&](Session& session) -> Result<void> {
    ZHIYIN_TRY(const Instant time, now(session));
    ZHIYIN_TRY_VOID(session.execute("DELETE FROM process WHERE place = ?1", {place}));
    ZHIYIN_TRY_VOID(heed_move(session, time, {}));
    ZHIYIN_TRY(const std::vector<ProcessRow> others, load_processes(session));
    bool works = settings_.works;
    for (const ProcessRow& other : others) {
      // Who is only slow must not pass for gone with somebody who cannot be beside it.
      if (other.process.expires_at + kSlowLeases * settings_.lease < time) continue;
      const bool lives = other.process.expires_at >= time;
      works = works && !(settings_.yields && lives && other.process.works);
      if (!settings_.shares || !other.shares) {
        return fail(ErrorCode::kConflict,
                    "state: the process {} works on it (or did a moment ago), and {} one keeps its "
                    "log, warehouse or clock to itself; several processes need Kafka, PostgreSQL "
                    "and ClickHouse",
                    other.process.name, other.shares ? "this" : "that");
      }
      if (other.stores != settings_.stores) {
        return fail(ErrorCode::kConflict,
                    "state: the process {} works on it with another storage.log or "
                    "storage.warehouse",
                    other.process.name);
      }
    }
    ZHIYIN_TRY_VOID(session.execute(
        "INSERT INTO process(id, place, name, roles, stores, shares, works, started_at, "
        "expires_at, held) VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, 0)",
        {id, place, settings_.name, settings_.roles, settings_.stores,
         std::int64_t{settings_.shares}, std::int64_t{works}, time.us,
         (time + settings_.lease).us}));
    return {};
  }));
  MutexLock lock(mutex_);
  id_ = id;
  left_ = false;
  return {};
}

/// A move whose process is dead was given up: its last step looks for the mark in its transaction,
/// so one that only was away for long does not finish it.
Result<void> Membership::heed_move(Session& session, Instant time, std::string_view me) const {
  ZHIYIN_TRY(const auto mark, move_mark(session));
  if (!mark || mark->role != MoveRole::kMoving || mark->owner == me) return check_mark(mark, me);
  ZHIYIN_TRY(const Rows mover,
             session.query("SELECT expires_at FROM process WHERE id = ?1", {mark->owner}));
  const bool lives = !mover.rows.empty() && as_int(mover.rows[0][0]) >= time.us;
  return lives ? check_mark(mark, me) : set_move_mark(session, std::nullopt);
}

Result<void> Membership::check_not_moved(Session& session) const {
  ZHIYIN_TRY(const auto mark, move_mark(session));
  return check_mark(mark, id());
}

bool Membership::lives() const {
  MutexLock lock(mutex_);
  return !left_ && steady_now() < valid_until_;
}

Result<void> Membership::beat() {
  MutexLock one_at_a_time(beat_mutex_);
  bool lost = false;
  ZHIYIN_TRY_VOID(beat_once(lost));
  if (!lost) return {};
  {
    MutexLock lock(mutex_);
    if (left_) return {};
    // Buried alive, or another process runs with a copy of this one's folder: in any case anew.
    place_ = fresh_id();
  }
  logger_.warning("storage", "process.lost_lease", {});
  ZHIYIN_TRY_VOID(enter());
  return beat_once(lost);
}

Result<void> Membership::beat_once(bool& lost) {
  const std::string me = id();
  const SteadyTime began = steady_now();
  std::bitset<kPartitions> partitions;
  bool leads = false;
  bool held = false;
  std::int64_t held_number = 0;
  ZHIYIN_TRY_VOID(state_.write([&](Session& session) -> Result<void> {
    ZHIYIN_TRY(const Instant time, now(session));
    ZHIYIN_TRY_VOID(heed_move(session, time, me));
    ZHIYIN_TRY(const std::int64_t renewed,
               session.execute("UPDATE process SET expires_at = ?2, held = ?3 WHERE id = ?1",
                               {me, (time + settings_.lease).us, held_seen_.load()}));
    lost = renewed == 0;
    if (lost) return {};
    ZHIYIN_TRY(const std::vector<ProcessRow> processes, load_processes(session));
    std::vector<std::string> workers;
    for (const ProcessRow& row : processes) {
      const MemberProcess& p = row.process;
      if (p.id != me && p.expires_at < time) {
        ZHIYIN_TRY_VOID(session.execute("DELETE FROM process WHERE id = ?1", {p.id}));
      } else if (p.works) {
        workers.push_back(p.id);
      }
    }
    ZHIYIN_TRY(std::vector<std::string> owners, load_duties(session));
    ZHIYIN_TRY_VOID(share_out(session, owners, workers, me));
    for (std::size_t p = 0; p < kPartitions; ++p) partitions[p] = owners[p] == me;
    leads = owners[kLead] == me;
    ZHIYIN_TRY(const Rows hold,
               session.query("SELECT held, number FROM shared_hold WHERE one = 1"));
    held = as_int(hold.rows.at(0).at(0)) != 0;
    held_number = as_int(hold.rows.at(0).at(1));
    return {};
  }));
  if (lost) {
    take_note({}, false, began);
    return {};
  }
  held_.store(held);
  held_told_.store(held_seen_.load());
  held_seen_.store(held_number);
  take_note(partitions, leads, began + settings_.lease);
  return {};
}

void Membership::take_note(const std::bitset<kPartitions>& partitions, bool leads,
                           SteadyTime until) {
  MutexLock lock(mutex_);
  valid_until_ = until;
  if (duties_.partitions == partitions && duties_.leads == leads) return;
  logger_.info("storage", "process.duties", {{"partitions", partitions.count()}, {"leads", leads}});
  duties_ = {duties_.generation + 1, partitions, leads};
}

Result<void> Membership::leave() {
  MutexLock one_at_a_time(beat_mutex_);
  {
    MutexLock lock(mutex_);
    if (left_) return {};
    left_ = true;
  }
  take_note({}, false, steady_now());
  const std::string me = id();
  return state_.write([&](Session& session) -> Result<void> {
    ZHIYIN_TRY_VOID(session.execute("UPDATE duty SET owner = '' WHERE owner = ?1", {me}));
    ZHIYIN_TRY_VOID(session.execute("DELETE FROM process WHERE id = ?1", {me}));
    return {};
  });
}

Duties Membership::duties() const {
  MutexLock lock(mutex_);
  if (duties_.partitions.any() || duties_.leads) {
    if (steady_now() >= valid_until_) duties_ = {duties_.generation + 1, {}, false};
  }
  return duties_;
}

std::string Membership::id() const {
  MutexLock lock(mutex_);
  return id_;
}

Result<void> Membership::check_leads(Session& session) const {
  ZHIYIN_TRY(const Rows rows, session.query("SELECT owner FROM duty WHERE number = ?1", {kLead}));
  if (!rows.rows.empty() && as_text(rows.rows[0][0]) == id()) return {};
  return fail(ErrorCode::kConflict, "another process has taken the lead");
}

Result<void> Membership::set_held(bool held) {
  ZHIYIN_TRY_VOID(state_.write([&](Session& session) -> Result<void> {
    ZHIYIN_TRY_VOID(session.execute("UPDATE shared_hold SET held = ?1, number = number + 1",
                                    {std::int64_t{held}}));
    return {};
  }));
  return beat();
}

Result<void> Membership::wait_until_followed(std::chrono::milliseconds patience) {
  const auto until = std::chrono::steady_clock::now() + patience;
  for (;;) {
    bool all = true;
    ZHIYIN_TRY_VOID(state_.read([&](Session& session) -> Result<void> {
      ZHIYIN_TRY(const Instant time, now(session));
      ZHIYIN_TRY(const Rows hold, session.query("SELECT number FROM shared_hold WHERE one = 1"));
      ZHIYIN_TRY(const std::vector<MemberProcess> processes, list(session, time));
      all = std::ranges::all_of(processes, [&](const MemberProcess& p) {
        return !p.works || p.held >= as_int(hold.rows.at(0).at(0));
      });
      return {};
    }));
    if (all) return {};
    if (std::chrono::steady_clock::now() >= until) {
      return fail(ErrorCode::kDeadline, "another process has not held its projections back yet");
    }
    std::this_thread::sleep_for(kLookEvery);
  }
}

Result<std::vector<MemberProcess>> Membership::list(Session& session, Instant now) {
  ZHIYIN_TRY(const std::vector<ProcessRow> rows, load_processes(session));
  ZHIYIN_TRY(const std::vector<std::string> owners, load_duties(session));
  std::vector<MemberProcess> out;
  for (const ProcessRow& row : rows) {
    if (row.process.expires_at < now) continue;
    MemberProcess p = row.process;
    p.partitions =
        static_cast<int>(std::ranges::count(owners.begin(), owners.begin() + kPartitions, p.id));
    p.leads = owners[kLead] == p.id;
    out.push_back(std::move(p));
  }
  return out;
}

Result<std::vector<MemberProcess>> Membership::list() const {
  std::vector<MemberProcess> out;
  ZHIYIN_TRY_VOID(state_.read([&](Session& session) -> Result<void> {
    ZHIYIN_TRY(const Instant time, now(session));
    ZHIYIN_TRY(out, list(session, time));
    return {};
  }));
  return out;
}

Result<bool> Membership::is_known(Session& session, std::string_view id) {
  ZHIYIN_TRY(const Rows rows,
             session.query("SELECT 1 FROM process WHERE id = ?1", {std::string(id)}));
  return !rows.rows.empty();
}

void Membership::start(std::function<void()> beaten) {
  {
    MutexLock lock(mutex_);
    stopping_ = false;
  }
  beaten_ = std::move(beaten);
  thread_ = std::thread([this] { run(); });
}

void Membership::stop() {
  {
    MutexLock lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
  if (thread_.joinable()) thread_.join();
}

void Membership::run() {
  const auto pause =
      std::chrono::duration_cast<std::chrono::milliseconds>(settings_.lease) / kBeatsPerLease;
  for (;;) {
    const auto next = std::chrono::steady_clock::now() + pause;
    {
      MutexLock lock(mutex_);
      while (!stopping_) {
        const auto left = next - std::chrono::steady_clock::now();
        if (left <= left.zero()) break;
        (void)changed_.wait_for(mutex_, left);
      }
      if (stopping_) return;
    }
    if (const auto beaten = beat(); !beaten) {
      logger_.warning("storage", "process.beat_failed", {{"error", beaten.error().text()}});
    }
    if (beaten_) beaten_();
    // Whoever asked for a hold waits to hear that it is followed.
    if (held_told_.load() != held_seen_.load()) (void)beat();
  }
}

}  // namespace zhiyin::storage
