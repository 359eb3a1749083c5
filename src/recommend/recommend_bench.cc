// Measures what recommending costs; bench/run recommend_models calls it. Each figure stands beside
// the processor's peak of the same minute.
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "base/file.h"
#include "base/random.h"
#include "model/text_encoder.h"
#include "recommend/co_occurrence.h"
#include "recommend/cold_start.h"
#include "recommend/detail/byte_dots.h"
#include "recommend/detail/matrix_kernels.h"
#include "recommend/ease.h"
#include "recommend/ials.h"
#include "recommend/impression.h"
#include "recommend/interaction_file.h"
#include "recommend/kept_counts.h"
#include "recommend/list_inspection.h"
#include "recommend/movielens_clicks.h"
#include "recommend/news_impressions.h"
#include "recommend/recommender.h"
#include "recommend/served_lists.h"
#include "recommend/symmetric_matrix.h"
#include "recommend/text_vectors.h"

namespace zhiyin::recommend {
namespace {

/// What this thread has had of the processor: other work beside it changes little.
double seconds() {
  timespec t{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
  return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_nsec) / 1e9;
}

/// By the clock on the wall: what waits for a disk.
double wall_seconds() {
  timespec t{};
  clock_gettime(CLOCK_MONOTONIC, &t);
  return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_nsec) / 1e9;
}

/// Best of three short runs, GFLOP/s of one thread.
double peak() {
  double best = 0;
  for (int i = 0; i < 3; ++i) {
    float sink[2] = {0.5F, 0.1F};
    constexpr std::size_t kRounds = 4'000'000;
    const double began = seconds();
    const double done = detail::kernels().register_peak(kRounds, sink);
    best = std::max(best, done / (seconds() - began) / 1e9);
  }
  return best;
}

int complain(const Error& error) {
  std::fprintf(stderr, "%s\n", error.text().c_str());
  return 1;
}

int ease(std::size_t n) {
  auto matrix = SquareMatrix::create(n);
  if (!matrix) return complain(matrix.error());
  Random random(1);
  for (std::size_t i = 0; i < n; ++i) {
    for (std::size_t j = 0; j < i; ++j) matrix->row(i)[j] = static_cast<float>(random.uniform());
    matrix->row(i)[i] = static_cast<float>(n);
  }
  const double before = peak();
  const double began = seconds();
  const auto done = negative_inverse(*matrix, {});
  const double took = seconds() - began;
  if (!done) return complain(done.error());
  const double after = peak();
  const double rate = std::pow(static_cast<double>(n), 3) / took / 1e9;
  std::printf(
      "{\"what\":\"ease\",\"n\":%zu,\"seconds\":%.3f,\"gflops\":%.1f,\"peak_before\":%.1f,"
      "\"peak_after\":%.1f,\"share\":%.3f,\"kernel\":\"%s\",\"threads\":1}\n",
      n, took, rate, before, after, rate / std::max(before, after), detail::kernels().name);
  return 0;
}

/// The objective of `implicit` with alpha 2: weight 1 of every cell, one more of the observed ones,
/// a constant ridge.
IalsParams as_implicit(std::size_t factors) {
  return {.factors = factors, .weight = 1, .regularization = 0.01, .frequency = 0, .target = 2};
}

int ials(const char* file, std::size_t factors) {
  const auto pairs = read_interaction_file(file);
  if (!pairs) return complain(pairs.error());
  NameIndex users;
  NameIndex items;
  std::vector<Interaction> entries;
  for (const auto& [user, item] : *pairs) entries.push_back({users.add(user), items.add(item), 1});
  const Interactions x = Interactions::build(std::move(entries), users.size(), items.size());
  const double top = peak();
  const double began = seconds();
  const auto model = Ials::train(x, as_implicit(factors));
  const double took = seconds() - began;
  if (!model) return complain(model.error());
  const Ials::Loss& loss = model->trained_loss();
  // (2 - y)² + y² = 2 (1 - y)² + 2.
  const double same = loss.observed + loss.all - 2 * static_cast<double>(x.size());
  std::printf(
      "{\"what\":\"ials\",\"factors\":%zu,\"seconds\":%.3f,\"loss\":%.2f,\"peak\":%.1f,"
      "\"kernel\":\"%s\",\"pairs\":%zu}\n",
      factors, took, same, top, detail::kernels().name, x.size());
  // Plain scores with seen items filtered, the 20 best of everybody, folding in included.
  const double from = seconds();
  constexpr std::size_t kPeopleTogether = 64;
  IalsScratch scratch;
  AlignedFloats people(kPeopleTogether * model->width());
  AlignedFloats scores(kPeopleTogether * model->items());
  double check = 0;
  double folding = 0;
  for (std::size_t first = 0; first < x.users(); first += kPeopleTogether) {
    const std::size_t count = std::min(kPeopleTogether, x.users() - first);
    const double begin = seconds();
    for (std::size_t p = 0; p < count; ++p)
      model->fold_in(x.columns(first + p),
                     std::span(people).subspan(p * model->width(), model->width()), scratch);
    folding += seconds() - begin;
    model->score_all(std::span(people).first(count * model->width()), scores);
    for (std::size_t p = 0; p < count; ++p) {
      const auto own = std::span(scores).subspan(p * model->items(), model->items());
      for (const std::uint32_t seen : x.columns(first + p)) own[seen] = -1e30F;
      check += own[places_of_largest(own, 20)[0]];
    }
  }
  const double listed = seconds() - from;
  std::printf(
      "{\"what\":\"scores\",\"factors\":%zu,\"people_per_second\":%.0f,\"folding_share\":%.3f,"
      "\"check\":%.3f}\n",
      factors, static_cast<double>(x.users()) / listed, folding / listed, check);
  return 0;
}

/// Histories of a few items each, by a law near Zipf's.
Interactions histories(std::size_t people, std::size_t items) {
  Random random(11);
  std::vector<Interaction> entries;
  for (std::uint32_t u = 0; u < people; ++u) {
    const std::size_t events = 1 + random.below(15);
    for (std::size_t i = 0; i < events; ++i) {
      const double at = random.uniform();
      entries.push_back({u, static_cast<std::uint32_t>(at * at * static_cast<double>(items)), 1});
    }
  }
  return Interactions::build(std::move(entries), people, items);
}

struct GrowthTimes {
  double ease = 1e9;   ///< from counts to weights
  double sweep = 1e9;  ///< of iALS over people and items
  double lists = 1e9;  ///< folding in, scores, the best ten of everybody
};

Result<void> take_ease(const CoOccurrence& counts, GrowthTimes& best) {
  const double began = seconds();
  ZHIYIN_TRY(const Ease ease, Ease::train(counts, {}));
  best.ease = std::min(best.ease, seconds() - began);
  return {};
}

Result<Ials> take_sweep(const Interactions& x, GrowthTimes& best) {
  double last = 0;
  std::size_t iteration = 0;
  return Ials::train(x, {.factors = 64, .iterations = 2}, [&](double) {
    if (iteration++ > 0) best.sweep = std::min(best.sweep, seconds() - last);
    last = seconds();
    return true;
  });
}

void take_lists(const Interactions& x, const Ials& model, GrowthTimes& best) {
  constexpr std::size_t kPeopleTogether = 64;
  IalsScratch scratch;
  AlignedFloats people(kPeopleTogether * model.width());
  AlignedFloats scores(kPeopleTogether * model.items());
  const double from = seconds();
  std::size_t listed = 0;
  for (std::size_t first = 0; first < x.users(); first += kPeopleTogether) {
    const std::size_t count = std::min(kPeopleTogether, x.users() - first);
    for (std::size_t p = 0; p < count; ++p)
      model.fold_in(x.columns(first + p),
                    std::span(people).subspan(p * model.width(), model.width()), scratch);
    model.score_all(std::span(people).first(count * model.width()), scores);
    for (std::size_t p = 0; p < count; ++p)
      listed +=
          places_of_largest(std::span(scores).subspan(p * model.items(), model.items()), 10).size();
  }
  if (listed > 0) best.lists = std::min(best.lists, seconds() - from);
}

/// What twice as many people cost: log2 of the ratio, 0 where they change nothing and 1 where they
/// cost twice as much. `which`: ease, sweep or lists; empty: all. The best of `rounds`, in turn.
int growth(std::size_t people, std::string_view which, int rounds) {
  constexpr std::size_t kItems = 3000;
  const Interactions one = histories(people, kItems);
  const Interactions two = histories(2 * people, kItems);
  const auto wanted = [&](std::string_view what) { return which.empty() || which == what; };
  const double top = peak();
  GrowthTimes small;
  GrowthTimes large;
  if (wanted("ease")) {
    CoOccurrence counts_one(kItems);
    CoOccurrence counts_two(kItems);
    for (std::size_t u = 0; u < one.users(); ++u) counts_one.add(one.columns(u));
    for (std::size_t u = 0; u < two.users(); ++u) counts_two.add(two.columns(u));
    for (int round = 0; round < rounds; ++round) {
      for (const auto& done : {take_ease(counts_one, small), take_ease(counts_two, large)}) {
        if (!done) return complain(done.error());
      }
    }
  }
  for (int round = 0; round < rounds && (wanted("sweep") || wanted("lists")); ++round) {
    for (const bool twice : {false, true}) {
      const Interactions& x = twice ? two : one;
      const auto model = take_sweep(x, twice ? large : small);
      if (!model) return complain(model.error());
      if (wanted("lists")) take_lists(x, *model, twice ? large : small);
    }
  }
  const auto tell = [&](const char* what, double a, double b) {
    if (!wanted(what)) return;
    std::printf(
        "{\"what\":\"growth\",\"of\":\"%s\",\"people\":%zu,\"rounds\":%d,\"seconds\":%.3f,"
        "\"twice\":%.3f,\"slope\":%.3f,\"peak\":%.1f,\"kernel\":\"%s\"}\n",
        what, people, rounds, a, b, std::log2(b / a), top, detail::kernels().name);
  };
  tell("ease", small.ease, large.ease);
  tell("sweep", small.sweep, large.sweep);
  tell("lists", small.lists, large.lists);
  return 0;
}

/// Histories of 20 different items each; of `changed` people, spread over all, one item is another
/// one and one is new.
Interactions rows_with_changes(std::size_t people, std::size_t items, std::size_t changed) {
  constexpr std::size_t kEvents = 20;
  Random random(11);
  std::vector<Interaction> entries;
  entries.reserve(people * kEvents + changed);
  const std::size_t every = changed == 0 ? people + 1 : people / changed;
  std::vector<std::uint32_t> own;
  for (std::uint32_t u = 0; u < people; ++u) {
    own.clear();
    while (own.size() < kEvents + 2) {
      const double at = random.uniform();
      const auto item = static_cast<std::uint32_t>(at * at * static_cast<double>(items));
      if (std::ranges::find(own, item) == own.end()) own.push_back(item);
    }
    const bool is_changed = (u + 1) % every == 0;
    const std::size_t first = is_changed ? 1 : 0;
    for (std::size_t i = first; i < (is_changed ? kEvents + 2 : kEvents); ++i)
      entries.push_back({u, own[i], 1});
  }
  return Interactions::build(std::move(entries), people, items);
}

/// Counting anew beside following `changed` histories from the file of the training before, with
/// all that belongs to it: hashes in order, the file read and checked, rows compared.
int counts(std::size_t people, std::size_t changed, bool with_inverse) {
  constexpr std::size_t kItems = 10'000;
  std::vector<std::string> names;
  for (std::size_t i = 0; i < kItems; ++i)
    names.push_back(std::string("article") + '\0' + fmt::format("i{:06}", i));
  std::vector<PersonKey> keys;
  for (std::size_t u = 0; u < people; ++u) keys.push_back(person_key(fmt::format("p_{}", u)));
  const TempFolder folder;
  KeptCounts kept(folder.path() / "counts", true);
  double keeping = 0;
  {
    const Interactions before = rows_with_changes(people, kItems, 0);
    CoOccurrence all(kItems);
    for (std::size_t u = 0; u < people; ++u) all.add(before.columns(u));
    const CountedRows rows(before, keys, names);
    const double began = wall_seconds();
    if (auto done = kept.keep(rows, all); !done) return complain(done.error());
    keeping = wall_seconds() - began;
  }
  const Interactions now = rows_with_changes(people, kItems, changed);
  double anew = 1e9;
  double following = 1e9;
  double ordering = 1e9;  // part of it
  double inverse = 0;
  std::size_t rows_changed = 0;
  constexpr int kRounds = 3;
  for (int round = 0; round < kRounds; ++round) {
    double began = seconds();
    CoOccurrence all(kItems);
    for (std::size_t u = 0; u < people; ++u) all.add(now.columns(u));
    anew = std::min(anew, seconds() - began);
    began = seconds();
    const CountedRows rows(now, keys, names);
    ordering = std::min(ordering, seconds() - began);
    const auto followed = kept.follow(rows, std::numeric_limits<std::size_t>::max(), {});
    following = std::min(following, seconds() - began);
    if (!followed) return complain(followed.error());
    if (followed->counts != all) return 1;
    rows_changed = followed->rows_changed;
    if (!with_inverse) continue;
    GrowthTimes took;
    if (auto done = take_ease(followed->counts, took); !done) return complain(done.error());
    inverse = round == 0 ? took.ease : std::min(inverse, took.ease);
  }
  const double began = wall_seconds();
  const std::vector<std::string> gone{"p_7"};
  if (auto done = kept.forget(gone); !done) return complain(done.error());
  const double forgetting = wall_seconds() - began;
  const auto bytes = static_cast<double>(std::filesystem::file_size(folder.path() / "counts"));
  const double of_people = bytes - 4.0 * static_cast<double>(CoOccurrence::cells_of(kItems));
  std::printf(
      "{\"what\":\"counts\",\"people\":%zu,\"items\":%zu,\"changed\":%zu,\"anew\":%.3f,"
      "\"following\":%.3f,\"ordering\":%.3f,\"inverse\":%.3f,\"keeping\":%.3f,\"forgetting\":%.5f,"
      "\"file_mb\":%.1f,\"bytes_per_person\":%.1f}\n",
      people, kItems, rows_changed, anew, following, ordering, inverse, keeping, forgetting,
      bytes / 1e6, of_people / static_cast<double>(people));
  return 0;
}

int fold() {
  Random random(2);
  std::vector<Interaction> entries;
  for (std::uint32_t u = 0; u < 2000; ++u) {
    for (int i = 0; i < 20; ++i)
      entries.push_back({u, static_cast<std::uint32_t>(random.below(3000)), 1});
  }
  const Interactions x = Interactions::build(std::move(entries), 2000, 3000);
  const auto model = Ials::train(x, {.factors = 64, .iterations = 2});
  if (!model) return complain(model.error());
  IalsScratch scratch;
  std::vector<float> person(model->width());
  const double top = peak();
  double best = 1e9;
  for (int round = 0; round < 20; ++round) {
    const double began = seconds();
    for (std::size_t u = 0; u < x.users(); ++u) model->fold_in(x.columns(u), person, scratch);
    best = std::min(best, (seconds() - began) / static_cast<double>(x.users()));
  }
  std::printf(
      "{\"what\":\"fold_in\",\"events\":20,\"factors\":64,\"microseconds\":%.2f,\"peak\":%.1f,"
      "\"kernel\":\"%s\"}\n",
      best * 1e6, top, detail::kernels().name);
  return 0;
}

/// Four heads that have seen something of every kind of input, as serving has them.
std::shared_ptr<const ResponseRanker> some_ranker() {
  auto ranker = ResponseRanker::create({.bits = 14, .factors = 8});
  if (!ranker) return nullptr;
  for (const Response r : {Response::kRead, Response::kLike, Response::kBuy, Response::kHide})
    ranker->begin(r);
  Random random(7);
  std::vector<RankerFeature> features(14);
  for (int i = 0; i < 20'000; ++i) {
    for (RankerFeature& f : features) f.slot = static_cast<std::uint32_t>(random.below(1U << 14));
    ranker->learn(features, static_cast<std::uint8_t>(random.below(256)));
  }
  return std::make_shared<const ResponseRanker>(std::move(*ranker));
}

/// Made items, actions of 20,000 people and 2,000 of whom lists are made for: with 20 events each.
struct ListShop {
  static constexpr int kItems = 10'000;
  static constexpr int kFresh = 1'000;  ///< beside them, not dealt with by anybody
  static constexpr std::size_t kTextWidth = 384;
  Instant now{1'700'000'000'000'000};
  std::shared_ptr<const RecommendModel> model;
  std::shared_ptr<const RecommendModel> with_factors;
  std::shared_ptr<const TextVectors> texts;
  std::vector<CandidateItem> catalogue;
  std::vector<audience::PersonView> people;
};

std::string some_item(Random& random) {
  const double u = random.uniform();
  return "i" + std::to_string(static_cast<int>(u * u * ListShop::kItems));
}

Result<ListShop> make_list_shop() {
  ListShop out;
  Random random(3);
  constexpr int kPeople = 20'000;
  constexpr int kEvents = 20;
  std::vector<std::string> names;
  for (int p = 0; p < kPeople; ++p) names.push_back("p" + std::to_string(p));
  std::vector<InteractionRow> actions;
  for (const std::string& name : names) {
    for (int i = 0; i < kEvents; ++i)
      actions.push_back(
          {name, {"article", some_item(random)}, "read", 0, out.now - kDay * (i + 1)});
  }
  const RowSource rows =
      [&](const std::function<void(const InteractionRow&)>& take) -> Result<void> {
    for (const InteractionRow& row : actions) take(row);
    return {};
  };
  TrainParams params;
  params.as_of = out.now;
  params.algorithm = "itemknn";
  ZHIYIN_TRY(RecommendModel plain, train_recommend(rows, params));
  params.factors = 64;
  ZHIYIN_TRY(RecommendModel factors, train_recommend(rows, params));
  out.model = std::make_shared<const RecommendModel>(std::move(plain));
  out.with_factors = std::make_shared<const RecommendModel>(std::move(factors));
  std::vector<TextVectors::Given> vectors;
  for (int i = 0; i < ListShop::kItems + ListShop::kFresh; ++i) {
    CandidateItem item{{"article", "i" + std::to_string(i)},
                       "title " + std::to_string(i),
                       {{"t" + std::to_string(i % 50), 1}, {"u" + std::to_string(i % 7), 0.5}},
                       out.now - kDay * (i % 100)};
    item.author = "a" + std::to_string(i % 400);
    item.category = "c" + std::to_string(i % 20);
    // Texts of one topic lie closer to each other than to others.
    TextVectors::Given one{item.ref, std::vector<std::int8_t>(ListShop::kTextWidth)};
    Random of_topic(static_cast<std::uint64_t>(i % 50));
    for (auto& v : one.values)
      v = static_cast<std::int8_t>(40 * (of_topic.normal() + random.normal()) / 2);
    vectors.push_back(std::move(one));
    out.catalogue.push_back(std::move(item));
  }
  ZHIYIN_TRY(out.texts, TextVectors::create(ListShop::kTextWidth, vectors));
  constexpr int kReaders = 2'000;
  for (int p = 0; p < kReaders; ++p) {
    audience::PersonView view{PersonId("p_" + std::to_string(p)), {}, {}};
    for (int i = 0; i < kEvents; ++i)
      view.activity.push_back({i, out.now - kDay * (kEvents - i), "read",
                               ItemRef{"article", some_item(random)}, 0, "shop", ""});
    out.people.push_back(std::move(view));
  }
  return out;
}

/// Candidates that the sources give a person, the mean over some.
double candidates_of(const Recommender& recommender, const ListShop& shop,
                     const RecommendRequest& request) {
  constexpr std::size_t kLookedAt = 50;
  std::size_t sum = 0;
  for (std::size_t p = 0; p < kLookedAt; ++p) {
    const auto inspected = recommender.inspect(shop.people[p], request, 1);
    if (!inspected) continue;
    std::size_t most = 0;
    for (const auto& source : inspected->sources) {
      // What needs no person is always there.
      if (source.source != "popular" && source.source != "fresh")
        most = std::max<std::size_t>(most, source.candidates);
    }
    sum += most;
  }
  return static_cast<double>(sum) / kLookedAt;
}

/// What bench/shop_population wrote, as the server has it after import and training.
Result<ListShop> read_list_shop(const std::filesystem::path& folder) {
  ListShop out;
  constexpr std::int64_t kEnd = 1'780'243'200;
  out.now = Instant{kEnd * 1'000'000};
  const auto cells_of = [](const std::string& line) {
    std::vector<std::string> cells;
    for (std::size_t at = 0; at <= line.size();) {
      const std::size_t end = std::min(line.find(',', at), line.size());
      cells.push_back(line.substr(at, end - at));
      at = end + 1;
    }
    return cells;
  };
  std::ifstream items(folder / "items.csv");
  std::string line;
  std::getline(items, line);
  while (std::getline(items, line)) {
    const auto cells = cells_of(line);  // id, title, category, author, tags, published_at
    constexpr std::size_t kCells = 6;
    if (cells.size() != kCells) return fail(ErrorCode::kInvalidArgument, "items.csv: '{}'", line);
    CandidateItem item{{"article", cells[0]},
                       cells[1],
                       {},
                       Instant{std::strtoll(cells[5].c_str(), nullptr, 10) * 1'000'000}};
    item.category = cells[2];
    item.author = cells[3];
    std::string tags = cells[4] + "|";
    for (std::size_t at = 0; at < tags.size(); at = tags.find('|', at) + 1)
      item.tags.emplace_back(tags.substr(at, tags.find('|', at) - at), 1);
    out.catalogue.push_back(std::move(item));
  }
  std::ifstream events(folder / "events.csv");
  std::getline(events, line);
  while (std::getline(events, line)) {
    const auto cells = cells_of(line);  // user, item, kind, time, value
    constexpr std::size_t kCells = 5;
    if (cells.size() != kCells) return fail(ErrorCode::kInvalidArgument, "events.csv: '{}'", line);
    if (out.people.empty() || out.people.back().id.value != cells[0])
      out.people.push_back({PersonId(cells[0]), {}, {}});
    auto& own = out.people.back().activity;
    own.push_back({static_cast<std::int64_t>(own.size()),
                   Instant{std::strtoll(cells[3].c_str(), nullptr, 10) * 1'000'000}, cells[2],
                   ItemRef{"article", cells[1]}, std::strtoll(cells[4].c_str(), nullptr, 10),
                   "shop", ""});
  }
  for (audience::PersonView& person : out.people)
    std::ranges::sort(person.activity, {}, &audience::Activity::at);
  TrainParams params;
  params.as_of = out.now;
  params.algorithm = "itemknn";
  const RowSource rows =
      [&](const std::function<void(const InteractionRow&)>& take) -> Result<void> {
    for (const audience::PersonView& person : out.people) {
      for (const audience::Activity& a : person.activity)
        take({person.id.value, *a.item, a.kind, a.value, a.at});
    }
    return {};
  };
  ZHIYIN_TRY(RecommendModel trained, train_recommend(rows, params));
  out.model = std::make_shared<const RecommendModel>(std::move(trained));
  return out;
}

/// `wanted`: names of modes between bars; empty: all. `folder`: of a made-up readership, else the
/// bench's own.
int lists(std::string_view wanted, const char* folder) {
  const auto shop = folder != nullptr ? read_list_shop(folder) : make_list_shop();
  if (!shop) return complain(shop.error());
  const Ranking ranking{some_ranker(), "ranker-1", {}};
  const auto made = [&](bool factors, bool texts, bool ranked) {
    return Recommender::create(factors ? shop->with_factors : shop->model, "recommend-1",
                               shop->catalogue, texts ? shop->texts : nullptr,
                               ranked ? ranking : Ranking{});
  };
  RecommendRequest plain{.n = 10, .now = shop->now};
  RecommendRequest rules = plain;
  rules.diversity = 0.3;
  rules.author_max = 2;
  rules.category_max = 4;
  rules.rules.kinds = {"article"};
  RecommendRequest among = rules;
  among.rules.eligible.emplace();
  Random random(8);
  for (int i = 0; i < 500; ++i) among.rules.eligible->push_back({"article", some_item(random)});
  RecommendRequest explained = rules;
  explained.explain = true;
  // Of the fresh items some have been shown, and one in ten of these was clicked.
  RecommendRequest exploring = rules;
  exploring.explore = 2;
  exploring.arm_of = [](const ItemRef& ref) -> Arm {
    const std::size_t known = ItemRefHash()(ref) % 20;
    if (known >= 6) return {};
    return {static_cast<double>(4 + known), known == 0 ? 1.0 : 0.0};
  };
  std::vector<ItemRef> picked;
  for (int i = 0; i < 100; ++i) picked.push_back({"article", some_item(random)});
  RecommendRequest edited = plain;
  edited.editors = {{"A", picked, 0.1}, {"B", std::span(picked).last(50), 0.1}};
  struct Mode {
    const char* name;
    const RecommendRequest* request;
    bool factors, texts, ranked;
  };
  constexpr bool kNo = false;
  const Mode modes[] = {{"plain", &plain, kNo, kNo, kNo},
                        {"plain, editors", &edited, kNo, kNo, kNo},
                        {"rules", &rules, kNo, kNo, kNo},
                        {"rules, terms", &explained, kNo, kNo, kNo},
                        {"rules, 500 eligible", &among, kNo, kNo, kNo},
                        {"rules, explore", &exploring, kNo, kNo, kNo},
                        {"rules, texts", &rules, kNo, true, kNo},
                        {"rules, factors", &rules, true, kNo, kNo},
                        {"plain, ranker", &plain, kNo, kNo, true},
                        {"rules, ranker", &rules, kNo, kNo, true},
                        {"rules, texts, ranker", &rules, kNo, true, true},
                        {"rules, texts, ranker, factors", &rules, true, true, true}};
  const std::string among_bars = fmt::format("|{}|", wanted);
  for (const Mode& mode : modes) {
    if ((mode.factors || mode.texts) && folder != nullptr) continue;  // it has neither
    if (!wanted.empty() && !among_bars.contains(fmt::format("|{}|", mode.name))) continue;
    const auto recommender = made(mode.factors, mode.texts, mode.ranked);
    const double top = peak();
    // Of each hundred people the best of some rounds: other work on the machine comes in bursts.
    constexpr std::size_t kTogether = 100;
    constexpr int kRounds = 5;
    std::size_t bytes = 0;
    double sum = 0;
    for (std::size_t first = 0; first < shop->people.size(); first += kTogether) {
      const auto people = std::span(shop->people).subspan(first);
      double shortest = 1e9;
      for (int round = 0; round < kRounds; ++round) {
        const double began = seconds();
        for (const audience::PersonView& person :
             people.first(std::min(kTogether, people.size()))) {
          const auto out = recommender->recommend(person, *mode.request);
          if (!out) return complain(out.error());
          bytes +=
              encode_impression(impression_of(*out, person.id, "recommend-1", shop->now)).size();
        }
        shortest = std::min(shortest, seconds() - began);
      }
      sum += shortest;
    }
    const double best = sum / static_cast<double>(shop->people.size());
    bytes /= kRounds;
    std::printf(
        "{\"what\":\"lists\",\"mode\":\"%s\",\"microseconds\":%.1f,\"people_per_second\":%.0f,"
        "\"candidates\":%.0f,\"peak\":%.1f,\"bytes\":%zu}\n",
        mode.name, best * 1e6, 1 / best, candidates_of(*recommender, *shop, *mode.request), top,
        bytes);
    std::fflush(stdout);
  }
  return 0;
}

int clicks(const char* folder) {
  constexpr unsigned kBits = 16;
  const auto rows = read_movielens_clicks(folder, kBits);
  if (!rows) return complain(rows.error());
  double sum = 0;
  constexpr int kSeeds = 5;
  for (std::uint64_t seed = 0; seed < kSeeds; ++seed) {
    const auto result = measure_clicks(*rows, {.ranker = {.bits = kBits}}, seed);
    if (!result) return complain(result.error());
    std::printf("{\"what\":\"clicks\",\"seed\":%d,\"auc\":%.5f,\"log_loss\":%.5f}\n",
                static_cast<int>(seed), result->auc, result->log_loss);
    sum += result->auc;
  }
  std::printf("{\"what\":\"clicks\",\"mean_auc\":%.5f}\n", sum / kSeeds);
  return 0;
}

int news(const char* file) {
  const auto log = read_news_log(file);
  if (!log) return complain(log.error());
  for (std::uint64_t seed = 1; seed <= 3; ++seed) {
    const auto r = measure_news(*log, 2500, seed);
    if (!r) return complain(r.error());
    std::printf(
        "{\"what\":\"news\",\"seed\":%d,\"baseline\":%.5f,\"ranked\":%.5f,\"gain\":%.5f,"
        "\"low\":%.5f,\"high\":%.5f,\"weight\":%g}\n",
        static_cast<int>(seed), r->baseline, r->ranked, r->gain.mean, r->gain.interval.low,
        r->gain.interval.high, r->weight);
  }
  return 0;
}

/// What is served beside the dense model, with and without factors.
int served(const char* folder) {
  const std::filesystem::path path = folder;
  const auto data =
      load_evaluation("loo", path / "loo_chrono_train.csv.gz", path / "loo_chrono_validation.csv",
                      path / "loo_chrono_test.csv");
  if (!data) return complain(data.error());
  for (const std::size_t factors : {0UL, 32UL}) {
    TrainParams params;
    params.knn.k = 200;
    params.lambda = 600;
    params.factors = factors;
    const auto r = measure_served(*data, params, 10);
    if (!r) return complain(r.error());
    std::printf(
        "{\"what\":\"served\",\"cut\":10,\"factors\":%zu,\"dense\":%.5f,\"served\":%.5f,"
        "\"difference\":%.5f,\"low\":%.5f,\"high\":%.5f}\n",
        factors, r->dense, r->served, r->difference.mean, r->difference.interval.low,
        r->difference.interval.high);
  }
  return 0;
}

/// Of everybody's items one in ten held out by chance: the published test items are not to be used
/// up for this.
Result<EvaluationData> held_out(const char* file) {
  ZHIYIN_TRY(const auto pairs, read_interaction_file(file));
  NameIndex users;
  NameIndex items;
  EvaluationData out;
  for (const auto& [user, item] : pairs) {
    const std::uint32_t u = users.add(user);
    out.histories.resize(users.size());
    out.histories[u].push_back(items.add(item));
  }
  out.degrees.resize(items.size());
  Random random(1);
  std::vector<Interaction> entries;
  for (std::uint32_t u = 0; u < out.histories.size(); ++u) {
    EvaluationCase one{u, {}};
    std::vector<std::uint32_t> kept;
    constexpr std::uint64_t kShare = 10;
    for (const std::uint32_t item : out.histories[u])
      (random.below(kShare) == 0 ? one.wanted : kept).push_back(item);
    std::ranges::sort(one.wanted);
    for (const std::uint32_t item : kept) {
      entries.push_back({u, item, 1});
      ++out.degrees[item];
    }
    out.histories[u] = std::move(kept);
    if (!one.wanted.empty()) out.test.push_back(std::move(one));
  }
  out.train = Interactions::build(std::move(entries), users.size(), items.size());
  return out;
}

/// The same on a file of a user's items a line, held out by chance. Their order there says nothing,
/// so the last ones count for more (`recency` below 1) only because serving counts so.
int served_of(const char* file, std::size_t weights, double recency, double left_out) {
  const auto data = held_out(file);
  if (!data) return complain(data.error());
  for (const std::size_t factors : {0UL, 32UL}) {
    TrainParams params;
    params.knn.k = weights;
    params.lambda = 800;
    params.recency = recency;
    params.left_out_max = left_out;
    params.factors = factors;
    const auto r = measure_served(*data, params, 20);
    if (!r) return complain(r.error());
    std::printf(
        "{\"what\":\"served\",\"cut\":20,\"factors\":%zu,\"weights\":%.0f,\"dense\":%.5f,"
        "\"served\":%.5f,\"difference\":%.5f,\"low\":%.5f,\"high\":%.5f}\n",
        factors, r->weights_per_item, r->dense, r->served, r->difference.mean,
        r->difference.interval.low, r->difference.interval.high);
  }
  return 0;
}

int cold(const char* folder, const char* encoder_file, const char* prefix) {
  const auto log = read_cold_start(folder);
  if (!log) return complain(log.error());
  const auto encoder = model::TextEncoder::open(encoder_file);
  if (!encoder) return complain(encoder.error());
  const auto encode = [&](std::span<const std::string_view> texts) -> Result<std::vector<float>> {
    std::vector<float> out(texts.size() * encoder->width());
    ZHIYIN_TRY_VOID(encoder->encode(texts, {.tokens_max = 128, .prefix = prefix}, {}, out));
    return out;
  };
  for (const double share : {0.5, 0.6, 0.7, 0.8}) {
    const auto r = measure_cold_start(*log, share, encode);
    if (!r) return complain(r.error());
    std::printf(
        "{\"what\":\"cold\",\"share\":%.1f,\"people\":%zu,\"unseen\":%zu,\"text\":%.5f,"
        "\"popularity\":%.5f,\"gain\":%.5f,\"low\":%.5f,\"high\":%.5f,"
        "\"popularity_since\":%.5f,\"gain_since\":%.5f,\"low_since\":%.5f,\"high_since\":%.5f}\n",
        share, r->people, r->unseen, r->text, r->popularity, r->gain.mean, r->gain.interval.low,
        r->gain.interval.high, r->popularity_since, r->gain_since.mean, r->gain_since.interval.low,
        r->gain_since.interval.high);
  }
  return 0;
}

/// Exhaustive search of `n` rows of 384 bytes, for a person of 20 items.
int texts(std::size_t n) {
  constexpr std::size_t kWidth = 384;
  Random random(5);
  std::vector<TextVectors::Given> given;
  for (std::size_t i = 0; i < n; ++i) {
    TextVectors::Given one{{"article", std::to_string(i)}, std::vector<std::int8_t>(kWidth)};
    for (auto& v : one.values)
      v = static_cast<std::int8_t>(static_cast<int>(random.below(255)) - 127);
    given.push_back(std::move(one));
  }
  const auto vectors = TextVectors::create(kWidth, given, n);
  if (!vectors) return complain(vectors.error());
  std::vector<std::uint32_t> rows(n);
  for (std::uint32_t i = 0; i < n; ++i) rows[i] = i;
  std::vector<TextVectors::Part> parts;
  for (std::uint32_t i = 0; i < 20; ++i) parts.push_back({i, 1});
  std::vector<float> scores(n);
  double best = 1e9;
  for (int round = 0; round < 10; ++round) {
    const double began = seconds();
    (*vectors)->scores(parts, rows, scores);
    best = std::min(best, seconds() - began);
  }
  std::printf(
      "{\"what\":\"texts\",\"rows\":%zu,\"milliseconds\":%.3f,\"gigabytes_per_second\":%.1f,"
      "\"kernel\":\"%s\"}\n",
      n, best * 1e3, static_cast<double>(n * kWidth) / best / 1e9, detail::byte_dots().name);
  return 0;
}

/// The index of `n` rows of 384 bytes that scatter around 2,000 subjects, beside exhaustive search.
int index(std::size_t n) {
  constexpr std::size_t kWidth = 384;
  constexpr std::size_t kSubjects = 2000;
  constexpr std::size_t kWanted = 40;
  Random random(6);
  std::vector<std::vector<float>> subjects(kSubjects, std::vector<float>(kWidth));
  for (auto& subject : subjects) {
    for (float& v : subject) v = static_cast<float>(random.normal());
  }
  std::vector<TextVectors::Given> given;
  for (std::size_t i = 0; i < n; ++i) {
    std::vector<float> row = subjects[random.below(kSubjects)];
    for (float& v : row) v += static_cast<float>(random.normal());
    given.push_back({{"article", std::to_string(i)}, direction_of(row)});
  }
  const double began = seconds();
  const auto vectors = TextVectors::create(kWidth, given, 0);
  if (!vectors) return complain(vectors.error());
  const double built = seconds() - began;
  std::vector<std::uint32_t> rows(n);
  for (std::uint32_t i = 0; i < n; ++i) rows[i] = i;
  std::vector<float> scores(n);
  double by_index = 0;
  double by_all = 0;
  std::size_t found = 0;
  constexpr int kAsked = 50;
  for (int q = 0; q < kAsked; ++q) {
    std::vector<TextVectors::Part> parts;
    const auto first = static_cast<std::uint32_t>(random.below(n));
    for (std::uint32_t i = 0; i < 5; ++i)
      parts.push_back(
          {i == 0 ? first : static_cast<std::uint32_t>(random.below(n)), i == 0 ? 1.0F : 0.3F});
    double at = seconds();
    const auto near = (*vectors)->nearest(parts, 1000);
    by_index += seconds() - at;
    at = seconds();
    (*vectors)->scores(parts, rows, scores);
    std::vector<std::uint32_t> best = rows;
    std::ranges::partial_sort(best, best.begin() + kWanted, std::ranges::greater(),
                              [&](std::uint32_t i) { return scores[i]; });
    by_all += seconds() - at;
    for (std::size_t i = 0; i < kWanted; ++i)
      found += static_cast<std::size_t>(std::ranges::count(near, best[i]));
  }
  std::printf(
      "{\"what\":\"index\",\"rows\":%zu,\"build_seconds\":%.1f,\"milliseconds\":%.3f,"
      "\"exhaustive_milliseconds\":%.3f,\"recall_at_40_of_1000\":%.4f}\n",
      n, built, by_index / kAsked * 1e3, by_all / kAsked * 1e3,
      static_cast<double>(found) / (kAsked * kWanted));
  return 0;
}

/// Bytes that the process holds in memory now.
double resident_bytes() {
  std::ifstream in("/proc/self/statm");
  double all = 0;
  double resident = 0;
  in >> all >> resident;
  return resident * static_cast<double>(sysconf(_SC_PAGESIZE));
}

/// A catalogue of `n` items, 100,000 of which somebody has dealt with: what it takes to have it
/// ready, and to make lists from it.
int many_items(std::size_t n) {
  Random random(12);
  constexpr std::size_t kKnown = 100'000;
  constexpr int kPeople = 20'000;
  constexpr int kEvents = 20;
  const Instant now{1'700'000'000'000'000};
  std::vector<std::string> names;
  for (int p = 0; p < kPeople; ++p) names.push_back("p" + std::to_string(p));
  const auto item_of = [&] {
    return ItemRef{"article", "i" + std::to_string(random.below(std::min(n, kKnown)))};
  };
  TrainParams params;
  params.as_of = now;
  const auto model = train_recommend(
      [&](const std::function<void(const InteractionRow&)>& take) -> Result<void> {
        for (const std::string& name : names) {
          for (int i = 0; i < kEvents; ++i)
            take({name, item_of(), "read", 0, now - kDay * (i + 1)});
        }
        return {};
      },
      params);
  if (!model) return complain(model.error());
  std::vector<CandidateItem> catalogue;
  catalogue.reserve(n);
  const double before = resident_bytes();
  for (std::size_t i = 0; i < n; ++i) {
    CandidateItem item{{"article", "i" + std::to_string(i)},
                       "the title of item " + std::to_string(i),
                       {{"t" + std::to_string(i % 5000), 1}, {"u" + std::to_string(i % 700), 0.5}},
                       now - kDay * static_cast<std::int64_t>(i % 1000)};
    item.author = "a" + std::to_string(i % 4000);
    item.category = "c" + std::to_string(i % 50);
    catalogue.push_back(std::move(item));
  }
  const double given = resident_bytes();
  const double began = seconds();
  const auto recommender = Recommender::create(std::make_shared<const RecommendModel>(*model),
                                               "recommend-1", std::move(catalogue));
  const double ready = seconds() - began;
  const double after = resident_bytes();
  constexpr int kLists = 50;
  const double from = seconds();
  std::size_t listed = 0;
  for (int p = 0; p < kLists; ++p) {
    audience::PersonView view{PersonId("p_" + std::to_string(p)), {}, {}};
    for (int i = 0; i < kEvents; ++i)
      view.activity.push_back({i, now - kDay * (kEvents - i), "read", item_of(), 0, "shop", ""});
    const auto out = recommender->recommend(view, {.n = 10, .now = now});
    if (!out) return complain(out.error());
    listed += out->items.size();
  }
  std::printf(
      "{\"what\":\"items\",\"items\":%zu,\"ready_seconds\":%.1f,\"bytes_an_item\":%.0f,"
      "\"given_bytes_an_item\":%.0f,\"list_milliseconds\":%.3f,\"listed\":%zu}\n",
      n, ready, (after - before) / static_cast<double>(n),
      (given - before) / static_cast<double>(n), (seconds() - from) / kLists * 1e3, listed);
  return 0;
}

}  // namespace
}  // namespace zhiyin::recommend

int main(int argc, char** argv) {
  using namespace zhiyin::recommend;
  const std::string what = argc > 1 ? argv[1] : "";
  if (what == "ease" && argc == 3) return ease(std::strtoul(argv[2], nullptr, 10));
  if (what == "ials" && argc == 4) return ials(argv[2], std::strtoul(argv[3], nullptr, 10));
  if (what == "fold") return fold();
  if (what == "growth" && argc >= 3 && argc <= 5)
    return growth(std::strtoul(argv[2], nullptr, 10), argc > 3 ? argv[3] : "",
                  argc > 4 ? std::atoi(argv[4]) : 3);
  if (what == "counts" && (argc == 4 || argc == 5))
    return counts(std::strtoul(argv[2], nullptr, 10), std::strtoul(argv[3], nullptr, 10),
                  argc == 5);
  if (what == "lists" && argc <= 4)
    return lists(argc >= 3 ? argv[2] : "", argc == 4 ? argv[3] : nullptr);
  if (what == "clicks" && argc == 3) return clicks(argv[2]);
  if (what == "news" && argc == 3) return news(argv[2]);
  if (what == "served" && argc == 3 && std::filesystem::is_directory(argv[2]))
    return served(argv[2]);
  if (what == "served" && argc >= 3 && argc <= 6)
    return served_of(argv[2], argc > 3 ? std::strtoul(argv[3], nullptr, 10) : 200,
                     argc > 4 ? std::strtod(argv[4], nullptr) : TrainParams().recency,
                     argc > 5 ? std::strtod(argv[5], nullptr) : TrainParams().left_out_max);
  if (what == "cold" && (argc == 4 || argc == 5))
    return cold(argv[2], argv[3], argc == 5 ? argv[4] : "");
  if (what == "texts" && argc == 3) return texts(std::strtoul(argv[2], nullptr, 10));
  if (what == "index" && argc == 3) return index(std::strtoul(argv[2], nullptr, 10));
  if (what == "items" && argc == 3) return many_items(std::strtoul(argv[2], nullptr, 10));
  std::fprintf(
      stderr,
      "recommend_bench ease N | ials FILE FACTORS | fold | growth PEOPLE [OF [ROUNDS]] | "
      "counts PEOPLE CHANGED [inverse] | lists "
      "[MODES [FOLDER]] |"
      " clicks FOLDER | news FILE | served FOLDER | served FILE [WEIGHTS [RECENCY [LEFT_OUT]]] |"
      " cold FOLDER ENCODER [PREFIX] | texts N | index N | items N\n");
  return 2;
}
