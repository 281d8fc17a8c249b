"""What tests of calls share that would tell of a foreign process: a script's first lines, and a foreign process that
talks to it."""

import json
import os
import socket
import threading
from pathlib import Path

from common import SystemTest

PYTHON = "/usr/bin/python3"

# Calls without libc's own ideas about them. `call` returns the result, or minus the errno.
PRELUDE = r"""
import array, ctypes, errno, fcntl, json, os, select, signal, socket, struct, subprocess, sys, threading, time
libc = ctypes.CDLL(None, use_errno=True)
libc.syscall.restype = ctypes.c_long
GETSOCKOPT, SETSOCKOPT, FCNTL, IOCTL, WAITID, SOCKET = 55, 54, 72, 16, 247, 41
PASSCRED, PEERCRED, PASSPIDFD, PEERPIDFD = 16, 17, 76, 77
def call(number, *arguments):
    done = libc.syscall(ctypes.c_long(number), *(ctypes.c_long(a) if isinstance(a, int) else a for a in arguments))
    return -ctypes.get_errno() if done < 0 else done
def peer(s):
    return struct.unpack("3i", s.getsockopt(1, PEERCRED, 12))
def connect(path, kind=socket.SOCK_STREAM):
    s = socket.socket(socket.AF_UNIX, kind)
    s.connect(path)
    return s
def option(s, name, value):
    value = ctypes.c_int(value)
    return call(SETSOCKOPT, s.fileno(), 1, name, ctypes.byref(value), 4)
def senders(s):
    "Whom the next message's control data name: {kind: number}."
    _, control, _, _ = s.recvmsg(100, 200)
    found = {}
    for level, kind, data in control:
        if (level, kind) == (1, 2): found["pid"] = struct.unpack("3i", data)[0]
        if (level, kind) == (1, 4): found["pidfd"] = struct.unpack("i", data)[0]
    return found
def child(work):
    pid = os.fork()
    if pid == 0:
        try:
            work()
        finally:
            os._exit(0)
    return pid
"""


class Partner:
    """Outside of every sandbox: a server that says hello by a message, by a datagram and with a pidfd of its own."""

    def __init__(self, directory):
        self.path = str(directory / "foreign.sock")
        self.server = socket.socket(socket.AF_UNIX)
        self.server.bind(self.path)
        os.chmod(self.path, 0o777)
        self.server.listen()
        self.directory = directory
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while True:
            try:
                connection, _ = self.server.accept()
            except OSError:
                return
            threading.Thread(target=self.talk, args=(connection,), daemon=True).start()

    def talk(self, connection):
        answers = {b"datagram": "datagrams.sock", b"changed": "changed.sock"}
        with connection, socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as datagrams:
            while word := connection.recv(100):
                if word == b"pidfd":
                    fd = os.pidfd_open(os.getpid())
                    socket.send_fds(connection, [b"x"], [fd])
                    os.close(fd)
                elif word in answers:
                    datagrams.sendto(b"x", str(self.directory / answers[word]))
                else:
                    connection.send(b"x")

    def close(self):
        self.server.shutdown(socket.SHUT_RDWR)
        self.server.close()
        os.unlink(self.path)


class TellingTest(SystemTest):
    """A test case with a foreign `self.partner`, and scripts that print what they are told as JSON."""

    def setUp(self):
        super().setUp()
        self.partner = Partner(self.dir)
        self.addCleanup(self.partner.close)

    def run_script(self, mode, script, *words, options=()):
        for name in ("own.sock", "datagrams.sock", "listening.sock", "changed.sock"):
            (self.dir / name).unlink(missing_ok=True)
        done = self.run_in(mode, [PYTHON, "-c", script, *map(str, words)], options)
        self.assertEqual((done.returncode, done.stderr.decode()), (0, ""), mode)
        return done.stdout.decode()

    def ask(self, mode, script, *words):
        return json.loads(self.run_script(mode, script, *words))
