"""Rules inside Envoy decide, answer, log and count as the decision service does: one bundle, run on both roads."""

import json
from dataclasses import dataclass

import pytest

from mtls_tui.engine.bundle import BundleResponse, BundleRule
from mtls_tui.gateway import Gateway, Limits, supervisor
from mtls_tui.gateway.settings import UPSTREAM_HEADERS
from tests.gateway.site import KINDS, LongMemory, Site, poll
from tests.gateway.upstream import PRIMING, Upstream
from tests.gateway.wire import Connection

pytestmark = pytest.mark.gateway
API, WILD, OPEN = "api.example.com", "t1.wild.example.com", "head.example.com"
ROADS = ("asked", "inside")
OF_A_ROAD = ("time", "id", "inside", "microseconds")
"""Members of a line that differ between two requests, or tell the road."""


def rule(ref, expression, action="block", **more):
    return BundleRule(ref=ref, expression=expression, action=action, **more)


def on(host, condition):
    return f'(http.host eq "{host}" and {condition})'


class Roads(Site):
    """One bundle, run by two gateways."""

    def _rules(self):
        return (
            rule("free", on(API, 'http.request.uri.path eq "/free"'), "skip"),
            rule("noted", on(API, 'starts_with(http.request.uri.path, "/noted")'), "log"),
            rule("would", on(API, 'http.request.uri.query contains "would"'), shadow=True),
            rule("quote", on(API, 'http.request.uri.path eq "/quote"'),
                 response=BundleResponse(status=429, content_type="text/html", body='"</b>\\ \u00e9\n|%7C')),
            rule("mtls", on(API, "not cf.tls_client_auth.cert_verified"),
                 response=BundleResponse(status=451, content_type="application/json", body='{"error":"certificate"}')),
            rule("revoked", on(API, "cf.tls_client_auth.cert_revoked")),
            rule("serial", on(API, 'cf.tls_client_auth.cert_serial eq "00" and http.request.method eq "PUT"')),
            rule("pinned", on(API, f'cf.tls_client_auth.cert_fingerprint_sha256 ne "{self.pinned()}" '
                                   'and starts_with(http.request.uri.path, "/pinned")')),
            rule("method", on(OPEN, 'http.request.method in {"DELETE" "PATCH"}')),
            rule("header", on(OPEN, 'any(http.request.headers["x-tag"][*] eq "evil")')),
            rule("agent", on(OPEN, 'lower(http.user_agent) contains "bad"')),
            rule("cookie", on(OPEN, 'http.cookie contains "session=0"')),
            rule("many", on(OPEN, "len(http.request.headers.names) gt 20")),
            rule("address", on(OPEN, 'ip.src in {127.0.0.0/8} and http.request.uri.path eq "/from-here"')),
            rule("elsewhere", on(OPEN, 'not ip.src in {127.0.0.0/8} and http.request.uri.path eq "/from-there"')),
            rule("pattern", on(OPEN, 'http.request.uri.path matches "^/v[0-9]+/(admin|root)$"')),
            rule("query", on(OPEN, 'any(http.request.uri.args["a"][*] eq "x y")')),
            rule("tls", on(OPEN, 'cf.tls_version eq "TLSv1.2" and http.request.uri.path eq "/tls"')),
            rule("version", on(OPEN, 'http.request.version eq "HTTP/2" and http.request.uri.path eq "/version"')),
            rule("length", on(OPEN, 'http.request.headers["content-length"][0] eq "3"')),
            rule("tenant", 'http.host eq "t2.wild.example.com"'),
            rule("wild", '(ends_with(http.host, ".wild.example.com") and http.request.uri.path eq "/wild")'),
        )  # fmt: skip

    def pinned(self):
        return "ab" * 32

    def start(self):
        self.write()
        self.gateways = {}
        self.told_of = set()
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(supervisor, "available_cores", lambda: 1)  # one thread of Envoy, which remembers for all
            for road in ROADS:
                settings = LongMemory(
                    listen=("127.0.0.1", 0), log=self.folder / f"{road}.jsonl", workers=1, shadow=self.shadow,
                    limits=Limits(closing_seconds=0.05), remember_seconds=600.0 if road == "inside" else 0,
                    upstream_headers=UPSTREAM_HEADERS, state_dir=self.folder / road,
                )  # fmt: skip
                self.gateways[road] = Gateway(self.bundle, settings).start()

    def lines_of(self, road):
        self.log = self.folder / f"{road}.jsonl"
        return self.lines()

    def one(self, road, request):
        """The answer to a request, and its line in the log."""
        before = len(self.lines_of(road))
        with Connection(
            self.gateways[road].address[1], request.host, self.client(request.kind), alpn=request.alpn
        ) as connection:
            get = connection.h2_get if request.alpn == "h2" else connection.get
            answer = get(request.path, request.host, request.method, request.headers, body=request.body)
        lines = poll(lambda: (found := self.lines_of(road)[before:]) and found)
        return answer, lines[0]

    def both(self, request):
        for road in ROADS:
            if (road, request.host, request.kind) not in self.told_of:
                self.told_of.add((road, request.host, request.kind))
                self.one(road, Asked(request.host, PRIMING.decode(), kind=request.kind))
        return [self.one(road, request) for road in ROADS]


@dataclass(frozen=True)
class Asked:
    """A request; `inside`: whether rules inside Envoy can decide it."""

    host: str = API
    path: str = "/"
    kind: str = "none"
    method: str = "GET"
    headers: tuple = ()
    body: bytes = b""
    alpn: str = "http/1.1"
    inside: bool = True


def tagged(*values):
    return tuple(("X-Tag", value) for value in values)


REQUESTS = [
    *(Asked(kind=kind) for kind in KINDS),
    *(Asked(kind=kind, alpn="h2") for kind in ("none", "good", "stuffed")),
    *(Asked(path=path, kind=kind) for kind in ("good", "none")
      for path in ("/free", "/noted/x", "/noted?would", "/?would", "/quote", "/pinned", "/a.b;c=d/~e", "/a%20b",
                   "/a/", "/x?y=/../z", "/noted%2d/x")),
    Asked(path="/noted", kind="revoked"),
    Asked(kind="good", method="PUT"), Asked(kind="good", method="HEAD"), Asked(kind="good", method="OPTIONS"),
    *(Asked(OPEN, method=method) for method in ("GET", "DELETE", "PATCH", "POST")),
    *(Asked(OPEN, headers=tagged(*values)) for values in (("a",), ("evil",), ("a", "evil"), ("evil", "a"), ("a,evil",),
                                                         ("", "evil"), ("Evil",), ("evil2",))),
    *(Asked(OPEN, headers=(("User-Agent", agent),)) for agent in ("good", "BADbot", "xbad")),
    *(Asked(OPEN, headers=(("Cookie", cookie),)) for cookie in ("session=0", "a=1; session=0", "session=1")),
    Asked(OPEN, headers=(("Cookie", "a=1"), ("Cookie", "session=0"))),
    Asked(OPEN, headers=tuple((f"X-H{number}", "1") for number in range(15))),
    Asked(OPEN, headers=tuple((f"X-H{number}", "1") for number in range(22))),
    *(Asked(OPEN, path) for path in ("/from-here", "/from-there", "/v1/admin", "/v12/root", "/v/admin", "/v1/admin/",
                                     "/xv1/admin", "/?a=x+y", "/?a=x%20y", "/?a=x", "/?b=1&a=x%20y&a=z", "/?a=%zz")),
    *(Asked(OPEN, path, alpn=alpn) for path in ("/tls", "/version") for alpn in ("h2", "http/1.1")),
    Asked(OPEN, method="POST", body=b"abc"), Asked(OPEN, method="POST", body=b"abcd"),
    *(Asked(host, path) for host in (WILD, "t2.wild.example.com") for path in ("/", "/wild")),
    Asked(OPEN, '/"'), Asked(OPEN, "/a%41"), Asked(OPEN, "/%25"), Asked(OPEN, "/a//b/./c"),
    Asked(OPEN, headers=tagged("\xe9vil"), inside=False), Asked(OPEN, method="TRACE", inside=False),
    Asked(OPEN, "/" + "x" * 3000),
]  # fmt: skip


@pytest.fixture(scope="module", params=[False, True], ids=["enforced", "shadow"])
def roads(request, tmp_path_factory, envoy_binary):
    with Upstream() as upstream:
        made = Roads(tmp_path_factory.mktemp("roads"), upstream.port)
        made.shadow = request.param
        made.start()
        yield made
        for gateway in made.gateways.values():
            gateway.stop()


def test_rules_run_inside_envoy_for_every_host(roads):
    for road, gateway in roads.gateways.items():
        shown = {host["name"]: host["inside"] for host in gateway.status()["hosts"] if host["name"] in (API, OPEN)}
        assert shown == {API: road == "inside", OPEN: road == "inside"}


@pytest.mark.parametrize("number", range(len(REQUESTS)), ids=lambda number: f"{number}-{REQUESTS[number].path[:20]}")
def test_answer_headers_for_the_upstream_and_log_are_the_same_on_both_roads(roads, number):
    request = REQUESTS[number]
    (asked, asked_line), (inside, inside_line) = roads.both(request)
    assert (inside.status, inside.body if inside.status != 200 else b"") == (
        asked.status, asked.body if asked.status != 200 else b""
    )  # fmt: skip
    assert seen_by_client(inside) == seen_by_client(asked)
    assert seen_by_upstream(inside) == seen_by_upstream(asked)
    assert not asked_line.get("inside") and inside_line.get("inside", False) is request.inside
    assert without(inside_line) == without(asked_line)


def seen_by_client(answer):
    """But for `connection`: where Envoy answers before a body has arrived, it closes."""
    return {
        name: value for name, value in answer.headers.items() if name not in ("date", "content-length", "connection")
    }


def seen_by_upstream(answer):
    """Header lines, sorted; nothing where a rule answered."""
    if answer.status != 200 or not answer.body:
        return []
    return sorted(pair for pair in json.loads(answer.body)["headers"] if pair[0] != "x-request-id")


def without(line):
    return {name: value for name, value in line.items() if name not in OF_A_ROAD}


def test_counters_are_the_same_on_both_roads(roads):
    """After all the requests above: by host, rule and outcome."""
    sums = [gateway.status() for gateway in roads.gateways.values()]
    assert sums[0]["rules"] == sums[1]["rules"] and sums[0]["decisions"] == sums[1]["decisions"]
    assert sum(sums[0]["decisions"].values()) > 0
