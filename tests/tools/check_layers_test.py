"""Tests of tools/check_layers.py: each builds a small tree and reads what the script says of it."""

import pathlib
import subprocess
import sys
import tempfile
import unittest

SCRIPT = pathlib.Path(__file__).resolve().parents[2] / "tools" / "check_layers.py"


class layers(unittest.TestCase):
    def check(self, files, *options):
        """Exit status and messages for a tree of these files, beside an empty sennit/all.hpp."""
        with tempfile.TemporaryDirectory() as folder:
            root = pathlib.Path(folder)
            for name, text in {"include/sennit/all.hpp": "", **files}.items():
                (root / name).parent.mkdir(parents=True, exist_ok=True)
                (root / name).write_text(text, encoding="utf-8")
            done = subprocess.run([sys.executable, SCRIPT, "--root", root, *options], check=False,
                                  capture_output=True, text=True)
            return done.returncode, done.stdout + done.stderr

    def assert_draft(self, files, *messages):
        status, output = self.check(files, "--draft")
        self.assertEqual(status, 1 if messages else 0, output)
        for message in messages:
            self.assertIn(message, output)

    def test_downward_is_allowed(self):
        self.assert_draft({"include/sennit/sync/a.hpp": "#include <sennit/core/waker.hpp>\n",
                           "include/sennit/exec/b.hpp": "#include <sennit/stack/switch.hpp>\n",
                           "src/net/c.cpp": "#include <sennit/io/reactor.hpp>\n"})

    def test_upward_is_an_error(self):
        self.assert_draft({"src/core/a.cpp": "\n#include <sennit/exec/worker.hpp>\n"},
                          "src/core/a.cpp:2: layer core may not include exec")

    def test_sideways_is_an_error(self):
        self.assert_draft({"include/sennit/sync/a.hpp": "#include <sennit/time/sleep.hpp>\n",
                           "include/sennit/stack/b.hpp": "#include <sennit/exec/worker.hpp>\n"},
                          "layer sync may not include time", "layer stack may not include exec")

    def test_private_header_counts_as_its_layer(self):
        self.assert_draft({"src/io/poller.hpp": "", "src/core/a.cpp": '#include "io/poller.hpp"\n'},
                          "layer core may not include io")

    def test_umbrella_is_for_users(self):
        self.assert_draft({"src/core/a.cpp": "#include <sennit/all.hpp>\n"}, "is for users")

    def test_public_header_without_kernel(self):
        self.assert_draft({"include/sennit/os/a.hpp": "#include <sys/epoll.h>\n"},
                          "a public header includes <sys/epoll.h>")

    def test_only_os_calls_the_system(self):
        self.assert_draft({"src/os/a.cpp": "#include <unistd.h>\n"})
        self.assert_draft({"src/io/a.cpp": "#include <unistd.h>\n"}, "system calls belong to os")

    def test_one_file_holds_all_thread_locals(self):
        self.assert_draft({"src/core/a.cpp": "thread_local int a;\n"})
        self.assert_draft({"src/core/a.cpp": "thread_local int a;\n",
                           "src/exec/b.cpp": "\nstatic thread_local int b;\n"},
                          "src/core/a.cpp:1", "src/exec/b.cpp:2")

    def test_comments_and_strings_are_not_code(self):
        self.assert_draft({"src/core/a.cpp": "thread_local int a;\n",
                           "src/core/b.cpp": '// thread_local\nconst char* s = "thread_local";\n'
                                             "/*\n#include <sennit/exec/worker.hpp>\n*/\n"
                                             "int n = 1'000; // thread_local, 1'000\n"})

    def test_unknown_layer_is_an_error(self):
        self.assert_draft({"src/misc/a.cpp": ""}, "misc is no layer")

    def test_unlisted_files_fail_only_in_earnest(self):
        files = {"include/sennit/core/a.hpp": "", "src/core/a.cpp": "", "tests/core/a_test.cpp": "",
                 "src/core/CMakeLists.txt": "# a.hpp a.cpp\n"}
        self.assertEqual(self.check(files, "--draft")[0], 0)
        status, output = self.check(files)
        self.assertEqual(status, 1)
        for message in ("include/sennit/core/a.hpp: sennit_headers(core …)", "all.hpp does not",
                        "src/core/a.cpp: src/core/CMakeLists.txt does not name it",
                        "tests/core/a_test.cpp: tests/core/CMakeLists.txt does not name it"):
            self.assertIn(message, output)

    def test_pages_with_examples_are_listed(self):
        files = {"docs/a.md": "```cpp\nf();\n```\n", "docs/b.md": "no example\n"}
        status, output = self.check(files)
        self.assertEqual(status, 1)
        self.assertIn("docs/a.md: cmake/sennit_checks.cmake does not name it", output)
        status, output = self.check({**files, "cmake/sennit_checks.cmake": "set(pages docs/a.md)"})
        self.assertEqual(status, 0, output)

    def test_listed_files_pass(self):
        status, output = self.check({
            "include/sennit/all.hpp": "#include <sennit/core/a.hpp>\n",
            "include/sennit/core/a.hpp": "", "src/core/a.cpp": "", "tests/core/a_test.cpp": "",
            "src/core/CMakeLists.txt": "sennit_headers(core a.hpp)\n"
                                       "target_sources(sennit PRIVATE a.cpp)\n",
            "tests/core/CMakeLists.txt": "sennit_test(core a_test.cpp)\n"})
        self.assertEqual(status, 0, output)


if __name__ == "__main__":
    unittest.main()
