#include "ingest/detail/byte_source.h"

#include <fcntl.h>
#include <iconv.h>
#include <unistd.h>
#include <zlib.h>
#include <zstd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <utility>
#include <vector>

namespace zhiyin::ingest::detail {
namespace {

constexpr std::size_t kInputBytes = 128 << 10;
constexpr std::string_view kCutShort = "end too early; was the copy cut short?";

class FileSource final : public ByteSource {
 public:
  explicit FileSource(int descriptor) : descriptor_(descriptor) {}
  ~FileSource() override { ::close(descriptor_); }
  FileSource(const FileSource&) = delete;
  FileSource& operator=(const FileSource&) = delete;

  Result<std::size_t> read(char* to, std::size_t n) override {
    while (true) {
      const ssize_t got = ::read(descriptor_, to, n);
      if (got >= 0) {
        done_ += got;
        return static_cast<std::size_t>(got);
      }
      if (errno != EINTR)
        return fail(ErrorCode::kUnavailable, "file: cannot be read: {}", std::strerror(errno));
    }
  }
  [[nodiscard]] std::int64_t bytes_done() const override { return done_; }

 private:
  const int descriptor_;
  std::int64_t done_ = 0;
};

// Input of the unpackers: a window into the packed bytes that is filled again when it is used up.
struct Input {
  std::unique_ptr<ByteSource> source;
  std::vector<char> bytes = std::vector<char>(kInputBytes);
  std::size_t at = 0;
  std::size_t end = 0;
  bool ended = false;

  Result<void> fill() {
    if (at < end || ended) return {};
    ZHIYIN_TRY(end, source->read(bytes.data(), bytes.size()));
    at = 0;
    ended = end == 0;
    return {};
  }
  [[nodiscard]] bool empty() const { return at == end; }
};

class GzipSource final : public ByteSource {
 public:
  explicit GzipSource(std::unique_ptr<ByteSource> source) {
    input_.source = std::move(source);
    ok_ = inflateInit2(&stream_, 15 + 16) == Z_OK;
  }
  ~GzipSource() override { inflateEnd(&stream_); }
  GzipSource(const GzipSource&) = delete;
  GzipSource& operator=(const GzipSource&) = delete;

  Result<std::size_t> read(char* to, std::size_t n) override {
    if (!ok_) return fail(ErrorCode::kInternal, "gzip: no memory");
    stream_.next_out = reinterpret_cast<Bytef*>(to);
    stream_.avail_out = static_cast<uInt>(n);
    while (stream_.avail_out == n) {
      ZHIYIN_TRY_VOID(input_.fill());
      if (input_.empty()) {
        if (inside_) return fail(ErrorCode::kDataLoss, "file: the gzip data {}", kCutShort);
        return 0;
      }
      inside_ = true;
      stream_.next_in = reinterpret_cast<Bytef*>(input_.bytes.data() + input_.at);
      stream_.avail_in = static_cast<uInt>(input_.end - input_.at);
      const int code = inflate(&stream_, Z_NO_FLUSH);
      input_.at = input_.end - stream_.avail_in;
      if (code == Z_STREAM_END) {  // further members may follow
        inside_ = false;
        inflateReset(&stream_);
      } else if (code != Z_OK && code != Z_BUF_ERROR) {
        return fail(ErrorCode::kDataLoss, "file: the gzip data are damaged ({})",
                    stream_.msg == nullptr ? "no further detail" : stream_.msg);
      }
    }
    return n - stream_.avail_out;
  }
  [[nodiscard]] std::int64_t bytes_done() const override { return input_.source->bytes_done(); }

 private:
  Input input_;
  z_stream stream_{};
  bool ok_ = false;
  bool inside_ = false;
};

struct ZstdFree {
  void operator()(ZSTD_DStream* s) const { ZSTD_freeDStream(s); }
};

class ZstdSource final : public ByteSource {
 public:
  explicit ZstdSource(std::unique_ptr<ByteSource> source) : stream_(ZSTD_createDStream()) {
    input_.source = std::move(source);
  }

  Result<std::size_t> read(char* to, std::size_t n) override {
    ZSTD_outBuffer out{to, n, 0};
    while (out.pos == 0) {
      ZHIYIN_TRY_VOID(input_.fill());
      if (input_.empty() && !inside_) return 0;
      const bool had_input = !input_.empty();
      ZSTD_inBuffer in{input_.bytes.data() + input_.at, input_.end - input_.at, 0};
      const std::size_t code = ZSTD_decompressStream(stream_.get(), &out, &in);
      input_.at += in.pos;
      if (ZSTD_isError(code) != 0) {
        return fail(ErrorCode::kDataLoss, "file: the zstd data are damaged ({})",
                    ZSTD_getErrorName(code));
      }
      inside_ = code != 0;
      if (!had_input && out.pos == 0 && inside_) {
        return fail(ErrorCode::kDataLoss, "file: the zstd data {}", kCutShort);
      }
    }
    return out.pos;
  }
  [[nodiscard]] std::int64_t bytes_done() const override { return input_.source->bytes_done(); }

 private:
  Input input_;
  std::unique_ptr<ZSTD_DStream, ZstdFree> stream_;
  bool inside_ = false;
};

// Turns another encoding into UTF-8. What cannot be turned becomes the byte 0xff, which is no
// UTF-8, so the row is reported like any other with a wrong encoding.
class IconvSource final : public ByteSource {
 public:
  IconvSource(std::unique_ptr<ByteSource> source, iconv_t converter) : converter_(converter) {
    input_.source = std::move(source);
  }
  ~IconvSource() override { iconv_close(converter_); }
  IconvSource(const IconvSource&) = delete;
  IconvSource& operator=(const IconvSource&) = delete;

  Result<std::size_t> read(char* to, std::size_t n) override {
    if (spill_at_ < spill_end_) return take_spill(to, n);
    char* out = to;
    std::size_t room = n;
    while (room == n) {
      ZHIYIN_TRY_VOID(input_.fill());
      if (input_.empty()) break;
      char* in = input_.bytes.data() + input_.at;
      std::size_t left = input_.end - input_.at;
      const std::size_t code = iconv(converter_, &in, &left, &out, &room);
      input_.at = input_.end - left;
      if (code != static_cast<std::size_t>(-1)) continue;
      if (errno == E2BIG) {
        if (room != n) break;
        spill(in, left);  // the next character needs more than the caller has room for
        return take_spill(to, n);
      }
      if (errno == EINVAL &&
          left < kCharacterBytesMax) {  // a character is cut by the end of the window
        ZHIYIN_TRY(const bool more, extend(left));
        if (more) continue;
      }
      ++input_.at;
      *out++ = '\xff';
      --room;
    }
    return n - room;
  }
  [[nodiscard]] std::int64_t bytes_done() const override { return input_.source->bytes_done(); }

 private:
  static constexpr std::size_t kCharacterBytesMax = 8;

  // Converts the next few characters into our own bytes, of which the caller takes what it has room
  // for.
  void spill(char* in, std::size_t left) {
    char* out = spill_.data();
    std::size_t room = spill_.size();
    iconv(converter_, &in, &left, &out, &room);
    input_.at = input_.end - left;
    spill_at_ = 0;
    spill_end_ = spill_.size() - room;
  }
  std::size_t take_spill(char* to, std::size_t n) {
    const std::size_t taken = std::min(n, spill_end_ - spill_at_);
    std::memcpy(to, spill_.data() + spill_at_, taken);
    spill_at_ += taken;
    return taken;
  }

  // Keeps the last `left` bytes and reads on behind them; false at the end of the file.
  Result<bool> extend(std::size_t left) {
    std::memmove(input_.bytes.data(), input_.bytes.data() + input_.at, left);
    ZHIYIN_TRY(const std::size_t got,
               input_.source->read(input_.bytes.data() + left, input_.bytes.size() - left));
    input_.at = 0;
    input_.end = left + got;
    return got != 0;
  }

  Input input_;
  const iconv_t converter_;
  std::array<char, 2 * kCharacterBytesMax> spill_{};
  std::size_t spill_at_ = 0;
  std::size_t spill_end_ = 0;
};

const iconv_t kNoConverter = reinterpret_cast<iconv_t>(-1);  // NOLINT: what iconv_open returns

// UTF-16 needs a byte order mark to be read; without one it is taken for little endian, as Windows
// writes it.
iconv_t open_converter(std::string_view encoding) {
  return iconv_open("UTF-8", std::string(encoding).c_str());
}

bool is_utf8_name(std::string_view name) {
  return name == "utf-8" || name == "utf8" || name == "UTF-8";
}

constexpr std::pair<std::string_view, std::string_view> kEncodings[] = {
    {"gb18030", "GB18030"}, {"gbk", "GB18030"},   {"gb2312", "GB18030"},
    {"big5", "BIG5"},       {"utf-16", "UTF-16"}, {"utf-16le", "UTF-16LE"}};

}  // namespace

Result<std::unique_ptr<ByteSource>> open_bytes(const std::filesystem::path& path, Packing packing,
                                               std::string_view encoding) {
  const int descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (descriptor < 0) {
    return fail(errno == ENOENT ? ErrorCode::kNotFound : ErrorCode::kUnavailable,
                "file: '{}' cannot be opened: {}", path.filename().string(), std::strerror(errno));
  }
  std::unique_ptr<ByteSource> source = std::make_unique<FileSource>(descriptor);
  if (packing == Packing::kGzip) source = std::make_unique<GzipSource>(std::move(source));
  if (packing == Packing::kZstd) source = std::make_unique<ZstdSource>(std::move(source));
  if (is_utf8_name(encoding)) return source;
  const auto* known =
      std::ranges::find(kEncodings, encoding, [](const auto& e) { return e.first; });
  if (known == std::end(kEncodings)) {
    return fail(ErrorCode::kUnsupported,
                "encoding: '{}' is not one of utf-8, gb18030, gbk, gb2312, big5, utf-16, utf-16le",
                encoding);
  }
  const iconv_t converter = open_converter(known->second);
  if (converter == kNoConverter) {
    return fail(ErrorCode::kUnsupported, "encoding: this system cannot convert '{}'", encoding);
  }
  return std::make_unique<IconvSource>(std::move(source), converter);
}

Result<void> check_packed(const std::filesystem::path& path, Packing packing,
                          const std::function<bool()>& go_on) {
  if (packing == Packing::kNone) return {};
  constexpr std::size_t kAtOnce = 1 << 20;
  ZHIYIN_TRY(auto source, open_bytes(path, packing, "utf-8"));
  std::string bytes(kAtOnce, '\0');
  while (go_on()) {
    auto got = source->read(bytes.data(), bytes.size());
    if (got && *got == 0) return {};
    if (got) continue;
    if (got.error().message.ends_with(kCutShort)) return {};
    got.error().message +=
        "; nothing of it was taken, as wrong cells cannot be told from right ones";
    return std::unexpected(std::move(got.error()));
  }
  return {};
}

}  // namespace zhiyin::ingest::detail
