#include "ingest/personal_names.h"

#include <algorithm>
#include <string>
#include <vector>

namespace zhiyin::ingest {
namespace {

// Names are compared without capitals, blanks, `_`, `-`, points and brackets.
constexpr std::string_view kPersonal[] = {"address",
                                          "avatar",
                                          "birthday",
                                          "birthdate",
                                          "dateofbirth",
                                          "dob",
                                          "email",
                                          "emailaddress",
                                          "mail",
                                          "firstname",
                                          "lastname",
                                          "givenname",
                                          "familyname",
                                          "surname",
                                          "fullname",
                                          "realname",
                                          "truename",
                                          "customername",
                                          "membername",
                                          "contactname",
                                          "nickname",
                                          "phone",
                                          "phonenumber",
                                          "phoneno",
                                          "mobile",
                                          "mobilenumber",
                                          "mobileno",
                                          "mobilephone",
                                          "cellphone",
                                          "telephone",
                                          "telephonenumber",
                                          "tel",
                                          "idcard",
                                          "idcardno",
                                          "idcardnumber",
                                          "identitycard",
                                          "idnumber",
                                          "idno",
                                          "passport",
                                          "passportno",
                                          "passportnumber",
                                          "ip",
                                          "ipaddress",
                                          "clientip",
                                          "wechat",
                                          "wechatid",
                                          "wechatno",
                                          "weixin",
                                          "weixinid",
                                          "weixinhao",
                                          "qq",
                                          "qqnumber",
                                          "homeaddress",
                                          "shippingaddress",
                                          "billingaddress",
                                          "deliveryaddress",
                                          "postaladdress",
                                          "streetaddress",
                                          "recipient",
                                          "consignee",
                                          "bankcard",
                                          "bankaccount",
                                          "cardnumber",
                                          "licenseplate",
                                          "地址",
                                          "ip地址",
                                          "头像",
                                          "生日",
                                          "邮箱",
                                          "姓名",
                                          "手机",
                                          "联系手机",
                                          "注册手机",
                                          "绑定手机",
                                          "会员手机",
                                          "用户手机",
                                          "客户手机",
                                          "电话",
                                          "身份证",
                                          "昵称",
                                          "微信",
                                          "微信id",
                                          "车牌",
                                          "护照"};
// Of a person these are personal, of a thing they are not.
constexpr std::string_view kPersonalTraits[] = {"name", "username", "名字", "用户名", "称呼"};

// Chinese names end with what they are: 客户手机号, 收货地址.
constexpr std::string_view kChineseEndings[] = {
    "手机号",   "手机号码", "联系电话",   "电话",     "电话号码", "联系方式", "姓名",
    "身份证",   "身份证号", "身份证号码", "证件号",   "证件号码", "邮箱",     "邮箱地址",
    "电子邮件", "住址",     "收货地址",   "收件地址", "家庭地址", "联系地址", "详细地址",
    "通讯地址", "邮寄地址", "配送地址",   "用户地址", "客户地址", "会员地址", "微信号",
    "微信号码", "qq号",     "qq号码",     "昵称",     "生日",     "出生日期", "头像",
    "银行卡",   "银行卡号", "护照号",     "护照号码", "车牌号",   "车牌号码", "收货人",
    "收件人",   "联系人"};
constexpr std::string_view kChineseQuestions[] = {"是否", "有无", "有没有"};

// English names as well: customer_phone, userEmail, contact_phone_number.
constexpr std::string_view kEnglishEndings[] = {
    "phone",      "mobile",       "email",     "telephone",   "cellphone",    "tel",
    "address",    "birthday",     "birthdate", "nickname",    "passport",     "wechat",
    "idcard",     "realname",     "fullname",  "firstname",   "lastname",     "phonenumber",
    "phoneno",    "mobilenumber", "mobileno",  "mobilephone", "emailaddress", "customername",
    "membername", "contactname",  "wechatid",  "idnumber",    "idno"};
// … unless they say whether, how many, or where a thing is.
constexpr std::string_view kEnglishQuestions[] = {"has",   "is",   "can", "no",       "num",
                                                  "count", "with", "opt", "verified", "valid"};
constexpr std::string_view kOfThings[] = {"web",  "page",  "site",    "url",
                                          "shop", "store", "product", "item"};

template <std::size_t N>
bool is_one_of(std::string_view text, const std::string_view (&list)[N]) {
  return std::ranges::find(list, text) != std::end(list);
}

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }
bool is_ascii_upper(char c) { return c >= 'A' && c <= 'Z'; }
bool is_ascii_letter(char c) { return is_ascii_upper(c) || (c >= 'a' && c <= 'z'); }

std::string joined(std::string_view name) {
  constexpr std::string_view kDropped[] = {" ", "_",  "-",  ".",  "(",
                                           ")", "（", "）", "　", "\xc2\xa0"};
  std::string out;
  while (!name.empty()) {
    std::size_t skipped = 0;
    for (const std::string_view dropped : kDropped) {
      if (name.starts_with(dropped)) skipped = dropped.size();
    }
    if (skipped == 0) out += lower(name.front());
    name.remove_prefix(std::max<std::size_t>(skipped, 1));
  }
  return out;
}

// `customerPhone` and `customer_phone` are customer, phone.
std::vector<std::string> english_words(std::string_view name) {
  std::vector<std::string> words(1);
  for (std::size_t i = 0; i < name.size(); ++i) {
    if (!is_ascii_letter(name[i])) {
      if (!words.back().empty()) words.emplace_back();
      continue;
    }
    const bool begins = is_ascii_upper(name[i]) && i > 0 && !is_ascii_upper(name[i - 1]);
    if (begins && !words.back().empty()) words.emplace_back();
    words.back() += lower(name[i]);
  }
  if (words.back().empty()) words.pop_back();
  return words;
}

bool ends_in_english(std::string_view name) {
  const std::vector<std::string> words = english_words(name);
  if (words.size() < 2 || is_one_of(words.front(), kEnglishQuestions) ||
      is_one_of(words.front(), kOfThings))
    return false;
  return is_one_of(words.back(), kEnglishEndings) ||
         is_one_of(words[words.size() - 2] + words.back(), kEnglishEndings);
}

}  // namespace

bool is_personal_name(std::string_view name, NamedIn where) {
  constexpr std::size_t kNameMax =
      200;  // a longer one is a text, and its end is looked at all the same
  if (name.size() > kNameMax) name.remove_prefix(name.size() - kNameMax);
  if (const std::size_t type = name.rfind(':'); type != std::string_view::npos)
    name = name.substr(0, type);  // `phone:token`
  const std::string key = joined(name);
  if (is_one_of(key, kPersonal)) return true;
  if (where == NamedIn::kTraits && is_one_of(key, kPersonalTraits)) return true;
  const auto begins = [&](std::string_view question) { return key.starts_with(question); };
  if (std::ranges::any_of(kChineseQuestions, begins)) return false;
  if (std::ranges::any_of(kChineseEndings,
                          [&](std::string_view ending) { return key.ends_with(ending); }))
    return true;
  return ends_in_english(name);
}

}  // namespace zhiyin::ingest
