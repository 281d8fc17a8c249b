#!/usr/bin/env python3
"""Job control on a real terminal: `proctor run` under an interactive bash must behave as its CMD would.

Usage: job_control.py PROCTOR [OPTION...]   (options of `proctor run`, for example --embedded)
"""
import os
import pty
import re
import select
import signal
import sys
import time

PATIENCE_S = 20


class Shell:
    """An interactive bash on a pseudo-terminal."""

    def __init__(self):
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.environ.update(PS1="READY$ ", PATH="/usr/bin:/bin", TERM="dumb", HISTFILE="/dev/null")
            os.execv("/bin/bash", ["bash", "--norc", "--noprofile", "--noediting", "-i"])
        self.seen = ""
        self.expect(r"READY\$ ")

    def expect(self, pattern):
        """Reads until `pattern` has come; returns the match and forgets what was before its end."""
        deadline = time.monotonic() + PATIENCE_S
        while True:
            match = re.search(pattern, self.seen)
            if match:
                self.seen = self.seen[match.end():]
                return match
            ready, _, _ = select.select([self.fd], [], [], max(0, deadline - time.monotonic()))
            if not ready:
                raise AssertionError(f"expected {pattern!r}, have {self.seen!r}")
            self.seen += os.read(self.fd, 65536).decode(errors="replace")

    def line(self, text):
        os.write(self.fd, text.encode() + b"\n")

    def key(self, byte):
        os.write(self.fd, byte)

    def status(self, wanted):
        """The status of the last command, asked for so that the echo of the question does not answer it."""
        self.expect(r"READY\$ ")
        self.line("echo status=$?")
        got = self.expect(r"status=(\d+)\r").group(1)
        self.expect(r"READY\$ ")
        assert int(got) == wanted, f"status {got}, wanted {wanted}"

    def close(self):
        os.kill(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)
        os.close(self.fd)


def interrupt(shell, run):
    shell.line(f"{run} sh -c 'echo be''gun; exec sleep 1000'")
    shell.expect("begun\r")
    shell.key(b"\x03")
    shell.status(130)


def interrupt_ends_loop(shell, run):
    shell.line(f"for i in 1 2 3; do {run} sh -c 'echo be''gun; exec sleep 1000'; done; echo")
    shell.expect("begun\r")
    shell.key(b"\x03")
    shell.status(130)
    assert "begun" not in shell.seen


def quit_key(shell, run):
    shell.line(f"{run} sh -c 'echo be''gun; exec sleep 1000'")
    shell.expect("begun\r")
    shell.key(b"\x1c")
    shell.status(131)


def caught_once(shell, run):
    shell.line(f"{run} bash -c 'trap \"echo cau''ght\" INT; echo be''gun; read x; echo got=$x'")
    shell.expect("begun\r")
    shell.key(b"\x03")
    shell.expect("caught\r")
    shell.line("text")
    between = shell.expect("got=text\r")
    assert "caught" not in between.string[:between.start()], "the interrupt came twice"
    shell.status(0)


def suspend_and_resume(shell, run):
    shell.line(f"{run} sh -c 'echo be''gun; read x; echo got=$x; exit 5'")
    shell.expect("begun\r")
    shell.key(b"\x1a")
    shell.expect(r"Stopped")
    shell.status(148)
    shell.line("fg")
    shell.expect("fg\r")
    shell.expect("proctor")
    shell.line("text")
    shell.expect("got=text\r")
    shell.status(5)


def background_read_stops(shell, run):
    shell.line(f"{run} sh -c 'read x; echo got=$x; exit 6' &")
    shell.expect(r"READY\$ ")
    deadline = time.monotonic() + PATIENCE_S
    while True:
        shell.line("jobs")
        shell.expect("jobs\r")
        if re.search("Stopped", shell.expect(r"(?s).*?READY\$ ").group(0)):
            break
        assert time.monotonic() < deadline, "a background read did not stop the job"
    shell.line("fg")
    shell.expect("fg\r")
    shell.expect("proctor")
    shell.line("text")
    shell.expect("got=text\r")
    shell.status(6)


def background_then_kill(shell, run):
    shell.line(f"{run} sh -c 'echo be''gun; exec sleep 1000'")
    shell.expect("begun\r")
    shell.key(b"\x1a")
    shell.expect("Stopped")
    shell.status(148)
    shell.line("bg")
    shell.expect("bg\r")
    shell.status(0)
    shell.line("kill %1; wait %1")
    shell.expect("wait %1\r")
    shell.status(143)


def pipeline(shell, run):
    shell.line(f"{run} echo through | {run} cat; echo codes=${{PIPESTATUS[*]}}")
    shell.expect("through\r")
    shell.expect("codes=0 0\r")
    shell.status(0)


def main():
    run = " ".join([sys.argv[1], "run", *sys.argv[2:], "--"])
    failed = 0
    for test in (interrupt, interrupt_ends_loop, quit_key, caught_once, suspend_and_resume,
                 background_read_stops, background_then_kill, pipeline):
        shell = Shell()
        try:
            test(shell, run)
            print(f"ok   {test.__name__}")
        except AssertionError as error:
            failed += 1
            print(f"FAIL {test.__name__}: {error}")
        finally:
            shell.close()
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
