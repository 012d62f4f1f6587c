#!/usr/bin/env python3
"""Turns the examples of the documentation into a C++ file that the build compiles.

An example is a ```cpp block in a Markdown page, or in a /// comment of a header. Each becomes a
namespace of its own, below `#include <sennit/all.hpp>` and `using namespace sennit;`:
  - functions, types and templates that the example defines stay at namespace scope;
  - its statements go into a function, which may `return` anything, also by SENNIT_TRY; or, when
    they co_await, co_yield or co_return outside a lambda, into a coroutine with a task<result<…>>;
  - its #include lines go to the top of the file;
  - an example with a main of its own is left as it is.
No example sees the names of another. A block that begins with ```cpp no-compile is skipped.
Compiler messages show the place in the header or page.
"""

import argparse
import pathlib
import re
import sys

STANDARD = """algorithm array atomic cerrno chrono coroutine cstddef cstdint cstdio cstdlib cstring
exception expected functional memory mutex optional span stdexcept string string_view thread tuple
utility vector""".split()

PRELUDE = """
// What the function around an example returns: whatever the example likes to return.
namespace doc_example {
struct anything {
    anything() = default;
    template<class T>
        requires(!requires { typename T::error_type; })
    anything(T&&) {}
};
using outcome = std::expected<anything, sennit::error>;
} // namespace doc_example

"""

FENCE = re.compile(r"^(?P<indent>\s*)```(?P<info>.*)$")
COROUTINE = re.compile(r"\bco_(await|yield|return)\b")
OWN_MAIN = re.compile(r"^\s*(auto|int)\s+main\s*\(", re.MULTILINE)
CLASS = re.compile(r"^\s*(struct|class|union|enum)\b[^;=()]*\{")
DECLARATION = re.compile(CLASS.pattern + r"|^(template\b|(inline\s+)?namespace\b|extern\b"
                         r"|(struct|class)\s+\w+\s*;|concept\b|using\s+\w+\s*=)")
NOT_A_FUNCTION = re.compile(r"^(if|for|while|do|switch|try|catch|else|return|co_\w+|case|default"
                            r"|goto|break|throw|delete|new)\b")
# A return type, a name, parameters, then perhaps noexcept, a trailing return type or requires.
FUNCTION_HEAD = re.compile(
    r"^[\w:<>,&*\s\[\]()]+?[\s&*>](operator\S+|[\w:~]+)\s*\((?:[^()]|\([^()]*\))*\)\s*"
    r"(const|noexcept|&|\s)*(->[^=]*)?(requires\b.*)?$", re.DOTALL)
STRING = r'R"([^()\\\s]{0,16})\(.*?\)\1"|"(?:\\.|[^"\\\n])*"'
CHARACTER = r"(?<![0-9a-fA-F])'(?:\\.|[^'\\\n])+'"
COMMENT = r"//[^\n]*|/\*.*?\*/"
# What may follow a closing brace when the statement goes on.
CONTINUATION = re.compile(r"\s*([;,.)?:=+]|\(|->|-|&&|\|\||else\b|while\b|catch\b|\[(?!\[))")


class example:
    def __init__(self, path, line, text):
        self.path = path
        self.line = line  # of the first line of the text
        self.text = text


def examples_of(path):
    """The examples of a file in the order in which they stand."""
    is_page = path.suffix == ".md"
    found, block, skip = [], None, False
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        if not is_page:
            comment = re.match(r"^\s*/// ?(.*)$", line)
            if comment is None:
                if block is not None:
                    sys.exit(f"{path}:{number}: a ``` block is not closed in its comment")
                continue
            line = comment.group(1)
        fence = FENCE.match(line)
        if fence is None:
            if block is not None:
                block.text += line + "\n"
        elif block is not None:
            if not skip:
                found.append(block)
            block = None
        else:
            info = fence.group("info").split()
            skip = not info or info[0] != "cpp" or "no-compile" in info
            block = example(path, number + 1, "")
    if block is not None:
        sys.exit(f"{path}: the last ``` block is not closed")
    return found


def blank(text):
    """The text with spaces for comments, strings and characters: same length, same lines."""
    pattern = re.compile(f"{STRING}|{CHARACTER}|{COMMENT}", re.DOTALL)
    return pattern.sub(lambda match: re.sub(r"[^\n]", " ", match.group()), text)


def without_lambdas(code):
    """Blanked code without the bodies of its lambdas."""
    start = re.compile(r"\]\s*(<[^{}]*?>\s*)?(\((?:[^()]|\([^()]*\))*\))?[^;{}()\[\]=]*\{")
    position = 0
    while match := start.search(code, position):
        end = closing(code, match.end() - 1)
        code = code[:match.end()] + re.sub(r"[^\n]", " ", code[match.end():end]) + code[end:]
        position = match.end()
    return code


def closing(code, start):
    """The place of the bracket that closes the one at start; the end when there is none."""
    depth = 0
    for position in range(start, len(code)):
        if code[position] in "([{":
            depth += 1
        elif code[position] in ")]}":
            depth -= 1
            if depth == 0:
                return position
    return len(code)


def opening(code):
    """The place of the bracket that the last character closes."""
    depth = 0
    for position in range(len(code) - 1, 0, -1):
        depth += (code[position] in ")]}") - (code[position] in "([{")
        if depth == 0:
            return position
    return 0


def pieces_of(text):
    """The ranges of an example's top-level statements and definitions, which cover it."""
    code = blank(text)
    start = position = 0
    while position < len(code):
        character = code[position]
        if character in "([":
            position = closing(code, position)
        elif character == "{":
            position = closing(code, position)
            # After a body comes the next statement; after other braces the statement goes on.
            goes_on = CONTINUATION.match(code, position + 1) or CLASS.match(code[start:])
            if not goes_on:
                yield start, position + 1
                start = position + 1
        elif character == ";":
            yield start, position + 1
            start = position + 1
        position += 1
    if start < len(code):
        yield start, len(code)


def is_definition(code):
    """Whether a piece must stand at namespace scope."""
    code = re.sub(r"^\s*#[^\n]*$", "", code, flags=re.MULTILINE)
    code = re.sub(r"^(\s*\[\[.*?\]\])+", "", code, flags=re.DOTALL).strip()
    code = re.sub(r"^SENNIT_(NOINLINE|ALWAYS_INLINE)\s+", "", code)
    if DECLARATION.match(code):
        return True
    if NOT_A_FUNCTION.match(code) or not code.endswith("}"):
        return False
    head = code[:opening(code)].strip()
    return FUNCTION_HEAD.match(head) is not None and "=" not in head.split("(")[0]


def located(block, start, end):
    """A part of an example below a #line directive that names where it stands."""
    part = block.text[start:end]
    start += len(part) - len(part.lstrip())
    line = block.line + block.text.count("\n", 0, start)
    return f'#line {line} "{block.path}"\n{block.text[start:end].rstrip()}\n'


def generate(block, number):
    """The C++ of one example."""
    above = (f"namespace doc_example_{number} {{\n"
             "using namespace sennit;\nusing namespace std::chrono_literals;\n")
    if OWN_MAIN.search(blank(block.text)):
        return f"{above}{located(block, 0, len(block.text))}}}\n"
    code = blank(block.text)
    definitions, statements = "", ""
    statement_code = ""
    for start, end in pieces_of(block.text):
        if not code[start:end].strip():
            continue
        if is_definition(code[start:end]):
            definitions += located(block, start, end)
        else:
            statements += located(block, start, end)
            statement_code += code[start:end]
    body = ""
    if statement_code.strip():
        bare = without_lambdas(statement_code)
        if re.search(r"\bco_return\s*;", bare):
            body = f"task<void> example() {{\n{statements}}}\n"
        elif COROUTINE.search(bare):
            body = ("task<result<doc_example::anything>> example() {\n"
                    f"{statements}co_return {{}};\n}}\n")
        elif re.search(r"\breturn\s*;", bare):
            body = f"void example() {{\n{statements}}}\n"
        else:
            body = f"doc_example::outcome example() {{\n{statements}return {{}};\n}}\n"
    return f"{above}{definitions}{body}}}\n"


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--output", type=pathlib.Path, help="the C++ file; or standard output")
    parser.add_argument("files", nargs="+", type=pathlib.Path, help="headers and Markdown pages")
    options = parser.parse_args()
    blocks = [block for path in options.files for block in examples_of(path)]
    # A header's examples see that header also where all.hpp leaves it out (the os layer).
    includes = ["<" + path.as_posix().rpartition("/include/")[2] + ">"
                for path in options.files if path.suffix == ".hpp"]
    includes += [f"<{name}>" for name in STANDARD]
    for block in blocks:
        pattern = re.compile(r"^[ \t]*#[ \t]*include[ \t]*(\S+).*$", re.MULTILINE)
        includes += pattern.findall(block.text)
        block.text = pattern.sub("", block.text)
    text = "// Made by tools/check_examples.py: the examples of the documentation.\n"
    if blocks:
        text += "#include <sennit/all.hpp>\n"
        text += "".join(f"#include {name}\n" for name in dict.fromkeys(includes)) + PRELUDE
    text += "\n".join(generate(block, number) for number, block in enumerate(blocks))
    if options.output is None:
        print(text)
        return
    options.output.parent.mkdir(parents=True, exist_ok=True)
    options.output.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
