"""What lint says: one finding, and what is written about its kind in the reference page. Plain data."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias

from mtls_tui.engine.model import Rule
from mtls_tui.lang.ast import Span
from mtls_tui.lang.tree import Node

if TYPE_CHECKING:
    from mtls_tui.analysis.context import Context

Severity: TypeAlias = Literal["error", "warning", "info"]
"""`error`: can't work as written; `warning`: most likely not what was meant; `info`: worth knowing, often fine."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One place where a rule, or the whole, probably doesn't say what was meant.

    `rule` is the ref of the rule, "" when the finding is about the whole or a host; `span` counts characters of the
    text of that rule's expression, None when the finding is about the whole rule. `line` and `column` are 1-based in
    that text. `host` is the host that it is about, if it is about one.
    """

    code: str
    severity: Severity
    message: str
    hint: str = ""
    rule: str = ""
    span: Span | None = None
    line: int = 1
    column: int = 1
    host: str = ""
    fix: str | None = None
    """What to put in the place of `span` to be rid of the finding, where that is clear; `fixed` does it."""


@dataclass(frozen=True, slots=True)
class Hit:
    """What a check has found: in which rule (None: in the whole), at which node (None: the whole rule)."""

    rule: Rule | None
    node: Node | None
    message: str
    hint: str = ""
    host: str = ""
    severity: Severity | None = None
    """Instead of the check's own."""
    fix: str | None = None
    """A text for the place of the node, where the cure is clear."""


@dataclass(frozen=True, slots=True)
class Check:
    """A kind of finding: its code, its page in the reference (an example to avoid, a better one, why), its search."""

    code: str
    severity: Severity
    title: str
    why: str
    avoid: str
    prefer: str
    find: Callable[[Context], Iterable[Hit]]
