# The commands of the project. Each does all of its own set-up.
#   make run ARGS="--port 9000"     passes options on to `sennit serve`
#   make test TESTS=channel         runs the tests whose names match
#   make bench WORKLOAD=ping_pong PEERS=go,tokio ROUNDS=1   narrows the comparison
#   make bench RESUME=1             goes on with the comparison that was stopped
#   make bench-kernel BENCHES=fiber runs the benchmarks of the parts whose names match
#   JOBS=4                          limits the number of parallel jobs

JOBS ?= $(shell nproc)
ARGS ?=
TESTS ?=
BENCHES ?=
WORKLOAD ?=
ROUNDS ?= 3
PEERS ?=
RESUME ?=

.DEFAULT_GOAL := help
.PHONY: help setup run test check bench bench-kernel bench-compile format tidy clean

help: ## list these commands
	@echo "Sennit: make <command>"
	@sed -n 's/^\([a-z-]*\):[^#]*## \(.*\)/  \1\t\2/p' $(MAKEFILE_LIST) | expand -t 16

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

bench: setup ## compare with Go, tokio and the C++ peers; a page and the table of docs/benchmarks.md
	@bench/suite/run.py --check-targets --rounds '$(ROUNDS)' --workload '$(WORKLOAD)' --peers '$(PEERS)' \
		$(if $(RESUME),--resume) $(if $(WORKLOAD)$(PEERS),,--json bench/results/latest.json --docs docs/benchmarks.md)

bench-kernel: setup ## build the release and run the benchmarks of the parts
	@scripts/build.sh release sennit_benches
	@scripts/bench.sh '$(BENCHES)'

bench-compile: setup ## the CPU time that compiling takes, beside three headers of the standard library
	@bench/compile_time/measure.py

format: setup ## format all C++ files
	@scripts/format.sh --fix

tidy: setup ## run clang-tidy on all C++ files
	@scripts/build.sh dev
	@run-clang-tidy-19 -quiet -j $(JOBS) -p build/dev '^$(CURDIR)/(src|tools|examples|tests|bench)/'

clean: ## remove everything that was built
	@rm -rf build
