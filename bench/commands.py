#!/usr/bin/env python3
"""What whole programs cost under proctor: medians, bare, --proc=private and --proc=strict taken in turn in one run.

    commands.py DIRECTORY_OF_BINARIES [--json] [--rounds N] [--only WORD]

Each way has one sandbox that lives for the whole run, with a worker inside that starts the commands and takes their
time: what proctor costs to start is startup.py's business.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

WAYS = {"bare": None, "private": ["--proc=private"], "strict": ["--proc=strict"]}
PYTHON = "/usr/bin/python3"


def opens(path):
    """A loop within the worker: one open and read of a file."""
    return {"open": path, "times": 200}


def rows(directory):
    """(name, what the worker does, the ratio that is aimed at for private)."""
    return [
        ("open /etc/passwd (continued)", opens("/etc/passwd"), None),
        ("open /proc/self/maps (on behalf)", opens("/proc/self/maps"), None),
        ("open /proc/self/stat (made)", opens("/proc/self/stat"), None),
        ("open /proc/meminfo (made)", opens("/proc/meminfo"), None),
        ("ls /proc", {"command": ["ls", "/proc"]}, None),
        ("ps aux, 5 own processes", {"command": ["ps", "aux"], "sleepers": 5}, 1.0),
        ("ps aux, 100", {"command": ["ps", "aux"], "sleepers": 100}, 1.0),
        ("ps aux, 1000", {"command": ["ps", "aux"], "sleepers": 1000, "rounds": 5}, 1.0),
        ("find /usr -xdev", {"command": ["find", "/usr", "-xdev"], "rounds": 3}, 2.0),
        ("python3 -c 'import json, http.client'", {"command": [PYTHON, "-c", "import json, http.client"]}, 1.15),
        ("sh, 300 times /bin/true", {"command": ["sh", "-c", "for i in $(seq 300); do /bin/true; done"]}, None),
        ("git status, 10,000 files", {"command": ["git", "-C", f"{directory}/repository", "status", "-s"]}, None),
        ("make -B -j2, 40 files of C", {"command": ["make", "-s", "-B", "-j2", "-C", f"{directory}/project"],
                                        "rounds": 3}, 1.05),
    ]


def make_repository(directory):
    for number in range(10_000):
        file = directory / f"d{number // 100}" / f"f{number}"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(str(number))
    for command in (["init", "-q"], ["add", "."],
                    ["-c", "user.name=bench", "-c", "user.email=bench@localhost", "commit", "-qm", "all"]):
        subprocess.run(["git", "-C", directory, *command], check=True)


def make_project(directory):
    directory.mkdir()
    names = [f"f{number}" for number in range(40)]
    for name in names:
        body = "\n".join(f"int {name}_{n}(int a) {{ return printf(\"%d\", a + {n}); }}" for n in range(300))
        (directory / f"{name}.c").write_text(f"#include <stdio.h>\n#include <stdlib.h>\n{body}\n")
    (directory / "main.c").write_text("int main(void) { return 0; }\n")
    objects = " ".join(f"{name}.o" for name in [*names, "main"])
    (directory / "Makefile").write_text(f"program: {objects}\n\tcc -o $@ $^\n%.o: %.c\n\tcc -O1 -c -o $@ $<\n")


def work():
    """The worker: a JSON line in, the milliseconds out."""
    sleepers = []
    for line in sys.stdin:
        task = json.loads(line)
        while len(sleepers) < task.get("sleepers", 0):
            sleepers.append(subprocess.Popen(["sleep", "100000"]))
        while len(sleepers) > task.get("sleepers", 0):
            sleepers[-1].kill()
            sleepers.pop().wait()
        begin = time.perf_counter()
        if "open" in task:
            for _ in range(task["times"]):
                with open(task["open"], "rb", buffering=0) as file:
                    file.read()
        else:
            subprocess.run(task["command"], stdout=subprocess.DEVNULL, check=True)
        print((time.perf_counter() - begin) * 1000 / task.get("times", 1), flush=True)


def start_worker(proctor, options):
    command = [PYTHON, os.path.abspath(__file__), "--worker"]
    if options is not None:
        command = [proctor, "run", "--embedded", *options, "--", *command]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def ask(worker, task):
    worker.stdin.write(json.dumps(task) + "\n")
    worker.stdin.flush()
    return float(worker.stdout.readline())


def measure(proctor, directory, rounds, only):
    make_repository(Path(directory, "repository"))
    make_project(Path(directory, "project"))
    results = []
    for name, task, aim in rows(directory):
        if only not in name:
            continue
        # The others' processes would stand in the way of bare's ps.
        workers = {way: start_worker(proctor, options) for way, options in WAYS.items()}
        samples = {way: [] for way in WAYS}
        for number in range(1 + min(rounds, task.get("rounds", rounds))):  # the first warms up
            for way, worker in workers.items():
                taken = ask(worker, task)
                if number > 0:
                    samples[way].append(taken)
                ask(worker, {"command": ["true"]})  # ends its sleepers
        for worker in workers.values():
            worker.stdin.close()
            worker.wait()
        medians = {way: statistics.median(values) for way, values in samples.items()}
        results.append({"name": name, "ms": medians, "private": medians["private"] / medians["bare"],
                        "strict": medians["strict"] / medians["bare"], "aim": aim})
    return results


def main():
    if sys.argv[1:] == ["--worker"]:
        return work()
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("binaries", type=Path)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--rounds", type=int, default=11)
    parser.add_argument("--only", default="", help="rows whose name holds this")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="proctor-bench-") as directory:
        results = measure(str(arguments.binaries.resolve() / "proctor"), directory, arguments.rounds, arguments.only)
    if arguments.json:
        print(json.dumps(results, indent=2))
        return None
    print(f"{'program':<46} {'bare ms':>9} {'private':>8} {'strict':>8} {'aim':>6}")
    for row in results:
        aim = f"{row['aim']:>6.2f}{'  missed' if row['private'] > row['aim'] else ''}" if row["aim"] else ""
        print(f"{row['name']:<46} {row['ms']['bare']:>9.2f} {row['private']:>7.2f}x {row['strict']:>7.2f}x {aim}")
    return None


if __name__ == "__main__":
    sys.exit(main())
