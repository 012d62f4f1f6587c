"""Tests of the runner and the reports in bench/suite: what becomes of repetitions, and what the report says of them."""

import contextlib
import io
import json
import pathlib
import sys
import tempfile
import unittest
import unittest.mock
import xml.etree.ElementTree

SUITE = pathlib.Path(__file__).resolve().parents[2] / "bench" / "suite"
sys.path.insert(0, str(SUITE))
import report as reporting  # noqa: E402
import run  # noqa: E402
from axis import Axis  # noqa: E402
from cases import Case, all_cases  # noqa: E402
from jobs import Job  # noqa: E402
from page import html_page  # noqa: E402
from progress import seconds_left  # noqa: E402
from results import Results  # noqa: E402
from servers import parse_wrk  # noqa: E402
from systems import System  # noqa: E402


def row(system, variant, values, threads=1, cpus=None, group=None, extras=None, case="fib"):
    return {"case": case, "system": system, "group": group or system, "variant": variant, "threads": threads, "values": values,
            "cpus": values if cpus is None else cpus, "extras": extras or {}}


def report_of(rows):
    return {"date": "2026-01-02", "commit": "0123456789abcdef", "rounds": 3, "is_quick": False, "skipped": ["smol (no cargo here)"],
            "machine": {"cpu": "A <fast> one", "cores": 2, "kernel": "Linux 6"}, "versions": {"go1.26": {"go": "1.26"}},
            "cases": [{"id": "fib", "title": "fib, per call", "unit": "ns", "workload": "fib"}], "rows": rows}


def sample():
    return report_of([
        row("go1.19", "chan", [200, 190, 230], group="go"),
        row("go1.26", "chan", [300, 280, 310], group="go"),
        row("go1.26", "chan", [100, 90, 120], threads=2, cpus=[101, 91, 121], group="go"),
        row("tokio", "mt", [400, 410, 390], threads=2, cpus=[800, 820, 780]),
        row("asio", "coroutines", [15]),
        row("sennit", "fibers", [20, 18, 25]),
        row("sennit", "tasks", [40, 40, 40]),
    ])


class statistics(unittest.TestCase):
    def test_median_and_spread(self):
        self.assertEqual(reporting.summary([3, 1, 2, 10]), (2.5, 1, 10))

    def test_rows_are_sorted_by_their_medians(self):
        rows = reporting.rows_of(sample(), "fib")
        self.assertEqual([r["median"] for r in rows], [15, 20, 40, 100, 200, 300, 400])

    def test_a_yardstick_is_the_best_of_versions_and_threads(self):
        best = reporting.best_of(reporting.rows_of(sample(), "fib"), "go")
        self.assertEqual((best["system"], best["threads"], best["median"]), ("go1.26", 2, 100))

    def test_a_ratio_needs_both_sides(self):
        rows = reporting.rows_of(sample(), "fib")
        self.assertIsNone(reporting.ratio(reporting.best_of(rows, "libfork"), rows[0]))
        self.assertIsNone(reporting.ratio(rows[0], {"median": 0}))

    def test_two_threads_on_one_core_are_found(self):
        rows = reporting.rows_of(sample(), "fib")
        marked = [(r["system"], r["threads"]) for r in rows if reporting.used_one_core(r)]
        self.assertEqual(marked, [("go1.26", 2)])


class targets(unittest.TestCase):
    marks = {"marks": [{"cases": ["fib", "skynet"], "fibers_at_most": 0.15, "tasks_at_most": 0.1},
                       {"cases": ["fib"], "kind": "absolute", "fibers_at_most": 30}]}

    def test_held_equal_and_not_measured(self):
        found = [(m["case"], m["variant"], m["measured"], m["holds"]) for m in reporting.check_targets(sample(), self.marks)]
        self.assertEqual(found, [("fib", "fibers", 0.2, False), ("fib", "tasks", 0.1, True), ("skynet", "fibers", None, None),
                                 ("skynet", "tasks", None, None), ("fib", "fibers", 20, True)])

    def test_the_text_counts(self):
        text = reporting.targets_text(reporting.check_targets(sample(), self.marks))
        self.assertIn("MISSED", text)
        self.assertTrue(text.endswith("2 hold, 1 are missed, 2 were not measured"))

    def test_every_mark_of_the_suite_is_about_a_case(self):
        marks = json.loads((SUITE / "targets.json").read_text(encoding="utf-8"))["marks"]
        known = {case.id for case in all_cases()}
        self.assertEqual([c for mark in marks for c in mark["cases"] if c not in known], [])


class axes(unittest.TestCase):
    def test_a_linear_one_begins_at_nothing(self):
        axis = Axis(20, 400)
        self.assertFalse(axis.is_logarithmic)
        self.assertEqual([axis.place(value) for value in (0, 100, 400)], [0, 0.25, 1])
        self.assertEqual(axis.ticks(), [0, 100, 200, 300, 400])

    def test_an_outlier_makes_it_logarithmic(self):
        axis = Axis(20, 401)
        self.assertTrue(axis.is_logarithmic)
        self.assertEqual(axis.ticks(), [10, 100])
        self.assertEqual((axis.place(10), axis.place(401)), (0, 1))
        self.assertAlmostEqual(axis.place(200) - axis.place(100), axis.place(40) - axis.place(20))

    def test_every_bar_has_a_length(self):
        for smallest in (0.003, 0.99, 1, 1.99, 2, 9.99, 10, 12345):
            axis = Axis(smallest, smallest * 1000)
            origin = axis.ticks()[0]
            self.assertGreaterEqual(smallest, 2 * origin)
            self.assertLess(smallest, 20 * origin)
            self.assertGreater(axis.place(smallest), 0)

    def test_a_linear_one_names_a_few_round_values(self):
        for largest in (0.0042, 1, 1.01, 4.99, 5, 7, 99, 100, 101, 5460):
            ticks = Axis(largest, largest).ticks()
            self.assertIn(len(ticks), (3, 4, 5, 6))
            self.assertLessEqual(ticks[-1], largest * 1.000001)

    def test_nothing_but_zeros_has_one_too(self):
        self.assertEqual(Axis(0, 0).place(0), 0)
        self.assertFalse(Axis(0, 1e9).is_logarithmic)


class reports(unittest.TestCase):
    def test_a_loss_is_told(self):
        text = reporting.markdown(sample())
        self.assertIn("ahead of every other system in 0 cases and behind the best one in 1", text)
        self.assertIn("- fib, per call: 20 against 15 ns of asio coroutines, 1 thread, 1.33 times.", text)
        self.assertIn("Not measured: smol (no cargo here).", text)

    def test_the_overview_has_both_ratios(self):
        self.assertIn("| fib, per call | ns | 20 | 40 | 100 | 400 | 15 (asio coroutines, 1 thread) | 0.20 | 0.10 |",
                      reporting.markdown(sample()))

    def test_throughput_stands_beside_the_figure(self):
        text = reporting.markdown(report_of([row("go", "net/http", [8.0], extras={"requests_per_s": [1000, 3000, 2000],
                                                                                  "p99_ns": [5000]})]))
        self.assertIn("| system | requests/s | p99 µs |", text)
        self.assertIn("| go net/http, 1 thread | 2,000 | 5 |", text)

    def test_only_what_is_between_the_markers_changes(self):
        page = f"# A\n{reporting.MARKER_BEGIN}\nold\n{reporting.MARKER_END}\nZ\n"
        changed = reporting.insert_between_markers(page, "new\n")
        self.assertEqual(changed, f"# A\n{reporting.MARKER_BEGIN}\n\nnew\n\n{reporting.MARKER_END}\nZ\n")
        self.assertEqual(reporting.insert_between_markers(changed, "new\n"), changed)
        with self.assertRaises(ValueError):
            reporting.insert_between_markers("# A\n", "new\n")

    def test_the_page_is_self_contained_and_its_plots_are_well_formed(self):
        page = html_page(sample(), reporting.check_targets(sample(), targets.marks))
        self.assertNotIn("src=", page)
        self.assertNotIn("href=", page)
        self.assertIn("A &lt;fast&gt; one", page)
        plots = page.split("<svg")[1:]
        self.assertEqual(len(plots), 2)  # one thread, and two
        bars = [len(list(xml.etree.ElementTree.fromstring("<svg" + plot.split("</svg>")[0] + "</svg>").iter("rect")))
                for plot in plots]
        self.assertEqual(bars, [5, 2])
        self.assertIn(">ns, logarithmic<", plots[0])  # from 15 to 310
        self.assertIn(">ns<", plots[1])  # from 90 to 410

    def test_the_documentation_has_a_place_for_the_table(self):
        page = (SUITE.parents[1] / "docs" / "benchmarks.md").read_text(encoding="utf-8")
        self.assertIn("NEW", reporting.insert_between_markers(page, "NEW"))


# A program of the protocol: its first repetition is slow, and it does not have every combination.
PROGRAM = """#!{python}
import sys
if "--threads 2" in " ".join(sys.argv):
    sys.exit(3)
if "broken" in sys.argv:
    sys.exit("wrong result: 41")
for rep in range(int(sys.argv[sys.argv.index("--reps") + 1])):
    wall = 1000000 if rep == 0 else 1000 + rep
    print('{{"rep": %d, "ops": 10, "wall_ns": %d, "cpu_ns": 2000, "extra": {{"p99_ns": 7000}}}}' % (rep, wall), flush=True)
"""


class running(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.json = pathlib.Path(folder.name) / "run.json"
        program = pathlib.Path(folder.name) / "program"
        program.write_text(PROGRAM.format(python=sys.executable), encoding="utf-8")
        program.chmod(0o755)
        self.system = System("peer", "peer", str(program), {"versions": {}, "workloads": [
            {"name": "fib", "kind": "work", "variants": ["good", "broken"], "threads": [1, 2, 4], "parameters": {}}]})
        self.case = Case("fib", "fib", "fib", {})

    def measure(self, *arguments, systems=()):
        """The rows, and why something was not measured."""
        systems = systems or [self.system]
        results = Results(self.json, [self.case], systems, {}, [])
        with contextlib.redirect_stderr(io.StringIO()):
            run.measure(results, systems, run.parse_options(arguments))
        return results.report()["rows"], results.skipped

    def test_the_first_repetition_is_dropped_and_rounds_add_up(self):
        (row,), _ = self.measure("--rounds", "2", "--reps", "3")
        self.assertEqual(row["values"], [100.1, 100.2, 100.1, 100.2])
        self.assertEqual(row["cpus"], [200] * 4)

    def test_unsupported_is_silent_and_a_wrong_result_is_told_once(self):
        rows, skipped = self.measure()
        self.assertEqual([(row["variant"], row["threads"]) for row in rows], [("good", 1)])
        self.assertEqual(skipped, ["fib: peer broken t1 failed: wrong result: 41"])

    def test_a_case_may_be_about_an_extra_value(self):
        self.case.metric, self.case.scale = "p99_ns", 1e-3
        (row,), _ = self.measure("--rounds", "1", "--reps", "2")
        self.assertEqual((row["values"], row["cpus"]), ([7.0], []))

    def test_systems_take_turns(self):
        order = []
        other = System("other", "other", self.system.program, self.system.listing)
        with unittest.mock.patch.object(run, "run_job", lambda job, _: order.append(job.system.name + job.variant)):
            self.measure("--rounds", "2", systems=[self.system, other])
        self.assertEqual(order[:len(order) // 2], order[len(order) // 2:])
        self.assertEqual(len(order), 16)


class the_time_left(unittest.TestCase):
    def setUp(self):
        self.slow, self.fast = (Job(Case("a case", "", "", {}, seconds=seconds), None, "", 1) for seconds in (6, 1))

    def test_is_what_the_cases_say_before_anything_has_run(self):
        self.assertEqual(seconds_left([self.slow, self.fast], 3), 21)

    def test_is_what_a_job_took_and_what_the_others_are_said_to_take_as_much_off(self):
        self.fast.runs, self.fast.seconds = 1, 0.5
        self.assertEqual(seconds_left([self.slow, self.fast], 3), 3 * 3 + 2 * 0.5)

    def test_is_nothing_for_what_is_not_supported(self):
        self.fast.runs, self.fast.is_over = 1, True
        self.assertEqual(seconds_left([self.slow, self.fast], 2), 12)


class parsing(unittest.TestCase):
    wrk = """Running 3s test @ http://127.0.0.1:1/
  651501 requests in 3.00s, 80.00MB read
Requests/sec: 217167.33
p99_us 1360
p50_us 140
p999_us 2001
"""

    def test_wrk(self):
        self.assertEqual(parse_wrk(self.wrk), {"requests": 651501, "requests_per_s": 217167.33, "p50_ns": 140000.0,
                                                   "p99_ns": 1360000.0, "p999_ns": 2001000.0})

    def test_wrk_with_errors_is_an_error(self):
        with self.assertRaises(RuntimeError):
            parse_wrk(self.wrk + "  Non-2xx or 3xx responses: 4\n")

    def test_case_names_are_unique(self):
        ids = [case.id for case in all_cases()]
        self.assertEqual(len(ids), len(set(ids)))

    def test_names(self):
        self.assertEqual(run.names("go,tokio smol"), {"go", "tokio", "smol"})
        self.assertEqual(run.names(""), set())


if __name__ == "__main__":
    unittest.main()
