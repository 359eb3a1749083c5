#include "sandbox/journal.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <iterator>
#include <utility>

#include "base/file.h"

namespace zhiyin::sandbox {
namespace {

constexpr std::size_t kBytesMax = 1 << 30;

Json person_line(const Follower& person) {
  Json grants = Json::object();
  for (const auto& [id, left] : person.grants) grants.set(id, left);
  return Json()
      .set("person", person.openid)
      .set("unionid", person.unionid)
      .set("following", person.following)
      .set("followed_at", person.followed_at.us)
      .set("window_left", person.window.left_at_all())
      .set("window_until", person.window.until().us)
      .set("mass_month", person.mass_month)
      .set("mass_in_month", person.mass_in_month)
      .set("grants", std::move(grants));
}

void read_person(AccountState& account, const Json& line) {
  Follower& person = account.people.at(text_of(line["person"]));
  person.unionid = text_of(line["unionid"]);
  person.following = flag_of(line["following"]);
  person.followed_at = {number_of(line["followed_at"])};
  person.window = ReplyWindow(static_cast<int>(number_of(line["window_left"])),
                              {number_of(line["window_until"])});
  person.mass_month = static_cast<int>(number_of(line["mass_month"], -1));
  person.mass_in_month = static_cast<int>(number_of(line["mass_in_month"]));
  person.grants.clear();
  const Json::Object* grants = line["grants"].if_object();
  for (std::size_t i = 0; grants != nullptr && i < grants->size(); ++i)
    person.grants[(*grants)[i].first] = static_cast<int>(number_of((*grants)[i].second));
}

Json job_line(const MassState::Job& job) {
  return Json()
      .set("job", job.id)
      .set("client_id", job.client_id)
      .set("type", job.type)
      .set("at", job.at.us)
      .set("finished_at", job.finished_at.us)
      .set("failed", job.failed)
      .set("reached", job.reached);
}

void read_job(AccountState& account, const Json& line) {
  MassState::Job job;
  job.id = number_of(line["job"]);
  job.client_id = text_of(line["client_id"]);
  job.type = text_of(line["type"]);
  job.at = {number_of(line["at"])};
  job.finished_at = {number_of(line["finished_at"])};
  job.failed = flag_of(line["failed"]);
  job.reached = static_cast<std::size_t>(number_of(line["reached"]));
  account.mass.jobs.push_back(std::move(job));
}

Json message_line(const SentMessage& message) {
  Json people = Json::array();
  for (const std::string& openid : message.recipients) people.push(openid);
  return Json()
      .set("message", message.id)
      .set("channel", message.channel)
      .set("client_id", message.client_id)
      .set("reached", std::move(people));
}

}  // namespace

void note_job(AccountState& account, const MassState::Job& job) {
  if (account.is_kept) account.unsaved.push_back(job_line(job));
}

void note_template(AccountState& account, std::string_view key, const TemplateState::Send& send) {
  if (!account.is_kept) return;
  account.unsaved.push_back(Json().set("template", key).set("id", send.id).set("at", send.at.us));
}

void note_message(AccountState& account, const SentMessage& message) {
  if (account.is_kept) account.unsaved.push_back(message_line(message));
}

void note_person(AccountState& account, const Follower& person) {
  if (account.is_kept) account.changed.insert(person.openid);
}

Result<Journal> Journal::open(const std::filesystem::path& file) {
  std::vector<Json> lines;
  std::optional<Instant> last;
  if (std::filesystem::exists(file)) {
    ZHIYIN_TRY(const std::string text, read_file(file, kBytesMax));
    std::size_t whole = 0;
    for (std::size_t at = 0, end = 0; (end = text.find('\n', at)) != std::string::npos;
         at = end + 1) {
      Result<Json> line = parse_json(std::string_view(text).substr(at, end - at));
      const bool is_ours = line && line->if_object() != nullptr && line->find("account") != nullptr;
      if (!is_ours) {
        return fail(ErrorCode::kDataLoss, "sandbox: line {} of {} is no line of a sandbox's state",
                    lines.size() + 1, file.string());
      }
      last = {number_of((*line)["now"])};
      lines.push_back(std::move(*line));
      whole = end + 1;
    }
    std::error_code error;  // a line that the last process could not end
    if (whole < text.size()) std::filesystem::resize_file(file, whole, error);
    if (error) return fail(ErrorCode::kUnavailable, "sandbox: {} cannot be written", file.string());
  }
  const int opened = ::open(file.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  if (opened < 0)
    return fail(ErrorCode::kUnavailable, "sandbox: {} cannot be opened", file.string());
  return Journal(opened, std::move(lines), last);
}

Journal::~Journal() {
  if (file_ >= 0) ::close(file_);
}
Journal::Journal(Journal&& other) noexcept
    : file_(std::exchange(other.file_, -1)),
      lines_(std::move(other.lines_)),
      last_moment_(other.last_moment_) {}

void Journal::restore(AccountState& account) const {
  for (const Json& line : lines_) {
    if (text_of(line["account"]) != account.identity.app_id) continue;
    account.last_message_id = std::max(account.last_message_id, number_of(line["last_id"]));
    account.mass.to_all_day = number_of(line["to_all_day"], -1);
    if (line.find("person") != nullptr) read_person(account, line);
    if (line.find("job") != nullptr) read_job(account, line);
    if (line.find("template") != nullptr) {
      account.templates.sends[text_of(line["template"])] = {number_of(line["id"]),
                                                            {number_of(line["at"])}};
    }
  }
  account.unsaved.clear();
  account.changed.clear();
  account.is_kept = true;
}

Result<void> Journal::write(AccountState& account, Instant now) {
  std::vector<Json> lines;
  for (const std::string& openid : std::exchange(account.changed, {})) {
    if (const Follower* person = account.people.find(openid)) lines.push_back(person_line(*person));
  }
  std::ranges::move(std::exchange(account.unsaved, {}), std::back_inserter(lines));
  std::string text;
  for (Json& line : lines) {
    line.set("account", account.identity.app_id)
        .set("last_id", account.last_message_id)
        .set("to_all_day", account.mass.to_all_day)
        .set("now", now.us);
    text += line.dump() + "\n";
  }
  for (std::size_t done = 0; done < text.size();) {
    const ssize_t n = ::write(file_, text.data() + done, text.size() - done);
    if (n < 0) return fail(ErrorCode::kUnavailable, "sandbox: the state cannot be written");
    done += static_cast<std::size_t>(n);
  }
  return {};
}

}  // namespace zhiyin::sandbox
