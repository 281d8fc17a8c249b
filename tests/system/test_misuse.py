"""What people do wrong, and odd surroundings: a clear line and a status of 125, or it just works."""

import os
import pathlib
import re
import resource
import subprocess

import common
from common import DEADLINE_S, MODES, PROCTOR, SystemTest

CAP_SYS_RESOURCE = 24
HUGE = 2_000_000  # bytes of arguments and environment; the kernel's limit is a quarter of the stack's


def limit_descriptors(count):
    resource.setrlimit(resource.RLIMIT_NOFILE, (count, count))


class Misuse(SystemTest):
    def assert_refused(self, done, pattern=rb"", status=125):
        self.assertEqual((done.returncode, done.stdout), (status, b""), done.stderr)
        self.assertRegex(done.stderr, rb"(?s)\Aproctor[^\n]*" + pattern)
        self.assertLess(done.stderr.count(b"\n"), 25)

    def proctor(self, *arguments, **keywords):
        keywords.setdefault("stdin", subprocess.DEVNULL)
        return subprocess.run([PROCTOR, *arguments], capture_output=True, timeout=DEADLINE_S, cwd=self.dir, **keywords)

    def test_no_or_wrong_arguments_are_refused_with_a_hint(self):
        cases = [(["nonsense"], b"nonsense"), (["run"], b"CMD"), (["run", "--"], b"CMD"),
                 (["run", "--no-such-option", "--", "true"], b"no-such-option"), (["run", "--name"], b"name"),
                 (["run", "--name", "../x", "--", "true"], b"name"), (["run", "--name", "", "--", "true"], b"--name"),
                 (["run", "--daemon", "", "--", "true"], b"--daemon"),  # a variable that is not set
                 (["run", "--embedded", "--daemon", "/x", "--", "true"], b"exclude"),
                 (["run", "--log", "x", "--daemon", "/x", "--", "true"], b"--log"), (["run", "--daemon"], b"daemon"),
                 (["ps", "stray"], b""), (["inspect"], b""), (["inspect", "a", "b"], b""), (["check", "--what"], b"what")]
        for arguments, word in cases:
            with self.subTest(arguments=arguments):
                done = self.proctor(*arguments)
                self.assertNotEqual(done.returncode, 0)
                self.assertEqual(done.stdout, b"")
                self.assertIn(word, done.stderr)
                self.assertIn(b"proctor", done.stderr)
        self.assertEqual(self.proctor().returncode, 125)

    def test_help_and_version_are_no_failure(self):
        for arguments in (["--help"], ["-h"], ["help"], ["--version"], ["run", "--help"], ["ps", "--help"],
                          ["inspect", "--help"], ["check", "--help"]):
            done = self.proctor(*arguments)
            self.assertEqual((done.returncode, done.stderr), (0, b""), arguments)
            self.assertIn(b"proctor", done.stdout)

    def test_what_cannot_be_written_is_a_failure(self):
        for arguments in (["--help"], ["--version"], ["run", "--help"], ["check"], ["check", "--json"]):
            with self.subTest(arguments=arguments), open("/dev/full", "wb") as full:
                done = subprocess.run([PROCTOR, *arguments], stdout=full, stderr=subprocess.PIPE, timeout=DEADLINE_S,
                                      check=False)
                self.assertEqual(done.returncode, 125, done.stderr)
                self.assertRegex(done.stderr, rb"\Aproctor: [^\n]+\n\Z")

    def test_options_after_cmd_are_cmds(self):
        for mode in MODES:
            self.assertEqual(self.run_in(mode, ["echo", "--help", "--", "-x"]).stdout, b"--help -- -x\n")
        self.assertEqual(self.proctor("run", "--embedded", "echo", "--embedded").stdout, b"--embedded\n")

    def test_a_daemon_that_is_not_there_is_named(self):
        self.assert_refused(self.proctor("run", "--daemon", "/nowhere/d.sock", "--", "true"), rb": no daemon answers at /nowhere")
        (self.dir / "plain").write_text("")
        self.assert_refused(self.proctor("run", "--daemon", str(self.dir / "plain"), "--", "true"), rb": no daemon answers")
        self.assert_refused(self.proctor("run", "--daemon", "x" * 300, "--", "true"))

    def test_a_log_that_cannot_be_written_is_refused_and_cmd_not_run(self):
        for log in ("/nowhere/log", str(self.dir), "/proc/nonsense"):
            done = self.proctor("run", "--log", log, "--", "touch", "ran")
            self.assert_refused(done, log.encode())
            self.assertFalse((self.dir / "ran").exists())

    def test_closed_standard_descriptors_stay_closed_for_cmd(self):
        script = "for n in 0 1 2; do if [ -e /proc/self/fd/$n ]; then echo $n; fi; done >&7; exit 4"
        for closed in ((0,), (1,), (2,), (0, 1), (0, 1, 2)):
            results = {}
            for mode in ("bare", *MODES):
                with open(self.dir / "seen", "wb") as seen:
                    def close():
                        os.dup2(seen.fileno(), 7)
                        for number in closed:
                            os.close(number)
                    done = subprocess.run([*common.prefix(mode, self.daemon), "sh", "-c", script], preexec_fn=close,
                                          close_fds=False, timeout=DEADLINE_S, cwd=self.dir, check=False)
                results[mode] = (done.returncode, (self.dir / "seen").read_bytes())
            with self.subTest(closed=closed):
                self.assertEqual(results["bare"][0], 4)
                self.assertEqual(results["embedded"], results["bare"])
                self.assertEqual(results["daemon"], results["bare"])

    def test_proctors_own_failure_without_a_stderr_is_still_125(self):
        for mode in MODES:
            done = subprocess.run([*common.prefix(mode, self.daemon), "no-such-command-anywhere"], timeout=DEADLINE_S,
                                  preexec_fn=lambda: os.close(2), check=False)
            self.assertEqual(done.returncode, 127)

    def test_a_standard_error_that_takes_nothing_keeps_nobody(self):
        for reader in ("gone", "asleep"):
            with self.subTest(reader=reader):
                reads, writes = os.pipe()
                os.set_blocking(writes, False)
                try:
                    while reader == "asleep":
                        os.write(writes, bytes(4096))
                except BlockingIOError:
                    pass
                os.set_blocking(writes, True)
                if reader == "gone":
                    os.close(reads)
                done = self.run_in("bare", [PROCTOR, "run", "--daemon=/nowhere", "--", "true"], stderr=writes)
                self.assertEqual(done.returncode, 125)
                os.close(writes)
                if reader == "asleep":
                    os.close(reads)

    def test_a_low_limit_of_descriptors_is_enough_or_refused_at_the_start(self):
        for count in (12, 16, 24, 63):
            with self.subTest(count=count):
                done = self.run_in("embedded", ["true"], preexec_fn=lambda: limit_descriptors(count))
                self.assertEqual(done.returncode, 125)
                self.assertRegex(done.stderr, rb"\Aproctor: the hard limit of open files \(ulimit -Hn\) is %d, and "
                                              rb"[^\n]+ at least 64[^\n]*\n\Z" % count)
        for mode in MODES:
            with self.subTest(mode=mode):
                done = self.run_in(mode, ["sh", "-c", "cat /proc/self/comm; ulimit -n; exit 3"],
                                   preexec_fn=lambda: limit_descriptors(64))
                self.assertEqual((done.returncode, done.stdout), (3, b"cat\n64\n"), done.stderr)

    def test_a_limit_of_the_callers_is_not_accepted_as_a_lack_of_the_kernels(self):
        told = set()
        for count in range(6, 20):
            done = self.run_in("daemon", ["true"], options=["--accept-degraded", "--name", f"few-{count}"],
                               preexec_fn=lambda: limit_descriptors(count))
            self.assertIn(done.returncode, (0, 125), done.stderr)
            told.add(b"Landlock" in done.stderr)
        self.assertEqual(told, {False, True})  # some had too few for the rules alone

    def test_a_low_limit_of_file_lengths_is_cmds_alone_or_refused_at_the_start(self):
        script = ["sh", "-c", "wc -c </proc/self/mountinfo >&2 && cat /proc/meminfo /proc/self/status | wc -l; ulimit -f"]
        status = pathlib.Path("/proc/self/status").read_text()
        may_raise = int(re.search(r"CapEff:\s+(\w+)", status)[1], 16) >> CAP_SYS_RESOURCE & 1
        for mode in MODES:
            for soft, hard in ((512, resource.RLIM_INFINITY), (512, 512)):
                with self.subTest(mode=mode, hard=hard):
                    done = self.run_in(mode, script, options=["-m", "1G"],
                                       preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard)))
                    if mode == "embedded" and hard == 512 and not may_raise:
                        self.assert_refused(done, rb"ulimit -Hf\) is 512 bytes[^\n]+ at least 1048576")
                        continue
                    self.assertEqual(done.returncode, 0, done.stderr)
                    lines, left = done.stdout.split()
                    self.assertGreater(int(lines), 60)
                    self.assertEqual(left, b"1")  # of 512 bytes each

    def test_a_proc_of_other_numbers_is_said(self):
        if os.geteuid() != 0:
            return self.skip("making a pid namespace needs root")
        for mode in MODES:
            with self.subTest(mode=mode):
                done = subprocess.run(["unshare", "--pid", "--fork", *common.prefix(mode, self.daemon), "true"],
                                      capture_output=True, timeout=DEADLINE_S, stdin=subprocess.DEVNULL, check=False)
                self.assert_refused(done, rb"/proc is that of another pid namespace[^\n]+mount one[^\n]+\n\Z")
        own = subprocess.run(["unshare", "--pid", "--fork", "--mount-proc", *common.prefix("daemon", self.daemon), "true"],
                             capture_output=True, timeout=DEADLINE_S, stdin=subprocess.DEVNULL, check=False)
        self.assert_refused(own, rb"[^\n]+ use --embedded\n\Z")

    def test_a_low_soft_limit_is_raised_for_the_supervisor_alone(self):
        script = "for i in $(seq 100); do sleep 1000 & done; ls /proc | grep -c '^[0-9]'; ulimit -Sn; kill $(jobs -p)"
        hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
        done = self.run_in("embedded", ["bash", "-c", script],
                           preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (64, hard)))
        self.assertEqual(done.returncode, 0, done.stderr)
        seen, soft = done.stdout.split()
        self.assertGreater(int(seen), 100)
        self.assertEqual(soft, b"64")

    def test_many_inherited_descriptors_reach_cmd_and_no_further(self):
        with open(self.dir / "held", "wb") as held:
            def inherit():
                resource.setrlimit(resource.RLIMIT_NOFILE, (1024, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))
                for number in range(10, 900):
                    os.dup2(held.fileno(), number)

            self.assert_shell_same("ls /proc/self/fd | wc -l", preexec_fn=inherit, close_fds=False)

    def test_a_cwd_without_permission_to_write_is_fine(self):
        self.assertEqual(self.assert_shell_same("pwd; cat /proc/self/comm", cwd="/proc/1")[0], 0)
        self.assertEqual(self.assert_shell_same("pwd; ls", cwd="/sys/kernel")[0], 0)

    def test_very_long_command_lines_and_environments_pass(self):
        def deep_stack():
            hard = resource.getrlimit(resource.RLIMIT_STACK)[1]
            wanted = 64 << 20
            resource.setrlimit(resource.RLIMIT_STACK, (wanted if hard < 0 else min(wanted, hard), hard))

        chunk = "x" * 100_000
        arguments = [chunk] * (HUGE // 2 // len(chunk))
        environment = {"PATH": os.environ["PATH"], **{f"V{n}": chunk for n in range(HUGE // 2 // len(chunk))}}
        script = 'printf %s "$@" | wc -c; printf %s "$V3" | wc -c; tr -dc x < /proc/self/environ | wc -c'
        status, output, _ = self.assert_same_as_bare(["sh", "-c", script, "sh", *arguments], env=environment,
                                                     preexec_fn=deep_stack)
        self.assertEqual(status, 0)
        self.assertEqual(output.split()[:2], [b"%d" % (HUGE // 2), b"100000"])

    def test_a_command_of_any_bytes_runs(self):
        odd = os.path.join(os.fsencode(self.dir), b"caf\xe9\xff \n'\"")
        with open(odd, "wb") as file:
            file.write(b"#!/bin/sh\nprintf '%s|' \"$0\" \"$@\"; cat /proc/self/comm; exit 5\n")
        os.chmod(odd, 0o755)
        status, output, _ = self.assert_same_as_bare([odd, b"\xff\xfe", b"", b"a\nb", "\u20ac".encode()])
        self.assertEqual(status, 5)
        self.assertIn(b"|\xff\xfe||a\nb|", output)

    def test_proctor_inside_proctor_works_or_says_why_not(self):
        for outer in MODES:
            for inner in MODES:
                with self.subTest(outer=outer, inner=inner):
                    nested = [*common.prefix(inner, self.daemon), "echo", "inside"]
                    done = self.run_in(outer, nested)
                    if done.returncode == 0:
                        self.assertEqual((done.stdout, done.stderr), (b"inside\n", b""))
                    else:
                        self.assert_refused(done)
                        self.assertEqual(done.stderr.count(b"\n"), 1, done.stderr)

    def test_without_home_and_runtime_directory(self):
        environment = {"PATH": "/usr/bin:/bin"}
        for mode in MODES:
            self.assertEqual(self.run_in(mode, ["sh", "-c", "env | grep -c ."], env=environment).returncode, 0)
        done = self.proctor("run", "--", "echo", "ran", env=environment)
        self.assertEqual((done.returncode, done.stdout), (0, b"ran\n"), done.stderr)

    def test_an_ordinary_user_is_told_where_no_daemon_can_be(self):
        if os.geteuid() == 0:
            return
        done = self.proctor("ps", env={"PATH": "/usr/bin:/bin"})
        self.assertEqual(done.returncode, 1)
        self.assertIn(b"XDG_RUNTIME_DIR", done.stderr)

    def test_a_name_of_the_most_bytes_works_and_a_longer_one_is_refused(self):
        self.assertEqual(self.run_in("daemon", ["true"], options=["--name", "n" * 32]).returncode, 0)
        self.assert_refused(self.run_in("daemon", ["true"], options=["--name", "n" * 5000]), rb"[^\n]*--name")

    def test_a_limit_that_is_none_is_refused_and_cmd_not_run(self):
        size, cpus, processes = rb"expected 1M to 1024T", rb"expected a whole number from 1 to 8192\n", \
            rb"expected a whole number from 1 to 4194304\n"
        cases = {
            ("--memory", "-m"): (size, "0", "many", "512X", "1.5G", "-1", "512 M", "4K", "1048575", "1025T", "9" * 30),
            ("--cpus", "-c"): (cpus, "0", "-1", "1.5", "two", "02", "0x2", "8193", "9" * 30),
            ("--processes", "-P"): (processes, "0", "-1", "1e3", "all", "4194305", "9" * 30),
            ("--hostname",): (rb"the hostname ", "-a", "a.", "a b", "a/b", "caf\u00e9", "x" * 65),
        }
        for (name, *short), (expected, *values) in cases.items():
            for value in values:
                spellings = [[name, value], [f"{name}={value}"], *([s, value] for s in short), *([s + value] for s in short)]
                for words in spellings:
                    with self.subTest(words=words):
                        done = self.proctor("run", *words, "--", "touch", "ran")
                        self.assert_refused(done, rb" run: %s: " % name.encode() + rb"[^\n]*" + expected)
                        self.assertIn(b"'proctor run --help'", done.stderr)
            for words in [[name, ""], [f"{name}="], *([s, ""] for s in short)]:
                with self.subTest(words=words):
                    self.assert_refused(self.proctor("run", *words, "--", "touch", "ran"), rb" run: %s: " % name.encode())
            with self.subTest(name=name):
                self.assert_refused(self.proctor("run", name), rb" run: %s: " % name.encode())
        self.assertFalse((self.dir / "ran").exists())

    def test_options_of_cmd_that_look_like_limits_are_cmds(self):
        for mode in MODES:
            done = self.run_in(mode, ["echo", "-m", "0", "--cpus=0", "-P0"], options=["-m", "512M", "-P64"])
            self.assertEqual((done.returncode, done.stdout), (0, b"-m 0 --cpus=0 -P0\n"), done.stderr)

    def test_setuid_programs_gain_nothing(self):
        # no_new_privs: a promise of every sandbox. Inside, su and the like run as the caller.
        status, output, _ = self.run_status("grep NoNewPrivs /proc/self/status")
        self.assertEqual((status, output.split()), (0, [b"NoNewPrivs:", b"1"] * len(MODES)))

    def run_status(self, script):
        done = [self.run_in(mode, ["sh", "-c", script]) for mode in MODES]
        return max(d.returncode for d in done), b"".join(d.stdout for d in done), b""


if __name__ == "__main__":
    common.main()
