#include "base/options.h"

#include <gtest/gtest.h>

namespace zhiyin {
namespace {

constexpr OptionSpec kSpecs[] = {
    {"clock", OptionType::kString, "system", "Which clock."},
    {"server.port", OptionType::kInt, "8080", "Port.", "9000", 1, 65535},
    {"server.tls", OptionType::kBool, "false", "TLS."},
    {"gate.window", OptionType::kDuration, "24h", "Window."},
};

Result<Options> load(std::string_view file, const std::map<std::string, std::string>& env = {},
                     const std::map<std::string, std::string>& flags = {}) {
  return Options::load(kSpecs, file, "zhiyin.toml", env, flags);
}

TEST(Options, LaterSourcesWin) {
  const auto o = load("[server]\nport = 1000\ntls = true\n", {{"ZHIYIN_SERVER_PORT", "2000"}},
                      {{"gate.window", "7d"}});
  ASSERT_TRUE(o) << o.error().text();
  EXPECT_EQ(o->integer("server.port"), 2000);
  EXPECT_TRUE(o->boolean("server.tls"));
  EXPECT_EQ(o->duration("gate.window"), 7 * kDay);
  EXPECT_EQ(o->text("clock"), "system");
}

TEST(Options, UnknownKeyNamesTheNearest) {
  EXPECT_EQ(load("[server]\nprot = 1\n").error().text(),
            "zhiyin.toml: server.prot: no option has this name; did you mean 'server.port'?");
  EXPECT_EQ(load("", {{"ZHIYIN_SERVER_PROT", "1"}}).error().text(),
            "ZHIYIN_SERVER_PROT: no option has this name; did you mean 'ZHIYIN_SERVER_PORT'?");
  EXPECT_EQ(load("prot = 1\n").error().text(),
            "zhiyin.toml: prot: no option has this name; did you mean 'server.port'?");
  EXPECT_FALSE(load("", {}, {{"clok", "system"}}));
}

TEST(Options, ValuesOutOfBoundsAreRefused) {
  EXPECT_EQ(load("[server]\nport = 70000\n").error().text(),
            "zhiyin.toml: server.port: '70000' is no integer between 1 and 65535");
  EXPECT_FALSE(load("[gate]\nwindow = \"soon\"\n"));
  EXPECT_FALSE(load("[server\n"));
}

TEST(Options, TemplateIsItselfValid) { EXPECT_TRUE(load(options_template(kSpecs))); }

}  // namespace
}  // namespace zhiyin
