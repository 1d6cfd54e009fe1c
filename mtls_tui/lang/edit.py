"""Edits of an expression for the visual builder: pure functions that give a new expression, or a reason why not.

What an edit doesn't touch comes back byte for byte: the new text is spliced from the old one, so notation, spaces, line
breaks, redundant parentheses and forms of literals stay, and nothing but the new part is parsed. The result is the
same as parsing the new text, spans included.

Rows are addressed by path (see `tree`). An edit answers with an `Edit`, whose `path` leads to what was edited, or with
a `Refusal`. New parts are given as text, as a node, or as a `Fragment` cut from an expression. Edits don't check types:
a row may be wrong while it is being edited, and `check` says so.
"""

from __future__ import annotations

from mtls_tui.lang.edit_groups import set_join, toggle_join, unwrap, wrap
from mtls_tui.lang.edit_moves import move, move_down, move_up
from mtls_tui.lang.edit_rows import (
    Edit,
    EditResult,
    Refusal,
    add_after,
    duplicate,
    insert,
    negate,
    remove,
    replace_part,
    replace_row,
)
from mtls_tui.lang.edit_sets import add_item, remove_item
from mtls_tui.lang.splice import Fragment, NewRow, fragment, with_text
from mtls_tui.lang.tree import source

__all__ = [
    "Edit",
    "EditResult",
    "Fragment",
    "NewRow",
    "Refusal",
    "add_after",
    "add_item",
    "duplicate",
    "fragment",
    "insert",
    "move",
    "move_down",
    "move_up",
    "negate",
    "remove",
    "remove_item",
    "replace_part",
    "replace_row",
    "set_join",
    "source",
    "toggle_join",
    "unwrap",
    "with_text",
    "wrap",
]
