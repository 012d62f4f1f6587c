"""Tests bench/suite/run.py with the programs of the comparison suite: bench_suite_test.py <the folder where they are>.

One short run over a few workloads, of Sennit, std::thread and the epoll loop; then what it wrote is looked at. No figure is
looked at, but that there is one.
"""

import contextlib
import io
import json
import pathlib
import subprocess
import sys
import tempfile
import unittest
import xml.etree.ElementTree

SUITE = pathlib.Path(__file__).resolve().parents[2] / "bench" / "suite"
sys.path.insert(0, str(SUITE))
import report as reporting  # noqa: E402
import run  # noqa: E402
from cases import all_cases  # noqa: E402
from jobs import jobs_of  # noqa: E402
from systems import built_programs, only_wanted  # noqa: E402

PROGRAMS = pathlib.Path()
WORKLOADS = "fib,ping_pong,select,memory,echo"
PEERS = "std_thread,epoll"


def run_suite(*arguments):
    """(exit status, what it said, what it printed)"""
    done = subprocess.run([sys.executable, str(SUITE / "run.py"), *map(str, arguments)], stdin=subprocess.DEVNULL, text=True,
                          capture_output=True, timeout=100)
    return done.returncode, done.stderr, done.stdout


class a_short_run(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(folder.cleanup)
        cls.folder = pathlib.Path(folder.name)
        cls.json, cls.html, cls.docs = (cls.folder / name for name in ("found/run.json", "found/run.html", "docs.md"))
        cls.docs.write_text(f"# Before\n{reporting.MARKER_BEGIN}\n{reporting.MARKER_END}\nafter\n", encoding="utf-8")
        cls.status, cls.said, cls.printed = run_suite("--quick", "--programs", PROGRAMS, "--workload", WORKLOADS, "--peers", PEERS,
                                                      "--json", cls.json, "--html", cls.html, "--docs", cls.docs, "--check-targets")
        cls.report = json.loads(cls.json.read_text(encoding="utf-8")) if cls.json.exists() else {}

    def setUp(self):
        self.assertEqual(self.status, 0, self.said)

    def test_nothing_failed(self):
        self.assertEqual(self.report["skipped"], [])
        self.assertNotIn("failed", self.said)

    def test_the_json_says_where_and_of_what_it_is(self):
        self.assertEqual(set(self.report), {"date", "commit", "machine", "rounds", "reps", "is_quick", "skipped", "missing",
                                            "versions", "cases", "rows"})
        self.assertEqual((self.report["rounds"], self.report["reps"], self.report["is_quick"]), (1, 2, True))
        self.assertEqual(self.report["missing"], [])
        self.assertLessEqual({"cpu", "cores", "kernel", "environment", "memory_gib"}, set(self.report["machine"]))
        self.assertEqual(set(self.report["versions"]), {"sennit", "std_thread", "epoll"})
        self.assertTrue(all("compiler" in versions for versions in self.report["versions"].values()))
        wanted = [case.id for case in all_cases() if case.workload in WORKLOADS.split(",")]
        self.assertEqual([case["id"] for case in self.report["cases"]], wanted)

    def test_each_row_has_its_figures(self):
        for row in self.report["rows"]:
            self.assertEqual(set(row), {"case", "system", "group", "variant", "threads", "values", "cpus", "extras"})
            self.assertEqual(len(row["values"]), 1, row)  # one round of two repetitions, of which the first is dropped
            self.assertTrue(all(value >= 0 for value in row["values"] + row["cpus"]), row)

    def test_every_program_took_part_in_what_it_offers(self):
        found = {(row["case"], row["system"], row["variant"], row["threads"]) for row in self.report["rows"]}
        chosen = [case for case in all_cases() if case.workload in WORKLOADS.split(",")]
        systems = only_wanted(list(built_programs(PROGRAMS)), {"sennit", *PEERS.split(",")})
        wanted = {(job.case.id, job.system.name, job.variant, job.threads) for case in chosen for job in jobs_of(case, systems)}
        self.assertEqual(found, wanted)

    def test_the_page_has_a_plot_of_each_case(self):
        page = self.html.read_text(encoding="utf-8")
        self.assertTrue(page.endswith("</html>\n"))
        self.assertIn("A short run", page)
        plots = [xml.etree.ElementTree.fromstring("<svg" + plot.split("</svg>")[0] + "</svg>") for plot in page.split("<svg")[1:]]
        self.assertEqual(sum(len(list(plot.iter("rect"))) for plot in plots), len(self.report["rows"]))
        for case in self.report["cases"]:
            self.assertIn(f"<h2>{case['title']}, 1 thread</h2>", page)

    def test_the_documentation_got_its_table(self):
        docs = self.docs.read_text(encoding="utf-8")
        self.assertTrue(docs.startswith(f"# Before\n{reporting.MARKER_BEGIN}\n"))
        self.assertTrue(docs.endswith(f"{reporting.MARKER_END}\nafter\n"))
        self.assertIn("| sennit | fibers | 1 |", docs)

    def test_the_marks_are_told(self):
        self.assertRegex(self.printed, r"\d+ hold, \d+ are missed, \d+ were not measured\n$")

    def test_the_reports_are_written_again_without_measuring(self):
        again = self.folder / "again.html"
        status, said, _ = run_suite("--only-report", "--json", self.json, "--html", again)
        self.assertEqual(status, 0, said)
        self.assertEqual(again.read_text(encoding="utf-8"), self.html.read_text(encoding="utf-8"))

    def test_a_case_that_is_missing_is_measured_by_resuming(self):
        path = self.folder / "resumed.json"
        others = [row for row in self.report["rows"] if row["case"] != "select"]
        path.write_text(json.dumps({**self.report, "missing": ["select"], "rows": others,
                                    "cases": [case for case in self.report["cases"] if case["id"] != "select"]}), encoding="utf-8")
        status, said, _ = run_suite("--quick", "--programs", PROGRAMS, "--workload", WORKLOADS, "--peers", PEERS, "--resume",
                                    "--json", path, "--html", self.folder / "resumed.html")
        self.assertEqual(status, 0, said)
        resumed = json.loads(path.read_text(encoding="utf-8"))
        self.assertEqual((resumed["cases"], resumed["missing"]), (self.report["cases"], []))
        self.assertEqual([row for row in resumed["rows"] if row["case"] != "select"], others)
        of_select = {(row["system"], row["variant"], row["threads"]) for row in resumed["rows"] if row["case"] == "select"}
        self.assertEqual(of_select, {(row["system"], row["variant"], row["threads"])
                                     for row in self.report["rows"] if row["case"] == "select"})


class the_programs(unittest.TestCase):
    def test_what_they_offer_is_what_the_suite_knows(self):
        workloads = {case.workload for case in all_cases()} | {"echo_server", "http_server"}
        systems = list(built_programs(PROGRAMS))
        self.assertLessEqual({"sennit", "std_thread", "epoll"}, {system.name for system in systems})
        for system in systems:
            self.assertEqual(system.listing["system"], system.name)
            for offered in system.listing["workloads"]:
                self.assertIn(offered["name"], workloads, system.name)
                self.assertIn(1, offered["threads"])
                self.assertTrue(offered["variants"])

    def test_sennit_takes_part_in_all_of_them(self):
        sennit = next(system for system in built_programs(PROGRAMS) if system.name == "sennit")
        offered = {offered["name"] for offered in sennit.listing["workloads"]}
        missing = [case.id for case in all_cases() if case.kind == "work" and case.workload not in offered]
        self.assertEqual(missing, [])

    def test_a_folder_without_programs_is_an_error(self):
        with tempfile.TemporaryDirectory() as folder, contextlib.redirect_stderr(io.StringIO()):
            self.assertEqual(run.main(["--quick", "--programs", folder, "--workload", "fib", "--json", f"{folder}/run.json"]), 1)
            self.assertFalse(pathlib.Path(folder, "run.json").exists())


if __name__ == "__main__":
    PROGRAMS = pathlib.Path(sys.argv.pop(1))
    unittest.main()
