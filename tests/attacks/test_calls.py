"""Rows 2, 3, 15 to 17, 19 to 21, 29 and 30 of the threats: calls that reach for others or go behind the gate's back.

A foreign process is answered for, call by call, as a number that nobody has.
"""

import errno
import os
import re
import shutil
import signal
import subprocess
from pathlib import Path

import arena
from arena import ATTACKER, IS_ROOT, NOBODY, AttackTest, OrdinaryUser, values
from common import DEADLINE_S, MODES, is_alive, stat_fields

SPELLINGS = Path(__file__).resolve().parent.parent / "procfs" / "spellings.hpp"

# What the filter or the supervisor must answer; several where the kernel may come first.
REFUSED = {
    **dict.fromkeys(["int80-getpid", "int80-open", "x32-getpid", "x32-open", "no-such-call", "clone3",
                     "io_uring_setup", "io_uring_enter", "io_uring_register"], errno.ENOSYS),
    **dict.fromkeys(["clone-parent", "clone-user", "clone-garbage", "unshare-user", "unshare-mounts", "unshare-pids",
                     "setns", "chroot", "mount-bind", "mount-proc", "open_tree", "fsopen", "pivot_root", "by-handle",
                     "pidfd_getfd", "userfaultfd", "bpf", "perf", "keyctl", "tiocsti", "tiocsti-wide", "tioclinux",
                     "fanotify_init", "vhangup", "tiocvhangup", "syslog"],
                    errno.EPERM),
    **dict.fromkeys(["listmount", "statmount"], errno.ENOSYS),
    **dict.fromkeys(["next-mounts", "own-mounts"], errno.ENOTTY),
    "listener": errno.EBUSY,
    "sched-core": errno.EINVAL,
    "netlink-audit": errno.EPROTONOSUPPORT,
}
# Those that work bare, for root or for everybody, and change nothing outside their process.
WORK_BARE = {
    True: ["clone3", "unshare-user", "chroot", "pidfd_getfd", "by-handle", "listener", "keyctl", "fanotify_init", "syslog"],
    False: ["clone3", "pidfd_getfd", "listener", "fanotify_init"],
}


def by_process(found):
    """{name of process: {call: errno}} from lines `process:call errno`."""
    calls = {}
    for line, error in found.items():
        process, colon, call = line.partition(":")
        if colon:
            calls.setdefault(process, {})[call] = error
    return calls


class OtherProcesses(AttackTest):
    def play(self, command, others, directory):
        """Starts the attacker, tells it the pids that `others(process)` names, and returns what it found."""
        player = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=directory)
        self.addCleanup(self.end, player)
        self.assertEqual(player.stdout.readline(), b"ready\n")
        named = {"nobody": NOBODY, "victim": self.victim_pid, **others(player)}
        player.stdin.write((" ".join(f"{name}={pid}" for name, pid in named.items()) + "\n").encode())
        player.stdin.flush()
        output = player.stdout.read()
        self.assertEqual(player.wait(DEADLINE_S), 0, output)
        self.assertTrue(output.endswith(b"end\n"), output)
        return by_process(values(output)), named

    def check(self, command, others, directory, owner):
        before = {}

        def pick(player):
            found = others(player)
            before.update({pid: (os.sched_getaffinity(pid), os.getpriority(os.PRIO_PROCESS, pid))
                           for pid in found.values() if pid != 1})
            return found

        found, named = self.play(command, pick, directory)
        dead = found.pop("nobody")
        self.assertGreater(len(dead), 60)
        self.assertNotIn(0, dead.values(), f"somebody is nobody: {dead}")
        for process, calls in found.items():
            different = {call: (error, dead[call]) for call, error in calls.items() if error != dead[call]}
            self.assertEqual(different, {}, f"{owner}: the {process} is told from a process that does not exist")
        for pid, state in before.items():
            try:
                now = os.sched_getaffinity(pid), os.getpriority(os.PRIO_PROCESS, pid)
            except ProcessLookupError:
                continue  # it has ended, with its session
            fields = stat_fields(pid)
            if fields and fields[0] not in "ZX":
                self.assertEqual(now, state)
                self.assertNotIn(fields[0], "Tt", "the supervisor or the front is stopped")
        self.report(f"{owner}: {sum(len(c) for c in found.values())} calls at {', '.join(sorted(found))}: none got through")

    def bare(self, prefix, attacker, directory, owner):
        """That the attacks are real: how many calls at the victim succeed without proctor."""
        found, _ = self.play([*prefix, attacker, "processes"], lambda _: {}, directory)
        through = [call for call, error in found["victim"].items() if error == 0]
        self.report(f"{owner}, bare: {len(through)} of {len(found['victim'])} calls at the victim got through")
        self.assertGreater(len(through), 40)

    def test_supervisor_front_and_strangers_do_not_exist_for_any_call(self):
        self.victim()
        owner = "root" if IS_ROOT else "user"
        self.bare([], ATTACKER, self.dir, owner)
        self.victim()  # the one before has been played with
        for mode in MODES:
            def others(player, mode=mode):
                supervisor = self.daemon.pid if mode == "daemon" else self.supervisor_of(player)
                return {"supervisor": supervisor, "front": player.pid, "init": 1}
            self.check([*arena.prefix(mode, self.daemon), ATTACKER, "processes"], others, self.dir, f"{owner}, {mode}")

    def test_an_ordinary_user_reaches_its_own_supervisor_no_more_than_root(self):
        if not IS_ROOT:
            return self.skip("needs root to become a user of its own")
        user = OrdinaryUser(self)
        self.victim(user.prefix, user.attacker)
        self.bare(user.prefix, user.attacker, user.directory, "ordinary user")
        self.end_user(user)
        self.victim(user.prefix, user.attacker)
        self.check(user.sandboxed(user.attacker, "processes"),
                   lambda player: {"supervisor": self.supervisor_of(player), "front": player.pid, "init": 1},
                   user.directory, "ordinary user, embedded")

    def end_user(self, user):
        for pid in user.processes():
            os.kill(pid, signal.SIGKILL)

    def test_a_signal_or_a_priority_for_everybody_stays_inside(self):
        if not IS_ROOT:
            return self.skip("needs root to become a user of its own")
        user = OrdinaryUser(self)
        victim = self.victim(user.prefix, user.attacker)
        done = subprocess.run(user.bare(user.attacker, "broadcast"), capture_output=True, timeout=DEADLINE_S, check=True)
        self.assertEqual(values(done.stdout)["all"], 0)
        self.assertEqual(victim.wait(DEADLINE_S), -signal.SIGUSR1, "bare, the attack must reach the victim")

        victim = self.victim(user.prefix, user.attacker)
        # In a group of its own: the group of the session, with the front in it, is not this test's.
        done = subprocess.run(user.sandboxed(user.attacker, "broadcast", str(victim.pid), str(os.getpgid(0))),
                              capture_output=True, timeout=DEADLINE_S, start_new_session=True, check=False)
        found = values(done.stdout)
        self.assertEqual((done.returncode, done.stderr), (0, b""), "the front or the supervisor was hit")
        self.assertIsNone(victim.poll(), "the victim was hit")
        for call in ("priority-of-user", "priority-of-group", "ioprio-of-user"):
            self.assertEqual(found[call], errno.EPERM)
        self.assertEqual(os.getpriority(os.PRIO_PROCESS, victim.pid), os.getpriority(os.PRIO_PROCESS, 0))

    def test_a_setuid_program_gains_nothing(self):
        if not IS_ROOT:
            return self.skip("needs root to make a setuid program")
        user = OrdinaryUser(self)
        program = user.directory.parent / "id"
        shutil.copy("/usr/bin/id", program)
        program.chmod(0o4755)
        bare = subprocess.run(user.bare(str(program)), capture_output=True, timeout=DEADLINE_S, check=True).stdout
        if b"euid=0" not in bare:
            return self.skip("set-user-id programs do not work in /tmp here")
        inside = subprocess.run(user.sandboxed(str(program)), capture_output=True, timeout=DEADLINE_S, check=True)
        self.assertNotIn(b"euid=", inside.stdout)
        # A privileged process beside it, of the same session even, is not the user's to read.
        for file in ("mem", "environ", "maps", "fd"):
            script = f"exec cat /proc/$PPID/{file} /proc/1/{file}"
            done = subprocess.run(user.sandboxed("sh", "-c", script), capture_output=True, timeout=DEADLINE_S, check=False)
            self.assertEqual((done.returncode, done.stdout), (1, b""))


class Spellings(AttackTest):
    FROM = {"cwd": b"0", "root": b"1", "proc": b"2", "own": b"3"}

    def corpus(self):
        """tests/procfs/spellings.hpp, which the gate's own tests use as well: (spellings, links) as bytes."""
        text = SPELLINGS.read_text()

        def plain(quoted):
            return quoted.encode().decode("unicode_escape").encode("latin-1")

        spellings = [self.FROM[start] + plain(words) for start, words in
                     re.findall(r'Spelling\{From::(\w+), "((?:[^"\\]|\\.)*)"\}', text)]
        links = [(plain(name), plain(words)) for name, words in
                 re.findall(r'Link\{"([^"]*)", "([^"]*)"\}', text)]
        self.assertGreater(len(spellings), 100)
        self.assertGreater(len(links), 5)
        return spellings, links

    def errors(self, mode, pid, spellings, links):
        number, directory = str(pid).encode(), str(self.dir).encode()
        for name, target in links:
            link = os.path.join(directory, name.replace(b"%", number))
            if not os.path.lexists(link):
                os.symlink(target.replace(b"%", number), link)
        paths = [text.replace(b"%", number).replace(b"@", directory) for text in spellings]
        done = self.run_in(mode, [ATTACKER, "spell", "/proc"], input=b"".join(path + b"\0" for path in paths))
        self.assertEqual((done.returncode, done.stderr), (0, b""))
        lines = done.stdout.decode().splitlines()
        self.assertEqual(len(lines), len(paths))
        return lines

    def test_every_spelling_of_a_foreign_pid_answers_as_one_that_does_not_exist(self):
        self.victim()
        spellings, links = self.corpus()
        for mode in MODES:
            dead = self.errors(mode, NOBODY, spellings, links)
            for foreign in (self.victim_pid, 1, os.getpid()):
                found = self.errors(mode, foreign, spellings, links)
                wrong = {text: f"{f}, nobody {d}" for text, f, d in zip(spellings, found, dead)
                         if not (f == d or self.only_shows_existence(text, f, d))}
                self.assertEqual(wrong, {}, f"{mode}: a foreign process shows")
            ways = sum(len(line.split()) for line in dead)
            self.report(f"{mode}: {len(spellings)} spellings, {ways} calls, three foreign processes: as if nobody")

    def only_shows_existence(self, text, found, dead):
        """Links of the target's own making to /proc are the kernel's to refuse (procfs/path_hints.hpp): its files stay
        shut, and directories tell nothing, but that the process is there shows, as by stat."""
        ways = ["read", "path", "directory", "write", "create", "nofollow", "path-nofollow", "openat2", "in-root",
                "no-magic", "list", "below", "open", "chdir", "exec"]
        found, dead = (dict(zip(ways, line.split())) for line in (found, dead))
        may_open = {"path", "path-nofollow", "chdir"}
        if text.endswith((b"dir-%", b"dir-%/", b"slash-%")):  # the directory itself, not what is in it
            may_open |= {"read", "directory", "nofollow", "openat2", "in-root", "no-magic", "open"}
        return text[1:2] == b"@" and all(found[way] != "0" or dead[way] == "0" for way in set(ways) - may_open)


class Paths(AttackTest):
    """Every call that takes a path, by every spelling of the corpus and some more (attacker_paths.c)."""

    maxDiff = None
    FROM, corpus = Spellings.FROM, Spellings.corpus
    MORE = [b"0", b"0/*proc/%", b"0/*proc/%/stat", b"0/+proc/%/stat", b"0/proc/%/*stat", b"0/proc/%/\xff\xfe\x01",
            b"0/proc/%/stat\xff", b"1", b"2", b"3", b"2%/*stat", b"3../%/exe", b"0/proc/self/root/*proc/%/comm",
            b"0/proc/%/attr", b"0/proc/%/net", b"0/proc/%/net/tcp", b"0/proc/%/task/%/ns/user", b"0/proc/net/../%/exe"]

    # What own files answer otherwise than without proctor, for a reason; by call.
    OWN_DIFFERS = {
        "fanotify_mark": "judged before the kernel looks at the descriptor",
        "openat2-cached": "depends on what the kernel remembers",
    }

    def answers(self, mode, pid, options=(), links_too=True):
        """({spelling: {call: answer}}, {call: class})"""
        spellings, links = self.corpus()
        spellings = [text for text in spellings if links_too or b"@" not in text] + self.MORE
        directory = self.dir / "links"
        directory.mkdir(exist_ok=True)
        words = [part for name, text in links for part in (b"L@/" + name, b"L" + text)] + spellings
        done = self.run_in(mode, [ATTACKER, "paths", str(pid), str(directory)], options,
                           input=b"".join(word + b"\0" for word in words))
        self.assertEqual((done.returncode, done.stderr), (0, b""), mode)
        lines = done.stdout.decode().splitlines()
        names = [*spellings, b"0(runs off)", b"0(null)"]
        self.assertEqual(len(lines), len(names) + 1)
        parsed = [dict(pair.split("=") for pair in line.partition(":")[2].split() or line.split()) for line in lines]
        return dict(zip(names, parsed[1:])), parsed[0]

    def different(self, found, wanted, calls):
        return {(text, call): f"{found[text][call]} {answer}" for text, answers in wanted.items()
                for call, answer in answers.items() if call in calls and found[text].get(call) != answer}

    def test_a_foreign_process_answers_every_call_by_path_as_a_dead_one(self):
        self.victim()
        bare, classes = self.answers("bare", self.victim_pid, links_too=False)
        told = len(self.different(bare, self.answers("bare", NOBODY, links_too=False)[0], classes))
        self.report(f"bare: {told} of {sum(map(len, bare.values()))} calls tell them apart")
        self.assertGreater(told, 3000)
        private = {call for call, kind in classes.items() if kind == "p"}  # and "s": in strict mode only
        for mode in MODES:
            for proc, calls in (("private", private), ("strict", set(classes))):
                options = [f"--proc={proc}"]
                dead, _ = self.answers(mode, NOBODY, options, links_too=False)
                for foreign in (self.victim_pid, 1):
                    found, _ = self.answers(mode, foreign, options, links_too=False)
                    self.assertEqual(self.different(found, dead, calls), {}, f"{mode} {proc}: foreign, dead")
                    # The others do tell: whether the number is in use.
                    self.assertEqual(bool(self.different(found, dead, set(classes) - calls)), proc == "private")
                self.report(f"{mode} {proc}: {len(calls)} calls, {len(dead)} spellings: two foreign processes as if nobody")

    def test_an_own_process_answers_every_call_by_path_as_without_proctor(self):
        bare, classes = self.answers("bare", "own")
        for mode in MODES:
            for proc in ("private", "strict"):
                found, _ = self.answers(mode, "own", [f"--proc={proc}"])
                wrong = {key: value for key, value in self.different(found, bare, set(classes) - set(self.OWN_DIFFERS)).items()
                         if not self.is_right(*key, *value.split())}
                self.assertEqual(wrong, {}, f"{mode} {proc}: here, bare")
                self.report(f"{mode} {proc}: {sum(map(len, found.values()))} answers")

    @staticmethod
    def is_right(text, call, found, bare):
        # Links of the target's own making to /proc are not followed into its files (README, Limits), and few of the
        # own files may be written (docs/procfs.md).
        written = call in ("open-write", "open-create", "creat") and not text.endswith((b"comm", b"mem"))
        # These lead to the root of /proc, which is not the target's alone (ADR 0012).
        watched = call == "inotify_add_watch" and text.rstrip(b"/").endswith((b"/..", b"/cwd", b"/fd/100"))
        return bare[0] == "0" and found == f"{errno.EACCES}." and (written or watched or b"@" in text)


class Kernel(AttackTest):
    def test_calls_that_no_gate_could_judge_are_refused(self):
        self.victim()
        path = f"/proc/{self.victim_pid}/comm"
        (self.dir / "bound").mkdir()
        bare = self.attack("bare", "kernel", path, *WORK_BARE[IS_ROOT])
        working = [name for name, error in bare.items() if error == 0]
        self.report(f"bare: {len(working)} of {len(bare)} tried work: {' '.join(working)}")
        self.assertGreaterEqual(len(working), 3)
        for mode in MODES:
            found = self.attack(mode, "kernel", path)
            self.assertEqual(found, REFUSED, mode)
            self.report(f"{mode}: {len(found)} calls refused")

    def test_a_foreign_architecture_opens_nothing(self):
        self.victim()
        bare = self.attack("bare", "kernel", f"/proc/{self.victim_pid}/comm", "int80-getpid", "int80-open")
        if bare["int80-open"] != 0:
            return self.skip("this kernel has no int 0x80")
        for mode in MODES:
            found = self.attack(mode, "kernel", f"/proc/{self.victim_pid}/comm", "int80-getpid", "int80-open")
            self.assertEqual(set(found.values()), {errno.ENOSYS})

    def test_filters_of_the_targets_own_take_away_only(self):
        self.victim()
        path = f"/proc/{self.victim_pid}/comm"
        done = self.run_in("bare", [ATTACKER, "filters", path])
        self.assertIn(b"allow 0 0 0\n", done.stdout, "bare, the file opens")
        enoent, enosys, edom = errno.ENOENT, errno.ENOSYS, errno.EDOM
        expected = (f"allow {enoent} 0 0\nlog {enoent} 0 0\ntrace {enoent} 0 0\n"
                    f"notify {enosys} {enosys} 0\nerrno {edom} {edom} 0\n")
        for mode in MODES:
            done = self.run_in(mode, [ATTACKER, "filters", path])
            self.assertEqual((done.returncode, done.stdout.decode()), (0, expected), mode)


class Arguments(AttackTest):
    def same_as_bare(self, *words):
        results = {}
        for mode in ("bare", *MODES):
            (self.dir / mode).mkdir(exist_ok=True)
            results[mode] = self.attack(mode, *words, cwd=self.dir / mode)
        for mode in MODES:
            different = {name: (error, results["bare"][name]) for name, error in results[mode].items()
                         if error != results["bare"][name]}
            self.assertEqual((different, len(results[mode])), ({}, len(results["bare"])),
                             f"{mode}: name: (here, bare)")
        self.report(f"{len(results['bare'])} answers, each the kernel's own")
        return results["bare"]

    def test_bad_arguments_of_opens_get_the_kernels_own_errors(self):
        bare = self.same_as_bare("arguments")
        for name in ("path-unmapped", "path-runs-off", "path-null", "open-unmapped", "execve-unmapped", "chdir-unmapped"):
            self.assertEqual(bare[name], errno.EFAULT, name)

    def test_bad_arguments_of_capget_get_the_kernels_own_errors(self):
        bare = self.same_as_bare("capabilities")
        self.assertEqual([bare[name] for name in ("null", "unmapped", "data-unmapped", "old-version", "negative")],
                         [errno.EFAULT, errno.EFAULT, errno.EFAULT, errno.EINVAL, errno.EINVAL])

    def test_bad_buffers_of_listings_get_the_kernels_own_errors(self):
        bare = self.same_as_bare("listings")
        self.assertEqual((bare["null-0"], bare["read-only-0"], bare["tiny-0"]),
                         (errno.EFAULT, errno.EFAULT, errno.EINVAL))


if __name__ == "__main__":
    arena.main()
