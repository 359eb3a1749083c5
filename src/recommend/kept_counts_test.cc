// Counts that follow what changed are those of counting anew, cell by cell.
#include "recommend/kept_counts.h"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <map>
#include <set>

#include "base/crypto.h"
#include "base/file.h"
#include "base/random.h"
#include "recommend/recommend_model.h"
#include "recommend/training_checkpoint.h"

namespace zhiyin::recommend {
namespace {

constexpr std::size_t kAnySize = std::size_t{1} << 40;

/// People and the items that they had, by name.
using World = std::map<std::string, std::set<std::string>>;

/// The rows of a world, numbered as training numbers them: people and items by their names.
struct Rows {
  explicit Rows(const World& world) {
    std::set<std::string> all;
    for (const auto& [person, items] : world) all.insert(items.begin(), items.end());
    const std::vector<std::string> names(all.begin(), all.end());
    std::vector<Interaction> entries;
    std::uint32_t user = 0;
    for (const auto& [person, items] : world) {
      keys.push_back(person_key(person));
      for (const std::string& item : items)
        entries.push_back(
            {user,
             static_cast<std::uint32_t>(std::ranges::lower_bound(names, item) - names.begin()), 1});
      ++user;
    }
    matrix = Interactions::build(std::move(entries), keys.size(), names.size());
    counted.emplace(matrix, keys, names);
    counts.grow(names.size());
    for (std::size_t u = 0; u < matrix.users(); ++u) counts.add(matrix.columns(u));
  }
  Rows(const Rows&) = delete;

  std::vector<PersonKey> keys;
  Interactions matrix;
  std::optional<CountedRows> counted;
  CoOccurrence counts;  ///< counted anew
};

std::string item_name(std::uint64_t i) { return fmt::format("article{}i{}", '\0', i); }

World some_world(Random& random, std::size_t people, std::size_t items) {
  World out;
  for (std::size_t p = 0; p < people; ++p) {
    auto& own = out[fmt::format("p{}", p)];
    for (std::uint64_t n = random.below(9); n > 0; --n) own.insert(item_name(random.below(items)));
  }
  return out;
}

/// One thing that happens between two trainings.
void change(World& world, Random& random) {
  if (world.empty()) {
    world["p0"].insert(item_name(0));
    return;
  }
  auto somebody = std::next(world.begin(), static_cast<std::ptrdiff_t>(random.below(world.size())));
  const std::string item = item_name(random.below(40));
  switch (random.below(7)) {
    case 0:  // one more item, perhaps a new one
      somebody->second.insert(item);
      break;
    case 1:  // feedback that is withdrawn
      somebody->second.erase(item);
      break;
    case 2:  // erased
      world.erase(somebody);
      break;
    case 3:  // somebody new
      world[fmt::format("p{}", 1000 + random.below(50))] = {item, item_name(random.below(60))};
      break;
    case 4:  // an item goes
      for (auto& [person, items] : world) items.erase(item);
      break;
    case 5: {  // two turn out to be one
      const std::set<std::string> items = somebody->second;
      world.erase(somebody);
      if (!world.empty()) world.begin()->second.insert(items.begin(), items.end());
      break;
    }
    default:  // the window moves: many have lost what they did first
      for (auto& [person, items] : world) {
        if (!items.empty() && random.below(3) == 0) items.erase(items.begin());
      }
  }
}

std::string bytes_of(const Rows& rows) {
  const TempFolder folder;
  const auto file = folder.path() / "counts";
  EXPECT_TRUE(write_pair_counts(file, *rows.counted, rows.counts));
  return *read_file(file);
}

TEST(KeptCounts, FollowWhateverHappensCellByCell) {
  Random random(17);
  int followed = 0;
  for (int life = 0; life < 12; ++life) {
    World world = some_world(random, 1 + random.below(60), 2 + random.below(40));
    for (int night = 0; night < 12; ++night) {
      const Rows before(world);
      for (std::uint64_t n = random.below(night % 3 == 0 ? 40 : 4); n > 0; --n)
        change(world, random);
      const Rows now(world);
      const std::string bytes = bytes_of(before);
      const auto view = PairCountsView::read(bytes);
      ASSERT_TRUE(view) << view.error().text();
      const CountsDifference changes = difference(*view, *now.counted);
      const auto counts = follow(*view, *now.counted, changes, {});
      ASSERT_TRUE(counts) << counts.error().text();
      ASSERT_EQ(*counts, now.counts) << life << " " << night;
      followed += changes.rows.empty() ? 0 : 1;
    }
  }
  EXPECT_GT(followed, 80);
}

TEST(KeptCounts, OnlyRowsThatChangedAreToldAndTheirStepsCounted) {
  const Rows before({{"a", {"x", "y"}}, {"b", {"x", "z"}}, {"c", {"y"}}, {"d", {}}});
  const Rows now({{"a", {"x", "y"}}, {"b", {"w", "x", "z"}}, {"d", {"y"}}});
  const std::string bytes = bytes_of(before);
  const auto view = PairCountsView::read(bytes);
  const CountsDifference changes = difference(*view, *now.counted);
  EXPECT_EQ(changes.rows.size(), 3U);  // b has more, c is gone, d is new
  EXPECT_EQ(changes.cells, 3 + 1 + 1);
  EXPECT_EQ(changes.cells_anew, 3 + 6 + 1);
  EXPECT_EQ(changes.item_now, (std::vector<std::uint32_t>{1, 2, 3}));
  EXPECT_TRUE(difference(*view, *before.counted).rows.empty());
}

TEST(KeptCounts, PeopleOfOneHashAreStillCountedRight) {
  const std::vector<PersonKey> one_key(3, PersonKey{5, 6});
  const auto rows_of = [](std::vector<Interaction> entries) {
    return Interactions::build(std::move(entries), 3, 3);
  };
  const Interactions first = rows_of({{0, 0}, {0, 1}, {1, 1}, {2, 2}});
  const Interactions then = rows_of({{0, 1}, {2, 0}, {2, 1}, {2, 2}});
  const std::vector<std::string> names{"x", "y", "z"};
  const auto counts_of = [](const Interactions& matrix) {
    CoOccurrence out(matrix.items());
    for (std::size_t u = 0; u < matrix.users(); ++u) out.add(matrix.columns(u));
    return out;
  };
  const TempFolder folder;
  const auto file = folder.path() / "counts";
  ASSERT_TRUE(write_pair_counts(file, {first, one_key, names}, counts_of(first)));
  const std::string bytes = *read_file(file);
  const auto view = PairCountsView::read(bytes);
  ASSERT_TRUE(view);
  const CountedRows now(then, one_key, names);
  EXPECT_EQ(*follow(*view, now, difference(*view, now), {}), counts_of(then));
  EXPECT_EQ(view->edits_to_forget(one_key[0]).error().code, ErrorCode::kDataLoss);
}

TEST(KeptCounts, WhoIsForgottenIsInTheFileNoMore) {
  Random random(5);
  World world = some_world(random, 40, 20);
  const TempFolder folder;
  const auto file = folder.path() / "counts";
  {
    const Rows rows(world);
    ASSERT_TRUE(write_pair_counts(file, *rows.counted, rows.counts));
  }
  // In an order of their own; neighbours, the first and the last among them.
  while (!world.empty()) {
    const auto somebody =
        std::next(world.begin(), static_cast<std::ptrdiff_t>(random.below(world.size())));
    const PersonKey key = person_key(somebody->first);
    const auto forgot = forget_in_pair_counts(file, key);
    ASSERT_TRUE(forgot) << forgot.error().text();
    EXPECT_EQ(*forgot, !somebody->second.empty());
    world.erase(somebody);
    const std::string bytes = *read_file(file);
    const std::string hash(reinterpret_cast<const char*>(key.data()), sizeof key);
    EXPECT_EQ(bytes.find(hash), std::string::npos);
    const auto view = PairCountsView::read(bytes);
    ASSERT_TRUE(view) << view.error().text();
    const Rows left(world);
    const CountsDifference changes = difference(*view, *left.counted);
    EXPECT_TRUE(changes.rows.empty());
    EXPECT_EQ(*follow(*view, *left.counted, changes, {}), left.counts);
    EXPECT_FALSE(*forget_in_pair_counts(file, key));
  }
}

TEST(KeptCounts, CutOffWhileItForgetsTheFileIsDamaged) {
  Random random(8);
  const Rows rows(some_world(random, 30, 20));
  const std::string whole = bytes_of(rows);
  const auto view = PairCountsView::read(whole);
  ASSERT_TRUE(view);
  std::vector<PairCountsView::Edit> edits;
  for (std::size_t u = 0; edits.empty(); ++u) edits = *view->edits_to_forget(rows.keys[u]);
  std::string half = whole;
  for (std::size_t n = 0; n + 1 < edits.size(); ++n) {
    std::memcpy(half.data() + edits[n].offset, &edits[n].word, sizeof edits[n].word);
    if (half == whole) continue;
    EXPECT_FALSE(PairCountsView::read(half)) << n;
  }
}

TEST(KeptCounts, DamagedFilesAreRefusedWithTheReason) {
  Random random(9);
  const Rows rows(some_world(random, 20, 10));
  const std::string good = bytes_of(rows);
  ASSERT_TRUE(PairCountsView::read(good));
  for (std::size_t size = 0; size < good.size(); size += 7)
    EXPECT_FALSE(PairCountsView::read(good.substr(0, size).append(8, '\0'))) << size;
  for (std::size_t at = 0; at < good.size(); ++at) {
    std::string bad = good;
    bad[at] = static_cast<char>(bad[at] ^ 1);
    const auto read = PairCountsView::read(bad);
    ASSERT_FALSE(read) << at;
    EXPECT_EQ(read.error().code, ErrorCode::kDataLoss);
  }
  std::string later = good;
  later[8] = 2;
  EXPECT_NE(PairCountsView::read(later).error().message.find("version 2"), std::string::npos);
}

TEST(KeptCounts, FilesOfVersionOneAreReadAndWrittenAsTheyWere) {
  // Made by hand after docs/formats/pair-counts.md.
  const std::string old = *crypto::unhex(
      "5a5950414952530a0100000002000000020000000000000003000000000000001a0000000000000010625a3d"
      "67b91ab45532b33f5217381b0100000000000000020000000000000003000000000000000400000000000000"
      "01000000010000000200000002000000030000000000010001000900000061727469636c6500610900000061"
      "727469636c65006200000000");
  const auto view = PairCountsView::read(old);
  ASSERT_TRUE(view) << view.error().text();
  const std::vector<std::string> names{std::string("article\0a", 9), std::string("article\0b", 9)};
  EXPECT_EQ(view->items(), (std::vector<std::string_view>{names[0], names[1]}));
  EXPECT_EQ(view->key(1), (PersonKey{3, 4}));
  EXPECT_EQ(view->row(0).size(), 2U);
  const std::vector<PersonKey> keys{{3, 4}, {1, 2}};
  const Interactions matrix = Interactions::build({{0, 1}, {1, 0}, {1, 1}}, 2, 2);
  CoOccurrence counts(2);
  for (std::size_t u = 0; u < matrix.users(); ++u) counts.add(matrix.columns(u));
  const TempFolder folder;
  ASSERT_TRUE(write_pair_counts(folder.path() / "counts", {matrix, keys, names}, counts));
  EXPECT_EQ(*read_file(folder.path() / "counts"), old);
}

TEST(KeptCounts, APersonWithTwentyItemsTakesSixtyBytes) {
  constexpr std::size_t kItems = 100;
  World world;
  for (std::size_t p = 0; p < 1000; ++p) {
    for (std::size_t i = 0; i < 20; ++i)
      world[fmt::format("p{}", p)].insert(fmt::format("i{:02}", (p + i * 5) % kItems));
  }
  const Rows rows(world);
  const std::size_t of_items = 4 * CoOccurrence::cells_of(kItems) + kItems * 7 + 64;
  EXPECT_LE(bytes_of(rows).size(), of_items + 1000 * 60);
}

TEST(KeptCounts, AnewWhereThatIsCheaperOrNothingIsKept) {
  Random random(3);
  const TempFolder folder;
  const auto file = folder.path() / "training" / "counts";
  KeptCounts kept(file, true);
  World world = some_world(random, 50, 20);
  const Rows first(world);
  EXPECT_EQ(kept.follow(*first.counted, kAnySize, {}).error().code, ErrorCode::kNotFound);
  ASSERT_TRUE(kept.keep(*first.counted, first.counts));
  EXPECT_EQ(kept.follow(*first.counted, 100, {}).error().code, ErrorCode::kLimitReached);
  world.begin()->second.insert(item_name(99));
  const Rows then(world);
  const auto followed = kept.follow(*then.counted, kAnySize, {});
  ASSERT_TRUE(followed) << followed.error().text();
  EXPECT_EQ(followed->rows_changed, 1U);
  EXPECT_EQ(followed->counts, then.counts);
  const Rows others(some_world(random, 50, 20));
  EXPECT_EQ(kept.follow(*others.counted, kAnySize, {}).error().code, ErrorCode::kLimitReached);
  // Damaged: the reason; and whoever is to be forgotten takes the file with them.
  std::string bytes = *read_file(file);
  bytes[20] = static_cast<char>(bytes[20] ^ 1);
  ASSERT_TRUE(write_file(file, bytes));
  EXPECT_EQ(kept.follow(*then.counted, kAnySize, {}).error().code, ErrorCode::kDataLoss);
  const std::vector<std::string> people{"p1"};
  EXPECT_TRUE(kept.forget(people));
  EXPECT_FALSE(std::filesystem::exists(file));
  EXPECT_TRUE(kept.forget(people));
}

TEST(KeptCounts, WhoIsForgottenWhileATrainingCountsIsNotKept) {
  const TempFolder folder;
  const auto file = folder.path() / "counts";
  KeptCounts kept(file, true);
  const World world{{"a", {"x", "y"}}, {"b", {"x"}}, {"c", {"y"}}};
  const Rows read(world);
  const std::vector<std::string> gone{"a"};
  ASSERT_TRUE(kept.forget(gone));
  ASSERT_TRUE(kept.keep(*read.counted, read.counts));
  const Rows left({{"b", {"x"}}, {"c", {"y"}}});
  const auto followed = kept.follow(*left.counted, kAnySize, {});
  ASSERT_TRUE(followed) << followed.error().text();
  EXPECT_EQ(followed->rows_changed, 0U);
  EXPECT_EQ(followed->counts, left.counts);
}

TEST(KeptCounts, SwitchedOffNothingStays) {
  const TempFolder folder;
  const auto file = folder.path() / "counts";
  const Rows rows(World{{"a", {"x"}}});
  ASSERT_TRUE(KeptCounts(file, true).keep(*rows.counted, rows.counts));
  ASSERT_TRUE(write_file(file.string() + ".part", "of a process that was killed"));
  KeptCounts off(file, false);
  EXPECT_TRUE(std::filesystem::is_empty(folder.path()));
  EXPECT_TRUE(off.keep(*rows.counted, rows.counts));
  EXPECT_TRUE(std::filesystem::is_empty(folder.path()));
  // What cannot be written leaves nothing half.
  ASSERT_TRUE(write_file(folder.path() / "plain", "x"));
  KeptCounts nowhere(folder.path() / "plain" / "counts", true);
  EXPECT_FALSE(nowhere.keep(*rows.counted, rows.counts));
}

// Trainings with and without.

constexpr Instant kNow{1'000'000'000'000'000};

/// `people` like up to six of sixty articles within the last `days` days.
RowSource likings(int people, int days, std::uint64_t seed = 3) {
  return [=](const std::function<void(const InteractionRow&)>& take) -> Result<void> {
    for (int p = 0; p < people; ++p) {
      Random random(seed + static_cast<std::uint64_t>(p));
      for (int a = 0; a < 6; ++a) {
        const std::string item = fmt::format("i{}", (p % 5 * 9 + random.below(14)) % 60);
        const Instant at = kNow - kDay * static_cast<int>(random.below(30));
        if (kNow - at <= kDay * days)
          take({fmt::format("p{}", p), {"article", item}, "read", 0, at});
      }
    }
    return {};
  };
}

TrainParams ease() {
  TrainParams out;
  out.algorithm = "ease";
  out.lambda = 5;
  out.as_of = kNow;
  return out;
}

std::string trained(const RowSource& rows, TrainParams params, CountsUse* use,
                    TrainingCheckpoint* checkpoint = nullptr) {
  params.counts = use;
  params.checkpoint = checkpoint;
  const auto model = train_recommend(rows, params);
  EXPECT_TRUE(model) << model.error().text();
  return model->encode();
}

TEST(KeptCounts, TrainingsGiveTheSameBytesWhateverWasKept) {
  const TempFolder folder;
  KeptCounts kept(folder.path() / "counts", true);
  const auto night = [&](const RowSource& rows, const TrainParams& params) {
    CountsUse use{kept, true};
    EXPECT_EQ(trained(rows, params, &use), trained(rows, params, nullptr));
    EXPECT_TRUE(use.wanted);
    EXPECT_FALSE(use.not_kept);
    return use.rows_changed;
  };
  EXPECT_EQ(night(likings(400, 30), ease()), std::nullopt);
  EXPECT_EQ(night(likings(400, 30), ease()), 0U);
  // New people; then a window that moves, another moment, other bounds: each follows or counts
  // anew, and the bytes are the same.
  EXPECT_EQ(night(likings(410, 30), ease()), 10U);
  EXPECT_TRUE(night(likings(410, 29), ease()));
  TrainParams params = ease();
  params.as_of = kNow - kDay / 2;
  night(likings(410, 29), params);
  params.history_max = 3;
  EXPECT_EQ(night(likings(410, 29), params), std::nullopt);
  params.items_max = 20;
  night(likings(410, 29), params);
  params.people_min = 12;
  night(likings(380, 29), params);
  night(likings(0, 29), params);
  EXPECT_EQ(night(likings(50, 29), ease()), std::nullopt);
  // One that does not replace what is kept leaves it as it is.
  CountsUse trial{kept};
  trained(likings(48, 29), ease(), &trial);
  EXPECT_GE(trial.rows_changed, 2U);  // and those who had an item that one other had
  EXPECT_EQ(night(likings(50, 29), ease()), 0U);
  // Other algorithms count nothing.
  CountsUse other{kept, true};
  params.algorithm = "itemknn";
  trained(likings(50, 29), params, &other);
  EXPECT_FALSE(other.wanted);
}

/// Trains in a process of its own that gets SIGKILL when it tells of its progress for the
/// `calls`th time. True when it was killed.
bool killed_at(const RowSource& rows, int calls, const std::filesystem::path& folder) {
  const pid_t child = ::fork();
  if (child == 0) {
    KeptCounts kept(folder / "counts", true);
    CountsUse use{kept, true};
    TrainingCheckpoint checkpoint(folder, "t");
    TrainParams params = ease();
    params.counts = &use;
    params.checkpoint = &checkpoint;
    params.progress = [&](double) {
      if (--calls == 0) ::kill(::getpid(), SIGKILL);
      return true;
    };
    ::_exit(train_recommend(rows, params) ? 0 : 1);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  return WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
}

TEST(KeptCounts, KilledAnywhereTheNextTrainingGivesTheSameBytes) {
  const RowSource before = likings(12'000, 30);
  const RowSource rows = likings(23'000, 30);
  const std::string whole = trained(rows, ease(), nullptr);
  int deaths = 0;
  for (int calls = 1;; calls += 1 + calls / 2, ++deaths) {
    const TempFolder folder;
    {
      KeptCounts kept(folder.path() / "counts", true);
      CountsUse use{kept, true};
      trained(before, ease(), &use);
    }
    if (!killed_at(rows, calls, folder.path())) break;
    KeptCounts kept(folder.path() / "counts", true);
    TrainingCheckpoint checkpoint(folder.path(), "t");
    CountsUse use{kept, true};
    EXPECT_EQ(trained(rows, ease(), &use, &checkpoint), whole) << calls;
    CountsUse again{kept, true};
    EXPECT_EQ(trained(rows, ease(), &again), whole);
    EXPECT_EQ(again.rows_changed, 0U);
  }
  EXPECT_GE(deaths, 2);
}

}  // namespace
}  // namespace zhiyin::recommend
