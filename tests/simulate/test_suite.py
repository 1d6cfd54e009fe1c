"""Rule tests: roles mean what they say, failures are explained, nothing tested is not a pass, a thousand are quick."""

import time
from datetime import UTC, datetime, timedelta
from xml.etree import ElementTree as ET

import pytest
from cryptography.hazmat.primitives.serialization import Encoding
from msgspec.structs import replace

from mtls_tui.pki.roles import ROLES, RoleSet
from mtls_tui.rulefile import ExpectEntry, TestEntry
from mtls_tui.simulate import Runner, TestReport, run_tests
from mtls_tui.simulate.style import Style
from mtls_tui.simulate.testing.junit import junit
from mtls_tui.simulate.testing.report import data, failure, summary
from mtls_tui.simulate.testing.roles import chain_of, role_set
from mtls_tui.simulate.testing.suite import fits
from tests.simulate.conftest import NOW, RULES

DEFAULT = """version = 1
[[hosts]]
name = "api.example.com"
%s
[[hosts]]
name = "www.example.com"
mtls = false
[[rules]]
ref = "verified"
expression = 'http.host eq "api.example.com" and not cf.tls_client_auth.cert_verified'
action = "block"
[[rules]]
ref = "revoked"
expression = 'cf.tls_client_auth.cert_revoked'
action = "block"
"""
TRUSTS = {
    "no anchors of its own": "",
    "an authority and no list": 'anchors = ["ca.pem"]',
    "an authority that requires a list": 'anchors = ["ca.pem"]\ncrls = ["ca.crl"]\ncrl_policy = "require"',
    "only the leaf is asked for": 'anchors = ["ca.pem"]\ncrls = ["ca.crl"]\nrevocation = "leaf"',
}
BY_ROLE = dict.fromkeys(ROLES, "verified") | {"good": None, "revoked": "revoked"}


def case(name="t", url="https://api.example.com/", expect='action = "allow"', **keys):
    lines = [f'{key} = "{value}"' for key, value in {"name": name, "url": url, **keys}.items() if key != "raw"]
    return "\n[[tests]]\n" + "\n".join(lines) + f"\n{keys.get('raw', '')}\nexpect = {{ {expect} }}\n"


@pytest.mark.parametrize("trust", TRUSTS.values(), ids=TRUSTS)
@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("at", [None, "1999-12-31T23:59:59Z", "2026-02-28T00:00:00Z", "2049-06-01T12:00:00+02:00"])
def test_a_role_means_what_it_says_whatever_the_host_trusts_and_whenever(rulefile, trust, role, at):
    rule = BY_ROLE[role]
    expect = 'action = "allow"' if rule is None else f'action = "block", rule = "{rule}"'
    text = DEFAULT % trust + case(certificate=role, expect=expect, **({"at": at} if at else {}))
    report = run_tests(rulefile(text))
    assert report.ok, failure(report.results[0], "x", Style())


def test_the_role_authority_is_trusted_for_tests_with_roles_alone(rulefile, site):
    pem = chain_of("good", NOW)[0].public_bytes(Encoding.PEM)
    (site.folder / "minted.pem").write_bytes(pem)
    text = (
        DEFAULT % 'anchors = ["ca.pem"]'
        + case(certificate="good")
        + case(
            name="as file",
            certificate="minted.pem",
            at="2026-11-24T12:00:00Z",
            expect='action = "block", rule = "verified"',
        )
    )
    assert run_tests(rulefile(text), now=NOW).ok


def test_a_certificate_from_a_file_is_judged_by_the_hosts_own_authority(rulefile):
    text = DEFAULT % 'anchors = ["ca.pem"]\ncrls = ["ca.crl"]'
    for role in ROLES:
        if role != "none":
            rule = BY_ROLE[role]
            expect = 'action = "allow"' if rule is None else f'action = "block", rule = "{rule}"'
            text += case(name=role, certificate=f"{role}.pem", at=NOW.isoformat(), expect=expect)
    report = run_tests(rulefile(text))
    assert report.ok, [result.failures for result in report.failed]


def test_a_host_without_mtls_sees_no_certificate(rulefile):
    text = DEFAULT % "" + case(
        url="https://www.example.com/",
        certificate="good",
        expect="clauses = { 'cf.tls_client_auth.cert_presented' = false }",
    )
    assert run_tests(rulefile(text)).ok


def test_a_pinned_issuer_is_set_by_the_test_that_needs_it(rulefile):
    text = (
        """version = 1
[[hosts]]
name = "api.example.com"
[[rules]]
ref = "pin"
expression = 'cf.tls_client_auth.cert_issuer_ski ne "AB12"'
action = "block"
"""
        + case(name="minted", certificate="good", expect='action = "block", rule = "pin"')
        + case(name="set", certificate="good", raw='set = { "cf.tls_client_auth.cert_issuer_ski" = "AB12" }')
    )
    assert run_tests(rulefile(text)).ok


def test_all_parts_of_a_request_reach_the_rules(rulefile):
    text = """version = 1
[[hosts]]
name = "api.example.com"
mtls = false
[[rules]]
ref = "all"
expression = '''http.request.method eq "PUT" and http.request.headers["x-a"][1] eq "2" and http.request.body.raw eq "hi"
 and ip.src eq 2001:db8::7 and http.request.timestamp.sec eq 1000000000 and ip.src.country eq "DE"
 and http.request.uri.args["q"][0] eq "1" and any(http.request.headers["x-b"][*] eq "3")'''
action = "block"
""" + case(
        url="https://api.example.com/?q=1",
        method="PUT",
        body="hi",
        ip="2001:db8::7",
        at="2001-09-09T01:46:40Z",
        raw='headers = { X-A = ["1", "2"], x-b = "3" }\nset = { "ip.src.country" = "DE" }',
        expect='action = "block", rule = "all"',
    )
    report = run_tests(rulefile(text))
    assert report.ok, failure(report.results[0], "x", Style())


@pytest.mark.parametrize(
    ("expect", "messages"),
    [
        ('action = "allow"', ["expected action allow, got block by mtls"]),
        ('action = "block", rule = "admin"', ["expected rule admin, got mtls"]),
        ('rule = "office"', ["expected rule office, got mtls"]),
        ('action = "log"', ["expected action log, got block by mtls"]),
        ('action = "skip"', ["expected action skip, got block by mtls"]),
        (
            "clauses = { 'ssl' = false, 'http.request.method eq \"GET\"' = true }",
            ["expected `ssl` to be false, it is true"],
        ),
    ],
)
def test_failures_say_what_was_expected_and_what_came(rulefile, expect, messages):
    report = run_tests(rulefile(RULES + case(expect=expect)))
    assert not report.ok
    assert list(report.results[0].failures) == messages


@pytest.mark.parametrize(
    ("keys", "expect"),
    [
        ({"ip": "192.0.2.1"}, 'action = "skip", rule = "office"'),
        ({"ip": "192.0.2.1"}, 'action = "allow"'),
        ({"certificate": "good", "raw": 'headers = { user-agent = "bot" }'}, 'action = "log", rule = "watch"'),
        ({"certificate": "good", "raw": 'headers = { user-agent = "bot" }'}, 'action = "allow", rule = "watch"'),
    ],
)
def test_skip_and_log_can_be_expected(rulefile, keys, expect):
    report = run_tests(rulefile(RULES + case(expect=expect, **keys)))
    assert report.ok, report.results[0].failures


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"url": "ftp://a/"}, "http or https"),
        ({"method": "G T"}, "not an HTTP method"),
        ({"ip": "1.2.3"}, "not an IP address"),
        ({"at": "tomorrow"}, "not a time"),
        ({"set": {"cf.tls_client_auth.cert_verified": "maybe"}}, "true or false"),
        ({"set": {"cf.tls_client_auth.cert_verifed": True}}, "did you mean `cf.tls_client_auth.cert_verified`"),
        ({"certificate": "nowhere.pem"}, "nowhere.pem: no such file"),
        ({"headers": {"x y": "z"}}, "not a header name"),
        ({"expect": ExpectEntry(clauses={"no.such.field": True})}, "can't be used"),
        ({"expect": ExpectEntry()}, "expects nothing"),
    ],
)
def test_a_test_that_cannot_run_fails_with_the_reason(rulefile, changes, message):
    runner = Runner(rulefile(RULES), now=NOW)
    entry = TestEntry(name="t", url="https://api.example.com/", expect=ExpectEntry(action="block"))
    assert runner.run(entry).passed
    result = runner.run(replace(entry, **changes))
    assert not result.passed
    assert message in result.error
    assert message in failure(result, "f", Style(False, 200))


def test_a_failure_is_explained_down_to_the_clause(rulefile):
    report = run_tests(rulefile(RULES + case(certificate="expired")), now=NOW)
    text = failure(report.results[0], "site.rules.toml", Style())
    assert "site.rules.toml:" in text
    assert "not cf.tls_client_auth.cert_verified" in text
    assert "◂ decides" in text
    assert "expired" in text


def test_no_tests_is_not_a_pass(rulefile):
    report = run_tests(rulefile(RULES))
    assert not report.ok
    assert "no tests" in summary(report, Style())
    filtered = run_tests(rulefile(RULES + case()), "nothing like it")
    assert not filtered.ok
    assert "filter" in summary(filtered, Style())


def test_filter_is_part_of_a_name_or_a_pattern():
    assert fits("No certificate is blocked", "CERT")
    assert fits("a b", "a*")
    assert not fits("b a", "a*")
    assert not fits("x", "y")


def test_junit_can_be_read_and_holds_no_forbidden_characters(rulefile):
    text = RULES + case(name="bad \\u0001 <name>") + case(name="good", certificate="good") + case(name="err")
    file = rulefile(text)
    runner = Runner(file)
    tests = [*file.tests[:2], replace(file.tests[2], ip="x")]
    results = tuple(runner.run(test, number, 50 + number) for number, test in enumerate(tests, 1))
    report = TestReport("f", results, 0.1, 3)
    root = ET.fromstring(  # noqa: S314 - our own output
        junit(report, {1: "because \x00 & <"})
    )
    suite = root.find("testsuite")
    assert (suite.get("tests"), suite.get("failures"), suite.get("errors")) == ("3", "1", "1")
    cases = suite.findall("testcase")
    assert cases[0].find("failure").text == "because \ufffd & <"
    assert cases[1].find("failure") is None
    assert int(cases[0].get("line")) > 40


def test_data_has_every_test_with_its_verdict(rulefile):
    report = run_tests(rulefile(RULES + case() + case(name="b", certificate="good")))
    out = data(report, None)
    assert (out["ok"], out["tests"], out["failed"]) == (False, 2, 1)
    assert out["results"][0]["rule"] == "mtls"
    assert out["results"][0]["reasons"]


def test_one_role_set_serves_a_whole_day():
    begin = datetime(2026, 11, 24, tzinfo=UTC)
    assert role_set(begin) is role_set(begin + timedelta(hours=23, minutes=59))
    assert role_set(begin) is not role_set(begin + timedelta(days=1))
    assert isinstance(role_set(begin), RoleSet)


def test_a_thousand_tests_of_all_roles_take_two_seconds(rulefile):
    roles = [role for role in ROLES for _ in range(125)]
    text = DEFAULT % 'anchors = ["ca.pem"]\ncrls = ["ca.crl"]'
    text += "".join(
        case(name=f"t{n}", url=f"https://api.example.com/{n}", certificate=role, raw=f'headers = {{ x-n = "{n}" }}',
             expect='action = "allow"' if BY_ROLE[role] is None else f'rule = "{BY_ROLE[role]}"')
        for n, role in enumerate(roles)
    )  # fmt: skip
    file = rulefile(text)
    begin = time.process_time()
    report = run_tests(file)
    assert time.process_time() - begin < 2
    assert report.ok
    assert len(report.results) == 1000


def test_a_runner_can_be_asked_for_one_test(rulefile):
    file = rulefile(RULES + case(certificate="good"))
    result = Runner(file, now=NOW).run(file.tests[0])
    assert result.passed
    assert result.simulation().allowed
