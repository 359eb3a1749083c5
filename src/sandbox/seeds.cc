#include "sandbox/seeds.h"

#include "sandbox/account_state.h"

namespace zhiyin::sandbox {
namespace {

using std::chrono::hours;
using std::chrono::minutes;

void seed_templates(AccountState& account) {
  account.templates.list = {
      {"ORDERSHIP_sb_4QwLr8vY2nKd0uTzXc5mJh1pGfEaBs",
       "订单发货通知",
       {{"character_string1", "订单编号"}, {"thing2", "商品名称"}, {"time3", "发货时间"}}},
      {"POINTSCHG_sb_9TbWm3kRz7vQe6yHnXu2sLd8cJfAgP",
       "积分变动提醒",
       {{"thing1", "变动原因"}, {"number2", "当前积分"}, {"time3", "变动时间"}}},
  };
  account.subscriptions.list = {
      {"ARRIVAL_sb_2PdFs7xKq9wVr4tMzYb6nHc3jLgEuAoR",
       "到货通知",
       2,
       {"thing1", "amount2", "date3"},
       {"商品名称", "商品价格", "到货时间"},
       1128},
  };
}

void seed_company(AccountState& account) {
  account.wecom.members = {
      {"lili", "李丽", minutes(10), 1},  {"wangwei", "王伟", minutes(25), 1},
      {"zhangmin", "张敏", hours(4), 1}, {"liuyang", "刘洋", hours(26), 2},
      {"chenjie", "陈洁", hours(72), 2}, {"zhaolei", "赵磊", std::nullopt, 2},
  };
  WecomState::Chat chat;
  chat.id = "wr" + account.make_name(30);
  chat.name = "知音小店老客群";
  chat.owner = "lili";
  chat.notice = "新品每周三上架";
  chat.at = Instant{1'704'067'200'000'000};
  chat.members = {{"lili", chat.at}, {"wangwei", chat.at}};
  account.wecom.chats = {std::move(chat)};
}

}  // namespace

void seed_account(AccountState& account) {
  switch (account.identity.kind) {
    case AccountKind::kSubscription:
    case AccountKind::kService:
    case AccountKind::kMiniProgram:
      seed_templates(account);
      return;
    case AccountKind::kWecom:
      seed_company(account);
      return;
    case AccountKind::kAdvertiser:
      account.ads.refresh_token = account.identity.refresh_token;
      account.ads.refresh_ends_at = Instant{kAnyNumber};  // granted at some time before
      return;
  }
}

}  // namespace zhiyin::sandbox
