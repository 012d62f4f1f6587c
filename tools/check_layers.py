#!/usr/bin/env python3
"""Checks the rule of the layers: who may include whom, and that no file is forgotten.

Errors in every run:
  - a file of include/sennit/<layer> or src/<layer> includes a layer that is not below its own;
  - a public header includes a header of the kernel or of POSIX;
  - a source file outside src/os includes a header that leads to system calls;
  - more than one file says thread_local: a compiler may cache such an address across a switch of
    stacks, so one file holds them all, behind calls that are not inlined.
Errors too, but a warning with --draft, because a new file is written before it is listed:
  - a header that sennit_headers() of its layer does not name;
  - a header that sennit/all.hpp does not include (the os layer is internal and stays out);
  - a source or test file that the CMakeLists.txt beside it does not name;
  - a page with C++ examples that cmake/sennit_checks.cmake does not name.
"""

import argparse
import pathlib
import re
import sys

# Each layer with the layers it may include, besides itself. docs/architecture.md draws this.
BELOW_WAIST = {"base", "os"}
MIDDLE = {"exec", "stack", "coro", "sync", "time", "io"}
BELOW_MIDDLE = BELOW_WAIST | {"core"}
PARTS = {"net", "http", "sim", "trace"}
LAYERS = {
    "base": set(),
    "os": {"base"},
    "core": BELOW_WAIST,
    **{layer: BELOW_MIDDLE for layer in MIDDLE},
    "exec": BELOW_MIDDLE | {"stack"},
    **{layer: BELOW_MIDDLE | MIDDLE for layer in PARTS},
    # The server is what http and net are for together, and net is of use without http; so http
    # stands above net, where the first drawing had them side by side (docs/decisions).
    "http": BELOW_MIDDLE | MIDDLE | {"net"},
    "runtime": BELOW_MIDDLE | MIDDLE | PARTS,
}
# all.hpp may include everything; everybody may include version.hpp.
ROOT_HEADERS = {"all.hpp", "version.hpp"}
NOT_IN_ALL = {"os"}

SYSTEM_CALLS = re.compile(
    r"^((sys|linux|asm|netinet|arpa|net)/.*"
    r"|(unistd|fcntl|poll|netdb|termios|spawn|dirent|syscall|pwd|grp|mqueue|aio)\.h)$")
POSIX = re.compile(
    r"^(bits/.*|(pthread|signal|sched|semaphore|ucontext|dlfcn|execinfo|ifaddrs|syslog)\.h)$")
INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*([<"])([^>"]+)[>"]', re.MULTILINE)
CODE_SUFFIXES = {".hpp", ".cpp", ".inc", ".S"}


def without_comments_and_strings(text):
    """The code alone, with its lines where they were. An include's quotes are kept."""
    pattern = re.compile(
        r'(?P<include>^[ \t]*#[ \t]*include[^\n]*)'
        r'|(?P<raw>R"(?P<mark>[^()\\\s]{0,16})\(.*?\)(?P=mark)")'
        r'|(?P<string>"(?:\\.|[^"\\\n])*")'
        r"|(?P<char>(?<![0-9a-fA-F])'(?:\\.|[^'\\\n])+')"
        r"|(?P<comment>//[^\n]*|/\*.*?\*/)", re.DOTALL | re.MULTILINE)

    def replace(match):
        if match.group("include"):
            return match.group()
        return "\n" * match.group().count("\n")

    return pattern.sub(replace, text)


class checker:
    def __init__(self, root):
        self.root = root
        self.errors = []
        self.omissions = []

    def run(self):
        files = sorted(path for folder in ("include", "src")
                       for path in (self.root / folder).rglob("*") if path.suffix in CODE_SUFFIXES)
        thread_locals = []
        for path in files:
            code = without_comments_and_strings(path.read_text(encoding="utf-8"))
            self.check_includes(path, code)
            match = re.search(r"\b(thread_local|__thread)\b", code)
            if match:
                thread_locals.append(f"{self.name(path)}:{line_of(code, match.start())}")
        if len(thread_locals) > 1:
            self.errors += [f"{place}: thread_local may stand in one file only, "
                            f"and it stands in {len(thread_locals)}" for place in thread_locals]
        self.check_lists(files)
        return len(files)

    def name(self, path):
        return str(path.relative_to(self.root))

    def layer_of(self, path):
        """The layer a file belongs to; None for a header that stands directly in include/sennit."""
        parts = path.relative_to(self.root).parts
        parts = parts[2:] if parts[0] == "include" else parts[1:]
        return parts[0] if len(parts) > 1 else None

    def layer_of_include(self, path, bracket, target):
        """The layer, or the root header, that an include leads to; None when it is not ours."""
        if target.startswith("sennit/"):
            return target.split("/")[1]  # a layer, or a header that stands above them
        if bracket == '"':
            for folder in (path.parent, self.root / "src"):
                resolved = (folder / target).resolve()
                if resolved.is_file() and resolved.is_relative_to(self.root):
                    return self.layer_of(resolved)
        return None

    def check_includes(self, path, code):
        public = path.is_relative_to(self.root / "include")
        layer = self.layer_of(path)
        if layer is not None and layer not in LAYERS:
            known = ", ".join(LAYERS)
            self.errors.append(f"{self.name(path)}:1: {layer} is no layer; there are {known}")
            return
        for match in INCLUDE.finditer(code):
            bracket, target = match.groups()
            place = f"{self.name(path)}:{line_of(code, match.start(1))}"
            if public and (SYSTEM_CALLS.match(target) or POSIX.match(target)):
                self.errors.append(f"{place}: a public header includes <{target}>; "
                                   "keep the kernel in src/os")
            elif not public and layer != "os" and SYSTEM_CALLS.match(target):
                self.errors.append(f"{place}: layer {layer} includes <{target}>; "
                                   "system calls belong to os")
            other = self.layer_of_include(path, bracket, target)
            if other in (None, "version.hpp", layer):
                continue
            if path.name == "all.hpp" and layer is None:
                continue
            if other in ROOT_HEADERS:
                self.errors.append(f"{place}: <{target}> is for users; include what is needed")
            elif layer is None or other not in LAYERS[layer]:
                self.errors.append(f"{place}: layer {layer or 'root'} may not include {other} "
                                   f"(<{target}>)")

    def check_lists(self, files):
        umbrella = self.root / "include/sennit/all.hpp"
        in_all = {target for _, target in INCLUDE.findall(umbrella.read_text(encoding="utf-8"))}
        lists = {}
        for path in files:
            layer = self.layer_of(path)
            public = path.is_relative_to(self.root / "include")
            if layer is None:
                continue
            list_file = self.root / "src" / layer / "CMakeLists.txt"
            if layer not in lists:
                lists[layer] = words_of(list_file)
            folder = self.root / ("include/sennit" if public else "src") / layer
            shown = path.relative_to(folder).as_posix()
            if public and shown not in lists[layer]:
                self.omissions.append(f"{self.name(path)}: sennit_headers({layer} …) "
                                      f"in {self.name(list_file)} lacks it")
            if public and layer not in NOT_IN_ALL and f"sennit/{layer}/{shown}" not in in_all:
                self.omissions.append(f"{self.name(path)}: sennit/all.hpp does not include it")
            if not public and path.suffix in {".cpp", ".S"} and shown not in lists[layer]:
                self.omissions.append(f"{self.name(path)}: {self.name(list_file)} does not name it")
        for path in sorted((self.root / "tests").glob("*/*.cpp")):
            list_file = path.parent / "CMakeLists.txt"
            if path.name not in words_of(list_file):
                self.omissions.append(f"{self.name(path)}: {self.name(list_file)} does not name it")
        pages = words_of(self.root / "cmake/sennit_checks.cmake")
        for path in sorted([*self.root.glob("*.md"), *self.root.glob("docs/**/*.md")]):
            if self.name(path) not in pages and "```cpp" in path.read_text(encoding="utf-8"):
                self.omissions.append(f"{self.name(path)}: cmake/sennit_checks.cmake does not "
                                      "name it, so its examples are not compiled")


def words_of(list_file):
    text = list_file.read_text(encoding="utf-8") if list_file.is_file() else ""
    return set(re.findall(r"[^\s()\"]+", re.sub(r"#[^\n]*", "", text)))


def line_of(text, position):
    return text.count("\n", 0, position) + 1


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--draft", action="store_true", help="only warn of what is not listed")
    parser.add_argument("--root", type=pathlib.Path, help="the folder that holds include/ and src/",
                        default=pathlib.Path(__file__).resolve().parent.parent)
    options = parser.parse_args()
    check = checker(options.root.resolve())
    count = check.run()
    for line in check.errors:
        print(f"{line} [error]", file=sys.stderr)
    if options.draft and check.omissions:
        print(f"layers: {len(check.omissions)} omissions, the first: {check.omissions[0]}",
              file=sys.stderr)
    for line in check.omissions if not options.draft else []:
        print(f"{line} [error]", file=sys.stderr)
    failed = bool(check.errors or (check.omissions and not options.draft))
    if not failed and not options.draft:
        print(f"layers: {count} files in order")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
