"""No rule is enforced, or believed to be, on a part of the request that nobody passed to the decision service."""

from dataclasses import replace
from pathlib import Path

import pytest

from mtls_tui.engine.bundle import Bundle, BundleHost, BundleRule
from mtls_tui.engine.fields import EXTRACTORS
from mtls_tui.engine.policy import Policy
from mtls_tui.gateway import proxy_styles
from mtls_tui.gateway.middleware import of_applications
from mtls_tui.gateway.parts import needed, parts_of, reads_edge
from mtls_tui.gateway.proxy_styles import BY_NAME, CIPHERS, check, read_forwarded
from mtls_tui.gateway.questions import MalformedError, RawQuestion
from mtls_tui.gateway.settings import GatewayError

READS = {
    "body": ['http.request.body.raw contains "evil"', 'http.request.body.mime eq "text/html"',
             "http.request.body.truncated", "http.request.body.size gt 5"],
    "tls_version": ['cf.tls_version ne "TLSv1.3"'],
    "tls_cipher": ['cf.tls_cipher eq "AES128-SHA"'],
    "http_version": ['http.request.version eq "HTTP/1.0"', "not cf.edge.client_tcp"],
    "scheme": ["not ssl", 'starts_with(http.request.full_uri, "http:")'],
    "edge": ['ip.src.country eq "DE"', "cf.threat_score gt 10", "cf.edge.server_port eq 80"],
}  # fmt: skip
APPLICATION = replace(of_applications(BY_NAME["rfc9440"]), name="application")
ALL = (*BY_NAME.values(), APPLICATION)


def policy(expression, *hosts):
    names = hosts or ("x.example.com",)
    rule = BundleRule(ref="the-rule", expression=expression, action="block")
    return Policy.from_bundle(Bundle(hosts=tuple(BundleHost(name=name, mtls=False) for name in names), rules=(rule,)))


def test_every_field_that_a_request_gives_is_in_the_table():
    # The port is told by nobody: `canonical_host` takes it off.
    assert [name for name in EXTRACTORS if "edge" in parts_of(name)] == ["cf.edge.server_port"]


@pytest.mark.parametrize("style", ALL, ids=lambda style: style.name)
@pytest.mark.parametrize(("part", "expression"), [(part, one) for part, some in READS.items() for one in some])
def test_bundle_that_reads_what_a_style_does_not_pass_is_refused_by_host_rule_and_field(style, part, expression):
    made = policy(f"({expression})")
    if part in style.passes:
        check(style, made, "a.json")
        return
    with pytest.raises(GatewayError, match=r"a\.json: host x\.example\.com: rule the-rule reads ") as refused:
        check(style, made, "a.json")
    assert expression.removeprefix("not ").removeprefix("starts_with(").split(" ")[0].strip(",") in str(refused.value)
    assert style.name in str(refused.value)


@pytest.mark.parametrize(
    ("style", "passed"),
    [("nginx", "scheme http_version tls_version tls_cipher"), ("haproxy", "scheme http_version tls_version tls_cipher"),
     ("caddy", "scheme http_version tls_version tls_cipher"), ("envoy", "scheme http_version tls_version tls_cipher"),
     ("traefik", "scheme"), ("rfc9440", "scheme")],
)  # fmt: skip
def test_styles_pass_what_they_say_and_no_more(style, passed):
    always = {"certificate", "host", "method", "target", "client", "headers"}
    assert set(BY_NAME[style].passes) == always | set(passed.split())
    assert set(of_applications(BY_NAME[style]).passes) == always | {*passed.split(), "body"}


@pytest.mark.parametrize("part", ["scheme", "http_version", "tls_version", "tls_cipher", "body", "edge"])
def test_page_says_what_each_style_passes(part):
    page = Path(__file__).resolve().parents[2] / "docs" / "proxies" / "README.md"
    table = page.read_text().partition("## What rules may read")[2].partition("## What makes it safe")[0]
    head, _, *rows = (line.strip("| ").split(" | ") for line in table.splitlines() if line.startswith("|"))
    columns = [*(BY_NAME[name] for name in head[1:-1]), APPLICATION]
    fields = [
        name for name in EXTRACTORS if part in parts_of(name) and not {"tls_version", "tls_cipher"} & parts_of(name)
    ]
    if part in ("tls_version", "tls_cipher"):
        fields = [f"cf.{part}"]
    row = next(row for row in rows if fields[0] in row[0] or (part == "body" and "http.request.body.*" in row[0]))
    assert part == "body" or [name for name in fields if f"`{name}`" not in row[0]] == []
    assert row[1:] == ["yes" if part in style.passes else "no" for style in columns]


def test_rule_that_can_match_at_no_host_of_the_bundle_stops_nothing():
    body = 'http.request.body.raw contains "evil"'
    check(BY_NAME["nginx"], policy(f'(http.host eq "other.example.com" and {body})'), "a.json")
    with pytest.raises(GatewayError, match=r"host y\.example\.com"):
        check(
            BY_NAME["nginx"], policy(f'(http.host eq "y.example.com" and {body})', "x.example.com", "y.example.com"), ""
        )
    with pytest.raises(GatewayError, match=r"host \*\.example.com"):
        check(BY_NAME["nginx"], policy(f'(http.host eq "y.example.com" and {body})', "*.example.com"), "a.json")


@pytest.mark.parametrize(
    "expression",
    [
        'http.request.headers["content-length"][0] eq "0"', 'any(http.request.headers.names[*] eq "Content-Length")',
        'any(http.request.headers.names[*] in {"a" "content-length"})',
        'has_key(http.request.headers, "content-length")',
    ],
)  # fmt: skip
def test_rule_on_a_header_that_never_arrives_is_refused(expression):
    for style in BY_NAME.values():
        with pytest.raises(GatewayError, match=r'rule the-rule reads http\.request\.headers\["content-length"\]'):
            check(style, policy(f"({expression})"), "a.json")
    check(APPLICATION, policy(f"({expression})"), "a.json")


def test_rule_on_a_header_that_carries_the_proxys_word_is_refused():
    for style in ("traefik", "caddy", "rfc9440"):
        with pytest.raises(GatewayError, match=r"reads http\.x_forwarded_for"):
            check(BY_NAME[style], policy('(http.x_forwarded_for contains "192.0.2.1")'), "a.json")
    check(BY_NAME["nginx"], policy('(http.x_forwarded_for contains "192.0.2.1")'), "a.json")


TOLD = {"method": "GET", "target": "/", "host": "x.example.com", "client": "192.0.2.1", "scheme": "https",
        "http_version": "HTTP/2.0", "tls_version": "TLSv1.2", "tls_cipher": "AES128-SHA"}  # fmt: skip


@pytest.mark.parametrize("style", ALL, ids=lambda style: style.name)
@pytest.mark.parametrize("part", ["scheme", "http_version", "tls_version", "tls_cipher"])
def test_question_without_a_part_that_rules_read_is_malformed_and_never_a_default(style, part):
    if part not in style.passes:
        return
    needs = needed(policy(f"({READS[part][0]})"))
    headers = [(name, TOLD[what].encode()) for what, name in style.told.items() if what in TOLD]
    headers += [("host", b"x.example.com")]
    http = read_forwarded(style, RawQuestion("GET", "/", headers), needs=needs).http
    assert getattr(http, part) == ("HTTP/2" if part == "http_version" else TOLD[part])
    for value in (None, b""):
        without = [(name, old if name != style.told[part] else value) for name, old in headers]
        asking = RawQuestion("GET", "/", [one for one in without if one[1] is not None])
        with pytest.raises(MalformedError, match=f"no {style.told[part]}"):
            read_forwarded(style, asking, needs=needs)
        assert getattr(read_forwarded(style, asking).http, part) in ("", "https")


def test_body_that_a_style_does_not_promise_is_not_looked_at():
    headers = [(name, TOLD[what].encode()) for what, name in BY_NAME["nginx"].told.items() if what in TOLD]
    assert read_forwarded(BY_NAME["nginx"], RawQuestion("POST", "/", headers, b"body")).http.body is None


def test_joined_header_lines_come_apart_or_the_question_is_malformed():
    style = BY_NAME["envoy"]
    needs = needed(policy('(any(http.request.headers["x-tag"][*] eq "evil"))'))
    headers = [("host", b"x.example.com"), ("x-original-client", b"192.0.2.1"), ("x-tag", b"good,evil")]
    with pytest.raises(MalformedError, match=style.joined):
        read_forwarded(style, RawQuestion("GET", "/", headers), needs=needs)
    told = read_forwarded(style, RawQuestion("GET", "/", [*headers, (style.joined, b"x-tag=4+4")]), needs=needs)
    assert told.http.headers[1:] == (("x-tag", b"good"), ("x-tag", b"evil"))
    alone = read_forwarded(style, RawQuestion("GET", "/", [*headers, (style.joined, b"-")]), needs=needs)
    assert alone.http.headers[1:] == (("x-tag", b"good,evil"),)


@pytest.mark.parametrize("value", [b"", b"-"])
def test_connection_without_a_server_name_is_told_from_one_whose_name_is_not_told(value):
    headers = [(name, TOLD[what].encode()) for what, name in BY_NAME["nginx"].told.items() if what in TOLD]
    assert read_forwarded(BY_NAME["nginx"], RawQuestion("GET", "/", headers)).sni is None
    told = [*headers, ("x-original-sni", value)]
    assert read_forwarded(BY_NAME["nginx"], RawQuestion("GET", "/", told)).sni == ""


def test_ciphers_have_the_names_that_rules_know_whatever_the_proxy_calls_them():
    assert CIPHERS["TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256"] == "ECDHE-RSA-AES128-GCM-SHA256"
    assert CIPHERS["TLS_AES_128_GCM_SHA256"] == "AEAD-AES128-GCM-SHA256"
    assert all(name.startswith("TLS_") and not told.startswith("TLS_") for name, told in CIPHERS.items())


def test_style_of_our_own_envoy_is_none_of_the_table():
    assert ("gateway", *BY_NAME) == proxy_styles.STYLES


EDGE = 'ip.src.country eq "DE"'


def test_bundle_that_reads_what_nobody_here_knows_is_noted_by_host_rule_and_field():
    assert reads_edge(policy('http.host eq "x.example.com" and http.user_agent eq "x"')) == ""
    note = reads_edge(policy(f"not ({EDGE})"))
    assert note.startswith("host x.example.com: rule the-rule reads ip.src.country: ") and "check" in note
    assert reads_edge(policy(f'http.host eq "y.example.com" and {EDGE}')) == ""  # that host is not served


def test_who_is_refused_by_a_style_is_not_sent_where_it_is_not_known_either():
    with pytest.raises(GatewayError) as refused:
        check(BY_NAME["nginx"], policy(EDGE), "a.json")
    assert "enforce it with" not in str(refused.value)


@pytest.mark.gateway
def test_the_gateways_own_status_tells_of_rules_on_what_it_never_knows(site):
    late = BundleRule(ref="late", expression=f'(http.host eq "www.example.com" and {EDGE})', action="block")
    try:
        site.write(rules=(*site.rules, late))
        assert site.gateway.reload()
        (note,) = [note for note in site.gateway.status()["notes"] if "rule late reads ip.src.country" in note]
        assert note.startswith("host www.example.com")
        assert site.ask(host="www.example.com", sni="www.example.com", kind="none").status == 200
    finally:
        site.settle()
    assert not any("rule late" in note for note in site.gateway.status()["notes"])
