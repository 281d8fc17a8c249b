"""What a sandbox is told that it has: files, calls and the programs that read them give one answer."""

import json
import os
import re
import shutil
import socket
import subprocess
import sys
import time
from pathlib import Path

import common
from common import MODES, SystemTest

MEMORY = 512 << 20
NAME = "box.example"
LIMITS = ["-c", "1", "-m", "512M", "-P", "100", "--hostname", NAME]
PYTHON = "/usr/bin/python3"

# Prints as JSON what each source says; (cores, bytes, names) of one sandbox.
ASK = r"""
import ctypes, json, os, re, socket, subprocess, time
def run(*command):
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout
def text(path):
    return open(path).read()
def listed(cpus):
    return sum(int(last or first) - int(first) + 1 for first, last in re.findall(r"(\d+)(?:-(\d+))?", cpus))
class Sysinfo(ctypes.Structure):
    _fields_ = [("uptime", ctypes.c_long), ("loads", ctypes.c_ulong * 3), ("totalram", ctypes.c_ulong),
                ("freeram", ctypes.c_ulong), ("sharedram", ctypes.c_ulong), ("bufferram", ctypes.c_ulong),
                ("totalswap", ctypes.c_ulong), ("freeswap", ctypes.c_ulong), ("procs", ctypes.c_ushort),
                ("pad", ctypes.c_ushort), ("totalhigh", ctypes.c_ulong), ("freehigh", ctypes.c_ulong),
                ("mem_unit", ctypes.c_uint), ("room", ctypes.c_char * 64)]
info = Sysinfo()
def tell(): assert ctypes.CDLL(None).sysinfo(ctypes.byref(info)) == 0
tell()
def counts():
    # What was counted while a child still ran may be told for some hundredths of a second after its end.
    end = time.monotonic() + 20
    while True:
        tell()
        told = [info.procs, int(re.search(r"/(\d+)", text("/proc/loadavg"))[1])]
        if told[0] == told[1] or time.monotonic() > end: return told
meminfo = dict(re.findall(r"^(\w+):\s+(\d+) kB", text("/proc/meminfo"), re.M))
print(json.dumps({
  "cores": {
    "sched_getaffinity": len(os.sched_getaffinity(0)), "sysconf online": os.cpu_count(),
    "sysconf configured": os.sysconf("SC_NPROCESSORS_CONF"), "nproc": int(run("nproc")),
    "cpuinfo": len(re.findall("^processor", text("/proc/cpuinfo"), re.M)),
    "stat": len(re.findall(r"^cpu\d", text("/proc/stat"), re.M)),
    "online": listed(text("/sys/devices/system/cpu/online")),
    "present": listed(text("/sys/devices/system/cpu/present")),
    "Cpus_allowed_list": listed(re.search(r"Cpus_allowed_list:\s*(\S+)", text("/proc/self/status"))[1]),
    "lscpu": len([line for line in run("lscpu", "-p=cpu").splitlines() if line[:1] != "#"])},
  "numbers": [text("/sys/devices/system/cpu/online").strip(), re.findall(r"^processor\s*: (\d+)", text("/proc/cpuinfo"), re.M),
              re.findall(r"^cpu(\d+)", text("/proc/stat"), re.M), sorted(os.sched_getaffinity(0))],
  "bytes": {
    "meminfo": int(meminfo["MemTotal"]) * 1024, "sysinfo": info.totalram * info.mem_unit,
    "sysconf": os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"),
    "free": int(run("free", "-b").split("Mem:")[1].split()[0])},
  "swap": {"meminfo": int(meminfo["SwapTotal"]), "sysinfo": info.totalswap, "swaps": text("/proc/swaps").count("\n") - 1},
  "free is less than all": 0 < int(meminfo["MemFree"]) < int(meminfo["MemTotal"]),
  "names": {
    "uname": os.uname().nodename, "gethostname": socket.gethostname(), "uname -n": run("uname", "-n").strip(),
    "sysctl": text("/proc/sys/kernel/hostname").strip(), "/etc/hostname": text("/etc/hostname").strip(),
    "getent": run("getent", "hosts", os.uname().nodename).split()[-1]},
  "procs": counts(),
  "threads-max": int(text("/proc/sys/kernel/threads-max")),
}))
"""

# Reads /proc/stat in pieces and again from the start, by a descriptor that stays open.
READ_AGAIN = r"""
import os, time
def whole(fd):
    pieces = []
    while piece := os.read(fd, 7):
        pieces.append(piece)
    return b"".join(pieces)
def busy(text):
    return int(text.split()[1])
fd = os.open("/proc/stat", os.O_RDONLY)
kept = os.dup(fd)
first = whole(fd)
assert first.startswith(b"cpu  ") and first.endswith(b"\n"), first
assert whole(fd) == b""
end = time.monotonic() + 100
while True:
    os.lseek(fd, 0, os.SEEK_SET)
    if busy(whole(fd)) > busy(first) + 20:
        break
    assert time.monotonic() < end, "the time used by this very loop is never told"
    for n in range(2_000_000): pass
assert os.get_inheritable(fd) is False
os.set_inheritable(fd, True)
os.lseek(fd, 0, os.SEEK_SET)
assert os.get_inheritable(fd) is True
assert os.pread(fd, 3, 0) == b"cpu"
# The same by pread from the beginning, which leaves the position alone.
os.lseek(fd, 5, os.SEEK_SET)
before, end = os.pread(fd, 4096, 0), time.monotonic() + 100
while busy(os.pread(fd, 4096, 0)) <= busy(before) + 20:
    assert time.monotonic() < end, "pread never tells the time used by this very loop"
    for n in range(2_000_000): pass
assert os.lseek(fd, 0, os.SEEK_CUR) == 5
assert os.pread(kept, 3, 0) == b"cpu" and os.lseek(kept, 0, os.SEEK_CUR) == 0
try:
    os.write(fd, b"x")
    raise SystemExit("written")
except OSError as error:
    assert error.errno == 9, error
ordinary = os.open("ordinary", os.O_RDWR | os.O_CREAT)
os.write(ordinary, b"abc")
os.lseek(ordinary, 0, os.SEEK_SET)
assert os.read(ordinary, 9) == b"abc"
print("told")
"""

AFFINITY = r"""
import ctypes, os
own = os.sched_getaffinity(0)
machine = set(range(int(__import__("sys").argv[1])))
os.sched_setaffinity(0, machine)
assert os.sched_getaffinity(0) == own, os.sched_getaffinity(0)
try:
    os.sched_setaffinity(0, machine - own)
    raise SystemExit("left its CPUs")
except OSError as error:
    assert error.errno == 22, error
getcpu = ctypes.CDLL(None).sched_getcpu
assert {getcpu() for n in range(100000)} <= own
child = os.fork()
if child == 0:
    os._exit(os.sched_getaffinity(0) != own)
os.sched_setaffinity(child, machine)
assert os.waitpid(child, 0)[1] == 0
try:
    os.sched_setaffinity(1, machine)
    raise SystemExit("somebody else's")
except ProcessLookupError:
    pass
print("kept")
"""


# Tries every call by path, spelling and number that it is given; prints who answers a foreign process otherwise than
# one that is dead, as "call spelling: foreign errno, dead errno".
CALLS = r"""
import ctypes, errno, os, sys
libc = ctypes.CDLL(None, use_errno=True)
kinds, foreign, dead = sys.argv[1], sys.argv[2], sys.argv[3]
def raw(name, *arguments):
    if getattr(libc, name)(*arguments) < 0:
        raise OSError(ctypes.get_errno(), name)
def handle(path):
    buffer, mount = ctypes.create_string_buffer(136), ctypes.c_int()
    ctypes.c_uint.from_buffer(buffer).value = 128
    raw("name_to_handle_at", -100, path.encode(), buffer, ctypes.byref(mount), 0)
def run(path):
    child = os.fork()
    if child == 0:
        os.dup2(os.open("/dev/null", os.O_WRONLY), 1)
        os.dup2(1, 2)
        try:
            os.execv(path, [path])
        except OSError as error:
            os._exit(error.errno)
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    if code: raise OSError(code, path)
def relative(path):
    directory = os.open("/", os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.readlink(path.lstrip("/"), dir_fd=directory)
    finally:
        os.close(directory)
calls = {
    "open": lambda p: os.close(os.open(p, os.O_RDONLY)), "open O_PATH": lambda p: os.close(os.open(p, os.O_PATH)),
    "readlink": os.readlink, "readlinkat": relative, "chdir": os.chdir,
    "getxattr": lambda p: os.getxattr(p, "user.x"), "lgetxattr": lambda p: os.getxattr(p, "user.x", follow_symlinks=False),
    "handle": handle, "listdir": os.listdir, "execve": run,
    "inotify": lambda p: raw("inotify_add_watch", watch, p.encode(), 2),
}
if kinds != "private":
    calls |= {
        "statfs": os.statvfs, "listxattr": os.listxattr,
        "stat": os.stat, "lstat": os.lstat, "utime": os.utime,
        "access": lambda p: raw("access", p.encode(), 0),
        "faccessat": lambda p: raw("faccessat", -100, p.encode(), 0, 0),
        "faccessat2": lambda p: raw("faccessat", -100, p.encode(), 0, 0x200),
        "statx": lambda p: raw("statx", -100, p.encode(), 0, 0xfff, ctypes.create_string_buffer(256)),
    }
# Only where the path leads to nothing: these would change what is there, though not its mode of old.
if kinds == "strict":
    calls |= {
        "mkdir": os.mkdir, "mkdirat": lambda p: raw("mkdirat", -100, p.encode(), 0o700), "rmdir": os.rmdir,
        "mknod": os.mknod, "unlink": os.unlink, "unlinkat": lambda p: raw("unlinkat", -100, p.encode(), 0),
        "symlink": lambda p: os.symlink("x", p), "rename from": lambda p: os.rename(p, "there"),
        "rename to": lambda p: os.rename("ordinary", p), "link from": lambda p: os.link(p, "there"),
        "link to": lambda p: os.link("ordinary", p), "renameat": lambda p: raw("renameat", -100, b"ordinary", -100, p.encode()),
        "truncate": lambda p: os.truncate(p, 0), "chmod": lambda p: os.chmod(p, 0o755),
        "chown": lambda p: os.chown(p, -1, -1), "lchown": lambda p: os.lchown(p, -1, -1),
        "fchownat": lambda p: raw("fchownat", -100, p.encode(), -1, -1, 0x100),
        "setxattr": lambda p: os.setxattr(p, "user.x", b"", os.XATTR_REPLACE), "removexattr": lambda p: os.removexattr(p, "user.x"),
    }
watch = libc.inotify_init1(0)
os.close(os.open("ordinary", os.O_CREAT))
def answer(call, path):
    try:
        calls[call](path)
        return "0"
    except OSError as error:
        return errno.errorcode[error.errno]
spellings = ["/proc/%s", "/proc/%s/", "/proc/%s/exe", "/proc/%s/cwd", "/proc/%s/fd", "/proc/%s/fd/0", "/proc/%s/stat",
             "/proc/%s/task/%s", "/proc//./%s/../%s/ns/pid", "/proc/self/../%s/root", "/proc/thread-self/../../../%s/maps",
             "/proc/self/root/proc/%s/exe", "/proc/self/cwd/../../../../../../../proc/%s/exe", "/dev/fd/../../%s/exe",
             "/proc/%s/none", "/proc/%s/exe/none"]
own = str(os.getpid())
here = os.getcwd()
for call in calls:
    for spelling in spellings:
        got = [answer(call, spelling.replace("%s", number)) for number in (foreign, dead)]
        os.chdir(here)
        if got[0] != got[1]:
            print(call, spelling, *got)
# Its own are there.
assert os.readlink(f"/proc/{own}/exe") == os.readlink("/proc/self/exe")
assert os.stat(f"/proc/{own}/stat").st_size == 0
assert open(f"/proc/{own}/stat").read().rpartition(")")[2].split()[0] == "R"
os.chdir(f"/proc/{own}/task")
assert os.listdir() == [own] and os.stat("../exe")
print("compared")
"""


# One process has files opened on its behalf, and is kept on one CPU meanwhile (docs/adr/0009). Prints how many CPUs it
# finds itself with, how many others see it have, how often it does not have those that another one gave it, and
# what the call says of masks of odd lengths.
HANDED_OVER = r"""
import ctypes, json, os, re, sys, time
libc = ctypes.CDLL(None, use_errno=True)
all_cpus, seconds = os.sched_getaffinity(0), float(sys.argv[1])
reader, writer = os.pipe()
opener, rounds = os.fork(), 0
if opener == 0:
    seen, end = set(), time.monotonic() + seconds
    while time.monotonic() < end:
        for _ in range(20):
            os.close(os.open("/proc/self/stat", os.O_RDONLY))
        seen.add(len(os.sched_getaffinity(0)))
    os.write(writer, json.dumps(sorted(seen)).encode())
    while True:
        os.close(os.open("/proc/self/stat", os.O_RDONLY))
others, lost, end = set(), 0, time.monotonic() + seconds
while time.monotonic() < end or rounds < 4:
    rounds += 1
    others.update({len(os.sched_getaffinity(opener)) for _ in range(200)})
    status = open(f"/proc/{opener}/status").read()
    others.add(bin(int(re.search(r"Cpus_allowed:\s*(\S+)", status)[1].replace(",", ""), 16)).count("1"))
own, end = json.loads(os.read(reader, 100)), time.monotonic() + seconds
while time.monotonic() < end:
    for cpus in ({max(all_cpus)}, all_cpus):
        os.sched_setaffinity(opener, cpus)
        time.sleep(0.0003)
        lost += os.sched_getaffinity(opener) != cpus
os.kill(opener, 9)
os.wait()
room = ctypes.create_string_buffer(8192)
def ask(length, at):
    done = libc.syscall(204, os.getpid(), ctypes.c_uint(length), at)
    return [done, ctypes.get_errno() if done < 0 else 0, room.raw[:16].hex()]
lengths = [ask(n, room) for n in (0, 1, 7, 8, 9, 16, 128, 1024, 1032, 8192, 1 << 29, (1 << 32) - 8)]
lengths += [ask(8, None), ask(7, None)]
print(json.dumps({"own": own, "others": sorted(others), "lost": lost, "lengths": lengths}))
"""

# What an open asks for besides O_PATH has no effect; a listing that could not be written is not lost; and a name is
# told as the kernel tells it to who wants to hear of another machine or of Linux 2.6. One line each.
AS_THE_KERNEL = r"""
import ctypes, errno, os
libc = ctypes.CDLL(None, use_errno=True)
def opened(path, flags):
    try:
        return os.close(os.open(path, os.O_PATH | flags)) or 0
    except OSError as error:
        return errno.errorcode[error.errno]
extra = (0, os.O_NONBLOCK, os.O_NOCTTY, os.O_RDWR, os.O_TRUNC, os.O_CREAT, os.O_CREAT | os.O_EXCL, os.O_DIRECTORY, os.O_NOFOLLOW)
print([[opened(path, flags) for flags in extra] for path in ("/proc", "/proc/self", "/proc/self/status", "/proc/none", "/etc", "none")])
directory = os.open("/proc/self/task", os.O_RDONLY)
print(libc.syscall(217, directory, 8, 1 << 15), ctypes.get_errno(), len(os.listdir(directory)))
directory = os.open("/proc", os.O_RDONLY)
print(libc.syscall(217, directory, 8, 1 << 15), ctypes.get_errno(), "self" in os.listdir(directory))
for personality in (0, 8, 0x20000, 0x20008):
    libc.personality(personality)
    print(os.uname().machine, os.uname().release)
"""


class Told(SystemTest):
    def test_flags_failures_and_personalities_count_as_without(self):
        for options in ([], ["--hostname", "box"]):
            bare = self.output("bare", [PYTHON, "-c", AS_THE_KERNEL])
            self.assertIn(" 14 True", bare)
            for mode in MODES:
                self.assertEqual(self.output(mode, [PYTHON, "-c", AS_THE_KERNEL], options), bare, (mode, options))

    def output(self, mode, command, options=()):
        done = self.run_in(mode, command, options)
        self.assertEqual((done.returncode, done.stderr), (0, b""), command)
        return done.stdout.decode()

    def test_every_source_tells_the_same(self):
        for mode in MODES:
            with self.subTest(mode=mode):
                told = json.loads(self.output(mode, [PYTHON, "-c", ASK], LIMITS))
                self.assertEqual(set(told["cores"].values()), {1}, told["cores"])
                online, cpuinfo, stat, allowed = told["numbers"]
                self.assertEqual([cpuinfo, stat], [[online], [online]])
                self.assertEqual(allowed, [int(online)])
                self.assertEqual(set(told["bytes"].values()), {MEMORY}, told["bytes"])
                self.assertEqual(set(told["swap"].values()), {0}, told["swap"])
                self.assertTrue(told["free is less than all"])
                self.assertEqual(set(told["names"].values()), {NAME}, told["names"])
                self.assertEqual(told["procs"][0], told["procs"][1])
                self.assertEqual(told["threads-max"], 100)

    def test_what_is_not_limited_is_the_hosts(self):
        ask = ("import os, socket; print(os.cpu_count(), os.sysconf('SC_PHYS_PAGES'), socket.gethostname(),"
               " open('/proc/cpuinfo').read().count('processor'), open('/proc/meminfo').read().split()[1],"
               " open('/proc/stat').read().count('cpu'), open('/etc/hosts').read())")
        bare = self.output("bare", [PYTHON, "-c", ask])
        for mode in MODES:
            with self.subTest(mode=mode):
                self.assertEqual(self.output(mode, [PYTHON, "-c", ask]), bare)

    def test_java_and_node_size_themselves_by_it(self):
        java, node = shutil.which("java"), shutil.which("node")
        if node:
            ask = "const os = require('os'); console.log(os.cpus().length, os.availableParallelism ? os.availableParallelism() : 1, os.totalmem(), os.hostname())"
            for mode in MODES:
                self.assertEqual(self.output(mode, [node, "-e", ask], LIMITS), f"1 1 {MEMORY} {NAME}\n")
        else:
            self.skip("no node here")
        if java and shutil.which("javac"):
            source = self.dir / "Ask.java"
            source.write_text("class Ask { public static void main(String[] a) { var os = (com.sun.management."
                              "OperatingSystemMXBean) java.lang.management.ManagementFactory."
                              "getOperatingSystemMXBean(); System.out.println(Runtime.getRuntime()."
                              "availableProcessors() + \" \" + os.getTotalMemorySize()); } }")
            self.run_in("bare", ["javac", "Ask.java"])
            for mode in MODES:
                self.assertEqual(self.output(mode, [java, "-cp", ".", "Ask"], LIMITS), f"1 {MEMORY}\n")
        else:
            self.skip("no JDK here")

    def test_a_kept_descriptor_reads_anew_from_the_start(self):
        for mode in MODES:
            with self.subTest(mode=mode):
                self.assertEqual(self.output(mode, [PYTHON, "-c", READ_AGAIN]), "told\n")

    def test_the_status_flags_of_a_file_stay(self):
        script = ("import fcntl, os\n"
                  "for flags in (0, os.O_NONBLOCK, os.O_APPEND | os.O_NONBLOCK):\n"
                  "    for late in (False, True):\n"
                  "        fd = os.open('/proc/stat', os.O_RDONLY | (0 if late else flags))\n"
                  "        if late: fcntl.fcntl(fd, fcntl.F_SETFL, flags)\n"
                  "        for _ in range(3):\n"
                  "            print(fcntl.fcntl(fd, fcntl.F_GETFL) & (os.O_NONBLOCK | os.O_APPEND | os.O_ACCMODE))\n"
                  "            os.read(fd, 10)\n"
                  "            os.lseek(fd, 0, os.SEEK_SET)\n")
        self.assert_same_as_bare([PYTHON, "-c", script])

    def test_it_keeps_to_its_cpus(self):
        machine = str(max(os.sched_getaffinity(0)) + 1)
        if machine == "1":
            self.skip("one CPU has no other to keep from")
            return
        # The attack works: without proctor, a program leaves the CPU that it was put on.
        bare = self.run_in("bare", ["taskset", "-c", "0", PYTHON, "-c", AFFINITY, machine])
        self.assertNotEqual(bare.returncode, 0)
        for mode in MODES:
            with self.subTest(mode=mode):
                self.assertEqual(self.output(mode, [PYTHON, "-c", AFFINITY, machine], ["-c", "1"]), "kept\n")

    def test_nobody_sees_that_a_process_stays_on_one_cpu_while_a_file_is_handed_over(self):
        cpus = len(os.sched_getaffinity(0))
        if cpus < 2:
            return self.skip("this machine has one CPU")
        bare = self.run_in("bare", [PYTHON, "-c", HANDED_OVER, "1"]).stdout
        told = json.loads(bare)
        self.assertEqual((told["own"], told["others"], told["lost"]), ([cpus], [cpus], 0))
        for mode in MODES:
            self.assertEqual(self.run_in(mode, [PYTHON, "-c", HANDED_OVER, "2"]).stdout, bare, mode)

    def test_affinity_is_changed_with_the_callers_rights(self):
        if os.geteuid() != 0:
            self.skip("needs root, to have two users in a sandbox")
            return
        script = ("import os\nif os.fork() == 0:\n  os.setgroups([]); os.setresgid(65534, 65534, 65534)\n"
                  "  os.setresuid(65534, 65534, 65534); os.sched_setaffinity(0, os.sched_getaffinity(0))\n"
                  "  try:\n    os.sched_setaffinity(os.getppid(), os.sched_getaffinity(0))\n"
                  "  except PermissionError:\n    os._exit(7)\n  os._exit(0)\n"
                  "print(os.waitstatus_to_exitcode(os.wait()[1]))")
        for mode in MODES:
            with self.subTest(mode=mode):
                self.assertEqual(self.output(mode, [PYTHON, "-c", script], ["-c", "1"]), "7\n")

    def test_no_file_of_an_own_process_names_a_foreign_one(self):
        script = ("echo $PPID; /usr/bin/python3 -c 'import os; print(os.getppid())'; cat /proc/self/stat /proc/$$/stat /proc/$$/task/$$/stat; cat /proc/$$/status; "
                  "ps -o pid=,ppid=,pgid=,sid= -p $$")
        for mode in MODES:
            with self.subTest(mode=mode):
                process = self.start_in(mode, ["sh", "-c", f"echo $$; {script}; read line"], stdin=-1)
                shell = int(process.stdout.readline())
                said = b""
                while not re.search(rb"\n\s*\d+\s+\d+\s+\d+\s+\d+\n\Z", said):
                    said += process.stdout.readline()
                real = common.stat_fields(shell)
                lines = said.decode().splitlines()
                self.assertIn(int(real[1]), common.host_pids())  # there is something to hide
                self.assertEqual(lines[:2], ["0", str(shell)])  # getppid
                lines = lines[2:]
                child, by_pid, by_task = ([int(n) for n in line.rpartition(")")[2].split()[1:4]] for line in lines[:3])
                self.assertEqual(child[0], shell)
                for parent, group, session in (by_pid, by_task):
                    self.assertEqual(parent, 0)
                    self.assertIn(group, (0, shell))
                    self.assertIn(session, (0, shell))
                self.assertIn("PPid:\t0", lines)
                self.assertEqual([int(n) for n in lines[-1].split()][:2], [shell, 0])
                process.stdin.close()
                process.wait(common.DEADLINE_S)

    def test_a_foreign_process_answers_every_call_like_a_dead_one(self):
        # Of the same user: nothing but the sandbox is in the way.
        foreign = self.start_in("bare", ["sleep", "1000"], stdin=subprocess.PIPE)
        dead = common.NOBODY
        ask = [PYTHON, "-c", CALLS]
        bare = self.output("bare", [*ask, "looks", str(foreign.pid), str(dead)])
        self.assertGreater(bare.count("\n"), 100)  # the comparison can tell them apart
        for mode in MODES:
            for proc in ("private", "strict"):
                with self.subTest(mode=mode, proc=proc):
                    told = self.output(mode, [*ask, proc, str(foreign.pid), str(dead)], [f"--proc={proc}"])
                    self.assertEqual(told, "compared\n")
        told = self.output("embedded", [*ask, "looks", str(foreign.pid), str(dead)])
        self.assertIn("\nstat /proc/%s 0 ENOENT\n", told)  # what the default leaves to the kernel

    def test_only_own_sockets_are_listed(self):
        path = str(self.dir / "foreign.sock")
        with socket.create_server(("127.0.0.1", 0)) as foreign, socket.socket(socket.AF_UNIX) as local:
            local.bind(path)
            port = foreign.getsockname()[1]
            ask = ("import socket, subprocess; s = socket.create_server(('127.0.0.1', 0)); "
                   "u = socket.socket(socket.AF_UNIX); u.bind('own.sock'); print(s.getsockname()[1]); "
                   "print(open('/proc/net/tcp').read(), open('/proc/net/unix').read(), flush=True); "
                   "print(subprocess.run(['ss', '-Htanl'], stdout=-1, stderr=-1, text=True).stdout)")
            bare = self.output("bare", [PYTHON, "-c", ask])
            os.unlink(self.dir / "own.sock")
            self.assertIn(f":{port:04X} ", bare)  # there is something to hide
            self.assertIn(f"127.0.0.1:{port} ", bare)
            self.assertIn(path, bare)
            for mode in MODES:
                with self.subTest(mode=mode):
                    told = self.output(mode, [PYTHON, "-c", ask])
                    os.unlink(self.dir / "own.sock")
                    own = int(told.split("\n")[0])
                    self.assertIn(f":{own:04X} ", told)
                    self.assertIn(f"127.0.0.1:{own} ", told)
                    self.assertIn("own.sock", told)
                    self.assertNotIn(f":{port:04X} ", told)
                    self.assertNotIn(f"127.0.0.1:{port} ", told)
                    self.assertNotIn(path, told)

    def test_the_load_is_the_sandboxs_own(self):
        script = ("import os, time\nend = time.monotonic() + 100\n"
                  "while os.getloadavg()[0] < 0.02:\n  assert time.monotonic() < end\n"
                  "load = open('/proc/loadavg').read().split()\n"
                  "assert load[3].split('/')[1] == '1' and int(load[4]) == os.getpid(), load\nprint('busy')")
        for mode in MODES:
            with self.subTest(mode=mode):
                idle = self.output(mode, ["cat", "/proc/loadavg"])
                self.assertTrue(idle.startswith("0.0"), idle)
                self.assertEqual(self.output(mode, [PYTHON, "-c", script]), "busy\n")

    def test_a_poll_loop_of_top_free_and_vmstat_goes_on(self):
        for mode in MODES:
            with self.subTest(mode=mode):
                top = self.output(mode, ["top", "-b", "-d", "0.3", "-n", "3"], LIMITS)
                self.assertEqual(top.count("load average"), 3)
                self.assertEqual(re.findall(r"MiB Mem :\s+([\d.]+) total", top), ["512.0"] * 3)
                free = self.output(mode, ["free", "-m", "-s", "0.3", "-c", "2"], LIMITS)
                self.assertEqual(re.findall(r"Mem:\s+(\d+)", free), ["512"] * 2)
                self.assertEqual(self.output(mode, ["vmstat", "1", "2"], LIMITS).count("\n"), 4)
                self.assertRegex(self.output(mode, ["uptime"], LIMITS), r"up .*load average")


if __name__ == "__main__":
    common.main()
