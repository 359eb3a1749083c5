#include "model/encoder/encoder_source.h"

#include <algorithm>
#include <charconv>

#include "base/check.h"
#include "base/mapped_file.h"

namespace zhiyin::model {
namespace {

constexpr std::size_t kPackageBytesMax = std::size_t{2} << 30;

class PackageSource : public EncoderSource {
 public:
  PackageSource(MappedFile file, EncoderPackage package)
      : file_(std::move(file)), package_(std::move(package)) {}

  const EncoderShape& shape() const override { return package_.shape; }
  Result<std::vector<float>> tensor(std::string_view name) const override {
    ZHIYIN_CHECK(tensor_elements(shape(), name) != 0);
    return package_.floats(name);
  }
  void word_row(std::size_t id, std::span<float> out) const override { package_.word_row(id, out); }
  const UnigramTable* unigram() const override { return &package_.tokeniser; }

 private:
  MappedFile file_;  // what `package_` looks into
  EncoderPackage package_;
};

}  // namespace

std::size_t tensor_elements(const EncoderShape& shape, std::string_view name) {
  if (name == "emb.pos") return shape.positions * shape.width;
  if (name == "emb.type") return shape.token_types * shape.width;
  if (name == "emb.ln.w" || name == "emb.ln.b") return shape.width;
  std::size_t layer = 0;
  if (!name.starts_with('l')) return 0;
  const auto [end, error] = std::from_chars(name.data() + 1, name.data() + name.size(), layer);
  if (error != std::errc() || layer >= shape.layers) return 0;
  const std::string_view rest(end, name.data() + name.size());
  for (const std::string_view square : {".q.w", ".k.w", ".v.w", ".ao.w"})
    if (rest == square) return shape.width * shape.width;
  if (rest == ".fi.w" || rest == ".fo.w") return shape.width * shape.inner;
  if (rest == ".fi.b") return shape.inner;
  constexpr std::string_view kVectors[] = {".q.b",   ".k.b",  ".v.b",   ".ao.b", ".aln.w",
                                           ".aln.b", ".fo.b", ".oln.w", ".oln.b"};
  return std::ranges::find(kVectors, rest) != std::end(kVectors) ? shape.width : 0;
}

Result<std::unique_ptr<EncoderSource>> open_package_source(const std::filesystem::path& path) {
  ZHIYIN_TRY(MappedFile file, MappedFile::open(path, kPackageBytesMax));
  ZHIYIN_TRY(EncoderPackage package, parse_encoder_package(file.bytes()));
  return std::make_unique<PackageSource>(std::move(file), std::move(package));
}

}  // namespace zhiyin::model
