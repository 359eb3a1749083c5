# Precompiled headers: what nearly every file reads, once for the parts and once, with GoogleTest, for the tests.
# Files include what they use all the same (nothing checks it); those compiled for other processors do without.
#
# zhiyin_precompiled(TARGET parts|tests)
file(CONFIGURE OUTPUT ${CMAKE_BINARY_DIR}/precompiled/empty.cc CONTENT "")  # written once

add_library(zhiyin_precompiled_parts OBJECT ${CMAKE_BINARY_DIR}/precompiled/empty.cc)
target_link_libraries(zhiyin_precompiled_parts PRIVATE zhiyin::build_flags ${ZHIYIN_FMT})
target_precompile_headers(zhiyin_precompiled_parts PRIVATE
  <algorithm> <array> <chrono> <cmath> <filesystem> <functional> <map> <memory> <mutex> <optional> <set> <span>
  <string> <string_view> <unordered_map> <utility> <variant> <vector> <fmt/format.h>
  "${CMAKE_SOURCE_DIR}/src/base/json_binding.h")

# Tests themselves are neither optimised nor traced, unless a sanitizer wants to name lines: a quarter less to compile.
if(ZHIYIN_SANITIZE)
  set(ZHIYIN_TEST_OPTIONS "")
else()
  set(ZHIYIN_TEST_OPTIONS $<$<CONFIG:Debug>:-O0> $<$<CONFIG:Debug>:-g0>)
endif()
if(ZHIYIN_TESTS)
  add_library(zhiyin_precompiled_tests OBJECT ${CMAKE_BINARY_DIR}/precompiled/empty.cc)
  target_link_libraries(zhiyin_precompiled_tests PRIVATE zhiyin::build_flags ${ZHIYIN_FMT} GTest::gtest GTest::gmock)
  target_compile_options(zhiyin_precompiled_tests PRIVATE ${ZHIYIN_TEST_OPTIONS})
  target_precompile_headers(zhiyin_precompiled_tests PRIVATE
    <algorithm> <array> <chrono> <cmath> <filesystem> <functional> <map> <memory> <mutex> <optional> <set> <span>
    <string> <string_view> <thread> <unordered_map> <utility> <variant> <vector> <fmt/format.h>
    <gmock/gmock.h> <gtest/gtest.h> "${CMAKE_SOURCE_DIR}/src/base/json_binding.h")
endif()

function(zhiyin_precompiled target kind)
  target_precompile_headers(${target} REUSE_FROM zhiyin_precompiled_${kind})
  if(kind STREQUAL "tests")
    target_compile_options(${target} PRIVATE ${ZHIYIN_TEST_OPTIONS})
  endif()
endfunction()
