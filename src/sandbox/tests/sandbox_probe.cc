// Runs the sandbox on a free port until standard input ends; prints the port. For
// wechatpy_sandbox_test.py.
#include <cstdio>
#include <iostream>
#include <string>

#include "sandbox/run.h"

int main(int argc, char** argv) {
  using zhiyin::sandbox::CallbackMode;
  zhiyin::sandbox::SandboxSettings settings;
  settings.port = 0;
  settings.people = 120;
  settings.seed = 5;
  settings.start = {1772294400LL * 1'000'000};
  settings.account = zhiyin::sandbox::demo_account(settings.seed);
  const std::string mode = argc > 1 ? argv[1] : "secure";
  settings.account.mode = mode == "plain"        ? CallbackMode::kPlain
                          : mode == "compatible" ? CallbackMode::kCompatible
                                                 : CallbackMode::kSecure;
  const auto sandbox = zhiyin::sandbox::Sandbox::start(settings, zhiyin::null_logger());
  if (!sandbox) {
    std::fprintf(stderr, "%s\n", sandbox.error().text().c_str());
    return 1;
  }
  std::printf("%d\n", (*sandbox)->port());
  std::fflush(stdout);
  for (std::string line; std::getline(std::cin, line);) {
  }
  return 0;
}
