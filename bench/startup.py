#!/usr/bin/env python3
"""What `proctor run -- true` costs over `true`: medians, interleaved in one run.

    startup.py DIRECTORY_OF_BINARIES [--json] [--rounds N]
"""

import argparse
import json
import os
import statistics
import subprocess
import tempfile
import time
from pathlib import Path

TARGETS_MS = {"embedded": 5.0, "daemon": 2.0}  # over the bare command
TRUE = "/bin/true"


def time_ms(command):
    """From just before the start of a command to its end."""
    begin = time.perf_counter()
    pid = os.posix_spawn(command[0], command, os.environ)
    _, status = os.waitpid(pid, 0)
    elapsed = (time.perf_counter() - begin) * 1000
    if status != 0:
        raise SystemExit(f"bench: {command} ended with {os.waitstatus_to_exitcode(status)}")
    return elapsed


def start_daemon(proctord, socket):
    process = subprocess.Popen([proctord, "--socket", socket, "--introspection.file=none"],
                               stderr=subprocess.PIPE, text=True)
    if "ready" not in process.stderr.readline():
        raise SystemExit("bench: proctord did not start")
    return process


def measure(binaries, rounds):
    """Median milliseconds by way."""
    proctor = str(binaries / "proctor")
    with tempfile.TemporaryDirectory() as directory:
        socket = str(Path(directory) / "d.sock")
        daemon = start_daemon(str(binaries / "proctord"), socket)
        try:
            commands = {"bare": [TRUE], "embedded": [proctor, "run", "--embedded", "--", TRUE],
                        "daemon": [proctor, "run", f"--daemon={socket}", "--", TRUE]}
            samples = {way: [] for way in commands}
            for number in range(rounds + 1):  # the first warms up
                for way, command in commands.items():
                    elapsed = time_ms(command)
                    if number > 0:
                        samples[way].append(elapsed)
        finally:
            daemon.terminate()
            daemon.wait()
    return {way: statistics.median(values) for way, values in samples.items()}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("binaries", type=Path)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--rounds", type=int, default=51)
    arguments = parser.parse_args()
    medians = measure(arguments.binaries.resolve(), arguments.rounds)
    rows = [{"name": way, "ms": ms, "over_bare_ms": ms - medians["bare"], "at_most_ms": TARGETS_MS.get(way)}
            for way, ms in medians.items()]
    if arguments.json:
        print(json.dumps(rows, indent=2))
        return
    print(f"{'run of true':<46} {'ms':>9} {'over':>7} {'at most':>8}")
    for row in rows:
        target = row["at_most_ms"]
        print(f"{row['name']:<46} {row['ms']:>9.2f} {row['over_bare_ms']:>7.2f} "
              + (f"{target:>8.2f}{'  missed' if row['over_bare_ms'] > target else ''}" if target else ""))


if __name__ == "__main__":
    main()
