"""The page of the grammar: railroad diagrams of `mtls_tui.lang.grammar`, drawn by pyparsing. Used by reference.py."""

from __future__ import annotations

import io

from pyparsing.diagram import to_railroad

from mtls_tui.lang import grammar

NOTE = "<!-- made by docs/reference.py: change mtls_tui/lang/grammar.py, not this page -->\n"
PAGE = """\
# The language: grammar

What an expression looks like, drawn from [`mtls_tui/lang/grammar.py`](../mtls_tui/lang/grammar.py). It is syntax
alone: which names there are, and what may stand beside what, is in [language.md](language.md). Boxes with square
corners are other diagrams of this page; those with round corners are signs and regular expressions.

Between the parts there may be spaces and line ends, except before a `[`. A tab is not a blank, and there are no
comments.
"""
PARTS = {
    "expression": "The whole. `and` binds tighter than `xor`, and `xor` tighter than `or`.",
    "exclusive disjunction": "",
    "conjunction": "",
    "condition": "One condition, with any number of negations before it. `not` takes the whole comparison after it.",
    "negation": "",
    "group": "",
    "quantifier": "Whether the argument, an array, is true for one or for all of its elements.",
    "always": "",
    "comparison": "A value and what it is compared with; a Boolean value stands alone.",
    "comparison tail": "",
    "membership": "",
    "regex match": "",
    "wildcard match": "",
    "ordering": "",
    "operand": "A name that is known is a value. Anything else is read as a literal first: `ab:cd` is a byte string.",
    "literal set": "All items are of one kind.",
    "value": "A field or a call, with indexes.",
    "name": "",
    "arguments": "",
    "index": "`[*]` stands for each element.",
    "key": "",
    "argument": "A logical argument has its own parentheses or begins with `not`.",
    "logical argument": "",
    "compared": "",
    "literal argument": "",
    "literal": "The longest that fits, unless the left side says which type it is.",
    "string": "Quoted, or raw with any number of `#`.",
    "byte string": "",
    "integer": "Decimal, `0x` hexadecimal, octal after a `0`. All digits are taken at once: `10fe` is an error.",
    "integer item": "",
    "address": "",
    "address item": "An address, a network or a range.",
    "list name": "",
    "regex": "A quote inside `[ ]` does not end it.",
    "wildcard": "",
}


def pages() -> dict[str, str]:
    """The page and its diagrams by file name, below docs/."""
    drawn = {diagram.name: diagram.diagram for diagram in to_railroad(grammar.expression, vertical=4)}
    made = {}
    text = NOTE + PAGE
    for name, words in PARTS.items():
        file = f"grammar/{name.replace(' ', '-')}.svg"
        picture = io.StringIO()
        drawn[name].writeStandalone(picture.write)
        made[file] = picture.getvalue().rstrip() + "\n"
        text += f"\n## {name}\n\n" + (f"{words}\n\n" if words else "") + f"![{name}]({file})\n"
    return {"grammar.md": text, **made}
