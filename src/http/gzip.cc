#include "http/gzip.h"

#include <zlib.h>

#include <memory>

#include "base/check.h"

namespace zhiyin::http {
namespace {

constexpr int kWindowBitsAuto = 15 + 32;  // gzip or zlib, by their header
constexpr int kWindowBitsGzip = 15 + 16;
constexpr std::size_t kChunk = 64 << 10;

Bytef* input_of(std::string_view s) {
  return const_cast<Bytef*>(reinterpret_cast<const Bytef*>(s.data()));  // zlib does not write to it
}

}  // namespace

Result<std::string> gunzip(std::string_view packed, std::size_t bytes_max) {
  z_stream z{};
  ZHIYIN_CHECK(inflateInit2(&z, kWindowBitsAuto) == Z_OK);
  const std::unique_ptr<z_stream, int (*)(z_stream*)> guard(&z, inflateEnd);
  z.next_in = input_of(packed);
  z.avail_in = static_cast<uInt>(packed.size());
  std::string out;
  std::string chunk(kChunk, '\0');
  for (;;) {
    z.next_out = reinterpret_cast<Bytef*>(chunk.data());
    z.avail_out = static_cast<uInt>(chunk.size());
    const int code = inflate(&z, Z_NO_FLUSH);
    out.append(chunk.data(), chunk.size() - z.avail_out);
    if (out.size() > bytes_max) {
      return fail(ErrorCode::kLimitReached, "body: more than {} bytes when unpacked", bytes_max);
    }
    if (code == Z_STREAM_END) return out;
    if (code != Z_OK || (z.avail_in == 0 && z.avail_out != 0)) {
      return fail(ErrorCode::kInvalidArgument, "body: gzip data is damaged or cut short");
    }
  }
}

std::string gzip(std::string_view plain) {
  z_stream z{};
  constexpr int kLevel = 6;
  constexpr int kMemory = 8;
  ZHIYIN_CHECK(deflateInit2(&z, kLevel, Z_DEFLATED, kWindowBitsGzip, kMemory, Z_DEFAULT_STRATEGY) ==
               Z_OK);
  const std::unique_ptr<z_stream, int (*)(z_stream*)> guard(&z, deflateEnd);
  std::string out(deflateBound(&z, plain.size()), '\0');
  z.next_in = input_of(plain);
  z.avail_in = static_cast<uInt>(plain.size());
  z.next_out = reinterpret_cast<Bytef*>(out.data());
  z.avail_out = static_cast<uInt>(out.size());
  ZHIYIN_CHECK(deflate(&z, Z_FINISH) == Z_STREAM_END);
  out.resize(z.total_out);
  return out;
}

}  // namespace zhiyin::http
