// Indexes that stay: durable, by id, the same for several processes.
#include "server/duplicate_indexes.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>

#include "base/file.h"
#include "server/text_duplicates.h"
#include "storage/migrations.h"
#include "storage/sqlite_state.h"
#include "text/code_point.h"

namespace zhiyin::server {
namespace {

constexpr const char* kMeal = "今天的外卖送得很快，味道也很不错，下次还会再来这家店";
constexpr const char* kPhone = "手机屏幕非常清晰，电池耐用，拍照也好看，值得购买";

std::string random_text(std::mt19937& random, std::size_t characters) {
  std::string out;
  for (std::size_t i = 0; i < characters; ++i)
    text::append_utf8(out, U'一' + static_cast<char32_t>(random() % 3000));
  return out;
}

class DuplicateIndexesTest : public testing::Test {
 protected:
  void SetUp() override {
    auto state = storage::open_sqlite_state(folder_.path() / "state.db");
    ASSERT_TRUE(state.has_value()) << state.error().text();
    state_ = std::move(*state);
    auto tables = storage::migrations();
    for (const auto& table : DuplicateIndexes::migrations()) tables.push_back(table);
    ASSERT_TRUE(state_->migrate(tables).has_value());
  }
  /// A process with its own folder.
  std::unique_ptr<DuplicateIndexes> process(const char* name = "a", std::int64_t most = 1'000'000) {
    return std::make_unique<DuplicateIndexes>(
        DuplicateIndexes::Settings{folder_.path() / name, most}, *state_, clock_, null_logger());
  }
  static DuplicateIndexes::Hits find(DuplicateIndexes& in, const std::string& text,
                                     std::size_t most = 10) {
    const std::vector<std::string> texts = {text};
    auto found = in.find("news", texts, {0.7, most});
    EXPECT_TRUE(found.has_value()) << found.error().text();
    return found.value_or(DuplicateIndexes::Hits(1));
  }
  static std::vector<std::string> ids(DuplicateIndexes& in, const std::string& text,
                                      std::size_t most = 10) {
    std::vector<std::string> out;
    const auto found = find(in, text, most);
    for (const auto& hit : found[0]) out.push_back(hit.id);
    return out;
  }
  static void add(DuplicateIndexes& to, std::vector<IdentifiedText> texts) {
    const auto added = to.add("news", texts);
    ASSERT_TRUE(added.has_value()) << added.error().text();
  }

  TempFolder folder_;
  std::unique_ptr<storage::State> state_;
  SteppedClock clock_{Instant{1'764'500'000'000'000}};
};

using testing::ElementsAre;
using testing::IsEmpty;
using testing::UnorderedElementsAre;

TEST_F(DuplicateIndexesTest, WhatWasAddedIsFoundByItsIdInEveryProcessAndAfterARestart) {
  auto one = process(), two = process("b");
  ASSERT_TRUE(one->create("news").has_value());
  add(*one, {{"1", kMeal}, {"2", kPhone}});
  EXPECT_THAT(ids(*one, std::string(kMeal) + "！"), ElementsAre("1"));
  EXPECT_THAT(ids(*two, kPhone), ElementsAre("2"));
  add(*two, {{"3", std::string(kMeal) + "哦"}});
  EXPECT_THAT(ids(*one, kMeal), ElementsAre("1", "3"));
  EXPECT_EQ(find(*one, kMeal)[0][0].similarity, 1);
  one = process();
  EXPECT_THAT(ids(*one, kMeal), ElementsAre("1", "3"));
  EXPECT_EQ((*one->get("news"))["texts"].int_or(0), 3);
}

TEST_F(DuplicateIndexesTest, ATextTakesThePlaceOfItsIdAndTheForgottenAreNotFound) {
  const auto one = process(), two = process("b");
  ASSERT_TRUE(one->create("news").has_value());
  add(*one, {{"1", kMeal}, {"2", kMeal}});
  EXPECT_THAT(ids(*two, kMeal), ElementsAre("1", "2"));
  const std::vector<IdentifiedText> again = {{"1", kPhone}, {"9", "，！"}};
  const auto added = one->add("news", again);
  ASSERT_TRUE(added.has_value());
  EXPECT_EQ(added->added, 1);
  EXPECT_EQ(added->replaced, 1);
  EXPECT_EQ(added->texts, 3);
  EXPECT_THAT(ids(*two, kMeal), ElementsAre("2"));
  EXPECT_THAT(ids(*two, kPhone), ElementsAre("1"));
  EXPECT_THAT(ids(*one, "，！"), IsEmpty());
  const std::vector<std::string> gone = {"2", "nobody"};
  EXPECT_EQ(one->forget("news", gone).value_or(-1), 1);
  EXPECT_THAT(ids(*two, kMeal), IsEmpty());
  EXPECT_EQ((*two->get("news"))["texts"].int_or(0), 2);
}

TEST_F(DuplicateIndexesTest, WhereMostCandidatesAreGoneTheRestIsStillFound) {
  const auto one = process();
  ASSERT_TRUE(one->create("news").has_value());
  std::vector<IdentifiedText> texts = {{"first", kMeal}};
  std::vector<std::string> gone;
  for (int i = 0; i < 1000; ++i) {
    texts.push_back({fmt::format("copy-{}", i), kMeal});
    gone.push_back(texts.back().id);
  }
  add(*one, texts);
  EXPECT_EQ(ids(*one, kMeal, 5).size(), 5);
  ASSERT_TRUE(one->forget("news", gone).has_value());
  EXPECT_THAT(ids(*one, kMeal, 5), ElementsAre("first"));
}

TEST_F(DuplicateIndexesTest, ARemovedIndexIsGoneWithItsTextsAndItsNameIsFree) {
  auto one = process();
  const auto two = process("b");
  ASSERT_TRUE(one->create("news").has_value());
  add(*one, {{"1", kMeal}});
  EXPECT_THAT(ids(*two, kMeal), ElementsAre("1"));
  ASSERT_TRUE(one->remove("news").has_value());
  EXPECT_EQ(one->remove("news").error().code, ErrorCode::kNotFound);
  const std::vector<std::string> asked = {kMeal};
  EXPECT_EQ(two->find("news", asked, {}).error().code, ErrorCode::kNotFound);
  one->wait_for_background();
  const auto rows = state_->query("SELECT COUNT(*) FROM duplicate_text");
  EXPECT_EQ(storage::as_int(rows->rows[0][0]), 0);
  ASSERT_TRUE(one->create("news").has_value());
  EXPECT_THAT(ids(*two, kMeal), IsEmpty());
  add(*one, {{"1", kPhone}});
  EXPECT_THAT(ids(*two, kPhone), ElementsAre("1"));
  EXPECT_EQ((*two->list())["items"].if_array()->size(), 1);
}

TEST_F(DuplicateIndexesTest, RowsLeftBehindByAKilledProcessGoWithTheNextOne) {
  ASSERT_TRUE(process()->create("news").has_value());
  add(*process(), {{"1", kMeal}});
  ASSERT_TRUE(state_->write([](storage::Session& db) -> Result<void> {
    ZHIYIN_TRY_VOID(db.execute("UPDATE duplicate_index SET removed = 1, name = '-1', texts = 0"));
    return {};
  }));
  const auto next = process();
  EXPECT_TRUE((*next->list())["items"].if_array()->empty());
  next->wait_for_background();
  const auto rows = state_->query("SELECT COUNT(*) FROM duplicate_text");
  EXPECT_EQ(storage::as_int(rows->rows[0][0]), 0);
}

TEST_F(DuplicateIndexesTest, FindsTheSameThroughTheMappedTable) {
  auto one = process();
  ASSERT_TRUE(one->create("news").has_value());
  std::mt19937 random(3);
  std::vector<std::string> all;
  constexpr int kTexts = 70'000;  // more than are searched in memory
  std::vector<IdentifiedText> batch;
  for (int i = 0; i < kTexts; ++i) {
    all.push_back(random_text(random, 12));
    batch.push_back({fmt::format("{}", i), all.back()});
    if (batch.size() == 10'000) {
      add(*one, batch);
      batch.clear();
    }
  }
  EXPECT_THAT(ids(*one, all[5]), ElementsAre("5"));
  one->wait_for_background();
  const auto file = folder_.path() / "a" / "1.near";
  ASSERT_TRUE(std::filesystem::exists(file));
  add(*one, {{"new", all[6] + "啊"}});
  EXPECT_THAT(ids(*one, all[6]), ElementsAre("6", "new"));
  EXPECT_THAT(ids(*one, all[kTexts - 1]), ElementsAre(fmt::format("{}", kTexts - 1)));
  // Another process of that folder maps it; a damaged one is made good from the state.
  one = process();
  EXPECT_THAT(ids(*one, all[6]), ElementsAre("6", "new"));
  one.reset();
  ASSERT_TRUE(write_file(file, "ZYNTABL\n and what else").has_value());
  one = process();
  EXPECT_THAT(ids(*one, all[6]), ElementsAre("6", "new"));
}

TEST_F(DuplicateIndexesTest, LimitsAndMistakesAreNamedAndNothingIsAdded) {
  const auto one = process("a", 2);
  for (const char* wrong : {"", "-x", "News", "a b", "../a"})
    EXPECT_EQ(one->create(wrong).error().field, "name") << wrong;
  ASSERT_TRUE(one->create("news").has_value());
  EXPECT_EQ(one->create("news").error().code, ErrorCode::kConflict);
  const auto field = [&](std::vector<IdentifiedText> texts) {
    return one->add("news", texts).error().field;
  };
  EXPECT_EQ(field({{"1", kMeal}, {"", kMeal}}), "texts[1].id");
  EXPECT_EQ(field({{"1", kMeal}, {"1", kPhone}}), "texts[1].id");
  EXPECT_EQ(field({{std::string(129, 'a'), kMeal}}), "texts[0].id");
  const std::vector<IdentifiedText> three = {{"1", kMeal}, {"2", kMeal}, {"3", kMeal}};
  EXPECT_EQ(one->add("news", three).error().code, ErrorCode::kLimitReached);
  EXPECT_THAT(ids(*one, kMeal), IsEmpty());
  add(*one, {{"1", kMeal}, {"2", kMeal}});
  add(*one, {{"1", kPhone}});  // in its place: no more than before
  EXPECT_EQ(one->add("absent", three).error().code, ErrorCode::kNotFound);
}

TEST_F(DuplicateIndexesTest, AddingMaySayWhatIsNearBeforehand) {
  const auto one = process();
  ASSERT_TRUE(one->create("news").has_value());
  add(*one, {{"1", kMeal}});
  AddTextsRequest request;
  request.texts = {{"2", kMeal}, {"3", kPhone}};
  request.find = true;
  const auto answer = add_to_index(*one, "news", request);
  ASSERT_TRUE(answer.has_value()) << answer.error().text();
  EXPECT_EQ((*answer)["items"].dump(), R"([{"near":[{"id":"1","similarity":1}]},{"near":[]}])");
  EXPECT_EQ((*answer)["texts"].int_or(0), 3);
  FindTextsRequest ask;
  ask.texts = {"短", std::string(kDuplicateBytesMax + 1, 'a')};
  EXPECT_EQ(find_in_index(*one, "news", ask).error().field, "texts[1]");
}

}  // namespace
}  // namespace zhiyin::server
