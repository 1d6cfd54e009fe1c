"""What the first paint brings in: Textual and what draws, nothing of the engine. Seen in processes of their own."""

from __future__ import annotations

import subprocess
import sys

HEAVY = (
    "cryptography",
    "pyparsing",
    "msgspec",
    "tomlkit",
    "re2",
    "mtls_tui.engine",
    "mtls_tui.lang",
    "mtls_tui.rulefile",
)


def modules_after(statement: str) -> set[str]:
    code = f"import sys; {statement}; print('\\n'.join(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(done.stdout.split())


def test_the_frame_is_painted_before_anything_heavy_is_imported() -> None:
    loaded = modules_after("import mtls_tui.tui.app.app, mtls_tui.tui.app.run, mtls_tui.cli.ui")
    assert "mtls_tui.tui.app.app" in loaded
    assert [name for name in HEAVY if name in loaded] == []


def test_text_widgets_and_markdown_of_textual_stay_out() -> None:
    loaded = modules_after("import mtls_tui.tui.app.controller, mtls_tui.tui.app.app")
    heavy = {"textual.widgets._text_area", "textual.widgets._markdown", "textual.widgets._data_table", "tree_sitter"}
    assert loaded & heavy == set()


def test_views_and_actions_need_no_terminal() -> None:
    loaded = modules_after("from mtls_tui.tui.registry.register import load; load(); import mtls_tui.tui.app.screen")
    assert not any(name == "textual" or name.startswith("textual.") for name in loaded)
