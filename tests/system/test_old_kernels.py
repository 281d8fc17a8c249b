"""Kernels that lack something, played by a filter in front of the real one: `check` says what follows, and that is what
follows, of `run` and of the daemon alike."""

import ctypes
import errno
import struct
import subprocess

import common
from common import DEADLINE_S, MODES, PROCTOR, PROCTORD, SystemTest, wait_until

PR_SET_SECCOMP, PR_SET_NO_NEW_PRIVS, SECCOMP_MODE_FILTER = 22, 38, 2
SYS_SECCOMP, SYS_LANDLOCK_CREATE_RULESET = 317, 444
NEW_LISTENER_WAIT_KILLABLE = 8 | 32
BPF_LOAD, BPF_JUMP_IF_EQUAL, BPF_RETURN = 0x20, 0x15, 0x06
NUMBER_AT, SECOND_ARGUMENT_AT = 0, 24  # in seccomp_data
ALLOW, FAIL = 0x7FFF0000, 0x00050000

libc = ctypes.CDLL(None, use_errno=True)


def fail_calls(number, error, second_argument=None):
    """Makes a system call of the calling process, and of all it starts, fail from now on."""
    program = [(BPF_LOAD, 0, 0, NUMBER_AT), (BPF_JUMP_IF_EQUAL, 0, 3 if second_argument is not None else 1, number)]
    if second_argument is not None:
        program += [(BPF_LOAD, 0, 0, SECOND_ARGUMENT_AT), (BPF_JUMP_IF_EQUAL, 0, 1, second_argument)]
    program += [(BPF_RETURN, 0, 0, FAIL | error), (BPF_RETURN, 0, 0, ALLOW)]
    code = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *step) for step in program))
    header = struct.pack("HxxxxxxQ", len(program), ctypes.addressof(code))
    assert libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0
    assert libc.prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, ctypes.c_char_p(header)) == 0


def without_landlock():
    fail_calls(SYS_LANDLOCK_CREATE_RULESET, errno.EOPNOTSUPP)


def without_wait_killable():
    fail_calls(SYS_SECCOMP, errno.EINVAL, NEW_LISTENER_WAIT_KILLABLE)


class OldKernels(SystemTest):
    def check(self, kernel):
        done = subprocess.run([PROCTOR, "check"], capture_output=True, text=True, timeout=DEADLINE_S, preexec_fn=kernel,
                              check=False)
        return done.returncode, done.stdout.splitlines()[-1]

    def test_without_landlock_only_who_accepts_that_is_served(self):
        self.assertEqual(self.check(without_landlock),
                         (0, "proctor can run here, degraded, with --accept-degraded. Missing: landlock"))
        foreign = subprocess.Popen(["sleep", str(DEADLINE_S)])
        self.addCleanup(self.end, foreign)
        script = ["sh", "-c", f"cat /proc/self/comm; cat /proc/{foreign.pid}/comm; ls /proc | grep -cx {foreign.pid}"]
        for mode in MODES:
            with self.subTest(mode=mode):
                refused = self.run_in(mode, ["echo", "ran"], preexec_fn=without_landlock)
                self.assertEqual((refused.returncode, refused.stdout), (125, b""))
                self.assertRegex(refused.stderr, rb"\Aproctor: this kernel cannot keep /proc shut with Landlock[^\n]+"
                                                 rb"--accept-degraded[^\n]+EOPNOTSUPP[^\n]*\n\Z")
                served = self.run_in(mode, script, options=["--accept-degraded"], preexec_fn=without_landlock)
                self.assertEqual(served.stdout, b"cat\n0\n", served.stderr)
                self.assertIn(b"No such file or directory", served.stderr)

    def test_inspect_says_that_landlock_is_missing(self):
        self.start_in("daemon", ["sleep", str(DEADLINE_S)], options=["--accept-degraded", "--name", "old"],
                      preexec_fn=without_landlock)
        wait_until(lambda: self.daemon.sandboxes(), "the sandbox is there")
        self.assertEqual(self.daemon.inspect("old")["degraded"],
                         ["no Landlock: the supervisor alone, not the kernel, keeps /proc shut"])

    def test_before_5_19_there_is_no_sandbox(self):
        self.assertEqual(self.check(without_wait_killable), (1, "proctor cannot run here. Missing: seccomp-wait-killable"))
        for mode in MODES:
            for options in ([], ["--accept-degraded"]):
                with self.subTest(mode=mode, options=options):
                    refused = self.run_in(mode, ["echo", "ran"], options=options, preexec_fn=without_wait_killable)
                    self.assertEqual((refused.returncode, refused.stdout), (125, b""))
                    self.assertRegex(refused.stderr, rb"\Aproctor: this kernel \(before Linux 5\.19\)[^\n]+"
                                                     rb"'proctor check'\n\Z")
        refused = subprocess.run([PROCTORD, "--socket", self.dir / "d.sock"], capture_output=True, timeout=DEADLINE_S,
                                 stdin=subprocess.DEVNULL, preexec_fn=without_wait_killable, check=False)
        self.assertEqual((refused.returncode, refused.stdout), (1, b""))
        self.assertRegex(refused.stderr, rb"\Aproctord: this kernel [^\n]+ lacks seccomp-wait-killable[^\n]+\n\Z")


if __name__ == "__main__":
    common.main()
