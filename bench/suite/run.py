#!/usr/bin/env python3
"""Runs the comparison suite and writes its report: `make bench`. README.md beside this file is the programs' protocol.

Each round runs every system once on a case before the next round does: A B C A B C. All rounds of a case are over before the next
case begins, and its results are written then: a run that is stopped keeps them, and `--resume` measures the others.
"""

import argparse
import json
import pathlib
import shutil
import sys
import traceback

import report as reporting
from cases import all_cases
from jobs import jobs_of, run_job
from page import html_page
from progress import end_progress, say, show_progress
from results import Results, conditions, differences, planned_cases
from servers import echo_client
from stopping import Stopped, stoppable
from systems import BUILD, HERE, built_programs, find_systems, only_wanted


def measure(results, systems, options):
    groups = [(case, jobs_of(case, systems)) for case in results.missing()]
    all_jobs, done = [job for _, group in groups for job in group], 0
    for case, group in groups:
        for _ in range(options.rounds):
            for job in group:
                show_progress(done, all_jobs, options.rounds, job)
                done += 1
                if job.is_over:
                    continue
                run_job(job, options)
                job.runs += 1
                if job.trouble:
                    end_progress()
                    say(job.trouble)
        results.add(case, group)


def measure_what_is_missing(results, systems, options):
    """The exit status. Whatever ends the measuring, the results have the cases that were finished."""
    try:
        measure(results, systems, options)
        return 0
    except Stopped as stopped:
        end_progress()
        say(stopped)
        return stopped.status
    except Exception:  # noqa: BLE001
        end_progress()
        traceback.print_exc()
        return 1


def write_reports(report, options):
    targets = json.loads((HERE / "targets.json").read_text(encoding="utf-8"))
    checked = reporting.check_targets(report, targets)
    options.html.parent.mkdir(parents=True, exist_ok=True)
    options.html.write_text(html_page(report, checked), encoding="utf-8")
    say(f"the page: {options.html}")
    if options.docs and report.get("missing"):
        say(f"{options.docs} stays as it is, since cases are missing")
    elif options.docs:
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
    parser.add_argument("--resume", action="store_true", help="go on with the results in --json: measure the cases that they have not")
    parser.add_argument("--programs", type=pathlib.Path,
                        help="measure the C++ programs that are in this folder, and build nothing")
    parser.add_argument("--json", type=pathlib.Path, default=BUILD / "latest.json", help="where the results go")
    parser.add_argument("--html", type=pathlib.Path, default=BUILD / "index.html", help="where the page goes")
    parser.add_argument("--docs", type=pathlib.Path, help="the page whose table is replaced, between its markers")
    parser.add_argument("--only-report", action="store_true", help="write the reports of --json again; measure nothing")
    parser.add_argument("--check-targets", action="store_true", help="print each mark, and whether it holds")
    options = parser.parse_args(arguments)
    if options.quick:
        options.rounds, options.reps = 1, 2
    return options


def chosen_cases(options, skipped):
    chosen = [case for case in all_cases() if not options.workload or case.workload in options.workload]
    if not echo_client(options).exists() and any(case.kind == "echo" for case in chosen):
        skipped.append("echo (its client is not built)")
        chosen = [case for case in chosen if case.kind != "echo"]
    if not shutil.which("wrk") and any(case.kind == "http" for case in chosen):
        skipped.append("http (wrk is not installed)")
        chosen = [case for case in chosen if case.kind != "http"]
    return chosen


def kept_results(options):
    """What an earlier run has left, None without that."""
    try:
        return json.loads(options.json.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        say(f"there is nothing to go on with: {error}")
        return None


def is_at_odds(options, kept, now):
    """True when the results that were kept are of something else than `now`; says what."""
    found = differences({key: kept.get(key) for key in now}, now)
    if found:
        say(f"{options.json} is of another run:\n" + "\n".join(f"  {line}" for line in found))
    return bool(found)


def run(options):
    """The exit status."""
    now, kept = conditions(options), None
    if options.resume:
        kept = kept_results(options)
        if kept is None or is_at_odds(options, kept, now):
            return 2
    skipped = []
    wanted = options.peers | {"sennit"} if options.peers else set()
    systems = list(built_programs(options.programs)) if options.programs else find_systems(wanted, skipped)
    systems = only_wanted(systems, wanted)
    chosen = chosen_cases(options, skipped)
    for line in skipped:
        say(f"skipping {line}")
    results = Results(options.json, chosen, systems, now, skipped)
    if kept:
        if is_at_odds(options, {**kept, "cases": planned_cases(kept)}, results.plan()):
            return 2
        results.take_over(kept)
    status = measure_what_is_missing(results, systems, options)
    if results.is_empty():
        say("nothing was measured")
        return status or 1
    results.save()
    say(f"the results: {options.json}")
    report = results.report()
    write_reports(report, options)
    if report["missing"]:
        say(f"missing, and measured by --resume: {', '.join(report['missing'])}")
    return status


def main(arguments):
    options = parse_options(arguments)
    if options.only_report:
        write_reports(json.loads(options.json.read_text(encoding="utf-8")), options)
        return 0
    known = {case.workload for case in all_cases()}
    if options.workload and not options.workload & known:
        say(f"no such workload; there are {', '.join(sorted(known))}")
        return 2
    with stoppable():
        try:
            return run(options)
        except Stopped as stopped:  # while it builds
            say(stopped)
            return stopped.status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
