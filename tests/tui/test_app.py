"""The application under Textual's pilot: real keys, real mouse, real files; and how it looks."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from textual import events
from textual.pilot import Pilot

from mtls_tui.tui.app.app import MtlsApp
from mtls_tui.tui.app.settings import Settings
from tests.tui.helpers import RULES

PLAIN = (
    RULES
    + """
[[tests]]
name = "no certificate is blocked"
url = "https://api.example.com/"
expect = { action = "block", rule = "mtls-api" }

[[tests]]
name = "webhooks need no certificate"
url = "https://api.example.com/hook/stripe"
method = "POST"
expect = { action = "allow" }
"""
)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    file = tmp_path / "payments.rules.toml"
    file.write_text(PLAIN)
    return file


def app_of(path: Path | None, tmp_path: Path, **settings: Any) -> MtlsApp:
    return MtlsApp(path, settings=Settings(**settings), drafts=tmp_path / "drafts")


async def settled(pilot: Pilot[int]) -> None:
    """Until nothing is being worked out: no fixed time."""
    app = pilot.app
    assert isinstance(app, MtlsApp)
    for _ in range(2000):
        await pilot.pause(0.01)
        if app.controller is not None and not app.controller.busy:
            await pilot.pause()
            return
    raise AssertionError("it never settled")


async def pressed(pilot: Pilot[int], *keys: str) -> None:
    await pilot.press(*keys)
    await settled(pilot)


def shown(app: MtlsApp, pane: str) -> str:
    return "\n".join(line.text for line in app.pane(pane).lines)


async def test_build_see_the_verdict_and_save(path: Path, tmp_path: Path) -> None:
    app = app_of(path, tmp_path)
    async with app.run_test(size=(120, 40)) as pilot:
        await settled(pilot)
        assert "■ BLOCKED" in shown(app, "simulator") and "by 1 mtls-api" in shown(app, "simulator")
        assert "a client certificate that this host trusts" in shown(app, "simulator")
        await pressed(pilot, "end", "up", "exclamation_mark")
        assert "□ ALLOWED" in shown(app, "simulator") and "← changed by this edit" in shown(app, "simulator")
        assert "● unsaved" in shown(app, "title")
        await pressed(pilot, "ctrl+s")
        assert app.controller is not None
        for _ in range(500):
            if not app.controller.document.unsaved:
                break
            await pilot.pause(0.01)
        assert "and starts_with(http.request.uri.path" in path.read_text()
        assert "saved payments.rules.toml" in shown(app, "footer")


async def test_the_mouse_chooses_rows_and_parts_and_opens_editors(path: Path, tmp_path: Path) -> None:
    app = app_of(path, tmp_path)
    async with app.run_test(size=(120, 40)) as pilot:
        await settled(pilot)
        controller = app.controller
        assert controller is not None
        lines = [line.text for line in app.pane("builder").lines]
        y = next(index for index, text in enumerate(lines) if "URI Path" in text)
        x = lines[y].index("/hook/")
        await pilot.click("#builder", offset=(x + 1, y))
        assert controller.document.part is not None and controller.document.part.text == "/hook/"
        await pilot.pause(0.6)  # else it is a double click
        await pilot.click("#builder", offset=(x + 1, y))
        assert type(controller.document.overlay).__name__ == "PartEditor"
        await pilot.press("escape")
        hosts = [line.text for line in app.pane("hosts").lines]
        await pilot.click("#hosts", offset=(6, next(i for i, text in enumerate(hosts) if "debug" in text)))
        assert controller.document.view.rule == "debug"


async def test_the_wheel_moves_and_the_screen_follows_a_resize(path: Path, tmp_path: Path) -> None:
    app = app_of(path, tmp_path)
    async with app.run_test(size=(120, 40)) as pilot:
        await settled(pilot)
        assert app.controller is not None
        app.controller.wheel("builder", 1)
        assert app.controller.document.row_index == 1
        await pilot.resize_terminal(80, 24)
        await settled(pilot)
        assert not app.pane("hosts").display and "■ BLOCKED" in shown(app, "verdict")
        await pilot.resize_terminal(18, 5)
        await pilot.resize_terminal(200, 60)
        await settled(pilot)
        assert app.pane("hosts").display


async def test_a_paste_becomes_the_right_thing(path: Path, tmp_path: Path) -> None:
    app = app_of(path, tmp_path)
    async with app.run_test(size=(120, 40)) as pilot:
        await settled(pilot)
        controller = app.controller
        assert controller is not None
        app.post_message(events.Paste("curl -X DELETE https://pay.example.com/orders/7"))
        await settled(pilot)
        assert controller.document.content.probe.method == "DELETE"
        app.post_message(events.Paste('http.host eq "pasted.example.com"'))
        await settled(pilot)
        assert controller.document.edited_rule is not None
        assert controller.document.edited_rule.text == 'http.host eq "pasted.example.com"'


async def test_what_textual_calls_theme_notification_and_screenshot_works_here(path: Path, tmp_path: Path) -> None:
    app = app_of(path, tmp_path)
    async with app.run_test(size=(120, 40)) as pilot:
        await settled(pilot)
        assert app.controller is not None and app.theme == "dark"
        app.theme = "light"
        await settled(pilot)
        assert app.controller.document.view.theme == "light"
        app.controller.dispatch("theme.set", key="contrast")
        assert app.theme == "contrast"
        app.notify("[b]saved[/b]", severity="error")
        assert "✗ [b]saved[/b]" in shown(app, "footer")
        assert "Hosts&#160;and&#160;rules" in app.export_screenshot()


async def test_keys_pressed_before_the_file_is_read_are_not_lost(path: Path, tmp_path: Path) -> None:
    app = app_of(path, tmp_path)
    app.on_key(events.Key("down", None))
    async with app.run_test(size=(120, 40)) as pilot:
        await settled(pilot)
        assert app.controller is not None and app.controller.document.row_index == 1


async def test_the_first_run_leads_to_a_rule_in_three_steps(tmp_path: Path) -> None:
    app = app_of(None, tmp_path)
    async with app.run_test(size=(100, 30)) as pilot:
        await settled(pilot)
        assert "Welcome" in shown(app, "overlay")
        await pressed(pilot, "enter", *"Orders", "tab", *"orders.example.com", "enter")
        assert "orders.example.com" in shown(app, "builder")
        assert "Block 403" in shown(app, "builder")


async def test_the_sample_of_the_first_run_works(tmp_path: Path) -> None:
    app = app_of(None, tmp_path)
    async with app.run_test(size=(120, 40)) as pilot:
        await settled(pilot)
        await pressed(pilot, "down", "enter")
        assert "mtls-api" in shown(app, "hosts")
        assert "tests fail" not in shown(app, "simulator") and "✓ test" in shown(app, "simulator")


async def test_every_control_is_reached_by_keyboard_and_every_overlay_left_by_escape(
    path: Path, tmp_path: Path
) -> None:
    app = app_of(path, tmp_path)
    async with app.run_test(size=(120, 40)) as pilot:
        await settled(pilot)
        controller = app.controller
        assert controller is not None
        seen = []
        for _ in range(3):
            seen.append(controller.document.view.focus)
            await pilot.press("tab")
        assert seen == ["builder", "simulator", "hosts"]
        await pilot.press("home" if controller.document.view.focus == "builder" else "tab")
        parts: set[tuple[int, int]] = set()
        rows = controller.document.rows
        for _ in range(len(rows)):
            await pilot.press(*["left"] * 8)
            for _ in range(8):
                if controller.document.row is not None and controller.document.row.editable:
                    parts.add((controller.document.row_index, controller.document.view.part))
                await pilot.press("right")
            await pilot.press("down")
        wanted = {(i, p) for i, row in enumerate(rows) for p in range(len(row.editable))}
        assert wanted == parts
        for key in ("f1", "ctrl+p", "f8", "f10", "slash", "f", "v", "a", "r", "R", "p", "E"):
            controller.dispatch("row.go", index=1, part=0)
            controller.document = controller.document.with_view(focus="builder")
            await pilot.press(key)
            assert controller.document.overlay is not None, key
            await pilot.press("escape", "escape")
            assert controller.document.overlay is None, key


NASTY = "[/x] [bold]\x1b[31m\u202egnp\u202c\r\t漢字 \x07"


async def test_users_data_never_becomes_markup_or_moves_the_cursor(tmp_path: Path) -> None:
    import json

    file = tmp_path / "n.rules.toml"
    file.write_text(
        "version = 1\n[[hosts]]\nname = \"a.example\"\n[[rules]]\n"
        f"ref = {json.dumps('[/x] 漢字')}\ndescription = {json.dumps(NASTY)}\n"
        f"expression = {json.dumps(f'http.host eq {chr(34)}{NASTY}{chr(34)}')}\n"
    )  # fmt: skip
    app = app_of(file, tmp_path)
    async with app.run_test(size=(120, 40)) as pilot:
        await settled(pilot)
        await pressed(pilot, "v", "escape", "t", "escape", "escape", "ctrl+p", "escape")
        for pane in ("title", "hosts", "builder", "preview", "simulator", "footer"):
            text = shown(app, pane).replace("\n", "")
            assert text.isprintable(), (pane, text)
        assert "[/x]" in shown(app, "builder")


# --- looks --------------------------------------------------------------------------------------------------------

LOOKS = {
    "narrow": ((80, 24), []),
    "working": ((120, 40), ["down"]),
    "wide": ((200, 60), ["down", "v"]),
    "field_picker": ((120, 40), ["down", "a"]),
    "as_text": ((120, 40), ["t", "end", "backspace", *" and cf.tls_client_auth.cert_is"]),
}


@pytest.mark.skipif(sys.version_info[:2] != (3, 11), reason="snapshots are made on one Python")
@pytest.mark.parametrize("name", LOOKS)
def test_it_looks_as_it_did(name: str, path: Path, tmp_path: Path, snap_compare: Callable[..., bool]) -> None:
    size, keys = LOOKS[name]

    async def run(pilot: Pilot[int]) -> None:
        await settled(pilot)
        await pilot.press(*keys)
        await settled(pilot)

    assert snap_compare(app_of(path, tmp_path), terminal_size=size, run_before=run)


@pytest.mark.skipif(sys.version_info[:2] != (3, 11), reason="snapshots are made on one Python")
def test_the_light_dress_looks_as_it_did(path: Path, tmp_path: Path, snap_compare: Callable[..., bool]) -> None:
    assert snap_compare(app_of(path, tmp_path, theme="light"), terminal_size=(120, 40), run_before=settled)
