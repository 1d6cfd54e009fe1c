"""What can be wrong with a rule file, and how it is said: file, line, key, what is wrong, what to do."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from difflib import get_close_matches

from mtls_tui.lang.diagnostics import Diagnostic


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing wrong in one file.

    `line` and `column` are 1-based in the file (0 when the trouble is the file itself); `key` is the dotted path
    (`rules[2].expression`), "" for the whole file. `cure` says what to do. A wrong expression carries its
    `diagnostic`, whose own line and column count within the expression, and `detail`, the rendering with carets.
    """

    code: str
    message: str
    file: str = ""
    line: int = 0
    column: int = 0
    key: str = ""
    cure: str = ""
    detail: str = ""
    diagnostic: Diagnostic | None = None

    def __str__(self) -> str:
        place = self.file or "rule file"
        if self.line:
            place += f":{self.line}"
            if self.column:
                place += f":{self.column}"
        text = f"{place}: {self.key}: {self.message}" if self.key else f"{place}: {self.message}"
        if self.detail:
            text += "\n" + "\n".join(f"    {line}" for line in self.detail.split("\n"))
        elif self.cure:
            text += f"\n  cure: {self.cure}"
        return text


class RuleFileError(ValueError):
    """A rule file that can't be used. `problems` holds every finding, in the order of the file; never empty."""

    def __init__(self, problems: Problem | Iterable[Problem]) -> None:
        self.problems: tuple[Problem, ...] = (problems,) if isinstance(problems, Problem) else tuple(problems)
        super().__init__(self.problems)

    @property
    def problem(self) -> Problem:
        """The first problem."""
        return self.problems[0]

    def __str__(self) -> str:
        return "\n".join(str(problem) for problem in self.problems)


class ChangedOnDiskError(RuleFileError):
    """The file on disk is not the one that was read: saving would lose somebody's work."""


def nearest(word: str, known: Iterable[str]) -> str:
    """A sentence that proposes the nearest known name, or lists them all when none is near."""
    names = list(known)
    close = get_close_matches(word, names, n=1, cutoff=0.6)
    if close:
        return f"did you mean `{close[0]}`?"
    return "use one of: " + ", ".join(f"`{name}`" for name in names)
