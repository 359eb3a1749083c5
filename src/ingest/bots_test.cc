#include "ingest/bots.h"

#include <gtest/gtest.h>

namespace zhiyin::ingest {
namespace {

TEST(Bots, PeopleInWeChatAndBrowsersAreReaders) {
  for (const char* agent : {"",
                            "Mozilla/5.0 (iPhone; CPU iPhone OS 16_6 like Mac OS X) "
                            "AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/15E148 "
                            "MicroMessenger/8.0.42(0x18002a2c) NetType/WIFI Language/zh_CN",
                            "Mozilla/5.0 (Linux; Android 13; V2203A) AppleWebKit/537.36 (KHTML, "
                            "like Gecko) Version/4.0 Chrome/111.0.5563.116 Mobile "
                            "Safari/537.36 XWEB/1110017 MMWEBSDK/20231202 MMWEBID/7183 "
                            "MicroMessenger/8.0.47.2560(0x28002F37) WeChat/arm64 Weixin "
                            "NetType/4G Language/zh_CN ABI/arm64 MiniProgramEnv/android",
                            "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, "
                            "like Gecko) Chrome/126.0.0.0 Safari/537.36",
                            "Mozilla/5.0 (Linux; U; Android 10; zh-cn) AppleWebKit/537.36 "
                            "MQQBrowser/11.9 Mobile Safari/537.36"}) {
    EXPECT_EQ(agent_name(agent_of(agent)), "reader") << agent;
  }
}

TEST(Bots, MachinesAreKnownByTheirCategory) {
  const std::pair<const char*, Agent> cases[] = {
      {"Mozilla/5.0 (compatible; Baiduspider/2.0; +http://www.baidu.com/search/spider.html)",
       Agent::kCrawler},
      {"Mozilla/5.0 AppleWebKit/537.36 (compatible; GPTBot/1.2; +https://openai.com/gptbot)",
       Agent::kCrawler},
      {"facebookexternalhit/1.1", Agent::kPreview},
      {"Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) "
       "HeadlessChrome/126.0.0.0 Safari/537.36",
       Agent::kHeadless},
      {"UptimeRobot/2.0", Agent::kMonitor},
      {"curl/7.88.1", Agent::kLibrary}};
  for (const auto& [agent, expected] : cases)
    EXPECT_EQ(agent_name(agent_of(agent)), agent_name(expected)) << agent;
}

TEST(Bots, PrefetchingIsNoReading) {
  EXPECT_EQ(browser_agent_of({"Mozilla/5.0 MicroMessenger/8.0.42", "prefetch;prerender"}),
            Agent::kPrefetch);
  EXPECT_EQ(browser_agent_of({"Mozilla/5.0 MicroMessenger/8.0.42", ""}), Agent::kReader);
}

}  // namespace
}  // namespace zhiyin::ingest
