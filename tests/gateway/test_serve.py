"""`mtls-tui serve` as an operator starts it: what it refuses, what it says, how it ends."""

import json
import os
import signal
import socket
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from mtls_tui.cli import main
from mtls_tui.gateway.rundir import is_alive
from mtls_tui.gateway.workers.processes import free_port
from tests.gateway.site import poll
from tests.gateway.wire import Connection

pytestmark = pytest.mark.gateway
ROOT = ["--allow-root"] if os.geteuid() == 0 else []
FEW = ["--limit", "connections=100"]
"""So that no machine has too few open files for it, and nothing is said about them."""


def serve(*arguments):
    command = [sys.executable, "-m", "mtls_tui", "serve", *map(str, arguments), *ROOT]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


@pytest.fixture
def refused(monkeypatch, capfd):
    """Runs `serve` in this process and gives the one line of its refusal."""

    def run(*arguments, root=ROOT):
        monkeypatch.setattr(sys, "argv", ["mtls-tui", "serve", *map(str, arguments), *root])
        with pytest.raises(SystemExit) as ended:
            main()
        output = capfd.readouterr()
        assert ended.value.code == 2
        assert output.out == "" and "Traceback" not in output.err
        lines = output.err.strip().splitlines()
        assert len(lines) == 1, lines
        return lines[0]

    return run


@pytest.fixture
def bundle(site, tmp_path):
    path = tmp_path / "x.bundle.json"
    site.write(path=path)
    return path


def test_port_in_use_is_refused_with_the_cure(site, bundle, refused):
    message = refused(bundle, "--listen", f"127.0.0.1:{site.port}")
    assert f"127.0.0.1:{site.port}" in message and "--listen" in message


def test_what_is_broken_is_refused_with_place_and_cure(site, bundle, tmp_path, refused):
    def with_hosts(**changes):
        site.write(path=bundle, hosts=(site.host("api.example.com", **changes),))
        return bundle

    loose = tmp_path / "loose.key"
    loose.write_bytes((site.folder / "server.key").read_bytes())
    loose.chmod(0o644)
    assert "no such file" in refused(tmp_path / "missing.json")
    assert "is a directory" in refused(tmp_path)
    assert "chmod 600" in refused(with_hosts(server_key=str(loose)))
    assert "server_certificate" in refused(with_hosts(server_certificate=None))
    assert "/nowhere.pem: no such file" in refused(with_hosts(server_certificate="/nowhere.pem"))
    assert "upstream" in refused(with_hosts(upstream="ftp://x"))
    assert "not signed" in refused(bundle_of(site, bundle), "--verify-key", public_key(tmp_path))
    assert "--listen" in refused(bundle_of(site, bundle), "--listen", "203.0.113.1:8443")
    assert "127.0.0.1:8443" in refused(bundle, "--listen", "localhost:1")
    assert "drain-seconds" in refused(bundle, "--limit", "drain=1")
    assert "TLS 1.3" in refused(bundle, "--tls-min", "1.3", "--tls-max", "1.2").replace("TLS 1.3 at", "TLS 1.3")
    bundle.write_text("{}")
    assert str(bundle) in refused(bundle)


def bundle_of(site, path):
    site.write(path=path)
    return path


def public_key(folder):
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    path = folder / "bundle.pub"
    key = Ed25519PrivateKey.generate().public_key()
    path.write_bytes(key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
    return path


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can test that")
def test_root_is_refused_unless_it_is_meant(bundle, refused):
    assert "--allow-root" in refused(bundle, root=[])


def test_it_serves_logs_reports_and_ends_by_signal(site, bundle, tmp_path):
    listening = socket.socket()
    listening.bind(("127.0.0.1", 0))
    port = listening.getsockname()[1]
    listening.close()
    status = tmp_path / "status.sock"
    command = [sys.executable, "-m", "mtls_tui", "serve", str(bundle), "--listen", f"127.0.0.1:{port}",
               "--status", f"unix:{status}", "--shadow", "--workers", "1", *FEW, *ROOT]  # fmt: skip
    running = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        said = [running.stderr.readline() for _ in range(3)]
        assert f"on 127.0.0.1:{port}" in said[0] and str(status) in said[1] and "SHADOW" in said[2]
        with Connection(port, "api.example.com", site.client("expired")) as connection:
            assert connection.get("/shadowed").status == 200
        assert ask(status, "/healthz") == b"ok\n"
        assert json.loads(ask(status, "/status"))["decisions"] == {"log": 1, "shadow": 1}
        metrics = ask(status, "/metrics").decode()
        assert 'mtls_tui_decisions_total{host="api.example.com",outcome="shadow",rule="mtls"} 1.0' in metrics
        assert b"envoy_" in ask(status, "/metrics/envoy")
        slow = Connection(port, "api.example.com", site.client("good"))
        slow.send(b"POST /drained HTTP/1.1\r\nHost: api.example.com\r\nContent-Length: 3\r\n\r\n")
        poll(lambda: b"downstream_rq_active" in ask(status, "/metrics/envoy"))
        threading.Timer(0.3, lambda: slow.send(b"abc")).start()
        running.send_signal(signal.SIGTERM)
        assert slow.read().status == 200
        output, errors = running.communicate(timeout=20)
    finally:
        running.kill()
    assert running.returncode == 0, errors
    lines = [json.loads(line) for line in output.splitlines()]
    [line] = [line for line in lines if line.get("path") == "/shadowed"]
    assert (line["action"], line["would"], line["rule"]) == ("allow", "block", "mtls")
    assert not status.exists()


def ask(path: Path, target: str) -> bytes:
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(str(path))
        connection.sendall(f"GET {target} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        data = b""
        while piece := connection.recv(65536):
            data += piece
    return data.partition(b"\r\n\r\n")[2]


def test_printed_configuration_is_envoys_own_and_keeps_keys_out(site, bundle):
    done = serve(bundle, "--print-config")
    assert done.returncode == 0
    config = json.loads(done.stdout)
    assert config["static_resources"]["listeners"][0]["filter_chains"]
    assert "PRIVATE KEY" not in done.stdout


def test_rule_in_shadow_blocks_nothing_and_is_logged(site):
    answer = site.ask("/shadow", kind="good")
    assert answer.status == 200
    assert "would" in site.line("/shadow")["logged"]
    rules = site.gateway.status()["rules"]
    assert rules["api.example.com would"] >= 1


@pytest.mark.skipif(sys.platform != "linux", reason="children are bound to their parent on Linux only")
def test_nothing_goes_on_listening_when_the_supervisor_is_killed(bundle, tmp_path):
    port, status = free_port("127.0.0.1", 0), tmp_path / "status.sock"
    command = [sys.executable, "-m", "mtls_tui", "serve", str(bundle), "--listen", f"127.0.0.1:{port}",
               "--status", f"unix:{status}", "--workers", "1", "--log", str(tmp_path / "log"), *FEW, *ROOT]  # fmt: skip
    running = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    assert "serving" in running.stderr.readline()
    found = json.loads(ask(status, "/status"))
    children = [found["envoy"]["process"], *(worker["process"] for worker in found["workers"])]
    running.kill()
    running.wait()
    running.stderr.close()
    poll(lambda: not any(is_alive(child) for child in children))
    with pytest.raises(OSError):
        socket.create_connection(("127.0.0.1", port))
