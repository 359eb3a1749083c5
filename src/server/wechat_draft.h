#pragma once

#include <filesystem>
#include <string>

#include "base/json.h"
#include "server/services.h"

namespace zhiyin::server {

/// An article to be made into a draft.
struct MarkdownDraft {
  std::string markdown;  ///< see markdown.h
  std::string title;     ///< empty: the first heading of the first level
  std::string cover;     ///< media_id of a permanent picture; with `folder` a picture file, too
  std::string author;
  std::filesystem::path folder;  ///< where the pictures lie that are files; empty: none may be
};

/// Makes a draft of one article. Pictures that are files go to the platform first, as does a cover
/// that is one; of others only those on the platform's own host are taken, since it strips the rest
/// without a word. `{"media_id","title","cover","pictures"}`, the last being how many went there.
/// kInvalidArgument with the field; blocks on the platform.
Result<Json> wechat_draft(Services& services, const AccountId& account, const MarkdownDraft& draft);

}  // namespace zhiyin::server
