# zhiyin_module(NAME SRCS a.cc ... TESTS a_test.cc ... DEPS base ... LIBS fmt::fmt ...)
#
# One static library `zhiyin_NAME` per folder of src/, and one test program `NAME_test` with the TESTS.
# DEPS are parts of ours, LIBS are third-party. Sources are listed by name.
include(GoogleTest)

function(zhiyin_module name)
  cmake_parse_arguments(M "" "" "SRCS;TESTS;DEPS;LIBS;TEST_LIBS" ${ARGN})
  add_library(zhiyin_${name} STATIC ${M_SRCS})
  target_link_libraries(zhiyin_${name} PUBLIC zhiyin::build_flags)
  foreach(dep ${M_DEPS})
    target_link_libraries(zhiyin_${name} PUBLIC zhiyin_${dep})
  endforeach()
  target_link_libraries(zhiyin_${name} PUBLIC ${M_LIBS})
  zhiyin_precompiled(zhiyin_${name} parts)
  if(ZHIYIN_TESTS AND M_TESTS)
    add_executable(${name}_test ${M_TESTS})
    target_link_libraries(${name}_test PRIVATE zhiyin_${name} ${M_TEST_LIBS} GTest::gtest GTest::gmock GTest::gtest_main)
    target_compile_definitions(${name}_test PRIVATE ZHIYIN_SOURCE_DIR="${CMAKE_SOURCE_DIR}")
    zhiyin_precompiled(${name}_test tests)
    add_test(NAME ${name} COMMAND ${name}_test --gtest_brief=1)
    set_tests_properties(${name} PROPERTIES TIMEOUT 300)
    if(ZHIYIN_SANITIZE)
      set_tests_properties(${name} PROPERTIES TIMEOUT 1500
                           ENVIRONMENT "TSAN_OPTIONS=suppressions=${CMAKE_SOURCE_DIR}/cmake/tsan.supp")
    endif()
  endif()
endfunction()
