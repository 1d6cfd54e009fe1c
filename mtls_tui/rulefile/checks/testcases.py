"""Checks of tests: that each can be run, and expects something that can be."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime
from ipaddress import ip_address
from urllib.parse import urlsplit

from mtls_tui.lang import catalogue
from mtls_tui.pki.roles import ROLES
from mtls_tui.rulefile import materials
from mtls_tui.rulefile.checks.report import ProblemReport
from mtls_tui.rulefile.errors import nearest
from mtls_tui.rulefile.places import KeyPath
from mtls_tui.rulefile.schema import TestEntry


def check_tests(report: ProblemReport) -> None:
    """Each test's request, certificate and expectation."""
    refs = {rule.ref for rule in report.rulefile.rules}
    for index, test in enumerate(report.rulefile.tests):
        path = ("tests", index)
        url = _test_url_trouble(test.url)
        if url:
            report.add("value", (*path, "url"), f"`{test.url}` {url}", 'write it like "https://api.example.com/path"')
        if test.expect.action is None and test.expect.rule is None and not test.expect.clauses:
            report.add(
                "value", (*path, "expect"), "nothing is expected", 'add action = "block" or "allow", a rule, or clauses'
            )
        if test.expect.rule is not None and test.expect.rule not in refs:
            cure = nearest(test.expect.rule, refs) if refs else "the file has no rules"
            report.add("unknown-rule", (*path, "expect", "rule"), f"no rule `{test.expect.rule}`", cure)
        if test.certificate not in ROLES:
            _certificate(report, path, test)
        if test.ip is not None:
            try:
                ip_address(test.ip)
            except ValueError:
                report.add("value", (*path, "ip"), f"`{test.ip}` is not an address", 'write it like "192.0.2.7"')
        if test.at is not None:
            try:
                moment(test.at)
            except ValueError:
                report.add(
                    "value", (*path, "at"), f"`{test.at}` is not a date and time", "write it like 2030-01-31T12:00:00Z"
                )
        for name in test.set:
            if name not in catalogue.FIELDS:
                report.add("unknown-field", (*path, "set", name), "unknown field", nearest(name, catalogue.FIELDS))


def _certificate(report: ProblemReport, path: KeyPath, test: TestEntry) -> None:
    """A certificate that is not a role is a file; a single word that is not a file is probably a misspelt role."""
    name = test.certificate
    if re.fullmatch(r"[A-Za-z_-]+", name) and not report.rulefile.resolve(name).exists():
        report.add("value", (*path, "certificate"), f"`{name}` is neither a role nor a file", nearest(name, ROLES))
        return
    report.file((*path, "certificate"), name, materials.certificates)


def _test_url_trouble(text: str) -> str:
    try:
        url = urlsplit(text)
        _ = url.port
    except ValueError as error:
        return f"is no URL: {str(error).lower()}"
    if url.scheme not in ("http", "https"):
        return "has to begin with https:// or http://"
    return "" if url.hostname else "has no host"


def moment(value: object) -> float:
    """A date and time as POSIX seconds. Raises ValueError if it is not one.

    Takes a TOML date or date-time (UTC unless it says otherwise), an RFC 3339 text, or a number.
    """
    if isinstance(value, str):
        value = datetime.fromisoformat(value)
    if isinstance(value, datetime):
        return (value if value.tzinfo else value.replace(tzinfo=UTC)).timestamp()
    if isinstance(value, date):
        return datetime(value.year, value.month, value.day, tzinfo=UTC).timestamp()
    if isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 1e11:
        return float(value)
    raise ValueError(value)
