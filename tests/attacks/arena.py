"""What the attack tests share: the attacker, bare, behind the naive gate and under proctor; its victims; and an
ordinary user of the tests' own.

The attacker is one C program, tests/targets/attacker.c. It prints lines `name value`.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "system"))

import common  # noqa: E402
from common import (BINARIES, NOBODY, PROCTOR, SystemTest, children_of, host_pids, prefix,  # noqa: E402,F401
                    wait_until)  # noqa: E402

ATTACKER = str(BINARIES / "attacker")
NAIVE_GATE = str(BINARIES / "naive_gate")
SECRET = "sEcReT"  # the victim's name, which is all that the races are after
IS_ROOT = os.geteuid() == 0


def values(output):
    """The lines `name value` as a dictionary; numbers of the same name add up."""
    found = {}
    for line in output.decode(errors="replace").splitlines():
        name, _, value = line.partition(" ")
        try:
            found[name] = found.get(name, 0) + int(value)
        except (ValueError, TypeError):
            found[name] = value
    return found


def free_uid():
    """A uid that no process and no account has."""
    used = set()
    for pid in host_pids():
        try:
            used.add(os.stat(f"/proc/{pid}").st_uid)
        except FileNotFoundError:
            continue
    accounts = {int(line.split(":")[2]) for line in Path("/etc/passwd").read_text().splitlines() if line.count(":") > 5}
    return next(uid for uid in range(61000 + os.getpid() % 2000, 65000) if uid not in used | accounts)


class AttackTest(SystemTest):
    """A test case with `attack(mode, ...)`; modes are bare, naive, embedded and daemon."""

    def attack(self, mode, *words, expected=0, **keywords):
        """Runs the attacker and returns its values."""
        words = [str(word) for word in words]
        if mode == "naive":
            done = self.run_in("bare", [NAIVE_GATE, str(self.victim_pid), ATTACKER, *words], **keywords)
        else:
            done = self.run_in(mode, [ATTACKER, *words], **keywords)
        self.assertEqual((done.returncode, done.stderr), (expected, b""), f"{mode}: {words}: {done.stdout!r}")
        return values(done.stdout)

    def victim(self, prefix=(), attacker=ATTACKER):
        """A process outside of every sandbox, named SECRET, which is in its arguments and environment as well; ended
        with the test."""
        process = subprocess.Popen([*prefix, attacker, "victim", SECRET], stdin=subprocess.DEVNULL,
                                   stdout=subprocess.PIPE, env={**os.environ, "NAME": SECRET},
                                   start_new_session=True)
        self.addCleanup(self.end, process)
        self.assertEqual(process.stdout.readline(), b"ready\n")
        self.victim_pid = process.pid
        return process

    def report(self, text):
        print(f"  {self._testMethodName}: {text}", flush=True)

    def supervisor_of(self, process):
        """The pid of an embedded session's supervisor."""
        def find():
            for child in children_of(process.pid):
                try:
                    if Path(f"/proc/{child}/comm").read_text().strip() == "proctord":
                        return child
                except (FileNotFoundError, ProcessLookupError):
                    continue
            return None
        return wait_until(find, "the supervisor is there")


class OrdinaryUser:
    """As root: a uid of our own, and copies of the programs where it can reach them. Else: ourselves."""

    def __init__(self, test):
        self.uid = free_uid() if IS_ROOT else os.getuid()
        self.prefix = []
        self.proctor, self.attacker = PROCTOR, ATTACKER
        self.directory = test.dir
        if not IS_ROOT:
            return
        place = Path(tempfile.mkdtemp(prefix="proctor-attack-", dir="/tmp"))
        test.addCleanup(shutil.rmtree, place, ignore_errors=True)
        place.chmod(0o755)
        for name in ("proctor", "proctord", "attacker"):
            shutil.copy(BINARIES / name, place / name)
        self.proctor, self.attacker = str(place / "proctor"), str(place / "attacker")
        self.directory = place / "work"
        self.directory.mkdir()
        os.chown(self.directory, self.uid, self.uid)
        self.prefix = ["setpriv", f"--reuid={self.uid}", f"--regid={self.uid}", "--clear-groups", "--inh-caps=-all",
                       "--"]

    def bare(self, *words):
        return [*self.prefix, *words]

    def sandboxed(self, *words):
        return [*self.prefix, self.proctor, "run", "--embedded", "--", *words]

    def processes(self):
        """The pids that run as this user; zombies count."""
        found = []
        for pid in host_pids():
            try:
                if os.stat(f"/proc/{pid}").st_uid == self.uid:
                    found.append(pid)
            except FileNotFoundError:
                continue
        return found


def main():
    for program in (ATTACKER, NAIVE_GATE):
        if not os.access(program, os.X_OK):
            sys.exit(f"{program} is missing")
    common.main()
