#!/usr/bin/env python3
"""Sums up what ./scripts/test ran, and ends with one line: `123 passed, 0 failed, 2 skipped`.

    sum_tests.py REPORTS

REPORTS holds one JUnit file of ctest per run (`release-root.xml`) and `steps.tsv`: what was done besides
(`ok` or `failed`, a tab, what). A Catch2 program counts by its test cases, as its own closing line says;
any other test counts as one. A program that crashed, hung or ended without that line is one failure more.

Catch2 v2 cannot skip: a test case that cannot run prints `SKIPPED: <test name>: <reason>` to stdout and
passes; it counts as skipped here. Environment: with PROCTOR_NO_SKIPS=1 a skip is a failure unless its
reason matches the regular expression PROCTOR_ALLOWED_SKIPS.

Ends with 1 if anything failed, or if nothing ran.
"""

import os
import re
import sys
import xml.etree.ElementTree as ElementTree
from dataclasses import dataclass, field
from pathlib import Path

# The closing lines of Catch2 v2 and v3. The last one printed is the program's own.
CLOSING = re.compile(r"All tests passed \([^)]* in (?P<all>\d+) test cases?\)|^test cases: (?P<counts>.*)$", re.M)
SKIPPED = re.compile(r"^SKIPPED: (.+)$", re.M)


@dataclass
class Tally:
    """What one run, or all of them, came to."""

    passed: int = 0
    failures: list = field(default_factory=list)
    skips: list = field(default_factory=list)

    def add(self, other):
        self.passed += other.passed
        self.failures += other.failures
        self.skips += other.skips

    def __str__(self):
        return f"{self.passed} passed, {len(self.failures)} failed, {len(self.skips)} skipped"


def count_cases(output):
    """(passed, failed, skipped) of a Catch2 program's closing line; nothing if there is none."""
    closings = list(CLOSING.finditer(output))
    if not closings:
        return None
    if closings[-1]["all"]:
        return int(closings[-1]["all"]), 0, 0
    counts = {word: int(number) for number, word in re.findall(r"(\d+) (\w+)", closings[-1]["counts"])}
    return counts.get("passed", 0), counts.get("failed", 0) + counts.get("failedas", 0), counts.get("skipped", 0)


def tally_program(case, run):
    """One <testcase> of ctest: one program."""
    name = f"{run}: {case.get('name')}"
    output = case.findtext("system-out") or ""
    ended_well = case.get("status") == "run"
    skipped = case.find("skipped")
    if skipped is not None and "SKIP_" in skipped.get("message", ""):
        return Tally(skips=[f"{name}: the whole program"])

    failure = case.find("failure")
    why = next((found.get("message") for found in (failure, skipped) if found is not None), None)
    why = why or "failed"
    cases = count_cases(output)
    if cases is None:
        return Tally(passed=1) if ended_well else Tally(failures=[f"{name}: {why}"])

    passed, failed, skipped_by_catch = cases
    skips = sorted(set(SKIPPED.findall(output)))
    tally = Tally(passed=max(0, passed - len(skips)))
    tally.skips = [f"{name}: {skip}" for skip in skips] + [f"{name}: skipped"] * skipped_by_catch
    tally.failures = [f"{name}: a test case failed"] * failed
    if not ended_well and not failed:
        tally.failures.append(f"{name}: all its test cases passed, but it ended with: {why}")
    return tally


def tally_run(report):
    """One JUnit file."""
    run = report.stem
    try:
        cases = ElementTree.parse(report).getroot().iter("testcase")
    except (OSError, ElementTree.ParseError) as error:
        return Tally(failures=[f"{run}: no report: {error}"])
    tally = Tally()
    for case in cases:
        tally.add(tally_program(case, run))
    return tally


def tally_steps(file):
    tally = Tally()
    for line in file.read_text().splitlines() if file.exists() else []:
        outcome, _, what = line.partition("\t")
        if outcome == "ok":
            tally.passed += 1
        elif outcome == "skipped":
            tally.skips.append(what)
        else:
            tally.failures.append(what)
    return tally


def refuse_skips(tally, allowed):
    """Turns each skip whose reason does not match `allowed` into a failure."""
    kept = [skip for skip in tally.skips if allowed and re.search(allowed, skip)]
    tally.failures += [f"{skip} (skips count as failures here)" for skip in tally.skips if skip not in kept]
    tally.skips = kept


def main():
    reports = Path(sys.argv[1])
    total = Tally()
    parts = [(report.stem, tally_run(report)) for report in sorted(reports.glob("*.xml"))]
    parts.append(("steps", tally_steps(reports / "steps.tsv")))
    for name, tally in parts:
        if os.environ.get("PROCTOR_NO_SKIPS") == "1":
            refuse_skips(tally, os.environ.get("PROCTOR_ALLOWED_SKIPS"))
        print(f"{name + ':':<16} {tally}")
        total.add(tally)
    for title, lines in (("Skipped", total.skips), ("FAILED", total.failures)):
        if lines:
            print(f"\n{title}:")
            print("\n".join(f"  {line}" for line in lines))
    print(f"\n{total}")
    return 0 if total.passed and not total.failures else 1


if __name__ == "__main__":
    sys.exit(main())
