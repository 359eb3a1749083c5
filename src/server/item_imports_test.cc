#include "server/item_imports.h"

#include <gtest/gtest.h>

namespace zhiyin::server {
namespace {

TEST(ItemImports, AddressesThatAreNotPublicArePrivate) {
  for (const auto* ip : {"127.0.0.1",
                         "127.255.255.254",
                         "10.1.2.3",
                         "172.16.0.1",
                         "172.31.255.255",
                         "192.168.0.1",
                         "169.254.169.254",
                         "100.64.0.1",
                         "0.0.0.0",
                         "224.0.0.1",
                         "255.255.255.255",
                         "198.18.0.1",
                         "::1",
                         "::",
                         "fe80::1",
                         "fc00::1",
                         "::ffff:127.0.0.1",
                         "::127.0.0.1",
                         "64:ff9b::a00:1",
                         "2002:7f00:1::",
                         "2001:db8::1",
                         "ff02::1",
                         "not an address",
                         "",
                         "127.1"})
    EXPECT_TRUE(is_private_address(ip)) << ip;
  for (const auto* ip : {"1.1.1.1", "172.32.0.1", "172.15.255.255", "100.128.0.1", "192.0.3.1",
                         "223.255.255.255", "2606:4700::1111", "2400:3200::1", "::ffff:8.8.8.8"})
    EXPECT_FALSE(is_private_address(ip)) << ip;
}

}  // namespace
}  // namespace zhiyin::server
