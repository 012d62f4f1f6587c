#!/usr/bin/env python3
"""Runs the comparison suite and writes its report: `make bench`. README.md beside this file is the programs' protocol.

Each round runs every system once on a case before the next round does: A B C A B C. The first repetition of each process is
dropped. What cannot be built is skipped, with one line that says why.
"""

import argparse
import dataclasses
import datetime
import glob
import json
import os
import pathlib
import platform
import re
import shutil
import signal
import socket
import subprocess
import sys
import time

import report as reporting

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[1]
BUILD = ROOT / "build" / "suite"
RELEASE = ROOT / "build" / "release" / "bench" / "suite"  # where the C++ programs are built
UNSUPPORTED = 3  # the exit status of a program that has not this combination
PROCESS_LIMIT_S = 120
ECHO_SIZE = 64
ONLY_BY_NAME = {"tokio_jemalloc"}  # the allocator takes minutes to build


@dataclasses.dataclass
class Case:
    """One workload with its parameters. `metric`: wall, cpu, or the name of an extra value; scaled by `scale`."""
    id: str
    title: str
    workload: str
    parameters: dict
    unit: str = "ns"
    metric: str = "wall"
    scale: float = 1.0
    quick: dict = dataclasses.field(default_factory=dict)
    kind: str = "work"


def cases():
    found = [
        Case("spawn_join", "spawn and join 1M, one parent", "spawn_join", {"batch": 0}, quick={"n": 20000}),
        Case("spawn_join batch=1000", "spawn and join, batches of 1000", "spawn_join", {"batch": 1000}, quick={"n": 20000}),
        Case("spawn_join parents=4", "spawn and join, four parents, batches of 1000", "spawn_join",
             {"batch": 1000, "parents": 4}, quick={"n": 20000}),
        Case("skynet", "skynet, per leaf", "skynet", {}, quick={"n": 10000}),
        Case("fib", "fib(28), per call", "fib", {}, quick={"n": 15}),
        Case("nqueens", "12 queens, per place", "nqueens", {"n": 12}, quick={"n": 7}),
    ]
    for buffer in (0, 1):
        found.append(Case(f"ping_pong buffer={buffer}", f"ping-pong, buffer {buffer}, per round trip", "ping_pong",
                          {"buffer": buffer}, quick={"n": 5000}))
    for k in (1, 10, 1000):
        found.append(Case(f"yield k={k}", f"yield, {k} flow{'s' if k > 1 else ''}", "yield", {"k": k}, quick={"n": 20000}))
    for producers, consumers in ((1, 1), (4, 1), (4, 4)):
        for buffer in (0, 1, 100, 1024):
            found.append(Case(f"channels {producers}x{consumers} buffer={buffer}",
                              f"channel {producers}×{consumers}, buffer {buffer}, per message", "channels",
                              {"producers": producers, "consumers": consumers, "buffer": buffer}, quick={"n": 10000}))
    found += [
        Case("select", "select over 4 channels, per message", "select", {}, quick={"n": 8000}),
        Case("oneshot", "oneshot", "oneshot", {}, quick={"n": 5000}),
        Case("mutex", "mutex, 8 contending", "mutex", {"hold": 0}, quick={"n": 16000}),
        Case("mutex hold", "mutex, 8 contending, a yield while held", "mutex", {"hold": 1}, quick={"n": 16000}),
        Case("timers_sleep", "1M timers sleeping, CPU each", "timers_sleep", {}, metric="cpu", quick={"n": 2000}),
        Case("timers_cancel all", "create 1M timers, then cancel all", "timers_cancel", {"mode": "all"}, quick={"n": 5000}),
        Case("timers_cancel one", "create and cancel timers one by one", "timers_cancel", {"mode": "one"}, quick={"n": 5000}),
        Case("timers_lateness", "lateness of timers under load, p99", "timers_lateness", {}, "µs", "p99_ns", 1e-3,
             {"n": 100, "rounds": 5}),
        Case("sieve", "prime sieve to 2000", "sieve", {}, "ms", "total", 1e-6, {"n": 150}),
    ]
    for count in (100000, 1000000):
        found.append(Case(f"memory count={count}", f"memory of a parked flow, {count:,} of them", "memory", {"count": count},
                          "bytes", "bytes_each", quick={"count": 20000}))
    found.append(Case("idle", "CPU of an idle second", "idle", {}, "µs", "cpu", 1e-3))
    for connections in (1, 64, 1000):
        found.append(Case(f"echo {connections}", f"TCP echo, {connections} connection{'s' if connections > 1 else ''}, server CPU per "
                          "request", "echo", {"connections": connections}, "µs", kind="echo"))
    found.append(Case("http", "HTTP hello, server CPU per request", "http", {"connections": 64}, "µs", kind="http"))
    found.append(Case("compile time", "hello world, compile time", "compile", {"what": "time"}, "s", kind="compile"))
    found.append(Case("compile size", "hello world, size without symbols", "compile", {"what": "size"}, "KiB", kind="compile"))
    return found


# ---- the systems

@dataclasses.dataclass
class System:
    name: str
    group: str
    program: str
    listing: dict
    hello: tuple = ()  # (the command that compiles hello world, the file to touch, the program)


def say(text):
    print(f"bench: {text}", file=sys.stderr, flush=True)


def run_build(command, what, folder=ROOT, environment=None):
    """True when it was built."""
    say(f"building {what}")
    done = subprocess.run(command, cwd=folder, env={**os.environ, **(environment or {})}, stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if done.returncode != 0:
        say(f"{what} could not be built:\n{done.stdout[-3000:]}")
    return done.returncode == 0


def listing_of(program):
    return json.loads(subprocess.run([program, "--list"], check=True, capture_output=True, text=True).stdout)


def go_toolchains():
    """(version, path of go) of each that is installed, newest first."""
    found = {}
    paths = [shutil.which("go"), "/usr/local/go/bin/go", *sorted(glob.glob("/usr/lib/go-*/bin/go"))]
    for path in paths:
        if path and os.access(path, os.X_OK):
            text = subprocess.run([path, "version"], capture_output=True, text=True,
                                  env={**os.environ, "GOTOOLCHAIN": "local"}).stdout
            match = re.search(r"go(\d+\.\d+)", text)
            if match:
                found.setdefault(match[1], path)
    return sorted(found.items(), key=lambda item: [int(n) for n in item[0].split(".")], reverse=True)


def go_systems(skipped):
    toolchains = go_toolchains()
    if not toolchains:
        skipped.append("go (no go here)")
    for version, go in toolchains:
        folder = BUILD / f"go{version}"
        environment = {"GOTOOLCHAIN": "local", "GOCACHE": str(folder / "cache"), "GOFLAGS": "-buildvcs=false"}
        program, hello = str(folder / "suite"), str(folder / "hello")
        built = (run_build([go, "build", "-o", program, "."], f"Go's with {version}", HERE / "go", environment)
                 and run_build([go, "build", "-o", hello, "./hello"], "its hello world", HERE / "go", environment))
        if not built:
            skipped.append(f"go{version} (it does not build)")
            continue
        compile_hello = (["env", *(f"{k}={v}" for k, v in environment.items()), go, "build", "-C", str(HERE / "go"), "-o", hello,
                          "./hello"], HERE / "go" / "hello" / "main.go", hello)
        if int(version.split(".")[1]) < 20:  # without -C
            compile_hello = ()
        yield System(f"go{version}", "go", program, listing_of(program), compile_hello)


def rust_systems(skipped, wanted):
    if not shutil.which("cargo"):
        skipped.append("tokio and smol (no cargo here)")
        return
    target = BUILD / "rust"
    cargo = ["cargo", "build", "--release", "--locked", "--manifest-path", str(HERE / "rust" / "Cargo.toml")]
    if not run_build([*cargo, "--target-dir", str(target)], "Rust's (a minute the first time)"):
        skipped.append("tokio and smol (they do not build)")
        return
    hello = ([*cargo, "--target-dir", str(target), "--bin", "hello_tokio"], HERE / "rust" / "src" / "bin" / "hello_tokio.rs",
             str(target / "release" / "hello_tokio"))
    for name in ("tokio", "smol"):
        program = str(target / "release" / name)
        yield System(name, name, program, listing_of(program), hello if name == "tokio" else ())
    if "tokio_jemalloc" not in wanted and "all" not in wanted:
        return
    target = BUILD / "rust_jemalloc"
    if run_build([*cargo, "--target-dir", str(target), "--features", "jemalloc", "--bin", "tokio"], "tokio with jemalloc"):
        program = str(target / "release" / "tokio")
        yield System("tokio_jemalloc", "tokio", program, listing_of(program))
    else:
        skipped.append("tokio_jemalloc (it does not build)")


def built_programs(folder):
    """The C++ systems whose programs are in a folder."""
    for program in sorted(folder.glob("suite_*")):
        if not program.is_file() or not os.access(program, os.X_OK) or program.name.endswith("client"):
            continue
        name = program.name.removeprefix("suite_")
        source, hello = HERE / name / "hello.cpp", folder / f"hello_{name}"
        compile_hello = ()
        if source.exists() and hello.exists():
            compile_hello = (["cmake", "--build", str(folder.parents[1]), "--target", hello.name], source, str(hello))
        yield System(name, name, str(program), listing_of(str(program)), compile_hello)


# What a missing library leaves out of the C++ programs.
OPTIONAL_CPP = {"asio": "Boost 1.81 was not found", "boost_fiber": "Boost.Fiber 1.81 was not found", "tbb": "oneTBB was not found"}


def cpp_systems(skipped, wanted):
    if not run_build(["scripts/build.sh", "release", "sennit_suite"], "the C++ programs"):
        skipped.append("the C++ programs (they do not build)")
        return []
    systems = list(built_programs(RELEASE))
    names_found = {system.name for system in systems}
    skipped += [f"{name} ({why})" for name, why in OPTIONAL_CPP.items()
                if name not in names_found and (not wanted or {name, "all"} & wanted)]
    return systems


def add_nginx(systems, skipped, wanted):
    if wanted and not {"nginx", "all"} & wanted:
        return
    path = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin")
    if path is None:
        skipped.append("nginx (it is not installed)")
        return
    text = subprocess.run([path, "-v"], capture_output=True, text=True).stderr
    version = re.search(r"nginx/(\S+)", text)
    systems.append(System("nginx", "nginx", path, {"versions": {"nginx": version[1] if version else "unknown"}, "workloads": [
        {"name": "http_server", "kind": "server", "variants": ["one worker"], "threads": [1], "parameters": {}}]}))


def find_systems(wanted, skipped):
    """Builds what is wanted; everything without a wish."""
    is_all = not wanted or "all" in wanted
    systems = cpp_systems(skipped, wanted)
    if is_all or any(name.startswith("go") for name in wanted):
        systems += go_systems(skipped)
    if is_all or any(name.startswith(("tokio", "smol")) for name in wanted):
        systems += rust_systems(skipped, wanted)
    add_nginx(systems, skipped, wanted)
    return systems


def only_wanted(systems, wanted):
    if not wanted or "all" in wanted:
        return systems
    return [s for s in systems if s.name in wanted or (s.group in wanted and s.name not in ONLY_BY_NAME)]


# ---- one run of one program

@dataclasses.dataclass
class Job:
    case: Case
    system: System
    variant: str
    threads: int
    values: list = dataclasses.field(default_factory=list)
    cpus: list = dataclasses.field(default_factory=list)
    extras: dict = dataclasses.field(default_factory=dict)
    is_over: bool = False  # it is not supported, or it failed

    def name(self):
        return f"{self.case.id}: {self.system.name} {self.variant} t{self.threads}"


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
               "--reps", str(2 if options.quick else options.reps)]
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


def pinned(which, command):
    """The command on the first or second of the cores that there are; anywhere when there is only one."""
    cores = sorted(os.sched_getaffinity(0))
    return ["taskset", "-c", str(cores[which]), *command] if shutil.which("taskset") and len(cores) > 1 else command


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def server_cpu_ns(pid):
    """User and system time of a process with all of its children that still run: nginx has a worker."""
    pids = [pid]
    for parent in pids:
        pids += [int(child) for child in pathlib.Path(f"/proc/{parent}/task/{parent}/children").read_text().split()]
    ticks = 0
    for each in pids:
        fields = pathlib.Path(f"/proc/{each}/stat").read_text().rsplit(")", 1)[1].split()
        ticks += int(fields[11]) + int(fields[12])
    return ticks * 1_000_000_000 // os.sysconf("SC_CLK_TCK")


def wait_until_listening(port):
    for _ in range(200):
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return
        except OSError:
            time.sleep(0.02)
    raise RuntimeError("the server does not listen")


def echo_client(options):
    return (options.programs or RELEASE) / "echo_client"


def drive_echo(job, port, pid, options):
    command = [str(echo_client(options)), "--port", str(port), "--connections", str(job.case.parameters["connections"]),
               "--size", str(ECHO_SIZE), "--server-pid", str(pid),
               *(["--seconds", "0.2", "--warmup", "0.1"] if options.quick else ["--seconds", "3"])]
    done = subprocess.run(pinned(1, command), capture_output=True, text=True, timeout=PROCESS_LIMIT_S)
    if done.returncode != 0:
        raise RuntimeError(done.stderr.strip() or "the client failed")
    return json.loads(done.stdout.splitlines()[-1])


def parse_wrk(text):
    """What wrk prints, with the quantiles of wrk.lua."""
    requests = re.search(r"(\d+) requests in", text)
    rate = re.search(r"Requests/sec:\s*([\d.]+)", text)
    if not requests or not rate or re.search(r"Non-2xx|Socket errors: .*[1-9]", text):
        raise RuntimeError("wrk: " + text[-400:])
    quantiles = {f"{name}_ns": int(us) * 1e3 for name, us in re.findall(r"^(p\d+)_us (\d+)$", text, re.MULTILINE)}
    return {"requests": int(requests[1]), "requests_per_s": float(rate[1]), **quantiles}


def drive_http(job, port, pid, options):
    url = f"http://127.0.0.1:{port}/"
    load = ["wrk", "-t1", f"-c{job.case.parameters['connections']}"]
    subprocess.run(pinned(1, [*load, "-d1s", url]), capture_output=True, timeout=PROCESS_LIMIT_S)
    before = server_cpu_ns(pid)
    done = subprocess.run(pinned(1, [*load, f"-d{1 if options.quick else 3}s", "-s", str(HERE / "wrk.lua"), url]), capture_output=True,
                          text=True, timeout=PROCESS_LIMIT_S)
    return {**parse_wrk(done.stdout), "server_cpu_ns": server_cpu_ns(pid) - before}


NGINX = """daemon off; worker_processes 1; pid {folder}/pid; error_log /dev/null; events {{ worker_connections 4096; }}
http {{ access_log off; keepalive_requests 100000000;
  client_body_temp_path {folder}/a; proxy_temp_path {folder}/b; fastcgi_temp_path {folder}/c; uwsgi_temp_path {folder}/d;
  scgi_temp_path {folder}/e;
  server {{ listen 127.0.0.1:{port}; location / {{ default_type text/plain; return 200 "hello world\\n"; }} }} }}
"""


def server_command(job, port):
    if job.system.name == "nginx":
        folder = BUILD / "nginx"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "nginx.conf").write_text(NGINX.format(folder=folder, port=port), encoding="utf-8")
        return [job.system.program, "-e", "stderr", "-p", str(folder), "-c", str(folder / "nginx.conf")]
    return [job.system.program, f"{job.case.kind}_server", "--variant", job.variant, "--threads", str(job.threads), "--port", str(port)]


def run_server(job, options):
    """The server is pinned to core 0 and the client to core 1."""
    port = free_port()
    server = subprocess.Popen(pinned(0, server_command(job, port)), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        wait_until_listening(port)
        drive = drive_echo if job.case.kind == "echo" else drive_http
        found = drive(job, port, server.pid, options)
    finally:
        server.send_signal(signal.SIGTERM)
        try:
            server.communicate(timeout=10)
        except subprocess.TimeoutExpired:
            server.kill()
            server.communicate()
    each = found["server_cpu_ns"] / max(found["requests"], 1) / 1e3
    job.values.append(each)
    job.cpus.append(each)
    for key in ("requests_per_s", "p50_ns", "p99_ns", "p999_ns"):
        if key in found:
            job.extras.setdefault(key, []).append(found[key])


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
    runner = {"work": run_work, "echo": run_server, "http": run_server, "compile": run_compile}[job.case.kind]
    try:
        runner(job, options)
    except (RuntimeError, OSError, ValueError, KeyError, subprocess.SubprocessError) as error:
        job.is_over = True
        return f"{job.name()} failed: {' '.join(str(error).split())}"
    return None


# ---- all of them

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


def show_progress(done, total, begin, job):
    spent = time.monotonic() - begin
    left = int(spent / done * (total - done)) if done else 0
    text = f"bench: {done}/{total}, {left // 60}:{left % 60:02d} left, {job.name()}" if done else f"bench: 0/{total}, {job.name()}"
    if sys.stderr.isatty():
        print(f"\r\x1b[K{text[:118]}", end="", file=sys.stderr, flush=True)
    elif done % 50 == 0:
        print(text, file=sys.stderr, flush=True)


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
    chosen = [case for case in cases() if not options.workload or case.workload in options.workload]
    if not chosen:
        known = ", ".join(sorted({case.workload for case in cases()}))
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
