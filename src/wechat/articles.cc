#include "wechat/articles.h"

#include <charconv>

namespace zhiyin::wechat {
namespace {

/// `x1_y1_x2_y2`, each 0 to 1, the second corner after the first.
bool is_crop(std::string_view text) {
  double corner[4] = {};
  for (int i = 0; i < 4; ++i) {
    const std::size_t end = i < 3 ? text.find('_') : text.size();
    if (end == std::string_view::npos) return false;
    const char* last = text.data() + end;
    const auto [stop, ec] = std::from_chars(text.data(), last, corner[i]);
    if (ec != std::errc() || stop != last || corner[i] < 0 || corner[i] > 1) return false;
    text.remove_prefix(i < 3 ? end + 1 : end);
  }
  return corner[0] < corner[2] && corner[1] < corner[3];
}

}  // namespace

Result<void> DraftArticle::check(const std::string& name) const {
  const bool is_pictures = article_type == "newspic";
  if (is_pictures && (!image_info || image_info->image_list.empty()))
    return fail_field(name + ".image_info", "is missing: a picture post needs pictures");
  if (!is_pictures && thumb_media_id.empty())
    return fail_field(name + ".thumb_media_id", "is missing: an article needs a cover");
  if (!is_pictures && image_info)
    return fail_field(name + ".image_info", "belongs to a picture post (newspic)");
  if (!pic_crop_235_1.empty() && !is_crop(pic_crop_235_1))
    return fail_field(name + ".pic_crop_235_1", "is not x1_y1_x2_y2 within 0 to 1");
  if (!pic_crop_1_1.empty() && !is_crop(pic_crop_1_1))
    return fail_field(name + ".pic_crop_1_1", "is not x1_y1_x2_y2 within 0 to 1");
  if (only_fans_can_comment == 1 && need_open_comment != 1)
    return fail_field(name + ".only_fans_can_comment", "needs need_open_comment");
  return {};
}

Result<void> DraftAddAsk::check(const Policy&) const {
  for (std::size_t i = 0; i < articles.size(); ++i) {
    const std::string name = fmt::format("articles[{}]", i);
    ZHIYIN_TRY_VOID(articles[i].check(name));
    if (articles.size() > 1 && articles[i].article_type == "newspic")
      return fail_field(name + ".article_type", "a picture post stands alone in its draft");
  }
  return {};
}

Result<void> DraftUpdateAsk::check(const Policy&) const { return articles.check("articles"); }

}  // namespace zhiyin::wechat
