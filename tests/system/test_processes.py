"""Many processes and threads, as real work makes them: builds, process pools, daemons of every kind."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import common
from common import SystemTest

PYTHON = sys.executable

# A program that a build makes of many files: each contributes to one sum.
UNIT = """
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include "shared.h"
static int compare(const void* a, const void* b) {{ return *(const int*)a - *(const int*)b; }}
long unit_{n}(void) {{
  int values[64];
  for (int i = 0; i < 64; i++) values[i] = (i * {n} + SHARED) % 97;
  qsort(values, 64, sizeof values[0], compare);
  long sum = 0;
  for (int i = 0; i < 64; i++) sum += (long)values[i] * i;
  return sum;
}}
"""

MAKEFILE = """
UNITS := $(patsubst %.c,%.o,$(sort $(wildcard unit_*.c)))
CFLAGS := -O1 -MMD
all: program
shared.h: generate.sh
\tsh generate.sh > $@.tmp && mv $@.tmp $@
%.o: %.c shared.h
\t$(CC) $(CFLAGS) -c $< -o $@
libunits.a: $(UNITS)
\t$(AR) rcsD $@ $^
program: main.o libunits.a
\t$(CC) $^ -o $@ && ./$@ > result
clean:
\trm -f *.o *.d libunits.a program shared.h result
-include $(wildcard *.d)
"""

POOL = """
import multiprocessing, subprocess, os, sys, threading
def square(n): return n * n, os.getppid()
if __name__ == "__main__":
    for method in ("fork", "spawn", "forkserver"):
        context = multiprocessing.get_context(method)
        with context.Pool(4) as pool:
            print(method, sum(value for value, _ in pool.map(square, range(200))))
    queue, value = multiprocessing.Queue(), multiprocessing.Value("i", 0)
    def work(n):
        with value.get_lock(): value.value += n
        queue.put(n)
    workers = [multiprocessing.get_context("fork").Process(target=work, args=(n,)) for n in range(10)]
    [w.start() for w in workers]
    print(sorted(queue.get() for _ in workers)); [w.join() for w in workers]
    print(value.value, [w.exitcode for w in workers])
    print(subprocess.run(["sh", "-c", "cat; echo err >&2; exit 3"], input=b"in", capture_output=True))
    print(subprocess.check_output("seq 3 | tac", shell=True))
    try: subprocess.run(["no-such-program"])
    except FileNotFoundError as error: print(error)
    try: subprocess.run(["sleep", "1000"], timeout=0.2)
    except subprocess.TimeoutExpired as error: print("timed out", error.cmd)
    with subprocess.Popen(["cat"], stdin=-1, stdout=-1, start_new_session=True) as child:
        print(len(child.communicate(b"x" * 300000)[0]))
    child = subprocess.Popen(["sleep", "1000"]); child.kill(); print(child.wait())
    sys.exit(7)
"""

THREADS = """
import os, sys, threading
barrier, seen, lock = threading.Barrier(200), set(), threading.Lock()
def work(n):
    barrier.wait()  # all 200 are alive at once
    with open("/proc/thread-self/stat") as file: tid = int(file.read().split()[0])
    with open("/proc/self/status") as file: pid = int(next(l for l in file if l.startswith("Pid:")).split()[1])
    os.stat("/etc/passwd"); os.listdir("/usr")
    with lock: seen.add((tid == threading.get_native_id(), pid == os.getpid(), tid))
    barrier.wait()
    if n == 0: tids.update(os.listdir("/proc/self/task"))
    barrier.wait()
tids = set()
threads = [threading.Thread(target=work, args=(n,)) for n in range(200)]
[t.start() for t in threads]; [t.join() for t in threads]
print(len(seen), {row[:2] for row in seen}, len(tids), {str(row[2]) for row in seen} <= tids)
"""

DOUBLE_FORK = """
import os, sys, time
read, write = os.pipe()
if os.fork() == 0:
    os.setsid()
    middle = os.getpid()
    if os.fork() == 0:
        while os.getppid() == middle: time.sleep(0.01)
        with open("/proc/self/comm") as file: comm = file.read().strip()
        new_parent = os.getppid()
        os.write(write, f"{comm} leader={os.getsid(0) == os.getpid()} orphan={new_parent != middle}".encode())
        os._exit(0)
    os._exit(4)
print(os.waitstatus_to_exitcode(os.wait()[1]), os.read(read, 1000).decode())
"""


# A real C project of a few hundred files, as the distribution ships its source.
NEWLIB = next(Path("/usr/src/newlib").glob("newlib-*.tar.xz"), Path("/usr/src/newlib/none"))
NEWLIB_MAKEFILE = """
SOURCES := $(wildcard newlib/libm/math/*.c newlib/libm/common/*.c)
OBJECTS := $(patsubst newlib/libm/%.c,objects/%.o,$(SOURCES))
libm.a: $(OBJECTS)
\tar rcsD $@ $^
objects/%.o: newlib/libm/%.c
\tmkdir -p $(@D)
\tgcc -c -O1 -w -MMD -Inewlib/libc/include -Inewlib/libm/common -o $@ $<
\techo built $<
"""


class Builds(SystemTest):
    def test_a_parallel_build_of_sixty_files_gives_the_same_program(self):
        if not all(shutil.which(tool) for tool in ("make", "gcc", "ar")):
            return self.skip("no make and gcc here")
        count = 60
        for n in range(count):
            (self.dir / f"unit_{n}.c").write_text(UNIT.format(n=n))
        names = [f"unit_{n}" for n in range(count)]
        (self.dir / "main.c").write_text("#include <stdio.h>\n" + "".join(f"long {name}(void);\n" for name in names)
                                         + 'int main(void) { printf("%ld\\n", ' + " + ".join(f"{n}()" for n in names)
                                         + "); return 0; }\n")
        (self.dir / "generate.sh").write_text("echo '#define SHARED 42'\n")
        (self.dir / "Makefile").write_text(MAKEFILE)

        programs = []
        def clean():
            if (self.dir / "program").exists():
                programs.append(((self.dir / "program").read_bytes(), (self.dir / "result").read_text()))
            self.run_in("bare", ["make", "-s", "clean"])

        # -O: the output of jobs is grouped; sorted, because their order is free.
        lines = lambda output: sorted(output.splitlines())
        environment = os.environ | {"MAKEFLAGS": "", "CC": "gcc"}
        result = self.assert_same_as_bare(["make", "-j4", "-O"], normalise=lines, reset=clean, env=environment,
                                         timeout=4 * common.DEADLINE_S)
        self.assertEqual(result[0], 0, result)
        clean()
        self.assertEqual(len(programs), 3)
        self.assertEqual(programs[0], programs[1])
        self.assertEqual(programs[0], programs[2])

    def test_a_parallel_build_of_newlibs_mathematics_gives_the_same_library(self):
        if not NEWLIB.exists() or not all(shutil.which(tool) for tool in ("make", "gcc", "ar", "tar", "xz")):
            return self.skip("no source of newlib (package newlib-source), make and gcc here")
        subprocess.run(["tar", "xJf", NEWLIB, "--strip-components=1", "--wildcards", "*/newlib/libm/*",
                        "*/newlib/libc/include/*"], cwd=self.dir, check=True)
        (self.dir / "Makefile").write_text(NEWLIB_MAKEFILE)
        libraries = []

        def clean():
            if (library := self.dir / "libm.a").exists():
                libraries.append(library.read_bytes())
                library.unlink()
            shutil.rmtree(self.dir / "objects", ignore_errors=True)

        result = self.assert_same_as_bare(["make", "-s", "-j4", "-O"], normalise=lambda text: sorted(text.splitlines()),
                                          reset=clean, env=os.environ | {"MAKEFLAGS": ""},
                                          timeout=4 * common.DEADLINE_S)
        self.assertEqual(result[0], 0, result)
        clean()
        self.assertEqual(len(libraries), 3)
        self.assertGreater(len(libraries[0]), 100_000)
        self.assertEqual(libraries[0], libraries[1])
        self.assertEqual(libraries[0], libraries[2])

    def test_an_up_to_date_build_does_nothing_and_a_failing_one_stops(self):
        if not shutil.which("make"):
            return self.skip("no make here")
        (self.dir / "Makefile").write_text("all: a b\na b:\n\t@echo made $@ && touch $@\nbad: a\n\t@exit 3\n")
        self.assertEqual(self.assert_shell_same("make -j4 all | sort; make -j4 all; make bad; echo $?; rm a b")[0], 0)


class Pools(SystemTest):
    def test_python_subprocess_and_multiprocessing(self):
        (self.dir / "pool.py").write_text(POOL)
        self.assertEqual(self.assert_same_as_bare([PYTHON, "pool.py"])[0], 7)

    def test_python_c_with_subprocess(self):
        code = "import subprocess; print(subprocess.run(['sh', '-c', 'exit 5']).returncode)"
        self.assertEqual(self.assert_same_as_bare([PYTHON, "-c", code]), (0, b"5\n", b""))

    def test_two_hundred_threads(self):
        status, output, _ = self.assert_same_as_bare([PYTHON, "-c", THREADS])
        self.assertEqual(status, 0)
        self.assertEqual(output, b"200 {(True, True)} 201 True\n")


class Numbers(SystemTest):
    def test_a_thousand_short_processes_in_a_loop(self):
        script = "i=0; n=0; while [ $i -lt 1000 ]; do /bin/true && n=$((n+1)); i=$((i+1)); done; echo $n"
        self.assertEqual(self.assert_shell_same(script), (0, b"1000\n", b""))

    def test_a_thousand_processes_that_each_read_their_own_proc(self):
        script = 'i=0; while [ $i -lt 300 ]; do read comm </proc/self/comm; echo $comm; cat /proc/self/comm; i=$((i+1)); done | sort | uniq -c'
        self.assertEqual(self.assert_shell_same(script)[0], 0)

    def test_a_hundred_processes_alive_at_once(self):
        script = ("i=0; while [ $i -lt 100 ]; do sh -c 'read x < gate; exit 3' & pids=\"$pids $!\"; i=$((i+1)); done; "
                  "exec 9<> gate; for p in $pids; do echo go >&9; done; n=0; for p in $pids; do wait $p; "
                  "[ $? = 3 ] && n=$((n+1)); done; echo $n")
        os.mkfifo(self.dir / "gate")
        status, output, _ = self.assert_shell_same(script)
        self.assertEqual((status, output), (0, b"100\n"))

    def test_a_deep_chain_of_processes(self):
        script = 'if [ "$1" -gt 0 ]; then sh "$0" $(($1 - 1)); exit $(($? + 1)); fi; exit 3'
        (self.dir / "chain").write_text(script)
        self.assertEqual(self.assert_same_as_bare(["sh", "chain", "60"])[0], 63)


# What a process sets of another one of its own: each answer, and what can then be read of it.
SETTINGS = r"""
import ctypes, os, resource, signal, struct
libc = ctypes.CDLL(None, use_errno=True)
child = os.fork()
if child == 0:
    while True: signal.pause()
def call(name, number, *arguments):
    result = libc.syscall(number, *arguments)
    print(name, result, os.strerror(ctypes.get_errno()) if result < 0 else "ok")
def memory(layout, *values): return ctypes.create_string_buffer(struct.pack(layout, *values))
unmapped = ctypes.c_void_p(8)
call("setpriority", 141, 0, child, 7)
print(os.getpriority(os.PRIO_PROCESS, child))
call("ioprio_set", 251, 1, child, 2 << 13 | 6)
call("ioprio_get", 252, 1, child)
call("ioprio_set nonsense", 251, 1, child, 9 << 13)
call("prlimit64", 302, child, resource.RLIMIT_NOFILE, memory("QQ", 30, 40), None)
old = memory("QQ", 0, 0)
call("prlimit64 both", 302, child, resource.RLIMIT_NOFILE, memory("QQ", 20, 40), old)
print(struct.unpack("QQ", old.raw[:16]), resource.prlimit(child, resource.RLIMIT_NOFILE))
call("prlimit64 soft above hard", 302, child, resource.RLIMIT_NOFILE, memory("QQ", 50, 40), None)
call("prlimit64 nothing", 302, child, 99, None, None)
call("prlimit64 unmapped", 302, child, resource.RLIMIT_NOFILE, unmapped, None)
call("prlimit64 to unmapped", 302, child, resource.RLIMIT_NOFILE, None, unmapped)
call("sched_setparam", 142, child, memory("i", 0))
call("sched_setparam wrong", 142, child, memory("i", 5))
call("sched_setparam null", 142, child, None)
call("sched_setparam unmapped", 142, child, unmapped)
call("sched_setscheduler", 144, child, 3, memory("i", 0))
print(os.sched_getscheduler(child))
call("sched_setscheduler wrong", 144, child, 99, memory("i", 0))
call("sched_setscheduler null", 144, child, 0, None)
def attributes(size, policy, nice): return memory("IIQiIQQQQQ", size, policy, 0, nice, 0, 0, 0, 0, 0, 0)
call("sched_setattr", 314, child, attributes(48, 3, 9), 0)
call("sched_setattr of 0 bytes", 314, child, attributes(0, 3, 9), 0)
call("sched_setattr small", 314, child, attributes(47, 3, 9), 0)
call("sched_setattr large", 314, child, attributes(5000, 3, 9), 0)
call("sched_setattr flags", 314, child, attributes(48, 3, 9), 1)
call("sched_setattr null", 314, child, None, 0)
call("sched_setattr unmapped", 314, child, unmapped, 0)
print(os.sched_getscheduler(child), os.getpriority(os.PRIO_PROCESS, child))
os.kill(child, signal.SIGKILL)
os.waitpid(child, 0)
call("gone", 141, 0, child, 7)
call("gone", 302, child, 7, None, None)
"""


# The same calls, of processes of one sandbox that have less rights than the supervisor: for root.
FEWER_RIGHTS = r"""
import ctypes, os, signal, struct, sys
libc = ctypes.CDLL(None, use_errno=True)
def memory(layout, *values): return ctypes.create_string_buffer(struct.pack(layout, *values))
def set_capabilities(bits):
    words = (bits & 0xffffffff, bits & 0xffffffff, 0, bits >> 32, bits >> 32, 0)
    assert libc.capset(memory("Ii", 0x20080522, 0), memory("6I", *words)) == 0
def become(user): os.setgroups([]); os.setresgid(user, user, user); os.setresuid(user, user, user)
def child(prepare):
    read, write = os.pipe()
    pid = os.fork()
    if pid == 0:
        prepare()
        os.write(write, b"x")
        while True: signal.pause()
    os.read(read, 1)
    return pid
NOBODY, NICE = 65534, 1 << 23
named = {"root": child(lambda: None), "nobody": child(lambda: become(NOBODY)), "bare root": child(lambda: set_capabilities(0))}
def attempts(of):
    yield "setpriority", 141, 0, of, 3
    yield "setpriority up", 141, 0, of, -5
    yield "ioprio_set", 251, 1, of, 2 << 13 | 5
    yield "ioprio_set real time", 251, 1, of, 1 << 13 | 5
    yield "sched_setscheduler", 144, of, 3, memory("i", 0)
    yield "sched_setattr", 314, of, memory("IIQiIQQQ", 48, 0, 0, 6, 0, 0, 0, 0), 0
    yield "sched_setattr long", 314, of, memory("IIQ50I", 216, 0, 0, *range(1, 51)), 0
    yield "prlimit64", 302, of, 7, memory("QQ", 100, 200), None
    yield "prlimit64 raised", 302, of, 7, memory("QQ", 100, 300), None
    yield "sched_setaffinity", 203, of, 8, memory("Q", 1)
def nobodys_real_uid(): os.setresuid(NOBODY, 0, 0); set_capabilities(0)
ways = {"root": lambda: None, "nobody": lambda: become(NOBODY), "bare root": lambda: set_capabilities(0),
        "real uid": nobodys_real_uid, "effective uid": lambda: os.setresuid(0, NOBODY, NOBODY),
        "may renice": lambda: set_capabilities(NICE), "fsuid": lambda: libc.setfsuid(NOBODY)}
for way, prepare in ways.items():
    caller = os.fork()
    if caller == 0:
        prepare()
        for whose, pid in named.items():
            for what, number, *arguments in attempts(pid):
                result = libc.syscall(number, *arguments)
                word = arguments[1].raw[:4] if number == 314 else b""
                print(way, "at", whose, what, "ok" if result >= 0 else os.strerror(ctypes.get_errno()), word, flush=True)
        os._exit(0)
    os.waitpid(caller, 0)
for pid in named.values(): os.kill(pid, signal.SIGKILL)
"""


class Settings(SystemTest):
    def test_with_fewer_rights_than_the_supervisor_no_more_is_set_than_without(self):
        if os.geteuid() != 0:
            return self.skip("needs root, to have processes with fewer rights")
        _, told, complaints = self.assert_same_as_bare([PYTHON, "-c", FEWER_RIGHTS])
        self.assertEqual(complaints, b"")
        self.assertIn(b"nobody at root ioprio_set Operation not permitted", told)
        self.assertIn(b"nobody at nobody ioprio_set ok", told)
        return None

    def test_a_process_sets_what_is_its_childs(self):
        _, told, complaints = self.assert_same_as_bare([PYTHON, "-c", SETTINGS])
        self.assertEqual(complaints, b"")
        self.assertIn(b"(30, 40) (20, 40)", told)
        self.assertGreater(told.count(b" ok\n"), 8, told)


# POSIX message queues: made, found, refused, used between two processes.
QUEUES = r"""
import ctypes, os, stat, struct, sys
libc = ctypes.CDLL("librt.so.1", use_errno=True)
name = sys.argv[1].encode()
def call(what, result):
    print(what, "ok" if result >= 0 else os.strerror(ctypes.get_errno()))
    return result
CREATE, EXCLUSIVE, BOTH = os.O_CREAT, os.O_EXCL, os.O_RDWR
call("none", libc.mq_open(name, BOTH))
os.umask(0o007)
attributes = ctypes.create_string_buffer(struct.pack("8l", 0, 3, 100, 0, 0, 0, 0, 0))
queue = call("made", libc.mq_open(name, BOTH | CREATE, 0o666, attributes))
print(oct(os.fstat(queue).st_mode), os.get_inheritable(queue))
call("there", libc.mq_open(name, BOTH | CREATE | EXCLUSIVE, 0o600, None))
again = call("found", libc.mq_open(name, BOTH | CREATE, 0o600, None))
print(oct(os.fstat(again).st_mode))
call("bad attributes", libc.mq_open(name + b"2", BOTH | CREATE, 0o600, ctypes.create_string_buffer(struct.pack("8l", 0, -1, -1, 0, 0, 0, 0, 0))))
call("unmapped", libc.mq_open(name + b"2", BOTH | CREATE, 0o600, ctypes.c_void_p(8)))
call("bad name", libc.mq_open(name + b"/x", BOTH | CREATE, 0o600, None))
call("long name", libc.mq_open(b"/" + b"x" * 300, BOTH | CREATE, 0o600, None))
if os.fork() == 0:
    call("sent", libc.mq_send(libc.mq_open(name, os.O_WRONLY), b"hello", 5, 1))
    os._exit(0)
os.wait()
room = ctypes.create_string_buffer(100)
call("received", libc.mq_receive(queue, room, 100, None))
print(room.value)
call("removed", libc.mq_unlink(name))
call("gone", libc.mq_open(name, BOTH))
"""


# Who makes a queue pays for it, within its own limit.
QUEUE_LIMITS = r"""
import ctypes, os, resource, sys
libc = ctypes.CDLL("librt.so.1", use_errno=True)
name = sys.argv[1].encode()
def make():
    queue = libc.mq_open(name, os.O_RDWR | os.O_CREAT, 0o600, None)
    if queue >= 0: libc.mq_unlink(name)
    return queue >= 0
print(make())
resource.setrlimit(resource.RLIMIT_MSGQUEUE, (0, 0))
print(make())
if os.geteuid() == 0:  # nobody does not use up what is root's
    os.setresuid(65534, 65534, 65534)
    print(make())
"""


class Queues(SystemTest):
    name = f"/proctor-test-{os.getpid()}"

    def test_their_limit_is_the_makers(self):
        _, told, _ = self.assert_same_as_bare([PYTHON, "-c", QUEUE_LIMITS, self.name])
        self.assertEqual(told.split()[:2], [b"True", b"False"])

    def test_message_queues_work_as_without(self):
        _, told, _ = self.assert_same_as_bare([PYTHON, "-c", QUEUES, self.name])
        self.assertIn(b"hello", told)


class Orphans(SystemTest):
    def test_a_double_fork_is_reparented_and_still_served(self):
        status, output, _ = self.assert_same_as_bare([PYTHON, "-c", DOUBLE_FORK])
        self.assertEqual(status, 0)
        self.assertIn(b"leader=False orphan=True", output)

    def test_a_setsid_daemon_serves_while_cmd_runs(self):
        script = ("mkfifo in out; setsid sh -c 'while read q; do case $q in stop) exit;; *) echo answer $q > out;; esac; "
                  "done < in' >/dev/null 2>&1 & exec 7> in; for i in 1 2 3; do echo $i >&7; cat out; done; echo stop >&7; "
                  "wait; rm in out; echo done")
        self.assertEqual(self.assert_shell_same(script)[:2], (0, b"answer 1\nanswer 2\nanswer 3\ndone\n"))


if __name__ == "__main__":
    common.main()
