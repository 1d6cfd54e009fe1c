"""What can't be compiled, and why."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

Kind: TypeAlias = Literal["field", "function", "bound"]
"""`field`: Envoy's Lua can't know it; `function`: not written in Lua; `bound`: it would become too large."""


@dataclass(frozen=True, slots=True)
class Refused:
    """Why a rule, or all of them, is put to the decision service instead.

    `name` is the field, the function or the bound; `reason` is one sentence; `place` the clause as text ("" for all of
    the rules), `rule` the ref of the rule ("" for all).
    """

    kind: Kind
    name: str
    reason: str
    place: str = ""
    rule: str = ""


class RefusedError(Exception):
    """Raised while a clause is compiled. Never leaves the package."""

    def __init__(self, kind: Kind, name: str, reason: str) -> None:
        super().__init__(reason)
        self.kind, self.name, self.reason = kind, name, reason
