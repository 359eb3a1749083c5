#pragma once

#include <string_view>

#include "sandbox/account_state.h"

namespace zhiyin::sandbox {

/// The draft of that media_id, or null.
ArticleState::Draft* find_draft(AccountState& account, std::string_view media_id);
/// All words of a draft's articles, for the reviewers.
std::string words_of(const Json::Array& articles);
/// Makes a draft into articles that have an address; the draft is used up. The pointer lives until
/// the next publication.
ArticleState::Publication* publish_draft(AccountState& account, std::string_view media_id,
                                         Instant now);
/// The publication with that number for comments and figures, or null.
ArticleState::Publication* find_publication(AccountState& account, std::int64_t msg_data_id);
/// Where an article can be read.
std::string article_url(const AccountState& account, const ArticleState::Publication& publication,
                        std::size_t index);

}  // namespace zhiyin::sandbox
