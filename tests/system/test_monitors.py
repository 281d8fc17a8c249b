"""What administrators look at processes and sockets with: inside a sandbox each shows the sandbox's own, and nobody
else's; procps, psmisc, net-tools, iproute2, sysstat, lsof, util-linux, strace and busybox.
"""

import json
import re
import shutil
import subprocess

import common
from common import MODES, SystemTest, is_alive

LIMITS = ["-c", "1", "-m", "512M", "--hostname", "box"]
PYTHON = "/usr/bin/python3"

# Own sockets, a lock and a child, then the commands of standard input one after the other: what each says, as JSON.
# The first line of the output are the numbers that the commands and what is expected of them name.
STAGE = r"""
import fcntl, json, os, socket, subprocess, sys
server = socket.create_server(("127.0.0.1", 0))
local = socket.socket(socket.AF_UNIX)
local.bind("own.sock")
local.listen()
held = open("own.file", "w")
fcntl.flock(held, fcntl.LOCK_EX)
child = subprocess.Popen(["sleep", "1000"], stdout=subprocess.PIPE)
while open(f"/proc/{child.pid}/comm").read() != "sleep\n":
    pass
asked = json.load(sys.stdin)
own = {"pid": os.getpid(), "child": child.pid, "port": server.getsockname()[1], **asked["foreign"]}
said = {"numbers": own}
for name, words in asked["clients"].items():
    done = subprocess.run([word.format(**own) for word in words], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, env={**os.environ, "LC_ALL": "C", "TERM": "xterm"}, timeout=100)
    said[name] = [done.returncode, done.stdout.decode(errors="replace")]
said["child"] = child.poll() if "killall" not in said else child.wait(100)
child.kill()
print(json.dumps(said))
"""

# name: (command, exit status, what it says inside: a regular expression). {foreign}, {foreign_port}, foreign.sock and
# foreign.file belong to a process outside, a sleep of the same user.
CLIENTS = {
    "top": (["top", "-b", "-n", "2", "-d", "0.1"], 0,
            r"(Tasks: +\d total.*Mem : +512\.0 total.*\n *{child} .* sleep\n.*){{2}}"),
    "uptime": (["uptime"], 0, r" up .* load average: \d"),
    "w": (["w"], 0, r" load average: \d.*USER"),
    "vmstat": (["vmstat", "1", "2"], 0, r"\A(.*\n){{3}} *\d+ +\d+ +0 +(4|5)\d{{5}} "),
    # Numbers may start anew at any moment, so a child's may be the lower one.
    "ps": (["ps", "-eo", "pid=,args=", "--sort=start_time"], 0,
           r"\A(?=.*^ *{pid} )(?=.*^ *{child} sleep 1000$)(?=.*^ *\d+ ps )([^\n]*\n){{3}}\Z"),
    "pgrep": (["pgrep", "-x", "sleep"], 0, r"\A{child}\n\Z"),
    "pidof": (["pidof", "sleep"], 0, r"\A{child}\n\Z"),
    "pmap": (["pmap", "{child}"], 0, r"sleep.*\n total +\d+K\n"),
    "pmap of another": (["pmap", "{foreign}"], 42, r"\A\Z"),
    "pwdx": (["pwdx", "{child}", "{foreign}"], 1, r"{child}: /.*{foreign}: No such process|"
                                                  r"{foreign}: No such process.*{child}: /"),
    "slabtop": (["slabtop", "-o"], 1, r"Permission denied"),
    "watch": (["watch", "-t", "-g", "-n", "0.1", "date", "+%N"], 0, r"\d{{9}}"),
    "kill": (["/bin/kill", "-0", "{foreign}"], 1, r"No such process"),
    "pstree": (["pstree", "-p", "{pid}"], 0, r"\Apython3\({pid}\)-\+-pstree\(\d+\)\n +`-sleep\({child}\)\n\Z"),
    "fuser": (["fuser", "own.file"], 0, r" {pid}\b"),
    "fuser of another's": (["fuser", "foreign.file"], 1, r"\A\Z"),
    "fuser tcp": (["fuser", "-n", "tcp", "{port}"], 0, r" {pid}\b"),
    "fuser tcp of another's": (["fuser", "-n", "tcp", "{foreign_port}"], 1, r"\A\Z"),
    "ss -t": (["ss", "-Htanp"], 0, r"LISTEN .*127\.0\.0\.1:{port} .*pid={pid},"),
    "ss -x": (["ss", "-Hxlp"], 0, r"own\.sock .*pid={pid},"),
    "netstat -t": (["netstat", "-tanp"], 0, r"127\.0\.0\.1:{port} .*LISTEN +{pid}/python3"),
    "netstat -x": (["netstat", "-xap"], 0, r"LISTENING +\d+ +{pid}/python3 +own\.sock"),
    "lsof -i": (["lsof", "-nP", "-i"], 0, r"\A[^\n]*\npython3 +{pid} .*127\.0\.0\.1:{port} \(LISTEN\)\n\Z"),
    "lsof -U": (["lsof", "-U"], 0, r" {pid} .*own\.sock type=STREAM \(LISTEN\)"),
    "lslocks": (["lslocks", "-n", "-o", "PID,PATH"], 0, r"\A *{pid} .*own\.file\n\Z"),
    "lsns": (["lsns", "-n", "-o", "PID", "-t", "pid"], 0, r"\A *\d+\n\Z"),  # the lowest: of one namespace
    "iostat": (["iostat", "-c"], 0, r"avg-cpu: +%user.*\n +\d+\.\d\d "),
    "mpstat": (["mpstat", "-P", "ALL"], 0, r" %idle\n[^\n]+ all +[^\n]+\n[^\n]+ \d +[^\n]+\n\Z"),
    "pidstat": (["pidstat", "-p", "ALL"], 0, r" {child} .* sleep\n"),
    "strace": (["strace", "-e", "trace=openat", "cat", "/proc/self/comm"], 0,
               r'openat\(AT_FDCWD, "/proc/self/comm", O_RDONLY\) += 3\n.*cat\n'),
    "strace of another": (["strace", "-p", "{foreign}"], 1, r"No such process|Operation not permitted"),
    "taskset": (["taskset", "-p", "{foreign}"], 1, r"No such process"),
    "chrt": (["chrt", "-p", "{foreign}"], 1, r"No such process"),
    "renice": (["renice", "10", "{foreign}"], 1, r"No such process"),
    "ionice": (["ionice", "-p", "{foreign}"], 1, r"No such process"),
    "prlimit": (["prlimit", "--pid", "{foreign}"], 1, r"No such process"),
    "busybox ps": (["busybox", "ps"], 0, r"\n *{child} [^\n]* sleep 1000\n"),
    "busybox top": (["busybox", "top", "-b", "-n1"], 0, r"\AMem: \d+K used, (4|5)\d{{5}}K free.*\n *{child} "),
    "busybox free": (["busybox", "free", "-m"], 0, r"\nMem: +512 "),
    "busybox uptime": (["busybox", "uptime"], 0, r"load average"),
    "busybox nproc": (["busybox", "nproc"], 0, r"\A1\n\Z"),
    "busybox hostname": (["busybox", "hostname"], 0, r"\Abox\n\Z"),
    "busybox pidof": (["busybox", "pidof", "sleep"], 0, r"\A{child}\n\Z"),
    "busybox netstat": (["busybox", "netstat", "-tan"], 0, r"127\.0\.0\.1:{port} .*LISTEN"),
    "busybox killall": (["busybox", "killall", "-0", "nobody-is-called-so"], 1, r"no process killed"),
    "busybox renice": (["busybox", "renice", "5", "{foreign}"], 1, r"No such process"),
    # The last: it ends the child.
    "killall": (["killall", "sleep"], 0, r"\A\Z"),
}

# Nobody else's is asked about here, and everybody may see as much as this.
BARE_TELLS_AT_LEAST = 14

FOREIGN = r"""
import fcntl, os, socket, time
server = socket.create_server(("127.0.0.1", 0))
local = socket.socket(socket.AF_UNIX)
local.bind("foreign.sock")
local.listen()
held = open("foreign.file", "w")
fcntl.flock(held, fcntl.LOCK_EX)
for kept in (server, local, held):
    os.set_inheritable(kept.fileno(), True)
print(server.getsockname()[1], flush=True)
os.execvp("sleep", ["sleep", "1000"])
"""


class Monitors(SystemTest):
    def setUp(self):
        super().setUp()
        self.start_foreign()

    def start_foreign(self):
        (self.dir / "foreign.sock").unlink(missing_ok=True)
        self.foreign = self.start_in("bare", [PYTHON, "-c", FOREIGN])
        self.port = int(self.foreign.stdout.readline())
        common.wait_until(lambda: common.name_of(self.foreign.pid) == "sleep", "the foreign sleep sleeps")

    def ask(self, mode, clients):
        foreign = {"foreign": self.foreign.pid, "foreign_port": self.port}
        for name in ("own.sock", "own.file"):
            (self.dir / name).unlink(missing_ok=True)
        asked = {"foreign": foreign, "clients": {name: words for name, (words, _, _) in clients.items()}}
        done = self.run_in(mode, [PYTHON, "-c", STAGE], LIMITS, input=json.dumps(asked).encode())
        self.assertEqual((done.returncode, done.stderr), (0, b""), mode)
        said = json.loads(done.stdout)
        return said, said.pop("numbers"), said.pop("child")

    def traces_of_the_foreign(self, said):
        """The clients that show it, though they were not told its number."""
        pattern = re.compile(rf"\b{self.foreign.pid}\b|:{self.port}\b|foreign\.sock|foreign\.file")
        return {name for name, (_, text) in said.items()
                if not any("foreign" in word for word in CLIENTS[name][0]) and pattern.search(text)}

    def test_each_shows_the_sandboxs_own_and_nobody_elses(self):
        present = {}
        for name, client in CLIENTS.items():
            if not shutil.which(client[0][0]):
                self.skip(f"no {client[0][0]} here")
            elif client[0][0] != "busybox" or client[0][1] in self.applets():
                present[name] = client
        bare = {name: client for name, client in present.items() if not name.startswith(("kill", "renice", "watch"))
                and "{foreign}" not in client[0]}
        self.assertGreaterEqual(len(self.traces_of_the_foreign(self.ask("bare", bare)[0])), BARE_TELLS_AT_LEAST)
        for mode in MODES:
            said, numbers, child = self.ask(mode, present)
            for name, (_, status, expected) in present.items():
                with self.subTest(mode=mode, client=name):
                    found, text = said[name]
                    self.assertRegex(text, re.compile(expected.format(**numbers), re.S | re.M))
                    self.assertEqual(found, status, text)
            traces = self.traces_of_the_foreign(said)
            if traces:  # some size or inode may be its number by chance: another process has another one
                self.start_foreign()
                traces &= self.traces_of_the_foreign(self.ask(mode, present)[0])
            self.assertEqual(traces, set(), mode)
            self.assertEqual(child, -15, "killall ends the own sleep")
            self.assertTrue(is_alive(self.foreign.pid), "and no other")

    @staticmethod
    def applets():
        return set(subprocess.run(["busybox", "--list"], capture_output=True, text=True, check=True).stdout.split())


if __name__ == "__main__":
    common.main()
