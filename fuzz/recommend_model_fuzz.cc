// Stored models of recommendation and stored rankers, used as serving uses them. The checksum is
// put right, or nothing would ever get past it. Input: a byte that chooses (0 a model, 1 a ranker,
// 2 a ranker whose only head's header and payload follow), two bytes of the header's length, the
// header, the payload.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>

#include "base/check.h"
#include "model/artefact.h"
#include "recommend/recommender.h"

using namespace zhiyin;

namespace {

constexpr Instant kNow{1'000'000'000'000'000};

void use(recommend::RecommendModel model, recommend::Ranking ranking) {
  audience::PersonView person;
  if (model.items() > 0)
    person.activity.push_back({1, kNow - kDay, "read", model.item(0), 0, "shop", ""});
  const auto recommender = recommend::Recommender::create(
      std::make_shared<recommend::RecommendModel>(std::move(model)), "recommend-1",
      {{{"article", "a"}, "t", {{"tag", 1}}, kNow}}, nullptr, std::move(ranking));
  const recommend::RecommendRequest request{.n = 10, .now = kNow, .explain = true};
  ZHIYIN_CHECK(recommender->recommend(person, request).has_value());
  ZHIYIN_CHECK(recommender->popular(request).has_value());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view all(reinterpret_cast<const char*>(data), size);
  static_cast<void>(recommend::RecommendModel::decode(all));
  static_cast<void>(recommend::ResponseRanker::decode(all));
  constexpr std::size_t kPrefix = 3;
  if (size < kPrefix) return 0;
  const std::size_t header_size = data[1] + std::size_t{256} * data[2];
  const auto header = parse_json(all.substr(kPrefix).substr(0, header_size));
  if (!header) return 0;
  std::string payload(all.substr(kPrefix).substr(std::min(size - kPrefix, header_size)));
  constexpr unsigned kWays = 3;
  const unsigned way = data[0] % kWays;
  if (way == 0) {
    auto model = recommend::RecommendModel::decode(
        model::encode_artefact({"recommend", *header, std::move(payload)}));
    if (!model) return 0;
    ZHIYIN_CHECK(recommend::RecommendModel::decode(model->encode()).has_value());
    use(std::move(*model), {});
    return 0;
  }
  Json heads = *header;
  if (way == 2) {
    payload = model::encode_artefact({"ranker", *header, std::move(payload)});
    heads = Json().set("heads", Json::Array{Json()
                                                .set("response", "read")
                                                .set("slope", 1.0)
                                                .set("shift", 0.0)
                                                .set("positives", 1)
                                                .set("bytes", payload.size())});
  }
  auto ranker = recommend::ResponseRanker::decode(
      model::encode_artefact({"ranker_heads", std::move(heads), std::move(payload)}));
  if (!ranker) return 0;
  ZHIYIN_CHECK(recommend::ResponseRanker::decode(ranker->encode()).has_value());
  use({}, {std::make_shared<recommend::ResponseRanker>(std::move(*ranker)), "ranker-1", {}});
  return 0;
}
