"""What can float above the screen, as data: a list to choose from, an editor over a part, a form, a page to read.

At most one is open. Each names the action that gets its outcome; nothing here draws or decides.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, Literal, TypeAlias

from mtls_tui.tui.state.textbuffer import EMPTY, Buffer

if TYPE_CHECKING:
    from mtls_tui.lang.tree import Path
    from mtls_tui.tui.action_ids import ActionId
    from mtls_tui.tui.state.content import Content
    from mtls_tui.tui.state.view_state import Step


@dataclass(frozen=True, slots=True)
class Item:
    """One item to choose. `keys` are further search words; `why_not` says why it can't be chosen."""

    key: str
    title: str
    detail: str = ""
    group: str = ""
    hint: str = ""
    keys: str = ""
    why_not: str = ""
    tag: str = ""


@dataclass(frozen=True, slots=True)
class Choice:
    """What can be done at the foot of a page: `then` is the action that gets `arguments` (and those of the page)."""

    then: ActionId
    title: str
    detail: str = ""
    why_not: str = ""
    arguments: tuple[tuple[str, Any], ...] = ()


@dataclass(frozen=True, slots=True)
class Picker:
    """A list with a search line. `then` is the action that gets `key` of the chosen item (and `arguments`)."""

    context: ClassVar[str] = "picker"
    title: str
    items: tuple[Item, ...]
    then: ActionId
    arguments: Mapping[str, Any] = field(default_factory=dict)
    query: Buffer = EMPTY
    index: int = 0
    anchor: Literal["row", "middle"] = "middle"
    free: str = ""
    """Title of the choice that takes the typed text itself as the key; "" when there is none."""

    @property
    def shown(self) -> tuple[Item, ...]:
        """The items that the search leaves, best first."""
        return search(self.items, self.query.text)

    @property
    def chosen(self) -> Item | None:
        """The item under the cursor."""
        shown = self.shown
        return shown[min(self.index, len(shown) - 1)] if shown else None


@dataclass(frozen=True, slots=True)
class PartEditor:
    """The floating editor over a part of a row. Edits are applied as they are typed; Esc goes back to `before`."""

    context: ClassVar[str] = "editor"
    path: Path
    kind: Literal["string", "set", "regex", "wildcard", "integer", "address", "source"]
    buffer: Buffer
    before: Step
    """What Esc goes back to; for a row that was just added, the state without it."""
    before_past: tuple[Step, ...]
    before_future: tuple[Step, ...]
    id: str
    """Merge key of its typing."""
    offers: tuple[Item, ...] = ()
    index: int = -1
    error: str = ""
    raw: bool = False
    """The literal is written raw (`r"…"`)."""


@dataclass(frozen=True, slots=True)
class FormField:
    """One line of a form. A `choices` field is stepped through, a `yes` field switched."""

    name: str
    label: str
    buffer: Buffer = EMPTY
    help: str = ""
    choices: tuple[str, ...] = ()
    secret: bool = False


@dataclass(frozen=True, slots=True)
class Form:
    """Some fields and what to do with them: `then` gets the values by name."""

    context: ClassVar[str] = "form"
    title: str
    fields: tuple[FormField, ...]
    then: ActionId
    arguments: Mapping[str, Any] = field(default_factory=dict)
    index: int = 0
    error: str = ""
    intro: str = ""
    submit: str = "Create"
    before: Content | None = None
    """Set for a form that is applied as it is typed: what Esc goes back to."""

    def values(self) -> dict[str, str]:
        """The values by name."""
        return {one.name: one.buffer.text for one in self.fields}


@dataclass(frozen=True, slots=True)
class Page:
    """Text to read, with choices at its foot. `lines` are (text, style) runs."""

    context: ClassVar[str] = "page"
    title: str
    lines: tuple[tuple[tuple[str, str], ...], ...]
    choices: tuple[Choice, ...] = ()
    index: int = 0
    top: int = 0
    arguments: Mapping[str, Any] = field(default_factory=dict)
    name: str = ""
    foot: str = ""
    """Its additional keys, in words."""


Overlay: TypeAlias = Picker | PartEditor | Form | Page


def standing(items: tuple[Item, ...], key: str, title: str = "") -> tuple[tuple[Item, ...], int]:
    """The items and the place of the one that is chosen now, so that Enter changes nothing.

    What is in use and not offered (an old name, a path from elsewhere) stands first.
    """
    place = next((place for place, item in enumerate(items) if item.key == key), None)
    if place is not None or not key:
        return items, place or 0
    return (Item(key, title or key, detail="as it is"), *items), 0


def search(items: tuple[Item, ...], query: str) -> tuple[Item, ...]:
    """Items that hold every word of the query, in title, key, detail or keywords; hits in the title come first."""
    words = query.lower().split()
    if not words:
        return items
    found: list[tuple[int, int, Item]] = []
    for place, item in enumerate(items):
        title, key = item.title.lower(), item.key.lower()
        everything = f"{title} {key} {item.detail} {item.group} {item.keys} {item.hint}".lower()
        if not all(word in everything for word in words):
            continue
        rank = 0
        for word in words:
            if title.startswith(word):
                continue
            rank += 1 if f" {word}" in title else 2 if word in title else 3 if word in key else 5
        found.append((rank, place, item))
    return tuple(item for _, _, item in sorted(found, key=lambda hit: hit[:2]))
