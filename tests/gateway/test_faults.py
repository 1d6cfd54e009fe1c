"""Processes that die, hang or talk nonsense: nothing passes that a rule blocks, and honest requests recover."""

import json
import os
import signal
import socket
import subprocess
import threading
from contextlib import contextmanager
from pathlib import Path

import pytest

from mtls_tui.gateway import Gateway, Settings, planning, rundir
from mtls_tui.gateway.envoy import config as envoy_config
from mtls_tui.gateway.workers.processes import free_port
from tests.gateway.site import poll
from tests.gateway.wire import Connection

pytestmark = pytest.mark.gateway
CLOSED = (0, 403, 451, 503)
"""Answers to a request that a rule blocks, whatever is broken."""


class Load:
    """Requests by a good and by an expired certificate, on fresh connections, as long as the block lasts."""

    def __init__(self, site):
        self.site, self.stop, self.good, self.bad = site, threading.Event(), [], []
        self.threads = [
            threading.Thread(target=self._run, args=pair) for pair in [("good", self.good), ("expired", self.bad)]
        ]

    def _run(self, kind, statuses):
        while not self.stop.is_set():
            try:
                statuses.append(self.site.ask("/fault", kind=kind).status)
            except OSError:
                statuses.append(0)

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.stop.set()
        for thread in self.threads:
            thread.join()
        assert set(self.bad) <= set(CLOSED)
        assert self.bad and self.good


def recovered(site):
    return site.ask("/recovered", kind="good").status == 200 and site.ask("/recovered", kind="expired").status == 451


def processes(site):
    return [worker["process"] for worker in site.gateway.status()["workers"]]


def replaced(site, old):
    """Whether all decision processes run, and one in particular is another now."""
    status = site.gateway.status()
    running = [worker["process"] for worker in status["workers"] if worker["generation"] == status["generation"]]
    return len(running) == 2 and old not in running


def test_killed_decision_process_is_replaced_and_nothing_opens(site):
    victim = processes(site)[0]
    with Load(site) as load:
        poll(lambda: load.good.count(200) > 3)
        os.kill(victim, signal.SIGKILL)
        poll(lambda: replaced(site, victim))
        before = len(load.good)
        poll(lambda: load.good[before:].count(200) > 3)
    assert recovered(site)


def test_hanging_decision_process_is_replaced_and_nothing_opens(site):
    victim = processes(site)[1]
    with Load(site):
        os.kill(victim, signal.SIGSTOP)
        poll(lambda: replaced(site, victim), 20)
    poll(lambda: recovered(site))


def test_killed_envoy_is_started_again(site):
    victim = site.gateway.status()["envoy"]["process"]
    os.kill(victim, signal.SIGKILL)
    poll(lambda: site.gateway.status()["envoy"]["process"] not in (None, victim))

    def again():
        try:
            return recovered(site)
        except OSError:
            return False

    poll(again)


GARBAGE = {
    "nothing": b"",
    "no HTTP": b"\x00\xff" * 50,
    "empty status": b"HTTP/1.1\r\n\r\n",
    "status 0": b"HTTP/1.1 000 OK\r\ncontent-length: 0\r\n\r\n",
    "status 500": b"HTTP/1.1 500 Broken\r\ncontent-length: 0\r\n\r\n",
    "half a head": b"HTTP/1.1 200 OK\r\ncontent-le",
    "two lengths": b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\ncontent-length: 5\r\n\r\n",
    "redirect": b"HTTP/1.1 302 Found\r\nlocation: /\r\ncontent-length: 0\r\n\r\n",
    "other 2xx": b"HTTP/1.1 204 No Content\r\n\r\n",
}


@contextmanager
def envoy_alone(site, envoy_binary, folder, sockets):
    """Envoy with our configuration, and something else where the decision processes should be; its address."""
    settings = Settings(listen=("127.0.0.1", free_port("127.0.0.1", 0)), log=folder / "log")
    state = planning.make_state(site.bundle, site.bundle.read_bytes(), settings, folder)
    secrets = {host: envoy_config.tls_files(*pair) for host, pair in state.pairs.items()}
    config = envoy_config.complete(state.plans, settings, folder / "a.sock", sockets, secrets)
    (folder / "envoy.json").write_text(json.dumps(config))
    command = [envoy_binary, "-c", folder / "envoy.json", "--disable-hot-restart", "--concurrency", "1", "-l", "off"]
    running = subprocess.Popen(command, stderr=subprocess.DEVNULL)
    try:
        poll(lambda: is_open(settings.listen))
        yield settings.listen
    finally:
        running.kill()
        running.wait()


def test_garbage_for_an_answer_is_no_permission(site, upstream, envoy_binary, tmp_path):
    nonsense = Nonsense(tmp_path / "d.sock")
    with envoy_alone(site, envoy_binary, tmp_path, [nonsense.path]) as address:
        for name, data in GARBAGE.items():
            nonsense.data, nonsense.asked = data, 0
            with Connection(address[1], "api.example.com", site.client("good")) as connection:
                assert connection.get("/garbage").status in (0, 204, 302, 403, 503), name
            assert nonsense.asked, name
        assert not upstream.seen("/garbage")
    nonsense.close()


def test_decision_process_that_does_not_answer_costs_a_question_one_retry(site, envoy_binary, tmp_path):
    """One of two says nothing: every question gets the other's answer, and soon the silent one is not asked."""
    silent, other = Nonsense(tmp_path / "silent.sock"), Nonsense(tmp_path / "other.sock")
    silent.data = None
    other.data = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n"
    statuses = []
    with envoy_alone(site, envoy_binary, tmp_path, [silent.path, other.path]) as address:
        for _ in range(40):
            with Connection(address[1], "api.example.com", site.client("good")) as connection:
                statuses.append(connection.get("/slow").status)
    assert statuses == [200] * 40
    assert 0 < silent.asked < 12
    silent.close()
    other.close()


def is_open(address):
    try:
        socket.create_connection(address).close()
    except OSError:
        return False
    return True


class Nonsense:
    """Answers the same bytes to everything, then closes."""

    def __init__(self, path):
        self.path, self.data, self.asked = path, b"", 0
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.bind(str(path))
        self.socket.listen()
        threading.Thread(target=self._run, daemon=True).start()

    def _run(self):
        while True:
            try:
                connection, _ = self.socket.accept()
            except OSError:
                return
            with connection:
                connection.recv(65536)
                self.asked += 1
                if self.data is None:  # silent: until the asker gives up
                    connection.recv(1)
                else:
                    connection.sendall(self.data)

    def close(self):
        self.socket.close()


def test_silent_and_garbage_clients_starve_nobody(site):
    crowd = [socket.create_connection(("127.0.0.1", site.port)) for _ in range(60)]
    try:
        for connection in crowd[40:]:
            connection.sendall(os.urandom(300))
        for _ in range(10):
            assert recovered(site)
    finally:
        for connection in crowd:
            connection.close()


def test_log_that_can_not_be_written_blocks_nobody_and_is_counted(site, tmp_path):
    bundle = tmp_path / "b.json"
    site.write(path=bundle)
    settings = Settings(listen=("127.0.0.1", 0), log=Path("/dev/full"), workers=1)
    with Gateway(bundle, settings) as gateway:
        with Connection(gateway.address[1], "api.example.com", site.client("good")) as connection:
            assert connection.get("/full").status == 200
        poll(lambda: gateway.status()["workers"][0]["log_lines_lost"] >= 1)


def test_nothing_is_left_of_a_stopped_gateway(site, tmp_path):
    bundle = tmp_path / "b.json"
    site.write(path=bundle)
    gateway = Gateway(bundle, listen=("127.0.0.1", 0), log=tmp_path / "log").start()
    status = gateway.status()
    folder = gateway.status_address.parent
    gateway.stop()
    gateway.stop()
    assert not folder.exists()
    for process in [*(worker["process"] for worker in status["workers"]), status["envoy"]["process"]]:
        assert not rundir.is_alive(process)
    with pytest.raises(OSError):
        socket.create_connection(gateway.address)
