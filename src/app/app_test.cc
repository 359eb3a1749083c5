#include <gmock/gmock.h>

#include <set>

#include "app/command_line.h"
#include "app/control_socket.h"
#include "app/data_lock.h"
#include "app/editor_commands.h"
#include "app/exit_code.h"
#include "app/installation.h"
#include "app/number_argument.h"
#include "app/option_table.h"
#include "app/render.h"
#include "app/roles.h"
#include "base/file.h"

namespace zhiyin::app {
namespace {

Result<Invocation> parse(std::vector<std::string> arguments) {
  return parse_command_line(arguments);
}

TEST(CommandLine, TakesOperandsFlagsAndOptionsApart) {
  const auto i = parse({"import", "a.csv", "--mapping=m.toml", "--json", "--server.port", "9"});
  ASSERT_TRUE(i) << i.error().text();
  EXPECT_EQ(i->args.dump(), R"({"file":"a.csv","mapping":"m.toml"})");
  EXPECT_TRUE(i->json);
  EXPECT_EQ(i->options.at("server.port"), "9");
}

TEST(CommandLine, RepeatedFlagsBecomeLists) {
  const auto i = parse({"evaluate", "recommend", "--param", "k=2", "--param", "shrink=5"});
  ASSERT_TRUE(i);
  EXPECT_EQ(i->args["param"].dump(), R"(["k=2","shrink=5"])");
}

TEST(EditorCommands, ItemsComeFromLinesInTheirOrder) {
  const auto items =
      items_of_lines("\xEF\xBB\xBF# spring\narticle/tea-1\r\n\n  product/a/b \n# end\narticle/x");
  ASSERT_TRUE(items) << items.error().text();
  EXPECT_EQ(*items, (std::vector<ingest::ItemRef>{
                        {"article", "tea-1"}, {"product", "a/b"}, {"article", "x"}}));
  EXPECT_TRUE(items_of_lines("")->empty());
  for (const std::string_view line : {"tea-1", "/tea-1", "article/"}) {
    const auto wrong = items_of_lines("article/tea-1\n" + std::string(line));
    EXPECT_THAT(wrong.error().message, testing::HasSubstr("line 2: '")) << line;
  }
  std::string many;
  for (int i = 0; i < 501; ++i) many += "article/" + std::to_string(i) + "\n";
  EXPECT_THAT(items_of_lines(many).error().message,
              testing::HasSubstr("line 501: a list has at most 500 items"));
}

TEST(CommandLine, MistakesNameTheNearest) {
  EXPECT_THAT(parse({"campain", "start", "x"}).error().message,
              testing::HasSubstr("did you mean 'campaign start'"));
  EXPECT_THAT(parse({"import", "f", "--maping", "x"}).error().message,
              testing::HasSubstr("did you mean --mapping"));
  EXPECT_THAT(parse({"import"}).error().message, testing::HasSubstr("FILE is missing"));
  EXPECT_FALSE(parse({"doctor", "too", "many"}));
  EXPECT_FALSE(parse({"recommend", "--person"}));
}

TEST(CommandLine, EveryCommandHasHelpWithAnExample) {
  std::set<std::string_view> seen;
  for (const CommandSpec& command : command_table()) {
    EXPECT_TRUE(seen.insert(command.words).second) << command.words;
    EXPECT_TRUE(command.example.starts_with("zhiyin ")) << command.words;
    EXPECT_THAT(command_help(command), testing::HasSubstr("Example:\n"));
  }
}

TEST(Options, TemplateOfInitIsValidAndUnknownKeysStop) {
  const TempFolder folder;
  const auto file = folder.path() / "zhiyin.toml";
  ASSERT_TRUE(write_file(file, options_template(option_table())));
  const auto options = load_options({file, {}});
  ASSERT_TRUE(options) << options.error().text();
  EXPECT_EQ(options->text("data_dir"), (folder.path() / "data").string());
  EXPECT_EQ(options->text("storage.log"), "sqlite:" + (folder.path() / "data/log.db").string());
  EXPECT_THAT(load_options({file, {{"server.prot", "1"}}}).error().message,
              testing::HasSubstr("server.port"));
}

TEST(Options, WordsAndAddressesAreChecked) {
  const TempFolder folder;
  const auto field_of = [&](const char* name, const char* value) {
    const auto options = load_options({folder.path() / "zhiyin.toml", {{name, value}}});
    return options ? std::string("ok") : options.error().field;
  };
  EXPECT_EQ(field_of("log_level", "loud"), "log_level");
  EXPECT_EQ(field_of("log_level", "error"), "ok");
  EXPECT_EQ(field_of("clock", "sundial"), "clock");
  for (const char* url : {"not a url", "example.com", "https://", "https:///x", "http://a b",
                          "https://a?x=1", "ftp://a"}) {
    EXPECT_EQ(field_of("server.public_url", url), "server.public_url") << url;
  }
  for (const char* url : {"", "https://zhiyin.example.com", "http://127.0.0.1:8080/zhiyin/"}) {
    EXPECT_EQ(field_of("server.public_url", url), "ok") << url;
  }
  EXPECT_EQ(field_of("wechat.base_url", ""), "wechat.base_url");
}

TEST(NumberArguments, NameTheFlagAndWhatWasExpected) {
  const auto args = [](const char* value) { return Json().set("n", value); };
  EXPECT_EQ(*number_argument<std::size_t>(args("5"), "n"), 5U);
  EXPECT_EQ(*number_argument<std::size_t>(Json::object(), "n"), std::nullopt);
  EXPECT_EQ(*number_argument<double>(args("-0.5"), "n"), -0.5);
  EXPECT_EQ(number_argument<std::size_t>(args("5x"), "n").error().text(),
            "--n: '5x' is not a whole number, 0 or more");
  EXPECT_EQ(number_argument<std::size_t>(args("-5"), "n").error().field, "--n");
  EXPECT_EQ(number_argument<std::uint16_t>(args("70000"), "n").error().text(),
            "--n: '70000' is too large for a whole number, 0 or more");
  EXPECT_EQ(number_argument<double>(args("nan"), "n").error().text(), "--n: 'nan' is not a number");
  EXPECT_EQ(*numbers_argument<std::size_t>(args("10, 20"), "n"),
            (std::vector<std::size_t>{10, 20}));
  EXPECT_EQ(numbers_argument<std::size_t>(args("0,x"), "n").error().text(),
            "--n: 'x' is not a whole number, 0 or more");
  EXPECT_FALSE(numbers_argument<std::size_t>(args("1,,2"), "n"));
}

TEST(DataLock, IsHeldOnce) {
  const TempFolder folder;
  auto first = DataLock::take(folder.path());
  ASSERT_TRUE(first);
  EXPECT_EQ(DataLock::take(folder.path()).error().code, ErrorCode::kConflict);
  first->reset();
  EXPECT_TRUE(DataLock::take(folder.path()));
}

TEST(ControlSocket, PassesProgressResultsAndErrors) {
  const TempFolder folder;
  auto server = ControlServer::start(
      folder.path(),
      [](const std::string& command, const Json& args,
         const ProgressSink& progress) -> Result<Json> {
        if (command == "fail") return fail_field("x", "is wrong");
        progress(0.5, "half");
        return args;
      },
      null_logger());
  ASSERT_TRUE(server) << server.error().text();
  std::string seen;
  const ProgressSink sink = [&](std::optional<double> share, const std::string& detail) {
    seen += fmt::format("{} {}", share.value_or(0), detail);
    return true;
  };
  EXPECT_EQ(call_server(folder.path(), "echo", Json().set("a", 1), sink)->dump(), R"({"a":1})");
  EXPECT_EQ(seen, "0.5 half");
  EXPECT_EQ(call_server(folder.path(), "fail", Json::object(), sink).error().text(), "x: is wrong");
  server->reset();
  EXPECT_EQ(call_server(folder.path(), "echo", Json::object(), sink).error().code,
            ErrorCode::kUnavailable);
}

TEST(Installation, OpensTwiceInARowAndSettlesWhenEmpty) {
  const TempFolder folder;
  const auto options = load_options({folder.path() / "zhiyin.toml", {}});
  ASSERT_TRUE(options);
  for (int i = 0; i < 2; ++i) {
    auto installation = Installation::open(*options, null_logger());
    ASSERT_TRUE(installation) << installation.error().text();
    EXPECT_EQ((*installation)->take_first_admin_key().empty(), i == 1);
    const auto settled = (*installation)->services().settle();
    EXPECT_TRUE(settled) << settled.error().text();
  }
}

TEST(Roles, DecideWhatIsServed) {
  EXPECT_TRUE(Roles::check("intake, workers,console"));
  EXPECT_FALSE(Roles::check("intake,worker"));
  EXPECT_FALSE(Roles::check(""));
  const Roles intake("intake");
  EXPECT_TRUE(intake.has("intake"));
  EXPECT_FALSE(intake.has("console"));
  EXPECT_FALSE(intake.refuse("POST", "/v1/events"));
  EXPECT_FALSE(intake.refuse("GET", "/readyz"));
  for (const char* call : {"/v1/t", "/v1/import", "/v1/pixel/{call}"})
    EXPECT_FALSE(intake.refuse("POST", call)) << call;
  const auto refused = intake.refuse("GET", "/v1/overview");
  ASSERT_TRUE(refused);
  EXPECT_EQ(refused->status, 421);
  EXPECT_NE(refused->body.find("console"), std::string::npos);
  EXPECT_TRUE(Roles("workers").refuse("POST", "/v1/events"));
  EXPECT_FALSE(Roles("console").refuse("GET", "/{path...}"));
}

TEST(ExitCodes, AreDistinct) {
  std::set<int> seen;
  for (int code = 1; code <= 10; ++code)
    EXPECT_TRUE(seen.insert(exit_code_of(static_cast<ErrorCode>(code))).second);
}

}  // namespace
}  // namespace zhiyin::app
