"""What expressions look at, as far as it settles which parts of a request are one text."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from mtls_tui.engine.fields_of import canonical_field, walk
from mtls_tui.lang import ast

URI_FIELDS = {
    "http.request.uri.path": "path", "http.request.uri.path.extension": "extension", "http.request.uri": "uri",
    "http.request.uri.query": "query", "http.request.full_uri": "full",
}  # fmt: skip
"""The parts of a URI that fields are, but for `raw.`."""
PATH_FIELDS = frozenset(name for name, kind in URI_FIELDS.items() if kind != "query")


@dataclass(frozen=True)
class Uses:
    """What some expressions look at, as far as it settles which parts of a request are one text."""

    names: frozenset[str] = frozenset()
    """Fields that follow from the URI."""
    listed: frozenset[bytes] = frozenset()
    """Headers whose values are asked for one by one."""

    @classmethod
    def of(cls, nodes: Iterable[ast.Expr]) -> Uses:
        """Of some expressions."""
        names: set[str] = set()
        listed: set[bytes] = set()
        for root in nodes:
            for node in walk(root):
                match node:
                    case ast.Field(name=name) if "uri" in name:
                        names.add(canonical_field(name))
                    case (
                        ast.Index(base=ast.Field(name=name), key=ast.String(value=key))
                        | ast.Call(name="has_key", arguments=(ast.Field(name=name), ast.String(value=key)))
                    ) if canonical_field(name) == "http.request.headers":
                        listed.add(key)
        return cls(frozenset(names), frozenset(listed))

    def __or__(self, other: Uses) -> Uses:
        return Uses(self.names | other.names, self.listed | other.listed)

    @property
    def mode(self) -> str:
        """How much of the URI is one text."""
        kinds = {URI_FIELDS.get(name.removeprefix("raw.")) for name in self.names}
        return "full" if "full" in kinds else "target" if "uri" in kinds else "parts"

    @property
    def raw(self) -> bool:
        """Whether the path as received is looked at."""
        return any(f"raw.{name}" in self.names for name in PATH_FIELDS)

    @property
    def normal(self) -> bool:
        """Whether the path as rules see it is looked at."""
        return bool(PATH_FIELDS & self.names)
