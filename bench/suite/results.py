"""The results of a run: what was measured, where and of what. report.py makes pages of them."""

import datetime
import os
import pathlib
import platform
import re
import subprocess

from systems import ROOT


def machine():
    cpu = "unknown"
    for line in pathlib.Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            cpu = line.split(":", 1)[1].strip()
            break
    return {"cpu": cpu, "cores": os.cpu_count(), "kernel": f"{platform.system()} {platform.release()}",
            "environment": [f"{key}={value}" for key, value in sorted(os.environ.items())
                            if re.match(r"(GOGC|GOMEMLIMIT|GODEBUG|GOAMD64|MALLOC_.*|LD_PRELOAD|RUSTFLAGS)$", key)],
            "memory_gib": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30, 1)}


def commit():
    text = subprocess.run(["git", "describe", "--always", "--abbrev=12", "--dirty"], cwd=ROOT, capture_output=True, text=True).stdout
    return text.strip() or "unknown"


def build_report(chosen, systems, jobs, options, skipped):
    return {
        "date": datetime.date.today().isoformat(), "commit": commit(), "machine": machine(), "rounds": options.rounds,
        "is_quick": options.quick, "skipped": skipped,
        "versions": {system.name: system.listing["versions"] for system in systems},
        "cases": [{"id": c.id, "title": c.title, "unit": c.unit, "workload": c.workload} for c in chosen],
        "rows": [{"case": j.case.id, "system": j.system.name, "group": j.system.group, "variant": j.variant, "threads": j.threads,
                  "values": j.values, "cpus": j.cpus, "extras": j.extras} for j in jobs],
    }
