"""The cases of the comparison suite: a workload with its parameters, and what of it is the figure."""

import dataclasses


@dataclasses.dataclass
class Case:
    """One workload with its parameters. `metric`: wall, cpu, or the name of an extra value; scaled by `scale`. `seconds` is about what a
    process of it takes, for the time that is left."""
    id: str
    title: str
    workload: str
    parameters: dict
    unit: str = "ns"
    metric: str = "wall"
    scale: float = 1.0
    quick: dict = dataclasses.field(default_factory=dict)
    kind: str = "work"
    seconds: float = 1


def all_cases():
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
        Case("timers_sleep", "1M timers sleeping, CPU each", "timers_sleep", {}, metric="cpu", quick={"n": 2000}, seconds=6),
        Case("timers_cancel all", "create 1M timers, then cancel all", "timers_cancel", {"mode": "all"}, quick={"n": 5000}),
        Case("timers_cancel one", "create and cancel timers one by one", "timers_cancel", {"mode": "one"}, quick={"n": 5000}),
        Case("timers_lateness", "lateness of timers under load, p99", "timers_lateness", {}, "µs", "p99_ns", 1e-3,
             {"n": 100, "rounds": 5}, seconds=3),
        Case("sieve", "prime sieve to 2000", "sieve", {}, "ms", "total", 1e-6, {"n": 150}, seconds=2),
    ]
    for count in (100000, 1000000):
        found.append(Case(f"memory count={count}", f"memory of a parked flow, {count:,} of them", "memory", {"count": count},
                          "bytes", "bytes_each", quick={"count": 20000}, seconds=count / 150000))
    found.append(Case("idle", "CPU of an idle second", "idle", {}, "µs", "cpu", 1e-3, seconds=4))
    for connections in (1, 64, 1000):
        many = f"{connections} connection{'s' if connections > 1 else ''}"
        found.append(Case(f"echo {connections}", f"TCP echo, {many}, server CPU per request", "echo", {"connections": connections},
                          "µs", kind="echo", seconds=4))
    found.append(Case("http", "HTTP hello, server CPU per request", "http", {"connections": 64}, "µs", kind="http", seconds=4))
    found.append(Case("compile time", "hello world, compile time", "compile", {"what": "time"}, "s", kind="compile", seconds=4))
    found.append(Case("compile size", "hello world, size without symbols", "compile", {"what": "size"}, "KiB", kind="compile",
                      seconds=0.1))
    return found
