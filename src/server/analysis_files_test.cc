// Analyses of whole files as runs: rules, no encoder.
#include "server/analysis_files.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <thread>

#include "base/file.h"
#include "server/text_rows.h"
#include "storage/migrations.h"
#include "storage/sqlite_state.h"

namespace zhiyin::server {
namespace {

namespace fs = std::filesystem;

class AnalysisFilesTest : public testing::Test {
 protected:
  /// A server's life.
  struct Server {
    Server(storage::State& state, const fs::path& folder)
        : registry(state),
          language(Language::Settings{}, registry, metrics, null_logger()),
          runs(Runs::create(state).value()),
          files(folder, language, *runs, null_logger()) {}
    ~Server() { runs.reset(); }
    Json wait(const RunId& run) {
      for (;;) {
        Json now = runs->get(run).value();
        if (now["state"].string_or("") != "running") return now;
        std::this_thread::yield();
      }
    }
    MetricsRegistry metrics;
    model::Registry registry;
    Language language;
    std::unique_ptr<Runs> runs;
    AnalysisFiles files;
  };

  void SetUp() override {
    auto state = storage::open_sqlite_state(folder_.path() / "state.db");
    ASSERT_TRUE(state.has_value()) << state.error().text();
    state_ = std::move(*state);
    auto tables = storage::migrations();
    for (const auto& table : model::Registry::migrations()) tables.push_back(table);
    for (const auto& table : Runs::migrations()) tables.push_back(table);
    ASSERT_TRUE(state_->migrate(tables).has_value());
    server();
  }
  Server& server() {
    running_.reset();
    running_ = std::make_unique<Server>(*state_, folder_.path() / "analyses");
    return *running_;
  }
  std::vector<Json> lines(const RunId& run) {
    const auto path = running_->files.result(run);
    EXPECT_TRUE(path.has_value()) << path.error().text();
    std::vector<Json> out;
    const std::string text = path ? read_file(*path).value_or("") : "";
    for (std::size_t at = 0; at < text.size();) {
      const std::size_t end = text.find('\n', at);
      out.push_back(parse_json(text.substr(at, end - at)).value_or(Json()));
      at = end + 1;
    }
    return out;
  }
  static AnalysisFile plain() {
    AnalysisFile file;
    file.name = "texts.txt";
    file.tasks = {"language", "masked"};
    return file;
  }

  TempFolder folder_;
  std::unique_ptr<storage::State> state_;
  std::unique_ptr<Server> running_;
};

TEST_F(AnalysisFilesTest, EveryLineIsAnsweredAndTheFaultyOnesSayWhy) {
  const std::string bytes = "\xef\xbb\xbf今天天气很好\r\n\n我的电话是13800138000\n\xff\xfe坏\n" +
                            std::string(70'000, 'a') + "\n最后";
  const auto run = running_->files.start(plain(), bytes);
  ASSERT_TRUE(run.has_value()) << run.error().text();
  const Json ended = running_->wait(*run);
  ASSERT_EQ(ended["state"].string_or(""), "done") << ended.dump();
  EXPECT_EQ(ended["result"]["rows"].int_or(0), 6);
  EXPECT_EQ(ended["result"]["faulty"].int_or(0), 3);
  EXPECT_EQ(ended["result"]["faults"].if_array()->size(), 3);
  const auto found = lines(*run);
  ASSERT_EQ(found.size(), 6);
  EXPECT_EQ(found[0]["language"]["name"].string_or(""), "zh-Hans");
  EXPECT_EQ(found[0]["masked"].string_or(""), "今天天气很好");
  EXPECT_EQ(found[1]["error"]["message"].string_or(""), "is empty");
  EXPECT_EQ(found[2]["masked"].string_or(""), "我的电话是138****8000");
  EXPECT_EQ(found[3]["error"]["field"].string_or(""), "row 4");
  EXPECT_EQ(found[5]["row"].int_or(0), 6);
  const Json list = running_->files.list().value();
  EXPECT_EQ((*list["items"].if_array())[0]["run"].string_or(""), run->value);
  ASSERT_TRUE(running_->files.remove(*run).has_value());
  EXPECT_EQ(running_->files.result(*run).error().code, ErrorCode::kNotFound);
}

TEST_F(AnalysisFilesTest, ATableGivesItsColumnAndItsIds) {
  AnalysisFile file = plain();
  file.name = "评论.csv";
  file.column = "评论";
  file.id_column = "编号";
  const std::string bytes = "编号,评论\na1,很好吃\na2,\na3,\"有,逗号\"\n";
  const auto run = running_->files.start(file, bytes);
  ASSERT_TRUE(run.has_value()) << run.error().text();
  EXPECT_EQ(running_->wait(*run)["result"]["faulty"].int_or(-1), 1);
  const auto found = lines(*run);
  ASSERT_EQ(found.size(), 3);
  EXPECT_EQ(found[0]["id"].string_or(""), "a1");
  EXPECT_EQ(found[1]["error"]["message"].string_or(""), "is empty");
  EXPECT_EQ(found[2]["masked"].string_or(""), "有,逗号");
}

TEST_F(AnalysisFilesTest, MistakesAreNamedBeforeTheRunAndLeaveNothing) {
  const std::string csv = "编号,评论\n1,好\n";
  AnalysisFile file = plain();
  file.name = "a.csv";
  const auto wrong = running_->files.start(file, csv);
  EXPECT_EQ(wrong.error().field, "column");
  EXPECT_THAT(wrong.error().message, testing::HasSubstr("评论"));
  file.column = "评论";
  file.id_column = "nr";
  EXPECT_EQ(running_->files.start(file, csv).error().field, "id");
  file.id_column.clear();
  file.tasks = {"language", "absent"};
  EXPECT_EQ(running_->files.start(file, csv).error().field, "tasks[1]");
  EXPECT_FALSE(running_->files.start(plain(), "").has_value());
  for (const char* name : {"a.txt.gz", "a.parquet"}) {  // packed lines; nothing of Parquet
    AnalysisFile other = plain();
    other.name = name;
    const auto refused = running_->files.start(other, "nonsense");
    EXPECT_EQ(refused.error().code, ErrorCode::kInvalidArgument) << name;
    EXPECT_EQ(refused.error().field, "name");
  }
  EXPECT_TRUE(running_->files.list().value()["items"].if_array()->empty());
  EXPECT_EQ(running_->files.result(RunId("r_../../x")).error().code, ErrorCode::kNotFound);
}

TEST_F(AnalysisFilesTest, WhatAStopCutsOffGoesOnAndGivesTheSame) {
  std::string bytes;
  constexpr int kRows = 3000;
  for (int i = 0; i < kRows; ++i) bytes += fmt::format("第{}条评论，电话1380013{:04}\n", i, i);
  const auto whole = running_->files.start(plain(), bytes);
  ASSERT_TRUE(whole.has_value());
  EXPECT_EQ(running_->wait(*whole)["state"].string_or(""), "done");
  const std::string expected = read_file(*running_->files.result(*whole)).value_or("");

  const auto run = running_->files.start(plain(), bytes);
  ASSERT_TRUE(run.has_value());
  Server& next = server();  // the first stops wherever it is
  next.files.resume();
  const Json ended = next.wait(*run);
  EXPECT_EQ(ended["state"].string_or(""), "done") << ended.dump();
  EXPECT_EQ(ended["result"]["rows"].int_or(0), kRows);
  EXPECT_EQ(read_file(*next.files.result(*run)).value_or("?"), expected);
}

TEST_F(AnalysisFilesTest, AfterAKillItGoesOnBehindTheCheckpoint) {
  const RunId run = Runs::new_id();
  const fs::path folder = folder_.path() / "analyses" / run.value;
  fs::create_directories(folder);
  ASSERT_TRUE(write_file(folder / "settings.json", to_json(plain()).dump()));
  ASSERT_TRUE(write_file(folder / "input", "甲\n乙\n丙\n丁\n"));
  // Two rows stand in the checkpoint; a third was being written.
  ASSERT_TRUE(write_file(folder / "result.jsonl", "{\"row\":1}\n{\"row\":2}\n{\"row\":3,\"lang"));
  ASSERT_TRUE(write_file(folder / "checkpoint.json", R"({"rows":2,"bytes":20,"faulty":1})"));
  ASSERT_TRUE(state_->write([&](storage::Session& db) -> Result<void> {
    ZHIYIN_TRY_VOID(
        db.execute("INSERT INTO run (id, kind, title, state, started_at) VALUES (?1, "
                   "'analyze file', 'texts.txt', 'running', 1)",
                   {run.value}));
    return {};
  }));
  Server& next = server();
  next.files.resume();
  const Json ended = next.wait(run);
  ASSERT_EQ(ended["state"].string_or(""), "done") << ended.dump();
  EXPECT_EQ(ended["result"]["rows"].int_or(0), 4);
  EXPECT_EQ(ended["result"]["faulty"].int_or(0), 1);
  const auto found = lines(run);
  ASSERT_EQ(found.size(), 4);
  EXPECT_TRUE(found[1]["masked"].is_null());
  EXPECT_EQ(found[2]["masked"].string_or(""), "丙");
  EXPECT_EQ(found[3]["row"].int_or(0), 4);
}

TEST_F(AnalysisFilesTest, OneThatSomebodyCancelledStaysCancelledWithWhatIsDone) {
  std::string bytes;
  for (int i = 0; i < 20'000; ++i) bytes += fmt::format("第{}条评论\n", i);
  const auto run = running_->files.start(plain(), bytes);
  ASSERT_TRUE(run.has_value());
  (void)running_->runs->cancel(*run);
  const Json ended = running_->wait(*run);
  EXPECT_EQ(ended["state"].string_or(""), "cancelled") << ended.dump();
  EXPECT_TRUE(running_->files.result(*run).has_value());
  Server& next = server();
  next.files.resume();
  EXPECT_EQ(next.runs->get(*run).value()["state"].string_or(""), "cancelled");
}

TEST(TextRows, LinesAreCountedFromOneWhateverIsInThem) {
  const TempFolder folder;
  const fs::path path = folder.path() / "f";
  ASSERT_TRUE(write_file(path, std::string("a\n\n\0b\nlast", 10)).has_value());
  auto rows = TextRows::open(path, "f.txt", "text", "");
  ASSERT_TRUE(rows.has_value());
  const auto two = (*rows)->next(2);
  ASSERT_EQ(two->size(), 2);
  EXPECT_EQ((*two)[1].fault, "is empty");
  const auto rest = (*rows)->next(10);
  ASSERT_EQ(rest->size(), 2);
  EXPECT_EQ((*rest)[1].text, "last");
  EXPECT_EQ((*rest)[1].number, 4);
  EXPECT_TRUE((*rows)->next(10)->empty());
  EXPECT_EQ((*rows)->share(), 1);
}

}  // namespace
}  // namespace zhiyin::server
