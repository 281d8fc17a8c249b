"""Programs behave under proctor, embedded and by daemon, as they do without: output, errors, exit status."""

import hashlib
import os
import re
import resource
import shutil
import signal
import subprocess
import sys
import unittest

import common
from common import MODES, SystemTest, without_pids


def installed(*names):
    return all(shutil.which(name) for name in names)


class ExitStatus(SystemTest):
    def test_every_kind_of_exit_status_passes_through(self):
        for status in (0, 1, 2, 3, 42, 77, 124, 125, 126, 127, 128, 129, 137, 143, 200, 254, 255):
            with self.subTest(status=status):
                self.assertEqual(self.assert_shell_same(f"exit {status}")[0], status)

    def test_death_by_a_signal_is_128_plus_its_number(self):
        for name in ("HUP", "KILL", "USR1", "SEGV", "PIPE", "TERM", "ABRT", "RTMIN"):
            number = int(getattr(signal, "SIG" + name))
            for mode in MODES:
                with self.subTest(signal=name, mode=mode):
                    done = self.run_in(mode, ["sh", "-c", f"ulimit -c 0; kill -{number} $$"])
                    self.assertEqual((done.returncode, done.stdout, done.stderr), (128 + number, b"", b""))

    def test_death_by_the_terminals_signals_is_proctors_own_death(self):
        # As a shell does: whoever waits for proctor must see that the user interrupted it.
        for number in (signal.SIGINT, signal.SIGQUIT):
            for mode in MODES:
                with self.subTest(signal=number, mode=mode):
                    done = self.run_in(mode, ["sh", "-c", f"ulimit -c 0; kill -{int(number)} $$"])
                    self.assertEqual(done.returncode, -number)

    def test_a_command_that_is_not_there_is_127_and_one_that_cannot_be_executed_126(self):
        (self.dir / "plain").write_text("no program\n")
        (self.dir / "garbage").write_bytes(b"\x7fELFgarbage")
        (self.dir / "garbage").chmod(0o755)
        (self.dir / "dangling").symlink_to("nowhere")
        cases = {"no-such-command-anywhere": 127, "./nowhere": 127, "./dangling": 127, "": 127, "./plain": 126, "./": 126,
                 "/etc": 126, "./plain/below": 127}
        for mode in MODES:
            for command, status in cases.items():
                with self.subTest(mode=mode, command=command):
                    done = self.run_in(mode, [command])
                    self.assertEqual(done.returncode, status, done.stderr)
                    self.assertRegex(done.stderr, rb"\Aproctor: [^\n]+\n\Z")
                    self.assertEqual(done.stdout, b"")

    def test_a_file_without_a_format_of_its_own_is_given_to_the_shell(self):
        (self.dir / "script").write_text("echo by sh; exit 4\n")
        (self.dir / "script").chmod(0o755)
        for mode in MODES:  # as env, nice and nohup do
            done, wanted = self.run_in(mode, ["./script", "x"]), self.run_in("bare", ["env", "./script", "x"])
            self.assertEqual((done.returncode, done.stdout), (wanted.returncode, wanted.stdout))

    def test_signals_reach_traps_and_are_told_apart(self):
        script = ("trap 'echo usr1' USR1; trap 'echo term; exit 9' TERM; kill -USR1 $$; (exit 3); echo $?; "
                  "kill -TERM $$; echo not reached")
        self.assertEqual(self.assert_shell_same(script), (9, b"usr1\n3\nterm\n", b""))

    def test_a_signal_to_proctor_reaches_the_command(self):
        for mode in MODES:
            for name in ("USR1", "TERM", "HUP", "INT"):
                with self.subTest(mode=mode, signal=name):
                    process = self.start_in(mode, ["sh", "-c", f"trap 'echo got {name}; exit 7' {name}; echo ready; "
                                                               "while :; do sleep 0.02; done"])
                    self.assertEqual(process.stdout.readline(), b"ready\n")
                    process.send_signal(getattr(signal, "SIG" + name))
                    self.assertEqual(process.stdout.readline(), f"got {name}\n".encode())
                    self.assertEqual(process.wait(common.DEADLINE_S), 7)

    def test_a_child_killed_by_a_signal_is_reported_by_the_shell_as_without(self):
        script = "ulimit -c 0; sh -c 'kill -SEGV $$'; echo $?; sleep 100 & kill $!; wait $!; echo $?"
        self.assert_same_as_bare(["bash", "-c", script], normalise=without_pids)


class Surroundings(SystemTest):
    def test_a_big_stdin_comes_out_unchanged(self):
        block = os.urandom(1 << 20)
        with open(self.dir / "big", "wb") as big:
            for _ in range(100):
                big.write(block)
        wanted = hashlib.sha256(block * 100).hexdigest()
        for mode in MODES:
            with self.subTest(mode=mode), open(self.dir / "big", "rb") as big:
                process = self.start_in(mode, ["cat"], stdin=big)
                digest = hashlib.sha256()
                while piece := process.stdout.read(1 << 20):
                    digest.update(piece)
                self.assertEqual((process.wait(common.DEADLINE_S), digest.hexdigest()), (0, wanted))

    def test_stdout_and_stderr_stay_apart(self):
        self.assertEqual(self.assert_shell_same("echo out; echo err >&2; echo more"), (0, b"out\nmore\n", b"err\n"))

    def test_the_environment_is_the_callers(self):
        odd = {b"PATH": os.environb[b"PATH"], b"EMPTY": b"", b"BYTES": b"\xff\xfe\x80", b"LINES": b"a\nb", b"A B": b"=="}
        status, output, _ = self.assert_same_as_bare(["env", "-0"], env=odd)
        self.assertEqual(status, 0)
        self.assertEqual(dict(item.split(b"=", 1) for item in output.split(b"\0") if item), odd)

    def test_an_empty_environment_stays_empty(self):
        self.assertEqual(self.assert_same_as_bare(["/usr/bin/env"], env={}), (0, b"", b""))

    def test_cwd_umask_and_limits_are_the_callers(self):
        def before():
            os.umask(0o027)
            resource.setrlimit(resource.RLIMIT_NOFILE, (123, 456))
            resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
            resource.setrlimit(resource.RLIMIT_STACK, (4 << 20, 8 << 20))
            os.nice(3)

        script = "pwd; umask; ulimit -a; ulimit -Ha; nice; touch made; stat -c %a made; rm made"
        status, output, _ = self.assert_same_as_bare(["bash", "-c", script], preexec_fn=before)
        self.assertEqual(status, 0)
        self.assertIn(str(self.dir).encode(), output)
        self.assertIn(b"0027\n", output)
        self.assertIn(b"640\n", output)

    def test_a_deleted_cwd_is_no_obstacle(self):
        def vanish():
            gone = self.dir / f"gone-{os.getpid()}"
            gone.mkdir()
            os.chdir(gone)
            gone.rmdir()

        self.assertEqual(self.assert_same_as_bare(["echo", "here"], preexec_fn=vanish), (0, b"here\n", b""))

    def test_signal_dispositions_and_mask_are_inherited_as_without(self):
        def before():
            signal.signal(signal.SIGUSR2, signal.SIG_IGN)
            signal.signal(signal.SIGPIPE, signal.SIG_DFL)
            signal.pthread_sigmask(signal.SIG_SETMASK, {signal.SIGWINCH})

        script = "grep -E '^Sig(Blk|Ign|Cgt)' /proc/self/status"
        self.assertEqual(self.assert_shell_same(script, preexec_fn=before)[0], 0)

    def test_descriptors_are_the_callers_and_no_more(self):
        script = "ls /proc/self/fd | wc -l; readlink /proc/self/fd/0; echo to five >&5"
        with open(self.dir / "five", "wb") as five:
            self.assert_shell_same(script, preexec_fn=lambda: os.dup2(five.fileno(), 5), close_fds=False)
        self.assertEqual((self.dir / "five").read_bytes(), b"to five\n" * 3)

    def test_nohup_setsid_nice_timeout_and_env_work(self):
        self.assert_shell_same("nohup echo nohup; setsid -w echo setsid; nice -n 5 nice; env -i A=1 /usr/bin/env; "
                               "timeout 0.2 sleep 100; echo $?; timeout 50 true; echo $?")

    def test_the_users_identity_is_the_callers(self):
        self.assert_shell_same("id; whoami; groups; hostname; uname -a; tty")


class Tools(SystemTest):
    def test_pipelines_and_their_statuses(self):
        script = ("set -o pipefail; seq 1 20000 | sort -r | head -3; echo ${PIPESTATUS[@]}; yes | head -1000 | sha256sum; "
                  "false | true; echo $?; seq 5 | while read n; do echo \"<$n>\"; done 2>&1; "
                  "cat <(echo substituted) <<<heredoc -; diff <(seq 3) <(seq 4)")
        status, output, _ = self.assert_same_as_bare(["bash", "-c", script], normalise=without_pids)
        self.assertEqual((status, output[-32:]), (1, b"<5>\nsubstituted\nheredoc\n3a4\n> 4\n"))

    def test_xargs_with_many_at_once(self):
        output = self.assert_shell_same("seq 1 300 | xargs -P 8 -n 1 sh -c 'echo $((0+$1))' _ | sort -n | sha256sum")[1]
        wanted = hashlib.sha256("".join(f"{n}\n" for n in range(1, 301)).encode()).hexdigest()
        self.assertIn(wanted.encode(), output)

    def test_find_over_a_large_tree(self):
        status, output, _ = self.assert_shell_same("find /usr/share -xdev | wc -l; find /usr/share/doc -name 'c*' | sort | "
                                                   "sha256sum; ls -lR /usr/lib/python3 | sha256sum; ls /etc/default | sha256sum")
        self.assertEqual(status, 0)
        self.assertGreater(int(output.split()[0]), 100)

    def test_the_root_directory_and_proc_look_as_without(self):
        self.assert_shell_same("stat -c '%F %a %U' / /proc /proc/self; cd /; pwd; cd /usr/..; pwd; cd /proc; pwd; "
                               "cat self/comm; ls | grep -v '^[0-9]'")

    def test_tar_and_compression_round_trip(self):
        script = ("mkdir t && (cd t && seq 1 50 | while read n; do echo $n > file$n; ln file$n hard$n; ln -s file$n soft$n; "
                  "done); tar czf t.tgz t && mkdir u && tar xzf t.tgz -C u && diff -r t u/t && ls -l u/t | wc -l; "
                  "tar tzf t.tgz | sort | sha256sum; rm -r t u t.tgz")
        self.assertEqual(self.assert_shell_same(script)[0], 0)

    def test_git_makes_the_same_commit(self):
        if not installed("git"):
            return self.skip("no git here")
        env = {"PATH": os.environ["PATH"], "HOME": str(self.dir), "GIT_CONFIG_NOSYSTEM": "1"}
        for who in ("AUTHOR", "COMMITTER"):
            env |= {f"GIT_{who}_NAME": "A", f"GIT_{who}_EMAIL": "a@b", f"GIT_{who}_DATE": "1700000000 +0000"}
        script = ("git init -q -b main r 2>&1 && cd r && seq 1000 > f && mkdir d && echo x > d/g && git add . && git commit -qm one "
                  "&& echo y >> d/g && git commit -qam two && git log --stat && git gc -q && git fsck && git status -s && "
                  "git clone -q . ../c && git -C ../c rev-parse HEAD && cd .. && rm -rf r c")
        status, output, _ = self.assert_shell_same(script, env=env)
        self.assertEqual(status, 0)
        self.assertRegex(output, rb"commit [0-9a-f]{40}")

    def test_gcc_compiles_links_and_the_result_runs(self):
        if not installed("gcc"):
            return self.skip("no gcc here")
        (self.dir / "m.c").write_text('#include <stdio.h>\n#include <math.h>\n'
                                      'int main(int n, char** v) { printf("%.3f %s\\n", sqrt(n), v[1]); return n; }\n')
        self.assertEqual(self.assert_shell_same("gcc -O2 -pipe -Wall m.c -o m -lm && ./m x y; echo $?; gcc nowhere.c; "
                                                "sha256sum < m; rm m")[0], 0)

    def test_interpreters(self):
        programs = {
            "perl": ["perl", "-e", 'my $p = fork; if (!$p) { exit 5 } waitpid $p, 0; print $? >> 8, " ", `echo back`; '
                     'open F, "<", "/proc/self/comm"; print <F>; system "exit 3"; print $? >> 8, "\n"; die "so\n"'],
            "node": ["node", "-e", "const c = require('child_process'); console.log(c.execSync('echo child').toString().trim(),"
                     " c.spawnSync('sh', ['-c', 'exit 4']).status, require('fs').readFileSync('/proc/self/comm', 'utf8').trim());"
                     "new (require('worker_threads').Worker)('console.log(6 * 7); process.exit(0)', {eval: true})"
                     ".on('exit', () => process.exit(6))"],
            "awk": ["awk", 'BEGIN { while (("seq 3" | getline line) > 0) print "got", line; exit 8 }'],
            "make": ["make", "-s", "-j4", "-f", "-"],
        }
        statuses = {"perl": None, "node": 6, "awk": 8, "make": 0}
        makefile = b"all: a b c d\n\t@echo done\na b c d:\n\t@sleep 0.05; true\n"
        for name, command in programs.items():
            if not installed(name):
                self.skip(f"no {name} here")
                continue
            with self.subTest(program=name):
                status, _, _ = self.assert_same_as_bare(command, input=makefile if name == "make" else b"")
                if statuses[name] is not None:
                    self.assertEqual(status, statuses[name])

    def test_java(self):
        if not installed("java") or not installed("javac"):
            return self.skip("no JDK here")
        (self.dir / "T.java").write_text(
            "public class T { public static void main(String[] a) throws Exception {"
            " var ts = new Thread[20]; var sum = new java.util.concurrent.atomic.AtomicInteger();"
            " for (int i = 0; i < ts.length; i++) { ts[i] = new Thread(() -> sum.incrementAndGet()); ts[i].start(); }"
            " for (var t : ts) t.join();"
            ' System.out.println(sum + " " + new ProcessBuilder("sh", "-c", "exit 5").start().waitFor()); System.exit(3); } }')
        self.assertEqual(self.assert_shell_same("javac T.java && java -XX:+UseSerialGC T")[:2], (3, b"20 5\n"))


class Terminate(SystemTest):
    def test_what_cmd_left_running_is_ended_with_it(self):
        # setsid and a double fork: neither the group nor the parent leads there.
        script = "(setsid sh -c 'sleep 1000 & echo $!; exec sleep 1000' & echo $!) ; setsid sleep 1001 & echo $!; exit 5"
        for mode in MODES:
            with self.subTest(mode=mode):
                done = self.run_in(mode, ["sh", "-c", script])
                self.assertEqual(done.returncode, 5)
                pids = [int(word) for word in done.stdout.split()]
                # CMD may end before the inner shell spoke; those that did are dead when proctor is.
                self.assertGreaterEqual(len(pids), 2)
                self.assertEqual([pid for pid in pids if common.is_alive(pid)], [])

    def test_linger_waits_for_what_cmd_left(self):
        script = "exec >/dev/null 2>&1; (setsid sh -c 'until test -e go; do sleep 0.05; done; echo late > proof' &) ; exit 6"
        for mode in MODES:
            with self.subTest(mode=mode):
                for name in ("go", "proof"):
                    (self.dir / name).unlink(missing_ok=True)
                process = self.start_in(mode, ["sh", "-c", script], options=["--linger"])
                lingering = common.wait_until(
                    lambda: [pid for pid in common.descendants_of(process.pid)
                             if b"until test" in cmdline(pid) and b"exit 6" not in cmdline(pid)],
                    "the left-over runs")
                common.wait_until(lambda: not any(b"exit 6" in cmdline(pid) and pid != process.pid
                                                  and b"proctor" not in cmdline(pid)
                                                  for pid in common.descendants_of(process.pid)), "CMD has ended")
                self.assertIsNone(process.poll())
                self.assertTrue(common.is_alive(lingering[0]))
                (self.dir / "go").write_text("")
                self.assertEqual(process.wait(common.DEADLINE_S), 6)
                self.assertEqual((self.dir / "proof").read_text(), "late\n")


def cmdline(pid):
    try:
        with open(f"/proc/{pid}/cmdline", "rb") as file:
            return file.read()
    except (FileNotFoundError, ProcessLookupError):
        return b""


if __name__ == "__main__":
    common.main()
