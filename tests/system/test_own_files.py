"""What the files and calls of the sandbox's own processes tell: of themselves all, of others nothing."""

import fcntl
import json
import os
import re
import resource
import shutil
import socket
import subprocess

import common
from common import MODES, SystemTest

PYTHON = "/usr/bin/python3"

# A thread with a table of descriptors of its own holds a socket; then another user of the sandbox looks for it and
# for its parent's. Prints which ports were seen, and which there are.
SOCKETS = r"""
import ctypes, os, socket, threading
libc = ctypes.CDLL(None, use_errno=True)
parents = socket.create_server(("127.0.0.1", 0))
ports = [parents.getsockname()[1]]
made, done = threading.Event(), threading.Event()
def apart():
    assert libc.unshare(0x400) == 0
    with socket.create_server(("127.0.0.1", 0)) as own:
        ports.append(own.getsockname()[1])
        made.set()
        done.wait()
threading.Thread(target=apart).start()
made.wait()
if os.fork() == 0:
    if os.getuid() == 0:
        os.setgroups([])
        os.setresgid(65534, 65534, 65534)
        os.setresuid(65534, 65534, 65534)
    parents.close()
    table = open("/proc/net/tcp").read()
    print([f":{port:04X} " in table for port in ports], flush=True)
    os._exit(0)
os.wait()
done.set()
"""

# A group and a session whose leaders have ended: what every source says of them, and of those they were started in.
GROUPS = r"""
import errno, json, os, re, select, signal, sys
def status(pid, name):
    return int(re.search(rf"^{name}:\t(-?\d+)", open(f"/proc/{pid}/status").read(), re.M)[1])
def stat(pid):
    return [int(word) for word in open(f"/proc/{pid}/stat").read().rpartition(")")[2].split()[1:6]]
def left_behind(found):
    "A process whose group's leader, which called `found`, has ended and was reaped: (pid of the leader, of the rest)."
    read, write = os.pipe()
    leader = os.fork()
    if leader == 0:
        found()
        rest = os.fork()
        if rest == 0:
            signal.pause()
        os.write(write, str(rest).encode())
        os._exit(0)
    assert os.waitpid(leader, 0)[1] == 0
    return leader, int(os.read(read, 20))
def error(call, *arguments):
    try:
        call(*arguments)
        return "0"
    except OSError as error:
        return errno.errorcode[error.errno]
def ps(pid):
    return [int(word) for word in os.popen(f"ps -o pgid=,sid= -p {pid}").read().split()]
foreign = int(sys.argv[1])
group, in_group = left_behind(os.setpgrp)
session, in_session = left_behind(os.setsid)
told = {
    "group": [group, status(in_group, "NSpgid"), stat(in_group)[1], os.getpgid(in_group), ps(in_group)[0]],
    "session": [session, status(in_session, "NSsid"), stat(in_session)[2], os.getsid(in_session), ps(in_session)[1]],
    "its group": [session, status(in_session, "NSpgid"), stat(in_session)[1], os.getpgid(in_session), ps(in_session)[0]],
    "started in": [status("self", "NSpgid"), stat("self")[1], status("self", "NSsid"), stat("self")[2], *ps(os.getpid())],
    "signals": [error(os.killpg, group, 0), error(os.killpg, session, 0), error(os.killpg, foreign, 0), error(os.killpg, 4194305, 0)],
    "priorities": [error(os.getpriority, os.PRIO_PGRP, n) for n in (group, foreign, 4194305)],
    "joins": [error(os.setpgid, 0, foreign), error(os.setpgid, 0, 4194305), error(os.setpgid, 0, session)],
}
own = os.getpgrp()
child = os.fork()
if child == 0:
    os._exit(0 if [error(os.setpgid, 0, n) for n in (0, own, group)] == ["0"] * 3 and os.getpgrp() == group else 1)
told["child"] = os.waitpid(child, 0)[1]
for leader, rest in ((group, in_group), (session, in_session)):
    pidfd = os.pidfd_open(rest)
    os.killpg(leader, signal.SIGKILL)
    assert select.select([pidfd], [], [], 100)[0]
told["after"] = [error(os.killpg, group, signal.SIGTERM) in ("0", "ESRCH"), os.getpgrp() == own]
print(json.dumps(told))
"""

# What each source says is the limit of processes, at a standstill after each change of it.
LIMIT = r"""
import ctypes, json, os, re, resource, signal, subprocess, sys
NPROC, libc = resource.RLIMIT_NPROC, ctypes.CDLL(None, use_errno=True)
def raw():
    pair = (ctypes.c_ulong * 2)()
    assert libc.syscall(97, NPROC, pair) == 0
    return list(pair)
def told():
    child = os.fork()
    if child == 0:
        signal.pause()
    line = re.search(r"Max processes\s+(\d+)\s+(\d+)", open("/proc/self/limits").read())
    answers = {
        "getrlimit": list(resource.getrlimit(NPROC)), "raw getrlimit": raw(), "limits": [int(line[1]), int(line[2])],
        "own": list(resource.prlimit(os.getpid(), NPROC)), "child": list(resource.prlimit(child, NPROC)),
        "bash": [int(n) for n in subprocess.run(["bash", "-c", "ulimit -S -u; ulimit -H -u"], capture_output=True, text=True).stdout.split()],
        "prlimit": [int(n) for n in subprocess.run(["prlimit", "--nproc", "--raw", "--noheadings", "--output", "SOFT,HARD"], capture_output=True, text=True).stdout.split()],
        "sysconf": [os.sysconf("SC_CHILD_MAX"), resource.getrlimit(NPROC)[1]]}
    os.kill(child, 9)
    os.wait()
    print(json.dumps([os.getpid(), answers]), flush=True)
    assert sys.stdin.readline()
def change(soft, hard, by=resource.setrlimit):
    try:
        by(NPROC, (soft, hard))
        return True
    except (PermissionError, ValueError):
        return False
def by_raw(what, pair):
    if libc.syscall(160, what, (ctypes.c_ulong * 2)(*pair)) != 0:
        raise ValueError(ctypes.get_errno())
assert libc.syscall(97, NPROC, 1) == -1 and ctypes.get_errno() == 14  # EFAULT
for limit in sys.argv[1:]:
    soft, hard = map(int, limit.split(","))
    for by in (resource.setrlimit, by_raw):
        assert change(soft, hard, by), limit
    told()
assert not change(9, 8)
print(change(100, 1 << 30), [int(open(f).read()) for f in ("/proc/sys/kernel/threads-max", "/sys/fs/cgroup/pids.max")])
"""

# What the files of a process tell of the descriptors 3 (another's process), 4 (one that is dead) and 5 (a file that
# another has locked), and of itself.
HELD = r"""
import os, re, signal, sys
def lines(fd, start):
    return [line for line in open(f"/proc/self/fdinfo/{fd}").read().splitlines() if line.startswith(start)]
foreign, dead, locked = map(int, sys.argv[1:])
print(lines(foreign, ("Pid", "NSpid")), lines(dead, ("Pid", "NSpid")))
print(re.sub(r"[0-9a-f]+:[0-9a-f]+:\d+", "FILE", lines(locked, "lock")[0]))
own = os.pidfd_open(os.getpid())
assert lines(own, "Pid") == [f"Pid:\t{os.getpid()}"], lines(own, "Pid")
thread = f"/proc/self/task/{os.getpid()}/fdinfo/{own}"
assert open(thread).read() == open(f"/proc/self/fdinfo/{own}").read()
signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGUSR1, signal.SIGUSR2])
os.kill(os.getpid(), signal.SIGUSR1)
print(re.search(r"SigQ:\s+(\d+)/", open("/proc/self/status").read())[1])
"""

# Own sockets by the counts and by the tables.
COUNTS = r"""
import re, socket
a = [socket.create_server(("127.0.0.1", 0)) for n in range(3)]
b = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
b.bind(("127.0.0.1", 0))
c = socket.create_connection(a[0].getsockname())
d, e = a[0].accept()[0], socket.socketpair()
text = open("/proc/net/sockstat").read()
snmp = [line.split() for line in open("/proc/net/snmp") if line.startswith("Tcp:")]
print(re.search(r"used (\d+)", text)[1], re.search(r"TCP: inuse (\d+)", text)[1], re.search(r"UDP: inuse (\d+)", text)[1],
      len(open("/proc/net/tcp").readlines()) - 1, dict(zip(*snmp))["CurrEstab"], open("/proc/sys/fs/file-nr").read().split()[0])
"""

OBJECTS = r"""
import ctypes, json, os, sys
libc = ctypes.CDLL(None, use_errno=True)
libc.shmat.restype = ctypes.c_void_p
def use(shm, msg, sem):
    at = libc.shmat(shm, None, 0)
    assert at != ctypes.c_void_p(-1).value and libc.shmdt(ctypes.c_void_p(at)) == 0
    text = (ctypes.c_long * 2)(1, 1)
    assert libc.msgsnd(msg, text, 8, 0) == 0 and libc.msgrcv(msg, text, 8, 0, 0) == 8
    assert libc.semop(sem, (ctypes.c_short * 3)(0, 1, 0), 1) == 0
"""
USE_OBJECTS = OBJECTS + "use(*map(int, sys.argv[1:]))"

# Who made and last used the objects, by files and calls; and the same of objects of one's own.
ASK_OBJECTS = OBJECTS + r"""
def row(name, number, columns):
    for line in open("/proc/sysvipc/" + name).read().splitlines()[1:]:
        if int(line.split()[1]) == number:
            return [int(word) for word in line.split()[columns]]
def stat(call, number, at):
    buffer = (ctypes.c_char * 256)()
    assert call(number, 2, buffer) == 0, ctypes.get_errno()
    return list((ctypes.c_int * 2).from_buffer(buffer, at))
def told(shm, msg, sem):  # shmid_ds, msqid_ds: <bits/types/struct_shmid_ds.h>
    return {"shm": row("shm", shm, slice(4, 6)), "shmctl": stat(libc.shmctl, shm, 80),
            "msg": row("msg", msg, slice(5, 7)), "msgctl": stat(libc.msgctl, msg, 96), "semctl": [libc.semctl(sem, 0, 11, 0)]}
objects = tuple(map(int, sys.argv[1:]))
own = libc.shmget(0, 4096, 0o600), libc.msgget(0, 0o600), libc.semget(0, 1, 0o600)
use(*own)
answer = {"pid": os.getpid(), "foreign": told(*objects), "own": told(*own), "errors": []}
for arguments in ((-1, 2, ctypes.create_string_buffer(256)), (own[0], 2, ctypes.c_void_p(8))):
    assert libc.shmctl(*arguments) == -1
    answer["errors"].append(ctypes.get_errno())
libc.shmctl(own[0], 0, None), libc.msgctl(own[1], 0, None), libc.semctl(own[2], 0, 0, 0)
print(json.dumps(answer))
"""


class OwnFiles(SystemTest):
    def output(self, mode, command, options=()):
        done = self.run_in(mode, command, options)
        self.assertEqual((done.returncode, done.stderr), (0, b""), command)
        return done.stdout.decode()

    def test_every_user_of_a_sandbox_sees_all_its_sockets(self):
        for mode in ("bare", *MODES):
            with self.subTest(mode=mode):
                self.assertEqual(self.output(mode, [PYTHON, "-c", SOCKETS]), "[True, True]\n")

    def test_a_group_outlives_its_leader(self):
        foreign = self.start_in("bare", ["sleep", "1000"], preexec_fn=os.setpgrp)  # of the same session
        common.wait_until(lambda: os.getpgid(foreign.pid) == foreign.pid, "a group of its own")
        ask = [PYTHON, "-c", GROUPS, str(foreign.pid)]
        bare = json.loads(self.output("bare", ask))
        # Without proctor a process learns of the group, and joins it.
        self.assertEqual((bare["signals"][2], bare["priorities"][1], bare["joins"][0]), ("0", "0", "0"))
        for mode in MODES:
            with self.subTest(mode=mode):
                told = json.loads(self.output(mode, ask))
                for name in ("group", "session", "its group"):
                    self.assertEqual(len(set(told[name])), 1, (name, told))
                self.assertEqual(told["started in"], [0] * 6)
                self.assertEqual(told["signals"], ["0", "0", "ESRCH", "ESRCH"])
                self.assertEqual(told["priorities"], ["0", "ESRCH", "ESRCH"])
                self.assertEqual(told["joins"], ["EPERM", "EPERM", "EPERM"])  # the last: another session
                self.assertEqual((told["child"], told["after"]), (0, [True, True]))

    def test_one_limit_of_processes(self):
        capabilities = int(re.search(r"CapEff:\s+(\w+)", common.Path("/proc/self/status").read_text())[1], 16)
        for mode in MODES:
            with self.subTest(mode=mode):
                limits = ["100,100", "80,100", "100,100", "50,60"]
                process = self.start_in(mode, [PYTHON, "-c", LIMIT, *limits], ["-P", "100"], stdin=-1)
                machines = resource.getrlimit(resource.RLIMIT_NPROC)
                for step, limit in enumerate(limits):
                    target, told = json.loads(process.stdout.readline())
                    expected = [int(n) for n in limit.split(",")]
                    self.assertEqual([name for name in told if told[name] != expected], [], (limit, told))
                    if step == 0:  # set to what it was told: the machine's limit is as it was
                        self.assertEqual(resource.prlimit(target, resource.RLIMIT_NPROC), machines)
                    process.stdin.write(b"on\n")
                    process.stdin.flush()
                raised = capabilities >> 24 & 1 == 1  # CAP_SYS_RESOURCE
                self.assertEqual(process.stdout.readline().decode(), f"{raised} [100, 100]\n")
                self.assertEqual(process.wait(common.DEADLINE_S), 0)

    def test_a_limit_that_cannot_be_read_is_neither_set_nor_told(self):
        if os.geteuid() == 0:
            return self.skip("root can look at everybody; this test needs an ordinary user")
        program = self.dir / "unreadable"  # a process that runs what its user may not read is not dumpable
        shutil.copy(PYTHON, program)
        program.chmod(0o111)
        script = "import resource; print(resource.prlimit(0, resource.RLIMIT_NPROC, (50, 60)))"
        for mode in MODES:
            done = self.run_in(mode, [program, "-c", script], options=["-P", "77"])
            self.assertEqual(done.stdout, b"", mode)
            self.assertIn(b"PermissionError", done.stderr)

    def test_what_is_held_names_no_foreign_process(self):
        foreign, dead = self.start_in("bare", ["sleep", "1000"]), self.start_in("bare", ["true"])
        with open(self.dir / "locked", "w") as locked:
            fcntl.flock(locked, fcntl.LOCK_EX)
            held = [os.pidfd_open(process.pid) for process in (foreign, dead)] + [locked.fileno()]
            dead.wait(common.DEADLINE_S)
            ask = [PYTHON, "-c", HELD, *map(str, held)]
            bare = self.run_in("bare", ask, pass_fds=held).stdout.decode()
            self.assertIn(f"'Pid:\\t{foreign.pid}'", bare)  # there is something to hide
            self.assertIn(f"WRITE {os.getpid()} FILE", bare)
            for mode in MODES:
                with self.subTest(mode=mode):
                    done = self.run_in(mode, ask, pass_fds=held)
                    self.assertEqual((done.stdout.decode(), done.stderr), (
                        "['Pid:\\t0', 'NSpid:\\t0'] ['Pid:\\t-1', 'NSpid:\\t-1']\n"
                        "lock:\t1: FLOCK  ADVISORY  WRITE 0 FILE 0 EOF\n1\n", b""))
            for fd in held[:2]:
                os.close(fd)

    def test_sockets_are_counted_as_they_are_listed(self):
        with socket.create_server(("127.0.0.1", 0)), socket.socketpair()[0]:
            for mode in MODES:
                with self.subTest(mode=mode):
                    self.assertEqual(self.output(mode, [PYTHON, "-c", COUNTS]), "8 5 1 5 2 0\n")

    def test_ipc_objects_name_no_foreign_process(self):
        made = [subprocess.run(["ipcmk", *what], capture_output=True, text=True) for what in (["-M", "4096"], ["-Q"], ["-S", "1"])]
        if any(done.returncode for done in made):
            self.skip("no IPC objects can be made: " + made[0].stderr.strip())
            return
        shm, msg, sem = (done.stdout.split()[-1] for done in made)
        subprocess.run([PYTHON, "-c", USE_OBJECTS, shm, msg, sem], check=True)
        try:
            ask = [PYTHON, "-c", ASK_OBJECTS, shm, msg, sem]
            told = json.loads(self.output("bare", ask))
            self.assertEqual([told["foreign"][name] == [0] * len(told["foreign"][name]) for name in told["foreign"]],
                             [False] * 5, told)  # there is something to hide
            for mode in MODES:
                with self.subTest(mode=mode):
                    told = json.loads(self.output(mode, ask))
                    self.assertEqual(told["foreign"], {"shm": [0, 0], "shmctl": [0, 0], "msg": [0, 0], "msgctl": [0, 0], "semctl": [0]})
                    self.assertEqual(told["own"], {name: [told["pid"]] * len(ids) for name, ids in told["own"].items()})
                    self.assertEqual(told["errors"], [22, 14])
        finally:
            subprocess.run(["ipcrm", "-m", shm, "-q", msg, "-s", sem], check=True)


if __name__ == "__main__":
    common.main()
