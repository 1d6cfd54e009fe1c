"""A message stands where the keys are: it goes by itself, and only it goes."""

from __future__ import annotations

from pathlib import Path

import pytest

from mtls_tui.tui.app import controller
from mtls_tui.tui.app.app import MtlsApp
from mtls_tui.tui.app.settings import Settings
from mtls_tui.tui.state.document import Notice
from tests.tui.helpers import RULES
from tests.tui.screenshots import settled


async def test_a_message_goes_by_itself_and_a_newer_one_has_its_own_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(controller, "NOTICE_S", 4.0)
    path = tmp_path / "t.rules.toml"
    path.write_text(RULES)
    app = MtlsApp(path, settings=Settings(), drafts=tmp_path / "drafts")
    async with app.run_test(size=(120, 40)) as pilot:
        await settled(pilot)
        assert app.controller is not None
        await pilot.press("down", "exclamation_mark")
        first = app.controller.document.notice
        assert first is not None and "u undoes" in first.text
        app.controller._gone(Notice("an older one"))
        assert app.controller.document.notice is first
        for _ in range(600):
            if app.controller.document.notice is None:
                break
            await pilot.pause(0.05)
        assert app.controller.document.notice is None
        assert "u undoes" not in "".join(line.text for line in app.pane("footer").lines)
