"""The daemon as an administrator meets it: its socket, its signals, its configuration, its answers."""

import json
import os
import signal
import socket
import stat
import subprocess
import sys
import textwrap

import common
from common import Daemon, DEADLINE_S, PROCTOR, PROCTORD, STOP_DEADLINE_S, SystemTest, is_alive, wait_until

NOBODY = 65431  # a user without an account
NOISY = "i=0; while [ $i -lt 2000 ]; do kill -9 1 2>/dev/null; i=$((i+1)); done; exit 3"
START_S = 20  # for a daemon that cannot say that it is ready


def proctor(*arguments, **keywords):
    keywords.setdefault("stdin", subprocess.DEVNULL)
    return subprocess.run([PROCTOR, *arguments], capture_output=True, text=True, timeout=DEADLINE_S, **keywords)


class Own(SystemTest):
    """Each test starts its own daemons."""

    @classmethod
    def setUpClass(cls):
        pass

    @classmethod
    def tearDownClass(cls):
        pass

    def make(self, *options, **keywords):
        daemon = Daemon(*options, directory=keywords.pop("directory", self.dir), **keywords)
        self.addCleanup(daemon.close)
        return daemon

    def start_sleeper(self, daemon, name, *options):
        self.daemon = daemon
        process = self.start_in("daemon", ["sleep", "1000"], options=["--name", name, *options])

        def runs():  # the target is there before its first notified call, its exec
            return any(sandbox["name"] == name and any(each["command"] == "sleep" for each in sandbox["processes"])
                       for sandbox in daemon.sandboxes())

        wait_until(runs, f"{name} runs")
        return process

    def start_unheard(self, *options, redirections="", **keywords):
        """A daemon that perhaps cannot say when it is ready; ready when this returns."""
        self.socket = str(self.dir / "d.sock")
        # exec: the process is the daemon itself.
        process = subprocess.Popen(["sh", "-c", f'exec "$@" {redirections}', "sh", PROCTORD, "--socket", self.socket,
                                    *options], stdin=subprocess.DEVNULL, **keywords)
        self.addCleanup(self.end, process)
        wait_until(self.serves, "it serves", START_S)
        return process

    def serves(self):
        return proctor("ps", "--socket", self.socket).stdout == "no sandboxes\n"

    def assert_ends_in_order(self, process):
        process.terminate()
        self.assertEqual(process.wait(STOP_DEADLINE_S), 0)
        self.assertFalse(os.path.exists(self.socket))


class Socket(Own):
    def test_is_for_its_owner_only_and_gone_after_an_orderly_end(self):
        daemon = self.make()
        mode = os.stat(daemon.socket).st_mode
        self.assertTrue(stat.S_ISSOCK(mode))
        self.assertEqual(stat.S_IMODE(mode), 0o600)
        self.assertEqual(daemon.stop(), 0)
        self.assertFalse(os.path.exists(daemon.socket))

    def test_a_second_daemon_is_refused_clearly_and_the_first_is_not_disturbed(self):
        daemon = self.make()
        second = subprocess.run([PROCTORD, "--socket", daemon.socket], capture_output=True, text=True,
                                stdin=subprocess.DEVNULL, timeout=DEADLINE_S)
        self.assertNotIn(second.returncode, (0, 125))
        self.assertRegex(second.stderr, r"\Aproctord: [^\n]*" + daemon.socket + r"[^\n]*\n\Z")
        self.assertEqual(daemon.sandboxes(), [])

    def test_a_stale_one_after_kill_9_is_replaced(self):
        first = self.make()
        first.process.kill()
        first.process.wait(DEADLINE_S)
        self.assertTrue(os.path.exists(first.socket))
        refused = proctor("run", "--daemon", first.socket, "--", "true")
        self.assertEqual(refused.returncode, 125)
        first.log.unlink()
        second = self.make()
        self.assertEqual(proctor("run", "--daemon", second.socket, "--", "echo", "served").stdout, "served\n")

    def test_serves_its_own_where_others_are_hidden_and_no_sandbox(self):
        if os.geteuid() != 0:
            return self.skip("mounting needs root")
        # In a pid namespace of its own, for the option is the whole namespace's. Without capabilities and group root sees
        # none of those who have them: so its shell there is hidden from whoever it starts. In the last round the daemon
        # is stopped until the session that asks is as far as it gets by itself.
        script = """
            mount -o remount,hidepid=2 /proc || exit 9
            less='setpriv --regid=65534 --clear-groups --bounding-set=-all --inh-caps=-all'
            $less "$1/proctord" --socket "$2" --introspection.file=none &
            daemon=$!
            until [ -S "$2" ]; do sleep 0.01; done
            sh -c "$less '$1/proctor' ps --socket '$2'; echo \\$?"
            sh -c "$less '$1/proctor' run --daemon '$2' -- '$1/proctor' ps --socket '$2'; echo \\$?"
            kill -STOP $daemon
            sh -c "$less '$1/proctor' run --daemon '$2' -- echo ran & echo \\$! >'$3'; wait \\$!; echo \\$?" &
            until grep -sqx proctor:session /proc/[0-9]*/comm && grep -sq '^State:.S' "/proc/$(cat "$3")/status"; do
                sleep 0.01
            done
            kill -CONT $daemon
            wait $!
            kill $daemon
            wait
        """
        done = subprocess.run(["unshare", "--pid", "--fork", "--kill-child", "--mount-proc", "sh", "-c", script, "sh",
                               os.path.dirname(PROCTOR), str(self.dir / "d.sock"), str(self.dir / "front")],
                              capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=DEADLINE_S, check=False)
        self.assertEqual(done.stdout, "no sandboxes\n0\n1\nran\n0\n", done.stderr)
        self.assertRegex(done.stderr, "proctor ps: the supervisor cannot tell whether a sandboxed process asks")

    def test_a_sandboxed_process_in_the_daemons_place_is_given_nothing(self):
        daemon = self.make()
        self.daemon = daemon
        # The attack: whoever may write where the socket is puts its own there, and answers as a daemon would.
        attack = textwrap.dedent("""
            import os, socket, sys
            os.rename(sys.argv[1], sys.argv[1] + ".old")
            own = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            own.bind(sys.argv[1])
            own.listen()
            print("listens", flush=True)
            peer = own.accept()[0]
            print(b"attach" in peer.recv(100_000), flush=True)
        """)
        attacker = self.start_in("daemon", [sys.executable, "-c", attack, daemon.socket])
        self.assertEqual(attacker.stdout.readline(), b"listens\n")
        refused = proctor("run", "--daemon", daemon.socket, "--", "true")
        self.assertEqual(refused.returncode, 125)
        self.assertRegex(refused.stderr, r"\Aproctor: what answers at [^\n]+ is itself in a sandbox[^\n]*\n\Z")
        self.assertEqual(attacker.stdout.readline(), b"False\n")
        os.rename(daemon.socket + ".old", daemon.socket)

    def test_one_of_a_stopped_daemon_is_not_waited_at_for_ever(self):
        daemon = self.make()
        daemon.process.send_signal(signal.SIGSTOP)
        try:
            done = proctor("ps", "--socket", daemon.socket)
        finally:
            daemon.process.send_signal(signal.SIGCONT)
        self.assertEqual((done.returncode, done.stdout), (1, ""))
        self.assertRegex(done.stderr, rf"\Aproctor ps: the daemon at {daemon.socket} has not answered for 10 s[^\n]*\n\Z")

    def test_what_is_no_socket_is_not_replaced(self):
        precious = self.dir / "d.sock"
        precious.write_text("precious")
        done = subprocess.run([PROCTORD, "--socket", str(precious)], capture_output=True, text=True, timeout=DEADLINE_S)
        self.assertNotEqual(done.returncode, 0)
        self.assertIn(str(precious), done.stderr)
        self.assertEqual(precious.read_text(), "precious")

    def test_another_user_is_refused_even_when_the_mode_lets_them_through(self):
        if os.geteuid() != 0:
            return self.skip("needs root to become another user")
        daemon = self.make()
        os.chmod(self.dir, 0o755)

        def become_nobody():
            os.setgroups([])
            os.setresgid(NOBODY, NOBODY, NOBODY)
            os.setresuid(NOBODY, NOBODY, NOBODY)

        def ask():
            # No exec: the binaries may lie where only root can go.
            child = os.fork()
            if child == 0:
                try:
                    become_nobody()
                    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as peer:
                        peer.settimeout(DEADLINE_S)
                        peer.connect(daemon.socket)
                        # Refused before it asks; a question sent meanwhile could turn the answer into a reset.
                        answer = peer.makefile().readline()
                    os._exit(3 if '"refused"' in answer and "own user and root" in answer else 4)
                except PermissionError:
                    os._exit(2)
                except OSError:
                    os._exit(5)
            return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])

        self.assertEqual(ask(), 2)
        os.chmod(daemon.socket, 0o666)  # the attack: a careless administrator
        self.assertEqual(ask(), 3)
        self.assertEqual(daemon.sandboxes(), [])

    def test_garbage_is_refused_and_does_no_harm(self):
        daemon = self.make()
        for line in (b"\n", b"{}\n", b"no json\n", b'{"request":"nothing"}\n', b"\xff\xfe\n", b"[" * 100_000 + b"\n",
                     b'{"request":"attach"}\n', b'{"request":"inspect"}\n', b"x" * 3_000_000 + b"\n"):
            with self.subTest(line=line[:40]), socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as peer:
                peer.settimeout(DEADLINE_S)
                peer.connect(daemon.socket)
                try:
                    peer.sendall(line)
                    answer = peer.recv(65536)
                except (BrokenPipeError, ConnectionResetError):
                    answer = b""
                if answer:
                    self.assertEqual(json.loads(answer.partition(b"\n")[0])["reply"], "refused")
        self.assertEqual(proctor("run", "--daemon", daemon.socket, "--", "echo", "served").stdout, "served\n")


class Signals(Own):
    def test_sigterm_ends_the_sandboxes_in_order(self):
        daemon = self.make()
        fronts = [self.start_sleeper(daemon, f"s{n}") for n in range(3)]
        targets = [sandbox["target"] for sandbox in daemon.sandboxes()]
        self.assertEqual(daemon.stop(), 0)
        for front in fronts:
            self.assertEqual(front.wait(DEADLINE_S), 125)
            self.assertRegex(front.stderr.read(), rb"\Aproctor: [^\n]*the daemon stops[^\n]*\n\Z")
        self.assertEqual([pid for pid in targets if is_alive(pid)], [])
        self.assertFalse(os.path.exists(daemon.socket))

    def write_config(self, text):
        path = self.dir / "proctord.conf"
        path.write_text(text)
        return path

    def timeout_in_force(self, daemon, name):
        front = self.start_sleeper(daemon, name)
        milliseconds = daemon.inspect(name)["policy"]["verdict_timeout_ms"]
        front.terminate()
        front.wait(DEADLINE_S)
        return milliseconds

    def test_sighup_reloads_what_can_be_reloaded_and_refuses_a_bad_file(self):
        record = self.dir / "record.jsonl"
        good = '[sandbox]\nverdict-timeout = {}\n[introspection]\nfile = "' + str(record) + '"\n'
        config = self.write_config(good.format("4s"))
        daemon = self.make(config=config)
        self.assertEqual(self.timeout_in_force(daemon, "before"), 4000)

        self.write_config(good.format("2s"))
        daemon.process.send_signal(signal.SIGHUP)
        wait_until(lambda: "verdict-timeout reloaded" in daemon.said(), "the reload is told")
        self.assertEqual(self.timeout_in_force(daemon, "after"), 2000)

        self.write_config(good.format("3 parsecs"))
        daemon.process.send_signal(signal.SIGHUP)
        wait_until(lambda: "old configuration stays" in daemon.said(), "the refusal is told")
        self.assertRegex(daemon.said(), rf"proctord: {config}:2: [^\n]*verdict-timeout")
        self.assertEqual(self.timeout_in_force(daemon, "still"), 2000)

        self.write_config(good.format("2s") + "[proctord]\nsandboxes-max = 5\n")
        daemon.process.send_signal(signal.SIGHUP)
        wait_until(lambda: "sandboxes-max changes with a restart only" in daemon.said(), "what needs a restart is told")

    def test_sighup_reopens_a_record_that_was_renamed(self):
        record = self.dir / "record.jsonl"
        daemon = self.make(f"--introspection.file={record}")
        self.start_sleeper(daemon, "first")
        wait_until(lambda: "first" in record.read_text(), "the record tells of the first")
        record.rename(self.dir / "record.old")
        daemon.process.send_signal(signal.SIGHUP)
        wait_until(record.exists, "the record is a new file")
        self.start_sleeper(daemon, "second")
        wait_until(lambda: '"second"' in record.read_text(), "the record tells of the second")
        self.assertNotIn('"second"', (self.dir / "record.old").read_text())
        for line in [*record.read_text().rpartition("\n")[0].splitlines(), *(self.dir / "record.old").read_text().splitlines()]:
            self.assertIsInstance(json.loads(line), dict)

    def test_sigpipe_and_user_signals_do_it_no_harm(self):
        daemon = self.make()
        for number in (signal.SIGPIPE, signal.SIGUSR1, signal.SIGUSR2, signal.SIGALRM, signal.SIGTTOU):
            daemon.process.send_signal(number)
        self.assertEqual(proctor("run", "--daemon", daemon.socket, "--", "echo", "served").stdout, "served\n")


class Streams(Own):
    """Standard streams that nobody reads, that are full or closed."""

    def test_a_standard_error_that_is_full_does_not_stop_it(self):
        process = self.start_unheard("--introspection.file=none", redirections="2>/dev/full")
        self.assertEqual(proctor("run", "--daemon", self.socket, "--", "echo", "served").stdout, "served\n")
        self.assert_ends_in_order(process)

    def test_a_standard_error_whose_reader_has_gone_does_not_stop_it(self):
        config = self.dir / "proctord.conf"
        settings = '[sandbox]\nprocesses-max = 10\n[introspection]\nfile = "' + str(self.dir / "record-{}") + '"\n'
        config.write_text(settings.format(1))
        reader, writer = os.pipe()
        with os.fdopen(reader), os.fdopen(writer, "wb") as stderr:
            process = self.start_unheard(f"--config-file={config}", stderr=stderr)
        (self.dir / "record-1").unlink()
        # To be told: one setting that is in force at once, and one that needs a restart.
        config.write_text(settings.format(2).replace("10", "20"))
        process.send_signal(signal.SIGHUP)
        wait_until((self.dir / "record-1").exists, "the record is opened anew", START_S)
        self.assertTrue(self.serves())
        self.assert_ends_in_order(process)

    def test_closed_ones_are_not_taken_by_its_own_descriptors(self):
        if os.geteuid() != 0:
            return self.skip("needs root to look at the daemon's descriptors")
        process = self.start_unheard(redirections="<&- >&- 2>&-")  # its record goes to standard error
        self.assertEqual([os.readlink(f"/proc/{process.pid}/fd/{fd}") for fd in range(3)], ["/dev/null"] * 3)
        self.assertEqual(proctor("run", "--daemon", self.socket, "--", "echo", "served").stdout, "served\n")
        self.assert_ends_in_order(process)

    def test_closed_ones_do_no_harm_to_an_embedded_session(self):
        for closed in ("<&-", ">&-", "2>&-", "<&- >&- 2>&-"):
            done = subprocess.run(["sh", "-c", f'exec "$@" {closed}', "sh", PROCTOR, "run", "--embedded", "--", "sh",
                                   "-c", "kill -9 1; ls /proc/self/fd >/dev/null; exit 7"], timeout=DEADLINE_S,
                                  stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            self.assertEqual(done.returncode, 7, closed)


class RecordReaders(Own):
    """A record that is a pipe, and its reader."""

    def make_fifo(self):
        os.mkfifo(self.dir / "fifo")
        return str(self.dir / "fifo")

    def test_a_fifo_that_nobody_reads_is_refused_clearly(self):
        fifo = self.make_fifo()
        done = subprocess.run([PROCTORD, "--socket", str(self.dir / "d.sock"), f"--introspection.file={fifo}"],
                              capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=START_S)
        self.assertEqual(done.returncode, 1)
        self.assertRegex(done.stderr, rf"\Aproctord: [^\n]*{fifo}[^\n]*ENXIO[^\n]*\n\Z")

    def test_a_fifo_is_written_to_its_reader_until_the_end(self):
        fifo = self.make_fifo()
        with open(self.dir / "got", "wb") as got:
            reader = subprocess.Popen(["cat", fifo], stdout=got)
        self.addCleanup(self.end, reader)
        daemon = self.make(f"--introspection.file={fifo}")
        proctor("run", "--daemon", daemon.socket, "--", "true")
        self.assertEqual(daemon.stop(), 0)
        self.assertEqual(reader.wait(DEADLINE_S), 0)
        self.assertIn('"sandbox_ended"', (self.dir / "got").read_text())

    def start_with_stalled_reader(self, where):
        """A daemon whose record's reader does not read, and that reader's descriptor."""
        if where == "FIFO":
            fifo = self.make_fifo()
            reader = os.open(fifo, os.O_RDONLY | os.O_NONBLOCK)
            return self.start_unheard(f"--introspection.file={fifo}", stderr=subprocess.DEVNULL), reader
        reader, writer = os.pipe()
        os.set_blocking(reader, False)
        with os.fdopen(writer, "wb") as stderr:
            return self.start_unheard(stderr=stderr), reader

    def run_noisy(self):
        """A sandbox with more lines on record than a pipe has room for."""
        done = proctor("run", "--daemon", self.socket, "--", "sh", "-c", NOISY)
        self.assertEqual((done.returncode, done.stderr), (3, ""))

    def test_a_reader_that_does_not_read_stalls_nobody(self):
        for where in ("FIFO", "standard error"):
            with self.subTest(where=where):
                process, reader = self.start_with_stalled_reader(where)
                self.addCleanup(os.close, reader)
                self.run_noisy()
                self.assertEqual(proctor("run", "--daemon", self.socket, "--", "echo", "served").stdout, "served\n")
                got = b""

                def is_loss_on_record():
                    nonlocal got
                    proctor("run", "--daemon", self.socket, "--", "true")
                    try:
                        while part := os.read(reader, 1 << 20):
                            got += part
                    except BlockingIOError:
                        pass
                    return b'"record_lost"' in got

                wait_until(is_loss_on_record, "the record tells what was lost")
                for line in got.splitlines():
                    if not line.startswith(b"proctord: "):
                        self.assertIsInstance(json.loads(line), dict)
                self.run_noisy()
                self.assert_ends_in_order(process)

    def test_a_reader_that_does_not_read_stalls_no_embedded_session(self):
        fifo = self.make_fifo()
        reader = os.open(fifo, os.O_RDONLY | os.O_NONBLOCK)
        self.addCleanup(os.close, reader)
        done = proctor("run", "--embedded", f"--log={fifo}", "--", "sh", "-c", NOISY)
        self.assertEqual((done.returncode, done.stderr), (3, ""))


class Questions(Own):
    def test_ps_shows_sandboxes_and_their_processes(self):
        daemon = self.make()
        self.assertEqual(proctor("ps", "--socket", daemon.socket).stdout, "no sandboxes\n")
        self.daemon = daemon
        process = self.start_in("daemon", ["sh", "-c", "sleep 1000 & exec sleep 1001"], options=["--name", "shown"])

        def ready():
            found = [s for s in daemon.sandboxes() if len(s["processes"]) == 2]
            return found and all(p["command"] == "sleep" for p in found[0]["processes"]) and found[0]

        sandbox = wait_until(ready, "both processes are listed")
        self.assertEqual(common.parent_of(sandbox["init"]), process.pid)
        self.assertEqual(sandbox["command"], ["sh", "-c", "sleep 1000 & exec sleep 1001"])
        # The target's parent is outside the sandbox: 0.
        target, child = sorted(sandbox["processes"], key=lambda p: p["ppid"])
        self.assertEqual((target["pid"], target["ppid"], child["ppid"]), (sandbox["target"], 0, target["pid"]))
        table = proctor("ps", "--socket", daemon.socket).stdout
        for word in ("shown", str(target["pid"]), str(child["pid"]), "sleep"):
            self.assertIn(word, table)

    def test_what_is_sandboxed_is_told_nothing_whoever_supervises_it(self):
        (self.dir / "another").mkdir()
        asked, another = self.make(), self.make(directory=self.dir / "another")
        self.start_sleeper(asked, "shown")
        for where in (["--embedded"], ["--daemon", asked.socket], ["--daemon", another.socket]):
            for question in (["ps"], ["inspect", "shown"]):
                done = proctor("run", *where, "--", PROCTOR, *question, "--socket", asked.socket)
                self.assertEqual((done.returncode, done.stdout), (1, ""), (where, question))
                self.assertIn("a sandboxed process cannot talk to its supervisor", done.stderr)

    def test_inspect_tells_policy_actors_and_features(self):
        daemon = self.make()
        self.start_sleeper(daemon, "looked-at")
        sandbox = daemon.inspect("looked-at")
        kinds = {actor["kind"] for actor in sandbox["actors"]}
        self.assertLessEqual({"sandbox", "notification", "registry", "process"}, {k.replace("-", "_") for k in kinds})
        self.assertEqual(sandbox["policy"]["when_command_ends"], "end-tree")
        self.assertTrue(any("landlock" in feature for feature in sandbox["features"]))
        self.assertGreater(sandbox["notifications"], 0)
        text = proctor("inspect", "--socket", daemon.socket, "looked-at")
        self.assertEqual(text.returncode, 0)
        for word in ("looked-at", "policy", "actors", "verdicts", "sleep"):
            self.assertIn(word, text.stdout)
        missing = proctor("inspect", "--socket", daemon.socket, "nobody")
        self.assertEqual((missing.returncode, missing.stdout), (1, ""))
        self.assertEqual(missing.stderr, "proctor inspect: there is no sandbox named nobody\n")

    def test_inspect_tells_which_files_are_made_and_which_refused(self):
        daemon = self.make()
        self.start_sleeper(daemon, "plain")
        self.start_sleeper(daemon, "named", "--hostname", "box", "--proc=strict")
        plain, named = daemon.inspect("plain"), daemon.inspect("named")
        self.assertEqual([plain["policy"]["proc"], named["policy"]["proc"]], ["private", "strict"])
        self.assertIn("/proc/PID/stat", plain["procfs"]["virtual"])
        self.assertIn("/proc/kcore", plain["procfs"]["refused"])
        self.assertIn("/proc/PID/maps", plain["procfs"]["passed"])
        self.assertIn("/proc/PID/limits", plain["procfs"]["passed"])
        for kind, other in (("virtual", "refused"), ("virtual", "passed"), ("refused", "passed")):
            self.assertEqual(set(plain["procfs"][kind]) & set(plain["procfs"][other]), set())
        self.assertEqual(set(named["procfs"]["virtual"]) - set(plain["procfs"]["virtual"]),
                         {"/etc/hostname", "/etc/hosts", "/proc/sys/kernel/hostname"})
        text = proctor("inspect", "--socket", daemon.socket, "named").stdout
        for word in ("procfs", "/etc/hosts", "/proc/kcore", "strict"):
            self.assertIn(word, text)
        self.assertLess(max(map(len, text.splitlines())), 140)

    def test_inspect_tells_the_limits_and_whether_they_are_enforced(self):
        daemon = self.make()
        self.start_sleeper(daemon, "unlimited")
        self.start_sleeper(daemon, "limited", "-m512M", "-c", "1", "--processes=64", "--hostname", "box")
        self.assertEqual(daemon.inspect("unlimited")["policy"]["limits"], {})
        self.assertIn("/proc/PID/limits", daemon.inspect("limited")["procfs"]["virtual"])
        self.assertNotIn("/proc/PID/limits", daemon.inspect("limited")["procfs"]["passed"])
        self.assertEqual(daemon.inspect("limited")["policy"]["limits"], {
            "memory": {"value": 512 << 20, "enforced": "stated, not enforced"},
            "cpus": {"value": 1, "enforced": "by affinity"},
            "processes": {"value": 64, "enforced": "stated, not enforced"},
            "hostname": {"value": "box", "enforced": "told by every file and call"},
        })
        self.assertNotRegex(proctor("inspect", "--socket", daemon.socket, "unlimited").stdout, "(?m)^limits$")
        text = proctor("inspect", "--socket", daemon.socket, "limited").stdout
        for line in ("limits", "  memory +536870912 \\(stated, not enforced\\)", "  cpus +1 \\(by affinity\\)",
                     "  processes +64 \\(stated, not enforced\\)", "  hostname +box \\(told by every file and call\\)"):
            self.assertRegex(text, f"(?m)^{line}$")

    def test_without_a_daemon_they_say_so(self):
        nowhere = str(self.dir / "nowhere.sock")
        for arguments in (["ps"], ["ps", "--json"], ["inspect", "x"], ["inspect", "--json", "x"]):
            done = proctor(*arguments, "--socket", nowhere)
            self.assertEqual((done.returncode, done.stdout), (1, ""), arguments)
            self.assertRegex(done.stderr, r"\Aproctor (ps|inspect): no daemon answers at " + nowhere + r"[^\n]*\n\Z")

    def test_a_name_is_taken_once_and_free_again_afterwards(self):
        daemon = self.make()
        front = self.start_sleeper(daemon, "mine")
        second = proctor("run", "--daemon", daemon.socket, "--name", "mine", "--", "true")
        self.assertEqual(second.returncode, 125)
        self.assertEqual(second.stderr, "proctor: there is a sandbox named mine already\n")
        front.terminate()
        front.wait(DEADLINE_S)
        wait_until(lambda: proctor("run", "--daemon", daemon.socket, "--name", "mine", "--", "true").returncode == 0,
                   "the name is free again")

    def test_the_limit_of_sandboxes_holds(self):
        daemon = self.make("--sandboxes-max=1")
        self.start_sleeper(daemon, "one")
        second = proctor("run", "--daemon", daemon.socket, "--", "true")
        self.assertEqual(second.returncode, 125)
        self.assertIn("sandboxes-max", second.stderr)

    def test_check_tells_each_feature(self):
        done = proctor("check", "--json")
        answer = json.loads(done.stdout)
        self.assertEqual(done.returncode, 0 if answer["usable"] else 1)
        names = {feature["name"] for feature in answer["features"]}
        self.assertLessEqual({"seccomp-notify", "landlock", "pidfd-open"}, names)
        missing = [f["name"] for f in answer["features"] if f["need"] == "required" and not f["present"]]
        self.assertEqual(answer["usable"], not missing)
        table = proctor("check")
        self.assertEqual(table.returncode, done.returncode)
        for name in names:
            self.assertIn(name, table.stdout)


class Configuration(Own):
    def test_every_mistake_is_named_with_its_line(self):
        mistakes = {
            "[sandbox]\nverdict-timout = 5s\n": (2, "verdict-timout"),
            "[sandbox]\nverdict-timeout = 5\n": (2, "verdict-timeout"),
            "[sandbox]\nverdict-timeout = 5 s\n": (2, "verdict-timeout"),
            "[sandbox]\n\nverdict-timeout = 1h\n": (3, "verdict-timeout"),
            "[sandbox]\nprocesses-max = 0\n": (2, "processes-max"),
            "[sandbox]\nprocesses-max = many\n": (2, "processes-max"),
            "[sandbox]\nprocesses-max = 10\nprocesses-max = 20\n": (3, "processes-max"),
            "[sandboxes]\nprocesses-max = 10\n": (1, "sandboxes"),
            '[proctord]\nsocket = "relative"\n': (2, "socket"),
            '[proctord]\nsocket = "/unterminated\n': (2, ""),
            "[introspection]\nlevel = 'loud'\n": (2, "level"),
            "[scheduler]\npolicy = 'stealing'\n": (2, "policy"),
            "no section = 1\n": (1, ""),
        }
        config = self.dir / "bad.conf"
        for text, (line, word) in mistakes.items():
            config.write_text(text)
            for check in (["--check-config"], ["--socket", str(self.dir / "d.sock")]):
                with self.subTest(text=text, check=check[0]):
                    done = subprocess.run([PROCTORD, f"--config-file={config}", *check], capture_output=True, text=True,
                                          stdin=subprocess.DEVNULL, timeout=DEADLINE_S)
                    self.assertEqual((done.returncode, done.stdout), (2, ""))
                    self.assertIn(f"{config}:{line}: ", done.stderr)
                    self.assertIn(word, done.stderr)
                    self.assertFalse((self.dir / "d.sock").exists())

    def test_all_mistakes_of_a_file_are_named_at_once(self):
        config = self.dir / "bad.conf"
        config.write_text("[sandbox]\nprocesses-max = 0\npending-max = 'x'\n[introspection]\nwhat = 1\n")
        done = subprocess.run([PROCTORD, f"--config-file={config}", "--check-config"], capture_output=True, text=True,
                              timeout=DEADLINE_S)
        self.assertEqual([f":{n}: " in done.stderr for n in (2, 3, 5)], [True] * 3, done.stderr)

    def test_a_missing_file_and_a_bad_option_are_refused(self):
        for arguments in ([f"--config-file={self.dir}/none"], ["--no-such-option"], ["--sandboxes-max=none"],
                          ["--sandbox.verdict-timeout=1ns"], ["--socket", "relative"], ["stray"]):
            with self.subTest(arguments=arguments):
                done = subprocess.run([PROCTORD, *arguments], capture_output=True, text=True, stdin=subprocess.DEVNULL,
                                      timeout=DEADLINE_S)
                self.assertEqual(done.returncode, 2)
                self.assertNotEqual(done.stderr, "")

    def test_the_shipped_file_is_good(self):
        shipped = os.path.join(os.path.dirname(__file__), "../../config/proctord.conf")
        # An ordinary user's socket has its default below this.
        done = subprocess.run([PROCTORD, f"--config-file={shipped}", "--check-config"], capture_output=True, text=True,
                              timeout=DEADLINE_S, env=os.environ | {"XDG_RUNTIME_DIR": str(self.dir)})
        self.assertEqual((done.returncode, done.stderr), (0, ""))


if __name__ == "__main__":
    common.main()
