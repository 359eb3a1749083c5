# Flags of every target of ours, on one interface target.
add_library(zhiyin_build_flags INTERFACE)
add_library(zhiyin::build_flags ALIAS zhiyin_build_flags)

# Warnings are errors where the program is worked on, not where somebody builds it with another compiler.
target_compile_options(zhiyin_build_flags INTERFACE
  -Wall -Wextra -Wpedantic $<$<CONFIG:Debug>:-Werror> -Wshadow -Wnon-virtual-dtor -Woverloaded-virtual -Wcast-qual
  -Wno-missing-field-initializers)
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  # g++ 12 reports these inside inlined standard-library code (known false positives of that version).
  target_compile_options(zhiyin_build_flags INTERFACE
    -Wno-maybe-uninitialized -Wno-restrict -Wno-stringop-overflow -Wno-array-bounds -Wno-dangling-pointer
    -Wno-mismatched-new-delete -Wno-stringop-overread)
else()
  # libstdc++ 12's stable_sort calls a function that it deprecates itself.
  target_compile_options(zhiyin_build_flags INTERFACE -Wthread-safety -Wno-deprecated-declarations)
endif()
target_include_directories(zhiyin_build_flags INTERFACE ${CMAKE_SOURCE_DIR}/src)
target_compile_definitions(zhiyin_build_flags INTERFACE ZHIYIN_VERSION="${PROJECT_VERSION}")

set(ZHIYIN_SANITIZE "" CACHE STRING "Sanitizers, for instance address,undefined")
if(ZHIYIN_SANITIZE)
  target_compile_options(zhiyin_build_flags INTERFACE -fsanitize=${ZHIYIN_SANITIZE} -fno-omit-frame-pointer)
  target_link_options(zhiyin_build_flags INTERFACE -fsanitize=${ZHIYIN_SANITIZE})
endif()

find_program(ZHIYIN_CCACHE ccache)
if(ZHIYIN_CCACHE)
  # In depend mode a miss costs no second run of the preprocessor.
  set(CMAKE_CXX_COMPILER_LAUNCHER ${CMAKE_COMMAND} -E env CCACHE_NOHASHDIR=1 CCACHE_DEPEND=1
      CCACHE_SLOPPINESS=pch_defines,time_macros ${ZHIYIN_CCACHE})
endif()
find_program(ZHIYIN_MOLD mold)
if(ZHIYIN_MOLD)
  target_link_options(zhiyin_build_flags INTERFACE -fuse-ld=mold)
endif()
