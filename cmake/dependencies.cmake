# Third-party libraries, each behind one name. What for, licence and pins: docs/dependencies.md.
find_package(Threads REQUIRED)
find_package(fmt REQUIRED)
# clang names some of fmt's templates differently from how Debian's g++ built libfmt.so.
if(CMAKE_CXX_COMPILER_ID STREQUAL "Clang")
  set(ZHIYIN_FMT fmt::fmt-header-only)
else()
  set(ZHIYIN_FMT fmt::fmt)
endif()
find_package(simdjson REQUIRED)
find_package(OpenSSL REQUIRED)
find_package(SQLite3 REQUIRED)
find_package(ZLIB REQUIRED)
find_package(pugixml REQUIRED)
find_package(date REQUIRED)
find_package(PkgConfig REQUIRED)
pkg_check_modules(xxhash REQUIRED IMPORTED_TARGET libxxhash)
pkg_check_modules(zstd REQUIRED IMPORTED_TARGET libzstd)
pkg_check_modules(libpq REQUIRED IMPORTED_TARGET libpq)
pkg_check_modules(rdkafka REQUIRED IMPORTED_TARGET rdkafka)
pkg_check_modules(tomlplusplus REQUIRED IMPORTED_TARGET tomlplusplus)
pkg_check_modules(opencc REQUIRED IMPORTED_TARGET opencc)
pkg_check_modules(icu REQUIRED IMPORTED_TARGET icu-uc)
set(ZHIYIN_OPENCC /usr/share/opencc CACHE PATH "Folder with OpenCC's dictionaries")
set(Boost_NO_BOOST_CMAKE ON)
find_package(Boost 1.81 REQUIRED)

# DuckDB is unpacked by `./dev setup`.
set(ZHIYIN_DUCKDB ${CMAKE_SOURCE_DIR}/build/deps/duckdb CACHE PATH "Folder with duckdb.h and libduckdb.so")
if(NOT EXISTS ${ZHIYIN_DUCKDB}/libduckdb.so)
  message(FATAL_ERROR "libduckdb.so is not in ${ZHIYIN_DUCKDB}: run ./dev setup first")
endif()
add_library(duckdb SHARED IMPORTED GLOBAL)
set_target_properties(duckdb PROPERTIES
  IMPORTED_LOCATION ${ZHIYIN_DUCKDB}/libduckdb.so
  IMPORTED_NO_SONAME ON
  INTERFACE_INCLUDE_DIRECTORIES ${ZHIYIN_DUCKDB})
set(CMAKE_BUILD_RPATH ${ZHIYIN_DUCKDB})

if(ZHIYIN_TESTS)
  find_package(GTest)
endif()
