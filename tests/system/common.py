"""What the whole-system tests share: running a command bare, embedded and by daemon, and comparing.

Each test program is started as `test_x.py DIRECTORY_OF_BINARIES [unittest arguments]` and ends with
`test cases: 12 | 11 passed | 1 failed`, the line scripts/sum_tests.py counts. A test that cannot run prints
`SKIPPED: <test name>: <reason>` and passes.
"""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import unittest
from pathlib import Path

# Generous: the machine may be busy. Nothing waits for as long as this but what has failed.
DEADLINE_S = 120
STOP_DEADLINE_S = 40  # a daemon gives its sessions 5 s, twice
POLL_S = 0.02  # between two looks at a condition

BINARIES = Path(sys.argv[1]).resolve() if len(sys.argv) > 1 else Path()
PROCTOR = str(BINARIES / "proctor")
PROCTORD = str(BINARIES / "proctord")
MODES = ("embedded", "daemon")
# Beyond PID_MAX_LIMIT of 64-bit kernels: nobody ever has it.
NOBODY = 4194305


def wait_until(condition, what, deadline_s=DEADLINE_S):
    """The first true value of `condition()`; AssertionError that names `what` (a text, or what makes it) after the
    deadline."""
    end = time.monotonic() + deadline_s
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise AssertionError(f"waited {deadline_s} s in vain: {what() if callable(what) else what}")
        time.sleep(POLL_S)


def text_of(path):
    """What a file says; nothing while there is no such file."""
    try:
        return Path(path).read_text()
    except FileNotFoundError:
        return ""


def stat_fields(pid):
    """/proc/PID/stat from the state on (field 3), or nothing if there is no such process."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return None


def name_of(task):
    """The name of a process, or of a task by its directory in /proc; nothing if it has ended."""
    try:
        return Path("/proc", str(task), "comm").read_text().rstrip("\n")
    except (FileNotFoundError, ProcessLookupError):
        return ""


def is_alive(pid):
    """Whether a process runs; a zombie does not."""
    fields = stat_fields(pid)
    return fields is not None and fields[0] not in "ZX"


def host_pids():
    return {int(name) for name in os.listdir("/proc") if name.isdigit()}


def parent_of(pid):
    return int(stat_fields(pid)[1])


def children_of(pid):
    """The direct children of a process."""
    found = []
    for other in host_pids():
        fields = stat_fields(other)
        if fields and int(fields[1]) == pid:
            found.append(other)
    return found


def descendants_of(pid):
    parents = {other: int(fields[1]) for other in host_pids() if (fields := stat_fields(other))}
    found, fresh = set(), {pid}
    while fresh:
        fresh = {child for child, parent in parents.items() if parent in fresh} - found
        found |= fresh
    return found


class Daemon:
    """A private proctord in a directory of its own; ready when the constructor returns."""

    def __init__(self, *options, directory=None, config=None, environment=None):
        self.directory = Path(directory or tempfile.mkdtemp(prefix="proctord-"))
        self.socket = str(self.directory / "d.sock")
        self.log = self.directory / "stderr"
        arguments = [PROCTORD, "--socket", self.socket, *options]
        if config:
            arguments.append(f"--config-file={config}")
        elif not any(option.startswith("--introspection.file") for option in options):
            arguments.append("--introspection.file=none")
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(arguments, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                            env=environment)
        try:
            wait_until(lambda: "ready at" in self.said() or self.process.poll() is not None, "proctord is ready")
            assert self.process.poll() is None, f"proctord ended: {self.said()}"
        except BaseException:
            self.close()
            raise

    @property
    def pid(self):
        return self.process.pid

    def said(self):
        return self.log.read_text(errors="replace")

    def ask(self, *question):
        """What a command that asks the daemon answers with --json."""
        command = [PROCTOR, *question, "--socket", self.socket, "--json"]
        answer = subprocess.run(command, capture_output=True, timeout=DEADLINE_S, check=False)
        assert answer.returncode == 0, f"proctor {question}: {answer.returncode}: {answer.stderr!r}"
        return json.loads(answer.stdout)

    def sandboxes(self):
        return self.ask("ps")["sandboxes"]

    def inspect(self, name):
        return self.ask("inspect", name)["sandbox"]

    def threads_named(self, name):
        """How many of its threads have a name: each sandbox has one "sandbox" and one "listener"."""
        return sum(name_of(task) == name for task in Path(f"/proc/{self.pid}/task").iterdir())

    def stop(self):
        """Ends it as an administrator would; returns its exit status."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(STOP_DEADLINE_S)

    def close(self):
        """Whatever state it is in: nothing is left. In order if it can: a front was perhaps killed just now, and
        whoever kills both it and its supervisor leaves nobody to end the tree."""
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(STOP_DEADLINE_S)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait(DEADLINE_S)
        shutil.rmtree(self.directory, ignore_errors=True)


def prefix(mode, daemon=None, options=()):
    """The words that go before CMD."""
    if mode == "bare":
        return []
    where = ["--embedded"] if mode == "embedded" else ["--daemon", daemon.socket]
    return [PROCTOR, "run", *where, *options, "--"]


class SystemTest(unittest.TestCase):
    """A test case with a work directory `self.dir` and, for the whole class, a daemon `self.daemon`."""

    @classmethod
    def setUpClass(cls):
        cls.daemon = Daemon()

    @classmethod
    def tearDownClass(cls):
        # After any of the tests, whatever they did: the daemon lives, is empty, and ends in order.
        try:
            assert cls.daemon.process.poll() is None, "the daemon died"
            wait_until(lambda: not cls.daemon.sandboxes(), "the daemon has no sandbox left")
            wait_until(lambda: cls.daemon.threads_named("listener") == 0, "the sandboxes' threads have ended")
            status, said = cls.daemon.stop(), cls.daemon.said()
            assert (status, os.path.exists(cls.daemon.socket)) == (0, False), (status, said)
            assert said.count("\n") == 1, f"the daemon complained: {said}"
        finally:
            cls.daemon.close()

    def setUp(self):
        self.dir = Path(tempfile.mkdtemp(prefix="proctor-system-"))
        self.addCleanup(shutil.rmtree, self.dir, ignore_errors=True)

    def skip(self, reason):
        print(f"SKIPPED: {self.id()}: {reason}", flush=True)

    def run_in(self, mode, command, options=(), **keywords):
        """subprocess.run of a command, bare or under proctor; never hangs."""
        keywords.setdefault("cwd", self.dir)
        if "input" not in keywords:
            keywords.setdefault("stdin", subprocess.DEVNULL)
        keywords.setdefault("stdout", subprocess.PIPE)
        keywords.setdefault("stderr", subprocess.PIPE)
        keywords.setdefault("timeout", DEADLINE_S)
        return subprocess.run([*prefix(mode, getattr(self, "daemon", None), options), *command], check=False,
                              **keywords)

    def start_in(self, mode, command, options=(), **keywords):
        """subprocess.Popen of the same; ended with the test."""
        keywords.setdefault("cwd", self.dir)
        keywords.setdefault("stdin", subprocess.DEVNULL)
        keywords.setdefault("stdout", subprocess.PIPE)
        keywords.setdefault("stderr", subprocess.PIPE)
        process = subprocess.Popen([*prefix(mode, getattr(self, "daemon", None), options), *command], **keywords)
        self.addCleanup(self.end, process)
        return process

    @staticmethod
    def end(process):
        if process.poll() is None:
            process.kill()
        process.wait(DEADLINE_S)
        for stream in (process.stdin, process.stdout, process.stderr):
            if stream:
                stream.close()

    def assert_same_as_bare(self, command, normalise=None, reset=None, **keywords):
        """Runs a command bare, embedded and by daemon: stdout, stderr and status are the same. Returns bare's
        result. `normalise(text)` takes out what differs from run to run; `reset()` goes before each run."""
        results = {}
        for mode in ("bare", *MODES):
            if reset:
                reset()
            done = self.run_in(mode, command, **keywords)
            outputs = [text if text is None else normalise(text) if normalise else text
                       for text in (done.stdout, done.stderr)]
            results[mode] = (done.returncode, *outputs)
        for mode in MODES:
            self.assertEqual(results[mode], results["bare"], f"{mode} differs from bare: {command}")
        return results["bare"]

    def assert_shell_same(self, script, **keywords):
        """The same for a line of shell."""
        return self.assert_same_as_bare(["sh", "-c", script], **keywords)


def without_pids(text):
    """Numbers of three digits and more differ from run to run; bash pads them."""
    return re.sub(rb" *\b\d{3,}\b", b" N", text)


class CountingResult(unittest.TextTestResult):
    """Counts test methods, so that several failed parts of one are one failure."""

    def __init__(self, *arguments, **keywords):
        super().__init__(*arguments, **keywords)
        self.failed_ids = set()

    def note(self, test):
        self.failed_ids.add(getattr(test, "test_case", test).id())

    def addError(self, test, err):
        self.note(test)
        super().addError(test, err)

    def addFailure(self, test, err):
        self.note(test)
        super().addFailure(test, err)

    def addSubTest(self, test, subtest, err):
        if err:
            self.note(test)
        super().addSubTest(test, subtest, err)


def main():
    """Runs the test cases of the calling program and prints the line of counts."""
    if not os.access(PROCTOR, os.X_OK):
        sys.exit("usage: test_x.py DIRECTORY_OF_BINARIES [unittest arguments]")
    # Nothing of the caller's set-up may find its way into what is compared.
    os.environ.pop("XDG_RUNTIME_DIR", None)
    runner = unittest.TextTestRunner(verbosity=2, resultclass=CountingResult, stream=sys.stdout)
    result = unittest.main(argv=[sys.argv[0], *sys.argv[2:]], testRunner=runner, exit=False).result
    failed = len(result.failed_ids)
    # A failed setUpClass or tearDownClass is no test of its own, but counts as one.
    whole = max(result.testsRun, failed)
    line = f"test cases: {whole} | {whole - failed} passed"
    print(line + (f" | {failed} failed" if failed else ""), flush=True)
    sys.exit(1 if failed else 0)
