"""Named styles in four dresses.

Colours come from the 256-colour palette: half the bytes of true colour, and the same look in every terminal that
people reach over SSH; `ansi` uses the terminal's own sixteen.

A meaning never hangs on colour alone: what a style says is also said by a sign or a word.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from types import MappingProxyType

from rich.color import Color
from rich.style import Style


@dataclass(frozen=True)
class Palette:
    """Colour numbers (0-255) by role; None is the terminal's own."""

    name: str
    title: str
    dark: bool
    back: int | None
    panel: int | None
    raised: int | None
    here: int | None
    line: int | None
    text: int | None
    soft: int | None
    faint: int | None
    accent: int | None
    good: int | None
    bad: int | None
    warn: int | None
    field: int | None
    operator: int | None
    value: int | None
    word: int | None
    number: int | None
    on_accent: int | None
    on_bad: int | None = 231
    on_good: int | None = 231

    @cached_property
    def styles(self) -> Mapping[str, Style]:
        """Every named style."""
        return MappingProxyType({name: self._style(*spec) for name, spec in self._table().items()})

    def style(self, name: str) -> Style:
        """One style by name; `name@here` is it on the background of the cursor, `@up` on a raised one."""
        found = self._cache.get(name)
        if found is None:
            base, _, ground = name.partition("@")
            found = self.styles[base]
            if ground:
                back = {"here": self.here, "up": self.raised, "panel": self.panel}[ground]
                found += self._style(None, back)
                if ground == "here" and back is None:
                    found += Style(underline=True)
            self._cache[name] = found
        return found

    @cached_property
    def _cache(self) -> dict[str, Style]:
        return {}

    @staticmethod
    def _style(color: int | None, back: int | None, how: str = "") -> Style:
        return Style.parse(how) + Style(
            color=None if color is None else Color.from_ansi(color),
            bgcolor=None if back is None else Color.from_ansi(back),
        )

    def _table(self) -> dict[str, tuple[int | None, int | None] | tuple[int | None, int | None, str]]:
        back = self.back
        # Without colours a background can't tell what is chosen: reverse video does.
        flip = "reverse" if self.accent is None else ""
        return {
            "text": (self.text, back),
            "strong": (self.text, back, "bold"),
            "soft": (self.soft, back),
            "faint": (self.faint, back),
            "line": (self.line, back),
            "accent": (self.accent, back),
            "accent-strong": (self.accent, back, "bold"),
            "good": (self.good, back),
            "good-strong": (self.good, back, "bold"),
            "bad": (self.bad, back),
            "bad-strong": (self.bad, back, "bold"),
            "warn": (self.warn, back),
            "field": (self.field, back),
            "operator": (self.operator, back),
            "value": (self.value, back),
            "number": (self.number, back),
            "word": (self.word, back, "bold"),
            "rail": (self.line, back),
            "muted": (self.faint, back, "strike"),
            "error": (self.bad, back, "underline"),
            "key": (self.accent, self.panel, "bold"),
            "bar": (self.soft, self.panel),
            "bar-strong": (self.text, self.panel, "bold"),
            "bar-good": (self.good, self.panel, "bold"),
            "bar-bad": (self.bad, self.panel, "bold"),
            "bar-warn": (self.warn, self.panel),
            "part": (self.on_accent, self.accent, flip),
            "part-bad": (self.on_bad, self.bad, flip),
            "blocked": (self.on_bad, self.bad, f"bold {flip}"),
            "allowed": (self.on_good, self.good, f"bold {flip}"),
            "cursor": (self.text, back, "reverse"),
            "selected": (self.on_accent, self.accent, flip),
            "clause": (self.text, self.here),
            "up": (self.text, self.raised),
        }


def _dark(name: str, title: str, **changes: int | None) -> Palette:
    base: dict[str, int | None] = {
        "back": 234, "panel": 235, "raised": 236, "here": 238, "line": 240, "text": 253, "soft": 248, "faint": 243,
        "accent": 117, "good": 114, "bad": 210, "warn": 221, "field": 153, "operator": 248, "value": 186,
        "word": 176, "number": 216, "on_accent": 232, "on_bad": 232, "on_good": 232,
    }  # fmt: skip
    return Palette(name=name, title=title, dark=True, **(base | changes))


THEMES: Mapping[str, Palette] = MappingProxyType(
    {
        "dark": _dark("dark", "Dark"),
        "light": Palette(
            name="light", title="Light", dark=False,
            back=231, panel=255, raised=254, here=252, line=248, text=234, soft=240, faint=244,
            accent=25, good=28, bad=160, warn=130, field=24, operator=240, value=94,
            word=90, number=130, on_accent=231,
        ),
        "contrast": Palette(
            name="contrast", title="High contrast", dark=True,
            back=16, panel=16, raised=16, here=18, line=255, text=231, soft=255, faint=252,
            accent=226, good=46, bad=217, warn=226, field=231, operator=255, value=229,
            word=231, number=229, on_accent=16, on_bad=16, on_good=16,
        ),
        "ansi": Palette(
            name="ansi", title="The terminal's 16 colours", dark=True,
            back=None, panel=None, raised=None, here=None, line=8, text=None, soft=7, faint=8,
            accent=6, good=2, bad=1, warn=3, field=None, operator=7, value=3,
            word=5, number=3, on_accent=0, on_bad=15, on_good=0,
        ),
        "mono": Palette(
            name="mono", title="No colours (NO_COLOR)", dark=True,
            back=None, panel=None, raised=None, here=None, line=None, text=None, soft=None, faint=None,
            accent=None, good=None, bad=None, warn=None, field=None, operator=None, value=None,
            word=None, number=None, on_accent=None, on_bad=None, on_good=None,
        ),
    }
)  # fmt: skip
"""The dresses by name."""

DEFAULT = "dark"
