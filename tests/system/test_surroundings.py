"""Surroundings that differ from an ordinary machine's: other mounts of procfs, other namespaces, files of the machine's
that are not where they use to be. The answers stay the sandbox's own."""

import os
import subprocess
import sys

import common
from common import DEADLINE_S, MODES, SystemTest, prefix, wait_until

# 200 MB, which four children share.
SHARING = """
import os, signal
block = bytearray(os.urandom(1 << 20) * 200)
children = []
for _ in range(4):
    children.append(os.fork())
    if children[-1] == 0:
        signal.pause()
def told(path, key):
    return next(int(line.split()[1]) for line in open(path) if line.startswith(key))
print(int(open("/sys/fs/cgroup/memory.current").read()) >> 20, told("/proc/meminfo", "MemFree:") >> 10)
for child in children:
    os.kill(child, signal.SIGKILL)
"""
# Every source of how much memory there is and how much of it is free, in pages; "once", or until nothing moved
# meanwhile.
MEMORY = """
import os, sys
page = os.sysconf("SC_PAGESIZE") // 1024
def meminfo():
    rows = {line.split(":")[0]: int(line.split()[1]) // page for line in open("/proc/meminfo")}
    return rows["MemTotal"], rows["MemFree"]
def zones():
    managed = free = 0
    for words in map(str.split, open("/proc/zoneinfo")):
        managed += int(words[1]) if words[:1] == ["managed"] else 0
        free += int(words[2]) if words[:2] == ["pages", "free"] else 0
    return managed, free
def blocks():
    return sum(int(count) << order for line in open("/proc/buddyinfo") for order, count in enumerate(line.split()[4:]))
def vmstat():
    return next(int(line.split()[1]) for line in open("/proc/vmstat") if line.startswith("nr_free_pages "))
while True:
    before, told, after = meminfo(), (*zones(), blocks(), vmstat()), meminfo()
    if before == after or sys.argv[1:]:
        break
print(*before, *told)
"""


class Surroundings(SystemTest):
    def run_as_root_where(self, preparation, mode, command, options=()):
        """Runs a command behind shell commands that change a mount namespace; nothing where that is not allowed."""
        return self.run_in("bare", ["unshare", "--mount", "--propagation", "private", "sh", "-ec",
                                    preparation + '\nexec "$@"', "sh", *prefix(mode, self.daemon, options), *command])

    def needs_root(self):
        if os.geteuid() == 0:
            return False
        self.skip("mounting needs root")
        return True

    def test_a_procfs_by_another_name_is_judged_like_proc(self):
        if self.needs_root():
            return
        foreign = subprocess.Popen(["sleep", str(DEADLINE_S)])
        self.addCleanup(self.end, foreign)
        other = self.dir / "other"
        other.mkdir()
        looks = f"cat {other}/PID/comm; ls {other}/PID; cd {other}/PID && pwd; ls {other} | grep -x PID"
        stats = f"stat -c %u {other}/PID; test -e {other}/PID && echo there; stat -f -c %T {other}/PID"
        script = f"cat {other}/self/comm; cd {other}; cat self/comm; "
        for how in (f"mount -t proc proctor-test {other}", f"mount --bind /proc {other}"):
            for mode in MODES:
                for proc, looked in (("private", looks), ("strict", f"{looks}; {stats}")):
                    with self.subTest(how=how, mode=mode, proc=proc):
                        told = {}
                        for pid in (foreign.pid, common.NOBODY):
                            done = self.run_as_root_where(how, mode, ["sh", "-c", script + looked.replace("PID", str(pid))],
                                                          [f"--proc={proc}"])
                            told[pid] = done.stdout, done.stderr.replace(str(pid).encode(), b"PID")
                        self.assertEqual(told[foreign.pid][0], b"cat\ncat\n")
                        if proc == "strict":  # else ls, which looks with stat first, fails later
                            self.assertEqual(told[foreign.pid], told[common.NOBODY])
        # The attack itself works where nobody judges.
        bare = self.run_in("bare", ["unshare", "--mount", "sh", "-ec", f"mount -t proc proctor-test {other}; "
                                    f"cat {other}/{foreign.pid}/comm"])
        self.assertEqual(bare.stdout, b"sleep\n")

    def test_nothing_is_made_in_the_machines_cgroups(self):
        path = f"/sys/fs/cgroup/proctor-test-{os.getpid()}"
        self.addCleanup(subprocess.run, ["rm", "-f", path], check=True)
        make = ["sh", "-c", f"echo evil >{path}"]
        if self.run_in("bare", make).returncode != 0:  # only a tmpfs lets anybody make a file, and only root
            return self.skip("no hybrid cgroups here" if os.geteuid() == 0 else "needs root")
        os.remove(path)
        for mode in MODES:
            for options in ([], ["-m", "1G"], ["--proc=strict"]):
                with self.subTest(mode=mode, options=options):
                    self.assertNotEqual(self.run_in(mode, make, options=options).returncode, 0)
                    self.assertFalse(os.path.exists(path))

    def test_another_time_namespace_is_refused_or_believed(self):
        if self.needs_root():
            return
        if not os.path.exists("/proc/self/ns/time"):
            return self.skip("no time namespaces here")
        ahead = ["unshare", "--time", "--boottime", "1000000", "--fork"]
        ask = ["sh", "-c", "cut -d. -f1 /proc/uptime"]
        embedded = self.run_in("bare", [*ahead, *prefix("embedded"), *ask])
        self.assertGreater(int(embedded.stdout), 1_000_000, embedded.stderr)
        refused = self.run_in("bare", [*ahead, *prefix("daemon", self.daemon), *ask])
        self.assertEqual((refused.returncode, refused.stdout), (125, b""))
        self.assertRegex(refused.stderr, rb"\Aproctor: the command is in another time namespace [^\n]+--embedded\n\Z")

    def test_shared_memory_is_counted_once(self):
        for mode in MODES:
            with self.subTest(mode=mode):
                done = self.run_in(mode, [sys.executable, "-c", SHARING], options=["-m", "1G"])
                used, free = map(int, done.stdout.split())
                self.assertGreater(used, 200)
                self.assertLess(used, 400)  # of 1,000, were each process's counted
                self.assertGreater(free, 500)

    def test_files_about_memory_agree(self):
        for mode in MODES:
            with self.subTest(mode=mode):
                done = self.run_in(mode, [sys.executable, "-c", MEMORY], options=["-m", "512M"])
                total, free, managed, *others = map(int, done.stdout.split())
                self.assertEqual((total, managed), (512 * 256, 512 * 256))
                self.assertEqual(others, [free] * 3)
                # Without a statement they are the machine's; what is free of it does not stand still.
                bare, done = (self.run_in(where, [sys.executable, "-c", MEMORY, "once"]) for where in ("bare", mode))
                told = list(map(int, done.stdout.split()))
                self.assertEqual([told[0], told[2]], [int(bare.stdout.split()[at]) for at in (0, 2)])
                self.assertGreater(min(told), 0)

    def test_files_of_etc_that_are_told_can_be_moved_and_removed(self):
        if self.needs_root():
            return
        copy = f"cp -a /etc {self.dir}/etc; mount --bind {self.dir}/etc /etc"
        script = ("mv /etc/hostname /etc/h3 && mv /etc/h3 /etc/hostname && mv /etc/hosts /etc/h4 && rm -f /etc/hosts && "
                  "mkdir /etc/hosts && rmdir /etc/hosts && cat /etc/hostname")
        for mode in MODES:
            for proc in ("private", "strict"):
                with self.subTest(mode=mode, proc=proc):
                    done = self.run_as_root_where(copy, mode, ["sh", "-c", script], [f"--proc={proc}", "--hostname", "box"])
                    self.assertEqual((done.stdout, done.returncode), (b"box\n", 0), done.stderr)
                    subprocess.run(["rm", "-rf", self.dir / "etc"], check=True)

    def test_a_session_parents_death_is_told_as_that(self):
        front = self.start_in("daemon", ["sh", "-c", "echo up; sleep 1000"])
        self.assertEqual(front.stdout.readline(), b"up\n")
        parent, = wait_until(lambda: common.children_of(front.pid), "the session parent is there")
        os.kill(parent, 9)
        self.assertEqual(front.wait(DEADLINE_S), 125)
        self.assertEqual(front.stderr.read(), b"proctor: the session parent died, so the sandbox was ended\n")


if __name__ == "__main__":
    common.main()
