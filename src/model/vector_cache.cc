#include "model/vector_cache.h"

#include <algorithm>
#include <cstring>
#include <fstream>
#include <string>
#include <unordered_map>

#include "base/crypto.h"
#include "base/file.h"

namespace zhiyin::model {
namespace {

// A record: 16 bytes of the text's SHA-256, the vector, 8 bytes of the SHA-256 of both.
constexpr std::size_t kKeyBytes = 16;
constexpr std::size_t kCheckBytes = 8;
constexpr std::size_t kFileBytesMax = std::size_t{8} << 30;
constexpr std::size_t kChunk = 512;

std::string key_of(std::string_view text) { return crypto::sha256(text).substr(0, kKeyBytes); }
std::string check_of(std::string_view body) { return crypto::sha256(body).substr(0, kCheckBytes); }

std::string file_name(const TextEncoder& encoder, const TextEncoder::Settings& settings) {
  const std::string what = fmt::format("{} {} {} {}", encoder.checksum(), encoder.width(),
                                       settings.tokens_max, settings.prefix);
  return "vectors-" + crypto::hex(crypto::sha256(what)).substr(0, 16) + ".bin";
}

/// Places of the good records in the file, by key.
std::unordered_map<std::string_view, std::string_view> records_of(std::string_view file,
                                                                  std::size_t vector_bytes) {
  std::unordered_map<std::string_view, std::string_view> out;
  const std::size_t body = kKeyBytes + vector_bytes;
  for (; file.size() >= body + kCheckBytes; file.remove_prefix(body + kCheckBytes)) {
    if (check_of(file.substr(0, body)) != file.substr(body, kCheckBytes)) continue;
    out[file.substr(0, kKeyBytes)] = file.substr(kKeyBytes, vector_bytes);
  }
  return out;
}

/// Appended in one write, so that several processes do not mix their records.
Result<void> append(const std::filesystem::path& path, const std::string& bytes) {
  std::ofstream out(path, std::ios::binary | std::ios::app);
  out.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  out.close();
  if (!out) return fail(ErrorCode::kUnavailable, "{}: cannot be written", path.string());
  return {};
}

}  // namespace

Result<VectorCache> VectorCache::open(const std::filesystem::path& folder) {
  std::error_code ec;
  if (!folder.empty()) std::filesystem::create_directories(folder, ec);
  if (ec) return fail(ErrorCode::kUnavailable, "{}: {}", folder.string(), ec.message());
  return VectorCache(folder);
}

Result<void> VectorCache::encode(const TextEncoder& encoder,
                                 std::span<const std::string_view> texts,
                                 const TextEncoder::Settings& settings,
                                 const std::function<bool(double)>& progress,
                                 std::span<float> out) const {
  if (folder_.empty()) return encoder.encode(texts, settings, progress, out);
  const std::filesystem::path path = folder_ / file_name(encoder, settings);
  const std::string file = read_file(path, kFileBytesMax).value_or("");
  const std::size_t width = encoder.width();
  const auto kept = records_of(file, width * sizeof(float));
  std::vector<std::size_t> absent;
  for (std::size_t i = 0; i < texts.size(); ++i) {
    const auto found = kept.find(key_of(texts[i]));
    if (found == kept.end()) {
      absent.push_back(i);
    } else {
      std::memcpy(out.data() + i * width, found->second.data(), found->second.size());
    }
  }
  std::vector<std::string_view> part;
  std::vector<float> made;
  for (std::size_t begin = 0; begin < absent.size(); begin += part.size()) {
    const auto which = std::span(absent).subspan(begin, std::min(kChunk, absent.size() - begin));
    part.clear();
    for (const std::size_t i : which) part.push_back(texts[i]);
    made.resize(part.size() * width);
    ZHIYIN_TRY_VOID(encoder.encode(part, settings, {}, made));
    std::string records;
    for (std::size_t k = 0; k < part.size(); ++k) {
      const float* const vector = made.data() + k * width;
      std::copy_n(vector, width, out.data() + which[k] * width);
      const std::size_t at = records.size();
      records += key_of(part[k]);
      records.append(reinterpret_cast<const char*>(vector), width * sizeof(float));
      records += check_of(std::string_view(records).substr(at));
    }
    ZHIYIN_TRY_VOID(append(path, records));
    const double share =
        static_cast<double>(begin + part.size()) / static_cast<double>(absent.size());
    if (progress && !progress(share)) return fail(ErrorCode::kConflict, "encoding: cancelled");
  }
  return {};
}

}  // namespace zhiyin::model
