#!/usr/bin/env python3
"""Tests `sennit serve` from outside: every route, signals, and what goes wrong at the start.

Usage: serve_test.py <the program> [<unittest arguments>]
"""

import http.client
import json
import os
import pathlib
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time
import unittest

PROGRAM = sys.argv.pop(1) if len(sys.argv) > 1 else "sennit"
PATIENCE_S = 60  # for what happens at once unless something is wrong


class service:
    """A running `sennit serve` on a port of its own. `log` is what it has said."""

    def __init__(self, *options):
        self.process = subprocess.Popen([PROGRAM, "serve", "--port", "0", *options],
                                        stderr=subprocess.PIPE, text=True)
        self.log = self.process.stderr.readline()
        match = re.search(r"http://([\d.]+):(\d+)/", self.log)
        if not match:
            raise AssertionError(f"no URL in: {self.log}{self.process.communicate()[1]}")
        self.host, self.port = match[1], int(match[2])

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.kill()
        self.process.communicate()

    def connect(self):
        return http.client.HTTPConnection(self.host, self.port, timeout=PATIENCE_S)

    def ask(self, method, path, body=None, headers=None):
        connection = self.connect()
        try:
            connection.request(method, path, body, headers or {})
            answer = connection.getresponse()
            return answer, answer.read()
        finally:
            connection.close()

    def get(self, path):
        return self.ask("GET", path)

    def begin_echo(self):
        """A socket with a request that has certainly begun: the server asks for its body."""
        busy = socket.create_connection((self.host, self.port), PATIENCE_S)
        busy.sendall(b"POST /task/echo HTTP/1.1\r\nHost: here\r\nContent-Length: 4\r\n"
                     b"Expect: 100-continue\r\n\r\n")
        if not busy.recv(4096).startswith(b"HTTP/1.1 100 "):
            raise AssertionError("no 100 Continue came")
        return busy

    def send_signal_and_see_drain(self):
        self.process.send_signal(signal.SIGINT)
        while "draining" not in self.log:
            line = self.process.stderr.readline()
            if not line:
                raise AssertionError(f"the service ended: {self.log}")
            self.log += line

    def wait_until_refused(self):
        """Nobody can connect any more, so the shutdown has begun."""
        end = time.monotonic() + PATIENCE_S
        while time.monotonic() < end:
            try:
                socket.create_connection((self.host, self.port), PATIENCE_S).close()
            except ConnectionError:
                return
        raise AssertionError("the service goes on accepting")

    def end(self, number=signal.SIGINT):
        self.process.send_signal(number)
        self.log += self.process.communicate(timeout=PATIENCE_S)[1]
        return self.process.returncode


def run(*arguments):
    return subprocess.run([PROGRAM, *arguments], capture_output=True, text=True,
                          timeout=PATIENCE_S, check=False)


class routes(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = service()

    @classmethod
    def tearDownClass(cls):
        with cls.server:
            status = cls.server.end()
        assert status == 0, f"exit status {status}: {cls.server.log}"

    def both(self):
        for model in "fiber", "task":
            with self.subTest(model=model):
                yield model

    def test_greet(self):
        for model in self.both():
            answer, body = self.server.get(f"/{model}/hello")
            self.assertEqual((answer.status, body), (200, b"Hello, world!\n"))
            answer, body = self.server.get(f"/{model}/hello/J%C3%BCrgen")
            self.assertEqual((answer.status, body.decode()), (200, "Hello, Jürgen!\n"))

    def test_echo(self):
        for model in self.both():
            sent = bytes(range(256)) * 1000
            answer, body = self.server.ask("POST", f"/{model}/echo", sent,
                                           {"Content-Type": "application/x-test"})
            self.assertEqual(answer.status, 200)
            self.assertEqual(answer.headers["Content-Type"], "application/x-test")
            self.assertEqual(body, sent)

    def test_fanout(self):
        for model in self.both():
            answer, body = self.server.get(f"/{model}/fanout")
            self.assertEqual(answer.status, 200)
            gathered = json.loads(body)
            self.assertEqual(gathered["model"], model)
            self.assertEqual(gathered["results"], [n * n for n in range(100)])

    def test_files(self):
        for model in self.both():
            answer, body = self.server.get(f"/{model}/files/")
            self.assertEqual(answer.status, 200)
            self.assertIn(b"<!doctype html>", body)
            answer, _ = self.server.get(f"/{model}/files/style.css")
            self.assertEqual(answer.headers["Content-Type"], "text/css; charset=utf-8")
            answer, _ = self.server.get(f"/{model}/files/..%2f..%2fetc/passwd")
            self.assertEqual(answer.status, 404)

    def test_status(self):
        answer, body = self.server.get("/status")
        self.assertEqual(answer.headers["Content-Type"], "application/json")
        status = json.loads(body)
        self.assertGreaterEqual(len(status["workers"]), 1)
        self.assertGreaterEqual(status["connections"]["open"], 1)
        self.assertGreater(status["memory"]["resident_bytes"], 0)
        self.assertEqual(status["flows"]["live"],
                         status["flows"]["fibers"] + status["flows"]["tasks"])

    def test_live_page_needs_nothing_from_elsewhere(self):
        answer, body = self.server.get("/")
        self.assertEqual(answer.headers["Content-Type"], "text/html; charset=utf-8")
        page = body.decode()
        self.assertIn("</html>", page)
        self.assertEqual(re.findall(r'(?:src|href)="https?://[^"]*"|url\(|@import', page), [])

    def test_nowhere(self):
        self.assertEqual(self.server.get("/nowhere")[0].status, 404)
        self.assertEqual(self.server.get("/fiber/echo")[0].status, 405)


class command_line(unittest.TestCase):
    def test_version(self):
        done = run("version")
        self.assertEqual(done.returncode, 0)
        self.assertRegex(done.stdout, r"^sennit \d+\.\d+\.\d+\n$")

    def test_help(self):
        done = run("serve", "--help")
        self.assertEqual(done.returncode, 0)
        for word in "--address", "--port", "--workers", "--root", "--grace", "/status":
            self.assertIn(word, done.stdout)

    def test_bad_options(self):
        self.assertNotEqual(run().returncode, 0)
        for options in (["--port", "65536"], ["--grace", "soon"], ["--root", "/does/not/exist"]):
            with self.subTest(options=options):
                done = run("serve", *options)
                self.assertNotEqual(done.returncode, 0)
                self.assertIn(options[0], done.stderr + done.stdout)

    def test_taken_port(self):
        with service() as first:
            done = run("serve", "--port", str(first.port))
            self.assertEqual(done.returncode, 1)
            self.assertIn(f"port {first.port} of 127.0.0.1 is taken", done.stderr)
            self.assertIn("--port 0", done.stderr)
            self.assertEqual(first.end(), 0)

    def test_strange_address(self):
        done = run("serve", "--port", "0", "--address", "nonsense!")
        self.assertEqual(done.returncode, 1)
        self.assertIn("cannot listen", done.stderr)

    def test_root(self):
        with tempfile.TemporaryDirectory() as root, service("--root", root) as server:
            pathlib.Path(root, "note.txt").write_text("a note", encoding="utf-8")
            self.assertEqual(server.get("/task/files/note.txt")[1], b"a note")
            self.assertEqual(server.end(), 0)


class signals(unittest.TestCase):
    def test_both_drain(self):
        for number in signal.SIGINT, signal.SIGTERM:
            with self.subTest(signal=number), service("--workers", "1") as server:
                idle = server.connect()
                idle.request("GET", "/fiber/hello")
                idle.getresponse().read()
                self.assertEqual(server.end(number), 0)
                self.assertIn("draining 1 connection;", server.log)
                idle.close()

    def test_requests_that_have_begun_finish(self):
        with service() as server, server.begin_echo() as busy:
            server.send_signal_and_see_drain()
            server.wait_until_refused()
            busy.sendall(b"abcd")
            answer = b""
            while piece := busy.recv(4096):
                answer += piece
            self.assertIn(b"Connection: close\r\n", answer)
            self.assertTrue(answer.endswith(b"\r\n\r\nabcd"), answer)
            self.assertEqual(server.process.wait(PATIENCE_S), 0)

    def test_what_does_not_finish_is_closed_after_the_grace(self):
        with service("--grace", "50ms") as server, server.begin_echo():
            self.assertEqual(server.end(), 0)
            self.assertIn("1 connection had to be closed", server.log)

    def test_second_signal_ends_at_once(self):
        with service("--grace", "1min") as server, server.begin_echo():
            server.send_signal_and_see_drain()
            self.assertEqual(server.end(), 130)


if __name__ == "__main__":
    os.environ.pop("SENNIT_WORKERS", None)
    unittest.main()
