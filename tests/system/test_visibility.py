"""What a sandbox sees of /proc: its own processes, all of them, and no other."""

import os
import re
import shutil
import subprocess
import time
from pathlib import Path

import common
from common import MODES, SystemTest, children_of, descendants_of, host_pids, wait_until

# Asks nothing of anybody: makes a child that never makes a call after fork, and waits.
BUSY = r"""
#include <unistd.h>
#include <signal.h>
int main(void) {
  char byte;
  pid_t child = fork();
  if (child == 0) for (volatile long n = 0;; n++) {}
  read(0, &byte, 1);
  kill(child, SIGKILL);
  return 0;
}
"""



class Views(SystemTest):
    def own_pids(self, process):
        """The pids below a `proctor run` that belong to the sandbox, as the host sees them."""
        return {pid for pid in descendants_of(process.pid) if self.is_inside(pid)}

    @staticmethod
    def is_inside(pid):
        """What runs under a filter is in the sandbox; the supervisor is not."""
        try:
            with open(f"/proc/{pid}/status") as file:
                return "Seccomp:\t2" in file.read()
        except (FileNotFoundError, ProcessLookupError):
            return False

    def look(self, mode, command, others):
        """Runs `command` beside two sleeping children in a sandbox; (its output, the pids of the sandbox)."""
        process = self.start_in(mode, ["sh", "-c", f"sleep 1000 & sleep 1000 & {command}; echo END; read line; exit 0"],
                                stdin=subprocess.PIPE, stderr=subprocess.STDOUT)
        output = b""
        while not output.endswith(b"END\n"):
            piece = process.stdout.readline()
            self.assertTrue(piece, f"{command}: ended early: {output!r}")
            output += piece
        inside = self.own_pids(process)
        self.assertGreaterEqual(len(inside), 3)
        foreign = (host_pids() & others) - inside
        self.assertIn(1, foreign)
        process.stdin.close()
        self.assertEqual(process.wait(common.DEADLINE_S), 0)
        return output[:-4], inside, foreign

    def test_every_lister_shows_own_processes_and_no_foreign_one(self):
        # Column of the pid in each lister's lines.
        listers = {
            "ps aux": r"^\S+\s+(\d+)\s",
            "ps auxf": r"^\S+\s+(\d+)\s",
            "ps -eLf": r"^\S+\s+(\d+)\s",
            "ps -e -o pid=": r"^\s*(\d+)$",
            "top -b -n1": r"^\s*(\d+)\s+\S+\s+\S+\s+",
            "pgrep ''": r"^(\d+)$",
            "ls /proc": r"^(\d+)$",
            "find /proc -maxdepth 1": r"^/proc/(\d+)$",
            "echo /proc/[0-9]* | tr ' ' '\\n'": r"^/proc/(\d+)$",
            "cd /proc; ls -f .": r"^(\d+)$",
            "ls /proc/self/root/proc /proc/./ //proc/self/../": r"^(\d+)$",
        }
        others = host_pids()
        for mode in MODES:
            for command, pattern in listers.items():
                tool = command.split()[0]
                if not shutil.which(tool) and tool not in ("cd", "echo"):
                    self.skip(f"no {tool} here")
                    continue
                with self.subTest(mode=mode, command=command):
                    output, inside, foreign = self.look(mode, command, others)
                    shown = {int(n) for n in re.findall(pattern, output.decode(), re.M)}
                    self.assertLessEqual(inside, shown, f"own processes are missing: {output.decode()}")
                    self.assertEqual(shown & foreign, set(), f"foreign processes are shown: {output.decode()}")

    def test_pstree_finds_its_own_branch(self):
        if not shutil.which("pstree"):
            return self.skip("no pstree here")
        for mode in MODES:
            with self.subTest(mode=mode):
                output, inside, foreign = self.look(mode, "pstree -p $$", host_pids())
                shown = {int(n) for n in re.findall(rb"\((\d+)\)", output)}
                self.assertLessEqual(inside, shown, output)
                self.assertEqual(shown & foreign, set())

    def test_a_foreign_pid_does_not_exist_whichever_way_it_is_named(self):
        # The attack works without proctor: that is what each line first shows.
        attacks = ["cat /proc/{p}/comm", "cat /proc/{p}/cmdline | tr '\\0' ' ' | grep .", "ls /proc/{p}/task",
                   "cat /proc/{p}/task/{p}/stat", "cat /proc/self/root/proc/{p}/status", "cd /proc && cat {p}/stat",
                   "cat /proc/self/../{p}/comm", "cat /proc//{p}/./stat", "kill -0 {p}", "cd /proc/{p} && ls -d task",
                   "ps -p {p} -o pid=", "ls -d /proc/[0-9]* | grep -x /proc/{p}", "ln -s /proc/{p} link && cat link/stat"]
        victim = subprocess.Popen(["sleep", "1000"])
        self.addCleanup(self.end, victim)
        wait_until(lambda: open(f"/proc/{victim.pid}/comm").read() == "sleep\n", "the victim runs")
        for attack in attacks:
            script = attack.format(p=victim.pid)
            with self.subTest(attack=attack):
                self.assertEqual(self.run_in("bare", ["sh", "-c", script]).returncode, 0, "the attack itself is broken")
                for mode in MODES:
                    (self.dir / "link").unlink(missing_ok=True)
                    done = self.run_in(mode, ["sh", "-c", script])
                    self.assertNotEqual(done.returncode, 0, f"{mode}: {done.stdout!r}")
                    self.assertEqual(done.stdout, b"")
                (self.dir / "link").unlink(missing_ok=True)

    def test_a_child_that_never_made_a_call_is_there(self):
        if not shutil.which("gcc"):
            return self.skip("no gcc here")
        (self.dir / "busy.c").write_text(BUSY)
        if self.run_in("bare", ["gcc", "-static", "-o", "busy", "busy.c"]).returncode != 0:
            return self.skip("no static C library here")
        for mode in MODES:
            with self.subTest(mode=mode):
                process = self.start_in(mode, ["sh", "-c", "mkfifo f; ./busy < f & exec 8> f; read go; ls /proc; echo END;"
                                                           "read go; echo >&8; wait; rm f"], stdin=subprocess.PIPE)

                def silent():
                    busy = [pid for pid in self.own_pids(process) if common.name_of(pid) == "busy"]
                    return [child for pid in busy for child in children_of(pid)]

                child = wait_until(silent, "the silent child runs")[0]
                process.stdin.write(b"go\n")
                process.stdin.flush()
                shown = []
                while (line := process.stdout.readline()) not in (b"END\n", b""):
                    shown.append(line.strip())
                self.assertIn(str(child).encode(), shown)
                process.stdin.write(b"go\n")
                process.stdin.flush()
                self.assertEqual(process.wait(common.DEADLINE_S), 0)


# Watches /proc, by its name and by one that a thread exchanges with another; says so, and then which numbers it is
# told of.
WATCH = r"""
import ctypes, os, select, struct, sys, threading
libc = ctypes.CDLL(None)
queue = libc.inotify_init1(os.O_NONBLOCK)
name, over = ctypes.create_string_buffer(b"/proc"), False
def exchange():
    while not over:
        name.value = b"/home"
        name.value = b"/proc"
thread = threading.Thread(target=exchange)
thread.start()
watches = {libc.inotify_add_watch(queue, path, 0x20) for path in (b"/proc", *[name] * 3000)}
over = True
thread.join()
print("watching", len(watches - {-1}), flush=True)
sys.stdin.readline()
told = set()
try:
    while events := os.read(queue, 1 << 16):
        while events:
            length = struct.unpack_from("iIII", events)[3]
            told.add(events[16:16 + length].rstrip(b"\0").decode())
            events = events[16 + length:]
except BlockingIOError:
    pass
print(*sorted(word for word in told if word.isdigit()))
"""


class Watches(SystemTest):
    def test_a_watch_of_proc_does_not_tell_whom_others_look_at(self):
        foreign = self.start_in("bare", ["sleep", "1000"])
        for mode in ("bare", *MODES):
            with self.subTest(mode=mode):
                watcher = self.start_in(mode, ["python3", "-c", WATCH], stdin=subprocess.PIPE)
                self.assertRegex(watcher.stdout.readline(), rb"watching [0-2]\n")
                os.listdir(f"/proc/{foreign.pid}")
                watcher.stdin.write(b"go\n")
                watcher.stdin.flush()
                told = watcher.stdout.read().split()
                if mode == "bare":
                    self.assertIn(str(foreign.pid).encode(), told)
                else:
                    self.assertEqual(told, [])
                self.assertEqual(watcher.wait(common.DEADLINE_S), 0)

    def test_watches_work_as_without(self):
        script = r"""
import ctypes, errno, os, struct
libc = ctypes.CDLL(None, use_errno=True)
for name in ("made", "f", "l", "loop", "d"):
    if os.path.lexists(name): os.rmdir(name) if name == "d" else os.unlink(name)
os.mkdir("d"); open("f", "w").close(); os.symlink("f", "l"); os.symlink("loop", "loop")
queue = libc.inotify_init1(0)
def watch(path, mask, queue=queue):
    added = libc.inotify_add_watch(queue, path, ctypes.c_uint32(mask))
    return added if added >= 0 else errno.errorcode[ctypes.get_errno()]
for path in (b"d", b"f", b"l", b"f/", b"l/", b"none", b"none/x", b"f/x", b"loop", b"", b"/", b"./d/../f", b"/sys/class", b"/dev/null",
             b"/proc/self/stat", b"/proc/self/exe", b"/proc/self/", b"/proc/none", b"/etc/shadow", b"/root", None):
    print(path, [watch(path, mask) for mask in (2, 2 | 1 << 24, 2 | 1 << 25, 0, 2 | 1 << 31, 2 | 3 << 28)])
print(watch(b"d", 2, 99), watch(b"d", 2, 1), watch(b".", 0x700))
open("made", "w").close(); os.rename("made", "d/made"); os.unlink("d/made")
events = os.read(queue, 4096)
while events:
    number, mask, _, length = struct.unpack_from("iIII", events)
    print(number, hex(mask), events[16:16 + length].rstrip(b"\0"))
    events = events[16 + length:]
"""
        self.assertIn(b"0x100 b'made'", self.assert_same_as_bare(["python3", "-c", script])[1])


class Crowd(SystemTest):
    COUNT = 50

    def test_fifty_sandboxes_under_one_daemon_see_themselves_only_and_idle_for_free(self):
        script = "read go; echo BEGIN; ls /proc | grep '^[0-9]'; echo END; read go; exit $1"
        crowd = [self.start_in("daemon", ["sh", "-c", script, "sh", str(n)], stdin=subprocess.PIPE)
                 for n in range(self.COUNT)]
        # One that does not answer in time, on a busy machine, is left out of a list: this is the whole one.
        listed = wait_until(lambda: (found := self.daemon.sandboxes()) and len(found) == self.COUNT and found,
                            "all sandboxes are there")
        for process in crowd:
            process.stdin.write(b"go\n")
            process.stdin.flush()
        targets = {common.parent_of(sandbox["init"]): sandbox["target"] for sandbox in listed}
        self.assertEqual(set(targets), {process.pid for process in crowd})
        for process in crowd:
            self.assertEqual(process.stdout.readline(), b"BEGIN\n")
            shown = set()
            while (line := process.stdout.readline()) != b"END\n":
                shown.add(int(line))
            self.assertIn(targets[process.pid], shown)
            self.assertEqual(shown & (set(targets) | (set(targets.values()) - {targets[process.pid]}) | {1}), set())

        # What the last answers still cost may trail in; then nothing at all. Whoever does something has been
        # woken for it, and has gone to sleep again: that is counted exactly, CPU time only in ticks.
        def sleeps():
            statuses = [status.read_text() for status in Path(f"/proc/{self.daemon.pid}/task").glob("*/status")]
            return sum(int(re.search(r"^voluntary_ctxt_switches:\s+(\d+)$", status, re.M)[1]) for status in statuses)

        def is_idle():
            before = sleeps()
            time.sleep(2)  # the measure itself
            return sleeps() == before

        wait_until(is_idle, "an idle daemon with fifty idle sandboxes does nothing")

        for process in crowd:
            process.stdin.write(b"go\n")
            process.stdin.close()
        self.assertEqual([process.wait(common.DEADLINE_S) for process in crowd], list(range(self.COUNT)))


if __name__ == "__main__":
    common.main()
