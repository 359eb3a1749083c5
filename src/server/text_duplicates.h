#pragma once

#include <string>
#include <vector>

#include "base/json_binding.h"
#include "server/duplicate_indexes.h"

namespace zhiyin::server {

/// Body of `POST /v1/duplicates`.
struct DuplicatesRequest {
  std::vector<std::string> texts;
  double similarity = 0.7;  ///< of short texts at least so much
  std::int64_t most = 10;   ///< named for one text
};
inline constexpr std::size_t kDuplicateTextsMax = 20'000;
inline constexpr std::size_t kDuplicateBytesMax = 64 << 10;  ///< of a text of an index

/// Bodies of the routes of indexes that stay.
struct CreateIndexRequest {
  std::string name;
};
struct AddTextsRequest {
  std::vector<IdentifiedText> texts;
  bool find = false;  ///< what of the index is near each text, before they are added
  double similarity = 0.7;
  std::int64_t most = 10;
};
struct FindTextsRequest {
  std::vector<std::string> texts;
  double similarity = 0.7;
  std::int64_t most = 10;
};
struct ForgetTextsRequest {
  std::vector<std::string> ids;
};

/// {"added","replaced","texts"}, and where it is asked for "items" as of find_in_index. Fails as
/// DuplicateIndexes::add does, and naming `texts[i].text` above kDuplicateBytesMax.
Result<Json> add_to_index(DuplicateIndexes& indexes, std::string_view name,
                          const AddTextsRequest& request);
/// {"items":[{"near":[{"id","similarity"}]}]}.
Result<Json> find_in_index(DuplicateIndexes& indexes, std::string_view name,
                           const FindTextsRequest& request);

/// Which of the texts are nearly the same (text/near_duplicate.h): {"items":[{"near":[{"text",
/// "similarity"}]}] (for each text the earlier ones, by their places, the most similar first),
/// "groups":[[places]] (what hangs together, largest first)}. Pure.
Json find_duplicates(const DuplicatesRequest& request);

}  // namespace zhiyin::server

namespace zhiyin {
template <>
struct Fields<server::DuplicatesRequest> {
  using D = server::DuplicatesRequest;
  [[maybe_unused]] static constexpr std::string_view name = "Duplicates";
  static constexpr auto list =
      field_list(field("texts", &D::texts, "to be compared").length(1, server::kDuplicateTextsMax),
                 field("similarity", &D::similarity, "of short texts at least so much")
                     .range(0.3, 1)
                     .optional(),
                 field("most", &D::most, "named for one text").range(1, 100).optional());
};
template <>
struct Fields<server::CreateIndexRequest> {
  using R = server::CreateIndexRequest;
  [[maybe_unused]] static constexpr std::string_view name = "CreateDuplicateIndex";
  static constexpr auto list =
      field_list(field("name", &R::name, "a-z, 0-9, '-', '_' and '.'").length(1, 64));
};
template <>
struct Fields<server::IdentifiedText> {
  using T = server::IdentifiedText;
  [[maybe_unused]] static constexpr std::string_view name = "IdentifiedText";
  static constexpr auto list =
      field_list(field("id", &T::id, "under which it is found")
                     .length(1, server::DuplicateIndexes::kIdBytesMax),
                 field("text", &T::text, "to be compared").length(0, server::kDuplicateBytesMax));
};
template <>
struct Fields<server::AddTextsRequest> {
  using R = server::AddTextsRequest;
  [[maybe_unused]] static constexpr std::string_view name = "AddTexts";
  static constexpr auto list = field_list(
      field("texts", &R::texts, "to be added; one whose id is there takes its place")
          .length(1, server::kDuplicateTextsMax),
      field("find", &R::find, "whether to say what of the index is near each, before it is added")
          .optional(),
      field("similarity", &R::similarity, "of short texts at least so much")
          .range(0.3, 1)
          .optional(),
      field("most", &R::most, "named for one text").range(1, 100).optional());
};
template <>
struct Fields<server::FindTextsRequest> {
  using R = server::FindTextsRequest;
  [[maybe_unused]] static constexpr std::string_view name = "FindTexts";
  static constexpr auto list =
      field_list(field("texts", &R::texts, "asked about").length(1, server::kDuplicateTextsMax),
                 field("similarity", &R::similarity, "of short texts at least so much")
                     .range(0.3, 1)
                     .optional(),
                 field("most", &R::most, "named for one text").range(1, 100).optional());
};
template <>
struct Fields<server::ForgetTextsRequest> {
  using R = server::ForgetTextsRequest;
  [[maybe_unused]] static constexpr std::string_view name = "ForgetTexts";
  static constexpr auto list =
      field_list(field("ids", &R::ids, "of the texts").length(1, server::kDuplicateTextsMax));
};
}  // namespace zhiyin
