#include "wechat/account.h"

#include <gtest/gtest.h>

#include "wechat/call.h"
#include "wechat/test_store.h"

namespace zhiyin::wechat {
namespace {

constexpr std::string_view kKey43 = "abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG";
const Instant kStart{1'767'225'600'000'000};

AccountInput shop() {
  AccountInput a;
  a.id = AccountId("shop");
  a.name = "知音小店";
  a.verified = true;
  a.app_id = "wx0123456789abcdef";
  a.original_id = "gh_0123456789ab";
  a.app_secret = "the-secret";
  a.token = "thetoken";
  a.encoding_aes_key = std::string(kKey43);
  return a;
}

class AccountsTest : public testing::Test {
 protected:
  TestStore& store_ = TestStore::emptied();
  SteppedClock clock_{kStart};
  Accounts accounts_{store_.state(), store_.vault(), clock_};
};

TEST_F(AccountsTest, CreatedIsReadBackWithItsSecrets) {
  ASSERT_TRUE(accounts_.create(shop()));
  const auto read = accounts_.get(AccountId("shop"));
  ASSERT_TRUE(read) << read.error().text();
  EXPECT_EQ(read->name, "知音小店");
  EXPECT_EQ(read->app_secret.reveal(), "the-secret");
  EXPECT_EQ(read->token.reveal(), "thetoken");
  EXPECT_EQ(read->encoding_aes_key.reveal(), kKey43);
  EXPECT_EQ(read->version, 1);
  EXPECT_EQ(read->created_at, kStart);
  EXPECT_EQ(accounts_.list()->size(), 1U);
}

TEST_F(AccountsTest, SecretsLieSealedAndAreNeverShown) {
  ASSERT_TRUE(accounts_.create(shop()));
  const auto rows =
      store_.state().query("SELECT settings, app_secret, token, encoding_aes_key FROM account");
  ASSERT_TRUE(rows);
  for (const storage::Value& cell : rows->rows[0]) {
    EXPECT_EQ(storage::as_text(cell).find("the-secret"), std::string_view::npos);
    EXPECT_EQ(storage::as_text(cell).find("thetoken"), std::string_view::npos);
    EXPECT_EQ(storage::as_text(cell).find(kKey43), std::string_view::npos);
  }
  const std::string shown = to_json(view(*accounts_.get(AccountId("shop")))).dump();
  EXPECT_EQ(shown.find("the-secret"), std::string::npos);
  EXPECT_EQ(shown.find("thetoken"), std::string::npos);
  EXPECT_NE(shown.find("\"has_secret\":true"), std::string::npos);
}

TEST_F(AccountsTest, SecondCreateConflicts) {
  ASSERT_TRUE(accounts_.create(shop()));
  EXPECT_EQ(accounts_.create(shop()).error().code, ErrorCode::kConflict);
}

TEST_F(AccountsTest, AnAppIdBelongsToOneAccount) {
  ASSERT_TRUE(accounts_.create(shop()));
  AccountInput other = shop();
  other.id = AccountId("school");
  const auto refused = accounts_.create(other);
  EXPECT_EQ(refused.error().code, ErrorCode::kConflict);
  EXPECT_EQ(refused.error().field, "app_id");
  other.app_id = "wx0000000000000001";
  ASSERT_TRUE(accounts_.create(other));
  EXPECT_TRUE(accounts_.put(other, 1)) << "its own is no conflict";
  other.app_id = shop().app_id;
  EXPECT_EQ(accounts_.put(other, 2).error().code, ErrorCode::kConflict);
  ASSERT_TRUE(accounts_.remove(AccountId("shop"), {}));
  EXPECT_TRUE(accounts_.put(other, 2)) << "it is free again";
}

TEST_F(AccountsTest, PutKeepsSecretsThatAreAbsentAndChecksTheVersion) {
  ASSERT_TRUE(accounts_.create(shop()));
  AccountInput change = shop();
  change.name = "new name";
  change.app_secret.reset();
  change.token.reset();
  change.encoding_aes_key.reset();
  const auto changed = accounts_.put(change, 1);
  ASSERT_TRUE(changed) << changed.error().text();
  EXPECT_EQ(changed->version, 2);
  EXPECT_EQ(accounts_.get(AccountId("shop"))->app_secret.reveal(), "the-secret");
  EXPECT_EQ(accounts_.put(change, 1).error().code, ErrorCode::kConflict);
  EXPECT_EQ(accounts_.get(AccountId("shop"))->version, 2);
}

TEST_F(AccountsTest, ApplyCreatesThenChangesOnlyWhatItNames) {
  const auto input = [](std::string_view text) { return *parse_json(text); };
  ASSERT_TRUE(accounts_.apply(to_json(shop())));
  const auto changed = accounts_.apply(input(R"({"id":"shop","verified":false})"));
  ASSERT_TRUE(changed) << changed.error().text();
  EXPECT_EQ(changed->version, 2);
  EXPECT_FALSE(changed->verified);
  EXPECT_EQ(changed->app_id, shop().app_id);
  EXPECT_EQ(accounts_.get(AccountId("shop"))->app_secret.reveal(), "the-secret");
  EXPECT_EQ(accounts_.apply(input(R"({"id":"shop","verfied":true})")).error().field, "verfied");
  EXPECT_EQ(accounts_.apply(input("[]")).error().code, ErrorCode::kInvalidArgument);
}

TEST_F(AccountsTest, PutDoesNotCreate) {
  EXPECT_EQ(accounts_.put(shop(), 1).error().code, ErrorCode::kNotFound);
  EXPECT_EQ(accounts_.create(shop())->version, 1);
  EXPECT_EQ(accounts_.put(shop(), 1)->version, 2);
}

TEST_F(AccountsTest, EmptyTextRemovesASecret) {
  ASSERT_TRUE(accounts_.create(shop()));
  AccountInput change = shop();
  change.app_secret = "";
  ASSERT_TRUE(accounts_.put(change, accounts_.get(change.id)->version));
  EXPECT_FALSE(view(*accounts_.get(AccountId("shop"))).has_secret);
}

TEST_F(AccountsTest, RemoveForgets) {
  ASSERT_TRUE(accounts_.create(shop()));
  EXPECT_EQ(accounts_.remove(AccountId("shop"), 7).error().code, ErrorCode::kConflict);
  EXPECT_TRUE(accounts_.remove(AccountId("shop"), 1));
  EXPECT_EQ(accounts_.get(AccountId("shop")).error().code, ErrorCode::kNotFound);
  EXPECT_EQ(accounts_.remove(AccountId("shop"), {}).error().code, ErrorCode::kNotFound);
}

TEST_F(AccountsTest, RulesAndPolicySurvive) {
  AccountInput a = shop();
  a.policy.mass_per_user_month = 9;
  a.reply_rules.welcome.type = ReplyType::kText;
  a.reply_rules.welcome.text = "欢迎";
  ASSERT_TRUE(accounts_.create(a));
  const auto read = accounts_.get(AccountId("shop"));
  EXPECT_EQ(read->policy.mass_per_user_month, 9);
  EXPECT_EQ(read->reply_rules.welcome.text, "欢迎");
}

TEST_F(AccountsTest, MembersThatExistNoLongerHurtNoStoredAccount) {
  ASSERT_TRUE(accounts_.create(shop()));
  const auto rows = store_.state().query("SELECT settings FROM account");
  std::string text(storage::as_text(rows->rows.at(0).at(0)));
  const std::string place = R"("policy":{)";
  text.insert(text.find(place) + place.size(),
              R"("version":1,"user_list_per_day":500,"user_info_per_day":5000000,)");
  ASSERT_TRUE(store_.state().write([&](storage::Session& s) -> Result<void> {
    ZHIYIN_TRY_VOID(s.execute("UPDATE account SET settings = ?1", {text}));
    ZHIYIN_TRY(const Policy policy, Accounts::policy(s, AccountId("shop")));
    EXPECT_EQ(policy.mass_calls_per_day, 100);
    EXPECT_EQ(Accounts::policy(s, AccountId("none")).error().code, ErrorCode::kNotFound);
    return {};
  }));
  EXPECT_TRUE(accounts_.get(AccountId("shop")));
}

TEST_F(AccountsTest, RepliesAreOfKindsThatTheirPlatformTakes) {
  int made = 0;
  const auto field_of = [&](AccountKind kind, ReplyType type) {
    AccountInput a = shop();
    a.id = AccountId(fmt::format("a{}", ++made));
    a.app_id = fmt::format("wx{:016}", made);
    a.kind = kind;
    a.token_kind = kind == AccountKind::kWecom ? TokenKind::kWecom : TokenKind::kStable;
    KeywordRule rule;
    rule.words = {"歌"};
    rule.reply.type = type;
    rule.reply.music_url = "https://a.example/1.mp3";
    rule.reply.thumb_media_id = "t";
    a.reply_rules.keywords = {rule};
    const auto outcome = accounts_.create(a);
    return outcome ? std::string("ok") : outcome.error().field;
  };
  const std::string field = "reply_rules.keywords[0].reply.type";
  EXPECT_EQ(field_of(AccountKind::kMiniProgram, ReplyType::kMusic), field);
  EXPECT_EQ(field_of(AccountKind::kWecom, ReplyType::kTransfer), field);
  EXPECT_EQ(field_of(AccountKind::kMiniProgram, ReplyType::kTransfer), "ok");
  EXPECT_EQ(field_of(AccountKind::kService, ReplyType::kMusic), "ok");
}

TEST_F(AccountsTest, BadFieldsAreNamedAndNothingIsStored) {
  const auto field_of = [&](auto change) {
    AccountInput a = shop();
    change(a);
    const auto outcome = accounts_.create(a);
    return outcome ? std::string("ok") : outcome.error().field;
  };
  EXPECT_EQ(field_of([](AccountInput& a) { a.id = AccountId("Shop!"); }), "id");
  EXPECT_EQ(field_of([](AccountInput& a) { a.app_id = "wx 1"; }), "app_id");
  EXPECT_EQ(field_of([](AccountInput& a) { a.original_id = "shop"; }), "original_id");
  EXPECT_EQ(field_of([](AccountInput& a) { a.token = "ab"; }), "token");
  EXPECT_EQ(field_of([](AccountInput& a) { a.encoding_aes_key = std::string(42, 'a'); }),
            "encoding_aes_key");
  EXPECT_EQ(field_of([](AccountInput& a) { a.encoding_aes_key.reset(); }), "encoding_aes_key");
  EXPECT_EQ(field_of([](AccountInput& a) { a.zone = "Nowhere"; }), "zone");
  EXPECT_EQ(field_of([](AccountInput& a) { a.base_url = "ftp://x"; }), "base_url");
  EXPECT_EQ(field_of([](AccountInput& a) { a.policy.quiet_from = "9"; }), "policy.quiet_from");
  EXPECT_EQ(field_of([](AccountInput& a) { a.reply_rules.opt_out_words.clear(); }),
            "reply_rules.opt_out_words");
  EXPECT_TRUE(accounts_.list()->empty());
}

TEST(AccountJson, TheApiExampleIsReadAndAnUnknownFieldNamed) {
  const auto json =
      parse_json(
          R"({"id":"shop","name":"n","kind":"subscription","verified":true,"app_id":"wx1","original_id":"gh_1",
    "app_secret":"s","token":"tok","encoding_aes_key":"k","mode":"compatible"})")
          .value();
  const auto input = from_json<AccountInput>(json);
  ASSERT_TRUE(input) << input.error().text();
  EXPECT_EQ(input->kind, AccountKind::kSubscription);
  EXPECT_EQ(input->mode, CallbackMode::kCompatible);
  Json typo = json;
  typo.set("app_secrets", "x");
  EXPECT_FALSE(from_json<AccountInput>(typo));
}

TEST(AccountRights, FollowKindAndVerification) {
  Account a;
  a.verified = true;
  EXPECT_TRUE(may_mass_send_by_openids(a) && may_send_templates(a));
  a.kind = AccountKind::kSubscription;
  EXPECT_FALSE(may_mass_send_by_openids(a) || may_send_templates(a));
  EXPECT_TRUE(may_mass_send_by_tag(a) && may_send_customer_service(a));
  a.verified = false;
  EXPECT_FALSE(may_mass_send_by_tag(a) || may_send_customer_service(a));
}

TEST_F(AccountsTest, AnAdvertiserKeepsItsRefreshTokenAndKindsFitTheirTokens) {
  AccountInput input = shop();
  input.kind = AccountKind::kAdvertiser;
  input.token_kind = TokenKind::kAds;
  input.refresh_token = "the-refresh-token";
  const auto created = accounts_.create(input);
  ASSERT_TRUE(created) << created.error().text();
  EXPECT_EQ(accounts_.get(input.id)->refresh_token.reveal(), "the-refresh-token");
  EXPECT_EQ(api_account(*created).refresh_token.reveal(), "the-refresh-token");
  EXPECT_TRUE(view(*created).has_refresh_token);
  EXPECT_EQ(to_json(view(*created)).dump().find("the-refresh-token"), std::string::npos);
  input.token_kind = TokenKind::kStable;
  EXPECT_EQ(accounts_.put(input, 1).error().field, "token_kind");
  input.kind = AccountKind::kWecom;
  EXPECT_EQ(accounts_.put(input, 1).error().field, "token_kind");
}

}  // namespace
}  // namespace zhiyin::wechat
