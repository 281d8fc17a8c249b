"""What a program is told of processes by sockets and netlink, beside /proc and the pids that it names: a socket's peer,
credentials that come with messages. Inside the sandbox a foreign process does not exist; bare, each of these tells of
it."""

import errno
import os
import shutil
import subprocess
from pathlib import Path

import common
from common import MODES
from telling import PRELUDE, PYTHON, TellingTest

IS_ROOT = os.geteuid() == 0

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

NETLINK = PRELUDE + r"""
told = {str(n): call(SOCKET, 16, 3, n) > 0 or -call(SOCKET, 16, 3, n) for n in (0, 4, 9, 11, 15, 16, 20)}
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

# Its leader is of a group that may read the file; a thread that is not takes the leader's place by exec. What was
# read of the leader is not the thread's.
TAKES_OVER = r"""
import ctypes, os, sys, threading
libc, path, group = ctypes.CDLL(None, use_errno=True), sys.argv[1], int(sys.argv[2])
def become(*groups):  # this thread alone
    ids = (ctypes.c_uint * max(len(groups), 1))(*groups)
    for call in ((116, len(groups), ids), (119, 65534, 65534, 65534), (117, 65534, 65534, 65534)):
        assert libc.syscall(*call) == 0
ready, over = threading.Event(), threading.Event()
def take_over():
    become()
    ready.set()
    over.wait()
    os.execv("/bin/cat", ["cat", path])
print("ready", flush=True)
sys.stdin.readline()
threading.Thread(target=take_over).start()
ready.wait()
become(group)
for name in ("/proc/self/stat", path):
    os.close(os.open(name, os.O_RDONLY))
over.set()
"""


class Credentials(TellingTest):
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

    def test_netlink_tells_of_no_foreign_process(self):
        words = os.getpid(), Path("/proc/self/comm").read_text().strip()
        bare = self.ask("bare", NETLINK, *words)
        for mode in MODES:
            with self.subTest(mode=mode):
                told = self.ask(mode, NETLINK, *words)
                refused = dict.fromkeys(("4", "9", "11", "16", "20"), errno.EPROTONOSUPPORT)
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

    def test_a_thread_that_takes_its_leaders_place_has_not_its_groups(self):
        if not IS_ROOT:
            return self.skip("needs root, to have groups to choose from, and to make a file in the root directory")
        group = 64_000
        # What comes to be beside the directories of the start has no Landlock rule: it is opened on behalf.
        file = Path(f"/proctor-test-{os.getpid()}")
        self.addCleanup(file.unlink, missing_ok=True)
        for mode in ("bare", *MODES):
            with self.subTest(mode=mode):
                file.unlink(missing_ok=True)
                process = self.start_in(mode, [PYTHON, "-c", TAKES_OVER, str(file), str(group)], stdin=subprocess.PIPE)
                self.assertEqual(process.stdout.readline(), b"ready\n")
                file.write_text("of the group")
                os.chown(file, 0, group)
                file.chmod(0o640)
                said, errors = process.communicate(b"\n", common.DEADLINE_S)
                self.assertEqual((process.returncode, said), (1, b""), errors)
                self.assertIn(b"Permission denied", errors)

    def test_an_ssh_agent_knows_its_clients(self):
        if not shutil.which("ssh-agent"):
            return self.skip("no ssh-agent here")
        script = ("eval $(ssh-agent -s) >agent && ssh-keygen -q -t ed25519 -N '' -f key && ssh-add -q key && ssh-add -l | "
                  "grep -c ED25519; rm -f key key.pub; kill $SSH_AGENT_PID")
        self.assertEqual(self.assert_shell_same(script), (0, b"1\n", b""))


if __name__ == "__main__":
    common.main()
