"""What tells of strangers without being asked: every file of /proc, and the objects that processes share.

Several strangers at once: a number that one of them has may stand anywhere by chance, those of two seldom do. Where
numbers that nobody has stand as well, as among the thousands that a file system counts, all strangers' must.
"""

import itertools
import json
import os
import re
import subprocess
from pathlib import Path

import arena
from arena import IS_ROOT, SECRET, AttackTest
from common import MODES

PYTHON = "/usr/bin/python3"
STRANGERS = 4
CHANCE = 2  # so many numbers of strangers in one file are no accident
DECOYS = 40  # numbers that nobody has

# A process with a secret name that has whatever some file of /proc might tell of: sockets, locks, a segment, a queue, a
# semaphore, a timer.
STRANGER = r"""
import ctypes, fcntl, json, os, socket, struct, sys
libc = ctypes.CDLL(None, use_errno=True)
secret = sys.argv[1]
libc.prctl(15, secret.encode(), 0, 0, 0)
sockets = [socket.create_server(("127.0.0.1", 0)), socket.socket(socket.AF_INET, socket.SOCK_DGRAM)]
sockets[1].bind(("127.0.0.1", 0))
local = socket.socket(socket.AF_UNIX)
local.bind("\0" + secret + str(os.getpid()))
local.listen()
route = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0)
route.bind((os.getpid(), 0))
if os.geteuid() == 0:
    packets = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
locks = [open(f"{secret}-{kind}-{os.getpid()}", "w") for kind in ("posix", "flock")]
fcntl.lockf(locks[0], fcntl.LOCK_EX)
fcntl.flock(locks[1], fcntl.LOCK_EX)
segment = libc.shmget(0, 4096, 0o1666)
queue = libc.msgget(0, 0o1666)
semaphores = libc.semget(0, 1, 0o1666)
message = struct.pack("l", 1) + b"x"
assert libc.msgsnd(queue, message, 1, 0) == 0 and libc.semop(semaphores, struct.pack("HhH", 0, 1, 0), 1) == 0
timer = ctypes.c_void_p()
libc.timer_create(1, None, ctypes.byref(timer))
print(json.dumps({"pid": os.getpid(), "segment": segment, "queue": queue, "semaphores": semaphores}), flush=True)
sys.stdin.read()
libc.shmctl(segment, 0, None), libc.msgctl(queue, 0, None), libc.semctl(semaphores, 0, 0)
"""

# Reads all of /proc but what names its own arguments; prints as JSON {file: [numbers, decoys, secret found]}.
SWEEP = r"""
import itertools, json, os, re, sys
asked = json.load(sys.stdin)
def patterns(numbers):
    return [re.compile(rb"(?<![\w.])%d(?!\w)" % number) for number in numbers]
numbers, decoys = patterns(asked["numbers"]), patterns(asked["decoys"])
secret, found, files = asked["secret"].encode(), {}, 0
def below(directory):
    try:
        names = os.listdir(directory)
    except OSError:
        return
    for name in names:
        path = directory + "/" + name
        if os.path.islink(path):
            continue
        if os.path.isdir(path):
            yield from below(path)
        else:
            yield path
def content(path):
    pieces, length = [], 0
    try:
        with open(path, "rb", buffering=0, opener=lambda p, f: os.open(p, f | os.O_NONBLOCK)) as file:
            while (piece := file.read(65536)) and length < 1 << 20:
                pieces.append(piece)
                length += len(piece)
    except OSError:
        return None
    return b"".join(pieces)
for path in itertools.chain(below("/proc"), below("/sys/fs/cgroup")):
    # Memory holds what was asked; the log and the pagemap are long.
    if re.search("/(mem|kmsg|kcore|pagemap|kpage[a-z]+)$", path):
        continue
    if (text := content(path)) is None:
        continue
    files += 1
    hits = sum(bool(number.search(text)) for number in numbers)
    if hits or secret in text:
        found[path] = [hits, sum(bool(number.search(text)) for number in decoys), secret in text]
print(json.dumps({"files": files, "found": found}))
"""

# Who made or last used each object: by shmctl, msgctl, semctl, by identifier and by index; the own ones first.
OBJECTS = r"""
import ctypes, json, os, struct, sys
libc = ctypes.CDLL(None, use_errno=True)
def pids(call, identifier, command, offset):
    buffer = ctypes.create_string_buffer(256)
    result = getattr(libc, call)(identifier, command, buffer)
    return list(struct.unpack_from("ii", buffer.raw, offset)) if result >= 0 else ["error", ctypes.get_errno()]
def told(names):
    return {"shmctl": pids("shmctl", names["segment"], 2, 80), "msgctl": pids("msgctl", names["queue"], 2, 96),
            "semctl": libc.semctl(names["semaphores"], 0, 11)}
own = {"segment": libc.shmget(0, 4096, 0o1600), "queue": libc.msgget(0, 0o1600), "semaphores": libc.semget(0, 1, 0o1600)}
message = struct.pack("l", 1) + b"x"
assert libc.msgsnd(own["queue"], message, 1, 0) == 0
assert libc.semop(own["semaphores"], struct.pack("HhH", 0, 1, 0), 1) == 0
said = {"own": told(own), "pid": os.getpid(), "strangers": [told(names) for names in json.load(sys.stdin)]}
said["by index"] = [pids("shmctl", n, command, 80) for n in range(64) for command in (13, 15)]
said["by index"] += [pids("msgctl", n, command, 96) for n in range(64) for command in (11, 13)]
said["errors"] = [pids("shmctl", 1 << 30, 2, 80), [libc.shmctl(own["segment"], 2, 1), ctypes.get_errno()],
                  [libc.semctl(1 << 30, 0, 11), ctypes.get_errno()], pids("msgctl", own["queue"], 77, 96)]
libc.shmctl(own["segment"], 0, None), libc.msgctl(own["queue"], 0, None), libc.semctl(own["semaphores"], 0, 0)
print(json.dumps(said))
"""


class Sweep(AttackTest):
    def setUp(self):
        super().setUp()
        self.strangers = [subprocess.Popen([PYTHON, "-c", STRANGER, SECRET], stdin=subprocess.PIPE,
                                           stdout=subprocess.PIPE, cwd=self.dir) for _ in range(STRANGERS)]
        self.addCleanup(self.end_strangers)
        self.objects = [json.loads(stranger.stdout.readline()) for stranger in self.strangers]

    def end_strangers(self):
        for stranger in self.strangers:
            stranger.stdin.close()  # it then removes its objects
            stranger.wait(arena.common.DEADLINE_S)
            stranger.stdout.close()

    def ask(self, mode, script, question):
        done = self.run_in(mode, [PYTHON, "-c", script], input=json.dumps(question).encode())
        self.assertEqual((done.returncode, done.stderr), (0, b""), mode)
        return json.loads(done.stdout)

    def test_no_file_of_proc_names_a_stranger(self):
        numbers = [names["pid"] for names in self.objects]
        question = {"numbers": numbers, "decoys": self.nobodys(min(numbers)), "secret": SECRET}
        bare = self.ask("bare", SWEEP, question)
        telling = self.telling(bare)
        of_strangers = re.compile("/proc/(" + "|".join(str(names["pid"]) for names in self.objects) + ")/")
        self.assertGreater(sum(bool(of_strangers.match(path)) for path in telling), 40)
        self.report(f"bare: {len(telling)} of {bare['files']} files tell of strangers")
        for mode in MODES:
            found = self.ask(mode, SWEEP, question)
            self.assertGreater(found["files"], 500)
            self.assertEqual(self.telling(found), set(), mode)
            self.report(f"{mode}: none of {found['files']}")

    @staticmethod
    def nobodys(below):
        """Numbers of the strangers' size that no thread of the machine has."""
        numbers = (n for n in itertools.chain(range(below, 100, -1), range(below, below + 30_000)))
        return list(itertools.islice((n for n in numbers if not Path(f"/proc/{n}").exists()), DECOYS))

    @staticmethod
    def telling(answer):
        return {path for path, (numbers, decoys, secret) in answer["found"].items()
                if secret or numbers >= (STRANGERS if decoys else CHANCE)}

    def test_nothing_of_sys_opens_for_writing(self):
        script = ("import os\ntried = opened = 0\n"
                  "for directory, _, names in os.walk('/sys'):\n  for name in names:\n    tried += 1\n"
                  "    try: os.close(os.open(f'{directory}/{name}', os.O_WRONLY | os.O_NONBLOCK)); opened += 1\n"
                  "    except OSError: pass\nprint(tried, opened)\n")
        if IS_ROOT:
            self.assertTrue(any(os.access(file, os.W_OK) for file in Path("/sys/kernel/mm").glob("*/*")), "bare, root may")
        for mode in MODES:
            tried, opened = map(int, self.run_in(mode, [PYTHON, "-c", script]).stdout.split())
            self.assertEqual(opened, 0, mode)
            self.assertGreater(tried, 1000)

    def test_a_cgroup_is_no_way_to_end_a_stranger(self):
        mounts = [line.split()[1] for line in Path("/proc/mounts").read_text().splitlines() if " cgroup2 " in line]
        group = Path(mounts[0] if mounts else "/none", f"proctor-test-{os.getpid()}")
        try:
            group.mkdir()
        except OSError:
            self.skip("needs root and cgroup v2, to have a cgroup of its own")
            return
        self.addCleanup(group.rmdir)
        stranger = subprocess.Popen(["sleep", "1000"])
        self.addCleanup(stranger.wait)
        self.addCleanup(stranger.kill)
        (group / "cgroup.procs").write_text(str(stranger.pid))
        if not (group / "cgroup.kill").exists():
            self.skip("needs root and cgroup v2 with cgroup.kill")
            return
        for mode in MODES:
            said = self.run_in(mode, ["sh", "-c", f"echo 1 >{group}/cgroup.kill"])
            self.assertNotEqual(said.returncode, 0)
            self.assertIn(b"Permission denied", said.stderr)
            self.assertIsNone(stranger.poll())
        # Without proctor it would be.
        self.assertEqual(self.run_in("bare", ["sh", "-c", f"echo 1 >{group}/cgroup.kill"]).returncode, 0)
        self.assertEqual(stranger.wait(arena.common.DEADLINE_S), -9)

    def test_objects_that_processes_share_name_no_stranger(self):
        bare = self.ask("bare", OBJECTS, self.objects)
        for names, told in zip(self.objects, bare["strangers"]):
            pid = names["pid"]
            self.assertEqual(told, {"shmctl": [pid, 0], "msgctl": [pid, 0], "semctl": pid})
        pids = {names["pid"] for names in self.objects}
        for mode in MODES:
            said = self.ask(mode, OBJECTS, self.objects)
            for told in said["strangers"]:
                self.assertEqual(told, {"shmctl": [0, 0], "msgctl": [0, 0], "semctl": 0}, mode)
            own = said["pid"]
            self.assertEqual(said["own"], {"shmctl": [own, 0], "msgctl": [own, 0], "semctl": own}, mode)
            self.assertFalse(pids & {pid for told in said["by index"] for pid in told}, mode)
            self.assertEqual(said["errors"], bare["errors"], mode)


if __name__ == "__main__":
    arena.main()
