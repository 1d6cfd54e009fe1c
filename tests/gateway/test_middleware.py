"""The ASGI middleware decides as the gateway does, and lets nobody in but through a trusted proxy."""

from base64 import b64encode

import pytest
from cryptography.hazmat.primitives.serialization import Encoding

from mtls_tui.engine.bundle import BundleRule
from mtls_tui.gateway import GatewayError
from mtls_tui.gateway.middleware import MtlsMiddleware
from tests.gateway.site import Site
from tests.gateway.test_headers import FORGED, HONEST

API = "api.example.com"


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    made = Site(tmp_path_factory.mktemp("files"), 9)
    made.write()
    return made


class Application:
    """Answers 200 and keeps what reached it."""

    def __init__(self):
        self.scopes, self.bodies = [], []

    async def __call__(self, scope, receive, send):
        self.scopes.append(scope)
        body, more = b"", scope["type"] == "http"
        while more:
            message = await receive()
            body += message.get("body", b"")
            more = message.get("more_body", False)
        self.bodies.append(body)
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b""})


async def request(middleware, host=API, *, path="/", kind="none", files=None, peer="127.0.0.1", body=(b"",), **changes):
    """The messages that come back."""
    headers = [(b"host", host.encode()), (b"x-forwarded-for", b"192.0.2.1")]
    if kind != "none":
        leaf = b64encode(files.chains[kind][0].public_bytes(Encoding.DER))
        headers.append((b"client-cert", b":" + leaf + b":"))
    headers += changes.pop("headers", [])
    scope = {"type": "http", "method": "POST", "path": path, "raw_path": path.encode(), "query_string": b"",
             "headers": headers, "client": (peer, 1), "scheme": "https"} | changes  # fmt: skip
    parts = [{"type": "http.request", "body": part, "more_body": True} for part in body]
    parts[-1]["more_body"] = False
    sent = []

    async def receive():
        return parts.pop(0)

    async def send(message):
        sent.append(message)

    await middleware(scope, receive, send)
    return sent


@pytest.mark.parametrize(("kind", "status"), [("none", 451), ("good", 200), ("expired", 451), ("revoked", 403)])
async def test_middleware_decides_as_the_engine_does(files, kind, status):
    app = Application()
    middleware = MtlsMiddleware(app, files.bundle)
    sent = await request(middleware, kind=kind, files=files)
    assert sent[0]["status"] == status
    expected = files.expected(kind)
    assert expected.decision.blocked == (status != 200) and bool(app.scopes) == (status == 200)
    if status == 451:
        assert sent[1]["body"] == b'{"error":"certificate"}'
    if app.scopes:
        assert app.scopes[0]["mtls_tui"]["verified"] is True


@pytest.mark.parametrize(
    "path", ["/admin/u", "/admin%2Fu", "/admin%5cu", "/%61dmin/u", "/admin/../open", "/open/..;/admin/u", "//admin/u"]
)
async def test_no_spelling_of_a_path_that_the_application_reads_otherwise_gets_past_a_rule(files, path):
    app = Application()
    middleware = MtlsMiddleware(app, files.bundle)
    sent = await request(middleware, "head.example.com", path=path)
    assert sent[0]["status"] == 403 and app.scopes == []


async def test_escaped_slashes_pass_when_that_is_asked_for(files):
    middleware = MtlsMiddleware(Application(), files.bundle, escaped_slashes="keep")
    assert (await request(middleware, "head.example.com", path="/projects/a%2Fb"))[0]["status"] == 200
    assert (await request(middleware, "head.example.com", path="/admin/a%2Fb"))[0]["status"] == 403


async def test_server_that_tells_no_raw_path_can_not_shorten_it(files):
    middleware = MtlsMiddleware(Application(), files.bundle)
    sent = await request(middleware, "head.example.com", path="/admin?x", raw_path=None)
    assert sent[0]["status"] == 403


async def test_host_that_comes_twice_is_refused(files):
    app = Application()
    again = [(b"host", b"www.example.com")]
    assert (await request(MtlsMiddleware(app, files.bundle), "head.example.com", headers=again))[0]["status"] == 403
    assert app.scopes == []


async def test_request_past_the_proxy_is_refused(files):
    app = Application()
    middleware = MtlsMiddleware(app, files.bundle, trust=["10.0.0.7"])
    assert (await request(middleware, kind="good", files=files))[0]["status"] == 403
    assert (await request(middleware, kind="good", files=files, client=None))[0]["status"] == 403
    assert (await request(middleware, kind="good", files=files, peer="10.0.0.7"))[0]["status"] == 200
    twice = [(b"client-cert", b":AAAA:")]
    assert (await request(middleware, kind="good", files=files, peer="10.0.0.7", headers=twice))[0]["status"] == 403
    assert len(app.scopes) == 1


async def test_body_is_decided_on_and_reaches_the_application_whole(files):
    app = Application()
    middleware = MtlsMiddleware(app, files.bundle)
    host = "body.example.com"
    assert (await request(middleware, host, body=(b"an att", b"ack")))[0]["status"] == 403
    assert (await request(middleware, host, body=(b"a", b"b", b"c")))[0]["status"] == 200
    assert (await request(middleware, host, body=(b"x" * 100_000, b"x" * 100_000)))[0]["status"] == 403  # rule `cut`
    assert app.bodies == [b"abc"]


async def test_websocket_is_closed_and_lifespan_is_passed_on(files):
    app = Application()
    middleware = MtlsMiddleware(app, files.bundle)
    assert await request(middleware, type="websocket", files=files) == [{"type": "websocket.close", "code": 1008}]
    await middleware({"type": "lifespan"}, None, lambda message: _nothing())
    assert app.scopes[0]["type"] == "lifespan"


async def _nothing():
    pass


async def test_changed_bundle_is_taken_over_and_a_broken_one_is_not(files, tmp_path, monkeypatch):
    monkeypatch.setattr("mtls_tui.gateway.middleware.LOOK_SECONDS", 0)
    path = tmp_path / "b.json"
    files.write(path=path)
    middleware = MtlsMiddleware(Application(), path)
    assert (await request(middleware))[0]["status"] == 451
    files.write(path=path, rules=files.rules[:3])
    assert (await request(middleware))[0]["status"] == 200
    path.write_text("{}")
    assert (await request(middleware))[0]["status"] == 200
    assert str(path) in middleware.reload_error
    files.write(path=path)
    assert (await request(middleware))[0]["status"] == 451
    assert middleware.reload_error == ""


def test_middleware_does_not_start_on_what_is_broken(files, tmp_path):
    with pytest.raises(GatewayError, match="no such file"):
        MtlsMiddleware(Application(), tmp_path / "missing.json")
    with pytest.raises(GatewayError, match="style"):
        MtlsMiddleware(Application(), files.bundle, style="apache")
    with pytest.raises(GatewayError, match="everybody"):
        MtlsMiddleware(Application(), files.bundle, trust=["0.0.0.0/0"])


async def test_application_learns_of_no_certificate_but_the_verified_one_in_any_spelling(files):
    app = Application()
    middleware = MtlsMiddleware(app, files.bundle)
    names = [*FORGED, "Client_Cert", "ssl_client_verify", "HTTP.Client.Cert"]
    carriers = ("client-cert", "client-cert-chain")
    forged = [(name.encode(), b"forged") for name in names if name.lower() not in carriers]
    honest = [(name.lower().encode(), b"honest") for name in HONEST]
    assert (await request(middleware, kind="good", files=files, headers=[*forged, *honest]))[0]["status"] == 200
    leaf = b64encode(files.chains["good"][0].public_bytes(Encoding.DER))
    headers = app.scopes[0]["headers"]
    assert [value for name, value in headers if name == b"client-cert"] == [b":" + leaf + b":"]
    assert not [name for name, value in headers if value == b"forged"]
    assert [pair for pair in headers if pair[1] == b"honest"] == honest


async def test_application_is_not_shown_a_certificate_that_is_not_verified(files):
    app = Application()
    middleware = MtlsMiddleware(app, files.bundle)
    sent = await request(middleware, "head.example.com", kind="self_signed", files=files)
    assert sent[0]["status"] == 200
    assert not [name for name, _ in app.scopes[0]["headers"] if b"cert" in name]


async def test_bundle_that_reads_what_no_proxy_tells_an_application_is_refused_and_the_old_one_stays(
    files, tmp_path, monkeypatch
):
    monkeypatch.setattr("mtls_tui.gateway.middleware.LOOK_SECONDS", 0)
    path = tmp_path / "b.json"
    tls = BundleRule(ref="old-tls", expression='(cf.tls_version ne "TLSv1.3")', action="block")
    files.write(path=path, rules=(*files.rules, tls))
    with pytest.raises(GatewayError, match=r"rule old-tls reads cf\.tls_version"):
        MtlsMiddleware(Application(), path)
    files.write(path=path)
    middleware = MtlsMiddleware(Application(), path)
    files.write(path=path, rules=(tls,))
    assert (await request(middleware))[0]["status"] == 451
    assert "host api.example.com: rule old-tls reads cf.tls_version" in middleware.reload_error


async def test_size_of_a_body_is_the_announced_one_where_only_its_beginning_is_read(files, tmp_path):
    path = tmp_path / "b.json"
    size = BundleRule(ref="size", expression="(http.request.body.size gt 200000)", action="block")
    files.write(path=path, rules=(size,))
    middleware = MtlsMiddleware(Application(), path)
    for number, status in ((250_000, 403), (150_000, 200)):
        length = [(b"content-length", str(number).encode())]
        sent = await request(middleware, "head.example.com", body=(b"x" * number,), headers=length)
        assert sent[0]["status"] == status


async def test_part_that_rules_read_and_the_proxy_left_out_is_no_default(files, tmp_path):
    path = tmp_path / "b.json"
    files.write(path=path, rules=(BundleRule(ref="plain", expression="(not ssl)", action="block"),))
    middleware = MtlsMiddleware(Application(), path)
    for proto, status in ((b"https", 200), (b"http", 403), (None, 403)):
        headers = [(b"x-forwarded-proto", proto)] if proto else []
        assert (await request(middleware, "head.example.com", headers=headers))[0]["status"] == status
