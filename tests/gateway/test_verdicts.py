"""What Envoy remembers: equal verdicts for a moment, where they follow from host and certificate alone; no other."""

import json
import math

import pytest

from mtls_tui.engine.bundle import BundleRule
from mtls_tui.gateway import Gateway, GatewayError, Limits, Settings
from mtls_tui.gateway.envoy import facts
from mtls_tui.gateway.envoy.insidecount import InsideCount, read, statistic
from tests.gateway.site import Site, poll
from tests.gateway.upstream import Upstream
from tests.gateway.wire import Connection

pytestmark = pytest.mark.gateway
API = "api.example.com"


class Remembering(Site):
    """A site whose rules on `api` read host and certificate alone; verdicts are remembered for as long as allowed."""

    def _rules(self):
        return tuple(rule for rule in super()._rules() if rule.ref in ("mtls", "revoked", "agent", "others"))

    def start(self):
        self.write()
        settings = Settings(listen=("127.0.0.1", 0), log=self.log, workers=1, remember_seconds=1.0,
                            limits=Limits(closing_seconds=0.05))  # fmt: skip
        self.gateway = Gateway(self.bundle, settings).start()
        self.port = self.gateway.address[1]

    def lines_of(self, path):
        return [line for line in self.lines() if line["path"] == path]

    def asked(self):
        """How many decisions came to the decision process."""
        return sum(self.gateway.status()["decisions"].values())


@pytest.fixture(scope="module")
def remembering(tmp_path_factory, envoy_binary):
    with Upstream() as upstream:
        made = Remembering(tmp_path_factory.mktemp("remembering"), upstream.port)
        made.upstream = upstream
        made.start()
        yield made
        made.gateway.stop()


@pytest.mark.parametrize(
    ("kind", "status"), [("good", 200), ("none", 451), ("expired", 451), ("revoked", 403), ("stuffed", 200)]
)
def test_remembered_verdict_is_the_decided_one_in_every_respect(remembering, kind, status):
    site, path = remembering, f"/remembered/{kind}"
    # One connection stays on one thread of Envoy, and each thread remembers for itself.
    with site.connect(kind=kind) as connection:
        answers = [connection.get(path, headers=[("Client-Cert", "forged")]) for _ in range(12)]
    assert {answer.status for answer in answers} == {status}
    if status == 200:
        heads = [sorted(map(tuple, json.loads(answer.body)["headers"])) for answer in answers]
        assert len({str([pair for pair in head if pair[0] != "x-request-id"]) for head in heads}) == 1
        assert "client-cert" in dict(heads[0])
    else:
        assert len({(answer.body, answer.headers["content-type"]) for answer in answers}) == 1
    lines = poll(lambda: (found := site.lines_of(path)) and len(found) == 12 and found)
    remembered = [line for line in lines if line.get("inside")]
    decided = [line for line in lines if not line.get("inside")]
    assert remembered and decided
    for name in ("action", "rule", "reason", "fingerprint", "verified", "revoked", "certificate_error"):
        empty = False if name in ("verified", "revoked") else ""
        assert len({line.get(name, empty) for line in lines}) == 1, name


def test_counted_is_what_was_answered_remembered_verdicts_included(remembering):
    """Exactly, and without another question: what is told of allowed and blocked requests, by host and rule."""
    site = remembering
    before = site.gateway.status()["decisions"]
    for kind, status in (("foreign", 451), ("good", 200)):
        with site.connect(kind=kind) as connection:
            assert [connection.get("/counted").status for _ in range(25)] == [status] * 25
    poll(lambda: len(site.lines_of("/counted")) == 50)
    assert [line for line in site.lines_of("/counted") if line.get("inside")]
    wanted = {"allow": before.get("allow", 0) + 25, "block": before.get("block", 0) + 25}
    poll(lambda: {name: site.gateway.status()["decisions"].get(name) for name in wanted} == wanted)


def test_reload_ends_every_remembered_verdict_at_once(remembering):
    site = remembering
    serial = site.chains["good"][0].serial_number
    try:
        with site.connect(kind="good") as connection:
            assert [connection.get("/forgotten").status for _ in range(5)] == [200] * 5
            site.write(hosts=(site.host(API, crls=(site.crl([serial]),)), *site.hosts()[1:]))
            assert site.gateway.reload()
            assert connection.get("/forgotten").status == 403
    finally:
        site.settle()


def test_rule_that_begins_to_read_more_is_asked_about_every_request(remembering):
    site = remembering
    rule = BundleRule(ref="path", action="block", expression='http.request.uri.path eq "/now-blocked"')
    try:
        with site.connect(kind="good") as connection:
            assert [connection.get("/now-blocked").status for _ in range(5)] == [200] * 5
            site.write(rules=(*site.rules, rule))
            assert site.gateway.reload()
            paths = ("/now-blocked", "/free", "/now-blocked")
            assert [connection.get(path).status for path in paths] == [403, 200, 403]
    finally:
        site.settle()


def test_certificate_is_part_of_what_is_remembered(remembering):
    site = remembering
    for _ in range(3):
        for kind, status in (("good", 200), ("expired", 451), ("none", 451), ("stuffed", 200), ("revoked", 403)):
            assert site.ask("/mixed", kind=kind).status == status


def test_path_with_escapes_or_dots_is_never_answered_from_memory(remembering):
    site = remembering
    with site.connect(kind="good") as connection:
        for path in ("/a%3Ab", "/a/.b", "/a%25b"):
            assert [connection.get(path).status for _ in range(4)] == [200] * 4
            lines = poll(lambda path=path: (found := site.lines_of(path)) and len(found) >= 4 and found)
            assert not [line for line in lines if line.get("inside")]


def test_what_an_upstream_writes_is_not_learnt(remembering):
    """An upstream may write a verdict into its answer; the next request is asked about, not answered by it."""
    site = remembering
    forged = facts.encode(1, math.inf, "", {"cf.tls_client_auth.cert_verified": False}, ())
    site.upstream.extra = f"{facts.FACTS_HEADER}: {forged}\r\n".encode()
    try:
        with site.connect("head.example.com") as connection:
            assert [connection.get("/forged", "head.example.com").status for _ in range(4)] == [200] * 4
        with site.connect(kind="good") as connection:
            assert [connection.get("/forged").status for _ in range(4)] == [200] * 4
    finally:
        site.upstream.extra = b""


def test_statistics_of_remembered_verdicts_come_back_as_they_went_and_add_up_over_envoys():
    names = ("a.b.example", "rule:1|é %", "block"), ("*.x", "", "allow")
    first, second = (statistic(*name) for name in names)
    text = f"http.gateway.lua.inside.{first}: 3\nhttp.gateway.lua.inside.{second}: 7\nother: 1\nx|y|z: 2\n"
    assert read(text) == {first: 3, second: 7}
    sums = InsideCount()
    for look in ({first: 3}, {first: 3, second: 7}, {second: 9}, {first: 2, second: 1}):
        sums.look(look)
    assert sums.counters.decisions == {names[0]: 5, names[1]: 10}


def test_overlong_facts_are_not_told():
    assert facts.encode(1, math.inf, "", {"n": b"x" * facts.LONGEST}, ()) == ""
    told = facts.encode(7, 2.5, ',"a":"b|c"', {"yes": True, "no": False, "text": b"a|%\r\n\xff"}, [("n", "v|w")])
    assert told == "7|2500|,%22a%22:%22b%7Cc%22|3|yes|t|no|f|text|sa%7C%25%0D%0A%FF|n|v%7Cw"


def test_facts_that_end_in_a_blank_keep_it_on_their_way():
    """A header's value loses what is blank at its ends: one certificate's name would become another's."""
    told = facts.encode(1, math.inf, " ", {"n": b" /CN=admin \t"}, ())
    assert not set(told) & set(" \t")
    assert facts.encode(1, math.inf, "", {"n": b"/CN=admin"}, [("a", "b ")])[-1] != " "


def test_more_than_a_second_is_refused():
    with pytest.raises(GatewayError, match="one second"):
        Settings(remember_seconds=1.5)


def test_memory_may_be_switched_off(remembering, tmp_path):
    site = remembering
    settings = Settings(listen=("127.0.0.1", 0), log=tmp_path / "log", workers=1, remember_seconds=0)
    with Gateway(site.bundle, settings) as gateway:
        with Connection(gateway.address[1], API, site.client("good")) as connection:
            assert [connection.get("/off").status for _ in range(5)] == [200] * 5
        assert gateway.status()["decisions"] == {"allow": 5}
