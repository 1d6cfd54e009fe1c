"""What checks write their findings into."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from mtls_tui.rulefile import materials
from mtls_tui.rulefile.errors import Problem
from mtls_tui.rulefile.model import RuleFile
from mtls_tui.rulefile.places import KeyPath, key_name


class ProblemReport:
    """Collects the problems of one rule file, each at the line of its key."""

    def __init__(self, rulefile: RuleFile) -> None:
        self.rulefile = rulefile
        self.problems: list[Problem] = []

    def add(self, code: str, path: KeyPath, message: str, cure: str) -> None:
        """A problem of the value at a path."""
        line, column = self.place(path)
        self.problems.append(
            Problem(code, message, self.rulefile.name, line, column, key=key_name(path), cure=cure),
        )

    def place(self, path: KeyPath) -> tuple[int, int]:
        """Line and column of a key, or of the table that should hold it."""
        places = self.rulefile.places
        place = places.find(path) if places else None
        return places.position(place.key) if places and place else (0, 0)

    def file(self, path: KeyPath, name: str, read: Callable[[Path], object]) -> None:
        """Report what stops a named file from being read."""
        try:
            read(self.rulefile.resolve(name))
        except materials.MaterialError as error:
            self.add(error.code, path, error.message, error.cure)
