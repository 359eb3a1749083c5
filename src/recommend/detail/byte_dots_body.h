// Included into a namespace of each instruction set; see byte_dots.h. No include guard.

inline std::int32_t dot(const std::int8_t* a, const std::int16_t* b, std::size_t width) {
  std::int32_t sum = 0;
  for (std::size_t j = 0; j < width; ++j)
    sum += static_cast<std::int32_t>(static_cast<std::int16_t>(a[j])) * b[j];
  return sum;
}

inline void dots(const std::int8_t* table, std::size_t width, const std::uint32_t* places,
                 std::size_t count, const std::int8_t* query, std::int32_t* out) {
  width = width / kByteLanes * kByteLanes;  // tells the compiler that there is no rest
  alignas(64) std::int16_t wide[kBytesMax];
  for (std::size_t j = 0; j < width; ++j) wide[j] = query[j];
  for (std::size_t i = 0; i < count; ++i)
    out[i] = dot(table + std::size_t{places[i]} * width, wide, width);
}

inline void add_rows(const std::int8_t* table, std::size_t width, const std::uint32_t* places,
                     const float* factors, std::size_t count, float* out) {
  width = width / kByteLanes * kByteLanes;
  for (std::size_t i = 0; i < count; ++i) {
    const std::int8_t* const row = table + std::size_t{places[i]} * width;
    const float factor = factors[i];
    for (std::size_t j = 0; j < width; ++j) out[j] += factor * static_cast<float>(row[j]);
  }
}
