"""Runtimes and tools that size themselves by the machine: each finds the cores and the memory that were stated, in
/proc, /sys and cgroups alike; and what a sandbox finds in /sys."""

import json
import os
import re
import shutil
import subprocess
import textwrap
from pathlib import Path

import common
from common import MODES, SystemTest

MEMORY = 512 << 20
LIMITS = ["-c", "1", "-m", "512M", "-P", "100"]
STRICT = [*LIMITS, "--proc=strict"]
PYTHON = "/usr/bin/python3"

# Finds its group as runtimes do: the mount in mountinfo, the group in /proc/self/cgroup, the limits in its files.
CGROUP_C = r"""
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>
static int fails;
static void show(const char *mount, const char *group, const char *name) {
  char path[8192], text[4096];
  snprintf(path, sizeof path, "%s%s/%s", mount, group, name);
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  ssize_t length = fd < 0 ? -1 : read(fd, text, sizeof text - 1);
  if (length < 0) { perror(path); fails = 1; return; }
  text[length] = 0;
  printf("%s=%.*s\n", name, (int)strcspn(text, "\n"), text);
  struct stat named, opened;
  if (getenv("STRICT") && (stat(path, &named) || fstat(fd, &opened) || named.st_mode != opened.st_mode ||
      access(path, R_OK) || !access(path, W_OK) || faccessat(AT_FDCWD, path, F_OK, 0))) { perror(name); fails = 1; }
  close(fd);
}
int main(void) {
  char line[8192], mount[4096] = "", group[4096] = "", type[64];
  FILE *file = fopen("/proc/self/mountinfo", "re");
  while (file && fgets(line, sizeof line, file)) {
    char where[4096], *dash = strstr(line, " - ");
    if (dash && sscanf(dash, " - %63s", type) == 1 && strcmp(type, "cgroup2") == 0 &&
        sscanf(line, "%*s %*s %*s %*s %4095s", where) == 1) strcpy(mount, where);
  }
  file = fopen("/proc/self/cgroup", "re");
  while (file && fgets(line, sizeof line, file)) sscanf(line, "0::%4095s", group);
  printf("mount=%s\ngroup=%s\n", mount, group);
  struct statfs info;
  printf("type=%lx\n", statfs(mount, &info) ? 0 : (unsigned long)info.f_type);
  static const char *const names[] = {"cpu.max", "memory.max", "memory.high", "memory.low", "memory.swap.max",
      "memory.swap.current", "pids.max", "cpuset.cpus.effective", "cpu.weight", "cgroup.controllers"};
  for (unsigned i = 0; i < sizeof names / sizeof *names; ++i) show(mount, group, names[i]);
  return fails;
}
"""
TOLD_BY_CGROUP = {"mount": "/sys/fs/cgroup", "group": "/", "type": "63677270", "cpu.max": "100000 100000",
                  "memory.max": str(MEMORY), "memory.high": "max", "memory.low": "0", "memory.swap.max": "0",
                  "memory.swap.current": "0", "pids.max": "100", "cpu.weight": "100",
                  "cgroup.controllers": "cpuset cpu memory pids"}

GO = r"""
package main

import (
	"fmt"
	"os"
	"runtime"
	"strings"
)

func main() {
	limit, err := os.ReadFile("/sys/fs/cgroup/memory.max")
	if err != nil {
		panic(err)
	}
	fmt.Println(runtime.GOMAXPROCS(0), runtime.NumCPU(), strings.TrimSpace(string(limit)))
}
"""

NODE = """const os = require("os"); console.log(JSON.stringify([os.cpus().length,
  os.availableParallelism ? os.availableParallelism() : 1, os.totalmem(), process.constrainedMemory()]))"""

PYTHON_CORES = """import multiprocessing, os
print(os.cpu_count(), multiprocessing.cpu_count(), len(os.sched_getaffinity(0)),
      os.process_cpu_count() if hasattr(os, "process_cpu_count") else 1, os.sysconf("SC_NPROCESSORS_CONF"))"""

# Reads files by every way to spell them; prints the errnos.
DISKS = r"""
import errno, os, sys
def attempt(what, *arguments, **keywords):
    try:
        what(*arguments, **keywords)
        return "told"
    except OSError as error:
        return errno.errorcode[error.errno]
link, name, device = sys.argv[1:4]
os.symlink(device, "device")
sys_fd = os.open("/sys", os.O_RDONLY | os.O_DIRECTORY)
answers = {
  "by class": attempt(open, f"/sys/class/block/{name}/stat"), "by block": attempt(open, f"/sys/block/{name}/stat"),
  "by device": attempt(open, f"{device}/stat"), "by dots": attempt(open, f"/sys/kernel/../.{device[4:]}/stat"),
  "from /sys": attempt(os.open, f"class/block/{name}/stat", os.O_RDONLY, dir_fd=sys_fd),
  "by /proc": attempt(open, f"/proc/self/root{device}/stat"), "by own link": attempt(open, "device/stat"),
  "link": attempt(os.readlink, f"/sys/class/block/{name}"), "directory": attempt(os.listdir, device),
}
os.chdir("/sys/class/block")
answers["from its directory"] = attempt(open, f"{name}/stat")
answers["listed"] = " ".join(os.listdir("/sys/block") + os.listdir("/sys/class/block") + os.listdir("/sys/dev/block"))
import json
print(json.dumps(answers))
"""


class Runtimes(SystemTest):
    def output(self, mode, command, options=LIMITS, **keywords):
        done = self.run_in(mode, command, options, **keywords)
        self.assertEqual((done.returncode, done.stderr), (0, b""), command)
        return done.stdout.decode()

    def has(self, *programs):
        missing = [name for name in programs if not shutil.which(name)]
        if missing:
            self.skip(f"no {'JDK' if missing[0] == 'java' else missing[0]} here")
        return not missing

    def test_a_program_that_reads_its_cgroup(self):
        if not self.has("cc"):
            return
        source = self.dir / "cgroup.c"
        source.write_text("#include <stdlib.h>\n" + CGROUP_C)
        subprocess.run(["cc", "-O1", "-D_GNU_SOURCE", "-o", self.dir / "cgroup", source], check=True)
        for mode in MODES:
            for options in (LIMITS, STRICT):
                with self.subTest(mode=mode, options=options):
                    environment = dict(os.environ, STRICT="1") if options is STRICT else None
                    said = self.output(mode, ["./cgroup"], options, env=environment)
                    told = dict(line.split("=", 1) for line in said.splitlines())
                    self.assertRegex(told.pop("cpuset.cpus.effective"), r"\A\d+\Z")
                    self.assertEqual(told, TOLD_BY_CGROUP)

    def test_go(self):
        if not self.has("go"):
            return
        (self.dir / "told.go").write_text(GO)
        environment = dict(os.environ, GOCACHE=str(self.dir / "cache"), GO111MODULE="off", GOTOOLCHAIN="local",
                           HOME=str(self.dir), CGO_ENABLED="0")
        environment.pop("GOMAXPROCS", None)
        built = subprocess.run(["go", "build", "-o", "told", "told.go"], cwd=self.dir, env=environment,
                               capture_output=True, check=False)
        self.assertEqual(built.returncode, 0, built.stderr)
        for mode in MODES:
            with self.subTest(mode=mode):
                self.assertEqual(self.output(mode, ["./told"]), f"1 1 {MEMORY}\n")

    def test_java(self):
        if not self.has("java"):
            return
        ask = ["java", "-XX:+UseSerialGC", "-Xlog:os+container=trace", "-XshowSettings:system",
               "-XX:+PrintFlagsFinal", "-version"]
        for mode in MODES:
            with self.subTest(mode=mode):
                done = self.run_in(mode, ask, ["-c", "1", "-m", "512M", "-P", "10000"])
                said = (done.stdout + done.stderr).decode()
                self.assertEqual(done.returncode, 0, said)
                self.assertIn("Provider: cgroupv2", said)
                self.assertIn("Effective CPU Count: 1\n", said)
                self.assertIn("total physical memory: 536870912\n", said)
                self.assertIn("Memory Limit is: 536870912\n", said)
                self.assertRegex(said, r"MaxHeapSize += 134217728 ")  # a quarter, as on a machine of that size
                self.assertIn("Maximum Processes Limit: 10000\n", said)
                # What it misses is what the kernel may lack too.
                missed = set(re.findall(r"[Oo]pen of file (\S+) failed|Failed to read (\S+)", said))
                self.assertEqual(missed, set(), said)

    def test_node(self):
        if not self.has("node"):
            return
        for mode in MODES:
            with self.subTest(mode=mode):
                self.assertEqual(json.loads(self.output(mode, ["node", "-e", NODE])), [1, 1, MEMORY, MEMORY])

    def test_python(self):
        for mode in MODES:
            with self.subTest(mode=mode):
                self.assertEqual(self.output(mode, [PYTHON, "-c", PYTHON_CORES]), "1 1 1 1 1\n")

    def test_lscpu_and_nproc_know_of_no_other_cpu(self):
        if not self.has("lscpu"):
            return
        for mode in MODES:
            with self.subTest(mode=mode):
                said = {field["field"]: field["data"]
                        for field in json.loads(self.output(mode, ["lscpu", "--json"]))["lscpu"]}
                flat = {name.rstrip(":"): data for name, data in said.items()}
                cpu = flat["On-line CPU(s) list"]
                self.assertRegex(cpu, r"\A\d+\Z")
                expected = {"CPU(s)": "1", "Thread(s) per core": "1", "Core(s) per socket": "1", "Socket(s)": "1"}
                self.assertEqual({name: flat[name] for name in expected}, expected)
                self.assertEqual({data for name, data in flat.items() if re.match(r"NUMA node\d+ CPU", name)} - {None, ""},
                                 {cpu} if "NUMA node(s)" in flat else set())
                for name, data in flat.items():
                    if re.match(r"L\d.? cache", name):
                        self.assertRegex(data, r"(1 instance)")
                shown = self.output(mode, ["sh", "-c", "echo /sys/devices/system/cpu/cpu[0-9]* /sys/bus/cpu/devices/*;"
                                           "cat /sys/devices/system/cpu/cpu[0-9]*/topology/*_list"])
                names, *lists = shown.splitlines()
                own, = {name.rpartition("/cpu")[2] for name in names.split()}  # which one differs from run to run
                self.assertEqual(set(lists), {own})
                self.assertEqual(self.output(mode, ["nproc", "--all"]), "1\n")

    def test_numactl_shows_the_own_cpus_and_memory(self):
        if not self.has("numactl"):
            return
        for mode in MODES:
            with self.subTest(mode=mode):
                said = self.output(mode, ["numactl", "--hardware"])
                cpus = [cpu for line in re.findall(r"(?m)^node \d+ cpus:(.*)$", said) for cpu in line.split()]
                sizes = [int(size) for size in re.findall(r"(?m)^node \d+ size: (\d+) MB$", said)]
                self.assertEqual(len(cpus), 1, said)
                self.assertLessEqual(512 - sum(sizes), len(sizes), said)  # each is rounded down
                self.assertLessEqual(sum(sizes), 512, said)

    def test_hwloc_shows_the_own_cpus_and_memory(self):
        if not self.has("lstopo-no-graphics"):
            return
        for mode in MODES:
            with self.subTest(mode=mode):
                said = self.output(mode, ["lstopo-no-graphics", "--of", "console"])
                self.assertEqual(len(re.findall(r"PU L#\d+", said)), 1, said)
                self.assertRegex(said, r"Machine \(512MB")
                self.assertNotIn("Block", said)

    def test_disks_are_told_by_no_name(self):
        disks = sorted(Path("/sys/class/block").iterdir()) if Path("/sys/class/block").exists() else []
        whole = [disk for disk in disks if Path("/sys/block", disk.name).exists()]
        if not whole:
            self.skip("no disks here")
            return
        disk = whole[-1]
        ask = [PYTHON, "-c", DISKS, str(disk), disk.name, str(disk.resolve())]
        bare = json.loads(self.output("bare", ask))
        os.unlink(self.dir / "device")
        self.assertEqual({answer for name, answer in bare.items() if name != "listed"}, {"told"}, bare)
        self.assertIn(disk.name, bare["listed"].split())
        for mode in MODES:
            for options in ([], STRICT):
                with self.subTest(mode=mode, options=options):
                    said = json.loads(self.output(mode, ask, options))
                    os.unlink(self.dir / "device")
                    refused = {name for name, answer in said.items() if answer == "EACCES"}
                    self.assertEqual(said.pop("listed"), "")
                    self.assertLessEqual(refused, {"by own link", "by /proc"}, said)
                    self.assertEqual(set(said.values()) - {"EACCES"}, {"ENOENT"}, said)

    def test_tools_that_look_for_disks_and_mounts_end_in_order(self):
        if not self.has("lsblk", "findmnt"):
            return
        for mode in MODES:
            for options in ([], STRICT):
                with self.subTest(mode=mode, options=options):
                    self.assertEqual(self.output(mode, ["lsblk"], options), "")
                    for command in (["df"], ["findmnt"], ["mount"]):
                        self.assertIn(" /", self.output(mode, command, options))

    def test_what_no_sandbox_reads_is_refused_by_the_kernel_too(self):
        candidates = ["/sys/kernel/vmcoreinfo", "/sys/kernel/boot_params/version", "/sys/firmware/acpi/pm_profile",
                      "/sys/kernel/security/lsm", "/sys/kernel/slab/kmalloc-64/objs_per_slab"]
        files = [name for name in candidates if self.run_in("bare", ["cat", name]).returncode == 0]
        if not files:
            self.skip("no such files here")
            return
        link = self.dir / "link"  # a spelling that the supervisor does not follow: the kernel alone answers
        for mode in MODES:
            for name in files:
                with self.subTest(mode=mode, name=name):
                    link.symlink_to(name)
                    self.assertEqual(self.run_in("bare", ["cat", "link"]).returncode, 0)
                    for spelling in (name, "link", f"/proc/self/root{name}", name.replace("/kernel", "/./kernel")):
                        done = self.run_in(mode, ["cat", spelling], [])
                        self.assertEqual((done.returncode, done.stdout), (1, b""), spelling)
                        self.assertIn(b"Permission denied", done.stderr)
                    link.unlink()

    def test_a_race_for_a_hidden_file_is_refused_by_the_kernel(self):
        if not self.has("cc"):
            return
        disks = [disk.resolve() for disk in Path("/sys/class/block").glob("*")]
        if not disks:
            self.skip("no disks here")
            return
        # One thread opens a name that another swaps between a harmless file and the hidden one.
        source = self.dir / "race.c"
        source.write_text(textwrap.dedent(r"""
            #include <errno.h>
            #include <fcntl.h>
            #include <pthread.h>
            #include <stdio.h>
            #include <string.h>
            #include <unistd.h>
            static char name[4096];
            static const char *hidden;
            static void *swap(void *unused) {
              for (;;) { strcpy(name, "/dev/null"); strcpy(name, hidden); }
              return unused;
            }
            int main(int count, char **arguments) {
              hidden = arguments[1];
              int told = 0, others = 0;
              pthread_t thread;
              pthread_create(&thread, 0, swap, 0);
              for (int i = 0; i < 20000 && count; ++i) {
                char text[64] = "";
                int fd = open(name, O_RDONLY);
                if (fd >= 0 && read(fd, text, sizeof text) > 0) ++told;
                else ++others;
                if (fd >= 0) close(fd);
              }
              printf("%d\n", told);
              return 0;
            }"""))
        subprocess.run(["cc", "-O1", "-pthread", "-o", self.dir / "race", source], check=True)
        ask = ["./race", str(disks[-1] / "stat")]
        common.wait_until(lambda: int(self.output("bare", ask)) > 0, "without proctor the race is won")
        for mode in MODES:
            with self.subTest(mode=mode):
                self.assertEqual(self.output(mode, ask, []), "0\n")


if __name__ == "__main__":
    common.main()
