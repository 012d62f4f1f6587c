#!/usr/bin/env python3
"""The CPU time that a compiler needs for the programs in this folder, without optimisation, beside one that includes <iostream>,
<thread> and <functional>. Rounds are interleaved; figures are medians with the lowest and highest."""
import argparse
import json
import pathlib
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
PROGRAMS = ("standard", "vocabulary", "everything")


def seconds_to_compile(compiler, program, folder):
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([compiler, "-std=c++23", f"-I{ROOT / 'include'}", "-c", HERE / f"{program}.cpp", "-o", f"{folder}/{program}.o"],
                   check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def measure(compiler, rounds, folder):
    times = {program: [] for program in PROGRAMS}
    for i in range(rounds):
        print(f"\r{compiler}: round {i + 1} of {rounds} ", end="", file=sys.stderr, flush=True)
        for program in PROGRAMS:
            times[program].append(seconds_to_compile(compiler, program, folder))
    print("\r", end="", file=sys.stderr)
    base = statistics.median(times["standard"])
    return {program: {"seconds": statistics.median(t), "lowest": min(t), "highest": max(t), "ratio": statistics.median(t) / base}
            for program, t in times.items()}


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--compilers", default="clang++-19,g++-12")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    options = parser.parse_args()
    if options.rounds < 1:
        parser.error("--rounds must be at least 1")
    compilers = [c for c in options.compilers.split(",") if shutil.which(c)]
    if not compilers:
        parser.error(f"none of the compilers is installed: {options.compilers}")
    with tempfile.TemporaryDirectory() as folder:
        found = {compiler: measure(compiler, options.rounds, folder) for compiler in compilers}
    if options.json:
        print(json.dumps(found, indent=2))
        return
    print(f"{'compiler':12} {'program':12} {'CPU s':>7} {'lowest':>7} {'highest':>8} {'ratio':>6}")
    for compiler, programs in found.items():
        for program, t in programs.items():
            print(f"{compiler:12} {program:12} {t['seconds']:7.3f} {t['lowest']:7.3f} {t['highest']:8.3f} {t['ratio']:6.2f}")


if __name__ == "__main__":
    main()
