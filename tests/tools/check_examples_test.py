"""Tests of tools/check_examples.py: what becomes of the examples of a header and of a page."""

import pathlib
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "tools"))
import check_examples  # noqa: E402


def examples_of(text, name):
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder) / name
        path.write_text(text, encoding="utf-8")
        return check_examples.examples_of(path)


def generate(text):
    """The C++ of one example, without its #line directives and what stands above each."""
    block = check_examples.example(pathlib.Path("a.hpp"), 1, text)
    lines = check_examples.generate(block, 7).splitlines()
    return "\n".join(line for line in lines if not line.startswith(("#line", "using namespace")))


class finding(unittest.TestCase):
    def test_header_comment(self):
        found = examples_of("int a;\n/// Says.\n///\n/// ```cpp\n/// f();\n///     g();\n/// ```\n",
                            "a.hpp")
        self.assertEqual([(block.line, block.text) for block in found], [(5, "f();\n    g();\n")])

    def test_page(self):
        found = examples_of("# Title\n```cpp\nf();\n```\n```sh\nls\n```\n```cpp\ng();\n```\n", "a.md")
        self.assertEqual([(block.line, block.text) for block in found], [(3, "f();\n"), (9, "g();\n")])

    def test_no_compile_is_skipped(self):
        self.assertEqual(examples_of("```cpp no-compile\nf();\n```\n```\nplain\n```\n", "a.md"), [])

    def test_open_block_is_an_error(self):
        with self.assertRaises(SystemExit):
            examples_of("/// ```cpp\n/// f();\nint a;\n", "a.hpp")


class wrapping(unittest.TestCase):
    def test_statements_go_into_a_function(self):
        self.assertEqual(generate("int a = 1;\nf(a);\n"),
                         "namespace doc_example_7 {\ndoc_example::outcome example() {\nint a = 1;\n"
                         "f(a);\nreturn {};\n}\n}")

    def test_definitions_stay_outside(self):
        for text in ("int f(int a, char b = '{') { return a; }",
                     "[[nodiscard]] inline auto f(g h = {}) -> std::vector<int> { return {1}; }",
                     "task<int> f() {\n    co_return 42;\n}",
                     "template<class T>\n    requires true\nT twice(T v) { return v + v; }",
                     "struct s : base {\n    int a = 0;\n} one{3};",
                     "enum class side { left, right };"):
            self.assertEqual(generate(text), "namespace doc_example_7 {\n" + text + "\n}")

    def test_statements_with_bodies_are_not_definitions(self):
        for text in ("for (int v : std::vector{1, 2}) { f(v); }",
                     "if (f(a)) { g(); } else { h(); }",
                     "auto f = [&](int v) -> int { return v; };",
                     "std::vector<int> many{1, 2};",
                     "run([] { f(); });",
                     "do { f(); } while (g());"):
            self.assertIn("example() {\n" + text + "\nreturn {};", generate(text))

    def test_bare_return_makes_it_void(self):
        self.assertIn("void example() {", generate("if (f()) return;\n"))
        self.assertNotIn("void example() {", generate("auto f = [] { return; };\n"))

    def test_await_makes_it_a_coroutine(self):
        self.assertIn("task<result<doc_example::anything>> example() {", generate("co_await f();\n"))
        self.assertIn("task<void> example() {", generate("co_await f();\nco_return;\n"))
        self.assertIn("doc_example::outcome", generate("go([] () -> task<void> { co_await f(); });\n"))
        self.assertIn("doc_example::outcome", generate("f(); // not co_await\n"))

    def test_own_main_is_left_alone(self):
        self.assertEqual(generate("int f();\nint main() { return f(); }\n"),
                         "namespace doc_example_7 {\nint f();\nint main() { return f(); }\n}")

    def test_lines_are_named(self):
        block = check_examples.example(pathlib.Path("a.hpp"), 10, "f();\n\n\ng();\n")
        self.assertIn('#line 13 "a.hpp"', check_examples.generate(block, 0))


if __name__ == "__main__":
    unittest.main()
