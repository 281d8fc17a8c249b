#!/usr/bin/env python3
"""Shows every rule of check_style.py one sample that it must refuse and one that it must let pass."""

import tempfile
import unittest
from pathlib import Path

import check_style

# rule -> (path, refused text, accepted text)
SAMPLES = {
    check_style.include_against_the_layers: (
        "kernel/a.cpp",
        '#include "policy/filter.hpp"\n',
        '#include "kernel/result.hpp"\n',
    ),
    check_style.caf_outside_its_folders: (
        "tests/policy/a.cpp",
        "#include <caf/all.hpp>\n",
        '#include "policy/filter.hpp"\n// #include <caf/all.hpp>\n',
    ),
    check_style.include_by_relative_path: (
        "index/a.cpp",
        '#include "../kernel/result.hpp"\n',
        '#include "kernel/result.hpp"\n#include <string>\n',
    ),
    check_style.header_without_guard: ("index/a.hpp", "struct A {};\n", "#pragma once\nstruct A {};\n"),
    check_style.file_too_long: ("bench/a.cpp", "\n" * 601, "\n" * 600),
    check_style.unfinished: ("cli/a.cpp", "// TODO: later\n", "int todos = 0;\n"),
    check_style.lock_in_actors: ("actors/a.cpp", "std::shared_mutex m;\n", "// no std::mutex here\n"),
    check_style.continue_without_a_reason: (
        "procfs/a.cpp",
        "return {Continue{}};\n",
        "// Continue safety: the pid is in a register.\nreturn {policy::Continue{}};\n",
    ),
    check_style.sleep_in_tests: (
        "tests/actors/a.cpp",
        "void f() {\n\n\n  std::this_thread::sleep_for(1s);\n}\n",
        "// One poll of a condition that has a deadline.\nstd::this_thread::sleep_for(1ms);\n",
    ),
}


def complaints_of(rule, path, text):
    return list(rule(check_style.Source(Path(path), text.splitlines())))


class EveryRule(unittest.TestCase):
    def test_has_a_sample(self):
        self.assertEqual(set(check_style.SOURCE_RULES), set(SAMPLES))

    def test_refuses_its_bad_sample(self):
        for rule, (path, bad, _) in SAMPLES.items():
            with self.subTest(rule.__name__):
                self.assertTrue(complaints_of(rule, path, bad))

    def test_accepts_its_good_sample(self):
        for rule, (path, _, good) in SAMPLES.items():
            with self.subTest(rule.__name__):
                self.assertFalse(complaints_of(rule, path, good))


class Layers(unittest.TestCase):
    def test_go_one_way(self):
        for folder, below in check_style.LAYERS.items():
            for other in below:
                with self.subTest(f"{folder} -> {other}"):
                    self.assertNotIn(folder, check_style.LAYERS[other])

    def test_of_a_test_are_those_of_what_it_tests(self):
        rule = check_style.include_against_the_layers
        self.assertTrue(complaints_of(rule, "tests/kernel/a.cpp", '#include "actors/loop.hpp"\n'))
        self.assertFalse(complaints_of(rule, "tests/kernel/a.cpp", '#include "support/catch.hpp"\n'))
        self.assertFalse(complaints_of(rule, "tests/index/a.cpp", '#include "tests/kernel/child.hpp"\n'))
        self.assertTrue(complaints_of(rule, "tests/kernel/a.cpp", '#include "tests/index/fixture.hpp"\n'))
        self.assertTrue(complaints_of(rule, "index/a.cpp", '#include "tests/kernel/child.hpp"\n'))

    def test_leave_whole_system_tests_alone(self):
        for rule in (check_style.include_against_the_layers, check_style.caf_outside_its_folders):
            text = '#include "actors/loop.hpp"\n#include <caf/all.hpp>\n'
            self.assertFalse(complaints_of(rule, "tests/system/a.cpp", text))


class Tree(unittest.TestCase):
    def test_a_source_that_nobody_builds_is_refused(self):
        with tempfile.TemporaryDirectory() as name:
            tree = Path(name)
            (tree / "index").mkdir()
            (tree / "index/CMakeLists.txt").write_text("proctor_library(index SOURCES\n  known.cpp)\n")
            (tree / "index/known.cpp").write_text("")
            (tree / "index/own.cpp").write_text("")
            (tree / "tests/support").mkdir(parents=True)
            (tree / "tests/support/shared.cpp").write_text("")
            (tree / "tests/index").mkdir()
            (tree / "tests/index/CMakeLists.txt").write_text("x(SOURCES ${CMAKE_SOURCE_DIR}/tests/support/shared.cpp)\n")
            self.assertEqual(check_style.check(tree), ["index/own.cpp:1: not listed in a CMakeLists.txt"])

    def test_a_dead_link_is_refused(self):
        with tempfile.TemporaryDirectory() as name:
            tree = Path(name)
            (tree / "docs").mkdir()
            (tree / "docs/a.md").write_text("[b](b.md) [a](a.md#part) [far](https://example.org)\n")
            self.assertEqual(check_style.check(tree), ["docs/a.md:1: b.md does not exist"])

    def test_the_build_directory_is_not_looked_at(self):
        with tempfile.TemporaryDirectory() as name:
            tree = Path(name)
            (tree / "build/index").mkdir(parents=True)
            (tree / "build/index/made.cpp").write_text("// FIXME\n")
            self.assertEqual(check_style.check(tree), [])


if __name__ == "__main__":
    unittest.main()
