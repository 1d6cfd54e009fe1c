"""From a key to an action: by what floats, then by the focused part, then everywhere. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeAlias

from mtls_tui.tui.registry.parts import CONTEXTS
from mtls_tui.tui.registry.register import ACTIONS, context_of, load
from mtls_tui.tui.state import textbuffer
from mtls_tui.tui.state.document import Document

if TYPE_CHECKING:
    from mtls_tui.tui.action_ids import ActionId

ALWAYS = frozenset({"quit", "screen.redraw", "mouse.toggle", "theme.choose"})
"""Actions that work whatever floats."""
_SIGNS = {
    "exclamation_mark": "!", "equals_sign": "=", "left_parenthesis": "(", "right_parenthesis": ")", "ampersand": "&",
    "vertical_line": "|", "slash": "/", "question_mark": "?", "full_stop": ".", "comma": ",", "minus": "-", "plus": "+",
    "colon": ":", "semicolon": ";", "asterisk": "*", "percent_sign": "%", "dollar_sign": "$", "number_sign": "#",
    "at": "@", "less_than_sign": "<", "greater_than_sign": ">", "circumflex_accent": "^", "tilde": "~",
    "left_square_bracket": "[", "right_square_bracket": "]", "underscore": "_", "apostrophe": "'",
    "quotation_mark": '"', "backslash": "\\", "grave_accent": "`", "left_curly_bracket": "{",
    "right_curly_bracket": "}",
}  # fmt: skip

Keymap: TypeAlias = "dict[str, dict[str, ActionId]]"
Meant: TypeAlias = "tuple[ActionId, dict[str, Any]]"
"""An action with its arguments."""


def build(changes: Mapping[str, tuple[str, ...]] | None = None) -> Keymap:
    """The keys of every context; `changes` are the user's, by action."""
    changes = changes or {}
    found: Keymap = {context: {} for context in CONTEXTS}
    for one in load().values():
        for key in changes.get(one.id, one.keys):
            found[one.context].setdefault(key, one.id)
    return found


def normal(key: str, character: str | None) -> str:
    """A key as the register names it: `!` rather than `exclamation_mark`, `K` rather than `upper_k`."""
    if character and len(character) == 1 and character.isprintable() and character != " ":
        return character
    return _SIGNS.get(key, key)


def resolve(document: Document, key: str, character: str | None, keymap: Keymap) -> Meant | None:
    """The action that a key stands for now, with its arguments; None if it stands for nothing."""
    context = context_of(document)
    name = normal(key, character)
    printable = character is not None and len(character) == 1 and character.isprintable()
    here = keymap[context]
    typing = CONTEXTS[context].typing
    if typing is not None:
        if context == "text" and document.view.completing and key in {"up", "down", "tab", "enter", "escape"}:
            return ("text.close", {}) if key == "escape" else ("text.key", {"key": key})
        if not printable and name in here:
            return here[name], {}
        if not printable and key not in textbuffer.KEYS and context == "text" and name in keymap["global"] and (
            key not in {"tab", "shift+tab"}
        ):  # fmt: skip
            return keymap["global"][name], {}
        if context != "text" and not printable and key not in textbuffer.KEYS and name in keymap["global"]:
            always = keymap["global"][name] in ALWAYS
            return (keymap["global"][name], {}) if always else ("overlay.first", {"wanted": keymap["global"][name]})
        return typing.key, {"key": key, "character": character if printable else None}
    if name in here:
        return here[name], {}
    if context == "page" and name in keymap["global"]:
        always = keymap["global"][name] in ALWAYS
        return (keymap["global"][name], {}) if always else ("overlay.first", {"wanted": keymap["global"][name]})
    if context == "page":
        return None
    found = keymap["global"].get(name)
    if found is None or (document.board and not ACTIONS[found].over_boards):
        return None
    return found, {}


def pasted(document: Document, text: str) -> Meant | None:
    """What a paste means: text in a text field; else a curl command, a certificate or an expression, by its form."""
    context = context_of(document)
    if context == "picker" and "-----BEGIN" in text:
        return "simulator.set_certificate", {"key": text}
    typing = CONTEXTS[context].typing
    if typing is not None:
        return typing.paste, {"text": text}
    if document.overlay is not None or document.board:
        return None
    stripped = text.strip()
    if "-----BEGIN" in stripped:
        return "simulator.paste_pem", {"text": text}
    if stripped.startswith(("curl ", "$ curl ")):
        return "simulator.take_curl", {"text": stripped}
    if document.view.focus in {"builder", "hosts"} and document.rule is not None and stripped:
        return "text.paste_over", {"text": stripped}
    return None
