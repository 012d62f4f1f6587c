"""The systems that the suite compares: each is built, and says what it offers. What cannot be built or is not installed is skipped,
with one line that says why.
"""

import dataclasses
import glob
import json
import os
import pathlib
import re
import shutil
import subprocess

from progress import say

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[1]
BUILD = ROOT / "build" / "suite"
RELEASE = ROOT / "build" / "release" / "bench" / "suite"  # where the C++ programs are built
ONLY_BY_NAME = {"tokio_jemalloc"}  # the allocator takes minutes to build


@dataclasses.dataclass
class System:
    name: str
    group: str
    program: str
    listing: dict
    hello: tuple = ()  # (the command that compiles hello world, the file to touch, the program)


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
