"""Hosts and rules: make, name, switch, order, copy, delete. The file keeps its comments."""

from __future__ import annotations

import pytest

from mtls_tui.tui.hosts.entries import selectable
from tests.tui.helpers import Driver, document_of


def refs(driver: Driver) -> list[str]:
    return [rule.ref for rule in driver.document.content.file.rules]


def at_rule(driver: Driver, ref: str) -> Driver:
    stops = selectable(driver.document)
    index = next(place for place, entry in enumerate(stops) if entry.rule == ref)
    return driver.press("ctrl+o", "home", *["down"] * index)


def at_host(driver: Driver, name: str) -> Driver:
    assert any(entry.kind == "host" and entry.host == name for entry in selectable(driver.document))
    driver.document = driver.document.with_view(focus="hosts", at_host=name)
    return driver


def new_rule(*more: str) -> Driver:
    driver = Driver().press("ctrl+o", "n").type("Orders API").press("tab", "ctrl+u").type("orders.example.com")
    return driver.press(*more, "enter")


def test_the_seeds_form_makes_a_rule_that_blocks_revoked_certificates_too_and_lands_in_the_builder() -> None:
    driver = new_rule()
    assert "orders-api" in refs(driver)
    assert driver.document.view.rule == "orders-api" and driver.document.view.focus == "builder"
    assert driver.text == (
        '(http.host in {"orders.example.com"} and '
        "(not cf.tls_client_auth.cert_verified or cf.tls_client_auth.cert_revoked))"
    )
    assert any(host.name == "orders.example.com" and host.mtls for host in driver.document.content.file.hosts)
    assert driver.file.startswith("# kept")


def test_the_originals_default_rule_is_one_key_away_in_the_form() -> None:
    driver = new_rule("tab", "tab", "right")
    assert driver.text == '(http.host in {"orders.example.com"} and not cf.tls_client_auth.cert_verified)'


def test_a_revoked_certificate_is_blocked_by_the_rule_of_the_form() -> None:
    for keys, blocked in (((), True), (("tab", "tab", "right"), False)):
        driver = new_rule(*keys).do("rule.select", key="mtls-api").do("rule.select", key="orders-api")
        driver.do("simulator.take_curl", text="curl https://orders.example.com/")
        driver.do("simulator.set_certificate", key="revoked").evaluate()
        results = driver.document.results
        assert results is not None and results.verdict is not None
        assert results.verdict.blocked is blocked


@pytest.mark.parametrize(
    ("name", "hosts", "says"), [("", "a.example", "needs a name"), ("x", "", "host name"), ("x", "a b/c", "b/c")]
)
def test_a_form_with_a_mistake_stays_open_and_says_what_is_wrong(name: str, hosts: str, says: str) -> None:
    driver = Driver().press("ctrl+o", "n").type(name).press("tab", "ctrl+u").type(hosts).press("enter")
    assert driver.overlay == "Form"
    assert says in driver.document.overlay.error  # type: ignore[union-attr]
    assert refs(driver) == ["mtls-api", "debug"]


def test_rules_are_switched_renamed_copied_moved_and_deleted_and_undo_takes_it_all_back() -> None:
    driver = Driver()
    before = driver.file
    at_rule(driver, "debug").press("space")
    assert not driver.document.content.file.rules[1].enabled
    driver.press("r").press("ctrl+u").type("watch").press("enter")
    assert refs(driver) == ["mtls-api", "watch"] and driver.document.view.rule == "watch"
    at_rule(driver, "watch").press("K")
    assert refs(driver) == ["watch", "mtls-api"]
    at_rule(driver, "watch").press("y")
    assert refs(driver) == ["watch", "watch-2", "mtls-api"]
    at_rule(driver, "watch").press("d")
    assert refs(driver) == ["watch-2", "mtls-api"]
    while driver.document.past:
        driver.press("u")
    assert driver.file == before


def test_a_renamed_rule_keeps_its_muted_clauses() -> None:
    driver = Driver().at("URI Path").press("space").press("r").press("ctrl+u").type("other").press("enter")
    assert [row.text for row in driver.document.rows if row.muted] == ["URI Path does not start with /hook/"]


def test_a_host_is_made_switched_renamed_copied_and_deleted() -> None:
    driver = Driver().press("ctrl+o", "h").type("new.example.com").press("enter")
    names = lambda: [(host.name, host.mtls) for host in driver.document.content.file.hosts]  # noqa: E731
    assert names()[-1] == ("new.example.com", True)
    at_host(driver, "new.example.com").press("m")
    assert names()[-1] == ("new.example.com", False)
    driver.press("r").press("ctrl+u").type("newer.example.com").press("enter")
    at_host(driver, "newer.example.com").press("y").press("ctrl+u").type("copy.example.com").press("enter")
    assert [name for name, _ in names()][-2:] == ["newer.example.com", "copy.example.com"]
    at_host(driver, "copy.example.com").press("d")
    assert [name for name, _ in names()][-1] == "newer.example.com"


def test_host_settings_are_edited_in_one_form() -> None:
    driver = at_host(Driver(), "api.example.com").press("enter")
    assert driver.overlay == "Form"
    driver.press("tab", "tab").type("ca.pem other.pem").press("enter")
    assert driver.document.content.file.hosts[0].anchors == ("ca.pem", "other.pem")
    assert 'anchors = ["ca.pem", "other.pem"]' in driver.file


def test_action_shadow_and_response_of_a_rule() -> None:
    driver = Driver().do("rule.set_action", key="log", index=0).press("S")
    rule = driver.document.content.file.rules[0]
    assert rule.action == "log" and rule.shadow
    driver.do("rule.set_action", key="block", index=0)
    driver.do("rule.set_response", index=0, status="401", content_type="application/json", body="{}")
    assert driver.document.content.file.rules[0].response.status == 401  # type: ignore[union-attr]
    driver.do("rule.set_response", index=0, status="302", content_type="text/plain", body="")
    assert "400 to 499" in driver.refused


def test_a_host_lists_the_rules_that_can_match_it() -> None:
    driver = Driver().evaluate()
    listed = [(entry.host, entry.rule) for entry in selectable(driver.document)]
    assert listed == [
        ("api.example.com", ""),
        ("api.example.com", "mtls-api"),
        ("api.example.com", "debug"),
        ("pay.example.com", ""),
        ("pay.example.com", "debug"),
    ]


def test_an_edited_rule_is_written_before_the_file_changes_otherwise() -> None:
    driver = Driver().at("certificate revoked").press("!")
    text = driver.text
    at_rule(driver, "debug").press("space")
    assert text in driver.file
    driver.do("rule.select", key="mtls-api")
    assert driver.text == text


def test_a_file_with_a_rule_that_does_not_parse_opens_and_shows_the_place() -> None:
    document = document_of('version = 1\n[[rules]]\nref = "a"\nexpression = "http.host eq"\n')
    driver = Driver(document)
    assert driver.document.rows == ()
    assert driver.document.edited_rule.error is not None  # type: ignore[union-attr]
    driver.press("down")
    assert "does not parse" in driver.refused
    driver.press("t").press("end").type(' "a"').press("escape")
    assert driver.text == 'http.host eq "a"' and driver.document.rows
