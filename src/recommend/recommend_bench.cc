// Measures what recommending costs; bench/run recommend_models calls it. Each figure stands beside
// the processor's peak of the same minute.
#include <time.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

#include "base/random.h"
#include "model/text_encoder.h"
#include "recommend/cold_start.h"
#include "recommend/detail/byte_dots.h"
#include "recommend/detail/matrix_kernels.h"
#include "recommend/ease.h"
#include "recommend/ials.h"
#include "recommend/impression.h"
#include "recommend/interaction_file.h"
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
  // Plain scores with seen items filtered, the 20 best of everybody.
  const double from = seconds();
  IalsScratch scratch;
  std::vector<float> person(model->width());
  std::vector<float> scores(model->items());
  double check = 0;
  for (std::size_t u = 0; u < x.users(); ++u) {
    model->fold_in(x.columns(u), person, scratch);
    model->score(person, scores);
    for (const std::uint32_t seen : x.columns(u)) scores[seen] = -1e30F;
    check += scores[places_of_largest(scores, 20)[0]];
  }
  const double listed = seconds() - from;
  std::printf("{\"what\":\"scores\",\"factors\":%zu,\"people_per_second\":%.0f,\"check\":%.3f}\n",
              factors, static_cast<double>(x.users()) / listed, check);
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

int lists() {
  constexpr int kItems = 10'000;
  constexpr int kPeople = 20'000;
  Random random(3);
  const auto item_of = [&] {
    const double u = random.uniform();
    return "i" + std::to_string(static_cast<int>(u * u * kItems));
  };
  const Instant now{1'700'000'000'000'000};
  const RowSource rows =
      [&](const std::function<void(const InteractionRow&)>& take) -> Result<void> {
    for (int p = 0; p < kPeople; ++p) {
      const std::string person = "p" + std::to_string(p);
      for (int i = 0; i < 20; ++i)
        take({person, {"article", item_of()}, "read", 0, now - kDay * (i + 1)});
    }
    return {};
  };
  TrainParams params;
  params.as_of = now;
  params.algorithm = "itemknn";
  auto trained = train_recommend(rows, params);
  if (!trained) return complain(trained.error());
  std::vector<CandidateItem> catalogue;
  for (int i = 0; i < kItems; ++i) {
    CandidateItem item{{"article", "i" + std::to_string(i)},
                       "title " + std::to_string(i),
                       {{"t" + std::to_string(i % 50), 1}, {"u" + std::to_string(i % 7), 0.5}},
                       now - kDay * (i % 100)};
    item.author = "a" + std::to_string(i % 400);
    item.category = "c" + std::to_string(i % 20);
    catalogue.push_back(std::move(item));
  }
  const auto model = std::make_shared<RecommendModel>(std::move(*trained));
  const auto by_source = Recommender::create(model, "recommend-1", catalogue);
  const auto by_ranker = Recommender::create(model, "recommend-1", catalogue, nullptr,
                                             {some_ranker(), "ranker-1", {}});
  std::vector<audience::PersonView> people;
  for (int p = 0; p < 2000; ++p) {
    audience::PersonView view{PersonId("p_" + std::to_string(p)), {}, {}};
    for (int i = 0; i < 20; ++i)
      view.activity.push_back(
          {i, now - kDay * (20 - i), "read", ItemRef{"article", item_of()}, 0, "shop", ""});
    people.push_back(std::move(view));
  }
  const double top = peak();
  for (const int mode : {0, 1, 2, 3}) {
    const bool rules = mode % 2 == 1;
    const bool ranked = mode >= 2;
    const auto& recommender = ranked ? by_ranker : by_source;
    RecommendRequest request{.n = 10, .now = now};
    if (rules) {
      request.diversity = 0.3;
      request.author_max = 2;
      request.category_max = 4;
    }
    std::size_t bytes = 0;
    double best = 1e9;
    for (int round = 0; round < 3; ++round) {
      const double began = seconds();
      for (const audience::PersonView& person : people) {
        const auto out = recommender->recommend(person, request);
        if (!out) return complain(out.error());
        bytes += encode_impression(impression_of(*out, person.id, "recommend-1", now)).size();
      }
      best = std::min(best, (seconds() - began) / static_cast<double>(people.size()));
    }
    std::printf(
        "{\"what\":\"lists\",\"rules\":%s,\"ranked\":%s,\"microseconds\":%.1f,\"people_per_"
        "second\":%.0f,"
        "\"peak\":%.1f,\"bytes\":%zu}\n",
        rules ? "true" : "false", ranked ? "true" : "false", best * 1e6, 1 / best, top, bytes);
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
        "{\"what\":\"served\",\"factors\":%zu,\"dense\":%.5f,\"served\":%.5f,"
        "\"difference\":%.5f,\"low\":%.5f,\"high\":%.5f}\n",
        factors, r->dense, r->served, r->difference.mean, r->difference.interval.low,
        r->difference.interval.high);
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
  const auto vectors = TextVectors::create(kWidth, given);
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

}  // namespace
}  // namespace zhiyin::recommend

int main(int argc, char** argv) {
  using namespace zhiyin::recommend;
  const std::string what = argc > 1 ? argv[1] : "";
  if (what == "ease" && argc == 3) return ease(std::strtoul(argv[2], nullptr, 10));
  if (what == "ials" && argc == 4) return ials(argv[2], std::strtoul(argv[3], nullptr, 10));
  if (what == "fold") return fold();
  if (what == "lists") return lists();
  if (what == "clicks" && argc == 3) return clicks(argv[2]);
  if (what == "news" && argc == 3) return news(argv[2]);
  if (what == "served" && argc == 3) return served(argv[2]);
  if (what == "cold" && (argc == 4 || argc == 5))
    return cold(argv[2], argv[3], argc == 5 ? argv[4] : "");
  if (what == "texts" && argc == 3) return texts(std::strtoul(argv[2], nullptr, 10));
  std::fprintf(stderr,
               "recommend_bench ease N | ials FILE FACTORS | fold | lists | clicks FOLDER | news "
               "FILE | served FOLDER | cold FOLDER ENCODER [PREFIX] | texts N\n");
  return 2;
}
