#include <algorithm>
#include <set>

#include "sandbox/account_state.h"
#include "sandbox/drafts.h"
#include "sandbox/material.h"

// Menus below the conversation, for all followers and for some.
namespace zhiyin::sandbox {
namespace {

constexpr std::size_t kTopNameBytes = 16;
constexpr std::size_t kSubNameBytes = 60;
constexpr std::size_t kKeyBytes = 128;
constexpr std::size_t kUrlBytes = 1024;
constexpr std::size_t kSubButtonsMax = 5;
constexpr std::size_t kDomainsMax = 3;
constexpr std::string_view kKeyTypes[] = {
    "click",      "scancode_push",  "scancode_waitmsg", "pic_sysphoto", "pic_photo_or_album",
    "pic_weixin", "location_select"};

/// Errors that differ between the first row and below.
struct Codes {
  int name, type, key, url;
};
constexpr Codes kTop = {40018, 40017, 40019, 40020};
constexpr Codes kSub = {40025, 40024, 40026, 40027};

bool is_published(const AccountState& account, const std::string& article_id) {
  return std::ranges::any_of(account.articles.publications, [&](const auto& p) {
    return p.article_id == article_id && p.status == 0 && !p.by_mass;
  });
}

/// The error of what a button does; 0: none.
int fault_of_action(const AccountState& account, const Json& button, const Codes& codes,
                    Instant now) {
  const std::string type = text_of(button["type"]);
  const std::string key = text_of(button["key"]);
  const std::string url = text_of(button["url"]);
  const auto is_address = [&] {
    return (url.starts_with("http://") || url.starts_with("https://")) && url.size() <= kUrlBytes;
  };
  if (std::ranges::find(kKeyTypes, type) != std::end(kKeyTypes))
    return key.empty() || key.size() > kKeyBytes ? codes.key : 0;
  if (type == "view") return is_address() ? 0 : codes.url;
  if (type == "miniprogram") {
    if (!is_address()) return codes.url;
    return text_of(button["appid"]).empty() || text_of(button["pagepath"]).empty() ? 40035 : 0;
  }
  if (type == "media_id") {
    const MaterialState::File* file = find_file(account, text_of(button["media_id"]), now);
    return file != nullptr && file->permanent ? 0 : 40007;
  }
  if (type == "article_id" || type == "article_view_limited")
    return is_published(account, text_of(button["article_id"])) ? 0 : 40007;
  return codes.type;
}

int fault_of_buttons(const AccountState& account, const Json& buttons, Instant now) {
  for (const Json& button : *buttons.if_array()) {
    const std::string name = text_of(button["name"]);
    if (name.empty() || name.size() > kTopNameBytes) return kTop.name;
    const Json::Array* below = button["sub_button"].if_array();
    if (below == nullptr || below->empty()) {
      if (const int fault = fault_of_action(account, button, kTop, now); fault != 0) return fault;
      continue;
    }
    if (below->size() > kSubButtonsMax) return 40023;
    for (const Json& sub : *below) {
      const std::string sub_name = text_of(sub["name"]);
      if (sub_name.empty() || sub_name.size() > kSubNameBytes) return kSub.name;
      if (const Json::Array* deeper = sub["sub_button"].if_array(); deeper && !deeper->empty())
        return 40022;
      if (const int fault = fault_of_action(account, sub, kSub, now); fault != 0) return fault;
    }
  }
  return 0;
}

void collect_domains(const Json& buttons, std::set<std::string>& domains) {
  for (const Json& button : *buttons.if_array()) {
    const std::string url = text_of(button["url"]);
    const std::size_t begin = url.find("://");
    if (begin != std::string::npos) {
      const std::string host = url.substr(begin + 3, url.find('/', begin + 3) - begin - 3);
      if (!host.ends_with(".qq.com")) domains.insert(host);
    }
    if (button["sub_button"].if_array() != nullptr) collect_domains(button["sub_button"], domains);
  }
}

/// As the platform keeps it: every button of the first row has a list below.
Json kept(const Json& buttons) {
  Json out = Json::array();
  for (Json button : *buttons.if_array()) {
    if (button["sub_button"].if_array() == nullptr) button.set("sub_button", Json::array());
    out.push(std::move(button));
  }
  return out;
}

Answer create(AccountState& account, const Call& call) {
  if (const int fault = fault_of_buttons(account, call.body["button"], call.now); fault != 0)
    return account.refuse(fault, call.now);
  account.menus.buttons = kept(call.body["button"]);
  account.menus.id = ++account.menus.last_id;
  return api_ok();
}

Answer get(AccountState& account, const Call& call) {
  const MenuState& state = account.menus;
  if (!state.buttons) return account.refuse(46003, call.now);
  Json menu = Json::object();
  menu.set("button", *state.buttons);
  if (!state.conditional.empty()) menu.set("menuid", state.id);
  Json answer = Json::object();
  answer.set("menu", std::move(menu));
  Json some = Json::array();
  for (auto one = state.conditional.rbegin(); one != state.conditional.rend(); ++one) {
    Json shown = Json::object();
    shown.set("button", one->buttons);
    shown.set("matchrule", one->rule);
    shown.set("menuid", one->id);
    some.push(std::move(shown));
  }
  if (!state.conditional.empty()) answer.set("conditionalmenu", std::move(some));
  return answer;
}

Answer remove(AccountState& account, const Call&) {
  account.menus.buttons.reset();
  account.menus.conditional.clear();
  return api_ok();
}

/// Buttons below stand in a `list` of their own here.
Json current_buttons(const Json& buttons) {
  Json out = Json::array();
  for (Json button : *buttons.if_array()) {
    if (const Json::Array* below = button["sub_button"].if_array(); below && !below->empty()) {
      Json list = Json::object();
      list.set("list", button["sub_button"]);
      Json parent = Json::object();
      parent.set("name", button["name"]);
      parent.set("sub_button", std::move(list));
      button = std::move(parent);
    } else if (Json::Object* members = button.if_object(); members != nullptr) {
      std::erase_if(*members, [](const Json::Member& m) { return m.first == "sub_button"; });
    }
    out.push(std::move(button));
  }
  return out;
}

Answer current(AccountState& account, const Call&) {
  Json answer = Json::object();
  answer.set("is_menu_open", account.menus.buttons ? 1 : 0);
  Json info = Json::object();
  info.set("button",
           account.menus.buttons ? current_buttons(*account.menus.buttons) : Json::array());
  answer.set("selfmenu_info", std::move(info));
  return answer;
}

Answer conditional_add(AccountState& account, const Call& call) {
  MenuState& state = account.menus;
  if (!state.buttons) return account.refuse(65303, call.now);
  const Json& rule = call.body["matchrule"];
  const std::string tag = text_of(rule["tag_id"]);
  const std::string platform = text_of(rule["client_platform_type"]);
  if (tag.empty() && platform.empty()) return account.refuse(65304, call.now);
  if (!tag.empty() && account.tags.find(number_of(rule["tag_id"])) == nullptr)
    return account.refuse(45159, call.now);
  if (const int fault = fault_of_buttons(account, call.body["button"], call.now); fault != 0)
    return account.refuse(fault, call.now);
  std::set<std::string> domains;
  for (const MenuState::Conditional& one : state.conditional) collect_domains(one.buttons, domains);
  collect_domains(call.body["button"], domains);
  if (domains.size() > kDomainsMax) return account.refuse(65317, call.now);
  state.conditional.push_back({++state.last_id, kept(call.body["button"]), rule});
  Json answer = Json::object();
  answer.set("menuid", state.last_id);
  return answer;
}

Answer conditional_delete(AccountState& account, const Call& call) {
  const std::int64_t id = call.number("menuid");
  if (std::erase_if(account.menus.conditional, [&](const auto& m) { return m.id == id; }) == 0)
    return account.refuse(65301, call.now);
  return api_ok();
}

/// What a person sees: the newest menu whose rule fits. Of several tags the last set counts. All
/// people of the sandbox use Android.
Answer try_match(AccountState& account, const Call& call) {
  const Follower* follower = account.people.find(call.text("user_id"));
  if (follower == nullptr || !follower->following) return account.refuse(65302, call.now);
  if (!account.menus.buttons) return account.refuse(46003, call.now);
  const MenuState& state = account.menus;
  Json answer = Json::object();
  answer.set("button", *state.buttons);
  for (auto one = state.conditional.rbegin(); one != state.conditional.rend(); ++one) {
    const std::string platform = text_of(one->rule["client_platform_type"]);
    const std::string tag = text_of(one->rule["tag_id"]);
    const bool has_tag =
        tag.empty() || (!follower->tags.empty() && tag == std::to_string(follower->tags.back()));
    if (has_tag && (platform.empty() || platform == "2")) {
      answer.set("button", one->buttons);
      answer.set("menuid", one->id);
      break;
    }
  }
  return answer;
}

}  // namespace

std::vector<Endpoint> menu_endpoints() {
  const std::string kButton = "type name key url media_id article_id appid pagepath";
  const std::string kButtons =
      "button[]{type name key url media_id article_id appid pagepath sub_button[]{type name key "
      "url media_id article_id appid pagepath}}";
  const Field buttons = list("button", 1, 3, 40016);
  const std::vector<int> faults = {40007, 40017, 40018, 40019, 40020, 40022,
                                   40023, 40024, 40025, 40026, 40027};
  std::vector<int> conditional = faults;
  conditional.insert(conditional.end(), {45159, 65303, 65304, 65317});
  return {
      {.method = "POST",
       .path = "/cgi-bin/menu/create",
       .summary = "The menu for all: 1 to 3 buttons with up to 5 below each; names up to 16 and 60 "
                  "bytes, keys up to 128, addresses up to 1024",
       .handler = create,
       .fields = {buttons},
       .access = kOfficialOnly,
       .per_day = 1'000,
       .errors = faults},
      {.method = "GET",
       .path = "/cgi-bin/menu/get",
       .summary = "The menus as they were made here",
       .handler = get,
       .answers = "menu{" + kButtons + " menuid:n} conditionalmenu[]{" + kButtons +
                  " matchrule{tag_id client_platform_type} menuid:n}",
       .access = kOfficialOnly,
       .per_day = 10'000,
       .errors = {46003}},
      {.method = "GET",
       .path = "/cgi-bin/menu/delete",
       .summary = "Deletes all menus",
       .handler = remove,
       .access = kOfficialOnly,
       .per_day = 1'000},
      {.method = "GET",
       .path = "/cgi-bin/get_current_selfmenu_info",
       .summary = "The menu as it is, by whatever means",
       .handler = current,
       .answers = "is_menu_open:n selfmenu_info{button[]{" + kButton + " sub_button{list[]{" +
                  kButton + "}}}}",
       .access = kOfficialOnly},
      {.method = "POST",
       .path = "/cgi-bin/menu/addconditional",
       .summary = "A menu for some; needs one for all",
       .handler = conditional_add,
       .answers = "menuid:n",
       .fields = {buttons, object("matchrule", 65304),
                  one_of("matchrule.client_platform_type", "1 2 3", 65316).optional()},
       .access = kOfficialOnly | kVerified,
       .per_day = 2'000,
       .errors = conditional},
      {.method = "POST",
       .path = "/cgi-bin/menu/delconditional",
       .summary = "Deletes a menu for some",
       .handler = conditional_delete,
       .fields = {number("menuid", 1, kAnyNumber, 65301)},
       .access = kOfficialOnly | kVerified,
       .per_day = 2'000},
      {.method = "POST",
       .path = "/cgi-bin/menu/trymatch",
       .summary = "What a person sees",
       .handler = try_match,
       .answers = kButtons + " menuid:n",
       .fields = {text("user_id", 1, 128, 65302)},
       .access = kOfficialOnly | kVerified,
       .per_day = 20'000,
       .errors = {46003}},
  };
}

}  // namespace zhiyin::sandbox
