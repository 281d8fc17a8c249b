"""Rows 7, 8, 10, 12, 22 to 25 of the threats: storms around notified calls, processes that share less or live longer
than one might think, and ends of all kinds.
"""

import collections
import errno
import os
import re
import resource
import signal
import subprocess
from pathlib import Path

import arena
from arena import ATTACKER, IS_ROOT, SECRET, AttackTest, OrdinaryUser
from common import DEADLINE_S, MODES, PROCTOR, Daemon, is_alive, stat_fields, wait_until


class Signals(AttackTest):
    TRIES = 3000
    SECONDS = 8

    def test_a_timer_of_100_us_fails_no_restartable_open_and_loses_no_descriptor(self):
        for mode in ("bare", *MODES):
            found = self.attack(mode, "alarms", 1, self.TRIES, self.SECONDS)
            self.report(f"{mode}: {found['tries']} opens, {found['alarms']} alarms")
            self.assertEqual((found["failed"], found["interrupted"], found["lost"]), (0, 0, 0), mode)
            self.assertGreater(min(found["tries"], found["alarms"]), 10)

    def test_without_restart_an_open_is_interrupted_at_worst(self):
        # Before the supervisor has received it, a call can only be interrupted: the kernel's limit.
        for mode in MODES:
            found = self.attack(mode, "alarms", 0, self.TRIES, self.SECONDS)
            self.report(f"{mode}: {found['tries']} opens, {found['alarms']} alarms, {found['interrupted']} EINTR")
            self.assertEqual((found["failed"], found["lost"]), (0, 0), mode)

    def test_stops_and_continues_around_calls_go_unnoticed(self):
        for mode in MODES:
            found = self.attack(mode, "stops", 100)
            self.assertNotIn("stuck", found)
            self.assertEqual((found["failed"], found["lost"]), (0, 0), mode)
            self.assertGreater(found["opens"], 100)


class Storms(AttackTest):
    def daemon_descriptors(self):
        """What the daemon holds open, by kind."""
        found = collections.Counter()
        for fd in Path(f"/proc/{self.daemon.pid}/fd").iterdir():
            try:
                found[re.sub(r"[0-9]+", "N", os.readlink(fd))] += 1
            except FileNotFoundError:
                continue
        return found

    def settle(self):
        wait_until(lambda: not self.daemon.sandboxes(), "no sandbox is left")
        wait_until(lambda: self.daemon.threads_named("listener") == 0, "no listener thread is left")

    def test_targets_that_die_in_their_calls_leave_nothing_in_the_supervisor(self):
        if not IS_ROOT:
            return self.skip("needs root to see the descriptors of a supervisor")
        self.attack("daemon", "kills", 5)  # what is made once stays
        self.settle()
        before = self.daemon_descriptors()
        for mode in MODES:
            found = self.attack(mode, "kills", 60)
            self.assertEqual(found["lives"], 1, mode)
        self.settle()
        try:
            wait_until(lambda: not self.daemon_descriptors() - before, "the daemon's descriptors are gone", 60)
        except AssertionError:
            self.fail(f"left: {self.daemon_descriptors() - before}")
        self.report(f"120 deaths; the daemon has {before.total()} descriptors, as before")

    def test_a_flood_of_50_threads_starves_no_other_process(self):
        for mode in MODES:
            found = self.attack(mode, "flood", 50, 20)
            self.report(f"{mode}: 20 answers to another process while the flood asked {found['asked']} times")
            self.assertEqual(found["answered"], 20)

    def test_a_flood_in_one_sandbox_leaves_another_alone(self):
        flooding = self.start_in("daemon", [ATTACKER, "flood", "50", "0"], stdin=subprocess.PIPE)
        self.assertEqual(flooding.stdout.readline(), b"flooding\n")
        for _ in range(3):
            done = self.run_in("daemon", ["cat", "/proc/self/comm"])
            self.assertEqual((done.returncode, done.stdout), (0, b"cat\n"))
        sandbox = wait_until(lambda: next((s for s in self.daemon.sandboxes() if s["processes"]), None),
                             "the flooded sandbox is described")
        self.assertLessEqual(len(sandbox["processes"]), 2)
        flooding.stdin.write(b"enough\n")
        flooding.stdin.close()
        self.assertEqual(flooding.wait(DEADLINE_S), 0)

    def test_a_sandbox_that_forks_without_end_leaves_descriptors_to_others(self):
        script = ("import os, signal, sys\n"
                  "def child():\n"
                  "  try: open('/proc/self/comm').close()\n"
                  "  except OSError: os.write(1, b'refused\\n')\n"
                  "  signal.pause()\n"
                  "for _ in range(700):\n"
                  "  if os.fork() == 0: child()\n"
                  "sys.stdin.readline()\n")
        daemon = Daemon()
        self.addCleanup(daemon.close)
        resource.prlimit(daemon.pid, resource.RLIMIT_NOFILE, (1024, 1024))  # it has raised its own to what it may
        forking = subprocess.Popen([PROCTOR, "run", "--daemon", daemon.socket, "--", "python3", "-c", script],
                                   stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        self.addCleanup(self.end, forking)
        self.assertEqual(forking.stdout.readline(), b"refused\n")  # it has all that it can get
        for _ in range(3):
            done = subprocess.run([PROCTOR, "run", "--daemon", daemon.socket, "--", "sh", "-c", "cat /proc/self/comm; ls / >&2"],
                                  capture_output=True, timeout=DEADLINE_S, check=False)
            self.assertEqual((done.returncode, done.stdout), (0, b"cat\n"), done.stderr)
        self.assertGreater(max(len(sandbox["processes"]) for sandbox in daemon.sandboxes()), 200)
        forking.stdin.close()
        self.assertEqual(forking.wait(DEADLINE_S), 0)

    def test_a_full_descriptor_table_is_answered_as_by_the_kernel(self):
        bare = self.run_in("bare", [ATTACKER, "descriptors"])
        self.assertIn(f" {errno.EMFILE}\n".encode(), bare.stdout)
        for mode in MODES:
            done = self.run_in(mode, [ATTACKER, "descriptors"])
            self.assertEqual((done.returncode, done.stdout), (0, bare.stdout), mode)


class Trees(AttackTest):
    SECONDS = 4
    IDLE = 150  # processes that a listing looks at meanwhile

    def test_an_orphan_that_moves_is_listed_all_the_while(self):
        for mode in ("bare", *MODES):
            process = self.start_in(mode, [ATTACKER, "orphans", str(self.SECONDS), str(self.IDLE)], stdin=subprocess.PIPE)
            self.assertEqual(process.stdout.readline(), b"ready\n")
            if IS_ROOT:  # its children get lower numbers than its own, and are looked at after it
                Path("/proc/sys/kernel/ns_last_pid").write_text("500")
            said, errors = process.communicate(b"\n", DEADLINE_S)
            self.assertEqual((process.returncode, errors), (0, b""), mode)
            found = arena.values(said)
            self.report(f"{mode}: {found['missing']} missing in {found['listings']} listings"
                        f"{', with lower numbers' if found['wrapped'] else ''}")
            self.assertEqual(found["missing"], 0, mode)
            self.assertGreater(found["listings"], 10, mode)

    def test_a_thread_that_takes_its_leaders_place_keeps_its_cpu(self):
        if len(os.sched_getaffinity(0)) < 2:
            return self.skip("this machine has one CPU")
        for mode in ("bare", *MODES):
            self.assertEqual(self.attack(mode, "exec-affinity", 200, -1)["wrong"], 0, mode)


class Tables(AttackTest):
    def test_threads_with_their_own_descriptors_and_directory_are_judged_by_those(self):
        self.victim()
        naive = self.attack("naive", "tables", self.victim_pid, SECRET)
        self.assertGreater(naive["thread-by-fd"] + naive["leader-by-cwd"], 0, "the attack itself is broken")
        for mode in MODES:
            found = self.attack(mode, "tables", self.victim_pid, SECRET)
            for name, value in found.items():
                if name.endswith(("foreign", "by-fd", "by-cwd")):
                    self.assertEqual(value, 0, f"{mode}: {name}")
            # Once each is in /proc, and once in a directory with a file.
            self.assertEqual([found[f"{who}-{what}"] for who in ("thread", "leader") for what in ("own", "file")],
                             [1, 1, 0 + 1, 1], mode)
            self.assertGreater(found["thread-listed"], 0)
            self.assertGreater(found["leader-listed"], 0)


class Ends(AttackTest):
    def test_processes_that_leave_session_group_and_parent_end_with_the_command(self):
        done = self.run_in("bare", [ATTACKER, "escape"])
        escaped = [int(line.split()[1]) for line in done.stdout.decode().splitlines()]
        self.assertEqual(len(escaped), 3)
        alive = [pid for pid in escaped if is_alive(pid)]
        for pid in alive:
            os.kill(pid, signal.SIGKILL)
        self.assertEqual(alive, escaped, "bare, they get away")
        for mode in MODES:
            done = self.run_in(mode, [ATTACKER, "escape"])
            self.assertEqual(done.returncode, 0, done.stderr)
            inside = [int(line.split()[1]) for line in done.stdout.decode().splitlines()]
            self.assertEqual(len(inside), 3)
            wait_until(lambda: not any(is_alive(pid) for pid in inside), f"{mode}: they have ended")

    def test_a_fork_bomb_at_its_limit_ends_with_the_command(self):
        if not IS_ROOT:
            return self.skip("needs root to give the bomb a user of its own")
        user = OrdinaryUser(self)
        done = subprocess.run(user.sandboxed(user.attacker, "bomb", "40"), capture_output=True, timeout=DEADLINE_S,
                              check=False)
        self.assertEqual((done.returncode, done.stdout, done.stderr), (0, b"full\n", b""))
        wait_until(lambda: not user.processes(), "no process of the bomb's user is left")

    def test_ending_closing_and_forking_need_no_supervisor(self):
        for mode in MODES:
            process = self.start_in(mode, [ATTACKER, "quiet"], stdin=subprocess.PIPE)
            self.assertEqual(process.stdout.readline(), b"ready\n")
            supervisor = self.daemon.pid if mode == "daemon" else self.supervisor_of(process)
            os.kill(supervisor, signal.SIGSTOP)
            try:
                wait_until(lambda: stat_fields(supervisor)[0] == "T", "the supervisor is stopped")
                process.stdin.write(b"go\n")
                process.stdin.flush()
                self.assertEqual(process.stdout.readline(), b"done\n", mode)
            finally:
                os.kill(supervisor, signal.SIGCONT)
            self.assertEqual(process.wait(DEADLINE_S), 0)

    def test_the_tree_dies_with_its_supervisor(self):
        process = self.start_in("embedded", [ATTACKER, "quiet"], stdin=subprocess.PIPE)
        self.assertEqual(process.stdout.readline(), b"ready\n")
        supervisor = self.supervisor_of(process)
        target = next(child for child in arena.children_of(supervisor)
                      if Path(f"/proc/{child}/comm").read_text() == "attacker\n")
        os.kill(supervisor, signal.SIGKILL)
        self.assertEqual(process.wait(DEADLINE_S), 125)
        wait_until(lambda: not is_alive(target), "the target has ended")


if __name__ == "__main__":
    arena.main()
