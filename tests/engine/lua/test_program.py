"""Rules of one host as a whole: order, actions, index, what is read, and what is asked."""

import random

import pytest

from mtls_tui import lang
from mtls_tui.engine import Rule, Ruleset, hostnames
from mtls_tui.engine.lua import Compiled, compile_rules
from mtls_tui.pki import facts_absent
from tests.engine.lua import luajit
from tests.engine.lua.wire import Wire

VERIFIED = "cf.tls_client_auth.cert_verified"
REVOKED = "cf.tls_client_auth.cert_revoked"
SERIAL = "cf.tls_client_auth.cert_serial"
LISTS = {"office": ["192.0.2.0/28", "2001:db8::/32"], "hosts": ["a.example", "*.b.example"]}

# One clause a field, with values that requests below have now and then.
CLAUSES = [
    'http.host eq "a.example"', 'http.host in {"a.example" "b.example"}', 'http.host wildcard "*.EXAMPLE"',
    'lower(http.host) eq "a.example"', "http.host in $hosts", 'http.request.method eq "POST"',
    'http.request.method in {"GET" "HEAD"}', 'http.request.uri.path eq "/a"',
    'starts_with(http.request.uri.path, "/a")', 'http.request.uri.path matches "^/[a-z]+/\\\\d+$"',
    'http.request.uri.path wildcard "/*/1"',
    'raw.http.request.uri.path contains "a"', 'http.request.uri.path.extension eq "php"',
    'raw.http.request.uri.path.extension in {"php" "js"}', 'http.request.uri.query contains "x=1"',
    'http.request.uri eq "/a?x=1"', 'http.request.full_uri eq "https://a.example/a?x=1"',
    'raw.http.request.full_uri contains "b.example"', 'any(http.request.uri.args["x"][*] eq "1")',
    'any(http.request.uri.args.names[*] eq "y")', 'all(http.request.uri.args.values[*] ne "")',
    'len(http.request.uri.args["x"]) eq 2', 'any(raw.http.request.uri.args.names[*] contains "%")',
    'any(http.request.headers["x-a"][*] eq "1")', 'any(http.request.headers.names[*] eq "x-b")',
    'any(http.request.headers.values[*] contains "2")', 'has_key(http.request.headers, "x-a")',
    'http.request.headers["X-A"][0] eq "1"', 'len(http.request.headers["x-a"]) eq 2',
    'len(http.request.headers["x-a"]) ge 1',
    'any(raw.http.request.uri.args["%x"][*] eq "%31")', 'http.request.uri.args[""][0] eq ""',
    'http.request.headers["host"][0] eq "a.example"', 'not http.request.headers.truncated',
    'http.request.headers["x-a"][1] eq "2"', 'http.request.headers.names[0] eq "host"',
    'http.user_agent contains "curl"', 'http.referer eq ""', 'http.x_forwarded_for contains "192.0.2.1, "',
    'http.cookie contains "a=1"', 'any(http.request.cookies["a"][*] eq "1")', 'has_key(http.request.cookies, "a b")',
    'http.request.accepted_languages[0] eq "de"', 'len(http.request.accepted_languages) eq 2',
    'ip.src eq 192.0.2.1', 'ip.src in {192.0.2.0/24 2001:db8::/48}', 'ip.src in $office', 'ip.src ne 192.0.2.7',
    'cidr(ip.src, 24, 64) eq 192.0.2.0', 'to_string(ip.src) eq "2001:db8::1"',
    'http.request.version eq "HTTP/1.1"', 'cf.tls_version eq "TLSv1.2"', 'cf.tls_cipher contains "AES128"',
    'cf.edge.server_port eq 443', 'cf.edge.client_tcp', 'ssl', 'http.request.timestamp.sec gt 1795168800',
    'http.request.timestamp.msec eq 123', VERIFIED, f"not {REVOKED}", f'{SERIAL} eq "01AB"',
    f'{SERIAL} in {{"01AB" "02"}}',
    f'{SERIAL} ne ""', 'ip.src.country eq "DE"', 'not ip.src.country eq "DE"', "cf.threat_score gt 10",
    'cf.bot_management.verified_bot', 'is_jwt_valid("x")',
    'http.request.uri.path eq http.host', 'http.request.method ne http.request.version',
    'any(lower(http.request.headers.names[*])[*] eq "x-a")', 'upper(http.request.method) eq "GET"',
    'url_decode(http.request.uri.query) contains "x=1&"', 'has_key(http.request.uri.args, "x")',
    'any(http.request.uri.args[*][*] eq "1")', 'any(http.request.headers[*][0] eq "2")',
    'http.request.uri.query eq "x=1"',
    'http.request.headers["x-b"][0] eq "2"', 'http.request.accepted_languages[2] eq "z"',
    'http.request.accepted_languages[1] eq "y"', 'len(http.request.cookies[""]) eq 1',
    'http.request.cookies["a "][0] eq "3"',
    'http.request.headers["x-c"][0] eq "x \\x0b"', 'http.cookie matches "^$|y$"',
    'http.request.uri.path.extension eq ""',
    'len(http.request.uri.args.names) eq 3', 'http.request.uri.args["&"][0] eq ""',
    'http.request.uri.args[""][0] eq "="',
]  # fmt: skip
UNKNOWN_THERE = [
    'http.request.body.raw contains "x"', "http.request.body.size gt 3", 'sha256(http.host) eq "x"',
    'url_decode(http.host, "u") eq "b.example"', 'http.request.body.mime eq "text/plain"',
]  # fmt: skip

WIRES = {
    "host": ["a.example", "b.example", "A.Example:443", "x.b.example.", "b.example", "a.example."],
    "method": ["GET", "POST", "HEAD", "get"],
    "target": ["/", "/a", "/a?x=1", "/a/1?x=1&x=2&y", "/b.php", "/a/x.JS?", "/.git/1", "/a%20b?%x=%31&=&y=1",
               "/.x?x=1&y=", "/?&&x=1&&", "/?x=1&=&y", "/?=", "/?==&x", "/a.b/c", "/.a/b.", "/a.PHP.php", "/x..js?a"],
    "headers": [
        (), (("x-a", b"1"),), (("x-a", b"2"), ("x-b", b" 2\t"), ("x-a", b"2")), (("user-agent", b"curl/8"),),
        (("cookie", b"a=1; b=2;a%20b=z"), ("cookie", b"; a =3;x;=y")), (("x-forwarded-for", b"192.0.2.1"),) * 2,
        (("accept-language", b"en;q=0.5, de, *, fr;q=0, x;q=0.5"), ("referer", b"")),
        (("accept-language", b"de;q=1.0,en;Q=1"),),
        (("referer", b"https://x/"), ("content-length", b"3")), (("x-c", b"\tx \x0b\t "), ("x-b", b"  "), ("x-b",
        b"\t")),
        (("accept-language",
        b"z;q=0.001,\r\ny ; \x0bq=0.01\x0c;x , a;q=1.5;q=0.9, b;q=0.0000;q=.5, c;q=2, d;q=0.,e;q=05"),),
        (("accept-language", b"y,x,z,w,v;q=1.0,u;q=1.000"), ("x-b", b"\t2"), ("cookie", b"; =; a")),
        (("accept-language", b"a;q=00;q=0.1234, x;q=0.5, y;q=0.7;level=1, z; q=0.2 ,;q=1"), ("x-b", b"2 "),
        ("cookie", b"a =3;")),
        (("x-a", b"1"), ("x-c", b"9"), ("x-a", b"2")), (("x-c", b"x-a"), ("referer", b"1"), ("x-b", b"host")),
        (("accept-language", b"x\n;q=0.9\n,y\x0c;q=0.8\x0d,z\x0b"),),
    ],
    "address": ["192.0.2.1", "192.0.2.7", "203.0.113.9", "2001:db8::1", "2001:DB8:0:0::1", "::ffff:192.0.2.1", "::1"],
    "protocol": ["HTTP/1.1", "HTTP/2", "HTTP/3"],
    "tls_version": ["TLSv1.2", "TLSv1.3"],
    "tls_cipher": ["AEAD-AES128-GCM-SHA256", "ECDHE-RSA-CHACHA20-POLY1305"],
    "milliseconds": [1_795_168_800_123, 1_795_168_801_000, 0],
    "facts": [{}, {VERIFIED: True, SERIAL: b"01AB"}, {VERIFIED: True, REVOKED: True, SERIAL: b"02"}],
}  # fmt: skip
ACTIONS = ["block", "block", "skip", "log", "managed_challenge"]


def wire(dice) -> Wire:
    return Wire(**{name: dice.choice(values) for name, values in WIRES.items()})


def clause(dice, depth=2, clauses=CLAUSES) -> str:
    if depth == 0 or dice.random() < 0.3:
        return dice.choice(clauses)
    text = f" {dice.choice(['and', 'and', 'or', 'xor'])} ".join(
        clause(dice, depth - 1, clauses) for _ in range(dice.randrange(2, 4))
    )
    return f"not ({text})" if dice.random() < 0.2 else f"({text})"


def rules(dice, count, clauses=CLAUSES) -> list[Rule]:
    return [
        Rule(
            f"r{number}", lang.parse(clause(dice, clauses=clauses)), action=dice.choice(ACTIONS),
            shadow=dice.random() < 0.1, enabled=dice.random() < 0.9,
        )
        for number in range(count)
    ]  # fmt: skip


def of(compiled: Compiled, number: int):
    return compiled.rules[number - 1].ref if number else ""


def decided(lua, function, compiled, one):
    """The deciding rule's ref or "", and those that were logged; the word of a question."""
    found = function(*one.tables(lua, compiled))
    if isinstance(found, tuple):
        number, extra = found
        if number is None:
            return extra.decode()
        return of(compiled, number), [of(compiled, item) for item in lua.python(extra)]
    return of(compiled, found), []


def expected(ruleset, one):
    decision = ruleset.decide(one.fields())
    rule = decision.rule or decision.skipped_by
    return rule.ref if rule else "", [rule.ref for rule in decision.logged]


@pytest.mark.parametrize("seed", range(40))
def test_a_host_decides_as_the_engine_does(seed):
    dice = random.Random(seed)
    ruleset = Ruleset(rules(dice, dice.choice([1, 3, 8, 40, 120])), LISTS)
    lua = luajit.shared()
    for name in ("a.example", "b.example", "*.b.example"):
        compiled = compile_rules(ruleset, name)
        assert isinstance(compiled, Compiled) and not compiled.asks
        function = lua.chunk(compiled.source)
        for _ in range(40):
            one = wire(dice)
            host = one.http.host
            if host == name or (name.startswith("*.") and host.endswith(name[1:])):
                assert decided(lua, function, compiled, one) == expected(ruleset, one), one
            else:
                assert decided(lua, function, compiled, one) == "host"


@pytest.mark.parametrize("seed", range(20))
def test_what_cannot_be_compiled_is_asked_and_never_decided_otherwise(seed):
    dice = random.Random(seed)
    ruleset = Ruleset(rules(dice, dice.choice([2, 5, 50]), CLAUSES + 4 * UNKNOWN_THERE), LISTS)
    lua = luajit.shared()
    compiled = compile_rules(ruleset, "*.example")
    function = lua.chunk(compiled.source)
    asked = 0
    for _ in range(60):
        one = wire(dice)
        found = decided(lua, function, compiled, one)
        if found == "rule":
            asked += 1
        else:
            assert found == expected(ruleset, one), one
    assert not asked or compiled.asks


@pytest.mark.parametrize("text", CLAUSES)
def test_each_clause_decides_both_ways(text):
    """Every clause on its own, on every value of what it reads."""
    ruleset = Ruleset([Rule("r", lang.parse(text))], LISTS)
    lua = luajit.shared()
    compiled = compile_rules(ruleset, "*.example")
    assert not compiled.asks
    function = lua.chunk(compiled.source)
    dice = random.Random(text)
    for _ in range(60):
        one = wire(dice)
        assert decided(lua, function, compiled, one) == expected(ruleset, one), one


def test_only_what_rules_read_is_needed():
    text = f'http.request.method eq "POST" and any(http.request.headers["x-a"][*] eq "1") and {SERIAL} eq "01"'
    compiled = compile_rules(Ruleset([Rule("r", lang.parse(text))]), "a.example", paths_matter=False)
    assert compiled.reads == {"host", "method", "headers"}
    assert compiled.headers == {"x-a"}
    assert compiled.facts == {SERIAL}
    names = compile_rules(Ruleset([Rule("r", lang.parse('http.request.headers.names[0] eq "x"'))]), "a.example")
    assert names.headers is None
    agent = compile_rules(Ruleset([Rule("r", lang.parse('http.user_agent eq "x"'))]), "a.example")
    assert (agent.reads, agent.headers, agent.facts) == ({"host", "headers", "target"}, {"user-agent"}, frozenset())


def test_facts_of_no_certificate_are_complete():
    every = " or ".join(name if isinstance(value, bool) else f'{name} eq "x"' for name, value in facts_absent().items())
    compiled = compile_rules(Ruleset([Rule("r", lang.parse(every))]), "a.example")
    assert compiled.facts == facts_absent().keys()
    assert decided(luajit.shared(), luajit.shared().chunk(compiled.source), compiled, Wire()) == ("", [])


@pytest.mark.parametrize("name", [
    "x.b.example", "x.y.b.example", "b.example", ".b.example", "x..b.example", "xb.example", "..b.example",
    "x.b.example.", "X.B.EXAMPLE:443", "-.b.example", "_.b.example", "a.example", "",
])  # fmt: skip
def test_a_wildcard_decides_for_the_hosts_that_it_stands_for(name):
    compiled = compile_rules(Ruleset([Rule("r", lang.parse("ssl"))]), "*.b.example")
    lua = luajit.shared()
    found = lua.chunk(compiled.source)(*Wire(host=name).tables(lua, compiled))
    belongs = hostnames.most_specific(hostnames.normalise(name), {"*.b.example": True}) is True
    assert found == (1 if belongs else (None, b"host"))
