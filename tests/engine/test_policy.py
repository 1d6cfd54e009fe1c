"""One road from request and certificate to a decision; whatever goes wrong on it is a block."""

import time
from datetime import UTC, datetime, timedelta

import pytest
from cryptography.hazmat.primitives.serialization import Encoding

from mtls_tui import pki
from mtls_tui.engine.bundle import Bundle, BundleError, BundleHost, BundleList, BundleRule
from mtls_tui.engine.fields import EXTRACTORS
from mtls_tui.engine.model import BLOCKED_BY_ERROR, HttpRequest
from mtls_tui.engine.policy import Policy, PolicyError
from mtls_tui.lang import parse
from mtls_tui.pki.roles import RoleSet

NOW = datetime(2030, 1, 31, 12, tzinfo=UTC)
VERIFIED = "not cf.tls_client_auth.cert_verified"


@pytest.fixture(scope="module")
def roles():
    return RoleSet(NOW)


@pytest.fixture(scope="module")
def ca(roles):
    return roles.authority.certificate.public_bytes(Encoding.PEM).decode()


@pytest.fixture(scope="module")
def crl(roles):
    return roles.crl.public_bytes(Encoding.PEM).decode()


def host(name="api.example.com", mtls=True, **settings):
    return BundleHost(name=name, mtls=mtls, **settings)


def rule(expression, ref="r", **settings):
    return BundleRule(ref=ref, expression=expression, action=settings.pop("action", "block"), **settings)


def chain(roles, role):
    return tuple(certificate.public_bytes(Encoding.DER) for certificate in roles.mint(role).chain)


def request(**settings):
    return HttpRequest(**{"host": "api.example.com", **settings})


def blocked(policy, http, certificates=(), at=NOW):
    return policy.decide(http, certificates, at).blocked


@pytest.mark.parametrize(
    ("role", "presented", "verified", "revoked"),
    [
        ("none", False, False, False), ("good", True, True, False), ("revoked", True, True, True), ("expired", True, False, False),
        ("not_yet_valid", True, False, False), ("foreign", True, False, False), ("self_signed", True, False, False), ("server_purpose", True, False, False),
    ],
)  # fmt: skip
def test_the_three_booleans_are_those_of_the_certificate(role, presented, verified, revoked, roles, ca, crl):
    names = ("presented", "verified", "revoked")
    rules = [rule(f"cf.tls_client_auth.cert_{name}", ref=name, action="log") for name in names]
    policy = Policy.from_bundle(Bundle(hosts=(host(anchors=(ca,), crls=(crl,)),), rules=tuple(rules)))
    for certificates in (chain(roles, role), roles.mint(role).chain, list(chain(roles, role))):
        outcome = policy.decide(request(), certificates, NOW)
        found = {r.ref for r in outcome.decision.logged}
        assert found == {name for name, holds in zip(names, (presented, verified, revoked), strict=True) if holds}
        assert outcome.verification.presented is presented
        full = policy.request(request(), certificates, NOW, everything=True)[0].fields
        assert [full[f"cf.tls_client_auth.cert_{name}"] for name in names] == [presented, verified, revoked]


def test_certificate_and_timestamp_are_judged_at_one_instant(roles, ca, monkeypatch):
    """Between two readings of the clock a certificate could end; and an explicit time goes before the request's own."""
    told = "http.request.timestamp.sec"
    rules = (rule("http.request.timestamp.sec > 0 and cf.tls_client_auth.cert_verified", action="log"),)
    policy = Policy.from_bundle(Bundle(hosts=(host(anchors=(ca,)),), rules=rules))
    ends = roles.mint("good").chain[0].not_valid_after_utc
    ticking = iter(range(int(ends.timestamp()), int(ends.timestamp()) + 100))
    monkeypatch.setattr("mtls_tui.engine.policy.time.time", lambda: float(next(ticking)))
    outcome = policy.decide(request(), chain(roles, "good"))
    assert outcome.request.fields[told] == int(ends.timestamp())
    assert outcome.verification.verified, "the last second is included"
    late = ends + timedelta(days=1)
    for at, own, verified in (
        (late, NOW.timestamp(), False),
        (NOW, late.timestamp(), True),
        (None, NOW.timestamp(), True),
    ):
        outcome = policy.decide(request(at=own), chain(roles, "good"), at)
        assert outcome.verification.verified is verified
        assert outcome.request.fields[told] == int(at.timestamp() if at else own)


def test_a_plain_host_knows_of_no_certificate_whatever_is_presented(roles, ca):
    policy = Policy.from_bundle(
        Bundle(
            anchors=(ca,),
            hosts=(host("www.example.com", mtls=False), host()),
            rules=(rule('cf.tls_client_auth.cert_presented or cf.tls_client_auth.cert_serial ne ""'),),
        )
    )
    good = chain(roles, "good")
    assert blocked(policy, request(), good)
    outcome = policy.decide(request(host="www.example.com"), good, NOW, everything=True)
    assert not outcome.blocked
    assert outcome.verification is None
    assert outcome.request.fields["cf.tls_client_auth.cert_presented"] is False
    assert policy.verify(policy.host("www.example.com"), good, NOW) is None


def test_hosts_trust_what_is_theirs_and_what_is_for_all(roles, ca, crl):
    foreign = roles.foreign_authority.certificate.public_bytes(Encoding.PEM).decode()
    policy = Policy.from_bundle(
        Bundle(
            anchors=(ca,),
            crls=(crl,),
            hosts=(host("a.example", crl_policy="soft", anchors=(foreign,)), host("b.example"), host("c.example")),
            rules=(rule(VERIFIED), rule("cf.tls_client_auth.cert_revoked", ref="revoked")),
        )
    )
    for name, role, verdict in (
        ("a.example", "foreign", False), ("b.example", "foreign", True), ("a.example", "good", False), ("b.example", "good", False),
        ("b.example", "revoked", True), ("a.example", "revoked", True), ("c.example", "none", True),
    ):  # fmt: skip
        assert blocked(policy, request(host=name), chain(roles, role)) is verdict, (name, role)
    assert policy.host("b.example").store is policy.host("c.example").store
    assert policy.host("a.example").store is not policy.host("b.example").store


def test_hosts_share_a_store_only_when_all_their_settings_are_equal(roles, ca, crl):
    foreign = roles.foreign_authority.certificate.public_bytes(Encoding.PEM).decode()
    settings = (
        {"anchors": (ca,)}, {"anchors": (foreign,)}, {"anchors": (ca,), "intermediates": (foreign,)}, {"anchors": (ca,), "crls": (crl,)},
        {"anchors": (ca,), "crls": (crl,), "crl_policy": "soft"}, {"anchors": (ca,), "crls": (crl,), "revocation": "leaf"},
    )  # fmt: skip
    hosts = [host(f"{number}{twin}.example", **each) for number, each in enumerate(settings) for twin in "ab"]
    policy = Policy.from_bundle(Bundle(hosts=tuple(hosts)))
    stores = [policy.host(each.name).store for each in hosts]
    assert len({id(store) for store in stores}) == len({store.digest for store in stores}) == len(settings)
    assert [store.revocation for store in stores[::2]] == ["chain"] * 5 + ["leaf"]
    assert [store.crl_policy for store in stores[::2]] == [None, None, None, "require", "soft", "require"]


def test_a_host_that_trusts_nobody_verifies_nobody(roles):
    policy = Policy.from_bundle(Bundle(hosts=(host(),), rules=(rule(VERIFIED),)))
    assert blocked(policy, request(), chain(roles, "good"))


def test_a_verdict_ends_with_the_certificate_s_and_the_crl_s_time(roles, ca, crl):
    policy = Policy.from_bundle(Bundle(hosts=(host(anchors=(ca,)),), rules=(rule(VERIFIED),)))
    strict = Policy.from_bundle(Bundle(hosts=(host(anchors=(ca,), crls=(crl,)),), rules=(rule(VERIFIED),)))
    good = chain(roles, "good")
    for _ in range(2):  # the second time from memory
        assert not blocked(policy, request(), good, NOW)
        assert blocked(policy, request(), good, NOW + timedelta(days=16))
        assert blocked(policy, request(), good, NOW - timedelta(days=16))
        assert not blocked(strict, request(), good, NOW.timestamp())
    long_lived = roles.mint("good")
    assert blocked(strict, request(), long_lived.chain, NOW + timedelta(days=31))


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("api.example.com", "api.example.com"), ("API.example.com:8443", "api.example.com"), ("api.example.com.", "api.example.com"),
        ("x.example.com", "*.example.com"), ("y.x.example.com", "*.example.com"), ("z.deep.example.com", "*.deep.example.com"),
        ("example.com", None), ("", None), ("*.example.com", None), ("xn--bcher-kva.example", "xn--bcher-kva.example"),
        ("bücher.example", "xn--bcher-kva.example"), ("127.0.0.1:1", "127.0.0.1"), ("[::0:1]:1", "[::1]"), ("evil.com/api.example.com", None),
    ],
)  # fmt: skip
def test_a_host_is_found_by_any_spelling_of_its_name(name, found):
    names = ("api.example.com", "*.example.com", "*.deep.example.com", "BÜCHER.example", "127.0.0.1", "[::1]")
    policy = Policy.from_bundle(Bundle(hosts=tuple(host(each, mtls=False) for each in names)))
    assert getattr(policy.host(name), "name", None) == found


def test_a_request_to_no_host_of_the_policy_is_blocked():
    policy = Policy.from_bundle(Bundle(hosts=(host(mtls=False),)))
    outcome = policy.decide(request(host="other.example.com"))
    assert outcome.blocked
    assert outcome.host is None
    assert "no such host" in outcome.decision.reason
    assert Policy.from_bundle(Bundle()).decide(request()).blocked


PATHS = (rule('http.host eq "api.example.com" and http.request.uri.path eq "/nowhere"', ref="path"),)


def test_a_path_that_is_normal_for_us_and_another_for_the_next_server_is_blocked():
    policy = Policy.from_bundle(Bundle(hosts=(host(mtls=False),), rules=PATHS))
    assert blocked(policy, request(target="/public/%2e%2e;/admin"))
    assert not blocked(policy, request(target="/public/..;/admin"))


def test_a_path_that_the_proxy_forwards_as_it_is_has_to_be_normal():
    policy = Policy.from_bundle(Bundle(hosts=(host(mtls=False),), rules=PATHS))
    for target in ("/public/..;/admin", "/a/../b", "//a", "/%61"):
        assert blocked(policy, request(target=target, normalised=True)), target
    for target in ("/", "/a/b?x=/../y", "//", "/a%2fb", "*"):
        assert not blocked(policy, request(target=target, normalised=True)), target


def test_where_no_rule_looks_at_paths_every_path_is_let_through():
    hosts = (host(mtls=False), host("www.example.com", mtls=False), host("*.example.org", mtls=False))
    strange = {"target": "/public/%2e%2e;/admin"}
    policy = Policy.from_bundle(Bundle(hosts=hosts, rules=(rule("ip.src in {192.0.2.1}"),)))
    assert not blocked(policy, request(**strange))
    policy = Policy.from_bundle(Bundle(hosts=hosts, rules=PATHS))
    assert not blocked(policy, request(host="www.example.com", **strange))
    assert blocked(policy, request(**strange))
    assert blocked(policy, request(host="x.example.org", **strange))


def test_rules_see_the_path_that_the_upstream_sees():
    policy = Policy.from_bundle(Bundle(hosts=(host(mtls=False),), rules=(rule('http.request.uri.path eq "/admin"'),)))
    for target in (
        "/admin",
        "/x/../admin",
        "//admin",
        "/%61dmin",
        "/x\\..\\admin",
        "/./admin?x",
        "https://api.example.com/admin",
    ):
        assert blocked(policy, request(target=target)), target
    assert not blocked(policy, request(target="/admin/x"))


class Broken:
    """A client address that can't even be looked at."""

    def partition(self, _):
        raise RuntimeError("boom")

    def __hash__(self):
        raise RuntimeError("boom")


@pytest.mark.parametrize(
    "http",
    [request(client_ip="nonsense"), request(client_ip=Broken()), request(host=None), request(target=None), request(headers=None), None,
     request(overrides={"ip.src": b"text"}), request(overrides={"http.request.headers": [1]}), request(at="soon")],
)  # fmt: skip
def test_any_error_is_a_block_and_never_an_exception(http):
    expression = 'ip.src in {192.0.2.1} or any(http.request.headers["x"][*] eq "y") or http.request.timestamp.sec gt 1 or http.request.uri.path eq "/"'
    policy = Policy.from_bundle(Bundle(hosts=(host(mtls=False),), rules=(rule(expression, action="log"),)))
    outcome = policy.decide(http)
    assert outcome.blocked
    assert outcome.decision.reason.startswith((BLOCKED_BY_ERROR, "no such host"))


def test_certificates_that_are_none_are_presented_and_not_verified(ca):
    policy = Policy.from_bundle(Bundle(hosts=(host(anchors=(ca,)),), rules=(rule(VERIFIED),)))
    for certificates in ((b"garbage",), (b"",), (b"\x30\x82",), (b"x" * 3_000_000,), (b"a", b"b")):
        outcome = policy.decide(request(), certificates, NOW)
        assert outcome.blocked
        assert outcome.verification.presented
        assert not outcome.verification.verified


def test_only_what_rules_read_is_computed_unless_all_is_wanted(roles, ca):
    policy = Policy.from_bundle(
        Bundle(
            hosts=(host(anchors=(ca,)),),
            rules=(
                rule(f'http.host eq "api.example.com" and {VERIFIED}'),
                rule("ip.geoip.asnum eq 1", ref="edge"),
                rule("ssl", ref="off", enabled=False),
            ),
        )
    )
    assert policy.needs == {"http.host", "cf.tls_client_auth.cert_verified", "ip.src.asnum"}
    found, verification = policy.request(request(), chain(roles, "good"), NOW)
    assert found.fields == {"http.host": b"api.example.com", "cf.tls_client_auth.cert_verified": True}
    assert verification.verified
    full = policy.request(request(), chain(roles, "good"), NOW, everything=True)[0].fields
    assert set(EXTRACTORS) <= set(full)
    assert full["cf.tls_client_auth.cert_subject_dn"] == b"CN=good-client"


def test_values_set_by_hand_win_under_their_old_names_too(roles, ca):
    policy = Policy.from_bundle(
        Bundle(hosts=(host(anchors=(ca,)),), rules=(rule("ip.src.asnum eq 7"), rule(VERIFIED, ref="v")))
    )
    http = request(overrides={"ip.geoip.asnum": 7, "cf.tls_client_auth.cert_verified": True})
    outcome = policy.decide(http, (), NOW)
    assert outcome.decision.rule.ref == "r"
    assert not blocked(policy, request(overrides={"cf.tls_client_auth.cert_verified": True}))


def test_the_full_and_the_fast_way_decide_alike(roles, ca, crl):
    rules = (rule(VERIFIED), rule('http.request.uri.path contains "x"', ref="x"), rule("ip.src in $l", ref="l"))
    policy = Policy.from_bundle(
        Bundle(
            hosts=(host(anchors=(ca,), crls=(crl,)),),
            rules=rules,
            lists={"l": BundleList(kind="ip", items=("192.0.2.0/24",))},
        )
    )
    for role in ("none", "good", "foreign"):
        for http in (request(), request(target="/x"), request(client_ip="192.0.2.9"), request(target="/%2e%2e;/")):
            fast = policy.decide(http, chain(roles, role), NOW)
            full = policy.decide(http, chain(roles, role), NOW, everything=True)
            assert fast.decision == full.decision
            assert fast.request.fields.items() <= full.request.fields.items()


def test_what_can_t_be_enforced_makes_no_policy(ca, crl, roles):
    cases = {
        "twice": Bundle(hosts=(host(), host("API.example.com"))),
        "no host name": Bundle(hosts=(host("https://x"),)),
        "anchor": Bundle(hosts=(host(anchors=("nonsense",)),)),
        "CRL": Bundle(hosts=(host(anchors=(ca,), crls=(ca,)),)),
        "rule r": Bundle(rules=(rule("nonsense"),)),
        "ref": Bundle(rules=(rule("ssl"), rule("ssl"))),
        "list": Bundle(rules=(rule("ip.src in $nobody"),)),
    }
    for words, bundle in cases.items():
        with pytest.raises(PolicyError, match=words):
            Policy.from_bundle(bundle)
    with pytest.raises(BundleError):
        Policy.from_bundle_bytes(b"nonsense")


def test_a_policy_comes_from_signed_bytes(ca):
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.serialization import PublicFormat

    key = Ed25519PrivateKey.generate()
    bundle = Bundle(hosts=(host(anchors=(ca,)),))
    pem = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    for given in (key.public_key(), pem):
        assert Policy.from_bundle_bytes(bundle.encode(key), given).digest == bundle.digest
        with pytest.raises(BundleError):
            Policy.from_bundle_bytes(bundle.encode(), given)


def test_the_canonical_expression_may_be_longer_than_cloudflare_s_limit():
    long = " or ".join(f'http.host eq "h{n}.example.com"' for n in range(200))
    assert len(long) > 4096
    policy = Policy.from_bundle(Bundle(hosts=(host(mtls=False),), rules=(rule(long),)))
    assert policy.ruleset.rules[0].expression == parse(long, max_length=None)


def test_a_flood_of_strange_certificates_is_not_remembered(roles, ca, monkeypatch):
    facts = pki.Memory(200_000)
    monkeypatch.setattr("mtls_tui.engine.policy._FACTS", facts)
    policy = Policy.from_bundle(Bundle(hosts=(host(anchors=(ca,)),), rules=(rule(VERIFIED),)))
    for number in range(50):
        policy.decide(request(), (b"\x30stranger %d" % number,), NOW)
    policy.decide(request(), chain(roles, "expired"), NOW)
    assert len(facts) == 0
    policy.decide(request(), chain(roles, "good"), NOW)
    assert len(facts) == 1
    for number in range(50):
        policy.decide(request(), (*chain(roles, "good"), b"junk %d" % number + bytes(20_000)), NOW)
    assert len(facts) == 1, "of one certificate one chain"
    assert facts.used < 100_000


def test_the_facts_of_a_certificate_are_those_of_the_chain_it_came_with(roles, ca):
    field = "cf.tls_client_auth.cert_chain_rfc9440"
    policy = Policy.from_bundle(Bundle(hosts=(host(anchors=(ca,)),), rules=(rule(f'{field} ne ""', action="log"),)))
    leaf, root = chain(roles, "good")[0], roles.authority.certificate.public_bytes(Encoding.DER)
    for _ in range(2):
        assert policy.decide(request(), (leaf, root), NOW).request.fields[field] != b""
        assert policy.decide(request(), (leaf,), NOW).request.fields[field] == b""


def test_a_decision_from_memory_takes_microseconds(roles, ca, crl):
    policy = Policy.from_bundle(
        Bundle(
            hosts=(host(anchors=(ca,), crls=(crl,)),), rules=(rule(f'http.host eq "api.example.com" and {VERIFIED}'),)
        )
    )
    http, good, at = request(), chain(roles, "good"), NOW.timestamp()
    best = 1.0
    for _ in range(5):
        begin = time.process_time()
        for _ in range(1000):
            policy.decide(http, good, at)
        best = min(best, (time.process_time() - begin) / 1000)
    assert best < 60e-6  # some 6 µs on an idle machine


# ruff: noqa: E501 - rows of cases
