"""Our normal form of a path is Envoy's, on paths that nobody thought of: asked of the real one."""

import json
import random
import socket
import subprocess
import tempfile
import time
from pathlib import Path

import pytest

from mtls_tui.engine.paths import normalise
from mtls_tui.gateway.envoy import binary as envoy
from mtls_tui.gateway.settings import GatewayError

PIECES = (
    b"/ / / . .. a %2e %2E %2f % %% %32 e 2 %65 \\ ; %5c { %25 %41 // F 6 ~ %7e %c3 | ^ ..; .;x %%32e %2%65"
).split()
FILTERS = "type.googleapis.com/envoy.extensions.filters"


def configuration(listener):
    """An Envoy that answers every request with its path, normalised as the gateway has it."""
    router = {"@type": f"{FILTERS}.http.router.v3.Router"}
    answer = {"status": 200, "body_format": {"text_format_source": {"inline_string": "%REQ(:PATH)%"}}}
    manager = {
        "@type": f"{FILTERS}.network.http_connection_manager.v3.HttpConnectionManager",
        "stat_prefix": "paths",
        "normalize_path": True,
        "merge_slashes": True,
        "path_with_escaped_slashes_action": "KEEP_UNCHANGED",
        "route_config": {
            "virtual_hosts": [
                {"name": "all", "domains": ["*"], "routes": [{"match": {"prefix": "/"}, "direct_response": answer}]}
            ]
        },
        "http_filters": [{"name": "router", "typed_config": router}],
    }
    chain = {"filters": [{"name": "http", "typed_config": manager}]}
    return {
        "static_resources": {"listeners": [{"address": {"pipe": {"path": str(listener)}}, "filter_chains": [chain]}]}
    }


@pytest.fixture
def ask():
    """A function from a target to (status, path as forwarded)."""
    try:
        binary = envoy.find()
    except GatewayError as error:
        pytest.skip(str(error))
    with tempfile.TemporaryDirectory() as name:  # a socket's path must be short
        folder = Path(name)
        (folder / "envoy.json").write_text(json.dumps(configuration(folder / "s")))
        command = [binary, "-c", folder / "envoy.json", "--use-dynamic-base-id", "--concurrency", "1", "-l", "off"]
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            yield Client(folder / "s", process)
        finally:
            process.kill()
            process.wait()


class Client:
    """One connection that is kept alive as long as Envoy keeps it."""

    def __init__(self, path, process):
        self.path, self.process = path, process
        self.socket = None
        deadline = time.monotonic() + 60
        while self.socket is None:
            assert process.poll() is None, "Envoy did not start"
            assert time.monotonic() < deadline, "Envoy does not listen"
            try:
                self.connect()
            except OSError:
                time.sleep(0.05)

    def connect(self):
        fresh = socket.socket(socket.AF_UNIX)
        fresh.settimeout(30)
        fresh.connect(str(self.path))
        self.socket = fresh

    def __call__(self, target):
        if self.socket is None:
            self.connect()
        self.socket.sendall(b"GET " + target + b" HTTP/1.1\r\nhost: a\r\n\r\n")
        data = b""
        while b"\r\n\r\n" not in data:
            data += self.more()
        head, _, body = data.partition(b"\r\n\r\n")
        headers = dict(line.lower().split(b": ", 1) for line in head.split(b"\r\n")[1:])
        while len(body) < int(headers.get(b"content-length", 0)):
            body += self.more()
        if headers.get(b"connection") == b"close":
            self.socket.close()
            self.socket = None
        return int(head.split(b" ", 2)[1]), body

    def more(self):
        data = self.socket.recv(65536)
        assert data, "the connection ended in the middle of an answer"
        return data


@pytest.mark.gateway
def test_the_normal_form_is_what_the_real_envoy_forwards(ask):
    numbers = random.Random(20300131)
    differences = {}
    for _ in range(3000):
        target = b"/" + b"".join(numbers.choices(PIECES, k=numbers.randint(0, 10)))
        status, path = ask(target)
        assert status == 200
        if path != normalise(target):
            differences[target] = (path, normalise(target))
    assert differences == {}
