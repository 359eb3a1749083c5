#include "storage/offset_base.h"

#include <algorithm>

namespace zhiyin::storage {
namespace {

class RaisedLog final : public EventLog {
 public:
  RaisedLog(std::unique_ptr<EventLog> inner, OffsetBases bases)
      : inner_(std::move(inner)), bases_(std::move(bases)) {}

  void append(Stream stream, std::vector<NewRecord> records, Done done) override {
    inner_->append(stream, std::move(records), std::move(done));
  }
  Result<std::vector<StoredRecord>> read(Stream stream, const Positions& after,
                                         std::size_t records_max) override {
    ZHIYIN_TRY(std::vector<StoredRecord> records,
               inner_->read(stream, lowered(stream, after), records_max));
    const std::int64_t base = base_of(stream);
    for (StoredRecord& record : records) record.offset += base;
    return records;
  }
  Result<Positions> end(Stream stream) override {
    ZHIYIN_TRY(Positions last, inner_->end(stream));
    const std::int64_t base = base_of(stream);
    for (std::int64_t& p : last) p += base;
    return last;
  }
  [[nodiscard]] Positions advance(const Positions& after,
                                  std::span<const StoredRecord> batch) const override {
    // Which partitions move does not depend on where the offsets begin.
    return inner_->advance(after, batch);
  }
  Result<std::int64_t> behind(Stream stream, const Positions& after) override {
    return inner_->behind(stream, lowered(stream, after));
  }
  Result<void> trim(Stream stream, const Positions& up_to) override {
    return inner_->trim(stream, lowered(stream, up_to));
  }
  void show_position(Stream stream, std::string_view consumer, const Positions& at) override {
    inner_->show_position(stream, consumer, lowered(stream, at));
  }
  Result<void> copy_to(const std::filesystem::path& file) override { return inner_->copy_to(file); }
  void set_wake(std::function<void(Stream)> wake) override { inner_->set_wake(std::move(wake)); }

 private:
  [[nodiscard]] std::int64_t base_of(Stream stream) const {
    const auto found = bases_.find(stream);
    return found == bases_.end() ? 0 : found->second;
  }
  [[nodiscard]] Positions lowered(Stream stream, Positions positions) const {
    const std::int64_t base = base_of(stream);
    for (std::int64_t& p : positions) {
      if (p != kNotWanted) p = std::max<std::int64_t>(0, p - base);
    }
    return positions;
  }

  const std::unique_ptr<EventLog> inner_;
  const OffsetBases bases_;
};

}  // namespace

std::unique_ptr<EventLog> with_offset_bases(std::unique_ptr<EventLog> log, OffsetBases bases) {
  if (bases.empty()) return log;
  return std::make_unique<RaisedLog>(std::move(log), std::move(bases));
}

}  // namespace zhiyin::storage
