"""The limit of open files: what fits is served, the rest is closed at once, and an operator is told."""

import json
import resource
import select
import socket
import ssl
import subprocess
import sys
from pathlib import Path

import pytest

from mtls_tui.gateway import GatewayError
from mtls_tui.gateway.descriptors import allowed, fitting, needed
from mtls_tui.gateway.settings import available_cores
from tests.gateway.command import ROOT, ask_status, serving
from tests.gateway.site import poll
from tests.gateway.wire import Connection

gateway = pytest.mark.gateway


@pytest.fixture
def bundle(site, tmp_path):
    path = tmp_path / "x.bundle.json"
    site.write(path=path)
    return path


def test_connections_are_bound_to_what_the_open_files_allow():
    assert fitting(10_000, 2, 0) == (10_000, "")
    assert fitting(10_000, 2, needed(10_000, 2)) == (10_000, "")
    fit, note = fitting(10_000, 2, needed(10_000, 2) - 1)
    assert fit == 9_999 and "LimitNOFILE" in note and "connections=9999" in note
    for most in (200, 256, 1024, 4096):
        assert needed(fitting(10_000, 2, most)[0], 2) <= most
    with pytest.raises(GatewayError, match="LimitNOFILE"):
        fitting(10_000, 2, 64)


def test_soft_limit_is_raised_as_far_as_the_hard_one_goes_and_never_lowered():
    program = "import resource, sys; from mtls_tui.gateway.descriptors import raise_limit; " \
              "resource.setrlimit(resource.RLIMIT_NOFILE, (100, 300)); raise_limit(int(sys.argv[1])); " \
              "print(resource.getrlimit(resource.RLIMIT_NOFILE))"  # fmt: skip
    for number, expected in ((200, (200, 300)), (1000, (300, 300)), (50, (100, 300))):
        done = subprocess.run([sys.executable, "-c", program, str(number)], capture_output=True, text=True, check=True)
        assert done.stdout.strip() == str(expected)
    assert allowed() == max(0, resource.getrlimit(resource.RLIMIT_NOFILE)[1])


@gateway
def test_too_few_open_files_are_told_and_clients_beyond_them_are_closed_at_once(site, bundle, tmp_path):
    # With a long time for the handshake: it must not be that which closes them.
    with serving(bundle, tmp_path, "--limit", "handshake-seconds=250", open_files=(256, 256)) as running:
        assert "open files" in running.says("connections instead of 10000")
        crowd = [socket.create_connection(("127.0.0.1", running.port), timeout=20) for _ in range(150)]
        fit = fitting(10_000, available_cores(), 256)[0]
        assert json.loads(ask_status(running.status, "/status")[1])["connections"] == fit
        poll(lambda: len(closed(crowd)) >= 150 - fit, 60)
        assert len(closed(crowd)) < 150
        for one in crowd:
            one.close()

        def again():
            try:
                with Connection(running.port, "api.example.com", site.client("good")) as connection:
                    return connection.get("/").status == 200
            except (OSError, ssl.SSLError):
                return False

        poll(again, 30)


def closed(connections):
    """Those on which something has come: nobody has been asked anything, so it is the end."""
    return select.select(connections, [], [], 0)[0]


@gateway
def test_soft_limit_of_envoy_and_decision_processes_is_raised_without_a_word(site, bundle, tmp_path):
    hard = allowed() or 4096
    with serving(bundle, tmp_path, "--limit", "connections=500", open_files=(256, hard)) as running:
        assert not any("open files" in line for line in running.said)
        children = Path(f"/proc/{running.process.pid}/task/{running.process.pid}/children").read_text().split()
        limits = [soft_limit(child) for child in children]
        assert len(limits) == 2 and min(limits) >= min(hard, needed(500, 1))
        assert soft_limit(running.process.pid) == 256  # nothing of its own needs more


def soft_limit(process):
    [line] = [line for line in Path(f"/proc/{process}/limits").read_text().splitlines() if "open files" in line]
    return int(line.split()[3])


@gateway
def test_start_is_refused_where_not_even_one_connection_fits(site, bundle, tmp_path):
    command = [sys.executable, "-m", "mtls_tui", "serve", str(bundle), *ROOT]
    done = subprocess.run(
        command, capture_output=True, text=True, check=False,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64)),
    )  # fmt: skip
    assert done.returncode == 2 and "LimitNOFILE" in done.stderr
