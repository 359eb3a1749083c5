#include "ingest/personal_names.h"

#include <gtest/gtest.h>

#include <string>

namespace zhiyin::ingest {
namespace {

TEST(PersonalNames, ContactDataAreKnownInBothLanguagesAndAnySpelling) {
  for (const std::string_view name : {"手机号",
                                      "手机",
                                      "电话",
                                      "姓名",
                                      "mobile",
                                      "phone",
                                      "Email",
                                      "E-Mail",
                                      "邮箱",
                                      "身份证",
                                      "id_card",
                                      "ID Card",
                                      "地址",
                                      "address",
                                      "微信号",
                                      "real_name",
                                      "realName",
                                      "customer_phone",
                                      "contactPhoneNumber",
                                      "userEmail",
                                      "收货地址",
                                      "客户姓名",
                                      "联系电话",
                                      "手机号码",
                                      "身份证号码",
                                      "会员 手机号",
                                      "phone:token",
                                      "QQ号",
                                      "first name",
                                      "昵称",
                                      "出生日期",
                                      "ip",
                                      "wechat"}) {
    EXPECT_TRUE(is_personal_name(name, NamedIn::kTraits)) << name;
    EXPECT_TRUE(is_personal_name(name, NamedIn::kProperties)) << name;
  }
}

TEST(PersonalNames, WhatOnlySoundsAlikeStaysReadable) {
  for (const std::string_view name :
       {"城市", "手机品牌", "手机型号", "headphone", "iphone", "has_email", "isMobile",
        "是否绑定手机号", "phone_brand", "product_address", "page address", "文章地址", "age",
        "city", "label", "zip_code", "email_opens", "", "a"}) {
    EXPECT_FALSE(is_personal_name(name, NamedIn::kTraits)) << name;
  }
}

TEST(PersonalNames, APersonsNameIsPersonalAThingsIsNot) {
  for (const std::string_view name : {"name", "Name", "user_name", "名字"}) {
    EXPECT_TRUE(is_personal_name(name, NamedIn::kTraits)) << name;
    EXPECT_FALSE(is_personal_name(name, NamedIn::kProperties)) << name;
  }
  EXPECT_FALSE(is_personal_name("product_name", NamedIn::kTraits));
}

TEST(PersonalNames, LongAndBrokenNamesAreLookedAtAllTheSame) {
  EXPECT_TRUE(is_personal_name(std::string(100'000, 'x') + " 手机号", NamedIn::kTraits));
  EXPECT_FALSE(is_personal_name("\xff\xfe\x80", NamedIn::kTraits));
}

}  // namespace
}  // namespace zhiyin::ingest
