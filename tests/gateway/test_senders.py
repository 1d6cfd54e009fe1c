"""Nobody but the proxy speaks for a certificate: by a secret, a Unix socket, or an address that nobody rewrote."""

import logging
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
from base64 import b64encode
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import Encoding

from mtls_tui.gateway import GatewayError
from mtls_tui.gateway.middleware import MtlsMiddleware
from mtls_tui.gateway.senders import Senders, open_to_everybody
from mtls_tui.gateway.workers.processes import free_port
from tests.gateway.site import Site, poll
from tests.gateway.test_middleware import Application, request

SECRET = "0123456789abcdef0123456789abcdef"
GOOD = (b"x-mtls-tui-secret", SECRET.encode())
PAGE = Path(__file__).resolve().parents[2] / "docs" / "proxies" / "README.md"


def scope(*headers, client=("10.0.0.7", 4321), server=("10.0.0.1", 80)):
    return {"headers": list(headers), "client": client, "server": server}


def doubt(senders, *headers, **changes):
    return senders.doubt(scope(*headers, **changes)) or ""


def test_secret_must_come_once_and_be_right():
    senders = Senders.of(SECRET, ())
    assert doubt(senders, GOOD) == ""
    assert doubt(senders, (b"X-Mtls-Tui-Secret", SECRET.encode())) == ""
    assert doubt(senders, GOOD, client=None) == "" and doubt(senders, GOOD, client=("6.6.6.6", 0)) == ""
    assert "no X-Mtls-Tui-Secret" in doubt(senders)
    assert "more than one" in doubt(senders, GOOD, GOOD)
    for wrong in (SECRET[:-1], SECRET + "x", SECRET.upper(), "", SECRET + ", " + SECRET):
        assert "wrong X-Mtls-Tui-Secret" in doubt(senders, (b"x-mtls-tui-secret", wrong.encode()))
    assert SECRET not in doubt(senders, (b"x-mtls-tui-secret", b"x"))


def test_each_of_several_secrets_is_taken_and_an_address_is_asked_for_beside_it():
    senders = Senders.of([SECRET, "f" * 32], ["10.0.0.7"])
    assert doubt(senders, GOOD) == "" and doubt(senders, (b"x-mtls-tui-secret", b"f" * 32)) == ""
    assert "not trusted" in doubt(senders, GOOD, client=("10.0.0.8", 1))
    assert "no X-Mtls-Tui-Secret" in doubt(senders)


@pytest.mark.parametrize("secret", [None, "", "short", [SECRET, ""], "a b" * 20, "é" * 20, "a\n" * 20])
def test_secret_that_is_none_stops_the_start(secret):
    with pytest.raises(GatewayError, match="secret"):
        Senders.of(secret, ())


def test_address_that_is_trusted_counts_while_nothing_can_have_put_it_there():
    senders = Senders.of((), ["10.0.0.0/24", "2001:db8::7"])
    assert doubt(senders, (b"x-forwarded-for", b"192.0.2.1")) == ""
    assert doubt(senders, (b"x-forwarded-for", b"110.0.0.7, 10.0.0.70")) == ""
    assert "not trusted" in doubt(senders, client=("10.0.1.7", 4321))
    assert "no port" in doubt(senders, client=("10.0.0.7", 0))
    assert "no peer address" in doubt(senders, client=None)
    for value in (b"10.0.0.7", b"6.6.6.6, 10.0.0.7", b"10.0.0.7:4321", b"::ffff:10.0.0.7", b'for="10.0.0.7:80"',
                  b"[::ffff:10.0.0.7]:4321"):  # fmt: skip
        for name in (b"x-forwarded-for", b"forwarded", b"x-real-ip", b"x-any"):
            assert "also stands in" in doubt(senders, (name, value)), value
    six = {"client": ("2001:db8::7", 4321)}
    assert doubt(senders, (b"x-forwarded-for", b"2001:db8::70"), **six) == ""
    for value in (b"2001:DB8:0::7", b"[2001:db8::7]:4321", b'for="[2001:db8::7]"'):
        assert "also stands in" in doubt(senders, (b"x-forwarded-for", value), **six)


def test_every_refusal_for_a_rewritten_address_says_how_to_set_it_up():
    senders = Senders.of((), ["10.0.0.7"])
    for changes in ({"client": ("10.0.0.7", 0)}, {"client": None}, {"client": ("6.6.6.6", 1)}):
        assert "--no-proxy-headers" in doubt(senders, **changes) and "X-Mtls-Tui-Secret" in doubt(senders, **changes)


def test_unix_socket_counts_when_it_is_the_named_one_and_not_everybodys(tmp_path):
    path = tmp_path / "app.sock"
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(path))
        senders = Senders.of((), [f"unix:{path}"])
        path.chmod(0o660)
        assert doubt(senders, server=(str(path), None), client=None) == ""
        assert (
            doubt(senders, server=(str(path), None), client=("6.6.6.6", 0)) == ""
        )  # what uvicorn wrote is not looked at
        assert "not trusted" in doubt(senders, server=(str(path) + "x", None), client=None)
        for server in (None, ("127.0.0.1", 80), (str(path), 80)):
            assert doubt(senders, server=server) != ""
        assert doubt(Senders.of((), ()), server=(str(path), None), client=None) != ""
        path.chmod(0o666)
        tmp_path.chmod(0o700)
        assert not open_to_everybody(path)
    assert open_to_everybody(tmp_path / "missing.sock")


def test_socket_that_every_user_may_connect_to_is_not_trusted():
    folder = Path(tempfile.mkdtemp())  # not pytest's own folder, which keeps others out
    folder.chmod(0o755)
    try:
        with socket.socket(socket.AF_UNIX) as listening:
            path = folder / "app.sock"
            listening.bind(str(path))
            path.chmod(0o666)
            senders = Senders.of((), [f"unix:{path}"])
            assert "every user may connect" in doubt(senders, server=(str(path), None), client=None)
            path.chmod(0o660)
            assert doubt(senders, server=(str(path), None), client=None) == ""
    finally:
        shutil.rmtree(folder)


def test_users_can_not_be_named_for_an_application():
    with pytest.raises(GatewayError, match="can't see users"):
        Senders.of((), [f"uid:{os.getuid()}"])


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    made = Site(tmp_path_factory.mktemp("files"), 9)
    made.write()
    return made


async def test_secret_reaches_neither_rules_nor_application(files):
    app = Application()
    middleware = MtlsMiddleware(app, files.bundle, secret=SECRET)
    assert (await request(middleware, kind="good", files=files, headers=[GOOD]))[0]["status"] == 200
    assert SECRET.encode() not in [value for _, value in app.scopes[0]["headers"]]
    assert (await request(middleware, kind="good", files=files))[0]["status"] == 403


async def test_refusals_are_logged_with_their_reason(files, caplog):
    caplog.set_level(logging.INFO, "mtls_tui.middleware")
    await request(MtlsMiddleware(Application(), files.bundle, secret=SECRET))
    await request(MtlsMiddleware(Application(), files.bundle), headers=[(b"x-forwarded-for", b"\r\n\x1b[31m")])
    await request(MtlsMiddleware(Application(), files.bundle))
    found = [(record.levelname, record.getMessage()) for record in caplog.records]
    assert found[0][0] == "WARNING" and "no X-Mtls-Tui-Secret" in found[0][1]
    assert found[1][0] == "WARNING" and "x-forwarded-for twice" in found[1][1]
    assert found[2] == ("INFO", "refused: rule mtls matched")
    assert all(text.isprintable() for _, text in found)


# --- real servers -----------------------------------------------------------------------------------------------------

SERVERS = {
    "uvicorn": ["-m", "uvicorn", "asgi:app", "--host", "127.0.0.1", "--port", "PORT"],
    "uvicorn-open": ["-m", "uvicorn", "asgi:app", "--host", "127.0.0.1", "--port", "PORT", "--forwarded-allow-ips=*"],
    "hypercorn": ["-m", "hypercorn", "asgi:app", "--bind", "127.0.0.1:PORT"],
    "granian": ["-m", "granian", "--interface", "asgi", "--host", "127.0.0.1", "--port", "PORT", "asgi:app"],
    "gunicorn": ["-m", "gunicorn", "-k", "asgi", "--bind", "127.0.0.1:PORT", "asgi:app"],
}  # fmt: skip
APPLICATION = """
async def application(scope, receive, send):
    if scope["type"] == "lifespan":
        while True:
            message = await receive()
            await send({"type": message["type"] + ".complete"})
            if message["type"] == "lifespan.shutdown":
                return
    told = repr(scope["mtls_tui"]["verified"]).encode()
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/plain")]})
    await send({"type": "http.response.body", "body": told})
"""


def example():
    """The page's own example of an application."""
    blocks = re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL)
    found = [block for block in blocks if "MtlsMiddleware" in block]
    assert len(found) == 1
    return found[0]


class Server:
    def __init__(self, folder, files, name, text):
        self.port = free_port("127.0.0.1", 0)
        (folder / "application.py").write_text(APPLICATION)
        (folder / "asgi.py").write_text(text)
        shutil.copy(files.bundle, folder / "api.bundle.json")
        arguments = [word.replace("PORT", str(self.port)) for word in SERVERS[name]]
        self.output = folder / "server.out"
        self.leaf = ":" + b64encode(files.chains["good"][0].public_bytes(Encoding.DER)).decode() + ":"
        with self.output.open("wb") as output:
            self.process = subprocess.Popen(
                [sys.executable, *arguments], cwd=folder, stdout=output, stderr=subprocess.STDOUT,
                env=os.environ | {"MTLS_TUI_SECRET": SECRET, "PYTHONUNBUFFERED": "1"},
            )  # fmt: skip

    def __enter__(self):
        poll(self._open, 60)
        return self

    def __exit__(self, *_):
        self.process.terminate()
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait(20)

    def _open(self):
        assert self.process.poll() is None, self.output.read_text()
        try:
            socket.create_connection(("127.0.0.1", self.port)).close()
        except OSError:
            return False
        return True

    def get(self, *headers):
        lines = ["GET / HTTP/1.1", "Host: api.example.com", *headers, "Connection: close", "", ""]
        with socket.create_connection(("127.0.0.1", self.port), timeout=30) as connection:
            connection.sendall("\r\n".join(lines).encode())
            data = b""
            while piece := connection.recv(65536):
                data += piece
        return int(data.split(b" ")[1]), data.partition(b"\r\n\r\n")[2]

    def logged(self, text):
        return poll(lambda: text in self.output.read_text(), 30)


def installed(name):
    pytest.importorskip(name.partition("-")[0], reason=f"{name} is not installed")


@pytest.mark.slow
@pytest.mark.parametrize("name", SERVERS)
def test_documented_example_lets_the_proxy_in_and_nobody_else_under_every_server(files, tmp_path, name):
    installed(name)
    with Server(tmp_path, files, name, example()) as server:
        told = [f"Client-Cert: {server.leaf}", f"X-Mtls-Tui-Secret: {SECRET}"]
        for address in ("192.0.2.1", "127.0.0.1", "6.6.6.6, 192.0.2.1"):
            status, body = server.get(*told, f"X-Forwarded-For: {address}", "X-Forwarded-Proto: https")
            assert (status, b"True" in body) == (200, True), (address, server.output.read_text())
        assert server.get(told[1], "X-Forwarded-For: 192.0.2.1")[0] == 451
        assert server.get(told[0], "X-Forwarded-For: 192.0.2.1")[0] == 403
        server.logged("no X-Mtls-Tui-Secret")
        assert server.get(told[0], "X-Mtls-Tui-Secret: guess", "X-Forwarded-For: 127.0.0.1")[0] == 403
        assert server.get(*told)[0] == 403
        server.logged("no x-forwarded-for: the proxy must set it")


@pytest.mark.slow
@pytest.mark.parametrize("name", SERVERS)
def test_address_that_a_client_wrote_is_never_trusted_whatever_the_server_makes_of_it(files, tmp_path, name):
    installed(name)
    text = example().replace('secret=os.environ["MTLS_TUI_SECRET"]', 'trust=["10.0.0.7"]')
    assert "trust=" in text
    with Server(tmp_path, files, name, text) as server:
        for forged in ("10.0.0.7", "10.0.0.7:4321", "10.0.0.7, 10.0.0.7", "[::ffff:10.0.0.7]:4321"):
            lines = [f"Client-Cert: {server.leaf}", f"X-Forwarded-For: {forged}", f"Forwarded: for={forged}"]
            assert server.get(*lines)[0] == 403
            assert server.get(*lines[:2])[0] == 403
        server.logged("refused: not from the proxy")


@pytest.mark.slow
def test_trusted_address_works_where_the_server_leaves_it_alone_and_the_log_says_so_where_not(files, tmp_path):
    installed("uvicorn")
    text = example().replace('secret=os.environ["MTLS_TUI_SECRET"]', 'trust=["127.0.0.1"]')
    for options, status in (([], 403), (["--no-proxy-headers"], 200)):
        folder = tmp_path / str(status)
        folder.mkdir()
        SERVERS["uvicorn-own"] = [*SERVERS["uvicorn"], *options]
        try:
            with Server(folder, files, "uvicorn-own", text) as server:
                assert server.get(f"Client-Cert: {server.leaf}", "X-Forwarded-For: 192.0.2.1")[0] == status
                if status == 403:
                    server.logged("uvicorn: --no-proxy-headers")
        finally:
            del SERVERS["uvicorn-own"]


@pytest.mark.slow
def test_unix_socket_is_trusted_under_uvicorn(files, tmp_path_factory):
    installed("uvicorn")
    folder = tmp_path_factory.mktemp("uds")
    folder.chmod(0o750)
    path = folder / "app.sock"
    (folder / "application.py").write_text(APPLICATION)
    text = example().replace('secret=os.environ["MTLS_TUI_SECRET"]', f'trust=["unix:{path}"]')
    (folder / "asgi.py").write_text(text)
    shutil.copy(files.bundle, folder / "api.bundle.json")
    command = [sys.executable, "-m", "uvicorn", "asgi:app", "--uds", str(path), "--forwarded-allow-ips", "*"]
    leaf = b64encode(files.chains["good"][0].public_bytes(Encoding.DER)).decode()
    process = subprocess.Popen(command, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        poll(path.exists, 60)
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(30)
            poll(lambda: connection.connect_ex(str(path)) == 0, 30)
            lines = ["GET / HTTP/1.1", "Host: api.example.com", f"Client-Cert: :{leaf}:", "X-Forwarded-For: 192.0.2.1",
                     "Connection: close", "", ""]  # fmt: skip
            connection.sendall("\r\n".join(lines).encode())
            assert connection.recv(65536).startswith(b"HTTP/1.1 200")
    finally:
        process.terminate()
        process.wait(20)
