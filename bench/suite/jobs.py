"""A job is one row of the results: a system with a variant and a number of threads on a case. It runs once each round."""

import dataclasses
import json
import os
import subprocess
import time

from cases import Case
from servers import PROCESS_LIMIT_S, run_server
from systems import BUILD, ROOT, System

UNSUPPORTED = 3  # the exit status of a program that has not this combination


@dataclasses.dataclass
class Job:
    case: Case
    system: System
    variant: str
    threads: int
    values: list = dataclasses.field(default_factory=list)
    cpus: list = dataclasses.field(default_factory=list)
    extras: dict = dataclasses.field(default_factory=dict)
    runs: int = 0
    seconds: float = 0  # how long the last one took
    is_over: bool = False  # it is not supported, or it failed
    trouble: str | None = None  # why it failed

    def name(self):
        return f"{self.case.id}: {self.system.name} {self.variant} t{self.threads}"


def jobs_of(case, systems):
    if case.kind == "compile":
        return [Job(case, system, "hello", 1) for system in systems if system.hello]
    workload = {"echo": "echo_server", "http": "http_server"}.get(case.kind, case.workload)
    found = []
    for system in systems:
        for offered in system.listing["workloads"]:
            if offered["name"] != workload:
                continue
            # A server has one core, so it has one thread.
            counts = [1] if case.kind in ("echo", "http") else [n for n in offered["threads"] if n <= 2]
            found += [Job(case, system, variant, n) for variant in offered["variants"] for n in counts]
    return found


def value_of(case, line):
    """What a repetition measured, in the case's unit; and its CPU time in the same."""
    ops = max(line["ops"], 1)
    wall, cpu = line["wall_ns"] / ops, line["cpu_ns"] / ops
    if case.metric == "wall":
        return wall * case.scale, cpu * case.scale
    if case.metric == "cpu":
        return cpu * case.scale, cpu * case.scale
    if case.metric == "total":
        return line["wall_ns"] * case.scale, line["cpu_ns"] * case.scale
    return line["extra"][case.metric] * case.scale, None


def run_work(job, options):
    parameters = {**job.case.parameters, **(job.case.quick if options.quick else {})}
    command = [job.system.program, job.case.workload, "--variant", job.variant, "--threads", str(job.threads),
               "--reps", str(options.reps)]
    command += [word for key, value in parameters.items() for word in (f"--{key}", str(value))]
    done = subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=PROCESS_LIMIT_S)
    if done.returncode == UNSUPPORTED:
        job.is_over = True
        return
    if done.returncode != 0:
        raise RuntimeError(done.stderr.strip() or f"exit status {done.returncode}")
    lines = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    for line in lines[1:]:  # the first pays for the first touch of memory
        value, cpu = value_of(job.case, line)
        job.values.append(value)
        if cpu is not None:
            job.cpus.append(cpu)
        for key, extra in line["extra"].items():
            job.extras.setdefault(key, []).append(extra)


def run_compile(job, options):
    """The time to compile a changed hello world against libraries that are built, and its size without symbols."""
    command, source, program = job.system.hello
    if job.case.parameters["what"] == "size":
        BUILD.mkdir(parents=True, exist_ok=True)
        stripped = BUILD / "stripped"
        subprocess.run(["strip", "-o", str(stripped), program], check=True)
        job.values.append(stripped.stat().st_size / 1024)
        return
    # A comment that changes, since Go looks at the content and ccache too; it is taken away again.
    text = source.read_text(encoding="utf-8")
    used = os.times()
    try:
        source.write_text(f"{text}// {time.time_ns()}\n", encoding="utf-8")
        begin = time.monotonic()
        subprocess.run(command, check=True, cwd=ROOT, capture_output=True, env={**os.environ, "CCACHE_DISABLE": "1"})
        job.values.append(time.monotonic() - begin)
        now = os.times()
        job.cpus.append(now.children_user + now.children_system - used.children_user - used.children_system)
    finally:
        source.write_text(text, encoding="utf-8")


def run_job(job, options):
    """Once. A job that fails is over, and says why; the others go on."""
    runner = {"work": run_work, "echo": run_server, "http": run_server, "compile": run_compile}[job.case.kind]
    begin = time.monotonic()
    try:
        runner(job, options)
    except (RuntimeError, OSError, ValueError, KeyError, subprocess.SubprocessError) as error:
        job.is_over = True
        job.trouble = f"{job.name()} failed: {' '.join(str(error).split())}"
    job.seconds = time.monotonic() - begin
