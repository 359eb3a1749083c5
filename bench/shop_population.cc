// A made-up readership, the same for the same seed: items.csv with items.toml, its mapping, and
// events.csv.
//
//   shop_population FOLDER PEOPLE ITEMS EVENTS_MEAN SEED
//
// Items belong to one of 50 topics and are read by a law of Zipf within it; a tenth came out in the
// last days and has hardly been read. People have one to three topics, from which four of five of
// their events come. How many events somebody has is log-normal (deviation 0.9 of the logarithm, at
// most 300): most have few, some have many. Events lie in the 100 days before 2026-06-01, denser
// towards the end.
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include "base/random.h"

namespace {

using zhiyin::Random;

constexpr std::size_t kTopics = 50;
constexpr std::int64_t kEnd = 1'780'243'200;  // 2026-06-01 in Shanghai
constexpr double kDays = 100;
constexpr double kDaySeconds = 86'400;

/// Draws numbers below `size` with probabilities in proportion to 1 / (number + 1).
class Zipf {
 public:
  explicit Zipf(std::size_t size) : ends_(size) {
    double sum = 0;
    for (std::size_t i = 0; i < size; ++i) ends_[i] = sum += 1 / static_cast<double>(i + 1);
  }
  std::size_t draw(Random& random) const {
    const double at = random.uniform() * ends_.back();
    return std::min(static_cast<std::size_t>(std::ranges::upper_bound(ends_, at) - ends_.begin()),
                    ends_.size() - 1);
  }

 private:
  std::vector<double> ends_;
};

std::FILE* opened(const std::string& path) {
  std::FILE* const file = std::fopen(path.c_str(), "w");
  if (file != nullptr) return file;
  std::perror(path.c_str());
  std::exit(1);
}

void write_items(const std::string& folder, std::size_t items, Random& random) {
  std::FILE* const mapping = opened(folder + "/items.toml");
  std::fputs(
      "name = \"bench-items\"\n\n[[item]]\nkind = \"article\"\nid = \"id\"\ntitle = \"title\"\n"
      "tags = [\"tags\"]\ntags_separator = \"|\"\ncategory = \"category\"\nauthor = \"author\"\n"
      "published_at = { column = \"published_at\", format = \"epoch_s\" }\n",
      mapping);
  std::fclose(mapping);
  std::FILE* const out = opened(folder + "/items.csv");
  std::fputs("id,title,category,author,tags,published_at\n", out);
  for (std::size_t i = 0; i < items; ++i) {
    const std::size_t topic = i % kTopics;
    const bool is_fresh = i / kTopics % 10 == 9;
    const double age = is_fresh ? random.uniform() * 3 : 3 + random.uniform() * (kDays - 3);
    std::fprintf(
        out, "i%06zu,第%zu篇：话题%02zu的新发现,c%02zu,author%03llu,t%02zu|t%02llu|s%03zu,%lld\n",
        i, i, topic, topic / 3, static_cast<unsigned long long>(random.below(400)), topic,
        static_cast<unsigned long long>(random.below(kTopics)), topic * 4 + i % 4,
        static_cast<long long>(kEnd - static_cast<std::int64_t>(age * kDaySeconds)));
  }
  std::fclose(out);
}

void write_events(const std::string& folder, std::size_t people, std::size_t items, double mean,
                  Random& random) {
  constexpr double kDeviation = 0.9;
  constexpr double kMost = 300;
  const double centre = std::log(mean) - kDeviation * kDeviation / 2;
  const std::size_t in_topic = std::max<std::size_t>(1, items / kTopics);
  const Zipf topics(kTopics);
  // Old ones only, nearly: fresh ones are the last tenth of each topic.
  const Zipf within(std::max<std::size_t>(1, in_topic * 9 / 10));
  std::FILE* const out = opened(folder + "/events.csv");
  std::fputs("user,item,kind,time,value\n", out);
  std::size_t written = 0;
  for (std::size_t p = 0; p < people; ++p) {
    const double drawn = std::exp(centre + kDeviation * random.normal());
    const auto events = static_cast<std::size_t>(std::clamp(std::round(drawn), 1.0, kMost));
    std::size_t own[3];
    const std::size_t tastes = 1 + random.below(3);
    for (std::size_t t = 0; t < tastes; ++t) own[t] = topics.draw(random);
    for (std::size_t e = 0; e < events; ++e) {
      const std::size_t topic =
          random.uniform() < 0.8 ? own[random.below(tastes)] : topics.draw(random);
      const std::size_t place =
          random.uniform() < 0.01 ? random.below(in_topic) : within.draw(random);
      // Places by popularity are spread over the numbers, fresh ones stay at the end of each ten.
      const std::size_t rank = place / 9 * 10 + place % 9;
      const std::size_t item = std::min(rank, in_topic - 1) * kTopics + topic;
      const double age = kDays * std::pow(random.uniform(), 1.5);
      const double kind = random.uniform();
      std::fprintf(out, "u%07zu,i%06zu,%s,%lld,%llu\n", p, item,
                   kind < 0.8    ? "read"
                   : kind < 0.92 ? "like"
                                 : "share",
                   static_cast<long long>(kEnd - 1 - static_cast<std::int64_t>(age * kDaySeconds)),
                   kind < 0.8 ? static_cast<unsigned long long>(5 + random.below(300)) : 1ULL);
      ++written;
    }
  }
  std::fclose(out);
  std::printf("{\"people\":%zu,\"items\":%zu,\"events\":%zu}\n", people, items, written);
}

}  // namespace

int main(int count, char** words) {
  constexpr int kWords = 6;
  if (count != kWords) {
    std::fputs("usage: shop_population FOLDER PEOPLE ITEMS EVENTS_MEAN SEED\n", stderr);
    return 2;
  }
  const std::string folder = words[1];
  const std::size_t people = std::strtoul(words[2], nullptr, 10);
  const std::size_t items = std::strtoul(words[3], nullptr, 10);
  const double mean = std::atof(words[4]);
  if (people < 1 || items < kTopics || !(mean >= 1 && mean <= 100)) {
    std::fputs(
        "shop_population: expected people of 1 and more, 50 items and more, a mean of 1 to 100\n",
        stderr);
    return 2;
  }
  Random random(std::strtoull(words[5], nullptr, 10));
  write_items(folder, items, random);
  write_events(folder, people, items, mean, random);
  return 0;
}
