"""Settings and keys of the user: one TOML file in the XDG config folder that is checked key by key.

```toml
theme = "light"          # dark | light | contrast | ansi
mouse = true
cell_diff = true         # send only changed cells
[keys]
"row.mute" = "x"         # action = key, or several: "x space"
```
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from mtls_tui.files import FileError, read_bounded, write_atomically
from mtls_tui.tui.drawing.theme import DEFAULT, THEMES

LARGEST = 1_000_000
NAMED_KEYS = {
    "enter", "tab", "space", "escape", "backspace", "delete", "insert", "up", "down", "left", "right", "home", "end",
    "pageup", "pagedown", *(f"f{number}" for number in range(1, 21)),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Settings:
    """The user's settings; `problems` says what in the file can't be used, and where."""

    theme: str = ""
    """"" when it isn't set: the default, or no colours under NO_COLOR."""
    mouse: bool = True
    cell_diff: bool = True
    keys: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    problems: tuple[str, ...] = ()

    @property
    def theme_name(self) -> str:
        """The theme to use."""
        return self.theme or DEFAULT


def path_of() -> Path:
    """The path of the settings file."""
    from platformdirs import user_config_path

    return user_config_path("mtls-tui", appauthor=False) / "tui.toml"


def read(path: Path | None = None) -> Settings:
    """The settings. Defaults stand in for a missing file, and for each setting that has a mistake."""
    path = path or path_of()
    try:
        text = read_bounded(path, LARGEST, "settings file").decode("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        if isinstance(error, FileError) and error.code == "missing":
            return Settings()
        return Settings(problems=(f"{path}: can't be read: {error}",))
    return parse(text, str(path))


def parse(text: str, name: str = "tui.toml") -> Settings:
    """Settings from a text."""
    try:
        data = tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        return Settings(problems=(f"{name}: {error}",))
    problems: list[str] = []
    known = {"theme", "mouse", "cell_diff", "keys"}
    for key in data:
        if key not in known:
            problems.append(f"{name}:{_line(text, key)}: unknown key `{key}`{_nearest(key, known)}")
    theme = data.get("theme", "")
    if theme and theme not in THEMES:
        problems.append(f"{name}:{_line(text, 'theme')}: no theme `{theme}`{_nearest(str(theme), THEMES)}")
        theme = ""
    flags = {}
    for key in ("mouse", "cell_diff"):
        value = data.get(key, True)
        if not isinstance(value, bool):
            problems.append(f"{name}:{_line(text, key)}: `{key}` must be true or false")
            value = True
        flags[key] = value
    keys = _keys(data.get("keys", {}), text, name, problems)
    return Settings(str(theme), flags["mouse"], flags["cell_diff"], keys, tuple(problems))


def _keys(table: Any, text: str, name: str, problems: list[str]) -> dict[str, tuple[str, ...]]:
    from mtls_tui.tui.registry.register import load

    actions = load()
    found: dict[str, tuple[str, ...]] = {}
    if not isinstance(table, dict):
        problems.append(f"{name}:{_line(text, 'keys')}: `keys` must be a table")
        return found
    for action, keys in _flat(table).items():
        place = f"{name}:{_line(text, action)}"
        if action not in actions:
            problems.append(f"{place}: no action `{action}`{_nearest(action, actions)}")
            continue
        if not isinstance(keys, str):
            problems.append(f'{place}: a key must be a string, such as "ctrl+s"')
            continue
        wrong = [key for key in keys.split() if not _is_key(key)]
        if wrong:
            problems.append(
                f"{place}: `{wrong[0]}` is not a key: give a letter or sign, f1 to f20, enter, ctrl+s, shift+up, …"
            )
            continue
        found[action] = tuple(keys.split())
    _clashes(found, actions, name, problems)
    return found


def _clashes(found: dict[str, tuple[str, ...]], actions: Mapping[str, Any], name: str, problems: list[str]) -> None:
    """Report two actions of one context on one key: the later one would never be reached."""
    taken: dict[tuple[str, str], str] = {}
    for one in actions.values():
        for key in found.get(one.id, one.keys):
            other = taken.setdefault((one.context, key), one.id)
            if other != one.id and (one.id in found or other in found):
                problems.append(f"{name}: the key `{key}` would be both `{other}` and `{one.id}`")


def _flat(table: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    """`row.mute = "x"` without quotes is a table in TOML; it means the same."""
    flat: dict[str, Any] = {}
    for key, value in table.items():
        if isinstance(value, dict):
            flat |= _flat(value, f"{prefix}{key}.")
        else:
            flat[prefix + key] = value
    return flat


def _is_key(key: str) -> bool:
    *modifiers, last = key.split("+") if key != "+" else ["+"]
    return all(one in {"ctrl", "alt", "shift"} for one in modifiers) and (len(last) == 1 or last in NAMED_KEYS)


def _line(text: str, key: str) -> int:
    word = key.rsplit(".", 1)[-1]
    for number, line in enumerate(text.splitlines(), 1):
        if word in line.split("=")[0]:
            return number
    return 1


def _nearest(word: str, known: Any) -> str:
    close = get_close_matches(word, list(known), n=1)
    return f"; did you mean `{close[0]}`?" if close else ""


def write(name: str, value: str, path: Path | None = None) -> None:
    """Write one setting; the rest of the file stays, comments included."""
    import tomlkit

    path = path or path_of()
    try:
        document = tomlkit.parse(read_bounded(path, LARGEST, "settings file").decode("utf-8"))
    except FileError as error:
        if error.code != "missing":
            raise
        document = tomlkit.document()
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    document[name] = value
    write_atomically(path, tomlkit.dumps(document).encode(), mode=0o600)
