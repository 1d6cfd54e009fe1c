"""A rule file's text cut into the blocks of a section: `[[rules]]` and its keys, with the comment standing on it.

Between blocks lie tails: blank lines and comments that belong to nobody. They stay where they are when blocks are
moved or removed, so headings keep heading what follows and spacing stays even. Knows text only, no meaning.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass

from mtls_tui.rulefile.places import Places

SECTIONS = ("hosts", "lists", "rules", "properties", "tests")
"""The order in which sections are written."""


@dataclass(frozen=True, slots=True)
class Block:
    """One table with its sub-tables: `text[start:end]` without the tail."""

    section: str
    key: int | str
    start: int
    end: int


def cut(places: Places) -> list[Block]:
    """All blocks of the text, in order. A table whose parts are scattered gives several blocks of one key."""
    text = places.text
    ends = sorted(place.end for path, place in places.values.items() if place.start != place.key)
    starts: list[tuple[str, int | str, int]] = []
    for header in places.headers:
        section = str(header.path[0])
        key = header.path[1] if len(header.path) > 1 else ""
        if starts and starts[-1][:2] == (section, key) and section in SECTIONS and len(header.path) > 2:
            continue
        starts.append((section, key, _with_comment(text, header.start, _last_before(ends, header.start))))
    blocks = []
    for index, (section, key, start) in enumerate(starts):
        limit = starts[index + 1][2] if index + 1 < len(starts) else len(text)
        blocks.append(Block(section, key, start, start + len(_without_tail(text[start:limit]))))
    return blocks


def _last_before(ends: list[int], offset: int) -> int:
    index = bisect_right(ends, offset)
    return ends[index - 1] if index else 0


def _with_comment(text: str, header: int, floor: int) -> int:
    """The start of the comment lines that stand directly on a header; never inside a value that ends at `floor`."""
    start = text.rfind("\n", 0, header) + 1
    while start > floor:
        above = text.rfind("\n", 0, start - 1) + 1
        if above < floor or not text[above:start].lstrip(" \t").startswith("#"):
            break
        start = above
    return start


def _without_tail(block: str) -> str:
    """The block up to its last line that is neither blank nor a comment, line break included.

    A comment line can't be the end of a value: a multi-line value ends in its closing quotes or bracket.
    """
    lines = block.splitlines(keepends=True)
    while len(lines) > 1 and (not lines[-1].strip() or lines[-1].lstrip(" \t").startswith("#")):
        lines.pop()
    return "".join(lines)


def of_section(blocks: list[Block], section: str, count: int) -> list[Block] | None:
    """The blocks of one section, or None when its tables are not one block each (inline arrays, scattered parts)."""
    found = [block for block in blocks if block.section == section]
    return found if [block.key for block in found] == list(range(count)) else None


def replaced(text: str, block: Block, new: str) -> str:
    """The text with a block's text replaced."""
    return text[: block.start] + new + text[block.end :]


def removed(text: str, block: Block) -> str:
    """The text without a block and without the blank lines that set it apart from what follows."""
    after = block.end
    while True:
        line_end = text.find("\n", after)
        if line_end < 0 or text[after:line_end].strip():
            break
        after = line_end + 1
    if not text[after:].strip():
        return text[: block.start].rstrip() + "\n" if text[: block.start].strip() else ""
    return text[: block.start] + text[after:]


def reordered(text: str, blocks: list[Block], order: list[int]) -> str:
    """The text with the blocks of a section in another order; what lies between the blocks stays in its place."""
    parts, position = [], blocks[0].start
    for slot, source in enumerate(order):
        chosen = blocks[source]
        body = text[chosen.start : chosen.end]
        parts.append(body if body.endswith("\n") or slot == len(order) - 1 else body + "\n")
        between = text[blocks[slot].end : blocks[slot + 1].start] if slot + 1 < len(blocks) else ""
        parts.append(between)
        position = blocks[slot].end
    return text[: blocks[0].start] + "".join(parts) + text[position:]


def inserted(text: str, blocks: list[Block], section: str, new: str, before: Block | None) -> str:
    """The text with a new block before another one, or at the end of its section."""
    new = new.strip("\n") + "\n"
    if before is not None:
        return text[: before.start] + new + "\n" + text[before.start :]
    rank = SECTIONS.index(section)
    earlier = [block for block in blocks if block.section in SECTIONS[: rank + 1]]
    later = [block for block in blocks if block.section in SECTIONS[rank + 1 :]]
    if earlier:
        position = earlier[-1].end
    elif later:
        return text[: later[0].start] + new + "\n" + text[later[0].start :]
    else:
        position = len(text)
    head, tail = text[:position], text[position:]
    if head and not head.endswith("\n"):
        head += "\n"
    gap = "\n" if head.strip() else ""
    return head + gap + new + (tail if tail.startswith(("\n", "\r\n")) or not tail.strip() else "\n" + tail)
