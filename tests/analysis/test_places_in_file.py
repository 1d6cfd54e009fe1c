"""Findings within a rule file: at their places, and cured there until nothing curable is left."""

from datetime import UTC, datetime

import pytest

from mtls_tui import rulefile
from mtls_tui.analysis import cured, findings_of

AT = datetime(2026, 6, 1, tzinfo=UTC)
ALL = ("error", "warning", "info")
VERIFIED, REVOKED = "cf.tls_client_auth.cert_verified", "cf.tls_client_auth.cert_revoked"


def file(expression):
    return rulefile.loads(f"[[rules]] # first\nref = \"r\"\nexpression = '''{expression}''' # kept\n")


@pytest.mark.parametrize(
    ("text", "expected", "codes"),
    [
        # neighbours: the later of two that touch waits for the next pass
        ("ip.src in {10.0.0.0/8 10.1.1.1 10.1.1.1}", "ip.src in {10.0.0.0/8  }", ["duplicate-item"] * 2),
        # one cure uncovers the next finding
        (
            "not cf.tls_client_auth.cert_presented",
            f"not ({VERIFIED} and not {REVOKED})",
            ["presented-only", "revoked-accepted"],
        ),
        # one within another
        (
            'http.request.headers["X"][0] ne "a"',
            'not http.request.headers["x"][0] eq "a"',
            ["header-case", "missing-passes"],
        ),
        ('http.host eq "a" and ssl', 'http.host eq "a" and ssl', []),
    ],
)
def test_cures_are_put_in_until_none_is_left_and_comments_stay(text, expected, codes):
    after, done = cured(file(text), ALL)
    assert after.text == file(expected).text
    assert sorted(done) == [("r", code) for code in codes]
    assert cured(after, ALL) == (after, [])
    assert not any(found.fix for found in findings_of(after, AT))


def test_only_findings_of_the_severities_asked_for_are_cured():
    before = file("not cf.tls_client_auth.cert_presented")
    after, done = cured(before, ("error", "warning"))
    assert (after.rules[0].expression, done) == (f"not {VERIFIED}", [("r", "presented-only")])
    assert cured(before, ALL, ignored=("presented-only",))[1] == []


def test_a_fix_that_goes_over_lines_ends_where_the_expression_does():
    (found,) = (entry for entry in findings_of(file('http.request.headers["x"][0]\n  ne "a"'), AT) if entry.fix)
    assert (found.rule, found.problem.line, found.problem.column) == ("r", 3, 17)
    assert (found.fix.line, found.fix.column, found.fix.end_line, found.fix.end_column) == (3, 17, 4, 9)


@pytest.mark.parametrize(
    ("above", "host", "warns"),
    [
        ("", 'mtls = true\ncrls = ["ca.crl"]', True),
        ('crls = ["ca.crl"]\n', "mtls = true", True),
        ("", "mtls = true", False),
        ("", 'mtls = false\ncrls = ["ca.crl"]', False),
    ],
)
def test_revocation_lists_of_the_host_or_of_the_file_make_letting_revoked_ones_in_a_warning(above, host, warns):
    text = f'{above}[[hosts]]\nname = "a"\n{host}\n[[rules]]\nref = "r"\n'
    text += f"expression = 'http.host eq \"a\" and not {VERIFIED}'\n"
    _, done = cured(rulefile.loads(text, strict=False), ("warning",))
    assert (("r", "revoked-accepted") in done) is warns
