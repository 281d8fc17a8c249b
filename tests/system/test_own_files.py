"""What the files and calls of the sandbox's own processes tell: of themselves all, of others nothing."""

import json
import os
import re
import socket
import time

import common
from common import MODES, SystemTest

PYTHON = "/usr/bin/python3"

# A thread with a table of descriptors of its own holds a socket; then another user of the sandbox looks for it and
# for its parent's. Prints which ports were seen, and which there are.
SOCKETS = r"""
import ctypes, os, socket, threading
libc = ctypes.CDLL(None, use_errno=True)
parents = socket.create_server(("127.0.0.1", 0))
ports = [parents.getsockname()[1]]
made, done = threading.Event(), threading.Event()
def apart():
    assert libc.unshare(0x400) == 0
    with socket.create_server(("127.0.0.1", 0)) as own:
        ports.append(own.getsockname()[1])
        made.set()
        done.wait()
threading.Thread(target=apart).start()
made.wait()
if os.fork() == 0:
    if os.getuid() == 0:
        os.setgroups([])
        os.setresgid(65534, 65534, 65534)
        os.setresuid(65534, 65534, 65534)
    parents.close()
    table = open("/proc/net/tcp").read()
    print([f":{port:04X} " in table for port in ports], flush=True)
    os._exit(0)
os.wait()
done.set()
"""


class OwnFiles(SystemTest):
    def output(self, mode, command, options=()):
        done = self.run_in(mode, command, options)
        self.assertEqual((done.returncode, done.stderr), (0, b""), command)
        return done.stdout.decode()

    def test_every_user_of_a_sandbox_sees_all_its_sockets(self):
        for mode in ("bare", *MODES):
            with self.subTest(mode=mode):
                self.assertEqual(self.output(mode, [PYTHON, "-c", SOCKETS]), "[True, True]\n")


if __name__ == "__main__":
    common.main()
