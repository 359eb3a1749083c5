#include "server/wechat_draft.h"

#include <algorithm>

#include "server/markdown.h"
#include "server/wechat_calls.h"
#include "wechat/articles.h"
#include "wechat/media.h"

namespace zhiyin::server {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kPicturesMax = 100;
constexpr std::size_t kShownMax = 200;

bool is_web_address(std::string_view address) {
  return address.starts_with("http://") || address.starts_with("https://");
}

/// Where pictures lie that were uploaded for articles: no others are shown.
bool is_at_platform(std::string_view address) {
  constexpr std::string_view kHost = "mmbiz.qpic.cn";
  if (!is_web_address(address)) return false;
  const std::string_view rest = address.substr(address.find("//") + 2);
  return rest.substr(0, rest.find_first_of("/?#")) == kHost;
}

/// A media_id has no ending.
bool is_picture_file(std::string_view cover) {
  constexpr std::string_view kEndings[] = {".jpg", ".jpeg", ".png", ".gif", ".bmp"};
  return std::ranges::any_of(kEndings, [&](std::string_view e) { return cover.ends_with(e); });
}

/// Who writes an article names files beside it, not any that this machine has.
Result<fs::path> file_of(const fs::path& folder, const std::string& address) {
  const std::string_view shown = std::string_view(address).substr(0, kShownMax);
  if (folder.empty()) {
    return fail_field("markdown",
                      "picture '{}' is a file: upload it first (…/uploads?as=picture) and write "
                      "the address that comes back",
                      shown);
  }
  const fs::path inside = fs::path(address).lexically_normal();
  if (inside.is_absolute() || *inside.begin() == "..")
    return fail_field("markdown", "picture '{}' does not lie in the article's folder", shown);
  return folder / inside;
}

Error of_picture(const wechat::SendError& error, std::string_view address) {
  Error out = error.error();
  out.message = fmt::format("picture '{}': {}", address.substr(0, kShownMax), out.message);
  return out;
}

/// One draft on its way to the platform.
struct Making {
  wechat::PlatformApi& platform;
  wechat::ApiAccount account;
  const MarkdownDraft& draft;

  Result<PictureAddresses> upload(const std::vector<std::string>& pictures) const {
    if (pictures.size() > kPicturesMax)
      return fail_field("markdown", "has {} pictures, at most {} are allowed", pictures.size(),
                        kPicturesMax);
    std::vector<std::pair<std::string, fs::path>> files;  // all are looked at before any goes
    for (const std::string& address : pictures) {
      if (is_at_platform(address)) continue;
      if (is_web_address(address)) {
        return fail_field("markdown",
                          "picture '{}' is at another host, and the platform takes those out: "
                          "upload it (zhiyin wechat upload ACCOUNT FILE --as picture) and write "
                          "the address that comes back",
                          std::string_view(address).substr(0, kShownMax));
      }
      ZHIYIN_TRY(fs::path file, file_of(draft.folder, address));
      files.emplace_back(address, std::move(file));
    }
    PictureAddresses out;
    for (const auto& [address, file] : files) {
      auto url = upload_picture_and_wait(platform, account, {file.filename().string(), file, {}});
      if (!url) return std::unexpected(of_picture(url.error(), address));
      out.emplace(address, std::move(*url));
    }
    return out;
  }

  Result<std::string> cover() const {
    if (draft.folder.empty() || !is_picture_file(draft.cover)) return draft.cover;
    const fs::path file = draft.cover;
    auto added =
        add_material_and_wait(platform, account, "image", {file.filename().string(), file, {}});
    if (!added) return std::unexpected(of_picture(added.error(), draft.cover));
    return std::move(added->media_id);
  }
};

}  // namespace

Result<Json> wechat_draft(Services& s, const AccountId& id, const MarkdownDraft& draft) {
  ZHIYIN_TRY(const wechat::Account account, s.accounts.get(id));
  ZHIYIN_TRY(wechat::PlatformApi * platform, platform_of(s));
  MarkdownArticle parsed = article_of_markdown(draft.markdown);
  wechat::DraftArticle article;
  article.title = draft.title.empty() ? parsed.title : draft.title;
  if (article.title.empty())
    return fail_field("title", "is missing: give one, or begin the text with '# …'");
  const Making making{*platform, wechat::api_account(account), draft};
  ZHIYIN_TRY(const PictureAddresses addresses, making.upload(parsed.pictures));
  ZHIYIN_TRY(article.thumb_media_id, making.cover());
  article.content = article_of_markdown(draft.markdown, addresses).html;
  article.author = draft.author;
  const auto made = call_and_wait(*platform, making.account, wechat::kDraftAdd, {{article}});
  if (!made) return std::unexpected(made.error().error());
  return Json()
      .set("media_id", made->media_id)
      .set("title", article.title)
      .set("cover", article.thumb_media_id)
      .set("pictures", addresses.size());
}

}  // namespace zhiyin::server
