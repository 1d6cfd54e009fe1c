"""What Textual's own widgets cost in this application's setting, beside what the UI draws itself.

Run it by hand on an idle machine: `python benchmarks/textual_widgets.py`. The same interaction three times, each in a
pseudo-terminal of 120x40: a small Textual application over a screen of text, the same with the cell difference of
`tui/drawing`, and `mtls-tui`. Bytes are exact; times are of this machine and moment, those of the processor (CPU) hold
on a busy machine too. The start is until the first text.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any, ClassVar

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "benchmarks")]

from textual import widgets  # noqa: E402
from textual.app import App, ComposeResult, SystemCommand  # noqa: E402
from textual.binding import Binding  # noqa: E402
from textual.containers import VerticalScroll  # noqa: E402
from textual.screen import ModalScreen, Screen  # noqa: E402

from mtls_tui.tui.drawing.textual_cell_diff import CellDiffApp  # noqa: E402

ITEMS = [f"command {number}: what it does to the rules" for number in range(200)]
CLAUSES = " or ".join(f'(http.request.uri.path eq "/p{number}" and ssl)' for number in range(50))
ROW = 'uri path is in "/v1/pay", "/v1/refund"     ✓ true   /v1/pay'


# --- Textual's widgets, each in a small application -----------------------------------------------------------------


class Dialog(ModalScreen[None]):
    CSS = "Dialog { background: transparent; align: center middle; } Input, OptionList { width: 76; }"
    BINDINGS: ClassVar = [("escape", "dismiss", "Close")]

    def compose(self) -> ComposeResult:
        yield widgets.Input(compact=True)
        yield widgets.OptionList(*ITEMS[:12], compact=True)


class Sample(CellDiffApp):
    """One widget over a screen of text: no blinking, no animation, the terminal's own colours."""

    CSS = """
    Screen { layers: base over; background: ansi_default; }
    #under, .pane { height: 1fr; background: $surface; color: $primary; }
    .over { layer: over; dock: top; offset: 20 5; width: 76; max-height: 20; }
    """
    BINDINGS: ClassVar = [
        Binding("f2", "push_screen('dialog')", "Dialog"),
        Binding("f3", "notify('there is nothing to undo')", "Toast"),
        Binding("f4", "other_theme", "Theme"),
    ]
    SCREENS: ClassVar = {"dialog": Dialog}

    def __init__(self, kind: str, diff: bool) -> None:
        super().__init__(ansi_color=True)
        self.kind, self.diff = kind, diff
        self.animation_level = "none"

    def compose(self) -> ComposeResult:
        if self.kind == "scroll":
            with VerticalScroll():
                yield widgets.Static("\n".join(f"{number} {ROW}" for number in range(500)))
        elif self.kind == "footer":
            yield First(classes="pane")
            yield Second(classes="pane")
            yield widgets.Footer(compact=True)
        else:
            yield widgets.Static("\n".join(f"{number} {ROW}" for number in range(38)), id="under")
        if self.kind == "input":
            yield widgets.Input(compact=True, classes="over")
        elif self.kind == "list":
            yield widgets.OptionList(*ITEMS, compact=True, classes="over")
        elif self.kind == "area":
            yield widgets.TextArea(CLAUSES, compact=True, classes="over")

    def on_mount(self) -> None:
        self.use_cell_diff(self.diff)
        for widget in self.query(widgets.Input):
            widget.cursor_blink = False
        for area in self.query(widgets.TextArea):
            area.cursor_blink = False
            area.move_cursor(area.document.end)
        if self.kind != "footer":
            self.screen.focus_next()
        if self.kind == "scroll":
            self.query_one(VerticalScroll).focus()

    def get_system_commands(self, screen: Screen[Any]) -> Any:
        for text in ITEMS:
            yield SystemCommand(text, "help", lambda: None)

    def action_other_theme(self) -> None:
        self.theme = "nord" if self.theme != "nord" else "gruvbox"


class Part(widgets.Static, can_focus=True):
    def render(self) -> str:
        return "\n".join(f"{number} {ROW}" for number in range(18))


class First(Part):
    BINDINGS: ClassVar = [Binding(key, f"app.{key}", f"word {key}") for key in "acdefghi"]


class Second(Part):
    BINDINGS: ClassVar = [Binding(key, f"app.{key}", f"other {key}") for key in "kmnoprst"]


# --- the driver -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Task:
    """An interaction: which small application, the keys for it, and the keys that do the same in `mtls-tui`."""

    what: str
    kind: str
    keys: list[str]
    ours: list[str]
    before: tuple[str, ...] = ()
    ours_before: tuple[str, ...] = ()


LETTERS = [*"abcdefghijklmnopqrst"]
TASKS = (
    Task("text input: a letter", "input", LETTERS, LETTERS, (), ("shift+tab", "e")),
    Task("text area, 2 kB: a letter", "area", LETTERS, LETTERS, (), ("t", "ctrl+end")),
    Task("list of 200: down", "list", ["down"] * 20, ["down"] * 20, (), ("ctrl+p",)),
    Task("dialog: open, close", "under", ["f2", "escape"] * 6, ["e", "escape"] * 6, (), ("shift+tab",)),
    Task("palette: open, close", "under", ["ctrl+p", "escape"] * 6, ["ctrl+p", "escape"] * 6),
    Task("palette: a letter", "under", [*"command"], [*"command"], ("ctrl+p",), ("ctrl+p",)),
    Task("footer: focus moves", "footer", ["tab"] * 10, ["tab"] * 9),
    Task("500 lines: a page", "scroll", ["pagedown"] * 10, ["pagedown"] * 10),
    Task("toast, notice", "under", ["f3"] * 5, ["u", "down"] * 5),
    Task("another theme", "under", ["f4"] * 6, ["f8", "down", "enter", "f8", "up", "enter"] * 2),
)


def cpu_ms(pid: int) -> float:
    """Processor time that a process has taken."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) * 1000 / os.sysconf("SC_CLK_TCK")


def measured(task: Task, how: str, folder: Path) -> str:
    from tui import rules, timed

    from tests.tui.terminal import Terminal

    if how == "ours":
        home = folder / task.what.replace(" ", "-")
        home.mkdir()
        path = home / "some.rules.toml"
        path.write_text(rules(500 if task.kind == "scroll" else 100))
        start = partial(Terminal, "ui", str(path), home=home)
        keys, before, sign = task.ours, task.ours_before, "1 of 1"
    else:
        start = partial(
            Terminal, task.kind, how, program=(str(ROOT / "benchmarks" / "textual_widgets.py"),), home=folder
        )
        keys, before, sign = task.keys, task.before, "/v1/pay"
    begin = time.perf_counter()
    with start() as terminal:
        while not terminal.output.count(b"mtls-tui" if how == "ours" else b"uri path"):
            terminal.read(0.01)
        paint, paint_cpu = (time.perf_counter() - begin) * 1000, cpu_ms(terminal.pid)
        terminal.until(sign)
        terminal.press(*before)
        begin_cpu = cpu_ms(terminal.pid)
        found = timed(terminal, keys)
        cpu = (cpu_ms(terminal.pid) - begin_cpu) / len(keys)
        if task.what == "another theme" and how == "ours":
            found.bytes, found.ms = found.bytes[2::3], found.ms[2::3]
        if task.what == "toast, notice" and how == "ours":
            found.bytes, found.ms = found.bytes[::2], found.ms[::2]
        ordered = sorted(found.ms)
        p95 = ordered[max(0, round(len(ordered) * 0.95) - 1)]
        return (
            f"{median(found.bytes):7.0f} B {median(found.ms):6.1f} / {p95:6.1f} ms  CPU {cpu:5.1f} ms  "
            f"start {paint:4.0f} ms (CPU {paint_cpu:3.0f})  {terminal.resident_mb:3.0f} MB"
        )


def main() -> None:
    wanted = sys.argv[1:]
    with tempfile.TemporaryDirectory() as temporary:
        for task in TASKS:
            if wanted and not any(word in task.what for word in wanted):
                continue
            print(task.what)
            for how, title in (("plain", "Textual"), ("diff", "Textual, cell difference"), ("ours", "mtls-tui")):
                print(f"  {title:25} {measured(task, how, Path(temporary))}", flush=True)


if __name__ == "__main__":
    if len(sys.argv) == 3 and sys.argv[2] in {"plain", "diff"}:
        sample: App[int] = Sample(sys.argv[1], sys.argv[2] == "diff")
        sample.run()
    else:
        main()
