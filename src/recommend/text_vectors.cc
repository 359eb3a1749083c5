#include "recommend/text_vectors.h"

#include <algorithm>
#include <cmath>

#include "recommend/detail/byte_dots.h"

namespace zhiyin::recommend {
namespace {

static_assert(TextVectors::kWidthMax <= detail::kBytesMax);

constexpr float kByteMax = 127;
/// Of a unit vector so much or less beside the mean is rounding.
constexpr float kNothingLeft = 1e-6F;

void round_into(std::span<const float> from, std::span<std::int8_t> to) {
  float top = 0;
  bool is_finite = true;
  for (const float v : from) {
    is_finite = is_finite && std::isfinite(v);
    if (std::isfinite(v)) top = std::max(top, std::abs(v));
  }
  if (!(top > 0)) {
    std::ranges::fill(to, std::int8_t{0});
    return;
  }
  // To the nearest, without a call for each.
  const auto nearest = [&](float v) {
    v = v / top * kByteMax;
    return static_cast<std::int8_t>(static_cast<int>(v + std::copysign(0.5F, v)));
  };
  if (is_finite) {
    for (std::size_t j = 0; j < from.size(); ++j) to[j] = nearest(from[j]);
  } else {
    for (std::size_t j = 0; j < from.size(); ++j)
      to[j] = std::isfinite(from[j]) ? nearest(from[j]) : std::int8_t{0};
  }
}

float inverse_length(std::span<const std::int8_t> values) {
  std::int64_t squares = 0;
  for (const std::int8_t v : values) squares += std::int64_t{v} * v;
  return squares == 0 ? 0 : static_cast<float>(1 / std::sqrt(static_cast<double>(squares)));
}

}  // namespace

std::vector<std::int8_t> direction_of(std::span<const float> vector) {
  std::vector<std::int8_t> out(vector.size());
  round_into(vector, out);
  return out;
}

Result<std::shared_ptr<const TextVectors>> TextVectors::create(std::size_t width,
                                                               std::span<const Given> items,
                                                               std::size_t exact_max, int threads) {
  if (width < 1 || width > kWidthMax)
    return fail_field("width", "is {}, expected 1 to {}", width, kWidthMax);
  if (items.size() > kRowsMax)
    return fail(ErrorCode::kLimitReached, "text vectors: {} items, at most {}", items.size(),
                kRowsMax);
  auto out = std::shared_ptr<TextVectors>(new TextVectors);
  std::vector<const Given*> rows;
  for (const Given& item : items) {
    if (item.values.size() != width)
      return fail(ErrorCode::kInvalidArgument, "text vectors: {}/{} has {} numbers, expected {}",
                  item.item.kind, item.item.id, item.values.size(), width);
    const auto [found, is_new] =
        out->rows_.try_emplace(item.item, static_cast<std::uint32_t>(rows.size()));
    if (is_new) {
      rows.push_back(&item);
    } else {
      rows[found->second] = &item;
    }
  }
  std::vector<double> mean(width, 0);
  for (const Given* item : rows) {
    const float length = inverse_length(item->values);
    for (std::size_t j = 0; j < width; ++j) mean[j] += item->values[j] * length;
  }
  for (double& m : mean) m /= std::max(1.0, static_cast<double>(rows.size()));
  out->step_ = (width + detail::kByteLanes - 1) / detail::kByteLanes * detail::kByteLanes;
  out->values_.assign(rows.size() * out->step_, 0);
  out->norms_.resize(rows.size());
  std::vector<float> centred(width);
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const float length = inverse_length(rows[i]->values);
    for (std::size_t j = 0; j < width; ++j)
      centred[j] = length == 0 ? 0 : rows[i]->values[j] * length - static_cast<float>(mean[j]);
    float squares = 0;
    for (const float v : centred) squares += v * v;
    if (squares <= kNothingLeft) std::ranges::fill(centred, 0.0F);
    const std::span<std::int8_t> row(out->values_.data() + i * out->step_, width);
    round_into(centred, row);
    out->norms_[i] = inverse_length(row);
  }
  if (rows.size() > exact_max) {
    ZHIYIN_TRY(out->index_, TextIndex::build(out->step_, out->values_, out->norms_, threads));
  }
  return out;
}

std::uint32_t TextVectors::find(const ItemRef& item) const {
  const auto found = rows_.find(item);
  return found == rows_.end() ? kNone : found->second;
}

float TextVectors::cosine(std::uint32_t a, std::uint32_t b) const {
  float out = 0;
  cosines(a, {&b, 1}, {&out, 1});
  return out;
}

void TextVectors::cosines(std::uint32_t a, std::span<const std::uint32_t> rows,
                          std::span<float> out) const {
  constexpr std::size_t kPiece = 256;
  std::int32_t dots[kPiece];
  for (std::size_t begin = 0; begin < rows.size(); begin += kPiece) {
    const auto piece = rows.subspan(begin, std::min(kPiece, rows.size() - begin));
    detail::byte_dots().dots(values_.data(), step_, piece.data(), piece.size(), row(a).data(),
                             dots);
    for (std::size_t i = 0; i < piece.size(); ++i)
      out[begin + i] = static_cast<float>(dots[i]) * (norms_[a] * norms_[piece[i]]);
  }
}

TextVectors::Profile TextVectors::profile_of(std::span<const Part> parts) const {
  Profile sum(step_, 0);
  std::vector<std::uint32_t> rows;
  std::vector<float> factors;
  for (const Part& part : parts) {
    rows.push_back(part.row);
    factors.push_back(part.weight * norms_[part.row]);
  }
  detail::byte_dots().add_rows(values_.data(), step_, rows.data(), factors.data(), rows.size(),
                               sum.data());
  return sum;
}

std::vector<std::uint32_t> TextVectors::nearest(std::span<const Part> parts,
                                                std::size_t count) const {
  return index_->nearest(direction_of(profile_of(parts)), count);
}

void TextVectors::scores(const Profile& sum, std::span<const std::uint32_t> rows,
                         std::span<float> out) const {
  const std::vector<std::int8_t> profile = direction_of(sum);
  // What rounding to bytes divided by.
  double squares = 0;
  for (const float v : sum) squares += double{v} * v;
  const float scale = static_cast<float>(std::sqrt(squares)) * inverse_length(profile);
  std::vector<std::int32_t> dots(rows.size());
  detail::byte_dots().dots(values_.data(), step_, rows.data(), rows.size(), profile.data(),
                           dots.data());
  for (std::size_t i = 0; i < rows.size(); ++i)
    out[i] = static_cast<float>(dots[i]) * scale * norms_[rows[i]];
}

void TextVectors::closeness(const Profile& profile, std::span<const std::uint32_t> rows,
                            std::span<float> out) const {
  const std::vector<std::int8_t> direction = direction_of(profile);
  const float length = inverse_length(direction);
  std::vector<std::int32_t> dots(rows.size());
  detail::byte_dots().dots(values_.data(), step_, rows.data(), rows.size(), direction.data(),
                           dots.data());
  for (std::size_t i = 0; i < rows.size(); ++i)
    out[i] = static_cast<float>(dots[i]) * length * norms_[rows[i]];
}

/// In bytes, then what the bytes left out, and once more: whole numbers are the same on every
/// processor, and the rest is rounding.
void TextVectors::exact_scores(const Profile& profile, std::span<const std::uint32_t> rows,
                               std::span<float> out) const {
  constexpr int kTimes = 3;
  Profile left = profile;
  std::vector<std::int8_t> bytes(left.size());
  std::vector<std::int32_t> dots(rows.size());
  std::ranges::fill(out, 0.0F);
  for (int time = 0; time < kTimes; ++time) {
    float top = 0;
    for (const float v : left) top = std::max(top, std::abs(v));
    if (!(top > 0)) break;
    round_into(left, bytes);
    const float unit = top / kByteMax;
    for (std::size_t j = 0; j < left.size(); ++j) left[j] -= unit * static_cast<float>(bytes[j]);
    detail::byte_dots().dots(values_.data(), step_, rows.data(), rows.size(), bytes.data(),
                             dots.data());
    for (std::size_t i = 0; i < rows.size(); ++i) out[i] += static_cast<float>(dots[i]) * unit;
  }
  for (std::size_t i = 0; i < rows.size(); ++i) out[i] *= norms_[rows[i]];
}

}  // namespace zhiyin::recommend
