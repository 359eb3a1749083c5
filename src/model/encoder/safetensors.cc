#include "model/encoder/safetensors.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <optional>

#include "base/strict_json.h"
#include "model/encoder/detail/half.h"

namespace zhiyin::model {
namespace {

constexpr std::size_t kRankMax = 16;
constexpr std::size_t kLengthBytes = 8;

struct NamedType {
  std::string_view name;
  TensorType type;
  std::size_t bytes;
};
constexpr NamedType kTypes[] = {
    {"F64", TensorType::kF64, 8},   {"F32", TensorType::kF32, 4}, {"F16", TensorType::kF16, 2},
    {"BF16", TensorType::kBf16, 2}, {"I64", TensorType::kI64, 8}, {"I32", TensorType::kI32, 4},
    {"I16", TensorType::kI16, 2},   {"I8", TensorType::kI8, 1},   {"U8", TensorType::kU8, 1},
    {"BOOL", TensorType::kBool, 1},
};

std::unexpected<Error> wrong(std::string_view name, std::string_view what) {
  return fail(ErrorCode::kInvalidArgument, "safetensors: tensor '{}': {}", name, what);
}

/// The product, or nothing where it does not fit.
std::optional<std::size_t> product(std::size_t a, std::size_t b) {
  std::size_t out = 0;
  if (__builtin_mul_overflow(a, b, &out)) return std::nullopt;
  return out;
}

Result<std::vector<std::int64_t>> read_numbers(const Json& json, std::string_view name,
                                               std::string_view member, std::size_t count_max) {
  const Json::Array* const list = json[member].if_array();
  if (list == nullptr || list->size() > count_max)
    return wrong(name, fmt::format("{} is not a list of at most {} numbers", member, count_max));
  std::vector<std::int64_t> out;
  for (const Json& one : *list) {
    const std::int64_t* const number = one.if_int();
    if (number == nullptr || *number < 0)
      return wrong(name, fmt::format("{} holds what is not a whole number >= 0", member));
    out.push_back(*number);
  }
  return out;
}

Result<TensorView> read_tensor(std::string_view name, const Json& json, std::string_view data) {
  if (json.if_object() == nullptr) return wrong(name, "is not an object");
  const std::string_view dtype = json["dtype"].string_or("");
  const auto* const type = std::ranges::find(kTypes, dtype, &NamedType::name);
  if (type == std::end(kTypes))
    return fail(ErrorCode::kUnsupported, "safetensors: tensor '{}': element type '{}'", name,
                dtype.substr(0, 20));
  TensorView out{.type = type->type, .elements = 1};
  ZHIYIN_TRY(out.shape, read_numbers(json, name, "shape", kRankMax));
  ZHIYIN_TRY(const auto offsets, read_numbers(json, name, "data_offsets", 2));
  if (offsets.size() != 2 || offsets[0] > offsets[1] ||
      static_cast<std::size_t>(offsets[1]) > data.size())
    return wrong(name, fmt::format("data_offsets lie outside the {} bytes of data", data.size()));
  for (const std::int64_t extent : out.shape) {
    const auto elements = product(out.elements, static_cast<std::size_t>(extent));
    if (!elements) return wrong(name, "its shape is too large");
    out.elements = *elements;
  }
  out.bytes = data.substr(static_cast<std::size_t>(offsets[0]),
                          static_cast<std::size_t>(offsets[1] - offsets[0]));
  if (product(out.elements, type->bytes) != out.bytes.size())
    return wrong(name, fmt::format("{} elements of {} do not make its {} bytes", out.elements,
                                   dtype, out.bytes.size()));
  return out;
}

/// The tensors lie one after the other, from the first byte of data to the last.
Result<void> check_tiling(const Safetensors& tensors, std::string_view data) {
  std::vector<std::pair<std::string_view, std::string_view>> parts;  // bytes, name
  for (const auto& [name, tensor] : tensors) parts.emplace_back(tensor.bytes, name);
  std::ranges::sort(
      parts, {}, [](const auto& part) { return std::pair(part.first.data(), part.first.size()); });
  const char* end = data.data();
  for (const auto& [bytes, name] : parts) {
    if (bytes.data() != end)
      return wrong(name, bytes.data() < end ? "overlaps another" : "a gap lies before it");
    end += bytes.size();
  }
  if (end != data.data() + data.size())
    return fail(ErrorCode::kInvalidArgument, "safetensors: {} bytes after the last tensor",
                data.data() + data.size() - end);
  return {};
}

template <class T>
T load(const char* bytes) {
  T out;
  std::memcpy(&out, bytes, sizeof out);
  return out;
}

float float_at(const TensorView& tensor, std::size_t i) {
  const char* const bytes = tensor.bytes.data();
  switch (tensor.type) {
    case TensorType::kF64:
      return static_cast<float>(load<double>(bytes + 8 * i));
    case TensorType::kF32:
      return load<float>(bytes + 4 * i);
    case TensorType::kF16:
      return detail::half_to_float(load<std::uint16_t>(bytes + 2 * i));
    default:
      return detail::bfloat_to_float(load<std::uint16_t>(bytes + 2 * i));
  }
}

}  // namespace

Result<Safetensors> parse_safetensors(std::string_view file) {
  if (file.size() < kLengthBytes)
    return fail(ErrorCode::kInvalidArgument, "safetensors: {} bytes are no file", file.size());
  const auto length = load<std::uint64_t>(file.data());
  if (length > kSafetensorsHeaderMax || length > file.size() - kLengthBytes)
    return fail(ErrorCode::kInvalidArgument,
                "safetensors: a header of {} bytes does not fit (file {} bytes, header at most {})",
                length, file.size(), kSafetensorsHeaderMax);
  const std::string_view header = file.substr(kLengthBytes, length);
  if (!header.starts_with('{'))
    return fail(ErrorCode::kInvalidArgument, "safetensors: the header is not a JSON object");
  ZHIYIN_TRY(const Json json, parse_strict_json(header, kSafetensorsHeaderMax));
  const Json::Object* const members = json.if_object();
  if (members == nullptr || members->size() > kSafetensorsTensorsMax)
    return fail(ErrorCode::kInvalidArgument, "safetensors: more than {} tensors",
                kSafetensorsTensorsMax);
  const std::string_view data = file.substr(kLengthBytes + length);
  Safetensors out;
  for (const auto& [name, value] : *members) {
    if (name == "__metadata__") {
      const Json::Object* const texts = value.if_object();
      if (texts == nullptr || !std::ranges::all_of(*texts, [](const auto& m) {
            return m.second.if_string() != nullptr;
          }))
        return fail(ErrorCode::kInvalidArgument, "safetensors: __metadata__ holds more than texts");
      continue;
    }
    ZHIYIN_TRY(TensorView tensor, read_tensor(name, value, data));
    out.emplace(name, std::move(tensor));
  }
  ZHIYIN_TRY_VOID(check_tiling(out, data));
  return out;
}

Result<std::vector<float>> to_floats(const TensorView& tensor, std::string_view name) {
  if (tensor.type > TensorType::kBf16)
    return fail(ErrorCode::kUnsupported, "safetensors: tensor '{}': holds integers", name);
  std::vector<float> out(tensor.elements);
  for (std::size_t i = 0; i < out.size(); ++i) {
    out[i] = float_at(tensor, i);
    if (!std::isfinite(out[i])) return wrong(name, fmt::format("number {} is not finite", i));
  }
  return out;
}

}  // namespace zhiyin::model
