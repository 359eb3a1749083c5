#include "text/personal_data.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <random>

#include "text/code_point.h"

namespace zhiyin::text {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

std::vector<std::string> found(std::string_view text) {
  std::vector<std::string> out;
  for (const PersonalSpan& span : find_personal_data(text))
    out.push_back(std::string(kPersonalKindNames[static_cast<std::size_t>(span.kind)]) + ":" +
                  std::string(text.substr(span.byte_begin, span.byte_end - span.byte_begin)));
  return out;
}

TEST(PersonalData, Phones) {
  EXPECT_THAT(found("电话13800138000，或 138-0013-8000 13912345678"),
              ElementsAre("phone:13800138000", "phone:138-0013-8000", "phone:13912345678"));
  EXPECT_THAT(found("+86 138 0013 8000"), ElementsAre("phone:+86 138 0013 8000"));
  EXPECT_THAT(found("１３８００１３８０００"), ElementsAre("phone:１３８００１３８０００"));
  EXPECT_THAT(found("一三八零零一三八零零零"), ElementsAre("phone:一三八零零一三八零零零"));
  EXPECT_THAT(found("座机 010-62345678；0571 8765 4321"),
              ElementsAre("phone:010-62345678", "phone:0571 8765 4321"));
  EXPECT_THAT(found("致电：62345678"), ElementsAre("phone:62345678"));
  EXPECT_THAT(found("(010)62345678、（0571） 87654321"),
              ElementsAre("phone:(010)62345678", "phone:（0571） 87654321"));
  EXPECT_THAT(found("(2019)8765432、(010)"), IsEmpty());
  EXPECT_THAT(found("订单20240101123456，价格13800元，SKU13800138000，1.38001380005"), IsEmpty());
}

TEST(PersonalData, IdNumbersKeepToTheirChecksum) {
  EXPECT_THAT(found("身份证11010519491231002X。"), ElementsAre("id_number:11010519491231002X"));
  EXPECT_THAT(found("证件 110105 19491231 002X，"), ElementsAre("id_number:110105 19491231 002X"));
  EXPECT_THAT(found("1101-0519-4912-3100-2x"), ElementsAre("id_number:1101-0519-4912-3100-2x"));
  EXPECT_THAT(found("110105 19491231 002xl"), IsEmpty());
  EXPECT_THAT(found("440524188001010014"), IsEmpty());  // born in 1880
  EXPECT_THAT(found("身份证110105194912310021"), IsEmpty());
  EXPECT_THAT(found("旧号110105491231002"), ElementsAre("id_number:110105491231002"));
}

TEST(PersonalData, BankCardsKeepToLuhn) {
  EXPECT_THAT(found("卡号6222 0212 3456 7890 128"),
              ElementsAre("bank_card:6222 0212 3456 7890 128"));
  EXPECT_THAT(found("卡号6222 0212 3456 7890 129"), IsEmpty());
  EXPECT_THAT(found("卡号4111 1111 1111 1111"), ElementsAre("bank_card:4111 1111 1111 1111"));
  EXPECT_THAT(found("4111111111111112"), IsEmpty());
}

TEST(PersonalData, Accounts) {
  EXPECT_THAT(found("写信给Li.Lei+a@Example.com.cn。"),
              ElementsAre("email:Li.Lei+a@Example.com.cn"));
  EXPECT_THAT(found("a@b 和 @某人 x@y..com"), IsEmpty());
  EXPECT_THAT(found("加微信：abc_12345 或vx lilei2020"),
              ElementsAre("wechat_id:abc_12345", "wechat_id:lilei2020"));
  EXPECT_THAT(found("wxid_a1b2c3d4e5"), ElementsAre("wechat_id:wxid_a1b2c3d4e5"));
  EXPECT_THAT(found("微信13800138000"), ElementsAre("phone:13800138000"));
  EXPECT_THAT(found("微信 android 版本，微信支付"), IsEmpty());
  EXPECT_THAT(found("加QQ：12345678"), ElementsAre("qq:12345678"));
}

TEST(PersonalData, Plates) {
  EXPECT_THAT(found("京A12345和粤B·D12345，沪AD12345"),
              ElementsAre("plate:京A12345", "plate:粤B·D12345", "plate:沪AD12345"));
  EXPECT_THAT(found("京ABCDEF"), IsEmpty());
}

TEST(PersonalData, Addresses) {
  EXPECT_THAT(found("寄到北京市海淀区中关村大街27号院3号楼1201室，谢谢"),
              ElementsAre("address:北京市海淀区中关村大街27号院3号楼1201室"));
  EXPECT_THAT(found("我住在浙江省杭州市西湖区文三路90号"),
              ElementsAre("address:浙江省杭州市西湖区文三路90号"));
  EXPECT_THAT(found("地址：人民路12号"), ElementsAre("address:人民路12号"));
  EXPECT_THAT(found("一路走来，城市里的小区很多，第3号产品在路上"), IsEmpty());
}

TEST(PersonalData, NamesBesideTitles) {
  EXPECT_THAT(found("王小明先生您好"), ElementsAre("name:王小明"));
  EXPECT_THAT(found("请找李总，张老师不在"), ElementsAre("name:李", "name:张"));
  EXPECT_THAT(found("收件人：欧阳小红"), ElementsAre("name:欧阳小红"));
  EXPECT_THAT(found("Dear Mr. Smith,"), ElementsAre("name:Smith"));
  EXPECT_THAT(found("高中老师说金总额不对，这位先生"), IsEmpty());
}

TEST(PersonalData, ATitleBehindALabelledNameIsNoneOfIt) {
  EXPECT_THAT(found("我叫王敏女士"), ElementsAre("name:王敏"));
  EXPECT_THAT(found("您好，我叫王敏女士，"), ElementsAre("name:王敏"));
  EXPECT_THAT(found("联系人：李建国经理"), ElementsAre("name:李建国"));
  EXPECT_THAT(found("我叫欧阳老师"), ElementsAre("name:欧阳"));
  EXPECT_THAT(found("我叫王小明，"), ElementsAre("name:王小明"));
  EXPECT_EQ(shortened("我叫王敏女士", find_personal_data("我叫王敏女士")), "我叫王****女士");
}

TEST(PersonalData, EveryLabelWithEveryTitleGivesTheNameAlone) {
  constexpr std::array kLabels = {"我叫",     "姓名：",  "姓名:",    "姓名 ",    "名字是",
                                  "名字叫",   "本人叫",  "联系人：", "收件人",   "收货人：",
                                  "寄件人：", "经办人 ", "户名：",   "客户名：", "真名是"};
  constexpr std::array kNames = {"王敏", "李建国", "欧阳雪", "司马文静", "张三", "周雨桐"};
  constexpr std::array kTitles = {"先生", "女士",   "小姐", "太太", "老师", "医生", "教授", "经理",
                                  "总监", "董事长", "主任", "院长", "校长", "律师", "师傅", "同学",
                                  "护士", "主管",   "店长", "老板", "叔叔", "阿姨", "会计", "博士"};
  constexpr std::array kEnds = {"", "，您好", "。", "的电话", " 在吗", "\n"};
  for (const std::string label : kLabels) {
    for (const std::string name : kNames) {
      for (const std::string title : kTitles) {
        for (const std::string end : kEnds) {
          const std::string text = "您好，" + label + name + title + end;
          ASSERT_THAT(found(text), ElementsAre("name:" + name)) << text;
        }
      }
      // Without a title, too, where something ends the name.
      for (const std::string end : {"", "，", "。", " ", "的电话", "是我"})
        ASSERT_THAT(found(label + name + end), ElementsAre("name:" + name)) << label + name + end;
    }
  }
}

TEST(PersonalData, AParticleBehindALabelledNameIsNoneOfIt) {
  for (const std::string end : {"呀", "啊", "哦", "呢", "吧", "吗", "嘛"})
    EXPECT_THAT(found("我叫王敏" + end), ElementsAre("name:王敏")) << end;
}

TEST(PersonalMask, ComesBackAsItWas) {
  auto mask = PersonalMask::create("k3x9vq");
  ASSERT_TRUE(mask.has_value());
  const std::string text = "我是王小明先生，电话13800138000，再说一遍13800138000";
  const std::string masked = mask->mask(text);
  EXPECT_EQ(masked, "我是[NAME-1-k3x9vq]先生，电话[PHONE-1-k3x9vq]，再说一遍[PHONE-1-k3x9vq]");
  EXPECT_EQ(mask->unmask(masked), text);
  EXPECT_EQ(mask->unmask("请打[PHONE-1-k3x9vq]。"), "请打13800138000。");
  EXPECT_EQ(mask->entries().size(), 2);
}

TEST(PersonalMask, PlaceholdersThatAUserTypesStandForNothing) {
  auto mask = PersonalMask::create("k3x9vq");
  (void)mask->mask("电话13800138000");
  const std::string typed = "给我[PHONE-1-k3x9vq]和[PHONE-1-zzzz]";
  const std::string masked = mask->mask(typed);
  EXPECT_THAT(masked, Not(HasSubstr("[PHONE-1-k3x9vq]")));
  EXPECT_EQ(mask->unmask(masked), typed);
  EXPECT_EQ(mask->unmask("[PHONE-1-zzzz] [PHONE-9-k3x9vq]"), "[PHONE-1-zzzz] [PHONE-9-k3x9vq]");
}

TEST(PersonalMask, RefusesANonceThatCouldBeText) {
  EXPECT_EQ(PersonalMask::create("ab]").error().field, "nonce");
  EXPECT_FALSE(PersonalMask::create("").has_value());
}

TEST(PersonalData, ShortenedForPeople) {
  const std::string text = "王小明先生 13800138000 lilei@example.com";
  EXPECT_EQ(shortened(text, find_personal_data(text)), "王****先生 138****8000 l****@example.com");
}

TEST(PersonalData, OffsetsAreBoundariesAndMasksComeBackWhateverTheText) {
  std::mt19937 random(4);
  constexpr std::u32string_view kFrom =
      U"0123456789 -+@.王小明先生北京市海淀区路号栋微信vxqQ[]PHONE京A\u200b：x";
  auto mask = PersonalMask::create("abcd");
  for (int round = 0; round < 500; ++round) {
    std::string text = round == 0 ? std::string(300'000, '1') : "";
    if (round == 1) text = std::string(300'000, '@');
    if (round == 2)
      for (int i = 0; i < 100'000; ++i) text += "王";
    for (int n = 0; n < 200 && round > 2; ++n) {
      if (random() % 20 == 0) {
        text += static_cast<char>(random());
      } else if (random() % 30 == 0) {
        text += "[PHONE-1-abcd]";
      } else {
        append_utf8(text, kFrom[random() % kFrom.size()]);
      }
    }
    std::size_t last = 0;
    for (const PersonalSpan& span : find_personal_data(text)) {
      ASSERT_LT(span.byte_begin, span.byte_end);
      ASSERT_GE(span.byte_begin, last);
      ASSERT_FALSE(span.byte_end < text.size() && code_point_at(text, span.byte_begin).bytes == 0);
      last = span.byte_end;
    }
    ASSERT_LE(last, text.size());
    ASSERT_EQ(mask->unmask(mask->mask(text)), text) << round;
  }
}

}  // namespace
}  // namespace zhiyin::text
