# Checks that are part of the build: the layer rule, each header alone, every example of the
# documentation.

find_package(Python3 QUIET COMPONENTS Interpreter)
if(NOT PROJECT_IS_TOP_LEVEL OR NOT Python3_FOUND)
    return()
endif()

# In the build a file that no CMakeLists.txt lists yet is a warning, because somebody is about to
# list it; in the test it is an error.
set(check_layers "${Python3_EXECUTABLE}" "${PROJECT_SOURCE_DIR}/tools/check_layers.py")
add_custom_target(sennit_layers ALL COMMAND ${check_layers} --draft
                  COMMENT "Checking the layers" VERBATIM)
if(SENNIT_TESTS)
    add_test(NAME tools.check_layers COMMAND ${check_layers})
    set_tests_properties(tools.check_layers PROPERTIES TIMEOUT 120 LABELS tools)
endif()

if(NOT SENNIT_CHECKS)
    return()
endif()

get_property(headers GLOBAL PROPERTY SENNIT_HEADERS)
set(alone_sources "")
foreach(header IN LISTS headers)
    string(MAKE_C_IDENTIFIER "${header}" name)
    set(source "${PROJECT_BINARY_DIR}/headers/${name}.cpp")
    file(CONFIGURE OUTPUT "${source}" CONTENT "#include <${header}>\n")
    list(APPEND alone_sources "${source}")
endforeach()
add_library(sennit_headers_alone OBJECT ${alone_sources})
target_link_libraries(sennit_headers_alone PRIVATE sennit::sennit)
sennit_warnings(sennit_headers_alone)

# One generated file for each layer and one for the pages, because each pays for including all of
# Sennit.
set(check_examples "${PROJECT_SOURCE_DIR}/tools/check_examples.py")
set(example_groups "")
foreach(header IN LISTS headers)
    cmake_path(GET header PARENT_PATH folder)
    cmake_path(GET folder FILENAME group)
    list(APPEND example_groups ${group})
    list(APPEND examples_of_${group} "${PROJECT_SOURCE_DIR}/include/${header}")
endforeach()
set(pages README.md CONTRIBUTING.md docs/architecture.md docs/guide.md)
foreach(page IN LISTS pages)
    if(EXISTS "${PROJECT_SOURCE_DIR}/${page}")
        list(APPEND example_groups pages)
        list(APPEND examples_of_pages "${PROJECT_SOURCE_DIR}/${page}")
    endif()
endforeach()
list(REMOVE_DUPLICATES example_groups)
set(example_sources "")
foreach(group IN LISTS example_groups)
    set(source "${PROJECT_BINARY_DIR}/doc_examples/${group}_examples.cpp")
    add_custom_command(OUTPUT "${source}"
                       COMMAND "${Python3_EXECUTABLE}" "${check_examples}" --output "${source}"
                               ${examples_of_${group}}
                       DEPENDS "${check_examples}" ${examples_of_${group}}
                       COMMENT "Extracting the examples of ${group}" VERBATIM)
    list(APPEND example_sources "${source}")
endforeach()
add_library(sennit_doc_examples OBJECT ${example_sources})
target_link_libraries(sennit_doc_examples PRIVATE sennit::sennit)
sennit_warnings(sennit_doc_examples)
# An example's types are its own, though its lines are counted in a header: GCC's warning about
# types without linkage in headers does not apply.
target_compile_options(
    sennit_doc_examples PRIVATE -Wno-unused -Wno-shadow -Wno-return-type -Wunused-result
                                $<$<CXX_COMPILER_ID:GNU>:-Wno-subobject-linkage>)
