# Precompiled headers for the test programs, because most of what compiling a test costs is reading the same headers again.
# The library, the examples and the checks of the headers are compiled without.
#
# Clang alone uses them. GCC 12, which spends its time on optimising, gains little; without them it finds the test that does
# not include what it uses.

set(SENNIT_PRECOMPILE OFF)
if(PROJECT_IS_TOP_LEVEL AND CMAKE_CXX_COMPILER_ID MATCHES "Clang")
    set(SENNIT_PRECOMPILE ON)
endif()

# What applies to the precompiled headers must apply to each file that uses them, or Clang rejects them: here stand the
# options of all test programs.
function(sennit_test_options target)
    target_link_libraries(${target} PRIVATE sennit::sennit GTest::gmock_main)
    target_include_directories(${target} PRIVATE "${PROJECT_SOURCE_DIR}/src"
                                                 "${PROJECT_SOURCE_DIR}/tests")
    # Line numbers are enough to read a report; describing the variables too would cost a tenth of the time.
    target_compile_options(${target} PRIVATE $<$<CONFIG:Debug>:-g1>)
    sennit_warnings(${target})
endfunction()

# The headers that every test uses, and for the tests that use all of Sennit anyway also its headers: a change of one
# recompiles them. The other tests are not recompiled by a change of a header that they do not include.
set(SENNIT_TESTS_OF_EVERYTHING test_sync test_runtime test_net test_property test_fairness
    test_conformance_go test_conformance_tokio test_conformance_smol)
function(sennit_precompile_headers)
    set(standard <gtest/gtest.h> <algorithm> <array> <atomic> <chrono> <deque> <functional> <memory> <optional>
        <random> <stdexcept> <string> <thread> <vector>)
    sennit_precompiled(sennit_precompiled_gtest ${standard})
    sennit_precompiled(sennit_precompiled_all ${standard} <sennit/all.hpp>)
endfunction()

# The owner of a set of headers. The cache leaves it out: what it would bring back from another checkout refers to the headers
# over there.
function(sennit_precompiled name)
    if(NOT SENNIT_PRECOMPILE)
        return()
    endif()
    set(source "${PROJECT_BINARY_DIR}/precompiled/${name}.cpp")
    file(CONFIGURE OUTPUT "${source}" CONTENT "")
    add_library(${name} OBJECT "${source}")
    sennit_test_options(${name})
    target_compile_options(${name} PRIVATE "SHELL:-Xclang -fno-pch-timestamp")
    target_precompile_headers(${name} PRIVATE ${ARGN})
    set_target_properties(${name} PROPERTIES CXX_COMPILER_LAUNCHER "")
endfunction()

function(sennit_use_precompiled target)
    if(NOT SENNIT_PRECOMPILE)
        return()
    endif()
    set(headers sennit_precompiled_gtest)
    if(target IN_LIST SENNIT_TESTS_OF_EVERYTHING)
        set(headers sennit_precompiled_all)
    endif()
    target_compile_options(${target} PRIVATE "SHELL:-Xclang -fno-pch-timestamp")
    target_precompile_headers(${target} REUSE_FROM ${headers})
endfunction()
