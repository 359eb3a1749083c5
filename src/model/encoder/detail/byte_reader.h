#pragma once

#include <cstddef>
#include <cstring>
#include <string_view>
#include <type_traits>

namespace zhiyin::model::detail {

/// Takes little-endian numbers and runs of bytes from the front of a text. After the first take
/// that finds too few bytes everything fails and gives zeros; callers look at `ok` where it
/// matters.
class ByteReader {
 public:
  explicit ByteReader(std::string_view bytes) : bytes_(bytes) {}

  template <class T>
    requires std::is_arithmetic_v<T>
  T number() {
    T out{};
    const std::string_view from = take(sizeof out);
    if (from.size() == sizeof out) std::memcpy(&out, from.data(), sizeof out);
    return out;
  }

  std::string_view take(std::size_t count) {
    if (!ok_ || count > bytes_.size() - at_) {
      ok_ = false;
      return {};
    }
    const std::string_view out = bytes_.substr(at_, count);
    at_ += count;
    return out;
  }

  [[nodiscard]] bool ok() const { return ok_; }
  [[nodiscard]] std::size_t position() const { return at_; }

 private:
  std::string_view bytes_;
  std::size_t at_ = 0;
  bool ok_ = true;
};

}  // namespace zhiyin::model::detail
