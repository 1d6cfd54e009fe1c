"""Proofs, comparisons and lint against exhaustive evaluation of made rule sets, before hosts of several patterns.

Seeded: every run makes the same rule sets. `PROOF_SETS=5000 pytest tests/analysis/test_exhaustive.py` makes more.
"""

import itertools
import os
import random

import pytest

from mtls_tui import lang
from mtls_tui.analysis import HostSettings, Site, compare, lint, unprotected
from mtls_tui.analysis.context import NO_CERTIFICATE
from mtls_tui.analysis.question import CLIENTS as FACTS_OF
from mtls_tui.analysis.question import WORDS as CLIENT_WORDS
from mtls_tui.analysis.reach import CLIENTS
from mtls_tui.engine import Matcher, Ruleset, hostnames
from mtls_tui.engine.fields import EXTRACTORS, RequestView, compute
from mtls_tui.engine.fields_of import walk
from mtls_tui.engine.model import HttpRequest, Rule
from mtls_tui.lang.catalogue import FUNCTIONS

SETS = int(os.environ.get("PROOF_SETS", "80"))
SHARES = 4
"""The sets are made in so many tests, so that they run side by side."""
TEXT, NUMBER, ADDRESS, YES = "text", "number", "address", "yes"
SUBJECTS = [
    *((value, TEXT) for value in (
        "http.cookie", "http.request.uri.path", "http.host", "lower(http.host)", "upper(http.cookie)",
        'http.request.headers["x"][0]', 'lookup_json_string(http.request.body.raw, "a")', "decode_base64(http.cookie)",
        "encode_base64(http.cookie)", "uuidv4(http.cookie)", "url_decode(http.request.uri.path)",
        "lower(decode_base64(http.cookie))", "substring(http.cookie, 0, 1)", 'remove_bytes(http.cookie, "a")',
        'concat(http.cookie, "b")', 'concat(http.request.headers["x"][0], http.cookie)', "sha256(http.cookie)",
        'coalesce(http.request.headers["x"][0], "none")', "to_string(ip.src)", "to_string(ssl)",
        'join(http.request.headers["x"], ",")', 'split(http.cookie, "b", 3)[1]',
        'regex_replace(http.cookie, "a", "b")', "regex_replace(http.cookie, http.cookie, \"b\")",
        'wildcard_replace(http.cookie, "a*", "b")', 'remove_query_args(http.request.uri.query, "a")',
        "cf.tls_client_auth.cert_serial", "http.request.version", "http.request.body.mime",
    )),
    *((value, NUMBER) for value in (
        "len(http.cookie)", 'len(http.request.headers["x"])', "len(decode_base64(http.cookie))", "cf.edge.server_port",
        'lookup_json_integer(http.request.body.raw, "a")', "len(http.host)", "len(lower(http.cookie))",
    )),
    *((value, ADDRESS) for value in (
        "ip.src", "cidr(ip.src, 24, 48)", "cidr6(ip.src, 48)", "cidr(ip.src, cf.edge.server_port, 64)",
    )),
    *((value, YES) for value in (
        "ssl", "cf.tls_client_auth.cert_presented", "cf.tls_client_auth.cert_verified",
        "cf.tls_client_auth.cert_revoked",
        'has_key(http.request.headers, "x")', 'has_value(http.request.headers["x"], "a")',
        'any(http.request.headers["x"][*] eq "a")', 'all(http.request.headers["x"][*] eq "a")',
        'is_timed_hmac_valid_v0("key", http.request.uri.path, 100, 1)', 'is_jwt_valid("one")', 'is_jwt_present("one")',
    )),
]  # fmt: skip
CALLS_ELSEWHERE = {"starts_with", "ends_with"}
"""Made by the operators below."""
NO_VALUE_HERE = {"bit_slice"}
"""Of the network firewall: rules about requests can't call it."""
WORDS = [
    "a",
    "b",
    "ab",
    "/a",
    "none",
    "192.0.2.1",
    "true",
    "h.w.ex",
    "a.w.ex",
    "n.w.ex",
    "a.n.w.ex",
    ".w.ex",
    "w.ex",
    "",
]
HOSTS = [
    {"a.w.ex": True},
    {"a.w.ex": True, "h.w.ex": False},
    {"*.w.ex": True},
    {"*.w.ex": False, "a.w.ex": True},
    {"*.w.ex": True, "*.n.w.ex": False, "n.w.ex": True},
    {"*.n.w.ex": True, "*.ex": True},
]
LISTS = {"nets": ["192.0.2.0/24", "2001:db8::/48"], "names": ["a.w.ex", "*.n.w.ex"]}


def requests():
    """A few hundred requests that the subjects tell apart."""
    headers = [(), (("x", b"a"),), (("x", b"b"), ("x", b"a"))]
    cookies = [b"", b"a", b"ab", b"!!!", b"YQ", b"(", b"0123456789abcdef"]
    bodies = [None, b"{}", b'{"a":"b"}', b'{"a":1}', b'{"a":"a"}']
    hosts = ["a.w.ex", "h.w.ex", "a.n.w.ex", "n.w.ex", "q.w.ex", "b.ex"]
    basic = [("192.0.2.1", "/a", 0, "https"), ("198.51.100.7", "/", 24, "http"), ("2001:db8::1", "/?a=b", 0, "https")]
    for host, cookie, header, body in itertools.product(hosts, cookies, headers, bodies):
        ip, target, port, scheme = basic[(len(cookie) + len(header) + len(body or b"")) % len(basic)]
        given = (*header, *((("cookie", cookie),) if cookie else ()))
        name = f"{host}:{port}" if port else host
        yield HttpRequest(host=name, target=target, scheme=scheme, headers=given, client_ip=ip, body=body, at=0.0)


SERIAL = {"cf.tls_client_auth.cert_serial": b"1A"}
"""A certificate that can be verified has one (RFC 5280, 4.1)."""
STATE_OF = {
    client: {**facts, **(SERIAL if facts["cf.tls_client_auth.cert_verified"] else {})}
    for client, facts in FACTS_OF.items()
}
STATES = {words: STATE_OF[client] for client, words in CLIENT_WORDS.items()}
DOMAIN = [(hostnames.normalise(http.host), compute(RequestView(http, 0.0), EXTRACTORS.items())) for http in requests()]


def literal(random_, kind):
    if kind == NUMBER:
        return str(random_.choice([0, 1, 2, 3, 24, 443]))
    if kind == ADDRESS:
        return random_.choice(["192.0.2.1", "192.0.2.0", "2001:db8::", "198.51.100.7"])
    return f'"{random_.choice(WORDS)}"'


def clause(random_, value, kind):
    if kind == YES:
        return value
    one, two = literal(random_, kind), literal(random_, kind)
    choices = [f"{value} eq {one}", f"{value} ne {one}", f"{value} in {{{one} {two}}}"]
    if kind != ADDRESS:
        choices += [f"{value} {operator} {one}" for operator in ("lt", "le", "gt", "ge")]
    if kind == TEXT:
        choices += [f"{value} contains {one}", f'{value} matches "^{one[1:-1]}"', f"starts_with({value}, {one})"]
        choices += [f"ends_with({value}, {one})", f'{value} wildcard "{one[1:-1]}*"', f"{value} eq http.cookie"]
        choices += [f'{value} strict wildcard "*{one[1:-1]}"']
    if kind == NUMBER:
        choices += [f"{value} in {{1..{random_.choice([2, 3, 500])}}}", f"{value} & 1"]
    if value == "http.host":
        choices += ["http.host in $names"] * 3
    if value == "ip.src":
        choices += ["ip.src in $nets", "ip.src in {192.0.2.0/24}"]
    return random_.choice(choices)


def expression(random_, subjects):
    """Clauses about the same few values, so that they have to do with each other."""
    parts = []
    for _ in range(random_.choice([1, 1, 2, 3])):
        text = clause(random_, *random_.choice(subjects))
        parts.append(f"not {text}" if random_.random() < 0.4 else text)
    return f" {random_.choice(['and', 'or', 'xor'])} ".join(parts)


def rules(random_, subjects):
    made = []
    while len(made) < random_.choice([2, 3, 4]):
        try:
            parsed = lang.parse(expression(random_, subjects))
            Matcher(parsed, LISTS)
        except ValueError:  # such as a second regex_replace in one expression
            continue
        action = random_.choice(["block", "block", "block", "skip", "log"])
        made.append(Rule(f"r{len(made)}", parsed, action, shadow=random_.random() < 0.05))
    if random_.random() < 0.5:  # what seems to cover everything: where a missing value shows
        opposite = lang.ast.Not(made[0].expression.root)
        both = (made[0].expression.root, opposite)
        text = lang.format(lang.ast.Expression(random_.choice(both)))
        made.append(Rule("last", lang.parse(text, check=False)))
    return made


def site(random_, subjects):
    hosts = {name: HostSettings(mtls=mtls) for name, mtls in random_.choice(HOSTS).items()}
    return Site(Ruleset(rules(random_, subjects), LISTS), hosts)


def allowed(site_, name, fields, state):
    settings = hostnames.most_specific(name, site_.hosts)
    if settings is None:
        return False
    return site_.ruleset.decide({**fields, **(state if settings.mtls else NO_CERTIFICATE)}).action == "allow"


def belongs(name, host, names):
    """Whether requests to a name are requests to a host, among all hosts."""
    return hostnames.most_specific(name, {other: other for other in (*names, host)}) == host


@pytest.mark.parametrize("share", range(SHARES))
def test_no_request_refutes_a_proof_and_every_witness_is_decided_as_it_is_said(share):
    for seed in range(share, SETS, SHARES):
        random_ = random.Random(seed)
        subjects = random_.sample(SUBJECTS, random_.choice([1, 1, 2]))
        if random_.random() < 0.3:
            subjects.append(("cf.tls_client_auth.cert_verified", YES))
        before, after = site(random_, subjects), site(random_, subjects)
        if random_.random() < 0.5:
            after = Site(before.ruleset, after.hosts)
        check_reach(seed, before)
        check_compare(seed, before, after)
        check_lint(seed, before)


OPPOSITES = {
    TEXT: [('eq "b"', 'ne "b"'), ('lt "b"', 'ge "b"')],
    NUMBER: [("eq 1", "ne 1"), ("le 1", "gt 1")],
    ADDRESS: [("eq 192.0.2.0", "ne 192.0.2.0")],
}


@pytest.mark.parametrize(("value", "kind"), [subject for subject in SUBJECTS if subject[1] != YES])
def test_opposite_comparisons_cover_everything_only_where_there_always_is_a_value(value, kind):
    for first, second in OPPOSITES[kind]:
        one, other = (lang.parse(f"{value} {comparison}") for comparison in (first, second))
        negated = lang.ast.Expression(lang.ast.Not(one.root))
        for covering in (other, lang.parse(lang.format(negated))):
            pair = [Rule("r0", one), Rule("r1", covering)]
            whole = Site(Ruleset(pair, LISTS), {"a.w.ex": HostSettings()})
            check_reach(value, whole)
            check_compare(value, Site(Ruleset(pair[:1], LISTS), whole.hosts), whole)
        check_lint(value, Site(Ruleset([Rule("r0", other), Rule("r1", lang.parse(lang.format(negated)))], LISTS), {}))
        both = lang.format(lang.ast.Expression(lang.ast.Logical("or", (one.root, other.root))))
        check_lint(value, Site(Ruleset([Rule("r0", lang.parse(both, check=False))], LISTS), {}))


def check_reach(seed, site_):
    for host, settings in site_.hosts.items():
        for client, state in ((client, STATE_OF[client]) for client in CLIENTS):
            found = unprotected(host, site_.ruleset, client=client, others=site_.hosts, mtls=settings.mtls)
            if found.status == "proved":
                for name, fields in DOMAIN:
                    if belongs(name, host, site_.hosts):
                        assert not allowed(site_, name, fields, state), (seed, host, client, name, fields)
            elif found.status == "reached":
                name = hostnames.normalise(found.http.host)
                assert belongs(name, host, site_.hosts), (seed, host, name)
                fields = {**compute(RequestView(found.http, found.http.at), EXTRACTORS.items()), **found.http.overrides}
                assert allowed(site_, name, fields, FACTS_OF[client]), (seed, host, client)


def check_compare(seed, before, after):
    names = {*before.hosts, *after.hosts}
    for found in compare(before, after):
        let_in = found.change == "newly let in"
        if found.status == "proved the same":
            for name, fields in DOMAIN:
                if belongs(name, found.host, names):
                    for state in STATES.values():
                        old, new = (allowed(one, name, fields, state) for one in (before, after))
                        assert not ((new and not old) if let_in else (old and not new)), (seed, found, name, fields)
        elif found.status == "changed":
            name = hostnames.normalise(found.http.host)
            assert belongs(name, found.host, names), (seed, found)
            fields = {**compute(RequestView(found.http, found.http.at), EXTRACTORS.items()), **found.http.overrides}
            facts = FACTS_OF[next(client for client, words in CLIENT_WORDS.items() if words == found.certificate)]
            old, new = (allowed(one, name, fields, facts) for one in (before, after))
            assert (old, new) == (not let_in, let_in), (seed, found)


def check_lint(seed, site_):
    made = site_.ruleset.rules
    by_ref = {rule.ref: (place, rule) for place, rule in enumerate(made)}
    for finding in lint(made, lists=LISTS):
        if finding.code in ("always-matches", "never-matches") and finding.span is not None:
            text = by_ref[finding.rule][1].expression.text[finding.span.start : finding.span.end]
            matcher = Matcher(lang.parse(text, check=False), LISTS)
            for (_, fields), state in itertools.product(DOMAIN, STATES.values()):
                assert matcher.function({**fields, **state}) is (finding.code == "always-matches"), (seed, text, fields)
        elif finding.code == "shadowed-rule":
            place, rule = by_ref[finding.rule]
            matcher = Matcher(rule.expression, LISTS)
            earlier = [
                Matcher(other.expression, LISTS) for other in made[:place] if other.action != "log" and not other.shadow
            ]
            for (_, fields), state in itertools.product(DOMAIN, STATES.values()):
                values = {**fields, **state}
                if matcher.function(values):
                    assert any(other.function(values) for other in earlier), (seed, rule.expression.text, fields)


def test_the_made_rules_call_every_function():
    chosen = random.Random(0)
    texts = [value if kind == YES else f"{value} eq {literal(chosen, kind)}" for value, kind in SUBJECTS]
    called = {node.name for text in texts for node in walk(lang.parse(text).root) if isinstance(node, lang.ast.Call)}
    assert called | CALLS_ELSEWHERE | NO_VALUE_HERE == set(FUNCTIONS)
