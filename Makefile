# The commands of the project. Each does all of its own set-up.
#   make run ARGS="--port 9000"     passes options on to `sennit serve`
#   make test TESTS=channel         runs the tests whose names match
#   make bench BENCHES=fiber        runs the benchmarks whose names match
#   JOBS=4                          limits the number of parallel jobs

JOBS ?= $(shell nproc)
ARGS ?=
TESTS ?=
BENCHES ?=

.DEFAULT_GOAL := help
.PHONY: help setup run test check bench format tidy clean

help: ## list these commands
	@echo "Sennit: make <command>"
	@sed -n 's/^\([a-z]*\):[^#]*## \(.*\)/  \1\t\2/p' $(MAKEFILE_LIST) | expand -t 12

setup: ## install what is missing on this machine (Debian 12, root or sudo)
	@scripts/setup.sh

run: setup ## build the release and start `sennit serve` on 127.0.0.1:8080; options in ARGS
	@scripts/build.sh release sennit_cli
	@exec build/release/tools/sennit/sennit serve $(ARGS)

test: setup ## build for development and run all tests
	@scripts/build.sh dev
	@ctest --preset dev -j $(JOBS) $(if $(TESTS),-R '$(TESTS)')

check: setup ## do all that continuous integration does: every preset, format, layers, AArch64
	@.ci/run

bench: setup ## build the release and run the benchmarks
	@scripts/build.sh release sennit_benches
	@scripts/bench.sh '$(BENCHES)'

format: setup ## format all C++ files
	@scripts/format.sh --fix

tidy: setup ## run clang-tidy on all C++ files
	@scripts/build.sh dev
	@run-clang-tidy-19 -quiet -j $(JOBS) -p build/dev '^$(CURDIR)/(src|tools|examples|tests|bench)/'

clean: ## remove everything that was built
	@rm -rf build
