"""The simulator: one request, its verdict, the marks; saved requests; nothing secret in the document."""

from __future__ import annotations

from pathlib import Path

import pytest

from mtls_tui.tui.files import draft
from mtls_tui.tui.simulator.effects import AskPassphrase, KeepPassphrase
from mtls_tui.tui.simulator.probes import certificates_only
from tests.tui.helpers import Driver, document_of, with_expression


def verdict(driver: Driver) -> str:
    results = driver.evaluate().document.results
    assert results is not None
    assert results.verdict is not None, results.problem
    return f"{'BLOCKED' if results.verdict.blocked else 'allowed'} {results.verdict.rule}".strip()


def marks(driver: Driver) -> list[str]:
    results = driver.document.results
    assert results is not None
    return [results.marks[row.path].sign for row in driver.document.rows if row.kind != "close" and not row.muted]


def test_no_certificate_is_blocked_and_each_clause_says_why() -> None:
    driver = Driver()
    assert verdict(driver) == "BLOCKED mtls-api"
    assert marks(driver) == ["✓", "✓", "✓", "✓", "–", "✓"]
    assert driver.document.results is not None and driver.document.results.verdict is not None
    assert driver.document.results.verdict.reason == "because no client certificate was presented"


@pytest.mark.parametrize(
    ("role", "outcome"),
    [
        ("good", "allowed"),
        ("expired", "BLOCKED mtls-api"),
        ("revoked", "BLOCKED mtls-api"),
        ("foreign", "BLOCKED mtls-api"),
    ],
)
def test_certificates_by_role_get_what_they_deserve(role: str, outcome: str) -> None:
    assert verdict(Driver().do("simulator.set_certificate", key=role)) == outcome


def test_an_edit_of_the_rule_changes_the_verdict_at_once() -> None:
    driver = Driver()
    assert verdict(driver) == "BLOCKED mtls-api"
    driver.at("URI Path").press("!")
    assert verdict(driver) == "allowed"


def test_muting_takes_a_clause_out_of_the_verdict_and_the_marks_stay_with_their_rows() -> None:
    driver = Driver().at("certificate verified").press("space")
    assert verdict(driver) == "allowed"
    results = driver.document.results
    assert results is not None
    by_text = {row.text: results.marks[row.path].sign for row in driver.document.rows if row.path in results.marks}
    assert by_text["Client certificate revoked"] == "✗"
    assert by_text["URI Path does not start with /hook/"] == "–"


def test_the_request_is_applied_as_it_is_typed_and_escape_takes_it_back() -> None:
    driver = Driver().press("tab", "e")
    before = driver.document.content
    driver.type("hook/x")
    assert driver.document.content.probe.url == "https://api.example.com/hook/x"
    assert verdict(driver) == "allowed"
    driver.press("escape")
    assert driver.document.content is before and not driver.document.past


def test_a_curl_command_becomes_the_request() -> None:
    driver = Driver().do(
        "simulator.take_curl", text="curl -X POST https://pay.example.com/v1 -H 'X-A: b' -d '{\"a\":1}'"
    )
    probe = driver.document.content.probe
    assert (probe.method, probe.url, probe.body) == ("POST", "https://pay.example.com/v1", '{"a":1}')
    assert ("x-a", "b") in [(name.lower(), value) for name, value in probe.headers]


def test_a_curl_command_brings_its_certificate_and_says_what_was_passed_over(tmp_path: Path) -> None:
    driver = Driver(document_of(folder=tmp_path))
    command = "curl -X POST 'https://api.example.com/v1?x=1' --cert clients/good.pem --key clients/good.key --frob"
    driver.do("simulator.take_curl", text=command)
    probe = driver.document.content.probe
    assert (probe.method, probe.certificate, probe.pem) == ("POST", "clients/good.pem", "")
    assert driver.document.notice is not None and "--frob" in driver.document.notice.text
    assert not driver.effects


def test_the_passphrase_of_a_curl_command_is_kept_in_no_document() -> None:
    driver = Driver().do("simulator.take_curl", text="curl https://api.example.com --cert x.p12:s3cret --cert-type P12")
    assert driver.document.content.probe.certificate == "x.p12"
    assert driver.effects == [KeepPassphrase("x.p12", "s3cret")] and "s3cret" not in repr(driver.effects)
    assert "s3cret" not in repr(driver.document)
    driver = Driver().do("simulator.take_curl", text="curl https://api.example.com --cert x.p12")
    assert driver.effects == [AskPassphrase("x.p12")]


@pytest.mark.parametrize("text", ["wget https://a/", "curl", "curl 'https://a", "ftp://a"])
def test_what_is_no_request_is_refused_with_a_reason(text: str) -> None:
    driver = Driver()
    before = driver.document.content
    driver.do("simulator.take_curl", text=text)
    assert driver.refused and driver.document.content is before


def test_overrides_win_over_everything() -> None:
    driver = Driver(with_expression("cf.tls_client_auth.cert_verified"))
    assert verdict(driver) == "allowed"
    values = {"method": "GET", "url": "https://api.example.com/", "ip": "", "at": "", "headers": "", "body": ""}
    driver.do("simulator.set", overrides="cf.tls_client_auth.cert_verified=true", **values)
    assert verdict(driver) == "BLOCKED r"


@pytest.mark.parametrize(
    ("field", "value", "says"),
    [
        ("ip", "300.1.1.1", "not an address"),
        ("at", "tomorrow", "not a time"),
        ("headers", "nocolon", "not a header"),
        ("overrides", "http.host", "not an override"),
        ("overrides", "no.such.field=1", "no.such.field"),
        ("url", "ftp://x", "ftp"),
    ],
)
def test_a_wrong_field_of_the_request_is_told(field: str, value: str, says: str) -> None:
    values = {"method": "GET", "url": "https://a/", "ip": "", "at": "", "headers": "", "body": "", "overrides": ""}
    driver = Driver().do("simulator.set", **(values | {field: value}))
    assert says in driver.refused


def test_a_request_to_an_unknown_host_is_blocked_and_says_so() -> None:
    driver = Driver().do("simulator.take_curl", text="curl https://nobody.example.net/")
    assert verdict(driver) == "BLOCKED"
    assert "no such host" in driver.document.results.verdict.reason  # type: ignore[union-attr]


def test_a_missing_certificate_file_is_told_and_nothing_is_decided() -> None:
    driver = Driver().do("simulator.set_certificate", key="nowhere.pem").evaluate()
    assert driver.document.results is not None
    assert "nowhere.pem" in driver.document.results.problem and driver.document.results.verdict is None


def test_a_broken_rule_means_no_verdict_and_says_which() -> None:
    driver = Driver().do("text.replace", text="http.hostt eq").evaluate()
    assert driver.document.results is not None
    assert driver.document.results.problem.startswith("rule 1 mtls-api:")


# --- the table ----------------------------------------------------------------------------------------------------


def test_a_saved_request_shows_what_it_got_before_and_gets_now() -> None:
    driver = Driver().press("tab", "s").evaluate()
    assert [(case.before, case.now, case.changed) for case in driver.document.results.cases] == [
        ("BLOCKED", "BLOCKED", False)
    ]  # type: ignore[union-attr]
    driver.at("URI Path").press("!").evaluate()
    assert [(case.before, case.now, case.changed) for case in driver.document.results.cases] == [
        ("BLOCKED", "allowed", True)
    ]  # type: ignore[union-attr]


def test_a_request_becomes_a_test_of_the_file_and_the_test_is_checked_on_every_edit() -> None:
    driver = Driver().evaluate().press("tab").press("T")
    assert 'certificate = "none"' in driver.file and 'rule = "mtls-api"' in driver.file
    driver.at("URI Path").press("!").evaluate()
    (case,) = driver.document.results.cases  # type: ignore[union-attr]
    assert case.failed and case.expected == "BLOCKED" and case.now == "allowed"


def test_a_line_of_the_table_goes_back_into_the_simulator() -> None:
    driver = Driver().do("simulator.take_curl", text="curl https://pay.example.com/x").press("tab", "s")
    driver.do("simulator.take_curl", text="curl https://api.example.com/y").evaluate().press("down", "enter")
    assert driver.document.content.probe.url == "https://pay.example.com/x"


# --- secrets ------------------------------------------------------------------------------------------------------

CERT = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----"
KEY = "-----BEGIN PRIVATE KEY-----\nSECRETKEY\n-----END PRIVATE KEY-----"


def test_a_pasted_private_key_is_never_kept() -> None:
    driver = Driver().do("simulator.paste_pem", text=f"{KEY}\n{CERT}\n{KEY}")
    assert driver.document.content.probe.pem == CERT
    assert b"SECRETKEY" not in draft.encode(driver.document.content)
    assert "left out" in driver.document.notice.text  # type: ignore[union-attr]
    assert certificates_only(KEY) == ""


def test_a_passphrase_is_not_in_the_document(tmp_path: Path) -> None:
    driver = Driver(document_of(folder=tmp_path)).do("simulator.set_certificate", key="a.p12")
    assert driver.effects == [AskPassphrase("a.p12")]
    driver.do("simulator.passphrase", path="a.p12").type("hunter2").press("enter")
    assert driver.effects[-1] == KeepPassphrase("a.p12", "hunter2")
    assert b"hunter2" not in draft.encode(driver.document.content)
    assert "hunter2" not in repr(driver.document)


def test_a_mark_never_stands_beside_another_clause_than_its_own() -> None:
    from mtls_tui.tui.builder.view import builder_lines

    driver = Driver().evaluate()

    def signs() -> list[str]:
        lines = builder_lines(driver.document, 89, 24)[4:]
        return ["".join(c for c in line.text if c in "✓✗–") for line in lines if "╰" not in line.text]

    assert signs() == ["✓", "✓", "✓", "✓", "–", "✓"]
    driver.at("Hostname").press("v").type("c.example").press("tab")
    assert signs()[1:] == ["✓", "✓", "✓", "–", "✓"]  # rows are where they were: the last marks stay until the new ones
    driver.at("Hostname").press("d")
    assert set(signs()) == {""}
    driver.evaluate()
    assert "".join(signs()) == "✓✓✓–✓"
