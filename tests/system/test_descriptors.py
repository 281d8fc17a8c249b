"""What a program is told of processes by descriptors, beside /proc and the pids that it names: owners, locks, pidfds,
terminals. Inside the sandbox a foreign process does not exist; bare, each of these tells of it."""

import errno
import fcntl
import json
import os
import socket
import struct

import common
from common import MODES
from telling import PRELUDE, PYTHON, TellingTest

OWNERS = PRELUDE + r"""
foreign, dead = int(sys.argv[1]), int(sys.argv[2])
SETOWN, GETOWN, SETOWN_EX, GETOWN_EX = 8, 9, 15, 16
a, b = socket.socketpair()
tcp = socket.create_server(("127.0.0.1", 0))
libc.mmap.restype = ctypes.c_void_p
def ex(fd, kind, pid):
    return call(FCNTL, fd, SETOWN_EX, struct.pack("2i", kind, pid))
def by_ioctl(request):
    return lambda fd, pid: call(IOCTL, fd, request, struct.pack("i", pid))
ways = {
    "register": lambda fd, pid: call(FCNTL, fd, SETOWN, pid & 0xffffffff),
    "wide register": lambda fd, pid: call(FCNTL, fd, SETOWN, pid & 0xffffffff | 5 << 32),
    "thread": lambda fd, pid: ex(fd, 0, pid), "process": lambda fd, pid: ex(fd, 1, pid), "group": lambda fd, pid: ex(fd, 2, pid),
    "FIOSETOWN": by_ioctl(0x8901), "SIOCSPGRP": by_ioctl(0x8902),
}
def owner(fd):
    kind, pid = struct.unpack("2i", fcntl.fcntl(fd, GETOWN_EX, bytes(8)))
    return ["thread", "process", "group"][kind], {0: 0, os.getpid(): "self", helper: "child"}.get(pid, "somebody")
ready, wait = os.pipe()
helper = child(lambda: (os.setpgid(0, 0), os.write(wait, b"x"), time.sleep(1000)))
os.read(ready, 1)
told = {}
for fd in (a.fileno(), tcp.fileno()):
    for way, set_owner in ways.items():
        for name, pid in {"self": os.getpid(), "child": helper, "child's group": -helper, "nobody": 0, "dead": dead,
                          "dead group": -dead, "least": -2**31}.items():
            told[f"{way} {name}"] = set_owner(fd, pid), owner(fd)
        told[f"{way} foreign"] = set_owner(fd, foreign), set_owner(fd, -foreign), set_owner(fd, 1), owner(fd)
        set_owner(fd, 0)
told["own group"] = call(FCNTL, a.fileno(), SETOWN, -os.getpgrp() & 0xffffffff)
told["bad"] = [ex(a.fileno(), 3, os.getpid()), ex(a.fileno(), -1, foreign), call(FCNTL, a.fileno(), SETOWN_EX, 0),
               call(FCNTL, 999, SETOWN_EX, 0), ex(999, 1, foreign), call(IOCTL, a.fileno(), 0x8901, 0), call(IOCTL, 999, 0x8901, 0),
               call(IOCTL, a.fileno(), 0x8902 | 1 << 40, 0)]
# It does what it is for: data that come in are signalled to the owner.
signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGIO])
for set_owner in (ways["process"], ways["FIOSETOWN"], ways["register"]):
    assert set_owner(a.fileno(), os.getpid()) == 0
    fcntl.fcntl(a, fcntl.F_SETFL, os.O_ASYNC)
    b.send(b"x")
    assert signal.sigtimedwait([signal.SIGIO], 100)
    fcntl.fcntl(a, fcntl.F_SETFL, 0)
    a.recv(10)
os.kill(helper, 9)
os.waitpid(helper, 0)
print(json.dumps(told))
"""

# A group with foreign processes in it, and a signal of one's own choice for all of it: prints who was not told.
GROUP = PRELUDE + r"""
a, b = socket.socketpair()
signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGUSR1])
fcntl.fcntl(a, 10, signal.SIGUSR1)  # F_SETSIG
done = [call(FCNTL, a.fileno(), 15, struct.pack("2i", 2, os.getpgrp())), call(FCNTL, a.fileno(), 8, -os.getpgrp() & 0xffffffff)]
fcntl.fcntl(a, fcntl.F_SETFL, os.O_ASYNC)
b.send(b"x")
assert signal.sigtimedwait([signal.SIGUSR1], 100)
print(json.dumps(done))
"""

# Who holds a lock, by every question there is, and with an own lock in the way. `name: type start length pid`.
LOCKS = PRELUDE + r"""
GETLK, SETLK, OFD_GETLK, OFD_SETLK, RD, WR, UN = 5, 6, 36, 37, 0, 1, 2
layout = "hhxxxxqqixxxx"
foreign = os.open(sys.argv[1], os.O_RDWR)
own = os.open("own.lock", os.O_RDWR | os.O_CREAT)
other = os.open("own.lock", os.O_RDWR)
os.ftruncate(own, 50)
ready, wait = os.pipe()
def hold():
    for kind, start, length in (RD, 100, 10), (WR, 200, 10), (RD, 300, 0):
        fcntl.fcntl(other, SETLK, struct.pack(layout, kind, 0, start, length, 0))
    os.write(wait, b"x")
    time.sleep(1000)
helper = child(hold)
os.read(ready, 1)
def ask(fd, kind, start, length, whence=0, command=GETLK, pid=0):
    buffer = ctypes.create_string_buffer(struct.pack(layout, kind, whence, start, length, pid), 32)
    done = call(FCNTL, fd, command, buffer)
    kind, whence, start, length, pid = struct.unpack(layout, buffer.raw)
    return [done, kind, whence, start, length, {os.getpid(): "self", helper: "child", 0: 0, -1: -1}.get(pid, "somebody")]
def all_questions(fd):
    return [ask(fd, kind, start, length, whence, command)
            for command in (GETLK, OFD_GETLK) for kind in (RD, WR, UN, 7) for whence in (0, 1, 2, 3)
            for start, length in ((0, 0), (100, 10), (100, 0), (105, -3), (205, 1), (400, 5), (-60, 0), (50, 1))]
os.lseek(own, 7, os.SEEK_SET)
told = {"foreign": [ask(foreign, WR, 0, 0), ask(foreign, RD, 0, 0), ask(foreign, WR, 0, 0, 0, OFD_GETLK),
                    ask(foreign, WR, 20, 5), ask(foreign, RD, 20, 5)],
        "helper": all_questions(own)}
fcntl.fcntl(own, SETLK, struct.pack(layout, RD, 0, 90, 30, 0))
fcntl.fcntl(own, SETLK, struct.pack(layout, WR, 0, 150, 10, 0))
fcntl.fcntl(foreign, SETLK, struct.pack(layout, RD, 0, 0, 10, 0))
told |= {"own in the way": all_questions(own), "foreign behind own": ask(foreign, WR, 0, 10)}
libc.mmap.restype = ctypes.c_void_p
readonly = libc.mmap(None, ctypes.c_size_t(4096), 1, 0x22, -1, ctypes.c_long(0))
told["bad"] = [call(FCNTL, fd, command, where) for fd in (own, 999, os.open(".", 0o10000000)) for command in (GETLK, OFD_GETLK)
               for where in (0, 1, readonly)] + [ask(own, WR, 0, 0, 0, OFD_GETLK, -1)]
os.kill(helper, 9)
os.waitpid(helper, 0)
print(json.dumps(told))
"""

# On a terminal of its own session, or of somebody else's.
SESSIONS = PRELUDE + r"""
import pty
foreign = int(sys.argv[1])
def stat_session(pid="self"):
    return int(open(f"/proc/{pid}/stat").read().rpartition(")")[2].split()[3])
def terminal_session(fd, request=0x5429):
    number = ctypes.c_int(-7)
    return call(IOCTL, fd, request, ctypes.byref(number)), number.value
def session(pid):
    return call(124, pid)
told = {"own": [session(0), session(os.getpid()), stat_session(), terminal_session(0)],
        "foreign": [session(foreign), session(1), session(2**22 + 1), session(-5), session(1 << 40 | foreign)],
        "not a terminal": [terminal_session(os.open("/dev/null", os.O_RDWR)), terminal_session(999)]}
ready, wait = os.pipe()
pid, fd = pty.fork()
if pid == 0:
    tty = os.open("/dev/tty", os.O_RDWR)
    found = [number == os.getpid() for number in (session(0), session(os.getpid()), stat_session(), terminal_session(0)[1],
                                                  terminal_session(tty)[1])]
    os.write(wait, json.dumps(found).encode())
    time.sleep(1000)
told["of a leader"] = json.loads(os.read(ready, 1000))
told["of the child"] = [session(pid) == pid, stat_session(pid) == pid, terminal_session(fd)[1] == pid]
slave = os.open(os.readlink(f"/proc/{pid}/fd/0"), os.O_RDWR | os.O_NOCTTY)
told["not its own terminal"] = terminal_session(slave)
told["null"] = call(IOCTL, fd, 0x5429, 0)
os.kill(pid, 9)
print(json.dumps(told))
"""

PIDFDS = PRELUDE + r"""
told = {}
def info(fd, size=64, mask=7, where=None):
    buffer = ctypes.create_string_buffer(struct.pack("Q", mask) + b"\xaa" * 300, 308)
    request = 3 << 30 | size << 16 | 0xff0b
    done = call(IOCTL, fd, request, buffer if where is None else where)
    return done, dict(zip(("mask", "cgroup", "pid", "tgid", "ppid"), struct.unpack_from("QQ3I", buffer.raw))), buffer.raw
own = os.pidfd_open(os.getpid())
done, first, _ = info(own)
told["known"] = done
told["own"] = [first["pid"] == os.getpid(), first["tgid"] == os.getpid(), first["ppid"], os.getppid()]
ready, wait = os.pipe()
pid = child(lambda: (os.read(ready, 1), os._exit(3)))
fd = os.pidfd_open(pid)
_, found, raw = info(fd)
told["child"] = [found["pid"] == pid, found["ppid"] == os.getpid()]
told["ids"] = list(struct.unpack_from("8I", raw, 28))
told["sizes"] = [[size, info(fd, size)[0], info(fd, size)[2][max(size, 64):].hex()] for size in (0, 32, 63, 64, 72, 80, 128, 300)]
told["masks"] = [info(fd, 64, mask)[1]["mask"] & 7 for mask in (0, 1, 2, 4, 7, 1 << 63)]
libc.mmap.restype = ctypes.c_void_p
page = libc.mmap(None, ctypes.c_size_t(4096), 1, 0x22, -1, ctypes.c_long(0))
told["bad"] = [info(fd, 64, 7, 0)[0], info(fd, 64, 7, 1)[0], info(fd, 64, 7, page)[0], info(999)[0], info(0)[0]]
os.write(wait, b"x")
told["waited"] = os.waitid(3, fd, os.WEXITED).si_status  # P_PIDFD
told["ended"] = info(fd, 64, 7)[0], info(fd, 64, 15)[0], struct.unpack_from("i", info(fd, 64, 15)[2], 60)[0]
# One that was handed in from outside.
s = connect(sys.argv[1])
s.send(b"pidfd")
_, control, _, _ = s.recvmsg(100, 100)
handed = struct.unpack("i", control[0][2])[0]
done, found, _ = info(handed)
told["handed"] = [done, found["pid"] if done == 0 else 0, found["ppid"] if done == 0 else 0]
def wait_for(fd):
    try:
        return bool(os.waitid(3, fd, os.WEXITED | os.WNOHANG))
    except OSError as error:
        return error.errno
told["wait for handed"] = wait_for(handed)
# Numbers to numbers, in a pid namespace's file.
space = os.open("/proc/self/ns/pid", os.O_RDONLY)
for number in range(6, 10):
    request = 0x8004b700 | number
    told[f"translate {number}"] = [call(IOCTL, space, request, os.getpid()) == os.getpid()] + [
        call(IOCTL, space, request, int(word)) for word in sys.argv[2:]] + [call(IOCTL, own, request, os.getpid())]
print(json.dumps(told))
"""


class Descriptors(TellingTest):
    def test_no_foreign_process_becomes_an_owner(self):
        foreign = self.start_in("bare", ["sleep", "1000"], process_group=0)
        words = foreign.pid, common.NOBODY
        bare = self.ask("bare", OWNERS, *words)
        self.assertEqual(bare["register foreign"][0], 0)
        for mode in MODES:
            with self.subTest(mode=mode):
                told = self.ask(mode, OWNERS, *words)
                for way in ("register", "wide register", "process", "FIOSETOWN", "SIOCSPGRP", "thread"):
                    found = told.pop(f"{way} foreign")
                    self.assertEqual(found, [bare[f"{way} dead"][0], bare[f"{way} dead group"][0],
                                             bare[f"{way} dead"][0], ["process", 0] if way != "thread" else ["thread", 0]], way)
                self.assertEqual(told.pop("group foreign")[:3], [-errno.ESRCH] * 3)
                self.assertEqual(told, {name: bare[name] for name in told})

    def test_a_foreign_owner_is_nobody(self):
        foreign = self.start_in("bare", ["sleep", "1000"], process_group=0)
        script = ("import ctypes, fcntl, struct, sys; fd = int(sys.argv[1]); number = lambda b: struct.unpack('i', b)[0]; "
                  "print(ctypes.CDLL(None).fcntl(fd, fcntl.F_GETOWN), struct.unpack('2i', fcntl.fcntl(fd, 16, bytes(8)))[1], "
                  "number(fcntl.ioctl(fd, 0x8903, bytes(4))), number(fcntl.ioctl(fd, 0x8904, bytes(4))))")
        for is_group in (0, 1):
            ours, theirs = socket.socketpair()
            with ours, theirs:
                fcntl.fcntl(ours, 15, struct.pack("2i", 2 if is_group else 1, foreign.pid))  # F_SETOWN_EX
                ask = [PYTHON, "-c", script, str(ours.fileno())]
                for mode in ("bare", *MODES):
                    told = self.run_in(mode, ask, pass_fds=[ours.fileno()])
                    number = 0 if mode != "bare" else -foreign.pid if is_group else foreign.pid
                    wanted = [number, abs(number), number, number]
                    self.assertEqual([int(word) for word in told.stdout.split()], wanted, (mode, told.stderr))

    def test_a_signal_to_the_owning_group_stays_inside(self):
        """The group is this test's own, as that of a job of a shell is."""
        script = ("import signal, subprocess, sys; signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGUSR1]); "
                  "done = subprocess.run(sys.argv[1:], stdout=-1); "
                  "print(signal.SIGUSR1 in signal.sigpending(), done.stdout.decode())")
        for mode in ("bare", *MODES):
            with self.subTest(mode=mode):
                command = [*common.prefix(mode, self.daemon), PYTHON, "-c", GROUP]
                done = self.run_in("bare", [PYTHON, "-c", script, *command], process_group=0)
                told = done.stdout.decode().split(" ", 1)
                self.assertEqual(told[0], str(mode == "bare"), done)
                self.assertEqual(json.loads(told[1]), [0 if mode == "bare" else -errno.ESRCH, 0])

    def test_the_holder_of_a_lock_is_told_only_where_it_is_ones_own(self):
        path = self.dir / "foreign.lock"
        with open(path, "w+b") as file:
            fcntl.lockf(file, fcntl.LOCK_EX, 20)
            fcntl.lockf(file, fcntl.LOCK_UN, 10)  # the rest is [10, 20)
            with open(path, "rb") as shared:
                fcntl.lockf(shared, fcntl.LOCK_SH, 10)
                self.check_locks(path)

    def check_locks(self, path):
        bare = self.ask("bare", LOCKS, path)
        self.assertEqual([answer[5] for answer in bare["foreign"]], ["somebody"] * 3 + [0] * 2)
        self.assertEqual(bare["foreign behind own"][5], "somebody")
        self.assertGreater(str(bare["own in the way"]).count("child"), 10)
        hidden = json.loads(json.dumps(bare).replace('"somebody"', "0"))
        for mode in MODES:
            with self.subTest(mode=mode):
                self.assertEqual(self.ask(mode, LOCKS, path), hidden)

    def test_a_session_that_began_outside_has_no_number(self):
        # A session of its own: that of these tests may itself have begun in a pid namespace above, and have no number.
        foreign = self.start_in("bare", ["sleep", "1000"], start_new_session=True)
        script = "import os, pty, sys; sys.exit(os.waitstatus_to_exitcode(pty.spawn(sys.argv[1:])))"
        for mode in ("bare", *MODES):
            with self.subTest(mode=mode):
                command = [*common.prefix(mode, self.daemon), PYTHON, "-c", SESSIONS, str(foreign.pid)]
                done = self.run_in("bare", [PYTHON, "-c", script, *command])
                self.assertEqual((done.returncode, done.stderr), (0, b""), done.stdout)
                told = json.loads(done.stdout)
                number = told["own"][0] if mode == "bare" else 0
                self.assertEqual(told.pop("own"), [number, number, number, [0, number]])
                foreign_session, of_init, nobody, negative, wide = told.pop("foreign")
                self.assertEqual((nobody, negative), (-errno.ESRCH, -errno.ESRCH))
                if mode == "bare":
                    self.assertTrue(min(number, foreign_session, wide) > 0)
                else:
                    self.assertEqual([foreign_session, of_init, wide], [-errno.ESRCH] * 3)
                self.assertEqual(told.pop("not a terminal"), [[-errno.ENOTTY, -7], [-errno.EBADF, -7]])
                self.assertEqual(told.pop("not its own terminal"), [-errno.ENOTTY, -7])
                self.assertEqual(told.pop("null"), -errno.EFAULT)
                self.assertEqual(told, {"of a leader": [True] * 5, "of the child": [True] * 3})

    def test_a_pidfd_tells_of_no_foreign_process(self):
        foreign = self.start_in("bare", ["sleep", "1000"])
        words = self.partner.path, foreign.pid, common.NOBODY, 1
        bare = self.ask("bare", PIDFDS, *words)
        if bare["known"] != 0:
            return self.skip("pidfds tell nothing before Linux 6.13")
        self.assertEqual(bare["own"][2], os.getpid())
        self.assertEqual(bare["handed"][1], os.getpid())
        for mode in MODES:
            with self.subTest(mode=mode):
                told = self.ask(mode, PIDFDS, *words)
                self.assertEqual(told.pop("own"), [True, True, 0, 0])
                self.assertEqual(told.pop("handed"), [-errno.ESRCH, 0, 0])
                for name in [name for name in told if name.startswith("translate")]:
                    own, of_foreign, of_nobody, of_init, no_namespace = told.pop(name)
                    self.assertEqual((own, no_namespace), (bare[name][0], bare[name][4]))
                    self.assertEqual([of_foreign, of_init], [of_nobody] * 2, name)
                self.assertEqual(told, {name: bare[name] for name in told})


if __name__ == "__main__":
    common.main()
