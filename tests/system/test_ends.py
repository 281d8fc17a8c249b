"""However a session ends, nothing of it is left: fronts, supervisors and daemons are killed, trees die."""

import os
import shutil
import signal
import subprocess
import sys

import common
from common import DEADLINE_S, MODES, Daemon, SystemTest, descendants_of, is_alive, prefix, wait_until

# A tree that is hard to end: its own sessions, double forks, ignored signals, a stopped process.
TREE = r"""
trap '' TERM HUP INT QUIT USR1
sleep 1000 &
setsid sh -c 'trap "" TERM HUP; sleep 1000 & sleep 1000 & wait' &
(setsid sh -c '(sleep 1000 & sleep 1000) & exec sleep 1000' &)
sh -c 'kill -STOP $$; sleep 1000' &
echo up
sleep 1000
"""
# Every few milliseconds a child goes on and its parent ends; none asks for anything, and none dies with its parent.
CHAIN = r"""
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>
int main(void) {
  prctl(PR_SET_PDEATHSIG, 0);
  puts("up");
  fflush(stdout);
  if (fork() != 0) return pause();
  for (int generation = 0; generation < 10000; ++generation) {
    if (syscall(SYS_fork) > 0) _exit(0);
    usleep(4000);
  }
}
"""
# A mount that answers nobody, as long as this runs.
HANGING = """
import ctypes, os, subprocess, sys
directory, *command = sys.argv[1:]
fuse = os.open("/dev/fuse", os.O_RDWR)
options = f"fd={fuse},rootmode=40000,user_id=0,group_id=0".encode()
assert ctypes.CDLL(None).mount(b"hanging", directory.encode(), b"fuse", 0, options) == 0
print(subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL).returncode, flush=True)
sys.stdin.read()
"""
SLEEPERS = 7  # of TREE, the last line's included


class Ends(SystemTest):
    @classmethod
    def setUpClass(cls):
        pass

    @classmethod
    def tearDownClass(cls):
        pass

    def setUp(self):
        super().setUp()
        self.daemon = Daemon()
        self.addCleanup(self.daemon.close)

    def start_tree(self, mode, **keywords):
        """Starts TREE; (proctor's process, all pids of the tree)."""
        process = self.start_in(mode, ["sh", "-c", TREE], **keywords)
        self.assertEqual(process.stdout.readline(), b"up\n")

        def grown():
            tree = {pid for pid in descendants_of(process.pid) if under_filter(pid)}
            return sum(name(pid) == "sleep" for pid in tree) == SLEEPERS and stopped(tree) and tree

        return process, wait_until(grown, "the tree is complete")

    def assert_dies(self, tree):
        wait_until(lambda: not any(map(is_alive, tree)), f"the tree dies: {tree}")

    def assert_one_clear_line(self, process, pattern):
        self.assertEqual(process.wait(DEADLINE_S), 125)
        said = process.stderr.read()
        self.assertLess(len(said), 300, said[:300])
        self.assertRegex(said, rb"\Aproctor: [^\n]*" + pattern + rb"[^\n]*\n\Z")

    def assert_daemon_is_empty_and_serves(self):
        wait_until(lambda: self.daemon.sandboxes() == [], "the daemon knows no sandbox")
        wait_until(lambda: self.daemon.threads_named("listener") == 0, "no sandbox's thread is left")
        self.assertEqual(self.run_in("daemon", ["echo", "served"]).stdout, b"served\n")

    def test_the_tree_survives_what_is_aimed_at_it(self):
        # The attack works: without proctor, killing the shell leaves the rest behind.
        process, _ = self.start_in("bare", ["sh", "-c", "setsid sleep 1000 & echo $!; exec sleep 1000"]), None
        left = int(process.stdout.readline())
        process.kill()
        process.wait(DEADLINE_S)
        self.assertTrue(is_alive(left))
        os.kill(left, signal.SIGKILL)

    def test_kill_9_of_proctor_ends_the_whole_tree(self):
        for mode in MODES:
            with self.subTest(mode=mode):
                process, tree = self.start_tree(mode)
                below = descendants_of(process.pid)
                process.kill()
                process.wait(DEADLINE_S)
                self.assert_dies(tree | below)
        self.assert_daemon_is_empty_and_serves()

    def test_kill_9_of_the_embedded_supervisor_ends_the_tree_with_one_line(self):
        process, tree = self.start_tree("embedded")
        supervisors = [pid for pid in common.children_of(process.pid) if name(pid) == "proctord"]
        self.assertEqual(len(supervisors), 1)
        os.kill(supervisors[0], signal.SIGKILL)
        self.assert_one_clear_line(process, b"supervisor (died|went away)")
        self.assert_dies(tree)

    def test_kill_9_of_the_daemon_ends_its_sessions_trees(self):
        sessions = [self.start_tree("daemon") for _ in range(3)]
        self.daemon.process.kill()
        self.daemon.process.wait(DEADLINE_S)
        for process, tree in sessions:
            self.assert_one_clear_line(process, b"supervisor (died|went away)")
            self.assert_dies(tree)

    def test_no_notified_call_returns_past_a_killed_supervisor(self):
        # Targets that call without a pause: some are in flight when the supervisor dies. Whoever got an answer
        # after that, ENOSYS from the kernel, would say so in a line of its own.
        for mode in MODES:
            with self.subTest(mode=mode):
                loop = "while :; do read x < /proc/self/comm; done"
                process = self.start_in(mode, ["sh", "-c", f"({loop}) & ({loop}) & echo up; {loop}"])
                self.assertEqual(process.stdout.readline(), b"up\n")
                tree = {pid for pid in descendants_of(process.pid) if under_filter(pid)}
                supervisor = self.daemon.pid if mode == "daemon" else next(
                    pid for pid in common.children_of(process.pid) if name(pid) == "proctord")
                os.kill(supervisor, signal.SIGKILL)
                self.assert_one_clear_line(process, b"supervisor (died|went away)")
                self.assert_dies(tree)

    def test_the_end_of_cmd_ends_the_rest_of_its_tree(self):
        for mode in MODES:
            with self.subTest(mode=mode):
                process, tree = self.start_tree(mode)
                target = next(pid for pid in tree if b"trap" in command(pid) and parent(pid) not in tree)
                os.kill(target, signal.SIGKILL)
                self.assertEqual(process.wait(DEADLINE_S), 137)
                # Not only soon: by the time proctor says that it is over.
                self.assertEqual([pid for pid in tree if is_alive(pid)], [])
        self.assert_daemon_is_empty_and_serves()

    def test_a_lingering_session_ends_when_it_is_told_to(self):
        for mode in MODES:
            with self.subTest(mode=mode):
                process = self.start_in(mode, ["sh", "-c", "setsid sleep 1000 >/dev/null 2>&1 & echo $!; exit 6"],
                                        options=["--linger"])
                left = int(process.stdout.readline())
                self.assertEqual(process.stdout.read(), b"")  # CMD's end closed it; the left one has its own
                wait_until(lambda: not [pid for pid in descendants_of(process.pid) if name(pid) == "sh"], "CMD ended")
                self.assertTrue(is_alive(left))
                self.assertIsNone(process.poll())
                process.terminate()
                self.assertEqual(process.wait(DEADLINE_S), 6)
                self.assertFalse(is_alive(left))

    def test_what_writes_the_last_lines_behind_the_command_may_finish(self):
        lines = b"".join(b"%d\n" % number for number in range(2001))
        script = "rm -f log; exec > >(tee log); echo 0; until test -s log; do sleep 0.01; done; seq 2000; exit 3"
        for mode in MODES:
            whole = 0
            for _ in range(10):
                done = self.run_in(mode, ["bash", "-c", script])
                self.assertEqual(done.returncode, 3, mode)
                log = (self.dir / "log").read_bytes()
                self.assertTrue(lines.startswith(done.stdout) and lines.startswith(log), mode)
                whole += done.stdout == lines == log
            # A tenth of a second is what they are given; on a busy machine it may go by without them.
            self.assertGreater(whole, 5, mode)

    def test_what_goes_on_behind_the_command_is_ended(self):
        for mode in MODES:
            done = self.run_in(mode, ["sh", "-c", "sleep 1000 >/dev/null 2>&1 & echo $!; exit 3"])
            self.assertEqual(done.returncode, 3)
            self.assertFalse(is_alive(int(done.stdout)), mode)

    def test_a_fork_bomb_of_orphans_does_not_outrun_the_end(self):
        script = "bomb() { (setsid sh -c 'sleep 1000 & exec sleep 1000' &); }; i=0; while [ $i -lt 60 ]; do bomb; i=$((i+1)); done"
        for mode in MODES:
            for ending in ("exit", "kill"):
                with self.subTest(mode=mode, ending=ending):
                    process = self.start_in(mode, ["sh", "-c", f"exec 3>&1 >/dev/null 2>&1; {script}; echo up >&3; "
                                                               + ("exit 3" if ending == "exit" else "sleep 1000")],
                                            start_new_session=True)
                    self.assertEqual(process.stdout.readline(), b"up\n")
                    if ending == "kill":
                        process.kill()
                    self.assertEqual(process.wait(DEADLINE_S), 3 if ending == "exit" else -9)
                    wait_until(lambda: not self.left_in(os.path.realpath(self.dir)), "nobody is left")

    def test_a_chain_of_orphans_does_not_outrun_the_end_of_a_killed_front(self):
        if shutil.which("cc") is None:
            return self.skip("no C compiler here")
        (self.dir / "chain.c").write_text(CHAIN)
        subprocess.run(["cc", "-o", "chain", "chain.c"], cwd=self.dir, check=True, timeout=DEADLINE_S)
        for mode in MODES:
            with self.subTest(mode=mode):
                process = self.start_in(mode, [str(self.dir / "chain")])
                self.assertEqual(process.stdout.readline(), b"up\n")
                process.kill()
                # Whichever generation lives holds standard output.
                self.assertEqual(process.communicate(timeout=20)[0], b"")
                self.assertEqual([found for found in self.daemon.sandboxes() if found["processes"]], [])

    def test_a_file_system_that_hangs_keeps_no_daemon(self):
        if os.geteuid() != 0:
            return self.skip("mounting needs root")
        if not os.path.exists("/dev/fuse"):
            return self.skip("no FUSE here")
        hanging = self.dir / "hanging"
        hanging.mkdir()
        # Followed on behalf: what lies behind it may be a file of /proc.
        path = f"{hanging}/x" + "/.." * len(hanging.parts) + "/proc/uptime"
        session = subprocess.Popen(["unshare", "--mount", sys.executable, "-c", HANGING, hanging,
                                    *prefix("daemon", self.daemon), "sh", "-c", f"read up <{path}"],
                                   stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        self.addCleanup(self.end, session)
        wait_until(lambda: [sandbox["state"] for sandbox in self.daemon.sandboxes()] == ["not answering"],
                   "the sandbox hangs")
        self.assertEqual(self.daemon.stop(), 1)
        self.assertRegex(self.daemon.said(), r"\nproctord: a sandbox does not end, for a file system that hangs[^\n]+\n\Z")
        self.assertEqual(session.stdout.readline(), b"125\n")

    def test_a_command_that_is_stopped_and_goes_on_ends_as_it_does_without_proctor(self):
        on = 'p=$$; (until grep -q "^State:.T" /proc/$p/status; do :; done; kill -%s $p) & kill -STOP $$; exit 3'
        for mode in MODES:
            for sent, status in (("CONT", 3), ("KILL", 137)):
                with self.subTest(mode=mode, sent=sent):
                    done = self.run_in(mode, ["sh", "-c", on % sent])
                    self.assertEqual(done.returncode, status, done.stderr)

    def test_what_its_caller_had_started_before_is_no_part_of_a_session(self):
        script = 'sleep 1000 </dev/null >/dev/null 2>&1 & echo $! >&2; exec "$@"'
        for mode in MODES:
            for ending in ("exit", "supervisor killed", "no such command"):
                with self.subTest(mode=mode, ending=ending):
                    command = {"exit": ["sh", "-c", "read x; ls /proc; exit 3"], "no such command": ["/no/such"],
                               "supervisor killed": ["sh", "-c", "echo up; sleep 1000"]}[ending]
                    process = subprocess.Popen(["sh", "-c", script, "sh", *common.prefix(mode, self.daemon), *command],
                                               stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
                    bystander = int(process.stderr.readline())
                    self.addCleanup(end_by_pid, bystander)
                    if ending == "supervisor killed":
                        self.assertEqual(process.stdout.readline(), b"up\n")
                        (parent,) = set(common.children_of(process.pid)) - {bystander}
                        os.kill(parent, signal.SIGKILL)
                    out = process.communicate(b"\n", timeout=DEADLINE_S)[0]
                    self.assertEqual(process.returncode, {"exit": 3, "no such command": 127}.get(ending, 125))
                    self.assertNotIn(b"\n%d\n" % bystander, out)
                    self.assertTrue(is_alive(bystander))
                    end_by_pid(bystander)

    @staticmethod
    def left_in(directory):
        """Processes of ours that have this test's directory as cwd."""
        found = []
        for pid in common.host_pids():
            try:
                if os.readlink(f"/proc/{pid}/cwd") == directory and is_alive(pid):
                    found.append(pid)
            except OSError:
                pass
        return found


def end_by_pid(pid):
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        pass


def name(pid):
    return field(pid, "comm").decode(errors="replace").strip()


def command(pid):
    return field(pid, "cmdline")


def field(pid, file):
    try:
        with open(f"/proc/{pid}/{file}", "rb") as stream:
            return stream.read()
    except (FileNotFoundError, ProcessLookupError):
        return b""


def parent(pid):
    fields = common.stat_fields(pid)
    return int(fields[1]) if fields else 0


def stopped(tree):
    return any((fields := common.stat_fields(pid)) and fields[0] == "T" for pid in tree)


def under_filter(pid):
    return b"Seccomp:\t2" in field(pid, "status")


if __name__ == "__main__":
    common.main()
