"""Where the parts of the screen are, by the size of the terminal and by what is open."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from mtls_tui.tui.state.document import Document

WIDE = 100
"""Columns from which hosts, builder and simulator are side by side."""
HOSTS_WIDTH = 31


@dataclass(frozen=True, slots=True)
class Box:
    """A rectangle of the screen, in cells."""

    x: int
    y: int
    width: int
    height: int

    @property
    def visible(self) -> bool:
        """True if it has a size."""
        return self.width > 0 and self.height > 0


Boxes: TypeAlias = dict[str, Box]
PANES = ("title", "hosts", "builder", "verdict", "preview", "simulator", "board", "footer")
"""All panes, in the order of the widget tree."""
NOWHERE = Box(0, 0, 0, 0)


def is_wide(width: int) -> bool:
    """True if there is room for the wide arrangement."""
    return width >= WIDE


def geometry(document: Document, width: int, height: int) -> Boxes:
    """The boxes of all panes."""
    if document.board:
        boxes = {"board": Box(0, 1, width, height - 2)}
    else:
        boxes = _wide(document, width, height) if is_wide(width) else _narrow(document, width, height)
    boxes |= {"title": Box(0, 0, width, 1), "footer": Box(0, height - 1, width, 1)}
    return {name: boxes.get(name, NOWHERE) for name in PANES}


def _wide(document: Document, width: int, height: int) -> Boxes:
    body = height - 2
    cases = len(document.results.cases) if document.results else 0
    simulator = max(5, min(5 + min(cases, 8), body // 3))
    editing = document.view.text is not None
    preview = max(4, min(12, body // 3)) if editing else max(3, min(7, body // 5))
    hosts = HOSTS_WIDTH if width < 150 else HOSTS_WIDTH + 9
    top = body - simulator
    return {
        "hosts": Box(0, 1, hosts, top),
        "builder": Box(hosts, 1, width - hosts, top - preview),
        "preview": Box(hosts, 1 + top - preview, width - hosts, preview),
        "simulator": Box(0, 1 + top, width, simulator),
    }


def _narrow(document: Document, width: int, height: int) -> Boxes:
    body = max(3, height - 2)
    below = max(4, min(9, body // 3))
    verdict = 2
    boxes = {
        "builder": Box(0, 1, width, body - below - verdict),
        "verdict": Box(0, 1 + body - below - verdict, width, verdict),
    }
    if document.view.focus == "hosts":
        boxes["hosts"], boxes["builder"] = boxes["builder"], NOWHERE
    name = "simulator" if document.view.tab == "simulator" else "preview"
    boxes[name] = Box(0, 1 + body - below, width, below)
    return boxes
