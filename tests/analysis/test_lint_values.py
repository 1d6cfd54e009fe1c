"""Lint of what values can be: each finding is true of every request, and expressions as people write them get none."""

from collections import Counter
from itertools import permutations, product

import pytest

from mtls_tui import engine, lang
from mtls_tui.analysis import CHECKS, fixed, lint
from mtls_tui.analysis.checks.number_never import decided
from mtls_tui.engine.model import Rule
from tests.conftest import SHARED

CODES = (
    "value-never", "number-never", "case-never", "extension-dot", "pattern-as-text", "query-mark", "host-suffix",
    "substring-empty", "clause-always", "redundant-clause", "mixed-and-or", "function-place", "managed-list",
)  # fmt: skip


def found(text, action="block", code=None, **options):
    rules = [Rule("r", lang.parse(text), action, **options)]
    return [f for f in lint(rules) if f.code in CODES and (code is None or f.code == code)]


def told(text, **options):
    return [(f.code, f.severity, text[f.span.start : f.span.end], f.fix) for f in found(text, **options)]


@pytest.mark.parametrize(
    ("text", "code", "place", "fix"),
    [
        ('http.request.version eq "2"', "value-never", '"2"', '"HTTP/2"'),
        ('http.request.version eq "http/1.1"', "value-never", '"http/1.1"', '"HTTP/1.1"'),
        ('http.request.version in {"HTTP/2.0" "HTTP/3"}', "value-never", '"HTTP/2.0"', '"HTTP/2"'),
        ('http.request.version eq "HTTP/4"', "value-never", '"HTTP/4"', None),
        ('cf.tls_version eq "1.2"', "value-never", '"1.2"', '"TLSv1.2"'),
        ('cf.tls_version ne "TLS 1.3"', "value-never", '"TLS 1.3"', '"TLSv1.3"'),
        ('cf.tls_version eq "TLSv1.0"', "value-never", '"TLSv1.0"', '"TLSv1"'),
        ('cf.tls_version eq "TLSv2"', "value-never", '"TLSv2"', None),
        ('http.request.method in {"GETT" "POST"}', "value-never", '"GETT"', None),
        ('http.request.method eq "GET POST"', "value-never", '"GET POST"', None),
        ('http.request.method eq "get"', "value-never", '"get"', '"GET"'),
        ('ip.src.country eq "UK"', "value-never", '"UK"', '"GB"'),
        ('ip.src.country in {"DE" "ZZ"}', "value-never", '"ZZ"', None),
        ("cf.edge.server_port eq 70000", "number-never", "cf.edge.server_port eq 70000", None),
        ("cf.edge.server_port in {443 70000..70001}", "number-never", "70000..70001", None),
        ("cf.waf.score gt 200", "number-never", "cf.waf.score gt 200", None),
        ("len(http.request.uri.query) ge 0", "number-never", "len(http.request.uri.query) ge 0", None),
        ("ip.src.asnum eq -1", "number-never", "ip.src.asnum eq -1", None),
        ('upper(http.request.uri.path) eq "/Admin"', "case-never", '"/Admin"', '"/ADMIN"'),
        ('lower(http.user_agent) contains "Bot"', "case-never", '"Bot"', '"bot"'),
        ('starts_with(lower(http.request.uri.path), "/API")', "case-never", '"/API"', '"/api"'),
        ('http.request.uri.path.extension eq "JPG"', "case-never", '"JPG"', '"jpg"'),
        ('http.request.uri.path.extension in {"jpg" ".png"}', "extension-dot", '".png"', '"png"'),
        ('http.request.uri.path.extension eq "tar.gz"', "extension-dot", '"tar.gz"', None),
        ('http.request.uri.path eq "/api/*"', "pattern-as-text", '"/api/*"', None),
        ('http.request.uri.path contains "/admin*"', "pattern-as-text", '"/admin*"', None),
        ('http.request.uri.path eq "^/x$"', "pattern-as-text", '"^/x$"', None),
        ('http.request.uri.path contains "(admin|login)"', "pattern-as-text", '"(admin|login)"', None),
        ('http.user_agent contains ".*bot"', "pattern-as-text", '".*bot"', None),
        ('starts_with(http.request.uri.path, "/v[0-9]/")', "pattern-as-text", '"/v[0-9]/"', None),
        ('http.request.uri.query contains "?id="', "query-mark", '"?id="', None),
        ('http.request.uri.query eq "?id=1"', "query-mark", '"?id=1"', '"id=1"'),
        ('substring(http.host, 10, 5) eq "x"', "substring-empty", "substring(http.host, 10, 5)", None),
        ('substring(http.host, -2, -2) eq "x"', "substring-empty", "substring(http.host, -2, -2)", None),
        ('http.request.uri.path contains ""', "clause-always", 'http.request.uri.path contains ""', None),
        ('http.host wildcard "*"', "clause-always", 'http.host wildcard "*"', None),
        ('not starts_with(http.request.uri.path, "")', "clause-always", 'starts_with(http.request.uri.path, "")', None),
        ("ip.src in {0.0.0.0/0 ::/0}", "clause-always", "ip.src in {0.0.0.0/0 ::/0}", None),
        ("ip.src in {0.0.0.0/1 128.0.0.0/1 ::/0}", "clause-always", "ip.src in {0.0.0.0/1 128.0.0.0/1 ::/0}", None),
    ],
)  # fmt: skip
def test_what_a_field_never_has_is_found_at_its_place(text, code, place, fix):
    assert told(text) == [(code, "warning", place, fix)]
    if fix is not None:
        (finding,) = found(text)
        assert told(fixed(lang.parse(text), finding).text) == []


@pytest.mark.parametrize(
    "text",
    [
        'http.request.version in {"HTTP/1.0" "HTTP/1.1" "HTTP/2" "HTTP/3" "HTTP/1.2" "SPDY/3.1"}',
        'cf.tls_version in {"TLSv1" "TLSv1.1" "TLSv1.2" "TLSv1.3" ""}',
        'http.request.method in {"GET" "PROPFIND" "PURGE" "BAN" "M-SEARCH"}',
        'ip.src.country in {"DE" "T1" "XX" "XK" "GB"}',
        "cf.edge.server_port in {1..65535} and cf.bot_management.score eq 0",
        "len(http.request.uri.query) gt 0",
        'len(http.request.headers["x"]) lt 1',
        'lower(http.user_agent) contains "bot" and upper(http.request.uri.path) eq "/A"',
        'lower(http.host) eq "a"',
        'http.request.uri.path.extension in {"jpg" "tar"}',
        'http.request.uri.path eq "*"',
        'http.request.uri.path wildcard "/api/*"',
        'http.request.uri.path matches r"^/x$"',
        'http.request.headers["accept"][0] eq "*/*"',
        'http.request.uri.path contains "a*b"',
        r'http.request.full_uri contains r"\x03/*\xE0"',
        'http.request.uri.path eq "/(a)"',
        'http.user_agent contains "(compatible; Bot/1.0; +https://example.com/bot)"',
        'http.request.uri.query eq "a=1?b=2"',
        'http.request.uri contains "?id="',
        'substring(http.request.uri.path, 0, 5) eq "x" or substring(http.request.uri.path, 2, -2) eq "x"',
        'any(http.request.headers["x"][*] contains "")',
        'http.request.headers["x"][0] contains ""',
        "ip.src in {0.0.0.0/0}",
        'http.host eq "example.com" or ends_with(http.host, ".example.com")',
        'ends_with(http.host, "com")',
        'http.request.uri.path contains "/a" and not http.request.uri.path contains "/a/b"',
        'http.request.uri.path contains "/a" xor http.request.uri.path contains "/a/b"',
        'lower(http.request.uri.path) contains "/a" or http.request.uri.path contains "/a/b"',
        '(ssl and http.host eq "a") or http.host eq "b"',
    ],
)
def test_what_a_field_can_have_is_let_be(text):
    assert told(text) == []


def test_an_ending_of_hosts_without_a_dot_is_a_warning_where_it_lets_in():
    text = 'ends_with(http.host, "example.com")'
    verified = "and not cf.tls_client_auth.cert_verified"
    assert told(f"{text} {verified}") == [("host-suffix", "info", '"example.com"', None)]
    assert told(f"not {text} {verified}") == [("host-suffix", "warning", '"example.com"', None)]
    assert told(text, action="skip") == [("host-suffix", "warning", '"example.com"', None)]
    assert (
        told(f"not {text}", action="skip")
        == told(text, action="log")
        == [("host-suffix", "info", '"example.com"', None)]
    )
    assert told('http.host wildcard "*example.com"') == [("host-suffix", "info", '"*example.com"', None)]


def test_a_clause_that_another_covers_is_named_with_it():
    path = "http.request.uri.path"

    def said(text):
        return [f.message for f in found(text, code="redundant-clause")]

    part, whole = f'{path} contains "/a"', f'{path} contains "/a/b"'
    assert said(f"{part} or {whole}") == [f"`{whole}` adds nothing: `{part}` holds whenever it does"]
    assert said(f"({whole}) and {part}") == [f"`{part}` limits nothing: `{whole}` holds only when it does"]
    assert said(f"{part} or ssl or {part}") == [f"`{part}` stands here twice"]
    assert said(f"ssl and ({part} or {whole})") == [f"`{whole}` adds nothing: `{part}` holds whenever it does"]


def test_a_clause_that_is_called_covered_is_covered_for_every_text():
    texts = ["", "/", "/a", "/ab", "a"]
    shapes = ['{f} contains "{t}"', '{f} eq "{t}"', 'starts_with({f}, "{t}")', 'ends_with({f}, "{t}")']
    clauses = [shape.format(f="http.user_agent", t=text) for shape, text in product(shapes, texts)]
    values = ["".join(letters).encode() for size in range(4) for letters in product("/ab", repeat=size)]

    def truths(clause):
        matches = engine.compile(lang.parse(clause))
        return [matches({"http.user_agent": value}) for value in values]

    table = {clause: truths(clause) for clause in clauses}
    covered = 0
    for first, second in permutations(clauses, 2):
        for finding in found(f"{first} or {second}", code="redundant-clause"):
            idle, other = (first, second) if finding.span.start == 0 else (second, first)
            assert all(wide >= one for one, wide in zip(table[idle], table[other], strict=True)), (idle, other)
            covered += 1
    assert covered > 100


def test_a_comparison_with_a_number_is_decided_exactly_when_every_value_agrees():
    compare = {
        "eq": int.__eq__,
        "ne": int.__ne__,
        "lt": int.__lt__,
        "le": int.__le__,
        "gt": int.__gt__,
        "ge": int.__ge__,
    }
    for (low, high), number, name in product(((0, 3), (2, 5), (4, 4)), range(-1, 8), compare):
        answers = {compare[name](value, number) for value in range(low, high + 1)}
        assert decided(name, number, low, high) == (answers.pop() if len(answers) == 1 else None)


def test_parentheses_are_put_where_binding_alone_joins():
    text = 'ssl or http.host eq "a" and\n not ssl'
    (finding,) = found(text)
    assert (finding.code, finding.severity) == ("mixed-and-or", "info")
    cured = fixed(lang.parse(text), finding)
    assert cured.text == 'ssl or (http.host eq "a" and\n not ssl)'
    assert cured == lang.parse(text) and told(cured.text) == []
    assert told("ssl xor not ssl and ssl")[0][2] == "not ssl and ssl"


JUDGED = {
    # Each was read and is true of the expression; what is not listed would be a false alarm, or a finding lost.
    "value-never": [
        "`cf.tls_client_auth.cert_serial` is upper-case hexadecimal without separators, never "
        "`6f8a1b2c3d4e5f60718293a4b5c6d7e8f901a2b3`",
        "`cf.waf.score.class` is never `bot`",
        "`http.request.version` is never `HTTP/0.9`",
        "`ip.src.continent` is never `XX`",
        "`ip.src.continent` is never `pluto`",
        "`cf.response.error_type` is never `sbfm`",  # as documented
    ],
    "number-never": [
        "`cf.bot_management.score` is 0 to 99, never `100`",
        "`http.request.timestamp.msec` is 0 to 999, never `1000`",
        "no request satisfies this: `http.request.timestamp.msec` is 0 to 999",
    ],
    "case-never": [
        "`lower(http.user_agent)` has no capital letters: `Apache-HttpClient` is never in it",
        "`lower(http.user_agent)` has no capital letters: `Knights%20of%20Degen` is never in it",
    ],
    "function-place": [
        "Cloudflare has `regex_replace` in Transform Rules rewrite expressions, dynamic redirect target URLs only, "
        "not in custom rules",
    ],
    "managed-list": [
        "Cloudflare has no managed list `$cf.blocklist`",
        "Cloudflare has no managed list `$cf.botnets_command_and_control`",
        "Cloudflare has no managed list `$cf.invalid_list`",
    ],
    "query-mark": ["the query begins after the `?`: `?%00` is not in it"],
    "substring-empty": [
        "`substring(http.request.uri.path, 10, 5)` is always empty: it ends where it begins, or before",
    ],
    "clause-always": [
        "every request satisfies this clause",  # a call of constants alone
        "every request satisfies this clause: under `not` it holds for none",
    ],
}  # fmt: skip


def test_expressions_that_people_published_get_no_false_alarm(expressions):
    if not (SHARED / "conformance" / "real_expressions.jsonl").exists():
        pytest.skip("the published expressions are not on this machine")
    messages = Counter()
    for text in expressions:
        try:
            expression = lang.parse(text)
        except lang.ParseError:
            continue
        for finding in lint([Rule("r", expression)], target="cloudflare"):
            if finding.code in CODES and finding.severity == "warning":
                messages[finding.code, finding.message] += 1
    assert set(messages) == {(code, message) for code, listed in JUDGED.items() for message in listed}


def test_functions_and_managed_lists_are_those_that_cloudflare_has():
    def at_cloudflare(text, target="cloudflare"):
        findings = lint([Rule("r", lang.parse(text))], target=target)
        codes = ("function-place", "managed-list")
        return [(f.code, text[f.span.start : f.span.end]) for f in findings if f.code in codes]

    assert at_cloudflare('to_string(ssl) eq "true"') == [("function-place", "to_string(ssl)")]
    assert at_cloudflare("ip.src in $cf.botnets") == [("managed-list", "$cf.botnets")]
    assert at_cloudflare("ip.src.asnum in $cf.vpn") == [("managed-list", "ip.src.asnum")]
    fine = (
        'ip.src in $cf.vpn and ip.src in $office and lower(http.host) eq "a" and cidr(ip.src, 24, 48) in {10.0.0.0/8}'
    )
    assert at_cloudflare(fine) == []
    for text in ('to_string(ssl) eq "true"', "ip.src in $cf.botnets"):
        assert at_cloudflare(text, target="engine") == []


def test_every_one_of_these_checks_is_registered():
    assert {check.code for check in CHECKS} >= set(CODES)
