"""The programs people look at a machine with, inside a sandbox that is told what it has: each tells the same."""

import re
import shutil
import subprocess

import common
from common import MODES, SystemTest

LIMITS = ["-c", "1", "-m", "512M", "--hostname", "box"]
PYTHON = "/usr/bin/python3"

# A child that is a sleep by the time that this is done.
SLEEPER = "sleep 1000 & until pgrep -x sleep >/dev/null; do :; done"

# psutil's own tests that fail inside and not outside, and why that is right.
PSUTIL_DIFFERS = {
    "test_pid_0": "process 1 is not the sandbox's",
    "test_parents": "a sandbox's first process has no parent",
    "test_cpu_stats": "the machine's interrupts and context switches are not told",
    "test_disk_io_counters": "/proc/diskstats has no disks",
    "test_emulate_use_sysfs": "the same of /sys/block",
    # It asks /sys/dev/block for the name of the disk that "/" is on, where the kernel mounted it as /dev/root.
    "test_call_methods": "the same of /sys/dev/block",
    "test_against_findmnt": "the same of /sys/dev/block",
    "test_comparisons": "the same of /sys/dev/block",
    "test_disk_partitions_mocked": "the same of /sys/dev/block",
    "test_num_ctx_switches": "to read it through the supervisor is a context switch more",
}

# As `python3 -m psutil.tests`, or `-m unittest TEST...`, but without the pool of processes that one test class keeps: on
# a busy machine it deadlocks now and then, in a worker's semaphore, whoever runs it (psutil's issue 2104), and psutil
# leaves it out where it knows that it runs in CI.
PSUTIL_TESTS = r"""
import sys, unittest
import psutil.tests.runner as runner
import psutil.tests.test_contracts as contracts
contracts.CI_TESTING = True
load = runner.import_module_by_path  # the runner loads each module once more, under another name
def without_pool(path):
    module = load(path)
    if hasattr(module, "TestFetchAllProcesses"):
        module.CI_TESTING = True
    return module
runner.import_module_by_path = without_pool
unittest.main(module=None) if sys.argv[1:] else runner.main()
"""


class Clients(SystemTest):
    def output(self, mode, command, options=LIMITS):
        done = self.run_in(mode, command, options)
        self.assertEqual((done.returncode, done.stderr), (0, b""), command)
        return done.stdout.decode()

    def psutil_failures(self, mode, *tests):
        """The names of psutil's tests that fail, of all or of some; nothing when psutil's tests are not there."""
        command = [PYTHON, "-c", PSUTIL_TESTS, *tests]
        # They wait for many things themselves, each with a deadline, and all the longer on a busy machine.
        said = self.run_in(mode, command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                           timeout=3 * common.DEADLINE_S).stdout.decode(errors="replace")
        self.assertRegex(said, r"(?m)^Ran \d+ tests? in")
        return set(re.findall(r"(?m)^(?:FAIL|ERROR): (?:\w+ \()?([\w.]+)\)?$", said))

    def test_psutils_own_tests_pass_inside_as_outside(self):
        if self.run_in("bare", [PYTHON, "-c", "import psutil.tests"]).returncode != 0:
            self.skip("no psutil here")
            return
        outside = self.psutil_failures("bare")
        for mode in MODES:
            with self.subTest(mode=mode):
                inside = self.psutil_failures(mode)
                self.assertIn("test_pid_0", {name.rpartition(".")[2] for name in inside})  # they can be told
                worse = {name for name in inside - outside if name.rpartition(".")[2] not in PSUTIL_DIFFERS}
                # Some of them measure time and memory on a busy machine: what fails must fail by itself as well.
                worse = {name for name in worse if all(self.psutil_failures(mode, name) for _ in range(3))}
                self.assertEqual(worse, set())

    def test_procps_tells_the_sandboxs_cores_and_memory(self):
        for mode in MODES:
            with self.subTest(mode=mode):
                self.assertEqual(self.output(mode, ["nproc"]), "1\n")
                self.assertEqual(self.output(mode, ["nproc", "--all"]), "1\n")
                self.assertEqual(self.output(mode, ["free", "-m"]).split("Mem:")[1].split()[0], "512")
                self.assertEqual(self.output(mode, ["hostname"]), "box\n")
                self.assertRegex(self.output(mode, ["vmstat", "-s"]), r"(?m)^\s+524288 K total memory$")
                self.assertRegex(self.output(mode, ["ps", "auxf"]), r"\A[^\n]*\n[^\n]* ps auxf\n\Z")
                told = self.output(mode, ["sh", "-c", f"{SLEEPER}; pgrep -l .; kill $!"])  # in the order of the numbers
                self.assertEqual(sorted(line.split()[1] for line in told.splitlines()), ["sh", "sleep"])
                self.assertRegex(self.output(mode, ["sh", "-c", f"exec 2>/dev/null; {SLEEPER}; pkill sleep; wait $!; echo $?"]), r"143\n\Z")
                pstree = self.output(mode, ["sh", "-c", f"{SLEEPER}; pstree -p $$; kill $!"])
                self.assertRegex(pstree, r"\Ash\(\d+\)-\+-pstree\(\d+\)\n\s+`-sleep\(\d+\)\n\Z")

    def test_lsof_shows_own_files_only(self):
        if not shutil.which("lsof"):
            self.skip("no lsof here")
            return
        script = "exec 9>own.file; lsof -w | grep -v '^COMMAND' | awk '{print $1}' | sort -u | tr '\\n' ' '; lsof -w own.file"
        for mode in MODES:
            with self.subTest(mode=mode):
                said = self.output(mode, ["sh", "-c", script])
                commands = said.split("COMMAND")[0].split()
                self.assertLessEqual(set(commands), {"sh", "lsof", "grep", "awk", "sort", "tr"}, said)
                self.assertRegex(said, r"(?m)^sh\s+\d+.*9w.*own\.file$")

    def test_htop_on_a_terminal(self):
        if not shutil.which("htop") or not shutil.which("tmux"):
            self.skip("no htop here")
            return
        for mode in MODES:
            with self.subTest(mode=mode):
                session = f"proctor-htop-{mode}"
                tmux = ["tmux", "-L", f"{session}-{id(self)}"]
                inside = common.prefix(mode, self.daemon, LIMITS)
                subprocess.run([*tmux, "-f", "/dev/null", "new-session", "-d", "-x", "150", "-y", "40", *inside, "htop"],
                               check=True, cwd=self.dir)
                try:
                    def screen():
                        return subprocess.run([*tmux, "capture-pane", "-p"], capture_output=True, text=True,
                                              check=True).stdout
                    shown = common.wait_until(lambda: (text := screen()) and "/512M" in text and "htop" in text and text,
                                              "htop shows the memory")
                    self.assertRegex(shown, r"Tasks: 1\b")
                    self.assertNotRegex(shown, r"(?m)^\s*1\[.*\n?.*\s2\[")  # one CPU's bar
                    subprocess.run([*tmux, "send-keys", "q"], check=True)
                    common.wait_until(lambda: subprocess.run([*tmux, "has-session"], capture_output=True,
                                                             check=False).returncode != 0, "htop ends")
                finally:
                    subprocess.run([*tmux, "kill-server"], capture_output=True, check=False)


if __name__ == "__main__":
    common.main()
