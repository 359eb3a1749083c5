#include "app/editor_commands.h"

#include "app/number_argument.h"
#include "base/file.h"
#include "server/editor_list_view.h"

namespace zhiyin::app {
namespace {

using catalogue::EditorList;
using catalogue::StoredEditorList;
using server::Services;

Result<Json> shown(Services& s, const StoredEditorList& stored) {
  ZHIYIN_TRY(const auto index, s.items.index());
  return server::editor_list_json(stored, *index, s.clock.now(), true);
}

std::string id_of(const Json& args) { return std::string(args["id"].string_or("")); }

Result<ingest::ItemRef> item_of(std::string_view text) {
  const std::size_t slash = text.find('/');
  if (slash == std::string_view::npos || slash == 0 || slash + 1 == text.size())
    return fail(ErrorCode::kInvalidArgument, "'{}' is not of the form KIND/ID", text.substr(0, 80));
  return ingest::ItemRef{std::string(text.substr(0, slash)), std::string(text.substr(slash + 1))};
}

/// Those of the command; empty when it names none.
Result<std::vector<ingest::ItemRef>> items_of(const Json& args) {
  const std::string_view path = args["file"].string_or("");
  const auto* const given = args["item"].if_array();
  if (!path.empty() && given != nullptr) return fail_field("file", "is given beside --item");
  if (!path.empty()) {
    constexpr std::size_t kFileBytesMax = 1 << 20;
    ZHIYIN_TRY(const std::string text, read_file(std::filesystem::path(path), kFileBytesMax));
    auto items = items_of_lines(text);
    if (!items) return std::unexpected(within("file", std::move(items.error())));
    if (items->empty()) return fail_field("file", "names no item");
    return items;
  }
  std::vector<ingest::ItemRef> out;
  for (const Json& one : given != nullptr ? *given : Json::Array()) {
    auto item = item_of(one.string_or(""));
    if (!item) return std::unexpected(within("item", std::move(item.error())));
    out.push_back(std::move(*item));
  }
  return out;
}

/// What the flag says: absent when it was not given, empty for "".
Result<std::optional<std::optional<Instant>>> moment(const Json& args, std::string_view flag) {
  const std::string* const text = args[flag].if_string();
  if (text == nullptr) return std::optional<std::optional<Instant>>();
  if (text->empty()) return std::optional(std::optional<Instant>());
  auto at = parse_time(*text, TimeZone::shanghai());
  if (!at) return std::unexpected(within(std::string(flag), std::move(at.error())));
  return std::optional(std::optional(*at));
}

/// The list with what the flags say.
Result<EditorList> changed(EditorList list, const Json& args) {
  if (const auto* name = args["name"].if_string()) list.name = *name;
  if (const auto* account = args["account"].if_string()) list.account = *account;
  ZHIYIN_TRY(auto items, items_of(args));
  if (!items.empty()) list.items = std::move(items);
  ZHIYIN_TRY(const auto from, moment(args, "valid-from"));
  ZHIYIN_TRY(const auto until, moment(args, "valid-until"));
  if (from) list.valid_from = *from;
  if (until) list.valid_until = *until;
  ZHIYIN_TRY(const auto share, number_argument<double>(args, "share"));
  list.share = share.value_or(list.share);
  const bool enables = args["enable"].bool_or(false);
  const bool disables = args["disable"].bool_or(false);
  if (enables && disables) return fail_field("disable", "is given beside --enable");
  if (enables || disables) list.enabled = enables;
  return list;
}

Result<Json> all_lists(Services& s, const Json&, const ProgressSink&) {
  ZHIYIN_TRY(const auto lists, s.recommendations.editor_lists().list());
  ZHIYIN_TRY(const auto index, s.items.index());
  const Instant now = s.clock.now();
  Json items = Json::array();
  for (const StoredEditorList& one : lists)
    items.push(server::editor_list_json(one, *index, now, false));
  return Json().set("items", std::move(items));
}

Result<Json> show_list(Services& s, const Json& args, const ProgressSink&) {
  ZHIYIN_TRY(const auto stored, s.recommendations.editor_lists().get(id_of(args)));
  return shown(s, stored);
}

Result<Json> set_list(Services& s, const Json& args, const ProgressSink&) {
  auto& lists = s.recommendations.editor_lists();
  EditorList list;
  std::optional<std::int64_t> version;
  auto before = lists.get(id_of(args));
  if (before) {
    list = std::move(before->list);
    version = before->version;
  } else if (before.error().code != ErrorCode::kNotFound) {
    return std::unexpected(std::move(before.error()));
  }
  list.id = id_of(args);
  ZHIYIN_TRY(list, changed(std::move(list), args));
  ZHIYIN_TRY(const auto stored, lists.put(list, version, "command line", s.clock.now()));
  return shown(s, stored);
}

Result<Json> remove_list(Services& s, const Json& args, const ProgressSink&) {
  ZHIYIN_TRY_VOID(s.recommendations.editor_lists().remove(id_of(args), std::nullopt));
  return Json().set("removed", id_of(args));
}

}  // namespace

Result<std::vector<ingest::ItemRef>> items_of_lines(std::string_view text) {
  std::vector<ingest::ItemRef> out;
  constexpr std::string_view kMark = "\xEF\xBB\xBF";
  if (text.starts_with(kMark)) text.remove_prefix(kMark.size());
  for (std::size_t number = 1; !text.empty(); ++number) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    while (!line.empty() && std::string_view(" \t\r").contains(line.back())) line.remove_suffix(1);
    while (!line.empty() && std::string_view(" \t").contains(line.front())) line.remove_prefix(1);
    if (line.empty() || line.front() == '#') continue;
    auto item = item_of(line);
    if (!item)
      return fail(ErrorCode::kInvalidArgument, "line {}: {}", number, item.error().message);
    if (out.size() == EditorList::kItemsMax)
      return fail(ErrorCode::kInvalidArgument, "line {}: a list has at most {} items", number,
                  EditorList::kItemsMax);
    out.push_back(std::move(*item));
  }
  return out;
}

const std::map<std::string, InstallationCommand, std::less<>>& editor_commands() {
  static const std::map<std::string, InstallationCommand, std::less<>> table = {
      {"recommend lists", all_lists},
      {"recommend lists show", show_list},
      {"recommend lists set", set_list},
      {"recommend lists remove", remove_list}};
  return table;
}

}  // namespace zhiyin::app
