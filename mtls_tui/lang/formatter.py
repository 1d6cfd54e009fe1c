"""Canonical text of a syntax tree, on one line or on several. Knows no field and no type.

Literals keep the form they were written in, operators get their English notation, sets single spaces. Parentheses:
those that meaning or a reader needs (mixed operators, a group under `not`, a group of the same operator), and one pair
that the author gave to a group, to the whole, to a branch of `or` or `xor`, or to a comparison under `not`, since the
dashboard's builder writes such pairs. All others go. `parse(format(e)) == e`, and formatting twice changes nothing.
"""

from __future__ import annotations

from mtls_tui.lang import ast
from mtls_tui.lang.limits import MAX_LENGTH
from mtls_tui.lang.tree import EXPRESSIONS, Node, children


def format(expression: ast.Expression, *, width: int | None = None) -> str:  # noqa: A001 - its name in the front door
    """The canonical text: one line, or with a width in characters as many lines as it takes.

    Lines break before operators and between items of a set; what can't break (a long literal) may pass the width. Where
    the spaces of several lines would make a valid expression too long, it stays on one line.
    """
    text = format_node(expression.root, width=width)
    if width is not None and len(text) > MAX_LENGTH:
        one_line = format_node(expression.root)
        return one_line if len(one_line) <= MAX_LENGTH else text
    return text


def format_node(node: Node, *, width: int | None = None) -> str:
    """The canonical text of any node, as if it were the whole."""
    writer = _Writer(width)
    if isinstance(node, EXPRESSIONS):
        return writer.expression(node, pair=node.parens > 0, column=0, tail=0)
    return writer.operand(node, column=0, tail=0)


def quote(value: bytes) -> str:
    """A quoted string literal for these bytes: `"` and `\\` get a backslash, as the dashboard writes them.

    Bytes that are not UTF-8, and characters that don't print, become `\\xHH`.
    """
    parts = ['"']
    for char in value.decode("utf-8", "surrogateescape"):
        if char in '"\\':
            parts.append("\\" + char)
        elif char.isprintable():
            parts.append(char)
        else:
            parts.extend(f"\\x{byte:02x}" for byte in char.encode("utf-8", "surrogateescape"))
    parts.append('"')
    return "".join(parts)


def raw_quote(value: bytes) -> str:
    """A raw string literal (`r"..."`, with as many `#` as it takes).

    Raises ValueError if these bytes are not printable text or need more `#` than a literal can have.
    """
    text = value.decode()
    if not text.isprintable():
        raise ValueError("a raw string can't show characters that don't print")
    runs = [len(rest) - len(rest.lstrip("#")) for rest in text.split('"')[1:]]
    hashes = "#" * (max(runs) + 1 if runs else 0)
    if len(hashes) > 255:
        raise ValueError("a raw string has at most 255 `#`")
    return f'r{hashes}"{text}"{hashes}'


def needs_pair(node: ast.Expr, parent: ast.Expr | ast.Call | None) -> bool:
    """Whether the canonical text can't do without parentheses around `node` as a part of `parent`."""
    return isinstance(node, ast.Logical) and parent is not None


def keeps_pair(node: ast.Expr, parent: ast.Expr | ast.Call | None) -> bool:
    """Whether a pair that the author wrote around `node` stays."""
    if node.parens == 0:
        return False
    if isinstance(parent, ast.Call):
        return isinstance(node, ast.Test)  # without them it is a value, no expression
    if isinstance(parent, ast.Not):
        return isinstance(node, ast.Comparison | ast.Not)
    if isinstance(parent, ast.Logical):
        return parent.operator != "and"
    return True


class _Writer:
    """Lays nodes out within a width; `column` is where a node starts, `tail` how much must fit behind its last line."""

    def __init__(self, width: int | None) -> None:
        self.width = width
        self._flat: dict[int, str] = {}

    def _fits(self, text: str, column: int, tail: int) -> bool:
        return self.width is None or column + len(text) + tail <= self.width

    def expression(self, node: ast.Expr, *, pair: bool, column: int, tail: int) -> str:
        if pair:
            inner = self.expression(node, pair=False, column=column + 1, tail=tail + 1)
            return f"({inner})"
        text = self.flat(node)
        if self._fits(text, column, tail):
            return text
        match node:
            case ast.Logical():
                lines = []
                last = len(node.items) - 1
                for place, item in enumerate(node.items):
                    lead = f"{node.operator} " if place else ""
                    after = tail if place == last else 0
                    lines.append(lead + self._part(item, node, column + len(lead), after))
                return ("\n" + " " * column).join(lines)
            case ast.Not():
                return "not " + self._part(node.item, node, column + 4, tail)
            case ast.Comparison():
                left = self.operand(node.left, column, tail=0)
                head = f"{left} {node.operator} "
                return head + self.operand(node.right, _end_column(head, column), tail)
            case ast.Test():
                return self.operand(node.value, column, tail)
            case ast.Always():
                return text

    def _part(self, node: ast.Expr, parent: ast.Expr | ast.Call, column: int, tail: int) -> str:
        pair = needs_pair(node, parent) or keeps_pair(node, parent)
        return self.expression(node, pair=pair, column=column, tail=tail)

    def operand(self, node: Node, column: int, tail: int) -> str:
        if isinstance(node, EXPRESSIONS):
            return self.expression(node, pair=False, column=column, tail=tail)
        text = self.flat(node)
        if self._fits(text, column, tail):
            return text
        match node:
            case ast.Set():
                return "{" + self._filled([self.flat(item) for item in node.items], column + 1, tail + 1) + "}"
            case ast.Call():
                start = column + len(node.name) + 1
                last = len(node.arguments) - 1
                parts = []
                for place, argument in enumerate(node.arguments):
                    after = tail + 1 if place == last else 1
                    if isinstance(argument, EXPRESSIONS):
                        parts.append(self._part(argument, node, start, after))
                    else:
                        parts.append(self.operand(argument, start, after))
                return f"{node.name}(" + (",\n" + " " * start).join(parts) + ")"
            case ast.Index():
                key = text[len(self.flat(node.base)) :]
                return self.operand(node.base, column, tail + len(key)) + key
            case _:
                return text

    def _filled(self, items: list[str], column: int, tail: int) -> str:
        """Items on lines as full as the width allows, each line starting at `column`."""
        assert self.width is not None
        lines: list[str] = []
        line = ""
        for place, item in enumerate(items):
            room = self.width - column - (tail if place == len(items) - 1 else 0)
            if line and len(line) + 1 + len(item) > room:
                lines.append(line)
                line = item
            else:
                line = f"{line} {item}" if line else item
        lines.append(line)
        return ("\n" + " " * column).join(lines)

    def flat(self, node: Node) -> str:
        """The node on one line, without parentheses of its own."""
        text = self._flat.get(id(node))
        if text is not None:
            return text
        # parts before wholes, without recursion: a rule may be nested deeper than the caller has room on the stack
        pending: list[Node] = [node]
        order: list[Node] = []
        while pending:
            current = pending.pop()
            order.append(current)
            pending.extend(children(current))
        for current in reversed(order):
            self._flat[id(current)] = self._written(current)
        return self._flat[id(node)]

    def _flat_part(self, node: ast.Expr, parent: ast.Expr | ast.Call) -> str:
        text = self._flat[id(node)]
        return f"({text})" if needs_pair(node, parent) or keeps_pair(node, parent) else text

    def _written(self, node: Node) -> str:
        match node:
            case ast.Field(name=name):
                return name
            case ast.Comparison():
                return f"{self.flat(node.left)} {node.operator} {self.flat(node.right)}"
            case ast.Logical():
                return f" {node.operator} ".join(self._flat_part(item, node) for item in node.items)
            case ast.Not():
                return f"not {self._flat_part(node.item, node)}"
            case ast.Test():
                return self.flat(node.value)
            case ast.Always():
                return "true" if node.value else "false"
            case ast.Call():
                arguments = (
                    self._flat_part(argument, node) if isinstance(argument, EXPRESSIONS) else self.flat(argument)
                    for argument in node.arguments
                )
                return f"{node.name}({', '.join(arguments)})"
            case ast.Index():
                return f"{self.flat(node.base)}[{_key(node.key)}]"
            case ast.Set():
                return "{" + " ".join(self.flat(item) for item in node.items) + "}"
            case ast.Range():
                return f"{node.first.text}..{node.last.text}"
            case ast.ListName(name=name):
                return f"${name}"
            case ast.String() | ast.Integer() | ast.Address() | ast.Network() | ast.Pattern():
                return node.text


def _key(key: int | ast.String | None) -> str:
    if key is None:
        return "*"
    return key.text if isinstance(key, ast.String) else str(key)


def _end_column(text: str, column: int) -> int:
    """The column after `text` that starts at `column`."""
    head, newline, last = text.rpartition("\n")
    return len(last) if newline else column + len(head) + len(last)
