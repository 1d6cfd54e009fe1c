"""Findings as annotations of a change: GitHub's workflow commands, and GitLab's Code Quality report."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import PurePath
from typing import Any

from mtls_tui.analysis import Found

_GITHUB = {"error": "error", "warning": "warning", "info": "notice"}
_GITLAB = {"error": "critical", "warning": "major", "info": "info"}


def github(found: Sequence[Found]) -> Iterator[str]:
    """A line for each finding: `::warning file=…,line=…::…` ("Workflow commands for GitHub Actions")."""
    for entry in found:
        problem = entry.problem
        place = {"file": problem.file, "line": problem.line, "col": problem.column, "title": problem.code}
        given = ",".join(f"{key}={_property(str(value))}" for key, value in place.items() if value)
        yield f"::{_GITHUB[entry.severity]} {given}::{_data(_text(entry))}"


def gitlab(found: Sequence[Found]) -> list[dict[str, Any]]:
    """The report of "Code Quality": fingerprints stay the same while lines move, and differ from each other."""
    seen: Counter[str] = Counter()
    report = []
    for entry in found:
        problem = entry.problem
        subject = "\0".join((problem.file, problem.code, entry.rule or problem.key, problem.message))
        seen[subject] += 1
        fingerprint = hashlib.sha256(f"{subject}\0{seen[subject]}".encode("utf-8", "surrogateescape")).hexdigest()
        report.append(
            {
                "description": _text(entry),
                "check_name": problem.code,
                "fingerprint": fingerprint,
                "severity": _GITLAB[entry.severity],
                "location": {"path": PurePath(problem.file).as_posix(), "lines": {"begin": max(problem.line, 1)}},
            }
        )
    return report


def _text(entry: Found) -> str:
    problem = entry.problem
    return f"{problem.message} ({problem.cure})" if problem.cure else problem.message


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
