#include "delivery/mass_tag.h"

#include <algorithm>
#include <set>
#include <unordered_set>
#include <vector>

#include "wechat/users.h"

namespace zhiyin::delivery {

namespace {

using wechat::Outcome;
using wechat::SendError;

constexpr std::size_t kPeoplePerCall = 50;
constexpr std::size_t kPagesMax = 1000;  // of 10,000 people

/// One account's tag, and what is asked about it.
struct Tagging {
  wechat::PlatformApi& platform;
  const wechat::ApiAccount& account;
  std::int64_t id = 0;

  template <class Ask, class Answer>
  Outcome<Answer> ask(const wechat::Method<Ask, Answer>& method,
                      const std::type_identity_t<Ask>& asked) const {
    return call_and_wait(platform, account, method, asked);
  }
};
using ChangeMethod = wechat::Method<wechat::TagPeopleAsk, wechat::Nothing>;
using People = std::unordered_set<std::string>;

SendError trouble(std::string message) {
  SendError e;
  e.code = ErrorCode::kUnavailable;
  e.error_class = wechat::ErrorClass::kRetry;
  e.message = std::move(message);
  return e;
}

Outcome<std::int64_t> tag_of(const Tagging& tagging) {
  const auto all = tagging.ask(wechat::kTagsGet, {});
  if (!all) return std::unexpected(all.error());
  const auto found = std::ranges::find(all->tags, kMassTagName, &wechat::Tag::name);
  if (found != all->tags.end() && found->id) return *found->id;
  const auto made = tagging.ask(wechat::kTagsCreate, {.tag = {.name = std::string(kMassTagName)}});
  if (!made) return std::unexpected(made.error());
  if (!made->tag.id) return std::unexpected(trouble("微信接口 tags_create：没有返回标签编号"));
  return *made->tag.id;
}

Outcome<People> members_of(const Tagging& tagging) {
  People out;
  std::string after;
  for (std::size_t pages = 0; pages < kPagesMax; ++pages) {
    auto page = tagging.ask(wechat::kTagUsers, {.tagid = tagging.id, .next_openid = after});
    if (!page) return std::unexpected(std::move(page.error()));
    const std::size_t before = out.size();
    for (std::string& openid : page->data.openid) out.insert(std::move(openid));
    // The last page names its last person as the next one; behind that is nothing.
    if (page->next_openid.empty() || out.size() == before) return out;
    after = std::move(page->next_openid);
  }
  return std::unexpected(trouble(fmt::format("微信接口 tag_users：超过 {} 页", kPagesMax)));
}

/// One of the fifty is why all were refused: somebody who left, or has twenty tags.
bool concerns_one(const SendError& error) {
  constexpr std::int64_t kOfOne[] = {40003, 43004, 45059, 49003};
  return std::ranges::find(kOfOne, error.errcode) != std::end(kOfOne);
}

Outcome<void> change(const Tagging& tagging, const ChangeMethod& method,
                     std::span<const std::string> openids) {
  while (!openids.empty()) {
    const std::span<const std::string> some =
        openids.first(std::min(kPeoplePerCall, openids.size()));
    const auto done =
        tagging.ask(method, {.openid_list = {some.begin(), some.end()}, .tagid = tagging.id});
    if (!done && !concerns_one(done.error())) return std::unexpected(done.error());
    for (std::size_t i = 0; !done && some.size() > 1 && i < some.size(); ++i) {
      const auto one = tagging.ask(method, {.openid_list = {some[i]}, .tagid = tagging.id});
      if (!one && !concerns_one(one.error())) return std::unexpected(one.error());
    }
    openids = openids.subspan(some.size());
  }
  return {};
}

Outcome<MassTag> hold(Tagging tagging, std::span<const std::string> openids) {
  const auto id = tag_of(tagging);
  if (!id) return std::unexpected(id.error());
  tagging.id = *id;
  const auto before = members_of(tagging);
  if (!before) return std::unexpected(before.error());
  const People wanted(openids.begin(), openids.end());
  std::vector<std::string> leave;
  for (const std::string& openid : *before) {
    if (!wanted.contains(openid)) leave.push_back(openid);
  }
  std::vector<std::string> enter;
  for (const std::string& openid : openids) {
    if (!before->contains(openid)) enter.push_back(openid);
  }
  for (const auto& [method, people] :
       {std::pair(&wechat::kTagsRemove, &leave), std::pair(&wechat::kTagsAdd, &enter)}) {
    if (const auto done = change(tagging, *method, *people); !done)
      return std::unexpected(done.error());
  }
  const auto now = members_of(tagging);
  if (!now) return std::unexpected(now.error());
  const auto others =
      std::ranges::count_if(*now, [&](const std::string& who) { return !wanted.contains(who); });
  if (others > 0)
    return std::unexpected(
        trouble(fmt::format("标签“{}”中还有 {} 个不该收到的人", kMassTagName, others)));
  if (now->empty())
    return std::unexpected(trouble(fmt::format("标签“{}”中没有人：都已取消关注？", kMassTagName)));
  return MassTag{*id, wanted.size() - now->size()};
}

}  // namespace

Outcome<MassTag> hold_mass_tag(wechat::PlatformApi& platform, const wechat::ApiAccount& account,
                               std::span<const std::string> openids) {
  Outcome<MassTag> held = hold({platform, account}, openids);
  if (!held) held.error().progress = http::SendProgress::kNothingSent;
  return held;
}

}  // namespace zhiyin::delivery
