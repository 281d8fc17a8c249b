"""On a terminal: an interactive shell inside the sandbox, and proctor as a job of a shell outside."""

import fcntl
import functools
import os
import pty
import re
import select
import signal
import struct
import termios
import time

import common
from common import DEADLINE_S, MODES, SystemTest, prefix, wait_until

PROMPT = "PR0MPT> "
SHELL = ["bash", "--norc", "--noprofile", "--noediting", "-i"]


class Terminal:
    """A process on a pseudo-terminal of its own."""

    def __init__(self, command, cwd):
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.chdir(cwd)
            os.environ.update(PS1=PROMPT, TERM="dumb", HISTFILE="/dev/null", LC_ALL="C")
            try:
                os.execvp(command[0], command)
            finally:
                os._exit(99)
        fcntl.ioctl(self.fd, termios.TIOCSWINSZ, struct.pack("HHHH", 33, 77, 0, 0))
        self.seen = ""
        self.status = None

    def expect(self, pattern):
        """Reads until `pattern` has come; returns all up to its end."""
        end = time.monotonic() + DEADLINE_S
        while not (match := re.search(pattern, self.seen)):
            ready, _, _ = select.select([self.fd], [], [], max(0, end - time.monotonic()))
            if not ready:
                raise AssertionError(f"waited in vain for {pattern!r}; seen: {self.seen!r}")
            try:
                piece = os.read(self.fd, 65536)
            except OSError:
                piece = b""
            if not piece:
                raise AssertionError(f"ended before {pattern!r}; seen: {self.seen!r}")
            self.seen += piece.decode(errors="replace")
        until, self.seen = self.seen[: match.end()], self.seen[match.end() :]
        return until

    def prompt(self):
        return self.expect(re.escape(PROMPT))

    def type(self, text):
        os.write(self.fd, text.encode())

    def run(self, line):
        """Types a line at the prompt; what it printed, until the next prompt."""
        self.type(line + "\n")
        output = self.prompt().replace("\r\n", "\n")
        return output.partition(line + "\n")[2].removesuffix(PROMPT)

    def is_behind(self):
        """Whether another group than the shell's own has the terminal."""
        fields = common.stat_fields(self.pid)
        group, in_front = fields[2], fields[5]
        return group != in_front

    def wait(self):
        """The exit status; reads on meanwhile, for a full terminal stops its writers."""
        def ended():
            ready, _, _ = select.select([self.fd], [], [], 0)
            if ready:
                try:
                    self.seen += os.read(self.fd, 65536).decode(errors="replace")
                except OSError:
                    pass
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            self.status = os.waitstatus_to_exitcode(status) if pid else None
            return pid

        wait_until(ended, "the process on the terminal ends")
        return self.status

    def close(self):
        if self.status is None:
            os.kill(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)
        os.close(self.fd)


def in_each_mode(*modes):
    """Runs a test once a mode, each as a part of its own."""

    def decorate(test):
        @functools.wraps(test)
        def run(self):
            for mode in modes:
                with self.subTest(mode=mode):
                    test(self, *self.make_shell(mode))

        return run

    return decorate


class OnTerminal(SystemTest):
    def open(self, command):
        terminal = Terminal(command, self.dir)
        self.addCleanup(terminal.close)
        return terminal


class Inside(OnTerminal):
    """An interactive bash bare, embedded and by daemon: what holds for the first must hold for all."""

    def make_shell(self, mode):
        shell = self.open([*prefix(mode, self.daemon), *SHELL])
        shell.prompt()
        return (shell,)

    @in_each_mode("bare", *MODES)
    def test_lines_sizes_and_the_exit_status(self, shell):
        self.assertEqual(shell.run("echo hello"), "hello\n")
        self.assertEqual(shell.run("stty size"), "33 77\n")
        self.assertEqual(shell.run("tty | cut -c1-9; test -t 0 -a -t 1 -a -t 2 && echo all"), "/dev/pts/\nall\n")
        fcntl.ioctl(shell.fd, termios.TIOCSWINSZ, struct.pack("HHHH", 44, 99, 0, 0))
        self.assertEqual(shell.run("stty size"), "44 99\n")
        self.assertEqual(shell.run("stty -echo; stty echo; echo $((6*7))"), "42\n")
        shell.type("exit 23\n")
        self.assertEqual(shell.wait(), 23)

    @in_each_mode("bare", *MODES)
    def test_interrupt_quit_and_end_of_file_keys(self, shell):
        # The job itself says that it is in front: a key that comes before is the shell's own.
        shell.type("sh -c 'echo be''gun; exec sleep 1000'\n")
        shell.expect("begun\r")
        shell.type("\x03")
        shell.prompt()
        self.assertEqual(shell.run("echo status=$?"), "status=130\n")
        shell.run("ulimit -c 0")
        shell.type("sh -c 'echo be''gun; exec sleep 1000'\n")
        shell.expect("begun\r")
        shell.type("\x1c")
        shell.prompt()
        self.assertEqual(shell.run("echo status=$?"), "status=131\n")
        shell.type("\x03")
        shell.prompt()
        shell.type("\x04")
        self.assertEqual(shell.wait(), 130)

    @in_each_mode("bare", *MODES)
    def test_jobs_stop_go_on_in_front_and_behind_and_are_killed(self, shell):
        shell.type("sh -c 'echo be''gun; read x; echo got=$x; exit 5'\n")
        shell.expect("begun\r")
        shell.type("\x1a")
        self.assertIn("Stopped", shell.prompt())
        self.assertEqual(shell.run("echo status=$?"), "status=148\n")
        self.assertIn("Stopped", shell.run("jobs"))
        shell.type("fg\n")
        shell.expect(r"exit 5'\r\n")
        shell.type("text\n")
        shell.expect("got=text\r")
        shell.prompt()
        self.assertEqual(shell.run("echo status=$?"), "status=5\n")

        shell.type("sh -c 'echo be''gun; exec sleep 1000'\n")
        shell.expect("begun\r")
        shell.type("\x1a")
        shell.prompt()
        shell.run("bg")
        self.assertIn("Running", shell.run("jobs"))
        self.assertIn("status=143", shell.run("kill %1; wait %1; echo status=$?"))
        self.assertEqual(shell.run("jobs"), "")

    @in_each_mode("bare", *MODES)
    def test_the_foreground_group_is_the_jobs(self, shell):
        (self.dir / "group.py").write_text(
            "import os\nt = os.open('/dev/tty', os.O_RDWR)\n"
            "print(os.tcgetpgrp(2) == os.getpgrp(), os.tcgetpgrp(t) == os.getpgrp(), os.getsid(0) == os.getsid(os.getppid()))\n")
        self.assertEqual(shell.run("python3 group.py"), "True True True\n")
        self.assertEqual(shell.run("python3 group.py | cat"), "True True True\n")
        shell.run("python3 group.py > behind & wait")
        self.assertEqual((self.dir / "behind").read_text(), "False False True\n")

    @in_each_mode("bare", *MODES)
    def test_full_screen_programs_get_the_terminal(self, shell):
        shell.type("TERM=vt100 top\n")
        shell.expect("PID")
        shell.type("q")
        shell.prompt()
        self.assertEqual(shell.run("echo status=$?"), "status=0\n")


class AsAJob(OnTerminal):
    """An interactive bash outside; `proctor run` is its job."""

    def make_shell(self, mode):
        shell = self.open(SHELL)
        shell.prompt()
        return shell, " ".join(prefix(mode, self.daemon))

    @in_each_mode(*MODES)
    def test_proctor_is_stopped_continued_and_interrupted_as_its_command(self, shell, run):
        shell.type(f"{run} sh -c 'echo be''gun; exec sleep 100'\n")
        shell.expect("begun\r")
        shell.type("\x1a")
        shell.prompt()
        self.assertEqual(shell.run("echo status=$?"), "status=148\n")
        self.assertRegex(shell.run("jobs"), "Stopped.*proctor")
        shell.type("fg\n")
        shell.expect(r"sleep 100'\r\n")
        # The shell says so before it gives the terminal away: a key that comes in between is its own.
        wait_until(lambda: shell.is_behind(), "the job is in the foreground")
        shell.type("\x03")
        shell.prompt()
        self.assertEqual(shell.run("echo status=$?"), "status=130\n")
        self.assertEqual(shell.run("jobs"), "")

    @in_each_mode(*MODES)
    def test_while_it_is_stopped_its_whole_tree_in_the_group_is(self, shell, run):
        shell.type(f"{run} sh -c 'sleep 1001 & echo be''gun; sleep 1002'\n")
        shell.expect("begun\r")

        def sleepers():
            return [pid for pid in common.descendants_of(shell.pid) if command(pid).startswith(b"sleep\x00100")]

        wait_until(lambda: len(sleepers()) == 2, "both sleep")
        shell.type("\x1a")
        shell.prompt()
        wait_until(lambda: {common.stat_fields(pid)[0] for pid in sleepers()} == {"T"}, "both are stopped")
        shell.run("bg")
        wait_until(lambda: {common.stat_fields(pid)[0] for pid in sleepers()} == {"S"}, "both go on")
        left = sleepers()
        shell.run("kill %1; wait %1")
        wait_until(lambda: not any(map(common.is_alive, left)), "both are ended")

    @in_each_mode("bare", *MODES)
    def test_in_the_background_it_is_not_told_the_number_of_the_foreground_job(self, shell, run):
        for old in ("go", "told"):
            (self.dir / old).unlink(missing_ok=True)
        (self.dir / "background.py").write_text(
            "import os, time\nterminal = os.open('/dev/tty', os.O_RDWR)\n"
            "while not os.path.exists('go'): time.sleep(0.01)\nprint(os.tcgetpgrp(terminal), flush=True)\n")
        shell.run(f"{run} python3 background.py > told &")
        shell.type("sleep 1003\n")

        def foreground():
            found = [pid for pid in common.descendants_of(shell.pid) if command(pid).startswith(b"sleep\x001003")]
            group, in_front = common.stat_fields(found[0])[2:6:3] if found else (0, -1)
            return group if group == in_front else None

        group = wait_until(foreground, "the job is in the foreground")
        (self.dir / "go").touch()
        told = wait_until(lambda: common.text_of(self.dir / "told"), "the one in the background has asked")
        self.assertEqual(told.strip(), "0" if run else group)
        shell.type("\x03")
        shell.prompt()

    @in_each_mode("bare", *MODES)
    def test_a_job_in_the_foreground_that_has_ended_is_still_told(self, shell, run):
        (self.dir / "ended.py").write_text(
            "import os, signal, time\nsignal.signal(signal.SIGTTOU, signal.SIG_IGN)\nread, write = os.pipe()\n"
            "job = os.fork()\nif job == 0: os.setpgid(0, 0); os.read(read, 1); os._exit(0)\n"
            "while os.getpgid(job) != job: time.sleep(0.01)\nos.tcsetpgrp(0, job)\nalive = os.tcgetpgrp(0)\n"
            "os.write(write, b'x')\nos.waitpid(job, 0)\nprint(alive == job, os.tcgetpgrp(0) == job)\n"
            "os.tcsetpgrp(0, os.getpgrp())\nif os.fork() == 0:\n  os.setsid()\n"
            "  try: print(os.tcgetpgrp(0))\n  except OSError as error: print(error.strerror)\n  os._exit(0)\nos.wait()\n")
        self.assertEqual(shell.run(f"{run} python3 -u ended.py"), "True True\nInappropriate ioctl for device\n")

    def test_it_is_given_to_own_jobs_only(self):
        foreign = self.start_in("bare", ["sleep", "1000"], start_new_session=True)
        script = r"""
import errno, os, pty, signal, sys
signal.signal(signal.SIGTTOU, signal.SIG_IGN)
child, terminal = pty.fork()
def give(group, fd=0):
    try:
        return os.tcsetpgrp(fd, group) or "ok"
    except OSError as error:
        return errno.errorcode[error.errno]
def job(ends):
    pid = os.fork()
    if pid == 0:
        os.setpgid(0, 0)
        if not ends: signal.pause()
        os._exit(0)
    while os.getpgid(pid) != pid: pass
    if ends: os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
    return pid
if child == 0:
    ended, living = job(True), job(False)
    print(*[give(int(group)) for group in sys.argv[1:]], give(int(sys.argv[1]), os.open("/dev/tty", os.O_RDWR)), give(living), give(ended), give(-1), give(living, 1 << 20), give(os.getpgrp()))
    os.kill(living, 9)
    os._exit(0)
said = b""
try:
    while part := os.read(terminal, 100): said += part
except OSError: pass
print(said.decode().strip())
"""
        for mode in ("bare", *MODES):
            said = self.run_in(mode, ["python3", "-c", script, str(foreign.pid), "1", str(common.NOBODY)]).stdout.split()
            wanted = [b"EPERM", b"EPERM"] if mode == "bare" else [b"ESRCH", b"ESRCH"]
            self.assertEqual(said, [*wanted, b"ESRCH", wanted[0], b"ok", b"ok", b"EINVAL", b"EBADF", b"ok"], mode)

    @in_each_mode("bare", *MODES)
    def test_a_free_terminal_is_taken(self, shell, run):
        (self.dir / "free.py").write_text(
            "import fcntl, os, termios\nmaster, terminal = os.openpty()\nif os.fork() == 0:\n  os.setsid()\n"
            "  fcntl.ioctl(terminal, termios.TIOCSCTTY, 1)\n  print(os.tcgetpgrp(terminal) == os.getpid())\n  os._exit(0)\n"
            "os.wait()\n")
        self.assertEqual(shell.run(f"{run} python3 -u free.py"), "True\n")

    @in_each_mode(*MODES)
    def test_no_terminal_is_taken_from_another_session(self, shell, run):
        (self.dir / "thief.py").write_text(
            "import fcntl, os, sys, termios\nif os.fork(): sys.exit(os.waitstatus_to_exitcode(os.wait()[1]))\nos.setsid()\n"
            "try: fcntl.ioctl(os.open(sys.argv[1], os.O_RDWR | os.O_NOCTTY), termios.TIOCSCTTY, 1)\n"
            "except PermissionError: print('refused')\n")
        self.assertEqual(shell.run(f"{run} python3 thief.py $(tty)"), "refused\n")
        # Bare, root takes it, and the shell without a terminal ends: not shown here.

    @in_each_mode(*MODES)
    def test_in_a_pipeline_and_a_substitution(self, shell, run):
        self.assertEqual(shell.run(f"{run} echo through | {run} cat; echo ${{PIPESTATUS[*]}}"), "through\n0 0\n")
        self.assertEqual(shell.run(f'echo "[$({run} sh -c "echo out; exit 3")]" $?'), "[out] 3\n")

    def test_a_hang_up_of_the_terminal_ends_it_all(self):
        for mode in MODES:
            with self.subTest(mode=mode):
                terminal = Terminal([*prefix(mode, self.daemon), "sh", "-c", "sleep 1000 & echo be''gun; sleep 1000"],
                                    self.dir)
                try:
                    terminal.expect("begun\r")
                    tree = common.descendants_of(terminal.pid)
                    self.assertGreaterEqual(len(tree), 2)
                finally:
                    os.close(terminal.fd)
                wait_until(lambda: os.waitpid(terminal.pid, os.WNOHANG)[0], "proctor ends with its terminal")
                wait_until(lambda: not any(map(common.is_alive, tree)), "its tree ends")


def command(pid):
    try:
        with open(f"/proc/{pid}/cmdline", "rb") as file:
            return file.read()
    except (FileNotFoundError, ProcessLookupError):
        return b""


if __name__ == "__main__":
    common.main()
