"""`mtls-tui serve` as a process of its own, for tests that send it signals."""

import os
import resource
import socket
import subprocess
import sys
import threading
from contextlib import contextmanager
from pathlib import Path

from mtls_tui.gateway.workers.processes import free_port
from tests.gateway.site import poll

ROOT = ["--allow-root"] if os.geteuid() == 0 else []


class Serving:
    """A running gateway: its port, its status, and what it has said on stderr so far."""

    def __init__(self, bundle, folder, *options, log=None, remember="0", workers="1", open_files=None):
        self.port, self.status = free_port("127.0.0.1", 0), folder / "status.sock"
        self.said: list[str] = []

        def limit():
            if open_files is not None:
                resource.setrlimit(resource.RLIMIT_NOFILE, open_files)

        command = [sys.executable, "-m", "mtls_tui", "serve", str(bundle), "--listen", f"127.0.0.1:{self.port}",
                   "--status", f"unix:{self.status}", "--workers", workers,
                   "--log", str(log or folder / "access.jsonl"), "--remember", remember, *options, *ROOT]  # fmt: skip
        self.process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, preexec_fn=limit)
        self._listening = threading.Thread(target=self._listen, daemon=True)
        self._listening.start()

    def _listen(self):
        for line in self.process.stderr:
            self.said.append(line.rstrip())

    def says(self, text):
        """Wait until it has said something."""
        return poll(lambda: next((line for line in list(self.said) if text in line), None), 120)

    def ended(self):
        """Wait for its end; the exit code."""
        code = self.process.wait(timeout=120)
        self._listening.join(10)
        return code

    def open(self):
        """Whether the port takes connections."""
        try:
            socket.create_connection(("127.0.0.1", self.port), timeout=5).close()
        except OSError:
            return False
        return True


@contextmanager
def serving(bundle, folder, *options, **more):
    running = Serving(bundle, folder, *options, **more)
    try:
        running.says("serving")
        running.says("status on")
        yield running
    finally:
        running.process.kill()
        running.ended()


def ask_status(path: Path, target: str) -> tuple[int, bytes]:
    """Status code and body of the status server."""
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(str(path))
        connection.sendall(f"GET {target} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        data = b""
        while piece := connection.recv(65536):
            data += piece
    head, _, body = data.partition(b"\r\n\r\n")
    return int(head.split(b" ")[1]), body
