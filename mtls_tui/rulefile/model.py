"""A rule file as immutable data: what the text says, the text itself, and what is wrong with it.

Every `with_…` method gives a new `RuleFile` made from an edited text in which comments, order and untouched lines
are as before; so undo is a stack of rule files. Problems of meaning (a PEM that isn't there, an expression that
doesn't parse) don't stop an edit: they stand in `problems` until they are cured.
"""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from mtls_tui.engine.model import Response, Rule
from mtls_tui.lang.ast import Expression
from mtls_tui.rulefile.errors import Problem, RuleFileError
from mtls_tui.rulefile.schema import VERSION, HostEntry, ListEntry, RuleEntry, TestEntry

if TYPE_CHECKING:
    from collections.abc import Iterable

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
    tests: tuple[TestEntry, ...] = ()
    expressions: tuple[Expression | None, ...] = ()
    problems: tuple[Problem, ...] = ()
    read_digest: str | None = None
    places: Places | None = field(default=None, compare=False, repr=False)

    # --- looking -------------------------------------------------------------------------------------------------

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
        return _engine_rule(self.rules[index], self._expression(index))

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

    # --- changing: pure, each gives a new rule file ----------------------------------------------------------------

    def with_text(self, text: str) -> RuleFile:
        """The same file with another text; `RuleFileError` when the text is no rule file at all."""
        from mtls_tui.rulefile.reading import reread

        return reread(self, text)

    def with_rule(self, index: int, **changes: Any) -> RuleFile:
        """Rule `index` with some keys changed; None takes a key out.

        `ref`, `expression` (text or `Expression`), `description`, `action`, `enabled`, `shadow`, `response` (a
        `ResponseEntry`, `Response` or mapping).
        """
        return self._edit("update", "rules", index, changes)

    def with_new_rule(self, rule: RuleEntry | Mapping[str, Any], at: int | None = None) -> RuleFile:
        """With a rule inserted before position `at` (None: after the last)."""
        return self._edit("insert", "rules", at, rule)

    def without_rule(self, index: int) -> RuleFile:
        """Without rule `index` and the comment that stands on it."""
        return self._edit("remove", "rules", index)

    def with_rule_moved(self, index: int, to: int) -> RuleFile:
        """With rule `index` at position `to` of the new order; the comment on it moves along."""
        return self._edit("move", "rules", index, to)

    def with_rule_copied(self, index: int) -> RuleFile:
        """With a copy of rule `index` right after it, under a fresh ref."""
        ref = fresh_name(self.rules[index].ref, {rule.ref for rule in self.rules})
        return self._edit("copy", "rules", index, {"ref": ref})

    def with_mtls_rule(
        self,
        name: str,
        hostnames: Iterable[str],
        *,
        at: int | None = None,
        ref: str | None = None,
        block_revoked: bool = False,
        **host_settings: Any,
    ) -> RuleFile:
        """With Cloudflare's default mTLS rule for some host names: block when no valid certificate is presented.

        A revoked certificate still counts as valid in it, unless `block_revoked`.

        `name` becomes the description, and the ref when none is given. Host names that the file doesn't have yet are
        added with `mtls = true` and `host_settings` (`anchors`, `upstream`, …).
        """
        from mtls_tui.rulefile.seeds import add_mtls_rule

        return add_mtls_rule(self, name, hostnames, at=at, ref=ref, block_revoked=block_revoked, **host_settings)

    def with_host(self, index: int, **changes: Any) -> RuleFile:
        """Host `index` with some keys changed; None takes a key out."""
        return self._edit("update", "hosts", index, changes)

    def with_new_host(self, host: HostEntry | Mapping[str, Any], at: int | None = None) -> RuleFile:
        """With a host inserted before position `at` (None: after the last)."""
        return self._edit("insert", "hosts", at, host)

    def without_host(self, index: int) -> RuleFile:
        """Without host `index`."""
        return self._edit("remove", "hosts", index)

    def with_host_moved(self, index: int, to: int) -> RuleFile:
        """With host `index` at position `to`."""
        return self._edit("move", "hosts", index, to)

    def with_host_copied(self, index: int, name: str) -> RuleFile:
        """With a copy of host `index` right after it, under another name."""
        return self._edit("copy", "hosts", index, {"name": name})

    def with_list(self, name: str, **changes: Any) -> RuleFile:
        """List `name` with some keys changed (`kind`, `items`, `description`)."""
        return self._edit("update", "lists", name, changes)

    def with_new_list(self, name: str, entry: ListEntry | Mapping[str, Any]) -> RuleFile:
        """With another list."""
        return self._edit("insert", "lists", name, entry)

    def without_list(self, name: str) -> RuleFile:
        """Without list `name`; rules that use it then have a problem."""
        return self._edit("remove", "lists", name)

    def with_list_renamed(self, name: str, new: str) -> RuleFile:
        """With list `name` under another name, in its place, and every rule that uses it saying `$new`.

        KeyError when there is no such list, `RuleFileError` when the new name is taken.
        """
        from mtls_tui.rulefile.renaming import rename_list

        return rename_list(self, name, new)

    def with_list_copied(self, name: str, copy: str) -> RuleFile:
        """With a copy of list `name` under another name."""
        return self._edit("insert", "lists", copy, self.lists[name])

    def with_test(self, index: int, **changes: Any) -> RuleFile:
        """Test `index` with some keys changed; None takes a key out."""
        return self._edit("update", "tests", index, changes)

    def with_new_test(self, test: TestEntry | Mapping[str, Any], at: int | None = None) -> RuleFile:
        """With a test inserted before position `at` (None: after the last)."""
        return self._edit("insert", "tests", at, test)

    def without_test(self, index: int) -> RuleFile:
        """Without test `index`."""
        return self._edit("remove", "tests", index)

    def with_test_moved(self, index: int, to: int) -> RuleFile:
        """With test `index` at position `to`."""
        return self._edit("move", "tests", index, to)

    def with_test_copied(self, index: int) -> RuleFile:
        """With a copy of test `index` right after it."""
        name = fresh_name(self.tests[index].name, {test.name for test in self.tests}, " ")
        return self._edit("copy", "tests", index, {"name": name})

    def with_settings(self, **changes: Any) -> RuleFile:
        """With top-level keys changed: `anchors`, `intermediates`, `crls`."""
        return self._edit("settings", "", None, changes)

    def _edit(self, verb: str, section: str, where: Any, what: Any = None) -> RuleFile:
        from mtls_tui.rulefile import edits

        return self.with_text(edits.apply(self, verb, section, where, what))


def fresh_name(name: str, taken: set[str], separator: str = "-") -> str:
    """`name` with the lowest number that makes it new: `mtls-api-2`."""
    number = 2
    while f"{name}{separator}{number}" in taken:
        number += 1
    return f"{name}{separator}{number}"


def _engine_rule(entry: RuleEntry, expression: Expression) -> Rule:
    response = entry.response
    return Rule(
        ref=entry.ref,
        expression=expression,
        action=entry.action,
        description=entry.description,
        enabled=entry.enabled,
        response=Response(response.status, response.content_type, response.body) if response else None,
        shadow=entry.shadow,
    )
