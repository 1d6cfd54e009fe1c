"""A rule file as immutable data: what the text says, the text itself, and what is wrong with it.

Data, and ways of looking at it; the edits are the functions of `edit`.
"""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

from mtls_tui.engine.model import Rule
from mtls_tui.engine.rule_keys import engine_rule
from mtls_tui.lang.ast import Expression
from mtls_tui.rulefile.errors import Problem, RuleFileError
from mtls_tui.rulefile.schema import VERSION, HostEntry, ListEntry, PropertyEntry, RuleEntry, TestEntry

if TYPE_CHECKING:
    from mtls_tui.rulefile.places import Places


@dataclass(frozen=True)
class RuleFile:
    """What a rule file holds.

    `folder` is what relative paths are relative to; `path` is None for a text without a file. `expressions` has the
    parsed expression of each rule, None where it doesn't parse. `read_digest` is the SHA-256 of the bytes on disk
    that this rule file goes back to, None for a new one: `save` compares it with what is there.
    """

    text: str = ""
    folder: Path = field(default_factory=Path)
    path: Path | None = None
    version: int = VERSION
    anchors: tuple[str, ...] = ()
    intermediates: tuple[str, ...] = ()
    crls: tuple[str, ...] = ()
    hosts: tuple[HostEntry, ...] = ()
    lists: Mapping[str, ListEntry] = field(default_factory=lambda: MappingProxyType({}))
    rules: tuple[RuleEntry, ...] = ()
    properties: tuple[PropertyEntry, ...] = ()
    tests: tuple[TestEntry, ...] = ()
    expressions: tuple[Expression | None, ...] = ()
    problems: tuple[Problem, ...] = ()
    read_digest: str | None = None
    places: Places | None = field(default=None, compare=False, repr=False)

    @property
    def name(self) -> str:
        """The file as the user named it, for messages."""
        return str(self.path) if self.path else "<text>"

    @cached_property
    def digest(self) -> str:
        """SHA-256 (hex) of the text as it would be saved."""
        return hashlib.sha256(self.text.encode()).hexdigest()

    @property
    def changed(self) -> bool:
        """Whether the text differs from what was read from disk."""
        return self.digest != self.read_digest

    @property
    def usable(self) -> bool:
        """Whether there are no problems."""
        return not self.problems

    def raise_problems(self) -> RuleFile:
        """The rule file itself, or `RuleFileError` when it has problems."""
        if self.problems:
            raise RuleFileError(self.problems)
        return self

    def rule(self, index: int) -> Rule:
        """A rule as the engine takes it; `RuleFileError` when its expression is broken."""
        return engine_rule(self.rules[index], self._expression(index))

    @property
    def engine_rules(self) -> tuple[Rule, ...]:
        """All rules as the engine takes them; `RuleFileError` when an expression is broken."""
        return tuple(self.rule(index) for index in range(len(self.rules)))

    @property
    def engine_lists(self) -> dict[str, list[str | int]]:
        """The lists as the engine takes them."""
        return {name: list(entry.items) for name, entry in self.lists.items()}

    def index_of(self, ref: str) -> int:
        """The position of the rule named `ref`; KeyError when there is none."""
        for index, rule in enumerate(self.rules):
            if rule.ref == ref:
                return index
        raise KeyError(ref)

    def line_of(self, *path: str | int) -> int:
        """The line (1-based) of a key, such as `line_of("rules", 2, "expression")`, or of what would hold it."""
        return self.places.line(path) if self.places else 1

    def resolve(self, path: str) -> Path:
        """A path of the file as an absolute one."""
        given = Path(path)
        with contextlib.suppress(RuntimeError):  # `~name` of nobody: then it is a file of that name
            given = given.expanduser()
        return (self.folder / given).absolute()

    def _expression(self, index: int) -> Expression:
        expression = self.expressions[index]
        if expression is None:
            prefix = f"rules[{index}]."
            raise RuleFileError(
                [problem for problem in self.problems if problem.key.startswith(prefix)]
                or [Problem("expression", "the expression does not parse", self.name, key=f"{prefix}expression")]
            )
        return expression
