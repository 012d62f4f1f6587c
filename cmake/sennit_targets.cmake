# The functions that the CMakeLists.txt of a layer uses: sennit_headers, sennit_test, sennit_bench.

# Adds a part of the project that may be absent from a partial checkout.
function(sennit_add_subdirectory folder)
    if(EXISTS "${PROJECT_SOURCE_DIR}/${folder}/CMakeLists.txt")
        add_subdirectory("${PROJECT_SOURCE_DIR}/${folder}" "${PROJECT_BINARY_DIR}/${folder}")
    endif()
endfunction()

# sennit_headers(<layer> a.hpp b.hpp …): names the public headers of a layer, relative to
# include/sennit/<layer>. Each is compiled alone and its examples are compiled;
# tools/check_layers.py fails when one is missing here.
function(sennit_headers layer)
    set(folder "sennit/${layer}")
    cmake_path(NORMAL_PATH folder)
    foreach(name IN LISTS ARGN)
        cmake_path(APPEND folder "${name}" OUTPUT_VARIABLE header)
        if(NOT EXISTS "${PROJECT_SOURCE_DIR}/include/${header}")
            message(FATAL_ERROR "sennit_headers(${layer} …) names ${name}, "
                                "but include/${header} does not exist")
        endif()
        set_property(GLOBAL APPEND PROPERTY SENNIT_HEADERS "${header}")
    endforeach()
endfunction()

# sennit_test_program(<target> a_test.cpp …): a GoogleTest program, with GoogleMock's main.
function(sennit_test_program target)
    add_executable(${target} ${ARGN})
    sennit_test_options(${target})
    sennit_use_precompiled(${target})
endfunction()

# sennit_test(<layer> a_test.cpp b_test.cpp …): one GoogleTest program, test_<layer>, whose cases
# become tests of ctest with the layer's label. A case that takes longer than two minutes fails.
function(sennit_test layer)
    set(target test_${layer})
    sennit_test_program(${target} ${ARGN})
    gtest_discover_tests(${target} DISCOVERY_MODE PRE_TEST TEST_PREFIX ${layer}.
                         TEST_LIST ${target}_cases PROPERTIES TIMEOUT 120 LABELS ${layer})
    # gtest_discover_tests cannot pass on a property that is a list; a file that ctest reads after
    # the discovery can.
    if(SENNIT_TEST_ENVIRONMENT)
        set(file "${CMAKE_CURRENT_BINARY_DIR}/${target}_environment.cmake")
        file(CONFIGURE OUTPUT "${file}" @ONLY CONTENT
             "set_tests_properties(\${@target@_cases} PROPERTIES
                     ENVIRONMENT \"@SENNIT_TEST_ENVIRONMENT@\")\n")
        set_property(DIRECTORY APPEND PROPERTY TEST_INCLUDE_FILES "${file}")
    endif()
endfunction()

# sennit_bench(<name>_bench a.cpp …): one Google Benchmark program, run by `make bench`.
function(sennit_bench target)
    add_executable(${target} ${ARGN})
    target_link_libraries(${target} PRIVATE sennit::sennit benchmark::benchmark_main)
    sennit_warnings(${target})
    add_dependencies(sennit_benches ${target})
endfunction()

if(SENNIT_TESTS)
    include(GoogleTest)
endif()
