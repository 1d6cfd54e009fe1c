"""Proofs and witnesses: what is proved never happens, what is found really passes."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mtls_tui import lang
from mtls_tui.analysis import lint, unprotected
from mtls_tui.analysis.context import NO_CERTIFICATE, Context
from mtls_tui.analysis.witness import needs
from mtls_tui.engine import Matcher, Ruleset, hostnames
from mtls_tui.engine.fields import EXTRACTORS, RequestView, compute
from mtls_tui.engine.model import HttpRequest, Request, Rule
from mtls_tui.lang.catalogue import FIELDS, PRESENTED, REVOKED, VERIFIED
from mtls_tui.search.making import Maker
from tests.analysis.requests import LISTS, requests, rulesets
from tests.lang.trees import nodes

HOST = "api.example.com"
BLOCK = f"not {VERIFIED}"


def ruleset(*rules, lists=None):
    made = []
    for index, given_rule in enumerate(rules):
        text, action = given_rule if isinstance(given_rule, tuple) else (given_rule, "block")
        made.append(Rule(f"r{index}", lang.parse(text), action))
    return Ruleset(made, lists or {})


def assert_passes(found, rules):
    """The witness, decided anew from the HTTP request alone, is allowed and has no good certificate."""
    fields = {**compute(RequestView(found.http, found.http.at), EXTRACTORS.items()), **found.http.overrides}
    state = {
        "none": NO_CERTIFICATE,
        "untrusted": {PRESENTED: True, VERIFIED: False, REVOKED: False},
        "revoked": {PRESENTED: True, VERIFIED: True, REVOKED: True},
    }[found.client]
    fields |= state
    assert fields["http.host"].decode().endswith(HOST.removeprefix("*"))
    assert rules.decide(fields).action == "allow"
    assert rules.decide(found.request).action == "allow"


@pytest.mark.parametrize(
    "rules",
    [
        [f'(http.host in {{"{HOST}"}} and {BLOCK})'],
        [f'lower(http.host) eq "{HOST}" and {BLOCK}'],
        [f'http.request.method eq "GET" and {BLOCK}', f'http.request.method ne "GET" and {BLOCK}'],
        [f'http.request.uri.path contains "/a" and {BLOCK}', f'not http.request.uri.path contains "/a" and {BLOCK}'],
        [f"ip.src in {{0.0.0.0/1 128.0.0.0/1}} and {BLOCK}", f"ip.src in {{::/0}} and {BLOCK}"],
        [f"cf.edge.server_port le 443 and {BLOCK}", f"cf.edge.server_port gt 443 and {BLOCK}"],
        [f'http.host eq "{HOST}" xor http.host eq "other"'],
        [('http.host eq "other.example.com"', "skip"), BLOCK],
        [("ssl and not ssl", "skip"), BLOCK],
        ["true"],
    ],
)
def test_what_blocks_everything_is_proved(rules):
    assert unprotected(HOST, ruleset(*rules)).status == "proved"


@pytest.mark.parametrize(
    ("rules", "target"),
    [
        ([], "https://api.example.com/"),
        ([f"ssl and {BLOCK}"], "http://api.example.com/"),
        ([f'{BLOCK} and not starts_with(http.request.uri.path, "/hook/")'], "https://api.example.com/hook/"),
        ([f'http.request.uri.path eq "{HOST}" and {BLOCK}'], "https://api.example.com/"),
        ([f"cf.edge.server_port in {{443 8443}} and ssl and {BLOCK}", f"not ssl and {BLOCK}"], ""),
        ([("ip.src in $office", "skip"), BLOCK], ""),
        ([('any(http.request.headers["x-key"][*] eq "s")', "skip"), BLOCK], ""),
        (
            [('http.request.uri.query contains "probe=1" and http.user_agent contains "Ping"', "skip"), BLOCK],
            "/?probe=1",
        ),
        ([(r'http.request.uri.path matches r"^/v[0-9]+/open$"', "skip"), BLOCK], "/v0/open"),
        ([('http.cookie contains "a=b" and http.request.method eq "PUT"', "skip"), BLOCK], "PUT"),
        ([('http.request.uri.args["k"][0] eq "v"', "skip"), BLOCK], "/?k=v"),
        ([("http.request.timestamp.sec gt 1900000000", "skip"), BLOCK], ""),
        ([("cf.bot_management.score gt 50", "skip"), BLOCK], ""),
    ],
)
def test_what_lets_a_request_through_is_shown_by_one(rules, target):
    made = ruleset(*rules, lists={"office": ["192.0.2.0/24"]})
    found = unprotected(HOST, made)
    assert found.status == "reached", found.reason
    assert target in found.reason
    assert_passes(found, made)


PARTIAL = [
    ('lookup_json_string(http.request.body.raw, "token")', '"secret"'),
    ('lookup_json_integer(http.request.body.raw, "token")', "3"),
    ("decode_base64(http.cookie)", '"x"'),
    ("uuidv4(http.cookie)", '"x"'),
    ('regex_replace(http.user_agent, http.cookie, "x")', '"x"'),
    ('wildcard_replace(http.user_agent, http.cookie, "x")', '"x"'),
    ("cidr(ip.src, cf.edge.server_port, 64)", "192.0.2.0"),
    ("lower(decode_base64(http.cookie))", '"x"'),
]


@pytest.mark.parametrize(("value", "literal"), PARTIAL)
def test_a_function_without_a_result_is_a_case_of_its_own(value, literal):
    equal, other = f"{value} eq {literal}", f"{value} ne {literal}"
    assert unprotected(HOST, ruleset(f"{BLOCK} and {equal}", f"{BLOCK} and {other}")).status != "proved"
    either = lang.ast.Logical("or", (lang.parse(equal).root, lang.parse(other).root))
    codes = {
        finding.code for finding in lint([Rule("r", lang.parse(lang.format(lang.ast.Expression(either)), check=False))])
    }
    assert "always-matches" not in codes
    rules = [Rule("first", lang.parse(other)), Rule("second", lang.parse(f"not {equal}"))]
    assert "shadowed-rule" not in {finding.code for finding in lint(rules)}


TOTAL = [
    ("lower(http.cookie)", '"x"'),
    ("len(lower(http.cookie))", "3"),
    ("cidr(ip.src, 24, 64)", "192.0.2.0"),
    ('concat(http.request.headers["a"][0], "b")', '"x"'),
    ('coalesce(http.request.headers["a"][0], http.cookie)', '"x"'),
    ("url_decode(http.request.uri.path)", '"/x"'),
]


@pytest.mark.parametrize(("value", "literal"), TOTAL)
def test_what_always_has_a_result_is_proved_by_equal_and_not_equal(value, literal):
    equal, other = f"{value} eq {literal}", f"{value} ne {literal}"
    assert unprotected(HOST, ruleset(f"{BLOCK} and {equal}", f"{BLOCK} and {other}")).status == "proved"


def test_what_a_revoked_or_foreign_certificate_opens_is_found():
    default = ruleset(f'http.host eq "{HOST}" and {BLOCK}')
    assert unprotected(HOST, default, client="untrusted").status == "proved"
    assert unprotected(HOST, default, client="revoked").status == "reached"
    strict = ruleset(f'http.host eq "{HOST}" and ({BLOCK} or {REVOKED})')
    assert unprotected(HOST, strict, client="revoked").status == "proved"
    by_name = ruleset('cf.tls_client_auth.cert_serial ne "0A"')
    assert unprotected(HOST, by_name).status == "proved"
    copied = unprotected(HOST, by_name, client="untrusted")
    assert copied.status == "reached"
    assert copied.http.overrides == {"cf.tls_client_auth.cert_serial": b"0A"}
    assert_passes(copied, by_name)


def test_a_wildcard_host_means_every_name_below_it():
    wild = "*.partner.example.com"
    blocks = ruleset(f'ends_with(http.host, ".partner.example.com") and {BLOCK}')
    assert unprotected(wild, blocks).status == "proved"
    assert unprotected("*.example.com", blocks).status == "reached"
    assert unprotected(wild, ruleset(f'http.host wildcard "*.example.com" and {BLOCK}')).status == "proved"
    listed = ruleset(f"http.host in $hosts and {BLOCK}", lists={"hosts": ["*.partner.example.com", "a.example.com"]})
    assert unprotected(wild, listed).status == "proved"
    one = ruleset(('http.host eq "open.partner.example.com"', "skip"), BLOCK)
    found = unprotected(wild, one)
    assert found.http.host == "open.partner.example.com"
    assert unprotected(wild, one, others=["open.partner.example.com"]).status == "proved"
    named = ruleset(f'http.host in {{"a.partner.example.com"}} and {BLOCK}')
    assert unprotected(wild, named).http.host == "www.partner.example.com"
    pattern = ruleset(f'http.host matches "^a" and {BLOCK}')
    assert unprotected(wild, pattern).status == "reached"
    skipped = ruleset(('http.host matches "^a"', "skip"), BLOCK)
    assert unprotected(wild, skipped).http.host.startswith("a")


@pytest.mark.parametrize(
    ("rules", "status"),
    [
        (['not ends_with(http.host, ".pub.example.com")'], "proved"),
        (['not http.host in {"a.pub.example.com"}'], "proved"),
        (["not http.host in $narrower"], "proved"),
        (['not http.host wildcard "*.x.pub.example.com"'], "proved"),
        (['not ends_with(http.host, "pub.example.com")'], "reached"),
        (['not ends_with(http.host, ".pubs.example.com")'], "reached"),
        (['not http.host in {"pub.example.com"}'], "reached"),
    ],
)
def test_what_a_narrower_wildcard_host_stands_for_is_not_asked_about(rules, status):
    made = ruleset(*rules, lists={"narrower": ["*.pub.example.com", "a.pub.example.com"]})
    found = unprotected("*.example.com", made, others=["*.example.com", "*.pub.example.com"])
    assert found.status == status
    if status == "reached":
        assert not found.http.host.endswith(".pub.example.com")


@pytest.mark.parametrize(
    "name", [".b.w.ex", "a..w.ex", "a/b.w.ex", "A.w.ex", "a b.w.ex", "ü.w.ex", "a.w.ex:80", "*.w.ex"]
)
def test_no_rule_is_passed_by_a_name_that_no_request_to_the_host_can_have(name):
    assert unprotected("*.w.ex", ruleset(f'not http.host eq "{name}"')).status == "proved"


@pytest.mark.parametrize(
    "clause",
    [
        'starts_with(http.host, "b.w.ex")',
        'http.host wildcard "xa.b.w.ex*"',
        'http.host contains "adm"',
        'http.host matches "^[0-9]+[.]"',
        'http.host eq "a.w.ex" and lower(http.host) ne "b.w.ex"',
        "len(http.host) gt 9",
        'substring(http.host, 0, 2) eq "zz"',
    ],
)
def test_a_name_below_a_wildcard_is_made_for_what_clauses_tell_apart(clause):
    found = unprotected("*.w.ex", ruleset(f"not ({clause})"))
    assert found.status == "reached"
    assert found.http.host.endswith(".w.ex")


def test_what_can_be_neither_found_nor_proved_is_said_to_be_open():
    made = ruleset('sha256(http.cookie) eq "x"', BLOCK)
    assert unprotected(HOST, made).status == "proved"
    hard = ruleset(('sha256(http.cookie) eq "x"', "skip"), BLOCK)
    found = unprotected(HOST, hard)
    assert (found.status, found.http) == ("not found", None)
    assert "not a proof" in found.reason


def test_rules_that_only_report_protect_nothing():
    assert unprotected(HOST, ruleset((BLOCK, "log"))).status == "reached"
    shadowed = Ruleset([Rule("r", lang.parse(BLOCK), shadow=True)])
    assert unprotected(HOST, shadowed).status == "reached"


@given(rulesets, st.data())
@settings(deadline=None, max_examples=150)
def test_no_request_refutes_a_proof(rules, data):
    made = Ruleset(
        [
            *(Rule(f"r{index}", lang.ast.Expression(node), action) for index, (node, action) in enumerate(rules)),
            Rule("last", lang.parse(BLOCK)),
        ],
        LISTS,
    )
    found = unprotected(HOST, made)
    if found.status == "reached":
        assert_passes(found, made)
    elif found.status == "proved":
        http = requests(data.draw, [node for node, _ in rules])
        fields = {**compute(RequestView(http, 0.0), EXTRACTORS.items()), **http.overrides, **NO_CERTIFICATE}
        assert made.decide(fields).action != "allow"


@given(nodes, st.data())
@settings(deadline=None, max_examples=150)
def test_what_is_impossible_never_happens(node, data):
    wanted = data.draw(st.booleans())
    if Context((), lists=LISTS).possible((node, wanted)):
        return
    http = requests(data.draw, [node])
    state = data.draw(st.sampled_from([(False,) * 3, (True, False, False), (True, True, False), (True, True, True)]))
    fields = {**compute(RequestView(http, 0.0), EXTRACTORS.items()), **http.overrides}
    fields |= dict(zip((PRESENTED, VERIFIED, REVOKED), state, strict=True))
    assert Matcher(lang.ast.Expression(node), LISTS)(fields) is not wanted


def test_a_search_that_grows_too_large_gives_up_and_says_why(monkeypatch):
    monkeypatch.setattr("mtls_tui.theory.languages.MAX_STATES", 1000)
    text = " and ".join(f'http.request.uri.path contains "{letter}{letter}"' for letter in "abcdefghijklmn")
    text += " and len(http.request.uri.path) lt 20"
    found = unprotected(HOST, ruleset((text, "skip"), BLOCK))
    assert found.status == "not found"
    assert "texts that too many conditions at once are about" in found.reason


def test_made_requests_are_ones_that_a_client_can_send():
    maker = Maker(HttpRequest(host=HOST, at=0.0), NO_CERTIFICATE, FIELDS, {})
    for text in ("/a b", "/ü", "/a?b", "/a#b", "no-slash", "/a/../b", ""):
        clause = lang.parse(f'http.request.uri.path eq "{text}"').root
        for http in maker.make({clause: True}):
            assert http.target.startswith("/")
            assert http.target.isascii()
            assert RequestView(http).path.decode() == text


def host_clauses():
    names = ["a.p.example", "b.p.example", "p.example", "a.other.example", "x.a.p.example"]
    texts = [
        *(f'http.host eq "{name}"' for name in names),
        *(f'lower(http.host) ne "{name}"' for name in names[:2]),
        *(
            f'http.host {op} "*{tail}"'
            for op in ("wildcard", "strict wildcard")
            for tail in (".p.example", ".a.p.example")
        ),
        *(
            f'ends_with(http.host, "{tail}")'
            for tail in (".p.example", ".example", "a.p.example", ".other.example", "")
        ),
        *(f'starts_with(http.host, "{head}")' for head in ("a.", "x", "")),
        'http.host in {"a.p.example" "x.a.p.example"}',
        'http.host lt "b"',
        "http.host in $some",
        "http.host in $wide",
        'http.host contains ".a."',
        "cf.tls_client_auth.cert_presented",
        "ssl",
    ]
    clauses = st.sampled_from(texts).map(lambda text: lang.parse(text).root)
    groups = st.builds(
        lang.ast.Logical, st.sampled_from(["and", "or", "xor"]), st.lists(clauses, min_size=2, max_size=3).map(tuple)
    )
    return clauses | groups | (clauses | groups).map(lang.ast.Not)


@given(st.lists(st.tuples(host_clauses(), st.sampled_from(["block", "skip"])), min_size=1, max_size=4), st.booleans())
@settings(deadline=None, max_examples=200)
def test_no_name_below_a_wildcard_refutes_a_proof(rules, closed):
    lists = {"some": ["a.p.example", "*.x.example"], "wide": ["*.p.example"]}
    given_rules = [Rule(f"r{index}", lang.ast.Expression(node), action) for index, (node, action) in enumerate(rules)]
    if closed:
        given_rules.append(Rule("last", lang.parse(BLOCK)))
    made = Ruleset(given_rules, lists)
    found = unprotected("*.p.example", made, others=["b.p.example"])
    if found.status == "reached":
        assert_passes_below(found, made)
    if found.status != "proved":
        return
    for name in (b"a.p.example", b"x.a.p.example", b"www.p.example", b"c.p.example", b"q.w.p.example"):
        for secure in (True, False):
            fields = {"http.host": name, "ssl": secure, **NO_CERTIFICATE}
            assert made.decide(fields).action != "allow", name


def assert_passes_below(found, rules):
    assert hostnames.most_specific(found.http.host, dict.fromkeys(["*.p.example", "b.p.example"], 1)) is not None
    assert found.http.host != "b.p.example"
    assert rules.decide(found.request).action == "allow"


@pytest.mark.parametrize(
    ("scheme", "version", "told"),
    [("https", "HTTP/2", False), ("https", "HTTP/1.1", True), ("http", "HTTP/1.1", False), ("http", "HTTP/2", True)],
)
def test_a_witness_tells_the_version_of_http_where_it_is_not_the_usual_one_of_its_scheme(scheme, version, told):
    http = HttpRequest(scheme=scheme, host="a.example", http_version=version)
    said = needs(http, "without certificate", Request({"http.request.version": version.encode()}))
    assert (f"over {version}" in said) is told
    assert "over" not in needs(http, "without certificate", Request({})), "no rule reads it"
