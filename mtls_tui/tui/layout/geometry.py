"""Where the parts of the screen are: each pane takes a strip of the room that others have left."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, TypeAlias

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
NOWHERE = Box(0, 0, 0, 0)


@dataclass(frozen=True, slots=True)
class Strip:
    """Rows or columns along one side of the room that earlier strips have left; `fill` takes all of it.

    Strips are cut in the order of `order`. One that is `within` another pane is cut from that pane's box, which comes
    before it in the order.
    """

    order: int
    side: Literal["top", "bottom", "left", "fill"]
    size: int = 0
    within: str = ""


def is_wide(width: int) -> bool:
    """True if there is room for the wide arrangement."""
    return width >= WIDE


def body_of(height: int) -> int:
    """Rows between the first and the last line of the screen."""
    return height - 2


def rows_below(height: int) -> int:
    """Rows of the pane below the builder, in the narrow arrangement."""
    return max(4, min(9, max(3, body_of(height)) // 3))


def arranged(strips: Mapping[str, Strip | None], width: int, height: int) -> Boxes:
    """The boxes of panes by name; None stands for a pane that is not shown."""
    x, y, across, down = 0, 0, width, height
    boxes = dict.fromkeys(strips, NOWHERE)
    shown = [(name, strip) for name, strip in strips.items() if strip is not None]
    for name, strip in sorted(shown, key=lambda one: one[1].order):
        size = strip.size
        if strip.within:
            boxes[strip.within], boxes[name] = _cut_below(boxes[strip.within], size)
            continue
        match strip.side:
            case "top":
                box = Box(x, y, across, min(size, down))
                y, down = y + box.height, down - box.height
            case "bottom":
                box = Box(x, y + down - min(size, down), across, min(size, down))
                down -= box.height
            case "left":
                box = Box(x, y, min(size, across), down)
                x, across = x + box.width, across - box.width
            case "fill":
                box = Box(x, y, across, down)
                across = down = 0
        boxes[name] = box if box.visible else NOWHERE
    return boxes


def _cut_below(box: Box, size: int) -> tuple[Box, Box]:
    """A box without its last rows, and these rows."""
    rows = min(size, box.height)
    rest = Box(box.x, box.y, box.width, box.height - rows)
    return rest, Box(box.x, box.y + rest.height, box.width, rows) if box.width and rows else NOWHERE
