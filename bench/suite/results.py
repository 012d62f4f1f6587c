"""The results of a run: what was measured, where and of what. report.py and page.py show them.

They are one file of JSON that is written after each case, as a whole or not at all, so a run that is cut off has lost no more than the case
it was at, and `--resume` goes on with the others.
"""

import datetime
import hashlib
import json
import os
import pathlib
import platform
import re
import subprocess

from systems import ROOT

WRITTEN_BY_BENCH = ("docs/benchmarks.md", "bench/results")  # whose changes are none of what is measured


def machine():
    cpu = "unknown"
    for line in pathlib.Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            cpu = line.split(":", 1)[1].strip()
            break
    environment = [f"{key}={value}" for key, value in sorted(os.environ.items())
                   if re.match(r"(GOGC|GOMEMLIMIT|GODEBUG|GOAMD64|MALLOC_.*|LD_PRELOAD|RUSTFLAGS)$", key)]
    return {"cpu": cpu, "cores": os.cpu_count(), "kernel": f"{platform.system()} {platform.release()}", "environment": environment,
            "memory_gib": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30, 1)}


def git(*arguments):
    return subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True).stdout


def commit():
    """Its name; with changes on top of it, also what they hash to."""
    changes = git("diff", "HEAD", "--", ".", *(f":(exclude){path}" for path in WRITTEN_BY_BENCH))
    name = git("describe", "--always", "--abbrev=12").decode().strip() or "unknown"
    return f"{name}-dirty-{hashlib.sha256(changes).hexdigest()[:8]}" if changes else name


def conditions(options):
    """What a run has to have in common with the one that it goes on with, before anything is built; plan() is the rest."""
    return {"commit": commit(), "machine": machine(), "rounds": options.rounds, "reps": options.reps, "is_quick": options.quick}


def differences(kept, now, of=""):
    """One line for each value that is not the same, two dictionaries deep or more."""
    found = []
    for key in sorted(kept.keys() | now.keys()):
        before, after = kept.get(key), now.get(key)
        if isinstance(before, dict) and isinstance(after, dict):
            found += differences(before, after, f"{of}{key} ")
        elif before != after:
            found.append(f"{of}{key}: {before} there, {after} here")
    return found


def planned_cases(report):
    """The names of all, of those too that are missing."""
    return sorted([case["id"] for case in report["cases"]] + report["missing"])


def row_of(job):
    return {"case": job.case.id, "system": job.system.name, "group": job.system.group, "variant": job.variant, "threads": job.threads,
            "values": job.values, "cpus": job.cpus, "extras": job.extras}


class Results:
    """The finished cases of a run, with their rows. `skipped` is why something was not measured, a line each."""

    def __init__(self, path, chosen, systems, conditions, skipped):
        self.path, self.chosen, self.conditions = path, chosen, conditions
        self.versions = {system.name: system.listing["versions"] for system in systems}
        self.skipped = list(skipped)
        self.rows = {}  # by the case

    def plan(self):
        """What else it has to have in common with an earlier run: its cases and its systems."""
        return {"cases": sorted(case.id for case in self.chosen), "versions": self.versions}

    def missing(self):
        return [case for case in self.chosen if case.id not in self.rows]

    def is_empty(self):
        return not any(self.rows.values())

    def take_over(self, kept):
        """Goes on with the results of an earlier run."""
        self.skipped = list(dict.fromkeys(kept["skipped"] + self.skipped))
        self.rows = {case["id"]: [row for row in kept["rows"] if row["case"] == case["id"]] for case in kept["cases"]}

    def add(self, case, jobs):
        """A case is finished."""
        self.skipped += [job.trouble for job in jobs if job.trouble]
        self.rows[case.id] = [row_of(job) for job in jobs if job.values and not job.is_over]
        self.save()

    def report(self):
        finished = [case for case in self.chosen if case.id in self.rows]
        return {
            "date": datetime.date.today().isoformat(), **self.conditions, "skipped": self.skipped,
            "missing": [case.id for case in self.missing()], "versions": self.versions,
            "cases": [{"id": c.id, "title": c.title, "unit": c.unit, "workload": c.workload} for c in finished],
            "rows": [row for case in finished for row in self.rows[case.id]],
        }

    def save(self):
        if self.is_empty():
            return
        self.path.parent.mkdir(parents=True, exist_ok=True)
        unfinished = self.path.with_name(self.path.name + ".part")
        unfinished.write_text(json.dumps(self.report(), indent=1) + "\n", encoding="utf-8")
        os.replace(unfinished, self.path)
