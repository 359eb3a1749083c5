#include "model/registry.h"

#include <gtest/gtest.h>

#include "base/file.h"
#include "storage/testing.h"

namespace zhiyin::model {
namespace {

class RegistryTest : public ::testing::Test {
 protected:
  void SetUp() override {
    state_ = storage::open_test_state(folder_.path() / "state.db");
    ASSERT_TRUE(state_->migrate(Registry::migrations()));
    registry_ = std::make_unique<Registry>(*state_);
  }
  ModelRecord save(std::string kind, std::string bytes, bool activate = true) {
    NewModel m{std::move(kind), Json(), Json::object().set("l2", 0.1),
               Json::object().set("auc", 0.7), std::move(bytes)};
    const auto out = registry_->save(m, {++time_}, activate);
    EXPECT_TRUE(out) << out.error().text();
    return out.value_or(ModelRecord{});
  }
  std::string active(std::string_view kind) {
    const auto out = registry_->active(kind);
    return out && *out ? (*out)->id : "";
  }
  void damage(const std::string& id) {
    ASSERT_TRUE(state_->write([&](storage::Session& s) -> Result<void> {
      ZHIYIN_TRY_VOID(s.execute("UPDATE model SET artefact = ?1 WHERE id = ?2",
                                {storage::Value(storage::Blob{"damaged"}), storage::Value(id)}));
      return {};
    }));
  }

  TempFolder folder_;
  std::int64_t time_ = 1000;
  std::unique_ptr<storage::State> state_;
  std::unique_ptr<Registry> registry_;
};

TEST_F(RegistryTest, VersionsGrowWithinAKindAndTheNewestIsActive) {
  EXPECT_EQ(active("response"), "");
  EXPECT_EQ(save("response", "one").id, "response-1");
  EXPECT_EQ(save("response", "two").id, "response-2");
  EXPECT_EQ(save("recommend", "other").id, "recommend-1");
  EXPECT_EQ(active("response"), "response-2");
  EXPECT_EQ(registry_->load("response-1").value(), "one");
  const auto all = registry_->list();
  ASSERT_TRUE(all);
  EXPECT_EQ(all->size(), 3U);
  EXPECT_EQ(all->front().id, "recommend-1");
  EXPECT_TRUE(all->front().active);
  EXPECT_EQ(registry_->list("response")->size(), 2U);
  EXPECT_EQ(registry_->find("response-2")->settings["l2"].number_or(0), 0.1);
  EXPECT_FALSE(registry_->find("response-1")->active);
}

TEST_F(RegistryTest, KeepsBytesWithZeroes) {
  const std::string bytes("a\0b\xff", 4);
  EXPECT_EQ(registry_->load(save("response", bytes).id).value(), bytes);
}

TEST_F(RegistryTest, AShadowModelIsStoredWithoutBeingUsed) {
  save("response", "one");
  EXPECT_FALSE(save("response", "two", false).active);
  EXPECT_EQ(active("response"), "response-1");
  EXPECT_TRUE(registry_->activate("response-2", {++time_})->active);
  EXPECT_EQ(active("response"), "response-2");
}

TEST_F(RegistryTest, RollbackGoesBackStepByStep) {
  save("response", "one");
  save("response", "two");
  save("response", "three");
  EXPECT_EQ(registry_->rollback("response", {++time_})->id, "response-2");
  EXPECT_EQ(registry_->rollback("response", {++time_})->id, "response-1");
  EXPECT_EQ(registry_->rollback("response", {++time_}).error().code, ErrorCode::kNotFound);
  EXPECT_EQ(active("response"), "response-1");
  EXPECT_TRUE(registry_->activate("response-3", {++time_}));
  EXPECT_EQ(registry_->rollback("response", {++time_})->id, "response-1");
}

TEST_F(RegistryTest, DamagedBytesAreNeitherLoadedNorActivated) {
  save("response", "one");
  save("response", "two");
  damage("response-1");
  EXPECT_EQ(registry_->load("response-1").error().code, ErrorCode::kDataLoss);
  EXPECT_EQ(registry_->activate("response-1", {1}).error().code, ErrorCode::kDataLoss);
  EXPECT_EQ(registry_->rollback("response", {1}).error().code, ErrorCode::kDataLoss);
  EXPECT_EQ(active("response"), "response-2");
}

TEST_F(RegistryTest, UnknownModelsAreNotFound) {
  EXPECT_EQ(registry_->find("response-9").error().code, ErrorCode::kNotFound);
  EXPECT_EQ(registry_->load("response-9").error().code, ErrorCode::kNotFound);
  EXPECT_EQ(registry_->activate("response-9", {1}).error().code, ErrorCode::kNotFound);
}

TEST_F(RegistryTest, ThoseThatWereActiveStandNewestFirst) {
  EXPECT_TRUE(registry_->activated("response")->empty());
  save("response", "one");
  save("response", "two");
  save("response", "kept back", false);
  save("other", "x");
  ASSERT_TRUE(registry_->activate("response-1", {++time_}));
  const auto ids = [&] {
    std::vector<std::string> out;
    const auto records = registry_->activated("response").value();
    for (const ModelRecord& record : records) out.push_back(record.id);
    return out;
  };
  EXPECT_EQ(ids(), (std::vector<std::string>{"response-1", "response-2"}));
  EXPECT_TRUE(registry_->activated("response")->front().active);
  ASSERT_TRUE(registry_->rollback("response", {++time_}));
  EXPECT_EQ(ids(), (std::vector<std::string>{"response-2"}));
}

TEST_F(RegistryTest, OldVersionsGoAndThoseInUseAndNewStay) {
  for (int v = 1; v <= 9; ++v) save("recommend", "x", v == 1 || v == 3);
  save("ranker", "y");
  EXPECT_EQ(*registry_->forget_older("recommend", 3, 1, "recommend-5"), 4U);
  std::vector<std::string> left;
  const auto all = registry_->list("recommend");
  ASSERT_TRUE(all);
  for (const ModelRecord& one : *all) left.push_back(one.id);
  EXPECT_EQ(left, (std::vector<std::string>{"recommend-9", "recommend-8", "recommend-7",
                                            "recommend-5", "recommend-3"}));
  EXPECT_EQ(active("recommend"), "recommend-3");
  EXPECT_EQ(active("ranker"), "ranker-1");
  EXPECT_EQ(save("recommend", "z").id, "recommend-10");  // no number comes twice
  EXPECT_EQ(*registry_->forget_older("recommend", 30, 5, ""), 0U);
}

}  // namespace
}  // namespace zhiyin::model
