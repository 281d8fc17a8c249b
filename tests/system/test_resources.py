"""Nothing is left of what came and went: descriptors, threads, actors, entries, memory of a daemon."""

import os
import resource
import subprocess

import common
from common import DEADLINE_S, SystemTest, wait_until

# Makes `count` processes one batch at a time; each makes a notified call, as most do.
CHURN = r"""
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>
static void batch(int count) {
  for (int done = 0; done < count; done += 20) {
    for (int i = 0; i < 20; i++) {
      if (fork() == 0) {
        if (i % 5 == 0 && fork() != 0) _exit(0); /* an orphan too */
        _exit(open("/proc/self/comm", O_RDONLY) < 0);
      }
    }
    int status;
    for (int i = 0; i < 20; i++) if (wait(&status) < 0 || status != 0) exit(2);
  }
}
int main(void) {
  int count;
  setvbuf(stdout, NULL, _IOLBF, 0);
  while (scanf("%d", &count) == 1) { batch(count); puts("done"); }
  return 0;
}
"""
PROCESSES = 10_000
SANDBOXES = 200
# Growth over the second half of what happened. An actor alone is 1.2 kB and a descriptor's file 0.3 kB, so one
# leaked of each per process is 13 MB per 10,000; allocators keep less than this for themselves.
SLACK_BYTES = 2 << 20


# Opens virtual files, in as many processes as that takes, until no more are given out; then lets go of them. Prints
# how many there were, and whether one can be opened again.
HOLDER = r"""
import ctypes, errno, os, resource, sys, threading
hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
def hold(most):
    held = []
    while len(held) < most:
        try:
            held.append(os.open("/proc/self/stat", os.O_RDONLY))
        except OSError as error:
            assert error.errno == errno.ENFILE, error
            return held, True
    return held, False
def hold_apart(most):
    # The same in a thread that has a table of descriptors of its own.
    result = []
    def run():
        assert ctypes.CDLL(None).unshare(0x400) == 0
        result.extend(hold(most))
        os.write(ready[1], b"%8d" % (-len(result[0]) if result[1] else len(result[0])))
        os.read(release[0], 1)
    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    os._exit(0)
together, full, release, ready = 0, False, os.pipe(), os.pipe()
children = []
while not full and len(children) < 64:
    child = os.fork()
    if child == 0:
        os.close(release[1])
        if sys.argv[1] == "apart":
            hold_apart(min(hard - 32, 8000))
        held, full = hold(min(hard - 32, 8000))
        os.write(ready[1], b"%8d" % (-len(held) if full else len(held)))
        os.read(release[0], 1)
        os._exit(0)
    children.append(child)
    count = int(os.read(ready[0], 8))
    together, full = together + abs(count), count <= 0
assert full
os.close(release[1])
for child in children:
    assert os.waitpid(child, 0)[1] == 0
os.close(os.open("/proc/self/stat", os.O_RDONLY))
print(together, "opened")
"""


class Leaks(SystemTest):
    sessions = 0  # that stay connected to the daemon while figures are taken

    def figures(self):
        """(descriptors, threads, resident bytes) of the daemon at rest. It is not dumpable, so that only root can count
        its descriptors: for others that figure is always 0."""
        pid = self.daemon.pid
        wait_until(lambda: self.daemon.threads_named("sandbox") == self.sessions, "ended sandboxes' threads are gone", 20)
        self.daemon.sandboxes()  # answered after the daemon has let go of those
        wait_until(lambda: self.connections() == self.sessions, "the daemon has let go of who asked it last", 20)
        descriptors = len(os.listdir(f"/proc/{pid}/fd")) if os.geteuid() == 0 else 0
        return (descriptors, len(os.listdir(f"/proc/{pid}/task")), self.resident())

    def connections(self):
        """How many are connected to the daemon's socket. It lets go of a connection a moment after its client has."""
        established = "03"
        directory = str(self.daemon.directory)  # the socket was bound under another name there, then renamed
        with open("/proc/net/unix") as sockets:
            fields = [line.split() for line in sockets]
        return sum(field[5] == established and os.path.dirname(field[-1]) == directory for field in fields[1:])

    def resident(self):
        with open(f"/proc/{self.daemon.pid}/status") as status:
            return next(int(line.split()[1]) * 1024 for line in status if line.startswith("VmRSS:"))

    def assert_came_back(self, before, what):
        # What has ended is let go of a moment later: wait for it, then it must be exactly as before.
        wait_until(lambda: self.figures()[:2] == before[:2],
                   lambda: f"{what}: (descriptors, threads) are {before[:2]} again, not {self.figures()[:2]}", 20)
        self.assertLess(self.figures()[2] - before[2], SLACK_BYTES, f"{what}: memory grew by that many bytes")

    def compile_churn(self):
        (self.dir / "churn.c").write_text(CHURN)
        return self.run_in("bare", ["gcc", "-O1", "-o", "churn", "churn.c"]).returncode == 0

    def test_ten_thousand_processes_come_and_go(self):
        if not self.compile_churn():
            return self.skip("no C compiler here")
        process = self.start_in("daemon", ["./churn"], options=["--name", "churn"], stdin=subprocess.PIPE)
        self.sessions = 1

        def make(count):
            process.stdin.write(b"%d\n" % count)
            process.stdin.flush()
            self.assertEqual(process.stdout.readline(), b"done\n")
            wait_until(lambda: len(self.daemon.sandboxes()[0]["processes"]) == 1, "only the target is left", 20)

        make(PROCESSES // 2)  # what a first time costs is no leak
        before, actors = self.figures(), self.actors()
        make(PROCESSES // 2)
        self.assert_came_back(before, "after 10,000 processes")
        self.assertEqual(self.actors(), actors)
        self.assertGreaterEqual(self.daemon.inspect("churn")["notifications"], PROCESSES)
        process.stdin.close()
        self.assertEqual(process.wait(DEADLINE_S), 0)

    def actors(self):
        """Kinds of the sandbox's actors, one a living actor."""
        return sorted(actor["kind"] for actor in self.daemon.inspect("churn")["actors"])

    def test_many_sandboxes_come_and_go(self):
        def make(count):
            for _ in range(count):
                done = self.run_in("daemon", ["sh", "-c", "read x < /proc/self/comm; (exit 3); exit 3"])
                self.assertEqual(done.returncode, 3, done.stderr)
            wait_until(lambda: self.daemon.sandboxes() == [], "no sandbox is left", 20)

        make(SANDBOXES // 2)
        before = self.figures()
        make(SANDBOXES // 2)
        self.assert_came_back(before, f"after {SANDBOXES} sandboxes")

    def test_sessions_that_fail_or_are_killed_leave_nothing(self):
        def make():
            for _ in range(10):
                self.assertEqual(self.run_in("daemon", ["no-such-command-anywhere"]).returncode, 127)
                self.assertEqual(self.run_in("daemon", ["/etc"]).returncode, 126)
                process = self.start_in("daemon", ["sh", "-c", "sleep 1000 & echo up; sleep 1000"])
                self.assertEqual(process.stdout.readline(), b"up\n")
                process.kill()
                self.end(process)
                killed_early = self.start_in("daemon", ["true"])
                killed_early.kill()
                self.end(killed_early)
            wait_until(lambda: self.daemon.sandboxes() == [], "no sandbox is left", 20)

        make()
        before = self.figures()
        make()
        self.assert_came_back(before, "after failed and killed sessions")

    def test_virtual_files_that_are_held_are_bounded(self):
        for mode in common.MODES:
            for table in ("of processes", "apart"):
                done = self.run_in(mode, ["/usr/bin/python3", "-c", HOLDER, table])
                self.assertEqual((done.returncode, done.stderr), (0, b""))
                held, after = done.stdout.split()
                # 128 MiB, of which each takes two pages or less, and not much less.
                self.assertGreater(int(held), 10_000)
                self.assertLess(int(held), 40_000)
                self.assertEqual(after, b"opened")

    def test_no_proc_at_all_is_said(self):  # the sanitizers themselves cannot do without
        if os.geteuid() != 0:
            return self.skip("unmounting needs root")
        for mode in common.MODES:
            with self.subTest(mode=mode):
                done = subprocess.run(["unshare", "--mount", "sh", "-c", 'umount -l /proc && exec "$@"', "-",
                                       *common.prefix(mode, self.daemon), "true"], capture_output=True,
                                      timeout=DEADLINE_S, stdin=subprocess.DEVNULL, check=False)
                self.assertEqual((done.returncode, done.stdout), (125, b""), done.stderr)
                self.assertRegex(done.stderr, rb"\Aproctor: no procfs is mounted at /proc; mount one[^\n]+\n\Z")

    def test_too_little_room_for_its_threads_is_said_and_nothing_hangs(self):
        told = set()
        for megabytes in range(20, 100, 4):
            room = megabytes << 20
            done = self.run_in("embedded", ["true"],
                               preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (room, room)))
            # 137: there was room for the start, but not for all that came then.
            self.assertIn(done.returncode, (0, 125, 137), done.stderr)
            told.add(b"supervisor cannot go on: a thread could not be started" in done.stderr)
        self.assertIn(True, told)  # with less its libraries have no room

    def test_questions_leave_nothing(self):
        def make():
            for _ in range(50):
                self.daemon.sandboxes()

        make()
        before = self.figures()
        make()
        self.assert_came_back(before, "after 100 questions")


if __name__ == "__main__":
    common.main()
