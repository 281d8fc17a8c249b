"""A number that changes hands between the verdict and the kernel's own look-up.

The caller decides how much time is between the two: it is SCHED_IDLE on a CPU where others run, so it is woken by the
verdict and does not get to run. Meanwhile the process that it named is killed and reaped, and the kernel may deal its
number to a foreign process (which this test need not wait for: ESRCH says that the look-up came after).
"""

import errno
import os
import re
import signal
import subprocess
import time

import arena
from arena import AttackTest
from common import DEADLINE_S, PROCTOR, stat_fields, wait_until

# A judge that only looks at the number and lets the kernel go on: that is what calls that change nothing get.
READS = "getpriority"
CHANGES = ["setpriority", "prlimit64", "ioprio_set", "sched_setparam", "sched_setscheduler", "sched_setattr"]

CALLER = r'''
import ctypes, os, signal, struct, sys
libc = ctypes.CDLL(None, use_errno=True)
name, cpu = sys.argv[1], int(sys.argv[2])
signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # the named process is reaped as it ends
named = os.fork()
if named == 0:
    while True: signal.pause()
hogs = []
for _ in range(int(sys.argv[3])):
    hogs.append(os.fork())
    if hogs[-1] == 0:
        os.sched_setaffinity(0, {cpu})
        while True: pass
numbers = {"getpriority": 140, "setpriority": 141, "sched_setparam": 142, "sched_setscheduler": 144, "ioprio_set": 251,
           "prlimit64": 302, "sched_setattr": 314}
zero, limit = ctypes.create_string_buffer(struct.pack("i", 0)), ctypes.create_string_buffer(struct.pack("QQ", 64, 64))
attributes = ctypes.create_string_buffer(struct.pack("IIQiIQQQ", 48, 0, 0, 5, 0, 0, 0, 0))
arguments = {"getpriority": (0, named), "setpriority": (0, named, 5), "sched_setparam": (named, zero),
             "sched_setscheduler": (named, 0, zero), "ioprio_set": (1, named, 2 << 13), "prlimit64": (named, 7, limit, None),
             "sched_setattr": (named, attributes, 0)}
os.sched_setaffinity(0, {cpu})
print(named, *hogs, flush=True)
sys.stdin.readline()
os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))
result = libc.syscall(numbers[name], *arguments[name])
print(0 if result >= 0 else ctypes.get_errno(), flush=True)
sys.stdin.readline()  # stays to be looked at
'''


def waits(pid):
    """How often a process has waited for something."""
    with open(f"/proc/{pid}/status") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("voluntary_ctxt_switches:"))


class Numbers(AttackTest):
    def start(self, name, rivals=1):
        """A caller that waits for its word, the process that it is going to name, and those that keep it from running."""
        record = self.dir / "record"
        command = [PROCTOR, "run", "--embedded", "--log", str(record), "--", "/usr/bin/python3", "-c", CALLER, name,
                   str(max(os.sched_getaffinity(0))), str(rivals)]
        player = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.addCleanup(self.end, player)
        named, *hogs = (int(word) for word in player.stdout.readline().split())
        return player, named, hogs, record

    def answer(self, player, named, hogs, is_judged):
        """What the call answers whose named process ends once it is judged, before its caller runs again."""
        player.stdin.write(b"go\n")
        player.stdin.flush()
        end = time.monotonic() + 60
        while not is_judged():  # without a pause: the caller may run again any moment
            self.assertLess(time.monotonic(), end, "the call is judged")
        os.kill(named, signal.SIGKILL)
        wait_until(lambda: stat_fields(named) is None, "the named process is reaped")
        for hog in hogs:
            os.kill(hog, signal.SIGKILL)
        answer = int(player.stdout.readline())
        player.stdin.close()
        self.assertEqual(player.wait(DEADLINE_S), 0)
        return answer

    def test_a_call_that_changes_something_is_made_before_the_number_can_change_hands(self):
        for name in CHANGES:
            player, named, hogs, record = self.start(name)

            def is_judged(name=name, record=record):
                return re.search(rf'"syscall":"{name}"[^\n]*"verdict":"return ', record.read_text())

            self.assertEqual(self.answer(player, named, hogs, is_judged), 0, name)

    def test_where_the_kernel_goes_on_it_looks_the_number_up_too_late(self):
        if len(os.sched_getaffinity(0)) < 2:
            return self.skip("one CPU: the number cannot be freed while the caller waits for it")
        tries = 50
        for _ in range(tries):
            player, named, hogs, _ = self.start(READS, rivals=8)
            caller = int(stat_fields(named)[1])
            before = waits(caller)

            def is_judged(caller=caller, before=before):
                waited = waits(caller) - before
                is_over = waited > 1  # it came to run at once, and waits for its end
                return is_over or (waited == 1 and stat_fields(caller)[0] == "R")

            if self.answer(player, named, hogs, is_judged) == errno.ESRCH:
                return
        self.fail(f"in {tries} tries the named process never ended between verdict and look-up")


if __name__ == "__main__":
    arena.common.main()
