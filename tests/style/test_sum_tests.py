#!/usr/bin/env python3
"""scripts/sum_tests.py counts what happened, and never takes a crash for a pass."""

import sys
import tempfile
import unittest
import xml.etree.ElementTree as ElementTree
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "scripts"))
import sum_tests  # noqa: E402  (found by the line above)


def tally(output, status="run", failure=None, skipped=None):
    case = ElementTree.Element("testcase", name="sample", status=status)
    ElementTree.SubElement(case, "system-out").text = output
    for tag, message in (("failure", failure), ("skipped", skipped)):
        if message is not None:
            ElementTree.SubElement(case, tag, message=message)
    result = sum_tests.tally_program(case, "run")
    return result.passed, len(result.failures), len(result.skips)


class Program(unittest.TestCase):
    def test_counts_the_test_cases_of_catch2(self):
        self.assertEqual(tally("===\nAll tests passed (12 assertions in 5 test cases)\n"), (5, 0, 0))
        self.assertEqual(tally("All tests passed (1 assertion in 1 test case)\n"), (1, 0, 0))

    def test_counts_failed_test_cases(self):
        output = "test cases: 5 | 3 passed | 2 failed\nassertions: 9 | 7 passed | 2 failed\n"
        self.assertEqual(tally(output, "fail", failure=""), (3, 2, 0))
        self.assertEqual(tally("test cases:  2 | 2 failed\n", "fail", failure=""), (0, 2, 0))

    def test_a_crash_after_all_passed_is_a_failure(self):
        output = "All tests passed (12 assertions in 5 test cases)\nWARNING: ThreadSanitizer: data race\n"
        self.assertEqual(tally(output, "fail", failure="Failed"), (5, 1, 0))

    def test_a_crash_or_a_time_out_before_the_end_is_a_failure(self):
        self.assertEqual(tally("some output\n", "fail", failure="Timeout"), (0, 1, 0))

    def test_one_that_could_not_be_started_is_a_failure(self):
        self.assertEqual(tally("", "notrun", skipped="Unable to find executable"), (0, 1, 0))

    def test_one_that_asked_to_be_skipped_is_skipped(self):
        self.assertEqual(tally("", "notrun", skipped="SKIP_RETURN_CODE=77"), (0, 0, 1))

    def test_skipped_test_cases_do_not_count_as_passed(self):
        output = "SKIPPED: probe: needs root\nAll tests passed (12 assertions in 5 test cases)\n"
        self.assertEqual(tally(output), (4, 0, 1))
        self.assertEqual(tally("test cases: 5 | 4 passed | 1 skipped\n"), (4, 0, 1))

    def test_without_catch2_is_one_test(self):
        self.assertEqual(tally("style: nothing to complain about\n"), (1, 0, 0))
        self.assertEqual(tally("a.cpp:1: bad\n", "fail", failure="Failed"), (0, 1, 0))


class Sum(unittest.TestCase):
    def test_a_broken_report_is_a_failure(self):
        with tempfile.TemporaryDirectory() as name:
            report = Path(name) / "release-root.xml"
            report.write_text("<testsuite>")
            self.assertEqual(len(sum_tests.tally_run(report).failures), 1)

    def test_steps_count(self):
        with tempfile.TemporaryDirectory() as name:
            steps = Path(name) / "steps.tsv"
            steps.write_text("ok\tlint\nfailed\tbuild of tsan\nskipped\tuser run: no root\n")
            self.assertEqual(str(sum_tests.tally_steps(steps)), "1 passed, 1 failed, 1 skipped")

    def test_skips_are_refused_unless_their_reason_is_allowed(self):
        sample = sum_tests.Tally(passed=1, skips=["user: a: needs root", "user: b: no Landlock"])
        sum_tests.refuse_skips(sample, "needs root")
        self.assertEqual(str(sample), "1 passed, 1 failed, 1 skipped")
        self.assertIn("no Landlock", sample.failures[0])


if __name__ == "__main__":
    unittest.main()
