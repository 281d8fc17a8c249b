"""What a program is told of processes by other ways than /proc and a pid that it names: a socket's peer, credentials
that come with messages, owners of descriptors, pidfds, netlink. Inside the sandbox a foreign process does not exist;
bare, each of these tells of it."""

import errno
import fcntl
import json
import os
import shutil
import socket
import threading
from pathlib import Path

import common
from common import MODES, SystemTest

PYTHON = "/usr/bin/python3"
IS_ROOT = os.geteuid() == 0

# Calls without libc's own ideas about them. `call` returns the result, or minus the errno.
PRELUDE = r"""
import array, ctypes, errno, fcntl, json, os, select, signal, socket, struct, subprocess, sys, threading, time
libc = ctypes.CDLL(None, use_errno=True)
libc.syscall.restype = ctypes.c_long
GETSOCKOPT, SETSOCKOPT, FCNTL, IOCTL, WAITID, SOCKET = 55, 54, 72, 16, 247, 41
PASSCRED, PEERCRED, PASSPIDFD, PEERPIDFD = 16, 17, 76, 77
def call(number, *arguments):
    done = libc.syscall(ctypes.c_long(number), *(ctypes.c_long(a) if isinstance(a, int) else a for a in arguments))
    return -ctypes.get_errno() if done < 0 else done
def peer(s):
    return struct.unpack("3i", s.getsockopt(1, PEERCRED, 12))
def connect(path, kind=socket.SOCK_STREAM):
    s = socket.socket(socket.AF_UNIX, kind)
    s.connect(path)
    return s
def option(s, name, value):
    value = ctypes.c_int(value)
    return call(SETSOCKOPT, s.fileno(), 1, name, ctypes.byref(value), 4)
def senders(s):
    "Whom the next message's control data name: {kind: number}."
    _, control, _, _ = s.recvmsg(100, 200)
    found = {}
    for level, kind, data in control:
        if (level, kind) == (1, 2): found["pid"] = struct.unpack("3i", data)[0]
        if (level, kind) == (1, 4): found["pidfd"] = struct.unpack("i", data)[0]
    return found
def child(work):
    pid = os.fork()
    if pid == 0:
        try:
            work()
        finally:
            os._exit(0)
    return pid
"""

PEERS = PRELUDE + r"""
told = {}
s = connect(sys.argv[1])
told["foreign"], told["ids"] = peer(s)[0], peer(s)[1:]
try:
    fd = s.getsockopt(1, PEERPIDFD)
    told["foreign pidfd"] = "a descriptor"
except OSError as error:
    told["foreign pidfd"] = error.errno
a, b = socket.socketpair()
told["own"] = peer(a)[0] == os.getpid()
told["nobody"] = peer(socket.socket(socket.AF_UNIX))
told["not unix"] = peer(socket.create_server(("127.0.0.1", 0)))
# A server in another process of the sandbox.
server = socket.socket(socket.AF_UNIX)
server.bind("own.sock")
ready, wait = os.pipe()
pid = child(lambda: (server.listen(), os.write(wait, b"x"), time.sleep(1000)))
os.read(ready, 1)
s = connect("own.sock")
told["child"] = peer(s)[0] == pid
before = len(os.listdir("/proc/self/fd"))
fd = s.getsockopt(1, PEERPIDFD)
told["descriptors"] = len(os.listdir("/proc/self/fd")) - before
told["close on exec"] = not os.get_inheritable(fd)
os.kill(pid, 9)
told["pidfd ends"] = bool(select.select([fd], [], [], 100)[0])
os.waitpid(pid, 0)
told["pidfd works"] = call(424, fd, 0, 0, 0) == -errno.ESRCH
print(json.dumps(told))
"""

# Lengths and pointers that the kernel has its own answers to; `result length value`, with numbers that differ from
# run to run left out.
LENGTHS = PRELUDE + r"""
a, b = socket.socketpair()
libc.mmap.restype = ctypes.c_void_p
page = libc.mmap(None, ctypes.c_size_t(8192), 3, 0x22, -1, ctypes.c_long(0))
libc.munmap(ctypes.c_void_p(page + 4096), ctypes.c_size_t(4096))
readonly = libc.mmap(None, ctypes.c_size_t(4096), 1, 0x22, -1, ctypes.c_long(0))
def try_one(name, fd, length, value="room", where="room"):
    buffer = ctypes.create_string_buffer(b"\xaa" * 64, 64)
    size = ctypes.c_int(length)
    pointers = {"room": buffer, None: 0, "edge": page + 4096 - 4, "read-only": readonly, "unmapped": page + 4096}
    done = call(GETSOCKOPT, fd, 1, name, pointers[value], ctypes.byref(size) if where == "room" else pointers[where])
    if name == PEERPIDFD and done == 0:
        left = struct.unpack("i", buffer.raw[:4])[0] if size.value == 4 else -1
        text = "number" if left > 2 else "none"
        if left > 2: os.close(left)
    else:
        room, own = max(0, min(length, 4)), struct.pack("i", os.getpid())
        text = ("own" if buffer.raw[:room] == own[:room] else buffer.raw[:room].hex()) + buffer.raw[room:].hex()
    print(name, length, value, where, done, size.value, text)
tcp, plain, file = socket.create_server(("127.0.0.1", 0)), socket.socket(socket.AF_UNIX), os.open(".", os.O_RDONLY)
path = os.open("/dev/null", 0o10000000)  # O_PATH
for name in (PEERCRED, PEERPIDFD):
    for length in (0, 1, 3, 4, 5, 8, 11, 12, 13, 64, 2**31 - 1, -1, -2**31):
        try_one(name, a.fileno(), length)
    for value in (None, "edge", "read-only", "unmapped"):
        for length in (0, 4, 12, -1):
            try_one(name, a.fileno(), length, value)
    for where in (None, "edge", "read-only", "unmapped"):
        try_one(name, a.fileno(), 12, "room", where)
    for fd in (tcp.fileno(), plain.fileno(), file, path, 999, -1):
        try_one(name, fd, 12)
        try_one(name, fd, -1)
        try_one(name, fd, 12, "unmapped")
        try_one(name, fd, 12, "room", "unmapped")
print(call(GETSOCKOPT, a.fileno(), 1 | 1 << 40, PEERCRED | 7 << 40, 0, 0), call(GETSOCKOPT, a.fileno(), 2, PEERCRED, 0, 0))
for name in (PASSCRED, PASSPIDFD):
    for length in (0, 3, 4, 8, -1):
        one = ctypes.c_long(0)
        print(name, length, call(SETSOCKOPT, a.fileno(), 1, name, ctypes.byref(one), length))
    for fd in (tcp.fileno(), file, path, 999):
        one = ctypes.c_int(1)
        print(name, fd == 999, call(SETSOCKOPT, fd, 1, name, ctypes.byref(one), 4), call(SETSOCKOPT, fd, 1, name, 0, 4))
    print(call(SETSOCKOPT, a.fileno(), 1, name, page + 4096, 4), call(SETSOCKOPT, a.fileno(), 1, name, page + 4096, 3))
"""

# Two threads change what a descriptor is while a third asks about it. Prints the numbers that it was ever told.
SWAPS = PRELUDE + r"""
own, other = socket.socketpair()
foreign = connect(sys.argv[1])
fd = os.dup(own.fileno())
end = False
def swap():
    while not end:
        os.dup2(foreign.fileno(), fd)
        os.dup2(own.fileno(), fd)
threads = [threading.Thread(target=swap) for n in range(2)]
for thread in threads: thread.start()
seen, pidfds, passed = set(), 0, 0
credentials, size = ctypes.create_string_buffer(12), ctypes.c_int(12)
number, four = ctypes.c_int(), ctypes.c_int(4)
for n in range(int(sys.argv[2])):
    if call(GETSOCKOPT, fd, 1, PEERCRED, credentials, ctypes.byref(size)) == 0:
        seen.add(struct.unpack("3i", credentials.raw)[0])
    if call(GETSOCKOPT, fd, 1, PEERPIDFD, ctypes.byref(number), ctypes.byref(four)) == 0:
        pid = [line for line in open(f"/proc/self/fdinfo/{number.value}") if line.startswith("Pid:")]
        seen.add(int(pid[0].split()[1]))
        os.close(number.value)
    on = ctypes.c_int(1)
    call(SETSOCKOPT, fd, 1, PASSCRED, ctypes.byref(on), 4)
    passed += foreign.getsockopt(1, PASSCRED)
    option(foreign, PASSCRED, 0)
end = True
for thread in threads: thread.join()
print(json.dumps([sorted(seen - {os.getpid()}), passed > 0]))
"""

MESSAGES = PRELUDE + r"""
told = {}
def try_to_pass(name, s, sender=None):
    told[name] = {"cred": option(s, PASSCRED, 1), "pidfd": option(s, PASSPIDFD, 1),
                  "off": [option(s, PASSCRED, 0), s.getsockopt(1, PASSCRED)]}
    option(s, PASSCRED, 1)
    if sender:
        sender()
        told[name]["sender"] = senders(s).get("pid")
    option(s, PASSPIDFD, 0)
stream = connect(sys.argv[1])
try_to_pass("stream", stream, lambda: stream.send(b"say"))
# Bound and bare of a peer: who knows the path may send. The partner does when it is told to.
for n, kind in enumerate((socket.SOCK_DGRAM, socket.SOCK_SEQPACKET, socket.SOCK_STREAM)):
    s = socket.socket(socket.AF_UNIX, kind)
    if n: s.connect(sys.argv[1]) if kind == socket.SOCK_STREAM else None
    else: s.bind("datagrams.sock")
    try_to_pass(f"kind {n}", s, None if n else lambda: stream.send(b"datagram"))
listening = socket.socket(socket.AF_UNIX)
listening.bind("listening.sock")
listening.listen()
try_to_pass("listening", listening)
# A datagram pair could be bound and connected anew, and keep the option.
a, b = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
told["pair of datagrams"] = [option(a, PASSCRED, 1), libc.connect(a.fileno(), struct.pack("H14x", 0), 16)]
a.bind("changed.sock")
stream.send(b"changed")
told["changed"] = senders(a).get("pid")
told["netlink"] = option(socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 15), PASSCRED, 1)
# Among themselves.
for kind in (socket.SOCK_STREAM, socket.SOCK_SEQPACKET):
    a, b = socket.socketpair(socket.AF_UNIX, kind)
    assert (option(a, PASSCRED, 1), option(a, PASSPIDFD, 1)) == (0, 0)
    assert a.getsockopt(1, PASSCRED) == 1
    pid = child(lambda: b.send(b"x"))
    found = senders(a)
    assert found["pid"] == pid, (found, pid)
    assert os.readlink(f"/proc/self/fd/{found['pidfd']}").endswith("[pidfd]")
    os.waitpid(pid, 0)
    assert (option(a, PASSCRED, 0), a.getsockopt(1, PASSCRED)) == (0, 0)
pid = child(lambda: connect("listening.sock").send(b"x"))
accepted, _ = listening.accept()
assert option(accepted, PASSCRED, 1) == 0 or peer(accepted)[0] == 0  # the client may have ended by then
print(json.dumps(told))
"""

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

NETLINK = PRELUDE + r"""
told = {str(n): call(SOCKET, 16, 3, n) > 0 or -call(SOCKET, 16, 3, n) for n in (0, 4, 9, 11, 15, 16)}
def attribute(kind, data):
    return (struct.pack("HH", 4 + len(data), kind) + data).ljust((4 + len(data) + 3) & ~3, b"\0")
def request(s, family, command, attributes):
    body = struct.pack("BBH", command, 1, 0) + attributes
    s.send(struct.pack("IHHII", 16 + len(body), family, 1, 1, 0) + body)
    return s.recv(65536)
try:
    s = socket.socket(16, 3, 16)
    answer = request(s, 16, 3, attribute(2, b"TASKSTATS\0"))  # CTRL_CMD_GETFAMILY
    where = answer.find(struct.pack("HH", 6, 1))
    family = struct.unpack_from("H", answer, where + 4)[0]
    answer = request(s, family, 1, attribute(1, struct.pack("I", int(sys.argv[1]))))  # TASKSTATS_CMD_GET, ATTR_PID
    told["taskstats"] = sys.argv[2].encode() in answer
except OSError as error:
    told["taskstats"] = False
print(json.dumps(told))
"""

# A supervisor without root can look neither at the memory nor at the descriptors of a program that is not dumpable.
UNDUMPABLE = PRELUDE + r"""
s = connect(sys.argv[1])
done = libc.prctl(4, 0, 0, 0, 0), ctypes.get_errno(), libc.prctl(3, 0, 0, 0, 0)  # PR_SET_DUMPABLE, PR_GET_DUMPABLE
try:
    print(*done, peer(s)[0])
except OSError as error:
    print(*done, errno.errorcode[error.errno])
"""


class Partner:
    """Outside of every sandbox: a server that says hello by a message, by a datagram and with a pidfd of its own."""

    def __init__(self, directory):
        self.path = str(directory / "foreign.sock")
        self.server = socket.socket(socket.AF_UNIX)
        self.server.bind(self.path)
        os.chmod(self.path, 0o777)
        self.server.listen()
        self.directory = directory
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while True:
            try:
                connection, _ = self.server.accept()
            except OSError:
                return
            threading.Thread(target=self.talk, args=(connection,), daemon=True).start()

    def talk(self, connection):
        answers = {b"datagram": "datagrams.sock", b"changed": "changed.sock"}
        with connection, socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as datagrams:
            while word := connection.recv(100):
                if word == b"pidfd":
                    fd = os.pidfd_open(os.getpid())
                    socket.send_fds(connection, [b"x"], [fd])
                    os.close(fd)
                elif word in answers:
                    datagrams.sendto(b"x", str(self.directory / answers[word]))
                else:
                    connection.send(b"x")

    def close(self):
        self.server.shutdown(socket.SHUT_RDWR)
        self.server.close()
        os.unlink(self.path)


class Credentials(SystemTest):
    def setUp(self):
        super().setUp()
        self.partner = Partner(self.dir)
        self.addCleanup(self.partner.close)

    def run_script(self, mode, script, *words, options=()):
        for name in ("own.sock", "datagrams.sock", "listening.sock", "changed.sock"):
            (self.dir / name).unlink(missing_ok=True)
        done = self.run_in(mode, [PYTHON, "-c", script, *map(str, words)], options)
        self.assertEqual((done.returncode, done.stderr.decode()), (0, ""), mode)
        return done.stdout.decode()

    def ask(self, mode, script, *words):
        return json.loads(self.run_script(mode, script, *words))

    def nobody(self):
        dead = 32000
        while Path(f"/proc/{dead}").exists():
            dead -= 1
        return dead

    def test_a_foreign_peer_is_nobody_and_ones_own_is_told(self):
        bare = self.ask("bare", PEERS, self.partner.path)
        self.assertEqual(bare["foreign"], os.getpid())
        self.assertIn(bare["foreign pidfd"], ("a descriptor", errno.ENOPROTOOPT))
        for mode in MODES:
            with self.subTest(mode=mode):
                told = self.ask(mode, PEERS, self.partner.path)
                self.assertEqual((told.pop("foreign"), told.pop("foreign pidfd")), (0, errno.ENODATA))
                self.assertEqual(told, {name: bare[name] for name in told})
                self.assertEqual(told["ids"], [os.geteuid(), os.getegid()])

    def test_lengths_and_bad_arguments_are_answered_as_by_the_kernel(self):
        bare = self.run_script("bare", LENGTHS)
        self.assertGreater(bare.count("\n"), 100)
        for mode in MODES:
            with self.subTest(mode=mode):
                self.assertEqual(self.run_script(mode, LENGTHS).splitlines(), bare.splitlines())

    def test_no_swap_of_descriptors_tells_of_a_foreign_peer(self):
        bare = self.ask("bare", SWAPS, self.partner.path, 3000)
        self.assertEqual(bare, [[os.getpid()], True])
        for mode in MODES:
            with self.subTest(mode=mode):
                told, passed = self.ask(mode, SWAPS, self.partner.path, 3000)
                self.assertEqual((set(told) - {0}, passed), (set(), False))
                self.assertEqual(told, [0], "both were there")

    def test_messages_name_no_foreign_sender(self):
        bare = self.ask("bare", MESSAGES, self.partner.path)
        self.assertEqual([bare["stream"]["sender"], bare["kind 0"]["sender"], bare["changed"]], [os.getpid()] * 3)
        self.assertEqual(bare["netlink"], 0)
        for mode in MODES:
            with self.subTest(mode=mode):
                told = self.ask(mode, MESSAGES, self.partner.path)
                for name in ("stream", "kind 0", "kind 1", "kind 2", "listening"):
                    self.assertEqual([told[name]["cred"], told[name]["pidfd"]], [-errno.EPERM] * 2, name)
                    self.assertEqual(told[name]["off"], [0, 0], name)
                    self.assertIsNone(told[name].get("sender"), name)
                self.assertEqual(told["pair of datagrams"], [-errno.EPERM, 0])
                self.assertIsNone(told["changed"])
                self.assertEqual(told["netlink"], -errno.EPERM)

    def test_no_foreign_process_becomes_an_owner(self):
        foreign = self.start_in("bare", ["sleep", "1000"], process_group=0)
        words = foreign.pid, self.nobody()
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
        foreign = self.start_in("bare", ["sleep", "1000"])
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
        words = self.partner.path, foreign.pid, self.nobody(), 1
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

    def test_netlink_tells_of_no_foreign_process(self):
        words = os.getpid(), Path("/proc/self/comm").read_text().strip()
        bare = self.ask("bare", NETLINK, *words)
        administers = int(next(line for line in Path("/proc/self/status").read_text().splitlines()
                               if line.startswith("CapPrm")).split()[1], 16) >> 12 & 1
        for mode in MODES:
            with self.subTest(mode=mode):
                told = self.ask(mode, NETLINK, *words)
                refused = {"4": errno.EPROTONOSUPPORT, "9": errno.EPROTONOSUPPORT, "11": errno.EPROTONOSUPPORT}
                if administers:
                    refused["16"] = errno.EPROTONOSUPPORT
                self.assertEqual(told, {**bare, **refused, "taskstats": False})
        if not bare["taskstats"]:
            self.skip("needs root and a kernel with taskstats to show that they tell")

    def test_a_program_stays_one_that_its_supervisor_can_look_at(self):
        self.assertEqual(self.run_script("bare", UNDUMPABLE, self.partner.path), f"0 0 0 {os.getpid()}\n")
        for mode in MODES:
            with self.subTest(mode=mode):
                self.assertEqual(self.run_script(mode, UNDUMPABLE, self.partner.path),
                                 "0 0 0 0\n" if IS_ROOT else f"-1 {errno.EPERM} 1 0\n")

    def test_one_that_cannot_be_looked_at_all_the_same_is_told_nothing(self):
        if IS_ROOT:
            return self.skip("root can look at everybody; this test needs an ordinary user")
        program = self.dir / "unreadable"  # a process that runs what its user may not read is not dumpable
        shutil.copy(PYTHON, program)
        program.chmod(0o111)
        for mode in ("bare", *MODES):
            with self.subTest(mode=mode):
                done = self.run_in(mode, [program, "-c", UNDUMPABLE, self.partner.path])
                told = done.stdout.decode().split()[-1:]
                self.assertEqual((told, done.stderr), ([str(os.getpid()) if mode == "bare" else "EPERM"], b""))

    def test_an_ssh_agent_knows_its_clients(self):
        if not shutil.which("ssh-agent"):
            return self.skip("no ssh-agent here")
        script = ("eval $(ssh-agent -s) >agent && ssh-keygen -q -t ed25519 -N '' -f key && ssh-add -q key && ssh-add -l | "
                  "grep -c ED25519; rm -f key key.pub; kill $SSH_AGENT_PID")
        self.assertEqual(self.assert_shell_same(script), (0, b"1\n", b""))


if __name__ == "__main__":
    common.main()
