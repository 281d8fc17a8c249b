#!/usr/bin/env python3
"""Refuses what no compiler refuses: includes against the layers, and a few habits.

    check_style.py [TREE]      prints `file:line: what is wrong`, one a line; ends with 1 if there was any

Each rule is a function from a Source to (line, message) pairs; test_check_style.py shows each a bad sample.
"""

import os
import re
import sys
from dataclasses import dataclass
from pathlib import Path

# A folder includes from itself and from what is listed here: docs/architecture.md, "Layers".
LAYERS = {
    "kernel": set(),
    "index": {"kernel"},
    "policy": {"kernel"},
    "procfs": {"index", "policy", "kernel"},
    "launch": {"policy", "kernel"},
    "messages": {"index", "policy", "kernel"},
    "config": {"policy", "kernel"},
    "actors": {"messages", "procfs", "launch", "index", "policy", "kernel"},
    "cli": {"actors", "messages", "config", "procfs", "launch", "index", "policy", "kernel"},
}
# May see CAF; so may the tests of these folders, the whole-system tests and the benchmarks.
CAF_FOLDERS = {"messages", "actors", "config", "cli"}
# Folders without a layer of their own include what they like.
TOP_FOLDERS = {"bench"}

LINES_MAX = 600
SUFFIXES = {".cpp", ".hpp", ".c", ".h"}


@dataclass
class Source:
    """One source file: its path in the tree, its lines."""

    path: Path
    lines: list

    @property
    def is_test(self):
        return self.path.parts[0] == "tests"

    @property
    def folder(self):
        """The layer it belongs to; a layer's tests live by the layer's rules."""
        parts = self.path.parts[1:] if self.is_test else self.path.parts
        return parts[0] if len(parts) > 1 else ""

    def matches(self, pattern):
        """(line number, match) for each line of code that matches; comments do not count."""
        for number, line in enumerate(self.lines, 1):
            found = re.search(pattern, line.split("//")[0])
            if found:
                yield number, found

    def has_comment_near(self, number, pattern, above):
        """Whether line `number` or one of the `above` lines before it has a comment that matches."""
        window = self.lines[max(0, number - 1 - above) : number]
        return any(re.search(r"//.*" + pattern, line) for line in window)


def include_against_the_layers(source):
    if source.folder not in LAYERS:
        return
    allowed = LAYERS[source.folder] | {source.folder}
    if source.is_test:
        allowed = allowed | {"support"}
    prefix = "(?:tests/)?" if source.is_test else ""
    for number, found in source.matches(rf'^\s*#\s*include\s*"{prefix}([^"/]+)/'):
        if found[1] not in allowed:
            yield number, f"{source.folder} must not include {found[1]}"


def caf_outside_its_folders(source):
    if source.folder in CAF_FOLDERS | TOP_FOLDERS or source.path.parts[:2] == ("tests", "system"):
        return
    for number, _ in source.matches(r"^\s*#\s*include\s*[<\"]caf/"):
        yield number, "CAF is for " + ", ".join(sorted(CAF_FOLDERS))


def include_by_relative_path(source):
    # Tests may name their own helpers, beside them, by the bare name.
    bare = "" if source.is_test else r"[^/\"]+|"
    for number, found in source.matches(rf'^\s*#\s*include\s*"({bare}\.\.?/.*)"'):
        yield number, f'"{found[1]}": write "folder/file.hpp"'


def header_without_guard(source):
    if source.path.suffix == ".hpp" and not any(line.strip() == "#pragma once" for line in source.lines):
        yield 1, "no #pragma once"


def file_too_long(source):
    if len(source.lines) > LINES_MAX:
        yield len(source.lines), f"more than {LINES_MAX} lines: split it"


def unfinished(source):
    for number, line in enumerate(source.lines, 1):
        if re.search(r"\b(TODO|FIXME|XXX)\b", line):
            yield number, "finish it, or write an issue"


def lock_in_actors(source):
    # The loop is no actor: its mutex is what lets two threads run actors in turn (docs/adr/0006).
    if source.path.parts[0] != "actors" or source.path.name == "loop.hpp":
        return
    for number, found in source.matches(r"std::(recursive_|shared_|timed_)?(mutex|condition_variable\w*)\b"):
        yield number, f"{found[0]}: an actor's state is its own; what is shared is a published snapshot"


def continue_without_a_reason(source):
    if source.is_test or source.folder not in {"procfs", "actors"}:
        return
    for number, _ in source.matches(r"\bContinue\s*\{\s*\}"):
        if not source.has_comment_near(number, "Continue safety:", above=8):
            yield number, "no `// Continue safety:` comment that says why the kernel or the registers decide"


def sleep_in_tests(source):
    if not source.is_test:
        return
    for number, found in source.matches(r"\b(sleep_for|sleep_until|usleep|nanosleep|sleep)\s*\("):
        if not source.has_comment_near(number, r"\w", above=8):
            yield number, f"{found[1]} without a comment: wait for a condition with a deadline, or say why not"


SOURCE_RULES = [
    include_against_the_layers,
    caf_outside_its_folders,
    include_by_relative_path,
    header_without_guard,
    file_too_long,
    unfinished,
    lock_in_actors,
    continue_without_a_reason,
    sleep_in_tests,
]


def our_folders():
    """Where our files are; the build directory and hidden ones are not ours."""
    return sorted(LAYERS.keys() | TOP_FOLDERS | {"tests"})


def find_sources(tree):
    """Every source file of ours, in a fixed order."""
    for folder in our_folders():
        for path in sorted((tree / folder).rglob("*")):
            if path.suffix in SUFFIXES and path.is_file():
                text = path.read_text(encoding="utf-8", errors="replace")
                yield Source(path.relative_to(tree), text.splitlines())


def not_in_a_cmakelists(listings, source):
    """A .cpp that no CMakeLists.txt names is built by nobody. In its own folder its bare name will do; others
    name its folder too. `listings`: the text of each CMakeLists.txt by its folder."""
    if source.path.suffix not in {".cpp", ".c"}:
        return
    name, parent = source.path.name, source.path.parent
    for folder, text in listings.items():
        wanted = name if folder == parent else f"{parent.name}/{name}"
        if re.search(rf"(^|[\s(/]){re.escape(wanted)}($|[\s)])", text):
            return
    yield 1, "not listed in a CMakeLists.txt"


def dead_links(tree):
    """Links of our documents that lead nowhere in the tree."""
    documents = [*tree.glob("*.md"), *(tree / "docs").rglob("*.md")]
    for document in sorted(documents):
        for number, line in enumerate(document.read_text(encoding="utf-8").splitlines(), 1):
            for target in re.findall(r"\]\((?!https?:|#|mailto:)([^)#\s]+)", line):
                if not (document.parent / target).exists():
                    yield f"{document.relative_to(tree)}:{number}: {target} does not exist"


def check(tree):
    """All complaints about a tree, as printable lines."""
    complaints = []
    listings = {
        path.parent.relative_to(tree): path.read_text(encoding="utf-8")
        for folder in our_folders()
        for path in (tree / folder).rglob("CMakeLists.txt")
    }
    for source in find_sources(tree):
        found = [pair for rule in SOURCE_RULES for pair in rule(source)]
        found += not_in_a_cmakelists(listings, source)
        complaints += [f"{source.path}:{number}: {message}" for number, message in found]
    return complaints + list(dead_links(tree))


def main():
    tree = Path(sys.argv[1] if len(sys.argv) > 1 else os.getcwd())
    complaints = check(tree)
    print("\n".join(complaints) if complaints else "style: nothing to complain about")
    return 1 if complaints else 0


if __name__ == "__main__":
    sys.exit(main())
