"""Stated properties: what is proved holds of every request that is tried, and a request shown breaks its property."""

import os
import random
from dataclasses import replace

import pytest

from mtls_tui import lang
from mtls_tui.analysis import HostSettings, Site
from mtls_tui.analysis.context import NO_CERTIFICATE
from mtls_tui.analysis.properties import WHO, StatedProperty, about, judge, judge_while, properties_of
from mtls_tui.analysis.properties_in_file import judged, property_findings
from mtls_tui.analysis.question import CLIENTS
from mtls_tui.engine import Matcher, Ruleset, hostnames
from mtls_tui.engine.bundle import Bundle, BundleError, BundleProperty
from mtls_tui.engine.fields import EXTRACTORS, RequestView, compute
from mtls_tui.engine.model import Rule
from mtls_tui.rulefile import bundle, loads
from tests.analysis.test_exhaustive import DOMAIN, LISTS, SUBJECTS, YES, allowed, belongs, expression, site

SETS = int(os.environ.get("PROOF_SETS", "60"))
SHARES = 3
VERIFIED = "cf.tls_client_auth.cert_verified"


def when(text):
    return lang.parse(text).root


def of(*rules, hosts=("api.example.com",), mtls=True, lists=None):
    made = [Rule(f"r{place}", lang.parse(text), action) for place, (text, action) in enumerate(rules)]
    return Site(Ruleset(made, lists or {}), {name: HostSettings(mtls=mtls) for name in hosts})


def stated(random_, subjects, hosts):
    def condition():
        while True:
            try:
                parsed = lang.parse(expression(random_, subjects))
                Matcher(parsed, LISTS)
            except ValueError:
                continue
            return parsed.root

    return StatedProperty(
        "p",
        random_.choice(["blocked", "allowed"]),
        tuple(random_.sample(sorted(hosts), random_.randint(0, len(hosts)))),
        condition() if random_.random() < 0.8 else lang.ast.Always(True),
        condition() if random_.random() < 0.4 else None,
        random_.choice(list(WHO)),
    )


def seen(site_, name, state):
    settings = hostnames.most_specific(name, site_.hosts)
    return state if settings is not None and settings.mtls else NO_CERTIFICATE


def breaks(site_, property_, name, fields, state):
    """Whether a request is meant and gets what it must not."""
    values = {**fields, **seen(site_, name, state)}
    if not Matcher(lang.ast.Expression(property_.when), LISTS).function(values):
        return False
    if property_.unless is not None and Matcher(lang.ast.Expression(property_.unless), LISTS).function(values):
        return False
    return allowed(site_, name, fields, state) is (property_.must == "blocked")


@pytest.mark.parametrize("share", range(SHARES))
def test_no_request_refutes_a_proof_and_every_request_shown_breaks_its_property(share):
    kinds = set()
    for seed in range(share, SETS, SHARES):
        random_ = random.Random(seed)
        subjects = random_.sample(SUBJECTS, random_.choice([1, 1, 2]))
        if random_.random() < 0.3:
            subjects.append((VERIFIED, YES))
        site_ = site(random_, subjects)
        for _ in range(2):
            property_ = stated(random_, subjects, site_.hosts)
            found = judge(site_, property_)
            kinds.add(found.status)
            hosts = property_.hosts or tuple(site_.hosts)
            if found.status == "proved":
                for name, fields in DOMAIN:
                    if any(belongs(name, host, site_.hosts) for host in hosts):
                        for client in WHO[property_.client]:
                            broken = breaks(site_, property_, name, fields, CLIENTS[client])
                            assert not broken, (seed, property_, name, fields, client)
            elif found.status == "broken":
                name = hostnames.normalise(found.http.host)
                assert belongs(name, found.host, site_.hosts) and found.client in WHO[property_.client]
                fields = {**compute(RequestView(found.http, found.http.at), EXTRACTORS.items()), **found.http.overrides}
                assert breaks(site_, property_, name, fields, CLIENTS[found.client]), (seed, property_, found)
    assert kinds >= {"proved", "broken"}


ADMIN = 'starts_with(http.request.uri.path, "/admin")'


def test_what_must_be_blocked_is_broken_by_a_request_that_passes():
    property_ = StatedProperty("p", "blocked", (), when(ADMIN))
    found = judge(of(('http.request.uri.path eq "/admin"', "block")), property_)
    assert (found.status, found.host, found.decision.action) == ("broken", "api.example.com", "allow")
    assert found.http.target.startswith("/admin") and found.http.target != "/admin"
    assert (
        found.reason
        == f"GET https://api.example.com{found.http.target} without a certificate is allowed: no rule matched"
    )
    assert judge(of((ADMIN, "block")), property_).reason == "every such request to api.example.com is blocked"
    assert judge(of((ADMIN, "block"), hosts=("a", "b", "c", "d", "e")), property_).reason == (
        "every such request to a, b, c and 2 more hosts is blocked"
    )


def test_what_must_be_allowed_is_broken_by_a_request_that_is_blocked():
    property_ = StatedProperty(
        "p", "allowed", (), when('http.request.uri.path eq "/healthz"'), when("ip.src eq 192.0.2.1")
    )
    found = judge(of(('http.request.uri.path wildcard "/health*" and ip.src ne 192.0.2.1', "block")), property_)
    assert (found.status, found.decision.action) == ("broken", "block")
    assert found.reason == "GET https://api.example.com/healthz without a certificate is blocked: rule r0 matched"
    assert judge(of(("ip.src eq 192.0.2.1", "block")), property_).status == "proved"


def test_the_kind_of_client_counts():
    site_ = of((f"not {VERIFIED}", "block"))
    answers = {client: judge(site_, StatedProperty("p", "blocked", client=client)).status for client in WHO}
    assert answers == {
        "any": "broken", "none": "proved", "untrusted": "proved", "revoked": "broken", "trusted": "broken",
    }  # fmt: skip
    assert judge(site_, StatedProperty("p", "blocked", client="any")).client == "valid"
    plain = of((f"not {VERIFIED}", "block"), mtls=False)
    assert judge(plain, StatedProperty("p", "blocked", client="trusted")).status == "proved"
    assert judge(plain, StatedProperty("p", "blocked", client="any")).status == "proved"


def test_hosts_that_are_not_named_do_not_count_and_none_named_means_all():
    site_ = of(('http.host eq "a.ex"', "block"), hosts=("a.ex", "b.ex"))
    assert judge(site_, StatedProperty("p", "blocked", ("a.ex",))).status == "proved"
    assert judge(site_, StatedProperty("p", "blocked")).host == "b.ex"
    assert judge(site_, StatedProperty("p", "blocked"), ["a.ex"]).status == "proved"
    assert judge(site_, StatedProperty("p", "blocked", ("a.ex",)), ["b.ex"]).vacuous


def test_a_wildcard_means_the_names_that_no_other_host_has():
    site_ = of(('not http.host in {"open.w.ex"}', "block"), hosts=("*.w.ex", "open.w.ex"))
    assert judge(site_, StatedProperty("p", "blocked", ("*.w.ex",))).status == "proved"
    assert judge(site_, StatedProperty("p", "blocked", ("open.w.ex",))).status == "broken"
    wild = StatedProperty("p", "blocked", ("*.w.ex",))
    told = {name: about(site_, wild, name) for name in ("*.w.ex", "a.w.ex", "*.a.w.ex", "open.w.ex", "w.ex", "a.ex")}
    assert told == {
        "*.w.ex": True, "a.w.ex": True, "*.a.w.ex": True, "open.w.ex": False, "w.ex": False, "a.ex": False,
    }  # fmt: skip
    assert judge(site_, wild, ["open.w.ex"]).vacuous


def test_a_judgement_that_nobody_waits_for_stops_before_the_next_question():
    site_ = of(("true", "block"), hosts=tuple(f"h{number}" for number in range(9)))
    asked = []
    assert judge_while(site_, StatedProperty("p", "blocked"), lambda: asked.append(1) or len(asked) < 3) is None
    assert len(asked) == 3


def test_a_property_by_which_no_request_is_meant_is_called_vacuous_and_no_other():
    impossible = when('http.request.uri.path eq "/a" and http.request.uri.path eq "/b"')
    for must in ("blocked", "allowed"):
        found = judge(of(("ssl", "block")), StatedProperty("p", must, (), impossible))
        assert (found.status, found.vacuous) == ("proved", True)
    assert not judge(of(("true", "block")), StatedProperty("p", "blocked", (), when("ssl"))).vacuous
    assert judge(of(("true", "block")), StatedProperty("p", "blocked", (), when("ssl"), when("ssl or not ssl"))).vacuous


def test_a_host_that_the_site_does_not_have_blocks_everything():
    site_ = of(("ssl", "skip"))
    assert judge(site_, StatedProperty("p", "blocked", ("other.ex",))).status == "proved"
    assert judge(site_, StatedProperty("p", "allowed", ("other.ex",))).status == "broken"


def test_what_is_neither_found_nor_proved_is_open_with_the_reason():
    found = judge(
        of((f'sha256(http.cookie) eq "{"ab" * 16}"', "skip"), ("true", "block")),
        StatedProperty("p", "blocked"),
    )
    assert (found.status, found.host, found.http) == ("open", "api.example.com", None)
    assert found.reason.startswith("neither proved nor broken for requests to api.example.com without a certificate: ")


def test_lists_of_the_file_may_be_named():
    property_ = StatedProperty("p", "blocked", (), when("not ip.src in $office"))
    lists = {"office": ["192.0.2.0/24"]}
    assert judge(of(("not ip.src in {192.0.2.0/24}", "block"), lists=lists), property_).status == "proved"
    assert judge(of(("not ip.src in {192.0.2.0/23}", "block"), lists=lists), property_).status == "broken"


def test_properties_come_from_the_bundle_as_the_file_states_them():
    text = """
[[hosts]]
name = "api.example.com"
[[properties]]
name = "p"
hosts = ["API.example.com"]
when = '''ssl&&ssl'''
unless = "not ssl"
client = "revoked"
expect = "allowed"
"""
    made = bundle(loads(text))
    assert properties_of(made) == (
        StatedProperty("p", "allowed", ("api.example.com",), when("ssl and ssl"), when("not ssl"), "revoked"),
    )
    broken = Bundle(properties=(BundleProperty(name="p", expect="blocked", when="sl"),))
    with pytest.raises(BundleError, match="property p: unknown identifier"):
        properties_of(broken)


FILE = """\
[[hosts]]
name = "api.example.com"

[[rules]]
ref = "r"
expression = '''http.request.uri.path eq "/admin"'''

[[properties]]
name = "holds"
when = '''http.request.uri.path eq "/admin"'''
expect = "blocked"

# the second
[[properties]]
name = "broken"
when = '''starts_with(http.request.uri.path, "/admin")'''
expect = "blocked"

[[properties]]
name = "nobody"
when = '''ssl and not ssl'''
expect = "blocked"

[[properties]]
name = "who knows"
when = '''sha256(http.cookie) eq "0123456789abcdef0123456789abcdef"'''
expect = "blocked"
"""


def test_what_is_wrong_with_properties_is_told_at_their_places_in_the_file():
    file = loads(FILE)
    answers = judged(file)
    assert [answer.status for answer in answers] == ["proved", "broken", "proved", "open"]
    told = [
        (found.severity, found.problem.code, found.problem.line, found.problem.key, found.problem.message.split(":")[0])
        for found in property_findings(file, answers)
    ]
    assert told == [
        ("error", "property-broken", 14, "properties[1]", "broken"),
        ("warning", "property-vacuous", 19, "properties[2]", "nobody"),
        ("warning", "property-open", 24, "properties[3]", "who knows"),
    ]
    assert judged(replace(file, properties=())) == []
