# Compiler settings that hold for Sennit's own targets: compiler cache, warnings, sanitizers.
# Users who add Sennit as a subdirectory get none of them.

if(PROJECT_IS_TOP_LEVEL)
    set(CMAKE_CXX_EXTENSIONS OFF)
    find_program(SENNIT_CCACHE ccache)
    mark_as_advanced(SENNIT_CCACHE)
    if(SENNIT_CCACHE AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
        # It learns what a file includes from the compiler, rather than running the preprocessor before; and it need not
        # ask for what a precompiled header may hide: nothing here depends on __TIME__ or defines macros before it.
        set(CMAKE_CXX_COMPILER_LAUNCHER env CCACHE_DEPEND=1 CCACHE_SLOPPINESS=pch_defines,time_macros
                                        "${SENNIT_CCACHE}")
    endif()
endif()

function(sennit_warnings target)
    target_compile_options(${target} PRIVATE -Wall -Wextra -Wshadow)
    if(CMAKE_CXX_COMPILER_ID MATCHES "Clang")
        target_compile_options(${target} PRIVATE -Wthread-safety)
    else()
        # GCC 12 reports temporaries of coroutine frames that it initialises itself.
        target_compile_options(${target} PRIVATE -Wno-maybe-uninitialized)
    endif()
    if(SENNIT_WERROR)
        target_compile_options(${target} PRIVATE -Werror)
    endif()
endfunction()

# The sanitizers apply to every target of the build, because instrumented and plain code must not be
# mixed. The environment of the tests goes with them: a report fails the test that caused it. Stacks
# change hands, so a "use after return" of ASan's fake stack could not be told from a fiber that
# moved on; that check stays off.
set(SENNIT_TEST_ENVIRONMENT "")
if(SENNIT_SANITIZE STREQUAL "address")
    set(sanitize_flags -fsanitize=address,undefined -fno-omit-frame-pointer)
    set(SENNIT_TEST_ENVIRONMENT "ASAN_OPTIONS=detect_stack_use_after_return=0"
                                "UBSAN_OPTIONS=print_stacktrace=1:halt_on_error=1")
elseif(SENNIT_SANITIZE STREQUAL "thread")
    set(sanitize_flags -fsanitize=thread -fno-omit-frame-pointer)
    set(SENNIT_TEST_ENVIRONMENT "TSAN_OPTIONS=halt_on_error=1:atexit_sleep_ms=10")
elseif(NOT SENNIT_SANITIZE STREQUAL "")
    message(FATAL_ERROR "SENNIT_SANITIZE is \"${SENNIT_SANITIZE}\", "
                        "but it must be empty, address or thread")
endif()
if(sanitize_flags)
    add_compile_options(${sanitize_flags})
    add_link_options(${sanitize_flags})
endif()
