#!/usr/bin/env bash
# Installs what building, testing and measuring Sennit needs. On Debian 12 it asks apt for the
# missing packages, as root or through sudo; on another system it only checks that the tools are
# there. Silent when nothing is missing.
set -euo pipefail

packages=(
    clang-19 lld-19 clang-format-19 clang-tidy-19 libclang-rt-19-dev llvm-19
    g++-12 g++-12-aarch64-linux-gnu qemu-user-static
    cmake ninja-build make ccache git python3
    libboost1.81-dev libboost-fiber1.81-dev libboost-context1.81-dev
    libgtest-dev libgmock-dev libbenchmark-dev libcli11-dev nlohmann-json3-dev
    libtbb-dev
    curl wrk valgrind
)

# Each tool or header that another system must provide, in its own way.
needed_tools=(clang++-19 ld.lld-19 clang-format-19 clang-tidy-19 g++-12 cmake ninja git python3
              curl)
needed_headers=(boost/beast/core.hpp boost/fiber/all.hpp gtest/gtest.h gmock/gmock.h
                benchmark/benchmark.h CLI/CLI.hpp nlohmann/json.hpp)

fail() {
    echo "setup: $*" >&2
    exit 1
}

is_debian_12() {
    [[ -r /etc/os-release ]] || return 1
    (. /etc/os-release && [[ ${ID:-} == debian && ${VERSION_ID:-} == 12 ]])
}

# Fills `missing` with the packages that are not installed. dpkg-query fails when it does not know
# one, and still answers for the others.
find_missing_packages() {
    local installed package
    installed=$(dpkg-query -W -f='${db:Status-Status} ${Package}\n' "${packages[@]}" 2>/dev/null) ||
        true
    missing=()
    for package in "${packages[@]}"; do
        [[ $'\n'$installed$'\n' == *$'\n'"installed $package"$'\n'* ]] || missing+=("$package")
    done
}

check_other_system() {
    local missing=() tool header
    for tool in "${needed_tools[@]}"; do
        command -v "$tool" >/dev/null || missing+=("$tool")
    done
    if command -v clang++-19 >/dev/null; then
        for header in "${needed_headers[@]}"; do
            echo "#if !__has_include(<$header>)
#error
#endif" | clang++-19 -E -x c++ - >/dev/null 2>&1 || missing+=("<$header>")
        done
    fi
    ((${#missing[@]} == 0)) ||
        fail "this is not Debian 12, so nothing was installed; please provide: ${missing[*]}"
}

run_as_root() {
    if ((EUID == 0)); then
        "$@"
    else
        sudo "$@"
    fi
}

install_missing_packages() {
    echo "setup: ${#missing[@]} packages are missing: ${missing[*]}"
    if ((EUID != 0)) && ! command -v sudo >/dev/null; then
        fail "installing them needs root or sudo; as root: apt-get install ${missing[*]}"
    fi
    echo "setup: [1/2] refreshing the package lists"
    run_as_root apt-get update -qq || fail "apt-get update failed; is the network there?"
    echo "setup: [2/2] installing; this takes a minute or two"
    run_as_root env DEBIAN_FRONTEND=noninteractive \
        apt-get install -y -q --no-install-recommends "${missing[@]}" |
        sed -nu 's/^\(Get:[0-9]*\|Setting up\) /setup:   &/p' ||
        fail "apt-get install failed; see the messages above"
    find_missing_packages
    ((${#missing[@]} == 0)) || fail "still missing after the installation: ${missing[*]}"
    echo "setup: done"
}

if is_debian_12; then
    find_missing_packages
    ((${#missing[@]} == 0)) || install_missing_packages
else
    check_other_system
fi
