"""An expression as the lines of a tree: a group's heading with its items below it, each clause with its `not`s."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from mtls_tui.lang import ast
from mtls_tui.lang.describe import heading
from mtls_tui.lang.tree import Path


@dataclass(frozen=True, slots=True)
class TreeLine:
    """One line. `rail` are the branches before its text, `path` leads to what it says, `inner` to what is negated."""

    rail: str
    text: str
    path: Path
    inner: Path
    node: ast.Expr
    """What stands at `inner`: a clause or a group."""

    @property
    def negated(self) -> bool:
        """Whether it says the opposite of its node."""
        return (len(self.inner) - len(self.path)) % 2 == 1


def tree_lines(
    node: ast.Expr, written: Callable[[ast.Expr, Path], str], path: Path = (), rail: str = "", below: str = ""
) -> Iterator[TreeLine]:
    """The lines of a node at a path; `written` gives the text of a clause. `below` is the rail of the items' lines."""
    inner = path
    while isinstance(node, ast.Not):
        node, inner = node.item, (*inner, 0)
    text = heading(node) if isinstance(node, ast.Logical) else written(node, inner)
    yield TreeLine(rail, "not " * (len(inner) - len(path)) + text, path, inner, node)
    if isinstance(node, ast.Logical):
        for number, item in enumerate(node.items):
            branch, further = ("└ ", "  ") if number == len(node.items) - 1 else ("├ ", "│ ")
            yield from tree_lines(item, written, (*inner, number), below + branch, below + further)
