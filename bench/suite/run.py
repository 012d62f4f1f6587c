#!/usr/bin/env python3
"""Runs the comparison suite and writes its report: `make bench`. README.md beside this file is the programs' protocol.

Each round runs every system once on a case before the next round does: A B C A B C. The first repetition of each process is
dropped. What cannot be built is skipped, with one line that says why.
"""

import argparse
import json
import pathlib
import shutil
import sys
import time

import report as reporting
from cases import all_cases
from jobs import jobs_of, run_job
from progress import say, show_progress
from results import build_report
from servers import echo_client
from systems import BUILD, HERE, built_programs, find_systems, only_wanted


def measure(chosen, systems, options, skipped):
    groups = [jobs_of(case, systems) for case in chosen]
    total = options.rounds * sum(len(group) for group in groups)
    begin, done = time.monotonic(), 0
    for group in groups:
        for _ in range(options.rounds):
            for job in group:
                show_progress(done, total, begin, job)
                done += 1
                trouble = None if job.is_over else run_job(job, options)
                if trouble:
                    skipped.append(trouble)
                    say(("\n" if sys.stderr.isatty() else "") + trouble)
    if sys.stderr.isatty():
        print("\r\x1b[K", end="", file=sys.stderr)
    return [job for group in groups for job in group if job.values and not job.is_over]


def write_reports(report, options):
    targets = json.loads((HERE / "targets.json").read_text(encoding="utf-8"))
    checked = reporting.check_targets(report, targets)
    options.html.parent.mkdir(parents=True, exist_ok=True)
    options.html.write_text(reporting.page(report, checked), encoding="utf-8")
    say(f"the page: {options.html}")
    if options.docs:
        text = options.docs.read_text(encoding="utf-8")
        options.docs.write_text(reporting.insert_between_markers(text, reporting.markdown(report)), encoding="utf-8")
        say(f"the table: {options.docs}")
    if options.check_targets:
        print(reporting.targets_text(checked))


def names(text):
    return {name for name in text.replace(",", " ").split() if name}


def parse_options(arguments):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--workload", type=names, default=set(), help="only these, separated by commas: ping_pong,echo")
    parser.add_argument("--peers", type=names, default=set(), help="only these besides Sennit: go,tokio; `all` adds tokio_jemalloc")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--reps", type=int, default=4, help="repetitions of a process, of which the first is dropped")
    parser.add_argument("--quick", action="store_true", help="small and short: shows that everything works")
    parser.add_argument("--programs", type=pathlib.Path,
                        help="measure the C++ programs that are in this folder, and build nothing")
    parser.add_argument("--json", type=pathlib.Path, default=BUILD / "latest.json", help="where the results go")
    parser.add_argument("--html", type=pathlib.Path, default=BUILD / "index.html", help="where the page goes")
    parser.add_argument("--docs", type=pathlib.Path, help="the page whose table is replaced, between its markers")
    parser.add_argument("--only-report", action="store_true", help="write the reports of --json again; measure nothing")
    parser.add_argument("--check-targets", action="store_true", help="print each mark, and whether it holds")
    options = parser.parse_args(arguments)
    if options.quick:
        options.rounds = 1
    return options


def main(arguments):
    options = parse_options(arguments)
    if options.only_report:
        write_reports(json.loads(options.json.read_text(encoding="utf-8")), options)
        return 0
    chosen = [case for case in all_cases() if not options.workload or case.workload in options.workload]
    if not chosen:
        known = ", ".join(sorted({case.workload for case in all_cases()}))
        say(f"no such workload; there are {known}")
        return 2
    skipped = []
    wanted = options.peers | {"sennit"} if options.peers else set()
    systems = list(built_programs(options.programs)) if options.programs else find_systems(wanted, skipped)
    systems = only_wanted(systems, wanted)
    if not echo_client(options).exists() and any(case.kind == "echo" for case in chosen):
        skipped.append("echo (its client is not built)")
        chosen = [case for case in chosen if case.kind != "echo"]
    if not shutil.which("wrk") and any(case.kind == "http" for case in chosen):
        skipped.append("http (wrk is not installed)")
        chosen = [case for case in chosen if case.kind != "http"]
    for line in skipped:
        say(f"skipping {line}")
    jobs = measure(chosen, systems, options, skipped)
    if not jobs:
        say("nothing was measured")
        return 1
    report = build_report(chosen, systems, jobs, options, skipped)
    options.json.parent.mkdir(parents=True, exist_ok=True)
    options.json.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
    say(f"the results: {options.json}")
    write_reports(report, options)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
