"""Lint: each check finds what its page shows to avoid, at its place, and is silent about what the page prefers."""

import pytest

from mtls_tui import lang, rulefile
from mtls_tui.analysis import CHECKS, Finding, fixed, lint
from mtls_tui.engine.model import Response, Rule
from tests.conftest import ROOT

VERIFIED = "cf.tls_client_auth.cert_verified"
DEFAULT = f'(http.host in {{"api.example.com"}} and not {VERIFIED})'
SAFE = f'(http.host in {{"api.example.com"}} and (not {VERIFIED} or cf.tls_client_auth.cert_revoked))'
HOSTS = [("api.example.com", True)]


def rule(text, ref="r", action="block", **options):
    return Rule(ref, lang.parse(text, max_length=None), action, **options)


def found(*rules, hosts=(), **options):
    return {finding.code for finding in lint([r if isinstance(r, Rule) else rule(r) for r in rules], hosts, **options)}


def test_the_default_rule_gets_no_warning():
    findings = lint([rule(DEFAULT)], HOSTS)
    assert [(finding.code, finding.severity) for finding in findings] == [("revoked-accepted", "info")]
    assert lint([rule(SAFE)], HOSTS) == []


def test_letting_revoked_certificates_in_is_a_warning_where_a_host_of_the_rule_has_revocation_lists():
    rules = [rule(DEFAULT), rule(f'http.host eq "b" and not {VERIFIED}', "b")]
    hosts = [*HOSTS, ("b", True)]
    found = lint(rules, hosts, revoking=["api.example.com"])
    assert [(one.rule, one.severity) for one in found] == [("r", "warning"), ("b", "info")]
    assert lint([rule(SAFE)], HOSTS, revoking=["api.example.com"]) == []
    everywhere = lint([rule(f"not {VERIFIED}")], HOSTS, revoking=["api.example.com"])
    assert [(one.code, one.severity) for one in everywhere] == [("revoked-accepted", "warning")]


def test_a_finding_names_rule_place_and_cure():
    text = 'ssl\nand http.request.uri.path eq "api.example.com"'
    assert lint([rule(text, "mine")]) == [
        Finding(
            code="path-as-host",
            severity="warning",
            message="a path begins with `/`: it is never `api.example.com`",
            hint='to compare the host write `http.host eq "api.example.com"`',
            rule="mine",
            span=lang.ast.Span(33, 50),
            line=2,
            column=30,
        )
    ]


def singles():
    """The pages whose two examples are single expressions."""
    for check in CHECKS:
        try:
            pair = lang.parse(check.avoid), lang.parse(check.prefer)
        except lang.ParseError:
            continue
        yield pytest.param(check, *pair, id=check.code)


@pytest.mark.parametrize(("check", "avoid", "prefer"), singles())
def test_a_page_shows_what_is_found_and_what_is_not(check, avoid, prefer):
    hosts = HOSTS if check.code in ("host-unprotected", "host-unknown", "host-exception") else ()
    target = "cloudflare" if check.code in ("plan", "function-place", "managed-list") else "engine"
    lists = {"scrapers": ["192.0.2.0/24"], "partners": ["partner.example.com"]}
    assert check.code in found(Rule("r", avoid), hosts=hosts, target=target, lists=lists)
    assert check.code not in found(Rule("r", prefer), hosts=hosts, target=target, lists=lists)


def test_codes_are_unique_and_every_page_is_whole():
    codes = [check.code for check in CHECKS]
    assert len(set(codes)) == len(codes)
    for check in CHECKS:
        assert all((check.title, check.why, check.avoid, check.prefer, check.find.__doc__))


def test_a_host_that_nothing_protects():
    assert "host-unprotected" in found(hosts=HOSTS)
    assert "host-unprotected" in found(f'http.host eq "www.example.com" and not {VERIFIED}', hosts=HOSTS)
    assert "host-unprotected" not in found(f"not {VERIFIED}", hosts=HOSTS)
    assert "host-unprotected" in found(rule(DEFAULT, action="log"), hosts=HOSTS)
    assert "host-unprotected" in found(rule(DEFAULT, enabled=False), hosts=HOSTS)
    assert "host-unprotected" in found(rule(DEFAULT, shadow=True), hosts=HOSTS)
    wild = f'http.host wildcard "*.example.com" and not {VERIFIED}'
    assert "host-unprotected" not in found(wild, hosts=[("*.example.com", True)])
    assert "host-unprotected" not in found(hosts=[("www.example.com", False)])


def test_an_exception_is_shown_by_a_request_that_passes():
    text = f'http.host eq "api.example.com" and not {VERIFIED} and not http.request.uri.path eq "/healthz"'
    told = [finding for finding in lint([rule(text)], HOSTS) if finding.code == "host-exception"]
    assert [(finding.severity, finding.host, finding.message) for finding in told] == [
        (
            "info",
            "api.example.com",
            "some requests to `api.example.com` pass without a certificate, such as GET https://api.example.com/healthz",
        )
    ]
    assert "host-exception" not in found(DEFAULT, hosts=HOSTS)
    assert "host-exception" not in found("ssl", hosts=[("api.example.com", False)])


def test_a_host_that_the_file_does_not_have():
    assert "host-unknown" in found(DEFAULT.replace("api", "aip"), hosts=HOSTS)
    assert "host-unknown" not in found(DEFAULT, hosts=[("*.example.com", True)])
    assert "host-unknown" not in found(DEFAULT)


def test_a_host_that_asks_for_no_certificate():
    assert "host-without-mtls" in found(DEFAULT, hosts=[("api.example.com", False)])
    assert "host-without-mtls" not in found(DEFAULT, hosts=HOSTS)


def test_a_skip_rule_before_the_certificate_check():
    skip = rule('http.host wildcard "*.example.com"', "skip", "skip")
    block = rule(DEFAULT, "block")
    warned = [finding for finding in lint([skip, block], HOSTS) if finding.code == "skip-before-mtls"]
    assert [(finding.rule, finding.severity, finding.host) for finding in warned] == [
        ("skip", "warning", "api.example.com")
    ]
    narrow = rule('starts_with(http.request.uri.path, "/hook/")', "skip", "skip")
    told = [finding for finding in lint([narrow, block], HOSTS) if finding.code == "skip-before-mtls"]
    assert [finding.severity for finding in told] == ["info"]
    assert "skip-before-mtls" not in found(block, skip, hosts=HOSTS)
    assert "skip-before-mtls" not in found(rule(VERIFIED, "skip", "skip"), block, hosts=HOSTS)


def test_a_certificate_that_is_only_there():
    presented = 'http.host eq "api.example.com" and not cf.tls_client_auth.cert_presented'
    assert "presented-only" in found(presented)
    assert "presented-only" not in found(presented, rule(DEFAULT, "other"))
    assert "presented-only" not in found(presented.replace("not cf", "cf"))


def test_a_rule_that_is_never_reached():
    def shadowed(*rules):
        return [finding.rule for finding in lint(rules) if finding.code == "shadowed-rule"]

    wide, narrow = rule('http.host eq "a"', "wide"), rule('ssl and http.host in {"a"}', "narrow")
    assert shadowed(wide, narrow) == ["narrow"]
    assert shadowed(narrow, wide) == []
    assert shadowed(wide, rule('http.host == "a"', "same")) == ["same"]
    assert shadowed(rule('http.host eq "a"', "log", "log"), narrow) == []
    assert shadowed(rule('http.host eq "a"', "off", enabled=False), narrow) == []
    assert shadowed(rule("ip.src in {10.0.0.0/8}", "net"), rule("ip.src in {10.1.0.0/16 10.2.2.2}", "part")) == ["part"]
    assert shadowed(rule("ip.src in {10.1.0.0/16}", "part"), rule("ip.src in {10.0.0.0/8}", "net")) == []
    assert shadowed(rule("cf.edge.server_port ge 100", "low"), rule("cf.edge.server_port in {443}", "one")) == ["one"]
    starts = rule('starts_with(http.request.uri.path, "/a")', "starts")
    assert shadowed(starts, rule('http.request.uri.path eq "/ab"', "exact")) == ["exact"]
    assert shadowed(starts, rule('http.request.uri.path eq "/b"', "other")) == []


def test_what_can_never_or_must_always_hold():
    assert "never-matches" in found("cf.tls_client_auth.cert_verified and not cf.tls_client_auth.cert_presented")
    assert "never-matches" in found("cf.tls_client_auth.cert_revoked and not cf.tls_client_auth.cert_verified")
    assert "never-matches" in found("ip.src in {10.0.0.0/8} and ip.src in {192.0.2.0/24}")
    assert "never-matches" in found("cf.edge.server_port lt 80 and cf.edge.server_port gt 443")
    assert "never-matches" in found('http.host eq "ab" and not starts_with(http.host, "a")')
    assert "never-matches" in found('ssl or (http.host eq "a" and http.host eq "b" and ssl)')
    assert "always-matches" in found("ssl or not ssl")
    assert "always-matches" in found("not (cf.tls_client_auth.cert_verified and not cf.tls_client_auth.cert_presented)")
    for fine in (
        "true",
        'http.host eq "a" and starts_with(http.host, "a")',
        'http.request.headers["x"][0] ne "a" or http.request.headers["x"][0] ne "b"',
        'len(http.request.headers["x"]) ge 0 or not ssl',
        'any(http.request.headers["x"][*] eq "a") and any(http.request.headers["x"][*] eq "b")',
        "ip.src in {10.0.0.0/8} xor ip.src in {10.0.0.0/9}",
    ):
        assert not found(fine) & {"never-matches", "always-matches"}, fine


def test_values_that_a_field_never_has():
    prefix = "cf.tls_client_auth.cert_"
    for text in (
        f'{prefix}verified and {prefix}serial eq "ab"',
        f'{prefix}fingerprint_sha256 eq "{"AB" * 32}"',
        f'{prefix}fingerprint_sha256 eq "abcd"',
        'http.request.method in {"get"}',
        'ip.src.continent eq "Europe"',
    ):
        assert "value-never" in found(text), text
    for text in (
        f'{prefix}serial eq ""',
        f'{prefix}fingerprint_sha256 in {{"{"ab" * 32}"}}',
        f'lower({prefix}serial) eq "ab"',
    ):
        assert "value-never" not in found(text), text


def test_hosts_that_no_host_is_called():
    for name in ("API.example.com", "https://a", "a/b", "a:443", "*.a", "/path"):
        assert "host-as-path" in found(f'http.host eq "{name}"'), name
    for text in ('http.host eq "a"', 'http.host wildcard "*.a"', 'http.host contains "A"'):
        assert "host-as-path" not in found(text), text


def test_loose_patterns_are_told_from_anchored_ones():
    for pattern in (r"^api\.example\.com", r"api\.example\.com$", r"^api.example\.com$"):
        assert "regex-loose" in found(f'http.host matches r"{pattern}"'), pattern
    for pattern in (r"^api\.example\.com$", r"^(a|b)\.example\.com$", r"^.*\.example\.com$", r"(?i)^a[.]b$", ".*"):
        assert "regex-loose" not in found(f'http.host matches r"{pattern}"'), pattern


def test_items_that_another_item_covers():
    def doubled(text):
        return [f.message for f in lint([rule(text)]) if f.code == "duplicate-item"]

    assert doubled("ip.src in {10.0.0.1 10.0.0.0/8}") == ["`10.0.0.1` is in `10.0.0.0/8` already"]
    assert doubled("cf.edge.server_port in {80 80..90}") == ["`80` is in `80..90` already"]
    assert doubled("cf.edge.server_port in {80 443 80}") == ["`80` stands here twice"]
    assert doubled(r'http.host in {"a" "\x61"}') == [r'`"\x61"` is in `"a"` already']
    assert doubled("ip.src in {10.0.0.0/8 11.0.0.0/8 2001:db8::/32}") == []


def test_addresses_that_leave_bytes_out():
    def told(text):
        return [(f.severity, f.message, f.fix) for f in lint([rule(text)]) if f.code == "short-address"]

    assert told("ip.src in {10 192.168.1}") == [
        ("warning", "`10` is the single address `10.0.0.0`, not a network", None),
        ("warning", "`192.168.1` is the single address `192.168.1.0`, not a network", None),
    ]
    (hint,) = (f.hint for f in lint([rule("ip.src in {192.168}")]))
    assert hint == "write `192.168.0.0/16` for the network, `192.168.0.0` for the one address"
    assert told("ip.src in {10/8}") == [("info", "`10/8` is `10.0.0.0/8`", "10.0.0.0/8")]
    assert told("ip.src in {010.0.0.08}") == [("info", "`010.0.0.08` is `10.0.0.8`", "10.0.0.8")]
    assert told("ip.src in {10.0.0.0/08 10.0.0.1..10.0.0.2 2001:DB8:0::/32 ::1}") == []


def test_lists_beside_fields_that_they_are_not_made_for():
    def told(text, **options):
        return [(f.severity, f.span.start) for f in lint([rule(text)], **options) if f.code == "list-field"]

    assert told("ssl and http.request.uri.path in $names") == [("warning", 8)]
    assert told('any(http.request.headers["x"][*] in $names)') == [("info", 4)]
    assert told("cf.edge.server_port in $ports") == [("info", 0)]
    assert told("lower(http.host) in $names", target="cloudflare") == [("error", 0)]
    for text in ("http.host in $names", "ip.src.asnum in $n", "ip.geoip.asnum in $n", "ip.src in $nets"):
        assert told(text) == told(text, target="cloudflare") == [], text


def test_what_cloudflare_has_on_some_plans_only():
    def told(*rules):
        return [f.message for f in lint(rules, target="cloudflare") if f.code == "plan"]

    assert told(rule("http.host in $names and ip.src in $nets")) == ["`$names` needs a Cloudflare plan: Enterprise"]
    assert told(rule("ssl", response=Response(403))) == ["a response of its own needs a Cloudflare plan: Pro or above"]
    assert told(*(rule("ssl", f"r{index}") for index in range(5))) == []
    assert told(*(rule("ssl", f"r{index}") for index in range(6))) == ["6 rules need the Pro plan"]
    assert told(*(rule("ssl", f"r{index}") for index in range(1001))) == [
        "1001 rules are more than any plan has in a zone"
    ]
    assert lint([rule("ssl", f"r{index}") for index in range(6)], target="engine", ignore=["shadowed-rule"]) == []


def test_missing_values_are_thought_of():
    assert "missing-passes" in found('lower(http.request.headers["x"][0]) ne "a"')
    assert "missing-passes" not in found(
        'http.request.headers["x"][0] ne "a" or not has_key(http.request.headers, "x")'
    )
    assert "missing-passes" not in found('http.host ne "a"')
    assert "vacuous-all" in found('all(http.request.headers["x"][*] eq "a")')
    assert "vacuous-all" not in found('all(http.request.headers["x"][*] eq "a") and has_key(http.request.headers, "x")')


def test_fields_by_where_the_rules_run():
    assert "field-scope" in found("cf.bot_management.score lt 30")
    assert "field-scope" not in found("cf.bot_management.score lt 30", target="cloudflare")
    assert "field-scope" in found('cf.bot_management.ja4 eq "x"')
    assert "field-scope" not in found('cf.tls_version eq "TLSv1.3" and http.request.body.size gt 9')
    assert "field-scope" in found("http.response.code eq 404", target="cloudflare")
    assert "plan" in found("cf.bot_management.score lt 30", target="cloudflare")
    assert "deprecated-field" in found('ip.geoip.country eq "GB"')


def test_long_expressions_and_doubled_refs_are_errors():
    long = " or ".join(["ssl"] * 1200)
    findings = lint([rule(long, "same"), rule("ssl", "same")])
    assert {finding.code for finding in findings if finding.severity == "error"} == {"too-long", "duplicate-ref"}


@pytest.mark.parametrize(
    ("text", "code", "expected"),
    [
        (f"not {VERIFIED}", "revoked-accepted", f"not ({VERIFIED} and not cf.tls_client_auth.cert_revoked)"),
        ("not cf.tls_client_auth.cert_presented", "presented-only", f"not {VERIFIED}"),
        ('any(http.request.headers["X-Y"][*]  eq "a")', "header-case", 'any(http.request.headers["x-y"][*]  eq "a")'),
        ('ip.geoip.country == "GB"', "deprecated-field", 'ip.src.country == "GB"'),
        ('http.host in {"A" "b:443"}', "host-as-path", 'http.host in {"a" "b:443"}'),
        ('http.request.method  eq "get"', "value-never", 'http.request.method  eq "GET"'),
        ("ip.src in {10.0.0.0/8 10.1.1.1}", "duplicate-item", "ip.src in {10.0.0.0/8 }"),
        ("ip.src in { 10/8}", "short-address", "ip.src in { 10.0.0.0/8}"),
        ('http.request.headers["x"][0] ne "a"', "missing-passes", 'not http.request.headers["x"][0] eq "a"'),
    ],
)
def test_a_fix_cures_the_finding_and_leaves_the_rest(text, code, expected):
    broken = rule(text)
    finding = next(entry for entry in lint([broken]) if entry.code == code)
    cured = fixed(broken.expression, finding)
    assert cured.text == expected
    remaining = [entry for entry in lint([Rule("r", cured)]) if entry.code == code]
    assert len(remaining) < len([entry for entry in lint([broken]) if entry.code == code])


def test_what_has_no_clear_cure_has_no_fix():
    broken = rule('http.request.uri.path eq "api.example.com"')
    assert [fixed(broken.expression, finding) for finding in lint([broken])] == [None]


def test_checks_can_be_left_out():
    assert found(DEFAULT, hosts=HOSTS, ignore=["revoked-accepted"]) == set()


def test_a_thousand_rules_are_checked_in_reasonable_time():
    rules = [
        rule(f'(http.host in {{"h{index}.example.com"}} and not {VERIFIED})', f"r{index}") for index in range(1000)
    ]
    hosts = [(f"h{index}.example.com", True) for index in range(0, 1000, 20)]
    findings = lint(rules, hosts, ignore=["revoked-accepted", "host-unknown"])
    assert findings == []


@pytest.mark.parametrize("path", sorted((ROOT / "sample_rules").glob("*.rules.toml")), ids=lambda path: path.name)
def test_sample_rules_get_no_warning(path):
    loaded = rulefile.load(path)
    hosts = [(host.name, host.mtls) for host in loaded.hosts]
    findings = lint(loaded.engine_rules, hosts, loaded.engine_lists)
    assert [finding for finding in findings if finding.severity != "info"] == []


def test_expressions_as_they_come_are_checked_without_fault(expressions):
    count = 0
    for text in expressions:
        try:
            expression = lang.parse(text)
        except lang.ParseError:
            continue
        for finding in lint([Rule("r", expression)]):
            count += 1
            if finding.span:
                assert 0 <= finding.span.start < finding.span.end <= len(text)
    assert count > 100
