"""Large files stay quick: counted in work done, not in time."""

from __future__ import annotations

from mtls_tui.tui.app.screen import frame
from mtls_tui.tui.hosts.entries import entries
from tests.tui.helpers import Driver, document_of, with_expression


def test_the_list_of_a_thousand_rules_under_fifty_hosts_is_made_once() -> None:
    text = "version = 1\n" + "".join(f'[[hosts]]\nname = "h{n}.example.com"\n' for n in range(50))
    text += "".join(f"[[rules]]\nref = \"r{n}\"\nexpression = 'ssl'\n" for n in range(200))
    driver = Driver(document_of(text)).evaluate()
    shown = frame(driver.document, 120, 40)
    first = entries(driver.document)
    assert len(first) > 50 * 200
    driver.document = driver.document.scrolled_to(shown.tops)
    driver.press("ctrl+o", "down", "down")
    assert entries(driver.document) is first
    assert len(frame(driver.document, 120, 40).lines["hosts"]) <= 40


def test_a_step_in_a_long_list_changes_a_few_of_its_lines_and_the_cursor_stays_in_sight() -> None:
    driver = Driver().press("ctrl+p")
    changed = []
    for _ in range(60):
        before = frame(driver.document, 120, 40).floating
        driver.press("down")
        after = frame(driver.document, 120, 40).floating
        assert before is not None and after is not None
        assert sum("▸" in line.text for line in after.lines) == 1
        changed.append(sum(one != other for one, other in zip(before.lines, after.lines, strict=True)))
    assert sum(count > 6 for count in changed) <= 60 / 7


def test_rows_are_made_once_for_an_expression_and_only_those_in_sight_are_drawn() -> None:
    parts = " or ".join(f'(http.request.uri.path eq "/p{n}" and ssl)' for n in range(250))
    driver = Driver(with_expression(parts))
    rows = driver.document.rows
    assert len(rows) > 750
    driver.press("down", "down")
    assert driver.document.rows is rows
    assert len(frame(driver.document, 120, 40).lines["builder"]) <= 40
    driver.press("end")
    assert any("/p249" in line.text for line in frame(driver.document, 120, 40).lines["builder"])


def test_a_rule_longer_than_cloudflare_takes_still_opens_and_says_so() -> None:
    parts = " or ".join(f'http.request.uri.path eq "/path-number-{n}"' for n in range(200))
    driver = Driver(with_expression(parts)).evaluate()
    assert len(driver.document.rows) == 202
    assert driver.document.results is not None and driver.document.results.diagnostic is not None
