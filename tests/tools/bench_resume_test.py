"""Tests that bench/suite/run.py keeps the finished cases of a run that ends early, and that --resume measures the others.

The made-up program of each test notes its runs; at the run that the test names it sends a signal to the runner, as Ctrl-C does, and waits
for its end. So the runner is stopped at the same place each time.
"""

import collections
import contextlib
import io
import json
import pathlib
import subprocess
import sys
import tempfile
import unittest
import unittest.mock

SUITE = pathlib.Path(__file__).resolve().parents[2] / "bench" / "suite"
sys.path.insert(0, str(SUITE))
import report as reporting  # noqa: E402
import results  # noqa: E402
import run  # noqa: E402

PROGRAM = """#!{python}
import json, os, pathlib, signal, sys
folder, workload = pathlib.Path(__file__).parent, sys.argv[1]
if workload == "--list":
    print(json.dumps({{"system": "peer", "versions": {{"peer": "1"}}, "workloads": [
        {{"name": name, "kind": "work", "variants": ["only"], "threads": [1], "parameters": {{}}}} for name in ("fib", "nqueens", "select")]}}))
    sys.exit()
with open(folder / "runs", "a") as runs:
    print(workload, file=runs)
run = (folder / "runs").read_text().split().count(workload)
if (folder / "stop_at").exists() and (folder / "stop_at").read_text() == f"{{workload}} {{run}}":
    os.kill(os.getppid(), int((folder / "signal").read_text()))
    signal.pause()
for rep in range(2):
    print('{{"rep": %d, "ops": 1, "wall_ns": %d, "cpu_ns": 7, "extra": {{}}}}' % (rep, 100 * run), flush=True)
"""
PAGE = f"{reporting.MARKER_BEGIN}\n{reporting.MARKER_END}\n"
SIGINT, SIGTERM = 2, 15


class in_a_folder(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        self.json, self.html, self.docs = (self.folder / name for name in ("found/run.json", "run.html", "docs.md"))
        self.docs.write_text(PAGE, encoding="utf-8")
        program = self.folder / "suite_peer"
        program.write_text(PROGRAM.format(python=sys.executable), encoding="utf-8")
        program.chmod(0o755)

    def arguments(self, *more, workload="fib,nqueens,select"):
        return [*map(str, ("--programs", self.folder, "--workload", workload, "--rounds", 2, "--reps", 2, "--json", self.json,
                           "--html", self.html, "--docs", self.docs, *more))]

    def measure(self, *more, **chosen):
        """(exit status, what it said)"""
        done = subprocess.run([sys.executable, str(SUITE / "run.py"), *self.arguments(*more, **chosen)], stdin=subprocess.DEVNULL,
                              text=True, capture_output=True, timeout=100)
        return done.returncode, done.stderr

    def stop_at(self, workload, number_of_its_run, signal=SIGINT):
        (self.folder / "stop_at").write_text(f"{workload} {number_of_its_run}")
        (self.folder / "signal").write_text(str(signal))

    def runs(self):
        return collections.Counter((self.folder / "runs").read_text().split())

    def report(self):
        return json.loads(self.json.read_text(encoding="utf-8"))

    def values(self):
        return {row["case"]: row["values"] for row in self.report()["rows"]}


class a_run_that_is_stopped(in_a_folder):
    def test_keeps_the_cases_that_were_finished_and_says_which_are_missing(self):
        self.stop_at("nqueens", 2)
        status, said = self.measure()
        self.assertEqual(status, 130, said)
        self.assertIn("stopped by SIGINT", said)
        self.assertIn("missing, and measured by --resume: nqueens, select\n", said)
        self.assertEqual(self.values(), {"fib": [100, 200]})
        self.assertEqual([case["id"] for case in self.report()["cases"]], ["fib"])
        self.assertEqual(self.report()["missing"], ["nqueens", "select"])
        self.assertEqual(self.report()["skipped"], [])
        self.assertEqual(self.runs(), {"fib": 2, "nqueens": 2})

    def test_writes_the_page_and_leaves_the_documentation(self):
        self.stop_at("select", 1)
        self.measure()
        self.assertIn("Missing: select.", self.html.read_text(encoding="utf-8"))
        self.assertEqual(self.docs.read_text(encoding="utf-8"), PAGE)
        self.assertEqual(self.measure("--only-report")[0], 0)
        self.assertEqual(self.docs.read_text(encoding="utf-8"), PAGE)

    def test_by_sigterm_is_the_same(self):
        self.stop_at("nqueens", 1, SIGTERM)
        status, said = self.measure()
        self.assertEqual(status, 143, said)
        self.assertEqual(self.values(), {"fib": [100, 200]})

    def test_in_its_first_case_leaves_the_earlier_results(self):
        self.assertEqual(self.measure()[0], 0)
        before = self.json.read_bytes()
        self.stop_at("fib", 3)
        self.assertEqual(self.measure()[0], 130)
        self.assertEqual(self.json.read_bytes(), before)

    def test_by_a_failure_keeps_them_too(self):
        def run_job(job, options):
            if job.case.id == "select":
                raise AssertionError("a fault of the runner")
            original(job, options)

        original = run.run_job
        with unittest.mock.patch.object(run, "run_job", run_job), contextlib.redirect_stderr(io.StringIO()) as said:
            self.assertEqual(run.main(self.arguments()), 1)
        self.assertIn("a fault of the runner", said.getvalue())
        self.assertEqual(self.values(), {"fib": [100, 200], "nqueens": [100, 200]})
        self.assertEqual(self.report()["missing"], ["select"])
        self.assertEqual(self.docs.read_text(encoding="utf-8"), PAGE)

    def test_leaves_no_file_that_is_half_written(self):
        self.stop_at("select", 2)
        self.measure()
        self.assertEqual([path.name for path in self.json.parent.iterdir()], ["run.json"])


class resuming(in_a_folder):
    def test_measures_only_what_is_missing(self):
        self.stop_at("nqueens", 2)
        self.measure()
        (self.folder / "stop_at").unlink()
        status, said = self.measure("--resume")
        self.assertEqual(status, 0, said)
        self.assertEqual(self.values(), {"fib": [100, 200], "nqueens": [300, 400], "select": [100, 200]})
        self.assertEqual(self.report()["missing"], [])
        self.assertEqual(self.runs(), {"fib": 2, "nqueens": 4, "select": 2})
        self.assertIn("| peer | only | 1 |", self.docs.read_text(encoding="utf-8"))

    def test_may_be_stopped_again(self):
        for workload in ("nqueens", "select"):
            self.stop_at(workload, 1)
            self.assertEqual(self.measure(*(["--resume"] if self.json.exists() else []))[0], 130)
        self.assertEqual(self.report()["missing"], ["select"])
        self.assertEqual(self.runs()["fib"], 2)

    def test_a_whole_run_writes_its_reports_again(self):
        self.measure()
        before = self.runs()
        self.assertEqual(self.measure("--resume")[0], 0)
        self.assertEqual(self.runs(), before)

    def refuse(self, why, *more, **chosen):
        before = self.json.read_bytes(), self.runs()
        status, said = self.measure("--resume", *more, **chosen)
        self.assertEqual(status, 2, said)
        self.assertIn(why, said)
        self.assertEqual((self.json.read_bytes(), self.runs()), before)

    def test_needs_the_same_rounds_repetitions_and_cases(self):
        self.stop_at("select", 1)
        self.measure()
        self.refuse("rounds: 2 there, 3 here", "--rounds", 3)
        self.refuse("reps: 2 there, 4 here", "--reps", 4)
        self.refuse("is_quick: False there, True here", "--quick")
        self.refuse("cases: ['fib', 'nqueens', 'select'] there, ['fib', 'select'] here", workload="fib,select")

    def test_needs_the_same_commit_and_systems(self):
        self.stop_at("select", 1)
        self.measure()
        kept = self.report()
        for changed, why in (({"commit": "0123"}, "commit: 0123 there, "), ({"versions": {"peer": {"peer": "2"}}}, "versions peer peer: 2 "),
                             ({"versions": {}}, "versions peer: None there"), ({"reps": None}, "reps: None there, 2 here")):
            self.json.write_text(json.dumps({**kept, **changed}), encoding="utf-8")
            self.refuse(why)

    def test_needs_results(self):
        status, said = self.measure("--resume")
        self.assertEqual(status, 2)
        self.assertIn("there is nothing to go on with", said)
        self.assertFalse((self.folder / "runs").exists())


class the_commit(unittest.TestCase):
    def test_tells_changes_apart_but_for_those_that_a_run_makes(self):
        with tempfile.TemporaryDirectory() as folder, unittest.mock.patch.object(results, "ROOT", folder):
            page, source = pathlib.Path(folder, "docs", "benchmarks.md"), pathlib.Path(folder, "source")
            page.parent.mkdir()
            page.write_text("old")
            source.write_text("old")
            for command in (["init", "-q"], ["add", "."], ["-c", "user.name=a", "-c", "user.email=a@b", "commit", "-qm", "a"]):
                subprocess.run(["git", *command], cwd=folder, check=True)
            clean = results.commit()
            self.assertRegex(clean, r"^[0-9a-f]{12}$")
            page.write_text("new")
            self.assertEqual(results.commit(), clean)
            found = []
            for text in ("new", "newer"):
                source.write_text(text)
                found.append(results.commit())
            self.assertTrue(all(name.startswith(f"{clean}-dirty-") for name in found))
            self.assertNotEqual(*found)


if __name__ == "__main__":
    unittest.main()
