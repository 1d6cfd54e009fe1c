"""`mtls-tui authz` behind the real proxies of the samples; each is skipped where the proxy isn't installed."""

import contextlib
import grp
import os
import signal
import socket
import subprocess
import sys
import tempfile
from contextlib import contextmanager
from pathlib import Path

import msgspec
import pytest

from mtls_tui.gateway.workers.processes import free_port
from tests.gateway.site import Site
from tests.gateway.upstream import Upstream

SAMPLES = Path(__file__).resolve().parents[2] / "docs" / "proxies"
ROOT = ["--allow-root"] if os.geteuid() == 0 else []
API = "api.example.com"


@pytest.fixture(scope="module")
def files():
    """A site's files and upstream, without a gateway; in a short path, for the sake of Unix sockets."""
    with Upstream() as upstream, tempfile.TemporaryDirectory(prefix="authz") as folder:
        made = Site(Path(folder), upstream.port)
        rules = [rule for rule in made.rules if not rule.ref.startswith("fields-")]
        made.authz_rules = tuple(rule for rule in rules if not rule.ref.startswith(("attack", "cut")))
        made.write(rules=made.authz_rules)
        made.upstream = upstream
        yield made


@contextmanager
def authz(files, style, listen, *options):
    """The decision service as a process."""
    command = [sys.executable, "-m", "mtls_tui", "authz", str(files.bundle), "--style", style, "--listen", listen,
               "--workers", "1", "--log", str(files.log), *options, *ROOT]  # fmt: skip
    running = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    try:
        line = running.stderr.readline()
        assert "answering" in line, line + running.stderr.read()
        yield running
        running.send_signal(signal.SIGTERM)
        assert running.wait(20) == 0
    finally:
        running.kill()
        running.stderr.close()


def ask_service(address, *headers, method="GET", target="/"):
    """One question, raw; the answer's status and head."""
    family = socket.AF_UNIX if isinstance(address, str) else socket.AF_INET
    with socket.socket(family) as connection:
        connection.settimeout(10)
        connection.connect(address)
        lines = [f"{method} {target} HTTP/1.1", "Host: authz", *(f"{name}: {value}" for name, value in headers)]
        connection.sendall("\r\n".join([*lines, "Connection: close", "", ""]).encode())
        data = b""
        while piece := connection.recv(65536):
            data += piece
    return int(data.split(b" ")[1]), data.decode("latin-1")


def question(path="/x", **changes):
    values = {"X-Original-Method": "GET", "X-Original-URI": path, "X-Original-Host": API,
              "X-Original-Client": "192.0.2.1", "X-Original-SNI": API}  # fmt: skip
    return list((values | {name.replace("_", "-"): value for name, value in changes.items()}).items())


def test_service_answers_reloads_and_keeps_the_last_good_bundle(files):
    path = str(files.folder / "a.sock")
    leaf = "".join(files.client("good")[0].read_text().splitlines()[1:-1])
    with authz(files, "haproxy", f"unix:{path}") as running:
        assert Path(path).stat().st_mode & 0o777 == 0o660
        assert ask_service(path, *question())[0] == 451
        status, answer = ask_service(path, *question(X_Client_Cert=leaf))
        assert status == 200 and f"client-cert: :{leaf}:" in answer
        assert ask_service(path, *question(X_Original_SNI="www.example.com", X_Client_Cert=leaf))[0] == 421
        assert ask_service(path, *question(X_Original_Host="nowhere.test"))[0] == 421
        assert ask_service(path, ("X-Original-Host", API))[0] == 403
        assert ask_service(path, *question(X_Client_Cert="%%%"))[0] == 403
        assert ask_service(path, *question("/a%2Fb", X_Client_Cert=leaf))[0] == 403
        assert ask_service(path, *question("/a/../b", X_Client_Cert=leaf))[0] == 403
        before = files.bundle.read_bytes()
        files.bundle.write_bytes(b"{}")
        running.send_signal(signal.SIGHUP)
        assert "refused" in running.stderr.readline()
        assert ask_service(path, *question(X_Client_Cert=leaf))[0] == 200
        files.bundle.write_bytes(before)


def body_rule(files):
    rule = msgspec.structs.replace(files.rules[-1], ref="body", expression='(http.request.body.raw contains "evil")')
    return (*files.authz_rules, rule)


def test_bundle_that_reads_what_the_proxy_does_not_pass_stops_the_start_and_changes_nothing_later(files):
    path = str(files.folder / "u.sock")
    leaf = "".join(files.client("good")[0].read_text().splitlines()[1:-1])
    before = files.bundle.read_bytes()
    try:
        with authz(files, "haproxy", f"unix:{path}") as running:
            files.write(rules=body_rule(files))
            line = running.stderr.readline()
            assert "reload refused, the old state stays" in line
            assert "rule body reads http.request.body.raw" in line and "host api.example.com" in line
            assert ask_service(path, *question(X_Client_Cert=leaf))[0] == 200
            assert ask_service(path, *question())[0] == 451
        command = [sys.executable, "-m", "mtls_tui", "authz", str(files.bundle), "--style", "haproxy", "--listen",
                   f"unix:{path}", *ROOT]  # fmt: skip
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
        assert done.returncode == 2 and "Traceback" not in done.stderr
        assert "host api.example.com: rule body reads http.request.body.raw" in done.stderr
        assert not Path(path).exists()
    finally:
        files.bundle.write_bytes(before)


def test_part_that_the_proxy_leaves_out_blocks_every_request_when_rules_read_it(files):
    path = str(files.folder / "v.sock")
    before = files.bundle.read_bytes()
    rule = msgspec.structs.replace(files.rules[-1], ref="old-tls", expression='(cf.tls_version ne "TLSv1.3")')
    try:
        files.write(rules=(rule,))
        with authz(files, "haproxy", f"unix:{path}"):
            told = {"X_Original_Scheme": "https"}
            assert ask_service(path, *question(X_Original_TLS_Version="TLSv1.3", **told))[0] == 200
            assert ask_service(path, *question(X_Original_TLS_Version="TLSv1.2", **told))[0] == 403
            assert ask_service(path, *question(**told))[0] == 403
    finally:
        files.bundle.write_bytes(before)
    assert "no x-original-tls-version: the proxy must set it" in files.log.read_text()


def test_socket_gets_the_group_that_is_asked_for(files):
    path = files.folder / "g.sock"
    groups = [number for number in os.getgroups() if number != os.getegid()]
    group = groups[0] if groups else grp.getgrnam("www-data").gr_gid
    if not groups and os.geteuid() != 0:
        pytest.skip("this user is in one group only")
    name = grp.getgrgid(group).gr_name
    with authz(files, "nginx", f"unix:{path}", "--socket-group", name):
        assert path.stat().st_gid == group and path.stat().st_mode & 0o777 == 0o660


def test_stranger_gets_a_refusal_and_no_answer(files):
    port = free_port("127.0.0.1", 0)
    leaf = "".join(files.client("good")[0].read_text().splitlines()[1:-1])
    stranger = authz(files, "haproxy", f"127.0.0.1:{port}", "--trust", "192.0.2.7")
    with stranger, contextlib.suppress(ConnectionResetError):  # the refusal may overtake the question
        assert ask_service(("127.0.0.1", port), *question(X_Client_Cert=leaf))[0] == 403
    assert "the asker is not trusted: 127.0.0.1; --trust 127.0.0.1 would" in files.log.read_text()
    with authz(files, "haproxy", f"127.0.0.1:{port}", "--trust", "127.0.0.0/8"):
        assert ask_service(("127.0.0.1", port), *question(X_Client_Cert=leaf))[0] == 200


@pytest.mark.parametrize(
    "options",
    [
        ["--socket-mode", "0666"],
        ["--trust", "0.0.0.0/0"],
        ["--listen", "nowhere"],
        ["--style", "apache"],
        ["--socket-group", "no-such-group"],
        ["--trust", "user:no-such-user"],
        ["--listen", "127.0.0.1:0", "--socket-group", "0"],
    ],
)
def test_careless_options_are_refused(files, options):
    command = [sys.executable, "-m", "mtls_tui", "authz", str(files.bundle), "--style", "nginx", "--listen",
               f"unix:{files.folder}/b.sock", *options, *ROOT]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode == 2 and "Traceback" not in done.stderr
