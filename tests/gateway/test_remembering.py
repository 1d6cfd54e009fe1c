"""What Envoy remembers under attack: the key is host and whole chain, the number is bounded, log lines stay whole."""

import json

import pytest

from mtls_tui.engine.bundle import BundleRule
from mtls_tui.gateway.envoy import inside
from tests.gateway.site import poll, whole_lines
from tests.gateway.test_verdicts import Remembering
from tests.gateway.upstream import Upstream

pytestmark = pytest.mark.gateway
MOST = 8


class Small(Remembering):
    """Each thread of Envoy remembers no more than MOST verdicts; one wild host is blocked by its name."""

    def _rules(self):
        blocked = BundleRule(ref="wild", action="block", expression='http.host eq "bad.wild.example.com"')
        return (*(rule for rule in super()._rules() if rule.ref != "agent"), blocked)

    def remembered(self, path, host=None):
        """Whether Envoy gave the verdict by itself, for each request to a path (of a host), sorted.

        Two requests of one millisecond are not told apart by their times.
        """
        lines = [line for line in self.lines_of(path) if host is None or line["host"] == host]
        return sorted(bool(line.get("inside")) for line in lines)


@pytest.fixture(scope="module")
def small(tmp_path_factory, envoy_binary):
    with Upstream() as upstream, pytest.MonkeyPatch.context() as patch:
        patch.setattr(inside, "MOST_REMEMBERED", MOST)
        made = Small(tmp_path_factory.mktemp("small"), upstream.port)
        made.start()
        yield made
        made.gateway.stop()


def told(answer):
    """What the upstream was told of the client's chain."""
    return dict(json.loads(answer.body)["headers"]).get("client-cert-chain", "").count(",")


def test_equal_leaf_with_another_chain_is_another_key(small):
    assert small.chains["good"][0] == small.chains["stuffed"][0]
    # Both threads of Envoy get connections of both kinds, in turns, while either's verdict is fresh.
    for turn in range(6):
        for kind, others in (("good", 0), ("stuffed", 3)):
            with small.connect(kind=kind) as connection:
                assert [told(connection.get(f"/leaf/{kind}")) for _ in range(3)] == [others] * 3, (turn, kind)
    for kind in ("good", "stuffed"):
        poll(lambda kind=kind: len(small.lines_of(f"/leaf/{kind}")) == 18)
        assert True in small.remembered(f"/leaf/{kind}")


def test_hosts_on_one_connection_have_verdicts_of_their_own(small):
    hosts = ("a.wild.example.com", "bad.wild.example.com", "BAD.wild.example.com", "b.wild.example.com")
    with small.connect("a.wild.example.com") as connection:
        for _ in range(4):
            assert [connection.get("/own", host).status for host in hosts] == [200, 403, 403, 200]
    poll(lambda: len(small.lines_of("/own")) == 16)
    assert True in small.remembered("/own")
    rules = {(line["host"], line.get("rule", "")) for line in small.lines_of("/own")}
    assert rules == {("a.wild.example.com", ""), ("b.wild.example.com", ""), ("bad.wild.example.com", "wild")}


def test_flood_of_hosts_is_not_all_remembered(small):
    first = "first.wild.example.com"
    with small.connect(first) as connection:
        assert [connection.get("/before", first).status for _ in range(2)] == [200, 200]
        for number in range(MOST):
            assert connection.get("/flood", f"h{number}.wild.example.com").status == 200
        assert connection.get("/after", first).status == 200
        assert connection.get("/after/again", first).status == 200
    poll(lambda: small.lines_of("/after/again"))
    # Each is counted, although the memory was emptied in between. Lines come a moment after the answers.
    poll(lambda: small.asked() == len(small.lines()) >= MOST + 4)
    # All within a second; yet the first host was forgotten, and is remembered once more.
    assert small.remembered("/before") == [False, True]
    assert small.remembered("/after") == [False] and small.remembered("/after/again") == [True]


def test_flood_of_long_chains_is_not_all_remembered(tmp_path_factory, envoy_binary):
    """What a thread of Envoy remembers is bounded in bytes, too."""
    with Upstream() as upstream, pytest.MonkeyPatch.context() as patch:
        patch.setattr(inside, "MOST_BYTES", 6_000)
        site = Small(tmp_path_factory.mktemp("bytes"), upstream.port)
        site.start()
        try:
            with site.connect("first.wild.example.com") as connection:
                for number in range(5):
                    host = f"h{number}{'x' * 50}.wild.example.com"
                    assert [connection.get(f"/{number}", host).status for _ in range(2)] == [200, 200]
                hosts = [f"n{number}{'x' * 50}.wild.example.com" for number in range(40)]
                for host in (*hosts, hosts[-1], hosts[0]):
                    assert connection.get("/bytes", host).status == 200
            poll(lambda: len(site.lines_of("/bytes")) == 42)
            told = [site.remembered(f"/{number}") for number in range(5)]
            assert told == [[False, True]] * 5
            assert site.remembered("/bytes", hosts[-1]) == [False, True]
            assert site.remembered("/bytes", hosts[0]) == [False, False]  # forgotten meanwhile
            assert site.remembered("/bytes") == [False] * 41 + [True]
        finally:
            site.gateway.stop()


def test_nothing_a_client_writes_breaks_or_forges_a_line(small):
    quote = '","rule":"forged","x":"'
    headers = [("X-Request-Id", quote), ("X-Envoy-Original-Path", f"/forged{quote}"), ("User-Agent", quote)]
    with small.connect(kind="good") as connection:
        for _ in range(3):
            assert connection.get("/line?" + quote, headers=headers).status == 200
        for path in (f"/line/{quote}", "/line/\\", "/line/%22"):
            for _ in range(3):
                if connection.get(path, headers=headers).status == 0:
                    break
    for strange in ("M-SEARCH", 'G"T', "G\\T"):
        with small.connect(kind="good", alpn="h2") as connection:
            for method in ("GET", "GET", strange, strange):
                connection.h2_get("/line", method=method)
            connection.h2_get(f"/line/{quote}")
    with small.connect(kind="good") as connection:
        assert [connection.get("/line/end").status for _ in range(2)] == [200, 200]
    poll(lambda: len(small.lines_of("/line/end")) == 2)
    lines = [json.loads(text) for text in whole_lines(small.log)]
    lines = [line for line in lines if "/line" in (line.get("path") or "")]
    assert [line for line in lines if line.get("inside")]
    assert {line["method"] for line in lines if line.get("inside")} == {"GET"}
    assert "M-SEARCH" in {line["method"] for line in lines}
    assert {line.get("rule", "") for line in lines} == {""}
    assert {line["path"].partition("/line")[0] for line in lines} == {""}
    assert all(quote not in line["id"] for line in lines)
