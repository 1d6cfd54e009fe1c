"""Finding the rules that can match a request, by the value of a guard, in the order of the rules."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from heapq import merge
from typing import Any

from mtls_tui.engine.guards import HOST, LOWERED_HOST, GuardedField, best_guard, guards_of
from mtls_tui.lang.ast import Expression
from mtls_tui.lang.types import Fields

Positions = tuple[int, ...]


class RuleIndex:
    """Positions of expressions by the values of their guards.

    `tables` has for each subject the positions of the rules that need one of the values; `always` are the positions
    of the rules without a guard.
    """

    __slots__ = ("_readers", "always", "tables")

    def __init__(self, expressions: Iterable[Expression]) -> None:
        always: list[int] = []
        tables: dict[GuardedField, dict[Any, list[int]]] = {}
        for position, expression in enumerate(expressions):
            guard = best_guard(guards_of(expression.root))
            if guard is None:
                always.append(position)
                continue
            subject, values = guard
            if not values:  # no value satisfies it: the rule never holds
                continue
            table = tables.setdefault(subject, {})
            for value in values:
                table.setdefault(value, []).append(position)
        self._hold(
            tuple(always),
            {
                subject: {value: tuple(positions) for value, positions in table.items()}
                for subject, table in tables.items()
            },
        )

    def _hold(self, always: Positions, tables: dict[GuardedField, dict[Any, Positions]]) -> None:
        self.always = always
        self.tables = tables
        self._readers = [(subject.reader(), table) for subject, table in tables.items()]

    def without(self, unknown: frozenset[str]) -> RuleIndex:
        """The index when some fields (canonical names) are unknown: they can't tell that a rule does not match."""
        kept = {subject: table for subject, table in self.tables.items() if subject.name not in unknown}
        always = set(self.always)
        for subject, table in self.tables.items():
            if subject not in kept:
                always.update(*table.values())
        index = RuleIndex(())
        index._hold(tuple(sorted(always)), kept)
        return index

    def key(self, fields: Fields) -> tuple[Any, ...]:
        """The values that tell which rules can match; values that no rule asks for are None.

        Raises `TypeError` for a value that can't be compared with those of the rules.
        """
        found = []
        for read, table in self._readers:
            value = read(fields)
            if value in table:
                found.append(value)
            else:
                require_comparable(value, table)
                found.append(None)
        return tuple(found)

    def positions(self, key: Sequence[Any]) -> Positions:
        """The rules that can match for a key, in order."""
        lists = [table[value] for table, value in zip(self.tables.values(), key, strict=True) if value is not None]
        return tuple(merge(self.always, *lists)) if lists else self.always

    def known(self, key: Sequence[Any]) -> dict[GuardedField, Any]:
        """What a key says of the request."""
        return {subject: value for subject, value in zip(self.tables, key, strict=True) if value is not None}

    def positions_for_host(self, host: bytes) -> Positions:
        """The rules that can match when only the host is known, in order."""
        found = set(self.always)
        for subject, table in self.tables.items():
            if subject == HOST:
                found.update(table.get(host, ()))
            elif subject == LOWERED_HOST:
                found.update(table.get(host.lower(), ()))
            else:
                found.update(*table.values())
        return tuple(sorted(found))

    def positions_for_hosts(self, among: Callable[[bytes], bool]) -> Positions:
        """The rules that can match on some host for whose name, in lower case, `among` holds; in order."""
        found = set(self.always)
        for subject, table in self.tables.items():
            names_hosts = subject in (HOST, LOWERED_HOST)
            found.update(*(rules for name, rules in table.items() if not names_hosts or among(name.lower())))
        return tuple(sorted(found))


def require_comparable(value: Any, table: dict[Any, Positions]) -> None:
    """Raise `TypeError` when a value is neither missing nor of the class of the values that are asked for."""
    if value is not None and value.__class__ is not next(iter(table)).__class__:
        raise TypeError(f"a {value.__class__.__name__} can't be compared with what the rules ask for")
