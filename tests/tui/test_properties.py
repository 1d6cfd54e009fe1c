"""Stated properties in the UI: below the rules, as a page whose requests can be tried, on the deploy page."""

from __future__ import annotations

import threading
from dataclasses import replace
from pathlib import Path

import pytest

from mtls_tui.rulefile import load
from mtls_tui.tui.app.app import MtlsApp
from mtls_tui.tui.app.settings import Settings
from mtls_tui.tui.deploy.report import report
from mtls_tui.tui.properties.effects import Proved
from mtls_tui.tui.properties.pane import properties_lines
from mtls_tui.tui.registry.bars import title_line
from mtls_tui.tui.registry.parts import geometry
from mtls_tui.tui.state import properties as known_properties
from mtls_tui.tui.state.overlays import Page
from mtls_tui.tui.state.properties import judged_in
from tests.tui.helpers import Driver, document_of
from tests.tui.test_app import settled

STATED = """\
version = 1

[[hosts]]
name = "api.example.com"
mtls = false

[[rules]]
ref = "admin"
expression = '''http.request.uri.path eq "/admin"'''

[[properties]]
name = "[red]nobody at /admin"
when = '''starts_with(http.request.uri.path, "/admin")'''
expect = "blocked"

[[properties]]
name = "the start page is for everybody"
when = '''http.request.uri.path eq "/"'''
expect = "allowed"

[[properties]]
name = "who knows"
when = '''sha256(http.cookie) eq "0123456789abcdef0123456789abcdef"'''
expect = "blocked"
"""
WHOLE = 'starts_with(http.request.uri.path, "/admin")'


def proved(driver: Driver) -> Driver:
    """What the worker does."""
    driver.evaluate()
    content = driver.document.content
    return driver.do("properties.arrived", content=content, found=judged_in(content, lambda: True), took_s=0.0)


def page(driver: Driver) -> Page:
    assert isinstance(driver.document.overlay, Page)
    return driver.document.overlay


def text_of(lines: object) -> list[str]:
    return ["".join(text for text, _ in runs) for runs in lines]  # type: ignore[attr-defined]


def pane(driver: Driver, height: int = 5) -> list[str]:
    return [line.text.rstrip().removesuffix("│").rstrip() for line in properties_lines(driver.document, 31, height)]


def test_the_pane_says_what_holds_by_a_mark_and_a_name() -> None:
    driver = Driver(document_of(STATED))
    assert pane(driver) == [
        " Properties",
        "   · [red]nobody at /admin",
        "   · the start page is for e…",
        "   · who knows",
        "",
    ]
    proved(driver)
    assert pane(driver) == [
        " Properties ✓ 1 ✗ 1 ? 1",
        "   ✗ [red]nobody at /admin",
        "   ✓ the start page is for e…",
        "   ? who knows",
        "",
    ]
    assert pane(driver, 3) == [" Properties ✓ 1 ✗ 1 ? 1", "   ✗ [red]nobody at /admin", "   ? who knows"]


def test_answers_about_an_older_file_are_faint_until_the_next_ones_come() -> None:
    driver = proved(Driver(document_of(STATED)))
    styles = lambda: {piece.style for line in properties_lines(driver.document, 31, 4) for piece in line.pieces}  # noqa: E731
    assert {"good", "bad", "warn"} <= styles()
    driver.do("rule.toggle")
    assert not {"good", "bad", "warn"} & styles()
    proved(driver)
    assert "good" in styles()


def test_the_pane_stands_below_hosts_and_rules_where_there_is_room_and_something_is_stated() -> None:
    document = document_of(STATED)
    boxes = geometry(document, 120, 40)
    hosts, stated = boxes["hosts"], boxes["properties"]
    assert (stated.height, stated.width, stated.y) == (4, hosts.width, hosts.y + hosts.height)
    assert not geometry(document, 80, 24)["properties"].visible
    for height in range(10, 40):
        boxes = geometry(document, 120, height)
        assert boxes["hosts"].height + boxes["properties"].height + boxes["simulator"].height == height - 2
        assert boxes["properties"].height != 1
    nothing = document_of(STATED.split("[[properties]]")[0])
    assert not geometry(nothing, 120, 40)["properties"].visible


def test_the_title_names_broken_properties() -> None:
    driver = Driver(document_of(STATED))
    assert "broken" not in title_line(driver.document, 80).text
    assert "✗ 1 property broken" in title_line(proved(driver).document, 80).text


def test_the_page_has_every_answer_and_enter_tries_the_request_that_breaks_one() -> None:
    driver = proved(Driver(document_of(STATED))).press("P")
    assert page(driver).title == "1 of 3 properties proved"
    lines = text_of(page(driver).lines)
    assert lines[0] == "✗ [red]nobody at /admin"
    assert "✓ the start page is for everybody" in lines and "? who knows" in lines
    assert [choice.title for choice in page(driver).choices] == ["Try it: [red]nobody at /admin", "Close"]
    driver.press("enter")
    assert driver.document.overlay is None and driver.document.view.focus == "simulator"
    assert driver.document.content.probe.url.startswith("https://api.example.com/admin")
    driver.evaluate()
    results = driver.document.results
    assert results is not None and results.verdict is not None and not results.verdict.blocked
    driver.press("u")
    assert driver.document.content.probe.url == "https://api.example.com/"


def test_an_open_page_follows_what_is_proved_meanwhile() -> None:
    driver = proved(Driver(document_of(STATED))).press("P", "down")
    whole = document_of(STATED.replace('http.request.uri.path eq "/admin"', WHOLE))
    content = replace(driver.document.content, file=whole.content.file)
    driver.document = replace(driver.document, content=content)
    driver.do("properties.arrived", content=driver.document.content, found=None, took_s=0.1)
    assert text_of(page(driver).lines)[0] == "… the rules were edited since: being proved again"
    proved(driver)
    assert page(driver).title == "2 of 3 properties proved"
    assert [choice.title for choice in page(driver).choices] == ["Close"]
    assert isinstance(driver.effects[-1], Proved)


def test_the_page_is_refused_where_there_is_nothing_to_say() -> None:
    driver = Driver(document_of(STATED.split("[[properties]]")[0])).press("P")
    assert driver.refused == "the file states no property: write [[properties]] into it"
    driver = Driver(document_of(STATED)).press("P")
    assert driver.refused == "the properties are being proved: wait a moment"


def test_a_file_with_problems_and_a_run_that_nobody_wants_give_no_answers() -> None:
    content = document_of(STATED).content
    assert judged_in(content, lambda: False) is None
    assert judged_in(document_of(STATED.replace("eq", "is", 1)).content, lambda: True) is None
    found = judged_in(content, lambda: True)
    assert found is not None and [answer.status for answer in found.answers] == ["broken", "proved", "open"]


def test_another_request_in_the_simulator_changes_no_property() -> None:
    driver = proved(Driver(document_of(STATED)))
    before = driver.document.properties
    assert before is not None
    other = replace(driver.document.content, probe=replace(driver.document.content.probe, url="https://other/"))
    assert before.holds_for(other)
    driver.do("rule.toggle")
    assert not before.holds_for(driver.document.content)


def test_a_broken_property_holds_an_export_back_and_its_request_can_be_tried(tmp_path: Path) -> None:
    path = tmp_path / "t.rules.toml"
    path.write_text(STATED)
    made = report(load(path), tmp_path / "t.bundle.json")
    assert made.why_not == "1 property is broken"
    said = text_of(made.lines)
    assert "1 of 3 properties are proved" in said and "✗ [red]nobody at /admin" in said and "? who knows" in said
    assert [choice.title for choice in made.witnesses] == ["Try it: [red]nobody at /admin"]
    driver = Driver(document_of(STATED)).do(
        "deploy.show", lines=made.lines, why_not=made.why_not, target="t.bundle.json", kept=0, witnesses=made.witnesses
    )
    titles = [(choice.title, choice.detail) for choice in page(driver).choices]
    assert ("Export all the same", "although 1 property is broken") in titles
    assert titles[-2][0] == "Try it: [red]nobody at /admin"
    path.write_text(STATED.replace('http.request.uri.path eq "/admin"', WHOLE).split('[[properties]]\nname = "who')[0])
    made = report(load(path), tmp_path / "t.bundle.json")
    assert made.why_not == "" and "✓ all 2 properties are proved" in text_of(made.lines)


async def until(pilot: object, condition: object) -> None:
    for _ in range(2000):
        if condition():  # type: ignore[operator]
            return
        await pilot.pause(0.01)  # type: ignore[attr-defined]
    raise AssertionError("it never happened")


async def test_what_is_edited_is_proved_after_a_pause_and_keys_never_wait_for_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "t.rules.toml"
    path.write_text(STATED)
    app = MtlsApp(path, settings=Settings(), drafts=tmp_path / "drafts")
    go, runs = threading.Event(), []
    real = known_properties.judged_in

    def slow(content: object, wanted: object) -> object:
        runs.append(content)
        go.wait(60)
        return real(content, wanted)  # type: ignore[arg-type]

    monkeypatch.setattr(known_properties, "judged_in", slow)

    def shown() -> str:
        return "\n".join(line.text for line in app.pane("properties").lines)

    async with app.run_test(size=(120, 40)) as pilot:
        await until(pilot, lambda: runs)
        assert "· [red]nobody at" in shown()
        controller = app.controller
        assert controller is not None
        await pilot.press("D")  # while a proof is under way
        assert controller.document.past, "the rule was switched off at once"
        await pilot.pause(0.8)
        assert len(runs) == 1, "one run at a time"
        go.set()
        await settled(pilot)
        await until(pilot, lambda: controller.document.properties is not None and not controller.busy)
        assert len(runs) == 2
        assert "✗ 1" in shown() and "✗ [red]nobody at" in shown()
        await pilot.press("P", "enter")
        assert controller.document.view.focus == "simulator"
        assert controller.document.content.probe.url.startswith("https://api.example.com/admin")
        await settled(pilot)
        await until(pilot, lambda: not controller.busy)
        assert len(runs) == 2, "another request in the simulator needs no proof"


def test_a_property_that_can_not_be_read_is_a_problem_of_the_file_and_keeps_no_request_from_being_decided() -> None:
    text = STATED.replace("sha256(http.cookie)", "sha265(http.cookie)").replace("api.", "other.")  # none is known yet
    driver = Driver(document_of(text))
    driver.evaluate()
    results = driver.document.results
    assert results is not None and results.problems == 1
    assert results.verdict is not None and results.verdict.action == "allow"
    driver.press("P")
    assert driver.refused == "solve the problems of the file first: F11 shows them"
