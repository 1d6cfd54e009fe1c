"""Whatever keys come in whatever order: nothing breaks, the text stays what the rows say, and undo leads back."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest

from mtls_tui import lang
from mtls_tui.tui.app.screen import frame
from tests.tui.helpers import Driver, with_expression

KEYS = [
    *"jkhlaAodyw(W)!&JKvfeE=/tuUpSRrD@xscTn mghi1.\"${}*", "enter", "escape", "tab", "up", "down", "left", "right",
    "space", "home", "end", "backspace", "f4", "f2", "ctrl+z", "ctrl+y", "ctrl+p", "f1", "f8", "f10", "f11", "ctrl+o",
    "ctrl+t", "ctrl+e", "delete", "ctrl+u", "pageup", "pagedown", "ctrl+a", "shift+left", "shift+tab",
]  # fmt: skip
OWN = [
    '(http.host in {"a" "b"} and (not cf.tls_client_auth.cert_verified or ssl) and not starts_with(http.host, "x"))',
    'any(lower(http.request.headers.names[*])[*] == "x-debug") or not (ssl xor ip.src in {10.0.0.0/8 ::1})',
    r'http.host matches r#"a"b"# && !(len(http.host) gt len(http.request.uri.path)) || http.request.method eq "\"q\\"',
]


@pytest.fixture(scope="module")
def real(expressions: list[str]) -> list[str]:
    """Those that TOML can hold as they are, between three quotes."""
    return [text.strip() for text in expressions if "'''" not in text and text.replace("\n", "").isprintable()]


def wander(driver: Driver, seed: int, steps: int = 100) -> int:
    """Press keys at random; how many steps of undo came of it."""
    rng = random.Random(seed)
    before, most = driver.file, 0
    for step in range(steps):
        within = driver.document.overlay is not None or driver.document.view.text is not None
        leaving = within and rng.random() < 0.4  # else it would type into the first list for ever
        driver.press(rng.choice(["enter", "escape", "tab"]) if leaving else rng.choice(KEYS))
        if step % 20 == 0:
            driver.evaluate()
        if step % 5 == 0:
            frame(driver.document, rng.choice([40, 80, 120, 200]), rng.choice([10, 24, 40]))
        edited = driver.document.edited_rule
        if edited is not None and edited.broken is None and edited.full is not None and edited.effective is not None:
            assert lang.parse(edited.effective.text, max_length=None, check=False) == edited.effective
            assert lang.parse(edited.full.text, max_length=None, check=False) == edited.full
        most = max(most, len(driver.document.past))
    view = replace(driver.document.view, text=None, focus="builder")
    driver.document = replace(driver.document, overlay=None, view=view)
    while driver.document.past:
        driver.press("u")
    assert driver.file == before
    return most


@pytest.mark.parametrize("seed", range(12))
def test_random_keys_break_nothing_and_undo_leads_back(seed: int) -> None:
    assert wander(Driver(with_expression(OWN[seed % len(OWN)])), seed) >= 2


def test_random_keys_on_real_expressions(real: list[str]) -> None:
    rng = random.Random(1)
    assert sum(wander(Driver(with_expression(rng.choice(real))), seed, 60) for seed in range(30)) > 100


def test_opening_and_leaving_every_editor_of_real_rules_changes_no_byte(real: list[str]) -> None:
    for text in real[::3]:
        driver = Driver(with_expression(text))
        for index, row in enumerate(driver.document.rows[:12]):
            for part in range(len(row.editable)):
                driver.do("row.go", index=index, part=part)
                if row.editable[part].sort in {"value", "field", "function", "index"}:
                    driver.press("enter")
                    driver.press("tab" if driver.overlay == "PartEditor" else "escape")
                    assert driver.overlay == "NoneType" or not driver.press("escape").refused
        assert driver.text == text, text
