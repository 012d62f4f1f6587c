"""Measuring a server: it is started, the load client drives it for seconds, and its CPU for each request is the figure."""

import json
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import time

from systems import BUILD, HERE, RELEASE

PROCESS_LIMIT_S = 120
ECHO_SIZE = 64


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
