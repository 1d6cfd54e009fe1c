"""`mtls-tui authz` as an operator runs it: its log is rotated, and its end doesn't cut a proxy off."""

import http.client
import json
import signal
import socket
import tempfile
from pathlib import Path

from tests.gateway.site import poll, whole_lines
from tests.gateway.test_authz import authz, files, question

__all__ = ["files"]  # a fixture


class Asker(http.client.HTTPConnection):
    """A proxy that keeps its connection."""

    def __init__(self, path):
        super().__init__("authz", timeout=20)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(20)
        self.sock.connect(self.path)

    def put(self, path):
        self.request("GET", "/", headers=dict(question(path)))
        answer = self.getresponse()
        answer.read()
        return answer


def paths(file):
    return {json.loads(line)["path"] for line in whole_lines(file)} if file.exists() else set()


def test_renamed_log_is_opened_again_on_sigusr1(files):
    with tempfile.TemporaryDirectory(prefix="authz") as folder:
        log = Path(folder) / "log"
        with authz(files, "nginx", f"unix:{folder}/s", "--log", str(log)) as running:
            asker = Asker(f"{folder}/s")
            asker.put("/first")
            poll(lambda: paths(log) == {"/first"})
            log.rename(f"{log}.1")
            running.send_signal(signal.SIGUSR1)
            assert "log opened again" in running.stderr.readline()
            asker.put("/second")
            poll(lambda: paths(log) == {"/second"})
            asker.close()


def test_proxy_with_a_kept_connection_is_asked_to_leave_before_the_end(files):
    with tempfile.TemporaryDirectory(prefix="authz") as folder:
        with authz(files, "nginx", f"unix:{folder}/s", "--status", f"unix:{folder}/status") as running:
            asker = Asker(f"{folder}/s")
            before = asker.put("/before")
            running.send_signal(signal.SIGTERM)
            assert "stopping" in running.stderr.readline()
            poll(lambda: connection_of(asker) == "close")
            assert running.wait(30) == 0
        assert before.headers["connection"] is None


def connection_of(asker):
    """What the next answer says of the connection; http.client opens another one when it was closed."""
    answer = asker.put("/while")
    assert answer.status in (200, 403)
    return answer.headers["connection"]
