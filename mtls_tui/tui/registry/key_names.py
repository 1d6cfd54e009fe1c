"""Names of keys for people."""

from __future__ import annotations

_KEY_NAMES = {
    "enter": "⏎", "space": "␣", "escape": "Esc", "tab": "Tab", "shift+tab": "⇧Tab", "up": "↑", "down": "↓", "left": "←",
    "right": "→", "pageup": "PgUp", "pagedown": "PgDn", "delete": "Del", "backspace": "⌫", "home": "Home", "end": "End",
    "shift+up": "⇧↑", "shift+down": "⇧↓",
}  # fmt: skip


def key_name(key: str) -> str:
    """The name of a key for people: `^S`, `F1`, `⏎`."""
    if key in _KEY_NAMES:
        return _KEY_NAMES[key]
    if key == "ctrl+@":
        return "^Space"
    if key.startswith("ctrl+"):
        return "^" + key[5:].upper()
    if key.startswith("alt+"):
        return "Alt-" + key[4:]
    return key.upper() if len(key) > 1 and key[0] == "f" and key[1:].isdigit() else key
