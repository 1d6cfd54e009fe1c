"""Named styles in five dresses.

Colours come from the 256-colour palette: half the bytes of true colour, and the same look in every terminal that
people reach over SSH; `ansi` uses the terminal's own sixteen.

A meaning never hangs on colour alone: what a style says is also said by a sign or a word.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from rich.color import Color
from rich.style import Style

_STYLES = {
    "text": "text", "strong": "bold text", "soft": "soft", "faint": "faint", "line": "line", "rail": "line",
    "accent": "accent", "accent-strong": "bold accent", "good": "good", "good-strong": "bold good", "bad": "bad",
    "bad-strong": "bold bad", "warn": "warn", "error": "underline bad", "muted": "strike faint",
    "field": "field", "operator": "operator", "value": "value", "number": "number", "word": "bold word",
    "key": "bold accent on panel", "bar": "soft on panel", "bar-strong": "bold text on panel",
    "bar-good": "bold good on panel", "bar-bad": "bold bad on panel", "bar-warn": "warn on panel",
    "part": "flip on_accent on accent", "part-bad": "flip on_bad on bad", "selected": "flip on_accent on accent",
    "blocked": "bold flip on_bad on bad", "allowed": "bold flip on_good on good", "cursor": "reverse text",
    "clause": "text on here", "up": "text on raised",
}  # fmt: skip
"""As Rich writes styles, by roles: attributes, the role of the text, that of the background (`back` if none is named).

`flip` is reverse video where there are no colours: a background can't tell there what is chosen.
"""
_GROUNDS = {"here": "here", "up": "raised", "panel": "panel"}


@dataclass(frozen=True)
class Palette:
    """Colour numbers (0-255) by role; None is the terminal's own."""

    name: str
    title: str
    colours: Mapping[str, int | None]
    dark: bool = True
    _known: dict[str, Style] = field(default_factory=dict, init=False, repr=False, compare=False)

    def style(self, name: str) -> Style:
        """One style by name; `name@here` is it on the background of the cursor, `@up` on a raised one."""
        if name not in self._known:
            base, _, ground = name.partition("@")
            words, _, behind = _STYLES[base].partition(" on ")
            *how, text = words.split()
            plain = self.colours["accent"] is None
            how = ["reverse" if word == "flip" else word for word in how if word != "flip" or plain]
            back = self.colours[behind or "back"]
            if ground:
                raised = self.colours[_GROUNDS[ground]]
                back = back if raised is None else raised
                how += ["underline"] * (ground == "here" and raised is None)
            self._known[name] = Style.parse(" ".join(how)) + Style(
                color=_color(self.colours[text]), bgcolor=_color(back)
            )
        return self._known[name]


def _color(number: int | None) -> Color | None:
    return None if number is None else Color.from_ansi(number)


_ROLES = (
    "back", "panel", "raised", "here", "line", "text", "soft", "faint", "accent", "good", "bad", "warn", "field",
    "operator", "value", "word", "number", "on_accent", "on_bad", "on_good",
)  # fmt: skip


def _palette(name: str, title: str, *numbers: int | None, dark: bool = True) -> Palette:
    return Palette(name, title, MappingProxyType(dict(zip(_ROLES, numbers, strict=True))), dark)


THEMES: Mapping[str, Palette] = MappingProxyType({one.name: one for one in (
    _palette("dark", "Dark",
             234, 235, 236, 238, 240, 253, 248, 243, 117, 114, 210, 221, 153, 248, 186, 176, 216, 232, 232, 232),
    _palette("light", "Light",
             231, 255, 254, 252, 248, 234, 240, 244, 25, 28, 160, 130, 24, 240, 94, 90, 130, 231, 231, 231, dark=False),
    _palette("contrast", "High contrast",
             16, 16, 16, 18, 255, 231, 255, 252, 226, 46, 217, 226, 231, 255, 229, 231, 229, 16, 16, 16),
    _palette("ansi", "The terminal's 16 colours",
             None, None, None, None, 8, None, 7, 8, 6, 2, 1, 3, None, 7, 3, 5, 3, 0, 15, 0),
    _palette("mono", "No colours (NO_COLOR)", *[None] * len(_ROLES)),
)})  # fmt: skip
"""The dresses by name."""

DEFAULT = "dark"
