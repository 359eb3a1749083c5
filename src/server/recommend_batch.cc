#include "server/recommend_batch.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <optional>
#include <thread>

#include "base/file.h"
#include "base/random.h"
#include "server/api.h"

namespace zhiyin::server {

/// How far a batch is: what `.progress` holds.
struct BatchProgress {
  Json request;
  Instant as_of;
  std::string after = {};  ///< the last person whose list is written
  std::int64_t lists = 0;
  std::int64_t bytes = 0;  ///< of the part that counts
};

}  // namespace zhiyin::server

template <>
struct zhiyin::Fields<zhiyin::server::BatchProgress> {
  using P = server::BatchProgress;
  static constexpr std::string_view name = "BatchProgress";
  static constexpr auto list = field_list(
      field("request", &P::request, ""), field("as_of", &P::as_of, ""),
      field("after", &P::after, ""), field("lists", &P::lists, ""), field("bytes", &P::bytes, ""));
};

namespace zhiyin::server {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kPeopleAtOnce = 4000;
constexpr std::string_view kCsvHeader =
    "person,place,kind,id,title,score,source,reason,propensity,impression\r\n";

fs::path beside(const fs::path& output, std::string_view ending) {
  fs::path out = output;
  out += ending;
  return out;
}

/// A file that is written from a known place on.
class Part {
 public:
  static Result<Part> open(const fs::path& path, std::int64_t bytes) {
    Part out;
    out.path_ = path;
    out.file_ = ::open(path.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    if (out.file_ < 0 || ::ftruncate(out.file_, bytes) != 0 ||
        ::lseek(out.file_, bytes, SEEK_SET) != bytes)
      return out.failed();
    return out;
  }
  Part(Part&& other) noexcept
      : path_(std::move(other.path_)), file_(std::exchange(other.file_, -1)) {}
  Part& operator=(Part&&) = delete;
  ~Part() {
    if (file_ >= 0) ::close(file_);
  }

  Result<void> append(std::string_view bytes) {
    while (!bytes.empty()) {
      const auto written = ::write(file_, bytes.data(), bytes.size());
      if (written < 0 && errno == EINTR) continue;
      if (written <= 0) return failed();
      bytes.remove_prefix(static_cast<std::size_t>(written));
    }
    return {};
  }
  Result<void> sync() {
    if (::fdatasync(file_) != 0) return failed();
    return {};
  }

 private:
  Part() = default;
  [[nodiscard]] std::unexpected<Error> failed() const {
    return fail(ErrorCode::kUnavailable, "file {}: {}", path_.string(), std::strerror(errno));
  }
  fs::path path_;
  int file_ = -1;
};

std::string as_csv(std::string_view person, const Recommendations::Answer& answer) {
  std::string out;
  std::size_t place = 0;
  for (const recommend::RecommendedItem& item : answer.response.items) {
    out +=
        fmt::format("{},{},{},{},{},{},{},{},{},{}\r\n", person, ++place, csv_cell(item.item.kind),
                    csv_cell(item.item.id), csv_cell(item.title), item.score, item.source,
                    csv_cell(item.reason), item.propensity, answer.impression_id);
  }
  return out;
}

/// Lists of some people, in order, as bytes of the file. People who are gone meanwhile are left
/// out.
class ListWriter {
 public:
  ListWriter(Services& s, const ListBody& body, const recommend::RecommendRequest& request)
      : s_(s), body_(body), request_(request) {}

  Result<std::string> lists(std::span<const PersonId> people) {
    std::string out;
    // A snapshot for each costs as much as reading somebody.
    constexpr std::size_t kReadTogether = 64;
    for (std::size_t begin = 0; begin < people.size(); begin += kReadTogether) {
      const auto piece = people.subspan(begin, std::min(kReadTogether, people.size() - begin));
      ZHIYIN_TRY(const auto views, s_.people.views_of(piece));
      for (const audience::PersonView& view : views) {
        ZHIYIN_TRY(const auto answer,
                   s_.recommendations.recommend(view, request_, {body_.account, body_.record}));
        if (body_.file == "csv") {
          out += as_csv(view.id.value, answer);
        } else {
          append_answer(out, answer, view.id);
          out += '\n';
        }
      }
    }
    return out;
  }

  /// The same, shared out among threads.
  Result<std::string> lists(std::span<const PersonId> people, std::size_t threads) {
    std::vector<Result<std::string>> parts(threads, std::string());
    {
      std::vector<std::jthread> running;
      const std::size_t each = (people.size() + threads - 1) / threads;
      for (std::size_t t = 0; t < threads; ++t) {
        const std::size_t begin = std::min(people.size(), t * each);
        const auto own = people.subspan(begin, std::min(each, people.size() - begin));
        running.emplace_back([this, &part = parts[t], own] { part = lists(own); });
      }
    }
    std::string out;
    for (Result<std::string>& part : parts) {
      ZHIYIN_TRY(const std::string bytes, std::move(part));
      out += bytes;
    }
    return out;
  }

 private:
  Services& s_;
  const ListBody& body_;
  const recommend::RecommendRequest& request_;
};

/// The state of the same job that was cut off, or none, also where its lists are gone; kConflict
/// where another's lies there.
Result<std::optional<BatchProgress>> left_behind(const BatchJob& job) {
  const fs::path path = beside(job.output, ".progress");
  constexpr std::size_t kBytesMax = 8 << 20;
  const auto text = read_file(path, kBytesMax);
  if (!text && text.error().code == ErrorCode::kNotFound) return std::optional<BatchProgress>();
  if (!text) return std::unexpected(text.error());
  ZHIYIN_TRY(const Json json, parse_json(*text));
  ZHIYIN_TRY(auto progress, from_json<BatchProgress>(json));
  ZHIYIN_TRY(const auto request, from_json<ListBody>(progress.request));
  if (to_json(request).dump() != to_json(job.body).dump()) {
    return fail(ErrorCode::kConflict,
                "batch: {} belongs to another request that was not finished; remove it to begin "
                "anew",
                path.string());
  }
  std::error_code ec;
  const auto bytes = fs::file_size(beside(job.output, ".part"), ec);
  if (ec || static_cast<std::int64_t>(bytes) < progress.bytes)
    progress = {.request = progress.request, .as_of = progress.as_of};
  return std::optional(std::move(progress));
}

void remove_parts(const fs::path& output) {
  std::error_code ignored;
  fs::remove(beside(output, ".progress"), ignored);
  fs::remove(beside(output, ".part"), ignored);
}

Result<void> finish(const fs::path& output) {
  std::error_code ec;
  fs::rename(beside(output, ".part"), output, ec);
  if (ec) return fail(ErrorCode::kUnavailable, "file {}: {}", output.string(), ec.message());
  fs::remove(beside(output, ".progress"), ec);
  return {};
}

}  // namespace

Result<void> check_batch(const ListBody& body) {
  if (body.segment.empty()) return fail_field("segment", "is missing: a file is for a segment");
  if (!body.people.empty()) return fail_field("people", "a file is for a segment");
  if (!body.events.empty()) return fail_field("events", "belongs to a session, not to a batch");
  if (body.file != "jsonl" && body.file != "csv")
    return fail_field("file", "'{}' is not jsonl or csv", body.file);
  return {};
}

Result<Json> write_batch(Services& s, const BatchJob& job, RunContext& run) {
  ZHIYIN_TRY_VOID(check_batch(job.body));
  ZHIYIN_TRY(auto left, left_behind(job));
  const bool resumed = left && left->lists > 0;
  BatchProgress at =
      left.value_or(BatchProgress{.request = to_json(job.body), .as_of = s.clock.now()});
  ZHIYIN_TRY(const auto request, to_request(job.body, at.as_of));
  ZHIYIN_TRY_VOID(s.settle());
  run.report(std::nullopt, "查找分群成员 / looking for the members");
  ZHIYIN_TRY(auto people, s.segments.members(SegmentId(job.body.segment), at.as_of));
  std::ranges::sort(people);
  ZHIYIN_TRY(Part part, Part::open(beside(job.output, ".part"), at.bytes));
  if (at.bytes == 0 && job.body.file == "csv") {
    ZHIYIN_TRY_VOID(part.append(kCsvHeader));
    at.bytes += static_cast<std::int64_t>(kCsvHeader.size());
  }
  const std::size_t threads = static_cast<std::size_t>(
      job.threads > 0 ? job.threads
                      : static_cast<int>(std::clamp(std::thread::hardware_concurrency(), 1U, 16U)));
  ListWriter writer(s, job.body, request);
  auto next = static_cast<std::size_t>(std::ranges::upper_bound(people, PersonId(at.after)) -
                                       people.begin());
  if (at.after.empty()) next = 0;
  while (next < people.size()) {
    if (run.cancelled()) {
      if (!run.stopping()) remove_parts(job.output);
      return fail(
          ErrorCode::kConflict, "batch: {} after {} of {} people",
          run.stopping() ? "stopped with the server; it goes on at the next start" : "cancelled",
          next, people.size());
    }
    const auto now = std::span(people).subspan(next, std::min(kPeopleAtOnce, people.size() - next));
    ZHIYIN_TRY(const std::string bytes, writer.lists(now, threads));
    ZHIYIN_TRY_VOID(part.append(bytes));
    ZHIYIN_TRY_VOID(part.sync());
    next += now.size();
    at.after = now.back().value;
    at.lists = static_cast<std::int64_t>(next);
    at.bytes += static_cast<std::int64_t>(bytes.size());
    ZHIYIN_TRY_VOID(write_file(beside(job.output, ".progress"), to_json(at).dump(), 0600));
    run.report(static_cast<double>(next) / static_cast<double>(people.size()),
               fmt::format("{0} / {1} 人 / {0} of {1} people", next, people.size()));
  }
  ZHIYIN_TRY_VOID(part.sync());
  ZHIYIN_TRY_VOID(finish(job.output));
  return Json()
      .set("file", job.output.filename().string())
      .set("segment", job.body.segment)
      .set("people", people.size())
      .set("bytes", at.bytes)
      .set("resumed", resumed);
}

fs::path batch_folder(const Services& s) {
  return fs::path(s.options.text("data_dir")) / "exports";
}

Result<RunId> start_batch(Services& s, ListBody body, const std::string& id) {
  ZHIYIN_TRY_VOID(check_batch(body));
  std::error_code ec;
  fs::create_directories(batch_folder(s), ec);
  BatchJob job{std::move(body), batch_folder(s) / id, 0};
  // So that a batch whose turn has not come is taken up after a restart as well.
  if (!fs::exists(beside(job.output, ".progress"), ec)) {
    const BatchProgress begin{.request = to_json(job.body), .as_of = s.clock.now()};
    ZHIYIN_TRY_VOID(write_file(beside(job.output, ".progress"), to_json(begin).dump(), 0600));
  }
  const std::string title = job.body.segment;
  const fs::path output = job.output;
  auto begun = s.runs.start("recommend batch", title, [&s, job = std::move(job)](RunContext& run) {
    auto done = write_batch(s, job, run);
    // What failed for good is not tried again and again.
    if (!done && !run.stopping()) remove_parts(job.output);
    return done;
  });
  if (!begun) remove_parts(output);  // the caller is told to come again
  return begun;
}

Result<void> resume_batches(Services& s) {
  std::error_code ec;
  std::vector<fs::path> left;
  for (fs::directory_iterator at(batch_folder(s), ec), end; !ec && at != end; at.increment(ec)) {
    if (at->path().extension() == ".progress") left.push_back(at->path());
  }
  std::ranges::sort(left);
  for (const fs::path& path : left) {
    constexpr std::size_t kBytesMax = 8 << 20;
    ZHIYIN_TRY(const std::string text, read_file(path, kBytesMax));
    const auto json = parse_json(text);
    const auto progress = json ? from_json<BatchProgress>(*json) : std::unexpected(json.error());
    const auto body =
        progress ? from_json<ListBody>(progress->request) : std::unexpected(progress.error());
    if (!body) {
      s.logger.warning("recommend", "batch_unreadable",
                       {{"file", path.filename().string()}, {"reason", body.error().text()}});
      continue;
    }
    ZHIYIN_TRY(const RunId run, start_batch(s, *body, path.stem().string()));
    s.logger.info("recommend", "batch_resumed",
                  {{"segment", body->segment}, {"lists", progress->lists}, {"run", run}});
  }
  return {};
}

void tidy_batches(Services& s) {
  const auto oldest = fs::file_time_type::clock::now() - kBatchKept;
  std::error_code ec;
  std::int64_t removed = 0;
  for (fs::directory_iterator at(batch_folder(s), ec), end; !ec && at != end; at.increment(ec)) {
    std::error_code ignored;
    if (at->last_write_time(ignored) < oldest && !ignored && fs::remove(at->path(), ignored))
      ++removed;
  }
  if (removed > 0) s.logger.info("recommend", "batches_removed", {{"files", removed}});
}

}  // namespace zhiyin::server
